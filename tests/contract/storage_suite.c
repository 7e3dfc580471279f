/* storage_suite.c - meta, journal, atoms, segments, locks, admin, in the order of the contract. */
#include "storage_suite.h"

#include "storage_fixture.h"

#include <protobase/base/limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------------------------------ meta --- */

static void assert_meta(storage_fixture *f, const char *text, uint64_t version)
{
    pbase_bytes document;
    uint64_t found = 99;
    assert_ok(f, pbase_storage_meta_get(f->storage, NULL, &f->arena, &document, &found, &f->err));
    assert_int_equal(found, version);
    assert_true(pbase_bytes_equal(document, pbase_bytes_text(text)));
}

static pbase_status meta_cas(storage_fixture *f, uint64_t expected, const char *text)
{
    return pbase_storage_meta_cas(f->storage, NULL, expected, pbase_bytes_text(text), &f->err);
}

static void meta_of_a_new_storage_is_empty_with_version_0(void **state)
{
    assert_meta(storage_of(state), "", 0);
}

static void meta_cas_replaces_the_document_and_counts_versions(void **state)
{
    storage_fixture *f = storage_of(state);
    assert_ok(f, meta_cas(f, 0, "one"));
    assert_meta(f, "one", 1);
    assert_ok(f, meta_cas(f, 1, "a longer second document"));
    assert_meta(f, "a longer second document", 2);
    assert_ok(f, meta_cas(f, 2, ""));
    assert_meta(f, "", 3);
}

static void meta_cas_with_another_version_conflicts_and_writes_nothing(void **state)
{
    storage_fixture *f = storage_of(state);
    assert_ok(f, meta_cas(f, 0, "one"));
    assert_int_equal(meta_cas(f, 0, "two"), PBASE_CONFLICT);
    assert_int_equal(meta_cas(f, 2, "two"), PBASE_CONFLICT);
    assert_meta(f, "one", 1);
}

static void meta_takes_the_largest_document_and_refuses_a_larger_one(void **state)
{
    storage_fixture *f = storage_of(state);
    char *text = malloc(PBASE_META_BYTES_MAX + 2);
    assert_non_null(text);
    memset(text, 'm', PBASE_META_BYTES_MAX + 1);
    text[PBASE_META_BYTES_MAX + 1] = '\0';
    assert_int_equal(meta_cas(f, 0, text), PBASE_LIMIT);
    text[PBASE_META_BYTES_MAX] = '\0';
    assert_ok(f, meta_cas(f, 0, text));
    assert_meta(f, text, 1);
    assert_ok(f, meta_cas(f, 1, text));
    assert_meta(f, text, 2);
    free(text);
}

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

/* ----------------------------------------------------------------------------------- atoms --- */

static void atoms_of_every_size_read_back_equal(void **state)
{
    static const size_t sizes[] = {1,
                                   63,
                                   64,
                                   65,
                                   1000,
                                   4095,
                                   4096,
                                   4097,
                                   65536,
                                   200000,
                                   (1u << 20) - 1,
                                   1u << 20,
                                   (1u << 20) + 1,
                                   3u << 20,
                                   100};
    storage_fixture *f = storage_of(state);
    pbase_atom_pointer pointers[COUNT_OF(sizes)];
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        pointers[i] = storage_write_atom(f, i, sizes[i], PBASE_ATOMS_DURABLE);
        assert_int_equal(pbase_atom_pointer_offset(pointers[i]) % PBASE_ATOM_ALIGN, 0);
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        storage_assert_atom(f, pointers[i], i, sizes[i]);
    }
}

static void batch_gets_its_places(storage_fixture *f, uint32_t mode)
{
    enum { COUNT = 3000 };
    static char texts[COUNT][300];
    static pbase_bytes atoms[COUNT];
    static pbase_atom_pointer pointers[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        memset(texts[i], (int)('a' + i % 26), sizeof texts[i]);
        int size = snprintf(texts[i], sizeof texts[i], "atom %zu", i);
        atoms[i] = pbase_bytes_of(texts[i], i % 3 == 0 ? (size_t)size : sizeof texts[i]);
    }
    assert_ok(f,
              pbase_storage_atoms_write(f->storage, NULL, atoms, COUNT, mode, pointers, &f->err));
    for (size_t i = 0; i < COUNT; i++) {
        char read_back[sizeof texts[0]];
        size_t read = 0;
        assert_ok(f, pbase_storage_atoms_read(f->storage, NULL, pointers[i], read_back,
                                              atoms[i].size, &read, &f->err));
        assert_int_equal(read, atoms[i].size);
        assert_memory_equal(read_back, atoms[i].data, read);
        assert_true(i == 0 || pointers[i] > pointers[i - 1]); /* in this order */
    }
}

static void atoms_of_a_batch_all_get_their_own_place(void **state)
{
    storage_fixture *f = storage_of(state);
    batch_gets_its_places(f, PBASE_ATOMS_WITH_APPEND);
    batch_gets_its_places(f, PBASE_ATOMS_STREAMED);
}

