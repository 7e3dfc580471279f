/* kv_engine.h - one engine under the key-value workloads: 16-byte hashed keys, 100-byte values. */
#ifndef PBASE_BENCH_KV_ENGINE_H
#define PBASE_BENCH_KV_ENGINE_H
#include "bench.h"

#define KV_KEY_BYTES 16u
#define KV_VALUE_BYTES 100u

typedef struct {
    const char *name;
    void *(*open)(const char *folder);
    void (*close)(void *engine);
    /* Records 0..n-1 in transactions of `batch`, then durable. */
    void (*load)(void *engine, uint64_t n, uint64_t batch);
    /* `count` gets of records chosen at random among n, in one snapshot; every value is looked at. */
    void (*get_random)(void *engine, uint64_t n, uint64_t count);
    /* `count` updates of one random record each, every one durable before the next. */
    void (*commit_durable)(void *engine, uint64_t n, uint64_t count);
} kv_engine;

extern const kv_engine kv_protobase, kv_lmdb, kv_sqlite3;

/* The hash of the number, then the number: no order, no collision. */
void kv_key(uint64_t number, uint8_t out[KV_KEY_BYTES]);

/* Only ours: leaves a journal of about `bytes` behind and dies without closing (in a child). */
void kv_protobase_crash(const char *folder, uint64_t bytes);

#endif
