/* storage_shared_suite.c - what a storage with PBASE_STORAGE_SHARED must do when it is opened more than
 * once: two openings in this process behave as those of two processes do. */
#include "storage_fixture.h"

#include <stdio.h>

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

/* A second opening of the same place. */
typedef struct {
    storage_fixture *f;
    test_graph *graph;
    pbase_storage *storage;
} other_user;

static other_user other_open(storage_fixture *f)
{
    other_user other = {.f = f};
    assert_true(storage_has(f, PBASE_STORAGE_SHARED));
    assert_ok(
        f, test_wiring_open(f->subject->wiring(f->folder.path), &f->host, &other.graph, &f->err));
    other.storage = test_graph_object(other.graph);
    return other;
}

static void other_close(other_user *other)
{
    test_wiring_close(other->graph);
}

/* Does the fixture's work as the other user. */
static void swap(other_user *other)
{
    pbase_storage *storage = other->f->storage;
    test_graph *graph = other->f->graph;
    other->f->storage = other->storage;
    other->f->graph = other->graph;
    other->storage = storage;
    other->graph = graph;
}

static void what_one_user_appends_the_other_scans(void **state)
{
    storage_fixture *f = storage_of(state);
    other_user other = other_open(f);
    for (unsigned i = 0; i < 40; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%u", i);
        pbase_position before = storage_head(f).head;
        storage_append(f, text);
        swap(&other);
        pbase_journal_head head = storage_head(f);
        assert_true(head.head > before);
        assert_true(head.synced == head.head);
        assert_string_equal(storage_texts(f, before), text);
    }
    other_close(&other);
}

/* Values of the pulse that were seen, each of which must be new. */
typedef struct {
    const uint64_t *pulse;
    uint64_t seen[64];
    size_t count;
} pulses;

static void assert_new_pulse(pulses *self)
{
    uint64_t now = __atomic_load_n(self->pulse, __ATOMIC_ACQUIRE);
    for (size_t i = 0; i < self->count; i++) {
        assert_true(self->seen[i] != now);
    }
    assert_true(self->count < 64);
    self->seen[self->count++] = now;
}

static void the_pulse_is_new_after_whatever_anybody_did_to_the_journal(void **state)
{
    storage_fixture *f = storage_of(state);
    other_user other = other_open(f);
    pulses here = {.pulse = pbase_storage_journal_pulse(f->storage)};
    pulses there = {.pulse = pbase_storage_journal_pulse(other.storage)};
    if (here.pulse == NULL) {
        skip(); /* it has none */
    }
    assert_new_pulse(&here);
    assert_new_pulse(&there);
    pbase_position first = 0;
    for (unsigned i = 0; i < 20; i++) {
        swap(&other);
        first = storage_append(f, "a record").first;
        assert_new_pulse(&here);
        assert_new_pulse(&there);
    }
    assert_ok(f, pbase_storage_trim(f->storage, NULL, first, first, &f->err));
    assert_new_pulse(&here);
    assert_new_pulse(&there);
    other_close(&other);
}

static void an_append_at_a_head_that_another_user_moved_conflicts(void **state)
{
    storage_fixture *f = storage_of(state);
    other_user other = other_open(f);
    pbase_journal_appended appended;
    pbase_position head = storage_head(f).head;
    swap(&other);
    storage_append(f, "first");
    swap(&other);
    assert_int_equal(storage_try_append(f, "second", 1, head, storage_token(2), 0, &appended),
                     PBASE_CONFLICT);
    head = storage_head(f).head;
    assert_ok(f, storage_try_append(f, "second", 1, head, storage_token(2), 0, &appended));
    other_close(&other);
}

