/* space.h - an object space: one storage, many databases, opened from one configuration.
 *
 * Opening loads the plugins that the configuration names, checks that every codec the stored data
 * needs is there, and recovers what a crash left behind. A space in files may be open in several
 * processes, which all read and write (docs/processes.md); where it cannot be shared, or is configured
 * not to be, a second process gets PBASE_BUSY naming the holder's process id. The last one that closes
 * settles everything, so that the next opening has nothing to recover.
 *
 * Threads: synchronized, except that close must be the last call. In a child after fork the space is
 * the parent's: calls that open, begin, commit or settle are UNSUPPORTED there, and closing does
 * nothing. */
#ifndef PROTOBASE_SPACE_H
#define PROTOBASE_SPACE_H
#include <protobase/base/log.h>
#include <protobase/base/os.h>
#include <protobase/config.h>
PBASE_BEGIN_DECLS

typedef struct pbase_space pbase_space;

typedef struct {
    uint32_t struct_size; /* sizeof(pbase_space_options) */
    bool must_exist;      /* NOT_FOUND instead of creating a new space */
    uint8_t reserved[3];
    const pbase_log *log;             /* NULL: nobody listens. Borrowed until close */
    const pbase_os *os;               /* NULL: the real one. Borrowed until close */
    pbase_config_problem_each report; /* each problem of the configuration; NULL: only `err` */
    void *report_state;
} pbase_space_options;
#define PBASE_SPACE_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(pbase_space_options), false, {0, 0, 0}, NULL, NULL, NULL, NULL                      \
    }

/* Opens the space that `config` (see config.h) describes; `options` NULL: all defaults. Returns a
 * space the caller closes.
 * CONFIG: the document is wrong; `err` has the first problem, `report` gets all. PLUGIN: a component,
 * or a codec that the data needs, is missing or refused, by name. BUSY: another process has it alone.
 * FORMAT: the place is not a space, or is newer than this library. CORRUPT: acknowledged data is
 * damaged; nothing was changed. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_open(const pbase_config_source *config,
                                                         const pbase_space_options *options,
                                                         pbase_space **out, pbase_error *err);
/* Settles what is in memory on the storage and ends the space. Databases, snapshots and transactions
 * of it must have ended. NULL is fine. A failure to settle loses nothing: the journal has it, and
 * the next opening replays it. */
PBASE_API void pbase_space_close(pbase_space *space);

/* Settles the newest committed state now: writes what is in memory as atoms, then lets go of the
 * journal before it. The background does the same on its own. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_checkpoint(pbase_space *space,
                                                               const pbase_call *call,
                                                               pbase_error *err);
/* What a compaction found and gave back. */
typedef struct {
    uint64_t segments, bytes; /* looked at, and what they took of the device */
    uint64_t live_bytes;      /* of them: what the newest state, open snapshots and what retention
                                 keeps still reach */
    uint64_t freed_segments;  /* removed whole */
    uint64_t freed_bytes;     /* of the device: theirs, and blocks within others */
} pbase_compact_report;
typedef struct {
    uint32_t struct_size; /* sizeof */
    uint32_t reserved;
    /* NULL: nobody hears. Called now and then by the thread that compacts with how far a round is, in
     * bytes of segments: looked at for what is alive, then for what can go. What is emptied meanwhile is
     * looked at in a further round, which begins at 0 again. Another answer than OK ends the compaction
     * with it; what was given back stays so. */
    pbase_status (*progress)(void *state, uint64_t done, uint64_t total, pbase_error *err);
    void *state;
} pbase_compact_options;
/* Settles the newest state, then gives back what of the store nothing alive lies in: whole segments,
 * and blocks of 4 KiB within others where the file system can; then writes anew what is alive in segments
 * that are mostly dead, and gives those back, as long as it gains much. The background does the same when a
 * quarter of the store may be dead. Readers and commits go on. `options` NULL: all defaults.
 * What other processes that have the space open can still see stays as well. `out` may be NULL.
 * BUSY: a large transaction is being written, here or by another process. CANCELLED, TIMEOUT: of
 * `call`. */
PBASE_API PBASE_MUST_CHECK pbase_status
pbase_space_compact_with(pbase_space *space, const pbase_compact_options *options,
                         const pbase_call *call, pbase_compact_report *out, pbase_error *err);
/* The same, with all defaults. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_compact(pbase_space *space,
                                                            const pbase_call *call,
                                                            pbase_compact_report *out,
                                                            pbase_error *err);
/* Returns when every commit acknowledged before the call is durable at the storage's `sync`. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_sync(pbase_space *space, const pbase_call *call,
                                                         pbase_error *err);

/* Asks what became of a commit that ended with PBASE_UNKNOWN; after opening the space again, also by
 * another process. `out_applied`: it is there. UNKNOWN: not before the space is opened again.
 * NOT_FOUND: a checkpoint since then has let go of that part of the journal. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_outcome(pbase_space *space,
                                                            const pbase_call *call,
                                                            pbase_token token, bool *out_applied,
                                                            pbase_error *err);

/* What opening found. */
typedef struct {
    uint64_t replayed_records; /* journal records applied again */
    uint64_t replayed_bytes;
    uint64_t torn_bytes; /* of an unacknowledged commit, cut off */
    uint64_t sequence;   /* of the newest record */
    bool created;        /* the space is new */
} pbase_recovery;
PBASE_API void pbase_space_recovery(const pbase_space *space, pbase_recovery *out);

PBASE_END_DECLS
#endif
