/* test_head_sort.c - whatever the keys look like, they come out in the order of their bytes, and equal
 * ones in the order they came. */
#include "collection/head_sort.h"

#include "seed.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOST 5000u

static struct {
    char keys[MOST][32];
    head_item items[MOST], scratch[MOST];
} w;

/* Places are numbers of keys; of equal keys none precedes the other. */
static bool precedes(const void *state, uint64_t a, uint64_t b)
{
    (void)state;
    return strcmp(w.keys[a], w.keys[b]) < 0;
}

static void sort_and_check(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        w.items[i] = (head_item){head_of_key(pbase_bytes_text(w.keys[i])), i};
    }
    head_sort(w.items, w.scratch, count, precedes, NULL);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += w.items[i].place;
        if (i > 0) {
            int order = strcmp(w.keys[w.items[i - 1].place], w.keys[w.items[i].place]);
            assert_true(order < 0 || (order == 0 && w.items[i - 1].place < w.items[i].place));
        }
    }
    assert_int_equal(sum, (uint64_t)count * (count - (count > 0)) / 2);
}

/* How keys look: spread, numbers behind a long or short beginning, few and often, in order. */
static void fill(size_t count, unsigned look, seed_random *random)
{
    for (size_t i = 0; i < count; i++) {
        unsigned long long drawn = seed_below(random, UINT64_C(1) << 40);
        char *key = w.keys[i];
        switch (look) {
        case 0:
            (void)snprintf(key, 32, "%llx", drawn * 0x9e3779b97f4a7c15u);
            break;
        case 1:
            (void)snprintf(key, 32, "a long beginning %07llu", drawn % 9999999u);
            break;
        case 2:
            (void)snprintf(key, 32, "u%06llu", drawn % 1000000u);
            break;
        case 3:
            (void)snprintf(key, 32, "%llu", drawn % 7u);
            break;
        default:
            (void)snprintf(key, 32, "in order %08zu", i);
            break;
        }
    }
}

static void keys_of_any_look_are_sorted_and_equal_ones_stay_in_order(void **state)
{
    static const size_t counts[] = {0, 1, 2, 15, 16, 17, 33, 255, 256, 257, 1000, MOST};
    seed_random random;
    (void)state;
    seed_random_init(&random, seed_for("core.collection.head_sort"));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (unsigned look = 0; look < 5; look++) {
            fill(counts[i], look, &random);
            sort_and_check(counts[i]);
        }
    }
}

static void heads_order_as_the_bytes_do(void **state)
{
    (void)state;
    assert_true(head_of_key(pbase_bytes_text("")) == 0);
    assert_true(head_of_key(pbase_bytes_text("a")) < head_of_key(pbase_bytes_text("b")));
    assert_true(head_of_key(pbase_bytes_text("a")) < head_of_key(pbase_bytes_text("ab")));
    assert_true(head_of_key(pbase_bytes_text("abcdefg")) <
                head_of_key(pbase_bytes_text("abcdefgh")));
    assert_true(head_of_key(pbase_bytes_text("abcdefgh")) ==
                head_of_key(pbase_bytes_text("abcdefghi")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_any_look_are_sorted_and_equal_ones_stay_in_order),
        cmocka_unit_test(heads_order_as_the_bytes_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
