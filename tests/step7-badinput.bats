# Bad input for step 7's server: badinput.c makes it, and has a model of what
# must come back. BADINPUT_SEED sets the seed of what is random.

load helper

@test "1,500 bad inputs are answered as the model says, however they are cut" {
    local cases
    start_server 7
    run "$TOOLS/badinput" "$PORT" "${BADINPUT_SEED:-$RANDOM}"
    echo "$output"
    echo "# $output" | tail -n 1 >&3
    [[ $status == 0 ]]
    read -r cases _ <<<"$output"
    ((cases >= 1500))
    alive "$SERVER"
}
