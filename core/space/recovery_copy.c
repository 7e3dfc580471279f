/* recovery_copy.c - from a checkpoint of the source to trees of the target.
 *
 * Each tree is walked in order; what is met is appended to a new one, what is damaged noted as lost.
 * A second way through the same functions takes, out of an older checkpoint, only what lies in one
 * lost range and is not there. Entries of indexes are not copied: they are made again. */
#include "collection/change.h"
#include "collection/kind.h"
#include "collection/rope.h"
#include "collection/stored_children.h"
#include "index/definition.h"
#include "space/place.h"
#include "space/recovery.h"

#include <inttypes.h>
#include <stdio.h>

#define PLACE_BYTES 1200u

/* One way through a checkpoint. */
typedef struct {
    recovery *run;
    const known_checkpoint *at;
    const lost_range *only; /* NULL: everything, into what is empty */
    uint64_t database;
    char name[80];    /* of the database */
    atom_ref table;   /* of its collections, in the source */
    tree *into_table; /* of the target */
    pbase_collection_id id;
    uint8_t kind; /* 0: a table */
    tree *into;
    uint64_t total;  /* entries of a rope; 0: unknown */
    uint64_t taken;  /* entries, in the way through `only` */
    bool met_damage; /* in that way */
} copying;

/* ------------------------------------------------------------------------------------ losses -- */

static uint64_t big_endian(const uint8_t *at)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | at[i];
    }
    return number;
}

static void place_write(const copying *self, const tree_walk_atom *atom, char out[PLACE_BYTES])
{
    char within[PLACE_TEXT_BYTES], entries[PLACE_TEXT_BYTES];
    if (self->name[0] == '\0') {
        (void)snprintf(out, PLACE_BYTES, "the list of databases");
    } else if (self->kind == 0) {
        (void)snprintf(out, PLACE_BYTES, "database '%s', the table of its collections", self->name);
    } else {
        place_of_collection(self->run->source, self->table, self->id, self->kind, within);
        place_of_entries(self->kind, atom, entries);
        (void)snprintf(out, PLACE_BYTES, "database '%s', %s, %s", self->name, within, entries);
    }
}

static pbase_status loss_add(copying *self, const tree_walk_atom *atom, pbase_error *err)
{
    recovery *run = self->run;
    pbase_status status = recovery_room(run, &run->losses, run->loss_count, &run->loss_capacity,
                                        sizeof *run->losses, err);
    if (status != PBASE_OK) {
        return status;
    }
    lost_range *lost = &run->losses[run->loss_count];
    *lost = (lost_range){.level = self->name[0] == '\0' ? LOST_DATABASES
                                  : self->kind == 0     ? LOST_COLLECTIONS
                                                        : LOST_ENTRIES,
                         .kind = self->kind,
                         .database = self->database,
                         .id = self->id,
                         .is_value = atom->type == ATOM_VALUE,
                         .is_inner = atom->level > 0 || atom->count == 0,
                         .count = atom->count};
    pbase_buffer_init(&lost->from, run->to->host->alloc);
    pbase_buffer_init(&lost->to, run->to->host->alloc);
    run->loss_count++;
    status = pbase_buffer_append_bytes(&lost->from, atom->from, err);
    return status == PBASE_OK ? pbase_buffer_append_bytes(&lost->to, atom->to, err) : status;
}

/* The chunks of a blob that are lost read as zeros, so that the others stay where they were; how
 * long the last one was nobody knows. */
static pbase_status chunks_fill(copying *self, const tree_walk_atom *atom, pbase_error *err)
{
    uint8_t *zeros = pbase_alloc_zeroed(self->run->to->host->alloc, 1, ROPE_CHUNK_BYTES);
    tree_value chunk = tree_value_of(pbase_bytes_of(zeros, ROPE_CHUNK_BYTES));
    pbase_status status =
        zeros == NULL ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a chunk") : PBASE_OK;
    for (uint64_t i = 0;
         i < atom->count && atom->before + i + 1 < self->total && status == PBASE_OK; i++) {
        status = tree_append(self->into, &chunk, err);
    }
    pbase_alloc_free(self->run->to->host->alloc, zeros, ROPE_CHUNK_BYTES);
    return status;
}

