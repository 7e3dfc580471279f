/* filter.c - where: keeps the rows for which every term is true.
 *
 * Terms are tried one after the other, each for the rows that are left. A row whose term is an error
 * stays until another term drops it; if none does, the error is raised. */
#include "query/chunk.h"
#include "query/operators/operators.h"
#include "query/operators/step.h"

#define TERMS_MAX 64u /* tried one by one; more are joined into the last */

typedef struct {
    const pbase_expression **terms;
    size_t count;
} filter_node;

typedef struct {
    const filter_node *node;
    const pbase_run *run;
} filter;

static bool is_and(const pbase_value *json)
{
    return json->kind == PBASE_LIST && json->as.list.count > 1 &&
           json->as.list.items[0].kind == PBASE_STRING &&
           pbase_bytes_equal(json->as.list.items[0].as.string, pbase_bytes_text("and"));
}

/* The terms from `first` on as one: ["and", ...]. */
static pbase_status join_rest(const pbase_value *items, size_t first, size_t count,
                              pbase_binder *binder, pbase_value *out, pbase_error *err)
{
    void *memory = NULL;
    pbase_status status = step_alloc(binder, count - first + 1, sizeof *items, &memory, err);
    if (status == PBASE_OK) {
        pbase_value *joined = memory;
        joined[0] = pbase_value_text("and");
        memcpy(joined + 1, items + first, (count - first) * sizeof *items);
        *out = pbase_value_list(joined, count - first + 1);
    }
    return status;
}

static pbase_status bind_terms(const pbase_value *items, size_t count, pbase_binder *binder,
                               filter_node *node, pbase_error *err)
{
    void *terms = NULL;
    node->count = count < TERMS_MAX ? count : TERMS_MAX;
    pbase_status status = step_alloc(binder, node->count, sizeof *node->terms, &terms, err);
    node->terms = terms;
    for (size_t i = 0; i < node->count && status == PBASE_OK; i++) {
        pbase_value term = items[i];
        if (i + 1 == TERMS_MAX && count > TERMS_MAX) {
            status = join_rest(items, i, count, binder, &term, err);
        }
        if (status == PBASE_OK) {
            status = binder->services->compile(binder, &term, &node->terms[i], err);
        }
    }
    return status;
}

static pbase_status filter_bind(const pbase_value *step, pbase_binder *binder,
                                pbase_operator_node **out, pbase_schema *out_schema,
                                pbase_error *err)
{
    const pbase_value *json = pbase_value_field(step, pbase_bytes_text("expr"));
    void *memory = NULL;
    if (json == NULL) {
        return PBASE_FAIL(err, PBASE_INVALID, "the key 'expr' is missing");
    }
    const pbase_value *items = is_and(json) ? json->as.list.items + 1 : json;
    size_t count = is_and(json) ? json->as.list.count - 1 : 1;
    pbase_status status = step_alloc(binder, 1, sizeof(filter_node), &memory, err);
    if (status == PBASE_OK) {
        status = bind_terms(items, count, binder, memory, err);
    }
    if (status == PBASE_OK) {
        *out = memory;
        *out_schema = *binder->input;
    }
    return status;
}

