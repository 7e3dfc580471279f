/* file_store.c - the two ends of a store, and what is done to whole segments.
 *
 * Writing atoms is the business of store_writer.c, finding segments that of store_listing.c, and
 * reading them that of store_table.c. The locks are told in file_store_private.h. */
#include "file_store.h"

#include "store_writer.h"

#include <inttypes.h>
#include <stdio.h>

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
    store_staging_init(&store->staging, host->alloc);
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
    store->table.wants_large = options->large_pages;
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
        status = store_writer_resume(store, options, call, err);
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
    store_staging_fini(&store->staging);
    if (store->flusher != NULL) {
        file_store_os(store)->lock->mutex_destroy(store->flusher);
    }
    if (store->writer != NULL) {
        file_store_os(store)->lock->mutex_destroy(store->writer);
    }
    pbase_alloc_free(store->host->alloc, store, sizeof *store);
}

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

uint32_t file_store_next_id(file_store *store)
{
    return store_table_next_id(&store->table);
}

pbase_status file_store_reserve(file_store *store, uint32_t *out_log_id, pbase_error *err)
{
    return store_writer_take_id(store, out_log_id, err);
}

pbase_status file_store_put(file_store *store, const pbase_call *call, uint32_t log_id,
                            pbase_bytes bytes, pbase_error *err)
{
    const pbase_os *os = file_store_os(store);
    pbase_segment *handle = NULL;
    store_segment *added = NULL;
    if (log_id == 0 || bytes.size < PBASE_ATOM_ALIGN) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "segment %" PRIu32 " of %zu bytes is none: ids begin at 1 and the header "
                          "has %u bytes",
                          log_id, bytes.size, PBASE_ATOM_ALIGN);
    }
    os->lock->mutex_lock(store->writer);
    pbase_status status = store_writer_check(store, err);
    if (status == PBASE_OK) {
        status =
            store_table_find(&store->table, log_id) == NULL
                ? store_writer_create(store, call, log_id, &handle, err)
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
        store_writer_leftover_remove(store, log_id);
    }
    os->lock->mutex_unlock(store->writer);
    return status;
}

pbase_status file_store_retire(file_store *store, const pbase_call *call, uint32_t log_id,
                               pbase_error *err)
{
    const pbase_os *os = file_store_os(store);
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
            store_writer_active_set(store, NULL);
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
    const pbase_os *os = file_store_os(store);
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
        pbase_status status = pbase_call_check(call, file_store_os(store), err);
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
    const pbase_os *os = file_store_os(store);
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
