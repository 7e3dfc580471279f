/* sort.c - order: keeps the rows and gives them back sorted, equal ones in the order they came.
 *
 * A kept row is its keys and the cells that later steps read. Entries carry the first key as an
 * order-preserving number (its class and leading bytes), so that most comparisons touch nothing
 * else; they are sorted by merging, bottom up, from short runs sorted by insertion.
 *
 * With "top": k rows are all that will be read. At 2k rows the better half is kept; from then on a
 * row not before the last of them is dropped at once. */
#include "query/chunk.h"
#include "query/operators/operators.h"
#include "query/operators/step.h"

#define RUN_ROWS 16u         /* sorted by insertion */
#define CHECK_ROWS 65536u    /* merged between two looks at the deadline */
#define TOP_SLACK_ROWS 4096u /* kept beyond 2k before halving */

typedef struct {
    bool is_descending;
    bool nulls_first;
} sort_key;

typedef struct {
    const pbase_expression **expressions;
    sort_key *keys;
    uint32_t key_count;
    uint32_t position;
    uint64_t top; /* UINT64_MAX: all */
    pbase_schema schema;
} sort_node;

typedef struct {
    uint64_t prefix;
    const pbase_value *row; /* the keys, then the layout's cells */
} sort_entry;

typedef struct {
    const sort_node *node;
    const pbase_run *run;
    row_layout layout;
    pbase_arena layout_arena;
    pbase_arena rows_arena;
    sort_entry *entries;
    size_t count;
    size_t capacity;
    size_t given;                     /* by scan */
    const pbase_row_reader **readers; /* per column, in layout_arena */
    bool has_bound;                   /* entries[top - 1] bounds what is still worth keeping */
} sort;

/* --- binding ----------------------------------------------------------------------------------- */

static bool says(const pbase_value *value, const char *text)
{
    return value->kind == PBASE_STRING &&
           pbase_bytes_equal(value->as.string, pbase_bytes_text(text));
}

static pbase_status bind_key(const pbase_value *json, pbase_binder *binder, sort_key *key,
                             const pbase_expression **expression, pbase_error *err)
{
    if (json->kind != PBASE_LIST || json->as.list.count < 1 || json->as.list.count > 3) {
        return PBASE_FAIL(err, PBASE_INVALID, "a key is [expression, direction, nulls]");
    }
    const pbase_value *items = json->as.list.items;
    key->is_descending = json->as.list.count > 1 && says(&items[1], "desc");
    key->nulls_first = json->as.list.count > 2 ? says(&items[2], "first") : !key->is_descending;
    return binder->services->compile(binder, &items[0], expression, err);
}

static pbase_status bind_keys(const pbase_value *list, pbase_binder *binder, sort_node *node,
                              pbase_error *err)
{
    void *keys = NULL, *expressions = NULL;
    size_t count = list->as.list.count;
    pbase_status status = step_alloc(binder, count, sizeof(sort_key), &keys, err);
    if (status == PBASE_OK) {
        status = step_alloc(binder, count, sizeof(pbase_expression *), &expressions, err);
    }
    if (status == PBASE_OK && count == 0) {
        status = PBASE_FAIL(err, PBASE_INVALID, "'keys' is empty");
    }
    node->keys = keys;
    node->expressions = expressions;
    node->key_count = (uint32_t)count;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status =
            bind_key(&list->as.list.items[i], binder, &node->keys[i], &node->expressions[i], err);
    }
    return status;
}

static pbase_status sort_bind(const pbase_value *step, pbase_binder *binder,
                              pbase_operator_node **out, pbase_schema *out_schema, pbase_error *err)
{
    const pbase_value *list = NULL;
    const pbase_value *top = pbase_value_field(step, pbase_bytes_text("top"));
    void *memory = NULL;
    pbase_status status = step_get(step, "keys", PBASE_LIST, &list, err);
    if (status == PBASE_OK) {
        status = step_alloc(binder, 1, sizeof(sort_node), &memory, err);
    }
    sort_node *node = memory;
    if (status == PBASE_OK) {
        node->position = binder->position;
        node->schema = *binder->input;
        bool has_top = top != NULL && top->kind == PBASE_INT && top->as.integer >= 0;
        node->top = has_top ? (uint64_t)top->as.integer : UINT64_MAX;
        status = bind_keys(list, binder, node, err);
    }
    if (status == PBASE_OK) {
        *out = (pbase_operator_node *)node;
        *out_schema = *binder->input;
    }
    return status;
}

/* --- order ------------------------------------------------------------------------------------- */

