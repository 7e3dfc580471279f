/* test_backup.c - what is in a backup is what the space held, at each moment that was kept.
 *
 * Random spaces with several kinds of collections, objects, indexes, branches and content that is adopted
 * whole are backed up, fully and in increments, into folders, files and streams, from both storages; what
 * is restored is compared by digests of everything that can be read, state by state. */
#include "seed.h"
#include "space_digest.h"
#include "space_fixture.h"
#include <inttypes.h>
#include <protobase/backup.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COMMITS_MAX 2048u

typedef struct {
    temp_dir dir;
    space_fixture f;
    seed_random random;
    uint64_t digests[COMMITS_MAX]; /* of the whole space, by sequence; 0: not told */
    int64_t times[COMMITS_MAX];
    uint64_t newest;
    char backups[PATH_MAX];
} world;

static pbase_error err;

/* ----------------------------------------------------------------------------- a random space -- */

static void remember(world *self)
{
    pbase_snapshot *snapshot = NULL;
    assert_ok(pbase_snapshot_open(self->f.database, &snapshot, &err), &err);
    self->newest = pbase_snapshot_sequence(snapshot);
    assert_true(self->newest < COMMITS_MAX);
    self->digests[self->newest] = digest_snapshot(snapshot);
    self->times[self->newest] = pbase_snapshot_time(snapshot);
    pbase_snapshot_close(snapshot);
}

static pbase_value document(world *self, pbase_field *fields, char *text, size_t room)
{
    size_t size = 1 + (size_t)seed_below(&self->random, room - 1);
    memset(text, 'a' + (int)seed_below(&self->random, 26), size);
    fields[0] = (pbase_field){pbase_bytes_text("city"),
                              pbase_value_int((int64_t)seed_below(&self->random, 20))};
    fields[1] =
        (pbase_field){pbase_bytes_text("text"), pbase_value_string(pbase_bytes_of(text, size))};
    return pbase_value_map(fields, 2);
}

/* Puts and removals in one dictionary; of a large one the content is adopted. */
static void change_dict(world *self, pbase_txn *txn, uint64_t count)
{
    static char text[1500];
    pbase_field fields[2];
    pbase_dict *dict = fixture_dict(txn, "people");
    for (uint64_t i = 0; i < count; i++) {
        pbase_value key = pbase_value_int((int64_t)seed_below(&self->random, 300));
        pbase_value value = document(self, fields, text, sizeof text);
        if (seed_below(&self->random, 5) == 0) {
            assert_ok(pbase_dict_remove(&dict, &key, NULL, &err), &err);
        } else {
            assert_ok(pbase_dict_put(&dict, &key, &value, NULL, &err), &err);
        }
    }
    assert_ok(pbase_txn_store_dict(txn, "people", dict, &err), &err);
    pbase_dict_close(dict);
}

static void change_list(world *self, pbase_txn *txn)
{
    pbase_list *list = NULL;
    pbase_status status = pbase_txn_list(txn, "log", &list, &err);
    status = status == PBASE_NOT_FOUND ? pbase_txn_new_list(txn, &list, &err) : status;
    assert_ok(status, &err);
    pbase_value value = pbase_value_int((int64_t)seed_next(&self->random));
    assert_ok(pbase_list_append(&list, &value, &err), &err);
    assert_ok(pbase_txn_store_list(txn, "log", list, &err), &err);
    pbase_list_close(list);
}

static void change(world *self, bool is_large)
{
    pbase_txn_options options = pbase_txn_options_default();
    pbase_txn *txn = NULL;
    if (is_large) {
        options.memory_bytes_max = 1 << 16;
        options.log_bytes_max = 1 << 12;
    }
    assert_ok(pbase_txn_begin(self->f.database, &options, &txn, &err), &err);
    change_dict(self, txn, is_large ? 400 : 1 + seed_below(&self->random, 8));
    if (seed_below(&self->random, 3) == 0) {
        pbase_object_id id;
        pbase_value value = pbase_value_int((int64_t)seed_next(&self->random));
        pbase_field field = {pbase_bytes_text("n"), value};
        pbase_value attributes = pbase_value_map(&field, 1);
        change_list(self, txn);
        assert_ok(pbase_object_create(txn, "Thing", &attributes, &id, &err), &err);
    }
    assert_ok(pbase_txn_commit(&txn, NULL, NULL, &err), &err);
    remember(self);
}

