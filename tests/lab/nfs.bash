# In two guests, for tests/lab/parts.bash, which gives the step: each is one of a migration over NFS, or sets up a job there.
step=$1
# Of one process, and with a pid that is free in the other guest, which was the same until now.
start_counting() {
    echo 20000 >/proc/sys/kernel/ns_last_pid
    (cd /mnt/shared && exec setsid ./count.pl </dev/null >>count.out 2>&1) &
    await 30 grep -qx 5 /mnt/shared/count.out
    pgrep -x count.pl
}
# It counts on from what it had, without a gap.
expect_counting() {
    local counted
    await 60 grep -qx $(($1 + 5)) /mnt/shared/count.out
    pkill -x count.pl
    counted=$(grep -c . /mnt/shared/count.out)
    seq "$counted" | cmp - /mnt/shared/count.out
}
end_counting() { : >/mnt/shared/count.out; }

case "$step" in
serve)
    mkdir -p /srv/shared /srv/squashed
    # As what root of a client makes there.
    chown nobody:nogroup /srv/squashed
    printf '/srv/shared 10.9.0.0/24(rw,no_root_squash,no_subtree_check,fsid=1)\n/srv/squashed 10.9.0.0/24(rw,no_subtree_check,fsid=2)\n' >/etc/exports
    systemctl start nfs-server
    exportfs -ra
    counting_program /srv/shared/count.pl
    ;;
mount)
    mkdir -p /mnt/shared /mnt/squashed
    mount -t nfs "$2":/srv/shared /mnt/shared
    mount -t nfs "$2":/srv/squashed /mnt/squashed
    ;;
job)
    printf '#!/bin/sh\nexec /mnt/shared/count.pl >>/mnt/shared/count.out\n' >/mnt/shared/job.sh
    chmod 755 /mnt/shared/job.sh
    mkdir -m 0700 /mnt/shared/jobs
    ;;
count)
    end_counting
    start_counting
    ;;
end)
    pkill -x count.pl
    ;;
dump)
    end_counting
    pid=$(start_counting | tail -n 1)
    mkdir -p "$2"
    cedana client dump --pid "$pid" --dir "$2" --stop
    await 30 test ! -e "/proc/$pid"
    ;;
restore)
    last=$(tail -n 1 /mnt/shared/count.out)
    cedana client restore latest --dir "$2"
    expect_counting "$last"
    ;;
refused)
    # The words name the cause and the ways.
    ! said=$(cedana client "${@:2}" 2>&1) || fail "it was not refused: $said"
    for word in root_squash trusted_keys strict_permissions; do
        grep -q "$word" <<<"$said" || fail "not a word of $word: $said"
    done
    ;;
# Others could change what is dumped there: for that the hint says this.
lax)
    mkdir -p /root/.cedana
    echo '{ "security": { "strict_permissions": false } }' >/root/.cedana/cedana_config.json
    ;;
sign)
    mkdir -p /etc/cedana
    cedana config keygen /etc/cedana/signing.key
    cp /etc/cedana/signing.key.pub /mnt/shared/
    echo '{ "security": { "strict_permissions": false, "signing_key": "/etc/cedana/signing.key" } }' >/root/.cedana/cedana_config.json
    ;;
trust)
    mkdir -p /etc/cedana /root/.cedana
    cp /mnt/shared/signing.key.pub /etc/cedana/trusted_keys
    echo '{ "security": { "trusted_keys": "/etc/cedana/trusted_keys" } }' >/root/.cedana/cedana_config.json
    ;;
esac
