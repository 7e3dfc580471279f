/* memory_storage.c - the journal, the atoms and the locks behind the storage contract.
 *
 * One mutex guards everything but the locks, which have their own. Atoms are copied or mapped, and
 * mapped bytes never move until their segment is retired. */
#include "memory_storage.h"

#include "call_wait.h"
#include "lock_table.h"
#include "memory_atoms.h"
#include "memory_journal.h"

#include <inttypes.h>

typedef struct {
    pbase_storage base;
    const pbase_host *host; /* borrowed until close */
    lock_table *locks;
    pbase_os_mutex *mutex;   /* guards all below */
    pbase_os_cond *appended; /* the head moved */
    memory_budget budget;
    memory_journal journal;
    memory_atoms atoms;
    pbase_buffer meta;
    uint64_t meta_version;
} memory_storage;

/* A scan copies each record out, so that trimming need not know of scans. */
struct pbase_journal_scan {
    pbase_position next;
    pbase_buffer record;
};

static memory_storage *from(pbase_storage *self)
{
    PBASE_ASSERT(self->vtable == &memory_storage_vtable);
    return (memory_storage *)self;
}

static void lock(memory_storage *self)
{
    self->host->os->lock->mutex_lock(self->mutex);
}

static void unlock(memory_storage *self)
{
    self->host->os->lock->mutex_unlock(self->mutex);
}

static pbase_status call_check(memory_storage *self, const pbase_call *call, pbase_error *err)
{
    return pbase_call_check(call, self->host->os, err);
}

/* ------------------------------------------------------------------------------------ meta --- */

static pbase_status meta_get(pbase_storage *base, const pbase_call *call, pbase_arena *arena,
                             pbase_bytes *out, uint64_t *out_version, pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    lock(self);
    status = pbase_arena_copy(arena, pbase_buffer_view(&self->meta), out, err);
    if (status == PBASE_OK) {
        *out_version = self->meta_version;
    }
    unlock(self);
    return status;
}

/* With the mutex held: the old document stays when there is no memory for the new one. */
static pbase_status meta_replace(memory_storage *self, pbase_bytes document, pbase_error *err)
{
    pbase_buffer fresh;
    pbase_buffer_init(&fresh, self->host->alloc);
    pbase_status status = pbase_buffer_append_bytes(&fresh, document, err);
    if (status != PBASE_OK) {
        pbase_buffer_fini(&fresh);
        return status;
    }
    pbase_buffer_fini(&self->meta);
    self->meta = fresh;
    self->meta_version++;
    return PBASE_OK;
}

static pbase_status meta_cas(pbase_storage *base, const pbase_call *call, uint64_t expected,
                             pbase_bytes document, pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    lock(self);
    if (self->meta_version == expected) {
        status = meta_replace(self, document, err);
    } else {
        status = PBASE_FAIL(err, PBASE_CONFLICT,
                            "the meta document has version %" PRIu64 ", not %" PRIu64,
                            self->meta_version, expected);
    }
    unlock(self);
    return status;
}

static const pbase_storage_meta_ops meta_ops = {
    .struct_size = sizeof(pbase_storage_meta_ops),
    .get = meta_get,
    .cas = meta_cas,
};

/* --------------------------------------------------------------------------------- journal --- */

static pbase_status journal_head(pbase_storage *base, const pbase_call *call, uint32_t consistency,
                                 pbase_journal_head *out, pbase_error *err)
{
    (void)consistency; /* one participant: what it knows is the latest */
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status == PBASE_OK) {
        lock(self);
        *out = self->journal.head;
        unlock(self);
    }
    return status;
}

static pbase_status journal_append(pbase_storage *base, const pbase_call *call,
                                   const pbase_journal_append *append, pbase_journal_appended *out,
                                   pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status == PBASE_OK) {
        status = lock_table_check(self->locks, "writer", append->fence, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    lock(self);
    status = memory_journal_append(&self->journal, append, out, err);
    if (status == PBASE_OK) {
        self->host->os->lock->cond_broadcast(self->appended);
    }
    unlock(self);
    return status;
}

static pbase_status journal_outcome(pbase_storage *base, const pbase_call *call, pbase_token token,
                                    int32_t *out_outcome, pbase_position *out_position,
                                    pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status == PBASE_OK) {
        lock(self);
        memory_journal_outcome(&self->journal, token, out_outcome, out_position);
        unlock(self);
    }
    return status;
}

