/* space_case.h - one space, open when a test begins, checked and closed when it ends, for the test programs
 * that have nothing else. Static, so that each has its own. */
#ifndef PBASE_TEST_SPACE_CASE_H
#define PBASE_TEST_SPACE_CASE_H
#include "space_fixture.h"

static space_fixture f;

static inline int begin_memory(void **unused)
{
    (void)unused;
    fixture_memory(&f);
    return 0;
}

static inline int begin_file(void **unused)
{
    (void)unused;
    fixture_file(&f);
    return 0;
}

static inline int end(void **unused)
{
    (void)unused;
    fixture_assert_clean(&f);
    fixture_end(&f);
    return 0;
}

#endif
