/* test_counted_set.c - counted sets as applications see them. */
#include "fault_alloc.h"
#include "handle_fixture.h"
#include "seed.h"

static pbase_counted_set *open_set(fixture *f)
{
    return collection_counted_set(open_on(f, PBASE_COLLECTION_COUNTED_SET, ATOM_REF_NONE));
}

static void assert_counts(const pbase_counted_set *set, uint64_t distinct, uint64_t total)
{
    uint64_t count = UINT64_MAX, sum = UINT64_MAX;
    assert_int_equal(pbase_counted_set_count(set, &count, NULL), PBASE_OK);
    assert_int_equal(pbase_counted_set_total(set, &sum, NULL), PBASE_OK);
    assert_int_equal(count, distinct);
    assert_int_equal(sum, total);
}

static uint64_t count_of(const pbase_counted_set *set, const pbase_value *element)
{
    uint64_t count = UINT64_MAX;
    assert_int_equal(pbase_counted_set_get(set, element, &count, NULL), PBASE_OK);
    return count;
}

static void a_a_b_gives_total_3_and_two_distinct(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value a = pbase_value_text("a"), b = pbase_value_text("b");
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_counted_set *set = open_set(&f);
    assert_int_equal(pbase_counted_set_add(&set, &a, 1, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_counted_set_add(&set, &a, 1, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_counted_set_add(&set, &b, 1, NULL, NULL), PBASE_OK);
    assert_counts(set, 2, 3);
    assert_int_equal(count_of(set, &a), 2);
    assert_int_equal(count_of(set, &b), 1);
    pbase_counted_set_close(set);
    fixture_fini(&f);
}

static void taking_gives_back_no_more_than_is_there(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value one = pbase_value_int(1), same = pbase_value_float(1.0), two = pbase_value_int(2);
    uint64_t count = 0, removed = 0;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_counted_set *set = open_set(&f);
    assert_int_equal(pbase_counted_set_add(&set, &one, 5, &count, NULL), PBASE_OK);
    assert_int_equal(count, 5);
    assert_int_equal(pbase_counted_set_add(&set, &same, 2, &count, NULL), PBASE_OK);
    assert_int_equal(count, 7); /* 1 and 1.0 are one element */
    assert_int_equal(pbase_counted_set_add(&set, &two, 0, &count, NULL), PBASE_OK);
    assert_int_equal(count, 0); /* nothing added, nothing there */
    assert_counts(set, 1, 7);
    assert_int_equal(pbase_counted_set_remove(&set, &one, 3, &removed, NULL), PBASE_OK);
    assert_int_equal(removed, 3);
    assert_int_equal(pbase_counted_set_remove(&set, &two, 1, &removed, NULL), PBASE_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(pbase_counted_set_remove(&set, &one, PBASE_COUNT_ALL, &removed, NULL),
                     PBASE_OK);
    assert_int_equal(removed, 4);
    assert_counts(set, 0, 0);
    assert_int_equal(count_of(set, &one), 0);
    assert_log_replays(&f, collection_of_counted_set(set));
    pbase_counted_set_close(set);
    fixture_fini(&f);
}

static void more_than_can_be_counted_is_refused(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value one = pbase_value_int(1), two = pbase_value_int(2), map = pbase_value_map(NULL, 0);
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_counted_set *set = open_set(&f);
    assert_int_equal(pbase_counted_set_add(&set, &one, UINT64_MAX, NULL, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_counted_set_add(&set, &one, PBASE_COUNT_MAX, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_counted_set_add(&set, &two, 1, NULL, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_counted_set_add(&set, &map, 1, NULL, NULL), PBASE_INVALID);
    assert_counts(set, 1, PBASE_COUNT_MAX);
    assert_int_equal(collection_log(collection_of_counted_set(set))->count, 1);
    pbase_counted_set_close(set);
    fixture_fini(&f);
}

static void only_what_decides_a_result_is_read(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value one = pbase_value_int(1);
    uint64_t out = 0;
    fixture_init(&f, pbase_alloc_default(), true);
    pbase_counted_set *set = open_set(&f);
    assert_int_equal(pbase_counted_set_add(&set, &one, 3, NULL, NULL), PBASE_OK);
    assert_reads(&f, "");
    assert_int_equal(pbase_counted_set_remove(&set, &one, 1, NULL, NULL), PBASE_OK);
    assert_reads(&f, ""); /* there are enough, however many others add */
    assert_int_equal(pbase_counted_set_remove(&set, &one, 9, NULL, NULL), PBASE_OK);
    assert_reads(&f, "key 1; ");
    assert_int_equal(pbase_counted_set_add(&set, &one, 3, &out, NULL), PBASE_OK);
    assert_reads(&f, "key 1; ");
    assert_int_equal(pbase_counted_set_get(set, &one, &out, NULL), PBASE_OK);
    assert_reads(&f, "key 1; ");
    assert_int_equal(pbase_counted_set_total(set, &out, NULL), PBASE_OK);
    assert_reads(&f, "whole; ");
    f.reads.fail_next = true;
    assert_int_equal(pbase_counted_set_add(&set, &one, 3, &out, NULL), PBASE_LIMIT);
    assert_int_equal(count_of(set, &one), 3);
    pbase_counted_set_close(set);
    fixture_fini(&f);
}

static void a_cursor_gives_elements_and_their_counts(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value text = pbase_value_text("x"), one = pbase_value_float(1.0), out;
    pbase_bytes bytes;
    uint64_t count = 0;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_counted_set *set = open_set(&f);
    pbase_cursor *cursor = NULL;
    assert_int_equal(pbase_counted_set_add(&set, &text, 300, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_counted_set_add(&set, &one, 1, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_counted_set_cursor(set, NULL, &cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_count(cursor, &count, NULL), PBASE_INVALID);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_value(cursor, &out, NULL), PBASE_OK);
    assert_true(pbase_value_identical(&out, &one)); /* as it was first spelled */
    assert_int_equal(pbase_cursor_count(cursor, &count, NULL), PBASE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(pbase_cursor_bytes(cursor, &bytes, NULL), PBASE_INVALID);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_key(cursor, &out, NULL), PBASE_OK);
    assert_true(pbase_value_identical(&out, &text));
    assert_int_equal(pbase_cursor_count(cursor, &count, NULL), PBASE_OK);
    assert_int_equal(count, 300);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    pbase_cursor_close(cursor);
    pbase_counted_set_close(set);
    fixture_fini(&f);
}

/* Every allocation of an edit fails once: nothing has changed and nothing leaks. */
static void edits_without_memory_change_nothing(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    fixture f;
    fault_alloc_init(&fa);
    fixture_init(&f, &fa.alloc, false);
    pbase_counted_set *set = open_set(&f), *kept = NULL;
    for (int64_t i = 0; i < 2000; i++) {
        pbase_value key = pbase_value_int(i);
        assert_int_equal(pbase_counted_set_add(&set, &key, 2, NULL, NULL), PBASE_OK);
    }
    for (int step = 0; step < 3; step++) {
        pbase_value key = pbase_value_int(step == 0 ? 5000 : 1000);
        assert_int_equal(pbase_counted_set_keep(set, &kept, NULL), PBASE_OK);
        uint64_t distinct = 0, total = 0;
        assert_int_equal(pbase_counted_set_count(set, &distinct, NULL), PBASE_OK);
        assert_int_equal(pbase_counted_set_total(set, &total, NULL), PBASE_OK);
        for (uint64_t n = 1;; n++) {
            fault_alloc_fail_at(&fa, n);
            pbase_status status =
                step < 2 ? pbase_counted_set_add(&set, &key, 1, NULL, NULL)
                         : pbase_counted_set_remove(&set, &key, PBASE_COUNT_ALL, NULL, NULL);
            bool failed = fault_alloc_has_failed(&fa);
            fault_alloc_fail_at(&fa, 0);
            if (!failed) {
                assert_int_equal(status, PBASE_OK);
                break;
            }
            assert_int_equal(status, PBASE_NO_MEMORY);
            assert_counts(set, distinct, total);
        }
        pbase_counted_set_close(kept);
    }
    assert_counts(set, 2000, 3999); /* 2000 twice, one new, one more, one less by three */
    assert_log_replays(&f, collection_of_counted_set(set));
    pbase_counted_set_close(set);
    fixture_fini(&f);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void random_operations_agree_with_an_array(void **state)
{
    (void)state; /* no fixture */
    enum { KEYS = 3000 };
    static uint64_t model[KEYS];
    fixture f;
    seed_random random;
    uint64_t total = 0, distinct = 0;
    fixture_init(&f, pbase_alloc_default(), false);
    seed_random_init(&random, seed_for("counted set"));
    pbase_counted_set *set = open_set(&f);
    int rounds = seed_is_long_run() ? 1000000 : 100000;
    for (int i = 0; i < rounds; i++) {
        size_t n = (size_t)seed_below(&random, KEYS);
        uint64_t times = seed_below(&random, 4), out = 0;
        pbase_value key = pbase_value_int((int64_t)n);
        if (seed_below(&random, 2) == 0) {
            assert_int_equal(pbase_counted_set_add(&set, &key, times, &out, NULL), PBASE_OK);
            model[n] += times;
            total += times;
            assert_int_equal(out, model[n]);
        } else {
            times = times == 3 ? PBASE_COUNT_ALL : times;
            uint64_t taken = times < model[n] ? times : model[n];
            assert_int_equal(pbase_counted_set_remove(&set, &key, times, &out, NULL), PBASE_OK);
            assert_int_equal(out, taken);
            model[n] -= taken;
            total -= taken;
        }
    }
    for (size_t n = 0; n < KEYS; n++) {
        pbase_value key = pbase_value_int((int64_t)n);
        assert_int_equal(count_of(set, &key), model[n]);
        distinct += model[n] != 0;
    }
    assert_counts(set, distinct, total);
    assert_log_replays(&f, collection_of_counted_set(set));
    pbase_counted_set_close(set);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_a_b_gives_total_3_and_two_distinct),
        cmocka_unit_test(taking_gives_back_no_more_than_is_there),
        cmocka_unit_test(more_than_can_be_counted_is_refused),
        cmocka_unit_test(only_what_decides_a_result_is_read),
        cmocka_unit_test(a_cursor_gives_elements_and_their_counts),
        cmocka_unit_test(edits_without_memory_change_nothing),
        cmocka_unit_test(random_operations_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
