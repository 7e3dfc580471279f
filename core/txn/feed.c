/* feed.c - reading published records and telling their operations one by one.
 *
 * Of each record the changes of roots come first, so that the names of what it creates are known when
 * the operations on that are told. The event after the one told is looked for at once: that is how
 * the last one of a record is known. Whatever fails while a record is told ends the feed: its table of
 * names may be half changed. */
#include "txn/feed.h"

#include "collection/stored_children.h"
#include "index/definition.h"

#include <inttypes.h>

#define FEED_OBJECTS_ORDINAL 1u

/* -------------------------------------------------------------------------------- opening ----- */

/* Takes the count of `base`, the state before the record at `position`. */
static void begin_at(feed *self, space_state *base, pbase_position position)
{
    self->position = position;
    self->sequence = base->sequence;
    database_names_init(&self->databases, base);
    root_names_init(&self->roots, base);
    self->named = true;
    space_state_unref(base);
}

static void begin_now(feed *self)
{
    space_state *newest = NULL;
    history_pin_newest(self->owner, &self->pin, &newest);
    self->filter.from = newest->sequence + 1;
    begin_at(self, newest, self->pin.position);
}

static pbase_status begin_past(feed *self, pbase_error *err)
{
    space_state *base = NULL;
    retained_checkpoint from;
    history_range range;
    pbase_status status = history_pin(self->owner, self->filter.from - 1, &self->pin, &from, err);
    if (status == PBASE_NOT_FOUND) {
        history_range_read(self->owner, &range);
        if (self->filter.from - 1 < range.oldest) {
            status = PBASE_FAIL(err, PBASE_TRIMMED,
                                "commit %" PRIu64 " is no longer kept; the oldest that can be "
                                "told is %" PRIu64,
                                self->filter.from, range.oldest + 1);
            pbase_error_hint(err, "read the state as of commit %" PRIu64 ", then begin behind it",
                             range.oldest);
        }
    }
    if (status == PBASE_OK) {
        status = history_checkpoint_state(self->owner, &from, &base, err);
    }
    if (status == PBASE_OK) {
        begin_at(self, base, from.replay);
    }
    return status;
}

pbase_status feed_open(feed *self, engine *owner, const feed_filter *filter, pbase_error *err)
{
    const pbase_alloc *alloc = engine_host(owner)->alloc;
    *self = (feed){.owner = owner, .filter = *filter};
    pbase_buffer_init(&self->root_filter, alloc);
    pbase_buffer_init(&self->group_root, alloc);
    for (size_t i = 0; i < 2; i++) {
        pbase_buffer_init(&self->events[i].root, alloc);
        pbase_buffer_init(&self->events[i].name, alloc);
    }
    record_scan_init(&self->scan, engine_store(owner), engine_storage(owner));
    pbase_status status = pbase_buffer_append_bytes(&self->root_filter, filter->root, err);
    if (status == PBASE_OK) {
        self->filter.root = pbase_buffer_view(&self->root_filter);
    }
    if (status == PBASE_OK && filter->from == 0) {
        begin_now(self);
    } else if (status == PBASE_OK) {
        status = begin_past(self, err);
    }
    if (status != PBASE_OK) {
        feed_close(self);
        return status;
    }
    self->told = self->filter.from - 1;
    return PBASE_OK;
}

void feed_close(feed *self)
{
    if (self->owner == NULL) {
        return;
    }
    record_scan_close(&self->scan);
    if (self->named) {
        root_names_fini(&self->roots);
        database_names_fini(&self->databases);
    }
    for (size_t i = 0; i < 2; i++) {
        pbase_buffer_fini(&self->events[i].root);
        pbase_buffer_fini(&self->events[i].name);
    }
    pbase_buffer_fini(&self->root_filter);
    pbase_buffer_fini(&self->group_root);
    history_unpin(self->owner, &self->pin);
    self->owner = NULL;
}

