/* scan.c - from: the rows of a collection, by way of the run's catalog (source.h).
 *
 * Documents stay encoded; the fields that the plan reads are extracted from them in one pass. When
 * nobody reads anything of the rows and the source knows how many there are, they are counted out
 * without being read. A term that compares the key with a literal narrows the range. */
#include "base/nearest.h"
#include "query/access.h"
#include "query/chunk.h"
#include "query/operators/operators.h"
#include "query/operators/step.h"
#include "query/source.h"

typedef struct {
    pbase_bytes source;
    bool has_key;
    pbase_column columns[2];     /* the document, and the key */
    query_scan scan;             /* bounds and limit, as offered */
    pbase_value low, high;       /* what the bounds point to */
    const access_choice *access; /* NULL: in collection order, and nothing to say about it */
    pbase_arena *arena;
} scan_node;

typedef struct {
    const scan_node *node;
    const pbase_run *run;
    query_rows *rows;
    uint32_t batch_rows; /* of the next batch; grows when few rows may be enough */
    uint64_t given;      /* rows so far */
    bool is_counted;     /* rows are counted out: */
    uint64_t remaining;  /* so many are left */
} scan;

static pbase_status scan_bind(const pbase_value *step, pbase_binder *binder,
                              pbase_operator_node **out, pbase_schema *out_schema, pbase_error *err)
{
    void *memory = NULL;
    const pbase_value *source = NULL;
    pbase_bytes alias = pbase_bytes_of(NULL, 0), key = alias;
    pbase_status status = step_get(step, "source", PBASE_STRING, &source, err);
    if (status == PBASE_OK) {
        status = step_name(step, "as", &alias, err);
    }
    if (status == PBASE_OK) {
        status = step_name(step, "key", &key, err);
    }
    if (status == PBASE_OK) {
        status = step_alloc(binder, 1, sizeof(scan_node), &memory, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    scan_node *node = memory;
    node->source = source->as.string;
    node->arena = binder->arena;
    node->scan.limit = UINT64_MAX;
    status = binder->services->document(binder, alias, &node->columns[0], err);
    node->has_key = key.size > 0;
    node->columns[1].name = key;
    if (status == PBASE_OK) {
        *out = (pbase_operator_node *)node;
        out_schema->columns = node->columns;
        out_schema->count = node->has_key ? 2 : 1;
    }
    return status;
}

void scan_use_access(pbase_operator_node *node, const access_choice *choice)
{
    ((scan_node *)node)->access = choice;
}

/* --- offers ------------------------------------------------------------------------------------ */

static bool is_key(const scan_node *node, const pbase_value *json)
{
    const pbase_value *path = pbase_value_field(json, pbase_bytes_text("f"));
    return node->has_key && path != NULL && path->kind == PBASE_STRING &&
           pbase_bytes_equal(path->as.string, node->columns[1].name);
}

/* A scalar literal, bare or wrapped; NULL for anything else, null and NaN's likes included. */
static const pbase_value *literal_of(const pbase_value *json)
{
    const pbase_value *wrapped = pbase_value_field(json, pbase_bytes_text("lit"));
    const pbase_value *value = wrapped != NULL ? wrapped : json;
    return value->kind > PBASE_NULL && value->kind < PBASE_LIST ? value : NULL;
}

typedef struct {
    bool low, high; /* the literal is this bound of the key */
    bool is_open;
} bound;

/* How "key OP literal" bounds the key, or "literal OP key" when it is turned. */
static bound bound_of(pbase_bytes op, bool is_turned)
{
    bound b = {false, false, op.size == 1 && op.data[0] != '='};
    if (op.size == 1 && op.data[0] == '=') {
        b.low = b.high = true;
    } else if (op.size > 0 && op.size <= 2 && (op.size == 1 || op.data[1] == '=')) {
        b.high = op.data[0] == (is_turned ? '>' : '<');
        b.low = op.data[0] == (is_turned ? '<' : '>');
    }
    return b;
}

static void narrow(scan_node *node, const pbase_value *literal, bound b)
{
    query_scan *to = &node->scan;
    int low = to->low == NULL ? 1 : pbase_value_compare(literal, to->low);
    int high = to->high == NULL ? -1 : pbase_value_compare(literal, to->high);
    if (b.low && (low > 0 || (low == 0 && b.is_open))) {
        node->low = *literal;
        to->low = &node->low;
        to->low_open = b.is_open;
    }
    if (b.high && (high < 0 || (high == 0 && b.is_open))) {
        node->high = *literal;
        to->high = &node->high;
        to->high_open = b.is_open;
    }
}

/* Takes what it can of one term; whatever it takes is checked again. */
static bool take_term(scan_node *node, const pbase_value *json, pbase_error *err,
                      pbase_status *status)
{
    if (json->kind != PBASE_LIST || json->as.list.count != 3 ||
        json->as.list.items[0].kind != PBASE_STRING) {
        return false;
    }
    const pbase_value *items = json->as.list.items;
    bool is_turned = is_key(node, &items[2]);
    const pbase_value *literal = literal_of(is_turned ? &items[1] : &items[2]);
    bound b = bound_of(items[0].as.string, is_turned);
    if ((!is_turned && !is_key(node, &items[1])) || literal == NULL || (!b.low && !b.high)) {
        return false;
    }
    pbase_value copy;
    *status = pbase_value_copy(literal, node->arena, &copy, err);
    if (*status == PBASE_OK) {
        narrow(node, &copy, b);
    }
    return *status == PBASE_OK;
}

static pbase_status scan_offer(pbase_operator_node *self, pbase_offer *offer, pbase_error *err)
{
    scan_node *node = (scan_node *)self;
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; i < offer->filter_count && status == PBASE_OK; i++) {
        if (take_term(node, &offer->filters[i], err, &status)) {
            offer->filter_taken[i] = PBASE_OFFER_PARTLY;
        }
    }
    if (offer->limit < node->scan.limit) {
        node->scan.limit = offer->limit;
        offer->limit_taken = PBASE_OFFER_PARTLY;
    }
    return status;
}

/* --- running ----------------------------------------------------------------------------------- */

typedef struct {
    nearest near;
} name_search;

static pbase_status offer_name(void *state, pbase_bytes name, pbase_error *err)
{
    name_search *search = state;
    (void)err;
    nearest_offer(&search->near, name);
    return PBASE_OK;
}

static const query_access *planned_access(const scan_node *node)
{
    return node->access != NULL && node->access->uses_index ? &node->access->by : NULL;
}

static pbase_status open_rows(scan *self, const query_access *access, pbase_error *err)
{
    const scan_node *node = self->node;
    const pbase_query_services *services = self->run->services;
    query_catalog *catalog = self->run->catalog;
    query_scan wanted = node->scan;
    wanted.access = access;
    wanted.wants_keys = node->has_key;
    wanted.alloc = self->run->alloc;
    wanted.wants_values =
        services->wants_whole(&node->columns[0]) || services->wants_fields(&node->columns[0]) > 0;
    pbase_status status = catalog->vtable->open(catalog, node->source, &wanted, &self->rows, err);
    if (status == PBASE_NOT_FOUND) {
        name_search search;
        nearest_init(&search.near, node->source);
        (void)catalog->vtable->list(catalog, offer_name, &search, NULL); /* only a hint is lost */
        nearest_hint(&search.near, err);
    }
    if (status == PBASE_OK && !wanted.wants_values && !wanted.wants_keys) {
        status = self->rows->vtable->count(self->rows, &self->is_counted, &self->remaining, err);
    }
    return status;
}

void scan_stop(void *shared)
{
    scan *self = shared;
    if (self->rows != NULL) {
        self->rows->vtable->close(self->rows);
        self->rows = NULL;
    }
}

static void scan_close(void *shared)
{
    scan *self = shared;
    if (self != NULL) {
        scan_stop(self);
        pbase_alloc_free(self->run->alloc, self, sizeof *self);
    }
}

#define BATCH_ROWS_MIN 16u

/* Reading begins with few rows: a limit behind may want no more, and doubling them costs nothing. When
 * it is known how many are wanted by an index, with these. */
static uint32_t first_batch(const scan_node *node, uint32_t chunk_rows)
{
    const query_access *access = planned_access(node);
    uint64_t wanted = access == NULL ? 0 : access->wanted;
    wanted = wanted < BATCH_ROWS_MIN ? BATCH_ROWS_MIN : wanted;
    return wanted < chunk_rows ? (uint32_t)wanted : chunk_rows;
}

static pbase_status scan_open(const pbase_operator_node *node, const pbase_run *run,
                              void **out_shared, pbase_error *err)
{
    scan *self = pbase_alloc_zeroed(run->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an operator");
    }
    self->node = (const scan_node *)node;
    self->run = run;
    self->batch_rows = first_batch(self->node, run->chunk_rows);
    pbase_status status = open_rows(self, planned_access(self->node), err);
    if (status == PBASE_OK) {
        *out_shared = self;
    } else {
        scan_close(self);
    }
    return status;
}

pbase_status scan_restart(void *shared, const query_access *access, pbase_error *err)
{
    scan *self = shared;
    scan_stop(self);
    self->batch_rows = self->run->chunk_rows;
    self->given = 0;
    return open_rows(self, access == NULL ? planned_access(self->node) : access, err);
}

uint64_t scan_rows_read(const void *shared)
{
    return ((const scan *)shared)->given;
}

static pbase_status count_out(scan *self, pbase_chunk *out, int32_t *out_state)
{
    uint64_t most = self->run->chunk_rows;
    out->row_count = (uint32_t)(self->remaining < most ? self->remaining : most);
    out->selected_count = out->row_count;
    self->remaining -= out->row_count;
    *out_state = self->remaining == 0 ? PBASE_DONE : PBASE_MORE;
    return PBASE_OK;
}

/* Room for one batch in the chunk's arena. */
static pbase_status batch_begin(const scan *self, pbase_chunk *out, query_batch *batch,
                                bool wants_values, pbase_error *err)
{
    memset(batch, 0, sizeof *batch);
    batch->capacity = out->row_count = self->batch_rows;
    batch->arena = out->arena;
    pbase_status status = PBASE_OK;
    if (self->node->has_key) {
        status = chunk_cells(out, &batch->keys, err);
    }
    if (status == PBASE_OK && wants_values) {
        status = chunk_cells(out, &batch->values, err);
    }
    return status;
}

static pbase_status scan_scan(void *shared, void *local, pbase_chunk *out, int32_t *out_state,
                              pbase_error *err)
{
    scan *self = shared;
    const pbase_column *document = &self->node->columns[0];
    const pbase_query_services *services = self->run->services;
    query_batch batch;
    (void)local;
    pbase_status status = chunk_columns(out, self->node->has_key ? 2 : 1, err);
    if (status == PBASE_OK && self->is_counted) {
        return count_out(self, out, out_state);
    }
    bool wants_values = services->wants_whole(document) || services->wants_fields(document) > 0;
    if (status == PBASE_OK) {
        status = batch_begin(self, out, &batch, wants_values, err);
    }
    if (status == PBASE_OK) {
        status = self->rows->vtable->next(self->rows, &batch, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    self->batch_rows =
        self->batch_rows > self->run->chunk_rows / 2 ? self->run->chunk_rows : self->batch_rows * 2;
    self->given += batch.count;
    out->row_count = out->selected_count = batch.count;
    out->columns[0].cells = batch.values;
    out->columns[0].reader = self->rows->reader;
    if (self->node->has_key) {
        out->columns[1].cells = batch.keys;
    }
    *out_state = batch.count == 0 ? PBASE_DONE : PBASE_MORE;
    return services->extract(document, out, 0, err);
}

static pbase_status explain_bound(const char *what, const pbase_value *value, bool is_open,
                                  pbase_buffer *out, pbase_error *err)
{
    return value == NULL ? PBASE_OK
                         : pbase_buffer_append_text(out, err, ", keys %s a %s bound%s", what,
                                                    pbase_value_type_name(value),
                                                    is_open ? " (left out)" : "");
}

static pbase_status explain_unused(const access_choice *access, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < access->unused_count && status == PBASE_OK; i++) {
        const access_reason *reason = &access->unused[i];
        status = pbase_buffer_append_text(out, err, ", not by %.*s: %s", (int)reason->index.size,
                                          (const char *)reason->index.data, reason->why);
        if (status == PBASE_OK && reason->share >= 0) {
            status =
                pbase_buffer_append_text(out, err, " (%.3g %% of the rows)", reason->share * 100);
        }
    }
    return status;
}

static pbase_status explain_access(const access_choice *access, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_text(out, err, "%s", access->how);
    return status == PBASE_OK ? explain_unused(access, out, err) : status;
}

static pbase_status scan_explain(const pbase_operator_node *node, pbase_buffer *out,
                                 pbase_error *err)
{
    const scan_node *self = (const scan_node *)node;
    if (self->access != NULL && self->access->uses_index) {
        return explain_access(self->access, out, err);
    }
    pbase_status status = pbase_buffer_append_text(out, err, "scan");
    if (status == PBASE_OK) {
        status = explain_bound("from", self->scan.low, self->scan.low_open, out, err);
    }
    if (status == PBASE_OK) {
        status = explain_bound("to", self->scan.high, self->scan.high_open, out, err);
    }
    if (status == PBASE_OK && self->scan.limit != UINT64_MAX) {
        status = pbase_buffer_append_text(out, err, ", at most %llu rows",
                                          (unsigned long long)self->scan.limit);
    }
    return status == PBASE_OK && self->access != NULL ? explain_unused(self->access, out, err)
                                                      : status;
}

static const pbase_operator_run_ops scan_run = {
    .struct_size = sizeof(pbase_operator_run_ops),
    .open = scan_open,
    .scan = scan_scan,
    .close = scan_close,
};
const pbase_operator_vtable operator_scan = {
    .struct_size = sizeof(pbase_operator_vtable),
    .traits = PBASE_OPERATOR_SOURCE | PBASE_OPERATOR_KEEPS_ORDER,
    .name = "from",
    .bind = scan_bind,
    .offer = scan_offer,
    .explain = scan_explain,
    .run = &scan_run,
};
