/* file_store.c - the writer of a store, and what looks at all its segments.
 *
 * `writer` is held by whoever changes segments: writes, seals, puts, retires. The size of a segment
 * is published when a whole write has succeeded; bytes beyond it belong to nobody and are
 * overwritten by the next write. `flusher` is held during a flush and while the active segment
 * changes, so that a commit that has to flush waits for no writer, and one that has not, for
 * nobody: it compares two counters. */
#include "file_store.h"

#include "store_table.h"

#include <inttypes.h>
#include <stdio.h>

#define COMPONENT "storage/file"

/* Bytes that lie aligned to blocks, so that they can be written past the cache. */
typedef struct {
    uint8_t *raw, *data; /* what was allocated; the first block in it */
    size_t size, capacity;
} file_staging;

#define BLOCK_BYTES 4096u

struct file_store {
    const pbase_host *host;
    pbase_blocks *blocks;
    pbase_blocks_geometry geometry;
    store_table table;
    pbase_status (*take_id)(void *state, uint32_t at_least, uint32_t *out, pbase_error *err);
    void *state;            /* of take_id, which is NULL unless shared */
    pbase_os_mutex *writer; /* guards the five below; taken before `flusher` and the table's lock */
    uint64_t end;           /* of what was written to `active` */
    file_staging staging;   /* bytes not written yet; they belong at `end` */
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

static const pbase_os *os_of(const file_store *store)
{
    return store->host->os;
}

static uint64_t align_up(uint64_t size)
{
    return (size + PBASE_ATOM_ALIGN - 1) & ~(uint64_t)(PBASE_ATOM_ALIGN - 1);
}

/* --------------------------------------------------------------------------------- staging --- */

static void staging_fini(file_store *store)
{
    file_staging *staging = &store->staging;
    if (staging->raw != NULL) {
        pbase_alloc_free(store->host->alloc, staging->raw, staging->capacity + BLOCK_BYTES);
    }
    *staging = (file_staging){.raw = NULL};
}

static pbase_status staging_reserve(file_store *store, size_t more, pbase_error *err)
{
    file_staging *staging = &store->staging, grown = {.size = staging->size};
    if (more <= staging->capacity - staging->size) {
        return PBASE_OK;
    }
    grown.capacity = 2 * staging->capacity;
    if (grown.capacity < staging->size + more) {
        grown.capacity = (staging->size + more + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
    }
    grown.raw = pbase_alloc_new(store->host->alloc, grown.capacity + BLOCK_BYTES);
    if (grown.raw == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to write %zu bytes of atoms",
                          staging->size + more);
    }
    grown.data = grown.raw + (BLOCK_BYTES - (uintptr_t)grown.raw % BLOCK_BYTES) % BLOCK_BYTES;
    if (staging->size != 0) {
        memcpy(grown.data, staging->data, staging->size);
    }
    staging_fini(store);
    *staging = grown;
    return PBASE_OK;
}

/* Appends `bytes` and zeros behind them. */
static pbase_status staging_add(file_store *store, pbase_bytes bytes, size_t zeros,
                                pbase_error *err)
{
    pbase_status status = staging_reserve(store, bytes.size + zeros, err);
    if (status == PBASE_OK) {
        file_staging *staging = &store->staging;
        if (bytes.size != 0) {
            memcpy(staging->data + staging->size, bytes.data, bytes.size);
        }
        memset(staging->data + staging->size + bytes.size, 0, zeros);
        staging->size += bytes.size + zeros;
    }
    return status;
}

/* ------------------------------------------------------------------------------------ open --- */

/* A listing may be older than what was seen of the segment since, unless that is full. */
static void foreign_grew(store_segment *segment, const pbase_block_info *info)
{
    uint64_t listed_bytes = info->size_bytes & ~(uint64_t)(PBASE_ATOM_ALIGN - 1);
    uint64_t known = atomic_load(&segment->size);
    if (info->sealed != 0) {
        atomic_store(&segment->size, listed_bytes);
        atomic_store(&segment->sealed, true);
        return;
    }
    while (known < listed_bytes &&
           !atomic_compare_exchange_weak(&segment->size, &known, listed_bytes)) {
    }
}

static pbase_status listed(void *state, const pbase_block_info *info, pbase_error *err)
{
    file_store *store = state;
    store_segment *added = NULL;
    store_segment segment = {.capacity = info->size_bytes > store->table.shared_bytes
                                             ? info->size_bytes
                                             : store->table.shared_bytes};
    if (!store_name_parse(info->name, &segment.log_id)) {
        pbase_log_write(store->host->log, PBASE_LOG_WARNING, COMPONENT,
                        "'%s' is not a segment; it is left alone", info->name);
        return PBASE_OK;
    }
    atomic_init(&segment.size, info->size_bytes);
    atomic_init(&segment.held, info->held_bytes);
    atomic_init(&segment.sealed, info->sealed != 0);
    segment.is_abandoned = store->lists_abandoned;
    store_segment *before = store_table_find(&store->table, segment.log_id);
    atomic_init(&segment.seen, store->listings);
    if (before != NULL) { /* listed before */
        atomic_store(&before->held, info->held_bytes);
        atomic_store(&before->seen, store->listings);
        if (!before->own && !before->is_abandoned && !atomic_load(&before->sealed)) {
            foreign_grew(before, info); /* another process fills it */
        }
        return PBASE_OK;
    }
    return store_table_add(&store->table, &segment, &added, err);
}

/* Opens the segment that a clean close left to be continued. */
static pbase_status active_resume(file_store *store, const file_store_options *options,
                                  const pbase_call *call, pbase_error *err)
{
    char name[STORE_NAME_BYTES];
    store_segment *segment = store_table_find(&store->table, options->active_log_id);
    uint64_t size = segment == NULL ? 0 : atomic_load(&segment->size);
    if (segment == NULL || size < options->active_bytes) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "segment %" PRIu32 " has %" PRIu64 " bytes; it had %" PRIu64
                          " when the space was closed",
                          options->active_log_id, size, options->active_bytes);
    }
    if (atomic_load(&segment->sealed)) {
        return PBASE_OK; /* sealing it failed half-way, once it was sealed: it ends there */
    }
    store_name(segment->log_id, name);
    pbase_status status =
        pbase_blocks_open(store->blocks, call, name, PBASE_SEGMENT_WRITE, &segment->handle, err);
    if (status == PBASE_OK) {
        status = store_header_check(&store->table, segment->log_id, segment->handle, call, err);
    }
    atomic_store(&segment->size, options->active_bytes);
    segment->capacity = store->geometry.segment_bytes > options->active_bytes
                            ? store->geometry.segment_bytes
                            : options->active_bytes;
    segment->own = true;
    segment->is_abandoned = false;
    store->active = segment;
    store->end = options->active_bytes;
    return status;
}

