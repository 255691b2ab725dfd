# Shared by the scripts beside it; sourced, never run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=/usr/bin/python3 # Debian's own, which sees the python3-* packages, whatever PATH says

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# bootstrap GROUP...: install what is missing, unless DIGLETT_SKIP_BOOTSTRAP=1.
bootstrap() {
    [ "${DIGLETT_SKIP_BOOTSTRAP:-}" = 1 ] || "$root/scripts/bootstrap" "$@"
}

# build PRESET [TARGET...]: configure and build quietly; the output is shown when it fails.
build() {
    local preset=$1 log
    shift
    log=$(mktemp)
    printf '%s: building preset %s\n' "${0##*/}" "$preset" >&2
    if ! (cd "$root" && cmake --preset "$preset" && cmake --build --preset "$preset" \
        ${1:+--target "$@"}) >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        die "the build of preset $preset failed"
    fi
    rm -f "$log"
}

# wait_for_line FILE PATTERN SECONDS PID: print the first match of the extended regular expression
# in a growing log; fail when time is up or the process has ended without it.
wait_for_line() {
    local deadline=$((SECONDS + $3)) ended
    while :; do
        kill -0 "$4" 2>/dev/null && ended=no || ended=yes
        grep -m1 -oE -- "$2" "$1" 2>/dev/null && return 0
        [ "$ended" = no ] && [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}
