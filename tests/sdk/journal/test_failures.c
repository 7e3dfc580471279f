/* test_failures.c - calls that fail: what a journal refuses, and what it goes on with. */
#include "journal/frame.h"
#include "journal_case.h"

/* A segment has room for no more than 1,200 bytes; the next one was made and cannot be remembered. */
static void refuse_the_second_segment(void)
{
    pbase_journal_appended done;
    append(0, 1, BED_SEGMENT_BYTES - 1200, PBASE_DURABILITY_SYNC);
    on.refuses = true;
    assert_int_equal(bed_append(&on, 1, 1, 2000, PBASE_DURABILITY_SYNC, &done, NULL),
                     PBASE_NO_MEMORY);
}

static void a_segment_that_cannot_be_remembered_refuses_the_append(void **state)
{
    pbase_journal_appended done;
    journal_stats stats;
    (void)state;
    refuse_the_second_segment();

    append(1, 1, 100, PBASE_DURABILITY_SYNC); /* where the last one was */
    assert_int_equal(bed_append(&on, 2, 1, 2000, PBASE_DURABILITY_SYNC, &done, NULL),
                     PBASE_NO_MEMORY);
    on.refuses = false;
    append(2, 1, 2000, PBASE_DURABILITY_SYNC); /* in the segment that was refused */
    journal_stats_get(on.journal, &stats);
    assert_int_equal(stats.segment_count, 2);
    reopen();
    assert_numbers(0, 0, 3);
}

static void a_refused_segment_that_a_frame_does_not_fit_goes(void **state)
{
    pbase_journal_appended done;
    journal_stats stats;
    (void)state;
    refuse_the_second_segment();

    assert_int_equal(
        bed_append(&on, 1, 1, 3 * BED_SEGMENT_BYTES, PBASE_DURABILITY_SYNC, &done, NULL),
        PBASE_NO_MEMORY);

    journal_stats_get(on.journal, &stats);
    assert_int_equal(stats.segment_count, 1);
    on.refuses = false;
    append(1, 1, 3 * BED_SEGMENT_BYTES, PBASE_DURABILITY_SYNC);
    append(2, 1, 2000, PBASE_DURABILITY_SYNC);
    reopen();
    assert_numbers(0, 0, 3);
}

static void a_failed_write_poisons_until_reopened(void **state)
{
    pbase_journal_appended done;
    pbase_error err;
    int32_t outcome = -1;
    pbase_position position;
    (void)state;
    append(0, 1, 100, PBASE_DURABILITY_SYNC);

    sim_os_fail_at(sim, OS_CALL_SYNC, 1, PBASE_IO, false);
    pbase_error_init(&err);
    assert_int_equal(bed_append(&on, 1, 1, 100, PBASE_DURABILITY_SYNC, &done, &err), PBASE_UNKNOWN);

    assert_int_equal(err.outcome, PBASE_OUTCOME_UNKNOWN);
    assert_memory_equal(err.token.bytes, bed_token(1).bytes, 16);
    assert_int_equal(bed_append(&on, 2, 1, 100, PBASE_DURABILITY_NONE, &done, NULL),
                     PBASE_READ_ONLY);
    assert_int_equal(journal_trim(on.journal, NULL, head().head, NULL), PBASE_READ_ONLY);
    assert_int_equal(journal_outcome(on.journal, NULL, bed_token(1), &outcome, &position, NULL),
                     PBASE_UNKNOWN);
    assert_numbers(0, 0, 1); /* reading goes on */
    reopen();
    assert_int_equal(journal_outcome(on.journal, NULL, bed_token(1), &outcome, &position, NULL),
                     PBASE_OK);
    assert_true(outcome == PBASE_OUTCOME_FOUND || outcome == PBASE_OUTCOME_ABSENT);
}