static pbase_status journal_sync(pbase_storage *base, const pbase_call *call, pbase_position upto,
                                 int32_t durability, pbase_error *err)
{
    (void)durability; /* the checked call refuses REMOTE; the others mean the same here */
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    lock(self);
    pbase_position head = self->journal.head.head;
    unlock(self);
    return upto <= head
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_INVALID,
                            "cannot sync up to %" PRIu64 ": the head is %" PRIu64, upto, head);
}

static pbase_status scan_open(pbase_storage *base, const pbase_call *call, pbase_position position,
                              pbase_journal_scan **out, pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    lock(self);
    position = position == 0 ? self->journal.head.first : position;
    status = memory_journal_seek(&self->journal, position, err);
    unlock(self);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_journal_scan *scan = pbase_alloc_zeroed(self->host->alloc, 1, sizeof *scan);
    if (scan == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a scan of the journal");
    }
    scan->next = position;
    pbase_buffer_init(&scan->record, self->host->alloc);
    *out = scan;
    return PBASE_OK;
}

static pbase_status scan_next(pbase_storage *base, const pbase_call *call, pbase_journal_scan *scan,
                              pbase_journal_record *out, pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_journal_record record;
    lock(self);
    status = memory_journal_read(&self->journal, scan->next, &record, err);
    if (status == PBASE_OK) {
        scan->record.size = 0;
        status = pbase_buffer_append_bytes(&scan->record, record.bytes, err);
    }
    unlock(self);
    if (status == PBASE_OK) {
        record.bytes = pbase_buffer_view(&scan->record);
        scan->next = record.next;
        *out = record;
    }
    return status;
}

static void scan_close(pbase_storage *base, pbase_journal_scan *scan)
{
    if (scan != NULL) {
        pbase_buffer_fini(&scan->record);
        pbase_alloc_free(from(base)->host->alloc, scan, sizeof *scan);
    }
}

static pbase_status journal_wait(pbase_storage *base, const pbase_call *call, pbase_position seen,
                                 pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = PBASE_OK;
    lock(self);
    while (self->journal.head.head <= seen) {
        status = call_check(self, call, err);
        if (status != PBASE_OK) {
            break;
        }
        call_wait(self->host->os, call, self->appended, self->mutex, PBASE_NO_DEADLINE);
    }
    unlock(self);
    return status;
}

static pbase_status journal_trim(pbase_storage *base, const pbase_call *call, pbase_position upto,
                                 pbase_position anchor, pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status == PBASE_OK) {
        lock(self);
        status = memory_journal_trim(&self->journal, upto, anchor, err);
        unlock(self);
    }
    return status;
}

static pbase_status journal_tail(pbase_storage *base, pbase_journal_tail *out, pbase_error *err)
{
    (void)base;
    (void)err;
    *out = (pbase_journal_tail){0}; /* nothing is ever found at opening */
    return PBASE_OK;
}

static const pbase_storage_journal_ops journal_ops = {
    .struct_size = sizeof(pbase_storage_journal_ops),
    .head = journal_head,
    .append = journal_append,
    .outcome = journal_outcome,
    .sync = journal_sync,
    .scan_open = scan_open,
    .scan_next = scan_next,
    .scan_close = scan_close,
    .wait = journal_wait,
    .trim = journal_trim,
    .tail = journal_tail,
};

/* ----------------------------------------------------------------------------------- atoms --- */

static pbase_status atoms_write(pbase_storage *base, const pbase_call *call,
                                const pbase_bytes *atoms, size_t count, uint32_t mode,
                                pbase_atom_pointer *out, pbase_error *err)
{
    (void)mode; /* nothing is durable */
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status == PBASE_OK) {
        lock(self);
        status = memory_atoms_write(&self->atoms, atoms, count, out, err);
        unlock(self);
    }
    return status;
}

