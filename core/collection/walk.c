/* walk.c - visiting every atom of a tree, and checking what one node alone cannot show: that
 * children are what their parents say and keys lie where searches look for them. */
#include "collection/patch.h"
#include "collection/tree_private.h"

#include <inttypes.h>

typedef struct {
    atom_source *source;
    const tree_visitor *visitor;
    bool positional;
    uint32_t nesting; /* of trees in trees */
} walk;

/* Keys that a node serves; empty: no bound. */
typedef struct {
    pbase_bytes from, to;
    uint64_t before; /* entries of the tree before it */
} key_span;

static pbase_status walk_node(const walk *self, atom_ref ref, const node *parent, uint32_t index,
                              const key_span *span, pbase_error *err);
static pbase_status walk_tree(const walk *self, atom_ref root, pbase_error *err);

static pbase_status span_fault(const key_span *span, pbase_error *err)
{
    char from[48] = "", to[48] = "";
    key_describe(span->from, from, sizeof from);
    key_describe(span->to, to, sizeof to);
    return PBASE_FAIL(
        err, PBASE_CORRUPT, "the node for keys from %s up to %s holds keys outside that range",
        span->from.size == 0 ? "the first" : from, span->to.size == 0 ? "the last" : to);
}

/* Ascending order inside the node was checked when it was first touched: the ends decide. */
static pbase_status span_check(const walk *self, const node *at, const key_span *span,
                               pbase_error *err)
{
    uint32_t first = at->level == 0 ? 0 : 1;
    if (self->positional || first >= at->count) {
        return PBASE_OK;
    }
    bool low = span->from.size != 0 && node_key_compare(at, first, span->from) < 0;
    bool high = span->to.size != 0 && node_key_compare(at, at->count - 1, span->to) >= 0;
    return low || high ? span_fault(span, err) : PBASE_OK;
}

/* Why an atom cannot be used goes to the visitor if it wants to know, else it ends the walk. */
static pbase_error *told(const walk *self, pbase_error *why, pbase_error *err)
{
    pbase_error_init(why);
    return self->visitor->damaged == NULL ? err : why;
}

/* Ends looking at an atom: with damage that the visitor is told of the walk goes on beside it. */
static pbase_status concluded(const walk *self, const tree_walk_atom *atom, pbase_status status,
                              const pbase_error *why, pbase_error *err)
{
    bool is_damage = status == PBASE_CORRUPT || status == PBASE_FORMAT || status == PBASE_IO ||
                     status == PBASE_LOST;
    if (self->visitor->damaged == NULL || status == PBASE_OK) {
        return status;
    }
    if (is_damage) {
        return self->visitor->damaged(self->visitor->state, atom, status, why->message, err);
    }
    if (err != NULL) {
        *err = *why;
    }
    return status;
}

/* `out_left_out`: what the atom refers to is not asked for. */
static pbase_status show(const walk *self, const tree_walk_atom *atom, bool *out_left_out,
                         pbase_error *err)
{
    pbase_status status = self->visitor->atom(self->visitor->state, atom, err);
    *out_left_out = status == PBASE_END;
    return *out_left_out ? PBASE_OK : status;
}

static pbase_status visit(const walk *self, atom_ref ref, const atom_view *view, const node *at,
                          const key_span *span, bool *out_left_out, pbase_error *err)
{
    tree_walk_atom seen = {.ref = ref,
                           .size = view->size,
                           .type = view->type,
                           .level = at->level,
                           .count = node_total(at),
                           .from = span->from,
                           .to = span->to,
                           .before = span->before};
    return show(self, &seen, out_left_out, err);
}

/* -------------------------------------------------------------------------------- leaves ------ */

