# What takes longer than a few seconds: `make soak`. SOAK_TIME is how many
# seconds the mixed load lasts, SEED makes it the same load again.

load ../helper

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
[[ $OUT != "$ROOT/tests" ]] || OUT=$ROOT
TOOLS=$ROOT/build/tests

memory() {
    awk -v field="$1:" '$1 == field { print $2 }' "/proc/$SERVER/status"
}

descriptors() {
    local fds=("/proc/$SERVER/fd/"*)
    echo "${#fds[@]}"
}

descriptors_are() {
    [[ $(descriptors) -eq $1 ]]
}

# A peer that takes nothing for a minute, while there is something for it, is
# dropped. That runs beside the other tests, with a server of its own.
setup_file() {
    local dir=$BATS_FILE_TMPDIR/deaf
    mkdir "$dir"
    (
        set +eET
        trap - DEBUG ERR
        trap : PIPE
        trap teardown EXIT
        cd "$dir" || exit
        start_server 7 || exit
        start_program push "$TOOLS/storm" push "$PORT" 1000
        prints push refused || exit
        SECONDS=0
        PATIENCE=100 wait_until in_file "left: Connection timed out" \
            server.err && echo "$SECONDS" >result
    ) >"$dir/log" 2>&1 3>&- &
    echo "$!" >"$dir/pid"
}

teardown_file() {
    kill "$(<"$BATS_FILE_TMPDIR/deaf/pid")" 2>/dev/null || true
}

@test "threat 25: 10,000 connections leave nothing behind" {
    start_server 7
    local before fds
    fds=$(descriptors)
    "$TOOLS/peer" churn "$PORT" 1000 >churn.out
    wait_until descriptors_are "$fds"
    before=$(memory VmRSS)
    "$TOOLS/peer" churn "$PORT" 10000 >churn.out
    wait_until descriptors_are "$fds"
    echo "$before KB before, $(memory VmRSS) KB after"
    (($(memory VmRSS) - before < 100))
}

@test "threat 23: killed and started again, 100 times" {
    start_server 7
    local i
    for ((i = 0; i < 100; i++)); do
        join a
        kill -KILL "$SERVER"
        wait_until gone "$SERVER"
        leave a
        : >server.out # what the one before has printed
        alone "$OUT/${STEPS[7]}/server" "$PORT" >server.out 2>server.err &
        SERVER=$!
        PIDS+=("$SERVER")
        wait_until grep -q "Listening on" server.out || {
            cat server.err
            return 1
        }
    done
    join a
}

@test "a mixed load for minutes, good and bad clients: nothing is left behind" {
    local time=${SOAK_TIME:-120} seed=${SEED:-$RANDOM}
    echo "SOAK_TIME=$time SEED=$seed"
    start_server 7
    local before fds worst=0 i
    fds=$(descriptors)
    "$TOOLS/storm" mix "$PORT" 5 "$seed" >mix.out
    wait_until descriptors_are "$fds"
    before=$(memory VmRSS)
    start_program mix "$TOOLS/storm" mix "$PORT" "$time" "$seed"
    while alive "$PID_mix"; do
        "$TOOLS/storm" probe "$PORT" 300 >probe.out
        read -r _ _ _ _ _ i _ <probe.out
        ((i <= worst)) || worst=$i
    done
    cat mix.err
    ends_with 0 mix
    cat mix.out
    wait_until descriptors_are "$fds"
    echo "$before KB before, $(memory VmRSS) KB after; worst probe $worst us"
    (($(memory VmRSS) - before < 4000 && worst < 5000000))
}

@test "threat 21: a peer that takes nothing for a minute is dropped" {
    local dir=$BATS_FILE_TMPDIR/deaf
    finished() { gone "$(<"$dir/pid")"; }
    PATIENCE=100 wait_until finished
    cat "$dir/log" "$dir/server.err"
    local seconds
    seconds=$(<"$dir/result")
    echo "dropped after $seconds s"
    ((seconds >= 40 && seconds <= 95))
}
