/* The builder: the same plans as text and JSON, immutable, with errors that wait. */
#include "fault_alloc.h"
#include "query_case.h"
#include <protobase/query_builder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after setjmp.h */
#include <cmocka.h>

static query_case c;
static pbase_builder *b;

static int begin(void **state)
{
    (void)state;
    query_case_init(&c);
    query_case_collection(&c, "t", "[{'a': 1, 'l': [1, 2]}, {'a': 2}, {'a': 3}, {'a': 2}]");
    return pbase_builder_create(NULL, &b, NULL) == PBASE_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    pbase_builder_destroy(b);
    query_case_fini(&c);
    return 0;
}

static pbase_query *build(const pbase_plan *plan)
{
    pbase_query *query = NULL;
    pbase_error_init(&c.error);
    if (pbase_builder_query(b, plan, &query, &c.error) != PBASE_OK) {
        fail_msg("%s (%s)", c.error.message, c.error.where);
    }
    return query;
}

/* The plan that was built, that of the text and that of the JSON are one. */
static void assert_forms(const pbase_plan *plan, const char *text, const char *json)
{
    pbase_query *queries[3] = {build(plan), query_case_parse(&c, text), query_case_plan(&c, json)};
    for (size_t i = 1; i < 3; i++) {
        if (!pbase_value_identical(pbase_query_plan(queries[0]), pbase_query_plan(queries[i]))) {
            fail_msg("built\n%s\nand not\n%s", json_text(pbase_query_plan(queries[0]), &c.arena),
                     json_text(pbase_query_plan(queries[i]), &c.arena));
        }
    }
    for (size_t i = 0; i < 3; i++) {
        pbase_query_destroy(queries[i]);
    }
}

static const pbase_plan *from_t(void)
{
    return pbase_plan_from(b, "t", NULL, NULL);
}

static const pbase_term *field(const char *path)
{
    return pbase_term_field(b, path);
}

#define FROM "{'op': 'from', 'source': 't'}"

static void every_form_makes_the_same_simple_steps(void **state)
{
    (void)state;
    assert_forms(pbase_plan_from(b, "t", "x", "k"), "from t as x key k",
                 "[{'op': 'from', 'source': 't', 'as': 'x', 'key': 'k'}]");
    assert_forms(
        pbase_plan_where(b, from_t(), pbase_term_binary(b, ">=", field("a"), pbase_term_int(b, 2))),
        "from t | where a >= 2", "[" FROM ", {'op': 'where', 'expr': ['>=', {'f': 'a'}, 2]}]");
    const pbase_plan_column columns[] = {{"x", field("l[0]")}, {"y", pbase_term_text(b, "s")}};
    assert_forms(pbase_plan_select(b, from_t(), columns, 2), "from t | select { x: l[0], y: 's' }",
                 "[" FROM ", {'op': 'select', 'cols': [['x', {'f': 'l[0]'}], ['y', 's']]}]");
    assert_forms(pbase_plan_extend(b, from_t(), columns, 1), "from t | extend x: l[0]",
                 "[" FROM ", {'op': 'extend', 'cols': [['x', {'f': 'l[0]'}]]}]");
    const pbase_plan_key keys[] = {{field("a"), true, PBASE_NULLS_AS_USUAL},
                                   {field("l"), false, PBASE_NULLS_LAST}};
    assert_forms(pbase_plan_order(b, from_t(), keys, 2),
                 "from t | order by a desc, l asc nulls last",
                 "[" FROM ", {'op': 'order', 'keys': [[{'f': 'a'}, 'desc'],"
                 " [{'f': 'l'}, 'asc', 'last']]}]");
    assert_forms(pbase_plan_limit(b, pbase_plan_offset(b, from_t(), 1), 2),
                 "from t | offset 1 | limit 2",
                 "[" FROM ", {'op': 'offset', 'n': 1}, {'op': 'limit', 'n': 2}]");
    assert_forms(pbase_plan_count(b, pbase_plan_distinct(b, from_t())), "from t | distinct | count",
                 "[" FROM ", {'op': 'distinct'}, {'op': 'count'}]");
}

