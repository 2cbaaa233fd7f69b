# Prints what the texts have to do with links, a thing a line:
#
#   heading FILE LINE LEVEL ANCHOR     as GitHub makes anchors of headings
#   link FILE LINE TARGET
#
# Targets are looked for between ]( and ), behind [label]: and in src="" and
# href="", but not in code.

# What GitHub calls it: small letters, no punctuation, - for a blank, and a
# number if it is not the first of that name.
function anchor(text,    n) {
    gsub(/\]\([^)]*\)/, "", text)
    text = tolower(text)
    gsub(/[^-a-z0-9_ \200-\377]/, "", text)
    gsub(/ /, "-", text)
    n = seen[FILENAME, text]++
    return n ? text "-" n : text
}

function link(target) {
    print "link", FILENAME, FNR, target
}

FNR == 1 { inside = 0 }
/^ *```/ {
    inside = !inside
    next
}
inside { next }
/^#+ / {
    level = length($1)
    sub(/^#+ +/, "")
    print "heading", FILENAME, FNR, level, anchor($0)
}
{
    gsub(/`[^`]*`/, "")
    if ($0 ~ /^ *\[[^]]*\]: /)
        link($2)
    while (match($0, /\]\([^) ]*|(src|href)="[^"]*/)) {
        target = substr($0, RSTART, RLENGTH)
        sub(/^(\]\(|(src|href)=")/, "", target)
        link(target)
        $0 = substr($0, RSTART + RLENGTH)
    }
}
