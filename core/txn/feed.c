/* feed.c - reading published records, the states around them, and waiting for more.
 *
 * The event after the one told is looked for at once: that is how the last one of a record is known.
 * A failure while a record is read or told ends the feed: part of it may have been told. */
#include "txn/feed.h"

#include <inttypes.h>

/* Journal that states may be made of in memory before one that a checkpoint settled is preferred. */
#define FEED_MADE_BYTES_MAX (UINT64_C(16) << 20)

/* -------------------------------------------------------------------------------- opening ----- */

static pbase_status begin_past(feed *self, pbase_error *err)
{
    history_range range;
    pbase_status status =
        history_resume(self->owner, NULL, self->filter.from - 1, &self->pin, &self->after, err);
    if (status == PBASE_NOT_FOUND) {
        history_range_read(self->owner, &range);
        if (self->filter.from - 1 < range.oldest) {
            status = PBASE_FAIL(err, PBASE_TRIMMED,
                                "commit %" PRIu64 " is no longer kept; the oldest that can be "
                                "told is %" PRIu64,
                                self->filter.from, range.oldest + 1);
            pbase_error_hint(err,
                             "read the state as of commit %" PRIu64 ", then watch from %" PRIu64
                             " on; storage.retention_age, _count and _bytes say how much is kept",
                             range.oldest, range.oldest + 1);
        }
    }
    return status;
}

pbase_status feed_open(feed *self, engine *owner, const feed_filter *filter, pbase_error *err)
{
    const pbase_alloc *alloc = engine_host(owner)->alloc;
    pbase_status status = PBASE_OK;
    *self = (feed){.owner = owner, .filter = *filter};
    pbase_buffer_init(&self->root_filter, alloc);
    pbase_buffer_init(&self->events[0].copy, alloc);
    pbase_buffer_init(&self->events[1].copy, alloc);
    record_scan_init(&self->scan, engine_store(owner), engine_storage(owner));
    feed_record_init(&self->record, alloc, store_atoms(engine_store(owner)), &self->filter);
    status = pbase_buffer_append_bytes(&self->root_filter, filter->root, err);
    if (status == PBASE_OK) {
        self->filter.root = pbase_buffer_view(&self->root_filter);
    }
    if (status == PBASE_OK && filter->from == 0) {
        history_pin_newest(owner, &self->pin, &self->after);
    } else if (status == PBASE_OK) {
        status = begin_past(self, err);
    }
    if (status != PBASE_OK) {
        feed_close(self);
        return status;
    }
    self->position = self->pin.position;
    self->sequence = self->told = self->after->sequence;
    return PBASE_OK;
}

void feed_close(feed *self)
{
    if (self->owner == NULL) {
        return;
    }
    record_scan_close(&self->scan);
    feed_record_fini(&self->record);
    space_state_unref(self->before);
    space_state_unref(self->after);
    pbase_buffer_fini(&self->events[0].copy);
    pbase_buffer_fini(&self->events[1].copy);
    pbase_buffer_fini(&self->root_filter);
    history_unpin(self->owner, &self->pin);
    self->owner = NULL;
}

uint64_t feed_sequence(const feed *self)
{
    return self->told;
}

/* --------------------------------------------------------------------------------- records ---- */

static pbase_status fell_behind(feed *self, pbase_error *err)
{
    history_range range;
    history_range_read(self->owner, &range);
    pbase_status status = PBASE_FAIL(err, PBASE_TRIMMED,
                                     "the feed is too far behind: commit %" PRIu64
                                     " is no longer kept; the oldest that can be told is %" PRIu64,
                                     self->sequence + 1, range.oldest + 1);
    pbase_error_hint(err,
                     "read the state as of commit %" PRIu64 ", then watch from %" PRIu64
                     " on; where several processes use the space, let storage.retention_age, "
                     "_count or _bytes of each of them cover the time a watch may be behind",
                     range.oldest, range.oldest + 1);
    return status;
}

/* A checkpoint lies between the records: the state it settled, brought forward, takes the place of one
 * that was made in memory since long before. What cannot be had now is no loss. */
static void prefer_settled(feed *self)
{
    space_state *settled = NULL;
    if (self->made_bytes > FEED_MADE_BYTES_MAX &&
        history_state_at(self->owner, NULL, self->sequence, &settled, NULL) == PBASE_OK) {
        space_state_unref(self->after);
        self->after = settled;
        self->made_bytes = 0;
    }
}

/* The next record that is no checkpoint. */
static pbase_status scan_next(feed *self, const pbase_call *call, replay_record *out,
                              pbase_error *err)
{
    pbase_status status = PBASE_OK;
    bool done = false;
    if (!self->scanning) {
        status = record_scan_open(&self->scan, call, self->position, err);
        self->scanning = status == PBASE_OK;
    }
    while (status == PBASE_OK && !done) {
        status = record_scan_next(&self->scan, call, out, err);
        done = status == PBASE_OK && out->head.kind != RECORD_CHECKPOINT;
        if (status == PBASE_OK && !done) {
            prefer_settled(self);
        }
    }
    if (status == PBASE_TRIMMED) {
        return fell_behind(self, err);
    }
    return status == PBASE_END || (status == PBASE_OK && out->head.sequence != self->sequence + 1)
               ? PBASE_FAIL(err, PBASE_CORRUPT, "the journal lacks commit %" PRIu64,
                            self->sequence + 1)
               : status;
}

