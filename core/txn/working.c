/* working.c - applying records to trees that are being changed.
 *
 * Databases and collections are opened on first use into small tables: a collection's tree starts as
 * a kept copy of the one in the state, so its first edit copies the path and every later one edits
 * in place. `finish` puts the roots back into the table of collections, and those into the catalog. */
#include "txn/working.h"

#include "collection/change.h"
#include "collection/kind.h"
#include "collection/stored_children.h"
#include "collection/tree_cursor.h"
#include "txn/state_roots.h"

#include <inttypes.h>
#include <protobase/base/limits.h>
#include <stdlib.h>

typedef struct {
    pbase_collection_id id;
    uint8_t kind; /* PBASE_COLLECTION_* */
    bool nests;   /* its values may have children */
    bool gone;    /* dropped: leaves the table at finish */
    bool changed;
    tree content;
    pbase_buffer link; /* to its holder (holder.h) */
} working_collection;

typedef struct {
    uint64_t id;
    bool gone;
    bool changed;
    uint8_t kind;    /* DATABASE_* */
    uint64_t origin; /* of a copy */
    pbase_buffer name;
    tree collections;
    working_indexes indexes;
    working_collection *items;
    size_t count, capacity;
    size_t *index; /* open addressing: positions + 1, 0 is free */
    size_t index_capacity;
} working_database;

struct working {
    const pbase_host *host;
    atom_source *atoms;
    value_coder *coder;
    space_state *base;
    tree catalog;
    working_database *databases;
    size_t count, capacity;
    uint64_t sequence;
    int64_t timestamp_ns;
    state_roots adopted;
};

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to apply a transaction");
}

/* ------------------------------------------------------------------------------- begin ---- */

pbase_status working_begin(const pbase_host *host, space_state *base, value_coder *coder,
                           working **out, pbase_error *err)
{
    working *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return no_memory(err);
    }
    self->host = host;
    self->atoms = base->atoms;
    self->coder = coder;
    self->base = space_state_ref(base);
    self->catalog = tree_of(base->atoms, atom_ref_keep(base->catalog), false);
    self->sequence = base->sequence;
    self->timestamp_ns = base->timestamp_ns;
    *out = self;
    return PBASE_OK;
}

static void database_fini(working *self, working_database *database)
{
    const pbase_alloc *alloc = self->host->alloc;
    for (size_t i = 0; i < database->count; i++) {
        tree_fini(&database->items[i].content);
        pbase_buffer_fini(&database->items[i].link);
    }
    pbase_alloc_free(alloc, database->items, database->capacity * sizeof *database->items);
    pbase_alloc_free(alloc, database->index, database->index_capacity * sizeof *database->index);
    tree_fini(&database->collections);
    working_indexes_fini(&database->indexes);
    pbase_buffer_fini(&database->name);
}

void working_abandon(working **self_pointer)
{
    working *self = *self_pointer;
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        database_fini(self, &self->databases[i]);
    }
    pbase_alloc_free(self->host->alloc, self->databases, self->capacity * sizeof *self->databases);
    tree_fini(&self->catalog);
    space_state_unref(self->base);
    pbase_alloc_free(self->host->alloc, self, sizeof *self);
    *self_pointer = NULL;
}

/* --------------------------------------------------------------------------- databases ---- */

static pbase_status database_add(working *self, uint64_t id, working_database **out,
                                 pbase_error *err)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 4 : self->capacity * 2;
        working_database *grown =
            self->host->alloc->resize(self->host->alloc, self->databases,
                                      self->capacity * sizeof *grown, capacity * sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        self->databases = grown;
        self->capacity = capacity;
    }
    working_database *database = &self->databases[self->count++];
    memset(database, 0, sizeof *database);
    database->id = id;
    database->collections = tree_of(self->atoms, ATOM_REF_NONE, false);
    working_indexes_init(&database->indexes, self->atoms, self->coder);
    pbase_buffer_init(&database->name, self->host->alloc);
    *out = database;
    return PBASE_OK;
}

static working_database *database_opened(working *self, uint64_t id)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->databases[i].id == id) {
            return &self->databases[i];
        }
    }
    return NULL;
}

static pbase_status database_gone(uint64_t id, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_CONFLICT, "database %" PRIu64 " has been dropped", id);
}

