/* test_past.c - history, --as-of and watch, through the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define KEPT "--set", "storage.retention_count=100"

/* Key 1 is 10 after commit 2 and 20 after commit 3, and "b" comes with 4. */
static void make_past(cli_case *run)
{
    CLI(run, KEPT, "put", "a", "1", "10");
    cli_case_expect(run, 0, "");
    CLI(run, KEPT, "put", "a", "1", "20");
    cli_case_expect(run, 0, "");
    CLI(run, KEPT, "put", "b", "1", "1");
    cli_case_expect(run, 0, "");
}

static void what_was_there_is_read_as_of_a_commit(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_past(&run);
    CLI(&run, KEPT, "get", "a", "1", "--as-of", "2");
    cli_case_expect_out(&run, "10\n");
    CLI(&run, KEPT, "get", "a", "1", "--as-of", "3");
    cli_case_expect_out(&run, "20\n");
    CLI(&run, KEPT, "export", "a", "--as-of", "2");
    cli_case_expect_out(&run, "10\n");
    CLI(&run, KEPT, "query", "from b | count", "--as-of", "4");
    cli_case_expect_out(&run, "{\"count\":1}\n");
    CLI(&run, KEPT, "query", "from b | count", "--as-of", "3");
    cli_case_expect(&run, 3, "'b'");
    CLI(&run, KEPT, "roots", "--as-of", "3", "--names");
    cli_case_expect_out(&run, "a\n");
    CLI(&run, KEPT, "get", "a", "1", "--as-of", "2100-01-01T00:00:00Z");
    cli_case_expect_out(&run, "20\n");
    cli_case_end(&run);
}

static void the_past_is_dumped_and_explained(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_past(&run);
    CLI(&run, KEPT, "databases", "create", "other");
    CLI(&run, KEPT, "dump", "--as-of", "2");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "{\"key\":1,\"value\":10}"));
    assert_null(strstr(run.out, "\"root\":\"b\""));
    assert_non_null(strstr(run.out, "\"databases\":1}")); /* the default one alone */
    cli_case_write(&run, "then.jsonl", run.out);
    CLI(&run, "--data", "new", "load", "then.jsonl");
    cli_case_expect(&run, 0, "");
    CLI(&run, "--data", "new", "dump");
    assert_string_equal(run.out, cli_case_read(&run, "then.jsonl"));
    CLI(&run, KEPT, "--database", "other", "dump", "--as-of", "3");
    cli_case_expect(&run, 3, "other");
    CLI(&run, KEPT, "explain", "from b | count", "--as-of", "4");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "from b"));
    CLI(&run, KEPT, "explain", "from b | count", "--as-of", "yesterday");
    cli_case_expect(&run, 2, "yesterday");
    CLI(&run, KEPT, "explain", "from b | count", "--as-of", "99");
    cli_case_expect(&run, 3, "there is no commit 99 yet");
    cli_case_end(&run);
}

static void outside_of_what_is_kept_it_exits_with_3(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_past(&run);
    CLI(&run, KEPT, "get", "a", "1", "--as-of", "99");
    cli_case_expect(&run, 3, "there is no commit 99 yet; the newest is 4");
    CLI(&run, KEPT, "get", "a", "1", "--as-of", "1970-01-01T00:00:00Z");
    cli_case_expect(&run, 3, "");
    CLI(&run, "put", "a", "1", "30"); /* a run that keeps nothing */
    cli_case_expect(&run, 0, "");
    CLI(&run, "get", "a", "1", "--as-of", "2");
    cli_case_expect(&run, 3, "commit 2 is no longer kept; the oldest that can be read is 5");
    cli_case_end(&run);
}

