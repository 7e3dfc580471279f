/* stats.c - the figures of a space: its own, the engine's, the store's and the storage's, and what of
 * the storage the newest state uses. */
#include "atom/ref_set.h"
#include "collection/tree.h"
#include "space/space_private.h"
#include "store/atom_format.h"
#include "txn/pinned.h"

#include <protobase/stats.h>
#include <string.h>

/* ------------------------------------------------------------------------------- figures ------ */

/* Passes figures on, and remembers those that others are made of. */
typedef struct {
    pbase_stat_each each;
    void *state;
    uint64_t commits, bytes_written;
    bool any_written;
} telling;

static pbase_status pass_on(void *telling_pointer, const char *name, uint64_t value,
                            const char *unit, pbase_error *err)
{
    telling *self = telling_pointer;
    if (strcmp(name, "commits") == 0) {
        self->commits = value;
    } else if (strcmp(name, "bytes_written") == 0) {
        self->bytes_written = value;
        self->any_written = true;
    }
    return self->each(self->state, name, value, unit, err);
}

static pbase_status tell_opening(const pbase_space *space, telling *to, pbase_error *err)
{
    pbase_status status = to->each(to->state, "open_ns", space->open_ns, "ns", err);
    return status == PBASE_OK
               ? to->each(to->state, "open_parts_ns", wiring_parts_ns(space->graph), "ns", err)
               : status;
}

/* Of a storage that counts what it writes. */
static pbase_status tell_mean(const telling *to, pbase_error *err)
{
    if (!to->any_written) {
        return PBASE_OK;
    }
    uint64_t mean = to->commits == 0 ? 0 : to->bytes_written / to->commits;
    return to->each(to->state, "bytes_written_per_commit", mean, "bytes", err);
}

pbase_status pbase_space_stats(pbase_space *space, pbase_stat_each each, void *state,
                               pbase_error *err)
{
    telling to = {.each = each, .state = state};
    pbase_status status = space_check_process(space, err);
    if (status == PBASE_OK) {
        status = tell_opening(space, &to, err);
    }
    if (status == PBASE_OK) {
        status = engine_stats(space->engine, pass_on, &to, err);
    }
    if (status == PBASE_OK) {
        status = store_stats(space->bytes, pass_on, &to, err);
    }
    if (status == PBASE_OK) {
        status = pbase_storage_stats(wiring_storage(space->graph), NULL, pass_on, &to, err);
    }
    return status == PBASE_OK ? tell_mean(&to, err) : status;
}

/* --------------------------------------------------------------------------------- usage ------ */

typedef struct {
    const pbase_space *space;
    const pbase_call *call;
    pbase_space_usage_report *report;
    ref_set seen;
} usage_walk;

/* Whatever databases share, whole or in part, is counted once. */
static pbase_status count_atom(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    usage_walk *self = state;
    bool first = false;
    pbase_status status = pbase_call_check(self->call, self->space->host->os, err);
    if (status == PBASE_OK) {
        status = ref_set_add(&self->seen, atom->ref, &first, err);
    }
    if (status != PBASE_OK || !first) {
        return status == PBASE_OK ? PBASE_END : status;
    }
    if (atom_ref_is_stored(atom->ref)) {
        self->report->live_atoms++;
        self->report->live_bytes += atom->size + ATOM_HEADER_BYTES;
    }
    return PBASE_OK;
}

static pbase_status hear_store_bytes(void *report_pointer, const char *name, uint64_t value,
                                     const char *unit, pbase_error *err)
{
    (void)unit;
    (void)err;
    if (strcmp(name, "store_bytes") == 0) {
        ((pbase_space_usage_report *)report_pointer)->store_bytes = value;
    }
    return PBASE_OK;
}

pbase_status pbase_space_usage(pbase_space *space, const pbase_call *call,
                               pbase_space_usage_report *out, pbase_error *err)
{
    pbase_space_usage_report report = {.live_bytes = 0};
    usage_walk run = {.space = space, .call = call, .report = &report};
    const tree_visitor visitor = {.state = &run, .atom = count_atom, .inner_only = true};
    pbase_status status = space_refresh(space, err);
    if (status != PBASE_OK) {
        return status;
    }
    ref_set_init(&run.seen, space->host->alloc);
    space_state *newest = engine_state(space->engine);
    if (newest->catalog != ATOM_REF_NONE) {
        status = tree_walk(store_atoms(space->bytes), newest->catalog, false, &visitor, err);
    }
    space_state_unref(newest);
    ref_set_fini(&run.seen);
    if (status == PBASE_OK) {
        status =
            pbase_storage_stats(wiring_storage(space->graph), call, hear_store_bytes, &report, err);
    }
    if (status == PBASE_OK) {
        report.dead_bytes =
            report.store_bytes > report.live_bytes ? report.store_bytes - report.live_bytes : 0;
        *out = report;
    }
    return status;
}

/* -------------------------------------------------------------------------------- pinned ------ */

pbase_status pbase_space_pinned(pbase_space *space, const pbase_call *call,
                                pbase_space_pinned_report *out, pbase_error *err)
{
    pinned_report found;
    pbase_status status = space_refresh(space, err);
    if (status == PBASE_OK) {
        status = engine_pinned(space->engine, call, &found, err);
    }
    if (status == PBASE_OK) {
        *out = (pbase_space_pinned_report){.snapshots = found.snapshots,
                                           .oldest_sequence = found.oldest_sequence,
                                           .oldest_age_ns = found.oldest_age_ns,
                                           .oldest_bytes = found.oldest_bytes,
                                           .snapshots_bytes = found.snapshots_bytes,
                                           .past_bytes = found.past_bytes,
                                           .processes = found.processes,
                                           .processes_bytes = found.processes_bytes,
                                           .processes_hold_all = found.processes_hold_all};
    }
    return status;
}