static pbase_status hear_damage(void *state, const tree_walk_atom *atom, pbase_status code,
                                const char *why, pbase_error *err)
{
    copying *self = state;
    recovery *run = self->run;
    char place[PLACE_BYTES], message[700];
    self->met_damage = true;
    if (self->only != NULL) {
        return PBASE_OK;
    }
    bool is_rope = self->kind == PBASE_COLLECTION_ROPE && self->into != NULL;
    run->report->damaged_atoms++;
    run->report->lost_entries += atom->count;
    place_write(self, atom, place);
    (void)snprintf(message, sizeof message, "%s; %s%s", why,
                   atom->is_base     ? "what it served is lost, but for what was put since"
                   : atom->count > 0 ? "what it served is lost"
                                     : "the whole tree is lost",
                   is_rope                            ? ": these chunks read as zeros"
                   : tree_kind_positional(self->kind) ? ": later elements have moved forward"
                                                      : "");
    pbase_status status = loss_add(self, atom, err);
    if (status == PBASE_OK && is_rope) {
        status = chunks_fill(self, atom, err);
    }
    return status == PBASE_OK ? recovery_tell(run, code, place, message, err) : status;
}

static pbase_status visit(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    copying *self = state;
    bool first = false;
    pbase_status status = pbase_call_check(self->run->call, self->run->to->host->os, err);
    return status == PBASE_OK && atom_ref_is_stored(atom->ref)
               ? segment_scan_reach(&self->run->scan, atom_ref_pointer(atom->ref), &first, err)
               : status;
}

