/* backup_take.h - from an open space to a stream.
 *
 * Threads: confined; commits, checkpoints and readers go on. */
#ifndef PROTOBASE_BACKUP_BACKUP_TAKE_H
#define PROTOBASE_BACKUP_BACKUP_TAKE_H
#include "backup/backup_index.h"
#include "backup/backup_writer.h"
#include "txn/hold.h"

#include <protobase/backup.h>

typedef struct {
    engine *engine;
    backup_sink sink;
    const backup_head *base; /* what it continues; NULL: it is a full one */
    backup_index *index;     /* of the base */
    const pbase_call *call;
    pbase_backup_progress progress; /* NULL: nobody asks */
    void *progress_state;
} backup_take;

/* Writes the whole stream. INVALID: the base is of another space, or of another lineage of it.
 * UNSUPPORTED: the storage does not offer segment_read. CORRUPT names the atom or the record. */
PBASE_MUST_CHECK pbase_status backup_take_run(const backup_take *take, pbase_backup_report *out,
                                              pbase_error *err);

#endif
