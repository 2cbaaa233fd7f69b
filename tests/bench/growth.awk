# Prints how the cost of a message grows with pairs, idle clients and bytes;
# after results.awk.

function bar(amount, most,    text) {
    for (text = ""; amount > 0 && length(text) < 30 * amount / most - 0.5; )
        text = text "#"
    return text
}

# The value in the format, or a dash.
function cell(amount, format, width) {
    return sprintf("%" width "s", amount == "" ? "-" : sprintf(format, amount))
}

function row(work, label, most,    k) {
    printf "  %8d", label
    for (k = 1; k <= 3; k++)
        printf " %s", cell(value(work, name[k], "rate"), "%.0f", k == 1 ? 10 : 9)
    printf "  "
    for (k = 1; k <= 3; k++)
        printf " %s", cell(value(work, name[k], "cpu_us"), "%.2f", 7)
    printf "  %s\n", bar(value(work, "step7", "cpu_us"), most)
}

function table(work, amounts, title,    amount, n, i, most, cpu) {
    printf "\n%s\n\n", title
    printf "  %8s %30s   %23s\n", "", "messages/s", "us/msg"
    printf "  %8s %10s %9s %9s   %7s %7s %7s  step 7\n", "", "relay",
           "step 6", "step 7", "relay", "step 6", "step 7"
    n = split(amounts, amount, " ")
    for (i = 1; i <= n; i++) {
        cpu = value(work ":" amount[i], "step7", "cpu_us")
        if (cpu > most)
            most = cpu
    }
    for (i = 1; i <= n; i++)
        row(work ":" amount[i], amount[i], most)
}

END {
    split("relay step6 step7", name, " ")
    printf "Medians; rounds: %d, each run: %s s; -: no places in step 6\n",
           fact["rounds"], fact["seconds"]
    table("pairs", fact["pairs"],
          "Pairs, 1 message of 32 bytes in flight in each")
    table("idle", fact["idles"], "Idle clients, beside 50 pairs")
    table("bytes", fact["sizes"], "Bytes of a message, 50 pairs, 1 in flight")
    table("window", fact["window_sizes"],
          "Bytes of a message, 10 pairs, 100 in flight")
}
