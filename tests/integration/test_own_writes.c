/* test_own_writes.c - a transaction reads what it wrote, through every way of reading there is. */
#include "space_fixture.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static space_fixture f;
static pbase_txn *txn;

/* "d" holds 0..9 committed, and the transaction has put 100..104, changed 1 and removed 2. */
static int begin(void **unused)
{
    (void)unused;
    fixture_memory(&f);
    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    for (int64_t key = 0; key < 10; key++) {
        fixture_put(&dict, key, key);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    dict = fixture_dict(txn, "d");
    pbase_value two = pbase_value_int(2);
    for (int64_t key = 100; key < 105; key++) {
        fixture_put(&dict, key, key);
    }
    fixture_put(&dict, 1, -1);
    assert_int_equal(pbase_dict_remove(&dict, &two, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    pbase_txn_abort(&txn);
    fixture_end(&f);
    return 0;
}

/* The keys a cursor gives, as "1 3 ". */
static void keys_of(pbase_cursor *cursor, char out[256])
{
    size_t used = 0;
    pbase_status status = PBASE_OK;
    out[0] = '\0';
    while ((status = pbase_cursor_next(cursor, NULL)) == PBASE_OK) {
        pbase_value key;
        assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
        used += (size_t)snprintf(out + used, 256 - used, "%" PRId64 " ", key.as.integer);
    }
    assert_int_equal(status, PBASE_END);
    pbase_cursor_close(cursor);
}

static void by_key(void **unused)
{
    (void)unused;
    pbase_arena arena;
    pbase_reader *reader = NULL;
    pbase_value put = pbase_value_int(100), changed = pbase_value_int(1), gone = pbase_value_int(2);
    pbase_value value;
    pbase_bytes bytes;
    bool has = false;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_reader_create(NULL, &reader, NULL), PBASE_OK);
    pbase_dict *dict = fixture_dict(txn, "d");
    assert_int_equal(pbase_dict_get(dict, &put, &arena, &value, NULL), PBASE_OK);
    assert_int_equal(value.as.integer, 100);
    assert_int_equal(pbase_dict_get(dict, &changed, &arena, &value, NULL), PBASE_OK);
    assert_int_equal(value.as.integer, -1);
    assert_int_equal(pbase_dict_get(dict, &gone, &arena, &value, NULL), PBASE_NOT_FOUND);
    assert_int_equal(pbase_dict_get_bytes(dict, &put, reader, &bytes, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_get_bytes(dict, &gone, reader, &bytes, NULL), PBASE_NOT_FOUND);
    assert_int_equal(pbase_dict_has(dict, &put, &has, NULL), PBASE_OK);
    assert_true(has);
    assert_int_equal(pbase_dict_has(dict, &gone, &has, NULL), PBASE_OK);
    assert_false(has);
    pbase_reader_close(reader);
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
}

static void by_counts(void **unused)
{
    (void)unused;
    uint64_t count = 0;
    pbase_value low = pbase_value_int(1), high = pbase_value_int(101);
    pbase_range range = {.struct_size = sizeof range, .from = &low, .to = &high};
    pbase_dict *dict = fixture_dict(txn, "d");
    assert_int_equal(pbase_dict_count(dict, &count, NULL), PBASE_OK);
    assert_int_equal(count, 14);
    assert_int_equal(pbase_dict_count_range(dict, &range, &count, NULL), PBASE_OK);
    assert_int_equal(count, 10); /* 1, 3..9, 100, 101 */
    pbase_dict_close(dict);
}

static void by_cursors_both_ways_and_after_a_seek(void **unused)
{
    (void)unused;
    char keys[256];
    pbase_cursor *cursor = NULL;
    pbase_value low = pbase_value_int(8), high = pbase_value_int(102), at = pbase_value_int(2);
    pbase_range up = {.struct_size = sizeof up, .from = &low, .to = &high};
    pbase_range down = up;
    down.reverse = true;
    pbase_dict *dict = fixture_dict(txn, "d");
    assert_int_equal(pbase_dict_cursor(dict, NULL, &cursor, NULL), PBASE_OK);
    keys_of(cursor, keys);
    assert_string_equal(keys, "0 1 3 4 5 6 7 8 9 100 101 102 103 104 ");
    assert_int_equal(pbase_dict_cursor(dict, &up, &cursor, NULL), PBASE_OK);
    keys_of(cursor, keys);
    assert_string_equal(keys, "8 9 100 101 102 ");
    assert_int_equal(pbase_dict_cursor(dict, &down, &cursor, NULL), PBASE_OK);
    keys_of(cursor, keys);
    assert_string_equal(keys, "102 101 100 9 8 ");
    assert_int_equal(pbase_dict_cursor(dict, NULL, &cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_seek(cursor, &at, NULL), PBASE_OK);
    keys_of(cursor, keys);
    assert_string_equal(keys, "3 4 5 6 7 8 9 100 101 102 103 104 ");
    pbase_dict_close(dict);
}

/* The rows of a query run in the transaction: their number is what matters. */
static uint64_t rows_of(const char *text)
{
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_error err;
    uint64_t rows = 0;
    pbase_error_init(&err);
    pbase_value row;
    pbase_status status = pbase_query_parse(NULL, pbase_bytes_text(text), &query, &err);
    assert_ok(status, &err);
    status = pbase_query_run_in(query, txn, NULL, &result, &err);
    assert_ok(status, &err);
    while (pbase_result_next(result, &row, &err) == PBASE_OK) {
        rows++;
    }
    pbase_result_close(result);
    pbase_query_destroy(query);
    return rows;
}

static void by_queries(void **unused)
{
    (void)unused;
    assert_int_equal(rows_of("from d"), 14);
    pbase_dict *dict = fixture_dict(txn, "own"); /* a root that is only staged */
    fixture_put(&dict, 1, 1);
    assert_int_equal(pbase_txn_store_dict(txn, "own", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(rows_of("from own"), 1);
    /* several times the same collection at once, and a staged root beside it */
    assert_int_equal(rows_of("from d as x | join d as y on x = y"), 14);
    assert_int_equal(rows_of("from d as x | join anti d as y on x < y"), 1);
    assert_int_equal(rows_of("from d | union d | union_all own | except (from d | limit 1)"), 14);
}

static void by_the_list_of_roots_and_plain_values(void **unused)
{
    (void)unused;
    pbase_arena arena;
    pbase_value value = pbase_value_int(7), seen;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_txn_store_value(txn, "v", &value, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_value(txn, "v", &arena, &seen, NULL), PBASE_OK);
    assert_int_equal(seen.as.integer, 7);
    assert_int_equal(pbase_txn_drop_root(txn, "v", NULL), PBASE_OK);
    assert_int_equal(pbase_txn_value(txn, "v", &arena, &seen, NULL), PBASE_NOT_FOUND);
    pbase_arena_fini(&arena);
}

static void by_lists_and_sets(void **unused)
{
    (void)unused;
    pbase_arena arena;
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_value one = pbase_value_int(1), seen;
    uint64_t count = 0;
    bool has = false;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    assert_int_equal(pbase_list_append(&list, &one, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_list(txn, "l", list, NULL), PBASE_OK);
    pbase_list_close(list);
    assert_int_equal(pbase_txn_list(txn, "l", &list, NULL), PBASE_OK);
    assert_int_equal(pbase_list_get(list, -1, &arena, &seen, NULL), PBASE_OK);
    assert_int_equal(seen.as.integer, 1);
    assert_int_equal(pbase_list_count(list, &count, NULL), PBASE_OK);
    assert_int_equal(count, 1);
    pbase_list_close(list);
    assert_int_equal(pbase_txn_new_set(txn, &set, NULL), PBASE_OK);
    assert_int_equal(pbase_set_add(&set, &one, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_set(txn, "s", set, NULL), PBASE_OK);
    pbase_set_close(set);
    assert_int_equal(pbase_txn_set(txn, "s", &set, NULL), PBASE_OK);
    assert_int_equal(pbase_set_has(set, &one, &has, NULL), PBASE_OK);
    assert_true(has);
    pbase_set_close(set);
    pbase_arena_fini(&arena);
}

/* Until it is stored, a handle's version is the handle's alone. */
static void what_is_not_stored_is_seen_through_its_handle_only(void **unused)
{
    (void)unused;
    uint64_t through_handle = 0, through_root = 0;
    pbase_dict *dict = fixture_dict(txn, "d");
    fixture_put(&dict, 1000, 1);
    pbase_dict *again = fixture_dict(txn, "d");
    assert_int_equal(pbase_dict_count(dict, &through_handle, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_count(again, &through_root, NULL), PBASE_OK);
    assert_int_equal(through_handle, 15);
    assert_int_equal(through_root, 14);
    pbase_dict_close(dict);
    pbase_dict_close(again);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(by_key),
        SENTENCE(by_counts),
        SENTENCE(by_cursors_both_ways_and_after_a_seek),
        SENTENCE(by_queries),
        SENTENCE(by_the_list_of_roots_and_plain_values),
        SENTENCE(by_lists_and_sets),
        SENTENCE(what_is_not_stored_is_seen_through_its_handle_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
