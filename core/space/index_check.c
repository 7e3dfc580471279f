/* index_check.c - listing and verifying the indexes of a state.
 *
 * Roots are gone through in order; for each that holds a collection its indexes are loaded. */
#include "space/index_check.h"

#include "base/nearest.h"
#include "index/entry.h"
#include "index/verify.h"
#include "space/snapshot.h"
#include "txn/objects.h"

#include <stdio.h>

_Static_assert(PBASE_INDEX_VALUE_BYTES_MAX == INDEX_ELEMENT_BYTES_MAX,
               "the public limit of an indexed value is that of index/");

#define PLACE_BYTES 600u

/* One index of one root. */
typedef struct {
    pbase_bytes root;
    const collection_slot *slot;
    const index_live *index;
} found_index;

typedef struct {
    atom_source *atoms;
    atom_ref collections;
    pbase_bytes only; /* root; empty: all */
    pbase_status (*each)(void *state, const found_index *found, pbase_error *err);
    void *state;
} index_search;

static pbase_status search_root(void *state, pbase_bytes name, const root_entry *entry,
                                pbase_error *err)
{
    const index_search *search = state;
    index_view view;
    if (!entry->is_collection ||
        (search->only.size > 0 && !pbase_bytes_equal(search->only, name))) {
        return PBASE_OK;
    }
    pbase_status status =
        index_view_load(search->atoms, search->collections, &entry->slot.id, &view, err);
    if (status != PBASE_OK) {
        return status;
    }
    for (size_t i = 0; i < view.count && status == PBASE_OK; i++) {
        found_index found = {name, &entry->slot, &view.items[i]};
        status = search->each(search->state, &found, err);
    }
    index_view_fini(&view);
    return status;
}

/* The objects are no root, and come under their name. */
static pbase_status search_objects(index_search *search, pbase_error *err)
{
    root_entry entry = {.is_collection = true};
    bool found = false;
    pbase_status status =
        objects_slot(search->atoms, search->collections, &entry.slot, &found, err);
    return status == PBASE_OK && found
               ? search_root(search, pbase_bytes_text(OBJECTS_NAME), &entry, err)
               : status;
}

/* NOT_FOUND: the one root asked for is not there. */
static pbase_status search_run(index_search *search, pbase_error *err)
{
    root_entry entry;
    pbase_buffer buffer;
    if (pbase_bytes_equal(search->only, pbase_bytes_text(OBJECTS_NAME))) {
        return search_objects(search, err);
    }
    if (search->only.size == 0) {
        pbase_status all =
            catalog_roots(search->atoms, search->collections, search_root, search, err);
        return all == PBASE_OK ? search_objects(search, err) : all;
    }
    pbase_buffer_init(&buffer, search->atoms->alloc);
    pbase_status status =
        catalog_root(search->atoms, search->collections, search->only, &entry, &buffer, err);
    if (status == PBASE_OK) {
        status = search_root(search, search->only, &entry, err);
    }
    pbase_buffer_fini(&buffer);
    return status;
}

/* -------------------------------------------------------------------------------------- list --- */

typedef struct {
    pbase_index_each each;
    void *state;
    const pbase_alloc *alloc;
} list_run;

static pbase_status field_texts(const index_definition *definition, pbase_arena *arena,
                                pbase_bytes *out, pbase_error *err)
{
    pbase_buffer text;
    pbase_buffer_init(&text, arena->alloc);
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < definition->field_count && status == PBASE_OK; i++) {
        text.size = 0;
        status = index_field_format(&definition->fields[i], &text, err);
        if (status == PBASE_OK) {
            status = pbase_arena_copy(arena, pbase_buffer_view(&text), &out[i], err);
        }
    }
    pbase_buffer_fini(&text);
    return status;
}

static pbase_status list_index(void *state, const found_index *found, pbase_error *err)
{
    const list_run *run = state;
    const index_definition *definition = found->index->definition;
    pbase_bytes fields[INDEX_FIELDS_MAX];
    pbase_index_info info = {.root = found->root,
                             .name = definition->name,
                             .fields = fields,
                             .field_count = definition->field_count,
                             .unique = definition->is_unique,
                             .multikey = index_is_multikey(definition)};
    pbase_arena arena;
    pbase_arena_init(&arena, run->alloc);
    pbase_status status = field_texts(definition, &arena, fields, err);
    if (status == PBASE_OK) {
        status = index_entries_count(&found->index->entries, &info.entries, &info.cut, err);
    }
    status = status == PBASE_OK ? run->each(run->state, &info, err) : status;
    pbase_arena_fini(&arena);
    return status;
}

