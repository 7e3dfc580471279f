/* feed_record.c - from the groups of one record to events in the order of feed_record.h. */
#include "txn/feed_record.h"

#include "collection/kind.h"

#include <inttypes.h>
#include <stdlib.h>

#define ORDER_ROOTS 0
#define ORDER_OBJECTS 1
#define ORDER_INDEXES INT64_MAX
#define GROUP_BYTES_MIN 5u /* the shortest group in a record */

void feed_record_init(feed_record *self, const pbase_alloc *alloc, atom_source *atoms,
                      const feed_filter *filter)
{
    memset(self, 0, sizeof *self);
    self->alloc = alloc;
    self->atoms = atoms;
    self->filter = filter;
    pbase_arena_init(&self->arena, alloc);
}

static void end_entries(feed_record *self)
{
    if (self->in_entries) {
        tree_cursor_fini(&self->entries);
        self->in_entries = false;
    }
}

void feed_record_fini(feed_record *self)
{
    end_entries(self);
    pbase_arena_fini(&self->arena);
}

/* ---------------------------------------------------------------------------------- names ----- */

static pbase_status keep_text(feed_record *self, pbase_bytes text, const char **out,
                              pbase_error *err)
{
    char *copy = pbase_arena_array(&self->arena, text.size + 1, 1);
    if (copy == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to tell a change");
    }
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    *out = copy;
    return PBASE_OK;
}

/* What the state knows of the database; the view of one that is not in it stays empty. */
static pbase_status view_of(const feed_record *self, const space_state *state, place_view *out,
                            pbase_buffer *name, bool *out_found, pbase_error *err)
{
    catalog_entry entry;
    pbase_error why;
    pbase_error_init(&why);
    *out = (place_view){self->atoms, ATOM_REF_NONE};
    pbase_status status = catalog_database(state, self->database, &entry, name, &why);
    *out_found = status == PBASE_OK;
    if (status == PBASE_OK) {
        out->collections = entry.collections;
    } else if (status != PBASE_NOT_FOUND && err != NULL) {
        *err = why;
    }
    return status == PBASE_NOT_FOUND ? PBASE_OK : status;
}

/* The database before and after the record, and its name after it, or before when it is gone. */
static pbase_status find_database(feed_record *self, pbase_error *err)
{
    pbase_buffer name, gone;
    bool found = false, is_there = false;
    pbase_buffer_init(&name, self->alloc);
    pbase_buffer_init(&gone, self->alloc);
    pbase_status status = view_of(self, self->before, &self->view_before, &gone, &found, err);
    if (status == PBASE_OK) {
        status = view_of(self, self->after, &self->view_after, &name, &is_there, err);
    }
    if (status == PBASE_OK) {
        status = keep_text(self, pbase_buffer_view(is_there ? &name : &gone), &self->name, err);
    }
    pbase_buffer_fini(&name);
    pbase_buffer_fini(&gone);
    return status;
}

static bool wants_database(const feed_record *self)
{
    return self->filter->database == 0 || self->filter->database == self->database;
}

static bool wants_root(const feed_record *self, const char *root)
{
    return self->filter->root.size == 0 ||
           pbase_bytes_equal(pbase_bytes_text(root), self->filter->root);
}

/* What every event of the record at hand has. */
static void event_begin(const feed_record *self, feed_event *out)
{
    *out = (feed_event){.head = self->record.head,
                        .place = FEED_IN_ROOT,
                        .database = self->database,
                        .root = "",
                        .name = self->name,
                        .copy = out->copy};
}

/* ------------------------------------------------------------------------------- catalog ------ */

/* The one event of a catalog record; END when it is not told. */
static pbase_status tell_catalog(feed_record *self, feed_event *out, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(self->record.body);
    catalog_change wanted;
    self->loaded = false;
    pbase_status status = catalog_change_read(&reader, &wanted, err);
    if (status != PBASE_OK) {
        return status;
    }
    bool made = wanted.operation == CATALOG_CREATE || wanted.operation == CATALOG_COPY;
    self->database = made ? self->record.head.sequence : wanted.database;
    if (!wants_database(self) || (self->filter->database == 0 && self->filter->root.size > 0)) {
        return PBASE_END;
    }
    status = find_database(self, err);
    event_begin(self, out);
    out->what = FEED_CATALOG;
    out->catalog = wanted;
    return status == PBASE_OK ? keep_text(self, wanted.source, &out->root, err) : status;
}

/* --------------------------------------------------------------------------------- groups ----- */

/* The name of a root as text. */
static pbase_status name_of(feed_record *self, const encoded_key *key, const char **out,
                            pbase_error *err)
{
    pbase_value name;
    pbase_status status = key_decode(key, &self->arena, &name, err);
    if (status == PBASE_OK && name.kind != PBASE_STRING) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the name of a root is not text");
    }
    return status == PBASE_OK ? keep_text(self, name.as.string, out, err) : status;
}

