# What the tools share that check texts, moves and exercises; most of all: the
# tests' verdict on the steps with another program in place of one of theirs.
#
# shellcheck shell=bash disable=SC2034

FAILED=0

# complain LINE...: says so, and the tool's exit status will be 1.
complain() {
    printf '%s\n' "$@"
    FAILED=1
}

# scratch: sets WORK to a directory that goes when the tool ends.
scratch() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/$(basename "$0").XXXXXX") || exit
    trap 'rm -rf "$WORK"' EXIT
}

# make_out DIRECTORY: all programs, as OUT has them.
make_out() {
    local step
    for step in "${STEPS[@]:1}"; do
        mkdir -p "$1/$step" &&
            ln -s "$OUT/$step/server" "$OUT/$step/client" "$1/$step" || exit
    done
}

# build_program SOURCE PROGRAM FLAG: in place of what is there.
build_program() {
    local flags
    rm -f "$2"
    read -ra flags < <(make -s print-cflags)
    "${CC:-cc}" "${flags[@]}" "$3" "$1" -o "$2"
}

# run_tests DIRECTORY PATIENCE FILES [NAME...]: runs the tests in these files,
# or only those with the names, with the programs of the directory, and leaves
# what bats says in its tap. A test that fails takes PATIENCE seconds or more.
# The tests heed ONLY_STEP.
run_tests() {
    local out=$1 patience=$2 files name filter=""
    mapfile -t files < <(tr ' ' '\n' <<<"$3" | sort -u)
    for name in "${@:4}"; do
        filter+="|^$(printf '%s' "$name" | sed 's/[][\.*^$+?(){}|]/\\&/g')\$"
    done
    OUT=$out PATIENCE=$patience bats --tap -f "${filter#|}" "${files[@]}" \
        >"$out/tap" 2>&1 </dev/null 3>&-
}

# file_of_test NAME STEP: prints where it is, in a file of that step or
# another.
file_of_test() {
    grep -lF "@test \"$1\" {" "tests/${2%%-*}-"*.bats tests/*.bats | sed 1q
}

# all_pass DIRECTORY: its tests ran, and passed; all_fail: and failed.
all_pass() {
    grep -q '^ok' "$1/tap" && ! grep -q '^not ok\|^ok .* # skip' "$1/tap"
}

# none_fails DIRECTORY: some of its tests passed; others may be left out.
none_fails() {
    grep '^ok' "$1/tap" | grep -qv ' # skip' && ! grep -q '^not ok' "$1/tap"
}

# ran DIRECTORY COUNT: so many tests ended, in whatever way.
ran() {
    (($(grep -cE '^(not )?ok ' "$1/tap") == $2))
}

all_fail() {
    grep -q '^not ok' "$1/tap" && ! grep -q '^ok' "$1/tap"
}
