/* test_reports.c - a caller that does not want to know what a call found says NULL, and gets the same
 * result; a call that fails leaves the report of its caller as it was. */
#include "space_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void fill(int64_t count)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "people");
    for (int64_t key = 0; key < count; key++) {
        fixture_put(&dict, key, 1);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "people", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static pbase_backup_options backup_options(char path[PATH_MAX])
{
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    (void)snprintf(path, PATH_MAX, "%s", temp_dir_path(&f.dir, "copy"));
    options.file = path;
    return options;
}

static void compacting_needs_no_report(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    fill(200);

    assert_ok(pbase_space_compact(f.space, NULL, NULL, &err), &err);
    assert_ok(pbase_space_compact_with(f.space, NULL, NULL, NULL, &err), &err);
}

static void compacting_that_is_cancelled_leaves_the_report_as_it_was(void **unused)
{
    (void)unused;
    const uint32_t cancelled = 1;
    const pbase_call call = {PBASE_NO_DEADLINE, &cancelled};
    pbase_compact_report report, before;
    memset(&report, 0x5a, sizeof report);
    before = report;
    fill(200);

    assert_int_equal(pbase_space_compact(f.space, &call, &report, NULL), PBASE_CANCELLED);

    assert_memory_equal(&report, &before, sizeof report);
}

static void checking_needs_neither_report_nor_options_nor_listener(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_snapshot *snapshot = NULL;
    const char *fields[] = {"a"};
    const pbase_index_options index = {
        .struct_size = sizeof index, .fields = fields, .field_count = 1};
    pbase_error_init(&err);
    fill(200);
    assert_ok(pbase_index_create(f.database, "people", "by_a", &index, NULL, &err), &err);

    assert_ok(pbase_space_check_with(f.space, NULL, NULL, NULL, &err), &err);
    assert_ok(pbase_space_check(f.space, NULL, NULL, NULL, NULL, &err), &err);
    assert_ok(pbase_snapshot_open(f.database, &snapshot, &err), &err);
    assert_ok(pbase_index_check(snapshot, NULL, NULL, NULL, NULL, NULL, NULL, &err), &err);
    pbase_snapshot_close(snapshot);
}

static void backing_up_and_restoring_need_no_report(void **unused)
{
    (void)unused;
    char path[PATH_MAX];
    pbase_error err;
    pbase_restore_options restore = PBASE_RESTORE_OPTIONS_INIT;
    pbase_backup_options options = backup_options(path);
    pbase_backup_source source = {.path = path};
    pbase_error_init(&err);
    restore.check_only = true;
    fill(200);

    assert_ok(pbase_backup(f.space, &options, NULL, NULL, &err), &err);
    assert_ok(pbase_restore(NULL, &source, 1, &restore, NULL, NULL, &err), &err);
}

static void damage_store(void)
{
    char path[PATH_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/store/0001", f.data);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    for (long at = 9000; at < 30000; at += 10000) {
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        int byte = fgetc(file);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        assert_int_not_equal(fputc(byte ^ 0x10, file), EOF);
    }
    assert_int_equal(fclose(file), 0);
}

static void damage_is_counted_and_saved_though_nobody_hears_of_it(void **unused)
{
    (void)unused;
    char target[PATH_MAX];
    pbase_error err;
    pbase_check_report found;
    pbase_config_source from = f.source, to = f.source;
    pbase_error_init(&err);
    (void)snprintf(target, sizeof target, "%s", temp_dir_path(&f.dir, "saved"));
    to.data = target;
    fill(3000);
    fixture_close(&f);
    damage_store();

    fixture_open(&f);
    assert_ok(pbase_space_check(f.space, NULL, NULL, NULL, &found, &err), &err);
    fixture_close(&f);
    assert_ok(pbase_space_recover(&from, &to, NULL, NULL, NULL, &err), &err);

    assert_true(found.findings > 0);
    f.source = to;
    fixture_open(&f);
    assert_int_equal(fixture_count(&f, "people"), found.entries);
}

int main(void)
{
#define IN_FILES(test) cmocka_unit_test_setup_teardown(test, begin_file, end)
#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, begin_memory, end)
    const struct CMUnitTest tests[] = {
        IN_FILES(compacting_needs_no_report),
        IN_MEMORY(compacting_needs_no_report),
        IN_FILES(compacting_that_is_cancelled_leaves_the_report_as_it_was),
        IN_MEMORY(checking_needs_neither_report_nor_options_nor_listener),
        IN_FILES(backing_up_and_restoring_need_no_report),
        IN_FILES(damage_is_counted_and_saved_though_nobody_hears_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
