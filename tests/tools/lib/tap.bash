# Runs of bats that end with a verdict.
#
# shellcheck shell=bash disable=SC2034

# run_tap FILE COMMAND...: runs bats with --tap; FILE keeps what it says. Sets
# SUMMARY, and returns bats' status.
run_tap() {
    local result skipped
    mkdir -p "${1%/*}"
    "${@:2}" | tee "$1"
    result=${PIPESTATUS[0]}
    skipped=$(grep -c '^ok .* # skip' "$1")
    SUMMARY="$(($(grep -c '^ok ' "$1") - skipped)) tests passed"
    SUMMARY+=", $(grep -c '^not ok ' "$1") failed, $skipped skipped"
    return "$result"
}
