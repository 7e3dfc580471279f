/* test_backup_damage.c - a backup that is not whole is found out, wherever it is cut or changed; a restore
 * that ends early, also by a kill or a full disk, leaves nothing that could be taken for a space; a space
 * that is damaged is told of instead of copied. */
#include "seed.h"
#include "sim_os.h"
#include "space_digest.h"
#include "space_fixture.h"
#include <protobase/backup.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static pbase_error err;

/* ---------------------------------------------------------------------------------- streams --- */

static pbase_status write_memory(void *state, pbase_bytes bytes, pbase_error *error)
{
    return pbase_buffer_append_bytes(state, bytes, error);
}

static pbase_status read_memory(void *state, void *out, size_t size, size_t *out_read,
                                pbase_error *error)
{
    pbase_reader_bytes *reader = state;
    size_t left = pbase_reader_bytes_left(reader);
    (void)error;
    *out_read = size < left ? size : left;
    memcpy(out, reader->at, *out_read);
    reader->at += *out_read;
    return PBASE_OK;
}

/* Some entries that are settled, some that only the journal has. */
static void fill(space_fixture *f)
{
    for (int64_t i = 0; i < 12; i++) {
        assert_int_equal(fixture_put_one(f, "d", i, i * i), PBASE_OK);
        if (i == 8) {
            assert_ok(pbase_space_checkpoint(f->space, NULL, &err), &err);
        }
    }
}

/* A full backup, and an increment that continues it when `base` names a file. */
static void take(space_fixture *f, const char *base, pbase_buffer *out)
{
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    out->size = 0;
    options.write = write_memory;
    options.write_state = out;
    options.base = base;
    assert_ok(pbase_backup(f->space, &options, NULL, &report, &err), &err);
}

static pbase_status check(pbase_bytes stream)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(stream);
    pbase_backup_source source = {.read = read_memory, .read_state = &reader};
    pbase_restore_options options = PBASE_RESTORE_OPTIONS_INIT;
    pbase_restore_report report;
    options.check_only = true;
    pbase_error_init(&err);
    return pbase_restore(NULL, &source, 1, &options, NULL, &report, &err);
}

static void assert_refused(pbase_bytes stream, size_t at)
{
    pbase_status status = check(stream);
    if (status != PBASE_CORRUPT && status != PBASE_FORMAT) {
        fail_msg("byte %zu: %s", at, pbase_status_name(status));
    }
}

static void every_changed_bit_and_every_cut_is_found(void **unused)
{
    (void)unused;
    space_fixture f;
    pbase_buffer stream;
    pbase_error_init(&err);
    fixture_memory(&f);
    fill(&f);
    pbase_buffer_init(&stream, pbase_alloc_default());
    take(&f, NULL, &stream);
    assert_int_equal(check(pbase_buffer_view(&stream)), PBASE_OK);
    for (size_t at = 0; at < stream.size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            stream.data[at] ^= (uint8_t)(1u << bit);
            assert_refused(pbase_buffer_view(&stream), at);
            stream.data[at] ^= (uint8_t)(1u << bit);
        }
        assert_refused(pbase_bytes_of(stream.data, at), at);
    }
    assert_int_equal(pbase_buffer_append_u8(&stream, 0, NULL), PBASE_OK);
    assert_refused(pbase_buffer_view(&stream), stream.size); /* it goes on behind its end */
    pbase_buffer_fini(&stream);
    fixture_end(&f);
}

static size_t block_size(pbase_bytes stream, size_t at)
{
    return 16 + (size_t)pbase_get_u32(stream.data + at + 4);
}

/* Blocks that are whole, but not the ones that were written there. */
static void a_missing_doubled_or_moved_block_is_found(void **unused)
{
    (void)unused;
    space_fixture f;
    pbase_buffer stream, other;
    fixture_memory(&f);
    fill(&f);
    pbase_buffer_init(&stream, pbase_alloc_default());
    pbase_buffer_init(&other, pbase_alloc_default());
    take(&f, NULL, &stream);
    unsigned blocks = 0;
    for (size_t at = 16; at < stream.size;) {
        size_t size = block_size(pbase_buffer_view(&stream), at);
        other.size = 0; /* without it */
        assert_int_equal(pbase_buffer_append(&other, stream.data, at, NULL), PBASE_OK);
        assert_int_equal(
            pbase_buffer_append(&other, stream.data + at + size, stream.size - at - size, NULL),
            PBASE_OK);
        assert_refused(pbase_buffer_view(&other), at);
        other.size = 0; /* with it twice */
        assert_int_equal(pbase_buffer_append(&other, stream.data, at + size, NULL), PBASE_OK);
        assert_int_equal(pbase_buffer_append(&other, stream.data + at, stream.size - at, NULL),
                         PBASE_OK);
        assert_refused(pbase_buffer_view(&other), at);
        at += size;
        blocks++;
    }
    assert_true(blocks >= 5);
    /* the blocks of two backups of one space, which differ in nothing else */
    take(&f, NULL, &other);
    assert_int_equal(other.size, stream.size);
    size_t head = 16 + block_size(pbase_buffer_view(&stream), 16);
    memcpy(other.data, stream.data, head);
    assert_refused(pbase_buffer_view(&other), head);
    pbase_buffer_fini(&other);
    pbase_buffer_fini(&stream);
    fixture_end(&f);
}

