# Before each script of tests/lab/parts.bash in a guest.
fail() { printf '%s\n' "$*" >&2; exit 1; }
# For what no event can be had: await SECONDS COMMAND…
await() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || fail "waited in vain for $*"
        sleep 0.2
    done
}
# A program that counts, five times a second: counting_program FILE
counting_program() {
    cat >"$1" <<'PROGRAM'
#!/usr/bin/perl
$| = 1;
for ($n = 1;; $n++) { print "$n\n"; select undef, undef, undef, 0.2 }
PROGRAM
    chmod +x "$1"
}
