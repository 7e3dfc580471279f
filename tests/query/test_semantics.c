/* What queries mean: a test per sentence of the semantics (docs/query.md, "Values and logic"). */
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

static void missing_field_reads_as_null_and_exists_tells_them_apart(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "t", "[{'a': null}, {'b': 1}, {'a': {'x': null}}, {'a': 2}]");
    assert_rows(c, "from t | select { n: a is null, e: exists(a), x: exists(a.x), v: a.x }",
                "[{'n': true, 'e': true, 'x': false, 'v': null},"
                " {'n': true, 'e': false, 'x': false, 'v': null},"
                " {'n': false, 'e': true, 'x': true, 'v': null},"
                " {'n': false, 'e': true, 'x': false, 'v': null}]");
    assert_rows(c, "from t | where exists(a) and a is null", "[{'a': null}]");
    /* of columns a query made: the column is there, whatever its value */
    assert_rows(c, "from t | limit 1 | select { z: q } | select { e: exists(z), f: exists(q) }",
                "[{'e': true, 'f': false}]");
}

static void three_valued_logic_follows_kleene(void **state)
{
    query_case *c = *state;
    assert_expr(c, "[]", "[]");
    assert_expr(c, "true and null", "null");
    assert_expr(c, "false and null", "false");
    assert_expr(c, "null and false", "false");
    assert_expr(c, "true or null", "true");
    assert_expr(c, "null or true", "true");
    assert_expr(c, "false or null", "null");
    assert_expr(c, "not null", "null");
    assert_expr(c, "not (null and true)", "null");
    assert_expr(c, "null = null", "null");
    assert_expr(c, "null <> 1", "null");
    assert_expr(c, "1 in (2, null)", "null");
    assert_expr(c, "1 in (1, null)", "true");
    assert_expr(c, "1 not in (2, 3)", "true");
    assert_expr(c, "null in (1, 2)", "null");
    assert_expr(c, "5 and true", "null"); /* what is no boolean is unknown */
    assert_expr(c, "case when null then 1 else 2 end", "2");
    assert_expr(c, "case when false then 1 end", "null");
}

static void equality_across_classes_is_false_and_order_is_null(void **state)
{
    query_case *c = *state;
    assert_expr(c, "1 = '1'", "false");
    assert_expr(c, "1 <> '1'", "true");
    assert_expr(c, "true = 1", "false");
    assert_expr(c, "'a' = x'61'", "false");
    assert_expr(c, "1 < 'a'", "null");
    assert_expr(c, "[1] >= {a: 1}", "null");
    assert_expr(c, "'a' between 1 and 2", "null");
    assert_expr(c, "timestamp '2024-01-01T00:00:00Z' > 5", "null");
    assert_expr(c, "1 in ('1', true)", "false");
    assert_expr(c, "[1, 2] = [1.0, 2]", "true");
    assert_expr(c, "{a: 1, b: 2} = {b: 2, a: 1}", "true");
    assert_expr(c, "false < true", "true");
}

static void not_less_is_greater_or_equal(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "v",
                          "[{'a': 1}, {'a': 2.5}, {'a': 'x'}, {'a': null}, {'a': true},"
                          " {'a': [1]}, {'a': {'$float': 'nan'}}]");
    assert_rows(c, "from v | where (not (a < 2)) <=> (a >= 2) | count", "[{'count': 7}]");
}

static void null_safe_equality_never_gives_null(void **state)
{
    query_case *c = *state;
    assert_expr(c, "null <=> null", "true");
    assert_expr(c, "null <=> 1", "false");
    assert_expr(c, "1 <=> 1.0", "true");
    assert_expr(c, "1 <=> '1'", "false");
}

static void ints_and_floats_compare_by_exact_value(void **state)
{
    query_case *c = *state;
    assert_expr(c, "1 = 1.0", "true");
    assert_expr(c, "9007199254740993 > 9007199254740992.0", "true");
    assert_expr(c, "9007199254740993 = 9007199254740992.0", "false");
    assert_expr(c, "9223372036854775807 < 9223372036854775808.0", "true");
    assert_expr(c, "-0.0 = 0", "true");
    assert_expr(c, "1 in (2.0, 1.0)", "true");
}

