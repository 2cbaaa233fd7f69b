# Step 3, errors: what goes wrong with a client ends that client, no other.

load helper

@test "a client that leaves costs neither CPU nor a descriptor" {
    scenario() {
        local fds
        start_server "$1"
        [[ ! -d /proc/self ]] || fds=$(descriptors)
        churn 200
        [[ ! -d /proc/self ]] || wait_until descriptors_are "$fds"
        wait_until waits "$SERVER"
    }
    from 3
}

@test "hundreds of clients leave no descriptor, thread or memory behind" {
    need_linux
    not_sanitized "it keeps freed memory for a while"
    scenario() {
        start_server "$1"
        churn_leaves_nothing 200 400
        wait_until threads_are 1
    }
    from 3
}

@test "500 clients at once leave no descriptor and no thread behind" {
    need_linux
    scenario() {
        local fds
        start_server "$1"
        fds=$(descriptors)
        start_peer crowd crowd "$PORT" 500
        prints crowd "all connected"
        wait_until descriptors_are "$((fds + 500))"
        kill "$PID_crowd"
        wait_until descriptors_are "$fds"
        wait_until threads_are 1
    }
    from 3
}

@test "what a client that left had begun is nobody's" {
    scenario() {
        start_server "$1"
        local i
        for i in {1..20}; do
            enter a
            send_back a one
            comes_back a one
            send a "the beginning of a line"
            leave a
        done
        for i in {1..20}; do
            enter "b$i"
            send_back "b$i" "one of $i"
            comes_back "b$i" "one of $i"
        done
    }
    from 3
}

# What the server says of a client that was lost.
says_why() {
    if ((STEP < 7)); then
        grep -qE '^[^ ]*server: (write|read): (Broken pipe|Connection reset)' \
            server.err
    else
        grep -qE 'left: (Broken pipe|Connection reset|closed)' server.err
    fi
}

@test "a client that resets its connection ends alone, with a reason" {
    scenario() {
        start_server "$1"
        enter a
        start_peer jam jam "$PORT" "a line that wants a reply"
        prints jam jammed
        close_input jam
        wait_until says_why
        send_back a "I am still here"
        comes_back a "I am still here"
    }
    from 3
}

@test "a client that leaves before its replies come ends alone (SIGPIPE)" {
    scenario() {
        start_server "$1"
        enter a
        send_back a hello
        comes_back a hello
        # While the server stands still, lines and the end of the connection
        # come: its first reply is answered by a reset, its second is the
        # signal. It is said once, however many replies there are.
        freeze "$SERVER"
        send a $'one\ntwo\nthree\nfour\n'
        leave a
        kill -CONT "$SERVER"
        wait_until says_why
        enter b
        send_back b hello
        comes_back b hello
        [[ $(grep -cE 'Broken pipe|Connection reset|left:' server.err) -eq 1 ]]
    }
    from 3
}

@test "a reply is sent whole, however slowly the client reads" {
    scenario() {
        # More than the kernel takes at once, so that write() is cut short.
        seq -f '%.0f a line that takes some room in the buffers' 200000 >lines
        start_server "$1"
        all_come_back lines
    }
    from 3 to 6
}

@test "the server sends every byte, though calls are cut short or interrupted" {
    needs_faults
    scenario() {
        seq -f 'line %.0f' 300 >lines
        local faults
        for faults in write:short:every=1 read:short:every=1 \
            "write:EINTR:rate=50 write:short:rate=50" \
            "read:EINTR:rate=50 read:short:every=1"; do
            start_faulty_server "$faults" "$1"
            all_come_back lines
            [[ -s faults.log ]]
            rm faults.log
        done
    }
    from 3
}

@test "the client sends every byte, though calls are cut short or interrupted" {
    needs_faults
    scenario() {
        local faults i
        for faults in write:short:every=1 read:short:every=1 \
            "write:EINTR:rate=50 write:short:rate=50" \
            "read:EINTR:rate=50 read:short:every=1"; do
            start_server "$1"
            start_faulty_client a "$faults" "$1"
            # shellcheck disable=SC2034 # read by type_back
            NUMBER_a=0
            for i in {1..20}; do type_back a "line $i"; done
            close_input a
            ends_with 0 a
            {
                (($1 < 4)) || shown "Your number is 0"
                for i in {1..20}; do shown "$(answer a "line $i")"; done
            } | diff - <(sed 's/Text to send: //g' a.out)
            [[ -s faults.log ]]
            rm faults.log a.in
        done
    }
    from 3
}

# costs_one FAULT STEP: a server on which FAULT befalls its first client loses
# that client, and nothing else: no other client and no descriptor.
costs_one() {
    local fds
    start_faulty_server "$1" "$2"
    fds=$(descriptors)
    connect a
    # shellcheck disable=SC2034 # read by send_back
    NUMBER_a=0
    send_back a one
    send_back a two || true # by now it may be gone
    while hear a; do :; done
    wait_until descriptors_are "$fds"
    enter b
    send_back b "hello"
    comes_back b "hello"
    [[ $(wc -l <faults.log) -eq 1 ]]
    rm faults.log
}

@test "a call that fails costs one client, and one line says which call" {
    needs_faults
    scenario() {
        # From step 4 on the first thing that is written is the greeting.
        costs_one "write:EPIPE:nth=$(($1 < 4 ? 1 : 2))" "$1"
        says_only "write: Broken pipe"
        costs_one "read:ECONNRESET:nth=1" "$1"
        says_only "read: Connection reset by peer"
        costs_one "calloc:ENOMEM:nth=1" "$1"
        says_only "calloc: "
        (($1 < 7)) || return 0
        costs_one "pthread_create:EAGAIN:nth=1" "$1"
        says_only "pthread_create: "
    }
    says_only() {
        ((STEP > 6)) || [[ $(<server.err) == *"server: $1"* &&
            $(wc -l <server.err) -eq 1 ]]
    }
    from 3
}

