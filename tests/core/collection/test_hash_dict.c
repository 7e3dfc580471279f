/* test_hash_dict.c - hash dictionaries as applications see them. */
#include "fault_alloc.h"
#include "handle_fixture.h"
#include "random_value.h"

static pbase_hash_dict *open_dict(fixture *f)
{
    return collection_hash_dict(open_on(f, PBASE_COLLECTION_HASH_DICT, ATOM_REF_NONE));
}

static void put(pbase_hash_dict **dict, pbase_value key, int64_t value)
{
    pbase_value v = pbase_value_int(value);
    assert_int_equal(pbase_hash_dict_put(dict, &key, &v, NULL, NULL), PBASE_OK);
}

/* INT64_MIN: it is missing. */
static int64_t get(fixture *f, const pbase_hash_dict *dict, pbase_value key)
{
    pbase_value out = pbase_value_int(INT64_MIN);
    pbase_status status = pbase_hash_dict_get(dict, &key, &f->arena, &out, NULL);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    return out.as.integer;
}

static void any_value_is_a_key(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    static const float floats[] = {1.5f, -0.0f};
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_hash_dict *dict = open_dict(&f);
    pbase_field fields[] = {{pbase_bytes_text("b"), pbase_value_int(1)},
                            {pbase_bytes_text("a"), pbase_value_null()}};
    pbase_field turned[] = {fields[1], {pbase_bytes_text("b"), pbase_value_float(1.0)}};
    pbase_value inner[] = {pbase_value_map(fields, 2), pbase_value_vector(floats, 2)};
    pbase_value same[] = {pbase_value_map(turned, 2), pbase_value_vector(floats, 2)};
    pbase_value list = pbase_value_list(inner, 2), turned_list = pbase_value_list(same, 2);
    put(&dict, list, 1);
    put(&dict, inner[0], 2);
    put(&dict, pbase_value_null(), 3);
    put(&dict, pbase_value_bool(true), 4);
    put(&dict, pbase_value_int(1), 5);
    put(&dict, pbase_value_text("1"), 6);
    assert_int_equal(get(&f, dict, turned_list), 1); /* equal in the total order: the same key */
    assert_int_equal(get(&f, dict, same[0]), 2);
    assert_int_equal(get(&f, dict, pbase_value_float(1.0)), 5);
    assert_int_equal(get(&f, dict, pbase_value_bool(true)), 4);
    put(&dict, turned_list, 7);
    uint64_t count = 0;
    assert_int_equal(pbase_hash_dict_count(dict, &count, NULL), PBASE_OK);
    assert_int_equal(count, 6);
    pbase_cursor *cursor = NULL;
    bool met = false;
    assert_int_equal(pbase_hash_dict_cursor(dict, &cursor, NULL), PBASE_OK);
    while (pbase_cursor_next(cursor, NULL) == PBASE_OK) {
        pbase_value key;
        assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
        met = met || pbase_value_identical(&key, &list); /* as it was first spelled */
    }
    assert_true(met);
    assert_int_equal(pbase_cursor_seek(cursor, &list, NULL), PBASE_INVALID);
    pbase_cursor_close(cursor);
    assert_log_replays(&f, collection_of_hash_dict(dict));
    pbase_hash_dict_close(dict);
    fixture_fini(&f);
}

/* The Python system lost a neighbour: 1, 5, 9, then 100 removed. */
static void removal_of_an_absent_key_harms_no_other(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    bool removed = true;
    pbase_value absent = pbase_value_int(100);
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_hash_dict *dict = open_dict(&f);
    put(&dict, pbase_value_int(1), 1);
    put(&dict, pbase_value_int(5), 5);
    put(&dict, pbase_value_int(9), 9);
    assert_int_equal(pbase_hash_dict_remove(&dict, &absent, &removed, NULL), PBASE_OK);
    assert_false(removed);
    assert_int_equal(get(&f, dict, pbase_value_int(1)), 1);
    assert_int_equal(get(&f, dict, pbase_value_int(5)), 5);
    assert_int_equal(get(&f, dict, pbase_value_int(9)), 9);
    pbase_hash_dict_close(dict);
    fixture_fini(&f);
}

static void a_missing_key_is_named(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_error err;
    pbase_field field = {pbase_bytes_text("a"), pbase_value_int(1)};
    pbase_value key = pbase_value_map(&field, 1), child = pbase_value_child(0), out;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_error_init(&err);
    pbase_hash_dict *dict = open_dict(&f);
    assert_int_equal(pbase_hash_dict_get(dict, &key, &f.arena, &out, &err), PBASE_NOT_FOUND);
    assert_non_null(strstr(err.message, "{'a': 1}"));
    assert_int_equal(pbase_hash_dict_get(dict, &child, &f.arena, &out, NULL), PBASE_INVALID);
    pbase_hash_dict_close(dict);
    fixture_fini(&f);
}

