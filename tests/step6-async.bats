# Step 6, async: the client sends and prints at the same time.

load helper

@test "a message shows without its receiver typing anything" {
    start_server 6
    start_client a 6 127.0.0.1 "$PORT"
    prints a "Message from server: Your number is 0"
    join b
    say b "0 hello"
    prints a "Message from server: 1->> hello"
}

@test "messages to another go out without waiting for an answer" {
    start_server 6
    join b
    start_client a 6 127.0.0.1 "$PORT"
    type a $'0 one\n0 two\n'
    expect b "1->> one"
    expect b "1->> two"
}

@test "20,000 lines from a pipe arrive in order, and all replies are printed" {
    start_server 6
    seq -f '0 line %.0f' 20000 >lines
    "$OUT/step6-async/client" 127.0.0.1 "$PORT" <lines >out
    grep -o '0->> line .*' out | cut -d ' ' -f 2- >back
    cut -d ' ' -f 2- lines | cmp - back
}

@test "at the end of the input the last replies are printed, status 0" {
    start_server 6
    printf '0 one\nwhat?\n0 two' |
        "$OUT/step6-async/client" 127.0.0.1 "$PORT" >out
    in_file "0->> one" out
    in_file 'error: expected "<number> <text>"' out
    in_file "0->> two" out
    "$OUT/step6-async/client" 127.0.0.1 "$PORT" </dev/null >out
    in_file "Your number is 1" out
}

@test "the client says at once that the server is gone, and fails" {
    start_server 6
    start_client a 6 127.0.0.1 "$PORT"
    prints a "Your number is 0"
    kill_server
    ends_with 1 a
    in_file "the server is gone" a.err
}

@test "a reset after the half-close is no good end: status 1" {
    local step
    for step in "${ALL_STEPS[@]:5}"; do
        play_server serve-reset
        "$OUT/${STEPS[step]}/client" 127.0.0.1 "$PORT" <<<"0 hello" \
            >out 2>err 3>&- && return 1
        in_file "the server is gone" err
        close_input server
        rm server.in
    done
}

@test "a server that half-closes and does not read is gone, too" {
    play_server serve-mute
    start_client a 6 127.0.0.1 "$PORT"
    yes "0 a line for which there will be no room" | head -n 300000 >lines
    alone cat lines >&"$IN_a" &
    PIDS+=("$!")
    wait_until waits "$PID_a"
    close_input server # it half-closes
    ends_with 1 a
    in_file "the server is gone" a.err
}

@test "a server that does not read does not keep a message from showing" {
    play_server serve-late
    start_client a 6 127.0.0.1 "$PORT"
    type server $'one\n'
    prints a "Message from server: one"
    # Much more than fits into the kernel and the channel, to be read later.
    yes "0 a line for which there will be no room" | head -n 300000 >lines
    alone cat lines >&"$IN_a" &
    local cat=$!
    PIDS+=("$cat")
    wait_until waits "$PID_a"
    type server $'two\n'
    prints a "Message from server: two"
    alive "$cat" # some lines still wait
    close_input server
    wait_until all_arrived
    close_input a
}

all_arrived() {
    [[ $(grep -c "no room" server.out) -eq 300000 ]]
}

@test "waiting costs the client no CPU" {
    start_server 6
    start_client a 6 127.0.0.1 "$PORT"
    prints a "Your number is 0"
    not spins "$PID_a"
}

@test "what is wrong at the start is said in one line, with status 1" {
    refuses_bad_arguments 6
}

@test "flaw: what arrives breaks the line that is being typed" {
    start_server 6
    start_program a "$TOOLS/pty" 80 "$OUT/step6-async/client" 127.0.0.1 "$PORT"
    prints a "Text to send: "
    prints a "Your number is 0"
    join b
    type a "half-ty"
    prints a "half-ty"
    say b "0 hello"
    prints a "half-tyMessage from server: 1->> hello"
}

@test "flaw: a message can steer the receiver's terminal" {
    start_server 6
    start_client a 6 127.0.0.1 "$PORT"
    prints a "Your number is 0"
    join b
    say b $'0 \033[31mred'
    prints a $'1->> \033[31mred'
}