/* Streams, single atoms and others in turn, which may go different ways to the device. */
static void streamed_atoms_and_others_stand_side_by_side(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_atom_pointer pointers[30];
    for (size_t i = 0; i < COUNT_OF(pointers); i++) {
        size_t size = i % 3 == 2 ? 100 : 1000 + i * 9973;
        pointers[i] = storage_write_atom(
            f, i, size, i % 3 == 1 ? PBASE_ATOMS_WITH_APPEND : PBASE_ATOMS_STREAMED);
    }
    for (size_t i = 0; i < COUNT_OF(pointers); i++) {
        storage_assert_atom(f, pointers[i], i, i % 3 == 2 ? 100 : 1000 + i * 9973);
    }
}

static void atoms_read_ends_with_the_segment(void **state)
{
    storage_fixture *f = storage_of(state);
    uint8_t bytes[1024];
    size_t read = 0;
    pbase_atom_pointer pointer = storage_write_atom(f, 1, 100, PBASE_ATOMS_DURABLE);
    assert_ok(f, pbase_storage_atoms_read(f->storage, NULL, pointer, bytes, sizeof bytes, &read,
                                          &f->err));
    assert_true(read >= 100 && read < sizeof bytes);
}

static void atoms_read_tells_unknown_from_retired_segments(void **state)
{
    storage_fixture *f = storage_of(state);
    uint8_t byte;
    size_t read = 0;
    pbase_atom_pointer pointer = storage_write_atom(f, 1, 100, PBASE_ATOMS_DURABLE);
    pbase_atom_pointer unknown =
        pbase_atom_pointer_of(pbase_atom_pointer_log(pointer) + 100, PBASE_ATOM_ALIGN);
    assert_int_equal(pbase_storage_atoms_read(f->storage, NULL, unknown, &byte, 1, &read, &f->err),
                     PBASE_NOT_FOUND);
    assert_ok(f, pbase_storage_segment_retire(f->storage, NULL, pbase_atom_pointer_log(pointer),
                                              &f->err));
    assert_int_equal(pbase_storage_atoms_read(f->storage, NULL, pointer, &byte, 1, &read, &f->err),
                     PBASE_LOST);
}

static void atoms_map_stays_in_place_while_the_segment_grows(void **state)
{
    storage_fixture *f = storage_of(state);
    if (!storage_has(f, PBASE_STORAGE_MAP)) {
        skip();
    }
    pbase_atom_map first;
    pbase_atom_map later;
    char bytes[5000];
    memset(bytes, 'z', sizeof bytes);
    pbase_bytes atom = pbase_bytes_of(bytes, sizeof bytes);
    pbase_atom_pointer a = storage_write_atom(f, 1, 64, PBASE_ATOMS_DURABLE);
    uint32_t log_id = pbase_atom_pointer_log(a);
    assert_ok(f, pbase_storage_atoms_map(f->storage, log_id, &first, &f->err));
    for (size_t i = 0; i < 20; i++) {
        pbase_atom_pointer b;
        assert_ok(f, pbase_storage_atoms_write(f->storage, NULL, &atom, 1, PBASE_ATOMS_DURABLE, &b,
                                               &f->err));
        assert_int_equal(pbase_atom_pointer_log(b), log_id);
        assert_ok(f, pbase_storage_atoms_map(f->storage, log_id, &later, &f->err));
        assert_ptr_equal(later.data, first.data);
        assert_true(later.size_bytes >= pbase_atom_pointer_offset(b) + sizeof bytes);
        assert_memory_equal(later.data + pbase_atom_pointer_offset(b), bytes, sizeof bytes);
    }
    storage_assert_atom(f, a, 1, 64);
}

static void atoms_map_of_an_unknown_segment_is_not_found(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_atom_map map;
    assert_int_equal(pbase_storage_atoms_map(f->storage, 4000, &map, &f->err),
                     storage_has(f, PBASE_STORAGE_MAP) ? PBASE_NOT_FOUND : PBASE_UNSUPPORTED);
}

/* -------------------------------------------------------------------------------- segments --- */

typedef struct {
    pbase_segment_info segments[256];
    size_t count;
    pbase_status answer;
} segment_list;

static pbase_status list_each(void *state, const pbase_segment_info *segment, pbase_error *err)
{
    segment_list *list = state;
    (void)err;
    assert_true(list->count < COUNT_OF(list->segments));
    list->segments[list->count++] = *segment;
    return list->answer;
}

static segment_list list_segments(storage_fixture *f)
{
    segment_list list = {.answer = PBASE_OK};
    assert_ok(f, pbase_storage_segments_list(f->storage, NULL, list_each, &list, &f->err));
    return list;
}

static pbase_segment_info list_get(const segment_list *list, uint32_t log_id)
{
    size_t i = 0;
    while (i < list->count && list->segments[i].log_id != log_id) {
        i++;
    }
    PBASE_ASSERT(i < list->count); /* ends here, as the compiler can see */
    return list->segments[i];
}

