/* kv_rocksdb.c - RocksDB: 4 GB block cache, bloom filters of 10 bits, 64 MB memtable, no compression,
 * compacted after a load. */
#include "kv.h"

#include <rocksdb/c.h>
#include <stdlib.h>

typedef struct {
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *table;
    rocksdb_cache_t *cache;
    rocksdb_writeoptions_t *write;
} peer;

typedef struct {
    peer *of;
    rocksdb_writebatch_t *batch;
    rocksdb_readoptions_t *read;
    const rocksdb_snapshot_t *snapshot;
    rocksdb_pinnableslice_t *lent; /* of the last get */
} peer_session;

static void must(const char *error, const char *what)
{
    if (error != NULL) {
        bench_fail("rocksdb: %s: %s", what, error);
    }
}

static void *peer_open(const char *folder, const kv_open_options *options)
{
    peer *self = bench_new(sizeof *self);
    char *error = NULL;
    self->options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(self->options, 1);
    rocksdb_options_set_compression(self->options, rocksdb_no_compression);
    rocksdb_options_set_write_buffer_size(self->options, (size_t)64 << 20);
    rocksdb_options_set_max_background_jobs(self->options, 2);
    self->table = rocksdb_block_based_options_create();
    self->cache = rocksdb_cache_create_lru((size_t)4 << 30);
    rocksdb_block_based_options_set_block_cache(self->table, self->cache);
    rocksdb_block_based_options_set_filter_policy(self->table,
                                                  rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_options_set_block_based_table_factory(self->options, self->table);
    self->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(self->write, options->durable);
    self->db = rocksdb_open(self->options, folder, &error);
    must(error, "open");
    return self;
}

static void peer_sync(void *engine)
{
    char *error = NULL;
    rocksdb_flush_wal(((peer *)engine)->db, 1, &error);
    must(error, "sync");
}

static void peer_settle(void *engine)
{
    peer *self = engine;
    char *error = NULL;
    rocksdb_flushoptions_t *flush = rocksdb_flushoptions_create();
    rocksdb_flush(self->db, flush, &error);
    must(error, "flush");
    rocksdb_flushoptions_destroy(flush);
    rocksdb_compact_range(self->db, NULL, 0, NULL, 0);
}

static void peer_close(void *engine)
{
    peer *self = engine;
    rocksdb_close(self->db);
    rocksdb_writeoptions_destroy(self->write);
    rocksdb_block_based_options_destroy(self->table);
    rocksdb_cache_destroy(self->cache);
    rocksdb_options_destroy(self->options);
    free(self);
}

static void *peer_session_open(void *engine)
{
    peer_session *self = bench_new(sizeof *self);
    self->of = engine;
    self->batch = rocksdb_writebatch_create();
    self->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(self->read, 0);
    return self;
}

static void give_back(peer_session *self)
{
    if (self->lent != NULL) {
        rocksdb_pinnableslice_destroy(self->lent);
        self->lent = NULL;
    }
}

static void peer_session_close(void *session)
{
    peer_session *self = session;
    give_back(self);
    rocksdb_writebatch_destroy(self->batch);
    rocksdb_readoptions_destroy(self->read);
    free(self);
}

static void peer_write_begin(void *session)
{
    rocksdb_writebatch_clear(((peer_session *)session)->batch);
}

static void peer_put(void *session, const uint8_t *key, kv_view value)
{
    rocksdb_writebatch_put(((peer_session *)session)->batch, (const char *)key, KV_KEY_BYTES,
                           (const char *)value.data, value.size);
}

static bool peer_write_commit(void *session)
{
    peer_session *self = session;
    char *error = NULL;
    rocksdb_write(self->of->db, self->of->write, self->batch, &error);
    must(error, "write");
    return true;
}

static void peer_read_begin(void *session)
{
    peer_session *self = session;
    self->snapshot = rocksdb_create_snapshot(self->of->db);
    rocksdb_readoptions_set_snapshot(self->read, self->snapshot);
}

static bool peer_get(void *session, const uint8_t *key, kv_view *out)
{
    peer_session *self = session;
    char *error = NULL;
    give_back(self);
    self->lent =
        rocksdb_get_pinned(self->of->db, self->read, (const char *)key, KV_KEY_BYTES, &error);
    must(error, "get");
    if (self->lent == NULL) {
        return false;
    }
    out->data = (const uint8_t *)rocksdb_pinnableslice_value(self->lent, &out->size);
    return out->data != NULL;
}

static uint64_t peer_scan(void *session, const uint8_t *key, uint64_t limit, uint64_t *sum)
{
    peer_session *self = session;
    rocksdb_iterator_t *at = rocksdb_create_iterator(self->of->db, self->read);
    uint64_t count = 0;
    if (key != NULL) {
        rocksdb_iter_seek(at, (const char *)key, KV_KEY_BYTES);
    } else {
        rocksdb_iter_seek_to_first(at);
    }
    while (count < limit && rocksdb_iter_valid(at)) {
        size_t size;
        const char *value = rocksdb_iter_value(at, &size);
        *sum += kv_touch((const uint8_t *)value, size);
        if (++count < limit) {
            rocksdb_iter_next(at);
        }
    }
    rocksdb_iter_destroy(at);
    return count;
}

static void peer_read_end(void *session)
{
    peer_session *self = session;
    give_back(self);
    rocksdb_readoptions_set_snapshot(self->read, NULL);
    rocksdb_release_snapshot(self->of->db, self->snapshot);
    self->snapshot = NULL;
}

const kv_engine kv_rocksdb = {.name = "rocksdb",
                              .open = peer_open,
                              .sync = peer_sync,
                              .settle = peer_settle,
                              .close = peer_close,
                              .session_open = peer_session_open,
                              .session_close = peer_session_close,
                              .write_begin = peer_write_begin,
                              .put = peer_put,
                              .write_commit = peer_write_commit,
                              .read_begin = peer_read_begin,
                              .get = peer_get,
                              .scan = peer_scan,
                              .read_end = peer_read_end};
