/* store_table.c - an array of segments by log id. */
#include "store_table.h"

#include <inttypes.h>
#include <stdio.h>

#define HEADER_MAGIC 0x54534250u /* "PBST" */
#define HEADER_VERSION 2u
#define CAPACITY_FIRST 64u

static const pbase_os *os_of(const store_table *table)
{
    return table->host->os;
}

/* ----------------------------------------------------------------------- names and headers --- */

void store_name(uint32_t log_id, char out[STORE_NAME_BYTES])
{
    (void)snprintf(out, STORE_NAME_BYTES, STORE_PREFIX "%04" PRIx32, log_id & PBASE_ATOM_LOG_MAX);
}

bool store_name_parse(const char *name, uint32_t *out_log_id)
{
    char canonical[STORE_NAME_BYTES];
    uint32_t log_id = 0;
    for (const char *at = name + strlen(STORE_PREFIX); *at != '\0'; at++) {
        bool digit = *at >= '0' && *at <= '9';
        if ((!digit && !(*at >= 'a' && *at <= 'f')) || log_id > PBASE_ATOM_LOG_MAX / 16) {
            return false;
        }
        log_id = log_id * 16 + (uint32_t)(digit ? *at - '0' : *at - 'a' + 10);
    }
    store_name(log_id, canonical);
    *out_log_id = log_id;
    return log_id != 0 && strcmp(name, canonical) == 0;
}

void store_header_encode(const store_table *table, uint32_t log_id, uint8_t *out)
{
    memset(out, 0, PBASE_ATOM_ALIGN);
    pbase_put_u32(out, HEADER_MAGIC);
    pbase_put_u32(out + 8, HEADER_VERSION);
    pbase_put_u32(out + 12, log_id);
    pbase_put_u64(out + 16, table->space_id);
    pbase_put_u32(out + 4, table->host->crc32c(0, out + 8, PBASE_ATOM_ALIGN - 8));
}

pbase_status store_header_check(const store_table *table, uint32_t log_id, pbase_segment *handle,
                                const pbase_call *call, pbase_error *err)
{
    uint8_t header[PBASE_ATOM_ALIGN];
    size_t size = 0;
    pbase_status status = pbase_segment_read(handle, call, 0, header, sizeof header, &size, err);
    if (status != PBASE_OK) {
        return status;
    }
    const char *why =
        size < sizeof header || pbase_get_u32(header) != HEADER_MAGIC ? "is not one of storage/file"
        : table->host->crc32c(0, header + 8, sizeof header - 8) != pbase_get_u32(header + 4)
            ? "does not match its checksum"
        : pbase_get_u32(header + 12) != log_id || pbase_get_u64(header + 16) != table->space_id
            ? "belongs to another segment or space"
            : NULL;
    if (why != NULL) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the header of segment %" PRIu32 " %s", log_id, why);
    }
    if (pbase_get_u32(header + 8) != HEADER_VERSION) {
        return PBASE_FAIL(err, PBASE_FORMAT,
                          "segment %" PRIu32 " has format %" PRIu32 ", this version reads %u",
                          log_id, pbase_get_u32(header + 8), HEADER_VERSION);
    }
    return PBASE_OK;
}

/* ---------------------------------------------------------------------------- life of a table --- */

pbase_status store_table_init(store_table *table, const pbase_host *host, pbase_blocks *blocks,
                              uint64_t space_id, uint32_t next_log_id, pbase_error *err)
{
    memset(table, 0, sizeof *table);
    table->host = host;
    table->blocks = blocks;
    table->space_id = space_id;
    table->next_log_id = next_log_id;
    return host->os->rwlock->create(host->os, &table->lock, err);
}

static void segment_destroy(store_table *table, store_segment *segment)
{
    if (segment != NULL) {
        pbase_segment_close(segment->handle); /* ends the map too */
        pbase_alloc_free(table->host->alloc, segment, sizeof *segment);
    }
}

void store_table_fini(store_table *table)
{
    for (uint32_t i = 0; i < table->capacity; i++) {
        segment_destroy(table, table->segments[i]);
    }
    pbase_alloc_free(table->host->alloc, table->segments,
                     table->capacity * sizeof *table->segments);
    if (table->lock != NULL) {
        os_of(table)->rwlock->destroy(table->lock);
    }
}

