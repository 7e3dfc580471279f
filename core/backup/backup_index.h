/* backup_index.h - which atoms a backup has, together with those it continues: where each begins.
 *
 * Of each segment, ascending: varint log id, varint count, then the gaps between one beginning and the
 * next (the first from 0), in units of PBASE_ATOM_ALIGN, as varints: about a byte for an atom.
 *
 * Threads: confined. */
#ifndef PROTOBASE_BACKUP_BACKUP_INDEX_H
#define PROTOBASE_BACKUP_BACKUP_INDEX_H
#include "backup/backup_source.h"

/* One segment's part being walked. Points into the index. */
typedef struct {
    pbase_reader_bytes gaps;
    uint64_t left; /* beginnings yet to come */
    uint64_t at;   /* the one at hand, in units */
    bool has;      /* there is one at hand */
} backup_index_walk;

/* Of a base: the payloads of its index blocks, one behind the other. */
typedef struct {
    pbase_buffer bytes;
    pbase_reader_bytes rest; /* segments yet to come */
    uint32_t log_id;         /* of the one in `walk`; 0: none */
    backup_index_walk walk;
} backup_index;

void backup_index_init(backup_index *self, const pbase_alloc *alloc);
void backup_index_fini(backup_index *self);
/* Reads the head and the index of the backup in a file; its atoms are not read. */
PBASE_MUST_CHECK pbase_status backup_index_load(backup_index *self, const pbase_host *host,
                                                const char *path, backup_head *out_head,
                                                pbase_buffer *meta, pbase_error *err);
/* Whether the atom at `offset` of segment `log_id` is in it; asked in ascending order. CORRUPT. */
PBASE_MUST_CHECK pbase_status backup_index_has(backup_index *self, uint32_t log_id, uint64_t offset,
                                               bool *out, pbase_error *err);

/* Writing: the beginnings of one segment are collected, then put behind the others. */
typedef struct {
    pbase_buffer gaps;
    uint64_t count, last; /* in units */
} backup_index_part;
void backup_index_part_init(backup_index_part *part, const pbase_alloc *alloc);
void backup_index_part_fini(backup_index_part *part);
PBASE_MUST_CHECK pbase_status backup_index_part_add(backup_index_part *part, uint64_t offset,
                                                    pbase_error *err);
/* Appends it to `out`, nothing when it is empty; then it is. */
PBASE_MUST_CHECK pbase_status backup_index_part_put(backup_index_part *part, uint32_t log_id,
                                                    pbase_buffer *out, pbase_error *err);
/* CORRUPT unless the payload of an index block is well formed. */
PBASE_MUST_CHECK pbase_status backup_index_check(pbase_bytes payload, pbase_error *err);

#endif
