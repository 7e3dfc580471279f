/* watch.h - a feed of changes: every committed change, in the order of the commits, from any commit on
 * that is still kept.
 *
 *     pbase_watch_open(space, shop, NULL, &watch, &err);
 *     while ((status = pbase_watch_next(watch, &call, &event, &err)) == PBASE_OK) { ... }
 *
 * A commit is told whole: its events come one after another, the last one says so, and what is told is
 * committed for good as far as the commit's durability goes. Who keeps the sequence of the last commit
 * it has taken in whole (pbase_watch_sequence) can begin behind it again, in another process too, as
 * long as that is kept (docs/past.md).
 *
 * The order within a commit is such that who applies the events one by one always has what they are
 * about: a collection within another is told after the value that holds it. What is put and ended in
 * the same commit is not told.
 *
 * Commits never wait for a watch. An open watch keeps the journal it has yet to read, up to 1 GiB; one
 * that falls further behind than that, and than what is kept anyway, ends with TRIMMED. Memory
 * does not grow with what there is to tell: one commit is held at a time, and of a watch that is behind
 * what changed since the checkpoint before it.
 *
 * Threads: confined: one thread at a time. */
#ifndef PROTOBASE_WATCH_H
#define PROTOBASE_WATCH_H
#include <protobase/base/arena.h>
#include <protobase/base/call.h>
#include <protobase/base/ref.h>
#include <protobase/base/value.h>
#include <protobase/database.h>
PBASE_BEGIN_DECLS

typedef struct pbase_watch pbase_watch;

typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    const char *root; /* only this root of the database; NULL: everything. Copied */
    uint64_t from;    /* the first commit told; 0: the next one */
} pbase_watch_options;
#define PBASE_WATCH_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(pbase_watch_options), 0, NULL, 0                                                    \
    }

/* What happened. */
enum {
    PBASE_CHANGE_CREATED = 1, /* a root or a database is there; a root with its plain value, or
                                  empty: what was put into it follows */
    PBASE_CHANGE_DROPPED = 2, /* a root or a database */
    PBASE_CHANGE_RENAMED = 3, /* a database */
    PBASE_CHANGE_REPLACED =
        4,                /* a root that was there: as CREATED; with is_bulk the whole content of a
                                  collection, which is empty now: its entries follow */
    PBASE_CHANGE_PUT = 5, /* key, value: of a dictionary or hash dictionary */
    PBASE_CHANGE_REMOVED = 6, /* key: of a dictionary, hash dictionary or set */
    PBASE_CHANGE_ADDED =
        7, /* key, count: of a set, counted set; of a multi-dictionary with value */
    PBASE_CHANGE_TAKEN = 8,     /* key, count: of a counted set; of a multi-dictionary with value */
    PBASE_CHANGE_APPENDED = 9,  /* value: to a list */
    PBASE_CHANGE_SET = 10,      /* index, value: of a list */
    PBASE_CHANGE_INSERTED = 11, /* index, value: into a list */
    PBASE_CHANGE_REMOVED_AT = 12,    /* index: of a list */
    PBASE_CHANGE_REMOVED_RANGE = 13, /* index, count: so many elements of a list from there on */
    PBASE_CHANGE_INDEX_CREATED = 14, /* key: its name; value: {"fields": [...], "unique": bool} */
    PBASE_CHANGE_INDEX_DROPPED = 15  /* the same */
};
/* "created", "dropped", ...; "unknown" for any other number. */
PBASE_API const char *pbase_change_name(uint32_t change);

/* Where. */
enum {
    PBASE_IN_DATABASE = 0, /* the database itself: created, dropped, renamed */
    PBASE_IN_ROOT = 1,     /* a root, or the collection it holds */
    PBASE_IN_OBJECTS = 2,  /* the objects of the database: the key is the object's reference */
    PBASE_IN_NESTED = 3    /* a collection within a value: below `root`, or with root "" below an
                              object, at pbase_watch_path */
};

