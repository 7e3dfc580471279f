/* nested_value.h - values with collections in them as they are written and read as text:
 * {"$collection": {"kind": KIND, "items": [...]}} in the place of each.
 *
 * Items of a list, a set and a blob's content are its elements; of a dictionary and a hash dictionary
 * pairs [key, value]; of a counted set pairs [element, count]; of a multi-dictionary
 * [key, record, count].
 * Threads: confined. */
#ifndef PBASE_CLI_NESTED_VALUE_H
#define PBASE_CLI_NESTED_VALUE_H
#include <protobase/protobase.h>

/* Opens the n-th child of the value at hand; the caller closes it. */
typedef pbase_status (*nested_open)(void *state, uint64_t n, pbase_collection **out,
                                    pbase_error *err);
/* `value` with what its children hold in their place; made in `arena`. A value without children is
 * given back as it is. */
PBASE_MUST_CHECK pbase_status nested_write(const pbase_value *value, nested_open open, void *state,
                                           pbase_arena *arena, pbase_value *out, pbase_error *err);
/* As nested_open: of the entry under a pbase_cursor. */
pbase_status nested_of_cursor(void *cursor, uint64_t n, pbase_collection **out, pbase_error *err);

/* `value` with new collections of the transaction in the place of forms. Their handles are closed by
 * nested_close, after the value was put. */
typedef struct {
    pbase_collection **items;
    size_t count, capacity;
} nested_handles;
PBASE_MUST_CHECK pbase_status nested_read(pbase_txn *txn, const pbase_value *value,
                                          nested_handles *handles, pbase_arena *arena,
                                          pbase_value *out, pbase_error *err);
void nested_close(nested_handles *handles);

#endif
