/* planted_journal.h - the journal compiled once more, with bugs that can be switched on.
 *
 * Including it defines the whole journal in this program, in front of the one in the archive.
 * `planted_bug` selects one bug; 0 is the product as it is. The numbers stand where PBASE_PLANT is
 * used in sdk/src/journal; PLANTED_NO_DIRECTORY_SYNC and PLANTED_NO_RENAME_SYNC are faults of the
 * block provider underneath. */
#ifndef TESTS_SDK_PLANTED_JOURNAL_H
#define TESTS_SDK_PLANTED_JOURNAL_H

enum {
    PLANTED_NONE,
    PLANTED_NO_SYNC,             /* a durable append is not flushed */
    PLANTED_SYNC_BEFORE_WRITE,   /* it is flushed, then written */
    PLANTED_NO_DIRECTORY_SYNC,   /* names of segments are never made durable */
    PLANTED_STALE_FRAME,         /* a frame of a recycled segment is taken for a new one */
    PLANTED_CRC_WITHOUT_RECORDS, /* the checksum covers the header only */
    PLANTED_CRC_WITHOUT_HEADER,  /* the checksum covers the records only */
    PLANTED_TAIL_KEPT,           /* what was cut is not zeroed */
    PLANTED_SYNCED_TOO_HIGH,     /* a frame claims that what it follows was durable */
    PLANTED_ROLL_WITHOUT_FLUSH,  /* the next segment begins before the last one is durable */
    PLANTED_NO_POISON,           /* a failed flush is forgotten */
    PLANTED_TRIM_TOO_MUCH,       /* a segment goes that still holds a kept record */
    PLANTED_DAMAGE_CUT,          /* damage to acknowledged records is taken for a torn tail */
    PLANTED_NO_RENAME_SYNC,      /* a recycled segment may come back under its old name */
    PLANTED_ENTERED_FOR_EVER,  /* a segment that a crash left without a frame goes, and is missed */
    PLANTED_UNIT_CLEARED,      /* what the unit of a new frame held before is not written again */
    PLANTED_SPARE_NOT_FLUSHED, /* a new segment is not durable before it has a name */
    PLANTED_KINDS
};

static int planted_bug;
#define PBASE_PLANT(bug) (planted_bug == (bug))

#include "journal/ahead.c"
#include "journal/append.c"
#include "journal/follow.c"
#include "journal/frame.c"
#include "journal/journal.c"
#include "journal/places.c"
#include "journal/reader.c"
#include "journal/recover.c"
#include "journal/roll.c"
#include "journal/scan.c"

#endif
