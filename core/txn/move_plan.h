/* move_plan.h - which segments are to be emptied, and moving what the newest state reaches out of them.
 *
 * A sweep knows how much of each segment is alive, and how much of that only the newest state reaches
 * (the rest is pinned: by the kept past, and by snapshots and transactions that have been open for a
 * while). Full segments that give back most for what has to be written anew are chosen; the next
 * checkpoint writes it, and the sweep after that finds them empty. Single leaves that have a patch may be
 * chosen beside them: a leaf that moves becomes one with its patch.
 *
 * A plan is advice: whatever is forgotten, or was changed since, stays alive where it is, and what is
 * alive is never let go of.
 *
 * Threads: of the one who holds the right to settle. */
#ifndef PROTOBASE_TXN_MOVE_PLAN_H
#define PROTOBASE_TXN_MOVE_PLAN_H
#include "collection/tree.h"
#include "txn/marks.h"
#include <protobase/base/call.h>
#include <protobase/base/os.h>

typedef struct {
    const pbase_alloc *alloc;
    uint32_t *log_ids; /* ascending */
    size_t count, capacity;
    ref_set leaves; /* behind patches */
    uint64_t bytes; /* to be written anew */
} move_plan;

/* A segment is not worth it that would give back less than a part of what it takes, in eighths. */
typedef struct {
    uint64_t bytes_max; /* to be written anew, of all */
    uint32_t gain_min;  /* in eighths */
} move_limits;

void move_plan_init(move_plan *self, const pbase_alloc *alloc);
void move_plan_fini(move_plan *self);
static inline bool move_plan_is_empty(const move_plan *self)
{
    return self->count == 0 && self->leaves.count == 0;
}
/* Chooses from what a sweep marked, and what segments take after it. NO_MEMORY: an empty plan. */
PBASE_MUST_CHECK pbase_status move_plan_make(move_plan *self, const marks *found,
                                             const move_limits *limits, pbase_error *err);
bool move_plan_has(const move_plan *self, uint32_t log_id);
/* Adds leaves behind patches, and takes the set. */
void move_plan_add_leaves(move_plan *self, ref_set *leaves, uint64_t bytes);
/* Writes anew what a settled tree has in the chosen segments: tree_move. `*out_bytes`: of payloads
 * that were to be. */
PBASE_MUST_CHECK pbase_status move_plan_run(const move_plan *self, atom_source *atoms,
                                            atom_ref root, const pbase_os *os,
                                            const pbase_call *call, tree_moves *moved,
                                            atom_ref *out, uint64_t *out_bytes, pbase_error *err);

#endif
