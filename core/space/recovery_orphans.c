/* recovery_orphans.c - leaves that are whole while what led to them is not.
 *
 * A node does not say to which collection it belongs, so such a leaf is not put back: each becomes a
 * root of its own, a dictionary or a list named after its place, in the database "lost+found". Leaves
 * are looked for only when inner nodes, roots or tables are lost and no older checkpoint had what they
 * served, and only keys in a lost range are taken. Versions that were replaced long ago may be among
 * them: nothing here is more than something to look at. Entries that are no values of a dictionary or a
 * list (of sets, counted kinds, indexes) and those with children are left out. */
#include "collection/key_element.h"
#include "collection/kind.h"
#include "collection/node.h"
#include "collection/stored_children.h"
#include "space/recovery.h"
#include "txn/holder.h"

#include <inttypes.h>
#include <stdio.h>

#define DATABASE_NAME "lost+found"
/* No record makes a database, or a collection, of such a number. */
#define DATABASE_ID (UINT64_C(1) << 62)
#define ORDINAL_FIRST (UINT64_C(1) << 41)
#define LEAVES_MAX 1000000u /* roots beyond that are no help to anybody */

typedef struct {
    recovery *run;
    tree table, roots;
    tree *into; /* of the leaf at hand */
    pbase_arena arena;
    uint64_t leaves, entries;
    bool is_cut; /* there were more than LEAVES_MAX */
} orphans;

static bool is_searched(const lost_range *lost)
{
    return !lost->is_filled && !lost->is_value && (lost->is_inner || lost->level != LOST_ENTRIES);
}

static bool are_searched(const recovery *self)
{
    bool found =
        self->is_bare || (self->base == self->checkpoint_count && self->checkpoint_count > 0);
    for (size_t i = 0; i < self->loss_count && !found; i++) {
        found = is_searched(&self->losses[i]);
    }
    return found;
}

/* Whether something that is lost may have held such an entry. */
static bool may_be_lost(const recovery *self, bool positional, pbase_bytes key)
{
    if (self->base == self->checkpoint_count) {
        return true;
    }
    for (size_t i = 0; i < self->loss_count; i++) {
        const lost_range *lost = &self->losses[i];
        if (!is_searched(lost)) {
            continue;
        }
        if (lost->level != LOST_ENTRIES || (positional && tree_kind_positional(lost->kind)) ||
            (!positional && !tree_kind_positional(lost->kind) && recovery_is_inside(lost, key))) {
            return true;
        }
    }
    return false;
}

static pbase_status pass(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    const orphans *self = state;
    (void)atom;
    return pbase_call_check(self->run->call, self->run->to->host->os, err);
}

static pbase_status ignore(void *state, const tree_walk_atom *atom, pbase_status code,
                           const char *why, pbase_error *err)
{
    (void)state;
    (void)atom;
    (void)code;
    (void)why;
    (void)err;
    return PBASE_OK;
}

static pbase_status leave_out(void *state, const encoded_key *key, const tree_value *value,
                              pbase_error *err)
{
    (void)state;
    (void)key;
    (void)value;
    (void)err;
    return PBASE_END;
}

static pbase_status take_entry(void *state, const encoded_key *key, const tree_value *value,
                               pbase_error *err)
{
    orphans *self = state;
    pbase_value decoded;
    bool positional = self->into->positional;
    pbase_arena_reset(&self->arena);
    if (value->kind != TREE_VALUE_BYTES || value->bytes.size == 0 ||
        stored_children_announced(value->bytes) ||
        (!positional && !key_valid_as(key, KEY_SHAPE_PLAIN)) ||
        !may_be_lost(self->run, positional, key->bytes)) {
        return PBASE_OK;
    }
    pbase_status status =
        store_value_decode(self->run->from->bytes, value->bytes, &self->arena, &decoded, NULL);
    if (status != PBASE_OK) {
        return status == PBASE_NO_MEMORY ? PBASE_FAIL(err, status, "no memory for a value")
                                         : PBASE_OK;
    }
    self->entries++;
    return positional ? tree_append(self->into, value, err)
                      : tree_append_key(self->into, key, value, err);
}

/* Puts what a leaf gave under a root. */
static pbase_status leaf_name(orphans *self, pbase_atom_pointer pointer, tree *content,
                              pbase_error *err)
{
    char name[64];
    uint8_t id_key[16], payload[CATALOG_SLOT_BYTES_MAX];
    key_scratch scratch;
    encoded_key key;
    pbase_buffer link, value;
    uint8_t kind = content->positional ? PBASE_COLLECTION_LIST : PBASE_COLLECTION_DICT;
    stored_child child = {kind, {self->run->sequence, ORDINAL_FIRST + self->leaves}};
    (void)snprintf(name, sizeof name, "segment %" PRIu32 " byte %" PRIu64,
                   pbase_atom_pointer_log(pointer), pbase_atom_pointer_offset(pointer));
    pbase_value text = pbase_value_text(name);
    const pbase_alloc *alloc = self->run->to->host->alloc;
    key_scratch_init(&scratch, alloc);
    pbase_buffer_init(&link, alloc);
    pbase_buffer_init(&value, alloc);
    catalog_collection_key(child.id, id_key);
    encoded_key place = {pbase_bytes_of(id_key, sizeof id_key), pbase_bytes_of(NULL, 0)};
    pbase_status status = key_encode(&text, &scratch, &key, err);
    if (status == PBASE_OK) {
        status = holder_write(CATALOG_ROOTS, key.bytes, 0, &link, err);
    }
    if (status == PBASE_OK) {
        size_t size = catalog_slot_write(kind, 0, false, pbase_buffer_view(&link), payload);
        tree_value entry = {TREE_VALUE_TREE, kind, content->root, pbase_bytes_of(payload, size)};
        status = tree_put(&self->table, &place, &entry, NULL, err);
    }
    if (status == PBASE_OK) {
        status = stored_children_write(0, &child, 1, pbase_bytes_of(NULL, 0), &value, err);
    }
    if (status == PBASE_OK) {
        tree_value entry = tree_value_of(pbase_buffer_view(&value));
        status = tree_put(&self->roots, &key, &entry, NULL, err);
    }
    self->leaves++;
    key_scratch_fini(&scratch);
    pbase_buffer_fini(&link);
    pbase_buffer_fini(&value);
    return status;
}

