/* fake_plugin.h - a plugin linked into the test, whose components only record their life.
 *
 *   storage/recorded          slots blocks (required) and spare (a storage, may be empty)
 *   block_provider/recorded   option label
 *   codec/plain               serializer
 *   codec/squeeze             compresses
 *   codec/lock                encrypts; required secret option key
 *
 * Each opening and closing adds a word to the record: "+blocks:a +storage -storage -blocks:a". The
 * tables of storage and block provider are borrowed from storage-memory.so; only close may be
 * called. Threads: confined. */
#ifndef PBASE_TEST_FAKE_PLUGIN_H
#define PBASE_TEST_FAKE_PLUGIN_H
#include <protobase/plugin/plugin.h>

/* `memory_plugin` is the path of storage-memory.so. Lends a static object. */
const pbase_plugin *fake_plugin(const char *memory_plugin);
/* Empties the record; the n-th opening from now fails with BUSY (0: none), or, if `empty_handed`,
 * says OK and gives nothing. */
void fake_plugin_reset(unsigned fail_at, bool empty_handed);
/* The record so far. Lent until the next opening or closing. */
const char *fake_plugin_record(void);
/* Objects that are open now. */
int fake_plugin_open_count(void);

#endif
