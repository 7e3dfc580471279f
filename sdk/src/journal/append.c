/* append.c - one append: a frame laid out in the staging buffer, written once, flushed once.
 *
 * Before the first append the tail that opening cut is zeroed, and whatever an earlier process wrote
 * without a flush is flushed. A frame that does not fit its segment goes to the next one (roll.c). */
#include "journal/journal_state.h"
#include <errno.h>
#include <inttypes.h>

#define REWRITE_BYTES 65536u

/* ------------------------------------------------------------------------------------ flush --- */

/* Writes a range of a segment again as it reads. */
static pbase_status range_rewrite(journal *self, pbase_segment *segment, uint64_t offset,
                                  uint64_t end, pbase_error *err)
{
    uint8_t *raw = pbase_alloc_new(self->host->alloc, REWRITE_BYTES + FRAME_UNIT_MAX);
    pbase_status status = PBASE_OK;
    if (raw == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to flush the journal");
    }
    uint8_t *data = raw + (FRAME_UNIT_MAX - (uintptr_t)raw % FRAME_UNIT_MAX);
    while (status == PBASE_OK && offset < end) {
        size_t part = end - offset < REWRITE_BYTES ? (size_t)(end - offset) : REWRITE_BYTES;
        size_t got = 0;
        status = pbase_segment_read(segment, NULL, offset, data, part, &got, err);
        if (status == PBASE_OK && got > 0) {
            status = pbase_segment_write(segment, NULL, offset, pbase_bytes_of(data, got), 0, err);
        }
        offset = got == part ? offset + part : end;
    }
    pbase_alloc_free(self->host->alloc, raw, REWRITE_BYTES + FRAME_UNIT_MAX);
    return status;
}

/* Flushes what opening found after `synced`. It is written again first: if an earlier process could
 * not flush it, the cache holds it as clean, and a flush alone would do nothing. With sync_lock. */
static pbase_status flush_found(journal *self, pbase_position synced, pbase_position head,
                                pbase_error *err)
{
    journal_place place;
    pbase_segment *segment = NULL;
    pbase_status status;
    if (synced >= head || !journal_place_find(self, head - 1, &place)) {
        return PBASE_OK;
    }
    synced = synced > place.base ? synced / self->unit * self->unit : place.base;
    head = frame_round(head, self->unit);
    head = head < place.base + place.bytes ? head : place.base + place.bytes;
    status = journal_segment_open(self, place.base, &segment, err);
    if (status == PBASE_OK) {
        status = range_rewrite(self, segment, synced - place.base, head - place.base, err);
    }
    if (status == PBASE_OK) {
        status = pbase_segment_sync(segment, NULL, err);
    }
    pbase_segment_close(segment);
    return status;
}

/* Flushes what others appended last: only the newest segment has bytes that are not durable. With
 * sync_lock. */
static pbase_status flush_foreign(journal *self, pbase_position head, pbase_error *err)
{
    journal_place place;
    pbase_segment *segment = NULL;
    pbase_error why;
    if (!journal_place_find(self, head - 1, &place)) {
        return PBASE_OK; /* trimmed, which is flushed before */
    }
    pbase_error_init(&why);
    pbase_status status = journal_segment_open(self, place.base, &segment, &why);
    if (status == PBASE_OK) {
        status = pbase_segment_sync(segment, NULL, &why);
        pbase_segment_close(segment);
    }
    if (status != PBASE_OK && status != PBASE_NOT_FOUND && err != NULL) {
        *err = why;
    }
    return status == PBASE_NOT_FOUND ? PBASE_OK : status;
}

/* With sync_lock. */
static pbase_status flush_range(journal *self, pbase_segment *segment, bool is_ready,
                                pbase_position synced, pbase_position head, pbase_error *err)
{
    if (segment != NULL) {
        return pbase_segment_sync(segment, NULL, err);
    }
    return is_ready ? flush_foreign(self, head, err) : flush_found(self, synced, head, err);
}

