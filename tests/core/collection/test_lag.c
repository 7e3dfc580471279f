/* test_lag.c - puts that lag: what probing looks at before they are committed, and what it finds. */
#include "fault_alloc.h"
#include "handle_fixture.h"

#define RECORDS 60000u /* a stored tree of three levels */

static struct {
    fault_alloc alloc;
    fixture f;
    change_budget budget;
    atom_ref root; /* stored */
} w;

static pbase_value key_of(uint32_t number)
{
    return pbase_value_int((int64_t)number);
}

/* A stored tree of the numbers below `count`. */
static atom_ref stored_tree(uint32_t count)
{
    tree made = tree_of(&w.f.store.source, ATOM_REF_NONE, false);
    atom_ref root = ATOM_REF_NONE;
    for (uint32_t i = 0; i < count; i++) {
        key_scratch scratch;
        encoded_key encoded;
        pbase_value key = key_of(i);
        tree_value value = tree_value_of(pbase_bytes_text("a value of some bytes"));
        key_scratch_init(&scratch, &w.alloc.alloc);
        assert_int_equal(key_encode(&key, &scratch, &encoded, NULL), PBASE_OK);
        assert_int_equal(tree_put(&made, &encoded, &value, NULL, NULL), PBASE_OK);
        key_scratch_fini(&scratch);
    }
    assert_int_equal(tree_settle(&w.f.store.source, made.root, &root, NULL), PBASE_OK);
    tree_fini(&made);
    return root;
}

static int begin(void **unused)
{
    (void)unused;
    memset(&w, 0, sizeof w);
    fault_alloc_init(&w.alloc);
    fixture_init(&w.f, &w.alloc.alloc, false);
    w.budget.memory_bytes_max = w.budget.log_bytes_max = UINT64_MAX;
    w.budget.lags = true;
    w.f.context.budget = &w.budget;
    w.root = stored_tree(RECORDS);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_fini(&w.f); /* nothing is pinned any more */
    assert_int_equal(fault_alloc_live_bytes(&w.alloc), 0);
    return 0;
}

/* A handle with `count` puts that nobody looked for, spread over the whole tree. */
static collection *lagging(uint32_t count)
{
    collection *handle = open_on(&w.f, PBASE_COLLECTION_DICT, atom_ref_keep(w.root));
    pbase_dict *dict = collection_dict(handle);
    for (uint32_t i = 0; i < count; i++) {
        pbase_value key = key_of((uint32_t)((uint64_t)i * 7919 % RECORDS));
        assert_int_equal(pbase_dict_put_bytes(&dict, &key, pbase_bytes_text("new"), NULL, NULL),
                         PBASE_OK);
    }
    handle = collection_of_dict(dict);
    assert_true(count == 0 || collection_lags(handle));
    return handle;
}

static void every_put_that_lags_is_looked_for_once(void **unused)
{
    (void)unused;
    for (uint32_t count = 1; count < 50; count++) { /* lanes of sixteen: whole and in part */
        collection *handle = lagging(count);
        uint64_t before = atomic_load(&w.f.store.acquires);
        assert_int_equal(collection_probe(handle, NULL), PBASE_OK);
        uint64_t taken = atomic_load(&w.f.store.acquires) - before;
        uint64_t roots = (count + TREE_MANY_MAX - 1) / TREE_MANY_MAX;
        assert_int_equal(taken,
                         roots + 2 * (uint64_t)count); /* and the rest of each way, with its leaf */
        assert_true(collection_lags(handle));          /* they still do */
        collection_close(handle);
    }
}

static void what_cannot_be_read_is_told_and_nothing_is_held(void **unused)
{
    (void)unused;
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        collection *handle = lagging(37);
        w.f.store.has_failed = false;
        w.f.store.fail_acquire = n;
        pbase_status status = collection_probe(handle, NULL);
        w.f.store.fail_acquire = 0;
        has_failed = w.f.store.has_failed;
        assert_int_equal(status, has_failed ? PBASE_IO : PBASE_OK);
        assert_int_equal(atomic_load(&w.f.store.pins), 0);
        assert_int_equal(collection_probe(handle, NULL), PBASE_OK);
        collection_close(handle);
    }
}

static void an_empty_dictionary_and_one_of_a_leaf_have_nothing_below(void **unused)
{
    (void)unused;
    const atom_ref whole = w.root, roots[] = {ATOM_REF_NONE, stored_tree(3)};
    for (size_t i = 0; i < 2; i++) {
        w.root = roots[i];
        collection *handle = lagging(20);
        assert_int_equal(collection_probe(handle, NULL), PBASE_OK);
        collection_close(handle);
    }
    w.root = whole;
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(every_put_that_lags_is_looked_for_once),
        SENTENCE(what_cannot_be_read_is_told_and_nothing_is_held),
        SENTENCE(an_empty_dictionary_and_one_of_a_leaf_have_nothing_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
