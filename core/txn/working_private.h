/* working_private.h - shared by the files of a working state: what it is, and its tables.
 *
 * Adding to a table may move it: what one of these functions lent is good until the next that opens
 * or makes something. */
#ifndef PROTOBASE_TXN_WORKING_PRIVATE_H
#define PROTOBASE_TXN_WORKING_PRIVATE_H
#include "collection/change.h"
#include "txn/state_roots.h"
#include "txn/working.h"

typedef struct {
    pbase_collection_id id;
    uint8_t kind; /* PBASE_COLLECTION_* */
    bool nests;   /* its values may have children */
    bool gone;    /* dropped: leaves the table at finish */
    bool changed;
    tree content;
    pbase_buffer link; /* to its holder (holder.h) */
} working_collection;

typedef struct {
    uint64_t id;
    bool gone;
    bool changed;
    uint8_t kind;    /* DATABASE_* */
    uint64_t origin; /* of a copy */
    pbase_buffer name;
    tree collections;
    working_indexes indexes;
    working_collection *items;
    size_t count, capacity;
    size_t *index; /* open addressing: positions + 1, 0 is free */
    size_t index_capacity;
} working_database;

struct working {
    const pbase_host *host;
    atom_source *atoms;
    value_coder *coder;
    space_state *base;
    tree catalog;
    working_database *databases;
    size_t count, capacity;
    uint64_t sequence;
    int64_t timestamp_ns;
    state_roots adopted;
};

static inline pbase_status working_no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to apply a transaction");
}

/* ------------------------------------------------------------------------ the tables ------- */

/* An empty database, behind those that are open. */
PBASE_MUST_CHECK pbase_status working_database_add(working *self, uint64_t id,
                                                   working_database **out, pbase_error *err);
/* NULL: it is not open. */
working_database *working_database_opened(working *self, uint64_t id);
/* CONFLICT: it is not there any more. */
PBASE_MUST_CHECK pbase_status working_database_open(working *self, uint64_t id,
                                                    working_database **out, pbase_error *err);
/* NULL: it is not open. */
working_collection *working_collection_opened(const working_database *database,
                                              pbase_collection_id id);
/* CORRUPT: it was made before. */
PBASE_MUST_CHECK pbase_status working_collection_create(working *self, working_database *database,
                                                        pbase_collection_id id, uint8_t kind,
                                                        working_collection **out, pbase_error *err);
/* CONFLICT: it is not there any more. That of the objects is made then. */
PBASE_MUST_CHECK pbase_status working_collection_find(working *self, working_database *database,
                                                      pbase_collection_id id,
                                                      working_collection **out, pbase_error *err);

/* --------------------------------------------------------------------------- children ------ */

/* Applies one operation to a collection whose values have children, before it or with it: those that
 * nothing names afterwards end. `ids` is scratch. */
PBASE_MUST_CHECK pbase_status working_children_change(working *self, working_database *database,
                                                      pbase_collection_id id,
                                                      const change *operation, pbase_buffer *ids,
                                                      pbase_error *err);
/* The children that an operation has put are held by its entry from now on: those of this record; of
 * others it is so already. */
PBASE_MUST_CHECK pbase_status working_children_hold(working *self, working_database *database,
                                                    pbase_collection_id by, const change *operation,
                                                    pbase_error *err);

#endif
