/* working.h - a state being changed: the trees that commits and replay edit before publishing.
 *
 * A working state opens the databases and collections it is asked for, edits their trees in place
 * once they are its own, and at the end puts them back into the trees above. Records are applied
 * here and only here, by commit and by recovery alike, so that both give the same content.
 *
 * Failure: after a failed edit the working state may be half changed; it can only be abandoned.
 * The state it began from is never touched. Threads: confined. */
#ifndef PROTOBASE_TXN_WORKING_H
#define PROTOBASE_TXN_WORKING_H
#include "txn/working_indexes.h"

typedef struct working working;

/* Begins from `base`, which stays alive until finish or abandon. `coder` reads the fields that are
 * indexed; NULL: a record that changes an indexed collection is UNSUPPORTED. */
PBASE_MUST_CHECK pbase_status working_begin(const pbase_host *host, space_state *base,
                                            value_coder *coder, working **out, pbase_error *err);
/* The content of a collection that a transaction computed on its own from `base_root`: when the
 * collection still has that root, applying its operations would give `result_root`. */
typedef struct {
    atom_ref base_root;
    atom_ref result_root;
    uint64_t result_sum;           /* of a counted kind */
    bool present;                  /* false: apply the operations */
    const index_shortcut *indexes; /* what became of its indexes; of (0, 2): those it makes */
    size_t index_count;
} working_shortcut;
/* Applies one record (head and body). `shortcuts` (NULL: none) are parallel to the groups of a
 * delta. CONFLICT: it changes a collection or database that is gone; only commits can meet it.
 * CORRUPT: the record makes no sense. */
PBASE_MUST_CHECK pbase_status working_apply(working *self, const record_head *head,
                                            pbase_bytes body, const working_shortcut *shortcuts,
                                            pbase_error *err);
/* Whether a group of a delta is a change of a mapping that is there, without indexes and without
 * collections inside: its operations can be applied at any time later, until a record comes that is no
 * such change. Names nothing that would stay of the call. */
PBASE_MUST_CHECK pbase_status working_can_wait(working *self, uint64_t database,
                                               const delta_group *group, bool *out,
                                               pbase_error *err);
/* Lends the tree of a mapping that is to be changed by the caller, until the next call of this room.
 * CONFLICT: it is gone. */
PBASE_MUST_CHECK pbase_status working_open(working *self, uint64_t database, pbase_collection_id id,
                                           uint8_t *out_kind, tree **out, pbase_error *err);
/* Takes over sequence and time of a record whose changes were made that way. */
void working_stamp(working *self, const record_head *head);
/* Puts everything back together as a new state with one count. `self` can only be abandoned then. After
 * a failure, if nothing but working_open changed it, it is as good as before: more can be changed, and
 * it can be tried again. */
PBASE_MUST_CHECK pbase_status working_seal(working *self, space_state **out, pbase_error *err);
/* The same, and ends the working state, also on failure. `*self` becomes NULL. */
PBASE_MUST_CHECK pbase_status working_finish(working **self, space_state **out, pbase_error *err);
void working_abandon(working **self); /* NULL inside is fine */

#endif
