/* database.h - what a pbase_database is inside: an engine and an id. space/ opens and closes it.
 * Threads: immutable until close. */
#ifndef PROTOBASE_TXN_DATABASE_H
#define PROTOBASE_TXN_DATABASE_H
#include "txn/engine.h"
#include <protobase/database.h>

struct pbase_database {
    pbase_space *space; /* borrowed until close */
    engine *engine;     /* of the space */
    uint64_t id;
    uint64_t number;  /* of the handle, from 1 on; no other one of the space has, or had, it */
    uint8_t kind;     /* DATABASE_*; never changes */
    size_t name_size; /* without the NUL */
    char name[];
};

/* The tree of collections of `database` in `base`. NOT_FOUND: it was dropped, or has another name
 * than the handle was opened by; the message says which. */
PBASE_MUST_CHECK pbase_status database_collections(const pbase_database *database,
                                                   const space_state *base, atom_ref *out,
                                                   pbase_error *err);

#endif
