# Whose terminal it is: step 7's client as a job of a shell, and what signals do
# to it. It takes the terminal only in the foreground, and gives it back
# whatever ends it.

load helper

# start_shell: an interactive bash with job control, named sh, on a terminal of
# its own. `job` there starts a client, whose pid goes to the file pid; the file
# wait makes it wait.
start_shell() {
    cat >rc <<END
PS1='ready> '
tty >terminal
job() {
    (
        echo "\$BASHPID" >pid
        while [[ -e wait ]]; do sleep 0.02; done
        exec "$OUT/${STEPS[7]}/client" 127.0.0.1 "$PORT"
    )
}
END
    TERM=dumb HISTFILE='' start_program sh \
        "$TOOLS/pty" 80 "$BASH" --noprofile --rcfile rc -i
    prints sh "ready> "
}

# start_job COMMAND: types it, which starts a client. Its pid is in CLIENT.
start_job() {
    rm -f pid
    type sh "$1"$'\n'
    wait_until test -s pid
    CLIENT=$(<pid)
}

# settings FILE WORD...: in what stty(1) has printed there are these: icanon if
# the terminal edits lines by itself, -icanon if it passes on each key.
settings() {
    local all word
    all=" $(tr '\n' ' ' <"$1") "
    for word in "${@:2}"; do
        [[ $all == *" $word "* ]] || {
            echo "expected $word in: $all" >&2
            return 1
        }
    done
}

# shell_has WORD...: the shell is back, and its commands have these settings.
# (While it reads one, it has others itself.)
shell_has() {
    wait_until is_ready
    rm -f stty.out
    type sh $'stty -a >stty.tmp; mv stty.tmp stty.out\n'
    wait_until test -s stty.out
    settings stty.out "$@"
}

is_ready() {
    [[ $(tail -c 7 sh.out) == "ready> " ]]
}

# takes_over: the client has the terminal, and asks for a line.
takes_over() {
    wait_until asks || {
        tail -c 200 sh.out | od -c >&2
        return 1
    }
}

asks() {
    stty -a -F "$(<terminal)" >stty.now
    settings stty.now -icanon -echo ixon 2>/dev/null && return 1
    settings stty.now -icanon -echo -ixon 2>/dev/null &&
        [[ $(tail -n 1 sh.out) == *"Text to send: "* ]]
}

@test "started in the background and brought to the front it can be typed into" {
    play_server && start_shell
    touch wait
    start_job 'job &'
    # The shell reads a command, with settings that are not the client's.
    reads_itself() { stty -a -F "$(<terminal)" | grep -q -e -icrnl; }
    wait_until reads_itself
    rm wait
    wait_until stopped "$CLIENT"
    type sh $'stty -echoctl; fg\n'
    takes_over
    type sh $'hello\r' # as the Enter key does
    got $'hello\n'
    type sh $'\004'
    shell_has icanon echo icrnl -echoctl
}

@test "Ctrl-Z stops it, and fg goes on with the half-typed line" {
    play_server && start_shell
    start_job job
    takes_over
    type sh half
    prints sh half
    type sh $'\032'
    wait_until stopped "$CLIENT"
    type sh $'stty -echoctl\n'
    shell_has icanon echo -echoctl
    type server $'7->> meanwhile\n'
    type sh $'fg\n'
    prints sh "7->> meanwhile"
    takes_over
    type sh $' a line\n'
    got $'half a line\n'
    # bg does not help: it wants the terminal.
    type sh $'\032'
    wait_until stopped "$CLIENT"
    type sh $'bg\n'
    wait_until stopped "$CLIENT"
    type sh $'fg\n'
    takes_over
    type sh $'two\n\004'
    got $'half a line\ntwo\n'
    wait_until gone "$CLIENT"
    shell_has icanon echo -echoctl
}

@test "kill ends it while it is stopped, and the terminal is the shell's" {
    start_server 7
    start_shell
    local way tries number=0
    for way in background key signal bg; do
        for tries in {1..5}; do
            echo "$way, try $tries"
            if [[ $way == background ]]; then
                start_job 'job &'
            else
                start_job job
                prints sh "Your number is $number"
                takes_over
            fi
            ((++number))
            [[ $way != key ]] || type sh $'\032'
            [[ $way != signal && $way != bg ]] || kill -STOP "$CLIENT"
            wait_until stopped "$CLIENT"
            wait_until is_ready
            [[ $way != bg ]] || type sh $'bg\n'
            shell_has icanon echo
            wait_until stopped "$CLIENT"
            type sh $'kill %%\n'
            wait_until gone "$CLIENT"
            shell_has icanon echo
        done
    done
}

@test "every signal that ends it restores the terminal" {
    start_server 7
    local number numbers=()
    for ((number = 1; number <= 64; number++)); do
        # Not those that do nothing, stop it, can't be caught, or are the libc's.
        case $(kill -l "$number" 2>/dev/null) in
            CHLD | CONT | URG | WINCH | PIPE | TSTP | TTIN | TTOU | \
                STOP | KILL | RTMIN | '')
                continue
                ;;
            SEGV | BUS | FPE | ILL | ABRT | TRAP | SYS)
                # The sanitizers have handlers of their own.
                [[ -z ${SANITIZED-} ]] || continue
                ;;
        esac
        numbers+=("$number")
        start_program "s$number" "$TOOLS/pty" 80 \
            "$OUT/${STEPS[7]}/client" 127.0.0.1 "$PORT"
        type "s$number" half
    done
    ulimit -c 0
    for number in "${numbers[@]}"; do
        prints "s$number" "send: half"
        kill "-$number" "$(sed -n 's/^pid //p' "s$number.err")"
    done
    for number in "${numbers[@]}"; do
        echo "signal $number"
        ends_with $((128 + number)) "s$number"
        in_file "[terminal restored]" "s$number.out"
    done
    ((${#numbers[@]} >= 20))
}

@test "signals that do not end it leave the line as it is" {
    play_server
    trap '' USR1 # as nohup(1) does with another one
    sit_down 80
    trap - USR1
    type a half
    shows_last "Text to send: half"
    local name
    # There is no shell to go on with it: it must not stop.
    for name in CHLD CONT URG WINCH PIPE USR1 TSTP TTIN TTOU; do
        kill "-$name" "$(sed -n 's/^pid //p' a.err)"
    done
    COLUMNS=80
    type a $'\032 a line'
    shows_last "Text to send: half a line"
    type a $'\n'
    got $'half a line\n'
}