static void branch_or_drop(world *self)
{
    pbase_status status = pbase_database_branch(self->f.space, "main", "branch", &err);
    if (status == PBASE_EXISTS) {
        status = pbase_database_drop(self->f.space, "branch", &err);
    }
    assert_ok(status, &err);
    remember(self);
}

static void step(world *self)
{
    uint64_t what = seed_below(&self->random, 20);
    if (what < 13) {
        change(self, false);
    } else if (what < 15) {
        change(self, true);
    } else if (what < 17) {
        assert_ok(pbase_space_checkpoint(self->f.space, NULL, &err), &err);
    } else if (what < 18) {
        branch_or_drop(self);
    } else {
        pbase_compact_report report;
        assert_ok(pbase_space_compact(self->f.space, NULL, &report, &err), &err);
    }
}

static void steps(world *self, unsigned count)
{
    while (count-- > 0) {
        step(self);
    }
}

static void set_all(space_fixture *fixture)
{
    fixture_set(fixture, "storage.durability=none");
    fixture_set(fixture, "storage.retention_count=6");
}

static void begin_world(world *self, bool in_memory)
{
    memset(self, 0, sizeof *self);
    pbase_error_init(&err);
    seed_random_init(&self->random, seed_for("backup"));
    temp_dir_create(&self->dir);
    (void)snprintf(self->backups, sizeof self->backups, "%s", temp_dir_path(&self->dir, "backups"));
    fixture_prepare(&self->f, in_memory ? NULL : temp_dir_path(&self->dir, "space"), NULL);
    set_all(&self->f);
    if (!in_memory) {
        fixture_set(&self->f, "storage.blocks.segment_size=128KiB");
        fixture_set(&self->f, "storage.journal_segment_size=64KiB");
    }
    fixture_open(&self->f);
    change(self, true);
    const char *by_city[] = {"city"};
    pbase_index_options index = {.struct_size = sizeof index};
    index.fields = by_city;
    index.field_count = 1;
    assert_ok(pbase_index_create(self->f.database, "people", "by_city", &index, NULL, &err), &err);
    remember(self);
}

static void end_world(world *self)
{
    fixture_end(&self->f);
    temp_dir_remove(&self->dir);
}

/* ------------------------------------------------------------------------- there and back ------ */

static pbase_backup_report back_up(world *self, bool is_increment)
{
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    options.folder = self->backups;
    options.is_increment = is_increment;
    assert_ok(pbase_backup(self->f.space, &options, NULL, &report, &err), &err);
    assert_int_equal(report.newest_sequence, self->newest);
    assert_int_equal(report.is_increment, is_increment);
    return report;
}

/* An open space of what `sources` have, in the folder `name`. */
static void restore(world *self, const pbase_backup_source *sources, size_t count,
                    const pbase_moment *as_of, const char *name, space_fixture *out)
{
    pbase_restore_options options = PBASE_RESTORE_OPTIONS_INIT;
    pbase_restore_report report;
    options.as_of = as_of;
    fixture_prepare(out, temp_dir_path(&self->dir, name), NULL);
    set_all(out);
    assert_ok(pbase_restore(&out->source, sources, count, &options, NULL, &report, &err), &err);
    out->options.must_exist = true;
    fixture_open(out);
}

/* Every state that the restored space has is that of the space; nothing in it is damaged. */
static void expect_states(world *self, space_fixture *restored, uint64_t newest)
{
    pbase_history_range range;
    fixture_assert_clean(restored);
    assert_ok(pbase_history_describe(restored->space, &range, &err), &err);
    assert_int_equal(range.newest_sequence, newest);
    for (uint64_t sequence = range.oldest_sequence; sequence <= newest; sequence++) {
        pbase_moment at = pbase_moment_of_sequence(sequence);
        pbase_snapshot *snapshot = NULL;
        if (self->digests[sequence] == 0) {
            continue;
        }
        assert_ok(pbase_snapshot_open_at(restored->database, &at, NULL, &snapshot, &err), &err);
        assert_int_equal(digest_snapshot(snapshot), self->digests[sequence]);
        assert_int_equal(pbase_snapshot_time(snapshot), self->times[sequence]);
        pbase_snapshot_close(snapshot);
    }
}

