/* test_blob.c - blobs: streamed in and out, in constant memory, seen whole or not at all. */
#include "fault_alloc.h"
#include "os/os.h"
#include "seed.h"
#include "space_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static pbase_txn *begin_txn(void)
{
    return fixture_begin(&f, PBASE_SERIALIZABLE);
}

/* Byte `at` of the stream `seed`: so content of any length needs no memory to be checked. */
static void fill(uint64_t seed, uint64_t at, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint64_t word = (at + i) / 8 * 0x9e3779b97f4a7c15u ^ seed;
        word ^= word >> 29;
        word *= 0xbf58476d1ce4e5b9u;
        out[i] = (uint8_t)(word >> 8 * ((at + i) % 8));
    }
}

static void append_stream(pbase_blob *blob, uint64_t seed, uint64_t size, size_t step)
{
    uint8_t *buffer = malloc(step);
    uint64_t from = pbase_blob_size(blob);
    assert_non_null(buffer);
    for (uint64_t at = 0; at < size;) {
        size_t part = size - at < step ? (size_t)(size - at) : step;
        fill(seed, from + at, buffer, part);
        assert_int_equal(pbase_blob_append(blob, pbase_bytes_of(buffer, part), NULL), PBASE_OK);
        at += part;
    }
    free(buffer);
}

static void put_blob(pbase_txn *txn, int64_t key, pbase_blob *blob)
{
    pbase_dict *files = fixture_dict(txn, "files");
    pbase_value k = pbase_value_int(key), document;
    assert_int_equal(pbase_blob_value(blob, &document, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_put(&files, &k, &document, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "files", files, NULL), PBASE_OK);
    pbase_dict_close(files);
}

/* In a transaction of its own. */
static void write_blob(int64_t key, uint64_t seed, uint64_t size, size_t step)
{
    pbase_txn *txn = begin_txn();
    pbase_blob *blob = NULL;
    assert_int_equal(pbase_blob_create(txn, "name", "text/plain", &blob, NULL), PBASE_OK);
    append_stream(blob, seed, size, step);
    put_blob(txn, key, blob);
    pbase_blob_close(blob);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

/* NULL when there is none. */
static pbase_blob *open_blob(const pbase_snapshot *snapshot, int64_t key)
{
    pbase_value path[] = {pbase_value_int(key), pbase_value_text("content")};
    pbase_collection *content = NULL;
    pbase_blob *blob = NULL;
    if (pbase_snapshot_at(snapshot, "files", path, 2, &content, NULL) == PBASE_OK) {
        assert_int_equal(pbase_blob_open(NULL, &content, &blob, NULL), PBASE_OK);
    }
    return blob;
}

static void check_range(pbase_blob *blob, uint64_t seed, uint64_t at, size_t size)
{
    uint8_t *read = malloc(size), *expected = malloc(size);
    size_t got = 0;
    assert_true(read != NULL && expected != NULL);
    uint64_t left = at < pbase_blob_size(blob) ? pbase_blob_size(blob) - at : 0;
    assert_int_equal(pbase_blob_read(blob, at, read, size, &got, NULL), PBASE_OK);
    assert_int_equal(got, left < size ? left : size);
    fill(seed, at, expected, got);
    assert_memory_equal(read, expected, got);
    free(read);
    free(expected);
}

static void check_all(pbase_blob *blob, uint64_t seed, uint64_t size)
{
    assert_non_null(blob);
    assert_int_equal(pbase_blob_size(blob), size);
    for (uint64_t at = 0; at <= size; at += 1000003) {
        check_range(blob, seed, at, 1000003);
    }
}

static void check_committed(int64_t key, uint64_t seed, uint64_t size)
{
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    pbase_blob *blob = open_blob(snapshot, key);
    check_all(blob, seed, size);
    pbase_blob_close(blob);
    pbase_snapshot_close(snapshot);
}

/* -------------------------------------------------------------------------------- content ---- */

static void blobs_of_every_size_come_back_as_they_were(void **unused)
{
    (void)unused;
    static const uint64_t sizes[] = {0,      1,      511,    513,     262143,  262144,
                                     262145, 524288, 524289, 3000000, 20000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        write_blob((int64_t)i, i, sizes[i], 70001);
        check_committed((int64_t)i, i, sizes[i]);
    }
    if (f.has_dir) {
        fixture_reopen(&f);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            check_committed((int64_t)i, i, sizes[i]);
        }
    }
}

static void any_range_can_be_read(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("blob"));
    write_blob(1, 9, 5000000, 100000);
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    pbase_blob *blob = open_blob(snapshot, 1);
    for (int i = 0; i < 200; i++) {
        check_range(blob, 9, seed_below(&random, 5100000), (size_t)seed_below(&random, 600000) + 1);
    }
    assert_int_equal(pbase_blob_append(blob, pbase_bytes_text("x"), NULL), PBASE_READ_ONLY);
    pbase_blob_close(blob);
    pbase_snapshot_close(snapshot);
}

