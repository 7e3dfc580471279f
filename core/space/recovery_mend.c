/* recovery_mend.c - who holds what, after some of it is gone.
 *
 * From the roots and the objects of each database the values are followed to the collections they
 * name. One that is named and is not there becomes an empty one; one that is there and that nobody
 * names goes back under its old root when only that entry was lost, else under the root
 * "lost+found/<sequence>.<ordinal>". */
#include "collection/kind.h"
#include "index/definition.h"
#include "space/recovery.h"
#include "txn/holder.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct {
    pbase_collection_id id;
    uint8_t kind;
    bool is_named, nests;
    uint64_t sum;
    atom_ref root; /* lent by the table */
    pbase_collection_id by;
    bool has_holder;
} held;

typedef struct {
    recovery *run;
    uint64_t database;
    char name[80];
    tree table;
    held *items; /* by id, those of the table and those made here */
    size_t count, capacity;
    pbase_buffer queue; /* size_t: positions that are named and not followed yet */
    /* while a collection is followed */
    pbase_collection_id by;
    bool in_list;
    uint64_t index;
} mending;

/* ----------------------------------------------------------------------------- the table ------ */

static held *find(const mending *self, pbase_collection_id id)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        pbase_collection_id at = self->items[middle].id;
        if (at.sequence < id.sequence || (at.sequence == id.sequence && at.ordinal < id.ordinal)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < self->count && collection_id_same(self->items[low].id, id) ? &self->items[low]
                                                                            : NULL;
}

