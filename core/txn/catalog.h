/* catalog.h - finding databases, collections and roots in a state.
 *
 * A state is one tree of trees (docs/formats/catalog.md): databases by id, in each its collections
 * by id, in each collection its entries. Everything here reads; working.h changes.
 * Threads: pure reads of immutable trees. */
#ifndef PROTOBASE_TXN_CATALOG_H
#define PROTOBASE_TXN_CATALOG_H
#include "collection/tree.h"
#include "store/store.h"
#include "txn/delta.h"
#include "txn/state.h"

#define CATALOG_ROOTS ((pbase_collection_id){0, 0})

void catalog_database_key(uint64_t database, uint8_t out[8]);
void catalog_collection_key(pbase_collection_id id, uint8_t out[16]);

/* The tree of collections of a database. NOT_FOUND: it is not in this state. The ref is lent by
 * the state. `name` (may be NULL) receives a copy of its name. */
PBASE_MUST_CHECK pbase_status catalog_database(const space_state *self, uint64_t database,
                                               atom_ref *out_collections, pbase_buffer *name,
                                               pbase_error *err);
/* The id of a database by name. NOT_FOUND names the nearest. */
PBASE_MUST_CHECK pbase_status catalog_database_find(const space_state *self, pbase_bytes name,
                                                    uint64_t *out_database, pbase_error *err);
typedef pbase_status (*catalog_database_each)(void *each_state, uint64_t database, pbase_bytes name,
                                              atom_ref collections, pbase_error *err);
PBASE_MUST_CHECK pbase_status catalog_databases(const space_state *self, catalog_database_each each,
                                                void *each_state, pbase_error *err);

typedef struct {
    pbase_collection_id id;
    uint8_t kind;  /* PBASE_COLLECTION_* */
    atom_ref root; /* lent by the tree it was found in */
} collection_slot;
/* A collection by id. CORRUPT: it is not there, though something names it. */
PBASE_MUST_CHECK pbase_status catalog_collection(atom_source *atoms, atom_ref collections,
                                                 pbase_collection_id id, collection_slot *out,
                                                 pbase_error *err);

/* What a root holds: a plain value (stored bytes) or a collection. */
typedef struct {
    bool is_collection;
    collection_slot slot; /* of a collection */
    pbase_bytes stored;   /* of a value: its envelope and bytes, in the caller's buffer */
} root_entry;
/* The root `name`. NOT_FOUND names the nearest. `buffer` receives the stored value. */
PBASE_MUST_CHECK pbase_status catalog_root(atom_source *atoms, atom_ref collections,
                                           pbase_bytes name, root_entry *out, pbase_buffer *buffer,
                                           pbase_error *err);
typedef pbase_status (*catalog_root_each)(void *each_state, pbase_bytes name,
                                          const root_entry *root, pbase_error *err);
/* Every root in byte order of names. */
PBASE_MUST_CHECK pbase_status catalog_roots(atom_source *atoms, atom_ref collections,
                                            catalog_root_each each, void *each_state,
                                            pbase_error *err);

/* The first child of a stored value; false when it has none. CORRUPT is false too: reading the
 * value reports it. */
bool catalog_child(pbase_bytes stored, pbase_collection_id *out_id, uint8_t *out_kind);

#endif
