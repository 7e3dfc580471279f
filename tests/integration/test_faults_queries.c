/* test_faults_queries.c - queries of every operator, prepared, built and explained, and expressions,
 * with every call below them made to fail (fault_scene.h). */
#include "fault_scene.h"
#include <protobase/expr.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* -------------------------------------------------------------------------------------- running ---- */

static pbase_status read_rows(fault_scene *s, pbase_result *result, pbase_error *err)
{
    pbase_value row;
    pbase_status status;
    while ((status = pbase_result_next(result, &row, err)) == PBASE_OK) {
        s->digest = s->digest * 31 + pbase_value_hash(&row);
    }
    return status == PBASE_END ? PBASE_OK : status;
}

/* The text of the scenario, parsed and run to its end. */
static pbase_status run_text(fault_scene *s, pbase_error *err)
{
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_status status = pbase_query_parse(s->memory, pbase_bytes_text(s->with), &query, err);
    status = status == PBASE_OK ? pbase_query_run(query, s->snapshot, NULL, &result, err) : status;
    status = status == PBASE_OK ? read_rows(s, result, err) : status;
    pbase_result_close(result);
    pbase_query_destroy(query);
    return status;
}

static void rows_were_read(fault_scene *s)
{
    assert_int_not_equal(s->digest, 0);
}

/* By columns and by chunks. */
static pbase_status run_by_chunks(fault_scene *s, pbase_error *err)
{
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    const pbase_chunk *chunk = NULL;
    pbase_query_options options = {.struct_size = sizeof options, .chunk_rows = 50};
    pbase_status status = pbase_query_parse(
        s->memory, pbase_bytes_text("from people | select name, age"), &query, err);
    status =
        status == PBASE_OK ? pbase_query_run(query, s->snapshot, &options, &result, err) : status;
    if (status == PBASE_OK) {
        assert_int_equal(pbase_result_column_count(result), 2);
        assert_int_equal(pbase_result_column_name(result, 1).size, 3);
    }
    while (status == PBASE_OK) {
        status = pbase_result_next_chunk(result, &chunk, err);
        s->digest += status == PBASE_OK ? chunk->selected_count : 0;
    }
    pbase_result_close(result);
    pbase_query_destroy(query);
    assert_true(status != PBASE_END || s->digest == 200);
    return status == PBASE_END ? PBASE_OK : status;
}