pbase_status journal_flush(journal *self, pbase_error *err)
{
    pbase_error cause;
    pbase_status status;
    pbase_error_init(&cause);
    journal_lock(self, self->sync_lock);
    journal_lock(self, self->state_lock);
    pbase_position synced = self->synced;
    pbase_position target = self->head;
    pbase_segment *segment = self->segment;
    bool is_ready = self->is_shared && self->is_ready;
    self->stats.flush_count++;
    journal_unlock(self, self->state_lock);
    status = flush_range(self, segment, is_ready, synced, target, &cause);
    if (status == PBASE_OK) {
        journal_lock(self, self->state_lock);
        self->synced = target > self->synced ? target : self->synced;
        journal_unlock(self, self->state_lock);
    } else if (status != PBASE_NO_MEMORY) {
        journal_poison(self, status, &cause);
    }
    journal_unlock(self, self->sync_lock);
    if (status != PBASE_OK && err != NULL) {
        *err = cause;
    }
    return status;
}

pbase_status journal_sync(journal *self, const pbase_call *call, pbase_position upto,
                          pbase_error *err)
{
    pbase_status status = pbase_call_check(call, self->os, err);
    if (status != PBASE_OK) {
        return status;
    }
    journal_lock(self, self->state_lock);
    pbase_position head = self->head;
    bool is_done = upto <= self->synced;
    journal_unlock(self, self->state_lock);
    if (upto > head) {
        return PBASE_FAIL(err, PBASE_INVALID, "position %" PRIu64 " is beyond the head %" PRIu64,
                          upto, head);
    }
    if (is_done) {
        return PBASE_OK;
    }
    status = journal_poison_check(self, err);
    return status != PBASE_OK ? status : journal_flush(self, err);
}

/* ------------------------------------------------------------------------------------- tail --- */

/* Puts what lies before the head in its unit at the front of staging: whoever writes behind the head
 * writes that again, as it was. */
static pbase_status unit_load(journal *self, journal_place place, pbase_segment *segment,
                              size_t *out_filled, pbase_error *err)
{
    uint64_t filled = (self->head - place.base) % self->unit;
    size_t got = 0;
    self->staged_end = 0;
    *out_filled = (size_t)filled;
    if (filled == 0) {
        return PBASE_OK;
    }
    pbase_status status = pbase_segment_read(segment, NULL, self->head - filled - place.base,
                                             self->staging, (size_t)filled, &got, err);
    if (status == PBASE_OK && got < filled) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the journal segment ends before its head %" PRIu64,
                            self->head);
    }
    return status;
}

/* Zeros what claims to be frames behind the head, durably. */
static pbase_status claims_zero(journal *self, journal_place place, pbase_segment *segment,
                                pbase_error *err)
{
    uint64_t most = place.bytes / self->unit * self->unit;
    uint64_t end = frame_round(self->tail_end - place.base, self->unit);
    uint64_t at = (self->head - place.base) / self->unit * self->unit;
    size_t filled = 0;
    pbase_status status = unit_load(self, place, segment, &filled, err);
    end = end < most ? end : most;
    if (status == PBASE_OK) {
        memset(self->staging + filled, 0, self->staging_bytes - filled);
    }
    while (status == PBASE_OK && at < end) {
        uint64_t part = end - at < self->staging_bytes ? end - at : self->staging_bytes;
        status = pbase_segment_write(segment, NULL, at, pbase_bytes_of(self->staging, (size_t)part),
                                     0, err);
        memset(self->staging, 0, filled); /* the parts that follow hold nothing */
        at += part;
    }
    return status == PBASE_OK ? pbase_segment_sync(segment, NULL, err) : status;
}

static pbase_status tail_zero(journal *self, journal_place place, pbase_error *err)
{
    pbase_segment *segment = NULL;
    pbase_status status = journal_segment_open(self, place.base, &segment, err);
    if (status == PBASE_OK) {
        status = claims_zero(self, place, segment, err);
    }
    pbase_segment_close(segment);
    if (status != PBASE_OK && status != PBASE_NO_MEMORY) {
        journal_poison(self, status, err);
    }
    return status;
}

/* Segments after the one with the last frame came from a roll or a tail that a crash undid. */
static pbase_status later_segments_remove(journal *self, pbase_error *err)
{
    char name[JOURNAL_NAME_BYTES];
    journal_place holder;
    journal_place later;
    pbase_status status = PBASE_OK;
    pbase_position from = self->head;
    if (journal_head_place(self, &holder)) {
        from = holder.base + holder.bytes;
    }
    if (journal_place_from(self, from, &later) &&
        !PBASE_PLANT(14)) { /* it was entered, and may not be missed */
        status = journal_entered_back(self, err);
    }
    while (status == PBASE_OK && journal_place_from(self, from, &later)) {
        journal_lock(self, self->state_lock);
        later = self->places[self->place_count - 1];
        journal_unlock(self, self->state_lock);
        journal_segment_name(later.base, name);
        status = pbase_blocks_remove(self->blocks, NULL, name, err);
        if (status == PBASE_OK) {
            journal_place_drop_last(self);
        }
    }
    return status;
}

