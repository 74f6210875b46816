# SPDX-License-Identifier: Apache-2.0
# For scripts/lab, which sources it after chroots.bash, as root: guests of stock Debian with its own kernel, under qemu's software
# emulation, so that no KVM is needed. All that is made is below $CEDANA_LAB (in /var/tmp): SUITE.image/ has the disk and the state of
# memory of a guest that has just booted, from which each guest starts in seconds; what a guest changes is forgotten when it ends.
lab=${CEDANA_LAB:-/var/tmp/cedana-lab}

guest_packages="linux-image-amd64 initramfs-tools zstd systemd-sysv dbus libpam-systemd udev kmod openssh-server sudo procps iproute2
    psmisc less perl python3 python3-minimal tmux curl util-linux redis-server nginx-light postgresql mariadb-server memcached cron
    nfs-kernel-server nfs-common"

in_chroot() { in_root "$1" "${@:2}" >>"$lab/$suite.log" 2>&1 || { tail -n 5 "$lab/$suite.log" >&2; fail "cannot make the image of $suite"; }; }

# The disk of a system with users root and alice, who may use sudo, and what services need; CRIU is that of the distribution where it is
# new enough, else the one that scripts/install-criu builds: make_disk SUITE ROOT
make_disk() {
    local suite=$1 root=$2 home criu
    fresh_root "$suite" "$root"
    in_chroot "$root" apt-get -q update
    mkdir -p "$root/etc/initramfs-tools/conf.d"
    echo 'MODULES=list' >"$root/etc/initramfs-tools/conf.d/lab"
    printf '%s\n' virtio_pci virtio_blk virtio_net ext4 crc32c_generic >"$root/etc/initramfs-tools/modules"
    # shellcheck disable=SC2086
    in_chroot "$root" apt-get -y -q --no-install-recommends install $guest_packages
    criu=$(in_root "$root" apt-cache policy criu | sed -n 's/^ *Candidate: //p')
    if dpkg --compare-versions "${criu:-0}" ge 4.0; then
        in_chroot "$root" apt-get -y -q --no-install-recommends install criu
    else
        mkdir "$root/root/scripts"
        cp scripts/{install-criu,install-packages,fetch-criu-source,rights.bash} "$root/root/scripts/"
        in_chroot "$root" /root/scripts/install-criu
        rm -r "$root/root/scripts"
    fi

    echo "$suite" >"$root/etc/hostname"
    printf '127.0.0.1 localhost %s\n' "$suite" >"$root/etc/hosts"
    printf '/dev/vda / ext4 defaults 0 0\n' >"$root/etc/fstab"
    printf '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' >"$root/etc/systemd/network/eth0.network"
    rm -f "$root/etc/resolv.conf"
    # qemu's own, which asks the servers of the host.
    printf 'nameserver 10.0.2.3\n' >"$root/etc/resolv.conf"
    in_chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 --groups sudo alice
    echo 'alice ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/alice"
    for home in root home/alice; do
        install -d -m 0700 "$root/$home/.ssh"
        install -m 0600 "$lab/key.pub" "$root/$home/.ssh/authorized_keys"
    done
    in_chroot "$root" chown -R alice:alice /home/alice
    in_chroot "$root" systemctl enable systemd-networkd ssh
    # A trial starts what it wants itself.
    in_chroot "$root" systemctl disable redis-server nginx postgresql mariadb memcached nfs-server
    in_chroot "$root" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer logrotate.timer \
        fstrim.timer systemd-networkd-wait-online.service
    : >"$root/etc/machine-id"
    rm -f "$root/usr/sbin/policy-rc.d"
}

