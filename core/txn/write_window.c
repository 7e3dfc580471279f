/* write_window.c - what committed transactions wrote lately, and validation against it.
 *
 * A map gives, for the hash of a point and for marks of a collection ("any write", "whole write"),
 * the sequence of the newest commit that wrote it: points and wholes are decided by one look-up.
 * Ranges are compared with the written keys themselves, newest first. */
#include "txn/access.h"

#include <inttypes.h>

typedef struct {
    uint64_t hash; /* 0: free */
    uint64_t sequence;
} last_write;

typedef struct {
    uint64_t sequence;
    access_set writes; /* points that ranges are compared with */
} window_commit;

struct write_window {
    const pbase_host *host;
    uint64_t floor; /* bases below it are too old */
    uint64_t newest;
    last_write *map;
    size_t map_capacity, map_count;
    window_commit *commits; /* oldest first */
    size_t commit_count, commit_capacity;
    uint64_t write_count;
};

enum { MARK_ANY = 2, MARK_WHOLE = 3 };
/* Added to the hash of a point: the newest write of it that was not an add to a set. */
#define NOT_AN_ADD 0x9e3779b97f4a7c15u

static uint64_t mark_hash(const write_window *window, const access_place *place, uint64_t mark)
{
    uint64_t hash = window->host->hash64(place, sizeof *place, mark);
    return hash == 0 ? 1 : hash;
}

pbase_status write_window_create(const pbase_host *host, write_window **out, pbase_error *err)
{
    write_window *window = pbase_alloc_zeroed(host->alloc, 1, sizeof *window);
    if (window == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the window of writes");
    }
    window->host = host;
    *out = window;
    return PBASE_OK;
}

static void forget_all(write_window *window)
{
    const pbase_alloc *alloc = window->host->alloc;
    for (size_t i = 0; i < window->commit_count; i++) {
        access_set_fini(&window->commits[i].writes);
    }
    pbase_alloc_free(alloc, window->commits, window->commit_capacity * sizeof *window->commits);
    pbase_alloc_free(alloc, window->map, window->map_capacity * sizeof *window->map);
    window->commits = NULL;
    window->map = NULL;
    window->commit_count = window->commit_capacity = 0;
    window->map_count = window->map_capacity = 0;
    window->write_count = 0;
    window->floor = window->newest;
}

void write_window_destroy(write_window *window)
{
    if (window != NULL) {
        forget_all(window);
        pbase_alloc_free(window->host->alloc, window, sizeof *window);
    }
}

uint64_t write_window_count(const write_window *window)
{
    return window->write_count;
}

/* -------------------------------------------------------------------------------------- map ---- */

static last_write *map_slot(last_write *map, size_t capacity, uint64_t hash)
{
    size_t at = (size_t)hash & (capacity - 1);
    while (map[at].hash != 0 && map[at].hash != hash) {
        at = (at + 1) & (capacity - 1);
    }
    return &map[at];
}

static uint64_t last_of(const write_window *window, uint64_t hash)
{
    return window->map_capacity == 0 ? 0
                                     : map_slot(window->map, window->map_capacity, hash)->sequence;
}

static bool map_grow(write_window *window)
{
    size_t capacity = window->map_capacity == 0 ? 1024 : window->map_capacity * 2;
    last_write *map = pbase_alloc_zeroed(window->host->alloc, capacity, sizeof *map);
    if (map == NULL) {
        return false;
    }
    for (size_t i = 0; i < window->map_capacity; i++) {
        if (window->map[i].hash != 0) {
            *map_slot(map, capacity, window->map[i].hash) = window->map[i];
        }
    }
    pbase_alloc_free(window->host->alloc, window->map, window->map_capacity * sizeof *window->map);
    window->map = map;
    window->map_capacity = capacity;
    return true;
}

