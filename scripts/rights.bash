# SPDX-License-Identifier: Apache-2.0
# For the scripts beside it, which source it: who may do what. What is installed and tested needs root; what is built belongs to
# the owner of the checkout, who can build on and remove it all as before.

# Starts the script again through sudo if this is not root: become_root "$@"
become_root() {
    [ "$(id -u)" -ne 0 ] || { as_root_itself; return; }
    local name=${0##*/} keep=() variable
    command -v sudo >/dev/null || { printf '%s: needs root, and there is no sudo here: run it as root\n' "$name" >&2; exit 1; }
    printf '%s: needs root: starting again with sudo\n' "$name" >&2
    # sudo forgets all others.
    for variable in $(compgen -e); do
        case "$variable" in
        CCACHE_* | CEDANA_CHROOTS | CEDANA_CRIU_SUITES | CEDANA_LAB | CEDANA_FUZZ_SECONDS | CEDANA_LINT_MINUTES | CEDANA_THOROUGH | *_proxy)
            keep+=("$variable=${!variable}") ;;
        esac
    done
    exec sudo -- env "${keep[@]}" "$(realpath "$0")" "$@"
}

as_root_itself() {
    # That of a user who came by su has no folders of root; dpkg ends where it does not find ldconfig.
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
    # What is tried here is root's: cedana would take the settings and the rights of the user behind sudo.
    unset SUDO_USER SUDO_UID SUDO_GID SUDO_COMMAND
}

# Runs a command as the owner of the checkout, in which the script is: as_owner COMMAND…
as_owner() {
    local owner home groups=--init-groups
    owner=$(stat -c %u .)
    [ "$(id -u)" -eq 0 ] && [ "$owner" -ne 0 ] || { "$@"; return; }
    home=$(getent passwd "$owner" | cut -d : -f 6) || home=""
    # A checkout that came from another host.
    [ -n "$home" ] || { home=$PWD/build; groups=--clear-groups; }
    # These may be root's.
    env -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME "HOME=$home" \
        setpriv --reuid "$owner" --regid "$(stat -c %g .)" "$groups" -- "$@"
}

# as_owner_build PRESET OPTION… -- TARGET…
as_owner_build() {
    local preset=$1 options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    as_owner cmake --preset "$preset" -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "${options[@]}" >/dev/null
    as_owner cmake --build --preset "$preset" ${1:+--target "$@"}
}

# What root made in build/ becomes the owner's: the tests' logs, and what an earlier run as root left.
give_back() {
    [ ! -d build ] || find build ! -user "$(stat -c %u .)" -exec chown --no-dereference "$(stat -c %u:%g .)" {} +
}

# Before a program is started whose checkpoint is to be made, in its own subshell: what whoever started this has open besides the
# standard three may lie where CRIU cannot follow.
close_descriptors() {
    local descriptor
    for descriptor in "/proc/$BASHPID/fd/"*; do
        [ "${descriptor##*/}" -le 2 ] || eval "exec ${descriptor##*/}>&-"
    done
}
