/* atom_cache.h - a bounded cache of atoms by pointer: decoded payloads, or atoms as they are stored.
 *
 * Stripes by pointer, each with a hash table and the two queues of 2Q: what comes in waits in a short
 * queue, first in first out, so that a scan passes through without pushing out what is used again;
 * what is asked for once more after it left that queue goes into the long one, a clock. The memory
 * of what left is a table of pointers in which a newer one overwrites an older one.
 * Source: T. Johnson and D. Shasha, "2Q: A Low Overhead High Performance Buffer Management
 * Replacement Algorithm", 1994, section 2 (full version); with a clock in the place of its LRU
 * list, so that a hit moves nothing (Corbato, "A paging experiment with the Multics system", 1968).
 *
 * Single flight: of several threads that miss one atom at once, one loads it and the others wait.
 * Atoms never change, so an entry is never stale by its content; entries belong to the epoch of the
 * schema (codecs and their tables) under which they were decoded, and are not found in a later one.
 *
 * A pinned entry is never evicted: limits may be passed by what is pinned at one moment.
 *
 * Threads: synchronized; one mutex a stripe, never two at once. */
#ifndef PROTOBASE_STORE_ATOM_CACHE_H
#define PROTOBASE_STORE_ATOM_CACHE_H
#include "store/latency.h"
#include <protobase/base/ref.h>
#include <protobase/plugin/host.h>

#define ATOM_CACHE_STRIPES_MAX 256u

typedef struct atom_cache atom_cache;
typedef struct atom_cache_entry atom_cache_entry;
struct atom_cache_entry {
    pbase_atom_pointer pointer;
    uint32_t size;                   /* of payload */
    uint32_t type;                   /* ATOM_* */
    uint32_t pins;                   /* guarded by the stripe, like the rest */
    uint32_t epoch;                  /* of the schema it was decoded under */
    uint8_t queue;                   /* of cache_stripe.h; out of both: freed at its last release */
    uint8_t referenced;              /* since the clock's hand passed it */
    atom_cache_entry *chain;         /* next in the hash bucket */
    atom_cache_entry *newer, *older; /* ring of its queue */
    _Alignas(16) uint8_t payload[];
};

typedef struct {
    uint64_t
        bytes_max; /* of entries with their heads; 0: nothing is kept longer than it is pinned */
    uint64_t entries_max; /* 0: no limit */
    uint32_t stripes;     /* 1..ATOM_CACHE_STRIPES_MAX */
} atom_cache_options;

typedef struct {
    uint64_t hits;       /* found */
    uint64_t shared;     /* found after waiting for another thread's load */
    uint64_t misses;     /* loaded by whoever asked */
    uint64_t insertions; /* loaded, or written through */
    uint64_t evictions;
    uint64_t bytes, entries; /* now */
} atom_cache_stats;

/* LIMIT: stripes out of range. */
PBASE_MUST_CHECK pbase_status atom_cache_create(const pbase_host *host,
                                                const atom_cache_options *options, atom_cache **out,
                                                pbase_error *err);
void atom_cache_destroy(atom_cache *cache);     /* NULL is fine; nothing may be pinned */
bool atom_cache_keeps(const atom_cache *cache); /* false: bytes_max is 0 */

/* A load under way: the loader's, who keeps it on the stack. */
typedef struct atom_cache_flight atom_cache_flight;
struct atom_cache_flight {
    pbase_atom_pointer pointer;
    uint64_t began_ns;
    atom_cache_flight *next;
};
/* The entry of `pointer`, pinned; waits while another thread loads it. NULL: the caller is to load
 * it, and must end `flight` with atom_cache_land. */
atom_cache_entry *atom_cache_acquire(atom_cache *cache, pbase_atom_pointer pointer,
                                     atom_cache_flight *flight);
/* The entry of `pointer`, pinned; NULL when it is not there, loading or not. */
atom_cache_entry *atom_cache_find(atom_cache *cache, pbase_atom_pointer pointer);
/* A new entry for the caller to fill, pinned, not in the cache. NULL means no memory. */
atom_cache_entry *atom_cache_prepare(atom_cache *cache, pbase_atom_pointer pointer, uint32_t type,
                                     uint32_t size);
/* Ends a flight. `entry` (prepared and filled) goes in and stays pinned for the caller; NULL: the
 * load failed, and the next who waits tries it. */
void atom_cache_land(atom_cache *cache, atom_cache_flight *flight, atom_cache_entry *entry);
/* Puts a copy of a payload in that is not there yet; without memory it is left out. The way of
 * write-through. */
void atom_cache_insert(atom_cache *cache, pbase_atom_pointer pointer, uint32_t type,
                       pbase_bytes payload);
/* Gives a pin back; a prepared entry that never landed is freed. */
void atom_cache_release(atom_cache *cache, atom_cache_entry *entry);
/* Begins a new epoch: what was cached before is not found any more, and makes room as it is met. */
void atom_cache_advance_epoch(atom_cache *cache);

void atom_cache_stats_get(atom_cache *cache, atom_cache_stats *out);
/* Of the loads: from the miss to the landing. Lent until destroy. */
const latency *atom_cache_load_latency(const atom_cache *cache);

#endif
