/* test_node_check.c - no payload, however damaged, gets past the check and then breaks a search; and
 * what one node cannot show, a walk does. */
#include "collection/node_build.h"
#include "seed.h"
#include "tree_fixture.h"
#include <protobase/collection.h>

#define SHAPE_LIST 3u
#define SHAPE_EVEN 4u /* leaves whose entries are all alike */
#define SHAPE_EVEN_LIST 5u
#define SHAPES 6u

static bool is_list(uint32_t shape)
{
    return shape == SHAPE_LIST || shape == SHAPE_EVEN_LIST;
}

/* A store with one settled tree of some shape; yields its root. */
static atom_ref settled_tree(heap_source *store, uint32_t shape)
{
    static const uint8_t large[700] = {3};
    tree t = tree_of(&store->source, ATOM_REF_NONE, is_list(shape));
    for (uint32_t i = 0; i < (shape == 0 ? 20u : 400u); i++) {
        numbered name = numbered_key(i * 37 % 400);
        encoded_key key = key_of(&name);
        bool even = shape >= SHAPE_EVEN;
        key.spelling = i % 5 == 0 && !even ? pbase_bytes_of("\1", 1) : key.spelling;
        bool is_large = i % 6 == 0 && shape != 1 && !even;
        tree_value value = tree_value_of(is_large ? pbase_bytes_of(large, sizeof large)
                                                  : pbase_bytes_text("value"));
        if (i % 9 == 0 && shape == 2) {
            value = (tree_value){TREE_VALUE_TREE, PBASE_COLLECTION_SET, ATOM_REF_NONE,
                                 pbase_bytes_text("x")};
        }
        pbase_status status =
            t.positional ? tree_append(&t, &value, NULL) : tree_put(&t, &key, &value, NULL, NULL);
        assert_int_equal(status, PBASE_OK);
    }
    atom_ref stored;
    assert_int_equal(tree_settle(&store->source, t.root, &stored, NULL), PBASE_OK);
    tree_fini(&t);
    return stored;
}

/* Done, or an error that tells of the damage. */
static void assert_told(pbase_status status)
{
    assert_true(status == PBASE_OK || status == PBASE_CORRUPT);
}

/* Asks a tree with a damaged node everything; only errors may come of it. */
static void use_tree(heap_source *store, atom_ref root, bool positional)
{
    tree t = tree_of(&store->source, root, positional);
    tree_cursor cursor;
    walk_sums sums;
    memset(&sums, 0, sizeof sums);
    tree_visitor visitor = {.state = &sums, .atom = walk_sums_atom, .entry = walk_sums_entry};
    assert_told(tree_walk(&store->source, root, positional, &visitor, NULL));
    for (uint32_t i = 0; i < 400; i += 23) {
        numbered name = numbered_key(i);
        tree_item item;
        bool found = false;
        pbase_status status = positional ? tree_at(&t, i, &item, &found, NULL)
                                         : tree_get(&t, key_of(&name).bytes, &item, &found, NULL);
        if (status == PBASE_OK && found) {
            tree_item_release(&store->source, &item);
        }
    }
    tree_cursor_init(&cursor, &t, pbase_alloc_default());
    uint32_t steps = 0;
    for (pbase_status s = tree_cursor_first(&cursor, NULL); s == PBASE_OK && steps < 2000;
         steps++) {
        encoded_key key;
        tree_value value;
        if (tree_cursor_key(&cursor, &key, NULL) != PBASE_OK ||
            tree_cursor_value(&cursor, &value, NULL) != PBASE_OK) {
            break;
        }
        s = tree_cursor_next(&cursor, NULL);
    }
    tree_cursor_fini(&cursor);
    numbered name = numbered_key(123);
    bool removed;
    if (positional) {
        assert_told(tree_remove_at(&t, 5, NULL));
    } else {
        assert_told(tree_remove(&t, key_of(&name).bytes, &removed, NULL));
        assert_told(put_number(&t, 124, pbase_bytes_text("new"), NULL));
    }
    tree_fini(&t);
}