static void nan_equals_itself_and_is_the_greatest_number(void **state)
{
    query_case *c = *state;
    assert_expr(c, "float 'nan' = float 'nan'", "true");
    assert_expr(c, "float 'nan' > float 'inf'", "true");
    assert_expr(c, "float 'nan' < 'a'", "null");
    query_case_collection(c, "f", "[{'$float': 'nan'}, 1, {'$float': 'inf'}, {'$float': '-inf'}]");
    assert_rows(c, "from f as x | order by x desc",
                "[{'x': {'$float': 'nan'}}, {'x': {'$float': 'inf'}}, {'x': 1},"
                " {'x': {'$float': '-inf'}}]");
}

static void the_total_order_ranks_every_class(void **state)
{
    query_case *c = *state;
    query_case_collection(
        c, "all",
        "[{'$ref': '00000000000000000000000000000001'}, {'$vec': [1]}, {'a': 1}, [2], [1, 5],"
        " {'$time': '2024-01-01T00:00:00Z'}, {'$bytes': '00'}, 'b', 'a', 2, 1.5, true, false,"
        " null]");
    assert_rows(c, "from all as v | order by v | select { t: type(v) }",
                "[{'t': 'null'}, {'t': 'bool'}, {'t': 'bool'}, {'t': 'num'}, {'t': 'num'},"
                " {'t': 'str'}, {'t': 'str'}, {'t': 'bytes'}, {'t': 'time'}, {'t': 'list'},"
                " {'t': 'list'}, {'t': 'map'}, {'t': 'vec'}, {'t': 'ref'}]");
    assert_rows(c, "from all as v | order by v | where type(v) in ('list', 'str', 'num')",
                "[{'v': 1.5}, {'v': 2}, {'v': 'a'}, {'v': 'b'}, {'v': [1, 5]}, {'v': [2]}]");
    assert_rows(c, "from all as v | group { lo: min(v), n: count(v) }", "[{'lo': false, 'n': 13}]");
}

static void strings_compare_by_bytes_and_are_never_normalised(void **state)
{
    query_case *c = *state;
    assert_expr(c, "'Z' < 'a'", "true");
    assert_expr(c, "'a' < 'aa'", "true");
    assert_expr(c, "'é' > 'z'", "true");
    assert_expr(c, "'\xc3\xa9' = 'e\xcc\x81'", "false"); /* composed, decomposed */
    assert_expr(c, "length('e\xcc\x81')", "2");
}

static void like_is_case_sensitive_and_ilike_folds(void **state)
{
    query_case *c = *state;
    assert_expr(c, "'Brico' like 'Bri%'", "true");
    assert_expr(c, "'Brico' like 'bri%'", "false");
    assert_expr(c, "'Brico' ilike 'bRI%'", "true");
    assert_expr(c, "'ost' like '%s%'", "true");
    assert_expr(c, "'ost' like '_s_'", "true");
    assert_expr(c, "'ost' like '_s'", "false");
    assert_expr(c, "'日本語' like '日_語'", "true");
    assert_expr(c, "'' like '%'", "true");
    assert_expr(c, "'' like '_'", "false");
    assert_expr(c, "'aXbXc' like 'a%b%c'", "true");
    assert_expr(c, "'abab' like '%ab'", "true");
    assert_expr(c, "'aaa' like 'a%a%a%a'", "false");
    assert_expr(c, "'a.c' like 'a.c'", "true");
    assert_expr(c, "'abc' not like '%d%'", "true");
    assert_expr(c, "'ΣΊΣΥΦΟΣ' ilike 'σίσυφος'", "true");
    assert_expr(c, "'STRASSE' ilike 'straße'", "false"); /* simple folding: one letter to one */
    assert_expr(c, "5 like '5'", "null");
    assert_expr(c, "null like '%'", "null");
}

static void int_arithmetic_stays_int_and_overflow_is_an_error(void **state)
{
    query_case *c = *state;
    assert_expr(c, "2 + 3 * 4", "14");
    assert_expr(c, "7 - 10", "-3");
    assert_expr(c, "1 + 1.0", "2.0");
    assert_expr(c, "-9223372036854775808", "-9223372036854775808");
    assert_expr(c, "abs(-5)", "5");
    assert_expr(c, "1 + 'a'", "null");
    assert_expr(c, "true + 1", "null");
    assert_fails(c, "from one | select { v: 9223372036854775807 + 1 }", PBASE_INVALID, "overflow");
    assert_fails(c, "from one | select { v: -9223372036854775808 - 1 }", PBASE_INVALID, "overflow");
    assert_fails(c, "from one | select { v: 4611686018427387904 * 2 }", PBASE_INVALID, "overflow");
    assert_fails(c, "from one | select { v: abs(-9223372036854775808) }", PBASE_INVALID,
                 "overflow");
    assert_fails(c, "from one | select { v: -(-9223372036854775808) }", PBASE_INVALID, "overflow");
    assert_fails(c, "from one | select { v: -9223372036854775808 // -1 }", PBASE_INVALID,
                 "overflow");
}

