# Step 5, protocol: "2 some text" reaches client 2, and no other.

load helper

@test "a message reaches the client it names, and no other" {
    scenario() {
        start_server "$1"
        join a
        join b
        join c
        say a "2 hello, c"
        expect c "0->> hello, c"
        say c "0 hello, a"
        expect a "2->> hello, a"
        hears_nothing b
        hears_nothing c
    }
    from 5
}

@test "the number before a message is the sender's, whatever the text says" {
    scenario() {
        start_server "$1"
        join a
        join b
        say a "1 7->> I am 7"
        expect b "0->> 7->> I am 7"
    }
    from 5
}

@test "one can write to oneself" {
    scenario() {
        start_server "$1"
        join a
        say a "0 a note"
        expect a "0->> a note"
    }
    from 5
}

@test "who has no such number, or has left, is not connected" {
    scenario() {
        start_server "$1"
        join a
        join b
        local number
        for number in 2 999 1000 1001 2147483648 4294967296 9999999999; do
            say a "$number hello"
            expect a "error: client $number is not connected"
        done
        leave b
        wait_until b_has_left
    }
    b_has_left() {
        say a "1 hello"
        read -r -t 0.1 -u "$FD_a" LINE &&
            [[ $LINE == "error: client 1 is not connected" ]]
    }
    from 5
}

@test "a line that can't be read is answered, and the client stays" {
    scenario() {
        start_server "$1"
        join a
        local line
        for line in "" " " hello 0 "0 " " 0 hello" "+0 hello" "-0 hello" \
            "0x0 hello" "1e0 hello" $'0\thello' "0,hello" "/0 x" ":0 x" \
            "0: x" "0/ x" "00000000000 hello" "99999999999 hello"; do
            say a "$line"
            expect a 'error: expected "<number> <text>"'
        done
        say a "0 still here"
        expect a "0->> still here"
    }
    from 5
}

@test "leading zeros don't count, a second space and a tab are text" {
    scenario() {
        start_server "$1"
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
        say a "0 x"
        expect a "0->> x"
    }
    from 5
}

@test "a number has up to ten digits, and all of them count" {
    scenario() {
        start_server "$1"
        churn 12
        join a
        [[ $NUMBER_a == 12 ]]
        say a "12 hello"
        expect a "12->> hello"
        say a "0000000012 hello"
        expect a "12->> hello"
        say a "0000000021 hello"
        expect a "error: client 21 is not connected"
        say a "1234567890 hello"
        expect a "error: client 1234567890 is not connected"
    }
    from 5
}

@test "a carriage return before the newline is dropped, as telnet sends it" {
    scenario() {
        start_server "$1"
        join a
        say a $'0 hello\r'
        expect a "0->> hello"
        say a $'0 hello\r\r'
        hear a
        # Step 7 masks the one that remains.
        [[ $LINE == "0->> hello"[$'\r?'] ]]
        say a $'0 a\rb'
        hear a
        [[ $LINE == "0->> a"[$'\r?']b ]]
        say a $'\r'
        expect a 'error: expected "<number> <text>"'
        say a ""
        expect a 'error: expected "<number> <text>"'
    }
    from 5
}

@test "lines from ten senders don't mix, however they are written" {
    scenario() {
        if [[ -e $TOOLS/faults.so && -z ${SANITIZED:-} ]]; then
            start_faulty_server write:short:every=1 "$1"
        else
            start_server "$1"
        fi
        join a
        local i
        for i in {1..10}; do
            # shellcheck disable=SC2016
            yes "0 $i$i$i$i$i$i$i$i" | head -n 500 |
                alone "$TOOLS/peer" talk "$PORT" >"sender$i" &
            PIDS+=("$!")
        done
        head -n 5000 <&"$FD_a" | cut -d ' ' -f 2- | sort | uniq -c >counts
        [[ $(awk '$1 == 500' counts | wc -l) -eq 10 ]]
    }
    from 5
}

@test "nobody gets what is meant for another, as clients come and go" {
    need_linux
    scenario() {
        start_server "$1"
        storm shuffle "$PORT" 900 "$RANDOM"
        enter a
        send_back a hello
        comes_back a hello
    }
    from 5
}

@test "flaw: the client waits for a reply that goes to somebody else" {
    scenario() {
        start_server "$1"
        join b
        start_client a "$1" 127.0.0.1 "$PORT"
        prints a "Your number is 1"
        type a $'0 one\n0 two\n'
        expect b "1->> one"
        # The second line is still in the client, until something comes for it.
        hears_nothing b
        say b "1 go on"
        expect b "1->> two"
    }
    only 5
}

@test "flaw: a message shows only after its receiver has typed something" {
    scenario() {
        start_server "$1"
        start_client a "$1" 127.0.0.1 "$PORT"
        prints a "Your number is 0"
        join b
        say b "0 hello"
        say b "1 was it delivered?"
        expect b "1->> was it delivered?"
        not in_file "1->> hello" a.out
        type a $'0 a note\n'
        prints a "1->> hello"
    }
    only 5
}

@test "flaw: a client that does not read holds up everybody" {
    scenario() {
        start_server "$1"
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
    from 5 to 6
}
