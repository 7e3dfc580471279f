/* test_node_build.c - leaves of entries that are all alike: how they are stored, and that nothing else
 * about a tree shows which leaves are. */
#include "collection/node_build.h"
#include "seed.h"
#include "tree_fixture.h"

/* The stored form of a tree, which it ends. */
static atom_ref settled(heap_source *store, tree *t)
{
    atom_ref root;
    assert_int_equal(tree_settle(&store->source, t->root, &root, NULL), PBASE_OK);
    tree_fini(t);
    return root;
}

/* Bytes of all stored leaves, and how many of them are even. */
typedef struct {
    uint64_t bytes, leaves, even;
} leaf_sums;

static leaf_sums leaves_of(const heap_source *store)
{
    leaf_sums sums = {0, 0, 0};
    for (size_t i = 0; i < store->count; i++) {
        node at = node_of(store->atoms[i], store->sizes[i]);
        if (store->types[i] == ATOM_NODE && at.level == 0) {
            sums.bytes += at.size;
            sums.leaves++;
            sums.even += node_even(&at);
            assert_int_equal(tree_node_check(pbase_bytes_of(at.payload, at.size), NULL), PBASE_OK);
        }
    }
    return sums;
}

static void elements_of_one_size_cost_a_list_nothing_but_themselves(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree list = tree_of(&store.source, ATOM_REF_NONE, true);
    for (uint64_t i = 0; i < 1000; i++) {
        tree_value value = tree_value_of(pbase_bytes_of(&i, sizeof i));
        assert_int_equal(tree_append(&list, &value, NULL), PBASE_OK);
    }
    /* when */
    (void)settled(&store, &list);
    /* then */
    leaf_sums sums = leaves_of(&store);
    assert_int_equal(sums.even, sums.leaves);
    assert_int_equal(sums.bytes, 1000 * 8 + sums.leaves * NODE_HEADER_BYTES);
    assert_true(sums.leaves <= 4);
    heap_source_fini(&store);
}

static void keys_and_values_of_one_size_cost_a_head_more(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of_numbers(&store, 0, 64, 1); /* key-00000000 twice: one prefix of ten bytes */
    /* when */
    (void)settled(&store, &t);
    /* then */
    leaf_sums sums = leaves_of(&store);
    assert_int_equal(sums.leaves, 1);
    assert_int_equal(sums.even, 1);
    assert_int_equal(sums.bytes, NODE_HEADER_BYTES + 16 + 64 * (4 + 2 + 12));
    heap_source_fini(&store);
}

static void one_entry_of_another_size_makes_its_leaf_say_all_sizes(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of_numbers(&store, 0, 64, 1);
    t.root = settled(&store, &t);
    /* when */
    assert_int_equal(put_number(&t, 30, pbase_bytes_text("short"), NULL), PBASE_OK);
    /* then */
    assert_numbers(&t, 0, 64, 1);
    (void)settled(&store, &t);
    leaf_sums sums = leaves_of(&store);
    assert_int_equal(sums.leaves, 2);
    assert_int_equal(sums.even, 1); /* the one before */
    heap_source_fini(&store);
}

static void a_few_entries_are_not_stored_even(void **state)
{
    (void)state; /* no fixture */
    for (uint32_t count = 1; count <= NODE_EVEN_MIN; count++) {
        heap_source store;
        heap_source_init(&store, pbase_alloc_default());
        tree t = tree_of(&store.source, ATOM_REF_NONE, false);
        tree_entry entries[NODE_EVEN_MIN];
        numbered names[NODE_EVEN_MIN];
        for (uint32_t i = 0; i < count; i++) {
            names[i] = numbered_key(i);
            entries[i] = (tree_entry){key_of(&names[i]), tree_value_of(pbase_bytes_text("v"))};
        }
        assert_int_equal(tree_build(&store.source, false, entries, count, &t, NULL), PBASE_OK);
        (void)settled(&store, &t);
        assert_int_equal(leaves_of(&store).even, count == NODE_EVEN_MIN ? 1 : 0);
        heap_source_fini(&store);
    }
}

