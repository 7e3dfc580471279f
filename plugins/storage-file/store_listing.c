/* store_listing.c - which segments of a store there are, as its folder says.
 *
 * A listing adds what others have made, learns how far it grew, and drops what they retired; what this
 * process writes itself is known better than any listing tells. */
#include "file_store_private.h"

#define COMPONENT "storage/file"

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
    const pbase_os *os = file_store_os(store);
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
