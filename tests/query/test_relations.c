/* unnest and traverse: lists taken apart, relations followed. */
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
    query_case_collection(&c, "docs",
                          "[{'id': 1, 'tags': ['a', 'b']}, {'id': 2, 'tags': []},"
                          " {'id': 3}, {'id': 4, 'tags': 'text'}, {'id': 5, 'tags': null},"
                          " {'id': 6, 'tags': [null, {'k': 9}]}]");
    /* 1 <- 2, 3; 2 <- 4, 5; 4 <- 6; 7 <- 8 <- 7 is a cycle; 9 dangles */
    query_case_collection(&c, "people",
                          "[{'id': 1, 'boss': null}, {'id': 2, 'boss': 1}, {'id': 3, 'boss': 1},"
                          " {'id': 4, 'boss': 2}, {'id': 5, 'boss': 2}, {'id': 6, 'boss': 4},"
                          " {'id': 7, 'boss': 8}, {'id': 8, 'boss': 7}, {'id': 9, 'boss': 99}]");
    *state = &c;
    return 0;
}

static int end(void **state)
{
    query_case_fini(*state);
    return 0;
}

static void assert_both(query_case *c, const char *text, const char *rows)
{
    assert_rows(c, text, rows);
    c->options.rules_off = UINT32_MAX;
    assert_rows(c, text, rows);
    c->options.rules_off = 0;
}

static void unnest_gives_a_row_per_list_element(void **state)
{
    query_case *c = *state;
    assert_both(c, "from docs | unnest tags as t | select { id, t }",
                "[{'id': 1, 't': 'a'}, {'id': 1, 't': 'b'}, {'id': 6, 't': null},"
                " {'id': 6, 't': {'k': 9}}]");
    assert_both(c, "from docs | unnest tags as t | where t.k = 9",
                "[{'id': 6, 'tags': [null, {'k': 9}], 't': {'k': 9}}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'docs'}, {'op': 'unnest', 'path': 'tags',"
                     " 'as': 't'}, {'op': 'count'}]",
                     "[{'count': 4}]");
}

static void unnest_of_null_missing_empty_or_not_a_list_gives_no_row_or_one_if_outer(void **state)
{
    query_case *c = *state;
    assert_both(c, "from docs | where id between 2 and 5 | unnest tags as t | count",
                "[{'count': 0}]");
    assert_both(c, "from docs | where id < 6 | unnest outer tags as t | select { id, t }",
                "[{'id': 1, 't': 'a'}, {'id': 1, 't': 'b'}, {'id': 2, 't': null},"
                " {'id': 3, 't': null}, {'id': 4, 't': null}, {'id': 5, 't': null}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'docs'}, {'op': 'unnest', 'path': 'tags',"
                     " 'as': 't', 'outer': true}, {'op': 'count'}]",
                     "[{'count': 8}]");
}

static void unnest_takes_a_name_and_replaces_a_field_of_it(void **state)
{
    query_case *c = *state;
    assert_both(c, "from docs | where id = 1 | unnest tags",
                "[{'id': 1, 'tags': 'a'}, {'id': 1, 'tags': 'b'}]");
    assert_both(c, "from docs as d | where d.id = 1 | unnest d.tags as d | select { d }",
                "[{'d': 'a'}, {'d': 'b'}]");
    assert_both(c, "from docs | select { l: tags, n: id } | unnest l as n | where n = 'b'",
                "[{'l': ['a', 'b'], 'n': 'b'}]");
    assert_fails(c, "from docs | unnest a[0]", PBASE_INVALID, "say 'as NAME'");
}

static void unnest_goes_with_any_step(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "m", "[{'r': [[1, 2], [3]]}, {'r': [[4]]}]");
    assert_both(c, "from m | unnest r as a | unnest a as b | select { b }",
                "[{'b': 1}, {'b': 2}, {'b': 3}, {'b': 4}]");
    assert_both(c, "from docs | unnest tags as t | group by id { n: count(), l: collect(t) }",
                "[{'id': 1, 'n': 2, 'l': ['a', 'b']}, {'id': 6, 'n': 2, 'l': [null, {'k': 9}]}]");
    assert_both(c,
                "from docs | unnest tags as t | order by t desc nulls last | select { t }"
                " | limit 2",
                "[{'t': {'k': 9}}, {'t': 'b'}]");
    assert_both(c, "from docs | unnest tags as t | where id = 1 and t = 'b' | select { id, t }",
                "[{'id': 1, 't': 'b'}]");
}

