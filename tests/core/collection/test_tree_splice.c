/* test_tree_splice.c - cutting and joining positional trees: content, shape, sharing, failures. */
#include "collection/node.h"
#include "collection/node_build.h"
#include "fault_alloc.h"
#include "seed.h"
#include "tree_fixture.h"

static void append_number(tree *t, uint64_t number)
{
    uint8_t bytes[16];
    pbase_put_u64(bytes, number);
    pbase_put_u64(bytes + 8, ~number);
    tree_value value = tree_value_of(pbase_bytes_of(bytes, sizeof bytes));
    assert_int_equal(tree_append(t, &value, NULL), PBASE_OK);
}

static tree tree_of_range(heap_source *store, uint64_t from, uint64_t end)
{
    tree t = tree_of(&store->source, ATOM_REF_NONE, true);
    for (uint64_t i = from; i < end; i++) {
        append_number(&t, i);
    }
    return t;
}

/* Content, counts and levels; and that only roots are small. */
typedef struct {
    uint64_t small;
    uint32_t levels;
} shape;

static pbase_status see_node(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    (void)err; /* nothing fails */
    shape *seen = state;
    if (seen->levels == 0) {
        seen->levels = atom->level + 1;
    } else {
        seen->small += atom->type == ATOM_NODE && node_underfull((uint8_t)atom->level, atom->size);
    }
    return PBASE_OK;
}

static uint32_t assert_range(const tree *t, uint64_t from, uint64_t end)
{
    shape seen = {0, 0};
    pbase_error err;
    pbase_error_init(&err);
    tree_visitor visitor = {.state = &seen, .atom = see_node};
    assert_int_equal(tree_walk(t->source, t->root, true, &visitor, &err), PBASE_OK);
    assert_int_equal(seen.small, 0);
    assert_int_equal(count_of(t), end - from);
    tree_cursor cursor;
    tree_cursor_init(&cursor, t, pbase_alloc_default());
    pbase_status status = tree_cursor_first(&cursor, NULL);
    for (uint64_t i = from; i < end; i++) {
        tree_value value;
        assert_int_equal(status, PBASE_OK);
        assert_int_equal(tree_cursor_value(&cursor, &value, NULL), PBASE_OK);
        assert_int_equal(pbase_get_u64(value.bytes.data), i);
        status = tree_cursor_next(&cursor, NULL);
    }
    assert_int_equal(status, PBASE_END);
    tree_cursor_fini(&cursor);
    return seen.levels;
}

static void every_cut_of_a_small_tree_and_back(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree whole = tree_of_range(&store, 0, 300), left, right;
    for (uint64_t at = 0; at <= 300; at++) {
        assert_int_equal(tree_split(&whole, at, &left, &right, NULL), PBASE_OK);
        (void)assert_range(&left, 0, at);
        (void)assert_range(&right, at, 300);
        assert_int_equal(tree_join(&left, &right, NULL), PBASE_OK);
        (void)assert_range(&left, 0, 300);
        tree_fini(&left);
        tree_fini(&right);
    }
    assert_int_equal(tree_split(&whole, 301, &left, &right, NULL), PBASE_INVALID);
    assert_int_equal(tree_remove_range(&whole, 299, 2, NULL), PBASE_INVALID);
    assert_int_equal(tree_remove_range(&whole, 301, 0, NULL), PBASE_INVALID);
    (void)assert_range(&whole, 0, 300);
    tree_fini(&whole);
    heap_source_fini(&store);
}

static void a_cut_shares_all_but_one_path(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree whole = tree_of_range(&store, 0, 200000), left, right;
    uint64_t before = atomic_load(&store.source.memory_count);
    assert_int_equal(tree_split(&whole, 123456, &left, &right, NULL), PBASE_OK);
    uint64_t made = atomic_load(&store.source.memory_count) - before;
    assert_true(made <= 12); /* two for each of three levels, and their roots */
    assert_int_equal(tree_join(&right, &left, NULL), PBASE_OK);
    assert_int_equal(count_of(&right), 200000);
    assert_true(atomic_load(&store.source.memory_count) - before <= 24);
    tree_fini(&left);
    tree_fini(&right);
    (void)assert_range(&whole, 0, 200000);
    tree_fini(&whole);
    heap_source_fini(&store);
}

