/* kv_protobase.c - ProtoBase under the key-value workloads, through the public C API. */
#include "kv_engine.h"

#include <protobase/protobase.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
    pbase_space *space;
    pbase_database *database;
    uint64_t random;
} ours;

static void must(pbase_status status, const pbase_error *err, const char *what)
{
    if (status != PBASE_OK) {
        bench_fail("protobase: %s: %s: %s", what, pbase_status_name(status), err->message);
    }
}

static void *open_with(const char *folder, const char *const *sets, size_t set_count)
{
    pbase_error err;
    pbase_error_init(&err);
    ours *self = calloc(1, sizeof *self);
    pbase_config_source config = PBASE_CONFIG_SOURCE_INIT;
    config.data = folder;
    config.sets = sets;
    config.set_count = set_count;
    if (self == NULL) {
        bench_fail("no memory");
    }
    must(pbase_space_open(&config, NULL, &self->space, &err), &err, "open");
    must(pbase_database_ensure(self->space, "main", &self->database, &err), &err, "database");
    return self;
}

static void *ours_open(const char *folder)
{
    return open_with(folder, NULL, 0);
}

static void ours_close(void *engine)
{
    ours *self = engine;
    pbase_database_close(self->database);
    pbase_space_close(self->space);
    free(self);
}

static pbase_value key_value(uint64_t number, uint8_t out[KV_KEY_BYTES])
{
    kv_key(number, out);
    return pbase_value_bytes(pbase_bytes_of(out, KV_KEY_BYTES));
}

static void put_record(pbase_dict **dict, uint64_t number, uint64_t version)
{
    pbase_error err;
    uint8_t key_bytes[KV_KEY_BYTES], value[KV_VALUE_BYTES];
    pbase_error_init(&err);
    pbase_value key = key_value(number, key_bytes);
    bench_fill(number + version, value, sizeof value);
    must(pbase_dict_put_bytes(dict, &key, pbase_bytes_of(value, sizeof value), NULL, &err), &err,
         "put");
}

/* Puts records first..end-1 in one transaction. */
static void put_batch(ours *self, uint64_t first, uint64_t end, int32_t durability)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = durability;
    must(pbase_txn_begin(self->database, &options, &txn, &err), &err, "begin");
    pbase_status status = pbase_txn_dict(txn, "kv", &dict, &err);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_dict(txn, &dict, &err);
    }
    must(status, &err, "dictionary");
    for (uint64_t i = first; i < end; i++) {
        put_record(&dict, i, 0);
    }
    must(pbase_txn_store_dict(txn, "kv", dict, &err), &err, "store");
    pbase_dict_close(dict);
    must(pbase_txn_commit(&txn, NULL, NULL, &err), &err, "commit");
}

static void ours_load(void *engine, uint64_t n, uint64_t batch)
{
    ours *self = engine;
    pbase_error err;
    pbase_error_init(&err);
    for (uint64_t i = 0; i < n; i += batch) {
        put_batch(self, i, i + batch < n ? i + batch : n, PBASE_DURABILITY_NONE);
    }
    must(pbase_space_checkpoint(self->space, NULL, &err), &err, "checkpoint");
}

static void ours_get_random(void *engine, uint64_t n, uint64_t count)
{
    ours *self = engine;
    pbase_error err;
    pbase_error_init(&err);
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_reader *reader = NULL;
    must(pbase_snapshot_open(self->database, &snapshot, &err), &err, "snapshot");
    must(pbase_snapshot_dict(snapshot, "kv", &dict, &err), &err, "dictionary");
    must(pbase_reader_create(NULL, &reader, &err), &err, "reader");
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t bytes[KV_KEY_BYTES];
        pbase_bytes value;
        pbase_value key = key_value(bench_hash(self->random++) % n, bytes);
        must(pbase_dict_get_bytes(dict, &key, reader, &value, &err), &err, "get");
        sum += value.data[0] + value.size;
    }
    if (sum == 0) {
        bench_fail("protobase: values of nothing");
    }
    pbase_reader_close(reader);
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
}

static void ours_commit_durable(void *engine, uint64_t n, uint64_t count)
{
    ours *self = engine;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = bench_hash(self->random++) % n;
        put_batch(self, number, number + 1, PBASE_DURABILITY_SYNC);
    }
}

void kv_protobase_crash(const char *folder, uint64_t bytes)
{
    static const char *const sets[] = {"storage.checkpoint_bytes=1GiB"};
    ours *self = open_with(folder, sets, 1);
    uint64_t record = KV_KEY_BYTES + KV_VALUE_BYTES + 12;
    for (uint64_t i = 0; i * record < bytes; i += 100) {
        put_batch(self, i, i + 100, PBASE_DURABILITY_NONE);
    }
    pbase_error err;
    pbase_error_init(&err);
    must(pbase_space_sync(self->space, NULL, &err), &err, "sync");
    (void)kill(getpid(), SIGKILL);
    _exit(1);
}

const kv_engine kv_protobase = {.name = "protobase",
                                .open = ours_open,
                                .close = ours_close,
                                .load = ours_load,
                                .get_random = ours_get_random,
                                .commit_durable = ours_commit_durable};