static void locks_of_users_exclude_each_other_and_their_tokens_grow(void **state)
{
    storage_fixture *f = storage_of(state);
    other_user other = other_open(f);
    uint64_t fence = 0, last = 0;
    for (unsigned i = 0; i < 6; i++) {
        const char *name = i % 2 == 0 ? "writer" : "checkpoint";
        pbase_call now = storage_call_over(f);
        pbase_call soon = storage_call_in(f, 5000);
        assert_ok(f, pbase_storage_lock_acquire(f->storage, &soon, name, PBASE_LOCK_EXCLUSIVE, 0,
                                                &fence, &f->err));
        assert_true(fence > last);
        last = fence;
        swap(&other);
        assert_int_equal(pbase_storage_lock_acquire(f->storage, &now, name, PBASE_LOCK_EXCLUSIVE, 0,
                                                    &fence, &f->err),
                         PBASE_BUSY);
        swap(&other);
        pbase_storage_lock_release(f->storage, name, last);
        swap(&other);
        assert_ok(f, pbase_storage_lock_acquire(f->storage, &soon, name, PBASE_LOCK_EXCLUSIVE, 0,
                                                &fence, &f->err));
        assert_true(fence > last);
        last = fence;
        pbase_storage_lock_release(f->storage, name, last);
    }
    other_close(&other);
}

static void a_user_is_alone_until_another_comes_and_after_it_went(void **state)
{
    storage_fixture *f = storage_of(state);
    bool is_alone = false;
    assert_ok(f, pbase_storage_is_alone(f->storage, NULL, &is_alone, &f->err));
    assert_true(is_alone);
    other_user other = other_open(f);
    assert_ok(f, pbase_storage_is_alone(f->storage, NULL, &is_alone, &f->err));
    assert_false(is_alone);
    swap(&other);
    assert_ok(f, pbase_storage_is_alone(f->storage, NULL, &is_alone, &f->err));
    assert_false(is_alone);
    other_close(&other);
    assert_ok(f, pbase_storage_is_alone(f->storage, NULL, &is_alone, &f->err));
    assert_true(is_alone);
}

typedef struct {
    unsigned users, silent;
    char said[64]; /* by all, one behind the other */
} told;

static pbase_status hear(void *state, pbase_bytes needs, pbase_error *err)
{
    told *self = state;
    size_t at = strlen(self->said);
    (void)err;
    self->users++;
    self->silent += needs.size == 0;
    assert_true(at + needs.size < sizeof self->said);
    if (needs.size > 0) {
        memcpy(self->said + at, needs.data, needs.size);
    }
    return PBASE_OK;
}

static void expect_told(storage_fixture *f, unsigned users, unsigned silent, const char *said)
{
    told all = {.users = 0};
    assert_ok(f, pbase_storage_others_need(f->storage, NULL, hear, &all, &f->err));
    assert_int_equal(all.users, users);
    assert_int_equal(all.silent, silent);
    assert_string_equal(all.said, said);
}

static void users_hear_what_others_need_while_those_are_there(void **state)
{
    storage_fixture *f = storage_of(state);
    static uint8_t much[PBASE_NEEDS_BYTES_MAX + 1];
    expect_told(f, 0, 0, "");
    assert_ok(f, pbase_storage_need(f->storage, pbase_bytes_text("here"), &f->err));
    expect_told(f, 0, 0, "");
    other_user other = other_open(f);
    expect_told(f, 1, 1, "");
    swap(&other);
    expect_told(f, 1, 0, "here");
    assert_ok(f, pbase_storage_need(f->storage, pbase_bytes_text("there"), &f->err));
    assert_ok(f, pbase_storage_need(f->storage, pbase_bytes_text("elsewhere"), &f->err));
    assert_int_equal(pbase_storage_need(f->storage, pbase_bytes_of(much, sizeof much), &f->err),
                     PBASE_LIMIT);
    swap(&other);
    expect_told(f, 1, 0, "elsewhere");
    swap(&other);
    assert_ok(f, pbase_storage_need(f->storage, pbase_bytes_text(""), &f->err));
    swap(&other);
    expect_told(f, 1, 1, "");
    swap(&other);
    assert_ok(f, pbase_storage_need(f->storage, pbase_bytes_text("last"), &f->err));
    swap(&other);
    other_close(&other);
    expect_told(f, 0, 0, "");
    other = other_open(f); /* in the slot of the one before */
    expect_told(f, 1, 1, "");
    other_close(&other);
}

