/* database_names.c - a small table of names over those of a state. */
#include "txn/database_names.h"

void database_names_init(database_names *self, space_state *base)
{
    *self = (database_names){.alloc = base->atoms->alloc, .base = space_state_ref(base)};
}

void database_names_fini(database_names *self)
{
    for (size_t i = 0; i < self->count; i++) {
        pbase_buffer_fini(&self->items[i].name);
    }
    pbase_alloc_free(self->alloc, self->items, self->capacity * sizeof *self->items);
    space_state_unref(self->base);
    *self = (database_names){.alloc = self->alloc};
}

static database_name *find(database_names *self, uint64_t id)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->items[i].id == id) {
            return &self->items[i];
        }
    }
    return NULL;
}

static pbase_status add(database_names *self, uint64_t id, database_name **out, pbase_error *err)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 8 : self->capacity * 2;
        database_name *items = self->alloc->resize(
            self->alloc, self->items, self->capacity * sizeof *items, capacity * sizeof *items);
        if (items == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the names of databases");
        }
        self->items = items;
        self->capacity = capacity;
    }
    *out = &self->items[self->count++];
    (*out)->id = id;
    pbase_buffer_init(&(*out)->name, self->alloc);
    return PBASE_OK;
}

/* The byte behind the name is not part of it. */
static pbase_status set(database_name *item, pbase_bytes name, pbase_error *err)
{
    item->name.size = 0;
    pbase_status status = pbase_buffer_append_bytes(&item->name, name, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(&item->name, 0, err);
    }
    if (status == PBASE_OK) {
        item->name.size--;
    }
    return status;
}

/* Of a database that no record has named yet. */
static pbase_status from_base(const database_names *self, database_name *item, pbase_error *err)
{
    catalog_entry entry;
    pbase_buffer name;
    pbase_buffer_init(&name, self->alloc);
    pbase_status status = catalog_database(self->base, item->id, &entry, &name, err);
    if (status == PBASE_OK) {
        status = set(item, entry.name, err);
    } else if (status == PBASE_NOT_FOUND) {
        status = set(item, pbase_bytes_of(NULL, 0), err);
    }
    pbase_buffer_fini(&name);
    return status;
}

pbase_status database_names_find(database_names *self, uint64_t id, pbase_bytes *out,
                                 pbase_error *err)
{
    pbase_status status = PBASE_OK;
    database_name *item = find(self, id);
    if (item == NULL) {
        status = add(self, id, &item, err);
        if (status == PBASE_OK) {
            status = from_base(self, item, err);
            self->count -= status != PBASE_OK;
        }
        if (status != PBASE_OK && item != NULL) {
            pbase_buffer_fini(&item->name);
        }
    }
    if (status == PBASE_OK) {
        *out = pbase_buffer_view(&item->name);
    }
    return status;
}

pbase_status database_names_change(database_names *self, uint64_t sequence,
                                   const catalog_change *change, pbase_error *err)
{
    bool renames = change->operation == CATALOG_RENAME;
    uint64_t id = renames ? change->database : sequence;
    database_name *item = find(self, id);
    if (change->operation == CATALOG_DROP) {
        return PBASE_OK;
    }
    pbase_status status = item == NULL ? add(self, id, &item, err) : PBASE_OK;
    return status == PBASE_OK ? set(item, change->name, err) : status;
}
