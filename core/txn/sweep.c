/* sweep.c - what is alive, and letting go of the rest.
 *
 * The order of the first steps decides: (1) list the segments, and how far the one that grows has been
 * written; (2) ask the other processes what they need (needs.h), and take over what they and those before
 * us committed; (3) with the queue locked, be sure that no transaction has atoms which no state reaches,
 * and note the roots that need no state. Whatever is written later goes to segments that are not in
 * the list or behind what is listed of them, and whoever comes later begins with something that is
 * marked.
 *
 * Then a full segment without a mark is retired; of the others, runs of whole blocks that no marked
 * atom touches are given back where they lie, if the segment takes more than its live blocks. */
#include "txn/sweep.h"

#include "collection/kind.h"
#include "collection/tree.h"
#include "store/atom_format.h"
#include "txn/engine_private.h"
#include "txn/marks.h"
#include "txn/replay.h"

/* A root that only a pointer names. */
typedef struct {
    pbase_atom_pointer *items;
    size_t count, capacity;
} root_list;

typedef struct {
    uint64_t *items;
    size_t count, capacity;
} sequence_array;

typedef struct {
    engine *engine;
    const pbase_call *call;
    marks marks;
    root_list roots;     /* of checkpoints; the newest one is the last */
    root_list needed;    /* what others are told that we need */
    others_needs others; /* of other processes */
    sequence_array held; /* of states that somebody has looked at for a while */
    ref_set leaves;      /* behind patches, to become one with them */
    uint64_t leaf_bytes; /* of these */
    uint64_t leaf_bytes_max;
    uint64_t patches;       /* that are alive */
    uint64_t loose_patches; /* that could become one with their leaves, if there were no limit */
    bool is_newest;         /* the newest checkpoint is marked: its patches may */
    bool has_transform;     /* sizes of payloads say nothing of what atoms take */
    const sweep_listener *asked_by; /* wants it whole; NULL: nobody waits for it */
    uint64_t done, total, told;     /* of progress */
} sweep;

/* Less is not worth the calls: a sixty-fourth of the segment, and a block. */
#define PUNCH_PART 64u

/* ------------------------------------------------------------------------------ candidates ---- */

static pbase_status add_segment(void *state, const pbase_segment_info *segment, pbase_error *err)
{
    sweep *self = state;
    return marks_add_segment(&self->marks, segment, err);
}

/* What others need is asked before what they have committed is taken over: a record that one of them
 * appended names what it needed before. */
static pbase_status ask_others(sweep *self, pbase_error *err)
{
    pbase_status status = others_needs_read(self->engine, self->call, &self->others, err);
    if (status == PBASE_OK && self->others.everything) {
        status = PBASE_FAIL(err, PBASE_BUSY,
                            "another process writes a large transaction, or keeps "
                            "more of the past than it can tell");
        pbase_error_hint(err, "space is given back when that has ended");
    }
    if (status == PBASE_OK) {
        status = engine_refresh(self->engine, err);
    }
    if (status == PBASE_OK) {
        status = engine_take_anchor(self->engine, err);
    }
    if (status == PBASE_OK && !engine_needs_anchored(self->engine)) {
        status =
            PBASE_FAIL(err, PBASE_BUSY, "a checkpoint of another process is not taken over yet");
    }
    return status;
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
    for (const engine_pin *pin = self->history.pins; pin != NULL; pin = pin->next) {
        root_add(roots, pin->root);
    }
    for (size_t i = 0; i < self->history.kept.count; i++) {
        root_add(roots, self->history.kept.items[i].root);
    }
}

/* Who has had a snapshot open for so long may have it for hours; and so may a transaction that began
 * before that. */
#define HELD_LONG_NS (UINT64_C(1000) * 1000 * 1000)

/* A state that was the newest so long ago, or before; 0: none is known. With the queue locked. */
static uint64_t newest_long_ago(engine *self, uint64_t now_ns)
{
    if (now_ns >= self->noted_ns + HELD_LONG_NS) {
        self->long_ago_sequence = self->noted_sequence;
        self->noted_sequence = atomic_load(&self->newest)->sequence;
        self->noted_ns = now_ns;
    }
    return self->long_ago_sequence;
}

