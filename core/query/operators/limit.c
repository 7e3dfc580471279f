/* limit.c - limit and offset: counts rows by. */
#include "query/chunk.h"
#include "query/operators/operators.h"
#include "query/operators/step.h"

typedef struct {
    uint64_t rows;
} limit_node;

typedef struct {
    const pbase_run *run;
    uint64_t left; /* rows still to give, or still to skip */
} limit;

static pbase_status limit_bind(const pbase_value *step, pbase_binder *binder,
                               pbase_operator_node **out, pbase_schema *out_schema,
                               pbase_error *err)
{
    void *memory = NULL;
    pbase_status status = step_alloc(binder, 1, sizeof(limit_node), &memory, err);
    limit_node *node = memory;
    if (status == PBASE_OK) {
        status = step_rows(step, &node->rows, err);
    }
    if (status == PBASE_OK) {
        *out = (pbase_operator_node *)node;
        *out_schema = *binder->input;
    }
    return status;
}

static pbase_status limit_open(const pbase_operator_node *node, const pbase_run *run,
                               void **out_shared, pbase_error *err)
{
    limit *self = pbase_alloc_new(run->alloc, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    self->run = run;
    self->left = ((const limit_node *)node)->rows;
    *out_shared = self;
    return PBASE_OK;
}

/* Gives the selected rows from `first` on, `count` of them. */
static pbase_status take(const pbase_chunk *in, uint32_t first, uint32_t count, pbase_chunk *out,
                         pbase_error *err)
{
    chunk_share(out, in);
    out->selected_count = count;
    if (in->selection != NULL) {
        out->selection = in->selection + first;
        return PBASE_OK;
    }
    if (count == in->row_count) {
        return PBASE_OK;
    }
    uint16_t *rows = pbase_arena_array(in->arena, count, sizeof *rows);
    if (rows == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a selection of rows");
    }
    for (uint32_t n = 0; n < count; n++) {
        rows[n] = (uint16_t)(first + n);
    }
    out->selection = rows;
    return PBASE_OK;
}

static pbase_status limit_apply(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                                int32_t *out_state, pbase_error *err)
{
    limit *self = shared;
    (void)local;
    uint32_t count = self->left < in->selected_count ? (uint32_t)self->left : in->selected_count;
    self->left -= count;
    *out_state = self->left == 0 ? PBASE_DONE : PBASE_NEED_INPUT;
    return take(in, 0, count, out, err);
}

static pbase_status offset_apply(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                                 int32_t *out_state, pbase_error *err)
{
    limit *self = shared;
    (void)local;
    uint32_t skipped = self->left < in->selected_count ? (uint32_t)self->left : in->selected_count;
    self->left -= skipped;
    *out_state = PBASE_NEED_INPUT;
    return take(in, skipped, in->selected_count - skipped, out, err);
}

static void limit_close(void *shared)
{
    limit *self = shared;
    if (self != NULL) {
        pbase_alloc_free(self->run->alloc, self, sizeof *self);
    }
}

static pbase_status limit_estimate(const pbase_operator_node *node, const pbase_estimate *input,
                                   pbase_estimate *out, pbase_error *err)
{
    double rows = (double)((const limit_node *)node)->rows;
    (void)err;
    *out = *input;
    out->rows = input->rows >= 0 && input->rows < rows ? input->rows : rows;
    return PBASE_OK;
}

static pbase_status offset_estimate(const pbase_operator_node *node, const pbase_estimate *input,
                                    pbase_estimate *out, pbase_error *err)
{
    double rows = (double)((const limit_node *)node)->rows;
    (void)err;
    *out = *input;
    out->rows = input->rows < 0 ? -1 : input->rows > rows ? input->rows - rows : 0;
    return PBASE_OK;
}

static const pbase_operator_run_ops limit_run = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = limit_open,
    .apply = limit_apply,
    .close = limit_close,
};
static const pbase_operator_run_ops offset_run = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = limit_open,
    .apply = offset_apply,
    .close = limit_close,
};
const pbase_operator_vtable operator_limit = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_TRANSFORM | PBASE_OPERATOR_KEEPS_ORDER,
    .name = "limit",
    .bind = limit_bind,
    .estimate = limit_estimate,
    .run = &limit_run,
};
const pbase_operator_vtable operator_offset = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_TRANSFORM | PBASE_OPERATOR_KEEPS_ORDER,
    .name = "offset",
    .bind = limit_bind,
    .estimate = offset_estimate,
    .run = &offset_run,
};