@test "who can't have a thread leaves no descriptor and no memory behind" {
    needs_faults
    scenario() {
        local before
        start_faulty_server pthread_create:EAGAIN:every=1 "$1"
        come_and_be_closed 200
        before=$(memory VmRSS)
        come_and_be_closed 300
        echo "$before KB before, $(memory VmRSS) KB after"
        (($(memory VmRSS) - before < 100))
    }
    come_and_be_closed() {
        local fds i
        fds=$(descriptors)
        for ((i = 0; i < $1; i++)); do
            connect a
            while hear a; do :; done
            leave a
        done
        wait_until descriptors_are "$fds"
    }
    from 3 to 6
}

@test "a newcomer who can't be accepted harms nobody" {
    needs_faults
    scenario() {
        start_faulty_server "accept4:ECONNABORTED:nth=2" "$1"
        enter a
        enter b
        send_back b hello
        comes_back b hello
        send_back a "still here"
        comes_back a "still here"
        in_file "accept: " server.err
    }
    from 3
}

@test "out of descriptors, who is there stays, and who comes has to wait" {
    need prlimit util-linux
    scenario() {
        ln -s /dev/null server.err # who spins writes to it
        start_server "$1"
        enter a
        take_descriptors
        # An accept() that waits has its descriptor already, for b.
        connect b
        connect c
        ((STEP > 3)) || say c hello
        send_back a hello
        comes_back a hello
        hears_nothing c
        give_descriptors
        if ((STEP > 3)); then
            hear b
            hear c
            # shellcheck disable=SC2034
            NUMBER_c=2
            send_back c hello
        fi
        comes_back c hello
    }
    from 3
}

@test "a line that finds no room ends its client, and no other" {
    scenario() {
        local text
        text=$(repeat 4096 x)
        start_server "$1"
        enter a
        enter b
        (($1 > 4)) || {
            send a "${text:1}"
            send_back b hello
            comes_back b hello
            send a $'\n'
            comes_back a "${text:1}"
        }
        send a "$text"
        hears_the_end a
        send_back b hello
        comes_back b hello
    }
    from 3 to 6
}

@test "the client says that the server is gone, and fails" {
    scenario() {
        start_server "$1"
        client_enters a
        type_back a hello
        shows_back a hello
        kill_server
        (($1 > 5)) || type a $'is anybody there?\n'
        ends_with 1 a
        in_file "client: the server is gone" a.err
    }
    from 3
}

@test "the client says so, too, when the server leaves in mid-line" {
    scenario() {
        play_server
        start_client a "$1" 127.0.0.1 "$PORT"
        type a $'one\ntwo\n'
        type server $'whole\nhal'
        prints a "$(shown whole)"
        close_input server
        ends_with 1 a
        in_file "client: the server is gone" a.err
        not in_file "hal" <(sed 's/whole//' a.out)
    }
    from 3
}

@test "a server that goes while the client writes ends it with status 1" {
    scenario() {
        # More than the kernel takes of a line, and of which nothing is read.
        { repeat 1000 "$(repeat 10000 x)" && echo; } >long
        play_server serve-mute
        start_client a "$1" 127.0.0.1 "$PORT"
        type server $'welcome\n'
        prints a "Text to send: "
        alone cat long >&"$IN_a" &
        PIDS+=("$!")
        wait_until waits "$PID_a"
        close_input server # it half-closes, and then resets
        wait_until waits "$PID_a"
        kill "$PID_server"
        ends_with 1 a
        in_file "client: write: " a.err
    }
    from 3 to 6
}

@test "a line that finds no room in the client ends it with status 1" {
    scenario() {
        play_server
        start_client a "$1" 127.0.0.1 "$PORT"
        type a $'one\n'
        type server "$(repeat 8192 x)"
        ends_with 1 a
        in_file "client: the server is gone" a.err
    }
    from 3 to 6
}

@test "a call that fails ends the client with status 1, and it says which" {
    needs_faults
    scenario() {
        local fault says
        for fault in write:EPIPE read:ECONNRESET; do
            case $fault in
            write*) says="write: Broken pipe" ;;
            read*) says="read: Connection reset by peer" ;;
            esac
            start_server "$1"
            start_faulty_client a "$fault:nth=1" "$1"
            type a $'0 hello\n' || true # it may be gone
            ends_with 1 a
            (($1 > 6)) || in_file "client: $says" a.err
            (($1 > 5)) || [[ $fault != write* || $(wc -l <a.err) -eq 1 ]]
            rm a.in
        done
    }
    from 3
}

@test "input that can't be read is an error, not its end" {
    scenario() {
        start_server "$1"
        alone "$OUT/${STEPS[$1]}/client" 127.0.0.1 "$PORT" <. >a.out 2>a.err &
        PID_a=$!
        PIDS+=("$PID_a")
        ends_with 1 a
        [[ $(<a.err) == *"client: stdin: Is a directory" ]]
    }
    from 3
}

@test "flaw: it is an echo, nobody can reach anybody" {
    scenario() {
        start_server "$1"
        enter a
        enter b
        send_back a "1 hello, b"
        comes_back a "1 hello, b"
        hears_nothing b
    }
    from 2 to 4
}

@test "flaw: a newcomer for whom there is no descriptor makes the server spin" {
    need prlimit util-linux
    scenario() {
        ln -s /dev/null server.err
        start_server "$1"
        enter a
        take_descriptors
        wait_until waits "$SERVER"
        connect b
        spins "$SERVER"
    }
    from 3 to 6
}