/* Entries of the table come in the order of ids. */
static pbase_status add_slot(void *state, const collection_slot *slot, pbase_error *err)
{
    mending *self = state;
    pbase_buffer link;
    collection_slot again;
    holder up;
    bool found = false;
    pbase_status status = recovery_room(self->run, &self->items, self->count, &self->capacity,
                                        sizeof *self->items, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_buffer_init(&link, self->run->to->host->alloc);
    status = catalog_collection_held(self->run->target, self->table.root, slot->id, &again, &link,
                                     &found, err);
    held item = {.id = slot->id,
                 .kind = slot->kind,
                 .nests = slot->nests,
                 .sum = slot->sum,
                 .root = slot->root};
    item.has_holder = found && holder_read(pbase_buffer_view(&link), &up);
    item.by = item.has_holder ? up.by : (pbase_collection_id){0, 0};
    self->items[self->count++] = item;
    pbase_buffer_fini(&link);
    return status;
}

static pbase_status slot_put(mending *self, const held *item, atom_ref root, pbase_bytes link,
                             pbase_error *err)
{
    uint8_t key[16], payload[CATALOG_SLOT_BYTES_MAX];
    catalog_collection_key(item->id, key);
    size_t size = catalog_slot_write(item->kind, item->sum, item->nests, link, payload);
    encoded_key place = {pbase_bytes_of(key, sizeof key), pbase_bytes_of(NULL, 0)};
    tree_value entry = {TREE_VALUE_TREE, item->kind, root, pbase_bytes_of(payload, size)};
    return tree_put(&self->table, &place, &entry, NULL, err);
}

/* --------------------------------------------------------------------------- following -------- */

static pbase_status tell(const mending *self, pbase_status code, const char *what,
                         pbase_collection_id id, const char *message, pbase_error *err)
{
    char place[200];
    (void)snprintf(place, sizeof place, "database '%s', %s (%" PRIu64 ", %" PRIu64 ")", self->name,
                   what, id.sequence, id.ordinal);
    return recovery_tell(self->run, code, place, message, err);
}

/* A collection that a value names and that is lost: an empty one of its kind stands for it. */
static pbase_status child_make(mending *self, const stored_child *child, pbase_bytes key,
                               pbase_error *err)
{
    pbase_buffer link;
    held item = {.id = child->id, .kind = child->kind, .is_named = true};
    if (!kind_known(child->kind)) {
        return PBASE_OK;
    }
    pbase_buffer_init(&link, self->run->to->host->alloc);
    pbase_status status = holder_write(self->by, self->in_list ? pbase_bytes_of(NULL, 0) : key,
                                       self->index, &link, err);
    if (status == PBASE_OK) {
        status = slot_put(self, &item, ATOM_REF_NONE, pbase_buffer_view(&link), err);
    }
    pbase_buffer_fini(&link);
    return status == PBASE_OK
               ? tell(self, PBASE_LOST, "collection", child->id,
                      "its content is lost: it is empty now, and the value that names it stays",
                      err)
               : status;
}

static pbase_status follow_child(mending *self, const stored_child *child, pbase_bytes key,
                                 pbase_error *err)
{
    held *item = find(self, child->id);
    if (item == NULL) {
        return child_make(self, child, key, err);
    }
    if (item->is_named) {
        return PBASE_OK;
    }
    size_t position = (size_t)(item - self->items);
    item->is_named = true;
    return pbase_buffer_append(&self->queue, &position, sizeof position, err);
}

static pbase_status follow_entry(void *state, const encoded_key *key, const tree_value *value,
                                 pbase_error *err)
{
    mending *self = state;
    stored_children list;
    stored_child child;
    pbase_status status = PBASE_OK;
    if (stored_children_announced(value->bytes) && stored_children_begin(value->bytes, &list)) {
        while (status == PBASE_OK && stored_children_next(&list, &child)) {
            status = follow_child(self, &child, key->bytes, err);
        }
    }
    self->index++;
    return status;
}

static pbase_status pass(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    const mending *self = state;
    (void)atom;
    return pbase_call_check(self->run->call, self->run->to->host->os, err);
}

static pbase_status follow(mending *self, size_t position, pbase_error *err)
{
    const held item = self->items[position];
    const tree_visitor visitor = {.state = self, .atom = pass, .entry = follow_entry};
    if (!item.nests) {
        return PBASE_OK;
    }
    self->by = item.id;
    self->in_list = tree_kind_positional(item.kind);
    self->index = 0;
    return tree_walk(self->run->target, item.root, self->in_list, &visitor, err);
}

static pbase_status follow_queue(mending *self, pbase_error *err)
{
    size_t position = 0;
    pbase_status status = PBASE_OK;
    while (self->queue.size > 0 && status == PBASE_OK) {
        self->queue.size -= sizeof position;
        memcpy(&position, self->queue.data + self->queue.size, sizeof position);
        status = follow(self, position, err);
    }
    return status;
}

static pbase_status follow_from(mending *self, pbase_collection_id id, pbase_error *err)
{
    held *item = find(self, id);
    if (item == NULL) {
        return PBASE_OK;
    }
    item->is_named = true;
    pbase_status status = follow(self, (size_t)(item - self->items), err);
    return status == PBASE_OK ? follow_queue(self, err) : status;
}

/* ------------------------------------------------------------------- what nobody names -------- */

/* Puts `child` under a root of that key, unless there is one. */
static pbase_status root_put(mending *self, const encoded_key *key, const held *child,
                             bool *out_done, pbase_error *err)
{
    collection_slot roots = {.kind = PBASE_COLLECTION_DICT, .root = ATOM_REF_NONE};
    stored_child named = {child->kind, child->id};
    pbase_buffer value;
    bool found = false, is_taken = false;
    pbase_buffer_init(&value, self->run->to->host->alloc);
    pbase_status status = catalog_collection_find(self->run->target, self->table.root,
                                                  CATALOG_ROOTS, &roots, &found, err);
    tree content =
        tree_of(self->run->target, found ? atom_ref_keep(roots.root) : ATOM_REF_NONE, false);
    if (status == PBASE_OK) {
        status = tree_has(&content, key->bytes, &is_taken, err);
    }
    *out_done = status == PBASE_OK && !is_taken;
    if (*out_done) {
        status = stored_children_write(0, &named, 1, pbase_bytes_of(NULL, 0), &value, err);
    }
    if (status == PBASE_OK && *out_done) {
        tree_value entry = tree_value_of(pbase_buffer_view(&value));
        status = tree_put(&content, key, &entry, NULL, err);
    }
    if (status == PBASE_OK && *out_done) {
        held slot = {.id = CATALOG_ROOTS, .kind = PBASE_COLLECTION_DICT, .nests = true};
        status = slot_put(self, &slot, content.root, pbase_bytes_of(NULL, 0), err);
    }
    tree_fini(&content);
    pbase_buffer_fini(&value);
    return status;
}

static pbase_status relink(mending *self, const held *item, pbase_bytes key, pbase_error *err)
{
    pbase_buffer link;
    pbase_buffer_init(&link, self->run->to->host->alloc);
    pbase_status status = holder_write(CATALOG_ROOTS, key, 0, &link, err);
    if (status == PBASE_OK) {
        status = slot_put(self, item, item->root, pbase_buffer_view(&link), err);
    }
    pbase_buffer_fini(&link);
    return status;
}

/* Under the root it had, of which the link still knows the name. */
static pbase_status back_to_root(mending *self, const held *item, bool *out_done, pbase_error *err)
{
    collection_slot slot;
    holder up;
    pbase_buffer link;
    bool found = false;
    *out_done = false;
    pbase_buffer_init(&link, self->run->to->host->alloc);
    pbase_status status = catalog_collection_held(self->run->target, self->table.root, item->id,
                                                  &slot, &link, &found, err);
    if (status == PBASE_OK && found && holder_read(pbase_buffer_view(&link), &up) &&
        collection_id_same(up.by, CATALOG_ROOTS) && !up.is_cut && !up.in_list) {
        encoded_key key = {up.key, pbase_bytes_of(NULL, 0)};
        status = root_put(self, &key, item, out_done, err);
    }
    pbase_buffer_fini(&link);
    return status == PBASE_OK && *out_done
               ? tell(self, PBASE_LOST, "collection", item->id,
                      "its root was lost; it has it again, under the old name", err)
               : status;
}

static pbase_status to_lost_and_found(mending *self, const held *item, pbase_error *err)
{
    char name[64], message[120];
    key_scratch scratch;
    encoded_key key;
    bool done = false;
    (void)snprintf(name, sizeof name, "lost+found/%" PRIu64 ".%" PRIu64, item->id.sequence,
                   item->id.ordinal);
    pbase_value text = pbase_value_text(name);
    key_scratch_init(&scratch, self->run->to->host->alloc);
    pbase_status status = key_encode(&text, &scratch, &key, err);
    if (status == PBASE_OK) {
        status = root_put(self, &key, item, &done, err);
    }
    if (status == PBASE_OK) {
        status = relink(self, item, key.bytes, err);
    }
    key_scratch_fini(&scratch);
    (void)snprintf(message, sizeof message, "what held it is lost; it is the root '%s' now", name);
    return status == PBASE_OK ? tell(self, PBASE_LOST, "collection", item->id, message, err)
                              : status;
}

static pbase_status hold(mending *self, size_t position, pbase_error *err)
{
    bool done = false;
    self->items[position].is_named = true;
    const held item = self->items[position];
    pbase_status status = back_to_root(self, &item, &done, err);
    if (status == PBASE_OK && !done) {
        status = to_lost_and_found(self, &item, err);
    }
    if (status == PBASE_OK) {
        status = follow(self, position, err);
    }
    return status == PBASE_OK ? follow_queue(self, err) : status;
}

/* Those first whose holder is gone itself: what they hold is then named by them. */
static pbase_status hold_all(mending *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (int way = 0; way < 2; way++) {
        for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
            const held *item = &self->items[i];
            const held *above = item->has_holder ? find(self, item->by) : NULL;
            bool waits = way == 0 && above != NULL && !above->is_named;
            if (!item->is_named && !catalog_is_system(item->id) && !waits) {
                status = hold(self, i, err);
            }
        }
    }
    return status;
}