/* Those that another process has retired. One that is sealed while it is listed gets another name, and may
 * be missed once. With `writer` held. */
static void missing_drop(file_store *store)
{
    pbase_segment_info info = {0};
    while (store_table_next(&store->table, info.log_id, &info)) {
        store_segment *segment = store_table_find(&store->table, info.log_id);
        uint64_t seen = atomic_load(&segment->seen);
        bool may_be_renamed = !atomic_load(&segment->sealed) && !segment->is_abandoned;
        bool is_missing = may_be_renamed ? seen + 1 < store->listings : seen < store->listings;
        if (seen == 0) { /* it was found in passing, perhaps after the listing came by */
            atomic_store(&segment->seen, store->listings);
        } else if (is_missing && segment != store->active) {
            store_table_drop(&store->table, info.log_id);
        }
    }
}

pbase_status file_store_refresh(file_store *store, const pbase_call *call, pbase_error *err)
{
    const pbase_os *os = os_of(store);
    os->lock->mutex_lock(
        store->writer); /* so that none is made, sealed or retired here meanwhile */
    store->listings++;
    pbase_status status = pbase_blocks_list(store->blocks, call, STORE_PREFIX, listed, store, err);
    if (status == PBASE_OK && store->take_id != NULL) {
        missing_drop(store);
    }
    os->lock->mutex_unlock(store->writer);
    return status;
}

