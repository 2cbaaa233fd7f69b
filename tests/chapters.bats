# The chapters say what the code does: see tests/tools/chapters.

load helper

# each_chapter CHECK: all of them pass it. What does not is named by its line.
each_chapter() {
    local step failed=0
    for step in 1 2 3 4 5 6 7; do
        "$ROOT/tests/tools/chapters" "$1" "$step" || failed=1
    done
    ((failed == 0))
}

@test "the chapters show code that stands so in the sources" {
    each_chapter code
}

@test "the chapters show diffs that are parts of the real ones" {
    each_chapter diffs
}

@test "the chapters end with the diffs of today" {
    each_chapter fresh
}

@test "the chapters show sessions that come out like that" {
    each_chapter run
}

@test "the ladder in README.md is the one that is tested" {
    "$ROOT/tests/tools/chapters" ladder
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
    ((rows == 35))
}
