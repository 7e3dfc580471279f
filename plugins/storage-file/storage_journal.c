/* storage_journal.c - appends, flushes, scans and trims, each in its turn.
 *
 * Atoms are flushed before any later append that may name them is written, so that no record that
 * survives points to atoms that did not; commits beside a checkpoint do not wait for what it writes.
 * A trim flushes the journal, then moves the super block, then lets segments go. */
#include "storage_journal.h"

#include <inttypes.h>

#define WAIT_NAP_MS 2u /* between looks for what others append */

static pbase_status storage_head(pbase_storage *base, const pbase_call *call, uint32_t consistency,
                                 pbase_journal_head *out, pbase_error *err)
{
    file_storage *self = file_storage_from(base);
    pbase_status status = pbase_call_check(call, file_storage_os(self), err);
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
    return file_turn_pulse(&file_storage_from(base)->turn);
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
        journal_unit_learn(self->journal);
        status = journal_append(self->journal, call, append_wanted, out, err);
        file_turn_conclude(&self->turn, status == PBASE_OK);
    }
    return status;
}

static pbase_status storage_append(pbase_storage *base, const pbase_call *call,
                                   const pbase_journal_append *append_wanted,
                                   pbase_journal_appended *out, pbase_error *err)
{
    file_storage *self = file_storage_from(base);
    pbase_status status = pbase_call_check(call, file_storage_os(self), err);
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
    file_storage *self = file_storage_from(base);
    pbase_status status = file_turn_refresh(&self->turn, err);
    return status == PBASE_OK
               ? journal_outcome(self->journal, call, token, out_outcome, out_position, err)
               : status;
}

pbase_status storage_journal_flush_upto(file_storage *self, const pbase_call *call,
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
    file_storage *self = file_storage_from(base);
    pbase_status status = pbase_call_check(call, file_storage_os(self), err);
    if (status == PBASE_OK) {
        status = file_store_flush(self->store, call, err);
    }
    return status == PBASE_OK ? storage_journal_flush_upto(self, call, upto, err) : status;
}

static pbase_status storage_scan_open(pbase_storage *base, const pbase_call *call,
                                      pbase_position position, pbase_journal_scan **out,
                                      pbase_error *err)
{
    return journal_scan_open(file_storage_from(base)->journal, call, position, out, err);
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
    file_storage *self = file_storage_from(base);
    if (!self->turn.is_shared) {
        return journal_wait(self->journal, call, seen, err);
    }
    for (;;) { /* what this process appends wakes at once, what others append is looked for */
        pbase_call nap = {.deadline_ns = pbase_os_deadline(file_storage_os(self), WAIT_NAP_MS)};
        pbase_status status = file_turn_refresh(&self->turn, err);
        if (status == PBASE_OK) {
            status = pbase_call_check(call, file_storage_os(self), err);
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
    file_storage *self = file_storage_from(base);
    pbase_status status = pbase_call_check(call, file_storage_os(self), err);
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
        status = storage_journal_flush_upto(self, call, anchor + 1, err);
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
    journal_tail(file_storage_from(base)->journal, out);
    return PBASE_OK;
}

const pbase_storage_journal_ops storage_journal_ops = {
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
