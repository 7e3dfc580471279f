/* tree_splice.c - cutting positional trees and joining them, in O(log n), with every node off the cut
 * shared.
 *
 * A piece is a tree of its own: a reference and its level. Two pieces are joined by going down the
 * seam of the higher one to the level of the lower, and merging there; a cut goes down to its leaf
 * and joins what it leaves on either side on the way up. Only nodes along the seam are written, none
 * is changed, so a failure drops what was made and leaves everything as it was. After a join no node
 * on the seam is underfull, so trees stay as low as those built entry by entry.
 * Source: join and split of balanced trees as in G. E. Blelloch, D. Ferizovic and Y. Sun, "Just Join
 * for Parallel Ordered Sets", 2016, carried over to B+trees by position. */
#include "collection/node_build.h"
#include "collection/tree_private.h"

#include <inttypes.h>

/* One count of `child.ref` is ours; ref NONE: empty. */
typedef struct {
    node_child child;
    uint8_t level;
} piece;

static piece piece_empty(void)
{
    piece none = {{ATOM_REF_NONE, 0, 0, 0}, 0};
    return none;
}

static piece piece_keep(const piece *from)
{
    (void)atom_ref_keep(from->child.ref); /* the same reference */
    return *from;
}

static void piece_drop(atom_source *source, piece *self)
{
    tree_drop(source, self->child.ref);
    *self = piece_empty();
}

/* A node that is lent; `piece` borrows its child. */
typedef struct {
    atom_view view;
    node node;
} lent_node;

static pbase_status lend(atom_source *source, const piece *from, lent_node *out, pbase_error *err)
{
    pbase_status status =
        node_acquire(source, from->child.ref, NULL, 0, true, &out->view, &out->node, err);
    if (status == PBASE_OK &&
        (out->node.level != from->level || node_total(&out->node) != from->child.count)) {
        atom_release(source, &out->view);
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a node is not what its parent says it is");
    }
    return status;
}

/* Child `index` of a lent node, borrowed. */
static piece piece_of_child(const lent_node *parent, uint32_t index)
{
    piece child = {node_child_at(&parent->node, index), (uint8_t)(parent->node.level - 1)};
    return child;
}

/* ------------------------------------------------------------------------------- writing ------ */

static pbase_status write_node(atom_source *source, const node_plan *plan, uint32_t from,
                               uint32_t to, piece *out, pbase_error *err)
{
    uint32_t size = (node_plan_size(plan, from, to) + 15u) & ~15u;
    atom_memory *memory = atom_memory_create(source, ATOM_NODE, size);
    if (memory == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a node of %" PRIu32 " bytes", size);
    }
    memory->size = size;
    node_plan_write(plan, from, to, memory->payload, size);
    node made = node_of(memory->payload, size);
    tree_node_keep(&made);
    out->child = node_child_of(atom_ref_of_memory(memory), &made);
    out->level = plan->level;
    return PBASE_OK;
}

/* One piece, or two neighbours of one level. */
typedef struct {
    uint32_t count;
    piece pieces[2];
} joint;

static void joint_drop(atom_source *source, joint *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        piece_drop(source, &self->pieces[i]);
    }
    self->count = 0;
}

/* Writes the plan as one node, or as two when it is too much for one. */
static pbase_status write_plan(atom_source *source, const node_plan *plan, joint *out,
                               pbase_error *err)
{
    uint32_t size = node_plan_stored_size(plan, 0, plan->count);
    bool whole = !node_overfull(plan->level, size, plan->count);
    uint32_t end = whole ? plan->count : node_plan_middle(plan, 0);
    pbase_status status = write_node(source, plan, 0, end, &out->pieces[0], err);
    out->count = status == PBASE_OK ? 1 : 0;
    if (status == PBASE_OK && !whole) {
        status = write_node(source, plan, end, plan->count, &out->pieces[1], err);
        out->count = status == PBASE_OK ? 2 : 1;
    }
    if (status != PBASE_OK) {
        joint_drop(source, out);
    }
    return status;
}

static void plan_add_piece(node_plan *plan, const piece *child)
{
    node_entry entry;
    memset(&entry, 0, sizeof entry);
    entry.child = child->child;
    node_plan_add_entry(plan, &entry);
}

static void plan_add_joint(node_plan *plan, const joint *children)
{
    for (uint32_t i = 0; i < children->count; i++) {
        plan_add_piece(plan, &children->pieces[i]);
    }
}

/* ------------------------------------------------------------------------------- joining ------ */

static bool is_underfull(const lent_node *at)
{
    return node_underfull(at->node.level, node_stored_size(&at->node));
}

/* Two nodes of one level: one, when that is enough for both; else as they are, unless one is so
 * small that entries have to move. */
