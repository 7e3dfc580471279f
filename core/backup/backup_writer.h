/* backup_writer.h - blocks of a backup stream, to a sink, each with its checksum.
 *
 * Threads: confined. */
#ifndef PROTOBASE_BACKUP_BACKUP_WRITER_H
#define PROTOBASE_BACKUP_BACKUP_WRITER_H
#include "backup/backup_format.h"

#include <protobase/plugin/host.h>

/* Where bytes go, in order (backup_target.h). */
typedef struct {
    pbase_status (*write)(void *state, pbase_bytes bytes, pbase_error *err);
    void *state;
} backup_sink;

typedef struct {
    const pbase_host *host; /* borrowed until fini */
    backup_sink sink;
    pbase_buffer block; /* being filled: its head, then its payload */
    uint8_t type;       /* of it */
    uint32_t number;    /* of it */
    backup_end sums;    /* of what was written */
} backup_writer;

/* Fit for fini, whatever comes of begin. */
void backup_writer_init(backup_writer *self, const pbase_host *host, backup_sink sink);
void backup_writer_fini(backup_writer *self);
/* Writes the prefix. */
PBASE_MUST_CHECK pbase_status backup_writer_begin(backup_writer *self, pbase_error *err);
/* Begins a block, whose payload is then appended to `block`. */
PBASE_MUST_CHECK pbase_status backup_writer_open(backup_writer *self, uint8_t type,
                                                 pbase_error *err);
/* Bytes of payload so far. */
size_t backup_writer_filled(const backup_writer *self);
/* Writes the block that was opened. */
PBASE_MUST_CHECK pbase_status backup_writer_flush(backup_writer *self, pbase_error *err);
/* Writes the last block, with the sums. */
PBASE_MUST_CHECK pbase_status backup_writer_end(backup_writer *self, pbase_error *err);

#endif
