/* test_store_staging.c - bytes that are gathered to be written past the page cache. */
#include "fault_alloc.h"
#include "store_staging.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void what_is_added_lies_together_from_a_block_on(void **unused)
{
    (void)unused;
    fault_alloc memory;
    store_staging staging;
    uint8_t expected[40 * 1000];
    size_t size = 0;
    fault_alloc_init(&memory);
    store_staging_init(&staging, &memory.alloc);
    memset(expected, 0, sizeof expected);

    for (size_t i = 0; i < 40; i++) { /* several times past what fits */
        uint8_t piece[900];
        memset(piece, (int)i + 1, sizeof piece);
        memcpy(expected + size, piece, sizeof piece);
        assert_int_equal(
            store_staging_add(&staging, pbase_bytes_of(piece, sizeof piece), 100, NULL), PBASE_OK);
        size += 1000;

        assert_int_equal((uintptr_t)staging.data % STORE_BLOCK_BYTES, 0);
        assert_int_equal(staging.size, size);
        assert_memory_equal(staging.data, expected, size);
    }
    store_staging_fini(&staging);
    assert_int_equal(fault_alloc_live_bytes(&memory), 0);
}

static void without_memory_nothing_is_added(void **unused)
{
    (void)unused;
    fault_alloc memory;
    store_staging staging;
    pbase_error err;
    uint8_t *large = calloc(1, 2 * STORE_BLOCK_BYTES);
    assert_non_null(large);
    fault_alloc_init(&memory);
    store_staging_init(&staging, &memory.alloc);
    pbase_error_init(&err);
    assert_int_equal(store_staging_add(&staging, pbase_bytes_text("kept"), 4, NULL), PBASE_OK);
    fault_alloc_fail_from(&memory, 1);

    assert_int_equal(
        store_staging_add(&staging, pbase_bytes_of(large, 2 * STORE_BLOCK_BYTES), 0, &err),
        PBASE_NO_MEMORY);

    assert_int_equal(staging.size, 8);
    assert_memory_equal(staging.data, "kept\0\0\0", 8);
    assert_int_equal(store_staging_add(&staging, pbase_bytes_text("fits"), 0, NULL), PBASE_OK);
    assert_memory_equal(staging.data, "kept\0\0\0\0fits", 12);
    store_staging_fini(&staging);
    free(large);
    assert_int_equal(fault_alloc_live_bytes(&memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_lies_together_from_a_block_on),
        cmocka_unit_test(without_memory_nothing_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
