/* hold.c - pins first, then marks: what is marked was pinned before anybody looked for it. */
#include "txn/hold.h"

#include "collection/kind.h"
#include "collection/tree.h"
#include "store/atom_format.h"
#include "txn/engine_private.h"

#include <inttypes.h>

#define LOCK_CHECKPOINT "checkpoint"

struct hold_root {
    engine_pin pin;
    hold_root *next;
};

/* ------------------------------------------------------------------------------- locking ------ */

static pbase_status journal_lock(engine_hold *hold, const pbase_call *call, pbase_error *err)
{
    engine *self = hold->engine;
    pbase_status status =
        self->is_shared ? pbase_storage_lock_acquire(self->storage, call, LOCK_CHECKPOINT,
                                                     PBASE_LOCK_EXCLUSIVE, 0, &hold->fence, err)
                        : PBASE_OK;
    return status == PBASE_OK ? engine_refresh(self, err) : status;
}

/* The records have been read: of the pins the roots stay. */
static void journal_unlock(engine_hold *hold)
{
    engine *self = hold->engine;
    engine_lock(self, self->queue_mutex);
    for (size_t i = 0; i < hold->pin_count; i++) {
        hold->pins[i].position = PBASE_POSITION_ANY;
    }
    engine_unlock(self, self->queue_mutex);
    engine_needs_say(self); /* before others may give space back */
    if (hold->fence != 0) {
        pbase_storage_lock_release(self->storage, LOCK_CHECKPOINT, hold->fence);
        hold->fence = 0;
    }
}

/* ------------------------------------------------------------------------------- marking ------ */

typedef struct {
    engine_hold *hold;
    const pbase_call *call;
} mark_run;

static pbase_status add_segment(void *state, const pbase_segment_info *segment, pbase_error *err)
{
    engine_hold *hold = state;
    return marks_add_segment(&hold->marks, segment, err);
}

#define WIDEN_BYTES (UINT64_C(1) << 20) /* the first step */

/* What another process writes to may be longer by now than was listed: at least as long as what is
 * referred to. A segment that is gone had nothing of ours. */
static pbase_status widen(engine_hold *hold, segment_marks *segment, const pbase_call *call,
                          pbase_error *err)
{
    uint64_t step = WIDEN_BYTES;
    size_t got = 1;
    pbase_status status = PBASE_OK;
    pbase_error why;
    pbase_error_init(&why);
    while (status == PBASE_OK && got > 0) {
        uint8_t byte;
        status = pbase_storage_segment_read(hold->engine->storage, call, segment->log_id,
                                            segment->bytes, &byte, sizeof byte, &got, &why);
        if (status == PBASE_OK && got > 0) {
            segment->bytes += step;
            step *= 2;
        }
    }
    if (status == PBASE_NOT_FOUND || status == PBASE_LOST) {
        return PBASE_OK;
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

static pbase_status list_segments(engine_hold *hold, const pbase_call *call, pbase_error *err)
{
    engine *self = hold->engine;
    pbase_status status = pbase_storage_segments_list(self->storage, call, add_segment, hold, err);
    for (size_t i = 0; i < hold->marks.count && status == PBASE_OK && self->is_shared; i++) {
        status = widen(hold, &hold->marks.items[i], call, err);
    }
    return status;
}

static pbase_status mark_atom(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    mark_run *run = state;
    marks *found = &run->hold->marks;
    segment_marks *segment = NULL;
    bool first = false;
    size_t others = found->others.count;
    pbase_status status = pbase_call_check(run->call, run->hold->engine->host->os, err);
    if (status == PBASE_OK) {
        status = marks_add(found, atom->ref, &first, &segment, err);
    }
    if (status == PBASE_OK && first && segment != NULL) { /* about: before the transforms */
        marks_cover(found, segment, pbase_atom_pointer_offset(atom_ref_pointer(atom->ref)),
                    (uint64_t)atom->size + ATOM_HEADER_BYTES);
    }
    if (status == PBASE_OK && found->others.count != others) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "segment %" PRIu32 " is missing",
                            pbase_atom_pointer_log(atom_ref_pointer(atom->ref)));
    }
    return status == PBASE_OK && !first ? PBASE_END : status;
}

static pbase_status mark_tree(engine_hold *hold, const pbase_call *call, pbase_atom_pointer root,
                              bool positional, pbase_error *err)
{
    mark_run run = {.hold = hold, .call = call};
    const tree_visitor visitor = {.state = &run, .atom = mark_atom, .inner_only = true};
    return root == PBASE_ATOM_NONE
               ? PBASE_OK
               : tree_walk(store_atoms(hold->engine->bytes), atom_ref_of_pointer(root), positional,
                           &visitor, err);
}

/* Content that a record adopts: pinned by itself, since the journal is let go of before the end. */
static pbase_status hold_adopted(void *state, uint64_t database, const delta_group *group,
                                 const adopted_content *content, pbase_error *err)
{
    const mark_run *run = state;
    engine_hold *hold = run->hold;
    (void)database;
    hold_root *root = pbase_alloc_zeroed(hold->engine->host->alloc, 1, sizeof *root);
    if (root == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to keep what a record adopts");
    }
    history_pin_root(hold->engine, &root->pin, content->root);
    root->next = hold->roots;
    hold->roots = root;
    return mark_tree(hold, run->call, content->root, tree_kind_positional(group->kind), err);
}

