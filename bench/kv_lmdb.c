/* kv_lmdb.c - LMDB, as it comes: copy on write, pwrite, two flushes a durable commit. */
#include "kv.h"

#include <lmdb.h>
#include <stdlib.h>
#include <sys/stat.h>

typedef struct {
    MDB_env *env;
    MDB_dbi dbi;
    bool ascending;
} peer;

typedef struct {
    peer *of;
    MDB_txn *writes, *reads;
} peer_session;

static void must(int code, const char *what)
{
    if (code != 0) {
        bench_fail("lmdb: %s: %s", what, mdb_strerror(code));
    }
}

static void *peer_open(const char *folder, const kv_open_options *options)
{
    peer *self = bench_new(sizeof *self);
    MDB_txn *txn = NULL;
    self->ascending = options->ascending;
    (void)mkdir(folder, 0777); /* opening says what is wrong with it */
    must(mdb_env_create(&self->env), "create");
    must(mdb_env_set_mapsize(self->env, (size_t)32 << 30), "map size");
    must(mdb_env_open(self->env, folder, MDB_NOTLS | (options->durable ? 0u : MDB_NOSYNC), 0664),
         "open");
    must(mdb_txn_begin(self->env, NULL, 0, &txn), "begin");
    must(mdb_dbi_open(txn, NULL, 0, &self->dbi), "database");
    must(mdb_txn_commit(txn), "commit");
    return self;
}

static void peer_sync(void *engine)
{
    must(mdb_env_sync(((peer *)engine)->env, 1), "sync");
}

static void peer_close(void *engine)
{
    peer *self = engine;
    mdb_env_close(self->env);
    free(self);
}

static void *peer_session_open(void *engine)
{
    peer_session *session = bench_new(sizeof *session);
    session->of = engine;
    return session;
}

static void peer_session_close(void *session)
{
    peer_session *self = session;
    if (self->reads != NULL) {
        mdb_txn_abort(self->reads);
    }
    free(self);
}

static void peer_write_begin(void *session)
{
    peer_session *self = session;
    must(mdb_txn_begin(self->of->env, NULL, 0, &self->writes), "begin");
}

static void peer_put(void *session, const uint8_t *key, kv_view value)
{
    peer_session *self = session;
    MDB_val k = {KV_KEY_BYTES, (void *)(uintptr_t)key};
    MDB_val v = {value.size, (void *)(uintptr_t)value.data};
    must(mdb_put(self->writes, self->of->dbi, &k, &v, self->of->ascending ? MDB_APPEND : 0), "put");
}

static bool peer_write_commit(void *session)
{
    peer_session *self = session;
    must(mdb_txn_commit(self->writes), "commit");
    self->writes = NULL;
    return true;
}

static void peer_read_begin(void *session)
{
    peer_session *self = session;
    if (self->reads == NULL) {
        must(mdb_txn_begin(self->of->env, NULL, MDB_RDONLY, &self->reads), "begin reading");
    } else {
        must(mdb_txn_renew(self->reads), "renew");
    }
}

static bool peer_get(void *session, const uint8_t *key, kv_view *out)
{
    peer_session *self = session;
    MDB_val k = {KV_KEY_BYTES, (void *)(uintptr_t)key}, v;
    if (mdb_get(self->reads, self->of->dbi, &k, &v) != 0) {
        return false;
    }
    *out = (kv_view){v.mv_data, v.mv_size};
    return true;
}

static uint64_t peer_scan(void *session, const uint8_t *key, uint64_t limit, uint64_t *sum)
{
    peer_session *self = session;
    MDB_cursor *cursor = NULL;
    MDB_val k = {KV_KEY_BYTES, (void *)(uintptr_t)key}, v;
    uint64_t count = 0;
    must(mdb_cursor_open(self->reads, self->of->dbi, &cursor), "cursor");
    int code = mdb_cursor_get(cursor, &k, &v, key != NULL ? MDB_SET_RANGE : MDB_FIRST);
    while (code == 0 && count < limit) {
        *sum += kv_touch(v.mv_data, v.mv_size);
        if (++count < limit) {
            code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
        }
    }
    mdb_cursor_close(cursor);
    return count;
}

static void peer_read_end(void *session)
{
    mdb_txn_reset(((peer_session *)session)->reads);
}

const kv_engine kv_lmdb = {.name = "lmdb",
                           .loads_in_one = true,
                           .open = peer_open,
                           .sync = peer_sync,
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