static void a_failed_sync_poisons_too(void **state)
{
    pbase_journal_appended done;
    (void)state;
    append(0, 1, 100, PBASE_DURABILITY_ASYNC);

    sim_os_fail_at(sim, OS_CALL_SYNC, 1, PBASE_IO, false);
    assert_int_equal(journal_sync(on.journal, NULL, head().head, NULL), PBASE_IO);

    assert_int_equal(journal_sync(on.journal, NULL, head().head, NULL), PBASE_READ_ONLY);
    assert_int_equal(bed_append(&on, 2, 1, 100, PBASE_DURABILITY_NONE, &done, NULL),
                     PBASE_READ_ONLY);
}

static void a_full_disk_refuses_and_loses_nothing(void **state)
{
    pbase_journal_appended done;
    (void)state;
    sim_os_disk_limit(sim, 3 * BED_SEGMENT_BYTES);
    uint64_t number = 0;

    while (bed_append(&on, number, 1, 900, PBASE_DURABILITY_SYNC, &done, NULL) == PBASE_OK) {
        number++;
    }

    assert_int_equal(bed_append(&on, number, 1, 900, PBASE_DURABILITY_SYNC, &done, NULL),
                     PBASE_NO_SPACE);
    assert_int_equal(bed_append(&on, number, 1, 90000, PBASE_DURABILITY_SYNC, &done, NULL),
                     PBASE_NO_SPACE);
    assert_numbers(0, 0, number);
    assert_int_equal(journal_trim(on.journal, NULL, done.end, NULL), PBASE_OK);
    on.options.first = done.end;
    append(number, 1, 900, PBASE_DURABILITY_SYNC); /* in a recycled segment */
    reopen();
    assert_numbers(0, number, 1);
}

/* Its segment holds nothing else, so nothing is in doubt once that is gone. */
static void a_frame_larger_than_a_segment_that_meets_a_full_disk_is_refused(void **state)
{
    static const os_call calls[] = {OS_CALL_WRITE, OS_CALL_SYNC};
    pbase_journal_appended done;
    uint64_t number = 1, refused = 0;
    (void)state;
    append(0, 1, 900, PBASE_DURABILITY_SYNC);
    for (unsigned i = 0; i < 2; i++) {
        pbase_status status = PBASE_NO_SPACE;
        for (unsigned at = 1; status != PBASE_OK; at++) {
            pbase_error err;
            pbase_error_init(&err);
            sim_os_fail_at(sim, calls[i], at, PBASE_NO_SPACE, false);
            status = bed_append(&on, number, 1, 3 * BED_SEGMENT_BYTES, PBASE_DURABILITY_SYNC, &done,
                                &err);
            if (status != PBASE_OK) {
                assert_int_equal(status, PBASE_NO_SPACE);
                assert_int_equal(err.outcome, PBASE_OUTCOME_NOT_APPLIED);
                refused++;
            }
            sim_os_fail_at(sim, calls[i], 0, PBASE_OK, false);
            number += status == PBASE_OK ? 1 : 0;
            append(number++, 1, 900, PBASE_DURABILITY_SYNC);
        }
    }
    assert_true(refused >= 4); /* each piece, and the flush */
    assert_numbers(0, 0, number);
    reopen();
    assert_numbers(0, 0, number);
}

static void a_journal_that_cannot_be_cut_takes_no_more(void **state)
{
    (void)state;
    bed_close(&on);
    on.provider.segment_bytes = 16 * BED_SEGMENT_BYTES;
    assert_int_equal(bed_open(&on, NULL), PBASE_OK);
    append(0, 1, 100, PBASE_DURABILITY_SYNC);
    sim_os_fail_at(sim, OS_CALL_SYNC, 1, PBASE_IO, false);

    assert_int_equal(journal_shrunk(on.journal, &on.options.entered, NULL), PBASE_OK);
    assert_int_equal(journal_shrink(on.journal, NULL, NULL), PBASE_IO);

    sim_os_fail_at(sim, OS_CALL_SYNC, 0, PBASE_OK, false);
    assert_int_equal(
        bed_append(&on, 1, 1, 10, PBASE_DURABILITY_NONE, &(pbase_journal_appended){0}, NULL),
        PBASE_READ_ONLY);
    reopen();
    assert_numbers(0, 0, 1);
}

