/* join.c - join: binding, and keeping the rows of the second input, which is the right one.
 *
 * The plan says which equalities may be hashed ("pairs") and what remains to be tried on each pair
 * ("on"). Left rows come in their order, each with its matches in the order of the right rows, so
 * that the order of the left is kept; right rows that matched nothing follow at the end. */
#include "query/operators/join.h"
#include "expr/path.h"
#include "query/operators/operators.h"
#include "query/operators/step.h"
#include "query/row.h"

/* Left rows to look up at once, to begin with: few may be enough. */
#define RUN_ROWS_FIRST 16u

/* --- binding ----------------------------------------------------------------------------------- */

/* A binder that compiles over other columns, as of `position`. */
static pbase_binder binder_over(const pbase_binder *binder, const pbase_schema *schema,
                                uint32_t position)
{
    pbase_binder over = *binder;
    over.input = schema;
    over.position = position;
    return over;
}

/* Binds a side to its alias (empty: its columns stay as they are). */
static pbase_status bind_side(const pbase_schema *input, pbase_bytes alias, pbase_binder *binder,
                              join_side *out, pbase_error *err)
{
    void *memory = NULL;
    out->input = out->schema = *input;
    out->is_viewed = false;
    if (alias.size == 0) {
        return PBASE_OK;
    }
    pbase_status status = step_alloc(binder, 1, sizeof(pbase_column), &memory, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_column *column = memory;
    out->schema.columns = column;
    out->schema.count = 1;
    out->is_viewed = input->count != 1 || !row_is_open(input);
    if (out->is_viewed) {
        return row_view_bind(&out->view, input, alias, binder, column, err);
    }
    *column = input->columns[0];
    column->name = alias;
    return PBASE_OK;
}

/* The columns of both sides; the right one's alias must be new. */
static pbase_status bind_joined(join_node *node, pbase_binder *binder, pbase_error *err)
{
    const pbase_schema *left = &node->left.schema;
    void *memory = NULL;
    for (size_t i = 0; i < left->count; i++) {
        if (pbase_bytes_equal(left->columns[i].name, node->alias)) {
            pbase_status status =
                PBASE_FAIL(err, PBASE_INVALID, "the rows before already have a field named '%.*s'",
                           (int)node->alias.size, (const char *)node->alias.data);
            pbase_error_hint(err, "give the joined rows another name");
            return status;
        }
    }
    pbase_status status = step_alloc(binder, left->count + 1, sizeof(pbase_column), &memory, err);
    if (status == PBASE_OK) {
        pbase_column *columns = memory;
        memcpy(columns, left->columns, left->count * sizeof *columns);
        columns[left->count] = node->right.schema.columns[0];
        node->joined.columns = columns;
        node->joined.count = left->count + 1;
    }
    return status;
}

static pbase_status append_pair(const pbase_value *pair, pbase_binder *binder, pbase_buffer *text,
                                pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t side = 0; side < 2 && status == PBASE_OK; side++) {
        const expr *said = NULL;
        status = expr_from_value(&pair->as.list.items[side], binder->arena, &said, err);
        if (status == PBASE_OK && side > 0) {
            status = pbase_buffer_append_text(text, err, " = ");
        }
        if (status == PBASE_OK) {
            status = expr_format(said, text, err);
        }
    }
    return status;
}

static pbase_status tell_pairs(const pbase_value *pairs, pbase_binder *binder, pbase_bytes *out,
                               pbase_error *err)
{
    pbase_buffer text;
    pbase_status status = PBASE_OK;
    pbase_buffer_init(&text, binder->alloc);
    for (size_t i = 0; i < pairs->as.list.count && status == PBASE_OK; i++) {
        status = i > 0 ? pbase_buffer_append_text(&text, err, " and ") : PBASE_OK;
        if (status == PBASE_OK) {
            status = append_pair(&pairs->as.list.items[i], binder, &text, err);
        }
    }
    if (status == PBASE_OK) {
        status = pbase_arena_copy(binder->arena, pbase_buffer_view(&text), out, err);
    }
    pbase_buffer_fini(&text);
    return status;
}

