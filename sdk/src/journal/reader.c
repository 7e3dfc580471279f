/* reader.c - the window over the segments, and the search for the frame at or after a position. */
#include "journal/reader.h"
#include <inttypes.h>

#define WINDOW_BYTES_FIRST 16384u /* read at once, at first: enough for one record */
#define WINDOW_BYTES_LAST 262144u /* and in the end, when reading goes on */
#define WINDOW_GROWTH 4u
#define WINDOW_BYTES_RESTING 65536u

static void window_fini(const journal *self, journal_window *window)
{
    pbase_segment_close(window->segment);
    pbase_alloc_free(self->host->alloc, window->data, window->capacity);
    *window = (journal_window){0};
}

void journal_reader_init(journal_reader *reader, journal *self)
{
    *reader = (journal_reader){.journal = self, .window_bytes = WINDOW_BYTES_FIRST};
    journal_lock(self, self->state_lock);
    reader->window = self->resting;
    self->resting = (journal_window){0};
    journal_unlock(self, self->state_lock);
}

/* Opening reads its few frames several times: to find the head, for the checkpoint, and for what follows that.
 * From the first append on whoever reads, reads elsewhere. */
void journal_reader_rest(journal_reader *reader, pbase_position upto)
{
    journal *self = reader->journal;
    journal_window *window = &reader->window;
    uint64_t below = upto > window->from ? upto - window->from : 0;
    window->size = window->size < below ? window->size : (size_t)below;
    journal_lock(self, self->state_lock);
    if (self->segment == NULL && self->resting.segment == NULL && window->segment != NULL &&
        window->capacity <= WINDOW_BYTES_RESTING) {
        journal_window empty = self->resting;
        self->resting = *window;
        *window = empty;
    }
    journal_unlock(self, self->state_lock);
    window_fini(self, window);
}

void journal_rest_end(journal *self)
{
    journal_lock(self, self->state_lock);
    journal_window window = self->resting;
    self->resting = (journal_window){0};
    journal_unlock(self, self->state_lock);
    window_fini(self, &window);
}

/* ----------------------------------------------------------------------------------- window --- */