static void lack_of_memory_at_any_request_leaves_the_journal_usable(void **state)
{
    pbase_journal_appended done;
    uint64_t number = 0;
    (void)state;
    for (uint64_t n = 1;; n++) {
        sim_os_fail_at(sim, OS_CALL_MEMORY, n, PBASE_NO_MEMORY, false);
        uint64_t before = sim_os_calls(sim, OS_CALL_MEMORY);
        pbase_status status =
            bed_append(&on, number, 1, BED_SEGMENT_BYTES - 200, PBASE_DURABILITY_SYNC, &done, NULL);
        uint64_t asked = sim_os_calls(sim, OS_CALL_MEMORY) - before;
        sim_os_fail_at(sim, OS_CALL_MEMORY, 0, PBASE_OK, false);
        if (status == PBASE_OK) {
            number++;
            if (asked < n) {
                break;
            }
            continue;
        }
        assert_int_equal(status, PBASE_NO_MEMORY);
        assert_numbers(0, 0, number);
    }
    reopen();
    assert_numbers(0, 0, number);
    bed_close(&on);
    for (uint64_t n = 1;; n++) {
        sim_os_fail_at(sim, OS_CALL_MEMORY, n, PBASE_NO_MEMORY, false);
        pbase_status status = bed_open(&on, NULL);
        sim_os_fail_at(sim, OS_CALL_MEMORY, 0, PBASE_OK, false);
        if (status == PBASE_OK) {
            break;
        }
        assert_int_equal(status, PBASE_NO_MEMORY);
        assert_int_equal(sim_os_memory_used(sim), 0);
    }
    assert_numbers(0, 0, number);
}

/* Memory stays short: what a failed append could not undo is no harm to the next one. */
static void lack_of_memory_from_any_request_on_leaves_the_journal_usable(void **state)
{
    pbase_journal_appended done;
    uint64_t number = 0;
    (void)state;
    for (uint64_t n = 1, failures = 1; failures > 0; n++) {
        failures = 0;
        for (int i = 0; i < 3; i++) { /* the last one is larger than a segment */
            size_t size = i == 2 ? 2 * BED_SEGMENT_BYTES : BED_SEGMENT_BYTES - 200;
            sim_os_fail_at(sim, OS_CALL_MEMORY, n, PBASE_NO_MEMORY, true);
            pbase_status status =
                bed_append(&on, number, 1, size, PBASE_DURABILITY_SYNC, &done, NULL);
            sim_os_fail_at(sim, OS_CALL_MEMORY, 0, PBASE_OK, false);
            if (status != PBASE_OK) {
                failures++;
                assert_int_equal(status, PBASE_NO_MEMORY);
                status = bed_append(&on, number, 1, size, PBASE_DURABILITY_SYNC, &done, NULL);
            }
            assert_int_equal(status, PBASE_OK);
            number++;
        }
    }
    assert_numbers(0, 0, number);
    reopen();
    assert_numbers(0, 0, number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_segment_that_cannot_be_remembered_refuses_the_append),
        TEST(a_refused_segment_that_a_frame_does_not_fit_goes),
        TEST(a_failed_write_poisons_until_reopened),
        TEST(a_failed_sync_poisons_too),
        TEST(a_full_disk_refuses_and_loses_nothing),
        TEST(a_frame_larger_than_a_segment_that_meets_a_full_disk_is_refused),
        TEST(a_journal_that_cannot_be_cut_takes_no_more),
        TEST(lack_of_memory_at_any_request_leaves_the_journal_usable),
        TEST(lack_of_memory_from_any_request_on_leaves_the_journal_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
