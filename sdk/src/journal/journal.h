/* journal.h - a journal of records over any block provider.
 *
 * What the file storage, the cloud's local log and the cluster's log share: append groups of
 * records, make them durable with one flush, scan them, drop the oldest, and come back after a
 * crash with a prefix that holds every acknowledged append. The bytes are described in
 * docs/formats/journal.md.
 *
 * An append is one frame in one segment "journal/<base>"; a position is a byte address in one
 * endless space, segment base + offset, so positions grow and are never reused, except those of a
 * tail that was cut. The first record of an append lies at the position of its frame.
 *
 * The journal keeps no anchor: `id`, `first`, `start`, `closed_at` and `entered` live in the super
 * block of the storage, which gives them to journal_open.
 *
 * Durability: a SYNC append is durable when it returns, with everything appended before. NONE and
 * ASYNC appends are written but not flushed: the storage calls journal_sync when their time has
 * come. What survives a crash is always a prefix of whole appends.
 *
 * Failure: a write or flush that fails poisons the journal: the append is UNKNOWN (err->token asks
 * later), and every later append, sync, prepare and trim is READ_ONLY until it is opened again.
 * Reads go on. Lack of memory or of space found before anything was written to the journal does
 * not poison.
 *
 * What it needs of the provider: PBASE_BLOCKS_APPEND_SYNC | PBASE_BLOCKS_OVERWRITE. Names that the
 * provider lists must be durable (one over files syncs its directory when it opens).
 *
 * Threads: synchronized. Appends run one at a time; sync, scans, head and wait run beside them.
 * One scan is confined to one thread at a time. */
#ifndef PBASE_JOURNAL_JOURNAL_H
#define PBASE_JOURNAL_JOURNAL_H
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/host.h>
#include <protobase/plugin/storage.h>

typedef struct journal journal;

#define JOURNAL_POSITION_FIRST ((pbase_position)4096) /* of a new journal; 0 points nowhere */
#define JOURNAL_FRAME_BYTES_MAX 4294963200u           /* one append, with headers: 4 GiB - 4 KiB */
#define JOURNAL_RECORDS_MAX 16777216u                 /* of one append */
#define JOURNAL_CAPABILITIES (PBASE_BLOCKS_APPEND_SYNC | PBASE_BLOCKS_OVERWRITE)

/* Where a journal stands, as participants tell one another. */
typedef struct {
    pbase_position head;
    pbase_position first;
    pbase_position synced; /* everything before it is durable */
    uint32_t head_crc32c;  /* of the last frame; 0: not known */
    uint32_t layout;       /* changes whenever segments were added */
} journal_mark;

/* The newest segment, as the storage remembers it: named durably before it has a frame, so that one
 * that is missing, or shorter, was lost and is no torn tail. */
typedef struct {
    pbase_position base; /* of the segment; 0: none was entered */
    uint64_t bytes;      /* it has at least so many */
    pbase_position head; /* everything before it was durable */
} journal_entered;

typedef struct {
    const pbase_host *host; /* borrowed until close: os, alloc, crc32c, log */
    pbase_blocks *blocks;   /* borrowed until close */
    uint64_t id;            /* random, chosen when the storage was created: frames of others fail */
    pbase_position first;   /* first position kept: `upto` of the last trim; 0: nothing trimmed */
    /* Where opening begins to check, normally the anchor: a record, or a head. 0: at `first`.
     * Records between `first` and `start` are checked only when they are scanned. */
    pbase_position start;
    /* The head at a clean close, when nothing was appended since: opening then needs no search for
     * later frames, and finding less is CORRUPT. 0: not known. A storage that passes it clears its
     * own copy, durably, before its first append. */
    pbase_position closed_at;
    /* What `enter` was told last. That segment missing, or too short, or a head below is CORRUPT. */
    journal_entered entered;
    /* Stores it durably: called before a segment gets its first frame, with a segment for one frame
     * before that is acknowledged, and before one that a crash left without a frame goes. NOT_APPLIED refuses the append and nothing has happened; any other failure
     * poisons. NULL: nobody remembers. Calls nothing of this journal. */
    pbase_status (*enter)(void *state, const journal_entered *entered, pbase_error *err);
    uint32_t spares_max; /* new or recycled segments kept ahead; 0: 2 */
    uint32_t reserved;
    uint64_t segment_bytes; /* size of new segments; 0: the provider's geometry says */
    /* Several participants append in turn, each under an exclusive right that the storage grants:
     * see journal_follow. `first_now` (lock-free) tells how far others have trimmed. */
    bool is_shared;
    pbase_position (*first_now)(void *state);
    void *state;               /* of `first_now` and `enter` */
    const journal_mark *joins; /* borrowed for the call: others are there, and stand here; `first`,
                                  `start` and `closed_at` are not looked at. NULL: alone */
} journal_options;

/* Finds the head by checking every frame from `start` on; writes and flushes nothing, so records
 * near the head may still not be durable (see `synced`). A torn tail (frames that
 * were never acknowledged) is cut: see journal_tail; its bytes are zeroed, durably, before the first
 * new append. Returns a journal the caller closes.
 * CORRUPT: an acknowledged frame is damaged or a segment is missing; names the position, and
 * nothing is changed. INVALID: no record begins at `start`. UNSUPPORTED: the provider lacks
 * JOURNAL_CAPABILITIES. */
PBASE_MUST_CHECK pbase_status journal_open(const journal_options *options, const pbase_call *call,
                                           journal **out, pbase_error *err);
/* Ends it without a flush; scans are closed already. NULL is fine. */
void journal_close(journal *self);