/* ------------------------------------------------------------------------- adding and dropping --- */

/* With the lock held. */
static store_segment *find(const store_table *table, uint32_t log_id)
{
    return log_id < table->capacity ? table->segments[log_id] : NULL;
}

/* Makes the array reach `log_id`. With the lock held for writing. */
static pbase_status reserve(store_table *table, uint32_t log_id, pbase_error *err)
{
    const pbase_alloc *alloc = table->host->alloc;
    if (log_id < table->capacity) {
        return PBASE_OK;
    }
    uint32_t capacity = table->capacity == 0 ? CAPACITY_FIRST : table->capacity * 2;
    capacity = capacity <= log_id ? log_id + 1 : capacity;
    size_t old_bytes = table->capacity * sizeof *table->segments;
    size_t new_bytes = capacity * sizeof *table->segments;
    void *larger = alloc->resize(alloc, table->segments, old_bytes, new_bytes);
    if (larger == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the table of segments");
    }
    table->segments = larger;
    memset(table->segments + table->capacity, 0, new_bytes - old_bytes);
    table->capacity = capacity;
    return PBASE_OK;
}

pbase_status store_table_add(store_table *table, const store_segment *segment, store_segment **out,
                             pbase_error *err)
{
    const pbase_os *os = os_of(table);
    store_segment *copy = pbase_alloc_zeroed(table->host->alloc, 1, sizeof *copy);
    if (copy == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for segment %" PRIu32, segment->log_id);
    }
    copy->log_id = segment->log_id;
    atomic_init(&copy->size, atomic_load(&segment->size));
    atomic_init(&copy->held, atomic_load(&segment->held));
    atomic_init(&copy->sealed, atomic_load(&segment->sealed));
    atomic_init(&copy->seen, atomic_load(&segment->seen));
    copy->own = segment->own;
    copy->is_abandoned = segment->is_abandoned;
    copy->capacity = segment->capacity;
    copy->handle = segment->handle;
    os->rwlock->write_lock(table->lock);
    pbase_status status = reserve(table, copy->log_id, err);
    if (status == PBASE_OK && table->segments[copy->log_id] != NULL) {
        status =
            PBASE_FAIL(err, PBASE_EXISTS, "there is a segment %" PRIu32 " already", copy->log_id);
    }
    if (status == PBASE_OK) {
        table->segments[copy->log_id] = copy;
        if (copy->log_id >= table->next_log_id) {
            table->next_log_id = copy->log_id + 1;
        }
    }
    os->rwlock->write_unlock(table->lock);
    if (status != PBASE_OK) {
        pbase_alloc_free(table->host->alloc, copy, sizeof *copy);
        return status;
    }
    *out = copy;
    return PBASE_OK;
}

void store_table_drop(store_table *table, uint32_t log_id)
{
    os_of(table)->rwlock->write_lock(table->lock);
    segment_destroy(table, find(table, log_id));
    table->segments[log_id] = NULL;
    os_of(table)->rwlock->write_unlock(table->lock);
}

store_segment *store_table_find(store_table *table, uint32_t log_id)
{
    os_of(table)->rwlock->read_lock(table->lock);
    store_segment *segment = find(table, log_id);
    os_of(table)->rwlock->read_unlock(table->lock);
    return segment;
}

bool store_table_next(store_table *table, uint32_t log_id, pbase_segment_info *out)
{
    const store_segment *segment = NULL;
    os_of(table)->rwlock->read_lock(table->lock);
    for (uint32_t i = log_id + 1; segment == NULL && i < table->capacity; i++) {
        segment = table->segments[i];
    }
    if (segment != NULL) {
        *out = (pbase_segment_info){.log_id = segment->log_id,
                                    .sealed = atomic_load(&segment->sealed),
                                    .size_bytes = atomic_load(&segment->size),
                                    .held_bytes = atomic_load(&segment->held)};
    }
    os_of(table)->rwlock->read_unlock(table->lock);
    return segment != NULL;
}

