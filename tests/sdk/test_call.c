/* Deadlines and cancel flags, on a clock that stands still. */
#include <protobase/base/os.h>
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

typedef struct {
    uint64_t now_ns;
    unsigned asked;
} fake_clock;

static uint64_t fake_monotonic_ns(const pbase_os *os)
{
    fake_clock *clock = (fake_clock *)os->state;
    clock->asked++;
    return clock->now_ns;
}

static const pbase_os_system_ops system_ops = {.struct_size = sizeof(pbase_os_system_ops),
                                               .monotonic_ns = fake_monotonic_ns};

static pbase_os os_with(fake_clock *clock)
{
    pbase_os os = {.struct_size = sizeof(pbase_os), .system = &system_ops, .state = clock};
    return os;
}

static void null_call_and_endless_call_go_on(void **state)
{
    (void)state;
    fake_clock clock = {.now_ns = UINT64_MAX - 1};
    pbase_os os = os_with(&clock);
    pbase_call call = {.deadline_ns = PBASE_NO_DEADLINE};
    assert_int_equal(pbase_call_check(NULL, &os, NULL), PBASE_OK);
    assert_int_equal(pbase_call_check(&call, &os, NULL), PBASE_OK);
    assert_int_equal(clock.asked, 0); /* the clock costs time */
}

static void call_is_over_at_its_deadline(void **state)
{
    (void)state;
    fake_clock clock = {.now_ns = 999};
    pbase_os os = os_with(&clock);
    pbase_call call = {.deadline_ns = 1000};
    pbase_error err;
    assert_int_equal(pbase_call_check(&call, &os, &err), PBASE_OK);
    clock.now_ns = 1000;
    assert_int_equal(pbase_call_check(&call, &os, &err), PBASE_TIMEOUT);
    assert_int_equal(err.code, PBASE_TIMEOUT);
}

static void cancelling_wins_over_the_deadline(void **state)
{
    (void)state;
    fake_clock clock = {.now_ns = 2000};
    pbase_os os = os_with(&clock);
    uint32_t cancelled = 0;
    pbase_call call = {.deadline_ns = 1000, .cancelled = &cancelled};
    assert_int_equal(pbase_call_check(&call, &os, NULL), PBASE_TIMEOUT);
    cancelled = 1;
    assert_int_equal(pbase_call_check(&call, &os, NULL), PBASE_CANCELLED);
}

static void deadline_counts_from_now_and_saturates(void **state)
{
    (void)state;
    fake_clock clock = {.now_ns = 5};
    pbase_os os = os_with(&clock);
    assert_true(pbase_os_deadline(&os, 0) == PBASE_NO_DEADLINE);
    assert_true(pbase_os_deadline(&os, 3) == 3000005);
    assert_true(pbase_os_deadline(&os, UINT64_MAX) == PBASE_NO_DEADLINE);
    clock.now_ns = UINT64_MAX - 1000;
    assert_true(pbase_os_deadline(&os, 1) == PBASE_NO_DEADLINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_call_and_endless_call_go_on),
        cmocka_unit_test(call_is_over_at_its_deadline),
        cmocka_unit_test(cancelling_wins_over_the_deadline),
        cmocka_unit_test(deadline_counts_from_now_and_saturates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
