/* test_failure.c - places that are wrong, full, damaged or taken: a clear message and its code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_folder_that_is_not_a_space_is_left_alone(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    assert_int_equal(mkdir(temp_dir_path(&run.dir, "photos"), 0700), 0);
    cli_case_write(&run, "photos/cat.jpg", "meow");
    cli_case_write(&run, "file", "not a folder");

    CLI(&run, "--data", "photos", "put", "d", "1", "1");
    cli_case_expect(&run, 6, "photos");
    assert_string_equal(cli_case_read(&run, "photos/cat.jpg"), "meow");
    CLI(&run, "--data", "file", "roots");
    cli_case_expect(&run, 6, "file");
    CLI(&run, "--data", "no/such/parent", "roots");
    cli_case_expect(&run, 3, "no/such/parent");
    cli_case_end(&run);
}

/* Waits until the folder's lock names a process. Asking with a command instead could take the lock
 * before the one that is to hold it. */
static void wait_for_holder(cli_case *run, const char *pid)
{
    for (int tries = 0; tries < 500; tries++) {
        if (strstr(cli_case_read(run, "protobase-data/LOCK"), pid) != NULL) {
            return;
        }
        (void)usleep(20000);
    }
    fail_msg("process %s never took the lock", pid);
}

static void a_second_process_is_told_who_has_the_space_alone(void **state)
{
    (void)state;
    cli_case run;
    char fifo[PATH_MAX], pid[32];
    cli_case_begin(&run);
    (void)snprintf(fifo, sizeof fifo, "%s", temp_dir_path(&run.dir, "fifo"));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    CLI(&run, "put", "d", "1", "1");
    const char *const arguments[] = {
        "--set", "storage.exclusive=true", "import", "l", "fifo", "--batch", "1", NULL};
    pid_t holder = cli_case_start(&run, arguments);
    FILE *pipe = fopen(fifo, "wb");
    assert_non_null(pipe);

    (void)snprintf(pid, sizeof pid, "%d", (int)holder);
    cli_case second = run; /* the same folder */
    second.out = second.err = NULL;
    wait_for_holder(&run, pid);
    CLI(&second, "put", "d", "2", "2");
    cli_case_expect(&second, 11, pid);
    cli_case_forget(&second);

    assert_int_equal(fclose(pipe), 0);
    cli_case_wait(&run, holder);
    cli_case_expect(&run, 0, "");
    CLI(&run, "put", "d", "3", "3");
    cli_case_expect(&run, 0, "");
    cli_case_end(&run);
}

static void a_second_process_works_beside_the_first(void **state)
{
    (void)state;
    cli_case run;
    char fifo[PATH_MAX], pid[32];
    cli_case_begin(&run);
    (void)snprintf(fifo, sizeof fifo, "%s", temp_dir_path(&run.dir, "fifo"));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    CLI(&run, "put", "d", "1", "1");
    const char *const arguments[] = {"import", "l", "fifo", "--batch", "1", NULL};
    pid_t holder = cli_case_start(&run, arguments);
    FILE *pipe = fopen(fifo, "wb");
    assert_non_null(pipe);

    (void)snprintf(pid, sizeof pid, "%d", (int)holder);
    cli_case second = run; /* the same folder */
    second.out = second.err = NULL;
    wait_for_holder(&run, pid);
    CLI(&second, "put", "d", "2", "2");
    cli_case_expect(&second, 0, "");
    CLI(&second, "get", "d", "2");
    cli_case_expect(&second, 0, "");
    assert_string_equal(second.out, "2\n");
    CLI(&second, "check");
    cli_case_expect(&second, 0, "");
    cli_case_forget(&second);

    assert_int_equal(fclose(pipe), 0);
    cli_case_wait(&run, holder);
    cli_case_expect(&run, 0, "");
    CLI(&run, "put", "d", "3", "3");
    cli_case_expect(&run, 0, "");
    cli_case_end(&run);
}

