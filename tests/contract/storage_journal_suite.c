/* storage_journal_suite.c - the journal of every storage: appending, scanning, trimming, waiting. */
#include "storage_fixture.h"

#include <protobase/base/limits.h>
#include <stdlib.h>

/* --------------------------------------------------------------------------------- journal --- */

static void head_of_a_new_journal_is_empty_and_without_anchor(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_head head = storage_head(f);
    assert_int_equal(head.first, head.head);
    assert_int_equal(head.anchor, 0);
    assert_true(head.head != 0);
    assert_string_equal(storage_texts(f, 0), "");
}

static void append_moves_the_head_to_its_end(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_head before = storage_head(f);
    pbase_journal_appended appended = storage_append(f, "one");
    pbase_journal_head after = storage_head(f);
    assert_true(appended.first >= before.head);
    assert_int_equal(after.head, appended.end);
    assert_int_equal(after.first, before.first);
    assert_true(after.synced == after.head);
}

static void scan_gives_the_records_in_order(void **state)
{
    storage_fixture *f = storage_of(state);
    storage_append(f, "one");
    pbase_journal_appended two = storage_append(f, "two");
    storage_append(f, "three");
    assert_string_equal(storage_texts(f, 0), "one|two|three");
    assert_string_equal(storage_texts(f, two.first), "two|three");
    assert_string_equal(storage_texts(f, two.end), "three");
}

static void append_of_a_group_gives_each_record_its_place_in_it(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_appended appended;
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    pbase_position next = 0;
    assert_ok(f, storage_try_append(f, "r", 3, PBASE_POSITION_ANY, storage_token(7), UINT64_MAX,
                                    &appended));
    assert_ok(f, pbase_storage_scan_open(f->storage, NULL, appended.first, &scan, &f->err));
    for (uint32_t i = 0; i < 3; i++) {
        assert_ok(f, pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err));
        assert_true(i == 0 ? record.position == appended.first : record.position == next);
        assert_int_equal(record.index, i);
        assert_int_equal(record.count, 3);
        pbase_token token = storage_token(7);
        assert_memory_equal(&record.token, &token, sizeof token);
        next = record.next;
    }
    assert_int_equal(next, appended.end);
    assert_int_equal(pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err), PBASE_END);
    pbase_storage_scan_close(f->storage, scan);
}

static void scan_begins_at_any_record_of_a_group(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_appended appended;
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    assert_ok(f, storage_try_append(f, "r", 3, PBASE_POSITION_ANY, storage_token(1), UINT64_MAX,
                                    &appended));
    assert_ok(f, pbase_storage_scan_open(f->storage, NULL, appended.first, &scan, &f->err));
    assert_ok(f, pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err));
    pbase_position second = record.next;
    pbase_storage_scan_close(f->storage, scan);
    assert_string_equal(storage_texts(f, second), "r1|r2");
}

static void append_takes_empty_and_large_records(void **state)
{
    storage_fixture *f = storage_of(state);
    size_t size = 3u << 20;
    uint8_t *large = malloc(size);
    assert_non_null(large);
    memset(large, 0x5a, size);
    pbase_bytes records[] = {pbase_bytes_of(NULL, 0), pbase_bytes_of(large, size),
                             pbase_bytes_of("", 0), pbase_bytes_text("end")};
    pbase_journal_append append = {.struct_size = sizeof append,
                                   .durability = PBASE_DURABILITY_SYNC,
                                   .records = records,
                                   .record_count = COUNT_OF(records),
                                   .expected = PBASE_POSITION_ANY,
                                   .fence = UINT64_MAX};
    pbase_journal_appended appended;
    assert_ok(f, pbase_storage_append(f->storage, NULL, &append, &appended, &f->err));
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    assert_ok(f, pbase_storage_scan_open(f->storage, NULL, 0, &scan, &f->err));
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        assert_ok(f, pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err));
        assert_true(pbase_bytes_equal(record.bytes, records[i]));
    }
    pbase_storage_scan_close(f->storage, scan);
    free(large);
}

static void append_with_the_expected_head_succeeds(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_appended one;
    pbase_journal_appended two;
    assert_ok(f, storage_try_append(f, "one", 1, storage_head(f).head, storage_token(1), UINT64_MAX,
                                    &one));
    assert_ok(f, storage_try_append(f, "two", 1, one.end, storage_token(2), UINT64_MAX, &two));
    assert_string_equal(storage_texts(f, 0), "one|two");
}

