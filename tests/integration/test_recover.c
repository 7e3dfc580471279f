/* test_recover.c - damaged spaces recovered: all that is whole is there, nothing is invented, and
 * what is missing was told. */
#include "recover_world.h"
#include "stored_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void a_sound_space_is_copied_whole_and_not_touched(void **state)
{
    recover_world *w = *state;
    uint64_t log = 0;
    pbase_recover_report report;
    pbase_error err;
    for (int closed = 0; closed < 2; closed++) {
        pbase_error_init(&err);
        recover_world_begin(w, closed == 1);
        assert_ok(recover_world_recover(w, &report, &err), &err);
        assert_int_equal(report.findings, 0);
        recover_world_compare(w, &report, &log);
        assert_int_equal(recover_world_recover(w, &report, &err), PBASE_EXISTS);
        recover_world_end(w);
    }
}

static void every_entry_of_a_sound_atom_is_saved(void **state)
{
    recover_world *w = *state;
    unsigned rounds = seed_is_long_run() ? 300 : 6;
    uint64_t seed = seed_for("recover.atoms");
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t log = 0;
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        seed_random_init(&w->randomness, seed + round);
        recover_world_begin(w, true);
        for (uint64_t i = 1 + seed_below(&w->randomness, 12); i > 0; i--) {
            recover_world_flip(w, "store/0001", 64, 0);
        }
        pbase_status status = recover_world_recover(w, &report, &err);
        assert_ok(status, &err);
        assert_int_equal(w->told.findings, report.findings);
        recover_world_compare(w, &report, &log);
        recover_world_end(w);
    }
}

static void damage_in_the_journal_costs_only_the_commits_in_it(void **state)
{
    recover_world *w = *state;
    unsigned rounds = seed_is_long_run() ? 200 : 5;
    uint64_t seed = seed_for("recover.journal");
    for (unsigned round = 0; round < rounds; round++) {
        char journal[64];
        uint64_t log = 0;
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        seed_random_init(&w->randomness, seed + round);
        recover_world_begin(w, false); /* the log is in the journal alone */
        recover_world_journal_name(w, journal);
        for (uint64_t i = 1 + seed_below(&w->randomness, 3); i > 0; i--) {
            recover_world_flip(w, journal, 0, 400000);
        }
        pbase_status status = recover_world_recover(w, &report, &err);
        assert_ok(status, &err);
        recover_world_compare(w, &report, &log);
        /* at the end nobody can know how many there were */
        assert_true(log + report.lost_commits <= RECOVER_COMMITS || report.base_sequence < 5);
        assert_true(report.lost_commits == 0 || w->told.lost_commits_told > 0);
        recover_world_end(w);
    }
}

static void lost_keys_of_the_storage_are_no_hindrance(void **state)
{
    recover_world *w = *state;
    static const char *const names[] = {"KEYS/super", "KEYS/meta", "FORMAT", "LOCK"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_MAX + 64];
        uint64_t log = 0;
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        recover_world_begin(w, true);
        (void)snprintf(path, sizeof path, "%s/%s", w->copy, names[i]);
        assert_int_equal(remove(path), 0);
        pbase_status status = recover_world_recover(w, &report, &err);
        assert_ok(status, &err);
        recover_world_compare(w, &report, &log);
        assert_int_equal(log, RECOVER_COMMITS);
        recover_world_end(w);
    }
}

static void a_segment_that_was_cut_or_is_gone_costs_what_it_held(void **state)
{
    recover_world *w = *state;
    for (int gone = 0; gone < 2; gone++) {
        char path[PATH_MAX + 64];
        uint64_t log = 0;
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        recover_world_begin(w, false);
        (void)snprintf(path, sizeof path, "%s/store/0001", w->copy);
        if (gone == 1) {
            assert_int_equal(remove(path), 0);
        } else {
            assert_int_equal(truncate(path, 40000), 0);
        }
        pbase_status status = recover_world_recover(w, &report, &err);
        assert_ok(status, &err);
        assert_true(report.findings > 0);
        recover_world_compare(w, &report, &log);
        recover_world_end(w);
    }
}

