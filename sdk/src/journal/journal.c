/* journal.c - life, poison, head, wait, trim, outcome and figures of a journal. */
#include "call_wait.h"
#include "journal/journal_state.h"
#include "journal/recover.h"
#include <inttypes.h>
#include <stdio.h>

/* ----------------------------------------------------------------------------------- poison --- */

void journal_poison(journal *self, pbase_status code, const pbase_error *cause)
{
    if (PBASE_PLANT(10)) { /* goes on as if nothing had happened */
        return;
    }
    journal_lock(self, self->state_lock);
    if (self->poison == PBASE_OK) {
        self->poison = code;
        (void)snprintf(self->poison_text, sizeof(self->poison_text), "%.150s",
                       cause == NULL ? "" : cause->message); /* it fits */
    }
    journal_unlock(self, self->state_lock);
}

pbase_status journal_poison_check(journal *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    journal_lock(self, self->state_lock);
    if (self->poison != PBASE_OK) {
        status = PBASE_FAIL(err, PBASE_READ_ONLY, "the journal takes no more: %s (%s)",
                            self->poison_text, pbase_status_name(self->poison));
        pbase_error_hint(err, "open it again; what was acknowledged as durable is kept");
    }
    journal_unlock(self, self->state_lock);
    return status;
}

/* ------------------------------------------------------------------------------------- life --- */

static pbase_status locks_create(journal *self, pbase_error *err)
{
    pbase_os_mutex **mutexes[] = {&self->trim_lock, &self->append_lock, &self->sync_lock,
                                  &self->state_lock};
    pbase_status status = PBASE_OK;
    for (size_t i = 0; status == PBASE_OK && i < sizeof(mutexes) / sizeof(mutexes[0]); i++) {
        status = self->os->lock->mutex_create(self->os, mutexes[i], err);
    }
    return status != PBASE_OK ? status
                              : self->os->lock->cond_create(self->os, &self->head_moved, err);
}

static pbase_status staging_create(journal *self, pbase_error *err)
{
    self->staging_bytes = self->segment_bytes < JOURNAL_STAGING_BYTES_MAX
                              ? (size_t)self->segment_bytes
                              : JOURNAL_STAGING_BYTES_MAX;
    self->staging_raw = pbase_alloc_new(self->host->alloc, self->staging_bytes + FRAME_UNIT_MAX);
    if (self->staging_raw == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the journal's write buffer");
    }
    uintptr_t past = (uintptr_t)self->staging_raw % FRAME_UNIT_MAX;
    self->staging = self->staging_raw + (past == 0 ? 0 : FRAME_UNIT_MAX - past);
    return PBASE_OK;
}

static uint32_t unit_of(const pbase_blocks_geometry *geometry)
{
    return geometry->atomic_bytes <= FRAME_UNIT_MIN ? FRAME_UNIT_MIN : FRAME_UNIT_MAX;
}

/* Takes from the provider what shapes the journal, and refuses what cannot carry one. */
static pbase_status geometry_take(journal *self, const journal_options *options, pbase_error *err)
{
    pbase_blocks_geometry geometry = {.struct_size = sizeof(geometry)};
    pbase_status status;
    if ((self->blocks->vtable->capabilities & JOURNAL_CAPABILITIES) != JOURNAL_CAPABILITIES) {
        return PBASE_FAIL(err, PBASE_UNSUPPORTED,
                          "the block provider cannot carry a journal: it lacks synced appends or "
                          "overwriting");
    }
    status = pbase_blocks_geometry_get(self->blocks, &geometry, err);
    if (status != PBASE_OK) {
        return status;
    }
    self->unit = unit_of(&geometry);
    if (options->segment_bytes != 0) {
        geometry.segment_bytes = options->segment_bytes;
    }
    self->segment_bytes = frame_round(geometry.segment_bytes, FRAME_UNIT_MAX);
    if (geometry.atomic_bytes > FRAME_UNIT_MAX || geometry.segment_bytes > UINT64_MAX / 4 ||
        self->segment_bytes == 0) {
        return PBASE_FAIL(err, PBASE_UNSUPPORTED,
                          "the block provider's geometry (%" PRIu32
                          " bytes atomic, segments of %" PRIu64 ") cannot carry a journal",
                          geometry.atomic_bytes, geometry.segment_bytes);
    }
    return PBASE_OK;
}