static void a_damaged_node_is_refused_or_harmless(void **state)
{
    (void)state; /* no fixture */
    seed_random random;
    seed_random_init(&random, seed_for("node check"));
    uint32_t refused = 0, accepted = 0;
    for (uint32_t shape = 0; shape < SHAPES; shape++) {
        heap_source store;
        heap_source_init(&store, pbase_alloc_default());
        atom_ref root = settled_tree(&store, shape);
        uint32_t rounds = seed_is_long_run() ? 200000 : 10000;
        for (uint32_t i = 0; i < rounds; i++) {
            size_t victim = seed_below(&random, store.count);
            if (store.types[victim] != ATOM_NODE) {
                continue;
            }
            size_t at = seed_below(&random, store.sizes[victim]);
            at = seed_below(&random, 2) == 0 ? at % 64 : at; /* headers break best */
            uint8_t old = store.atoms[victim][at];
            store.atoms[victim][at] = seed_below(&random, 2) == 0
                                          ? (uint8_t)seed_next(&random)
                                          : (uint8_t)(old ^ 1u << seed_below(&random, 8));
            pbase_bytes payload = pbase_bytes_of(store.atoms[victim], store.sizes[victim]);
            if (tree_node_check(payload, NULL) == PBASE_OK) {
                accepted++;
                use_tree(&store, root, is_list(shape));
            } else {
                refused++;
            }
            store.atoms[victim][at] = old;
        }
        heap_source_fini(&store);
    }
    assert_true(refused > 1000);
    assert_true(accepted > 1000); /* bytes of values and keys may be anything */
}

static void a_cut_node_is_refused(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    (void)settled_tree(&store, 0); /* it is the last atom stored */
    size_t last = store.count - 1;
    for (uint32_t size = 0; size < store.sizes[last]; size++) {
        pbase_status status = tree_node_check(pbase_bytes_of(store.atoms[last], size), NULL);
        assert_int_equal(status, PBASE_CORRUPT);
    }
    heap_source_fini(&store);
}

/* The last atom stored of a settled tree, which the test may change. */
static pbase_bytes last_atom(const heap_source *store)
{
    return pbase_bytes_of(store->atoms[store->count - 1], store->sizes[store->count - 1]);
}

static void what_an_even_leaf_claims_has_to_be_possible(void **state)
{
    (void)state; /* no fixture */
    static const struct {
        uint8_t at, value;
    } claims[] = {
        {NODE_AT_FORMAT, NODE_FORMAT_PLAIN},                     /* which has none */
        {NODE_AT_LEVEL, 1},                                      /* no leaf */
        {NODE_AT_FLAGS, NODE_EVEN},                              /* not in a row */
        {NODE_AT_FLAGS, NODE_ROW},                               /* not even */
        {NODE_AT_FLAGS, NODE_EVEN | NODE_ROW | NODE_OWNS},       /* owns nothing */
        {NODE_AT_FLAGS, NODE_EVEN | NODE_ROW | NODE_POSITIONAL}, /* a list has no tails */
        {NODE_AT_FLAGS, 0},                                      /* sizes that nobody asked for */
        {NODE_AT_TAIL, 0},                                       /* all keys the same */
        {NODE_AT_TAIL, 200},                                     /* more than there is */
        {NODE_AT_VALUE, 0},
        {NODE_AT_VALUE + 1, 3}, /* too long for a value in a leaf */
        {NODE_AT_COUNT, 7},
        {NODE_AT_TOTAL, 7},
    };
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of_numbers(&store, 0, 8, 1);
    atom_ref root;
    assert_int_equal(tree_settle(&store.source, t.root, &root, NULL), PBASE_OK);
    tree_fini(&t);
    uint8_t *payload = store.atoms[store.count - 1];
    assert_int_equal(payload[NODE_AT_FLAGS], NODE_EVEN | NODE_ROW);
    assert_int_equal(tree_node_check(last_atom(&store), NULL), PBASE_OK);
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        uint8_t old = payload[claims[i].at];
        payload[claims[i].at] = claims[i].value;
        assert_int_equal(tree_node_check(last_atom(&store), NULL), PBASE_CORRUPT);
        payload[claims[i].at] = old;
    }
    assert_int_equal(tree_node_check(last_atom(&store), NULL), PBASE_OK);
    heap_source_fini(&store);
}

