/* test_search.c - guessing where a key is changes what is asked for, never what is found. */
#include "collection/tree_private.h"
#include "seed.h"
#include "tree_fixture.h"

#include <string.h>

#define ENTRIES 20000u
#define VALUE_BYTES 100u

static heap_source heap;

static int begin(void **unused)
{
    (void)unused;
    heap_source_init(&heap, pbase_alloc_default());
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    heap_source_fini(&heap);
    return 0;
}

/* Keys of a shape: how many bytes are random, and behind how many that are all alike. */
typedef struct {
    uint32_t shared, random, below; /* random bytes are below `below`, or any when it is 0 */
} key_shape_of;

static uint32_t key_fill(seed_random *random, const key_shape_of *shape, uint8_t *out)
{
    memset(out, 'k', shape->shared);
    seed_fill(random, out + shape->shared, shape->random);
    for (uint32_t i = 0; i < shape->random && shape->below != 0; i++) {
        out[shape->shared + i] = (uint8_t)('a' + out[shape->shared + i] % shape->below);
    }
    return shape->shared + shape->random;
}

/* A stored tree of random keys of a shape. */
static tree tree_of_shape(seed_random *random, const key_shape_of *shape, uint32_t entries)
{
    tree t = tree_of(&heap.source, ATOM_REF_NONE, false);
    uint8_t key[64], value[VALUE_BYTES] = {0};
    for (uint32_t i = 0; i < entries; i++) {
        encoded_key encoded = {{key, key_fill(random, shape, key)}, {NULL, 0}};
        tree_value stored = tree_value_of(pbase_bytes_of(value, sizeof value));
        assert_int_equal(tree_put(&t, &encoded, &stored, NULL, NULL), PBASE_OK);
    }
    atom_ref settled = ATOM_REF_NONE;
    assert_int_equal(tree_settle(&heap.source, t.root, &settled, NULL), PBASE_OK);
    tree_fini(&t);
    return tree_of(&heap.source, settled, false);
}

/* Goes down to the leaf of `key`; in each node every guess leads to the same child. */
static void assert_guesses_agree(const tree *t, seed_random *random, pbase_bytes key)
{
    tree_descent way = {.turn = 0};
    assert_int_equal(tree_root_lend(t, &way.views[0], &way.nodes[0], NULL), PBASE_OK);
    while (way.nodes[way.turn].level != 0) {
        const node *at = &way.nodes[way.turn];
        uint32_t index = node_search_child(at, key);
        uint32_t part = node_child_part(at, index, key);
        assert_true(part == NODE_PART_UNKNOWN || part < NODE_PART_WHOLE);
        for (unsigned i = 0; i < 8; i++) {
            uint32_t guess = (uint32_t)seed_below(random, NODE_PART_WHOLE);
            assert_int_equal(node_search_child_near(at, key, guess), index);
        }
        assert_int_equal(node_search_child_near(at, key, 0), index);
        assert_int_equal(node_search_child_near(at, key, NODE_PART_WHOLE - 1), index);
        assert_int_equal(tree_descent_down(&way, t, index, NULL), PBASE_OK);
    }
    atom_release(&heap.source, &way.views[way.turn]);
}

static void whatever_is_guessed_the_same_child_is_found(void **unused)
{
    (void)unused;
    static const key_shape_of shapes[] = {{0, 16, 0}, {3, 2, 0},  {20, 8, 3},
                                          {0, 1, 0},  {0, 30, 2}, {1, 6, 26}};
    seed_random random;
    seed_random_init(&random, seed_for("test_search"));
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        tree t = tree_of_shape(&random, &shapes[s], 8000);
        for (unsigned i = 0; i < 2000; i++) {
            uint8_t key[64];
            uint32_t size = key_fill(&random, &shapes[s], key);
            size -= i % 3 == 0 ? (uint32_t)seed_below(&random, size) : 0; /* of no key's length */
            assert_guesses_agree(&t, &random, pbase_bytes_of(key, size));
        }
        tree_fini(&t);
    }
}

/* Where in its leaf `key` is guessed to lie. */
static uint32_t guess_of(const tree *t, pbase_bytes key)
{
    tree_descent way = {.turn = 0};
    uint32_t part = NODE_PART_UNKNOWN, guess = 0;
    assert_int_equal(tree_root_lend(t, &way.views[0], &way.nodes[0], NULL), PBASE_OK);
    while (way.nodes[way.turn].level != 0) {
        const node *at = &way.nodes[way.turn];
        uint32_t index = node_search_child_near(at, key, part);
        node_child child = node_child_at(at, index);
        part = node_child_part(at, index, key);
        guess = node_leaf_guess(&child, part, NODE_GUESS_LINES);
        assert_int_equal(tree_descent_down(&way, t, index, NULL), PBASE_OK);
    }
    atom_release(&heap.source, &way.views[way.turn]);
    return guess;
}

static void entries_of_random_keys_mostly_lie_where_they_were_asked_for(void **unused)
{
    (void)unused;
    static const key_shape_of hashed = {0, 16, 0};
    seed_random random, again;
    uint32_t asked = 0;
    uint64_t seed = seed_for("test_search");
    seed_random_init(&random, seed);
    tree t = tree_of_shape(&random, &hashed, ENTRIES);
    seed_random_init(&again, seed); /* the same keys */
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint8_t key[64];
        tree_item item;
        bool found = false;
        pbase_bytes bytes = pbase_bytes_of(key, key_fill(&again, &hashed, key));
        assert_int_equal(tree_get(&t, bytes, &item, &found, NULL), PBASE_OK);
        assert_true(found);
        uint32_t from = guess_of(&t, bytes), size = NODE_GUESS_LINES * 64;
        uint64_t at = (uint64_t)(item.value.bytes.data - item.node.payload);
        assert_true(from < item.node.size);
        asked += at >= from && at < from + size;
        tree_item_release(&heap.source, &item);
    }
    assert_true(asked > ENTRIES / 3 * 2);
    tree_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whatever_is_guessed_the_same_child_is_found, begin, end),
        cmocka_unit_test_setup_teardown(entries_of_random_keys_mostly_lie_where_they_were_asked_for,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
