/* tree.c - reading trees, and dropping them. */
#include "collection/kind.h"
#include "collection/tree_private.h"

bool tree_kind_positional(uint8_t tree_kind)
{
    const kind_facts *facts = kind_find(tree_kind);
    return facts != NULL && facts->positional;
}

/* ------------------------------------------------------------------------------ counting ------ */

void tree_node_keep(const node *self)
{
    if (self->level == 0 && (self->flags & NODE_OWNS) == 0) {
        return;
    }
    for (uint32_t i = 0; i < self->count; i++) {
        const uint8_t *at = node_ref_at(self, i);
        if (at != NULL) {
            (void)atom_ref_keep(pbase_get_u64(at)); /* the same reference */
        }
    }
}

/* As deep as the tree is high, plus the nesting of trees in trees. */
void tree_drop(atom_source *source, atom_ref ref)
{
    if (!atom_ref_drop(ref)) {
        return;
    }
    atom_memory *memory = atom_ref_memory(ref);
    if (memory->type == ATOM_NODE) {
        node self = tree_node_memory(ref);
        bool owner = self.level != 0 || (self.flags & NODE_OWNS) != 0;
        for (uint32_t i = 0; owner && i < self.count; i++) {
            const uint8_t *at = node_ref_at(&self, i);
            if (at != NULL) {
                tree_drop(source, pbase_get_u64(at));
            }
        }
    }
    atom_memory_destroy(source, memory);
}

void tree_fini(tree *self)
{
    tree_drop(self->source, self->root);
    self->root = ATOM_REF_NONE;
    self->sum = 0;
}

/* ------------------------------------------------------------------------------- reading ------ */

pbase_status tree_value_lend(atom_source *source, const node_entry *entry, atom_view *large,
                             tree_value *out, pbase_error *err)
{
    if (entry->kind == NODE_VALUE_LARGE) {
        pbase_status status = node_large_acquire(source, entry->ref, entry->length, large, err);
        if (status == PBASE_OK) {
            *out = tree_value_of(pbase_bytes_of(large->payload, large->size));
        }
        return status;
    }
    *out = tree_value_of(entry->bytes);
    if (entry->kind == NODE_VALUE_TREE) {
        out->kind = TREE_VALUE_TREE;
        out->tree_kind = entry->tree_kind;
        out->root = entry->ref;
    }
    return PBASE_OK;
}

void tree_item_release(atom_source *source, tree_item *item)
{
    atom_release(source, &item->large);
    atom_release(source, &item->node);
}

pbase_status tree_item_lend(atom_source *source, const node *leaf, uint32_t index, tree_item *out,
                            pbase_error *err)
{
    node_entry entry;
    pbase_bytes plain;
    if (node_inline_value(leaf, index, &plain)) {
        tree_item_plain(out, plain);
        return PBASE_OK;
    }
    node_entry_read(leaf, index, &entry);
    out->large.pin = NULL;
    out->spelling = entry.spelling;
    return tree_value_lend(source, &entry, &out->large, &out->value, err);
}

/* Goes down to the leaf that serves `key` and lends it, or of a leaf and its patch what has the key.
 * `rank`, when not NULL, receives the number of entries in the leaves before it; then the leaf is whole.
 * The tree is not empty. */
NODE_INLINE pbase_status leaf_of_key(const tree *self, pbase_bytes key, uint64_t *rank,
                                     atom_view *view, node *leaf, pbase_error *err)
{
    uint32_t part = NODE_PART_UNKNOWN;
    node at;
    atom_place root = atom_place_of(self->source, self->root); /* which need not be asked for */
    pbase_status status =
        node_acquire_at(self->source, self->root, &root, NULL, 0, self->positional, view, &at, err);
    while (status == PBASE_OK && at.level != 0) {
        uint32_t index = node_search_child_near(&at, key, part);
        node_child child = node_child_at(&at, index);
        atom_place place = atom_place_of(self->source, child.ref);
        atom_view parent = *view;
        part = node_child_part(&at, index, key);
        node_ask_child(&at, &child, part, NODE_GUESS_LINES, &place);
        if (rank != NULL) {
            node copy = at;
            *rank += node_total_before(&copy, index);
        }
        node_said said = node_said_of(&at, index);
        said.part = part;
        status = node_acquire_said(self->source, &said, &place, self->positional,
                                   rank == NULL ? key : pbase_bytes_of(NULL, 0), view, &at, err);
        atom_release(self->source, &parent);
    }
    *leaf = at;
    return status;
}

