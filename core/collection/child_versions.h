/* child_versions.h - which versions of its child collections a handle sees.
 *
 * A child that nobody has touched is found in the state the transaction began with. One that was put
 * into an entry is here, by its id: so a version of the parent and its versions of the children
 * belong together, and an older handle on the parent goes on seeing the older children. The table is
 * shared by versions of the parent and copied when one of several changes it.
 *
 * Threads: confined, as the handles are. */
#ifndef PROTOBASE_COLLECTION_CHILD_VERSIONS_H
#define PROTOBASE_COLLECTION_CHILD_VERSIONS_H
#include "collection/stored_children.h"
#include <protobase/base/alloc.h>

struct collection;
typedef struct child_versions child_versions;

/* One more count; NULL is fine and yields NULL. */
child_versions *child_versions_keep(child_versions *self);
void child_versions_drop(child_versions *self); /* NULL is fine */

/* The version of child `id`, lent; NULL: none was put. `self` may be NULL. */
struct collection *child_versions_find(const child_versions *self, pbase_collection_id id);
/* Makes *self (may hold NULL) nobody else's, with room for `more` new children. */
PBASE_MUST_CHECK pbase_status child_versions_reserve(child_versions **self,
                                                     const pbase_alloc *alloc, size_t more,
                                                     pbase_error *err);
/* After a reserve. Takes one count of `version`, and ends the one that was there. */
void child_versions_put(child_versions *self, pbase_collection_id id, struct collection *version);
/* After a reserve. Nothing happens when it is not there. */
void child_versions_remove(child_versions *self, pbase_collection_id id);

/* Goes through all of them, in an order that depends on their ids alone: begin with *at 0; NULL:
 * none is left. */
struct collection *child_versions_next(const child_versions *self, size_t *at,
                                       pbase_collection_id *out_id);

#endif
