/* txn.h - what the rooms above may know of a transaction: how a query reads through it. */
#ifndef PROTOBASE_TXN_TXN_H
#define PROTOBASE_TXN_TXN_H
#include "collection/handle.h"
#include <protobase/txn.h>

/* A handle on whatever collection `name` holds, as the transaction sees it, to be closed. */
PBASE_MUST_CHECK pbase_status txn_open_any(pbase_txn *txn, const char *name, collection **out,
                                           pbase_error *err);
/* INVALID: there is no transaction, or the one it was nested in has ended. */
PBASE_MUST_CHECK pbase_status txn_check_open(const pbase_txn *self, pbase_error *err);
const collection_context *txn_context(const pbase_txn *txn);
const pbase_os *txn_os(const pbase_txn *txn);

#endif
