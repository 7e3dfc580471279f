/* edit.c - changing a tree.
 *
 * An edit goes down to its leaf, then up again level by level with a node_change. A node that nobody
 * else can see and that has the room is changed in place, and that ends the edit; any other node is
 * replaced by one or two new ones, which is a change of its parent. All memory is taken on the way
 * up, before anything is touched: a failure drops the new nodes and the tree is as it was. Then the
 * commit, which cannot fail: counts of the ancestors, references, the old nodes.
 *
 * New nodes borrow the references of the nodes they replace until the commit, which moves them when
 * the old node ends with the edit, and counts them once more when somebody else still has it. */
#include "collection/edit_private.h"
#include "collection/tree_private.h"

#include <inttypes.h>

/* ---------------------------------------------------------------------------- going down ----- */

void edit_begin(edit *self, tree *target)
{
    self->target = target;
    self->depth = self->stays = 0;
    self->rightmost = true;
    self->new_root = false;
    self->created_count = self->retired_count = 0;
    memset(self->has_sibling, 0, sizeof self->has_sibling);
    self->patch.wanted = self->patch.taken = self->patch.has_entry = false;
    self->patch.view.pin = NULL;
}

/* Lets go of the steps behind the first `depth`. */
static void steps_release(edit *self, uint32_t depth)
{
    for (; self->depth > depth; self->depth--) {
        atom_release(self->target->source, &self->steps[self->depth - 1].view);
    }
}

static void siblings_release(edit *self)
{
    for (uint32_t i = 0; i < self->depth; i++) {
        if (self->has_sibling[i]) {
            atom_release(self->target->source, &self->siblings[i].view);
            self->has_sibling[i] = false;
        }
    }
}

void edit_end(edit *self)
{
    siblings_release(self);
    steps_release(self, 0);
    atom_release(self->target->source, &self->patch.view);
}

/* True when a key that is not below the one it went to belongs below the last step as well. A child that is the
 * last one of its node says nothing of what comes behind it. */
static bool serves(const edit *self, pbase_bytes key)
{
    const edit_step *parent = &self->steps[self->depth - 2];
    uint32_t next = parent->index + 1;
    return next < parent->node.count && node_key_compare(&parent->node, next, key) > 0;
}

void edit_go_on(edit *self, pbase_bytes key)
{
    siblings_release(self);
    atom_release(self->target->source, &self->patch.view);
    self->patch.view.pin = NULL;
    self->patch.taken = self->patch.has_entry = false;
    self->created_count = self->retired_count = 0;
    self->new_root = false;
    steps_release(self, self->stays);
    while (self->depth > 1 && !serves(self, key)) {
        steps_release(self, self->depth - 1);
    }
    self->rightmost = true;
    for (uint32_t i = 0; i + 1 < self->depth; i++) {
        const edit_step *step = &self->steps[i];
        self->rightmost = self->rightmost && step->index + 1 == step->node.count;
    }
}

/* Goes into the child that the last step points at, or into the root. */
static pbase_status edit_enter(edit *self, pbase_error *err)
{
    edit_step *step = &self->steps[self->depth];
    const edit_step *parent = self->depth == 0 ? NULL : step - 1;
    step->ref = parent == NULL ? self->target->root
                               : pbase_get_u64(node_ref_at(&parent->node, parent->index));
    const node *above = parent == NULL ? NULL : &parent->node;
    uint32_t index = parent == NULL ? 0 : parent->index;
    atom_source *source = self->target->source;
    bool positional = self->target->positional;
    pbase_status status =
        self->patch.wanted && above != NULL /* a root is no patch that would grow */
            ? node_acquire_raw(source, step->ref, above, index, positional, &step->view,
                               &step->node, err)
            : node_acquire(source, step->ref, above, index, positional, &step->view, &step->node,
                           err);
    if (status == PBASE_OK) {
        step->owned = (parent == NULL || parent->owned) && atom_ref_editable(step->ref) &&
                      !edit_step_is_merged(step);
        self->depth++;
    }
    return status;
}

