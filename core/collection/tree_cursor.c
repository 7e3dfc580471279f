/* tree_cursor.c - going through a tree. A move that leaves its leaf builds the new part of the path
 * aside and takes it over once all of it is there. */
#include "collection/tree_cursor.h"
#include "collection/patch.h"
#include "collection/tree_private.h"

#define STEPS_BYTES ((NODE_LEVEL_MAX + 1u) * sizeof(tree_cursor_step))

void tree_cursor_init(tree_cursor *self, const tree *from, const pbase_alloc *alloc)
{
    self->tree = tree_keep(from);
    self->depth = 0;
    self->steps = self->few;
    self->large.pin = NULL;
    self->spare = NULL;
    pbase_buffer_init(&self->key, alloc);
}

/* The memory of a leaf that was made of a patch is kept for the next one: the larger of two. */
static void step_release(tree_cursor *self, tree_cursor_step *step)
{
    uintptr_t pin = (uintptr_t)step->view.pin;
    if ((pin & ATOM_PIN_MEMORY) != 0) {
        atom_memory *made = (atom_memory *)(pin & ~ATOM_PIN_MEMORY), *spare = self->spare;
        if (spare == NULL || spare->capacity < made->capacity) {
            self->spare = made;
            step->view.pin = spare == NULL ? NULL : (void *)((uintptr_t)spare | ATOM_PIN_MEMORY);
        }
    }
    atom_release(self->tree.source, &step->view);
}

static void steps_release(tree_cursor *self, tree_cursor_step *steps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        step_release(self, &steps[i]);
    }
}

static void cursor_reset(tree_cursor *self)
{
    atom_release(self->tree.source, &self->large);
    steps_release(self, self->steps, self->depth);
    self->depth = 0;
}

void tree_cursor_fini(tree_cursor *self)
{
    cursor_reset(self);
    if (self->spare != NULL) {
        atom_memory_destroy(self->tree.source, self->spare);
    }
    if (self->steps != self->few) {
        pbase_alloc_free(self->key.alloc, self->steps, STEPS_BYTES);
    }
    pbase_buffer_fini(&self->key);
    tree_fini(&self->tree);
}

static tree_cursor_step *cursor_leaf(tree_cursor *self)
{
    return &self->steps[self->depth - 1];
}

/* Lends the leaf that the patch is of which `parent` points at. */
static pbase_status step_enter_patch(tree_cursor *self, const tree_cursor_step *parent,
                                     tree_cursor_step *out, pbase_error *err)
{
    atom_source *source = self->tree.source;
    atom_ref ref = node_child_at(&parent->node, parent->index).ref;
    pbase_status status = node_acquire_raw(source, ref, &parent->node, parent->index, false,
                                           &out->view, &out->node, err);
    if (status == PBASE_OK && node_is_patch(&out->node)) {
        status = patch_merge_into(source, ref, &out->view, &out->node, &self->spare, err);
        if (status != PBASE_OK) {
            atom_release(source, &out->view);
        }
    }
    return status;
}

static bool points_at_patch(const tree_cursor_step *parent)
{
    return parent->node.level == 1 &&
           (node_child_at(&parent->node, parent->index).flags & NODE_PATCH) != 0;
}

/* Lends the child that `parent` points at, or the root. */
static pbase_status step_enter(tree_cursor *self, const tree_cursor_step *parent,
                               tree_cursor_step *out, pbase_error *err)
{
    out->index = 0;
    if (parent != NULL && points_at_patch(parent)) {
        return step_enter_patch(self, parent, out, err);
    }
    atom_ref ref =
        parent == NULL ? self->tree.root : pbase_get_u64(node_ref_at(&parent->node, parent->index));
    return node_acquire_asked(self->tree.source, ref, parent == NULL ? NULL : &parent->node,
                              parent == NULL ? 0 : parent->index, self->tree.positional, &out->view,
                              &out->node, err);
}

/* Room for a step at each level of the tree whose root is the first one; once, for what it keeps. */
static pbase_status cursor_make_room(tree_cursor *self, pbase_error *err)
{
    if (self->steps != self->few || self->few[0].node.level < TREE_CURSOR_FEW) {
        return PBASE_OK;
    }
    tree_cursor_step *steps = pbase_alloc_new(self->key.alloc, STEPS_BYTES);
    if (steps == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a cursor over %u levels",
                          self->few[0].node.level + 1u);
    }
    steps[0] = self->few[0];
    self->steps = steps;
    return PBASE_OK;
}

