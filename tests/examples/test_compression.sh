#!/usr/bin/env bash
# What docs/compression.md shows works as it stands there, saves what it says, and is missed by name.
set -euo pipefail
command -v zstd >/dev/null || {
    echo "skipped: the program zstd is not installed"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
PATH="$PBASE_BINARY_DIR/bin:$PATH"

# block LANGUAGE N: the N-th block of that language on the page.
block() {
    awk -v language="$1" -v wanted="$2" '
        /^```/ && inside { inside = 0; next }
        $0 == "```" language { inside = 1; seen++; next }
        inside && seen == wanted { print }' "$PBASE_SOURCE_DIR/docs/compression.md"
}

# 20,000 orders; the same each time.
awk 'BEGIN {
    srand(1)
    split("Amsterdam Oslo Lisbon Vienna Montevideo", city, " ")
    split("paid open cancelled returned", state, " ")
    for (i = 0; i < 20000; i++)
        printf "{\"id\":%d,\"customer\":\"customer-%d\",\"city\":\"%s\",\"status\":\"%s\",\"article\":\"garden chair, oak\",\"amount\":%d.25,\"token\":\"%08x%08x\"}\n",
            i, rand() * 10000, city[int(rand() * 5) + 1], state[int(rand() * 4) + 1], rand() * 1000,
            rand() * 2147483647, rand() * 2147483647
}' >orders.jsonl

block sh 1 >train.sh
bash -eu train.sh >/dev/null 2>&1
[ -s orders.dict ]

# loaded CODECS: imports everything and prints the bytes of the store.
loaded() {
    rm -rf data
    block yaml 2 >protobase.yaml
    [ -z "$1" ] || sed -i "/^codecs:/,\$d; \$a codecs: $1" protobase.yaml
    protobase --set storage.checkpoint_bytes=64KiB import orders orders.jsonl --key id >/dev/null
    protobase check >/dev/null
    find data/store -type f -printf '%b\n' | awk '{ n += $1 } END { print n * 512 }'
}
plain=$(loaded '[msgpack, zstd]')
trained=$(loaded '')
echo "zstd $plain bytes, with the dictionary $trained"
[ $((trained * 100)) -lt $((plain * 85)) ]

# the dictionary goes into the folder, and another one writes
protobase get orders 7 >before
if protobase --set 'codecs=[msgpack, zstd]' get orders 7 2>said; then
    echo "data was read without its dictionary" >&2
    exit 1
fi
id=$(grep -oE 'the dictionary [0-9]+' said | grep -oE '[0-9]+')
mkdir old
mv orders.dict "old/$id.dict"
set -- --set 'codecs=[msgpack, {type: zstd, dictionary_folder: ./old}]'
protobase "$@" get orders 7 | cmp - before
protobase "$@" put orders 7 '{"id": 7}' >/dev/null
protobase "$@" get orders 8 >/dev/null
protobase "$@" check >/dev/null