static void expect_same_space(world *self, space_fixture *restored)
{
    assert_int_equal(digest_space(restored->space), digest_space(self->f.space));
    expect_states(self, restored, self->newest);
}

/* The restored space is one to work with: it takes commits, checkpoints, and a backup of its own. */
static void expect_alive(world *self, space_fixture *restored)
{
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    assert_int_equal(fixture_put_one(restored, "people", 1, 2), PBASE_OK);
    assert_ok(pbase_space_checkpoint(restored->space, NULL, &err), &err);
    fixture_reopen(restored);
    assert_int_equal(fixture_get(restored, "people", 1), 2);
    fixture_assert_clean(restored);
    options.folder = self->backups;
    options.is_increment = true; /* of another lineage */
    assert_int_equal(pbase_backup(restored->space, &options, NULL, &report, &err), PBASE_INVALID);
    options.is_increment = false;
    options.folder = temp_dir_path(&self->dir, "again");
    assert_ok(pbase_backup(restored->space, &options, NULL, &report, &err), &err);
}

static void round_trip(bool in_memory)
{
    world w;
    space_fixture restored;
    begin_world(&w, in_memory);
    steps(&w, 60);
    back_up(&w, false);
    pbase_backup_source source = {.path = w.backups};
    restore(&w, &source, 1, NULL, "restored", &restored);
    expect_same_space(&w, &restored);
    expect_alive(&w, &restored);
    fixture_end(&restored);
    end_world(&w);
}

static void a_space_on_files_comes_back_with_its_past(void **unused)
{
    (void)unused;
    round_trip(false);
}

static void a_space_in_memory_comes_back_on_files(void **unused)
{
    (void)unused;
    round_trip(true);
}

static void a_space_in_which_nothing_happened_comes_back(void **unused)
{
    (void)unused;
    world w;
    space_fixture restored;
    memset(&w, 0, sizeof w);
    temp_dir_create(&w.dir);
    (void)snprintf(w.backups, sizeof w.backups, "%s", temp_dir_path(&w.dir, "backups"));
    fixture_prepare(&w.f, temp_dir_path(&w.dir, "space"), NULL);
    assert_ok(pbase_space_open(&w.f.source, &w.f.options, &w.f.space, &err), &err);
    back_up(&w, false);
    pbase_backup_source source = {.path = w.backups};
    restore(&w, &source, 1, NULL, "restored", &restored);
    fixture_assert_clean(&restored);
    fixture_end(&restored);
    end_world(&w);
}

/* ------------------------------------------------------------------------------ increments ----- */

#define CHAIN 5u

static void a_chain_of_increments_has_every_state_that_was_kept(void **unused)
{
    (void)unused;
    world w;
    pbase_backup_report reports[CHAIN];
    begin_world(&w, false);
    steps(&w, 40);
    reports[0] = back_up(&w, false);
    for (unsigned i = 1; i < CHAIN; i++) {
        steps(&w, 12);
        reports[i] = back_up(&w, true);
        assert_true(reports[i].atom_bytes < reports[0].atom_bytes * 2);
    }
    /* as of the end of each, of every other commit between, and of times */
    pbase_backup_source source = {.path = w.backups};
    for (unsigned i = 0; i < CHAIN; i++) {
        uint64_t first = reports[i].oldest_sequence > 2 ? reports[i].oldest_sequence : 2;
        uint64_t apart = seed_is_long_run() ? 1 : 23; /* before commit 2 there is no database */
        for (uint64_t at = first; at <= reports[i].newest_sequence; at += apart) {
            space_fixture restored;
            pbase_moment moment = w.digests[at] != 0 && at % 2 == 0
                                      ? pbase_moment_of_time(w.times[at])
                                      : pbase_moment_of_sequence(at);
            char name[32];
            (void)snprintf(name, sizeof name, "r%u-%" PRIu64, i, at);
            restore(&w, &source, 1, &moment, name, &restored);
            expect_states(&w, &restored, at);
            fixture_end(&restored);
        }
    }
    end_world(&w);
}

