/* working_indexes.c - the indexes of a database being changed.
 *
 * Few and small: found by going through them all. A removed index stays in the table, marked, until
 * the trees are put back. */
#include "txn/working_indexes.h"

#include "index/touched.h"

#include <inttypes.h>

struct working_index {
    const index_definition *definition;
    tree entries;
    bool is_gone;
    bool is_changed;
};

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to keep indexes");
}

static bool same_id(pbase_collection_id a, pbase_collection_id b)
{
    return a.sequence == b.sequence && a.ordinal == b.ordinal;
}

void working_indexes_init(working_indexes *self, atom_source *atoms, value_coder *coder)
{
    memset(self, 0, sizeof *self);
    self->atoms = atoms;
    self->coder = coder;
    pbase_arena_init(&self->arena, atoms->alloc);
    self->definitions = tree_of(atoms, ATOM_REF_NONE, false);
}

void working_indexes_fini(working_indexes *self)
{
    if (self->atoms == NULL) {
        return; /* zeroed */
    }
    for (size_t i = 0; i < self->count; i++) {
        tree_fini(&self->items[i].entries);
    }
    tree_fini(&self->definitions);
    pbase_alloc_free(self->atoms->alloc, self->items, self->capacity * sizeof *self->items);
    pbase_arena_fini(&self->arena);
    memset(self, 0, sizeof *self);
}

/* Takes one count of `root` on success. */
static pbase_status item_add(working_indexes *self, const index_definition *definition,
                             atom_ref root, working_index **out, pbase_error *err)
{
    if (self->count == self->capacity) {
        const pbase_alloc *alloc = self->atoms->alloc;
        size_t capacity = self->capacity == 0 ? 4 : self->capacity * 2;
        working_index *grown = alloc->resize(alloc, self->items, self->capacity * sizeof *grown,
                                             capacity * sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        self->items = grown;
        self->capacity = capacity;
    }
    working_index *item = &self->items[self->count++];
    memset(item, 0, sizeof *item);
    item->definition = definition;
    item->entries = tree_of(self->atoms, root, false);
    *out = item;
    return PBASE_OK;
}

static pbase_status item_load(working_indexes *self, atom_ref collections,
                              const index_definition *definition, pbase_error *err)
{
    collection_slot slot;
    working_index *item = NULL;
    pbase_status status =
        catalog_collection(self->atoms, collections, definition->entries, &slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = item_add(self, definition, atom_ref_keep(slot.root), &item, err);
    if (status != PBASE_OK) {
        tree_drop(self->atoms, slot.root);
    }
    return status;
}

static pbase_status definitions_load(working_indexes *self, const tree *collections,
                                     pbase_error *err)
{
    collection_slot slot;
    index_definition *definitions = NULL;
    size_t count = 0;
    pbase_status status =
        catalog_collection(self->atoms, collections->root, INDEX_DEFINITIONS, &slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    self->definitions = tree_of(self->atoms, atom_ref_keep(slot.root), false);
    self->has_definitions = true;
    status =
        index_definitions_load(&self->definitions, NULL, &self->arena, &definitions, &count, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = item_load(self, collections->root, &definitions[i], err);
    }
    return status;
}

static pbase_status load(working_indexes *self, const tree *collections, pbase_error *err)
{
    uint8_t key[16];
    bool found = false;
    if (self->is_loaded) {
        return PBASE_OK;
    }
    catalog_collection_key(INDEX_DEFINITIONS, key);
    pbase_status status = tree_has(collections, pbase_bytes_of(key, sizeof key), &found, err);
    if (status == PBASE_OK && found) {
        status = definitions_load(self, collections, err);
    }
    if (status == PBASE_OK && self->count > 0 && self->coder == NULL) {
        status = PBASE_FAIL(err, PBASE_UNSUPPORTED,
                            "a database with indexes cannot be changed without its codecs");
    }
    self->is_loaded = status == PBASE_OK;
    return status;
}

/* --------------------------------------------------------------------------------- change ------ */

pbase_status working_indexes_any(working_indexes *self, const tree *collections,
                                 pbase_collection_id id, bool *out, pbase_error *err)
{
    *out = false;
    pbase_status status = load(self, collections, err);
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        *out =
            *out || (!self->items[i].is_gone && same_id(self->items[i].definition->collection, id));
    }
    return status;
}

static const index_shortcut *shortcut_for(const working_index *item,
                                          const index_shortcut *shortcuts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (same_id(shortcuts[i].entries, item->definition->entries)) {
            return atom_ref_same(shortcuts[i].base_root, item->entries.root) ? &shortcuts[i] : NULL;
        }
    }
    return NULL;
}

/* An index is taken ready-made when its entries are still those that the transaction saw. */
static void adopt(working_indexes *self, working_index *item, const index_shortcut *shortcut)
{
    atom_ref result = atom_ref_keep(shortcut->result_root);
    tree_fini(&item->entries);
    item->entries = tree_of(self->atoms, result, false);
    item->is_changed = true;
    self->is_changed = true;
}

/* The indexes of `id` that could not be adopted, side by side: their trees move into `out` and back
 * with `take_back`. */
static size_t take_out(working_indexes *self, pbase_collection_id id,
                       const index_shortcut *shortcuts, size_t shortcut_count, index_live *out)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++) {
        working_index *item = &self->items[i];
        if (item->is_gone || !same_id(item->definition->collection, id)) {
            continue;
        }
        const index_shortcut *shortcut = shortcut_for(item, shortcuts, shortcut_count);
        if (shortcut != NULL) {
            adopt(self, item, shortcut);
            continue;
        }
        out[count].definition = item->definition;
        out[count++].entries = item->entries;
        item->entries.root = ATOM_REF_NONE; /* its count is in `out` */
        item->is_changed = true;
        self->is_changed = true;
    }
    return count;
}

