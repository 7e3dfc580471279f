/* What wrong queries get: where, what, and what to do. */
#include "query_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after setjmp.h */
#include <cmocka.h>

static int begin(void **state)
{
    static query_case c;
    query_case_init(&c);
    query_case_collection(&c, "people", "[{'name': 'Ada'}]");
    *state = &c;
    return 0;
}

static int end(void **state)
{
    query_case_fini(*state);
    return 0;
}

/* As assert_fails, with the place. */
static void assert_fails_at(query_case *c, const char *text, const char *where, const char *part)
{
    assert_fails(c, text, PBASE_INVALID, part);
    assert_string_equal(c->error.where, where);
}

static void text_errors_name_line_and_column_and_draw_a_caret(void **state)
{
    query_case *c = *state;
    assert_fails_at(c, "from people\n| where name = = 'x'", "line 2 column 16",
                    "expected an expression, found '='\n"
                    "  | where name = = 'x'\n"
                    "                 ^");
    assert_fails_at(c, "from people |\twhere name\t= = 'x'", "line 1 column 28",
                    "expected an expression, found '='\n"
                    "  from people |\twhere name\t= = 'x'\n"
                    "               \t          \t  ^");
    assert_fails_at(c, "from people\n| join (from people\n  | wher a) x on true\n| count",
                    "line 3 column 5", "there is no step 'wher'\n    | wher a) x on true\n      ^");
    assert_fails_at(c, "from people | where ñandú = 'é' +", "line 1 column 34",
                    "expected an expression, found the end");
    assert_fails_at(c, "", "line 1 column 1", "expected a step");
    assert_fails_at(c, "from people where", "line 1 column 13", "expected '|' or the end");
    assert_fails_at(c, "from people | where a = 1 = 2", "line 1 column 27", "do not chain");
    assert_fails_at(c, "from people | select { 1 + 1 }", "line 1 column 24", "no name");
    assert_fails_at(c, "from people | where (a", "line 1 column 23", "expected ')'");
    assert_fails_at(c, "from people | where 'abc", "line 1 column 21", "not closed");
    assert_fails_at(c, "from people | where a ? b", "line 1 column 23", "unexpected character");
    assert_fails_at(c, "from people | limit -1", "line 1 column 21", "a number of rows");
    assert_fails_at(c, "from people | limit 1.5", "line 1 column 21", "a number of rows");
    assert_fails_at(c, "from people | where 12ab", "line 1 column 21", "not a number");
    assert_fails_at(c, "from people | order name", "line 1 column 21", "expected 'by'");
    assert_fails_at(c, "from people -- no\n| select {", "line 2 column 11", "expected");
    assert_fails_at(c, "from people | select a, a", "line 1 column 15",
                    "two columns are named 'a'");
    assert_fails_at(c, "where a", "line 1 column 1", "must be 'from'");
    assert_fails_at(c, "from a | from b", "line 1 column 10", "can only be the first");
    assert_fails_at(c, "from people | where x'0'", "line 1 column 21", "pairs of hexadecimal");
    assert_fails_at(c, "from people | where timestamp 'soon'", "line 1 column 31", "");
    assert_fails_at(c, "from people | where length(1, 2)", "line 1 column 21",
                    "'length' takes 1 argument, not 2");
    assert_fails_at(c, "from people | where exists(1)", "line 1 column 21", "asks for a field");
    assert_fails_at(c, "from people | where case end", "line 1 column 26", "expected 'when'");
}

static void nearest_known_names_are_offered(void **state)
{
    query_case *c = *state;
    assert_fails(c, "from people | wehre a", PBASE_INVALID, "there is no step 'wehre'");
    assert_string_equal(c->error.hint, "did you mean 'where'?");
    assert_fails(c, "from people | where lenght(a) = 1", PBASE_INVALID, "no function 'lenght'");
    assert_string_equal(c->error.hint, "did you mean 'length'?");
    assert_fails(c, "from people | group { m: maxx(a) }", PBASE_INVALID, "no aggregate 'maxx'");
    assert_string_equal(c->error.hint, "did you mean 'max'?");
    assert_fails(c, "from poeple", PBASE_NOT_FOUND, "step 1 (from)");
    assert_string_equal(c->error.hint, "did you mean 'people'?");
    assert_fails(c, "from people | select { n: count() }", PBASE_INVALID, "belongs into group");
    assert_fails(c, "from people | where a == 1", PBASE_INVALID, "found '=='");
    assert_string_equal(c->error.hint, "write = to compare");
}