pbase_status journal_ready(journal *self, pbase_error *err)
{
    journal_place place;
    pbase_status status = PBASE_OK;
    if (self->is_ready) {
        return PBASE_OK;
    }
    if (PBASE_PLANT(7)) { /* the cut tail stays where it is */
        self->tail_end = 0;
    }
    if (self->tail_end > self->head && journal_place_find(self, self->head, &place)) {
        status = tail_zero(self, place, err);
    }
    if (status == PBASE_OK) {
        status = later_segments_remove(self, err);
    }
    if (status == PBASE_OK && self->may_clean) {
        status = journal_spares_clean(self, err);
    }
    journal_lock(self, self->state_lock);
    bool is_synced = self->synced >= self->head;
    journal_unlock(self, self->state_lock);
    if (status == PBASE_OK && !is_synced) {
        status = journal_flush(self, err);
    }
    journal_lock(self, self->state_lock);
    self->is_ready = status == PBASE_OK;
    journal_unlock(self, self->state_lock);
    return status;
}

/* ----------------------------------------------------------------------------------- layout --- */

typedef struct {
    uint64_t bytes;      /* of the frame */
    bool is_large;       /* it gets a segment of its own */
    bool is_durable;     /* flushed before the append returns */
    bool is_written;     /* the frame is there */
    pbase_position at;   /* of the frame */
    size_t filled;       /* bytes of frames before it in its unit, which staging has */
    journal_place place; /* that holds it */
    uint32_t crc32c;     /* once it is encoded */
} layout;

static pbase_status layout_measure(const journal *self, const pbase_journal_append *append,
                                   layout *out, pbase_error *err)
{
    uint64_t end = FRAME_HEADER_BYTES;
    if (append->record_count == 0 || append->record_count > JOURNAL_RECORDS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu records in one append; the limit is 1 to %u",
                          append->record_count, JOURNAL_RECORDS_MAX);
    }
    for (size_t i = 0; i < append->record_count; i++) {
        if (append->records[i].size > PBASE_RECORD_BYTES_MAX) {
            return PBASE_FAIL(err, PBASE_LIMIT, "a record of %zu bytes; the limit is %u",
                              append->records[i].size, PBASE_RECORD_BYTES_MAX);
        }
        end = frame_record_end(end, append->records[i].size);
    }
    end = frame_round(end, FRAME_ALIGN);
    out->is_large = end > self->segment_bytes;
    out->bytes = out->is_large ? frame_round(end, FRAME_UNIT_MAX) : end;
    if (out->bytes > JOURNAL_FRAME_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "an append of %" PRIu64 " bytes; the limit is %u", end,
                          JOURNAL_FRAME_BYTES_MAX);
    }
    return PBASE_OK;
}

/* Has the segment of a frame remembered, if it is not. One that is refused stays, for the next frame. */
static pbase_status place_enter(journal *self, const layout *plan, pbase_error *err)
{
    const journal_place *place = &plan->place;
    if (place->base == self->entered_base) {
        return PBASE_OK;
    }
    bool is_new = plan->at == place->base;
    journal_entered entered = {place->base, journal_sure_bytes(self, *place),
                               is_new ? self->head : place->base};
    pbase_status status = journal_enter(self, &entered, err);
    if (status != PBASE_OK) {
        journal_segment_replace(self, NULL); /* what is written next may go to the one before */
    }
    return status;
}

/* A frame begins in the unit of the head when staging holds what that has and no more units are written
 * for it; else in a unit of its own. */
static void layout_begin(const journal *self, layout *plan)
{
    uint64_t unit = self->unit;
    uint64_t filled = self->head % unit;
    bool is_shared = self->staged_end == self->head &&
                     frame_round(filled + plan->bytes, unit) == frame_round(plan->bytes, unit);
    plan->at = is_shared ? self->head : frame_round(self->head, unit);
    plan->filled = is_shared ? (size_t)filled : 0;
}

