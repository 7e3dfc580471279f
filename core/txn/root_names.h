/* root_names.h - which collection is under which root, record after record.
 *
 * Records name a collection by its id. Reading them in order from a state on, this knows for every
 * database which root had it at that moment. A database's table is made from the state when it is
 * first asked for; from then on it follows the records, all of which have to be given to it.
 * Tables share what copies of databases have in common.
 *
 * Threads: confined. */
#ifndef PROTOBASE_TXN_ROOT_NAMES_H
#define PROTOBASE_TXN_ROOT_NAMES_H
#include "collection/change.h"
#include "txn/catalog.h"

typedef struct {
    uint64_t database;
    tree ids;   /* encoded name -> key of the collection, or nothing: a plain value */
    tree names; /* key of the collection -> name as text */
} root_table;

typedef struct {
    const pbase_alloc *alloc;
    atom_source *atoms;
    space_state *base; /* one count */
    root_table *items;
    size_t count, capacity;
} root_names;

/* The state before the first record. */
void root_names_init(root_names *self, space_state *base);
void root_names_fini(root_names *self);

/* The name of the root that has a collection now, appended to `out`; *out_found false: none has. */
PBASE_MUST_CHECK pbase_status root_names_find(root_names *self, uint64_t database,
                                              pbase_collection_id id, pbase_buffer *out,
                                              bool *out_found, pbase_error *err);
/* One operation of the record `sequence` on the dictionary of roots. *out_was_there: the name had
 * something before it. */
PBASE_MUST_CHECK pbase_status root_names_change(root_names *self, uint64_t database,
                                                uint64_t sequence, const change *operation,
                                                bool *out_was_there, pbase_error *err);
/* The record `sequence` made this change of the catalog. */
PBASE_MUST_CHECK pbase_status root_names_catalog(root_names *self, uint64_t sequence,
                                                 const catalog_change *wanted, pbase_error *err);

#endif
