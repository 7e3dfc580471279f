/* segment_map.h - the mapped segments of a storage, and which of their atoms have been verified.
 *
 * atom_map.h is how readers look at them; here the table is filled, at the first touch of a segment and
 * of an atom: a cold read pays for the checksum and the structural check.
 *
 * Threads: synchronized without locks on the reading path: entries are published with release
 * stores and never move; bits are set with relaxed atomics after the check (checking twice is
 * harmless). `mutex` guards adding entries. */
#ifndef PROTOBASE_STORE_SEGMENT_MAP_H
#define PROTOBASE_STORE_SEGMENT_MAP_H
#include "atom/atom_map.h"
#include <protobase/plugin/host.h>
#include <protobase/plugin/storage.h>

typedef struct {
    const pbase_host *host;
    pbase_storage *storage;
    pbase_os_mutex *mutex; /* guards creating pages and entries */
    atom_map table;
} segment_map;

PBASE_MUST_CHECK pbase_status segment_map_create(const pbase_host *host, pbase_storage *storage,
                                                 segment_map **out, pbase_error *err);
void segment_map_destroy(segment_map *map); /* NULL is fine */
/* The address of `pointer` with `available` readable bytes from there. CORRUPT: the pointer leads
 * out of its segment or to a segment that is not there. */
PBASE_MUST_CHECK pbase_status segment_map_find(segment_map *map, pbase_atom_pointer pointer,
                                               mapped_segment **out_segment, const uint8_t **out,
                                               uint64_t *out_available, pbase_error *err);
/* Likewise, after looking again how far the segment reaches: another process may have been writing there
 * when that was looked at last. */
PBASE_MUST_CHECK pbase_status segment_map_find_again(segment_map *map, pbase_atom_pointer pointer,
                                                     mapped_segment **out_segment,
                                                     const uint8_t **out, uint64_t *out_available,
                                                     pbase_error *err);
void segment_map_set_verified(mapped_segment *segment, const uint8_t *at);
/* Opening a space and its first reads touch less in each segment. */
#define SEGMENT_TOUCHES_FEW 16u
/* Before an atom of the segment is read for the first time: tells the storage when they become many, so that it
 * brings them in larger pieces. While they are few each page is waited for by itself: those that an atom at `at` may
 * have are asked for together. */
void segment_map_touch(segment_map *map, uint32_t log_id, mapped_segment *segment,
                       const uint8_t *at, uint64_t available);
/* Atoms that begin in the range are as if never touched: it was punched, and whoever follows a pointer
 * into it after all is to be told. */
void segment_map_doubt(segment_map *map, uint32_t log_id, uint64_t offset, uint64_t size);
/* Forgets a segment that was retired; no reader may be inside it. */
void segment_map_forget(segment_map *map, uint32_t log_id);

#endif
