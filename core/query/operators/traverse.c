/* traverse.c - traverse: from the rows before it along a relation through a collection.
 *
 * The collection is the second input: its rows, the nodes, are kept as they are stored and found by
 * what leads to them (up: their key; down: their reference). Then one search by breadth from all
 * start rows finds every node at its least depth; depth first is the same tree of finds, each row
 * followed by those it led to. A value that led on once is not followed again, so that the work is
 * linear in nodes and start rows. Nodes whose key is that of a start row count as seen. */
#include "query/chunk.h"
#include "query/group_table.h"
#include "query/operators/join_table.h"
#include "query/operators/operators.h"
#include "query/operators/step.h"
#include "query/row.h"

#define CHECK_FINDS 1024u /* between two looks at the deadline */

typedef struct {
    bool is_up;
    bool is_depth_first;
    bool has_start;
    uint64_t depth_max;
    uint32_t position;
    pbase_schema input; /* of start rows */
    pbase_schema nodes;
    const pbase_expression *expressions[2][2]; /* [of nodes, of start rows][key, ref] */
    pbase_column columns[2];                   /* the document, and its depth */
} traverse_node;

/* A row of the result: a node, or a start row. */
typedef struct {
    const pbase_value *document;
    const pbase_value *leads; /* what is followed from here */
    uint64_t depth;
    uint32_t first; /* of those it led to, which lie together */
    uint32_t count;
} find;

typedef struct {
    const traverse_node *node;
    const pbase_run *run;
    pbase_arena arena; /* of the layout, and of start rows */
    row_layout layout;
    const pbase_row_reader *reader;
    join_table table;   /* the nodes by what leads to them; is_matched: seen */
    pbase_value *leads; /* per node, room for table.capacity */
    size_t leads_room;
    group_table starts;   /* keys of start rows */
    group_table followed; /* values that led on */
    find *finds;
    size_t count;
    size_t capacity;
    uint32_t *order; /* the finds as they are given; NULL: as they were found */
    size_t given;
} traverse;

/* --- binding ----------------------------------------------------------------------------------- */

static pbase_status bind_path(const pbase_value *step, const char *key, pbase_binder *over,
                              const pbase_expression **out, pbase_error *err)
{
    const pbase_value *path = NULL;
    pbase_status status = step_get(step, key, PBASE_STRING, &path, err);
    if (status != PBASE_OK) {
        return status;
    }
    const pbase_field field = {pbase_bytes_text("f"), *path};
    const pbase_value json = pbase_value_map(&field, 1);
    return over->services->compile(over, &json, out, err);
}

static pbase_status bind_paths(const pbase_value *step, pbase_binder *binder, traverse_node *node,
                               pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t of = 0; of < 2 && status == PBASE_OK; of++) {
        pbase_binder over = *binder;
        over.input = of == 0 ? &node->nodes : &node->input;
        over.position = of == 0 ? binder->position - 1 : binder->position;
        status = bind_path(step, "key", &over, &node->expressions[of][0], err);
        if (status == PBASE_OK) {
            status = bind_path(step, "ref", &over, &node->expressions[of][1], err);
        }
    }
    return status;
}

static bool says(const pbase_value *step, const char *key, const char *text)
{
    const pbase_value *value = pbase_value_field(step, pbase_bytes_text(key));
    return value != NULL && value->kind == PBASE_STRING &&
           pbase_bytes_equal(value->as.string, pbase_bytes_text(text));
}

/* Nodes are kept whole; start rows too when they are given. */
static void want_rows(traverse_node *node, pbase_binder *binder)
{
    pbase_binder over = *binder;
    over.input = &node->nodes;
    row_want_all(&over);
    if (node->has_start) {
        row_want_all(binder);
    }
}

static pbase_status traverse_bind(const pbase_value *step, pbase_binder *binder,
                                  pbase_operator_node **out, pbase_schema *out_schema,
                                  pbase_error *err)
{
    const pbase_value *depth = pbase_value_field(step, pbase_bytes_text("max_depth"));
    const pbase_value *start = pbase_value_field(step, pbase_bytes_text("include_start"));
    void *memory = NULL;
    pbase_status status = step_alloc(binder, 1, sizeof(traverse_node), &memory, err);
    if (status != PBASE_OK) {
        return status;
    }
    traverse_node *node = memory;
    bool is_bounded = depth != NULL && depth->kind == PBASE_INT && depth->as.integer >= 0;
    node->is_up = says(step, "direction", "up");
    node->is_depth_first = says(step, "order", "dfs");
    node->has_start = start != NULL && start->kind == PBASE_BOOL && start->as.boolean;
    node->depth_max = is_bounded ? (uint64_t)depth->as.integer : UINT64_MAX;
    node->position = binder->position;
    node->input = *binder->input;
    node->nodes = *binder->second;
    status = bind_paths(step, binder, node, err);
    if (status == PBASE_OK) {
        want_rows(node, binder);
        node->columns[1].name = pbase_bytes_text("depth");
        status =
            binder->services->document(binder, pbase_bytes_of(NULL, 0), &node->columns[0], err);
    }
    if (status == PBASE_OK) {
        *out = (pbase_operator_node *)node;
        out_schema->columns = node->columns;
        out_schema->count = 2;
    }
    return status;
}

