/* tree_edit.c - the operations that change a tree: each prepares an entry, finds its leaf and runs one
 * edit. */
#include "collection/edit.h"
#include "collection/node_build.h"
#include "collection/tree_private.h"
#include "collection/tree_puts.h"

#include <inttypes.h>

/* ------------------------------------------------------------------------------- values ------- */

static pbase_status large_create(atom_source *source, pbase_bytes bytes, atom_ref *out,
                                 pbase_error *err)
{
    atom_memory *memory = atom_memory_create(source, ATOM_VALUE, (uint32_t)bytes.size);
    if (memory == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a value of %zu bytes", bytes.size);
    }
    memcpy(memory->payload, bytes.data, bytes.size);
    memory->size = (uint32_t)bytes.size;
    *out = atom_ref_of_memory(memory);
    return PBASE_OK;
}

pbase_status tree_entry_value(atom_source *source, const tree_value *value, node_entry *out,
                              pbase_error *err)
{
    bool is_tree = value->kind == TREE_VALUE_TREE;
    size_t limit = is_tree ? TREE_PAYLOAD_MAX : PBASE_VALUE_BYTES_MAX;
    if (value->bytes.size > limit) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a value of %zu bytes; the limit is %zu",
                          value->bytes.size, limit);
    }
    out->kind = is_tree ? NODE_VALUE_TREE : NODE_VALUE_INLINE;
    out->tree_kind = value->tree_kind;
    out->bytes = value->bytes;
    out->ref = is_tree ? atom_ref_keep(value->root) : ATOM_REF_NONE;
    out->raw = pbase_bytes_of(NULL, 0);
    if (!is_tree && value->bytes.size > NODE_INLINE_MAX) {
        out->kind = NODE_VALUE_LARGE;
        out->length = (uint32_t)value->bytes.size;
        return large_create(source, value->bytes, &out->ref, err);
    }
    return PBASE_OK;
}

pbase_status tree_key_check(const encoded_key *key, pbase_error *err)
{
    if (key->bytes.size == 0 || key->bytes.size > PBASE_KEY_BYTES_MAX ||
        key->spelling.size > NODE_SPELLING_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a key of %zu bytes; the limits are 1 and %u",
                          key->bytes.size, PBASE_KEY_BYTES_MAX);
    }
    return PBASE_OK;
}