static pbase_status filter_open(const pbase_operator_node *node, const pbase_run *run,
                                void **out_shared, pbase_error *err)
{
    filter *self = pbase_alloc_new(run->alloc, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    self->node = (const filter_node *)node;
    self->run = run;
    *out_shared = self;
    return PBASE_OK;
}

/* Rows left, and the error of each that has one. */
typedef struct {
    uint16_t *rows;
    const pbase_value **errors; /* NULL until there is one; by place in `rows` */
    uint32_t count;
} survivors;

static pbase_status note_error(survivors *left, uint32_t at, const pbase_value *cell,
                               pbase_arena *arena, uint32_t room, pbase_error *err)
{
    if (left->errors == NULL) {
        left->errors = pbase_arena_array(arena, room, sizeof *left->errors);
        if (left->errors == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a selection of rows");
        }
        memset(left->errors, 0, room * sizeof *left->errors);
    }
    left->errors[at] = cell;
    return PBASE_OK;
}

/* Keeps those of `left` for which the term is true or an error. */
static pbase_status apply_term(const pbase_vector *term, survivors *left, pbase_arena *arena,
                               uint32_t room, pbase_error *err)
{
    uint32_t kept = 0;
    pbase_status status = PBASE_OK;
    for (uint32_t n = 0; n < left->count && status == PBASE_OK; n++) {
        uint16_t row = left->rows[n];
        const pbase_value *cell = pbase_vector_cell(term, row);
        const pbase_value *before = left->errors == NULL ? NULL : left->errors[n];
        bool is_true = cell->kind == PBASE_BOOL && cell->as.boolean;
        bool is_error = cell->kind == PBASE_CELL_ERROR;
        if (!is_true && !is_error) {
            continue;
        }
        left->rows[kept] = row;
        if (is_error && before == NULL) {
            status = note_error(left, kept, cell, arena, room, err);
        } else if (left->errors != NULL) {
            left->errors[kept] = before;
        }
        kept++;
    }
    left->count = kept;
    return status;
}

static pbase_status raise_first(const survivors *left, pbase_error *err)
{
    for (uint32_t n = 0; left->errors != NULL && n < left->count; n++) {
        if (left->errors[n] != NULL) {
            return pbase_cell_raise(left->errors[n], err);
        }
    }
    return PBASE_OK;
}

static pbase_status survivors_begin(const pbase_chunk *in, survivors *left, pbase_error *err)
{
    left->rows = pbase_arena_array(in->arena, in->selected_count, sizeof *left->rows);
    left->errors = NULL;
    left->count = in->selected_count;
    if (left->rows == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a selection of rows");
    }
    for (uint32_t n = 0; n < in->selected_count; n++) {
        left->rows[n] = (uint16_t)pbase_chunk_row(in, n);
    }
    return PBASE_OK;
}

static pbase_status filter_apply(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                                 int32_t *out_state, pbase_error *err)
{
    filter *self = shared;
    survivors left;
    (void)local;
    pbase_status status = survivors_begin(in, &left, err);
    chunk_share(out, in);
    out->selection = left.rows;
    for (size_t i = 0; i < self->node->count && status == PBASE_OK && left.count > 0; i++) {
        pbase_vector term;
        out->selected_count = left.count;
        status = self->run->services->evaluate(self->node->terms[i], out, &term, err);
        if (status == PBASE_OK) {
            status = apply_term(&term, &left, in->arena, in->selected_count, err);
        }
    }
    if (status == PBASE_OK) {
        status = raise_first(&left, err);
    }
    out->selected_count = left.count;
    *out_state = PBASE_NEED_INPUT;
    return status;
}

static void filter_close(void *shared)
{
    filter *self = shared;
    if (self != NULL) {
        pbase_alloc_free(self->run->alloc, self, sizeof *self);
    }
}

static pbase_status filter_estimate(const pbase_operator_node *node, const pbase_estimate *input,
                                    pbase_estimate *out, pbase_error *err)
{
    const double passing = 0.3; /* of the rows, per term: nothing is known about values yet */
    const filter_node *self = (const filter_node *)node;
    (void)err;
    *out = *input;
    for (size_t i = 0; i < self->count; i++) {
        out->cost += input->rows > 0 ? out->rows * 10 : 0;
        out->rows *= passing;
    }
    return PBASE_OK;
}

static const pbase_operator_run_ops filter_run = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = filter_open,
    .apply = filter_apply,
    .close = filter_close,
};
const pbase_operator_vtable operator_filter = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_TRANSFORM | PBASE_OPERATOR_KEEPS_ORDER | PBASE_OPERATOR_PARALLEL,
    .name = "where",
    .bind = filter_bind,
    .estimate = filter_estimate,
    .run = &filter_run,
};
