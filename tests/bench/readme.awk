# Writes what README.md says of the speed, from one run; after results.awk.

# Prints the text as a paragraph of lines of up to 80 characters.
function paragraph(text,    word, n, i, line) {
    n = split(text, word, " ")
    line = word[1]
    for (i = 2; i <= n; i++)
        if (length(line) + length(word[i]) < 80)
            line = line " " word[i]
        else {
            print line
            line = word[i]
        }
    print line "\n"
}

# To three digits: no machine is as exact as more of them would claim.
function rounded(number,    unit) {
    for (unit = 1; number / unit >= 1000; unit *= 10)
        ;
    return commas(int(number / unit + 0.5) * unit)
}

# The rate of a row, with a star where the load was the bound.
function rate_cell(work, server) {
    if (value(work, server, "rate") == "")
        return "-"
    if (!load_bound(work, server))
        return rounded(value(work, server, "rate"))
    starred = 1
    return rounded(value(work, server, "rate")) "\\*"
}

# A time in us, or whatever else has a few digits behind the point.
function number_cell(work, server, key, format,    got) {
    got = value(work, server, key)
    return got == "" ? "-" : sprintf(format, got)
}

function rates_table(title, prefix, sizes,    size, n, i, k) {
    n = split(sizes, size, " ")
    printf "| %s |", title
    for (i = 1; i <= n; i++)
        printf " %s |", size[i] (i == 1 ? " bytes" : "")
    printf "\n|---|"
    for (i = 1; i <= n; i++)
        printf "--:|"
    print ""
    for (k = 1; k <= servers; k++) {
        printf "| %s |", long_name(server[k])
        for (i = 1; i <= n; i++)
            printf " %s |", rate_cell(prefix size[i], server[k])
        print ""
    }
    print ""
}

function flood_cell(server) {
    if (value("flood", server, "missing") > 0)
        return "stands still"
    return number_cell("flood", server, "p99_us", "%.0f µs")
}

function memory_cell(server,    bytes) {
    bytes = value("idle", server, "idle_bytes")
    return bytes == "" ? "-" : commas(bytes) " bytes"
}

function other_table(    k, s) {
    print "| | CPU a message, 1 in flight | 100 in flight | memory of an " \
          "idle client | p99 | p99 beside a flood | newcomers a second, one " \
          "after another | " commas(fact["crowd"]) " at once |"
    print "|---|--:|--:|--:|--:|--:|--:|--:|"
    for (k = 1; k <= servers; k++) {
        s = server[k]
        printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", long_name(s),
               number_cell("bytes:32", s, "cpu_us", "%.1f µs"),
               number_cell("window:32", s, "cpu_us", "%.3f µs"),
               memory_cell(s),
               number_cell("bytes:32", s, "p99_us", "%.0f µs"),
               flood_cell(s), rate_cell("single", s), rate_cell("crowd", s)
    }
    print ""
}

# The least and the most of step 7's ratio to another over the sizes, in words;
# one number, if they are the same. The other is a server, or "" for the best
# peer at each size.
function range(key, prefix, sizes, other,    size, n, i, r, least, most) {
    n = split(sizes, size, " ")
    for (i = 1; i <= n; i++) {
        r = ratio(prefix size[i], "step7", prefix size[i],
                  other != "" ? other : best_peer(prefix size[i]), key)
        if (i == 1 || r < least)
            least = r
        if (i == 1 || r > most)
            most = r
    }
    least = sprintf("%.2f", least)
    most = sprintf("%.2f", most)
    return least == most ? least : least " to " most
}

function what_is_done() {
    paragraph("Pairs of clients bounce messages through a server, each pair " \
        "with one or with 100 in flight. The relay hands on bytes without " \
        "looking at them: nothing that forwards messages in a loop around " \
        "epoll gets much ahead of it. The three well-known servers are " \
        "spoken to in their own protocols and store nothing. Their " \
        "subscriptions can do more than a number here, and part of the " \
        "price is for that.")
    paragraph("With one message in flight step 7 passes on " \
        range("rate", "bytes:", fact["sizes"], "") " times as many " \
        "messages as the best of the three, and " \
        range("rate", "bytes:", fact["sizes"], "relay") " of what the relay " \
        "does, for " range("cpu_us", "bytes:", fact["sizes"], "relay") \
        " times its CPU time a message. With 100 in flight it is " \
        range("rate", "window:", fact["window_sizes"], "") " times as many, " \
        "and " range("rate", "window:", fact["window_sizes"], "relay") \
        " of the relay's, for " \
        range("cpu_us", "window:", fact["window_sizes"], "relay") \
        " times its CPU time. Messages a second:")
}

function what_else() {
    paragraph("With messages of 32 bytes; p99 is the time that 99 of 100 " \
        "messages of 50 pairs stay below, and the flood is one more client, " \
        "which is sent " fact["flood"] " MB a second and does not read:")
    other_table()
    if (starred)
        paragraph("\\* The load generator was the bound here: it never " \
            "rested. The server can do more, and what counts is its CPU time.")
    paragraph(sprintf("Beside %s idle clients a message costs step 7 %.2f " \
        "times the CPU time that it costs without them. A client that does " \
        "not read costs step 7 %.1f MB, the kernel's buffers counted. " \
        "Newcomers connect, are greeted and leave. Step 7 greets by itself, " \
        "with the client's number; nats-server sends its INFO, and the " \
        "newcomer CONNECT and PING, to wait for the PONG; redis-server is " \
        "silent until it is asked, so a newcomer sends PING.",
        commas(fact["idle"]),
        ratio("idle", "step7", "bytes:32", "step7", "cpu_us"),
        value("deaf", "step7", "victim_bytes") / 1e6))
}

function where_measured(    cores) {
    cores = fact["cores"] == 1 ? "which load generator and server shared" : \
        "of which the load generator had one and the server the other" \
        (fact["cores"] > 2 ? "s" : "")
    paragraph("Measured on " fact["date"] ", on a " fact["machine"] " (" \
        fact["cpu"] ", " fact["kernel"] ", " fact["system"] ") with " \
        fact["cores"] " core" (fact["cores"] == 1 ? "" : "s") ", " cores \
        ". The figures are medians of " fact["rounds"] " rounds, in which " \
        "the servers take turns, and the ratios are taken within a round: " \
        "they say more than the figures, as such machines are noisy." \
        (disturbed == 0 ? "" : " In " disturbed " of " runs " runs another " \
        "program had one of the cores for more than a twentieth of the " \
        "time: they count only where there are no others."))
    print "To repeat it, and to have this section and the chart written anew:"
    print ""
    print "    sudo apt-get install redis-server nats-server mosquitto"
    print "    make bench MODE=readme ROUNDS=" fact["rounds"] " SECONDS=" \
          fact["seconds"]
}

END {
    servers = split(fact["servers"], server, " ")
    print "![Chart: messages a second by the bytes of a message; the figures " \
          "stand in the tables below](step7-robust/speed.svg)\n"
    what_is_done()
    rates_table("50 pairs, 1 in flight", "bytes:", fact["sizes"])
    rates_table("10 pairs, 100 in flight", "window:", fact["window_sizes"])
    what_else()
    where_measured()
}
