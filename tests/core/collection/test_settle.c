/* test_settle.c - writing trees to storage, letting go of memory, and failing at it. */
#include "fault_alloc.h"
#include "tree_fixture.h"
#include <pthread.h>

static void a_settled_tree_reads_the_same_from_storage(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_with_large(&store, 5000);
    atom_ref stored;
    assert_int_equal(tree_settle(&store.source, t.root, &stored, NULL), PBASE_OK);
    tree_fini(&t);
    assert_int_equal(atomic_load(&store.source.memory_count), 0);
    tree settled = tree_of(&store.source, stored, false);
    assert_numbers(&settled, 0, 5000, 1);
    assert_int_equal(walk_of(&settled, false).values, 500);
    heap_source_fini(&store);
}

static void settling_again_writes_nothing(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_with_large(&store, 3000);
    atom_ref first, second;
    assert_int_equal(tree_settle(&store.source, t.root, &first, NULL), PBASE_OK);
    size_t written = store.count;
    assert_int_equal(tree_settle(&store.source, t.root, &second, NULL), PBASE_OK);
    assert_int_equal(first, second);
    assert_int_equal(store.count, written);
    tree_fini(&t);
    heap_source_fini(&store);
}

static void settling_after_a_small_change_writes_one_path(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_with_large(&store, 5000);
    atom_ref stored;
    assert_int_equal(tree_settle(&store.source, t.root, &stored, NULL), PBASE_OK);
    size_t written = store.count;
    assert_int_equal(put_number(&t, 2501, pbase_bytes_text("other"), NULL), PBASE_OK);
    assert_int_equal(tree_settle(&store.source, t.root, &stored, NULL), PBASE_OK);
    assert_in_range(store.count - written, 2, 4);
    tree settled = tree_of(&store.source, stored, false);
    assert_numbers(&settled, 0, 5000, 1);
    tree_fini(&t);
    heap_source_fini(&store);
}

static void children_are_written_in_batches(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of_numbers(&store, 0, 50000, 1);
    atom_ref stored;
    assert_int_equal(tree_settle(&store.source, t.root, &stored, NULL), PBASE_OK);
    assert_true(store.count > 400);
    assert_true(store.writes * 40 < store.count);
    tree_fini(&t);
    heap_source_fini(&store);
}

static void a_failed_settle_can_be_continued(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_with_large(&store, 5000);
    atom_ref stored = ATOM_REF_NONE;
    pbase_status status = PBASE_NO_SPACE;
    /* when: each call of write fails once */
    for (uint64_t n = 1; status != PBASE_OK; n++) {
        store.fail_write = 2; /* one more gets through each time */
        status = tree_settle(&store.source, t.root, &stored, NULL);
        store.fail_write = 0;
        assert_true(status == PBASE_OK || status == PBASE_NO_SPACE);
        assert_true(n < 1000);
        assert_numbers(&t, 0, 5000, 1);
    }
    /* then: nothing was written twice */
    tree settled = tree_of(&store.source, stored, false);
    assert_numbers(&settled, 0, 5000, 1);
    assert_int_equal(walk_of(&settled, false).atoms, store.count);
    tree_fini(&t);
    heap_source_fini(&store);
}

