/* watch.c - the feed of txn/ as applications see it: names, keys and values. */
#include "collection/key_element.h"
#include "collection/kind.h"
#include "space/space_private.h"
#include "txn/feed.h"
#include "txn/root_view.h"

#include <protobase/watch.h>

struct pbase_watch {
    pbase_space *space; /* borrowed */
    feed changes;
    const feed_event *told; /* the last; NULL: none yet */
    pbase_change event;
    pbase_status broken; /* what ended it; OK: nothing */
    pbase_error why;
};

const char *pbase_change_name(uint32_t number)
{
    static const char *const names[] = {
        "unknown", "created", "dropped",  "renamed", "replaced", "put",        "removed",
        "added",   "taken",   "appended", "set",     "inserted", "removed_at", "removed_range"};
    return names[number < sizeof names / sizeof names[0] ? number : 0];
}

pbase_status pbase_watch_open(pbase_space *space, pbase_database *database,
                              const pbase_watch_options *options, pbase_watch **out,
                              pbase_error *err)
{
    pbase_watch_options chosen = PBASE_WATCH_OPTIONS_INIT;
    if (options != NULL) {
        chosen = *options;
    }
    feed_filter filter = {.database = database == NULL ? 0 : database->id, .from = chosen.from};
    pbase_status status = space_check_process(space, err);
    if (status == PBASE_OK && chosen.root != NULL) {
        filter.root = pbase_bytes_text(chosen.root);
        status = root_name_check("root", filter.root, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_watch *self = pbase_alloc_zeroed(space->host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a watch");
    }
    self->space = space;
    status = feed_open(&self->changes, space->engine, &filter, err);
    if (status != PBASE_OK) {
        pbase_alloc_free(space->host->alloc, self, sizeof *self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

void pbase_watch_close(pbase_watch *watch)
{
    if (watch != NULL) {
        feed_close(&watch->changes);
        pbase_alloc_free(watch->space->host->alloc, watch, sizeof *watch);
    }
}

uint64_t pbase_watch_sequence(const pbase_watch *watch)
{
    return feed_sequence(&watch->changes);
}

/* -------------------------------------------------------------------------------- events ------ */

/* What an operation on a collection is to who watches, and what it has. */
typedef struct {
    uint32_t change;
    bool has_key, has_value;
} operation_form;

static operation_form form_of(const change *operation)
{
    switch (operation->op) {
    case CHANGE_PUT:
    case CHANGE_HASH_PUT:
        return (operation_form){PBASE_CHANGE_PUT, true, true};
    case CHANGE_REMOVE:
    case CHANGE_HASH_REMOVE:
    case CHANGE_SET_REMOVE:
        return (operation_form){PBASE_CHANGE_REMOVED, true, false};
    case CHANGE_SET_ADD:
    case CHANGE_COUNT_ADD:
        return (operation_form){PBASE_CHANGE_ADDED, true, false};
    case CHANGE_COUNT_TAKE:
        return (operation_form){PBASE_CHANGE_TAKEN, true, false};
    case CHANGE_MULTI_ADD:
        return (operation_form){PBASE_CHANGE_ADDED, true, true};
    case CHANGE_MULTI_TAKE:
        return (operation_form){PBASE_CHANGE_TAKEN, true, true};
    case CHANGE_LIST_APPEND:
        return (operation_form){PBASE_CHANGE_APPENDED, false, true};
    case CHANGE_LIST_SET:
        return (operation_form){PBASE_CHANGE_SET, false, true};
    case CHANGE_LIST_INSERT:
        return (operation_form){PBASE_CHANGE_INSERTED, false, true};
    case CHANGE_LIST_REMOVE:
        return (operation_form){PBASE_CHANGE_REMOVED_AT, false, false};
    case CHANGE_LIST_REMOVE_RANGE:
        return (operation_form){PBASE_CHANGE_REMOVED_RANGE, false, false};
    default:
        return (operation_form){0, false, false};
    }
}

static void describe_change(const feed_event *from, pbase_change *out)
{
    operation_form form = form_of(&from->operation);
    out->change = form.change;
    out->has_key = form.has_key;
    out->has_value = form.has_value;
    out->index = from->operation.index;
    out->count = from->operation.op == CHANGE_SET_ADD ? 1 : from->operation.count;
}

static void describe_database(const feed_event *from, pbase_change *out)
{
    static const uint32_t changes[] = {[CATALOG_CREATE] = PBASE_CHANGE_CREATED,
                                       [CATALOG_DROP] = PBASE_CHANGE_DROPPED,
                                       [CATALOG_RENAME] = PBASE_CHANGE_RENAMED,
                                       [CATALOG_COPY] = PBASE_CHANGE_CREATED};
    out->change = changes[from->catalog.operation];
    out->place = PBASE_IN_DATABASE;
    out->root = "";
    out->origin = from->catalog.operation == CATALOG_DROP ? "" : (const char *)from->root.data;
}

static void describe(const feed_event *from, pbase_change *out)
{
    static const uint32_t places[] = {[FEED_IN_ROOT] = PBASE_IN_ROOT,
                                      [FEED_IN_OBJECTS] = PBASE_IN_OBJECTS,
                                      [FEED_IN_NESTED] = PBASE_IN_NESTED};
    *out = (pbase_change){.struct_size = sizeof *out,
                          .sequence = from->head.sequence,
                          .time_ns = from->head.timestamp_ns,
                          .place = places[from->place],
                          .kind = from->kind,
                          .database = (const char *)from->name.data,
                          .root = (const char *)from->root.data,
                          .origin = "",
                          .is_last = from->is_last};
    switch (from->what) {
    case FEED_CATALOG:
        describe_database(from, out);
        break;
    case FEED_ROOT_PUT:
        out->change = from->was_there ? PBASE_CHANGE_REPLACED : PBASE_CHANGE_CREATED;
        out->has_value = from->kind == 0;
        break;
    case FEED_ROOT_REMOVE:
        out->change = PBASE_CHANGE_DROPPED;
        break;
    case FEED_ADOPTED:
        out->change = PBASE_CHANGE_REPLACED;
        out->is_bulk = true;
        out->count = from->adopted;
        break;
    case FEED_CHANGE:
    default:
        describe_change(from, out);
        break;
    }
}

static bool only_waited(pbase_status status)
{
    return status == PBASE_TIMEOUT || status == PBASE_CANCELLED;
}

pbase_status pbase_watch_next(pbase_watch *watch, const pbase_call *call, const pbase_change **out,
                              pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = watch->broken;
    if (status == PBASE_OK) {
        watch->told = NULL;
        status = feed_next(&watch->changes, call, &watch->told, &why);
    } else {
        why = watch->why;
    }
    if (status == PBASE_OK) {
        describe(watch->told, &watch->event);
        *out = &watch->event;
        return PBASE_OK;
    }
    if (!only_waited(status)) {
        watch->broken = status;
        watch->why = why;
    }
    if (err != NULL) {
        *err = why;
    }
    return status;
}

/* ------------------------------------------------------------------------- keys and values ---- */

static pbase_status has_none(const char *what, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NOT_FOUND, "the change that was told last has no %s", what);
}

/* Text of a key may point into the record: it is copied. */
static pbase_status copied(pbase_status status, pbase_arena *arena, const pbase_value *value,
                           pbase_value *out, pbase_error *err)
{
    return status == PBASE_OK ? pbase_value_copy(value, arena, out, err) : status;
}

pbase_status pbase_watch_key(pbase_watch *watch, pbase_arena *arena, pbase_value *out,
                             pbase_error *err)
{
    pbase_value key, record;
    if (watch->told == NULL || !watch->event.has_key) {
        return has_none("key", err);
    }
    const encoded_key *from = &watch->told->operation.key;
    switch (kind_find(watch->told->kind)->shape) {
    case KEY_SHAPE_HASHED:
        return copied(key_decode_hashed(from, arena, &key, err), arena, &key, out, err);
    case KEY_SHAPE_PAIR:
        return copied(key_decode_pair(from, arena, &key, &record, err), arena, &key, out, err);
    case KEY_SHAPE_PLAIN:
    default:
        return copied(key_decode(from, arena, &key, err), arena, &key, out, err);
    }
}

pbase_status pbase_watch_value(pbase_watch *watch, pbase_arena *arena, pbase_value *out,
                               pbase_error *err)
{
    pbase_value key, record;
    if (watch->told == NULL || !watch->event.has_value) {
        return has_none("value", err);
    }
    const change *operation = &watch->told->operation;
    if (watch->told->what == FEED_CHANGE && kind_find(watch->told->kind)->shape == KEY_SHAPE_PAIR) {
        return copied(key_decode_pair(&operation->key, arena, &key, &record, err), arena, &record,
                      out, err);
    }
    pbase_bytes stored;
    pbase_status status = pbase_arena_copy(arena, operation->value, &stored, err);
    return status == PBASE_OK ? store_value_decode(watch->space->bytes, stored, arena, out, err)
                              : status;
}
