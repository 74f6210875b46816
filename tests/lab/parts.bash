# SPDX-License-Identifier: Apache-2.0
# The parts of scripts/lab, which sources this: each starts its guests, and says of all that it tries how that went. $lab/results keeps
# the last results: SUITE.PART has lines of what, a tab, and `yes` or why not; SUITE.services/ has what tests/lab/services found.

# The .deb of this checkout: made_package SUITE
made_package() {
    say "$1: building the package" >&2
    build_package "$1" -DCEDANA_ZSH_FOLDER=vendor-completions >&2
    packed "$1" DEB
}

# Installs it by apt, as a user would: put_package GUEST DEB
put_package() {
    put_into "$1" /root "$2"
    in_guest "$1" "apt-get install -y -q /root/$(basename "$2") >/root/install.txt 2>&1 || { tail -n 5 /root/install.txt; exit 1; }" </dev/null
}

install_package() { put_package "$1" "$(made_package "$2")"; }

# run_part PART SUITE DEB
run_part() {
    local part=${1%%:*}
    suite=$2 deb=$3 result=$lab/results/$2.$part only=""
    [ "$part" = "$1" ] || only=${1#*:}
    guests=()
    trap end EXIT
    mkdir -p "$lab/results"
    date +%F >"$lab/results/$suite.date"
    [ "$part" = services ] || rm -f "$result"
    "part_$part"
}

guest() {
    # That of somebody else is not ended with this part.
    ! runs "$1" || fail "there is a guest $1; end it by scripts/lab stop $1"
    guests+=("$1")
    start_guest "$1" "$suite"
    put_package "$1" "$deb"
    in_guest "$1" 'sed -n "s/^PRETTY_NAME=\"\(.*\)\"/\1/p" /etc/os-release; uname -r; systemctl --version | sed -n "1s/systemd \([0-9]*\).*/\1/p"
        criu --version | sed -n "s/^Version: //p"; cedana --version' </dev/null >"$lab/$1/system"
    mv "$lab/$1/system" "$lab/results/$suite.system"
}

# One line of the results, and of what is printed: note WHAT yes|WHY-NOT
note() {
    printf '%s\t%s\n' "$1" "$2" >>"$result"
    say "$suite: $1: $2"
}

on_one_line() { grep . | tail -n 8 | tr '\t\n' ' |' | sed -e 's/|$//' -e 's/|/ \/ /g'; }

# Runs the script at standard input as root in a guest: inside GUEST ARGUMENT…
inside() { { cat tests/lab/inside.bash; cat; } | in_guest "$1" bash -es "${@:2}" 2>&1; }

# The same, of which the result is noted; fails if the script does: tried WHAT GUEST ARGUMENT…
tried() {
    local said code=0
    said=$(inside "${@:2}") || code=$?
    if [ "$code" -eq 0 ]; then
        note "$1" yes
    else
        note "$1" "exit $code: $(on_one_line <<<"$said")"
        return 1
    fi
}

part_package() {
    local bad=0
    guest package
    # shellcheck disable=SC2016
    tried "installed by apt, in a version of this release" package <<<'dpkg-query -W -f "\${Version} \${db:Status-Status}" cedana | grep -q "~deb.* installed"' || bad=1
    tried "\`cedana check\` is content" package <<<'cedana check' || bad=1
    put_into package /root scripts/try-program scripts/rights.bash
    tried "a program: dump with --stop, list, verify, sign, restore" package <<<'/root/try-program' || bad=1
    # shellcheck disable=SC2016
    tried "the timer of a unit: \`systemctl enable --now cedana-dump@counter.timer\`" package <<'INSIDE' || bad=1
counting_program /usr/local/bin/counter
printf '[Service]\nExecStart=/usr/local/bin/counter\n' >/etc/systemd/system/counter.service
systemctl daemon-reload
systemctl start counter
systemctl enable --now cedana-dump@counter.timer
systemctl start cedana-dump@counter.service || { journalctl --no-pager -u cedana-dump@counter; exit 1; }
systemctl is-active counter cedana-dump@counter.timer
cedana client verify /var/lib/cedana/counter/*.zip | grep whole
INSIDE
    tried "\`systemctl enable --now cedana-dump@redis-server.timer\` fails at once, and its journal names the drop-in" package <<'INSIDE' || bad=1
systemctl start redis-server
! systemctl enable --now cedana-dump@redis-server.timer || fail "it was taken"
journalctl --no-pager -u cedana-check@redis-server | grep "PrivateUsers=no"
INSIDE
    tried "with the drop-in: the line of the README, a checkpoint by it, \`cedana unit\` and \`systemctl start\`" package <<'INSIDE' || bad=1
mkdir -p /etc/systemd/system/redis-server.service.d
printf '[Service]\nPrivateUsers=no\n' >/etc/systemd/system/redis-server.service.d/checkpoint.conf
systemctl daemon-reload
systemctl restart redis-server
systemctl enable --now cedana-dump@redis-server.timer
redis-cli set counter 41
systemctl start cedana-dump@redis-server
systemctl stop redis-server
cedana unit redis-server
systemctl start redis-server
[ "$(redis-cli incr counter)" = 42 ] || fail "the counter is $(redis-cli get counter)"
systemctl is-active redis-server
systemctl disable --now cedana-dump@redis-server.timer
INSIDE
    tried "\`cedana check --unit postgresql\` finds the service that it stands for" package <<'INSIDE' || bad=1
systemctl start postgresql
! cedana check --unit postgresql >said || fail "it needs a drop-in"
grep "postgresql@.*-main.service" said
grep "PrivateIPC=yes" said
INSIDE
    tried "removed and purged by apt, nothing of it left" package <<'INSIDE' || bad=1
systemctl disable --now cedana-dump@counter.timer
apt-get purge -y -q cedana
[ ! -e /usr/bin/cedana ] && [ ! -e /etc/logrotate.d/cedana ] && [ ! -e /lib/systemd/system/cedana-dump@.service ] && [ ! -e /lib/systemd/system/cedana-check@.service ] && [ ! -e /usr/libexec/cedana ]
INSIDE
    return "$bad"
}

# Of each service a line of JSON; those of services that are not tried this time stay.
part_services() {
    local code=0 line name names=()
    [ -z "$only" ] || { IFS=, read -ra names <<<"$only"; names=(--only "${names[@]}"); }
    guest services
    put_into services /root/trial tests/lab/services tests/lab/services.py
    in_guest services /root/trial/services "${names[@]}" </dev/null >"$lab/services/said" || code=$?
    mkdir -p "$lab/results/$suite.services"
    while read -r line; do
        name=${line#'{"service": "'}
        printf '%s\n' "$line" >"$lab/results/$suite.services/${name%%\"*}"
    done <"$lab/services/said"
    return "$code"
}

part_terminal() {
    guest terminal
    tried "a shell of alice in tmux: \`sudo cedana client dump --stop\` of the Python at its prompt; \`restore --foreground\` gives it back there" terminal \
        <tests/lab/terminal.bash
    # With a terminal of sshd, in which sudo asks for one of its own.
    TTY=1 in_guest terminal:alice sudo cedana client list >"$lab/terminal/list" </dev/null
    grep -q python "$lab/terminal/list" || fail "no list over ssh with a terminal: $(cat "$lab/terminal/list")"
    printf '%s\tyes\n' "\`sudo cedana client list\` over \`ssh -t\`" >>"$result"
}

# Two guests with one share: guests_on_nfs FIRST SECOND. The first is the server as well, and has its own share mounted.
guests_on_nfs() {
    local server
    PEER=$2 guest "$1"
    PEER=$1 guest "$2"
    server=10.9.0.$(cat "$lab/$1/number")
    inside "$1" serve <tests/lab/nfs.bash
    inside "$1" mount "$server" <tests/lab/nfs.bash
    inside "$2" mount "$server" <tests/lab/nfs.bash
}

part_nfs() {
    local bad=0
    guests_on_nfs nfs1 nfs2
    nfs_tried "dumped on one, restored on the other: it counts on in the file that both have" \
        "nfs1 dump /mnt/shared/checkpoints" "nfs2 restore /mnt/shared/checkpoints" || bad=1
    nfs_tried "and back" "nfs2 dump /mnt/shared/back" "nfs1 restore /mnt/shared/back" || bad=1
    nfs_tried "\`root_squash\`: a dump is refused, and the hint names the ways" \
        "nfs1 count" "nfs1 refused dump --name count.pl --dir /mnt/squashed" "nfs1 end" || bad=1
    nfs_tried "\`root_squash\`: dumped with \`security.strict_permissions\` off; the restore on the other is refused, and the hint names the ways" \
        "nfs1 lax" "nfs1 dump /mnt/squashed" "nfs2 refused restore latest --dir /mnt/squashed" || bad=1
    nfs_tried "\`root_squash\`: signed, and restored with \`security.trusted_keys\` on the other" \
        "nfs1 sign" "nfs1 dump /mnt/squashed" "nfs2 trust" "nfs2 restore /mnt/squashed" || bad=1
    return "$bad"
}

# Steps of tests/lab/nfs.bash, each in a guest: nfs_tried WHAT STEP…
nfs_tried() {
    local step said
    for step in "${@:2}"; do
        # shellcheck disable=SC2086
        said=$(inside $step <tests/lab/nfs.bash) && continue
        note "$1" "$step: $(on_one_line <<<"$said")"
        return 1
    done
    note "$1" yes
}

# One job of two hosts, on NFS: tests/lab/fights.
part_fights() {
    local said=$lab/fights.said
    guests_on_nfs fights1 fights2
    inside fights1 job <tests/lab/nfs.bash
    if tests/lab/fights fights1 fights2 "${FIGHTS:-20}" 2>&1 | tee "$said"; then
        note "one job of two guests on NFS, ${FIGHTS:-20} fights: both begin it, the supervisor killed, stopped, its network gone" yes
    else
        note "one job of two guests on NFS" "$(on_one_line <"$said")"
        return 1
    fi
}

part_reboot() {
    local bad=0 boot
    guest reboot
    inside reboot dump <tests/lab/reboot.bash
    boot=$(in_guest reboot cat /proc/sys/kernel/random/boot_id </dev/null)
    # The connection ends with it.
    in_guest reboot systemctl reboot </dev/null || true
    await_reboot reboot "$boot"
    tried "a program, dumped before and restored after: it counts on" reboot program <tests/lab/reboot.bash || bad=1
    tried "redis, dumped by \`cedana-dump@redis-server\` before, and back by \`cedana unit\` and \`systemctl start\` after: its counter is there" reboot redis <tests/lab/reboot.bash || bad=1
    return "$bad"
}

part_jobs() {
    local bad=0 boot
    guest jobs
    tried "a job of alice's, through sudo: it runs as alice, a signal to sudo ends it with a checkpoint" jobs begin <tests/lab/jobs.bash || bad=1
    tried "\`systemctl enable --now cedana-job@count\`: it goes on as alice" jobs unit <tests/lab/jobs.bash || bad=1
    tried "its program is killed: brought back from its checkpoint" jobs crashed <tests/lab/jobs.bash || bad=1
    boot=$(in_guest jobs cat /proc/sys/kernel/random/boot_id </dev/null)
    in_guest jobs systemctl reboot </dev/null || true
    await_reboot jobs "$boot"
    tried "the guest is booted anew: it goes on as alice, and what was done does not run again" jobs rebooted <tests/lab/jobs.bash || bad=1
    return "$bad"
}
