/* waiting.c - puts into dictionaries that wait for one another (pending.h), and when they do.
 *
 * In a bulk dictionary every put waits. In a new one puts begin to wait when there are some: until then
 * they cost less one by one. Its log, all of which are puts, becomes the first ones that wait; when
 * somebody looks, a short rest goes into tree and log as if each had been put when it came, and a
 * long one makes the dictionary bulk: then what waits is written at once. */
#include "collection/lag.h"
#include "collection/load.h"
#include "collection/tree_cursor.h"

#define WAITS_FROM_OPERATIONS 256u /* in the log of a new collection */

static bool is_put(uint8_t op)
{
    return op == CHANGE_PUT || op == CHANGE_HASH_PUT;
}

/* ----------------------------------------------------------------------------- beginning ------ */

/* A new dictionary of which nobody wanted to know anything yet. */
static bool can_begin(const collection *self)
{
    const change_budget *budget = self->context->budget;
    bool is_mapping = is_put(load_operation(self->kind));
    return self->is_new && is_mapping && !self->nests && !self->was_asked && !self->marked &&
           self->base == ATOM_REF_NONE && budget != NULL && budget->spills;
}

static pbase_status take_log(pending *into, pbase_bytes operations, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    change operation;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0) {
        status = change_read(&reader, &operation, err);
        if (status == PBASE_OK && !is_put(operation.op)) {
            status = PBASE_UNSUPPORTED; /* not an error: they cannot wait */
        } else if (status == PBASE_OK) {
            status = pending_take(into, &operation, err);
        }
    }
    return status;
}

/* Lets what is in the log wait instead. UNSUPPORTED: there is more in it than puts. */
static pbase_status begin(collection *self, pbase_error *err)
{
    pending *waiting = NULL;
    pbase_status status = pending_create(self->context, &waiting, err);
    if (status == PBASE_OK) {
        status = take_log(waiting, change_log_view(&self->log), err);
    }
    if (status != PBASE_OK) {
        pending_destroy(waiting);
        self->was_asked = self->was_asked || status == PBASE_UNSUPPORTED;
        return status;
    }
    pending_destroy(self->waiting);
    self->waiting = waiting;
    change_log_fini(&self->log);
    change_log_init(&self->log, self->context->alloc);
    self->applied = 0;
    tree_fini(&self->tree);
    return PBASE_OK;
}

bool waiting_takes(collection *self, const change *operation)
{
    if (!is_put(operation->op) || self->marked) {
        return false;
    }
    if (self->bulk) {
        return self->context->budget->spills;
    }
    if (pending_any(self->waiting)) {
        return true;
    }
    return can_begin(self) && self->log.count >= WAITS_FROM_OPERATIONS &&
           begin(self, NULL) == PBASE_OK; /* else it goes on one by one */
}

/* -------------------------------------------------------------------------------- taking ------ */

uint64_t collection_bulk_bytes(const collection *self)
{
    const change_budget *budget = self->context->budget;
    uint64_t most = budget->memory_bytes_max / 2;
    most = most < budget->log_bytes_max ? most : budget->log_bytes_max;
    return most < COLLECTION_BULK_BYTES ? most : COLLECTION_BULK_BYTES;
}

/* What waits is too long for a log. */
static void go_bulk_when_long(collection *self)
{
    if (!self->bulk && pending_bytes(self->waiting) > collection_bulk_bytes(self)) {
        collection_go_bulk(self);
    }
    if (self->bulk) {
        pending_advance(self->waiting);
    }
}

/* Keys in order go to the end of a bulk tree that is there: they have nothing to wait for. INVALID:
 * it is not so. */
static pbase_status append_in_order(collection *self, const change *operation, pbase_error *err)
{
    tree_value value = tree_value_of(operation->value);
    if (self->tree.root == ATOM_REF_NONE || pending_any(self->waiting)) {
        return PBASE_INVALID;
    }
    pbase_status status = tree_append_key(&self->tree, &operation->key, &value, NULL);
    return status == PBASE_OK || status == PBASE_INVALID
               ? status
               : change_apply(operation, self->kind, &self->tree, err);
}

pbase_status waiting_put(collection *self, const change *operation, pbase_error *err)
{
    pbase_status status = append_in_order(self, operation, err);
    if (status != PBASE_INVALID) {
        return status;
    }
    status = PBASE_OK;
    if (self->waiting == NULL) {
        status = pending_create(self->context, &self->waiting, err);
    }
    if (status == PBASE_OK && self->bulk && pending_is_full(self->waiting)) {
        status = collection_drain(self, err);
    }
    if (status == PBASE_OK) { /* runs are for bulk ones */
        status = self->bulk ? pending_put(self->waiting, operation, err)
                            : pending_take(self->waiting, operation, err);
    }
    if (status == PBASE_OK) {
        go_bulk_when_long(self);
    }
    return status;
}

