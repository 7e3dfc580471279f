#!/usr/bin/env bash
# Every example runs on its own and says what its text promises.
set -euo pipefail
examples=$PBASE_BINARY_DIR/examples
[ -x "$examples/01-hello" ] || {
    echo "skipped: the examples are not built here (PBASE_EXAMPLES is off)"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# expect TEXT NAME [ARG...]: the example succeeds and prints a line that holds TEXT.
expect() {
    local text=$1 name=$2
    shift 2
    "$examples/$name" "$@" >out.txt || {
        echo "$name failed" >&2
        exit 1
    }
    grep -qF -- "$text" out.txt || {
        echo "$name does not print '$text' but:" >&2
        cat out.txt >&2
        exit 1
    }
}

expect "hello, world" 01-hello
expect "as of commit 3" 01-hello # the second run finds the commits of the first
expect "edited: 5 cities, kept: 4" 02-collections
expect 'steps: "plan" "build" "test" "ship"' 02-collections
expect "primes: 2 3 5 7" 02-collections
expect '{"count":100}' 03-query
expect "up to commit 4: 30 32 34" 12-watch
expect "begins with all of commit 4" 12-watch
expect 'appended orders ["order-17","lines"] "milk"' 12-watch
expect "as of commit 3: 20" 11-past
expect "there is no commit 99 yet; the newest is 4" 11-past
expect "commit 1 of shop: 1 operations" 11-past
expect "full backup: up to commit 3, 3 records of the journal" 21-backup "$work"
grep -qF "increment: up to commit 4, 1 records of the journal" out.txt
grep -qF "/then: the price is 10" out.txt
grep -qF "/now: the price is 30" out.txt
expect '{"count":50}' 08-query-builder
expect '{"city":"Oslo","orders":5,"most":198}' 08-query-builder
expect "trial: 70" 10-databases
expect "refused: database 'june' is a snapshot" 10-databases
expect "june made by commit 3, from store" 10-databases
expect "run 2 in this place" 04-wiring
expect "did you mean 'path'?" 04-wiring
expect "words: 6, 4 of them distinct, 'to' 2 times" 07-collection-kinds
expect "at {y: 4, x: 3}: well" 07-collection-kinds
expect "a slice of 5000, 5000 left" 07-collection-kinds
expect "in both: 2, in either: 7" 07-collection-kinds
expect "tagged 'c': page 1; page 7;" 07-collection-kinds
printf 'version: 1\nstorage: {type: memory}\n' >mine.yaml
expect "run 1 in this place" 04-wiring mine.yaml
expect "paid 15 from notes" 05-transactions
expect "the note is there" 05-transactions
expect "by_tag on tags[*]: 4 entries, multikey" 16-indexes
expect "'Ada' is the key of rows 1, and of 3" 16-indexes
expect "2 indexes checked, 0 findings" 16-indexes
expect "3 processes, 100 steps each: 300" 09-processes
expect "10 commits that ask for none waited for the disk 0 times" 20-durability
expect "read: written under k2" 19-encryption
expect "AUTH: " 19-encryption # the second run reads the first one's data, too
grep -q "with the key 'k1', and only 'k2' is listed" out.txt
expect "bytes_cache_hits: 0" 06-caches
grep -qE "bytes_cache_hits: [1-9]" out.txt || {
    echo "06-caches: the second round did not find anything in the bytes cache" >&2
    exit 1
}
expect "Ada was born in 1815" 17-cpp
expect "Alan 1912" 17-cpp
expect "ada: machines math" 18-cpp-documents
expect "Ada works for Engines" 18-cpp-documents
expect "by_city has 2 entries" 18-cpp-documents
expect "1000000 bytes in a blob" 18-cpp-documents
expect "then: 1 tag" 18-cpp-documents
expect "ann: green red" 13-nesting
expect "six levels down: a dict" 13-nesting
expect "blue: bob" 13-nesting
expect "ann works for Trees & Daughters" 14-objects
expect "cleo works for nobody" 14-objects
head -c 1000000 /dev/zero >zeros
expect "1000000 bytes, fnv1a" 15-blobs zeros
expect "0 findings" 22-check
expect "0 findings" 22-check hello-data
expect "saved, up to commit" 23-recover hello-data saved
expect "0 findings" 22-check saved