/* Reads the record after the last one, which is published, and makes the state after it. */
static pbase_status load(feed *self, const pbase_call *call, pbase_error *err)
{
    replay_record record;
    space_state *next = NULL;
    uint64_t made = 0;
    pbase_status status = scan_next(self, call, &record, err);
    if (status == PBASE_OK) {
        status = history_follow(self->owner, self->after, &record, &next, &made, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    self->made_bytes = made == 0 ? 0 : self->made_bytes + made;
    space_state_unref(self->before);
    self->before = self->after;
    self->after = next;
    self->sequence++;
    history_pin_move(self->owner, &self->pin, record.next);
    return feed_record_load(&self->record, &record, self->before, self->after, err);
}

/* ----------------------------------------------------------------------------------- feed ----- */

/* Goes on to the first event of a later record. The deadline is of the wait: what is there is read,
 * however late it is. */
static pbase_status next_record(feed *self, const pbase_call *call, feed_event *out,
                                pbase_error *err)
{
    pbase_call reading = {.deadline_ns = PBASE_NO_DEADLINE,
                          .cancelled = call == NULL ? NULL : call->cancelled};
    pbase_status status = PBASE_END;
    while (status == PBASE_END) {
        self->told = self->sequence > self->told ? self->sequence : self->told; /* whole */
        status = engine_wait_published(self->owner, self->sequence + 1, call, err);
        if (status == PBASE_OK) {
            status = load(self, &reading, err);
        }
        if (status == PBASE_OK) {
            status = feed_record_next(&self->record, out, err);
        }
    }
    return status;
}

pbase_status feed_next(feed *self, const pbase_call *call, const feed_event **out, pbase_error *err)
{
    unsigned next = 1 - self->current;
    if (!self->ahead) {
        pbase_status status = next_record(self, call, &self->events[next], err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    pbase_status status = feed_record_next(&self->record, &self->events[self->current], err);
    if (status != PBASE_OK && status != PBASE_END) {
        return status;
    }
    self->ahead = status == PBASE_OK;
    self->events[next].is_last = !self->ahead;
    self->current = next;
    *out = &self->events[next];
    return PBASE_OK;
}

/* ----------------------------------------------------------------------------- of an event ---- */

pbase_status feed_path(feed *self, const feed_event *told, pbase_arena *arena, pbase_value *out,
                       pbase_error *err)
{
    if (told->what == FEED_CATALOG || (told->place == FEED_IN_NESTED && !told->is_known)) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND,
                          told->what == FEED_CATALOG
                              ? "a change of a database has no path"
                              : "no path is known down to what was changed: it was made before "
                                "collections were linked to their holders");
    }
    if (told->place != FEED_IN_NESTED) {
        *out = pbase_value_list(NULL, 0);
        return PBASE_OK;
    }
    return place_path(feed_record_view(&self->record, told->in_before), engine_store(self->owner),
                      told->collection, arena, out, err);
}

/* The value under a key of the objects in one of the states, in `arena`. */
static pbase_status object_in(const place_view *view, pbase_bytes key, pbase_arena *arena,
                              pbase_bytes *out, bool *out_found, pbase_error *err)
{
    collection_slot slot;
    tree_item item;
    *out_found = false;
    pbase_status status = catalog_collection_find(view->atoms, view->collections, CATALOG_OBJECTS,
                                                  &slot, out_found, err);
    if (status != PBASE_OK || !*out_found) {
        return status;
    }
    tree objects = tree_of(view->atoms, slot.root, false);
    status = tree_get(&objects, key, &item, out_found, err);
    if (status == PBASE_OK && *out_found) {
        status = pbase_arena_copy(arena, item.value.bytes, out, err);
        tree_item_release(view->atoms, &item);
    }
    return status;
}

pbase_status feed_object(feed *self, const feed_event *told, pbase_arena *arena, pbase_bytes *out,
                         pbase_error *err)
{
    bool is_one = told->place == FEED_IN_OBJECTS && told->what == FEED_CHANGE;
    pbase_bytes key = is_one ? told->operation.key.bytes : told->object.bytes;
    bool found = false;
    pbase_status status = PBASE_OK;
    for (int before = 0; before < 2 && key.size > 0 && status == PBASE_OK && !found; before++) {
        const place_view *view = feed_record_view(&self->record, before != 0);
        status = object_in(view, key, arena, out, &found, err);
    }
    return status == PBASE_OK && !found
               ? PBASE_FAIL(err, PBASE_NOT_FOUND, "the change that was told last is of no object")
               : status;
}
