# The ladder: one scenario a test, run against all seven steps. The row says
# for each step whether it is expected to work (x), to fail (.), or does not
# apply (-). The flaws are shown here as much as the features.
#
# The rows are also written to build/ladder.txt, from which the table in
# README.md is made. Elsewhere than on Linux there is no step 7.

load helper

setup_file() {
    [[ -z ${EXPECTED-} ]] || return 0
    mkdir -p "$ROOT/build"
    : >"$ROOT/build/ladder.txt"
}

# climb ROW: runs the function `scenario` for all steps at the same time, and
# compares. A scenario gets the step and works within PATIENCE seconds, or
# fails. Where it is expected to fail we do not wait for long.
climb() {
    local expected=${1:0:${#ALL_STEPS[@]}} row="" step
    if [[ -n ${EXPECTED-} ]]; then
        climb_one 7
        return
    fi
    for step in "${ALL_STEPS[@]}"; do
        [[ ${expected:step-1:1} == - ]] && continue
        mkdir "$BATS_TEST_TMPDIR/$step"
        try "$step" "${expected:step-1:1}" 3>&- &
    done
    wait
    for step in "${ALL_STEPS[@]}"; do
        if [[ ${expected:step-1:1} == - ]]; then
            row+=-
        else
            row+=$(<"$BATS_TEST_TMPDIR/$step/result")
        fi
    done
    printf '%-53s %s\n' "$BATS_TEST_DESCRIPTION" "$row" \
        >>"$ROOT/build/ladder.txt"
    echo "expected $expected"
    echo "got      $row"
    [[ $row == "$expected" ]] || {
        tail "$BATS_TEST_TMPDIR"/*/log
        return 1
    }
}

# climb_one STEP: the scene works there; EXPECTED says whether it should. So
# tests/tools/moves asks for the programs between steps 6 and 7.
climb_one() {
    mkdir "$BATS_TEST_TMPDIR/$1"
    try "$1" "$EXPECTED" 3>&-
    cat "$BATS_TEST_TMPDIR/$1/log"
    [[ $(<"$BATS_TEST_TMPDIR/$1/result") == x ]]
}

# try STEP EXPECTED: leaves x or . in STEP/result.
try() {
    cd "$BATS_TEST_TMPDIR/$1" || return
    export PATIENCE=10
    [[ $2 == . ]] && PATIENCE=1
    echo . >result
    (clean_up_on_exit && scenario "$1") >log 2>&1 && echo x >result
}

@test "a second client is served beside the first" {
    scenario() {
        start_server "$1" && connect a && say a hello && hear a || return
        connect b && say b hello && hear b
    }
    climb .xxxxxx
}

@test "a client that was killed costs no CPU" {
    scenario() {
        start_server "$1" && start_client a "$1" 127.0.0.1 "$PORT" || return
        type a $'hello\n'
        wait_until grep -qE 'hello|error' a.out || return
        kill -KILL "$PID_a"
        wait_until gone "$PID_a" || return
        ! spins "$SERVER"
    }
    climb ..xxxxx
}

@test "the server outlives a reset in mid-reply" {
    scenario() {
        start_server "$1" || return
        local i
        for i in 1 2 3; do
            start_peer "jam$i" jam "$PORT" "0 a line that wants a reply"
            prints "jam$i" jammed || return
            close_input "jam$i"
            status "jam$i" || return
        done
        connect a && say a hello && hear a
    }
    climb ..xxxxx
}

@test "the client notices that the server is gone" {
    scenario() {
        start_server "$1" && start_client a "$1" 127.0.0.1 "$PORT" || return
        type a $'hello\n'
        wait_until grep -qE 'hello|error' a.out || return
        kill_server || return
        type a $'hello\n'
        local result=0
        status a || result=$?
        [[ $result == 1 ]] && in_file gone a.err
    }
    climb ..xxxxx
}

@test "a client learns its number" {
    scenario() {
        start_server "$1" && start_client a "$1" 127.0.0.1 "$PORT" || return
        prints a "Your number is 0"
    }
    climb ...xxxx
}

@test "a message reaches the client it names" {
    scenario() {
        start_server "$1" && connect a && connect b || return
        hear b && say a "1 hello" || return
        until [[ $LINE == "0->> hello" ]]; do hear b || return; done
    }
    climb ....xxx
}

@test "the sender learns that nobody has that number" {
    scenario() {
        start_server "$1" && connect a && say a "77 hello" || return
        until [[ $LINE == "error: client 77 is not connected" ]]; do
            hear a || return
        done
    }
    climb ....xxx
}

@test "a message shows without the receiver typing" {
    scenario() {
        start_server "$1" && start_client a "$1" 127.0.0.1 "$PORT" || return
        prints a "Your number is 0" && connect b && say b "0 hello" || return
        prints a "1->> hello"
    }
    climb .....xx
}

@test "two messages to another go out without waiting" {
    scenario() {
        start_server "$1" && connect b || return
        start_client a "$1" 127.0.0.1 "$PORT"
        type a $'0 one\n0 two\n'
        until [[ $LINE == "1->> two" ]]; do hear b || return; done
    }
    climb .....xx
}

@test "the 1,001st connection is served, the others gone" {
    scenario() {
        # Step 2 leaks a descriptor a client, and has a thread spin for it:
        # with the usual limit, a thousand before it fails.
        ulimit -S -n 64
        start_server "$1" || return
        churn 1001 || return
        ! grep "server is full" churn.out
    }
    climb ..x...x
}

@test "a number is never given to a second client" {
    scenario() {
        start_server "$1" && join a && join b && leave a && join c || return
        leave b && join d || return
        [[ "$NUMBER_a $NUMBER_b $NUMBER_c $NUMBER_d" == "0 1 2 3" ]]
    }
    climb ---xxxx
}

@test "a client that stops reading holds up nobody" {
    scenario() {
        start_server "$1" && start_peer deaf deaf "$PORT" || return
        prints deaf "Your number is 0" && join b && join c || return
        start_peer flood jam "$PORT" "0 $(repeat 200 x)"
        prints flood jammed || return
        say b "$NUMBER_c hello" && expect c "$NUMBER_b->> hello"
    }
    climb ----..x
}

@test "a line that is too long is answered, client stays" {
    scenario() {
        start_server "$1" && connect a || return
        say a "$(repeat 5000 x)"
        until [[ $LINE == "error: message is longer than 250 bytes" ]]; do
            hear a || return
        done
        say a hello && hear a
    }
    climb ......x
}

@test "out of descriptors: old clients live, CPU idle" {
    need_linux
    need prlimit util-linux
    scenario() {
        # Whoever spins here writes to the log: that must not wait for a disk.
        ln -s /dev/null server.err
        start_server "$1" && connect a && say a hello && hear a || return
        take_descriptors && connect b || return
        ! spins "$SERVER" && say a hello && hear a || return
        give_descriptors
        say b hello && hear b
    }
    climb ......x
}

@test "SIGTERM: clients are told, exit status 0" {
    scenario() {
        start_server "$1" && connect a && say a hello && hear a || return
        kill -TERM "$SERVER"
        until [[ $LINE == *"shutting down"* ]]; do hear a || return; done
        leave a
        ends_with 0 server
    }
    climb ......x
}

@test "an escape sequence does not reach the terminal" {
    scenario() {
        play_server || return
        start_client a "$1" 127.0.0.1 "$PORT"
        type a $'hello\n'
        type server $'\033[31mred\n\033[31mred\n'
        prints a red && ! in_file $'\033' a.out
    }
    climb ......x
}

@test "a half-typed line survives an incoming message" {
    scenario() {
        start_server "$1" || return
        start_program a "$TOOLS/pty" 80 "$OUT/${STEPS[$1]}/client" \
            127.0.0.1 "$PORT"
        prints a "Text to send: " && connect b || return
        type a "half-ty"
        prints a "half-ty" && say b "0 hello" && prints a "->> hello" || return
        # The screen's last row: what came since the last line feed.
        wait_until last_row_ends_with "Text to send: half-ty"
    }
    last_row_ends_with() {
        [[ $(tail -n 1 a.out) == *"$1" ]]
    }
    climb ......x
}
