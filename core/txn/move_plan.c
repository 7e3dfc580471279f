/* move_plan.c - the segments with the best ratio of what they give back to what is written anew. */
#include "txn/move_plan.h"

void move_plan_init(move_plan *self, const pbase_alloc *alloc)
{
    *self = (move_plan){.alloc = alloc};
    ref_set_init(&self->leaves, alloc);
}

void move_plan_fini(move_plan *self)
{
    pbase_alloc_free(self->alloc, self->log_ids, self->capacity * sizeof *self->log_ids);
    ref_set_fini(&self->leaves);
    move_plan_init(self, self->alloc);
}

/* --------------------------------------------------------------------------------- choosing ---- */

/* What is to be written anew. */
static uint64_t cost_of(const segment_marks *segment)
{
    return segment->live_bytes - segment->pinned_bytes;
}

/* What is won, the copies paid for. Pinned atoms stay, and their blocks are not full. */
static uint64_t gain_of(const segment_marks *segment)
{
    uint64_t stays = cost_of(segment) + 2 * segment->pinned_bytes;
    return segment->held_bytes > stays ? segment->held_bytes - stays : 0;
}

static bool is_worth_it(const segment_marks *segment, const move_limits *limits)
{
    uint64_t gain = gain_of(segment);
    return segment->is_sealed && segment->begins != NULL && cost_of(segment) > 0 &&
           gain >= MARKS_BLOCK_BYTES && gain >= segment->held_bytes / 8 * limits->gain_min;
}

static uint64_t blocks(uint64_t bytes)
{
    return bytes / MARKS_BLOCK_BYTES + 1;
}

/* Whether `a` gives back more than `b` for what is written. */
static bool is_better(const segment_marks *a, const segment_marks *b)
{
    return blocks(gain_of(a)) * blocks(cost_of(b)) > blocks(gain_of(b)) * blocks(cost_of(a));
}

/* The best segment that is worth it, was not chosen, and fits into what is left; NULL: none. */
static const segment_marks *best_of(const move_plan *self, const marks *found,
                                    const move_limits *limits)
{
    const segment_marks *best = NULL;
    for (size_t i = 0; i < found->count; i++) {
        const segment_marks *segment = &found->items[i];
        if (is_worth_it(segment, limits) && !move_plan_has(self, segment->log_id) &&
            cost_of(segment) <= limits->bytes_max - self->bytes &&
            (best == NULL || is_better(segment, best))) {
            best = segment;
        }
    }
    return best;
}

/* There is room. */
static void insert(move_plan *self, uint32_t log_id)
{
    size_t at = self->count++;
    while (at > 0 && self->log_ids[at - 1] > log_id) {
        self->log_ids[at] = self->log_ids[at - 1];
        at--;
    }
    self->log_ids[at] = log_id;
}

pbase_status move_plan_make(move_plan *self, const marks *found, const move_limits *limits,
                            pbase_error *err)
{
    const segment_marks *segment = NULL;
    move_plan_fini(self);
    self->log_ids = pbase_alloc_zeroed(self->alloc, found->count + 1, sizeof *self->log_ids);
    if (self->log_ids == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to choose segments to be emptied");
    }
    self->capacity = found->count + 1;
    while ((segment = best_of(self, found, limits)) != NULL) {
        insert(self, segment->log_id);
        self->bytes += cost_of(segment);
    }
    return PBASE_OK;
}

void move_plan_add_leaves(move_plan *self, ref_set *leaves, uint64_t bytes)
{
    ref_set_fini(&self->leaves);
    self->leaves = *leaves;
    self->bytes += bytes;
    ref_set_init(leaves, self->alloc);
}

bool move_plan_has(const move_plan *self, uint32_t log_id)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->log_ids[middle] < log_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < self->count && self->log_ids[low] == log_id;
}

/* ----------------------------------------------------------------------------------- moving ---- */

typedef struct {
    const move_plan *plan;
    const pbase_os *os;
    const pbase_call *call;
    uint64_t bytes; /* that were asked for */
} run;

/* All that lies in a chosen segment is less than was counted then: nothing is added to full ones. */
static pbase_status wish(void *state, atom_ref ref, uint32_t size, tree_move_wish *out,
                         pbase_error *err)
{
    run *self = state;
    pbase_status status = pbase_call_check(self->call, self->os, err);
    bool is_wanted = move_plan_has(self->plan, pbase_atom_pointer_log(atom_ref_pointer(ref))) ||
                     ref_set_has(&self->plan->leaves, ref);
    self->bytes += is_wanted ? size : 0;
    *out = is_wanted ? TREE_MOVE_IT : TREE_MOVE_BELOW;
    return status;
}

pbase_status move_plan_run(const move_plan *self, atom_source *atoms, atom_ref root,
                           const pbase_os *os, const pbase_call *call, tree_moves *moved,
                           atom_ref *out, uint64_t *out_bytes, pbase_error *err)
{
    run state = {.plan = self, .os = os, .call = call};
    const tree_mover mover = {.state = &state, .wish = wish};
    pbase_status status = tree_move(atoms, root, false, &mover, moved, out, err);
    *out_bytes = status == PBASE_OK ? state.bytes : 0;
    return status;
}
