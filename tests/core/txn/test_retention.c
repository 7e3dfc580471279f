/* test_retention.c - which checkpoints are kept, and their list as bytes. */
#include "txn/retention.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000000000)

static retained_list list;

/* Checkpoints at sequences 0, 10, 20, ... an hour and 1000 bytes of journal apart. */
static int begin(void **unused)
{
    (void)unused;
    retained_list_init(&list, pbase_alloc_default());
    for (uint64_t i = 0; i < 6; i++) {
        retained_checkpoint item = {.sequence = 10 * i,
                                    .timestamp_ns = HOUR * (int64_t)i,
                                    .root = 64 * i,
                                    .replay = 4096 + 1000 * i};
        assert_int_equal(retained_list_add(&list, &item, NULL), PBASE_OK);
    }
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    retained_list_fini(&list);
    return 0;
}

/* Applies a policy five and a half hours after the first; yields the oldest kept sequence. */
static uint64_t oldest_after(uint64_t age_hours, uint64_t count, uint64_t bytes)
{
    retention_policy policy = {
        .age_ns = age_hours * (uint64_t)HOUR, .count = count, .bytes = bytes};
    retention_apply(&policy, 5 * HOUR + HOUR / 2, 4096 + 5500, &list);
    assert_int_equal(list.items[list.count - 1].sequence, 50);
    return list.items[0].sequence;
}

static void without_a_policy_only_the_newest_is_kept(void **unused)
{
    (void)unused;
    assert_int_equal(oldest_after(0, 0, 0), 50);
    assert_int_equal(list.count, 1);
}

static void as_many_are_kept_as_the_count_says(void **unused)
{
    (void)unused;
    assert_int_equal(oldest_after(0, 3, 0), 30);
    assert_int_equal(list.count, 3);
}

static void an_age_keeps_the_checkpoint_before_it(void **unused)
{
    (void)unused;
    assert_int_equal(oldest_after(2, 0, 0), 30); /* at 3:30 the newest was that of 3:00 */
}

static void bytes_bound_the_journal_behind_the_oldest(void **unused)
{
    (void)unused;
    assert_int_equal(oldest_after(0, 0, 2500), 30);
    assert_int_equal(oldest_after(0, 0, 2499), 40);
}

static void every_bound_counts(void **unused)
{
    (void)unused;
    assert_int_equal(oldest_after(100, 5, 1 << 20), 10);
    assert_int_equal(oldest_after(100, 5, 1500), 40);
}

static void the_newest_stays_whatever_the_bounds(void **unused)
{
    (void)unused;
    assert_int_equal(oldest_after(0, 1, 1), 50);
}

static void a_clock_that_went_back_drops_nothing(void **unused)
{
    (void)unused;
    retention_policy policy = {.age_ns = 1};
    retention_apply(&policy, -HOUR, 4096 + 5500, &list);
    assert_int_equal(list.count, 6);
}

static void past_the_limit_those_between_go_and_the_ends_stay(void **unused)
{
    (void)unused;
    retention_policy policy = {.bytes = UINT64_MAX};
    for (uint64_t i = 6; i < RETAINED_MAX + 50; i++) {
        retained_checkpoint item = {.sequence = 10 * i, .replay = 4096 + 1000 * i};
        assert_int_equal(retained_list_add(&list, &item, NULL), PBASE_OK);
    }
    retention_apply(&policy, 0, 4096 + 1000 * (RETAINED_MAX + 50), &list);
    assert_int_equal(list.count, RETAINED_MAX);
    assert_int_equal(list.items[0].sequence, 0);
    assert_int_equal(list.items[RETAINED_MAX - 1].sequence, 10 * (RETAINED_MAX + 49));
    for (size_t i = 1; i < list.count; i++) {
        assert_true(list.items[i].sequence > list.items[i - 1].sequence);
        assert_true(list.items[i].replay - list.items[i - 1].replay <= 3000);
    }
}

static void the_newest_at_or_before_is_found(void **unused)
{
    (void)unused;
    assert_int_equal(retained_list_find(&list, 0), 0);
    assert_int_equal(retained_list_find(&list, 9), 0);
    assert_int_equal(retained_list_find(&list, 10), 1);
    assert_int_equal(retained_list_find(&list, 999), 5);
    assert_int_equal(retained_list_find_time(&list, HOUR - 1), 0);
    assert_int_equal(retained_list_find_time(&list, -1), list.count); /* none */
}

static void a_list_reads_back_and_is_refused_when_cut_or_out_of_order(void **unused)
{
    (void)unused;
    pbase_buffer bytes;
    retained_list read;
    pbase_buffer_init(&bytes, pbase_alloc_default());
    assert_int_equal(retained_list_write(&list, &bytes, NULL), PBASE_OK);
    for (size_t size = 0; size <= bytes.size; size++) {
        retained_list_init(&read, pbase_alloc_default());
        pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_bytes_of(bytes.data, size));
        bool whole = size == bytes.size || size == 0; /* older records end before it */
        assert_int_equal(retained_list_read(&reader, &read, NULL),
                         whole ? PBASE_OK : PBASE_CORRUPT);
        if (size == bytes.size) {
            assert_int_equal(read.count, list.count);
            assert_memory_equal(read.items, list.items, list.count * sizeof *list.items);
        }
        retained_list_fini(&read);
    }
    bytes.data[1] = 11; /* the first sequence: beyond the second */
    retained_list_init(&read, pbase_alloc_default());
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&bytes));
    assert_int_equal(retained_list_read(&reader, &read, NULL), PBASE_CORRUPT);
    retained_list_fini(&read);
    pbase_buffer_fini(&bytes);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(without_a_policy_only_the_newest_is_kept),
        SENTENCE(as_many_are_kept_as_the_count_says),
        SENTENCE(an_age_keeps_the_checkpoint_before_it),
        SENTENCE(bytes_bound_the_journal_behind_the_oldest),
        SENTENCE(every_bound_counts),
        SENTENCE(the_newest_stays_whatever_the_bounds),
        SENTENCE(a_clock_that_went_back_drops_nothing),
        SENTENCE(past_the_limit_those_between_go_and_the_ends_stay),
        SENTENCE(the_newest_at_or_before_is_found),
        SENTENCE(a_list_reads_back_and_is_refused_when_cut_or_out_of_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
