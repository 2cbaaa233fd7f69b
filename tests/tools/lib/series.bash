# The series of moves, its states, and the diffs between them.
#
# shellcheck shell=bash

FOLDER=step7-robust/moves
FILES=(server.c client.c)

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

# find_moves: sets MOVES to their files, move N being MOVES[N], and LAST.
find_moves() {
    MOVES=("" "$FOLDER"/[0-9]*.diff)
    [[ -e ${MOVES[1]} ]] || MOVES=("")
    LAST=$((${#MOVES[@]} - 1))
}

# state N: where the programs are after move N; 0 is step 6, the last is step
# 7.
state() {
    case $1 in
    0) echo "${STEPS[6]}" ;;
    "$LAST") echo "${STEPS[7]}" ;;
    *) echo "build/step7.$1" ;;
    esac
}

# copy FROM TO: both programs, in so far as they differ.
copy() {
    local file
    mkdir -p "$2"
    for file in "${FILES[@]}"; do
        cmp -s "$1/$file" "$2/$file" || cp "$1/$file" "$2/$file" || exit
    done
}

# same A B: whether both programs are.
same() {
    cmp -s "$1/server.c" "$2/server.c" && cmp -s "$1/client.c" "$2/client.c"
}

# apply_series STEP6 DIRECTORY: writes the states to DIRECTORY/0, 1 ...
apply_series() {
    local n
    copy "$1" "$2/0"
    for ((n = 1; n <= LAST; n++)); do
        copy "$2/$((n - 1))" "$2/$n"
        tests/tools/apply "$2/$n" <"${MOVES[n]}" || {
            echo "${MOVES[n]} does not fit what is before it" >&2
            return 1
        }
    done
}

# words N KEY: prints what stands behind KEY: above the diff.
words() {
    sed -n -e '/^--- a\//q' -e "s/^$2: //p" "${MOVES[$1]}"
}

# build/moves/ has the states as they were unpacked; and step 6 in
# build/moves/0, if the series then led from there to step 7.

# is_edited N: whether the state is other than it was unpacked.
is_edited() {
    [[ -d build/step7.$1 ]] && ! same "build/step7.$1" "build/moves/$1"
}

unpack() {
    local n new=$WORK/unpacked
    apply_series "$(state 0)" "$new" || die "tests/tools/moves carry may help."
    for ((n = 1; n <= LAST; n++)); do
        if ! is_edited "$n" || same "$new/$n" "build/step7.$n"; then
            copy "$new/$n" "build/step7.$n"
        elif same "$new/$n" "build/moves/$n"; then
            echo "build/step7.$n is left as you have changed it." \
                "(rm -r it to have it back.)"
        else
            die "build/step7.$n: you have changed it, and the moves are" \
                "others since. Save what you need of it, and remove it."
        fi
    done
    # Those of a longer series.
    for ((; ; n++)); do
        [[ -d build/moves/$n ]] || break
        is_edited "$n" || rm -rf "build/step7.$n"
    done
    same "$new/$LAST" "$(state "$LAST")" || rm -r "$new/0"
    rm -rf build/moves
    mkdir -p build
    cp -R "$new" build/moves
}

# make_diff BEFORE AFTER FILE
make_diff() {
    diff -up --label "a/$3" --label "b/$3" "$1/$3" "$2/$3"
}

# written N: prints the move as it is to be: its words, and the diffs.
written() {
    local file
    sed '/^--- a\//,$d' "${MOVES[$1]}"
    for file in "${FILES[@]}"; do
        make_diff "$2" "$3" "$file"
    done
}

# no_conflicts: that carry has left, in any state.
no_conflicts() {
    local n
    for ((n = 1; n <= LAST; n++)); do
        ! grep -sqE '^(<<<<<<<|>>>>>>>) ' "$(state "$n")"/*.c ||
            die "$(state "$n"): first mend the conflicts there."
    done
}

pack() {
    local n before after
    no_conflicts
    for ((n = 1; n <= LAST; n++)); do
        before=$(state $((n - 1))) after=$(state "$n")
        [[ -f $after/server.c && -f $after/client.c ]] ||
            die "$after lacks server.c or client.c"
        written "$n" "$before" "$after" >"$WORK/diff"
        cmp -s "$WORK/diff" "${MOVES[n]}" || {
            cp "$WORK/diff" "${MOVES[n]}"
            echo "packed ${MOVES[n]}"
        }
    done
    unpack
}

# no_edits: what comes next renames states.
no_edits() {
    local n
    unpack
    for ((n = 1; n < LAST; n++)); do
        ! is_edited "$n" ||
            die "build/step7.$n is changed: carry or pack first."
    done
}

# rename_moves FROM TO: move FROM gets the number TO, and those behind it
# likewise.
rename_moves() {
    local n names=() name
    for ((n = $1; n <= LAST; n++)); do
        name=${MOVES[n]#"$FOLDER"/*-}
        mv "${MOVES[n]}" "$WORK/$name"
        names+=("$name")
    done
    for n in "${!names[@]}"; do
        mv "$WORK/${names[n]}" \
            "$(printf '%s/%02d-%s' "$FOLDER" $(($2 + n)) "${names[n]}")"
    done
}

insert() {
    no_edits
    rename_moves "$1" $(($1 + 1))
    printf 'TITLE\nTry: WHAT\n\n' \
        >"$(printf '%s/%02d-%s.diff' $FOLDER "$1" "$2")"
    find_moves
    unpack
}

drop() {
    local n
    no_edits
    rm "${MOVES[$1]}"
    for ((n = $1 + 1; n < LAST; n++)); do
        copy "build/step7.$n" "build/step7.$((n - 1))"
    done
    rename_moves $(($1 + 1)) "$1"
    find_moves
    pack
}
