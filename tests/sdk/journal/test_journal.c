/* What a journal promises while nothing crashes and nothing fails. */
#include "journal_case.h"

static void a_new_journal_is_empty(void **state)
{
    (void)state;

    assert_int_equal(head().head, JOURNAL_POSITION_FIRST);
    assert_int_equal(head().first, JOURNAL_POSITION_FIRST);
    assert_numbers(0, 0, 0);
}

static void records_come_back_in_order_with_token_index_and_count(void **state)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    (void)state;
    pbase_journal_appended done = append(5, 3, 100, PBASE_DURABILITY_NONE);

    assert_int_equal(journal_scan_open(on.journal, NULL, 0, &scan, NULL), PBASE_OK);

    pbase_position expected = done.first;
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(journal_scan_next(scan, NULL, &record, NULL), PBASE_OK);
        assert_int_equal(record.position, expected);
        assert_int_equal(record.index, i);
        assert_int_equal(record.count, 3);
        assert_int_equal(record.bytes.size, 100);
        assert_true(bed_record_is_right(&record));
        assert_memory_equal(record.token.bytes, bed_token(5).bytes, 16);
        expected = record.next;
    }
    assert_int_equal(expected, done.end);
    assert_int_equal(journal_scan_next(scan, NULL, &record, NULL), PBASE_END);
    append(6, 1, 10, PBASE_DURABILITY_NONE);
    assert_int_equal(journal_scan_next(scan, NULL, &record, NULL), PBASE_OK); /* it found more */
    assert_true(record.position >= done.end && record.position - done.end < 512);
    journal_scan_close(scan);
}

static void a_scan_may_begin_at_every_record_and_at_every_next(void **state)
{
    pbase_journal_scan *all = NULL;
    pbase_journal_record record;
    uint64_t number = 0;
    (void)state;
    for (; number < 40; number++) { /* over several segments */
        append(number, 1 + number % 4, 60 + 90 * (number % 7), PBASE_DURABILITY_NONE);
    }

    assert_int_equal(journal_scan_open(on.journal, NULL, 0, &all, NULL), PBASE_OK);
    while (journal_scan_next(all, NULL, &record, NULL) == PBASE_OK) {
        pbase_position starts[] = {record.position, record.next};
        for (size_t i = 0; i < 2; i++) {
            pbase_journal_scan *one = NULL;
            pbase_journal_record found;
            assert_int_equal(journal_scan_open(on.journal, NULL, starts[i], &one, NULL), PBASE_OK);
            pbase_status status = journal_scan_next(one, NULL, &found, NULL);
            if (i == 0) {
                assert_int_equal(status, PBASE_OK);
                assert_int_equal(found.position, record.position);
                assert_int_equal(found.index, record.index);
                assert_int_equal(found.next, record.next);
            } else {
                assert_int_equal(status, starts[i] == head().head ? PBASE_END : PBASE_OK);
            }
            journal_scan_close(one);
        }
    }
    journal_scan_close(all);
}

static void a_scan_does_not_begin_where_no_record_does(void **state)
{
    pbase_journal_scan *scan = NULL;
    (void)state;
    pbase_journal_appended done = append(1, 2, 700, PBASE_DURABILITY_NONE);

    for (pbase_position at = done.first + 1; at < done.end; at++) {
        pbase_status status = journal_scan_open(on.journal, NULL, at, &scan, NULL);
        if (status == PBASE_OK) { /* the second record */
            assert_int_equal(at, done.first + 80 + 8 + 704);
            journal_scan_close(scan);
        } else {
            assert_int_equal(status, PBASE_INVALID);
        }
    }
    assert_int_equal(journal_scan_open(on.journal, NULL, done.end + 1, &scan, NULL), PBASE_INVALID);
    assert_int_equal(journal_scan_open(on.journal, NULL, 1, &scan, NULL), PBASE_TRIMMED);
}

static void what_was_appended_is_there_after_reopening(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 100; number++) {
        append(number, 1, 200 + number, (int32_t)(number % 3));
    }
    pbase_position before = head().head;

    reopen();

    assert_int_equal(head().head, before);
    assert_numbers(0, 0, 100);
    append(100, 1, 10, PBASE_DURABILITY_SYNC);
    assert_numbers(0, 0, 101);
    reopen();
    assert_numbers(0, 0, 101);
}

