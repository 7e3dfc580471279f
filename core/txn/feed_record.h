/* feed_record.h - one published record as events.
 *
 * A record is told between the state before it and the state after it: names, places and what was
 * there are read from those. The order is such that who applies the events one by one always has the
 * place that an event names: first what was done inside collections that the record ends (with their
 * places of before, inner ones first), then the roots, then collections from the roots down, and
 * definitions of indexes last. What the record both makes and ends is not told.
 *
 * Content that came whole (adopted) is told as one event and then entry by entry.
 *
 * Threads: confined. */
#ifndef PROTOBASE_TXN_FEED_RECORD_H
#define PROTOBASE_TXN_FEED_RECORD_H
#include "collection/change.h"
#include "collection/tree_cursor.h"
#include "index/definition.h"
#include "txn/place.h"
#include "txn/replay.h"

typedef enum {
    FEED_CATALOG,       /* `catalog` */
    FEED_ROOT_PUT,      /* `operation` on the roots; `was_there` tells whether it replaces */
    FEED_ROOT_REMOVE,   /* `operation` on the roots */
    FEED_CHANGE,        /* `operation` on a collection of `kind` */
    FEED_ADOPTED,       /* the collection has `adopted` entries now, which follow */
    FEED_ADOPTED_ENTRY, /* `operation` puts one of them */
    FEED_INDEX          /* `index`, on `collection` */
} feed_what;

/* Where a collection is found. */
typedef enum {
    FEED_IN_ROOT,    /* `root` names it */
    FEED_IN_OBJECTS, /* the objects of the database */
    FEED_IN_NESTED   /* in a value below `root`, or below the object `object` */
} feed_place;

/* Lent until the next call on the feed. */
typedef struct {
    record_head head;
    feed_what what;
    feed_place place;
    uint64_t database;
    uint8_t kind;                   /* of the collection */
    pbase_collection_id collection; /* that is changed, put under the root, or indexed */
    bool was_there;
    bool is_last;       /* of its record, among those the feed tells */
    bool in_before;     /* the collection is one of the state before, and ended by the record */
    bool is_known;      /* of FEED_IN_NESTED: there is a path down to it */
    encoded_key object; /* empty: it is not below one */
    change operation;
    index_operation index; /* of a drop with the definition as value */
    catalog_change catalog;
    uint64_t adopted;
    const char *root;  /* "" when there is none */
    const char *name;  /* of the database */
    pbase_buffer copy; /* what an adopted entry points to */
} feed_event;

typedef struct {
    uint64_t database; /* 0: every database */
    pbase_bytes root;  /* empty: every root, and the rest of the database */
    uint64_t from;     /* first sequence told; 0: the next one to be committed */
} feed_filter;

/* The groups of the record at hand, in the order in which they are told. */
typedef struct {
    delta_group group;
    int64_t order;
    uint64_t number; /* in the record */
    feed_place place;
    pbase_collection_id id;
    bool in_before, is_known;
    encoded_key object;
    const char *root;
} feed_group;

typedef struct {
    const pbase_alloc *alloc;
    atom_source *atoms;
    const feed_filter *filter; /* borrowed, with its root */
    pbase_arena arena;         /* of the record at hand */
    replay_record record;
    space_state *before, *after; /* lent */
    place_view view_before, view_after;
    bool loaded;
    uint64_t database;
    const char *name;
    feed_group *groups;
    size_t count, next;
    feed_group *at; /* NULL: between groups */
    pbase_reader_bytes operations;
    tree_cursor entries; /* of adopted content */
    bool in_entries;
} feed_record;

void feed_record_init(feed_record *self, const pbase_alloc *alloc, atom_source *atoms,
                      const feed_filter *filter);
void feed_record_fini(feed_record *self);
/* Begins with a record, which like the states stays until it is told or the next one is loaded. */
PBASE_MUST_CHECK pbase_status feed_record_load(feed_record *self, const replay_record *record,
                                               space_state *before, space_state *after,
                                               pbase_error *err);
/* The next event; END when the record has no more. `out->copy` stays the caller's. */
PBASE_MUST_CHECK pbase_status feed_record_next(feed_record *self, feed_event *out,
                                               pbase_error *err);
/* The database of the record as a state has it: that before the record, or that after it. */
static inline const place_view *feed_record_view(const feed_record *self, bool before)
{
    return before ? &self->view_before : &self->view_after;
}

#endif