/* Finds the place of the frame, in a new segment if need be. */
static pbase_status layout_place(journal *self, layout *plan, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    layout_begin(self, plan);
    if (!journal_place_find(self, plan->at, &plan->place) ||
        frame_round(plan->at + plan->bytes - plan->place.base, self->unit) > plan->place.bytes) {
        status = journal_roll(self, plan->bytes, err);
        if (status == PBASE_OK) {
            journal_lock(self, self->state_lock);
            plan->place = self->places[self->place_count - 1];
            journal_unlock(self, self->state_lock);
            plan->at = plan->place.base;
            plan->filled = 0;
        }
    }
    if (status == PBASE_OK && !plan->is_large) {
        status = place_enter(self, plan, err);
    }
    if (status == PBASE_OK && self->segment == NULL) { /* the first append since opening */
        pbase_segment *segment = NULL;
        status = journal_segment_open(self, plan->place.base, &segment, err);
        if (status == PBASE_OK) {
            journal_segment_replace(self, segment);
        }
    }
    return status;
}

/* ------------------------------------------------------------------------------------ write --- */

/* A frame is a sequence of pieces; it is walked twice, for its checksum and for its bytes. */
typedef pbase_status (*piece_sink)(void *state, const void *data, uint64_t size, pbase_error *err);

static const uint8_t zeros[FRAME_UNIT_MAX];

static pbase_status pieces_walk(const pbase_journal_append *append, uint64_t frame_bytes,
                                piece_sink sink, void *state, pbase_error *err)
{
    uint64_t at = FRAME_HEADER_BYTES;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; status == PBASE_OK && i < append->record_count; i++) {
        uint8_t head[FRAME_RECORD_HEADER_BYTES];
        pbase_bytes record = append->records[i];
        uint64_t end = frame_record_end(at, record.size);
        pbase_put_u32(head, (uint32_t)record.size);
        pbase_put_u32(head + 4, (uint32_t)at);
        status = sink(state, head, sizeof(head), err);
        if (status == PBASE_OK) {
            status = sink(state, record.data, record.size, err);
        }
        if (status == PBASE_OK) {
            status = sink(state, zeros, end - at - sizeof(head) - record.size, err);
        }
        at = end;
    }
    return status == PBASE_OK ? sink(state, zeros, frame_bytes - at, err) : status;
}

typedef struct {
    frame_crc32c crc32c;
    uint32_t crc;
} crc_sink;

static pbase_status crc_add(void *state, const void *data, uint64_t size, pbase_error *err)
{
    crc_sink *sink = state;
    (void)err; /* it cannot fail */
    if (size > 0 && !PBASE_PLANT(5)) {
        sink->crc = sink->crc32c(sink->crc, data, (size_t)size);
    }
    return PBASE_OK;
}

/* Fills the staging buffer and writes it whenever it is full. */
typedef struct {
    journal *journal;
    uint64_t offset; /* in the segment, of the staging buffer */
    size_t filled;
} staging_sink;

static pbase_status staging_write(staging_sink *sink, uint32_t flags, pbase_error *err)
{
    journal *self = sink->journal;
    pbase_bytes data = pbase_bytes_of(self->staging, sink->filled);
    pbase_status status = pbase_segment_write(self->segment, NULL, sink->offset, data, flags, err);
    sink->offset += sink->filled;
    sink->filled = 0;
    return status;
}

static pbase_status staging_add(void *state, const void *data, uint64_t size, pbase_error *err)
{
    staging_sink *sink = state;
    const uint8_t *from = data;
    while (size > 0) {
        size_t part = sink->journal->staging_bytes - sink->filled;
        if (part == 0) {
            pbase_status status = staging_write(sink, 0, err);
            if (status != PBASE_OK) {
                return status;
            }
            continue;
        }
        part = part < size ? part : (size_t)size;
        memcpy(sink->journal->staging + sink->filled, from, part);
        sink->filled += part;
        from += part;
        size -= part;
    }
    return PBASE_OK;
}

/* Writes what staging holds, the rest of the last unit as zeros, and keeps that unit for the next frame. What
 * was not written before gets zeros some way ahead. A segment behind one that was cut off within a unit begins within one as well: nothing is kept there. */