/* In a transaction with a row of its own. */
static void a_row_of_its_own(fault_scene *s)
{
    pbase_dict *people = fixture_dict(s->txn, "people");
    pbase_value key = pbase_value_int(1000);
    pbase_field field = {pbase_bytes_text("city"), pbase_value_text("Lima")};
    pbase_value document = pbase_value_map(&field, 1);
    assert_int_equal(pbase_dict_put(&people, &key, &document, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(s->txn, "people", people, NULL), PBASE_OK);
    pbase_dict_close(people);
}

static pbase_status run_in_txn(fault_scene *s, pbase_error *err)
{
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_status status = pbase_query_parse(
        s->memory, pbase_bytes_text("from people | where city = 'Lima' | count"), &query, err);
    status = status == PBASE_OK ? pbase_query_run_in(query, s->txn, NULL, &result, err) : status;
    status = status == PBASE_OK ? read_rows(s, result, err) : status;
    pbase_result_close(result);
    pbase_query_destroy(query);
    return status;
}

/* ------------------------------------------------------------------------------------- prepared ---- */

static void prepared_query(fault_scene *s)
{
    pbase_query *query = NULL;
    static const char text[] = "from people | where age > $min and city = $city | select name";
    assert_int_equal(pbase_query_parse(s->memory, pbase_bytes_text(text), &query, NULL), PBASE_OK);
    s->given = query;
}

static void destroy_query(fault_scene *s)
{
    pbase_query_destroy(s->given);
    s->given = NULL;
}

/* Bound, bound again, and with a value for one run alone. */
static pbase_status run_prepared(fault_scene *s, pbase_error *err)
{
    pbase_query *query = s->given;
    pbase_result *result = NULL;
    pbase_value low = pbase_value_int(1), min = pbase_value_int(30);
    pbase_field field = {pbase_bytes_text("city"), pbase_value_text("Oslo")};
    pbase_value parameters = pbase_value_map(&field, 1);
    pbase_query_options options = {.struct_size = sizeof options, .parameters = &parameters};
    assert_int_equal(pbase_query_parameter_count(query), 2);
    assert_string_equal(pbase_query_parameter_name(query, 0), "min");
    pbase_status status = pbase_query_bind(query, "min", &low, err);
    status = status == PBASE_OK ? pbase_query_bind(query, "min", &min, err) : status;
    status =
        status == PBASE_OK ? pbase_query_run(query, s->snapshot, &options, &result, err) : status;
    status = status == PBASE_OK ? read_rows(s, result, err) : status;
    pbase_result_close(result);
    return status;
}

static pbase_status run_plan(fault_scene *s, pbase_error *err)
{
    static const char json[] = "[{\"op\":\"from\",\"source\":\"people\"},"
                               "{\"op\":\"where\",\"expr\":[\"=\",{\"f\":\"city\"},\"Rome\"]},"
                               "{\"op\":\"order\",\"keys\":[[{\"f\":\"age\"},\"desc\"]]}]";
    pbase_value plan;
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_status status =
        pbase_json_parse(s->fixture.space, pbase_bytes_text(json), &s->arena, &plan, err);
    status = status == PBASE_OK ? pbase_query_from_plan(s->memory, &plan, &query, err) : status;
    if (status == PBASE_OK) {
        assert_int_equal(pbase_query_plan(query)->kind, PBASE_LIST);
    }
    status = status == PBASE_OK ? pbase_query_run(query, s->snapshot, NULL, &result, err) : status;
    status = status == PBASE_OK ? read_rows(s, result, err) : status;
    pbase_result_close(result);
    pbase_query_destroy(query);
    return status;
}

static pbase_status explain(fault_scene *s, pbase_error *err)
{
    static const pbase_explain_form forms[] = {PBASE_EXPLAIN_TEXT, PBASE_EXPLAIN_JSON,
                                               PBASE_EXPLAIN_PLAN};
    pbase_value told;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < 3 && status == PBASE_OK; i++) {
        status = pbase_query_explain(s->given, forms[i], &s->arena, &told, err);
        s->digest += status == PBASE_OK ? pbase_value_hash(&told) : 0;
        status = status == PBASE_OK ? pbase_query_explain_on(s->given, s->snapshot, forms[i],
                                                             &s->arena, &told, err)
                                    : status;
        s->digest += status == PBASE_OK ? pbase_value_hash(&told) : 0;
    }
    return status;
}

/* -------------------------------------------------------------------------------------- builder ---- */

static const pbase_term *condition(pbase_builder *b)
{
    pbase_value rome = pbase_value_text("Rome");
    const pbase_term *args[] = {
        pbase_term_binary(b, "=", pbase_term_field(b, "city"), pbase_term_value(b, &rome)),
        pbase_term_binary(b, ">", pbase_term_field(b, "age"), pbase_term_int(b, 25)),
        pbase_term_binary(b, "<", pbase_term_field(b, "age"), pbase_term_float(b, 60.5)),
        pbase_term_unary(b, "not", pbase_term_bool(b, false)),
        pbase_term_unary(b, "is_null", pbase_term_null(b)),
        pbase_term_binary(b, "<>", pbase_term_field(b, "name"), pbase_term_text(b, "none")),
        pbase_term_binary(b, "<>", pbase_term_field(b, "name"), pbase_term_parameter(b, "name")),
        pbase_term_parse(b, "length(name) > 3")};
    return pbase_term_call(b, "and", args, sizeof args / sizeof *args);
}

