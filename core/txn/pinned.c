/* pinned.c - five walks over one set of what was seen.
 *
 * States are found by their sequences: those that only snapshots see are no open transaction's, and are
 * older than the newest. Kept checkpoints are pinned for as long as it takes, and what states reach
 * stays while somebody has a count of them, so nothing is let go of under the walks. */
#include "txn/pinned.h"

#include "atom/ref_set.h"
#include "collection/kind.h"
#include "collection/tree.h"
#include "store/atom_format.h"
#include "txn/engine_private.h"
#include "txn/needs.h"
#include "txn/replay.h"

#define LOCK_CHECKPOINT "checkpoint"

typedef struct {
    uint64_t *items;
    size_t count, capacity;
} sequences;

typedef struct {
    engine *engine;
    const pbase_call *call;
    bool has_transform;  /* sizes of payloads say nothing of what atoms take */
    sequences snapshots; /* what open ones see */
    sequences readers;   /* what transactions began with */
    uint64_t newest;     /* sequence */
    engine_pin *pins;    /* RETAINED_MAX; of `kept` */
    retained_list kept;
    ref_set seen;
    uint64_t bytes; /* of what was seen first in the step under way */
} pinned_run;

/* ----------------------------------------------------------------------------- who is there --- */

static bool sequences_have(const sequences *self, uint64_t sequence)
{
    bool found = false;
    for (size_t i = 0; i < self->count && !found; i++) {
        found = self->items[i] == sequence;
    }
    return found;
}

static pbase_status sequences_reserve(sequences *self, const pbase_alloc *alloc, size_t count,
                                      pbase_error *err)
{
    uint64_t *items =
        alloc->resize(alloc, self->items, self->capacity * sizeof *items, count * sizeof *items);
    if (items == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to list %zu snapshots", count);
    }
    self->items = items;
    self->capacity = count;
    return PBASE_OK;
}

/* With the queue locked; what there is no room for is counted all the same. */
static void sequences_add(sequences *self, uint64_t sequence)
{
    if (self->count < self->capacity) {
        self->items[self->count] = sequence;
    }
    self->count++;
}

/* With the queue locked. */
static void note_snapshots(pinned_run *run, pinned_report *report)
{
    const engine *self = run->engine;
    uint64_t now_ns = self->host->os->system->monotonic_ns(self->host->os);
    for (const engine_snapshot *at = self->snapshots; at != NULL; at = at->older) {
        uint64_t opened_ns = atomic_load_explicit(&at->opened_ns, memory_order_acquire);
        uint64_t sequence = atomic_load_explicit(&at->sequence, memory_order_relaxed);
        if (opened_ns == 0) {
            continue;
        }
        uint64_t age_ns = now_ns > opened_ns ? now_ns - opened_ns : 0;
        bool is_first = run->snapshots.count == 0;
        if (is_first || sequence < report->oldest_sequence) {
            report->oldest_sequence = sequence;
            report->oldest_age_ns = age_ns;
        } else if (sequence == report->oldest_sequence && age_ns > report->oldest_age_ns) {
            report->oldest_age_ns = age_ns;
        }
        sequences_add(&run->snapshots, sequence);
    }
    report->snapshots = run->snapshots.count;
}

/* Memory is asked for with the queue let go of: more may be there by then, and it is looked again. */
static pbase_status note_all(pinned_run *run, pinned_report *report, pbase_error *err)
{
    engine *self = run->engine;
    const pbase_alloc *alloc = self->host->alloc;
    pbase_status status = PBASE_OK;
    for (bool fits = false; status == PBASE_OK && !fits;) {
        run->snapshots.count = run->readers.count = 0;
        engine_lock(self, self->queue_mutex);
        run->newest = atomic_load(&self->newest)->sequence;
        *report = (pinned_report){.oldest_sequence = run->newest};
        note_snapshots(run, report);
        for (const engine_reader *at = self->readers_oldest; at != NULL; at = at->newer) {
            sequences_add(&run->readers, at->base->sequence);
        }
        engine_unlock(self, self->queue_mutex);
        fits = run->snapshots.count <= run->snapshots.capacity &&
               run->readers.count <= run->readers.capacity;
        if (!fits) {
            status = sequences_reserve(&run->snapshots, alloc, run->snapshots.count + 16, err);
        }
        if (!fits && status == PBASE_OK) {
            status = sequences_reserve(&run->readers, alloc, run->readers.count + 16, err);
        }
    }
    return status;
}

/* ---------------------------------------------------------------------------------- walking --- */

static pbase_status count_stored(pinned_run *run, atom_ref ref, uint32_t payload_bytes,
                                 pbase_error *err)
{
    uint64_t bytes = ATOM_HEADER_BYTES + (uint64_t)payload_bytes;
    pbase_status status = PBASE_OK;
    if (run->has_transform) {
        status = store_atom_extent(run->engine->bytes, atom_ref_pointer(ref), &bytes, err);
    }
    run->bytes += status == PBASE_OK ? bytes : 0;
    return status;
}

