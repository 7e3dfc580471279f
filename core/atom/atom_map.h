/* atom_map.h - where stored atoms lie that are mapped, told without a call.
 *
 * An atom pointer becomes an address by one look-up and an addition. Whether the atom at an address
 * has been verified is one bit for every PBASE_ATOM_ALIGN bytes of segment: a warm read pays for one
 * bit test. The table is kept by store/ (segment_map.h); whoever reads takes no lock.
 *
 * Threads: entries are published with release stores and never move; bits likewise, after the check. */
#ifndef PROTOBASE_ATOM_ATOM_MAP_H
#define PROTOBASE_ATOM_ATOM_MAP_H
#include <protobase/plugin/storage.h>
#include <stdatomic.h>

/* Of the header before a payload (docs/formats/atom.md). */
#define ATOM_MAPPED_HEADER 24u
enum { ATOM_MAPPED_AT_SIZE = 4, ATOM_MAPPED_AT_TYPE = 12 };

typedef struct mapped_segment mapped_segment;
struct mapped_segment {
    const uint8_t *data;         /* lent by the storage until it is closed */
    _Atomic uint64_t size_bytes; /* that may be read */
    _Atomic uint32_t touched;    /* atoms met for the first time, up to SEGMENT_TOUCHES_FEW */
    uint64_t verified_bits;      /* capacity of `verified`, in bits */
    _Atomic uint64_t *verified;
    mapped_segment *outgrown; /* its smaller predecessor, which readers may still be looking at */
};

/* A table of tables by log id. */
#define ATOM_MAP_FANOUT 4096u /* squared: more than PBASE_ATOM_LOG_MAX */
typedef struct {
    _Atomic(mapped_segment *) slots[ATOM_MAP_FANOUT];
} atom_map_page;
typedef struct {
    _Atomic(atom_map_page *) pages[ATOM_MAP_FANOUT];
} atom_map;

/* Where an atom lies: what can be said of it without waiting for memory of its own. */
typedef struct {
    const uint8_t *payload;           /* NULL: nowhere that is known */
    const _Atomic uint64_t *verified; /* NULL: it may be read; else when `bit` is set here */
    uint64_t bit;
} atom_place;

/* The segment that a pointer leads into, at `offset` of it; NULL: none that is known. */
static inline mapped_segment *atom_map_segment(const atom_map *map, pbase_atom_pointer pointer,
                                               uint64_t offset)
{
    uint32_t log_id = pbase_atom_pointer_log(pointer);
    atom_map_page *page =
        atomic_load_explicit(&map->pages[log_id / ATOM_MAP_FANOUT], memory_order_acquire);
    mapped_segment *segment =
        page == NULL
            ? NULL
            : atomic_load_explicit(&page->slots[log_id % ATOM_MAP_FANOUT], memory_order_acquire);
    return segment != NULL &&
                   offset < atomic_load_explicit(&segment->size_bytes, memory_order_acquire)
               ? segment
               : NULL;
}

static inline atom_place atom_map_place(const atom_map *map, pbase_atom_pointer pointer)
{
    atom_place where = {NULL, NULL, 0};
    uint64_t offset = pbase_atom_pointer_offset(pointer);
    const mapped_segment *segment = atom_map_segment(map, pointer, offset);
    if (segment != NULL && offset % PBASE_ATOM_ALIGN == 0) {
        uint64_t bit = offset / PBASE_ATOM_ALIGN;
        where.payload = segment->data + offset + ATOM_MAPPED_HEADER;
        where.verified = &segment->verified[bit / 64];
        where.bit = (uint64_t)1 << (bit % 64);
    }
    return where;
}

static inline bool atom_place_readable(const atom_place *where)
{
    return where->payload != NULL &&
           (where->verified == NULL ||
            (atomic_load_explicit(where->verified, memory_order_acquire) & where->bit) != 0);
}

#endif
