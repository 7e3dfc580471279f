/* What explain tells of steps with a second input, and with it where filters went. */
#include "query_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after setjmp.h */
#include <cmocka.h>

static int begin(void **state)
{
    static query_case c;
    query_case_init(&c);
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

static void filters_move_into_the_sides_of_a_join(void **state)
{
    query_case *c = *state;
    assert_string_equal(
        explained(c, "from t | join t x on a = x.a | where b > 1 and x.b = 2 and a < x.b"),
        "from t  -- scan\n"
        "| where b > 1\n"
        "| join inner (\n"
        "    from t  -- scan\n"
        "    | where b = 2\n"
        ") as x on a = x.a  -- hash join, right side built, keys a = x.a\n"
        "| where a < x.b");
    assert_string_equal(
        explained(c, "from t | join left t x on a = x.a and b = 1 and x.c = 2 | where x.b is null"),
        "from t  -- scan\n"
        "| join left (\n"
        "    from t  -- scan\n"
        "    | where c = 2\n"
        ") as x on a = x.a and b = 1  -- hash join, right side built, keys a = x.a, the rest tried "
        "on each pair\n"
        "| where x.b is null");
    assert_string_equal(explained(c, "from t | join semi t x on a < x.a | where b = 1"),
                        "from t  -- scan\n"
                        "| where b = 1\n"
                        "| join semi t as x on a < x.a  -- nested loop, right side kept");
}

static void an_equality_behind_a_join_becomes_its_condition(void **state)
{
    query_case *c = *state;
    assert_string_equal(
        explained(c, "select count(*) as n from t a, t b, t c where a.x = b.y and b.z = c.z"),
        "from t as a  -- scan\n"
        "| join inner t as b on a.x = b.y  -- hash join, right side built, keys a.x = b.y\n"
        "| join inner t as c on b.z = c.z  -- hash join, right side built, keys b.z = c.z\n"
        "| group { n: count() }  -- one group\n"
        "| select { n: n }");
    assert_string_equal(
        explained(c, "from t | join t x on a < x.a | where b = x.b and lower(d) = x.d and c < x.c"),
        "from t  -- scan\n"
        "| join inner t as x on a < x.a and b = x.b and lower(d) = x.d  -- hash join, right side "
        "built, keys b = x.b and lower(d) = x.d, the rest tried on each pair\n"
        "| where c < x.c");
    static const char *const left_alone[] = {
        "from t | join left t x on a < x.a | where x.b = b or b is null",
        "from t | join cross t x | where b + 1 = x.b", /* may fail for a row that meets nothing */
        "from t | join cross t x | where b + x.b = 3",
        "from t | join cross t x | where b = x.b or b = 1",
        "from t | join cross t x | limit 5 | where b = x.b",
    };
    for (size_t i = 0; i < sizeof left_alone / sizeof left_alone[0]; i++) {
        const char *told = explained(c, left_alone[i]);
        if (strstr(told, "hash join") != NULL) {
            fail_msg("%s is by hash:\n%s", left_alone[i], told);
        }
    }
}

static void a_filter_never_moves_below_a_limit(void **state)
{
    query_case *c = *state;
    assert_string_equal(
        explained(c, "from t | join (from t | limit 3) x on a = x.a | limit 5 | where x.b = 1"),
        "from t  -- scan\n"
        "| join inner (\n"
        "    from t  -- scan, at most 3 rows\n"
        "    | limit 3\n"
        ") as x on a = x.a  -- hash join, right side built, keys a = x.a\n"
        "| limit 5\n"
        "| where x.b = 1");
    assert_string_equal(
        explained(c, "from t | join (from t | limit 3) x on a = x.a | where x.b = 1"),
        "from t  -- scan\n"
        "| join inner (\n"
        "    from t  -- scan, at most 3 rows\n"
        "    | limit 3\n"
        "    | where b = 1\n"
        ") as x on a = x.a  -- hash join, right side built, keys a = x.a");
}

static void an_outer_join_whose_nulls_are_dropped_is_narrower(void **state)
{
    query_case *c = *state;
    static const struct {
        const char *text;
        const char *kind;
    } cases[] = {
        {"from t | join left t x on a = x.a | where x.b > 1", "| join inner"},
        {"from t | join left t x on a = x.a | where x is not null", "| join inner"},
        {"from t | join left t x on a = x.a | where not (upper(x.b) = 'A')", "| join inner"},
        {"from t | join right t x on a = x.a | where a + 1 = 3", "| join inner"},
        {"from t | join full t x on a = x.a | where x.b in (1, 2)", "| join right"},
        {"from t | join full t x on a = x.a | where b = 1", "| join left"},
        {"from t | join full t x on a = x.a | where b = x.b", "| join inner"},
        {"from t | join left t x on a = x.a | where x.b is null", "| join left"},
        {"from t | join left t x on a = x.a | where x.b <=> b", "| join left"},
        {"from t | join left t x on a = x.a | where x.b = 1 or b = 1", "| join left"},
        {"from t | join left t x on a = x.a | where coalesce(x.b, 1) = 1", "| join left"},
        {"from t | join left t x on a = x.a | where b = 1", "| join left"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *told = explained(c, cases[i].text);
        if (strstr(told, cases[i].kind) == NULL) {
            fail_msg("%s is not %s:\n%s", cases[i].text, cases[i].kind, told);
        }
    }
}

static void filters_move_into_set_operations_and_before_unnest(void **state)
{
    query_case *c = *state;
    assert_string_equal(explained(c, "from t | union t | distinct | where a = 1"),
                        "from t  -- scan\n"
                        "| where a = 1\n"
                        "| union (\n"
                        "    from t  -- scan\n"
                        "    | where a = 1\n"
                        ")  -- by hash\n"
                        "| distinct  -- by hash");
    assert_string_equal(explained(c, "from t | unnest l as e | where a = 1 and e > 2"),
                        "from t  -- scan\n"
                        "| where a = 1\n"
                        "| unnest l as e\n"
                        "| where e > 2");
    assert_string_equal(explained(c, "from t | traverse up t key a ref b | where a = 1"),
                        "from t  -- scan\n"
                        "| traverse up t key a ref b  -- nodes kept, found by key\n"
                        "| where a = 1");
}

static void explained_text_with_second_inputs_is_a_query_again(void **state)
{
    query_case *c = *state;
    static const char *const texts[] = {
        "from t | join (from t | join (from t | where a = 1) y on a = y.a) x on x.y.a = a"
        " | union_all (from t | distinct | limit 2) | where a > 0",
        "from t | join t x on a || '\n' = x.a | traverse down t key a ref b dfs include start",
        "select a, count(*) / 2 as n from t group by a having max(b) > 1 union select 1 as q, 2 as "
        "r"
        " from t",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        pbase_query_destroy(query_case_parse(c, explained(c, texts[i])));
    }
}

static void the_json_form_tells_the_pipelines_of_second_inputs(void **state)
{
    query_case *c = *state;
    pbase_query *query = query_case_parse(c, "from t | join t x on a = x.a | count");
    pbase_value told;
    assert_int_equal(pbase_query_explain(query, PBASE_EXPLAIN_JSON, &c->arena, &told, &c->error),
                     PBASE_OK);
    assert_string_equal(
        json_text(&told, &c->arena),
        "{\"version\": 1, \"pipelines\": [[{\"op\": \"from\", \"position\": 1, \"text\": \"from "
        "t\","
        " \"does\": \"scan\"}, {\"op\": \"join\", \"position\": 2, \"text\": \"join inner t as x on"
        " a = x.a\", \"does\": \"hash join, right side built, keys a = x.a\", \"with\": [[{\"op\":"
        " \"from\", \"position\": 1, \"text\": \"from t\", \"does\": \"scan\"}]]}, {\"op\":"
        " \"count\", \"position\": 3, \"text\": \"count\"}], [{\"op\": \"count\", \"position\": 3,"
        " \"text\": \"count\"}]]}");
    pbase_query_destroy(query);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(filters_move_into_the_sides_of_a_join),
        T(an_equality_behind_a_join_becomes_its_condition),
        T(a_filter_never_moves_below_a_limit),
        T(an_outer_join_whose_nulls_are_dropped_is_narrower),
        T(filters_move_into_set_operations_and_before_unnest),
        T(explained_text_with_second_inputs_is_a_query_again),
        T(the_json_form_tells_the_pipelines_of_second_inputs),
    };
#undef T
    return cmocka_run_group_tests_name("core.query.explain_second", tests, NULL, NULL);
}
