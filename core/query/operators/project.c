/* project.c - select and extend: columns computed from columns.
 *
 * Every expression sees the row as it came in. What cannot be computed for a row stays in it as an
 * error, to be raised if somebody uses it. */
#include "query/chunk.h"
#include "query/operators/operators.h"
#include "query/operators/step.h"

#define COLUMNS_MAX 2048u /* of a row */

typedef struct {
    const pbase_expression **expressions;
    uint32_t *targets; /* the output column of each */
    size_t count;
    size_t kept;         /* input columns that stay, at the front of the output */
    size_t column_count; /* of the output */
} project_node;

typedef struct {
    const project_node *node;
    const pbase_run *run;
} project;

static size_t position_of(const pbase_column *columns, size_t count, pbase_bytes name)
{
    size_t i = 0;
    while (i < count && !pbase_bytes_equal(columns[i].name, name)) {
        i++;
    }
    return i;
}

/* Gives each new column its place: that of the column it replaces, or behind the others. */
static pbase_status place_columns(project_node *node, const pbase_column *made,
                                  pbase_binder *binder, pbase_schema *out_schema, pbase_error *err)
{
    void *memory = NULL, *targets = NULL;
    if (node->kept + node->count > COLUMNS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "rows of %zu columns; the limit is %u",
                          node->kept + node->count, COLUMNS_MAX);
    }
    pbase_status status =
        step_alloc(binder, node->kept + node->count, sizeof(pbase_column), &memory, err);
    if (status == PBASE_OK) {
        status = step_alloc(binder, node->count, sizeof *node->targets, &targets, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_column *columns = memory;
    node->targets = targets;
    node->column_count = node->kept;
    if (node->kept > 0) {
        memcpy(columns, binder->input->columns, node->kept * sizeof *columns);
    }
    for (size_t i = 0; i < node->count; i++) {
        size_t target = position_of(columns, node->kept, made[i].name);
        target = target < node->kept ? target : node->column_count++;
        columns[target] = made[i];
        node->targets[i] = (uint32_t)target;
    }
    out_schema->columns = columns;
    out_schema->count = node->column_count;
    return PBASE_OK;
}

static pbase_status project_bind(const pbase_value *step, pbase_binder *binder, size_t kept,
                                 pbase_operator_node **out, pbase_schema *out_schema,
                                 pbase_error *err)
{
    const pbase_value *list = NULL;
    void *memory = NULL;
    pbase_column *made = NULL;
    pbase_status status = step_get(step, "cols", PBASE_LIST, &list, err);
    if (status == PBASE_OK) {
        status = step_alloc(binder, 1, sizeof(project_node), &memory, err);
    }
    project_node *node = memory;
    if (status == PBASE_OK) {
        node->count = list->as.list.count;
        node->kept = kept;
        status = step_columns(list, binder, &made, &node->expressions, err);
    }
    if (status == PBASE_OK) {
        status = place_columns(node, made, binder, out_schema, err);
    }
    if (status == PBASE_OK) {
        *out = (pbase_operator_node *)node;
    }
    return status;
}

static pbase_status select_bind(const pbase_value *step, pbase_binder *binder,
                                pbase_operator_node **out, pbase_schema *out_schema,
                                pbase_error *err)
{
    return project_bind(step, binder, 0, out, out_schema, err);
}

static pbase_status extend_bind(const pbase_value *step, pbase_binder *binder,
                                pbase_operator_node **out, pbase_schema *out_schema,
                                pbase_error *err)
{
    return project_bind(step, binder, binder->input->count, out, out_schema, err);
}

static pbase_status project_open(const pbase_operator_node *node, const pbase_run *run,
                                 void **out_shared, pbase_error *err)
{
    project *self = pbase_alloc_new(run->alloc, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    self->node = (const project_node *)node;
    self->run = run;
    *out_shared = self;
    return PBASE_OK;
}

static pbase_status project_apply(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                                  int32_t *out_state, pbase_error *err)
{
    const project *self = shared;
    const project_node *node = self->node;
    (void)local;
    chunk_share(out, in);
    pbase_status status = chunk_columns(out, node->column_count, err);
    if (status == PBASE_OK && node->kept > 0) {
        memcpy(out->columns, in->columns, node->kept * sizeof *out->columns);
    }
    for (size_t i = 0; i < node->count && status == PBASE_OK; i++) {
        pbase_vector vector;
        pbase_chunk_column *column = &out->columns[node->targets[i]];
        memset(column, 0, sizeof *column);
        status = self->run->services->evaluate(node->expressions[i], in, &vector, err);
        if (status == PBASE_OK) {
            status = chunk_column_of(out, &vector, &column->cells, err);
        }
    }
    *out_state = PBASE_NEED_INPUT;
    return status;
}

static void project_close(void *shared)
{
    project *self = shared;
    if (self != NULL) {
        pbase_alloc_free(self->run->alloc, self, sizeof *self);
    }
}

static const pbase_operator_run_ops project_run = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = project_open,
    .apply = project_apply,
    .close = project_close,
};
const pbase_operator_vtable operator_select = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_TRANSFORM | PBASE_OPERATOR_KEEPS_ORDER | PBASE_OPERATOR_PARALLEL,
    .name = "select",
    .bind = select_bind,
    .run = &project_run,
};
const pbase_operator_vtable operator_extend = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_TRANSFORM | PBASE_OPERATOR_KEEPS_ORDER | PBASE_OPERATOR_PARALLEL,
    .name = "extend",
    .bind = extend_bind,
    .run = &project_run,
};
