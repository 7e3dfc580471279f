/* test_latency.c - quantiles to within a quarter. */
#include "store/latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void nothing_recorded_has_no_quantile(void **unused)
{
    (void)unused;
    latency empty = {.total_ns = 0};
    assert_int_equal(latency_count(&empty), 0);
    assert_int_equal(latency_quantile(&empty, 500), 0);
    assert_int_equal(latency_quantile(&empty, 1000), 0);
}

static void a_quantile_is_the_end_of_its_bucket(void **unused)
{
    (void)unused;
    latency times = {.total_ns = 0};
    for (int i = 0; i < 99; i++) {
        latency_record(&times, 1000); /* 896..1023 */
    }
    latency_record(&times, 1000000); /* 917504..1048575 */
    assert_int_equal(latency_quantile(&times, 500), 1023);
    assert_int_equal(latency_quantile(&times, 990), 1023);
    assert_int_equal(latency_quantile(&times, 991), 1048575);
    assert_int_equal(latency_quantile(&times, 1000), 1048575);
    assert_int_equal(times.total_ns, 99 * 1000 + 1000000);
}

static void the_extremes_have_buckets(void **unused)
{
    (void)unused;
    latency times = {.total_ns = 0};
    latency_record(&times, 0);
    assert_int_equal(latency_quantile(&times, 1000), 0);
    latency_record(&times, UINT64_MAX / 2);
    assert_int_equal(latency_count(&times), 2);
    assert_true(latency_quantile(&times, 1000) >= UINT64_C(1) << 39);
}

static void a_quantile_is_at_most_a_quarter_too_high(void **unused)
{
    (void)unused;
    for (uint64_t elapsed = 1; elapsed < UINT64_C(1) << 37; elapsed += elapsed / 7 + 1) {
        latency times = {.total_ns = 0};
        latency_record(&times, elapsed);
        uint64_t told = latency_quantile(&times, 500);
        assert_true(told >= elapsed);
        assert_true(told <= elapsed + elapsed / 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_recorded_has_no_quantile),
        cmocka_unit_test(a_quantile_is_the_end_of_its_bucket),
        cmocka_unit_test(the_extremes_have_buckets),
        cmocka_unit_test(a_quantile_is_at_most_a_quarter_too_high),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
