# Calls that fail, or do less than they are asked to: short reads and writes,
# interrupted calls, lost connections, no memory. A preloaded library plays the
# kernel (faults.c), a program the clients (faultload.c).

load helper

# check_counts CASES FAULTS: at least so many, by the last line of the output.
check_counts() {
    local cases faults
    echo "$output"
    echo "# ${lines[-1]}" >&3
    read -r cases _ faults _ <<<"${lines[-1]}"
    ((status == 0 && cases >= $1 && faults >= $2))
}

@test "150 faults cost the server nothing, and others no byte" {
    not_sanitized "its runtime wants to be loaded before our library"
    run "$TOOLS/faultload" server "$OUT/${STEPS[7]}/server" "$TOOLS/faults.so"
    check_counts 150 150
}

@test "the client sends and prints every byte under faults" {
    not_sanitized "its runtime wants to be loaded before our library"
    run "$TOOLS/faultload" client "$OUT/${STEPS[7]}/client" \
        "$TOOLS/faults.so" "$OUT/${STEPS[7]}/server"
    check_counts 20 20
}
