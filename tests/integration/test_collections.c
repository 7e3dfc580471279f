/* test_collections.c - collections of every kind through transactions: what merges, what conflicts,
 * what is there after reopening. */
#include "space_case.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---------------------------------------------------------------------------- counted sets ---- */

static pbase_counted_set *counted(pbase_txn *txn)
{
    pbase_counted_set *set = NULL;
    pbase_status status = pbase_txn_counted_set(txn, "words", &set, NULL);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_counted_set(txn, &set, NULL);
    }
    assert_int_equal(status, PBASE_OK);
    return set;
}

static void add_word(pbase_txn *txn, const char *word, uint64_t times)
{
    pbase_counted_set *set = counted(txn);
    pbase_value element = pbase_value_text(word);
    assert_int_equal(pbase_counted_set_add(&set, &element, times, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_counted_set(txn, "words", set, NULL), PBASE_OK);
    pbase_counted_set_close(set);
}

static void take_word(pbase_txn *txn, const char *word, uint64_t times)
{
    pbase_counted_set *set = counted(txn);
    pbase_value element = pbase_value_text(word);
    assert_int_equal(pbase_counted_set_remove(&set, &element, times, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_counted_set(txn, "words", set, NULL), PBASE_OK);
    pbase_counted_set_close(set);
}

/* Checks one count, the total of all and what is told of the root. */
static void assert_words(const char *word, uint64_t count, uint64_t total)
{
    pbase_snapshot *snapshot = NULL;
    pbase_counted_set *set = NULL;
    pbase_root_info info;
    pbase_value element = pbase_value_text(word);
    uint64_t out = UINT64_MAX;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_counted_set(snapshot, "words", &set, NULL), PBASE_OK);
    assert_int_equal(pbase_counted_set_get(set, &element, &out, NULL), PBASE_OK);
    assert_int_equal(out, count);
    assert_int_equal(pbase_counted_set_total(set, &out, NULL), PBASE_OK);
    assert_int_equal(out, total);
    assert_int_equal(pbase_snapshot_root(snapshot, "words", &info, NULL), PBASE_OK);
    assert_int_equal(info.kind, PBASE_ROOT_COUNTED_SET);
    assert_int_equal(info.total, total);
    pbase_counted_set_close(set);
    pbase_snapshot_close(snapshot);
}

static void concurrent_adds_of_one_element_all_count(void **unused)
{
    (void)unused;
    pbase_txn *first = fixture_begin(&f, PBASE_SERIALIZABLE);
    add_word(first, "a", 1);
    assert_int_equal(fixture_commit(&first), PBASE_OK);

    first = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *second = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *third = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    add_word(first, "a", 10);
    add_word(second, "a", 100);
    add_word(third, "b", 1000);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_OK);
    assert_int_equal(fixture_commit(&third), PBASE_OK);
    assert_words("a", 111, 1111);
}

static void a_removal_conflicts_with_changes_of_its_element_only(void **unused)
{
    (void)unused;
    pbase_txn *first = fixture_begin(&f, PBASE_SERIALIZABLE);
    add_word(first, "a", 3);
    add_word(first, "b", 3);
    assert_int_equal(fixture_commit(&first), PBASE_OK);

    first = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *second = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    pbase_txn *third = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    take_word(first, "a", 2);
    take_word(second, "a", 2); /* together more than there are */
    take_word(third, "b", 1);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_CONFLICT);
    assert_int_equal(fixture_commit(&third), PBASE_OK);
    assert_words("a", 1, 3);
}

static void counts_and_totals_come_back_after_reopening(void **unused)
{
    (void)unused;
    for (uint64_t i = 0; i < 3; i++) {
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        add_word(txn, "a", 200);
        add_word(txn, "b", 1);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        fixture_reopen(&f);
        assert_words("a", 200 * (i + 1), 201 * (i + 1));
    }
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    take_word(txn, "a", PBASE_COUNT_ALL);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    fixture_reopen(&f);
    assert_words("a", 0, 3);
}

static void a_counted_set_copied_to_another_root_keeps_its_counts(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    add_word(txn, "a", 70000);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_counted_set *set = counted(txn);
    assert_int_equal(pbase_txn_store_counted_set(txn, "copy", set, NULL), PBASE_OK);
    pbase_counted_set_close(set);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    pbase_snapshot *snapshot = NULL;
    pbase_root_info info;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_root(snapshot, "copy", &info, NULL), PBASE_OK);
    assert_int_equal(info.count, 1);
    assert_int_equal(info.total, 70000);
    pbase_snapshot_close(snapshot);
}