static void merging_takes_the_values_of_the_other(void **state)
{
    (void)state; /* no fixture */
    fixture f, other_space;
    fixture_init(&f, pbase_alloc_default(), false);
    fixture_init(&other_space, pbase_alloc_default(), false);
    pbase_hash_dict *dict = open_dict(&f), *other = open_dict(&f);
    pbase_hash_dict *stranger = open_dict(&other_space);
    put(&dict, pbase_value_int(1), 10);
    put(&dict, pbase_value_int(2), 20);
    put(&other, pbase_value_int(2), 200);
    put(&other, pbase_value_int(3), 300);
    assert_int_equal(pbase_hash_dict_merge(&dict, other, NULL), PBASE_OK);
    assert_int_equal(get(&f, dict, pbase_value_int(1)), 10);
    assert_int_equal(get(&f, dict, pbase_value_int(2)), 200);
    assert_int_equal(get(&f, dict, pbase_value_int(3)), 300);
    assert_int_equal(pbase_hash_dict_merge(&dict, dict, NULL), PBASE_OK); /* with itself */
    assert_int_equal(get(&f, other, pbase_value_int(1)), INT64_MIN);
    assert_int_equal(pbase_hash_dict_merge(&dict, stranger, NULL), PBASE_INVALID);
    assert_log_replays(&f, collection_of_hash_dict(dict));
    pbase_hash_dict_close(stranger);
    pbase_hash_dict_close(other);
    pbase_hash_dict_close(dict);
    fixture_fini(&other_space);
    fixture_fini(&f);
}

static void a_merge_without_memory_changes_nothing(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    fixture f;
    uint64_t count = 0;
    fault_alloc_init(&fa);
    fixture_init(&f, &fa.alloc, false);
    pbase_hash_dict *dict = open_dict(&f), *other = open_dict(&f);
    for (int64_t i = 0; i < 300; i++) {
        put(&dict, pbase_value_int(i), i);
        put(&other, pbase_value_int(i + 150), -i);
    }
    uint64_t logged = collection_log(collection_of_hash_dict(dict))->count;
    for (uint64_t n = 1;; n++) {
        fault_alloc_fail_at(&fa, n);
        pbase_status status = pbase_hash_dict_merge(&dict, other, NULL);
        bool failed = fault_alloc_has_failed(&fa);
        fault_alloc_fail_at(&fa, 0);
        assert_int_equal(pbase_hash_dict_count(dict, &count, NULL), PBASE_OK);
        if (!failed) {
            assert_int_equal(status, PBASE_OK);
            assert_int_equal(count, 450);
            break;
        }
        assert_int_equal(status, PBASE_NO_MEMORY);
        assert_int_equal(count, 300);
        assert_int_equal(get(&f, dict, pbase_value_int(200)), 200);
        assert_int_equal(collection_log(collection_of_hash_dict(dict))->count, logged);
    }
    assert_int_equal(get(&f, dict, pbase_value_int(200)), -50);
    assert_log_replays(&f, collection_of_hash_dict(dict));
    pbase_hash_dict_close(other);
    pbase_hash_dict_close(dict);
    fixture_fini(&f);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void random_operations_agree_with_an_array(void **state)
{
    (void)state; /* no fixture */
    enum { KEYS = 600 };
    static pbase_value keys[KEYS];
    static int64_t model[KEYS];
    fixture f;
    seed_random random;
    random_value_options options = {.depth_max = 2, .items_max = 3};
    pbase_arena kept;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_arena_init(&kept, pbase_alloc_default());
    seed_random_init(&random, seed_for("hash dict"));
    for (size_t i = 0; i < KEYS; i++) { /* the number makes each another one */
        pbase_field field = {pbase_bytes_text("n"), pbase_value_int((int64_t)i)};
        pbase_value parts[] = {random_value(&random, &options, &kept), pbase_value_map(&field, 1)};
        pbase_value list = pbase_value_list(parts, 2);
        assert_int_equal(pbase_value_copy(&list, &kept, &keys[i], NULL), PBASE_OK);
        model[i] = INT64_MIN;
    }
    pbase_hash_dict *dict = open_dict(&f);
    int rounds = seed_is_long_run() ? 1000000 : 100000;
    for (int i = 0; i < rounds; i++) {
        size_t n = (size_t)seed_below(&random, KEYS);
        bool flag = false;
        if (seed_below(&random, 3) != 0) {
            pbase_value value = pbase_value_int(i);
            assert_int_equal(pbase_hash_dict_put(&dict, &keys[n], &value, &flag, NULL), PBASE_OK);
            assert_int_equal(flag, model[n] != INT64_MIN);
            model[n] = i;
        } else {
            assert_int_equal(pbase_hash_dict_remove(&dict, &keys[n], &flag, NULL), PBASE_OK);
            assert_int_equal(flag, model[n] != INT64_MIN);
            model[n] = INT64_MIN;
        }
        if (i % 1000 == 0) {
            pbase_arena_reset(&f.arena);
        }
    }
    uint64_t expected = 0, count = 0;
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(get(&f, dict, keys[i]), model[i]);
        expected += model[i] != INT64_MIN;
    }
    assert_int_equal(pbase_hash_dict_count(dict, &count, NULL), PBASE_OK);
    assert_int_equal(count, expected);
    assert_log_replays(&f, collection_of_hash_dict(dict));
    pbase_hash_dict_close(dict);
    pbase_arena_fini(&kept);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_value_is_a_key),
        cmocka_unit_test(removal_of_an_absent_key_harms_no_other),
        cmocka_unit_test(a_missing_key_is_named),
        cmocka_unit_test(merging_takes_the_values_of_the_other),
        cmocka_unit_test(a_merge_without_memory_changes_nothing),
        cmocka_unit_test(random_operations_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
