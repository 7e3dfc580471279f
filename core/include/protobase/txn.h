/* txn.h - transactions: a snapshot to read, staged roots to write, one commit.
 *
 * A transaction belongs to one database and sees the state at its begin plus its own changes. Work
 * on collections happens on handles (dict.h, list.h, set.h); storing a handle under a root stages
 * that version. Commit checks what was read and written against what others committed meanwhile
 * and either applies everything or nothing:
 *   - serializable (default): nothing that was read, key by key and range by range, has changed;
 *   - snapshot: nobody else wrote a key that this transaction writes.
 * Changes that do not overlap merge: different keys of one dictionary, adds to one set or counted
 * set (also of one element), appends to one list. An insert or removal in a list conflicts with any other change of that list.
 *
 * A transaction may be nested in another one (pbase_txn_begin_nested): it sees the outer one's
 * changes plus its own, which its commit adds to the outer one's and its abort drops.
 *
 * A call with a transaction that is NULL (commit and abort leave NULL behind) is INVALID.
 *
 * Threads: confined: one thread at a time. Different transactions run on different threads. */
#ifndef PROTOBASE_TXN_H
#define PROTOBASE_TXN_H
#include <protobase/plugin/storage.h>
#include <protobase/snapshot.h>
PBASE_BEGIN_DECLS

typedef struct pbase_txn pbase_txn;

enum { PBASE_SERIALIZABLE = 0, PBASE_SNAPSHOT_ISOLATION = 1 };
#define PBASE_DURABILITY_DEFAULT (-1) /* what the configuration says */

typedef struct {
    uint32_t struct_size; /* sizeof(pbase_txn_options) */
    int32_t isolation;    /* PBASE_SERIALIZABLE or PBASE_SNAPSHOT_ISOLATION */
    int32_t durability;   /* PBASE_DURABILITY_*, or PBASE_DURABILITY_DEFAULT */
    bool read_only;       /* storing a root is READ_ONLY; commit checks and writes nothing */
    uint32_t retries_max; /* of pbase_txn_run; 0: PBASE_TXN_RETRIES */
    /* Of large transactions. Growth of memory after which changed nodes are written to the storage
     * before the commit; 0: PBASE_TXN_MEMORY_BYTES. */
    uint64_t memory_bytes_max;
    /* Operations of one collection, in bytes, past which they are not kept: the commit then replaces
     * its content as a whole and conflicts with any other change of it; 0: PBASE_TXN_LOG_BYTES. Of a new
     * collection, which cannot conflict, they are given up earlier. */
    uint64_t log_bytes_max;
} pbase_txn_options;
#define PBASE_TXN_RETRIES 100u
PBASE_API pbase_txn_options pbase_txn_options_default(void);

