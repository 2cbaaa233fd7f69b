# Step 7, robust: what the messenger does. What it withstands is in
# step7-threats.bats, step7-faults.bats and step7-badinput.bats; its line
# editor in step7-client.bats.

load helper

@test "a message reaches the client it names, and no other" {
    start_server 7
    join a
    join b
    join c
    say a "2 hello, c"
    expect c "0->> hello, c"
    say c "0 hello, a"
    expect a "2->> hello, a"
    hears_nothing b
}

@test "three clients talk" {
    start_server 7
    local name
    for name in a b c; do
        start_client "$name" 7 127.0.0.1 "$PORT"
        prints "$name" "Your number is"
    done
    type a $'1 hello, b\n2 hello, c\n'
    prints b "0->> hello, b"
    prints c "0->> hello, c"
    type c $'0 hello, a\n'
    prints a "2->> hello, a"
    close_input a
    ends_with 0 a
}

@test "every reply is as it is written down" {
    start_server 7
    join a
    say a "what?"
    expect a 'error: expected "<number> <text>"'
    say a "7 hello"
    expect a "error: client 7 is not connected"
    say a "0 $(repeat 249 x)"
    expect a "error: message is longer than 250 bytes"
    say a "0 $(repeat 248 x)"
    expect a "0->> $(repeat 248 x)"
}

@test "control characters are not passed on, but tabs are" {
    start_server 7
    join a
    say a $'0 \001\033[31m\177\tx\302\233y\302\240'
    expect a $'0->> ??[31m?\tx??y\302\240'
    printf '0 a\0b\n' >&"$FD_a"
    expect a "0->> a?b"
}

@test "-h tells how to start it, an unknown option is refused" {
    run "$OUT/step7-robust/server" -h
    [[ $status -eq 0 && $output == "usage: server "* ]]
    # The words are the libc's.
    refuses option "$OUT/step7-robust/server" -x
    refuses argument "$OUT/step7-robust/server" -a
}

@test "what is wrong at the start is said in one line, with status 1" {
    refuses_bad_arguments 7
}

@test "-a: it listens on an IPv4 address, an IPv6 address, or a name" {
    start_server 7 -a 127.0.0.2
    in_file "Listening on 127.0.0.2:" server.out
    start_server 7 -a localhost
    grep -qE 'Listening on (127\.0\.0\.1|\[::1\]):' server.out
    if [[ -e /proc/net/if_inet6 ]] && grep -q ' lo$' /proc/net/if_inet6; then
        start_server 7 -a ::1
        in_file "Listening on [::1]:" server.out
        echo "0 hello" | "$OUT/step7-robust/client" ::1 "$PORT" >out
        in_file "0->> hello" out
    fi
    refuses 192.0.2.1 "$OUT/step7-robust/server" -a 192.0.2.1 0
    refuses no.such.host.invalid "$OUT/step7-robust/server" \
        -a no.such.host.invalid 0
}

@test "-n: one client too many is told so, until there is a place again" {
    start_server 7 -n 2
    join a
    join b
    connect c
    expect c "error: server is full"
    not hear c
    leave a
    wait_until join d
    refuses "expected a number from 1 to" "$OUT/step7-robust/server" -n 0
    refuses "expected a number from 1 to" "$OUT/step7-robust/server" -n 2x
}

@test "SIGINT and SIGHUP end it like SIGTERM: clients are told, status 0" {
    local signal
    for signal in INT TERM HUP; do
        start_server 7
        # Numbers with gaps: nobody may be forgotten.
        churn 5
        join a
        kill -s "$signal" "$SERVER"
        expect a "error: server is shutting down"
        not hear a
        leave a
        ends_with 0 server
    done
}

@test "the log has a line for who comes and for who leaves, with a reason" {
    start_server 7
    join a
    leave a
    wait_until grep -qE '^client 0 \(127\.0\.0\.1:[0-9]+\) connected$' \
        server.err
    wait_until grep -qE \
        '^client 0 \(127\.0\.0\.1:[0-9]+\) left: closed by the client$' \
        server.err
}

@test "SIGHUP does not end a server that nohup has started" {
    run_server nohup "$OUT/${STEPS[7]}/server" 0
    kill -HUP "$SERVER"
    join a
    kill -TERM "$SERVER"
    expect a "error: server is shutting down"
}