static void history_lists_the_commits(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_past(&run);
    CLI(&run, KEPT, "databases", "rename", "main", "shop");
    cli_case_expect(&run, 0, "");
    CLI(&run, KEPT, "history", "--json", "--from", "4");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "\"kind\":\"transaction\",\"database\":\"main\""));
    assert_non_null(strstr(run.out, "\"kind\":\"rename\",\"database\":\"shop\","
                                    "\"origin\":\"main\""));
    assert_null(strstr(run.out, "\"sequence\":3,"));
    CLI(&run, KEPT, "history", "--to", "2");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "create"));
    assert_non_null(strstr(run.out, "commits 0 to 5 can be read; "));
    CLI(&run, KEPT, "history", "--from", "then");
    cli_case_expect(&run, 2, "--from is the sequence of a commit");
    CLI(&run, KEPT, "--database", "main", "get", "a", "1", "--as-of", "4");
    cli_case_expect_out(&run, "20\n"); /* by the name it had then */
    cli_case_end(&run);
}

static void changes_are_told_one_a_line(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_past(&run);
    CLI(&run, KEPT, "watch", "a", "--from", "2", "--timeout", "100ms");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "{\"sequence\":2,\"time\":\""));
    assert_non_null(strstr(run.out, "\"root\":\"a\",\"change\":\"created\"}\n"));
    assert_non_null(strstr(run.out, "\"change\":\"put\",\"key\":1,\"value\":20,\"last\":true}\n"));
    assert_null(strstr(run.out, "\"root\":\"b\""));
    CLI(&run, KEPT, "watch", "--from", "9");
    cli_case_expect(&run, 3, "there is no commit 8 yet");
    CLI(&run, KEPT, "watch", "--from", "now");
    cli_case_expect(&run, 2, "--from is the sequence of a commit");
    CLI(&run, KEPT, "watch", "--timeout", "soon");
    cli_case_expect(&run, 2, "--timeout is a duration");
    cli_case_end(&run);
}

static void what_is_below_a_root_is_told_with_its_path(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, KEPT, "put", "people", "ann",
        "{\"tags\": {\"$collection\": {\"kind\": \"set\", \"items\": [\"red\"]}}}");
    cli_case_expect(&run, 0, "");
    CLI(&run, KEPT, "index", "create", "people", "by_name", "name");
    cli_case_expect(&run, 0, "");
    CLI(&run, KEPT, "watch", "people", "--from", "2", "--timeout", "100ms");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "\"change\":\"put\",\"key\":\"ann\",\"value\":{\"tags\":"
                                    "{\"$child\":0}},\"children\":[{\"kind\":\"set\","
                                    "\"new\":true}]}\n"));
    assert_non_null(strstr(run.out, "\"root\":\"people\",\"in\":\"nested\",\"path\":[\"ann\","
                                    "\"tags\"],\"change\":\"added\",\"key\":\"red\",\"count\":1,"
                                    "\"last\":true}\n"));
    assert_non_null(strstr(run.out, "\"change\":\"index_created\",\"key\":\"by_name\",\"value\":"
                                    "{\"fields\":[\"name\"],\"unique\":false},\"last\":true}\n"));
    cli_case_end(&run);
}

static void an_interrupt_ends_a_watch_with_0(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_past(&run);
    const char *const arguments[] = {KEPT, "watch", "--from", "1", NULL};
    pid_t child = cli_case_start(&run, arguments);
    for (int tries = 0; tries < 500 && strstr(cli_case_read(&run, ".stdout"), "\"b\"") == NULL;
         tries++) {
        (void)usleep(20000);
    }
    assert_int_equal(kill(child, SIGINT), 0);
    cli_case_wait(&run, child);
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "\"root\":\"b\""));
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_there_is_read_as_of_a_commit),
        cmocka_unit_test(the_past_is_dumped_and_explained),
        cmocka_unit_test(outside_of_what_is_kept_it_exits_with_3),
        cmocka_unit_test(history_lists_the_commits),
        cmocka_unit_test(changes_are_told_one_a_line),
        cmocka_unit_test(what_is_below_a_root_is_told_with_its_path),
        cmocka_unit_test(an_interrupt_ends_a_watch_with_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
