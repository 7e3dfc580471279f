#!/usr/bin/env bash
# The tests that docs/reliability.md names are run: ctest knows them. A name of a test that is not there, or
# that is there and not run, would be found out.
set -euo pipefail
cd "$PBASE_SOURCE_DIR"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ctest --test-dir "$PBASE_BINARY_DIR" -N | sed -nE 's/^ *Test +#[0-9]+: //p' | sort -u >"$work/run"
[ "$(wc -l <"$work/run")" -gt 100 ] || {
    echo "ctest knows too few tests to be true" >&2
    exit 1
}

# missing FILE RUN - the tests named in a page that are not in the list of those that are run.
missing() {
    comm -23 <(grep -oE '`(integration|simulation|sdk|core|plugins|cli)\.[a-z_.-]+`' "$1" | tr -d '`' |
        sort -u) "$2"
}

names=$(grep -cE '^\|.*`(integration|simulation|sdk)\.' docs/reliability.md)
[ "$names" -gt 15 ] || {
    echo "the tables of docs/reliability.md have gone" >&2
    exit 1
}
absent=$(missing docs/reliability.md "$work/run")
[ -z "$absent" ] || {
    echo "docs/reliability.md names tests that are not run:" $absent >&2
    exit 1
}

# The comparison itself.
sed 's/integration\.crash_kill/integration.crash_killed/' docs/reliability.md >"$work/stale"
[ "$(missing "$work/stale" "$work/run")" = integration.crash_killed ] || {
    echo "a wrong name was not found out" >&2
    exit 1
}
grep -vx integration.fault_coverage "$work/run" >"$work/fewer"
[ "$(missing docs/reliability.md "$work/fewer")" = integration.fault_coverage ] || {
    echo "a test that is not run was not found out" >&2
    exit 1
}
echo "docs/reliability.md: $names lines with their tests"
