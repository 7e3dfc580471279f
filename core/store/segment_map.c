/* segment_map.c - a two-level table of mapped segments. */
#include "store/segment_map.h"

#include <inttypes.h>

/* A segment that still grows is given room for this many bytes of bits at once. */
#define GROWTH_BYTES_MIN (64u << 20)
/* As much as an inner node has, or a leaf and what lies beside it in its pages. */
#define TOUCH_BYTES 8192u

pbase_status segment_map_create(const pbase_host *host, pbase_storage *storage, segment_map **out,
                                pbase_error *err)
{
    segment_map *map = pbase_alloc_zeroed(host->alloc, 1, sizeof *map);
    if (map == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the table of segments");
    }
    map->host = host;
    map->storage = storage;
    pbase_status status = host->os->lock->mutex_create(host->os, &map->mutex, err);
    if (status != PBASE_OK) {
        segment_map_destroy(map);
        return status;
    }
    *out = map;
    return PBASE_OK;
}

static void segment_destroy(const pbase_alloc *alloc, mapped_segment *segment)
{
    while (segment != NULL) {
        mapped_segment *outgrown = segment->outgrown;
        pbase_alloc_free(alloc, segment->verified, segment->verified_bits / 8);
        pbase_alloc_free(alloc, segment, sizeof *segment);
        segment = outgrown;
    }
}

void segment_map_destroy(segment_map *map)
{
    if (map == NULL) {
        return;
    }
    const pbase_alloc *alloc = map->host->alloc;
    for (size_t i = 0; i < ATOM_MAP_FANOUT; i++) {
        atom_map_page *page = atomic_load_explicit(&map->table.pages[i], memory_order_relaxed);
        for (size_t j = 0; page != NULL && j < ATOM_MAP_FANOUT; j++) {
            segment_destroy(alloc, atomic_load_explicit(&page->slots[j], memory_order_relaxed));
        }
        pbase_alloc_free(alloc, page, sizeof *page);
    }
    if (map->mutex != NULL) {
        map->host->os->lock->mutex_destroy(map->mutex);
    }
    pbase_alloc_free(alloc, map, sizeof *map);
}

static _Atomic(mapped_segment *) *slot_of(segment_map *map, uint32_t log_id)
{
    atom_map_page *page =
        atomic_load_explicit(&map->table.pages[log_id / ATOM_MAP_FANOUT], memory_order_acquire);
    return page == NULL ? NULL : &page->slots[log_id % ATOM_MAP_FANOUT];
}

/* With the mutex held. */
static pbase_status page_ensure(segment_map *map, uint32_t log_id, pbase_error *err)
{
    if (slot_of(map, log_id) != NULL) {
        return PBASE_OK;
    }
    atom_map_page *page = pbase_alloc_zeroed(map->host->alloc, 1, sizeof *page);
    if (page == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the table of segments");
    }
    atomic_store_explicit(&map->table.pages[log_id / ATOM_MAP_FANOUT], page, memory_order_release);
    return PBASE_OK;
}

static mapped_segment *segment_create(const pbase_alloc *alloc, const pbase_atom_map *view)
{
    mapped_segment *segment = pbase_alloc_zeroed(alloc, 1, sizeof *segment);
    if (segment == NULL) {
        return NULL;
    }
    uint64_t room = view->size_bytes > GROWTH_BYTES_MIN ? view->size_bytes : GROWTH_BYTES_MIN;
    segment->data = view->data;
    atomic_init(&segment->size_bytes, view->size_bytes);
    segment->verified_bits = (room / PBASE_ATOM_ALIGN + 63) / 64 * 64;
    segment->verified = pbase_alloc_zeroed(alloc, segment->verified_bits / 64, 8);
    if (segment->verified == NULL) {
        pbase_alloc_free(alloc, segment, sizeof *segment);
        return NULL;
    }
    return segment;
}

