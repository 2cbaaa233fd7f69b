# Step 1, echo: one client, whose lines come back.

load helper

@test "what is typed comes back" {
    scenario() {
        start_server "$1"
        client_enters a
        type_back a "hello"
        shows_back a "hello"
        type_back a "hello again, 世界"
        shows_back a "hello again, 世界"
        close_input a
        ends_with 0 a
        [[ ! -s a.err ]]
    }
    from 1
}

@test "client and server print what the chapters show" {
    scenario() {
        start_server "$1"
        client_enters a
        type_back a "hello"
        shows_back a "hello"
        close_input a
        ends_with 0 a
        # From step 6 on the prompt does not wait for what comes.
        (($1 < 6)) || sed 's/Text to send: //g' a.out >a.lines
        [[ $1 != 6 ]] || [[ $(grep -o "Text to send: " a.out | wc -l) -eq 2 ]]
        {
            echo "Listening on 127.0.0.1:$PORT"
            (($1 > 6)) || echo "Message received: $(request a hello)"
        } | diff - server.out
        {
            (($1 < 4)) || shown "Your number is 0"
            (($1 > 5)) || printf 'Text to send: '
            shown "$(answer a hello)"
            (($1 > 5)) || printf 'Text to send: '
        } | diff - "$(if (($1 < 6)); then echo a.out; else echo a.lines; fi)"
    }
    from 1
}

