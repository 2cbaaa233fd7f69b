# Bad input for step 7's server: badinput.c makes it, and has a model of what
# must come back. BADINPUT_SEED sets the seed of what is random.

load helper

setup_file() {
    local root
    [[ $(uname) == Linux ]] || skip "needs Linux: step 7's server is for epoll"
    root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    mkdir -p "$root/build/tests"
    ${CC:-cc} -O2 "$root/tests/badinput.c" -o "$root/build/tests/badinput"
}

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