pbase_status waiting_batch_begin(collection *self, waiting_batch *out, pbase_error *err)
{
    bool waits = self->bulk ? self->context->budget->spills : pending_any(self->waiting);
    pbase_status status = PBASE_OK;
    out->has_begun = false;
    if (self->marked || !is_put(load_operation(self->kind)) || !(waits || can_begin(self))) {
        return PBASE_OK;
    }
    if (!waits) {
        status = begin(self, err);
    }
    if (status == PBASE_UNSUPPORTED) {
        return PBASE_OK;
    }
    if (status == PBASE_OK && self->waiting == NULL) {
        status = pending_create(self->context, &self->waiting, err);
    }
    if (status == PBASE_OK) {
        out->has_begun = true;
        out->mark = pending_mark_of(self->waiting);
    }
    return status;
}

pbase_status waiting_batch_put(collection *self, const change *operation, pbase_error *err)
{
    return pending_take(self->waiting, operation, err);
}

void waiting_batch_end(collection *self, const waiting_batch *batch, pbase_status status)
{
    if (status != PBASE_OK) {
        pending_forget_since(self->waiting, &batch->mark);
    } else {
        go_bulk_when_long(self);
    }
}

/* ------------------------------------------------------------------------------- looking ------ */

static pbase_status drain_pending(collection *self, pbase_error *err)
{
    pbase_status status = self->bulk ? pending_drain(self->waiting, &self->tree, err)
                                     : pending_apply(self->waiting, load_operation(self->kind),
                                                     &self->tree, &self->log, err);
    self->applied = self->log.size; /* tree and log get the same ones */
    self->was_asked = self->was_asked || status == PBASE_OK;
    memory_growth_init(&self->growth, self->context->source);
    return status;
}

pbase_status collection_drain(const collection *self, pbase_error *err)
{
    collection *own = (collection *)(uintptr_t)self; /* it shows the same before and after */
    pbase_status status = self->is_old ? lag_renew(own, err) : PBASE_OK;
    if (status == PBASE_OK && self->applied < self->log.size) {
        status = lag_apply(own, err);
    }
    if (status == PBASE_OK && pending_any(self->waiting)) {
        status = drain_pending(own, err);
    }
    return collection_noted(self, status, err);
}

/* Appends the entry under the cursor to a log. */
static pbase_status log_entry(const collection *self, tree_cursor *cursor, change_log *log,
                              pbase_error *err)
{
    encoded_key key;
    tree_value value;
    change operation;
    pbase_status status = tree_cursor_key(cursor, &key, err);
    status = status == PBASE_OK ? tree_cursor_value(cursor, &value, err) : status;
    if (status == PBASE_OK) {
        status = change_of_entry(self->kind, &key, value.bytes, &operation, err);
    }
    if (status == PBASE_OK && log->size >= self->context->budget->log_bytes_max) {
        status = PBASE_LIMIT;
    }
    if (status == PBASE_OK) {
        status = change_log_reserve(log, &operation, err);
    }
    if (status == PBASE_OK) {
        change_log_append(log, &operation);
    }
    return status;
}

static pbase_status log_content(const collection *self, change_log *log, pbase_error *err)
{
    tree_cursor cursor;
    tree_cursor_init(&cursor, &self->tree, self->context->alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        status = log_entry(self, &cursor, log, err);
        status = status == PBASE_OK ? tree_cursor_next(&cursor, err) : status;
    }
    tree_cursor_fini(&cursor);
    return status == PBASE_END ? PBASE_OK : status;
}

pbase_status waiting_log_again(collection *self, pbase_error *err)
{
    change_log log;
    change_log_init(&log, self->context->alloc);
    bool can = self->is_new && !self->foreign && is_put(load_operation(self->kind));
    pbase_status status = can ? log_content(self, &log, err) : PBASE_LIMIT;
    if (status == PBASE_LIMIT) {
        status = PBASE_FAIL(err, PBASE_LIMIT,
                            "too many changes in one transaction to put a collection into it");
        pbase_error_hint(err, "put the collections first, or in a transaction of their own");
    }
    if (status != PBASE_OK) {
        change_log_fini(&log);
        return status;
    }
    change_log_fini(&self->log);
    self->log = log;
    self->applied = log.size;
    self->bulk = false;
    return PBASE_OK;
}
