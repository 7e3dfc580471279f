/* file_segment.c - writes, flushes and maps of one file. */
#include "file_segment.h"

#include <errno.h>
#include <inttypes.h>

#define BOUNCE_BYTES 1048576u /* a larger SYNC write that is not aligned goes through the cache */
#define ZEROS_BYTES 1048576u  /* of one write that preallocates */

struct file_map {
    file_map *next;
    pbase_os_map *map;
    const uint8_t *data;
};

static const pbase_os *os_of(const file_segment *segment)
{
    return segment->folder->host->os;
}

static const pbase_alloc *alloc_of(const file_segment *segment)
{
    return segment->folder->host->alloc;
}

pbase_status file_segment_create(const file_folder *folder, const char *name, bool writable,
                                 file_direct *way, pbase_os_file **file, file_segment **out,
                                 pbase_error *err)
{
    const pbase_host *host = folder->host;
    pbase_status status = PBASE_OK;
    file_segment *segment = pbase_alloc_zeroed(host->alloc, 1, sizeof *segment);
    if (segment == NULL) {
        host->os->file->close(*file);
        *file = NULL;
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to open the segment '%s'", name);
    }
    segment->folder = folder;
    segment->file = *file;
    *file = NULL;
    segment->writable = writable;
    segment->way = way;
    segment->direct_state = FILE_DIRECT_UNTRIED;
    segment->past_cache_state = FILE_DIRECT_UNTRIED;
    if (strlen(name) >= sizeof segment->name) {
        status = PBASE_FAIL(err, PBASE_INVALID, "the name of a segment has at most %u bytes",
                            PBASE_NAME_BYTES_MAX);
    } else {
        memcpy(segment->name, name, strlen(name) + 1);
        status = host->os->lock->mutex_create(host->os, &segment->mutex, err);
    }
    if (status != PBASE_OK) {
        file_segment_destroy(segment);
        return status;
    }
    *out = segment;
    return PBASE_OK;
}

void file_segment_destroy(file_segment *segment)
{
    if (segment == NULL) {
        return;
    }
    const pbase_os *os = os_of(segment);
    const pbase_alloc *alloc = alloc_of(segment);
    while (segment->maps != NULL) {
        file_map *map = segment->maps;
        segment->maps = map->next;
        os->file->unmap(map->map);
        pbase_alloc_free(alloc, map, sizeof *map);
    }
    if (segment->direct != NULL) {
        os->file->close(segment->direct);
    }
    if (segment->past_cache != NULL) {
        os->file->close(segment->past_cache);
    }
    if (segment->mutex != NULL) {
        os->lock->mutex_destroy(segment->mutex);
    }
    pbase_alloc_free(alloc, segment->bounce, BOUNCE_BYTES + FILE_UNIT_BYTES_MAX);
    os->file->close(segment->file);
    pbase_alloc_free(alloc, segment, sizeof *segment);
}

pbase_status file_segment_check_writable(const file_segment *segment, pbase_error *err)
{
    const char *why = atomic_load(&segment->sealed)   ? "is sealed"
                      : !segment->writable            ? "was opened for reading"
                      : atomic_load(&segment->failed) ? "could not be flushed: open it again"
                                                      : NULL;
    return why == NULL
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_READ_ONLY, "the segment '%s' %s", segment->name, why);
}

/* ---------------------------------------------------------------------------------- writes --- */

/* A failed flush is final, whatever its cause: nobody knows what reached the device. */
static pbase_status fail(file_segment *segment, pbase_status status, pbase_error *err)
{
    bool is_full = status == PBASE_NO_SPACE;
    atomic_store(&segment->failed, true);
    if (is_full) {
        status = PBASE_FAIL(err, PBASE_IO, "flushing '%s' found no space", segment->name);
    }
    if (err != NULL) {
        err->outcome = PBASE_OUTCOME_UNKNOWN;
        err->system_errno = is_full ? ENOSPC : err->system_errno;
    }
    return status;
}

/* ------------------------------------------------------------------------ what is to be flushed --- */

static void writing_begins(file_segment *segment)
{
    atomic_fetch_add(&segment->begun, 1);
}

static void writing_ends(file_segment *segment)
{
    atomic_fetch_add(&segment->ended, 1);
}

/* Some write through the cache is not known to be durable: a flush may be under way. */
static bool is_dirty(const file_segment *segment)
{
    return atomic_load(&segment->flushed) != atomic_load(&segment->begun);
}

