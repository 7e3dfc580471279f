/* test_terminal.c - what the program does on a terminal: tables, and a bar while it imports or compacts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHOWN_MAX ((size_t)1 << 20)
#define HELD_SECONDS_MAX 16u

/* Runs `command` of a shell on a terminal of its own; gives everything it showed. */
static const char *on_terminal(cli_case *run, const char *command)
{
    static char shown[SHOWN_MAX];
    char self[PATH_MAX], script[PATH_MAX * 2 + 2000];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    (void)snprintf(script, sizeof script, "cd '%s' && PATH='%s/../bin':$PATH && %s", run->dir.path,
                   self, command);
    struct winsize window = {.ws_row = 24, .ws_col = 80};
    int terminal = -1, status = 0;
    pid_t child = forkpty(&terminal, NULL, NULL, &window);
    assert_true(child >= 0);
    if (child == 0) {
        (void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(127);
    }
    size_t size = 0;
    ssize_t got = 0;
    while (size + 1 < sizeof shown &&
           (got = read(terminal, shown + size, sizeof shown - 1 - size)) > 0) {
        size += (size_t)got; /* EIO is how a terminal ends */
    }
    shown[size] = '\0';
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(terminal);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fail_msg("'%s' failed:\n%s", command, shown);
    }
    return shown;
}

static void a_query_gives_a_table_whose_columns_stand_below_one_another(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input = "{\"name\":\"Gr\xc3\xb6\xc3\x9f\x65\",\"born\":1}\n"
                "{\"name\":\"\xe6\x97\xa5\xe6\x9c\xac\",\"born\":1912}\n";
    CLI(&run, "import", "people", "-");

    const char *shown = on_terminal(&run, "protobase query 'from people'");

    assert_string_equal(shown, "name  born\r\n"
                               "Gr\xc3\xb6\xc3\x9f\x65    1\r\n"
                               "\xe6\x97\xa5\xe6\x9c\xac  1912\r\n");
    cli_case_end(&run);
}

static void what_a_document_holds_cannot_steer_the_terminal(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input = "{\"name\":\"a\\u001b[31m\\nb\"}\n";
    CLI(&run, "import", "people", "-");

    const char *shown = on_terminal(&run, "protobase query 'from people'");

    assert_null(strchr(shown, '\x1b'));
    cli_case_end(&run);
}

static void an_import_shows_a_bar_and_clears_it(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    FILE *file = fopen(temp_dir_path(&run.dir, "many.jsonl"), "wb");
    assert_non_null(file);
    for (int i = 0; i < 200000; i++) {
        assert_true(fprintf(file, "{\"id\": %d, \"text\": \"%060d\"}\n", i, i) > 0);
    }
    assert_int_equal(fclose(file), 0);

    const char *shown =
        on_terminal(&run, "protobase --memory import many many.jsonl --key id --batch 1000");

    const char *bar = strstr(shown, "\r\x1b[K[#");
    assert_non_null(bar);
    assert_non_null(strstr(bar, " %  imported "));
    assert_non_null(strstr(bar, "\r\x1b[Kimported 200000 rows"));
    cli_case_end(&run);
}

/* A process that has the checkpoint's lock for so long, as if it were making one: a compaction waits. */
static pid_t hold_checkpoint(cli_case *run, unsigned seconds)
{
    int file =
        open(temp_dir_path(&run->dir, "d/LOCK.checkpoint"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    assert_true(file >= 0);
    assert_int_equal(flock(file, LOCK_EX), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)sleep(seconds);
        _exit(0); /* which gives the lock back */
    }
    assert_int_equal(close(file), 0);
    return child;
}

/* A bar is for what takes time, and this space is compacted at once: it has to wait first. On a busy machine
 * the wait may be over before it begins. */
static void a_compaction_shows_a_bar_and_clears_it(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "--data", "d", "put", "people", "7", "{}");
    cli_case_expect(&run, 0, "");
    const char *shown = "", *bar = NULL;

    for (unsigned held = 1; bar == NULL && held <= HELD_SECONDS_MAX; held *= 2) {
        pid_t holder = hold_checkpoint(&run, held);
        shown = on_terminal(&run, "protobase --data d compact");
        bar = strstr(shown, "\r\x1b[K[#");
        assert_int_equal(waitpid(holder, NULL, 0), holder);
    }

    assert_non_null(bar);
    assert_non_null(strstr(bar, "] 100 %  MiB looked at: "));
    assert_non_null(strstr(bar, "\r\x1b[K1 segments of "));
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_gives_a_table_whose_columns_stand_below_one_another),
        cmocka_unit_test(what_a_document_holds_cannot_steer_the_terminal),
        cmocka_unit_test(an_import_shows_a_bar_and_clears_it),
        cmocka_unit_test(a_compaction_shows_a_bar_and_clears_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