static pbase_status place_group(feed_record *self, const place *at, feed_group *group,
                                pbase_error *err)
{
    int64_t depth = (int64_t)at->depth + (at->in_objects ? ORDER_OBJECTS : ORDER_ROOTS);
    pbase_bytes key = at->top.bytes;
    group->place = at->is_root_own ? FEED_IN_ROOT : FEED_IN_NESTED;
    group->order = group->in_before ? -depth : depth;
    group->is_known = at->known;
    if (!at->known) {
        return PBASE_OK;
    }
    if (!at->in_objects) {
        return name_of(self, &at->top, &group->root, err);
    }
    return pbase_arena_copy(&self->arena, key, &group->object.bytes, err);
}

/* Finds where the collection of a group is: after the record, or before it when it has ended.
 * *out_told false: in neither state, or the feed does not want it. */
static pbase_status find_group(feed_record *self, feed_group *group, bool *out_told,
                               pbase_error *err)
{
    place at;
    pbase_buffer key;
    pbase_buffer_init(&key, self->alloc);
    pbase_status status = place_find(&self->view_after, group->id, &key, &at, err);
    if (status == PBASE_OK && !at.found) {
        group->in_before = true;
        status = place_find(&self->view_before, group->id, &key, &at, err);
    }
    *out_told = status == PBASE_OK && at.found;
    if (*out_told) {
        status = place_group(self, &at, group, err);
        *out_told = wants_root(self, group->root);
    }
    pbase_buffer_fini(&key);
    return status;
}

/* Prepares one group; *out_told false: nothing of it is told. */
static pbase_status prepare(feed_record *self, feed_group *group, bool *out_told, pbase_error *err)
{
    pbase_collection_id id = group->group.id;
    bool is_system = catalog_is_system(id);
    group->root = "";
    group->id = id;
    *out_told = true;
    if (group->group.kind == COLLECTION_INDEX) {
        group->order = ORDER_INDEXES;
        return PBASE_OK;
    }
    if (is_system && id.ordinal == CATALOG_ROOTS.ordinal) {
        group->order = ORDER_ROOTS;
        return PBASE_OK;
    }
    if (is_system) {
        group->place = FEED_IN_OBJECTS;
        group->order = ORDER_OBJECTS;
        *out_told = self->filter->root.size == 0;
        return PBASE_OK;
    }
    group->id.sequence = id.sequence == 0 ? self->record.head.sequence : id.sequence;
    return find_group(self, group, out_told, err);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Groups of one order: collections within others by their ids, so as they were made; the rest as in
 * the record. */
static int by_order(const void *a, const void *b)
{
    const feed_group *x = a, *y = b;
    if (x->order != y->order) {
        return (x->order > y->order) - (x->order < y->order);
    }
    if (x->place != y->place) {
        return (x->place > y->place) - (x->place < y->place);
    }
    if (x->place != FEED_IN_NESTED) {
        return compare_numbers(x->number, y->number);
    }
    int by_sequence = compare_numbers(x->id.sequence, y->id.sequence);
    return by_sequence != 0 ? by_sequence : compare_numbers(x->id.ordinal, y->id.ordinal);
}

static pbase_status load_groups(feed_record *self, pbase_reader_bytes *reader, uint64_t count,
                                pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (count > pbase_reader_bytes_left(reader) / GROUP_BYTES_MIN) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta record is cut");
    }
    self->groups = pbase_arena_array(&self->arena, (size_t)count + 1, sizeof *self->groups);
    if (self->groups == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to tell a change");
    }
    for (uint64_t i = 0; i < count && status == PBASE_OK; i++) {
        feed_group *group = &self->groups[self->count];
        bool told = false;
        *group = (feed_group){.number = i};
        status = delta_group_read(reader, &group->group, err);
        status = status == PBASE_OK ? prepare(self, group, &told, err) : status;
        self->count += told;
    }
    if (status == PBASE_OK && self->count > 1) {
        qsort(self->groups, self->count, sizeof *self->groups, by_order);
    }
    return status;
}

pbase_status feed_record_load(feed_record *self, const replay_record *record, space_state *before,
                              space_state *after, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(record->body);
    uint64_t count = 0;
    end_entries(self);
    pbase_arena_reset(&self->arena);
    self->record = *record;
    self->before = before;
    self->after = after;
    self->groups = self->at = NULL;
    self->count = self->next = 0;
    self->loaded = true;
    if (record->head.kind == RECORD_CATALOG) {
        return PBASE_OK;
    }
    if (!pbase_read_varint(&reader, &self->database) || !pbase_read_varint(&reader, &count)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta record is cut");
    }
    if (!wants_database(self)) {
        return PBASE_OK;
    }
    pbase_status status = find_database(self, err);
    return status == PBASE_OK ? load_groups(self, &reader, count, err) : status;
}

