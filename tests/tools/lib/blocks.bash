# A chapter is all *.md files of a step's directory; a block is what stands
# between two fences in one of them.
#
# shellcheck shell=bash disable=SC2034

# choose_step STEP: sets STEP, its directory; PREVIOUS, that of the step
# before, if any; and TEXTS, the chapter's files. STEP is 5 or step5-protocol.
choose_step() {
    local i text
    for i in 1 2 3 4 5 6 7; do
        [[ $1 == "$i" || $1 == "${STEPS[i]}" ]] || continue
        STEP=${STEPS[i]}
        PREVIOUS=${STEPS[i - 1]}
        TEXTS=("$STEP/README.md")
        for text in "$STEP"/*.md; do
            [[ $text == */README.md ]] || TEXTS+=("$text")
        done
        [[ -f ${TEXTS[0]} ]] && return
        echo "${TEXTS[0]} is missing"
        exit 1
    done
    echo "no such step: $1"
    exit 1
}

# read_blocks: sets, for each block of the chapter, INFO (what stands behind
# its fence), TEXT (its lines, each with its newline), FILE and FIRST (the
# number of its first line).
read_blocks() {
    INFO=() TEXT=() FILE=() FIRST=()
    local text n
    for text in "${TEXTS[@]}"; do
        read_text "$text"
    done
    for n in "${!INFO[@]}"; do
        is_known "${INFO[n]}" ||
            complain "$(place "$n"): what is \`\`\`${INFO[n]}?"
        [[ -n ${TEXT[n]} ]] || complain "$(place "$n"): an empty block"
    done
}

# read_text FILE: adds its blocks. In a list a block is indented, as its fence.
read_text() {
    local fence='^( *)```(.*)$' line number=0 inside=0 indent="" n
    while IFS= read -r line || [[ -n $line ]]; do
        ((++number))
        if [[ $line =~ $fence ]]; then
            inside=$((!inside))
            ((inside)) || continue
            indent=${BASH_REMATCH[1]}
            n=${#INFO[@]}
            INFO[n]=${BASH_REMATCH[2]}
            TEXT[n]=""
            FILE[n]=$1
            FIRST[n]=$((number + 1))
        elif ((inside)); then
            TEXT[n]+=${line#"$indent"}$'\n'
        fi
    done <"$1"
    ((!inside)) || complain "$1: a fence is never closed"
}

# is_known INFO: whether it says what the block is: see tests/tools/chapters.
is_known() {
    local file='(server|client)\.c' move='7\.[0-9]+'
    local known="^(c [^ ]+\.c|c program [^ /]+\.c|diff ($move )?$file|"
    known+="diff break $file \"[^\"]+\"|console run( $move)?|console|text)\$"
    [[ $1 =~ $known ]]
}

# place BLOCK [LINE]: where it stands, for a message.
place() {
    echo "${FILE[$1]}:$((FIRST[$1] + ${2:-0}))"
}

# Removes the blanks at the ends of the lines, as editors do.
trim() {
    sed 's/[[:blank:]]*$//'
}
