/* test_wrong_path.c - a path that cannot be: which one it is, why, and what to do, through the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define A_FOLDER "give the path of a folder"

/* A working folder with a space in `space`, one backup of it in `kept`, and a plain file. */
static void begin(cli_case *run)
{
    cli_case_begin(run);
    CLI(run, "--data", "space", "put", "people", "1", "10");
    cli_case_expect(run, 0, "");
    CLI(run, "--data", "space", "backup", "kept");
    cli_case_expect(run, 0, "");
    cli_case_write(run, "plain", "nothing of ours\n");
}

/* The last run failed, said `what` and, on the line below, `hint`. */
static void expect_hint(const cli_case *run, int exit_code, const char *what, const char *hint)
{
    cli_case_expect(run, exit_code, what);
    const char *below = strchr(run->err, '\n');
    if (below == NULL || strstr(below, hint) == NULL) {
        fail_msg("no hint '%s' below: %s", hint, run->err);
    }
}

static void a_backup_to_a_plain_file_says_what_to_give(void **state)
{
    (void)state;
    cli_case run;
    begin(&run);
    CLI(&run, "--data", "space", "backup", "plain");
    expect_hint(&run, 15, "'plain' is a file, not a folder of backups", "a new name with --file");
    assert_string_equal(cli_case_read(&run, "plain"), "nothing of ours\n");
    CLI(&run, "--data", "space", "backup", "plain/b");
    expect_hint(&run, 15, "'plain' is a file, not a folder", A_FOLDER);
    CLI(&run, "--data", "space", "backup", "plain/b", "--file");
    expect_hint(&run, 15, "'plain' is a file, not a folder", A_FOLDER);
    CLI(&run, "--data", "space", "backup", "more", "--base", "plain");
    expect_hint(&run, 6, "not a backup", "folder of backups, or the file of one");
    cli_case_end(&run);
}

static void a_restore_from_what_is_no_backup_says_what_to_give(void **state)
{
    (void)state;
    cli_case run;
    begin(&run);
    cli_case_write(&run, "short", "hi\n");
    assert_int_equal(mkdir(temp_dir_path(&run.dir, "bare"), 0700), 0);
    static const char *const files[] = {"plain", "short"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        CLI(&run, "--data", "new", "restore", files[i]);
        expect_hint(&run, 6, "not a backup", "folder of backups, or the file of one");
    }
    CLI(&run, "--data", "new", "restore", "nowhere");
    expect_hint(&run, 3, "nowhere", "folder of backups, or the file of one");
    CLI(&run, "--data", "new", "restore", "bare");
    expect_hint(&run, 3, "there is no backup in 'bare'", "folder of backups, or the file of one");
    CLI(&run, "--data", "new", "restore", "plain/b");
    expect_hint(&run, 15, "'plain' is a file, not a folder",
                "folder of backups, or the file of one");
    CLI(&run, "--data", "new", "restore", "kept", "plain");
    expect_hint(&run, 15, "'kept' is a folder, not a file", "a folder is restored by itself");
    cli_case_end(&run);
}

static void a_space_that_is_a_file_is_told_by_every_command(void **state)
{
    (void)state;
    static const char *const commands[][4] = {
        {"check"}, {"compact"}, {"stats"}, {"restore", "kept"}, {"get", "people", "1"}};
    cli_case run;
    begin(&run);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const char *const *words = commands[i];
        CLI(&run, "--data", "plain", words[0], words[1], words[1] == NULL ? NULL : words[2]);
        expect_hint(&run, i == 3 ? 15 : 6, "is a file, not a folder", A_FOLDER);
        CLI(&run, "--data", "plain/d", words[0], words[1], words[1] == NULL ? NULL : words[2]);
        expect_hint(&run, 15, "'plain' is a file, not a folder", A_FOLDER);
    }
    CLI(&run, "recover", "plain", "saved");
    expect_hint(&run, 15, "'plain' is a file, not a folder", A_FOLDER);
    CLI(&run, "recover", "space", "plain");
    expect_hint(&run, 6, "'plain' is a file, not a folder", A_FOLDER);
    assert_string_equal(cli_case_read(&run, "plain"), "nothing of ours\n");
    cli_case_end(&run);
}

static void a_folder_that_is_missing_above_is_named(void **state)
{
    (void)state;
    cli_case run;
    begin(&run);
    CLI(&run, "--data", "space", "backup", "no/such/b");
    expect_hint(&run, 3, "'no/such/b': there is no folder 'no'", "make the folder 'no/such' first");
    CLI(&run, "--data", "space", "backup", "no/b", "--file");
    expect_hint(&run, 3, "there is no folder 'no'", "make the folder 'no' first");
    CLI(&run, "--data", "no/such/d", "put", "people", "1", "10");
    expect_hint(&run, 3, "there is no folder 'no'", "make the folder that shall hold it");
    CLI(&run, "--data", "no/such/d", "restore", "kept");
    expect_hint(&run, 3, "there is no folder 'no'", "make the folder that shall hold it");
    CLI(&run, "recover", "no/d", "saved");
    cli_case_expect(&run, 3, "no/d");
    assert_int_not_equal(access(temp_dir_path(&run.dir, "no"), F_OK), 0);
    cli_case_end(&run);
}

/* A space that was made for the question would have no findings. */
static void what_looks_at_a_space_that_is_not_there_says_so(void **state)
{
    static const char *const commands[] = {"check", "compact", "stats", "history"};
    (void)state;
    cli_case run;
    begin(&run);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        CLI(&run, "--data", "mistyped", commands[i]);
        expect_hint(&run, 3, "there is no space yet", "look at the path");
        assert_int_not_equal(access(temp_dir_path(&run.dir, "mistyped"), F_OK), 0);
    }
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backup_to_a_plain_file_says_what_to_give),
        cmocka_unit_test(a_restore_from_what_is_no_backup_says_what_to_give),
        cmocka_unit_test(a_space_that_is_a_file_is_told_by_every_command),
        cmocka_unit_test(a_folder_that_is_missing_above_is_named),
        cmocka_unit_test(what_looks_at_a_space_that_is_not_there_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
