/* write_set.h - what records write, as accesses: of a transaction that builds one, and of records
 * that others appended.
 *
 * Threads: pure functions over the caller's access_set. */
#ifndef PROTOBASE_TXN_WRITE_SET_H
#define PROTOBASE_TXN_WRITE_SET_H
#include "txn/access.h"
#include "txn/delta.h"

/* Adds what `operations` on the collection `id` write. `base_count`: entries it had before them
 * (change_touches says why). */
PBASE_MUST_CHECK pbase_status write_set_add_operations(access_set *writes, uint64_t database,
                                                       pbase_collection_id id,
                                                       pbase_bytes operations, uint64_t base_count,
                                                       pbase_error *err);
/* Adds what a change of the catalog writes: its name as a key of the catalog itself, and, when a
 * database goes, that whole database, so that transactions in flight on it lose. */
PBASE_MUST_CHECK pbase_status write_set_add_catalog(access_set *writes,
                                                    const catalog_change *wanted, pbase_error *err);
/* Adds what a delta or catalog record writes, from its bytes alone. Where these do not tell (a list
 * that was appended to and set in one record), the whole collection stands for it: a needless
 * conflict, never a missed one. CORRUPT: the record makes no sense. */
PBASE_MUST_CHECK pbase_status write_set_add_record(access_set *writes, const record_head *head,
                                                   pbase_bytes body, pbase_error *err);

#endif