static pbase_status join_level(atom_source *source, const piece *left, const piece *right,
                               const lent_node *low, const lent_node *high, joint *out,
                               pbase_error *err)
{
    node_plan plan;
    node_plan_init(&plan, left->level, true);
    node_plan_add(&plan, &low->node, 0, low->node.count);
    node_plan_add(&plan, &high->node, 0, high->node.count);
    bool fits = !node_overfull(plan.level, node_plan_stored_size(&plan, 0, plan.count), plan.count);
    if (fits || is_underfull(low) || is_underfull(high)) {
        return write_plan(source, &plan, out, err);
    }
    out->pieces[0] = piece_keep(left);
    out->pieces[1] = piece_keep(right);
    out->count = 2;
    return PBASE_OK;
}

static pbase_status join_at(atom_source *source, const piece *left, const piece *right, joint *out,
                            pbase_error *err);

/* The lower piece goes into the last child of the higher one, or into the first. */
static pbase_status join_below(atom_source *source, const lent_node *high, const piece *low,
                               bool at_end, joint *out, pbase_error *err)
{
    uint32_t count = high->node.count;
    piece child = piece_of_child(high, at_end ? count - 1 : 0);
    joint below = {.count = 0};
    node_plan plan;
    pbase_status status = at_end ? join_at(source, &child, low, &below, err)
                                 : join_at(source, low, &child, &below, err);
    if (status != PBASE_OK) {
        return status;
    }
    node_plan_init(&plan, high->node.level, true);
    if (at_end) {
        node_plan_add(&plan, &high->node, 0, count - 1);
    }
    plan_add_joint(&plan, &below);
    if (!at_end) {
        node_plan_add(&plan, &high->node, 1, count);
    }
    status = write_plan(source, &plan, out, err);
    joint_drop(source, &below);
    return status;
}

/* Joins two pieces, neither of them empty, to one or two of the level of the higher one. */
static pbase_status join_at(atom_source *source, const piece *left, const piece *right, joint *out,
                            pbase_error *err)
{
    lent_node low, high;
    if (left->level != right->level) {
        bool at_end = left->level > right->level;
        pbase_status status = lend(source, at_end ? left : right, &high, err);
        if (status == PBASE_OK) {
            status = join_below(source, &high, at_end ? right : left, at_end, out, err);
            atom_release(source, &high.view);
        }
        return status;
    }
    pbase_status status = lend(source, left, &low, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = lend(source, right, &high, err);
    if (status == PBASE_OK) {
        status = join_level(source, left, right, &low, &high, out, err);
        atom_release(source, &high.view);
    }
    atom_release(source, &low.view);
    return status;
}

/* A node above two pieces. */
static pbase_status join_above(atom_source *source, joint *children, piece *out, pbase_error *err)
{
    uint8_t level = (uint8_t)(children->pieces[0].level + 1);
    node_plan plan;
    if (level > NODE_LEVEL_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a tree of %u levels; the limit is %u", level + 1u,
                          NODE_LEVEL_MAX + 1u);
    }
    node_plan_init(&plan, level, true);
    plan_add_joint(&plan, children);
    return write_node(source, &plan, 0, plan.count, out, err);
}

/* The two as one piece of our own; either may be empty. */
static pbase_status join(atom_source *source, const piece *left, const piece *right, piece *out,
                         pbase_error *err)
{
    joint both = {.count = 0};
    if (left->child.ref == ATOM_REF_NONE || right->child.ref == ATOM_REF_NONE) {
        *out = piece_keep(left->child.ref == ATOM_REF_NONE ? right : left);
        return PBASE_OK;
    }
    pbase_status status = join_at(source, left, right, &both, err);
    if (status == PBASE_OK && both.count == 1) {
        *out = both.pieces[0];
        return PBASE_OK;
    }
    if (status == PBASE_OK) {
        status = join_above(source, &both, out, err);
    }
    joint_drop(source, &both);
    return status;
}

/* ------------------------------------------------------------------------------- cutting ------ */

/* The entries from..to-1 of a node as a piece: none, a child itself, or a node of them. */
static pbase_status part_of(atom_source *source, const lent_node *from, uint32_t first,
                            uint32_t end, piece *out, pbase_error *err)
{
    node_plan plan;
    if (first == end) {
        *out = piece_empty();
        return PBASE_OK;
    }
    if (end - first == 1 && from->node.level != 0) {
        piece child = piece_of_child(from, first);
        *out = piece_keep(&child);
        return PBASE_OK;
    }
    node_plan_init(&plan, from->node.level, true);
    node_plan_add(&plan, &from->node, first, end);
    return write_node(source, &plan, 0, plan.count, out, err);
}

static pbase_status split_at(atom_source *source, const piece *from, uint64_t index, piece *left,
                             piece *right, pbase_error *err);

/* The children on one side of a cut, and what the cut left of the child it went through. */
static pbase_status side_of(atom_source *source, const lent_node *at, uint32_t first, uint32_t end,
                            const piece *rest, bool rest_is_last, piece *out, pbase_error *err)
{
    piece children = piece_empty();
    pbase_status status = part_of(source, at, first, end, &children, err);
    if (status == PBASE_OK) {
        status = rest_is_last ? join(source, &children, rest, out, err)
                              : join(source, rest, &children, out, err);
    }
    piece_drop(source, &children);
    return status;
}