static void plan_errors_name_the_step_by_its_position(void **state)
{
    query_case *c = *state;
    const struct {
        const char *plan;
        const char *part;
    } wrong[] = {
        {"{}", "a plan is a list of steps"},
        {"[]", "at least one step"},
        {"[1]", "step 1: a step is a map"},
        {"[{'source': 'x'}]", "step 1: a step is a map with its name"},
        {"[{'op': 'from'}]", "step 1 (from): the key 'source' is missing"},
        {"[{'op': 'from', 'source': ''}]", "step 1 (from): 'source' is empty"},
        {"[{'op': 'from', 'source': 5}]", "step 1 (from): source is a string, not a num"},
        {"[{'op': 'from', 'source': 'p', 'sauce': 1}]", "step 1 (from): unknown key 'sauce'"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'were'}]", "step 2: there is no step 'were'"},
        {"[{'op': 'where', 'expr': true}]", "step 1 (where): the first step must be 'from'"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'where', 'expr': ['lik', 1, 2]}]",
         "step 2 (where): unknown operator 'lik'"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'where', 'expr': []}]",
         "step 2 (where): an expression list begins with its operator"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'where', 'expr': {'g': 1}}]",
         "step 2 (where): an expression map has one key"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'where', 'expr': {'f': 'a..b'}}]",
         "step 2 (where): path 'a..b'"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'where', 'expr': {'f': 'a[x]'}}]",
         "step 2 (where): path 'a[x]'"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'where', 'expr': ['not', 1, 2]}]",
         "'not' takes 1 argument, not 2"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'limit', 'n': -1}]", "step 2 (limit): 'n' is"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'limit', 'n': 1.0}]", "step 2 (limit): 'n' is"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'select', 'cols': []}]", "no column is named"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'select', 'cols': [['a']]}]",
         "'cols' item 1 is not [name, expression]"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'order', 'keys': []}]", "step 2 (order)"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'order', 'keys': [[1, 'up']]}]",
         "a key's direction is"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'order', 'keys': [[1, 'asc', 'middle']]}]",
         "a key's nulls go"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'group', 'keys': [], 'aggs': [['s', 'sum']]}]",
         "step 2 (group): 'sum' needs an expression"},
        {"[{'op': 'from', 'source': 'p'},"
         " {'op': 'group', 'keys': [], 'aggs': [['s', 'sum', 1, {'distinkt': true}]]}]",
         "unknown key 'distinkt'"},
        {"[{'op': 'from', 'source': 'p'},"
         " {'op': 'group', 'keys': [['k', 1]], 'aggs': [['k', 'count', null]]}]",
         "two columns are named 'k'"},
        {"[{'op': 'from', 'source': 'p'}, {'op': 'count'}, {'op': 'from', 'source': 'p'}]",
         "step 3 (from): 'from' can only be the first step"},
        {"[{'op': 'from', 'source': 'p', 'as': 'x', 'key': 'x'}]", "both named 'x'"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_plan_fails(c, wrong[i].plan, PBASE_INVALID, wrong[i].part);
    }
}

static void steps_of_later_versions_are_refused_by_name(void **state)
{
    query_case *c = *state;
    static const char *const later[] = {"plugin", "knn"};
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        char text[128], part[128];
        (void)snprintf(text, sizeof text, "from people | count | %s", later[i]);
        (void)snprintf(part, sizeof part, "step 3: '%s' is not available in this version",
                       later[i]);
        assert_fails(c, text, PBASE_UNSUPPORTED, part);
        assert_string_equal(c->error.where, "line 1 column 23");
        (void)snprintf(text, sizeof text,
                       "[{'op': 'from', 'source': 'p'}, {'op': 'count'}, {'op': '%s'}]", later[i]);
        assert_plan_fails(c, text, PBASE_UNSUPPORTED, part);
    }
}

