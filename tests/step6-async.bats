# Step 6, async: the client sends and prints at the same time.

load helper

@test "a message shows without its receiver typing anything" {
    scenario() {
        start_server "$1"
        client_enters a
        join b
        say b "0 hello"
        prints a "$(shown "1->> hello")"
    }
    from 6
}

@test "messages to another go out without waiting for an answer" {
    scenario() {
        start_server "$1"
        join b
        client_enters a
        type a $'0 one\n0 two\n'
        expect b "1->> one"
        expect b "1->> two"
    }
    from 6
}

@test "20,000 lines from a pipe arrive in order, and all replies are printed" {
    scenario() {
        seq -f '0 line %.0f' 20000 >lines
        start_server "$1"
        alone "$OUT/${STEPS[$1]}/client" 127.0.0.1 "$PORT" <lines \
            >a.out 2>a.err &
        PID_a=$!
        PIDS+=("$PID_a")
        ends_with 0 a
        grep -o '0->> line .*' a.out | cut -d ' ' -f 2- >back
        cut -d ' ' -f 2- lines | cmp - back
    }
    from 6
}

@test "at the end of the input the last replies are printed, status 0" {
    scenario() {
        start_server "$1"
        client_enters a
        freeze "$SERVER"
        type a $'0 one\nwhat?\n0 two'
        close_input a
        wait_until waits "$PID_a"
        alive "$PID_a"
        kill -CONT "$SERVER"
        ends_with 0 a
        local text
        for text in "0->> one" 'error: expected "<number> <text>"' \
            "0->> two"; do
            in_file "$text" a.out
        done
        [[ ! -s a.err ]]
    }
    from 6
}

@test "the client says at once that the server is gone, and fails" {
    scenario() {
        start_server "$1"
        client_enters a
        kill_server
        ends_with 1 a
        in_file "the server is gone" a.err
    }
    from 6
}

@test "a reset after the half-close is no good end: status 1" {
    scenario() {
        play_server serve-reset
        start_client a "$1" 127.0.0.1 "$PORT"
        type a $'0 hello\n'
        close_input a
        ends_with 1 a
        in_file "the server is gone" a.err
    }
    from 6
}

@test "a write that failed is no good end, whatever comes then: status 1" {
    needs_faults
    scenario() {
        start_server "$1"
        freeze "$SERVER"
        start_faulty_client a write:EPIPE:nth=1 "$1"
        type a $'0 hello\n'
        close_input a
        wait_until test -s faults.log
        wait_until waits "$PID_a"
        kill -CONT "$SERVER" # and the server ends the connection in good order
        ends_with 1 a
        in_file "the server is gone" a.err
    }
    from 6
}

# lines_without_end: a file of more than fits into the kernel and the channel.
lines_without_end() {
    yes "0 a line for which there will be no room" | head -n 300000 >lines
}

@test "a server that half-closes and does not read is gone, too" {
    scenario() {
        lines_without_end
        play_server serve-mute
        start_client a "$1" 127.0.0.1 "$PORT"
        alone cat lines >&"$IN_a" &
        PIDS+=("$!")
        wait_until waits "$PID_a"
        close_input server # it half-closes
        ends_with 1 a
        in_file "the server is gone" a.err
    }
    from 6
}

@test "a server that does not read does not keep a message from showing" {
    scenario() {
        lines_without_end
        play_server serve-late
        start_client a "$1" 127.0.0.1 "$PORT"
        type server $'one\n'
        prints a "$(shown one)"
        alone cat lines >&"$IN_a" &
        local cat=$!
        PIDS+=("$cat")
        wait_until waits "$PID_a"
        type server $'two\n'
        prints a "$(shown two)"
        alive "$cat" # some lines still wait
        close_input server
        wait_until all_arrived
        close_input a
    }
    all_arrived() {
        [[ $(grep -c "no room" server.out) -eq 300000 ]]
    }
    from 6
}

@test "waiting costs the client no CPU" {
    scenario() {
        start_server "$1"
        client_enters a
        wait_until waits "$PID_a"
        type_back a hello
        prints a "$(answer a hello)"
        wait_until waits "$PID_a"
    }
    from 6
}

@test "a thread that can't be started is an error, with status 1" {
    needs_faults
    scenario() {
        local nth
        for nth in 1 2; do
            start_server "$1"
            start_faulty_client a "pthread_create:EAGAIN:nth=$nth" "$1"
            ends_with 1 a
            in_file "client: pthread_create: " a.err
            rm a.in
        done
    }
    only 6
}

@test "the channel keeps its order, its bounds and its end" {
    scenario() {
        # shellcheck disable=SC2086
        "${CC:-cc}" -O1 -g -w -pthread ${SANITIZER:-} \
            -DCLIENT="\"$(source_of client.c "$1")\"" \
            "$ROOT/tests/peers/channel.c" -o channel
        ./channel >channel.out || {
            tail -n 1 channel.out
            return 1
        }
    }
    from 6
}

@test "flaw: what arrives breaks the line that is being typed" {
    scenario() {
        start_server "$1"
        start_program a "$TOOLS/pty" 80 "$OUT/${STEPS[$1]}/client" \
            127.0.0.1 "$PORT"
        prints a "Text to send: "
        prints a "Your number is 0"
        join b
        type a "half-ty"
        prints a "half-ty"
        say b "0 hello"
        prints a "half-tyMessage from server: 1->> hello"
    }
    only 6
}

@test "flaw: a message can steer the receiver's terminal" {
    scenario() {
        start_server "$1"
        client_enters a
        join b
        say b $'0 \033[31mred'
        prints a $'1->> \033[31mred'
    }
    only 6
}
