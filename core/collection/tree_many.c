/* tree_many.c - many keys looked up at once.
 *
 * A look-up is a chain of dependent misses: a child's address is known only when its parent has come
 * from memory. Here all descents take each step together: what the next step will touch is asked for,
 * for every key, before anything waits for it (group prefetching: Chen, Ailamaki, Gibbons, Mowry,
 * "Improving Hash Join Performance through Prefetching", 2004; of descents in trees: Kocberber,
 * Falsafi, Grot, "Asynchronous Memory Access Chaining", 2015).
 *
 * A lane is one line of memory: where its next node lies and what the parent said of it. Nodes are
 * looked at where they lie; their parts stay in registers for one lane's step.
 *
 * Who probes wants to know that leaves can be read, and nothing of what is in them: they are not asked
 * for. */
#include "collection/patch.h"
#include "collection/tree_private.h"

/* One key on its way down. */
typedef struct {
    atom_place place; /* of its next node, which has been asked for */
    atom_ref ref;
    uint64_t count; /* entries that the parent says are below that node */
    uint32_t index; /* of its entry in the parent; later of the record in the leaf */
    uint32_t part;  /* where in that node its key probably is */
    bool has_head;  /* an entry of the leaf has the key's head */
    bool is_patch;  /* the parent says so of its next node, which is stored */
} lane;
_Static_assert(sizeof(lane) <= 64, "a line of memory");

typedef struct {
    const tree *tree;
    const pbase_bytes *keys;
    size_t count;
    uint8_t level;    /* of the nodes that lanes stood on last */
    bool probes;      /* leaves are not looked into */
    bool has_patches; /* a lane has chosen a stored one */
    lane lanes[TREE_MANY_MAX];
} many;

/* Asks for what a search in a patch touches, and what it says of its base. */
static void ask_patch(const node_child *child, const atom_place *where)
{
    atom_place_prefetch(where, child->size < NODE_LEAF_AHEAD ? child->size : NODE_LEAF_AHEAD);
    if (where->payload != NULL && child->size >= NODE_BASE_BYTES) {
        search_ask(where->payload + child->size - NODE_BASE_BYTES, 1);
    }
}

/* Finds the child of an inner node that serves the lane's key, and asks for what its search touches. */
NODE_INLINE void lane_choose(many *self, size_t i, const node *at)
{
    lane *way = &self->lanes[i];
    pbase_bytes key = self->keys[i];
    uint32_t index = node_search_child_near(at, key, way->part);
    node_child child = node_child_at(at, index);
    /* in a leaf the entry is asked for once it is known */
    uint32_t part = at->level > 1 ? node_child_part(at, index, key) : NODE_PART_UNKNOWN;
    atom_place place = atom_place_of(self->tree->source, child.ref);
    bool is_patch = (child.flags & NODE_PATCH) != 0 && atom_ref_is_stored(child.ref);
    if (is_patch) {
        ask_patch(&child, &place);
    } else if (at->level > 1 || !self->probes) {
        node_ask_child(at, &child, part, NODE_ENTRY_LINES, &place);
    } else {
        atom_place_prefetch(&place, 0);
    }
    way->place = place;
    way->ref = child.ref;
    way->count = child.count;
    way->index = index;
    way->part = part;
    way->is_patch = is_patch;
    self->has_patches |= is_patch;
}

/* Lends the node that a lane has chosen; of a leaf and its patch what has the lane's key. */
NODE_INLINE pbase_status lane_arrive(const many *self, size_t i, atom_view *view, node *out,
                                     pbase_error *err)
{
    const lane *way = &self->lanes[i];
    node_said said = {way->ref, way->count, way->index, self->level, NODE_PART_UNKNOWN};
    atom_place place = way->place;
    return node_acquire_said(self->tree->source, &said, &place, self->tree->positional,
                             self->keys[i], view, out, err);
}

