/* space.h - an object space: one storage, many databases, opened from one configuration.
 *
 * Opening loads the plugins that the configuration names, checks that every codec the stored data
 * needs is there, recovers what a crash left behind, and takes the right to write. A second process
 * gets PBASE_BUSY naming the holder's process id. Closing settles everything, so that the next
 * opening has nothing to recover.
 *
 * Threads: synchronized, except that close must be the last call. A space must not be used in a
 * child after fork. */
#ifndef PROTOBASE_SPACE_H
#define PROTOBASE_SPACE_H
#include <protobase/base/log.h>
#include <protobase/base/os.h>
PBASE_BEGIN_DECLS

typedef struct pbase_space pbase_space;

/* Where a space is described. Exactly one of config_file and config_text is set. Everything is
 * borrowed for the call, except alloc, log and os: until close. */
typedef struct {
    uint32_t struct_size; /* sizeof(pbase_space_options) */
    uint32_t plugin_dir_count;
    const char *config_file;           /* a protobase.yaml */
    const char *config_text;           /* the same as text */
    const char *base_directory;        /* of relative paths in config_text; NULL: the working one */
    const char *const *plugin_dirs;    /* searched before every other place */
    const char *const *overrides;      /* "storage.durability=async": win over the document */
    size_t override_count;
    const pbase_alloc *alloc;          /* NULL: the C library's heap */
    const pbase_log *log;              /* NULL: nobody listens */
    const pbase_os *os;                /* NULL: the real one */
    bool must_exist;                   /* NOT_FOUND instead of creating a new space */
} pbase_space_options;

/* Returns a space the caller closes. CONFIG: every error of the document is in err->message (the
 * first) and through pbase_config_check (all). PLUGIN: a component or a codec that the data needs is
 * missing or refused, by name. BUSY: another process has it. FORMAT: the place is not a space, or is
 * newer than this library. CORRUPT: acknowledged data is damaged; nothing was changed. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_open(const pbase_space_options *options,
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
/* Returns when every commit acknowledged before the call is durable at the storage's `sync`. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_sync(pbase_space *space, const pbase_call *call,
                                                         pbase_error *err);

/* Asks what became of a commit that ended with PBASE_UNKNOWN. `out_applied`: it is there. EXPIRED
 * tokens are NOT_FOUND. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_outcome(pbase_space *space,
                                                            const pbase_call *call,
                                                            pbase_token token, bool *out_applied,
                                                            pbase_error *err);

/* What opening found. */
typedef struct {
    uint64_t replayed_records; /* journal records applied again */
    uint64_t replayed_bytes;
    uint64_t torn_bytes;       /* of an unacknowledged commit, cut off */
    uint64_t sequence;         /* of the newest record */
    bool created;              /* the space is new */
} pbase_recovery;
PBASE_API void pbase_space_recovery(const pbase_space *space, pbase_recovery *out);

PBASE_END_DECLS
#endif