static void a_blob_is_a_document_with_name_type_and_size(void **unused)
{
    (void)unused;
    pbase_arena arena;
    pbase_value key = pbase_value_int(1), document;
    pbase_snapshot *snapshot = NULL;
    pbase_dict *files = NULL;
    pbase_collection *content = NULL;
    pbase_blob *blob = NULL;
    write_blob(1, 3, 300000, 65536);
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_dict(snapshot, "files", &files, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_get(files, &key, &arena, &document, NULL), PBASE_OK);
    assert_int_equal(pbase_value_field(&document, pbase_bytes_text("size"))->as.integer, 300000);
    assert_int_equal(pbase_dict_child(files, &key, 0, &content, NULL), PBASE_OK);
    assert_int_equal(pbase_blob_open(&document, &content, &blob, NULL), PBASE_OK);
    assert_null(content);
    assert_true(pbase_bytes_equal(pbase_blob_name(blob), pbase_bytes_text("name")));
    assert_true(pbase_bytes_equal(pbase_blob_media_type(blob), pbase_bytes_text("text/plain")));
    pbase_blob_close(blob);
    pbase_dict_close(files);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
}

static void a_stored_blob_can_be_continued(void **unused)
{
    (void)unused;
    write_blob(1, 5, 262144 + 100, 50000);
    for (uint64_t size = 262244; size < 1300000; size += 300001) {
        pbase_value path[] = {pbase_value_int(1), pbase_value_text("content")};
        pbase_txn *txn = begin_txn();
        pbase_collection *content = NULL;
        pbase_blob *blob = NULL;
        assert_int_equal(pbase_txn_at(txn, "files", path, 2, &content, NULL), PBASE_OK);
        assert_int_equal(pbase_blob_open(NULL, &content, &blob, NULL), PBASE_OK);
        append_stream(blob, 5, 300001, 77777);
        check_all(blob, 5, size + 300001);
        put_blob(txn, 1, blob);
        pbase_blob_close(blob);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        check_committed(1, 5, size + 300001);
    }
}

static void one_blob_in_two_places_is_two(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_blob *blob = NULL;
    assert_int_equal(pbase_blob_create(txn, "", "", &blob, NULL), PBASE_OK);
    append_stream(blob, 7, 1000000, 100000);
    put_blob(txn, 1, blob);
    append_stream(blob, 7, 500000, 100000); /* after the put: in the second one only */
    put_blob(txn, 2, blob);
    pbase_blob_close(blob);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    check_committed(1, 7, 1000000);
    check_committed(2, 7, 1500000);
}

/* ---------------------------------------------------------------------------- transactions --- */

static void abort_leaves_nothing_to_be_seen(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_blob *blob = NULL;
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_blob_create(txn, "", "", &blob, NULL), PBASE_OK);
    append_stream(blob, 1, 20000000, 1000000);
    put_blob(txn, 1, blob);
    pbase_blob_close(blob);
    pbase_txn_abort(&txn);
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_null(open_blob(snapshot, 1));
    pbase_snapshot_close(snapshot);
}

