/* index_view.c - finding the indexes of a state; what a change of them writes. */
#include "txn/index_view.h"

#include "index/touched.h"

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for indexes");
}

/* The tree of definitions, lent. */
static pbase_status definitions_find(atom_source *atoms, atom_ref collections, bool *out_found,
                                     tree *out, pbase_error *err)
{
    uint8_t key[16];
    tree table = tree_of(atoms, collections, false);
    collection_slot slot;
    catalog_collection_key(INDEX_DEFINITIONS, key);
    pbase_status status = tree_has(&table, pbase_bytes_of(key, sizeof key), out_found, err);
    if (status == PBASE_OK && *out_found) {
        status = catalog_collection(atoms, collections, INDEX_DEFINITIONS, &slot, err);
    }
    if (status == PBASE_OK && *out_found) {
        *out = tree_of(atoms, slot.root, false);
    }
    return status;
}

static pbase_status view_room(index_view *self, size_t count, pbase_error *err)
{
    self->items = pbase_arena_array(&self->arena, count, sizeof *self->items);
    self->bases = pbase_arena_array(&self->arena, count, sizeof *self->bases);
    return self->items == NULL || self->bases == NULL ? no_memory(err) : PBASE_OK;
}

static pbase_status entries_find(index_view *self, atom_source *atoms, atom_ref collections,
                                 const index_definition *definition, pbase_error *err)
{
    collection_slot slot;
    pbase_status status = catalog_collection(atoms, collections, definition->entries, &slot, err);
    if (status != PBASE_OK) {
        pbase_error_note(err, "index '%.*s'", (int)definition->name.size,
                         (const char *)definition->name.data);
        return status;
    }
    self->bases[self->count] = slot.root;
    self->items[self->count].definition = definition;
    self->items[self->count].entries = tree_of(atoms, atom_ref_keep(slot.root), false);
    self->count++;
    return PBASE_OK;
}

pbase_status index_view_load(atom_source *atoms, atom_ref collections,
                             const pbase_collection_id *id, index_view *out, pbase_error *err)
{
    bool found = false;
    tree tree_of_definitions;
    index_definition *definitions = NULL;
    size_t count = 0;
    index_view view;
    memset(&view, 0, sizeof view);
    pbase_arena_init(&view.arena, atoms->alloc);
    pbase_status status = definitions_find(atoms, collections, &found, &tree_of_definitions, err);
    if (status == PBASE_OK && found) {
        status = index_definitions_load(&tree_of_definitions, id, &view.arena, &definitions, &count,
                                        err);
    }
    status = status == PBASE_OK ? view_room(&view, count, err) : status;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = entries_find(&view, atoms, collections, &definitions[i], err);
    }
    if (status == PBASE_OK) {
        *out = view;
    } else {
        index_view_fini(&view);
    }
    return status;
}

void index_view_fini(index_view *self)
{
    for (size_t i = 0; i < self->count; i++) {
        tree_fini(&self->items[i].entries);
    }
    self->count = 0;
    if (self->arena.alloc != NULL) {
        pbase_arena_fini(&self->arena);
    }
}

pbase_status index_view_keep(const index_view *self, index_view *out, pbase_error *err)
{
    index_view view;
    memset(&view, 0, sizeof view);
    pbase_arena_init(&view.arena, self->arena.alloc);
    pbase_status status = view_room(&view, self->count, err);
    for (; view.count < self->count && status == PBASE_OK; view.count++) {
        view.items[view.count].definition = self->items[view.count].definition;
        view.items[view.count].entries = tree_keep(&self->items[view.count].entries);
        view.bases[view.count] = self->bases[view.count];
    }
    if (status == PBASE_OK) {
        *out = view;
    } else {
        index_view_fini(&view);
    }
    return status;
}

/* ------------------------------------------------------------------------------- advancing ----- */

typedef struct {
    index_listener base; /* first member: the contract of index/ */
    uint64_t database;
    access_set *writes;
} write_listener;

static pbase_status add_point(const write_listener *self, const index_event *event, pbase_bytes key,
                              pbase_error *err)
{
    access item = {.kind = ACCESS_POINT,
                   .place = {.database = self->database, .collection = event->definition->entries},
                   .from = key};
    item.hash = access_hash(self->writes->host, &item.place, key);
    return access_set_add(self->writes, &item, err);
}

/* An entry that changes is written; so is a unique key, which nobody else may add meanwhile. */
static pbase_status hear_entry(index_listener *listener, const index_event *event, pbase_error *err)
{
    const write_listener *self = (const write_listener *)listener;
    pbase_status status = add_point(self, event, event->key, err);
    return status == PBASE_OK && event->is_exclusive
               ? add_point(self, event, pbase_bytes_of(event->key.data, event->prefix), err)
               : status;
}

/* All entries are written, as all rows are. */
static pbase_status add_whole(const index_view *self, uint64_t database, access_set *writes,
                              pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        access item = {
            .kind = ACCESS_WHOLE,
            .place = {.database = database, .collection = self->items[i].definition->entries}};
        status = access_set_add(writes, &item, err);
    }
    return status;
}

pbase_status index_view_advance(index_view *self, const index_step *step, uint64_t database,
                                access_set *writes, pbase_error *err)
{
    uint64_t base_count = 0;
    index_touched touched;
    pbase_arena arena;
    write_listener listener = {{hear_entry}, database, writes};
    if (self->count == 0) {
        return PBASE_OK;
    }
    pbase_arena_init(&arena, self->arena.alloc);
    pbase_status status = PBASE_OK;
    if (step->is_whole) {
        touched = index_touched_all(step->kind);
        status = writes == NULL ? PBASE_OK : add_whole(self, database, writes, err);
        listener.writes = NULL;
    } else {
        status = tree_count(step->before, &base_count, err);
    }
    if (status == PBASE_OK && !step->is_whole) {
        status =
            index_touched_read(step->operations, step->kind, base_count, &arena, &touched, err);
    }
    if (status == PBASE_OK) {
        index_upkeep upkeep = {.alloc = self->arena.alloc,
                               .coder = step->coder,
                               .kind = step->kind,
                               .before = *step->before,
                               .after = *step->after,
                               .indexes = self->items,
                               .count = self->count,
                               .listener = listener.writes == NULL ? NULL : &listener.base};
        status = index_upkeep_run(&upkeep, &touched, err);
    }
    pbase_arena_fini(&arena);
    return status;
}
