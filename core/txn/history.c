/* history.c - finding, making and remembering states of the past; pins on the journal. */
#include "txn/engine_private.h"
#include "txn/replay.h"

#include <inttypes.h>
#include <protobase/base/value.h>

/* ---------------------------------------------------------------------------------- range ----- */

void history_range_read(engine *self, history_range *out)
{
    engine_lock(self, self->queue_mutex);
    const retained_list kept = self->history.kept;
    *out = (history_range){.oldest = kept.items[0].sequence,
                           .oldest_ns = kept.items[0].timestamp_ns,
                           .newest = self->newest->sequence,
                           .newest_ns = self->newest->timestamp_ns,
                           .checkpoints = kept.count,
                           .journal_bytes = self->published - kept.items[0].replay};
    engine_unlock(self, self->queue_mutex);
}

static pbase_status not_kept(const history_range *range, uint64_t sequence, pbase_error *err)
{
    bool early = sequence < range->oldest;
    pbase_status status =
        PBASE_FAIL(err, PBASE_NOT_FOUND,
                   early ? "commit %" PRIu64 " is no longer kept; the oldest that can be read is "
                           "%" PRIu64
                         : "there is no commit %" PRIu64 " yet; the newest is %" PRIu64,
                   sequence, early ? range->oldest : range->newest);
    if (early) {
        pbase_error_hint(err, "storage.retention_age, _count and _bytes say how much is kept");
    }
    return status;
}

/* ----------------------------------------------------------------------------------- pins ----- */

static void pin_link(engine_history *history, engine_pin *pin, pbase_position position,
                     pbase_atom_pointer root)
{
    pin->is_set = true;
    pin->position = position;
    pin->root = root;
    pin->before = NULL;
    pin->next = history->pins;
    if (pin->next != NULL) {
        pin->next->before = pin;
    }
    history->pins = pin;
}

void history_pin_newest(engine *self, engine_pin *pin, space_state **out)
{
    engine_lock(self, self->queue_mutex);
    *out = space_state_ref(self->newest);
    pin_link(&self->history, pin, self->published, PBASE_ATOM_NONE);
    engine_unlock(self, self->queue_mutex);
    engine_needs_say(self);
}

static pbase_status pin_kept(engine *self, uint64_t sequence, engine_pin *pin,
                             retained_checkpoint *out, pbase_error *err)
{
    engine_lock(self, self->queue_mutex);
    const retained_list kept = self->history.kept;
    size_t at = retained_list_find(&kept, sequence);
    bool found = at < kept.count && sequence <= self->newest->sequence;
    if (found) {
        *out = kept.items[at];
        pin_link(&self->history, pin, out->replay, out->root);
    }
    engine_unlock(self, self->queue_mutex);
    if (!found) {
        history_range range;
        history_range_read(self, &range);
        return not_kept(&range, sequence, err);
    }
    return PBASE_OK;
}

/* Where others use the space they are told of the pin, and then it is seen whether that was in time. */
static pbase_status pin_confirm(engine *self, engine_pin *pin, pbase_error *err)
{
    engine_needs_say(self);
    pbase_status status = engine_needs_kept(self, err);
    if (status != PBASE_OK) {
        history_unpin(self, pin);
    }
    return status;
}

#define PIN_TRIES 16u

