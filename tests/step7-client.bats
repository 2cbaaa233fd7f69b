# Step 7's client: its line editor on a terminal of its own, what it makes of a
# hostile server, and its ends. What the screen shows is what tests/peers/screen.c, a
# small terminal, makes of what the client has printed.

load helper

SCREEN=$TOOLS/screen

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
        "$SCREEN" "$COLUMNS" <a.out >&2
        return 1
    }
}

has_rows() {
    [[ $("$SCREEN" "$COLUMNS" <a.out 2>screen.err) == "$1" && ! -s screen.err ]]
}

# shows_last ROW: the same, but only the last row counts.
shows_last() {
    wait_until has_last "$1" || {
        "$SCREEN" "$COLUMNS" <a.out >&2
        return 1
    }
}

has_last() {
    [[ $("$SCREEN" "$COLUMNS" <a.out 2>screen.err | tail -n 1) == "$1" &&
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

@test "what is sent is what was typed, after editing" {
    play_server && sit_down 80
    local keys=(
        $'plain\n' $'plain\n'
        $'caf\303\251\177e\n' $'cafe\n'
        $'漢字\177x\n' $'漢x\n'
        $'one 😀😀\177\177\177\n' $'one\n'
        $'e\314\201\177\n' $'e\n'
        $'\177\177\bx\n' $'x\n'
        $'ab\bc\n' $'ac\n'
        $'one\025two\n' $'two\n'
        $'\025\027three\n' $'three\n'
        $'one two  \027three\n' $'one three\n'
        $'日本 語\027x\n' $'日本 x\n'
        $'a\033[Ab\033[3~c\033OPd\033OAe\033[[Af\033[1;5Cg\033[24~h\n'
        $'abcdefgh\n'
        $'a\033b\n' $'ab\n'
        $'a\033\033[Ab\n' $'ab\n'
        $'a\033\nb\033[\nc\033[1\nd\n' $'a\nb\nc\nd\n'
        $'\033é\033[é\033O漢\n' $'éé漢\n'
        $'a\001\002\004\005\006\007\013\014\016\017\020\021b\n' $'ab\n'
        $'a\022\023\024\026\030\031\032\035\036\037b\n' $'ab\n'
        $'\033[200~pasted\033[201~\n' $'pasted\n'
        $'one\rtwo\n\tthree\tfour\n\n' $'one\ntwo\n three four\n\n'
        $'Ελληνικά हिन्दी ไทย 한국어 עברית\n' $'Ελληνικά हिन्दी ไทย 한국어 עברית\n'
    )
    local expected="" i
    for ((i = 0; i < ${#keys[@]}; i += 2)); do
        type a "${keys[i]}"
        expected+=${keys[i + 1]}
    done
    got "$expected"
}

@test "keys that come in pieces are no other keys" {
    play_server && sit_down 80
    local typed=$'a\033[1;5Db\033OPc\033[[Ad\303\251\177\360\237\230\200e\n'
    local LC_ALL=C i size
    for ((i = 0; i < ${#typed}; i++)); do
        # shellcheck disable=SC2034
        size=$(stat -c %s a.out)
        type a "${typed:i:1}"
        # shellcheck disable=SC2016
        wait_until eval '(($(stat -c %s a.out) > size))'
    done
    got $'abcd😀e\n'
}

@test "a message appears above, and the half-typed line stays intact" {
    local rows=() sent="" text
    play_server && sit_down 80
    for text in "half a line" "Привет, как дела" "漢字かな交じり文" "한국어 키보드" \
        "שלום עולם" "हिन्दी" "สวัสดี" "😀🎉" $'e\314\201te\314\201'; do
        type a "$text"
        shows_last "Text to send: $text"
        type server "7->> $text, too"$'\n'
        rows+=("7->> $text, too")
        shows "$(printf '%s\n' "${rows[@]}" "Text to send: $text")"
        type a $'\n'
        rows+=("Text to send: $text")
        shows "$(printf '%s\n' "${rows[@]}" "Text to send:")"
        sent+=$text$'\n'
        got "$sent"
    done
}

@test "of a line wider than the window the end shows, and all is sent" {
    local long message
    message=$(repeat 10 "0123456789")
    play_server && sit_down 24
    local above="" sent="" pair
    for pair in "the quick brown fox|brown fox" "Привет, как дела| как дела" \
        "漢字かな交じり文|交じり文" "😀😀😀😀🎉🎉|😀😀🎉🎉" \
        "שלום עולם שלום|עולם שלום"; do
        long=${pair%|*}
        type a "$long"
        shows "${above}Text to send: ${pair#*|}"
        type server "$message"$'\n'
        above+="${message:0:24}"$'\n'"${message:24:24}"$'\n'
        above+="${message:48:24}"$'\n'"${message:72:24}"$'\n'"${message:96}"$'\n'
        shows "${above}Text to send: ${pair#*|}"
        type a $'\177x\n'
        sent+="${long%?}x"$'\n'
        got "$sent"
        shows_last "Text to send:"
        above=$("$SCREEN" 24 <a.out | sed '$d')$'\n'
    done
}

@test "the line fits when the window becomes smaller" {
    play_server && sit_down 60
    local text
    text=$(repeat 5 "123456789.")
    type a "$text"
    shows_last "Text to send: ${text:5}"
    kill -WINCH "$PID_a"
    COLUMNS=30
    type a "end"
    shows_last "Text to send: 9.123456789.end"
    type a $'\n'
    got "${text}end"$'\n'
}

@test "a window that is narrower than the prompt has one row of it" {
    play_server && sit_down 8
    type a "hello"
    type server $'0->> you\n'
    shows $'0->> you\nText to'
    type a $'\n'
    got $'hello\n'
}

@test "a line shows in a window of unknown width" {
    play_server && sit_down 0
    COLUMNS=80
    type a "half a line"
    shows "Text to send: half a line"
    type a $'\004\025\004'
    ends_with 0 a
}

@test "the terminal is restored on every way out" {
    local way pid
    for way in HUP INT QUIT TERM; do
        play_server && sit_down 80
        type a "half"
        prints a "half"
        pid=$(sed -n 's/^pid //p' a.err)
        (ulimit -c 0 && kill "-$way" "$pid")
        ends_with $((128 + $(kill -l "$way"))) a
        in_file "[terminal restored]" a.out
        clear_away
    done
    play_server && sit_down 80
    type a $'half\003'
    ends_with 130 a
    in_file "[terminal restored]" a.out
    clear_away
    play_server && sit_down 80
    type a $'half\025\004'
    ends_with 0 a
    COLUMNS=80 shows "[terminal restored]"
}

@test "out of memory: one line says so, and the terminal is restored" {
    not_sanitized "its runtime wants to be loaded before our library"
    start_server 7
    COLUMNS=80
    local fault told=0
    answered_or_over() { in_file expected a.out || in_file "[terminal" a.out; }
    for fault in malloc:ENOMEM:nth={1..8} calloc:ENOMEM:nth=1; do
        start_program a env FAULTS="$fault" LD_PRELOAD="$TOOLS/faults.so" \
            "$TOOLS/pty" 80 "$OUT/${STEPS[7]}/client" 127.0.0.1 "$PORT"
        prints a $'\r'
        type a $'one\n' || true # it may have ended
        wait_until answered_or_over
        type a $'\4' || true
        if in_file Cannot a.out || in_file "Resource temporarily" a.out; then
            ends_with 1 a
            ((++told))
        else
            ends_with 0 a
        fi
        in_file "[terminal restored]" a.out
        clear_away
    done
    ((told >= 2))
}

@test "the server goes in mid-line: a clean row says so, and the status is 1" {
    play_server && sit_down 80
    type a "half a line"
    shows_last "Text to send: half a line"
    close_input server
    ends_with 1 a
    shows $'client: the server is gone\n[terminal restored]'
    clear_away
    # What it has not read makes its end a reset.
    play_server && sit_down 80
    kill -STOP "$PID_server"
    type a $'unread\nhalf'
    shows_last "Text to send: half"
    kill -KILL "$PID_server"
    ends_with 1 a
    "$SCREEN" 80 <a.out | grep -qx "client: the server is gone"
    "$SCREEN" 80 <a.out | grep -qx ".terminal restored."
    "$SCREEN" 80 <a.out >rows
    not grep "^Text to send: half" rows
}

@test "a line of 250 bytes is sent, a longer one is not, on a terminal and piped" {
    local text
    text=$(repeat 83 漢)x
    play_server && sit_down 80
    type a "$text"$'\n'"${text}y"$'\n'"$text漢字"$'\n'"$text漢字"$'\177\nshort\n'
    got "$text"$'\n'"$text"$'\nshort\n'
    [[ $(grep -c "^.*error: message is longer than 250 bytes" a.out) == 2 ]]
    type a $'\004'
    ends_with 0 a
    clear_away
    play_server && start_client a 7 127.0.0.1 "$PORT"
    type a "$text"$'\n'"${text}y"$'\nshort\r\n'
    repeat 100 "$(repeat 1000 0123456789)" >part
    cat part part part part part part part part part part >&"$IN_a"
    type a $'\nno newline'
    close_input a
    ends_with 0 a
    got "$text"$'\nshort\r\nno newline\n'
    [[ ! -s a.out ]]
    [[ $(<a.err) == "error: message is longer than 250 bytes
error: message is longer than 250 bytes" ]]
}

@test "no byte from the server steers the terminal" {
    play_server && start_client a 7 127.0.0.1 "$PORT"
    local i octal
    for ((i = 0; i < 256; i++)); do
        printf -v octal '\\%03o' "$i"
        # shellcheck disable=SC2059
        printf "<$octal>\n"
        if ((i >= 32 && i < 127 || i == 9 || i == 10)); then
            # shellcheck disable=SC2059
            printf "<$octal>\n" >&4
        else
            printf '<\\x%02x>\n' "$i" >&4
        fi
    done >lines 4>expected
    cat >>lines <<<$'<\033]52;c;aGk=\a><\033[2J><\r0->> forged>'
    cat >>expected <<<'<\x1b]52;c;aGk=\x07><\x1b[2J><\x0d0->> forged>'
    cat lines >&"$IN_server"
    type server $'the end\n'
    prints a "the end"
    diff <(sed '$d' a.out) expected
}

@test "bad UTF-8 and unsafe characters show escaped, all others unchanged" {
    play_server && start_client a 7 127.0.0.1 "$PORT"
    local code
    for code in {0080..0099} 009{a..f} 008{a..f} 061c 200{e,f} 202{8,9} \
        202{a..e} 206{6..9}; do
        # shellcheck disable=SC2059
        printf "<\\u$code>\n"
        printf '<\\u%s>\n' "$code" >&4
    done >lines 4>expected
    # Overlong, surrogates, beyond U+10FFFF, five bytes, cut short.
    local bytes
    # shellcheck disable=SC2129
    for bytes in c0af c080 c1bf e080af e09fbf f08080af f08fbfbf eda080 edbfbf \
        eda080edb080 f4908080 f7bfbfbf f888808080 fc8480808080 fe ff 80 bf c3 \
        e6bc f09f98; do
        # shellcheck disable=SC2001
        bytes=$(sed 's/../\\x&/g' <<<"$bytes")
        # shellcheck disable=SC2059
        printf "<$bytes>\n"
        printf '<%s>\n' "$bytes" >&4
    done >>lines 4>>expected
    tee -a expected >>lines <<'END'
tab	, café, Привет, 漢字, हिन्दी, ไทย, עברית, العربية, 한국어, 😀👩‍👩‍👧❤️, é, €, ÿ, � \x1b
END
    printf '\360\220\200\200\364\217\277\277\357\277\275\337\277\n' |
        tee -a expected >>lines
    cat lines >&"$IN_server"
    type server $'the end\n'
    prints a "the end"
    diff <(sed '$d' a.out) expected
}

@test "a line of 40 MB from the server takes no memory, and is escaped" {
    not_sanitized "it takes memory of its own"
    # shellcheck disable=SC2034
    local PATIENCE=50
    play_server
    mkfifo a.out
    # Prints the first row that tells something.
    { LC_ALL=C grep -am 1 -e $'\033' -e "the end" && cat >/dev/null; } \
        <a.out >found 3>&- &
    PIDS+=("$!")
    start_client a 7 127.0.0.1 "$PORT"
    yes $'\033[31m'"$(repeat 90 x)" | tr -d '\n' | head -c 40000000 \
        >&"$IN_server"
    type server $'\nthe end\n'
    wait_until test -s found
    [[ $(<found) == "the end" ]]
    local most
    most=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$PID_a/status")
    echo "$most kB"
    ((most < 10000))
}

@test "at the end of its input it prints what it is owed, status 0" {
    start_server 7
    seq -f '0 %g' 1 3000 >lines
    "$OUT/${STEPS[7]}/client" 127.0.0.1 "$PORT" <lines >a.out 2>a.err 3>&-
    [[ ! -s a.err ]]
    diff a.out <(echo "Your number is 0" && seq -f '0->> %g' 1 3000)
}

@test "it ends when nobody takes what it prints" {
    play_server
    ln -s /dev/full a.out
    start_client a 7 127.0.0.1 "$PORT"
    type server $'one\n'
    ends_with 1 a
    in_file "stdout: No space left on device" a.err
    clear_away
    play_server
    mkfifo a.out
    head -n 1 <a.out >first 3>&- &
    PIDS+=("$!")
    start_client a 7 127.0.0.1 "$PORT"
    type server $'one\n'
    wait_until in_file one first
    type server $'two\n'
    ends_with 1 a
    in_file "stdout: Broken pipe" a.err
}
