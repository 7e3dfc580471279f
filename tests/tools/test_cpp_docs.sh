#!/usr/bin/env bash
# The table of docs/cpp.md is true: what it names is declared by a public header. In its long form
# (PBASE_TEST_LONG=1) it is whole, too: every public function stands in it.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat core/include/protobase/*.h | grep -v '^ \*\|^/\*' | tr '\n' ' ' |
    grep -oE '\bpbase_[a-z0-9_]+\(' | tr -d '(' | sort -u >"$work/declared"
# `pbase_{a,b}_c` stands for pbase_a_c and pbase_b_c.
sed -n '/^## Which function is where/,$p' docs/cpp.md | grep -oE 'pbase_[a-z0-9_{},]+' |
    while read -r name; do eval "printf '%s\n' $name"; done | sort -u >"$work/named"

missing=$(comm -13 "$work/declared" "$work/named")
[ -z "$missing" ] || {
    echo "docs/cpp.md names what no public header declares:" $missing >&2
    exit 1
}
[ "$(wc -l <"$work/named")" -gt 200 ] || {
    echo "the table of docs/cpp.md has gone" >&2
    exit 1
}
[ -z "${PBASE_TEST_LONG:-}" ] && exit 0
left=$(comm -23 "$work/declared" "$work/named" | grep -vxE 'pbase_bytes_text|pbase_value_(field|handle|null)|pbase_value_of_[a-z_]*' || true)
[ -z "$left" ] || {
    echo "docs/cpp.md does not say where these are in C++:" $left >&2
    echo "give them a place in bindings/cpp, or say in the table why they have none" >&2
    exit 1
}
