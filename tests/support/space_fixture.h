/* space_fixture.h - an open space for tests, and the few steps every test repeats.
 *
 * Every step asserts that it succeeds; tests call the library directly where it should not.
 * Keys and values of the helpers are integers. */
#ifndef PBASE_TEST_SPACE_FIXTURE_H
#define PBASE_TEST_SPACE_FIXTURE_H
#include "temp_dir.h"

#include <protobase/protobase.h>

#define FIXTURE_SETS_MAX 16u

typedef struct {
    temp_dir dir; /* of a file space */
    bool has_dir;
    pbase_config_source source;
    pbase_space_options options;
    const char *sets[FIXTURE_SETS_MAX];
    const char *plugin_dirs[2];
    char data[PATH_MAX];
    pbase_space *space;
    pbase_database *database; /* "main" */
} space_fixture;

/* A space in memory, or on files in a fresh folder. */
void fixture_memory(space_fixture *self);
void fixture_file(space_fixture *self);
/* Prepares without opening: for other operating systems and settings. What the environment names in
 * PBASE_TEST_SET is set in every space. */
void fixture_prepare(space_fixture *self, const char *data, const pbase_os *os);
/* "storage.checkpoint_bytes=64KiB": before opening. */
void fixture_set(space_fixture *self, const char *assignment);
void fixture_open(space_fixture *self);
pbase_status fixture_try_open(space_fixture *self, pbase_error *err);
void fixture_close(space_fixture *self);
void fixture_reopen(space_fixture *self);
/* Closes and removes the folder. */
void fixture_end(space_fixture *self);

pbase_txn *fixture_begin(space_fixture *self, int32_t isolation);
pbase_status fixture_commit(pbase_txn **txn);
/* The dictionary under `name`, made when it is missing. */
pbase_dict *fixture_dict(pbase_txn *txn, const char *name);
void fixture_put(pbase_dict **dict, int64_t key, int64_t value);
/* In a transaction of its own; what commit said. */
pbase_status fixture_put_one(space_fixture *self, const char *name, int64_t key, int64_t value);
/* The committed value of `key`; INT64_MIN when it, or the dictionary, is missing. */
int64_t fixture_get(space_fixture *self, const char *name, int64_t key);
uint64_t fixture_count(space_fixture *self, const char *name);
/* pbase_space_check finds nothing. */
void fixture_assert_clean(space_fixture *self);

#define assert_ok(status, err)                                                                     \
    do {                                                                                           \
        if ((status) != PBASE_OK) {                                                                \
            fail_msg("%s: %s (%s)", pbase_status_name(status), (err)->message, (err)->hint);       \
        }                                                                                          \
    } while (0)

#endif