/* The first entry of an empty tree. */
static pbase_status tree_plant(tree *self, const node_entry *entry, pbase_error *err)
{
    node_plan plan;
    node_plan_init(&plan, 0, self->positional);
    node_plan_add_entry(&plan, entry);
    uint32_t size = node_capacity(0, node_plan_size(&plan, 0, 1), true);
    atom_memory *memory = atom_memory_create(self->source, ATOM_NODE, size);
    if (memory == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a node of %" PRIu32 " bytes", size);
    }
    memory->size = size;
    node_plan_write(&plan, 0, 1, memory->payload, size);
    self->root = atom_ref_of_memory(memory);
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------ operations ---- */

/* The change that inserts `entry` at the leaf's index, or puts its value in place of what is there. */
static node_change leaf_change_of(const edit *self, const node_entry *entry, bool replace,
                                  atom_ref *out_removed)
{
    const edit_step *leaf = &self->steps[self->depth - 1];
    node_change change;
    memset(&change, 0, sizeof change);
    change.from = leaf->index;
    change.to = leaf->index + (replace ? 1u : 0u);
    change.has_item = true;
    change.item = *entry;
    if (replace) {
        node_entry old;
        node_entry_read(&leaf->node, leaf->index, &old);
        *out_removed = old.ref;
        change.item.lead = old.lead;
        change.item.tail = old.tail;
        change.item.spelling = old.spelling; /* the first one stays */
    }
    return change;
}

/* Ends an edit whose new entry holds one count of its reference. */
static pbase_status entry_done(tree *self, const node_entry *entry, atom_ref removed,
                               pbase_status status)
{
    tree_drop(self->source, status == PBASE_OK ? removed : entry->ref);
    return status;
}

/* A plain value of the same size goes over the one that is there, where nobody else can see it: nothing
 * above it changes. */
static bool overwrite(const edit *self, const node_entry *entry)
{
    const edit_step *leaf = &self->steps[self->depth - 1];
    pbase_bytes old;
    if (!leaf->owned || entry->kind != NODE_VALUE_INLINE ||
        !node_inline_value(&leaf->node, leaf->index, &old) || old.size != entry->bytes.size) {
        return false;
    }
    if (old.size != 0) {
        uint8_t *payload = atom_ref_memory(leaf->ref)->payload;
        memmove(payload + (old.data - leaf->node.payload), entry->bytes.data, old.size);
    }
    return true;
}

/* Puts an entry where the edit has found its place. */
static pbase_status put_found(edit *run, pbase_bytes key, node_entry *entry, bool *found,
                              atom_ref *out_removed, pbase_error *err)
{
    pbase_status status = edit_patch_choose(run, key, entry, found, err);
    if (status != PBASE_OK) {
        return status;
    }
    node_change change = run->patch.taken ? edit_patch_change(run, entry)
                                          : leaf_change_of(run, entry, *found, out_removed);
    return edit_run(run, &change, err);
}

/* A put by an edit that has begun, or goes on. */
static pbase_status put_by(edit *run, const encoded_key *key, const tree_value *value, bool *found,
                           pbase_error *err)
{
    tree *target = run->target;
    node_entry entry;
    atom_ref removed = ATOM_REF_NONE;
    memset(&entry, 0, sizeof entry);
    entry.tail = key->bytes;
    entry.spelling = key->spelling;
    pbase_status status = tree_key_check(key, err);
    if (status == PBASE_OK) {
        status = tree_entry_value(target->source, value, &entry, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (target->root == ATOM_REF_NONE) {
        status = tree_plant(target, &entry, err);
    } else {
        status = edit_find_key(run, key->bytes, found, err);
        if (status == PBASE_OK && !(*found && overwrite(run, &entry))) {
            status = put_found(run, key->bytes, &entry, found, &removed, err);
        }
    }
    return entry_done(target, &entry, removed, status);
}

pbase_status tree_put(tree *self, const encoded_key *key, const tree_value *value,
                      bool *out_replaced, pbase_error *err)
{
    tree_puts puts;
    bool found = false;
    tree_puts_begin(&puts, self);
    pbase_status status = put_by(&puts.run, key, value, &found, err);
    tree_puts_end(&puts);
    if (status == PBASE_OK && out_replaced != NULL) {
        *out_replaced = found;
    }
    return status;
}

void tree_puts_begin(tree_puts *self, tree *target)
{
    edit_begin(&self->run, target);
    self->run.patch.wanted = !target->positional;
}

pbase_status tree_puts_add(tree_puts *self, const encoded_key *key, const tree_value *value,
                           pbase_error *err)
{
    bool found = false;
    edit_go_on(&self->run, key->bytes);
    return put_by(&self->run, key, value, &found, err);
}

void tree_puts_end(tree_puts *self)
{
    edit_end(&self->run);
}

/* Removes the entry that the edit has found. */
static pbase_status edit_remove(edit *self, pbase_error *err)
{
    const edit_step *leaf = edit_leaf(self);
    node_entry old;
    node_change change;
    memset(&change, 0, sizeof change);
    node_entry_read(&leaf->node, leaf->index, &old);
    change.from = leaf->index;
    change.to = leaf->index + 1;
    atom_ref removed = old.ref;
    pbase_status status = edit_run(self, &change, err);
    if (status == PBASE_OK) {
        tree_drop(self->target->source, removed);
    }
    return status;
}

pbase_status tree_remove(tree *self, pbase_bytes key, bool *out_removed, pbase_error *err)
{
    edit run;
    bool found = false;
    pbase_status status = PBASE_OK;
    edit_begin(&run, self);
    if (self->root != ATOM_REF_NONE) {
        status = edit_find_key(&run, key, &found, err);
    }
    if (status == PBASE_OK && found) {
        status = edit_remove(&run, err);
    }
    edit_end(&run);
    if (status == PBASE_OK && out_removed != NULL) {
        *out_removed = found;
    }
    return status;
}

/* INVALID unless index < count, or index == count where `end` is allowed. */
static pbase_status index_check(const tree *self, uint64_t index, bool end, pbase_error *err)
{
    uint64_t count = 0;
    pbase_status status = tree_count(self, &count, err);
    if (status == PBASE_OK && (index > count || (index == count && !end))) {
        status = PBASE_FAIL(err, PBASE_INVALID, "index %" PRIu64 " of %" PRIu64 " entries", index,
                            count);
    }
    return status;
}

static pbase_status put_at(tree *self, uint64_t index, const tree_value *value, bool replace,
                           pbase_error *err)
{
    node_entry entry;
    edit run;
    atom_ref removed = ATOM_REF_NONE;
    memset(&entry, 0, sizeof entry);
    pbase_status status = index_check(self, index, !replace, err);
    if (status == PBASE_OK) {
        status = tree_entry_value(self->source, value, &entry, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    edit_begin(&run, self);
    if (self->root == ATOM_REF_NONE) {
        status = tree_plant(self, &entry, err);
    } else {
        status = edit_find_position(&run, index, err);
        if (status == PBASE_OK) {
            node_change change = leaf_change_of(&run, &entry, replace, &removed);
            status = edit_run(&run, &change, err);
        }
    }
    edit_end(&run);
    return entry_done(self, &entry, removed, status);
}

pbase_status tree_set_at(tree *self, uint64_t index, const tree_value *value, pbase_error *err)
{
    return put_at(self, index, value, true, err);
}

pbase_status tree_insert_at(tree *self, uint64_t index, const tree_value *value, pbase_error *err)
{
    return put_at(self, index, value, false, err);
}

pbase_status tree_remove_at(tree *self, uint64_t index, pbase_error *err)
{
    edit run;
    pbase_status status = index_check(self, index, false, err);
    if (status != PBASE_OK) {
        return status;
    }
    edit_begin(&run, self);
    status = edit_find_position(&run, index, err);
    if (status == PBASE_OK) {
        status = edit_remove(&run, err);
    }
    edit_end(&run);
    return status;
}

static pbase_status edit_above_last(edit *self, const encoded_key *key, pbase_error *err)
{
    const edit_step *leaf = edit_leaf(self);
    if (key != NULL && node_key_compare(&leaf->node, leaf->node.count - 1, key->bytes) >= 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "keys to be appended must ascend");
    }
    return PBASE_OK;
}

/* Adds an entry past the last one. */
static pbase_status append(tree *self, const encoded_key *key, const tree_value *value,
                           pbase_error *err)
{
    node_entry entry;
    edit run;
    atom_ref unused;
    memset(&entry, 0, sizeof entry);
    if (key != NULL) {
        entry.tail = key->bytes;
        entry.spelling = key->spelling;
    }
    pbase_status status = tree_entry_value(self->source, value, &entry, err);
    if (status != PBASE_OK) {
        return status;
    }
    edit_begin(&run, self);
    if (self->root == ATOM_REF_NONE) {
        status = tree_plant(self, &entry, err);
    } else {
        status = edit_find_end(&run, err);
        if (status == PBASE_OK) {
            status = edit_above_last(&run, key, err);
        }
        if (status == PBASE_OK) {
            node_change change = leaf_change_of(&run, &entry, false, &unused);
            status = edit_run(&run, &change, err);
        }
    }
    edit_end(&run);
    return entry_done(self, &entry, ATOM_REF_NONE, status);
}

pbase_status tree_append(tree *self, const tree_value *value, pbase_error *err)
{
    return append(self, NULL, value, err);
}

pbase_status tree_append_key(tree *self, const encoded_key *key, const tree_value *value,
                             pbase_error *err)
{
    pbase_status status = tree_key_check(key, err);
    return status == PBASE_OK ? append(self, key, value, err) : status;
}