@test "a line may come in pieces" {
    scenario() {
        start_server "$1"
        enter a
        # Each time the end of a line and the beginning of the next, one byte
        # longer: what comes back shows that both were read. Two lines by
        # turns, so that old bytes are not the new ones.
        local texts=("hello, world" "HELLO, WORLD") lines cut
        lines=("$(request a "${texts[0]}")" "$(request a "${texts[1]}")")
        send a "${lines[1]}"
        for ((cut = 0; cut <= ${#lines[0]}; cut++)); do
            send a $'\n'"${lines[cut % 2]:0:cut}"
            comes_back a "${texts[(cut + 1) % 2]}"
            send a "${lines[cut % 2]:cut}"
        done
    }
    from 1
}

@test "lines that come at once are answered one by one, in order" {
    scenario() {
        seq -f 'line %.0f' 5000 >lines
        start_server "$1"
        all_come_back lines
    }
    from 1
}

@test "an empty line is a line" {
    scenario() {
        start_server "$1"
        enter a
        send a $'\n\none\n\n'
        local text
        for text in "" "" one ""; do comes_back a "$text"; done
    }
    from 1 to 4
}

@test "a zero byte ends what comes back of a line, and nothing else" {
    scenario() {
        start_server "$1"
        enter a
        printf '%s\0more\n%s\n' "$(request a one)" "$(request a two)" \
            >&"$FD_a"
        comes_back a one
        comes_back a two
    }
    from 1 to 6
}

@test "a line with % in it is nothing special" {
    scenario() {
        local text='100 % of %s %n %d %%s%%n %1000000d'
        start_server "$1"
        client_enters a
        type_back a "$text"
        shows_back a "$text"
        (($1 > 6)) || in_file "Message received: $(request a "$text")" server.out
    }
    from 1
}

# longest: prints the length of the longest text that comes back.
longest() {
    local most=4095
    ((STEP < 7)) || most=250
    ((STEP < 5)) || ((most -= 2)) # the receiver's number stands before it
    echo "$most"
}

@test "the longest line fits, and so do all that are shorter" {
    scenario() {
        local most text length
        most=$(longest)
        text=$(seq -s ' ' 1500)
        start_server "$1"
        enter a
        for length in 1 "$((most - 1))" "$most" 1 "$most" "$most"; do
            send_back a "${text:0:length}"
            comes_back a "${text:0:length}"
        done
        # Enough for lines to begin and to end anywhere in the buffer.
        for ((length = 1; length <= most; length += most / 120)); do
            echo "${text:0:length}"
            echo "${text:0:most - length + 1}"
        done >lines
        start_server "$1"
        all_come_back lines
    }
    from 1
}

@test "the client's lines may come in pieces, too" {
    scenario() {
        local texts=("hello, world" "HELLO, WORLD") cut
        play_server
        start_client a "$1" 127.0.0.1 "$PORT"
        # Steps 1 to 5 wait for a line when they have sent one; step 4 also
        # for a first one.
        type server "${texts[1]}"
        type a $'x\n'
        for ((cut = 0; cut <= 12; cut++)); do
            type server "-$cut"$'\n'"${texts[cut % 2]:0:cut}"
            prints a "$(shown "${texts[(cut + 1) % 2]}-$cut")"
            type a $'x\n'
            type server "${texts[cut % 2]:cut}"
        done
    }
    from 1
}

@test "lines that come to the client at once are shown one by one" {
    scenario() {
        play_server
        start_client a "$1" 127.0.0.1 "$PORT"
        type server $'one\ntwo\nthree\n'
        type a $'x\nx\nx\n'
        prints a "$(shown three)"
        [[ $(grep -oE "(one|two|three)$" a.out | xargs) == "one two three" ]]
        # What is left of them in the buffer is no part of what comes then.
        type server $'four\nha'
        type a $'x\n'
        prints a "$(shown four)"
        type a $'x\n'
        type server $'lf\n'
        prints a "$(shown half)"
    }
    from 1
}

@test "the client prints a line of 8,191 bytes" {
    scenario() {
        local text length
        text=$(seq -s ' ' 3000)
        play_server
        start_client a "$1" 127.0.0.1 "$PORT"
        for length in 8190 8191 1 8191; do
            type a $'x\n'
            type server "${text:0:length}"$'\n'
            prints a "Message from server: ${text:0:length}"
            : >a.out
        done
    }
    from 1 to 6
}

@test "a last line without a newline is sent, too" {
    scenario() {
        start_server "$1"
        client_enters a
        type a "$(request a "no newline")"
        close_input a
        shows_back a "no newline"
        ends_with 0 a
    }
    from 1
}

@test "a client with no input at all ends with status 0" {
    scenario() {
        start_server "$1"
        start_client a "$1" 127.0.0.1 "$PORT"
        close_input a
        ends_with 0 a
        [[ ! -s a.err ]]
    }
    from 1
}

@test "port 0 is a free port, another one for a second server" {
    scenario() {
        start_server "$1"
        local first=$PORT
        start_server "$1"
        [[ $first -gt 0 && $PORT -gt 0 && $first -ne $PORT ]]
    }
    from 1
}

@test "what is wrong at the start is said in one line, with status 1" {
    scenario() {
        local server=$OUT/${STEPS[$1]}/server client=$OUT/${STEPS[$1]}/client
        start_server "$1"
        refuses "127.0.0.1:$PORT: Address " "$server" "$PORT"
        refuses usage "$server" 0 0
        refuses usage "$client" 127.0.0.1 "$PORT" more
        refuses "no.such.host.invalid: " "$client" no.such.host.invalid "$PORT"
        kill_server
        refuses "127.0.0.1:$PORT: Connection refused" \
            "$client" 127.0.0.1 "$PORT"
    }
    from 1
}

@test "a port is a number from 0 to 65535, for a client from 1 on" {
    scenario() {
        local server=$OUT/${STEPS[$1]}/server client=$OUT/${STEPS[$1]}/client
        local port options=()
        # There what begins with - is an option.
        (($1 < 7)) || options=(--)
        for port in 80x x "" -1 65536 99999999999999999999 "8 1" +80; do
            refuses "expected a number from 0 to 65535" \
                "$server" "${options[@]}" "$port"
            refuses "expected a number from 1 to 65535" \
                "$client" 127.0.0.1 "$port"
        done
        refuses "expected a number from 1 to 65535" "$client" 127.0.0.1 0
    }
    from 1
}

@test "a connection never takes the place of stdin, stdout or stderr" {
    scenario() {
        local server=$OUT/${STEPS[$1]}/server client=$OUT/${STEPS[$1]}/client
        start_server "$1"
        refuses "stdin, stdout or stderr is closed" close_all "$server" 0
        refuses "stdin, stdout or stderr is closed" \
            close_all "$client" 127.0.0.1 "$PORT"
        ends_without_stderr "$server" 0
        ends_without_stderr "$client" 127.0.0.1 "$PORT"
    }
    ends_without_stderr() {
        alone "$@" </dev/null 2>&- &
        PID_mute=$!
        PIDS+=("$PID_mute")
        # With status 1, or of SIGPIPE when it tries to say why.
        local result=0
        status mute || result=$?
        [[ $result == 1 || $result == 141 ]]
    }
    from 1
}

# in_own_network FUNCTION [ARGUMENT...]: runs it where all ports are free, and
# the name `both` has two addresses: in namespaces of its own.
in_own_network() {
    # shellcheck disable=SC2016
    unshare -rnm bash -c '
        set -e
        . "$0"
        printf "::1 both\n127.0.0.1 both\n" >hosts
        mount --bind hosts /etc/hosts
        ip link set lo up
        trap end_all EXIT
        '"$(declare -f "$1")"'
        "$@"' "$ROOT/tests/helper.bash" "$@"
}

@test "without arguments, server and client meet at 127.0.0.1, port 8081" {
    meet() {
        local arguments
        STEP=$1
        for arguments in "" 127.0.0.1; do
            run_server "$OUT/${STEPS[$1]}/server"
            [[ $(<server.out) == "Listening on 127.0.0.1:8081" ]]
            # shellcheck disable=SC2086
            start_client a "$1" $arguments
            type a $'0 hello\n'
            prints a hello
            close_input a
            kill_server
            rm a.in a.out
        done
    }
    scenario() {
        "${network[@]}" meet "$1"
    }
    local network=() step
    if in_own_network true; then
        network=(in_own_network)
        from 1
    elif (: </dev/tcp/127.0.0.1/8081); then
        leave_out "port 8081 is taken"
    else
        for step in "${ALL_STEPS[@]}"; do only "$step"; done
    fi
}

@test "of a name's addresses the client takes the first that answers" {
    find_out() {
        start_server "$1"
        start_client a "$1" both "$PORT"
        type a $'0 hello\n'
        prints a hello
    }
    scenario() {
        in_own_network find_out "$1"
    }
    in_own_network true || leave_out "needs namespaces of its own"
    from 1
}

@test "it listens on 127.0.0.1, and nowhere else" {
    need_linux # where 127.0.0.2 is this machine, too
    scenario() {
        start_server "$1"
        enter a
        local address
        for address in 127.0.0.2 ::1; do
            not eval ": </dev/tcp/$address/$PORT"
        done
    }
    from 1
}

@test "killed and started again, it has its port at once" {
    scenario() {
        start_server "$1"
        enter a
        kill_server
        leave a # after the server: the server's end is in TIME_WAIT
        run_server "$OUT/${STEPS[$1]}/server" "$PORT"
        enter b
        send_back b hello
        comes_back b hello
    }
    from 1
}

@test "200 connections at once need not wait for the server" {
    scenario() {
        start_server "$1"
        freeze "$SERVER"
        start_peer crowd crowd "$PORT" 200
        prints crowd "all connected"
        kill -CONT "$SERVER"
        (($1 < 4)) || prints crowd "all here"
    }
    from 1
}

@test "flaw: a second client connects and hangs" {
    scenario() {
        start_server "$1"
        enter a
        send_back a hello
        comes_back a hello
        enter b
        send_back b hello
        send_back a again
        comes_back a again
        hears_nothing b
    }
    only 1
}

@test "flaw: when the first client leaves, the server spins" {
    scenario() {
        start_server "$1"
        enter a
        send_back a hello
        comes_back a hello
        not spins "$SERVER"
        leave a
        spins "$SERVER"
        # And it serves nobody again.
        enter b
        send_back b hello
        hears_nothing b
    }
    only 1
}

@test "flaw: a line that finds no room makes the server spin" {
    scenario() {
        local text
        text=$(repeat 4096 x)
        start_server "$1"
        enter a
        send a "${text:1}"
        not spins "$SERVER"
        send a $'\n'
        comes_back a "${text:1}"
        send a "$text"
        spins "$SERVER"
    }
    from 1 to 2
}

@test "flaw: a line that finds no room makes the client spin, too" {
    scenario() {
        play_server
        start_client a "$1" 127.0.0.1 "$PORT"
        type server "$(repeat 9000 x)"
        prints a "Text to send: "
        wait_until waits "$PID_a"
        type a $'x\n'
        spins "$PID_a"
    }
    from 1 to 2
}