/* Turns one bit in the middle of every large file of the space. */
static int damage(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)place;
    if (type != FTW_F || facts->st_size < 4096 || strstr(path, "/d/") == NULL) {
        return 0;
    }
    FILE *file = fopen(path, "r+b");
    if (file == NULL) {
        return -1;
    }
    for (long at = 4096 + 512; at < facts->st_size && at < (1L << 20); at += 1024) {
        int byte = fseek(file, at, SEEK_SET) == 0 ? fgetc(file) : EOF;
        if (byte != EOF && fseek(file, at, SEEK_SET) == 0) {
            (void)fputc(byte ^ 0x10, file);
        }
    }
    return fclose(file);
}

static void damaged_files_are_told_from_good_ones(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    char lines[60000] = "";
    for (size_t i = 0, size = 0; i < 500; i++) {
        size += (size_t)snprintf(lines + size, sizeof lines - size,
                                 "{\"id\":%zu,\"text\":\"%080zu\"}\n", i, i);
    }
    run.input = lines;
    CLI(&run, "--data", "d", "import", "big", "-", "--key", "id");
    cli_case_expect(&run, 0, "");
    CLI(&run, "--data", "d", "check");
    cli_case_expect(&run, 0, "");

    assert_int_equal(nftw(run.dir.path, damage, 16, FTW_PHYS), 0);
    CLI(&run, "--data", "d", "check");

    cli_case_expect(&run, 6, "protobase: error: ");
    cli_case_end(&run);
}

/* It says what the codecs are: a new one in its place would make sound data unreadable. */
static void a_lost_meta_document_is_told_and_not_replaced(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "put", "d", "1", "1");
    cli_case_expect(&run, 0, "");
    assert_int_equal(remove(temp_dir_path(&run.dir, "protobase-data/KEYS/meta")), 0);
    CLI(&run, "get", "d", "1");
    cli_case_expect(&run, 6, "has lost its meta document");
    CLI(&run, "check");
    cli_case_expect(&run, 6, "has lost its meta document");
    assert_int_equal(access(temp_dir_path(&run.dir, "protobase-data/KEYS/meta"), F_OK), -1);
    CLI(&run, "recover", "protobase-data", "saved");
    cli_case_expect(&run, 0, "");
    CLI(&run, "--data", "saved", "get", "d", "1");
    cli_case_expect_out(&run, "1\n");
    cli_case_end(&run);
}

static void a_full_standard_output_exits_with_7(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    if (access("/dev/full", W_OK) != 0) {
        print_message("there is no /dev/full here\n");
        cli_case_end(&run);
        skip();
    }
    CLI(&run, "put", "d", "1", "{\"a\": 1}");
    static const char *const commands[][4] = {
        {"get", "d", "1"},   {"export", "d"},     {"roots"},
        {"stats"},           {"query", "from d"}, {"version"},
        {"plugins", "list"}, {"--help"},          {"query", "from d | count", "--format", "table"}};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const char *arguments[5] = {NULL};
        memcpy(arguments, commands[i], sizeof commands[i]);
        run.output = "/dev/full";
        cli_case_run(&run, arguments);
        cli_case_expect(&run, 7, "standard output");
    }
    cli_case_end(&run);
}