static pbase_status count_atom(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    pinned_run *run = state;
    bool first = false;
    pbase_status status = pbase_call_check(run->call, run->engine->host->os, err);
    if (status == PBASE_OK) {
        status = ref_set_add(&run->seen, atom->ref, &first, err);
    }
    if (status != PBASE_OK || !first) {
        return status == PBASE_OK ? PBASE_END : status;
    }
    atom_ref stored = atom->ref;
    if (atom_ref_is_memory(atom->ref)) { /* where it was written since, if it was */
        pbase_atom_pointer settled =
            atomic_load_explicit(&atom_ref_memory(atom->ref)->settled, memory_order_acquire);
        stored = settled == PBASE_ATOM_NONE ? ATOM_REF_NONE : atom_ref_of_pointer(settled);
        first = false;
        if (stored != ATOM_REF_NONE) {
            status = ref_set_add(&run->seen, stored, &first, err);
        }
    }
    return status == PBASE_OK && first ? count_stored(run, stored, atom->size, err) : status;
}

static pbase_status walk(pinned_run *run, atom_ref root, bool positional, pbase_error *err)
{
    const tree_visitor visitor = {.state = run, .atom = count_atom, .inner_only = true};
    return root == ATOM_REF_NONE
               ? PBASE_OK
               : tree_walk(store_atoms(run->engine->bytes), root, positional, &visitor, err);
}

/* Whose a state is. */
typedef enum { OF_NOW, OF_THE_PAST, OF_SNAPSHOTS, OF_THE_OLDEST } owner;

static owner owner_of(const pinned_run *run, const pinned_report *report, uint64_t sequence)
{
    if (sequence >= run->newest || sequences_have(&run->readers, sequence)) {
        return OF_NOW;
    }
    if (!sequences_have(&run->snapshots, sequence)) {
        return OF_THE_PAST;
    }
    return sequence == report->oldest_sequence ? OF_THE_OLDEST : OF_SNAPSHOTS;
}

static pbase_status walk_states(pinned_run *run, const pinned_report *report, owner wanted,
                                pbase_error *err)
{
    state_list *states = &run->engine->states;
    pbase_status status = PBASE_OK;
    space_state *state = state_list_newest(states);
    while (state != NULL && status == PBASE_OK) {
        if (owner_of(run, report, state->sequence) == wanted) {
            status = walk(run, state->catalog, false, err);
        }
        state = state_list_older(states, state);
    }
    space_state_unref(state);
    return status;
}

static pbase_status walk_adopted(void *state, uint64_t database, const delta_group *group,
                                 const adopted_content *content, pbase_error *err)
{
    (void)database;
    return walk(state, atom_ref_of_pointer(content->root), tree_kind_positional(group->kind), err);
}

/* What the journal keeps of adopted content; checkpoints go on trimming it. */
static pbase_status walk_journal(pinned_run *run, pbase_error *err)
{
    record_scan scan;
    replay_record record;
    record_scan_init(&scan, run->engine->bytes, run->engine->storage);
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = record_scan_open(&scan, run->call, 0, &why);
    while (status == PBASE_OK) {
        status = record_scan_next(&scan, run->call, &record, &why);
        if (status == PBASE_OK) {
            status = record_adopted_each(&record, walk_adopted, run, &why);
        }
    }
    record_scan_close(&scan);
    if (status == PBASE_END || status == PBASE_TRIMMED) { /* a checkpoint has let go of the rest */
        return PBASE_OK;
    }
    if (err != NULL) {
        *err = why;
    }
    return status;
}

static pbase_status walk_checkpoints(pinned_run *run, size_t from, size_t to, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = from; i < to && status == PBASE_OK; i++) {
        pbase_atom_pointer root = run->kept.items[i].root;
        status =
            root == PBASE_ATOM_NONE ? PBASE_OK : walk(run, atom_ref_of_pointer(root), false, err);
    }
    return status;
}

/* The newest checkpoint is what opening begins with. */
static pbase_status walk_now(pinned_run *run, const pinned_report *report, pbase_error *err)
{
    size_t count = run->kept.count;
    pbase_status status = walk_states(run, report, OF_NOW, err);
    return status == PBASE_OK && count > 0 ? walk_checkpoints(run, count - 1, count, err) : status;
}

static pbase_status walk_past(pinned_run *run, const pinned_report *report, pbase_error *err)
{
    pbase_status status = walk_states(run, report, OF_THE_PAST, err);
    if (status == PBASE_OK) {
        status = walk_checkpoints(run, 0, run->kept.count, err);
    }
    return status == PBASE_OK ? walk_journal(run, err) : status;
}