/* `out_sound`: the value can be read. */
static pbase_status walk_large(const walk *self, const node_entry *entry, const key_span *span,
                               bool *out_sound, pbase_error *err)
{
    tree_walk_atom seen = {.ref = entry->ref,
                           .size = entry->length,
                           .type = ATOM_VALUE,
                           .count = 1,
                           .from = span->from,
                           .to = span->to,
                           .before = span->before};
    atom_view view = {.pin = NULL};
    bool left_out = false; /* it refers to nothing */
    pbase_error why, *cause = told(self, &why, err);
    pbase_status status = PBASE_OK;
    if (!self->visitor->inner_only) {
        status = node_large_acquire(self->source, entry->ref, entry->length, &view, cause);
    }
    if (status == PBASE_OK) {
        status = show(self, &seen, &left_out, cause);
        atom_release(self->source, &view);
    }
    *out_sound = status == PBASE_OK;
    return concluded(self, &seen, status, &why, err);
}

static pbase_status walk_subtree(const walk *self, const encoded_key *key, const node_entry *entry,
                                 pbase_error *err)
{
    tree_value value = {TREE_VALUE_TREE, entry->tree_kind, entry->ref, entry->bytes};
    pbase_status status = PBASE_OK;
    if (self->visitor->enter != NULL) {
        status = self->visitor->enter(self->visitor->state, key, &value, err);
    }
    if (status == PBASE_END || (status == PBASE_OK && entry->ref == ATOM_REF_NONE)) {
        return PBASE_OK;
    }
    if (status == PBASE_OK && self->nesting == PBASE_DEPTH_MAX) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "trees nest deeper than %u", PBASE_DEPTH_MAX);
    }
    walk inside = *self;
    inside.positional = tree_kind_positional(entry->tree_kind);
    inside.nesting++;
    return status == PBASE_OK ? walk_tree(&inside, entry->ref, err) : status;
}

static pbase_status walk_value(const walk *self, const node_entry *entry, const encoded_key *key,
                               pbase_error *err)
{
    if (self->visitor->entry == NULL || self->visitor->inner_only) {
        return PBASE_OK;
    }
    atom_view large = {.pin = NULL};
    tree_value value;
    pbase_status status = tree_value_lend(self->source, entry, &large, &value, err);
    if (status == PBASE_OK) {
        status = self->visitor->entry(self->visitor->state, key, &value, err);
        atom_release(self->source, &large);
    }
    return status;
}

static pbase_status walk_entry(const walk *self, const node *leaf, uint32_t index,
                               pbase_buffer *key_bytes, const key_span *span, pbase_error *err)
{
    node_entry entry;
    node_entry_read(leaf, index, &entry);
    key_bytes->size = 0;
    pbase_status status = node_key_append(leaf, index, key_bytes, err);
    encoded_key key = {pbase_buffer_view(key_bytes), entry.spelling};
    bool is_sound = true;
    if (status == PBASE_OK && entry.kind == NODE_VALUE_LARGE) {
        const key_span one = {key.bytes, key.bytes, span->before + index};
        status = walk_large(self, &entry, &one, &is_sound, err);
    }
    if (status == PBASE_OK && is_sound) {
        status = walk_value(self, &entry, &key, err);
    }
    if (status == PBASE_OK && entry.kind == NODE_VALUE_TREE) {
        status = walk_subtree(self, &key, &entry, err);
    }
    return status;
}

static pbase_status walk_leaf(const walk *self, const node *leaf, const key_span *span,
                              pbase_error *err)
{
    bool every = self->visitor->entry != NULL && !self->visitor->inner_only;
    if (!every && (leaf->flags & NODE_OWNS) == 0) {
        return PBASE_OK;
    }
    pbase_buffer key;
    pbase_buffer_init(&key, self->source->alloc);
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; status == PBASE_OK && i < leaf->count; i++) {
        status = walk_entry(self, leaf, i, &key, span, err);
    }
    pbase_buffer_fini(&key);
    return status;
}

/* -------------------------------------------------------------------------------- inner ------- */

