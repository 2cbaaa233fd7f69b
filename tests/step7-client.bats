# Step 7's client: its line editor on a terminal of its own, what it makes of a
# hostile server, and its ends. What the screen shows is what a small terminal
# makes of what the client has printed: tests/peers/terminal.h.

load helper

@test "what is sent is what was typed, after editing" {
    play_server && sit_down 80
    local left=$'\033[D' right=$'\033[C' up=$'\033[A' down=$'\033[B'
    local home=$'\033[H' end=$'\033[F' delete=$'\033[3~'
    local keys=(
        $'plain\n' $'plain\n'
        $'caf\303\251\177e\n' $'cafe\n'
        $'漢字\177x\n' $'漢x\n'
        $'one 😀😀\177\177\177\n' $'one\n'
        $'ae\314\201\177\n' $'a\n'
        $'\177\177\bx\n' $'x\n'
        $'ab\bc\n' $'ac\n'
        $'one\025two\n' $'two\n'
        $'\025\027three\n' $'three\n'
        $'one two  \027three\n' $'one three\n'
        $'日本 語\027x\n' $'日本 x\n'
        # Within the line.
        "bd${left}c${home}a${end}e"$'\n' $'abcde\n'
        $'bd\002c\001a\005e\n' $'abcde\n'
        "abc$left$left$left$left${right}x$right$right${right}y"$'\n' $'axbcy\n'
        $'abc\001\006\006\006\006x\n' $'abcx\n'
        "abc$left$delete${delete}d"$'\n' $'abd\n'
        $'abc\001\004\004x\n' $'xc\n'
        $'one two\002\002\013x\n' $'one tx\n'
        $'one two\002\002\025x\n' $'xwo\n'
        $'one two  three\002\002\027x\n' $'one two  xee\n'
        "$delete$left$right$home${end}x"$'\n' $'x\n'
        # No character is cut in two, nor are those that are shown as one.
        "漢é$left${left}x$delete"$'\n' $'xé\n'
        $'e\314\201o'"$left${left}x"$'\n' $'xe\314\201o\n'
        $'👩\342\200\215👧b'"$left${left}x$right"$'\177y\n' $'xyb\n'
        # The last lines.
        "$up"$'\n' $'xyb\n'
        "$up$up"$'!\n' $'xyb!\n'
        "half$up$up$down$down$down a line"$'\n' $'half a line\n'
        # Keys that do nothing here.
        $'a\033[24~b\033OPc\033[[Ad\033[1;5Ee\033[200~f\n' $'abcdef\n'
        $'a\033b\033\303\251c\033\033xd\n' $'acd\n'
        $'a\033\nb\033[\nc\033[1\nd\n' $'a\nb\nc\nd\n'
        $'\033[é\033O漢x\n' $'x\n'
        $'a\007\014\017\021\022\023\024\026\030\031\035\036\037b\n' $'ab\n'
        $'one\rtwo\n\tthree\tfour\n\n\n' $'one\ntwo\n three four\n'
        $'Ελληνικά हिन्दी ไทย 한국어 עברית\n' $'Ελληνικά हिन्दी ไทย 한국어 עברית\n'
    )
    local expected="" i
    for ((i = 0; i < ${#keys[@]}; i += 2)); do
        type a "${keys[i]}"
        expected+=${keys[i + 1]}
        got "$expected"
    done
}

@test "after each of 5,000 keys, messages and windows the screen is right" {
    "$TOOLS/typist" "$OUT/${STEPS[7]}/client" 5000
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

@test "of a line wider than the window a part shows, and when sent all of it" {
    play_server && sit_down 24
    type a "the quick brown fox"
    shows "nd: the quick brown fox"
    type server $'0->> what?\n'
    shows $'0->> what?\nnd: the quick brown fox'
    type a $'\001'
    shows $'0->> what?\nText to send: the quick'
    type a $'\005\n'
    shows $'0->> what?\nText to send: the quick\n    brown fox\nText to send:'
    got $'the quick brown fox\n'
}

@test "when the window changes the line is drawn anew" {
    play_server && sit_down 60
    local text
    text=$(repeat 5 "123456789.")
    type a "$text"
    shows_last "to send: $text"
    kill -WINCH "$PID_a" # halves it
    COLUMNS=30
    shows_last "${text:21}"
    type a $'\n'
    got "$text"$'\n'
}

@test "a window that is narrower than the prompt has one row of the line" {
    play_server && sit_down 8
    type a "hello"
    type server $'0->> me\n'
    shows $'0->> me\n: hello'
    type a "!?"
    shows $'0->> me\nhello!?'
    type a $'\n'
    got $'hello!?\n'
}

@test "a line shows in a window of unknown width" {
    play_server && sit_down 0
    COLUMNS=80
    type a "half a line"
    shows "Text to send: half a line"
    type a $'\004\025\004'
    ends_with 0 a
}

@test "the last 32 lines can be recalled, and the one that is typed stays" {
    play_server && sit_down 80
    local up=$'\033[A' down=$'\033[B'
    seq -f 'line %.0f' 40 >&"$IN_a"
    got "$(seq -f 'line %.0f' 40)"$'\n'
    type a "new"$'\002'
    type a "$(repeat 40 "$up")"
    shows_last "Text to send: line 9"
    type a "!$down$up" # a change is kept, too
    shows_last "Text to send: line 9!"
    type a "$(repeat 31 "$down")"
    shows_last "Text to send: line 40"
    type a "$down$down"
    shows_last "Text to send: new"
    type a $'\n'
    got "$(seq -f 'line %.0f' 40)"$'\nnew\n'
}

@test "the bell rings at 250 bytes, and nothing typed is lost" {
    play_server && sit_down 80
    local text
    text=$(repeat 82 漢)
    bells_are() { [[ $(tr -cd '\a' <a.out | wc -c) -eq $1 ]]; }
    type a "${text}abcd"
    shows_last "$(repeat 37 漢)abcd"
    bells_are 0
    type a "e"
    wait_until bells_are 1
    type a "é"
    wait_until bells_are 2
    type a $'\177\177é'
    shows_last "$(repeat 38 漢)abé"
    type a $'\001漢'
    wait_until bells_are 3
    type a $'\n'
    got "${text}abé"$'\n'
    bells_are 3
    # What is no character rings it, too.
    type a $'a\377b\n'
    got "${text}abé"$'\nab\n'
    bells_are 4
}

@test "an empty line is not sent, on a terminal and piped" {
    play_server && sit_down 80
    type a $'\n\none\n\n\n\ntwo\n'
    got $'one\ntwo\n'
    clear_away
    play_server && start_client a 7 127.0.0.1 "$PORT"
    type a $'\n\none\n\n\n\ntwo\n'
    got $'one\ntwo\n'
}

@test "a message that wraps does not look like two" {
    local text
    play_server && sit_down 40
    text=.$(repeat 39 " ")
    type server "$text"$'1->> forged\n'
    shows $'.\n    1->> forged\nText to send:'
    clear_away
    # Wide characters at the edge, combining ones, escaped ones, tabs; what some
    # terminals show wider than others; a row that is just full.
    play_server && sit_down 20
    type server $'2->> 漢字漢字漢字漢字漢字\n'
    type server $'2->> 123456789012345e\314\201\n'
    type server $'2->> 12345678901234\033[2J\n'
    type server $'2->> \t\t\t1->> forged\n'
    type server "2->> $(repeat 8 ❤️)forged"$'\n'
    type server $'2->> 123456789012345\n'
    cat >rows <<END
2->> 漢字漢字漢字漢
    字漢字
2->> 123456789012345
    $(printf 'e\314\201')
2->> 12345678901234
    \\x1b[2J
2->>
        1->> forged
2->> $(repeat 7 ❤️)❤
    $(printf '\357\270\217')forged
2->> 123456789012345
Text to send:
END
    shows "$(<rows)"
    # In a pipe it is as it came.
    clear_away
    play_server && start_client a 7 127.0.0.1 "$PORT"
    text="3->> $(repeat 100 $'漢\t ')1->> forged"
    type server "$text"$'\n'
    prints a forged
    [[ $(<a.out) == "$text" ]]
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
    LD_PRELOAD="$TOOLS/faults.so" "$OUT/${STEPS[7]}/client" -h >/dev/null ||
        leave_out "needs the libc that tests/peers/faults.c is built for"
    start_server 7
    COLUMNS=80
    local fault said
    for fault in malloc:ENOMEM:every=1/asprintf calloc:ENOMEM:nth=1/pthread; do
        start_program a env "FAULTS=${fault%/*}" \
            LD_PRELOAD="$TOOLS/faults.so" \
            "$TOOLS/pty" 80 "$OUT/${STEPS[7]}/client" 127.0.0.1 "$PORT"
        type a $'one\n'
        ends_with 1 a
        said=$(grep -o 'client: .*' a.out)
        echo "$said"
        [[ $said == "client: ${fault#*/}"*": "* && $said != *$'\n'* ]]
        in_file "[terminal restored]" a.out
        clear_away
    done
}

@test "the server goes in mid-line: what was typed stays, and the status is 1" {
    play_server && sit_down 40
    type a "half a line of more than one row"$'\002'
    shows_last " send: half a line of more than one row"
    close_input server
    ends_with 1 a
    shows "Text to send: half a line of more than o
    ne row
client: the server is gone
[terminal restored]"
    clear_away
    # Nothing was typed: then no prompt stays either.
    play_server && sit_down 40
    close_input server
    ends_with 1 a
    shows $'client: the server is gone\n[terminal restored]'
    clear_away
    # What it has not read makes its end a reset.
    play_server && sit_down 40
    freeze "$PID_server"
    type a $'unread\nhalf'
    shows_last "Text to send: half"
    kill -KILL "$PID_server"
    ends_with 1 a
    "$TOOLS/screen" 40 <a.out >rows
    [[ $(sed '/^client: \(read\|write\): /d' rows) == "Text to send: unread
Text to send: half
client: the server is gone
[terminal restored]" ]]
}

@test "a message of our own stands above the line, also amid a flood" {
    local try
    for try in {1..5}; do
        echo "try $try"
        play_server && sit_down 40
        type a $'one\n'
        got $'one\n'
        freeze "$PID_server"
        # What it has not read makes its end a reset.
        type a $'two\nhalf'
        shows_last "Text to send: half"
        yes "7->> flood" | head -n 3000 >&"$IN_server" &
        PIDS+=("$!")
        kill -CONT "$PID_server"
        prints a flood
        kill -KILL "$PID_server"
        ends_with 1 a
        "$TOOLS/screen" 40 <a.out >rows
        [[ $(sed -e '/^client: \(read\|write\): /d' -e '/^7->> flood$/d' rows) == \
        "Text to send: one
Text to send: two
Text to send: half
client: the server is gone
[terminal restored]" ]]
        clear_away
    done
}

@test "of a pipe's lines one of 250 bytes is sent, a longer one is not" {
    local text
    text=$(repeat 83 漢)x
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
        elif ((i == 127)); then
            printf '<\\u007f>\n' >&4
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
    printf '\360\220\200\200\357\277\275\337\277\n' |
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

@test "in a locale that is not UTF-8 no byte steers the terminal either" {
    need localedef locales
    local charmaps=/usr/share/i18n/charmaps locale i octal
    [[ -e $charmaps/ISO-8859-1.gz && -e $charmaps/KOI8-R.gz ]] ||
        leave_out "needs the charmaps of other locales: apt-get install locales"
    localedef -i de_DE -f ISO-8859-1 ./de_DE.ISO-8859-1
    localedef -i ru_RU -f KOI8-R ./ru_RU.KOI8-R
    for ((i = 0; i < 256; i++)); do
        printf -v octal '\\%03o' "$i"
        # shellcheck disable=SC2059
        ((i == 10)) || printf "<$octal>\n"
    done >lines
    # The text and its shown form; both are letters and a CSI in ISO-8859-1.
    printf '\344\272\2332J\n' >>lines
    for locale in C de_DE.ISO-8859-1 ru_RU.KOI8-R; do
        play_server
        LOCPATH=$PWD LC_ALL=$locale start_client a 7 127.0.0.1 "$PORT"
        cat lines >&"$IN_server"
        type server $'the end\n'
        prints a "the end"
        [[ $(wc -l <a.out) == 257 ]]
        # C0 but for tab and newline, DEL; C1, in C all beyond ASCII.
        LC_ALL=C not grep -a $'[\001-\010\013-\037\177]' a.out
        if LC_ALL=C grep -aq $'<\344>' a.out; then
            LC_ALL=C not grep -a $'[\200-\237]' a.out
        elif [[ $locale == C ]]; then
            LC_ALL=C not grep -a $'[\200-\377]' a.out
        else # the libc knows UTF-8 alone
            iconv -f UTF-8 -t UTF-8 a.out >/dev/null
        fi
        clear_away
    done
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

@test "it ends at once on a libc whose exit() waits for stdin" {
    need musl-gcc musl-tools
    local source=$OUT/${STEPS[7]}/client.c way
    [[ -e $source ]] || source=$ROOT/${STEPS[7]}/client.c
    musl-gcc -pthread "$source" -o client
    COLUMNS=80
    for way in full gone; do
        play_server
        [[ $way != full ]] || ln -s /dev/full a.out
        # stdin is open, and nothing comes.
        start_program a ./client 127.0.0.1 "$PORT"
        if [[ $way == full ]]; then
            type server $'one\n'
        else
            close_input server
        fi
        ends_with 1 a
        [[ $(wc -l <a.err) == 1 ]]
        clear_away
    done
    play_server
    start_program a "$TOOLS/pty" 80 "$PWD/client" 127.0.0.1 "$PORT"
    prints a $'\r'
    type a $'\004'
    ends_with 0 a
    shows "[terminal restored]"
}

@test "a server that ends its half and reads nothing is gone" {
    # Where we may have a network of our own, little fits into the kernel.
    local apart=() beside=()
    # shellcheck disable=SC2016
    unshare -rn ip link 2>/dev/null && apart=(unshare -rn sh -c '
        ip link set lo up
        echo 4096 4096 4096 >/proc/sys/net/ipv4/tcp_wmem
        exec "$@"' -)
    start_program server "${apart[@]}" "$TOOLS/peer" serve-mute && listens
    ((${#apart[@]} == 0)) ||
        beside=(nsenter --preserve-credentials -U -n -t "$PID_server")
    start_program a "${beside[@]}" "$OUT/${STEPS[7]}/client" 127.0.0.1 "$PORT"
    # Until neither the kernel nor the channel takes any more.
    yes "0 $(repeat 248 x)" | head -n 100000 >lines
    alone cat <lines >&"$IN_a" &
    local cat=$!
    PIDS+=("$cat")
    position() { sed -n 's/^pos:[^0-9]*//p' "/proc/$cat/fdinfo/0"; }
    stuck() {
        local before
        before=$(position)
        sleep 0.3
        ((before > 0 && $(position) == before))
    }
    wait_until stuck
    close_input server
    ends_with 1 a
    in_file "the server is gone" a.err
}

@test "-h says how to start it; what is no option is said in one line" {
    local client=$OUT/${STEPS[7]}/client
    "$client" -h >help
    [[ $(<help) == "usage: client [-h] [host [port]]" ]]
    refuses "stdout: " bash -c "'$client' -h >/dev/full"
    refuses "option" "$client" -x
    refuses "usage: client" "$client" 127.0.0.1 1 2
    refuses "port 0: expected a number from 1 to 65535" "$client" 127.0.0.1 0
    refuses "port 0: expected a number from 1 to 65535" "$client" -- 127.0.0.1 0
    refuses "port -1: expected a number from 1 to 65535" "$client" 127.0.0.1 -1
}
