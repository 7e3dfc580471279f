#!/usr/bin/env bash
# check_direct_io rejects objects that call libc's I/O, clock, threads or heap themselves.
source "$(dirname "$0")/planted.sh"
export CHECK_DIRECT_IO_TREE=$tree
check=("$tools/check_direct_io" "$tree/build")

# object SOURCE OBJECT: compiles standard input as SOURCE's object in the planted build tree.
object() {
    plant "$1" </dev/null
    mkdir -p "$(dirname "$tree/build/$2")"
    "${CC:-cc}" -std=gnu17 -O0 -fno-builtin -w -x c - -c -o "$tree/build/$2"
}
core_object() { object "core/$1.c" "CMakeFiles/protobase_objects.dir/core/$1.c.o"; }

core_object txn/commit <<<'int memcmp(); int f(void) { return memcmp("a", "b", 1); }'
core_object os/file <<<'int open(); int f(void) { return open("a", 0); }'
core_object host/loader <<<'void *dlopen(); void *f(void) { return dlopen("a", 1); }'
passes "objects that keep to the os interface" "${check[@]}"

# direct SYMBOL: one call of it in core is found.
direct() {
    core_object txn/commit <<<"int $1(); int f(void) { return $1(0); }"
    rejects "a call of $1" "core/txn/commit.c uses $1;" "${check[@]}"
}
for symbol in open read pwrite fsync rename malloc free pthread_mutex_lock clock_gettime getrandom \
    printf fopen exit abort mmap socket dprintf __assert_fail; do
    direct $symbol
done
core_object txn/commit <<<'int f(void) { return 0; }'

object plugins/codecs/a/plugin.c plugins/codecs/a/CMakeFiles/plugin_a_objects.dir/plugin.c.o \
    <<<'int read(); int f(void) { return read(0); }'
rejects "a read in a plugin" 'plugins/codecs/a/plugin.c uses read;' "${check[@]}"
rm "$tree/plugins/codecs/a/plugin.c"
passes "the object of a deleted source" "${check[@]}"
echo "check_direct_io names every direct call"