/* Every step that a builder has, in one plan; so an error of any call is that of the query. */
static const pbase_plan *every_step(pbase_builder *b)
{
    const pbase_plan_column key = {"city", pbase_term_field(b, "city")};
    const pbase_plan_column more = {"twice", pbase_term_parse(b, "age * 2")};
    const pbase_plan_aggregate sum = {"sum", "sum", pbase_term_field(b, "twice"), NULL, false};
    const pbase_plan_key order = {pbase_term_field(b, "city"), true, PBASE_NULLS_LAST};
    const pbase_traverse_options traverse = {.struct_size = sizeof traverse, .is_up = true};
    const pbase_plan *people = pbase_plan_from(b, "people", NULL, NULL);
    const pbase_plan *some = pbase_plan_where(b, people, condition(b));
    some = pbase_plan_traverse(b, some, "people", "id", "boss", &traverse);
    some = pbase_plan_unnest(b, some, "tags", "tag", false);
    some = pbase_plan_extend(b, some, &more, 1);
    some = pbase_plan_join(b, some, PBASE_JOIN_SEMI, pbase_plan_parse(b, "from people | limit 90"),
                           "l", "r", pbase_term_parse(b, "l.id = r.id"));
    some = pbase_plan_group(b, some, &key, 1, &sum, 1);
    some = pbase_plan_combine(b, some, PBASE_SET_UNION, pbase_plan_select(b, people, &key, 1));
    some = pbase_plan_distinct(b, some);
    some = pbase_plan_order(b, some, &order, 1);
    some = pbase_plan_offset(b, pbase_plan_limit(b, some, 100), 1);
    return pbase_plan_count(b, some);
}

static pbase_status run_built(fault_scene *s, pbase_error *err)
{
    pbase_builder *builder = NULL;
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_value name = pbase_value_text("nobody");
    pbase_status status = pbase_builder_create(s->memory, &builder, err);
    if (status == PBASE_OK) {
        status = pbase_builder_query(builder, every_step(builder), &query, err);
    }
    pbase_builder_destroy(builder);
    status = status == PBASE_OK ? pbase_query_bind(query, "name", &name, err) : status;
    status = status == PBASE_OK ? pbase_query_run(query, s->snapshot, NULL, &result, err) : status;
    status = status == PBASE_OK ? read_rows(s, result, err) : status;
    pbase_result_close(result);
    pbase_query_destroy(query);
    return status;
}

/* ---------------------------------------------------------------------------------- expressions ---- */

static pbase_status expressions(fault_scene *s, pbase_error *err)
{
    pbase_expr *expr = NULL, *again = NULL;
    pbase_buffer text;
    pbase_value result;
    pbase_field fields[] = {{pbase_bytes_text("age"), pbase_value_int(40)},
                            {pbase_bytes_text("city"), pbase_value_text("La Paz")}};
    pbase_value row = pbase_value_map(fields, 2);
    pbase_buffer_init(&text, s->memory);
    pbase_status status = pbase_expr_parse(
        s->memory,
        pbase_bytes_text("upper(city) || substr('abc', 2) || case when age > 3 then 'x' end"),
        &expr, err);
    status = status == PBASE_OK
                 ? pbase_expr_from_value(s->memory, pbase_expr_value(expr), &again, err)
                 : status;
    status = status == PBASE_OK ? pbase_expr_format(again, &text, err) : status;
    status = status == PBASE_OK ? pbase_expr_evaluate(again, &row, NULL, &s->arena, &result, err)
                                : status;
    s->digest = status == PBASE_OK ? pbase_value_hash(&result) + text.size : 0;
    pbase_buffer_fini(&text);
    pbase_expr_destroy(again);
    pbase_expr_destroy(expr);
    return status;
}

static pbase_status json(fault_scene *s, pbase_error *err)
{
    static const char document[] =
        "{\"a\": [1, 2.5, {\"$time\": \"2026-01-02T03:04:05Z\"}, \"\\u00e9\"]}";
    pbase_value value;
    pbase_buffer text;
    pbase_buffer_init(&text, s->memory);
    pbase_status status =
        pbase_json_parse(s->fixture.space, pbase_bytes_text(document), &s->arena, &value, err);
    status = status == PBASE_OK ? pbase_json_format(s->fixture.space, &value, &text, err) : status;
    s->digest = text.size;
    pbase_buffer_fini(&text);
    return status;
}

#define TEXT(noun, text)                                                                           \
    {                                                                                              \
        .name = #noun, .place = FAULT_IN_SNAPSHOT, .when = run_text, .then = rows_were_read,       \
        .functions = "pbase_query_parse pbase_query_run pbase_result_next pbase_result_close",     \
        .with = (text), .is_cold = true                                                            \
    }

