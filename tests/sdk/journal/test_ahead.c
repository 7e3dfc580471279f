/* test_ahead.c - what an append writes beside its frame: zeros ahead where a segment has only its room,
 * nothing where it was written before. */
#include "journal_case.h"

#define UNIT 4096u
#define SEGMENT (1u << 20)
#define STEP_FIRST 16384u

static uint64_t written;

/* Segments of a size that has steps, on a device with larger units. */
static void begin(void)
{
    on.provider.atomic_bytes = UNIT;
    on.provider.segment_bytes = SEGMENT;
    on.provider.written_bytes = &written;
    reopen();
    written = 0;
}

static uint64_t written_by(uint64_t number, size_t size, int32_t durability)
{
    uint64_t before = written;
    append(number, 1, size, durability);
    return written - before;
}

static void a_durable_append_writes_zeros_ahead_and_those_behind_it_do_not(void **state)
{
    (void)state;
    uint64_t count = 1;
    begin();
    assert_int_equal(written_by(0, 100, PBASE_DURABILITY_SYNC), STEP_FIRST);
    while (head().head + 2 * UNIT <= JOURNAL_POSITION_FIRST + STEP_FIRST) {
        assert_int_equal(written_by(count++, 1000, PBASE_DURABILITY_SYNC), UNIT);
    }
    while (head().head < JOURNAL_POSITION_FIRST + STEP_FIRST) {
        append(count++, 1, 1000, PBASE_DURABILITY_SYNC);
    }
    assert_true(written > 2 * STEP_FIRST + count * UNIT); /* the next step is a larger one */
    assert_numbers(0, 0, count);
    reopen();
    assert_numbers(0, 0, count);
}

static void an_append_that_is_not_flushed_writes_nothing_ahead(void **state)
{
    (void)state;
    begin();
    for (uint64_t number = 0; number < 8; number++) {
        assert_int_equal(written_by(number, 1000, PBASE_DURABILITY_NONE), UNIT);
    }
    assert_numbers(0, 0, 8);
}

static void nothing_is_written_behind_the_end_of_a_segment(void **state)
{
    (void)state;
    begin();
    uint64_t count = 0;
    while (head().head < JOURNAL_POSITION_FIRST + 4 * SEGMENT) {
        (void)written_by(count++, 3000, PBASE_DURABILITY_SYNC);
    }
    journal_stats stats;
    journal_stats_get(on.journal, &stats);
    assert_int_equal(stats.segment_bytes, stats.segment_count * SEGMENT);
    assert_true(written <= (stats.segment_count + 1) * SEGMENT + count * UNIT);
    assert_numbers(0, 0, (size_t)count);
}

static void a_recycled_segment_is_not_written_ahead(void **state)
{
    (void)state;
    begin();
    uint64_t count = 0;
    while (head().head < JOURNAL_POSITION_FIRST + 2 * SEGMENT) { /* two whole ones, and a new one */
        append(count++, 1, 3000, PBASE_DURABILITY_SYNC);
    }
    assert_int_equal(journal_trim(on.journal, NULL, head().head, NULL), PBASE_OK);
    uint64_t recycled = JOURNAL_POSITION_FIRST + 3 * SEGMENT;
    while (head().head < recycled) {
        append(count++, 1, 3000, PBASE_DURABILITY_SYNC);
    }

    for (int i = 0; i < 64; i++) {
        assert_int_equal(written_by(count++, 3000, PBASE_DURABILITY_SYNC), UNIT);
    }
}

static void where_no_room_can_be_reserved_a_segment_is_zeroed(void **state)
{
    (void)state;
    begin();
    sim_os_fail_at(sim, OS_CALL_ALLOCATE, 1, PBASE_UNSUPPORTED, true);
    assert_int_equal(written_by(0, 100, PBASE_DURABILITY_SYNC), SEGMENT + UNIT);
    for (uint64_t number = 1; number < 64; number++) {
        assert_int_equal(written_by(number, 1000, PBASE_DURABILITY_SYNC), UNIT);
    }
    reopen();
    assert_numbers(0, 0, 64);
}

/* The segment made ahead finds no room: that is told, and nothing more. */
static void a_disk_that_is_full_for_the_next_segment_takes_appends(void **state)
{
    (void)state;
    begin();
    uint64_t count = 0;
    while (head().head < JOURNAL_POSITION_FIRST + SEGMENT * 3 / 4) {
        append(count++, 1, 3000, PBASE_DURABILITY_SYNC);
    }
    sim_os_disk_limit(sim, 1);
    assert_int_equal(journal_prepare(on.journal, NULL, NULL), PBASE_NO_SPACE);
    for (int i = 0; i < 8; i++) {
        append(count++, 1, 3000, PBASE_DURABILITY_SYNC);
    }
    sim_os_disk_limit(sim, 0);
    assert_int_equal(journal_prepare(on.journal, NULL, NULL), PBASE_OK);
    while (head().head < JOURNAL_POSITION_FIRST + 2 * SEGMENT) {
        append(count++, 1, 3000, PBASE_DURABILITY_SYNC);
    }
    assert_numbers(0, 0, (size_t)count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_durable_append_writes_zeros_ahead_and_those_behind_it_do_not),
        TEST(an_append_that_is_not_flushed_writes_nothing_ahead),
        TEST(nothing_is_written_behind_the_end_of_a_segment),
        TEST(a_recycled_segment_is_not_written_ahead),
        TEST(where_no_room_can_be_reserved_a_segment_is_zeroed),
        TEST(a_disk_that_is_full_for_the_next_segment_takes_appends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
