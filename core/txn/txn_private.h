/* txn_private.h - fields of a transaction, shared by txn.c, nested.c and run.c. */
#ifndef PROTOBASE_TXN_TXN_PRIVATE_H
#define PROTOBASE_TXN_TXN_PRIVATE_H
#include "txn/child_view.h"
#include "txn/read_tracker.h"
#include "txn/staged.h"
#include "txn/store_coder.h"
#include "txn/txn.h"

struct pbase_txn {
    pbase_database *database; /* borrowed */
    engine *engine;
    pbase_txn_options options;
    engine_reader reader; /* the state at begin; of a nested one only `base`, lent */
    read_tracker reads;   /* of the outermost, where those nested in it report too */
    store_coder coder;
    txn_budget budget;          /* of the outermost */
    uint64_t memory_floor;      /* least memory of atoms seen since staged versions were relieved */
    collection_context context; /* of every handle */
    bool is_behind;             /* commits before its begin are not in `view` yet: txn_settle */
    root_view view;
    staged_roots staged;
    collection *objects; /* as committed, once they were asked for */
    child_view children; /* of the outermost: what its context's `children` is */

    pbase_txn *outer; /* NULL: not nested, or the outer one has ended */
    pbase_txn *inner; /* the open transaction nested in this one */
    uint32_t depth;   /* 0: not nested */
};

/* A handle on the n-th child of the value that root `name` holds. */
PBASE_MUST_CHECK pbase_status txn_root_child(pbase_txn *self, pbase_bytes name, uint64_t n,
                                             collection **out, pbase_error *err);
/* Has the transaction see the state of its begin: before it looks into a collection. Until then it may
 * be behind (engine_reader_begin), so that one that only writes needs no state at all. */
PBASE_MUST_CHECK pbase_status txn_settle(pbase_txn *self, pbase_error *err);
/* READ_ONLY, INVALID or LIMIT unless root `name` may be staged now. */
PBASE_MUST_CHECK pbase_status txn_check_writable(const pbase_txn *self, pbase_bytes name,
                                                 pbase_error *err);
/* Reading a root's name is a read of the dictionary of roots. */
PBASE_MUST_CHECK pbase_status txn_track_root(pbase_txn *self, pbase_bytes name, pbase_error *err);
/* As txn_check_open, and INVALID while a nested transaction is open. */
PBASE_MUST_CHECK pbase_status txn_check_free(const pbase_txn *self, pbase_error *err);
/* Takes away what the transactions nested in `self` stand on; they can only be aborted. */
void txn_leave_nested(pbase_txn *self);
/* Ends a nested transaction and sets *txn to NULL. */
void txn_end_nested(pbase_txn **txn);

#endif
