/* test_edit.c - edits at their limits, and edits that fail half-way. */
#include "collection/node.h"
#include "fault_alloc.h"
#include "tree_fixture.h"

static void ascending_keys_leave_full_leaves(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    /* when */
    tree t = tree_of_numbers(&store, 0, 20000, 1);
    atom_ref stored;
    assert_int_equal(tree_settle(&store.source, t.root, &stored, NULL), PBASE_OK);
    tree settled = tree_of(&store.source, stored, false);
    /* then */
    walk_sums sums = walk_of(&settled, false);
    assert_true(sums.leaf_bytes > sums.leaves * NODE_LEAF_BYTES * 9 / 10);
    tree_fini(&t);
    heap_source_fini(&store);
}

static void appended_keys_must_ascend(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of(&store.source, ATOM_REF_NONE, false);
    tree_value value = tree_value_of(pbase_bytes_text("v"));
    for (uint32_t i = 0; i < 5000; i++) {
        numbered name = numbered_key(i);
        encoded_key key = key_of(&name);
        assert_int_equal(tree_append_key(&t, &key, &value, NULL), PBASE_OK);
        assert_int_equal(tree_append_key(&t, &key, &value, NULL), PBASE_INVALID);
    }
    assert_numbers(&t, 0, 5000, 1);
    tree_fini(&t);
    heap_source_fini(&store);
}

static void removing_everything_leaves_nothing(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of_numbers(&store, 0, 20000, 1);
    /* when: every third first, then the rest from both ends */
    for (uint32_t i = 0; i < 20000; i += 3) {
        assert_int_equal(remove_number(&t, i, NULL, NULL), PBASE_OK);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(remove_number(&t, i, NULL, NULL), PBASE_OK);
        assert_int_equal(remove_number(&t, 19999 - i, NULL, NULL), PBASE_OK);
    }
    /* then */
    assert_int_equal(t.root, ATOM_REF_NONE);
    assert_int_equal(atomic_load(&store.source.memory_count), 0);
    tree_fini(&t);
    heap_source_fini(&store);
}

static void removing_most_keeps_nodes_reasonably_full(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of_numbers(&store, 0, 20000, 1);
    for (uint32_t i = 0; i < 20000; i++) {
        if (i % 20 != 0) {
            assert_int_equal(remove_number(&t, i, NULL, NULL), PBASE_OK);
        }
    }
    assert_numbers(&t, 0, 20000, 20);
    atom_ref stored;
    assert_int_equal(tree_settle(&store.source, t.root, &stored, NULL), PBASE_OK);
    tree settled = tree_of(&store.source, stored, false);
    walk_sums sums = walk_of(&settled, false);
    assert_true(sums.leaf_bytes > sums.leaves * NODE_LEAF_BYTES / 3);
    tree_fini(&t);
    heap_source_fini(&store);
}

/* Keys of 64 KiB that share all but the last bytes, or nothing at all. */
static void keys_of_64_kib_are_keys_like_others(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of(&store.source, ATOM_REF_NONE, false);
    uint8_t *bytes = malloc(PBASE_KEY_BYTES_MAX);
    tree_value value = tree_value_of(pbase_bytes_text("v"));
    encoded_key key = {pbase_bytes_of(bytes, PBASE_KEY_BYTES_MAX), {NULL, 0}};
    for (uint32_t i = 0; i < 120; i++) {
        memset(bytes, i % 3 == 0 ? (int)i : 'x', PBASE_KEY_BYTES_MAX);
        pbase_put_u32(bytes + PBASE_KEY_BYTES_MAX - 4, i * 2654435761u);
        assert_int_equal(tree_put(&t, &key, &value, NULL, NULL), PBASE_OK);
    }
    (void)walk_of(&t, false); /* asserts that it is sound */
    for (uint32_t i = 0; i < 120; i++) {
        bool removed = false;
        memset(bytes, i % 3 == 0 ? (int)i : 'x', PBASE_KEY_BYTES_MAX);
        pbase_put_u32(bytes + PBASE_KEY_BYTES_MAX - 4, i * 2654435761u);
        assert_int_equal(tree_remove(&t, key.bytes, &removed, NULL), PBASE_OK);
        assert_true(removed);
    }
    assert_int_equal(t.root, ATOM_REF_NONE);
    free(bytes);
    heap_source_fini(&store);
}

