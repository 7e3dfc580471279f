/* fuzz_node.c - any bytes as a tree node: refused by the check, or searched, walked and edited
 * without harm. The first byte says whether the tree is positional (1), walked without its leaves (2),
 * and a patch (4); of an accepted node every reference leads to the node itself or nowhere, so levels
 * and counts are checked too.
 *
 * A patch is followed by its leaf, of which two bytes behind the head tell the size; it is read
 * as the root, and as the only child of a root made here (8), where edits leave it a patch. */
#include "collection/node_build.h"
#include "collection/patch.h"
#include "collection/tree.h"
#include "collection/tree_cursor.h"
#include <stdlib.h>

enum { IS_POSITIONAL = 1, IS_INNER_ONLY = 2, IS_PATCH = 4, HAS_PARENT = 8 };
enum { AT_NODE = 24, AT_BASE = 40, AT_PARENT = 56 };

typedef struct {
    atom_source source;
    pbase_bytes payload; /* of every atom but the next */
    pbase_bytes base;    /* of a patch; size 0: it is none */
    uint8_t parent[256];
    uint32_t parent_size;
} one_node_source;

static pbase_status one_acquire(atom_source *source, pbase_atom_pointer pointer, atom_view *out,
                                pbase_error *err)
{
    const one_node_source *self = (const one_node_source *)source;
    if (pointer % 16 == 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "nothing is stored there");
    }
    pbase_bytes payload = self->payload;
    out->type = pointer % 64 == 8 ? ATOM_VALUE : ATOM_NODE;
    if (self->base.size != 0 && pointer % 64 == AT_BASE) {
        payload = self->base;
    } else if (self->base.size != 0 && pointer % 64 == AT_PARENT) {
        payload = pbase_bytes_of(self->parent, self->parent_size);
    } else if (self->base.size != 0 && out->type == ATOM_NODE) {
        out->type = ATOM_PATCH;
    }
    out->payload = payload.data;
    out->size = (uint32_t)payload.size;
    out->pin = NULL;
    return PBASE_OK;
}

static void one_release(atom_source *source, void *pin)
{
    (void)source; /* nothing is pinned */
    (void)pin;
}

static pbase_status one_write(atom_source *source, const uint32_t *types,
                              const pbase_bytes *payloads, size_t count, pbase_atom_pointer *out,
                              pbase_error *err)
{
    (void)source; /* accepts everything that is a node */
    for (size_t i = 0; i < count; i++) {
        if (tree_atom_check(types[i], payloads[i], err) != PBASE_OK) {
            abort(); /* what we write must be readable */
        }
        out[i] = 8 * (i + 1);
    }
    return PBASE_OK;
}

static pbase_status walk_atom(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    (void)atom; /* only counted */
    uint32_t *seen = state;
    return ++*seen < 1000 ? PBASE_OK : PBASE_FAIL(err, PBASE_LIMIT, "enough");
}

static pbase_status walk_entry(void *state, const encoded_key *key, const tree_value *value,
                               pbase_error *err)
{
    (void)state; /* every byte is touched */
    (void)err;
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < key->bytes.size; i++) {
        sum = (uint8_t)(sum + key->bytes.data[i]);
    }
    for (size_t i = 0; i < value->bytes.size; i++) {
        sum = (uint8_t)(sum + value->bytes.data[i]);
    }
    return PBASE_OK;
}

/* Every outcome but a crash is fine. */
static bool went_well(pbase_status status)
{
    return status == PBASE_OK;
}

static void read_entries(const tree *t, pbase_bytes key)
{
    tree_item item;
    bool found = false;
    uint64_t rank = key.size;
    if (!t->positional) {
        if (went_well(tree_get(t, key, &item, &found, NULL)) && found) {
            tree_item_release(t->source, &item);
        }
        if (!went_well(tree_rank(t, key, &rank, &found, NULL))) {
            return;
        }
    }
    if (went_well(tree_at(t, rank, &item, &found, NULL)) && found) {
        tree_item_release(t->source, &item);
    }
}

static void move_cursor(const tree *t, pbase_bytes key)
{
    tree_cursor cursor;
    tree_cursor_init(&cursor, t, pbase_alloc_default());
    bool more = went_well(t->positional ? tree_cursor_seek_index(&cursor, key.size, NULL)
                                        : tree_cursor_seek(&cursor, key, false, NULL));
    for (uint32_t i = 0; more && i < 300; i++) {
        more = went_well(tree_cursor_next(&cursor, NULL));
    }
    more = went_well(t->positional ? tree_cursor_last(&cursor, NULL)
                                   : tree_cursor_seek_back(&cursor, key, true, NULL));
    for (uint32_t i = 0; more && i < 300; i++) {
        more = went_well(tree_cursor_prev(&cursor, NULL));
    }
    tree_cursor_fini(&cursor);
}