static int compare(pbase_bytes a, pbase_bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

bool recovery_is_inside(const lost_range *lost, pbase_bytes key)
{
    pbase_bytes from = pbase_buffer_view(&lost->from), to = pbase_buffer_view(&lost->to);
    if (lost->is_value) {
        return compare(key, from) == 0;
    }
    return (from.size == 0 || compare(key, from) >= 0) && (to.size == 0 || compare(key, to) < 0);
}

/* ---------------------------------------------------------------------------------- entries --- */

static pbase_status entry_put(copying *self, const encoded_key *key, const tree_value *value,
                              pbase_error *err)
{
    if (self->only != NULL) {
        return tree_put(self->into, key, value, NULL, err);
    }
    return self->into->positional ? tree_append(self->into, value, err)
                                  : tree_append_key(self->into, key, value, err);
}

static pbase_status copy_entry(void *state, const encoded_key *key, const tree_value *value,
                               pbase_error *err)
{
    copying *self = state;
    uint64_t count = 0;
    bool is_there = false;
    pbase_status status = PBASE_OK;
    if (self->only != NULL) {
        /* children of a stale value may be another's by now */
        if (!recovery_is_inside(self->only, key->bytes) ||
            stored_children_announced(value->bytes)) {
            return PBASE_OK;
        }
        status = tree_has(self->into, key->bytes, &is_there, err);
    }
    if (status != PBASE_OK || is_there) {
        return status;
    }
    if (kind_counted(self->kind)) {
        status = change_count_of(value->bytes, &count, err);
    }
    if (status == PBASE_OK) {
        status = entry_put(self, key, value, err);
    }
    if (status == PBASE_OK) {
        self->into->sum += count;
        self->taken++;
        status = recovery_settle(self->run, self->into, false, err);
    }
    return status;
}

static pbase_status copy_content(copying *self, atom_ref root, pbase_error *err)
{
    const tree_visitor visitor = {
        .state = self, .atom = visit, .entry = copy_entry, .damaged = hear_damage};
    tree content = tree_of(self->run->source, root, self->into->positional);
    self->total = 0;
    if (self->kind == PBASE_COLLECTION_ROPE &&
        tree_count(&content, &self->total, NULL) != PBASE_OK) {
        self->total = 0;
    }
    return tree_walk(self->run->source, root, self->into->positional, &visitor, err);
}

/* ------------------------------------------------------------------------------ collections --- */

static pbase_status index_entry(void *state, const encoded_key *key, const tree_value *value,
                                pbase_error *err)
{
    copying *self = state;
    recovery *run = self->run;
    pbase_status status = recovery_room(run, &run->indexes, run->index_count, &run->index_capacity,
                                        sizeof *run->indexes, err);
    if (status != PBASE_OK) {
        return status;
    }
    lost_index *index = &run->indexes[run->index_count++];
    *index = (lost_index){.database = self->database};
    pbase_buffer_init(&index->key, run->to->host->alloc);
    pbase_buffer_init(&index->value, run->to->host->alloc);
    status = pbase_buffer_append_bytes(&index->key, key->bytes, err);
    return status == PBASE_OK ? pbase_buffer_append_bytes(&index->value, value->bytes, err)
                              : status;
}

static pbase_status copy_definitions(copying *self, atom_ref root, pbase_error *err)
{
    const tree_visitor visitor = {
        .state = self, .atom = visit, .entry = index_entry, .damaged = hear_damage};
    return self->only != NULL ? PBASE_OK : tree_walk(self->run->source, root, false, &visitor, err);
}

/* What stands beside a tree in the table: the sum of a counted kind is made anew. */
static pbase_status payload_write(pbase_bytes before, uint64_t sum, pbase_buffer *out,
                                  pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(before);
    uint8_t kind = 0;
    uint64_t old_sum = 0;
    bool ok = pbase_read_u8(&reader, &kind) &&
              (!kind_counted(kind) || pbase_read_varint(&reader, &old_sum));
    pbase_status status = ok ? pbase_buffer_append_u8(out, kind, err)
                             : PBASE_FAIL(err, PBASE_CORRUPT, "an entry of the table is cut");
    if (status == PBASE_OK && kind_counted(kind)) {
        status = pbase_buffer_append_varint(out, sum, err);
    }
    return status == PBASE_OK
               ? pbase_buffer_append(out, reader.at, pbase_reader_bytes_left(&reader), err)
               : status;
}

static pbase_status collection_put(copying *self, const encoded_key *key, const tree_value *value,
                                   tree *content, pbase_error *err)
{
    pbase_buffer payload;
    pbase_buffer_init(&payload, self->run->to->host->alloc);
    pbase_status status = payload_write(value->bytes, content->sum, &payload, err);
    if (status == PBASE_OK) {
        tree_value entry = {TREE_VALUE_TREE, value->tree_kind, content->root,
                            pbase_buffer_view(&payload)};
        status = tree_put(self->into_table, key, &entry, NULL, err);
    }
    pbase_buffer_fini(&payload);
    return status;
}

static pbase_status copy_collection(copying *self, const encoded_key *key, const tree_value *value,
                                    pbase_error *err)
{
    self->id = (pbase_collection_id){big_endian(key->bytes.data), big_endian(key->bytes.data + 8)};
    self->kind = value->bytes.data[0];
    if (self->kind == COLLECTION_INDEX) {
        return collection_id_same(self->id, INDEX_DEFINITIONS)
                   ? copy_definitions(self, value->root, err)
                   : PBASE_OK;
    }
    tree content =
        tree_of(self->run->target, ATOM_REF_NONE, tree_kind_positional(value->tree_kind));
    const lost_range *only = self->only;
    self->only = NULL; /* of a collection that was lost as a whole everything is taken */
    self->into = &content;
    pbase_status status = copy_content(self, value->root, err);
    self->into = NULL;
    self->only = only;
    if (status == PBASE_OK) {
        status = recovery_settle(self->run, &content, true, err);
    }
    if (status == PBASE_OK) {
        status = collection_put(self, key, value, &content, err);
    }
    tree_fini(&content);
    return status;
}

static pbase_status enter_collection(void *state, const encoded_key *key, const tree_value *value,
                                     pbase_error *err)
{
    copying *self = state;
    bool is_there = false;
    pbase_status status = PBASE_OK;
    if (key->bytes.size != 16 || value->bytes.size == 0 ||
        (self->only != NULL && !recovery_is_inside(self->only, key->bytes))) {
        return PBASE_END;
    }
    status = tree_has(self->into_table, key->bytes, &is_there, err);
    if (status == PBASE_OK && !is_there) {
        uint8_t kind = self->kind;
        status = copy_collection(self, key, value, err);
        self->kind = kind;
    }
    return status == PBASE_OK ? PBASE_END : status;
}

static pbase_status copy_table(copying *self, atom_ref root, pbase_error *err)
{
    const tree_visitor visitor = {
        .state = self, .atom = visit, .enter = enter_collection, .damaged = hear_damage};
    self->table = root;
    self->kind = 0;
    return tree_walk(self->run->source, root, false, &visitor, err);
}

/* --------------------------------------------------------------------------------- databases -- */

static void name_read(copying *self, pbase_bytes payload)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(payload);
    pbase_bytes name = pbase_bytes_text("?");
    if (!pbase_read_sized(&reader, &name) || name.size == 0) {
        name = pbase_bytes_text("?");
    }
    (void)snprintf(self->name, sizeof self->name, "%.*s", (int)name.size, (const char *)name.data);
}

