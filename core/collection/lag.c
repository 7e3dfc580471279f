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

/* Keys go down side by side, so that what one of them waits for comes from memory together with what the
 * others wait for (tree_many.c); what is in their leaves is not looked at. */
#define PROBE_LANES 16u

typedef struct {
    atom_view view; /* of the node it stands on */
    node at;
    uint32_t index; /* of the child that serves its key */
    uint32_t part;  /* where in that child the key probably is */
} probe_lane;

typedef struct {
    const tree *tree;
    pbase_bytes keys[PROBE_LANES];
    size_t count;
    size_t held; /* the first lanes stand on a node */
    probe_lane lanes[PROBE_LANES];
} probe;

/* Finds the child of each lane, and asks for what is read next. */
static void probe_choose(probe *self)
{
    for (size_t i = 0; i < self->count; i++) {
        probe_lane *lane = &self->lanes[i];
        pbase_bytes key = self->keys[i];
        lane->index = node_search_child_near(&lane->at, key, lane->part);
        if (lane->at.level == 1) {
            __builtin_prefetch(node_child_entry(&lane->at, lane->index));
            continue;
        }
        node_child child = node_child_at(&lane->at, lane->index);
        atom_place place = atom_place_of(self->tree->source, child.ref);
        lane->part = node_child_part(&lane->at, lane->index, key);
        node_ask_child(&lane->at, &child, lane->part, &place);
    }
}

static pbase_status probe_root(probe *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (self->held = 0; self->held < self->count && status == PBASE_OK;) {
        probe_lane *lane = &self->lanes[self->held];
        lane->part = NODE_PART_UNKNOWN;
        status = tree_root_lend(self->tree, &lane->view, &lane->at, err);
        self->held += status == PBASE_OK;
    }
    return status;
}

/* Every lane goes to the child it has found. */
static pbase_status probe_down(probe *self, pbase_error *err)
{
    atom_source *source = self->tree->source;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        probe_lane *lane = &self->lanes[i];
        atom_view parent = lane->view;
        node child;
        atom_ref ref = pbase_get_u64(node_child_entry(&lane->at, lane->index) + NODE_CHILD_REF);
        status = node_acquire_asked(source, ref, &lane->at, lane->index, self->tree->positional,
                                    &lane->view, &child, err);
        if (status == PBASE_OK) {
            lane->at = child;
            atom_release(source, &parent);
        } else {
            lane->view = parent;
        }
    }
    return status;
}

static pbase_status probe_leaves(const probe *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count; i++) {
        const probe_lane *lane = &self->lanes[i];
        atom_place place =
            atom_place_of(self->tree->source, node_child_at(&lane->at, lane->index).ref);
        __builtin_prefetch(place.verified);
    }
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        const probe_lane *lane = &self->lanes[i];
        status = probe_leaf(self->tree, &lane->at, lane->index, err);
    }
    return status;
}

/* Goes down to the leaves that serve the keys. */
static pbase_status probe_run(probe *self, pbase_error *err)
{
    if (self->tree->root == ATOM_REF_NONE || self->count == 0) {
        return PBASE_OK;
    }
    pbase_status status = probe_root(self, err);
    while (status == PBASE_OK && self->lanes[0].at.level != 0) { /* leaves lie equally deep */
        probe_choose(self);
        if (self->lanes[0].at.level == 1) {
            status = probe_leaves(self, err);
            break;
        }
        status = probe_down(self, err);
    }
    for (size_t i = 0; i < self->held; i++) {
        atom_release(self->tree->source, &self->lanes[i].view);
    }
    return status;
}

pbase_status collection_probe(const collection *self, pbase_error *err)
{
    pbase_bytes all = change_log_view(&self->log);
    pbase_reader_bytes reader =
        pbase_reader_bytes_of(pbase_bytes_of(all.data + self->applied, all.size - self->applied));
    probe run; /* not zeroed: lanes begin at the root */
    run.tree = &self->tree;
    run.count = 0;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0) {
        change operation;
        status = change_read(&reader, &operation, err);
        if (status == PBASE_OK) {
            run.keys[run.count++] = operation.key.bytes;
        }
        if (status == PBASE_OK &&
            (run.count == PROBE_LANES || pbase_reader_bytes_left(&reader) == 0)) {
            status = probe_run(&run, err);
            run.count = 0;
        }
    }
    return collection_noted(self, status, err);
}
