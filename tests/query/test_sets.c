/* distinct, union, union_all, intersect, except: rows whole, by name, in the order of the first. */
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
    query_case_collection(&c, "a",
                          "[{'x': 1, 'y': 'p'}, {'x': 2}, {'y': 'p', 'x': 1.0}, {'x': null},"
                          " {'x': 2}, {}]");
    query_case_collection(&c, "b", "[{'x': 2.0}, {'x': 3}, {'x': 1, 'y': 'q'}, {'x': null}]");
    query_case_collection(&c, "n", "[3, 1, 3.0, 2, null, 1, null]");
    query_case_collection(&c, "none", "[]");
    *state = &c;
    return 0;
}

static int end(void **state)
{
    query_case_fini(*state);
    return 0;
}

static void assert_set(query_case *c, const char *text, const char *rows)
{
    assert_rows(c, text, rows);
    c->options.rules_off = UINT32_MAX;
    assert_rows(c, text, rows);
    c->options.rules_off = 0;
}

static void distinct_gives_whole_rows_once_by_the_total_order(void **state)
{
    query_case *c = *state;
    assert_set(c, "from a | distinct", "[{'x': 1, 'y': 'p'}, {'x': 2}, {'x': null}, {}]");
    assert_set(c, "from n | distinct", "[3, 1, 2, null]");
    assert_set(c, "from n as n | distinct | where n > 1", "[{'n': 3}, {'n': 2}]");
    assert_set(c, "from a | select { x } | distinct", "[{'x': 1}, {'x': 2}, {'x': null}]");
    assert_set(c, "from a | select { y, z: x > 1 } | distinct | order by y nulls last, z",
               "[{'y': 'p', 'z': false}, {'y': null, 'z': null}, {'y': null, 'z': true}]");
    assert_set(c, "from none | distinct", "[]");
    assert_plan_rows(c, "[{'op': 'from', 'source': 'n'}, {'op': 'distinct'}, {'op': 'count'}]",
                     "[{'count': 4}]");
}

static void distinct_sees_replaced_fields(void **state)
{
    query_case *c = *state;
    assert_set(c, "from a | extend { x: 0 } | distinct", "[{'x': 0, 'y': 'p'}, {'x': 0}]");
}

static void union_all_puts_one_behind_the_other(void **state)
{
    query_case *c = *state;
    assert_set(c, "from b | union_all n",
               "[{'x': 2.0}, {'x': 3}, {'x': 1, 'y': 'q'}, {'x': null}, 3, 1, 3.0, 2, null, 1,"
               " null]");
    assert_set(c, "from a | union all (from b | where x > 2) | select { x }",
               "[{'x': 1}, {'x': 2}, {'x': 1.0}, {'x': null}, {'x': 2}, {'x': null}, {'x': 3}]");
    assert_set(c, "from b | union_all b | count", "[{'count': 8}]");
    assert_set(c, "from b | union_all b | limit 5 | select { x }",
               "[{'x': 2.0}, {'x': 3}, {'x': 1}, {'x': null}, {'x': 2.0}]");
    assert_set(c, "from b | limit 1 | union_all (from b | limit 1)", "[{'x': 2.0}, {'x': 2.0}]");
}

static void union_gives_distinct_rows_of_both(void **state)
{
    query_case *c = *state;
    assert_set(c, "from a | union b",
               "[{'x': 1, 'y': 'p'}, {'x': 2}, {'x': null}, {}, {'x': 3}, {'x': 1, 'y': 'q'}]");
    assert_set(c, "from n | union none", "[3, 1, 2, null]");
    assert_set(c, "from none | union n", "[3, 1, 2, null]");
    assert_set(c, "from n as v | union (from b | select { v: x }) | where v > 2", "[{'v': 3}]");
}

static void intersect_gives_distinct_rows_that_are_in_both(void **state)
{
    query_case *c = *state;
    assert_set(c, "from a | intersect b", "[{'x': 2}, {'x': null}]");
    assert_set(c, "from n | intersect (from n | where true | limit 2)", "[3, 1]");
    assert_set(c, "from n | intersect none", "[]");
}

static void except_gives_distinct_rows_that_are_not_in_the_second(void **state)
{
    query_case *c = *state;
    assert_set(c, "from a | except b", "[{'x': 1, 'y': 'p'}, {}]");
    assert_set(c, "from n | except (from b | limit 0)", "[3, 1, 2, null]");
    assert_set(c, "from n as v | except (from b | select { v: x })", "[]");
}

