/* checkpoint.c - settling: what is in memory becomes atoms, and the journal before it is let go.
 *
 *   1. with the commit lock: take the newest state S and the journal's head P
 *   2. without it: write every atom in memory that S reaches (tree_settle), children first
 *      2b. write anew, without it as well, what lies in segments that the last sweep chose to be emptied
 *      (move_plan.h): the root of the checkpoint then leads to the copies
 *      2c. and make them durable, which takes longest
 *   3. with it: append the checkpoint record (S, root pointer, P), which makes the rest of them durable
 *   4. move the anchor to that record and trim what lies before P, or before the oldest checkpoint
 *      that retention keeps
 *   5. with the commit lock: publish the newest state again with settled atoms named by their
 *      pointers (tree_rebase), so that their memory goes when the last older state does
 *
 * A failure at any point loses nothing: the journal still has everything.
 *
 * Of several processes the holder of the storage's lock `checkpoint` does this; its fencing token is
 * in the record, and the others take over what it stored (follow.c). */
#include "txn/engine_private.h"
#include "txn/sweep.h"

#include <limits.h>

#define LOCK_CHECKPOINT "checkpoint"

/* What step 1 takes. */
typedef struct {
    space_state *base;         /* until it is settled: what is held is alive */
    uint64_t settled_sequence; /* of the last one that was; 0: none */
    pbase_position replay;
    uint64_t bytes;    /* of journal since the last checkpoint */
    uint64_t since_ns; /* when they began to grow */
    atom_ref settled;  /* root of base->catalog on storage */
    tree_moves moved;  /* of what was settled before, where it is now */
    bool move_failed;  /* nothing was moved, though it was planned */
    pbase_position anchor;
    retained_list kept; /* after it, itself the last */
    uint64_t fence;     /* of the lock `checkpoint` */
    uint32_t
        roots_from;  /* shared: what is adopted later has numbers from here on (state_roots.h) */
    uint32_t number; /* of its own root there */
} checkpoint_run;

/* Takes the commit lock, with nothing left to be applied; most of it is applied before, beside commits. */
static pbase_status lock_applied(engine *self, pbase_error *err)
{
    pbase_status status = deferred_apply(self, err);
    if (status == PBASE_OK) {
        engine_lock(self, self->commit_mutex);
        status = deferred_apply(self, err);
        if (status != PBASE_OK) {
            engine_unlock(self, self->commit_mutex);
        }
    }
    return status;
}