/* The writes that a flush beginning now covers; while one is under way, none that was not covered before. */
static uint64_t flush_covers(const file_segment *segment)
{
    uint64_t ended = atomic_load(&segment->ended);
    uint64_t begun =
        atomic_load(&segment->begun); /* after: then none was under way if they agree */
    return ended == begun ? begun : 0;
}

static void flush_covered(file_segment *segment, uint64_t writes)
{
    uint64_t before = atomic_load(&segment->flushed);
    while (before < writes && !atomic_compare_exchange_weak(&segment->flushed, &before, writes)) {
    }
}

/* Makes the name of a segment that was just created durable. */
static pbase_status name_sync(file_segment *segment, pbase_error *err)
{
    if (!atomic_load(&segment->name_pending)) {
        return PBASE_OK;
    }
    pbase_status status = file_folder_sync(segment->folder, segment->name, err);
    if (status == PBASE_NO_MEMORY) { /* before anything was asked of the device: flush again */
        return status;
    }
    if (status != PBASE_OK) {
        return fail(segment, status, err);
    }
    atomic_store(&segment->name_pending, false);
    return PBASE_OK;
}

pbase_status file_segment_sync(file_segment *segment, pbase_error *err)
{
    if (atomic_load(&segment->failed)) {
        return file_segment_check_writable(segment, err);
    }
    uint64_t covers = flush_covers(segment);
    pbase_status status = os_of(segment)->file->sync(segment->file, err);
    if (status != PBASE_OK) {
        return fail(segment, status, err);
    }
    status = name_sync(segment, err);
    if (status == PBASE_OK) {
        flush_covered(segment, covers);
    }
    return status;
}

static bool is_aligned(const file_segment *segment, uint64_t number)
{
    return number % file_direct_unit(segment->way) == 0;
}

/* Opens another descriptor at the first use. With the mutex held. */
static bool descriptor_ready(file_segment *segment, uint32_t flags, pbase_os_file **file,
                             int *state)
{
    if (*state == FILE_DIRECT_UNTRIED && !file_direct_may(segment->way)) {
        *state = FILE_DIRECT_NEVER;
    } else if (*state == FILE_DIRECT_UNTRIED) {
        const pbase_os *os = os_of(segment);
        pbase_buffer path;
        pbase_buffer_init(&path, alloc_of(segment));
        pbase_status status = file_folder_path(segment->folder, segment->name, "", &path, NULL);
        if (status == PBASE_OK) {
            status = os->file->open(os, (const char *)path.data, flags, file, NULL);
        }
        pbase_buffer_fini(&path);
        if (status == PBASE_UNSUPPORTED) {
            file_direct_refused(segment->way);
        }
        /* Whatever the reason, the ordinary way is open; it will report what is really wrong. */
        *state = status == PBASE_OK ? FILE_DIRECT_OPEN : FILE_DIRECT_NEVER;
    }
    return *state == FILE_DIRECT_OPEN;
}

static bool direct_ready(file_segment *segment)
{
    return descriptor_ready(segment, PBASE_OS_WRITE | PBASE_OS_DIRECT | PBASE_OS_DSYNC,
                            &segment->direct, &segment->direct_state);
}

/* The first aligned byte of the bounce buffer; NULL: no memory. With the mutex held. */
static uint8_t *bounce_aligned(file_segment *segment)
{
    if (segment->bounce == NULL) {
        segment->bounce = pbase_alloc_new(alloc_of(segment), BOUNCE_BYTES + FILE_UNIT_BYTES_MAX);
    }
    uintptr_t past = (uintptr_t)segment->bounce % FILE_UNIT_BYTES_MAX;
    return segment->bounce == NULL
               ? NULL
               : segment->bounce + (FILE_UNIT_BYTES_MAX - past) % FILE_UNIT_BYTES_MAX;
}

/* What a direct write of `data` passes to the kernel; NULL: it cannot go that way. */
static const uint8_t *direct_source(file_segment *segment, uint64_t offset, pbase_bytes data)
{
    if (data.size == 0 || !is_aligned(segment, offset) || !is_aligned(segment, data.size) ||
        is_dirty(segment) || !direct_ready(segment)) {
        return NULL;
    }
    if (is_aligned(segment, (uintptr_t)data.data)) {
        return data.data;
    }
    uint8_t *bounce = data.size <= BOUNCE_BYTES ? bounce_aligned(segment) : NULL;
    if (bounce != NULL) {
        memcpy(bounce, data.data, data.size);
    }
    return bounce;
}

