/* test_combine.c - the algebra of sets and counted sets against plain arrays of counts. */
#include "fault_alloc.h"
#include "handle_fixture.h"
#include "seed.h"

enum { KEYS = 400 };
typedef uint64_t counts[KEYS];

static pbase_set *set_of(fixture *f, const counts in)
{
    pbase_set *set = collection_set(open_on(f, PBASE_COLLECTION_SET, ATOM_REF_NONE));
    for (size_t i = 0; i < KEYS; i++) {
        pbase_value key = pbase_value_int((int64_t)i);
        assert_int_equal(in[i] == 0 ? PBASE_OK : pbase_set_add(&set, &key, NULL, NULL), PBASE_OK);
    }
    return set;
}

static pbase_counted_set *counted_of(fixture *f, const counts in)
{
    pbase_counted_set *set =
        collection_counted_set(open_on(f, PBASE_COLLECTION_COUNTED_SET, ATOM_REF_NONE));
    for (size_t i = 0; i < KEYS; i++) {
        pbase_value key = pbase_value_int((int64_t)i);
        assert_int_equal(pbase_counted_set_add(&set, &key, in[i], NULL, NULL), PBASE_OK);
    }
    return set;
}

typedef pbase_status (*set_operation)(const pbase_set *a, const pbase_set *b, pbase_set **out,
                                      pbase_error *err);
typedef pbase_status (*counted_operation)(const pbase_counted_set *a, const pbase_counted_set *b,
                                          pbase_counted_set **out, pbase_error *err);
static const set_operation set_operations[] = {
    pbase_set_union, pbase_set_intersection, pbase_set_difference, pbase_set_symmetric_difference};
static const counted_operation counted_operations[] = {
    pbase_counted_set_union, pbase_counted_set_intersection, pbase_counted_set_difference,
    pbase_counted_set_symmetric_difference, pbase_counted_set_sum};

static uint64_t expected(size_t operation, uint64_t a, uint64_t b)
{
    switch (operation) {
    case 0:
        return a > b ? a : b;
    case 1:
        return a < b ? a : b;
    case 2:
        return a > b ? a - b : 0;
    case 3:
        return a > b ? a - b : b - a;
    default:
        return a + b;
    }
}

/* A share of the keys, in runs, so that cursors skip far at times; counts up to `most`. */
static void draw(seed_random *random, uint64_t most, counts out)
{
    uint64_t share = seed_below(random, 101);
    for (size_t i = 0; i < KEYS;) {
        bool run = seed_below(random, 100) < share;
        size_t end = i + 1 + (size_t)seed_below(random, 30);
        for (; i < end && i < KEYS; i++) {
            out[i] = run ? 1 + seed_below(random, most) : 0;
        }
    }
}

static void assert_set(fixture *f, pbase_set *set, size_t operation, const counts a, const counts b)
{
    uint64_t count = 0, wanted = 0;
    for (size_t i = 0; i < KEYS; i++) {
        bool has = false;
        pbase_value key = pbase_value_int((int64_t)i);
        uint64_t should = expected(operation, a[i] != 0, b[i] != 0);
        assert_int_equal(pbase_set_has(set, &key, &has, NULL), PBASE_OK);
        assert_int_equal(has, should != 0);
        wanted += should;
    }
    assert_int_equal(pbase_set_count(set, &count, NULL), PBASE_OK);
    assert_int_equal(count, wanted);
    assert_log_replays(f, collection_of_set(set));
    pbase_set_close(set);
}