static void division_is_float_truncating_or_remainder_and_by_zero_null(void **state)
{
    query_case *c = *state;
    assert_expr(c, "7 / 2", "3.5");
    assert_expr(c, "6 / 2", "3.0");
    assert_expr(c, "7 // 2", "3");
    assert_expr(c, "-7 // 2", "-3");
    assert_expr(c, "7.5 // 2", "3.0");
    assert_expr(c, "-7 % 3", "-1"); /* the sign of the dividend */
    assert_expr(c, "7 % -3", "1");
    assert_expr(c, "-7.5 % 2", "-1.5");
    assert_expr(c, "-9223372036854775808 % -1", "0");
    assert_expr(c, "1 / 0", "null");
    assert_expr(c, "1 // 0", "null");
    assert_expr(c, "1 % 0", "null");
    assert_expr(c, "1.0 / 0.0", "null");
    assert_expr(c, "1 / -0.0", "null");
}

static void errors_of_a_row_are_raised_only_if_the_row_survives(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "rows",
                          "[{'a': 1, 'ok': true}, {'a': 9223372036854775807, 'ok': false}]");
    assert_rows(c, "from rows | where ok and a + 1 > 0 | select a", "[{'a': 1}]");
    assert_rows(c, "from rows | where a + 1 > 0 and ok | select a", "[{'a': 1}]");
    assert_rows(c, "from rows | extend { b: a + 1 } | where ok | select { b }", "[{'b': 2}]");
    assert_rows(c, "from rows | extend { b: a + 1 } | select { a } | count", "[{'count': 2}]");
    assert_rows(c, "from rows | select { v: case when ok then a + 1 end }",
                "[{'v': 2}, {'v': null}]");
    assert_rows(c, "from rows | group { s: sum(a + 1) filter (where ok) }", "[{'s': 2}]");
    assert_rows(c, "from rows | select { v: a + 1 } | limit 1", "[{'v': 2}]");
    assert_fails(c, "from rows | select { v: a + 1 }", PBASE_INVALID, "overflow");
    assert_fails(c, "from rows | where a + 1 > 0", PBASE_INVALID, "step 2 (where): integer");
    assert_fails(c, "from rows | order by a + 1", PBASE_INVALID, "step 2 (order)");
    assert_fails(c, "from rows | group by k: a + 1 {}", PBASE_INVALID, "step 2 (group)");
    assert_fails(c, "from rows | group { s: sum(a + 1) }", PBASE_INVALID, "step 2 (group)");
}

static void aggregates_skip_null_and_nothing_gives_null_but_count_zero(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "g", "[{'x': null}, {'x': 2}, {}, {'x': 4}]");
    assert_rows(c,
                "from g | group { rows: count(), n: count(x), s: sum(x), a: avg(x), lo: min(x),"
                " hi: max(x), f: first(x), l: last(x), all: collect(x) }",
                "[{'rows': 4, 'n': 2, 's': 6, 'a': 3.0, 'lo': 2, 'hi': 4, 'f': 2, 'l': 4,"
                " 'all': [null, 2, null, 4]}]");
    assert_rows(c,
                "from g | where false | group { rows: count(), n: count(x), s: sum(x), a: avg(x),"
                " lo: min(x), hi: max(x), f: first(x), all: collect(x), v: variance(x) }",
                "[{'rows': 0, 'n': 0, 's': null, 'a': null, 'lo': null, 'hi': null, 'f': null,"
                " 'all': [], 'v': null}]");
}

static void no_group_keys_give_one_row_always_and_keys_none_of_nothing(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "none", "[]");
    assert_rows(c, "from none | group { n: count() }", "[{'n': 0}]");
    assert_rows(c, "from none | group by k: a { n: count() }", "[]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'none'},"
                     " {'op': 'group', 'keys': [], 'aggs': [['n', 'count', null]]}]",
                     "[{'n': 0}]");
}