/* With the mutex held: maps a segment seen for the first time, or learns that it has grown. */
static pbase_status refresh(segment_map *map, uint32_t log_id, pbase_error *err)
{
    pbase_atom_map view;
    pbase_status status = pbase_storage_atoms_map(map->storage, log_id, &view, err);
    if (status == PBASE_OK) {
        status = page_ensure(map, log_id, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    _Atomic(mapped_segment *) *slot = slot_of(map, log_id);
    mapped_segment *segment = atomic_load_explicit(slot, memory_order_relaxed);
    if (segment != NULL && segment->data != view.data) {
        return PBASE_FAIL(err, PBASE_PLUGIN, "the storage moved the map of segment %" PRIu32,
                          log_id);
    }
    if (segment != NULL && view.size_bytes <= segment->verified_bits * PBASE_ATOM_ALIGN) {
        atomic_store_explicit(&segment->size_bytes, view.size_bytes, memory_order_release);
        return PBASE_OK;
    }
    mapped_segment *larger = segment_create(map->host->alloc, &view);
    if (larger == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to map segment %" PRIu32, log_id);
    }
    larger->outgrown = segment;
    atomic_store_explicit(slot, larger, memory_order_release);
    return PBASE_OK;
}

static bool lies_inside(mapped_segment *segment, uint64_t offset)
{
    return segment != NULL &&
           offset < atomic_load_explicit(&segment->size_bytes, memory_order_acquire);
}

static pbase_status look_again(segment_map *map, uint32_t log_id, pbase_error *err)
{
    const pbase_os_lock_ops *locks = map->host->os->lock;
    locks->mutex_lock(map->mutex);
    pbase_status status = refresh(map, log_id, err);
    locks->mutex_unlock(map->mutex);
    return status == PBASE_NOT_FOUND
               ? PBASE_FAIL(err, PBASE_CORRUPT, "segment %" PRIu32 " is missing", log_id)
               : status;
}

/* `again`: whatever is known already. */
static pbase_status find(segment_map *map, pbase_atom_pointer pointer, bool again,
                         mapped_segment **out_segment, const uint8_t **out, uint64_t *out_available,
                         pbase_error *err)
{
    uint32_t log_id = pbase_atom_pointer_log(pointer);
    uint64_t offset = pbase_atom_pointer_offset(pointer);
    if (offset % PBASE_ATOM_ALIGN != 0) { /* a bit of `verified` speaks for one such place only */
        return PBASE_FAIL(err, PBASE_CORRUPT, "no atom lies at byte %" PRIu64, offset);
    }
    _Atomic(mapped_segment *) *slot = slot_of(map, log_id);
    mapped_segment *segment =
        slot == NULL ? NULL : atomic_load_explicit(slot, memory_order_acquire);
    if (again || !lies_inside(segment, offset)) {
        pbase_status status = look_again(map, log_id, err);
        if (status != PBASE_OK) {
            return status;
        }
        segment = atomic_load_explicit(slot_of(map, log_id), memory_order_acquire);
    }
    if (!lies_inside(segment, offset)) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "an atom is said to lie at byte %" PRIu64 " of segment %" PRIu32
                          ", which is shorter",
                          offset, log_id);
    }
    *out_segment = segment;
    *out = segment->data + offset;
    *out_available = atomic_load_explicit(&segment->size_bytes, memory_order_relaxed) - offset;
    return PBASE_OK;
}

pbase_status segment_map_find(segment_map *map, pbase_atom_pointer pointer,
                              mapped_segment **out_segment, const uint8_t **out,
                              uint64_t *out_available, pbase_error *err)
{
    return find(map, pointer, false, out_segment, out, out_available, err);
}

pbase_status segment_map_find_again(segment_map *map, pbase_atom_pointer pointer,
                                    mapped_segment **out_segment, const uint8_t **out,
                                    uint64_t *out_available, pbase_error *err)
{
    return find(map, pointer, true, out_segment, out, out_available, err);
}

void segment_map_touch(segment_map *map, uint32_t log_id, mapped_segment *segment,
                       const uint8_t *at, uint64_t available)
{
    const pbase_os_file_ops *files = map->host->os->file;
    if (atomic_load_explicit(&segment->touched, memory_order_relaxed) >= SEGMENT_TOUCHES_FEW) {
        return;
    }
    if (atomic_fetch_add_explicit(&segment->touched, 1, memory_order_relaxed) ==
        SEGMENT_TOUCHES_FEW - 1) {
        pbase_status status = look_again(map, log_id, NULL);
        (void)status; /* a hint; what is wrong with the segment its readers find out */
    } else if (files->map_read != NULL) {
        files->map_read(at, available < TOUCH_BYTES ? available : TOUCH_BYTES, PBASE_OS_READ_NOW);
    }
}

void segment_map_set_verified(mapped_segment *segment, const uint8_t *at)
{
    uint64_t bit = (uint64_t)(at - segment->data) / PBASE_ATOM_ALIGN;
    atomic_fetch_or_explicit(&segment->verified[bit / 64], (uint64_t)1 << (bit % 64),
                             memory_order_release);
}

void segment_map_doubt(segment_map *map, uint32_t log_id, uint64_t offset, uint64_t size)
{
    const pbase_os_lock_ops *locks = map->host->os->lock;
    locks->mutex_lock(map->mutex);
    _Atomic(mapped_segment *) *slot = slot_of(map, log_id);
    mapped_segment *segment =
        slot == NULL ? NULL : atomic_load_explicit(slot, memory_order_relaxed);
    uint64_t end = (offset + size + PBASE_ATOM_ALIGN - 1) / PBASE_ATOM_ALIGN;
    for (uint64_t bit = offset / PBASE_ATOM_ALIGN;
         segment != NULL && bit < end && bit < segment->verified_bits; bit++) {
        atomic_fetch_and_explicit(&segment->verified[bit / 64], ~((uint64_t)1 << (bit % 64)),
                                  memory_order_release);
    }
    locks->mutex_unlock(map->mutex);
}

void segment_map_forget(segment_map *map, uint32_t log_id)
{
    const pbase_os_lock_ops *locks = map->host->os->lock;
    locks->mutex_lock(map->mutex);
    _Atomic(mapped_segment *) *slot = slot_of(map, log_id);
    if (slot != NULL) {
        mapped_segment *segment = atomic_load_explicit(slot, memory_order_relaxed);
        atomic_store_explicit(slot, NULL, memory_order_release);
        segment_destroy(map->host->alloc, segment);
    }
    locks->mutex_unlock(map->mutex);
}