static pbase_status leaf_of_position(const tree *self, uint64_t *position, atom_view *view,
                                     node *leaf, pbase_error *err)
{
    tree_descent way = {.turn = 0};
    pbase_status status = tree_root_lend(self, &way.views[0], &way.nodes[0], err);
    while (status == PBASE_OK && way.nodes[way.turn].level != 0) {
        uint32_t index = node_search_position(&way.nodes[way.turn], position);
        node_child child = node_child_at(&way.nodes[way.turn], index);
        atom_place place = atom_place_of(self->source, child.ref);
        node_ask_child(&way.nodes[way.turn], &child, NODE_PART_UNKNOWN, 0, &place);
        status = tree_descent_down_at(&way, self, index, &place, pbase_bytes_of(NULL, 0), err);
    }
    *view = way.views[way.turn];
    *leaf = way.nodes[way.turn];
    return status;
}

pbase_status tree_count(const tree *self, uint64_t *out, pbase_error *err)
{
    if (self->root == ATOM_REF_NONE) {
        *out = 0;
        return PBASE_OK;
    }
    atom_view view;
    node root;
    pbase_status status = tree_root_lend(self, &view, &root, err);
    if (status == PBASE_OK) {
        *out = node_total(&root);
        atom_release(self->source, &view);
    }
    return status;
}

pbase_status tree_get(const tree *self, pbase_bytes key, tree_item *out, bool *out_found,
                      pbase_error *err)
{
    node leaf;
    pbase_bytes plain;
    *out_found = false;
    if (self->root == ATOM_REF_NONE) {
        return PBASE_OK;
    }
    pbase_status status = leaf_of_key(self, key, NULL, &out->node, &leaf, err);
    if (status != PBASE_OK) {
        return status;
    }
    node_finding finding = node_find(&leaf, key, &plain);
    if (finding == NODE_FOUND) {
        tree_item_plain(out, plain);
        *out_found = true;
        return PBASE_OK;
    }
    if (finding == NODE_UNCLEAR) {
        node copy = leaf; /* search.h */
        uint32_t index = node_search(&copy, key, out_found);
        if (*out_found) {
            status = tree_item_lend(self->source, &copy, index, out, err);
            *out_found = status == PBASE_OK;
        }
    }
    if (!*out_found) {
        atom_release(self->source, &out->node);
    }
    return status;
}

pbase_status tree_has(const tree *self, pbase_bytes key, bool *out_found, pbase_error *err)
{
    atom_view view;
    node leaf;
    *out_found = false;
    if (self->root == ATOM_REF_NONE) {
        return PBASE_OK;
    }
    pbase_status status = leaf_of_key(self, key, NULL, &view, &leaf, err);
    if (status == PBASE_OK) {
        (void)node_search(&leaf, key, out_found); /* where does not matter */
        atom_release(self->source, &view);
    }
    return status;
}

pbase_status tree_at(const tree *self, uint64_t index, tree_item *out, bool *out_found,
                     pbase_error *err)
{
    node leaf;
    *out_found = false;
    if (self->root == ATOM_REF_NONE) {
        return PBASE_OK;
    }
    pbase_status status = leaf_of_position(self, &index, &out->node, &leaf, err);
    if (status != PBASE_OK) {
        return status;
    }
    bool found = index < leaf.count;
    if (found) {
        status = tree_item_lend(self->source, &leaf, (uint32_t)index, out, err);
    }
    if (!found || status != PBASE_OK) {
        atom_release(self->source, &out->node);
    }
    *out_found = found && status == PBASE_OK;
    return status;
}

pbase_status tree_rank(const tree *self, pbase_bytes key, uint64_t *out, bool *out_found,
                       pbase_error *err)
{
    atom_view view;
    node leaf;
    uint64_t rank = 0;
    bool found = false;
    if (self->root != ATOM_REF_NONE) {
        pbase_status status = leaf_of_key(self, key, &rank, &view, &leaf, err);
        if (status != PBASE_OK) {
            return status;
        }
        rank += node_search(&leaf, key, &found);
        atom_release(self->source, &view);
    }
    *out = rank;
    if (out_found != NULL) {
        *out_found = found;
    }
    return PBASE_OK;
}
