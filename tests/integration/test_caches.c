/* test_caches.c - spaces whose every read goes through the caches give the same content, whatever
 * the limits are, and tell what the caches did. */
#include "os/os.h"
#include "space_fixture.h"

#include <inttypes.h>
#include <protobase/stats.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

#define ENTRIES 3000
#define THREADS 4u

static space_fixture fixture;

static const char config_text[] = "version: 1\n"
                                  "storage: {type: file, map: never, checkpoint_bytes: 64KiB,\n"
                                  "          blocks: {type: file, path: '%s'}}\n"
                                  "codecs: [msgpack%s]\n";

static void open_strict(const char *transform, const char *const *sets)
{
    static char text[PATH_MAX + 256];
    temp_dir dir;
    temp_dir_create(&dir);
    (void)snprintf(text, sizeof text, config_text, temp_dir_path(&dir, "data"), transform);
    fixture_prepare(&fixture, NULL, NULL);
    fixture.dir = dir;
    fixture.has_dir = true;
    fixture.source.memory = 0;
    fixture.source.data = NULL;
    fixture.source.text = text;
    for (; *sets != NULL; sets++) {
        fixture_set(&fixture, *sets);
    }
    fixture_open(&fixture);
}

static void fill(int64_t version)
{
    pbase_txn *txn = fixture_begin(&fixture, PBASE_SERIALIZABLE);
    pbase_error err;
    pbase_dict *dict = fixture_dict(txn, "things");
    for (int64_t i = 0; i < ENTRIES; i++) {
        fixture_put(&dict, i, version * ENTRIES + i);
    }
    assert_ok(pbase_txn_store_dict(txn, "things", dict, &err), &err);
    pbase_dict_close(dict);
    assert_ok(fixture_commit(&txn), &err);
}

/* Every entry of a snapshot is of one and the same version; yields it. */
static int64_t read_all(void)
{
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_cursor *cursor = NULL;
    pbase_error err;
    int64_t count = 0, version = 0;
    assert_ok(pbase_snapshot_open(fixture.database, &snapshot, &err), &err);
    assert_ok(pbase_snapshot_dict(snapshot, "things", &dict, &err), &err);
    assert_ok(pbase_dict_cursor(dict, NULL, &cursor, &err), &err);
    while (pbase_cursor_next(cursor, &err) == PBASE_OK) {
        pbase_value value;
        assert_ok(pbase_cursor_value(cursor, &value, &err), &err);
        version = value.as.integer / ENTRIES;
        assert_int_equal(value.as.integer, version * ENTRIES + count);
        count++;
    }
    assert_int_equal(count, ENTRIES);
    pbase_cursor_close(cursor);
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    return version;
}

typedef struct {
    const char *name;
    uint64_t value;
} wanted_figure;

static pbase_status take_figure(void *state, const char *name, uint64_t value, const char *unit,
                                pbase_error *err)
{
    wanted_figure *wanted = state;
    (void)unit;
    (void)err;
    if (strcmp(name, wanted->name) == 0) {
        wanted->value = value;
    }
    return PBASE_OK;
}

static uint64_t figure(const char *name)
{
    wanted_figure wanted = {name, UINT64_MAX};
    pbase_error err;
    assert_ok(pbase_space_stats(fixture.space, take_figure, &wanted, &err), &err);
    assert_true(wanted.value != UINT64_MAX);
    return wanted.value;
}

static void checkpoint(void)
{
    pbase_error err;
    assert_ok(pbase_space_checkpoint(fixture.space, NULL, &err), &err);
}

/* -------------------------------------------------------------------------------- tests ---- */

static void content_is_the_same_under_every_limit(void **unused)
{
    static const char *const limits[][4] = {
        {"storage.object_cache_size=0", "storage.bytes_cache_size=0", NULL, NULL},
        {"storage.object_cache_size=16KiB", "storage.cache_stripes=1", NULL, NULL},
        {"storage.object_cache_entries=3", "storage.bytes_cache_entries=3", NULL, NULL},
        {"storage.cache_write_through=false", NULL, NULL, NULL},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        open_strict(i % 2 == 0 ? ", zstd" : "", limits[i]);
        fill(1);
        checkpoint();
        assert_int_equal(read_all(), 1);
        fixture_reopen(&fixture);
        assert_int_equal(read_all(), 1);
        fixture_assert_clean(&fixture);
        fixture_end(&fixture);
    }
}

static void what_a_checkpoint_wrote_is_read_without_a_load(void **unused)
{
    static const char *const sets[] = {NULL};
    (void)unused;
    open_strict(", zstd", sets);
    fill(1);
    checkpoint();
    uint64_t before = figure("object_cache_misses");
    assert_int_equal(read_all(), 1);
    assert_int_equal(figure("object_cache_misses"), before);
    assert_true(figure("object_cache_hits") > 0);
    fixture_end(&fixture);
}

static void what_the_object_cache_gave_up_comes_from_the_bytes_cache(void **unused)
{
    static const char *const sets[] = {"storage.object_cache_entries=1",
                                       "storage.cache_write_through=false", NULL};
    (void)unused;
    open_strict(", zstd", sets);
    fill(1);
    checkpoint();
    assert_int_equal(read_all(), 1);
    uint64_t before = figure("bytes_cache_misses");
    assert_int_equal(read_all(), 1);
    assert_int_equal(figure("bytes_cache_misses"), before);
    assert_true(figure("bytes_cache_hits") > 0);
    assert_true(figure("object_cache_load_p99") >= figure("object_cache_load_p50"));
    fixture_end(&fixture);
}

static _Atomic bool writing;

static void read_on(void *unused)
{
    (void)unused;
    int64_t newest = 0;
    do {
        int64_t version = read_all();
        assert_true(version >= newest);
        newest = version;
    } while (atomic_load(&writing));
}

static void many_threads_read_one_content_while_checkpoints_run(void **unused)
{
    static const char *const sets[] = {"storage.object_cache_size=64KiB",
                                       "storage.bytes_cache_size=64KiB", NULL};
    (void)unused;
    pbase_error err;
    pbase_os_thread *threads[THREADS];
    open_strict(", zstd", sets);
    const pbase_os *os = pbase_os_real();
    fill(0);
    atomic_store(&writing, true);
    for (size_t i = 0; i < THREADS; i++) {
        assert_ok(os->thread->start(os, "reader", read_on, NULL, &threads[i], &err), &err);
    }
    for (int64_t version = 1; version <= 10; version++) {
        fill(version);
        checkpoint();
    }
    atomic_store(&writing, false);
    for (size_t i = 0; i < THREADS; i++) {
        os->thread->join(threads[i]);
    }
    assert_int_equal(read_all(), 10);
    assert_true(figure("object_cache_bytes") <= 64u << 10);
    fixture_assert_clean(&fixture);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_the_same_under_every_limit),
        cmocka_unit_test(what_a_checkpoint_wrote_is_read_without_a_load),
        cmocka_unit_test(what_the_object_cache_gave_up_comes_from_the_bytes_cache),
        cmocka_unit_test(many_threads_read_one_content_while_checkpoints_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
