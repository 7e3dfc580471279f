/* storage.h - the contract of a storage: a compare-and-append journal and a store of immutable atoms.
 *
 * Core keeps all meaning (transactions, trees, codecs); a storage keeps bytes. The contract is split
 * into sub-tables: meta, journal, atoms, segments, locks, admin. A storage embeds pbase_storage as
 * its first member and points it at a static const table. Core calls it only through the checked
 * functions below (sdk/src/storage.c), which verify what goes in and what comes out, once for all
 * implementations.
 *
 * Threads: synchronized; every slot may be called from any thread at any time until close, and may
 * block. A slot never calls back into core. Every slot takes a pbase_call (NULL never ends) and
 * should return TIMEOUT or CANCELLED soon after it is over.
 * Errors: owned by the caller; err->outcome says what is known about the effect. UNKNOWN is never
 * retried blindly. After an IO failure of an append or sync the storage is poisoned: every further
 * append and sync returns READ_ONLY until it is opened again; reads go on. */
#ifndef PROTOBASE_PLUGIN_STORAGE_H
#define PROTOBASE_PLUGIN_STORAGE_H
#include <protobase/base/arena.h>
#include <protobase/base/call.h>
#include <protobase/base/ref.h>
PBASE_BEGIN_DECLS

typedef struct pbase_storage pbase_storage;

/* What a commit waits for. A level that a storage lacks is UNSUPPORTED, never lowered. */
enum {
    PBASE_DURABILITY_NONE = 0,  /* until the next checkpoint or sync */
    PBASE_DURABILITY_ASYNC = 1, /* flushed in the background within a bounded time */
    PBASE_DURABILITY_SYNC = 2,  /* flushed before the commit returns */
    PBASE_DURABILITY_REMOTE = 3 /* held by a majority or by the bucket */
};

/* ------------------------------------------------------------------------------------ meta --- */
/* One small document, durable when `cas` returns, readable before recovery. Core keeps there the
 * space id, the format, the feature level and the table of codecs. At most PBASE_META_BYTES_MAX. */
#define PBASE_META_BYTES_MAX 65536u
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* The document (copied to `arena`) and its version. A new storage: empty bytes, version 0. */
    pbase_status (*get)(pbase_storage *self, const pbase_call *call, pbase_arena *arena,
                        pbase_bytes *out, uint64_t *out_version, pbase_error *err);
    /* Replaces version `expected` by `document`; the new version is expected + 1. CONFLICT when
     * another version is there; nothing is written then. */
    pbase_status (*cas)(pbase_storage *self, const pbase_call *call, uint64_t expected,
                        pbase_bytes document, pbase_error *err);
} pbase_storage_meta_ops;

/* --------------------------------------------------------------------------------- journal --- */
/* A position is the storage's own byte address of a record: it grows, and is never reused. */
typedef uint64_t pbase_position;
#define PBASE_POSITION_ANY UINT64_MAX

typedef struct {
    pbase_position head;   /* where the next append begins; what `expected` compares with */
    pbase_position first;  /* first position still kept */
    pbase_position anchor; /* given to the last trim; 0 before the first */
    pbase_position synced; /* everything before it is durable */
} pbase_journal_head;

#define PBASE_HEAD_LOCAL 0u  /* what this participant knows */
#define PBASE_HEAD_LATEST 1u /* no older than any append acknowledged before the call */

#define PBASE_RECORD_BYTES_MAX 1073741824u /* one record */

typedef struct {
    uint32_t struct_size;
    int32_t durability;         /* PBASE_DURABILITY_*: what the call waits for */
    const pbase_bytes *records; /* borrowed for the call; appended as one group, all or none */
    size_t record_count;        /* at least 1 */
    pbase_position expected;    /* the head it must find, or PBASE_POSITION_ANY */
    pbase_token token;          /* names this append for `outcome` */
    uint64_t fence;             /* of the lock `writer`; FENCED when a newer holder exists */
    uint32_t names_no_atoms; /* 1: what was written WITH_APPEND may wait for another append, for a
                                   sync or a trim; a storage that flushes it all the same is right, too */
    uint32_t reserved;
} pbase_journal_append;