/* --------------------------------------------------------------------------- one database ----- */

/* A database has roots, if none of them is left: its whole table may be lost. */
static pbase_status roots_make(mending *self, pbase_error *err)
{
    collection_slot roots;
    bool found = false;
    const held none = {.id = CATALOG_ROOTS, .kind = PBASE_COLLECTION_DICT};
    pbase_status status = catalog_collection_find(self->run->target, self->table.root,
                                                  CATALOG_ROOTS, &roots, &found, err);
    return status == PBASE_OK && !found
               ? slot_put(self, &none, ATOM_REF_NONE, pbase_bytes_of(NULL, 0), err)
               : status;
}

static pbase_status mend_table(mending *self, pbase_error *err)
{
    pbase_status status =
        catalog_collections(self->run->target, self->table.root, add_slot, self, err);
    if (status == PBASE_OK) {
        status = follow_from(self, CATALOG_ROOTS, err);
    }
    if (status == PBASE_OK) {
        status = follow_from(self, CATALOG_OBJECTS, err);
    }
    if (status == PBASE_OK) {
        status = hold_all(self, err);
    }
    return status == PBASE_OK ? roots_make(self, err) : status;
}

static pbase_status mend_database(recovery *run, uint64_t database, pbase_error *err)
{
    pbase_buffer payload;
    bool found = false;
    mending self = {.run = run, .database = database};
    pbase_buffer_init(&payload, run->to->host->alloc);
    pbase_buffer_init(&self.queue, run->to->host->alloc);
    pbase_status status = recovery_table(run, database, &self.table, &payload, &found, err);
    if (status == PBASE_OK && found) {
        pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&payload));
        pbase_bytes name = pbase_bytes_text("?");
        (void)pbase_read_sized(&reader, &name); /* else it has none to be told by */
        (void)snprintf(self.name, sizeof self.name, "%.*s", (int)name.size,
                       (const char *)name.data);
        tree before = tree_keep(&self.table); /* holds what is followed */
        status = mend_table(&self, err);
        run->report->collections += self.count;
        tree_fini(&before);
        if (status == PBASE_OK) {
            status =
                recovery_table_put(run, database, &self.table, pbase_buffer_view(&payload), err);
        } else {
            tree_fini(&self.table);
        }
    }
    pbase_alloc_free(run->to->host->alloc, self.items, self.capacity * sizeof *self.items);
    pbase_buffer_fini(&self.queue);
    pbase_buffer_fini(&payload);
    return status;
}

typedef struct {
    pbase_buffer ids; /* uint64_t */
} database_ids;

static pbase_status add_id(void *state, const catalog_entry *entry, pbase_error *err)
{
    database_ids *self = state;
    return pbase_buffer_append(&self->ids, &entry->id, sizeof entry->id, err);
}

pbase_status recovery_mend(recovery *self, pbase_error *err)
{
    database_ids list;
    space_state *state = space_state_create(NULL, self->target, atom_ref_keep(self->catalog.root),
                                            self->sequence, self->timestamp_ns);
    if (state == NULL) {
        (void)atom_ref_drop(self->catalog.root);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a state");
    }
    pbase_buffer_init(&list.ids, self->to->host->alloc);
    pbase_status status = catalog_databases(state, add_id, &list, err);
    for (size_t at = 0; at < list.ids.size && status == PBASE_OK; at += sizeof(uint64_t)) {
        uint64_t database = 0;
        memcpy(&database, list.ids.data + at, sizeof database);
        status = mend_database(self, database, err);
    }
    pbase_buffer_fini(&list.ids);
    space_state_unref(state);
    return status;
}
