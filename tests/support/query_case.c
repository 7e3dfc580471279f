/* query_case.c - asks each question with several chunk sizes and compares. */
#include "query_case.h"
#include "os/os.h"
#include "query/run.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

static const uint32_t chunk_sizes[] = {1, 7, PBASE_CHUNK_ROWS};

void query_case_init(query_case *c)
{
    memset(c, 0, sizeof *c);
    pbase_arena_init(&c->arena, pbase_alloc_default());
    memory_catalog_init(&c->catalog);
    c->options.struct_size = sizeof c->options;
    c->parameters = pbase_value_map(NULL, 0);
    pbase_error_init(&c->error);
}

void query_case_fini(query_case *c)
{
    assert_int_equal(c->catalog.open_rows, 0);
    pbase_arena_fini(&c->arena);
}

void query_case_collection(query_case *c, const char *name, const char *documents)
{
    pbase_value list = json_value(documents, &c->arena);
    assert_int_equal(list.kind, PBASE_LIST);
    memory_catalog_add(&c->catalog, name, list.as.list.items, NULL, list.as.list.count);
}

void query_case_dictionary(query_case *c, const char *name, const char *documents)
{
    pbase_value map = json_value(documents, &c->arena);
    assert_int_equal(map.kind, PBASE_MAP);
    size_t count = map.as.map.count;
    pbase_value *keys = pbase_arena_array(&c->arena, count, sizeof *keys);
    pbase_value *values = pbase_arena_array(&c->arena, count, sizeof *values);
    assert_true(keys != NULL && values != NULL);
    for (size_t i = 0; i < count; i++) {
        keys[i] = pbase_value_string(map.as.map.fields[i].name);
        values[i] = map.as.map.fields[i].value;
    }
    memory_catalog_add(&c->catalog, name, values, keys, count);
}

void query_case_parameters(query_case *c, const char *map)
{
    c->parameters = json_value(map, &c->arena);
}

static pbase_status bind_all(query_case *c, pbase_query *query)
{
    for (size_t i = 0; i < c->parameters.as.map.count; i++) {
        const pbase_field *field = &c->parameters.as.map.fields[i];
        const char *name = pbase_arena_text(&c->arena, field->name);
        pbase_status status = pbase_query_bind(query, name, &field->value, &c->error);
        if (status != PBASE_OK && status != PBASE_NOT_FOUND) { /* others may ask for it */
            return status;
        }
    }
    return PBASE_OK;
}

/* Runs to the end; rows are appended to `rows` (PBASE_ITEMS of them at most) if it is not NULL. */
static pbase_status run(query_case *c, const pbase_query *query, uint32_t chunk_rows,
                        pbase_value *rows, size_t *count)
{
    pbase_result *result = NULL;
    pbase_query_options options = c->options;
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    size_t closed = c->catalog.closed;
    options.chunk_rows = chunk_rows;
    *count = 0;
    pbase_status status = query_run(query, &catalog, pbase_os_real(), &options, &result, &c->error);
    while (status == PBASE_OK) {
        pbase_value row;
        status = pbase_result_next(result, &row, &c->error);
        if (status == PBASE_OK && rows != NULL) {
            assert_int_equal(pbase_value_copy(&row, &c->arena, &rows[*count], NULL), PBASE_OK);
        }
        *count += status == PBASE_OK;
    }
    pbase_result_close(result);
    assert_null(catalog);
    assert_int_equal(c->catalog.closed, closed + 1);
    return status == PBASE_END ? PBASE_OK : status;
}

#define ROWS_MAX 20000u

pbase_value query_case_rows(query_case *c, const pbase_query *query, uint32_t chunk_rows)
{
    size_t count = 0;
    pbase_value *rows = pbase_arena_array(&c->arena, ROWS_MAX, sizeof *rows);
    assert_non_null(rows);
    pbase_status status = run(c, query, chunk_rows, rows, &count);
    if (status != PBASE_OK) {
        fail_msg("%s: %s", pbase_status_name(status), c->error.message);
    }
    return pbase_value_list(rows, count);
}

pbase_query *query_case_parse(query_case *c, const char *text)
{
    pbase_query *query = NULL;
    pbase_status status = pbase_query_parse(NULL, pbase_bytes_text(text), &query, &c->error);
    if (status != PBASE_OK) {
        fail_msg("%s: %s (%s)", text, c->error.message, c->error.where);
    }
    assert_int_equal(bind_all(c, query), PBASE_OK);
    return query;
}

