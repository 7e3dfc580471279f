/* kv_protobase.c - ProtoBase under the key-value workload, through the public C API. */
#include "kv.h"

#include <protobase/protobase.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOT "kv"

typedef struct {
    pbase_space *space;
    pbase_database *database;
    bool durable;
} ours;

typedef struct {
    ours *of;
    pbase_txn *txn;
    pbase_dict *writes;
    pbase_snapshot *snapshot;
    pbase_dict *reads;
    pbase_reader *reader;
} ours_session;

static void must(pbase_status status, const pbase_error *err, const char *what)
{
    if (status != PBASE_OK) {
        bench_fail("protobase: %s: %s: %s", what, pbase_status_name(status), err->message);
    }
}

/* ------------------------------------------------------------------------- life of a space ---- */

static ours *open_with(const char *folder, bool durable, const char *const *sets, size_t set_count)
{
    pbase_error err;
    pbase_error_init(&err);
    ours *self = bench_new(sizeof *self);
    pbase_config_source config = PBASE_CONFIG_SOURCE_INIT;
    config.data = folder;
    config.sets = sets;
    config.set_count = set_count;
    self->durable = durable;
    must(pbase_space_open(&config, NULL, &self->space, &err), &err, "open");
    must(pbase_database_ensure(self->space, "main", &self->database, &err), &err, "database");
    return self;
}

static void *ours_open(const char *folder, const kv_open_options *options)
{
    return open_with(folder, options->durable, NULL, 0);
}

static void ours_sync(void *engine)
{
    pbase_error err;
    pbase_error_init(&err);
    must(pbase_space_sync(((ours *)engine)->space, NULL, &err), &err, "sync");
}

static void ours_settle(void *engine)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_compact_report report;
    must(pbase_space_compact(((ours *)engine)->space, NULL, &report, &err), &err, "compact");
}

static void ours_close(void *engine)
{
    ours *self = engine;
    pbase_database_close(self->database);
    pbase_space_close(self->space);
    free(self);
}

static pbase_status hear_parts(void *seconds, const char *name, uint64_t value, const char *unit,
                               pbase_error *err)
{
    (void)unit;
    (void)err;
    if (strcmp(name, "open_parts_ns") == 0) {
        *(double *)seconds = (double)value * 1e-9;
    }
    return PBASE_OK;
}

static double ours_open_parts(void *engine)
{
    pbase_error err;
    pbase_error_init(&err);
    double seconds = 0;
    must(pbase_space_stats(((ours *)engine)->space, hear_parts, &seconds, &err), &err, "figures");
    return seconds;
}

static void *ours_session_open(void *engine)
{
    pbase_error err;
    pbase_error_init(&err);
    ours_session *self = bench_new(sizeof *self);
    self->of = engine;
    must(pbase_reader_create(NULL, &self->reader, &err), &err, "reader");
    return self;
}

static void ours_session_close(void *session)
{
    ours_session *self = session;
    pbase_reader_close(self->reader);
    free(self);
}

/* ------------------------------------------------------------------------------- writing ------ */

static pbase_value key_value(const uint8_t *key)
{
    return pbase_value_bytes(pbase_bytes_of(key, KV_KEY_BYTES));
}

static void ours_write_begin(void *session)
{
    pbase_error err;
    pbase_error_init(&err);
    ours_session *self = session;
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = self->of->durable ? PBASE_DURABILITY_SYNC : PBASE_DURABILITY_NONE;
    must(pbase_txn_begin(self->of->database, &options, &self->txn, &err), &err, "begin");
    pbase_status status = pbase_txn_dict(self->txn, ROOT, &self->writes, &err);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_dict(self->txn, &self->writes, &err);
    }
    must(status, &err, "dictionary");
}

static void ours_put(void *session, const uint8_t *key, kv_view value)
{
    ours_session *self = session;
    pbase_error err; /* filled when a call fails */
    pbase_value named = key_value(key);
    pbase_bytes bytes = pbase_bytes_of(value.data, value.size);
    must(pbase_dict_put_bytes(&self->writes, &named, bytes, NULL, &err), &err, "put");
}

static bool ours_write_commit(void *session)
{
    pbase_error err;
    pbase_error_init(&err);
    ours_session *self = session;
    must(pbase_txn_store_dict(self->txn, ROOT, self->writes, &err), &err, "store");
    pbase_dict_close(self->writes);
    pbase_status status = pbase_txn_commit(&self->txn, NULL, NULL, &err);
    if (status == PBASE_CONFLICT) {
        return false;
    }
    must(status, &err, "commit");
    return true;
}