static void traverse_up_finds_the_node_whose_key_equals_the_reference(void **state)
{
    query_case *c = *state;
    assert_both(c, "from people | where id = 6 | traverse up people key id ref boss",
                "[{'id': 4, 'boss': 2, 'depth': 1}, {'id': 2, 'boss': 1, 'depth': 2},"
                " {'id': 1, 'boss': null, 'depth': 3}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'people'}, {'op': 'where', 'expr':"
                     " ['=', {'f': 'id'}, 5]}, {'op': 'traverse', 'source': 'people', 'key': 'id',"
                     " 'ref': 'boss', 'direction': 'up'}, {'op': 'select', 'cols':"
                     " [['id', {'f': 'id'}], ['depth', {'f': 'depth'}]]}]",
                     "[{'id': 2, 'depth': 1}, {'id': 1, 'depth': 2}]");
}

static void traverse_down_finds_the_nodes_whose_reference_equals_the_key(void **state)
{
    query_case *c = *state;
    assert_both(c,
                "from people | where id = 1 | traverse down people key id ref boss"
                " | select { id, depth }",
                "[{'id': 2, 'depth': 1}, {'id': 3, 'depth': 1}, {'id': 4, 'depth': 2},"
                " {'id': 5, 'depth': 2}, {'id': 6, 'depth': 3}]");
}

static void traverse_depth_first_gives_each_row_before_those_it_led_to(void **state)
{
    query_case *c = *state;
    assert_both(c,
                "from people | where id = 1 | traverse down people key id ref boss dfs"
                " | select { id, depth }",
                "[{'id': 2, 'depth': 1}, {'id': 4, 'depth': 2}, {'id': 6, 'depth': 3},"
                " {'id': 5, 'depth': 2}, {'id': 3, 'depth': 1}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'people'}, {'op': 'limit', 'n': 1},"
                     " {'op': 'traverse', 'source': 'people', 'key': 'id',"
                     " 'ref': 'boss', 'direction': 'down', 'max_depth': 2, 'include_start': true,"
                     " 'order': 'dfs'}, {'op': 'select', 'cols': [['i', {'f': 'id'}]]}]",
                     "[{'i': 1}, {'i': 2}, {'i': 4}, {'i': 5}, {'i': 3}]");
}

static void traverse_stops_at_the_depth_asked_for(void **state)
{
    query_case *c = *state;
    assert_both(c,
                "from people | where id = 1 | traverse down people key id ref boss depth 1"
                " | select { id }",
                "[{'id': 2}, {'id': 3}]");
    assert_both(c, "from people | where id = 1 | traverse down people key id ref boss depth 0",
                "[]");
}

static void traverse_includes_start_rows_at_depth_0_when_asked(void **state)
{
    query_case *c = *state;
    assert_both(c,
                "from people | where id = 4 | traverse up people key id ref boss depth 1"
                " include start",
                "[{'id': 4, 'boss': 2, 'depth': 0}, {'id': 2, 'boss': 1, 'depth': 1}]");
    assert_both(c,
                "from people | where id = 4 | select { id, boss, x: 'own' }"
                " | traverse up people key id ref boss depth 1 include start",
                "[{'id': 4, 'boss': 2, 'x': 'own', 'depth': 0}, {'id': 2, 'boss': 1, 'depth': 1}]");
}

static void cycles_end(void **state)
{
    query_case *c = *state;
    assert_both(c, "from people | where id = 7 | traverse up people key id ref boss",
                "[{'id': 8, 'boss': 7, 'depth': 1}]");
    assert_both(c,
                "from people | where id = 7 | traverse down people key id ref boss dfs"
                " include start | select { id, depth }",
                "[{'id': 7, 'depth': 0}, {'id': 8, 'depth': 1}]");
    query_case_collection(c, "self", "[{'id': 1, 'to': 1}]");
    assert_both(c, "from self | traverse up self key id ref to", "[]");
}

static void dangling_references_are_skipped(void **state)
{
    query_case *c = *state;
    assert_both(c, "from people | where id = 9 | traverse up people key id ref boss", "[]");
    assert_both(c, "from people | where id = 1 | traverse up people key id ref boss", "[]");
}