pbase_query *query_case_plan(query_case *c, const char *plan)
{
    pbase_query *query = NULL;
    pbase_value json = json_value(plan, &c->arena);
    pbase_status status = pbase_query_from_plan(NULL, &json, &query, &c->error);
    if (status != PBASE_OK) {
        fail_msg("%s: %s", plan, c->error.message);
    }
    assert_int_equal(bind_all(c, query), PBASE_OK);
    return query;
}

static pbase_status try_query(query_case *c, pbase_status status, pbase_query *query)
{
    size_t count = 0;
    if (status == PBASE_OK) {
        status = bind_all(c, query);
    }
    if (status == PBASE_OK) {
        status = run(c, query, 0, NULL, &count);
    }
    pbase_query_destroy(query);
    return status;
}

pbase_status query_case_try(query_case *c, const char *text)
{
    pbase_query *query = NULL;
    pbase_error_init(&c->error);
    pbase_status status = pbase_query_parse(NULL, pbase_bytes_text(text), &query, &c->error);
    return try_query(c, status, query);
}

pbase_status query_case_try_plan(query_case *c, const char *plan)
{
    pbase_query *query = NULL;
    pbase_value json = json_value(plan, &c->arena);
    pbase_error_init(&c->error);
    pbase_status status = pbase_query_from_plan(NULL, &json, &query, &c->error);
    return try_query(c, status, query);
}

static void assert_answer(query_case *c, pbase_query *query, const char *asked, const char *rows,
                          const char *file, int line)
{
    pbase_value wanted = json_value(rows, &c->arena);
    for (size_t i = 0; i < sizeof chunk_sizes / sizeof chunk_sizes[0]; i++) {
        pbase_value found = query_case_rows(c, query, chunk_sizes[i]);
        if (!pbase_value_identical(&found, &wanted)) {
            print_error("%s\n  (chunks of %u) gives %s\n  and should give %s\n", asked,
                        chunk_sizes[i], json_text(&found, &c->arena),
                        json_text(&wanted, &c->arena));
            _fail(file, line);
        }
    }
}

void query_case_assert_rows(query_case *c, const char *text, const char *rows, const char *file,
                            int line)
{
    pbase_query *query = query_case_parse(c, text);
    assert_answer(c, query, text, rows, file, line);
    pbase_query_destroy(query);
}

void query_case_assert_plan_rows(query_case *c, const char *plan, const char *rows,
                                 const char *file, int line)
{
    pbase_query *query = query_case_plan(c, plan);
    assert_answer(c, query, plan, rows, file, line);
    pbase_query_destroy(query);
}

void query_case_assert_expr(query_case *c, const char *text, const char *json, const char *file,
                            int line)
{
    char query[2048], rows[2048];
    bool has_one = false;
    for (size_t i = 0; i < c->catalog.count; i++) {
        has_one = has_one || strcmp(c->catalog.collections[i].name, "one") == 0;
    }
    if (!has_one) {
        query_case_collection(c, "one", "[{}]");
    }
    (void)snprintf(query, sizeof query, "from one | select { v: %s }", text);
    (void)snprintf(rows, sizeof rows, "[{'v': %s}]", json);
    query_case_assert_rows(c, query, rows, file, line);
}

static void assert_failure(query_case *c, pbase_status status, const char *asked, pbase_status code,
                           const char *part, const char *file, int line)
{
    if (status != code || strstr(c->error.message, part) == NULL) {
        print_error("%s\n  ends with %s: %s\n  and should with %s: ...%s...\n", asked,
                    pbase_status_name(status), c->error.message, pbase_status_name(code), part);
        _fail(file, line);
    }
}

void query_case_assert_fails(query_case *c, const char *text, pbase_status code, const char *part,
                             const char *file, int line)
{
    assert_failure(c, query_case_try(c, text), text, code, part, file, line);
}

void query_case_assert_plan_fails(query_case *c, const char *plan, pbase_status code,
                                  const char *part, const char *file, int line)
{
    assert_failure(c, query_case_try_plan(c, plan), plan, code, part, file, line);
}