static void groups_join_null_with_null_and_1_with_1_0(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "k", "[{'k': 1}, {}, {'k': 1.0}, {'k': null}, {'k': '1'}]");
    assert_rows(c, "from k | group by k { n: count() }",
                "[{'k': 1, 'n': 2}, {'k': null, 'n': 2}, {'k': '1', 'n': 1}]");
}

static void sums_of_ints_are_exact_in_128_bits(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "big",
                          "[{'x': 9223372036854775807}, {'x': 1}, {'x': -9223372036854775807}]");
    assert_rows(c, "from big | group { s: sum(x) }", "[{'s': 1}]");
    assert_rows(c, "from big | group { a: avg(x) }", "[{'a': 0.33333333333333331}]");
    assert_fails(c, "from big | where x > 0 | group { s: sum(x) }", PBASE_INVALID,
                 "a sum is outside int64");
    /* a result that is not shown is not an error */
    assert_rows(c, "from big | where x > 0 | group { s: sum(x), n: count() } | select { n }",
                "[{'n': 2}]");
}

static void sums_with_floats_are_floats_and_corrected(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "f", "[{'x': 1e100}, {'x': 1.0}, {'x': -1e100}, {'x': 1}]");
    assert_rows(c, "from f | group { s: sum(x) }", "[{'s': 2.0}]");
    query_case_collection(c, "m", "[{'x': 1}, {'x': 'one'}, {'x': true}, {'x': 0.5}]");
    assert_rows(c, "from m | group { s: sum(x), a: avg(x), n: count(x) }",
                "[{'s': 1.5, 'a': 0.75, 'n': 4}]"); /* what is no number is not summed */
    query_case_collection(c, "i", "[{'x': {'$float': 'inf'}}, {'x': 1.0}]");
    assert_rows(c, "from i | group { s: sum(x) }", "[{'s': {'$float': 'inf'}}]");
}

static void aggregates_take_distinct_and_filter(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "d",
                          "[{'k': 1, 'x': 5}, {'k': 1, 'x': 5.0}, {'k': 1, 'x': 7},"
                          " {'k': 2, 'x': 5}, {'k': 2, 'x': null}]");
    assert_rows(c,
                "from d | group by k { n: count(distinct x), s: sum(distinct x),"
                " c: collect(distinct x), big: count() filter (where x > 5) }",
                "[{'k': 1, 'n': 2, 's': 12, 'c': [5, 7], 'big': 1},"
                " {'k': 2, 'n': 1, 's': 5, 'c': [5, null], 'big': 0}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'd'}, {'op': 'group', 'keys': [],"
                     " 'aggs': [['n', 'count', {'f': 'x'}, {'distinct': true,"
                     " 'filter': ['=', {'f': 'k'}, 1]}]]}]",
                     "[{'n': 2}]");
}

static void variance_is_of_a_sample(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "s", "[{'x': 2}, {'x': 4}, {'x': 4.0}, {'x': 6}]");
    assert_rows(c, "from s | group { v: variance(x) }", "[{'v': 2.6666666666666665}]");
    assert_rows(c, "from s | limit 1 | group { v: variance(x) }", "[{'v': null}]");
}

static void strings_count_code_points_from_1(void **state)
{
    query_case *c = *state;
    assert_expr(c, "length('añ日😀')", "4");
    assert_expr(c, "length('')", "0");
    assert_expr(c, "length(x'c3b1')", "2");
    assert_expr(c, "substr('añ日😀', 2, 2)", "'ñ日'");
    assert_expr(c, "substr('abc', 2)", "'bc'");
    assert_expr(c, "substr('abc', 0, 2)", "'a'"); /* positions 0 and 1: there is one */
    assert_expr(c, "substr('abc', -5, 3)", "''");
    assert_expr(c, "substr('abc', 2, -1)", "''");
    assert_expr(c, "substr('abc', 2, 9223372036854775807)", "'bc'");
    assert_expr(c, "substr('abc', 9223372036854775807, 5)", "''");
    assert_expr(c, "substr('abc', -9223372036854775808, -9223372036854775808)", "''");
    assert_expr(c, "substr(null, 1, 1)", "null");
    assert_expr(c, "substr('abc', 1.5)", "null");
}