static void what_opening_has_read_is_read_once_until_something_is_appended(void **state)
{
    (void)state;
    append(0, 1, 100, PBASE_DURABILITY_SYNC);
    append(1, 1, 100, PBASE_DURABILITY_SYNC);
    reopen();
    uint64_t all = sim_os_calls(sim, OS_CALL_ANY);

    assert_numbers(0, 0, 2);
    assert_numbers(0, 0, 2);
    assert_int_equal(sim_os_calls(sim, OS_CALL_ANY), all);

    append(2, 1, 100, PBASE_DURABILITY_SYNC);
    assert_numbers(0, 0, 3);
    all = sim_os_calls(sim, OS_CALL_ANY);
    assert_numbers(0, 0, 3);
    assert_true(sim_os_calls(sim, OS_CALL_ANY) > all); /* nothing is kept for a reader any more */
}

static void an_append_larger_than_a_segment_gets_one_of_its_own(void **state)
{
    (void)state;
    append(0, 1, 100, PBASE_DURABILITY_NONE);
    append(1, 3, 100000, PBASE_DURABILITY_NONE);
    append(2, 1, 100, PBASE_DURABILITY_NONE);
    append(3, 2, 3 * 1024 * 1024, PBASE_DURABILITY_SYNC); /* more than the staging buffer */
    append(4, 1, 100, PBASE_DURABILITY_NONE);

    assert_numbers(0, 0, 5);
    reopen();
    assert_numbers(0, 0, 5);
}

static void an_append_that_fills_its_segment_exactly_is_followed_by_the_next(void **state)
{
    (void)state;
    pbase_journal_appended done =
        append(0, 1, BED_SEGMENT_BYTES - 88, PBASE_DURABILITY_NONE); /* header and record header */
    assert_int_equal(done.end - done.first, BED_SEGMENT_BYTES);
    append(1, 1, BED_SEGMENT_BYTES - 88, PBASE_DURABILITY_NONE);
    append(2, 1, 10, PBASE_DURABILITY_NONE);

    assert_numbers(0, 0, 3);
    assert_numbers(done.end, 1, 2);
    reopen();
    assert_numbers(0, 0, 3);
}

static void an_append_at_another_head_conflicts(void **state)
{
    pbase_bytes record = pbase_bytes_text("x");
    pbase_journal_append one = {.struct_size = sizeof(one),
                                .records = &record,
                                .record_count = 1,
                                .expected = JOURNAL_POSITION_FIRST};
    pbase_journal_appended done = {0, 0};
    (void)state;
    assert_int_equal(journal_append(on.journal, NULL, &one, &done, NULL), PBASE_OK);

    assert_int_equal(journal_append(on.journal, NULL, &one, &done, NULL), PBASE_CONFLICT);

    one.expected = done.end;
    assert_int_equal(journal_append(on.journal, NULL, &one, &done, NULL), PBASE_OK);
}

