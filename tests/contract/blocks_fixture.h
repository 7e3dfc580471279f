/* blocks_fixture.h - one open block provider for one test, with short ways to use it. */
#ifndef PBASE_TEST_BLOCKS_FIXTURE_H
#define PBASE_TEST_BLOCKS_FIXTURE_H
#include "block_provider_suite.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct {
    const blocks_subject *subject;
    temp_dir folder;
    test_host host;
    test_graph *graph;
    pbase_blocks *blocks; /* NULL while closed */
    pbase_arena arena;
    pbase_error err; /* of the last call */
} blocks_fixture;

/* Of a test: a fresh folder and an open provider. */
int blocks_setup(void **state);
/* Closes, and fails the test when memory is left. */
int blocks_teardown(void **state);

void blocks_open(blocks_fixture *f);
void blocks_close(blocks_fixture *f);
bool blocks_has(const blocks_fixture *f, uint32_t capability);

/* Each asserts success unless it returns a status. */
pbase_segment *blocks_create(blocks_fixture *f, const char *name);
/* Opens a segment and closes it again. */
pbase_status blocks_try_open(blocks_fixture *f, const char *name, uint32_t flags);
pbase_status blocks_try_write(blocks_fixture *f, pbase_segment *segment, uint64_t offset,
                              const char *text, uint32_t flags);
void blocks_assert_reads(blocks_fixture *f, pbase_segment *segment, uint64_t offset,
                         const char *text);
uint64_t blocks_size_of(blocks_fixture *f, pbase_segment *segment);
void blocks_assert_key(blocks_fixture *f, const char *key, const char *text, uint64_t version);
pbase_status blocks_key_cas(blocks_fixture *f, const char *key, uint64_t expected,
                            const char *text);

typedef struct {
    char names[1024]; /* each followed by its size, an s when sealed, and a blank */
    size_t count;
} blocks_listing;

/* The segments whose names begin so. */
blocks_listing blocks_list(blocks_fixture *f, const char *prefix);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* An entry of the tests of a suite, which has its `subject` at hand. */
#define BLOCKS_TEST(name)                                                                          \
    {                                                                                              \
#name, name, blocks_setup, blocks_teardown, (void *)(uintptr_t)subject                     \
    }

#define assert_ok(f, expression)                                                                   \
    do {                                                                                           \
        pbase_status assert_ok_status = (expression);                                              \
        if (assert_ok_status != PBASE_OK) {                                                        \
            fail_msg("%s: %s", pbase_status_name(assert_ok_status), (f)->err.message);             \
        }                                                                                          \
    } while (0)

#endif
