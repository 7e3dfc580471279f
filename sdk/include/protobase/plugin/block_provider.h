/* block_provider.h - the contract of a block provider: named segments of bytes and small versioned keys.
 *
 * A storage that keeps its bytes in files, objects or memory does so through a block provider, so
 * that the same storage runs over any of them, and providers stack (cache over s3, throttle,
 * mirror, faulty). Names are 1..255 bytes of [a-z0-9._/-]; neither "." nor ".." between slashes.
 *
 * Threads: synchronized. Calls may block and never call back. Two writes to overlapping ranges of
 * one segment must not run at once (the caller's duty). Errors as in storage.h. */
#ifndef PROTOBASE_PLUGIN_BLOCK_PROVIDER_H
#define PROTOBASE_PLUGIN_BLOCK_PROVIDER_H
#include <protobase/base/arena.h>
#include <protobase/base/call.h>
PBASE_BEGIN_DECLS

typedef struct pbase_blocks pbase_blocks;   /* a block provider */
typedef struct pbase_segment pbase_segment; /* an open segment of one; confined to its ender */

/* Capabilities. A storage declares in its slot those it needs. */
#define PBASE_BLOCKS_APPEND_SYNC 0x01u /* write with SYNC is durable when it returns */
#define PBASE_BLOCKS_OVERWRITE 0x02u   /* an unsealed segment may be written again */
#define PBASE_BLOCKS_PUNCH 0x04u
#define PBASE_BLOCKS_EXCLUSIVE_SEAL 0x08u /* create/seal of an existing name fails: EXISTS */
#define PBASE_BLOCKS_RANGE_READ 0x10u
#define PBASE_BLOCKS_MAP 0x20u
#define PBASE_BLOCKS_PERSISTENT 0x40u
#define PBASE_BLOCKS_LOCK 0x80u    /* lock: exclusive use between processes */
#define PBASE_BLOCKS_SHARED 0x100u /* share: use by several processes at once */

typedef struct {
    uint32_t struct_size;
    uint32_t
        atomic_bytes; /* a write of this size and alignment is never torn; 512 or 4096. A provider may
                              say 4096 until something is written, and ask the device only then */
    uint64_t preferred_bytes; /* good size of one sequential write */
    uint64_t segment_bytes;   /* size a journal or store segment should have */
    uint64_t segment_bytes_max;
    uint32_t in_flight_max; /* calls that make sense at once */
    uint32_t is_direct; /* 1: SYNC writes of whole atomic units go past the cache; 0: they do not,
                               or that is not known before the first one */
} pbase_blocks_geometry;

typedef struct {
    const char *name; /* lent for the call */
    uint64_t size_bytes;
    uint64_t held_bytes; /* that it takes of the device, less what was punched; 0: not known */
    uint32_t sealed;
    uint32_t reserved;
} pbase_block_info;

#define PBASE_SEGMENT_WRITE 0x01u  /* else read only */
#define PBASE_SEGMENT_CREATE 0x02u /* new and empty; EXISTS when the name is taken */

#define PBASE_WRITE_SYNC 0x01u /* durable, with everything written to the segment before */
/* A hint: much, and not read soon, so that it need not stay in a cache. Durable after the next sync, as
 * any write. */
#define PBASE_WRITE_PAST_CACHE 0x02u

typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    pbase_status (*geometry)(pbase_blocks *self, pbase_blocks_geometry *out, pbase_error *err);
    /* NOT_FOUND without CREATE. A created name is durable after the first sync or SYNC write of
     * the segment. READ_ONLY when a sealed segment is opened for writing. */
    pbase_status (*open)(pbase_blocks *self, const pbase_call *call, const char *name,
                         uint32_t flags, pbase_segment **out, pbase_error *err);
    /* Makes the segment `size` bytes of zeros that are really allocated, so that a synced
     * overwrite costs no file-system metadata. Durable after the next sync. */
    pbase_status (*preallocate)(pbase_segment *segment, const pbase_call *call, uint64_t size,
                                pbase_error *err);
    /* All of `data` at `offset`; without OVERWRITE only at the end. NO_SPACE leaves what was there
     * before `offset` intact. */
    pbase_status (*write)(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                          pbase_bytes data, uint32_t flags, pbase_error *err);
    /* A failure is final: the segment refuses everything but reads and close from then on. */
    pbase_status (*sync)(pbase_segment *segment, const pbase_call *call, pbase_error *err);
    /* Reads what there is of `size` bytes at `offset`. */
    pbase_status (*read)(pbase_segment *segment, const pbase_call *call, uint64_t offset, void *out,
                         size_t size, size_t *out_read, pbase_error *err);
    pbase_status (*size)(pbase_segment *segment, uint64_t *out_bytes, pbase_error *err);
    /* Cuts to `size_bytes`, makes it durable and immutable. */
    pbase_status (*seal)(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                         pbase_error *err);
    void (*close)(pbase_segment *segment);
    /* May be NULL: it cannot. Cuts an unsealed segment to `size_bytes`, durably; it stays what it
     * was and may grow again. INVALID: it has not so many. */
    pbase_status (*cut)(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                        pbase_error *err);
    /* May be NULL: it cannot. Makes a shorter segment `size` bytes, for which the place keeps room from
     * now on, and writes nothing: what is new reads as zeros, and the first synced write to a part of
     * it may cost file-system metadata. Durable after the next sync. UNSUPPORTED: the place cannot
     * after all; whatever fails, the segment is as it was. */
    pbase_status (*reserve)(pbase_segment *segment, const pbase_call *call, uint64_t size,
                            pbase_error *err);
} pbase_blocks_segment_ops;

#define PBASE_KEY_DOCUMENT_BYTES_MAX 65536u
#define PBASE_KEY_FINDING_BYTES 384u
typedef struct {
    char text[PBASE_KEY_FINDING_BYTES]; /* what is damaged; "": nothing */
    bool is_doubtful;                   /* the damage may have been the newest document */
} pbase_key_finding;

typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* Durable when it returns. An open segment of that name stays readable until closed. */
    pbase_status (*remove)(pbase_blocks *self, const pbase_call *call, const char *name,
                           pbase_error *err);
    /* Atomic and durable; the target must not exist. How a journal recycles a segment. */
    pbase_status (*rename)(pbase_blocks *self, const pbase_call *call, const char *from,
                           const char *to, pbase_error *err);
    /* Names that begin with `prefix`, in no order. */
    pbase_status (*list)(pbase_blocks *self, const pbase_call *call, const char *prefix,
                         pbase_status (*each)(void *state, const pbase_block_info *info,
                                              pbase_error *err),
                         void *state, pbase_error *err);
    /* Small versioned keys, at most PBASE_KEY_DOCUMENT_BYTES_MAX. Missing: empty bytes, version 0. */
    pbase_status (*key_get)(pbase_blocks *self, const pbase_call *call, const char *key,
                            pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                            pbase_error *err);
    /* Atomic and durable; the new version is expected + 1. CONFLICT: another version is there. */
    pbase_status (*key_cas)(pbase_blocks *self, const pbase_call *call, const char *key,
                            uint64_t expected, pbase_bytes document, pbase_error *err);
    /* Optional (LOCK): exclusive use until close. BUSY names the holder's process id. */
    pbase_status (*lock)(pbase_blocks *self, const pbase_call *call, pbase_error *err);
    /* Optional (MAP): view of an open segment's first `size` bytes, until unmap or close. `size`
     * may reach beyond the end: a byte may be read as soon as it has been written. */
    pbase_status (*map)(pbase_segment *segment, uint64_t size, const uint8_t **out,
                        pbase_error *err);
    void (*unmap)(pbase_segment *segment, const uint8_t *data, uint64_t size);
    /* Optional (PUNCH): gives a range back, which reads as zeros from now on. Also of a sealed segment
     * and of one opened for reading; not durable by itself: after a crash the range may be what it
     * was, in part. UNSUPPORTED: the place cannot after all. */
    pbase_status (*punch)(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                          uint64_t size, pbase_error *err);
    void (*close)(pbase_blocks *self); /* its segments are closed already */
    /* Optional. Looks at what is stored of a key beside the document that key_get gives. */
    pbase_status (*key_verify)(pbase_blocks *self, const pbase_call *call, const char *key,
                               pbase_key_finding *out, pbase_error *err);
    /* Optional. key_get and key_verify in one look; what key_get fails with is no finding. */
    pbase_status (*key_read)(pbase_blocks *self, const pbase_call *call, const char *key,
                             pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                             pbase_key_finding *out_finding, pbase_error *err);
} pbase_blocks_name_ops;