static void a_node_of_the_format_before_is_read(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    (void)settled_tree(&store, 0); /* it is the last atom stored */
    store.atoms[store.count - 1][NODE_AT_FORMAT] = NODE_FORMAT_PLAIN;
    assert_int_equal(tree_node_check(last_atom(&store), NULL), PBASE_OK);
    heap_source_fini(&store);
}

static void a_newer_node_is_not_called_corrupt(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    (void)settled_tree(&store, 0); /* it is the last atom stored */
    size_t last = store.count - 1;
    store.atoms[last][NODE_AT_FORMAT] = NODE_FORMAT + 1;
    pbase_bytes payload = pbase_bytes_of(store.atoms[last], store.sizes[last]);
    assert_int_equal(tree_node_check(payload, NULL), PBASE_FORMAT);
    heap_source_fini(&store);
}

static pbase_status walk_status(heap_source *store, atom_ref root, pbase_error *err)
{
    walk_sums sums;
    memset(&sums, 0, sizeof sums);
    tree_visitor visitor = {.state = &sums, .atom = walk_sums_atom};
    pbase_error_init(err);
    return tree_walk(&store->source, root, false, &visitor, err);
}

static void a_leaf_that_took_anothers_place_is_found_by_a_walk(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    pbase_error err;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of_numbers(&store, 0, 2000, 1);
    atom_ref root;
    assert_int_equal(tree_settle(&store.source, t.root, &root, NULL), PBASE_OK);
    tree_fini(&t);
    assert_int_equal(walk_status(&store, root, &err), PBASE_OK);
    /* when: two leaves with equally many entries change places */
    size_t a = 1, b = 2;
    node na = node_of(store.atoms[a], store.sizes[a]), nb = node_of(store.atoms[b], store.sizes[b]);
    assert_int_equal(na.level, 0);
    assert_int_equal(nb.level, 0);
    assert_int_equal(na.count, nb.count);
    uint8_t *atom = store.atoms[a];
    store.atoms[a] = store.atoms[b];
    store.atoms[b] = atom;
    uint32_t size = store.sizes[a];
    store.sizes[a] = store.sizes[b];
    store.sizes[b] = size;
    /* then */
    assert_int_equal(walk_status(&store, root, &err), PBASE_CORRUPT);
    assert_non_null(strstr(err.message, "outside that range"));
    heap_source_fini(&store);
}

static void a_node_in_the_wrong_place_is_corrupt_at_its_first_use(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    pbase_error err;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of_numbers(&store, 0, 2000, 1);
    atom_ref root;
    assert_int_equal(tree_settle(&store.source, t.root, &root, NULL), PBASE_OK);
    tree_fini(&t);
    /* when: the root points at itself */
    size_t last = store.count - 1;
    node top = node_of(store.atoms[last], store.sizes[last]);
    uint8_t *entry = store.atoms[last] + (node_entry_at(&top, 1) - top.payload);
    pbase_put_u64(entry + NODE_CHILD_REF, root);
    assert_int_equal(tree_node_check(pbase_bytes_of(store.atoms[last], store.sizes[last]), NULL),
                     PBASE_OK);
    /* then */
    assert_int_equal(walk_status(&store, root, &err), PBASE_CORRUPT);
    assert_non_null(strstr(err.message, "level"));
    heap_source_fini(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_node_is_refused_or_harmless),
        cmocka_unit_test(a_cut_node_is_refused),
        cmocka_unit_test(what_an_even_leaf_claims_has_to_be_possible),
        cmocka_unit_test(a_node_of_the_format_before_is_read),
        cmocka_unit_test(a_newer_node_is_not_called_corrupt),
        cmocka_unit_test(a_leaf_that_took_anothers_place_is_found_by_a_walk),
        cmocka_unit_test(a_node_in_the_wrong_place_is_corrupt_at_its_first_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
