/* feed.h - the journal as a feed of changes: every committed operation, in order, from a sequence on.
 *
 * A feed reads records as recovery does, but only those that are published: what it tells is
 * committed. It holds one record at a time and reads operations out of it one by one. Its pin keeps
 * the journal it still has to read, up to HISTORY_PIN_BYTES_MAX; a feed further behind gets TRIMMED.
 * Commits never wait for a feed.
 *
 * Threads: confined. */
#ifndef PROTOBASE_TXN_FEED_H
#define PROTOBASE_TXN_FEED_H
#include "txn/database_names.h"
#include "txn/history.h"
#include "txn/replay.h"
#include "txn/root_names.h"

typedef enum {
    FEED_CATALOG,     /* `catalog` */
    FEED_ROOT_PUT,    /* `operation` on the roots; `was_there` tells whether it replaces */
    FEED_ROOT_REMOVE, /* `operation` on the roots */
    FEED_CHANGE,      /* `operation` on a collection of `kind` */
    FEED_ADOPTED      /* the collection has `adopted` entries now, none of which are told */
} feed_what;

/* Where a collection is found. */
typedef enum {
    FEED_IN_ROOT,    /* `root` names it */
    FEED_IN_OBJECTS, /* the objects of the database */
    FEED_IN_NESTED   /* within another collection */
} feed_place;

/* Lent until the next call on the feed. */
typedef struct {
    record_head head;
    feed_what what;
    feed_place place;
    uint64_t database;
    uint8_t kind; /* of the collection */
    bool was_there;
    bool is_last; /* of its record, among those the feed tells */
    change operation;
    catalog_change catalog;
    uint64_t adopted;
    pbase_buffer root; /* NUL behind it */
    pbase_buffer name; /* of the database, NUL behind it */
} feed_event;

typedef struct {
    uint64_t database; /* 0: every database */
    pbase_bytes root;  /* empty: every root, and the rest of the database */
    uint64_t from;     /* first sequence told; 0: the next one to be committed */
} feed_filter;

/* What is read of the record at hand. */
typedef struct {
    replay_record record;
    bool loaded;
    bool in_roots; /* the group of roots comes first, then the others */
    pbase_reader_bytes groups;
    uint64_t database;
    uint64_t group_count, groups_left;
    delta_group group;
    bool in_group;
    pbase_reader_bytes operations;
    feed_place place;
} feed_cursor;

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
    database_names databases;
    root_names roots;
    bool named; /* both are there */
    feed_cursor at;
    pbase_buffer group_root; /* the root that has the collection of the group at hand */
    feed_event events[2];    /* the one lent, and the one after it */
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

#endif
