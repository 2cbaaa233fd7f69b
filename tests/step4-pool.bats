# Step 4, pool: the server knows its clients, each by a number.

load helper

@test "each client is told its number, in the order in which they come" {
    scenario() {
        start_server "$1"
        join a
        join b
        leave a
        join c
        [[ "$NUMBER_a $NUMBER_b $NUMBER_c" == "0 1 2" ]]
    }
    from 4
}

@test "the client prints its number, then what comes back with it" {
    scenario() {
        start_server "$1"
        join a
        client_enters b
        prints b "$(shown "Your number is 1")"
        type_back b hello
        prints b "$(shown "1->> hello")"
    }
    from 4
}

@test "a client that gets no number says that the server is gone, and fails" {
    scenario() {
        play_server
        start_client a "$1" 127.0.0.1 "$PORT"
        close_input server
        ends_with 1 a
        in_file "client: the server is gone" a.err
    }
    from 4
}

@test "clients that come at the same moment get different numbers" {
    scenario() {
        start_server "$1"
        local i
        for i in 1 2 3 4; do start_peer "crowd$i" crowd "$PORT" 50; done
        for i in 1 2 3 4; do prints "crowd$i" "all here"; done
        sed -n 's/^Your number is //p' crowd?.out | sort -n >numbers
        seq 0 199 | diff - numbers
    }
    from 4
}

@test "clients come, go and send at the same time" {
    scenario() {
        yes "9999 hello" | head -n 2000 >lines
        start_server "$1"
        local i
        for i in 1 2 3 4; do
            start_peer "churn$i" churn "$PORT" 100
            alone "$TOOLS/peer" talk "$PORT" <lines >"talk$i" &
            PIDS+=("$!")
        done
        for i in 1 2 3 4; do
            ends_with 0 "churn$i"
            wait_until has_lines 2001 "talk$i"
        done
    }
    from 4
}

has_lines() {
    [[ $(wc -l <"$2") -eq $1 ]]
}

# start_server_of_1000 STEP: a server that takes 1,000 clients.
start_server_of_1000() {
    if (($1 < 7)); then
        start_server "$1"
    else
        start_server "$1" -n 1000
    fi
}

@test "the 1,001st client is refused with a reason, the others stay" {
    scenario() {
        start_server_of_1000 "$1"
        enter a
        start_peer crowd crowd "$PORT" 999
        prints crowd "all here"
        in_file "Your number is 999" crowd.out
        connect b
        expect b "error: server is full"
        hears_the_end b
        send_back a "still here"
        comes_back a "still here"
    }
    from 4
}

@test "who is refused leaves no descriptor and no memory behind" {
    need_linux
    scenario() {
        start_server_of_1000 "$1"
        start_peer crowd crowd "$PORT" 1000
        prints crowd "all here"
        if [[ -z ${SANITIZED:-} ]]; then
            churn_leaves_nothing 100 300
        else
            churn 300
        fi
        in_file "error: server is full" churn.out
        (($1 > 6)) || threads_are 1001
    }
    from 4
}

@test "flaw: after 1,000 clients the pool is full, even with nobody there" {
    scenario() {
        start_server "$1"
        churn 1000
        in_file "Your number is 999" churn.out
        connect a
        expect a "error: server is full"
    }
    from 4 to 6
}
