# A change of step 6, of a state or of step 7 is carried through the series.
#
# shellcheck shell=bash

# find_base: writes the states that the series consists of, before any change,
# to WORK/base. They begin with step 6 as it was when the series was unpacked
# or packed, or as it was committed.
find_base() {
    local file old=$WORK/committed base=$WORK/base
    if [[ -d build/moves/0 ]] &&
        apply_series build/moves/0 "$base" 2>/dev/null &&
        same "$base/$LAST" "build/moves/$LAST"; then
        return
    fi
    mkdir -p "$old/6" "$old/7"
    for file in "${FILES[@]}"; do
        git show "HEAD:${STEPS[6]}/$file" >"$old/6/$file" &&
            git show "HEAD:${STEPS[7]}/$file" >"$old/7/$file" || exit
    done
    rm -rf "$base"
    if ! apply_series "$old/6" "$base" || ! same "$base/$LAST" "$old/7"; then
        die "The moves lead no more from the committed step 6 to the committed" \
            "step 7, so that it can't be told what has changed."
    fi
}

# read_states: copies the states as they are now to WORK/now.
read_states() {
    local n
    copy "$(state 0)" "$WORK/now/0"
    for ((n = 1; n < LAST; n++)); do
        if ! is_edited "$n"; then
            copy "$WORK/base/$n" "$WORK/now/$n"
        elif same "$WORK/base/$n" "build/moves/$n"; then
            copy "build/step7.$n" "$WORK/now/$n"
        else
            die "build/step7.$n was changed, but is from other moves."
        fi
    done
    copy "$(state "$LAST")" "$WORK/now/$LAST"
}

# carry_back: takes a change of step 7 to all earlier states, where it fits.
carry_back() {
    local n file
    for ((n = 1; n < LAST; n++)); do
        for file in "${FILES[@]}"; do
            git merge-file -q --ours "$WORK/now/$n/$file" \
                "$WORK/base/$LAST/$file" "$WORK/now/$LAST/$file"
        done
    done
}

# merge N FILE OPTION...: takes the changes of the state before to this one, in
# WORK/merged. Fails if they conflict.
merge() {
    cp "$WORK/now/$1/$2" "$WORK/merged"
    git merge-file -q "${@:3}" "$WORK/merged" "$WORK/base/$(($1 - 1))/$2" \
        "$WORK/now/$(($1 - 1))/$2"
}

# carry_on: takes the changes of each state to the next one. Where they
# conflict, what is there is right if somebody has decided so.
carry_on() {
    local n file
    for ((n = 1; n <= LAST; n++)); do
        for file in "${FILES[@]}"; do
            if ! merge "$n" "$file" -L "move $n" -L old -L "from before"; then
                is_decided "$n" "$file" || stop_at "$n" "$file"
                merge "$n" "$file" --ours
            fi
            cp "$WORK/merged" "$WORK/now/$n/$file"
        done
    done
}

# is_decided N FILE: it was changed by hand, or by carry_back, or its conflicts
# were there before and are mended.
is_decided() {
    ! cmp -s "$WORK/now/$1/$2" "$WORK/base/$1/$2" ||
        [[ -e build/moves/$1/$2.conflicts ]]
}

# stop_at N FILE: leaves a conflict to the user.
stop_at() {
    mkdir -p "$(state "$1")" "build/moves/$1"
    touch "build/moves/$1/$2.conflicts"
    cp "$WORK/merged" "$(state "$1")/$2"
    die "$(state "$1")/$2: mend the conflicts, then carry again."
}

carry() {
    local n
    no_conflicts
    find_base
    read_states
    carry_back
    carry_on
    for ((n = 1; n <= LAST; n++)); do
        copy "$WORK/now/$n" "$(state "$n")"
    done
    pack
}
