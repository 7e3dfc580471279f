/* journal_case.h - one journal on a simulated machine, open when a test begins and closed when it ends, for
 * the test programs that have nothing else. Static functions, as those of the bed. */
#ifndef TESTS_SDK_JOURNAL_CASE_H
#define TESTS_SDK_JOURNAL_CASE_H
#include "journal_bed.h"

static sim_os *sim;
static bed on;

static inline int set_up(void **state)
{
    (void)state;
    sim = sim_os_create(1);
    bed_init(&on, sim);
    assert_int_equal(bed_open(&on, NULL), PBASE_OK);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    bed_close(&on);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
    return 0;
}

static inline void reopen(void)
{
    bed_close(&on);
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(bed_open(&on, &err), PBASE_OK);
}

static inline pbase_journal_appended append(uint64_t number, size_t count, size_t size,
                                            int32_t durability)
{
    pbase_journal_appended done = {0, 0};
    assert_int_equal(bed_append(&on, number, count, size, durability, &done, NULL), PBASE_OK);
    return done;
}

static inline pbase_journal_head head(void)
{
    pbase_journal_head now = {0, 0, 0, 0};
    journal_head(on.journal, &now);
    return now;
}

static inline void assert_numbers(pbase_position from, uint64_t first, size_t count)
{
    uint64_t numbers[4096];
    size_t found = 0;
    assert_int_equal(bed_scan(&on, from, numbers, 4096, &found), PBASE_END);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(numbers[i], first + i);
    }
}

static inline const char *segment_path(pbase_position base)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/journal+%016llx", (unsigned long long)base);
    return path;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