static void take_back(working_indexes *self, const index_live *taken, size_t count)
{
    for (size_t i = 0, at = 0; at < count; i++) {
        if (self->items[i].definition == taken[at].definition) {
            self->items[i].entries = taken[at++].entries;
        }
    }
}

static pbase_status bring_forward(working_indexes *self, index_live *taken, size_t count,
                                  const index_step *step, pbase_error *err)
{
    index_view view = {.items = taken, .count = count};
    pbase_arena_init(&view.arena, self->atoms->alloc);
    return index_view_advance(&view, step, 0, NULL, err);
}

pbase_status working_indexes_change(working_indexes *self, pbase_collection_id id,
                                    const index_step *step, const index_shortcut *shortcuts,
                                    size_t shortcut_count, pbase_error *err)
{
    const pbase_alloc *alloc = self->atoms->alloc;
    index_step filled = *step;
    filled.coder = self->coder;
    size_t room = self->count;
    index_live *taken = pbase_alloc_zeroed(alloc, room, sizeof *taken);
    if (taken == NULL) {
        return no_memory(err);
    }
    size_t count = take_out(self, id, shortcuts, shortcut_count, taken);
    pbase_status status = bring_forward(self, taken, count, &filled, err);
    take_back(self, taken, count);
    pbase_alloc_free(alloc, taken, room * sizeof *taken);
    return status;
}

/* --------------------------------------------------------------------------- definitions ------- */

static pbase_status item_remove(working_indexes *self, working_index *item, pbase_error *err)
{
    pbase_buffer key;
    pbase_buffer_init(&key, self->atoms->alloc);
    pbase_status status =
        index_definition_key(item->definition->collection, item->definition->name, &key, err);
    if (status == PBASE_OK) {
        status = tree_remove(&self->definitions, pbase_buffer_view(&key), NULL, err);
    }
    if (status == PBASE_OK) {
        tree_fini(&item->entries);
        item->is_gone = item->is_changed = true;
        self->is_changed = true;
    }
    pbase_buffer_fini(&key);
    return status;
}

pbase_status working_indexes_drop(working_indexes *self, const tree *collections,
                                  pbase_collection_id id, pbase_error *err)
{
    pbase_status status = load(self, collections, err);
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        working_index *item = &self->items[i];
        if (!item->is_gone && same_id(item->definition->collection, id)) {
            status = item_remove(self, item, err);
        }
    }
    return status;
}

#define KEY_HEAD_BYTES 16u

bool working_indexes_target(const index_operation *operation, pbase_collection_id *out)
{
    uint64_t parts[2] = {0, 0};
    if (operation->key.size <= KEY_HEAD_BYTES) {
        return false;
    }
    for (size_t i = 0; i < KEY_HEAD_BYTES; i++) {
        parts[i / 8] = parts[i / 8] << 8 | operation->key.data[i];
    }
    *out = (pbase_collection_id){parts[0], parts[1]};
    return true;
}

static working_index *item_named(working_indexes *self, const index_definition *definition)
{
    for (size_t i = 0; i < self->count; i++) {
        working_index *item = &self->items[i];
        if (!item->is_gone && same_id(item->definition->collection, definition->collection) &&
            pbase_bytes_equal(item->definition->name, definition->name)) {
            return item;
        }
    }
    return NULL;
}

/* The definition of a create, its entries' id resolved. */
static pbase_status definition_read(working_indexes *self, const index_operation *operation,
                                    uint64_t sequence, index_definition **out, pbase_error *err)
{
    index_definition *definition = pbase_arena_alloc(&self->arena, sizeof *definition);
    if (definition == NULL) {
        return no_memory(err);
    }
    pbase_status status =
        index_definition_read(operation->key, operation->value, &self->arena, definition, err);
    if (status == PBASE_OK &&
        (definition->entries.sequence != 0 || definition->entries.ordinal == 0)) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a record makes an index that is not its own");
    }
    if (status == PBASE_OK && item_named(self, definition) != NULL) {
        status =
            PBASE_FAIL(err, PBASE_EXISTS, "there is an index '%.*s' on that collection already",
                       (int)definition->name.size, (const char *)definition->name.data);
    }
    if (status == PBASE_OK) {
        definition->entries.sequence = sequence;
        *out = definition;
    }
    return status;
}

