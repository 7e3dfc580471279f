/* join: a test per sentence of its semantics, and per kind. */
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
    query_case_collection(&c, "o",
                          "[{'id': 1, 'cid': 10, 'n': 5}, {'id': 2, 'cid': 20, 'n': 7},"
                          " {'id': 3, 'cid': 10, 'n': 9}, {'id': 4, 'cid': null, 'n': 1},"
                          " {'id': 5, 'cid': 99, 'n': 2}]");
    query_case_collection(&c, "c",
                          "[{'id': 10, 'city': 'Rome'}, {'id': 20, 'city': 'Oslo'},"
                          " {'id': 10, 'city': 'Bonn'}, {'id': null, 'city': 'Nil'}]");
    query_case_collection(&c, "none", "[]");
    query_case_collection(&c, "nums", "[1, 2.0, 3]");
    *state = &c;
    return 0;
}

static int end(void **state)
{
    query_case_fini(*state);
    return 0;
}

/* The same answer with hash and by nested loop, and whatever the optimizer leaves undone. */
static void assert_joined(query_case *c, const char *text, const char *rows)
{
    for (uint32_t rule = 0; rule <= PBASE_RULE_HASH_JOIN; rule = rule == 0 ? 1 : 2 * rule) {
        c->options.rules_off = rule;
        assert_rows(c, text, rows);
    }
    c->options.rules_off = UINT32_MAX;
    assert_rows(c, text, rows);
    c->options.rules_off = 0;
}

static void inner_join_gives_every_pair_that_matches_in_the_order_of_the_left(void **state)
{
    query_case *c = *state;
    assert_joined(
        c, "from o | join c k on cid = k.id | select { id, city: k.city }",
        "[{'id': 1, 'city': 'Rome'}, {'id': 1, 'city': 'Bonn'}, {'id': 2, 'city': 'Oslo'},"
        " {'id': 3, 'city': 'Rome'}, {'id': 3, 'city': 'Bonn'}]");
    assert_joined(c, "from o | where id = 2 | join inner c as k on cid = k.id",
                  "[{'id': 2, 'cid': 20, 'n': 7, 'k': {'id': 20, 'city': 'Oslo'}}]");
}

static void left_join_keeps_left_rows_and_binds_null(void **state)
{
    query_case *c = *state;
    assert_joined(c, "from o | join left c k on cid = k.id and k.city < 'P' | select { id, k }",
                  "[{'id': 1, 'k': {'id': 10, 'city': 'Bonn'}},"
                  " {'id': 2, 'k': {'id': 20, 'city': 'Oslo'}},"
                  " {'id': 3, 'k': {'id': 10, 'city': 'Bonn'}},"
                  " {'id': 4, 'k': null}, {'id': 5, 'k': null}]");
    assert_joined(c,
                  "from o | where id > 3 | join left c k on cid = k.id"
                  " | select { id, c: k.city, e: exists(k.city), n: k is null }",
                  "[{'id': 4, 'c': null, 'e': false, 'n': true},"
                  " {'id': 5, 'c': null, 'e': false, 'n': true}]");
}

static void right_join_gives_right_rows_without_a_match_behind_the_others(void **state)
{
    query_case *c = *state;
    assert_joined(c,
                  "from o | where id < 3 | join right c k on cid = k.id and n > 6"
                  " | select { id, city: k.city }",
                  "[{'id': 2, 'city': 'Oslo'}, {'id': null, 'city': 'Rome'},"
                  " {'id': null, 'city': 'Bonn'}, {'id': null, 'city': 'Nil'}]");
    assert_joined(c, "from none | join right nums as x on true",
                  "[{'x': 1}, {'x': 2.0}, {'x': 3}]");
}

static void full_join_gives_both_without_a_match(void **state)
{
    query_case *c = *state;
    assert_joined(c,
                  "from o | where id > 1 | join full c k on cid = k.id and k.city <> 'Rome'"
                  " | select { id, city: k.city }",
                  "[{'id': 2, 'city': 'Oslo'}, {'id': 3, 'city': 'Bonn'}, {'id': 4, 'city': null},"
                  " {'id': 5, 'city': null}, {'id': null, 'city': 'Rome'},"
                  " {'id': null, 'city': 'Nil'}]");
}

