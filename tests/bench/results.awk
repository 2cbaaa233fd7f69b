# What all tables need: reads the lines that `run` has written, and answers
# for a work, a server and a key ("bytes:32", "step7", "rate").
#
#     fact NAME TEXT...
#     round=1 work=bytes:32 server=step7 rate=304111 ...

$1 == "fact" {
    subject = $2
    sub(/^fact [^ ]+ /, "")
    fact[subject] = $0
    next
}

{
    split("", field)
    for (i = 1; i <= NF; i++) {
        at = index($i, "=")
        field[substr($i, 1, at - 1)] = substr($i, at + 1)
    }
    runs++
    if (fact["cores"] > 1 &&
        (field["waited"] > 0.05 || field["server_waited"] > 0.05)) {
        disturbed++
        is_disturbed[field["work"], field["server"], field["round"]] = 1
    }
    for (key in field)
        result[field["work"], field["server"], key, field["round"]] = \
            field[key] + 0
}

# Sorts the numbers in list, which are n, and returns the one in the middle;
# "" if there is none.
function median(list, n,    i, j, t) {
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && list[j - 1] + 0 > list[j] + 0; j--) {
            t = list[j]
            list[j] = list[j - 1]
            list[j - 1] = t
        }
    if (n == 0)
        return ""
    return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

# Puts what came of the rounds into list, and returns how many there are. A run
# in which another program had one of the cores for more than a twentieth of
# the time does not count, unless all were so and only_quiet is not set.
function values(list, work, server, key,    quiet, n, r) {
    split("", list)
    n = 0
    for (quiet = 1; quiet >= only_quiet && n == 0; quiet--)
        for (r = 1; r <= fact["rounds"]; r++)
            if ((work, server, key, r) in result &&
                !(quiet && (work, server, r) in is_disturbed))
                list[++n] = result[work, server, key, r]
    return n
}

# The median of these; "" if there is none.
function value(work, server, key,    list, n) {
    n = values(list, work, server, key)
    return median(list, n)
}

# The same for the ratios of one work and server to another. They are taken
# within a round: what makes the machine slow for a while then hits both.
function ratios(list, w1, s1, w2, s2, key,    quiet, n, r) {
    split("", list)
    n = 0
    for (quiet = 1; quiet >= only_quiet && n == 0; quiet--)
        for (r = 1; r <= fact["rounds"]; r++)
            if ((w1, s1, key, r) in result && (w2, s2, key, r) in result &&
                result[w2, s2, key, r] > 0 &&
                !(quiet && ((w1, s1, r) in is_disturbed ||
                            (w2, s2, r) in is_disturbed)))
                list[++n] = result[w1, s1, key, r] / result[w2, s2, key, r]
    return n
}

function ratio(w1, s1, w2, s2, key,    list, n) {
    n = ratios(list, w1, s1, w2, s2, key)
    return median(list, n)
}

# Whether the load was the bound: it never slept. It worked all the time, or
# waited for its core, as another program had that. A core that it shares with
# the server is the bound of both.
function load_bound(work, server) {
    return fact["cores"] > 1 && value(work, server, "own_cpu") + \
                                value(work, server, "waited") >= 0.95
}

# redis, nats, mosquitto
function is_peer(server) {
    return server == "redis" || server == "nats" || server == "mosquitto"
}

# The peer that does most; "" if there is none.
function best_peer(work,    name, n, i, best) {
    n = split(fact["servers"], name, " ")
    best = ""
    for (i = 1; i <= n; i++)
        if (is_peer(name[i]) && value(work, name[i], "rate") > \
            (best == "" ? 0 : value(work, best, "rate")))
            best = name[i]
    return best
}

# 1234567 as 1,234,567
function commas(number,    text, tail) {
    text = sprintf("%.0f", number)
    tail = ""
    while (length(text) > 3) {
        tail = "," substr(text, length(text) - 2) tail
        text = substr(text, 1, length(text) - 3)
    }
    return text tail
}

# What a server is called where there is room for it.
function long_name(server) {
    if (server == "relay")
        return "a bare relay"
    if (server ~ /^step/)
        return "step " substr(server, 5)
    return fact[server]
}

function us(time) {
    return time < 10000 ? sprintf("%.0f us", time) \
                        : sprintf("%.0f ms", time / 1000)
}