/* Reads from `offset` of a segment; less when it ends first. */
static pbase_status read_at(memory_storage *self, const pbase_call *call, uint32_t log_id,
                            uint64_t offset, void *out, size_t size, size_t *out_read,
                            pbase_error *err)
{
    pbase_status status = call_check(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_atom_map view;
    lock(self);
    status = memory_atoms_view(&self->atoms, log_id, &view, err);
    if (status == PBASE_OK) {
        uint64_t left = offset < view.size_bytes ? view.size_bytes - offset : 0;
        *out_read = size < left ? size : (size_t)left;
        if (*out_read != 0) {
            memcpy(out, view.data + offset, *out_read);
        }
    }
    unlock(self);
    return status;
}

static pbase_status atoms_read(pbase_storage *base, const pbase_call *call,
                               pbase_atom_pointer pointer, void *out, size_t size, size_t *out_read,
                               pbase_error *err)
{
    return read_at(from(base), call, pbase_atom_pointer_log(pointer),
                   pbase_atom_pointer_offset(pointer), out, size, out_read, err);
}

static pbase_status atoms_map(pbase_storage *base, uint32_t log_id, pbase_atom_map *out,
                              pbase_error *err)
{
    memory_storage *self = from(base);
    lock(self);
    pbase_status status = memory_atoms_view(&self->atoms, log_id, out, err);
    unlock(self);
    return status;
}

static pbase_status atoms_reserve(pbase_storage *base, const pbase_call *call, uint32_t *out_log_id,
                                  pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status == PBASE_OK) {
        lock(self);
        status = memory_atoms_reserve(&self->atoms, out_log_id, err);
        unlock(self);
    }
    return status;
}

static const pbase_storage_atom_ops atom_ops = {
    .struct_size = sizeof(pbase_storage_atom_ops),
    .write = atoms_write,
    .read = atoms_read,
    .map = atoms_map,
    .reserve = atoms_reserve,
};

/* -------------------------------------------------------------------------------- segments --- */

static pbase_status segments_list(pbase_storage *base, const pbase_call *call,
                                  pbase_status (*each)(void *state,
                                                       const pbase_segment_info *segment,
                                                       pbase_error *err),
                                  void *state, pbase_error *err)
{
    memory_storage *self = from(base);
    uint32_t log_id = 0; /* of the last one given: segments may come and go meanwhile */
    for (;;) {
        pbase_status status = call_check(self, call, err);
        if (status != PBASE_OK) {
            return status;
        }
        pbase_segment_info info;
        lock(self);
        bool found = memory_atoms_next(&self->atoms, log_id, &info);
        unlock(self);
        if (!found) {
            return PBASE_OK;
        }
        log_id = info.log_id;
        status = each(state, &info, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
}

static pbase_status segment_retire(pbase_storage *base, const pbase_call *call, uint32_t log_id,
                                   pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status == PBASE_OK) {
        lock(self);
        status = memory_atoms_retire(&self->atoms, log_id, err);
        unlock(self);
    }
    return status;
}

static pbase_status segment_read(pbase_storage *base, const pbase_call *call, uint32_t log_id,
                                 uint64_t offset, void *out, size_t size, size_t *out_read,
                                 pbase_error *err)
{
    return read_at(from(base), call, log_id, offset, out, size, out_read, err);
}

static pbase_status segment_put(pbase_storage *base, const pbase_call *call,
                                const pbase_segment_info *segment, pbase_bytes bytes,
                                pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status == PBASE_OK) {
        lock(self);
        status = memory_atoms_put(&self->atoms, segment->log_id, bytes, err);
        unlock(self);
    }
    return status;
}

static const pbase_storage_segment_ops segment_ops = {
    .struct_size = sizeof(pbase_storage_segment_ops),
    .list = segments_list,
    .retire = segment_retire,
    .segment_read = segment_read,
    .segment_put = segment_put,
};

/* ----------------------------------------------------------------------------------- locks --- */

static pbase_status lock_acquire(pbase_storage *base, const pbase_call *call, const char *name,
                                 uint32_t mode, uint64_t lease_ms, uint64_t *out_fence,
                                 pbase_error *err)
{
    return lock_table_acquire(from(base)->locks, call, name, mode, lease_ms, out_fence, err);
}

static pbase_status lock_renew(pbase_storage *base, const pbase_call *call, const char *name,
                               uint64_t fence, uint64_t lease_ms, pbase_error *err)
{
    (void)call; /* never waits */
    return lock_table_renew(from(base)->locks, name, fence, lease_ms, err);
}

