/* file_storage.c - the journal, the store and the super block behind the storage contract.
 *
 * Order of durability. Before the first change after opening, the super block is written without
 * `closed_at`, so that a crash from then on is seen as one. Atoms are flushed before any later
 * append that may name them is written, so that no record that survives points to atoms that did
 * not; commits beside a checkpoint do not wait for what it writes. A trim flushes
 * the journal, then moves the super block, then lets segments go. Ids of retired segments are below
 * the super block's `next_log_id` before their files go, so that they are never used again.
 *
 * In a shared space whatever changes the journal happens in a turn (file_turn.h), atoms are written
 * to segments of this process alone, and what others wrote is taken over when it is asked for.
 *
 * Its parts have their own locks; none is held across a call into another part, but a turn. */
#include "file_storage.h"

#include "file_flusher.h"
#include "file_reserve.h"
#include "file_salvage.h"
#include "file_store.h"
#include "file_super.h"
#include "file_turn.h"
#include "journal/journal.h"

#include <inttypes.h>
#include <stdatomic.h>

#define COMPONENT "storage/file"
#define META_KEY "meta"
#define WAIT_NAP_MS 2u  /* between looks for what others append */
#define SPARES_BESIDE 2 /* segments that are filled while a checkpoint runs */
#define SPARES_MAX 64

typedef struct {
    pbase_storage base;
    pbase_storage_vtable vtable; /* of this instance: its capabilities depend on the options */
    pbase_storage_atom_ops atom_ops;
    const pbase_host *host; /* borrowed until close */
    pbase_blocks *blocks;   /* borrowed until close */
    journal *journal;
    file_store *store;
    file_turn turn;
    file_flusher *flusher;
    bool large_pages;       /* the option */
    uint64_t prepare_bytes; /* after so much journal, a segment is made ahead */
    file_super super;
    file_reserve reserve;
} file_storage;

static file_storage *from(pbase_storage *self)
{
    PBASE_ASSERT(self->vtable->admin == file_storage_vtable.admin);
    return (file_storage *)self;
}

static const pbase_os *os_of(const file_storage *self)
{
    return self->host->os;
}

/* ------------------------------------------------------------------------------------ meta --- */

static pbase_status meta_get(pbase_storage *base, const pbase_call *call, pbase_arena *arena,
                             pbase_bytes *out, uint64_t *out_version, pbase_error *err)
{
    pbase_blocks *blocks = from(base)->blocks;
    pbase_key_finding finding;
    /* An older document might give the numbers of codecs to others: what is stored would read wrong. */
    pbase_status status = pbase_blocks_key_verify(blocks, call, META_KEY, &finding, err);
    if (status == PBASE_OK && finding.is_doubtful) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the meta document may be older than the data: %s",
                            finding.text);
        pbase_error_hint(err, "restore a backup, or save what is left with 'protobase recover'");
    }
    return status == PBASE_OK
               ? pbase_blocks_key_get(blocks, call, META_KEY, arena, out, out_version, err)
               : status;
}

static pbase_status meta_cas(pbase_storage *base, const pbase_call *call, uint64_t expected,
                             pbase_bytes document, pbase_error *err)
{
    return pbase_blocks_key_cas(from(base)->blocks, call, META_KEY, expected, document, err);
}

static const pbase_storage_meta_ops meta_ops = {
    .struct_size = sizeof(pbase_storage_meta_ops),
    .get = meta_get,
    .cas = meta_cas,
};

/* --------------------------------------------------------------------------------- journal --- */

static pbase_status storage_head(pbase_storage *base, const pbase_call *call, uint32_t consistency,
                                 pbase_journal_head *out, pbase_error *err)
{
    file_storage *self = from(base);
    pbase_status status = pbase_call_check(call, os_of(self), err);
    if (status == PBASE_OK && consistency == PBASE_HEAD_LATEST) {
        status = file_turn_refresh(&self->turn, err);
    }
    if (status == PBASE_OK) {
        file_turn_head(&self->turn, out);
    }
    return status;
}

static const uint64_t *storage_pulse(pbase_storage *base)
{
    return file_turn_pulse(&from(base)->turn);
}

