/* test_ref_map.c - what is put in is found, and nothing else. */
#include "atom/ref_map.h"
#include "fault_alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void pairs_are_found_again_after_the_map_has_grown(void **unused)
{
    (void)unused;
    ref_map map;
    atom_ref to = 7;
    ref_map_init(&map, pbase_alloc_default());
    assert_false(ref_map_find(&map, 9, &to));
    for (atom_ref i = 1; i <= 5000; i++) {
        assert_int_equal(ref_map_add(&map, i * 64 + 1, i, NULL), PBASE_OK);
    }
    for (atom_ref i = 1; i <= 5000; i++) {
        assert_true(ref_map_find(&map, i * 64 + 1, &to));
        assert_int_equal(to, i);
        assert_false(ref_map_find(&map, i * 64, &to));
    }
    assert_int_equal(to, 5000); /* untouched by those that are not there */
    ref_map_fini(&map);
}

static void without_memory_a_map_is_as_before(void **unused)
{
    (void)unused;
    fault_alloc fa;
    ref_map map;
    atom_ref to = 0;
    fault_alloc_init(&fa);
    ref_map_init(&map, &fa.alloc);
    fault_alloc_fail_at(&fa, 2); /* the first one that grows */
    atom_ref i = 1;
    while (ref_map_add(&map, i, i + 1, NULL) == PBASE_OK) {
        i++;
    }
    assert_true(fault_alloc_has_failed(&fa));
    assert_false(ref_map_find(&map, i, &to));
    assert_int_equal(ref_map_add(&map, i, i + 1, NULL), PBASE_OK);
    for (atom_ref j = 1; j <= i; j++) {
        assert_true(ref_map_find(&map, j, &to));
        assert_int_equal(to, j + 1);
    }
    ref_map_fini(&map);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_found_again_after_the_map_has_grown),
        cmocka_unit_test(without_memory_a_map_is_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