pbase_status edit_find_key(edit *self, pbase_bytes key, bool *out_found, pbase_error *err)
{
    pbase_status status = self->depth == 0 ? edit_enter(self, err) : PBASE_OK;
    while (status == PBASE_OK && edit_leaf(self)->node.level != 0) {
        edit_step *step = edit_leaf(self);
        step->index = node_search_child(&step->node, key);
        self->rightmost = self->rightmost && step->index + 1 == step->node.count;
        status = edit_enter(self, err);
    }
    if (status == PBASE_OK) {
        edit_step *leaf = edit_leaf(self);
        leaf->index = node_search(&leaf->node, key, out_found);
        self->stays = self->depth;
    }
    return status;
}

pbase_status edit_find_position(edit *self, uint64_t position, pbase_error *err)
{
    pbase_status status = edit_enter(self, err);
    while (status == PBASE_OK && edit_leaf(self)->node.level != 0) {
        edit_step *step = edit_leaf(self);
        step->index = node_search_position(&step->node, &position);
        self->rightmost = self->rightmost && step->index + 1 == step->node.count;
        status = edit_enter(self, err);
    }
    if (status == PBASE_OK) {
        edit_leaf(self)->index = (uint32_t)position; /* at most the leaf's count: tree_*_at */
    }
    return status;
}

pbase_status edit_find_end(edit *self, pbase_error *err)
{
    pbase_status status = edit_enter(self, err);
    while (status == PBASE_OK && edit_leaf(self)->node.level != 0) {
        edit_leaf(self)->index = edit_leaf(self)->node.count - 1;
        status = edit_enter(self, err);
    }
    if (status == PBASE_OK) {
        edit_leaf(self)->index = edit_leaf(self)->node.count;
    }
    return status;
}

/* ---------------------------------------------------------------------------- new nodes ------ */

pbase_status edit_create(edit *self, uint32_t type, uint32_t size, atom_memory **out,
                         pbase_error *err)
{
    PBASE_ASSERT(self->created_count < EDIT_NODES_MAX);
    atom_memory *memory = atom_memory_create(self->target->source, type, size);
    if (memory == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a node of %" PRIu32 " bytes", size);
    }
    memory->size = size;
    self->created[self->created_count++] = atom_ref_of_memory(memory);
    *out = memory;
    return PBASE_OK;
}

static pbase_status edit_write(edit *self, const node_plan *plan, uint32_t from, uint32_t to,
                               bool root, node_child *out, pbase_error *err)
{
    uint32_t size = node_capacity(plan->level, node_plan_size(plan, from, to), root);
    atom_memory *memory = NULL;
    pbase_status status = edit_create(self, ATOM_NODE, size, &memory, err);
    if (status == PBASE_OK) {
        node_plan_write(plan, from, to, memory->payload, size);
        *out = edit_child_of(memory);
    }
    return status;
}

/* Writes the plan as one node, or as two when it is too much for one. */
static pbase_status edit_write_plan(edit *self, const node_plan *plan, uint32_t border, bool root,
                                    edit_result *result, pbase_error *err)
{
    uint32_t size = node_plan_stored_size(plan, 0, plan->count);
    if (!node_overfull(plan->level, size, plan->count)) {
        result->count = 1;
        return edit_write(self, plan, 0, plan->count, root, &result->nodes[0], err);
    }
    uint32_t middle = node_plan_middle(plan, border);
    result->count = 2;
    pbase_status status = edit_write(self, plan, 0, middle, false, &result->nodes[0], err);
    if (status == PBASE_OK) {
        status = edit_write(self, plan, middle, plan->count, false, &result->nodes[1], err);
    }
    if (status == PBASE_OK && !plan->positional) {
        node_plan_separator(plan, middle, &result->separator);
    }
    return status;
}

void edit_retire(edit *self, atom_ref ref)
{
    PBASE_ASSERT(self->retired_count < EDIT_NODES_MAX);
    self->retired[self->retired_count++] = ref;
}

/* ------------------------------------------------------------------------ replacing a node ---- */

/* A copy of the node with room to spare, changed in place. */
static pbase_status edit_copy(edit *self, uint32_t at, const node_change *change, uint32_t size,
                              edit_result *result, pbase_error *err)
{
    edit_step *step = &self->steps[at];
    atom_memory *memory = NULL;
    pbase_status status = edit_create(self, ATOM_NODE, size, &memory, err);
    if (status != PBASE_OK) {
        return status;
    }
    node_copy(&step->node, memory->payload, size);
    node copy = node_of(memory->payload, size);
    (void)node_change_apply(&copy, memory->payload, change); /* the view is taken below */
    result->count = 1;
    result->nodes[0] = edit_child_of(memory);
    edit_retire(self, step->ref);
    return PBASE_OK;
}