/* Resets, and goes to the root. END: the tree is empty. */
static pbase_status cursor_begin(tree_cursor *self, pbase_error *err)
{
    cursor_reset(self);
    if (self->tree.root == ATOM_REF_NONE) {
        return PBASE_END;
    }
    pbase_status status = step_enter(self, NULL, &self->steps[0], err);
    self->depth = status == PBASE_OK ? 1 : 0;
    if (status == PBASE_OK) {
        status = cursor_make_room(self, err);
    }
    if (status != PBASE_OK) {
        cursor_reset(self);
    }
    return status;
}

/* Goes into the child that the last step points at; a failure stands nowhere. */
static pbase_status cursor_down(tree_cursor *self, pbase_error *err)
{
    pbase_status status =
        step_enter(self, &self->steps[self->depth - 1], &self->steps[self->depth], err);
    if (status == PBASE_OK) {
        self->depth++;
    } else {
        cursor_reset(self);
    }
    return status;
}

/* ------------------------------------------------------------------------------- moving ------- */

/* The neighbour of a step's entry. */
static bool step_has(const tree_cursor_step *step, bool forward)
{
    return forward ? step->index + 1 < step->node.count : step->index > 0;
}

static void step_move(tree_cursor_step *step, bool forward)
{
    step->index = forward ? step->index + 1 : step->index - 1;
}

/* Leaves the leaf for the nearest entry of the next one. An error changes nothing. */
static pbase_status cursor_leap(tree_cursor *self, bool forward, pbase_error *err)
{
    tree_cursor_step fresh[NODE_LEVEL_MAX + 1u];
    uint32_t turn = self->depth - 1; /* steps from here on are replaced */
    while (turn > 0 && !step_has(&self->steps[turn - 1], forward)) {
        turn--;
    }
    if (turn == 0) {
        cursor_reset(self);
        return PBASE_END;
    }
    tree_cursor_step *parent = &self->steps[turn - 1];
    step_move(parent, forward);
    pbase_status status = PBASE_OK;
    uint32_t got = 0;
    for (uint32_t i = turn; i < self->depth && status == PBASE_OK; i++) {
        tree_cursor_step *step = &fresh[i - turn];
        status = step_enter(self, parent, step, err);
        if (status == PBASE_OK) {
            step->index = forward ? 0 : step->node.count - 1;
            parent = step;
            got++;
        }
    }
    if (status != PBASE_OK) {
        steps_release(self, fresh, got);
        step_move(&self->steps[turn - 1], !forward);
        return status;
    }
    steps_release(self, &self->steps[turn], got);
    memcpy(&self->steps[turn], fresh, got * sizeof fresh[0]);
    return PBASE_OK;
}

static pbase_status cursor_move(tree_cursor *self, bool forward, pbase_error *err)
{
    if (self->depth == 0) {
        return PBASE_END;
    }
    atom_release(self->tree.source, &self->large);
    tree_cursor_step *leaf = cursor_leaf(self);
    if (step_has(leaf, forward)) {
        step_move(leaf, forward);
        return PBASE_OK;
    }
    return cursor_leap(self, forward, err);
}

/* ------------------------------------------------------------------------ steps in a leaf ----- */

/* Entries of the leaf from the one it stands on that lie before the end, itself left out. */
static uint32_t ahead_of_end(const tree_cursor_step *leaf, bool forward, pbase_bytes end,
                             bool exclusive)
{
    bool found = false;
    uint32_t at = node_search(&leaf->node, end, &found); /* the first at or above it */
    uint32_t above = at + (found && forward != exclusive ? 1u : 0u);
    if (forward) { /* those below `above` */
        return above > leaf->index + 1 ? above - leaf->index - 1 : 0;
    }
    return leaf->index > above ? leaf->index - above : 0; /* those from `above` on */
}

/* For the end of `bytes` from `low` on that is met first, as far as steps do not reach it. */
static void ask_for_some(const uint8_t *low, uint32_t bytes, bool forward)
{
    uint32_t some = bytes < TREE_CURSOR_AHEAD_BYTES ? bytes : TREE_CURSOR_AHEAD_BYTES;
    const uint8_t *from = forward ? low : low + bytes - some;
    for (uint32_t line = 0; line < some; line += 64) {
        __builtin_prefetch(from + line);
    }
}

