/* retention.h - which checkpoints are kept, so that states of the past can be read again.
 *
 * A kept checkpoint is a root of atoms at one sequence, and the place in the journal behind it; with
 * the journal from there on, every later state can be made again by replay. A checkpoint record
 * names those kept before it (docs/formats/record.md), so that opening finds them without a scan.
 * Atoms of kept checkpoints are not reclaimed.
 *
 * Threads: confined; the policy is pure. */
#ifndef PROTOBASE_TXN_RETENTION_H
#define PROTOBASE_TXN_RETENTION_H
#include <protobase/base/alloc.h>
#include <protobase/base/bytes.h>
#include <protobase/base/ref.h>
#include <protobase/plugin/storage.h>

/* Kept at once. Past it those between others go, the closest first: nothing becomes unreadable, the
 * replay to some states becomes longer. */
#define RETAINED_MAX 1024u

typedef struct {
    uint64_t sequence;
    int64_t timestamp_ns;    /* of that commit; 0: before the first */
    pbase_atom_pointer root; /* of the catalog; PBASE_ATOM_NONE: an empty space */
    pbase_position replay;   /* first record that is not in it */
} retained_checkpoint;

/* Oldest first; sequences and positions grow. */
typedef struct {
    const pbase_alloc *alloc;
    retained_checkpoint *items;
    size_t count, capacity;
} retained_list;

void retained_list_init(retained_list *list, const pbase_alloc *alloc);
void retained_list_fini(retained_list *list);
/* Makes room for `wanted` in all. */
PBASE_MUST_CHECK pbase_status retained_list_reserve(retained_list *list, size_t wanted,
                                                    pbase_error *err);
PBASE_MUST_CHECK pbase_status retained_list_add(retained_list *list,
                                                const retained_checkpoint *item, pbase_error *err);
PBASE_MUST_CHECK pbase_status retained_list_copy(const retained_list *list, retained_list *out,
                                                 pbase_error *err);
/* The newest one at or before `sequence`; `list->count` when there is none. */
size_t retained_list_find(const retained_list *list, uint64_t sequence);
/* The newest one at or before a time. */
size_t retained_list_find_time(const retained_list *list, int64_t time_ns);

/* As bytes: varint count, then for each u64 sequence, i64 timestamp, u64 root, u64 replay. */
PBASE_MUST_CHECK pbase_status retained_list_write(const retained_list *list, pbase_buffer *out,
                                                  pbase_error *err);
/* Adds what the reader has; nothing left to read is an empty list (older records end there).
 * CORRUPT: cut, too long or out of order. */
PBASE_MUST_CHECK pbase_status retained_list_read(pbase_reader_bytes *reader, retained_list *list,
                                                 pbase_error *err);

/* Each is a bound of its own; 0: none. All 0: only the newest checkpoint is kept. */
typedef struct {
    uint64_t age_ns; /* states of that long ago can be read */
    uint64_t count;  /* checkpoints */
    uint64_t bytes;  /* of journal behind the oldest */
} retention_policy;
/* Drops what the policy does not keep. The newest one always stays. */
void retention_apply(const retention_policy *policy, int64_t now_ns, pbase_position head,
                     retained_list *list);

#endif
