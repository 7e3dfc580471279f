/* set.c - distinct, union, union_all, intersect, except: rows compared whole, by the total order.
 *
 * Rows of two inputs meet by column name: columns of the first, then those that only the second has;
 * what a row lacks is null. If either input gives documents of their own shape, rows are compared
 * and given as documents. The rows of the result come in the order of the first input, then the
 * second, each at its first place. */
#include "query/chunk.h"
#include "query/group_table.h"
#include "query/operators/operators.h"
#include "query/operators/step.h"
#include "query/row.h"

typedef enum { SET_DISTINCT, SET_UNION, SET_UNION_ALL, SET_INTERSECT, SET_EXCEPT } set_kind;

/* How rows of one input become rows of the result. */
typedef struct {
    pbase_schema input;
    uint32_t *sources; /* per column of the result, that of the input or ROW_NONE; NULL: packed */
} set_side;

typedef struct {
    set_kind kind;
    set_side sides[2];
    pbase_schema schema;
} set_node;

typedef struct {
    const set_node *node;
    const pbase_run *run;
    group_table rows;        /* seen, or of the second input; state: whether it was given */
    const pbase_value **key; /* of one row */
    pbase_arena key_arena;
} set;

/* --- binding ----------------------------------------------------------------------------------- */

static uint32_t column_named(const pbase_schema *schema, pbase_bytes name)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (pbase_bytes_equal(schema->columns[i].name, name)) {
            return (uint32_t)i;
        }
    }
    return ROW_NONE;
}

static bool is_document(const pbase_schema *schema, uint32_t column)
{
    return column != ROW_NONE && schema->columns[column].wanted != NULL;
}

/* A column of the result, with where each side has it. */
static pbase_status add_column(set_node *node, pbase_bytes name, pbase_binder *binder,
                               pbase_column *columns, pbase_error *err)
{
    size_t at = node->schema.count++;
    bool may_be_document = false;
    for (size_t side = 0; side < 2; side++) {
        const pbase_schema *input = &node->sides[side].input;
        uint32_t source = column_named(input, name);
        node->sides[side].sources[at] = source;
        may_be_document = may_be_document || is_document(input, source);
    }
    memset(&columns[at], 0, sizeof columns[at]);
    columns[at].name = name;
    return may_be_document ? binder->services->document(binder, name, &columns[at], err) : PBASE_OK;
}

static pbase_status bind_named(set_node *node, pbase_binder *binder, pbase_error *err)
{
    size_t most = node->sides[0].input.count + node->sides[1].input.count;
    void *columns = NULL, *sources[2] = {NULL, NULL};
    pbase_status status = step_alloc(binder, most, sizeof(pbase_column), &columns, err);
    for (size_t side = 0; side < 2 && status == PBASE_OK; side++) {
        status = step_alloc(binder, most, sizeof(uint32_t), &sources[side], err);
        node->sides[side].sources = sources[side];
    }
    node->schema.columns = columns;
    for (size_t side = 0; side < 2 && status == PBASE_OK; side++) {
        const pbase_schema *input = &node->sides[side].input;
        for (size_t i = 0; i < input->count && status == PBASE_OK; i++) {
            pbase_bytes name = input->columns[i].name;
            if (column_named(&node->schema, name) == ROW_NONE) {
                status = add_column(node, name, binder, columns, err);
            }
        }
    }
    return status;
}

static pbase_status bind_open(set_node *node, pbase_binder *binder, pbase_error *err)
{
    void *column = NULL;
    pbase_status status = step_alloc(binder, 1, sizeof(pbase_column), &column, err);
    node->schema.columns = column;
    node->schema.count = 1;
    return status == PBASE_OK
               ? binder->services->document(binder, pbase_bytes_of(NULL, 0), column, err)
               : status;
}

static pbase_status set_bind(set_kind kind, pbase_binder *binder, pbase_operator_node **out,
                             pbase_schema *out_schema, pbase_error *err)
{
    void *memory = NULL;
    pbase_binder second = *binder;
    pbase_status status = step_alloc(binder, 1, sizeof(set_node), &memory, err);
    if (status != PBASE_OK) {
        return status;
    }
    set_node *node = memory;
    node->kind = kind;
    node->sides[0].input = *binder->input;
    row_want_all(binder);
    if (binder->second != NULL) {
        node->sides[1].input = *binder->second;
        second.input = binder->second;
        second.position = binder->position - 1;
        row_want_all(&second);
    }
    bool is_open = row_is_open(&node->sides[0].input) || row_is_open(&node->sides[1].input);
    status = is_open ? bind_open(node, binder, err) : bind_named(node, binder, err);
    if (status == PBASE_OK) {
        *out = (pbase_operator_node *)node;
        *out_schema = node->schema;
    }
    return status;
}