static pbase_status copy_database(copying *self, const tree_value *value, pbase_error *err)
{
    tree table = tree_of(self->run->target, ATOM_REF_NONE, false);
    const lost_range *only = self->only;
    name_read(self, value->bytes);
    self->into_table = &table;
    self->only = NULL;
    pbase_status status = copy_table(self, value->root, err);
    self->only = only;
    if (status == PBASE_OK) {
        status = recovery_table_put(self->run, self->database, &table, value->bytes, err);
    } else {
        tree_fini(&table);
    }
    self->name[0] = '\0';
    return status;
}

static pbase_status enter_database(void *state, const encoded_key *key, const tree_value *value,
                                   pbase_error *err)
{
    copying *self = state;
    bool is_there = false;
    if (key->bytes.size != 8 ||
        (self->only != NULL && !recovery_is_inside(self->only, key->bytes))) {
        return PBASE_END;
    }
    pbase_status status = tree_has(&self->run->catalog, key->bytes, &is_there, err);
    if (status == PBASE_OK && !is_there) {
        self->database = big_endian(key->bytes.data);
        status = copy_database(self, value, err);
    }
    return status == PBASE_OK ? PBASE_END : status;
}

static pbase_status copy_catalog(copying *self, pbase_error *err)
{
    const tree_visitor visitor = {
        .state = self, .atom = visit, .enter = enter_database, .damaged = hear_damage};
    atom_ref root =
        self->at->root == PBASE_ATOM_NONE ? ATOM_REF_NONE : atom_ref_of_pointer(self->at->root);
    return tree_walk(self->run->source, root, false, &visitor, err);
}

/* ---------------------------------------------------------------- from older checkpoints ------ */

/* The entry of a tree of trees of the source; damage on the way: none. */
static pbase_status source_entry(const recovery *run, atom_ref root, pbase_bytes key,
                                 atom_ref *out_root, uint8_t *out_kind, char *name,
                                 pbase_error *err)
{
    tree_item item;
    bool found = false;
    pbase_error why;
    pbase_error_init(&why);
    tree of = tree_of(run->source, root, false);
    pbase_status status = tree_get(&of, key, &item, &found, &why);
    *out_root = ATOM_REF_NONE;
    if (status == PBASE_OK && found) {
        *out_root = item.value.root;
        *out_kind = item.value.tree_kind;
        if (name != NULL) {
            copying reader = {.run = NULL};
            name_read(&reader, item.value.bytes);
            memcpy(name, reader.name, sizeof reader.name);
        }
        tree_item_release(run->source, &item);
    }
    if (status == PBASE_NO_MEMORY && err != NULL) {
        *err = why;
    }
    return status == PBASE_NO_MEMORY ? status : PBASE_OK;
}

static pbase_status fill_entries(copying *self, const lost_range *lost, tree *table,
                                 pbase_error *err)
{
    uint8_t key[16], kind = 0;
    atom_ref root = ATOM_REF_NONE;
    tree_item item;
    bool found = false;
    catalog_collection_key(lost->id, key);
    encoded_key place = {pbase_bytes_of(key, sizeof key), pbase_bytes_of(NULL, 0)};
    pbase_status status =
        source_entry(self->run, self->table, place.bytes, &root, &kind, NULL, err);
    if (status == PBASE_OK && root != ATOM_REF_NONE) {
        status = tree_get(table, place.bytes, &item, &found, err);
    }
    if (status != PBASE_OK || !found) {
        self->met_damage = true; /* not known */
        return status;
    }
    tree content = tree_of(self->run->target, atom_ref_keep(item.value.root), false);
    pbase_reader_bytes reader = pbase_reader_bytes_of(item.value.bytes);
    if (kind_counted(lost->kind)) {
        uint8_t skipped = 0;
        (void)(pbase_read_u8(&reader, &skipped) && pbase_read_varint(&reader, &content.sum));
    }
    self->id = lost->id;
    self->kind = lost->kind;
    self->into = &content;
    status = copy_content(self, root, err);
    if (status == PBASE_OK && self->taken > 0) {
        status = collection_put(self, &place, &item.value, &content, err);
    }
    tree_item_release(self->run->target, &item);
    tree_fini(&content);
    return status;
}

