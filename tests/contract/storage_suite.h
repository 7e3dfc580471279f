/* storage_suite.h - what every storage must do: the sentences of <protobase/plugin/storage.h> as
 * tests. Run against each shipped storage and each fake, loaded from its plugin file. */
#ifndef PBASE_TEST_STORAGE_SUITE_H
#define PBASE_TEST_STORAGE_SUITE_H
#include "test_host.h"

typedef struct {
    const char *name; /* of the test group */
    /* Describes a storage whose bytes live below `folder`, a fresh one for each test. Lent. */
    const test_wiring *(*wiring)(const char *folder);
} storage_subject;

/* Runs all tests; the exit code of the program. */
int storage_suite_run(const storage_subject *subject);
/* Its parts, each in a file of its own; how many tests failed. */
int storage_journal_suite_run(const storage_subject *subject);
int storage_atoms_suite_run(const storage_subject *subject);
int storage_locks_suite_run(const storage_subject *subject);
/* The same for two openings at once, of a storage that can be shared (storage_shared_suite.c). */
int storage_shared_suite_run(const storage_subject *subject);

#endif