static void sets_combine_as_sets_do(void **state)
{
    (void)state; /* no fixture */
    seed_random random;
    seed_random_init(&random, seed_for("set algebra"));
    for (int i = 0; i < (seed_is_long_run() ? 3000 : 150); i++) {
        fixture f;
        counts a, b;
        fixture_init(&f, pbase_alloc_default(), false);
        draw(&random, 1, a);
        draw(&random, 1, b);
        pbase_set *x = set_of(&f, a), *y = set_of(&f, b), *out = NULL;
        bool subset = true, disjoint = true, is = false;
        for (size_t k = 0; k < KEYS; k++) {
            subset = subset && a[k] <= b[k];
            disjoint = disjoint && (a[k] == 0 || b[k] == 0);
        }
        for (size_t k = 0; k < sizeof set_operations / sizeof set_operations[0]; k++) {
            assert_int_equal(set_operations[k](x, y, &out, NULL), PBASE_OK);
            assert_set(&f, out, k, a, b);
        }
        assert_int_equal(pbase_set_is_subset(x, y, &is, NULL), PBASE_OK);
        assert_int_equal(is, subset);
        assert_int_equal(pbase_set_is_disjoint(x, y, &is, NULL), PBASE_OK);
        assert_int_equal(is, disjoint);
        assert_set(&f, x, 0, a, a); /* both as they were */
        assert_set(&f, y, 0, b, b);
        fixture_fini(&f);
    }
}

static void assert_counted(fixture *f, pbase_counted_set *set, size_t operation, const counts a,
                           const counts b)
{
    uint64_t total = 0, wanted = 0;
    for (size_t i = 0; i < KEYS; i++) {
        uint64_t count = 0, should = expected(operation, a[i], b[i]);
        pbase_value key = pbase_value_int((int64_t)i);
        assert_int_equal(pbase_counted_set_get(set, &key, &count, NULL), PBASE_OK);
        assert_int_equal(count, should);
        wanted += should;
    }
    assert_int_equal(pbase_counted_set_total(set, &total, NULL), PBASE_OK);
    assert_int_equal(total, wanted);
    assert_log_replays(f, collection_of_counted_set(set));
    pbase_counted_set_close(set);
}

static void counted_sets_combine_as_multisets_do(void **state)
{
    (void)state; /* no fixture */
    seed_random random;
    seed_random_init(&random, seed_for("counted algebra"));
    for (int i = 0; i < (seed_is_long_run() ? 3000 : 150); i++) {
        fixture f;
        counts a, b;
        fixture_init(&f, pbase_alloc_default(), false);
        draw(&random, 4, a);
        draw(&random, 4, b);
        pbase_counted_set *x = counted_of(&f, a), *y = counted_of(&f, b), *out = NULL;
        bool subset = true, is = false;
        for (size_t k = 0; k < KEYS; k++) {
            subset = subset && a[k] <= b[k];
        }
        for (size_t k = 0; k < sizeof counted_operations / sizeof counted_operations[0]; k++) {
            assert_int_equal(counted_operations[k](x, y, &out, NULL), PBASE_OK);
            assert_counted(&f, out, k, a, b);
        }
        assert_int_equal(pbase_counted_set_is_subset(x, y, &is, NULL), PBASE_OK);
        assert_int_equal(is, subset);
        pbase_counted_set_close(x);
        pbase_counted_set_close(y);
        fixture_fini(&f);
    }
}

/* 50,000 elements, of which hardly any is looked at: the work goes with the smaller set. */
static void the_smaller_set_decides_how_much_is_visited(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_set *large = collection_set(open_on(&f, PBASE_COLLECTION_SET, ATOM_REF_NONE));
    pbase_set *small = collection_set(open_on(&f, PBASE_COLLECTION_SET, ATOM_REF_NONE)), *out;
    for (int64_t i = 0; i < 50000; i++) {
        pbase_value key = pbase_value_int(2 * i);
        assert_int_equal(pbase_set_add(&large, &key, NULL, NULL), PBASE_OK);
    }
    for (int64_t i = 0; i < 10; i++) {
        pbase_value key = pbase_value_int(7001 * i);
        assert_int_equal(pbase_set_add(&small, &key, NULL, NULL), PBASE_OK);
    }
    atom_ref stored;
    assert_int_equal(tree_settle(&f.store.source, collection_tree(collection_of_set(large))->root,
                                 &stored, NULL),
                     PBASE_OK);
    pbase_set *settled = collection_set(open_on(&f, PBASE_COLLECTION_SET, stored));
    for (size_t k = 0; k < sizeof set_operations / sizeof set_operations[0]; k++) {
        for (int turned = 0; turned < 2; turned++) {
            uint64_t before = atomic_load(&f.store.acquires);
            assert_int_equal(
                set_operations[k](turned ? settled : small, turned ? small : settled, &out, NULL),
                PBASE_OK);
            assert_true(atomic_load(&f.store.acquires) - before < 200); /* of some 700 nodes */
            pbase_set_close(out);
        }
    }
    pbase_set_close(settled);
    pbase_set_close(small);
    pbase_set_close(large);
    fixture_fini(&f);
}

