# An exercise of step 2: a client that says bye is let go.

load ../helper

threads_are() {
    local threads=("/proc/$SERVER/task/"*)
    [[ ${#threads[@]} -eq $1 ]]
}

# is_let_go NAME: says bye, hears bye, and then the end of the connection.
is_let_go() {
    say "$1" bye && expect "$1" bye || return
    # A server that goes on would answer this.
    say "$1" "still here" 2>/dev/null
    local result=0
    hear "$1" || result=$?
    echo "to read returned $result: $LINE"
    leave "$1"
    ((result == 1)) # 0 is a line, and more than 128 that nothing has come
}

@test "a client that says bye hears it, and is let go" {
    start_server 2
    connect a
    say a hello
    expect a hello
    is_let_go a
}

@test "the others stay" {
    start_server 2
    connect a
    connect b
    say b hello
    expect b hello
    is_let_go a
    say b "bye, a"
    expect b "bye, a"
}

@test "nothing of it stays: no thread, no descriptor" {
    [[ -d /proc/self/task ]] || skip "needs Linux's /proc"
    start_server 2
    local before _
    before=$(descriptors)
    for _ in {1..20}; do
        connect a
        is_let_go a
    done
    wait_until threads_are 1
    wait_until descriptors_are "$before"
}