/* ------------------------------------------------------------------------ entries by copying --- */

#define KEYS 15u /* "keyAAA", "keyAAB": prefixes of 3 to 5 bytes */

static void keys_make(char keys[KEYS + 1][8])
{
    for (uint32_t i = 0; i <= KEYS; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "key%c%c%c", 'A' + (int)(i / 8),
                       'A' + (int)(i / 4 % 2), 'A' + (int)(i % 4));
    }
}

/* The leaf of all keys but one, as it is stored or as it lies in memory. */
static node leaf_without(char keys[KEYS + 1][8], uint32_t missing, bool row, uint8_t *payload)
{
    node_plan plan;
    node_entry entries[KEYS];
    memset(entries, 0, sizeof entries);
    for (uint32_t i = 0, at = 0; i <= KEYS; i++) {
        if (i != missing) {
            entries[at].tail = pbase_bytes_text(keys[i]);
            entries[at++].bytes = pbase_bytes_of(&keys[i][4], 2);
        }
    }
    node_plan_init(&plan, 0, false);
    node_plan_add_entries(&plan, entries, KEYS);
    uint32_t size =
        row ? node_plan_stored_size(&plan, 0, KEYS) : node_plan_size(&plan, 0, KEYS) + 32;
    if (row) {
        node_plan_store(&plan, payload, size);
    } else {
        node_plan_write(&plan, 0, KEYS, payload, size);
    }
    return node_of(payload, size);
}

/* Writes the entries from..to-1 of a plan, and of the same entries one by one. */
static void assert_written_alike(const node_plan *plan, uint32_t from, uint32_t to)
{
    uint8_t copied[1024], apart[1024];
    node_entry entries[KEYS + 1];
    node_plan singly;
    for (uint32_t i = 0; i < plan->count; i++) {
        node_plan_entry(plan, i, &entries[i]);
        entries[i].raw = pbase_bytes_of(NULL, 0);
    }
    node_plan_init(&singly, 0, false);
    node_plan_add_entries(&singly, entries, plan->count);
    uint32_t size = node_plan_size(plan, from, to);
    assert_int_equal(size, node_plan_size(&singly, from, to));
    node_plan_write(plan, from, to, copied, size);
    node_plan_write(&singly, from, to, apart, size);
    assert_memory_equal(copied, apart, size);
}

static void parts_of_an_even_leaf_are_what_its_entries_one_by_one_make(void **state)
{
    (void)state; /* no fixture */
    char keys[KEYS + 1][8];
    keys_make(keys);
    for (uint32_t added = 0; added <= KEYS; added++) {
        for (int row = 0; row < 2; row++) {
            uint8_t payload[1024];
            node leaf = leaf_without(keys, added, row != 0, payload);
            node_entry item = {.tail = pbase_bytes_text(keys[added]),
                               .bytes = pbase_bytes_text("xy")};
            node_plan plan;
            node_plan_init(&plan, 0, false);
            node_plan_add(&plan, &leaf, 0, added);
            node_plan_add_entry(&plan, &item);
            node_plan_add(&plan, &leaf, added, leaf.count);
            assert_true(node_even(&leaf));
            /* when, then: whether the plan was looked at before or not */
            for (int looked = 0; looked < 2; looked++) {
                for (uint32_t cut = 0; cut <= plan.count; cut++) {
                    assert_written_alike(&plan, 0, cut == 0 ? plan.count : cut);
                    assert_written_alike(&plan, cut == plan.count ? 0 : cut, plan.count);
                }
                assert_int_equal(node_plan_middle(&plan, 0), (plan.count + 1) / 2);
                node_plan_look(&plan);
                assert_true(plan.is_alike);
            }
        }
    }
}

static void a_leaf_that_is_full_where_it_is_stored_has_room_in_memory(void **state)
{
    (void)state;                        /* no fixture */
    uint32_t entry = 116, entries = 17; /* 16 bytes of key of which two are shared, 100 of value */
    uint32_t stored = NODE_HEADER_BYTES + 8 + entries * (4 + entry - 2);
    uint32_t in_memory = stored + entries * 4;
    assert_true(stored <= NODE_LEAF_BYTES);
    assert_true(stored + 4 + entry - 2 > NODE_LEAF_BYTES);
    assert_true(node_capacity(0, in_memory - entry, false) >= in_memory);
}

