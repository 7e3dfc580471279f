/* What explain tells, and with it what the optimizer did. */
#include "os/os.h"
#include "query/run.h"
#include "query_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

static int begin(void **state)
{
    static query_case c;
    query_case_init(&c);
    query_case_collection(&c, "t", "[{'a': 1}, {'a': 2}, {'a': 3}]");
    *state = &c;
    return 0;
}

static int end(void **state)
{
    query_case_fini(*state);
    return 0;
}

static const char *explained(query_case *c, const char *text)
{
    pbase_query *query = query_case_parse(c, text);
    pbase_value told;
    assert_int_equal(pbase_query_explain(query, PBASE_EXPLAIN_TEXT, &c->arena, &told, &c->error),
                     PBASE_OK);
    const char *copy = pbase_arena_text(&c->arena, told.as.string);
    pbase_query_destroy(query);
    return copy;
}

static void filters_move_to_the_source_and_join(void **state)
{
    query_case *c = *state;
    assert_string_equal(
        explained(c, "from t | order by b | extend { c: a } | where c > 1 | where b = 2"),
        "from t  -- scan\n"
        "| where a > 1 and b = 2\n"
        "| order by b  -- sort in memory\n"
        "| extend { c: a }");
    assert_string_equal(explained(c, "from t | select { x: a.b } | where x.c[0] = 1"),
                        "from t  -- scan\n"
                        "| where a.b.c[0] = 1\n"
                        "| select { x: a.b }");
}

static void a_filter_stays_behind_what_it_hangs_on(void **state)
{
    query_case *c = *state;
    assert_string_equal(explained(c, "from t | limit 2 | where a = 1"),
                        "from t  -- scan, at most 2 rows\n| limit 2\n| where a = 1");
    assert_string_equal(explained(c, "from t | extend { n: a + 1 } | where n > 1 and b = 1"),
                        "from t  -- scan\n| where b = 1\n| extend { n: a + 1 }\n| where n > 1");
    assert_string_equal(explained(c, "from t | group by a { n: count() } | where a = 1"),
                        "from t  -- scan\n| group by a: a { n: count() }  -- by hash\n"
                        "| where a = 1");
    /* a selected column is there, whatever it was made of */
    assert_string_equal(explained(c, "from t | select { x: a } | where exists(x)"),
                        "from t  -- scan\n| select { x: a }\n| where exists(x)");
    /* what a select leaves out is missing */
    assert_string_equal(explained(c, "from t | select { x: a } | where a is null"),
                        "from t  -- scan\n| select { x: a }\n| where a is null");
}

static void constants_are_computed_once(void **state)
{
    query_case *c = *state;
    assert_string_equal(explained(c, "from t | where a > 1 + 2 * 3 and 1 < 2"),
                        "from t  -- scan\n| where a > 7");
    assert_string_equal(explained(c, "from t | where 'a' = 'b' and a > 1"),
                        "from t  -- scan, at most 0 rows\n| limit 0");
    assert_string_equal(explained(c, "from t | where 1 = 1 | select { x: 2 * 3, y: upper('a') }"),
                        "from t  -- scan\n| select { x: 6, y: 'A' }");
    /* an error is left for a row to raise */
    assert_string_equal(explained(c, "from t | select { x: 9223372036854775807 + 1 }"),
                        "from t  -- scan\n| select { x: 9223372036854775807 + 1 }");
}

static void order_with_limit_keeps_the_top(void **state)
{
    query_case *c = *state;
    assert_string_equal(explained(c, "from t | order by a | select { a } | offset 5 | limit 10"),
                        "from t  -- scan\n| order by a  -- top 15\n| select { a: a }\n| offset 5\n"
                        "| limit 10");
}

static void a_count_needs_no_order_and_no_columns(void **state)
{
    query_case *c = *state;
    assert_string_equal(explained(c, "from t | order by a | extend { b: a + 1 } | count"),
                        "from t  -- scan\n| count");
}