/* A durable write past the page cache. False: it must go the ordinary way. */
static bool write_direct(file_segment *segment, uint64_t offset, pbase_bytes data,
                         pbase_status *out_status, pbase_error *err)
{
    const pbase_os *os = os_of(segment);
    os->lock->mutex_lock(segment->mutex);
    const uint8_t *source = direct_source(segment, offset, data);
    bool done = source != NULL;
    if (done) {
        *out_status = os->file->write(segment->direct, offset, source, data.size, err);
        if (*out_status == PBASE_OK) {
            file_direct_works(segment->way);
        } else if (*out_status == PBASE_INVALID && segment->way->wish != FILE_DIRECT_ALWAYS) {
            /* larger units than ours: nothing was written */
            file_direct_refused(segment->way);
            os->file->close(segment->direct);
            segment->direct = NULL;
            segment->direct_state = FILE_DIRECT_NEVER;
            done = false;
        }
    }
    os->lock->mutex_unlock(segment->mutex);
    return done;
}

/* A write past the page cache that a later flush makes durable. False: it must go the ordinary way. */
static bool write_past_cache(file_segment *segment, uint64_t offset, pbase_bytes data,
                             pbase_status *out_status, pbase_error *err)
{
    const pbase_os *os = os_of(segment);
    if (data.size == 0 || !is_aligned(segment, offset) || !is_aligned(segment, data.size) ||
        !is_aligned(segment, (uintptr_t)data.data)) {
        return false;
    }
    os->lock->mutex_lock(segment->mutex);
    bool done = descriptor_ready(segment, PBASE_OS_WRITE | PBASE_OS_DIRECT, &segment->past_cache,
                                 &segment->past_cache_state);
    if (done) {
        *out_status = os->file->write(segment->past_cache, offset, data.data, data.size, err);
        if (*out_status == PBASE_INVALID) { /* blocks larger than ours: nothing was written */
            os->file->close(segment->past_cache);
            segment->past_cache = NULL;
            segment->past_cache_state = FILE_DIRECT_NEVER;
            done = false;
        }
    }
    os->lock->mutex_unlock(segment->mutex);
    return done;
}

pbase_status file_segment_write(file_segment *segment, uint64_t offset, pbase_bytes data,
                                uint32_t flags, pbase_error *err)
{
    pbase_status status = file_segment_check_writable(segment, err);
    if (status != PBASE_OK) {
        return status;
    }
    bool durable = (flags & PBASE_WRITE_SYNC) != 0;
    file_direct_measure(segment->way, segment->file);
    if (durable && write_direct(segment, offset, data, &status, err)) {
        return status == PBASE_OK ? name_sync(segment, err) : fail(segment, status, err);
    }
    writing_begins(segment);
    if ((flags & PBASE_WRITE_PAST_CACHE) == 0 ||
        !write_past_cache(segment, offset, data, &status, err)) {
        status = os_of(segment)->file->write(segment->file, offset, data.data, data.size, err);
    }
    writing_ends(segment);
    return status == PBASE_OK && durable ? file_segment_sync(segment, err) : status;
}

/* Writes zeros to [0, size) past the page cache if possible: that is several times faster. */
static pbase_status zeros_write(file_segment *segment, const pbase_call *call, uint64_t size,
                                pbase_error *err)
{
    const pbase_os *os = os_of(segment);
    size_t memory_bytes = ZEROS_BYTES + FILE_UNIT_BYTES_MAX;
    pbase_os_file *direct = NULL;
    pbase_buffer path;
    pbase_buffer_init(&path, alloc_of(segment));
    pbase_status status = file_folder_path(segment->folder, segment->name, "", &path, err);
    uint8_t *memory = pbase_alloc_zeroed(alloc_of(segment), 1, memory_bytes);
    if (status == PBASE_OK && memory == NULL) {
        status = PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to preallocate '%s'", segment->name);
    }
    if (status == PBASE_OK && segment->direct_state != FILE_DIRECT_NEVER &&
        file_direct_may(segment->way) &&
        os->file->open(os, (const char *)path.data, PBASE_OS_WRITE | PBASE_OS_DIRECT, &direct,
                       NULL) != PBASE_OK) {
        direct = NULL; /* the ordinary way serves as well */
    }
    const uint8_t *zeros =
        memory == NULL ? NULL
                       : memory + (FILE_UNIT_BYTES_MAX - (uintptr_t)memory % FILE_UNIT_BYTES_MAX);
    for (uint64_t at = 0; status == PBASE_OK && at < size;) {
        size_t part = size - at < ZEROS_BYTES ? (size_t)(size - at) : ZEROS_BYTES;
        status = pbase_call_check(call, os, err);
        if (status == PBASE_OK) {
            pbase_os_file *target =
                direct != NULL && is_aligned(segment, part) ? direct : segment->file;
            status = os->file->write(target, at, zeros, part, err);
        }
        at += part;
    }
    if (direct != NULL) {
        os->file->close(direct);
    }
    pbase_alloc_free(alloc_of(segment), memory, memory_bytes);
    pbase_buffer_fini(&path);
    return status;
}

