/* test_atom_pool.c - blocks are one's own, of the size asked for, and all of them can be given back. */
#include "atom/atom_pool.h"
#include "fault_alloc.h"
#include "seed.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef struct {
    uint8_t *block;
    atom_slab *slab;
    size_t bytes;
    uint8_t mark; /* that fills it */
} holding;

static void hold(atom_pool *pool, const pbase_alloc *alloc, holding *self, size_t bytes,
                 uint8_t mark)
{
    self->block = atom_pool_take(pool, alloc, bytes, &self->slab);
    assert_non_null(self->block);
    assert_int_equal((uintptr_t)self->block % 16, 0);
    self->bytes = bytes;
    self->mark = mark;
    memset(self->block, mark, bytes);
}

static void give(atom_pool *pool, const pbase_alloc *alloc, holding *self)
{
    for (size_t i = 0; i < self->bytes; i++) {
        assert_int_equal(self->block[i], self->mark);
    }
    atom_pool_give(pool, alloc, self->block, self->slab);
    self->block = NULL;
}

static void blocks_of_all_sizes_are_kept_apart_and_all_given_back(void **unused)
{
    (void)unused;
    static atom_pool pool;
    static holding held[2000];
    fault_alloc fa;
    seed_random random;
    seed_random_init(&random, seed_for("core.atom.atom_pool"));
    fault_alloc_init(&fa);
    uint64_t steps = seed_is_long_run() ? 3000000 : 100000;
    for (uint64_t step = 0; step < steps; step++) {
        holding *one = &held[seed_below(&random, 2000)];
        if (one->block != NULL) {
            give(&pool, &fa.alloc, one);
        } else {
            size_t bytes = seed_below(&random, 2) == 0
                               ? 2080 + seed_below(&random, 300)
                               : 513 + seed_below(&random, ATOM_POOL_BYTES_MAX - 512);
            hold(&pool, &fa.alloc, one, bytes, (uint8_t)step);
        }
    }
    assert_true(fault_alloc_live_blocks(&fa) > 0);
    for (size_t i = 0; i < 2000; i++) {
        if (held[i].block != NULL) {
            give(&pool, &fa.alloc, &held[i]);
        }
    }
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void a_slab_serves_many_blocks_and_few_are_kept_when_most_end(void **unused)
{
    (void)unused;
    static atom_pool pool;
    static holding held[1000];
    fault_alloc fa;
    fault_alloc_init(&fa);
    for (size_t i = 0; i < 1000; i++) {
        hold(&pool, &fa.alloc, &held[i], 2112, (uint8_t)i);
    }
    uint64_t most = fault_alloc_live_bytes(&fa);
    assert_true(fault_alloc_requests(&fa) < 1000 / 40);
    assert_true(most < (uint64_t)1000 * 2112 * 11 / 10 + 131072);

    for (size_t i = 1; i < 1000; i++) {
        give(&pool, &fa.alloc, &held[i]);
    }

    assert_true(fault_alloc_live_blocks(&fa) <= 2); /* the one in use, and one for the next */
    give(&pool, &fa.alloc, &held[0]);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void other_sizes_are_not_the_pool_s(void **unused)
{
    (void)unused;
    static atom_pool pool;
    atom_slab *slab = NULL;
    const pbase_alloc *alloc = pbase_alloc_default();
    assert_null(atom_pool_take(&pool, alloc, 0, &slab));
    assert_null(atom_pool_take(&pool, alloc, ATOM_POOL_BYTES_MIN, &slab));
    assert_null(atom_pool_take(&pool, alloc, ATOM_POOL_BYTES_MAX + 1, &slab));
    const size_t borders[] = {ATOM_POOL_BYTES_MIN + 1, 544, 545, 1024, 1025, ATOM_POOL_BYTES_MAX};
    holding held[6];
    for (size_t i = 0; i < 6; i++) {
        hold(&pool, alloc, &held[i], borders[i], (uint8_t)i);
    }
    for (size_t i = 0; i < 6; i++) {
        give(&pool, alloc, &held[i]);
    }
}

static void without_memory_there_is_no_block_and_later_there_is(void **unused)
{
    (void)unused;
    static atom_pool pool;
    fault_alloc fa;
    holding one;
    fault_alloc_init(&fa);
    fault_alloc_fail_at(&fa, 1);
    assert_null(atom_pool_take(&pool, &fa.alloc, 1000, &one.slab));
    hold(&pool, &fa.alloc, &one, 1000, 7);
    give(&pool, &fa.alloc, &one);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

/* ------------------------------------------------------------------------------- threads ------ */

#define THREADS 4u
#define SHARED 64u

static atom_pool shared_pool;
static fault_alloc shared_memory;
static holding shared[THREADS][SHARED]; /* of the thread whose turn it is */

/* Fills its places, or gives back what another one put there. */
static void *take_and_give(void *row_pointer)
{
    holding *row = row_pointer;
    for (size_t round = 0; round < 40; round++) {
        for (size_t i = 0; i < SHARED; i++) {
            if (row[i].block != NULL) {
                give(&shared_pool, &shared_memory.alloc, &row[i]);
            }
            atom_slab *slab = NULL;
            row[i].block = atom_pool_take(&shared_pool, &shared_memory.alloc, 2080, &slab);
            row[i].slab = slab;
            row[i].bytes = 2080;
            row[i].mark = (uint8_t)i;
            if (row[i].block != NULL) { /* NULL: others were in there */
                memset(row[i].block, row[i].mark, 2080);
            }
        }
    }
    return NULL;
}

static void threads_give_back_what_others_took(void **unused)
{
    (void)unused;
    pthread_t threads[THREADS];
    fault_alloc_init(&shared_memory);
    for (unsigned turn = 0; turn < 5; turn++) {
        for (unsigned i = 0; i < THREADS; i++) {
            assert_int_equal(
                pthread_create(&threads[i], NULL, take_and_give, shared[(i + turn) % THREADS]), 0);
        }
        for (unsigned i = 0; i < THREADS; i++) {
            (void)pthread_join(threads[i], NULL);
        }
    }
    for (unsigned i = 0; i < THREADS * SHARED; i++) {
        if (shared[i / SHARED][i % SHARED].block != NULL) {
            give(&shared_pool, &shared_memory.alloc, &shared[i / SHARED][i % SHARED]);
        }
    }
    assert_int_equal(fault_alloc_live_bytes(&shared_memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_all_sizes_are_kept_apart_and_all_given_back),
        cmocka_unit_test(a_slab_serves_many_blocks_and_few_are_kept_when_most_end),
        cmocka_unit_test(other_sizes_are_not_the_pool_s),
        cmocka_unit_test(without_memory_there_is_no_block_and_later_there_is),
        cmocka_unit_test(threads_give_back_what_others_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
