/* test_multi_dict.c - multi-dictionaries as applications see them. */
#include "fault_alloc.h"
#include "handle_fixture.h"
#include "seed.h"

static pbase_multi_dict *open_dict(fixture *f)
{
    return collection_multi_dict(open_on(f, PBASE_COLLECTION_MULTI_DICT, ATOM_REF_NONE));
}

static void add(pbase_multi_dict **dict, pbase_value key, pbase_value record, uint64_t times)
{
    assert_int_equal(pbase_multi_dict_add(dict, &key, &record, times, NULL, NULL), PBASE_OK);
}

static void assert_counts(const pbase_multi_dict *dict, uint64_t keys, uint64_t distinct,
                          uint64_t total)
{
    uint64_t out[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    assert_int_equal(pbase_multi_dict_count_keys(dict, &out[0], NULL), PBASE_OK);
    assert_int_equal(pbase_multi_dict_count(dict, &out[1], NULL), PBASE_OK);
    assert_int_equal(pbase_multi_dict_total(dict, &out[2], NULL), PBASE_OK);
    assert_int_equal(out[0], keys);
    assert_int_equal(out[1], distinct);
    assert_int_equal(out[2], total);
}

/* The records of a range as text: "k:r*2 ". */
static void assert_range(const pbase_multi_dict *dict, const pbase_range *range, const char *text)
{
    char met[512] = "";
    size_t used = 0;
    pbase_cursor *cursor = NULL;
    pbase_value key, record;
    uint64_t count = 0, records = 0, counted = 0;
    assert_int_equal(pbase_multi_dict_cursor(dict, range, &cursor, NULL), PBASE_OK);
    while (pbase_cursor_next(cursor, NULL) == PBASE_OK) {
        assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
        assert_int_equal(pbase_cursor_value(cursor, &record, NULL), PBASE_OK);
        assert_int_equal(pbase_cursor_count(cursor, &count, NULL), PBASE_OK);
        used += (size_t)snprintf(met + used, sizeof met - used, "%" PRId64 ":%.*s*%" PRIu64 " ",
                                 key.as.integer, (int)record.as.string.size,
                                 (const char *)record.as.string.data, count);
        records++;
    }
    assert_string_equal(met, text);
    pbase_cursor_close(cursor);
    if (range != NULL) {
        assert_int_equal(pbase_multi_dict_count_range(dict, range, &counted, NULL), PBASE_OK);
        assert_int_equal(counted, records);
    }
}

static void a_a_b_gives_total_3_and_two_distinct(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value key = pbase_value_text("k"), a = pbase_value_text("a");
    uint64_t count = 0, removed = 0;
    bool has = true;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_multi_dict *dict = open_dict(&f);
    add(&dict, key, a, 1);
    add(&dict, key, a, 1);
    add(&dict, key, pbase_value_text("b"), 1);
    assert_counts(dict, 1, 2, 3);
    assert_int_equal(pbase_multi_dict_get(dict, &key, &a, &count, NULL), PBASE_OK);
    assert_int_equal(count, 2);
    assert_int_equal(pbase_multi_dict_remove(&dict, &key, &a, 1, &removed, NULL), PBASE_OK);
    assert_int_equal(removed, 1);
    assert_counts(dict, 1, 2, 2);
    assert_int_equal(pbase_multi_dict_remove_key(&dict, &key, &removed, NULL), PBASE_OK);
    assert_int_equal(removed, 2);
    assert_int_equal(pbase_multi_dict_has(dict, &key, &has, NULL), PBASE_OK);
    assert_false(has);
    assert_counts(dict, 0, 0, 0);
    assert_log_replays(&f, collection_of_multi_dict(dict));
    pbase_multi_dict_close(dict);
    fixture_fini(&f);
}

static void a_key_vanishes_with_its_last_record(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value key = pbase_value_int(7), record = pbase_value_map(NULL, 0);
    uint64_t removed = 0;
    bool has = false;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_multi_dict *dict = open_dict(&f);
    add(&dict, key, record, 1);
    assert_int_equal(pbase_multi_dict_has(dict, &key, &has, NULL), PBASE_OK);
    assert_true(has);
    assert_int_equal(pbase_multi_dict_remove(&dict, &key, &record, PBASE_COUNT_ALL, &removed, NULL),
                     PBASE_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(pbase_multi_dict_has(dict, &key, &has, NULL), PBASE_OK);
    assert_false(has);
    /* what is missing is no error and changes nothing */
    assert_int_equal(pbase_multi_dict_remove(&dict, &key, &record, 1, &removed, NULL), PBASE_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(pbase_multi_dict_remove_key(&dict, &key, &removed, NULL), PBASE_OK);
    assert_int_equal(removed, 0);
    pbase_multi_dict_close(dict);
    fixture_fini(&f);
}

static void ranges_are_of_keys_with_all_their_records(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value two = pbase_value_int(2), three = pbase_value_float(3.0);
    pbase_range range = {.struct_size = sizeof range, .from = &two, .to = &three};
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_multi_dict *dict = open_dict(&f);
    for (int64_t key = 4; key >= 1; key--) {
        add(&dict, pbase_value_int(key), pbase_value_text("b"), 2);
        add(&dict, pbase_value_int(key), pbase_value_text("a"), 1);
    }
    assert_range(dict, NULL, "1:a*1 1:b*2 2:a*1 2:b*2 3:a*1 3:b*2 4:a*1 4:b*2 ");
    assert_range(dict, &range, "2:a*1 2:b*2 3:a*1 3:b*2 ");
    range.from_exclusive = true;
    assert_range(dict, &range, "3:a*1 3:b*2 ");
    range.to_exclusive = true;
    assert_range(dict, &range, "");
    range.from_exclusive = false;
    range.reverse = true;
    assert_range(dict, &range, "2:b*2 2:a*1 ");
    range.to_exclusive = false;
    assert_range(dict, &range, "3:b*2 3:a*1 2:b*2 2:a*1 ");
    pbase_cursor *cursor = NULL;
    pbase_value key;
    range.reverse = false;
    assert_int_equal(pbase_multi_dict_cursor(dict, &range, &cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_seek(cursor, &three, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
    assert_int_equal(key.as.integer, 3);
    pbase_cursor_close(cursor);
    pbase_multi_dict_close(dict);
    fixture_fini(&f);
}

static void records_of_any_kind_come_back_as_they_were(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_field fields[] = {{pbase_bytes_text("z"), pbase_value_float(1.0)},
                            {pbase_bytes_text("a"), pbase_value_text("x")}};
    pbase_field turned[] = {fields[1], fields[0]};
    pbase_value key = pbase_value_text("k"), record = pbase_value_map(fields, 2), out;
    pbase_bytes bytes;
    pbase_cursor *cursor = NULL;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_multi_dict *dict = open_dict(&f);
    add(&dict, key, record, 1);
    add(&dict, key, pbase_value_map(turned, 2), 1);
    assert_counts(dict, 1, 1, 2);
    assert_int_equal(pbase_multi_dict_cursor(dict, NULL, &cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_value(cursor, &out, NULL), PBASE_INVALID);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_value(cursor, &out, NULL), PBASE_OK);
    assert_true(pbase_value_identical(&out, &record));
    assert_int_equal(pbase_cursor_bytes(cursor, &bytes, NULL), PBASE_INVALID);
    pbase_cursor_close(cursor);
    pbase_value list = pbase_value_list(&record, 1), child = pbase_value_child(1);
    assert_int_equal(pbase_multi_dict_add(&dict, &list, &record, 1, NULL, NULL), PBASE_INVALID);
    assert_int_equal(pbase_multi_dict_add(&dict, &key, &child, 1, NULL, NULL), PBASE_INVALID);
    pbase_multi_dict_close(dict);
    fixture_fini(&f);
}

static void removing_a_key_without_memory_changes_nothing(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    fixture f;
    pbase_value key = pbase_value_int(5);
    fault_alloc_init(&fa);
    fixture_init(&f, &fa.alloc, false);
    pbase_multi_dict *dict = open_dict(&f);
    for (int64_t i = 0; i < 3000; i++) {
        add(&dict, pbase_value_int(i % 10), pbase_value_int(i), 1);
    }
    for (uint64_t n = 1;; n++) {
        uint64_t removed = 0;
        fault_alloc_fail_at(&fa, n);
        pbase_status status = pbase_multi_dict_remove_key(&dict, &key, &removed, NULL);
        bool failed = fault_alloc_has_failed(&fa);
        fault_alloc_fail_at(&fa, 0);
        if (!failed) {
            assert_int_equal(status, PBASE_OK);
            assert_int_equal(removed, 300);
            break;
        }
        assert_int_equal(status, PBASE_NO_MEMORY);
        assert_counts(dict, 10, 3000, 3000);
    }
    assert_counts(dict, 9, 2700, 2700);
    assert_log_replays(&f, collection_of_multi_dict(dict));
    pbase_multi_dict_close(dict);
    fixture_fini(&f);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void random_operations_agree_with_a_table(void **state)
{
    (void)state; /* no fixture */
    enum { KEYS = 60, RECORDS = 40 };
    static uint64_t model[KEYS][RECORDS];
    fixture f;
    seed_random random;
    fixture_init(&f, pbase_alloc_default(), false);
    seed_random_init(&random, seed_for("multi dict"));
    pbase_multi_dict *dict = open_dict(&f);
    int rounds = seed_is_long_run() ? 1000000 : 100000;
    for (int i = 0; i < rounds; i++) {
        size_t k = (size_t)seed_below(&random, KEYS), r = (size_t)seed_below(&random, RECORDS);
        pbase_value key = pbase_value_int((int64_t)k), record = pbase_value_int((int64_t)r);
        uint64_t times = seed_below(&random, 3), out = 0, what = seed_below(&random, 100);
        if (what < 50) {
            assert_int_equal(pbase_multi_dict_add(&dict, &key, &record, times, &out, NULL),
                             PBASE_OK);
            model[k][r] += times;
            assert_int_equal(out, model[k][r]);
        } else if (what < 99) {
            uint64_t taken = times < model[k][r] ? times : model[k][r];
            assert_int_equal(pbase_multi_dict_remove(&dict, &key, &record, times, &out, NULL),
                             PBASE_OK);
            assert_int_equal(out, taken);
            model[k][r] -= taken;
        } else {
            uint64_t there = 0;
            for (r = 0; r < RECORDS; r++) {
                there += model[k][r];
                model[k][r] = 0;
            }
            assert_int_equal(pbase_multi_dict_remove_key(&dict, &key, &out, NULL), PBASE_OK);
            assert_int_equal(out, there);
        }
    }
    uint64_t keys = 0, distinct = 0, total = 0;
    for (size_t k = 0; k < KEYS; k++) {
        bool has = false, wanted = false;
        pbase_value key = pbase_value_int((int64_t)k);
        for (size_t r = 0; r < RECORDS; r++) {
            distinct += model[k][r] != 0;
            total += model[k][r];
            wanted = wanted || model[k][r] != 0;
        }
        assert_int_equal(pbase_multi_dict_has(dict, &key, &has, NULL), PBASE_OK);
        assert_int_equal(has, wanted);
        keys += wanted;
    }
    assert_counts(dict, keys, distinct, total);
    assert_log_replays(&f, collection_of_multi_dict(dict));
    pbase_multi_dict_close(dict);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_a_b_gives_total_3_and_two_distinct),
        cmocka_unit_test(a_key_vanishes_with_its_last_record),
        cmocka_unit_test(ranges_are_of_keys_with_all_their_records),
        cmocka_unit_test(records_of_any_kind_come_back_as_they_were),
        cmocka_unit_test(removing_a_key_without_memory_changes_nothing),
        cmocka_unit_test(random_operations_agree_with_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