pbase_status store_table_take_id(store_table *table, uint32_t *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    os_of(table)->rwlock->write_lock(table->lock);
    if (table->next_log_id <= PBASE_ATOM_LOG_MAX) {
        *out = table->next_log_id++;
    } else {
        status = PBASE_FAIL(err, PBASE_LIMIT, "all %u log ids are used up", PBASE_ATOM_LOG_MAX);
        pbase_error_hint(err, "copy the space to a new one");
    }
    os_of(table)->rwlock->write_unlock(table->lock);
    return status;
}

uint32_t store_table_next_id(store_table *table)
{
    os_of(table)->rwlock->read_lock(table->lock);
    uint32_t next = table->next_log_id;
    os_of(table)->rwlock->read_unlock(table->lock);
    return next;
}

/* ---------------------------------------------------------------------------------- reading --- */

/* The error of a segment that is not there. With the lock held. */
static pbase_status missing(const store_table *table, uint32_t log_id, pbase_error *err)
{
    return log_id != 0 && log_id < table->next_log_id
               ? PBASE_FAIL(err, PBASE_LOST, "segment %" PRIu32 " was retired", log_id)
               : PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no segment %" PRIu32, log_id);
}

/* Opens a segment for reading, if nobody has. With the lock held for writing. */
static pbase_status handle_open(store_table *table, store_segment *segment, const pbase_call *call,
                                pbase_error *err)
{
    char name[STORE_NAME_BYTES];
    pbase_segment *handle = NULL;
    if (segment->handle != NULL) {
        return PBASE_OK;
    }
    store_name(segment->log_id, name);
    pbase_status status = pbase_blocks_open(table->blocks, call, name, 0, &handle, err);
    if (status == PBASE_OK) {
        status = store_header_check(table, segment->log_id, handle, call, err);
    }
    if (status != PBASE_OK) {
        pbase_segment_close(handle);
        return status;
    }
    segment->handle = handle;
    return PBASE_OK;
}

pbase_status store_table_discover(store_table *table, const pbase_call *call, uint32_t log_id,
                                  pbase_error *err)
{
    char name[STORE_NAME_BYTES];
    uint64_t size = 0;
    store_segment *added = NULL;
    store_segment segment = {.log_id = log_id};
    if (log_id == 0 || log_id > PBASE_ATOM_LOG_MAX) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no segment %" PRIu32, log_id);
    }
    store_name(log_id, name);
    pbase_status status = pbase_blocks_open(table->blocks, call, name, 0, &segment.handle, err);
    if (status == PBASE_OK) {
        status = store_header_check(table, log_id, segment.handle, call, err);
    }
    if (status == PBASE_OK) {
        status = pbase_segment_size(segment.handle, &size, err);
    }
    if (status == PBASE_OK) {
        size &= ~(uint64_t)(PBASE_ATOM_ALIGN - 1);
        atomic_init(&segment.size, size);
        atomic_init(&segment.sealed, false);
        segment.capacity = size > table->shared_bytes ? size : table->shared_bytes;
        status = store_table_add(table, &segment, &added, err);
    }
    if (status != PBASE_OK) {
        pbase_segment_close(segment.handle);
    }
    return status == PBASE_EXISTS ? PBASE_OK : status;
}

/* True when another process may be writing to it. */
static bool is_foreign(const store_table *table, const store_segment *segment)
{
    return table->shared_bytes != 0 && !segment->own && !atomic_load(&segment->sealed);
}

/* Looks how far another process has written. With the lock held. */
static pbase_status size_refresh(const store_table *table, store_segment *segment, pbase_error *err)
{
    uint64_t size = 0;
    if (!is_foreign(table, segment)) {
        return PBASE_OK;
    }
    pbase_status status = pbase_segment_size(segment->handle, &size, err);
    size &= ~(uint64_t)(PBASE_ATOM_ALIGN - 1);
    if (status == PBASE_OK && segment->data != NULL && size > segment->capacity) {
        status = PBASE_FAIL(err, PBASE_CONFIG,
                            "segment %" PRIu32 " has grown to %" PRIu64 " bytes; %" PRIu64
                            " were expected of another process at most",
                            segment->log_id, size, segment->capacity);
        pbase_error_hint(err, "give all processes that share the space one segment_size");
    }
    uint64_t known = atomic_load(&segment->size);
    while (status == PBASE_OK && known < size &&
           !atomic_compare_exchange_weak(&segment->size, &known, size)) {
    }
    return status;
}

