/* storage_report.c - asks each part, and tells what it says under one name each. Changes nothing. */
#include "storage_report.h"

#include <stdatomic.h>

pbase_status storage_report_stats(pbase_storage *base, const pbase_call *call, pbase_stat_each each,
                                  void *state, pbase_error *err)
{
    file_storage *self = file_storage_from(base);
    journal_stats frames;
    file_store_stats store;
    pbase_blocks_geometry pieces;
    pbase_status status = pbase_call_check(call, file_storage_os(self), err);
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

pbase_status storage_report_verify(pbase_storage *base, const pbase_call *call,
                                   pbase_verify_each each, void *state, pbase_error *err)
{
    file_storage *self = file_storage_from(base);
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
