/* test_query.c - query and explain through the program: formats, parameters, plans, time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <string.h>

#define MEMBER(run, text, ...)                                                                     \
    cli_case_member((run), (text), (const char *const[]){__VA_ARGS__, NULL})

/* A folder with four people in it. */
static int with_people(void **state)
{
    static cli_case run;
    cli_case_begin(&run);
    run.input = "{\"id\":1,\"name\":\"Ada\",\"born\":1815}\n"
                "{\"id\":2,\"name\":\"Gr\xc3\xb6\xc3\x9f\x65, \\\"G\\\"\",\"born\":1906}\n"
                "{\"id\":3,\"name\":null,\"born\":1912}\n"
                "{\"id\":4,\"born\":1930,\"tags\":[1,2]}\n";
    CLI(&run, "import", "people", "-", "--key", "id");
    cli_case_expect(&run, 0, "");
    *state = &run;
    return 0;
}

static int end(void **state)
{
    cli_case_end(*state);
    return 0;
}

static void elsewhere_than_on_a_terminal_a_query_gives_one_object_a_line(void **state)
{
    cli_case *run = *state;
    CLI(run, "query", "from people | where born > 1900 | select name, born | limit 2");
    cli_case_expect_out(run, "{\"name\":\"Gr\xc3\xb6\xc3\x9f\x65, \\\"G\\\"\",\"born\":1906}\n"
                             "{\"name\":null,\"born\":1912}\n");
}

static void each_format_writes_the_same_rows(void **state)
{
    cli_case *run = *state;
    const char *text = "from people | where id <= 3 | select id, name";

    CLI(run, "query", text, "--format", "json");
    cli_case_expect_out(run, "[\n{\"id\":1,\"name\":\"Ada\"},\n"
                             "{\"id\":2,\"name\":\"Gr\xc3\xb6\xc3\x9f\x65, \\\"G\\\"\"},\n"
                             "{\"id\":3,\"name\":null}\n]\n");
    CLI(run, "query", text, "--format", "csv");
    cli_case_expect_out(run, "id,name\r\n1,Ada\r\n"
                             "2,\"Gr\xc3\xb6\xc3\x9f\x65, \"\"G\"\"\"\r\n3,\r\n");
    CLI(run, "query", text, "--format", "table");
    cli_case_expect(run, 0, "");
    assert_non_null(strstr(run->out, "id name"));
    assert_non_null(strstr(run->out, " 1 Ada\n"));
    assert_non_null(strstr(run->out, " 2 Gr\xc3\xb6\xc3\x9f\x65, \"G\"\n"));
}

static void nothing_found_is_said_in_each_format(void **state)
{
    cli_case *run = *state;
    const char *text = "from people | where id > 9";
    CLI(run, "query", text);
    cli_case_expect_out(run, "");
    CLI(run, "query", text, "--format", "json");
    cli_case_expect_out(run, "[\n]\n");
    CLI(run, "query", text, "--format", "table");
    cli_case_expect_out(run, "no rows\n");
}

static void parameters_are_json_or_else_strings(void **state)
{
    cli_case *run = *state;
    CLI(run, "query", "from people | where born = $born or name = $name | select id", "--param",
        "born=1930", "--param", "name=Ada");
    cli_case_expect_out(run, "{\"id\":1}\n{\"id\":4}\n");

    CLI(run, "query", "from people | where id = $id");
    cli_case_expect(run, 15, "id");
    CLI(run, "query", "from people", "--param", "id=1");
    cli_case_expect(run, 3, "id");
    CLI(run, "query", "from people", "--param", "id");
    cli_case_expect(run, 2, "NAME=VALUE");
}