/* CONFLICT: it is not there any more. */
static pbase_status database_open(working *self, uint64_t id, working_database **out,
                                  pbase_error *err)
{
    working_database *database = database_opened(self, id);
    if (database != NULL) {
        *out = database;
        return database->gone ? database_gone(id, err) : PBASE_OK;
    }
    catalog_entry entry;
    pbase_buffer name;
    pbase_buffer_init(&name, self->host->alloc);
    pbase_status status = catalog_database(self->base, id, &entry, &name, err);
    if (status == PBASE_NOT_FOUND) {
        status = database_gone(id, err);
    }
    if (status == PBASE_OK) {
        status = database_add(self, id, &database, err);
    }
    if (status != PBASE_OK) {
        pbase_buffer_fini(&name);
        return status;
    }
    database->name = name; /* the buffer moves */
    database->kind = entry.kind;
    database->origin = entry.origin;
    database->collections = tree_of(self->atoms, atom_ref_keep(entry.collections), false);
    *out = database;
    return PBASE_OK;
}

/* ------------------------------------------------------------------------- collections ---- */

static size_t *index_slot(const working_database *database, pbase_collection_id id)
{
    size_t mask = database->index_capacity - 1;
    size_t at = collection_id_hash(id) & mask;
    while (database->index[at] != 0 &&
           !collection_id_same(database->items[database->index[at] - 1].id, id)) {
        at = (at + 1) & mask;
    }
    return &database->index[at];
}

static pbase_status index_grow(working *self, working_database *database, pbase_error *err)
{
    size_t capacity = database->index_capacity == 0 ? 16 : database->index_capacity * 2;
    size_t *index = pbase_alloc_zeroed(self->host->alloc, capacity, sizeof *index);
    if (index == NULL) {
        return no_memory(err);
    }
    pbase_alloc_free(self->host->alloc, database->index, database->index_capacity * sizeof *index);
    database->index = index;
    database->index_capacity = capacity;
    for (size_t i = 0; i < database->count; i++) {
        *index_slot(database, database->items[i].id) = i + 1;
    }
    return PBASE_OK;
}

static pbase_status items_grow(working *self, working_database *database, pbase_error *err)
{
    size_t capacity = database->capacity == 0 ? 8 : database->capacity * 2;
    working_collection *items =
        self->host->alloc->resize(self->host->alloc, database->items,
                                  database->capacity * sizeof *items, capacity * sizeof *items);
    if (items == NULL) {
        return no_memory(err);
    }
    database->items = items;
    database->capacity = capacity;
    return PBASE_OK;
}

/* Takes one count of `root` on success. */
static pbase_status collection_add(working *self, working_database *database,
                                   const collection_slot *slot, working_collection **out,
                                   pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (database->count == database->capacity) {
        status = items_grow(self, database, err);
    }
    if (status == PBASE_OK && 2 * (database->count + 1) > database->index_capacity) {
        status = index_grow(self, database, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    size_t *place = index_slot(database, slot->id);
    working_collection *item = &database->items[database->count++];
    item->id = slot->id;
    item->kind = slot->kind;
    item->gone = item->changed = false;
    item->nests = slot->nests || collection_id_same(slot->id, CATALOG_ROOTS);
    item->content = tree_of(self->atoms, slot->root, tree_kind_positional(slot->kind));
    item->content.sum = slot->sum;
    pbase_buffer_init(&item->link, self->host->alloc);
    *place = database->count;
    *out = item;
    return PBASE_OK;
}

static working_collection *collection_opened(const working_database *database,
                                             pbase_collection_id id)
{
    if (database->index_capacity == 0) {
        return NULL;
    }
    size_t position = *index_slot(database, id);
    return position == 0 ? NULL : &database->items[position - 1];
}

static pbase_status collection_gone(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_CONFLICT,
                      "a collection that this transaction changes has been dropped or replaced");
}

static pbase_status collection_create(working *self, working_database *database,
                                      pbase_collection_id id, uint8_t kind,
                                      working_collection **out, pbase_error *err)
{
    collection_slot slot = {.id = id, .kind = kind, .root = ATOM_REF_NONE};
    if (collection_opened(database, id) != NULL) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record creates one collection twice");
    }
    pbase_status status = collection_add(self, database, &slot, out, err);
    if (status == PBASE_OK) {
        (*out)->changed = true;
    }
    return status;
}

