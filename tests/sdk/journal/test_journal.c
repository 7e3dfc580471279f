/* What a journal promises while nothing crashes. */
#include "journal/frame.h"
#include "journal_bed.h"

static sim_os *sim;
static bed on;

static int set_up(void **state)
{
    (void)state;
    sim = sim_os_create(1);
    bed_init(&on, sim);
    assert_int_equal(bed_open(&on, NULL), PBASE_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bed_close(&on);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
    return 0;
}

static void reopen(void)
{
    bed_close(&on);
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(bed_open(&on, &err), PBASE_OK);
}

static pbase_journal_appended append(uint64_t number, size_t count, size_t size, int32_t durability)
{
    pbase_journal_appended done = {0, 0};
    assert_int_equal(bed_append(&on, number, count, size, durability, &done, NULL), PBASE_OK);
    return done;
}

static pbase_journal_head head(void)
{
    pbase_journal_head now = {0, 0, 0, 0};
    journal_head(on.journal, &now);
    return now;
}

static void assert_numbers(pbase_position from, uint64_t first, size_t count)
{
    uint64_t numbers[4096];
    size_t found = 0;
    assert_int_equal(bed_scan(&on, from, numbers, 4096, &found), PBASE_END);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(numbers[i], first + i);
    }
}

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
    assert_int_equal(record.position, done.end);
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

static void a_clean_close_needs_no_search_and_notices_what_is_missing(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 5; number++) {
        append(number, 1, 100, PBASE_DURABILITY_SYNC);
    }
    on.options.closed_at = head().head;
    on.options.start = head().head;

    reopen();

    assert_int_equal(head().head, on.options.closed_at);
    bed_close(&on);
    on.options.start = 0;
    sim_os_flip(sim, "/journal+0000000000001000", 4 * 512 + 100, 1);
    assert_int_equal(bed_open(&on, NULL), PBASE_CORRUPT);
}

/* Four segments, the newest with one frame that is durable. */
static pbase_position four_segments(void)
{
    for (uint64_t number = 0; number < 4; number++) {
        append(number, 1, BED_SEGMENT_BYTES - 200, PBASE_DURABILITY_SYNC);
    }
    assert_int_equal(on.options.entered.base, 4096 + 3 * BED_SEGMENT_BYTES);
    return on.options.entered.base;
}

static const char *segment_path(pbase_position base)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/journal+%016llx", (unsigned long long)base);
    return path;
}

static void a_newest_segment_that_is_missing_is_damage_and_no_torn_tail(void **state)
{
    const pbase_os *os = sim_os_interface(sim);
    (void)state;
    pbase_position newest = four_segments();
    bed_close(&on);
    assert_int_equal(os->directory->remove_file(os, segment_path(newest), NULL), PBASE_OK);

    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(bed_open(&on, &err), PBASE_CORRUPT);

    assert_non_null(strstr(err.message, "is missing"));
}

static void a_newest_segment_that_was_cut_short_is_damage_and_no_torn_tail(void **state)
{
    const pbase_os *os = sim_os_interface(sim);
    pbase_os_file *file = NULL;
    (void)state;
    pbase_position newest = four_segments();
    bed_close(&on);
    assert_int_equal(os->file->open(os, segment_path(newest), PBASE_OS_WRITE, &file, NULL),
                     PBASE_OK);
    assert_int_equal(os->file->truncate(file, 0, NULL), PBASE_OK);
    os->file->close(file);

    assert_int_equal(bed_open(&on, NULL), PBASE_CORRUPT);
}

static void a_segment_that_was_entered_and_has_no_whole_frame_is_no_damage(void **state)
{
    (void)state;
    append(0, 1, BED_SEGMENT_BYTES - 1200, PBASE_DURABILITY_SYNC);
    append(1, 1, 2000, PBASE_DURABILITY_NONE);
    assert_int_equal(on.options.entered.base, 4096 + BED_SEGMENT_BYTES);
    bed_close(&on);
    sim_os_flip(sim, segment_path(4096 + BED_SEGMENT_BYTES), 100, 1); /* it was torn */

    reopen();
    assert_numbers(0, 0, 1);
    append(1, 1, 100, PBASE_DURABILITY_SYNC); /* it still fits the first: the other one goes */
    assert_int_equal(on.options.entered.base, 4096);

    reopen();
    assert_numbers(0, 0, 2);
}

