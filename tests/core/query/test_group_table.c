/* Groups by hash, against a plain list. */
#include "query/group_table.h"
#include "random_value.h"
#include "seed.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

#define LOOKUPS 5000u

static void groups_are_those_of_equal_keys_in_order_of_appearance(void **state)
{
    (void)state;
    static const random_value_options options = {.depth_max = 1, .items_max = 2};
    static pbase_value seen[LOOKUPS][2];
    seed_random random;
    pbase_arena arena;
    group_table table;
    size_t count = 0;
    seed_random_init(&random, seed_for("core.query.group_table"));
    pbase_arena_init(&arena, pbase_alloc_default());
    group_table_init(&table, pbase_alloc_default(), 2, 16);
    for (unsigned i = 0; i < LOOKUPS; i++) {
        bool is_known = count > 0 && seed_below(&random, 2) == 0;
        size_t at = is_known ? seed_below(&random, count) : 0;
        pbase_value a = is_known ? seen[at][0] : random_value(&random, &options, &arena);
        pbase_value b = is_known ? seen[at][1] : pbase_value_int((int64_t)seed_below(&random, 3));
        if (b.kind == PBASE_INT && seed_below(&random, 2) == 0) {
            b = pbase_value_float((double)b.as.integer); /* the same key in another spelling */
        }
        const pbase_value *keys[2] = {&a, &b};
        uint32_t number = 0;
        bool is_new = false;
        assert_int_equal(group_table_find(&table, keys, &number, &is_new, NULL), PBASE_OK);
        size_t wanted = 0;
        while (wanted < count && (pbase_value_compare(&seen[wanted][0], &a) != 0 ||
                                  pbase_value_compare(&seen[wanted][1], &b) != 0)) {
            wanted++;
        }
        assert_int_equal(number, wanted);
        assert_int_equal(is_new, wanted == count);
        if (is_new) {
            seen[count][0] = a;
            seen[count++][1] = b;
            assert_int_equal((uintptr_t)table.groups[number].state % 16, 0);
        }
        assert_true(pbase_value_identical(&table.groups[number].keys[1], &seen[number][1]));
    }
    assert_int_equal(table.count, count);
    group_table_fini(&table);
    pbase_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_those_of_equal_keys_in_order_of_appearance),
    };
    return cmocka_run_group_tests_name("core.query.group_table", tests, NULL, NULL);
}
