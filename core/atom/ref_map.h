/* ref_map.h - from one reference to an atom to another: open addressing, grown by doubling.
 *
 * Threads: confined while it is filled, immutable afterwards. */
#ifndef PROTOBASE_ATOM_REF_MAP_H
#define PROTOBASE_ATOM_REF_MAP_H
#include "atom/atom.h"
#include <protobase/base/alloc.h>
#include <protobase/base/error.h>

typedef struct {
    atom_ref from; /* ATOM_REF_NONE: a free place */
    atom_ref to;
} ref_pair;

typedef struct {
    const pbase_alloc *alloc;
    ref_pair *pairs;
    size_t count, capacity;
} ref_map;

void ref_map_init(ref_map *self, const pbase_alloc *alloc);
void ref_map_fini(ref_map *self);
/* `from` is not ATOM_REF_NONE and not in the map yet. NO_MEMORY: it still is not. */
PBASE_MUST_CHECK pbase_status ref_map_add(ref_map *self, atom_ref from, atom_ref to,
                                          pbase_error *err);
/* False: it is not in the map; `out` is untouched. */
bool ref_map_find(const ref_map *self, atom_ref from, atom_ref *out);

#endif
