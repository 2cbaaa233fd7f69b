# Step 4, pool: the server knows its clients, each by a number.

load helper

@test "each client is told its number, in the order in which they come" {
    start_server 4
    join a
    join b
    join c
    [[ "$NUMBER_a $NUMBER_b $NUMBER_c" == "0 1 2" ]]
}

@test "the client prints its number, then what comes back with it" {
    start_server 4
    join a
    start_client b 4 127.0.0.1 "$PORT"
    prints b "Message from server: Your number is 1"
    type b $'hello\n'
    prints b "Message from server: 1->> hello"
}

@test "the 1,001st client is refused with a reason, the others stay" {
    start_server 4
    start_peer crowd crowd "$PORT" 1000
    prints crowd "all here"
    in_file "Your number is 999" crowd.out
    connect a
    expect a "error: server is full"
    not hear a # but the end of the connection
}

@test "what is wrong at the start is said in one line, with status 1" {
    refuses_bad_arguments 4
}

@test "flaw: it is still an echo" {
    start_server 4
    join a
    join b
    say a "1 hello, b"
    expect a "0->> 1 hello, b"
    hears_nothing b
}

@test "flaw: after 1,000 clients the pool is full, even with nobody there" {
    start_server 4
    churn 1000
    in_file "Your number is 999" churn.out
    connect a
    expect a "error: server is full"
}