static bool map_put(write_window *window, uint64_t hash, uint64_t sequence)
{
    if (2 * (window->map_count + 1) > window->map_capacity && !map_grow(window)) {
        return false;
    }
    last_write *slot = map_slot(window->map, window->map_capacity, hash);
    window->map_count += slot->hash == 0;
    slot->hash = hash;
    slot->sequence = sequence;
    return true;
}

static bool map_add(write_window *window, uint64_t sequence, const access_set *writes)
{
    for (size_t i = 0; i < writes->count; i++) {
        const access *item = &writes->items[i];
        bool ok = map_put(window, mark_hash(window, &item->place, MARK_ANY), sequence);
        if (ok && item->kind == ACCESS_WHOLE) {
            ok = map_put(window, mark_hash(window, &item->place, MARK_WHOLE), sequence);
        }
        if (ok && (item->kind == ACCESS_POINT || item->kind == ACCESS_ADD)) {
            ok = map_put(window, item->hash, sequence);
        }
        if (ok && item->kind == ACCESS_POINT) {
            ok = map_put(window, (item->hash + NOT_AN_ADD) | 1u, sequence);
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------------------------- commits ---- */

static bool commits_add(write_window *window, uint64_t sequence, const access_set *writes)
{
    if (window->commit_count == window->commit_capacity) {
        size_t capacity = window->commit_capacity == 0 ? 64 : window->commit_capacity * 2;
        window_commit *commits = window->host->alloc->resize(
            window->host->alloc, window->commits, window->commit_capacity * sizeof *window->commits,
            capacity * sizeof *window->commits);
        if (commits == NULL) {
            return false;
        }
        window->commits = commits;
        window->commit_capacity = capacity;
    }
    window_commit *commit = &window->commits[window->commit_count++];
    commit->sequence = sequence;
    access_set_init(&commit->writes, window->host);
    for (size_t i = 0; i < writes->count; i++) {
        if (access_set_add(&commit->writes, &writes->items[i], NULL) != PBASE_OK) {
            return false;
        }
    }
    return true;
}

void write_window_add(write_window *window, uint64_t sequence, const access_set *writes)
{
    window->newest = sequence;
    if (writes == NULL || window->write_count + writes->count > WINDOW_WRITES_MAX) {
        forget_all(window);
        return;
    }
    window->write_count += writes->count;
    if (!map_add(window, sequence, writes) || !commits_add(window, sequence, writes)) {
        forget_all(window);
    }
}

#define MAP_ENTRIES_PER_WRITE 3u /* at most: its place, its key, its key as no add */
#define MAP_STALE_MIN 4096u

/* Makes the map anew from the commits that are left once most of it is stale. */
static void map_shrink(write_window *window)
{
    if (window->map_count < 2 * MAP_ENTRIES_PER_WRITE * window->write_count + MAP_STALE_MIN) {
        return;
    }
    pbase_alloc_free(window->host->alloc, window->map, window->map_capacity * sizeof *window->map);
    window->map = NULL;
    window->map_count = window->map_capacity = 0;
    bool ok = true;
    for (size_t i = 0; i < window->commit_count && ok; i++) {
        ok = map_add(window, window->commits[i].sequence, &window->commits[i].writes);
    }
    if (!ok) {
        forget_all(window);
    }
}

void write_window_trim(write_window *window, uint64_t oldest)
{
    if (window->commit_count == 0) {
        return;
    }
    if (window->commits[window->commit_count - 1].sequence <= oldest) {
        forget_all(window);
        return;
    }
    size_t gone = 0;
    while (gone < window->commit_count && window->commits[gone].sequence <= oldest) {
        window->write_count -= window->commits[gone].writes.count;
        access_set_fini(&window->commits[gone].writes);
        gone++;
    }
    if (gone > 0) { /* the map keeps their hashes for a while: it only says too much */
        window->commit_count -= gone;
        memmove(window->commits, window->commits + gone,
                window->commit_count * sizeof *window->commits);
        window->floor = oldest;
        map_shrink(window);
    }
}

/* ------------------------------------------------------------------------------- validation ---- */

static bool above_lower(const access *range, pbase_bytes key)
{
    int order = range->from_open ? 1 : pbase_bytes_compare(key, range->from);
    return order > 0 || (order == 0 && range->from_inclusive);
}

static bool below_upper(const access *range, pbase_bytes key)
{
    int order = range->to_open ? -1 : pbase_bytes_compare(key, range->to);
    return order < 0 || (order == 0 && range->to_inclusive);
}

static bool same_place(const access_place *a, const access_place *b)
{
    return a->database == b->database && a->collection.sequence == b->collection.sequence &&
           a->collection.ordinal == b->collection.ordinal;
}

static bool set_touches(const access_set *writes, const access *range)
{
    if (range->empty) {
        return false;
    }
    for (size_t i = 0; i < writes->count; i++) {
        const access *write = &writes->items[i];
        if (same_place(&write->place, &range->place) &&
            ((write->kind != ACCESS_POINT && write->kind != ACCESS_ADD) ||
             (above_lower(range, write->from) && below_upper(range, write->from)))) {
            return true;
        }
    }
    return false;
}

/* Sequence of the newest commit after `base` that wrote inside `range`, 0: none. */
static uint64_t range_written(const write_window *window, uint64_t base, const access *range)
{
    for (size_t i = window->commit_count; i-- > 0 && window->commits[i].sequence > base;) {
        if (set_touches(&window->commits[i].writes, range)) {
            return window->commits[i].sequence;
        }
    }
    return 0;
}

/* Sequence of a commit after `base` that `item` cannot stand, 0: none. */
static uint64_t loses_to(const write_window *window, uint64_t base, const access *item)
{
    uint64_t any = last_of(window, mark_hash(window, &item->place, MARK_ANY));
    if (any <= base) {
        return 0; /* nobody touched the collection: the common case */
    }
    if (item->kind == ACCESS_WHOLE) {
        return any;
    }
    uint64_t whole = last_of(window, mark_hash(window, &item->place, MARK_WHOLE));
    if (whole > base && !item->empty) {
        return whole;
    }
    if (item->kind == ACCESS_RANGE) {
        return range_written(window, base, item);
    }
    uint64_t point = item->kind == ACCESS_POINT ? last_of(window, item->hash)
                     : item->kind == ACCESS_ADD ? last_of(window, (item->hash + NOT_AN_ADD) | 1u)
                                                : 0;
    return point > base ? point : 0;
}

static pbase_status validate_set(const write_window *window, uint64_t base, const access_set *set,
                                 const char *verb, pbase_error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        uint64_t winner = loses_to(window, base, &set->items[i]);
        if (winner != 0) {
            pbase_status status =
                PBASE_FAIL(err, PBASE_CONFLICT,
                           "commit %" PRIu64 " changed what this transaction %s at %" PRIu64,
                           winner, verb, base);
            pbase_error_hint(err, "nothing was applied; run the transaction again "
                                  "(pbase_txn_run does)");
            return status;
        }
    }
    return PBASE_OK;
}

pbase_status write_window_validate(const write_window *window, uint64_t base,
                                   const access_set *reads, const access_set *writes,
                                   pbase_error *err)
{
    if (base < window->floor) {
        pbase_status status = PBASE_FAIL(err, PBASE_CONFLICT,
                                         "the transaction began at commit %" PRIu64
                                         ", too old: writes are remembered since %" PRIu64,
                                         base, window->floor);
        pbase_error_hint(err, "nothing was applied; run the transaction again, with fewer other "
                              "writes meanwhile");
        return status;
    }
    pbase_status status = validate_set(window, base, writes, "wrote", err);
    if (status == PBASE_OK && reads != NULL) {
        status = validate_set(window, base, reads, "read", err);
    }
    return status;
}