static void lock_release(pbase_storage *base, const char *name, uint64_t fence)
{
    lock_table_release(from(base)->locks, name, fence);
}

static const pbase_storage_lock_ops lock_ops = {
    .struct_size = sizeof(pbase_storage_lock_ops),
    .acquire = lock_acquire,
    .renew = lock_renew,
    .release = lock_release,
};

/* ----------------------------------------------------------------------------------- admin --- */

static pbase_status admin_stats(pbase_storage *base, const pbase_call *call, pbase_stat_each each,
                                void *state, pbase_error *err)
{
    memory_storage *self = from(base);
    pbase_status status = call_check(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    lock(self);
    const struct {
        const char *name;
        uint64_t value;
        const char *unit;
    } figures[] = {
        {"journal_bytes", self->journal.head.head - self->journal.head.first, "bytes"},
        {"store_bytes", self->atoms.stored_bytes, "bytes"},
        {"segments", self->atoms.segment_count, "count"},
        {"appends", self->journal.append_count, "count"},
        {"memory_bytes", self->budget.used_bytes, "bytes"},
    };
    unlock(self);
    for (size_t i = 0; status == PBASE_OK && i < sizeof figures / sizeof figures[0]; i++) {
        status = each(state, figures[i].name, figures[i].value, figures[i].unit, err);
    }
    return status;
}

static pbase_status admin_verify(pbase_storage *base, const pbase_call *call,
                                 pbase_verify_each each, void *state, pbase_error *err)
{
    (void)each; /* memory has no format of its own that could be damaged */
    (void)state;
    return call_check(from(base), call, err);
}

static void admin_close(pbase_storage *base)
{
    memory_storage *self = from(base);
    const pbase_host *host = self->host;
    memory_atoms_fini(&self->atoms);
    memory_journal_fini(&self->journal);
    pbase_buffer_fini(&self->meta);
    lock_table_destroy(self->locks);
    if (self->appended != NULL) {
        host->os->lock->cond_destroy(self->appended);
    }
    if (self->mutex != NULL) {
        host->os->lock->mutex_destroy(self->mutex);
    }
    pbase_alloc_free(host->alloc, self, sizeof *self);
}

static const pbase_storage_admin_ops admin_ops = {
    .struct_size = sizeof(pbase_storage_admin_ops),
    .stats = admin_stats,
    .verify = admin_verify,
    .close = admin_close,
};

const pbase_storage_vtable memory_storage_vtable = {
    .struct_size = sizeof(pbase_storage_vtable),
    .capabilities = PBASE_STORAGE_MAP | PBASE_STORAGE_RESERVE | PBASE_STORAGE_SEGMENT_IO,
    .durability_mask =
        1u << PBASE_DURABILITY_NONE | 1u << PBASE_DURABILITY_ASYNC | 1u << PBASE_DURABILITY_SYNC,
    .meta = &meta_ops,
    .journal = &journal_ops,
    .atoms = &atom_ops,
    .segments = &segment_ops,
    .locks = &lock_ops,
    .admin = &admin_ops,
};

pbase_status memory_storage_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    const pbase_host *host = open->host;
    memory_storage *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a storage");
    }
    self->base.vtable = &memory_storage_vtable;
    self->host = host;
    self->budget.alloc = host->alloc;
    self->budget.max_bytes = (uint64_t)pbase_config_int(open->config, "max_size");
    memory_journal_init(&self->journal, &self->budget);
    memory_atoms_init(&self->atoms, &self->budget,
                      (uint64_t)pbase_config_int(open->config, "segment_size"));
    pbase_buffer_init(&self->meta, host->alloc);
    pbase_status status = lock_table_create(host->os, host->alloc, 0, &self->locks, err);
    if (status == PBASE_OK) {
        status = host->os->lock->mutex_create(host->os, &self->mutex, err);
    }
    if (status == PBASE_OK) {
        status = host->os->lock->cond_create(host->os, &self->appended, err);
    }
    if (status != PBASE_OK) {
        admin_close(&self->base);
        return status;
    }
    *out = self;
    return PBASE_OK;
}
