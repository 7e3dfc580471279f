/* watch.c - the feed of txn/ as applications see it: names, keys and values. */
#include "collection/key_element.h"
#include "collection/kind.h"
#include "collection/stored_children.h"
#include "index/definition.h"
#include "space/space_private.h"
#include "txn/feed.h"
#include "txn/root_view.h"

#include <inttypes.h>
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
        "unknown",    "created",       "dropped",       "renamed",      "replaced", "put",
        "removed",    "added",         "taken",         "appended",     "set",      "inserted",
        "removed_at", "removed_range", "index_created", "index_dropped"};
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
    case CHANGE_ROPE_APPEND:
        return (operation_form){PBASE_CHANGE_APPENDED, false, true};
    case CHANGE_LIST_SET:
    case CHANGE_ROPE_SET:
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

/* Children in the value of an event; 0 where a value has none. */
static uint32_t children_of(const feed_event *from)
{
    stored_children list;
    bool has_values = from->what == FEED_ROOT_PUT
                          ? from->kind == 0
                          : (from->what == FEED_CHANGE && kind_has_values(from->kind));
    return has_values && stored_children_begin(from->operation.value, &list) ? (uint32_t)list.count
                                                                             : 0;
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
    out->origin = from->catalog.operation == CATALOG_DROP ? "" : from->root;
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
                          .database = from->name,
                          .root = from->root,
                          .origin = "",
                          .collection = from->collection,
                          .children = children_of(from),
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
    case FEED_INDEX:
        out->change = from->index.op == INDEX_CREATE ? PBASE_CHANGE_INDEX_CREATED
                                                     : PBASE_CHANGE_INDEX_DROPPED;
        out->has_key = out->has_value = true;
        break;
    case FEED_ADOPTED_ENTRY:
    case FEED_CHANGE:
    default:
        out->is_bulk = from->what == FEED_ADOPTED_ENTRY;
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

/* What tells of an index: its name, and what it is. */
static pbase_status index_parts(const feed_event *told, pbase_arena *arena, pbase_value *out_name,
                                pbase_value *out_value, pbase_error *err)
{
    index_definition definition;
    pbase_buffer text;
    pbase_status status =
        index_definition_read(told->index.key, told->index.value, arena, &definition, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_field *parts = pbase_arena_array(arena, 2, sizeof *parts);
    pbase_value *fields = pbase_arena_array(arena, definition.field_count, sizeof *fields);
    if (parts == NULL || fields == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to tell of an index");
    }
    pbase_buffer_init(&text, arena->alloc);
    for (size_t i = 0; i < definition.field_count && status == PBASE_OK; i++) {
        pbase_bytes kept;
        text.size = 0;
        status = index_field_format(&definition.fields[i], &text, err);
        status = status == PBASE_OK ? pbase_arena_copy(arena, pbase_buffer_view(&text), &kept, err)
                                    : status;
        fields[i] = status == PBASE_OK ? pbase_value_string(kept) : pbase_value_null();
    }
    pbase_buffer_fini(&text);
    parts[0] =
        (pbase_field){pbase_bytes_text("fields"), pbase_value_list(fields, definition.field_count)};
    parts[1] = (pbase_field){pbase_bytes_text("unique"), pbase_value_bool(definition.is_unique)};
    *out_name = pbase_value_string(definition.name);
    *out_value = pbase_value_map(parts, 2);
    return status;
}

pbase_status pbase_watch_key(pbase_watch *watch, pbase_arena *arena, pbase_value *out,
                             pbase_error *err)
{
    pbase_value key, record;
    if (watch->told == NULL || !watch->event.has_key) {
        return has_none("key", err);
    }
    if (watch->told->what == FEED_INDEX) {
        return copied(index_parts(watch->told, arena, &key, &record, err), arena, &key, out, err);
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

static pbase_status decode(pbase_watch *watch, pbase_bytes value, pbase_arena *arena,
                           pbase_value *out, pbase_error *err)
{
    pbase_bytes stored;
    pbase_status status = pbase_arena_copy(arena, value, &stored, err);
    return status == PBASE_OK ? store_value_decode(watch->space->bytes, stored, arena, out, err)
                              : status;
}

pbase_status pbase_watch_value(pbase_watch *watch, pbase_arena *arena, pbase_value *out,
                               pbase_error *err)
{
    pbase_value key, record;
    pbase_bytes piece;
    if (watch->told == NULL || !watch->event.has_value) {
        return has_none("value", err);
    }
    const feed_event *told = watch->told;
    if (told->what == FEED_INDEX) {
        return copied(index_parts(told, arena, &key, &record, err), arena, &record, out, err);
    }
    if (told->what == FEED_ROOT_PUT || kind_has_values(told->kind)) {
        return decode(watch, told->operation.value, arena, out, err);
    }
    if (told->kind == PBASE_COLLECTION_ROPE) { /* bytes as they are */
        pbase_status status = pbase_arena_copy(arena, told->operation.value, &piece, err);
        *out = status == PBASE_OK ? pbase_value_bytes(piece) : *out;
        return status;
    }
    return copied(key_decode_pair(&told->operation.key, arena, &key, &record, err), arena, &record,
                  out, err);
}

/* ------------------------------------------------------------------------------ places -------- */

pbase_status pbase_watch_path(pbase_watch *watch, pbase_arena *arena, pbase_value *out,
                              pbase_error *err)
{
    return watch->told == NULL ? has_none("path", err)
                               : feed_path(&watch->changes, watch->told, arena, out, err);
}

pbase_status pbase_watch_class(pbase_watch *watch, pbase_arena *arena, pbase_value *out,
                               pbase_error *err)
{
    pbase_bytes stored;
    pbase_value object;
    pbase_status status = PBASE_OK;
    if (watch->told == NULL) {
        return has_none("class", err);
    }
    if (watch->event.place == PBASE_IN_OBJECTS && watch->event.change == PBASE_CHANGE_PUT) {
        status = pbase_arena_copy(arena, watch->told->operation.value, &stored, err);
    } else {
        status = feed_object(&watch->changes, watch->told, arena, &stored, err);
    }
    status = status == PBASE_OK
                 ? store_value_decode(watch->space->bytes, stored, arena, &object, err)
                 : status;
    if (status != PBASE_OK) {
        return status;
    }
    const pbase_value *name = pbase_value_field(&object, pbase_bytes_text("class"));
    if (name == NULL || name->kind != PBASE_STRING) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "an object is stored without a class");
    }
    *out = *name;
    return PBASE_OK;
}

pbase_status pbase_watch_child(const pbase_watch *watch, uint64_t n, pbase_change_child *out,
                               pbase_error *err)
{
    stored_child child;
    if (watch->told == NULL || n >= watch->event.children ||
        !stored_child_at(watch->told->operation.value, n, &child)) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND,
                          "the value that was told last has no child %" PRIu64, n);
    }
    uint64_t by = watch->event.sequence;
    *out = (pbase_change_child){.id = child.id, .kind = child.kind};
    out->id.sequence = child.id.sequence == 0 ? by : child.id.sequence;
    out->is_new = out->id.sequence == by;
    return PBASE_OK;
}
