/* test_stats.c - docs/stats.md has every figure of core and of both storages, and no other; figures
 * tell what happened. */
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ROWS_MAX 128u

/* Rows of the tables under "## Core" and one storage, in their order: "name unit\n"... */
typedef struct {
    char rows[ROWS_MAX][64];
    size_t count;
} figures;

static figures documented, told;

static void read_section(FILE *page, const char *title)
{
    char line[256];
    bool inside = false;
    rewind(page);
    while (fgets(line, sizeof line, page) != NULL) {
        char name[40], unit[16];
        if (line[0] == '#') {
            inside = strncmp(line, title, strlen(title)) == 0;
        } else if (inside && sscanf(line, "| `%39[a-z0-9_]` | %15[a-z] |", name, unit) == 2) {
            assert_true(documented.count < ROWS_MAX);
            (void)snprintf(documented.rows[documented.count++], 64, "%s %s", name, unit);
        }
    }
}

static void read_page(const char *storage)
{
    FILE *page = fopen(PBASE_SOURCE_DIR "/docs/stats.md", "r");
    assert_non_null(page);
    documented.count = 0;
    read_section(page, "## Core");
    read_section(page, storage);
    assert_int_equal(fclose(page), 0);
}

static pbase_status hear(void *state, const char *name, uint64_t value, const char *unit,
                         pbase_error *err)
{
    (void)state;
    (void)value;
    (void)err;
    assert_true(told.count < ROWS_MAX);
    (void)snprintf(told.rows[told.count++], 64, "%s %s", name, unit);
    return PBASE_OK;
}

/* Ends the space. */
static void compare(space_fixture *f, const char *storage)
{
    read_page(storage);
    told.count = 0;
    assert_int_equal(pbase_space_stats(f->space, hear, NULL, NULL), PBASE_OK);
    for (size_t i = 0; i < told.count && i < documented.count; i++) {
        assert_string_equal(told.rows[i], documented.rows[i]);
    }
    assert_int_equal(told.count, documented.count);
    fixture_end(f);
}

static void every_figure_of_a_space_in_memory_is_documented(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_memory(&f);
    compare(&f, "## storage/memory");
}

static void every_figure_of_a_space_on_files_is_documented(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    compare(&f, "## storage/file");
}

/* ------------------------------------------------------------------------- what they say ----- */

typedef struct {
    const char *name;
    uint64_t value;
    bool found;
} wanted_figure;

static pbase_status find(void *state, const char *name, uint64_t value, const char *unit,
                         pbase_error *err)
{
    (void)unit;
    (void)err;
    wanted_figure *wanted = state;
    if (strcmp(name, wanted->name) == 0) {
        wanted->value = value;
        wanted->found = true;
    }
    return PBASE_OK;
}

static uint64_t figure_of(const space_fixture *f, const char *name)
{
    wanted_figure wanted = {.name = name};
    assert_int_equal(pbase_space_stats(f->space, find, &wanted, NULL), PBASE_OK);
    assert_true(wanted.found);
    return wanted.value;
}

