/* stored_children.c - lists of children at the head of stored values. */
#include "collection/stored_children.h"

#include <inttypes.h>
#include <protobase/base/limits.h>

#define HAS_CHILDREN 1u

bool stored_children_begin(pbase_bytes stored, stored_children *out)
{
    out->at = pbase_reader_bytes_of(stored);
    out->count = out->left = 0;
    bool ok = pbase_read_varint(&out->at, &out->head) && (out->head & HAS_CHILDREN) != 0 &&
              pbase_read_varint(&out->at, &out->count) && out->count <= PBASE_CHILDREN_MAX;
    out->count = ok ? out->count : 0;
    out->left = out->count;
    return out->left > 0;
}

bool stored_children_announced(pbase_bytes stored)
{
    return stored.size > 0 && (stored.data[0] & HAS_CHILDREN) != 0; /* the low bit of a varint */
}

bool stored_children_next(stored_children *self, stored_child *out)
{
    if (self->left == 0) {
        return false;
    }
    bool ok = pbase_read_u8(&self->at, &out->kind) &&
              pbase_read_varint(&self->at, &out->id.sequence) &&
              pbase_read_varint(&self->at, &out->id.ordinal);
    self->left -= ok ? 1 : 0;
    return ok;
}

bool stored_child_at(pbase_bytes stored, uint64_t n, stored_child *out)
{
    stored_children list;
    if (!stored_children_begin(stored, &list) || n >= list.count) {
        return false;
    }
    bool ok = true;
    for (uint64_t i = 0; ok && i <= n; i++) {
        ok = stored_children_next(&list, out);
    }
    return ok;
}

bool stored_is_child(pbase_bytes stored)
{
    stored_children list;
    return stored_children_begin(stored, &list) && list.head == HAS_CHILDREN;
}

pbase_status stored_children_write(uint64_t head, const stored_child *children, size_t count,
                                   pbase_bytes rest, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_varint(out, head | HAS_CHILDREN, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, count, err);
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = pbase_buffer_append_u8(out, children[i].kind, err);
        if (status == PBASE_OK) {
            status = pbase_buffer_append_varint(out, children[i].id.sequence, err);
        }
        if (status == PBASE_OK) {
            status = pbase_buffer_append_varint(out, children[i].id.ordinal, err);
        }
    }
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, rest, err) : status;
}

static pbase_status cut(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_CORRUPT, "a stored value's list of children is cut");
}

pbase_status stored_children_resolve(pbase_bytes stored, uint64_t sequence, pbase_buffer *out,
                                     pbase_error *err)
{
    stored_children list;
    stored_child child;
    if (!stored_children_begin(stored, &list)) {
        return cut(err);
    }
    pbase_status status = pbase_buffer_append_varint(out, list.head, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, list.count, err);
    }
    while (status == PBASE_OK && stored_children_next(&list, &child)) {
        uint64_t made_by = child.id.sequence == 0 ? sequence : child.id.sequence;
        if (child.id.ordinal == 0) {
            return PBASE_FAIL(err, PBASE_CORRUPT,
                              "a stored value names collection (%" PRIu64 ", 0)",
                              child.id.sequence);
        }
        status = pbase_buffer_append_u8(out, child.kind, err);
        if (status == PBASE_OK) {
            status = pbase_buffer_append_varint(out, made_by, err);
        }
        if (status == PBASE_OK) {
            status = pbase_buffer_append_varint(out, child.id.ordinal, err);
        }
    }
    if (status == PBASE_OK && list.left > 0) {
        return cut(err);
    }
    return status == PBASE_OK
               ? pbase_buffer_append(out, list.at.at, pbase_reader_bytes_left(&list.at), err)
               : status;
}