/* What older checkpoints have of what is lost is taken, told as possibly stale, and left out on
 * request. */
static void older_checkpoints_fill_what_is_lost_and_say_so(void **state)
{
    recover_world *w = *state;
    pbase_error err;
    pbase_error_init(&err);
    seed_random_init(&w->randomness, seed_for("recover.stale"));
    temp_dir_create(&w->dir);
    fixture_prepare(&w->f, temp_dir_path(&w->dir, "space"), NULL);
    (void)snprintf(w->copy, sizeof w->copy, "%s", temp_dir_path(&w->dir, "copy"));
    fixture_set(&w->f, "storage.retention_count=4");
    fixture_open(&w->f);
    for (int64_t round = 0; round < 2; round++) {
        pbase_txn *txn = fixture_begin(&w->f, PBASE_SERIALIZABLE);
        pbase_dict *dict = fixture_dict(txn, "log");
        for (int64_t i = 0; i < 4000; i++) {
            fixture_put(&dict, i, i * 2 + round);
        }
        assert_ok(pbase_txn_store_dict(txn, "log", dict, &err), &err);
        pbase_dict_close(dict);
        assert_ok(fixture_commit(&txn), &err);
        assert_ok(pbase_space_checkpoint(w->f.space, NULL, &err), &err);
    }
    fixture_close(&w->f);
    recover_world_copy_folder(w->f.data, w->copy);
    for (int i = 0; i < 4; i++) { /* leaves of the newer version, which begins before that */
        recover_world_flip(w, "store/0001", 110000, 125000);
    }
    for (int without = 0; without < 2; without++) {
        pbase_recover_report report;
        uint64_t stale = 0, missing = 0;
        space_fixture at;
        pbase_config_source from = w->f.source, to = w->f.source;
        pbase_recover_options options = {
            .each = recover_world_hear, .state = w, .without_stale = without == 1};
        (void)snprintf(w->saved, sizeof w->saved, "%s",
                       temp_dir_path(&w->dir, without ? "b" : "a"));
        from.data = w->copy;
        to.data = w->saved;
        pbase_status status = pbase_space_recover(&from, &to, &options, NULL, &report, &err);
        assert_ok(status, &err);
        fixture_prepare(&at, w->saved, NULL);
        fixture_open(&at);
        for (int64_t i = 0; i < 4000; i++) {
            int64_t value = fixture_get(&at, "log", i);
            assert_true(value == INT64_MIN || value == i * 2 || value == i * 2 + 1);
            stale += value == i * 2;
            missing += value == INT64_MIN;
        }
        fixture_close(&at);
        assert_true(stale + missing > 0);
        assert_int_equal(stale, report.stale_entries);
        assert_int_equal(missing, report.lost_entries);
        assert_true(without == 1 ? stale == 0 : missing == 0);
    }
    fixture_open(&w->f);
    recover_world_end(w);
}

static pbase_status count_root(void *state, const pbase_root_info *root, pbase_error *err)
{
    (void)err;
    assert_true(root != NULL);
    (*(uint64_t *)state)++;
    return PBASE_OK;
}

/* All inner nodes are lost, and most leaves are whole: they are found, and shown apart. */
static void leaves_that_nothing_leads_to_are_kept_apart(void **state)
{
    recover_world *w = *state;
    uint64_t log = 0, roots = 0;
    pbase_recover_report report;
    space_fixture at;
    pbase_database *found = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_error err;
    pbase_error_init(&err);
    recover_world_begin(w, true);
    recover_world_damage_inner_nodes(w);
    pbase_status status = recover_world_recover(w, &report, &err);
    assert_ok(status, &err);
    recover_world_compare(w, &report, &log);
    assert_true(report.orphaned_entries > 1000);
    assert_int_equal(w->told.orphans_told, 1);
    fixture_prepare(&at, w->saved, NULL);
    fixture_open(&at);
    assert_ok(pbase_database_open(at.space, "lost+found", &found, &err), &err);
    assert_ok(pbase_snapshot_open(found, &snapshot, &err), &err);
    assert_ok(pbase_snapshot_roots(snapshot, count_root, &roots, &err), &err);
    assert_true(roots > 10);
    pbase_snapshot_close(snapshot);
    pbase_database_close(found);
    fixture_close(&at);
    recover_world_end(w);
}