static void put_some(space_fixture *f, int64_t count, int64_t value)
{
    pbase_txn *txn = fixture_begin(f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    for (int64_t i = 0; i < count; i++) {
        fixture_put(&dict, i, value);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static void commits_and_flushes_are_timed(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    uint64_t commits = figure_of(&f, "commit_timed"), flushes = figure_of(&f, "flush_timed");

    for (int64_t i = 0; i < 5; i++) {
        assert_int_equal(fixture_put_one(&f, "d", i, i), PBASE_OK);
    }

    assert_int_equal(figure_of(&f, "commit_timed"), commits + 5);
    assert_int_equal(figure_of(&f, "flush_timed"), flushes + 5);
    assert_true(figure_of(&f, "flush_p50") > 0);
    assert_true(figure_of(&f, "commit_p99") >= figure_of(&f, "commit_p50"));
    assert_true(figure_of(&f, "record_bytes_per_commit") > 0);
    assert_true(figure_of(&f, "bytes_written_per_commit") >=
                figure_of(&f, "record_bytes_per_commit"));
    assert_true(figure_of(&f, "open_ns") > figure_of(&f, "open_parts_ns"));
    fixture_end(&f);
}

static void a_conflict_is_not_timed_as_a_commit(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_memory(&f);
    assert_int_equal(fixture_put_one(&f, "d", 1, 1), PBASE_OK);
    uint64_t commits = figure_of(&f, "commit_timed");
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    fixture_put(&dict, 1, 2);
    assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_put_one(&f, "d", 1, 3), PBASE_OK);

    assert_int_equal(fixture_commit(&txn), PBASE_CONFLICT);

    assert_int_equal(figure_of(&f, "commit_timed"), commits + 1);
    fixture_end(&f);
}

static void one_read_of_sixty_four_is_timed(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_memory(&f);
    put_some(&f, 200, 1);
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_reader *reader = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_dict(snapshot, "d", &dict, NULL), PBASE_OK);
    assert_int_equal(pbase_reader_create(NULL, &reader, NULL), PBASE_OK);

    for (int64_t i = 0; i < 128; i++) {
        pbase_value key = pbase_value_int(i);
        pbase_bytes bytes;
        assert_int_equal(pbase_dict_get_bytes(dict, &key, reader, &bytes, NULL), PBASE_OK);
    }

    assert_int_equal(figure_of(&f, "read_timed"), 2);
    assert_true(figure_of(&f, "read_p999") >= figure_of(&f, "read_p50"));
    pbase_reader_close(reader);
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    fixture_end(&f);
}

static void the_oldest_snapshot_is_told_until_it_is_closed(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    put_some(&f, 2000, 1);
    pbase_snapshot *old = NULL, *young = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &old, NULL), PBASE_OK);
    uint64_t sequence = pbase_snapshot_sequence(old);
    put_some(&f, 2000, 2);
    assert_int_equal(pbase_snapshot_open(f.database, &young, NULL), PBASE_OK);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);

    assert_int_equal(figure_of(&f, "open_snapshots"), 2);
    assert_int_equal(figure_of(&f, "oldest_snapshot_sequence"), sequence);
    assert_true(figure_of(&f, "oldest_snapshot_age") > 0);
    assert_true(figure_of(&f, "pinned_bytes") > 0);

    pbase_snapshot_close(old);
    assert_int_equal(figure_of(&f, "open_snapshots"), 1);
    assert_int_equal(figure_of(&f, "oldest_snapshot_sequence"), figure_of(&f, "sequence"));
    assert_int_equal(figure_of(&f, "pinned_bytes"), 0);

    pbase_snapshot_close(young);
    assert_int_equal(figure_of(&f, "open_snapshots"), 0);
    assert_int_equal(figure_of(&f, "oldest_snapshot_age"), 0);
    fixture_end(&f);
}

static void more_snapshots_than_are_kept_for_reuse_are_counted_one_by_one(void **unused)
{
    enum { MANY = 40 };
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    put_some(&f, 10, 1);
    pbase_snapshot *open[MANY];
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < MANY; i++) {
            assert_int_equal(pbase_snapshot_open(f.database, &open[i], NULL), PBASE_OK);
            assert_int_equal(figure_of(&f, "open_snapshots"), i + 1);
        }
        for (unsigned i = 0; i < MANY; i++) {
            pbase_snapshot_close(open[i]);
            assert_int_equal(figure_of(&f, "open_snapshots"), MANY - i - 1);
        }
    }
    fixture_end(&f);
}

static void the_journal_ages_until_a_checkpoint(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_int_equal(figure_of(&f, "journal_age"), 0);

    assert_int_equal(fixture_put_one(&f, "d", 1, 1), PBASE_OK);
    uint64_t age = figure_of(&f, "journal_age");
    assert_true(age > 0);
    assert_int_equal(fixture_put_one(&f, "d", 2, 2), PBASE_OK);
    assert_true(figure_of(&f, "journal_age") > age);

    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_int_equal(figure_of(&f, "journal_age"), 0);
    fixture_end(&f);
}

/* --------------------------------------------------------------------------- what is live ----- */

static pbase_space_usage_report usage_of(space_fixture *f)
{
    pbase_space_usage_report usage;
    assert_int_equal(pbase_space_checkpoint(f->space, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_space_usage(f->space, NULL, &usage, NULL), PBASE_OK);
    assert_int_equal(usage.live_bytes + usage.dead_bytes, usage.store_bytes);
    return usage;
}

static void what_is_replaced_is_dead(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    put_some(&f, 5000, 1);
    pbase_space_usage_report before = usage_of(&f);
    assert_true(before.live_bytes >= 5000 * 4); /* keys and values take more */

    put_some(&f, 5000, 2);
    pbase_space_usage_report after = usage_of(&f);

    assert_true(after.live_bytes < before.live_bytes + before.live_bytes / 4);
    assert_true(after.live_bytes > before.live_bytes - before.live_bytes / 4);
    fixture_end(&f);
}

static void what_is_live_is_what_a_check_reads(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    put_some(&f, 5000, 1);
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    uint8_t *large = pbase_arena_alloc(&arena, 100000);
    assert_non_null(large);
    memset(large, 7, 100000);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "large");
    pbase_value key = pbase_value_int(1);
    assert_int_equal(pbase_dict_put_bytes(&dict, &key, pbase_bytes_of(large, 100000), NULL, NULL),
                     PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "large", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);

    pbase_space_usage_report usage = usage_of(&f);
    fixture_reopen(&f);
    pbase_space_usage_report again = usage_of(&f);

    assert_true(usage.live_bytes > 100000);
    assert_int_equal(again.live_bytes, usage.live_bytes);
    assert_int_equal(again.live_atoms, usage.live_atoms);
    pbase_arena_fini(&arena);
    fixture_end(&f);
}

