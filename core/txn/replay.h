/* replay.h - the records of a journal in order, and a state brought forward by applying them.
 *
 * What recovery, followers of another process, states of the past and change feeds share. A
 * record_scan gives records as they were appended, unwrapped and with their heads read; a replay
 * applies them to a state with the code of commit (working_apply), so that everybody who applies the
 * same records has the same content.
 *
 * Threads: confined. */
#ifndef PROTOBASE_TXN_REPLAY_H
#define PROTOBASE_TXN_REPLAY_H
#include "txn/working.h"

#include <protobase/plugin/storage.h>

/* ------------------------------------------------------------------------------------ scan ---- */

/* One record as a scan lends it: valid until the next call on the scan. */
typedef struct {
    record_head head;
    pbase_bytes body;        /* what follows the head */
    pbase_position position; /* of this record: where a scan may begin */
    pbase_position next;     /* of the record after it */
    size_t wrapped_bytes;    /* that it takes in the journal, without the frame */
    pbase_bytes wrapped;     /* as it lies there */
    pbase_token token;       /* of its append */
    uint32_t index, count;   /* in its append, of so many */
} replay_record;

typedef struct {
    store *bytes;           /* borrowed until close */
    pbase_storage *storage; /* borrowed until close */
    pbase_journal_scan *scan;
    pbase_buffer plain; /* the record lent, unwrapped */
} record_scan;

/* Makes `scan` fit for close, whatever comes of open. */
void record_scan_init(record_scan *scan, store *bytes, pbase_storage *storage);
/* Begins at the record at `from`, 0: at the first kept one. Errors are those of scan_open. */
PBASE_MUST_CHECK pbase_status record_scan_open(record_scan *scan, const pbase_call *call,
                                               pbase_position from, pbase_error *err);
/* Lends the next record, of any kind. END after the newest; a later call may find more. CORRUPT and
 * FORMAT name the position. */
PBASE_MUST_CHECK pbase_status record_scan_next(record_scan *scan, const pbase_call *call,
                                               replay_record *out, pbase_error *err);
void record_scan_close(record_scan *scan);

/* The checkpoint record at `position`; those kept before it are added to `kept` (NULL: not asked
 * for). CORRUPT: something else lies there. */
PBASE_MUST_CHECK pbase_status replay_checkpoint_read(store *bytes, pbase_storage *storage,
                                                     const pbase_call *call,
                                                     pbase_position position, record_head *out_head,
                                                     checkpoint_body *out, retained_list *kept,
                                                     pbase_error *err);
/* The state that a checkpoint stored, with one count; nothing of it is read. */
PBASE_MUST_CHECK pbase_status replay_checkpoint_state(store *bytes, state_list *states,
                                                      const record_head *head,
                                                      const checkpoint_body *body,
                                                      space_state **out, pbase_error *err);

/* ---------------------------------------------------------------------------------- replay ---- */

typedef struct {
    space_state *base; /* one count */
    working *trees;
    uint64_t sequence;    /* of the state so far */
    int64_t timestamp_ns; /* of it */
    uint64_t records;     /* applied */
    uint64_t bytes;       /* of them, as they lie in the journal */
} replay;

/* Begins at `base`, of which it takes a count of its own. Ended by finish or abandon. `coder` as of
 * working_begin. */
PBASE_MUST_CHECK pbase_status replay_begin(replay *self, const pbase_host *host, space_state *base,
                                           value_coder *coder, pbase_error *err);
/* Applies the record that follows the state so far; a checkpoint changes nothing. CORRUPT: another
 * sequence is due, or the record makes no sense; the replay can then only be abandoned. */
PBASE_MUST_CHECK pbase_status replay_apply(replay *self, const replay_record *record,
                                           pbase_error *err);
/* The state after the last record, with one count for the caller: that of the base, when none was
 * applied. Ends the replay, also on failure. */
PBASE_MUST_CHECK pbase_status replay_finish(replay *self, space_state **out, pbase_error *err);
void replay_abandon(replay *self); /* also after finish, or a begin that failed */

/* Content that the record adopts, group by group; nothing for other kinds of records and for empty content.
 * Another answer than OK ends it. CORRUPT: the record is cut. */
typedef pbase_status (*adopted_each)(void *state, uint64_t database, const delta_group *group,
                                     const adopted_content *content, pbase_error *err);
PBASE_MUST_CHECK pbase_status record_adopted_each(const replay_record *record, adopted_each each,
                                                  void *state, pbase_error *err);

#endif