static pbase_status fill_below(copying *self, const lost_range *lost, pbase_error *err)
{
    uint8_t key[8], kind = 0;
    tree table;
    pbase_buffer payload;
    bool found = false;
    catalog_database_key(lost->database, key);
    pbase_status status =
        source_entry(self->run, atom_ref_of_pointer(self->at->root),
                     pbase_bytes_of(key, sizeof key), &self->table, &kind, self->name, err);
    pbase_buffer_init(&payload, self->run->to->host->alloc);
    if (status == PBASE_OK && self->table != ATOM_REF_NONE) {
        status = recovery_table(self->run, lost->database, &table, &payload, &found, err);
    }
    if (status == PBASE_OK && found) {
        self->database = lost->database;
        self->into_table = &table;
        status = lost->level == LOST_ENTRIES ? fill_entries(self, lost, &table, err)
                                             : copy_table(self, self->table, err);
        if (status == PBASE_OK) {
            status = recovery_table_put(self->run, lost->database, &table,
                                        pbase_buffer_view(&payload), err);
        } else {
            tree_fini(&table);
        }
    }
    self->into_table = NULL;
    self->met_damage = self->met_damage || !found;
    pbase_buffer_fini(&payload);
    return status;
}

static pbase_status tell_filled(const copying *self, const lost_range *lost, pbase_error *err)
{
    char place[PLACE_BYTES], message[160];
    tree_walk_atom atom = {.type = lost->is_value ? ATOM_VALUE : ATOM_NODE,
                           .count = lost->count,
                           .from = pbase_buffer_view(&lost->from),
                           .to = pbase_buffer_view(&lost->to)};
    copying where = *self;
    where.kind = lost->level == LOST_ENTRIES ? lost->kind : 0;
    place_write(&where, &atom, place);
    (void)snprintf(message, sizeof message,
                   "%" PRIu64 " entries were taken from the state after commit %" PRIu64
                   "; they may be older than what was lost",
                   self->taken, self->at->sequence);
    recovery *run = self->run;
    run->report->stale_entries += self->taken;
    run->report->lost_entries -=
        self->taken < run->report->lost_entries ? self->taken : run->report->lost_entries;
    return recovery_tell(run, PBASE_LOST, place, message, err);
}

/* Whether order or counts forbid to take something from another moment. */
static bool may_be_filled(const lost_range *lost)
{
    return !lost->is_filled && (lost->level != LOST_ENTRIES || (lost->kind != COLLECTION_INDEX &&
                                                                !tree_kind_positional(lost->kind)));
}

static pbase_status fill(recovery *self, const known_checkpoint *at, pbase_error *err)
{
    size_t losses = self->loss_count; /* what is met on the way is no new loss */
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < losses && status == PBASE_OK; i++) {
        const lost_range lost = self->losses[i]; /* the list may move */
        copying run = {.run = self, .at = at, .only = &lost};
        if (!may_be_filled(&lost)) {
            continue;
        }
        status =
            lost.level == LOST_DATABASES ? copy_catalog(&run, err) : fill_below(&run, &lost, err);
        self->losses[i].is_filled = !run.met_damage;
        if (status == PBASE_OK && run.taken > 0) {
            status = tell_filled(&run, &lost, err);
        }
    }
    return status;
}

/* --------------------------------------------------------------------------------- all of it -- */

pbase_status recovery_copy(recovery *self, pbase_error *err)
{
    if (self->base == self->checkpoint_count) {
        return PBASE_OK;
    }
    copying run = {.run = self, .at = &self->checkpoints[self->base]};
    pbase_status status = copy_catalog(&run, err);
    for (size_t i = self->base + 1; i < self->checkpoint_count && !self->options->without_stale &&
                                    self->loss_count > 0 && status == PBASE_OK;
         i++) {
        if (self->checkpoints[i].root != PBASE_ATOM_NONE) {
            status = fill(self, &self->checkpoints[i], err);
        }
    }
    return status;
}

pbase_status recovery_copy_tree(recovery *self, uint64_t database, pbase_collection_id id,
                                uint8_t kind, pbase_atom_pointer root, tree *out, pbase_error *err)
{
    copying run = {.run = self, .database = database, .id = id, .kind = kind, .into = out};
    (void)snprintf(run.name, sizeof run.name, "number %" PRIu64, database);
    *out = tree_of(self->target, ATOM_REF_NONE, tree_kind_positional(kind));
    pbase_status status =
        root == PBASE_ATOM_NONE ? PBASE_OK : copy_content(&run, atom_ref_of_pointer(root), err);
    if (status == PBASE_OK) {
        status = recovery_settle(self, out, true, err);
    }
    if (status != PBASE_OK) {
        tree_fini(out);
    }
    return status;
}

bool recovery_is_cut(const recovery *self, uint64_t database, pbase_collection_id id)
{
    for (size_t i = 0; i < self->loss_count; i++) {
        const lost_range *lost = &self->losses[i];
        if (lost->level == LOST_ENTRIES && lost->database == database &&
            collection_id_same(lost->id, id) && tree_kind_positional(lost->kind)) {
            return true;
        }
    }
    return false;
}