pbase_status pbase_index_list(const pbase_snapshot *snapshot, const char *root,
                              pbase_index_each each, void *state, pbase_error *err)
{
    list_run run = {each, state, snapshot->context.alloc};
    index_search search = {.atoms = snapshot->context.source,
                           .collections = snapshot->view.collections,
                           .only = pbase_bytes_text(root == NULL ? "" : root),
                           .each = list_index,
                           .state = &run};
    return search_run(&search, err);
}

/* ------------------------------------------------------------------------------------- check --- */

typedef struct {
    const index_check *of;
    pbase_bytes only; /* index; empty: all */
    bool is_found;
    nearest near;
    pbase_index_report *report;
} check_run;

/* Damage becomes a finding, and the next index is looked at. */
static pbase_status judge(check_run *run, pbase_status status, const char *place,
                          const pbase_error *why, pbase_error *err)
{
    if (status == PBASE_CORRUPT || status == PBASE_FORMAT || status == PBASE_IO ||
        status == PBASE_LOST || status == PBASE_LIMIT) {
        run->report->findings++;
        return run->of->each(run->of->each_state, status, place, why->message, err);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = *why;
    }
    return status;
}

static pbase_status check_index(void *state, const found_index *found, pbase_error *err)
{
    check_run *run = state;
    const index_check *of = run->of;
    const index_definition *definition = found->index->definition;
    nearest_offer(&run->near, definition->name);
    if (run->only.size > 0 && !pbase_bytes_equal(run->only, definition->name)) {
        return PBASE_OK;
    }
    char place[PLACE_BYTES];
    (void)snprintf(place, sizeof place, "root '%.*s', index '%.*s'", (int)found->root.size,
                   (const char *)found->root.data, (int)definition->name.size,
                   (const char *)definition->name.data);
    index_verification verification = {
        .alloc = of->alloc,
        .coder = of->coder,
        .os = of->os,
        .call = of->call,
        .kind = found->slot->kind,
        .content = tree_of(of->atoms, found->slot->root, tree_kind_positional(found->slot->kind)),
        .index = *found->index,
        .place = place,
        .each = of->each,
        .each_state = of->each_state};
    index_verified verified;
    pbase_error why;
    pbase_error_init(&why);
    run->is_found = true;
    pbase_status status = index_verify(&verification, &verified, &why);
    run->report->indexes++;
    run->report->rows += verified.rows;
    run->report->entries += verified.entries;
    run->report->findings += verified.findings;
    return judge(run, status, place, &why, err);
}

pbase_status index_check_run(const index_check *self, pbase_bytes root, pbase_bytes name,
                             pbase_index_report *report, pbase_error *err)
{
    check_run run = {.of = self, .only = name, .report = report};
    index_search search = {.atoms = self->atoms,
                           .collections = self->collections,
                           .only = root,
                           .each = check_index,
                           .state = &run};
    nearest_init(&run.near, name);
    pbase_status status = search_run(&search, err);
    if (status == PBASE_OK && name.size > 0 && !run.is_found) {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "root '%.*s' has no index '%.*s'", (int)root.size,
                            (const char *)root.data, (int)name.size, (const char *)name.data);
        nearest_hint(&run.near, err);
    }
    return status;
}

static pbase_status hear_nothing(void *state, pbase_status code, const char *place,
                                 const char *message, pbase_error *err)
{
    (void)state;
    (void)code;
    (void)place;
    (void)message;
    (void)err;
    return PBASE_OK;
}

pbase_status pbase_index_check(const pbase_snapshot *snapshot, const char *root, const char *name,
                               const pbase_call *call, pbase_verify_each each, void *state,
                               pbase_index_report *report, pbase_error *err)
{
    index_check check = {.atoms = snapshot->context.source,
                         .collections = snapshot->view.collections,
                         .coder = snapshot->context.coder,
                         .os = snapshot->space->host->os,
                         .alloc = snapshot->context.alloc,
                         .call = call,
                         .each = each != NULL ? each : hear_nothing,
                         .each_state = state};
    pbase_index_report unheard;
    report = report != NULL ? report : &unheard;
    memset(report, 0, sizeof *report);
    return index_check_run(&check, pbase_bytes_text(root == NULL ? "" : root),
                           pbase_bytes_text(name == NULL ? "" : name), report, err);
}
