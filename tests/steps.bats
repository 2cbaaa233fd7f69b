# What holds between the steps: which files are the same, how much a step may
# change, and that each stands alone.

load helper

@test "the files that a step does not change are the same" {
    cmp "$ROOT/step1-echo/client.c" "$ROOT/step2-multi/client.c"
    cmp "$ROOT/step4-pool/client.c" "$ROOT/step5-protocol/client.c"
    cmp "$ROOT/step5-protocol/server.c" "$ROOT/step6-async/server.c"
}

# differ_by FILE STEP LINES: the changed lines from the step before are at most
# so many. A budget to design by; 5 % more, so that a mended fault may fit in.
differ_by() {
    local before=$ROOT/${STEPS[$2 - 1]}/$1 after=$ROOT/${STEPS[$2]}/$1 lines
    lines=$(diff -u "$before" "$after" | grep -c '^[-+]')
    echo "$1, step $2: $lines lines, at most $3 expected"
    ((lines * 100 <= $3 * 105))
}

@test "a step changes few lines" {
    differ_by server.c 2 35
    differ_by server.c 3 72
    differ_by server.c 4 90
    differ_by server.c 5 70
    differ_by client.c 3 60
    differ_by client.c 4 30
    differ_by client.c 6 150
}

@test "the first step is small: two screens a program" {
    (($(wc -l <"$ROOT/step1-echo/server.c") <= 120))
    (($(wc -l <"$ROOT/step1-echo/client.c") <= 120))
}

@test "each step compiles alone, in its own directory" {
    local step
    for step in "${ALL_STEPS[@]}"; do
        mkdir "$step"
        cp "$ROOT/${STEPS[step]}"/*.c "$step"
        (cd "$step" && cc -pthread server.c -o server &&
            cc -pthread client.c -o client)
    done
}

@test "each mutant fits its program" {
    "$ROOT/tests/tools/mutants" -n
}

@test "steps 1 to 6 need C11, POSIX, <err.h> and INADDR_LOOPBACK alone" {
    need_linux # others hide INADDR_LOOPBACK, as POSIX does not have it
    local source
    for source in "$ROOT"/step[1-6]-*/*.c; do
        cc -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic \
            -Werror -pthread "$source" -o program
    done
}