/* A quarter of the memory: the rest is the application's, and whoever else lives there. */
static uint64_t large_bytes_max(const pbase_os *os)
{
    bool known = os->file->map_large != NULL && os->system->memory_bytes != NULL;
    return known ? os->system->memory_bytes(os) / 4 : 0;
}

pbase_status file_store_open(const file_store_options *options, const pbase_call *call,
                             file_store **out, pbase_error *err)
{
    const pbase_host *host = options->host;
    file_store *store = pbase_alloc_zeroed(host->alloc, 1, sizeof *store);
    if (store == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the store");
    }
    store->host = host;
    store->blocks = options->blocks;
    pbase_status status = store_table_init(&store->table, host, options->blocks, options->space_id,
                                           options->next_log_id, err);
    if (status == PBASE_OK) {
        status = host->os->lock->mutex_create(host->os, &store->writer, err);
    }
    if (status == PBASE_OK) {
        status = host->os->lock->mutex_create(host->os, &store->flusher, err);
    }
    if (status == PBASE_OK) {
        status = pbase_blocks_geometry_get(store->blocks, &store->geometry, err);
    }
    if (options->large_pages) {
        store->table.large_bytes_max = large_bytes_max(host->os);
    }
    if (status == PBASE_OK && options->is_shared) {
        store->table.shared_bytes = store->geometry.segment_bytes;
        store->take_id = options->take_id;
        store->state = options->state;
    }
    if (status == PBASE_OK) {
        store->lists_abandoned = options->is_alone;
        status = file_store_refresh(store, call, err);
        store->lists_abandoned = false;
    }
    if (status == PBASE_OK && options->active_log_id != 0) {
        status = active_resume(store, options, call, err);
    }
    if (status != PBASE_OK) {
        file_store_close(store);
        return status;
    }
    *out = store;
    return PBASE_OK;
}

void file_store_close(file_store *store)
{
    if (store == NULL) {
        return;
    }
    store_table_fini(&store->table);
    staging_fini(store);
    if (store->flusher != NULL) {
        os_of(store)->lock->mutex_destroy(store->flusher);
    }
    if (store->writer != NULL) {
        os_of(store)->lock->mutex_destroy(store->writer);
    }
    pbase_alloc_free(store->host->alloc, store, sizeof *store);
}

/* ----------------------------------------------------------------------------------- write --- */

static pbase_status check_writable(const file_store *store, pbase_error *err)
{
    return atomic_load(&store->failed)
               ? PBASE_FAIL(err, PBASE_READ_ONLY,
                            "the store could not be flushed: open the space again")
               : PBASE_OK;
}

static pbase_status fail(file_store *store, pbase_status status, pbase_error *err)
{
    atomic_store(&store->failed, true);
    if (err != NULL) {
        err->outcome = PBASE_OUTCOME_UNKNOWN;
    }
    return status;
}

/* Flushes what the active segment has. With `flusher` held. */
static pbase_status active_flush(file_store *store, const pbase_call *call, pbase_error *err)
{
    uint64_t batches = atomic_load(&store->written);
    pbase_status status = pbase_call_check(call, os_of(store), err);
    if (status == PBASE_OK && store->active != NULL) {
        atomic_fetch_add(&store->flush_count, 1);
        status = pbase_segment_sync(store->active->handle, NULL, err);
        if (status != PBASE_OK &&
            status != PBASE_NO_MEMORY) { /* that is before the device is asked */
            status = fail(store, status, err);
        }
    }
    if (status == PBASE_OK) {
        atomic_store(&store->flushed, batches);
    }
    return status;
}