/* For the base of the next leaf, which has a patch: both are merged at once. */
static void ask_for_base(const tree_cursor *self, const atom_place *where)
{
    node patch;
    if (patch_at(where, &patch)) {
        patch_base base = patch_base_of(&patch);
        atom_prefetch(self->tree.source, base.ref,
                      base.size < NODE_LEAF_BYTES ? base.size : NODE_LEAF_BYTES);
    }
}

/* For the leaf that is `steps` away, if it has the same parent. In one in memory entries lie anyhow. */
static void ask_for_leaf(const tree_cursor *self, uint32_t steps, bool forward)
{
    const tree_cursor_step *parent = &self->steps[self->depth - 2];
    uint32_t left = forward ? parent->node.count - 1 - parent->index : parent->index;
    if (left < steps) {
        return;
    }
    node_child leaf =
        node_child_at(&parent->node, forward ? parent->index + steps : parent->index - steps);
    bool is_stored = atom_ref_is_stored(leaf.ref), is_patch = (leaf.flags & NODE_PATCH) != 0;
    atom_place where = atom_place_of(self->tree.source, leaf.ref);
    if (is_patch && is_stored && steps == 1) { /* it was asked for one leaf ago */
        ask_for_base(self, &where);
    } else if (is_patch && is_stored) {
        node_ask_patch(&leaf, &where);
    } else if (steps == 1) {
        atom_place_prefetch(&where, is_stored ? NODE_LEAF_AHEAD : NODE_LEAF_BYTES);
        if (is_stored && where.payload != NULL) {
            ask_for_some(where.payload, leaf.size, forward);
        }
    }
}

/* For the neighbour of the leaf, and for the patch of the one behind it: by then that tells where the base is. */
static void ask_for_next(const tree_cursor *self, bool forward)
{
    if (self->depth > 1) {
        ask_for_leaf(self, 1, forward);
        ask_for_leaf(self, 2, forward);
    }
}

/* For what lies ahead in the leaf, unless it was asked for as the neighbour of the one before. */
static void ask_for_rest(const tree_cursor_step *leaf, bool forward)
{
    bool is_new = leaf->index == (forward ? 0 : leaf->node.count - 1);
    if (!is_new) {
        const uint8_t *here = node_entry_at(&leaf->node, leaf->index);
        uint32_t at = (uint32_t)(here - leaf->node.payload);
        ask_for_some(forward ? here : leaf->node.payload, forward ? leaf->node.size - at : at,
                     forward);
    }
}

uint32_t tree_cursor_ahead(const tree_cursor *self, bool forward, pbase_bytes end, bool exclusive)
{
    const tree_cursor_step *leaf = &self->steps[self->depth - 1];
    uint32_t left = forward ? leaf->node.count - 1 - leaf->index : leaf->index;
    ask_for_rest(leaf, forward);
    if (end.size > 0 && left > 0) {
        int order = node_key_compare(&leaf->node, forward ? leaf->node.count - 1 : 0, end);
        order = forward ? order : -order;
        if (order > 0 || (order == 0 && exclusive)) {
            return ahead_of_end(leaf, forward, end, exclusive);
        }
    }
    ask_for_next(self, forward);
    return left;
}

pbase_status tree_cursor_next(tree_cursor *self, pbase_error *err)
{
    return cursor_move(self, true, err);
}

pbase_status tree_cursor_prev(tree_cursor *self, pbase_error *err)
{
    return cursor_move(self, false, err);
}

/* A move as part of a seek: an error stands nowhere. */
static pbase_status cursor_settle(tree_cursor *self, bool forward, pbase_error *err)
{
    pbase_status status = cursor_leap(self, forward, err);
    if (status != PBASE_OK) {
        cursor_reset(self);
    }
    return status;
}

/* ------------------------------------------------------------------------------ seeking ------- */

static pbase_status cursor_edge(tree_cursor *self, bool last, pbase_error *err)
{
    pbase_status status = cursor_begin(self, err);
    while (status == PBASE_OK) {
        tree_cursor_step *step = cursor_leaf(self);
        step->index = last ? step->node.count - 1 : 0;
        if (step->node.level == 0) {
            break;
        }
        status = cursor_down(self, err);
    }
    return status;
}

pbase_status tree_cursor_first(tree_cursor *self, pbase_error *err)
{
    return cursor_edge(self, false, err);
}

pbase_status tree_cursor_last(tree_cursor *self, pbase_error *err)
{
    return cursor_edge(self, true, err);
}

/* For the patch of the neighbour of the leaf that a step points at: that leaf is not there yet, and once it is, the
 * patch tells where the neighbour's base is. */