static void an_increment_of_nothing_new_has_no_atoms(void **unused)
{
    (void)unused;
    world w;
    begin_world(&w, false);
    steps(&w, 30);
    back_up(&w, false);
    pbase_backup_report report = back_up(&w, true);
    assert_int_equal(report.atoms, 0);
    assert_int_equal(report.records, 0);
    end_world(&w);
}

/* Only what was alive goes into a backup, however much else lies in the segments. */
static void what_is_dead_is_not_in_a_backup(void **unused)
{
    (void)unused;
    world w;
    begin_world(&w, false);
    fixture_set(&w.f, "storage.retention_count=0");
    for (int i = 0; i < 20; i++) {
        change(&w, true);
        assert_ok(pbase_space_checkpoint(w.f.space, NULL, &err), &err);
    }
    fixture_reopen(&w.f);
    assert_int_equal(fixture_put_one(&w.f, "people", 1, 1), PBASE_OK);
    assert_ok(pbase_space_checkpoint(w.f.space, NULL, &err), &err);
    remember(&w);
    pbase_space_usage_report usage;
    assert_ok(pbase_space_usage(w.f.space, NULL, &usage, &err), &err);
    pbase_backup_report report = back_up(&w, false);
    assert_true(report.atom_bytes <= usage.live_bytes + 64 * usage.live_atoms);
    end_world(&w);
}

/* A chain as files of its own: each names the one before it. */
static void increments_that_do_not_fit_are_refused(void **unused)
{
    (void)unused;
    world w;
    pbase_backup_report report;
    char paths[3][PATH_MAX];
    begin_world(&w, false);
    for (size_t i = 0; i < 3; i++) {
        pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
        char name[16];
        (void)snprintf(name, sizeof name, "%zu.backup", i);
        (void)snprintf(paths[i], sizeof paths[i], "%s", temp_dir_path(&w.dir, name));
        options.file = paths[i];
        options.base = i == 0 ? NULL : paths[i - 1];
        assert_ok(pbase_backup(w.f.space, &options, NULL, &report, &err), &err);
        steps(&w, 5);
        assert_int_equal(pbase_backup(w.f.space, &options, NULL, &report, &err), PBASE_EXISTS);
    }
    const pbase_backup_source f = {.path = paths[0]}, a = {.path = paths[1]},
                              b = {.path = paths[2]};
    const pbase_backup_source good[] = {f, a, b}, gap[] = {f, b}, late[] = {a, b},
                              wrong[] = {f, b, a};
    pbase_restore_options options = PBASE_RESTORE_OPTIONS_INIT;
    pbase_restore_report restored;
    options.check_only = true;
    assert_ok(pbase_restore(NULL, good, 3, &options, NULL, &restored, &err), &err);
    assert_int_equal(restored.backups, 3);
    assert_int_equal(pbase_restore(NULL, gap, 2, &options, NULL, &restored, &err), PBASE_INVALID);
    assert_non_null(strstr(err.message, "does not continue"));
    assert_int_equal(pbase_restore(NULL, late, 2, &options, NULL, &restored, &err), PBASE_INVALID);
    assert_int_equal(pbase_restore(NULL, wrong, 3, &options, NULL, &restored, &err), PBASE_INVALID);
    end_world(&w);
}

