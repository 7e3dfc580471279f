/* segment_map.h - the mapped segments of a storage, and which of their atoms have been verified.
 *
 * An atom pointer becomes an address by one table look-up and an addition. Whether the atom at an
 * address has been verified is one bit for every 64 bytes of segment, set at its first touch: a
 * warm read pays for one bit test, a cold one for the checksum and the structural check.
 *
 * Threads: synchronized without locks on the reading path: entries are published with release
 * stores and never move; bits are set with relaxed atomics after the check (checking twice is
 * harmless). `mutex` guards adding entries. */
#ifndef PROTOBASE_STORE_SEGMENT_MAP_H
#define PROTOBASE_STORE_SEGMENT_MAP_H
#include <protobase/plugin/host.h>
#include <protobase/plugin/storage.h>
#include <stdatomic.h>

typedef struct mapped_segment mapped_segment;
struct mapped_segment {
    const uint8_t *data;         /* lent by the storage until it is closed */
    _Atomic uint64_t size_bytes; /* that may be read */
    uint64_t verified_bits;      /* capacity of `verified`, in bits */
    _Atomic uint64_t *verified;
    mapped_segment *outgrown; /* its smaller predecessor, which readers may still be looking at */
};

/* A table of tables: whoever looks takes no lock. */
#define SEGMENT_MAP_FANOUT 4096u /* squared: more than PBASE_ATOM_LOG_MAX */
typedef struct {
    _Atomic(mapped_segment *) slots[SEGMENT_MAP_FANOUT];
} segment_map_page;
typedef struct {
    const pbase_host *host;
    pbase_storage *storage;
    pbase_os_mutex *mutex; /* guards creating pages and entries */
    _Atomic(segment_map_page *) pages[SEGMENT_MAP_FANOUT];
} segment_map;

PBASE_MUST_CHECK pbase_status segment_map_create(const pbase_host *host, pbase_storage *storage,
                                                 segment_map **out, pbase_error *err);
void segment_map_destroy(segment_map *map); /* NULL is fine */
/* The address of `pointer` with `available` readable bytes from there. CORRUPT: the pointer leads
 * out of its segment or to a segment that is not there. */
PBASE_MUST_CHECK pbase_status segment_map_find(segment_map *map, pbase_atom_pointer pointer,
                                               mapped_segment **out_segment, const uint8_t **out,
                                               uint64_t *out_available, pbase_error *err);
/* Asks for the first `bytes` at `pointer` and for its bit without waiting for them; yields where it
 * lies. NULL: it leads nowhere that is known. */
const uint8_t *segment_map_prefetch(segment_map *map, pbase_atom_pointer pointer, uint32_t bytes);
static inline bool segment_map_verified(const mapped_segment *segment, const uint8_t *at)
{
    uint64_t bit = (uint64_t)(at - segment->data) / PBASE_ATOM_ALIGN;
    return (atomic_load_explicit(&segment->verified[bit / 64], memory_order_acquire) >> (bit % 64) &
            1u) != 0;
}
/* The segment that a pointer leads into, at `offset` of it; NULL: none that is known. */
static inline mapped_segment *segment_map_segment(segment_map *map, pbase_atom_pointer pointer,
                                                  uint64_t offset)
{
    uint32_t log_id = pbase_atom_pointer_log(pointer);
    segment_map_page *page =
        atomic_load_explicit(&map->pages[log_id / SEGMENT_MAP_FANOUT], memory_order_acquire);
    mapped_segment *segment =
        page == NULL
            ? NULL
            : atomic_load_explicit(&page->slots[log_id % SEGMENT_MAP_FANOUT], memory_order_acquire);
    return segment != NULL &&
                   offset < atomic_load_explicit(&segment->size_bytes, memory_order_acquire)
               ? segment
               : NULL;
}
/* Where an atom lies that has been verified; NULL: segment_map_find tells. */
static inline const uint8_t *segment_map_verified_at(segment_map *map, pbase_atom_pointer pointer)
{
    uint64_t offset = pbase_atom_pointer_offset(pointer);
    const mapped_segment *segment = segment_map_segment(map, pointer, offset);
    if (segment == NULL || offset % PBASE_ATOM_ALIGN != 0 ||
        !segment_map_verified(segment, segment->data + offset)) {
        return NULL;
    }
    return segment->data + offset;
}
void segment_map_set_verified(mapped_segment *segment, const uint8_t *at);
/* Atoms that begin in the range are as if never touched: it was punched, and whoever follows a pointer
 * into it after all is to be told. */
void segment_map_doubt(segment_map *map, uint32_t log_id, uint64_t offset, uint64_t size);
/* Forgets a segment that was retired; no reader may be inside it. */
void segment_map_forget(segment_map *map, uint32_t log_id);

#endif