static pbase_status definition_put(working_indexes *self, const index_definition *definition,
                                   pbase_bytes key_bytes, pbase_error *err)
{
    pbase_buffer value;
    pbase_buffer_init(&value, self->atoms->alloc);
    encoded_key key = {.bytes = key_bytes, .spelling = pbase_bytes_of(NULL, 0)};
    pbase_status status = index_definition_write(definition, &value, err);
    if (status == PBASE_OK) {
        tree_value entry = tree_value_of(pbase_buffer_view(&value));
        status = tree_put(&self->definitions, &key, &entry, NULL, err);
    }
    pbase_buffer_fini(&value);
    return status;
}

static pbase_status build(working_indexes *self, working_index *item, uint8_t kind,
                          const tree *content, pbase_error *err)
{
    index_live live = {item->definition, item->entries};
    index_touched all = index_touched_all(kind);
    index_upkeep upkeep = {.alloc = self->atoms->alloc,
                           .coder = self->coder,
                           .kind = kind,
                           .before = tree_of(self->atoms, ATOM_REF_NONE, content->positional),
                           .after = *content,
                           .indexes = &live,
                           .count = 1};
    pbase_status status = index_upkeep_run(&upkeep, &all, err);
    item->entries = live.entries;
    return status;
}

pbase_status working_indexes_create(working_indexes *self, const tree *collections,
                                    const index_operation *operation, uint64_t sequence,
                                    uint8_t kind, const tree *content,
                                    const index_shortcut *shortcut, pbase_error *err)
{
    index_definition *definition = NULL;
    working_index *item = NULL;
    pbase_status status = load(self, collections, err);
    if (status == PBASE_OK && self->coder == NULL) {
        status = PBASE_FAIL(err, PBASE_UNSUPPORTED, "an index cannot be built without codecs");
    }
    status =
        status == PBASE_OK ? definition_read(self, operation, sequence, &definition, err) : status;
    status = status == PBASE_OK ? definition_put(self, definition, operation->key, err) : status;
    status = status == PBASE_OK ? item_add(self, definition, ATOM_REF_NONE, &item, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    self->has_definitions = true;
    item->is_changed = self->is_changed = true;
    if (shortcut != NULL && atom_ref_same(shortcut->base_root, content->root)) {
        adopt(self, item, shortcut);
        return PBASE_OK;
    }
    return build(self, item, kind, content, err);
}

pbase_status working_indexes_remove(working_indexes *self, const tree *collections,
                                    const index_operation *operation, pbase_error *err)
{
    index_definition wanted;
    memset(&wanted, 0, sizeof wanted);
    pbase_status status = load(self, collections, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (!working_indexes_target(operation, &wanted.collection)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record drops an index that cannot be");
    }
    wanted.name =
        pbase_bytes_of(operation->key.data + KEY_HEAD_BYTES, operation->key.size - KEY_HEAD_BYTES);
    working_index *item = item_named(self, &wanted);
    return item != NULL ? item_remove(self, item, err)
                        : PBASE_FAIL(err, PBASE_CONFLICT, "index '%.*s' has been dropped",
                                     (int)wanted.name.size, (const char *)wanted.name.data);
}

/* --------------------------------------------------------------------------------- finish ------ */

static pbase_status slot_put(tree *collections, pbase_collection_id id, const tree *content,
                             pbase_error *err)
{
    static const uint8_t kind = COLLECTION_INDEX;
    uint8_t bytes[16];
    catalog_collection_key(id, bytes);
    encoded_key key = {.bytes = pbase_bytes_of(bytes, sizeof bytes)};
    tree_value entry = {.kind = TREE_VALUE_TREE,
                        .tree_kind = COLLECTION_INDEX,
                        .root = content->root,
                        .bytes = pbase_bytes_of(&kind, 1)};
    return tree_put(collections, &key, &entry, NULL, err);
}

static pbase_status slot_remove(tree *collections, pbase_collection_id id, pbase_error *err)
{
    uint8_t bytes[16];
    catalog_collection_key(id, bytes);
    return tree_remove(collections, pbase_bytes_of(bytes, sizeof bytes), NULL, err);
}

pbase_status working_indexes_finish(working_indexes *self, tree *collections, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (!self->is_changed) {
        return PBASE_OK;
    }
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        working_index *item = &self->items[i];
        if (item->is_changed) {
            status = item->is_gone
                         ? slot_remove(collections, item->definition->entries, err)
                         : slot_put(collections, item->definition->entries, &item->entries, err);
            item->is_changed = status != PBASE_OK;
        }
    }
    if (status == PBASE_OK && self->has_definitions) {
        status = slot_put(collections, INDEX_DEFINITIONS, &self->definitions, err);
    }
    self->is_changed = status != PBASE_OK;
    return status;
}