static void append_with_another_head_conflicts_and_appends_nothing(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_position old = storage_head(f).head;
    pbase_journal_appended ignored;
    storage_append(f, "one");
    assert_int_equal(storage_try_append(f, "no", 1, old, storage_token(1), UINT64_MAX, &ignored),
                     PBASE_CONFLICT);
    assert_int_equal(f->err.outcome, PBASE_OUTCOME_NOT_APPLIED);
    assert_int_equal(storage_try_append(f, "no", 1, storage_head(f).head + 4096, storage_token(1),
                                        UINT64_MAX, &ignored),
                     PBASE_CONFLICT);
    assert_string_equal(storage_texts(f, 0), "one");
}

static void append_takes_the_offered_levels_and_no_others(void **state)
{
    storage_fixture *f = storage_of(state);
    size_t taken = 0;
    for (int32_t level = PBASE_DURABILITY_NONE; level <= PBASE_DURABILITY_REMOTE; level++) {
        pbase_bytes record = pbase_bytes_text("x");
        pbase_journal_append append = {.struct_size = sizeof append,
                                       .durability = level,
                                       .records = &record,
                                       .record_count = 1,
                                       .expected = PBASE_POSITION_ANY,
                                       .fence = UINT64_MAX};
        pbase_journal_appended appended;
        bool offered = (f->storage->vtable->durability_mask >> level & 1u) != 0;
        taken += offered;
        assert_int_equal(pbase_storage_append(f->storage, NULL, &append, &appended, &f->err),
                         offered ? PBASE_OK : PBASE_UNSUPPORTED);
        assert_int_equal(strlen(storage_texts(f, 0)), taken == 0 ? 0 : taken * 2 - 1);
        assert_int_equal(pbase_storage_sync(f->storage, NULL, storage_head(f).head, level, &f->err),
                         offered ? PBASE_OK : PBASE_UNSUPPORTED);
        assert_true(taken == 0 || storage_head(f).synced == storage_head(f).head);
    }
}

static void sync_above_the_head_is_invalid(void **state)
{
    storage_fixture *f = storage_of(state);
    storage_append(f, "one");
    assert_int_equal(pbase_storage_sync(f->storage, NULL, storage_head(f).head + 1,
                                        PBASE_DURABILITY_SYNC, &f->err),
                     PBASE_INVALID);
}

static void outcome_tells_found_from_absent_from_expired(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_appended one;
    pbase_journal_appended two;
    int32_t outcome = -1;
    pbase_position position = 0;
    assert_ok(
        f, storage_try_append(f, "one", 1, PBASE_POSITION_ANY, storage_token(1), UINT64_MAX, &one));
    assert_ok(
        f, storage_try_append(f, "two", 2, PBASE_POSITION_ANY, storage_token(2), UINT64_MAX, &two));
    assert_ok(
        f, pbase_storage_outcome(f->storage, NULL, storage_token(2), &outcome, &position, &f->err));
    assert_int_equal(outcome, PBASE_OUTCOME_FOUND);
    assert_int_equal(position, two.first);
    assert_ok(
        f, pbase_storage_outcome(f->storage, NULL, storage_token(3), &outcome, &position, &f->err));
    assert_int_equal(outcome, PBASE_OUTCOME_ABSENT);
    assert_ok(f, pbase_storage_trim(f->storage, NULL, two.first, two.first, &f->err));
    assert_ok(
        f, pbase_storage_outcome(f->storage, NULL, storage_token(3), &outcome, &position, &f->err));
    assert_int_equal(outcome, PBASE_OUTCOME_EXPIRED);
}

static void scan_refuses_positions_where_no_record_begins(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_scan *scan = NULL;
    pbase_journal_appended one = storage_append(f, "one");
    storage_append(f, "two");
    assert_int_equal(pbase_storage_scan_open(f->storage, NULL, one.first + 1, &scan, &f->err),
                     PBASE_INVALID);
    assert_int_equal(
        pbase_storage_scan_open(f->storage, NULL, storage_head(f).head + 8, &scan, &f->err),
        PBASE_INVALID);
    assert_null(scan);
}

