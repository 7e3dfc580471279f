/* database.c - databases by name: each change is one catalog record through the commit engine. */
#include "space/space_private.h"
#include "txn/root_view.h"
#include "txn/write_set.h"

#include <protobase/txn.h>

static pbase_status commit_change(pbase_space *space, const catalog_change *wanted, uint64_t base,
                                  pbase_error *err)
{
    access_set writes;
    access_set_init(&writes, space->host);
    pbase_status status = write_set_add_catalog(&writes, wanted, err);
    if (status == PBASE_OK) {
        engine_commit_request request = {.kind = RECORD_CATALOG,
                                         .durability = PBASE_DURABILITY_DEFAULT,
                                         .catalog = *wanted,
                                         .base = base,
                                         .is_reader = true,
                                         .writes = &writes};
        status = engine_commit(space->engine, &request, NULL, err);
    }
    access_set_fini(&writes);
    return status;
}

static pbase_status create_on(pbase_space *space, const space_state *base, pbase_bytes name,
                              pbase_error *err)
{
    uint64_t existing = 0;
    pbase_status status = catalog_database_find(base, name, &existing, NULL);
    if (status == PBASE_OK) {
        return PBASE_FAIL(err, PBASE_EXISTS, "there is a database '%.*s' already", (int)name.size,
                          (const char *)name.data);
    }
    if (status != PBASE_NOT_FOUND) {
        return catalog_database_find(base, name, &existing, err); /* again, to say why */
    }
    catalog_change wanted = {.operation = CATALOG_CREATE, .name = name};
    return commit_change(space, &wanted, base->sequence, err);
}

static pbase_status drop_on(pbase_space *space, const space_state *base, pbase_bytes name,
                            pbase_error *err)
{
    catalog_change wanted = {.operation = CATALOG_DROP, .name = name};
    pbase_status status = catalog_database_find(base, name, &wanted.database, err);
    return status == PBASE_OK ? commit_change(space, &wanted, base->sequence, err) : status;
}

typedef pbase_status (*catalog_step)(pbase_space *space, const space_state *base, pbase_bytes name,
                                     pbase_error *err);

/* Runs `step` on the newest state, again when somebody else changed the same name meanwhile. */
static pbase_status run_step(pbase_space *space, const char *name, catalog_step step,
                             pbase_error *err)
{
    pbase_bytes text = pbase_bytes_text(name);
    pbase_status status = space_check_process(space, err);
    if (status == PBASE_OK) {
        status = root_name_check("database", text, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    do {
        engine_reader reader;
        engine_reader_begin(space->engine, &reader);
        status = step(space, reader.base, text, err);
        engine_reader_end(space->engine, &reader);
    } while (status == PBASE_CONFLICT);
    return status;
}

pbase_status pbase_database_create(pbase_space *space, const char *name, pbase_error *err)
{
    return run_step(space, name, create_on, err);
}

pbase_status pbase_database_drop(pbase_space *space, const char *name, pbase_error *err)
{
    return run_step(space, name, drop_on, err);
}

/* --------------------------------------------------------------------------------- handles ---- */

static pbase_status handle_create(pbase_space *space, uint64_t id, pbase_bytes name,
                                  pbase_database **out, pbase_error *err)
{
    pbase_database *self = pbase_alloc_zeroed(space->host->alloc, 1, sizeof *self + name.size + 1);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a database");
    }
    self->space = space;
    self->engine = space->engine;
    self->id = id;
    self->name_size = name.size;
    memcpy(self->name, name.data, name.size);
    *out = self;
    return PBASE_OK;
}

pbase_status pbase_database_open(pbase_space *space, const char *name, pbase_database **out,
                                 pbase_error *err)
{
    uint64_t id = 0;
    pbase_bytes text = pbase_bytes_text(name);
    pbase_status status = space_check_process(space, err);
    if (status != PBASE_OK) {
        return status;
    }
    space_state *newest = engine_state(space->engine);
    status = catalog_database_find(newest, text, &id, err);
    space_state_unref(newest);
    return status == PBASE_OK ? handle_create(space, id, text, out, err) : status;
}

pbase_status pbase_database_ensure(pbase_space *space, const char *name, pbase_database **out,
                                   pbase_error *err)
{
    pbase_status status = pbase_database_open(space, name, out, NULL);
    while (status == PBASE_NOT_FOUND) { /* again if somebody drops it in between */
        status = pbase_database_create(space, name, err);
        if (status != PBASE_OK && status != PBASE_EXISTS) {
            return status;
        }
        status = pbase_database_open(space, name, out, NULL);
    }
    return status == PBASE_OK ? PBASE_OK : pbase_database_open(space, name, out, err);
}

const char *pbase_database_name(const pbase_database *database)
{
    return database->name;
}

void pbase_database_close(pbase_database *database)
{
    if (database != NULL) {
        pbase_alloc_free(database->space->host->alloc, database,
                         sizeof *database + database->name_size + 1);
    }
}

/* ---------------------------------------------------------------------------------- listing ---- */

typedef struct {
    pbase_arena arena;
    char **names;
    size_t count, capacity;
} name_list;

static pbase_status collect_name(void *state, uint64_t database, pbase_bytes name,
                                 atom_ref collections, pbase_error *err)
{
    name_list *list = state;
    (void)database;
    (void)collections;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        char **names = pbase_arena_array(&list->arena, capacity, sizeof *names);
        if (names == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to list databases");
        }
        if (list->count > 0) {
            memcpy(names, list->names, list->count * sizeof *names);
        }
        list->names = names;
        list->capacity = capacity;
    }
    char *text = pbase_arena_text(&list->arena, name);
    if (text == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to list databases");
    }
    list->names[list->count++] = text;
    return PBASE_OK;
}

/* Insertion sort: databases are few and nearly in order. */
static void sort_names(char **names, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        char *name = names[i];
        size_t at = i;
        while (at > 0 && strcmp(names[at - 1], name) > 0) {
            names[at] = names[at - 1];
            at--;
        }
        names[at] = name;
    }
}

pbase_status pbase_database_list(pbase_space *space,
                                 pbase_status (*each)(void *state, const char *name,
                                                      pbase_error *err),
                                 void *state, pbase_error *err)
{
    name_list list = {.count = 0};
    pbase_arena_init(&list.arena, space->host->alloc);
    space_state *newest = engine_state(space->engine);
    pbase_status status = catalog_databases(newest, collect_name, &list, err);
    space_state_unref(newest);
    sort_names(list.names, list.count);
    for (size_t i = 0; i < list.count && status == PBASE_OK; i++) {
        status = each(state, list.names[i], err);
    }
    pbase_arena_fini(&list.arena);
    return status;
}