/* --------------------------------------------------------------------------------- whole ------ */

/* In a shared space the checkpoints are read where the journal says, since what this process lists may
 * be older: with the lock `checkpoint` held nobody lets go of any, and nobody sweeps. */
static pbase_status pin_stored(engine_hold *hold, const pbase_call *call, pbase_error *err)
{
    engine *self = hold->engine;
    pbase_journal_head journal;
    uint64_t fence = 0;
    pbase_status status =
        pbase_storage_journal_head(self->storage, call, PBASE_HEAD_LATEST, &journal, err);
    if (status == PBASE_OK) {
        status = engine_find_checkpoints(self, &journal, &hold->kept, &fence, err);
    }
    if (status == PBASE_OK && hold->kept.count > RETAINED_MAX) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a checkpoint keeps too many before it");
    }
    for (size_t i = 0; i < hold->kept.count && status == PBASE_OK; i++) {
        history_pin_root(self, &hold->pins[i], hold->kept.items[i].root);
        hold->pin_count++;
    }
    engine_lock(self, self->queue_mutex);
    hold->newest = self->newest->sequence;
    hold->newest_ns = self->newest->timestamp_ns;
    hold->end = self->published;
    engine_unlock(self, self->queue_mutex);
    return status;
}

static pbase_status pin_all(engine_hold *hold, const pbase_call *call, pbase_error *err)
{
    if (hold->fence != 0) {
        return pin_stored(hold, call, err);
    }
    history_pin_all(hold->engine, hold->pins, &hold->kept, &hold->newest, &hold->newest_ns,
                    &hold->end);
    hold->pin_count = hold->kept.count;
    return PBASE_OK;
}

static pbase_status hold_all(engine_hold *hold, const pbase_call *call, pbase_error *err)
{
    engine *self = hold->engine;
    hold->pins = pbase_alloc_zeroed(self->host->alloc, RETAINED_MAX, sizeof *hold->pins);
    if (hold->pins == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to keep what is copied");
    }
    pbase_status status = retained_list_reserve(&hold->kept, RETAINED_MAX, err);
    if (status == PBASE_OK) {
        status = journal_lock(hold, call, err);
    }
    if (status == PBASE_OK) {
        status = pin_all(hold, call, err);
    }
    if (status == PBASE_OK) {
        status = list_segments(hold, call, err);
    }
    for (size_t i = 0; i < hold->kept.count && status == PBASE_OK; i++) {
        status = mark_tree(hold, call, hold->kept.items[i].root, false, err);
    }
    return status;
}

pbase_status engine_hold_begin(engine *self, const pbase_call *call, engine_hold *out,
                               pbase_error *err)
{
    memset(out, 0, sizeof *out);
    retained_list_init(&out->kept, self->host->alloc);
    marks_init(&out->marks, self->host->alloc);
    out->engine = self;
    return hold_all(out, call, err);
}

pbase_status engine_hold_records(engine_hold *hold, const pbase_call *call, hold_record_each each,
                                 void *state, pbase_error *err)
{
    engine *self = hold->engine;
    pbase_position at = hold->kept.items[0].replay;
    mark_run run = {.hold = hold, .call = call};
    record_scan scan;
    pbase_status status = PBASE_OK;
    record_scan_init(&scan, self->bytes, self->storage);
    if (at < hold->end) {
        status = record_scan_open(&scan, call, at, err);
    }
    while (status == PBASE_OK && at < hold->end) {
        replay_record record;
        status = record_scan_next(&scan, call, &record, err);
        if (status == PBASE_END) {
            status = PBASE_FAIL(err, PBASE_CORRUPT, "the journal ends before commit %" PRIu64,
                                hold->newest);
        }
        if (status == PBASE_OK && record.head.kind != RECORD_CHECKPOINT) {
            status = record_adopted_each(&record, hold_adopted, &run, err);
            status = status == PBASE_OK ? each(state, &record, err) : status;
        }
        at = status == PBASE_OK ? record.next : at;
    }
    record_scan_close(&scan);
    journal_unlock(hold);
    return status;
}

void engine_hold_end(engine_hold *hold)
{
    engine *self = hold->engine;
    if (self == NULL) {
        return;
    }
    const pbase_alloc *alloc = self->host->alloc;
    if (hold->fence != 0) {
        pbase_storage_lock_release(self->storage, LOCK_CHECKPOINT, hold->fence);
    }
    for (size_t i = 0; i < hold->pin_count; i++) {
        history_unpin(self, &hold->pins[i]);
    }
    while (hold->roots != NULL) {
        hold_root *root = hold->roots;
        hold->roots = root->next;
        history_unpin(self, &root->pin);
        pbase_alloc_free(alloc, root, sizeof *root);
    }
    engine_needs_say(self);
    pbase_alloc_free(alloc, hold->pins, RETAINED_MAX * sizeof *hold->pins);
    retained_list_fini(&hold->kept);
    marks_fini(&hold->marks);
    hold->engine = NULL;
}