/* CONFLICT: it is not there any more. That of the objects is made then. */
static pbase_status collection_find(working *self, working_database *database,
                                    pbase_collection_id id, working_collection **out,
                                    pbase_error *err)
{
    working_collection *item = collection_opened(database, id);
    if (item != NULL) {
        *out = item;
        return item->gone ? collection_gone(err) : PBASE_OK;
    }
    bool found = false;
    collection_slot slot;
    pbase_buffer link;
    pbase_buffer_init(&link, self->host->alloc);
    pbase_status status = catalog_collection_held(self->atoms, database->collections.root, id,
                                                  &slot, &link, &found, err);
    if (status == PBASE_OK && !found && collection_id_same(id, CATALOG_OBJECTS)) {
        return collection_create(self, database, id, PBASE_COLLECTION_DICT, out, err);
    }
    if (status == PBASE_OK && !found) {
        status = collection_gone(err);
    }
    if (status == PBASE_OK) {
        slot.root = atom_ref_keep(slot.root);
        status = collection_add(self, database, &slot, out, err);
        if (status != PBASE_OK) {
            tree_drop(self->atoms, slot.root);
        }
    }
    if (status == PBASE_OK) {
        (*out)->link = link; /* the buffer moves */
    } else {
        pbase_buffer_fini(&link);
    }
    return status;
}

/* -------------------------------------------------------------------------- children ---- */

static pbase_status ids_add(pbase_buffer *ids, pbase_bytes stored, pbase_error *err)
{
    stored_children list;
    stored_child child;
    pbase_status status = PBASE_OK;
    bool more = stored_children_begin(stored, &list);
    while (status == PBASE_OK && more && stored_children_next(&list, &child)) {
        status = pbase_buffer_append(ids, &child.id, sizeof child.id, err);
    }
    return status;
}

static size_t ids_count(const pbase_buffer *ids)
{
    return ids->size / sizeof(pbase_collection_id);
}

static pbase_collection_id ids_at(const pbase_buffer *ids, size_t index)
{
    pbase_collection_id id;
    memcpy(&id, ids->data + index * sizeof id, sizeof id);
    return id;
}

