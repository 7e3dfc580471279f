/* count.c - count: one row with the number of rows; looks into none of them. */
#include "query/chunk.h"
#include "query/operators/operators.h"
#include "query/operators/step.h"

typedef struct {
    const pbase_run *run;
    uint64_t rows;
} count;

static pbase_status count_bind(const pbase_value *step, pbase_binder *binder,
                               pbase_operator_node **out, pbase_schema *out_schema,
                               pbase_error *err)
{
    void *memory = NULL;
    (void)step;
    pbase_status status = step_alloc(binder, 1, sizeof(pbase_column), &memory, err);
    if (status == PBASE_OK) {
        pbase_column *column = memory;
        column->name = pbase_bytes_text("count");
        *out = memory;
        out_schema->columns = column;
        out_schema->count = 1;
    }
    return status;
}

static pbase_status count_open(const pbase_operator_node *node, const pbase_run *run,
                               void **out_shared, pbase_error *err)
{
    (void)node;
    count *self = pbase_alloc_new(run->alloc, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    self->run = run;
    self->rows = 0;
    *out_shared = self;
    return PBASE_OK;
}

static pbase_status count_consume(void *shared, void *local, pbase_chunk *in, int32_t *out_state,
                                  pbase_error *err)
{
    count *self = shared;
    (void)local;
    (void)err;
    self->rows += in->selected_count;
    *out_state = PBASE_NEED_INPUT;
    return PBASE_OK;
}

static pbase_status count_finish(void *shared, pbase_error *err)
{
    (void)shared;
    (void)err;
    return PBASE_OK;
}

static pbase_status count_scan(void *shared, void *local, pbase_chunk *out, int32_t *out_state,
                               pbase_error *err)
{
    const count *self = shared;
    pbase_value *cells = NULL;
    (void)local;
    pbase_status status = chunk_columns(out, 1, err);
    out->row_count = out->selected_count = 1;
    if (status == PBASE_OK) {
        status = chunk_cells(out, &cells, err);
    }
    if (status == PBASE_OK) {
        cells[0] = pbase_value_int((int64_t)self->rows);
        out->columns[0].cells = cells;
    }
    *out_state = PBASE_DONE;
    return status;
}

static void count_close(void *shared)
{
    count *self = shared;
    if (self != NULL) {
        pbase_alloc_free(self->run->alloc, self, sizeof *self);
    }
}

static pbase_status count_estimate(const pbase_operator_node *node, const pbase_estimate *input,
                                   pbase_estimate *out, pbase_error *err)
{
    (void)node;
    (void)err;
    out->rows = 1;
    out->cost = input->cost;
    return PBASE_OK;
}

static const pbase_operator_run_ops count_run = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = count_open,
    .scan = count_scan,
    .consume = count_consume,
    .finish = count_finish,
    .close = count_close,
};
const pbase_operator_vtable operator_count = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_SINK,
    .name = "count",
    .bind = count_bind,
    .estimate = count_estimate,
    .run = &count_run,
};
