#!/usr/bin/env bash
# What README.md shows works as it stands there: its program, its commands, its configuration.
set -euo pipefail
[ -x "$PBASE_BINARY_DIR/examples/01-hello" ] || {
    echo "skipped: the examples are not built here (PBASE_EXAMPLES is off)"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# block LANGUAGE N: the N-th block of that language in README.md.
block() {
    awk -v language="$1" -v wanted="$2" '
        /^```/ && inside { inside = 0; next }
        $0 == "```" language { inside = 1; seen++; next }
        inside && seen == wanted { print }' "$PBASE_SOURCE_DIR/README.md"
}

[ "$(block sh 1 | sed 's/ *#.*//')" = $'./dev demo\n./dev test' ] || {
    echo "README.md does not open with the two commands" >&2
    exit 1
}

block sh 2 | grep -v '^export' >tour.sh
PATH="$PBASE_BINARY_DIR/bin:$PATH" bash -eu tour.sh >tour.txt
grep -qF '{"name":"Alan","born":1912}' tour.txt

block c 1 >hello.c
"${CC:-cc}" -std=c17 -Wall -Wextra -Werror hello.c -o hello \
    -I"$PBASE_SOURCE_DIR/core/include" -I"$PBASE_SOURCE_DIR/sdk/include" \
    -L"$PBASE_BINARY_DIR/lib" -lprotobase -Wl,-rpath,"$PBASE_BINARY_DIR/lib"
[ "$(./hello)" = "written, durably" ]

block yaml 1 >protobase.yaml
"$PBASE_BINARY_DIR/bin/protobase" config check protobase.yaml >/dev/null
"$PBASE_BINARY_DIR/bin/protobase" put people 1 '{"id": 1}'
[ "$("$PBASE_BINARY_DIR/bin/protobase" get people 1)" = '{"id":1}' ]

# every document it names is there
grep -oE '\]\([^)]+\)' "$PBASE_SOURCE_DIR/README.md" | sed 's/^](//; s/)$//' | while read -r path; do
    [ -e "$PBASE_SOURCE_DIR/$path" ] || {
        echo "README.md names $path, which is not there" >&2
        exit 1
    }
done
