# What a series of moves has to stand: that it fits, that its moves are small,
# and that each state compiles and does what it is said to do.
#
# shellcheck shell=bash

FILES_OF_TESTS=(tests/step5-protocol.bats tests/step6-async.bats)

# Changed lines that a move may have; that which ends the threads is larger.
MOST=75
MOST_FOR_THREADS=120

# Their numbers and words are as they should be.
check_words() {
    local n
    for ((n = 1; n <= LAST; n++)); do
        [[ ${MOVES[n]} == $FOLDER/$(printf '%02d' "$n")-* ]] ||
            complain "${MOVES[n]}: here is the place of move $n"
        [[ -n $(sed 1q "${MOVES[n]}") && $(sed 1q "${MOVES[n]}") != *": "* ]] ||
            complain "${MOVES[n]}: no title in its first line"
        [[ $(words "$n" Try | wc -l) == 1 ]] ||
            complain "${MOVES[n]}: not one line \`Try: ...\`"
        sed -e '1d;/^$/d;/^--- a\//,$d' "${MOVES[n]}" |
            grep -vE '^(Try|Turns|Breaks|Mends): .' &&
            complain "${MOVES[n]}: what are these lines above its diff?"
    done
}

# The diffs are what pack would write, and end in step 7.
check_series() {
    local n new=$WORK/series
    ((LAST > 0)) || complain "there are no moves in $FOLDER"
    apply_series "$(state 0)" "$new" || complain "the series does not fit"
    ((FAILED == 0)) || return
    same "$new/$LAST" "$(state "$LAST")" ||
        complain "the moves do not end in ${STEPS[7]}: tests/tools/moves carry"
    for ((n = 1; n <= LAST; n++)); do
        written "$n" "$new/$((n - 1))" "$new/$n" | cmp -s - "${MOVES[n]}" ||
            complain "${MOVES[n]} is not as pack writes it"
    done
}

check_sizes() {
    local n lines most
    for ((n = 1; n <= LAST; n++)); do
        lines=$(grep -cE '^[-+]([^-+]|$)' "${MOVES[n]}")
        most=$MOST
        grep -q '^-.*pthread_create(' "${MOVES[n]}" && most=$MOST_FOR_THREADS
        ((lines > 0)) || complain "${MOVES[n]} changes nothing"
        ((lines <= most)) ||
            complain "${MOVES[n]} has $lines changed lines, more than $most"
    done
}

# changes N FILE: whether the move does.
changes() {
    grep -qx -e "--- a/$2" "${MOVES[$1]}"
}

# changed FORMAT: prints a line for each program that a move changes, by its
# number and the program's name.
changed() {
    local n name
    for ((n = 1; n <= LAST; n++)); do
        for name in server client; do
            # shellcheck disable=SC2059
            ! changes "$n" $name.c || printf "$1\n" "$n" $name
        done
    done
}

cores() {
    getconf _NPROCESSORS_ONLN
}

# build_states: the programs of all states, without a warning; those of state 3
# in build/states/build/step7.3.
build_states() {
    local programs
    ((LAST > 0)) || die "There are no moves in $FOLDER."
    unpack
    mapfile -t programs < <(changed 'build/states/build/step7.%d/%s')
    make -s -j"$(cores)" OUT=build/states CFLAGS="-O2 -g -Werror" \
        "${programs[@]}" || die "Not all states compile."
}

# check_with COMPILER: it has no warning either.
check_with() {
    local flags
    ((LAST > 0)) || die "There are no moves in $FOLDER."
    unpack
    read -ra flags < <(make -s CFLAGS="-Werror" print-cflags)
    changed 'build/step7.%d/%s.c' |
        xargs -n 1 -P "$(cores)" "$1" "${flags[@]}" -fsyntax-only ||
        complain "$1: not all states compile"
}

# program N NAME: the file of the server or client of that state. It may be
# from an earlier move, or from step 6.
program() {
    local n=$1
    while ((n > 0)) && ! changes "$n" "$2.c"; do ((--n)); done
    if ((n > 0)); then
        echo "build/states/build/step7.$n/$2"
    else
        echo "$OUT/${STEPS[6]}/$2"
    fi
}

# make_state N DIRECTORY: all programs, as OUT has them; but the server of
# steps 5 to 7 and the client of steps 6 and 7 are those after move N.
make_state() {
    local step
    make_out "$2"
    for step in "${STEPS[@]:5}"; do
        replace "$2/$step/server" "$(program "$1" server)"
        [[ $step == "${STEPS[5]}" ]] ||
            replace "$2/$step/client" "$(program "$1" client)"
    done
}

