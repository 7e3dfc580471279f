/* sweep.c - what is alive, and letting go of the rest.
 *
 * The order of the first steps decides: (1) list the segments that nobody adds to any more; (2) be sure
 * that no other process has the space open, and take over what those before us committed; (3) with
 * the queue locked, be sure that no transaction has atoms which no state reaches, and note the roots
 * that need no state. Whatever is written later goes to segments that are not in the list, and
 * whoever comes later begins with something that is marked. */
#include "txn/sweep.h"

#include "collection/kind.h"
#include "collection/tree.h"
#include "txn/engine_private.h"
#include "txn/marks.h"
#include "txn/replay.h"

/* A root that only a pointer names. */
typedef struct {
    pbase_atom_pointer *items;
    size_t count, capacity;
} root_list;

typedef struct {
    engine *engine;
    const pbase_call *call;
    marks marks;
    root_list roots; /* of checkpoints */
} sweep;

/* ------------------------------------------------------------------------------ candidates ---- */

static pbase_status add_sealed(void *state, const pbase_segment_info *segment, pbase_error *err)
{
    sweep *self = state;
    return (segment->sealed & PBASE_SEGMENT_SEALED) == 0
               ? PBASE_OK
               : marks_add_segment(&self->marks, segment->log_id, segment->size_bytes, err);
}

static pbase_status be_alone(sweep *self, pbase_error *err)
{
    bool is_alone = false;
    pbase_status status = pbase_storage_is_alone(self->engine->storage, self->call, &is_alone, err);
    if (status == PBASE_OK && !is_alone) {
        status = PBASE_FAIL(err, PBASE_BUSY, "another process has the space open");
        pbase_error_hint(err, "space is given back when one process has it open alone");
    }
    return status == PBASE_OK ? engine_refresh(self->engine, err) : status;
}

/* ----------------------------------------------------------------------------------- roots ---- */

static void root_add(root_list *roots, pbase_atom_pointer root)
{
    if (root != PBASE_ATOM_NONE) {
        PBASE_ASSERT(roots->count < roots->capacity);
        roots->items[roots->count++] = root;
    }
}

/* With the queue locked. */
static size_t roots_wanted(const engine *self)
{
    size_t count = self->history.kept.count;
    for (const engine_pin *pin = self->history.pins; pin != NULL; pin = pin->next) {
        count++;
    }
    return count;
}

/* With the queue locked; there is room. */
static void roots_note(engine *self, root_list *roots)
{
    for (size_t i = 0; i < self->history.kept.count; i++) {
        root_add(roots, self->history.kept.items[i].root);
    }
    for (const engine_pin *pin = self->history.pins; pin != NULL; pin = pin->next) {
        root_add(roots, pin->root);
    }
}

/* Memory is asked for with the queue let go of: whoever pins meanwhile makes it begin again. */
static pbase_status roots_take(engine *self, root_list *roots, pbase_error *err)
{
    const pbase_alloc *alloc = self->host->alloc;
    for (;;) {
        engine_lock(self, self->queue_mutex);
        size_t wanted = roots_wanted(self), unnamed = self->unnamed;
        bool fits = wanted <= roots->capacity;
        if (unnamed == 0 && fits) {
            roots_note(self, roots);
        }
        engine_unlock(self, self->queue_mutex);
        if (unnamed > 0) {
            pbase_status status =
                PBASE_FAIL(err, PBASE_BUSY, "a large transaction is being written");
            pbase_error_hint(err, "space is given back when it has ended");
            return status;
        }
        if (fits) {
            return PBASE_OK;
        }
        pbase_alloc_free(alloc, roots->items, roots->capacity * sizeof *roots->items);
        roots->capacity = wanted + 16;
        roots->items = pbase_alloc_zeroed(alloc, roots->capacity, sizeof *roots->items);
        if (roots->items == NULL) {
            roots->capacity = 0;
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the roots that are kept");
        }
    }
}

/* --------------------------------------------------------------------------------- marking ---- */

static pbase_status mark_atom(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    sweep *self = state;
    bool first = false;
    pbase_status status = pbase_call_check(self->call, self->engine->host->os, err);
    if (status == PBASE_OK) {
        status = marks_add(&self->marks, atom->ref, atom->size, &first, err);
    }
    if (status != PBASE_OK || !first) {
        return status == PBASE_OK ? PBASE_END : status;
    }
    if (atom_ref_is_memory(atom->ref)) { /* a later settle may name where it was written */
        pbase_atom_pointer settled =
            atomic_load_explicit(&atom_ref_memory(atom->ref)->settled, memory_order_acquire);
        if (settled != PBASE_ATOM_NONE) {
            status = marks_add(&self->marks, atom_ref_of_pointer(settled), atom->size, &first, err);
        }
    }
    return status;
}

