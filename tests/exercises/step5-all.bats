# Exercise of step 5: `* text` goes to all but the client that sends it.

load ../helper

@test "a message to all reaches everybody but its sender" {
    start_server 5
    join a
    join b
    join c
    say b "* hello"
    expect a "1->> hello"
    expect c "1->> hello"
    say b "1 a note"
    expect b "1->> a note"
}

@test "a client that has left is left out, others get it" {
    start_server 5
    join a
    join b
    join c
    leave b
    b_has_left() {
        say a "1 hello"
        read -r -t 0.1 -u "$FD_a" LINE &&
            [[ $LINE == "error: client 1 is not connected" ]]
    }
    wait_until b_has_left
    say a "* hello"
    expect c "0->> hello"
}

@test "without a space and a text it is no message" {
    start_server 5
    join a
    join b
    local line
    for line in "*" "* " "*hello" "** hello" " * hello"; do
        say a "$line"
        expect a 'error: expected "<number> <text>"'
    done
    say a "* *"
    expect b "0->> *"
}
