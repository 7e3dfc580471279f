/* test_pending.c - puts that wait: brought into the tree or merged with it, what is there is what one
 * put after the other would have left. */
#include "collection/pending.h"

#include "fault_alloc.h"
#include "heap_source.h"
#include "seed.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A budget that settles into the heap source. */
typedef struct {
    change_budget base; /* first member: the contract */
    heap_source *store;
    unsigned relieved, written;
} settling;

static pbase_status settle(change_budget *base, tree *content, pbase_error *err)
{
    settling *self = (settling *)base;
    atom_ref settled = ATOM_REF_NONE;
    pbase_status status = tree_settle(&self->store->source, content->root, &settled, err);
    if (status == PBASE_OK) {
        tree_drop(content->source, content->root);
        content->root = settled;
        self->relieved++;
    }
    return status;
}

static pbase_status write_atoms(change_budget *base, const uint32_t *types,
                                const pbase_bytes *payloads, size_t count, pbase_atom_pointer *out,
                                pbase_error *err)
{
    settling *self = (settling *)base;
    atom_source *source = &self->store->source;
    self->written++;
    return source->vtable->write(source, types, payloads, count, out, err);
}

static const change_budget_vtable settling_vtable = {.relieve = settle, .write = write_atoms};

static struct {
    fault_alloc alloc;
    heap_source store;
    settling budget;
    collection_context context;
    tree now;   /* what pending changes */
    tree model; /* changed one put after the other */
    pending *waiting;
} w;

static int begin(void **unused)
{
    (void)unused;
    memset(&w, 0, sizeof w);
    fault_alloc_init(&w.alloc);
    heap_source_init(&w.store, &w.alloc.alloc);
    w.budget.base.vtable = &settling_vtable;
    w.budget.base.memory_bytes_max = 16384;
    w.budget.base.spills = true;
    w.budget.store = &w.store;
    w.context.source = &w.store.source;
    w.context.alloc = &w.alloc.alloc;
    w.context.budget = &w.budget.base;
    w.now = tree_of(&w.store.source, ATOM_REF_NONE, false);
    w.model = tree_of(&w.store.source, ATOM_REF_NONE, false);
    assert_int_equal(pending_create(&w.context, &w.waiting, NULL), PBASE_OK);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    pending_destroy(w.waiting);
    tree_fini(&w.now);
    tree_fini(&w.model);
    heap_source_fini(&w.store);
    assert_int_equal(fault_alloc_live_bytes(&w.alloc), 0);
    return 0;
}

/* One put; every third key is spelled as a float, which is the same key. */
static change put_of(int64_t number, int64_t version, key_scratch *scratch, char text[64])
{
    change operation = {.op = CHANGE_PUT};
    pbase_value key =
        version % 3 == 0 ? pbase_value_float((double)number) : pbase_value_int(number);
    key_scratch_init(scratch, &w.alloc.alloc);
    assert_int_equal(key_encode(&key, scratch, &operation.key, NULL), PBASE_OK);
    (void)snprintf(text, 64, "value %" PRId64 " of %" PRId64, version, number);
    operation.value = pbase_bytes_text(text);
    return operation;
}

static pbase_status wait_for(int64_t number, int64_t version)
{
    key_scratch scratch;
    char text[64];
    change operation = put_of(number, version, &scratch, text);
    pbase_status status = PBASE_OK;
    if (pending_is_full(w.waiting)) {
        status = pending_drain(w.waiting, &w.now, NULL);
    }
    status = status == PBASE_OK ? pending_put(w.waiting, &operation, NULL) : status;
    key_scratch_fini(&scratch);
    return status;
}

static void put_model(int64_t number, int64_t version)
{
    key_scratch scratch;
    char text[64];
    change operation = put_of(number, version, &scratch, text);
    tree_value value = tree_value_of(operation.value);
    assert_int_equal(tree_put(&w.model, &operation.key, &value, NULL, NULL), PBASE_OK);
    key_scratch_fini(&scratch);
}

static void put_both(int64_t number, int64_t version)
{
    assert_int_equal(wait_for(number, version), PBASE_OK);
    put_model(number, version);
}

static void drain(void)
{
    assert_int_equal(pending_drain(w.waiting, &w.now, NULL), PBASE_OK);
    assert_false(pending_any(w.waiting));
}

/* Both trees hold the same keys, spelled the same, with the same values. */
static void compare(void)
{
    uint64_t count = 0, expected = 0;
    assert_int_equal(tree_count(&w.now, &count, NULL), PBASE_OK);
    assert_int_equal(tree_count(&w.model, &expected, NULL), PBASE_OK);
    assert_int_equal(count, expected);
    for (uint64_t i = 0; i < count; i++) {
        tree_item ours, theirs;
        bool found = false;
        assert_int_equal(tree_at(&w.now, i, &ours, &found, NULL), PBASE_OK);
        assert_int_equal(tree_at(&w.model, i, &theirs, &found, NULL), PBASE_OK);
        assert_true(pbase_bytes_equal(ours.spelling, theirs.spelling));
        assert_true(pbase_bytes_equal(ours.value.bytes, theirs.value.bytes));
        tree_item_release(&w.store.source, &ours);
        tree_item_release(&w.store.source, &theirs);
    }
}

