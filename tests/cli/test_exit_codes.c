/* test_exit_codes.c - every code of docs/errors.md leaves the program as the exit code it promises.
 * The storage is the faulty one of tests/support/plugins, which fails as the configuration says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <protobase/base/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBER(run, text, ...)                                                                     \
    cli_case_member((run), (text), (const char *const[]){__VA_ARGS__, NULL})

static void configure(cli_case *run, const char *slot, int code, const char *when)
{
    char yaml[400];
    (void)snprintf(yaml, sizeof yaml,
                   "version: 1\nstorage:\n  type: faulty\n  fail_at: 1\n  fail_slot: %s\n"
                   "  fail_code: %d\n  fail_when: %s\n"
                   "  inner: {type: file, blocks: {type: file, path: d}}\n",
                   slot, code, when);
    cli_case_write(run, "protobase.yaml", yaml);
}

/* The rows of the table in docs/errors.md: name, number, exit code. */
static size_t documented_codes(cli_case *run, char names[][32], int *numbers, int *exits)
{
    char command[PATH_MAX * 2 + 100];
    (void)snprintf(command, sizeof command, "cp '%s/docs/errors.md' '%s/errors.md'",
                   PBASE_SOURCE_DIR, run->dir.path);
    assert_int_equal(system(command), 0);
    size_t count = 0;
    for (const char *line = cli_case_read(run, "errors.md"); line != NULL;
         line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *end = strchr(line, '\n');
        if (sscanf(line, "| `%31[A-Z_]` | %d |", names[count], &numbers[count]) == 2) {
            while (end[-1] == ' ' || end[-1] == '|') {
                end--;
            }
            while (end[-1] != ' ') {
                end--;
            }
            exits[count++] = atoi(end);
            assert_true(count < 64);
        }
    }
    return count;
}

static void each_documented_code_leaves_as_its_exit_code(void **state)
{
    (void)state;
    cli_case run;
    char names[64][32];
    int numbers[64], exits[64];
    cli_case_begin(&run);
    const char *plugins = getenv("PBASE_TEST_PLUGIN_DIR");
    size_t count = documented_codes(&run, names, numbers, exits);
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] == PBASE_OK || numbers[i] == PBASE_END) {
            continue; /* no failures */
        }
        configure(&run, "open", numbers[i], "before");
        CLI(&run, "--plugin-dir", plugins, "--json", "roots");
        cli_case_expect(&run, exits[i], "as planned");
        assert_string_equal(MEMBER(&run, run.err, "error", "code"), names[i]);
    }
    cli_case_end(&run);
}

static void a_commit_of_unknown_outcome_exits_with_16_and_gives_its_token(void **state)
{
    (void)state;
    static const int causes[] = {PBASE_NETWORK, PBASE_TIMEOUT, PBASE_LOST};
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        cli_case run;
        cli_case_begin(&run);
        const char *plugins = getenv("PBASE_TEST_PLUGIN_DIR");
        CLI(&run, "--data", "d", "put", "other", "1", "1");
        cli_case_expect(&run, 0, "");
        configure(&run, "append", causes[i], "after");

        CLI(&run, "--plugin-dir", plugins, "--json", "put", "d", "1", "1");

        cli_case_expect(&run, 16, "as planned");
        assert_string_equal(MEMBER(&run, run.err, "error", "code"), "UNKNOWN");
        assert_int_equal(strlen(MEMBER(&run, run.err, "error", "token")), 32);
        cli_case_end(&run);
    }
}

static void a_commit_that_failed_leaves_what_was_there(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    const char *plugins = getenv("PBASE_TEST_PLUGIN_DIR");
    CLI(&run, "--data", "d", "put", "d", "1", "\"before\"");
    configure(&run, "append", PBASE_NO_SPACE, "before");

    CLI(&run, "--plugin-dir", plugins, "put", "d", "1", "\"after\"");
    cli_case_expect(&run, 12, "protobase: error: ");

    CLI(&run, "--data", "d", "get", "d", "1");
    cli_case_expect_out(&run, "\"before\"\n");
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_documented_code_leaves_as_its_exit_code),
        cmocka_unit_test(a_commit_of_unknown_outcome_exits_with_16_and_gives_its_token),
        cmocka_unit_test(a_commit_that_failed_leaves_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
