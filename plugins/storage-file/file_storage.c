/* file_storage.c - the journal, the store and the super block behind the storage contract.
 *
 * The tables, the meta document, locks, and the two ends of a storage: opening it (storage_parts) and
 * closing it in order. The rest is in storage_journal, storage_atoms and storage_report.
 *
 * Order of durability. Before the first change after opening, the super block is written without
 * `closed_at`, so that a crash from then on is seen as one. Atoms are flushed before any later
 * append that may name them is written. A trim flushes the journal, then moves the super block, then
 * lets segments go. Ids of retired segments are below the super block's `next_log_id` before their
 * files go, so that they are never used again.
 *
 * In a shared space whatever changes the journal happens in a turn (file_turn.h), atoms are written
 * to segments of this process alone, and what others wrote is taken over when it is asked for.
 *
 * Its parts have their own locks; none is held across a call into another part, but a turn. */
#include "file_storage.h"

#include "file_salvage.h"
#include "storage_atoms.h"
#include "storage_journal.h"
#include "storage_parts.h"
#include "storage_report.h"

#include <stdatomic.h>

#define COMPONENT "storage/file"

static pbase_status meta_get(pbase_storage *base, const pbase_call *call, pbase_arena *arena,
                             pbase_bytes *out, uint64_t *out_version, pbase_error *err)
{
    pbase_blocks *blocks = file_storage_from(base)->blocks;
    pbase_key_finding finding;
    /* An older document might give the numbers of codecs to others: what is stored would read wrong. */
    pbase_bytes document;
    uint64_t version = 0;
    pbase_status status =
        pbase_blocks_key_read(blocks, call, META_KEY, arena, &document, &version, &finding, err);
    if (status == PBASE_OK && finding.is_doubtful) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the meta document may be older than the data: %s",
                            finding.text);
        pbase_error_hint(err, "restore a backup, or save what is left with 'protobase recover'");
    }
    if (status == PBASE_OK) {
        *out = document;
        *out_version = version;
    }
    return status;
}

static pbase_status meta_cas(pbase_storage *base, const pbase_call *call, uint64_t expected,
                             pbase_bytes document, pbase_error *err)
{
    return pbase_blocks_key_cas(file_storage_from(base)->blocks, call, META_KEY, expected, document,
                                err);
}

static const pbase_storage_meta_ops meta_ops = {
    .struct_size = sizeof(pbase_storage_meta_ops),
    .get = meta_get,
    .cas = meta_cas,
};

static pbase_status lock_acquire(pbase_storage *base, const pbase_call *call, const char *name,
                                 uint32_t mode, uint64_t lease_ms, uint64_t *out_fence,
                                 pbase_error *err)
{
    return file_turn_acquire(&file_storage_from(base)->turn, call, name, mode, lease_ms, out_fence,
                             err);
}

static pbase_status lock_renew(pbase_storage *base, const pbase_call *call, const char *name,
                               uint64_t fence, uint64_t lease_ms, pbase_error *err)
{
    (void)call; /* never waits */
    return lock_table_renew(file_storage_from(base)->turn.locks, name, fence, lease_ms, err);
}

static void lock_release(pbase_storage *base, const char *name, uint64_t fence)
{
    file_turn_release(&file_storage_from(base)->turn, name, fence);
}

static const pbase_storage_lock_ops lock_ops = {
    .struct_size = sizeof(pbase_storage_lock_ops),
    .acquire = lock_acquire,
    .renew = lock_renew,
    .release = lock_release,
};

