/* test_backup.c - backup and restore, through the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT "--set", "storage.retention_count=100"

/* Key 1 is 10 after commit 2 and 20 after commit 3. */
static void make_past(cli_case *run)
{
    CLI(run, KEPT, "put", "a", "1", "10");
    cli_case_expect(run, 0, "");
    CLI(run, KEPT, "put", "a", "1", "20");
    cli_case_expect(run, 0, "");
}

static void a_folder_of_backups_is_restored_as_of_a_commit(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_past(&run);
    CLI(&run, KEPT, "backup", "b");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "full backup of commits 0 to 3"));
    CLI(&run, KEPT, "put", "a", "1", "30");
    CLI(&run, KEPT, "backup", "b", "--incremental", "--json");
    cli_case_expect(&run, 0, "");
    assert_string_equal(cli_case_member(&run, run.out, (const char *[]){"backup", NULL}),
                        "increment");
    CLI(&run, "restore", "b", "--check");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "sound: commit 4"));
    CLI(&run, "--data", "new", "restore", "b");
    cli_case_expect(&run, 0, "");
    CLI(&run, "--data", "new", KEPT, "get", "a", "1");
    cli_case_expect_out(&run, "30\n");
    CLI(&run, "--data", "new", KEPT, "get", "a", "1", "--as-of", "2");
    cli_case_expect_out(&run, "10\n");
    CLI(&run, "--data", "then", "restore", "b", "--as-of", "3", "--json");
    cli_case_expect(&run, 0, "");
    assert_string_equal(cli_case_member(&run, run.out, (const char *[]){"done", NULL}), "restore");
    CLI(&run, "--data", "then", "get", "a", "1");
    cli_case_expect_out(&run, "20\n");
    CLI(&run, "--data", "new", "restore", "b");
    cli_case_expect(&run, 15, "empty");
    CLI(&run, "--data", "other", "restore", "b", "--as-of", "99");
    cli_case_expect(&run, 3, "99");
    assert_int_not_equal(access(temp_dir_path(&run.dir, "other"), F_OK), 0);
    cli_case_end(&run);
}

/* A folder "b" with a full backup and two increments. */
static void make_chain(cli_case *run)
{
    make_past(run);
    CLI(run, KEPT, "backup", "b");
    cli_case_expect(run, 0, "");
    for (int i = 0; i < 2; i++) {
        CLI(run, KEPT, "put", "a", "2", i == 0 ? "1" : "2");
        CLI(run, KEPT, "backup", "b", "--incremental");
        cli_case_expect(run, 0, "");
    }
}

static void remove_file(cli_case *run, const char *name)
{
    assert_int_equal(unlink(temp_dir_path(&run->dir, name)), 0);
}

/* What cannot be restored is not continued; a full backup begins anew. */
static void expect_broken_chain(cli_case *run, const char *what)
{
    CLI(run, KEPT, "backup", "b", "--incremental");
    cli_case_expect(run, 15, what);
    cli_case_expect(run, 15, "begin with a full backup");
    CLI(run, KEPT, "backup", "c", "--base", "b"); /* its newest: the same chain */
    cli_case_expect(run, 15, what);
    assert_int_not_equal(access(temp_dir_path(&run->dir, "b/000004-increment.backup"), F_OK), 0);
    CLI(run, KEPT, "backup", "b");
    cli_case_expect(run, 0, "");
    CLI(run, KEPT, "backup", "b", "--incremental");
    cli_case_expect(run, 0, "");
    CLI(run, "restore", "b", "--check");
    cli_case_expect(run, 0, "");
}

static void an_increment_does_not_continue_a_chain_with_a_gap(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_chain(&run);
    remove_file(&run, "b/000002-increment.backup");
    expect_broken_chain(&run, "the chain in 'b': '000002-increment.backup' is missing: "
                              "'000003-increment.backup' continues it");
    cli_case_end(&run);
}

static void an_increment_does_not_continue_a_chain_without_its_beginning(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_chain(&run);
    remove_file(&run, "b/000001-full.backup");
    expect_broken_chain(&run, "the chain in 'b': '000001-full.backup' is missing: "
                              "'000002-increment.backup' continues it");
    cli_case_end(&run);
}

/* With no number left out, what is there is another backup than the one that is continued. */
static void an_increment_does_not_continue_backups_that_do_not_fit(void **state)
{
    (void)state;
    cli_case run;
    char from[PATH_MAX];
    cli_case_begin(&run);
    make_chain(&run);
    CLI(&run, KEPT, "backup", "other");
    cli_case_expect(&run, 0, "");
    (void)snprintf(from, sizeof from, "%s", temp_dir_path(&run.dir, "other/000001-full.backup"));
    assert_int_equal(rename(from, temp_dir_path(&run.dir, "b/000001-full.backup")), 0);
    expect_broken_chain(&run, "'000002-increment.backup' does not continue "
                              "'000001-full.backup', the backup before it");
    cli_case_end(&run);
}

/* Of a base that is a file nothing else can be known. */
static void a_base_that_is_a_file_is_continued_wherever_its_chain_lies(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_chain(&run);
    remove_file(&run, "b/000001-full.backup");
    CLI(&run, KEPT, "backup", "c", "--base", "b/000003-increment.backup");
    cli_case_expect(&run, 0, "");
    cli_case_end(&run);
}

