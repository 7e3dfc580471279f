/* What the host lends to plugins. */
#include "host/services.h"
#include "os/os.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

#define THREADS 4
#define ROUNDS 1000

static pbase_host host;

static int set_up(void **state)
{
    (void)state;
    services_init(&host, pbase_os_real(), NULL);
    return 0;
}

static void crc32c_is_that_of_castagnoli(void **state)
{
    (void)state;

    /* RFC 3720, appendix B.4, and the usual check value. */
    uint8_t zeros[32] = {0};
    assert_int_equal(host.crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(host.crc32c(0, zeros, sizeof(zeros)), 0x8a9136aau);
    assert_int_equal(host.crc32c(host.crc32c(0, "1234", 4), "56789", 5), 0xe3069283u);
    assert_int_equal(host.crc32c(7, NULL, 0), 7);
}

static void hash64_depends_on_bytes_and_seed(void **state)
{
    (void)state;

    assert_int_equal(host.hash64("", 0, 0), 0x2d06800538d394c2u); /* XXH3's value of nothing */
    assert_true(host.hash64("a", 1, 0) != host.hash64("a", 1, 1));
    assert_true(host.hash64("a", 1, 0) != host.hash64("b", 1, 0));
}

typedef struct {
    const char *name;
    uint64_t value;
} metric_search;

static void find_metric(void *state, const char *name, uint64_t value)
{
    metric_search *search = state;
    if (strcmp(name, search->name) == 0) {
        search->value = value;
    }
}

static uint64_t counted(const char *wanted)
{
    metric_search search = {wanted, 0};
    services_metrics(find_metric, &search);
    return search.value;
}

static void count(void *state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        host.metric_add(&host, "test_services_shared", 2);
    }
}

static void run_threads(void (*run)(void *state), void *state)
{
    const pbase_os *os = pbase_os_real();
    pbase_os_thread *threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(os->thread->start(os, "test", run, state, &threads[i], NULL), PBASE_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        os->thread->join(threads[i]);
    }
}

static void counters_add_up_over_threads(void **state)
{
    char same_name[] = "test_services_shared"; /* equal text at another address */
    (void)state;

    run_threads(count, NULL);
    host.metric_add(&host, same_name, 1);

    assert_int_equal(counted("test_services_shared"), THREADS * ROUNDS * 2 + 1);
    assert_int_equal(counted("test_services_never"), 0);
}

static void names_past_the_limit_are_not_counted(void **state)
{
    static char names[SERVICES_METRICS_MAX + 10][32];
    (void)state;
    for (size_t i = 0; i < SERVICES_METRICS_MAX + 10; i++) {
        snprintf(names[i], sizeof(names[i]), "test_services_%zu", i);
        host.metric_add(&host, names[i], 1);
    }

    assert_int_equal(counted(names[0]), 1);
    assert_int_equal(counted(names[SERVICES_METRICS_MAX + 9]), 0);
}

static pbase_status set_up_once(void *state, pbase_error *err)
{
    _Atomic int *calls = state;
    (void)err;
    atomic_fetch_add(calls, 1);
    return PBASE_OK;
}

static _Atomic int shared_calls;

static void ask_once(void *state)
{
    (void)state;
    assert_int_equal(host.run_once(&host, "test.shared", set_up_once, &shared_calls, NULL),
                     PBASE_OK);
}

static void a_set_up_runs_a_single_time_over_threads(void **state)
{
    (void)state;

    run_threads(ask_once, NULL);
    ask_once(NULL);

    assert_int_equal(atomic_load(&shared_calls), 1);
}

static pbase_status fail_first(void *state, pbase_error *err)
{
    int *calls = state;
    return ++*calls == 1 ? PBASE_FAIL(err, PBASE_IO, "not yet") : PBASE_OK;
}

static void a_set_up_that_failed_is_tried_again(void **state)
{
    int calls = 0;
    (void)state;

    assert_int_equal(host.run_once(&host, "test.again", fail_first, &calls, NULL), PBASE_IO);
    assert_int_equal(host.run_once(&host, "test.again", fail_first, &calls, NULL), PBASE_OK);
    assert_int_equal(host.run_once(&host, "test.again", fail_first, &calls, NULL), PBASE_OK);

    assert_int_equal(calls, 2);
}

static void keys_of_a_set_up_have_limits(void **state)
{
    char long_key[80];
    char key[16];
    pbase_status status = PBASE_OK;
    (void)state;
    memset(long_key, 'k', sizeof(long_key) - 1);
    long_key[sizeof(long_key) - 1] = '\0';

    assert_int_equal(host.run_once(&host, "", set_up_once, &shared_calls, NULL), PBASE_INVALID);
    assert_int_equal(host.run_once(&host, long_key, set_up_once, &shared_calls, NULL),
                     PBASE_INVALID);
    for (unsigned i = 0; i <= SERVICES_ONCE_MAX && status == PBASE_OK; i++) {
        snprintf(key, sizeof(key), "test.%u", i);
        status = host.run_once(&host, key, set_up_once, &shared_calls, NULL);
    }
    assert_int_equal(status, PBASE_LIMIT);
}

static void the_table_says_what_it_is(void **state)
{
    (void)state;

    assert_int_equal(host.struct_size, sizeof(host));
    assert_int_equal(host.abi_major, PBASE_ABI_MAJOR);
    assert_ptr_equal(host.alloc, host.os->memory);
    assert_null(host.service(&host, "nothing/1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_is_that_of_castagnoli),
        cmocka_unit_test(hash64_depends_on_bytes_and_seed),
        cmocka_unit_test(counters_add_up_over_threads),
        cmocka_unit_test(a_set_up_runs_a_single_time_over_threads),
        cmocka_unit_test(a_set_up_that_failed_is_tried_again),
        cmocka_unit_test(the_table_says_what_it_is),
        /* these use up what the process has */
        cmocka_unit_test(names_past_the_limit_are_not_counted),
        cmocka_unit_test(keys_of_a_set_up_have_limits),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
