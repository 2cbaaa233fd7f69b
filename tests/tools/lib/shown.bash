# Code and diffs in the texts: each block is a contiguous part of an original,
# and of some originals each line stands in a block.
#
# shellcheck shell=bash

# More lines than these are not named.
MANY=60

# find_originals: sets ORIGINAL, for each block that is a part of something, to
# the name of that; and LENGTH to how many lines the block has.
find_originals() {
    local n lines
    ORIGINAL=() LENGTH=()
    for n in "${!INFO[@]}"; do
        case ${INFO[n]} in
        "c program "* | "diff break "*) continue ;;
        "c "*/* | "diff "*) ORIGINAL[n]=${INFO[n]} ;;
        "c "*) ORIGINAL[n]="c $STEP/${INFO[n]#c }" ;;
        *) continue ;;
        esac
        lines=${TEXT[n]//[!$'\n']/}
        LENGTH[n]=${#lines}
    done
}

# between ORIGINAL: sets BEFORE and AFTER, the directories that a diff
# compares.
between() {
    local move='^diff 7\.([0-9]+) '
    BEFORE=$PREVIOUS AFTER=$STEP
    [[ $1 =~ $move ]] || return 0
    move=${BASH_REMATCH[1]}
    BEFORE=build/step7.$((move - 1)) AFTER=build/step7.$move
    ((move > 1)) || BEFORE=${STEPS[6]}
}

# is_missing ORIGINAL: whether there can be no such thing, and why.
is_missing() {
    between "$1"
    case $1 in
    "c "*) [[ ! -f ${1#c } ]] && echo "there is no ${1#c }" ;;
    "diff 7."*) [[ ! -d $AFTER ]] && echo "there is no such move" ;;
    *) [[ -z $PREVIOUS ]] && echo "there is nothing before step 1" ;;
    esac
}

# load_original ORIGINAL: sets THEIRS to its lines. None of them is SHOWN yet.
load_original() {
    local file=${1##* }
    SHOWN=()
    if [[ $1 == "c "* ]]; then
        mapfile -t THEIRS <"$file"
    else
        between "$1"
        mapfile -t THEIRS < <(diff -up "$BEFORE/$file" "$AFTER/$file" |
            tail -n +3 | trim)
    fi
}

# same MINE THEIRS: whether the lines are equal. Of the @@ line of a diff, the
# numbers may be left out, and its end.
same() {
    [[ $1 == "$2" ]] || [[ $1 == @@* && $2 == "@@ "* ]] &&
        [[ $2 == "$1"* || "@@${2#@@*@@}" == "$1"* ]]
}

# find_block BLOCK: sets AT to where it stands in THEIRS; if it does so at
# several places, to one that is not shown yet. Else fails, and sets BEST to
# how many of its lines stand there one after the other.
find_block() {
    local mine at i
    mapfile -t mine < <(printf '%s' "${TEXT[$1]}" | trim)
    AT=-1 BEST=0
    for ((at = 0; at < ${#THEIRS[@]}; at++)); do
        for ((i = 0; i < ${#mine[@]} && at + i < ${#THEIRS[@]}; i++)); do
            same "${mine[i]}" "${THEIRS[at + i]}" || break
        done
        ((i > BEST)) && BEST=$i
        ((i == ${#mine[@]})) || continue
        AT=$at
        [[ -n ${SHOWN[at]-} && -n ${SHOWN[at + i - 1]-} ]] || break
    done
    ((AT >= 0))
}

# blocks_of ORIGINAL: their numbers, the longest first, as a short one may fit
# at many places.
blocks_of() {
    local n
    for n in "${!ORIGINAL[@]}"; do
        [[ ${ORIGINAL[n]} != "$1" ]] || echo "${LENGTH[n]} $n"
    done | sort -rn | cut -d ' ' -f 2
}

# show_blocks ORIGINAL COMMAND...: loads it, and marks what its blocks show.
# The command is called with the number of each that is no part of it.
show_blocks() {
    local n i
    load_original "$1"
    for n in $(blocks_of "$1"); do
        if find_block "$n"; then
            for ((i = AT; i < AT + LENGTH[n]; i++)); do SHOWN[i]=1; done
        else
            "${@:2}" "$n"
        fi
    done
}

# Each block is a part of its original.
check_shown() {
    local name why n
    find_originals
    while IFS= read -r name; do
        if why=$(is_missing "$name"); then
            for n in $(blocks_of "$name"); do
                complain "$(place "$n"): $why"
            done
        else
            show_blocks "$name" misplaced "$name"
        fi
    done < <(for n in "${!ORIGINAL[@]}"; do echo "${ORIGINAL[n]}"; done | sort -u)
}

# misplaced ORIGINAL BLOCK
misplaced() {
    local mine word=follow
    mapfile -t mine <<<"${TEXT[$2]}"
    ((BEST > 0)) || word=stand
    complain "$(place "$2" "$BEST"): this line does not $word so in: $1" \
        "    ${mine[BEST]}"
}

# What must be whole: the first step's programs, and the changes of the others;
# in step 7 these are the moves.
to_be_whole() {
    local file move
    for file in server.c client.c; do
        case $STEP in
        "${STEPS[1]}") echo "c $STEP/$file" ;;
        "${STEPS[7]}")
            for ((move = 1; move <= $(tests/tools/moves count); move++)); do
                echo "diff 7.$move $file"
            done
            ;;
        *) echo "diff $file" ;;
        esac
    done
}

# Each line of these stands in a block, unless it is blank.
check_whole() {
    local name i line count=0
    find_originals
    while IFS= read -r name; do
        show_blocks "$name" true
        for i in "${!THEIRS[@]}"; do
            line=${THEIRS[i]}
            # Of a diff, what follows the sign of a changed line.
            [[ $name != diff* || $line == [-+]* ]] || continue
            [[ $name != diff* ]] || line=${line:1}
            [[ -z ${line// /} || -n ${SHOWN[i]-} ]] && continue
            ((++count > MANY)) ||
                complain "$(source_line "$name" "$i"): ${THEIRS[i]}"
        done
    done < <(to_be_whole)
    ((count <= MANY)) || echo "..."
    ((count == 0)) || complain "$STEP: no block shows these $count lines"
    [[ $STEP != "${STEPS[7]}" ]] || check_seen
}

# Each move of step 7 can be seen: the sessions use its programs, and those
# before it, if it is no row of the ladder that shows the difference.
check_seen() {
    local n moves sessions=" "
    moves=$(tests/tools/moves count)
    ((moves > 0)) || complain "$STEP has no moves"
    for n in "${!INFO[@]}"; do
        [[ ${INFO[n]} != "console run"* ]] || sessions+=${TEXT[n]}
    done
    for ((n = 1; n <= moves; n++)); do
        between "diff 7.$n server.c"
        [[ $sessions == *"$AFTER/"* ]] ||
            complain "$STEP: no session with the programs after move $n"
        grep -q '^Turns: ' "$STEP/moves/$(printf '%02d' "$n")-"*.diff ||
            [[ $sessions == *"$BEFORE/"* ]] ||
            complain "$STEP: no session with the programs before move $n"
    done
}

# source_line ORIGINAL INDEX: the file that this line of THEIRS comes from, and
# its number there. A removed line is in the file before.
source_line() {
    local head='^@@ -([0-9]+)[0-9,]* \+([0-9]+)' file=${1##* } i old=1 new=1
    if [[ $1 == "c "* ]]; then
        echo "$file:$(($2 + 1))"
        return
    fi
    for ((i = 0; i < $2; i++)); do
        if [[ ${THEIRS[i]} =~ $head ]]; then
            old=${BASH_REMATCH[1]} new=${BASH_REMATCH[2]}
            continue
        fi
        [[ ${THEIRS[i]} == +* ]] || ((++old))
        [[ ${THEIRS[i]} == -* ]] || ((++new))
    done
    between "$1"
    if [[ ${THEIRS[i]} == -* ]]; then
        echo "$BEFORE/$file:$old"
    else
        echo "$AFTER/$file:$new"
    fi
}