typedef struct {
    pbase_position first; /* of the first record */
    pbase_position end;   /* the head after it */
} pbase_journal_appended;

/* One record as a scan lends it: valid until the next call on the same scan. */
typedef struct {
    pbase_position position; /* of this record: where a scan may start */
    pbase_position next;     /* of the record after it */
    pbase_bytes bytes;
    pbase_token token; /* of its append */
    uint32_t index;    /* of this record in its append */
    uint32_t count;    /* records in that append */
} pbase_journal_record;

typedef struct pbase_journal_scan pbase_journal_scan; /* confined; the storage's own */

/* What opening found at the end of the journal. */
typedef struct {
    uint64_t torn_bytes;          /* of an append that was never acknowledged, cut off; 0: none */
    pbase_position torn_position; /* where it began */
} pbase_journal_tail;

#define PBASE_OUTCOME_ABSENT 0 /* it never happened and never will */
#define PBASE_OUTCOME_FOUND 1
#define PBASE_OUTCOME_EXPIRED 2 /* too old to tell */

typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    pbase_status (*head)(pbase_storage *self, const pbase_call *call, uint32_t consistency,
                         pbase_journal_head *out, pbase_error *err);
    /* CONFLICT: the head is not `expected`; nothing was appended. Appends are visible to scans in
     * order, and durable in order: what survives is always a prefix. */
    pbase_status (*append)(pbase_storage *self, const pbase_call *call,
                           const pbase_journal_append *append, pbase_journal_appended *out,
                           pbase_error *err);
    /* One of PBASE_OUTCOME_*; `out_position` is set when FOUND. */
    pbase_status (*outcome)(pbase_storage *self, const pbase_call *call, pbase_token token,
                            int32_t *out_outcome, pbase_position *out_position, pbase_error *err);
    /* Returns when everything before `upto` is durable at `durability`. */
    pbase_status (*sync)(pbase_storage *self, const pbase_call *call, pbase_position upto,
                         int32_t durability, pbase_error *err);
    /* Begins at the record at `from`, or at the first kept one when `from` is 0. TRIMMED when
     * `from` is no longer kept, INVALID when no record begins there. Close it with scan_close. */
    pbase_status (*scan_open)(pbase_storage *self, const pbase_call *call, pbase_position from,
                              pbase_journal_scan **out, pbase_error *err);
    /* END after the newest record; a later call may find more. CORRUPT: damage to acknowledged
     * records, naming the position; nothing is truncated. */
    pbase_status (*scan_next)(pbase_storage *self, const pbase_call *call, pbase_journal_scan *scan,
                              pbase_journal_record *out, pbase_error *err);
    void (*scan_close)(pbase_storage *self, pbase_journal_scan *scan); /* NULL is fine */
    /* Blocks until the head is beyond `seen`. */
    pbase_status (*wait)(pbase_storage *self, const pbase_call *call, pbase_position seen,
                         pbase_error *err);
    /* Durably moves the anchor to `anchor` and forgets records before `upto` (0: keeps them all),
     * both at once. `upto` <= `anchor` < head. Space may be freed later. */
    pbase_status (*trim)(pbase_storage *self, const pbase_call *call, pbase_position upto,
                         pbase_position anchor, pbase_error *err);
    /* What opening found at the tail. */
    pbase_status (*tail)(pbase_storage *self, pbase_journal_tail *out, pbase_error *err);
    /* Optional, for storages that are SHARED: a word of memory that takes a value which it never had
     * before each time anybody has appended or trimmed, before the call returns there. As long as it
     * stays what it was, a head of PBASE_HEAD_LATEST that was asked for after it was read is the
     * latest. Lent until close, read as a whole by whoever has it. NULL: there is none. */
    const uint64_t *(*pulse)(pbase_storage *self);
} pbase_storage_journal_ops;