static void full_segments_are_sealed_and_listed(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_atom_pointer pointers[12];
    assert_int_equal(list_segments(f).count, 0);
    for (size_t i = 0; i < COUNT_OF(pointers); i++) {
        pointers[i] = storage_write_atom(f, i, 100000, PBASE_ATOMS_DURABLE);
    }
    segment_list list = list_segments(f);
    uint32_t last = pbase_atom_pointer_log(pointers[COUNT_OF(pointers) - 1]);
    assert_true(list.count > 1); /* subjects have small segments */
    for (size_t i = 0; i < COUNT_OF(pointers); i++) {
        pbase_segment_info info = list_get(&list, pbase_atom_pointer_log(pointers[i]));
        assert_true(info.size_bytes >= pbase_atom_pointer_offset(pointers[i]) + 100000);
        assert_int_equal(info.sealed, info.log_id != last);
        storage_assert_atom(f, pointers[i], i, 100000);
    }
}

static void listing_stops_with_the_status_of_each(void **state)
{
    storage_fixture *f = storage_of(state);
    segment_list list = {.answer = PBASE_NOT_FOUND};
    for (size_t i = 0; i < 12; i++) {
        storage_write_atom(f, i, 100000, PBASE_ATOMS_DURABLE);
    }
    assert_int_equal(pbase_storage_segments_list(f->storage, NULL, list_each, &list, &f->err),
                     PBASE_NOT_FOUND);
    assert_int_equal(list.count, 1);
}

static void retired_segments_are_gone_and_their_ids_not_used_again(void **state)
{
    storage_fixture *f = storage_of(state);
    uint32_t greatest = 0;
    for (size_t round = 0; round < 5; round++) {
        pbase_atom_pointer pointer = storage_write_atom(f, round, 1000, PBASE_ATOMS_DURABLE);
        uint32_t log_id = pbase_atom_pointer_log(pointer);
        assert_true(log_id > greatest);
        greatest = log_id;
        assert_ok(f, pbase_storage_segment_retire(f->storage, NULL, log_id, &f->err));
        assert_int_equal(list_segments(f).count, 0);
        if (storage_has(f, PBASE_STORAGE_PERSISTENT)) {
            storage_close(f);
            storage_open(f);
        }
    }
}

static void a_punched_range_leaves_the_atoms_around_it(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_atom_pointer pointers[12];
    if (!storage_has(f, PBASE_STORAGE_PUNCH)) {
        assert_int_equal(pbase_storage_atoms_punch(f->storage, NULL, pbase_atom_pointer_of(1, 64),
                                                   4096, &f->err),
                         PBASE_UNSUPPORTED);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(pointers);
         i++) { /* in sealed segments and the one that grows */
        pointers[i] = storage_write_atom(f, i, 100000, PBASE_ATOMS_DURABLE);
    }
    for (size_t i = 0; i < COUNT_OF(pointers); i += 2) {
        pbase_status status =
            pbase_storage_atoms_punch(f->storage, NULL, pointers[i], 100000, &f->err);
        if (status == PBASE_UNSUPPORTED) { /* the file system cannot */
            skip();
        }
        assert_ok(f, status);
    }
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 1; i < COUNT_OF(pointers); i += 2) {
            storage_assert_atom(f, pointers[i], i, 100000);
        }
        if (storage_has(f, PBASE_STORAGE_PERSISTENT)) {
            storage_close(f);
            storage_open(f);
        }
    }
}

static void a_range_outside_of_what_was_written_is_not_punched(void **state)
{
    storage_fixture *f = storage_of(state);
    if (!storage_has(f, PBASE_STORAGE_PUNCH)) {
        skip();
    }
    pbase_atom_pointer pointer = storage_write_atom(f, 1, 1000, PBASE_ATOMS_DURABLE);
    uint32_t log_id = pbase_atom_pointer_log(pointer);
    assert_int_equal(
        pbase_storage_atoms_punch(f->storage, NULL, pbase_atom_pointer_of(log_id, 0), 64, &f->err),
        PBASE_INVALID); /* the segment's header */
    assert_int_equal(pbase_storage_atoms_punch(f->storage, NULL, pointer, 1 << 20, &f->err),
                     PBASE_INVALID);
    assert_int_equal(pbase_storage_atoms_punch(f->storage, NULL, pointer, UINT64_MAX, &f->err),
                     PBASE_INVALID);
    assert_int_equal(
        pbase_storage_atoms_punch(f->storage, NULL, pbase_atom_pointer_of(77, 64), 64, &f->err),
        PBASE_NOT_FOUND);
    storage_assert_atom(f, pointer, 1, 1000);
}

static void retiring_an_unknown_segment_is_not_found(void **state)
{
    storage_fixture *f = storage_of(state);
    assert_int_equal(pbase_storage_segment_retire(f->storage, NULL, 77, &f->err), PBASE_NOT_FOUND);
}

