/* marks.c - tables of bits, one per segment. */
#include "txn/marks.h"

#include "store/atom_format.h"
#include <inttypes.h>

void marks_init(marks *self, const pbase_alloc *alloc)
{
    *self = (marks){.alloc = alloc};
    ref_set_init(&self->others, alloc);
}

static size_t words_of(const segment_marks *segment)
{
    return (size_t)(segment->bytes / PBASE_ATOM_ALIGN / 64 + 1);
}

void marks_fini(marks *self)
{
    for (size_t i = 0; i < self->count; i++) {
        pbase_alloc_free(self->alloc, self->items[i].begins,
                         words_of(&self->items[i]) * sizeof(uint64_t));
    }
    pbase_alloc_free(self->alloc, self->items, self->capacity * sizeof *self->items);
    ref_set_fini(&self->others);
    marks_init(self, self->alloc);
}

pbase_status marks_add_segment(marks *self, uint32_t log_id, uint64_t bytes, pbase_error *err)
{
    PBASE_ASSERT(self->count == 0 || self->items[self->count - 1].log_id < log_id);
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
    self->items[self->count++] = (segment_marks){.log_id = log_id, .bytes = bytes};
    return PBASE_OK;
}

static segment_marks *find(marks *self, uint32_t log_id)
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

static pbase_status mark_in(marks *self, segment_marks *segment, uint64_t offset,
                            uint32_t payload_bytes, bool *out_first, pbase_error *err)
{
    uint64_t bit = offset / PBASE_ATOM_ALIGN;
    if (offset >= segment->bytes) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "an atom is said to lie at byte %" PRIu64 " of segment %" PRIu32
                          ", which has %" PRIu64,
                          offset, segment->log_id, segment->bytes);
    }
    if (segment->begins == NULL) {
        segment->begins = pbase_alloc_zeroed(self->alloc, words_of(segment), sizeof(uint64_t));
    }
    if (segment->begins == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to mark what is alive");
    }
    uint64_t *word = &segment->begins[bit / 64], mask = (uint64_t)1 << (bit % 64);
    *out_first = (*word & mask) == 0;
    if (*out_first) {
        *word |= mask;
        segment->live_bytes +=
            ((uint64_t)payload_bytes + ATOM_HEADER_BYTES + PBASE_ATOM_ALIGN - 1) /
            PBASE_ATOM_ALIGN * PBASE_ATOM_ALIGN;
    }
    return PBASE_OK;
}

pbase_status marks_add(marks *self, atom_ref ref, uint32_t payload_bytes, bool *out_first,
                       pbase_error *err)
{
    segment_marks *segment = NULL;
    if (atom_ref_is_stored(ref)) {
        segment = find(self, pbase_atom_pointer_log(atom_ref_pointer(ref)));
    }
    return segment == NULL
               ? ref_set_add(&self->others, ref, out_first, err)
               : mark_in(self, segment, pbase_atom_pointer_offset(atom_ref_pointer(ref)),
                         payload_bytes, out_first, err);
}
