# An exercise of step 3: a client that says nothing for two seconds has to go.

load ../helper

# hear_while_talking SILENT TALKER: waits for a line for the one, while the
# other says a line and hears it again and again. Sets LINE to it.
hear_while_talking() {
    local fd=FD_$1 end=$((SECONDS + 6))
    until IFS= read -r -t 0.1 LINE <&"${!fd}"; do
        ((SECONDS < end)) || return
        say "$2" "I am here"
        expect "$2" "I am here" || return
    done
}

@test "a client that says nothing is told and let go, one that talks stays" {
    start_server 3
    local before
    before=$(descriptors)
    connect silent
    connect talker
    hear_while_talking silent talker
    [[ $LINE == "error: nothing from you for 2 seconds" ]]
    local result=0
    hear silent || result=$?
    [[ $result -eq 1 ]] # the end of the connection
    descriptors_are $((before + 1))
    say talker "I stay"
    expect talker "I stay"
    [[ ! -s server.err ]]
}
