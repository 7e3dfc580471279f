/* marks.h - which atoms of which segments something reaches, and which blocks they lie in.
 *
 * A bit for each place of a segment where an atom may begin: 128 KiB for 64 MiB; and a bit for each
 * block that a marked atom touches: 2 KiB for 64 MiB. Atoms of segments that are not in the table, and
 * atoms in memory, are remembered one by one, so that no tree that several roots share is walked
 * twice.
 *
 * Threads: confined. */
#ifndef PROTOBASE_TXN_MARKS_H
#define PROTOBASE_TXN_MARKS_H
#include "atom/ref_set.h"
#include <protobase/plugin/storage.h>

#define MARKS_BLOCK_BYTES 4096u /* what can be given back of a segment: whole blocks */

typedef struct {
    uint32_t log_id;
    bool is_sealed;        /* nobody adds to it; else atoms behind `bytes` are not of this table */
    uint64_t bytes;        /* of the segment, when it was listed */
    bool is_foreign;       /* another process adds to it, or did before it died */
    uint64_t held_bytes;   /* of the device; 0: not known */
    bool is_punched;       /* blocks of it were given back since */
    bool is_retired;       /* it was, since */
    uint64_t live_bytes;   /* of atoms that were marked, with their headers */
    uint64_t pinned_bytes; /* of those that were marked while it was pinning */
    uint64_t
        *begins; /* a bit per PBASE_ATOM_ALIGN bytes: an atom that was marked; NULL: none yet */
    uint64_t *blocks; /* a bit per MARKS_BLOCK_BYTES that one touches; NULL like `begins` */
} segment_marks;

typedef struct {
    const pbase_alloc *alloc;
    segment_marks *items; /* by log id, ascending */
    size_t count, capacity;
    ref_set others; /* marked, and in none of them */
    bool
        is_pinning; /* what is marked now may be reached for long, and not by the newest state alone */
} marks;

void marks_init(marks *self, const pbase_alloc *alloc);
void marks_fini(marks *self);
/* Adds a segment; log ids ascend. */
PBASE_MUST_CHECK pbase_status marks_add_segment(marks *self, const pbase_segment_info *info,
                                                pbase_error *err);
/* NULL: it is not in the table. */
segment_marks *marks_segment(marks *self, uint32_t log_id);
/* Marks an atom; `*out_first`: it was not marked. `*out_segment`: that it lies in, NULL: in none of the
 * table. CORRUPT: it is said to lie behind the end of its segment. */
PBASE_MUST_CHECK pbase_status marks_add(marks *self, atom_ref ref, bool *out_first,
                                        segment_marks **out_segment, pbase_error *err);
/* Whether an atom was marked, or lies in no segment of the table, or behind its end. */
bool marks_has(marks *self, atom_ref ref);
/* Counts the `bytes` of an atom at `offset` that was marked first, and the blocks they touch. */
void marks_cover(const marks *self, segment_marks *segment, uint64_t offset, uint64_t bytes);

/* Bytes of the blocks that cannot be given back: something alive or the segment's header touches
 * them, or they are not whole. */
uint64_t marks_live_block_bytes(const segment_marks *segment);
/* The first run of whole blocks from `*offset` on in which nothing is alive: from `*offset` on,
 * `*out_bytes`; false when there is none. */
bool marks_dead_run(const segment_marks *segment, uint64_t *offset, uint64_t *out_bytes);

#endif
