# Runs once before all tests: builds what they need.
#
# shellcheck shell=bash

setup_suite() {
    local root
    root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    make --no-print-directory -s -C "$root" all tools
}