/* ------------------------------------------------------------------------------- reading ------ */

static void ours_read_begin(void *session)
{
    pbase_error err;
    pbase_error_init(&err);
    ours_session *self = session;
    must(pbase_snapshot_open(self->of->database, &self->snapshot, &err), &err, "snapshot");
    must(pbase_snapshot_dict(self->snapshot, ROOT, &self->reads, &err), &err, "dictionary");
}

static bool ours_get(void *session, const uint8_t *key, kv_view *out)
{
    ours_session *self = session;
    pbase_error err;
    pbase_bytes value;
    pbase_value named = key_value(key);
    pbase_status status = pbase_dict_get_bytes(self->reads, &named, self->reader, &value, &err);
    if (status != PBASE_OK) {
        return false;
    }
    *out = (kv_view){value.data, value.size};
    return true;
}

static void ours_get_many(void *session, const uint8_t *keys, kv_view *out)
{
    ours_session *self = session;
    pbase_error err;
    pbase_value named[KV_MANY];
    pbase_bytes values[KV_MANY];
    pbase_error_init(&err);
    for (size_t i = 0; i < KV_MANY; i++) {
        named[i] = key_value(keys + i * KV_KEY_BYTES);
    }
    must(pbase_dict_get_many(self->reads, named, KV_MANY, self->reader, values, &err), &err,
         "get many");
    for (size_t i = 0; i < KV_MANY; i++) {
        if (values[i].data == NULL) {
            bench_fail("protobase: a record is missing");
        }
        out[i] = (kv_view){values[i].data, values[i].size};
    }
}

static uint64_t ours_scan(void *session, const uint8_t *key, uint64_t limit, uint64_t *sum)
{
    ours_session *self = session;
    pbase_error err;
    pbase_error_init(&err);
    pbase_cursor *cursor = NULL;
    pbase_range range = {.struct_size = sizeof range};
    pbase_value from;
    uint64_t count = 0;
    if (key != NULL) {
        from = key_value(key);
        range.from = &from;
    }
    must(pbase_dict_cursor(self->reads, &range, &cursor, &err), &err, "cursor");
    while (count < limit && pbase_cursor_next(cursor, &err) == PBASE_OK) {
        pbase_bytes value;
        must(pbase_cursor_bytes(cursor, &value, &err), &err, "cursor");
        *sum += kv_touch(value.data, value.size);
        count++;
    }
    pbase_cursor_close(cursor);
    return count;
}

static void ours_read_end(void *session)
{
    ours_session *self = session;
    pbase_reader_reset(self->reader);
    pbase_dict_close(self->reads);
    pbase_snapshot_close(self->snapshot);
}

/* --------------------------------------------------------------------------------- crash ------ */

void kv_protobase_crash(const char *folder, uint64_t bytes)
{
    static const char *const sets[] = {"storage.checkpoint_bytes=1GiB"};
    ours *self = open_with(folder, false, sets, 1);
    ours_session *session = ours_session_open(self);
    uint64_t record = KV_KEY_BYTES + KV_VALUE_BYTES + 12, number = 0;
    uint8_t key[KV_KEY_BYTES], value[KV_VALUE_BYTES];
    while (number * record < bytes) {
        ours_write_begin(session);
        for (unsigned i = 0; i < 100; i++, number++) {
            kv_key(number, false, key);
            bench_fill(number, value, sizeof value);
            ours_put(session, key, (kv_view){value, sizeof value});
        }
        (void)ours_write_commit(session); /* nobody else writes */
    }
    ours_sync(self);
    (void)kill(getpid(), SIGKILL);
    _exit(1);
}

const kv_engine kv_protobase = {.name = "protobase",
                                .loads_in_one = true,
                                .open = ours_open,
                                .sync = ours_sync,
                                .settle = ours_settle,
                                .close = ours_close,
                                .session_open = ours_session_open,
                                .session_close = ours_session_close,
                                .write_begin = ours_write_begin,
                                .put = ours_put,
                                .write_commit = ours_write_commit,
                                .read_begin = ours_read_begin,
                                .get = ours_get,
                                .get_many = ours_get_many,
                                .scan = ours_scan,
                                .read_end = ours_read_end,
                                .open_parts = ours_open_parts};
