/* kv_lmdb.c - LMDB, as it comes: copy on write, pwrite, two flushes a durable commit. */
#include "kv_engine.h"

#include <lmdb.h>
#include <stdlib.h>
#include <sys/stat.h>

typedef struct {
    MDB_env *env;
    MDB_dbi dbi;
    uint64_t random;
} peer;

static void must(int code, const char *what)
{
    if (code != 0) {
        bench_fail("lmdb: %s: %s", what, mdb_strerror(code));
    }
}

static void *peer_open(const char *folder)
{
    peer *self = calloc(1, sizeof *self);
    MDB_txn *txn = NULL;
    if (self == NULL) {
        bench_fail("no memory");
    }
    (void)mkdir(folder, 0777); /* opening says what is wrong with it */
    must(mdb_env_create(&self->env), "create");
    must(mdb_env_set_mapsize(self->env, (size_t)16 << 30), "map size");
    must(mdb_env_open(self->env, folder, 0, 0664), "open");
    must(mdb_txn_begin(self->env, NULL, 0, &txn), "begin");
    must(mdb_dbi_open(txn, NULL, MDB_CREATE, &self->dbi), "database");
    must(mdb_txn_commit(txn), "commit");
    return self;
}

static void peer_close(void *engine)
{
    peer *self = engine;
    mdb_env_close(self->env);
    free(self);
}

static void put_batch(peer *self, uint64_t first, uint64_t end)
{
    MDB_txn *txn = NULL;
    must(mdb_txn_begin(self->env, NULL, 0, &txn), "begin");
    for (uint64_t i = first; i < end; i++) {
        uint8_t key_bytes[KV_KEY_BYTES], value_bytes[KV_VALUE_BYTES];
        kv_key(i, key_bytes);
        bench_fill(i, value_bytes, sizeof value_bytes);
        MDB_val key = {sizeof key_bytes, key_bytes}, value = {sizeof value_bytes, value_bytes};
        must(mdb_put(txn, self->dbi, &key, &value, 0), "put");
    }
    must(mdb_txn_commit(txn), "commit");
}

static void peer_load(void *engine, uint64_t n, uint64_t batch)
{
    peer *self = engine;
    must(mdb_env_set_flags(self->env, MDB_NOSYNC, 1), "flags");
    for (uint64_t i = 0; i < n; i += batch) {
        put_batch(self, i, i + batch < n ? i + batch : n);
    }
    must(mdb_env_set_flags(self->env, MDB_NOSYNC, 0), "flags");
    must(mdb_env_sync(self->env, 1), "sync");
}

static void peer_get_random(void *engine, uint64_t n, uint64_t count)
{
    peer *self = engine;
    MDB_txn *txn = NULL;
    uint64_t sum = 0;
    must(mdb_txn_begin(self->env, NULL, MDB_RDONLY, &txn), "begin");
    for (uint64_t i = 0; i < count; i++) {
        uint8_t bytes[KV_KEY_BYTES];
        kv_key(bench_hash(self->random++) % n, bytes);
        MDB_val key = {sizeof bytes, bytes}, value;
        must(mdb_get(txn, self->dbi, &key, &value), "get");
        sum += *(const uint8_t *)value.mv_data + value.mv_size;
    }
    if (sum == 0) {
        bench_fail("lmdb: values of nothing");
    }
    mdb_txn_abort(txn);
}

static void peer_commit_durable(void *engine, uint64_t n, uint64_t count)
{
    peer *self = engine;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = bench_hash(self->random++) % n;
        put_batch(self, number, number + 1);
    }
}

const kv_engine kv_lmdb = {.name = "lmdb",
                           .open = peer_open,
                           .close = peer_close,
                           .load = peer_load,
                           .get_random = peer_get_random,
                           .commit_durable = peer_commit_durable};
