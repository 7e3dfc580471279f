/* load_children.h - the collections in one entry while it is loaded: read one after the other, then put
 * into the value in place of PBASE_CHILD(n).
 *
 * Threads: confined. */
#ifndef PBASE_CLI_LOAD_CHILDREN_H
#define PBASE_CLI_LOAD_CHILDREN_H
#include "any_collection.h"

/* A collection, or the content of a blob. */
typedef struct {
    any_collection collection;
    pbase_blob *blob; /* NULL: a collection */
} load_child;

typedef struct {
    pbase_arena arena; /* of the entry */
    load_child *items; /* those not read yet are empty */
    size_t count;
} load_children;

/* How many collections a value has: one more than its highest PBASE_CHILD. */
size_t load_children_count(const pbase_value *value);

void load_children_init(load_children *self);
/* Copies `value` and makes room for its collections. LIMIT: more than PBASE_CHILDREN_MAX. */
PBASE_MUST_CHECK pbase_status load_children_hold(load_children *self, const pbase_value *value,
                                                 pbase_value *out, pbase_error *err);
/* A copy of `value` with the handles in it; valid until fini. */
PBASE_MUST_CHECK pbase_status load_children_place(load_children *self, const pbase_value *value,
                                                  pbase_value *out, pbase_error *err);
/* Closes the collections. */
void load_children_fini(load_children *self);

#endif
