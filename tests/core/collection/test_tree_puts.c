/* test_tree_puts.c - puts that go on from where the one before was do what puts one by one do. */
#include "collection/tree_puts.h"
#include "fault_alloc.h"
#include "seed.h"
#include "tree_fixture.h"

#define NUMBERS 6000u
#define ROUNDS 40u
#define PUTS_MAX 3000u

/* A put of a round: sizes of values differ, so that leaves grow, shrink, split and merge. */
typedef struct {
    uint32_t number, size, fill;
} planned;

static uint8_t filled[4000];

static pbase_bytes value_of(const planned *put)
{
    memset(filled, (int)put->fill, sizeof filled);
    return pbase_bytes_of(filled, put->size);
}

static int by_number(const void *a, const void *b)
{
    const planned *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static size_t plan_round(seed_random *random, planned *out)
{
    static const uint32_t sizes[] = {0, 8, 100, 100, 100, 400, 3000};
    size_t count = 1 + (size_t)seed_below(random, PUTS_MAX);
    uint32_t from = (uint32_t)seed_below(random, NUMBERS);
    uint32_t width = 1 + (uint32_t)seed_below(random, NUMBERS - from);
    for (size_t i = 0; i < count; i++) {
        out[i] = (planned){.number = from + (uint32_t)seed_below(random, width),
                           .size = sizes[seed_below(random, sizeof sizes / sizeof sizes[0])],
                           .fill = (uint32_t)seed_below(random, 256)};
    }
    qsort(out, count, sizeof *out, by_number); /* of one number some order: the same for both */
    return count;
}

static pbase_status put_in_a_row(tree *t, const planned *puts, size_t count, pbase_error *err)
{
    tree_puts row;
    pbase_status status = PBASE_OK;
    tree_puts_begin(&row, t);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        numbered name = numbered_key(puts[i].number);
        encoded_key key = key_of(&name);
        tree_value value = tree_value_of(value_of(&puts[i]));
        status = tree_puts_add(&row, &key, &value, err);
    }
    tree_puts_end(&row);
    return status;
}

static void put_one_by_one(tree *t, const planned *puts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(put_number(t, puts[i].number, value_of(&puts[i]), NULL), PBASE_OK);
    }
}

static void assert_same(const tree *a, const tree *b)
{
    tree_cursor x, y;
    tree_value left, right;
    encoded_key key;
    assert_int_equal(count_of(a), count_of(b));
    tree_cursor_init(&x, a, pbase_alloc_default());
    tree_cursor_init(&y, b, pbase_alloc_default());
    pbase_status status = tree_cursor_first(&x, NULL);
    assert_int_equal(tree_cursor_first(&y, NULL), status);
    while (status == PBASE_OK) {
        assert_int_equal(tree_cursor_key(&x, &key, NULL), PBASE_OK);
        assert_int_equal(tree_cursor_compare(&y, key.bytes), 0);
        assert_int_equal(tree_cursor_value(&x, &left, NULL), PBASE_OK);
        assert_int_equal(tree_cursor_value(&y, &right, NULL), PBASE_OK);
        assert_int_equal(left.bytes.size, right.bytes.size);
        assert_true(pbase_bytes_equal(left.bytes, right.bytes));
        status = tree_cursor_next(&x, NULL);
        assert_int_equal(tree_cursor_next(&y, NULL), status);
    }
    assert_int_equal(status, PBASE_END);
    tree_cursor_fini(&x);
    tree_cursor_fini(&y);
    (void)walk_of(a, false); /* asserts that it is sound */
}

static void settle_and_let_go(tree *t)
{
    atom_ref stored;
    assert_int_equal(tree_settle(t->source, t->root, &stored, NULL), PBASE_OK);
    atom_source *source = t->source;
    tree_fini(t);
    *t = tree_of(source, stored, false);
}

static void run_rounds(uint32_t patch_leaves)
{
    heap_source store;
    seed_random random;
    planned *puts = calloc(PUTS_MAX, sizeof *puts);
    assert_non_null(puts);
    heap_source_init(&store, pbase_alloc_default());
    store.source.patch_leaves = patch_leaves;
    seed_random_init(&random, seed_for("core.collection.tree_puts"));
    tree row = tree_of(&store.source, ATOM_REF_NONE, false), single = row;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        size_t count = plan_round(&random, puts);
        bool is_kept = seed_below(&random, 2) == 0;
        tree kept = is_kept ? tree_keep(&row) : tree_of(&store.source, ATOM_REF_NONE, false);
        tree was = is_kept ? tree_keep(&single) : tree_of(&store.source, ATOM_REF_NONE, false);
        /* when */
        assert_int_equal(put_in_a_row(&row, puts, count, NULL), PBASE_OK);
        put_one_by_one(&single, puts, count);
        /* then */
        assert_same(&row, &single);
        assert_same(&kept, &was);
        tree_fini(&kept);
        tree_fini(&was);
        if (seed_below(&random, 3) == 0) {
            settle_and_let_go(&row);
            settle_and_let_go(&single);
        }
    }
    tree_fini(&row);
    tree_fini(&single);
    heap_source_fini(&store);
    free(puts);
}

static void puts_in_a_row_are_puts_one_by_one(void **state)
{
    (void)state; /* no fixture */
    run_rounds(0);
}

static void puts_in_a_row_go_into_patches_as_well(void **state)
{
    (void)state; /* no fixture */
    run_rounds(1);
}

static void puts_in_a_row_that_fail_leave_those_before(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    fault_alloc fa;
    enum { COUNT = 400 };
    planned puts[COUNT];
    fault_alloc_init(&fa);
    heap_source_init(&store, &fa.alloc);
    for (uint32_t i = 0; i < COUNT; i++) {
        puts[i] = (planned){.number = i * 2 + 1, .size = 100, .fill = i};
    }
    tree expected = tree_of_numbers(&store, 0, 2 * COUNT, 2);
    settle_and_let_go(&expected);
    tree before = tree_keep(&expected);
    put_one_by_one(&expected, puts, COUNT);
    pbase_status status = PBASE_NO_MEMORY;
    for (uint64_t n = 1; status != PBASE_OK; n++) {
        tree t = tree_keep(&before);
        /* when: a failure, and then all of it again */
        fault_alloc_fail_at(&fa, n);
        status = put_in_a_row(&t, puts, COUNT, NULL);
        fault_alloc_fail_at(&fa, 0);
        (void)walk_of(&t, false);
        assert_int_equal(put_in_a_row(&t, puts, COUNT, NULL), PBASE_OK);
        /* then */
        assert_same(&t, &expected);
        tree_fini(&t);
    }
    tree_fini(&before);
    tree_fini(&expected);
    heap_source_fini(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_in_a_row_are_puts_one_by_one),
        cmocka_unit_test(puts_in_a_row_go_into_patches_as_well),
        cmocka_unit_test(puts_in_a_row_that_fail_leave_those_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
