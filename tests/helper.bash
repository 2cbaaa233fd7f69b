# What the tests share. A test starts real processes and talks to them over
# real sockets; the server picks a free port and says which. Whatever a test
# has started ends with it.
#
# shellcheck shell=bash

# Before 1.8 bats knows neither setup_suite nor much else that is used here.
case ${BATS_VERSION:-} in
0.* | 1.[0-7] | 1.[0-7].*)
    echo "The tests need bats 1.8 or later; this is $BATS_VERSION." >&2
    trap - EXIT ERR DEBUG
    kill "$PPID" # which runs one file after the other
    exit 1
    ;;
esac

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where the programs are: as `make` has them, relative to the root.
OUT=${OUT:-.} TOOLS=${TOOLS:-build/tests}
[[ $OUT == /* ]] || OUT=$ROOT/$OUT
[[ $TOOLS == /* ]] || TOOLS=$ROOT/$TOOLS
STEPS=("" step1-echo step2-multi step3-errors step4-pool step5-protocol
    step6-async step7-robust)
SYSTEM=$(uname)
# shellcheck disable=SC2034 # read by the tests
ALL_STEPS=(1 2 3 4 5 6 7)
[[ $SYSTEM == Linux ]] || unset 'ALL_STEPS[6]' # see Makefile
# Seconds that a test waits for what must happen before it gives up.
PATIENCE=${PATIENCE:-10}
PIDS=()
CLOCK_TICKS=$(getconf CLK_TCK)

# Tries that a failed test has besides the first. (bats sets this to 0 itself,
# so that it can't be set from outside.)
export BATS_TEST_RETRIES=${TEST_RETRIES:-0}

setup() {
    [[ ! -e ${STOP_AT:-} ]] || skip "another has failed"
    ((BATS_TEST_TRY_NUMBER == 1)) ||
        echo "# tried again: $BATS_TEST_DESCRIPTION" >&3
    # To write to a connection that is gone must not end the test. (Not '': the
    # programs would inherit that, and step 2 is to die of this signal.)
    trap : PIPE
    # bats itself would let the test go on after Ctrl-C, until a command fails.
    trap 'bats_interrupt_trap; exit 130' INT
    # Tests of step 7 cut strings by characters, not bytes.
    export LC_ALL=C
    [[ $SYSTEM != Linux ]] || LC_ALL=C.UTF-8
    # bats need not trace what our functions do: that takes longer than they do.
    # It traces the test alone, to know its line, and these two of its own have
    # to be able to end that; else a failed [[ ]] would stand in line 1.
    set +T
    declare -ft "$BATS_TEST_NAME" bats_error_trap bats_check_status_from_trap
    cd "$BATS_TEST_TMPDIR" || return
    [[ $BATS_TEST_FILENAME != */@(step7-*|chapters|moves).bats ]] || need_linux
}

# ours PID: it is of this run. The number of a process that has ended may be
# that of another by now, which is nobody's to kill here.
ours() {
    [[ -d /proc/self ]] || return 0
    local environ=""
    IFS= read -r -d $'\1' environ 2>/dev/null <"/proc/$1/environ" || true
    [[ $environ == *"${BATS_RUN_TMPDIR:-}"* ]]
}

teardown() {
    end_all
    # With STOP_AT set, a test that fails, and has no more tries, is the last.
    [[ -z ${STOP_AT:-} || -n ${BATS_TEST_COMPLETED:-} ]] ||
        ((BATS_TEST_TRY_NUMBER <= BATS_TEST_RETRIES)) || : >"$STOP_AT"
}

# end_all: ends what was started.
end_all() {
    local pid
    for pid in "${PIDS[@]}"; do
        ! ours "$pid" || kill -KILL "$pid" 2>/dev/null || true
    done
    for pid in "${PIDS[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
}

# clean_up_on_exit: for a subshell that starts something itself. It ends with
# the subshell. There bats need not trace each command either.
clean_up_on_exit() {
    set +eET
    trap - DEBUG ERR
    trap : PIPE
    trap end_all EXIT
}