static pbase_status take_leaf(orphans *self, pbase_atom_pointer pointer, bool positional,
                              pbase_error *err)
{
    const tree_visitor visitor = {
        .state = self, .atom = pass, .enter = leave_out, .entry = take_entry, .damaged = ignore};
    tree content = tree_of(self->run->target, ATOM_REF_NONE, positional);
    self->into = &content;
    pbase_status status =
        tree_walk(self->run->source, atom_ref_of_pointer(pointer), positional, &visitor, err);
    if (status == PBASE_OK && content.root != ATOM_REF_NONE) {
        status = recovery_settle(self->run, &content, false, err);
        status = status == PBASE_OK ? leaf_name(self, pointer, &content, err) : status;
    }
    tree_fini(&content);
    return status;
}

/* An atom that is sound and that nothing reached: a leaf is taken. */
static pbase_status look(orphans *self, pbase_atom_pointer pointer, pbase_error *err)
{
    atom_view view;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status =
        atom_acquire(self->run->source, atom_ref_of_pointer(pointer), &view, &why);
    if (status != PBASE_OK) {
        if (status == PBASE_NO_MEMORY && err != NULL) {
            *err = why;
        }
        return status == PBASE_NO_MEMORY ? status : PBASE_OK;
    }
    bool is_leaf =
        (view.type == ATOM_NODE || view.type == ATOM_PATCH) && view.payload[NODE_AT_LEVEL] == 0;
    bool positional = is_leaf && (view.payload[NODE_AT_FLAGS] & NODE_POSITIONAL) != 0;
    atom_release(self->run->source, &view);
    return is_leaf ? take_leaf(self, pointer, positional, err) : PBASE_OK;
}

static pbase_status look_everywhere(orphans *self, pbase_error *err)
{
    const segment_scan *scan = &self->run->scan;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < scan->count; i++) {
        const scanned_segment *segment = &scan->items[i];
        uint64_t at = segment_scan_unreached(segment, PBASE_ATOM_ALIGN);
        while (status == PBASE_OK && at != UINT64_MAX && self->leaves < LEAVES_MAX) {
            status = look(self, pbase_atom_pointer_of(segment->log_id, at), err);
            at = segment_scan_unreached(segment, at + PBASE_ATOM_ALIGN);
        }
        self->is_cut = self->is_cut || at != UINT64_MAX;
    }
    return status;
}

static pbase_status database_put(orphans *self, pbase_error *err)
{
    uint8_t key[16], slot[CATALOG_SLOT_BYTES_MAX];
    char message[160];
    pbase_buffer payload;
    const catalog_entry about = {
        .id = DATABASE_ID, .kind = DATABASE_PLAIN, .name = pbase_bytes_text(DATABASE_NAME)};
    pbase_buffer_init(&payload, self->run->to->host->alloc);
    catalog_collection_key(CATALOG_ROOTS, key);
    encoded_key place = {pbase_bytes_of(key, sizeof key), pbase_bytes_of(NULL, 0)};
    size_t size = catalog_slot_write(PBASE_COLLECTION_DICT, 0, true, pbase_bytes_of(NULL, 0), slot);
    tree_value entry = {TREE_VALUE_TREE, PBASE_COLLECTION_DICT, self->roots.root,
                        pbase_bytes_of(slot, size)};
    pbase_status status = tree_put(&self->table, &place, &entry, NULL, err);
    if (status == PBASE_OK) {
        status = catalog_entry_write(&about, &payload, err);
    }
    if (status == PBASE_OK) {
        tree table = tree_keep(&self->table);
        status =
            recovery_table_put(self->run, DATABASE_ID, &table, pbase_buffer_view(&payload), err);
    }
    pbase_buffer_fini(&payload);
    (void)snprintf(message, sizeof message,
                   "%" PRIu64 " leaves with %" PRIu64
                   " entries whose collection is not known; some may be old versions%s",
                   self->leaves, self->entries, self->is_cut ? "; more leaves were left out" : "");
    self->run->report->orphaned_entries = self->entries;
    return status == PBASE_OK
               ? recovery_tell(self->run, PBASE_LOST, "database '" DATABASE_NAME "'", message, err)
               : status;
}

pbase_status recovery_orphans(recovery *self, pbase_error *err)
{
    orphans run = {.run = self};
    if (self->options->without_orphans || !are_searched(self)) {
        return PBASE_OK;
    }
    run.table = tree_of(self->target, ATOM_REF_NONE, false);
    run.roots = tree_of(self->target, ATOM_REF_NONE, false);
    pbase_arena_init(&run.arena, self->to->host->alloc);
    pbase_status status = look_everywhere(&run, err);
    if (status == PBASE_OK && run.leaves > 0) {
        status = database_put(&run, err);
    }
    pbase_arena_fini(&run.arena);
    tree_fini(&run.table);
    tree_fini(&run.roots);
    return status;
}
