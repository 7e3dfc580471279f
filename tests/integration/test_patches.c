/* test_patches.c - a space of which only what changed of its leaves was written: what a damaged patch or leaf
 * costs, told and recovered, and what a backup of it holds.
 *
 * The crash, compaction, backup, process and history tests run once more with patches of every leaf
 * (tests/CMakeLists.txt); here patches are looked for where they lie in the file, and damaged. */
#include "atom/atom.h"
#include "collection/patch.h"
#include "space_digest.h"
#include "space_fixture.h"
#include "store/atom_format.h"
#include "stored_feature.h"

#include <protobase/backup.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define KEYS 4000
#define CHANGED_STEP 500
#define STORE_BYTES_MAX (4u << 20)

static temp_dir dir;
static space_fixture f;
static pbase_error err;
static uint8_t bytes[STORE_BYTES_MAX]; /* of the segment */

/* ------------------------------------------------------------------------------------ world ---- */

static void put_many(int64_t first, int64_t step, int64_t factor)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "people");
    for (int64_t i = first; i < KEYS; i += step) {
        fixture_put(&dict, i, i * factor);
    }
    assert_ok(pbase_txn_store_dict(txn, "people", dict, &err), &err);
    pbase_dict_close(dict);
    assert_ok(fixture_commit(&txn), &err);
}

/* Whole leaves, and a few of them with a patch. */
static int begin(void **unused)
{
    (void)unused;
    pbase_error_init(&err);
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    fixture_set(&f, "storage.patch_leaves=1");
    fixture_open(&f);
    put_many(0, 1, 2);
    assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
    put_many(0, CHANGED_STEP, 3);
    assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_close(&f);
    temp_dir_remove(&dir);
    return 0;
}

static int64_t value_of(int64_t key)
{
    return key % CHANGED_STEP == 0 ? key * 3 : key * 2;
}

/* ----------------------------------------------------------------------------------- damage ---- */

static FILE *segment_open(const char *mode)
{
    char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/store/0001", f.data);
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    return file;
}

/* Where the patch of the leaf with a key in the middle lies, and how many entries it and its leaf have. */
typedef struct {
    size_t at, base_at;
    uint32_t own, base;
} patch_place;

