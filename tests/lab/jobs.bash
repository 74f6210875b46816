# In a guest, for tests/lab/parts.bash, which gives the step: a job of alice's through sudo, the unit, and a reboot.
export HOME=/root
counted() { grep -c . /home/alice/count.out; }
has_counted() { [ "$(counted)" -ge "$1" ]; }
state_of() { [ "$(systemctl is-active "cedana-job@$1")" = "$2" ]; }
pid_of_job() { cedana client ps count --json | sed -n 's/.*"pid":\([0-9]*\),"supervisor".*/\1/p'; }
is_running() { cedana client ps count --json | grep -q '"state":"running"'; }
says() { journalctl --no-pager -b -u cedana-job@count | grep -q "$1"; }
# It counts on from what it had, without a gap, and as alice.
expect_counting() {
    local pid
    await 90 state_of count active
    await 60 has_counted $(($1 + 5))
    # It counts on meanwhile.
    cp /home/alice/count.out /root/seen
    seq "$(grep -c . /root/seen)" | cmp - /root/seen
    pid=$(pid_of_job)
    [ "$(stat -c %U "/proc/$pid")" = alice ] || fail "the program runs as $(stat -c %U "/proc/$pid")"
}
case "$1" in
begin)
    cd /home/alice || exit
    counting_program count.pl
    chmod 755 count.pl
    # The program has its file open itself: what it prints is no part of a checkpoint.
    printf '#!/bin/sh\nexec ./count.pl >>count.out\n' >job.sh
    chmod 755 job.sh
    printf 'JOB=--user alice -- /bin/sh -c "echo ran >>/home/alice/ran"\n' >short
    mkdir -p /etc/cedana/jobs
    mv short /etc/cedana/jobs/
    # As she would type it; what she may do more than that does not matter to this.
    runuser -u alice -- setsid sudo cedana client run --job count -- ./job.sh </dev/null >run.out 2>&1 &
    run=$!
    await 120 grep -qsx 5 count.out
    [ "$(stat -c %U count.out)" = alice ] || fail "it does not run as alice: $(ls -l count.out)"
    ! runuser -u alice -- cat /var/lib/cedana/count/job.json 2>/dev/null || fail "alice can read what root goes by"
    # A signal to sudo goes on to cedana.
    pkill -TERM -x sudo
    code=0
    wait "$run" || code=$?
    [ "$code" = 85 ] || fail "ended with $code: $(cat run.out)"
    ;;
unit)
    last=$(counted)
    printf 'JOB=--interval 10s --backoff 1s\n' >/etc/cedana/jobs/count
    systemctl enable --now cedana-job@count cedana-job@short
    expect_counting "$last"
    # What it has told systemd.
    systemctl show -p StatusText --value cedana-job@count | grep -q .
    await 30 grep -qsx ran /home/alice/ran
    counted >/root/before
    ;;
rebooted)
    expect_counting "$(cat /root/before)"
    says "goes on from"
    cedana client history count | grep -B 1 "  restoring" | tail -n 2 | head -n 1 | grep "checkpointed, goes on" || fail "$(cedana client history count | tail -n 20)"
    await 60 state_of short inactive
    [ "$(cat /home/alice/ran)" = ran ] || fail "what was done ran again: $(cat /home/alice/ran)"
    ;;
crashed)
    # The last checkpoint is no older than that.
    await 60 says "checkpoint count_"
    last=$(counted)
    kill -KILL "$(pid_of_job)"
    await 60 says "was ended by SIGKILL.*; brought back"
    await 60 is_running
    expect_counting "$((last > 100 ? last - 100 : 0))"
    counted >/root/before
    ;;
esac