static pbase_status reader_turn(journal_reader *reader, journal_place place, pbase_error *err)
{
    char name[JOURNAL_NAME_BYTES];
    pbase_segment *opened = NULL;
    pbase_status status;
    if (reader->window.segment != NULL && reader->window.place.base == place.base) {
        return PBASE_OK;
    }
    journal_segment_name(place.base, name);
    status = pbase_blocks_open(reader->journal->blocks, NULL, name, 0, &opened, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_segment_close(reader->window.segment);
    reader->window.segment = opened;
    reader->window.place = place;
    reader->window.size = 0;
    return PBASE_OK;
}

static pbase_status window_grow(journal_reader *reader, size_t size, pbase_error *err)
{
    const pbase_alloc *alloc = reader->journal->host->alloc;
    uint8_t *grown;
    if (size <= reader->window.capacity) {
        return PBASE_OK;
    }
    grown = alloc->resize(alloc, reader->window.data, reader->window.capacity, size);
    if (grown == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %zu bytes of the journal", size);
    }
    reader->window.data = grown;
    reader->window.capacity = size;
    return PBASE_OK;
}

/* How much to read at `position`, when `size` bytes are wanted: a window, within the segment, and no
 * more beyond `limit` than asked for. */
static size_t window_bytes(const journal_reader *reader, journal_place place,
                           pbase_position position, size_t size, pbase_position limit)
{
    uint64_t left = place.base + place.bytes - position;
    uint64_t wish = size > reader->window_bytes ? size : reader->window_bytes;
    uint64_t known = limit > position ? limit - position : 0;
    wish = known < wish ? (known > size ? known : size) : wish;
    return (size_t)(wish < left ? wish : left);
}

pbase_status journal_reader_fetch(journal_reader *reader, journal_place place,
                                  pbase_position position, size_t size, pbase_position limit,
                                  const uint8_t **out, pbase_error *err)
{
    size_t wish = window_bytes(reader, place, position, size, limit);
    size_t got = 0;
    pbase_status status = reader_turn(reader, place, err);
    PBASE_ASSERT(size <= wish);
    if (status != PBASE_OK) {
        return status;
    }
    if (reader->window.size > 0 && position >= reader->window.from &&
        position - reader->window.from + size <= reader->window.size) {
        *out = reader->window.data + (position - reader->window.from);
        return PBASE_OK;
    }
    reader->window.size = 0;
    status = window_grow(reader, wish, err);
    if (status == PBASE_OK) {
        status = pbase_segment_read(reader->window.segment, NULL, position - place.base,
                                    reader->window.data, wish, &got, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    memset(reader->window.data + got, 0, wish - got);
    reader->window_bytes = reader->window_bytes < WINDOW_BYTES_LAST
                               ? reader->window_bytes * WINDOW_GROWTH
                               : WINDOW_BYTES_LAST;
    reader->window.from = position;
    reader->window.size = position + wish <= limit ? wish : limit > position ? limit - position : 0;
    *out = reader->window.data;
    return PBASE_OK;
}

/* ----------------------------------------------------------------------------------- frames --- */

pbase_status journal_reader_frame(journal_reader *reader, journal_place place,
                                  pbase_position position, pbase_position limit, journal_frame *out,
                                  pbase_error *err)
{
    uint64_t offset = position - place.base;
    frame_crc32c crc32c = reader->journal->host->crc32c;
    const uint8_t *data = NULL;
    frame_kind said;
    pbase_status status;
    *out = (journal_frame){.kind = FRAME_ALIEN};
    if (offset > place.bytes || place.bytes - offset < FRAME_HEADER_BYTES || position >= limit ||
        limit - position < FRAME_HEADER_BYTES) {
        return PBASE_OK;
    }
    status = journal_reader_fetch(reader, place, position, FRAME_HEADER_BYTES, limit, &data, err);
    if (status != PBASE_OK) {
        return status;
    }
    said = frame_header_decode(data, reader->journal->id, position, &out->header);
    out->kind = said == FRAME_NEWER ? FRAME_CLAIM : said; /* until its checksum holds */
    if (said == FRAME_ALIEN || out->header.bytes > place.bytes - offset ||
        out->header.bytes > limit - position) {
        return PBASE_OK;
    }
    status =
        journal_reader_fetch(reader, place, position, (size_t)out->header.bytes, limit, &data, err);
    if (status == PBASE_OK) {
        if (said == FRAME_CLAIM) {
            out->is_whole = frame_is_whole(&out->header, data, crc32c);
        } else if (frame_sum_holds(&out->header, data, crc32c)) {
            out->kind = FRAME_NEWER;
        }
        out->data = data;
        out->checked_bytes = out->header.bytes;
    }
    return status;
}

journal_link journal_frame_link(const frame_header *header)
{
    return (journal_link){header->position + header->bytes, header->crc32c};
}

static bool follows(const frame_header *header, journal_link after)
{
    bool is_known = header->after_crc32c != 0 && after.crc32c != 0;
    if (PBASE_PLANT(4) || PBASE_PLANT(7)) { /* any frame follows any other */
        return true;
    }
    return header->after == after.end && (!is_known || header->after_crc32c == after.crc32c);
}

/* One candidate for the frame after another. */
static pbase_status candidate(journal_reader *reader, journal_link after, pbase_position position,
                              pbase_position limit, journal_frame *out, pbase_error *err)
{
    journal_place place;
    pbase_status status = PBASE_OK;
    *out = (journal_frame){.kind = FRAME_ALIEN};
    if (journal_place_find(reader->journal, position, &place)) {
        status = journal_reader_frame(reader, place, position, limit, out, err);
    }
    out->is_whole = status == PBASE_OK && out->is_whole && follows(&out->header, after);
    return status;
}

pbase_status journal_reader_next(journal_reader *reader, journal_link after, pbase_position limit,
                                 journal_frame *out, pbase_error *err)
{
    static const uint64_t units[] = {FRAME_ALIGN, FRAME_UNIT_MIN, FRAME_UNIT_MAX};
    journal_place place;
    pbase_position last = 0;
    pbase_status status = PBASE_OK;
    *out = (journal_frame){.kind = FRAME_ALIEN};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        pbase_position at = frame_round(after.end, units[i]);
        if (status == PBASE_OK && !out->is_whole && at != last) {
            status = candidate(reader, after, at, limit, out, err);
        }
        last = at;
    }
    if (status == PBASE_OK && !out->is_whole &&
        journal_place_from(reader->journal, after.end, &place)) {
        status = candidate(reader, after, place.base, limit, out, err);
    }
    return status;
}

/* ------------------------------------------------------------------------------------ locate --- */

/* A whole frame at `from` that has a record whose header lies at `position`. */
static pbase_status locate_record(journal_reader *reader, pbase_position from,
                                  pbase_position position, pbase_position limit,
                                  journal_place_in *out, pbase_error *err)
{
    journal_place place;
    journal_frame frame;
    uint64_t at = FRAME_HEADER_BYTES;
    pbase_status status;
    if (!journal_place_find(reader->journal, from, &place)) {
        return PBASE_OK;
    }
    status = journal_reader_frame(reader, place, from, limit, &frame, err);
    if (status != PBASE_OK || !frame.is_whole) {
        out->is_damaged = status == PBASE_OK && frame.kind != FRAME_ALIEN;
        return status;
    }
    for (uint32_t i = 0; i < frame.header.record_count; i++) {
        if (position == (i == 0 ? from : from + at)) {
            *out = (journal_place_in){
                .is_found = true, .has_frame = true, .from = from, .record_at = at, .index = i};
            return PBASE_OK;
        }
        (void)frame_record(frame.data, at, &at);
    }
    return PBASE_OK;
}

/* A record header inside a frame says how far from the frame's beginning it lies. */
static pbase_status locate_inside(journal_reader *reader, pbase_position position,
                                  pbase_position limit, journal_place_in *out, pbase_error *err)
{
    journal_place place;
    const uint8_t *data = NULL;
    uint64_t back;
    pbase_status status;
    if (!journal_place_find(reader->journal, position, &place) ||
        place.base + place.bytes - position < FRAME_RECORD_HEADER_BYTES ||
        position % FRAME_RECORD_ALIGN != 0) {
        return PBASE_OK;
    }
    status =
        journal_reader_fetch(reader, place, position, FRAME_RECORD_HEADER_BYTES, limit, &data, err);
    if (status != PBASE_OK) {
        return status;
    }
    back = pbase_get_u32(data + 4);
    if (back < FRAME_HEADER_BYTES || back > position - place.base ||
        (position - back) % FRAME_ALIGN != 0) {
        return PBASE_OK;
    }
    return locate_record(reader, position - back, position, limit, out, err);
}

pbase_status journal_reader_locate(journal_reader *reader, pbase_position position,
                                   pbase_position limit, journal_place_in *out, pbase_error *err)
{
    journal_frame frame;
    pbase_status status = PBASE_OK;
    bool is_damaged;
    *out = (journal_place_in){0};
    if (position % FRAME_ALIGN == 0) {
        status = locate_record(reader, position, position, limit, out, err);
    }
    is_damaged = out->is_damaged;
    out->is_damaged = false;
    if (status == PBASE_OK && !out->is_found) {
        status = locate_inside(reader, position, limit, out, err);
    }
    bool is_inside = out->is_damaged;
    if (status == PBASE_OK && !out->is_found && position % FRAME_ALIGN == 0) {
        status = journal_reader_next(reader, (journal_link){position, 0}, limit, &frame, err);
        if (status == PBASE_OK && frame.is_whole) {
            *out = (journal_place_in){.is_found = true,
                                      .has_frame = true,
                                      .from = frame.header.position,
                                      .record_at = FRAME_HEADER_BYTES};
        }
    }
    out->is_damaged = !out->is_found && (is_damaged || is_inside);
    out->is_inside = !out->is_found && is_inside;
    return status;
}
