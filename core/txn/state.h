/* state.h - one committed state of a space: the root of everything, at one sequence.
 *
 * States are immutable and counted. The engine publishes a new one for each group of commits;
 * snapshots and transactions hold the one they began with, which keeps every atom it reaches: those
 * in memory by their counts, those on the storage by the list of states, which a sweep reads.
 * Memory of a state in a list is given back by the list's fini only: until then it becomes another
 * state, so that whoever has just read its address without a count may safely try to get one
 * (space_state_try_ref). What was looked up in a state is kept with it (opened.h).
 * Where other processes use the space, they are told what the states need (state_roots.h).
 * Threads: immutable; counts are atomic; a list has a lock of its own. */
#ifndef PROTOBASE_TXN_STATE_H
#define PROTOBASE_TXN_STATE_H
#include "atom/atom_source.h"
#include <protobase/base/os.h>

typedef struct space_state space_state;
typedef struct opened opened; /* opened.h */

#define STATE_OPENED_CHAINS 16u

/* Roots on the storage that a state needs, by their numbers (state_roots.h). */
#define STATE_ROOTS_MAX 30u
typedef struct {
    bool is_tainted; /* there are more, or one was lost */
    uint8_t count;
    uint32_t numbers[STATE_ROOTS_MAX];
} state_roots;
typedef struct state_root state_root;

/* All states of a space that somebody holds. */
typedef struct {
    const pbase_os *os;
    pbase_os_mutex *lock;
    space_state *newest; /* made last */
    space_state *ended;  /* memory for the next ones, by `older` */
    uint64_t made;       /* states so far */
    bool has_roots;      /* they are kept; set before the first state is made */
    state_root *roots;   /* numbered from roots_first on */
    size_t root_count, root_capacity;
    uint32_t roots_first; /* from 1 on */
} state_list;

struct space_state {
    _Atomic uint32_t counts;
    atom_source *atoms;         /* borrowed; outlives every space_state */
    atom_ref catalog;           /* the tree of databases; owns one count */
    uint64_t sequence;          /* of the newest record in it */
    int64_t timestamp_ns;       /* of that record */
    uint64_t number;            /* no other state of the list has, or had, it; 0: of no list */
    state_list *list;           /* borrowed; NULL: nothing that it reaches is ever let go */
    space_state *older, *newer; /* in the list */
    state_roots roots;          /* list; of a list that has roots */
    _Atomic(opened *) opened[STATE_OPENED_CHAINS]; /* what was looked up in it */
    _Atomic uint32_t opened_count;
    /* The last collection that was found fit for commits that wait (deferred.h); guarded as `newest` of
     * the engine is. */
    bool has_fit;
    uint64_t fit_database;
    pbase_collection_id fit_collection;
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
/* One more count, of a state that may have lost its last one, or even have become another: false, or
 * the caller finds out which state it is now, and drops a count that it did not want. */
bool space_state_try_ref(space_state *self);
void space_state_unref(space_state *self); /* NULL is fine */

#endif