static void string_functions_give_null_for_what_is_no_string(void **state)
{
    query_case *c = *state;
    assert_expr(c, "upper('straße ñ')", "'STRAẞE Ñ'");
    assert_expr(c, "lower('ÀÉ Z')", "'àé z'");
    assert_expr(c, "upper_ascii('aé')", "'Aé'");
    assert_expr(c, "'a' || 'b' || 'c'", "'abc'");
    assert_expr(c, "concat('a', null)", "null");
    assert_expr(c, "concat('a', 1)", "null");
    assert_expr(c, "concat(x'00', x'ff')", "{'$bytes': '00ff'}");
    assert_expr(c, "starts_with('abc', 'ab')", "true");
    assert_expr(c, "starts_with('abc', '')", "true");
    assert_expr(c, "starts_with('a', 'abc')", "false");
    assert_expr(c, "ends_with('abc', 'bc')", "true");
    assert_expr(c, "ends_with('abc', 'b')", "false");
    assert_expr(c, "contains('abc', 'b')", "true");
    assert_expr(c, "contains('abc', 'x')", "false");
    assert_expr(c, "contains([1, 2.0, 'x'], 2)", "true");
    assert_expr(c, "contains([1], 'x')", "false");
    assert_expr(c, "contains({a: 1}, 'a')", "null");
    assert_expr(c, "list_length([1, 2])", "2");
    assert_expr(c, "list_length('ab')", "null");
    assert_expr(c, "lower(5)", "null");
    assert_expr(c, "coalesce(null, q, 3)", "3");
    assert_expr(c, "coalesce(null)", "null");
    assert_expr(c, "type(null)", "'null'");
    assert_expr(c, "type({})", "'map'");
}

static void between_has_four_ways_to_end(void **state)
{
    query_case *c = *state;
    assert_expr(c, "1 between 1 and 2", "true");
    assert_expr(c, "2 not between 1 and 2", "false");
    assert_expr(c, "between_open(1, 1, 2)", "false");
    assert_expr(c, "between_left_open(1, 1, 2)", "false");
    assert_expr(c, "between_left_open(2, 1, 2)", "true");
    assert_expr(c, "between_right_open(1, 1, 2)", "true");
    assert_expr(c, "between_right_open(2, 1, 2)", "false");
    assert_expr(c, "3 between 4 and null", "false"); /* 3 >= 4 is false already */
    assert_expr(c, "5 between 4 and null", "null");
}

static void parameters_stand_for_values(void **state)
{
    query_case *c = *state;
    query_case_collection(c, "p", "[{'a': 1}, {'a': 2}, {'a': 'x'}]");
    query_case_parameters(c, "{'low': 2, 'list': [1, 2]}");
    assert_rows(c, "from p | where a >= $low", "[{'a': 2}]");
    assert_rows(c, "from p | where contains($list, a) | count", "[{'count': 2}]");
    assert_plan_rows(c,
                     "[{'op': 'from', 'source': 'p'},"
                     " {'op': 'where', 'expr': ['=', {'f': 'a'}, {'param': 'low'}]}]",
                     "[{'a': 2}]");
    assert_fails(c, "from p | where a = $nobody", PBASE_INVALID, "parameter $nobody has no value");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(missing_field_reads_as_null_and_exists_tells_them_apart),
        T(three_valued_logic_follows_kleene),
        T(equality_across_classes_is_false_and_order_is_null),
        T(not_less_is_greater_or_equal),
        T(null_safe_equality_never_gives_null),
        T(ints_and_floats_compare_by_exact_value),
        T(nan_equals_itself_and_is_the_greatest_number),
        T(the_total_order_ranks_every_class),
        T(strings_compare_by_bytes_and_are_never_normalised),
        T(like_is_case_sensitive_and_ilike_folds),
        T(int_arithmetic_stays_int_and_overflow_is_an_error),
        T(division_is_float_truncating_or_remainder_and_by_zero_null),
        T(errors_of_a_row_are_raised_only_if_the_row_survives),
        T(aggregates_skip_null_and_nothing_gives_null_but_count_zero),
        T(no_group_keys_give_one_row_always_and_keys_none_of_nothing),
        T(groups_join_null_with_null_and_1_with_1_0),
        T(sums_of_ints_are_exact_in_128_bits),
        T(sums_with_floats_are_floats_and_corrected),
        T(aggregates_take_distinct_and_filter),
        T(variance_is_of_a_sample),
        T(strings_count_code_points_from_1),
        T(string_functions_give_null_for_what_is_no_string),
        T(between_has_four_ways_to_end),
        T(parameters_stand_for_values),
    };
#undef T
    return cmocka_run_group_tests_name("query.semantics", tests, NULL, NULL);
}