/* Before it is mapped: the map reaches at least as far as it is written. With the lock held for
 * writing. */
static pbase_status capacity_refresh(const store_table *table, store_segment *segment,
                                     pbase_error *err)
{
    pbase_status status = size_refresh(table, segment, err);
    uint64_t size = atomic_load(&segment->size);
    if (status == PBASE_OK && is_foreign(table, segment) && size > segment->capacity) {
        segment->capacity = size;
    }
    return status;
}

/* ----------------------------------------------------------------------------- large pages ----- */

#define LARGE_PIECE ((uint64_t)2 << 20) /* bytes of a large page; where one has more, of a hint */

/* Whole pieces that are written. */
static uint64_t large_bytes(const store_segment *segment)
{
    return atomic_load(&segment->size) & ~(LARGE_PIECE - 1);
}

static void large_set(const store_table *table, store_segment *segment, uint64_t bytes)
{
    if (segment->data == NULL || !segment->is_warm || segment->large == bytes) {
        return;
    }
    if (bytes > segment->large) {
        os_of(table)->file->map_read(segment->data + segment->large, bytes - segment->large,
                                     PBASE_OS_READ_ALL_OVER);
    } else {
        os_of(table)->file->map_read(segment->data, segment->large, PBASE_OS_READ_ORDINARY);
    }
    segment->large = bytes;
}

static void map_advise(const store_table *table, const store_segment *segment, uint32_t how)
{
    if (os_of(table)->file->map_read != NULL) {
        os_of(table)->file->map_read(segment->data, segment->capacity, how);
    }
}

/* Maps with large pages what is written of a segment (a piece that is still written to would be taken
 * apart again), while the whole store has a place in memory: where it has none, each fault would
 * bring in megabytes for the sake of one node. With the lock held for writing. */
static void large_refresh(store_table *table, store_segment *segment)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < table->capacity; i++) {
        total += table->segments[i] == NULL ? 0 : atomic_load(&table->segments[i]->size);
    }
    if (total <= table->large_bytes_max) {
        large_set(table, segment, large_bytes(segment));
        return;
    }
    for (uint32_t i = 0; i < table->capacity; i++) {
        if (table->segments[i] != NULL) {
            large_set(table, table->segments[i], 0);
        }
    }
    table->large_bytes_max = 0; /* it stays so until the store is opened again */
}

/* A quarter of the memory: the rest is the application's, and whoever else lives there. Asking what a
 * group of processes may take of it is a tenth of an opening, and an opening that is read little never needs
 * it. With the lock held for writing. */
static void large_ask(store_table *table)
{
    const pbase_os *os = os_of(table);
    if (table->wants_large && os->file->map_read != NULL && os->system->memory_bytes != NULL) {
        table->large_bytes_max = os->system->memory_bytes(os) / 4;
    }
    table->wants_large = false;
}

/* After the map of a segment was asked for again, or the segment was seen to have grown. */
static void map_refresh(store_table *table, uint32_t log_id)
{
    os_of(table)->rwlock->write_lock(table->lock);
    large_ask(table);
    store_segment *segment = find(table, log_id); /* NULL: retired a moment ago */
    if (segment != NULL && segment->data != NULL && !segment->is_warm) {
        map_advise(table, segment, PBASE_OS_READ_ORDINARY);
        segment->is_warm = true;
    }
    if (segment != NULL && table->large_bytes_max != 0) {
        large_refresh(table, segment);
    }
    os_of(table)->rwlock->write_unlock(table->lock);
}

/* Opens and perhaps maps a segment. */
static pbase_status prepare(store_table *table, const pbase_call *call, uint32_t log_id, bool map,
                            pbase_error *err)
{
    if (table->shared_bytes != 0 && store_table_find(table, log_id) == NULL) {
        pbase_error why;
        pbase_error_init(&why);
        pbase_status found = store_table_discover(table, call, log_id, &why);
        if (found != PBASE_OK && found != PBASE_NOT_FOUND) {
            if (err != NULL) {
                *err = why;
            }
            return found;
        }
    }
    os_of(table)->rwlock->write_lock(table->lock);
    store_segment *segment = find(table, log_id);
    pbase_status status =
        segment == NULL ? missing(table, log_id, err) : handle_open(table, segment, call, err);
    if (status == PBASE_OK && map && segment->data == NULL) {
        status = capacity_refresh(table, segment, err);
    }
    if (status == PBASE_OK && map && segment->data == NULL) {
        status = pbase_segment_map(segment->handle, segment->capacity, &segment->data, err);
        if (status == PBASE_OK) { /* what opening and the first gets touch is little */
            map_advise(table, segment, PBASE_OS_READ_FEW);
        }
    }
    os_of(table)->rwlock->write_unlock(table->lock);
    return status;
}

