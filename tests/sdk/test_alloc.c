/* The default allocator, and the faulty one that other tests stand on. */
#include "fault_alloc.h"
#include <protobase/base/alloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* after setjmp.h */
#include <cmocka.h>

static void default_blocks_are_aligned_and_keep_their_bytes(void **state)
{
    (void)state;
    const pbase_alloc *alloc = pbase_alloc_default();
    for (size_t size = 1; size < 5000; size = size * 3 + 1) {
        uint8_t *memory = (uint8_t *)pbase_alloc_new(alloc, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 16, 0);
        memset(memory, 7, size);
        memory = (uint8_t *)alloc->resize(alloc, memory, size, size * 2);
        assert_non_null(memory);
        assert_int_equal(memory[0], 7);
        assert_int_equal(memory[size - 1], 7);
        pbase_alloc_free(alloc, memory, size * 2);
    }
}

static void size_zero_gives_null(void **state)
{
    (void)state;
    assert_null(pbase_alloc_new(pbase_alloc_default(), 0));
    assert_null(pbase_alloc_zeroed(pbase_alloc_default(), 0, 8));
    assert_null(pbase_alloc_zeroed(pbase_alloc_default(), 8, 0));
    pbase_alloc_free(pbase_alloc_default(), NULL, 0);
}

static void zeroed_is_zero_and_refuses_overflow(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa); /* fills with rubbish */
    uint8_t *memory = (uint8_t *)pbase_alloc_zeroed(&fa.alloc, 10, 10);
    assert_non_null(memory);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(memory[i], 0);
    }
    pbase_alloc_free(&fa.alloc, memory, 100);
    assert_null(pbase_alloc_zeroed(&fa.alloc, SIZE_MAX / 8 + 1, 8));
    assert_null(pbase_alloc_zeroed(&fa.alloc, SIZE_MAX, SIZE_MAX));
}

static void fault_alloc_fails_only_the_nth_request(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa);
    fault_alloc_fail_at(&fa, 2);
    void *first = pbase_alloc_new(&fa.alloc, 10);
    void *second = pbase_alloc_new(&fa.alloc, 10);
    bool has_failed = fault_alloc_has_failed(&fa);
    void *third = pbase_alloc_new(&fa.alloc, 10);
    assert_non_null(first);
    assert_null(second);
    assert_true(has_failed);
    assert_non_null(third);
    assert_int_equal(fault_alloc_requests(&fa), 3);
    assert_int_equal(fault_alloc_live_bytes(&fa), 20);
    pbase_alloc_free(&fa.alloc, first, 10);
    pbase_alloc_free(&fa.alloc, third, 10);
    assert_int_equal(fault_alloc_live_blocks(&fa), 0);
}

static void fault_alloc_leaves_the_old_block_when_growing_fails(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa);
    char *memory = (char *)pbase_alloc_new(&fa.alloc, 4);
    assert_non_null(memory);
    memcpy(memory, "abc", 4);
    fault_alloc_fail_at(&fa, 1);
    assert_null(fa.alloc.resize(&fa.alloc, memory, 4, 400));
    assert_string_equal(memory, "abc");
    pbase_alloc_free(&fa.alloc, memory, 4);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_blocks_are_aligned_and_keep_their_bytes),
        cmocka_unit_test(size_zero_gives_null),
        cmocka_unit_test(zeroed_is_zero_and_refuses_overflow),
        cmocka_unit_test(fault_alloc_fails_only_the_nth_request),
        cmocka_unit_test(fault_alloc_leaves_the_old_block_when_growing_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
