/* snapshot.h - what a pbase_snapshot is inside.
 * Closing one leaves it with the space, so that opening the next one takes no memory and no lock; what
 * it found is still true when the next one sees the same database in the same state.
 * Threads: immutable after opening. */
#ifndef PROTOBASE_SPACE_SNAPSHOT_H
#define PROTOBASE_SPACE_SNAPSHOT_H
#include "space/space_private.h"
#include "txn/child_view.h"
#include "txn/root_view.h"

struct pbase_snapshot {
    pbase_space *space;         /* borrowed */
    engine_snapshot place;      /* with its state; entered for as long as the memory lasts */
    child_view children;        /* collections in collections, as of the state */
    collection_context context; /* of handles: nobody listens, nothing may be changed */
    root_view view;
    collection_idle idle; /* a handle on what was asked for last */
    /* What `view` and `idle` are of; 0: of nothing that may be met again. */
    uint64_t state_number, database_number;
};

/* A snapshot of `state`, whose count it takes also on failure; NULL: of the newest. It sees no
 * collections yet. */
PBASE_MUST_CHECK pbase_status snapshot_create(pbase_space *space, space_state *state,
                                              pbase_snapshot **out, pbase_error *err);
/* What it sees: the collections of a database in its state. */
void snapshot_see(pbase_snapshot *self, atom_ref collections);

/* Ends those that are kept; none is open. */
void snapshots_end(pbase_space *space);

#endif
