/* backup_format.h - what is in the blocks of a backup stream (docs/formats/backup.md).
 *
 * A stream is a prefix of 16 bytes and blocks: one head, records, atoms, indexes, one end, in this
 * order. Blocks are read and written whole (backup_reader.h, backup_writer.h); here is what they hold.
 *
 * Threads: pure functions. */
#ifndef PROTOBASE_BACKUP_BACKUP_FORMAT_H
#define PROTOBASE_BACKUP_BACKUP_FORMAT_H
#include "txn/retention.h"

#define BACKUP_MAGIC "PBBACKUP" /* the first 8 bytes */
#define BACKUP_VERSION 1u
#define BACKUP_PREFIX_BYTES 16u

/* A block: u32 CRC32C of all behind it, u32 payload bytes, u32 number from 0, u8 type, 3 zeros. */
#define BACKUP_BLOCK_HEAD_BYTES 16u
#define BACKUP_PAYLOAD_BYTES_MAX (PBASE_RECORD_BYTES_MAX + 65536u)
#define BACKUP_BLOCK_BYTES                                                                         \
    1048576u /* what a block is filled to, unless one thing in it is larger */
enum { BACKUP_HEAD = 1, BACKUP_RECORDS = 2, BACKUP_ATOMS = 3, BACKUP_INDEX = 4, BACKUP_END = 5 };

#define BACKUP_ID_BYTES 16u
typedef struct {
    uint8_t id[BACKUP_ID_BYTES];      /* of this backup: random */
    uint8_t base[BACKUP_ID_BYTES];    /* of the one it continues; zeros: it is a full one */
    uint8_t space[BACKUP_ID_BYTES];   /* of the space */
    uint8_t lineage[BACKUP_ID_BYTES]; /* of the space: another one after each restore */
    uint32_t number;                  /* in its chain: 0 of a full one */
    int64_t made_ns;
    uint64_t newest; /* sequence of the newest commit in it */
    int64_t newest_ns;
    pbase_bytes meta;   /* the meta document; points into what it was read from */
    retained_list kept; /* checkpoints, at least one; `replay` is not stored and 0 */
} backup_head;
void backup_head_init(backup_head *head, const pbase_alloc *alloc);
void backup_head_fini(backup_head *head);
bool backup_head_is_full(const backup_head *head);
PBASE_MUST_CHECK pbase_status backup_head_write(const backup_head *head, pbase_buffer *out,
                                                pbase_error *err);
/* CORRUPT: it is none. `out` is initialised. */
PBASE_MUST_CHECK pbase_status backup_head_read(pbase_bytes payload, backup_head *out,
                                               pbase_error *err);

/* A record of the journal. */
typedef struct {
    uint64_t sequence;
    int64_t timestamp_ns;
    pbase_token token;  /* of its append */
    uint64_t index;     /* in its append */
    uint64_t count;     /* records in that append */
    pbase_bytes stored; /* as it lies in the journal */
} backup_record;
PBASE_MUST_CHECK pbase_status backup_record_write(const backup_record *record, pbase_buffer *out,
                                                  pbase_error *err);
/* The next one of a block of records; CORRUPT. */
PBASE_MUST_CHECK pbase_status backup_record_read(pbase_reader_bytes *reader, backup_record *out,
                                                 pbase_error *err);

/* A block of atoms: u32 log id, u32 zero, then runs: u64 offset, u64 size, bytes; all multiples of
 * PBASE_ATOM_ALIGN, offsets ascending. */
#define BACKUP_ATOMS_HEAD_BYTES 8u
#define BACKUP_RUN_HEAD_BYTES 16u
#define BACKUP_SEGMENT_BYTES_MAX (UINT64_C(1) << 32)
typedef struct {
    uint64_t offset;
    pbase_bytes bytes;
} backup_run;
PBASE_MUST_CHECK pbase_status backup_atoms_begin(uint32_t log_id, pbase_buffer *out,
                                                 pbase_error *err);
PBASE_MUST_CHECK pbase_status backup_atoms_read(pbase_reader_bytes *reader, uint32_t *out_log_id,
                                                pbase_error *err);
/* The next run of it, which begins at or behind `*least`; moves that behind it. CORRUPT. */
PBASE_MUST_CHECK pbase_status backup_run_read(pbase_reader_bytes *reader, uint64_t *least,
                                              backup_run *out, pbase_error *err);

typedef struct {
    uint64_t digest; /* XXH3 over everything before this block, piece by piece */
    uint64_t bytes;  /* before this block */
    uint64_t index;  /* offset of the first block of the index; that of this block: there is none */
    uint64_t records;
    uint64_t atoms;
    uint64_t atom_bytes; /* of runs */
} backup_end;
#define BACKUP_END_BYTES 48u
void backup_end_write(const backup_end *end, uint8_t out[BACKUP_END_BYTES]);
PBASE_MUST_CHECK pbase_status backup_end_read(pbase_bytes payload, backup_end *out,
                                              pbase_error *err);

#endif