/* --- opening ------------------------------------------------------------------------------------ */

static void traverse_close(void *shared)
{
    traverse *self = shared;
    if (self == NULL) {
        return;
    }
    const pbase_alloc *alloc = self->run->alloc;
    pbase_alloc_free(alloc, self->order, self->count * sizeof *self->order);
    pbase_alloc_free(alloc, self->finds, self->capacity * sizeof *self->finds);
    pbase_alloc_free(alloc, self->leads, self->leads_room * sizeof *self->leads);
    group_table_fini(&self->starts);
    group_table_fini(&self->followed);
    join_table_fini(&self->table);
    pbase_arena_fini(&self->arena);
    pbase_alloc_free(alloc, self, sizeof *self);
}

static pbase_status traverse_open(const pbase_operator_node *node, const pbase_run *run,
                                  void **out_shared, pbase_error *err)
{
    traverse *self = pbase_alloc_zeroed(run->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    self->node = (const traverse_node *)node;
    self->run = run;
    pbase_arena_init(&self->arena, run->alloc);
    join_table_init(&self->table, run->alloc, 1);
    group_table_init(&self->starts, run->alloc, 1, 0);
    group_table_init(&self->followed, run->alloc, 1, 0);
    pbase_status status = row_layout_make(&self->node->nodes, self->node->position - 1,
                                          &self->arena, &self->layout, err);
    if (status == PBASE_OK) {
        *out_shared = self;
    } else {
        traverse_close(self);
    }
    return status;
}

/* --- nodes -------------------------------------------------------------------------------------- */

/* The keys and references of a chunk's rows. */
static pbase_status evaluate_paths(const traverse *self, size_t of, pbase_chunk *in,
                                   pbase_vector *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < 2 && status == PBASE_OK; i++) {
        status = self->run->services->evaluate(self->node->expressions[of][i], in, &out[i], err);
        for (uint32_t n = 0; n < in->selected_count && status == PBASE_OK; n++) {
            status = pbase_cell_raise(pbase_vector_cell(&out[i], pbase_chunk_row(in, n)), err);
        }
    }
    return status;
}

static pbase_status keep_node(traverse *self, const pbase_chunk *in, uint32_t row,
                              const pbase_value *key, const pbase_value *ref, pbase_error *err)
{
    const pbase_value *found_by = self->node->is_up ? key : ref;
    pbase_status status = join_table_add(&self->table, &found_by, &self->layout, in, row, err);
    if (status == PBASE_OK && self->leads_room < self->table.capacity) {
        pbase_value *grown = self->run->alloc->resize(self->run->alloc, self->leads,
                                                      self->leads_room * sizeof *grown,
                                                      self->table.capacity * sizeof *grown);
        if (grown == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the rows of a traversal");
        }
        self->leads = grown;
        self->leads_room = self->table.capacity;
    }
    return status == PBASE_OK ? cell_copy(self->node->is_up ? ref : key, &self->table.arena,
                                          &self->leads[self->table.count - 1], err)
                              : status;
}

static void note_reader(traverse *self, const pbase_row_reader *reader)
{
    self->reader = reader != NULL ? reader : self->reader;
}

static pbase_status traverse_build(void *shared, void *local, pbase_chunk *in, int32_t *out_state,
                                   pbase_error *err)
{
    traverse *self = shared;
    pbase_vector paths[2];
    (void)local;
    pbase_status status = evaluate_paths(self, 0, in, paths, err);
    note_reader(self, in->columns[0].reader);
    for (uint32_t n = 0; n < in->selected_count && status == PBASE_OK; n++) {
        uint32_t row = pbase_chunk_row(in, n);
        status = keep_node(self, in, row, pbase_vector_cell(&paths[0], row),
                           pbase_vector_cell(&paths[1], row), err);
    }
    *out_state = PBASE_NEED_INPUT;
    return status;
}

