/* services.c - the table, over expr/. */
#include "query/services.h"
#include "expr/function.h"
#include "expr/wanted.h"

static pbase_status services_compile(pbase_binder *binder, const pbase_value *json,
                                     const pbase_expression **out, pbase_error *err)
{
    static const pbase_schema no_columns = {NULL, 0};
    const expr *tree = NULL;
    pbase_status status = expr_from_value(json, binder->arena, &tree, err);
    return status == PBASE_OK ? expr_bind(tree, binder->input == NULL ? &no_columns : binder->input,
                                          binder->position, binder->arena, out, err)
                              : status;
}

static void services_want(pbase_binder *binder, size_t index)
{
    PBASE_ASSERT(binder->input != NULL && index < binder->input->count);
    pbase_wanted *wanted = binder->input->columns[index].wanted;
    if (wanted != NULL) {
        wanted_whole(wanted, binder->position);
    }
}

static pbase_status services_document(pbase_binder *binder, pbase_bytes name, pbase_column *out,
                                      pbase_error *err)
{
    pbase_wanted *wanted = NULL;
    pbase_status status = wanted_create(binder->arena, &wanted, err);
    if (status == PBASE_OK) {
        out->name = name;
        out->wanted = wanted;
    }
    return status;
}

static bool services_wants_whole(const pbase_column *column)
{
    return column->wanted == NULL || column->wanted->whole_last_use > 0;
}

static size_t services_wants_fields(const pbase_column *column)
{
    return column->wanted == NULL ? 0 : column->wanted->count;
}

static pbase_status services_evaluate(const pbase_expression *expression, pbase_chunk *chunk,
                                      pbase_vector *out, pbase_error *err)
{
    expr_frame frame = {.chunk = chunk, .arena = chunk->arena, .row_count = chunk->row_count};
    expr_rows rows = {chunk->selection, chunk->selected_count};
    return expr_evaluate(expression, &frame, &rows, out, err);
}

const pbase_query_services *query_services(void)
{
    static const pbase_query_services services = {
        .struct_size = sizeof(pbase_query_services),
        .compile = services_compile,
        .want = services_want,
        .document = services_document,
        .wants_whole = services_wants_whole,
        .wants_fields = services_wants_fields,
        .extract = wanted_extract,
        .evaluate = services_evaluate,
    };
    return &services;
}