static void integers_outside_int64_are_refused(void **state)
{
    query_case *c = *state;
    assert_fails(c, "from people | where a = 9223372036854775808", PBASE_INVALID, "outside int64");
    assert_fails(c, "from people | where a = 99999999999999999999", PBASE_INVALID, "outside int64");
    assert_expr(c, "99999999999999999999.0", "1e20");
}

static void nesting_has_a_limit(void **state)
{
    query_case *c = *state;
    char *text = malloc(20000);
    assert_non_null(text);
    size_t at = (size_t)sprintf(text, "from people | where ");
    for (int i = 0; i < 5000; i++) {
        text[at++] = '(';
    }
    text[at] = '\0';
    assert_fails(c, text, PBASE_LIMIT, "nested deeper");
    at = (size_t)sprintf(text, "from people | where 1");
    for (int i = 0; i < 2000; i++) {
        at += (size_t)sprintf(text + at, " + a");
    }
    assert_fails(c, text, PBASE_LIMIT, "nested deeper");
    /* but not width */
    at = (size_t)sprintf(text, "from people | where a");
    for (int i = 0; i < 2000; i++) {
        at += (size_t)sprintf(text + at, " or a");
    }
    assert_int_equal(query_case_try(c, text), PBASE_OK);
    free(text);
}

/* `count` terms "a <> I", joined by `word`. */
static char *many_terms(const char *word, int count)
{
    char *text = malloc(64 + (size_t)count * 24);
    assert_non_null(text);
    size_t at = (size_t)sprintf(text, "from many | where a <> 0");
    for (int i = 1; i < count; i++) {
        at += (size_t)sprintf(text + at, " %s a <> %d", word, i);
    }
    (void)sprintf(text + at, " | count");
    return text;
}

static void long_lists_of_terms_are_answered(void **state)
{
    query_case *c = *state;
    char *ors = many_terms("or", 30000), *ands = many_terms("and", 300);
    query_case_collection(c, "many", "[{'a': 0}, {'a': 299}, {'a': 300}, {'a': null}]");
    assert_rows(c, ors, "[{'count': 3}]");
    assert_rows(c, ands, "[{'count': 1}]");
    free(ors);
    free(ands);
}

static void text_too_long_or_not_utf8_is_refused(void **state)
{
    query_case *c = *state;
    pbase_query *query = NULL;
    char *text = malloc(PBASE_QUERY_TEXT_BYTES_MAX + 1);
    assert_non_null(text);
    memset(text, ' ', PBASE_QUERY_TEXT_BYTES_MAX + 1);
    pbase_status status = pbase_query_parse(
        NULL, pbase_bytes_of(text, PBASE_QUERY_TEXT_BYTES_MAX + 1), &query, &c->error);
    assert_int_equal(status, PBASE_LIMIT);
    assert_null(query);
    free(text);
    assert_fails(c, "from people | where a = '\xff'", PBASE_INVALID, "UTF-8");
}

static void binding_an_unknown_parameter_names_the_nearest(void **state)
{
    query_case *c = *state;
    pbase_value value = pbase_value_int(1);
    pbase_query *query = query_case_parse(c, "from people | where a = $since and b = $since");
    assert_int_equal(pbase_query_parameter_count(query), 1);
    assert_string_equal(pbase_query_parameter_name(query, 0), "since");
    assert_int_equal(pbase_query_bind(query, "sinse", &value, &c->error), PBASE_NOT_FOUND);
    assert_string_equal(c->error.hint, "did you mean 'since'?");
    assert_int_equal(pbase_query_bind(query, "since", &value, &c->error), PBASE_OK);
    pbase_query_destroy(query);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(text_errors_name_line_and_column_and_draw_a_caret),
        T(nearest_known_names_are_offered),
        T(plan_errors_name_the_step_by_its_position),
        T(steps_of_later_versions_are_refused_by_name),
        T(integers_outside_int64_are_refused),
        T(nesting_has_a_limit),
        T(long_lists_of_terms_are_answered),
        T(text_too_long_or_not_utf8_is_refused),
        T(binding_an_unknown_parameter_names_the_nearest),
    };
#undef T
    return cmocka_run_group_tests_name("query.errors", tests, NULL, NULL);
}
