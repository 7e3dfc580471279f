#!/usr/bin/env bash
# The tests that docs/reliability.md names are there, and a name that is wrong would be found out.
set -euo pipefail
cd "$PBASE_SOURCE_DIR"

# missing FILE - the tests named in a page that do not exist.
missing() {
    local name
    grep -oE '`(integration|simulation|sdk|core|plugins)\.[a-z_.]+`' "$1" | tr -d '`' | sort -u |
        while read -r name; do
            local path=tests/${name//.//}
            path=${path%/*}/test_${path##*/}
            [ -e "$path.c" ] || [ -e "$path.sh" ] || echo "$name"
        done
}

names=$(grep -cE '^\|.*`(integration|simulation|sdk)\.' docs/reliability.md)
[ "$names" -gt 15 ] || {
    echo "the tables of docs/reliability.md have gone" >&2
    exit 1
}
absent=$(missing docs/reliability.md)
[ -z "$absent" ] || {
    echo "docs/reliability.md names tests that do not exist:" $absent >&2
    exit 1
}
stale=$(mktemp)
trap 'rm -f "$stale"' EXIT
sed 's/integration\.crash_kill/integration.crash_killed/' docs/reliability.md >"$stale"
[ "$(missing "$stale")" = integration.crash_killed ] || {
    echo "a wrong name was not found out" >&2
    exit 1
}
echo "docs/reliability.md: $names lines with their tests"
