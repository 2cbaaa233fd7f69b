# What holds for the tests themselves.

load helper

# run_inner TEST [CI]: becomes bats, with that as the only test, as if it was
# started from a shell. What it prints is in inner.out.
run_inner() {
    printf 'load "%s"\n@test "inner" {\n%s\n}\n' "$ROOT/tests/helper" "$1" \
        >inner.bats
    exec env -i PATH="$PATH" OUT="$OUT" TOOLS="$TOOLS" CI="${2:-}" \
        "$BATS_ROOT/bin/bats" inner.bats \
        --setup-suite-file "$ROOT/tests/setup_suite.bash" \
        >inner.out 2>&1 3>&- 4>&-
}

@test "when a run is stopped, nothing that it has started lives on" {
    need_linux
    local signal server child
    for signal in TERM KILL; do
        run_inner "start_server 2
            (set -m; sleep 60 & echo \"\$SERVER \$!\" >$PWD/started; wait)" &
        PIDS+=("$!")
        wait_until test -s started
        read -r server child <started
        kill "-$signal" "$!"
        wait_until gone "$server"
        wait_until gone "$child"
        mv started "$signal"
    done
}

@test "a test may be skipped; in CI only for a reason that .ci/skips has" {
    (run_inner 'leave_out "some reason"')
    in_file "# skip some reason" inner.out
    (run_inner 'leave_out "needs Linux"' true)
    in_file "# skip needs Linux" inner.out
    not eval '(run_inner "leave_out \"some reason\"" true)'
    in_file "not in .ci/skips: some reason" inner.out
}
