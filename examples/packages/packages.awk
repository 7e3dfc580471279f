# packages.awk - Debian package records in, one JSON object a line out.
#
#   apt-cache dumpavail | awk -f packages.awk > packages.jsonl
#   awk -v installed=1 -f packages.awk /var/lib/dpkg/status > packages.jsonl
#
# Reads the control format of deb822(5): "Field: text", continuation lines that begin with a blank,
# records that end with an empty line. Bytes pass through; the index is UTF-8. With `installed`,
# records of packages that were removed are left out.

function quoted(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    gsub(/\t/, "\\t", text)
    gsub(/[\001-\037]/, " ", text)
    return "\"" text "\""
}

function member(name, text) {
    if (text != "") line = line ", \"" name "\": " quoted(text)
}

function number(name, text) {
    if (text ~ /^[0-9]+$/) line = line ", \"" name "\": " text
}

# "libc6 (>= 2.34), zlib1g" -> ["libc6 (>= 2.34)", "zlib1g"]
function list(name, text,    parts, count, i, items) {
    count = split(text, parts, /, */)
    for (i = 1; i <= count; i++) {
        if (parts[i] != "") items = items (items == "" ? "" : ", ") quoted(parts[i])
    }
    if (items != "") line = line ", \"" name "\": [" items "]"
}

function record_end() {
    if (field["Package"] != "" && (!installed || field["Status"] ~ / installed$/)) {
        line = "{\"package\": " quoted(field["Package"])
        member("version", field["Version"])
        member("section", field["Section"])
        member("priority", field["Priority"])
        member("architecture", field["Architecture"])
        member("maintainer", field["Maintainer"])
        number("installed_size", field["Installed-Size"]) # KiB
        number("size", field["Size"])                     # bytes of the .deb
        list("depends", field["Depends"])
        list("tags", field["Tag"])
        member("homepage", field["Homepage"])
        member("summary", field["Description"])
        print line "}"
    }
    split("", field)
    name = ""
}

/^$/ { record_end(); next }
/^[ \t]/ {
    if (name == "Tag" || name == "Depends") field[name] = field[name] " " substr($0, 2)
    next
}
{
    colon = index($0, ":")
    name = substr($0, 1, colon - 1)
    text = substr($0, colon + 1)
    sub(/^[ \t]+/, "", text)
    sub(/[ \t\r]+$/, "", text)
    field[name] = text
}
END { record_end() }