static int ids_compare(const void *a, const void *b)
{
    const pbase_collection_id *x = a, *y = b;
    int by_sequence = (x->sequence > y->sequence) - (x->sequence < y->sequence);
    return by_sequence != 0 ? by_sequence : (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static void ids_sort(pbase_buffer *ids)
{
    if (ids_count(ids) > 1) {
        qsort(ids->data, ids_count(ids), sizeof(pbase_collection_id), ids_compare);
    }
}

static bool ids_have(const pbase_buffer *sorted, pbase_collection_id id)
{
    return sorted->size > 0 &&
           bsearch(&id, sorted->data, ids_count(sorted), sizeof id, ids_compare) != NULL;
}

/* Every child that values of the tree name. */
static pbase_status ids_of_tree(working *self, const tree *content, pbase_buffer *ids,
                                pbase_error *err)
{
    tree_cursor cursor;
    tree_cursor_init(&cursor, content, self->host->alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        tree_value value;
        status = tree_cursor_value(&cursor, &value, err);
        status = status == PBASE_OK ? ids_add(ids, value.bytes, err) : status;
        status = status == PBASE_OK ? tree_cursor_next(&cursor, err) : status;
    }
    tree_cursor_fini(&cursor);
    return status == PBASE_END ? PBASE_OK : status;
}

/* Drops one collection; those that its values name are added to `ids`. One that is not there, or
 * not any more, is nothing to drop: a record may name a child that it replaces again. */
static pbase_status drop_one(working *self, working_database *database, pbase_collection_id id,
                             pbase_buffer *ids, pbase_error *err)
{
    working_collection *item = collection_opened(database, id);
    uint8_t key[16];
    bool found = item != NULL;
    pbase_status status = PBASE_OK;
    catalog_collection_key(id, key);
    if (id.sequence == 0) {
        return PBASE_OK; /* the roots and their like are nobody's children */
    }
    if (!found) {
        status = tree_has(&database->collections, pbase_bytes_of(key, sizeof key), &found, err);
    }
    if (status != PBASE_OK || !found || (item != NULL && item->gone)) {
        return status;
    }
    status = collection_find(self, database, id, &item, err);
    if (status == PBASE_OK && item->nests) {
        status = ids_of_tree(self, &item->content, ids, err);
    }
    if (status == PBASE_OK) {
        tree_fini(&item->content);
        item->gone = item->changed = true;
        database->changed = true;
        status = working_indexes_drop(&database->indexes, &database->collections, id, err);
    }
    return status;
}

/* Nothing names these any more: they end, with everything in them. */
static pbase_status drop_all(working *self, working_database *database, pbase_buffer *ids,
                             pbase_error *err)
{
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && ids_count(ids) > 0) {
        pbase_collection_id id = ids_at(ids, ids_count(ids) - 1);
        ids->size -= sizeof id;
        status = drop_one(self, database, id, ids, err);
    }
    return status;
}

/* -------------------------------------------------------------------------- operations ---- */

/* The children of what an operation is about to replace or remove. */
static pbase_status ids_before(working *self, const tree *content, const change *operation,
                               pbase_buffer *ids, pbase_error *err)
{
    tree_item item;
    bool found = false;
    pbase_status status = PBASE_OK;
    if (change_is_of_key(operation->op)) {
        status = tree_get(content, operation->key.bytes, &item, &found, err);
        if (status == PBASE_OK && found) {
            status = ids_add(ids, item.value.bytes, err);
            tree_item_release(self->atoms, &item);
        }
        return status;
    }
    switch (operation->op) {
    case CHANGE_LIST_SET:
    case CHANGE_LIST_REMOVE:
        status = tree_at(content, operation->index, &item, &found, err);
        break;
    case CHANGE_LIST_APPEND:
    case CHANGE_LIST_INSERT:
        return PBASE_OK; /* nothing goes, or nothing that has children */
    default:             /* whatever it does, what is missing afterwards was removed */
        return ids_of_tree(self, content, ids, err);
    }
    if (status == PBASE_OK && found) {
        status = ids_add(ids, item.value.bytes, err);
        tree_item_release(self->atoms, &item);
    }
    return status;
}

static bool touches_one_entry(const change *operation)
{
    return operation->op <= CHANGE_HASH_REMOVE;
}

/* Leaves in `before` what is not in the new value, or for operations on many entries not in the
 * tree any more. */
static pbase_status ids_subtract(working *self, const tree *content, const change *operation,
                                 pbase_buffer *before, pbase_error *err)
{
    pbase_buffer after;
    size_t kept = 0;
    if (before->size == 0) {
        return PBASE_OK;
    }
    pbase_buffer_init(&after, self->host->alloc);
    pbase_status status = touches_one_entry(operation) ? ids_add(&after, operation->value, err)
                                                       : ids_of_tree(self, content, &after, err);
    ids_sort(&after);
    for (size_t i = 0; i < ids_count(before) && status == PBASE_OK; i++) {
        pbase_collection_id id = ids_at(before, i);
        if (!ids_have(&after, id)) {
            memcpy(before->data + kept++ * sizeof id, &id, sizeof id);
        }
    }
    before->size = kept * sizeof(pbase_collection_id);
    pbase_buffer_fini(&after);
    return status;
}

/* One operation on a collection whose values have children, before it or with it. Opening others may
 * move the table of open ones, so nothing of it is held across that. */
static pbase_status apply_nesting(working *self, working_database *database, pbase_collection_id id,
                                  const change *operation, pbase_buffer *ids, pbase_error *err)
{
    working_collection *item = NULL;
    ids->size = 0;
    pbase_status status = collection_find(self, database, id, &item, err);
    if (status == PBASE_OK) {
        status = ids_before(self, &item->content, operation, ids, err);
    }
    if (status == PBASE_OK) {
        status = change_apply(operation, item->kind, &item->content, err);
        item->changed = true;
        item->nests = item->nests || stored_children_announced(operation->value);
    }
    if (status == PBASE_OK) {
        status = ids_subtract(self, &item->content, operation, ids, err);
    }
    return status == PBASE_OK ? drop_all(self, database, ids, err) : status;
}

/* The children that an operation has put are held by its entry from now on: those of this record; of
 * others it is so already. */
static pbase_status hold_children(working *self, working_database *database, pbase_collection_id by,
                                  const change *operation, pbase_error *err)
{
    stored_children list;
    stored_child child;
    uint64_t index = operation->index;
    pbase_status status = PBASE_OK;
    if (operation->op == CHANGE_LIST_APPEND) {
        status = tree_count(&collection_opened(database, by)->content, &index, err);
        index--;
    }
    bool more = stored_children_begin(operation->value, &list);
    while (status == PBASE_OK && more && stored_children_next(&list, &child)) {
        working_collection *item =
            child.id.sequence == self->sequence ? collection_opened(database, child.id) : NULL;
        if (item != NULL && !item->gone) {
            item->link.size = 0;
            status = holder_write(by, operation->key.bytes, index, &item->link, err);
            item->changed = true;
        }
    }
    return status;
}

static pbase_status apply_operation(working *self, working_database *database,
                                    pbase_collection_id id, change *operation,
                                    pbase_buffer *resolved, pbase_buffer *ids, pbase_error *err)
{
    working_collection *item = NULL;
    pbase_status status = collection_find(self, database, id, &item, err);
    bool announced = status == PBASE_OK && kind_has_values(item->kind) &&
                     stored_children_announced(operation->value);
    if (status == PBASE_OK && announced) {
        resolved->size = 0;
        status = stored_children_resolve(operation->value, self->sequence, resolved, err);
        operation->value = pbase_buffer_view(resolved);
    }
    if (status != PBASE_OK) {
        return status;
    }
    bool fits = change_kind(operation->op) == item->kind; /* if not, applying it says so */
    status = fits && (item->nests || announced)
                 ? apply_nesting(self, database, id, operation, ids, err)
                 : change_apply(operation, item->kind, &item->content, err);
    return status == PBASE_OK && announced ? hold_children(self, database, id, operation, err)
                                           : status;
}

static pbase_status apply_operations(working *self, working_database *database,
                                     pbase_collection_id id, pbase_bytes operations,
                                     pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    pbase_buffer resolved, ids;
    pbase_buffer_init(&resolved, self->host->alloc);
    pbase_buffer_init(&ids, self->host->alloc);
    pbase_status status = PBASE_OK;
    for (uint64_t number = 1; status == PBASE_OK; number++) {
        change operation;
        status = change_read(&reader, &operation, err);
        if (status == PBASE_OK) {
            status = apply_operation(self, database, id, &operation, &resolved, &ids, err);
        }
        if (status != PBASE_OK && status != PBASE_END) {
            pbase_error_note(err, "operation number %" PRIu64, number);
        }
    }
    pbase_buffer_fini(&resolved);
    pbase_buffer_fini(&ids);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status adopted_root_note(working *self, pbase_atom_pointer root, pbase_error *err)
{
    uint32_t number = 0;
    state_list *list = self->base->list;
    pbase_status status = list == NULL || root == PBASE_ATOM_NONE
                              ? PBASE_OK
                              : state_list_root_add(list, root, &number, err);
    state_roots_add(&self->adopted, number);
    return status;
}

/* Content that was written before the record. Its root is read at once: a record whose atoms are not
 * there must not pass for good. */
static pbase_status adopt(working *self, working_collection *item, pbase_bytes operations,
                          pbase_error *err)
{
    adopted_content content;
    uint64_t count = 0;
    pbase_status status = adopted_content_read(operations, &content, err);
    if (status != PBASE_OK) {
        return status;
    }
    atom_ref root =
        content.root == PBASE_ATOM_NONE ? ATOM_REF_NONE : atom_ref_of_pointer(content.root);
    tree adopted = tree_of(self->atoms, root, tree_kind_positional(item->kind));
    adopted.sum = content.sum;
    status = tree_count(&adopted, &count, err);
    if (status == PBASE_OK && count != content.count) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "an adopted root has %" PRIu64 " entries instead of %" PRIu64, count,
                            content.count);
    }
    if (status == PBASE_OK && (kind_counted(item->kind) ? content.sum < count : content.sum != 0)) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "an adopted root has a sum that makes no sense");
    }
    if (status == PBASE_OK) {
        status = adopted_root_note(self, content.root, err);
    }
    if (status == PBASE_OK) {
        tree_fini(&item->content);
        item->content = adopted; /* what is stored has no counts */
    }
    return status;
}