static void semi_and_anti_join_give_the_left_row_once(void **state)
{
    query_case *c = *state;
    assert_joined(c, "from o | join semi c k on cid = k.id | select { id }",
                  "[{'id': 1}, {'id': 2}, {'id': 3}]");
    assert_joined(c, "from o | join anti c k on cid = k.id | select { id }",
                  "[{'id': 4}, {'id': 5}]");
    assert_joined(c, "from o | join semi c k on cid = k.id and k.city > 'P' | select { id }",
                  "[{'id': 1}, {'id': 3}]");
    assert_joined(c, "from o | join anti c k on cid = k.id and n > 6 | select { id }",
                  "[{'id': 1}, {'id': 4}, {'id': 5}]");
    assert_joined(c, "from o | join anti none k on true | count", "[{'count': 5}]");
    assert_joined(c, "from o | join semi none k on true | count", "[{'count': 0}]");
    assert_joined(c, "from o | join semi c k | count", "[{'count': 5}]");
}

static void cross_join_gives_every_pair(void **state)
{
    query_case *c = *state;
    assert_joined(c, "from nums as a | join cross nums as b",
                  "[{'a': 1, 'b': 1}, {'a': 1, 'b': 2.0}, {'a': 1, 'b': 3},"
                  " {'a': 2.0, 'b': 1}, {'a': 2.0, 'b': 2.0}, {'a': 2.0, 'b': 3},"
                  " {'a': 3, 'b': 1}, {'a': 3, 'b': 2.0}, {'a': 3, 'b': 3}]");
    assert_joined(c, "from o | join cross c x | count", "[{'count': 20}]");
    assert_joined(c, "from o | join cross none x | count", "[{'count': 0}]");
}

static void on_may_be_any_condition(void **state)
{
    query_case *c = *state;
    assert_joined(c, "from nums as a | join nums as b on a < b",
                  "[{'a': 1, 'b': 2.0},"
                  " {'a': 1, 'b': 3},"
                  " {'a': 2.0, 'b': 3}]");
    assert_joined(c,
                  "from o | join c k on cid = k.id or n = 1 | select { id, c: k.city }"
                  " | where id > 2",
                  "[{'id': 3, 'c': 'Rome'}, {'id': 3, 'c': 'Bonn'}, {'id': 4, 'c': 'Rome'},"
                  " {'id': 4, 'c': 'Oslo'}, {'id': 4, 'c': 'Bonn'}, {'id': 4, 'c': 'Nil'}]");
    assert_joined(c, "from o | join left c k on null | count", "[{'count': 5}]");
    assert_joined(c, "from o | join c k on cid + 0 = k.id * 1 and n - 2 = id + 2 | select { id }",
                  "[{'id': 1}, {'id': 1}]");
}

static void on_never_matches_nulls(void **state)
{
    query_case *c = *state;
    assert_joined(c, "from o | where id = 4 | join c k on cid = k.id | count", "[{'count': 0}]");
    assert_joined(c, "from o | where id = 4 | join c k on cid <=> k.id | select { c: k.city }",
                  "[{'c': 'Nil'}]");
    assert_joined(c, "from o | where id = 4 | join c k on cid <> k.id | count", "[{'count': 0}]");
}

static void equal_numbers_match_whatever_their_kind(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "f", "[{'k': 1.0}, {'k': 2}, {'k': -0.0}, {'k': {'$float': 'nan'}}]");
    query_case_collection(c, "g",
                          "[{'k': 1, 'm': 'a'}, {'k': 2.0, 'm': 'b'}, {'k': 0, 'm': 'c'},"
                          " {'k': {'$float': 'nan'}, 'm': 'd'}, {'k': '1', 'm': 'e'},"
                          " {'k': true, 'm': 'f'}]");
    assert_joined(c, "from f | join g on k = g.k | select { m: g.m }",
                  "[{'m': 'a'}, {'m': 'b'}, {'m': 'c'}, {'m': 'd'}]");
}