static void a_plan_asks_what_its_text_asks(void **state)
{
    cli_case *run = *state;
    CLI(run, "explain", "from people | where born > 1900 | count", "--format", "plan");
    cli_case_expect(run, 0, "");
    cli_case_write(run, "plan.json", run->out);

    CLI(run, "query", "--plan", "plan.json");
    cli_case_expect_out(run, "{\"count\":3}\n");
    run->input = "[{\"op\":\"from\",\"source\":\"people\"},{\"op\":\"count\"}]";
    CLI(run, "query", "--plan", "-");
    cli_case_expect_out(run, "{\"count\":4}\n");

    run->input = "[{\"op\":\"from\",\"source\":\"people\"},{\"op\":\"cuont\"}]";
    CLI(run, "query", "--plan", "-");
    cli_case_expect(run, 15, "step 2");
    run->input = "[{\"op\" ";
    CLI(run, "query", "--plan", "-");
    cli_case_expect(run, 15, "line 1 column");
    CLI(run, "query", "--plan", "missing.json");
    cli_case_expect(run, 3, "missing.json");
    CLI(run, "query", "from people", "--plan", "plan.json");
    cli_case_expect(run, 2, "--plan");
}

static void explain_tells_the_plan_in_three_forms(void **state)
{
    cli_case *run = *state;
    CLI(run, "explain", "from people | where born > 1900");
    cli_case_expect(run, 0, "");
    assert_non_null(strstr(run->out, "from people"));
    CLI(run, "explain", "from people | where born > 1900", "--json");
    cli_case_expect(run, 0, "");
    assert_string_equal(MEMBER(run, run->out, "version"), "1");
    CLI(run, "explain", "from people", "--format", "tree");
    cli_case_expect(run, 2, "tree");
}

static void a_mistake_in_the_text_is_told_with_its_place(void **state)
{
    cli_case *run = *state;
    CLI(run, "query", "from people | wher born > 1900");
    cli_case_expect(run, 15, "line 1 column 15");
    cli_case_expect(run, 15, "did you mean 'where'");
    CLI(run, "query", "from peple");
    cli_case_expect(run, 3, "people");
    CLI(run, "query", "from people | extend n = born + 9223372036854775807");
    cli_case_expect(run, 15, "");
    CLI(run, "query");
    cli_case_expect(run, 2, "query text");
    CLI(run, "query", "from people", "--format", "xml");
    cli_case_expect(run, 2, "xml");
}

static void past_its_time_a_query_exits_with_10(void **state)
{
    cli_case *run = *state;
    CLI(run, "query", "from people | order by born", "--timeout", "0.000001ms");
    cli_case_expect(run, 10, "");
    CLI(run, "query", "from people | count", "--timeout", "1m");
    cli_case_expect_out(run, "{\"count\":4}\n");
    CLI(run, "query", "from people", "--timeout", "soon");
    cli_case_expect(run, 2, "soon");
}

static void documents_that_differ_keep_all_their_fields(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input = "{\"a\":1}\n{\"b\":\"x,y\",\"a\":2}\n7\n{\"c\":[1,2]}\n";
    CLI(&run, "import", "l", "-");
    CLI(&run, "query", "from l", "--format", "csv");
    cli_case_expect_out(&run, "a,b,value,c\r\n1,,,\r\n2,\"x,y\",,\r\n,,7,\r\n,,,\"[1,2]\"\r\n");
    CLI(&run, "query", "from l", "--format", "table");
    cli_case_expect_out(&run, "a b   value c\n"
                              "1           \n"
                              "2 x,y       \n"
                              "          7 \n"
                              "            [1,2]\n");
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elsewhere_than_on_a_terminal_a_query_gives_one_object_a_line),
        cmocka_unit_test(each_format_writes_the_same_rows),
        cmocka_unit_test(nothing_found_is_said_in_each_format),
        cmocka_unit_test(parameters_are_json_or_else_strings),
        cmocka_unit_test(a_plan_asks_what_its_text_asks),
        cmocka_unit_test(explain_tells_the_plan_in_three_forms),
        cmocka_unit_test(a_mistake_in_the_text_is_told_with_its_place),
        cmocka_unit_test(past_its_time_a_query_exits_with_10),
        cmocka_unit_test(documents_that_differ_keep_all_their_fields),
    };
    return cmocka_run_group_tests(tests, with_people, end);
}