typedef struct {
    storage_fixture *f;
    const char *name;
    uint64_t held_ns;
    uint64_t last;
    bool is_sound;
} locker;

static void take_and_release(void *state)
{
    locker *self = state;
    const pbase_os *os = self->f->host.base.os;
    for (unsigned i = 0; i < 200 && self->is_sound; i++) {
        pbase_call soon = {.deadline_ns = pbase_os_deadline(os, 20000)};
        uint64_t fence = 0;
        self->is_sound =
            pbase_storage_lock_acquire(self->f->storage, &soon, self->name, PBASE_LOCK_EXCLUSIVE, 0,
                                       &fence, NULL) == PBASE_OK &&
            fence > self->last;
        self->last = fence;
        os->system->sleep_ns(os, self->held_ns);
        pbase_storage_lock_release(self->f->storage, self->name, fence);
    }
}

/* A release looked through the tokens of others while they got theirs: a race that TSan found. */
static void threads_of_one_user_take_different_locks_at_once(void **state)
{
    storage_fixture *f = storage_of(state);
    const pbase_os *os = f->host.base.os;
    locker lockers[] = {
        {f, "writer", 0, 0, true}, {f, "checkpoint", 50000, 0, true}, {f, "other", 20000, 0, true}};
    pbase_os_thread *threads[3] = {NULL};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(f, os->thread->start(os, "locker", take_and_release, &lockers[i], &threads[i],
                                       &f->err));
    }
    for (size_t i = 0; i < 3; i++) {
        os->thread->join(threads[i]);
        assert_true(lockers[i].is_sound);
    }
}

static void an_append_with_the_token_of_an_earlier_user_is_fenced(void **state)
{
    storage_fixture *f = storage_of(state);
    other_user other = other_open(f);
    uint64_t old = 0, fence = 0;
    pbase_journal_appended appended;
    pbase_call soon = storage_call_in(f, 5000);
    assert_ok(f, pbase_storage_lock_acquire(f->storage, &soon, "writer", PBASE_LOCK_EXCLUSIVE, 0,
                                            &old, &f->err));
    pbase_storage_lock_release(f->storage, "writer", old);
    swap(&other);
    assert_ok(f, pbase_storage_lock_acquire(f->storage, &soon, "writer", PBASE_LOCK_EXCLUSIVE, 0,
                                            &fence, &f->err));
    pbase_storage_lock_release(f->storage, "writer", fence);
    swap(&other);
    assert_int_equal(
        storage_try_append(f, "late", 1, PBASE_POSITION_ANY, storage_token(9), old, &appended),
        PBASE_FENCED);
    other_close(&other);
}

static void atoms_of_two_users_never_share_a_place(void **state)
{
    storage_fixture *f = storage_of(state);
    other_user other = other_open(f);
    pbase_atom_pointer pointers[60];
    for (unsigned i = 0; i < 60; i++) {
        pointers[i] = storage_write_atom(f, i, 20000, PBASE_ATOMS_DURABLE);
        swap(&other);
        for (unsigned k = 0; k < i; k++) {
            assert_true(pointers[k] != pointers[i]);
        }
        storage_assert_atom(f, pointers[i], i, 20000); /* written by the other one */
    }
    other_close(&other);
    for (unsigned i = 0; i < 60; i++) {
        storage_assert_atom(f, pointers[i], i, 20000);
    }
    assert_sound(f);
}

