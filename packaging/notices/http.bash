# SPDX-License-Identifier: Apache-2.0
# For the notices: HTTP of bash alone, since a host need have neither curl nor wget. $CEDANA_METADATA: another address than that of the
# cloud, "127.0.0.1:8080".

# Waits so many seconds, with no process of its own: what waits is no child that is left when this is ended.
exec {never}<> <(:)
pause() { read -r -t "$1" -u "$never" || true; }

# ask METHOD HOST PATH [HEADER…] sets $status (000: there was no answer), $headers and $body; no wait is longer than $patience seconds.
ask() {
    local method=$1 host=${CEDANA_METADATA:-$2} path=$3 connection line length=""
    status=000 headers="" body=""
    shift 3
    # A host that does not answer: the kernel gives up by itself, after two minutes.
    { exec {connection}<>"/dev/tcp/${host%:*}/$(port_of "$host")"; } 2>/dev/null || return 0
    {
        printf '%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: 0\r\n' "$method" "$path" "$host"
        [ $# -eq 0 ] || printf '%s\r\n' "$@"
        printf '\r\n'
    } >&"$connection"
    if IFS= read -r -t "${patience:-10}" -u "$connection" line; then
        [[ $line =~ ^HTTP/[0-9.]+\ ([0-9]{3}) ]] && status=${BASH_REMATCH[1]}
        while IFS= read -r -t 10 -u "$connection" line && [ -n "${line%$'\r'}" ]; do
            headers+=${line%$'\r'}$'\n'
            [[ ${line,,} =~ ^content-length:\ *([0-9]+) ]] && length=${BASH_REMATCH[1]}
        done
        if [ -n "$length" ]; then
            [ "$length" -eq 0 ] || LC_ALL=C IFS= read -r -d '' -N "$length" -t 10 -u "$connection" body
        else
            IFS= read -r -d '' -t 10 -u "$connection" body || true
        fi
    fi
    exec {connection}>&-
}

port_of() {
    case "$1" in
    *:*) printf '%s' "${1##*:}" ;;
    *) printf 80 ;;
    esac
}

# The seconds from now until a time that date(1) understands; nothing if it does not.
print_seconds_until() {
    local then
    then=$(date -d "$1" +%s 2>/dev/null) || return 0
    printf '%d\n' $((then > EPOCHSECONDS ? then - EPOCHSECONDS : 0))
}