static void reserved_ids_are_never_written_to(void **state)
{
    storage_fixture *f = storage_of(state);
    uint32_t one = 0;
    uint32_t two = 0;
    if (!storage_has(f, PBASE_STORAGE_RESERVE)) {
        skip();
    }
    assert_ok(f, pbase_storage_atoms_reserve(f->storage, NULL, &one, &f->err));
    assert_ok(f, pbase_storage_atoms_reserve(f->storage, NULL, &two, &f->err));
    assert_true(one != 0 && one != two);
    for (size_t i = 0; i < 12; i++) {
        pbase_atom_pointer pointer = storage_write_atom(f, i, 100000, PBASE_ATOMS_DURABLE);
        assert_true(pbase_atom_pointer_log(pointer) != one &&
                    pbase_atom_pointer_log(pointer) != two);
    }
}

/* The bytes of a segment, which the caller frees. */
static uint8_t *segment_copy(storage_fixture *f, const pbase_segment_info *info)
{
    uint8_t *bytes = malloc(info->size_bytes);
    size_t done = 0;
    assert_non_null(bytes);
    while (done < info->size_bytes) {
        size_t read = 0;
        assert_ok(f, pbase_storage_segment_read(f->storage, NULL, info->log_id, done, bytes + done,
                                                50000, &read, &f->err));
        assert_true(read != 0);
        done += read;
    }
    return bytes;
}

static void a_segment_put_under_a_reserved_id_has_the_atoms_of_the_one_read(void **state)
{
    storage_fixture *f = storage_of(state);
    uint32_t log_id = 0;
    if (!storage_has(f, PBASE_STORAGE_SEGMENT_IO) || !storage_has(f, PBASE_STORAGE_RESERVE)) {
        skip();
    }
    pbase_atom_pointer pointer = storage_write_atom(f, 5, 70000, PBASE_ATOMS_DURABLE);
    segment_list list = list_segments(f);
    uint8_t *bytes = segment_copy(f, &list.segments[0]);
    assert_ok(f, pbase_storage_atoms_reserve(f->storage, NULL, &log_id, &f->err));
    pbase_segment_info info = {
        .log_id = log_id, .sealed = 1, .size_bytes = list.segments[0].size_bytes};
    pbase_bytes all = pbase_bytes_of(bytes, info.size_bytes);
    assert_ok(f, pbase_storage_segment_put(f->storage, NULL, &info, all, &f->err));
    storage_assert_atom(f, pbase_atom_pointer_of(log_id, pbase_atom_pointer_offset(pointer)), 5,
                        70000);
    segment_list after = list_segments(f);
    assert_int_equal(list_get(&after, log_id).sealed, 1);
    assert_int_equal(pbase_storage_segment_put(f->storage, NULL, &info, all, &f->err),
                     PBASE_EXISTS);
    free(bytes);
}

/* ----------------------------------------------------------------------------------- locks --- */

static pbase_status acquire(storage_fixture *f, const char *name, uint32_t mode, uint64_t lease_ms,
                            uint64_t *out_fence)
{
    pbase_call now = storage_call_over(f);
    return pbase_storage_lock_acquire(f->storage, &now, name, mode, lease_ms, out_fence, &f->err);
}

static void an_exclusive_lock_excludes_and_names_its_holder(void **state)
{
    storage_fixture *f = storage_of(state);
    uint64_t fence = 0;
    uint64_t other = 0;
    char holder[32];
    assert_ok(f, acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, &fence));
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, &other), PBASE_BUSY);
    snprintf(holder, sizeof holder, "%llu",
             (unsigned long long)f->host.base.os->system->process_id(f->host.base.os));
    assert_non_null(strstr(f->err.message, holder));
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_SHARED, 0, &other), PBASE_BUSY);
    assert_ok(f, acquire(f, "checkpoint", PBASE_LOCK_EXCLUSIVE, 0, &other)); /* another name */
    pbase_storage_lock_release(f->storage, "writer", fence);
    assert_ok(f, acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, &other));
}

static void shared_locks_share_but_exclude_an_exclusive_one(void **state)
{
    storage_fixture *f = storage_of(state);
    uint64_t one = 0;
    uint64_t two = 0;
    uint64_t three = 0;
    assert_ok(f, acquire(f, "x", PBASE_LOCK_SHARED, 0, &one));
    assert_ok(f, acquire(f, "x", PBASE_LOCK_SHARED, 0, &two));
    assert_int_equal(acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &three), PBASE_BUSY);
    pbase_storage_lock_release(f->storage, "x", one);
    assert_int_equal(acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &three), PBASE_BUSY);
    pbase_storage_lock_release(f->storage, "x", two);
    assert_ok(f, acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &three));
}

