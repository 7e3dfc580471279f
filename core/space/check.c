/* check.c - the order of a check, and its second half: what the entries of the newest state say.
 *
 * The storage verifies its own formats, check_atoms every atom and who needs it; then every root is
 * walked: every value is decoded, collections are counted and compared with who holds them, indexes
 * with their rows. Atoms that were told as damaged are passed over here. */
#include "atom/ref_set.h"
#include "collection/change.h"
#include "collection/key_element.h"
#include "collection/kind.h"
#include "collection/rope.h"
#include "space/census.h"
#include "space/check_atoms.h"
#include "space/index_check.h"
#include "space/place.h"
#include "txn/objects.h"
#include "txn/root_view.h"

#include <inttypes.h>
#include <protobase/check.h>
#include <stdio.h>

typedef struct {
    pbase_space *space;
    const pbase_call *call;
    const pbase_check_options *options;
    uint64_t findings_max;
    pbase_check_report *report;
    uint64_t passed_over; /* damaged atoms, told before */
    /* where the walk is */
    const space_state *base;
    pbase_bytes database;
    atom_ref table; /* of its collections */
    pbase_bytes root;
    const collection_slot *slot;
    census collections; /* of the database */
    uint64_t sum;       /* of the counts met so far */
    pbase_arena arena;  /* of the value being decoded */
    ref_set seen;       /* roots of trees: what copies of databases share is read once */
} check_run;

#define PLACE_BYTES 1100u

static pbase_status tell(check_run *run, pbase_status code, const char *place, const char *message,
                         pbase_error *err)
{
    run->report->findings++;
    return run->options->each != NULL && run->report->findings <= run->findings_max
               ? run->options->each(run->options->state, code, place, message, err)
               : PBASE_OK;
}

static pbase_status tell_storage(void *state, pbase_status code, const char *place,
                                 const char *message, pbase_error *err)
{
    return tell(state, code, place, message, err);
}

/* Damage becomes a finding; what says nothing about the data (memory, cancelling) ends the check. */
static pbase_status judge(check_run *run, pbase_status status, const pbase_error *why,
                          pbase_error *err)
{
    char place[PLACE_BYTES];
    if (status == PBASE_OK) {
        return PBASE_OK;
    }
    if (status != PBASE_CORRUPT && status != PBASE_FORMAT && status != PBASE_IO &&
        status != PBASE_LOST) {
        if (err != NULL) {
            *err = *why;
        }
        return status;
    }
    if (run->passed_over > 0 && run->slot == NULL && run->root.size == 0) {
        return PBASE_OK; /* what could not be read was told by its atom */
    }
    if (run->slot != NULL) {
        char within[PLACE_TEXT_BYTES];
        place_of_collection(store_atoms(run->space->bytes), run->table, run->slot->id,
                            run->slot->kind, within);
        (void)snprintf(place, sizeof place, "database '%.*s', %s", (int)run->database.size,
                       (const char *)run->database.data, within); /* cut at worst */
        return tell(run, status, place, why->message, err);
    }
    (void)snprintf(place, sizeof place, "database '%.*s'%s%.*s%s", (int)run->database.size,
                   (const char *)run->database.data, run->root.size > 0 ? ", root '" : "",
                   (int)run->root.size, (const char *)run->root.data,
                   run->root.size > 0 ? "'" : ""); /* cut at worst */
    return tell(run, status, place, why->message, err);
}

/* Whatever was met so far, told here or before. */
static uint64_t troubles(const check_run *run)
{
    return run->report->findings + run->passed_over;
}

/* `*out_first`: nobody has walked the tree at `root` yet. */
static pbase_status seen_add(check_run *run, atom_ref root, bool *out_first, pbase_error *err)
{
    *out_first = true;
    return root == ATOM_REF_NONE ? PBASE_OK : ref_set_add(&run->seen, root, out_first, err);
}

/* -------------------------------------------------------------------------- one collection ---- */

static pbase_status visit_atom(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    check_run *run = state;
    (void)atom;
    return pbase_call_check(run->call, run->space->host->os, err);
}

/* check_atoms has told of it. */
static pbase_status pass_over(void *state, const tree_walk_atom *atom, pbase_status code,
                              const char *why, pbase_error *err)
{
    check_run *run = state;
    (void)atom;
    (void)code;
    (void)why;
    (void)err;
    run->passed_over++;
    return PBASE_OK;
}

