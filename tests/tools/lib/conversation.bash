# A short conversation, to be watched: step 7's server, Ann and Bob, each on a
# terminal of its own. Ann's second message comes while Bob types. Who sources
# this is in a directory of its own, has tests/helper.bash, and a function `see`,
# which is called whenever something has changed on the screens.
#
# shellcheck shell=bash

# Seconds from one key to the next. With 0 all is as fast as the programs are.
BEAT=${BEAT:-0.09}
# Columns of the screens.
declare -A WIDTH=([server]=79 [ann]=38 [bob]=38)
# What they have typed and not sent yet.
declare -A TYPED=([ann]="" [bob]="")

# rows WHO: prints what is on that screen. (The line that is left out is pty's.)
rows() {
    "$TOOLS/screen" "${WIDTH[$1]}" <"$1.out" | sed '/^\[terminal /d'
}

# has_row WHO PATTERN
has_row() {
    rows "$1" | grep -qxE -e "$2"
}

# has_prompt WHO: the last row is the prompt, and what is typed.
has_prompt() {
    local prompt="Text to send: ${TYPED[$1]}"
    [[ $(rows "$1" | tail -n 1) == "${prompt%"${prompt##*[! ]}"}" ]]
}

# pause BEATS
pause() {
    local i
    for ((i = 0; i < $1; i++)); do sleep "$BEAT"; done
}

# seen: called when it has happened: lets it be seen for a while.
seen() {
    see
    pause 10
}

# start WHO PROGRAM [ARGUMENT...]
start() {
    start_program "$1" "$TOOLS/pty" "${WIDTH[$1]}" "$OUT/${STEPS[7]}/$2" "${@:3}"
}

# comes WHO NUMBER
comes() {
    start "$1" client 127.0.0.1 "$PORT"
    wait_until has_row "$1" "Your number is $2"
    wait_until has_row server "client $2 .* connected"
    wait_until has_prompt "$1"
    seen
}

# types WHO TEXT [WHO TEXT]: key by key. Two do so at the same time.
types() {
    local i
    for ((i = 0; i < ${#2}; i++)); do
        press "$1" "${2:i:1}"
        (($# == 2)) || press "$3" "${4:i:1}"
        see
        pause 1
    done
}

# press WHO KEY
press() {
    TYPED[$1]+=$2
    type "$1" "$2"
    wait_until has_prompt "$1"
}

# sends WHO TO ROW: WHO presses Enter, and ROW is what TO sees then.
sends() {
    TYPED[$1]=""
    type "$1" $'\n'
    wait_until has_prompt "$1"
    wait_until has_row "$2" "$3"
    wait_until has_prompt "$2"
    seen
}

converse() {
    export LC_ALL=C.UTF-8
    touch server.out ann.out bob.out
    start server server 0
    prints server 'Listening on'
    PORT=$(sed -n 's/^Listening on .*:\([0-9]*\).*/\1/p' server.out)
    seen
    comes ann 0
    comes bob 1
    types ann '1 Привет, Bob!'
    sends ann bob '0->> Привет, Bob!'
    types ann '1 Are you st'
    types ann 'ill typing?' bob '0 Hi! My li'
    sends ann bob '0->> Are you still typing\?'
    types bob 'ne is whole.'
    sends bob ann '1->> Hi! My line is whole\.'
    type ann $'\004' # Ctrl-D
    wait_until has_row server 'client 0 .* left: closed by the client'
    prints ann '[terminal restored]'
    seen
    types bob '0 See you!'
    sends bob bob 'error: client 0 is not connected'
}
