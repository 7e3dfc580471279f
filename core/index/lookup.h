/* lookup.h - reading an index: rows by ranges of entries, in either direction, observed as exactly as
 * conflicts need it.
 *
 * Threads: a walk is confined. */
#ifndef PROTOBASE_INDEX_LOOKUP_H
#define PROTOBASE_INDEX_LOOKUP_H
#include "collection/context.h"
#include "collection/tree_cursor.h"
#include "index/definition.h"
#include "index/range.h"

/* Goes through one range. Backwards, entries of equal values still come in the order of their rows,
 * as a stable sort would have them. */
typedef struct {
    const index_definition *definition; /* borrowed, like the next three, until fini */
    read_observer *reads;               /* NULL: nobody listens */
    index_range range;
    bool is_reverse;
    uint8_t state;      /* where it stands: lookup.c */
    bool is_observed;   /* `observed` has been begun */
    uint64_t observed;  /* the observer's name of it */
    pbase_buffer group; /* backwards: the elements of the entries being given */
    tree_cursor at;
} index_walk;
void index_walk_init(index_walk *self, const index_definition *definition, const tree *entries,
                     const index_range *range, bool is_reverse, read_observer *reads,
                     const pbase_alloc *alloc);
void index_walk_fini(index_walk *self);
/* The row of the next entry, lent until the next call. END when none is left. CORRUPT: not an entry. */
PBASE_MUST_CHECK pbase_status index_walk_next(index_walk *self, pbase_bytes *out_row,
                                              pbase_error *err);

#endif
