/* kv_sqlite3.c - SQLite in WAL mode, synchronous FULL, a table without rowid, mapped reads. */
#include "kv_engine.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

typedef struct {
    sqlite3 *db;
    sqlite3_stmt *put, *get, *begin, *commit;
    uint64_t random;
} peer;

static void must(peer *self, int code, const char *what)
{
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        bench_fail("sqlite: %s: %s", what, sqlite3_errmsg(self->db));
    }
}

static void run(peer *self, const char *sql)
{
    must(self, sqlite3_exec(self->db, sql, NULL, NULL, NULL), sql);
}

static sqlite3_stmt *prepare(peer *self, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    must(self, sqlite3_prepare_v2(self->db, sql, -1, &statement, NULL), sql);
    return statement;
}

static void *peer_open(const char *folder)
{
    peer *self = calloc(1, sizeof *self);
    char file[4096];
    if (self == NULL) {
        bench_fail("no memory");
    }
    (void)mkdir(folder, 0777); /* opening says what is wrong with it */
    (void)snprintf(file, sizeof file, "%s/db", folder);
    must(self, sqlite3_open(file, &self->db), "open");
    run(self, "pragma journal_mode = wal");
    run(self, "pragma synchronous = full");
    run(self, "pragma cache_size = -1048576");
    run(self, "pragma mmap_size = 17179869184");
    run(self, "create table if not exists kv (k blob primary key, v blob) without rowid");
    self->put = prepare(self, "insert or replace into kv values (?, ?)");
    self->get = prepare(self, "select v from kv where k = ?");
    self->begin = prepare(self, "begin");
    self->commit = prepare(self, "commit");
    return self;
}

static void peer_close(void *engine)
{
    peer *self = engine;
    (void)sqlite3_finalize(self->put); /* repeats errors already reported */
    (void)sqlite3_finalize(self->get);
    (void)sqlite3_finalize(self->begin);
    (void)sqlite3_finalize(self->commit);
    must(self, sqlite3_close(self->db), "close");
    free(self);
}

static void step(peer *self, sqlite3_stmt *statement, const char *what)
{
    must(self, sqlite3_step(statement), what);
    must(self, sqlite3_reset(statement), what);
}

static void put_batch(peer *self, uint64_t first, uint64_t end)
{
    step(self, self->begin, "begin");
    for (uint64_t i = first; i < end; i++) {
        uint8_t key[KV_KEY_BYTES], value[KV_VALUE_BYTES];
        kv_key(i, key);
        bench_fill(i, value, sizeof value);
        must(self, sqlite3_bind_blob(self->put, 1, key, sizeof key, SQLITE_STATIC), "bind");
        must(self, sqlite3_bind_blob(self->put, 2, value, sizeof value, SQLITE_STATIC), "bind");
        step(self, self->put, "put");
    }
    step(self, self->commit, "commit");
}

static void peer_load(void *engine, uint64_t n, uint64_t batch)
{
    peer *self = engine;
    run(self, "pragma synchronous = off");
    for (uint64_t i = 0; i < n; i += batch) {
        put_batch(self, i, i + batch < n ? i + batch : n);
    }
    run(self, "pragma synchronous = full");
    run(self, "pragma wal_checkpoint(truncate)");
}

static void peer_get_random(void *engine, uint64_t n, uint64_t count)
{
    peer *self = engine;
    uint64_t sum = 0;
    run(self, "begin");
    for (uint64_t i = 0; i < count; i++) {
        uint8_t key[KV_KEY_BYTES];
        kv_key(bench_hash(self->random++) % n, key);
        must(self, sqlite3_bind_blob(self->get, 1, key, sizeof key, SQLITE_STATIC), "bind");
        if (sqlite3_step(self->get) != SQLITE_ROW) {
            bench_fail("sqlite: a record is missing");
        }
        sum += *(const uint8_t *)sqlite3_column_blob(self->get, 0) +
               (uint64_t)sqlite3_column_bytes(self->get, 0);
        must(self, sqlite3_reset(self->get), "get");
    }
    run(self, "commit");
    if (sum == 0) {
        bench_fail("sqlite: values of nothing");
    }
}

static void peer_commit_durable(void *engine, uint64_t n, uint64_t count)
{
    peer *self = engine;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = bench_hash(self->random++) % n;
        put_batch(self, number, number + 1);
    }
}

const kv_engine kv_sqlite3 = {.name = "sqlite",
                              .open = peer_open,
                              .close = peer_close,
                              .load = peer_load,
                              .get_random = peer_get_random,
                              .commit_durable = peer_commit_durable};