static pbase_status traverse_built(void *shared, pbase_error *err)
{
    traverse *self = shared;
    return join_table_link(&self->table, err);
}

/* --- start rows --------------------------------------------------------------------------------- */

static pbase_status add_find(traverse *self, find found, pbase_error *err)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 64 : self->capacity * 2;
        find *grown = self->count >= UINT32_MAX / 2
                          ? NULL
                          : self->run->alloc->resize(self->run->alloc, self->finds,
                                                     self->capacity * sizeof *grown,
                                                     capacity * sizeof *grown);
        if (grown == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %zu rows of a traversal",
                              self->count + 1);
        }
        self->finds = grown;
        self->capacity = capacity;
    }
    self->finds[self->count++] = found;
    return PBASE_OK;
}

static pbase_status keep_start(traverse *self, const pbase_value *key, const pbase_value *ref,
                               const pbase_value *document, pbase_error *err)
{
    uint32_t number = 0;
    bool is_new = true;
    pbase_value *kept = pbase_arena_array(&self->arena, 2, sizeof *kept);
    if (kept == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the rows of a traversal");
    }
    pbase_status status = PBASE_OK;
    if (key->kind != PBASE_NULL) {
        status = group_table_find(&self->starts, &key, &number, &is_new, err);
    }
    if (status != PBASE_OK || !is_new) {
        return status;
    }
    kept[1] = pbase_value_null();
    status = cell_copy(self->node->is_up ? ref : key, &self->arena, &kept[0], err);
    if (status == PBASE_OK && document != NULL) {
        status = cell_copy(document, &self->arena, &kept[1], err);
    }
    const find start = {&kept[1], &kept[0], 0, 0, 0};
    return status == PBASE_OK ? add_find(self, start, err) : status;
}

static pbase_status traverse_consume(void *shared, void *local, pbase_chunk *in, int32_t *out_state,
                                     pbase_error *err)
{
    traverse *self = shared;
    pbase_vector paths[2];
    pbase_chunk whole = *in;
    (void)local;
    pbase_status status = evaluate_paths(self, 1, in, paths, err);
    if (status == PBASE_OK && self->node->has_start) {
        status = row_pack(&self->node->input, in, &whole, err);
        note_reader(self, whole.columns[0].reader);
    }
    for (uint32_t n = 0; n < in->selected_count && status == PBASE_OK; n++) {
        uint32_t row = pbase_chunk_row(in, n);
        status =
            keep_start(self, pbase_vector_cell(&paths[0], row), pbase_vector_cell(&paths[1], row),
                       self->node->has_start ? &whole.columns[0].cells[row] : NULL, err);
    }
    *out_state = PBASE_NEED_INPUT;
    return status;
}

/* --- the search --------------------------------------------------------------------------------- */

static bool is_start(const traverse *self, size_t node)
{
    const pbase_value *key =
        self->node->is_up ? &self->table.rows[node].cells[0] : &self->leads[node];
    return key->kind != PBASE_NULL && group_table_lookup(&self->starts, &key) != GROUP_NONE;
}

/* Takes every node that `leads` leads to and that was not seen. */
static pbase_status follow(traverse *self, const pbase_value *leads, uint64_t depth,
                           pbase_error *err)
{
    uint64_t compared = 0;
    uint32_t number = 0;
    bool is_new = false;
    pbase_status status = leads->kind == PBASE_NULL
                              ? PBASE_OK
                              : group_table_find(&self->followed, &leads, &number, &is_new, err);
    uint32_t at =
        status == PBASE_OK && is_new
            ? join_table_first(&self->table, group_keys_hash(&leads, 1), &leads, &compared)
            : 0;
    for (; at != 0 && status == PBASE_OK;
         at = join_table_next(&self->table, at, &leads, &compared)) {
        join_row *row = &self->table.rows[at - 1];
        if (!row->is_matched && !is_start(self, at - 1)) {
            const find found = {&row->cells[1], &self->leads[at - 1], depth, 0, 0};
            row->is_matched = true;
            status = add_find(self, found, err);
        }
    }
    if (self->run->compared != NULL) {
        self->run->compared(self->run, compared);
    }
    return status;
}

static pbase_status search(traverse *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        const find from = self->finds[i]; /* the array may move */
        if (i % CHECK_FINDS == 0) {
            status = pbase_call_check(self->run->call, self->run->os, err);
        }
        if (status == PBASE_OK && from.depth < self->node->depth_max) {
            self->finds[i].first = (uint32_t)self->count;
            status = follow(self, from.leads, from.depth + 1, err);
            self->finds[i].count = (uint32_t)self->count - self->finds[i].first;
        }
    }
    return status;
}