static pbase_status take_base(engine *self, checkpoint_run *run, pbase_error *err)
{
    pbase_status status = lock_applied(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    run->roots_from = state_list_root_next(&self->states);
    engine_lock(self, self->queue_mutex);
    run->base = space_state_ref(self->newest);
    run->replay = self->head;
    run->bytes = self->bytes_since_checkpoint;
    run->since_ns = self->unsettled_since_ns;
    engine_settling_begins(self, run->bytes);
    self->bytes_since_checkpoint = 0;
    engine_unlock(self, self->queue_mutex);
    engine_unlock(self, self->commit_mutex);
    return PBASE_OK;
}

static pbase_status append_record(engine *self, checkpoint_run *run, pbase_error *err)
{
    record_head head = {.kind = RECORD_CHECKPOINT,
                        .sequence = run->base->sequence,
                        .base = run->base->sequence,
                        .timestamp_ns = run->base->timestamp_ns};
    retained_checkpoint *own = &run->kept.items[run->kept.count - 1];
    checkpoint_body fields = {.root = own->root, .replay = own->replay, .fence = run->fence};
    retained_list before = run->kept; /* a window on all but its own */
    before.count--;
    pbase_buffer body, record;
    pbase_buffer_init(&body, self->host->alloc);
    pbase_buffer_init(&record, self->host->alloc);
    pbase_status status = checkpoint_body_write(&fields, &before, &body, err);
    if (status == PBASE_OK) {
        status = engine_record_wrap(self, &head, pbase_buffer_view(&body), &record, err);
    }
    if (status == PBASE_OK) {
        pbase_bytes bytes = pbase_buffer_view(&record);
        pbase_journal_appended appended = {0, 0};
        engine_lock(self, self->commit_mutex);
        status = engine_turn_begin(self, NULL, err);
        if (status == PBASE_OK) {
            status = engine_append(self, &bytes, 1, PBASE_DURABILITY_SYNC, true, &appended, err);
            self->checkpoint_fence = status == PBASE_OK ? run->fence : self->checkpoint_fence;
            engine_turn_end(self);
        }
        engine_unlock(self, self->commit_mutex);
        run->anchor = appended.first;
    }
    pbase_buffer_fini(&record);
    pbase_buffer_fini(&body);
    return status;
}

/* What the state needs that names what was settled: the checkpoint's root, and what was adopted since. */
static void need_rebased(engine *self, const checkpoint_run *run, space_state *next)
{
    space_state_need(next, run->number);
    space_state_need_since(next, self->newest, run->roots_from);
}

static pbase_status publish_rebased(engine *self, const checkpoint_run *run, pbase_error *err)
{
    const tree_moves *moved = &run->moved;
    atom_ref catalog = ATOM_REF_NONE;
    atom_source *atoms = store_atoms(self->bytes);
    pbase_status status = lock_applied(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = tree_rebase(atoms, self->newest->catalog, moved->refs.count > 0 ? moved : NULL,
                         &catalog, err);
    if (status == PBASE_OK) {
        space_state *next = space_state_create(&self->states, atoms, catalog,
                                               self->newest->sequence, self->newest->timestamp_ns);
        if (next == NULL) {
            tree_drop(atoms, catalog);
            status = PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to publish a checkpoint");
        } else {
            need_rebased(self, run, next);
            engine_publish(self, next);
        }
    }
    engine_unlock(self, self->commit_mutex);
    return status;
}

/* The birth of atoms is of the one who holds the lock. */
static pbase_status settle_tree(engine *self, uint64_t base, atom_ref ref, atom_ref *out,
                                pbase_error *err)
{
    engine_lock(self, self->settle_mutex);
    store_birth_set(self->bytes, base);
    pbase_status status = tree_settle(store_atoms(self->bytes), ref, out, err);
    engine_unlock(self, self->settle_mutex);
    return status;
}

/* What it settles may be shared with states, which do not need where it is written: so nobody but who asked
 * learns it, and nothing is taken to be where something else was settled before. Where other processes
 * give space back, neither may be there for long (state_roots.h). */
static pbase_status settle_aside(engine *self, uint64_t base, atom_ref ref, atom_ref *out,
                                 state_roots *wrote, pbase_error *err)
{
    uint32_t number = 0;
    pbase_status status = state_list_root_add(&self->states, PBASE_ATOM_NONE, &number, err);
    if (status != PBASE_OK) {
        return status;
    }
    engine_lock(self, self->settle_mutex);
    if (self->is_shared) {
        tree_unsettle(ref);
    }
    store_birth_set(self->bytes, base);
    status = tree_settle(store_atoms(self->bytes), ref, out, err);
    if (self->is_shared) {
        tree_unsettle(ref);
    }
    engine_unlock(self, self->settle_mutex);
    if (status == PBASE_OK && *out != ATOM_REF_NONE && number != 0) {
        state_list_root_set(&self->states, number, atom_ref_pointer(*out));
        state_roots_add(wrote, number);
    }
    return status;
}

pbase_status engine_settle(engine *self, uint64_t base, atom_ref ref, atom_ref *out,
                           state_roots *wrote, pbase_error *err)
{
    pbase_status status = engine_process_check(self, err);
    if (status == PBASE_OK) {
        status = engine_writable(self, err);
    }
    return status == PBASE_OK ? settle_aside(self, base, ref, out, wrote, err) : status;
}

pbase_status engine_write_atoms(engine *self, uint64_t base, const engine_atoms *atoms,
                                pbase_atom_pointer *out, pbase_error *err)
{
    atom_source *source = store_atoms(self->bytes);
    pbase_status status = engine_process_check(self, err);
    if (status == PBASE_OK) {
        status = engine_writable(self, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    engine_lock(self, self->settle_mutex);
    store_birth_set(self->bytes, base);
    status = atoms->streamed ? store_write_streamed(self->bytes, atoms->types, atoms->payloads,
                                                    atoms->count, out, err)
                             : source->vtable->write(source, atoms->types, atoms->payloads,
                                                     atoms->count, out, err);
    engine_unlock(self, self->settle_mutex);
    return status;
}

void engine_unnamed_begin(engine *self)
{
    engine_lock(self, self->queue_mutex);
    self->unnamed++;
    engine_unlock(self, self->queue_mutex);
    engine_needs_say(self);
}

void engine_unnamed_end(engine *self)
{
    engine_lock(self, self->queue_mutex);
    self->unnamed--;
    engine_unlock(self, self->queue_mutex);
    engine_needs_say(self);
}

bool engine_settles_elsewhere(const engine *self)
{
    return (self->storage->vtable->capabilities & PBASE_STORAGE_PERSISTENT) != 0;
}

/* Makes the new list the one that is kept, and trims the journal to it and to what is pinned by then. */
static pbase_status let_go(engine *self, checkpoint_run *run, const pbase_call *call,
                           pbase_error *err)
{
    pbase_position upto = history_checkpoint_publish(self, &run->kept);
    pbase_status status = pbase_storage_trim(self->storage, call, upto, run->anchor, err);
    if (status == PBASE_OK) {
        engine_lock(self, self->queue_mutex);
        self->kept_anchor = run->anchor;
        engine_unlock(self, self->queue_mutex);
    } else {
        history_kept_swap(self, &run->kept);
    }
    return status;
}

/* Appends the record, and lets go of what is not kept. */
static pbase_status name_checkpoint(engine *self, checkpoint_run *run, const pbase_call *call,
                                    pbase_error *err)
{
    retained_checkpoint own = {
        .sequence = run->base->sequence,
        .timestamp_ns = run->base->timestamp_ns,
        .root = run->settled == ATOM_REF_NONE ? PBASE_ATOM_NONE : atom_ref_pointer(run->settled),
        .replay = run->replay};
    retained_list_init(&run->kept, self->host->alloc);
    pbase_status status = history_checkpoint_begin(self, &own, &run->kept, err);
    if (status == PBASE_OK) {
        status = state_list_root_add(&self->states, own.root, &run->number, err);
    }
    if (status == PBASE_OK) {
        status = append_record(self, run, err);
    }
    if (status == PBASE_OK) {
        status = let_go(self, run, call, err);
    } else if (run->number != 0) {
        state_list_root_set(&self->states, run->number, PBASE_ATOM_NONE);
    }
    retained_list_fini(&run->kept);
    return status;
}

#define SWEEP_AT_CLOSE_MS 1000u /* nobody wants to wait longer to be rid of a space */

/* What nobody waits for ends when the engine does, or soon after. */
static pbase_call background_call(engine *self)
{
    return (pbase_call){.deadline_ns = self->is_closing
                                           ? pbase_os_deadline(self->host->os, SWEEP_AT_CLOSE_MS)
                                           : PBASE_NO_DEADLINE,
                        .cancelled = &self->sweep_cancelled};
}

/* Something in the background failed that loses nothing. */
static void log_failure(engine *self, const char *what, pbase_status status, const pbase_error *why)
{
    if (status != PBASE_OK && status != PBASE_BUSY && status != PBASE_CANCELLED &&
        status != PBASE_TIMEOUT) {
        pbase_log_write(self->host->log, PBASE_LOG_WARNING, what,
                        "%s; nothing is lost, space is not given back", why->message);
    }
}

/* Carries out what the last sweep chose. If that fails, the checkpoint is of what was there. */
static void move_settled(engine *self, checkpoint_run *run)
{
    pbase_error why;
    pbase_call call = background_call(self);
    uint64_t bytes = 0;
    pbase_error_init(&why);
    run->move_failed = false;
    if (move_plan_is_empty(&self->moves) || run->settled == ATOM_REF_NONE) {
        return;
    }
    engine_lock(self, self->settle_mutex);
    store_birth_set(self->bytes, run->base->sequence);
    pbase_status status =
        move_plan_run(&self->moves, store_atoms(self->bytes), run->settled, self->host->os, &call,
                      &run->moved, &run->settled, &bytes, &why);
    engine_unlock(self, self->settle_mutex);
    move_plan_fini(&self->moves);
    if (status != PBASE_OK) {
        run->move_failed = true;
        tree_moves_fini(&run->moved);
        log_failure(self, "core/move", status, &why);
        return;
    }
    self->sweep_need.has_moved = bytes > 0;
    engine_lock(self, self->queue_mutex);
    self->counters.moved_bytes += bytes;
    engine_unlock(self, self->queue_mutex);
}

/* Makes what was written durable before the record is appended that names it: the append would do that
 * too, and holds up commits. */
static pbase_status flush_settled(engine *self, const checkpoint_run *run, const pbase_call *call,
                                  pbase_error *err)
{
    return pbase_storage_sync(self->storage, call, run->replay, PBASE_DURABILITY_SYNC, err);
}

static pbase_status settle_base(engine *self, checkpoint_run *run, const pbase_call *call,
                                pbase_error *err)
{
    tree_moves_init(&run->moved, self->host->alloc);
    pbase_status status =
        settle_tree(self, run->base->sequence, run->base->catalog, &run->settled, err);
    if (status == PBASE_OK) {
        move_settled(self, run);
        status = flush_settled(self, run, call, err);
    }
    if (status == PBASE_OK) {
        status = name_checkpoint(self, run, call, err);
    }
    if (status == PBASE_OK) {
        status = publish_rebased(self, run, err);
    }
    tree_moves_fini(&run->moved);
    if (status != PBASE_OK &&
        self->is_shared) { /* nobody needs what was written: the next one does it again */
        engine_lock(self, self->settle_mutex);
        tree_unsettle(run->base->catalog);
        engine_unlock(self, self->settle_mutex);
    }
    engine_needs_say(self); /* before somebody else may give space back */
    return status;
}

static void account(engine *self, const checkpoint_run *run, pbase_status status, uint64_t began_ns)
{
    const pbase_os *os = self->host->os;
    engine_lock(self, self->queue_mutex);
    if (status == PBASE_OK) {
        self->counters.checkpoints++;
        self->counters.checkpoint_ns += os->system->monotonic_ns(os) - began_ns;
        if (run->settled_sequence > self->settled_sequence) {
            self->settled_sequence = run->settled_sequence;
        }
    } else {
        self->counters.checkpoint_failures += status != PBASE_BUSY;
        self->counters.checkpoint_refusals += status == PBASE_BUSY;
        self->bytes_since_checkpoint += run->bytes; /* still due */
        self->unsettled_since_ns = run->bytes > 0 ? run->since_ns : self->unsettled_since_ns;
    }
    engine_settling_ends(self, status == PBASE_OK);
    engine_unlock(self, self->queue_mutex);
}

/* Waits for a running checkpoint, then claims the next one. */
static pbase_status claim(engine *self, const pbase_call *call, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_status status = PBASE_OK;
    engine_lock(self, self->queue_mutex);
    while (self->settling && status == PBASE_OK) {
        status = pbase_call_check(call, os, err);
        if (status == PBASE_OK) {
            (void)os->lock->cond_wait(self->checkpoint_ended, self->queue_mutex,
                                      call == NULL ? PBASE_NO_DEADLINE : call->deadline_ns);
        }
    }
    if (status == PBASE_OK && self->poisoned) {
        status = PBASE_READ_ONLY;
    } else if (status == PBASE_OK) {
        self->settling = true;
    }
    engine_unlock(self, self->queue_mutex);
    return status == PBASE_READ_ONLY ? engine_writable(self, err) : status;
}

/* The right to settle, between processes. */
static pbase_status right_acquire(engine *self, checkpoint_run *run, const pbase_call *call,
                                  pbase_error *err)
{
    return self->is_shared ? pbase_storage_lock_acquire(self->storage, call, LOCK_CHECKPOINT,
                                                        PBASE_LOCK_EXCLUSIVE, 0, &run->fence, err)
                           : PBASE_OK;
}

static void right_release(engine *self, const checkpoint_run *run)
{
    if (run->fence != 0) {
        pbase_storage_lock_release(self->storage, LOCK_CHECKPOINT, run->fence);
    }
}

/* Settles the newest state, unless somebody else just did; also when only something is to be moved. */
static pbase_status settle(engine *self, checkpoint_run *run, const pbase_call *call,
                           pbase_error *err)
{
    space_state_unref(run->base);
    run->base = NULL;
    pbase_status status = take_base(self, run, err);
    if (status != PBASE_OK) {
        return status;
    }
    bool is_anchored = engine_needs_anchored(self); /* else whoever wrote the record has died */
    engine_lock(self, self->queue_mutex);
    bool is_due = run->base->sequence > self->settled_sequence || self->recovery.created ||
                  !move_plan_is_empty(&self->moves) || !is_anchored;
    engine_unlock(self, self->queue_mutex);
    status = is_due ? settle_base(self, run, call, err) : PBASE_OK;
    if (status == PBASE_OK) { /* a sweep would find alive what was moved away from */
        run->settled_sequence = run->base->sequence;
        space_state_unref(run->base);
        run->base = NULL;
    }
    return status;
}

/* -------------------------------------------------------------------------------- sweeping ---- */

static pbase_status add_bytes(void *state, const pbase_segment_info *segment, pbase_error *err)
{
    uint64_t *bytes = state;
    (void)err;
    *bytes += segment->held_bytes != 0 ? segment->held_bytes : segment->size_bytes;
    return PBASE_OK;
}

/* How often to go on at once with what a sweep found. */
typedef struct {
    unsigned most;
    bool until_lean;
} sweep_rounds;
static const sweep_rounds rounds_asked = {.most = UINT_MAX};
/* Each writes no more than checkpoints wrote: so cleaning takes two thirds of the writing at most, and
 * only while much of the store is dead that holes do not give back. */
static const sweep_rounds rounds_in_background = {.most = 2, .until_lean = true};

static bool sweep_is_due(engine *self, const pbase_call *call)
{
    uint64_t bytes = 0;
    pbase_status status = pbase_storage_segments_list(self->storage, call, add_bytes, &bytes, NULL);
    return status == PBASE_OK && sweep_need_is_due(&self->sweep_need, bytes);
}

static pbase_status sweep_and_choose(engine *self, const pbase_call *call,
                                     const sweep_listener *asked_by, uint64_t leaf_bytes_max,
                                     sweep_report *out, pbase_error *err)
{
    pbase_status status = engine_sweep(self, call, asked_by, leaf_bytes_max, out, err);
    if (status == PBASE_OK) {
        sweep_need_note(&self->sweep_need, out);
        engine_lock(self, self->queue_mutex);
        self->counters.sweeps++;
        self->counters.freed_segments += out->freed_segments;
        self->counters.freed_bytes += out->freed_bytes;
        self->counters.punched_bytes += out->punched_bytes;
        self->counters.live_bytes = out->live_bytes;
        self->counters.live_patches = out->live_patches;
        engine_unlock(self, self->queue_mutex);
    }
    return status;
}

static pbase_status sweep(engine *self, const pbase_call *call, const sweep_listener *asked_by,
                          sweep_report *out, pbase_error *err)
{
    return sweep_and_choose(self, call, asked_by, asked_by != NULL ? SWEEP_BYTES_ASKED : 0, out,
                            err);
}

/* Sweeps, and as long as that finds segments to be emptied, settles again, which does it, and sweeps
 * again; as often as `limit` says, or until it gains no more: room, or leaves without patches. `out` tells of all rounds. A plan is left to
 * the next checkpoint only by the background, and only while rounds gain. */
static pbase_status sweep_in_rounds(engine *self, checkpoint_run *run, const pbase_call *call,
                                    const sweep_listener *asked_by, sweep_rounds limit,
                                    sweep_report *out, pbase_error *err)
{
    pbase_status status = sweep(self, call, asked_by, out, err);
    uint64_t planned = out->planned_bytes, held = out->bytes - out->freed_bytes;
    uint64_t patches = out->loose_patches;
    for (unsigned done = 0; status == PBASE_OK && planned > 0 && done < limit.most &&
                            !(limit.until_lean && sweep_need_is_lean(&self->sweep_need));
         done++) {
        sweep_report round;
        uint64_t before = held;
        status = settle(self, run, call, err);
        if (status == PBASE_OK) {
            status = sweep(self, call, asked_by, &round, err);
        }
        if (status != PBASE_OK) {
            break;
        }
        held = round.bytes - round.freed_bytes;
        out->freed_segments += round.freed_segments;
        out->punched_bytes += round.punched_bytes;
        out->freed_bytes = out->bytes > held ? out->bytes - held : 0;
        bool is_gain = held + planned / 16 <= before || round.loose_patches < patches;
        planned = is_gain ? round.planned_bytes : 0;
        patches = round.loose_patches;
    }
    if (planned == 0 || asked_by != NULL) { /* the next checkpoint would write it for nothing */
        move_plan_fini(&self->moves);
    }
    return status;
}

/* In the background: what comes of it is only logged. What is to be moved waits for the next checkpoint;
 * there is none after the last one. */
static void sweep_when_due(engine *self, checkpoint_run *run)
{
    pbase_call call = background_call(self);
    sweep_report report;
    pbase_error why;
    pbase_error_init(&why);
    if (sweep_is_due(self, &call)) {
        sweep_rounds limit = self->is_closing ? rounds_asked : rounds_in_background;
        pbase_status status = sweep_in_rounds(self, run, &call, NULL, limit, &report, &why);
        log_failure(self, "core/sweep", status, &why);
    }
}

/* What checkpoints that found no room have written is named by nothing, and may be all that is missing: whoever
 * asks for space gets it back before the next try, which writes no node again that is there. */
static pbase_status settle_asked(engine *self, checkpoint_run *run, const pbase_call *call,
                                 sweep_report *swept, pbase_error *err)
{
    static const sweep_listener nobody = {NULL, NULL}; /* a failure here is not the answer */
    *swept = (sweep_report){.segments = 0};
    pbase_status status = settle(self, run, call, err);
    if (status == PBASE_NO_SPACE && sweep(self, call, &nobody, swept, NULL) == PBASE_OK) {
        move_plan_fini(&self->moves); /* that would take room */
        status = swept->freed_bytes > 0 ? settle(self, run, call, err) : status;
    }
    return status;
}

static pbase_status compact(engine *self, checkpoint_run *run, const pbase_call *call,
                            const sweep_listener *asked_by, sweep_report *out, pbase_error *err)
{
    sweep_report before;
    pbase_status status = settle_asked(self, run, call, &before, err);
    if (status == PBASE_OK) {
        status = sweep_in_rounds(self, run, call, asked_by, rounds_asked, out, err);
    }
    out->freed_segments += before.freed_segments;
    out->freed_bytes += before.freed_bytes;
    out->punched_bytes += before.punched_bytes;
    return status;
}

/* In the background: some leaves and their patches become one. What that leaves dead is given back by the next
 * round, the last of which finds nothing to do. */
static pbase_status fold(engine *self, checkpoint_run *run, sweep_report *out, pbase_error *err)
{
    pbase_call call = background_call(self);
    pbase_status status = settle(self, run, &call, err);
    if (status == PBASE_OK) {
        status = sweep_and_choose(self, &call, NULL, FOLD_BYTES, out, err);
    }
    if (status == PBASE_OK && out->loose_patches > 0) {
        status = settle(self, run, &call, err);
        out->move_failed = run->move_failed;
    }
    return status;
}

/* --------------------------------------------------------------------------------- the whole -- */

/* Space is given back when that is due, or whatever there is of it, or as far as patches go. */
typedef enum { CHECKPOINT_ALONE, CHECKPOINT_COMPACTS, CHECKPOINT_FOLDS } checkpoint_use;

/* `wait`: for the right to settle. `asked_by`: who waits for a compaction, of which `swept` tells, as of folding;
 * else NULL, both. BUSY: another process has the right. */
static pbase_status checkpoint(engine *self, const pbase_call *wait, const pbase_call *call,
                               checkpoint_use use, const sweep_listener *asked_by,
                               sweep_report *swept, pbase_error *err)
{
    pbase_status status = claim(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    const pbase_os *os = self->host->os;
    checkpoint_run run = {.base = NULL};
    status = right_acquire(self, &run, wait, err);
    uint64_t began_ns = os->system->monotonic_ns(os);
    if (status == PBASE_OK) {
        status = engine_refresh(self, err);
    }
    if (status == PBASE_OK) { /* what the next one keeps is a part of what the last one kept */
        status = engine_take_anchor(self, err);
    }
    if (status == PBASE_OK && use == CHECKPOINT_COMPACTS) {
        status = compact(self, &run, call, asked_by, swept, err);
    } else if (status == PBASE_OK && use == CHECKPOINT_FOLDS) {
        status = fold(self, &run, swept, err);
    } else if (status == PBASE_OK) {
        status = settle(self, &run, call, err);
    }
    if (status == PBASE_OK && use == CHECKPOINT_ALONE) {
        sweep_when_due(self, &run);
    }
    right_release(self, &run);
    account(self, &run, status, began_ns);
    space_state_unref(run.base);
    if (status != PBASE_OK) {
        pbase_error_note(err, "checkpoint");
    }
    return status;
}

pbase_status engine_checkpoint(engine *self, const pbase_call *call, pbase_error *err)
{
    return checkpoint(self, call, call, CHECKPOINT_ALONE, NULL, NULL, err);
}

/* The room that the storage keeps ready for giving space back, if it does. */
static bool reserve_release(engine *self, const pbase_call *call)
{
    pbase_buffer answer;
    pbase_buffer_init(&answer, self->host->alloc);
    pbase_status status = pbase_storage_control(self->storage, call, PBASE_STORAGE_RELEASE_RESERVE,
                                                pbase_bytes_of(NULL, 0), &answer, NULL);
    pbase_buffer_fini(&answer);
    return status == PBASE_OK;
}

pbase_status engine_compact(engine *self, const pbase_call *call, const sweep_listener *asked_by,
                            sweep_report *out, pbase_error *err)
{
    *out = (sweep_report){.segments = 0};
    pbase_status status = checkpoint(self, call, call, CHECKPOINT_COMPACTS, asked_by, out, err);
    if (status == PBASE_NO_SPACE && reserve_release(self, call)) {
        *out = (sweep_report){.segments = 0};
        status = checkpoint(self, call, call, CHECKPOINT_COMPACTS, asked_by, out, err);
    }
    return status;
}

/* ---------------------------------------------------------------------------- background ---- */

#define SETTLER_NAP_MS 200u    /* how late growth of memory alone is noticed */
#define SETTLER_RETRY_MS 1000u /* after a failure */

/* Applies what waits, if it is much; the queue is locked before and after. False: it failed. */
static bool apply_when_due(engine *self)
{
    if (self->deferred.bytes <= DEFERRED_APPLY_BYTES) {
        return true;
    }
    pbase_error why;
    pbase_error_init(&why);
    engine_unlock(self, self->queue_mutex);
    pbase_status status = deferred_advance(self, DEFERRED_APPLY_BYTES, &why);
    if (status != PBASE_OK) {
        pbase_log_write(self->host->log, PBASE_LOG_WARNING, "core/commit",
                        "%s; nothing is lost, it is tried again", why.message);
    }
    engine_lock(self, self->queue_mutex);
    return status == PBASE_OK;
}

/* Makes leaves of patches while nothing else happens; the queue is locked before and after. */
static void fold_when_due(engine *self)
{
    const pbase_os *os = self->host->os;
    int64_t unused;
    uint64_t written = store_written_patches(self->bytes), now_ns = os->system->monotonic_ns(os);
    if (self->poisoned || !engine_settles_elsewhere(self) ||
        !fold_need_is_due(&self->fold_need, now_ns, deferred_sequence(self, &unused), written)) {
        return;
    }
    pbase_error why;
    pbase_call now = {.deadline_ns = now_ns};
    sweep_report report = {.segments = 0};
    pbase_error_init(&why);
    engine_unlock(self, self->queue_mutex);
    pbase_status status = checkpoint(self, &now, &now, CHECKPOINT_FOLDS, NULL, &report, &why);
    log_failure(self, "core/fold", status, &why);
    const fold_outcome outcome = {.is_failed = status != PBASE_OK || report.move_failed,
                                  .bytes = report.planned_bytes,
                                  .loose = report.loose_patches,
                                  .live = report.live_patches,
                                  .written = written};
    engine_lock(self, self->queue_mutex);
    fold_need_note(&self->fold_need, os->system->monotonic_ns(os), &outcome);
}

static void settler_run(void *engine_pointer)
{
    engine *self = engine_pointer;
    const pbase_os *os = self->host->os;
    engine_lock(self, self->queue_mutex);
    while (!self->settler_stops) {
        uint64_t nap_ms = apply_when_due(self) ? SETTLER_NAP_MS : SETTLER_RETRY_MS;
        if (engine_checkpoint_is_due(self)) {
            pbase_error why;
            pbase_call now = {.deadline_ns = os->system->monotonic_ns(os)};
            pbase_error_init(&why);
            engine_unlock(self, self->queue_mutex);
            /* Several processes are due at the same time: one of them does it. */
            pbase_status status = checkpoint(self, &now, NULL, CHECKPOINT_ALONE, NULL, NULL, &why);
            if (status == PBASE_BUSY) {
                nap_ms = SETTLER_NAP_MS;
            } else if (status != PBASE_OK) {
                nap_ms = SETTLER_RETRY_MS;
                pbase_log_write(self->host->log, PBASE_LOG_WARNING, "core/checkpoint",
                                "%s; nothing is lost, the journal keeps everything", why.message);
            }
            engine_lock(self, self->queue_mutex);
            if (status == PBASE_OK) {
                continue;
            }
        }
        fold_when_due(self);
        if (self->settler_stops ||
            (nap_ms == SETTLER_NAP_MS && self->deferred.bytes > DEFERRED_APPLY_BYTES)) {
            continue; /* it was woken meanwhile */
        }
        (void)os->lock->cond_wait(self->settler_wakes, self->queue_mutex,
                                  pbase_os_deadline(os, nap_ms));
        if (self->is_shared && !self->settler_stops) { /* so that nobody falls far behind */
            engine_unlock(self, self->queue_mutex);
            pbase_status status = engine_refresh_others(self, NULL);
            status = status == PBASE_OK ? engine_take_anchor(self, NULL) : status;
            (void)status; /* whoever begins next is told */
            engine_needs_say(self);
            engine_lock(self, self->queue_mutex);
        }
    }
    engine_unlock(self, self->queue_mutex);
}

/* With the queue locked. */
static pbase_status settler_start(engine *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_status status =
        os->thread->start(os, "pbase-settler", settler_run, self, &self->settler, err);
    atomic_store_explicit(&self->has_settler, status == PBASE_OK, memory_order_relaxed);
    return status;
}

pbase_status engine_settler_ensure(engine *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (atomic_load_explicit(&self->has_settler, memory_order_relaxed)) {
        return PBASE_OK;
    }
    engine_lock(self, self->queue_mutex);
    if (self->settler == NULL && !self->settler_stops) {
        status = settler_start(self, err);
    }
    engine_unlock(self, self->queue_mutex);
    return status;
}

pbase_status engine_settler_begin(engine *self, pbase_error *err)
{
    engine_lock(self, self->queue_mutex);
    pbase_status status = engine_checkpoint_is_due(self) ? settler_start(self, err) : PBASE_OK;
    engine_unlock(self, self->queue_mutex);
    return status;
}