uint64_t feed_sequence(const feed *self)
{
    return self->told;
}

/* -------------------------------------------------------------------------------- filter ------ */

static bool wants_database(const feed *self, uint64_t database)
{
    return self->filter.database == 0 || self->filter.database == database;
}

static bool is_told(const feed *self)
{
    return self->at.record.head.sequence >= self->filter.from;
}

/* The NUL behind a text is no part of it. */
static pbase_status end_text(pbase_buffer *text, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_u8(text, 0, err);
    text->size -= status == PBASE_OK;
    return status;
}

static pbase_status set_text(pbase_buffer *text, pbase_bytes bytes, pbase_error *err)
{
    text->size = 0;
    pbase_status status = pbase_buffer_append_bytes(text, bytes, err);
    return status == PBASE_OK ? end_text(text, err) : status;
}

/* What every event of the record at hand has. */
static pbase_status event_begin(feed *self, uint64_t database, feed_event *out, pbase_error *err)
{
    pbase_bytes name;
    out->head = self->at.record.head;
    out->database = database;
    out->place = FEED_IN_ROOT;
    out->kind = 0;
    out->was_there = out->is_last = false;
    out->adopted = 0;
    pbase_status status = database_names_find(&self->databases, database, &name, err);
    return status == PBASE_OK ? set_text(&out->name, name, err) : status;
}

/* ------------------------------------------------------------------------------- catalog ------ */

