/* objects.h - the collection of objects of a database: collection (0, 1), a dictionary from object id
 * to {"class": ..., "value": attributes}. It is there from the first object on.
 * Threads: as the handles are. */
#ifndef PROTOBASE_TXN_OBJECTS_H
#define PROTOBASE_TXN_OBJECTS_H
#include "txn/index_view.h"
#include "txn/root_view.h"
#include <protobase/object.h>

/* What queries and the program call it. */
#define OBJECTS_NAME "$objects"

/* Where the objects of a database lie; false: there never was one. */
PBASE_MUST_CHECK pbase_status objects_slot(atom_source *atoms, atom_ref collections,
                                           collection_slot *out, bool *out_found, pbase_error *err);
/* A handle on the committed objects; empty when there never was one. */
PBASE_MUST_CHECK pbase_status objects_open(const root_view *view, collection **out,
                                           pbase_error *err);

PBASE_MUST_CHECK pbase_status objects_get(const collection *self, pbase_object_id id,
                                          pbase_arena *arena, pbase_object *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status objects_get_many(const collection *self, const pbase_object_id *ids,
                                               size_t count, pbase_arena *arena, pbase_object *out,
                                               pbase_error *err);
/* `indexes` are those of the version of `self`, which works in `context`: with one on "class" alone only
 * the objects of that class are read. `self` is not edited meanwhile. */
PBASE_MUST_CHECK pbase_status objects_each(const collection *self,
                                           const collection_context *context,
                                           const index_view *indexes, const char *class_name,
                                           pbase_object_visit visit, void *state, pbase_error *err);

#endif