/* The class and leading bits of a value, so that values in order have numbers in order. */
static uint64_t rank(const pbase_value *value)
{
    uint64_t bits = 0;
    double real = 0;
    uint8_t class_of = value->kind == PBASE_FLOAT ? (uint8_t)PBASE_INT : value->kind;
    switch (value->kind) {
    case PBASE_BOOL:
        bits = value->as.boolean ? UINT64_MAX : 0;
        break;
    case PBASE_INT:
    case PBASE_FLOAT:
        real = value->kind == PBASE_INT ? (double)value->as.integer : value->as.real;
        real = real == 0 ? 0.0 : real != real ? (double)__builtin_nanf("") : real;
        memcpy(&bits, &real, sizeof bits);
        bits = bits >> 63 != 0 ? ~bits : bits | (uint64_t)1 << 63;
        break;
    case PBASE_TIMESTAMP:
        bits = (uint64_t)value->as.time_ns ^ (uint64_t)1 << 63;
        break;
    case PBASE_STRING:
    case PBASE_BYTES:
        for (size_t i = 0; i < 7 && i < value->as.string.size; i++) {
            bits |= (uint64_t)value->as.string.data[i] << (56 - 8 * i);
        }
        break;
    default:
        break;
    }
    return (uint64_t)class_of << 56 | bits >> 8;
}

static uint64_t prefix_of(const sort_key *key, const pbase_value *value)
{
    if (value->kind == PBASE_NULL) {
        return key->nulls_first ? 0 : UINT64_MAX;
    }
    return key->is_descending ? ~rank(value) : rank(value);
}

static int compare_keys(const sort_node *node, const pbase_value *a, const pbase_value *b)
{
    int order = 0;
    for (uint32_t i = 0; i < node->key_count && order == 0; i++) {
        const sort_key *key = &node->keys[i];
        if (a[i].kind == PBASE_NULL || b[i].kind == PBASE_NULL) {
            order = (a[i].kind != PBASE_NULL) - (b[i].kind != PBASE_NULL);
            order = key->nulls_first ? order : -order;
        } else {
            order = pbase_value_compare(&a[i], &b[i]);
            order = key->is_descending ? -order : order;
        }
    }
    return order;
}

static inline bool is_after(const sort_node *node, const sort_entry *a, const sort_entry *b)
{
    if (a->prefix != b->prefix) {
        return a->prefix > b->prefix;
    }
    return compare_keys(node, a->row, b->row) > 0;
}

static void sort_run(const sort_node *node, sort_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        sort_entry moved = entries[i];
        size_t at = i;
        for (; at > 0 && is_after(node, &entries[at - 1], &moved); at--) {
            entries[at] = entries[at - 1];
        }
        entries[at] = moved;
    }
}

/* Merges two neighbouring runs of `from` into `to`. */
static void merge(const sort_node *node, const sort_entry *from, size_t middle, size_t count,
                  sort_entry *to)
{
    size_t left = 0, right = middle;
    for (size_t i = 0; i < count; i++) {
        bool takes_right =
            left == middle || (right < count && is_after(node, &from[left], &from[right]));
        to[i] = from[takes_right ? right++ : left++];
    }
}

/* One pass: runs of `width` become runs of twice that. */
static pbase_status merge_pass(const sort *self, const sort_entry *from, sort_entry *to,
                               size_t width, pbase_error *err)
{
    size_t unchecked = 0;
    for (size_t start = 0; start < self->count; start += 2 * width) {
        size_t left = self->count - start;
        size_t count = left < 2 * width ? left : 2 * width;
        merge(self->node, from + start, width < count ? width : count, count, to + start);
        unchecked += count;
        if (unchecked >= CHECK_ROWS) {
            unchecked = 0;
            pbase_status status = pbase_call_check(self->run->call, self->run->os, err);
            if (status != PBASE_OK) {
                return status;
            }
        }
    }
    return PBASE_OK;
}

static pbase_status sort_entries(sort *self, pbase_error *err)
{
    size_t bytes = self->capacity * sizeof(sort_entry);
    sort_entry *spare = pbase_alloc_new(self->run->alloc, bytes);
    pbase_status status = PBASE_OK;
    if (spare == NULL && bytes > 0) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to sort %zu rows", self->count);
    }
    for (size_t start = 0; start < self->count; start += RUN_ROWS) {
        size_t left = self->count - start;
        sort_run(self->node, self->entries + start, left < RUN_ROWS ? left : RUN_ROWS);
    }
    for (size_t width = RUN_ROWS; width < self->count && status == PBASE_OK; width *= 2) {
        status = merge_pass(self, self->entries, spare, width, err);
        sort_entry *swapped = self->entries;
        self->entries = spare;
        spare = swapped;
    }
    pbase_alloc_free(self->run->alloc, spare, bytes);
    return status;
}

