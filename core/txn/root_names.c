/* root_names.c - two small trees for each database, in memory and never stored. */
#include "txn/root_names.h"

#include "collection/stored_children.h"

void root_names_init(root_names *self, space_state *base)
{
    *self = (root_names){
        .alloc = base->atoms->alloc, .atoms = base->atoms, .base = space_state_ref(base)};
}

static void table_fini(root_table *table)
{
    tree_fini(&table->ids);
    tree_fini(&table->names);
}

void root_names_fini(root_names *self)
{
    for (size_t i = 0; i < self->count; i++) {
        table_fini(&self->items[i]);
    }
    pbase_alloc_free(self->alloc, self->items, self->capacity * sizeof *self->items);
    space_state_unref(self->base);
    *self = (root_names){.alloc = self->alloc};
}

static root_table *table_find(const root_names *self, uint64_t database)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->items[i].database == database) {
            return &self->items[i];
        }
    }
    return NULL;
}

/* An empty table. */
static pbase_status table_add(root_names *self, uint64_t database, root_table **out,
                              pbase_error *err)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 4 : self->capacity * 2;
        root_table *items = self->alloc->resize(
            self->alloc, self->items, self->capacity * sizeof *items, capacity * sizeof *items);
        if (items == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the names of roots");
        }
        self->items = items;
        self->capacity = capacity;
    }
    root_table *table = &self->items[self->count++];
    table->database = database;
    table->ids = tree_of(self->atoms, ATOM_REF_NONE, false);
    table->names = tree_of(self->atoms, ATOM_REF_NONE, false);
    *out = table;
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------- entries ------ */

/* `id` NULL: the root is a plain value. */
static pbase_status table_put(root_table *table, const encoded_key *name, pbase_bytes text,
                              const pbase_collection_id *id, pbase_error *err)
{
    uint8_t key_bytes[16];
    encoded_key key = {.bytes = pbase_bytes_of(key_bytes, sizeof key_bytes)};
    tree_value to_id = tree_value_of(pbase_bytes_of(NULL, 0)), to_name = tree_value_of(text);
    pbase_status status = PBASE_OK;
    if (id != NULL) {
        catalog_collection_key(*id, key_bytes);
        to_id = tree_value_of(key.bytes);
        status = tree_put(&table->names, &key, &to_name, NULL, err);
    }
    return status == PBASE_OK ? tree_put(&table->ids, name, &to_id, NULL, err) : status;
}

/* *out_was_there: there was something under the name. */
static pbase_status table_remove(root_table *table, pbase_bytes name, bool *out_was_there,
                                 pbase_error *err)
{
    tree_item item;
    uint8_t key[16];
    bool holds = false;
    pbase_status status = tree_get(&table->ids, name, &item, out_was_there, err);
    if (status != PBASE_OK || !*out_was_there) {
        return status;
    }
    holds = item.value.bytes.size == sizeof key;
    if (holds) {
        memcpy(key, item.value.bytes.data, sizeof key);
    }
    tree_item_release(table->ids.source, &item);
    status = tree_remove(&table->ids, name, NULL, err);
    return status == PBASE_OK && holds
               ? tree_remove(&table->names, pbase_bytes_of(key, sizeof key), NULL, err)
               : status;
}

/* -------------------------------------------------------------------------------- tables ------ */