/* ----------------------------------------------------------------------------------- atoms --- */
/* Immutable, written in batches, addressed by atom pointers. The bytes are core's: a header with
 * checksum, then the payload (docs/formats/atom.md). */
#define PBASE_ATOM_BYTES_MAX (67108864u + 65536u)
#define PBASE_ATOM_ALIGN 64u /* every atom begins at a multiple of it within its segment */

#define PBASE_ATOMS_DURABLE 0u /* durable when write returns */
/* Durable no later than the next durable append that may name atoms, or sync. */
#define PBASE_ATOMS_WITH_APPEND 1u
/* The same of many atoms, of which few are read soon: they need not go through a cache. */
#define PBASE_ATOMS_STREAMED 2u

typedef struct {
    const uint8_t *data; /* aligned to PBASE_ATOM_UNIT; lent until unmap or close; NULL when the
                            log is unknown */
    uint64_t size_bytes; /* bytes that may be read now; grows only */
} pbase_atom_map;

typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* Writes `count` atoms in this order, fills `out` with their pointers. All or none. */
    pbase_status (*write)(pbase_storage *self, const pbase_call *call, const pbase_bytes *atoms,
                          size_t count, uint32_t mode, pbase_atom_pointer *out, pbase_error *err);
    /* Copies `size` bytes of the atom at `pointer` to `out`; fewer when its segment ends first
     * (`out_read` tells). NOT_FOUND: no such segment. LOST: retired. */
    pbase_status (*read)(pbase_storage *self, const pbase_call *call, pbase_atom_pointer pointer,
                         void *out, size_t size, size_t *out_read, pbase_error *err);
    /* Optional (capability PBASE_STORAGE_MAP): a view of the whole segment `log_id`, always at the same
     * place. Asked for again when the segment has grown, and when many of its atoms were read: until then
     * a storage may take it that few will be. */
    pbase_status (*map)(pbase_storage *self, uint32_t log_id, pbase_atom_map *out,
                        pbase_error *err);
    /* Optional (PBASE_STORAGE_PUNCH): no pointer into the `size` bytes from `pointer` on will be
     * followed again, by nobody; they may read as zeros from now on, and after a crash as either. The
     * range lies within what was written; the segment may be sealed. UNSUPPORTED also where the
     * storage finds out only now that it cannot. */
    pbase_status (*punch)(pbase_storage *self, const pbase_call *call, pbase_atom_pointer pointer,
                          uint64_t size, pbase_error *err);
    /* Optional: a log id that only the caller writes (bulk loads). */
    pbase_status (*reserve)(pbase_storage *self, const pbase_call *call, uint32_t *out_log_id,
                            pbase_error *err);
} pbase_storage_atom_ops;

/* -------------------------------------------------------------------------------- segments --- */
#define PBASE_SEGMENT_SEALED 1u /* no atom will be added */
/* Bytes that nobody was given a pointer to may be anything: a crash left them, or another participant
 * is about to write. */
#define PBASE_SEGMENT_LOOSE 2u

typedef struct {
    uint32_t log_id;
    uint32_t sealed; /* PBASE_SEGMENT_SEALED, PBASE_SEGMENT_LOOSE, both, or 0 */
    uint64_t size_bytes;
    uint64_t held_bytes; /* that it takes of the device, less what was punched; 0: not known */
    uint8_t digest[32];  /* SHA-256 or the storage's choice; zeros when not kept */
} pbase_segment_info;

#define PBASE_NEEDS_BYTES_MAX 2000u

typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    pbase_status (*list)(pbase_storage *self, const pbase_call *call,
                         pbase_status (*each)(void *state, const pbase_segment_info *segment,
                                              pbase_error *err),
                         void *state, pbase_error *err);
    /* No pointer into `log_id` will be followed again, by nobody; it may be removed at once. Its id
     * is never used again. */
    pbase_status (*retire)(pbase_storage *self, const pbase_call *call, uint32_t log_id,
                           pbase_error *err);
    /* Optional: keeps segments that a reader at `sequence` needs for `lease_ms`. */
    pbase_status (*pin)(pbase_storage *self, const pbase_call *call, uint64_t sequence,
                        uint64_t lease_ms, pbase_error *err);
    pbase_status (*unpin)(pbase_storage *self, const pbase_call *call, uint64_t sequence,
                          pbase_error *err);
    /* Optional: raw bytes of a segment, for backup and catch-up. The first PBASE_ATOM_ALIGN bytes
     * are the storage's own header: atoms begin behind it. */
    pbase_status (*segment_read)(pbase_storage *self, const pbase_call *call, uint32_t log_id,
                                 uint64_t offset, void *out, size_t size, size_t *out_read,
                                 pbase_error *err);
    /* Optional: adds a sealed segment under its own id, durably; its first PBASE_ATOM_ALIGN bytes
     * are replaced by the storage's own header. EXISTS: the id is in use. */
    pbase_status (*segment_put)(pbase_storage *self, const pbase_call *call,
                                const pbase_segment_info *segment, pbase_bytes bytes,
                                pbase_error *err);
    /* Optional; needed with SHARED to let go of anything. Whether nobody else has the storage open at
     * this moment: whoever opens it later knows of nothing but what the anchor leads to. */
    pbase_status (*is_alone)(pbase_storage *self, const pbase_call *call, bool *out,
                             pbase_error *err);
    /* Optional, both or none; needed with SHARED to let go of anything beside others. Says what this
     * open still needs, in place of what it said before, in bytes that mean something to core alone;
     * it ends with close, or with the process. Costs stores, no system call. Whoever asks once it has
     * returned is told; and what this open reads of the journal's head afterwards is no older. One
     * call at a time (the caller's duty). */
    pbase_status (*need)(pbase_storage *self, pbase_bytes needs, pbase_error *err);
    /* What every other open that is alive said last; no bytes: nothing yet. Whoever opens later begins
     * with what the anchor leads to. BUSY: of somebody it cannot be told. */
    pbase_status (*others_need)(pbase_storage *self, const pbase_call *call,
                                pbase_status (*each)(void *state, pbase_bytes needs,
                                                     pbase_error *err),
                                void *state, pbase_error *err);
} pbase_storage_segment_ops;

/* ----------------------------------------------------------------------------------- locks --- */
#define PBASE_LOCK_EXCLUSIVE 0u
#define PBASE_LOCK_SHARED 1u
/* Names core uses: "writer" is the right to append, "checkpoint" the right to materialise. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* Waits until call->deadline; BUSY names the holder. Fencing tokens of one name grow. Lease 0
     * holds until release, close or fencing. */
    pbase_status (*acquire)(pbase_storage *self, const pbase_call *call, const char *name,
                            uint32_t mode, uint64_t lease_ms, uint64_t *out_fence,
                            pbase_error *err);
    /* LOST: somebody else may hold it now. */
    pbase_status (*renew)(pbase_storage *self, const pbase_call *call, const char *name,
                          uint64_t fence, uint64_t lease_ms, pbase_error *err);
    void (*release)(pbase_storage *self, const char *name, uint64_t fence);
} pbase_storage_lock_ops;

/* ----------------------------------------------------------------------------------- admin --- */
/* One figure: a name such as "journal_bytes", a value, a unit ("bytes", "count", "ns", "1/s"). */
typedef pbase_status (*pbase_stat_each)(void *state, const char *name, uint64_t value,
                                        const char *unit, pbase_error *err);
