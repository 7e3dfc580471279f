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
/* Adds the whole collection: its content was replaced. */
PBASE_MUST_CHECK pbase_status write_set_add_whole(access_set *writes, uint64_t database,
                                                  pbase_collection_id id, pbase_error *err);
/* Adds what a change of the catalog reads: the name of what it copies, which must still be there. */
PBASE_MUST_CHECK pbase_status read_set_add_catalog(access_set *reads, const catalog_change *wanted,
                                                   pbase_error *err);
/* Adds what a change of the catalog writes: names that come and go, as keys of the catalog itself,
 * and, when a name goes, the whole database that had it, so that transactions in flight that read
 * its roots lose. A copy leaves alone what it copies. */
PBASE_MUST_CHECK pbase_status write_set_add_catalog(access_set *writes,
                                                    const catalog_change *wanted, pbase_error *err);
/* Adds what a delta or catalog record writes, from its bytes alone. Where these do not tell (a list
 * that was appended to and set in one record), the whole collection stands for it: a needless
 * conflict, never a missed one. CORRUPT: the record makes no sense. */
PBASE_MUST_CHECK pbase_status write_set_add_record(access_set *writes, const record_head *head,
                                                   pbase_bytes body, pbase_error *err);

#endif