/* Applies the operations of a group, or takes what they lead to when nobody came between. Others may
 * be opened meanwhile, so the collection has to be asked for again. */
static pbase_status change_content(working *self, working_database *database,
                                   working_collection *item, const delta_group *group,
                                   const working_shortcut *shortcut, bool *out_taken,
                                   pbase_error *err)
{
    *out_taken = shortcut != NULL && atom_ref_same(item->content.root, shortcut->base_root);
    if (group->form == GROUP_ADOPT) {
        return adopt(self, item, group->operations, err);
    }
    *out_taken = *out_taken && shortcut->present;
    if (!*out_taken) {
        return apply_operations(self, database, item->id, group->operations, err);
    }
    atom_ref result = atom_ref_keep(shortcut->result_root);
    atom_source *atoms = item->content.source;
    tree_fini(&item->content);
    item->content = tree_of(atoms, result, tree_kind_positional(item->kind));
    item->content.sum = shortcut->result_sum;
    return PBASE_OK;
}

/* Changes a collection, and its indexes with it. */
static pbase_status apply_change(working *self, working_database *database,
                                 working_collection *item, const delta_group *group,
                                 const working_shortcut *shortcut, pbase_error *err)
{
    bool has_indexes = false, is_taken = false;
    pbase_collection_id id = item->id;
    pbase_status status = PBASE_OK;
    if (group->form != GROUP_CREATE) { /* a new collection has none */
        status =
            working_indexes_any(&database->indexes, &database->collections, id, &has_indexes, err);
    }
    if (status != PBASE_OK || !has_indexes) {
        return status == PBASE_OK
                   ? change_content(self, database, item, group, shortcut, &is_taken, err)
                   : status;
    }
    tree before = tree_keep(&item->content);
    status = change_content(self, database, item, group, shortcut, &is_taken, err);
    item = collection_opened(database, id);
    PBASE_ASSERT(item != NULL); /* what was opened stays, in another place at most */
    index_step step = {.kind = item->kind,
                       .before = &before,
                       .after = &item->content,
                       .is_whole = group->form == GROUP_ADOPT,
                       .operations = group->operations};
    if (status == PBASE_OK) {
        status = working_indexes_change(&database->indexes, id, &step,
                                        is_taken ? shortcut->indexes : NULL,
                                        is_taken ? shortcut->index_count : 0, err);
    }
    tree_fini(&before);
    return status;
}