static void few_puts_go_into_the_tree(void **unused)
{
    (void)unused;
    for (int64_t i = 0; i < 20; i++) {
        put_both(i * 7 % 20, i);
    }
    drain();
    compare();
    put_both(3, 100);
    put_both(3, 101);
    drain();
    compare();
}

static void many_puts_are_written_in_runs_and_merged(void **unused)
{
    (void)unused;
    for (int64_t i = 0; i < 5000; i++) {
        put_both(i * 7919 % 3001, i);
    }
    assert_true(w.budget.written > 5);
    drain();
    compare();
}

static void a_small_number_of_runs_goes_into_a_large_tree(void **unused)
{
    (void)unused;
    for (int64_t i = 0; i < 6000; i++) {
        put_both(i, 1);
    }
    drain();
    for (int64_t i = 0; i < 300; i++) {
        put_both(i * 7919 % 9000, i);
    }
    drain();
    compare();
}

static void runs_are_bounded(void **unused)
{
    (void)unused;
    w.budget.base.memory_bytes_max = 2048;
    for (int64_t i = 0; i < 40 * (int64_t)PENDING_RUNS_MAX; i++) {
        put_both(i * 7919 % 2003, i);
    }
    drain();
    compare();
}

static void random_puts_and_drains_agree_with_a_model(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("core.collection.pending"));
    int64_t rounds = seed_is_long_run() ? 200000 : 10000;
    for (int64_t i = 0; i < rounds; i++) {
        put_both((int64_t)seed_below(&random, 1 + seed_below(&random, 4000)), i);
        if (seed_below(&random, 400) == 0) {
            w.budget.base.memory_bytes_max = 4096u << seed_below(&random, 6);
            drain();
        }
        if (seed_below(&random, 2000) == 0) {
            drain();
            compare();
        }
    }
    drain();
    compare();
}

/* A put that fails has not been; a drain that fails leaves everything to be drained again. */
static void every_failing_allocation_loses_nothing(void **unused)
{
    (void)unused;
    int64_t number = 0;
    for (uint64_t n = 1; n < 400; n++) {
        for (int64_t i = 0; i < 40; i++, number++) {
            int64_t key = number * 7919 % 1009;
            fault_alloc_fail_at(&w.alloc, i == 20 ? n % 9 + 1 : 0);
            pbase_status status = wait_for(key, number);
            fault_alloc_fail_at(&w.alloc, 0);
            assert_true(status == PBASE_OK || status == PBASE_NO_MEMORY);
            if (status == PBASE_OK) {
                put_model(key, number);
            }
        }
        fault_alloc_fail_at(&w.alloc, n);
        pbase_status status = pending_drain(w.waiting, &w.now, NULL);
        fault_alloc_fail_at(&w.alloc, 0);
        assert_true(status == PBASE_OK || status == PBASE_NO_MEMORY);
        if (n % 3 == 0) {
            drain();
        }
    }
    drain();
    compare();
}

static void every_failing_write_loses_nothing(void **unused)
{
    (void)unused;
    int64_t number = 0;
    for (uint64_t n = 1; n < 60; n++) {
        for (int64_t i = 0; i < 400; i++, number++) {
            w.store.fail_write = i == 100 ? n % 7 + 1 : w.store.fail_write;
            pbase_status status = wait_for(number * 7919 % 1009, number);
            if (status == PBASE_OK) {
                put_model(number * 7919 % 1009, number);
            }
        }
        w.store.fail_write = n % 5 + 1;
        pbase_status status = pending_drain(w.waiting, &w.now, NULL);
        assert_true(status == PBASE_OK || status == PBASE_NO_SPACE);
        w.store.fail_write = 0;
    }
    drain();
    compare();
}

/* A disk that is full stays so for a while: puts in order go on waiting, and what waits is not written again
 * with each of them. */
static void writes_that_fail_are_not_tried_with_every_put(void **unused)
{
    enum { COUNT = 40000, TRIES_MAX = 12 }; /* 4 MB: ever twice as much waits */
    (void)unused;
    w.budget.base.memory_bytes_max = 16u << 20;
    for (int64_t i = 0; i < COUNT; i++) {
        w.store.fail_write = 1;
        put_both(i, 1);
        pending_advance(w.waiting);
    }
    assert_in_range(w.budget.written, 1, TRIES_MAX);
    w.store.fail_write = 0;
    unsigned before = w.budget.written;
    for (int64_t i = COUNT; i < 4 * (int64_t)COUNT; i++) {
        put_both(i, 1);
        pending_advance(w.waiting);
    }
    assert_true(w.budget.written > before); /* with room again they go on */
    drain();
    compare();
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(few_puts_go_into_the_tree),
        SENTENCE(many_puts_are_written_in_runs_and_merged),
        SENTENCE(a_small_number_of_runs_goes_into_a_large_tree),
        SENTENCE(runs_are_bounded),
        SENTENCE(random_puts_and_drains_agree_with_a_model),
        SENTENCE(every_failing_allocation_loses_nothing),
        SENTENCE(every_failing_write_loses_nothing),
        SENTENCE(writes_that_fail_are_not_tried_with_every_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