static pbase_status staging_finish(staging_sink *sink, const layout *plan, uint32_t flags,
                                   pbase_error *err)
{
    journal *self = sink->journal;
    pbase_position end = plan->at + plan->bytes;
    uint64_t rest = (plan->at - plan->filled) % self->unit == 0 ? end % self->unit : 0;
    size_t filled = sink->filled;
    sink->filled = (size_t)frame_round(filled, self->unit);
    memset(self->staging + filled, 0, sink->filled - filled);
    size_t last = sink->filled - self->unit;
    if (flags != 0 && !plan->is_large) {
        size_t ahead = journal_ahead_bytes(self, &plan->place, sink->offset + sink->filled,
                                           self->staging_bytes - sink->filled);
        memset(self->staging + sink->filled, 0, ahead);
        sink->filled += ahead;
    }
    pbase_status status = staging_write(sink, flags, err);
    if (status == PBASE_OK) {
        journal_ahead_written(self, &plan->place, sink->offset);
    }
    if (status == PBASE_OK && rest != 0) {
        memmove(self->staging, self->staging + last, (size_t)rest);
        if (PBASE_PLANT(15)) { /* the next frame wipes them out */
            memset(self->staging, 0, (size_t)rest);
        }
        self->staged_end = end;
    }
    return status;
}

static pbase_status frame_write(journal *self, const pbase_journal_append *append, layout *plan,
                                pbase_error *err)
{
    uint8_t head[FRAME_HEADER_BYTES];
    frame_header header = {
        .bytes = plan->bytes,
        .position = plan->at,
        .journal_id = self->id,
        .after = self->head,
        .after_crc32c = self->head_crc32c,
        .token = append->token,
        .record_count = (uint32_t)append->record_count,
    };
    crc_sink crc = {.crc32c = self->host->crc32c};
    staging_sink staging = {.journal = self,
                            .offset = plan->at - plan->place.base - plan->filled,
                            .filled = plan->filled};
    uint32_t flags = plan->is_durable && !PBASE_PLANT(1) ? PBASE_WRITE_SYNC : 0;
    pbase_status status = PBASE_OK;
    self->staged_end = 0;
    journal_lock(self, self->state_lock);
    header.synced_upto = PBASE_PLANT(8) ? plan->at : self->synced;
    journal_unlock(self, self->state_lock);
    frame_header_encode(&header, head);
    crc.crc = crc.crc32c(0, head + FRAME_CRC_FROM, FRAME_HEADER_BYTES - FRAME_CRC_FROM);
    (void)pieces_walk(append, plan->bytes, crc_add, &crc, NULL); /* a checksum cannot fail */
    header.crc32c = plan->crc32c = crc.crc;
    frame_header_encode(&header, head);
    if (PBASE_PLANT(2) && flags != 0) { /* the flush comes before the write */
        flags = 0;
        status = pbase_segment_sync(self->segment, NULL, err);
    }
    if (status == PBASE_OK) {
        status = staging_add(&staging, head, sizeof(head), err);
    }
    if (status == PBASE_OK) {
        status = pieces_walk(append, plan->bytes, staging_add, &staging, err);
    }
    return status == PBASE_OK ? staging_finish(&staging, plan, flags, err) : status;
}

/* ----------------------------------------------------------------------------------- append --- */

static pbase_status head_check(const journal *self, pbase_position expected, pbase_error *err)
{
    if (expected == PBASE_POSITION_ANY || expected == self->head) {
        return PBASE_OK;
    }
    return PBASE_FAIL(err, PBASE_CONFLICT, "the journal's head is %" PRIu64 ", not %" PRIu64,
                      self->head, expected);
}

/* The frame may be on disk or not: only the next opening can tell. */
static pbase_status append_doubtful(journal *self, pbase_token token, pbase_status cause,
                                    pbase_error *why, pbase_error *err)
{
    journal_poison(self, cause, why);
    journal_lock(self, self->state_lock);
    self->doubtful = token;
    self->has_doubtful = true;
    journal_unlock(self, self->state_lock);
    pbase_status status =
        PBASE_FAIL(err, PBASE_UNKNOWN, "appending to the journal: %s", why->message);
    if (err != NULL) {
        err->token = token;
        err->system_errno = why->system_errno;
    }
    pbase_error_hint(err, "open it again to find out");
    return status;
}

