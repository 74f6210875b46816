# SPDX-License-Identifier: Apache-2.0
# For the scripts beside it, which source it, as root: releases of Debian in folders, made by debootstrap from this system's own apt
# set-up. They are kept below $CEDANA_CHROOTS (in /var/tmp) for the next time; remove one to have it made anew.
chroots=${CEDANA_CHROOTS:-/var/tmp/cedana-chroots}

# The URI of this system's Debian, whatever suite it takes from there.
debian_mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sort -u | head -n 1
}

# A minimal system with the security suite; another script that makes it is waited for: base_root SUITE
base_root() (
    local suite=$1 root=$chroots/$1.base mirror lock
    scripts/install-packages chroots
    mkdir -p "$chroots"
    exec {lock}>"$chroots/$suite.lock"
    flock "$lock"
    [ ! -d "$root" ] || exit 0
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || { echo "apt has no Debian source configured: add one to /etc/apt/sources.list" >&2; return 1; }
    say "debootstrap $suite"
    rm -rf --one-file-system "$root.partial"
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root.partial" "$mirror" >"$chroots/$suite.log" 2>&1 ||
        { tail -n 5 "$chroots/$suite.log" >&2; return 1; }
    mirror=${mirror%/}
    printf 'deb %s %s main\ndeb %s-security %s-security main\n' "$mirror" "$suite" "$mirror" "$suite" >"$root.partial/etc/apt/sources.list"
    # How this system reaches its mirror, and what it takes from there.
    cp -a /etc/apt/apt.conf.d/. "$root.partial/etc/apt/apt.conf.d/"
    rm -f "$root.partial/etc/apt/apt.conf.d/"*{appstream,packagekit,debconf,autoremove}*
    echo force-unsafe-io >"$root.partial/etc/dpkg/dpkg.cfg.d/chroot"
    # Services are not started.
    printf '#!/bin/sh\nexit 101\n' >"$root.partial/usr/sbin/policy-rc.d"
    chmod +x "$root.partial/usr/sbin/policy-rc.d"
    mv "$root.partial" "$root"
)

# A system that has not been used yet: fresh_root SUITE FOLDER
fresh_root() {
    base_root "$1"
    rm -rf --one-file-system "$2"
    cp -a "$chroots/$1.base" "$2"
}

# The one that builds, with groups of scripts/install-packages; what is built stays in /build: build_root SUITE GROUP…
build_root() {
    local suite=$1 root=$chroots/$1.build
    shift
    [ -d "$root" ] || fresh_root "$suite" "$root"
    # Sources of another checkout may differ, and yet be older than what was built of them.
    [ "$(cat "$root/checkout" 2>/dev/null)" = "$PWD" ] || rm -rf --one-file-system "$root/build"
    printf '%s\n' "$PWD" >"$root/checkout"
    mkdir -p "$chroots/ccache" "$root/src" "$root/build" "$root/ccache"
    in_root "$chroots/$suite.build" /src/scripts/install-packages "$@"
}

# Runs a command as root of the folder, which is / of a mount namespace of its own: nothing stays mounted. The pid namespace is that of
# the system: in another one the kernel tells nobody of forks. The checkout is /src there, for reading alone, if there is a folder of that
# name; nothing else that whoever started this has open gets there: in_root ROOT COMMAND…
in_root() (
    close_descriptors
    exec unshare --mount bash -euc '
        root=$1 checkout=$2 ccache=$3
        shift 3
        mount --make-rprivate /
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount --rbind /sys "$root/sys"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/run"
        mkdir "$root/run/lock"
        if [ -d "$root/src" ]; then
            mount --bind -o ro "$checkout" "$root/src"
            mount --bind "$ccache" "$root/ccache"
        fi
        cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
        mkdir -p "$root/.outside"
        cd "$root"
        pivot_root . .outside
        umount --lazy /.outside
        cd /
        exec env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive CCACHE_DIR=/ccache \
            CCACHE_SLOPPINESS=pch_defines,time_macros PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ' in_root "$1" "$PWD" "$chroots/ccache" "${@:2}" </dev/null
)