/* ---------------------------------------------------------------------------------- roots ----- */

/* Whether an entry of a system collection was there before the record; with `out` (may be NULL) its
 * value, in the arena. */
static pbase_status was_in(feed_record *self, pbase_collection_id id, pbase_bytes key,
                           bool *out_found, pbase_bytes *out, pbase_error *err)
{
    collection_slot slot;
    tree_item item;
    *out_found = false;
    pbase_status status = catalog_collection_find(self->atoms, self->view_before.collections, id,
                                                  &slot, out_found, err);
    if (status != PBASE_OK || !*out_found) {
        return status;
    }
    tree entries = tree_of(self->atoms, slot.root, false);
    status = tree_get(&entries, key, &item, out_found, err);
    if (status == PBASE_OK && *out_found) {
        status =
            out == NULL ? PBASE_OK : pbase_arena_copy(&self->arena, item.value.bytes, out, err);
        tree_item_release(self->atoms, &item);
    }
    return status;
}

/* One operation on the dictionary of roots. */
static pbase_status tell_root(feed_record *self, const change *operation, feed_event *out,
                              bool *out_told, pbase_error *err)
{
    stored_child child;
    bool puts = operation->op == CHANGE_PUT, was_there = false;
    const char *root = "";
    pbase_status status = was_in(self, CATALOG_ROOTS, operation->key.bytes, &was_there, NULL, err);
    status = status == PBASE_OK ? name_of(self, &operation->key, &root, err) : status;
    *out_told = status == PBASE_OK && (was_there || puts) && wants_root(self, root);
    if (!*out_told) {
        return status;
    }
    event_begin(self, out);
    out->what = puts ? FEED_ROOT_PUT : FEED_ROOT_REMOVE;
    out->root = root;
    out->was_there = was_there;
    out->operation = *operation;
    if (puts && stored_is_child(operation->value) &&
        stored_child_at(operation->value, 0, &child)) { /* else a plain value */
        out->kind = child.kind;
        out->collection = child.id;
        out->collection.sequence =
            child.id.sequence == 0 ? self->record.head.sequence : child.id.sequence;
    }
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------- indexes ------ */

/* Where the collection that an operation on definitions names is, as a group; its kind too. */
static pbase_status find_indexed(feed_record *self, pbase_collection_id id, feed_group *out,
                                 bool *out_told, pbase_error *err)
{
    collection_slot slot;
    bool found = false;
    *out = (feed_group){.root = "", .id = id};
    if (catalog_is_system(id)) {
        out->place = FEED_IN_OBJECTS;
        *out_told = self->filter->root.size == 0;
        out->group.kind = PBASE_COLLECTION_DICT;
        return PBASE_OK;
    }
    pbase_status status = find_group(self, out, out_told, err);
    if (status == PBASE_OK && *out_told) {
        status = catalog_collection_find(self->atoms,
                                         feed_record_view(self, out->in_before)->collections, id,
                                         &slot, &found, err);
    }
    out->group.kind = found ? slot.kind : 0;
    return status;
}

static void event_in_group(const feed_record *self, feed_what what, const feed_group *group,
                           feed_event *out)
{
    event_begin(self, out);
    out->what = what;
    out->place = group->place;
    out->kind = group->group.kind;
    out->collection = group->id;
    out->in_before = group->in_before;
    out->is_known = group->is_known;
    out->object = group->object;
    out->root = group->root;
}

/* The next operation on definitions of indexes; END: there is no more. One that the record both makes
 * and drops is not told. */
static pbase_status tell_index(feed_record *self, feed_event *out, bool *out_told, pbase_error *err)
{
    index_operation operation;
    index_definition definition;
    feed_group indexed;
    bool found = true;
    pbase_status status = index_operation_read(&self->operations, &operation, err);
    if (status == PBASE_OK && operation.op == INDEX_DROP) {
        status = was_in(self, INDEX_DEFINITIONS, operation.key, &found, &operation.value, err);
    }
    if (status != PBASE_OK || !found) {
        return status;
    }
    status = index_definition_read(operation.key, operation.value, &self->arena, &definition, err);
    if (status == PBASE_OK) {
        pbase_collection_id id = definition.collection;
        id.sequence =
            id.sequence == 0 && !catalog_is_system(id) ? self->record.head.sequence : id.sequence;
        status = find_indexed(self, id, &indexed, out_told, err);
    }
    if (status == PBASE_OK && *out_told) {
        event_in_group(self, FEED_INDEX, &indexed, out);
        out->index = operation;
    }
    return status;
}

/* --------------------------------------------------------------------------- collections ------ */

/* The content of the group at hand came whole; its entries follow. */
static pbase_status tell_adopted(feed_record *self, feed_event *out, pbase_error *err)
{
    adopted_content content;
    pbase_status status = adopted_content_read(self->at->group.operations, &content, err);
    if (status != PBASE_OK) {
        return status;
    }
    event_in_group(self, FEED_ADOPTED, self->at, out);
    out->adopted = content.count;
    atom_ref root =
        content.root == PBASE_ATOM_NONE ? ATOM_REF_NONE : atom_ref_of_pointer(content.root);
    tree entries = tree_of(self->atoms, root, tree_kind_positional(self->at->group.kind));
    tree_cursor_init(&self->entries, &entries, self->alloc); /* what is stored has no counts */
    self->in_entries = true;
    return PBASE_OK;
}

/* Copies what an entry under the cursor lends: the event outlives the cursor's next move. */
static pbase_status copy_entry(change *operation, pbase_buffer *copy, pbase_error *err)
{
    pbase_bytes *parts[] = {&operation->key.bytes, &operation->key.spelling, &operation->value};
    size_t starts[3];
    pbase_status status = PBASE_OK;
    copy->size = 0;
    for (size_t i = 0; i < 3 && status == PBASE_OK; i++) {
        starts[i] = copy->size;
        status = pbase_buffer_append_bytes(copy, *parts[i], err);
    }
    for (size_t i = 0; i < 3 && status == PBASE_OK; i++) {
        *parts[i] = parts[i]->size == 0 ? pbase_bytes_of(NULL, 0)
                                        : pbase_bytes_of(copy->data + starts[i], parts[i]->size);
    }
    return status;
}

/* The next entry of adopted content; *out_told false: there is none. */
static pbase_status tell_entry(feed_record *self, feed_event *out, bool *out_told, pbase_error *err)
{
    uint8_t kind = self->at->group.kind;
    encoded_key key = {.bytes = {NULL, 0}};
    tree_value value;
    change operation;
    pbase_status status = self->entries.depth == 0 ? tree_cursor_first(&self->entries, err)
                                                   : tree_cursor_next(&self->entries, err);
    if (status == PBASE_END) {
        end_entries(self);
        self->at = NULL;
        return PBASE_OK;
    }
    if (status == PBASE_OK && !tree_kind_positional(kind)) {
        status = tree_cursor_key(&self->entries, &key, err);
    }
    status = status == PBASE_OK ? tree_cursor_value(&self->entries, &value, err) : status;
    if (status == PBASE_OK) {
        status = change_of_entry(kind, &key, value.bytes, &operation, err);
    }
    status = status == PBASE_OK ? copy_entry(&operation, &out->copy, err) : status;
    if (status == PBASE_OK) {
        event_in_group(self, FEED_ADOPTED_ENTRY, self->at, out);
        out->operation = operation;
    }
    *out_told = status == PBASE_OK;
    return status;
}

/* The next operation of the group at hand; *out_told false: it is not among those that are told, or
 * the group has no more. */
static pbase_status tell_operation(feed_record *self, feed_event *out, bool *out_told,
                                   pbase_error *err)
{
    change operation;
    pbase_status status = PBASE_OK;
    if (self->at->order == ORDER_INDEXES) {
        status = tell_index(self, out, out_told, err);
    } else {
        status = change_read(&self->operations, &operation, err);
    }
    if (status == PBASE_END) {
        self->at = NULL;
        return PBASE_OK;
    }
    if (status != PBASE_OK || self->at->order == ORDER_INDEXES) {
        return status;
    }
    if (self->at->order == ORDER_ROOTS) {
        return tell_root(self, &operation, out, out_told, err);
    }
    event_in_group(self, FEED_CHANGE, self->at, out);
    out->operation = operation;
    *out_told = true;
    return PBASE_OK;
}

/* Goes to the next group; *out_told: its first event was told. */
static pbase_status next_group(feed_record *self, feed_event *out, bool *out_told, pbase_error *err)
{
    self->at = &self->groups[self->next++];
    if (self->at->group.form == GROUP_ADOPT) {
        *out_told = true;
        return tell_adopted(self, out, err);
    }
    self->operations = pbase_reader_bytes_of(self->at->group.operations);
    return PBASE_OK;
}

pbase_status feed_record_next(feed_record *self, feed_event *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    bool told = false;
    if (self->loaded && self->record.head.kind == RECORD_CATALOG) {
        return tell_catalog(self, out, err);
    }
    while (self->loaded && status == PBASE_OK && !told) {
        if (self->in_entries) {
            status = tell_entry(self, out, &told, err);
        } else if (self->at != NULL) {
            status = tell_operation(self, out, &told, err);
        } else if (self->next < self->count) {
            status = next_group(self, out, &told, err);
        } else {
            self->loaded = false;
        }
    }
    return status == PBASE_OK && !told ? PBASE_END : status;
}
