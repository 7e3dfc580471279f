/* lag.c - operations between the log of a handle and its tree. */
#include "collection/lag.h"

#include "collection/stored_children.h"
#include "collection/tree_private.h"
#include <protobase/base/limits.h>

static bool is_put(const change *operation)
{
    return operation->op == CHANGE_PUT || operation->op == CHANGE_HASH_PUT;
}

/* What would be refused is tried at once, so that whoever asks for it is told. */
static bool is_sure(const change *operation)
{
    return tree_key_check(&operation->key, NULL) == PBASE_OK &&
           operation->value.size <= PBASE_VALUE_BYTES_MAX &&
           !stored_children_announced(operation->value);
}

bool lag_takes(const collection *self, const change *operation)
{
    const change_budget *budget = self->context->budget;
    return budget != NULL && budget->lags && is_put(operation) && !self->is_new && !self->bulk &&
           !self->marked && !self->nests && self->log.size < LAG_BYTES_MAX && is_sure(operation);
}

pbase_status lag_add(collection *self, const change *operation, pbase_error *err)
{
    pbase_status status = change_log_reserve(&self->log, operation, err);
    if (status == PBASE_OK) {
        change_log_append(&self->log, operation);
    }
    return status;
}

pbase_status lag_renew(collection *self, pbase_error *err)
{
    child_source *source = self->context->children;
    child_found found;
    uint64_t count = 0;
    PBASE_ASSERT(self->applied == 0);
    pbase_status status = source->vtable->find(source, self->id, &found, err);
    tree fresh = tree_of(self->context->source, found.root, self->tree.positional);
    if (status == PBASE_OK) {
        status = tree_count(&fresh, &count, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    tree_fini(&self->tree);
    tree_drop(self->context->source, self->base);
    self->tree = tree_keep(&fresh);
    self->tree.sum = found.sum;
    self->base = atom_ref_keep(found.root);
    self->base_count = count;
    self->is_old = false;
    return PBASE_OK;
}

pbase_status lag_apply(collection *self, pbase_error *err)
{
    pbase_bytes all = change_log_view(&self->log);
    pbase_reader_bytes reader =
        pbase_reader_bytes_of(pbase_bytes_of(all.data + self->applied, all.size - self->applied));
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && self->applied < all.size) {
        change operation;
        status = change_read_again(&reader, &operation, err);
        if (status == PBASE_OK) {
            status = change_apply(&operation, self->kind, &self->tree, err);
        }
        if (status == PBASE_OK) {
            self->applied = all.size - pbase_reader_bytes_left(&reader);
        }
    }
    return status;
}

bool collection_lags(const collection *self)
{
    return self->applied < self->log.size;
}

/* ----------------------------------------------------------------------------- probing -------- */

pbase_status collection_probe(const collection *self, pbase_error *err)
{
    pbase_bytes all = change_log_view(&self->log);
    pbase_reader_bytes reader =
        pbase_reader_bytes_of(pbase_bytes_of(all.data + self->applied, all.size - self->applied));
    pbase_bytes keys[TREE_MANY_MAX];
    size_t count = 0;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0) {
        change operation;
        status = change_read_again(&reader, &operation, err);
        if (status == PBASE_OK) {
            keys[count++] = operation.key.bytes;
        }
        if (status == PBASE_OK &&
            (count == TREE_MANY_MAX || pbase_reader_bytes_left(&reader) == 0)) {
            status = tree_probe_many(&self->tree, keys, count, err);
            count = 0;
        }
    }
    return collection_noted(self, status, err);
}
