# Sessions in the texts are run twice, by an interactive bash on a terminal of
# its own: typed, each command when the one before is through, and pasted, all
# at once. Both have to come out as they stand.
#
# Port 8081 stands for a free one. Before each prompt session.rc has a mark
# printed, and another one where the shell waits for the next command, before
# it says that jobs have ended.
#
# shellcheck shell=bash

WAYS=(typed pasted)
# So many sessions run at the same time; mostly they wait.
AT_ONCE=32
# bytes; a session that prints more has gone wrong, and is ended
MOST_OUTPUT=100000

# read_commands BLOCK: sets LINES to the lines to be typed: those that begin
# with `$ `, and with `> ` behind one of them.
read_commands() {
    local line before='> '
    LINES=()
    while IFS= read -r line; do
        if [[ $line == '$ '* ]] ||
            [[ $line == '> '* && $before == [\$\>]' '* ]]; then
            LINES+=("$line")
        elif ((${#LINES[@]} == 0)); then
            complain "$(place "$1"): a session begins with a command"
            return 1
        fi
        before=$line
    done <<<"${TEXT[$1]}"
    check_commands "$1"
}

# check_commands BLOCK: what would work here, but not for every reader.
check_commands() {
    local line state=${INFO[$1]#console run}
    local server='/server [^|;&]*[0-9]' client='/client [^ ]+ [0-9]'
    for line in "${LINES[@]}"; do
        line=${line//.c/}
        [[ $line != */tmp/* ]] ||
            complain "$(place "$1"): /tmp is shared, use mktemp: $line"
        [[ -z $state || $line != *build/step7.* ||
            "$line " == *"build/step${state# }/"* ]] ||
            complain "$(place "$1"): this is not step$state: $line"
        [[ $line == *" -h"* ]] && continue
        if [[ $line == *step*/server* && ! $line =~ $server ]] ||
            [[ $line == *step*/client* && ! $line =~ $client ]]; then
            complain "$(place "$1"): this names no port (8081): $line"
        fi
    done
}

# free_port BLOCK: sets PORT to one that nobody uses and that the block does
# not have in it. It has four digits, so that columns stay as wide as they are.
free_port() {
    local tries
    for ((tries = 0; tries < 500; tries++)); do
        PORT=$((2000 + RANDOM % 8000))
        [[ ${TEXT[$1]} != *"$PORT"* && $USED != *" $PORT "* ]] || continue
        (exec 4<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || break
    done
    USED+=" $PORT "
}

# make_root: a directory that looks like the repository's root, with the
# programs from OUT, and those of moves and texts that its sessions use.
make_root() {
    local step n
    mkdir -p "$WORK/root/build" || exit
    ln -s "$ROOT/tests" "$WORK/root"
    ln -s "$TOOLS" "$WORK/root/build/tests"
    for step in "${STEPS[@]:1}"; do
        mkdir "$WORK/root/$step"
        ln -s "$ROOT/$step"/*.c "$OUT/$step/server" "$OUT/$step/client" \
            "$WORK/root/$step"
    done
    for step in $(move_states); do
        make -s "$OUT/$step/server" "$OUT/$step/client" || exit
        mkdir "$WORK/root/$step"
        ln -s "$ROOT/$step"/*.c "$OUT/$step/server" "$OUT/$step/client" \
            "$WORK/root/$step"
    done
    for n in "${!INFO[@]}"; do
        [[ ${INFO[n]} == "c program "* ]] || continue
        printf '%s' "${TEXT[n]}" >"$WORK/root/${INFO[n]#c program }"
    done
}

# The states of step 7 that the texts name, each once.
move_states() {
    cat "${TEXTS[@]}" | grep -oE 'build/step7\.[0-9]+' | sort -u
}

# run_sessions: all of the chapter, whose blocks are then in RUN.
run_sessions() {
    local n way USED=""
    RUN=()
    make_root
    open_slots
    # Not ours to wait for: it ends what is left when we have been stopped.
    (tests/tools/clear-up "ROOM=$WORK/" "$$" </dev/null >/dev/null 2>&1 3>&- &)
    for n in "${!INFO[@]}"; do
        [[ ${INFO[n]} == "console run"* ]] || continue
        read_commands "$n" || continue
        RUN+=("$n")
        for way in "${WAYS[@]}"; do
            read -r _ <&7
            # In a subshell, RANDOM would be the same for all.
            free_port "$n"
            { run_session "$n" "$way"; echo >&7; } &
        done
    done
    wait
}

# open_slots: a session begins with a line read from descriptor 7, and gives it
# back when it has ended.
open_slots() {
    mkfifo "$WORK/slots"
    exec 7<>"$WORK/slots"
    printf '%*s' "$AT_ONCE" "" | tr ' ' '\n' >&7
}

# run_session BLOCK WAY: leaves its transcript in WORK/WAY.BLOCK/got, and
# beside it what the shell noted.
run_session() {
    trap - EXIT
    export ROOM=$WORK/$2.$1
    export TMPDIR=$ROOM/tmp TERM=dumb LC_ALL=C.UTF-8
    mkdir -p "$TMPDIR" && cp -R "$WORK/root" "$ROOM/root" &&
        mkfifo "$ROOM/prompts" || return
    # Open here, it never holds up the shell.
    exec 8<>"$ROOM/prompts"
    "$2" "${LINES[@]//8081/$PORT}" | run_shell 2>"$ROOM/err" |
        head -c "$MOST_OUTPUT" >"$ROOM/out"
    transcript "${LINES[@]}" <"$ROOM/out" >"$ROOM/got"
}

# run_shell: what is typed comes on stdin. It takes no longer than pty lives.
run_shell() {
    local status=0
    "$TOOLS/pty" 80 "$BASH" --rcfile tests/tools/lib/session.rc -i \
        3>&- 7>&- 8>&- || status=$?
    # Nobody need wait for a prompt any more, be it for each line that is left.
    printf '\n%.0s' {1..1000} >&8
    # If pty was killed, the shell ends a bit later.
    ((status < 128)) || sleep 1
}

# prompted: waits for the next prompt. (Not with a timeout: bash loses what comes
# at that very moment, and `read -t 1` is common in sessions.)
prompted() {
    read -r _ <&8
}

# typed LINE...: types one command after the other, and leaves.
typed() {
    local line
    for line; do
        # A reader is slower still.
        [[ $line == '> '* ]] || { prompted && sleep 0.1; }
        printf '%s\n' "${line:2}" || return
    done
    prompted && printf 'exit\nexit\n'
}

# pasted LINE...: the same all at once. (It takes a second `exit` to leave jobs
# that are stopped.)
pasted() {
    prompted && printf '%s\n' "${@/#??/}" exit exit
}

# transcript LINE...: makes of what was on the terminal a session as the texts
# have it. Between its prompt and its newline stands what was typed.
transcript() {
    printf '%s\n' "$@" >"$ROOM/lines"
    awk -v lines="$ROOM/lines" '
        # The prompt of a client has no newline: where the mark is, the shell
        # begins a new line.
        function show(text) {
            if (text != "")
                printf "%s%s", text, text ~ /\n$/ ? "" : "\n"
        }
        BEGIN {
            while ((getline line < lines) > 0)
                typed[++count] = substr(line, 3)
            RS = "\035"
        }
        NR > 1 && NR - 1 <= count {
            print substr($0, 1, 2) typed[NR - 1]
            mark = index($0, "\036")
            show(mark ? substr($0, 3, mark - 3) : substr($0, 3))
            show(mark ? substr($0, mark + 1) : "")
        }' | sed -e "s/$PORT/8081/g" -e "s,$TMPDIR,/tmp,g" | trim | drop_notices
}

# Leaves out what the shell says on jobs: [1] 1234 when one begins, [1]+ Done,
# and [1]+ Stopped, which an empty line comes before.
drop_notices() {
    awk 'empty && !/^\[[0-9]+\][-+ ] *Stopped/ { print "" }
        { empty = $0 == "" }
        !empty && !/^\[[0-9]+\]([-+ ] | [0-9]+$)/
        END { if (empty) print "" }'
}

# like LINE TEXT: TEXT is the line; ... in it stands for anything.
like() {
    local pattern=${1//\\/\\\\}
    pattern=${pattern//\*/\\*}
    pattern=${pattern//\?/\\?}
    pattern=${pattern//\[/\\[}
    pattern=${pattern//\(/\\(}
    pattern=${pattern//.../*}
    # shellcheck disable=SC2053
    [[ $2 == $pattern ]]
}

# match I J: the lines of MINE from I on are those of THEIRS from J on. Leaves
# in FURTHEST how far it came.
match() {
    local i=$1 j=$2
    while ((i < ${#MINE[@]})); do
        ((i > FURTHEST)) && FURTHEST=$i
        if [[ ${MINE[i]} == ... ]]; then
            for (( ; j <= ${#THEIRS[@]}; j++)); do
                match $((i + 1)) "$j" && return
            done
            return 1
        fi
        ((j < ${#THEIRS[@]})) && like "${MINE[i]}" "${THEIRS[j]}" || return
        ((++i, ++j))
    done
    FURTHEST=$i
    ((j == ${#THEIRS[@]}))
}

# session_matches BLOCK WAY: whether what came is what stands in the block.
session_matches() {
    mapfile -t MINE < <(printf '%s' "${TEXT[$1]}" | trim)
    mapfile -t THEIRS <"$WORK/$2.$1/got"
    FURTHEST=0
    match 0 0
}

# leaves_nothing BLOCK WAY: no process, and no file.
leaves_nothing() {
    local room=$WORK/$2.$1 left
    left=$(<"$room/running")
    [[ -z $left ]] || complain "$(place "$1"): it leaves running:" "    $left"
    left=$(comm -13 <(cd "$WORK/root" && find . | sort) \
        <(cd "$room/root" && find . | sort) && ls "$room/tmp")
    [[ -z $left ]] ||
        complain "$(place "$1"): it leaves behind:" "    ${left//$'\n'/ }"
}

check_run() {
    local n way
    run_sessions
    for n in "${RUN[@]}"; do
        for way in "${WAYS[@]}"; do
            if session_matches "$n" "$way"; then
                leaves_nothing "$n" "$way"
                continue
            fi
            complain "$(place "$n" "$FURTHEST"): ($way) other than what came:" \
                "    ${MINE[FURTHEST]-(here the session should have ended)}" \
                "This came:"
            cat -v "$WORK/$way.$n/got" | sed 's/^/    /'
            break
        done
    done
}

# Writes what came, when typed, into the sessions where it is different.
record() {
    local n text
    local -A changed=()
    run_sessions
    for n in "${RUN[@]}"; do
        session_matches "$n" typed && continue
        echo "$(place "$n"): recorded"
        changed[$(place "$n")]=$WORK/typed.$n/got
    done
    for text in "${TEXTS[@]}"; do
        replace_blocks "$text" >"$WORK/text"
        cmp -s "$WORK/text" "$text" || cp "$WORK/text" "$text"
    done
}

# replace_blocks FILE: prints it, with what has changed in place of these
# blocks.
replace_blocks() {
    local line number=0 fence='^( *)```' got=""
    while IFS= read -r line || [[ -n $line ]]; do
        ((++number))
        if [[ -n ${changed[$1:$number]-} ]]; then
            # Indented as the fence, which came just before.
            got=${changed[$1:$number]}
            sed "/./s/^/${BASH_REMATCH[1]}/" "$got"
        fi
        [[ ! $line =~ $fence ]] || got=""
        [[ -n $got ]] || printf '%s\n' "$line"
    done <"$1"
}