static void a_full_disk_exits_with_12_and_keeps_what_was_committed(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", temp_dir_path(&run.dir, "small"));
    assert_int_equal(mkdir(folder, 0700), 0);
    if (mount("tmpfs", folder, "tmpfs", 0, "size=24m") != 0) {
        print_message("cannot mount a small file system: %s\n", strerror(errno));
        cli_case_end(&run);
        skip();
    }
    cli_case_write(&run, "protobase.yaml",
                   "version: 1\nstorage:\n  type: file\n"
                   "  blocks: {type: file, path: small/d, segment_size: 1MiB}\n");
    static char line[40000];
    memset(line, 'x', sizeof line - 1);
    FILE *file = fopen(temp_dir_path(&run.dir, "big.jsonl"), "wb");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        assert_true(fprintf(file, "{\"id\":%d,\"text\":\"%s\"}\n", i, line) > 0);
    }
    assert_int_equal(fclose(file), 0);
    CLI(&run, "put", "first", "1", "\"kept\"");
    cli_case_expect(&run, 0, "");

    CLI(&run, "import", "big", "big.jsonl", "--key", "id", "--batch", "20");
    bool told = run.exit_code == 12;
    char said[512];
    (void)snprintf(said, sizeof said, "%d: %s", run.exit_code, run.err);

    CLI(&run, "get", "first", "1");
    bool kept = run.exit_code == 0 && strcmp(run.out, "\"kept\"\n") == 0;
    char got[512];
    (void)snprintf(got, sizeof got, "%d: %s%s", run.exit_code, run.out, run.err);
    assert_int_equal(umount2(folder, MNT_DETACH), 0);
    if (!told || !kept) {
        fail_msg("import said %s; get said %s", said, got);
    }
    cli_case_end(&run);
}

static void a_folder_that_may_not_be_written_is_told(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    if (geteuid() == 0) { /* root may write anywhere but on what is mounted read-only */
        char folder[PATH_MAX];
        (void)snprintf(folder, sizeof folder, "%s", temp_dir_path(&run.dir, "fixed"));
        assert_int_equal(mkdir(folder, 0700), 0);
        if (mount("tmpfs", folder, "tmpfs", MS_RDONLY, "size=1m") != 0) {
            print_message("cannot mount a read-only file system: %s\n", strerror(errno));
            cli_case_end(&run);
            skip();
        }
        CLI(&run, "--data", "fixed/d", "put", "d", "1", "1");
        assert_int_equal(umount2(folder, MNT_DETACH), 0);
        cli_case_expect(&run, 17, "fixed");
    } else {
        assert_int_equal(mkdir(temp_dir_path(&run.dir, "fixed"), 0500), 0);
        CLI(&run, "--data", "fixed/d", "put", "d", "1", "1");
        cli_case_expect(&run, 14, "fixed");
    }
    cli_case_end(&run);
}

static void a_closed_pipe_ends_export_without_a_signal(void **state)
{
    (void)state;
    cli_case run;
    char fifo[PATH_MAX];
    cli_case_begin(&run);
    run.input = "{\"id\":1}\n";
    CLI(&run, "import", "l", "-");
    (void)snprintf(fifo, sizeof fifo, "%s", temp_dir_path(&run.dir, "fifo"));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    run.output = "fifo";
    const char *const arguments[] = {"import", "l", "hold", "--json", NULL};
    assert_int_equal(mkfifo(temp_dir_path(&run.dir, "hold"), 0600), 0);
    pid_t child = cli_case_start(&run, arguments);
    int writer = open(temp_dir_path(&run.dir, "hold"), O_WRONLY | O_CLOEXEC);
    assert_true(writer >= 0); /* the program has its output open by now */
    (void)close(reader);
    (void)close(writer);

    cli_case_wait(&run, child);

    cli_case_expect(&run, 7, "standard output");
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_that_is_not_a_space_is_left_alone),
        cmocka_unit_test(a_second_process_is_told_who_has_the_space_alone),
        cmocka_unit_test(a_second_process_works_beside_the_first),
        cmocka_unit_test(damaged_files_are_told_from_good_ones),
        cmocka_unit_test(a_lost_meta_document_is_told_and_not_replaced),
        cmocka_unit_test(a_full_standard_output_exits_with_7),
        cmocka_unit_test(a_full_disk_exits_with_12_and_keeps_what_was_committed),
        cmocka_unit_test(a_folder_that_may_not_be_written_is_told),
        cmocka_unit_test(a_closed_pipe_ends_export_without_a_signal),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
