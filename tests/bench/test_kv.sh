#!/usr/bin/env bash
# The key-value benchmark runs, tiny, and says what scripts rely on: every workload of every engine.
set -euo pipefail
kv=$PBASE_BINARY_DIR/bench/kv
[ -x "$kv" ] || {
    echo "skipped: the benchmarks are not built here (PBASE_BENCH is off)"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "$1" >&2
    exit 1
}

workloads="commit_durable_1t append_4k_beside_1t commit_durable_4t commit_durable_16t get_random_1t get_random_fresh_1t
get_random_2t get_many scan range_100 update_100 load_hashed_1txn load_hashed_1000 load_sorted
size_loaded size_updated open"

"$kv" --short --json --seconds 0.02 >all.json 2>absent.txt || fail "the short run fails: $(cat absent.txt)"
[ ! -e bench-kv.tmp ] || fail "the databases are still there"
number='[0-9][0-9.e+-]*'
for engine in protobase lmdb sqlite rocksdb leveldb; do
    grep -q "without $engine" absent.txt && continue
    for workload in $workloads; do
        grep -qE "^\{\"bench\": \"kv\", \"workload\": \"$workload\", \"engine\": \"$engine\", \"value\": $number, \"unit\": \"[^\"]+\", \"better\": \"(higher|lower)\", \"n\": 2000, .*\}$" \
            all.json || fail "no line of $workload by $engine: $(cat all.json)"
    done
done
grep -vE '^\{"bench": "kv", .*\}$' all.json && fail "not an object a line"
grep -q '"open_parts", "engine": "protobase"' all.json || fail "no time of finding and loading plugins"
# Ours is compared with each peer that is there.
if ! grep -q "without lmdb" absent.txt; then
    grep -E '"get_random_1t", "engine": "protobase"' all.json |
        grep -qE '"ratio_lmdb": [0-9.e+-]+, "goal_lmdb": 2.5, "reached_lmdb": (true|false)' ||
        fail "no comparison with LMDB"
fi

# Only what is asked for, as a table.
"$kv" --short --only scan,open --engines protobase >some.txt 2>/dev/null
grep -q '^scan ' some.txt || fail "the table has no line of scan: $(cat some.txt)"
grep -q '^open ' some.txt || fail "the table has no line of open"
grep -qE '^(update_100|get_random_1t|load_sorted) ' some.txt && fail "a line that nobody asked for"

# A folder that is given keeps what it has.
mkdir -p disk
echo precious >disk/precious.txt
"$kv" --short --only scan --engines protobase --folder disk >/dev/null 2>&1 || fail "--folder fails"
[ "$(ls disk)" = precious.txt ] || fail "the folder has other content afterwards: $(ls disk)"

# A workload that is not there is named, with those that are.
if "$kv" --only no_such_workload >/dev/null 2>wrong.txt; then
    fail "a wrong workload passes"
fi
grep -q "'no_such_workload'; there are: .* scan" wrong.txt || fail "$(cat wrong.txt)"
