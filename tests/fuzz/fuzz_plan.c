/* Any JSON as a plan: refused with the step's position, or a query that survives its forms. */
#include "fuzz_codec.h"
#include "memory_catalog.h"
#include "os/os.h"
#include "query/run.h"

static void run(const pbase_query *query)
{
    static const pbase_value documents[] = {
        {.kind = PBASE_INT, .as.integer = INT64_MIN},
        {.kind = PBASE_STRING, .as.string = {(const uint8_t *)"xyz", 3}},
    };
    memory_catalog catalog;
    memory_catalog_init(&catalog);
    memory_catalog_add(&catalog, "t", documents, NULL, 2);
    query_catalog *taken = memory_catalog_take(&catalog);
    pbase_result *result = NULL;
    const pbase_chunk *chunk = NULL;
    const pbase_query_options options = {
        .struct_size = sizeof options,
        .memory_budget_bytes = 1 << 24,
        .row_limit = 10000,
        .call = &(const pbase_call){.deadline_ns = pbase_os_deadline(pbase_os_real(), 200)}};
    pbase_status status = query_run(query, &taken, pbase_os_real(), &options, &result, NULL);
    while (status == PBASE_OK) {
        status = pbase_result_next_chunk(result, &chunk, NULL);
    }
    pbase_result_close(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pbase_serializer *json;
    if (json == NULL) {
        json = (pbase_serializer *)fuzz_codec_open(PBASE_PLUGIN_DIR "/codec-json.so", NULL);
    }
    pbase_arena arena;
    pbase_value plan;
    pbase_query *query = NULL, *again = NULL;
    pbase_arena_init(&arena, pbase_alloc_default());
    if (pbase_serializer_decode(json, pbase_bytes_of(data, size), NULL, &arena, &plan, NULL) ==
            PBASE_OK &&
        pbase_query_from_plan(NULL, &plan, &query, NULL) == PBASE_OK) {
        pbase_status status = pbase_query_from_plan(NULL, pbase_query_plan(query), &again, NULL);
        PBASE_ASSERT(status == PBASE_OK);
        PBASE_ASSERT(pbase_value_identical(pbase_query_plan(query), pbase_query_plan(again)));
        run(query);
    }
    pbase_query_destroy(again);
    pbase_query_destroy(query);
    pbase_arena_fini(&arena);
    return 0;
}
