# What holds between the steps: which files are the same, how much a step may
# change, and that each stands alone.

load helper

@test "the files that a step does not change are the same" {
    cmp "$ROOT/step1-echo/client.c" "$ROOT/step2-multi/client.c"
    cmp "$ROOT/step4-pool/client.c" "$ROOT/step5-protocol/client.c"
    cmp "$ROOT/step5-protocol/server.c" "$ROOT/step6-async/server.c"
}

# differ_by FILE STEP LINES: the changed lines from the step before are at most
# so many.
differ_by() {
    local before=$ROOT/${STEPS[$2 - 1]}/$1 after=$ROOT/${STEPS[$2]}/$1 lines
    lines=$(diff -u "$before" "$after" | grep -c '^[-+]')
    echo "$1, step $2: $lines lines, at most $3 expected"
    ((lines <= $3))
}

@test "a step changes few lines" {
    differ_by server.c 2 35
    differ_by server.c 3 70
    differ_by server.c 4 90
    differ_by server.c 5 70
    differ_by server.c 7 450
    differ_by client.c 3 50
    differ_by client.c 4 30
    differ_by client.c 6 140
    differ_by client.c 7 260
}

@test "each step compiles alone, in its own directory" {
    local step
    for step in 1 2 3 4 5 6 7; do
        mkdir "$step"
        cp "$ROOT/${STEPS[step]}"/*.c "$step"
        (cd "$step" && cc -pthread server.c -o server &&
            cc -pthread client.c -o client)
    done
}
