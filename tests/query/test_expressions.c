/* The operators of expressions, by the rows of the plan's table: a test for each, as text and as plan. */
#include "query_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

static int begin(void **state)
{
    static query_case c;
    query_case_init(&c);
    query_case_collection(&c, "t", "[{'a': null, 'n': 5, 's': 'abc', 'l': [1, 'x']}]");
    *state = &c;
    return 0;
}

static int end(void **state)
{
    query_case_fini(*state);
    return 0;
}

static void every_operator_of_the_plan_is_known_and_no_other(void **state)
{
    query_case *c = *state;
    assert_plan_rows(
        c,
        "[{'op': 'from', 'source': 't'}, {'op': 'select', 'cols': ["
        "['eq', ['=', {'f': 'n'}, 5]], ['ne', ['<>', {'f': 'n'}, 5]], ['same', ['<=>', {'f': 'a'},"
        " null]], ['lt', ['<', {'f': 'n'}, 6]], ['le', ['<=', {'f': 'n'}, 5]], ['gt', ['>', {'f':"
        " 'n'}, 5]], ['ge', ['>=', {'f': 'n'}, 5]], ['and', ['and', true, true]], ['or', ['or',"
        " false, true]], ['not', ['not', true]], ['in', ['in', {'f': 'n'}, 4, 5]], ['between',"
        " ['between', {'f': 'n'}, 5, 6]], ['isnull', ['is_null', {'f': 'a'}]], ['notnull',"
        " ['not_null', {'f': 'a'}]], ['exists', ['exists', {'f': 'a'}]], ['type', ['type', {'f':"
        " 'l'}]]]}]",
        "[{'eq': true, 'ne': false, 'same': true, 'lt': true, 'le': true, 'gt': false, 'ge': true,"
        " 'and': true, 'or': true, 'not': false, 'in': true, 'between': true, 'isnull': true,"
        " 'notnull': false, 'exists': true, 'type': 'list'}]");
    assert_plan_rows(
        c,
        "[{'op': 'from', 'source': 't'}, {'op': 'select', 'cols': ["
        "['like', ['like', {'f': 's'}, 'a%']], ['ilike', ['ilike', {'f': 's'}, 'A_C']],"
        " ['starts', ['starts_with', {'f': 's'}, 'ab']], ['ends', ['ends_with', {'f': 's'}, 'bc']],"
        " ['contains', ['contains', {'f': 'l'}, 'x']], ['plus', ['+', {'f': 'n'}, 1]], ['minus',"
        " ['-', {'f': 'n'}, 1]], ['negated', ['-', {'f': 'n'}]], ['times', ['*', {'f': 'n'}, 2]],"
        " ['over', ['/', {'f': 'n'}, 2]], ['whole', ['//', {'f': 'n'}, 2]], ['rest', ['%', {'f':"
        " 'n'}, 2]], ['abs', ['abs', -5]], ['concat', ['concat', {'f': 's'}, 'd']], ['length',"
        " ['length', {'f': 's'}]], ['lower', ['lower', 'AB']], ['upper', ['upper', {'f': 's'}]],"
        " ['ascii', ['upper_ascii', {'f': 's'}]], ['substr', ['substr', {'f': 's'}, 2, 1]],"
        " ['case', ['case', false, 1, true, 2, 3]], ['coalesce', ['coalesce', {'f': 'a'}, 7]],"
        " ['list_length', ['list_length', {'f': 'l'}]]]}]",
        "[{'like': true, 'ilike': true, 'starts': true, 'ends': true, 'contains': true, 'plus': 6,"
        " 'minus': 4, 'negated': -5, 'times': 10, 'over': 2.5, 'whole': 2, 'rest': 1, 'abs': 5,"
        " 'concat': 'abcd', 'length': 3, 'lower': 'ab', 'upper': 'ABC', 'ascii': 'ABC',"
        " 'substr': 'b', 'case': 2, 'coalesce': 7, 'list_length': 2}]");
    assert_plan_fails(c, "[{'op': 'from', 'source': 't'}, {'op': 'where', 'expr': ['near', 1, 2]}]",
                      PBASE_INVALID, "step 2");
}

static void in_finds_equal_values_and_is_unknown_where_a_null_might_be_one(void **state)
{
    query_case *c = *state;
    assert_expr(c, "2 in (1, 2.0)", "true");
    assert_expr(c, "3 in (1, 2)", "false");
    assert_expr(c, "3 in (1, null)", "null");
    assert_expr(c, "1 in (1, null)", "true");
    assert_expr(c, "null in (1)", "null");
    assert_expr(c, "3 not in (1, null)", "null");
    assert_expr(c, "[1] in ([1], 2)", "true");
}

static void between_is_inclusive_and_its_other_three_are_functions(void **state)
{
    query_case *c = *state;
    assert_expr(c, "1 between 1 and 2 and 2 between 1 and 2", "true");
    assert_expr(c, "between_open(1, 1, 2) or between_open(2, 1, 2)", "false");
    assert_expr(c, "between_left_open(1, 1, 2)", "false");
    assert_expr(c, "between_left_open(2, 1, 2)", "true");
    assert_expr(c, "between_right_open(1, 1, 2)", "true");
    assert_expr(c, "between_right_open(2, 1, 2)", "false");
    assert_expr(c, "1 between 2 and 1", "false");
    assert_expr(c, "1 between null and 2", "null");
    assert_expr(c, "3 between null and 2", "false"); /* whatever the null is */
}