/* Of a frame that did not fit the disk, which only its flush may have found, or whose segment was not
 * to be remembered. Its segment holds nothing else: when true nothing of it is left, not even a flush
 * that failed, and `why` says NO_SPACE in place of that. */
static bool large_undo(journal *self, const layout *plan, pbase_status cause, pbase_error *why)
{
    bool is_full = cause == PBASE_NO_SPACE || why->system_errno == ENOSPC;
    if (!plan->is_large || journal_poison_check(self, NULL) != PBASE_OK ||
        (!is_full && !plan->is_written)) {
        return false;
    }
    journal_segment_replace(self, NULL);
    journal_segment_remove(self, plan->place.base, cause, why);
    journal_place_drop_last(self);
    if (journal_poison_check(self, NULL) != PBASE_OK) {
        return false;
    }
    if (is_full && cause != PBASE_NO_SPACE) {
        (void)PBASE_FAIL(why, PBASE_NO_SPACE, "no room for an append of %" PRIu64 " bytes",
                         plan->bytes);
    }
    return true;
}

static void append_publish(journal *self, const layout *plan, pbase_journal_appended *out)
{
    journal_lock(self, self->state_lock);
    self->head = plan->at + plan->bytes;
    self->head_crc32c = plan->crc32c;
    if (plan->is_durable) {
        self->synced = self->head;
        self->stats.flush_count++;
    }
    self->stats.append_count++;
    self->stats.append_bytes += frame_round(plan->filled + plan->bytes, self->unit);
    self->os->lock->cond_broadcast(self->head_moved);
    journal_unlock(self, self->state_lock);
    *out = (pbase_journal_appended){.first = plan->at, .end = plan->at + plan->bytes};
}

/* A write past the cache flushes nothing of what others appended before. With append_lock. */
static pbase_status foreign_flush(journal *self, pbase_error *err)
{
    journal_lock(self, self->state_lock);
    bool is_synced = self->synced >= self->head;
    journal_unlock(self, self->state_lock);
    pbase_status status = is_synced ? PBASE_OK : journal_flush(self, err);
    self->has_foreign = status != PBASE_OK;
    return status;
}

/* With append_lock. */
static pbase_status append_locked(journal *self, const pbase_journal_append *append, layout *plan,
                                  pbase_journal_appended *out, pbase_error *err)
{
    pbase_error why;
    pbase_status status = journal_poison_check(self, err);
    if (status == PBASE_OK) {
        status = head_check(self, append->expected, err);
    }
    if (status == PBASE_OK) {
        status = journal_ready(self, err);
    }
    if (status == PBASE_OK && plan->is_durable && self->has_foreign) {
        status = foreign_flush(self, err);
    }
    if (status == PBASE_OK) {
        status = layout_place(self, plan, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_error_init(&why);
    status = frame_write(self, append, plan, &why);
    plan->is_written = status == PBASE_OK;
    if (status == PBASE_OK && plan->is_large) {
        journal_entered entered = {plan->place.base, plan->place.bytes, plan->at + plan->bytes};
        status = journal_enter(self, &entered, &why);
    }
    if (status != PBASE_OK && large_undo(self, plan, status, &why)) {
        if (err != NULL) {
            *err = why;
        }
        return why.code;
    }
    if (status != PBASE_OK) {
        return append_doubtful(self, append->token, status, &why, err);
    }
    append_publish(self, plan, out);
    return PBASE_OK;
}

pbase_status journal_append(journal *self, const pbase_call *call,
                            const pbase_journal_append *append, pbase_journal_appended *out,
                            pbase_error *err)
{
    layout plan = {0};
    pbase_status status = pbase_call_check(call, self->os, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (append->durability < PBASE_DURABILITY_NONE || append->durability > PBASE_DURABILITY_SYNC) {
        return PBASE_FAIL(err, PBASE_UNSUPPORTED, "a journal has no durability level %d",
                          (int)append->durability);
    }
    status = layout_measure(self, append, &plan, err);
    if (status != PBASE_OK) {
        return status;
    }
    /* A segment of its own has to become durable with its name and size. */
    plan.is_durable = append->durability == PBASE_DURABILITY_SYNC || plan.is_large;
    journal_lock(self, self->append_lock);
    status = append_locked(self, append, &plan, out, err);
    journal_unlock(self, self->append_lock);
    return status;
}