static pbase_status mark_tree(sweep *self, atom_ref root, bool positional, pbase_error *err)
{
    const tree_visitor visitor = {.state = self, .atom = mark_atom, .inner_only = true};
    return tree_walk(store_atoms(self->engine->bytes), root, positional, &visitor, err);
}

static pbase_status mark_states(sweep *self, pbase_error *err)
{
    state_list *states = &self->engine->states;
    pbase_status status = PBASE_OK;
    space_state *state = state_list_newest(states);
    while (state != NULL && status == PBASE_OK) {
        status = mark_tree(self, state->catalog, false, err);
        state = state_list_older(states, state);
    }
    space_state_unref(state);
    return status;
}

/* The trees that a record names, before any state does. */
static pbase_status mark_record(sweep *self, const replay_record *record, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(record->body);
    uint64_t database = 0, count = 0;
    if (record->head.kind != RECORD_DELTA) {
        return PBASE_OK;
    }
    if (!pbase_read_varint(&reader, &database) || !pbase_read_varint(&reader, &count)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta record is cut");
    }
    pbase_status status = PBASE_OK;
    for (uint64_t i = 0; i < count && status == PBASE_OK; i++) {
        delta_group group;
        adopted_content content;
        status = delta_group_read(&reader, &group, err);
        if (status != PBASE_OK || group.form != GROUP_ADOPT) {
            continue;
        }
        status = adopted_content_read(group.operations, &content, err);
        if (status == PBASE_OK && content.root != PBASE_ATOM_NONE) {
            status = mark_tree(self, atom_ref_of_pointer(content.root),
                               tree_kind_positional(group.kind), err);
        }
    }
    return status;
}

/* What the kept part of the journal adopts: a state of the past may be made from it again. */
static pbase_status mark_journal(sweep *self, pbase_error *err)
{
    record_scan scan;
    replay_record record;
    record_scan_init(&scan, self->engine->bytes, self->engine->storage);
    pbase_status status = record_scan_open(&scan, self->call, 0, err);
    while (status == PBASE_OK) {
        status = record_scan_next(&scan, self->call, &record, err);
        if (status == PBASE_OK) {
            status = mark_record(self, &record, err);
        }
    }
    record_scan_close(&scan);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status mark_all(sweep *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->roots.count && status == PBASE_OK; i++) {
        status = mark_tree(self, atom_ref_of_pointer(self->roots.items[i]), false, err);
    }
    if (status == PBASE_OK) {
        status = mark_states(self, err);
    }
    return status == PBASE_OK ? mark_journal(self, err) : status;
}

/* ---------------------------------------------------------------------------- letting go ------ */

static pbase_status retire_dead(sweep *self, sweep_report *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->marks.count && status == PBASE_OK; i++) {
        const segment_marks *segment = &self->marks.items[i];
        out->segments++;
        out->bytes += segment->bytes;
        out->live_bytes += segment->live_bytes;
        if (segment->begins == NULL) {
            status = store_segment_retire(self->engine->bytes, self->call, segment->log_id, err);
            out->freed_segments += status == PBASE_OK;
            out->freed_bytes += status == PBASE_OK ? segment->bytes : 0;
        }
    }
    return status;
}

pbase_status engine_sweep(engine *self, const pbase_call *call, sweep_report *out, pbase_error *err)
{
    sweep run = {.engine = self, .call = call};
    *out = (sweep_report){.segments = 0};
    marks_init(&run.marks, self->host->alloc);
    pbase_status status = pbase_storage_segments_list(self->storage, call, add_sealed, &run, err);
    if (status == PBASE_OK) {
        status = be_alone(&run, err);
    }
    if (status == PBASE_OK) {
        status = roots_take(self, &run.roots, err);
    }
    if (status == PBASE_OK) {
        status = mark_all(&run, err);
    }
    if (status == PBASE_OK) {
        status = retire_dead(&run, out, err);
    }
    pbase_alloc_free(self->host->alloc, run.roots.items,
                     run.roots.capacity * sizeof *run.roots.items);
    marks_fini(&run.marks);
    return status;
}
