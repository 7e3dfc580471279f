#!/usr/bin/env bash
# The option tables of docs/config.md are those of the plugins, and the check would tell if not.
set -euo pipefail
docs=$PBASE_BINARY_DIR/bin/config_docs
"$docs" check docs/config.md
# The program prints the same schema; the one in docs/ is of all plugins.
"$docs" schema | cmp - <("$PBASE_BINARY_DIR/bin/protobase" config schema)

stale=$(mktemp)
trap 'rm -f "$stale"' EXIT
sed 's/| `max_size` | size |/| `max_size` | int |/' docs/config.md >"$stale"
if "$docs" check "$stale" 2>/dev/null; then
    echo "a changed table was not noticed"
    exit 1
fi
echo "docs/config.md says what the plugins say"
