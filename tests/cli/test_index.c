/* test_index.c - secondary indexes through the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <string.h>

static void make_people(cli_case *run)
{
    CLI(run, "put", "people", "1", "{\"name\":\"Ada\",\"city\":\"London\",\"tags\":[\"a\",\"b\"]}");
    cli_case_expect(run, 0, "");
    CLI(run, "put", "people", "2", "{\"name\":\"Alan\",\"city\":\"London\",\"tags\":[\"b\"]}");
    cli_case_expect(run, 0, "");
}

static void an_index_is_made_listed_checked_and_dropped(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_people(&run);
    CLI(&run, "index", "create", "people", "by_city", "city,name");
    cli_case_expect(&run, 0, "");
    CLI(&run, "index", "create", "people", "by_tag", "tags[*]", "--json");
    cli_case_expect_out(&run, "{\"done\":\"created\",\"name\":\"by_tag\",\"count\":1}\n");

    CLI(&run, "index", "list", "--json");
    cli_case_expect_out(
        &run, "{\"collection\":\"people\",\"name\":\"by_city\",\"fields\":[\"city\",\"name\"],"
              "\"unique\":false,\"multikey\":false,\"entries\":2,\"cut\":0}\n"
              "{\"collection\":\"people\",\"name\":\"by_tag\",\"fields\":[\"tags[*]\"],"
              "\"unique\":false,\"multikey\":true,\"entries\":3,\"cut\":0}\n");
    CLI(&run, "index");
    assert_int_equal(run.exit_code, 0);
    assert_non_null(strstr(run.out, "city,name\n"));
    assert_non_null(strstr(run.out, "tags[*] multikey\n"));

    CLI(&run, "index", "check", "people", "--json");
    cli_case_expect_out(&run, "{\"indexes\":2,\"entries\":5,\"rows\":4,\"findings\":0}\n");
    CLI(&run, "check", "--json");
    assert_non_null(strstr(run.out, "\"indexes\":2"));
    CLI(&run, "index", "drop", "people", "by_tag");
    cli_case_expect(&run, 0, "");
    CLI(&run, "index", "check", "people", "by_tag");
    cli_case_expect(&run, 3, "'by_tag'");
    cli_case_end(&run);
}

static void a_unique_key_taken_exits_with_15_and_is_named(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_people(&run);
    CLI(&run, "index", "create", "people", "by_city", "city", "--unique");
    cli_case_expect(&run, 15, "'London' is the key of rows 1, and of 2");
    CLI(&run, "index", "create", "people", "by_name", "name", "--unique");
    cli_case_expect(&run, 0, "");
    CLI(&run, "put", "people", "3", "{\"name\":\"Ada\"}");
    cli_case_expect(&run, 15, "index 'by_name' is unique");
    CLI(&run, "get", "people", "3");
    cli_case_expect(&run, 3, "");
    cli_case_end(&run);
}

static void a_query_reads_by_the_index_and_explain_says_so(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_people(&run);
    CLI(&run, "put", "people", "3", "{\"name\":\"Edsger\"}");
    CLI(&run, "put", "people", "4", "{\"name\":\"Grace\"}");
    CLI(&run, "put", "people", "5", "{\"name\":\"Barbara\"}");
    CLI(&run, "put", "people", "6", "{\"name\":\"Donald\"}");
    CLI(&run, "put", "people", "7", "{\"name\":\"Tony\"}");
    CLI(&run, "index", "create", "people", "by_name", "name");
    cli_case_expect(&run, 0, "");
    CLI(&run, "explain", "from people | order by name desc | limit 1");
    assert_int_equal(run.exit_code, 0);
    assert_non_null(strstr(run.out, "by index by_name (name)"));
    CLI(&run, "query", "from people | order by name desc | limit 1 | select name", "--format",
        "jsonl");
    cli_case_expect_out(&run, "{\"name\":\"Tony\"}\n");
    cli_case_end(&run);
}

static void what_is_wrong_on_the_line_exits_with_2(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_people(&run);
    CLI(&run, "index", "create", "people", "i");
    cli_case_expect(&run, 2, "usage: protobase index create");
    CLI(&run, "index", "create", "people", "i", "a,,b");
    cli_case_expect(&run, 2, "empty field");
    CLI(&run, "index", "create", "people", "i", "a[*].b");
    cli_case_expect(&run, 15, "a[*].b");
    CLI(&run, "index", "create", "people", "i", "\"a,b\",c");
    cli_case_expect(&run, 0, "");
    CLI(&run, "index", "list");
    assert_non_null(strstr(run.out, "\"a,b\",c"));
    CLI(&run, "index", "create", "nobody", "i", "a");
    cli_case_expect(&run, 3, "nobody");
    CLI(&run, "index", "create", "--help");
    assert_int_equal(run.exit_code, 0);
    assert_non_null(strstr(run.out, "--unique"));
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_is_made_listed_checked_and_dropped),
        cmocka_unit_test(a_unique_key_taken_exits_with_15_and_is_named),
        cmocka_unit_test(a_query_reads_by_the_index_and_explain_says_so),
        cmocka_unit_test(what_is_wrong_on_the_line_exits_with_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