static void columns_meet_by_name_and_what_a_side_lacks_is_null(void **state)
{
    query_case *c = *state;
    assert_set(c,
               "from a | where x = 1 | select { x, y } | union_all (from b | limit 1 |"
               " select { z: 7, x })",
               "[{'x': 1, 'y': 'p', 'z': null}, {'x': 1.0, 'y': 'p', 'z': null},"
               " {'x': 2.0, 'y': null, 'z': 7}]");
    assert_set(c, "from a | select { y, x } | intersect (from b | select { x, y })",
               "[{'y': null, 'x': 2}, {'y': null, 'x': null}]");
    assert_set(c, "from a as d | union (from b as d) | where d.x >= 2 | select { x: d.x }",
               "[{'x': 2}, {'x': 3}]");
    assert_set(c, "from a as d | union_all (from b as e) | where d.x = 2 or e.x = 3",
               "[{'d': {'x': 2}, 'e': null}, {'d': {'x': 2}, 'e': null},"
               " {'d': null, 'e': {'x': 3}}]");
}

static void filters_behind_a_set_operation_say_the_same_in_both(void **state)
{
    query_case *c = *state;
    assert_set(c,
               "from a | select { x } | union_all (from b | select { z: x }) | where exists(z)"
               " | count",
               "[{'count': 10}]");
    assert_set(c, "from a | union_all (from b) | where exists(y)",
               "[{'x': 1, 'y': 'p'}, {'y': 'p', 'x': 1.0}, {'x': 1, 'y': 'q'}]");
    assert_set(c, "from a | except b | where x = 1", "[{'x': 1, 'y': 'p'}]");
}

static void set_operations_nest_and_follow_one_another(void **state)
{
    query_case *c = *state;
    assert_set(c, "from n | union (from n | except (from n | where true | limit 1)) | count",
               "[{'count': 4}]");
    assert_set(c, "from a | union_all b | distinct | count", "[{'count': 6}]");
    assert_set(c, "from a | union_all b | group by x { n: count() } | order by x",
               "[{'x': null, 'n': 3}, {'x': 1, 'n': 3}, {'x': 2, 'n': 3}, {'x': 3, 'n': 1}]");
    assert_set(c, "from a | join (from a | union_all b) k on x = k.x | count", "[{'count': 12}]");
    assert_set(c,
               "from a | order by x | union_all (from b | order by x desc) | select { x }"
               " | limit 7 | offset 5",
               "[{'x': 2}, {'x': 3}]");
}

static void plans_inside_plans_have_a_limit(void **state)
{
    query_case *c = *state;
    char text[1024] = "from n";
    for (unsigned i = 0; i < 16; i++) {
        strcat(text, " | union_all (from n");
    }
    for (unsigned i = 0; i < 16; i++) {
        strcat(text, ")");
    }
    assert_fails(c, text, PBASE_LIMIT, "plans inside plans deeper than 16");
    assert_fails(c, "from n | union (from n | sort)", PBASE_INVALID, "no step 'sort'");
    assert_plan_fails(c, "[{'op': 'from', 'source': 'n'}, {'op': 'union', 'with': {}}]",
                      PBASE_INVALID, "step 2 (union): with: a plan is a list of steps");
    assert_plan_fails(c, "[{'op': 'from', 'source': 'n'}, {'op': 'union'}]", PBASE_INVALID,
                      "the key 'with' is missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(distinct_gives_whole_rows_once_by_the_total_order, begin,
                                        end),
        cmocka_unit_test_setup_teardown(distinct_sees_replaced_fields, begin, end),
        cmocka_unit_test_setup_teardown(union_all_puts_one_behind_the_other, begin, end),
        cmocka_unit_test_setup_teardown(union_gives_distinct_rows_of_both, begin, end),
        cmocka_unit_test_setup_teardown(intersect_gives_distinct_rows_that_are_in_both, begin, end),
        cmocka_unit_test_setup_teardown(except_gives_distinct_rows_that_are_not_in_the_second,
                                        begin, end),
        cmocka_unit_test_setup_teardown(columns_meet_by_name_and_what_a_side_lacks_is_null, begin,
                                        end),
        cmocka_unit_test_setup_teardown(filters_behind_a_set_operation_say_the_same_in_both, begin,
                                        end),
        cmocka_unit_test_setup_teardown(set_operations_nest_and_follow_one_another, begin, end),
        cmocka_unit_test_setup_teardown(plans_inside_plans_have_a_limit, begin, end),
    };
    return cmocka_run_group_tests_name("query.sets", tests, NULL, NULL);
}