/* With the queue locked; there is room. */
static void held_note(engine *self, sequence_array *held)
{
    const pbase_os *os = self->host->os;
    uint64_t now_ns = os->system->monotonic_ns(os);
    uint64_t long_ago = newest_long_ago(self, now_ns);
    for (const engine_snapshot *at = self->snapshots; at != NULL; at = at->older) {
        uint64_t opened_ns = atomic_load_explicit(&at->opened_ns, memory_order_relaxed);
        if (opened_ns != 0 && opened_ns + HELD_LONG_NS <= now_ns) {
            held->items[held->count++] = atomic_load_explicit(&at->sequence, memory_order_relaxed);
        }
    }
    for (const engine_reader *at = self->readers_oldest; at != NULL; at = at->newer) {
        if (at->base->sequence < long_ago) {
            held->items[held->count++] = at->base->sequence;
        }
    }
}

/* With the queue locked. */
static size_t held_wanted(const engine *self)
{
    size_t count = self->reader_count;
    for (const engine_snapshot *at = self->snapshots; at != NULL; at = at->older) {
        count++;
    }
    return count;
}

static pbase_status rooms_make(sweep *self, size_t roots, size_t states, pbase_error *err)
{
    const pbase_alloc *alloc = self->engine->host->alloc;
    pbase_alloc_free(alloc, self->roots.items, self->roots.capacity * sizeof *self->roots.items);
    pbase_alloc_free(alloc, self->held.items, self->held.capacity * sizeof *self->held.items);
    self->roots.capacity = roots + 16;
    self->held.capacity = states + 16;
    self->roots.items = pbase_alloc_zeroed(alloc, self->roots.capacity, sizeof *self->roots.items);
    self->held.items = pbase_alloc_zeroed(alloc, self->held.capacity, sizeof *self->held.items);
    if (self->roots.items != NULL && self->held.items != NULL) {
        return PBASE_OK;
    }
    self->roots.capacity = self->roots.items == NULL ? 0 : self->roots.capacity;
    self->held.capacity = self->held.items == NULL ? 0 : self->held.capacity;
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the roots that are kept");
}