/* --- running ----------------------------------------------------------------------------------- */

static void sort_close(void *shared)
{
    sort *self = shared;
    if (self == NULL) {
        return;
    }
    const pbase_alloc *alloc = self->run->alloc;
    pbase_alloc_free(alloc, self->entries, self->capacity * sizeof *self->entries);
    pbase_arena_fini(&self->rows_arena);
    pbase_arena_fini(&self->layout_arena);
    pbase_alloc_free(alloc, self, sizeof *self);
}

static pbase_status readers_create(sort *self, pbase_error *err)
{
    size_t count = self->node->schema.count;
    const pbase_row_reader **readers =
        pbase_arena_array(&self->layout_arena, count, sizeof *readers);
    if (readers == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    memset(readers, 0, count * sizeof *readers);
    self->readers = readers;
    return PBASE_OK;
}

static pbase_status sort_open(const pbase_operator_node *node, const pbase_run *run,
                              void **out_shared, pbase_error *err)
{
    sort *self = pbase_alloc_zeroed(run->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    self->node = (const sort_node *)node;
    self->run = run;
    pbase_arena_init(&self->layout_arena, run->alloc);
    pbase_arena_init(&self->rows_arena, run->alloc);
    pbase_status status = readers_create(self, err);
    if (status == PBASE_OK) {
        status = row_layout_make(&self->node->schema, self->node->position, &self->layout_arena,
                                 &self->layout, err);
    }
    if (status == PBASE_OK) {
        *out_shared = self;
    } else {
        sort_close(self);
    }
    return status;
}

static pbase_status entries_grow(sort *self, pbase_error *err)
{
    size_t capacity = self->capacity == 0 ? 256 : self->capacity * 2;
    sort_entry *grown = self->run->alloc->resize(
        self->run->alloc, self->entries, self->capacity * sizeof *grown, capacity * sizeof *grown);
    if (grown == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to sort %zu rows", self->count);
    }
    self->entries = grown;
    self->capacity = capacity;
    return PBASE_OK;
}

/* Moves every entry's row to a fresh arena and lets the rest of the old one go. */
static pbase_status rows_compact(sort *self, pbase_error *err)
{
    pbase_arena fresh;
    pbase_arena_init(&fresh, self->run->alloc);
    size_t width = (size_t)self->node->key_count + self->layout.width;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        pbase_value *row = pbase_arena_array(&fresh, width, sizeof *row);
        if (row == NULL) {
            status = PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to sort %zu rows", self->count);
            break;
        }
        for (size_t cell = 0; cell < width && status == PBASE_OK; cell++) {
            status = cell_copy(&self->entries[i].row[cell], &fresh, &row[cell], err);
        }
        self->entries[i].row = row;
    }
    if (status == PBASE_OK) {
        pbase_arena old = self->rows_arena;
        self->rows_arena = fresh;
        fresh = old;
    } else {
        self->count = 0; /* some rows lie in the arena that goes; the run has failed */
    }
    pbase_arena_fini(&fresh);
    return status;
}

static pbase_status keep_top(sort *self, pbase_error *err)
{
    uint64_t top = self->node->top;
    if (top > SIZE_MAX / 4 || self->count < 2 * top + TOP_SLACK_ROWS) {
        return PBASE_OK;
    }
    pbase_status status = sort_entries(self, err);
    if (status == PBASE_OK) {
        self->count = (size_t)top;
        self->has_bound = top > 0;
        status = rows_compact(self, err);
    }
    return status;
}

/* Whether a row with these keys can still be among the top. */
static bool is_wanted(const sort *self, const sort_entry *entry)
{
    if (self->node->top == 0) {
        return false;
    }
    return !self->has_bound || is_after(self->node, &self->entries[self->node->top - 1], entry);
}

static pbase_status keep_row(sort *self, const pbase_chunk *in, uint32_t row,
                             const pbase_value *keys, uint64_t prefix, pbase_error *err)
{
    uint32_t key_count = self->node->key_count;
    pbase_status status = self->count == self->capacity ? entries_grow(self, err) : PBASE_OK;
    if (status != PBASE_OK) {
        return status;
    }
    pbase_value *kept =
        pbase_arena_array(&self->rows_arena, key_count + self->layout.width, sizeof *kept);
    if (kept == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to sort %zu rows", self->count);
    }
    for (uint32_t i = 0; i < key_count && status == PBASE_OK; i++) {
        status = cell_copy(&keys[i], &self->rows_arena, &kept[i], err);
    }
    if (status == PBASE_OK) {
        status = row_layout_keep(&self->layout, in, row, &self->rows_arena, kept + key_count, err);
    }
    if (status == PBASE_OK) {
        self->entries[self->count].prefix = prefix;
        self->entries[self->count].row = kept;
        self->count++;
    }
    return status;
}

static pbase_status consume_row(sort *self, const pbase_chunk *in, uint32_t row,
                                const pbase_vector *vectors, pbase_value *keys, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; i < self->node->key_count && status == PBASE_OK; i++) {
        keys[i] = *pbase_vector_cell(&vectors[i], row);
        status = pbase_cell_raise(&keys[i], err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    sort_entry entry = {prefix_of(&self->node->keys[0], &keys[0]), keys};
    return is_wanted(self, &entry) ? keep_row(self, in, row, keys, entry.prefix, err) : PBASE_OK;
}

static pbase_status sort_consume(void *shared, void *local, pbase_chunk *in, int32_t *out_state,
                                 pbase_error *err)
{
    sort *self = shared;
    uint32_t key_count = self->node->key_count;
    (void)local;
    pbase_vector *vectors = pbase_arena_array(in->arena, key_count, sizeof *vectors);
    pbase_value *keys = pbase_arena_array(in->arena, key_count, sizeof *keys);
    if (vectors == NULL || keys == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for sort keys");
    }
    for (uint32_t i = 0; i < in->column_count; i++) { /* the one reader, where there is one */
        if (in->columns[i].reader != NULL) {
            self->readers[i] = in->columns[i].reader;
        }
    }
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; i < key_count && status == PBASE_OK; i++) {
        status = self->run->services->evaluate(self->node->expressions[i], in, &vectors[i], err);
    }
    for (uint32_t n = 0; n < in->selected_count && status == PBASE_OK; n++) {
        status = consume_row(self, in, pbase_chunk_row(in, n), vectors, keys, err);
    }
    *out_state = PBASE_NEED_INPUT;
    return status == PBASE_OK ? keep_top(self, err) : status;
}

static pbase_status sort_finish(void *shared, pbase_error *err)
{
    sort *self = shared;
    pbase_status status = sort_entries(self, err);
    if (self->count > self->node->top) {
        self->count = (size_t)self->node->top;
    }
    return status;
}

static pbase_status sort_scan(void *shared, void *local, pbase_chunk *out, int32_t *out_state,
                              pbase_error *err)
{
    sort *self = shared;
    size_t left = self->count - self->given;
    uint32_t count = left < self->run->chunk_rows ? (uint32_t)left : self->run->chunk_rows;
    (void)local;
    const pbase_value **rows = pbase_arena_array(out->arena, count, sizeof *rows);
    if (rows == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a chunk of rows");
    }
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = self->entries[self->given + i].row + self->node->key_count;
    }
    self->given += count;
    *out_state = self->given == self->count ? PBASE_DONE : PBASE_MORE;
    return row_layout_emit(&self->layout, rows, count, self->readers, out, err);
}