static void a_segment_that_cannot_be_remembered_refuses_the_append(void **state)
{
    pbase_journal_appended done;
    journal_stats stats;
    (void)state;
    append(0, 1, BED_SEGMENT_BYTES - 1200, PBASE_DURABILITY_SYNC);
    on.refuses = true;

    assert_int_equal(bed_append(&on, 1, 1, 2000, PBASE_DURABILITY_SYNC, &done, NULL),
                     PBASE_NO_MEMORY);

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
    append(0, 1, BED_SEGMENT_BYTES - 1200, PBASE_DURABILITY_SYNC);
    on.refuses = true;
    assert_int_equal(bed_append(&on, 1, 1, 2000, PBASE_DURABILITY_SYNC, &done, NULL),
                     PBASE_NO_MEMORY);

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

static void damage_to_what_was_synced_is_told_and_nothing_is_cut(void **state)
{
    pbase_error err;
    (void)state;
    for (uint64_t number = 0; number < 5; number++) {
        append(number, 1, 100, PBASE_DURABILITY_SYNC);
    }
    bed_close(&on);
    sim_os_flip(sim, "/journal+0000000000001000", 2 * 512 + 100, 1);

    pbase_error_init(&err);
    assert_int_equal(bed_open(&on, &err), PBASE_CORRUPT);

    assert_non_null(strstr(err.message, "5120")); /* 4096 + 2 * 512 */
    sim_os_flip(sim, "/journal+0000000000001000", 2 * 512 + 100, 1);
    assert_int_equal(bed_open(&on, NULL), PBASE_OK); /* nothing had been changed */
    assert_numbers(0, 0, 5);
}

static void damage_to_the_last_append_is_reported_as_a_cut(void **state)
{
    pbase_journal_tail tail;
    (void)state;
    for (uint64_t number = 0; number < 5; number++) {
        append(number, 1, 100, PBASE_DURABILITY_SYNC);
    }
    pbase_position last = head().head - 512;
    bed_close(&on);

    sim_os_flip(sim, "/journal+0000000000001000", 4 * 512 + 100, 1);

    assert_int_equal(bed_open(&on, NULL), PBASE_OK);
    journal_tail(on.journal, &tail);
    assert_int_equal(tail.torn_position, last);
    assert_int_equal(tail.torn_bytes, 512);
    assert_numbers(0, 0, 4);
    append(4, 1, 100, PBASE_DURABILITY_SYNC);
    reopen();
    journal_tail(on.journal, &tail);
    assert_int_equal(tail.torn_bytes, 0);
    assert_numbers(0, 0, 5);
}

/* Each of them, as the version, the length and the magic each have their own way to mislead. */
static void a_flipped_bit_in_the_header_of_the_last_frame_is_a_cut(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 3; number++) {
        append(number, 1, 100, PBASE_DURABILITY_SYNC);
    }
    pbase_position last = head().head - 512;
    bed_close(&on);

    for (uint64_t bit = 0; bit < 8 * (uint64_t)FRAME_HEADER_BYTES; bit++) {
        pbase_journal_tail tail;
        pbase_error err;
        pbase_error_init(&err);
        uint8_t mask = (uint8_t)(1u << bit % 8);
        sim_os_flip(sim, "/journal+0000000000001000", 2 * 512 + bit / 8, mask);
        pbase_status status = bed_open(&on, &err);
        if (status != PBASE_OK) {
            fail_msg("bit %u: %s", (unsigned)bit, err.message);
        }
        journal_tail(on.journal, &tail);
        assert_int_equal(tail.torn_position, last);
        assert_int_not_equal(tail.torn_bytes, 0);
        assert_numbers(0, 0, 2);
        bed_close(&on);
        sim_os_flip(sim, "/journal+0000000000001000", 2 * 512 + bit / 8, mask);
    }
}

/* Gives the frame at `offset` another version, and the checksum that goes with it. */
static void frame_make_newer(const char *path, uint64_t offset)
{
    const pbase_os *os = sim_os_interface(sim);
    pbase_os_file *file = NULL;
    uint8_t frame[512];
    size_t size = 0;
    assert_int_equal(os->file->open(os, path, PBASE_OS_READ | PBASE_OS_WRITE, &file, NULL),
                     PBASE_OK);
    assert_int_equal(os->file->read(file, offset, frame, sizeof frame, &size, NULL), PBASE_OK);
    assert_int_equal(size, sizeof frame);
    pbase_put_u16(frame + 10, FRAME_VERSION + 1); /* docs/formats/journal.md */
    pbase_put_u32(frame + 4, on.host.crc32c(0, frame + 8, sizeof frame - 8));
    assert_int_equal(os->file->write(file, offset, frame, sizeof frame, NULL), PBASE_OK);
    os->file->close(file);
}