static void fencing_tokens_grow(void **state)
{
    storage_fixture *f = storage_of(state);
    uint64_t last = 0;
    for (size_t i = 0; i < 10; i++) {
        uint64_t fence = 0;
        pbase_journal_appended appended;
        assert_ok(f, acquire(f, "writer", i % 2 == 0 ? PBASE_LOCK_EXCLUSIVE : PBASE_LOCK_SHARED, 0,
                             &fence));
        assert_true(fence > last);
        last = fence;
        assert_ok(f, storage_try_append(f, "x", 1, PBASE_POSITION_ANY, storage_token(i), fence,
                                        &appended));
        pbase_storage_lock_release(f->storage, "writer", fence);
        if (storage_has(f, PBASE_STORAGE_PERSISTENT)) {
            storage_close(f);
            storage_open(f);
        }
    }
}

static void a_lease_runs_out_and_cannot_be_renewed_then(void **state)
{
    storage_fixture *f = storage_of(state);
    const pbase_os *os = f->host.base.os;
    uint64_t fence = 0;
    uint64_t other = 0;
    assert_ok(f, acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 60000, &fence));
    assert_ok(f, pbase_storage_lock_renew(f->storage, NULL, "x", fence, 1, &f->err));
    os->system->sleep_ns(os, 5000000);
    assert_int_equal(pbase_storage_lock_renew(f->storage, NULL, "x", fence, 60000, &f->err),
                     PBASE_LOST);
    assert_ok(f, acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &other));
    pbase_storage_lock_release(f->storage, "x", fence); /* of the past: frees nothing */
    assert_int_equal(acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &fence), PBASE_BUSY);
}

static void acquire_waits_for_a_lease_to_run_out(void **state)
{
    storage_fixture *f = storage_of(state);
    uint64_t fence = 0;
    uint64_t other = 0;
    pbase_call later = storage_call_in(f, 10000);
    assert_ok(f, acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 5, &fence));
    assert_ok(f, pbase_storage_lock_acquire(f->storage, &later, "x", PBASE_LOCK_EXCLUSIVE, 0,
                                            &other, &f->err));
    assert_true(other > fence);
}

static void append_with_an_old_fence_is_fenced(void **state)
{
    storage_fixture *f = storage_of(state);
    uint64_t old = 0;
    uint64_t fence = 0;
    pbase_journal_appended appended;
    assert_ok(f, acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, &old));
    assert_ok(
        f, storage_try_append(f, "one", 1, PBASE_POSITION_ANY, storage_token(1), old, &appended));
    pbase_storage_lock_release(f->storage, "writer", old);
    assert_ok(f, acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, &fence));
    assert_int_equal(
        storage_try_append(f, "two", 1, PBASE_POSITION_ANY, storage_token(2), old, &appended),
        PBASE_FENCED);
    assert_ok(f, storage_try_append(f, "three", 1, PBASE_POSITION_ANY, storage_token(3), fence,
                                    &appended));
    assert_string_equal(storage_texts(f, 0), "one|three");
}

typedef struct {
    storage_fixture *f;
    uint64_t fence;
    pbase_status status;
} locker;

static void locker_run(void *state)
{
    locker *l = state;
    pbase_call call = {.deadline_ns = pbase_os_deadline(l->f->host.base.os, 10000)};
    l->status = pbase_storage_lock_acquire(l->f->storage, &call, "x", PBASE_LOCK_EXCLUSIVE, 0,
                                           &l->fence, NULL);
}

static void acquire_waits_for_a_release(void **state)
{
    storage_fixture *f = storage_of(state);
    const pbase_os *os = f->host.base.os;
    locker l = {f, 0, PBASE_INTERNAL};
    pbase_os_thread *thread = NULL;
    uint64_t fence = 0;
    assert_ok(f, acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &fence));
    assert_ok(f, os->thread->start(os, "locker", locker_run, &l, &thread, &f->err));
    os->system->sleep_ns(os, 2000000);
    pbase_storage_lock_release(f->storage, "x", fence);
    os->thread->join(thread);
    assert_int_equal(l.status, PBASE_OK);
    assert_true(l.fence > fence);
}

/* ----------------------------------------------------------------------------------- admin --- */

typedef struct {
    size_t count;
    bool journal_bytes;
    bool store_bytes;
    pbase_status answer;
} figures;

static pbase_status figure_each(void *state, const char *name, uint64_t value, const char *unit,
                                pbase_error *err)
{
    figures *seen = state;
    (void)err;
    (void)value;
    assert_true(strlen(name) > 0);
    assert_true(strcmp(unit, "bytes") == 0 || strcmp(unit, "count") == 0 ||
                strcmp(unit, "ns") == 0 || strcmp(unit, "1/s") == 0);
    seen->count++;
    seen->journal_bytes = seen->journal_bytes || strcmp(name, "journal_bytes") == 0;
    seen->store_bytes = seen->store_bytes || strcmp(name, "store_bytes") == 0;
    return seen->answer;
}