pbase_status file_store_flush(file_store *store, const pbase_call *call, pbase_error *err)
{
    const pbase_os *os = os_of(store);
    uint64_t batches = atomic_load(&store->written);
    pbase_status status = check_writable(store, err);
    if (status != PBASE_OK || atomic_load(&store->flushed) >= batches) {
        return status;
    }
    os->lock->mutex_lock(store->flusher);
    status = check_writable(store, err);
    if (status == PBASE_OK && atomic_load(&store->flushed) < batches) {
        status = active_flush(store, call, err);
    }
    os->lock->mutex_unlock(store->flusher);
    return status;
}

/* The functions below are called with `writer` held. */

static void active_set(file_store *store, store_segment *segment)
{
    os_of(store)->lock->mutex_lock(store->flusher);
    store->active = segment;
    os_of(store)->lock->mutex_unlock(store->flusher);
}

void file_store_leave_active(file_store *store)
{
    const pbase_os *os = os_of(store);
    os->lock->mutex_lock(store->writer);
    if (store->active != NULL) {
        uint64_t size = 0;
        if (pbase_segment_size(store->active->handle, &size, NULL) == PBASE_OK) {
            atomic_store(&store->active->size, size & ~(uint64_t)(PBASE_ATOM_ALIGN - 1));
        } /* else what lies behind reads as missing */
        store->active->is_abandoned = true;
        active_set(store, NULL);
    }
    os->lock->mutex_unlock(store->writer);
}

/* Writes `data` at the end of the active segment. */
static pbase_status active_write(file_store *store, const pbase_call *call, pbase_bytes data,
                                 uint32_t flags, pbase_error *err)
{
    pbase_status status =
        pbase_segment_write(store->active->handle, call, store->end, data, flags, err);
    if (status == PBASE_OK) {
        store->written_bytes += data.size;
        store->end += data.size;
    }
    return status;
}

/* Past the cache go whole blocks: the last one is filled up with zeros, which belong to nobody. */
static pbase_status staging_write(file_store *store, const pbase_call *call, pbase_error *err)
{
    if (store->staging.size == 0) {
        return PBASE_OK;
    }
    size_t missing = (BLOCK_BYTES - store->staging.size % BLOCK_BYTES) % BLOCK_BYTES;
    bool past_cache = store->past_cache && store->end % BLOCK_BYTES == 0 &&
                      store->end + store->staging.size + missing <= store->active->capacity;
    pbase_status status =
        past_cache ? staging_add(store, pbase_bytes_of(NULL, 0), missing, err) : PBASE_OK;
    if (status == PBASE_OK) {
        status = active_write(store, call, pbase_bytes_of(store->staging.data, store->staging.size),
                              past_cache ? PBASE_WRITE_PAST_CACHE : 0, err);
    }
    store->staging.size = 0; /* also after a failure: its atoms were never seen */
    return status;
}

/* Ends the active segment: cut, durable, immutable. With `flusher` held as well. */
static pbase_status active_end(file_store *store, const pbase_call *call, pbase_error *err)
{
    pbase_error failure;
    pbase_error_init(&failure);
    atomic_fetch_add(&store->flush_count, 1);
    pbase_status status = pbase_segment_seal(store->active->handle, call, store->end, &failure);
    if (status != PBASE_OK) {
        if (err != NULL) {
            *err = failure;
        }
        return failure.outcome == PBASE_OUTCOME_UNKNOWN ? fail(store, status, err) : status;
    }
    atomic_store(&store->active->size, store->end);
    atomic_store(&store->active->sealed, true);
    atomic_store(&store->flushed, atomic_load(&store->written));
    store->active = NULL;
    return PBASE_OK;
}

