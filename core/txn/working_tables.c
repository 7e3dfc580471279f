/* working_tables.c - the databases and collections of a working state, opened on first use.
 *
 * A collection's tree starts as a kept copy of the one in the state, so its first edit copies the path
 * and every later one edits in place. */
#include "txn/working_private.h"

#include "collection/kind.h"

#include <inttypes.h>

/* --------------------------------------------------------------------------- databases ---- */

pbase_status working_database_add(working *self, uint64_t id, working_database **out,
                                  pbase_error *err)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 4 : self->capacity * 2;
        working_database *grown =
            self->host->alloc->resize(self->host->alloc, self->databases,
                                      self->capacity * sizeof *grown, capacity * sizeof *grown);
        if (grown == NULL) {
            return working_no_memory(err);
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

working_database *working_database_opened(working *self, uint64_t id)
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

pbase_status working_database_open(working *self, uint64_t id, working_database **out,
                                   pbase_error *err)
{
    working_database *database = working_database_opened(self, id);
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
        status = working_database_add(self, id, &database, err);
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
        return working_no_memory(err);
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
        return working_no_memory(err);
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

working_collection *working_collection_opened(const working_database *database,
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

pbase_status working_collection_create(working *self, working_database *database,
                                       pbase_collection_id id, uint8_t kind,
                                       working_collection **out, pbase_error *err)
{
    collection_slot slot = {.id = id, .kind = kind, .root = ATOM_REF_NONE};
    if (working_collection_opened(database, id) != NULL) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record creates one collection twice");
    }
    pbase_status status = collection_add(self, database, &slot, out, err);
    if (status == PBASE_OK) {
        (*out)->changed = true;
    }
    return status;
}

pbase_status working_collection_find(working *self, working_database *database,
                                     pbase_collection_id id, working_collection **out,
                                     pbase_error *err)
{
    working_collection *item = working_collection_opened(database, id);
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
        return working_collection_create(self, database, id, PBASE_COLLECTION_DICT, out, err);
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
