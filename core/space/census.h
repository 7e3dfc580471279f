/* census.h - every collection of a database and who holds it: what a check needs to see that each is
 * named by exactly one value.
 * Threads: confined. */
#ifndef PROTOBASE_SPACE_CENSUS_H
#define PROTOBASE_SPACE_CENSUS_H
#include "collection/stored_children.h"
#include "txn/catalog.h"

typedef struct {
    collection_slot slot;
    bool is_named;
} census_item;

typedef struct {
    const pbase_alloc *alloc;
    atom_source *atoms;
    atom_ref table;     /* lent: the table of collections */
    census_item *items; /* in the order of ids */
    size_t count, capacity;
    pbase_buffer work; /* size_t: positions of items that are named and were not taken yet */
} census;

void census_init(census *self, const pbase_alloc *alloc);
void census_fini(census *self);
/* Reads the table of collections, which stays where it is until fini. Those of no record ((0, n): the roots and their like) need no
 * name. */
PBASE_MUST_CHECK pbase_status census_fill(census *self, atom_source *atoms, atom_ref collections,
                                          pbase_error *err);
/* Notes the children of a stored value, which the entry of collection `by` under `key` (of a list:
 * empty) holds. CORRUPT: one is missing, of another kind, named by a second value, or linked to
 * another entry. */
PBASE_MUST_CHECK pbase_status census_name(census *self, pbase_collection_id by, pbase_bytes key,
                                          pbase_bytes stored, pbase_error *err);
/* The next collection that was named, once each; NULL: none is left. */
const collection_slot *census_take(census *self);
/* A collection of a record that nothing has named, from *at on; NULL: none is left. */
const collection_slot *census_orphan(const census *self, size_t *at);

#endif
