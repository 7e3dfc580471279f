/* kv_sqlite3.c - SQLite in WAL mode, synchronous FULL, a table without rowid, mapped reads. Each
 * session is a connection; what need not be durable runs with synchronous OFF. */
#include "kv.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    sqlite3 *db;
    sqlite3_stmt *put, *get, *all, *range, *begin_write, *begin_read, *commit;
} connection;

typedef struct {
    char file[4096];
    bool durable;
    connection *kept; /* so that the last session does not close the database */
} peer;

static void must(connection *self, int code, const char *what)
{
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        bench_fail("sqlite: %s: %s", what, sqlite3_errmsg(self->db));
    }
}

static void run(connection *self, const char *sql)
{
    must(self, sqlite3_exec(self->db, sql, NULL, NULL, NULL), sql);
}

static sqlite3_stmt *prepare(connection *self, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    must(self, sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL),
         sql);
    return statement;
}

static connection *connect_to(const peer *of)
{
    connection *self = bench_new(sizeof *self);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    must(self, sqlite3_open_v2(of->file, &self->db, flags, NULL), "open");
    must(self, sqlite3_busy_timeout(self->db, 60000), "timeout");
    run(self, "pragma journal_mode = wal");
    run(self, of->durable ? "pragma synchronous = full" : "pragma synchronous = off");
    run(self, "pragma mmap_size = 30000000000");
    run(self, "pragma cache_size = -1000000");
    run(self, "create table if not exists kv (k blob primary key, v blob) without rowid");
    self->put = prepare(self, "insert or replace into kv values (?, ?)");
    self->get = prepare(self, "select v from kv where k = ?");
    self->all = prepare(self, "select v from kv order by k");
    self->range = prepare(self, "select v from kv where k >= ? order by k limit ?");
    self->begin_write = prepare(self, "begin immediate");
    self->begin_read = prepare(self, "begin");
    self->commit = prepare(self, "commit");
    return self;
}

static void disconnect(connection *self)
{
    sqlite3_stmt *statements[] = {self->put,         self->get,        self->all,   self->range,
                                  self->begin_write, self->begin_read, self->commit};
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        (void)sqlite3_finalize(statements[i]); /* repeats errors already reported */
    }
    must(self, sqlite3_close(self->db), "close");
    free(self);
}

static void *peer_open(const char *folder, const kv_open_options *options)
{
    peer *self = bench_new(sizeof *self);
    (void)mkdir(folder, 0777); /* opening says what is wrong with it */
    (void)snprintf(self->file, sizeof self->file, "%s/db", folder);
    self->durable = options->durable;
    self->kept = connect_to(self);
    return self;
}

static void peer_sync(void *engine)
{
    peer *self = engine;
    run(self->kept, "pragma synchronous = full");
    run(self->kept, "pragma wal_checkpoint(truncate)");
    int file = open(self->file, O_RDWR); /* what checkpoints moved while synchronous was off */
    if (file < 0 || fsync(file) != 0) {
        bench_fail("sqlite: cannot flush %s", self->file);
    }
    (void)close(file);
}

static void peer_close(void *engine)
{
    disconnect(((peer *)engine)->kept);
    free(engine);
}

static void *peer_session_open(void *engine)
{
    return connect_to(engine);
}

static void peer_session_close(void *session)
{
    disconnect(session);
}

static void step(connection *self, sqlite3_stmt *statement, const char *what)
{
    must(self, sqlite3_step(statement), what);
    must(self, sqlite3_reset(statement), what);
}

static void bind_key(connection *self, sqlite3_stmt *statement, const uint8_t *key)
{
    must(self, sqlite3_bind_blob(statement, 1, key, KV_KEY_BYTES, SQLITE_STATIC), "bind");
}

static void peer_write_begin(void *session)
{
    connection *self = session;
    step(self, self->begin_write, "begin");
}

static void peer_put(void *session, const uint8_t *key, kv_view value)
{
    connection *self = session;
    bind_key(self, self->put, key);
    must(self, sqlite3_bind_blob(self->put, 2, value.data, (int)value.size, SQLITE_STATIC), "bind");
    step(self, self->put, "put");
}

static bool peer_write_commit(void *session)
{
    connection *self = session;
    step(self, self->commit, "commit");
    return true;
}

static void peer_read_begin(void *session)
{
    connection *self = session;
    step(self, self->begin_read, "begin reading");
}

static kv_view column(sqlite3_stmt *statement)
{
    return (kv_view){sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0)};
}

static bool peer_get(void *session, const uint8_t *key, kv_view *out)
{
    connection *self = session;
    must(self, sqlite3_reset(self->get), "get");
    bind_key(self, self->get, key);
    if (sqlite3_step(self->get) != SQLITE_ROW) {
        return false;
    }
    *out = column(self->get);
    return true;
}

static uint64_t peer_scan(void *session, const uint8_t *key, uint64_t limit, uint64_t *sum)
{
    connection *self = session;
    sqlite3_stmt *statement = key != NULL ? self->range : self->all;
    uint64_t count = 0;
    if (key != NULL) {
        bind_key(self, statement, key);
        must(self, sqlite3_bind_int64(statement, 2, (sqlite3_int64)limit), "bind");
    }
    while (count < limit && sqlite3_step(statement) == SQLITE_ROW) {
        kv_view value = column(statement);
        *sum += kv_touch(value.data, value.size);
        count++;
    }
    must(self, sqlite3_reset(statement), "scan");
    return count;
}

static void peer_read_end(void *session)
{
    connection *self = session;
    must(self, sqlite3_reset(self->get), "get");
    step(self, self->commit, "end reading");
}

const kv_engine kv_sqlite3 = {.name = "sqlite",
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