static void a_key_past_64_kib_is_refused(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of(&store.source, ATOM_REF_NONE, false);
    uint8_t *bytes = calloc(1, PBASE_KEY_BYTES_MAX + 1);
    tree_value value = tree_value_of(pbase_bytes_text("v"));
    encoded_key key = {pbase_bytes_of(bytes, PBASE_KEY_BYTES_MAX + 1), {NULL, 0}};
    assert_int_equal(tree_put(&t, &key, &value, NULL, NULL), PBASE_LIMIT);
    key.bytes.size = 0;
    assert_int_equal(tree_put(&t, &key, &value, NULL, NULL), PBASE_LIMIT);
    free(bytes);
    heap_source_fini(&store);
}

static void values_up_to_64_mib_get_an_atom_of_their_own(void **state)
{
    (void)state; /* no fixture */
    static const uint32_t sizes[] = {512, 513, 70000, PBASE_VALUE_BYTES_MAX};
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of(&store.source, ATOM_REF_NONE, false);
    uint8_t *bytes = calloc(1, PBASE_VALUE_BYTES_MAX + 1u);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(put_number(&t, i, pbase_bytes_of(bytes, sizes[i]), NULL), PBASE_OK);
    }
    assert_int_equal(put_number(&t, 9, pbase_bytes_of(bytes, PBASE_VALUE_BYTES_MAX + 1u), NULL),
                     PBASE_LIMIT);
    assert_int_equal(walk_of(&t, false).values, 3);
    atom_ref stored;
    assert_int_equal(tree_settle(&store.source, t.root, &stored, NULL), PBASE_OK);
    tree_fini(&t);
    t = tree_of(&store.source, stored, false);
    for (uint32_t i = 0; i < 4; i++) {
        numbered name = numbered_key(i);
        tree_item item;
        bool found = false;
        assert_int_equal(tree_get(&t, key_of(&name).bytes, &item, &found, NULL), PBASE_OK);
        assert_true(found);
        assert_int_equal(item.value.bytes.size, sizes[i]);
        tree_item_release(&store.source, &item);
    }
    free(bytes);
    heap_source_fini(&store);
}

static void one_odd_key_does_not_blow_up_its_neighbours(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of(&store.source, ATOM_REF_NONE, false);
    char text[1600];
    tree_value value = tree_value_of(pbase_bytes_text(""));
    /* given: many keys with a long common prefix in one leaf */
    memset(text, 'm', sizeof text);
    for (int i = 0; i < 60; i++) {
        encoded_key key = {pbase_bytes_of(text, sizeof text), {NULL, 0}};
        text[sizeof text - 1] = (char)i;
        assert_int_equal(tree_put(&t, &key, &value, NULL, NULL), PBASE_OK);
    }
    /* when */
    encoded_key low = {pbase_bytes_text("a"), {NULL, 0}};
    encoded_key high = {pbase_bytes_text("z"), {NULL, 0}};
    assert_int_equal(tree_put(&t, &low, &value, NULL, NULL), PBASE_OK);
    assert_int_equal(tree_put(&t, &high, &value, NULL, NULL), PBASE_OK);
    /* then */
    assert_int_equal(count_of(&t), 62);
    assert_true(atomic_load(&store.source.memory_bytes) < 20000);
    tree_fini(&t);
    heap_source_fini(&store);
}

/* ------------------------------------------------------------------------------- failures ----- */

/* Fails the n-th allocation of one edit, for every n, on trees of several shapes: the tree is then
 * exactly as before, and nothing leaks. */
