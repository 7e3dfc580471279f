/* backup.h - a space copied while it is in use, and brought back (docs/backup.md).
 *
 * A backup is one stream of bytes: the checkpoints that are kept, the journal behind the oldest of them,
 * and the atoms that these reach, as they are stored. It goes to a file, into a folder, or wherever a
 * caller writes it: a pipe, a socket. An increment has only what the backups it continues lack. What was
 * in it can be restored as of any commit or time that was kept when it was made.
 *
 * Every checksum of the source is checked while it is copied, and everything in a backup again when it is
 * read. Nothing is decoded on the way: an encrypted space is encrypted in its backups, and its keys are
 * needed to open what was restored, not to restore it.
 *
 * Threads: synchronized; commits go on during a backup. */
#ifndef PROTOBASE_BACKUP_H
#define PROTOBASE_BACKUP_H
#include <protobase/history.h>
#include <protobase/space.h>
PBASE_BEGIN_DECLS

/* Takes the next bytes of a backup, all of them; what it fails with ends the backup. */
typedef pbase_status (*pbase_backup_write)(void *state, pbase_bytes bytes, pbase_error *err);
/* Fills `out` with the next `size` bytes of a backup, with fewer only at its end. */
typedef pbase_status (*pbase_backup_read)(void *state, void *out, size_t size, size_t *out_read,
                                          pbase_error *err);
/* How far it is, now and then; it may use the space, but make no checkpoint. What it returns other than OK ends the work with that. `total_bytes` 0:
 * not known. */
typedef pbase_status (*pbase_backup_progress)(void *state, uint64_t done_bytes,
                                              uint64_t total_bytes, pbase_error *err);

/* Fill it from PBASE_BACKUP_OPTIONS_INIT and set exactly one of folder, file and write. All borrowed for
 * the call. */
typedef struct {
    uint32_t struct_size;
    bool is_increment; /* into a folder: continues the newest backup there */
    uint8_t reserved[3];
    const char *folder; /* made if it is not there: numbered files, one for each backup */
    const char *file;   /* must not be there yet; neither lies in the folder of the space */
    pbase_backup_write write;
    void *write_state;
    /* A backup to continue, as a file or a folder of which the newest counts. NULL: none, a full
     * backup; or what is_increment says. */
    const char *base;
    pbase_backup_progress progress; /* NULL: nobody asks */
    void *progress_state;
} pbase_backup_options;
#define PBASE_BACKUP_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(pbase_backup_options), false, {0, 0, 0}, NULL, NULL, NULL, NULL, NULL, NULL, NULL   \
    }

/* What was written. */
typedef struct {
    uint32_t struct_size;
    uint32_t is_increment;
    uint64_t oldest_sequence, newest_sequence; /* commits it can be restored to, both included */
    int64_t oldest_ns, newest_ns;
    uint64_t records; /* of the journal, in this backup */
    uint64_t atoms;
    uint64_t atom_bytes;
    uint64_t bytes; /* of the stream */
} pbase_backup_report;

/* Copies what is kept of `space`, up to the newest commit at the moment it begins. A file has its name
 * when it is whole and durable; after a failure nothing is left of it. Reads every atom that is new
 * since the base once, sequentially; holds no lock while it does. `out` may be NULL.
 * CORRUPT: a checksum of the space does not hold; names the segment and the byte, or the record. EXISTS:
 * the file is there. NOT_FOUND: the folder has nothing to continue. INVALID: the base is of another
 * space, or of what it was before it was restored; or the chain in its folder has a gap, naming the
 * file; or it would go into the folder of the space itself. BUSY: another backup goes to the same place.
 * UNSUPPORTED: the storage does not give its segments out. What `write` and `progress` return. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_backup(pbase_space *space,
                                                     const pbase_backup_options *options,
                                                     const pbase_call *call,
                                                     pbase_backup_report *out, pbase_error *err);

/* Where backups are read from: exactly one of path and read. */
typedef struct {
    const char
        *path; /* a file; or a folder, of which the chain is taken that has what is asked for */
    pbase_backup_read read;
    void *read_state;
} pbase_backup_source;

/* Fill it from PBASE_RESTORE_OPTIONS_INIT. */
typedef struct {
    uint32_t struct_size;
    bool check_only; /* reads and checks everything, and restores nothing */
    uint8_t reserved[3];
    const pbase_moment *as_of; /* NULL: the newest commit there is */
    pbase_backup_progress progress;
    void *progress_state;
    const pbase_log *log;             /* as in pbase_space_options, like the rest */
    const pbase_os *os;               /* NULL: the real one */
    pbase_config_problem_each report; /* each problem of the configuration */
    void *report_state;
} pbase_restore_options;
#define PBASE_RESTORE_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(pbase_restore_options), false, {0, 0, 0}, NULL, NULL, NULL, NULL, NULL, NULL, NULL  \
    }

/* What was restored, or could be. */
typedef struct {
    uint32_t struct_size;
    uint32_t backups;  /* that were read: a full one and its increments */
    uint64_t sequence; /* of the newest commit in it */
    int64_t time_ns;
    uint64_t oldest_sequence; /* the past of the restored space begins with it */
    uint64_t records, segments, atom_bytes;
    uint64_t bytes; /* read */
} pbase_restore_report;

/* Makes a space of backups, in the empty place that `config` describes, through whatever storage that
 * is: a full one, then the increments that continue it, in their order; or one folder. Ready to be opened
 * afterwards; it has the id of the space that was backed up, and begins a lineage of its own, so that the
 * next backup of it is a full one.
 * Until everything was read and checked the place is no space (opening it is FORMAT); when it fails, a
 * folder given as `config->data` is as it was before, and another place can be restored to again. `config`
 * is not looked at, and may be NULL, when options->check_only. `options` NULL: all defaults. `out` may be
 * NULL.
 * EXISTS: the place is not empty. CORRUPT: names the backup and the byte. INVALID: they are no chain.
 * NOT_FOUND: the moment asked for is not in them, naming what is. BUSY: somebody has the place open.
 * UNSUPPORTED: the storage does not take segments. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_restore(const pbase_config_source *config,
                                                      const pbase_backup_source *sources,
                                                      size_t source_count,
                                                      const pbase_restore_options *options,
                                                      const pbase_call *call,
                                                      pbase_restore_report *out, pbase_error *err);

PBASE_END_DECLS
#endif