static pbase_status check_entry(check_run *run, const encoded_key *key, const tree_value *value,
                                pbase_error *err)
{
    run->report->entries++;
    pbase_arena_reset(&run->arena);
    if (run->slot->kind == PBASE_COLLECTION_ROPE) {
        size_t size = value->bytes.size;
        return size > 0 && size <= ROPE_CHUNK_BYTES
                   ? PBASE_OK
                   : PBASE_FAIL(err, PBASE_CORRUPT, "a chunk of a blob has %zu bytes", size);
    }
    const kind_facts *facts = kind_find(run->slot->kind);
    if (!facts->positional && !key_valid_as(key, facts->shape)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a key of %zu bytes is not one", key->bytes.size);
    }
    if (kind_counted(run->slot->kind)) {
        uint64_t count = 0;
        pbase_status status = change_count_of(value->bytes, &count, err);
        run->sum += count;
        return status;
    }
    if (!kind_has_values(run->slot->kind)) {
        return PBASE_OK;
    }
    pbase_value decoded;
    pbase_status status =
        store_value_decode(run->space->bytes, value->bytes, &run->arena, &decoded, err);
    if (status == PBASE_OK && stored_children_announced(value->bytes) && !run->slot->nests) {
        status =
            PBASE_FAIL(err, PBASE_CORRUPT,
                       "a value has children, which the table of collections does not tell of");
    }
    if (status == PBASE_OK) {
        pbase_bytes at = facts->positional ? pbase_bytes_of(NULL, 0) : key->bytes;
        status = census_name(&run->collections, run->slot->id, at, value->bytes, err);
    }
    if (status != PBASE_OK && run->slot->kind == PBASE_COLLECTION_DICT) {
        char text[80];
        key_describe(key->bytes, text, sizeof text);
        pbase_error_note(err, "key %s", text);
    }
    return status;
}

/* One entry that cannot be read is one finding. */
static pbase_status visit_entry(void *state, const encoded_key *key, const tree_value *value,
                                pbase_error *err)
{
    check_run *run = state;
    pbase_error why;
    pbase_error_init(&why);
    return judge(run, check_entry(run, key, value, &why), &why, err);
}

static pbase_status check_collection(check_run *run, const collection_slot *slot, pbase_error *err)
{
    tree_visitor visitor = {
        .state = run, .atom = visit_atom, .entry = visit_entry, .damaged = pass_over};
    uint64_t troubles_before = troubles(run);
    pbase_error why;
    pbase_error_init(&why);
    bool first = false;
    pbase_status status = seen_add(run, slot->root, &first, err);
    if (status != PBASE_OK || (!first && !slot->nests)) { /* what it names has to be known */
        return status;
    }
    run->slot = slot;
    run->sum = 0;
    run->report->collections++;
    status = tree_walk(store_atoms(run->space->bytes), slot->root, tree_kind_positional(slot->kind),
                       &visitor, &why);
    if (status == PBASE_OK && run->sum != slot->sum && troubles(run) == troubles_before) {
        status =
            PBASE_FAIL(&why, PBASE_CORRUPT, "the counts add up to %" PRIu64 ", not to %" PRIu64,
                       run->sum, slot->sum);
    }
    status = judge(run, status, &why, err);
    run->slot = NULL;
    return status;
}

/* The collections that were named and not read yet, and what they name. */
static pbase_status check_named(check_run *run, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    const collection_slot *slot = census_take(&run->collections);
    while (slot != NULL && status == PBASE_OK) {
        status = check_collection(run, slot, err);
        slot = census_take(&run->collections);
    }
    return status;
}

