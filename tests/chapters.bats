# The chapters say what the code does: see tests/tools/chapters.

load helper

chapter() {
    run "$ROOT/tests/tools/chapters" "$@"
    echo "$output"
    [[ $status == 0 ]]
}

@test "chapter 1 shows code that stands so in the sources" {
    chapter code 1
}

@test "chapter 1 shows sessions that come out like that" {
    chapter run 1
}

@test "chapter 2 shows code that stands so in the sources" {
    chapter code 2
}

@test "chapter 2 shows diffs that are parts of the real one" {
    chapter diffs 2
}

@test "chapter 2 ends with the diff of today" {
    chapter fresh 2
}

@test "chapter 2 shows sessions that come out like that" {
    chapter run 2
}

@test "chapter 3 shows code that stands so in the sources" {
    chapter code 3
}

@test "chapter 3 shows diffs that are parts of the real one" {
    chapter diffs 3
}

@test "chapter 3 ends with the diff of today" {
    chapter fresh 3
}

@test "chapter 3 shows sessions that come out like that" {
    chapter run 3
}

@test "chapter 4 shows code that stands so in the sources" {
    chapter code 4
}

@test "chapter 4 shows diffs that are parts of the real one" {
    chapter diffs 4
}

@test "chapter 4 ends with the diff of today" {
    chapter fresh 4
}

@test "chapter 4 shows sessions that come out like that" {
    chapter run 4
}

@test "chapter 5 shows code that stands so in the sources" {
    chapter code 5
}

@test "chapter 5 shows diffs that are parts of the real one" {
    chapter diffs 5
}

@test "chapter 5 ends with the diff of today" {
    chapter fresh 5
}

@test "chapter 5 shows sessions that come out like that" {
    chapter run 5
}

@test "chapter 6 shows code that stands so in the sources" {
    chapter code 6
}

@test "chapter 6 shows diffs that are parts of the real one" {
    chapter diffs 6
}

@test "chapter 6 ends with the diff of today" {
    chapter fresh 6
}

@test "chapter 6 shows sessions that come out like that" {
    chapter run 6
}

@test "chapter 7 shows code that stands so in the sources" {
    chapter code 7
}

@test "chapter 7 shows diffs that are parts of the real one" {
    chapter diffs 7
}

@test "chapter 7 ends with the diff of today" {
    chapter fresh 7
}

@test "chapter 7 shows sessions that come out like that" {
    chapter run 7
}

@test "the ladder in README.md is the one that is tested" {
    grep -qs '^<!-- ladder -->' "$ROOT/README.md" ||
        skip "README.md has no ladder yet"
    chapter ladder
}

@test "chapter 7's table of threats names tests that there are" {
    local number files file rows=0
    while IFS='|' read -r _ number _ _ files _; do
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
