# The ladder in README.md, a table that is made from a run of tests/ladder.bats.
#
# shellcheck shell=bash

# ladder_table: makes the table of the rows on stdin. Each leads to what has it
# work to the end.
ladder_table() {
    local form='^(.*[^ ]) +([^ ]+)$' name row line i head="" rule=""
    for i in 1 2 3 4 5 6 7; do
        head+=" [$i](${STEPS[i]}/README.md) |"
        rule+=":-:|"
    done
    printf '\n| |%s\n|---|%s\n' "$head" "$rule"
    while IFS= read -r line && [[ $line =~ $form ]]; do
        name=${BASH_REMATCH[1]} row=${BASH_REMATCH[2]}
        printf '| [%s](%s) |' "$name" "$(turning_point "$name" "$row")"
        for ((i = 0; i < ${#row}; i++)); do printf ' %s |' "${row:i:1}"; done
        echo
    done
    echo
}

# turning_point NAME ROW: where the texts say what the row turns with: a chapter,
# or in step 7 the move.
turning_point() {
    local i=${#2} file
    while ((i > 1)) && [[ ${2:i-2:1} == x ]]; do ((i--)); done
    ((i == 7)) && file=$(grep -lxF "Turns: $1" step7-robust/moves/*.diff) &&
        heading_of_move "${file##*/}" && return
    echo "${STEPS[i]}/README.md"
}

# heading_of_move NN-NAME: FILE#ANCHOR, if there is one.
heading_of_move() {
    local number=$((10#${1%%-*}))
    LC_ALL=C awk -f tests/tools/lib/links.awk step7-robust/*.md |
        sed -n "s/^heading \([^ ]*\) [0-9]* [0-9]* \(move-$number-.*\)/\1#\2/p" |
        grep -m 1 .
}

# The rows that tests/ladder.bats expects.
expected_rows() {
    sed -n -e 's/^@test "\(.*\)" {$/\1/p' -e 's/^ *climb \([-.x]*\)$/\1/p' \
        tests/ladder.bats |
        while IFS= read -r name && IFS= read -r row; do
            printf '%-53s %s\n' "$name" "$row"
        done
}

has_ladder() {
    [[ $(grep -cxE '<!-- /?ladder -->' README.md) == 2 ]] && return
    complain "README.md: no <!-- ladder --> and <!-- /ladder -->"
    return 1
}

check_ladder() {
    has_ladder || return
    diff <(sed '1,/^<!-- ladder -->$/d; /^<!-- \/ladder -->$/,$d' README.md) \
        <(expected_rows | ladder_table) ||
        complain "README.md: the ladder is not that of tests/ladder.bats:" \
            "    bats tests/ladder.bats && make chapters"
}

refresh_ladder() {
    local rows=build/ladder.txt new
    has_ladder || return
    if [[ $(cat $rows | wc -l) != "$(expected_rows | wc -l)" ]]; then
        complain "$rows is not from a whole run: bats tests/ladder.bats"
        return
    fi
    new=$(mktemp) || return
    {
        sed '/^<!-- ladder -->$/q' README.md
        ladder_table <$rows
        sed -n '/^<!-- \/ladder -->$/,$p' README.md
    } >"$new"
    cat "$new" >README.md
    rm "$new"
}