/* Tells the background thread what an append left to be done. */
static pbase_status append_follow_up(file_storage *self, int32_t durability,
                                     const pbase_journal_appended *appended, pbase_error *err)
{
    if (appended->end / self->prepare_bytes != appended->first / self->prepare_bytes) {
        file_flusher_request_prepare(self->flusher);
    }
    if (durability != PBASE_DURABILITY_ASYNC) {
        return PBASE_OK;
    }
    pbase_error failure;
    pbase_error_init(&failure);
    if (file_flusher_request(self->flusher, &failure) == PBASE_OK) {
        return PBASE_OK;
    }
    return journal_sync(self->journal, NULL, appended->end, err); /* no thread: flush now */
}

/* In a turn. */
static pbase_status append(file_storage *self, const pbase_call *call,
                           const pbase_journal_append *append_wanted, pbase_journal_appended *out,
                           pbase_error *err)
{
    pbase_status status = file_turn_fence_check(&self->turn, append_wanted->fence, err);
    if (status == PBASE_OK) {
        status = file_super_change(&self->super, err);
    }
    if (status == PBASE_OK && append_wanted->names_no_atoms == 0) {
        status = file_store_flush(self->store, call, err);
    }
    if (status == PBASE_OK) {
        file_turn_announce(&self->turn);
        status = journal_append(self->journal, call, append_wanted, out, err);
        file_turn_conclude(&self->turn, status == PBASE_OK);
    }
    return status;
}

static pbase_status storage_append(pbase_storage *base, const pbase_call *call,
                                   const pbase_journal_append *append_wanted,
                                   pbase_journal_appended *out, pbase_error *err)
{
    file_storage *self = from(base);
    pbase_status status = pbase_call_check(call, os_of(self), err);
    if (status == PBASE_OK) {
        status = file_turn_begin(&self->turn, call, err);
    }
    if (status == PBASE_OK) {
        status = append(self, call, append_wanted, out, err);
        file_turn_end(&self->turn);
    }
    if (status == PBASE_OK) {
        status = append_follow_up(self, append_wanted->durability, out, err);
    }
    return status;
}

static pbase_status storage_outcome(pbase_storage *base, const pbase_call *call, pbase_token token,
                                    int32_t *out_outcome, pbase_position *out_position,
                                    pbase_error *err)
{
    file_storage *self = from(base);
    pbase_status status = file_turn_refresh(&self->turn, err);
    return status == PBASE_OK
               ? journal_outcome(self->journal, call, token, out_outcome, out_position, err)
               : status;
}

/* Flushes the journal; in a turn, when that may have to write. */
static pbase_status journal_flush_upto(file_storage *self, const pbase_call *call,
                                       pbase_position upto, pbase_error *err)
{
    if (journal_is_ready(self->journal)) {
        return journal_sync(self->journal, call, upto, err);
    }
    pbase_status status = file_turn_begin(&self->turn, call, err);
    if (status == PBASE_OK) {
        status = journal_sync(self->journal, call, upto, err);
        file_turn_end(&self->turn);
    }
    return status;
}

static pbase_status storage_sync(pbase_storage *base, const pbase_call *call, pbase_position upto,
                                 int32_t durability, pbase_error *err)
{
    (void)durability; /* the checked call refuses REMOTE; the others are the flush */
    file_storage *self = from(base);
    pbase_status status = pbase_call_check(call, os_of(self), err);
    if (status == PBASE_OK) {
        status = file_store_flush(self->store, call, err);
    }
    return status == PBASE_OK ? journal_flush_upto(self, call, upto, err) : status;
}

static pbase_status storage_scan_open(pbase_storage *base, const pbase_call *call,
                                      pbase_position position, pbase_journal_scan **out,
                                      pbase_error *err)
{
    return journal_scan_open(from(base)->journal, call, position, out, err);
}

static pbase_status storage_scan_next(pbase_storage *base, const pbase_call *call,
                                      pbase_journal_scan *scan, pbase_journal_record *out,
                                      pbase_error *err)
{
    (void)base;
    return journal_scan_next(scan, call, out, err);
}