/* Nothing says any more which collection a leaf is of. */
static void without_a_journal_whole_leaves_are_kept_apart(void **state)
{
    recover_world *w = *state;
    char journal[64], path[PATH_MAX + 64];
    pbase_recover_report report;
    space_fixture at;
    pbase_database *found = NULL;
    pbase_error err;
    pbase_error_init(&err);
    recover_world_begin(w, true);
    recover_world_journal_name(w, journal);
    (void)snprintf(path, sizeof path, "%s/%s", w->copy, journal);
    assert_int_equal(remove(path), 0);

    pbase_status status = recover_world_recover(w, &report, &err);

    assert_ok(status, &err);
    assert_true(report.orphaned_entries >= RECOVER_PEOPLE + RECOVER_ELEMENTS);
    assert_int_equal(w->told.orphans_told, 1);
    fixture_prepare(&at, w->saved, NULL);
    fixture_open(&at);
    assert_ok(pbase_database_open(at.space, "lost+found", &found, &err), &err);
    pbase_database_close(found);
    fixture_close(&at);
    recover_world_end(w);
}

static void a_database_whose_table_is_lost_comes_back_without_roots(void **state)
{
    recover_world *w = *state;
    uint64_t log = 0;
    pbase_recover_report report;
    space_fixture made;
    pbase_database *frozen = NULL;
    pbase_error err;
    pbase_error_init(&err);
    recover_world_begin(w, true);
    seed_random_init(&w->randomness, seed_for(__func__));
    long at = (long)stored_table_offset(w->f.space, "frozen");
    assert_true(at > 0);
    recover_world_flip(w, "store/0001", at, at + 8); /* its checksum */

    pbase_status status = recover_world_recover(w, &report, &err);

    assert_ok(status, &err); /* the result passed its check */
    assert_true(report.findings > 0);
    recover_world_compare(w, &report, &log);
    fixture_prepare(&made, w->saved, NULL);
    fixture_open(&made);
    assert_ok(pbase_database_open(made.space, "frozen", &frozen, &err), &err);
    pbase_database_close(frozen);
    fixture_close(&made);
    recover_world_end(w);
}

static void a_space_in_use_is_not_recovered(void **state)
{
    recover_world *w = *state;
    pbase_recover_report report;
    pbase_error err;
    pbase_error_init(&err);
    recover_world_begin(w, false);
    (void)snprintf(w->copy, sizeof w->copy, "%s", w->f.data);
    assert_int_equal(recover_world_recover(w, &report, &err), PBASE_BUSY);
    recover_world_end(w);
}

int main(void)
{
    static recover_world world;
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 1); /* nothing here is about flushes */
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_sound_space_is_copied_whole_and_not_touched, &world),
        cmocka_unit_test_prestate(every_entry_of_a_sound_atom_is_saved, &world),
        cmocka_unit_test_prestate(damage_in_the_journal_costs_only_the_commits_in_it, &world),
        cmocka_unit_test_prestate(lost_keys_of_the_storage_are_no_hindrance, &world),
        cmocka_unit_test_prestate(a_segment_that_was_cut_or_is_gone_costs_what_it_held, &world),
        cmocka_unit_test_prestate(older_checkpoints_fill_what_is_lost_and_say_so, &world),
        cmocka_unit_test_prestate(leaves_that_nothing_leads_to_are_kept_apart, &world),
        cmocka_unit_test_prestate(without_a_journal_whole_leaves_are_kept_apart, &world),
        cmocka_unit_test_prestate(a_database_whose_table_is_lost_comes_back_without_roots, &world),
        cmocka_unit_test_prestate(a_space_in_use_is_not_recovered, &world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
