/* file_store.h - immutable segments of atoms over a block provider (docs/formats/segment.md).
 *
 * Segment n is "store/<n in 4 hexadecimal digits>": a header of PBASE_ATOM_ALIGN bytes, then atoms,
 * each at a multiple of it. One segment grows at a time; full, it is sealed. After a clean close
 * the last one is continued; after a crash a new one is begun, since nobody knows how much of the
 * old one reached the disk. Bytes that nobody was given a pointer to are ignored.
 *
 * Failure: a flush that fails poisons the store: writes are READ_ONLY until it is opened again,
 * reads go on. A write that fails otherwise changes nothing that can be seen.
 *
 * Threads: synchronized. One writer at a time; reads and maps run beside it. */
#ifndef PBASE_FILE_STORE_H
#define PBASE_FILE_STORE_H
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/host.h>
#include <protobase/plugin/storage.h>

typedef struct file_store file_store;

typedef struct {
    const pbase_host *host; /* borrowed until close */
    pbase_blocks *blocks;   /* borrowed until close */
    uint64_t space_id;
    uint32_t next_log_id;   /* of the super block; segments that exist may be newer */
    uint32_t active_log_id; /* to continue, 0: none */
    uint64_t active_bytes;
    bool is_shared;   /* other processes make segments, too */
    bool is_alone;    /* none of them is there when it is opened */
    bool large_pages; /* map with large pages what fits in memory */
    /* A log id that nobody else gets, not below `at_least`. Asked only when shared. */
    pbase_status (*take_id)(void *state, uint32_t at_least, uint32_t *out, pbase_error *err);
    void *state;
} file_store_options;

/* Lists the segments; opens none of them. CORRUPT: the segment to continue is missing or shorter
 * than `active_bytes`. */
PBASE_MUST_CHECK pbase_status file_store_open(const file_store_options *options,
                                              const pbase_call *call, file_store **out,
                                              pbase_error *err);
/* Opening turned out not to follow a clean close: the segment that was to be continued stays as it is,
 * and a new one is begun. */
void file_store_leave_active(file_store *store);
void file_store_close(file_store *store); /* without a flush; NULL is fine */

/* Slots of pbase_storage_atom_ops and pbase_storage_segment_ops. */
PBASE_MUST_CHECK pbase_status file_store_write(file_store *store, const pbase_call *call,
                                               const pbase_bytes *atoms, size_t count,
                                               uint32_t mode, pbase_atom_pointer *out,
                                               pbase_error *err);
PBASE_MUST_CHECK pbase_status file_store_read(file_store *store, const pbase_call *call,
                                              uint32_t log_id, uint64_t offset, void *out,
                                              size_t size, size_t *out_read, pbase_error *err);
PBASE_MUST_CHECK pbase_status file_store_map(file_store *store, uint32_t log_id,
                                             pbase_atom_map *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status file_store_reserve(file_store *store, uint32_t *out_log_id,
                                                 pbase_error *err);
PBASE_MUST_CHECK pbase_status file_store_put(file_store *store, const pbase_call *call,
                                             uint32_t log_id, pbase_bytes bytes, pbase_error *err);
PBASE_MUST_CHECK pbase_status file_store_retire(file_store *store, const pbase_call *call,
                                                uint32_t log_id, pbase_error *err);
PBASE_MUST_CHECK pbase_status file_store_punch(file_store *store, const pbase_call *call,
                                               uint32_t log_id, uint64_t offset, uint64_t size,
                                               pbase_error *err);
/* Lists segments that others made since, and what each takes of the device now. */
PBASE_MUST_CHECK pbase_status file_store_refresh(file_store *store, const pbase_call *call,
                                                 pbase_error *err);
/* The segment with the smallest id above `log_id`; false when there is none. What a crash left counts
 * as sealed: nobody adds to it. */
bool file_store_next(file_store *store, uint32_t log_id, pbase_segment_info *out);

/* The id that the next segment gets. */
uint32_t file_store_next_id(file_store *store);

/* Makes everything written durable; costs nothing when it is. READ_ONLY when poisoned. */
PBASE_MUST_CHECK pbase_status file_store_flush(file_store *store, const pbase_call *call,
                                               pbase_error *err);
/* Checks the header and the size of every segment. */
PBASE_MUST_CHECK pbase_status file_store_verify(file_store *store, const pbase_call *call,
                                                pbase_verify_each each, void *state,
                                                pbase_error *err);

typedef struct {
    uint64_t segment_count;
    uint64_t segment_bytes;
    uint64_t written_bytes; /* since open */
    uint64_t flush_count;   /* since open */
    uint64_t active_bytes;
    uint32_t active_log_id;
    uint32_t next_log_id;
} file_store_stats;
void file_store_stats_get(file_store *store, file_store_stats *out);

#endif