static void a_backup_does_not_go_into_the_space_itself(void **state)
{
    (void)state;
    static const char *const within[] = {"sp",   "sp/",       "./sp/inner", "sp/store/inner",
                                         "link", "link/inner"};
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "--data", "sp", "put", "a", "1", "10");
    cli_case_expect(&run, 0, "");
    assert_int_equal(symlink("sp", temp_dir_path(&run.dir, "link")), 0);
    for (size_t i = 0; i < sizeof within / sizeof within[0]; i++) {
        CLI(&run, "--data", "sp", "backup", within[i]);
        cli_case_expect(&run, 15, "lies in the folder of the space, 'sp'");
        cli_case_expect(&run, 15, "choose a folder outside the space");
    }
    CLI(&run, "--data", "link", "backup", "sp/inner");
    cli_case_expect(&run, 15, "lies in the folder of the space, 'link'");
    CLI(&run, "--data", "sp", "backup", "sp/x.backup", "--file");
    cli_case_expect(&run, 15, "'sp/x.backup' lies in the folder of the space, 'sp'");
    assert_int_not_equal(access(temp_dir_path(&run.dir, "sp/inner"), F_OK), 0);
    assert_int_not_equal(access(temp_dir_path(&run.dir, "sp/x.backup"), F_OK), 0);
    CLI(&run, "--data", "sp", "backup", "sp-kept"); /* a name that only begins like it */
    cli_case_expect(&run, 0, "");
    CLI(&run, "--data", "sp", "backup", "."); /* what the space lies in */
    cli_case_expect(&run, 0, "");
    cli_case_end(&run);
}

static void files_and_pipes_take_backups(void **state)
{
    (void)state;
    cli_case run;
    char stream[PATH_MAX];
    cli_case_begin(&run);
    make_past(&run);
    CLI(&run, KEPT, "backup", "f.backup", "--file");
    cli_case_expect(&run, 0, "");
    CLI(&run, KEPT, "backup", "f.backup", "--file");
    cli_case_expect(&run, 15, "there already");
    CLI(&run, KEPT, "put", "a", "1", "30");
    CLI(&run, KEPT, "backup", "g.backup", "--file", "--base", "f.backup");
    cli_case_expect(&run, 0, "");
    CLI(&run, "--data", "both", "restore", "f.backup", "g.backup");
    cli_case_expect(&run, 0, "");
    CLI(&run, "--data", "both", "get", "a", "1");
    cli_case_expect_out(&run, "30\n");
    CLI(&run, "--data", "late", "restore", "g.backup");
    cli_case_expect(&run, 15, "increment 1");
    /* a stream, by standard output and input */
    (void)snprintf(stream, sizeof stream, "%s", temp_dir_path(&run.dir, "s"));
    run.output = stream;
    CLI(&run, KEPT, "backup", "-");
    cli_case_expect(&run, 0, "full backup");
    run.output = NULL;
    CLI(&run, "--data", "piped", "restore", "s");
    cli_case_expect(&run, 0, "");
    CLI(&run, "--data", "piped", "get", "a", "1");
    cli_case_expect_out(&run, "30\n");
    /* a named pipe, in both directions at once */
    assert_int_equal(mkfifo(temp_dir_path(&run.dir, "fifo"), 0600), 0);
    cli_case writer = run;
    writer.out = writer.err = NULL;
    pid_t child = cli_case_start(&writer, (const char *const[]){"backup", "fifo", NULL});
    CLI(&run, "--data", "fed", "restore", "fifo");
    cli_case_expect(&run, 0, "");
    cli_case_wait(&writer, child);
    assert_int_equal(writer.exit_code, 0);
    cli_case_forget(&writer);
    CLI(&run, "--data", "fed", "get", "a", "1");
    cli_case_expect_out(&run, "30\n");
    cli_case_end(&run);
}

static void what_is_no_backup_is_refused(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_past(&run);
    cli_case_write(&run, "junk", "This has never been a backup of anything at all.");
    CLI(&run, "--data", "x", "restore", "junk");
    cli_case_expect(&run, 6, "not a backup");
    CLI(&run, "--data", "x", "restore", "nowhere");
    cli_case_expect(&run, 3, "nowhere");
    CLI(&run, "--data", "x", "restore", "junk", "--as-of", "yesterday");
    cli_case_expect(&run, 2, "yesterday");
    CLI(&run, "--data", "nothing", "backup", "b");
    cli_case_expect(&run, 3, "");
    CLI(&run, KEPT, "backup", "empty", "--incremental");
    cli_case_expect(&run, 3, "no backup");
    CLI(&run, KEPT, "backup", "/dev/full");
    cli_case_expect(&run, 12, "/dev/full");
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_of_backups_is_restored_as_of_a_commit),
        cmocka_unit_test(an_increment_does_not_continue_a_chain_with_a_gap),
        cmocka_unit_test(an_increment_does_not_continue_a_chain_without_its_beginning),
        cmocka_unit_test(an_increment_does_not_continue_backups_that_do_not_fit),
        cmocka_unit_test(a_base_that_is_a_file_is_continued_wherever_its_chain_lies),
        cmocka_unit_test(a_backup_does_not_go_into_the_space_itself),
        cmocka_unit_test(files_and_pipes_take_backups),
        cmocka_unit_test(what_is_no_backup_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
