# Runs once before all tests: builds what they need.
#
# shellcheck shell=bash

setup_suite() {
    make --no-print-directory -s -C "$(dirname "${BASH_SOURCE[0]}")/.." all tools
}