/* One finding of verify: damaged or suspicious, with the place in words. */
typedef pbase_status (*pbase_verify_each)(void *state, pbase_status code, const char *place,
                                          const char *message, pbase_error *err);
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    pbase_status (*stats)(pbase_storage *self, const pbase_call *call, pbase_stat_each each,
                          void *state, pbase_error *err);
    /* Reads everything it keeps and checks its own formats (frames, segments, super block). Calls
     * `each` for every finding; OK when it could look everywhere, whatever it found. */
    pbase_status (*verify)(pbase_storage *self, const pbase_call *call, pbase_verify_each each,
                           void *state, pbase_error *err);
    /* Optional: verbs declared in the descriptor; values are JSON texts. Core itself asks for
     * PBASE_STORAGE_RELEASE_RESERVE, when giving space back finds no room to begin. */
    pbase_status (*control)(pbase_storage *self, const pbase_call *call, const char *verb,
                            pbase_bytes value, pbase_buffer *out, pbase_error *err);
    /* Ends it: flushes what is asynchronous, releases locks. Nothing else may be running. */
    void (*close)(pbase_storage *self);
} pbase_storage_admin_ops;

/* --------------------------------------------------------------------------------- storage --- */
/* A verb of `control`: what was kept ready on the disk is given to it. Made again when there is room. */
#define PBASE_STORAGE_RELEASE_RESERVE "release-reserve"

#define PBASE_STORAGE_MAP 0x01u /* atoms can be mapped */
#define PBASE_STORAGE_PUNCH 0x02u
#define PBASE_STORAGE_RESERVE 0x04u
#define PBASE_STORAGE_PIN 0x08u
#define PBASE_STORAGE_SEGMENT_IO 0x10u
#define PBASE_STORAGE_PERSISTENT 0x20u /* survives close */
#define PBASE_STORAGE_SHARED 0x40u     /* several participants may append */

typedef struct {
    uint32_t struct_size;
    uint32_t capabilities;    /* PBASE_STORAGE_* */
    uint32_t durability_mask; /* bit n set: level n is offered */
    uint32_t reserved;
    const pbase_storage_meta_ops *meta;
    const pbase_storage_journal_ops *journal;
    const pbase_storage_atom_ops *atoms;
    const pbase_storage_segment_ops *segments;
    const pbase_storage_lock_ops *locks;
    const pbase_storage_admin_ops *admin;
} pbase_storage_vtable;

struct pbase_storage {
    const pbase_storage_vtable *vtable; /* set once by the implementation */
};

/* Checked calls, one per slot: they refuse impossible arguments before the call (INVALID, LIMIT),
 * and impossible results after it (PLUGIN, naming the rule broken). An optional slot that is absent
 * gives UNSUPPORTED. The host checks a table once with pbase_storage_check. */
