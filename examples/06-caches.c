/* 06-caches.c - cold and warm reads of a compressed space that is read without a map.
 *
 * The object cache is too small for everything, so the second round finds the rest in the bytes
 * cache: compressed still, but no read of a file any more. */
#include <protobase/protobase.h>
#include <protobase/stats.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT 20000

static const char configuration[] = "version: 1\n"
                                    "storage:\n"
                                    "  type: file\n"
                                    "  map: never\n"
                                    "  object_cache_size: 1MiB\n"
                                    "  bytes_cache_size: 16MiB\n"
                                    "  cache_write_through: false\n"
                                    "  blocks: {type: file, path: ./caches-data}\n"
                                    "codecs: [msgpack, zstd]\n";

static pbase_status fill(pbase_txn *txn, void *state, pbase_error *err)
{
    (void)state;
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_new_dict(txn, &dict, err);
    for (int64_t i = 0; i < COUNT && status == PBASE_OK; i++) {
        char text[96];
        (void)snprintf(text, sizeof text, "a value of some length, number %06" PRId64, i);
        pbase_value key = pbase_value_int(i), value = pbase_value_text(text);
        status = pbase_dict_put(&dict, &key, &value, NULL, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_dict(txn, "things", dict, err);
    }
    pbase_dict_close(dict);
    return status;
}

static pbase_status read_all(pbase_database *database, pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_cursor *cursor = NULL;
    pbase_status status = pbase_snapshot_open(database, &snapshot, err);
    status = status == PBASE_OK ? pbase_snapshot_dict(snapshot, "things", &dict, err) : status;
    status = status == PBASE_OK ? pbase_dict_cursor(dict, NULL, &cursor, err) : status;
    while (status == PBASE_OK) {
        status = pbase_cursor_next(cursor, err);
    }
    pbase_cursor_close(cursor);
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status print_figure(void *state, const char *name, uint64_t value, const char *unit,
                                 pbase_error *err)
{
    (void)state;
    (void)unit;
    (void)err;
    if (strcmp(name, "object_cache_misses") == 0 || strcmp(name, "bytes_cache_hits") == 0) {
        printf("  %s: %" PRIu64 "\n", name, value);
    }
    return PBASE_OK;
}

static pbase_status run(pbase_space *space, pbase_error *err)
{
    pbase_database *database = NULL;
    pbase_status status = pbase_database_ensure(space, "main", &database, err);
    status = status == PBASE_OK ? pbase_txn_run(database, NULL, NULL, fill, NULL, err) : status;
    status = status == PBASE_OK ? pbase_space_checkpoint(space, NULL, err) : status;
    for (int round = 1; round <= 2 && status == PBASE_OK; round++) {
        status = read_all(database, err);
        printf("after round %d:\n", round);
        status = status == PBASE_OK ? pbase_space_stats(space, print_figure, NULL, err) : status;
    }
    pbase_database_close(database);
    return status;
}

int main(void)
{
    pbase_error err;
    pbase_space *space = NULL;
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.text = configuration;
    pbase_error_init(&err);
    pbase_status status = pbase_space_open(&source, NULL, &space, &err);
    status = status == PBASE_OK ? run(space, &err) : status;
    pbase_space_close(space);
    if (status != PBASE_OK) {
        (void)fprintf(stderr, "06-caches: %s\n", err.message);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