/* Appends all records as one group, all or none; `append->fence` is not looked at. CONFLICT: the
 * head is not `expected`. LIMIT: JOURNAL_FRAME_BYTES_MAX, JOURNAL_RECORDS_MAX or
 * PBASE_RECORD_BYTES_MAX. UNSUPPORTED: REMOTE. The call is asked before the work begins; a write
 * that has begun is never cancelled. */
PBASE_MUST_CHECK pbase_status journal_append(journal *self, const pbase_call *call,
                                             const pbase_journal_append *append,
                                             pbase_journal_appended *out, pbase_error *err);
/* Returns when everything before `upto` is durable; costs nothing when it is already. Flushes all
 * there is. INVALID: `upto` is above the head. */
PBASE_MUST_CHECK pbase_status journal_sync(journal *self, const pbase_call *call,
                                           pbase_position upto, pbase_error *err);
/* Before an append: asks the provider for its unit once more, as it may have learned it since. Costs nothing
 * from the third call on. */
void journal_unit_learn(journal *self);
/* Makes a segment ahead when there is none, and the one that is written to is more than half
 * full, so that no append has to: for a background thread of the storage. */
PBASE_MUST_CHECK pbase_status journal_prepare(journal *self, const pbase_call *call,
                                              pbase_error *err);
/* The segment with the last frame, and the head, as journal_shrink leaves them: to be stored before that is called.
 * When everything is durable and no call is under way. */
PBASE_MUST_CHECK pbase_status journal_shrunk(journal *self, journal_entered *out, pbase_error *err);
/* Before an orderly end, when everything is durable and no call is under way: gives back the space
 * that only later appends would need. Spares are removed, and of the newest segment what lies more
 * than a sixteenth of a segment behind the head is cut off. What was forgotten in the oldest, but for the
 * last sixteenth, becomes a hole. Whatever fails, no record is touched. */
PBASE_MUST_CHECK pbase_status journal_shrink(journal *self, const pbase_call *call,
                                             pbase_error *err);
/* Forgets the records before `upto`, a record or the head: whole segments become spares or are
 * removed. The storage has stored the new `first` durably before. 0, or not above the present
 * `first`: nothing to do. INVALID: above the head. */
PBASE_MUST_CHECK pbase_status journal_trim(journal *self, const pbase_call *call,
                                           pbase_position upto, pbase_error *err);

/* ---- of a shared journal ---- */

/* Where this participant stands. With the right to append: what the next one has to follow. */
void journal_mark_get(journal *self, journal_mark *out);
/* Goes on where others left it. `in_order` is true when the caller has the right to append and
 * nobody died with it: then nothing but zeros lies behind the head, whatever this one found. */
PBASE_MUST_CHECK pbase_status journal_follow(journal *self, const journal_mark *mark, bool in_order,
                                             pbase_error *err);
/* Somebody died, or failed, with the right to append, which the caller has now: finds the head again
 * from `mark` on, as opening does, and makes the journal fit to be appended to: whole appends stay,
 * a torn tail is zeroed, all of it durably. Errors are those of journal_open and journal_append. */
PBASE_MUST_CHECK pbase_status journal_repair(journal *self, const journal_mark *mark,
                                             pbase_error *err);
/* Keeps nothing before `first`, from now on; its segments go with the next trim. */
void journal_first_set(journal *self, pbase_position first);
/* False: the next flush may have to write, which takes the right to append. */
bool journal_is_ready(journal *self);

/* All but `anchor`, which is the storage's and stays untouched. Never blocks on I/O. */
void journal_head(journal *self, pbase_journal_head *out);
/* What opening cut. */
void journal_tail(journal *self, pbase_journal_tail *out);
/* Blocks until the head is above `seen`. TIMEOUT or CANCELLED when the call is over. */
PBASE_MUST_CHECK pbase_status journal_wait(journal *self, const pbase_call *call,
                                           pbase_position seen, pbase_error *err);
/* FOUND when a kept append has the token. Otherwise ABSENT when nothing was ever trimmed, EXPIRED
 * when something was. Reads the kept journal: slow, for the rare case of an UNKNOWN append.
 * UNKNOWN: the append with this token failed in this journal; only reopening can tell. */
PBASE_MUST_CHECK pbase_status journal_outcome(journal *self, const pbase_call *call,
                                              pbase_token token, int32_t *out_outcome,
                                              pbase_position *out_position, pbase_error *err);

/* Begins at the record at `from`, which may also be the `next` of a record, an `end` or a head;
 * 0: at the first kept one. TRIMMED: no longer kept. INVALID: no record begins there. */
PBASE_MUST_CHECK pbase_status journal_scan_open(journal *self, const pbase_call *call,
                                                pbase_position from, pbase_journal_scan **out,
                                                pbase_error *err);
/* Lends the next record until the next call on this scan. END at the head; a later call may find
 * more. CORRUPT names the position. TRIMMED: the journal forgot the place meanwhile. */
PBASE_MUST_CHECK pbase_status journal_scan_next(pbase_journal_scan *scan, const pbase_call *call,
                                                pbase_journal_record *out, pbase_error *err);
void journal_scan_close(pbase_journal_scan *scan); /* NULL is fine */

typedef struct {
    uint64_t segment_count; /* with frames, without spares */
    uint64_t segment_bytes; /* of them */
    uint64_t spare_count;
    uint64_t append_count; /* since open */
    uint64_t append_bytes; /* written for appends since open: whole units, without zeros ahead */
    uint64_t flush_count;  /* SYNC writes and syncs, since open */
    uint32_t poisoned;     /* 1: READ_ONLY until reopened */
    uint32_t reserved;
} journal_stats;
void journal_stats_get(journal *self, journal_stats *out);

#endif
