/* The steps of a plan, one by one: the rows of PLAN.md, as text and as JSON plan. */
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
    query_case_dictionary(&c, "people",
                          "{'ada': {'name': 'Ada', 'age': 36, 'city': 'London'},"
                          " 'alan': {'name': 'Alan', 'age': 41, 'city': 'London'},"
                          " 'grace': {'name': 'Grace', 'age': 85, 'city': 'Arlington'},"
                          " 'kurt': {'name': 'Kurt', 'age': null, 'city': 'Princeton'},"
                          " 'rosza': {'name': 'Rózsa', 'city': 'Budapest'}}");
    query_case_collection(&c, "numbers", "[3, 1, 2]");
    query_case_collection(&c, "none", "[]");
    *state = &c;
    return 0;
}

static int end(void **state)
{
    query_case_fini(*state);
    return 0;
}

static void from_gives_the_documents_in_collection_order(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from numbers", "[3, 1, 2]");
    assert_plan_rows(c, "[{'op': 'from', 'source': 'numbers'}]", "[3, 1, 2]");
    assert_rows(c, "from none", "[]");
}

static void from_as_binds_each_row_under_an_alias(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from numbers as n | where n > 1", "[{'n': 3}, {'n': 2}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'people', 'as': 'p'},"
                     " {'op': 'where', 'expr': ['>', {'f': 'p.age'}, 80]},"
                     " {'op': 'select', 'cols': [['who', {'f': 'p.name'}]]}]",
                     "[{'who': 'Grace'}]");
}

static void from_key_names_the_field_that_receives_the_key(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from people key id | where age < 40",
                "[{'name': 'Ada', 'age': 36, 'city': 'London', 'id': 'ada'}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'people', 'key': 'id'},"
                     " {'op': 'where', 'expr': ['=', {'f': 'id'}, 'grace']},"
                     " {'op': 'select', 'cols': [['id', {'f': 'id'}]]}]",
                     "[{'id': 'grace'}]");
}

static void where_keeps_rows_that_are_true_not_null_not_false(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from people | where age >= 41 | select name",
                "[{'name': 'Alan'}, {'name': 'Grace'}]");
    assert_rows(c, "from people | where not (age >= 41) | select name", "[{'name': 'Ada'}]");
    assert_rows(c, "from numbers | where null", "[]");
    assert_rows(c, "from numbers | where 5", "[]"); /* not a boolean: not true */
}

static void select_makes_new_rows_and_writes_null_for_missing(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from people | where name = 'Rózsa' | select { name, age, next: age + 1 }",
                "[{'name': 'Rózsa', 'age': null, 'next': null}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'people'}, {'op': 'limit', 'n': 1},"
                     " {'op': 'select', 'cols': [['x', {'f': 'age'}], ['y', 'lit']]}]",
                     "[{'x': 36, 'y': 'lit'}]");
}

static void extend_adds_fields_and_replaces_them_in_place(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from people | limit 1 | extend { age: age + 1, old: age > 30 }",
                "[{'name': 'Ada', 'age': 37, 'city': 'London', 'old': true}]");
    assert_rows(c,
                "from people | limit 1 | select { name } | extend { n: length(name), name: 'x' }",
                "[{'name': 'x', 'n': 3}]");
    /* of what is not a map: the new fields alone */
    assert_rows(c, "from numbers | limit 1 | extend { a: 1 }", "[{'a': 1}]");
}

static void order_is_stable_and_ascending_unless_said(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from people | order by city | select name",
                "[{'name': 'Grace'}, {'name': 'Rózsa'}, {'name': 'Ada'}, {'name': 'Alan'},"
                " {'name': 'Kurt'}]");
    assert_rows(c, "from people | order by city desc, age desc | select name",
                "[{'name': 'Kurt'}, {'name': 'Alan'}, {'name': 'Ada'}, {'name': 'Rózsa'},"
                " {'name': 'Grace'}]");
}

static void order_puts_nulls_first_ascending_and_last_descending_unless_said(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from people | order by age | select age",
                "[{'age': null}, {'age': null}, {'age': 36}, {'age': 41}, {'age': 85}]");
    assert_rows(c, "from people | order by age desc | select age",
                "[{'age': 85}, {'age': 41}, {'age': 36}, {'age': null}, {'age': null}]");
    assert_rows(c, "from people | order by age nulls last | select age",
                "[{'age': 36}, {'age': 41}, {'age': 85}, {'age': null}, {'age': null}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'people'},"
                     " {'op': 'order', 'keys': [[{'f': 'age'}, 'desc', 'first']]},"
                     " {'op': 'select', 'cols': [['age', {'f': 'age'}]]}]",
                     "[{'age': null}, {'age': null}, {'age': 85}, {'age': 41}, {'age': 36}]");
}

static void every_key_of_an_order_has_its_direction_and_nulls(void **state)
{
    query_case *c = *state;
    query_case_collection(
        c, "two",
        "[{'a': 1, 'b': 'x', 'i': 0}, {'a': 1, 'i': 1}, {'a': 1.0, 'b': 'w', 'i': 2},"
        " {'a': 0, 'i': 3}, {'a': 0, 'b': null, 'i': 4}]");
    assert_rows(c, "from two | order by a, b nulls last | select { i }",
                "[{'i': 3}, {'i': 4}, {'i': 2}, {'i': 0}, {'i': 1}]");
    assert_rows(c, "from two | order by a desc, b nulls first | select { i }",
                "[{'i': 1}, {'i': 2}, {'i': 0}, {'i': 3}, {'i': 4}]");
    assert_rows(c, "from two | order by a desc, b desc | select { i }",
                "[{'i': 0}, {'i': 2}, {'i': 1}, {'i': 3}, {'i': 4}]");
}