static const fault_scenario scenarios[] = {
    TEXT(from_key_alias, "from people as p key k | limit 5"),
    TEXT(where_select,
         "from people | where age > 30 and name like '%7' | select name, twice: age * 2"),
    TEXT(extend_order,
         "from people | extend long: name || city | order by long desc nulls first, id"),
    TEXT(order_limit, "from people | order by age desc, id | offset 3 | limit 7"),
    TEXT(count_rows, "from people | count"),
    TEXT(distinct, "from people | select city, age | distinct"),
    TEXT(group_by,
         "from people | group by city { n: count(), s: sum(age), a: avg(age), lo: min(name), "
         "hi: max(name), all: collect(id), f: first(name), l: last(name), v: variance(age), "
         "d: count(distinct age) } | where n > 1"),
    TEXT(group_all, "from people | group { n: count(), m: max(tags) }"),
    TEXT(join_inner, "from people | join people b on boss = b.id | select name, other: b.name"),
    TEXT(join_left, "from people | join left (from people | where age > 60) b on boss = b.id"),
    TEXT(join_full,
         "from people as a | join full (from people | where age > 60) b on a.boss = b.id"),
    TEXT(join_right, "from people as a | join right (from people | limit 9) b on a.boss = b.id"),
    TEXT(join_anti, "from people | join anti people b on b.boss = id"),
    TEXT(join_cross, "from people as a | limit 5 | join cross (from people | limit 5) b"),
    TEXT(union, "from people | select city | union (from people | select city: name)"),
    TEXT(union_all, "from people | select city | union_all (from people | select city: name)"),
    TEXT(intersect,
         "from people | select age | intersect (from people | where id > 9 | select age)"),
    TEXT(except, "from people | select age | except (from people | where age > 40 | select age)"),
    TEXT(unnest, "from people | unnest outer tags as tag | group by tag { n: count() }"),
    TEXT(traverse_up,
         "from people | where id = 150 | traverse up people key id ref boss include start"),
    TEXT(traverse_down, "from people | where id = 1 | traverse down people key id ref boss dfs"),
    TEXT(by_index, "from people | where city = 'Lima' and age = 41"),
    TEXT(by_multikey_index, "from people | where contains(tags, 'blue') | count"),
    TEXT(objects, "from $objects | where class = 'Person' | count"),
    {.name = "run_by_chunks",
     .functions = "pbase_result_column_count pbase_result_column_name pbase_result_next_chunk "
                  "pbase_result_close",
     .place = FAULT_IN_SNAPSHOT,
     .when = run_by_chunks},
    {.name = "run_in_txn",
     .functions = "pbase_query_run_in",
     .place = FAULT_IN_TXN,
     .given = a_row_of_its_own,
     .when = run_in_txn},
    {.name = "run_prepared",
     .functions = "pbase_query_parameter_count pbase_query_parameter_name pbase_query_bind "
                  "pbase_query_run",
     .place = FAULT_IN_SNAPSHOT,
     .given = prepared_query,
     .when = run_prepared,
     .end = destroy_query},
    {.name = "run_plan",
     .functions = "pbase_json_parse pbase_query_from_plan pbase_query_plan pbase_query_destroy",
     .place = FAULT_IN_SNAPSHOT,
     .when = run_plan},
    {.name = "explain",
     .functions = "pbase_query_explain pbase_query_explain_on",
     .place = FAULT_IN_SNAPSHOT,
     .given = prepared_query,
     .when = explain,
     .end = destroy_query},
    {.name = "run_built",
     .functions =
         "pbase_builder_create pbase_builder_query pbase_builder_destroy pbase_term_field "
         "pbase_term_parameter pbase_term_value pbase_term_null pbase_term_bool pbase_term_int "
         "pbase_term_float pbase_term_text pbase_term_call pbase_term_unary pbase_term_binary "
         "pbase_term_parse pbase_plan_from pbase_plan_parse pbase_plan_where pbase_plan_select "
         "pbase_plan_extend pbase_plan_order pbase_plan_limit pbase_plan_offset "
         "pbase_plan_count pbase_plan_distinct pbase_plan_group pbase_plan_join "
         "pbase_plan_combine pbase_plan_unnest pbase_plan_traverse",
     .place = FAULT_IN_SNAPSHOT,
     .when = run_built},
    {.name = "expressions",
     .functions = "pbase_expr_parse pbase_expr_value pbase_expr_from_value pbase_expr_format "
                  "pbase_expr_evaluate pbase_expr_destroy",
     .place = FAULT_IN_SPACE,
     .when = expressions},
    {.name = "json",
     .functions = "pbase_json_parse pbase_json_format",
     .place = FAULT_IN_SPACE,
     .when = json},
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
