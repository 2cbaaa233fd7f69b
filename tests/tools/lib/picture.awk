# Makes an animated SVG of what three terminals show as time passes. Reads
#
#   time SECONDS     what follows is there from then on
#   WHO ROW          a row of the screen of ann, bob or server, the first first
#
# Each row that was ever there is a <text>, and CSS shows it at its time: there
# are no scripts. Without animation the last screens stand. There are no colours
# but those of the paper and the ink, as the programs print none.

BEGIN {
    LONGEST = 1.2 # seconds in which nothing changes; more is left out
    REST = 4 # seconds that the last screens stay
    LINE = 20 # pixels
    window("ann", 10, 10, 385, 7, "Ann: step7-robust/client")
    window("bob", 405, 10, 385, 7, "Bob: step7-robust/client")
    window("server", 10, 208, 780, 4, "step7-robust/server")
}

# At x and y, so many pixels wide, and rows high.
function window(who, x, y, width, height, title) {
    left[who] = x + 14
    top[who] = y + 54
    windows = windows sprintf("<rect x=\"%d\" y=\"%d\" width=\"%d\" " \
        "height=\"%d\" rx=\"6\"/>\n<path d=\"M%d %dh%d\"/>\n" \
        "<text x=\"%d\" y=\"%d\" class=\"title\">%s</text>\n",
        x, y, width, 46 + height * LINE, x, y + 32, width,
        left[who], y + 22, title)
}

$1 == "time" {
    end_screens()
    if (time)
        now += $2 - time < LONGEST ? $2 - time : LONGEST
    time = $2
    split("", rows)
    split("", there)
    next
}
{
    who = $1
    row = rows[who]++
    sub(/^[a-z]+ ?/, "")
    gsub(/&/, "\\&amp;")
    gsub(/</, "\\&lt;")
    gsub(/>/, "\\&gt;")
    if ($0 != "")
        show(who, row, $0)
}

# The row is there, and text n stands in it.
function show(who, row, text,    n) {
    there[who, row] = 1
    if (text == texts[shown[who, row]])
        return
    hide(who SUBSEP row)
    n = shown[who, row] = ++count
    texts[n] = text
    begin[n] = now
    x[n] = left[who]
    y[n] = top[who] + row * LINE
}

function hide(place) {
    if (shown[place])
        end[shown[place]] = now
    delete shown[place]
}

# What has not come again is gone.
function end_screens(    place) {
    for (place in shown)
        if (!(place in there))
            hide(place)
}

# When it is visible, as a part of all time.
function keyframes(n,    rule) {
    rule = sprintf("@keyframes t%d { 0%% { visibility: hidden } " \
        "%.2f%% { visibility: visible }", n, 100 * begin[n] / total)
    if (n in end)
        rule = rule sprintf(" %.2f%% { visibility: hidden }",
            100 * end[n] / total)
    return rule " }"
}

END {
    end_screens()
    total = now + REST
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 344\"" \
        " width=\"800\" height=\"344\" role=\"img\" xml:space=\"preserve\"" \
        " aria-label=\"Ann and Bob, each at a terminal, and the server." \
        " Ann's message arrives while Bob types, and his line stays whole.\">"
    print "<style>"
    print "svg { font: 15px ui-monospace, Menlo, Consolas, monospace }"
    print "rect { fill: #fff; stroke: #888 } path { stroke: #888 }"
    print "text { fill: #222 } .title { font-weight: bold }"
    print "@media (prefers-color-scheme: dark) {"
    print "rect { fill: #161616 } text { fill: #ddd }"
    print "}"
    print "@media (prefers-reduced-motion: no-preference) {"
    printf "text { animation: %.2fs step-end infinite }\n", total
    print "}"
    for (n = 1; n <= count; n++)
        if (begin[n] > 0 || n in end)
            print keyframes(n)
    print "</style>"
    printf "%s", windows
    for (n = 1; n <= count; n++)
        printf "<text x=\"%d\" y=\"%d\"%s style=\"animation-name: t%d\">%s" \
            "</text>\n", x[n], y[n], n in end ? " visibility=\"hidden\"" : "",
            n, texts[n]
    print "</svg>"
}