static void stats_give_named_figures_with_units(void **state)
{
    storage_fixture *f = storage_of(state);
    figures all = {.answer = PBASE_OK};
    figures one = {.answer = PBASE_LIMIT};
    assert_ok(f, pbase_storage_stats(f->storage, NULL, figure_each, &all, &f->err));
    assert_true(all.count > 2 && all.journal_bytes && all.store_bytes);
    assert_int_equal(pbase_storage_stats(f->storage, NULL, figure_each, &one, &f->err),
                     PBASE_LIMIT);
    assert_int_equal(one.count, 1);
}

static pbase_status finding_each(void *state, pbase_status code, const char *place,
                                 const char *message, pbase_error *err)
{
    (void)state;
    (void)err;
    fail_msg("%s: %s: %s", pbase_status_name(code), place, message);
    return PBASE_OK;
}

static void assert_sound(storage_fixture *f)
{
    assert_ok(f, pbase_storage_verify(f->storage, NULL, finding_each, NULL, &f->err));
}

static void verify_finds_nothing_in_a_sound_storage(void **state)
{
    storage_fixture *f = storage_of(state);
    assert_sound(f);
    for (size_t i = 0; i < 12; i++) {
        storage_append(f, "x");
        storage_write_atom(f, i, 100000, PBASE_ATOMS_WITH_APPEND);
    }
    assert_sound(f);
}

static void atoms_may_wait_for_an_append_that_may_name_them(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_journal_appended appended = {0};
    pbase_bytes record = pbase_bytes_text("names none");
    pbase_journal_append names_none = {.struct_size = sizeof names_none,
                                       .durability = PBASE_DURABILITY_SYNC,
                                       .records = &record,
                                       .record_count = 1,
                                       .expected = PBASE_POSITION_ANY,
                                       .token = storage_token(1),
                                       .fence = UINT64_MAX,
                                       .names_no_atoms = 1};
    pbase_atom_pointer first = storage_write_atom(f, 1, 5000, PBASE_ATOMS_WITH_APPEND);
    assert_ok(f, pbase_storage_append(f->storage, NULL, &names_none, &appended, &f->err));
    pbase_atom_pointer second = storage_write_atom(f, 2, 5000, PBASE_ATOMS_WITH_APPEND);
    storage_append(f, "may name them");
    if (storage_has(f, PBASE_STORAGE_PERSISTENT)) {
        storage_close(f);
        storage_open(f);
    }
    assert_string_equal(storage_texts(f, 0), "names none|may name them");
    storage_assert_atom(f, first, 1, 5000);
    storage_assert_atom(f, second, 2, 5000);
    assert_sound(f);
}

static void what_was_written_is_there_after_reopening(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_atom_pointer atoms[12];
    if (!storage_has(f, PBASE_STORAGE_PERSISTENT)) {
        skip();
    }
    assert_ok(f, meta_cas(f, 0, "meta"));
    storage_append(f, "one");
    pbase_journal_appended two = storage_append(f, "two");
    for (size_t i = 0; i < COUNT_OF(atoms); i++) {
        atoms[i] = storage_write_atom(f, i, 60000,
                                      i % 2 == 0 ? PBASE_ATOMS_DURABLE : PBASE_ATOMS_WITH_APPEND);
    }
    storage_append(f, "three");
    assert_ok(f, pbase_storage_trim(f->storage, NULL, two.first, two.first, &f->err));
    for (size_t round = 0; round < 3; round++) {
        pbase_journal_head before = storage_head(f);
        storage_close(f);
        storage_open(f);
        pbase_journal_head after = storage_head(f);
        assert_int_equal(after.head, before.head);
        assert_int_equal(after.first, before.first);
        assert_int_equal(after.anchor, before.anchor);
        assert_meta(f, "meta", 1);
        assert_string_equal(storage_texts(f, 0), "two|three");
        for (size_t i = 0; i < COUNT_OF(atoms); i++) {
            storage_assert_atom(f, atoms[i], i, 60000);
        }
        assert_sound(f);
    }
    pbase_atom_pointer more = storage_write_atom(f, 99, 1000, PBASE_ATOMS_DURABLE);
    storage_append(f, "four");
    assert_string_equal(storage_texts(f, 0), "two|three|four");
    for (size_t i = 0; i < COUNT_OF(atoms); i++) {
        storage_assert_atom(f, atoms[i], i, 60000);
    }
    storage_assert_atom(f, more, 99, 1000);
}

static void many_short_lives_do_not_use_up_log_ids(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_atom_pointer first = storage_write_atom(f, 0, 100, PBASE_ATOMS_DURABLE);
    if (!storage_has(f, PBASE_STORAGE_PERSISTENT)) {
        skip();
    }
    for (size_t round = 1; round < 20; round++) {
        storage_close(f);
        storage_open(f);
        pbase_atom_pointer pointer = storage_write_atom(f, round, 100, PBASE_ATOMS_DURABLE);
        assert_int_equal(pbase_atom_pointer_log(pointer), pbase_atom_pointer_log(first));
    }
    storage_assert_atom(f, first, 0, 100);
}