static void settling_and_rebasing_survive_every_failing_allocation(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    heap_source store;
    fault_alloc_init(&fa);
    heap_source_init(&store, &fa.alloc);
    tree t = tree_with_large(&store, 3000);
    pbase_status status = PBASE_NO_MEMORY;
    atom_ref stored = ATOM_REF_NONE, rebased = ATOM_REF_NONE;
    for (uint64_t n = 1; status != PBASE_OK; n++) {
        fault_alloc_fail_at(&fa, n);
        status = tree_settle(&store.source, t.root, &stored, NULL);
        fault_alloc_fail_at(&fa, 0);
    }
    for (uint32_t i = 0; i < 3000; i += 500) {
        assert_int_equal(put_number(&t, i, pbase_bytes_text("new"), NULL), PBASE_OK);
    }
    status = PBASE_NO_MEMORY;
    for (uint64_t n = 1; status != PBASE_OK; n++) {
        fault_alloc_fail_at(&fa, n);
        status = tree_rebase(&store.source, t.root, NULL, &rebased, NULL);
        fault_alloc_fail_at(&fa, 0);
        assert_numbers(&t, 0, 3000, 1);
    }
    tree_fini(&t);
    t = tree_of(&store.source, rebased, false);
    assert_numbers(&t, 0, 3000, 1);
    tree_fini(&t);
    heap_source_fini(&store);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void rebasing_keeps_changes_and_frees_what_is_settled(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_with_large(&store, 5000);
    atom_ref stored, rebased;
    /* given: a settled version, and changes on top of it */
    tree snapshot = tree_keep(&t);
    assert_int_equal(tree_settle(&store.source, snapshot.root, &stored, NULL), PBASE_OK);
    assert_int_equal(put_number(&t, 70, pbase_bytes_of(large_value, 900), NULL), PBASE_OK);
    assert_int_equal(remove_number(&t, 4999, NULL, NULL), PBASE_OK);
    /* when */
    assert_int_equal(tree_rebase(&store.source, t.root, NULL, &rebased, NULL), PBASE_OK);
    tree_fini(&t);
    tree_fini(&snapshot);
    /* then */
    assert_true(atomic_load(&store.source.memory_count) < 10);
    t = tree_of(&store.source, rebased, false);
    assert_numbers(&t, 0, 4999, 1);
    assert_int_equal(tree_settle(&store.source, t.root, &stored, NULL), PBASE_OK);
    tree settled = tree_of(&store.source, stored, false);
    assert_numbers(&settled, 0, 4999, 1);
    tree_fini(&t);
    heap_source_fini(&store);
}

static void trees_in_trees_are_settled_rebased_and_dropped(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree table = tree_of_trees(&store, 100);
    walk_sums before = walk_of(&table, false);
    atom_ref stored, rebased;
    assert_int_equal(before.entered, 100);
    assert_int_equal(tree_settle(&store.source, table.root, &stored, NULL), PBASE_OK);
    assert_int_equal(tree_rebase(&store.source, table.root, NULL, &rebased, NULL), PBASE_OK);
    assert_int_equal(stored, rebased);
    tree_fini(&table);
    assert_int_equal(atomic_load(&store.source.memory_count), 0);
    table = tree_of(&store.source, stored, false);
    walk_sums after = walk_of(&table, false);
    assert_int_equal(after.atoms, before.atoms);
    assert_int_equal(after.entries, before.entries);
    assert_int_equal(after.atoms, store.count);
    /* one of them, out of the table */
    numbered name = numbered_key(50);
    tree_item item;
    bool found = false;
    assert_int_equal(tree_get(&table, key_of(&name).bytes, &item, &found, NULL), PBASE_OK);
    assert_true(found && item.value.kind == TREE_VALUE_TREE);
    assert_true(pbase_bytes_equal(item.value.bytes, pbase_bytes_text("payload")));
    tree inner = tree_of(&store.source, item.value.root, false);
    assert_numbers(&inner, 0, 350, 1);
    tree_item_release(&store.source, &item);
    heap_source_fini(&store);
}

static void replacing_a_tree_in_a_table_drops_the_old_one(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree table = tree_of_trees(&store, 20);
    numbered name = numbered_key(19);
    encoded_key key = key_of(&name);
    uint64_t before = atomic_load(&store.source.memory_count);
    tree_value none = {TREE_VALUE_TREE, PBASE_COLLECTION_DICT, ATOM_REF_NONE, {NULL, 0}};
    assert_int_equal(tree_put(&table, &key, &none, NULL, NULL), PBASE_OK);
    assert_true(atomic_load(&store.source.memory_count) < before);
    tree_fini(&table);
    heap_source_fini(&store);
}

static void a_walk_over_inner_nodes_alone_finds_every_byte(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree table = tree_of_trees(&store, 40);
    for (uint32_t i = 1000; i < 6000; i++) {
        pbase_bytes value = i < 1100 ? pbase_bytes_of(large_value, sizeof large_value)
                                     : pbase_bytes_text("some small value");
        assert_int_equal(put_number(&table, i, value, NULL), PBASE_OK);
    }
    atom_ref stored;
    assert_int_equal(tree_settle(&store.source, table.root, &stored, NULL), PBASE_OK);
    tree_fini(&table);
    table = tree_of(&store.source, stored, false);
    uint64_t start = atomic_load(&store.acquires);
    walk_sums whole = walk_of(&table, false);
    uint64_t whole_reads = atomic_load(&store.acquires) - start;
    start = atomic_load(&store.acquires);
    walk_sums inner = walk_of(&table, true);
    uint64_t inner_reads = atomic_load(&store.acquires) - start;
    assert_int_equal(inner.bytes, whole.bytes);
    assert_int_equal(inner.atoms, whole.atoms);
    assert_int_equal(whole.bytes, store.stored_bytes);
    assert_true(inner_reads * 2 < whole_reads);
    heap_source_fini(&store);
}

/* ------------------------------------------------------------------------------- threads ------ */

static void *read_all(void *argument)
{
    tree *t = argument;
    for (int i = 0; i < 20; i++) {
        assert_numbers(t, 0, 5000, 1);
    }
    return NULL;
}

static void readers_go_on_while_a_tree_is_settled_and_edited(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_with_large(&store, 5000);
    tree seen = tree_keep(&t), settling = tree_keep(&t);
    pthread_t reader;
    atom_ref stored;
    assert_int_equal(pthread_create(&reader, NULL, read_all, &seen), 0);
    for (uint32_t i = 0; i < 500; i++) {
        assert_int_equal(put_number(&t, i * 9, pbase_bytes_text("changed"), NULL), PBASE_OK);
        if (i == 100) {
            assert_int_equal(tree_settle(&store.source, settling.root, &stored, NULL), PBASE_OK);
        }
    }
    tree_fini(&settling);
    assert_int_equal(pthread_join(reader, NULL), 0);
    assert_numbers(&t, 0, 5000, 1);
    tree_fini(&seen);
    tree_fini(&t);
    heap_source_fini(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_settled_tree_reads_the_same_from_storage),
        cmocka_unit_test(settling_again_writes_nothing),
        cmocka_unit_test(settling_after_a_small_change_writes_one_path),
        cmocka_unit_test(children_are_written_in_batches),
        cmocka_unit_test(a_failed_settle_can_be_continued),
        cmocka_unit_test(settling_and_rebasing_survive_every_failing_allocation),
        cmocka_unit_test(rebasing_keeps_changes_and_frees_what_is_settled),
        cmocka_unit_test(trees_in_trees_are_settled_rebased_and_dropped),
        cmocka_unit_test(replacing_a_tree_in_a_table_drops_the_old_one),
        cmocka_unit_test(a_walk_over_inner_nodes_alone_finds_every_byte),
        cmocka_unit_test(readers_go_on_while_a_tree_is_settled_and_edited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