static pbase_status split_inner(atom_source *source, const lent_node *at, uint64_t index,
                                piece *left, piece *right, pbase_error *err)
{
    uint32_t through = node_search_position(&at->node, &index);
    piece child = piece_of_child(at, through);
    piece low = piece_empty(), high = piece_empty();
    pbase_status status = split_at(source, &child, index, &low, &high, err);
    if (status == PBASE_OK) {
        status = side_of(source, at, 0, through, &low, true, left, err);
    }
    if (status == PBASE_OK) {
        status = side_of(source, at, through + 1, at->node.count, &high, false, right, err);
        if (status != PBASE_OK) {
            piece_drop(source, left);
        }
    }
    piece_drop(source, &low);
    piece_drop(source, &high);
    return status;
}

static pbase_status split_leaf(atom_source *source, const lent_node *leaf, uint32_t index,
                               piece *left, piece *right, pbase_error *err)
{
    pbase_status status = part_of(source, leaf, 0, index, left, err);
    if (status == PBASE_OK) {
        status = part_of(source, leaf, index, leaf->node.count, right, err);
        if (status != PBASE_OK) {
            piece_drop(source, left);
        }
    }
    return status;
}

/* Both sides of a cut before entry `index`, at most the count, as pieces of our own. On failure
 * there are none. */
static pbase_status split_at(atom_source *source, const piece *from, uint64_t index, piece *left,
                             piece *right, pbase_error *err)
{
    if (index == 0 || index == from->child.count) {
        *left = index == 0 ? piece_empty() : piece_keep(from);
        *right = index == 0 ? piece_keep(from) : piece_empty();
        return PBASE_OK;
    }
    lent_node at;
    pbase_status status = lend(source, from, &at, err);
    if (status == PBASE_OK) {
        status = at.node.level == 0 ? split_leaf(source, &at, (uint32_t)index, left, right, err)
                                    : split_inner(source, &at, index, left, right, err);
        atom_release(source, &at.view);
    }
    return status;
}

/* --------------------------------------------------------------------------------- trees ------ */

/* A tree as a piece, borrowed. */
static pbase_status piece_of_tree(const tree *self, piece *out, pbase_error *err)
{
    atom_view view;
    node root;
    PBASE_ASSERT(self->positional);
    *out = piece_empty();
    if (self->root == ATOM_REF_NONE) {
        return PBASE_OK;
    }
    pbase_status status = node_acquire(self->source, self->root, NULL, 0, true, &view, &root, err);
    if (status == PBASE_OK) {
        out->child = node_child_of(self->root, &root);
        out->level = root.level;
        atom_release(self->source, &view);
    }
    return status;
}

static pbase_status out_of_range(uint64_t index, uint64_t count, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_INVALID, "index %" PRIu64 " of %" PRIu64 " entries", index, count);
}

pbase_status tree_join(tree *self, const tree *behind, pbase_error *err)
{
    piece left, right, both;
    pbase_status status = piece_of_tree(self, &left, err);
    if (status == PBASE_OK) {
        status = piece_of_tree(behind, &right, err);
    }
    if (status == PBASE_OK) {
        status = join(self->source, &left, &right, &both, err);
    }
    if (status == PBASE_OK) {
        tree_drop(self->source, self->root);
        self->root = both.child.ref;
    }
    return status;
}

pbase_status tree_split(const tree *self, uint64_t index, tree *out_left, tree *out_right,
                        pbase_error *err)
{
    piece whole, left, right;
    pbase_status status = piece_of_tree(self, &whole, err);
    if (status == PBASE_OK && index > whole.child.count) {
        status = out_of_range(index, whole.child.count, err);
    }
    if (status == PBASE_OK) {
        status = split_at(self->source, &whole, index, &left, &right, err);
    }
    if (status == PBASE_OK) {
        *out_left = tree_of(self->source, left.child.ref, true);
        *out_right = tree_of(self->source, right.child.ref, true);
    }
    return status;
}

pbase_status tree_remove_range(tree *self, uint64_t index, uint64_t count, pbase_error *err)
{
    atom_source *source = self->source;
    piece whole, before = piece_empty(), after = piece_empty(), middle = piece_empty();
    piece rest = piece_empty(), joined;
    pbase_status status = piece_of_tree(self, &whole, err);
    if (status == PBASE_OK && (index > whole.child.count || count > whole.child.count - index)) {
        status = out_of_range(index, whole.child.count, err);
    }
    if (status == PBASE_OK) {
        status = split_at(source, &whole, index, &before, &rest, err);
    }
    if (status == PBASE_OK) {
        status = split_at(source, &rest, count, &middle, &after, err);
    }
    if (status == PBASE_OK) {
        status = join(source, &before, &after, &joined, err);
    }
    piece_drop(source, &before);
    piece_drop(source, &rest);
    piece_drop(source, &middle);
    piece_drop(source, &after);
    if (status == PBASE_OK) {
        tree_drop(source, self->root);
        self->root = joined.child.ref;
    }
    return status;
}
