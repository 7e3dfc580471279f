/* recover.c - walks the frames from `start` to the first position where none follows, and judges
 * what lies behind it.
 *
 * A frame behind the gap that is whole and says, in synced_upto, that the gap was durable when it
 * was written proves that acknowledged records were damaged: then nothing is cut. Frames without
 * that proof were never acknowledged as durable, and are cut. The idea of telling the two apart by a
 * durable watermark is that of PostgreSQL's and SQLite's recovery, made explicit in each frame. */
#include "journal/recover.h"
#include "journal/reader.h"
#include <inttypes.h>

/* Broken claims may cost checksums over this many times the bytes searched; a journal of more is not
 * ours, and must not hang the search. */
#define CLAIMED_TIMES_MAX 4u

typedef struct {
    journal *journal;
    journal_reader reader;
    const pbase_call *call;
    pbase_position head;
    uint32_t head_crc32c; /* of the frame that ends there; 0: not known */
    uint64_t searched_bytes;
    uint64_t claimed_bytes;
    pbase_position claims_end; /* of what claims to be frames in the segment of the head */
    bool has_claims;           /* there, or in a later segment */
} recovery;

/* ------------------------------------------------------------------------------------- walk --- */

static pbase_status walk(recovery *r, pbase_error *err)
{
    journal *self = r->journal;
    journal_frame frame;
    for (;;) {
        pbase_status status = pbase_call_check(r->call, self->os, err);
        if (status == PBASE_OK) {
            journal_link after = {r->head, r->head_crc32c};
            status = journal_reader_next(&r->reader, after, UINT64_MAX, &frame, err);
        }
        if (status != PBASE_OK || !frame.is_whole) {
            return status;
        }
        r->head = frame.header.position + frame.header.bytes;
        r->head_crc32c = frame.header.crc32c;
        if (frame.header.synced_upto > self->synced && frame.header.synced_upto <= r->head) {
            self->synced = frame.header.synced_upto;
        }
    }
}

/* ----------------------------------------------------------------------------------- search --- */

static pbase_status damaged(pbase_position position, pbase_position proof, pbase_error *err)
{
    pbase_status status = PBASE_FAIL(err, PBASE_CORRUPT,
                                     "the journal is damaged at position %" PRIu64
                                     ": the frame at %" PRIu64 " proves that it was durable",
                                     position, proof);
    pbase_error_hint(err, "nothing was changed; restore the segment from a backup");
    return status;
}

static pbase_status newer(pbase_position position, pbase_error *err)
{
    pbase_status status = PBASE_FAIL(
        err, PBASE_FORMAT, "the journal frame at %" PRIu64 " has a newer format", position);
    pbase_error_hint(err, "open it with the version of ProtoBase that wrote it");
    return status;
}

/* Judges one claim found behind the head. */
static pbase_status claim_judge(recovery *r, const journal_frame *frame, pbase_position position,
                                bool in_head_segment, pbase_error *err)
{
    if (frame->kind == FRAME_NEWER) {
        return newer(position, err);
    }
    if (frame->is_whole && frame->header.synced_upto > r->head && !PBASE_PLANT(12)) {
        return damaged(r->head, position, err);
    }
    r->has_claims = true;
    r->claimed_bytes += frame->checked_bytes;
    if (in_head_segment && position + frame->header.bytes > r->claims_end) {
        r->claims_end = position + frame->header.bytes;
    }
    if (r->claimed_bytes / CLAIMED_TIMES_MAX > r->searched_bytes) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "the journal after position %" PRIu64 " is full of broken frames",
                          r->head);
    }
    return PBASE_OK;
}

/* Looks wherever in `place` a frame may begin, from `from` on. */
static pbase_status search_place(recovery *r, journal_place place, pbase_position from,
                                 pbase_error *err)
{
    journal *self = r->journal;
    bool in_head_segment = from > place.base || from == r->head;
    pbase_position end = place.base + place.bytes;
    pbase_status status = pbase_call_check(r->call, self->os, err);
    r->searched_bytes += place.bytes;
    for (pbase_position at = from; status == PBASE_OK && at + FRAME_HEADER_BYTES <= end;
         at += FRAME_ALIGN) {
        const uint8_t *data = NULL;
        status =
            journal_reader_fetch(&r->reader, place, at, FRAME_HEADER_BYTES, UINT64_MAX, &data, err);
        if (status != PBASE_OK || pbase_get_u32(data) != FRAME_MAGIC) {
            continue;
        }
        journal_frame frame;
        status = journal_reader_frame(&r->reader, place, at, UINT64_MAX, &frame, err);
        if (status == PBASE_OK && frame.kind != FRAME_ALIEN) {
            status = claim_judge(r, &frame, at, in_head_segment, err);
        }
    }
    return status;
}

/* A header that damage made unreadable, right at the head, is worth telling about. */
static pbase_status head_judge(recovery *r, pbase_error *err)
{
    journal_place place;
    const uint8_t *data = NULL;
    pbase_status status;
    if (!journal_place_find(r->journal, r->head, &place) ||
        place.base + place.bytes - r->head < FRAME_HEADER_BYTES) {
        return PBASE_OK;
    }
    status = journal_reader_fetch(&r->reader, place, r->head, FRAME_HEADER_BYTES, UINT64_MAX, &data,
                                  err);
    if (status == PBASE_OK && frame_header_resembles(data, r->journal->id, r->head)) {
        r->has_claims = true;
        r->claims_end = r->claims_end > r->head ? r->claims_end : r->head + FRAME_UNIT_MIN;
    }
    return status;
}

