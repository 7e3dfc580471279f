/* test_participants.c - two who share the segments of one journal, appending in turn. */
#include "journal_case.h"

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

/* Each follows and appends a segment of its own, while the other makes one ahead: their names never
 * meet. */
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

/* What somebody has of the head's unit says nothing once another one has appended. */
static void frames_of_two_participants_share_no_unit(void **state)
{
    bed both[2];
    journal_mark mark;
    pbase_journal_appended done[6];
    (void)state;
    open_two(both, &mark);
    for (size_t i = 0; i < 2; i++) {
        bed_close(&both[i]);
        both[i].provider.atomic_bytes = 4096;
        both[i].options.joins = i == 0 ? NULL : &mark;
        assert_int_equal(bed_open(&both[i], NULL), PBASE_OK);
        journal_mark_get(both[i].journal, &mark);
    }
    for (uint64_t n = 0; n < 6; n++) { /* two each */
        bed *now = &both[n / 2 % 2];
        assert_int_equal(journal_follow(now->journal, &mark, true, NULL), PBASE_OK);
        assert_int_equal(bed_append(now, n, 1, 100, PBASE_DURABILITY_SYNC, &done[n], NULL),
                         PBASE_OK);
        journal_mark_get(now->journal, &mark);
        assert_int_equal(done[n].first % 4096, n % 2 * 192);
    }
    close_two(both, 6);
}

static void assert_both_scan(bed both[2], const journal_mark *mark, size_t expected)
{
    uint64_t numbers[64];
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(journal_follow(both[i].journal, mark, true, NULL), PBASE_OK);
        assert_int_equal(bed_scan(&both[i], 0, numbers, 64, &count), PBASE_END);
        assert_int_equal(count, expected);
    }
}

/* One reads before the other appends, and keeps what it has read. */
static void what_another_one_appends_behind_what_was_read_is_found(void **state)
{
    bed both[2];
    journal_mark mark;
    pbase_journal_appended done;
    (void)state;
    append(0, 1, 100, PBASE_DURABILITY_SYNC);
    open_two(both, &mark);
    assert_both_scan(both, &mark, 1);

    for (uint64_t n = 1; n < 20; n++) { /* into the next segments as well */
        bed *now = &both[n % 2];
        assert_int_equal(bed_append(now, n, 1, 1000, PBASE_DURABILITY_SYNC, &done, NULL), PBASE_OK);
        journal_mark_get(now->journal, &mark);
        assert_both_scan(both, &mark, n + 1);
    }

    assert_int_equal(journal_trim(both[1].journal, NULL, done.first, NULL), PBASE_OK);
    journal_first_set(both[0].journal, done.first);
    journal_mark_get(both[1].journal, &mark);
    assert_both_scan(both, &mark, 1);
    bed_close(&both[0]);
    bed_close(&both[1]);
    on.options.first = done.first;
    on.options.entered = shared_entered;
    reopen();
    assert_numbers(0, 19, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_segment_nobody_was_told_of_is_not_used_after_another_participants_repair),
        TEST(a_segment_entered_again_after_another_participants_repair_is_remembered),
        TEST(a_place_trimmed_between_the_mark_and_the_list_of_segments_is_told_as_trimmed),
        TEST(what_another_one_appends_behind_what_was_read_is_found),
        TEST(two_participants_append_in_turn_and_prepare_beside_each_other),
        TEST(frames_of_two_participants_share_no_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
