/* backup_restore.h - from backups to an empty storage.
 *
 * Threads: confined. */
#ifndef PROTOBASE_BACKUP_BACKUP_RESTORE_H
#define PROTOBASE_BACKUP_BACKUP_RESTORE_H
#include "backup/backup_source.h"

#include <protobase/backup.h>

typedef struct {
    const pbase_host *host;
    pbase_storage *storage; /* NULL: only to be checked */
    backup_source *sources; /* opened, their heads read; in the order of the chain */
    size_t count;
    const pbase_moment *as_of; /* NULL: the newest commit */
    const pbase_call *call;
    pbase_backup_progress progress;
    void *progress_state;
} backup_restore;

/* INVALID unless the backups are a full one and the increments that continue it. */
PBASE_MUST_CHECK pbase_status backup_chain_check(const backup_source *sources, size_t count,
                                                 pbase_error *err);
/* How many of a chain are needed for a moment (NULL: all of them). NOT_FOUND: it is in none. */
PBASE_MUST_CHECK pbase_status backup_chain_choose(const backup_source *sources, size_t count,
                                                  const pbase_moment *as_of, size_t *out,
                                                  pbase_error *err);
/* Reads all of them, and writes to the storage what they have. A failure leaves a storage that is no
 * space, unless nothing was written to it: `*out_touched`. */
PBASE_MUST_CHECK pbase_status backup_restore_run(const backup_restore *restore,
                                                 pbase_restore_report *out, bool *out_touched,
                                                 pbase_error *err);

#endif