/* An increment looks into its base, which may be damaged, too. */
static void a_damaged_base_is_found_or_does_not_matter(void **unused)
{
    (void)unused;
    space_fixture f;
    temp_dir dir;
    pbase_buffer stream, increment;
    char path[PATH_MAX];
    fixture_memory(&f);
    fill(&f);
    temp_dir_create(&dir);
    (void)snprintf(path, sizeof path, "%s", temp_dir_path(&dir, "base"));
    pbase_buffer_init(&stream, pbase_alloc_default());
    pbase_buffer_init(&increment, pbase_alloc_default());
    take(&f, NULL, &stream);
    unsigned refused = 0;
    for (size_t at = 0; at < stream.size; at += 3) {
        FILE *file = fopen(path, "wb");
        pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
        pbase_backup_report report;
        stream.data[at] ^= 0x10;
        assert_non_null(file);
        assert_int_equal(fwrite(stream.data, 1, stream.size, file), stream.size);
        assert_int_equal(fclose(file), 0);
        stream.data[at] ^= 0x10;
        increment.size = 0;
        options.write = write_memory;
        options.write_state = &increment;
        options.base = path;
        pbase_status status = pbase_backup(f.space, &options, NULL, &report, &err);
        assert_true(status == PBASE_OK || status == PBASE_CORRUPT || status == PBASE_FORMAT);
        refused += status != PBASE_OK;
        if (status == PBASE_OK) { /* what it relies on is what was there */
            assert_int_equal(report.atoms, 0);
        }
    }
    assert_true(refused > 30);
    pbase_buffer_fini(&increment);
    pbase_buffer_fini(&stream);
    temp_dir_remove(&dir);
    fixture_end(&f);
}

/* -------------------------------------------------------------------------- a damaged space --- */

/* Flips a byte of the largest file of the store. */
static void damage(const char *data)
{
    char command[2 * PATH_MAX];
    (void)snprintf(
        command, sizeof command,
        "f=$(ls -S '%s'/store/* | head -1); n=$(stat -c %%s \"$f\"); printf '\\377\\377' | "
        "dd of=\"$f\" bs=1 seek=$((n/2)) conv=notrunc 2>/dev/null",
        data);
    assert_int_equal(system(command), 0); /* the command is the test's own */
}

static void damage_of_the_space_stops_the_backup_with_its_place(void **unused)
{
    (void)unused;
    space_fixture f;
    temp_dir backups;
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    struct stat found;
    fixture_file(&f);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    for (int64_t i = 0; i < 5000; i++) {
        fixture_put(&dict, i, i * 7);
    }
    assert_ok(pbase_txn_store_dict(txn, "d", dict, &err), &err);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    fixture_close(&f);
    damage(f.data);
    fixture_open(&f);
    temp_dir_create(&backups);
    options.file = temp_dir_path(&backups, "b");
    assert_int_equal(pbase_backup(f.space, &options, NULL, &report, &err), PBASE_CORRUPT);
    assert_non_null(strstr(err.message, "segment"));
    assert_non_null(strstr(err.message, "byte"));
    assert_int_not_equal(stat(temp_dir_path(&backups, "b"), &found), 0);
    assert_int_not_equal(stat(temp_dir_path(&backups, "b.NEW"), &found), 0);
    temp_dir_remove(&backups);
    fixture_end(&f);
}

/* ------------------------------------------------------------------- restores that end early -- */

static pbase_status die(void *state, uint64_t done, uint64_t total, pbase_error *error)
{
    (void)done;
    (void)total;
    (void)error;
    if (--*(int *)state == 0) {
        _exit(7);
    }
    return PBASE_OK;
}

