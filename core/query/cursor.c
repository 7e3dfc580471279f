/* cursor.c - the result of a query: chunks of the executor, as chunks and as rows.
 *
 * A result owns everything its run needs: the resolved plan, the executor, the catalog. After a
 * failure it keeps the error and gives it again. */
#include "expr/wanted.h"
#include "query/access.h"
#include "query/chunk.h"
#include "query/executor.h"
#include "query/optimizer.h"
#include "query/query.h"
#include "query/row.h"
#include "query/run.h"

#define MEMORY_BUDGET_BYTES_DEFAULT ((uint64_t)1 << 30)

struct pbase_result {
    const pbase_alloc *alloc;
    pbase_query *query; /* shared */
    query_catalog *catalog;
    pbase_arena plan_arena; /* the plan and its binding */
    plan plan;
    executor *executor;
    uint64_t row_limit; /* UINT64_MAX: none */
    uint64_t rows;      /* given so far */
    pbase_chunk *chunk; /* the executor's, NULL before the first */
    uint32_t next;      /* selected row of `chunk` to give */
    pbase_chunk shown;  /* what next_chunk lends */
    pbase_arena row_arena;
    pbase_status status; /* of the failure that ended it */
    pbase_error error;
};

static pbase_status fail(pbase_result *self, pbase_status status, const pbase_error *cause,
                         pbase_error *err)
{
    self->status = status;
    self->error = *cause;
    if (err != NULL) {
        *err = *cause;
    }
    return status;
}

static pbase_status fail_again(const pbase_result *self, pbase_error *err)
{
    if (err != NULL && self->status != PBASE_END) {
        *err = self->error;
    }
    return self->status;
}

/* --- opening ----------------------------------------------------------------------------------- */

static uint32_t chunk_rows_of(const pbase_query_options *options)
{
    bool is_set = options != NULL && options->chunk_rows > 0;
    return is_set && options->chunk_rows < PBASE_CHUNK_ROWS ? options->chunk_rows
                                                            : PBASE_CHUNK_ROWS;
}

static pbase_status result_plan(pbase_result *self, const pbase_query *query,
                                const pbase_query_options *options, pbase_error *err)
{
    plan resolved;
    uint32_t rules_off = options == NULL ? 0 : options->rules_off;
    const pbase_value *given = options == NULL ? NULL : options->parameters;
    pbase_status status = query_resolve(query, given, true, &self->plan_arena, &resolved, err);
    if (status == PBASE_OK) {
        status = plan_optimize(&resolved, rules_off, &self->plan_arena, &self->plan, err);
    }
    if (status == PBASE_OK) {
        status = plan_choose_access(&self->plan, self->catalog, rules_off, &self->plan_arena,
                                    &self->plan, err);
    }
    return status == PBASE_OK ? executor_create(&self->plan, rules_off, self->alloc,
                                                &self->plan_arena, &self->executor, err)
                              : status;
}

static pbase_status result_open(pbase_result *self, const pbase_query *query, const pbase_os *os,
                                const pbase_query_options *options, pbase_error *err)
{
    executor_run run = {
        .catalog = self->catalog,
        .os = os,
        .call = options == NULL ? NULL : options->call,
        .chunk_rows = chunk_rows_of(options),
        .memory_budget_bytes = options == NULL || options->memory_budget_bytes == 0
                                   ? MEMORY_BUDGET_BYTES_DEFAULT
                                   : options->memory_budget_bytes,
    };
    bool is_limited = options != NULL && options->row_limit > 0;
    self->row_limit = is_limited ? options->row_limit : UINT64_MAX;
    pbase_status status = result_plan(self, query, options, err);
    return status == PBASE_OK ? executor_open(self->executor, &run, err) : status;
}

static pbase_status check_options(const pbase_query_options *options, pbase_error *err)
{
    return options == NULL || options->struct_size >= sizeof *options
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_INVALID, "pbase_query_options.struct_size is %u, not %zu",
                            options->struct_size, sizeof *options);
}

static void catalog_close(query_catalog *catalog)
{
    if (catalog != NULL) {
        catalog->vtable->close(catalog);
    }
}

pbase_status query_run(const pbase_query *query, query_catalog **catalog, const pbase_os *os,
                       const pbase_query_options *options, pbase_result **out, pbase_error *err)
{
    query_catalog *taken = *catalog;
    *catalog = NULL;
    pbase_status status = check_options(options, err);
    pbase_result *self =
        status == PBASE_OK ? pbase_alloc_zeroed(query->alloc, 1, sizeof *self) : NULL;
    if (self == NULL) {
        catalog_close(taken);
        return status != PBASE_OK ? status
                                  : PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a result");
    }
    self->alloc = query->alloc;
    self->query = (pbase_query *)(uintptr_t)query; /* only its count is changed */
    query_ref(self->query);
    self->catalog = taken;
    pbase_arena_init(&self->plan_arena, self->alloc);
    pbase_arena_init(&self->row_arena, self->alloc);
    status = result_open(self, query, os, options, err);
    if (status == PBASE_OK) {
        *out = self;
    } else {
        pbase_result_close(self);
    }
    return status;
}

