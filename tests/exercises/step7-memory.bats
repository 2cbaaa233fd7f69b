# Exercise of step 7: `-m MEGABYTES` bounds what waits in all outboxes together.
# Who does not read can't take the room of those who do.

load ../helper

@test "eight clients that do not read cost no more than was allowed" {
    start_server 7 -m 2
    local before after
    before=$(memory VmRSS)
    start_storm deafs deafs "$PORT" 8
    PATIENCE=60 prints deafs filled
    after=$(memory VmRSS)
    echo "$((after - before)) KB"
    ((after - before < 5000))
}

@test "the others can still talk" {
    start_server 7 -m 1
    start_storm deafs deafs "$PORT" 8
    PATIENCE=60 prints deafs filled
    join a
    join b
    local text i
    text=$(repeat 200 x)
    for i in {1..200}; do
        say a "$NUMBER_b $text"
        expect b "$NUMBER_a->> $text"
    done
}

@test "what was sent, or was for a client that is gone, counts no longer" {
    start_server 7 -m 1
    start_storm deafs deafs "$PORT" 8
    PATIENCE=60 prints deafs filled
    close_input deafs
    ends_with 0 deafs
    wait_until grep -q 'client 8 .* left' server.err
    start_storm push push "$PORT" 1
    PATIENCE=60 prints push refused
    close_input push
    ends_with 0 push
    # All but 64 KB of a megabyte, in lines of 206 bytes.
    [[ $(<push.out) =~ ([0-9]+)" of "([0-9]+)" lines refused" ]]
    ((BASH_REMATCH[2] - BASH_REMATCH[1] > 4500))
}

@test "-m is a number of megabytes" {
    start_server 7 -m 1
    local bad
    for bad in 0 x "" -1; do
        refuses "-m $bad: expected a number from 1 to" \
            "$OUT/step7-robust/server" -m "$bad" 0
    done
}
