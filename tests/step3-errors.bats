# Step 3, errors: what goes wrong with a client ends that client, no other.

load helper

@test "a client that leaves costs neither CPU nor a descriptor" {
    start_server 3
    churn 200
    in_file hello churn.out
    not spins "$SERVER"
    if [[ -d /proc/$SERVER/fd ]]; then
        few_descriptors() { (($(descriptors) < 20)); }
        wait_until few_descriptors
    fi
}

@test "a client that resets its connection ends alone, with a reason" {
    start_server 3
    connect a
    start_peer jam jam "$PORT" "a line that wants a reply"
    prints jam jammed
    close_input jam
    wait_until grep -qE '^[^ ]*server: (write|read): ' server.err
    say a "I am still here"
    expect a "I am still here"
}

@test "a client that leaves before its replies come ends alone (SIGPIPE)" {
    start_server 3
    connect a
    say a hello
    expect a hello
    # While the server stands still, two lines and the end of the connection
    # come: its first reply is answered by a reset, its second is the signal.
    freeze "$SERVER"
    say a $'one\ntwo'
    leave a
    kill -CONT "$SERVER"
    wait_until grep -q 'server: write: Broken pipe' server.err
    connect b
    say b hello
    expect b hello
}

@test "a reply is sent whole, however slowly the client reads" {
    start_server 3
    # More than the kernel takes at once, so that write() is cut short.
    seq -f '%.0f a line that takes some room in the buffers' 200000 >lines
    "$TOOLS/peer" talk "$PORT" <lines >back
    cmp lines back
}

@test "the client says that the server is gone, and fails" {
    start_server 3
    start_client a 3 127.0.0.1 "$PORT"
    type a $'hello\n'
    prints a "Message from server: hello"
    kill_server
    type a $'is anybody there?\n'
    ends_with 1 a
    in_file "the server is gone" a.err
}

@test "input that can't be read is an error, not its end" {
    local step
    for step in "${ALL_STEPS[@]:2}"; do
        start_server "$step"
        "$OUT/${STEPS[step]}/client" 127.0.0.1 "$PORT" <. >out 2>err 3>&- &&
            return 1
        [[ $(<err) == *"client: stdin: Is a directory" ]]
    done
}

@test "a thread that can't be started costs only that client" {
    not_sanitized "it needs all of the address space"
    (ulimit -v 100000) 2>/dev/null ||
        leave_out "needs a limit to the address space"
    # KB for all, and for the stack of a thread, if the libc heeds that; musl's
    # has 128 KB anyway.
    # shellcheck disable=SC2016
    run_server bash -c 'ulimit -s 128; ulimit -v 16000; exec "$@"' _ \
        "$OUT/${STEPS[3]}/server" 0
    connect a
    local i
    for i in {1..200}; do connect "c$i"; done
    wait_until in_file "pthread_create: " server.err
    say a "I am still here"
    expect a "I am still here"
}

@test "what is wrong at the start is said in one line, with status 1" {
    refuses_bad_arguments 3
}

@test "flaw: it is an echo, nobody can reach anybody" {
    start_server 3
    connect a
    connect b
    say a "hello, b"
    expect a "hello, b"
    hears_nothing b
}
