# The links of all texts: none is dead, and the chapters lead to each other.
#
# shellcheck shell=bash

# HEADINGS has FILE#ANCHOR of each; LEADS has "FILE TARGET" for what leads
# where.
declare -A HEADINGS LEADS

# read_links: sets these, and LINKS, each as FILE:LINE TARGET; SECTIONS has the
# headings of the second level, each as FILE:LINE ANCHOR.
read_links() {
    local kind file line rest texts
    SECTIONS=() LINKS=()
    mapfile -t texts < <(find . -name build -prune -o -name '*.md' -print |
        sed 's,^\./,,' | sort)
    while read -r kind file line rest; do
        if [[ $kind == heading ]]; then
            HEADINGS[$file#${rest#* }]=1
            [[ $rest != "2 "* ]] || SECTIONS+=("$file:$line ${rest#* }")
        elif [[ $rest != *://* && $rest != mailto:* ]]; then
            LINKS+=("$file:$line $rest")
            LEADS["$file $(from_root "$file" "$rest")"]=1
        fi
    done < <(LC_ALL=C awk -f tests/tools/lib/links.awk "${texts[@]}")
}

# from_root FILE TARGET: what the target is called, seen from the root.
from_root() {
    local target=$2 up='^(.*/)?[^/.][^/]*/\.\./(.*)$'
    if [[ $target == "#"* ]]; then
        target=$1$target
    elif [[ $1 == */* ]]; then
        target=${1%/*}/$target
    fi
    while [[ $target =~ $up ]]; do
        target=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
    done
    echo "${target#./}"
}

check_links() {
    local link target
    read_links
    for link in "${LINKS[@]}"; do
        target=$(from_root "${link%%:*}" "${link#* }")
        [[ -e ${target%%#*} ]] ||
            complain "${link%% *}: there is no ${target%%#*}"
        [[ $target != *.md#* || -n ${HEADINGS[$target]-} ]] ||
            complain "${link%% *}: there is no heading $target"
    done
    check_contents
    check_order
}

# Each section of a chapter is in the contents of its file.
check_contents() {
    local section file
    for section in "${SECTIONS[@]}"; do
        file=${section%%:*}
        [[ $file != step* || -n ${LEADS["$file $file#${section#* }"]-} ]] ||
            complain "${section%% *}: the contents lack #${section#* }"
    done
}

# From each chapter, and each part of one, a link leads to the one before, to
# the next one, and up: to README.md, or to the chapter that it is a part of.
check_order() {
    local i all=() up=() step
    for step in "${STEPS[@]:1}"; do
        choose_step "$step"
        all+=("${TEXTS[@]}")
        up+=(README.md)
        for ((i = 1; i < ${#TEXTS[@]}; i++)); do up+=("${TEXTS[0]}"); done
    done
    for i in "${!all[@]}"; do
        leads "${all[i]}" up "${up[i]}"
        ((i == 0)) || leads "${all[i]}" back "${all[i - 1]}"
        ((i + 1 == ${#all[@]})) || leads "${all[i]}" on "${all[i + 1]}"
    done
}

# leads FILE WHERE TARGET
leads() {
    [[ -n ${LEADS["$1 $3"]-} ]] || complain "$1: no link leads $2, to $3"
}