/* Memory is asked for with the queue let go of: whoever pins meanwhile makes it begin again. */
static pbase_status roots_take(sweep *run, pbase_error *err)
{
    engine *self = run->engine;
    for (;;) {
        engine_lock(self, self->queue_mutex);
        size_t wanted = roots_wanted(self), states = held_wanted(self);
        size_t unnamed = self->unnamed;
        bool fits = wanted <= run->roots.capacity && states <= run->held.capacity;
        if (unnamed == 0 && fits) {
            roots_note(self, &run->roots);
            held_note(self, &run->held);
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
        pbase_status status = rooms_make(run, wanted, states, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
}

static void rooms_free(sweep *self)
{
    const pbase_alloc *alloc = self->engine->host->alloc;
    pbase_alloc_free(alloc, self->roots.items, self->roots.capacity * sizeof *self->roots.items);
    pbase_alloc_free(alloc, self->held.items, self->held.capacity * sizeof *self->held.items);
    pbase_alloc_free(alloc, self->needed.items, self->needed.capacity * sizeof *self->needed.items);
}

/* -------------------------------------------------------------------------------- progress ---- */

static uint64_t held_bytes(const segment_marks *segment)
{
    return segment->held_bytes != 0 ? segment->held_bytes : segment->bytes;
}

#define TELL_BYTES (UINT64_C(4) << 20)

/* Tells whoever listens that `done` of the total are looked at. */
static pbase_status tell(sweep *self, uint64_t done, pbase_error *err)
{
    self->done = done < self->total ? done : self->total;
    bool is_far = self->done - self->told >= TELL_BYTES || self->done == self->total;
    if (self->asked_by == NULL || self->asked_by->progress == NULL || !is_far ||
        self->done == self->told) {
        return PBASE_OK;
    }
    self->told = self->done;
    return self->asked_by->progress(self->asked_by->state, self->done, self->total, err);
}

/* --------------------------------------------------------------------------------- marking ---- */

/* Marks an atom of `payload_bytes` with what it takes of its segment. */
static pbase_status mark_one(sweep *self, atom_ref ref, uint32_t payload_bytes, bool *out_first,
                             pbase_error *err)
{
    segment_marks *segment = NULL;
    uint64_t bytes = ATOM_HEADER_BYTES + (uint64_t)payload_bytes;
    pbase_status status = marks_add(&self->marks, ref, out_first, &segment, err);
    if (status != PBASE_OK || !*out_first || segment == NULL) {
        return status;
    }
    if (self->has_transform) {
        status = store_atom_extent(self->engine->bytes, atom_ref_pointer(ref), &bytes, err);
    }
    if (status == PBASE_OK) {
        marks_cover(&self->marks, segment, pbase_atom_pointer_offset(atom_ref_pointer(ref)), bytes);
        uint64_t done = self->done + bytes;
        status = tell(self, done < self->total / 2 ? done : self->total / 2, err);
    }
    return status;
}

/* A leaf behind a patch, neither of which was reached before. In the order of keys, so that the leaves before a
 * limit empty segments. */
static pbase_status note_patched(sweep *self, const tree_walk_atom *leaf, pbase_error *err)
{
    bool first = false;
    self->loose_patches++;
    if (self->leaf_bytes >= self->leaf_bytes_max) {
        return PBASE_OK;
    }
    self->leaf_bytes += ATOM_HEADER_BYTES + (uint64_t)leaf->size;
    return ref_set_add(&self->leaves, leaf->ref, &first, err);
}

static pbase_status mark_atom(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    sweep *self = state;
    bool first = false;
    pbase_status status = pbase_call_check(self->call, self->engine->host->os, err);
    if (status == PBASE_OK) {
        status = mark_one(self, atom->ref, atom->size, &first, err);
    }
    if (status != PBASE_OK || !first) {
        return status == PBASE_OK ? PBASE_END : status;
    }
    self->patches += atom->type == ATOM_PATCH && atom_ref_is_stored(atom->ref);
    if (atom->is_base && self->is_newest) {
        return note_patched(self, atom, err);
    }
    if (atom_ref_is_memory(atom->ref)) { /* a later settle may name where it was written */
        pbase_atom_pointer settled =
            atomic_load_explicit(&atom_ref_memory(atom->ref)->settled, memory_order_acquire);
        if (settled != PBASE_ATOM_NONE) { /* not larger: it was cut to size */
            status = mark_one(self, atom_ref_of_pointer(settled), atom->size, &first, err);
            if (self->engine->is_shared && (status == PBASE_CORRUPT || status == PBASE_LOST)) {
                status = PBASE_OK; /* an older state, which nobody was told needs that */
            }
        }
    }
    return status;
}

static pbase_status mark_tree(sweep *self, atom_ref root, bool positional, pbase_error *err)
{
    const tree_visitor visitor = {.state = self, .atom = mark_atom, .inner_only = true};
    return tree_walk(store_atoms(self->engine->bytes), root, positional, &visitor, err);
}

static bool is_held_long(const sweep *self, uint64_t sequence)
{
    bool found = false;
    for (size_t i = 0; i < self->held.count && !found; i++) {
        found = self->held.items[i] == sequence;
    }
    return found;
}

/* All states that there are, or those that have been looked at for long. */
static pbase_status mark_states(sweep *self, bool held_long, pbase_error *err)
{
    state_list *states = &self->engine->states;
    pbase_status status = PBASE_OK;
    space_state *state = state_list_newest(states);
    while (state != NULL && status == PBASE_OK) {
        if (!held_long || is_held_long(self, state->sequence)) {
            status = mark_tree(self, state->catalog, false, err);
        }
        state = state_list_older(states, state);
    }
    space_state_unref(state);
    return status;
}

/* A tree that a record names, before any state does. */
static pbase_status mark_adopted(void *state, uint64_t database, const delta_group *group,
                                 const adopted_content *content, pbase_error *err)
{
    (void)database;
    return mark_tree(state, atom_ref_of_pointer(content->root), tree_kind_positional(group->kind),
                     err);
}

static pbase_status scan_journal(sweep *self, pbase_error *err)
{
    record_scan scan;
    replay_record record;
    record_scan_init(&scan, self->engine->bytes, self->engine->storage);
    pbase_status status = record_scan_open(&scan, self->call, 0, err);
    while (status == PBASE_OK) {
        status = record_scan_next(&scan, self->call, &record, err);
        if (status == PBASE_OK) {
            status = record_adopted_each(&record, mark_adopted, self, err);
        }
    }
    record_scan_close(&scan);
    return status == PBASE_END ? PBASE_OK : status;
}

#define JOURNAL_TRIES 16u

/* What the kept part of the journal adopts: a state of the past may be made from it again. Where it begins
 * may have been moved by another process, which is noticed on the way: what is marked already stays so. */
static pbase_status mark_journal(sweep *self, pbase_error *err)
{
    pbase_error why;
    pbase_status status = PBASE_TRIMMED;
    for (unsigned i = 0; status == PBASE_TRIMMED && i < JOURNAL_TRIES; i++) {
        pbase_error_init(&why);
        status = scan_journal(self, &why);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

static pbase_status mark_root(sweep *self, atom_ref root, pbase_error *err)
{
    bool positional = false;
    pbase_status status =
        tree_root_positional(store_atoms(self->engine->bytes), root, &positional, err);
    return status == PBASE_OK ? mark_tree(self, root, positional, err) : status;
}

static pbase_status mark_roots(sweep *self, size_t from, size_t to, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = from; i < to && status == PBASE_OK; i++) {
        status = mark_root(self, atom_ref_of_pointer(self->roots.items[i]), err);
    }
    return status;
}

static uint64_t marked_bytes(const sweep *self)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < self->marks.count; i++) {
        bytes += self->marks.items[i].live_bytes;
    }
    return bytes;
}

/* A root that another process says it needs. */
static pbase_status mark_foreign(sweep *self, pbase_atom_pointer root, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = mark_root(self, atom_ref_of_pointer(root), &why);
    if ((status == PBASE_CORRUPT || status == PBASE_LOST) &&
        !others_need_root(self->engine, self->call, root)) {
        status = PBASE_OK;
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

/* What others need of an older checkpoint than the newest may be needed for long. */
static pbase_status mark_others(sweep *self, pbase_error *err)
{
    size_t own = self->roots.count;
    pbase_atom_pointer newest = own == 0 ? PBASE_ATOM_NONE : self->roots.items[own - 1];
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->others.count && status == PBASE_OK; i++) {
        if (self->others.roots[i] != newest) {
            status = mark_foreign(self, self->others.roots[i], err);
        }
    }
    return status;
}

typedef struct {
    sweep *sweep;
    uint64_t bytes;
} weight;

static pbase_status weigh_atom(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    weight *self = state;
    pbase_status status = pbase_call_check(self->sweep->call, self->sweep->engine->host->os, err);
    if (status == PBASE_OK && marks_has(&self->sweep->marks, atom->ref)) {
        return PBASE_END; /* and with it all below it */
    }
    self->bytes += ATOM_HEADER_BYTES + (uint64_t)atom->size;
    return status;
}

#define TOLD_PART 16u

/* While nobody else is there, a root is kept for the sake of those who may come only if it holds little beside
 * what states reach: what an old snapshot sees in memory has taken the place of much of it. */
static pbase_status weigh_told(sweep *self, pbase_atom_pointer root, bool *out_worth_it,
                               pbase_error *err)
{
    weight told = {.sweep = self};
    uint64_t live = 0;
    bool positional = false;
    const tree_visitor visitor = {.state = &told, .atom = weigh_atom, .inner_only = true};
    if (self->others.users > 0) {
        return PBASE_OK;
    }
    for (size_t i = 0; i < self->marks.count; i++) {
        live += self->marks.items[i].live_bytes;
    }
    pbase_status status = tree_root_positional(store_atoms(self->engine->bytes),
                                               atom_ref_of_pointer(root), &positional, err);
    if (status == PBASE_OK) {
        status = tree_walk(store_atoms(self->engine->bytes), atom_ref_of_pointer(root), positional,
                           &visitor, err);
    }
    *out_worth_it = told.bytes <= live / TOLD_PART;
    return status;
}

/* What others are told, they follow: also what no state reaches of it has to stay. It is told anew between
 * looking and marking, so that nothing stands there which is not marked. */
static pbase_status mark_needed(sweep *self, pbase_error *err)
{
    state_list *states = &self->engine->states;
    const pbase_alloc *alloc = self->engine->host->alloc;
    root_list *list = &self->needed;
    pbase_status status = PBASE_OK;
    state_needs needs = {.capacity = 0};
    for (state_list_needs(states, &needs); needs.count > needs.capacity;
         state_list_needs(states, &needs)) {
        pbase_alloc_free(alloc, list->items, list->capacity * sizeof *list->items);
        list->capacity = needs.count + 16;
        list->items = pbase_alloc_zeroed(alloc, list->capacity, sizeof *list->items);
        if (list->items == NULL) {
            list->capacity = 0;
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the roots that are needed");
        }
        needs.roots = list->items;
        needs.capacity = list->capacity;
    }
    engine_needs_say(self->engine);
    for (size_t i = 0; i < needs.count && status == PBASE_OK; i++) {
        bool is_worth_it = true;
        status = weigh_told(self, list->items[i], &is_worth_it, err);
        if (status == PBASE_OK && is_worth_it) {
            status = mark_root(self, atom_ref_of_pointer(list->items[i]), err);
        } else if (status == PBASE_OK) {
            state_list_root_lose(states, list->items[i]);
        }
    }
    engine_needs_say(self->engine); /* without those that were lost */
    return status;
}

/* First what may be reached for long, then what only the newest checkpoint and state reach, and those
 * who look at them in passing. */
static pbase_status mark_all(sweep *self, sweep_report *out, pbase_error *err)
{
    size_t past = self->roots.count == 0 ? 0 : self->roots.count - 1;
    self->marks.is_pinning = true;
    pbase_status status = mark_roots(self, 0, past, err);
    if (status == PBASE_OK) {
        status = mark_others(self, err);
    }
    if (status == PBASE_OK) {
        status = mark_journal(self, err);
    }
    if (status == PBASE_OK) {
        status = mark_states(self, true, err);
    }
    self->marks.is_pinning = false;
    out->pinned_bytes = marked_bytes(self);
    self->is_newest = true;
    if (status == PBASE_OK) {
        status = mark_roots(self, past, self->roots.count, err);
    }
    self->is_newest = false;
    uint64_t lasting = marked_bytes(self);
    if (status == PBASE_OK) {
        status = mark_states(self, false, err);
    }
    if (status == PBASE_OK) {
        status = mark_needed(self, err);
    }
    out->passing_bytes = marked_bytes(self) - lasting;
    out->live_patches = self->patches;
    out->loose_patches = self->loose_patches;
    return status;
}

/* ---------------------------------------------------------------------------- letting go ------ */

/* A hole costs a microsecond or milliseconds: some file systems tell the device about each, and wait.
 * Small ones are left where that gives back less than so many bytes a microsecond; moving what is alive
 * around them is faster then. */
#define PUNCH_RATE_MIN 64u
#define PUNCH_RATE_MIN_ASKED 8u

static bool run_is_worth_it(const sweep *self, uint64_t bytes)
{
    uint64_t rate = self->asked_by != NULL ? PUNCH_RATE_MIN_ASKED : PUNCH_RATE_MIN;
    return bytes >= self->engine->punch_ns / 1000 * rate;
}

static pbase_status punch_run(sweep *self, const segment_marks *segment, uint64_t offset,
                              uint64_t bytes, pbase_error *err)
{
    engine *owner = self->engine;
    const pbase_os *os = owner->host->os;
    uint64_t began_ns = os->system->monotonic_ns(os);
    pbase_status status =
        store_segment_punch(owner->bytes, self->call, segment->log_id, offset, bytes, err);
    uint64_t took_ns = os->system->monotonic_ns(os) - began_ns;
    owner->punch_ns = owner->punch_ns - owner->punch_ns / 8 + took_ns / 8;
    return status;
}

static pbase_status punch_segment(sweep *self, segment_marks *segment, pbase_error *err)
{
    uint64_t offset = 0, bytes = 0;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && marks_dead_run(segment, &offset, &bytes)) {
        if (run_is_worth_it(self, bytes)) {
            status = punch_run(self, segment, offset, bytes, err);
        }
        offset += bytes;
    }
    return status;
}

/* Whether giving blocks back would make the segment smaller; each time, as nobody remembers which ones
 * are gone already. */
static bool is_worth_punching(const sweep *self, const segment_marks *segment)
{
    uint64_t live = marks_live_block_bytes(segment);
    uint64_t least = segment->bytes / PUNCH_PART;
    least = least < MARKS_BLOCK_BYTES ? MARKS_BLOCK_BYTES : least;
    return (self->engine->storage->vtable->capabilities & PBASE_STORAGE_PUNCH) != 0 &&
           !self->engine->cannot_punch && segment->held_bytes >= live + least;
}

/* UNSUPPORTED is no failure: the file system cannot, and is not asked again. */
static pbase_status let_go_of_blocks(sweep *self, segment_marks *segment, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    if (!is_worth_punching(self, segment)) {
        return PBASE_OK;
    }
    segment->is_punched = true;
    pbase_status status = punch_segment(self, segment, &why);
    self->engine->cannot_punch = status == PBASE_UNSUPPORTED;
    if (status != PBASE_OK && status != PBASE_UNSUPPORTED && err != NULL) {
        *err = why;
    }
    return status == PBASE_UNSUPPORTED ? PBASE_OK : status;
}

/* Others may have it open: removing it gives nothing back then before they close it, its blocks do. What
 * cannot be punched waits for that. */
static void blocks_go_first(sweep *self, const segment_marks *segment)
{
    uint64_t whole = segment->bytes / MARKS_BLOCK_BYTES * MARKS_BLOCK_BYTES;
    bool can_punch = (self->engine->storage->vtable->capabilities & PBASE_STORAGE_PUNCH) != 0 &&
                     !self->engine->cannot_punch;
    if (self->others.users > 0 && can_punch && whole > MARKS_BLOCK_BYTES) {
        pbase_status status =
            store_segment_punch(self->engine->bytes, self->call, segment->log_id, MARKS_BLOCK_BYTES,
                                whole - MARKS_BLOCK_BYTES, NULL);
        (void)status; /* see above */
    }
}

static pbase_status let_go(sweep *self, segment_marks *segment, sweep_report *out, pbase_error *err)
{
    if (segment->is_foreign && self->others.users > 0) {
        return PBASE_OK; /* somebody may be writing where it ends */
    }
    if (segment->begins != NULL || !segment->is_sealed) {
        return let_go_of_blocks(self, segment, err);
    }
    blocks_go_first(self, segment);
    pbase_status status =
        store_segment_retire(self->engine->bytes, self->call, segment->log_id, err);
    segment->is_retired = status == PBASE_OK;
    out->freed_segments += status == PBASE_OK;
    out->freed_bytes += status == PBASE_OK ? held_bytes(segment) : 0;
    return status;
}

typedef struct {
    sweep *sweep;
    sweep_report *report;
} gain;

/* What a segment takes now that blocks of it were given back. */
static pbase_status count_gain(void *state, const pbase_segment_info *info, pbase_error *err)
{
    const gain *self = state;
    segment_marks *segment = marks_segment(&self->sweep->marks, info->log_id);
    (void)err;
    if (segment == NULL || info->held_bytes == 0) {
        return PBASE_OK;
    }
    if (segment->is_punched && info->held_bytes < segment->held_bytes) {
        self->report->freed_bytes += segment->held_bytes - info->held_bytes;
        self->report->punched_bytes += segment->held_bytes - info->held_bytes;
    }
    segment->held_bytes = info->held_bytes;
    return PBASE_OK;
}

static pbase_status let_all_go(sweep *self, sweep_report *out, pbase_error *err)
{
    gain counted = {self, out};
    pbase_status status =
        tell(self, self->total / 2, err); /* what was not marked was looked at, too */
    for (size_t i = 0; i < self->marks.count && status == PBASE_OK; i++) {
        segment_marks *segment = &self->marks.items[i];
        out->segments++;
        out->bytes += held_bytes(segment);
        out->live_bytes += segment->live_bytes;
        pbase_error why;
        pbase_error_init(&why);
        status = let_go(self, segment, out, &why);
        if (status == PBASE_NOT_FOUND && segment->begins == NULL) {
            segment->is_retired = true; /* another process did, before it was listed here */
            status = PBASE_OK;
        } else if (status != PBASE_OK && err != NULL) {
            *err = why;
        }
        if (status == PBASE_OK) {
            status = tell(self, self->total / 2 + out->bytes, err);
        }
    }
    return status == PBASE_OK ? pbase_storage_segments_list(self->engine->storage, self->call,
                                                            count_gain, &counted, err)
                              : status;
}

static uint64_t at_most(uint64_t bytes, uint64_t most)
{
    return bytes < most ? bytes : most;
}

/* The next checkpoint writes no more anew than was written since the last sweep, so that cleaning takes
 * half of the disk at most; who waits for it gets it in rounds of so much. */
#define MOVE_BYTES_MIN (UINT64_C(8) << 20)
#define GAIN_MIN 2u /* a quarter of a segment */
#define GAIN_MIN_ASKED 1u

/* Leaves that become one with their patches leave their segments by that: what is left decides what is worth
 * moving. */
static void discount_patched(sweep *self)
{
    const ref_set *leaves = &self->leaves;
    for (size_t i = 0; i < leaves->capacity; i++) {
        atom_ref ref = leaves->refs[i];
        segment_marks *segment =
            ref == ATOM_REF_NONE
                ? NULL
                : marks_segment(&self->marks, pbase_atom_pointer_log(atom_ref_pointer(ref)));
        if (segment != NULL) {
            uint64_t bytes = self->leaf_bytes / leaves->count; /* of one, about */
            uint64_t left = segment->live_bytes - segment->pinned_bytes;
            segment->live_bytes -= bytes < left ? bytes : left;
        }
    }
}

static pbase_status plan_moves(sweep *self, pbase_error *err)
{
    engine *owner = self->engine;
    uint64_t written = store_written_bytes(owner->bytes);
    uint64_t since = written - owner->swept_written_bytes;
    move_limits limits = {.bytes_max = since > MOVE_BYTES_MIN ? since : MOVE_BYTES_MIN,
                          .gain_min = GAIN_MIN};
    if (self->asked_by != NULL) {
        uint64_t left = SWEEP_BYTES_ASKED - at_most(self->leaf_bytes, SWEEP_BYTES_ASKED);
        limits = (move_limits){.bytes_max = left, .gain_min = GAIN_MIN_ASKED};
    }
    for (size_t i = 0; i < self->marks.count; i++) { /* those that are gone take nothing */
        segment_marks *segment = &self->marks.items[i];
        segment->held_bytes = segment->is_retired ? 0 : held_bytes(segment);
    }
    owner->swept_written_bytes = written;
    discount_patched(self);
    pbase_status status = move_plan_make(&owner->moves, &self->marks, &limits, err);
    if (status == PBASE_OK) {
        move_plan_add_leaves(&owner->moves, &self->leaves, self->leaf_bytes);
    }
    return status;
}

pbase_status engine_sweep(engine *self, const pbase_call *call, const sweep_listener *asked_by,
                          uint64_t leaf_bytes_max, sweep_report *out, pbase_error *err)
{
    sweep run = {
        .engine = self, .call = call, .asked_by = asked_by, .leaf_bytes_max = leaf_bytes_max};
    *out = (sweep_report){.segments = 0};
    marks_init(&run.marks, self->host->alloc);
    ref_set_init(&run.leaves, self->host->alloc);
    others_needs_init(&run.others, self->host->alloc);
    pbase_status status = pbase_storage_segments_list(self->storage, call, add_segment, &run, err);
    if (status == PBASE_OK) {
        status = ask_others(&run, err);
    }
    if (status == PBASE_OK) {
        status = roots_take(&run, err);
    }
    if (status == PBASE_OK) { /* as it is now: others may have brought one in */
        status = store_has_transform(self->bytes, &run.has_transform, err);
    }
    for (size_t i = 0; i < run.marks.count; i++) {
        run.total += 2 * held_bytes(&run.marks.items[i]);
    }
    if (status == PBASE_OK) {
        status = mark_all(&run, out, err);
    }
    if (status == PBASE_OK) {
        status = let_all_go(&run, out, err);
    }
    if (status == PBASE_OK) {
        status = plan_moves(&run, err);
    }
    out->planned_bytes = status == PBASE_OK ? self->moves.bytes : 0;
    rooms_free(&run);
    ref_set_fini(&run.leaves);
    others_needs_fini(&run.others);
    marks_fini(&run.marks);
    return status;
}