static void scan_at_the_head_finds_later_appends(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    storage_append(f, "one");
    assert_ok(f, pbase_storage_scan_open(f->storage, NULL, storage_head(f).head, &scan, &f->err));
    assert_int_equal(pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err), PBASE_END);
    storage_append(f, "two");
    assert_ok(f, pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err));
    assert_true(pbase_bytes_equal(record.bytes, pbase_bytes_text("two")));
    assert_int_equal(pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err), PBASE_END);
    pbase_storage_scan_close(f->storage, scan);
}

static void scan_close_takes_null(void **state)
{
    pbase_storage_scan_close(storage_of(state)->storage, NULL);
}

static void trim_moves_the_first_position_and_the_anchor(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_scan *scan = NULL;
    pbase_journal_appended one = storage_append(f, "one");
    pbase_journal_appended two = storage_append(f, "two");
    pbase_journal_appended three = storage_append(f, "three");
    assert_ok(f, pbase_storage_trim(f->storage, NULL, two.first, three.first, &f->err));
    pbase_journal_head head = storage_head(f);
    assert_int_equal(head.first, two.first);
    assert_int_equal(head.anchor, three.first);
    assert_int_equal(head.head, three.end);
    assert_string_equal(storage_texts(f, 0), "two|three");
    assert_int_equal(pbase_storage_scan_open(f->storage, NULL, one.first, &scan, &f->err),
                     PBASE_TRIMMED);
    assert_string_equal(storage_texts(f, head.anchor), "three");
}

static void trim_up_to_0_moves_only_the_anchor(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_appended one = storage_append(f, "one");
    pbase_journal_appended two = storage_append(f, "two");
    assert_ok(f, pbase_storage_trim(f->storage, NULL, 0, two.first, &f->err));
    assert_int_equal(storage_head(f).anchor, two.first);
    assert_int_equal(storage_head(f).first, one.first);
    assert_string_equal(storage_texts(f, 0), "one|two");
}

static void trim_refuses_what_is_no_record_below_the_head(void **state)
{
    storage_fixture *f = storage_of(state);
    storage_append(f, "one");
    pbase_journal_appended two = storage_append(f, "two");
    assert_int_equal(pbase_storage_trim(f->storage, NULL, 0, two.end, &f->err), PBASE_INVALID);
    assert_int_equal(pbase_storage_trim(f->storage, NULL, two.end, two.first, &f->err),
                     PBASE_INVALID);
    assert_int_equal(pbase_storage_trim(f->storage, NULL, 0, two.first + 1, &f->err),
                     PBASE_INVALID);
    assert_int_equal(storage_head(f).anchor, 0);
    assert_string_equal(storage_texts(f, 0), "one|two");
}

static void trim_under_a_scan_ends_it_or_leaves_it_alone(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    pbase_journal_appended last = {0};
    for (size_t i = 0; i < 40; i++) {
        last = storage_append(f, i % 2 == 0 ? "even" : "odd");
    }
    assert_ok(f, pbase_storage_scan_open(f->storage, NULL, 0, &scan, &f->err));
    assert_ok(f, pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err));
    assert_ok(f, pbase_storage_trim(f->storage, NULL, last.first, last.first, &f->err));
    assert_true(pbase_bytes_equal(record.bytes, pbase_bytes_text("even"))); /* still lent */
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK) {
        status = pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err);
        assert_true(status != PBASE_OK ||
                    pbase_bytes_equal(record.bytes, pbase_bytes_text("even")) ||
                    pbase_bytes_equal(record.bytes, pbase_bytes_text("odd")));
    }
    assert_true(status == PBASE_END || status == PBASE_TRIMMED);
    pbase_storage_scan_close(f->storage, scan);
}

static void calls_that_are_over_do_nothing(void **state)
{
    storage_fixture *f = storage_of(state);
    uint32_t cancelled = 1;
    pbase_call over = storage_call_over(f);
    pbase_call cancel = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
    pbase_bytes record = pbase_bytes_text("x");
    pbase_journal_append append = {.struct_size = sizeof append,
                                   .durability = PBASE_DURABILITY_SYNC,
                                   .records = &record,
                                   .record_count = 1,
                                   .expected = PBASE_POSITION_ANY,
                                   .fence = UINT64_MAX};
    pbase_journal_appended appended;
    pbase_atom_pointer pointer;
    assert_int_equal(pbase_storage_append(f->storage, &over, &append, &appended, &f->err),
                     PBASE_TIMEOUT);
    assert_int_equal(pbase_storage_append(f->storage, &cancel, &append, &appended, &f->err),
                     PBASE_CANCELLED);
    assert_int_equal(pbase_storage_atoms_write(f->storage, &cancel, &record, 1, PBASE_ATOMS_DURABLE,
                                               &pointer, &f->err),
                     PBASE_CANCELLED);
    assert_string_equal(storage_texts(f, 0), "");
}

