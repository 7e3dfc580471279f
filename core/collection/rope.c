/* rope.c - chunks by position. */
#include "collection/rope.h"

#include "collection/collection_private.h"

static pbase_status chunk_at(const collection *self, uint64_t index, tree_item *out,
                             bool *out_found, pbase_error *err)
{
    pbase_status status = tree_at(&self->tree, index, out, out_found, err);
    if (status != PBASE_OK || !*out_found) {
        return status;
    }
    size_t size = out->value.bytes.size;
    if (out->value.kind != TREE_VALUE_BYTES || size == 0 || size > ROPE_CHUNK_BYTES) {
        tree_item_release(self->context->source, out);
        *out_found = false;
        return PBASE_FAIL(err, PBASE_CORRUPT, "chunk %" PRIu64 " of a blob has %zu bytes", index,
                          size);
    }
    return PBASE_OK;
}

pbase_status rope_size(const collection *self, uint64_t *out, pbase_error *err)
{
    tree_item last;
    bool found = false;
    uint64_t count = 0;
    *out = 0;
    pbase_status status = collection_count(self, &count, err);
    if (status == PBASE_OK && count > 0) {
        status = chunk_at(self, count - 1, &last, &found, err);
    }
    if (found) {
        *out = (count - 1) * ROPE_CHUNK_BYTES + last.value.bytes.size;
        tree_item_release(self->context->source, &last);
    }
    return status;
}

pbase_status rope_append(collection *self, pbase_bytes chunk, pbase_error *err)
{
    change operation = {.op = CHANGE_ROPE_APPEND, .value = chunk};
    pbase_status status = collection_edit_check(self, err);
    return status == PBASE_OK ? collection_change(self, &operation, err) : status;
}

pbase_status rope_replace_last(collection *self, pbase_bytes chunk, pbase_error *err)
{
    uint64_t count = 0;
    pbase_status status = collection_edit_check(self, err);
    if (status == PBASE_OK) {
        status = tree_count(&self->tree, &count, err);
    }
    change operation = {.op = CHANGE_ROPE_SET, .index = count - 1, .value = chunk};
    return status == PBASE_OK ? collection_change(self, &operation, err) : status;
}

pbase_status rope_read(const collection *self, uint64_t offset, uint8_t *out, size_t size,
                       size_t *out_got, pbase_error *err)
{
    uint64_t count = 0;
    size_t got = 0;
    pbase_status status = collection_count(self, &count, err);
    while (status == PBASE_OK && got < size) {
        tree_item item;
        bool found = false;
        uint64_t index = (offset + got) / ROPE_CHUNK_BYTES;
        size_t from = (size_t)((offset + got) % ROPE_CHUNK_BYTES);
        status = chunk_at(self, index, &item, &found, err);
        if (!found) {
            break;
        }
        pbase_bytes chunk = item.value.bytes;
        if (chunk.size < ROPE_CHUNK_BYTES && index + 1 < count) {
            status = PBASE_FAIL(err, PBASE_CORRUPT, "chunk %" PRIu64 " of a blob is short", index);
        } else if (from < chunk.size) {
            size_t part = chunk.size - from < size - got ? chunk.size - from : size - got;
            memcpy(out + got, chunk.data + from, part);
            got += part;
        }
        bool ended = from >= chunk.size || chunk.size < ROPE_CHUNK_BYTES;
        tree_item_release(self->context->source, &item);
        if (ended) {
            break;
        }
    }
    *out_got = got;
    return collection_noted(self, status, err);
}