static pbase_status search(recovery *r, pbase_error *err)
{
    journal_place place;
    pbase_position from = r->head;
    pbase_status status = PBASE_OK;
    if (journal_place_find(r->journal, r->head, &place)) {
        status = search_place(r, place, r->head, err);
        from = place.base + place.bytes;
    }
    while (status == PBASE_OK && journal_place_from(r->journal, from, &place)) {
        status = search_place(r, place, place.base, err);
        from = place.base + (place.bytes == 0 ? 1 : place.bytes);
    }
    return status == PBASE_OK ? head_judge(r, err) : status;
}

/* ------------------------------------------------------------------------------------ begin --- */

/* The frame that holds the position where the walk begins, or that position itself when it is a
 * head. Nothing kept at all is a new journal. */
static pbase_status begin(recovery *r, pbase_position start, pbase_error *err)
{
    journal_place place;
    journal_place_in in;
    pbase_status status;
    bool is_empty = !journal_place_from(r->journal, 0, &place);
    if (is_empty && start == JOURNAL_POSITION_FIRST) {
        r->head = start;
        return PBASE_OK;
    }
    bool is_kept = journal_place_find(r->journal, start, &place) ||
                   journal_place_find(r->journal, start - 1, &place) ||
                   (journal_place_from(r->journal, start, &place) && place.base == start);
    if (!is_kept) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "the journal segment that holds position %" PRIu64 " is missing", start);
    }
    status = journal_reader_locate(&r->reader, start, UINT64_MAX, &in, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (!in.is_found && (start % FRAME_ALIGN != 0 || in.is_inside)) {
        return PBASE_FAIL(err, in.is_damaged ? PBASE_CORRUPT : PBASE_INVALID,
                          "no whole record begins at journal position %" PRIu64, start);
    }
    r->head = start;
    if (in.is_found) { /* the walk takes up at the end of the frame that holds the start */
        journal_frame frame;
        (void)journal_place_find(r->journal, in.from, &place); /* locate found it there */
        status = journal_reader_frame(&r->reader, place, in.from, UINT64_MAX, &frame, err);
        if (status != PBASE_OK) {
            return status;
        }
        r->head = in.from + frame.header.bytes;
        r->head_crc32c = frame.header.crc32c;
        r->journal->synced = in.from;
    }
    return status;
}

static void report(recovery *r)
{
    journal *self = r->journal;
    self->head = r->head;
    self->head_crc32c = r->head_crc32c;
    self->tail_end = r->has_claims ? r->claims_end : 0;
    if (r->has_claims) {
        self->tail.torn_position = r->head;
        self->tail.torn_bytes = r->claims_end > r->head ? r->claims_end - r->head : FRAME_UNIT_MIN;
        pbase_log_write(self->host->log, PBASE_LOG_WARNING, "journal",
                        "cut %" PRIu64 " unacknowledged bytes at position %" PRIu64,
                        self->tail.torn_bytes, self->tail.torn_position);
    }
}

/* A segment that was entered is there, as long as it was, and everything before it. */
static pbase_status entered_check(recovery *r, const journal_entered *entered, pbase_error *err)
{
    journal_place place;
    pbase_status status = PBASE_OK;
    if (entered->base == 0) {
        return PBASE_OK;
    }
    if (!journal_place_from(r->journal, entered->base, &place) || place.base != entered->base) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "the newest segment of the journal, from position %" PRIu64
                            " on, is missing",
                            entered->base);
    } else if (place.bytes < entered->bytes) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "the journal segment from position %" PRIu64 " on has %" PRIu64
                            " bytes; it had %" PRIu64,
                            place.base, place.bytes, entered->bytes);
    } else if (r->head < entered->head) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "the journal ends at position %" PRIu64 " but was durable up to "
                            "%" PRIu64,
                            r->head, entered->head);
    }
    if (status != PBASE_OK) {
        pbase_error_hint(err, "nothing was changed; restore the segment from a backup");
    }
    return status;
}

pbase_status journal_recover(journal *self, const journal_options *options, const pbase_call *call,
                             pbase_error *err)
{
    recovery r = {.journal = self, .call = call};
    pbase_position start = options->start != 0 ? options->start : self->first;
    pbase_status status;
    journal_reader_init(&r.reader, self);
    self->synced = start;
    status = begin(&r, start, err);
    if (status == PBASE_OK) {
        status = walk(&r, err);
    }
    if (status == PBASE_OK && r.head < options->closed_at) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "the journal ends at position %" PRIu64 " but was closed at %" PRIu64,
                            r.head, options->closed_at);
    } else if (status == PBASE_OK && options->closed_at == 0) {
        status = search(&r, err);
    }
    if (status == PBASE_OK) { /* last: what the search finds says more */
        status = entered_check(&r, &options->entered, err);
    }
    if (status == PBASE_OK) {
        report(&r);
    }
    journal_reader_rest(&r.reader, status == PBASE_OK ? r.head : 0);
    return status;
}