static void wait_returns_when_the_head_is_beyond(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_position before = storage_head(f).head;
    storage_append(f, "one");
    assert_ok(f, pbase_storage_wait(f->storage, NULL, before, &f->err));
}

static void wait_ends_with_its_call(void **state)
{
    storage_fixture *f = storage_of(state);
    uint32_t cancelled = 1;
    pbase_call soon = storage_call_in(f, 5);
    pbase_call cancel = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
    pbase_position head = storage_head(f).head;
    assert_int_equal(pbase_storage_wait(f->storage, &soon, head, &f->err), PBASE_TIMEOUT);
    assert_int_equal(pbase_storage_wait(f->storage, &cancel, head, &f->err), PBASE_CANCELLED);
}

typedef struct {
    storage_fixture *f;
    pbase_position seen;
    pbase_status status;
} waiter;

static void waiter_run(void *state)
{
    waiter *w = state;
    pbase_call call = {.deadline_ns = pbase_os_deadline(w->f->host.base.os, 10000)};
    w->status = pbase_storage_wait(w->f->storage, &call, w->seen, NULL);
}

static void wait_is_ended_by_an_append_of_another_thread(void **state)
{
    storage_fixture *f = storage_of(state);
    const pbase_os *os = f->host.base.os;
    waiter w = {f, storage_head(f).head, PBASE_INTERNAL};
    pbase_os_thread *thread = NULL;
    assert_ok(f, os->thread->start(os, "waiter", waiter_run, &w, &thread, &f->err));
    storage_append(f, "one");
    os->thread->join(thread);
    assert_int_equal(w.status, PBASE_OK);
}

static void tail_of_a_new_journal_is_whole(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_tail tail = {1, 1};
    assert_ok(f, pbase_storage_tail(f->storage, &tail, &f->err));
    assert_int_equal(tail.torn_bytes, 0);
}

/* ------------------------------------------------------------------------------------ suite --- */

int storage_journal_suite_run(const storage_subject *subject)
{
    const struct CMUnitTest tests[] = {
        STORAGE_TEST(head_of_a_new_journal_is_empty_and_without_anchor),
        STORAGE_TEST(append_moves_the_head_to_its_end),
        STORAGE_TEST(scan_gives_the_records_in_order),
        STORAGE_TEST(append_of_a_group_gives_each_record_its_place_in_it),
        STORAGE_TEST(scan_begins_at_any_record_of_a_group),
        STORAGE_TEST(append_takes_empty_and_large_records),
        STORAGE_TEST(append_with_the_expected_head_succeeds),
        STORAGE_TEST(append_with_another_head_conflicts_and_appends_nothing),
        STORAGE_TEST(append_takes_the_offered_levels_and_no_others),
        STORAGE_TEST(sync_above_the_head_is_invalid),
        STORAGE_TEST(outcome_tells_found_from_absent_from_expired),
        STORAGE_TEST(scan_refuses_positions_where_no_record_begins),
        STORAGE_TEST(scan_at_the_head_finds_later_appends),
        STORAGE_TEST(scan_close_takes_null),
        STORAGE_TEST(trim_moves_the_first_position_and_the_anchor),
        STORAGE_TEST(trim_up_to_0_moves_only_the_anchor),
        STORAGE_TEST(trim_refuses_what_is_no_record_below_the_head),
        STORAGE_TEST(trim_under_a_scan_ends_it_or_leaves_it_alone),
        STORAGE_TEST(calls_that_are_over_do_nothing),
        STORAGE_TEST(wait_returns_when_the_head_is_beyond),
        STORAGE_TEST(wait_ends_with_its_call),
        STORAGE_TEST(wait_is_ended_by_an_append_of_another_thread),
        STORAGE_TEST(tail_of_a_new_journal_is_whole),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}