static void sets_of_different_spaces_do_not_combine(void **state)
{
    (void)state; /* no fixture */
    fixture f, elsewhere;
    counts none = {0};
    bool is = false;
    fixture_init(&f, pbase_alloc_default(), false);
    fixture_init(&elsewhere, pbase_alloc_default(), false);
    pbase_set *a = set_of(&f, none), *b = set_of(&elsewhere, none), *out = NULL;
    assert_int_equal(pbase_set_union(a, b, &out, NULL), PBASE_INVALID);
    assert_int_equal(pbase_set_is_subset(a, b, &is, NULL), PBASE_INVALID);
    assert_int_equal(pbase_set_union(a, a, &out, NULL), PBASE_OK); /* with itself */
    pbase_set_close(out);
    pbase_set_close(a);
    pbase_set_close(b);
    fixture_fini(&elsewhere);
    fixture_fini(&f);
}

static void a_combination_tells_what_it_depends_on(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    counts a = {0}, b = {0};
    a[1] = a[2] = a[3] = 1;
    b[3] = b[4] = 1;
    fixture_init(&f, pbase_alloc_default(), true);
    pbase_set *x = set_of(&f, a), *y = set_of(&f, b), *out = NULL;
    assert_reads(&f, "");
    assert_int_equal(pbase_set_union(x, y, &out, NULL), PBASE_OK);
    assert_reads(&f, "whole; key 3; "); /* 4 is added blindly: it merges with other adds */
    pbase_set_close(out);
    assert_int_equal(pbase_set_difference(x, y, &out, NULL), PBASE_OK);
    assert_reads(&f, "whole; key 3; key 4; ");
    pbase_set_close(out);
    assert_int_equal(pbase_set_intersection(x, y, &out, NULL), PBASE_OK);
    assert_reads(&f, "whole; key 3; key 4; ");
    pbase_set_close(out);
    pbase_set_close(x);
    pbase_set_close(y);
    fixture_fini(&f);
}

static void without_memory_there_is_no_result(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    fixture f;
    counts a, b;
    seed_random random;
    fault_alloc_init(&fa);
    fixture_init(&f, &fa.alloc, false);
    seed_random_init(&random, 7);
    draw(&random, 3, a);
    draw(&random, 3, b);
    pbase_counted_set *x = counted_of(&f, a), *y = counted_of(&f, b);
    uint64_t live = fault_alloc_live_bytes(&fa);
    for (size_t k = 0; k < sizeof counted_operations / sizeof counted_operations[0]; k++) {
        for (uint64_t n = 1;; n++) {
            pbase_counted_set *out = NULL;
            fault_alloc_fail_at(&fa, n);
            pbase_status status = counted_operations[k](x, y, &out, NULL);
            bool failed = fault_alloc_has_failed(&fa);
            fault_alloc_fail_at(&fa, 0);
            assert_int_equal(status, failed ? PBASE_NO_MEMORY : PBASE_OK);
            pbase_counted_set_close(out);
            assert_int_equal(fault_alloc_live_bytes(&fa), live);
            if (!failed) {
                break;
            }
        }
    }
    pbase_counted_set_close(x);
    pbase_counted_set_close(y);
    fixture_fini(&f);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_combine_as_sets_do),
        cmocka_unit_test(counted_sets_combine_as_multisets_do),
        cmocka_unit_test(the_smaller_set_decides_how_much_is_visited),
        cmocka_unit_test(sets_of_different_spaces_do_not_combine),
        cmocka_unit_test(a_combination_tells_what_it_depends_on),
        cmocka_unit_test(without_memory_there_is_no_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