/* ------------------------------------------------------------------------------ any changes --- */

#define NUMBERS 1500u

/* Sizes of the values, 0: there is no entry. Every byte of a value is the low byte of its size. */
typedef struct {
    uint16_t size[NUMBERS];
} model;

static pbase_bytes value_of_size(uint16_t size)
{
    static uint8_t bytes[700];
    memset(bytes, size & 0xff, sizeof bytes);
    return pbase_bytes_of(bytes, size);
}

static void assert_is(const tree *t, const model *expected)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < NUMBERS; i++) {
        numbered name = numbered_key(i);
        tree_item item;
        bool found = false;
        assert_int_equal(tree_get(t, key_of(&name).bytes, &item, &found, NULL), PBASE_OK);
        assert_int_equal(found, expected->size[i] != 0);
        if (found) {
            pbase_bytes value = value_of_size(expected->size[i]);
            assert_int_equal(item.value.bytes.size, value.size);
            assert_memory_equal(item.value.bytes.data, value.data, value.size);
            tree_item_release(t->source, &item);
            count++;
        }
    }
    assert_int_equal(count_of(t), count);
    (void)walk_of(t, false); /* asserts that it is sound */
}

/* Values of one size as a rule; `odd` in a hundred are of another. */
static void change_at_random(seed_random *random, tree *t, model *expected, uint32_t odd)
{
    uint32_t number = (uint32_t)seed_below(random, NUMBERS);
    if (seed_below(random, 5) == 0) {
        bool removed = false;
        assert_int_equal(remove_number(t, number, &removed, NULL), PBASE_OK);
        assert_int_equal(removed, expected->size[number] != 0);
        expected->size[number] = 0;
        return;
    }
    bool is_odd = seed_below(random, 100) < odd;
    uint16_t size = is_odd ? (uint16_t)(1 + seed_below(random, 699)) : 20;
    assert_int_equal(put_number(t, number, value_of_size(size), NULL), PBASE_OK);
    expected->size[number] = size;
}

static void leaves_become_even_and_cease_to_be_and_nobody_sees_it(void **state)
{
    (void)state; /* no fixture */
    static const uint32_t odds[] = {0, 1, 0, 20, 0};
    seed_random random;
    seed_random_init(&random, seed_for("even leaves"));
    heap_source store;
    model expected;
    uint64_t even = 0, plain = 0;
    memset(&expected, 0, sizeof expected);
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of(&store.source, ATOM_REF_NONE, false);
    uint32_t rounds = seed_is_long_run() ? 400 : 25;
    for (uint32_t round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < 400; i++) {
            change_at_random(&random, &t, &expected, odds[round % 5]);
        }
        assert_is(&t, &expected);
        if (t.root != ATOM_REF_NONE) {
            t.root = settled(&store, &t);
        }
        assert_is(&t, &expected);
    }
    tree_fini(&t);
    leaf_sums sums = leaves_of(&store);
    even += sums.even;
    plain += sums.leaves - sums.even;
    assert_true(even > 50); /* of 120 seeds none made fewer than 96, in the short form */
    assert_true(plain > 100);
    heap_source_fini(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_of_one_size_cost_a_list_nothing_but_themselves),
        cmocka_unit_test(keys_and_values_of_one_size_cost_a_head_more),
        cmocka_unit_test(one_entry_of_another_size_makes_its_leaf_say_all_sizes),
        cmocka_unit_test(a_few_entries_are_not_stored_even),
        cmocka_unit_test(parts_of_an_even_leaf_are_what_its_entries_one_by_one_make),
        cmocka_unit_test(a_leaf_that_is_full_where_it_is_stored_has_room_in_memory),
        cmocka_unit_test(leaves_become_even_and_cease_to_be_and_nobody_sees_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
