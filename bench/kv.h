/* kv.h - the key-value workload, and one engine under it.
 *
 * 16-byte keys, 100-byte values that do not compress. A hashed key is the bijective hash of the
 * record's number followed by the number, an ascending one the number alone. Every engine is reached
 * through the same table; each thread has a session of its own. A failure ends the process. */
#ifndef PBASE_BENCH_KV_H
#define PBASE_BENCH_KV_H
#include "bench.h"

#define KV_KEY_BYTES 16u
#define KV_VALUE_BYTES 100u
#define KV_LARGE_BYTES 65536u /* of a value of the line `commit_large_1t` */
#define KV_MANY 16u           /* keys of one get_many */

typedef struct {
    const uint8_t *data;
    size_t size;
} kv_view;

typedef struct {
    bool durable;   /* each commit is on the disk before the next; else only what `sync` covers */
    bool ascending; /* what is loaded comes in the order of keys: the engine may use that */
} kv_open_options;

typedef struct {
    const char *name;
    bool loads_in_one; /* any number of records fit one transaction */
    void *(*open)(const char *folder, const kv_open_options *options);
    /* Everything committed is on the disk. */
    void (*sync)(void *engine);
    /* What the engine does at leisure after a load, or NULL: counted apart. */
    void (*settle)(void *engine);
    void (*close)(void *engine);

    void *(*session_open)(void *engine);
    void (*session_close)(void *session);
    void (*write_begin)(void *session);
    void (*put)(void *session, const uint8_t *key, kv_view value);
    /* False: it lost against another transaction, nothing was applied, begin it again. */
    bool (*write_commit)(void *session);
    void (*read_begin)(void *session);                            /* one snapshot until read_end */
    bool (*get)(void *session, const uint8_t *key, kv_view *out); /* lent until the next call */
    /* KV_MANY keys behind one another, by the best way the engine has; NULL: one by one. All are
     * there. */
    void (*get_many)(void *session, const uint8_t *keys, kv_view *out);
    /* Goes through at most `limit` records from `key` (NULL: the first) on, looks at each value and
     * adds to *sum; returns how many there were. */
    uint64_t (*scan)(void *session, const uint8_t *key, uint64_t limit, uint64_t *sum);
    void (*read_end)(void *session);
    /* What of the newest opening went to finding and loading parts, in seconds; NULL: nothing. */
    double (*open_parts)(void *engine);
} kv_engine;

extern const kv_engine kv_protobase, kv_lmdb, kv_sqlite3, kv_rocksdb, kv_leveldb;

void kv_key(uint64_t number, bool ascending, uint8_t out[KV_KEY_BYTES]);
/* Looks at both ends of a value, so that it has to be there. */
static inline uint64_t kv_touch(const uint8_t *data, size_t size)
{
    return (uint64_t)data[0] + data[size - 1];
}

/* Only ours: leaves a journal of about `bytes` behind and dies without closing (in a child). */
void kv_protobase_crash(const char *folder, uint64_t bytes);

#endif