static void every_form_makes_the_same_group(void **state)
{
    (void)state;
    const pbase_plan_column keys[] = {{"k", field("a")}};
    const pbase_plan_aggregate aggregates[] = {
        {"n", "count", NULL, NULL, false},
        {"s", "sum", field("a"), pbase_term_binary(b, ">", field("a"), pbase_term_int(b, 1)), true},
    };
    assert_forms(pbase_plan_group(b, from_t(), keys, 1, aggregates, 2),
                 "from t | group by k: a { n: count(), s: sum(distinct a) filter (where a > 1) }",
                 "[" FROM ", {'op': 'group', 'keys': [['k', {'f': 'a'}]], 'aggs': [['n', 'count',"
                 " null], ['s', 'sum', {'f': 'a'}, {'distinct': true, 'filter': ['>', {'f': 'a'},"
                 " 1]}]]}]");
}

static void every_form_makes_the_same_steps_with_a_second_input(void **state)
{
    (void)state;
    const pbase_plan *with = pbase_plan_limit(b, from_t(), 3);
    const pbase_term *on = pbase_term_binary(b, "=", field("l.a"), field("r.a"));
    assert_forms(pbase_plan_join(b, from_t(), PBASE_JOIN_FULL, with, "l", "r", on),
                 "from t | join full (from t | limit 3) r beside l on l.a = r.a",
                 "[" FROM ", {'op': 'join', 'kind': 'full', 'with': [" FROM ", {'op': 'limit',"
                 " 'n': 3}], 'on': ['=', {'f': 'l.a'}, {'f': 'r.a'}], 'left': 'l', 'right': 'r'}]");
    assert_forms(pbase_plan_join(b, from_t(), PBASE_JOIN_CROSS, from_t(), NULL, "r", NULL),
                 "from t | join cross t r",
                 "[" FROM ", {'op': 'join', 'kind': 'cross', 'with': [" FROM "], 'on': null,"
                 " 'left': null, 'right': 'r'}]");
    static const struct {
        pbase_set_operation operation;
        const char *text;
        const char *json;
    } sets[] = {
        {PBASE_SET_UNION, "from t | union t", "[" FROM ", {'op': 'union', 'with': [" FROM "]}]"},
        {PBASE_SET_UNION_ALL, "from t | union_all t",
         "[" FROM ", {'op': 'union_all', 'with': [" FROM "]}]"},
        {PBASE_SET_INTERSECT, "from t | intersect t",
         "[" FROM ", {'op': 'intersect', 'with': [" FROM "]}]"},
        {PBASE_SET_EXCEPT, "from t | except t", "[" FROM ", {'op': 'except', 'with': [" FROM "]}]"},
    };
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        assert_forms(pbase_plan_combine(b, from_t(), sets[i].operation, from_t()), sets[i].text,
                     sets[i].json);
    }
}

static void every_form_makes_the_same_unnest_and_traverse(void **state)
{
    (void)state;
    assert_forms(pbase_plan_unnest(b, from_t(), "l", "e", true), "from t | unnest outer l as e",
                 "[" FROM ", {'op': 'unnest', 'path': 'l', 'as': 'e', 'outer': true}]");
    const pbase_traverse_options up = {.struct_size = sizeof up, .is_up = true};
    assert_forms(pbase_plan_traverse(b, from_t(), "t", "a", "p.q", &up),
                 "from t | traverse up t key a ref p.q",
                 "[" FROM ", {'op': 'traverse', 'source': 't', 'key': 'a', 'ref': 'p.q',"
                 " 'direction': 'up'}]");
    const pbase_traverse_options down = {.struct_size = sizeof down,
                                         .is_depth_first = true,
                                         .includes_start = true,
                                         .is_bounded = true,
                                         .depth_max = 4};
    assert_forms(pbase_plan_traverse(b, from_t(), "t", "a", "p", &down),
                 "from t | traverse down t key a ref p depth 4 dfs include start",
                 "[" FROM ", {'op': 'traverse', 'source': 't', 'key': 'a', 'ref': 'p',"
                 " 'direction': 'down', 'max_depth': 4, 'include_start': true, 'order': 'dfs'}]");
}