static void left_null_keeps_the_left_rows_fields_at_the_top(void **state)
{
    query_case *c = *state;
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'o'}, {'op': 'limit', 'n': 1},"
                     " {'op': 'join', 'kind': 'left', 'with': [{'op': 'from', 'source': 'c'}],"
                     "  'on': ['=', {'f': 'cid'}, {'f': 'r.id'}], 'left': null, 'right': 'r'},"
                     " {'op': 'limit', 'n': 1}]",
                     "[{'id': 1, 'cid': 10, 'n': 5, 'r': {'id': 10, 'city': 'Rome'}}]");
}

static void with_an_alias_for_each_the_row_is_both(void **state)
{
    query_case *c = *state;
    assert_plan_rows(
        c,
        "[{'op': 'from', 'source': 'o'},"
        " {'op': 'join', 'kind': 'full', 'with': [{'op': 'from', 'source': 'c'}],"
        "  'on': ['and', ['=', {'f': 'l.cid'}, {'f': 'r.id'}], ['=', {'f': 'l.n'}, 7]],"
        "  'left': 'l', 'right': 'r'},"
        " {'op': 'where', 'expr': ['or', ['=', {'f': 'l.n'}, 7],"
        "                          ['=', {'f': 'r.city'}, 'Nil']]}]",
        "[{'l': {'id': 2, 'cid': 20, 'n': 7}, 'r': {'id': 20, 'city': 'Oslo'}},"
        " {'l': null, 'r': {'id': null, 'city': 'Nil'}}]");
    assert_joined(c, "from o | join c k beside a on a.cid = k.id | where a.id = 2",
                  "[{'a': {'id': 2, 'cid': 20, 'n': 7}, 'k': {'id': 20, 'city': 'Oslo'}}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'o'},"
                     " {'op': 'join', 'kind': 'semi', 'with': [{'op': 'from', 'source': 'c'}],"
                     "  'on': ['=', {'f': 'l.cid'}, {'f': 'r.id'}], 'left': 'l', 'right': 'r'},"
                     " {'op': 'select', 'cols': [['id', {'f': 'id'}]]}]",
                     "[{'id': 1}, {'id': 2}, {'id': 3}]");
}

static void a_field_named_like_the_alias_is_an_error(void **state)
{
    query_case *c = *state;
    assert_fails(c, "from o | join c as n on cid = n.id", PBASE_INVALID,
                 "step 2 (join): a row already has a field named 'n'");
    assert_fails(c, "from o | select { id, k: 1 } | join c k on id = k.id", PBASE_INVALID,
                 "the rows before already have a field named 'k'");
    assert_fails(c, "from o as a | join c as a on a.cid = a.id", PBASE_INVALID,
                 "already have a field named 'a'");
    assert_fails(c, "from o | join c as x beside x on true", PBASE_INVALID,
                 "both rows are named 'x'");
}

static void the_second_input_may_be_any_query_and_the_collection_itself(void **state)
{
    query_case *c = *state;
    assert_joined(c,
                  "from o as a | join (from o | where n > 5) b on a.cid = b.cid and a.id <> b.id"
                  " | select { x: a.id, y: b.id }",
                  "[{'x': 1, 'y': 3}]");
    assert_joined(c,
                  "from c | join left (from o | group by cid { n: count(), s: sum(n) }) t"
                  " on id = t.cid | select { city, n: t.n, t }",
                  "[{'city': 'Rome', 'n': 2, 't': {'cid': 10, 'n': 2, 's': 14}},"
                  " {'city': 'Oslo', 'n': 1, 't': {'cid': 20, 'n': 1, 's': 7}},"
                  " {'city': 'Bonn', 'n': 2, 't': {'cid': 10, 'n': 2, 's': 14}},"
                  " {'city': 'Nil', 'n': null, 't': null}]");
    assert_joined(c,
                  "from o | join (from c | join o as p on id = p.cid | select { city, pid: p.id })"
                  " as q on id = q.pid | order by id, q.city | select { id, c: q.city }",
                  "[{'id': 1, 'c': 'Bonn'}, {'id': 1, 'c': 'Rome'}, {'id': 2, 'c': 'Oslo'},"
                  " {'id': 3, 'c': 'Bonn'}, {'id': 3, 'c': 'Rome'}]");
    assert_joined(c,
                  "from o | join (from c | order by city | limit 1) k on true | select { k }"
                  " | limit 1",
                  "[{'k': {'id': 10, 'city': 'Bonn'}}]");
}

