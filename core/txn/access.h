/* access.h - what a transaction read and wrote, and who wins when others wrote meanwhile.
 *
 * Reads and writes are kept as accesses: a point (one key, one list index), a range of keys, or the
 * whole collection. A point is remembered by the 64-bit hash of (database, collection, key); two
 * keys with one hash can cause a needless conflict, never a missed one.
 *
 * The window remembers what committed transactions wrote, back to the oldest transaction that is
 * still open. It is what DESIGN calls the window of kept write sets: past WINDOW_WRITES_MAX it
 * forgets everything, and a transaction that began before that is refused as too old.
 *
 * Threads: an access_set is confined to its transaction. The window is guarded by the commit lock.
 * Source: backward validation of H. T. Kung and J. T. Robinson, "On Optimistic Methods for
 * Concurrency Control", 1981, section 3; with ranges instead of predicates. */
#ifndef PROTOBASE_TXN_ACCESS_H
#define PROTOBASE_TXN_ACCESS_H
#include <protobase/base/arena.h>
#include <protobase/base/ref.h>
#include <protobase/plugin/host.h>

#define WINDOW_WRITES_MAX 4194304u

typedef enum {
    ACCESS_POINT, /* one key; a list: one index */
    ACCESS_ADD,   /* one key of a set, by an add: merges with other adds of it */
    ACCESS_TAIL,  /* an append to a list: merges with other appends and with points */
    ACCESS_RANGE, /* keys between two bounds */
    ACCESS_WHOLE  /* everything: counts, full scans; inserts and removals in a list */
} access_kind;

typedef struct {
    uint64_t database;
    pbase_collection_id collection;
} access_place;

typedef struct {
    access_kind kind;
    bool from_inclusive, to_inclusive;
    bool from_open, to_open; /* no bound on that side */
    bool empty;              /* a range not extended yet */
    access_place place;
    uint64_t hash;    /* of a point or add */
    pbase_bytes from; /* of a point or add: its key; of a range: the lower bound */
    pbase_bytes to;
} access;

typedef struct {
    const pbase_host *host;
    pbase_arena arena; /* keys and bounds */
    access *items;
    size_t count, capacity;
    uint64_t *seen; /* open addressing: hashes of the points in it, 0 is free */
    size_t seen_capacity;
} access_set;

void access_set_init(access_set *set, const pbase_host *host);
void access_set_fini(access_set *set);
/* Adds one access; a point or whole that is in it already is not added twice. The keys are copied.
 * When the set is full (PBASE_READ_SET_MAX) the collection is added whole instead. */
PBASE_MUST_CHECK pbase_status access_set_add(access_set *set, const access *item, pbase_error *err);
/* Adds a range that is empty until its first extension, and yields its index; SIZE_MAX when the
 * set is full and the whole collection stands for it. */
PBASE_MUST_CHECK pbase_status access_set_range_begin(access_set *set, const access *range,
                                                     size_t *out_index, pbase_error *err);
/* Moves one bound of a range begun before; `to` NULL: to the end. */
PBASE_MUST_CHECK pbase_status access_set_range_extend(access_set *set, size_t index, bool upper,
                                                      const pbase_bytes *bound, bool inclusive,
                                                      pbase_error *err);
uint64_t access_hash(const pbase_host *host, const access_place *place, pbase_bytes key);

/* --------------------------------------------------------------------------------- window ---- */

typedef struct write_window write_window;
PBASE_MUST_CHECK pbase_status write_window_create(const pbase_host *host, write_window **out,
                                                  pbase_error *err);
void write_window_destroy(write_window *window); /* NULL is fine */
/* Remembers what the record `sequence` wrote. Sequences grow. With `writes` NULL, and when memory
 * is short, the window forgets everything instead: whoever began before is too old, nothing is
 * missed. */
void write_window_add(write_window *window, uint64_t sequence, const access_set *writes);
/* CONFLICT when a commit after `base` wrote what `reads` or `writes` touch, naming the commit; or
 * when `base` is older than the window. `reads` NULL: not asked. */
PBASE_MUST_CHECK pbase_status write_window_validate(const write_window *window, uint64_t base,
                                                    const access_set *reads,
                                                    const access_set *writes, pbase_error *err);
/* Nobody that began before `oldest` is open any more. */
void write_window_trim(write_window *window, uint64_t oldest);
uint64_t write_window_count(const write_window *window);

#endif
