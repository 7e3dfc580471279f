/* adopt.h - content that goes to the storage before its record: large transactions, large copies.
 *
 * A txn_budget bounds what a transaction holds: past memory_bytes_max its trees are written as atoms
 * and stand on the storage from there on. A collection whose operations are too many is adopted:
 * its record names the root of what was written. Atoms of a transaction that does not commit are
 * dead space, as everything is that was replaced. Streams of atoms are written by a thread of its own
 * (side_writer.h), once there are some: sums, copies and the device's time go on beside the one
 * that fills the transaction.
 *
 * Threads: confined to the transaction. */
#ifndef PROTOBASE_TXN_ADOPT_H
#define PROTOBASE_TXN_ADOPT_H
#include "collection/handle.h"
#include "txn/engine.h"
#include "txn/side_writer.h"

typedef struct {
    change_budget base;             /* first member: the contract of collection/ */
    engine *engine;                 /* borrowed */
    uint64_t sequence;              /* of the state the transaction began with */
    bool has_written;               /* atoms that no record names yet */
    _Atomic uint64_t written_bytes; /* through budget->write */
    side_writer *beside;            /* NULL until it is worth a thread */
    bool no_thread;                 /* there was none to be had */
    state_roots wrote;              /* of trees that were relieved */
} txn_budget;
void txn_budget_init(txn_budget *self, engine *of, uint64_t sequence, uint64_t memory_bytes_max,
                     uint64_t log_bytes_max);
/* The transaction has ended: what it wrote is in a published state, or dead. */
void txn_budget_fini(txn_budget *self);

/* Writes what `version` has in memory and appends the operations of its GROUP_ADOPT to `out`. */
PBASE_MUST_CHECK pbase_status adopt_version(txn_budget *self, const collection *version,
                                            pbase_buffer *out, pbase_error *err);
/* The same of a copy that shares nothing with it: a tree of its own, built in order, in bounded
 * memory. */
PBASE_MUST_CHECK pbase_status adopt_copy(txn_budget *self, const collection *version,
                                         pbase_buffer *out, pbase_error *err);

#endif
