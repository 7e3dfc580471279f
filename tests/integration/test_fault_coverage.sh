#!/usr/bin/env bash
# test_fault_coverage.sh - every function that applications see is in a fault scenario: the programs
# test_faults_*.c say which ones they sweep, the library says which ones there are. A name that a
# program gives must be one it calls.
set -euo pipefail
build=$PBASE_BINARY_DIR
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    echo "test_fault_coverage: $*" >&2
    failures=$((failures + 1))
}

# Not swept, each for its reason.
exempt() {
    cat <<'END'
pbase_change_name           a name of a number: a constant
pbase_collection_kind_name  a name of a number: a constant
pbase_config_origin_name    a name of a number: a constant
pbase_plugin_rule_name      a name of a number: a constant
pbase_space_recover         makes a space each time: swept over a small one in test_recover_faults.c
pbase_version               a constant
END
}

# not_covered FUNCTIONS - those of a sorted list that no program names.
not_covered() {
    comm -23 "$1" <(sort -u "$work/covered" <(exempt | awk '{ print $1 }'))
}

"$PBASE_SOURCE_DIR/tools/check_exports" --functions "$build" >"$work/functions"
[ "$(wc -l <"$work/functions")" -gt 250 ] || fail "the list of functions is too short to be true"

: >"$work/covered"
programs=0
for program in "$build"/tests/test_integration_faults_*; do
    name=$(basename "$program")
    told=0
    "$program" --functions >"$work/told" || told=$?
    if [ "$told" -eq 77 ]; then # under a sanitizer: what it sweeps is not known
        cat "$work/told"
        exit 77
    fi
    sort -u "$work/told" >"$work/named"
    objects=$(find "$build/tests/CMakeFiles/$name.dir" -name '*.o')
    # shellcheck disable=SC2086  # a list of files
    nm -u --format=posix $objects | awk '{ print $1 }' | sort -u >"$work/called"
    for function in $(comm -23 "$work/named" "$work/called"); do
        fail "$name says that it sweeps $function, which it does not call"
    done
    cat "$work/named" >>"$work/covered"
    programs=$((programs + 1))
done
sort -u -o "$work/covered" "$work/covered"

for function in $(not_covered "$work/functions"); do
    fail "$function is in no scenario: add it to one of tests/integration/test_faults_*.c"
done
for function in $(comm -23 "$work/covered" "$work/functions"); do
    fail "$function is in a scenario, but not among what the library exports"
done
for function in $(comm -12 "$work/covered" <(exempt | awk '{ print $1 }' | sort)); do
    fail "$function is in a scenario and exempt from being in one"
done

# The comparison itself: a function that nobody knows is found out.
sort -u "$work/functions" <(echo pbase_planted) >"$work/more"
[ "$(not_covered "$work/more" | grep -x pbase_planted)" = pbase_planted ] ||
    fail "a function that was planted is not found out"

echo "test_fault_coverage: $(wc -l <"$work/functions") functions, $programs programs, $failures faults"
[ "$failures" -eq 0 ]