static void an_alias_stands_for_all_columns_of_its_row(void **state)
{
    query_case *c = *state;
    assert_joined(c,
                  "from o key pos | where pos > 2 | join left (from c key n | extend { id: id + 10,"
                  " t: [1, 2] }) x beside l on l.cid + 10 = x.id and x.n < 5 and l.pos < 4",
                  "[{'l': {'id': 4, 'cid': null, 'n': 1, 'pos': 3}, 'x': null},"
                  " {'l': {'id': 5, 'cid': 99, 'n': 2, 'pos': 4}, 'x': null}]");
    assert_joined(c,
                  "from o | where id = 2 | join (from c key n | extend { id: id + 10, t: [1, 2],"
                  " u: city }) x on cid + 10 = x.id"
                  " | select { a: x.n, b: x.t[1], c: x.city, d: exists(x.city), e: exists(x.zz),"
                  " f: exists(x.u), g: x.id, h: exists(x.t[5]), i: x.city.q, j: x.u }",
                  "[{'a': 1, 'b': 2, 'c': 'Oslo', 'd': true, 'e': false, 'f': true, 'g': 30,"
                  " 'h': false, 'i': null, 'j': 'Oslo'}]");
    assert_joined(c,
                  "from o | where id = 2 | join (from c as d key n) x on cid = x.d.id"
                  " | select { c: x.d.city, d: x.d, n: x.n, x }",
                  "[{'c': 'Oslo', 'd': {'id': 20, 'city': 'Oslo'}, 'n': 1,"
                  " 'x': {'d': {'id': 20, 'city': 'Oslo'}, 'n': 1}}]");
    assert_fails(c,
                 "from o | join (from c | select { k: id + 9223372036854775807 }) x on cid = 10"
                 " | select { id, k: x.k }",
                 PBASE_INVALID, "integer overflow");
    assert_joined(c,
                  "from o | join (from c | select { k: id + 9223372036854775807 }) x on cid = 10"
                  " | count",
                  "[{'count': 8}]"); /* nobody uses what cannot be computed */
}

static void joins_follow_one_another_and_any_step(void **state)
{
    query_case *c = *state;
    assert_joined(c,
                  "from o | join c a on cid = a.id | join c b on cid = b.id and b.city < a.city"
                  " | select { id, a: a.city, b: b.city } | order by id desc | limit 1",
                  "[{'id': 3, 'a': 'Rome', 'b': 'Bonn'}]");
    assert_joined(
        c,
        "from o | extend { z: n * 2 } | join c k on cid = k.id | where z > 10"
        " | group by city: k.city { s: sum(z) } | order by city",
        "[{'city': 'Bonn', 's': 18}, {'city': 'Oslo', 's': 14}, {'city': 'Rome', 's': 18}]");
    assert_joined(c,
                  "from o | order by n desc | join left c k on cid = k.id | select { n, k: k.city }"
                  " | offset 1 | limit 2",
                  "[{'n': 9, 'k': 'Bonn'}, {'n': 7, 'k': 'Oslo'}]");
    assert_joined(c, "from c key pos | join o on id = o.cid | select { pos, id: o.id } | limit 2",
                  "[{'pos': 0, 'id': 1}, {'pos': 0, 'id': 3}]");
}

static void filters_behind_a_join_say_the_same_before_it(void **state)
{
    query_case *c = *state;
    assert_joined(c, "from o | join left c k on cid = k.id | where k.city is null | select { id }",
                  "[{'id': 4}, {'id': 5}]");
    assert_joined(c,
                  "from o | join right c k on cid = k.id | where id is null | select { c: k.city }",
                  "[{'c': 'Nil'}]");
    assert_joined(c, "from o | join full c k on cid = k.id | where n > 8 or k.city = 'Nil' | count",
                  "[{'count': 3}]");
    assert_joined(c,
                  "from o | join cross c k | where cid = k.id and n > 8 | select { id, c: k.city }",
                  "[{'id': 3, 'c': 'Rome'}, {'id': 3, 'c': 'Bonn'}]");
    assert_joined(
        c, "from o | join left c k on cid = k.id and n > 6 | where id < 3 | select { id, k }",
        "[{'id': 1, 'k': null}, {'id': 2, 'k': {'id': 20, 'city': 'Oslo'}}]");
}

