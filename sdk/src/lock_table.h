/* lock_table.h - the named locks of a storage whose participants all live in one process.
 *
 * A lock is held exclusively by one or shared by many, for a lease or until released. Every grant
 * gets a fencing token, greater than all before it in this table; a storage compares tokens to
 * refuse a holder that lost its lock without noticing. Waiting is not fair.
 *
 * Threads: synchronized; one mutex, taken for bookkeeping only. */
#ifndef PBASE_LOCK_TABLE_H
#define PBASE_LOCK_TABLE_H
#include <protobase/base/os.h>

typedef struct lock_table lock_table;

/* Tokens begin above `fence_base`. Borrows `os` and `alloc` until destroy. */
PBASE_MUST_CHECK pbase_status lock_table_create(const pbase_os *os, const pbase_alloc *alloc,
                                                uint64_t fence_base, lock_table **out,
                                                pbase_error *err);
void lock_table_destroy(lock_table *table); /* NULL is fine; nobody waits any more */

/* The three slots of pbase_storage_lock_ops. BUSY when the call's deadline passed. */
PBASE_MUST_CHECK pbase_status lock_table_acquire(lock_table *table, const pbase_call *call,
                                                 const char *name, uint32_t mode, uint64_t lease_ms,
                                                 uint64_t *out_fence, pbase_error *err);
PBASE_MUST_CHECK pbase_status lock_table_renew(lock_table *table, const char *name, uint64_t fence,
                                               uint64_t lease_ms, pbase_error *err);
void lock_table_release(lock_table *table, const char *name, uint64_t fence);

/* Gives the hold with `fence` another token, that of a grantor above the table; it is greater than
 * all that the table gave out for `name`. */
void lock_table_renumber(lock_table *table, const char *name, uint64_t fence, uint64_t renumbered);
/* FENCED when `name` was granted anew after `fence` was, whether it is still held or not. */
PBASE_MUST_CHECK pbase_status lock_table_check(lock_table *table, const char *name, uint64_t fence,
                                               pbase_error *err);

#endif
