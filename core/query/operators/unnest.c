/* unnest.c - unnest: a row per element of a list, with the element in a column of its own.
 *
 * A collection in the row is gone through as a list of what `from` would give of it, a batch at a
 * time. What is neither, or has no elements, gives no row, or one with null if outer. A column of
 * the new name is replaced. */
#include "query/chunk.h"
#include "query/operators/operators.h"
#include "query/operators/step.h"
#include "query/source.h"

typedef struct {
    const pbase_expression *list;
    bool is_outer;
    uint32_t position;
    uint32_t target; /* the element's column */
    pbase_schema input;
    size_t column_count; /* of the output */
} unnest_node;

typedef struct {
    const unnest_node *node;
    const pbase_run *run;
    pbase_arena layout_arena;
    row_layout layout;
    pbase_chunk in; /* the rows at work */
    pbase_vector lists;
    uint32_t at;          /* the selected row */
    size_t index;         /* of its next element */
    query_rows *children; /* of the collection at work in it; NULL: none */
} unnest;

/* Rows that come out of one chunk: from which one each is, and its element. */
typedef struct {
    uint32_t *rows;
    pbase_value *elements;
    uint32_t count;
    uint32_t room;
} unnested;

/* --- binding ----------------------------------------------------------------------------------- */

static pbase_status bind_columns(unnest_node *node, pbase_bytes name, pbase_binder *binder,
                                 pbase_schema *out_schema, pbase_error *err)
{
    const pbase_schema *input = binder->input;
    void *memory = NULL;
    size_t target = 0;
    while (target < input->count && !pbase_bytes_equal(input->columns[target].name, name)) {
        target++;
    }
    node->column_count = target < input->count ? input->count : input->count + 1;
    pbase_status status =
        step_alloc(binder, node->column_count, sizeof(pbase_column), &memory, err);
    if (status == PBASE_OK) {
        pbase_column *columns = memory;
        memcpy(columns, input->columns, input->count * sizeof *columns);
        columns[target] = (pbase_column){name, NULL};
        node->target = (uint32_t)target;
        out_schema->columns = columns;
        out_schema->count = node->column_count;
    }
    return status;
}

static pbase_status bind_list(const pbase_value *step, pbase_binder *binder, unnest_node *node,
                              pbase_error *err)
{
    const pbase_value *path = NULL;
    pbase_status status = step_get(step, "path", PBASE_STRING, &path, err);
    if (status != PBASE_OK) {
        return status;
    }
    const pbase_field field = {pbase_bytes_text("f"), *path};
    const pbase_value json = pbase_value_map(&field, 1);
    return binder->services->compile(binder, &json, &node->list, err);
}