static void edit_tree(tree *t, pbase_bytes key_bytes)
{
    encoded_key key = {key_bytes, {NULL, 0}};
    tree_value value = tree_value_of(pbase_bytes_of(key_bytes.data, key_bytes.size % 600));
    atom_ref stored = ATOM_REF_NONE;
    uint64_t count = 0;
    bool well = t->positional ? went_well(tree_append(t, &value, NULL))
                              : went_well(tree_put(t, &key, &value, NULL, NULL));
    if (well && t->positional && went_well(tree_count(t, &count, NULL))) {
        well = went_well(tree_remove_at(t, count / 2, NULL));
    } else if (well) {
        well = went_well(tree_remove(t, key.bytes, NULL, NULL));
    }
    if (well && t->root != ATOM_REF_NONE) {
        (void)went_well(tree_settle(t->source, t->root, &stored, NULL));
    }
}

/* The root above a patch. */
static void make_parent(one_node_source *self)
{
    node patch = node_of(self->payload.data, (uint32_t)self->payload.size);
    node_entry entry;
    node_plan plan;
    memset(&entry, 0, sizeof entry);
    entry.child = node_child_of(atom_ref_of_pointer(AT_NODE), &patch);
    node_plan_init(&plan, 1, false);
    node_plan_add_entry(&plan, &entry);
    self->parent_size = node_plan_size(&plan, 0, 1);
    if (self->parent_size > sizeof self->parent) {
        abort();
    }
    node_plan_write(&plan, 0, 1, self->parent, self->parent_size);
}

static void use_tree(one_node_source *source, unsigned how, pbase_bytes key)
{
    bool has_parent = source->base.size != 0 && (how & HAS_PARENT) != 0;
    tree t = tree_of(&source->source, atom_ref_of_pointer(has_parent ? AT_PARENT : AT_NODE),
                     (how & IS_POSITIONAL) != 0);
    uint32_t seen = 0;
    tree_visitor visitor = {.state = &seen,
                            .atom = walk_atom,
                            .entry = walk_entry,
                            .inner_only = (how & IS_INNER_ONLY) != 0};
    if (has_parent) {
        make_parent(source);
    }
    if (went_well(tree_walk(&source->source, t.root, t.positional, &visitor, NULL)) || seen != 0) {
        read_entries(&t, key);
        move_cursor(&t, key);
    }
    edit_tree(&t, key);
    tree_fini(&t);
}

/* Has the payload end before the base of a patch, which goes into `room`. */
static bool take_base(one_node_source *self, size_t size, uint8_t *room)
{
    if (size < NODE_HEADER_BYTES || size > self->payload.size) {
        return false;
    }
    self->payload.size -= size;
    memcpy(room, self->payload.data + self->payload.size, size);
    self->base = pbase_bytes_of(room, size);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const atom_source_vtable vtable = {
        .acquire = one_acquire, .release = one_release, .write = one_write};
    if (size < 5 || size > (1u << 20)) {
        return 0;
    }
    bool is_patch = (data[0] & IS_PATCH) != 0;
    size_t key_size = (size_t)data[1] + 1, head = is_patch ? 4 : 2, rest = size - head;
    key_size = key_size < rest ? key_size : rest;
    pbase_bytes key = pbase_bytes_of(data + size - key_size, key_size);
    uint8_t *payload = aligned_alloc(16, (rest + 15) & ~(size_t)15);
    memcpy(payload, data + head, rest);
    size_t base_size = is_patch ? data[2] | (size_t)data[3] << 8 : 0;
    uint8_t *room = aligned_alloc(16, (base_size + 16) & ~(size_t)15);
    one_node_source source = {.payload = pbase_bytes_of(payload, rest)};
    source.source.vtable = &vtable;
    source.source.alloc = pbase_alloc_default();
    source.source.patch_leaves = 1;
    bool well = !is_patch || take_base(&source, base_size, room);
    well =
        well && went_well(tree_atom_check(is_patch ? ATOM_PATCH : ATOM_NODE, source.payload, NULL));
    if (well && (!is_patch || went_well(tree_atom_check(ATOM_NODE, source.base, NULL)))) {
        use_tree(&source, data[0], key);
    }
    free(room);
    free(payload);
    return 0;
}