/* Restores until the n-th report of progress; true when that came. */
static bool restore_and_die(const pbase_config_source *config, const char *backup, int n)
{
    pid_t child = fork();
    int result = 0;
    if (child == 0) {
        pbase_backup_source source = {.path = backup};
        pbase_restore_options options = PBASE_RESTORE_OPTIONS_INIT;
        pbase_restore_report report;
        options.progress = die;
        options.progress_state = &n;
        pbase_status status = pbase_restore(config, &source, 1, &options, NULL, &report, NULL);
        _exit(status == PBASE_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_true(WEXITSTATUS(result) == 0 || WEXITSTATUS(result) == 7);
    return WEXITSTATUS(result) == 7;
}

static void a_restore_that_is_killed_leaves_no_space_and_can_be_done_again(void **unused)
{
    (void)unused;
    temp_dir dir;
    space_fixture f, restored;
    char backup[PATH_MAX];
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    pbase_restore_report done;
    temp_dir_create(&dir);
    (void)snprintf(backup, sizeof backup, "%s", temp_dir_path(&dir, "b"));
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    fixture_set(&f, "storage.blocks.segment_size=64KiB");
    fixture_open(&f);
    fill(&f);
    options.file = backup;
    assert_ok(pbase_backup(f.space, &options, NULL, &report, &err), &err);
    uint64_t digest = digest_space(f.space);
    fixture_end(&f);
    fixture_prepare(&restored, temp_dir_path(&dir, "restored"), NULL);
    restored.options.must_exist = true;
    pbase_backup_source source = {.path = backup};
    unsigned killed = 0;
    for (int n = 1; restore_and_die(&restored.source, backup, n); n++) {
        pbase_status status =
            pbase_space_open(&restored.source, &restored.options, &restored.space, &err);
        assert_true(status == PBASE_FORMAT);
        assert_non_null(strstr(err.message, "restored"));
        killed++;
    }
    assert_true(killed >= 3);
    assert_ok(pbase_space_open(&restored.source, &restored.options, &restored.space, &err), &err);
    assert_int_equal(digest_space(restored.space), digest);
    pbase_space_close(restored.space);
    restored.space = NULL;
    assert_int_equal(pbase_restore(&restored.source, &source, 1, NULL, NULL, &done, &err),
                     PBASE_EXISTS);
    temp_dir_remove(&dir);
}

static pbase_status give_up(void *state, uint64_t done, uint64_t total, pbase_error *error)
{
    (void)done;
    (void)total;
    return --*(int *)state == 0 ? PBASE_FAIL(error, PBASE_CANCELLED, "enough") : PBASE_OK;
}

static void a_restore_that_fails_leaves_the_folder_as_it_was(void **unused)
{
    (void)unused;
    temp_dir dir;
    space_fixture f, restored;
    struct stat found;
    char backup[PATH_MAX], target[PATH_MAX];
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    pbase_restore_report done;
    temp_dir_create(&dir);
    (void)snprintf(backup, sizeof backup, "%s", temp_dir_path(&dir, "b"));
    (void)snprintf(target, sizeof target, "%s", temp_dir_path(&dir, "restored"));
    fixture_memory(&f);
    fill(&f);
    options.file = backup;
    assert_ok(pbase_backup(f.space, &options, NULL, &report, &err), &err);
    fixture_end(&f);
    pbase_backup_source source = {.path = backup};
    pbase_restore_options how = PBASE_RESTORE_OPTIONS_INIT;
    fixture_prepare(&restored, target, NULL);
    pbase_status status = PBASE_CANCELLED;
    for (int n = 1; status != PBASE_OK; n++) {
        int left = n;
        bool was_there = n % 2 == 0;
        assert_true(!was_there || mkdir(target, 0700) == 0);
        how.progress = give_up;
        how.progress_state = &left;
        status = pbase_restore(&restored.source, &source, 1, &how, NULL, &done, &err);
        if (status != PBASE_OK) {
            assert_int_equal(status, PBASE_CANCELLED);
            assert_int_equal(stat(target, &found) == 0, was_there);
            assert_true(!was_there || rmdir(target) == 0); /* it is empty */
        }
    }
    temp_dir_remove(&dir);
}

/* ---------------------------------------------------------------------------- full disks ------ */

static void a_full_disk_leaves_neither_a_backup_nor_a_space(void **unused)
{
    (void)unused;
    space_fixture f, restored;
    sim_os *sim = sim_os_create(1);
    const pbase_os *os = sim_os_interface(sim);
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    pbase_restore_report done;
    pbase_os_stat found;
    pbase_status status = PBASE_NO_SPACE;
    fixture_prepare(&f, "space", os);
    fixture_set(&f, "storage.journal_segment_size=64KiB");
    fixture_open(&f);
    fill(&f);
    options.file = "b";
    unsigned refused = 0;
    for (uint64_t limit = 65536; status != PBASE_OK; limit += 997) {
        sim_os_disk_limit(sim, limit);
        status = pbase_backup(f.space, &options, NULL, &report, &err);
        if (status != PBASE_OK) {
            assert_int_equal(status, PBASE_NO_SPACE);
            assert_int_equal(os->directory->stat(os, "b", &found, NULL), PBASE_NOT_FOUND);
            assert_int_equal(os->directory->stat(os, "b.NEW", &found, NULL), PBASE_NOT_FOUND);
            refused++;
        }
        assert_int_equal(pbase_space_sync(f.space, NULL, &err), PBASE_OK);
    }
    assert_true(refused > 0);
    sim_os_disk_limit(sim, 0);
    fixture_end(&f);
    pbase_backup_source source = {.path = "b"};
    fixture_prepare(&restored, "restored", os);
    fixture_set(&restored, "storage.journal_segment_size=64KiB");
    status = PBASE_NO_SPACE;
    for (uint64_t limit = 200000; status != PBASE_OK; limit += 7919) {
        sim_os_disk_limit(sim, limit);
        status = pbase_restore(&restored.source, &source, 1, NULL, NULL, &done, &err);
        if (status != PBASE_OK) {
            assert_int_equal(status, PBASE_NO_SPACE);
            assert_int_equal(os->directory->stat(os, "restored", &found, NULL), PBASE_NOT_FOUND);
        }
    }
    fixture_open(&restored);
    assert_int_equal(fixture_count(&restored, "d"), 12);
    fixture_end(&restored);
    sim_os_destroy(sim);
}

/* The power goes at some call of a restore, or just after it was said to be done. */
static void a_power_cut_during_a_restore_leaves_a_space_or_none(void **unused)
{
    (void)unused;
    seed_random random;
    space_fixture f;
    sim_os *sim = sim_os_create(1);
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    pbase_buffer stream;
    seed_random_init(&random, seed_for("power cut"));
    fixture_memory(&f);
    fill(&f);
    uint64_t digest = digest_space(f.space);
    pbase_buffer_init(&stream, pbase_alloc_default());
    options.write = write_memory;
    options.write_state = &stream;
    assert_ok(pbase_backup(f.space, &options, NULL, &report, &err), &err);
    fixture_end(&f);
    sim_os_destroy(sim);
    unsigned spaces = 0, nothing = 0;
    bool crashed = true;
    for (uint64_t n = 1; crashed; n += seed_is_long_run() ? 1 : 3) {
        space_fixture restored;
        pbase_restore_report done;
        pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&stream));
        pbase_backup_source source = {.read = read_memory, .read_state = &reader};
        sim = sim_os_create(seed_next(&random));
        fixture_prepare(&restored, "restored", sim_os_interface(sim));
        fixture_set(&restored, "storage.journal_segment_size=64KiB");
        sim_os_crash_at(sim, n);
        pbase_status status = pbase_restore(&restored.source, &source, 1, NULL, NULL, &done, NULL);
        crashed = sim_os_has_crashed(sim);
        sim_os *after = sim_os_crash(sim, seed_next(&random));
        fixture_prepare(&restored, "restored", sim_os_interface(after));
        fixture_set(&restored, "storage.journal_segment_size=64KiB");
        restored.options.must_exist = true;
        pbase_status opened =
            pbase_space_open(&restored.source, &restored.options, &restored.space, &err);
        if (opened == PBASE_OK) {
            assert_int_equal(digest_space(restored.space), digest);
            pbase_space_close(restored.space);
            spaces++;
        } else {
            assert_int_not_equal(status, PBASE_OK); /* what was acknowledged is there */
            assert_true(opened == PBASE_NOT_FOUND || opened == PBASE_FORMAT);
            nothing++;
        }
        sim_os_destroy(after);
        sim_os_destroy(sim);
    }
    assert_true(spaces > 0 && nothing > 10);
    pbase_buffer_fini(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_changed_bit_and_every_cut_is_found),
        cmocka_unit_test(a_missing_doubled_or_moved_block_is_found),
        cmocka_unit_test(a_damaged_base_is_found_or_does_not_matter),
        cmocka_unit_test(damage_of_the_space_stops_the_backup_with_its_place),
        cmocka_unit_test(a_restore_that_is_killed_leaves_no_space_and_can_be_done_again),
        cmocka_unit_test(a_restore_that_fails_leaves_the_folder_as_it_was),
        cmocka_unit_test(a_full_disk_leaves_neither_a_backup_nor_a_space),
        cmocka_unit_test(a_power_cut_during_a_restore_leaves_a_space_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
