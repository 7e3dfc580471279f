/* backup_reader.h - blocks of a backup stream, from a source, each checked before it is shown.
 *
 * What is shown is what was written, or CORRUPT: a block that is cut, changed, missing, doubled or in
 * another place, a stream that ends early or goes on behind its end. Only END says that the whole
 * stream was seen and that its sum is right.
 *
 * Threads: confined. */
#ifndef PROTOBASE_BACKUP_BACKUP_READER_H
#define PROTOBASE_BACKUP_BACKUP_READER_H
#include "backup/backup_format.h"

#include <protobase/plugin/host.h>

/* What to do when something else was given. */
#define BACKUP_SOURCE_HINT "give the folder of backups, or the file of one"

/* Where bytes come from, in order. Fills `out` unless the stream ends first; `*out_read` tells. */
typedef struct {
    pbase_status (*read)(void *state, void *out, size_t size, size_t *out_read, pbase_error *err);
    void *state;
} backup_input;

typedef struct {
    uint8_t type;
    pbase_bytes payload; /* lent until the next call */
} backup_block;

typedef struct {
    const pbase_host *host; /* borrowed until fini */
    backup_input input;
    pbase_buffer block;
    uint8_t type;    /* of the last block; 0 before the first */
    uint32_t number; /* of the next one */
    backup_end sums; /* of what was read */
} backup_reader;

void backup_reader_init(backup_reader *self, const pbase_host *host, backup_input input);
void backup_reader_fini(backup_reader *self);
/* Reads the prefix. FORMAT: not a backup, or of a newer version. CORRUPT: it is cut. */
PBASE_MUST_CHECK pbase_status backup_reader_begin(backup_reader *self, pbase_error *err);
/* The next block, END after the last one. CORRUPT names the place; what `input` says. */
PBASE_MUST_CHECK pbase_status backup_reader_next(backup_reader *self, backup_block *out,
                                                 pbase_error *err);
/* Checks the head and the checksum of one whole block in memory; `out_number` is what it says. */
PBASE_MUST_CHECK pbase_status backup_block_check(const pbase_host *host, pbase_bytes whole,
                                                 backup_block *out, uint32_t *out_number,
                                                 pbase_error *err);

#endif
