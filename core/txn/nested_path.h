/* nested_path.h - the way from a root through collections and documents to a collection inside.
 *
 * A step is a key of a dictionary, an index of a list, or in a document a field or index down to a
 * child. Threads: as the handles it goes through. */
#ifndef PROTOBASE_TXN_NESTED_PATH_H
#define PROTOBASE_TXN_NESTED_PATH_H
#include "collection/handle.h"

/* What a path begins at: a root of a snapshot or a transaction. */
typedef struct {
    void *state;
    const pbase_alloc *alloc;
    /* The collection the root holds. INVALID: it holds a value. */
    pbase_status (*open)(void *state, pbase_bytes name, collection **out, pbase_error *err);
    /* The value it holds. INVALID: it holds a collection. */
    pbase_status (*value)(void *state, pbase_bytes name, pbase_arena *arena, pbase_value *out,
                          pbase_error *err);
    /* A child of that value. */
    pbase_status (*child)(void *state, pbase_bytes name, uint64_t n, collection **out,
                          pbase_error *err);
    /* The two below are of transactions only: what is to be under the root from now on. */
    pbase_status (*store)(void *state, pbase_bytes name, const collection *version,
                          pbase_error *err);
    pbase_status (*store_value)(void *state, pbase_bytes name, const pbase_value *value,
                                pbase_error *err);
} nested_path_base;

/* Steps of one path at most: every collection, and a document in each entry. */
#define NESTED_PATH_STEPS_MAX 1024u

PBASE_MUST_CHECK pbase_status nested_path_open(const nested_path_base *base, pbase_bytes root,
                                               const pbase_value *steps, size_t count,
                                               collection **out, pbase_error *err);
PBASE_MUST_CHECK pbase_status nested_path_store(const nested_path_base *base, pbase_bytes root,
                                                const pbase_value *steps, size_t count,
                                                const collection *version, pbase_error *err);

#endif
