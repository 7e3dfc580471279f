#!/usr/bin/env bash
# The script behind `./dev demo` keeps its promises without a terminal and without a package index.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
printf '#!/bin/sh\nexit 0\n' >"$work/bin/apt-cache" # an index that is empty
chmod +x "$work/bin/apt-cache"
cd "$work"
if ! PATH="$work/bin:$PBASE_BINARY_DIR/bin:$PATH" bash "$PBASE_SOURCE_DIR/examples/demo.sh" \
    >out.txt 2>err.txt </dev/null; then
    cat out.txt err.txt >&2
    exit 1
fi
for promise in "from: /var/lib/dpkg/status" "== packages per section" "exit code 3: it is gone" \
    "protobase.yaml is right" "verified; 0 findings"; do
    grep -qF -- "$promise" out.txt || {
        echo "the demo does not print '$promise':" >&2
        cat out.txt err.txt >&2
        exit 1
    }
done
