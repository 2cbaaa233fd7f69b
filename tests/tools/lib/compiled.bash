# Programs in the texts: whole ones compile, and what an exercise breaks is
# noticed by the test that it names.
#
# shellcheck shell=bash

# Each `c program NAME.c` compiles as the steps do, without a warning.
check_programs() {
    local n name flags
    read -ra flags < <(make -s CFLAGS="-O2 -g -Werror" print-cflags)
    for n in "${!INFO[@]}"; do
        [[ ${INFO[n]} == "c program "* ]] || continue
        name=${INFO[n]#c program }
        [[ ! -e $WORK/$name ]] ||
            complain "$(place "$n"): there is a $name already"
        printf '%s' "${TEXT[n]}" >"$WORK/$name"
        "${CC:-cc}" "${flags[@]}" "$WORK/$name" -o "$WORK/program" ||
            complain "$(place "$n"): $name does not compile so"
    done
}

# Each `diff break FILE "TEST"` makes that test fail, which passes without it.
check_breaks() {
    local n name file names=() files=()
    make_out "$WORK/whole"
    for n in "${!INFO[@]}"; do
        name=$(broken_test "$n") || continue
        break_source "$n" || continue
        file=$(file_of_test "$name" "$STEP")
        names+=("$name")
        files+=("$file")
        ONLY_STEP=${STEP:4:1} run_tests "$WORK/$n" 3 "$file" "$name" &
    done
    ((${#names[@]} > 0)) || return
    ONLY_STEP=${STEP:4:1} run_tests "$WORK/whole" 10 "${files[*]}" "${names[@]}"
    all_pass "$WORK/whole" ||
        complain "$STEP: not all of these tests pass as it is:" \
            "$(<"$WORK/whole/tap")"
    wait
    for n in "${!INFO[@]}"; do
        [[ ! -e $WORK/$n/tap ]] || all_fail "$WORK/$n" ||
            complain "$(place "$n"): this test does not notice it:" \
                "$(<"$WORK/$n/tap")"
    done
}

# broken_test BLOCK: prints the test that it names, if it is such an exercise.
broken_test() {
    local exercise='^diff break [a-z.]+ "(.*)"$'
    [[ ${INFO[$1]} =~ $exercise ]] && echo "${BASH_REMATCH[1]}"
}

# break_source BLOCK: builds the program so, beside all others.
break_source() {
    local file=${INFO[$1]#diff break } out=$WORK/$1
    file=${file%% *}
    make_out "$out"
    cp "$STEP/$file" "$out/$STEP" # some tests build it themselves
    {
        printf -- '--- a/%s\n+++ b/%s\n' "$file" "$file"
        printf '%s' "${TEXT[$1]}"
    } >"$out/diff"
    if [[ -z $(file_of_test "$(broken_test "$1")" "$STEP") ]]; then
        echo "there is no such test" >"$out/err"
    elif tests/tools/apply "$out/$STEP" <"$out/diff" 2>"$out/err"; then
        build_program "$out/$STEP/$file" "$out/$STEP/${file%.c}" -w \
            2>"$out/err" &&
            return
    fi
    complain "$(place "$1"): $(<"$out/err")"
    return 1
}
