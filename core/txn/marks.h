/* marks.h - which atoms of which segments something reaches.
 *
 * A bit for each place of a segment where an atom may begin: 128 KiB for 64 MiB. Atoms of segments
 * that are not in the table, and atoms in memory, are remembered one by one, so that no tree that
 * several roots share is walked twice.
 *
 * Threads: confined. */
#ifndef PROTOBASE_TXN_MARKS_H
#define PROTOBASE_TXN_MARKS_H
#include "atom/ref_set.h"
#include <protobase/plugin/storage.h>

typedef struct {
    uint32_t log_id;
    uint64_t bytes;      /* of the segment */
    uint64_t live_bytes; /* of atoms that were marked, with their headers */
    uint64_t
        *begins; /* a bit per PBASE_ATOM_ALIGN bytes: an atom that was marked; NULL: none yet */
} segment_marks;

typedef struct {
    const pbase_alloc *alloc;
    segment_marks *items; /* by log id, ascending */
    size_t count, capacity;
    ref_set others; /* marked, and in none of them */
} marks;

void marks_init(marks *self, const pbase_alloc *alloc);
void marks_fini(marks *self);
/* Adds a segment; log ids ascend. */
PBASE_MUST_CHECK pbase_status marks_add_segment(marks *self, uint32_t log_id, uint64_t bytes,
                                                pbase_error *err);
/* Marks an atom with `payload_bytes`; `*out_first`: it was not marked. */
PBASE_MUST_CHECK pbase_status marks_add(marks *self, atom_ref ref, uint32_t payload_bytes,
                                        bool *out_first, pbase_error *err);

#endif
