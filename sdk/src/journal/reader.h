/* reader.h - reads frames through a window that moves over the segments.
 *
 * Threads: confined; reads only what the journal has published, so it runs beside appends. */
#ifndef PBASE_JOURNAL_READER_H
#define PBASE_JOURNAL_READER_H
#include "journal/journal_state.h"

typedef struct {
    journal *journal; /* borrowed until it rests */
    journal_window window;
    size_t window_bytes; /* to be read at once; grows as reading goes on */
} journal_reader;

/* Takes state_lock, as the next one does. */
void journal_reader_init(journal_reader *reader, journal *self);
/* Ends it. What its window has of frames below `upto`, all of which are whole, the next reader may find there
 * as long as nothing was appended. */
void journal_reader_rest(journal_reader *reader, pbase_position upto);

/* Lends `size` bytes at `position`, all in `place`, until the next call. Bytes at or above `limit`
 * are not kept for later calls, as they may still be written. What the segment does not have reads
 * as zeros. NOT_FOUND: the segment is gone. */
PBASE_MUST_CHECK pbase_status journal_reader_fetch(journal_reader *reader, journal_place place,
                                                   pbase_position position, size_t size,
                                                   pbase_position limit, const uint8_t **out,
                                                   pbase_error *err);

/* A frame in the window. */
typedef struct {
    frame_header header;
    const uint8_t *data; /* lent until the next call on the reader */
    frame_kind kind; /* CLAIM: the header says that one is here; NEWER: and the checksum holds */
    uint64_t checked_bytes; /* what the checksum was made of */
    bool is_whole;          /* CLAIM whose checksum and records hold */
} journal_frame;

/* Looks for a frame at `position` that ends at or below `limit`. OK whether there is one or not. */
PBASE_MUST_CHECK pbase_status journal_reader_frame(journal_reader *reader, journal_place place,
                                                   pbase_position position, pbase_position limit,
                                                   journal_frame *out, pbase_error *err);

/* Looks for the frame that follows `after`: at its end, at the next unit of either size, or at the beginning
 * of the next segment; only one that says so itself counts. `out->is_whole` is false when there is
 * none. */
PBASE_MUST_CHECK pbase_status journal_reader_next(journal_reader *reader, journal_link after,
                                                  pbase_position limit, journal_frame *out,
                                                  pbase_error *err);
/* What the frame after a whole one says that it follows. */
journal_link journal_frame_link(const frame_header *header);

/* Where reading may begin at a position that somebody remembered. */
typedef struct {
    bool is_found;       /* false: nothing begins there below `limit` */
    bool is_damaged;     /* a frame claims to be there but is not whole */
    bool is_inside;      /* a damaged one that begins before the position */
    bool has_frame;      /* false: it is the end of the last frame, and none follows yet */
    pbase_position from; /* of the frame, or the end */
    uint64_t record_at;  /* offset in the frame of the record's header */
    uint32_t index;      /* of the record in the frame */
} journal_place_in;

PBASE_MUST_CHECK pbase_status journal_reader_locate(journal_reader *reader, pbase_position position,
                                                    pbase_position limit, journal_place_in *out,
                                                    pbase_error *err);

#endif
