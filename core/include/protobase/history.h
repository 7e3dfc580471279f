/* history.h - the past of a space: which states can still be read, and what led from one to the next.
 *
 * Checkpoints and the journal behind them are kept as storage.retention_age, retention_count and
 * retention_bytes say (docs/past.md); without any, only what the newest checkpoint needs. Every
 * state from the oldest kept checkpoint on can be read: by the sequence of a commit or by time.
 *
 * A database has one identity from its creation on, whatever it is called: a handle reads the past
 * of its own database, also from before a rename, and after it was dropped. A snapshot or branch has
 * no past before the commit that made it; its origin has.
 *
 * Threads: synchronized. */
#ifndef PROTOBASE_HISTORY_H
#define PROTOBASE_HISTORY_H
#include <protobase/base/call.h>
#include <protobase/snapshot.h>
PBASE_BEGIN_DECLS

/* A moment of the past: after a commit, or the last commit at or before a time. */
typedef struct {
    uint32_t struct_size;
    uint32_t is_time;  /* not 0: `time_ns` counts, else `sequence` */
    uint64_t sequence; /* as pbase_txn_commit and pbase_snapshot_sequence give it */
    int64_t time_ns;   /* since 1970 UTC */
} pbase_moment;
static inline pbase_moment pbase_moment_of_sequence(uint64_t sequence)
{
    pbase_moment at = {sizeof at, 0, sequence, 0};
    return at;
}
static inline pbase_moment pbase_moment_of_time(int64_t time_ns)
{
    pbase_moment at = {sizeof at, 1, 0, time_ns};
    return at;
}
/* "42" is a sequence, anything else a time as RFC 3339 writes it. INVALID: neither. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_moment_parse(const char *text, pbase_moment *out,
                                                           pbase_error *err);

/* The state of `database` at a moment; the snapshot is like any other and borrows `database` until it
 * is closed. The journal since the checkpoint before that moment is read once; a few states are
 * remembered. `call` (NULL: none) bounds it. NOT_FOUND: it is not kept any more, or not there yet,
 * naming the nearest that is; or the database did not exist at that moment. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_open_at(pbase_database *database,
                                                               const pbase_moment *at,
                                                               const pbase_call *call,
                                                               pbase_snapshot **out,
                                                               pbase_error *err);
/* The same of the database that was called `name` at that moment. Borrows `space`. */
PBASE_API PBASE_MUST_CHECK pbase_status
pbase_snapshot_open_named(pbase_space *space, const char *name, const pbase_moment *at,
                          const pbase_call *call, pbase_snapshot **out, pbase_error *err);

/* What can be read. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t oldest_sequence, newest_sequence; /* both included; 0 is the empty space */
    int64_t oldest_ns, newest_ns;              /* times of those commits; 0 of sequence 0 */
    uint64_t checkpoints;                      /* kept; the newest included */
    uint64_t journal_bytes;                    /* behind the oldest of them */
} pbase_history_range;
PBASE_API PBASE_MUST_CHECK pbase_status pbase_history_describe(pbase_space *space,
                                                               pbase_history_range *out,
                                                               pbase_error *err);

/* What a commit was. */
enum {
    PBASE_COMMIT_TRANSACTION = 0,
    PBASE_COMMIT_CREATE = 1, /* a database */
    PBASE_COMMIT_DROP = 2,
    PBASE_COMMIT_RENAME = 3,
    PBASE_COMMIT_SNAPSHOT = 4,
    PBASE_COMMIT_BRANCH = 5
};
typedef struct {
    uint32_t struct_size;
    uint32_t kind; /* PBASE_COMMIT_* */
    uint64_t sequence;
    int64_t time_ns;
    const char *database; /* by the name it had after this commit; of a drop: before */
    const char *origin;   /* of a rename: the name before; of a copy: what was copied; else "" */
    uint64_t operations;  /* changes of entries and of roots; 1 of the other kinds */
    uint64_t bytes;       /* in the journal */
} pbase_commit_info;
typedef pbase_status (*pbase_commit_each)(void *state, const pbase_commit_info *commit,
                                          pbase_error *err);
/* Calls `each` for every commit from sequence `from` to `to`, both included, that is kept; 0 and
 * UINT64_MAX stand for the oldest and the newest. The info is lent for the call; a result other than
 * OK stops with it. NOT_FOUND: `from` is no longer kept (naming the oldest), or is yet to come. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_history(pbase_space *space, uint64_t from,
                                                      uint64_t to, const pbase_call *call,
                                                      pbase_commit_each each, void *state,
                                                      pbase_error *err);

PBASE_END_DECLS
#endif