static void a_whole_frame_of_a_newer_version_is_refused_and_nothing_is_cut(void **state)
{
    pbase_error err;
    (void)state;
    for (uint64_t number = 0; number < 3; number++) {
        append(number, 1, 100, PBASE_DURABILITY_SYNC);
    }
    bed_close(&on);
    frame_make_newer("/journal+0000000000001000", 2 * 512);

    for (int again = 0; again < 2; again++) {
        pbase_error_init(&err);
        assert_int_equal(bed_open(&on, &err), PBASE_FORMAT);
        assert_non_null(strstr(err.message, "5120")); /* 4096 + 2 * 512 */
    }
}

static void damage_met_by_a_scan_is_corrupt(void **state)
{
    uint64_t numbers[8];
    size_t found = 0;
    (void)state;
    for (uint64_t number = 0; number < 5; number++) {
        append(number, 1, 100, PBASE_DURABILITY_SYNC);
    }

    sim_os_flip(sim, "/journal+0000000000001000", 2 * 512 + 100, 1);

    assert_int_equal(bed_scan(&on, 0, numbers, 8, &found), PBASE_CORRUPT);
    assert_int_equal(found, 2);
}

static void a_missing_segment_is_corrupt(void **state)
{
    const pbase_os *os = sim_os_interface(sim);
    (void)state;
    for (uint64_t number = 0; number < 30; number++) {
        append(number, 1, 900, PBASE_DURABILITY_SYNC);
    }
    bed_close(&on);

    assert_int_equal(os->directory->remove_file(os, "/journal+0000000000003000", NULL), PBASE_OK);
    assert_int_equal(bed_open(&on, NULL), PBASE_CORRUPT);
    assert_int_equal(os->directory->remove_file(os, "/journal+0000000000001000", NULL), PBASE_OK);
    assert_int_equal(bed_open(&on, NULL), PBASE_CORRUPT);
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

/* Each follows and appends a segment of its own, while the other makes one ahead: their names never
 * meet. */
static journal_entered shared_entered; /* as the super block of a shared space says */

static pbase_status shared_enter(void *state, const journal_entered *entered, pbase_error *err)
{
    if (((bed *)state)->refuses) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to remember");
    }
    shared_entered = *entered;
    return PBASE_OK;
}

static void open_two(bed both[2], journal_mark *mark)
{
    bed_close(&on); /* the folder is theirs */
    for (size_t i = 0; i < 2; i++) {
        bed_init(&both[i], sim);
        both[i].options.is_shared = true;
        both[i].options.enter = shared_enter;
        both[i].options.joins = i == 0 ? NULL : mark;
        assert_int_equal(bed_open(&both[i], NULL), PBASE_OK);
        journal_mark_get(both[i].journal, mark);
    }
}

static void close_two(bed both[2], uint64_t count)
{
    bed_close(&both[0]);
    bed_close(&both[1]);
    on.options.entered = shared_entered;
    reopen();
    assert_numbers(0, 0, count);
}

/* A segment of one's own that nobody was told of goes with another one's repair. */
static void a_segment_nobody_was_told_of_is_not_used_after_another_participants_repair(void **state)
{
    bed both[2];
    bed *first = &both[0], *second = &both[1];
    journal_mark mark;
    pbase_journal_appended done;
    int32_t none = PBASE_DURABILITY_NONE;
    (void)state;
    open_two(both, &mark);
    assert_int_equal(bed_append(first, 0, 1, BED_SEGMENT_BYTES - 1200, none, &done, NULL),
                     PBASE_OK);
    journal_mark_get(first->journal, &mark);
    assert_int_equal(journal_follow(second->journal, &mark, true, NULL), PBASE_OK);
    second->refuses = true;
    assert_int_equal(bed_append(second, 1, 1, 2000, none, &done, NULL), PBASE_NO_MEMORY);
    second->refuses = false;

    bed_close(first);
    first->options.entered = shared_entered;
    assert_int_equal(bed_open(first, NULL), PBASE_OK); /* and recovers */
    assert_int_equal(bed_append(first, 1, 1, 100, none, &done, NULL), PBASE_OK);
    journal_mark_get(first->journal, &mark);
    mark.layout = 2; /* as far as the second one has come by itself: chance */
    assert_int_equal(journal_follow(second->journal, &mark, true, NULL), PBASE_OK);
    assert_int_equal(bed_append(second, 2, 1, 2000, none, &done, NULL), PBASE_OK);

    close_two(both, 3);
}

