/* block_provider_suite.h - what every block provider must do: the sentences of
 * <protobase/plugin/block_provider.h> as tests. Run against each shipped provider and each fake,
 * loaded from its plugin file. */
#ifndef PBASE_TEST_BLOCK_PROVIDER_SUITE_H
#define PBASE_TEST_BLOCK_PROVIDER_SUITE_H
#include "test_host.h"

typedef struct {
    const char *name; /* of the test group */
    /* Describes a provider whose bytes live below `folder`, a fresh one for each test. Lent. */
    const test_wiring *(*wiring)(const char *folder);
} blocks_subject;

/* Runs all tests; the exit code of the program. */
int blocks_suite_run(const blocks_subject *subject);
/* Its parts, each in a file of its own; how many tests failed. */
int blocks_segments_suite_run(const blocks_subject *subject);
int blocks_names_suite_run(const blocks_subject *subject);
int blocks_users_suite_run(const blocks_subject *subject);

#endif