static void a_merge_past_the_limit_of_counts_is_refused_whole(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    add_word(txn, "a", 1);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    pbase_txn *first = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *second = fixture_begin(&f, PBASE_SERIALIZABLE);
    add_word(first, "a", PBASE_COUNT_MAX - 1);
    add_word(second, "b", 1);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_LIMIT);
    assert_words("b", 0, PBASE_COUNT_MAX);
}

/* ------------------------------------------------------------------------ multi-dictionaries ---- */

static pbase_multi_dict *multi(pbase_txn *txn)
{
    pbase_multi_dict *dict = NULL;
    pbase_status status = pbase_txn_multi_dict(txn, "tags", &dict, NULL);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_multi_dict(txn, &dict, NULL);
    }
    assert_int_equal(status, PBASE_OK);
    return dict;
}

static void add_tag(pbase_txn *txn, const char *key, const char *record)
{
    pbase_multi_dict *dict = multi(txn);
    pbase_value k = pbase_value_text(key), r = pbase_value_text(record);
    assert_int_equal(pbase_multi_dict_add(&dict, &k, &r, 1, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_multi_dict(txn, "tags", dict, NULL), PBASE_OK);
    pbase_multi_dict_close(dict);
}

static void remove_tags(pbase_txn *txn, const char *key)
{
    pbase_multi_dict *dict = multi(txn);
    pbase_value k = pbase_value_text(key);
    assert_int_equal(pbase_multi_dict_remove_key(&dict, &k, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_multi_dict(txn, "tags", dict, NULL), PBASE_OK);
    pbase_multi_dict_close(dict);
}

static void assert_tags(uint64_t keys, uint64_t distinct, uint64_t total)
{
    pbase_snapshot *snapshot = NULL;
    pbase_multi_dict *dict = NULL;
    uint64_t out[3] = {0};
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_multi_dict(snapshot, "tags", &dict, NULL), PBASE_OK);
    assert_int_equal(pbase_multi_dict_count_keys(dict, &out[0], NULL), PBASE_OK);
    assert_int_equal(pbase_multi_dict_count(dict, &out[1], NULL), PBASE_OK);
    assert_int_equal(pbase_multi_dict_total(dict, &out[2], NULL), PBASE_OK);
    assert_int_equal(out[0], keys);
    assert_int_equal(out[1], distinct);
    assert_int_equal(out[2], total);
    pbase_multi_dict_close(dict);
    pbase_snapshot_close(snapshot);
}

/* In the Python system the record came back 7 times, and the only record could not be removed. */
static void a_a_b_committed_one_by_one_gives_total_3(void **unused)
{
    (void)unused;
    static const char *const records[] = {"a", "a", "b"};
    for (size_t i = 0; i < 3; i++) {
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        add_tag(txn, "k", records[i]);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
    }
    assert_tags(1, 2, 3);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    remove_tags(txn, "k");
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_tags(0, 0, 0);
}

static void adds_under_one_key_merge_and_its_removal_does_not(void **unused)
{
    (void)unused;
    pbase_txn *first = fixture_begin(&f, PBASE_SERIALIZABLE);
    add_tag(first, "k", "a");
    add_tag(first, "other", "a");
    assert_int_equal(fixture_commit(&first), PBASE_OK);

    first = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *second = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *third = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *fourth = fixture_begin(&f, PBASE_SERIALIZABLE);
    add_tag(first, "k", "a");
    add_tag(second, "k", "b");
    remove_tags(third, "k");
    remove_tags(fourth, "other");
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_OK);
    assert_int_equal(fixture_commit(&third), PBASE_CONFLICT);
    assert_int_equal(fixture_commit(&fourth), PBASE_OK);
    assert_tags(1, 2, 3);
}

/* ------------------------------------------------------------------------ hash dictionaries ---- */

static pbase_value place(pbase_field fields[2], int64_t x, bool turned)
{
    fields[turned ? 1 : 0] = (pbase_field){pbase_bytes_text("x"), pbase_value_int(x)};
    fields[turned ? 0 : 1] = (pbase_field){pbase_bytes_text("y"), pbase_value_float(0.5)};
    return pbase_value_map(fields, 2);
}