/* What somebody remembers having entered may have gone since, and the name of another one taken. */
static void a_segment_entered_again_after_another_participants_repair_is_remembered(void **state)
{
    bed both[2];
    journal_mark mark;
    pbase_journal_appended done;
    pbase_position next = 4096 + BED_SEGMENT_BYTES;
    (void)state;
    open_two(both, &mark);
    bed *first = &both[0], *second = &both[1];
    int32_t none = PBASE_DURABILITY_NONE;
    assert_int_equal(bed_append(first, 0, 1, BED_SEGMENT_BYTES - 1200, none, &done, NULL),
                     PBASE_OK);
    journal_mark_get(first->journal, &mark);
    assert_int_equal(journal_follow(second->journal, &mark, true, NULL), PBASE_OK);
    assert_int_equal(bed_append(second, 1, 1, 2000, none, &done, NULL), PBASE_OK);
    assert_int_equal(shared_entered.base, next);

    sim_os_flip(sim, segment_path(next), 100, 1); /* as if the frame had not been written whole */
    bed_close(first);
    first->options.entered = shared_entered;
    assert_int_equal(bed_open(first, NULL), PBASE_OK); /* and recovers */
    assert_int_equal(bed_append(first, 1, 1, 100, none, &done, NULL), PBASE_OK);
    assert_int_equal(shared_entered.base, 4096);
    journal_mark_get(first->journal, &mark);
    assert_int_equal(journal_follow(second->journal, &mark, true, NULL), PBASE_OK);
    assert_int_equal(bed_append(second, 2, 1, 2000, none, &done, NULL), PBASE_OK);

    assert_int_equal(shared_entered.base, next);
    close_two(both, 3);
}

static pbase_position shared_first; /* as the board of a storage says */

static pbase_position shared_first_now(void *state)
{
    (void)state;
    return shared_first;
}

/* The mark was read, then somebody trims, then the segments are listed: the place is gone from the table
 * while the mark still says that it is kept. Only whoever trimmed knows better. */
static void a_place_trimmed_between_the_mark_and_the_list_of_segments_is_told_as_trimmed(
    void **state)
{
    bed both[2];
    journal_mark mark;
    pbase_journal_appended done[3];
    pbase_journal_scan *scan = NULL;
    bed *first = &both[0], *second = &both[1];
    (void)state;
    open_two(both, &mark);
    bed_close(second);
    second->options.first_now = shared_first_now;
    assert_int_equal(bed_open(second, NULL), PBASE_OK);
    shared_first = 4096;
    for (uint64_t n = 0; n < 3; n++) { /* a segment each */
        assert_int_equal(
            bed_append(first, n, 1, BED_SEGMENT_BYTES - 200, PBASE_DURABILITY_SYNC, &done[n], NULL),
            PBASE_OK);
    }
    journal_mark_get(first->journal, &mark);

    shared_first = done[2].first;
    journal_first_set(first->journal, shared_first);
    assert_int_equal(journal_trim(first->journal, NULL, shared_first, NULL), PBASE_OK);
    assert_int_equal(journal_follow(second->journal, &mark, false, NULL), PBASE_OK);

    assert_int_equal(journal_scan_open(second->journal, NULL, done[0].end, &scan, NULL),
                     PBASE_TRIMMED);
    assert_int_equal(journal_scan_open(second->journal, NULL, done[2].first + 512, &scan, NULL),
                     PBASE_INVALID); /* what is kept is told apart from it */
    bed_close(first);
    bed_close(second);
    on.options.entered = shared_entered;
    on.options.first = on.options.start = shared_first;
    reopen();
    assert_numbers(0, 2, 1);
}

