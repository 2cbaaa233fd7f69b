# Calls that fail, or do less than they are asked to: short reads and writes,
# interrupted calls, lost connections, no memory. A preloaded library plays the
# kernel (faults.c), a program the clients (faultload.c).

load helper

setup_file() {
    local root
    [[ $(uname) == Linux ]] || skip "needs Linux: the library is for glibc"
    root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    mkdir -p "$root/build/tests"
    ${CC:-cc} -O2 -shared -fPIC "$root/tests/faults.c" \
        -o "$root/build/tests/faults.so"
    ${CC:-cc} -O2 "$root/tests/faultload.c" -o "$root/build/tests/faultload"
}

# check_counts CASES FAULTS: at least so many, by the last line of the output.
check_counts() {
    local cases faults
    echo "$output"
    echo "# ${lines[-1]}" >&3
    read -r cases _ faults _ <<<"${lines[-1]}"
    ((status == 0 && cases >= $1 && faults >= $2))
}

@test "150 faults cost the server nothing, and others no byte" {
    run "$TOOLS/faultload" server "$OUT/${STEPS[7]}/server" "$TOOLS/faults.so"
    check_counts 150 150
}

@test "the client sends and prints every byte under faults" {
    run "$TOOLS/faultload" client "$OUT/${STEPS[7]}/client" \
        "$TOOLS/faults.so" "$OUT/${STEPS[7]}/server"
    check_counts 20 20
}