static patch_place find_patch(void)
{
    FILE *file = segment_open("rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    patch_place found = {.at = 0};
    unsigned patches = 0;
    assert_int_equal(fclose(file), 0);
    assert_true(size < sizeof bytes);
    for (size_t at = 64; at + 64 < size; at += 8) {
        const uint8_t *payload = bytes + at + ATOM_HEADER_BYTES;
        uint32_t stored = pbase_get_u32(bytes + at + 4);
        if (bytes[at + 12] != ATOM_PATCH || bytes[at + 13] != 1 || stored > size - at ||
            stored != pbase_get_u32(bytes + at + 8) ||
            tree_atom_check(ATOM_PATCH, pbase_bytes_of(payload, stored), NULL) != PBASE_OK) {
            continue;
        }
        node patch = node_of(payload, stored);
        patch_base base = patch_base_of(&patch);
        if (++patches == KEYS / CHANGED_STEP / 2) {
            found = (patch_place){at, pbase_atom_pointer_offset(atom_ref_pointer(base.ref)),
                                  patch.count, base.count};
        }
    }
    assert_true(found.at != 0 && patches == KEYS / CHANGED_STEP);
    return found;
}

/* Turns over a bit in the payload of the atom. */
static void damage(size_t at)
{
    size_t where = at + ATOM_HEADER_BYTES + 40;
    FILE *file = segment_open("r+b");
    assert_int_equal(fseek(file, (long)where, SEEK_SET), 0);
    assert_int_not_equal(fputc(bytes[where] ^ 4, file), EOF);
    assert_int_equal(fclose(file), 0);
}

typedef struct {
    unsigned findings, named; /* of them with the root and the atom */
    char atom[64];
} heard;

static pbase_status hear(void *state, pbase_status code, const char *place, const char *message,
                         pbase_error *unused)
{
    heard *self = state;
    (void)unused;
    assert_int_not_equal(code, PBASE_OK);
    self->findings++;
    self->named += strstr(place, "database 'main'") != NULL &&
                   strstr(place, "root 'people', keys from ") != NULL &&
                   strstr(message, self->atom) != NULL;
    return PBASE_OK;
}

/* How many keys the dictionary has still; each with its value. */
static int64_t count_whole(space_fixture *at)
{
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    int64_t whole = 0;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_ok(pbase_snapshot_open(at->database, &snapshot, &err), &err);
    assert_ok(pbase_snapshot_dict(snapshot, "people", &dict, &err), &err);
    for (int64_t i = 0; i < KEYS; i++) {
        pbase_value key = pbase_value_int(i), value;
        if (pbase_dict_get(dict, &key, &arena, &value, NULL) == PBASE_OK) {
            assert_int_equal(value.as.integer, value_of(i));
            whole++;
        }
    }
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
    return whole;
}

static void recover_into(const char *name, pbase_recover_report *report, heard *told)
{
    pbase_config_source from = f.source, to = f.source;
    char data[PATH_MAX];
    space_fixture at;
    pbase_recover_options options = {
        .each = hear, .state = told, .without_stale = true, .without_orphans = true};
    (void)snprintf(data, sizeof data, "%s", temp_dir_path(&dir, name));
    to.data = data;
    pbase_status status = pbase_space_recover(&from, &to, &options, NULL, report, &err);
    assert_ok(status, &err);
    fixture_prepare(&at, data, NULL);
    fixture_open(&at);
    fixture_assert_clean(&at);
    assert_int_equal(count_whole(&at), KEYS - (int64_t)report->lost_entries);
    fixture_close(&at);
}

/* Checks and recovers the space with the atom at `at` damaged, which costs `lost` entries. */
static void check_and_recover(size_t at, uint64_t lost)
{
    heard told = {.findings = 0};
    pbase_check_report checked;
    pbase_recover_report recovered;
    fixture_close(&f);
    damage(at);
    fixture_open(&f);
    (void)snprintf(told.atom, sizeof told.atom, "segment 1 byte %zu", at);
    /* when */
    assert_ok(pbase_space_check(f.space, NULL, hear, &told, &checked, &err), &err);
    /* then */
    assert_int_equal(checked.damaged_atoms, 1);
    assert_int_equal(checked.lost_entries, lost);
    assert_int_equal(told.named, 1);
    /* when */
    fixture_close(&f);
    told.atom[0] = '\0';
    recover_into("saved", &recovered, &told);
    /* then */
    assert_int_equal(recovered.damaged_atoms, 1);
    assert_int_equal(recovered.lost_entries, lost);
    fixture_open(&f);
}

static void a_damaged_leaf_behind_a_patch_costs_what_was_not_put_since(void **unused)
{
    (void)unused;
    patch_place found = find_patch();
    check_and_recover(found.base_at, found.base - found.own);
    assert_int_equal(count_whole(&f), KEYS - (int64_t)(found.base - found.own));
}

static void a_damaged_patch_costs_its_leaf_and_no_more(void **unused)
{
    (void)unused;
    patch_place found = find_patch();
    check_and_recover(found.at, found.base);
    assert_int_equal(count_whole(&f), KEYS - (int64_t)found.base);
}

/* ------------------------------------------------------------------------------ whole spaces --- */

static void a_space_says_that_it_has_patches_before_it_has_one(void **unused)
{
    (void)unused;
    space_fixture none;
    (void)find_patch();
    assert_int_equal(stored_feature(f.space), '3');
    fixture_prepare(&none, NULL, NULL);
    fixture_set(&none, "storage.patch_leaves=0");
    fixture_open(&none);
    assert_int_equal(stored_feature(none.space), '2');
    fixture_close(&none);
}

static void a_backup_and_an_increment_hold_patches_and_their_leaves(void **unused)
{
    (void)unused;
    space_fixture at;
    char folder[PATH_MAX], data[PATH_MAX];
    pbase_backup_report report = {.struct_size = sizeof report};
    pbase_restore_report restored = {.struct_size = sizeof restored};
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_restore_options how = PBASE_RESTORE_OPTIONS_INIT;
    (void)snprintf(folder, sizeof folder, "%s", temp_dir_path(&dir, "backups"));
    (void)snprintf(data, sizeof data, "%s", temp_dir_path(&dir, "restored"));
    options.folder = folder;
    assert_ok(pbase_backup(f.space, &options, NULL, &report, &err), &err);
    uint64_t full = report.atom_bytes;
    put_many(1, CHANGED_STEP,
             2); /* the same values, in patches of leaves that are in the full one */
    assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
    /* when */
    options.is_increment = true;
    assert_ok(pbase_backup(f.space, &options, NULL, &report, &err), &err);
    pbase_backup_source source = {.path = folder};
    pbase_config_source place = f.source;
    place.data = data;
    assert_ok(pbase_restore(&place, &source, 1, &how, NULL, &restored, &err), &err);
    /* then */
    assert_true(report.atom_bytes < full / 2);
    fixture_prepare(&at, data, NULL);
    fixture_open(&at);
    assert_int_equal(stored_feature(at.space), '3');
    fixture_assert_clean(&at);
    assert_int_equal(count_whole(&at), KEYS);
    assert_int_equal(digest_space(at.space), digest_space(f.space));
    fixture_close(&at);
}

/* Whatever is given back or moved, a leaf stays as long as a patch refers to it. */
static void compacting_keeps_what_patches_refer_to(void **unused)
{
    (void)unused;
    for (int64_t round = 0; round < 12; round++) {
        pbase_compact_report report;
        for (int64_t i = 0; i < 4; i++) {
            put_many(i * 7 + round, 200, 2);
            put_many(0, CHANGED_STEP, 3);
            assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
        }
        assert_ok(pbase_space_compact(f.space, NULL, &report, &err), &err);
        fixture_assert_clean(&f);
        assert_int_equal(count_whole(&f), KEYS);
    }
    fixture_reopen(&f);
    fixture_assert_clean(&f);
    assert_int_equal(count_whole(&f), KEYS);
}

/* ---------------------------------------------------------------------------------- figures --- */

typedef struct {
    uint64_t written, folded, live;
} patch_figures;

static pbase_status hear_patches(void *state, const char *name, uint64_t value, const char *unit,
                                 pbase_error *hear_err)
{
    patch_figures *self = state;
    (void)unit;
    (void)hear_err;
    self->written = strcmp(name, "patches_written") == 0 ? value : self->written;
    self->folded = strcmp(name, "patches_folded") == 0 ? value : self->folded;
    self->live = strcmp(name, "swept_live_patches") == 0 ? value : self->live;
    return PBASE_OK;
}

static patch_figures figures_now(void)
{
    patch_figures now = {0, 0, 0};
    assert_ok(pbase_space_stats(f.space, hear_patches, &now, &err), &err);
    return now;
}

static void compact_now(void)
{
    pbase_compact_report report;
    assert_ok(pbase_space_compact(f.space, NULL, &report, &err), &err);
}

/* Small spaces too, of which no segment is full: every patch becomes one with its leaf. */
static void compacting_leaves_no_patches(void **unused)
{
    (void)unused;
    uint64_t digest = digest_space(f.space);
    /* when */
    compact_now();
    /* then */
    assert_int_equal(figures_now().folded, KEYS / CHANGED_STEP);
    assert_int_equal(figures_now().live, 0);
    assert_int_equal(digest_space(f.space), digest);
    fixture_assert_clean(&f);
    fixture_reopen(&f);
    fixture_assert_clean(&f);
    assert_int_equal(digest_space(f.space), digest);
    put_many(0, CHANGED_STEP, 3); /* in patches of what took their place */
    assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
    assert_int_equal(count_whole(&f), KEYS);
    assert_int_equal(figures_now().written, KEYS / CHANGED_STEP);
}

/* A copy would come on top of what stays. */
static void what_a_snapshot_pins_keeps_its_patches_until_that_is_closed(void **unused)
{
    (void)unused;
    pbase_snapshot *snapshot = NULL;
    const struct timespec longer_than_passing = {1, 100 * 1000 * 1000};
    assert_ok(pbase_snapshot_open(f.database, &snapshot, &err), &err);
    assert_int_equal(nanosleep(&longer_than_passing, NULL), 0);
    /* when */
    compact_now();
    /* then */
    assert_int_equal(figures_now().folded, 0);
    assert_int_equal(figures_now().live, KEYS / CHANGED_STEP);
    /* when */
    pbase_snapshot_close(snapshot);
    compact_now();
    /* then */
    assert_int_equal(figures_now().live, 0);
    assert_int_equal(count_whole(&f), KEYS);
}

/* Whoever has looked at it in passing goes on reading it. */
static void a_snapshot_reads_the_patches_that_became_leaves_under_it(void **unused)
{
    (void)unused;
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_ok(pbase_snapshot_open(f.database, &snapshot, &err), &err);
    compact_now();
    assert_int_equal(figures_now().folded, KEYS / CHANGED_STEP);
    put_many(0, 1, 7);
    compact_now();
    assert_ok(pbase_snapshot_dict(snapshot, "people", &dict, &err), &err);
    for (int64_t i = 0; i < KEYS; i++) {
        pbase_value key = pbase_value_int(i), value;
        assert_ok(pbase_dict_get(dict, &key, &arena, &value, &err), &err);
        assert_int_equal(value.as.integer, value_of(i));
    }
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
}

static void an_increment_after_compacting_holds_the_leaves_that_patches_became(void **unused)
{
    (void)unused;
    space_fixture at;
    char folder[PATH_MAX], data[PATH_MAX];
    pbase_backup_report report = {.struct_size = sizeof report};
    pbase_restore_report restored = {.struct_size = sizeof restored};
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_restore_options how = PBASE_RESTORE_OPTIONS_INIT;
    (void)snprintf(folder, sizeof folder, "%s", temp_dir_path(&dir, "folded"));
    (void)snprintf(data, sizeof data, "%s", temp_dir_path(&dir, "again"));
    options.folder = folder;
    assert_ok(pbase_backup(f.space, &options, NULL, &report, &err), &err);
    compact_now();
    put_many(1, CHANGED_STEP, 2);
    assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
    options.is_increment = true;
    /* when */
    assert_ok(pbase_backup(f.space, &options, NULL, &report, &err), &err);
    pbase_backup_source source = {.path = folder};
    pbase_config_source place = f.source;
    place.data = data;
    assert_ok(pbase_restore(&place, &source, 1, &how, NULL, &restored, &err), &err);
    /* then */
    fixture_prepare(&at, data, NULL);
    fixture_open(&at);
    fixture_assert_clean(&at);
    assert_int_equal(count_whole(&at), KEYS);
    assert_int_equal(digest_space(at.space), digest_space(f.space));
    fixture_close(&at);
}

#define WAIT_SECONDS_MAX 120

/* After enough were written; the space is as it was, and what they took is given back. */
static void patches_become_leaves_while_nothing_else_happens(void **unused)
{
    (void)unused;
    const struct timespec moment = {0, 100 * 1000 * 1000};
    pbase_compact_report report;
    for (unsigned i = 0; i < 1100 * CHANGED_STEP / KEYS; i++) {
        put_many(0, CHANGED_STEP, 3);
        assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
    }
    uint64_t digest = digest_space(f.space), folded = figures_now().folded;
    /* when */
    for (unsigned i = 0; figures_now().folded == folded && i < 10 * WAIT_SECONDS_MAX; i++) {
        assert_int_equal(nanosleep(&moment, NULL), 0);
    }
    /* then */
    assert_int_equal(figures_now().folded, folded + KEYS / CHANGED_STEP);
    assert_int_equal(digest_space(f.space), digest);
    assert_int_equal(count_whole(&f), KEYS);
    assert_ok(pbase_space_compact(f.space, NULL, &report, &err), &err);
    assert_int_equal(figures_now().folded, folded + KEYS / CHANGED_STEP); /* nothing was left */
    fixture_assert_clean(&f);
}

static void how_many_patches_were_written_and_folded_is_told(void **unused)
{
    (void)unused;
    patch_figures before = figures_now();
    /* when */
    put_many(0, 1, 5);
    assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
    /* then */
    patch_figures after = figures_now();
    assert_int_equal(before.written, KEYS / CHANGED_STEP);
    assert_int_equal(before.folded, 0);
    assert_true(after.folded >= KEYS / CHANGED_STEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_damaged_leaf_behind_a_patch_costs_what_was_not_put_since,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_patch_costs_its_leaf_and_no_more, begin, end),
        cmocka_unit_test_setup_teardown(a_space_says_that_it_has_patches_before_it_has_one, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_backup_and_an_increment_hold_patches_and_their_leaves,
                                        begin, end),
        cmocka_unit_test_setup_teardown(compacting_keeps_what_patches_refer_to, begin, end),
        cmocka_unit_test_setup_teardown(compacting_leaves_no_patches, begin, end),
        cmocka_unit_test_setup_teardown(what_a_snapshot_pins_keeps_its_patches_until_that_is_closed,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_snapshot_reads_the_patches_that_became_leaves_under_it,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            an_increment_after_compacting_holds_the_leaves_that_patches_became, begin, end),
        cmocka_unit_test_setup_teardown(patches_become_leaves_while_nothing_else_happens, begin,
                                        end),
        cmocka_unit_test_setup_teardown(how_many_patches_were_written_and_folded_is_told, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