static void two_participants_append_in_turn_and_prepare_beside_each_other(void **state)
{
    (void)state;
    bed both[2];
    journal_mark mark;
    pbase_journal_appended appended;
    uint64_t numbers[64];
    size_t count = 0;
    bed_close(&on); /* the folder is theirs */
    for (size_t i = 0; i < 2; i++) {
        bed_init(&both[i], sim);
        both[i].options.is_shared = true;
        both[i].options.joins = i == 0 ? NULL : &mark;
        assert_int_equal(bed_open(&both[i], NULL), PBASE_OK);
        journal_mark_get(both[i].journal, &mark);
    }
    for (uint64_t n = 0; n < 30; n++) {
        bed *now = &both[n % 2];
        assert_int_equal(journal_follow(now->journal, &mark, true, NULL), PBASE_OK);
        assert_int_equal(journal_prepare(both[(n + 1) % 2].journal, NULL, NULL), PBASE_OK);
        pbase_status status =
            bed_append(now, n, 1, BED_SEGMENT_BYTES - 200, PBASE_DURABILITY_SYNC, &appended, NULL);
        assert_int_equal(status, PBASE_OK);
        journal_mark_get(now->journal, &mark);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(journal_follow(both[i].journal, &mark, true, NULL), PBASE_OK);
        assert_int_equal(bed_scan(&both[i], 0, numbers, 64, &count), PBASE_END);
        assert_int_equal(count, 30);
        bed_close(&both[i]);
    }
    reopen();
}

static void another_journals_frames_are_not_ours(void **state)
{
    (void)state;
    append(0, 1, 100, PBASE_DURABILITY_SYNC);
    on.options.id++;

    reopen();

    assert_numbers(0, 0, 0);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_journal_is_empty),
        TEST(records_come_back_in_order_with_token_index_and_count),
        TEST(a_scan_may_begin_at_every_record_and_at_every_next),
        TEST(a_scan_does_not_begin_where_no_record_does),
        TEST(what_was_appended_is_there_after_reopening),
        TEST(an_append_larger_than_a_segment_gets_one_of_its_own),
        TEST(an_append_that_fills_its_segment_exactly_is_followed_by_the_next),
        TEST(an_append_at_another_head_conflicts),
        TEST(impossible_appends_are_refused),
        TEST(a_durable_append_costs_one_write_and_one_flush),
        TEST(sync_makes_what_was_not_waited_for_durable),
        TEST(trimming_recycles_segments_and_keeps_the_rest),
        TEST(opening_at_a_later_start_finds_the_same_head),
        TEST(a_clean_close_needs_no_search_and_notices_what_is_missing),
        TEST(a_newest_segment_that_is_missing_is_damage_and_no_torn_tail),
        TEST(a_newest_segment_that_was_cut_short_is_damage_and_no_torn_tail),
        TEST(a_segment_that_was_entered_and_has_no_whole_frame_is_no_damage),
        TEST(a_segment_that_cannot_be_remembered_refuses_the_append),
        TEST(a_refused_segment_that_a_frame_does_not_fit_goes),
        TEST(damage_to_what_was_synced_is_told_and_nothing_is_cut),
        TEST(damage_to_the_last_append_is_reported_as_a_cut),
        TEST(a_flipped_bit_in_the_header_of_the_last_frame_is_a_cut),
        TEST(a_whole_frame_of_a_newer_version_is_refused_and_nothing_is_cut),
        TEST(damage_met_by_a_scan_is_corrupt),
        TEST(a_missing_segment_is_corrupt),
        TEST(a_failed_write_poisons_until_reopened),
        TEST(a_failed_sync_poisons_too),
        TEST(a_full_disk_refuses_and_loses_nothing),
        TEST(a_frame_larger_than_a_segment_that_meets_a_full_disk_is_refused),
        TEST(the_outcome_of_a_token_is_found_absent_or_expired),
        TEST(waiting_ends_with_the_call),
        TEST(a_prepared_segment_is_used_by_the_next_roll),
        TEST(no_segment_is_made_ahead_while_most_of_one_is_free),
        TEST(a_shrunk_journal_gives_back_what_only_later_appends_need),
        TEST(what_a_shrunk_journal_has_forgotten_becomes_a_hole),
        TEST(a_journal_that_cannot_be_cut_takes_no_more),
        TEST(a_segment_nobody_was_told_of_is_not_used_after_another_participants_repair),
        TEST(a_segment_entered_again_after_another_participants_repair_is_remembered),
        TEST(a_place_trimmed_between_the_mark_and_the_list_of_segments_is_told_as_trimmed),
        TEST(two_participants_append_in_turn_and_prepare_beside_each_other),
        TEST(another_journals_frames_are_not_ours),
        TEST(a_larger_atomic_unit_continues_a_journal_with_a_smaller_one),
        TEST(lack_of_memory_at_any_request_leaves_the_journal_usable),
        TEST(lack_of_memory_from_any_request_on_leaves_the_journal_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