static pbase_status bind_pair(const pbase_value *pair, const pbase_binder *left,
                              const pbase_binder *right, join_node *node, size_t index,
                              pbase_error *err)
{
    const pbase_value *items[2] = {NULL, NULL};
    pbase_binder over[2] = {*left, *right};
    pbase_status status = PBASE_OK;
    for (size_t side = 0; side < 2 && status == PBASE_OK; side++) {
        const pbase_expression **to =
            side == 0 ? &node->left_keys[index] : &node->right_keys[index];
        status = step_item(pair, side, STEP_ANY_KIND, &items[side], err);
        if (status == PBASE_OK) {
            status = left->services->compile(&over[side], items[side], to, err);
        }
    }
    return status;
}

static pbase_status bind_pairs(const pbase_value *pairs, pbase_binder *binder, join_node *node,
                               pbase_error *err)
{
    if (pairs == NULL || pairs->kind != PBASE_LIST || pairs->as.list.count == 0) {
        return PBASE_OK;
    }
    const pbase_binder left = binder_over(binder, &node->left.schema, binder->position);
    const pbase_binder right = binder_over(binder, &node->right.schema, binder->position - 1);
    void *left_keys = NULL, *right_keys = NULL;
    size_t count = pairs->as.list.count;
    pbase_status status = step_alloc(binder, count, sizeof *node->left_keys, &left_keys, err);
    if (status == PBASE_OK) {
        status = step_alloc(binder, count, sizeof *node->right_keys, &right_keys, err);
    }
    node->left_keys = left_keys;
    node->right_keys = right_keys;
    node->key_count = count;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = bind_pair(&pairs->as.list.items[i], &left, &right, node, i, err);
    }
    return status == PBASE_OK ? tell_pairs(pairs, binder, &node->keys_text, err) : status;
}

/* Documents show only when they come whether they have a field of the alias. */
static pbase_status bind_clash(join_node *node, pbase_binder *binder, pbase_error *err)
{
    pbase_binder over = binder_over(binder, &node->left.schema, binder->position);
    pbase_buffer text;
    pbase_bytes path = pbase_bytes_of(NULL, 0);
    if (!row_is_open(&node->left.schema)) {
        return PBASE_OK;
    }
    pbase_buffer_init(&text, binder->alloc);
    pbase_status status = path_name_format(node->alias, &text, err);
    if (status == PBASE_OK) {
        status = pbase_arena_copy(binder->arena, pbase_buffer_view(&text), &path, err);
    }
    pbase_buffer_fini(&text);
    const pbase_field field = {pbase_bytes_text("f"), pbase_value_string(path)};
    const pbase_value call[2] = {pbase_value_text("exists"), pbase_value_map(&field, 1)};
    const pbase_value exists = pbase_value_list(call, 2);
    return status == PBASE_OK ? binder->services->compile(&over, &exists, &node->clash, err)
                              : status;
}

static pbase_status bind_conditions(const pbase_value *step, pbase_binder *binder, join_node *node,
                                    pbase_error *err)
{
    const pbase_value *on = pbase_value_field(step, pbase_bytes_text("on"));
    pbase_binder over = binder_over(binder, &node->joined, binder->position);
    pbase_status status =
        bind_pairs(pbase_value_field(step, pbase_bytes_text("pairs")), binder, node, err);
    if (status == PBASE_OK && on != NULL && on->kind != PBASE_NULL) {
        status = binder->services->compile(&over, on, &node->residual, err);
    }
    return status == PBASE_OK ? bind_clash(node, binder, err) : status;
}

/* A semi or anti join gives the left rows as they came. */
static bool gives_left(const join_node *node)
{
    return node->kind == JOIN_SEMI || node->kind == JOIN_ANTI;
}

