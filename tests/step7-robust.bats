# Step 7, robust: what the messenger does beyond what the steps before it did;
# their files test step 7, too. What it withstands is in step7-threats.bats,
# step7-faults.bats and step7-badinput.bats; its line editor in
# step7-client.bats.

load helper

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
    hears_the_end c
    grep -qxE '127\.0\.0\.1:[0-9]+ was refused: server is full' server.err
    leave a
    wait_until join d
    refuses "expected a number from 1 to" "$OUT/step7-robust/server" -n 0
    refuses "expected a number from 1 to" "$OUT/step7-robust/server" -n 2x
}

@test "it takes as many clients as the limit of open files allows" {
    # The soft limit is raised.
    (
        clean_up_on_exit
        ulimit -S -n 64
        start_server 7 && ulimit -S -n 1024 &&
            start_peer many crowd "$PORT" 200 && prints many "all here" &&
            not in_file full many.out
    )
    # The hard one leaves room for 68 clients and 32 other files.
    (
        clean_up_on_exit
        ulimit -n 100
        start_server 7 && start_peer few crowd "$PORT" 68 &&
            prints few "all here" && not in_file full few.out &&
            connect a && expect a "error: server is full" &&
            not in_file accept server.err
    )
    refuses "expected a number from 1 to 68" small_limit \
        "$OUT/${STEPS[7]}/server" -n 69
}

small_limit() {
    ulimit -n 100
    exec "$@"
}

@test "clients whose numbers share a list are told apart" {
    # With three lists, 0, 3 and 6 are in the same.
    start_server 7 -n 3
    local fds
    fds=$(descriptors)
    join a
    come_and_go "$((fds + 1))"
    come_and_go "$((fds + 1))"
    join b
    come_and_go "$((fds + 2))"
    come_and_go "$((fds + 2))"
    join c
    [[ "$NUMBER_a $NUMBER_b $NUMBER_c" == "0 3 6" ]]
    say a "3 one"
    expect b "0->> one"
    say b "6 two"
    expect c "3->> two"
    say c "0 three"
    expect a "6->> three"
    leave b
    b_has_left() { say a "3 hello" && hear a && [[ $LINE == *"not conn"* ]]; }
    wait_until b_has_left
    say c "0 four"
    expect a "6->> four"
    say a "6 five"
    expect c "0->> five"
    kill -TERM "$SERVER"
    expect a "error: server is shutting down"
    expect c "error: server is shutting down"
}

# come_and_go DESCRIPTORS: one client, and the server has as many again.
come_and_go() {
    churn 1 && wait_until descriptors_are "$1"
}

@test "one client writes to 200 others at once" {
    start_server 7
    local i
    for i in {1..200}; do join "c$i"; done
    join a
    send a "$(seq -f '%.0f hello' 0 199)"$'\n'
    for i in {1..200}; do expect "c$i" "200->> hello"; done
    for i in {1..200}; do
        say "c$i" "$NUMBER_a I am $i"
        expect a "$((i - 1))->> I am $i"
    done
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
        hears_the_end a
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
