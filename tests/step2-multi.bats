# Step 2, multi: a thread for each client.

load helper

@test "two clients are served at the same time" {
    start_server 2
    start_client a 2 127.0.0.1 "$PORT"
    start_client b 2 127.0.0.1 "$PORT"
    type a $'I am a\n'
    prints a "Message from server: I am a"
    type b $'I am b\n'
    prints b "Message from server: I am b"
    type a $'still here\n'
    prints a "Message from server: still here"
}

@test "fifty clients are served, each with its own lines" {
    start_server 2
    local i
    for i in {1..50}; do connect "c$i"; done
    for i in {1..50}; do say "c$i" "I am $i"; done
    for i in {1..50}; do expect "c$i" "I am $i"; done
}

@test "what is wrong at the start is said in one line, with status 1" {
    refuses_bad_arguments 2
}

@test "flaw: the thread of a client that was killed spins" {
    start_server 2
    start_client a 2 127.0.0.1 "$PORT"
    type a $'hello\n'
    prints a "Message from server: hello"
    not spins "$SERVER"
    kill -KILL "$PID_a"
    spins "$SERVER"
    # The others are still served.
    connect b
    say b hello
    expect b hello
}

@test "flaw: a client that resets its connection kills the server (SIGPIPE)" {
    start_server 2
    start_peer jam jam "$PORT" "a line that wants a reply"
    prints jam jammed
    close_input jam
    ends_with $((128 + $(kill -l PIPE))) server
}

@test "flaw: the client does not notice that its server is gone" {
    start_server 2
    start_client a 2 127.0.0.1 "$PORT"
    type a $'hello\n'
    prints a "Message from server: hello"
    kill_server
    type a $'is anybody there?\n'
    spins "$PID_a"
    [[ ! -s a.err ]]
}
