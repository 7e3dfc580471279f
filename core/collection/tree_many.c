/* tree_many.c - many keys looked up at once.
 *
 * A look-up is a chain of dependent misses: a child's address is known only when its parent has come
 * from memory. Here all descents take each step together: what the next step will touch is asked for,
 * for every key, before anything waits for it (group prefetching: Chen, Ailamaki, Gibbons, Mowry,
 * "Improving Hash Join Performance through Prefetching", 2004; of descents in trees: Kocberber,
 * Falsafi, Grot, "Asynchronous Memory Access Chaining", 2015). */
#include "collection/tree_private.h"

typedef struct {
    const tree *tree;
    const pbase_bytes *keys;
    size_t count;
    tree_descent ways[TREE_MANY_MAX];
    uint32_t parts[TREE_MANY_MAX]; /* of each lane's node where its key probably is */
} many;

static const node *held(const many *self, size_t lane)
{
    return &self->ways[lane].nodes[self->ways[lane].turn];
}

static void release_lane(many *self, size_t lane)
{
    atom_release(self->tree->source, &self->ways[lane].views[self->ways[lane].turn]);
}

/* The root for one lane; what was lent to the first one without a pin serves the others, too. */
static pbase_status lend_root(many *self, size_t lane, pbase_error *err)
{
    const tree_descent *first = &self->ways[0];
    tree_descent *way = &self->ways[lane];
    if (lane > 0 && first->views[0].pin == NULL) {
        way->views[0] = first->views[0];
        way->nodes[0] = first->nodes[0];
        return PBASE_OK;
    }
    return tree_root_lend(self->tree, &way->views[0], &way->nodes[0], err);
}

/* Every lane stands on the root. A failure holds nothing. */
static pbase_status begin(many *self, pbase_error *err)
{
    for (size_t i = 0; i < self->count; i++) {
        self->ways[i].turn = 0;
        self->parts[i] = NODE_PART_UNKNOWN;
        pbase_status status = lend_root(self, i, err);
        if (status != PBASE_OK) {
            while (i-- > 0) {
                release_lane(self, i);
            }
            return status;
        }
    }
    return PBASE_OK;
}

/* Every lane goes one level down: all leaves lie equally deep. A failure holds nothing. */
static pbase_status go_down(many *self, pbase_error *err)
{
    uint32_t children[TREE_MANY_MAX];
    atom_place places[TREE_MANY_MAX];
    bool guesses = held(self, 0)->level > 1; /* in a leaf the entry is asked for once it is known */
    for (size_t i = 0; i < self->count; i++) {
        const node *at = held(self, i);
        children[i] = node_search_child_near(at, self->keys[i], self->parts[i]);
        self->parts[i] =
            guesses ? node_child_part(at, children[i], self->keys[i]) : NODE_PART_UNKNOWN;
        node_child child = node_child_at(at, children[i]);
        places[i] = atom_place_of(self->tree->source, child.ref);
        node_ask_child(at, &child, self->parts[i], &places[i]);
    }
    for (size_t i = 0; i < self->count; i++) {
        pbase_status status =
            tree_descent_down_at(&self->ways[i], self->tree, children[i], &places[i], err);
        if (status != PBASE_OK) { /* this lane holds nothing */
            for (size_t other = 0; other < self->count; other++) {
                if (other != i) {
                    release_lane(self, other);
                }
            }
            return status;
        }
    }
    return PBASE_OK;
}

/* Lends the value of one key, whose head is that of entry `index`. On failure and when it is not there
 * the lane still holds its leaf. */
static pbase_status take_one(many *self, size_t lane, uint32_t index, tree_item *out,
                             bool *out_found, pbase_error *err)
{
    const node *leaf = held(self, lane);
    pbase_bytes plain;
    pbase_status status = PBASE_OK;
    out->node = self->ways[lane].views[self->ways[lane].turn];
    if (node_find_entry(leaf, self->keys[lane], index, &plain) == NODE_FOUND) {
        tree_item_plain(out, plain);
        *out_found = true;
        return PBASE_OK;
    }
    index = node_search(leaf, self->keys[lane], out_found);
    if (*out_found) {
        status = tree_item_lend(self->tree->source, leaf, index, out, err);
        *out_found = status == PBASE_OK;
    }
    return status;
}

/* Lends what was found in the leaves. A failure holds nothing. */
static pbase_status take(many *self, tree_item *out, bool *out_found, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    uint32_t entries[TREE_MANY_MAX];
    bool heads[TREE_MANY_MAX];
    for (size_t i = 0; i < self->count; i++) { /* which entry it is tells where to look */
        const node *leaf = held(self, i);
        heads[i] = node_find_head(leaf, self->keys[i], &entries[i]);
        if (heads[i]) {
            search_ask(node_entry_at(leaf, entries[i]), NODE_ENTRY_LINES);
        }
    }
    for (size_t i = 0; i < self->count; i++) {
        out_found[i] = false;
        if (heads[i] && status == PBASE_OK) {
            status = take_one(self, i, entries[i], &out[i], &out_found[i], err);
        }
        if (!out_found[i]) {
            release_lane(self, i);
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

pbase_status tree_get_many(const tree *self, const pbase_bytes *keys, size_t count, tree_item *out,
                           bool *out_found, pbase_error *err)
{
    PBASE_ASSERT(count <= TREE_MANY_MAX);
    many run; /* not zeroed: each lane is filled by begin */
    run.tree = self;
    run.keys = keys;
    run.count = count;
    if (self->root == ATOM_REF_NONE || count == 0) {
        memset(out_found, 0, count * sizeof *out_found);
        return PBASE_OK;
    }
    pbase_status status = begin(&run, err);
    while (status == PBASE_OK && held(&run, 0)->level != 0) {
        status = go_down(&run, err);
    }
    return status == PBASE_OK ? take(&run, out, out_found, err) : status;
}