static pbase_status unnest_bind(const pbase_value *step, pbase_binder *binder,
                                pbase_operator_node **out, pbase_schema *out_schema,
                                pbase_error *err)
{
    const pbase_value *outer = pbase_value_field(step, pbase_bytes_text("outer"));
    pbase_bytes name = pbase_bytes_of(NULL, 0);
    void *memory = NULL;
    pbase_status status = step_name(step, "as", &name, err);
    if (status == PBASE_OK && name.size == 0) {
        status = PBASE_FAIL(err, PBASE_INVALID, "the key 'as' is missing");
    }
    if (status == PBASE_OK) {
        status = step_alloc(binder, 1, sizeof(unnest_node), &memory, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    unnest_node *node = memory;
    node->is_outer = outer != NULL && outer->kind == PBASE_BOOL && outer->as.boolean;
    node->position = binder->position;
    node->input = *binder->input;
    status = bind_list(step, binder, node, err);
    if (status == PBASE_OK) {
        status = bind_columns(node, name, binder, out_schema, err);
    }
    if (status == PBASE_OK) {
        *out = (pbase_operator_node *)node;
    }
    return status;
}

/* --- running ----------------------------------------------------------------------------------- */

static void children_close(unnest *self)
{
    if (self->children != NULL) {
        self->children->vtable->close(self->children);
        self->children = NULL;
    }
}

static void unnest_close(void *shared)
{
    unnest *self = shared;
    if (self != NULL) {
        children_close(self);
        pbase_arena_fini(&self->layout_arena);
        pbase_alloc_free(self->run->alloc, self, sizeof *self);
    }
}

static pbase_status unnest_open(const pbase_operator_node *node, const pbase_run *run,
                                void **out_shared, pbase_error *err)
{
    unnest *self = pbase_alloc_zeroed(run->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    self->node = (const unnest_node *)node;
    self->run = run;
    pbase_arena_init(&self->layout_arena, run->alloc);
    pbase_status status = row_layout_make(&self->node->input, self->node->position,
                                          &self->layout_arena, &self->layout, err);
    if (status == PBASE_OK) {
        *out_shared = self;
    } else {
        unnest_close(self);
    }
    return status;
}

static void next_row(unnest *self)
{
    self->at++;
    self->index = 0;
}

static void give(unnested *out, uint32_t row, pbase_value element)
{
    out->rows[out->count] = row;
    out->elements[out->count++] = element;
}

/* The next elements of a list, or of nothing. */
static void give_list(unnest *self, uint32_t row, const pbase_value *list, unnested *out)
{
    size_t count = list->kind == PBASE_LIST ? list->as.list.count : 0;
    if (count == 0 && self->node->is_outer) {
        give(out, row, pbase_value_null());
    }
    while (self->index < count && out->count < out->room) {
        give(out, row, list->as.list.items[self->index++]);
    }
    if (self->index == count) {
        next_row(self);
    }
}

static pbase_status open_elements(const query_rows *children, const query_batch *batch,
                                  pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; i < batch->count && status == PBASE_OK; i++) {
        pbase_value *element = &batch->values[i];
        if (element->kind == PBASE_CELL_ENCODED) {
            status = children->reader->vtable->decode(children->reader, element->as.string,
                                                      batch->arena, element, err);
        }
    }
    return status;
}

/* The next elements of the collection that is open. */
static pbase_status give_children(unnest *self, uint32_t row, pbase_arena *arena, unnested *out,
                                  pbase_error *err)
{
    query_batch batch = {
        .capacity = out->room - out->count, .values = out->elements + out->count, .arena = arena};
    pbase_status status = self->children->vtable->next(self->children, &batch, err);
    if (status == PBASE_OK) {
        status = open_elements(self->children, &batch, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    for (uint32_t i = 0; i < batch.count; i++) {
        out->rows[out->count++] = row;
    }
    self->index += batch.count;
    if (batch.count == 0) {
        if (self->index == 0 && self->node->is_outer) {
            give(out, row, pbase_value_null());
        }
        children_close(self);
        next_row(self);
    }
    return PBASE_OK;
}

/* Fills `out` as far as the chunk has elements. */
static pbase_status fill(unnest *self, pbase_arena *arena, unnested *out, pbase_error *err)
{
    query_catalog *catalog = self->run->catalog;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && out->count < out->room && self->at < self->in.selected_count) {
        uint32_t row = pbase_chunk_row(&self->in, self->at);
        const pbase_value *list = pbase_vector_cell(&self->lists, row);
        bool is_collection = list->kind == PBASE_CHILD && catalog->vtable->open_child != NULL;
        if (is_collection && self->children == NULL) {
            status = catalog->vtable->open_child(catalog, list, &self->children, err);
        }
        if (status == PBASE_OK && is_collection) {
            status = give_children(self, row, arena, out, err);
        } else if (status == PBASE_OK) {
            give_list(self, row, list, out);
        }
    }
    return status;
}

static pbase_status begin_chunk(unnest *self, pbase_chunk *in, pbase_error *err)
{
    self->in = *in;
    self->at = 0;
    self->index = 0;
    pbase_status status =
        self->run->services->evaluate(self->node->list, &self->in, &self->lists, err);
    for (uint32_t n = 0; n < in->selected_count && status == PBASE_OK; n++) {
        status = pbase_cell_raise(pbase_vector_cell(&self->lists, pbase_chunk_row(in, n)), err);
    }
    return status;
}

static pbase_status give_elements(unnest *self, pbase_chunk *out, pbase_error *err)
{
    unnested made = {.room = self->run->chunk_rows};
    made.rows = pbase_arena_array(out->arena, made.room, sizeof *made.rows);
    made.elements = pbase_arena_array(out->arena, made.room, sizeof *made.elements);
    if (made.rows == NULL || made.elements == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the elements of a list");
    }
    pbase_status status = fill(self, out->arena, &made, err);
    out->row_count = out->selected_count = made.count;
    if (status == PBASE_OK) {
        status = chunk_columns(out, self->node->column_count, err);
    }
    if (status == PBASE_OK) {
        status = row_layout_gather(&self->layout, &self->in, made.rows, out, 0, err);
    }
    if (status == PBASE_OK) {
        pbase_chunk_column *target = &out->columns[self->node->target];
        memset(target, 0, sizeof *target);
        target->cells = made.elements;
    }
    return status;
}

static pbase_status unnest_apply(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                                 int32_t *out_state, pbase_error *err)
{
    unnest *self = shared;
    (void)local;
    pbase_status status = in == NULL ? PBASE_OK : begin_chunk(self, in, err);
    if (status == PBASE_OK) {
        status = give_elements(self, out, err);
    }
    *out_state = self->at < self->in.selected_count ? PBASE_MORE : PBASE_NEED_INPUT;
    return status;
}

static pbase_status unnest_estimate(const pbase_operator_node *node, const pbase_estimate *input,
                                    pbase_estimate *out, pbase_error *err)
{
    const double elements = 4; /* of a list: nothing is known about values yet */
    (void)node;
    (void)err;
    *out = *input;
    out->rows = input->rows < 0 ? -1 : input->rows * elements;
    out->cost += input->rows < 0 ? 0 : out->rows * 20;
    return PBASE_OK;
}

static const pbase_operator_run_ops unnest_run = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = unnest_open,
    .apply = unnest_apply,
    .close = unnest_close,
};
const pbase_operator_vtable operator_unnest = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_TRANSFORM | PBASE_OPERATOR_KEEPS_ORDER | PBASE_OPERATOR_EXPANDS,
    .name = "unnest",
    .bind = unnest_bind,
    .estimate = unnest_estimate,
    .run = &unnest_run,
};
