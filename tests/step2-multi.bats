# Step 2, multi: a thread for each client.

load helper

@test "two clients are served at the same time" {
    scenario() {
        start_server "$1"
        client_enters a
        client_enters b
        type_back a "I am a"
        shows_back a "I am a"
        type_back b "I am b"
        shows_back b "I am b"
        type_back a "still here"
        shows_back a "still here"
    }
    from 2
}

@test "fifty clients are served, each with its own lines" {
    scenario() {
        start_server "$1"
        local i
        for i in {1..50}; do enter "c$i"; done
        for i in {1..50}; do send_back "c$i" "I am $i, and one of fifty"; done
        for i in {1..50}; do comes_back "c$i" "I am $i, and one of fifty"; done
    }
    from 2
}

@test "who is in the middle of a line holds up nobody" {
    scenario() {
        start_server "$1"
        enter a
        enter b
        local line
        line=$(request a "a long line of a")
        send a "${line:0:9}"
        send_back b "a line of b"
        comes_back b "a line of b"
        send a "${line:9}"$'\n'
        comes_back a "a long line of a"
    }
    from 2
}

@test "a client of its own ends, and the others go on" {
    scenario() {
        start_server "$1"
        client_enters a
        client_enters b
        close_input a
        ends_with 0 a
        type_back b hello
        shows_back b hello
    }
    from 2
}

@test "flaw: the thread of a client that was killed spins" {
    scenario() {
        start_server "$1"
        client_enters a
        type_back a hello
        shows_back a hello
        not spins "$SERVER"
        kill -KILL "$PID_a"
        spins "$SERVER"
        # The others are still served.
        enter b
        send_back b hello
        comes_back b hello
    }
    only 2
}

@test "flaw: a client that has left keeps a descriptor and a thread" {
    need_linux
    scenario() {
        start_server "$1"
        local fds
        fds=$(descriptors)
        churn 5
        descriptors_are "$((fds + 5))"
        threads_are 6
    }
    only 2
}

@test "flaw: a client that resets its connection kills the server (SIGPIPE)" {
    scenario() {
        start_server "$1"
        start_peer jam jam "$PORT" "a line that wants a reply"
        prints jam jammed
        close_input jam
        ends_with $((128 + $(kill -l PIPE))) server
    }
    from 1 to 2
}

@test "flaw: the client does not notice that its server is gone" {
    scenario() {
        start_server "$1"
        client_enters a
        type_back a hello
        shows_back a hello
        kill_server
        type a $'is anybody there?\n'
        spins "$PID_a"
        [[ ! -s a.err ]]
    }
    from 1 to 2
}