static pbase_status apply_index_operation(working *self, working_database *database,
                                          const index_operation *operation,
                                          const index_shortcut *shortcut, pbase_error *err)
{
    pbase_collection_id target;
    working_collection *item = NULL;
    if (operation->op == INDEX_DROP) {
        return working_indexes_remove(&database->indexes, &database->collections, operation, err);
    }
    if (!working_indexes_target(operation, &target)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record makes an index on no collection");
    }
    pbase_status status = collection_find(self, database, target, &item, err);
    return status == PBASE_OK
               ? working_indexes_create(&database->indexes, &database->collections, operation,
                                        self->sequence, item->kind, &item->content, shortcut, err)
               : status;
}

/* Operations on the definitions of indexes; `shortcut` may hold the entries of the first. */
static pbase_status apply_indexes(working *self, working_database *database, pbase_bytes operations,
                                  const working_shortcut *shortcut, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    const index_shortcut *ready =
        shortcut != NULL && shortcut->index_count > 0 ? shortcut->indexes : NULL;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK) {
        index_operation operation;
        status = index_operation_read(&reader, &operation, err);
        if (status == PBASE_OK) {
            status = apply_index_operation(self, database, &operation, ready, err);
            ready = NULL;
        }
    }
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status apply_group(working *self, working_database *database, const delta_group *group,
                                const working_shortcut *shortcut, pbase_error *err)
{
    pbase_collection_id id = group->id;
    if (group->kind == COLLECTION_INDEX) {
        database->changed = true;
        return collection_id_same(id, INDEX_DEFINITIONS) && group->form == GROUP_CHANGE
                   ? apply_indexes(self, database, group->operations, shortcut, err)
                   : PBASE_FAIL(err, PBASE_CORRUPT, "a record changes an index by itself");
    }
    bool own = id.sequence == 0 && id.ordinal > 0;
    bool system = catalog_is_system(id);
    bool creates = group->form == GROUP_CREATE || (group->form == GROUP_ADOPT && own && !system);
    working_collection *item = NULL;
    if ((group->form == GROUP_CREATE && !own) || (group->form == GROUP_CHANGE && own && !system)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record creates a collection that is not its own");
    }
    if (creates) {
        id.sequence = self->sequence;
    }
    pbase_status status = creates ? collection_create(self, database, id, group->kind, &item, err)
                                  : collection_find(self, database, id, &item, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (item->kind != group->kind) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record takes a %s for a %s",
                          pbase_collection_kind_name(item->kind),
                          pbase_collection_kind_name(group->kind));
    }
    database->changed = true;
    if (group->form == GROUP_ADOPT && item->nests) { /* nobody could say what becomes of children */
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record adopts a collection that has children");
    }
    item->changed = true;
    return apply_change(self, database, item, group, shortcut, err);
}

