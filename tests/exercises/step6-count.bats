# Exercise of step 6: when the client ends, it says how many lines it has sent
# and how many it has received.

load ../helper

@test "at the end of the input all lines are counted" {
    start_server 6
    printf '0 one\n0 two\nwhat?\n' |
        "$OUT/step6-async/client" 127.0.0.1 "$PORT" >out 2>err
    in_file "client: 3 lines sent, 4 received" err
    "$OUT/step6-async/client" 127.0.0.1 "$PORT" </dev/null >out 2>err
    in_file "client: 0 lines sent, 1 received" err
}

@test "20,000 lines are counted" {
    start_server 6
    yes '0 hello' | head -n 20000 |
        "$OUT/step6-async/client" 127.0.0.1 "$PORT" >out 2>err
    in_file "client: 20000 lines sent, 20001 received" err
}

@test "when the server is gone, what was sent and received is counted, too" {
    start_server 6
    start_client a 6 127.0.0.1 "$PORT"
    prints a "Your number is 0"
    type a $'0 hello\n'
    prints a "0->> hello"
    kill_server
    ends_with 1 a
    in_file "client: 1 lines sent, 2 received" a.err
    in_file "the server is gone" a.err
}
