/* fuzz_node.c - any bytes as a tree node: refused by the check, or searched, walked and edited
 * without harm. The first byte says whether the tree is positional; of an accepted node every
 * reference leads to the node itself or nowhere, so levels and counts are checked too. */
#include "collection/tree.h"
#include "collection/tree_cursor.h"
#include <stdlib.h>

typedef struct {
    atom_source source;
    pbase_bytes payload; /* of every atom */
} one_node_source;

static pbase_status one_acquire(atom_source *source, pbase_atom_pointer pointer, atom_view *out,
                                pbase_error *err)
{
    const one_node_source *self = (const one_node_source *)source;
    if (pointer % 16 == 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "nothing is stored there");
    }
    out->payload = self->payload.data;
    out->size = (uint32_t)self->payload.size;
    out->type = pointer % 64 == 8 ? ATOM_VALUE : ATOM_NODE;
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
        if (types[i] == ATOM_NODE && tree_node_check(payloads[i], err) != PBASE_OK) {
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
        well = went_well(tree_settle(t->source, t->root, &stored, NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const atom_source_vtable vtable = {
        .acquire = one_acquire, .release = one_release, .write = one_write};
    if (size < 3 || size > (1u << 20)) {
        return 0;
    }
    size_t key_size = (size_t)data[1] + 1;
    size_t rest = size - 2;
    key_size = key_size < rest ? key_size : rest;
    pbase_bytes key = pbase_bytes_of(data + size - key_size, key_size);
    uint8_t *payload = aligned_alloc(16, (rest + 15) & ~(size_t)15);
    memcpy(payload, data + 2, rest);
    one_node_source source = {.payload = pbase_bytes_of(payload, rest)};
    source.source.vtable = &vtable;
    source.source.alloc = pbase_alloc_default();
    if (went_well(tree_node_check(source.payload, NULL))) {
        tree t = tree_of(&source.source, atom_ref_of_pointer(24), (data[0] & 1) != 0);
        uint32_t seen = 0;
        tree_visitor visitor = {.state = &seen,
                                .atom = walk_atom,
                                .entry = walk_entry,
                                .inner_only = (data[0] & 2) != 0};
        if (went_well(tree_walk(&source.source, t.root, t.positional, &visitor, NULL)) ||
            seen != 0) {
            read_entries(&t, key);
            move_cursor(&t, key);
        }
        edit_tree(&t, key);
        tree_fini(&t);
    }
    free(payload);
    return 0;
}
