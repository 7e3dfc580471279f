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
        status = change_read(&reader, &operation, err);
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

/* Lends a leaf and gives it back. One in memory is there, and so is one that was lent before. */
static pbase_status probe_leaf(const tree *self, const node *parent, uint32_t index,
                               pbase_error *err)
{
    atom_view view;
    atom_ref leaf = node_child_at(parent, index).ref;
    atom_place where = atom_place_of(self->source, leaf);
    if (atom_place_readable(&where)) {
        return PBASE_OK;
    }
    pbase_status status = atom_acquire(self->source, leaf, &view, err);
    if (status == PBASE_OK) {
        atom_release(self->source, &view);
    }
    return status;
}

/* Goes down to the leaf that serves `key`; what is in the leaf is not looked at. */
static pbase_status probe(const tree *self, pbase_bytes key, pbase_error *err)
{
    tree_descent way = {.turn = 0};
    if (self->root == ATOM_REF_NONE) {
        return PBASE_OK;
    }
    pbase_status status = tree_root_lend(self, &way.views[0], &way.nodes[0], err);
    while (status == PBASE_OK && way.nodes[way.turn].level > 1) {
        status = tree_descent_down(&way, self, node_search_child(&way.nodes[way.turn], key), err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    const node *at = &way.nodes[way.turn];
    if (at->level == 1) {
        status = probe_leaf(self, at, node_search_child(at, key), err);
    }
    atom_release(self->source, &way.views[way.turn]);
    return status;
}

pbase_status collection_probe(const collection *self, pbase_error *err)
{
    pbase_bytes all = change_log_view(&self->log);
    pbase_reader_bytes reader =
        pbase_reader_bytes_of(pbase_bytes_of(all.data + self->applied, all.size - self->applied));
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0) {
        change operation;
        status = change_read(&reader, &operation, err);
        if (status == PBASE_OK) {
            status = probe(&self->tree, operation.key.bytes, err);
        }
    }
    return collection_noted(self, status, err);
}