/* Trees are cut and put together again and again, also from the storage: they stay low. */
static void many_cuts_leave_a_tree_as_low_as_before(void **state)
{
    (void)state; /* no fixture */
    enum { COUNT = 50000 };
    heap_source store;
    seed_random random;
    heap_source_init(&store, pbase_alloc_default());
    seed_random_init(&random, seed_for("tree splice"));
    tree t = tree_of_range(&store, 0, COUNT);
    uint32_t levels = assert_range(&t, 0, COUNT);
    int rounds = seed_is_long_run() ? 20000 : 2000;
    for (int i = 0; i < rounds; i++) {
        tree left, right, middle;
        uint64_t a = seed_below(&random, COUNT + 1), b = seed_below(&random, COUNT + 1);
        assert_int_equal(tree_split(&t, a < b ? a : b, &left, &right, NULL), PBASE_OK);
        tree rest = right;
        assert_int_equal(tree_split(&rest, a < b ? b - a : a - b, &middle, &right, NULL), PBASE_OK);
        assert_int_equal(tree_join(&left, &middle, NULL), PBASE_OK);
        assert_int_equal(tree_join(&left, &right, NULL), PBASE_OK);
        tree_fini(&rest);
        tree_fini(&middle);
        tree_fini(&right);
        tree_fini(&t);
        t = left;
        if (i % 100 == 0) {
            atom_ref stored;
            assert_int_equal(tree_settle(&store.source, t.root, &stored, NULL), PBASE_OK);
            tree_fini(&t);
            t = tree_of(&store.source, stored, true);
        }
    }
    assert_int_equal(assert_range(&t, 0, COUNT), levels);
    tree_fini(&t);
    heap_source_fini(&store);
}

static void random_cuts_agree_with_an_array(void **state)
{
    (void)state; /* no fixture */
    enum { MAX = 6000 };
    static uint64_t model[MAX];
    size_t count = 0;
    heap_source store;
    seed_random random;
    uint64_t next = 0;
    heap_source_init(&store, pbase_alloc_default());
    seed_random_init(&random, seed_for("remove range"));
    tree t = tree_of(&store.source, ATOM_REF_NONE, true);
    for (int i = 0; i < (seed_is_long_run() ? 20000 : 2000); i++) {
        size_t grow = (size_t)seed_below(&random, 400);
        for (size_t k = 0; k < grow && count < MAX; k++) {
            append_number(&t, next);
            model[count++] = next++;
        }
        size_t at = (size_t)seed_below(&random, count + 1);
        size_t gone = (size_t)seed_below(&random, count - at + 1);
        assert_int_equal(tree_remove_range(&t, at, gone, NULL), PBASE_OK);
        memmove(model + at, model + at + gone, (count - at - gone) * sizeof model[0]);
        count -= gone;
        assert_int_equal(count_of(&t), count);
        for (size_t k = 0; k < 5 && count > 0; k++) {
            tree_item item;
            bool found = false;
            size_t index = (size_t)seed_below(&random, count);
            assert_int_equal(tree_at(&t, index, &item, &found, NULL), PBASE_OK);
            assert_int_equal(pbase_get_u64(item.value.bytes.data), model[index]);
            tree_item_release(&store.source, &item);
        }
    }
    tree_fini(&t);
    heap_source_fini(&store);
}

static void without_memory_trees_stay_as_they_are(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    heap_source store;
    fault_alloc_init(&fa);
    heap_source_init(&store, &fa.alloc);
    tree a = tree_of_range(&store, 0, 20000), b = tree_of_range(&store, 20000, 20100);
    for (uint64_t n = 1;; n++) {
        tree left, right, joined = tree_keep(&a), cut = tree_keep(&a);
        fault_alloc_fail_at(&fa, n);
        pbase_status status = tree_split(&a, 7777, &left, &right, NULL);
        bool is_split = status == PBASE_OK;
        if (is_split) {
            status = tree_join(&joined, &b, NULL);
        }
        if (status == PBASE_OK) {
            status = tree_remove_range(&cut, 100, 15000, NULL);
        }
        bool failed = fault_alloc_has_failed(&fa);
        fault_alloc_fail_at(&fa, 0);
        assert_int_equal(status, failed ? PBASE_NO_MEMORY : PBASE_OK);
        if (is_split) {
            tree_fini(&left);
            tree_fini(&right);
        }
        (void)assert_range(&joined, 0, count_of(&joined));
        assert_int_equal(count_of(&cut), failed ? 20000 : 5000);
        tree_fini(&joined);
        tree_fini(&cut);
        if (!failed) {
            break;
        }
    }
    (void)assert_range(&a, 0, 20000);
    tree_fini(&a);
    tree_fini(&b);
    heap_source_fini(&store);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_of_a_small_tree_and_back),
        cmocka_unit_test(a_cut_shares_all_but_one_path),
        cmocka_unit_test(many_cuts_leave_a_tree_as_low_as_before),
        cmocka_unit_test(random_cuts_agree_with_an_array),
        cmocka_unit_test(without_memory_trees_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
