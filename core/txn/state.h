/* state.h - one committed state of a space: the root of everything, at one sequence.
 *
 * States are immutable and counted. The engine publishes a new one for each group of commits;
 * snapshots and transactions hold the one they began with, which keeps every atom it reaches: those
 * in memory by their counts, those on the storage by the list of states, which a sweep reads.
 * Threads: immutable; counts are atomic; a list has a lock of its own. */
#ifndef PROTOBASE_TXN_STATE_H
#define PROTOBASE_TXN_STATE_H
#include "atom/atom_source.h"
#include <protobase/base/os.h>

typedef struct space_state space_state;

/* All states of a space that somebody holds. */
typedef struct {
    const pbase_os *os;
    pbase_os_mutex *lock;
    space_state *newest; /* made last */
} state_list;

struct space_state {
    _Atomic uint32_t counts;
    atom_source *atoms;         /* borrowed; outlives every space_state */
    atom_ref catalog;           /* the tree of databases; owns one count */
    uint64_t sequence;          /* of the newest record in it */
    int64_t timestamp_ns;       /* of that record */
    state_list *list;           /* borrowed; NULL: nothing that it reaches is ever let go */
    space_state *older, *newer; /* in the list */
};

PBASE_MUST_CHECK pbase_status state_list_init(state_list *self, const pbase_os *os,
                                              pbase_error *err);
void state_list_fini(state_list *self); /* also after an init that failed */
/* A way through the list, newest first: the first state, and the one made before `state`, whose
 * count it takes; each with one count. NULL: no more. States that are made meanwhile are left out. */
space_state *state_list_newest(state_list *self);
space_state *state_list_older(state_list *self, space_state *state);

/* Takes over the count that the caller holds on `catalog`. NULL means no memory; the count stays
 * the caller's. */
space_state *space_state_create(state_list *list, atom_source *atoms, atom_ref catalog,
                                uint64_t sequence, int64_t timestamp_ns);
space_state *space_state_ref(space_state *self); /* one more count; yields self */
void space_state_unref(space_state *self);       /* NULL is fine */

#endif