static void parameters_without_values_stay(void **state)
{
    query_case *c = *state;
    assert_string_equal(explained(c, "from t | where a > $low"),
                        "from t  -- scan\n| where a > $low");
    query_case_parameters(c, "{'low': 5}");
    assert_string_equal(explained(c, "from t | where a > $low + 1"),
                        "from t  -- scan\n| where a > 6");
}

static pbase_value explained_on(query_case *c, const char *text, pbase_explain_form form)
{
    pbase_query *query = query_case_parse(c, text);
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_value told = pbase_value_null();
    assert_int_equal(
        query_explain(query, &catalog, pbase_os_real(), form, &c->arena, &told, &c->error),
        PBASE_OK);
    assert_null(catalog);
    pbase_query_destroy(query);
    return told;
}

static void rows_are_told_where_the_source_knows_them(void **state)
{
    query_case *c = *state;
    pbase_value told = explained_on(c, "from t | where a > 1 | count", PBASE_EXPLAIN_TEXT);
    assert_string_equal(pbase_arena_text(&c->arena, told.as.string),
                        "from t  -- scan, 3 rows\n| where a > 1  -- about 1 rows\n"
                        "| count  -- 1 rows");
}

static void the_json_form_lists_pipelines(void **state)
{
    query_case *c = *state;
    pbase_value told = explained_on(c, "from t | order by a | limit 2", PBASE_EXPLAIN_JSON);
    assert_string_equal(
        json_text(&told, &c->arena),
        "{\"version\": 1, \"pipelines\": [[{\"op\": \"from\", \"position\": 1, \"text\": \"from "
        "t\", \"does\": \"scan\", \"rows\": 3.0, \"exact\": true}, {\"op\": \"order\", "
        "\"position\": 2, \"text\": \"order by a\", \"does\": \"top 2\", \"rows\": 2.0, "
        "\"exact\": false}], [{\"op\": \"order\", \"position\": 2, \"text\": \"order by a\", "
        "\"does\": \"top 2\", \"rows\": 2.0, \"exact\": false}, {\"op\": \"limit\", "
        "\"position\": 3, \"text\": \"limit 2\", \"rows\": 2.0, \"exact\": false}]]}");
}

static void the_plan_form_is_the_plan_as_asked(void **state)
{
    query_case *c = *state;
    pbase_value told = explained_on(
        c, "from t as d key k | where d.a > $p | order by k desc | limit 2", PBASE_EXPLAIN_PLAN);
    assert_string_equal(
        json_text(&told, &c->arena),
        "[{\"op\": \"from\", \"source\": \"t\", \"as\": \"d\", \"key\": \"k\"}, {\"op\": "
        "\"where\", \"expr\": [\">\", {\"f\": \"d.a\"}, {\"param\": \"p\"}]}, {\"op\": "
        "\"order\", \"keys\": [[{\"f\": \"k\"}, \"desc\", \"last\"]]}, {\"op\": \"limit\", "
        "\"n\": 2}]");
}

static void explaining_an_unknown_collection_is_not_found(void **state)
{
    query_case *c = *state;
    pbase_query *query = query_case_parse(c, "from nowhere");
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_value told;
    assert_int_equal(query_explain(query, &catalog, pbase_os_real(), PBASE_EXPLAIN_TEXT, &c->arena,
                                   &told, &c->error),
                     PBASE_NOT_FOUND);
    pbase_query_destroy(query);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(filters_move_to_the_source_and_join),
        T(a_filter_stays_behind_what_it_hangs_on),
        T(constants_are_computed_once),
        T(order_with_limit_keeps_the_top),
        T(a_count_needs_no_order_and_no_columns),
        T(parameters_without_values_stay),
        T(rows_are_told_where_the_source_knows_them),
        T(the_json_form_lists_pipelines),
        T(the_plan_form_is_the_plan_as_asked),
        T(explaining_an_unknown_collection_is_not_found),
    };
#undef T
    return cmocka_run_group_tests_name("core.query.explain", tests, NULL, NULL);
}