pbase_status history_pin(engine *self, uint64_t sequence, engine_pin *pin, retained_checkpoint *out,
                         pbase_error *err)
{
    pbase_error why;
    pbase_status status = PBASE_TRIMMED;
    for (unsigned i = 0; status == PBASE_TRIMMED && i < PIN_TRIES; i++) {
        pbase_error_init(&why);
        status = i == 0 ? PBASE_OK : engine_take_anchor(self, &why); /* another was quicker */
        if (status == PBASE_OK) {
            status = pin_kept(self, sequence, pin, out, &why);
        }
        if (status == PBASE_OK) {
            status = pin_confirm(self, pin, &why);
        }
    }
    if (status == PBASE_TRIMMED) {
        status = PBASE_FAIL(&why, PBASE_BUSY,
                            "other processes make checkpoints too fast to keep "
                            "what commit %" PRIu64 " needs",
                            sequence);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

void history_pin_root(engine *self, engine_pin *pin, pbase_atom_pointer root)
{
    engine_lock(self, self->queue_mutex);
    pin_link(&self->history, pin, PBASE_POSITION_ANY, root);
    engine_unlock(self, self->queue_mutex);
}

void history_pin_all(engine *self, engine_pin *pins, retained_list *out, uint64_t *out_newest,
                     int64_t *out_newest_ns, pbase_position *out_end)
{
    engine_lock(self, self->queue_mutex);
    const retained_list kept = self->history.kept;
    PBASE_ASSERT(kept.count <= RETAINED_MAX && out->capacity >= kept.count);
    for (size_t i = 0; i < kept.count; i++) {
        out->items[i] = kept.items[i];
        pin_link(&self->history, &pins[i], kept.items[i].replay, kept.items[i].root);
    }
    out->count = kept.count;
    *out_newest = self->newest->sequence;
    *out_newest_ns = self->newest->timestamp_ns;
    *out_end = self->published;
    engine_unlock(self, self->queue_mutex);
}

void history_pin_move(engine *self, engine_pin *pin, pbase_position position)
{
    engine_lock(self, self->queue_mutex);
    pin->position = position;
    pin->root = PBASE_ATOM_NONE; /* who moves has a state by now */
    engine_unlock(self, self->queue_mutex);
}

void history_unpin(engine *self, engine_pin *pin)
{
    if (!pin->is_set) {
        return;
    }
    engine_lock(self, self->queue_mutex);
    *(pin->before != NULL ? &pin->before->next : &self->history.pins) = pin->next;
    if (pin->next != NULL) {
        pin->next->before = pin->before;
    }
    engine_unlock(self, self->queue_mutex);
    pin->is_set = false;
}

/* --------------------------------------------------------------------------------- cached ----- */

/* With the queue locked: the nearest remembered state from `oldest` up to `sequence`. */
static history_cached *cached_find(engine_history *history, uint64_t oldest, uint64_t sequence)
{
    history_cached *found = NULL;
    for (size_t i = 0; i < HISTORY_CACHE_STATES; i++) {
        history_cached *item = &history->cached[i];
        if (item->state != NULL && item->state->sequence >= oldest &&
            item->state->sequence <= sequence &&
            (found == NULL || item->state->sequence > found->state->sequence)) {
            found = item;
        }
    }
    return found;
}

/* With the queue locked: the one to give up first; a free one before all. */
static history_cached *cached_oldest(engine_history *history, uint64_t *out_bytes)
{
    history_cached *oldest = &history->cached[0];
    *out_bytes = 0;
    for (size_t i = 0; i < HISTORY_CACHE_STATES; i++) {
        history_cached *item = &history->cached[i];
        *out_bytes += item->state == NULL ? 0 : item->bytes;
        if (item->state == NULL || (oldest->state != NULL && item->used < oldest->used)) {
            oldest = item;
        }
    }
    return oldest;
}

/* Remembers a state, within both bounds. What has to go for it is dropped outside the lock. */
static void cached_add(engine *self, const history_cached *made)
{
    engine_history *history = &self->history;
    space_state *gone[HISTORY_CACHE_STATES];
    size_t count = 0;
    if (made->bytes > HISTORY_CACHE_BYTES) {
        return;
    }
    engine_lock(self, self->queue_mutex);
    uint64_t bytes = 0;
    history_cached *place = cached_oldest(history, &bytes);
    while (place->state != NULL) {
        gone[count++] = place->state;
        place->state = NULL;
        bytes -= place->bytes;
        if (bytes + made->bytes <= HISTORY_CACHE_BYTES) {
            break;
        }
        place = cached_oldest(history, &bytes);
    }
    *place = *made;
    place->state = space_state_ref(made->state);
    place->used = ++history->uses;
    engine_unlock(self, self->queue_mutex);
    while (count > 0) {
        space_state_unref(gone[--count]);
    }
}

/* ---------------------------------------------------------------------------------- states ---- */

pbase_status history_checkpoint_state(engine *self, const retained_checkpoint *from,
                                      space_state **out, pbase_error *err)
{
    record_head head = {.sequence = from->sequence, .timestamp_ns = from->timestamp_ns};
    checkpoint_body body = {.root = from->root};
    uint32_t number = 0;
    pbase_status status = state_list_root_add(&self->states, from->root, &number, err);
    if (status == PBASE_OK) {
        status = replay_checkpoint_state(self->bytes, &self->states, &head, &body, out, err);
    }
    if (status == PBASE_OK) {
        space_state_need(*out, number);
    }
    return status;
}

/* Where making a state begins: at a remembered one if there is one, else at the checkpoint. */
static pbase_status begin_at(engine *self, const retained_checkpoint *from, uint64_t sequence,
                             history_cached *out, pbase_error *err)
{
    engine_lock(self, self->queue_mutex);
    history_cached *near = cached_find(&self->history, from->sequence, sequence);
    if (near != NULL) {
        near->used = ++self->history.uses;
        *out = *near;
        out->state = space_state_ref(near->state);
    }
    engine_unlock(self, self->queue_mutex);
    if (near != NULL) {
        return PBASE_OK;
    }
    *out = (history_cached){.next = from->replay};
    return history_checkpoint_state(self, from, &out->state, err);
}

static pbase_status apply_until(replay *run, record_scan *scan, const pbase_call *call,
                                uint64_t sequence, pbase_position *out_next, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && run->sequence < sequence) {
        replay_record record;
        status = record_scan_next(scan, call, &record, err);
        if (status == PBASE_OK) {
            *out_next = record.next;
            status = replay_apply(run, &record, err);
        }
    }
    return status == PBASE_END
               ? PBASE_FAIL(err, PBASE_CORRUPT, "the journal ends before commit %" PRIu64, sequence)
               : status;
}

/* Brings `at` (whose count it takes) forward to `sequence`. */
static pbase_status bring_forward(engine *self, const pbase_call *call, uint64_t sequence,
                                  history_cached *at, pbase_error *err)
{
    replay run;
    record_scan scan;
    space_state *base = at->state, *made = NULL;
    pbase_position since = at->next;
    at->state = NULL;
    record_scan_init(&scan, self->bytes, self->storage);
    pbase_status status = replay_begin(&run, self->host, base, &self->coder.base, err);
    if (status == PBASE_OK) {
        status = record_scan_open(&scan, call, at->next, err);
    }
    if (status == PBASE_OK) {
        status = apply_until(&run, &scan, call, sequence, &at->next, err);
    }
    if (status == PBASE_OK) {
        at->bytes += run.bytes;
        status = replay_finish(&run, &made, err);
    }
    if (status == PBASE_OK) {
        status = engine_needs_adopted(self, base, made, since, err);
    }
    if (status == PBASE_OK) {
        at->state = made;
    } else {
        space_state_unref(made);
    }
    replay_abandon(&run);
    record_scan_close(&scan);
    space_state_unref(base);
    return status;
}

static pbase_status make_state(engine *self, const pbase_call *call, uint64_t sequence,
                               const retained_checkpoint *from, space_state **out,
                               pbase_position *out_next, pbase_error *err)
{
    history_cached at;
    pbase_status status = begin_at(self, from, sequence, &at, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (at.state->sequence < sequence) {
        status = bring_forward(self, call, sequence, &at, err);
        if (status != PBASE_OK) {
            return status;
        }
        cached_add(self, &at);
    }
    *out = at.state;
    *out_next = at.next;
    return PBASE_OK;
}

/* A storage that let go of what we read says TRIMMED; to who asks for a state it is not there. */
static pbase_status explain(pbase_status status, uint64_t sequence, pbase_error *err)
{
    return status == PBASE_TRIMMED
               ? PBASE_FAIL(err, PBASE_NOT_FOUND, "commit %" PRIu64 " is no longer kept", sequence)
               : status;
}

pbase_status history_state_at(engine *self, const pbase_call *call, uint64_t sequence,
                              space_state **out, pbase_error *err)
{
    engine_pin pin = {.is_set = false};
    pbase_status status = history_resume(self, call, sequence, &pin, out, err);
    history_unpin(self, &pin);
    return status;
}

/* True when the newest state is the one asked for: it is given, and the journal behind it pinned. */
static bool begin_newest(engine *self, uint64_t sequence, engine_pin *pin, space_state **out)
{
    engine_lock(self, self->queue_mutex);
    bool is_newest = self->newest->sequence == sequence;
    if (is_newest) {
        *out = space_state_ref(self->newest);
        pin_link(&self->history, pin, self->published, PBASE_ATOM_NONE);
    }
    engine_unlock(self, self->queue_mutex);
    return is_newest;
}

pbase_status history_resume(engine *self, const pbase_call *call, uint64_t sequence,
                            engine_pin *pin, space_state **out, pbase_error *err)
{
    retained_checkpoint from;
    pbase_position next = 0;
    if (begin_newest(self, sequence, pin, out)) {
        engine_needs_say(self);
        return PBASE_OK;
    }
    pbase_status status = history_pin(self, sequence, pin, &from, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = explain(make_state(self, call, sequence, &from, out, &next, err), sequence, err);
    if (status == PBASE_OK) {
        history_pin_move(self, pin, next);
    } else {
        history_unpin(self, pin);
    }
    return status;
}

pbase_status history_follow(engine *self, space_state *before, const replay_record *record,
                            space_state **out, uint64_t *out_made, pbase_error *err)
{
    replay run;
    space_state *newest = engine_state(self), *made = NULL;
    *out_made = 0;
    if (newest->sequence == record->head.sequence) {
        *out = newest;
        return PBASE_OK;
    }
    space_state_unref(newest);
    pbase_status status = replay_begin(&run, self->host, before, &self->coder.base, err);
    if (status == PBASE_OK) {
        status = replay_apply(&run, record, err);
    }
    if (status == PBASE_OK) {
        *out_made = run.bytes;
        status = replay_finish(&run, &made, err);
    }
    replay_abandon(&run);
    if (status == PBASE_OK) {
        status = engine_needs_adopted(self, before, made, record->position, err);
    }
    if (status == PBASE_OK) {
        *out = made;
    } else {
        space_state_unref(made);
    }
    return status;
}

/* ----------------------------------------------------------------------------------- times ---- */

static pbase_status time_not_kept(int64_t time_ns, int64_t oldest_ns, pbase_error *err)
{
    char asked[PBASE_TIME_TEXT_BYTES], oldest[PBASE_TIME_TEXT_BYTES];
    pbase_time_format(time_ns, asked);
    pbase_time_format(oldest_ns, oldest);
    return PBASE_FAIL(err, PBASE_NOT_FOUND,
                      "the state at %s is no longer kept; the oldest that can be read is of %s",
                      asked, oldest);
}

/* Reads on from a checkpoint to the last record at or before the time. */
static pbase_status scan_until(engine *self, const pbase_call *call, int64_t time_ns,
                               const retained_checkpoint *from, uint64_t *out, pbase_error *err)
{
    record_scan scan;
    record_scan_init(&scan, self->bytes, self->storage);
    *out = from->sequence;
    pbase_status status = record_scan_open(&scan, call, from->replay, err);
    while (status == PBASE_OK) {
        replay_record record;
        status = record_scan_next(&scan, call, &record, err);
        if (status == PBASE_OK && record.head.kind != RECORD_CHECKPOINT) {
            if (record.head.timestamp_ns > time_ns) {
                break;
            }
            *out = record.head.sequence;
        }
    }
    record_scan_close(&scan);
    return status == PBASE_END ? PBASE_OK : status;
}

pbase_status history_sequence_at(engine *self, const pbase_call *call, int64_t time_ns,
                                 uint64_t *out, pbase_error *err)
{
    history_range range;
    retained_checkpoint from = {.sequence = 0};
    engine_pin pin = {.is_set = false};
    history_range_read(self, &range);
    if (time_ns >= range.newest_ns) {
        *out = range.newest;
        return PBASE_OK;
    }
    engine_lock(self, self->queue_mutex);
    const retained_list kept = self->history.kept;
    size_t at = retained_list_find_time(&kept, time_ns);
    if (at < kept.count) {
        from = kept.items[at];
        pin_link(&self->history, &pin, from.replay, from.root);
    }
    engine_unlock(self, self->queue_mutex);
    if (!pin.is_set) {
        return time_not_kept(time_ns, range.oldest_ns, err);
    }
    uint64_t found = 0;
    engine_needs_say(self);
    pbase_status status = scan_until(self, call, time_ns, &from, &found, err);
    history_unpin(self, &pin);
    if (status == PBASE_OK) {
        *out = found;
    }
    return status == PBASE_TRIMMED ? time_not_kept(time_ns, range.oldest_ns, err) : status;
}

/* ----------------------------------------------------------------------------- checkpoints ---- */

void history_fini(engine *self)
{
    for (size_t i = 0; i < HISTORY_CACHE_STATES; i++) {
        space_state_unref(self->history.cached[i].state);
    }
    PBASE_ASSERT(self->history.pins == NULL);
    retained_list_fini(&self->history.kept);
}

pbase_status history_checkpoint_begin(engine *self, const retained_checkpoint *newest,
                                      retained_list *out, pbase_error *err)
{
    engine_history *history = &self->history;
    const pbase_os *os = self->host->os;
    engine_lock(self, self->queue_mutex);
    pbase_status status = retained_list_copy(&history->kept, out, err);
    engine_unlock(self, self->queue_mutex);
    if (status == PBASE_OK && out->count > 0 &&
        out->items[out->count - 1].sequence == newest->sequence) {
        out->count--; /* settled again: the space was made, but nothing was committed since */
    }
    if (status == PBASE_OK) {
        status = retained_list_add(out, newest, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    retention_apply(&self->options.retention, os->system->wall_ns(os), newest->replay, out);
    return PBASE_OK;
}

/* With the queue locked. */
static void swap_kept(engine_history *history, retained_list *list)
{
    retained_list before = history->kept;
    history->kept = *list;
    *list = before;
}

void history_kept_swap(engine *self, retained_list *list)
{
    engine_lock(self, self->queue_mutex);
    swap_kept(&self->history, list);
    engine_unlock(self, self->queue_mutex);
}

pbase_position history_checkpoint_publish(engine *self, retained_list *list)
{
    pbase_position upto = list->items[0].replay;
    engine_lock(self, self->queue_mutex);
    for (const engine_pin *pin = self->history.pins; pin != NULL; pin = pin->next) {
        bool within = self->published - pin->position <= HISTORY_PIN_BYTES_MAX;
        upto = within && pin->position < upto ? pin->position : upto;
    }
    swap_kept(&self->history, list);
    engine_unlock(self, self->queue_mutex);
    return upto;
}