static void storage_scan_close(pbase_storage *base, pbase_journal_scan *scan)
{
    (void)base;
    journal_scan_close(scan);
}

static pbase_status storage_wait(pbase_storage *base, const pbase_call *call, pbase_position seen,
                                 pbase_error *err)
{
    file_storage *self = from(base);
    if (!self->turn.is_shared) {
        return journal_wait(self->journal, call, seen, err);
    }
    for (;;) { /* what this process appends wakes at once, what others append is looked for */
        pbase_call nap = {.deadline_ns = pbase_os_deadline(os_of(self), WAIT_NAP_MS)};
        pbase_status status = file_turn_refresh(&self->turn, err);
        if (status == PBASE_OK) {
            status = pbase_call_check(call, os_of(self), err);
        }
        if (status != PBASE_OK || journal_wait(self->journal, &nap, seen, NULL) == PBASE_OK) {
            return status;
        }
    }
}

/* INVALID or TRIMMED unless a record begins at `position`, which is below the head. */
static pbase_status record_require(file_storage *self, const pbase_call *call,
                                   pbase_position position, pbase_error *err)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_head head;
    journal_head(self->journal, &head);
    if (position == 0 || position >= head.head) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "no record begins at position %" PRIu64 ": the head is %" PRIu64,
                          position, head.head);
    }
    pbase_status status = journal_scan_open(self->journal, call, position, &scan, err);
    journal_scan_close(scan);
    return status;
}

/* Tells others how far the journal is kept, before anything of it goes. */
static pbase_status trim_tell(file_storage *self, pbase_position upto, pbase_position anchor,
                              pbase_error *err)
{
    if (!self->turn.is_shared) {
        return PBASE_OK;
    }
    pbase_status status = file_turn_begin(&self->turn, NULL, err);
    if (status == PBASE_OK) {
        atomic_store(&self->super.anchor, anchor);
        journal_first_set(self->journal, upto);
        file_turn_publish(&self->turn);
        file_turn_end(&self->turn);
    }
    return status;
}