static pbase_status walk_foreign(pinned_run *run, pbase_atom_pointer root, pbase_error *err)
{
    atom_ref ref = atom_ref_of_pointer(root);
    bool positional = false;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status =
        tree_root_positional(store_atoms(run->engine->bytes), ref, &positional, &why);
    if (status == PBASE_OK) {
        status = walk(run, ref, positional, &why);
    }
    if ((status == PBASE_CORRUPT || status == PBASE_LOST) &&
        !others_need_root(run->engine, run->call, root)) {
        return PBASE_OK;
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

static pbase_status walk_roots(pinned_run *run, const others_needs *others, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < others->count && status == PBASE_OK; i++) {
        status = walk_foreign(run, others->roots[i], err);
    }
    return status;
}

/* What they say they need may be given back as soon as they say it no more, but by nobody who has not the
 * right to settle. */
static pbase_status walk_processes(pinned_run *run, pinned_report *report, pbase_error *err)
{
    engine *self = run->engine;
    others_needs others;
    uint64_t fence = 0;
    if (!self->is_shared) {
        return PBASE_OK;
    }
    pbase_status status = pbase_storage_lock_acquire(self->storage, run->call, LOCK_CHECKPOINT,
                                                     PBASE_LOCK_EXCLUSIVE, 0, &fence, err);
    if (status != PBASE_OK) {
        return status;
    }
    others_needs_init(&others, self->host->alloc);
    status = others_needs_read(self, run->call, &others, err);
    report->processes = others.users;
    report->processes_hold_all = others.everything;
    if (status == PBASE_OK) {
        status = walk_roots(run, &others, err);
    }
    others_needs_fini(&others);
    pbase_storage_lock_release(self->storage, LOCK_CHECKPOINT, fence);
    return status;
}

/* What a step adds. */
static uint64_t take_bytes(pinned_run *run)
{
    uint64_t bytes = run->bytes;
    run->bytes = 0;
    return bytes;
}

static pbase_status walk_all(pinned_run *run, pinned_report *report, pbase_error *err)
{
    pbase_status status = walk_now(run, report, err);
    (void)take_bytes(run);
    if (status == PBASE_OK) {
        status = walk_past(run, report, err);
        report->past_bytes = take_bytes(run);
    }
    if (status == PBASE_OK) {
        status = walk_processes(run, report, err);
        report->processes_bytes = take_bytes(run);
    }
    if (status == PBASE_OK) {
        status = walk_states(run, report, OF_SNAPSHOTS, err);
        report->snapshots_bytes = take_bytes(run);
    }
    if (status == PBASE_OK) {
        status = walk_states(run, report, OF_THE_OLDEST, err);
        report->oldest_bytes = take_bytes(run);
        report->snapshots_bytes += report->oldest_bytes;
    }
    return status;
}

/* ------------------------------------------------------------------------------------ whole --- */

static pbase_status pin_kept(pinned_run *run, pbase_error *err)
{
    engine *self = run->engine;
    uint64_t newest;
    int64_t newest_ns;
    pbase_position end;
    run->pins = pbase_alloc_zeroed(self->host->alloc, RETAINED_MAX, sizeof *run->pins);
    if (run->pins == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to keep the past meanwhile");
    }
    pbase_status status = retained_list_reserve(&run->kept, RETAINED_MAX, err);
    if (status == PBASE_OK) {
        history_pin_all(self, run->pins, &run->kept, &newest, &newest_ns, &end);
    }
    return status;
}

static void run_end(pinned_run *run)
{
    const pbase_alloc *alloc = run->engine->host->alloc;
    for (size_t i = 0; i < run->kept.count; i++) {
        history_unpin(run->engine, &run->pins[i]);
    }
    pbase_alloc_free(alloc, run->pins, RETAINED_MAX * sizeof *run->pins);
    retained_list_fini(&run->kept);
    pbase_alloc_free(alloc, run->snapshots.items, run->snapshots.capacity * sizeof(uint64_t));
    pbase_alloc_free(alloc, run->readers.items, run->readers.capacity * sizeof(uint64_t));
    ref_set_fini(&run->seen);
}

pbase_status engine_pinned(engine *self, const pbase_call *call, pinned_report *out,
                           pbase_error *err)
{
    pinned_run run = {.engine = self, .call = call};
    pinned_report report;
    retained_list_init(&run.kept, self->host->alloc);
    ref_set_init(&run.seen, self->host->alloc);
    pbase_status status = store_has_transform(self->bytes, &run.has_transform, err);
    if (status == PBASE_OK) {
        status = pin_kept(&run, err);
    }
    if (status == PBASE_OK) {
        status = note_all(&run, &report, err);
    }
    if (status == PBASE_OK) {
        status = walk_all(&run, &report, err);
    }
    run_end(&run);
    if (status == PBASE_OK) {
        *out = report;
    }
    return status;
}
