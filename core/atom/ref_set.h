/* ref_set.h - a set of references to atoms: open addressing, grown by doubling.
 *
 * Threads: confined. */
#ifndef PROTOBASE_ATOM_REF_SET_H
#define PROTOBASE_ATOM_REF_SET_H
#include "atom/atom.h"
#include <protobase/base/alloc.h>
#include <protobase/base/error.h>

typedef struct {
    const pbase_alloc *alloc;
    atom_ref *refs; /* ATOM_REF_NONE: a free place */
    size_t count, capacity;
} ref_set;

void ref_set_init(ref_set *self, const pbase_alloc *alloc);
void ref_set_fini(ref_set *self);
/* `ref` is not ATOM_REF_NONE. `*out_first`: it was not in the set. NO_MEMORY: it still is not. */
PBASE_MUST_CHECK pbase_status ref_set_add(ref_set *self, atom_ref ref, bool *out_first,
                                          pbase_error *err);
bool ref_set_has(const ref_set *self, atom_ref ref);

#endif
