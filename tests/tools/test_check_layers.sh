#!/usr/bin/env bash
# check_layers accepts the arrows of the house and names each one that is turned.
source "$(dirname "$0")/planted.sh"
check=("$tools/check_layers" "$tree")

plant sdk/include/protobase/base/error.h </dev/null
plant core/include/protobase/txn.h <<<'#include <protobase/base/error.h>'
plant core/collection/btree.h </dev/null
plant core/txn/commit.h <<<'#include "collection/btree.h"'
plant core/txn/commit.c <<<'#include "commit.h"'
plant plugins/storage-a/a.h </dev/null
plant plugins/storage-a/plugin.c <<<'#include "a.h"'
plant cli/main.c <<<'#include <protobase/txn.h>'
passes "a house in order" "${check[@]}"

# turned FILE INCLUDE PATTERN: plants one line, expects it to be named, takes it away again.
turned() {
    plant "$1" <<<"#include $2"
    rejects "$1 with $2" "$3" "${check[@]}"
    rm "$tree/$1"
}
turned core/collection/set.c '"txn/commit.h"' 'set.c:1: collection may not include txn'
turned core/collection/set.c '"../txn/commit.h"' 'collection may not include txn'
turned core/query/scan.c '"txn/commit.h"' 'query may not include txn'
turned core/query/operators/scan.c '"../../txn/commit.h"' 'query may not include txn'
turned core/base/map.c '"collection/btree.h"' 'base may not include collection'
turned core/host/load.c '"../../plugins/storage-a/a.h"' 'host may not include plugin storage-a'
turned plugins/storage-b/plugin.c '"../storage-a/a.h"' 'plugin storage-b may not include plugin storage-a'
turned plugins/storage-b/plugin.c '<protobase/txn.h>' 'plugin storage-b may not include core-api'
turned plugins/codecs/b/plugin.c '"../../../core/txn/commit.h"' 'plugin codecs/b may not include txn'
turned cli/put.c '"txn/commit.h"' 'cli may not include txn'
turned sdk/include/protobase/base/value.h '<protobase/txn.h>' 'sdk-api may not include core-api'
turned core/attic/old.c '"collection/btree.h"' 'room attic is not in the table'
passes "the house after the violations are gone" "${check[@]}"
echo "check_layers names every turned arrow"