static void ask_for_patch(const tree_cursor *self, const tree_cursor_step *parent, bool forward)
{
    if (step_has(parent, forward)) {
        node_child next =
            node_child_at(&parent->node, forward ? parent->index + 1 : parent->index - 1);
        if ((next.flags & NODE_PATCH) != 0 && atom_ref_is_stored(next.ref)) {
            atom_place where = atom_place_of(self->tree.source, next.ref);
            node_ask_patch(&next, &where);
        }
    }
}

/* Goes to where `key` is or would be in its leaf, to go `forward` from there. */
static pbase_status cursor_find(tree_cursor *self, pbase_bytes key, bool forward, bool *out_found,
                                pbase_error *err)
{
    uint32_t part = NODE_PART_UNKNOWN;
    pbase_status status = cursor_begin(self, err);
    while (status == PBASE_OK) {
        tree_cursor_step *step = cursor_leaf(self);
        if (step->node.level == 0) {
            step->index = node_search(&step->node, key, out_found);
            break;
        }
        step->index = node_search_child_near(&step->node, key, part);
        part = node_child_part(&step->node, step->index, key);
        node_child child = node_child_at(&step->node, step->index);
        atom_place place = atom_place_of(self->tree.source, child.ref);
        node_ask_child(&step->node, &child, part, NODE_GUESS_LINES, &place);
        if (step->node.level == 1) {
            ask_for_patch(self, step, forward);
        }
        status = cursor_down(self, err);
    }
    return status;
}

pbase_status tree_cursor_seek(tree_cursor *self, pbase_bytes key, bool exclusive, pbase_error *err)
{
    bool found = false;
    pbase_status status = cursor_find(self, key, true, &found, err);
    if (status != PBASE_OK) {
        return status;
    }
    tree_cursor_step *leaf = cursor_leaf(self);
    leaf->index += found && exclusive ? 1u : 0u;
    return leaf->index < leaf->node.count ? PBASE_OK : cursor_settle(self, true, err);
}

pbase_status tree_cursor_seek_back(tree_cursor *self, pbase_bytes key, bool exclusive,
                                   pbase_error *err)
{
    bool found = false;
    pbase_status status = cursor_find(self, key, false, &found, err);
    if (status != PBASE_OK || (found && !exclusive)) {
        return status;
    }
    tree_cursor_step *leaf = cursor_leaf(self);
    if (leaf->index > 0) {
        leaf->index--;
        return PBASE_OK;
    }
    return cursor_settle(self, false, err);
}

pbase_status tree_cursor_seek_index(tree_cursor *self, uint64_t index, pbase_error *err)
{
    pbase_status status = cursor_begin(self, err);
    while (status == PBASE_OK) {
        tree_cursor_step *step = cursor_leaf(self);
        if (step->node.level == 0) {
            step->index = index < step->node.count ? (uint32_t)index : step->node.count;
            break;
        }
        step->index = node_search_position(&step->node, &index);
        status = cursor_down(self, err);
    }
    if (status == PBASE_OK && cursor_leaf(self)->index == cursor_leaf(self)->node.count) {
        cursor_reset(self);
        status = PBASE_END;
    }
    return status;
}

/* ------------------------------------------------------------------------------- lending ------ */

pbase_status tree_cursor_key(tree_cursor *self, encoded_key *out, pbase_error *err)
{
    const tree_cursor_step *leaf = cursor_leaf(self);
    node_entry entry;
    node_entry_read(&leaf->node, leaf->index, &entry);
    out->spelling = entry.spelling;
    if (entry.lead.size == 0) {
        out->bytes = entry.tail;
        return PBASE_OK;
    }
    self->key.size = 0;
    pbase_status status = node_key_append(&leaf->node, leaf->index, &self->key, err);
    out->bytes = pbase_buffer_view(&self->key);
    return status;
}

int tree_cursor_compare(const tree_cursor *self, pbase_bytes key)
{
    const tree_cursor_step *leaf = &self->steps[self->depth - 1];
    return node_key_compare(&leaf->node, leaf->index, key);
}

pbase_status tree_cursor_value(tree_cursor *self, tree_value *out, pbase_error *err)
{
    const tree_cursor_step *leaf = cursor_leaf(self);
    node_entry entry;
    node_entry_read(&leaf->node, leaf->index, &entry);
    atom_release(self->tree.source, &self->large);
    return tree_value_lend(self->tree.source, &entry, &self->large, out, err);
}
