# An exercise of step 1: the client says how long each answer took.

load ../helper

# asks_again: whether the client a asks for a second line.
asks_again() {
    (($(grep -o 'Text to send: ' a.out | wc -l) == 2))
}

# took: sets US to what the client a says that its answer took.
took() {
    wait_until asks_again || return
    US=$(sed -n 's/^(after \([0-9]*\) us)$/\1/p' a.out)
    echo "after $US us"
    [[ -n $US ]]
}

@test "the client says how many microseconds an answer took" {
    start_server 1
    start_client a 1 127.0.0.1 "$PORT"
    type a $'hello\n'
    took
    in_file "Message from server: hello" a.out
}

@test "a slow answer takes as long as it takes" {
    start_server 1
    freeze "$SERVER"
    start_client a 1 127.0.0.1 "$PORT"
    type a $'hello\n'
    # A second more than it has to be, for the client to send the line.
    local since=${EPOCHREALTIME/./}
    late() { ((${EPOCHREALTIME/./} - since > 2000000)); }
    wait_until late
    kill -CONT "$SERVER"
    took
    ((US > 1000000 && US < 60 * 1000000))
}
