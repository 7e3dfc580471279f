/* marks.c - tables of bits, two per segment. */
#include "txn/marks.h"

#include <inttypes.h>

void marks_init(marks *self, const pbase_alloc *alloc)
{
    *self = (marks){.alloc = alloc};
    ref_set_init(&self->others, alloc);
}

static size_t begin_words(const segment_marks *segment)
{
    return (size_t)(segment->bytes / PBASE_ATOM_ALIGN / 64 + 1);
}

static size_t block_words(const segment_marks *segment)
{
    return (size_t)(segment->bytes / MARKS_BLOCK_BYTES / 64 + 1);
}

void marks_fini(marks *self)
{
    for (size_t i = 0; i < self->count; i++) {
        segment_marks *segment = &self->items[i];
        pbase_alloc_free(self->alloc, segment->begins,
                         begin_words(segment) * sizeof *segment->begins);
        pbase_alloc_free(self->alloc, segment->blocks,
                         block_words(segment) * sizeof *segment->blocks);
    }
    pbase_alloc_free(self->alloc, self->items, self->capacity * sizeof *self->items);
    ref_set_fini(&self->others);
    marks_init(self, self->alloc);
}

pbase_status marks_add_segment(marks *self, const pbase_segment_info *info, pbase_error *err)
{
    PBASE_ASSERT(self->count == 0 || self->items[self->count - 1].log_id < info->log_id);
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 16 : self->capacity * 2;
        segment_marks *items = self->alloc->resize(
            self->alloc, self->items, self->capacity * sizeof *items, capacity * sizeof *items);
        if (items == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the list of segments");
        }
        self->items = items;
        self->capacity = capacity;
    }
    self->items[self->count++] =
        (segment_marks){.log_id = info->log_id,
                        .is_sealed = (info->sealed & PBASE_SEGMENT_SEALED) != 0,
                        .is_foreign = info->sealed == PBASE_SEGMENT_LOOSE,
                        .bytes = info->size_bytes,
                        .held_bytes = info->held_bytes};
    return PBASE_OK;
}

segment_marks *marks_segment(marks *self, uint32_t log_id)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->items[middle].log_id < log_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < self->count && self->items[low].log_id == log_id ? &self->items[low] : NULL;
}

/* Makes the two tables of a segment in which the first atom is marked. */
static pbase_status bits_ensure(marks *self, segment_marks *segment, pbase_error *err)
{
    if (segment->begins == NULL) {
        segment->begins =
            pbase_alloc_zeroed(self->alloc, begin_words(segment), sizeof *segment->begins);
    }
    if (segment->blocks == NULL) {
        segment->blocks =
            pbase_alloc_zeroed(self->alloc, block_words(segment), sizeof *segment->blocks);
    }
    return segment->begins != NULL && segment->blocks != NULL
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to mark what is alive");
}

static pbase_status mark_in(marks *self, segment_marks *segment, uint64_t offset, bool *out_first,
                            pbase_error *err)
{
    if (offset >= segment->bytes) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "an atom is said to lie at byte %" PRIu64 " of segment %" PRIu32
                          ", which has %" PRIu64,
                          offset, segment->log_id, segment->bytes);
    }
    pbase_status status = bits_ensure(self, segment, err);
    if (status != PBASE_OK) {
        return status;
    }
    uint64_t bit = offset / PBASE_ATOM_ALIGN;
    uint64_t *word = &segment->begins[bit / 64], mask = (uint64_t)1 << (bit % 64);
    *out_first = (*word & mask) == 0;
    *word |= mask;
    return PBASE_OK;
}

pbase_status marks_add(marks *self, atom_ref ref, bool *out_first, segment_marks **out_segment,
                       pbase_error *err)
{
    segment_marks *segment = NULL;
    uint64_t offset = 0;
    if (atom_ref_is_stored(ref)) {
        segment = marks_segment(self, pbase_atom_pointer_log(atom_ref_pointer(ref)));
        offset = pbase_atom_pointer_offset(atom_ref_pointer(ref));
    }
    if (segment != NULL && !segment->is_sealed && offset >= segment->bytes) {
        segment = NULL; /* written since it was listed */
    }
    *out_segment = segment;
    return segment == NULL ? ref_set_add(&self->others, ref, out_first, err)
                           : mark_in(self, segment, offset, out_first, err);
}

bool marks_has(marks *self, atom_ref ref)
{
    segment_marks *segment =
        atom_ref_is_stored(ref) ? marks_segment(self, pbase_atom_pointer_log(atom_ref_pointer(ref)))
                                : NULL;
    uint64_t offset = segment == NULL ? 0 : pbase_atom_pointer_offset(atom_ref_pointer(ref));
    if (segment == NULL || offset >= segment->bytes) {
        return true;
    }
    uint64_t bit = offset / PBASE_ATOM_ALIGN;
    return segment->begins != NULL && (segment->begins[bit / 64] >> (bit % 64) & 1u) != 0;
}

void marks_cover(const marks *self, segment_marks *segment, uint64_t offset, uint64_t bytes)
{
    uint64_t end = offset + (bytes + PBASE_ATOM_ALIGN - 1) / PBASE_ATOM_ALIGN * PBASE_ATOM_ALIGN;
    end = end < segment->bytes ? end : segment->bytes;
    PBASE_ASSERT(segment->blocks != NULL && offset < end);
    segment->live_bytes += end - offset;
    segment->pinned_bytes += self->is_pinning ? end - offset : 0;
    for (uint64_t i = offset / MARKS_BLOCK_BYTES; i <= (end - 1) / MARKS_BLOCK_BYTES; i++) {
        segment->blocks[i / 64] |= (uint64_t)1 << (i % 64);
    }
}

/* --------------------------------------------------------------------------------- blocks ----- */

/* The first one holds the segment's header. */
static bool is_live(const segment_marks *segment, uint64_t block)
{
    return block == 0 ||
           (segment->blocks != NULL && (segment->blocks[block / 64] >> (block % 64) & 1u) != 0);
}

uint64_t marks_live_block_bytes(const segment_marks *segment)
{
    uint64_t whole = segment->bytes / MARKS_BLOCK_BYTES, blocks = 0;
    for (uint64_t i = 0; i < whole; i++) {
        blocks += is_live(segment, i);
    }
    blocks += segment->bytes % MARKS_BLOCK_BYTES != 0;
    return blocks * MARKS_BLOCK_BYTES;
}

bool marks_dead_run(const segment_marks *segment, uint64_t *offset, uint64_t *out_bytes)
{
    uint64_t whole = segment->bytes / MARKS_BLOCK_BYTES;
    uint64_t from = (*offset + MARKS_BLOCK_BYTES - 1) / MARKS_BLOCK_BYTES;
    while (from < whole && is_live(segment, from)) {
        from++;
    }
    uint64_t to = from;
    while (to < whole && !is_live(segment, to)) {
        to++;
    }
    *offset = from * MARKS_BLOCK_BYTES;
    *out_bytes = (to - from) * MARKS_BLOCK_BYTES;
    return to > from;
}
