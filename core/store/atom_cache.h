/* atom_cache.h - a bounded cache of atoms whose payload is not simply mapped: decoded from under a
 * transform, or read from a storage without a map.
 *
 * Sixteen stripes by pointer, each a hash table and a clock (second chance: Corbato, "A paging
 * experiment with the Multics system", 1968). A pinned entry is never evicted, so the limit may be
 * passed by what is pinned at one moment.
 *
 * Threads: synchronized; one mutex a stripe, never two at once. */
#ifndef PROTOBASE_STORE_ATOM_CACHE_H
#define PROTOBASE_STORE_ATOM_CACHE_H
#include <protobase/base/ref.h>
#include <protobase/plugin/host.h>

typedef struct atom_cache atom_cache;
typedef struct atom_cache_entry atom_cache_entry;
struct atom_cache_entry {
    pbase_atom_pointer pointer;
    uint32_t size; /* of payload */
    uint32_t type;
    uint32_t pins;                   /* guarded by the stripe */
    uint8_t referenced;              /* guarded by the stripe */
    uint8_t resident;                /* in the table; else freed at its last release */
    atom_cache_entry *chain;         /* next in the hash bucket */
    atom_cache_entry *newer, *older; /* ring of the clock */
    _Alignas(16) uint8_t payload[];
};

typedef struct {
    uint64_t hits, misses, evictions, bytes, entries;
} atom_cache_stats;

PBASE_MUST_CHECK pbase_status atom_cache_create(const pbase_host *host, uint64_t bytes_max,
                                                atom_cache **out, pbase_error *err);
void atom_cache_destroy(atom_cache *cache); /* NULL is fine; nothing may be pinned */
/* The entry of `pointer`, pinned; NULL when it is not there. */
atom_cache_entry *atom_cache_find(atom_cache *cache, pbase_atom_pointer pointer);
/* A new entry for the caller to fill, pinned, not yet in the cache. NULL means no memory. */
atom_cache_entry *atom_cache_prepare(atom_cache *cache, pbase_atom_pointer pointer, uint32_t type,
                                     uint32_t size);
/* Puts a prepared entry in, evicting others. When somebody else was faster, theirs is returned
 * pinned and ours is freed. */
atom_cache_entry *atom_cache_insert(atom_cache *cache, atom_cache_entry *entry);
/* Gives a pin back; a prepared entry that was never inserted is freed. */
void atom_cache_release(atom_cache *cache, atom_cache_entry *entry);
void atom_cache_stats_get(atom_cache *cache, atom_cache_stats *out);

#endif