/* The one event of a catalog record; END when it is not told. */
static pbase_status tell_catalog(feed *self, feed_event *out, pbase_error *err)
{
    const replay_record *record = &self->at.record;
    pbase_reader_bytes reader = pbase_reader_bytes_of(record->body);
    catalog_change wanted;
    self->at.loaded = false;
    pbase_status status = catalog_change_read(&reader, &wanted, err);
    if (status == PBASE_OK) {
        status = database_names_change(&self->databases, record->head.sequence, &wanted, err);
    }
    if (status == PBASE_OK) {
        status = root_names_catalog(&self->roots, record->head.sequence, &wanted, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    bool made = wanted.operation == CATALOG_CREATE || wanted.operation == CATALOG_COPY;
    uint64_t database = made ? record->head.sequence : wanted.database;
    if (!is_told(self) || !wants_database(self, database) ||
        (self->filter.database == 0 && self->filter.root.size > 0)) {
        return PBASE_END;
    }
    status = event_begin(self, database, out, err);
    if (status == PBASE_OK) {
        status = set_text(&out->root, wanted.source, err); /* stands where a root's name does */
    }
    out->what = FEED_CATALOG;
    out->catalog = wanted;
    return status;
}

/* --------------------------------------------------------------------------------- roots ------ */

/* One operation on the dictionary of roots; END when it is not told. */
static pbase_status tell_root(feed *self, const change *operation, feed_event *out,
                              pbase_error *err)
{
    bool was_there = false;
    pbase_arena arena;
    pbase_value name;
    pbase_status status = root_names_change(
        &self->roots, self->at.database, self->at.record.head.sequence, operation, &was_there, err);
    if (status != PBASE_OK || !is_told(self) || !wants_database(self, self->at.database)) {
        return status == PBASE_OK ? PBASE_END : status;
    }
    pbase_arena_init(&arena, engine_host(self->owner)->alloc);
    status = key_decode(&operation->key, &arena, &name, err);
    bool told =
        status == PBASE_OK &&
        (self->filter.root.size == 0 || pbase_bytes_equal(name.as.string, self->filter.root)) &&
        (was_there || operation->op == CHANGE_PUT);
    if (told) {
        status = event_begin(self, self->at.database, out, err);
    }
    if (told && status == PBASE_OK) {
        status = set_text(&out->root, name.as.string, err);
    }
    pbase_arena_fini(&arena);
    if (told && status == PBASE_OK) {
        stored_child child;
        bool holds = operation->op == CHANGE_PUT && stored_is_child(operation->value) &&
                     stored_child_at(operation->value, 0, &child);
        out->what = operation->op == CHANGE_PUT ? FEED_ROOT_PUT : FEED_ROOT_REMOVE;
        out->was_there = was_there;
        out->operation = *operation;
        out->kind = holds ? child.kind : out->kind; /* else a plain value */
    }
    return status == PBASE_OK && !told ? PBASE_END : status;
}

/* --------------------------------------------------------------------------- collections ------ */

/* Finds where the collection of the group at hand is. *out_wanted: its operations are told. */
static pbase_status find_place(feed *self, bool *out_wanted, pbase_error *err)
{
    feed_cursor *at = &self->at;
    pbase_collection_id id = at->group.id;
    bool found = false;
    self->group_root.size = 0;
    if (id.sequence == 0 && at->group.form == GROUP_CHANGE) { /* one of the database itself */
        at->place = FEED_IN_OBJECTS;
        *out_wanted = id.ordinal == FEED_OBJECTS_ORDINAL && self->filter.root.size == 0;
        return PBASE_OK;
    }
    id.sequence = id.sequence == 0 ? at->record.head.sequence : id.sequence;
    pbase_status status =
        root_names_find(&self->roots, at->database, id, &self->group_root, &found, err);
    at->place = found ? FEED_IN_ROOT : FEED_IN_NESTED;
    *out_wanted =
        self->filter.root.size == 0 ||
        (found && pbase_bytes_equal(pbase_buffer_view(&self->group_root), self->filter.root));
    return status;
}

/* What every event of the group at hand has. */
static pbase_status event_in_group(feed *self, feed_what what, feed_event *out, pbase_error *err)
{
    pbase_status status = event_begin(self, self->at.database, out, err);
    out->what = what;
    out->place = self->at.place;
    out->kind = self->at.group.kind;
    return status == PBASE_OK ? set_text(&out->root, pbase_buffer_view(&self->group_root), err)
                              : status;
}

/* The content of the group at hand came whole. */
static pbase_status tell_adopted(feed *self, feed_event *out, pbase_error *err)
{
    adopted_content content;
    pbase_status status = adopted_content_read(self->at.group.operations, &content, err);
    if (status == PBASE_OK) {
        status = event_in_group(self, FEED_ADOPTED, out, err);
        out->adopted = content.count;
    }
    return status;
}

/* Goes to the next group; END at the end of the record. *out_told: its one event was told. */
static pbase_status next_group(feed *self, feed_event *out, bool *out_told, pbase_error *err)
{
    feed_cursor *at = &self->at;
    if (at->groups_left == 0 || !is_told(self) || !wants_database(self, at->database)) {
        at->loaded = false;
        return PBASE_END;
    }
    bool wanted = false;
    at->groups_left--;
    pbase_status status = delta_group_read(&at->groups, &at->group, err);
    bool of_roots = at->group.id.sequence == 0 && at->group.id.ordinal == 0;
    if (status == PBASE_OK && !of_roots) {
        status = find_place(self, &wanted, err);
    }
    if (status != PBASE_OK || !wanted) {
        return status;
    }
    if (at->group.form == GROUP_ADOPT) {
        *out_told = true;
        return tell_adopted(self, out, err);
    }
    at->operations = pbase_reader_bytes_of(at->group.operations);
    at->in_group = true;
    return PBASE_OK;
}

/* ---------------------------------------------------------------------------------- record ---- */

/* Reads the head of a delta and finds the changes of roots in it. */
static pbase_status begin_delta(feed *self, pbase_error *err)
{
    feed_cursor *at = &self->at;
    pbase_reader_bytes reader = pbase_reader_bytes_of(at->record.body);
    if (!pbase_read_varint(&reader, &at->database) ||
        !pbase_read_varint(&reader, &at->group_count)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta record is cut");
    }
    at->groups = reader;
    at->groups_left = at->group_count;
    at->in_group = false;
    pbase_status status = PBASE_OK;
    for (uint64_t i = 0; i < at->group_count && status == PBASE_OK && !at->in_group; i++) {
        status = delta_group_read(&reader, &at->group, err);
        at->in_group =
            status == PBASE_OK && at->group.id.sequence == 0 && at->group.id.ordinal == 0;
    }
    at->in_roots = at->in_group;
    at->operations = pbase_reader_bytes_of(at->group.operations);
    return status;
}

/* The next operation of the group at hand; *out_told false: it is not among those that are told, or
 * the group has no more. */
static pbase_status next_operation(feed *self, feed_event *out, bool *out_told, pbase_error *err)
{
    feed_cursor *at = &self->at;
    change operation;
    pbase_status status = change_read(&at->operations, &operation, err);
    if (status == PBASE_END) {
        at->in_group = at->in_roots = false;
        return PBASE_OK;
    }
    if (status == PBASE_OK && at->in_roots) {
        status = tell_root(self, &operation, out, err);
    } else if (status == PBASE_OK) {
        status = event_in_group(self, FEED_CHANGE, out, err);
        out->operation = operation;
    }
    *out_told = status == PBASE_OK;
    return status == PBASE_END ? PBASE_OK : status;
}

/* The next event of the record at hand; END when it has no more. */
static pbase_status next_of_record(feed *self, feed_event *out, pbase_error *err)
{
    feed_cursor *at = &self->at;
    pbase_status status = PBASE_OK;
    bool told = false;
    if (at->loaded && at->record.head.kind == RECORD_CATALOG) {
        return tell_catalog(self, out, err);
    }
    while (at->loaded && status == PBASE_OK && !told) {
        status = at->in_group ? next_operation(self, out, &told, err)
                              : next_group(self, out, &told, err);
    }
    return status == PBASE_OK && !told ? PBASE_END : status;
}

/* ----------------------------------------------------------------------------------- feed ----- */

static pbase_status fell_behind(feed *self, pbase_error *err)
{
    history_range range;
    history_range_read(self->owner, &range);
    return PBASE_FAIL(err, PBASE_TRIMMED,
                      "the feed is too far behind: commit %" PRIu64
                      " is no longer kept; the oldest that can be told is %" PRIu64,
                      self->sequence + 1, range.oldest + 1);
}

/* Reads the record after the last one, which is published. */
static pbase_status load(feed *self, const pbase_call *call, pbase_error *err)
{
    feed_cursor *at = &self->at;
    pbase_status status = PBASE_OK;
    if (!self->scanning) {
        status = record_scan_open(&self->scan, call, self->position, err);
        self->scanning = status == PBASE_OK;
    }
    do {
        status =
            status == PBASE_OK ? record_scan_next(&self->scan, call, &at->record, err) : status;
    } while (status == PBASE_OK && at->record.head.kind == RECORD_CHECKPOINT);
    if (status == PBASE_TRIMMED) {
        return fell_behind(self, err);
    }
    if (status == PBASE_END ||
        (status == PBASE_OK && at->record.head.sequence != self->sequence + 1)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the journal lacks commit %" PRIu64,
                          self->sequence + 1);
    }
    if (status != PBASE_OK) {
        return status;
    }
    self->sequence++;
    history_pin_move(self->owner, &self->pin, at->record.next);
    at->loaded = true;
    return at->record.head.kind == RECORD_CATALOG ? PBASE_OK : begin_delta(self, err);
}

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
            status = next_of_record(self, out, err);
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
    pbase_status status = next_of_record(self, &self->events[self->current], err);
    if (status != PBASE_OK && status != PBASE_END) {
        return status;
    }
    self->ahead = status == PBASE_OK;
    self->events[next].is_last = !self->ahead;
    self->current = next;
    *out = &self->events[next];
    return PBASE_OK;
}