/* Lent until the next call on the watch. */
typedef struct {
    uint32_t struct_size;
    uint32_t change;   /* PBASE_CHANGE_* */
    uint64_t sequence; /* of the commit */
    int64_t time_ns;   /* of the commit */
    uint32_t place;    /* PBASE_IN_* */
    uint32_t kind;     /* of the collection: PBASE_COLLECTION_*; 0: a plain value, or a database */
    const char *database; /* by the name it had after this commit; of a drop: before */
    const char *root;     /* the root's name, also of what is below it; "" when there is none */
    const char *origin;   /* of a database renamed or copied: the name before, what was copied */
    uint64_t index; /* of SET, INSERTED, REMOVED_AT and _RANGE, from the front, at that moment */
    uint64_t
        count; /* of ADDED and TAKEN: occurrences; of REMOVED_RANGE: elements; of a bulk REPLACED:
                  entries that follow */
    bool has_key, has_value;
    bool is_bulk; /* of content that came whole (a very large transaction, a large copy): REPLACED,
                     then an event for each entry */
    bool is_last; /* of what this watch tells of its commit */
    uint32_t children; /* collections in the value: pbase_watch_child */
    pbase_collection_id
        collection; /* that is changed, put under the root, or indexed: its own for as
                                       long as it lives; {0, 0}: none, {0, 1}: the objects */
} pbase_change;

/* A collection in a value that was put. */
typedef struct {
    pbase_collection_id id;
    uint32_t kind; /* PBASE_COLLECTION_* */
    bool is_new; /* made by this commit: empty, what it holds follows. Else the entry had it before,
                      and goes on having what it held */
} pbase_change_child;

/* Begins to watch one database, or with `database` NULL every one of the space; `options` NULL: all
 * defaults. Borrows both until close; the watch is of that database whatever it is called later.
 * TRIMMED: options->from is no longer kept, naming the oldest. NOT_FOUND: it is beyond the next. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_watch_open(pbase_space *space,
                                                         pbase_database *database,
                                                         const pbase_watch_options *options,
                                                         pbase_watch **out, pbase_error *err);
/* Waits for the next event. TIMEOUT when there is none until the deadline, CANCELLED (within 100 ms)
 * when the flag is set: nothing is lost, ask again. TRIMMED: the watch fell too far behind. After that and any other error the watch can
 * only be closed; one from pbase_watch_sequence + 1 on tells everything not told whole yet. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_watch_next(pbase_watch *watch, const pbase_call *call,
                                                         const pbase_change **out,
                                                         pbase_error *err);
/* The key and the value of the event told last, decoded into `arena`. NOT_FOUND: it has none. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_watch_key(pbase_watch *watch, pbase_arena *arena,
                                                        pbase_value *out, pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_watch_value(pbase_watch *watch, pbase_arena *arena,
                                                          pbase_value *out, pbase_error *err);
/* The steps from `root` down to the collection that was changed or indexed, as pbase_snapshot_at takes
 * them: a list, empty for the root's own; below an object its reference first, then steps in its
 * attributes. Keys and indexes are those of after the commit; of a collection that the commit ends
 * (told before anything else of it) those of before. NOT_FOUND: of a database, or of a collection made
 * by a version that knew no paths. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_watch_path(pbase_watch *watch, pbase_arena *arena,
                                                         pbase_value *out, pbase_error *err);
/* The class of the object that was put or removed, or that the collection is below. NOT_FOUND: the
 * event is of no object. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_watch_class(pbase_watch *watch, pbase_arena *arena,
                                                          pbase_value *out, pbase_error *err);
/* What PBASE_CHILD(n) in the event's value stands for. NOT_FOUND: there are not so many. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_watch_child(const pbase_watch *watch, uint64_t n,
                                                          pbase_change_child *out,
                                                          pbase_error *err);
/* Every commit up to this one was told whole, or had nothing to tell. */
PBASE_API uint64_t pbase_watch_sequence(const pbase_watch *watch);
/* Before the space is closed. NULL is fine. */
PBASE_API void pbase_watch_close(pbase_watch *watch);

PBASE_END_DECLS
#endif
