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
    bool guesses = held(self, 0)->level > 1; /* in a leaf the entry is asked for once it is known */
    for (size_t i = 0; i < self->count; i++) {
        const node *at = held(self, i);
        children[i] = node_search_child_near(at, self->keys[i], self->parts[i]);
        self->parts[i] =
            guesses ? node_child_part(at, children[i], self->keys[i]) : NODE_PART_UNKNOWN;
        node_prefetch_child(self->tree->source, at, children[i], self->parts[i]);
    }
    for (size_t i = 0; i < self->count; i++) {
        pbase_status status = tree_descent_down(&self->ways[i], self->tree, children[i], err);
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

/* Lends what was found in the leaves. A failure holds nothing. */
static pbase_status take(many *self, tree_item *out, bool *out_found, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    node_near near[TREE_MANY_MAX];
    for (size_t i = 0; i < self->count; i++) {
        node_search_heads(held(self, i), self->keys[i], &near[i]);
    }
    for (size_t i = 0; i < self->count; i++) {
        const node *leaf = held(self, i);
        out_found[i] = false;
        uint32_t index = status == PBASE_OK
                             ? node_search_tails(leaf, self->keys[i], &near[i], &out_found[i])
                             : 0;
        if (out_found[i]) {
            out[i].node = self->ways[i].views[self->ways[i].turn];
            status = tree_item_lend(self->tree->source, leaf, index, &out[i], err);
            out_found[i] = status == PBASE_OK;
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