/* Puts each find before those it led to. A find waits on the stack once, so that it holds no more
 * than there are finds. */
static pbase_status order_by_depth(traverse *self, pbase_error *err)
{
    size_t roots = 0, waiting = 0, given = 0;
    while (roots < self->count && self->finds[roots].depth == 0) {
        roots++;
    }
    if (self->count == 0) {
        return PBASE_OK;
    }
    const pbase_alloc *alloc = self->run->alloc;
    uint32_t *stack = pbase_alloc_zeroed(alloc, self->count, sizeof *stack);
    self->order = stack == NULL ? NULL : pbase_alloc_zeroed(alloc, self->count, sizeof *stack);
    if (self->order == NULL) {
        pbase_alloc_free(alloc, stack, self->count * sizeof *stack);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %zu rows of a traversal",
                          self->count);
    }
    for (size_t i = roots; i > 0; i--) {
        stack[waiting++] = (uint32_t)i - 1;
    }
    while (waiting > 0) {
        uint32_t at = stack[--waiting];
        self->order[given++] = at;
        for (uint32_t i = self->finds[at].count; i > 0; i--) {
            stack[waiting++] = self->finds[at].first + i - 1;
        }
    }
    PBASE_ASSERT(given == self->count);
    pbase_alloc_free(alloc, stack, self->count * sizeof *stack);
    return PBASE_OK;
}

static pbase_status traverse_finish(void *shared, pbase_error *err)
{
    traverse *self = shared;
    pbase_status status = search(self, err);
    return status == PBASE_OK && self->node->is_depth_first ? order_by_depth(self, err) : status;
}

/* --- rows --------------------------------------------------------------------------------------- */

/* The next find that is a row of the result; NULL at the end. */
static const find *next_find(traverse *self)
{
    while (self->given < self->count) {
        size_t at = self->order == NULL ? self->given : self->order[self->given];
        self->given++;
        if (self->finds[at].depth > 0 || self->node->has_start) {
            return &self->finds[at];
        }
    }
    return NULL;
}

static pbase_status traverse_scan(void *shared, void *local, pbase_chunk *out, int32_t *out_state,
                                  pbase_error *err)
{
    traverse *self = shared;
    pbase_value *cells[2] = {NULL, NULL};
    (void)local;
    out->row_count = self->run->chunk_rows;
    pbase_status status = chunk_columns(out, 2, err);
    for (size_t i = 0; i < 2 && status == PBASE_OK; i++) {
        status = chunk_cells(out, &cells[i], err);
        out->columns[i].cells = cells[i];
    }
    uint32_t count = 0;
    const find *found = NULL;
    while (status == PBASE_OK && count < out->row_count && (found = next_find(self)) != NULL) {
        cells[0][count] = *found->document;
        cells[1][count++] = pbase_value_int((int64_t)found->depth);
    }
    out->row_count = out->selected_count = count;
    *out_state = self->given == self->count ? PBASE_DONE : PBASE_MORE;
    if (status != PBASE_OK) {
        return status;
    }
    out->columns[0].reader = self->reader;
    return self->run->services->extract(&self->node->columns[0], out, 0, err);
}

static pbase_status traverse_explain(const pbase_operator_node *node, pbase_buffer *out,
                                     pbase_error *err)
{
    const traverse_node *self = (const traverse_node *)node;
    return pbase_buffer_append_text(out, err, "nodes kept, found by %s",
                                    self->is_up ? "key" : "reference");
}

static pbase_status traverse_estimate(const pbase_operator_node *node, const pbase_estimate *input,
                                      pbase_estimate *out, pbase_error *err)
{
    (void)node;
    (void)err;
    out->rows = -1; /* hangs on the data alone */
    out->cost = input[0].cost + input[1].cost + (input[1].rows > 0 ? input[1].rows * 100 : 0);
    return PBASE_OK;
}

static const pbase_operator_run_ops traverse_run = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = traverse_open,
    .scan = traverse_scan,
    .consume = traverse_consume,
    .finish = traverse_finish,
    .close = traverse_close,
};
static const pbase_operator_second_ops traverse_second = {
    .struct_size = sizeof(pbase_operator_second_ops),
    .build = traverse_build,
    .built = traverse_built,
};
const pbase_operator_vtable operator_traverse = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_SINK,
    .name = "traverse",
    .bind = traverse_bind,
    .estimate = traverse_estimate,
    .explain = traverse_explain,
    .run = &traverse_run,
    .second = &traverse_second,
};