/* Leaves a super block that lets the next opening skip recovery. */
static pbase_status close_cleanly(file_storage *self, pbase_error *err)
{
    file_store_stats stats;
    pbase_journal_head head = {0};
    pbase_status status = file_super_check(&self->super, err);
    if (status == PBASE_OK) {
        status = file_store_flush(self->store, NULL, err);
    }
    if (status == PBASE_OK) {
        journal_head(self->journal, &head);
        status = journal_sync(self->journal, NULL, head.head, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    file_store_stats_get(self->store, &stats);
    super_block closing = {
        .closed_at = head.head,
        .next_log_id = stats.next_log_id,
        .active_log_id = stats.active_log_id,
        .active_bytes = stats.active_bytes,
    };
    status = journal_shrunk(self->journal, &closing.entered, err);
    if (status == PBASE_OK) {
        status = file_super_leave(&self->super, &closing, err);
    }
    if (status == PBASE_OK) { /* last: nobody misses what is cut off */
        status = journal_shrink(self->journal, NULL, err);
    }
    return status == PBASE_UNSUPPORTED ? PBASE_OK : status; /* then its space stays taken */
}

/* Frees what there is; also of a half-built storage. */
static void destroy(file_storage *self)
{
    const pbase_host *host = self->host;
    file_flusher_destroy(self->flusher);
    journal_close(self->journal);
    file_store_close(self->store);
    file_turn_close(&self->turn);
    file_super_close(&self->super);
    pbase_alloc_free(host->alloc, self, sizeof *self);
}

/* True when this process, or another that used the space meanwhile, changed it and left the journal
 * in order. */
static bool has_changed(file_storage *self)
{
    if (!self->turn.is_shared || atomic_load(&self->super.changed)) {
        return atomic_load(&self->super.changed);
    }
    return file_super_reload(&self->super, NULL) == PBASE_OK && self->super.block.closed_at == 0 &&
           journal_is_ready(self->journal);
}

static void admin_close(pbase_storage *base)
{
    file_storage *self = file_storage_from(base);
    pbase_error failure;
    pbase_error_init(&failure);
    file_flusher_destroy(self->flusher);
    self->flusher = NULL;
    bool is_last = file_turn_leave(&self->turn);
    if (is_last && has_changed(self) && close_cleanly(self, &failure) != PBASE_OK) {
        pbase_log_write(self->host->log, PBASE_LOG_WARNING, COMPONENT,
                        "closing: %s; the next opening recovers", failure.message);
    }
    destroy(self);
}

static pbase_status admin_control(pbase_storage *base, const pbase_call *call, const char *verb,
                                  pbase_bytes value, pbase_buffer *out, pbase_error *err)
{
    (void)value;
    (void)out;
    if (strcmp(verb, PBASE_STORAGE_RELEASE_RESERVE) != 0) {
        return PBASE_FAIL(err, PBASE_UNSUPPORTED, "storage/file has no verb '%s'", verb);
    }
    return file_reserve_release(&file_storage_from(base)->reserve, call, err);
}

static const pbase_storage_admin_ops admin_ops = {
    .struct_size = sizeof(pbase_storage_admin_ops),
    .stats = storage_report_stats,
    .verify = storage_report_verify,
    .control = admin_control,
    .close = admin_close,
};

const pbase_storage_vtable file_storage_vtable = {
    .struct_size = sizeof(pbase_storage_vtable),
    .capabilities = PBASE_STORAGE_MAP | PBASE_STORAGE_PUNCH | PBASE_STORAGE_RESERVE |
                    PBASE_STORAGE_SEGMENT_IO | PBASE_STORAGE_PERSISTENT | PBASE_STORAGE_SHARED,
    .durability_mask =
        1u << PBASE_DURABILITY_NONE | 1u << PBASE_DURABILITY_ASYNC | 1u << PBASE_DURABILITY_SYNC,
    .meta = &meta_ops,
    .journal = &storage_journal_ops,
    .atoms = &storage_atoms_ops,
    .segments = &storage_atoms_segment_ops,
    .locks = &lock_ops,
    .admin = &admin_ops,
};

/* What this instance can do: less than the type when the options or the provider say so. */
static void vtable_init(file_storage *self, const pbase_config *config)
{
    uint32_t provider = self->blocks->vtable->capabilities;
    self->vtable = file_storage_vtable;
    self->atom_ops = storage_atoms_ops;
    self->vtable.atoms = &self->atom_ops;
    if ((provider & PBASE_BLOCKS_PERSISTENT) == 0) {
        self->vtable.capabilities &= ~PBASE_STORAGE_PERSISTENT;
    }
    if ((provider & PBASE_BLOCKS_MAP) == 0 ||
        strcmp(pbase_config_text(config, "map"), "never") == 0) {
        self->vtable.capabilities &= ~PBASE_STORAGE_MAP;
        self->atom_ops.map = NULL;
    }
    if ((provider & PBASE_BLOCKS_PUNCH) == 0) {
        self->vtable.capabilities &= ~PBASE_STORAGE_PUNCH;
        self->atom_ops.punch = NULL;
    }
    if ((provider & PBASE_BLOCKS_SHARED) == 0 || pbase_config_bool(config, "exclusive")) {
        self->vtable.capabilities &= ~PBASE_STORAGE_SHARED;
    }
    self->base.vtable = &self->vtable;
}

pbase_status file_storage_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    const pbase_host *host = open->host;
    if (pbase_config_bool(open->config, "salvage")) {
        return file_salvage_open(open, out, err);
    }
    file_storage *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a storage");
    }
    self->host = host;
    self->blocks = open->children[0];
    self->reserve.blocks = self->blocks;
    self->large_pages = pbase_config_bool(open->config, "large_pages");
    vtable_init(self, open->config);
    pbase_status status = storage_parts_start(self, open->config, err);
    if (status != PBASE_OK) {
        destroy(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}