static void order_tells_long_common_prefixes_and_near_numbers_apart(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "near",
                          "[{'s': 'prefix-b', 'n': 9007199254740993}, {'s': 'prefix-',"
                          " 'n': 9007199254740992.0}, {'s': 'prefix-a', 'n': 9007199254740992},"
                          " {'s': 'prefix', 'n': -0.0}, {'s': 'prefiz', 'n': 0}]");
    assert_rows(c, "from near | order by s | select { s }",
                "[{'s': 'prefix'}, {'s': 'prefix-'}, {'s': 'prefix-a'}, {'s': 'prefix-b'},"
                " {'s': 'prefiz'}]");
    assert_rows(c, "from near | order by n desc, s desc | select { n }",
                "[{'n': 9007199254740993}, {'n': 9007199254740992}, {'n': 9007199254740992.0},"
                " {'n': 0}, {'n': -0.0}]");
}

static void limit_and_offset_apply_at_their_position(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from numbers as n | limit 2 | where n < 3", "[{'n': 1}]");
    assert_rows(c, "from numbers as n | where n < 3 | limit 1", "[{'n': 1}]");
    assert_rows(c, "from numbers | offset 1 | limit 1", "[1]");
    assert_rows(c, "from numbers | limit 1 | offset 1", "[]");
    assert_rows(c, "from numbers | limit 0", "[]");
    assert_rows(c, "from numbers | offset 9223372036854775807", "[]");
    assert_rows(c, "from numbers as n | order by n | offset 1 | limit 1", "[{'n': 2}]");
}

static void count_gives_one_row(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from people | count", "[{'count': 5}]");
    assert_rows(c, "from none | count", "[{'count': 0}]");
    assert_rows(c, "from people | where age > 40 | count", "[{'count': 2}]");
    assert_plan_rows(c, "[{'op': 'from', 'source': 'numbers'}, {'op': 'count'}]", "[{'count': 3}]");
}

static void group_gives_a_row_per_key_and_having_is_a_where_after_it(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from people | group by city { n: count() } | where n > 1",
                "[{'city': 'London', 'n': 2}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'people'},"
                     " {'op': 'group', 'keys': [['c', {'f': 'city'}]],"
                     "  'aggs': [['n', 'count', null], ['oldest', 'max', {'f': 'age'}]]},"
                     " {'op': 'order', 'keys': [[{'f': 'c'}]]}]",
                     "[{'c': 'Arlington', 'n': 1, 'oldest': 85}, {'c': 'Budapest', 'n': 1,"
                     " 'oldest': null}, {'c': 'London', 'n': 2, 'oldest': 41},"
                     " {'c': 'Princeton', 'n': 1, 'oldest': null}]");
}

static void select_from_is_accepted_as_sugar(void **state)
{
    query_case *c = *state;
    assert_rows(c, "select name, age + 1 as next from people where age > 40 order by next desc",
                "[{'name': 'Grace', 'next': 86}, {'name': 'Alan', 'next': 42}]");
    assert_rows(c, "select * from numbers limit 1 offset 1", "[1]");
    assert_rows(c,
                "select city, count(*) as n, max(age) as oldest from people where age > 1"
                " group by city having n > 1 order by n desc limit 3",
                "[{'city': 'London', 'n': 2, 'oldest': 41}]");
    assert_rows(c, "select count(*) as n from people | extend { m: n + 1 }", "[{'n': 5, 'm': 6}]");
}

static void a_row_is_a_map_and_paths_reach_into_it(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "deep",
                          "[{'a': {'b': [10, {'c': 'x'}]}, 'Installed-Size': 7, 'a.b': 1}]");
    assert_rows(c,
                "from deep | select { x: a.b[1].c, y: a.b[0], z: a.b[-1].c, none: a.b[2],"
                " size: \"Installed-Size\", dotted: \"a.b\", no: a.b.c }",
                "[{'x': 'x', 'y': 10, 'z': 'x', 'none': null, 'size': 7, 'dotted': 1,"
                " 'no': null}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'deep'}, {'op': 'select', 'cols':"
                     " [['s', {'f': 'Installed-Size'}], ['q', {'f': '\\\"a.b\\\"'}],"
                     "  ['c', {'f': 'a.b[1].c'}]]}]",
                     "[{'s': 7, 'q': 1, 'c': 'x'}]");
    assert_rows(c, "from deep | select { a } | where a.b[0] = 10 | select { v: a.b[1].c }",
                "[{'v': 'x'}]");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(from_gives_the_documents_in_collection_order),
        T(from_as_binds_each_row_under_an_alias),
        T(from_key_names_the_field_that_receives_the_key),
        T(where_keeps_rows_that_are_true_not_null_not_false),
        T(select_makes_new_rows_and_writes_null_for_missing),
        T(extend_adds_fields_and_replaces_them_in_place),
        T(order_is_stable_and_ascending_unless_said),
        T(order_puts_nulls_first_ascending_and_last_descending_unless_said),
        T(every_key_of_an_order_has_its_direction_and_nulls),
        T(order_tells_long_common_prefixes_and_near_numbers_apart),
        T(limit_and_offset_apply_at_their_position),
        T(count_gives_one_row),
        T(group_gives_a_row_per_key_and_having_is_a_where_after_it),
        T(select_from_is_accepted_as_sugar),
        T(a_row_is_a_map_and_paths_reach_into_it),
    };
#undef T
    return cmocka_run_group_tests_name("query.steps", tests, NULL, NULL);
}
