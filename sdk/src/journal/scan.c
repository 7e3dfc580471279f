/* scan.c - lends the records one by one, frame after frame, up to the head. */
#include "journal/reader.h"
#include <inttypes.h>

struct pbase_journal_scan {
    journal *journal; /* borrowed until close */
    journal_reader reader;
    journal_frame frame;
    bool in_frame; /* `frame` has records left: index, at */
    bool is_exact; /* else the next frame lies at from.end, or only follows `from` */
    pbase_position
        asked; /* of the record in the exact frame; what lies before it may be forgotten */
    journal_link from;
    uint32_t index;
    uint32_t skip; /* records of the first frame that lie before the place asked for */
    uint64_t at;
};

static void ends_get(journal *self, pbase_position *out_first, pbase_position *out_head)
{
    journal_lock(self, self->state_lock);
    *out_first = self->first;
    *out_head = self->head;
    journal_unlock(self, self->state_lock);
}

/* The first position that is kept now: who trims says so before a segment goes, while our own table may
 * miss the segment already and our own bound not know why. */
static pbase_position first_now(journal *self)
{
    pbase_position first;
    pbase_position head;
    ends_get(self, &first, &head);
    pbase_position now = self->first_now == NULL ? 0 : self->first_now(self->state);
    return now > first ? now : first;
}

static pbase_status trimmed(pbase_position position, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_TRIMMED, "the journal no longer keeps position %" PRIu64,
                      position);
}

/* Says what is wrong at a position that should have held a frame. A segment that disappeared, or was
 * written over, while it was read has been trimmed. */
static pbase_status broken(journal *self, pbase_position position, pbase_error *err)
{
    if (position < first_now(self)) {
        return trimmed(position, err);
    }
    pbase_status status =
        PBASE_FAIL(err, PBASE_CORRUPT, "the journal is damaged at position %" PRIu64, position);
    pbase_error_hint(err, "restore the segment from a backup");
    return status;
}

/* ------------------------------------------------------------------------------------- open --- */

static pbase_status scan_begin(pbase_journal_scan *scan, pbase_position from, pbase_position head,
                               pbase_error *err)
{
    journal_place_in in;
    pbase_status status;
    if (from == head) {
        scan->from.end = from;
        return PBASE_OK;
    }
    status = journal_reader_locate(&scan->reader, from, head, &in, err);
    if (status == PBASE_NOT_FOUND) {
        return broken(scan->journal, from, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (!in.is_found) {
        return in.is_damaged || from < first_now(scan->journal)
                   ? broken(scan->journal, from, err)
                   : PBASE_FAIL(err, PBASE_INVALID, "no record begins at journal position %" PRIu64,
                                from);
    }
    scan->from.end = in.from;
    scan->asked = from > in.from ? from : in.from;
    scan->is_exact = true;
    scan->skip = in.index;
    return PBASE_OK;
}

pbase_status journal_scan_open(journal *self, const pbase_call *call, pbase_position from,
                               pbase_journal_scan **out, pbase_error *err)
{
    pbase_position first;
    pbase_position head;
    pbase_journal_scan *scan;
    pbase_status status = pbase_call_check(call, self->os, err);
    if (status != PBASE_OK) {
        return status;
    }
    ends_get(self, &first, &head);
    from = from == 0 ? first : from;
    if (from < first) {
        return trimmed(from, err);
    }
    if (from > head) {
        return PBASE_FAIL(err, PBASE_INVALID, "position %" PRIu64 " is beyond the head %" PRIu64,
                          from, head);
    }
    scan = pbase_alloc_zeroed(self->host->alloc, 1, sizeof(*scan));
    if (scan == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to scan the journal");
    }
    scan->journal = self;
    journal_reader_init(&scan->reader, self);
    status = scan_begin(scan, from, head, err);
    if (status != PBASE_OK) {
        journal_scan_close(scan);
        return status;
    }
    *out = scan;
    return PBASE_OK;
}

void journal_scan_close(pbase_journal_scan *scan)
{
    if (scan != NULL) {
        journal_reader_rest(&scan->reader, UINT64_MAX); /* none was read beyond a head */
        pbase_alloc_free(scan->journal->host->alloc, scan, sizeof(*scan));
    }
}

/* ------------------------------------------------------------------------------------- next --- */

/* Reads the frame at, or after, `scan->from`. END at the head. */
static pbase_status frame_enter(pbase_journal_scan *scan, pbase_error *err)
{
    pbase_position first;
    pbase_position head;
    journal_place place;
    pbase_status status = PBASE_OK;
    ends_get(scan->journal, &first, &head);
    if ((scan->is_exact ? scan->asked : scan->from.end) < first) {
        return trimmed(scan->from.end, err);
    }
    if (scan->from.end >= head) {
        return PBASE_END;
    }
    scan->frame = (journal_frame){.kind = FRAME_ALIEN};
    if (!scan->is_exact) {
        status = journal_reader_next(&scan->reader, scan->from, head, &scan->frame, err);
    } else if (journal_place_find(scan->journal, scan->from.end, &place)) {
        status =
            journal_reader_frame(&scan->reader, place, scan->from.end, head, &scan->frame, err);
    }
    if (status == PBASE_NOT_FOUND || (status == PBASE_OK && !scan->frame.is_whole)) {
        return broken(scan->journal, scan->from.end, err);
    }
    scan->in_frame = status == PBASE_OK;
    scan->index = 0;
    scan->at = FRAME_HEADER_BYTES;
    return status;
}

static void record_lend(pbase_journal_scan *scan, pbase_journal_record *out)
{
    const frame_header *header = &scan->frame.header;
    uint64_t next_at = 0;
    *out = (pbase_journal_record){
        .position = header->position + (scan->index == 0 ? 0 : scan->at),
        .bytes = frame_record(scan->frame.data, scan->at, &next_at),
        .token = header->token,
        .index = scan->index,
        .count = header->record_count,
    };
    scan->at = next_at;
    scan->index++;
    if (scan->index == header->record_count) {
        scan->in_frame = false;
        scan->is_exact = false;
        scan->from = journal_frame_link(header);
        out->next = scan->from.end;
    } else {
        out->next = header->position + next_at;
    }
}

pbase_status journal_scan_next(pbase_journal_scan *scan, const pbase_call *call,
                               pbase_journal_record *out, pbase_error *err)
{
    pbase_status status = pbase_call_check(call, scan->journal->os, err);
    if (status == PBASE_OK && !scan->in_frame) {
        status = frame_enter(scan, err);
    }
    while (status == PBASE_OK && scan->index < scan->skip) {
        pbase_journal_record skipped;
        record_lend(scan, &skipped);
    }
    if (status == PBASE_OK) {
        scan->skip = 0;
        record_lend(scan, out);
    }
    return status;
}
