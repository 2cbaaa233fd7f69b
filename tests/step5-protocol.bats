# Step 5, protocol: "2 some text" reaches client 2, and no other.

load helper

@test "a message reaches the client it names, and no other" {
    start_server 5
    join a
    join b
    join c
    say a "2 hello, c"
    expect c "0->> hello, c"
    say c "0 hello, a"
    expect a "2->> hello, a"
    hears_nothing b
}

@test "the number before a message is the sender's, whatever the text says" {
    start_server 5
    join a
    join b
    say a "1 7->> I am 7"
    expect b "0->> 7->> I am 7"
}

@test "one can write to oneself" {
    start_server 5
    join a
    say a "0 a note"
    expect a "0->> a note"
}

@test "who has no such number, or has left, is not connected" {
    start_server 5
    join a
    join b
    say a "2 hello"
    expect a "error: client 2 is not connected"
    say a "1000 hello"
    expect a "error: client 1000 is not connected"
    say a "9999999999 hello"
    expect a "error: client 9999999999 is not connected"
    leave b
    b_has_left() {
        say a "1 hello"
        read -r -t 0.1 -u "$FD_a" LINE &&
            [[ $LINE == "error: client 1 is not connected" ]]
    }
    wait_until b_has_left
}

@test "a line that can't be read is answered, and the client stays" {
    start_server 5
    join a
    local line
    for line in "" " " hello 0 "0 " " 0 hello" "+0 hello" "-0 hello" \
        "0x0 hello" "1e0 hello" $'0\thello' "0,hello" "00000000000 hello" \
        "99999999999 hello"; do
        say a "$line"
        expect a 'error: expected "<number> <text>"'
    done
    say a "0 still here"
    expect a "0->> still here"
}

@test "leading zeros don't count, a second space and a tab are text" {
    start_server 5
    join a
    say a "000 zeros"
    expect a "0->> zeros"
    say a "0000000000 ten zeros"
    expect a "0->> ten zeros"
    say a "0  two spaces"
    expect a "0->>  two spaces"
    say a "0  "
    expect a "0->>  "
    say a $'0 \ttab'
    expect a $'0->> \ttab'
}

@test "a carriage return before the newline is dropped, as telnet sends it" {
    start_server 5
    join a
    say a $'0 hello\r'
    expect a "0->> hello"
    say a $'0 a\rb\r\r'
    expect a $'0->> a\rb\r'
    say a $'\r'
    expect a 'error: expected "<number> <text>"'
}

@test "lines from ten senders don't mix" {
    start_server 5
    join a
    local i pids=()
    for i in {1..10}; do
        # shellcheck disable=SC2016
        yes "0 $i$i$i$i$i$i$i$i" | head -n 500 |
            "$TOOLS/peer" talk "$PORT" >"sender$i" &
        pids+=($!)
    done
    head -n 5000 <&"$FD_a" | cut -d ' ' -f 2- | sort | uniq -c >counts
    wait "${pids[@]}"
    [[ $(awk '$1 == 500' counts | wc -l) -eq 10 ]]
}

@test "what is wrong at the start is said in one line, with status 1" {
    refuses_bad_arguments 5
}

@test "flaw: the client waits for a reply that goes to somebody else" {
    start_server 5
    join b
    start_client a 5 127.0.0.1 "$PORT"
    prints a "Your number is 1"
    type a $'0 one\n0 two\n'
    expect b "1->> one"
    # The second line is still in the client, until something comes for it.
    hears_nothing b
    say b "1 go on"
    expect b "1->> two"
}

@test "flaw: a message shows only after its receiver has typed something" {
    start_server 5
    start_client a 5 127.0.0.1 "$PORT"
    prints a "Your number is 0"
    join b
    say b "0 hello"
    say b "1 was it delivered?"
    expect b "1->> was it delivered?"
    not in_file "1->> hello" a.out
    type a $'0 a note\n'
    prints a "1->> hello"
}

@test "flaw: a client that does not read holds up everybody" {
    start_server 5
    start_peer deaf deaf "$PORT"
    prints deaf "Your number is 0"
    join b
    join c
    start_peer flood jam "$PORT" "0 $(repeat 200 x)"
    prints flood jammed
    say b "2 hello, c"
    hears_nothing c
    close_input deaf
    expect c "1->> hello, c"
}
