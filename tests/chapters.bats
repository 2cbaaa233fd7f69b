# The chapters say what the code does: see tests/tools/chapters.

load helper

# each_chapter CHECK: all of them pass it. What does not is named by its line.
each_chapter() {
    local step
    for step in 1 2 3 4 5 6 7; do
        "$ROOT/tests/tools/chapters" "$1" "$step" >"$step.log" 2>&1 3>&- ||
            touch failed &
    done
    wait
    cat ./*.log
    [[ ! -e failed ]]
}

@test "code and diffs in the chapters stand so in the sources" {
    each_chapter shown
}

@test "each line that is new or gone in a step stands in its chapter" {
    each_chapter whole
}

@test "whole programs in the chapters compile" {
    each_chapter programs
}

@test "what the chapters' exercises break, the tests notice" {
    each_chapter breaks
}

@test "the chapters' sessions come out as they stand, typed and pasted" {
    not_sanitized "the sessions show the programs as they are"
    # The names of its symbols' versions.
    grep -qa GLIBC_ "$OUT/step1-echo/server" || leave_out "needs glibc's words"
    each_chapter run
}

@test "no link is dead, and the chapters lead to each other" {
    "$ROOT/tests/tools/chapters" links
}

@test "the ladder in README.md is the one that is tested" {
    "$ROOT/tests/tools/chapters" ladder
}

@test "the picture in README.md shows what happens" {
    need_linux
    "$ROOT/tests/tools/picture" check 3>&-
}

@test "the demo's screens fit into 80 columns" {
    need_linux
    "$ROOT/tests/tools/demo" >demo.out 3>&-
    cat demo.out
    in_file "Text to send: 0 Hi! My line is whole." demo.out
    not grep -E '.{81}' demo.out
}

@test "chapter 7's table of threats names tests that there are" {
    local number files file rows=0
    while IFS='|' read -r _ number _ _ files _; do
        echo "row $number: $files"
        ((number == ++rows))
        # shellcheck disable=SC2016
        for file in ${files//[\`,]/ }; do
            [[ -e $ROOT/tests/$file.bats ]]
            [[ $file != step7-threats ]] ||
                grep -qE "^@test \"threat ([0-9]+, )*${number// /}[,:]" \
                    "$ROOT/tests/$file.bats"
        done
    done < <(grep -E '^\| [0-9]+ \|' "$ROOT/step7-robust/README.md")
    ((rows == 52))
}