/* A leaf without references that is not to be read: what its parent knows of it is enough. */
static pbase_status visit_unread(const walk *self, const node_child *child, const key_span *span,
                                 pbase_error *err)
{
    tree_walk_atom seen = {.ref = child->ref,
                           .size = child->size,
                           .type = ATOM_NODE,
                           .count = child->count,
                           .from = span->from,
                           .to = span->to,
                           .before = span->before};
    bool left_out = false; /* it refers to nothing */
    pbase_error why, *cause = told(self, &why, err);
    pbase_status status = show(self, &seen, &left_out, cause);
    return concluded(self, &seen, status, &why, err);
}

static pbase_status walk_child(const walk *self, const node *at, uint32_t index,
                               const key_span *span, pbase_error *err)
{
    node_child child = node_child_at(at, index);
    bool unread = self->visitor->inner_only && at->level == 1 &&
                  (child.flags & (NODE_OWNS | NODE_PATCH)) == 0 && atom_ref_is_stored(child.ref);
    return unread ? visit_unread(self, &child, span, err)
                  : walk_node(self, child.ref, at, index, span, err);
}

/* The key that separates child `index` from the one before it; of the first, and past the last, the
 * bound of the node itself. */
static pbase_status separator(const walk *self, const node *at, uint32_t index, pbase_bytes bound,
                              pbase_buffer *buffer, pbase_bytes *out, pbase_error *err)
{
    if (self->positional || index == 0 || index == at->count) {
        *out = self->positional ? pbase_bytes_of(NULL, 0) : bound;
        return PBASE_OK;
    }
    buffer->size = 0;
    pbase_status status = node_key_append(at, index, buffer, err);
    *out = pbase_buffer_view(buffer);
    return status;
}

static pbase_status walk_inner(const walk *self, const node *at, const key_span *span,
                               pbase_error *err)
{
    pbase_buffer low, high;
    pbase_buffer_init(&low, self->source->alloc);
    pbase_buffer_init(&high, self->source->alloc);
    pbase_status status = PBASE_OK;
    uint64_t before = span->before;
    for (uint32_t i = 0; status == PBASE_OK && i < at->count; i++) {
        key_span child = {span->from, span->to, before};
        before += node_child_at(at, i).count;
        status = separator(self, at, i, span->from, &low, &child.from, err);
        if (status == PBASE_OK) {
            status = separator(self, at, i + 1, span->to, &high, &child.to, err);
        }
        if (status == PBASE_OK) {
            status = walk_child(self, at, i, &child, err);
        }
    }
    pbase_buffer_fini(&low);
    pbase_buffer_fini(&high);
    return status;
}

/* Lends a node, verifies what its place in the tree says of it, and shows it. After a failure nothing
 * is lent. */
static pbase_status node_meet(const walk *self, atom_ref ref, const node *parent, uint32_t index,
                              const key_span *span, atom_view *view, node *at, bool *out_left_out,
                              pbase_error *err)
{
    pbase_status status =
        node_acquire_raw(self->source, ref, parent, index, self->positional, view, at, err);
    if (status != PBASE_OK) {
        return status;
    }
    uint8_t known = parent == NULL ? 0xff : node_child_at(parent, index).flags;
    if ((at->flags & (NODE_OWNS | NODE_PATCH) & ~known) != 0) {
        status =
            PBASE_FAIL(err, PBASE_CORRUPT, "a node refers to %s that its parent does not know of",
                       node_is_patch(at) ? "a leaf" : "values");
    }
    if (status == PBASE_OK) {
        status = span_check(self, at, span, err);
    }
    if (status == PBASE_OK) {
        status = visit(self, ref, view, at, span, out_left_out, err);
    }
    if (status != PBASE_OK) {
        atom_release(self->source, view);
    }
    return status;
}

/* A node that could not be met, as its parent knows it. */
static pbase_status node_missed(const walk *self, atom_ref ref, const node *parent, uint32_t index,
                                const key_span *span, pbase_status status, const pbase_error *why,
                                pbase_error *err)
{
    tree_walk_atom seen = {
        .ref = ref, .type = ATOM_NODE, .from = span->from, .to = span->to, .before = span->before};
    if (parent != NULL) {
        node_child child = node_child_at(parent, index);
        seen.size = child.size;
        seen.count = child.count;
        seen.level = parent->level - 1u;
    }
    return concluded(self, &seen, status, why, err);
}

