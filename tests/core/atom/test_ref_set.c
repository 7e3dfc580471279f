/* test_ref_set.c - references are in the set once, however many there are. */
#include "atom/ref_set.h"
#include "fault_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_reference_is_new_once(void **unused)
{
    (void)unused;
    ref_set set;
    bool first = false;
    ref_set_init(&set, pbase_alloc_default());
    for (uint64_t round = 0; round < 2; round++) {
        for (uint64_t i = 1; i <= 5000; i++) {
            assert_int_equal(ref_set_add(&set, i * 512 + 1, &first, NULL), PBASE_OK);
            assert_int_equal(first, round == 0);
        }
    }
    assert_int_equal(set.count, 5000);
    ref_set_fini(&set);
    assert_int_equal(set.count, 0);
}

static void without_memory_the_set_is_as_before(void **unused)
{
    (void)unused;
    fault_alloc memory;
    ref_set set;
    bool first = false;
    fault_alloc_init(&memory);
    ref_set_init(&set, &memory.alloc);
    for (uint64_t i = 1; i <= 32; i++) {
        assert_int_equal(ref_set_add(&set, i * 64 + 1, &first, NULL), PBASE_OK);
    }
    fault_alloc_fail_at(&memory, 1);
    assert_int_equal(ref_set_add(&set, 33 * 64 + 1, &first, NULL), PBASE_NO_MEMORY);
    assert_int_equal(set.count, 32);
    fault_alloc_fail_at(&memory, 0);
    assert_int_equal(ref_set_add(&set, 7 * 64 + 1, &first, NULL), PBASE_OK);
    assert_false(first);
    assert_int_equal(ref_set_add(&set, 33 * 64 + 1, &first, NULL), PBASE_OK);
    assert_true(first);
    ref_set_fini(&set);
    assert_int_equal(fault_alloc_live_bytes(&memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_is_new_once),
        cmocka_unit_test(without_memory_the_set_is_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