pbase_status file_segment_preallocate(file_segment *segment, const pbase_call *call, uint64_t size,
                                      pbase_error *err)
{
    const pbase_os_file_ops *files = os_of(segment)->file;
    uint64_t before = 0;
    pbase_status status = file_segment_check_writable(segment, err);
    if (status == PBASE_OK) {
        status = files->size(segment->file, &before, err);
    }
    if (status == PBASE_OK && before > size) {
        status = files->truncate(segment->file, size, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    file_direct_measure(segment->way, segment->file);
    writing_begins(segment);
    status = zeros_write(segment, call, size, err);
    writing_ends(segment);
    if (status != PBASE_OK && before < size) {
        (void)files->truncate(segment->file, before, NULL); /* gives back what it can */
    }
    return status;
}

pbase_status file_segment_reserve(file_segment *segment, uint64_t size, pbase_error *err)
{
    const pbase_os_file_ops *files = os_of(segment)->file;
    uint64_t before = 0;
    pbase_status status = file_segment_check_writable(segment, err);
    if (status == PBASE_OK) {
        status = files->size(segment->file, &before, err);
    }
    if (status != PBASE_OK || size <= before) {
        return status;
    }
    writing_begins(segment); /* the size has to be flushed */
    status = files->allocate(segment->file, before, size - before, err);
    if (status == PBASE_OK) {
        status = files->truncate(segment->file, size, err);
    }
    if (status != PBASE_OK) {
        (void)files->truncate(segment->file, before, NULL); /* gives back what it can */
    }
    writing_ends(segment);
    return status;
}

pbase_status file_segment_cut(file_segment *segment, uint64_t size_bytes, pbase_error *err)
{
    const pbase_os_file_ops *files = os_of(segment)->file;
    uint64_t size = 0;
    pbase_status status = file_segment_check_writable(segment, err);
    if (status == PBASE_OK) {
        status = files->size(segment->file, &size, err);
    }
    if (status == PBASE_OK && size_bytes > size) {
        status =
            PBASE_FAIL(err, PBASE_INVALID, "cannot cut '%s' to %" PRIu64 " bytes: it has %" PRIu64,
                       segment->name, size_bytes, size);
    }
    if (status == PBASE_OK && size_bytes < size) {
        status = files->truncate(segment->file, size_bytes, err);
    }
    return status == PBASE_OK ? file_segment_sync(segment, err) : status;
}

/* ----------------------------------------------------------------------------------- reads --- */

pbase_status file_segment_read(file_segment *segment, uint64_t offset, void *out, size_t size,
                               size_t *out_read, pbase_error *err)
{
    return os_of(segment)->file->read(segment->file, offset, out, size, out_read, err);
}

pbase_status file_segment_map(file_segment *segment, uint64_t size, const uint8_t **out,
                              pbase_error *err)
{
    const pbase_os *os = os_of(segment);
    file_map *map = pbase_alloc_zeroed(alloc_of(segment), 1, sizeof *map);
    if (map == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to map '%s'", segment->name);
    }
    pbase_status status = os->file->map(segment->file, size, &map->map, &map->data, err);
    if (status != PBASE_OK) {
        pbase_alloc_free(alloc_of(segment), map, sizeof *map);
        return status;
    }
    os->lock->mutex_lock(segment->mutex);
    map->next = segment->maps;
    segment->maps = map;
    os->lock->mutex_unlock(segment->mutex);
    *out = map->data;
    return PBASE_OK;
}

void file_segment_unmap(file_segment *segment, const uint8_t *data)
{
    const pbase_os *os = os_of(segment);
    os->lock->mutex_lock(segment->mutex);
    file_map **at = &segment->maps;
    while (*at != NULL && (*at)->data != data) {
        at = &(*at)->next;
    }
    file_map *map = *at;
    if (map != NULL) {
        *at = map->next;
    }
    os->lock->mutex_unlock(segment->mutex);
    if (map != NULL) {
        os->file->unmap(map->map);
        pbase_alloc_free(alloc_of(segment), map, sizeof *map);
    }
}
