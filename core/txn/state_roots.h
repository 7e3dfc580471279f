/* state_roots.h - from which roots on the storage the states of a list reach what they have there.
 *
 * Other processes that give space back have to be told (needs.h), and follow references from roots. So
 * roots are numbered as they are met: of a checkpoint that was loaded or made, of content that a record
 * adopted or a large transaction wrote. A state needs those of the state it was made from, and of what
 * was adopted since. It does not need where atoms that it has in memory were settled by checkpoints after
 * it, or by transactions that wrote trees aside: a transaction that settles something writes all of it that
 * is in memory anew, and lets nobody know where (tree_unsettle).
 *
 * Whatever a state needs stays from then on: whoever sweeps in this process marks these roots too.
 *
 * Threads: synchronized by the lock of the list. */
#ifndef PROTOBASE_TXN_STATE_ROOTS_H
#define PROTOBASE_TXN_STATE_ROOTS_H
#include "txn/state.h"

/* Adds a number, 0: none. */
void state_roots_add(state_roots *self, uint32_t number);

/* Gives a root the next number; 0 where roots are not kept. PBASE_ATOM_NONE: it is written yet. */
PBASE_MUST_CHECK pbase_status state_list_root_add(state_list *self, pbase_atom_pointer root,
                                                  uint32_t *out_number, pbase_error *err);
/* Says where a root was written that was added before. */
void state_list_root_set(state_list *self, uint32_t number, pbase_atom_pointer root);
/* What a root reaches will not all stay: it is not told any more, and the states that need it are tainted. */
void state_list_root_lose(state_list *self, pbase_atom_pointer root);
/* The number that the next root gets. */
uint32_t state_list_root_next(state_list *self);
/* For who created the list. */
void state_list_roots_free(state_list *self);

/* A new state needs a root. */
void space_state_need(space_state *self, uint32_t number);
/* It was made from `base`, or has taken trees that were, and from content with the roots `also` (NULL:
 * none). */
void space_state_need_as(space_state *self, const space_state *base, const state_roots *also);
/* It was rebased from `before` on a checkpoint that began when `from` was the next number: of what that
 * needs, the older roots are not needed. */
void space_state_need_since(space_state *self, const space_state *before, uint32_t from);
/* True when it needs what `base` does not. */
bool space_state_needs_more(const space_state *self, const space_state *base);

typedef struct {
    pbase_atom_pointer *roots; /* the caller's */
    size_t capacity, count;    /* more than fit: count is more, and the rest is left out */
    bool is_tainted;           /* a state is */
} state_needs;
/* The roots that its states need, each once; forgets those that none will need again. */
void state_list_needs(state_list *self, state_needs *out);

#endif
