/* index.c - making and dropping indexes, each by one record through the commit engine.
 *
 * An index is built on a snapshot, outside any lock, and its commit reads the whole collection: when
 * somebody changed it meanwhile the commit conflicts and the index is built again. After
 * BUILDS_AHEAD attempts the commit carries no entries and they are built where it is applied, while
 * other commits wait, so that a busy collection gets its index too.
 *
 * The commit writes the whole collection as well: a transaction that began before it does not know
 * the index, so it could not say which of its entries it writes, and must lose if it changes the
 * collection. Dropping writes the whole of the entries: readers that trusted them lose. */
#include "base/nearest.h"
#include "collection/kind.h"
#include "index/touched.h"
#include "space/space_private.h"
#include "txn/index_view.h"
#include "txn/objects.h"
#include "txn/root_view.h"

#include <protobase/index.h>
#include <protobase/txn.h>

_Static_assert(PBASE_INDEX_FIELDS_MAX == INDEX_FIELDS_MAX &&
                   PBASE_INDEXES_MAX == INDEX_PER_COLLECTION_MAX,
               "the public limits of indexes are those of index/");

#define FEATURE_INDEXES 2u /* level of the space that a record of definitions needs */
#define BUILDS_AHEAD 2u
#define ATTEMPTS_MAX 64u
#define PAUSE_MAX_NS 2000000u /* between attempts, at random */

/* One attempt at a change of the definitions. */
typedef struct {
    pbase_database *database;
    pbase_bytes root;
    pbase_bytes name;
    const pbase_index_options *options; /* of a create */
    const pbase_call *call;
    bool builds_ahead;
    /* while it runs */
    engine_reader *reader;
    const space_state *base; /* of the reader */
    atom_ref collections;
    collection_slot slot; /* of the collection */
    index_view view;      /* its indexes */
    pbase_arena arena;
    index_definition definition;
    tree entries; /* built ahead */
    pbase_buffer operations;
    access_set reads, writes;
} index_change;

static const pbase_host *host_of(const index_change *self)
{
    return self->database->space->host;
}

static atom_source *atoms_of(const index_change *self)
{
    return store_atoms(self->database->space->bytes);
}

/* -------------------------------------------------------------------------- reads and writes --- */

static pbase_status add_whole(index_change *self, access_set *set, pbase_collection_id id,
                              pbase_error *err)
{
    access item = {.kind = ACCESS_WHOLE,
                   .place = {.database = self->database->id, .collection = id}};
    return access_set_add(set, &item, err);
}

static pbase_status add_point(index_change *self, access_set *set, pbase_collection_id id,
                              pbase_bytes key, pbase_error *err)
{
    access item = {.kind = ACCESS_POINT,
                   .place = {.database = self->database->id, .collection = id},
                   .from = key};
    item.hash = access_hash(set->host, &item.place, key);
    return access_set_add(set, &item, err);
}

