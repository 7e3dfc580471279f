/* edit_patch.c - puts that go into a patch of their leaf instead of a copy of it.
 *
 * A stored leaf gets a patch where few of its kind change between two checkpoints: in trees of at least
 * patch_leaves leaves. A patch that would take more than a part of its base becomes a whole leaf again, and
 * so does one that an edit wants to do something else with. */
#include "collection/edit_private.h"

#include <inttypes.h>

/* -------------------------------------------------------------------------------- choosing ---- */

/* Whether a stored leaf may get a patch: about as many leaves as there are, each as full as this one. */
static bool may_begin(const edit *self, const edit_step *leaf)
{
    uint64_t least = self->target->source->patch_leaves;
    return least != 0 && atom_ref_is_stored(leaf->ref) && leaf->node.level == 0 &&
           (leaf->node.flags & (NODE_OWNS | NODE_POSITIONAL)) == 0 &&
           node_total(&self->steps[0].node) / leaf->node.count >= least;
}

/* The entry takes the key of the one it replaces, whose spelling stays. */
static void take_key(node_entry *entry, const node *from, uint32_t index)
{
    node_entry old;
    node_entry_read(from, index, &old);
    entry->lead = old.lead;
    entry->tail = old.tail;
    entry->spelling = old.spelling;
}

/* The first change of a leaf. */
static void choose_first(edit *self, node_entry *entry, bool found)
{
    edit_step *leaf = edit_leaf(self);
    if (found) {
        take_key(entry, &leaf->node, leaf->index);
    }
    self->patch.base = (patch_base){leaf->ref, leaf->node.size, leaf->node.count};
    self->patch.total = leaf->node.count + (found ? 0u : 1u);
}

/* A further one. */
static pbase_status choose_next(edit *self, pbase_bytes key, node_entry *entry, bool *found,
                                pbase_error *err)
{
    edit_step *leaf = edit_leaf(self);
    node base;
    self->patch.base = patch_base_of(&leaf->node);
    self->patch.has_entry = *found;
    if (*found) {
        take_key(entry, &leaf->node, leaf->index);
    } else {
        pbase_status status = patch_base_acquire(self->target->source, leaf->ref, &leaf->node,
                                                 &self->patch.view, &base, err);
        if (status != PBASE_OK) {
            return status;
        }
        uint32_t index = node_search(&base, key, found);
        if (*found) {
            take_key(entry, &base, index);
        }
    }
    self->patch.total = node_total(&leaf->node) + (*found ? 0u : 1u);
    return PBASE_OK;
}

static node_plan plan_of(const edit *self, const node_change *change)
{
    const node *leaf = &self->steps[self->depth - 1].node;
    node_plan plan;
    node_plan_init(&plan, 0, false);
    if (node_is_patch(leaf)) {
        node_plan_changed(&plan, leaf, change);
    } else {
        node_plan_add_entry(&plan, &change->item);
    }
    return plan;
}

/* Whether the patch stays small enough; exact where it has to be written anew. */
static bool is_small(const edit *self, const node_entry *entry)
{
    uint32_t most = self->patch.base.size / PATCH_PART;
    const edit_step *leaf = &self->steps[self->depth - 1];
    node_change change = edit_patch_change(self, entry);
    if (node_is_patch(&leaf->node) && node_change_has_room(&leaf->node, &change, leaf->node.size)) {
        return node_change_stored_size(&leaf->node, &change) <= most;
    }
    node_plan plan = plan_of(self, &change);
    return node_plan_stored_size(&plan, 0, plan.count) + NODE_BASE_BYTES <= most;
}

/* A leaf that became one with a patch may be larger than a full one. What is new in it does not go into a patch
 * again, so that it is split: else it would grow for ever. */
static bool has_room_for(const edit *self, bool found)
{
    return found || !node_overfull(0, self->patch.base.size, self->patch.base.count);
}