static pbase_status active_seal(file_store *store, const pbase_call *call, pbase_error *err)
{
    os_of(store)->lock->mutex_lock(store->flusher);
    pbase_status status = active_end(store, call, err);
    os_of(store)->lock->mutex_unlock(store->flusher);
    return status;
}

/* Removes a segment that could not be finished. If it stays, opening finds one that nobody uses. */
static void leftover_remove(file_store *store, uint32_t log_id)
{
    char name[STORE_NAME_BYTES];
    pbase_error failure;
    pbase_error_init(&failure);
    store_name(log_id, name);
    if (pbase_blocks_remove(store->blocks, NULL, name, &failure) != PBASE_OK) {
        pbase_log_write(store->host->log, PBASE_LOG_WARNING, COMPONENT, "left over: %s",
                        failure.message);
    }
}

static pbase_status id_take(file_store *store, uint32_t *out, pbase_error *err)
{
    return store->take_id == NULL
               ? store_table_take_id(&store->table, out, err)
               : store->take_id(store->state, store_table_next_id(&store->table), out, err);
}

/* Makes a new segment with its header. */
static pbase_status segment_create(file_store *store, const pbase_call *call, uint32_t log_id,
                                   pbase_segment **out, pbase_error *err)
{
    char name[STORE_NAME_BYTES];
    uint8_t header[PBASE_ATOM_ALIGN];
    pbase_segment *handle = NULL;
    store_name(log_id, name);
    store_header_encode(&store->table, log_id, header);
    pbase_status status = pbase_blocks_open(
        store->blocks, call, name, PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &handle, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = pbase_segment_write(handle, call, 0, pbase_bytes_of(header, sizeof header), 0, err);
    if (status != PBASE_OK) {
        pbase_segment_close(handle);
        leftover_remove(store, log_id);
        return status;
    }
    *out = handle;
    return PBASE_OK;
}

/* Begins a segment with room for `need` bytes of atoms. */
static pbase_status active_begin(file_store *store, const pbase_call *call, uint64_t need,
                                 pbase_error *err)
{
    uint32_t log_id = 0;
    pbase_segment *handle = NULL;
    store_segment *added = NULL;
    uint64_t capacity = store->geometry.segment_bytes & ~(uint64_t)(PBASE_ATOM_ALIGN - 1);
    capacity = need > capacity - PBASE_ATOM_ALIGN ? need + PBASE_ATOM_ALIGN : capacity;
    if (capacity > store->geometry.segment_bytes_max) {
        return PBASE_FAIL(err, PBASE_LIMIT,
                          "%" PRIu64 " bytes do not fit into a segment of at most %" PRIu64, need,
                          store->geometry.segment_bytes_max);
    }
    pbase_status status = id_take(store, &log_id, err);
    if (status == PBASE_OK) {
        status = segment_create(store, call, log_id, &handle, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    store_segment segment = {.log_id = log_id, .own = true, .capacity = capacity, .handle = handle};
    atomic_init(&segment.size, PBASE_ATOM_ALIGN);
    atomic_init(&segment.seen, store->listings);
    status = store_table_add(&store->table, &segment, &added, err);
    if (status != PBASE_OK) {
        pbase_segment_close(handle);
        leftover_remove(store, log_id);
        return status;
    }
    store->end = PBASE_ATOM_ALIGN;
    active_set(store, added);
    atomic_fetch_add(&store->written, 1); /* its header, which closing may name */
    return PBASE_OK;
}

static const uint8_t zeros[BLOCK_BYTES];

/* Before a write past the cache begins: what is missing to the next block. */
static size_t bytes_to_block(const file_store *store)
{
    return store->past_cache && store->staging.size == 0
               ? (size_t)((BLOCK_BYTES - store->end % BLOCK_BYTES) % BLOCK_BYTES)
               : 0;
}

/* Makes the active segment have room for `need` more bytes behind what is staged. */
static pbase_status active_ensure(file_store *store, const pbase_call *call, uint64_t need,
                                  pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (store->active != NULL) {
        uint64_t skipped = bytes_to_block(store);
        uint64_t used = store->end + skipped + store->staging.size;
        if (used <= store->active->capacity && need <= store->active->capacity - used) {
            return skipped == 0 ? PBASE_OK
                                : active_write(store, call, pbase_bytes_of(zeros, skipped), 0, err);
        }
        status = staging_write(store, call, err);
        if (status == PBASE_OK) {
            status = active_seal(store, call, err);
        }
    }
    return status == PBASE_OK ? active_begin(store, call, need, err) : status;
}

/* Puts one atom behind what is staged; a large one is written from where it lies. */
static pbase_status atom_add(file_store *store, const pbase_call *call, pbase_bytes atom,
                             pbase_atom_pointer *out, pbase_error *err)
{
    uint64_t need = align_up(atom.size);
    pbase_status status = active_ensure(store, call, need, err);
    if (status != PBASE_OK) {
        return status;
    }
    *out = pbase_atom_pointer_of(store->active->log_id, store->end + store->staging.size);
    if (need >= store->geometry.preferred_bytes) {
        status = staging_write(store, call, err);
        if (status == PBASE_OK) {
            status = active_write(store, call, atom, 0, err);
        }
        atom.data += atom.size;
        need -= atom.size;
        atom.size = 0;
    }
    if (status == PBASE_OK) {
        status = staging_add(store, atom, (size_t)(need - atom.size), err);
    }
    if (status == PBASE_OK && store->staging.size >= store->geometry.preferred_bytes) {
        status = staging_write(store, call, err);
    }
    return status;
}

#define PAST_CACHE_BYTES_MIN 65536u /* less is not worth filling up a block for */

/* Whether the write goes past the cache. */
static void past_cache_begin(file_store *store, const pbase_bytes *atoms, size_t count,
                             uint32_t mode)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count && mode == PBASE_ATOMS_STREAMED; i++) {
        bytes += align_up(atoms[i].size);
    }
    store->past_cache = bytes >= PAST_CACHE_BYTES_MIN;
}

/* Lets the atoms of a write be seen, or has the next write overwrite them. */
static void write_end(file_store *store, pbase_status status)
{
    store->staging.size = 0;
    if (store->active != NULL && status == PBASE_OK) {
        atomic_store(&store->active->size, store->end);
        atomic_fetch_add(&store->written, 1);
    } else if (store->active != NULL) {
        store->end = atomic_load(&store->active->size);
    }
}

pbase_status file_store_write(file_store *store, const pbase_call *call, const pbase_bytes *atoms,
                              size_t count, uint32_t mode, pbase_atom_pointer *out,
                              pbase_error *err)
{
    const pbase_os *os = os_of(store);
    pbase_status status = pbase_call_check(call, os, err);
    if (status != PBASE_OK) {
        return status;
    }
    os->lock->mutex_lock(store->writer);
    status = check_writable(store, err);
    past_cache_begin(store, atoms, count, mode);
    for (size_t i = 0; status == PBASE_OK && i < count; i++) {
        status = atom_add(store, call, atoms[i], &out[i], err);
    }
    if (status == PBASE_OK) {
        status = staging_write(store, call, err);
    }
    write_end(store, status);
    os->lock->mutex_unlock(store->writer);
    return status == PBASE_OK && mode == PBASE_ATOMS_DURABLE ? file_store_flush(store, call, err)
                                                             : status;
}

/* ----------------------------------------------------------------------------------- reads --- */

pbase_status file_store_read(file_store *store, const pbase_call *call, uint32_t log_id,
                             uint64_t offset, void *out, size_t size, size_t *out_read,
                             pbase_error *err)
{
    return store_table_read(&store->table, call, log_id, offset, out, size, out_read, err);
}

pbase_status file_store_map(file_store *store, uint32_t log_id, pbase_atom_map *out,
                            pbase_error *err)
{
    return store_table_map(&store->table, log_id, out, err);
}

/* -------------------------------------------------------------------------------- segments --- */

bool file_store_next(file_store *store, uint32_t log_id, pbase_segment_info *out)
{
    bool found = store_table_next(&store->table, log_id, out);
    if (found) {
        const store_segment *segment = store_table_find(&store->table, out->log_id);
        if (segment != NULL && segment->is_abandoned && out->sealed == 0) {
            out->sealed = PBASE_SEGMENT_SEALED | PBASE_SEGMENT_LOOSE;
        } else if (segment != NULL && !segment->own && out->sealed == 0) {
            out->sealed = PBASE_SEGMENT_LOOSE;
        }
    }
    return found;
}

uint32_t file_store_next_id(file_store *store)
{
    return store_table_next_id(&store->table);
}

pbase_status file_store_reserve(file_store *store, uint32_t *out_log_id, pbase_error *err)
{
    return id_take(store, out_log_id, err);
}

pbase_status file_store_put(file_store *store, const pbase_call *call, uint32_t log_id,
                            pbase_bytes bytes, pbase_error *err)
{
    const pbase_os *os = os_of(store);
    pbase_segment *handle = NULL;
    store_segment *added = NULL;
    if (log_id == 0 || bytes.size < PBASE_ATOM_ALIGN) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "segment %" PRIu32 " of %zu bytes is none: ids begin at 1 and the header "
                          "has %u bytes",
                          log_id, bytes.size, PBASE_ATOM_ALIGN);
    }
    os->lock->mutex_lock(store->writer);
    pbase_status status = check_writable(store, err);
    if (status == PBASE_OK) {
        status =
            store_table_find(&store->table, log_id) == NULL
                ? segment_create(store, call, log_id, &handle, err)
                : PBASE_FAIL(err, PBASE_EXISTS, "there is a segment %" PRIu32 " already", log_id);
    }
    if (status == PBASE_OK) {
        pbase_bytes atoms =
            pbase_bytes_of(bytes.data + PBASE_ATOM_ALIGN, bytes.size - PBASE_ATOM_ALIGN);
        status = pbase_segment_write(handle, call, PBASE_ATOM_ALIGN, atoms, 0, err);
    }
    if (status == PBASE_OK) {
        atomic_fetch_add(&store->flush_count, 1);
        status = pbase_segment_seal(handle, call, bytes.size, err);
    }
    if (status == PBASE_OK) {
        store->written_bytes += bytes.size;
        store_segment segment = {
            .log_id = log_id, .own = true, .capacity = bytes.size, .handle = handle};
        atomic_init(&segment.size, bytes.size);
        atomic_init(&segment.sealed, true);
        status = store_table_add(&store->table, &segment, &added, err);
    }
    if (status != PBASE_OK && handle != NULL) {
        pbase_segment_close(handle);
        leftover_remove(store, log_id);
    }
    os->lock->mutex_unlock(store->writer);
    return status;
}

