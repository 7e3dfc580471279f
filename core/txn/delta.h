/* delta.h - the records core appends to the journal, as bytes (docs/formats/record.md).
 *
 * A record begins with a fixed head; what follows depends on its kind.
 *
 *   0 u8  kind: 1 delta, 2 catalog, 3 checkpoint
 *   1 u8  version, 1
 *   2 u16 flags: bit 0: a read and write summary follows (several writers; not written yet)
 *   4 u32 zero
 *   8 u64 sequence
 *  16 u64 base: sequence of the state the transaction saw
 *  24 i64 timestamp, ns since 1970 UTC; grows with the sequence
 *
 *   delta:   varint database id, varint count of groups, groups:
 *            varint sequence, varint ordinal (the collection; sequence 0 may mean
 *            "created by this record"), u8 form, u8 collection kind, sized operations (delta-op.md)
 *            form 1 change, 2 create, 3 adopt: its operations are a root pointer, a count, a sum
 *   catalog: u8 operation (1 create, 2 drop, 3 rename, 4 copy), varint database id (what is
 *            dropped, renamed or copied; of a create 0), sized name (of a drop: what it had; else
 *            the new one), of a rename and a copy: sized name of that database until then, of a
 *            copy: u8 kind (1 snapshot, 2 branch)
 *            A database that is made gets this record's sequence as its id.
 *   checkpoint: u64 root pointer, u64 replay position, u64 fencing token, the checkpoints kept
 *            before it (retention.h)
 *
 * Deltas and catalog records take the next sequence each; a checkpoint carries the sequence of the
 * state it settled. Threads: pure functions. */
#ifndef PROTOBASE_TXN_DELTA_H
#define PROTOBASE_TXN_DELTA_H
#include "txn/retention.h"

#include <protobase/base/ref.h>
#include <protobase/collection.h>
#include <protobase/plugin/storage.h>

enum { RECORD_DELTA = 1, RECORD_CATALOG = 2, RECORD_CHECKPOINT = 3 };
#define RECORD_HEAD_BYTES 32u
#define RECORD_VERSION_NEWEST 1u

typedef struct {
    uint8_t kind;
    uint64_t sequence;
    uint64_t base;
    int64_t timestamp_ns;
} record_head;

/* What stands behind the head of a record that is in memory. */
static inline pbase_bytes record_body(const pbase_buffer *record)
{
    return pbase_bytes_of(record->data + RECORD_HEAD_BYTES, record->size - RECORD_HEAD_BYTES);
}
void record_head_write(const record_head *head, uint8_t out[RECORD_HEAD_BYTES]);
/* Leaves `reader` behind the head. CORRUPT, or FORMAT for a newer version. */
PBASE_MUST_CHECK pbase_status record_head_read(pbase_reader_bytes *reader, record_head *out,
                                               pbase_error *err);

enum { GROUP_CHANGE = 1, GROUP_CREATE = 2, GROUP_ADOPT = 3 };
typedef struct {
    pbase_collection_id id; /* sequence 0, ordinal > 0: created by this record */
    uint8_t form;           /* GROUP_* */
    uint8_t kind;           /* PBASE_COLLECTION_* */
    pbase_bytes operations;
} delta_group;

/* Content that was written as atoms before its record, in the place of operations. With an id of
 * this record it creates the collection, else it replaces what that held. */
typedef struct {
    pbase_atom_pointer root; /* PBASE_ATOM_NONE: empty */
    uint64_t count;          /* entries */
    uint64_t sum;            /* of a counted kind: the sum of its counts; else 0 */
} adopted_content;
PBASE_MUST_CHECK pbase_status adopted_content_write(const adopted_content *content,
                                                    pbase_buffer *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status adopted_content_read(pbase_bytes operations, adopted_content *out,
                                                   pbase_error *err);

PBASE_MUST_CHECK pbase_status delta_group_write(const delta_group *group, pbase_buffer *out,
                                                pbase_error *err);
PBASE_MUST_CHECK pbase_status delta_group_read(pbase_reader_bytes *reader, delta_group *out,
                                               pbase_error *err);

/* What a database is; the numbers are stored, here and in the catalog. */
enum { DATABASE_PLAIN = 0, DATABASE_SNAPSHOT = 1, DATABASE_BRANCH = 2 };
enum { CATALOG_CREATE = 1, CATALOG_DROP = 2, CATALOG_RENAME = 3, CATALOG_COPY = 4 };
typedef struct {
    uint8_t operation;  /* CATALOG_* */
    uint8_t kind;       /* of a copy: DATABASE_SNAPSHOT or DATABASE_BRANCH */
    uint64_t database;  /* what is dropped, renamed or copied */
    pbase_bytes source; /* its name; empty of a create */
    pbase_bytes name;   /* the new one; empty of a drop */
} catalog_change;
PBASE_MUST_CHECK pbase_status catalog_change_write(const catalog_change *change, pbase_buffer *out,
                                                   pbase_error *err);
PBASE_MUST_CHECK pbase_status catalog_change_read(pbase_reader_bytes *reader, catalog_change *out,
                                                  pbase_error *err);

typedef struct {
    pbase_atom_pointer root; /* of the catalog; 0: an empty space */
    pbase_position replay;   /* first record that is not in it */
    uint64_t fence;          /* token of the lock `checkpoint`; 0 where nobody else could have it */
} checkpoint_body;
/* `kept`: the checkpoints before it that are kept. */
PBASE_MUST_CHECK pbase_status checkpoint_body_write(const checkpoint_body *body,
                                                    const retained_list *kept, pbase_buffer *out,
                                                    pbase_error *err);
/* Adds the checkpoints kept before it to `kept`; NULL: they are not asked for. */
PBASE_MUST_CHECK pbase_status checkpoint_body_read(pbase_reader_bytes *reader, checkpoint_body *out,
                                                   retained_list *kept, pbase_error *err);

#endif