static void a_branch_is_counted_once(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    put_some(&f, 5000, 1);
    pbase_space_usage_report alone = usage_of(&f);

    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = pbase_database_branch(f.space, "main", "copy", &err);
    assert_ok(status, &err);
    pbase_space_usage_report both = usage_of(&f);

    assert_true(both.live_bytes < alone.live_bytes + alone.live_bytes / 10);
    put_some(&f, 1, 2); /* the roots differ now, and nearly all below them is shared */
    both = usage_of(&f);
    assert_true(both.live_bytes < alone.live_bytes + alone.live_bytes / 5);
    fixture_end(&f);
}

/* --------------------------------------------------------------------------- what is pinned --- */

static pbase_space_pinned_report pinned_of(space_fixture *f)
{
    pbase_space_pinned_report pinned;
    pbase_error err;
    pbase_error_init(&err);
    assert_ok(pbase_space_pinned(f->space, NULL, &pinned, &err), &err);
    assert_true(pinned.oldest_bytes <= pinned.snapshots_bytes);
    return pinned;
}

static pbase_snapshot *snapshot_of(space_fixture *f)
{
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_snapshot_open(f->database, &snapshot, NULL), PBASE_OK);
    return snapshot;
}

static void settle(space_fixture *f)
{
    assert_int_equal(pbase_space_checkpoint(f->space, NULL, NULL), PBASE_OK);
}

static void a_snapshot_pins_what_was_replaced_since_and_no_more(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    put_some(&f, 5000, 1);
    settle(&f);
    pbase_snapshot *old = snapshot_of(&f);
    assert_int_equal(pinned_of(&f).oldest_bytes, 0); /* it sees the newest state */

    put_some(&f, 5000, 2);
    settle(&f);
    pbase_space_usage_report live = usage_of(&f);
    pbase_space_pinned_report all = pinned_of(&f);
    assert_int_equal(all.snapshots, 1);
    assert_int_equal(all.oldest_sequence, pbase_snapshot_sequence(old));
    assert_true(all.oldest_age_ns > 0);
    assert_true(all.oldest_bytes > live.live_bytes * 9 / 10);
    assert_true(all.oldest_bytes < live.live_bytes * 11 / 10);

    put_some(&f, 5000, 3); /* what lay between nobody sees */
    settle(&f);
    assert_int_equal(pinned_of(&f).oldest_bytes, all.oldest_bytes);
    pbase_snapshot_close(old);
    assert_int_equal(pinned_of(&f).snapshots_bytes, 0);
    fixture_end(&f);
}

/* The same space, opened twice, as another process would. */
static void what_another_process_needs_is_told(void **unused)
{
    (void)unused;
    space_fixture f, other;
    fixture_file(&f);
    put_some(&f, 5000, 1);
    settle(&f);
    pbase_space_pinned_report alone = pinned_of(&f);
    fixture_prepare(&other, f.data, NULL);
    fixture_open(&other);
    pbase_snapshot *old = snapshot_of(&other);
    put_some(&f, 5000, 2);
    settle(&f);

    pbase_space_pinned_report beside = pinned_of(&f);
    assert_int_equal(alone.processes, 0);
    assert_int_equal(alone.processes_bytes, 0);
    assert_int_equal(beside.processes, 1);
    assert_false(beside.processes_hold_all);
    assert_in_range(beside.processes_bytes, usage_of(&f).live_bytes * 9 / 10,
                    usage_of(&f).live_bytes * 11 / 10);
    assert_int_equal(beside.snapshots, 0);

    pbase_snapshot *same = snapshot_of(&f);
    put_some(&f, 5000, 3);
    settle(&f);
    assert_true(pinned_of(&f).snapshots_bytes > beside.processes_bytes / 2);
    pbase_snapshot_close(same);
    pbase_snapshot_close(old);
    fixture_close(&other);
    assert_int_equal(pinned_of(&f).processes_bytes, 0);
    fixture_end(&f);
}

