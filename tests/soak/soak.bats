# What takes longer than a few seconds: `make soak`. SOAK_TIME is how many
# seconds the mixed load lasts, SEED makes it the same load again.

load ../helper

# beside NAME COMMAND...: runs it beside the tests, in a directory of its own.
beside() {
    local dir=$BATS_FILE_TMPDIR/$1
    mkdir "$dir"
    (
        clean_up_on_exit
        cd "$dir" && "${@:2}"
    ) >"$dir/log" 2>&1 3>&- &
    echo "$!" >"$dir/pid"
}

# What the server notices after a minute runs beside the other tests, with
# servers of its own.
setup_file() {
    beside deaf stay_deaf
    beside slow read_slowly 5000
    beside slower read_slowly 1000
    ! can_unplug || beside unplugged unplug
}

teardown_file() {
    local pid
    for pid in "$BATS_FILE_TMPDIR"/*/pid; do
        kill "$(<"$pid")" 2>/dev/null || true
    done
}

# A client takes nothing, while there is something for it.
stay_deaf() {
    start_server 7 &&
        start_storm push push "$PORT" 1000 &&
        prints push refused && wait_for_drop
}

# read_slowly BYTES: a client takes that much a second, and lives.
read_slowly() {
    start_server 7 &&
        start_storm reader slow "$PORT" "$1" 120 &&
        PATIENCE=200 ends_with 0 reader && touch kept
}

can_unplug() {
    command -v ip nsenter >/dev/null && unshare -n true 2>/dev/null
}

# in_net NAME COMMAND...: runs it where that process is.
in_net() {
    local pid=PID_$1
    nsenter -t "${!pid}" -n "${@:2}"
}

# Two hosts, that is network namespaces, with a cable between them. It is
# unplugged while the client does nothing.
unplug() {
    local host
    for host in server_host client_host; do
        start_program "$host" unshare -n sh -c 'echo up && exec cat' &&
            prints "$host" up || return
    done
    ip link add veth0 netns "$PID_server_host" type veth \
        peer name veth1 netns "$PID_client_host" &&
        in_net server_host ip address add 192.0.2.1/24 dev veth0 &&
        in_net client_host ip address add 192.0.2.2/24 dev veth1 &&
        in_net server_host ip link set veth0 up &&
        in_net client_host ip link set veth1 up || return
    run_server nsenter -t "$PID_server_host" -n "$OUT/${STEPS[7]}/server" \
        -a 192.0.2.1 0 || return
    start_program client nsenter -t "$PID_client_host" -n \
        "$OUT/${STEPS[7]}/client" 192.0.2.1 "$PORT" &&
        prints client "Your number is 0" &&
        in_net client_host ip link set veth1 down && wait_for_drop
}

# Writes to result after how many seconds the server drops the client.
wait_for_drop() {
    SECONDS=0
    PATIENCE=100 wait_until grep -qE \
        "client 0 .* left: (.* timed out|No route to host|Host is unreachable)" \
        server.err && echo "$SECONDS" >result
}

# was_dropped NAME: waits for what runs beside. A minute has passed by then.
was_dropped() {
    local dir=$BATS_FILE_TMPDIR/$1
    PATIENCE=100 wait_until gone "$(<"$dir/pid")"
    cat "$dir/log" "$dir/server.err"
    local seconds
    seconds=$(<"$dir/result")
    echo "dropped after $seconds s"
    ((seconds >= 40 && seconds <= 95))
}

@test "threat 25: 10,000 connections leave nothing behind" {
    start_server 7
    churn_leaves_nothing 1000 10000
}

@test "threat 23: killed and started again, 100 times" {
    start_server 7
    local i
    for ((i = 0; i < 100; i++)); do
        join a
        kill_server
        leave a
        run_server "$OUT/${STEPS[7]}/server" "$PORT"
    done
    join a
}

@test "a mixed load for minutes, good and bad clients: nothing is left behind" {
    local time=${SOAK_TIME:-120} seed=${SEED:-$RANDOM}
    echo "SOAK_TIME=$time SEED=$seed"
    # malloc keeps most of what the busiest moment took. What is larger than this
    # goes back to the kernel at once (mallopt(3)), so that VmRSS is what is used.
    MALLOC_MMAP_THRESHOLD_=32768 start_server 7
    local before fds worst=0 i
    fds=$(descriptors)
    storm mix "$PORT" 5 "$seed" >mix.out
    wait_until descriptors_are "$fds"
    before=$(memory VmRSS)
    start_storm mix mix "$PORT" "$time" "$seed"
    while alive "$PID_mix"; do
        storm probe "$PORT" 300 >probe.out
        read -r _ _ _ _ _ i _ <probe.out
        ((i <= worst)) || worst=$i
    done
    cat mix.err
    ends_with 0 mix
    cat mix.out
    wait_until descriptors_are "$fds"
    echo "$before KB before, $(memory VmRSS) KB after; worst probe $worst us"
    (($(memory VmRSS) - before < 2000 && worst < 5000000))
}

@test "threat 21: a client that takes nothing for a minute is dropped" {
    was_dropped deaf
}

@test "threat 21: a client whose cable is unplugged is dropped after a minute" {
    can_unplug || leave_out "needs root and ip: apt-get install iproute2"
    was_dropped unplugged
}

# A segment has 64 KB on the loopback interface.
@test "threat 52: a client that takes more than a segment a minute is kept" {
    local dir=$BATS_FILE_TMPDIR/slow
    PATIENCE=200 wait_until gone "$(<"$dir/pid")"
    cat "$dir/log" "$dir/reader.err"
    [[ -e $dir/kept ]]
}

@test "threat 52: a client that takes less than a segment a minute is not" {
    local dir=$BATS_FILE_TMPDIR/slower
    PATIENCE=200 wait_until gone "$(<"$dir/pid")"
    cat "$dir/log" "$dir/server.err"
    grep -qE 'client 0 .* left: Connection timed out' "$dir/server.err"
}
