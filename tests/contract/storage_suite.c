/* storage_suite.c - meta, admin and many threads, and the whole of what every storage must do. */
#include "storage_fixture.h"

#include <protobase/base/limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

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

static int own_tests_run(const storage_subject *subject)
{
    const struct CMUnitTest tests[] = {
        STORAGE_TEST(meta_of_a_new_storage_is_empty_with_version_0),
        STORAGE_TEST(meta_cas_replaces_the_document_and_counts_versions),
        STORAGE_TEST(meta_cas_with_another_version_conflicts_and_writes_nothing),
        STORAGE_TEST(meta_takes_the_largest_document_and_refuses_a_larger_one),
        STORAGE_TEST(stats_give_named_figures_with_units),
        STORAGE_TEST(verify_finds_nothing_in_a_sound_storage),
        STORAGE_TEST(atoms_may_wait_for_an_append_that_may_name_them),
        STORAGE_TEST(what_was_written_is_there_after_reopening),
        STORAGE_TEST(many_short_lives_do_not_use_up_log_ids),
        STORAGE_TEST(writers_with_expected_heads_lose_nothing_beside_readers),
        STORAGE_TEST(writers_of_atoms_get_places_of_their_own),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}

int storage_suite_run(const storage_subject *subject)
{
    int failed = own_tests_run(subject);
    failed += storage_journal_suite_run(subject);
    failed += storage_atoms_suite_run(subject);
    return failed + storage_locks_suite_run(subject);
}
