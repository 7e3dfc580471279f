/* Any bytes as query text: refused with a place, or a plan that survives every form it has. */
#include "memory_catalog.h"
#include "os/os.h"
#include "query/run.h"

/* Runs over a few rows of every kind; whatever comes of it must be an answer or an error. */
static void run(const pbase_query *query)
{
    static const pbase_value items[] = {
        {.kind = PBASE_INT, .as.integer = 7}, {.kind = PBASE_NULL}, {.kind = PBASE_LIST}};
    static const pbase_field fields[] = {
        {{(const uint8_t *)"a", 1}, {.kind = PBASE_INT, .as.integer = INT64_MAX}},
        {{(const uint8_t *)"b", 1},
         {.kind = PBASE_STRING, .as.string = {(const uint8_t *)"xyz", 3}}},
        {{(const uint8_t *)"l", 1}, {.kind = PBASE_LIST, .as.list = {items, 3}}},
    };
    static const pbase_value documents[] = {
        {.kind = PBASE_MAP, .as.map = {fields, 3}},
        {.kind = PBASE_MAP, .as.map = {fields + 1, 1}},
        {.kind = PBASE_INT, .as.integer = 7},
        {.kind = PBASE_NULL},
    };
    memory_catalog catalog;
    memory_catalog_init(&catalog);
    memory_catalog_add(&catalog, "t", documents, NULL, 4);
    query_catalog *taken = memory_catalog_take(&catalog);
    pbase_result *result = NULL;
    pbase_value row;
    /* pairs of pairs of pairs: a few rows can become very many */
    const pbase_query_options options = {
        .struct_size = sizeof options,
        .memory_budget_bytes = 1 << 24,
        .row_limit = 10000,
        .call = &(const pbase_call){.deadline_ns = pbase_os_deadline(pbase_os_real(), 200)}};
    pbase_status status = query_run(query, &taken, pbase_os_real(), &options, &result, NULL);
    while (status == PBASE_OK) {
        status = pbase_result_next(result, &row, NULL);
    }
    pbase_result_close(result);
}

/* The plan's JSON form makes the same plan again, and so does the explained text. */
static void check_forms(const pbase_query *query)
{
    pbase_query *again = NULL;
    pbase_arena arena;
    pbase_value text;
    pbase_error err;
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    PBASE_ASSERT(pbase_query_from_plan(NULL, pbase_query_plan(query), &again, &err) == PBASE_OK);
    PBASE_ASSERT(pbase_value_identical(pbase_query_plan(query), pbase_query_plan(again)));
    pbase_query_destroy(again);
    again = NULL;
    if (pbase_query_explain(query, PBASE_EXPLAIN_TEXT, &arena, &text, &err) == PBASE_OK) {
        pbase_status status = pbase_query_parse(NULL, text.as.string, &again, &err);
        PBASE_ASSERT(status == PBASE_OK || status == PBASE_LIMIT);
    }
    pbase_query_destroy(again);
    pbase_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pbase_query *query = NULL;
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = pbase_query_parse(NULL, pbase_bytes_of(data, size), &query, &err);
    if (status == PBASE_OK) {
        check_forms(query);
        run(query);
    } else {
        PBASE_ASSERT(err.code == status && err.message[0] != '\0');
    }
    pbase_query_destroy(query);
    return 0;
}