static void overwriting_its_document_ends_a_blob(void **unused)
{
    (void)unused;
    write_blob(1, 1, 3000000, 1000000);
    assert_int_equal(fixture_put_one(&f, "files", 1, 5), PBASE_OK);
    assert_int_equal(fixture_get(&f, "files", 1), 5);
    fixture_assert_clean(&f); /* finds no orphan */
}

static void what_is_no_blob_and_what_is_too_large_for_a_value_is_refused(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_list *list = NULL;
    pbase_blob *blob = NULL;
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    pbase_collection *content = NULL;
    assert_int_equal(pbase_collection_keep(pbase_list_as_collection(list), &content, NULL),
                     PBASE_OK);
    assert_int_equal(pbase_blob_open(NULL, &content, &blob, NULL), PBASE_INVALID);
    assert_null(content);
    size_t size = PBASE_VALUE_BYTES_MAX + 1u;
    uint8_t *bytes = calloc(1, size);
    pbase_value large = pbase_value_bytes(pbase_bytes_of(bytes, size));
    assert_int_equal(pbase_list_append(&list, &large, &err), PBASE_LIMIT);
    assert_non_null(strstr(err.hint, "blob"));
    free(bytes);
    pbase_list_close(list);
    pbase_txn_abort(&txn);
}

/* ---------------------------------------------------------------------------------- memory --- */

static void a_large_blob_takes_little_memory(void **unused)
{
    (void)unused;
    uint64_t size = (seed_is_long_run() ? 2048ull : 200ull) << 20, peak = 0;
    fault_alloc counted;
    temp_dir dir;
    fault_alloc_init(&counted);
    pbase_os os = *pbase_os_real();
    os.memory = &counted.alloc;
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), &os);
    fixture_open(&f);
    uint64_t before = fault_alloc_live_bytes(&counted);

    pbase_txn *txn = begin_txn();
    pbase_blob *blob = NULL;
    assert_int_equal(pbase_blob_create(txn, "", "", &blob, NULL), PBASE_OK);
    for (uint64_t at = 0; at < size; at += 1u << 20) {
        append_stream(blob, 4, 1u << 20, 1u << 20);
        uint64_t live = fault_alloc_live_bytes(&counted) - before;
        peak = live > peak ? live : peak;
    }
    put_blob(txn, 1, blob);
    pbase_blob_close(blob);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    uint64_t written = peak;
    check_committed(1, 4, size);
    uint64_t live = fault_alloc_live_bytes(&counted) - before;
    print_message("%llu MiB: at most %llu KiB of memory while it was written, %llu KiB held after "
                  "it was read\n",
                  (unsigned long long)(size >> 20), (unsigned long long)(written >> 10),
                  (unsigned long long)(live >> 10));
    assert_true(written < 32u << 20);
    assert_true(live < 96u << 20); /* the caches of the space among it */
    fixture_reopen(&f);
    check_committed(1, 4, size);
    fixture_close(&f);
    assert_int_equal(fault_alloc_live_bytes(&counted), 0);
    temp_dir_remove(&dir);
}

#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, begin_memory, end)
#define ON_FILES(test) cmocka_unit_test_setup_teardown(test, begin_file, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(blobs_of_every_size_come_back_as_they_were),
        ON_FILES(blobs_of_every_size_come_back_as_they_were),
        ON_FILES(any_range_can_be_read),
        IN_MEMORY(a_blob_is_a_document_with_name_type_and_size),
        IN_MEMORY(a_stored_blob_can_be_continued),
        ON_FILES(a_stored_blob_can_be_continued),
        ON_FILES(one_blob_in_two_places_is_two),
        ON_FILES(abort_leaves_nothing_to_be_seen),
        IN_MEMORY(overwriting_its_document_ends_a_blob),
        IN_MEMORY(what_is_no_blob_and_what_is_too_large_for_a_value_is_refused),
        cmocka_unit_test(a_large_blob_takes_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
