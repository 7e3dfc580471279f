/* database_names.h - what databases were called, record after record.
 *
 * Records name a database by its id. Reading them in order from a state on, this knows the name each
 * had at that moment: from the state for those never renamed since, from the records otherwise.
 * Threads: confined. */
#ifndef PROTOBASE_TXN_DATABASE_NAMES_H
#define PROTOBASE_TXN_DATABASE_NAMES_H
#include "txn/catalog.h"

typedef struct {
    uint64_t id;
    pbase_buffer name; /* NUL behind it */
} database_name;

typedef struct {
    const pbase_alloc *alloc;
    space_state *base; /* one count */
    database_name *items;
    size_t count, capacity;
} database_names;

/* The state before the first record. */
void database_names_init(database_names *self, space_state *base);
void database_names_fini(database_names *self);
/* The name of a database now, NUL behind it; lent until the next call. Empty: there is none. */
PBASE_MUST_CHECK pbase_status database_names_find(database_names *self, uint64_t id,
                                                  pbase_bytes *out, pbase_error *err);
/* The record `sequence` made this change. A dropped database keeps its name here. */
PBASE_MUST_CHECK pbase_status database_names_change(database_names *self, uint64_t sequence,
                                                    const catalog_change *change, pbase_error *err);

#endif
