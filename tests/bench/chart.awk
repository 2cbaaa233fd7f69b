# Draws the chart of README.md as SVG: messages a second by the bytes of a
# message, both on logarithmic scales, one panel for what is in flight; after
# results.awk.
#
# The colours of the lines have at least three times the contrast of the ground
# on white as well as on a dark page. The text and the grid are of a grey for
# which that holds, too, unless the viewer says which page it is.

function log10(x) {
    return log(x) / log(10)
}

# Which of 1, 2, 5, 10, 20, ... is next below x, or next above.
function round_down(x,    power) {
    power = 10 ^ int(log10(x) + 1e-9)
    return x >= 5 * power ? 5 * power : x >= 2 * power ? 2 * power : power
}

function round_up(x) {
    return round_down(x) >= x ? x : next_step(round_down(x))
}

function next_step(x) {
    return substr(sprintf("%.0f", x), 1, 1) == 2 ? 2.5 * x : 2 * x
}

function x_of(bytes) {
    return left + (log(bytes) - log(16)) / (log(240) - log(16)) * width
}

function y_of(rate) {
    return bottom - (log(rate) - log(low)) / (log(high) - log(low)) * height
}

# Sets low and high, so that all figures lie between them, with some room below
# for names.
function set_range(    i, k, n, m, rate, work) {
    n = split(fact["sizes"], size, " ")
    low = 1e12
    high = 0
    for (i = 1; i <= n; i++)
        for (k = 1; k <= servers; k++)
            for (m = 1; m <= 2; m++) {
                rate = value((m == 1 ? "bytes:" : "window:") size[i],
                             server[k], "rate")
                if (rate == "")
                    continue
                low = rate < low ? rate : low
                high = rate > high ? rate : high
            }
    low = round_down(low / 1.5)
    high = round_up(high)
}

function write(x, y, class, words) {
    printf "  <text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", x, y,
           class, words
}

function short(rate) {
    if (rate >= 1e6)
        return rate / 1e6 " million"
    return commas(rate)
}

# The title, the grid and what stands at it.
function frame(title, sizes,    rate, n, i, size) {
    write(left, 46, "title", title)
    for (rate = low; rate <= high; rate = next_step(rate)) {
        printf "  <path class=\"grid\" d=\"M%.1f %.1fh%.1f\"/>\n", left,
               y_of(rate), width
        write(left - 8, y_of(rate) + 4, "scale", short(rate))
    }
    n = split(sizes, size, " ")
    for (i = 1; i <= n; i++)
        write(x_of(size[i]), bottom + 20, "size", size[i])
    write(left + width / 2, bottom + 40, "size", "bytes of a message")
}

# Each server has a mark of its own, for those who don't see its colour.
function mark(name, x, y) {
    printf "  <path class=\"%s mark\" d=\"M%.1f %.1f%s\"/>\n", name, x, y,
           shape[name]
}

# The line of one server and its marks. Notes where its name belongs.
function line(prefix, name, sizes,    n, i, size, rate, path, x, y) {
    n = split(sizes, size, " ")
    path = ""
    for (i = 1; i <= n; i++) {
        rate = value(prefix size[i], name, "rate")
        if (rate == "")
            continue
        x = x_of(size[i])
        y = y_of(rate)
        path = path sprintf("%s%.1f %.1f", path == "" ? "M" : "L", x, y)
        mark(name, x, y)
    }
    if (path == "")
        return
    printf "  <path class=\"%s line\" d=\"%s\"/>\n", name, path
    labels++
    label[labels] = name
    label_x[labels] = x + 12
    label_y[labels] = y + 4
}

# Writes the names beside the ends of the lines, from the top, each at least a
# line below the one above it.
function write_labels(    i, k, best, last) {
    last = -1000
    for (i = 1; i <= labels; i++) {
        best = 0
        for (k = 1; k <= labels; k++)
            if (label[k] != "" && (!best || label_y[k] < label_y[best]))
                best = k
        if (label_y[best] < last + 16)
            label_y[best] = last + 16
        last = label_y[best]
        write(label_x[best], last, label[best] " name", title_of[label[best]])
        label[best] = ""
    }
    labels = 0
}

function panel(x, prefix, sizes, title,    i, y) {
    left = x
    frame(title, sizes)
    line(prefix, "step7", sizes)
    for (i = 1; i <= servers; i++)
        if (server[i] !~ /^step/)
            line(prefix, server[i], sizes)
    write_labels()
    if (value(prefix "32", "step6", "rate") == "")
        return
    for (i = 5; i <= 6; i++) {
        y = y_of(value(prefix "32", "step" i, "rate"))
        mark("threads", x_of(32), y)
    }
    write(x_of(32), y + 20, "threads name below", "steps 5 and 6")
}

function style(    name, n, i) {
    print "  <style>"
    print "    text { fill: #7d7d7d }"
    print "    .title { font-size: 15px; font-weight: 600 }"
    print "    .scale { text-anchor: end }"
    print "    .size, .below { text-anchor: middle }"
    print "    .grid { stroke: #7d7d7d; stroke-opacity: 0.3 }"
    n = split("relay step7 redis nats mosquitto threads", name, " ")
    for (i = 1; i <= n; i++)
        printf "    .%s { color: %s }\n", name[i], colour[name[i]]
    print "    .name { font-weight: 600; fill: currentColor }"
    print "    .mark { fill: currentColor; stroke: currentColor }"
    print "    .line { fill: none; stroke: currentColor; stroke-width: 2 }"
    print "    .step7.line { stroke-width: 4 }"
    print "    .relay.line { stroke-dasharray: 6 4 }"
    print "    @media (prefers-color-scheme: light) {"
    print "      .title, .scale, .size { fill: #57606a }"
    print "    }"
    print "    @media (prefers-color-scheme: dark) {"
    print "      .title, .scale, .size { fill: #9aa4b0 }"
    print "    }"
    print "  </style>"
}

function describe_servers() {
    title_of["relay"] = "a bare relay"
    colour["relay"] = "#7d8590"
    shape["relay"] = "m-4 0h8m-4 -4v8"
    title_of["step7"] = "step 7"
    colour["step7"] = "#2f81f7"
    shape["step7"] = "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z"
    title_of["redis"] = "redis-server"
    colour["redis"] = "#dd4f45"
    shape["redis"] = "m-4 -4h8v8h-8z"
    title_of["nats"] = "nats-server"
    colour["nats"] = "#2a9d4b"
    shape["nats"] = "m0 -5l5 9h-10z"
    title_of["mosquitto"] = "mosquitto"
    colour["mosquitto"] = "#a06bf0"
    shape["mosquitto"] = "m0 -5l5 5l-5 5l-5 -5z"
    colour["threads"] = "#b58407"
    shape["threads"] = "m-4 -4l8 8m0 -8l-8 8"
}

END {
    servers = split(fact["servers"], server, " ")
    describe_servers()
    set_range()
    width = 310
    bottom = 370
    height = 310
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1000 420\""
    print "     width=\"1000\" height=\"420\" font-family=\"system-ui, Segoe UI,"
    print "     Helvetica, Arial, sans-serif\" font-size=\"13\" role=\"img\""
    print "     aria-label=\"Messages a second by the bytes of a message.\">"
    style()
    write(10, 20, "title", "Messages a second (both scales are logarithmic)")
    panel(85, "bytes:", fact["sizes"], "50 pairs, 1 in flight in each")
    panel(580, "window:", fact["window_sizes"],
          "10 pairs, 100 in flight in each")
    print "</svg>"
}
