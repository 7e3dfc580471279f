/* file_store_private.h - what the parts of a store share: its state and its locks.
 *
 * `writer` is held by whoever changes segments: writes, seals, puts, retires. The size of a segment is
 * published when a whole write has succeeded. `flusher` is held during a flush and while the active
 * segment changes, so that a commit that has to flush waits for no writer, and one that has not, for
 * nobody: it compares two counters. */
#ifndef PBASE_FILE_STORE_PRIVATE_H
#define PBASE_FILE_STORE_PRIVATE_H
#include "file_store.h"
#include "store_staging.h"
#include "store_table.h"

struct file_store {
    const pbase_host *host;
    pbase_blocks *blocks;
    pbase_blocks_geometry geometry;
    store_table table;
    pbase_status (*take_id)(void *state, uint32_t at_least, uint32_t *out, pbase_error *err);
    void *state;            /* of take_id, which is NULL unless shared */
    pbase_os_mutex *writer; /* guards the five below; taken before `flusher` and the table's lock */
    uint64_t end;           /* of what was written to `active` */
    store_staging staging;  /* bytes not written yet; they belong at `end` */
    bool past_cache;        /* the write under way goes past the cache */
    uint64_t written_bytes;
    uint64_t listings;        /* of names, so far */
    store_segment *active;    /* the one that grows, NULL: none; changed with `flusher` held too */
    pbase_os_mutex *flusher;  /* one flush at a time */
    _Atomic uint64_t written; /* batches, so far */
    _Atomic uint64_t flushed; /* of them; only `flusher` moves it */
    _Atomic uint64_t flush_count;
    _Atomic bool failed;  /* a flush failed */
    bool lists_abandoned; /* during open: whoever wrote what is found there is gone */
};

static inline const pbase_os *file_store_os(const file_store *store)
{
    return store->host->os;
}

#endif
