/* storage_fixture.h - one open storage for one test, with short ways to use it. */
#ifndef PBASE_TEST_STORAGE_FIXTURE_H
#define PBASE_TEST_STORAGE_FIXTURE_H
#include "storage_suite.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct {
    const storage_subject *subject;
    temp_dir folder;
    test_host host;
    test_graph *graph;
    pbase_storage *storage; /* NULL while closed */
    pbase_arena arena;      /* reset at every reading of the meta document */
    pbase_error err;        /* of the last call */
} storage_fixture;

/* Of a test: a fresh folder and an open storage. */
int storage_setup(void **state);
/* Closes, and fails the test when memory is left. */
int storage_teardown(void **state);
storage_fixture *storage_of(void **state);

void storage_close(storage_fixture *f);
void storage_open(storage_fixture *f);
bool storage_has(const storage_fixture *f, uint32_t capability);

/* Each asserts success unless it returns a status. */
pbase_journal_head storage_head(storage_fixture *f);
pbase_token storage_token(uint64_t number);
/* Appends `count` records, each the text with its index, at durability sync. */
pbase_status storage_try_append(storage_fixture *f, const char *text, size_t count,
                                pbase_position expected, pbase_token token, uint64_t fence,
                                pbase_journal_appended *out);
pbase_journal_appended storage_append(storage_fixture *f, const char *text);
/* The texts of all records from `from` on, joined with '|'. Lent until the next call. */
const char *storage_texts(storage_fixture *f, pbase_position from);
/* Writes one atom of `size` bytes derived from `seed`. */
pbase_atom_pointer storage_write_atom(storage_fixture *f, uint64_t seed, size_t size,
                                      uint32_t mode);
/* Asserts that the atom is there and is the one. */
void storage_assert_atom(storage_fixture *f, pbase_atom_pointer pointer, uint64_t seed,
                         size_t size);
/* A call that is over at once, and one that is over in `ms`. */
pbase_call storage_call_over(storage_fixture *f);
pbase_call storage_call_in(storage_fixture *f, uint64_t ms);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* An entry of the tests of a suite, which has its `subject` at hand. */
#define STORAGE_TEST(name)                                                                         \
    {                                                                                              \
#name, name, storage_setup, storage_teardown, (void *)(uintptr_t)subject                   \
    }

#define assert_ok(f, expression)                                                                   \
    do {                                                                                           \
        pbase_status assert_ok_status = (expression);                                              \
        if (assert_ok_status != PBASE_OK) {                                                        \
            fail_msg("%s: %s", pbase_status_name(assert_ok_status), (f)->err.message);             \
        }                                                                                          \
    } while (0)

#endif