/* The children of the value of a root. */
static pbase_status name_children(check_run *run, pbase_bytes name, pbase_bytes stored,
                                  pbase_error *err)
{
    key_scratch scratch;
    encoded_key key;
    pbase_value text = pbase_value_string(name);
    key_scratch_init(&scratch, run->space->host->alloc);
    pbase_status status = key_encode(&text, &scratch, &key, err);
    if (status == PBASE_OK) {
        status = census_name(&run->collections, CATALOG_ROOTS, key.bytes, stored, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

/* The value of the root and its children, then the collections it leads to. */
static pbase_status check_root(void *state, pbase_bytes name, const root_entry *entry,
                               pbase_error *err)
{
    check_run *run = state;
    pbase_value decoded;
    pbase_error why;
    pbase_error_init(&why);
    pbase_arena_reset(&run->arena);
    run->root = name;
    pbase_status status =
        store_value_decode(run->space->bytes, entry->stored, &run->arena, &decoded, &why);
    if (status == PBASE_OK) {
        status = name_children(run, name, entry->stored, &why);
    }
    status = judge(run, status, &why, err);
    return status == PBASE_OK ? check_named(run, err) : status;
}

/* The objects, if there are any, and what they hold. */
static pbase_status check_objects(check_run *run, atom_ref collections, pbase_error *err)
{
    collection_slot slot;
    bool found = false;
    run->root = pbase_bytes_text(OBJECTS_NAME);
    pbase_status status = catalog_collection_find(store_atoms(run->space->bytes), collections,
                                                  CATALOG_OBJECTS, &slot, &found, err);
    if (status == PBASE_OK && found) {
        status = check_collection(run, &slot, err);
    }
    return status == PBASE_OK && found ? check_named(run, err) : status;
}

/* Collections that no value names: space that nothing gives back. */
static pbase_status check_orphans(check_run *run, pbase_error *err)
{
    pbase_error why;
    size_t at = 0;
    pbase_status status = PBASE_OK;
    const collection_slot *slot = census_orphan(&run->collections, &at);
    while (slot != NULL && status == PBASE_OK) {
        pbase_error_init(&why);
        status = PBASE_FAIL(&why, PBASE_CORRUPT,
                            "collection (%" PRIu64 ", %" PRIu64 ") is held by no value",
                            slot->id.sequence, slot->id.ordinal);
        status = judge(run, status, &why, err);
        slot = census_orphan(&run->collections, &at);
    }
    return status;
}

/* -------------------------------------------------------------------------------- indexes ---- */

static pbase_status tell_index(void *state, pbase_status code, const char *place,
                               const char *message, pbase_error *err)
{
    check_run *run = state;
    char where[PLACE_BYTES + PLACE_BYTES];
    (void)snprintf(where, sizeof where, "database '%.*s', %s", (int)run->database.size,
                   (const char *)run->database.data, place); /* cut at worst */
    return tell(run, code, where, message, err);
}

/* The atoms of the trees that belong to indexes, and every entry against its row. */
static pbase_status check_indexes(check_run *run, atom_ref collections, pbase_error *err)
{
    index_check check = {.atoms = store_atoms(run->space->bytes),
                         .collections = collections,
                         .coder = &run->space->coder.base,
                         .os = run->space->host->os,
                         .alloc = run->space->host->alloc,
                         .call = run->call,
                         .each = tell_index,
                         .each_state = run};
    pbase_index_report report = {.findings = 0};
    pbase_error why;
    index_view view = {.count = 0};
    pbase_error_init(&why);
    pbase_status status = index_view_load(check.atoms, collections, NULL, &view, &why);
    uint64_t troubles_before = troubles(run);
    for (size_t i = 0; i < view.count && status == PBASE_OK; i++) {
        tree_visitor visitor = {.state = run, .atom = visit_atom, .damaged = pass_over};
        run->report->indexes++;
        status = tree_walk(check.atoms, view.bases[i], false, &visitor, &why);
    }
    index_view_fini(&view);
    if (status == PBASE_OK && troubles(run) == troubles_before) {
        status = index_check_run(&check, pbase_bytes_of(NULL, 0), pbase_bytes_of(NULL, 0), &report,
                                 &why);
    }
    return judge(run, status, &why, err);
}

/* ---------------------------------------------------------------------------- the catalog ---- */

/* The table of collections itself: its atoms, not what its entries own. */
static pbase_status leave_out(void *state, const encoded_key *key, const tree_value *value,
                              pbase_error *err)
{
    (void)state;
    (void)key;
    (void)value;
    (void)err;
    return PBASE_END;
}

static pbase_status check_table(check_run *run, atom_ref root, pbase_error *err)
{
    tree_visitor visitor = {
        .state = run, .atom = visit_atom, .enter = leave_out, .damaged = pass_over};
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = tree_walk(store_atoms(run->space->bytes), root, false, &visitor, &why);
    return judge(run, status, &why, err);
}

static pbase_status check_database(void *state, const catalog_entry *entry, pbase_error *err)
{
    check_run *run = state;
    bool first = false;
    run->database = entry->name;
    run->table = entry->collections;
    run->root = pbase_bytes_of(NULL, 0);
    run->report->databases++;
    uint64_t troubles_before = troubles(run);
    pbase_status status = seen_add(run, entry->collections, &first, err);
    if (status != PBASE_OK || !first) {
        return status;
    }
    status = check_table(run, entry->collections, err);
    if (status != PBASE_OK || troubles(run) > troubles_before) {
        return status; /* its roots cannot be found */
    }
    pbase_error why;
    pbase_error_init(&why);
    atom_source *atoms = store_atoms(run->space->bytes);
    status = census_fill(&run->collections, atoms, entry->collections, &why);
    if (status == PBASE_OK) {
        status = catalog_roots(atoms, entry->collections, check_root, run, &why);
    }
    if (status == PBASE_OK) {
        status = check_objects(run, entry->collections, &why);
    }
    run->root = pbase_bytes_of(NULL, 0);
    status = judge(run, status, &why, err);
    if (status == PBASE_OK && troubles(run) == troubles_before) {
        status = check_orphans(run, err);
    }
    if (status == PBASE_OK && troubles(run) == troubles_before) {
        status =
            check_indexes(run, entry->collections, err); /* against collections that are whole */
    }
    return status;
}

static pbase_status check_state(check_run *run, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    uint64_t troubles_before = troubles(run);
    pbase_status status = check_table(run, run->base->catalog, err);
    if (status == PBASE_OK && troubles(run) == troubles_before) {
        status = catalog_databases(run->base, check_database, run, &why);
        status = judge(run, status, &why, err);
    }
    return status;
}

static pbase_status check_newest(check_run *run, space_state *newest, pbase_error *err)
{
    check_atoms atoms = {.space = run->space,
                         .options = run->options,
                         .call = run->call,
                         .newest = newest,
                         .report = run->report,
                         .tell = tell_storage,
                         .tell_state = run};
    run->base = newest;
    segment_scan_init(&atoms.scan, run->space->host, wiring_storage(run->space->graph));
    pbase_status status = check_atoms_run(&atoms, err);
    segment_scan_fini(&atoms.scan);
    return status == PBASE_OK && !run->options->is_quick ? check_state(run, err) : status;
}

pbase_status pbase_space_check_with(pbase_space *space, const pbase_check_options *options,
                                    const pbase_call *call, pbase_check_report *report,
                                    pbase_error *err)
{
    static const pbase_check_options all_defaults = {.each = NULL};
    pbase_check_report unheard;
    check_run run = {.space = space,
                     .call = call,
                     .options = options != NULL ? options : &all_defaults,
                     .report = report != NULL ? report : &unheard};
    uint64_t wanted = run.options->findings_max;
    run.findings_max = wanted == 0 ? PBASE_CHECK_FINDINGS_MAX : wanted;
    memset(run.report, 0, sizeof *run.report);
    pbase_status status = space_check_process(space, err);
    if (status == PBASE_OK) {
        status = pbase_storage_verify(wiring_storage(space->graph), call, tell_storage, &run, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_arena_init(&run.arena, space->host->alloc);
    ref_set_init(&run.seen, space->host->alloc);
    census_init(&run.collections, space->host->alloc);
    status = space_refresh(space, err);
    if (status == PBASE_OK) {
        space_state *newest = engine_state(space->engine);
        status = check_newest(&run, newest, err);
        space_state_unref(newest);
    }
    pbase_arena_fini(&run.arena);
    ref_set_fini(&run.seen);
    census_fini(&run.collections);
    return status;
}

pbase_status pbase_space_check(pbase_space *space, const pbase_call *call, pbase_verify_each each,
                               void *state, pbase_check_report *report, pbase_error *err)
{
    const pbase_check_options options = {.each = each, .state = state};
    return pbase_space_check_with(space, &options, call, report, err);
}
