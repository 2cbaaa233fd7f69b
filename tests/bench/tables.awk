# Prints the tables of `run`; after results.awk.

function speed_row(work, server, label,    bound) {
    bound = load_bound(work, server)
    starred += bound
    printf "  %5s %-10s %11s %6.2f %9s %9s %8.3f %6.2f %5.2f%s\n", label,
           server, commas(value(work, server, "rate")),
           ratio(work, server, work, "relay", "rate"),
           us(value(work, server, "p50_us")),
           us(value(work, server, "p99_us")), value(work, server, "cpu_us"),
           ratio(work, server, work, "relay", "cpu_us"),
           value(work, server, "own_cpu"), bound ? "*" : ""
}

# One row a server that did the work.
function speed_rows(work, label,    i) {
    for (i = 1; i <= servers; i++)
        if (value(work, server[i], "rate") != "") {
            speed_row(work, server[i], label)
            label = ""
        }
}

function speed_head(title) {
    printf "\n%s\n\n", title
    printf "  %5s %-10s %11s %6s %9s %9s %8s %6s %5s\n", "bytes", "",
           "messages/s", "ratio", "p50", "p99", "us/msg", "ratio", "load"
}

function speed_by_size(work, sizes, title,    size, n, i) {
    speed_head(title)
    n = split(sizes, size, " ")
    for (i = 1; i <= n; i++)
        speed_rows(work ":" size[i], size[i])
}

function memory(    i, bytes) {
    printf "\nResident memory of an idle client, of %s\n\n",
           commas(fact["idle"])
    for (i = 1; i <= servers; i++) {
        bytes = value("idle", server[i], "idle_bytes")
        if (bytes != "")
            printf "        %-10s %11s bytes\n", server[i], commas(bytes)
    }
}

function flooded(    i, s) {
    printf "\n50 pairs, 32 bytes, while a client that does not read is sent " \
           "%d MB/s\n\n", fact["flood"]
    printf "        %-10s %11s %11s %7s\n", "", "p99 without", "p99 with",
           "ratio"
    for (i = 1; i <= servers; i++) {
        s = server[i]
        if (value("flood", s, "p99_us") == "")
            continue
        printf "        %-10s %11s ", s, us(value("bytes:32", s, "p99_us"))
        if (value("flood", s, "missing") > 0)
            printf "%11s\n", "stalls"
        else
            printf "%11s %7.2f\n", us(value("flood", s, "p99_us")),
                   ratio("flood", s, "bytes:32", s, "p99_us")
    }
    printf "\n  A client that does not read costs step 7 %.2f MB, with the " \
           "kernel's buffers\n", value("deaf", "step7", "victim_bytes") / 1e6
}

function newcomers(work, title,    i, s, bound) {
    printf "\n%s\n\n", title
    printf "        %-10s %11s %11s %7s\n", "", "clients/s", "us/client",
           "load"
    for (i = 1; i <= servers; i++) {
        s = server[i]
        if (value(work, s, "rate") == "")
            continue
        bound = load_bound(work, s)
        starred += bound
        printf "        %-10s %11s %11.1f %7.2f%s\n", s,
               commas(value(work, s, "rate")), value(work, s, "cpu_us"),
               value(work, s, "own_cpu"), bound ? "*" : ""
    }
}

END {
    servers = split(fact["servers"], server, " ")
    printf "Medians; rounds: %d, each run: %s s; load on core %s, server on " \
           "%s\n", fact["rounds"], fact["seconds"], fact["load_core"],
           fact["server_cores"]
    speed_by_size("bytes", fact["sizes"],
                  "50 pairs, 1 message in flight in each")
    speed_by_size("window", fact["window_sizes"],
                  "10 pairs, 100 messages in flight in each")
    speed_head("50 pairs, 1 message in flight, and " commas(fact["idle"]) \
               " idle clients")
    speed_rows("idle", 32)
    memory()
    flooded()
    newcomers("single", "Newcomers, one after another: connect, are greeted, " \
                        "leave")
    newcomers("crowd", "Newcomers, " commas(fact["crowd"]) " at once")
    if (starred > 0)
        printf "\n* The load was the bound: the server can do more; what " \
               "counts is the CPU time\n  that it took for one (us/msg, " \
               "us/client).\n"
    if (disturbed > 0)
        printf "\nThe machine was not quiet: in %d of %d runs another " \
               "program had the core of\nthe load or the server for more " \
               "than a twentieth of the time. They count only\nwhere there " \
               "are no others.\n", disturbed, runs
}