static pbase_status apply_delta(working *self, pbase_bytes body, const working_shortcut *shortcuts,
                                pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(body);
    uint64_t database_id = 0, count = 0;
    if (!pbase_read_varint(&reader, &database_id) || !pbase_read_varint(&reader, &count)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta record is cut");
    }
    working_database *database = NULL;
    pbase_status status = database_open(self, database_id, &database, err);
    if (status == PBASE_OK && database->kind == DATABASE_SNAPSHOT) { /* no transaction does it */
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a record changes a snapshot");
    }
    for (uint64_t i = 0; i < count && status == PBASE_OK; i++) {
        delta_group group;
        status = delta_group_read(&reader, &group, err);
        if (status == PBASE_OK) {
            status =
                apply_group(self, database, &group, shortcuts == NULL ? NULL : &shortcuts[i], err);
        }
    }
    if (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a delta record has bytes after its groups");
    }
    return status;
}

/* ----------------------------------------------------------------------------- catalog ---- */

static pbase_status catalog_put(working *self, const working_database *database, pbase_error *err)
{
    uint8_t key_bytes[8];
    catalog_database_key(database->id, key_bytes);
    encoded_key key = {.bytes = pbase_bytes_of(key_bytes, sizeof key_bytes)};
    pbase_buffer payload;
    pbase_buffer_init(&payload, self->host->alloc);
    catalog_entry described = {.kind = database->kind,
                               .origin = database->origin,
                               .name = pbase_buffer_view(&database->name)};
    pbase_status status = catalog_entry_write(&described, &payload, err);
    if (status == PBASE_OK) {
        tree_value entry = {.kind = TREE_VALUE_TREE,
                            .tree_kind = PBASE_COLLECTION_DICT,
                            .root = database->collections.root,
                            .bytes = pbase_buffer_view(&payload)};
        status = tree_put(&self->catalog, &key, &entry, NULL, err);
    }
    pbase_buffer_fini(&payload);
    return status;
}

/* Puts a changed collection into the table of its database; its tree stays open. */
static pbase_status table_put(working_database *database, const working_collection *item,
                              pbase_error *err)
{
    uint8_t key_bytes[16];
    catalog_collection_key(item->id, key_bytes);
    encoded_key key = {.bytes = pbase_bytes_of(key_bytes, sizeof key_bytes)};
    if (item->gone) {
        return tree_remove(&database->collections, key.bytes, NULL, err);
    }
    uint8_t slot[CATALOG_SLOT_BYTES_MAX];
    size_t slot_size = catalog_slot_write(item->kind, item->content.sum, item->nests,
                                          pbase_buffer_view(&item->link), slot);
    tree_value entry = {.kind = TREE_VALUE_TREE,
                        .tree_kind = item->kind,
                        .root = item->content.root,
                        .bytes = pbase_bytes_of(slot, slot_size)};
    return tree_put(&database->collections, &key, &entry, NULL, err);
}

static pbase_status create_database(working *self, pbase_bytes name, pbase_error *err)
{
    working_database *database = NULL;
    working_collection *roots = NULL;
    pbase_status status = database_add(self, self->sequence, &database, err);
    if (status == PBASE_OK) {
        database->changed = true;
        status = pbase_buffer_append_bytes(&database->name, name, err);
    }
    return status == PBASE_OK ? collection_create(self, database, CATALOG_ROOTS,
                                                  PBASE_COLLECTION_DICT, &roots, err)
                              : status;
}

/* Puts what was changed in a database into its table of collections, so that the table can be
 * shared; each tree stays open and is copied at its next edit. */
static pbase_status flush_collections(working_database *database, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < database->count && status == PBASE_OK; i++) {
        working_collection *item = &database->items[i];
        if (item->changed) {
            status = table_put(database, item, err);
            item->changed = status != PBASE_OK;
        }
    }
    return status == PBASE_OK
               ? working_indexes_finish(&database->indexes, &database->collections, err)
               : status;
}