static void put_place(pbase_txn *txn, int64_t x, int64_t value)
{
    pbase_hash_dict *dict = NULL;
    pbase_field fields[2];
    pbase_value key = place(fields, x, false), v = pbase_value_int(value);
    pbase_status status = pbase_txn_hash_dict(txn, "places", &dict, NULL);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_hash_dict(txn, &dict, NULL);
    }
    assert_int_equal(status, PBASE_OK);
    assert_int_equal(pbase_hash_dict_put(&dict, &key, &v, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_hash_dict(txn, "places", dict, NULL), PBASE_OK);
    pbase_hash_dict_close(dict);
}

static void assert_place(int64_t x, int64_t value)
{
    pbase_snapshot *snapshot = NULL;
    pbase_hash_dict *dict = NULL;
    pbase_field fields[2];
    pbase_arena arena;
    pbase_value key = place(fields, x, true), out;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_hash_dict(snapshot, "places", &dict, NULL), PBASE_OK);
    assert_int_equal(pbase_hash_dict_get(dict, &key, &arena, &out, NULL), PBASE_OK);
    assert_int_equal(out.as.integer, value);
    pbase_hash_dict_close(dict);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
}

static void keys_of_a_hash_dictionary_are_found_after_reopening(void **unused)
{
    (void)unused;
    for (int64_t x = 0; x < 50; x++) {
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        put_place(txn, x, x);
        put_place(txn, x / 2, -x);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
    }
    fixture_reopen(&f);
    assert_place(10, -21);
    assert_place(49, 49);
}

static void different_keys_of_a_hash_dictionary_merge(void **unused)
{
    (void)unused;
    pbase_txn *first = fixture_begin(&f, PBASE_SERIALIZABLE);
    put_place(first, 0, 0);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    first = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *second = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *third = fixture_begin(&f, PBASE_SERIALIZABLE);
    put_place(first, 1, 1);
    put_place(second, 2, 2);
    put_place(third, 1, 3);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_OK);
    assert_int_equal(fixture_commit(&third), PBASE_CONFLICT);
    assert_place(1, 1);
    assert_place(2, 2);
}

/* ------------------------------------------------------------------------------------ lists ---- */

static pbase_list *numbers(pbase_txn *txn)
{
    pbase_list *list = NULL;
    pbase_status status = pbase_txn_list(txn, "numbers", &list, NULL);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_list(txn, &list, NULL);
    }
    assert_int_equal(status, PBASE_OK);
    return list;
}

static void store_numbers(pbase_txn *txn, pbase_list *list)
{
    assert_int_equal(pbase_txn_store_list(txn, "numbers", list, NULL), PBASE_OK);
    pbase_list_close(list);
}

static void append_numbers(pbase_txn *txn, int64_t from, int64_t end)
{
    pbase_list *list = numbers(txn);
    for (int64_t i = from; i < end; i++) {
        pbase_value value = pbase_value_int(i);
        assert_int_equal(pbase_list_append(&list, &value, NULL), PBASE_OK);
    }
    store_numbers(txn, list);
}

/* The list is the numbers from..end-1. */
static void assert_numbers(int64_t from, int64_t end)
{
    pbase_snapshot *snapshot = NULL;
    pbase_list *list = NULL;
    pbase_cursor *cursor = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_list(snapshot, "numbers", &list, NULL), PBASE_OK);
    assert_int_equal(pbase_list_cursor(list, NULL, &cursor, NULL), PBASE_OK);
    for (int64_t i = from; i < end; i++) {
        pbase_value value;
        assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
        assert_int_equal(pbase_cursor_value(cursor, &value, NULL), PBASE_OK);
        assert_int_equal(value.as.integer, i);
    }
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    pbase_cursor_close(cursor);
    pbase_list_close(list);
    pbase_snapshot_close(snapshot);
}

static pbase_status take_figure(void *state, const char *name, uint64_t value, const char *unit,
                                pbase_error *err)
{
    (void)unit;
    (void)err;
    uint64_t *out = state;
    *out = strcmp(name, "record_bytes_appended") == 0 ? value : *out;
    return PBASE_OK;
}

/* What records have taken in the journal since the space was opened. */
static uint64_t record_bytes(void)
{
    uint64_t bytes = 0;
    assert_int_equal(pbase_space_stats(f.space, take_figure, &bytes, NULL), PBASE_OK);
    assert_true(bytes > 0);
    return bytes;
}