PBASE_MUST_CHECK pbase_status pbase_storage_check(const pbase_storage_vtable *vtable,
                                                  pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_meta_get(pbase_storage *storage, const pbase_call *call,
                                                     pbase_arena *arena, pbase_bytes *out,
                                                     uint64_t *out_version, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_meta_cas(pbase_storage *storage, const pbase_call *call,
                                                     uint64_t expected, pbase_bytes document,
                                                     pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_journal_head(pbase_storage *storage,
                                                         const pbase_call *call,
                                                         uint32_t consistency,
                                                         pbase_journal_head *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_append(pbase_storage *storage, const pbase_call *call,
                                                   const pbase_journal_append *append,
                                                   pbase_journal_appended *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_outcome(pbase_storage *storage, const pbase_call *call,
                                                    pbase_token token, int32_t *out_outcome,
                                                    pbase_position *out_position, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_sync(pbase_storage *storage, const pbase_call *call,
                                                 pbase_position upto, int32_t durability,
                                                 pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_scan_open(pbase_storage *storage,
                                                      const pbase_call *call, pbase_position from,
                                                      pbase_journal_scan **out, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_scan_next(pbase_storage *storage,
                                                      const pbase_call *call,
                                                      pbase_journal_scan *scan,
                                                      pbase_journal_record *out, pbase_error *err);
void pbase_storage_scan_close(pbase_storage *storage, pbase_journal_scan *scan);
PBASE_MUST_CHECK pbase_status pbase_storage_wait(pbase_storage *storage, const pbase_call *call,
                                                 pbase_position seen, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_trim(pbase_storage *storage, const pbase_call *call,
                                                 pbase_position upto, pbase_position anchor,
                                                 pbase_error *err);
/* The word that changes with every append of anybody; NULL: ask for the head. */
const uint64_t *pbase_storage_journal_pulse(pbase_storage *storage);
PBASE_MUST_CHECK pbase_status pbase_storage_tail(pbase_storage *storage, pbase_journal_tail *out,
                                                 pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_atoms_write(pbase_storage *storage,
                                                        const pbase_call *call,
                                                        const pbase_bytes *atoms, size_t count,
                                                        uint32_t mode, pbase_atom_pointer *out,
                                                        pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_atoms_read(pbase_storage *storage,
                                                       const pbase_call *call,
                                                       pbase_atom_pointer pointer, void *out,
                                                       size_t size, size_t *out_read,
                                                       pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_atoms_map(pbase_storage *storage, uint32_t log_id,
                                                      pbase_atom_map *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_atoms_punch(pbase_storage *storage,
                                                        const pbase_call *call,
                                                        pbase_atom_pointer pointer, uint64_t size,
                                                        pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_atoms_reserve(pbase_storage *storage,
                                                          const pbase_call *call,
                                                          uint32_t *out_log_id, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_segments_list(
    pbase_storage *storage, const pbase_call *call,
    pbase_status (*each)(void *state, const pbase_segment_info *segment, pbase_error *err),
    void *state, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_segment_retire(pbase_storage *storage,
                                                           const pbase_call *call, uint32_t log_id,
                                                           pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_pin(pbase_storage *storage, const pbase_call *call,
                                                uint64_t sequence, uint64_t lease_ms,
                                                pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_unpin(pbase_storage *storage, const pbase_call *call,
                                                  uint64_t sequence, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_segment_read(pbase_storage *storage,
                                                         const pbase_call *call, uint32_t log_id,
                                                         uint64_t offset, void *out, size_t size,
                                                         size_t *out_read, pbase_error *err);
/* True without SHARED; false with it when the storage cannot tell. */
PBASE_MUST_CHECK pbase_status pbase_storage_is_alone(pbase_storage *storage, const pbase_call *call,
                                                     bool *out, pbase_error *err);
/* OK, and nothing happens, where nobody else can be. LIMIT: more than PBASE_NEEDS_BYTES_MAX. */
PBASE_MUST_CHECK pbase_status pbase_storage_need(pbase_storage *storage, pbase_bytes needs,
                                                 pbase_error *err);
/* BUSY: somebody is there who cannot be asked. */
PBASE_MUST_CHECK pbase_status
pbase_storage_others_need(pbase_storage *storage, const pbase_call *call,
                          pbase_status (*each)(void *state, pbase_bytes needs, pbase_error *err),
                          void *state, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_segment_put(pbase_storage *storage,
                                                        const pbase_call *call,
                                                        const pbase_segment_info *segment,
                                                        pbase_bytes bytes, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_lock_acquire(pbase_storage *storage,
                                                         const pbase_call *call, const char *name,
                                                         uint32_t mode, uint64_t lease_ms,
                                                         uint64_t *out_fence, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_lock_renew(pbase_storage *storage,
                                                       const pbase_call *call, const char *name,
                                                       uint64_t fence, uint64_t lease_ms,
                                                       pbase_error *err);
void pbase_storage_lock_release(pbase_storage *storage, const char *name, uint64_t fence);
PBASE_MUST_CHECK pbase_status pbase_storage_stats(pbase_storage *storage, const pbase_call *call,
                                                  pbase_stat_each each, void *state,
                                                  pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_verify(pbase_storage *storage, const pbase_call *call,
                                                   pbase_verify_each each, void *state,
                                                   pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_storage_control(pbase_storage *storage, const pbase_call *call,
                                                    const char *verb, pbase_bytes value,
                                                    pbase_buffer *out, pbase_error *err);
void pbase_storage_close(pbase_storage *storage); /* NULL is fine */

PBASE_END_DECLS
#endif