/* Finds the head, or takes it from those who are there. */
static pbase_status head_find(journal *self, const journal_options *options, const pbase_call *call,
                              pbase_error *err)
{
    if (options->joins != NULL) {
        self->first = options->joins->first;
        journal_mark_take(self, options->joins);
        self->is_ready = true;
        return PBASE_OK;
    }
    pbase_status status = journal_recover(self, options, call, err);
    if (status == PBASE_OK) {
        self->may_clean = true;
        self->is_ready = self->is_shared && self->synced >= self->head &&
                         options->closed_at == self->head && !journal_has_broken_spare(self);
    }
    return status;
}

pbase_status journal_open(const journal_options *options, const pbase_call *call, journal **out,
                          pbase_error *err)
{
    const pbase_host *host = options->host;
    pbase_status status;
    journal *self = pbase_alloc_zeroed(host->alloc, 1, sizeof(*self));
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to open the journal");
    }
    self->host = host;
    self->os = host->os;
    self->blocks = options->blocks;
    self->id = options->id;
    self->first = options->first != 0 ? options->first : JOURNAL_POSITION_FIRST;
    self->spares_max = options->spares_max != 0 ? options->spares_max : JOURNAL_SPARES_DEFAULT;
    self->is_shared = options->is_shared;
    self->first_now = options->first_now;
    self->enter = options->enter;
    self->entered_base = options->entered.base;
    self->state = options->state;
    status = locks_create(self, err);
    if (status == PBASE_OK) {
        status = geometry_take(self, options, err);
    }
    if (status == PBASE_OK) {
        status = staging_create(self, err);
    }
    if (status == PBASE_OK) {
        status = journal_places_load(self, call, err);
    }
    if (status == PBASE_OK) {
        status = head_find(self, options, call, err);
    }
    if (status != PBASE_OK) {
        journal_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

void journal_close(journal *self)
{
    if (self == NULL) {
        return;
    }
    const pbase_alloc *alloc = self->host->alloc;
    pbase_segment_close(self->segment);
    if (self->state_lock != NULL) {
        journal_rest_end(self);
    }
    self->os->lock->cond_destroy(self->head_moved);
    self->os->lock->mutex_destroy(self->state_lock);
    self->os->lock->mutex_destroy(self->sync_lock);
    self->os->lock->mutex_destroy(self->append_lock);
    self->os->lock->mutex_destroy(self->trim_lock);
    pbase_alloc_free(alloc, self->places, self->place_capacity * sizeof(journal_place));
    pbase_alloc_free(alloc, self->spares, self->spare_capacity * sizeof(journal_spare));
    pbase_alloc_free(alloc, self->staging_raw, self->staging_bytes + FRAME_UNIT_MAX);
    pbase_alloc_free(alloc, self, sizeof(*self));
}

/* A provider knows its unit after the first write at the latest: before the first append, when something
 * else was written, or before the second. Frames of either unit follow each other in either order. */
#define UNIT_LOOKS 2u

void journal_unit_learn(journal *self)
{
    pbase_blocks_geometry geometry = {.struct_size = sizeof(geometry)};
    if (atomic_load_explicit(&self->unit_looks, memory_order_relaxed) == UNIT_LOOKS) {
        return;
    }
    journal_lock(self, self->append_lock);
    if (self->unit_looks < UNIT_LOOKS &&
        pbase_blocks_geometry_get(self->blocks, &geometry, NULL) == PBASE_OK &&
        self->unit != unit_of(&geometry)) {
        self->unit = unit_of(&geometry);
        self->staged_end = 0; /* staging begins with a unit of the other size */
    }
    self->unit_looks += self->unit_looks < UNIT_LOOKS;
    journal_unlock(self, self->append_lock);
}

/* ------------------------------------------------------------------------------------- head --- */

void journal_head(journal *self, pbase_journal_head *out)
{
    journal_lock(self, self->state_lock);
    out->head = self->head;
    out->first = self->first;
    out->synced = self->synced;
    journal_unlock(self, self->state_lock);
}

void journal_tail(journal *self, pbase_journal_tail *out)
{
    *out = self->tail; /* set once, by opening */
}

pbase_status journal_wait(journal *self, const pbase_call *call, pbase_position seen,
                          pbase_error *err)
{
    pbase_status status = PBASE_OK;
    journal_lock(self, self->state_lock);
    while (self->head <= seen) {
        status = pbase_call_check(call, self->os, err);
        if (status != PBASE_OK) {
            break;
        }
        call_wait(self->os, call, self->head_moved, self->state_lock, PBASE_NO_DEADLINE);
    }
    journal_unlock(self, self->state_lock);
    return status;
}

/* ------------------------------------------------------------------------------------- trim --- */

/* The part of a segment that stays behind the head when the journal is closed: enough that
 * short sessions do not each make a segment. */
#define SHRUNK_PARTS 16u

/* What is made ahead takes its room of the disk: not before it is likely to be needed. */
static bool is_spare_due(journal *self)
{
    journal_lock(self, self->state_lock);
    const journal_place *newest =
        self->place_count == 0 ? NULL : &self->places[self->place_count - 1];
    uint64_t left = newest == NULL || newest->base + newest->bytes < self->head
                        ? 0
                        : newest->base + newest->bytes - self->head;
    bool is_due = self->spare_count == 0 && left <= self->segment_bytes / 2;
    journal_unlock(self, self->state_lock);
    return is_due;
}

pbase_status journal_prepare(journal *self, const pbase_call *call, pbase_error *err)
{
    pbase_status status = pbase_call_check(call, self->os, err);
    if (status == PBASE_OK) {
        status = journal_poison_check(self, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    journal_lock(self, self->trim_lock);
    if (is_spare_due(self)) {
        status = journal_spare_create(self, err);
    }
    journal_unlock(self, self->trim_lock);
    return status;
}

static pbase_position shrunk_end(const journal *self)
{
    return frame_round(self->head, FRAME_UNIT_MAX) +
           frame_round(self->segment_bytes / SHRUNK_PARTS, FRAME_UNIT_MAX);
}

pbase_status journal_shrunk(journal *self, journal_entered *out, pbase_error *err)
{
    pbase_status status = journal_poison_check(self, err); /* of the newest nothing is known then */
    if (status != PBASE_OK) {
        return status;
    }
    journal_lock(self, self->append_lock);
    journal_place place = {0};
    bool is_held = journal_head_place(self, &place);
    pbase_position end = shrunk_end(self);
    journal_lock(self, self->state_lock);
    bool is_cut = is_held && self->is_ready && end > place.base && end - place.base < place.bytes &&
                  self->places[self->place_count - 1].base == place.base;
    place.bytes = is_cut ? end - place.base : journal_sure_bytes(self, place);
    *out = (journal_entered){place.base, place.bytes, self->head};
    journal_unlock(self, self->state_lock);
    journal_unlock(self, self->append_lock);
    return PBASE_OK;
}

/* Forgotten records of the oldest segment are given back, when they are many. The last of them stay, which
 * may help to save what damage takes. With append_lock. */
static void thin_out(journal *self)
{
    uint64_t part = frame_round(self->segment_bytes / SHRUNK_PARTS, FRAME_UNIT_MAX);
    journal_lock(self, self->state_lock);
    pbase_position first = self->first;
    pbase_position base = self->place_count > 0 ? self->places[0].base : first;
    journal_unlock(self, self->state_lock);
    if (first > base && first - base >= 2 * part) {
        journal_place_thin(self, first - part);
    }
}

pbase_status journal_shrink(journal *self, const pbase_call *call, pbase_error *err)
{
    pbase_status status = pbase_call_check(call, self->os, err);
    if (status == PBASE_OK) {
        status = journal_poison_check(self, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    journal_lock(self, self->trim_lock);
    journal_lock(self, self->append_lock);
    if (self->is_ready) { /* a tail that opening cut may still lie behind the head */
        status = journal_place_cut(self, shrunk_end(self), err);
        status = status == PBASE_OK ? journal_spares_remove(self, err) : status;
        if (status == PBASE_OK) {
            thin_out(self);
        }
    }
    journal_unlock(self, self->append_lock);
    journal_unlock(self, self->trim_lock);
    return status;
}

/* The oldest segment, when all of it lies below `upto`. Never the one with the head. */
static bool oldest_is_free(journal *self, pbase_position upto, journal_place *out)
{
    journal_lock(self, self->state_lock);
    bool is_free = self->place_count > 1;
    if (is_free) {
        *out = self->places[0];
        is_free = PBASE_PLANT(11) ? out->base < upto : out->base + out->bytes <= upto;
    }
    journal_unlock(self, self->state_lock);
    return is_free;
}

pbase_status journal_trim(journal *self, const pbase_call *call, pbase_position upto,
                          pbase_error *err)
{
    journal_place place;
    pbase_status status = pbase_call_check(call, self->os, err);
    if (status == PBASE_OK) {
        status = journal_poison_check(self, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    journal_lock(self, self->trim_lock);
    journal_lock(self, self->state_lock);
    pbase_position head = self->head;
    if (upto <= head) {
        self->first = upto > self->first ? upto : self->first;
        upto = self->first;
    }
    journal_unlock(self, self->state_lock);
    if (upto > head) {
        status = PBASE_FAIL(err, PBASE_INVALID, "position %" PRIu64 " is beyond the head %" PRIu64,
                            upto, head);
    }
    journal_rest_end(self);
    while (status == PBASE_OK && oldest_is_free(self, upto, &place)) {
        status = journal_place_recycle(self, place, err);
        if (status == PBASE_OK) {
            journal_place_drop_first(self);
        }
    }
    journal_unlock(self, self->trim_lock);
    return status;
}

/* ---------------------------------------------------------------------------------- outcome --- */

static pbase_status outcome_scan(journal *self, const pbase_call *call, pbase_token token,
                                 bool *out_found, pbase_position *out_position, pbase_error *err)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    pbase_status status = journal_scan_open(self, call, 0, &scan, err);
    while (status == PBASE_OK) {
        status = journal_scan_next(scan, call, &record, err);
        if (status == PBASE_OK &&
            memcmp(record.token.bytes, token.bytes, sizeof(token.bytes)) == 0) {
            *out_found = true;
            *out_position = record.position;
            break;
        }
    }
    journal_scan_close(scan);
    return status == PBASE_END ? PBASE_OK : status;
}

pbase_status journal_outcome(journal *self, const pbase_call *call, pbase_token token,
                             int32_t *out_outcome, pbase_position *out_position, pbase_error *err)
{
    bool found = false;
    pbase_position position = 0;
    journal_lock(self, self->state_lock);
    bool is_doubtful =
        self->has_doubtful && memcmp(self->doubtful.bytes, token.bytes, sizeof(token.bytes)) == 0;
    journal_unlock(self, self->state_lock);
    if (is_doubtful) {
        return PBASE_FAIL(err, PBASE_UNKNOWN, "the append failed; opening the journal again tells");
    }
    pbase_status status = outcome_scan(self, call, token, &found, &position, err);
    if (status != PBASE_OK) {
        return status;
    }
    journal_lock(self, self->state_lock);
    bool is_whole = self->first == JOURNAL_POSITION_FIRST;
    journal_unlock(self, self->state_lock);
    if (found) {
        *out_position = position;
    }
    *out_outcome = found      ? PBASE_OUTCOME_FOUND
                   : is_whole ? PBASE_OUTCOME_ABSENT
                              : PBASE_OUTCOME_EXPIRED;
    return PBASE_OK;
}

/* ---------------------------------------------------------------------------------- figures --- */

void journal_stats_get(journal *self, journal_stats *out)
{
    journal_lock(self, self->state_lock);
    *out = self->stats;
    out->segment_count = self->place_count;
    out->segment_bytes = 0;
    for (size_t i = 0; i < self->place_count; i++) {
        out->segment_bytes += self->places[i].bytes;
    }
    out->spare_count = self->spare_count;
    out->poisoned = self->poison != PBASE_OK;
    journal_unlock(self, self->state_lock);
}
