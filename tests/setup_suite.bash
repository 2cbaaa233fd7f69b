# Runs once before all tests: looks for what they need, and builds it. Also sees
# to it that nothing outlives the run. With BUILT set, all is built already.
#
# shellcheck shell=bash

setup_suite() {
    ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 401)) ||
        lack "bash 4.1 or later; this is $BASH_VERSION"
    local make=${MAKE:-make} root
    [[ $("$make" --version 2>&1) == "GNU Make "* ]] ||
        lack "GNU make (MAKE=gmake, if that is its name)"
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    [[ -n ${BUILT:-} ]] ||
        "$make" --no-print-directory -s -C "$root" all tools
    env -u BATS_RUN_TMPDIR "$root/tests/tools/clear-up" \
        "BATS_RUN_TMPDIR=$BATS_RUN_TMPDIR" "$BATS_ROOT_PID" \
        </dev/null >/dev/null 2>&1 3>&- 4>&- &
}

# lack WHAT: says so in a line, and ends the run before its first test.
lack() {
    echo "The tests need $1." >&3
    trap - EXIT
    exit 1
}
