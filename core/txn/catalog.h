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
#include "txn/holder.h"
#include "txn/state.h"

#define CATALOG_ROOTS ((pbase_collection_id){0, 0})
#define CATALOG_OBJECTS ((pbase_collection_id){0, 1}) /* objects by id */
/* Collections of a database that no value holds: (0, 0) to (0, CATALOG_SYSTEM_MAX), the definitions of
 * indexes among them. That of the objects is made by the first record to change it. */
#define CATALOG_SYSTEM_MAX 2u
static inline bool catalog_is_system(pbase_collection_id id)
{
    return id.sequence == 0 && id.ordinal <= CATALOG_SYSTEM_MAX;
}

void catalog_database_key(uint64_t database, uint8_t out[8]);
void catalog_collection_key(pbase_collection_id id, uint8_t out[16]);

/* A database as the catalog describes it. */
typedef struct {
    uint64_t id;     /* the sequence of the record that made it */
    uint64_t origin; /* of a snapshot or branch: the id of what was copied */
    uint8_t kind;    /* DATABASE_* */
    pbase_bytes name;
    atom_ref collections; /* the tree of its collections */
} catalog_entry;
/* What lies beside the tree in the catalog. */
PBASE_MUST_CHECK pbase_status catalog_entry_write(const catalog_entry *entry, pbase_buffer *out,
                                                  pbase_error *err);
/* The database of that id. NOT_FOUND: it is not in this state. The ref is lent by the state, the
 * name lies in `name` (emptied first). */
PBASE_MUST_CHECK pbase_status catalog_database(const space_state *self, uint64_t database,
                                               catalog_entry *out, pbase_buffer *name,
                                               pbase_error *err);
/* The tree of collections of the database of that id, and whether `name` is its name now; copies
 * nothing. */
PBASE_MUST_CHECK pbase_status catalog_database_called(const space_state *self, uint64_t database,
                                                      pbase_bytes name, atom_ref *out_collections,
                                                      bool *out_called, pbase_error *err);
/* A database by name; `out->name` is `name`. NOT_FOUND names the nearest. */
PBASE_MUST_CHECK pbase_status catalog_database_find(const space_state *self, pbase_bytes name,
                                                    catalog_entry *out, pbase_error *err);
/* The entry is lent for the call. */
typedef pbase_status (*catalog_database_each)(void *each_state, const catalog_entry *entry,
                                              pbase_error *err);
PBASE_MUST_CHECK pbase_status catalog_databases(const space_state *self, catalog_database_each each,
                                                void *each_state, pbase_error *err);

/* What stands beside a collection's tree in the table of collections: its kind, the sum of a counted
 * one, and the link to its holder (holder.h; empty: none). Yields the size. */
#define CATALOG_SLOT_BYTES_MAX (12u + HOLDER_BYTES_MAX)
size_t catalog_slot_write(uint8_t kind, uint64_t sum, bool nests, pbase_bytes link,
                          uint8_t out[CATALOG_SLOT_BYTES_MAX]);

typedef struct {
    pbase_collection_id id;
    uint8_t kind;  /* PBASE_COLLECTION_* */
    bool nests;    /* its values may have children; false: none has */
    atom_ref root; /* lent by the tree it was found in */
    uint64_t sum;  /* of a counted kind: the sum of its counts */
} collection_slot;
#define CATALOG_NESTS 1u         /* beside the marks of its holder */
#define CATALOG_NESTS_FEATURE 2u /* level of the space that may hold such (docs/formats/meta.md) */
/* A collection by id; *out_found: it is there. */
PBASE_MUST_CHECK pbase_status catalog_collection_find(atom_source *atoms, atom_ref collections,
                                                      pbase_collection_id id, collection_slot *out,
                                                      bool *out_found, pbase_error *err);
/* The same with the link to its holder, appended to `link` (holder.h). */
PBASE_MUST_CHECK pbase_status catalog_collection_held(atom_source *atoms, atom_ref collections,
                                                      pbase_collection_id id, collection_slot *out,
                                                      pbase_buffer *link, bool *out_found,
                                                      pbase_error *err);
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

/* Every collection of a database in the order of ids. */
typedef pbase_status (*catalog_collection_each)(void *each_state, const collection_slot *slot,
                                                pbase_error *err);
PBASE_MUST_CHECK pbase_status catalog_collections(atom_source *atoms, atom_ref collections,
                                                  catalog_collection_each each, void *each_state,
                                                  pbase_error *err);

#endif
