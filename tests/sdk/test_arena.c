/* Arenas: alignment, lifetime, reuse, lack of memory. */
#include "fault_alloc.h"
#include "seed.h"
#include <protobase/base/arena.h>
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

static void untouched_arena_ends_without_memory(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa);
    pbase_arena arena;
    pbase_arena_init(&arena, &fa.alloc);
    pbase_arena_reset(&arena);
    pbase_arena_fini(&arena);
    assert_int_equal(fault_alloc_requests(&fa), 0);
}

static void pieces_are_aligned_apart_and_stay(void **state)
{
    (void)state;
    seed_random random;
    seed_random_init(&random, seed_for("pieces_are_aligned_apart_and_stay"));
    fault_alloc fa;
    fault_alloc_init(&fa);
    pbase_arena arena;
    pbase_arena_init(&arena, &fa.alloc);
    static uint8_t *pieces[2000];
    static size_t sizes[2000];
    for (size_t i = 0; i < 2000; i++) {
        sizes[i] = seed_below(&random, i % 50 == 0 ? 40000 : 200);
        pieces[i] = (uint8_t *)pbase_arena_alloc(&arena, sizes[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < 2000; i++) {
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(pieces[i][k], i % 251);
        }
    }
    pbase_arena_fini(&arena);
    assert_int_equal(fault_alloc_live_blocks(&fa), 0);
}

static void reset_keeps_only_the_largest_block(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa);
    pbase_arena arena;
    pbase_arena_init(&arena, &fa.alloc);
    assert_non_null(pbase_arena_alloc(&arena, 100));
    assert_non_null(pbase_arena_alloc(&arena, 100000));
    assert_non_null(pbase_arena_alloc(&arena, 50));
    pbase_arena_reset(&arena);
    assert_int_equal(fault_alloc_live_blocks(&fa), 1);
    fault_alloc_fail_at(&fa, 1);
    assert_non_null(pbase_arena_alloc(&arena, 100000)); /* from what was kept */
    assert_false(fault_alloc_has_failed(&fa));
    pbase_arena_fini(&arena);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void large_piece_does_not_waste_the_open_block(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa);
    pbase_arena arena;
    pbase_arena_init(&arena, &fa.alloc);
    uint8_t *before = (uint8_t *)pbase_arena_alloc(&arena, 16);
    assert_non_null(pbase_arena_alloc(&arena, 1 << 20));
    uint8_t *after = (uint8_t *)pbase_arena_alloc(&arena, 16);
    assert_ptr_equal(after, before + 16);
    pbase_arena_fini(&arena);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void size_zero_gives_a_valid_pointer(void **state)
{
    (void)state;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_non_null(pbase_arena_alloc(&arena, 0));
    assert_non_null(pbase_arena_array(&arena, 0, 100));
    assert_non_null(pbase_arena_array(&arena, 100, 0));
    pbase_arena_fini(&arena);
}

static void overflowing_sizes_are_refused(void **state)
{
    (void)state;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_null(pbase_arena_alloc(&arena, SIZE_MAX));
    assert_null(pbase_arena_alloc(&arena, SIZE_MAX - 15));
    assert_null(pbase_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(pbase_arena_text(&arena, pbase_bytes_of("", SIZE_MAX)));
    pbase_arena_fini(&arena);
}

static void copies_hold_nul_bytes_and_end_texts(void **state)
{
    (void)state;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_bytes original = pbase_bytes_of("a\0b", 3);
    pbase_bytes copy;
    assert_int_equal(pbase_arena_copy(&arena, original, &copy, NULL), PBASE_OK);
    assert_true(pbase_bytes_equal(copy, original));
    assert_ptr_not_equal(copy.data, original.data);
    assert_int_equal(pbase_arena_copy(&arena, pbase_bytes_of(NULL, 0), &copy, NULL), PBASE_OK);
    assert_int_equal(copy.size, 0);
    assert_string_equal(pbase_arena_text(&arena, pbase_bytes_text("text")), "text");
    assert_string_equal(pbase_arena_text(&arena, pbase_bytes_of(NULL, 0)), "");
    pbase_arena_fini(&arena);
}

/* Some pieces of many sizes; false at the first that there is no memory for. */
static bool fill(pbase_arena *arena)
{
    pbase_bytes copy = {NULL, 0};
    for (size_t i = 0; i < 30; i++) {
        if (pbase_arena_alloc(arena, i * 700) == NULL) {
            return false;
        }
    }
    return pbase_arena_copy(arena, pbase_bytes_text("x"), &copy, NULL) == PBASE_OK &&
           pbase_arena_text(arena, pbase_bytes_text("y")) != NULL;
}

static void lack_of_memory_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa);
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        pbase_arena arena;
        pbase_arena_init(&arena, &fa.alloc);
        fault_alloc_fail_at(&fa, n);
        is_done = fill(&arena);
        assert_int_equal(is_done, !fault_alloc_has_failed(&fa));
        assert_non_null(pbase_arena_alloc(&arena, 1)); /* still usable */
        pbase_arena_fini(&arena);
        assert_int_equal(fault_alloc_live_bytes(&fa), 0);
    }
}

static void failed_copy_leaves_out_untouched(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa);
    fault_alloc_fail_at(&fa, 1);
    pbase_arena arena;
    pbase_arena_init(&arena, &fa.alloc);
    pbase_bytes out = pbase_bytes_text("before");
    pbase_error err;
    assert_int_equal(pbase_arena_copy(&arena, pbase_bytes_text("x"), &out, &err), PBASE_NO_MEMORY);
    assert_int_equal(err.code, PBASE_NO_MEMORY);
    assert_string_equal((const char *)out.data, "before");
    pbase_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untouched_arena_ends_without_memory),
        cmocka_unit_test(pieces_are_aligned_apart_and_stay),
        cmocka_unit_test(reset_keeps_only_the_largest_block),
        cmocka_unit_test(large_piece_does_not_waste_the_open_block),
        cmocka_unit_test(size_zero_gives_a_valid_pointer),
        cmocka_unit_test(overflowing_sizes_are_refused),
        cmocka_unit_test(copies_hold_nul_bytes_and_end_texts),
        cmocka_unit_test(lack_of_memory_is_reported_and_leaks_nothing),
        cmocka_unit_test(failed_copy_leaves_out_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