/* A second name for the same table of collections: nothing in it is read or copied. */
static pbase_status copy_database(working *self, const catalog_change *wanted, pbase_error *err)
{
    working_database *source = NULL, *copy = NULL;
    pbase_status status = database_open(self, wanted->database, &source, err);
    if (status == PBASE_OK) {
        status = flush_collections(source, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    tree shared = tree_keep(&source->collections);
    status = database_add(self, self->sequence, &copy, err); /* may move `source` */
    if (status != PBASE_OK) {
        tree_fini(&shared);
        return status;
    }
    copy->collections = shared;
    copy->changed = true;
    copy->kind = wanted->kind;
    copy->origin = wanted->database;
    return pbase_buffer_append_bytes(&copy->name, wanted->name, err);
}

static pbase_status rename_database(working_database *database, pbase_bytes name, pbase_error *err)
{
    database->changed = true;
    database->name.size = 0;
    return pbase_buffer_append_bytes(&database->name, name, err);
}

static pbase_status apply_catalog(working *self, pbase_bytes body, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(body);
    catalog_change wanted;
    working_database *database = NULL;
    pbase_status status = catalog_change_read(&reader, &wanted, err);
    if (status != PBASE_OK) {
        return status;
    }
    switch (wanted.operation) {
    case CATALOG_CREATE:
        return create_database(self, wanted.name, err);
    case CATALOG_COPY:
        return copy_database(self, &wanted, err);
    case CATALOG_RENAME:
        status = database_open(self, wanted.database, &database, err);
        return status == PBASE_OK ? rename_database(database, wanted.name, err) : status;
    default:
        status = database_open(self, wanted.database, &database, err);
        if (status == PBASE_OK) {
            database->gone = database->changed = true;
        }
        return status;
    }
}

pbase_status working_apply(working *self, const record_head *head, pbase_bytes body,
                           const working_shortcut *shortcuts, pbase_error *err)
{
    self->sequence = head->sequence;
    self->timestamp_ns = head->timestamp_ns;
    return head->kind == RECORD_CATALOG ? apply_catalog(self, body, err)
                                        : apply_delta(self, body, shortcuts, err);
}

pbase_status working_can_wait(working *self, uint64_t database_id, const delta_group *group,
                              bool *out, pbase_error *err)
{
    working_database *database = NULL;
    working_collection *item = NULL;
    bool has_indexes = false;
    pbase_error why;
    pbase_error_init(&why);
    *out = false;
    pbase_status status = database_open(self, database_id, &database, &why);
    if (status == PBASE_OK) {
        status = collection_find(self, database, group->id, &item, &why);
    }
    if (status == PBASE_OK) {
        status = working_indexes_any(&database->indexes, &database->collections, group->id,
                                     &has_indexes, &why);
    }
    if (status == PBASE_CONFLICT) { /* whoever applies it says so */
        return PBASE_OK;
    }
    if (status != PBASE_OK) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    bool mapping = item->kind == PBASE_COLLECTION_DICT || item->kind == PBASE_COLLECTION_HASH_DICT;
    *out = database->kind != DATABASE_SNAPSHOT && group->form == GROUP_CHANGE &&
           item->kind == group->kind && mapping && !item->nests && !has_indexes &&
           !catalog_is_system(group->id);
    return PBASE_OK;
}

pbase_status working_open(working *self, uint64_t database_id, pbase_collection_id id,
                          uint8_t *out_kind, tree **out, pbase_error *err)
{
    working_database *database = NULL;
    working_collection *item = NULL;
    pbase_status status = database_open(self, database_id, &database, err);
    if (status == PBASE_OK) {
        status = collection_find(self, database, id, &item, err);
    }
    if (status == PBASE_OK) {
        database->changed = item->changed = true;
        *out_kind = item->kind;
        *out = &item->content;
    }
    return status;
}

void working_stamp(working *self, const record_head *head)
{
    self->sequence = head->sequence;
    self->timestamp_ns = head->timestamp_ns;
}

/* ------------------------------------------------------------------------------ finish ---- */

static pbase_status finish_database(working *self, working_database *database, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (database->gone) {
        uint8_t key[8];
        catalog_database_key(database->id, key);
        return tree_remove(&self->catalog, pbase_bytes_of(key, sizeof key), NULL, err);
    }
    status = flush_collections(database, err);
    return status == PBASE_OK ? catalog_put(self, database, err) : status;
}

pbase_status working_seal(working *self, space_state **out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        if (self->databases[i].changed) {
            status = finish_database(self, &self->databases[i], err);
        }
    }
    space_state *next = NULL;
    if (status == PBASE_OK) {
        next = space_state_create(self->base->list, self->atoms, self->catalog.root, self->sequence,
                                  self->timestamp_ns);
        status = next == NULL ? no_memory(err) : PBASE_OK;
    }
    if (status == PBASE_OK) {
        self->catalog.root = ATOM_REF_NONE; /* the state has its count now */
        space_state_need_as(next, self->base, &self->adopted);
        *out = next;
    }
    return status;
}

pbase_status working_finish(working **self, space_state **out, pbase_error *err)
{
    pbase_status status = working_seal(*self, out, err);
    working_abandon(self);
    return status;
}
