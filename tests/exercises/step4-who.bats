# Exercise of step 4: a line `who` is answered with the numbers of all who are
# here.

load ../helper

# answers_who NAME LINE: this is what NAME hears when it asks.
answers_who() {
    say "$1" who && hear "$1" && [[ $LINE == "$2" ]]
}

@test "who is here, in the order in which they came" {
    start_server 4
    join a
    say a who
    expect a "here: 0"
    join b
    join c
    say c who
    expect c "here: 0 1 2"
    say a "who?"
    expect a "0->> who?"
}

@test "a client that has left is not here" {
    start_server 4
    join a
    join b
    join c
    leave b
    wait_until answers_who a "here: 0 2"
}

@test "a full pool has room in one answer" {
    start_server 4
    start_peer crowd crowd "$PORT" 999
    prints crowd "all here"
    join a
    say a who
    expect a "here: $(echo {0..999})"
}

@test "some ask while others come and go" {
    start_server 4
    yes who | head -n 2000 | "$TOOLS/peer" talk "$PORT" >answers &
    local asker=$!
    churn 900
    wait "$asker"
    [[ $(grep -c '^here: ' answers) -eq 2000 ]]
}