static void what_cannot_be_computed_for_a_pair_is_an_error(void **state)
{
    query_case *c = *state;
    assert_fails(c, "from o | join c k on cid + 9223372036854775807 = k.id", PBASE_INVALID,
                 "step 2 (join): integer overflow");
    assert_fails(c, "from o | join c k on cid < k.id + 9223372036854775807", PBASE_INVALID,
                 "integer overflow");
}

static void unknown_collections_and_kinds_are_named_with_the_nearest(void **state)
{
    query_case *c = *state;
    assert_fails(c, "from o | join nuns x on true", PBASE_NOT_FOUND, "step 1 (from)");
    assert_string_equal(c->error.hint, "did you mean 'nums'?");
    assert_plan_fails(c,
                      "[{'op': 'from', 'source': 'o'}, {'op': 'join', 'kind': 'innner', 'with':"
                      " [{'op': 'from', 'source': 'c'}], 'right': 'r'}]",
                      PBASE_INVALID, "step 2 (join): there is no kind of join 'innner'");
    assert_string_equal(c->error.hint, "did you mean 'inner'?");
    assert_plan_fails(c,
                      "[{'op': 'from', 'source': 'o'}, {'op': 'join', 'kind': 'left', 'with':"
                      " [{'op': 'where', 'expr': true}], 'right': 'r'}]",
                      PBASE_INVALID,
                      "step 2 (join): with: step 1 (where): the first step must be 'from'");
    assert_plan_fails(c,
                      "[{'op': 'from', 'source': 'o'}, {'op': 'join', 'kind': 'left', 'with': []}]",
                      PBASE_INVALID, "the key 'right' is missing");
    assert_fails(c, "from o | join (from c | limit 1) on true", PBASE_INVALID,
                 "expected a name for the joined rows");
    assert_fails(c, "from o | join (from c", PBASE_INVALID, "expected ')'");
    assert_fails(c, "from o | join (where a) x", PBASE_INVALID, "must be 'from'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            inner_join_gives_every_pair_that_matches_in_the_order_of_the_left, begin, end),
        cmocka_unit_test_setup_teardown(left_join_keeps_left_rows_and_binds_null, begin, end),
        cmocka_unit_test_setup_teardown(
            right_join_gives_right_rows_without_a_match_behind_the_others, begin, end),
        cmocka_unit_test_setup_teardown(full_join_gives_both_without_a_match, begin, end),
        cmocka_unit_test_setup_teardown(semi_and_anti_join_give_the_left_row_once, begin, end),
        cmocka_unit_test_setup_teardown(cross_join_gives_every_pair, begin, end),
        cmocka_unit_test_setup_teardown(on_may_be_any_condition, begin, end),
        cmocka_unit_test_setup_teardown(on_never_matches_nulls, begin, end),
        cmocka_unit_test_setup_teardown(equal_numbers_match_whatever_their_kind, begin, end),
        cmocka_unit_test_setup_teardown(left_null_keeps_the_left_rows_fields_at_the_top, begin,
                                        end),
        cmocka_unit_test_setup_teardown(with_an_alias_for_each_the_row_is_both, begin, end),
        cmocka_unit_test_setup_teardown(a_field_named_like_the_alias_is_an_error, begin, end),
        cmocka_unit_test_setup_teardown(the_second_input_may_be_any_query_and_the_collection_itself,
                                        begin, end),
        cmocka_unit_test_setup_teardown(an_alias_stands_for_all_columns_of_its_row, begin, end),
        cmocka_unit_test_setup_teardown(joins_follow_one_another_and_any_step, begin, end),
        cmocka_unit_test_setup_teardown(filters_behind_a_join_say_the_same_before_it, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_computed_for_a_pair_is_an_error, begin, end),
        cmocka_unit_test_setup_teardown(unknown_collections_and_kinds_are_named_with_the_nearest,
                                        begin, end),
    };
    return cmocka_run_group_tests_name("query.joins", tests, NULL, NULL);
}