static void who_falls_behind_a_trim_is_told(void **state)
{
    storage_fixture *f = storage_of(state);
    other_user other = other_open(f);
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    char text[60];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    pbase_journal_appended first = storage_append(f, "first");
    swap(&other);
    pbase_position anchor = 0;
    for (unsigned i = 0; i < 120; i++) { /* over several segments */
        anchor = storage_append(f, text).first;
    }
    assert_ok(f, pbase_storage_trim(f->storage, NULL, anchor, anchor, &f->err));
    swap(&other);
    pbase_journal_head head = storage_head(f);
    assert_int_equal(head.first, anchor);
    assert_int_equal(head.anchor, anchor);
    pbase_status status = pbase_storage_scan_open(f->storage, NULL, first.first, &scan, &f->err);
    if (status == PBASE_OK) {
        status = pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err);
        pbase_storage_scan_close(f->storage, scan);
    }
    assert_int_equal(status, PBASE_TRIMMED);
    storage_append(f, "later");
    other_close(&other);
    assert_sound(f);
}

static void users_who_append_and_trim_in_turn_use_each_others_segments(void **state)
{
    storage_fixture *f = storage_of(state);
    other_user other = other_open(f);
    pbase_position before = 0, last = 0;
    for (unsigned i = 0; i < 600; i++) { /* some twenty segments */
        pbase_position first = storage_append(f, "a record").first;
        if (i % 50 == 49) {
            assert_ok(f, pbase_storage_trim(f->storage, NULL, before, last, &f->err));
        }
        before = last;
        last = first;
        if (i % 7 == 0) {
            swap(&other);
        }
    }
    assert_true(storage_head(f).head > last);
    other_close(&other);
    assert_sound(f);
}

static void documents_of_two_users_are_replaced_one_after_the_other(void **state)
{
    storage_fixture *f = storage_of(state);
    other_user other = other_open(f);
    for (uint64_t version = 0; version < 10; version++) {
        pbase_bytes document = pbase_bytes_text("a document");
        assert_ok(f, pbase_storage_meta_cas(f->storage, NULL, version, document, &f->err));
        swap(&other);
        assert_int_equal(pbase_storage_meta_cas(f->storage, NULL, version, document, &f->err),
                         PBASE_CONFLICT);
    }
    other_close(&other);
}

static void the_last_user_leaves_a_clean_space(void **state)
{
    storage_fixture *f = storage_of(state);
    other_user other = other_open(f);
    storage_append(f, "one");
    swap(&other);
    storage_append(f, "two");
    pbase_position head = storage_head(f).head;
    other_close(&other);
    storage_close(f);
    storage_open(f);
    pbase_journal_tail tail = {1, 1};
    assert_ok(f, pbase_storage_tail(f->storage, &tail, &f->err));
    assert_int_equal(tail.torn_bytes, 0);
    assert_int_equal(storage_head(f).head, head);
    assert_string_equal(storage_texts(f, 0), "one|two");
    assert_sound(f);
}

/* ------------------------------------------------------------------------------------ suite --- */

int storage_shared_suite_run(const storage_subject *subject)
{
    const struct CMUnitTest tests[] = {
        STORAGE_TEST(what_one_user_appends_the_other_scans),
        STORAGE_TEST(the_pulse_is_new_after_whatever_anybody_did_to_the_journal),
        STORAGE_TEST(an_append_at_a_head_that_another_user_moved_conflicts),
        STORAGE_TEST(locks_of_users_exclude_each_other_and_their_tokens_grow),
        STORAGE_TEST(a_user_is_alone_until_another_comes_and_after_it_went),
        STORAGE_TEST(users_hear_what_others_need_while_those_are_there),
        STORAGE_TEST(threads_of_one_user_take_different_locks_at_once),
        STORAGE_TEST(an_append_with_the_token_of_an_earlier_user_is_fenced),
        STORAGE_TEST(atoms_of_two_users_never_share_a_place),
        STORAGE_TEST(who_falls_behind_a_trim_is_told),
        STORAGE_TEST(users_who_append_and_trim_in_turn_use_each_others_segments),
        STORAGE_TEST(documents_of_two_users_are_replaced_one_after_the_other),
        STORAGE_TEST(the_last_user_leaves_a_clean_space),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}
