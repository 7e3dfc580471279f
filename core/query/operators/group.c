/* group.c - group: one row per combination of keys, with its aggregates, in the order of the first
 * row of each. Without keys there is one row, of no rows too.
 *
 * Per chunk: first every row's group, then each aggregate for all rows. A distinct aggregate keeps
 * the pairs (group, value) it has seen in a table of its own. */
#include "query/aggregate.h"
#include "query/chunk.h"
#include "query/group_table.h"
#include "query/operators/operators.h"
#include "query/operators/step.h"

typedef struct {
    aggregate_kind kind;
    bool is_distinct;
    const pbase_expression *argument; /* NULL: counts rows */
    const pbase_expression *filter;   /* NULL: every row */
} group_aggregate;

typedef struct {
    const pbase_expression **keys;
    size_t key_count;
    group_aggregate *aggregates;
    size_t aggregate_count;
} group_node;

typedef struct {
    const group_node *node;
    const pbase_run *run;
    group_table groups; /* state: aggregate_state per aggregate */
    group_table *seen;  /* per aggregate: used by distinct ones; keys (group, value) */
    size_t given;       /* by scan */
} group;

/* --- binding ----------------------------------------------------------------------------------- */

static pbase_status bind_options(const pbase_value *options, pbase_binder *binder,
                                 group_aggregate *out, pbase_error *err)
{
    const pbase_value *distinct = pbase_value_field(options, pbase_bytes_text("distinct"));
    const pbase_value *filter = pbase_value_field(options, pbase_bytes_text("filter"));
    out->is_distinct = distinct != NULL && distinct->kind == PBASE_BOOL && distinct->as.boolean;
    return filter == NULL ? PBASE_OK : binder->services->compile(binder, filter, &out->filter, err);
}