/* `options` NULL: the default ones. Borrows `database` until the end. NOT_FOUND: it was dropped.
 * UNSUPPORTED: the storage lacks the durability asked for. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_begin(pbase_database *database,
                                                        const pbase_txn_options *options,
                                                        pbase_txn **out, pbase_error *err);
/* Begins a transaction inside `outer`, up to PBASE_TXN_DEPTH_MAX deep. It sees what `outer` has
 * staged and stages its own on top. Commit adds that to what `outer` has staged and writes nothing:
 * OK or NO_MEMORY; its sequence is that of the state seen. Abort drops it. Collections created in it
 * stay what they are in `outer`, and what it reads counts for the conflicts of the outermost
 * transaction, even when it is aborted.
 *
 * Of `options` (NULL: the default ones) only read_only counts; the rest is the outermost's. While it
 * is open, `outer` can be read, but storing, dropping, committing and beginning another nested one
 * are INVALID. Handles of `outer` may be edited and stored in it: no edit ever changes a version that
 * was kept or stored. Handles opened in it are closed before it ends. Aborting `outer` takes
 * everything with it: the nested one can then only be aborted. LIMIT: too deep. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_begin_nested(pbase_txn *outer,
                                                               const pbase_txn_options *options,
                                                               pbase_txn **out, pbase_error *err);
/* The collection under root `name` as this transaction sees it: a handle the caller closes before
 * the transaction ends. NOT_FOUND names the nearest root; INVALID: it holds something else. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_dict(pbase_txn *txn, const char *name,
                                                       pbase_dict **out, pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_list(pbase_txn *txn, const char *name,
                                                       pbase_list **out, pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_set(pbase_txn *txn, const char *name,
                                                      pbase_set **out, pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_counted_set(pbase_txn *txn, const char *name,
                                                              pbase_counted_set **out,
                                                              pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_hash_dict(pbase_txn *txn, const char *name,
                                                            pbase_hash_dict **out,
                                                            pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_multi_dict(pbase_txn *txn, const char *name,
                                                             pbase_multi_dict **out,
                                                             pbase_error *err);
/* A new, empty collection that belongs to nothing until it is stored. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_new_dict(pbase_txn *txn, pbase_dict **out,
                                                           pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_new_list(pbase_txn *txn, pbase_list **out,
                                                           pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_new_set(pbase_txn *txn, pbase_set **out,
                                                          pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_new_counted_set(pbase_txn *txn,
                                                                  pbase_counted_set **out,
                                                                  pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_new_hash_dict(pbase_txn *txn,
                                                                pbase_hash_dict **out,
                                                                pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_new_multi_dict(pbase_txn *txn,
                                                                 pbase_multi_dict **out,
                                                                 pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_value(pbase_txn *txn, const char *name,
                                                        pbase_arena *arena, pbase_value *out,
                                                        pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_roots(pbase_txn *txn, pbase_root_each each,
                                                        void *state, pbase_error *err);

/* Stages this version under root `name`. The handle stays the caller's; edit it further and store
 * it again, or close it. A version that descends from the root's own commits as the difference;
 * any other replaces the root's content whole. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_store_dict(pbase_txn *txn, const char *name,
                                                             const pbase_dict *dict,
                                                             pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_store_list(pbase_txn *txn, const char *name,
                                                             const pbase_list *list,
                                                             pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_store_set(pbase_txn *txn, const char *name,
                                                            const pbase_set *set, pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_store_counted_set(pbase_txn *txn,
                                                                    const char *name,
                                                                    const pbase_counted_set *set,
                                                                    pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_store_hash_dict(pbase_txn *txn, const char *name,
                                                                  const pbase_hash_dict *dict,
                                                                  pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_store_multi_dict(pbase_txn *txn, const char *name,
                                                                   const pbase_multi_dict *dict,
                                                                   pbase_error *err);
/* The same of a collection of any kind. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_store(pbase_txn *txn, const char *name,
                                                        const pbase_collection *version,
                                                        pbase_error *err);
/* A plain value; it may hold collections, or be one (nesting.h). */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_store_value(pbase_txn *txn, const char *name,
                                                              const pbase_value *value,
                                                              pbase_error *err);

/* The collection at the end of a path below root `root`: a handle the caller closes. A step is the
 * key of a dictionary or the index of a list, and inside a document a field name or an index down to
 * a child. No step: the root's own. NOT_FOUND: there is no such entry or field. INVALID: the path
 * ends at a value, or goes into a set. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_at(pbase_txn *txn, const char *root,
                                                     const pbase_value *steps, size_t count,
                                                     pbase_collection **out, pbase_error *err);
/* Stores a collection at the end of a path: it is put into the entry or field that the last step
 * names, which may be new, and everything above it is put back where it was. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_store_at(pbase_txn *txn, const char *root,
                                                           const pbase_value *steps, size_t count,
                                                           const pbase_collection *version,
                                                           pbase_error *err);
/* Stages the removal of a root with everything in it. NOT_FOUND: there is none. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_drop_root(pbase_txn *txn, const char *name,
                                                            pbase_error *err);

/* Ends the transaction, whatever the result, and sets *txn to NULL; only with a nested transaction
 * open in it nothing happens and it stays (INVALID).
 * OK: applied, at the durability asked for. CONFLICT: nothing applied, run it again. UNKNOWN: may
 * or may not be there: ask pbase_space_outcome with err->token. Anything else: nothing applied.
 * `out_sequence` (may be NULL) receives the sequence of its record; of the state it saw when there
 * was nothing to write. `call` bounds the wait for other commits; once the record is being written
 * it is not given up. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_commit(pbase_txn **txn, const pbase_call *call,
                                                         uint64_t *out_sequence, pbase_error *err);
/* Ends it without a trace and sets *txn to NULL. NULL is fine. */
PBASE_API void pbase_txn_abort(pbase_txn **txn);

/* Runs `body` in a transaction and commits; begins anew on CONFLICT, at most retries_max times. Who
 * has lost once waits in a line for a turn, at most a second each time, so that a slow transaction is
 * not beaten by quick ones for ever. A body that returns anything but OK aborts, and that status is returned. */
typedef pbase_status (*pbase_txn_body)(pbase_txn *txn, void *state, pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_txn_run(pbase_database *database,
                                                      const pbase_txn_options *options,
                                                      const pbase_call *call, pbase_txn_body body,
                                                      void *state, pbase_error *err);

PBASE_END_DECLS
#endif