/* ----------------------------------------------------------------------------- many threads --- */

#define WRITERS 4
#define READERS 2
#define APPENDS 100 /* of each writer */

typedef struct {
    storage_fixture *f;
    size_t number;
    _Atomic bool *stop;
    size_t conflicts;
    bool failed;
    char why[160];
} worker;

static void worker_fail(worker *w, const char *what, const pbase_error *err)
{
    w->failed = true;
    snprintf(w->why, sizeof w->why, "%.40s: %.100s", what, err->message);
}

static void appender_run(void *state)
{
    worker *w = state;
    pbase_error err;
    pbase_error_init(&err);
    for (uint32_t i = 0; i < APPENDS && !w->failed;) {
        uint8_t text[8];
        pbase_journal_head head;
        pbase_journal_appended appended;
        pbase_put_u32(text, (uint32_t)w->number);
        pbase_put_u32(text + 4, i);
        pbase_bytes record = pbase_bytes_of(text, sizeof text);
        pbase_journal_append append = {.struct_size = sizeof append,
                                       .durability = (int32_t)(i % 3),
                                       .records = &record,
                                       .record_count = 1,
                                       .fence = UINT64_MAX};
        if (pbase_storage_journal_head(w->f->storage, NULL, PBASE_HEAD_LATEST, &head, &err) !=
            PBASE_OK) {
            worker_fail(w, "head", &err);
            return;
        }
        append.expected = head.head;
        pbase_status status = pbase_storage_append(w->f->storage, NULL, &append, &appended, &err);
        i += status == PBASE_OK;
        w->conflicts += status == PBASE_CONFLICT;
        if (status != PBASE_OK && status != PBASE_CONFLICT) {
            worker_fail(w, "append", &err);
        }
    }
}

/* Scans from the first record to the last and checks that each writer's are in order. */
static size_t scan_all(worker *w)
{
    uint32_t next[WRITERS] = {0};
    size_t count = 0;
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = pbase_storage_scan_open(w->f->storage, NULL, 0, &scan, &err);
    while (status == PBASE_OK) {
        status = pbase_storage_scan_next(w->f->storage, NULL, scan, &record, &err);
        if (status == PBASE_OK) {
            uint32_t number = record.bytes.size == 8 ? pbase_get_u32(record.bytes.data) : WRITERS;
            if (number >= WRITERS || pbase_get_u32(record.bytes.data + 4) != next[number]++) {
                pbase_error_note(&err, "a record is wrong");
                status = PBASE_CORRUPT;
            }
            count++;
        }
    }
    pbase_storage_scan_close(w->f->storage, scan);
    if (status != PBASE_END) {
        worker_fail(w, "scan", &err);
    }
    return count;
}

static void scanner_run(void *state)
{
    worker *w = state;
    size_t seen = 0;
    while (!atomic_load(w->stop) && !w->failed) {
        size_t count = scan_all(w);
        if (count < seen) {
            w->failed = true;
            snprintf(w->why, sizeof w->why, "records disappeared");
        }
        seen = count;
    }
}

static void writers_with_expected_heads_lose_nothing_beside_readers(void **state)
{
    storage_fixture *f = storage_of(state);
    const pbase_os *os = f->host.base.os;
    _Atomic bool stop = false;
    worker workers[WRITERS + READERS];
    pbase_os_thread *threads[WRITERS + READERS];
    for (size_t i = 0; i < WRITERS + READERS; i++) {
        workers[i] = (worker){.f = f, .number = i, .stop = &stop};
        assert_ok(f, os->thread->start(os, "worker", i < WRITERS ? appender_run : scanner_run,
                                       &workers[i], &threads[i], &f->err));
    }
    for (size_t i = 0; i < WRITERS + READERS; i++) {
        if (i == WRITERS) {
            atomic_store(&stop, true);
        }
        os->thread->join(threads[i]);
    }
    for (size_t i = 0; i < WRITERS + READERS; i++) {
        if (workers[i].failed) {
            fail_msg("%s", workers[i].why);
        }
    }
    worker last = {.f = f, .stop = &stop};
    assert_int_equal(scan_all(&last), WRITERS * APPENDS);
    assert_false(last.failed);
}

static void atom_writer_run(void *state)
{
    worker *w = state;
    pbase_error err;
    pbase_error_init(&err);
    for (size_t i = 0; i < APPENDS && !w->failed; i++) {
        uint8_t bytes[3000];
        uint8_t read_back[sizeof bytes];
        pbase_atom_pointer pointer;
        size_t read = 0;
        memset(bytes, (int)(w->number * 50 + i), sizeof bytes);
        pbase_bytes atom = pbase_bytes_of(bytes, 1 + i * 29);
        if (pbase_storage_atoms_write(w->f->storage, NULL, &atom, 1, PBASE_ATOMS_WITH_APPEND,
                                      &pointer, &err) != PBASE_OK ||
            pbase_storage_atoms_read(w->f->storage, NULL, pointer, read_back, atom.size, &read,
                                     &err) != PBASE_OK) {
            worker_fail(w, "atom", &err);
        } else if (read != atom.size || memcmp(read_back, bytes, read) != 0) {
            w->failed = true;
            snprintf(w->why, sizeof w->why, "another atom was read");
        }
    }
}

