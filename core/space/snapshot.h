/* snapshot.h - what a pbase_snapshot is inside.
 * Threads: immutable after opening. */
#ifndef PROTOBASE_SPACE_SNAPSHOT_H
#define PROTOBASE_SPACE_SNAPSHOT_H
#include "space/space_private.h"
#include "txn/child_view.h"
#include "txn/root_view.h"

struct pbase_snapshot {
    pbase_space *space;         /* borrowed */
    engine_snapshot place;      /* with its state, among the open ones */
    child_view children;        /* collections in collections, as of the state */
    collection_context context; /* of handles: nobody listens, nothing may be changed */
    root_view view;
};

/* A snapshot of `state`, whose count it takes also on failure; NULL: of the newest. Its view has no
 * collections yet. */
PBASE_MUST_CHECK pbase_status snapshot_create(pbase_space *space, space_state *state,
                                              pbase_snapshot **out, pbase_error *err);

/* Once view.collections is known: where its collections in collections are found. */
void snapshot_see_children(pbase_snapshot *self);

#endif
