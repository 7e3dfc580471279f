/* database.c - databases by name: each change is one catalog record through the commit engine. */
#include "space/space_private.h"
#include "txn/root_view.h"
#include "txn/write_set.h"

#include <protobase/txn.h>

/* One change of the catalog as it is asked for. */
typedef struct {
    uint8_t operation;  /* CATALOG_* */
    uint8_t kind;       /* of a copy: DATABASE_* */
    pbase_bytes source; /* what is dropped, renamed or copied; empty of a create */
    pbase_bytes name;   /* the new one; empty of a drop */
} database_step;

static pbase_status commit_change(pbase_space *space, const catalog_change *wanted,
                                  engine_reader *reader, pbase_error *err)
{
    access_set reads, writes;
    access_set_init(&reads, space->host);
    access_set_init(&writes, space->host);
    pbase_status status = read_set_add_catalog(&reads, wanted, err);
    if (status == PBASE_OK) {
        status = write_set_add_catalog(&writes, wanted, err);
    }
    if (status == PBASE_OK) {
        engine_commit_request request = {.kind = RECORD_CATALOG,
                                         .durability = PBASE_DURABILITY_DEFAULT,
                                         .catalog = *wanted,
                                         .base = reader->sequence,
                                         .reader = reader,
                                         .reads = &reads,
                                         .writes = &writes};
        status = engine_commit(space->engine, &request, NULL, err);
    }
    access_set_fini(&writes);
    access_set_fini(&reads);
    return status;
}

/* EXISTS when there is a database of that name. */
static pbase_status check_free(const space_state *base, pbase_bytes name, pbase_error *err)
{
    catalog_entry existing;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = catalog_database_find(base, name, &existing, &why);
    if (status == PBASE_NOT_FOUND) {
        return PBASE_OK;
    }
    if (status == PBASE_OK) {
        return PBASE_FAIL(err, PBASE_EXISTS, "there is a database '%.*s' already", (int)name.size,
                          (const char *)name.data);
    }
    if (err != NULL) {
        *err = why;
    }
    return status;
}

static pbase_status step_on(pbase_space *space, engine_reader *reader, const database_step *step,
                            pbase_error *err)
{
    const space_state *base = reader->base; /* names are as they are now, even if it is behind */
    catalog_entry source = {.id = 0};
    pbase_status status = PBASE_OK;
    if (step->source.size > 0) {
        status = catalog_database_find(base, step->source, &source, err);
    }
    if (status == PBASE_OK && step->name.size > 0) {
        status = check_free(base, step->name, err);
    }
    catalog_change wanted = {.operation = step->operation,
                             .kind = step->kind,
                             .database = source.id,
                             .source = step->source,
                             .name = step->name};
    return status == PBASE_OK ? commit_change(space, &wanted, reader, err) : status;
}

/* NULL stands for no name. */
static pbase_status take_name(const char *name, pbase_bytes *out, pbase_error *err)
{
    *out = name == NULL ? pbase_bytes_of(NULL, 0) : pbase_bytes_text(name);
    return name == NULL ? PBASE_OK : root_name_check("database", *out, err);
}

/* Does it on the newest state, again when somebody else changed the same names meanwhile. */
static pbase_status run_step(pbase_space *space, uint8_t operation, uint8_t kind,
                             const char *source, const char *name, pbase_error *err)
{
    database_step step = {.operation = operation, .kind = kind};
    pbase_status status = space_check_process(space, err);
    if (status == PBASE_OK) {
        status = take_name(source, &step.source, err);
    }
    if (status == PBASE_OK) {
        status = take_name(name, &step.name, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    do {
        engine_reader reader;
        status = space_refresh(space, err);
        if (status != PBASE_OK) {
            return status;
        }
        engine_reader_begin(space->engine, &reader);
        status = step_on(space, &reader, &step, err);
        engine_reader_end(space->engine, &reader);
    } while (status == PBASE_CONFLICT);
    return status;
}

pbase_status pbase_database_create(pbase_space *space, const char *name, pbase_error *err)
{
    return run_step(space, CATALOG_CREATE, DATABASE_PLAIN, NULL, name, err);
}

pbase_status pbase_database_drop(pbase_space *space, const char *name, pbase_error *err)
{
    return run_step(space, CATALOG_DROP, DATABASE_PLAIN, name, NULL, err);
}

pbase_status pbase_database_rename(pbase_space *space, const char *from, const char *to,
                                   pbase_error *err)
{
    return run_step(space, CATALOG_RENAME, DATABASE_PLAIN, from, to, err);
}

pbase_status pbase_database_snapshot(pbase_space *space, const char *source, const char *name,
                                     pbase_error *err)
{
    return run_step(space, CATALOG_COPY, DATABASE_SNAPSHOT, source, name, err);
}

pbase_status pbase_database_branch(pbase_space *space, const char *source, const char *name,
                                   pbase_error *err)
{
    return run_step(space, CATALOG_COPY, DATABASE_BRANCH, source, name, err);
}

/* --------------------------------------------------------------------------------- handles ---- */

static pbase_status handle_create(pbase_space *space, const catalog_entry *entry,
                                  pbase_database **out, pbase_error *err)
{
    size_t size = entry->name.size;
    pbase_database *self = pbase_alloc_zeroed(space->host->alloc, 1, sizeof *self + size + 1);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a database");
    }
    self->space = space;
    self->engine = space->engine;
    self->id = entry->id;
    self->number = 1 + atomic_fetch_add_explicit(&space->handles, 1, memory_order_relaxed);
    self->kind = entry->kind;
    self->name_size = size;
    memcpy(self->name, entry->name.data, size);
    *out = self;
    return PBASE_OK;
}

pbase_status pbase_database_open(pbase_space *space, const char *name, pbase_database **out,
                                 pbase_error *err)
{
    catalog_entry entry;
    pbase_status status = space_refresh(space, err);
    if (status != PBASE_OK) {
        return status;
    }
    space_state *newest = engine_state(space->engine);
    status = catalog_database_find(newest, pbase_bytes_text(name), &entry, err);
    space_state_unref(newest);
    return status == PBASE_OK ? handle_create(space, &entry, out, err) : status;
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