void pbase_result_close(pbase_result *result)
{
    if (result == NULL) {
        return;
    }
    const pbase_alloc *alloc = result->alloc;
    executor_destroy(result->executor);
    catalog_close(result->catalog);
    pbase_arena_fini(&result->row_arena);
    pbase_arena_fini(&result->plan_arena);
    query_unref(result->query);
    pbase_alloc_free(alloc, result, sizeof *result);
}

uint64_t query_compared(const pbase_result *result)
{
    return executor_compared(result->executor);
}

/* --- columns ----------------------------------------------------------------------------------- */

size_t pbase_result_column_count(const pbase_result *result)
{
    const pbase_schema *schema = executor_schema(result->executor);
    return row_is_open(schema) ? 0 : schema->count;
}

pbase_bytes pbase_result_column_name(const pbase_result *result, size_t index)
{
    const pbase_schema *schema = executor_schema(result->executor);
    return index < pbase_result_column_count(result) ? schema->columns[index].name
                                                     : pbase_bytes_of(NULL, 0);
}

/* --- rows -------------------------------------------------------------------------------------- */

/* The next chunk, opened and without errors; counts its rows against the limit. */
static pbase_status fetch(pbase_result *self, pbase_error *err)
{
    pbase_chunk *chunk = NULL;
    pbase_status status = executor_next(self->executor, &chunk, err);
    if (status != PBASE_OK) {
        return status;
    }
    for (size_t c = 0; c < chunk->column_count && status == PBASE_OK; c++) {
        status = chunk_open_cells(chunk, c, chunk->selection, chunk->selected_count, err);
    }
    self->chunk = chunk;
    self->next = 0;
    return status;
}

static pbase_status check_row(const pbase_result *self, uint32_t row, pbase_error *err)
{
    for (size_t c = 0; c < self->chunk->column_count; c++) {
        pbase_status status = pbase_cell_raise(&self->chunk->columns[c].cells[row], err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    return PBASE_OK;
}

static pbase_status count_row(pbase_result *self, pbase_error *err)
{
    if (self->rows == self->row_limit) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_LIMIT, "the result has more than %llu rows, its limit",
                       (unsigned long long)self->row_limit);
        pbase_error_hint(err, "add a limit step, or raise the row limit");
        return status;
    }
    self->rows++;
    return PBASE_OK;
}

static pbase_status next_row(pbase_result *self, pbase_value *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (self->chunk == NULL || self->next == self->chunk->selected_count) {
        status = fetch(self, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    uint32_t row = pbase_chunk_row(self->chunk, self->next++);
    status = check_row(self, row, err);
    if (status == PBASE_OK) {
        status = count_row(self, err);
    }
    pbase_arena_reset(&self->row_arena);
    return status == PBASE_OK ? row_value(executor_schema(self->executor), self->chunk, row,
                                          &self->row_arena, out, err)
                              : status;
}

pbase_status pbase_result_next(pbase_result *result, pbase_value *out, pbase_error *err)
{
    pbase_error cause;
    pbase_error_init(&cause);
    if (result->status != PBASE_OK) {
        return fail_again(result, err);
    }
    pbase_status status = next_row(result, out, &cause);
    if (status == PBASE_END) {
        result->status = status;
        return status;
    }
    return status == PBASE_OK ? PBASE_OK : fail(result, status, &cause, err);
}

/* Documents of their own shape are shown as one column of whole rows. */
static pbase_status show_rows(pbase_result *self, pbase_error *err)
{
    const pbase_schema *schema = executor_schema(self->executor);
    self->shown = *self->chunk;
    if (!row_is_open(schema) || schema->count == 1) {
        return PBASE_OK;
    }
    pbase_value *rows = NULL;
    pbase_status status = chunk_columns(&self->shown, 1, err);
    if (status == PBASE_OK) {
        status = chunk_cells(&self->shown, &rows, err);
    }
    for (uint32_t n = 0; n < self->shown.selected_count && status == PBASE_OK; n++) {
        uint32_t row = pbase_chunk_row(&self->shown, n);
        status = row_value(schema, self->chunk, row, self->shown.arena, &rows[row], err);
    }
    if (status == PBASE_OK) {
        self->shown.columns[0].cells = rows;
    }
    return status;
}

static pbase_status next_chunk(pbase_result *self, pbase_error *err)
{
    pbase_status status = fetch(self, err);
    for (uint32_t n = 0; status == PBASE_OK && n < self->chunk->selected_count; n++) {
        status = check_row(self, pbase_chunk_row(self->chunk, n), err);
        if (status == PBASE_OK) {
            status = count_row(self, err);
        }
    }
    return status == PBASE_OK ? show_rows(self, err) : status;
}

pbase_status pbase_result_next_chunk(pbase_result *result, const pbase_chunk **out,
                                     pbase_error *err)
{
    pbase_error cause;
    pbase_error_init(&cause);
    if (result->status != PBASE_OK) {
        return fail_again(result, err);
    }
    pbase_status status = next_chunk(result, &cause);
    if (status == PBASE_END) {
        result->status = status;
        return status;
    }
    if (status != PBASE_OK) {
        return fail(result, status, &cause, err);
    }
    *out = &result->shown;
    return PBASE_OK;
}