# replace PROGRAM OTHER: by a copy, as `make` would build again what is older
# than its source.
replace() {
    rm "$1"
    cp "$2" "$1"
}

# turning_rows: prints the rows of the ladder that turn in step 7.
turning_rows() {
    expected_rows | sed -n 's/ *[^ ]*\.x$//p'
}

# Each row that turns is claimed by one move, and what breaks or is mended is a
# test.
check_claims() {
    local row n test claims=()
    for ((n = 1; n <= LAST; n++)); do
        while IFS= read -r test; do
            cat "${FILES_OF_TESTS[@]}" | grep -qxF -e "@test \"$test\" {" ||
                complain "${MOVES[n]}: there is no such test: $test"
        done < <(words "$n" Breaks && words "$n" Mends)
        while IFS= read -r row; do
            turning_rows | grep -qxF -e "$row" ||
                complain "${MOVES[n]}: no row that turns in step 7: $row"
            claims+=("$row")
        done < <(words "$n" Turns)
    done
    while IFS= read -r row; do
        n=$(printf '%s\n' "${claims[@]}" | grep -cxF -e "$row")
        ((n == 1)) || complain "$n moves turn this row: $row"
    done < <(turning_rows)
}

# try_rows N: the rows that the move turns fail before, and work after it.
try_rows() {
    local rows
    mapfile -t rows < <(words "$1" Turns)
    ((${#rows[@]} > 0)) || return
    EXPECTED=. run_tests "$WORK/before" 1 tests/ladder.bats "${rows[@]}"
    all_fail "$WORK/before" ||
        complain "${MOVES[$1]}: a row works before it:" "$(<"$WORK/before/tap")"
    EXPECTED=x run_tests "$WORK/after" 10 tests/ladder.bats "${rows[@]}"
    all_pass "$WORK/after" ||
        complain "${MOVES[$1]}: a row fails after it:" "$(<"$WORK/after/tap")"
}

# broken_at N: prints the tests that are said not to hold after move N.
broken_at() {
    local n
    for ((n = 1; n <= $1; n++)); do
        words "$n" Mends | sed 's/^/-/'
        words "$n" Breaks | sed 's/^/+/'
    done | awk '{ broken[substr($0, 2)] = /^\+/ }
        END { for (test in broken) if (broken[test]) print test }' | sort
}

# names_of_tests STEP: prints them.
names_of_tests() {
    sed -n 's/^@test "\(.*\)" {$/\1/p' "tests/step$1-"*.bats
}

# tests_of N: prints the tests that try it: those of step 5 hold for the
# server, those of step 6 for the client. What was broken before and is not
# mended needs no trial.
tests_of() {
    {
        ! changes "$1" server.c || names_of_tests 5
        ! changes "$1" client.c || names_of_tests 6
        words "$1" Mends
        words "$1" Breaks
    } | sort -u |
        comm -23 - <(comm -12 <(broken_at $(($1 - 1))) <(broken_at "$1"))
}

# try_tests N: they hold, but for those that it breaks.
try_tests() {
    local broken held
    mapfile -t broken < <(words "$1" Breaks | sort)
    mapfile -t held < <(tests_of "$1" | comm -23 - <(words "$1" Breaks | sort))
    ONLY_STEP=6 run_tests "$WORK/after" 5 "${FILES_OF_TESTS[*]}" "${held[@]}"
    if ! none_fails "$WORK/after" || ! ran "$WORK/after" "${#held[@]}"; then
        complain "${MOVES[$1]}: of the tests of steps 5 and 6 not all hold:" \
            "$(<"$WORK/after/tap")"
    fi
    ((${#broken[@]} > 0)) || return
    make_state "$1" "$WORK/broken"
    ONLY_STEP=6 run_tests "$WORK/broken" 1 "${FILES_OF_TESTS[*]}" "${broken[@]}"
    if ! all_fail "$WORK/broken" || ! ran "$WORK/broken" "${#broken[@]}"; then
        complain "${MOVES[$1]}: not all that it is to break is broken:" \
            "$(<"$WORK/broken/tap")"
    fi
}

# try_move N: when all are built.
try_move() {
    make_state $(($1 - 1)) "$WORK/before"
    make_state "$1" "$WORK/after"
    try_rows "$1"
    try_tests "$1"
}

# try_all: some at the same time, as they also wait.
try_all() {
    check_claims
    seq 1 "$LAST" | BUILT=1 xargs -P 8 -n 1 tests/tools/moves try || FAILED=1
}