/* The step at a patch becomes one at the whole leaf. */
static pbase_status expand(edit *self, pbase_bytes key, bool *found, pbase_error *err)
{
    edit_step *leaf = edit_leaf(self);
    pbase_status status =
        patch_merge(self->target->source, leaf->ref, &leaf->view, &leaf->node, err);
    if (status == PBASE_OK) {
        leaf->owned = false;
        leaf->index = node_search(&leaf->node, key, found);
    }
    return status;
}

pbase_status edit_patch_choose(edit *self, pbase_bytes key, node_entry *entry, bool *found,
                               pbase_error *err)
{
    edit_step *leaf = edit_leaf(self);
    bool is_patch = node_is_patch(&leaf->node);
    const node_entry given = *entry;
    pbase_status status = PBASE_OK;
    if (!is_patch &&
        (self->depth < 2 || entry->kind != NODE_VALUE_INLINE || !may_begin(self, leaf))) {
        return PBASE_OK;
    }
    self->patch.taken = true;
    if (is_patch) {
        status = choose_next(self, key, entry, found, err);
    } else {
        choose_first(self, entry, *found);
    }
    if (status == PBASE_OK && (entry->kind != NODE_VALUE_INLINE || !has_room_for(self, *found) ||
                               !is_small(self, entry))) {
        self->patch.taken = self->patch.has_entry = false;
        *entry = given;
        status = is_patch ? expand(self, key, found, err) : PBASE_OK;
    }
    return status;
}

node_change edit_patch_change(const edit *self, const node_entry *entry)
{
    const edit_step *leaf = &self->steps[self->depth - 1];
    node_change change;
    memset(&change, 0, sizeof change);
    change.from = node_is_patch(&leaf->node) ? leaf->index : 0;
    change.to = change.from + (self->patch.has_entry ? 1u : 0u);
    change.has_item = true;
    change.item = *entry;
    return change;
}

/* -------------------------------------------------------------------------------- changing ---- */

/* A new patch with room for about as much again. */
static pbase_status patch_write(edit *self, const node_change *change, edit_result *result,
                                pbase_error *err)
{
    node_plan plan = plan_of(self, change);
    uint32_t size = node_plan_size(&plan, 0, plan.count) + NODE_BASE_BYTES;
    uint32_t room = node_is_patch(&edit_leaf(self)->node) ? size : size / 4;
    atom_memory *memory = NULL;
    size = (size + room + 15u) & ~15u;
    pbase_status status = edit_create(self, ATOM_PATCH, size, &memory, err);
    if (status != PBASE_OK) {
        return status;
    }
    node_plan_write(&plan, 0, plan.count, memory->payload, size - NODE_BASE_BYTES);
    memory->payload[NODE_AT_FLAGS] |= NODE_PATCH;
    pbase_put_u64(memory->payload + NODE_AT_TOTAL, self->patch.total);
    patch_base_put(memory->payload, size, &self->patch.base);
    result->count = 1;
    result->nodes[0] = edit_child_of(memory);
    edit_retire(self, edit_leaf(self)->ref);
    return PBASE_OK;
}

pbase_status edit_patch_level(edit *self, const node_change *change, edit_result *result,
                              bool *out_done, pbase_error *err)
{
    edit_step *leaf = edit_leaf(self);
    memset(result, 0, sizeof *result);
    result->first = self->steps[self->depth - 2].index;
    result->end = result->first + 1;
    *out_done = leaf->owned && node_change_has_room(&leaf->node, change, leaf->node.size);
    if (!*out_done) {
        return patch_write(self, change, result, err);
    }
    uint8_t *payload = atom_ref_memory(leaf->ref)->payload;
    self->total_before = node_total(&leaf->node);
    leaf->node = node_change_apply(&leaf->node, payload, change);
    pbase_put_u64(payload + NODE_AT_TOTAL, self->patch.total);
    return PBASE_OK;
}
