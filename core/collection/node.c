/* node.c - the parts of a node, and lending one from a source. */
#include "collection/node.h"

#include <inttypes.h>

/* A leaf entry up to where its sizes are known. */
typedef struct {
    uint8_t first; /* kind and NODE_ENTRY_SPELLED */
    uint32_t tail_size, value_size, spelling_size;
    const uint8_t *body; /* tail, spelling, value */
} leaf_entry;

static leaf_entry leaf_entry_at(const node *self, uint32_t index)
{
    const uint8_t *at = node_entry_at(self, index);
    if (node_even(self)) {
        return (leaf_entry){NODE_VALUE_INLINE, self->tail_size, self->value_size, 0, at};
    }
    leaf_entry entry = {.first = *at++};
    if (!node_positional(self)) {
        entry.tail_size = node_varint(&at);
    }
    entry.value_size = node_varint(&at);
    if ((entry.first & NODE_ENTRY_SPELLED) != 0) {
        entry.spelling_size = node_varint(&at);
    }
    entry.body = at;
    return entry;
}

/* Key of a keyed inner entry after the prefix. */
static pbase_bytes inner_tail(const node *self, uint32_t index)
{
    const uint8_t *at = node_child_entry(self, index) + NODE_CHILD_BYTES;
    uint32_t size = node_varint(&at);
    return pbase_bytes_of(at, size);
}

pbase_bytes node_tail(const node *self, uint32_t index)
{
    if (self->level != 0) {
        return inner_tail(self, index);
    }
    leaf_entry entry = leaf_entry_at(self, index);
    return pbase_bytes_of(entry.body, entry.tail_size);
}

static void leaf_entry_read(const node *self, uint32_t index, node_entry *out)
{
    leaf_entry entry = leaf_entry_at(self, index);
    const uint8_t *start = node_entry_at(self, index);
    const uint8_t *spelling = entry.body + entry.tail_size;
    const uint8_t *value = spelling + entry.spelling_size;
    out->tail = pbase_bytes_of(entry.body, entry.tail_size);
    out->spelling = pbase_bytes_of(spelling, entry.spelling_size);
    out->kind = entry.first & NODE_VALUE_KIND_MASK;
    out->bytes = pbase_bytes_of(value, entry.value_size);
    out->raw = pbase_bytes_of(start, (size_t)(value - start) + entry.value_size);
    out->even = node_even(self);
    if (out->kind == NODE_VALUE_INLINE) {
        return;
    }
    out->ref = pbase_get_u64(value);
    if (out->kind == NODE_VALUE_LARGE) {
        out->length = pbase_get_u32(value + 8);
        out->bytes = pbase_bytes_of(NULL, 0);
    } else {
        out->tree_kind = value[8];
        out->bytes = pbase_bytes_of(value + NODE_TREE_BYTES, entry.value_size - NODE_TREE_BYTES);
    }
}

void node_entry_read(const node *self, uint32_t index, node_entry *out)
{
    memset(out, 0, sizeof *out);
    out->lead = node_prefix(self);
    if (self->level == 0) {
        leaf_entry_read(self, index, out);
        return;
    }
    const uint8_t *start = node_child_entry(self, index);
    const uint8_t *end = start + NODE_CHILD_BYTES;
    out->child = node_child_at(self, index);
    if (!node_positional(self)) {
        out->tail = inner_tail(self, index);
        end = out->tail.data + out->tail.size;
    }
    out->raw = pbase_bytes_of(start, (size_t)(end - start));
}

node_child node_child_of(atom_ref ref, const node *self)
{
    node_child child = {ref, node_total(self), atom_ref_is_stored(ref) ? self->size : 0,
                        self->flags & (NODE_OWNS | NODE_ROW | NODE_PATCH)};
    return child;
}

void node_child_put(uint8_t *entry, const node_child *child)
{
    pbase_put_u64(entry + NODE_CHILD_REF, child->ref);
    pbase_put_u64(entry + NODE_CHILD_COUNT, child->count);
    pbase_put_u32(entry + NODE_CHILD_SIZE, child->size);
    entry[NODE_CHILD_FLAGS] = child->flags;
}

const uint8_t *node_ref_at(const node *self, uint32_t index)
{
    if (self->level != 0) {
        return node_child_entry(self, index) + NODE_CHILD_REF;
    }
    leaf_entry entry = leaf_entry_at(self, index);
    return (entry.first & NODE_VALUE_KIND_MASK) == NODE_VALUE_INLINE
               ? NULL
               : entry.body + entry.tail_size + entry.spelling_size;
}

int node_key_compare(const node *self, uint32_t index, pbase_bytes key)
{
    pbase_bytes prefix = node_prefix(self);
    size_t shared = key.size < prefix.size ? key.size : prefix.size;
    int order = shared == 0 ? 0 : memcmp(prefix.data, key.data, shared);
    if (order != 0 || key.size < prefix.size) {
        return order != 0 ? order : 1;
    }
    return pbase_bytes_compare(node_tail(self, index),
                               pbase_bytes_of(key.data + prefix.size, key.size - prefix.size));
}

pbase_status node_key_append(const node *self, uint32_t index, pbase_buffer *out, pbase_error *err)
{
    pbase_bytes prefix = node_prefix(self), tail = node_tail(self, index);
    pbase_status status = pbase_buffer_reserve(out, prefix.size + tail.size, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(out, prefix, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(out, tail, err);
    }
    return status;
}

uint32_t node_live_size(const node *self)
{
    uint32_t heap = pbase_get_u32(self->payload + NODE_AT_HEAP);
    uint32_t dead = pbase_get_u32(self->payload + NODE_AT_DEAD);
    return NODE_HEADER_BYTES + node_prefix_room(self->prefix_size) +
           self->count * node_index_bytes(self) + (self->size - heap - dead);
}

/* ------------------------------------------------------------------------------- access ------- */

void node_refuse(atom_source *source, const node_said *said, bool positional, atom_view *view,
                 pbase_error *err)
{
    const char *why = "does not hold as many entries as its parent says";
    if ((view->type != ATOM_NODE && view->type != ATOM_PATCH) || view->size < NODE_HEADER_BYTES) {
        why = "is not a node";
    } else if (((view->payload[NODE_AT_FLAGS] & NODE_POSITIONAL) != 0) != positional) {
        why = "belongs to another kind of collection";
    } else if (said->level >= 0 && view->payload[NODE_AT_LEVEL] + 1 != said->level) {
        why = "is not of the level below its parent's";
    }
    atom_release(source, view);
    (void)PBASE_FAIL(err, PBASE_CORRUPT, "the node at %#" PRIx64 ", child %" PRIu32 ", %s",
                     atom_ref_is_stored(said->ref) ? atom_ref_pointer(said->ref) : 0, said->index,
                     why); /* the caller returns it */
}

pbase_status node_large_acquire(atom_source *source, atom_ref ref, uint32_t length, atom_view *view,
                                pbase_error *err)
{
    pbase_status status = atom_acquire(source, ref, view, err);
    if (status == PBASE_OK && (view->type != ATOM_VALUE || view->size != length)) {
        atom_release(source, view);
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "the atom at %#" PRIx64 " is not the value of %" PRIu32
                            " bytes that its node says",
                            atom_ref_is_stored(ref) ? atom_ref_pointer(ref) : 0, length);
    }
    return status;
}
