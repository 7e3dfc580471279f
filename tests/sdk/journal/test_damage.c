/* test_damage.c - bytes of a journal that are not what was written: what is damage, what is a torn tail,
 * what is not ours. */
#include "journal/frame.h"
#include "journal_case.h"

#define RECORD_BYTES 420u /* its frame has 512 */

static void a_clean_close_needs_no_search_and_notices_what_is_missing(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 5; number++) {
        append(number, 1, RECORD_BYTES, PBASE_DURABILITY_SYNC);
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
    append(1, 1, RECORD_BYTES,
           PBASE_DURABILITY_SYNC); /* it still fits the first: the other one goes */
    assert_int_equal(on.options.entered.base, 4096);

    reopen();
    assert_numbers(0, 0, 2);
}

static void damage_to_what_was_synced_is_told_and_nothing_is_cut(void **state)
{
    pbase_error err;
    (void)state;
    for (uint64_t number = 0; number < 5; number++) {
        append(number, 1, RECORD_BYTES, PBASE_DURABILITY_SYNC);
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
        append(number, 1, RECORD_BYTES, PBASE_DURABILITY_SYNC);
    }
    pbase_position last = head().head - 512;
    bed_close(&on);

    sim_os_flip(sim, "/journal+0000000000001000", 4 * 512 + 100, 1);

    assert_int_equal(bed_open(&on, NULL), PBASE_OK);
    journal_tail(on.journal, &tail);
    assert_int_equal(tail.torn_position, last);
    assert_int_equal(tail.torn_bytes, 512);
    assert_numbers(0, 0, 4);
    append(4, 1, RECORD_BYTES, PBASE_DURABILITY_SYNC);
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
        append(number, 1, RECORD_BYTES, PBASE_DURABILITY_SYNC);
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
static void frame_version_put(const char *path, uint64_t offset, uint16_t version)
{
    const pbase_os *os = sim_os_interface(sim);
    pbase_os_file *file = NULL;
    uint8_t frame[512];
    size_t size = 0;
    assert_int_equal(os->file->open(os, path, PBASE_OS_READ | PBASE_OS_WRITE, &file, NULL),
                     PBASE_OK);
    assert_int_equal(os->file->read(file, offset, frame, sizeof frame, &size, NULL), PBASE_OK);
    assert_int_equal(size, sizeof frame);
    pbase_put_u16(frame + 10, version); /* docs/formats/journal.md */
    pbase_put_u32(frame + 4, on.host.crc32c(0, frame + 8, sizeof frame - 8));
    assert_int_equal(os->file->write(file, offset, frame, sizeof frame, NULL), PBASE_OK);
    os->file->close(file);
}

static void a_whole_frame_of_a_newer_version_is_refused_and_nothing_is_cut(void **state)
{
    pbase_error err;
    (void)state;
    for (uint64_t number = 0; number < 3; number++) {
        append(number, 1, RECORD_BYTES, PBASE_DURABILITY_SYNC);
    }
    bed_close(&on);
    frame_version_put("/journal+0000000000001000", 2 * 512, FRAME_VERSION + 1);

    for (int again = 0; again < 2; again++) {
        pbase_error_init(&err);
        assert_int_equal(bed_open(&on, &err), PBASE_FORMAT);
        assert_non_null(strstr(err.message, "5120")); /* 4096 + 2 * 512 */
    }
}

static void a_frame_of_version_1_is_read_and_newer_ones_follow(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 3; number++) {
        append(number, 1, RECORD_BYTES, PBASE_DURABILITY_SYNC);
    }
    bed_close(&on);
    frame_version_put("/journal+0000000000001000", 2 * 512, 1);

    assert_int_equal(bed_open(&on, NULL), PBASE_OK);
    assert_numbers(0, 0, 3);
    append(3, 1, 100, PBASE_DURABILITY_SYNC);
    append(4, 1, 100, PBASE_DURABILITY_SYNC);
    reopen();
    assert_numbers(0, 0, 5);
}

/* Frames lie so close that most records do so where one might begin: that says nothing of them. */
static void damage_to_the_frame_of_the_record_where_opening_begins_is_told(void **state)
{
    (void)state;
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    append(0, 4, 40, PBASE_DURABILITY_SYNC); /* records at 0, 128, 176, 224 */
    assert_int_equal(journal_scan_open(on.journal, NULL, 0, &scan, NULL), PBASE_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(journal_scan_next(scan, NULL, &record, NULL), PBASE_OK);
    }
    journal_scan_close(scan);
    assert_int_equal(record.position % FRAME_ALIGN, 0);
    on.options.start = record.position;
    reopen();
    bed_close(&on);

    sim_os_flip(sim, "/journal+0000000000001000", 100, 1);
    assert_int_equal(bed_open(&on, NULL), PBASE_CORRUPT);
}

/* The unit of the head is written again, as it was up to the head and with zeros behind. */
static void what_was_cut_in_the_unit_of_the_head_is_zeroed(void **state)
{
    pbase_journal_scan *scan = NULL;
    (void)state;
    on.provider.atomic_bytes = 4096;
    reopen();
    append(0, 1, RECORD_BYTES, PBASE_DURABILITY_SYNC);
    append(1, 1, RECORD_BYTES, PBASE_DURABILITY_NONE);
    pbase_journal_appended third = append(2, 1, RECORD_BYTES, PBASE_DURABILITY_NONE);
    bed_close(&on);
    sim_os_flip(sim, "/journal+0000000000001000", 512 + 100,
                1); /* it was torn, the third was not */
    reopen();

    append(1, 1, RECORD_BYTES, PBASE_DURABILITY_SYNC);

    assert_numbers(0, 0, 2);
    assert_int_equal(journal_scan_open(on.journal, NULL, third.first, &scan, NULL), PBASE_INVALID);
    reopen();
    assert_numbers(0, 0, 2);
}

static void damage_met_by_a_scan_is_corrupt(void **state)
{
    uint64_t numbers[8];
    size_t found = 0;
    (void)state;
    for (uint64_t number = 0; number < 5; number++) {
        append(number, 1, RECORD_BYTES, PBASE_DURABILITY_SYNC);
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

static void another_journals_frames_are_not_ours(void **state)
{
    (void)state;
    append(0, 1, RECORD_BYTES, PBASE_DURABILITY_SYNC);
    on.options.id++;

    reopen();

    assert_numbers(0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_clean_close_needs_no_search_and_notices_what_is_missing),
        TEST(a_newest_segment_that_is_missing_is_damage_and_no_torn_tail),
        TEST(a_newest_segment_that_was_cut_short_is_damage_and_no_torn_tail),
        TEST(a_segment_that_was_entered_and_has_no_whole_frame_is_no_damage),
        TEST(damage_to_what_was_synced_is_told_and_nothing_is_cut),
        TEST(damage_to_the_last_append_is_reported_as_a_cut),
        TEST(a_flipped_bit_in_the_header_of_the_last_frame_is_a_cut),
        TEST(a_whole_frame_of_a_newer_version_is_refused_and_nothing_is_cut),
        TEST(a_frame_of_version_1_is_read_and_newer_ones_follow),
        TEST(damage_to_the_frame_of_the_record_where_opening_begins_is_told),
        TEST(what_was_cut_in_the_unit_of_the_head_is_zeroed),
        TEST(damage_met_by_a_scan_is_corrupt),
        TEST(a_missing_segment_is_corrupt),
        TEST(another_journals_frames_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