# wait_until COMMAND...: runs it again and again until it succeeds.
wait_until() {
    local tries
    for ((tries = 0; tries < PATIENCE * 50; tries++)); do
        "$@" && return
        sleep 0.02
    done
    echo "waited in vain for: $*" >&2
    return 1
}

# state PID: prints the letter that ps has for it, or nothing.
state() {
    if [[ -d /proc/self ]]; then
        local stat
        { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return
        stat=${stat##*) }
        echo "${stat:0:1}"
    else
        ps -o stat= -p "$1" | cut -c 1
    fi
}

# alive PID: it has neither ended nor is it a zombie.
alive() {
    [[ $(state "$1") == [!Z] ]]
}

gone() {
    ! alive "$1"
}

stopped() {
    [[ $(state "$1") == T ]]
}

# freeze PID: stops it, and waits until it stands still.
freeze() {
    kill -STOP "$1"
    wait_until stopped "$1"
}

# cpu_ms PID: the processor time that it has used, in milliseconds.
cpu_ms() {
    if [[ -r /proc/$1/stat ]]; then
        local stat
        stat=$(<"/proc/$1/stat")
        # shellcheck disable=SC2206
        local fields=(${stat##*) })
        echo $(((fields[11] + fields[12]) * 1000 / CLOCK_TICKS))
    else
        ps -o time= -p "$1" | awk -F: '{ printf "%d", ($1 * 60 + $2) * 1000 }'
    fi
}

# spins PID: whether it uses the processor as one that does nothing else: more
# than a tenth of what such a one gets meanwhile, however busy the machine is.
# (Who only waits uses a hundredth or less.)
spins() {
    local before yardstick
    before=$(cpu_ms "$1")
    (while :; do :; done) 3>&- &
    yardstick=$!
    PIDS+=("$yardstick")
    until (($(cpu_ms "$yardstick") > 300)); do sleep 0.02; done
    local used=$(($(cpu_ms "$1") - before))
    kill -KILL "$yardstick"
    wait "$yardstick" 2>/dev/null || true
    ((used > 30))
}

# waits PID: it does nothing at the moment.
waits() {
    local before
    before=$(cpu_ms "$1")
    sleep 0.2
    [[ $(cpu_ms "$1") -eq $before ]]
}

# memory FIELD: of the server, in KB: VmRSS is what it has now, VmHWM the most
# that it ever had.
memory() {
    awk -v field="$1:" '$1 == field { print $2 }' "/proc/$SERVER/status"
}

# descriptors: how many the server has open.
descriptors() {
    local fds=("/proc/$SERVER/fd/"*)
    echo "${#fds[@]}"
}

descriptors_are() {
    [[ $(descriptors) -eq $1 ]]
}

# threads_are COUNT: the server has so many. ThreadSanitizer begins one of its
# own with the program's first pthread_create().
threads_are() {
    local tasks=("/proc/$SERVER/task/"*) own=0
    [[ ${SANITIZED:-} != tsan ]] || own=1
    ((${#tasks[@]} == $1 || ${#tasks[@]} == $1 + own))
}

# affordable COUNT: prints it, or how many connections the limit of open files
# lets a process have, if those are fewer.
affordable() {
    local files
    files=$(ulimit -Hn)
    if [[ $files == unlimited ]] || ((files - 50 >= $1)); then
        echo "$1"
    else
        echo $((files - 50))
    fi
}

# take_descriptors: from now on the server can open none; give_descriptors: it
# can again.
take_descriptors() {
    DESCRIPTOR_LIMIT=$(prlimit --pid "$SERVER" --nofile --noheadings -o SOFT)
    local free=0
    while [[ -e /proc/$SERVER/fd/$free ]]; do ((++free)); done
    prlimit --pid "$SERVER" --nofile="$free:"
}

give_descriptors() {
    prlimit --pid "$SERVER" --nofile="$DESCRIPTOR_LIMIT:"
}

# in_file TEXT FILE: TEXT, literally, is part of FILE.
in_file() {
    grep -qF -e "$1" "$2" 2>/dev/null
}

# alone COMMAND...: runs it with none of the test's connections and pipes, which
# else would stay open there when the test closes them. Only in the background.
alone() {
    local name
    for name in "${!FD_@}" "${!IN_@}"; do
        eval "exec ${!name}>&-"
    done
    exec "$@" 3>&-
}

# start_server STEP [ARGUMENT...]: a server of that step on a free port.
start_server() {
    run_server "$OUT/${STEPS[$1]}/server" "${@:2}" 0
}

# source_of FILE STEP: where that is. (Mutants have sources of their own.)
source_of() {
    local source=$OUT/${STEPS[$2]}/$1
    [[ -e $source ]] || source=$ROOT/${STEPS[$2]}/$1
    echo "$source"
}

# run_server COMMAND...: starts a server and waits until it listens. Its pid is
# in SERVER and in PID_server, what it prints in server.out and server.err.
run_server() {
    rm -f server.out # else the one before could be taken for it
    alone "$@" >server.out 2>server.err &
    SERVER=$!
    # shellcheck disable=SC2034 # read by `status server`
    PID_server=$SERVER
    PIDS+=("$SERVER")
    listens || {
        [[ ! -f server.err ]] || cat server.err
        return 1
    }
}

# start_faulty_server FAULTS STEP: a server whose calls fail as FAULTS says; see
# peers/faults.c. Each fault that has happened is a line in faults.log.
start_faulty_server() {
    run_server env FAULTS="$1" FAULTS_LOG=faults.log \
        LD_PRELOAD="$TOOLS/faults.so" "$OUT/${STEPS[$2]}/server" 0
}

# start_faulty_client NAME FAULTS STEP: the same with a client.
start_faulty_client() {
    start_program "$1" env FAULTS="$2" FAULTS_LOG=faults.log \
        LD_PRELOAD="$TOOLS/faults.so" "$OUT/${STEPS[$3]}/client" \
        127.0.0.1 "$PORT"
}

# needs_faults: skips the test where calls can't be made to fail.
needs_faults() {
    need_linux
    not_sanitized "its runtime wants to be loaded before our library"
}

# listens: waits until server.out says on which port, and sets PORT to it. A
# server that has ended will not say it.
listens() {
    wait_until says_where_or_ends &&
        PORT=$(sed -n 's/^Listening on .*://p' server.out) && [[ -n $PORT ]]
}

says_where_or_ends() {
    in_file 'Listening on' server.out || gone "$PID_server"
}

kill_server() {
    kill -KILL "$SERVER"
    wait_until gone "$SERVER"
}

# play_server [VERB]: peer.c is the server of one client. It sends what the
# test types as server, and prints what it gets to server.out.
play_server() {
    rm -f server.out # else the one before could be taken for it
    start_peer server "${1:-serve}" && listens
}

# start_peer NAME ARGUMENT...: runs tests/peers/peer.c. What it prints is in
# NAME.out; input comes from `type NAME TEXT` and ends with `close_input NAME`.
start_peer() {
    start_program "$1" "$TOOLS/peer" "${@:2}"
}

# churn COUNT: so many connect, say a line, hear one and leave, one by one. The
# last that one of them has heard is in churn.out.
churn() {
    "$TOOLS/peer" churn "$PORT" "$1" >churn.out
}

# churn_leaves_nothing BEFORE COUNT: COUNT connections leave the server with no
# descriptor and less than 100 KB more than it had after as many as BEFORE. On a
# busy machine more of them than before may have been served at the same time;
# so there is a second try.
churn_leaves_nothing() {
    local fds before after
    fds=$(descriptors)
    churn "$1" && wait_until descriptors_are "$fds" || return
    after=$(memory VmRSS)
    for _ in 1 2; do
        before=$after
        churn "$2" && wait_until descriptors_are "$fds" || return
        after=$(memory VmRSS)
        echo "$before KB before, $after KB after"
        ((after - before >= 100)) || return 0
    done
    return 1
}

# storm VERB ARGUMENT...: runs tests/peers/storm.c to its end.
storm() {
    "$TOOLS/storm" "$@" <<<"" 3>&-
}

# start_storm NAME VERB ARGUMENT...: the same in the background.
start_storm() {
    start_program "$1" "$TOOLS/storm" "${@:2}"
}

# start_client NAME STEP [ARGUMENT...]: a client of our own, as start_peer.
start_client() {
    start_program "$1" "$OUT/${STEPS[$2]}/client" "${@:3}"
}

# start_program NAME PROGRAM [ARGUMENT...]: its pid is in PID_NAME.
start_program() {
    local name=$1
    shift
    mkfifo "$name.in"
    alone "$@" <"$name.in" >"$name.out" 2>"$name.err" &
    PIDS+=("$!")
    printf -v "PID_$name" '%s' "$!"
    exec {fd}>"$name.in"
    printf -v "IN_$name" '%s' "$fd"
}

# print_at_once TEXT: bash's own printf writes once for each line.
print_at_once() {
    if [[ ${1%$'\n'} == *$'\n'* ]]; then
        env printf '%s' "$1"
    else
        printf '%s' "$1"
    fi
}

# type NAME TEXT: TEXT as it is, so that a line has to bring its newline.
type() {
    local input=IN_$1
    print_at_once "$2" >&"${!input}"
}

close_input() {
    local input=IN_$1
    eval "exec ${!input}>&-"
    unset "$input"
}

# prints NAME TEXT: waits until what NAME has printed has TEXT in it.
prints() {
    wait_until in_file "$2" "$1.out"
}

# status NAME: waits for its end and returns its exit status, or 255 if it does
# not end.
status() {
    local pid=PID_$1
    wait_until gone "${!pid}" || return 255
    wait "${!pid}"
}

# ends_with STATUS NAME: waits for its end, which has that exit status.
ends_with() {
    local result=0
    status "$2" || result=$?
    echo "exit status $result"
    [[ $result -eq $1 ]]
}

# not COMMAND...: fails if it succeeds. (bats takes no notice of a failed `!`.)
not() {
    ! "$@"
}

# connect NAME: opens a connection to the server.
connect() {
    local fd
    exec {fd}<>"/dev/tcp/127.0.0.1/$PORT" || return
    printf -v "FD_$1" '%s' "$fd"
}

# join NAME: connects, and sets NUMBER_NAME to the number that it is given.
join() {
    connect "$1" && hear "$1" || return
    [[ $LINE == "Your number is "* ]] || return
    printf -v "NUMBER_$1" '%s' "${LINE##* }"
}

leave() {
    local fd=FD_$1
    eval "exec ${!fd}>&-"
    unset "$fd"
}

# send NAME TEXT: TEXT as it is; say NAME TEXT: TEXT as a line.
send() {
    local fd=FD_$1
    print_at_once "$2" >&"${!fd}"
}

say() {
    send "$1" "$2"$'\n'
}

# hear NAME: waits for a line and sets LINE to it.
hear() {
    local fd=FD_$1
    IFS= read -r -t "$PATIENCE" LINE <&"${!fd}"
}

# expect NAME TEXT: the next line that NAME gets is TEXT.
expect() {
    hear "$1" || {
        echo "$1 expected: $2, and got nothing" >&2
        return 1
    }
    [[ $LINE == "$2" ]] || {
        echo "$1 expected: $2, and got: $LINE" >&2
        return 1
    }
}

# hears_the_end NAME: the connection ends, and nothing comes before that.
hears_the_end() {
    local result=0
    hear "$1" || result=$?
    [[ $result == 1 ]] # a line would be 0; more than 128, that it only waits
}

# hears_nothing NAME: nothing has come for NAME. Ask after something that must
# come later was seen elsewhere.
hears_nothing() {
    local fd=FD_$1
    not read -r -t 0.1 -u "${!fd}"
}

# What a step brings is tested in it and in all later ones. `from FIRST` runs
# the test's function `scenario` for the steps from FIRST to 7, `from FIRST to
# LAST` for these, `only STEP` for one: side by side, each in a directory of its own. A scenario gets
# the step, which is in STEP, too. As in a test, the first command that fails
# ends it; then `from` fails, and shows of each step that did which line it was,
# and what was printed. With ONLY_STEP set, the others are left out.
from() {
    local step steps=() pids=() failed=0
    for step in "${ALL_STEPS[@]}"; do
        ((step < $1 || step > ${3:-7} || step != ${ONLY_STEP:-step})) ||
            steps+=("$step")
    done
    ((${#steps[@]} > 0)) || skip "not about step $ONLY_STEP"
    for step in "${steps[@]}"; do
        mkdir "$step"
        play_scenario "$step" >"$step/log" 2>&1 3>&- &
        pids[step]=$!
    done
    for step in "${steps[@]}"; do
        wait "${pids[step]}" && continue
        echo "step $step: $(cat "$step/where" "$step/log")"
        failed=1
    done
    return "$failed"
}

only() {
    from "$1" to "$1"
}

# play_scenario STEP: only in the background.
play_scenario() {
    PIDS=()
    clean_up_on_exit
    cd "$1" || exit
    : >where
    STEP=$1
    trap note_where ERR
    set -eE
    scenario "$1"
}

# note_where: writes to the file `where` which line of the scenario has failed.
note_where() {
    local i line
    for ((i = 1; i < ${#FUNCNAME[@]}; i++)); do
        [[ ${FUNCNAME[i]} == scenario ]] || continue
        line=${BASH_LINENO[i - 1]}
        echo "line $line: \`$(sed -n "$line s/^ *//p" "$BATS_TEST_FILENAME")'"
    done >"$BATS_TEST_TMPDIR/$STEP/where"
}

# The steps word the same thing differently. These hide it: the server has
# NAME's TEXT come back to it, as an echo, or because NAME writes to itself.

# enter NAME: connects, and takes the greeting if there is one.
enter() {
    if ((STEP < 4)); then
        connect "$1"
    else
        join "$1"
    fi
}

# request NAME TEXT: prints the line that has TEXT come back to NAME.
request() {
    local number=NUMBER_$1
    if ((STEP < 5)); then
        printf '%s\n' "$2"
    else
        printf '%s %s\n' "${!number}" "$2"
    fi
}

# answer NAME TEXT: prints the line that then comes.
answer() {
    local number=NUMBER_$1
    if ((STEP < 4)); then
        printf '%s\n' "$2"
    else
        printf '%s->> %s\n' "${!number}" "$2"
    fi
}

# shown TEXT: prints what a client makes of a line that it gets.
shown() {
    if ((STEP < 7)); then
        printf 'Message from server: %s\n' "$1"
    else
        printf '%s\n' "$1"
    fi
}

send_back() {
    say "$1" "$(request "$1" "$2")"
}

comes_back() {
    expect "$1" "$(answer "$1" "$2")"
}

# all_come_back FILE: the first client sends all lines of the file at once;
# each of them comes back, in order.
all_come_back() {
    local before_request="" before_answer=""
    ((STEP < 5)) || before_request="0 "
    ((STEP < 4)) || before_answer="0->> "
    sed "s/^/$before_request/" "$1" >sent
    {
        ((STEP < 4)) || echo "Your number is 0"
        sed "s/^/$before_answer/" "$1"
    } >expected
    : >back
    alone "$TOOLS/peer" talk "$PORT" <sent >back &
    PIDS+=("$!")
    wait_until cmp -s expected back || {
        diff expected back | head -n 10
        return 1
    }
}

# client_enters NAME: starts the step's client and waits until it is ready.
client_enters() {
    start_client "$1" "$STEP" 127.0.0.1 "$PORT"
    if ((STEP < 4)); then
        prints "$1" "Text to send: "
    else
        prints "$1" "Your number is "
        printf -v "NUMBER_$1" '%s' \
            "$(sed -n 's/.*Your number is //p' "$1.out")"
    fi
}

# type_back, shows_back: as send_back and comes_back, but to a client.
type_back() {
    type "$1" "$(request "$1" "$2")"$'\n'
}

shows_back() {
    prints "$1" "$(shown "$(answer "$1" "$2")")"
}

# repeat COUNT TEXT: prints it so often, without a newline.
repeat() {
    local i
    for ((i = 0; i < $1; i++)); do printf '%s' "$2"; done
}

# leave_out REASON: skips the test. With CI set it fails, unless .ci/skips has
# the reason: what is never checked must not look well.
leave_out() {
    [[ -z ${CI:-} ]] || grep -qxF -e "$1" "$ROOT/.ci/skips" || {
        echo "not in .ci/skips: $1"
        return 1
    }
    skip "$1"
}

# need COMMAND PACKAGE: leaves the test out when there is no such command.
need() {
    command -v "$1" >/dev/null || leave_out "needs $1: apt-get install $2"
}

need_linux() {
    [[ $SYSTEM == Linux ]] || leave_out "needs Linux"
}

# refuses TEXT COMMAND...: the command ends with status 1 and one line on
# stderr, which has TEXT in it.
refuses() {
    local text=$1 result=0
    shift
    "$@" >refused.out 2>refused.err </dev/null 3>&- &
    PID_refused=$!
    PIDS+=("$PID_refused")
    status refused || result=$?
    echo "status $result: $(<refused.err)"
    [[ $result == 1 && $(wc -l <refused.err) -eq 1 ]] &&
        in_file "$text" refused.err
}

# close_all COMMAND...: runs it without stdin and stdout.
close_all() {
    exec "$@" <&- >&-
}

# not_sanitized REASON: leaves the test out in `make sanitize`.
not_sanitized() {
    [[ -z ${SANITIZED:-} ]] || leave_out "not with a sanitizer: $1"
}

# sit_down COLUMNS: at a terminal with a client of step 7 on it, named a.
sit_down() {
    COLUMNS=$1
    start_program a "$TOOLS/pty" "$1" "$OUT/${STEPS[7]}/client" \
        127.0.0.1 "$PORT"
    prints a $'\r' # the first prompt
}

# got TEXT: TEXT, and nothing else, reaches the server.
got() {
    wait_until has_got "$1" || {
        tail -n +2 server.out | od -c | tail -n 20 >&2
        return 1
    }
}

has_got() {
    [[ $(tail -n +2 server.out && echo .) == "$1". ]]
}

# shows ROWS: the screen comes to be these rows.
shows() {
    wait_until has_rows "$1" || {
        "$TOOLS/screen" "$COLUMNS" <a.out >&2
        return 1
    }
}

has_rows() {
    [[ $("$TOOLS/screen" "$COLUMNS" <a.out 2>screen.err) == "$1" && ! -s screen.err ]]
}

# shows_last ROW: the same, but only the last row counts.
shows_last() {
    wait_until has_last "$1" || {
        "$TOOLS/screen" "$COLUMNS" <a.out >&2
        return 1
    }
}

has_last() {
    [[ $("$TOOLS/screen" "$COLUMNS" <a.out 2>screen.err | tail -n 1) == "$1" &&
        ! -s screen.err ]]
}

# Makes room for another server and another client in the same test.
clear_away() {
    local name
    for name in server a; do
        local input=IN_$name
        [[ -z ${!input-} ]] || close_input "$name"
        rm -f "$name.in" "$name.out"
    done
}