static void impossible_appends_are_refused(void **state)
{
    pbase_bytes records[2] = {{(const uint8_t *)"x", (size_t)PBASE_RECORD_BYTES_MAX + 1},
                              {(const uint8_t *)"x", 1}};
    pbase_journal_append one = {
        .struct_size = sizeof(one), .records = records, .expected = PBASE_POSITION_ANY};
    pbase_journal_appended done = {0, 0};
    (void)state;

    assert_int_equal(journal_append(on.journal, NULL, &one, &done, NULL), PBASE_LIMIT);
    one.record_count = 1;
    assert_int_equal(journal_append(on.journal, NULL, &one, &done, NULL), PBASE_LIMIT);
    one.records = records + 1;
    one.durability = PBASE_DURABILITY_REMOTE;
    assert_int_equal(journal_append(on.journal, NULL, &one, &done, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(head().head, JOURNAL_POSITION_FIRST);
}

static void a_durable_append_costs_one_write_and_one_flush(void **state)
{
    (void)state;
    append(0, 1, 100, PBASE_DURABILITY_SYNC);
    uint64_t writes = sim_os_calls(sim, OS_CALL_WRITE);
    uint64_t syncs = sim_os_calls(sim, OS_CALL_SYNC);
    uint64_t all = sim_os_calls(sim, OS_CALL_ANY);

    append(1, 4, 300, PBASE_DURABILITY_SYNC);

    assert_int_equal(sim_os_calls(sim, OS_CALL_WRITE) - writes, 1);
    assert_int_equal(sim_os_calls(sim, OS_CALL_SYNC) - syncs, 1);
    assert_int_equal(sim_os_calls(sim, OS_CALL_ANY) - all, 2);
    assert_int_equal(head().synced, head().head);
}

static void sync_makes_what_was_not_waited_for_durable(void **state)
{
    (void)state;
    append(0, 1, 100, PBASE_DURABILITY_ASYNC);
    assert_true(head().synced < head().head);

    assert_int_equal(journal_sync(on.journal, NULL, head().head, NULL), PBASE_OK);

    assert_int_equal(head().synced, head().head);
    uint64_t syncs = sim_os_calls(sim, OS_CALL_SYNC);
    assert_int_equal(journal_sync(on.journal, NULL, head().head, NULL), PBASE_OK);
    assert_int_equal(sim_os_calls(sim, OS_CALL_SYNC), syncs); /* it costs nothing when it is done */
    assert_int_equal(journal_sync(on.journal, NULL, head().head + 1, NULL), PBASE_INVALID);
}

static void trimming_recycles_segments_and_keeps_the_rest(void **state)
{
    pbase_journal_appended done[60];
    journal_stats stats;
    pbase_journal_scan *scan = NULL;
    (void)state;
    for (uint64_t number = 0; number < 60; number++) {
        done[number] = append(number, 1, 900, PBASE_DURABILITY_NONE);
    }

    assert_int_equal(journal_trim(on.journal, NULL, done[40].first, NULL), PBASE_OK);
    on.options.first = done[40].first;

    journal_stats_get(on.journal, &stats);
    assert_int_equal(stats.spare_count, 2);
    assert_true(stats.segment_count < 8);
    assert_int_equal(journal_scan_open(on.journal, NULL, done[39].first, &scan, NULL),
                     PBASE_TRIMMED);
    assert_numbers(0, 40, 20);
    for (uint64_t number = 60; number < 100; number++) { /* over the recycled ones */
        append(number, 1, 800, PBASE_DURABILITY_NONE);
    }
    assert_numbers(0, 40, 60);
    reopen();
    assert_numbers(0, 40, 60);
    assert_int_equal(journal_trim(on.journal, NULL, head().head + 1, NULL), PBASE_INVALID);
    assert_int_equal(journal_trim(on.journal, NULL, head().head, NULL), PBASE_OK);
    on.options.first = head().head;
    assert_numbers(0, 0, 0);
    reopen();
    append(7, 1, 10, PBASE_DURABILITY_NONE);
    assert_numbers(0, 7, 1);
}

static void opening_at_a_later_start_finds_the_same_head(void **state)
{
    pbase_journal_appended done[30];
    (void)state;
    for (uint64_t number = 0; number < 30; number++) {
        done[number] = append(number, 2, 500, PBASE_DURABILITY_NONE);
    }
    pbase_position before = head().head;

    for (size_t i = 0; i < 30; i++) {
        on.options.start = done[i].first;
        reopen();
        assert_int_equal(head().head, before);
        on.options.start = done[i].first + 80 + 8 + 504; /* the second record */
        reopen();
        assert_int_equal(head().head, before);
    }
    on.options.start = before;
    reopen();
    assert_int_equal(head().head, before);
    assert_numbers(0, 0, 30);
    on.options.start = done[3].first + 8;
    bed_close(&on);
    assert_int_equal(bed_open(&on, NULL), PBASE_INVALID);
}

static void the_outcome_of_a_token_is_found_absent_or_expired(void **state)
{
    pbase_journal_appended done[20];
    int32_t outcome = -1;
    pbase_position position = 0;
    (void)state;
    for (uint64_t number = 0; number < 20; number++) {
        done[number] = append(number, 1, 900, PBASE_DURABILITY_NONE);
    }

    assert_int_equal(journal_outcome(on.journal, NULL, bed_token(7), &outcome, &position, NULL),
                     PBASE_OK);
    assert_int_equal(outcome, PBASE_OUTCOME_FOUND);
    assert_int_equal(position, done[7].first);
    assert_int_equal(journal_outcome(on.journal, NULL, bed_token(99), &outcome, &position, NULL),
                     PBASE_OK);
    assert_int_equal(outcome, PBASE_OUTCOME_ABSENT);
    assert_int_equal(journal_trim(on.journal, NULL, done[10].first, NULL), PBASE_OK);
    assert_int_equal(journal_outcome(on.journal, NULL, bed_token(7), &outcome, &position, NULL),
                     PBASE_OK);
    assert_int_equal(outcome, PBASE_OUTCOME_EXPIRED);
}

static void waiting_ends_with_the_call(void **state)
{
    const pbase_os *os = sim_os_interface(sim);
    pbase_call call = {.deadline_ns = os->system->monotonic_ns(os) + 1000000000, .cancelled = NULL};
    (void)state;

    assert_int_equal(journal_wait(on.journal, &call, head().head, NULL), PBASE_TIMEOUT);
    append(0, 1, 10, PBASE_DURABILITY_NONE);
    assert_int_equal(journal_wait(on.journal, NULL, JOURNAL_POSITION_FIRST, NULL), PBASE_OK);
    assert_int_equal(journal_append(on.journal, &call, &(pbase_journal_append){0}, NULL, NULL),
                     PBASE_TIMEOUT);
}

static void a_prepared_segment_is_used_by_the_next_roll(void **state)
{
    journal_stats stats;
    (void)state;
    append(0, 1, BED_SEGMENT_BYTES - 200, PBASE_DURABILITY_NONE);

    assert_int_equal(journal_prepare(on.journal, NULL, NULL), PBASE_OK);
    journal_stats_get(on.journal, &stats);
    assert_int_equal(stats.spare_count, 1);
    append(1, 1, BED_SEGMENT_BYTES - 200, PBASE_DURABILITY_NONE);

    journal_stats_get(on.journal, &stats);
    assert_int_equal(stats.spare_count, 0);
    assert_int_equal(stats.segment_count, 2);
    assert_int_equal(stats.append_count, 2);
}

static void no_segment_is_made_ahead_while_most_of_one_is_free(void **state)
{
    journal_stats stats;
    (void)state;
    append(0, 1, 100, PBASE_DURABILITY_SYNC);

    assert_int_equal(journal_prepare(on.journal, NULL, NULL), PBASE_OK);

    journal_stats_get(on.journal, &stats);
    assert_int_equal(stats.spare_count, 0);
    assert_int_equal(stats.segment_count, 1);
}

static void a_shrunk_journal_gives_back_what_only_later_appends_need(void **state)
{
    journal_stats stats;
    (void)state;
    bed_close(&on);
    on.provider.segment_bytes = 16 * BED_SEGMENT_BYTES;
    assert_int_equal(bed_open(&on, NULL), PBASE_OK);
    append(0, 1, 100, PBASE_DURABILITY_SYNC);
    assert_int_equal(journal_prepare(on.journal, NULL, NULL), PBASE_OK);

    assert_int_equal(journal_shrunk(on.journal, &on.options.entered, NULL), PBASE_OK);
    assert_int_equal(journal_shrink(on.journal, NULL, NULL), PBASE_OK);

    journal_stats_get(on.journal, &stats);
    assert_int_equal(stats.spare_count, 0);
    assert_int_equal(stats.segment_bytes, BED_SEGMENT_BYTES + 4096);
    for (uint64_t number = 1; number < 40; number++) { /* within what was left, and beyond */
        append(number, 1, 900, PBASE_DURABILITY_SYNC);
    }
    assert_numbers(0, 0, 40);
    assert_int_equal(journal_shrunk(on.journal, &on.options.entered, NULL), PBASE_OK);
    assert_int_equal(journal_shrink(on.journal, NULL, NULL), PBASE_OK);
    reopen();
    assert_numbers(0, 0, 40);
    journal_stats_get(on.journal, &stats);
    assert_int_equal(stats.segment_count, 2);
    append(40, 1, 900, PBASE_DURABILITY_SYNC);
    assert_numbers(0, 0, 41);
}

static void what_a_shrunk_journal_has_forgotten_becomes_a_hole(void **state)
{
    pbase_journal_appended done[100];
    (void)state;
    bed_close(&on);
    on.provider.segment_bytes = 16 * BED_SEGMENT_BYTES;
    assert_int_equal(bed_open(&on, NULL), PBASE_OK);
    for (uint64_t number = 0; number < 100; number++) {
        done[number] = append(number, 1, 900, PBASE_DURABILITY_SYNC);
    }
    assert_int_equal(journal_trim(on.journal, NULL, done[10].first, NULL), PBASE_OK);
    uint64_t before = sim_os_calls(sim, OS_CALL_PUNCH);

    assert_int_equal(journal_shrunk(on.journal, &on.options.entered, NULL), PBASE_OK);
    assert_int_equal(journal_shrink(on.journal, NULL, NULL), PBASE_OK); /* little is forgotten */
    assert_int_equal(sim_os_calls(sim, OS_CALL_PUNCH), before);
    assert_int_equal(journal_trim(on.journal, NULL, done[90].first, NULL), PBASE_OK);
    on.options.first = done[90].first;
    assert_int_equal(journal_shrunk(on.journal, &on.options.entered, NULL), PBASE_OK);
    assert_int_equal(journal_shrink(on.journal, NULL, NULL), PBASE_OK);

    assert_int_equal(sim_os_calls(sim, OS_CALL_PUNCH), before + 1);
    assert_numbers(0, 90, 10);
    reopen();
    assert_numbers(0, 90, 10);
    for (uint64_t number = 100; number < 300; number++) { /* into the next segments */
        (void)append(number, 1, 900, PBASE_DURABILITY_SYNC);
    }
    assert_numbers(0, 90, 210);
}

static void a_scan_begins_at_a_record_inside_the_frame_that_was_trimmed_to(void **state)
{
    (void)state;
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    append(0, 4, 40, PBASE_DURABILITY_SYNC);
    append(1, 1, 40, PBASE_DURABILITY_SYNC);
    assert_int_equal(journal_scan_open(on.journal, NULL, 0, &scan, NULL), PBASE_OK);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(journal_scan_next(scan, NULL, &record, NULL), PBASE_OK);
    }
    journal_scan_close(scan);
    pbase_position third = record.position;

    assert_int_equal(journal_trim(on.journal, NULL, third, NULL), PBASE_OK);

    assert_int_equal(journal_scan_open(on.journal, NULL, 0, &scan, NULL), PBASE_OK);
    assert_int_equal(journal_scan_next(scan, NULL, &record, NULL), PBASE_OK);
    assert_int_equal(record.position, third);
    assert_int_equal(record.index, 2);
    journal_scan_close(scan);
    assert_numbers(0, 0, 2);
}

static void a_larger_atomic_unit_continues_a_journal_with_a_smaller_one(void **state)
{
    (void)state;
    append(0, 1, 100, PBASE_DURABILITY_SYNC);
    on.provider.atomic_bytes = 4096;

    reopen();
    pbase_journal_appended done = append(1, 1, 100, PBASE_DURABILITY_SYNC);

    assert_int_equal(done.first % 4096, 0);
    assert_numbers(0, 0, 2);
    reopen();
    assert_numbers(0, 0, 2);
    on.provider.atomic_bytes = 512;
    reopen();
    append(2, 1, 100, PBASE_DURABILITY_SYNC);
    assert_numbers(0, 0, 3);
}

/* What is kept of a larger unit is no part of a smaller one. */
static void a_unit_that_is_learned_between_two_appends_spoils_no_frame(void **state)
{
    (void)state;
    static const uint32_t units[][2] = {{4096, 512}, {512, 4096}};
    uint64_t number = 0;
    for (size_t i = 0; i < 2; i++) {
        uint32_t now = units[i][0];
        on.provider.atomic_now = &now;
        reopen();
        for (int n = 0; n < 5; n++) {
            append(number++, 1, 100, PBASE_DURABILITY_SYNC);
        }
        now = units[i][1];
        journal_unit_learn(on.journal);
        for (int n = 0; n < 5; n++) {
            append(number++, 1, 100, PBASE_DURABILITY_SYNC);
        }
        assert_numbers(0, 0, (size_t)number);
        on.provider.atomic_now = NULL;
        reopen();
        assert_numbers(0, 0, (size_t)number);
    }
}

/* A unit that is written again holds what it held; it is shared only where that writes no more units. */
static void small_frames_share_a_unit_and_larger_ones_begin_their_own(void **state)
{
    (void)state;
    on.provider.atomic_bytes = 4096;
    reopen();
    pbase_journal_appended first = append(0, 1, 100, PBASE_DURABILITY_SYNC);
    pbase_journal_appended second = append(1, 1, 700, PBASE_DURABILITY_NONE);
    pbase_journal_appended third = append(2, 1, 100, PBASE_DURABILITY_SYNC);
    pbase_journal_appended whole = append(3, 1, 3500, PBASE_DURABILITY_SYNC);
    pbase_journal_appended after = append(4, 1, 300, PBASE_DURABILITY_SYNC);

    assert_int_equal(first.first % 4096, 0);
    assert_int_equal(second.first, first.end);
    assert_int_equal(third.first, second.end);
    assert_int_equal(third.end, first.first + 192 + 800 + 192);
    assert_int_equal(whole.first, first.first + 4096);
    assert_int_equal(after.first, whole.end);
    journal_stats told;
    journal_stats_get(on.journal, &told);
    assert_int_equal(told.append_bytes, 5 * 4096);
    assert_numbers(0, 0, 5);
    reopen();
    assert_numbers(0, 0, 5);
}

static void the_first_frame_after_opening_begins_a_unit_of_its_own(void **state)
{
    (void)state;
    on.provider.atomic_bytes = 4096;
    reopen();
    append(0, 1, 100, PBASE_DURABILITY_SYNC);
    reopen();
    pbase_journal_appended second = append(1, 1, 100, PBASE_DURABILITY_SYNC);

    assert_int_equal(second.first % 4096, 0);
    assert_numbers(0, 0, 2);
}

/* A large append uses the same buffer; when it is undone, what the buffer held is gone. */
static void an_append_that_was_undone_leaves_the_unit_of_the_head(void **state)
{
    (void)state;
    on.provider.atomic_bytes = 4096;
    reopen();
    append(0, 1, 100, PBASE_DURABILITY_SYNC);
    sim_os_fail_at(sim, OS_CALL_WRITE, 1, PBASE_NO_SPACE, false);
    assert_int_equal(bed_append(&on, 1, 1, 20000, PBASE_DURABILITY_SYNC, NULL, NULL),
                     PBASE_NO_SPACE);
    append(1, 1, 100, PBASE_DURABILITY_SYNC);

    assert_numbers(0, 0, 2);
    reopen();
    assert_numbers(0, 0, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_journal_is_empty),
        TEST(a_unit_that_is_learned_between_two_appends_spoils_no_frame),
        TEST(small_frames_share_a_unit_and_larger_ones_begin_their_own),
        TEST(the_first_frame_after_opening_begins_a_unit_of_its_own),
        TEST(an_append_that_was_undone_leaves_the_unit_of_the_head),
        TEST(records_come_back_in_order_with_token_index_and_count),
        TEST(a_scan_may_begin_at_every_record_and_at_every_next),
        TEST(a_scan_does_not_begin_where_no_record_does),
        TEST(what_was_appended_is_there_after_reopening),
        TEST(what_opening_has_read_is_read_once_until_something_is_appended),
        TEST(an_append_larger_than_a_segment_gets_one_of_its_own),
        TEST(an_append_that_fills_its_segment_exactly_is_followed_by_the_next),
        TEST(an_append_at_another_head_conflicts),
        TEST(impossible_appends_are_refused),
        TEST(a_durable_append_costs_one_write_and_one_flush),
        TEST(sync_makes_what_was_not_waited_for_durable),
        TEST(trimming_recycles_segments_and_keeps_the_rest),
        TEST(a_scan_begins_at_a_record_inside_the_frame_that_was_trimmed_to),
        TEST(opening_at_a_later_start_finds_the_same_head),
        TEST(the_outcome_of_a_token_is_found_absent_or_expired),
        TEST(waiting_ends_with_the_call),
        TEST(a_prepared_segment_is_used_by_the_next_roll),
        TEST(no_segment_is_made_ahead_while_most_of_one_is_free),
        TEST(a_shrunk_journal_gives_back_what_only_later_appends_need),
        TEST(what_a_shrunk_journal_has_forgotten_becomes_a_hole),
        TEST(a_larger_atomic_unit_continues_a_journal_with_a_smaller_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
