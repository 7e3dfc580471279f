#!/usr/bin/env bash
# demo.sh - the main job on real data: Debian's package index in, questions, a change, a reopening.
#
# Works in the current folder, needs `protobase` on the path and no terminal; `./dev demo` gives it
# a temporary folder. Every command opens the space anew, so what one commits the next has read back
# from disk.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

title() {
    printf '\n== %s\n' "$*"
}

# show COMMAND...: the command as one would type it, what it prints, and how long it took.
show() {
    local word line='$' began ended
    for word in "$@"; do
        case $word in
        *\'*) line+=" \"$word\"" ;;
        *[!A-Za-z0-9_./=-]*) line+=" '$word'" ;;
        *) line+=" $word" ;;
        esac
    done
    printf '%s\n' "$line"
    began=$(date +%s%N)
    "$@"
    ended=$(date +%s%N)
    printf -- '-- %d ms\n' $(((ended - began) / 1000000))
}

ask() {
    show protobase query "$1" --format table "${@:2}"
}

# The index of the archive; a machine without one has at least its installed packages.
read_packages() {
    if command -v apt-cache >/dev/null; then
        apt-cache dumpavail 2>/dev/null | awk -f "$here/packages/packages.awk" >packages.jsonl
    fi
    if [ -s packages.jsonl ]; then
        echo "from: apt-cache dumpavail"
    else
        echo "from: /var/lib/dpkg/status (the package index is empty; apt-get update fills it)"
        awk -v installed=1 -f "$here/packages/packages.awk" /var/lib/dpkg/status >packages.jsonl
    fi
}

title "real data: Debian's package index as JSON lines"
read_packages
printf '%d packages, %d KiB\n' "$(wc -l <packages.jsonl)" $(($(wc -c <packages.jsonl) / 1024))

title "import: each batch of 10,000 is one durable transaction"
show protobase import packages packages.jsonl --key package

title "packages per section"
ask 'from packages | group by section { packages: count(), installed_kib: sum(installed_size) }
     | order by packages desc, section | limit 8'

title "the largest once installed (KiB)"
ask 'from packages | order by installed_size desc, package | limit 5
     | select package, section, installed_size'

title "what the maintainers of a section keep"
ask 'from packages | where section = $section
     | group by maintainer { packages: count(), largest_kib: max(installed_size) }
     | order by packages desc, maintainer | limit 5' --param section=utils

title "how that is computed"
show protobase explain "from packages | where section = 'utils' | group by maintainer { n: count() }"

title "a change: every package of 'shells' moves to 'comfort', in one transaction"
protobase query "from packages | where section = 'shells'" --format jsonl >shells.jsonl
sed 's/"section": *"shells"/"section":"comfort"/' shells.jsonl >comfort.jsonl
count=$(wc -l <comfort.jsonl)
{
    cat comfort.jsonl
    echo '{"package": "broken", '
} >with-a-mistake.jsonl
echo "with a mistake in its last line nothing is applied:"
if protobase import packages with-a-mistake.jsonl --key package; then
    echo "the mistake was not refused" >&2
    exit 1
fi
ask "from packages | where section = 'comfort' | count"
echo "and without it all $count are:"
show protobase import packages comfort.jsonl --key package
ask "from packages | where section = 'comfort' or section = 'shells'
     | group by section { packages: count() }"

title "one entry: put, get, delete"
show protobase put packages protobase \
    '{"package": "protobase", "section": "comfort", "installed_size": 4096}'
show protobase get packages protobase
show protobase delete packages protobase
status=0
protobase get packages protobase || status=$?
echo "exit code $status: it is gone"
[ "$status" -eq 3 ]

title "reopened with another codec: an edit of the YAML, and what was written stays readable"
cat >protobase.yaml <<'YAML'
version: 1
storage:
  type: file
  blocks: {type: file, path: ./protobase-data}
codecs: [json, msgpack]
YAML
cat protobase.yaml
show protobase config check protobase.yaml
show protobase put packages written-as-json '{"package": "written-as-json", "section": "comfort"}'
ask "from packages | where section = 'comfort' | count"

title "every checksum and every value verified"
show protobase check