static void every_form_makes_the_same_expressions(void **state)
{
    (void)state;
    const pbase_value list_items[] = {pbase_value_int(1), pbase_value_null()};
    const pbase_value list = pbase_value_list(list_items, 2);
    const pbase_term *parts[] = {
        pbase_term_binary(b, "like", field("s"), pbase_term_text(b, "x%")),
        pbase_term_unary(b, "not", pbase_term_parse(b, "a in (1, $p) and true")),
        pbase_term_binary(b, "=", pbase_term_parameter(b, "p"), pbase_term_float(b, 2.5)),
        pbase_term_binary(b, "<=>", field("l"), pbase_term_value(b, &list)),
        pbase_term_binary(b, "or", pbase_term_null(b), pbase_term_bool(b, false)),
        pbase_term_unary(b, "exists", field("\"odd name\".b")),
    };
    assert_forms(pbase_plan_where(b, from_t(), pbase_term_call(b, "and", parts, 6)),
                 "from t | where s like 'x%' and not (a in (1, $p) and true) and $p = 2.5"
                 " and l <=> [1, null] and (null or false) and exists(\"odd name\".b)",
                 "[" FROM ", {'op': 'where', 'expr': ['and', ['like', {'f': 's'}, 'x%'],"
                 " ['not', ['and', ['in', {'f': 'a'}, 1, {'param': 'p'}], true]],"
                 " ['=', {'param': 'p'}, 2.5], ['<=>', {'f': 'l'}, {'lit': [1, null]}],"
                 " ['or', null, false], ['exists', {'f': '\\\"odd name\\\".b'}]]}]");
}

static int64_t count_of(const pbase_plan *plan)
{
    pbase_query *query = build(pbase_plan_count(b, plan));
    pbase_value rows = query_case_rows(&c, query, PBASE_CHUNK_ROWS);
    pbase_query_destroy(query);
    return rows.as.list.items[0].as.map.fields[0].value.as.integer;
}

/* The Python system's queries changed themselves: a second use saw the filters of the first. */
static void a_plan_used_twice_never_accumulates_filters(void **state)
{
    (void)state;
    const pbase_plan *all = from_t();
    const pbase_plan *twos =
        pbase_plan_where(b, all, pbase_term_binary(b, "=", field("a"), pbase_term_int(b, 2)));
    const pbase_plan *none =
        pbase_plan_where(b, twos, pbase_term_binary(b, "=", field("a"), pbase_term_int(b, 3)));
    for (int again = 0; again < 2; again++) {
        assert_int_equal(count_of(all), 4);
        assert_int_equal(count_of(twos), 2);
        assert_int_equal(count_of(none), 0);
        assert_int_equal(count_of(pbase_plan_limit(b, all, 3)), 3);
    }
    /* as a second input of itself, too */
    assert_int_equal(count_of(pbase_plan_combine(b, twos, PBASE_SET_UNION_ALL, twos)), 4);
}

static void a_plan_goes_on_from_text(void **state)
{
    (void)state;
    const pbase_plan *plan = pbase_plan_parse(b, "from t | where a > 1 | join t x on a = x.a");
    assert_forms(pbase_plan_limit(b, plan, 1),
                 "from t | where a > 1 | join t x on a = x.a | limit 1",
                 "[" FROM ", {'op': 'where', 'expr': ['>', {'f': 'a'}, 1]}, {'op': 'join',"
                 " 'kind': 'inner', 'with': [" FROM "], 'on': ['=', {'f': 'a'}, {'f': 'x.a'}],"
                 " 'right': 'x'}, {'op': 'limit', 'n': 1}]");
    assert_int_equal(count_of(plan), 5);
}

static void a_query_outlives_its_builder(void **state)
{
    (void)state;
    pbase_builder *other = NULL;
    pbase_query *query = NULL;
    assert_int_equal(pbase_builder_create(NULL, &other, NULL), PBASE_OK);
    const pbase_plan *plan =
        pbase_plan_where(other, pbase_plan_from(other, "t", NULL, NULL),
                         pbase_term_binary(other, "=", pbase_term_field(other, "a"),
                                           pbase_term_parameter(other, "p")));
    assert_int_equal(pbase_builder_query(other, plan, &query, NULL), PBASE_OK);
    pbase_builder_destroy(other);
    assert_string_equal(pbase_query_parameter_name(query, 0), "p");
    const pbase_value three = pbase_value_int(3);
    assert_int_equal(pbase_query_bind(query, "p", &three, NULL), PBASE_OK);
    assert_int_equal(query_case_rows(&c, query, 7).as.list.count, 1);
    pbase_query_destroy(query);
}

static void assert_waits(const pbase_plan *plan, pbase_status code, const char *part)
{
    pbase_query *query = NULL;
    pbase_error_init(&c.error);
    assert_int_equal(pbase_builder_query(b, plan, &query, &c.error), code);
    assert_null(query);
    if (strstr(c.error.message, part) == NULL) {
        fail_msg("'%s' is not in '%s'", part, c.error.message);
    }
    /* and it is forgotten: the builder goes on */
    pbase_error told = c.error;
    assert_int_equal(count_of(from_t()), 4);
    c.error = told;
}

