/* memory_atoms.h - atoms in segments of memory that never move while they grow.
 *
 * Threads: confined; the storage's mutex guards it. Mapped bytes may be read by anybody. */
#ifndef PBASE_MEMORY_ATOMS_H
#define PBASE_MEMORY_ATOMS_H
#include "memory_budget.h"

#include <protobase/plugin/storage.h>

typedef struct memory_segment memory_segment; /* fields in memory_atoms.c */

typedef struct {
    memory_budget *budget;    /* borrowed */
    uint64_t segment_bytes;   /* a new segment has at most this capacity, if its atom fits */
    memory_segment *segments; /* in order of log id */
    size_t segment_count;
    size_t segment_capacity;
    uint32_t active;       /* log id being filled, 0: none */
    uint32_t next_log_id;  /* never used so far */
    uint64_t stored_bytes; /* atoms and padding, over all segments */
} memory_atoms;

void memory_atoms_init(memory_atoms *atoms, memory_budget *budget, uint64_t segment_bytes);
void memory_atoms_fini(memory_atoms *atoms);

/* As the slots of pbase_storage_atom_ops and pbase_storage_segment_ops. */
PBASE_MUST_CHECK pbase_status memory_atoms_write(memory_atoms *atoms, const pbase_bytes *list,
                                                 size_t count, pbase_atom_pointer *out,
                                                 pbase_error *err);
PBASE_MUST_CHECK pbase_status memory_atoms_view(const memory_atoms *atoms, uint32_t log_id,
                                                pbase_atom_map *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status memory_atoms_reserve(memory_atoms *atoms, uint32_t *out_log_id,
                                                   pbase_error *err);
PBASE_MUST_CHECK pbase_status memory_atoms_put(memory_atoms *atoms, uint32_t log_id,
                                               pbase_bytes bytes, pbase_error *err);
PBASE_MUST_CHECK pbase_status memory_atoms_retire(memory_atoms *atoms, uint32_t log_id,
                                                  pbase_error *err);
/* The segment with the smallest id above `log_id`; false when there is none. */
bool memory_atoms_next(const memory_atoms *atoms, uint32_t log_id, pbase_segment_info *out);

#endif
