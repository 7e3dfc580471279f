/* load.h - many entries into a collection at once: all of them, or none.
 *
 *     load_create(into, count, &work, err);
 *     load_add(work, &key, value, 1, err);      // as often as `count` at most
 *     load_finish(work, err);
 *     load_destroy(work);
 *
 * Threads: confined, as the handle is. */
#ifndef PROTOBASE_COLLECTION_LOAD_H
#define PROTOBASE_COLLECTION_LOAD_H
#include "collection/collection_private.h"

typedef struct load load;

/* `into` is borrowed until destroy, and not touched before load_finish. */
PBASE_MUST_CHECK pbase_status load_create(collection *into, size_t count, load **out,
                                          pbase_error *err);
void load_destroy(load *self); /* NULL is fine */
/* Copies what it is given: a key (of lists none), a stored value (of kinds without values none), how
 * often (of counted kinds; else 1). */
PBASE_MUST_CHECK pbase_status load_add(load *self, const encoded_key *key, pbase_bytes value,
                                       uint64_t count, pbase_error *err);
/* Puts all of them. Of several with one key the first spelling and the last value stay, and counts
 * add up. */
PBASE_MUST_CHECK pbase_status load_finish(load *self, pbase_error *err);
/* Many entries as applications give them: `entries`, or `keys` alone, or `values` alone. */
typedef struct {
    const pbase_entry *entries;
    const pbase_value *keys;
    const pbase_value *values;
    size_t count;
} load_input;
/* The whole of it. */
PBASE_MUST_CHECK pbase_status load_all(collection *into, const load_input *input, pbase_error *err);
/* The operation that puts an entry of a kind. */
uint8_t load_operation(uint8_t kind);

#endif
