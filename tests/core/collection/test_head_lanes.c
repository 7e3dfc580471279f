/* test_head_lanes.c - heads compared side by side tell what heads compared one by one tell. */
#include "collection/search.h"
#include "seed.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUNDS 20000u
#define COUNT_MAX 300u

/* Heads that are often equal, near one another, or at the ends of what a number holds. */
static uint32_t any_head(seed_random *random)
{
    static const uint32_t ends[] = {0, 1, INT32_MAX, 0x80000000u, UINT32_MAX - 1, UINT32_MAX};
    switch (seed_below(random, 4)) {
    case 0:
        return ends[seed_below(random, sizeof ends / sizeof ends[0])];
    case 1:
        return 0x7fffff00u + (uint32_t)seed_below(random, 512);
    default:
        return (uint32_t)seed_below(random, (uint64_t)1 << 32);
    }
}

static int order(const void *a, const void *b)
{
    uint32_t first = pbase_get_u32(a), second = pbase_get_u32(b);
    return (first > second) - (first < second);
}

/* `count` sorted heads, and others behind them that are in no order. */
static void fill(seed_random *random, uint8_t *heads, uint32_t count, uint32_t behind)
{
    for (uint32_t i = 0; i < count + behind; i++) {
        pbase_put_u32(heads + (size_t)i * 4, any_head(random));
    }
    qsort(heads, count, 4, order);
}

static void sixteen_at_once_are_counted_as_one_by_one(void **unused)
{
    (void)unused;
    seed_random random;
    uint8_t heads[2 * HEAD_LANES_BYTES];
    seed_random_init(&random, seed_for("test_head_lanes"));
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t count = (uint32_t)seed_below(&random, HEAD_LANES + 1);
        fill(&random, heads, count, HEAD_LANES);
        uint32_t head = count > 0 && i % 2 == 0
                            ? pbase_get_u32(heads + seed_below(&random, count) * 4)
                            : any_head(&random);
        assert_int_equal(head_lanes_below(heads, count, head), head_lanes_few(heads, count, head));
    }
}

static uint32_t bound_one_by_one(const node *self, uint32_t from, uint32_t to, uint32_t head)
{
    while (from < to && node_head(self, from) < head) {
        from++;
    }
    return from;
}

/* Also at the very end of a payload, where sixteen cannot be read. */
static void the_bound_among_any_number_is_the_first_that_is_not_below(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("test_head_lanes bounds"));
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t count = (uint32_t)seed_below(&random, COUNT_MAX);
        uint32_t behind = (uint32_t)seed_below(&random, 20);
        uint8_t *payload =
            malloc(32 + (size_t)(count + behind) * 4); /* exact: ASan sees the rest */
        assert_non_null(payload);
        fill(&random, payload + 32, count, behind);
        node self = {.payload = payload,
                     .size = 32 + (count + behind) * 4,
                     .count = count,
                     .heads = payload + 32};
        uint32_t from = (uint32_t)seed_below(&random, count + 1);
        uint32_t to = from + (uint32_t)seed_below(&random, count - from + 1);
        uint32_t head = any_head(&random);
        assert_int_equal(node_head_bound(&self, from, to, head),
                         bound_one_by_one(&self, from, to, head));
        uint32_t low = count > 1, high = count;
        if (low < high) {
            node_head_narrow(&self, head, (uint32_t)seed_below(&random, count), &low, &high);
        }
        assert_int_equal(node_head_bound(&self, low, high, head),
                         bound_one_by_one(&self, count > 1, count, head));
        free(payload);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_at_once_are_counted_as_one_by_one),
        cmocka_unit_test(the_bound_among_any_number_is_the_first_that_is_not_below)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