pbase_status file_store_retire(file_store *store, const pbase_call *call, uint32_t log_id,
                               pbase_error *err)
{
    const pbase_os *os = os_of(store);
    char name[STORE_NAME_BYTES];
    store_name(log_id, name);
    os->lock->mutex_lock(store->writer);
    store_segment *segment = store_table_find(&store->table, log_id);
    pbase_status status =
        segment != NULL ? pbase_blocks_remove(store->blocks, call, name, err)
                        : PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no segment %" PRIu32, log_id);
    if (status == PBASE_NOT_FOUND && segment != NULL && store->take_id != NULL) {
        status = PBASE_OK; /* whoever retired it before died in the middle */
    }
    if (status == PBASE_OK) {
        if (segment == store->active) {
            active_set(store, NULL);
        }
        store_table_drop(&store->table, log_id);
    }
    os->lock->mutex_unlock(store->writer);
    return status;
}

pbase_status file_store_punch(file_store *store, const pbase_call *call, uint32_t log_id,
                              uint64_t offset, uint64_t size, pbase_error *err)
{
    return store_table_punch(&store->table, call, log_id, offset, size, err);
}

/* Of the segment that grows, 0: none. */
static uint32_t active_id(file_store *store)
{
    const pbase_os *os = os_of(store);
    os->lock->mutex_lock(store->writer);
    uint32_t log_id = store->active == NULL ? 0 : store->active->log_id;
    os->lock->mutex_unlock(store->writer);
    return log_id;
}

