# As for the other tests.
#
# shellcheck shell=bash source=tests/setup_suite.bash
. "$(dirname "${BASH_SOURCE[0]}")/../setup_suite.bash"