/* Takes the lock for reading with the segment opened, and mapped if `map` says so. On failure it is
 * not held. */
static pbase_status read_begin(store_table *table, const pbase_call *call, uint32_t log_id,
                               bool map, store_segment **out, pbase_error *err)
{
    for (;;) {
        os_of(table)->rwlock->read_lock(table->lock);
        store_segment *segment = find(table, log_id);
        if (segment != NULL && segment->handle != NULL && (!map || segment->data != NULL)) {
            *out = segment;
            return PBASE_OK;
        }
        os_of(table)->rwlock->read_unlock(table->lock);
        pbase_status status = prepare(table, call, log_id, map, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
}

pbase_status store_table_read(store_table *table, const pbase_call *call, uint32_t log_id,
                              uint64_t offset, void *out, size_t size, size_t *out_read,
                              pbase_error *err)
{
    store_segment *segment = NULL;
    pbase_status status = read_begin(table, call, log_id, false, &segment, err);
    if (status != PBASE_OK) {
        return status;
    }
    uint64_t end = atomic_load(&segment->size);
    if (offset >= end || size > end - offset) {
        status = size_refresh(table, segment, err);
        end = atomic_load(&segment->size);
    }
    uint64_t left = offset < end ? end - offset : 0;
    size_t part = size < left ? size : (size_t)left;
    *out_read = 0;
    if (status == PBASE_OK && part != 0) {
        status = pbase_segment_read(segment->handle, call, offset, out, part, out_read, err);
    }
    os_of(table)->rwlock->read_unlock(table->lock);
    return status;
}

static bool is_mapped(store_table *table, uint32_t log_id)
{
    os_of(table)->rwlock->read_lock(table->lock);
    const store_segment *segment = find(table, log_id);
    bool is = segment != NULL && segment->data != NULL;
    os_of(table)->rwlock->read_unlock(table->lock);
    return is;
}

pbase_status store_table_map(store_table *table, uint32_t log_id, pbase_atom_map *out,
                             pbase_error *err)
{
    store_segment *segment = NULL;
    bool is_known = is_mapped(table, log_id);
    pbase_status status = read_begin(table, NULL, log_id, true, &segment, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = size_refresh(table, segment, err);
    bool grew = is_known && (!segment->is_warm || (table->large_bytes_max != 0 &&
                                                   segment->large != large_bytes(segment)));
    if (status == PBASE_OK) {
        out->data = segment->data;
        out->size_bytes = atomic_load(&segment->size);
    }
    os_of(table)->rwlock->read_unlock(table->lock);
    if (grew) {
        map_refresh(table, log_id);
    }
    return status;
}

pbase_status store_table_punch(store_table *table, const pbase_call *call, uint32_t log_id,
                               uint64_t offset, uint64_t size, pbase_error *err)
{
    store_segment *segment = NULL;
    pbase_status status = read_begin(table, call, log_id, false, &segment, err);
    if (status != PBASE_OK) {
        return status;
    }
    uint64_t end = atomic_load(&segment->size);
    if (offset < PBASE_ATOM_ALIGN || offset > end || size > end - offset) {
        status = PBASE_FAIL(err, PBASE_INVALID,
                            "bytes %" PRIu64 " to %" PRIu64 " of segment %" PRIu32
                            " cannot be given back: its atoms lie between %u and %" PRIu64,
                            offset, offset + size, log_id, PBASE_ATOM_ALIGN, end);
    }
    if (status == PBASE_OK) {
        status = pbase_segment_punch(segment->handle, call, offset, size, err);
    }
    os_of(table)->rwlock->read_unlock(table->lock);
    return status;
}
