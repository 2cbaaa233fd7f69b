# Step 1, echo: one client, whose lines come back.

load helper

@test "what is typed comes back" {
    start_server 1
    start_client a 1 127.0.0.1 "$PORT"
    type a $'hello\n'
    prints a "Message from server: hello"
    type a $'hello again, 世界\n'
    prints a "Message from server: hello again, 世界"
    close_input a
    ends_with 0 a
}

@test "the server prints what it receives" {
    start_server 1
    connect a
    say a hello
    expect a hello
    in_file "Message received: hello" server.out
}

@test "a line may come in pieces" {
    start_server 1
    connect a
    printf 'he' >&"$FD_a"
    printf 'll' >&"$FD_a"
    # Not bash's own printf: that writes once for each line.
    env printf 'o\nwor' >&"$FD_a"
    expect a hello
    printf 'ld\n' >&"$FD_a"
    expect a world
}

@test "lines that come at once are answered one by one, in order" {
    start_server 1
    connect a
    env printf 'one\ntwo\n\nthree\n' >&"$FD_a"
    expect a one
    expect a two
    expect a ""
    expect a three
}

@test "a last line without a newline is sent, too" {
    start_server 1
    printf 'no newline' | "$OUT/step1-echo/client" 127.0.0.1 "$PORT" >a.out
    in_file "Message from server: no newline" a.out
}

@test "port 0 is a free port, another one for a second server" {
    start_server 1
    local first=$PORT
    start_server 1
    [[ $first -gt 0 && $PORT -gt 0 && $first -ne $PORT ]]
}

@test "what is wrong at the start is said in one line, with status 1" {
    refuses_bad_arguments 1
}

@test "flaw: a second client connects and hangs" {
    start_server 1
    connect a
    say a hello
    expect a hello
    connect b
    say b hello
    say a again
    expect a again
    hears_nothing b
}

@test "flaw: when the first client leaves, the server spins" {
    start_server 1
    connect a
    say a hello
    expect a hello
    leave a
    spins "$SERVER"
    connect b
    say b hello
    hears_nothing b
}