/* Looks at one segment as it is stored. */
static pbase_status segment_verify(file_store *store, const pbase_call *call,
                                   const pbase_segment_info *info, pbase_error *err)
{
    char name[STORE_NAME_BYTES];
    pbase_segment *handle = NULL;
    uint64_t size = 0;
    store_name(info->log_id, name);
    pbase_status status = pbase_blocks_open(store->blocks, call, name, 0, &handle, err);
    if (status == PBASE_OK) {
        status = store_header_check(&store->table, info->log_id, handle, call, err);
    }
    if (status == PBASE_OK) {
        status = pbase_segment_size(handle, &size, err);
    }
    if (status == PBASE_OK && size < info->size_bytes) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "segment %" PRIu32 " has %" PRIu64 " bytes; %" PRIu64 " were written",
                            info->log_id, size, info->size_bytes);
    }
    pbase_segment_close(handle);
    return status;
}

/* Of a segment that could not be verified: false when that says nothing about what is stored. */
static bool is_finding(pbase_status status)
{
    return status != PBASE_NO_MEMORY && status != PBASE_TIMEOUT && status != PBASE_CANCELLED;
}

pbase_status file_store_verify(file_store *store, const pbase_call *call, pbase_verify_each each,
                               void *state, pbase_error *err)
{
    pbase_segment_info info = {0};
    pbase_status listed_now = file_store_refresh(store, call, err);
    if (listed_now != PBASE_OK) {
        return listed_now;
    }
    while (store_table_next(&store->table, info.log_id, &info)) {
        char place[32];
        pbase_error finding;
        pbase_error_init(&finding);
        pbase_status status = pbase_call_check(call, os_of(store), err);
        if (status != PBASE_OK) {
            return status;
        }
        if ((info.sealed & PBASE_SEGMENT_SEALED) == 0 && info.log_id != active_id(store)) {
            continue; /* a crash left it: nobody knows what of it should be there */
        }
        status = segment_verify(store, call, &info, &finding);
        if (status == PBASE_NOT_FOUND) { /* another process may have retired it */
            status = file_store_refresh(store, call, err);
            if (status != PBASE_OK) {
                return status;
            }
            status =
                store_table_find(&store->table, info.log_id) == NULL ? PBASE_OK : PBASE_NOT_FOUND;
        }
        if (status == PBASE_OK) {
            continue; /* sound, or retired meanwhile */
        }
        if (!is_finding(status)) {
            if (err != NULL) {
                *err = finding;
            }
            return status;
        }
        (void)snprintf(place, sizeof place, "segment %" PRIu32, info.log_id);
        status = each(state, status, place, finding.message, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    return PBASE_OK;
}

void file_store_stats_get(file_store *store, file_store_stats *out)
{
    const pbase_os *os = os_of(store);
    *out = (file_store_stats){0};
    os->lock->mutex_lock(store->writer);
    out->written_bytes = store->written_bytes;
    out->flush_count = atomic_load(&store->flush_count);
    if (store->active != NULL) {
        out->active_log_id = store->active->log_id;
        out->active_bytes = atomic_load(&store->active->size);
    }
    out->next_log_id = store_table_next_id(&store->table);
    os->lock->mutex_unlock(store->writer);
    pbase_segment_info info = {0};
    while (store_table_next(&store->table, info.log_id, &info)) {
        out->segment_count++;
        out->segment_bytes += info.size_bytes;
    }
}