static void an_edit_without_memory_leaves_the_tree_as_it_was(void **state)
{
    (void)state; /* no fixture */
    static const uint8_t large[600] = {1};
    fault_alloc fa;
    heap_source store;
    fault_alloc_init(&fa);
    heap_source_init(&store, &fa.alloc);
    tree base = tree_of_numbers(&store, 0, 6000, 2);
    for (uint32_t number = 1; number < 6000; number += 97) {
        bool remove = number % 2 == 0, kept = number % 3 == 0;
        tree t = tree_keep(&base);
        pbase_status status = PBASE_NO_MEMORY;
        for (uint64_t n = 1; status != PBASE_OK; n++) {
            tree second = kept ? tree_keep(&t) : tree_of(&store.source, ATOM_REF_NONE, false);
            atom_ref before = t.root;
            fault_alloc_fail_at(&fa, n);
            status = remove ? remove_number(&t, number, NULL, NULL)
                            : put_number(&t, number, pbase_bytes_of(large, sizeof large), NULL);
            fault_alloc_fail_at(&fa, 0);
            if (status != PBASE_OK) {
                assert_int_equal(status, PBASE_NO_MEMORY);
                assert_int_equal(t.root, before);
                assert_int_equal(count_of(&t), 3000);
                assert_int_equal(has_number(&t, number), remove);
            }
            tree_fini(&second);
        }
        assert_int_equal(has_number(&t, number), !remove);
        (void)walk_of(&t, false); /* asserts that it is sound */
        tree_fini(&t);
    }
    assert_numbers(&base, 0, 6000, 2);
    tree_fini(&base);
    heap_source_fini(&store);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

/* The same in place: one owner, many edits, every one of them fails first. */
static void edits_in_place_survive_every_failure(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    heap_source store;
    fault_alloc_init(&fa);
    heap_source_init(&store, &fa.alloc);
    tree t = tree_of(&store.source, ATOM_REF_NONE, false);
    for (int removing = 0; removing < 2; removing++) {
        for (uint32_t i = 0; i < 3000; i++) {
            uint32_t number = i * 1103u % 3001u;
            pbase_status status = PBASE_NO_MEMORY;
            for (uint64_t n = 1; status != PBASE_OK; n++) {
                fault_alloc_fail_at(&fa, n);
                status = removing != 0
                             ? remove_number(&t, number, NULL, NULL)
                             : put_number(&t, number, pbase_bytes_text("some value"), NULL);
                fault_alloc_fail_at(&fa, 0);
            }
        }
        assert_int_equal(count_of(&t), removing != 0 ? 0 : 3000);
        (void)walk_of(&t, false); /* asserts that it is sound */
    }
    heap_source_fini(&store);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void an_edit_that_cannot_read_leaves_the_tree_as_it_was(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree fresh = tree_of_numbers(&store, 0, 6000, 1);
    atom_ref stored;
    assert_int_equal(tree_settle(&store.source, fresh.root, &stored, NULL), PBASE_OK);
    tree_fini(&fresh);
    for (uint32_t step = 0; step < 3; step++) { /* put, remove one, remove until a merge */
        tree t = tree_of(&store.source, stored, false);
        for (uint32_t i = 0; i < (step == 2 ? 60u : 1u); i++) {
            pbase_status status = PBASE_IO;
            for (uint64_t n = 1; status != PBASE_OK; n++) {
                store.fail_acquire = n;
                store.has_failed = false;
                status = step == 0 ? put_number(&t, 9000, pbase_bytes_text("v"), NULL)
                                   : remove_number(&t, 3000 + i, NULL, NULL);
                store.fail_acquire = 0;
                assert_int_equal(status, store.has_failed ? PBASE_IO : PBASE_OK);
                assert_int_equal(atomic_load(&store.pins), 0);
            }
        }
        assert_int_equal(count_of(&t), step == 0 ? 6001 : step == 1 ? 5999 : 5940);
        (void)walk_of(&t, false); /* asserts that it is sound */
        tree_fini(&t);
    }
    heap_source_fini(&store);
}

static pbase_bytes value_of_number(const tree *t, uint32_t number, uint8_t out[32])
{
    tree_item item;
    bool found = false;
    numbered name = numbered_key(number);
    assert_int_equal(tree_get(t, key_of(&name).bytes, &item, &found, NULL), PBASE_OK);
    assert_true(found && item.value.bytes.size <= 32);
    size_t size = item.value.bytes.size;
    memcpy(out, item.value.bytes.data, size);
    tree_item_release(t->source, &item);
    return pbase_bytes_of(out, size);
}

/* In leaves whose entries are all alike, and in others. */
static void a_value_of_the_same_size_goes_over_the_old_one_unless_a_version_has_it(void **state)
{
    (void)state; /* no fixture */
    for (int even = 0; even < 2; even++) {
        heap_source store;
        uint8_t bytes[32];
        heap_source_init(&store, pbase_alloc_default());
        tree t = tree_of_numbers(&store, 0, 5000, 1);
        if (!even) {
            assert_int_equal(put_number(&t, 2501, pbase_bytes_text("odd"), NULL), PBASE_OK);
        }
        atom_ref root = t.root;
        uint64_t before = atomic_load(&store.source.memory_count);
        assert_int_equal(put_number(&t, 2500, pbase_bytes_text("KEY-00002500"), NULL), PBASE_OK);
        assert_true(t.root == root && atomic_load(&store.source.memory_count) == before);

        tree kept = tree_keep(&t);
        assert_int_equal(put_number(&t, 2500, pbase_bytes_text("new-00002500"), NULL), PBASE_OK);
        assert_true(t.root != root);

        pbase_bytes value = value_of_number(&t, 2500, bytes);
        assert_true(pbase_bytes_equal(value, pbase_bytes_text("new-00002500")));
        value = value_of_number(&kept, 2500, bytes);
        assert_true(pbase_bytes_equal(value, pbase_bytes_text("KEY-00002500")));
        value = value_of_number(&t, 2499, bytes);
        assert_true(pbase_bytes_equal(value, pbase_bytes_text("key-00002499")));
        (void)walk_of(&t, false); /* asserts that it is sound */
        tree_fini(&kept);
        tree_fini(&t);
        heap_source_fini(&store);
    }
}

/* Asking changes nothing and needs nothing; it is for the time that it saves. */
static void leaves_can_be_asked_for_of_any_tree_and_any_keys(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    const uint32_t counts[] = {0, 3, 5000, 100000};
    for (size_t i = 0; i < 4; i++) {
        tree t = tree_of_numbers(&store, 10, 10 + counts[i], 1);
        numbered names[64];
        pbase_bytes keys[64];
        for (uint32_t step = 1; step < 4000; step *= 3) {
            for (uint32_t j = 0; j < 64; j++) {
                names[j] = numbered_key(j * step);
                keys[j] = key_of(&names[j]).bytes;
            }
            tree_ask(&t, keys, 64);
            tree_ask(&t, keys, 0);
        }
        assert_int_equal(count_of(&t), counts[i]);
        tree_fini(&t);
    }
    heap_source_fini(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascending_keys_leave_full_leaves),
        cmocka_unit_test(appended_keys_must_ascend),
        cmocka_unit_test(removing_everything_leaves_nothing),
        cmocka_unit_test(removing_most_keeps_nodes_reasonably_full),
        cmocka_unit_test(keys_of_64_kib_are_keys_like_others),
        cmocka_unit_test(a_key_past_64_kib_is_refused),
        cmocka_unit_test(values_up_to_64_mib_get_an_atom_of_their_own),
        cmocka_unit_test(one_odd_key_does_not_blow_up_its_neighbours),
        cmocka_unit_test(an_edit_without_memory_leaves_the_tree_as_it_was),
        cmocka_unit_test(edits_in_place_survive_every_failure),
        cmocka_unit_test(an_edit_that_cannot_read_leaves_the_tree_as_it_was),
        cmocka_unit_test(a_value_of_the_same_size_goes_over_the_old_one_unless_a_version_has_it),
        cmocka_unit_test(leaves_can_be_asked_for_of_any_tree_and_any_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