/* An entry past the end of a full last node: the node stays as it is, and a new one begins. So
 * ascending keys leave full nodes behind. */
static bool edit_is_append(const edit *self, uint32_t at, const node_change *change)
{
    const node *full = &self->steps[at].node;
    return self->rightmost && change->has_item && !change->patch && change->from == full->count &&
           (at != 0 ||
            !edit_step_is_merged(&self->steps[at])); /* beside a patch that is the root */
}

static pbase_status edit_append_node(edit *self, uint32_t at, const node_plan *plan,
                                     edit_result *result, pbase_error *err)
{
    uint32_t last = plan->count - 1;
    result->count = 1;
    result->first = at == 0 ? 1 : self->steps[at - 1].index + 1;
    result->end = result->first;
    if (!plan->positional) {
        node_plan_separator(plan, last, &result->separator);
    }
    return edit_write(self, plan, last, plan->count, false, &result->nodes[0], err);
}

static pbase_status edit_split(edit *self, uint32_t at, const node_change *change,
                               edit_result *result, pbase_error *err)
{
    const node *full = &self->steps[at].node;
    node_plan plan;
    node_plan_init(&plan, full->level, node_positional(full));
    node_plan_changed(&plan, full, change);
    node_plan_look(&plan);
    if (at == 0 && full->level != 0 && plan.count == 1) { /* the root's only child is the root */
        node_entry only;
        node_plan_entry(&plan, 0, &only);
        result->count = 1;
        result->nodes[0] = only.child;
        edit_retire(self, self->steps[at].ref);
        return PBASE_OK;
    }
    if (edit_is_append(self, at, change) &&
        node_overfull(full->level, node_plan_stored_size(&plan, 0, plan.count), plan.count)) {
        return edit_append_node(self, at, &plan, result, err);
    }
    uint32_t border = 0;
    if (change->has_item && change->from == 0) {
        border = 1;
    } else if (change->has_item && change->to == full->count) {
        border = plan.count - 1;
    }
    edit_retire(self, self->steps[at].ref);
    return edit_write_plan(self, &plan, border, at == 0, result, err);
}

/* Adds `right` to the plan; its first child gets the key that its parent knew it by. */
static void plan_add_right(node_plan *plan, const node_plan *right, const node_entry *separator)
{
    if (right->level == 0 || right->positional) {
        node_plan_add_plan(plan, right, 0);
        return;
    }
    node_entry first;
    node_plan_entry(right, 0, &first);
    first.lead = separator->lead;
    first.tail = separator->tail;
    first.raw = pbase_bytes_of(NULL, 0);
    node_plan_add_entry(plan, &first);
    node_plan_add_plan(plan, right, 1);
}

/* Lends the neighbour of step `at`: the left one, of a first child the right one. */
static pbase_status edit_sibling(edit *self, uint32_t at, uint32_t *out_index, pbase_error *err)
{
    const edit_step *parent = &self->steps[at - 1];
    edit_step *sibling = &self->siblings[at];
    uint32_t index = parent->index == 0 ? 1 : parent->index - 1;
    sibling->ref = pbase_get_u64(node_ref_at(&parent->node, index));
    pbase_status status =
        node_acquire(self->target->source, sibling->ref, &parent->node, index,
                     self->target->positional, &sibling->view, &sibling->node, err);
    self->has_sibling[at] = status == PBASE_OK;
    *out_index = index;
    return status;
}

static pbase_status edit_merge(edit *self, uint32_t at, const node_change *change,
                               edit_result *result, pbase_error *err)
{
    const edit_step *parent = &self->steps[at - 1];
    const node *small = &self->steps[at].node;
    node_plan changed, neighbour, plan;
    node_entry separator;
    uint32_t index = 0;
    pbase_status status = edit_sibling(self, at, &index, err);
    if (status != PBASE_OK) {
        return status;
    }
    const node *sibling = &self->siblings[at].node;
    node_plan_init(&changed, small->level, node_positional(small));
    node_plan_init(&neighbour, small->level, node_positional(small));
    node_plan_init(&plan, small->level, node_positional(small));
    node_plan_changed(&changed, small, change);
    node_plan_add(&neighbour, sibling, 0, sibling->count);
    bool left = index < parent->index;
    uint32_t right_index = left ? parent->index : index;
    node_entry_read(&parent->node, right_index, &separator);
    node_plan_add_plan(&plan, left ? &neighbour : &changed, 0);
    uint32_t border = plan.count;
    plan_add_right(&plan, left ? &changed : &neighbour, &separator);
    edit_retire(self, self->steps[at].ref);
    edit_retire(self, self->siblings[at].ref);
    result->first = right_index - 1;
    result->end = right_index + 1;
    return edit_write_plan(self, &plan, border, false, result, err);
}