static pbase_status storage_trim(pbase_storage *base, const pbase_call *call, pbase_position upto,
                                 pbase_position anchor, pbase_error *err)
{
    file_storage *self = from(base);
    pbase_status status = pbase_call_check(call, os_of(self), err);
    if (status == PBASE_OK) {
        status = record_require(self, call, anchor, err);
    }
    if (status == PBASE_OK && upto != 0) {
        status = record_require(self, call, upto, err);
    }
    if (status == PBASE_OK) {
        status = file_super_change(&self->super, err);
    }
    if (status == PBASE_OK) {
        status = file_store_flush(self->store, call, err);
    }
    if (status == PBASE_OK) { /* `anchor` + 1: the record at the anchor as well */
        status = journal_flush_upto(self, call, anchor + 1, err);
    }
    if (status == PBASE_OK) {
        status = file_super_trim(&self->super, upto, anchor, file_store_next_id(self->store), err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    status = trim_tell(self, upto, anchor, err);
    if (status == PBASE_OK && upto != 0) {
        status = journal_trim(self->journal, NULL, upto, err);
    }
    file_reserve_make(&self->reserve);
    if (status != PBASE_OK && err != NULL) {
        err->outcome = PBASE_OUTCOME_APPLIED; /* only the space is not free yet */
    }
    return status;
}

static pbase_status storage_tail(pbase_storage *base, pbase_journal_tail *out, pbase_error *err)
{
    (void)err;
    journal_tail(from(base)->journal, out);
    return PBASE_OK;
}

static const pbase_storage_journal_ops journal_ops = {
    .struct_size = sizeof(pbase_storage_journal_ops),
    .head = storage_head,
    .append = storage_append,
    .outcome = storage_outcome,
    .sync = storage_sync,
    .scan_open = storage_scan_open,
    .scan_next = storage_scan_next,
    .scan_close = storage_scan_close,
    .wait = storage_wait,
    .trim = storage_trim,
    .tail = storage_tail,
    .pulse = storage_pulse,
};

/* ----------------------------------------------------------------------------------- atoms --- */

static pbase_status atoms_write(pbase_storage *base, const pbase_call *call,
                                const pbase_bytes *atoms, size_t count, uint32_t mode,
                                pbase_atom_pointer *out, pbase_error *err)
{
    file_storage *self = from(base);
    pbase_status status = file_super_change(&self->super, err);
    return status == PBASE_OK ? file_store_write(self->store, call, atoms, count, mode, out, err)
                              : status;
}

static pbase_status atoms_read(pbase_storage *base, const pbase_call *call,
                               pbase_atom_pointer pointer, void *out, size_t size, size_t *out_read,
                               pbase_error *err)
{
    return file_store_read(from(base)->store, call, pbase_atom_pointer_log(pointer),
                           pbase_atom_pointer_offset(pointer), out, size, out_read, err);
}

static pbase_status atoms_map(pbase_storage *base, uint32_t log_id, pbase_atom_map *out,
                              pbase_error *err)
{
    return file_store_map(from(base)->store, log_id, out, err);
}

static pbase_status atoms_reserve(pbase_storage *base, const pbase_call *call, uint32_t *out_log_id,
                                  pbase_error *err)
{
    file_storage *self = from(base);
    pbase_status status = pbase_call_check(call, os_of(self), err);
    return status == PBASE_OK ? file_store_reserve(self->store, out_log_id, err) : status;
}

static pbase_status atoms_punch(pbase_storage *base, const pbase_call *call,
                                pbase_atom_pointer pointer, uint64_t size, pbase_error *err)
{
    file_storage *self = from(base);
    pbase_status status = pbase_call_check(call, os_of(self), err);
    if (status == PBASE_OK) {
        status = file_super_change(&self->super, err);
    }
    return status == PBASE_OK ? file_store_punch(self->store, call, pbase_atom_pointer_log(pointer),
                                                 pbase_atom_pointer_offset(pointer), size, err)
                              : status;
}

/* All slots; vtable_init takes away what an instance has not. */
static const pbase_storage_atom_ops atom_ops = {
    .struct_size = sizeof(pbase_storage_atom_ops),
    .write = atoms_write,
    .read = atoms_read,
    .map = atoms_map,
    .punch = atoms_punch,
    .reserve = atoms_reserve,
};

/* -------------------------------------------------------------------------------- segments --- */

static pbase_status segments_list(pbase_storage *base, const pbase_call *call,
                                  pbase_status (*each)(void *state,
                                                       const pbase_segment_info *segment,
                                                       pbase_error *err),
                                  void *state, pbase_error *err)
{
    file_storage *self = from(base);
    pbase_segment_info info = {0};
    pbase_status status = pbase_call_check(call, os_of(self), err);
    if (status == PBASE_OK) { /* others may have made some; and what each takes has changed */
        status = file_store_refresh(self->store, call, err);
    }
    while (status == PBASE_OK && file_store_next(self->store, info.log_id, &info)) {
        status = each(state, &info, err);
        if (status == PBASE_OK) {
            status = pbase_call_check(call, os_of(self), err);
        }
    }
    return status;
}

static pbase_status segment_retire(pbase_storage *base, const pbase_call *call, uint32_t log_id,
                                   pbase_error *err)
{
    file_storage *self = from(base);
    pbase_status status = pbase_call_check(call, os_of(self), err);
    if (status == PBASE_OK) {
        status = file_super_change(&self->super, err);
    }
    uint32_t next = file_store_next_id(self->store);
    if (status == PBASE_OK && log_id < next) { /* its id must outlive its file */
        status = file_super_remember(&self->super, log_id, next, err);
    }
    return status == PBASE_OK ? file_store_retire(self->store, call, log_id, err) : status;
}

static pbase_status segment_read(pbase_storage *base, const pbase_call *call, uint32_t log_id,
                                 uint64_t offset, void *out, size_t size, size_t *out_read,
                                 pbase_error *err)
{
    return file_store_read(from(base)->store, call, log_id, offset, out, size, out_read, err);
}

static pbase_status segment_put(pbase_storage *base, const pbase_call *call,
                                const pbase_segment_info *segment, pbase_bytes bytes,
                                pbase_error *err)
{
    file_storage *self = from(base);
    pbase_status status = file_super_change(&self->super, err);
    return status == PBASE_OK ? file_store_put(self->store, call, segment->log_id, bytes, err)
                              : status;
}

static pbase_status segments_need(pbase_storage *base, pbase_bytes needs, pbase_error *err)
{
    (void)err;
    file_storage *self = from(base);
    if (self->turn.is_shared) {
        file_needs_say(&self->turn.needs, needs);
    }
    return PBASE_OK;
}

static pbase_status segments_others_need(pbase_storage *base, const pbase_call *call,
                                         pbase_status (*each)(void *state, pbase_bytes needs,
                                                              pbase_error *err),
                                         void *state, pbase_error *err)
{
    return file_turn_others(&from(base)->turn, call, each, state, err);
}

static pbase_status somebody(void *state, pbase_bytes needs, pbase_error *err)
{
    (void)needs;
    (void)err;
    *(bool *)state = false;
    return PBASE_OK;
}

static pbase_status segments_is_alone(pbase_storage *base, const pbase_call *call, bool *out,
                                      pbase_error *err)
{
    bool is_alone = true;
    pbase_status status = file_turn_others(&from(base)->turn, call, somebody, &is_alone, err);
    *out = is_alone;
    return status;
}

static const pbase_storage_segment_ops segment_ops = {
    .struct_size = sizeof(pbase_storage_segment_ops),
    .list = segments_list,
    .retire = segment_retire,
    .segment_read = segment_read,
    .segment_put = segment_put,
    .is_alone = segments_is_alone,
    .need = segments_need,
    .others_need = segments_others_need,
};

/* ----------------------------------------------------------------------------------- locks --- */

static pbase_status lock_acquire(pbase_storage *base, const pbase_call *call, const char *name,
                                 uint32_t mode, uint64_t lease_ms, uint64_t *out_fence,
                                 pbase_error *err)
{
    return file_turn_acquire(&from(base)->turn, call, name, mode, lease_ms, out_fence, err);
}

static pbase_status lock_renew(pbase_storage *base, const pbase_call *call, const char *name,
                               uint64_t fence, uint64_t lease_ms, pbase_error *err)
{
    (void)call; /* never waits */
    return lock_table_renew(from(base)->turn.locks, name, fence, lease_ms, err);
}

static void lock_release(pbase_storage *base, const char *name, uint64_t fence)
{
    file_turn_release(&from(base)->turn, name, fence);
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
    file_storage *self = from(base);
    journal_stats frames;
    file_store_stats store;
    pbase_blocks_geometry pieces;
    pbase_status status = pbase_call_check(call, os_of(self), err);
    if (status == PBASE_OK) {
        status = pbase_blocks_geometry_get(self->blocks, &pieces, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    journal_stats_get(self->journal, &frames);
    file_store_stats_get(self->store, &store);
    const struct {
        const char *name;
        uint64_t value;
        const char *unit;
    } figures[] = {
        {"journal_bytes", frames.segment_bytes, "bytes"},
        {"journal_segments", frames.segment_count, "count"},
        {"journal_spares", frames.spare_count, "count"},
        {"journal_direct", pieces.is_direct, "count"},
        {"journal_unit_bytes", pieces.atomic_bytes, "bytes"},
        {"store_bytes", store.segment_bytes, "bytes"},
        {"segments", store.segment_count, "count"},
        {"appends", frames.append_count, "count"},
        {"flushes", frames.flush_count + store.flush_count, "count"},
        {"bytes_written", frames.append_bytes + store.written_bytes, "bytes"},
        {"poisoned", frames.poisoned != 0 || atomic_load(&self->super.failed), "count"},
    };
    for (size_t i = 0; status == PBASE_OK && i < sizeof figures / sizeof figures[0]; i++) {
        status = each(state, figures[i].name, figures[i].value, figures[i].unit, err);
    }
    return status;
}

/* Reads every kept record; what the journal finds wrong is one finding. */
static pbase_status journal_verify(file_storage *self, const pbase_call *call,
                                   pbase_verify_each each, void *state, pbase_error *err)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    pbase_error finding;
    pbase_error_init(&finding);
    pbase_status status = file_turn_refresh(&self->turn, &finding);
    if (status == PBASE_OK) {
        status = journal_scan_open(self->journal, call, 0, &scan, &finding);
        status = status == PBASE_INVALID ? PBASE_CORRUPT : status; /* a record should begin there */
    }
    while (status == PBASE_OK) {
        status = journal_scan_next(scan, call, &record, &finding);
    }
    journal_scan_close(scan);
    if (status == PBASE_END ||
        status == PBASE_TRIMMED) { /* trimmed meanwhile: nothing to look at */
        return PBASE_OK;
    }
    if (status == PBASE_CORRUPT || status == PBASE_FORMAT) {
        return each(state, status, "journal", finding.message, err);
    }
    if (err != NULL) {
        *err = finding;
    }
    return status;
}

static pbase_status key_verify(file_storage *self, const pbase_call *call, const char *key,
                               const char *place, pbase_verify_each each, void *state,
                               pbase_error *err)
{
    pbase_key_finding finding;
    pbase_status status = pbase_blocks_key_verify(self->blocks, call, key, &finding, err);
    return status == PBASE_OK && finding.text[0] != '\0'
               ? each(state, PBASE_CORRUPT, place, finding.text, err)
               : status;
}

static pbase_status admin_verify(pbase_storage *base, const pbase_call *call,
                                 pbase_verify_each each, void *state, pbase_error *err)
{
    file_storage *self = from(base);
    pbase_status status = file_super_verify(&self->super, call, each, state, err);
    if (status == PBASE_OK) {
        status = key_verify(self, call, SUPER_KEY, "super block", each, state, err);
    }
    if (status == PBASE_OK) {
        status = key_verify(self, call, META_KEY, "meta document", each, state, err);
    }
    if (status == PBASE_OK) {
        status = journal_verify(self, call, each, state, err);
    }
    return status == PBASE_OK ? file_store_verify(self->store, call, each, state, err) : status;
}

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
    file_storage *self = from(base);
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
    return file_reserve_release(&from(base)->reserve, call, err);
}

static const pbase_storage_admin_ops admin_ops = {
    .struct_size = sizeof(pbase_storage_admin_ops),
    .stats = admin_stats,
    .verify = admin_verify,
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
    .journal = &journal_ops,
    .atoms = &atom_ops,
    .segments = &segment_ops,
    .locks = &lock_ops,
    .admin = &admin_ops,
};

/* ------------------------------------------------------------------------------------ open --- */

/* What this instance can do: less than the type when the options or the provider say so. */
static void vtable_init(file_storage *self, const pbase_config *config)
{
    uint32_t provider = self->blocks->vtable->capabilities;
    self->vtable = file_storage_vtable;
    self->atom_ops = atom_ops;
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

static pbase_status store_take_id(void *state, uint32_t at_least, uint32_t *out, pbase_error *err)
{
    file_storage *self = state;
    return file_super_take_id(&self->super, at_least, out, err);
}

static pbase_status store_start(file_storage *self, pbase_error *err)
{
    const super_block *block = &self->super.block;
    file_store_options options = {
        .host = self->host,
        .blocks = self->blocks,
        .space_id = block->space_id,
        .next_log_id = block->next_log_id,
        .active_log_id = self->turn.is_alone ? block->active_log_id : 0,
        .active_bytes = self->turn.is_alone ? block->active_bytes : 0,
        .is_shared = self->turn.is_shared,
        .is_alone = self->turn.is_alone,
        .large_pages = self->large_pages,
        .take_id = store_take_id,
        .state = self,
    };
    return file_store_open(&options, NULL, &self->store, err);
}

static pbase_position others_first(void *state)
{
    const file_storage *self = state;
    return file_board_first(&self->turn.board);
}

static pbase_status entered(void *state, const journal_entered *segment, pbase_error *err)
{
    file_storage *self = state;
    return file_super_enter(&self->super, segment, err);
}

/* What is let go of at a checkpoint is what the next ones need: kept whole, no segment has to be
 * written full of zeros twice. A clean close gives it all back. */
static uint32_t spares_wanted(const pbase_config *config)
{
    int64_t segment_bytes = pbase_config_int(config, "journal_segment_size");
    int64_t count = pbase_config_int(config, "checkpoint_bytes") / segment_bytes + SPARES_BESIDE;
    return count < SPARES_MAX ? (uint32_t)count : SPARES_MAX;
}

/* An older super block, where the newer one is damaged, may miss what a clean close cut off since. */
static pbase_status journal_open_doubtful(file_storage *self, journal_options *options,
                                          pbase_error *err)
{
    pbase_key_finding finding;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = journal_open(options, NULL, &self->journal, &why);
    if (status == PBASE_CORRUPT && options->entered.base != 0 &&
        pbase_blocks_key_verify(self->blocks, NULL, SUPER_KEY, &finding, NULL) == PBASE_OK &&
        finding.is_doubtful) {
        options->entered = (journal_entered){0};
        return journal_open(options, NULL, &self->journal, err);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

static pbase_status journal_start(file_storage *self, const pbase_config *config, pbase_error *err)
{
    journal_mark mark;
    pbase_journal_head head = {0};
    journal_options options = {
        .host = self->host,
        .blocks = self->blocks,
        .id = self->super.block.space_id,
        .first = self->super.block.first,
        .start = self->super.block.anchor,
        .closed_at = self->super.block.closed_at,
        .entered = self->super.block.entered,
        .enter = entered,
        .spares_max = spares_wanted(config),
        .segment_bytes = (uint64_t)pbase_config_int(config, "journal_segment_size"),
        .is_shared = self->turn.is_shared,
        .first_now = self->turn.is_shared ? others_first : NULL,
        .state = self,
    };
    pbase_status status = PBASE_OK;
    if (!self->turn.is_alone) {
        status = file_turn_joins(&self->turn, &self->super, &mark, err);
        options.joins = &mark;
    }
    self->prepare_bytes = options.segment_bytes / 4;
    if (status == PBASE_OK) {
        status = journal_open_doubtful(self, &options, err);
    }
    if (status == PBASE_OK && options.closed_at != 0) {
        journal_head(self->journal, &head);
        if (head.head > options.closed_at) { /* an older super block: its newer one is damaged */
            file_store_leave_active(self->store);
        }
    }
    return status;
}

static pbase_status flusher_flush(void *state, pbase_error *err)
{
    file_storage *self = state;
    pbase_journal_head head = {0};
    journal_head(self->journal, &head);
    return journal_flush_upto(self, NULL, head.head, err);
}

static pbase_status flusher_prepare(void *state, pbase_error *err)
{
    file_storage *self = state;
    return journal_prepare(self->journal, NULL, err);
}

static pbase_status flusher_start(file_storage *self, const pbase_config *config, pbase_error *err)
{
    file_flusher_options options = {
        .host = self->host,
        .interval_ns = (uint64_t)pbase_config_int(config, "async_interval"),
        .flush = flusher_flush,
        .prepare = flusher_prepare,
        .state = self,
    };
    return file_flusher_create(&options, &self->flusher, err);
}

/* Brings up the parts, the lock between processes first. */
static pbase_status parts_start(file_storage *self, const pbase_config *config, pbase_error *err)
{
    uint32_t capabilities = self->vtable.capabilities;
    pbase_status status = file_turn_open(&self->turn, self->host, self->blocks,
                                         (capabilities & PBASE_STORAGE_SHARED) != 0, err);
    if (status == PBASE_OK) {
        status = file_super_open(&self->super, self->host, self->blocks, self->turn.is_shared,
                                 !self->turn.is_alone, err);
    }
    if (status == PBASE_OK) {
        status = store_start(self, err);
    }
    if (status == PBASE_OK) {
        status = journal_start(self, config, err);
    }
    if (status == PBASE_OK) {
        status = flusher_start(self, config, err);
    }
    return status == PBASE_OK ? file_turn_start(&self->turn, &self->super, self->journal, err)
                              : status;
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
    pbase_status status = parts_start(self, open->config, err);
    if (status != PBASE_OK) {
        destroy(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}