static void each_node_comes_once_at_its_least_depth(void **state)
{
    query_case *c = *state;
    /* from 6 it is three steps to 1, from 3 only one; 3 and 6 are start rows, given twice */
    assert_both(c,
                "from people | where id in (3, 6) | union_all (from people | where id in (3, 6))"
                " | traverse up people key id ref boss include start | select { id, depth }",
                "[{'id': 3, 'depth': 0}, {'id': 6, 'depth': 0}, {'id': 1, 'depth': 1},"
                " {'id': 4, 'depth': 1}, {'id': 2, 'depth': 2}]");
    /* start rows count as seen */
    assert_both(c,
                "from people | where id in (2, 4) | traverse up people key id ref boss"
                " | select { id, depth }",
                "[{'id': 1, 'depth': 1}]");
}

static void traverse_follows_any_relation_of_any_rows(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "t", "[{'at': 6.0}]");
    assert_both(c,
                "from t | select { id: null, boss: at } | traverse up people key id ref boss"
                " | where depth < 3 | order by depth desc | select { id }",
                "[{'id': 4}, {'id': 6}]");
    query_case_dictionary(c, "tree",
                          "{'a': {'n': {'id': 'a'}}, 'b': {'n': {'id': 'b', 'p': 'a'}},"
                          " 'c': {'n': {'id': 'c', 'p': 'b'}}}");
    assert_both(c,
                "from tree | where n.id = 'c' | traverse up tree key n.id ref n.p"
                " | join tree as k on n.id = k.n.id | select { id: k.n.id, depth }",
                "[{'id': 'b', 'depth': 1}, {'id': 'a', 'depth': 2}]");
    assert_both(c, "from tree | traverse down tree key n.id ref n.p | count", "[{'count': 0}]");
}

static void wrong_traversals_say_what_is_wrong(void **state)
{
    query_case *c = *state;
    assert_fails(c, "from people | traverse people key id ref boss", PBASE_INVALID,
                 "expected 'up' or 'down', found 'people'");
    assert_fails(c, "from people | traverse up people ref boss", PBASE_INVALID, "expected 'key'");
    assert_fails(c, "from people | traverse up peple key id ref boss", PBASE_NOT_FOUND,
                 "step 2 (traverse)");
    assert_string_equal(c->error.hint, "did you mean 'people'?");
    assert_plan_fails(c,
                      "[{'op': 'from', 'source': 'people'}, {'op': 'traverse', 'source': 'people',"
                      " 'key': 'id', 'ref': 'boss', 'direction': 'sideways'}]",
                      PBASE_INVALID, "'direction' is \"up\" or \"down\"");
    assert_plan_fails(c,
                      "[{'op': 'from', 'source': 'people'}, {'op': 'traverse', 'source': 'people',"
                      " 'key': 'id', 'ref': 'boss', 'direction': 'up', 'max_depth': -1}]",
                      PBASE_INVALID, "'max_depth' is a whole number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unnest_gives_a_row_per_list_element, begin, end),
        cmocka_unit_test_setup_teardown(
            unnest_of_null_missing_empty_or_not_a_list_gives_no_row_or_one_if_outer, begin, end),
        cmocka_unit_test_setup_teardown(unnest_takes_a_name_and_replaces_a_field_of_it, begin, end),
        cmocka_unit_test_setup_teardown(unnest_goes_with_any_step, begin, end),
        cmocka_unit_test_setup_teardown(traverse_up_finds_the_node_whose_key_equals_the_reference,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            traverse_down_finds_the_nodes_whose_reference_equals_the_key, begin, end),
        cmocka_unit_test_setup_teardown(traverse_depth_first_gives_each_row_before_those_it_led_to,
                                        begin, end),
        cmocka_unit_test_setup_teardown(traverse_stops_at_the_depth_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(traverse_includes_start_rows_at_depth_0_when_asked, begin,
                                        end),
        cmocka_unit_test_setup_teardown(cycles_end, begin, end),
        cmocka_unit_test_setup_teardown(dangling_references_are_skipped, begin, end),
        cmocka_unit_test_setup_teardown(each_node_comes_once_at_its_least_depth, begin, end),
        cmocka_unit_test_setup_teardown(traverse_follows_any_relation_of_any_rows, begin, end),
        cmocka_unit_test_setup_teardown(wrong_traversals_say_what_is_wrong, begin, end),
    };
    return cmocka_run_group_tests_name("query.relations", tests, NULL, NULL);
}
