/* kv_leveldb.c - LevelDB: 4 GB block cache, bloom filters of 10 bits, 64 MB memtable, no compression,
 * compacted after a load. */
#include "kv.h"

#include <leveldb/c.h>
#include <stdlib.h>

typedef struct {
    leveldb_t *db;
    leveldb_options_t *options;
    leveldb_cache_t *cache;
    leveldb_filterpolicy_t *filter;
    leveldb_writeoptions_t *write;
} peer;

typedef struct {
    peer *of;
    leveldb_writebatch_t *batch;
    leveldb_readoptions_t *read;
    const leveldb_snapshot_t *snapshot;
    char *lent; /* of the last get */
} peer_session;

static void must(const char *error, const char *what)
{
    if (error != NULL) {
        bench_fail("leveldb: %s: %s", what, error);
    }
}

static void *peer_open(const char *folder, const kv_open_options *options)
{
    peer *self = bench_new(sizeof *self);
    char *error = NULL;
    self->options = leveldb_options_create();
    self->cache = leveldb_cache_create_lru((size_t)4 << 30);
    self->filter = leveldb_filterpolicy_create_bloom(10);
    leveldb_options_set_create_if_missing(self->options, 1);
    leveldb_options_set_compression(self->options, leveldb_no_compression);
    leveldb_options_set_write_buffer_size(self->options, (size_t)64 << 20);
    leveldb_options_set_cache(self->options, self->cache);
    leveldb_options_set_filter_policy(self->options, self->filter);
    self->write = leveldb_writeoptions_create();
    leveldb_writeoptions_set_sync(self->write, options->durable);
    self->db = leveldb_open(self->options, folder, &error);
    must(error, "open");
    return self;
}

/* An empty batch that is synced takes the log before it along. */
static void peer_sync(void *engine)
{
    peer *self = engine;
    char *error = NULL;
    leveldb_writebatch_t *nothing = leveldb_writebatch_create();
    leveldb_writeoptions_t *synced = leveldb_writeoptions_create();
    leveldb_writeoptions_set_sync(synced, 1);
    leveldb_write(self->db, synced, nothing, &error);
    must(error, "sync");
    leveldb_writeoptions_destroy(synced);
    leveldb_writebatch_destroy(nothing);
}

static void peer_settle(void *engine)
{
    leveldb_compact_range(((peer *)engine)->db, NULL, 0, NULL, 0);
}

static void peer_close(void *engine)
{
    peer *self = engine;
    leveldb_close(self->db);
    leveldb_writeoptions_destroy(self->write);
    leveldb_options_destroy(self->options);
    leveldb_cache_destroy(self->cache);
    leveldb_filterpolicy_destroy(self->filter);
    free(self);
}

static void *peer_session_open(void *engine)
{
    peer_session *self = bench_new(sizeof *self);
    self->of = engine;
    self->batch = leveldb_writebatch_create();
    self->read = leveldb_readoptions_create();
    return self;
}

static void give_back(peer_session *self)
{
    if (self->lent != NULL) {
        leveldb_free(self->lent);
        self->lent = NULL;
    }
}

static void peer_session_close(void *session)
{
    peer_session *self = session;
    give_back(self);
    leveldb_writebatch_destroy(self->batch);
    leveldb_readoptions_destroy(self->read);
    free(self);
}

static void peer_write_begin(void *session)
{
    leveldb_writebatch_clear(((peer_session *)session)->batch);
}

static void peer_put(void *session, const uint8_t *key, kv_view value)
{
    leveldb_writebatch_put(((peer_session *)session)->batch, (const char *)key, KV_KEY_BYTES,
                           (const char *)value.data, value.size);
}

static bool peer_write_commit(void *session)
{
    peer_session *self = session;
    char *error = NULL;
    leveldb_write(self->of->db, self->of->write, self->batch, &error);
    must(error, "write");
    return true;
}

static void peer_read_begin(void *session)
{
    peer_session *self = session;
    self->snapshot = leveldb_create_snapshot(self->of->db);
    leveldb_readoptions_set_snapshot(self->read, self->snapshot);
}

static bool peer_get(void *session, const uint8_t *key, kv_view *out)
{
    peer_session *self = session;
    char *error = NULL;
    give_back(self);
    self->lent =
        leveldb_get(self->of->db, self->read, (const char *)key, KV_KEY_BYTES, &out->size, &error);
    must(error, "get");
    out->data = (const uint8_t *)self->lent;
    return self->lent != NULL;
}

static uint64_t peer_scan(void *session, const uint8_t *key, uint64_t limit, uint64_t *sum)
{
    peer_session *self = session;
    leveldb_iterator_t *at = leveldb_create_iterator(self->of->db, self->read);
    uint64_t count = 0;
    if (key != NULL) {
        leveldb_iter_seek(at, (const char *)key, KV_KEY_BYTES);
    } else {
        leveldb_iter_seek_to_first(at);
    }
    while (count < limit && leveldb_iter_valid(at)) {
        size_t size;
        const char *value = leveldb_iter_value(at, &size);
        *sum += kv_touch((const uint8_t *)value, size);
        if (++count < limit) {
            leveldb_iter_next(at);
        }
    }
    leveldb_iter_destroy(at);
    return count;
}

static void peer_read_end(void *session)
{
    peer_session *self = session;
    give_back(self);
    leveldb_readoptions_set_snapshot(self->read, NULL);
    leveldb_release_snapshot(self->of->db, self->snapshot);
    self->snapshot = NULL;
}

const kv_engine kv_leveldb = {.name = "leveldb",
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