static void errors_wait_for_the_query_and_the_first_is_told(void **state)
{
    (void)state;
    const pbase_plan *wrong =
        pbase_plan_where(b, from_t(), pbase_term_binary(b, "lik", field("a"), field("b")));
    assert_null(wrong);
    wrong = pbase_plan_limit(b, pbase_plan_distinct(b, wrong), 3);
    assert_null(wrong);
    assert_waits(wrong, PBASE_INVALID, "unknown operator 'lik'");
    assert_string_equal(c.error.hint, "did you mean 'like'?");
    assert_waits(pbase_plan_where(b, from_t(), field("a..b")), PBASE_INVALID, "path 'a..b'");
    assert_waits(pbase_plan_where(b, from_t(), pbase_term_parse(b, "a >")), PBASE_INVALID,
                 "expected an expression");
    assert_waits(pbase_plan_parse(b, "from t | wehre a"), PBASE_INVALID, "no step 'wehre'");
    assert_waits(pbase_plan_from(b, NULL, NULL, NULL), PBASE_INVALID, "step 1 (from)");
    assert_waits(pbase_plan_select(b, from_t(), NULL, 0), PBASE_INVALID, "no column is named");
    assert_waits(pbase_plan_join(b, from_t(), PBASE_JOIN_LEFT, from_t(), "x", "x", NULL),
                 PBASE_INVALID, "step 2 (join): both rows are named 'x'");
    assert_waits(pbase_plan_join(b, from_t(), PBASE_JOIN_LEFT, NULL, NULL, "x", NULL),
                 PBASE_INVALID, "the second input of a step is missing");
    const pbase_plan_aggregate aggregate = {"m", "medain", NULL, NULL, false};
    assert_waits(pbase_plan_group(b, from_t(), NULL, 0, &aggregate, 1), PBASE_INVALID,
                 "there is no aggregate 'medain'");
    assert_waits(NULL, PBASE_INVALID, "the plan of a query is missing");
}

static pbase_status build_all(fault_alloc *fa)
{
    pbase_builder *other = NULL;
    pbase_query *query = NULL;
    pbase_status status = pbase_builder_create(&fa->alloc, &other, NULL);
    if (status == PBASE_OK) {
        const pbase_plan *t =
            pbase_plan_parse(other, "from t | where a in (1, 2, 3) or b = 'long text'");
        const pbase_plan_column column = {"x", pbase_term_field(other, "a.b.c")};
        const pbase_plan_aggregate n = {"n", "count", NULL, NULL, false};
        t = pbase_plan_join(other, t, PBASE_JOIN_LEFT, t, "l", "r",
                            pbase_term_binary(other, "=", pbase_term_field(other, "l.a"),
                                              pbase_term_parameter(other, "p")));
        t = pbase_plan_group(other, t, &column, 1, &n, 1);
        status =
            pbase_builder_query(other, pbase_plan_unnest(other, t, "x", "y", true), &query, NULL);
    }
    pbase_query_destroy(query);
    pbase_builder_destroy(other);
    return status;
}

static void every_failed_allocation_is_no_memory_and_leaks_nothing(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa);
    for (uint64_t n = 1;; n++) {
        fault_alloc_fail_at(&fa, n);
        pbase_status status = build_all(&fa);
        assert_int_equal(fault_alloc_live_bytes(&fa), 0);
        if (!fault_alloc_has_failed(&fa)) {
            assert_int_equal(status, PBASE_OK);
            break;
        }
        assert_int_equal(status, PBASE_NO_MEMORY);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(every_form_makes_the_same_simple_steps),
        T(every_form_makes_the_same_group),
        T(every_form_makes_the_same_steps_with_a_second_input),
        T(every_form_makes_the_same_unnest_and_traverse),
        T(every_form_makes_the_same_expressions),
        T(a_plan_used_twice_never_accumulates_filters),
        T(a_plan_goes_on_from_text),
        T(a_query_outlives_its_builder),
        T(errors_wait_for_the_query_and_the_first_is_told),
        T(every_failed_allocation_is_no_memory_and_leaks_nothing),
    };
#undef T
    return cmocka_run_group_tests_name("query.builder", tests, NULL, NULL);
}