/* Every lane chooses a child of the root, or there is nothing to choose: it is a leaf. */
static pbase_status begin(many *self, pbase_error *err)
{
    atom_view view;
    node root;
    pbase_status status = tree_root_lend(self->tree, &view, &root, err);
    if (status != PBASE_OK) {
        return status;
    }
    self->level = root.level;
    for (size_t i = 0; i < self->count && root.level != 0; i++) {
        self->lanes[i].part = NODE_PART_UNKNOWN;
        lane_choose(self, i, &root);
    }
    atom_release(self->tree->source, &view);
    return PBASE_OK;
}

/* Every lane goes one level down, which is no leaf: all leaves lie equally deep. Holds nothing. */
static pbase_status go_down(many *self, pbase_error *err)
{
    for (size_t i = 0; i < self->count; i++) {
        atom_view view;
        node at;
        pbase_status status = lane_arrive(self, i, &view, &at, err);
        if (status != PBASE_OK) {
            return status;
        }
        lane_choose(self, i, &at);
        atom_release(self->tree->source, &view);
    }
    self->level--;
    return PBASE_OK;
}

/* Every lane has chosen its leaf; a tree of one leaf leaves nothing to choose. */
static pbase_status choose_leaves(many *self, pbase_error *err)
{
    pbase_status status = begin(self, err);
    while (status == PBASE_OK && self->level > 1) {
        status = go_down(self, err);
    }
    return status;
}

/* Asks for the base of the patch that a lane has chosen, unless the patch has its key; of one that is probed for
 * what tells whether it may be read. Whether it is a patch is looked at when the lane arrives. */
static void ask_base(const many *self, size_t i)
{
    const lane *way = &self->lanes[i];
    uint32_t index;
    node patch;
    if (patch_at(&way->place, &patch) &&
        (self->probes || !node_find_head(&patch, self->keys[i], &index))) {
        atom_prefetch(self->tree->source, patch_base_of(&patch).ref,
                      self->probes ? 0 : NODE_LEAF_AHEAD);
    }
}

/* Of all lanes that have chosen one. */
static void ask_bases(const many *self)
{
    for (size_t i = 0; self->has_patches && i < self->count; i++) {
        if (self->lanes[i].is_patch) {
            ask_base(self, i);
        }
    }
}

/* Every lane goes to its leaf, which its item holds then: which entry it is tells where to look. A
 * failure holds nothing. */
static pbase_status reach_leaves(many *self, tree_item *out, pbase_error *err)
{
    for (size_t i = 0; i < self->count; i++) {
        lane *way = &self->lanes[i];
        atom_view view;
        node leaf;
        pbase_status status = lane_arrive(self, i, &view, &leaf, err);
        if (status != PBASE_OK) {
            while (i-- > 0) {
                atom_release(self->tree->source, &out[i].node);
            }
            return status;
        }
        uint32_t index = 0;
        way->has_head = node_find_head(&leaf, self->keys[i], &index);
        if (way->has_head) {
            search_ask(node_entry_at(&leaf, index), NODE_ENTRY_LINES);
        }
        way->index = index;
        out[i].node = view;
    }
    return PBASE_OK;
}

/* Lends the value of a lane's key, in the leaf that `out` holds, and goes on to hold. */
NODE_INLINE pbase_status take_one(const many *self, size_t i, tree_item *out, bool *out_found,
                                  pbase_error *err)
{
    node leaf = node_of(out->node.payload, out->node.size);
    pbase_bytes plain;
    if (node_find_entry(&leaf, self->keys[i], self->lanes[i].index, &plain) == NODE_FOUND) {
        tree_item_plain(out, plain);
        *out_found = true;
        return PBASE_OK;
    }
    node copy = leaf; /* search.h */
    uint32_t index = node_search(&copy, self->keys[i], out_found);
    pbase_status status = PBASE_OK;
    if (*out_found) {
        status = tree_item_lend(self->tree->source, &copy, index, out, err);
        *out_found = status == PBASE_OK;
    }
    return status;
}