/* Optional (SHARED): several opens of one place, in one process or in many, use it at once. What
 * one writes another reads as soon as the call returned; keys stay atomic between them. Names of
 * locks are 1..PBASE_LOCK_NAME_BYTES of [a-z0-9-]. All holds of a process end with it. */
#define PBASE_LOCK_NAME_BYTES 64u
#define PBASE_BOARD_BYTES_MAX 4096u
#define PBASE_SLOTS_MAX 4096u /* of one name */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* Instead of `lock`: from now on this open is one of the users. `out_alone`: there is no other,
     * so that what lies there was left by users who are gone. BUSY names the process that has it
     * exclusively. Users come and go one at a time: the caller holds a lock of its own choice. */
    pbase_status (*attach)(pbase_blocks *self, const pbase_call *call, bool *out_alone,
                           pbase_error *err);
    /* The last call before close. True when no other user is left: they are kept out until close,
     * so that an orderly end can be made. */
    bool (*leave)(pbase_blocks *self);
    /* Takes the lock `name`, which this open does not hold, and waits for it until the call's
     * deadline: BUSY then. Whoever waits comes before who held it last. */
    pbase_status (*acquire)(pbase_blocks *self, const pbase_call *call, const char *name,
                            bool shared, pbase_error *err);
    void (*release)(pbase_blocks *self, const char *name);
    /* Memory that all users see under the name `name` (of a lock's alphabet): what one stores the
     * others read at once. Zeros, unless a user stored something: also one who is gone. Aligned to
     * its size; lent until close. At most PBASE_BOARD_BYTES_MAX. */
    pbase_status (*board)(pbase_blocks *self, const pbase_call *call, const char *name, size_t size,
                          uint8_t **out, pbase_error *err);
    /* Makes every name durable, also what a user who died left unfinished. */
    pbase_status (*names_sync)(pbase_blocks *self, const pbase_call *call, pbase_error *err);
    /* The first free slot of the name `name` (of a lock's alphabet), once for each open: memory like a
     * board's, which this open alone writes and all can read, until close or until its process ends,
     * however it ends. It has what its last holder left, or zeros. LIMIT: all are taken. */
    pbase_status (*slot_take)(pbase_blocks *self, const pbase_call *call, const char *name,
                              size_t size, uint8_t **out, pbase_error *err);
    /* Every slot of that name that another open holds at this moment; the memory is lent for the
     * call of `each`. Another answer than OK ends it. */
    pbase_status (*slots_each)(pbase_blocks *self, const pbase_call *call, const char *name,
                               size_t size,
                               pbase_status (*each)(void *state, const uint8_t *slot,
                                                    pbase_error *err),
                               void *state, pbase_error *err);
} pbase_blocks_share_ops;

typedef struct {
    uint32_t struct_size;
    uint32_t capabilities; /* PBASE_BLOCKS_* */
    const pbase_blocks_segment_ops *segment;
    const pbase_blocks_name_ops *name;
    const pbase_blocks_share_ops *share; /* NULL without SHARED */
} pbase_blocks_vtable;

struct pbase_blocks {
    const pbase_blocks_vtable *vtable;
};
struct pbase_segment {
    pbase_blocks *blocks; /* borrowed until close */
};

