/* feed.h - the journal as a feed of changes: every committed operation, in order, from a sequence on.
 *
 * A feed reads records as recovery does, but only those that are published: what it tells is
 * committed. It holds one record at a time, with the states before and after it, and reads operations
 * out of it one by one (feed_record.h). The state after a record is the newest one for a feed that
 * keeps up; for one that is behind it is made in memory, by the code of commit, and dropped as soon as
 * the feed meets a checkpoint that it can go on from, or has caught up.
 *
 * Its pin keeps the journal it still has to read, up to HISTORY_PIN_BYTES_MAX; a feed further behind
 * gets TRIMMED. Commits never wait for a feed.
 *
 * Threads: confined. */
#ifndef PROTOBASE_TXN_FEED_H
#define PROTOBASE_TXN_FEED_H
#include "txn/feed_record.h"
#include "txn/history.h"

typedef struct {
    engine *owner; /* borrowed until close */
    feed_filter filter;
    pbase_buffer root_filter; /* what filter.root points to */
    engine_pin pin;
    pbase_position position; /* of the next record to read */
    uint64_t sequence;       /* of the last record read, */
    uint64_t told;           /* and of the last that was told whole */
    record_scan scan;
    bool scanning;
    space_state *before, *after; /* of the last record read, one count each; NULL: none */
    uint64_t made_bytes;         /* of journal that `after` was made of in memory */
    feed_record record;
    feed_event events[2]; /* the one lent, and the one after it */
    unsigned current;
    bool ahead; /* the other one is filled */
} feed;

/* TRIMMED: `from` is no longer kept, naming the oldest; NOT_FOUND: it is not even the next one. */
PBASE_MUST_CHECK pbase_status feed_open(feed *self, engine *owner, const feed_filter *filter,
                                        pbase_error *err);
/* Waits for the next event. TIMEOUT, CANCELLED: none came; nothing is lost. TRIMMED: the feed fell
 * too far behind. */
PBASE_MUST_CHECK pbase_status feed_next(feed *self, const pbase_call *call, const feed_event **out,
                                        pbase_error *err);
/* Every event up to this sequence was told. */
uint64_t feed_sequence(const feed *self);
void feed_close(feed *self);

/* The following ask for the event told last. */

/* The steps down to the collection it is about, as a list; empty for a root and its own collection.
 * NOT_FOUND: it is about a database, or nothing leads to the collection. */
PBASE_MUST_CHECK pbase_status feed_path(feed *self, const feed_event *told, pbase_arena *arena,
                                        pbase_value *out, pbase_error *err);
/* The object that it is about or below, as it is stored: after the record, or before when it is gone.
 * NOT_FOUND: there is none. */
PBASE_MUST_CHECK pbase_status feed_object(feed *self, const feed_event *told, pbase_arena *arena,
                                          pbase_bytes *out, pbase_error *err);

#endif