static pbase_status join_bind(const pbase_value *step, pbase_binder *binder,
                              pbase_operator_node **out, pbase_schema *out_schema, pbase_error *err)
{
    const pbase_value *kind = NULL, *right = NULL;
    const pbase_value *left = pbase_value_field(step, pbase_bytes_text("left"));
    void *memory = NULL;
    pbase_status status = step_get(step, "kind", PBASE_STRING, &kind, err);
    if (status == PBASE_OK) {
        status = step_get(step, "right", PBASE_STRING, &right, err);
    }
    if (status == PBASE_OK) {
        status = step_alloc(binder, 1, sizeof(join_node), &memory, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    join_node *node = memory;
    bool has_left = left != NULL && left->kind == PBASE_STRING;
    node->position = binder->position;
    node->alias = right->as.string;
    if (!join_kind_find(kind->as.string, &node->kind, err)) {
        return PBASE_FAIL(err, PBASE_INVALID, "an unknown kind of join");
    }
    status = bind_side(binder->input, has_left ? left->as.string : pbase_bytes_of(NULL, 0), binder,
                       &node->left, err);
    if (status == PBASE_OK) {
        status = bind_side(binder->second, node->alias, binder, &node->right, err);
    }
    if (status == PBASE_OK) {
        status = bind_joined(node, binder, err);
    }
    if (status == PBASE_OK) {
        status = bind_conditions(step, binder, node, err);
    }
    if (status == PBASE_OK) {
        *out = (pbase_operator_node *)node;
        *out_schema = gives_left(node) ? *binder->input : node->joined;
    }
    return status;
}

static pbase_status join_settle(pbase_operator_node *self, pbase_binder *binder, pbase_error *err)
{
    join_node *node = (join_node *)self;
    pbase_binder building = *binder;
    building.position = binder->position - 1;
    pbase_status status =
        node->left.is_viewed ? row_view_settle(&node->left.view, binder, err) : PBASE_OK;
    return status == PBASE_OK && node->right.is_viewed
               ? row_view_settle(&node->right.view, &building, err)
               : status;
}

void join_use_access(pbase_operator_node *node, const join_access *access)
{
    ((join_node *)node)->access = access;
}

/* --- opening ------------------------------------------------------------------------------------ */

static void join_close(void *shared)
{
    join *self = shared;
    if (self != NULL) {
        join_table_fini(&self->table);
        pbase_arena_fini(&self->layout_arena);
        pbase_alloc_free(self->run->alloc, self, sizeof *self);
    }
}

/* What `on` reads of a pair is carried too, when it is tried on pairs. */
static pbase_status make_layouts(join *self, pbase_error *err)
{
    const join_node *node = self->node;
    uint32_t since = node->residual != NULL ? node->position - 1 : node->position;
    size_t columns = node->right.schema.count, keys = node->key_count;
    self->readers = pbase_arena_array(&self->layout_arena, columns, sizeof *self->readers);
    self->key = pbase_arena_array(&self->layout_arena, keys, sizeof *self->key);
    if (self->readers == NULL || self->key == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    memset(self->readers, 0, columns * sizeof *self->readers);
    pbase_status status =
        row_layout_make(&node->left.schema, since, &self->layout_arena, &self->left_layout, err);
    return status == PBASE_OK ? row_layout_make(&node->right.schema, since, &self->layout_arena,
                                                &self->right_layout, err)
                              : status;
}

static pbase_status join_open(const pbase_operator_node *node, const pbase_run *run,
                              void **out_shared, pbase_error *err)
{
    join *self = pbase_alloc_zeroed(run->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    self->node = (const join_node *)node;
    self->run = run;
    pbase_arena_init(&self->layout_arena, run->alloc);
    join_table_init(&self->table, run->alloc, self->node->key_count);
    bool looks_up = self->node->access != NULL && self->node->access->way == JOIN_LOOKS_UP;
    self->run_rows = looks_up ? RUN_ROWS_FIRST : 0;
    pbase_status status = make_layouts(self, err);
    if (status == PBASE_OK) {
        *out_shared = self;
    } else {
        join_close(self);
    }
    return status;
}

/* --- the right rows ----------------------------------------------------------------------------- */

static bool is_keyless(const join *self)
{
    for (size_t i = 0; i < self->node->key_count; i++) {
        if (self->key[i]->kind == PBASE_NULL) {
            return true;
        }
    }
    return false;
}

static pbase_status keep_row(join *self, const pbase_chunk *rows, uint32_t row,
                             const pbase_vector *keys, pbase_error *err)
{
    bool gives_unmatched = self->node->kind == JOIN_RIGHT || self->node->kind == JOIN_FULL;
    for (size_t i = 0; i < self->node->key_count; i++) {
        self->key[i] = pbase_vector_cell(&keys[i], row);
    }
    return is_keyless(self) && !gives_unmatched
               ? PBASE_OK
               : join_table_add(&self->table, self->key, &self->right_layout, rows, row, err);
}

static pbase_status join_build(void *shared, void *local, pbase_chunk *in, int32_t *out_state,
                               pbase_error *err)
{
    join *self = shared;
    const join_side *side = &self->node->right;
    pbase_chunk rows = *in;
    pbase_vector *keys = NULL;
    (void)local;
    pbase_status status = side->is_viewed ? row_view_apply(&side->view, in, &rows, err) : PBASE_OK;
    if (status == PBASE_OK) {
        status = join_keys(self->run->services, &rows, self->node->right_keys,
                           self->node->key_count, &keys, err);
    }
    for (uint32_t i = 0; i < rows.column_count && status == PBASE_OK; i++) {
        if (rows.columns[i].reader != NULL) { /* the one reader, where there is one */
            self->readers[i] = rows.columns[i].reader;
        }
    }
    for (uint32_t n = 0; n < rows.selected_count && status == PBASE_OK; n++) {
        status = keep_row(self, &rows, pbase_chunk_row(&rows, n), keys, err);
    }
    *out_state = PBASE_NEED_INPUT;
    return status;
}

static pbase_status join_built(void *shared, pbase_error *err)
{
    join *self = shared;
    return join_table_link(&self->table, err);
}

/* --- facts -------------------------------------------------------------------------------------- */

static pbase_status join_explain(const pbase_operator_node *node, pbase_buffer *out,
                                 pbase_error *err)
{
    const join_node *self = (const join_node *)node;
    if (self->key_count == 0) {
        return pbase_buffer_append_text(out, err, "nested loop, right side kept");
    }
    bool looks_up = self->access != NULL && self->access->way == JOIN_LOOKS_UP;
    pbase_bytes how = self->access == NULL ? pbase_bytes_of(NULL, 0) : self->access->how;
    pbase_status status = pbase_buffer_append_text(
        out, err, "%s, keys %.*s%s", looks_up ? "lookup join" : "hash join, right side built",
        (int)self->keys_text.size, (const char *)self->keys_text.data,
        self->residual != NULL ? ", the rest tried on each pair" : "");
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, how, err) : status;
}

static pbase_status join_estimate(const pbase_operator_node *node, const pbase_estimate *input,
                                  pbase_estimate *out, pbase_error *err)
{
    const join_node *self = (const join_node *)node;
    const double matching = 0.5; /* of the left rows: nothing is known about values yet */
    double left = input[0].rows, right = input[1].rows;
    double pairs = self->key_count > 0 ? left : left * right;
    (void)err;
    out->cost = input[0].cost + input[1].cost;
    out->rows = -1;
    if (left < 0 || right < 0) {
        return PBASE_OK;
    }
    out->cost += 100 * (left + right) + (self->key_count > 0 ? 0 : 10 * pairs);
    out->rows = gives_left(self)           ? left * matching
                : self->kind == JOIN_FULL  ? pairs + right
                : self->kind == JOIN_RIGHT ? (pairs > right ? pairs : right)
                : self->kind == JOIN_LEFT  ? (pairs > left ? pairs : left)
                                           : pairs;
    return PBASE_OK;
}

static const pbase_operator_run_ops join_run = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = join_open,
    .apply = join_apply,
    .close = join_close,
};
static const pbase_operator_second_ops join_second = {
    .struct_size = sizeof(pbase_operator_second_ops),
    .build = join_build,
    .built = join_built,
    .rest = join_rest,
};
const pbase_operator_vtable operator_join = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_TRANSFORM | PBASE_OPERATOR_KEEPS_ORDER | PBASE_OPERATOR_EXPANDS,
    .name = "join",
    .bind = join_bind,
    .estimate = join_estimate,
    .explain = join_explain,
    .run = &join_run,
    .second = &join_second,
    .settle = join_settle,
};