/* True when the change leaves so little that a neighbour should take it. */
static bool edit_wants_merge(const edit *self, uint32_t at, const node_change *change)
{
    const node *self_node = &self->steps[at].node;
    return change->from < change->to && at != 0 && self->steps[at - 1].node.count > 1 &&
           node_change_removes(self_node, change) > node_change_adds(self_node, change) &&
           node_underfull(self_node->level, node_change_stored_size(self_node, change));
}

static uint32_t copy_size(const node *from, bool root)
{
    uint32_t wanted = node_capacity(from->level, node_live_size(from), root);
    uint32_t least = node_live_size(from) + pbase_get_u32(from->payload + NODE_AT_DEAD);
    return wanted > least ? wanted : (least + 15u) & ~15u;
}

/* Changes a node where it lies, if nobody else can see it and it has the room. */
static bool changes_in_place(edit *self, uint32_t at, const node_change *change)
{
    edit_step *step = &self->steps[at];
    if (!step->owned || !node_change_fits(&step->node, change, step->node.size) ||
        edit_wants_merge(self, at, change)) {
        return false;
    }
    self->total_before = node_total(&step->node);
    step->node = node_change_apply(&step->node, atom_ref_memory(step->ref)->payload, change);
    return true;
}

/* Carries the change out in one node. `*out_done`: it was changed in place, nothing is left to do
 * above; else `result` says what its parent has to change. */
static pbase_status edit_level(edit *self, uint32_t at, const node_change *change,
                               edit_result *result, bool *out_done, pbase_error *err)
{
    edit_step *step = &self->steps[at];
    uint32_t count = node_change_count(&step->node, change);
    bool collapses = at == 0 && step->node.level != 0 && count == 1;
    *out_done = count != 0 && !collapses && changes_in_place(self, at, change);
    if (*out_done) {
        return PBASE_OK;
    }
    memset(result, 0, sizeof *result);
    result->first = at == 0 ? 0 : self->steps[at - 1].index;
    result->end = result->first + 1;
    if (count == 0) {
        edit_retire(self, step->ref);
        return PBASE_OK;
    }
    if (edit_wants_merge(self, at, change)) {
        return edit_merge(self, at, change, result, err);
    }
    if (collapses) {
        return edit_split(self, at, change, result, err);
    }
    uint32_t size = copy_size(&step->node, at == 0);
    if (!step->owned && node_change_fits(&step->node, change, size)) {
        return edit_copy(self, at, change, size, result, err);
    }
    return edit_split(self, at, change, result, err);
}

/* What the parent of a replaced node has to change. */
static node_change change_of_result(const edit_result *result)
{
    node_change change;
    memset(&change, 0, sizeof change);
    change.from = result->first;
    change.to = result->end;
    const node_child *added = NULL;
    if (result->first == result->end) {
        added = &result->nodes[0];
    } else if (result->count != 0) {
        change.patch = true;
        change.patch_at = result->first;
        change.patch_child = result->nodes[0];
        change.from = result->first + 1;
        added = result->count == 2 ? &result->nodes[1] : NULL;
    }
    if (added != NULL) {
        change.has_item = true;
        change.item = result->separator;
        change.item.child = *added;
    }
    return change;
}

/* ------------------------------------------------------------------------------- the root ----- */

static pbase_status edit_root_above(edit *self, const node_child *left, const edit_result *result,
                                    const node_child *right, pbase_error *err)
{
    uint8_t level = (uint8_t)(self->steps[0].node.level + 1);
    if (level > NODE_LEVEL_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a tree of %u levels; the limit is %u", level + 1u,
                          NODE_LEVEL_MAX + 1u);
    }
    node_plan plan;
    node_entry low, high = result->separator;
    node_child root;
    memset(&low, 0, sizeof low);
    low.child = *left;
    high.child = *right;
    node_plan_init(&plan, level, self->target->positional);
    node_plan_add_entry(&plan, &low);
    node_plan_add_entry(&plan, &high);
    pbase_status status = edit_write(self, &plan, 0, 2, true, &root, err);
    if (status == PBASE_OK) {
        self->root = root.ref;
    }
    return status;
}

