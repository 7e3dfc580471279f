/* tree_batch.c - laid out, leaving, landed. */
#include "collection/tree_batch.h"

void tree_batch_init(tree_batch *self, const pbase_alloc *alloc)
{
    self->laid.count = self->leaving.count = 0;
    self->has_begun = false;
    pbase_buffer_init(&self->laid.bytes, alloc);
    pbase_buffer_init(&self->leaving.bytes, alloc);
}

void tree_batch_fini(tree_batch *self, const atom_writer *writer)
{
    if (self->has_begun) {
        atom_writing_wait(writer, &self->writing);
    }
    pbase_buffer_fini(&self->laid.bytes);
    pbase_buffer_fini(&self->leaving.bytes);
}

bool tree_batch_full(const tree_batch *self, uint32_t size)
{
    return self->laid.count == TREE_BATCH_NODES ||
           (self->laid.count > 0 && self->laid.bytes.size + size > TREE_BATCH_BYTES);
}

pbase_status tree_batch_reserve(tree_batch *self, uint32_t size, pbase_error *err)
{
    return pbase_buffer_reserve(&self->laid.bytes, size, err);
}

uint8_t *tree_batch_add(tree_batch *self, uint32_t size)
{
    batch_nodes *laid = &self->laid;
    uint8_t *payload = laid->bytes.data + laid->bytes.size;
    PBASE_ASSERT(size <= laid->bytes.capacity - laid->bytes.size);
    laid->bytes.size += size;
    laid->sizes[laid->count++] = size;
    return payload;
}

void tree_batch_leave(tree_batch *self, const atom_writer *writer)
{
    batch_nodes *leaving = &self->leaving;
    PBASE_ASSERT(leaving->count == 0 && !self->has_begun);
    pbase_buffer emptied = leaving->bytes;
    *leaving = self->laid;
    self->laid.bytes = emptied;
    self->laid.bytes.size = 0;
    self->laid.count = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < leaving->count; i++) {
        self->types[i] = ATOM_NODE;
        self->payloads[i] = pbase_bytes_of(leaving->bytes.data + at, leaving->sizes[i]);
        at += leaving->sizes[i];
    }
    self->writing.types = self->types;
    self->writing.payloads = self->payloads;
    self->writing.count = leaving->count;
    self->writing.out = self->places;
    atomic_init(&self->writing.is_done, false);
    self->has_begun = writer->begin != NULL && writer->begin(writer->state, &self->writing);
}

bool tree_batch_ready(const tree_batch *self)
{
    return !self->has_begun || atom_writing_done(&self->writing);
}

/* What came of the write beside. */
static pbase_status written_beside(tree_batch *self, const atom_writer *writer, pbase_error *err)
{
    atom_writing_wait(writer, &self->writing);
    self->has_begun = false;
    if (self->writing.status != PBASE_OK && err != NULL) {
        *err = self->writing.error;
    }
    return self->writing.status;
}

pbase_status tree_batch_land(tree_batch *self, const atom_writer *writer, uint32_t *out_count,
                             pbase_error *err)
{
    uint32_t count = self->leaving.count;
    pbase_status status = PBASE_OK;
    if (self->has_begun) {
        status = written_beside(self, writer, err);
    } else if (count > 0) {
        status =
            writer->write(writer->state, self->types, self->payloads, count, self->places, err);
    }
    if (status == PBASE_OK) {
        self->leaving.count = 0;
        *out_count = count;
    }
    return status;
}