static void the_oldest_snapshot_pins_what_the_others_do_not_see(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    put_some(&f, 5000, 1);
    settle(&f);
    pbase_snapshot *oldest = snapshot_of(&f), *same = snapshot_of(&f);
    assert_int_equal(fixture_put_one(&f, "d", 0, 7), PBASE_OK);
    settle(&f);
    pbase_snapshot *middle = snapshot_of(&f);
    put_some(&f, 5000, 2);
    settle(&f);

    pbase_space_pinned_report three = pinned_of(&f);
    assert_int_equal(three.snapshots, 3);
    assert_true(three.oldest_bytes > 0);
    assert_true(three.oldest_bytes < three.snapshots_bytes / 4); /* one path of the tree */

    pbase_snapshot_close(middle);
    pbase_snapshot_close(same);
    pbase_space_pinned_report one = pinned_of(&f);
    assert_int_equal(one.oldest_bytes, one.snapshots_bytes);
    assert_true(one.oldest_bytes > three.snapshots_bytes / 2);
    pbase_snapshot_close(oldest);
    fixture_end(&f);
}

static void the_kept_past_pins_what_nobody_reads_now(void **unused)
{
    (void)unused;
    space_fixture f;
    temp_dir dir;
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    f.dir = dir;
    f.has_dir = true;
    fixture_set(&f, "storage.retention_count=2");
    fixture_open(&f);
    put_some(&f, 5000, 1);
    settle(&f);
    pbase_snapshot *old = snapshot_of(&f);
    put_some(&f, 5000, 2);
    settle(&f);

    pbase_space_pinned_report kept = pinned_of(&f);
    assert_int_equal(kept.snapshots_bytes,
                     0); /* the past would hold it without the snapshot, too */
    assert_true(kept.past_bytes > 5000 * 4);
    for (int64_t i = 0; i < 3; i++) {
        put_some(&f, 10, i);
        settle(&f);
    }
    assert_true(pinned_of(&f).snapshots_bytes > 5000 * 4);
    pbase_snapshot_close(old);
    fixture_end(&f);
}

static void what_a_snapshot_pins_is_given_back_when_it_is_closed(void **unused)
{
    (void)unused;
    space_fixture f;
    pbase_compact_report before, after;
    fixture_file(&f);
    put_some(&f, 60000, 1);
    settle(&f);
    pbase_snapshot *old = snapshot_of(&f);
    put_some(&f, 60000, 2);
    assert_int_equal(pbase_space_compact(f.space, NULL, &before, NULL), PBASE_OK);
    uint64_t pinned = pinned_of(&f).oldest_bytes;
    assert_int_equal(pbase_space_compact(f.space, NULL, &before, NULL), PBASE_OK);
    pbase_snapshot_close(old);
    assert_int_equal(pbase_space_compact(f.space, NULL, &after, NULL), PBASE_OK);

    assert_true(pinned > 60000 * 4);
    assert_in_range(before.live_bytes - after.live_bytes, pinned - pinned / 8, pinned + pinned / 8);
    fixture_end(&f);
}

static void what_is_pinned_in_a_compressed_space_is_told_as_it_is_stored(void **unused)
{
    (void)unused;
    space_fixture f;
    temp_dir dir;
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    f.dir = dir;
    f.has_dir = true;
    fixture_set(&f, "codecs=[msgpack, zstd]");
    fixture_open(&f);
    put_some(&f, 5000, 1);
    settle(&f);
    pbase_snapshot *old = snapshot_of(&f);
    put_some(&f, 5000, 2);
    settle(&f);

    pbase_space_usage_report plain;
    assert_int_equal(pbase_space_usage(f.space, NULL, &plain, NULL), PBASE_OK);
    uint64_t pinned = pinned_of(&f).oldest_bytes;
    assert_true(pinned > 0 && pinned < plain.live_bytes * 3 / 4);
    pbase_snapshot_close(old);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_of_a_space_in_memory_is_documented),
        cmocka_unit_test(every_figure_of_a_space_on_files_is_documented),
        cmocka_unit_test(commits_and_flushes_are_timed),
        cmocka_unit_test(a_conflict_is_not_timed_as_a_commit),
        cmocka_unit_test(one_read_of_sixty_four_is_timed),
        cmocka_unit_test(more_snapshots_than_are_kept_for_reuse_are_counted_one_by_one),
        cmocka_unit_test(the_oldest_snapshot_is_told_until_it_is_closed),
        cmocka_unit_test(the_journal_ages_until_a_checkpoint),
        cmocka_unit_test(what_is_replaced_is_dead),
        cmocka_unit_test(what_is_live_is_what_a_check_reads),
        cmocka_unit_test(a_branch_is_counted_once),
        cmocka_unit_test(a_snapshot_pins_what_was_replaced_since_and_no_more),
        cmocka_unit_test(what_another_process_needs_is_told),
        cmocka_unit_test(the_oldest_snapshot_pins_what_the_others_do_not_see),
        cmocka_unit_test(the_kept_past_pins_what_nobody_reads_now),
        cmocka_unit_test(what_a_snapshot_pins_is_given_back_when_it_is_closed),
        cmocka_unit_test(what_is_pinned_in_a_compressed_space_is_told_as_it_is_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