/* The root was replaced: what is the root now? */
static pbase_status edit_root(edit *self, const edit_result *result, pbase_error *err)
{
    self->new_root = true;
    self->root = result->count == 0 ? ATOM_REF_NONE : result->nodes[0].ref;
    if (result->first == result->end) { /* the old root stays, beside a new node */
        node_child old = node_child_of(self->steps[0].ref, &self->steps[0].node);
        return edit_root_above(self, &old, result, &result->nodes[0], err);
    }
    if (result->count == 2) {
        return edit_root_above(self, &result->nodes[0], result, &result->nodes[1], err);
    }
    return PBASE_OK;
}

/* ----------------------------------------------------------------------------- the commit ----- */

/* A node that was replaced: we hold one count of it. If that is the only one its references move on
 * to the new nodes with the counts they have, else they are counted once more. */
static void node_retire(atom_source *source, atom_ref ref)
{
    if (!atom_ref_is_memory(ref)) {
        return; /* what is stored refers to what is stored */
    }
    atom_memory *memory = atom_ref_memory(ref);
    if (atomic_load_explicit(&memory->counts, memory_order_acquire) == 1) {
        atom_memory_destroy(source, memory);
        return;
    }
    node old = tree_node_memory(ref);
    tree_node_keep(&old);
    tree_drop(source, ref);
}

/* Tells the nodes above step `at`, which are all ours, what has become of it. */
static void ancestors_update(edit *self, uint32_t at)
{
    uint64_t before = self->total_before;
    for (uint32_t i = at; i-- > 0;) {
        edit_step *step = &self->steps[i];
        node_child child = node_child_of(step[1].ref, &step[1].node);
        uint8_t *payload = atom_ref_memory(step->ref)->payload;
        uint64_t total = node_total(&step->node);
        node_child_put(payload + (node_child_entry(&step->node, step->index) - payload), &child);
        pbase_put_u64(payload + NODE_AT_TOTAL, total - before + child.count);
        payload[NODE_AT_FLAGS] |= child.flags & NODE_OWNS;
        step->node.flags |= child.flags & NODE_OWNS;
        before = total;
    }
}

static void edit_commit(edit *self, uint32_t in_place)
{
    atom_source *source = self->target->source;
    if (self->new_root) {
        self->target->root = self->root;
    } else {
        ancestors_update(self, in_place);
    }
    for (uint32_t i = self->retired_count; i-- > 0;) { /* parents first */
        node_retire(source, self->retired[i]);
    }
}

static void edit_abandon(edit *self)
{
    for (uint32_t i = 0; i < self->created_count; i++) {
        atom_memory_destroy(self->target->source, atom_ref_memory(self->created[i]));
    }
}

/* An edit of what was made of a patch for the view leaves the whole leaf. */
static void count_folded(const edit *self)
{
    if (self->depth > 0 && edit_step_is_merged(&self->steps[self->depth - 1])) {
        atomic_fetch_add_explicit(&self->target->source->patches_folded, 1, memory_order_relaxed);
    }
}

pbase_status edit_run(edit *self, const node_change *leaf_change, pbase_error *err)
{
    const node_change *change = leaf_change; /* most edits end at the leaf: it is not copied */
    node_change above;
    pbase_status status = PBASE_OK;
    uint32_t at = self->depth;
    bool done = false;
    while (!done && at > 0 && status == PBASE_OK) {
        edit_result result;
        at--;
        bool is_patch = self->patch.taken && at + 1 == self->depth;
        status = is_patch ? edit_patch_level(self, change, &result, &done, err)
                          : edit_level(self, at, change, &result, &done, err);
        if (status != PBASE_OK || done) {
            continue;
        }
        if (at == 0) {
            status = edit_root(self, &result, err);
        } else {
            above = change_of_result(&result);
            change = &above;
        }
    }
    if (status == PBASE_OK) {
        count_folded(self);
        edit_commit(self, at);
        self->stays = self->new_root ? 0 : at + 1;
    } else {
        edit_abandon(self);
        self->stays = 0;
    }
    return status;
}
