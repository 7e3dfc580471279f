/* test_set.c - sets as applications see them. */
#include "handle_fixture.h"
#include "seed.h"

static pbase_set *open_set(fixture *f)
{
    return collection_set(open_on(f, PBASE_COLLECTION_SET, ATOM_REF_NONE));
}

static void adding_and_removing_tell_what_changed(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value one = pbase_value_int(1), same = pbase_value_float(1.0);
    bool flag = false;
    uint64_t count = 0;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_set *set = open_set(&f);
    assert_int_equal(pbase_set_add(&set, &one, &flag, NULL), PBASE_OK);
    assert_true(flag);
    assert_int_equal(pbase_set_add(&set, &same, &flag, NULL), PBASE_OK);
    assert_false(flag);
    assert_int_equal(pbase_set_count(set, &count, NULL), PBASE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(pbase_set_remove(&set, &same, &flag, NULL), PBASE_OK);
    assert_true(flag);
    assert_int_equal(pbase_set_remove(&set, &one, &flag, NULL), PBASE_OK);
    assert_false(flag);
    assert_int_equal(collection_log(collection_of_set(set))->count, 2);
    pbase_set_close(set);
    fixture_fini(&f);
}

static void a_blind_add_reads_nothing(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value one = pbase_value_int(1);
    bool flag = false;
    fixture_init(&f, pbase_alloc_default(), true);
    pbase_set *set = open_set(&f);
    assert_int_equal(pbase_set_add(&set, &one, NULL, NULL), PBASE_OK);
    assert_reads(&f, "");
    assert_int_equal(pbase_set_add(&set, &one, NULL, NULL), PBASE_OK); /* was there: a read */
    assert_reads(&f, "key 1; ");
    assert_int_equal(pbase_set_has(set, &one, &flag, NULL), PBASE_OK);
    assert_true(flag);
    assert_reads(&f, "key 1; ");
    pbase_set_close(set);
    fixture_fini(&f);
}

static void the_values_of_a_cursor_are_the_keys(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_cursor *cursor;
    pbase_value key = pbase_value_text("k"), out;
    pbase_bytes bytes;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_set *set = open_set(&f);
    assert_int_equal(pbase_set_add(&set, &key, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_set_cursor(set, NULL, &cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_key(cursor, &out, NULL), PBASE_INVALID);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_value(cursor, &out, NULL), PBASE_OK);
    assert_true(pbase_value_identical(&out, &key));
    assert_int_equal(pbase_cursor_bytes(cursor, &bytes, NULL), PBASE_INVALID);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    assert_int_equal(pbase_cursor_key(cursor, &out, NULL), PBASE_INVALID);
    pbase_cursor_close(cursor);
    pbase_set_close(set);
    fixture_fini(&f);
}

static void random_operations_agree_with_flags(void **state)
{
    (void)state; /* no fixture */
    enum { KEYS = 5000 };
    static bool model[KEYS];
    fixture f;
    seed_random random;
    uint64_t count = 0, expected = 0;
    fixture_init(&f, pbase_alloc_default(), false);
    seed_random_init(&random, seed_for("set"));
    pbase_set *set = open_set(&f);
    for (int i = 0; i < 100000; i++) {
        size_t n = (size_t)seed_below(&random, KEYS);
        bool add = seed_below(&random, 3) != 0, changed = false;
        pbase_value key = pbase_value_int((int64_t)n);
        pbase_status status = add ? pbase_set_add(&set, &key, &changed, NULL)
                                  : pbase_set_remove(&set, &key, &changed, NULL);
        assert_int_equal(status, PBASE_OK);
        assert_int_equal(changed, model[n] != add);
        model[n] = add;
    }
    for (size_t n = 0; n < KEYS; n++) {
        pbase_value key = pbase_value_int((int64_t)n);
        bool there = false;
        assert_int_equal(pbase_set_has(set, &key, &there, NULL), PBASE_OK);
        assert_int_equal(there, model[n]);
        expected += model[n];
    }
    assert_int_equal(pbase_set_count(set, &count, NULL), PBASE_OK);
    assert_int_equal(count, expected);
    assert_log_replays(&f, collection_of_set(set));
    pbase_set_close(set);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_and_removing_tell_what_changed),
        cmocka_unit_test(a_blind_add_reads_nothing),
        cmocka_unit_test(the_values_of_a_cursor_are_the_keys),
        cmocka_unit_test(random_operations_agree_with_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