static void a_slice_of_a_stored_list_commits_a_few_bytes(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    append_numbers(txn, 0, 30000);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    uint64_t before = record_bytes();
    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_list *list = numbers(txn), *part = NULL;
    assert_int_equal(pbase_list_slice(list, 10000, 20000, &part, NULL), PBASE_OK);
    pbase_list_close(list);
    store_numbers(txn, part);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_true(record_bytes() - before < 8192); /* a frame or two, of 30,000 elements */
    assert_numbers(10000, 20000);
    fixture_reopen(&f);
    assert_numbers(10000, 20000);
}

static void a_part_of_a_new_list_is_stored_whole(void **unused)
{
    (void)unused;
    static pbase_value values[30000];
    for (int64_t i = 0; i < 30000; i++) {
        values[i] = pbase_value_int(i);
    }
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_list *list = NULL, *part = NULL;
    assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    assert_int_equal(pbase_list_append_all(&list, values, 30000, NULL), PBASE_OK);
    assert_int_equal(pbase_list_slice(list, 10000, 20000, &part, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_list(txn, "whole", list, NULL), PBASE_OK);
    pbase_list_close(list);
    store_numbers(txn, part);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_numbers(10000, 20000);
    fixture_reopen(&f);
    assert_numbers(10000, 20000);
}

static pbase_set *set_of_one(pbase_txn *txn, int64_t number)
{
    pbase_set *set = NULL;
    pbase_value key = pbase_value_int(number);
    assert_int_equal(pbase_txn_new_set(txn, &set, NULL), PBASE_OK);
    assert_int_equal(pbase_set_add(&set, &key, NULL, NULL), PBASE_OK);
    return set;
}

static void assert_holds(pbase_collection *child, int64_t number)
{
    bool has = false;
    pbase_value key = pbase_value_int(number);
    assert_non_null(pbase_collection_set(child));
    assert_int_equal(pbase_set_has(pbase_collection_set(child), &key, &has, NULL), PBASE_OK);
    assert_true(has);
    pbase_collection_close(child);
}

static void many_entries_at_once_may_hold_collections(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_set *sets[2] = {set_of_one(txn, 10), set_of_one(txn, 20)};
    pbase_entry entries[] = {{pbase_value_int(2), pbase_value_of_set(sets[1])},
                             {pbase_value_int(1), pbase_value_of_set(sets[0])},
                             {pbase_value_int(3), pbase_value_int(5)}};
    pbase_value values[] = {entries[2].value, entries[0].value};
    pbase_dict *dict = fixture_dict(txn, "nested");
    pbase_list *list = numbers(txn);
    assert_int_equal(pbase_dict_put_all(&dict, entries, 3, NULL), PBASE_OK);
    assert_int_equal(pbase_list_append_all(&list, values, 2, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "nested", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    store_numbers(txn, list);
    pbase_set_close(sets[0]);
    pbase_set_close(sets[1]);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    fixture_reopen(&f);
    pbase_snapshot *snapshot = NULL;
    pbase_collection *child = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_dict(snapshot, "nested", &dict, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_list(snapshot, "numbers", &list, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_child(dict, &entries[1].key, 0, &child, NULL), PBASE_OK);
    assert_holds(child, 10);
    assert_int_equal(pbase_dict_child(dict, &entries[0].key, 0, &child, NULL), PBASE_OK);
    assert_holds(child, 20);
    assert_int_equal(pbase_list_child(list, 1, 0, &child, NULL), PBASE_OK);
    assert_holds(child, 20);
    pbase_list_close(list);
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
}

static void a_cut_conflicts_with_any_change_of_the_list(void **unused)
{
    (void)unused;
    pbase_txn *first = fixture_begin(&f, PBASE_SERIALIZABLE);
    append_numbers(first, 0, 100);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    first = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    pbase_txn *second = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    append_numbers(first, 100, 101);
    pbase_list *list = numbers(second);
    assert_int_equal(pbase_list_remove_range(&list, 0, 50, NULL, NULL), PBASE_OK);
    store_numbers(second, list);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_CONFLICT);
    assert_numbers(0, 101);
}

/* Sides that change places twice are in order again; the roots share nothing. */
static void a_large_concatenation_is_there_after_reopening(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    append_numbers(txn, 0, 20000);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    for (int turn = 0; turn < 2; turn++) {
        txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        pbase_list *list = numbers(txn), *before = NULL, *after = NULL;
        assert_int_equal(pbase_list_split(list, 10000, &before, &after, NULL), PBASE_OK);
        assert_int_equal(pbase_list_concat(&after, before, NULL), PBASE_OK);
        assert_int_equal(pbase_txn_store_list(txn, "half", before, NULL), PBASE_OK);
        pbase_list_close(list);
        pbase_list_close(before);
        store_numbers(txn, after);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        fixture_reopen(&f);
    }
    assert_numbers(0, 20000);
    fixture_assert_clean(&f);
}

static void a_large_concatenation_loses_to_another_change(void **unused)
{
    (void)unused;
    pbase_txn *first = fixture_begin(&f, PBASE_SERIALIZABLE);
    append_numbers(first, 0, 5000);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    first = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    pbase_txn *second = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    append_numbers(first, 5000, 5001);
    pbase_list *list = numbers(second);
    assert_int_equal(pbase_list_concat(&list, list, NULL), PBASE_OK);
    store_numbers(second, list);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_CONFLICT);
    assert_numbers(0, 5001);
}

/* ------------------------------------------------------------------------------ algebra of sets - */

static void a_union_merges_with_what_others_add(void **unused)
{
    (void)unused;
    pbase_txn *first = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_set *set = NULL;
    uint64_t count = 0;
    assert_int_equal(pbase_txn_new_set(first, &set, NULL), PBASE_OK);
    for (int64_t i = 0; i < 1000; i++) {
        pbase_value key = pbase_value_int(i);
        assert_int_equal(pbase_set_add(&set, &key, NULL, NULL), PBASE_OK);
    }
    assert_int_equal(pbase_txn_store_set(first, "set", set, NULL), PBASE_OK);
    pbase_set_close(set);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    pbase_txn *txns[2];
    for (int64_t t = 0; t < 2; t++) {
        pbase_set *more = NULL, *all = NULL;
        pbase_value key = pbase_value_int(2000 + t), shared = pbase_value_int(3000);
        txns[t] = fixture_begin(&f, PBASE_SERIALIZABLE);
        assert_int_equal(pbase_txn_set(txns[t], "set", &set, NULL), PBASE_OK);
        assert_int_equal(pbase_txn_new_set(txns[t], &more, NULL), PBASE_OK);
        assert_int_equal(pbase_set_add(&more, &key, NULL, NULL), PBASE_OK);
        assert_int_equal(pbase_set_add(&more, &shared, NULL, NULL), PBASE_OK);
        assert_int_equal(pbase_set_union(set, more, &all, NULL), PBASE_OK);
        assert_int_equal(pbase_txn_store_set(txns[t], "set", all, NULL), PBASE_OK);
        pbase_set_close(all);
        pbase_set_close(more);
        pbase_set_close(set);
    }
    assert_int_equal(fixture_commit(&txns[0]), PBASE_OK);
    assert_int_equal(fixture_commit(&txns[1]), PBASE_OK);
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_set(snapshot, "set", &set, NULL), PBASE_OK);
    assert_int_equal(pbase_set_count(set, &count, NULL), PBASE_OK);
    assert_int_equal(count, 1003);
    pbase_set_close(set);
    pbase_snapshot_close(snapshot);
}

int main(void)
{
#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, begin_memory, end),                                      \
        cmocka_unit_test_setup_teardown(test, begin_file, end)
    const struct CMUnitTest tests[] = {
        BOTH(concurrent_adds_of_one_element_all_count),
        BOTH(a_removal_conflicts_with_changes_of_its_element_only),
        cmocka_unit_test_setup_teardown(counts_and_totals_come_back_after_reopening, begin_file,
                                        end),
        BOTH(a_counted_set_copied_to_another_root_keeps_its_counts),
        BOTH(a_merge_past_the_limit_of_counts_is_refused_whole),
        BOTH(a_a_b_committed_one_by_one_gives_total_3),
        BOTH(adds_under_one_key_merge_and_its_removal_does_not),
        cmocka_unit_test_setup_teardown(keys_of_a_hash_dictionary_are_found_after_reopening,
                                        begin_file, end),
        BOTH(different_keys_of_a_hash_dictionary_merge),
        cmocka_unit_test_setup_teardown(a_slice_of_a_stored_list_commits_a_few_bytes, begin_file,
                                        end),
        cmocka_unit_test_setup_teardown(a_part_of_a_new_list_is_stored_whole, begin_file, end),
        cmocka_unit_test_setup_teardown(many_entries_at_once_may_hold_collections, begin_file, end),
        BOTH(a_cut_conflicts_with_any_change_of_the_list),
        cmocka_unit_test_setup_teardown(a_large_concatenation_is_there_after_reopening, begin_file,
                                        end),
        BOTH(a_large_concatenation_loses_to_another_change),
        BOTH(a_union_merges_with_what_others_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