static void a_moment_that_is_not_in_it_is_not_found(void **unused)
{
    (void)unused;
    world w;
    pbase_restore_options options = PBASE_RESTORE_OPTIONS_INIT;
    pbase_restore_report report;
    begin_world(&w, false);
    steps(&w, 60);
    for (unsigned i = 0; i < 10;
         i++) { /* whatever the steps were: the first commits are let go of */
        change(&w, false);
        assert_ok(pbase_space_checkpoint(w.f.space, NULL, &err), &err);
    }
    pbase_backup_report made = back_up(&w, false);
    assert_true(made.oldest_sequence > 1);
    pbase_backup_source source = {.path = w.backups};
    pbase_moment wrong[] = {pbase_moment_of_sequence(made.oldest_sequence - 1),
                            pbase_moment_of_sequence(made.newest_sequence + 1),
                            pbase_moment_of_time(made.oldest_ns - 1)};
    for (size_t i = 0; i < 3; i++) {
        options.as_of = &wrong[i];
        options.check_only = true;
        assert_int_equal(pbase_restore(NULL, &source, 1, &options, NULL, &report, &err),
                         PBASE_NOT_FOUND);
        assert_non_null(strstr(err.message, "are"));
    }
    end_world(&w);
}

/* ------------------------------------------------------------------------------- refusals ------ */

static void a_place_that_is_not_empty_is_left_alone(void **unused)
{
    (void)unused;
    world w;
    pbase_restore_report report;
    begin_world(&w, false);
    back_up(&w, false);
    uint64_t before = digest_space(w.f.space);
    pbase_backup_source source = {.path = w.backups};
    assert_int_equal(pbase_restore(&w.f.source, &source, 1, NULL, NULL, &report, &err), PBASE_BUSY);
    fixture_close(&w.f);
    assert_int_equal(pbase_restore(&w.f.source, &source, 1, NULL, NULL, &report, &err),
                     PBASE_EXISTS);
    fixture_open(&w.f);
    assert_int_equal(digest_space(w.f.space), before);
    end_world(&w);
}

static void an_increment_continues_its_own_space_only(void **unused)
{
    (void)unused;
    world w;
    space_fixture other;
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    begin_world(&w, false);
    options.folder = w.backups;
    options.is_increment = true;
    assert_int_equal(pbase_backup(w.f.space, &options, NULL, &report, &err), PBASE_NOT_FOUND);
    back_up(&w, false);
    fixture_memory(&other);
    assert_int_equal(pbase_backup(other.space, &options, NULL, &report, &err), PBASE_INVALID);
    assert_non_null(strstr(err.message, "another space"));
    options.file = options.folder;
    assert_int_equal(pbase_backup(w.f.space, &options, NULL, &report, &err), PBASE_INVALID);
    fixture_end(&other);
    end_world(&w);
}

/* ---------------------------------------------------------------------------------- pipes ------ */

static pbase_status write_memory(void *state, pbase_bytes bytes, pbase_error *error)
{
    return pbase_buffer_append_bytes(state, bytes, error);
}

static pbase_status read_memory(void *state, void *out, size_t size, size_t *out_read,
                                pbase_error *error)
{
    pbase_reader_bytes *reader = state;
    pbase_bytes part;
    size_t left = pbase_reader_bytes_left(reader);
    (void)error;
    *out_read = size < left ? size : left;
    assert_true(pbase_read_bytes(reader, *out_read, &part));
    if (part.size > 0) {
        memcpy(out, part.data, part.size);
    }
    return PBASE_OK;
}

static void a_stream_through_functions_comes_back(void **unused)
{
    (void)unused;
    world w;
    space_fixture restored;
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    pbase_buffer stream;
    begin_world(&w, false);
    steps(&w, 20);
    pbase_buffer_init(&stream, pbase_alloc_default());
    options.write = write_memory;
    options.write_state = &stream;
    assert_ok(pbase_backup(w.f.space, &options, NULL, &report, &err), &err);
    assert_int_equal(report.bytes, stream.size);
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&stream));
    pbase_backup_source source = {.read = read_memory, .read_state = &reader};
    restore(&w, &source, 1, NULL, "restored", &restored);
    expect_same_space(&w, &restored);
    fixture_end(&restored);
    pbase_buffer_fini(&stream);
    end_world(&w);
}

/* ------------------------------------------------------------------------ what goes on meanwhile */

/* Everything that the backup copies is replaced, settled and given back while it is made. */
typedef struct {
    world *w;
    unsigned calls;
    uint64_t freed;
} meddler;