static pbase_status sort_explain(const pbase_operator_node *node, pbase_buffer *out,
                                 pbase_error *err)
{
    const sort_node *self = (const sort_node *)node;
    return self->top == UINT64_MAX
               ? pbase_buffer_append_text(out, err, "sort in memory")
               : pbase_buffer_append_text(out, err, "top %llu", (unsigned long long)self->top);
}

static pbase_status sort_estimate(const pbase_operator_node *node, const pbase_estimate *input,
                                  pbase_estimate *out, pbase_error *err)
{
    const sort_node *self = (const sort_node *)node;
    (void)err;
    *out = *input;
    out->cost += input->rows > 0 ? input->rows * 300 : 0;
    out->rows =
        input->rows >= 0 && self->top < (uint64_t)INT64_MAX && input->rows > (double)self->top
            ? (double)self->top
            : input->rows;
    return PBASE_OK;
}

static const pbase_operator_run_ops sort_run_ops = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = sort_open,
    .scan = sort_scan,
    .consume = sort_consume,
    .finish = sort_finish,
    .close = sort_close,
};
const pbase_operator_vtable operator_sort = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_SINK,
    .name = "order",
    .bind = sort_bind,
    .estimate = sort_estimate,
    .explain = sort_explain,
    .run = &sort_run_ops,
};