static void writers_of_atoms_get_places_of_their_own(void **state)
{
    storage_fixture *f = storage_of(state);
    const pbase_os *os = f->host.base.os;
    worker workers[WRITERS];
    pbase_os_thread *threads[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        workers[i] = (worker){.f = f, .number = i};
        assert_ok(
            f, os->thread->start(os, "worker", atom_writer_run, &workers[i], &threads[i], &f->err));
    }
    for (size_t i = 0; i < WRITERS; i++) {
        os->thread->join(threads[i]);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        if (workers[i].failed) {
            fail_msg("%s", workers[i].why);
        }
    }
}

/* ------------------------------------------------------------------------------------ suite --- */

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name, storage_setup, storage_teardown, (void *)(uintptr_t)subject                   \
    }

int storage_suite_run(const storage_subject *subject)
{
    const struct CMUnitTest tests[] = {
        TEST(meta_of_a_new_storage_is_empty_with_version_0),
        TEST(meta_cas_replaces_the_document_and_counts_versions),
        TEST(meta_cas_with_another_version_conflicts_and_writes_nothing),
        TEST(meta_takes_the_largest_document_and_refuses_a_larger_one),
        TEST(head_of_a_new_journal_is_empty_and_without_anchor),
        TEST(append_moves_the_head_to_its_end),
        TEST(scan_gives_the_records_in_order),
        TEST(append_of_a_group_gives_each_record_its_place_in_it),
        TEST(scan_begins_at_any_record_of_a_group),
        TEST(append_takes_empty_and_large_records),
        TEST(append_with_the_expected_head_succeeds),
        TEST(append_with_another_head_conflicts_and_appends_nothing),
        TEST(append_takes_the_offered_levels_and_no_others),
        TEST(sync_above_the_head_is_invalid),
        TEST(outcome_tells_found_from_absent_from_expired),
        TEST(scan_refuses_positions_where_no_record_begins),
        TEST(scan_at_the_head_finds_later_appends),
        TEST(scan_close_takes_null),
        TEST(trim_moves_the_first_position_and_the_anchor),
        TEST(trim_up_to_0_moves_only_the_anchor),
        TEST(trim_refuses_what_is_no_record_below_the_head),
        TEST(trim_under_a_scan_ends_it_or_leaves_it_alone),
        TEST(calls_that_are_over_do_nothing),
        TEST(wait_returns_when_the_head_is_beyond),
        TEST(wait_ends_with_its_call),
        TEST(wait_is_ended_by_an_append_of_another_thread),
        TEST(tail_of_a_new_journal_is_whole),
        TEST(atoms_of_every_size_read_back_equal),
        TEST(atoms_of_a_batch_all_get_their_own_place),
        TEST(streamed_atoms_and_others_stand_side_by_side),
        TEST(atoms_read_ends_with_the_segment),
        TEST(atoms_read_tells_unknown_from_retired_segments),
        TEST(atoms_map_stays_in_place_while_the_segment_grows),
        TEST(atoms_map_of_an_unknown_segment_is_not_found),
        TEST(full_segments_are_sealed_and_listed),
        TEST(listing_stops_with_the_status_of_each),
        TEST(retired_segments_are_gone_and_their_ids_not_used_again),
        TEST(a_punched_range_leaves_the_atoms_around_it),
        TEST(a_range_outside_of_what_was_written_is_not_punched),
        TEST(retiring_an_unknown_segment_is_not_found),
        TEST(reserved_ids_are_never_written_to),
        TEST(a_segment_put_under_a_reserved_id_has_the_atoms_of_the_one_read),
        TEST(an_exclusive_lock_excludes_and_names_its_holder),
        TEST(shared_locks_share_but_exclude_an_exclusive_one),
        TEST(fencing_tokens_grow),
        TEST(a_lease_runs_out_and_cannot_be_renewed_then),
        TEST(acquire_waits_for_a_lease_to_run_out),
        TEST(append_with_an_old_fence_is_fenced),
        TEST(acquire_waits_for_a_release),
        TEST(stats_give_named_figures_with_units),
        TEST(verify_finds_nothing_in_a_sound_storage),
        TEST(atoms_may_wait_for_an_append_that_may_name_them),
        TEST(what_was_written_is_there_after_reopening),
        TEST(many_short_lives_do_not_use_up_log_ids),
        TEST(writers_with_expected_heads_lose_nothing_beside_readers),
        TEST(writers_of_atoms_get_places_of_their_own),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}