static void case_takes_the_first_condition_that_is_true_and_no_other_value(void **state)
{
    query_case *c = *state;
    assert_expr(c, "case when null then 1 when 1 = 1 then 2 when true then 3 else 4 end", "2");
    assert_expr(c, "case when false then 1 else 4 end", "4");
    assert_expr(c, "case when false then 1 end", "null");
    assert_expr(c, "case when 1 then 1 else 2 end", "2"); /* not true */
    assert_expr(c, "case when true then 1 else 9223372036854775807 + 1 end", "1");
}

static void coalesce_gives_the_first_argument_that_is_not_null(void **state)
{
    query_case *c = *state;
    assert_expr(c, "coalesce(null, false, 1)", "false");
    assert_expr(c, "coalesce(null, null)", "null");
    assert_expr(c, "coalesce(1, 9223372036854775807 + 1)", "1");
}

static void contains_is_a_part_of_a_string_or_an_element_of_a_list(void **state)
{
    query_case *c = *state;
    assert_expr(c, "contains('abc', 'bc')", "true");
    assert_expr(c, "contains('abc', '')", "true");
    assert_expr(c, "contains('abc', 'B')", "false");
    assert_expr(c, "contains([1, [2]], [2.0])", "true");
    assert_expr(c, "contains([], 1)", "false");
    assert_expr(c, "contains(null, 1)", "null");
    assert_expr(c, "contains([1], null)", "null");
}

static void substr_and_length_count_from_1_in_code_points(void **state)
{
    query_case *c = *state;
    assert_expr(c, "substr('añb', 2, 1)", "'ñ'");
    assert_expr(c, "substr('añb', 3)", "'b'");
    assert_expr(c, "length('añb')", "3");
    assert_expr(c, "length(x'0102')", "2");
}

static void functions_of_null_are_null(void **state)
{
    query_case *c = *state;
    static const char *const calls[] = {
        "concat('a', null)",
        "length(null)",
        "substr(null, 1)",
        "lower(null)",
        "upper(null)",
        "upper_ascii(null)",
        "abs(null)",
        "list_length(null)",
        "starts_with(null, 'a')",
        "starts_with('a', null)",
        "ends_with(null, 'a')",
        "null like 'a'",
        "'a' like null",
        "null + 1",
        "1 - null",
        "null * 1",
        "1 / null",
        "1 // null",
        "null % 1",
        "- null",
        "'a' ilike null",
        "substr('a', null)",
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        assert_expr(c, calls[i], "null");
    }
}

static void type_names_every_class(void **state)
{
    query_case *c = *state;
    static const struct {
        const char *value, *type;
    } types[] = {
        {"null", "'null'"},
        {"true", "'bool'"},
        {"1", "'num'"},
        {"1.5", "'num'"},
        {"'a'", "'str'"},
        {"x'00'", "'bytes'"},
        {"timestamp '2024-05-01T12:00:00Z'", "'time'"},
        {"[1]", "'list'"},
        {"{a: 1}", "'map'"},
        {"ref '0123456789abcdef0123456789abcdef'", "'ref'"},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char text[80];
        (void)snprintf(text, sizeof text, "type(%s)", types[i].value);
        assert_expr(c, text, types[i].type);
    }
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 't'},"
                     " {'op': 'select', 'cols': [['v', ['type', {'lit': {'$vec': [1]}}]]]}]",
                     "[{'v': 'vec'}]");
}

static void is_null_and_not_null_are_never_unknown(void **state)
{
    query_case *c = *state;
    assert_expr(c, "null is null", "true");
    assert_expr(c, "missing is null", "true");
    assert_expr(c, "1 is null", "false");
    assert_expr(c, "null is not null", "false");
    assert_expr(c, "(1 < 'a') is null", "true");
}

static void a_plan_tells_ints_from_floats_and_has_the_forms_of_values(void **state)
{
    query_case *c = *state;
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 't'}, {'op': 'select', 'cols': [['i', 1],"
                     " ['f', 1.0], ['e', 1e2], ['d', {'lit': {'$float': 'inf'}}],"
                     " ['l', {'lit': [1, {'f': 'not a field'}]}]]}]",
                     "[{'i': 1, 'f': 1.0, 'e': 100.0, 'd': {'$float': 'inf'},"
                     " 'l': [1, {'f': 'not a field'}]}]");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(every_operator_of_the_plan_is_known_and_no_other),
        T(in_finds_equal_values_and_is_unknown_where_a_null_might_be_one),
        T(between_is_inclusive_and_its_other_three_are_functions),
        T(case_takes_the_first_condition_that_is_true_and_no_other_value),
        T(coalesce_gives_the_first_argument_that_is_not_null),
        T(contains_is_a_part_of_a_string_or_an_element_of_a_list),
        T(substr_and_length_count_from_1_in_code_points),
        T(functions_of_null_are_null),
        T(type_names_every_class),
        T(is_null_and_not_null_are_never_unknown),
        T(a_plan_tells_ints_from_floats_and_has_the_forms_of_values),
    };
#undef T
    return cmocka_run_group_tests_name("query.expressions", tests, NULL, NULL);
}