static pbase_status load_root(void *state, pbase_bytes name, const root_entry *root,
                              pbase_error *err)
{
    root_table *table = state;
    key_scratch scratch;
    encoded_key key;
    pbase_value text = pbase_value_string(name);
    key_scratch_init(&scratch, table->ids.source->alloc);
    pbase_status status = key_encode(&text, &scratch, &key, err);
    if (status == PBASE_OK) {
        status = table_put(table, &key, name, root->is_collection ? &root->slot.id : NULL, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

/* The table of a database, made from the base when it is new here; nothing when the base lacks it. */
static pbase_status table_of(root_names *self, uint64_t database, root_table **out,
                             pbase_error *err)
{
    catalog_entry entry;
    pbase_buffer name;
    root_table *table = table_find(self, database);
    if (table != NULL) {
        *out = table;
        return PBASE_OK;
    }
    pbase_buffer_init(&name, self->alloc);
    pbase_status found = catalog_database(self->base, database, &entry, &name, err);
    pbase_buffer_fini(&name);
    pbase_status status = found == PBASE_NOT_FOUND ? PBASE_OK : found;
    if (status == PBASE_OK) {
        status = table_add(self, database, &table, err);
    }
    if (status == PBASE_OK && found == PBASE_OK) {
        status = catalog_roots(self->atoms, entry.collections, load_root, table, err);
        if (status != PBASE_OK) { /* to be made again when it is asked for again */
            table_fini(table);
            self->count--;
        }
    }
    if (status == PBASE_OK) {
        *out = table;
    }
    return status;
}

pbase_status root_names_find(root_names *self, uint64_t database, pbase_collection_id id,
                             pbase_buffer *out, bool *out_found, pbase_error *err)
{
    tree_item item;
    uint8_t key[16];
    root_table *table = NULL;
    catalog_collection_key(id, key);
    pbase_status status = table_of(self, database, &table, err);
    if (status == PBASE_OK) {
        status = tree_get(&table->names, pbase_bytes_of(key, sizeof key), &item, out_found, err);
    }
    if (status == PBASE_OK && *out_found) {
        status = pbase_buffer_append_bytes(out, item.value.bytes, err);
        tree_item_release(self->atoms, &item);
    }
    return status;
}

/* Puts what the operation says the name holds now. */
static pbase_status put_named(root_names *self, root_table *table, uint64_t sequence,
                              const change *operation, pbase_error *err)
{
    pbase_arena arena;
    pbase_value name;
    stored_child child;
    bool holds = stored_is_child(operation->value) && stored_child_at(operation->value, 0, &child);
    if (holds && child.id.sequence == 0) {
        child.id.sequence = sequence;
    }
    pbase_arena_init(&arena, self->alloc);
    pbase_status status = key_decode(&operation->key, &arena, &name, err);
    if (status == PBASE_OK && name.kind != PBASE_STRING) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the name of a root is not text");
    }
    if (status == PBASE_OK) {
        status = table_put(table, &operation->key, name.as.string, holds ? &child.id : NULL, err);
    }
    pbase_arena_fini(&arena);
    return status;
}

pbase_status root_names_change(root_names *self, uint64_t database, uint64_t sequence,
                               const change *operation, bool *out_was_there, pbase_error *err)
{
    root_table *table = NULL;
    pbase_status status = table_of(self, database, &table, err);
    if (status == PBASE_OK) {
        status = table_remove(table, operation->key.bytes, out_was_there, err);
    }
    return status == PBASE_OK && operation->op == CHANGE_PUT
               ? put_named(self, table, sequence, operation, err)
               : status;
}

pbase_status root_names_catalog(root_names *self, uint64_t sequence, const catalog_change *wanted,
                                pbase_error *err)
{
    root_table *origin = NULL, *table = NULL;
    pbase_status status = PBASE_OK;
    if (wanted->operation == CATALOG_COPY) {
        status = table_of(self, wanted->database, &origin, err);
    }
    if (status != PBASE_OK || wanted->operation == CATALOG_RENAME) {
        return status;
    }
    if (wanted->operation == CATALOG_DROP) {
        table = table_find(self, wanted->database);
        if (table != NULL) {
            table_fini(table);
            *table = self->items[--self->count];
        }
        return PBASE_OK;
    }
    tree ids = tree_of(self->atoms, ATOM_REF_NONE, false), names = ids;
    if (origin != NULL) {
        ids = tree_keep(&origin->ids);
        names = tree_keep(&origin->names);
    }
    status = table_add(self, sequence, &table, err);
    if (status != PBASE_OK) {
        tree_fini(&ids);
        tree_fini(&names);
        return status;
    }
    table->ids = ids;
    table->names = names;
    return PBASE_OK;
}