static pbase_status meddle(void *state, uint64_t done, uint64_t total, pbase_error *error)
{
    meddler *self = state;
    pbase_compact_report report;
    assert_true(done <= total);
    if (self->calls++ > 6) {
        return PBASE_OK;
    }
    (void)error;
    for (int i = 0; i < 3; i++) {
        pbase_txn_options options = pbase_txn_options_default();
        pbase_txn *txn = NULL;
        options.memory_bytes_max = 1 << 16;
        options.log_bytes_max = 1 << 12;
        assert_ok(pbase_txn_begin(self->w->f.database, &options, &txn, &err), &err);
        change_dict(self->w, txn, 600);
        assert_ok(pbase_txn_commit(&txn, NULL, NULL, &err), &err);
        if (self->calls > 1) { /* behind the head: the journal was let go of */
            assert_ok(pbase_space_checkpoint(self->w->f.space, NULL, &err), &err);
        }
    }
    if (self->calls > 1) {
        assert_ok(pbase_space_compact(self->w->f.space, NULL, &report, &err), &err);
        self->freed += report.freed_segments;
    }
    return PBASE_OK;
}

static void what_is_being_copied_is_not_given_back(void **unused)
{
    (void)unused;
    world w;
    space_fixture restored;
    begin_world(&w, false);
    steps(&w, 60);
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    meddler m = {.w = &w};
    uint64_t newest = w.newest;
    options.folder = w.backups;
    options.progress = meddle;
    options.progress_state = &m;
    assert_ok(pbase_backup(w.f.space, &options, NULL, &report, &err), &err);
    assert_int_equal(report.newest_sequence, newest);
    assert_true(m.calls > 2);
    pbase_backup_source source = {.path = w.backups};
    restore(&w, &source, 1, NULL, "restored", &restored);
    expect_states(&w, &restored, newest);
    fixture_end(&restored);
    end_world(&w);
}

static pbase_status stop(void *state, uint64_t done, uint64_t total, pbase_error *error)
{
    (void)done;
    (void)total;
    return ++*(int *)state > 3 ? PBASE_FAIL(error, PBASE_CANCELLED, "enough") : PBASE_OK;
}

static void a_backup_that_is_stopped_leaves_nothing(void **unused)
{
    (void)unused;
    world w;
    int calls = 0;
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    pbase_restore_report restored;
    begin_world(&w, false);
    steps(&w, 10);
    options.folder = w.backups;
    options.progress = stop;
    options.progress_state = &calls;
    assert_int_equal(pbase_backup(w.f.space, &options, NULL, &report, &err), PBASE_CANCELLED);
    pbase_backup_source source = {.path = w.backups};
    pbase_restore_options check = PBASE_RESTORE_OPTIONS_INIT;
    check.check_only = true;
    assert_int_equal(pbase_restore(NULL, &source, 1, &check, NULL, &restored, &err),
                     PBASE_NOT_FOUND);
    uint32_t cancelled = 1;
    const pbase_call over = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
    options.progress = NULL;
    assert_int_equal(pbase_backup(w.f.space, &options, &over, &report, &err), PBASE_CANCELLED);
    back_up(&w, false);
    assert_int_equal(pbase_restore(NULL, &source, 1, &check, &over, &restored, &err),
                     PBASE_CANCELLED);
    end_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_space_on_files_comes_back_with_its_past),
        cmocka_unit_test(a_space_in_memory_comes_back_on_files),
        cmocka_unit_test(a_space_in_which_nothing_happened_comes_back),
        cmocka_unit_test(a_chain_of_increments_has_every_state_that_was_kept),
        cmocka_unit_test(an_increment_of_nothing_new_has_no_atoms),
        cmocka_unit_test(what_is_dead_is_not_in_a_backup),
        cmocka_unit_test(increments_that_do_not_fit_are_refused),
        cmocka_unit_test(a_moment_that_is_not_in_it_is_not_found),
        cmocka_unit_test(a_place_that_is_not_empty_is_left_alone),
        cmocka_unit_test(an_increment_continues_its_own_space_only),
        cmocka_unit_test(a_stream_through_functions_comes_back),
        cmocka_unit_test(what_is_being_copied_is_not_given_back),
        cmocka_unit_test(a_backup_that_is_stopped_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