#define SET_BIND(name, kind)                                                                       \
    static pbase_status name(const pbase_value *step, pbase_binder *binder,                        \
                             pbase_operator_node **out, pbase_schema *out_schema,                  \
                             pbase_error *err)                                                     \
    {                                                                                              \
        (void)step;                                                                                \
        return set_bind(kind, binder, out, out_schema, err);                                       \
    }
SET_BIND(distinct_bind, SET_DISTINCT)
SET_BIND(union_bind, SET_UNION)
SET_BIND(union_all_bind, SET_UNION_ALL)
SET_BIND(intersect_bind, SET_INTERSECT)
SET_BIND(except_bind, SET_EXCEPT)

/* --- opening ------------------------------------------------------------------------------------ */

static void set_close(void *shared)
{
    set *self = shared;
    if (self != NULL) {
        group_table_fini(&self->rows);
        pbase_arena_fini(&self->key_arena);
        pbase_alloc_free(self->run->alloc, self, sizeof *self);
    }
}

static pbase_status set_open(const pbase_operator_node *node, const pbase_run *run,
                             void **out_shared, pbase_error *err)
{
    set *self = pbase_alloc_zeroed(run->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    self->node = (const set_node *)node;
    self->run = run;
    group_table_init(&self->rows, run->alloc, self->node->schema.count, 1);
    pbase_arena_init(&self->key_arena, run->alloc);
    self->key = pbase_arena_array(&self->key_arena, self->node->schema.count, sizeof *self->key);
    if (self->key == NULL) {
        set_close(self);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    *out_shared = self;
    return PBASE_OK;
}

/* --- rows --------------------------------------------------------------------------------------- */

static pbase_status null_cells(pbase_chunk *chunk, const pbase_value **out, pbase_error *err)
{
    pbase_value *cells = NULL;
    pbase_status status = chunk_cells(chunk, &cells, err);
    for (uint32_t row = 0; row < chunk->row_count && status == PBASE_OK; row++) {
        cells[row] = pbase_value_null();
    }
    *out = cells;
    return status;
}

/* The rows of `in` with the columns of the result; documents stay as they are, fields are left
 * out. */
static pbase_status align(const set *self, const set_side *side, const pbase_chunk *in,
                          pbase_chunk *out, pbase_error *err)
{
    size_t count = self->node->schema.count;
    if (side->sources == NULL) {
        pbase_status packed = row_pack(&side->input, in, out, err);
        const pbase_chunk_column *from = out->columns;
        if (packed == PBASE_OK) {
            packed = chunk_columns(out, 1, err);
        }
        if (packed == PBASE_OK) {
            out->columns[0].cells = from->cells;
            out->columns[0].reader = from->reader;
        }
        return packed;
    }
    chunk_share(out, in);
    pbase_status status = chunk_columns(out, count, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        uint32_t source = side->sources[i];
        if (source == ROW_NONE) {
            status = null_cells(out, &out->columns[i].cells, err);
        } else {
            out->columns[i].cells = in->columns[source].cells;
            out->columns[i].reader = in->columns[source].reader;
        }
    }
    return status;
}

/* The fields that later steps read, of the rows that are left. */
static pbase_status extract(const set *self, pbase_chunk *out, pbase_error *err)
{
    const pbase_schema *schema = &self->node->schema;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < schema->count && status == PBASE_OK; i++) {
        if (schema->columns[i].wanted != NULL) {
            status = self->run->services->extract(&schema->columns[i], out, i, err);
        }
    }
    return status;
}

static void load_key(set *self, const pbase_chunk *chunk, uint32_t row)
{
    for (size_t i = 0; i < chunk->column_count; i++) {
        self->key[i] = &chunk->columns[i].cells[row];
    }
}

/* Whether the row in `key` belongs into the result, which it is in from then on. */
static pbase_status is_given(set *self, bool *out, pbase_error *err)
{
    uint32_t number = 0;
    if (self->node->kind == SET_INTERSECT) {
        number = group_table_lookup(&self->rows, self->key);
        uint8_t *state = number == GROUP_NONE ? NULL : self->rows.groups[number].state;
        *out = state != NULL && *state == 0;
        if (state != NULL) {
            *state = 1;
        }
        return PBASE_OK;
    }
    return group_table_find(&self->rows, self->key, &number, out, err);
}

/* Leaves the rows that are in the result and were not given yet. */
static pbase_status sift(set *self, pbase_chunk *chunk, pbase_error *err)
{
    uint32_t kept = 0;
    bool gives = false;
    uint16_t *rows = pbase_arena_array(chunk->arena, chunk->selected_count, sizeof *rows);
    if (rows == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a selection of rows");
    }
    pbase_status status = row_open_all(chunk, err);
    for (uint32_t n = 0; n < chunk->selected_count && status == PBASE_OK; n++) {
        uint32_t row = pbase_chunk_row(chunk, n);
        load_key(self, chunk, row);
        status = is_given(self, &gives, err);
        if (status == PBASE_OK && gives) {
            rows[kept++] = (uint16_t)row;
        }
    }
    chunk->selection = rows;
    chunk->selected_count = kept;
    return status;
}

static pbase_status give(set *self, const set_side *side, pbase_chunk *in, pbase_chunk *out,
                         int32_t *out_state, pbase_error *err)
{
    pbase_status status = align(self, side, in, out, err);
    if (status == PBASE_OK && self->node->kind != SET_UNION_ALL) {
        status = sift(self, out, err);
    }
    *out_state = PBASE_NEED_INPUT;
    return status == PBASE_OK ? extract(self, out, err) : status;
}

static pbase_status set_apply(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                              int32_t *out_state, pbase_error *err)
{
    set *self = shared;
    (void)local;
    return give(self, &self->node->sides[0], in, out, out_state, err);
}

static pbase_status set_append(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                               int32_t *out_state, pbase_error *err)
{
    set *self = shared;
    (void)local;
    return give(self, &self->node->sides[1], in, out, out_state, err);
}

/* Keeps the rows of the second input of intersect and except. */
static pbase_status set_build(void *shared, void *local, pbase_chunk *in, int32_t *out_state,
                              pbase_error *err)
{
    set *self = shared;
    pbase_chunk rows;
    uint32_t number = 0;
    bool is_new = false;
    (void)local;
    chunk_init(&rows, in->arena);
    pbase_status status = align(self, &self->node->sides[1], in, &rows, err);
    if (status == PBASE_OK) {
        status = row_open_all(&rows, err);
    }
    for (uint32_t n = 0; n < rows.selected_count && status == PBASE_OK; n++) {
        load_key(self, &rows, pbase_chunk_row(&rows, n));
        status = group_table_find(&self->rows, self->key, &number, &is_new, err);
    }
    *out_state = PBASE_NEED_INPUT;
    return status;
}

static pbase_status set_built(void *shared, pbase_error *err)
{
    (void)shared;
    (void)err;
    return PBASE_OK;
}

/* --- facts -------------------------------------------------------------------------------------- */

static pbase_status set_explain(const pbase_operator_node *node, pbase_buffer *out,
                                pbase_error *err)
{
    const set_node *self = (const set_node *)node;
    return pbase_buffer_append_text(
        out, err, self->kind == SET_UNION_ALL ? "one behind the other" : "by hash");
}

static pbase_status set_estimate(const pbase_operator_node *node, const pbase_estimate *input,
                                 pbase_estimate *out, pbase_error *err)
{
    const set_node *self = (const set_node *)node;
    const double left_over = 0.5; /* nothing is known about values yet */
    bool has_second = self->kind != SET_DISTINCT,
         adds = self->kind == SET_UNION || self->kind == SET_UNION_ALL;
    double rows = input[0].rows;
    (void)err;
    out->cost = input[0].cost + (has_second ? input[1].cost : 0);
    out->rows = -1;
    if (rows >= 0 && (!has_second || input[1].rows >= 0)) {
        rows += adds ? input[1].rows : 0;
        out->rows = self->kind == SET_UNION_ALL ? rows : rows * left_over;
        out->cost += self->kind == SET_UNION_ALL ? 0 : rows * 60;
    }
    return PBASE_OK;
}

static const pbase_operator_run_ops set_run = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = set_open,
    .apply = set_apply,
    .close = set_close,
};
static const pbase_operator_second_ops set_appends = {
    .struct_size = sizeof(pbase_operator_second_ops),
    .append = set_append,
};
static const pbase_operator_second_ops set_builds = {
    .struct_size = sizeof(pbase_operator_second_ops),
    .build = set_build,
    .built = set_built,
};
#define SET_OPERATOR(variable, word, binds, inputs)                                                \
    const pbase_operator_vtable variable = {                                                       \
        .struct_size = sizeof(pbase_operator_vtable),                                              \
        .traits = PBASE_OPERATOR_TRANSFORM | PBASE_OPERATOR_KEEPS_ORDER,                           \
        .name = (word),                                                                            \
        .bind = (binds),                                                                           \
        .estimate = set_estimate,                                                                  \
        .explain = set_explain,                                                                    \
        .run = &set_run,                                                                           \
        .second = (inputs),                                                                        \
    }
SET_OPERATOR(operator_distinct, "distinct", distinct_bind, NULL);
SET_OPERATOR(operator_union, "union", union_bind, &set_appends);
SET_OPERATOR(operator_union_all, "union_all", union_all_bind, &set_appends);
SET_OPERATOR(operator_intersect, "intersect", intersect_bind, &set_builds);
SET_OPERATOR(operator_except, "except", except_bind, &set_builds);
