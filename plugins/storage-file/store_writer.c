/* store_writer.c - writes, flushes and seals of the segment that grows.
 *
 * `writer` is held during a write, `flusher` during a flush and while the active segment changes; the
 * order is that. Small atoms are gathered (store_staging.h), large ones are written from where they
 * lie; streams go past the page cache in whole blocks. */
#include "store_writer.h"

#include <inttypes.h>

#define COMPONENT "storage/file"

static uint64_t align_up(uint64_t size)
{
    return (size + PBASE_ATOM_ALIGN - 1) & ~(uint64_t)(PBASE_ATOM_ALIGN - 1);
}

pbase_status store_writer_check(const file_store *store, pbase_error *err)
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

pbase_status store_writer_resume(file_store *store, const file_store_options *options,
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

/* Flushes what the active segment has. With `flusher` held. */
static pbase_status active_flush(file_store *store, const pbase_call *call, pbase_error *err)
{
    uint64_t batches = atomic_load(&store->written);
    pbase_status status = pbase_call_check(call, file_store_os(store), err);
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
    const pbase_os *os = file_store_os(store);
    uint64_t batches = atomic_load(&store->written);
    pbase_status status = store_writer_check(store, err);
    if (status != PBASE_OK || atomic_load(&store->flushed) >= batches) {
        return status;
    }
    os->lock->mutex_lock(store->flusher);
    status = store_writer_check(store, err);
    if (status == PBASE_OK && atomic_load(&store->flushed) < batches) {
        status = active_flush(store, call, err);
    }
    os->lock->mutex_unlock(store->flusher);
    return status;
}

/* The functions below are called with `writer` held. */

void store_writer_active_set(file_store *store, store_segment *segment)
{
    file_store_os(store)->lock->mutex_lock(store->flusher);
    store->active = segment;
    file_store_os(store)->lock->mutex_unlock(store->flusher);
}

void file_store_leave_active(file_store *store)
{
    const pbase_os *os = file_store_os(store);
    os->lock->mutex_lock(store->writer);
    if (store->active != NULL) {
        uint64_t size = 0;
        if (pbase_segment_size(store->active->handle, &size, NULL) == PBASE_OK) {
            atomic_store(&store->active->size, size & ~(uint64_t)(PBASE_ATOM_ALIGN - 1));
        } /* else what lies behind reads as missing */
        store->active->is_abandoned = true;
        store_writer_active_set(store, NULL);
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
    size_t missing =
        (STORE_BLOCK_BYTES - store->staging.size % STORE_BLOCK_BYTES) % STORE_BLOCK_BYTES;
    bool past_cache = store->past_cache && store->end % STORE_BLOCK_BYTES == 0 &&
                      store->end + store->staging.size + missing <= store->active->capacity;
    pbase_status status =
        past_cache ? store_staging_add(&store->staging, pbase_bytes_of(NULL, 0), missing, err)
                   : PBASE_OK;
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
    file_store_os(store)->lock->mutex_lock(store->flusher);
    pbase_status status = active_end(store, call, err);
    file_store_os(store)->lock->mutex_unlock(store->flusher);
    return status;
}

void store_writer_leftover_remove(file_store *store, uint32_t log_id)
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

pbase_status store_writer_take_id(file_store *store, uint32_t *out, pbase_error *err)
{
    return store->take_id == NULL
               ? store_table_take_id(&store->table, out, err)
               : store->take_id(store->state, store_table_next_id(&store->table), out, err);
}

pbase_status store_writer_create(file_store *store, const pbase_call *call, uint32_t log_id,
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
        store_writer_leftover_remove(store, log_id);
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
    pbase_status status = store_writer_take_id(store, &log_id, err);
    if (status == PBASE_OK) {
        status = store_writer_create(store, call, log_id, &handle, err);
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
        store_writer_leftover_remove(store, log_id);
        return status;
    }
    store->end = PBASE_ATOM_ALIGN;
    store_writer_active_set(store, added);
    atomic_fetch_add(&store->written, 1); /* its header, which closing may name */
    return PBASE_OK;
}

static const uint8_t zeros[STORE_BLOCK_BYTES];

/* Before a write past the cache begins: what is missing to the next block. */
static size_t bytes_to_block(const file_store *store)
{
    return store->past_cache && store->staging.size == 0
               ? (size_t)((STORE_BLOCK_BYTES - store->end % STORE_BLOCK_BYTES) % STORE_BLOCK_BYTES)
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
        status = store_staging_add(&store->staging, atom, (size_t)(need - atom.size), err);
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
    const pbase_os *os = file_store_os(store);
    pbase_status status = pbase_call_check(call, os, err);
    if (status != PBASE_OK) {
        return status;
    }
    os->lock->mutex_lock(store->writer);
    status = store_writer_check(store, err);
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