/* That the root holds this collection. */
static pbase_status read_root(index_change *self, pbase_error *err)
{
    key_scratch scratch;
    encoded_key key;
    pbase_value text = pbase_value_string(self->root);
    key_scratch_init(&scratch, host_of(self)->alloc);
    pbase_status status = key_encode(&text, &scratch, &key, err);
    if (status == PBASE_OK) {
        status = add_point(self, &self->reads, CATALOG_ROOTS, key.bytes, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

/* ---------------------------------------------------------------------------------- one step --- */

static void change_begin(index_change *self, engine_reader *reader)
{
    const pbase_host *host = host_of(self);
    self->reader = reader;
    self->base = reader->base;
    memset(&self->view, 0, sizeof self->view);
    memset(&self->definition, 0, sizeof self->definition);
    self->entries = tree_of(atoms_of(self), ATOM_REF_NONE, false);
    pbase_arena_init(&self->arena, host->alloc);
    pbase_buffer_init(&self->operations, host->alloc);
    access_set_init(&self->reads, host);
    access_set_init(&self->writes, host);
}

static void change_end(index_change *self)
{
    tree_fini(&self->entries);
    index_view_fini(&self->view);
    access_set_fini(&self->writes);
    access_set_fini(&self->reads);
    pbase_buffer_fini(&self->operations);
    pbase_arena_fini(&self->arena);
}

static bool is_of_objects(const index_change *self)
{
    return pbase_bytes_equal(self->root, pbase_bytes_text(OBJECTS_NAME));
}

static pbase_status find_objects(index_change *self, pbase_error *err)
{
    bool found = false;
    pbase_status status = objects_slot(atoms_of(self), self->collections, &self->slot, &found, err);
    return status == PBASE_OK && !found
               ? PBASE_FAIL(err, PBASE_NOT_FOUND, "the database has had no objects yet")
               : status;
}

static pbase_status find_root(index_change *self, pbase_error *err)
{
    root_entry entry;
    pbase_buffer buffer;
    pbase_buffer_init(&buffer, host_of(self)->alloc);
    pbase_status status =
        catalog_root(atoms_of(self), self->collections, self->root, &entry, &buffer, err);
    if (status == PBASE_OK && (!entry.is_collection || !kind_has_values(entry.slot.kind))) {
        status = PBASE_FAIL(err, PBASE_INVALID, "root '%.*s' holds a %s, which has no fields",
                            (int)self->root.size, (const char *)self->root.data,
                            entry.is_collection ? pbase_collection_kind_name(entry.slot.kind)
                                                : "plain value");
    }
    pbase_buffer_fini(&buffer);
    self->slot = status == PBASE_OK ? entry.slot : self->slot;
    return status;
}

/* The collection under the root, and its indexes. */
static pbase_status find_collection(index_change *self, pbase_error *err)
{
    pbase_status status = database_collections(self->database, self->base, &self->collections, err);
    if (status == PBASE_OK) {
        status = is_of_objects(self) ? find_objects(self, err) : find_root(self, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    return index_view_load(atoms_of(self), self->collections, &self->slot.id, &self->view, err);
}

static const index_definition *find_index(const index_change *self)
{
    for (size_t i = 0; i < self->view.count; i++) {
        if (pbase_bytes_equal(self->view.items[i].definition->name, self->name)) {
            return self->view.items[i].definition;
        }
    }
    return NULL;
}

static pbase_status operation_write(index_change *self, uint8_t op, pbase_error *err)
{
    pbase_buffer key, value;
    pbase_buffer_init(&key, host_of(self)->alloc);
    pbase_buffer_init(&value, host_of(self)->alloc);
    pbase_status status = index_definition_key(self->slot.id, self->name, &key, err);
    if (status == PBASE_OK && op == INDEX_CREATE) {
        status = index_definition_write(&self->definition, &value, err);
    }
    if (status == PBASE_OK) {
        index_operation operation = {op, pbase_buffer_view(&key), pbase_buffer_view(&value)};
        status = index_operation_write(&operation, &self->operations, err);
    }
    if (status == PBASE_OK) {
        status = add_point(self, &self->writes, INDEX_DEFINITIONS, pbase_buffer_view(&key), err);
    }
    pbase_buffer_fini(&key);
    pbase_buffer_fini(&value);
    return status;
}

static pbase_status commit(index_change *self, const index_shortcut *shortcut, pbase_error *err)
{
    commit_group group = {.group = {.id = INDEX_DEFINITIONS,
                                    .form = GROUP_CHANGE,
                                    .kind = COLLECTION_INDEX,
                                    .operations = pbase_buffer_view(&self->operations)},
                          .shortcut = {.base_root = ATOM_REF_NONE,
                                       .result_root = ATOM_REF_NONE,
                                       .indexes = shortcut,
                                       .index_count = shortcut == NULL ? 0 : 1}};
    engine_commit_request request = {.kind = RECORD_DELTA,
                                     .durability = PBASE_DURABILITY_DEFAULT,
                                     .database = self->database->id,
                                     .groups = &group,
                                     .group_count = 1,
                                     .base = self->base->sequence,
                                     .reader = self->reader,
                                     .reads = &self->reads,
                                     .writes = &self->writes};
    return engine_commit(self->database->engine, &request, self->call, err);
}

/* ------------------------------------------------------------------------------------ create --- */

static pbase_status definition_make(index_change *self, pbase_error *err)
{
    index_definition *made = &self->definition;
    const pbase_index_options *options = self->options;
    if (options->field_count == 0 || options->field_count > INDEX_FIELDS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "an index of %zu fields; it has 1 to %u",
                          options->field_count, INDEX_FIELDS_MAX);
    }
    made->collection = self->slot.id;
    made->name = self->name;
    made->kind = INDEX_ORDERED;
    made->is_unique = options->unique;
    made->entries = (pbase_collection_id){0, 1};
    made->field_count = options->field_count;
    made->fields = pbase_arena_array(&self->arena, made->field_count, sizeof *made->fields);
    pbase_status status = made->fields == NULL
                              ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an index")
                              : PBASE_OK;
    for (size_t i = 0; i < made->field_count && status == PBASE_OK; i++) {
        status = index_field_parse(pbase_bytes_text(options->fields[i]), &self->arena,
                                   &made->fields[i], err);
    }
    return status == PBASE_OK ? index_definition_check(made, err) : status;
}

static pbase_status build(index_change *self, pbase_error *err)
{
    index_live live = {&self->definition, self->entries};
    index_touched all = index_touched_all(self->slot.kind);
    bool positional = tree_kind_positional(self->slot.kind);
    index_upkeep upkeep = {.alloc = host_of(self)->alloc,
                           .coder = &self->database->space->coder.base,
                           .kind = self->slot.kind,
                           .before = tree_of(atoms_of(self), ATOM_REF_NONE, positional),
                           .after = tree_of(atoms_of(self), self->slot.root, positional),
                           .indexes = &live,
                           .count = 1};
    pbase_status status = index_upkeep_run(&upkeep, &all, err);
    self->entries = live.entries;
    return status;
}

static pbase_status create_check(const index_change *self, pbase_error *err)
{
    if (find_index(self) != NULL) {
        return PBASE_FAIL(err, PBASE_EXISTS, "root '%.*s' has an index '%.*s' already",
                          (int)self->root.size, (const char *)self->root.data, (int)self->name.size,
                          (const char *)self->name.data);
    }
    return self->view.count < INDEX_PER_COLLECTION_MAX
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_LIMIT, "root '%.*s' has %zu indexes; the limit is %u",
                            (int)self->root.size, (const char *)self->root.data, self->view.count,
                            INDEX_PER_COLLECTION_MAX);
}

static pbase_status create_step(index_change *self, pbase_error *err)
{
    pbase_status status = find_collection(self, err);
    status = status == PBASE_OK ? create_check(self, err) : status;
    status = status == PBASE_OK ? definition_make(self, err) : status;
    status = status == PBASE_OK && !is_of_objects(self) ? read_root(self, err) : status;
    status = status == PBASE_OK ? operation_write(self, INDEX_CREATE, err) : status;
    status = status == PBASE_OK ? add_whole(self, &self->writes, self->slot.id, err) : status;
    if (status == PBASE_OK) {
        status =
            codec_table_require(store_codecs(self->database->space->bytes), FEATURE_INDEXES, err);
    }
    if (status == PBASE_OK && self->builds_ahead) {
        status = build(self, err);
        status = status == PBASE_OK ? pbase_call_check(self->call, host_of(self)->os, err) : status;
    }
    if (status != PBASE_OK) {
        return status;
    }
    index_shortcut ready = {self->definition.entries, self->slot.root, self->entries.root};
    return commit(self, self->builds_ahead ? &ready : NULL, err);
}

/* -------------------------------------------------------------------------------------- drop --- */

static pbase_status no_such_index(const index_change *self, pbase_error *err)
{
    nearest near;
    nearest_init(&near, self->name);
    for (size_t i = 0; i < self->view.count; i++) {
        nearest_offer(&near, self->view.items[i].definition->name);
    }
    pbase_status status = PBASE_FAIL(err, PBASE_NOT_FOUND, "root '%.*s' has no index '%.*s'",
                                     (int)self->root.size, (const char *)self->root.data,
                                     (int)self->name.size, (const char *)self->name.data);
    nearest_hint(&near, err);
    return status;
}

static pbase_status drop_step(index_change *self, pbase_error *err)
{
    pbase_status status = find_collection(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    const index_definition *found = find_index(self);
    if (found == NULL) {
        return no_such_index(self, err);
    }
    status = operation_write(self, INDEX_DROP, err);
    status = status == PBASE_OK ? add_whole(self, &self->writes, found->entries, err) : status;
    return status == PBASE_OK ? commit(self, NULL, err) : status;
}

/* --------------------------------------------------------------------------------- both -------- */

typedef pbase_status (*index_step_run)(index_change *self, pbase_error *err);

static pbase_status run_once(index_change *self, index_step_run step, pbase_error *err)
{
    engine_reader reader;
    pbase_status status = engine_refresh(self->database->engine, err);
    if (status != PBASE_OK) {
        return status;
    }
    engine_reader_begin(self->database->engine, &reader);
    status = engine_reader_settle(self->database->engine, &reader, err);
    if (status == PBASE_OK) {
        change_begin(self, &reader);
        status = step(self, err);
        change_end(self);
    }
    engine_reader_end(self->database->engine, &reader);
    return status;
}

static void pause_before_retry(const pbase_os *os)
{
    uint64_t random = 0;
    os->system->random(os, &random, sizeof random);
    os->system->sleep_ns(os, random % PAUSE_MAX_NS + 1);
}

static pbase_status run_change(index_change *self, index_step_run step, pbase_error *err)
{
    const pbase_os *os = host_of(self)->os;
    pbase_status status = space_check_process(self->database->space, err);
    status = status == PBASE_OK ? root_name_check("root", self->root, err) : status;
    status = status == PBASE_OK ? root_name_check("index", self->name, err) : status;
    if (status == PBASE_OK && self->database->kind == DATABASE_SNAPSHOT) {
        status =
            PBASE_FAIL(err, PBASE_READ_ONLY, "database '%s' is a snapshot", self->database->name);
        pbase_error_hint(err, "make a branch of it: that may be written");
    }
    for (unsigned attempt = 1; status == PBASE_OK; attempt++) {
        status = pbase_call_check(self->call, os, err);
        if (status != PBASE_OK) {
            break;
        }
        self->builds_ahead = attempt <= BUILDS_AHEAD;
        status = run_once(self, step, err);
        if (status != PBASE_CONFLICT || attempt == ATTEMPTS_MAX) {
            break;
        }
        pause_before_retry(os);
        status = PBASE_OK;
    }
    return status;
}

pbase_status pbase_index_create(pbase_database *database, const char *root, const char *name,
                                const pbase_index_options *options, const pbase_call *call,
                                pbase_error *err)
{
    index_change run = {.database = database,
                        .root = pbase_bytes_text(root),
                        .name = pbase_bytes_text(name),
                        .options = options,
                        .call = call};
    pbase_status status = run_change(&run, create_step, err);
    if (status != PBASE_OK) {
        pbase_error_note(err, "creating index '%s'", name);
    }
    return status;
}

pbase_status pbase_index_drop(pbase_database *database, const char *root, const char *name,
                              const pbase_call *call, pbase_error *err)
{
    index_change run = {.database = database,
                        .root = pbase_bytes_text(root),
                        .name = pbase_bytes_text(name),
                        .call = call};
    return run_change(&run, drop_step, err);
}