/* The leaf that a patch is of, as the patch knows it: behind it stand the entries that the patch has not. */
static tree_walk_atom base_seen(const node *patch, const key_span *span)
{
    patch_base base = patch_base_of(patch);
    uint64_t count = node_total(patch) - patch->count;
    tree_walk_atom seen = {.ref = base.ref,
                           .size = base.size,
                           .type = ATOM_NODE,
                           .count = count == 0 ? 1 : count, /* 0 would be not known */
                           .from = span->from,
                           .to = span->to,
                           .before = span->before,
                           .is_base = true};
    return seen;
}

/* The leaf that a patch at `ref` is of, and the entries of both; the view becomes one of the whole leaf where these
 * are wanted. Of a leaf that cannot be read those of the patch are left. */
static pbase_status walk_patch(const walk *self, atom_ref ref, atom_view *view, node *at,
                               const key_span *span, pbase_error *err)
{
    tree_walk_atom seen = base_seen(at, span);
    bool left_out = false; /* its entries are the patch's as well */
    pbase_error why, *cause = told(self, &why, err);
    pbase_status status = show(self, &seen, &left_out, cause);
    bool has_entries = status == PBASE_OK;
    if (status == PBASE_OK && !self->visitor->inner_only) {
        status = patch_merge(self->source, ref, view, at, cause);
        has_entries = status != PBASE_OK; /* the patch's, which were looked at */
        status = status == PBASE_OK ? span_check(self, at, span, cause) : status;
        has_entries = has_entries || status == PBASE_OK;
    }
    if (status != PBASE_OK) {
        status = concluded(self, &seen, status, &why, err);
    }
    return status == PBASE_OK && has_entries && !self->visitor->inner_only
               ? walk_leaf(self, at, span, err)
               : status;
}

static pbase_status walk_node(const walk *self, atom_ref ref, const node *parent, uint32_t index,
                              const key_span *span, pbase_error *err)
{
    atom_view view;
    node at;
    bool left_out = false;
    pbase_error why, *cause = told(self, &why, err);
    pbase_status status = node_meet(self, ref, parent, index, span, &view, &at, &left_out, cause);
    if (status != PBASE_OK) {
        return node_missed(self, ref, parent, index, span, status, &why, err);
    }
    if (!left_out && node_is_patch(&at)) {
        status = walk_patch(self, ref, &view, &at, span, err);
    } else if (!left_out) {
        status = at.level == 0 ? walk_leaf(self, &at, span, err) : walk_inner(self, &at, span, err);
    }
    atom_release(self->source, &view);
    return status;
}

static pbase_status walk_tree(const walk *self, atom_ref root, pbase_error *err)
{
    key_span everything = {{NULL, 0}, {NULL, 0}, 0};
    return root == ATOM_REF_NONE ? PBASE_OK : walk_node(self, root, NULL, 0, &everything, err);
}

pbase_status tree_root_positional(atom_source *source, atom_ref root, bool *out_positional,
                                  pbase_error *err)
{
    atom_view view;
    pbase_status status = atom_acquire(source, root, &view, err);
    if (status != PBASE_OK) {
        return status;
    }
    *out_positional = view.type == ATOM_NODE && view.size >= NODE_HEADER_BYTES &&
                      (view.payload[NODE_AT_FLAGS] & NODE_POSITIONAL) != 0;
    atom_release(source, &view);
    return PBASE_OK;
}

pbase_status tree_walk(atom_source *source, atom_ref root, bool positional,
                       const tree_visitor *visitor, pbase_error *err)
{
    walk self = {source, visitor, positional, 0};
    return walk_tree(&self, root, err);
}