# Boots SUITE once and keeps how it stands then: make_image SUITE
make_image() {
    local suite=$1 made=$lab/$1.image.partial root=$lab/$1.root
    [ ! -d "$lab/$suite.image" ] || return 0
    scripts/install-packages chroots lab
    mkdir -p "$lab"
    [ -f "$lab/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$lab/key"
    say "$suite: making the image"
    rm -rf --one-file-system "$made" "$root"
    mkdir -p "$made"
    make_disk "$suite" "$root"
    cp "$root"/boot/vmlinuz-* "$made/kernel"
    cp "$root"/boot/initrd.img-* "$made/initrd"
    # Without a journal: nothing outlives a guest.
    mkfs.ext4 -q -F -O ^has_journal -d "$root" "$made/installed" 6G
    rm -rf --one-file-system "$root"
    qemu-img create -q -f qcow2 -b installed -F raw "$made/disk"
    say "$suite: booting"
    mkdir -p "$lab/$suite-boot"
    echo 9 >"$lab/$suite-boot/number"
    emulate "$made" "$suite-boot" off
    await_ssh "$suite-boot" 600
    in_guest "$suite-boot" 'systemctl is-system-running --wait; systemctl --failed --no-legend; sync' >>"$lab/$suite.log" 2>&1 || true
    tell_emulator "$suite-boot" stop "migrate:exec:cat >$made/memory" quit
    await_end_of "$suite-boot"
    mv "$made" "$lab/$suite.image"
    say "$suite: booted, and kept at $lab/$suite.image"
}

port_of() { echo $((22200 + $(cat "$lab/$1/number"))); }

# Starts qemu in the background: emulate IMAGE NAME on|off OPTION…  (whether what is written to the disk is forgotten)
emulate() {
    local image=$1 name=$2 forgotten=$3 folder=$lab/$2
    shift 3
    rm -f "$folder/net" "$folder/monitor"
    # The second network device leads to the guest PEER, if there is one.
    TMPDIR=$folder setsid qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 \
        -nodefaults -display none -kernel "$image/kernel" -initrd "$image/initrd" \
        -append 'root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off nokaslr tsc=reliable quiet panic=10' \
        -drive "file=$image/disk,if=virtio,format=qcow2,cache=unsafe,snapshot=$forgotten" -device virtio-rng-pci \
        -netdev "user,id=n0,hostfwd=tcp:127.0.0.1:$(port_of "$name")-:22" -device virtio-net-pci,netdev=n0,romfile= \
        -netdev "dgram,id=n1,local.type=unix,local.path=$folder/net,remote.type=unix,remote.path=$lab/${PEER:-nobody}/net" \
        -device virtio-net-pci,netdev=n1,romfile= \
        -serial "file:$folder/console" -qmp "unix:$folder/monitor,server,nowait" "$@" </dev/null >"$folder/qemu.log" 2>&1 &
    echo $! >"$folder/pid"
    disown
    until [ -S "$folder/monitor" ]; do
        kill -0 "$(cat "$folder/pid")" 2>/dev/null || fail "qemu ended: $(tail -n 3 "$folder/qemu.log")"
        sleep 0.1
    done
}

# Whether the kernel of a guest of this part (which has its name) has panicked, so that it is worth another try: the emulator has its own
# faults (below).
kernel_gave_up() {
    local console
    for console in "$lab/${1%%:*}"{,1,2}/console; do
        grep -aqs 'Kernel panic' "$console" || continue
        cp "$console" "$console.panicked"
        say "the kernel of a guest has panicked, once more: $console.panicked"
        return 0
    done
    return 1
}

runs() { [ -f "$lab/$1/pid" ] && grep -aq qemu-system "/proc/$(cat "$lab/$1/pid")/cmdline" 2>/dev/null; }

# Commands for qemu, one after the other; the end of a migration is waited for, to here or from here: tell_emulator NAME COMMAND…
tell_emulator() {
    python3 - "$lab/$1/monitor" "${@:2}" <<'PYTHON'
import json, socket, sys, time
monitor = socket.socket(socket.AF_UNIX)
monitor.connect(sys.argv[1])
lines = monitor.makefile("rw")
lines.readline()

def tell(command, **arguments):
    lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    lines.flush()
    while True:
        answer = json.loads(lines.readline())
        if "error" in answer:
            sys.exit(f"qemu: {answer['error']['desc']}")
        if "return" in answer:
            return answer["return"]

tell("qmp_capabilities")
for command in sys.argv[2:]:
    name, _, uri = command.partition(":")
    if name == "cont":
        while tell("query-status")["status"] == "inmigrate":
            time.sleep(0.05)
    if name != "migrate":
        tell(name)
        continue
    # As fast as the disk takes it.
    tell("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
    tell("migrate", uri=uri)
    while (status := tell("query-migrate").get("status")) != "completed":
        if status in ("failed", "cancelled"):
            sys.exit(f"qemu: the migration {status}")
        time.sleep(0.2)
PYTHON
}

# One whose guest has died or was booted anew notices.
ssh_options=(-q -i "$lab/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=60 -o LogLevel=ERROR
    -o ServerAliveInterval=20 -o ServerAliveCountMax=9)

# Runs a command as root, or as USER: in_guest NAME[:USER] COMMAND…  TTY=1: with a terminal.
in_guest() {
    local name=${1%%:*} user=root
    [ "$1" = "$name" ] || user=${1#*:}
    ssh "${ssh_options[@]}" ${TTY:+-tt} -p "$(port_of "$name")" "$user@127.0.0.1" "${@:2}"
}

# Copies files and folders: put_into NAME FOLDER FILE…
put_into() {
    local file from=()
    for file in "${@:3}"; do
        from+=(-C "$(realpath "$(dirname "$file")")" "$(basename "$file")")
    done
    tar -cf - --exclude=__pycache__ "${from[@]}" | in_guest "$1" "mkdir -p '$2' && tar -C '$2' --no-same-owner -xf -"
}

await_ssh() {
    local name=$1 end=$((SECONDS + $2))
    until in_guest "$name" true 2>/dev/null </dev/null; do
        runs "$name" || fail "qemu ended: $(tail -n 3 "$lab/$name/qemu.log")"
        [ "$SECONDS" -lt "$end" ] || fail "$name has no ssh after $2 s: $(tail -n 5 "$lab/$name/console")"
        sleep 0.5
    done
}

await_end_of() {
    local pid
    pid=$(cat "$lab/$1/pid")
    while runs "$1"; do tail --pid="$pid" -f /dev/null; done
    rm -f "$lab/$1/pid"
}

# The lowest number that no guest has.
free_number() {
    local number folder
    for number in $(seq 1 89); do
        for folder in "$lab"/*/; do
            [ "$(cat "$folder/number" 2>/dev/null)" != "$number" ] || ! runs "$(basename "$folder")" || continue 2
        done
        echo "$number"
        return
    done
}

# CRIU sets breakpoints of the processor, which are perf events. With the first one and after the last one the kernel patches its scheduler
# (perf_sched_events of kernel/events/core.c), and the emulator's other processor may run into the breakpoint by which that is done, once it
# is gone: "Oops: int3" in __schedule, once in some hundred restores. So there is always one such event, after a boot of the guest too.
keep_scheduler_unpatched() {
    in_guest "$1" 'cat >/etc/systemd/system/perf-event.service
        systemctl enable --quiet --now perf-event.service' <<'UNIT'
[Service]
Type=notify
NotifyAccess=all
ExecStart=/usr/bin/python3 -c "import ctypes, os, signal, struct; attr = ctypes.create_string_buffer(struct.pack('IIQ', 1, 112, 9), 112); \
    fd = ctypes.CDLL(None, use_errno=True).syscall(298, attr, 0, -1, -1, 0); assert fd >= 0, os.strerror(ctypes.get_errno()); \
    os.system('systemd-notify --ready'); signal.pause()"
[Install]
WantedBy=sysinit.target
UNIT
}

# A guest of SUITE as it stood after its boot. Its number N stands in its port of 127.0.0.1 for ssh, 22200 + N, and in its address in the
# network of guests, 10.9.0.N: start_guest NAME SUITE [NUMBER]
start_guest() {
    local name=$1 suite=$2 number=${3:-$(free_number)} began=$SECONDS
    make_image "$suite"
    ! runs "$name" || fail "there is a guest $name; end it by scripts/lab stop $name"
    mkdir -p "$lab/$name"
    echo "$number" >"$lab/$name/number"
    emulate "$lab/$suite.image" "$name" on -incoming "exec:cat $lab/$suite.image/memory"
    # As it was stopped.
    tell_emulator "$name" cont
    await_ssh "$name" 300
    # Its clock stood still, and all guests of an image had one address.
    in_guest "$name" "date -u -s @$(date +%s) >/dev/null; hostnamectl set-hostname $name; echo 127.0.0.1 $name >>/etc/hosts
        ip link set eth1 address 52:54:00:00:01:$(printf %02d "$number"); ip addr add 10.9.0.$number/24 dev eth1; ip link set eth1 up" </dev/null
    keep_scheduler_unpatched "$name"
    say "$name runs $suite, after $((SECONDS - began)) s"
}

# Ends a guest at once: stop_guest NAME
stop_guest() {
    runs "$1" || return 0
    kill "$(cat "$lab/$1/pid")"
    await_end_of "$1"
}

# Waits until it has booted anew: await_reboot NAME BOOT-ID
await_reboot() {
    local end=$((SECONDS + 400))
    until [ "$(in_guest "$1" cat /proc/sys/kernel/random/boot_id 2>/dev/null </dev/null)" != "$2" ] && in_guest "$1" true 2>/dev/null </dev/null; do
        runs "$1" || fail "qemu ended: $(tail -n 3 "$lab/$1/qemu.log")"
        [ "$SECONDS" -lt "$end" ] || fail "$1 does not come back: $(tail -n 5 "$lab/$1/console")"
        sleep 1
    done
}
