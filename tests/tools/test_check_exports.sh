#!/usr/bin/env bash
# check_exports accepts declared pbase_ names and single-door plugins, and nothing else.
source "$(dirname "$0")/planted.sh"
export CHECK_EXPORTS_INCLUDE=$tree/include
check=("$tools/check_exports" "$tree")
mkdir -p "$tree/lib/protobase/plugins-0"

# shared FILE: compiles standard input to a shared object in the planted tree.
shared() {
    "${CC:-cc}" -shared -fPIC -x c - -o "$tree/lib/$1"
}

plant include/a.h <<<'int pbase_a(void);'
shared libprotobase.so <<<'int pbase_a(void) { return 1; }'
shared protobase/plugins-0/p.so <<<'int pbase_plugin_entry(void) { return 1; }'
passes "a tidy library and plugin" "${check[@]}"

shared libprotobase.so <<<'int pbase_a(void) { return 1; } int helper(void) { return 2; }'
rejects "a name without the prefix" 'exports helper, which lacks' "${check[@]}"
shared libprotobase.so <<<'int pbase_b(void) { return 1; }'
rejects "an undeclared name" 'exports pbase_b, which no public header' "${check[@]}"
shared libprotobase.so <<<'int pbase_a(void) { return 1; }'

shared protobase/plugins-0/p.so <<<'int pbase_plugin_entry(void) { return 1; } int two;'
rejects "a plugin with two symbols" 'p.so must export pbase_plugin_entry alone' "${check[@]}"
shared protobase/plugins-0/p.so <<<'static int none; int *f(void); '
rejects "a plugin without the door" 'alone, not: nothing' "${check[@]}"
rm "$tree/lib/libprotobase.so"
rejects "a tree without the library" 'no libprotobase.so' "${check[@]}"
echo "check_exports names every stray symbol"