/* [name, function, argument or null, options] */
static pbase_status bind_aggregate(const pbase_value *json, pbase_binder *binder,
                                   group_aggregate *out, pbase_column *column, pbase_error *err)
{
    const pbase_value *name = NULL, *function = NULL;
    pbase_status status = step_item(json, 0, PBASE_STRING, &name, err);
    if (status == PBASE_OK) {
        status = step_item(json, 1, PBASE_STRING, &function, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (name->as.string.size == 0 || !aggregate_find(function->as.string, &out->kind, err)) {
        return PBASE_FAIL(err, PBASE_INVALID, "an aggregate has no name or an unknown function");
    }
    column->name = name->as.string;
    const pbase_value *items = json->as.list.items;
    if (json->as.list.count > 2 && items[2].kind != PBASE_NULL) {
        status = binder->services->compile(binder, &items[2], &out->argument, err);
    }
    if (status == PBASE_OK && json->as.list.count > 3) {
        status = bind_options(&items[3], binder, out, err);
    }
    if (status == PBASE_OK && out->argument == NULL &&
        (out->kind != AGGREGATE_COUNT || out->is_distinct)) {
        status =
            PBASE_FAIL(err, PBASE_INVALID, "'%s' needs an expression", aggregate_name(out->kind));
    }
    return status;
}

static pbase_status bind_aggregates(const pbase_value *list, pbase_binder *binder, group_node *node,
                                    pbase_column *columns, pbase_error *err)
{
    void *aggregates = NULL;
    size_t count = list->as.list.count;
    pbase_status status = step_alloc(binder, count, sizeof(group_aggregate), &aggregates, err);
    node->aggregates = aggregates;
    node->aggregate_count = count;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status =
            bind_aggregate(&list->as.list.items[i], binder, &node->aggregates[i], &columns[i], err);
    }
    return status;
}

static pbase_status group_bind(const pbase_value *step, pbase_binder *binder,
                               pbase_operator_node **out, pbase_schema *out_schema,
                               pbase_error *err)
{
    const pbase_value *keys = NULL, *aggregates = NULL;
    pbase_column *key_columns = NULL;
    void *memory = NULL, *columns = NULL;
    pbase_status status = step_get(step, "keys", PBASE_LIST, &keys, err);
    if (status == PBASE_OK) {
        status = step_get(step, "aggs", PBASE_LIST, &aggregates, err);
    }
    if (status == PBASE_OK) {
        status = step_alloc(binder, 1, sizeof(group_node), &memory, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    group_node *node = memory;
    node->key_count = keys->as.list.count;
    size_t count = node->key_count + aggregates->as.list.count;
    status = step_columns(keys, binder, &key_columns, &node->keys, err);
    if (status == PBASE_OK) {
        status = step_alloc(binder, count, sizeof(pbase_column), &columns, err);
    }
    if (status == PBASE_OK) {
        memcpy(columns, key_columns, node->key_count * sizeof(pbase_column));
        status = bind_aggregates(aggregates, binder, node,
                                 (pbase_column *)columns + node->key_count, err);
    }
    if (status == PBASE_OK) {
        *out = (pbase_operator_node *)node;
        out_schema->columns = columns;
        out_schema->count = count;
    }
    return status;
}

/* --- running ----------------------------------------------------------------------------------- */

static void group_close(void *shared)
{
    group *self = shared;
    if (self == NULL) {
        return;
    }
    const pbase_alloc *alloc = self->run->alloc;
    size_t count = self->node->aggregate_count;
    for (size_t i = 0; self->seen != NULL && i < count; i++) {
        group_table_fini(&self->seen[i]);
    }
    pbase_alloc_free(alloc, self->seen, count * sizeof *self->seen);
    group_table_fini(&self->groups);
    pbase_alloc_free(alloc, self, sizeof *self);
}

static pbase_status group_open(const pbase_operator_node *node, const pbase_run *run,
                               void **out_shared, pbase_error *err)
{
    group *self = pbase_alloc_zeroed(run->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    self->node = (const group_node *)node;
    self->run = run;
    size_t count = self->node->aggregate_count;
    group_table_init(&self->groups, run->alloc, self->node->key_count,
                     count * sizeof(aggregate_state));
    pbase_status status = PBASE_OK;
    self->seen = count == 0 ? NULL : pbase_alloc_zeroed(run->alloc, count, sizeof *self->seen);
    if (self->seen == NULL && count > 0) {
        status = PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        group_table_init(&self->seen[i], run->alloc, 2, 0);
    }
    if (status == PBASE_OK && self->node->key_count == 0) { /* the one group that is always there */
        uint32_t first = 0;
        bool is_new = false;
        status = group_table_find(&self->groups, NULL, &first, &is_new, err);
    }
    if (status == PBASE_OK) {
        *out_shared = self;
    } else {
        group_close(self);
    }
    return status;
}

/* The group of every selected row, by row number. */
static pbase_status find_groups(group *self, pbase_chunk *in, uint32_t *numbers, pbase_error *err)
{
    size_t key_count = self->node->key_count;
    pbase_vector *vectors = pbase_arena_array(in->arena, key_count, sizeof *vectors);
    const pbase_value **keys = pbase_arena_array(in->arena, key_count, sizeof *keys);
    if (vectors == NULL || keys == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for group keys");
    }
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < key_count && status == PBASE_OK; i++) {
        status = self->run->services->evaluate(self->node->keys[i], in, &vectors[i], err);
    }
    for (uint32_t n = 0; n < in->selected_count && status == PBASE_OK; n++) {
        uint32_t row = pbase_chunk_row(in, n);
        bool is_new = false;
        for (size_t i = 0; i < key_count && status == PBASE_OK; i++) {
            keys[i] = pbase_vector_cell(&vectors[i], row);
            status = pbase_cell_raise(keys[i], err);
        }
        if (status == PBASE_OK) {
            status = group_table_find(&self->groups, keys, &numbers[row], &is_new, err);
        }
    }
    return status;
}

/* The rows of `in` for which the filter is true, as a chunk. */
static pbase_status filter_rows(const group *self, const pbase_expression *filter, pbase_chunk *in,
                                pbase_chunk *out, pbase_error *err)
{
    pbase_vector vector;
    *out = *in;
    if (filter == NULL) {
        return PBASE_OK;
    }
    uint16_t *rows = pbase_arena_array(in->arena, in->selected_count, sizeof *rows);
    if (rows == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a selection of rows");
    }
    pbase_status status = self->run->services->evaluate(filter, in, &vector, err);
    out->selection = rows;
    out->selected_count = 0;
    for (uint32_t n = 0; n < in->selected_count && status == PBASE_OK; n++) {
        uint32_t row = pbase_chunk_row(in, n);
        const pbase_value *cell = pbase_vector_cell(&vector, row);
        status = pbase_cell_raise(cell, err);
        if (cell->kind == PBASE_BOOL && cell->as.boolean) {
            rows[out->selected_count++] = (uint16_t)row;
        }
    }
    return status;
}

/* Whether a group sees this value for the first time. */
static pbase_status is_first_time(group *self, size_t index, uint32_t number,
                                  const pbase_value *value, bool *out, pbase_error *err)
{
    const pbase_value group_number = pbase_value_int(number);
    const pbase_value *pair[2] = {&group_number, value};
    uint32_t ignored = 0;
    return group_table_find(&self->seen[index], pair, &ignored, out, err);
}

static pbase_status take_value(group *self, size_t index, uint32_t number, const pbase_value *value,
                               pbase_error *err)
{
    const group_aggregate *aggregate = &self->node->aggregates[index];
    aggregate_state *states = self->groups.groups[number].state;
    bool is_new = true;
    pbase_status status = pbase_cell_raise(value, err);
    if (status == PBASE_OK && aggregate->is_distinct) {
        status = is_first_time(self, index, number, value, &is_new, err);
    }
    return status == PBASE_OK && is_new
               ? aggregate_add(aggregate->kind, &states[index], value, &self->groups.arena, err)
               : status;
}

static pbase_status take_chunk(group *self, size_t index, pbase_chunk *in, const uint32_t *numbers,
                               pbase_error *err)
{
    const group_aggregate *aggregate = &self->node->aggregates[index];
    const pbase_value present = pbase_value_bool(true);
    pbase_vector values = {&present, 0, 0};
    pbase_chunk rows;
    pbase_status status = filter_rows(self, aggregate->filter, in, &rows, err);
    if (status == PBASE_OK && aggregate->argument != NULL) {
        status = self->run->services->evaluate(aggregate->argument, &rows, &values, err);
    }
    for (uint32_t n = 0; n < rows.selected_count && status == PBASE_OK; n++) {
        uint32_t row = pbase_chunk_row(&rows, n);
        status = take_value(self, index, numbers[row], pbase_vector_cell(&values, row), err);
    }
    return status;
}

static pbase_status group_consume(void *shared, void *local, pbase_chunk *in, int32_t *out_state,
                                  pbase_error *err)
{
    group *self = shared;
    (void)local;
    uint32_t *numbers = pbase_arena_array(in->arena, in->row_count, sizeof *numbers);
    if (numbers == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for group keys");
    }
    memset(numbers, 0, in->row_count * sizeof *numbers);
    pbase_status status =
        self->node->key_count == 0 ? PBASE_OK : find_groups(self, in, numbers, err);
    for (size_t i = 0; i < self->node->aggregate_count && status == PBASE_OK; i++) {
        status = take_chunk(self, i, in, numbers, err);
    }
    *out_state = PBASE_NEED_INPUT;
    return status;
}

static pbase_status group_finish(void *shared, pbase_error *err)
{
    (void)shared;
    (void)err;
    return PBASE_OK;
}

/* A result that cannot be is an error of its row, like any other. */
static pbase_status result_cell(aggregate_kind kind, const aggregate_state *state,
                                pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    pbase_error inner;
    pbase_error_init(&inner);
    pbase_status status = aggregate_result(kind, state, out, &inner);
    if (status == PBASE_OK) {
        return PBASE_OK;
    }
    pbase_bytes message = pbase_bytes_of(NULL, 0);
    status = pbase_arena_copy(arena, pbase_bytes_text(inner.message), &message, err);
    if (status == PBASE_OK) {
        *out = pbase_value_string(message);
        out->kind = PBASE_CELL_ERROR;
    }
    return status;
}

static pbase_status emit_column(const group *self, size_t column, pbase_chunk *out,
                                pbase_value *cells, pbase_error *err)
{
    const group_node *node = self->node;
    pbase_status status = PBASE_OK;
    for (uint32_t row = 0; row < out->row_count && status == PBASE_OK; row++) {
        const group_entry *entry = &self->groups.groups[self->given + row];
        if (column < node->key_count) {
            cells[row] = entry->keys[column];
            continue;
        }
        size_t index = column - node->key_count;
        const aggregate_state *states = entry->state;
        status =
            result_cell(node->aggregates[index].kind, &states[index], out->arena, &cells[row], err);
    }
    return status;
}

static pbase_status group_scan(void *shared, void *local, pbase_chunk *out, int32_t *out_state,
                               pbase_error *err)
{
    group *self = shared;
    size_t count = self->node->key_count + self->node->aggregate_count;
    size_t left = self->groups.count - self->given;
    (void)local;
    out->row_count = left < self->run->chunk_rows ? (uint32_t)left : self->run->chunk_rows;
    out->selected_count = out->row_count;
    pbase_status status = chunk_columns(out, count, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        pbase_value *cells = NULL;
        status = chunk_cells(out, &cells, err);
        if (status == PBASE_OK) {
            status = emit_column(self, i, out, cells, err);
            out->columns[i].cells = cells;
        }
    }
    self->given += out->row_count;
    *out_state = self->given == self->groups.count ? PBASE_DONE : PBASE_MORE;
    return status;
}

static pbase_status group_explain(const pbase_operator_node *node, pbase_buffer *out,
                                  pbase_error *err)
{
    const group_node *self = (const group_node *)node;
    return pbase_buffer_append_text(out, err, self->key_count == 0 ? "one group" : "by hash");
}

static pbase_status group_estimate(const pbase_operator_node *node, const pbase_estimate *input,
                                   pbase_estimate *out, pbase_error *err)
{
    const double groups_per_row = 0.1; /* nothing is known about values yet */
    const group_node *self = (const group_node *)node;
    (void)err;
    out->rows = self->key_count == 0 ? 1 : input->rows < 0 ? -1 : input->rows * groups_per_row;
    out->cost = input->cost + (input->rows > 0 ? input->rows * 50 : 0);
    return PBASE_OK;
}

static const pbase_operator_run_ops group_run = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = group_open,
    .scan = group_scan,
    .consume = group_consume,
    .finish = group_finish,
    .close = group_close,
};
const pbase_operator_vtable operator_group = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_SINK,
    .name = "group",
    .bind = group_bind,
    .estimate = group_estimate,
    .explain = group_explain,
    .run = &group_run,
};
