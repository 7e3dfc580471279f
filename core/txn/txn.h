/* txn.h - what the other files and the rooms above may know of a transaction. */
#ifndef PROTOBASE_TXN_TXN_H
#define PROTOBASE_TXN_TXN_H
#include "collection/handle.h"
#include "txn/index_view.h"
#include <protobase/txn.h>

/* A handle on whatever collection `name` holds, as the transaction sees it, to be closed. */
PBASE_MUST_CHECK pbase_status txn_open_any(pbase_txn *txn, const char *name, collection **out,
                                           pbase_error *err);
/* The same of one kind: INVALID when it holds another. */
PBASE_MUST_CHECK pbase_status txn_open_kind(pbase_txn *txn, const char *name, uint8_t kind,
                                            collection **out, pbase_error *err);
/* A new, empty collection that belongs to nothing until it is stored. */
PBASE_MUST_CHECK pbase_status txn_new_kind(pbase_txn *txn, uint8_t kind, collection **out,
                                           pbase_error *err);
/* Stages a version under root `name`, in place of what it holds: under its own id when it descends
 * from that, else as a new collection. */
PBASE_MUST_CHECK pbase_status txn_store_version(pbase_txn *txn, const char *name,
                                                const collection *version, pbase_error *err);
/* INVALID: there is no transaction, or the one it was nested in has ended. */
PBASE_MUST_CHECK pbase_status txn_check_open(const pbase_txn *self, pbase_error *err);
/* A handle on the objects of the database, as the transaction sees them. */
PBASE_MUST_CHECK pbase_status txn_open_objects(pbase_txn *txn, collection **out, pbase_error *err);
const collection_context *txn_context(const pbase_txn *txn);
const pbase_os *txn_os(const pbase_txn *txn);
/* The indexes of the version that `handle`, opened here, stands at. None when that would cost more
 * than reading the collection, or when the version could not be committed. */
PBASE_MUST_CHECK pbase_status txn_indexes(pbase_txn *txn, const collection *handle, index_view *out,
                                          pbase_error *err);

#endif
