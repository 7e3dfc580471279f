/* state.h - one committed state of a space: the root of everything, at one sequence.
 *
 * States are immutable and counted. The engine publishes a new one for each group of commits;
 * snapshots and transactions hold the one they began with, which keeps every atom it reaches.
 * Threads: immutable; counts are atomic. */
#ifndef PROTOBASE_TXN_STATE_H
#define PROTOBASE_TXN_STATE_H
#include "atom/atom_source.h"

typedef struct {
    _Atomic uint32_t counts;
    atom_source *atoms;   /* borrowed; outlives every space_state */
    atom_ref catalog;     /* the tree of databases; owns one count */
    uint64_t sequence;    /* of the newest record in it */
    int64_t timestamp_ns; /* of that record */
} space_state;

/* Takes over the count that the caller holds on `catalog`. NULL means no memory; the count stays
 * the caller's. */
space_state *space_state_create(atom_source *atoms, atom_ref catalog, uint64_t sequence,
                                int64_t timestamp_ns);
space_state *space_state_ref(space_state *self); /* one more count; yields self */
void space_state_unref(space_state *self);       /* NULL is fine */

#endif
