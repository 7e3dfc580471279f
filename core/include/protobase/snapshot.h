/* snapshot.h - a read-only view of one database as of one commit.
 *
 * A snapshot pins its state: what is reached through it stays readable whatever is committed later.
 * Opening one costs no lock, and a few loads and stores once its state has been opened before
 * (docs/decisions/0012-opening-a-snapshot.md). Handles taken from it must be closed before it is.
 * Threads: immutable, share it freely; each thread uses its own pbase_reader and cursors. */
#ifndef PROTOBASE_SNAPSHOT_H
#define PROTOBASE_SNAPSHOT_H
#include <protobase/counted_set.h>
#include <protobase/database.h>
#include <protobase/dict.h>
#include <protobase/hash_dict.h>
#include <protobase/list.h>
#include <protobase/multi_dict.h>
#include <protobase/nesting.h>
#include <protobase/set.h>
PBASE_BEGIN_DECLS

typedef struct pbase_snapshot pbase_snapshot;

/* What a root holds. */
enum {
    PBASE_ROOT_VALUE = 0,
    PBASE_ROOT_DICT = 1,
    PBASE_ROOT_LIST = 2,
    PBASE_ROOT_SET = 3,
    PBASE_ROOT_HASH_DICT = 4,
    PBASE_ROOT_MULTI_DICT = 5,
    PBASE_ROOT_COUNTED_SET = 6
};
typedef struct {
    pbase_bytes name;
    uint32_t kind; /* PBASE_ROOT_* */
    uint32_t reserved;
    uint64_t count; /* entries of a collection; 1 for a value */
    uint64_t total; /* of what counts (multi_dict.h, counted_set.h) the sum; else `count` again */
} pbase_root_info;
typedef pbase_status (*pbase_root_each)(void *state, const pbase_root_info *root, pbase_error *err);

/* The newest committed state. Borrows `database` until close. NOT_FOUND: it was dropped. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_open(pbase_database *database,
                                                            pbase_snapshot **out, pbase_error *err);
/* Sequence of the newest commit it sees. */
PBASE_API uint64_t pbase_snapshot_sequence(const pbase_snapshot *snapshot);
/* When that was, in ns since 1970 UTC. */
PBASE_API int64_t pbase_snapshot_time(const pbase_snapshot *snapshot);
/* The collection under root `name`: a handle the caller closes. NOT_FOUND names the nearest root;
 * INVALID: the root holds something else. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_dict(const pbase_snapshot *snapshot,
                                                            const char *name, pbase_dict **out,
                                                            pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_list(const pbase_snapshot *snapshot,
                                                            const char *name, pbase_list **out,
                                                            pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_counted_set(const pbase_snapshot *snapshot,
                                                                   const char *name,
                                                                   pbase_counted_set **out,
                                                                   pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_hash_dict(const pbase_snapshot *snapshot,
                                                                 const char *name,
                                                                 pbase_hash_dict **out,
                                                                 pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_multi_dict(const pbase_snapshot *snapshot,
                                                                  const char *name,
                                                                  pbase_multi_dict **out,
                                                                  pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_set(const pbase_snapshot *snapshot,
                                                           const char *name, pbase_set **out,
                                                           pbase_error *err);
/* A root that holds a plain value; what it points to is in `arena`. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_value(const pbase_snapshot *snapshot,
                                                             const char *name, pbase_arena *arena,
                                                             pbase_value *out, pbase_error *err);
/* Every root in byte order of names; a result other than OK stops with it. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_roots(const pbase_snapshot *snapshot,
                                                             pbase_root_each each, void *state,
                                                             pbase_error *err);
/* One root. NOT_FOUND names the nearest. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_root(const pbase_snapshot *snapshot,
                                                            const char *name, pbase_root_info *out,
                                                            pbase_error *err);
/* The n-th collection in a root that holds a plain value: a handle the caller closes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_child(const pbase_snapshot *snapshot,
                                                             const char *name, uint64_t n,
                                                             pbase_collection **out,
                                                             pbase_error *err);
/* The collection at the end of a path, as pbase_txn_at: a handle the caller closes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_at(const pbase_snapshot *snapshot,
                                                          const char *root,
                                                          const pbase_value *steps, size_t count,
                                                          pbase_collection **out, pbase_error *err);
/* NULL is fine. */
PBASE_API void pbase_snapshot_close(pbase_snapshot *snapshot);

PBASE_END_DECLS
#endif