/* Checked calls: as in storage.h. */
PBASE_MUST_CHECK pbase_status pbase_blocks_check(const pbase_blocks_vtable *vtable,
                                                 pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_blocks_geometry_get(pbase_blocks *blocks,
                                                        pbase_blocks_geometry *out,
                                                        pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_blocks_open(pbase_blocks *blocks, const pbase_call *call,
                                                const char *name, uint32_t flags,
                                                pbase_segment **out, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_segment_preallocate(pbase_segment *segment,
                                                        const pbase_call *call, uint64_t size,
                                                        pbase_error *err);
/* UNSUPPORTED: the provider cannot. */
PBASE_MUST_CHECK pbase_status pbase_segment_reserve(pbase_segment *segment, const pbase_call *call,
                                                    uint64_t size, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_segment_write(pbase_segment *segment, const pbase_call *call,
                                                  uint64_t offset, pbase_bytes data, uint32_t flags,
                                                  pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_segment_sync(pbase_segment *segment, const pbase_call *call,
                                                 pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_segment_read(pbase_segment *segment, const pbase_call *call,
                                                 uint64_t offset, void *out, size_t size,
                                                 size_t *out_read, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_segment_size(pbase_segment *segment, uint64_t *out_bytes,
                                                 pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_segment_seal(pbase_segment *segment, const pbase_call *call,
                                                 uint64_t size_bytes, pbase_error *err);
/* UNSUPPORTED: the provider cannot. */
PBASE_MUST_CHECK pbase_status pbase_segment_cut(pbase_segment *segment, const pbase_call *call,
                                                uint64_t size_bytes, pbase_error *err);
void pbase_segment_close(pbase_segment *segment); /* NULL is fine */
PBASE_MUST_CHECK pbase_status pbase_blocks_remove(pbase_blocks *blocks, const pbase_call *call,
                                                  const char *name, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_blocks_rename(pbase_blocks *blocks, const pbase_call *call,
                                                  const char *from, const char *to,
                                                  pbase_error *err);
PBASE_MUST_CHECK pbase_status
pbase_blocks_list(pbase_blocks *blocks, const pbase_call *call, const char *prefix,
                  pbase_status (*each)(void *state, const pbase_block_info *info, pbase_error *err),
                  void *state, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_blocks_key_get(pbase_blocks *blocks, const pbase_call *call,
                                                   const char *key, pbase_arena *arena,
                                                   pbase_bytes *out, uint64_t *out_version,
                                                   pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_blocks_key_cas(pbase_blocks *blocks, const pbase_call *call,
                                                   const char *key, uint64_t expected,
                                                   pbase_bytes document, pbase_error *err);
/* Nothing is found where the provider has no such slot. */
PBASE_MUST_CHECK pbase_status pbase_blocks_key_verify(pbase_blocks *blocks, const pbase_call *call,
                                                      const char *key, pbase_key_finding *out,
                                                      pbase_error *err);
/* Both in one look where the provider has such a slot. */
PBASE_MUST_CHECK pbase_status pbase_blocks_key_read(pbase_blocks *blocks, const pbase_call *call,
                                                    const char *key, pbase_arena *arena,
                                                    pbase_bytes *out, uint64_t *out_version,
                                                    pbase_key_finding *out_finding,
                                                    pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_blocks_lock(pbase_blocks *blocks, const pbase_call *call,
                                                pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_segment_map(pbase_segment *segment, uint64_t size,
                                                const uint8_t **out, pbase_error *err);
void pbase_segment_unmap(pbase_segment *segment, const uint8_t *data, uint64_t size);
PBASE_MUST_CHECK pbase_status pbase_segment_punch(pbase_segment *segment, const pbase_call *call,
                                                  uint64_t offset, uint64_t size, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_blocks_attach(pbase_blocks *blocks, const pbase_call *call,
                                                  bool *out_alone, pbase_error *err);
bool pbase_blocks_leave(pbase_blocks *blocks);
PBASE_MUST_CHECK pbase_status pbase_blocks_acquire(pbase_blocks *blocks, const pbase_call *call,
                                                   const char *name, bool shared, pbase_error *err);
void pbase_blocks_release(pbase_blocks *blocks, const char *name);
PBASE_MUST_CHECK pbase_status pbase_blocks_board(pbase_blocks *blocks, const pbase_call *call,
                                                 const char *name, size_t size, uint8_t **out,
                                                 pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_blocks_names_sync(pbase_blocks *blocks, const pbase_call *call,
                                                      pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_blocks_slot_take(pbase_blocks *blocks, const pbase_call *call,
                                                     const char *name, size_t size, uint8_t **out,
                                                     pbase_error *err);
PBASE_MUST_CHECK pbase_status
pbase_blocks_slots_each(pbase_blocks *blocks, const pbase_call *call, const char *name, size_t size,
                        pbase_status (*each)(void *state, const uint8_t *slot, pbase_error *err),
                        void *state, pbase_error *err);
void pbase_blocks_close(pbase_blocks *blocks); /* NULL is fine */

PBASE_END_DECLS
#endif