/* Lends what is in the leaves that items hold. A failure holds nothing. */
static pbase_status take(const many *self, tree_item *out, bool *out_found, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count; i++) {
        out_found[i] = false;
        if (self->lanes[i].has_head && status == PBASE_OK) {
            status = take_one(self, i, &out[i], &out_found[i], err);
        }
        if (!out_found[i]) {
            atom_release(self->tree->source, &out[i].node);
        }
    }
    for (size_t i = 0; i < self->count && status != PBASE_OK; i++) {
        if (out_found[i]) {
            tree_item_release(self->tree->source, &out[i]);
            out_found[i] = false;
        }
    }
    return status;
}

/* A tree of one leaf: nothing to wait for together. */
static pbase_status get_each(const many *self, tree_item *out, bool *out_found, pbase_error *err)
{
    for (size_t i = 0; i < self->count; i++) {
        pbase_status status = tree_get(self->tree, self->keys[i], &out[i], &out_found[i], err);
        if (status != PBASE_OK) {
            while (i-- > 0) {
                if (out_found[i]) {
                    tree_item_release(self->tree->source, &out[i]);
                }
            }
            memset(out_found, 0, self->count * sizeof *out_found);
            return status;
        }
    }
    return PBASE_OK;
}

/* The lanes are not zeroed: each is filled by begin. */
static void many_init(many *run, const tree *self, const pbase_bytes *keys, size_t count,
                      bool probes)
{
    run->tree = self;
    run->keys = keys;
    run->count = count;
    run->probes = probes;
    run->has_patches = false;
}

pbase_status tree_get_many(const tree *self, const pbase_bytes *keys, size_t count, tree_item *out,
                           bool *out_found, pbase_error *err)
{
    PBASE_ASSERT(count <= TREE_MANY_MAX);
    many run;
    many_init(&run, self, keys, count, false);
    if (self->root == ATOM_REF_NONE || count == 0) {
        memset(out_found, 0, count * sizeof *out_found);
        return PBASE_OK;
    }
    pbase_status status = choose_leaves(&run, err);
    if (status == PBASE_OK && run.level == 0) {
        return get_each(&run, out, out_found, err);
    }
    if (status == PBASE_OK) {
        ask_bases(&run);
        status = reach_leaves(&run, out, err);
    }
    return status == PBASE_OK ? take(&run, out, out_found, err) : status;
}

/* The leaf that a patch is of: that the patch was lent before says nothing of it. */
static pbase_status probe_base(const many *self, const lane *way, const atom_view *lent,
                               pbase_error *err)
{
    node patch = node_of(lent->payload, lent->size), base;
    atom_place where = atom_place_of(self->tree->source, patch_base_of(&patch).ref);
    atom_view view;
    if (atom_place_readable(&where)) {
        return PBASE_OK;
    }
    pbase_status status =
        patch_base_acquire(self->tree->source, way->ref, &patch, &view, &base, err);
    if (status == PBASE_OK) {
        atom_release(self->tree->source, &view);
    }
    return status;
}

/* Lends a leaf and gives it back. One in memory is there, and so is one that was lent before. */
static pbase_status probe_leaf(const many *self, const lane *way, pbase_error *err)
{
    atom_view view;
    if (!way->is_patch && atom_place_readable(&way->place)) {
        return PBASE_OK;
    }
    pbase_status status = atom_acquire_at(self->tree->source, way->ref, &way->place, &view, err);
    if (status == PBASE_OK) {
        status = view.type == ATOM_PATCH ? probe_base(self, way, &view, err) : PBASE_OK;
        atom_release(self->tree->source, &view);
    }
    return status;
}

pbase_status tree_probe_many(const tree *self, const pbase_bytes *keys, size_t count,
                             pbase_error *err)
{
    PBASE_ASSERT(count <= TREE_MANY_MAX);
    many run;
    many_init(&run, self, keys, count, true);
    if (self->root == ATOM_REF_NONE || count == 0) {
        return PBASE_OK;
    }
    pbase_status status = choose_leaves(&run, err);
    if (status == PBASE_OK && run.level > 0) {
        ask_bases(&run);
    }
    for (size_t i = 0; status == PBASE_OK && run.level > 0 && i < count; i++) {
        status = probe_leaf(&run, &run.lanes[i], err);
    }
    return status;
}
