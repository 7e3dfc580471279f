/* cache_stripe.h - one stripe of an atom_cache: hash table, the two queues of 2Q, who left.
 * Threads: everything with the stripe's mutex held, which atom_cache.c takes. */
#ifndef PROTOBASE_STORE_CACHE_STRIPE_H
#define PROTOBASE_STORE_CACHE_STRIPE_H
#include "store/atom_cache.h"

enum { CACHE_OUT = 0, CACHE_NEW = 1, CACHE_HOT = 2 };

/* A ring of entries: of the new queue `hand` is the oldest, of the hot one the clock's hand. */
typedef struct {
    atom_cache_entry *hand; /* NULL while empty */
    uint64_t bytes, entries;
} cache_queue;

typedef struct {
    pbase_os_mutex *mutex;
    pbase_os_cond *landed; /* a flight ended */
    const pbase_alloc *alloc;
    uint64_t bytes_max, entries_max; /* this stripe's share; entries_max 0: no limit */
    atom_cache_entry **buckets;
    size_t bucket_count;      /* a power of two */
    cache_queue queues[3];    /* by CACHE_*; the first stays empty */
    pbase_atom_pointer *left; /* who left the new queue lately, by hash; NULL until somebody did */
    size_t left_count;        /* a power of two */
    atom_cache_flight *flights;
    uint64_t hits, shared, misses, insertions, evictions;
} cache_stripe;

static inline size_t cache_entry_bytes(const atom_cache_entry *entry)
{
    return sizeof *entry + entry->size;
}
static inline uint64_t cache_stripe_bytes(const cache_stripe *self)
{
    return self->queues[CACHE_NEW].bytes + self->queues[CACHE_HOT].bytes;
}

static inline uint64_t cache_stripe_entries(const cache_stripe *self)
{
    return self->queues[CACHE_NEW].entries + self->queues[CACHE_HOT].entries;
}

/* Limits are set; makes the tables. Fini is due whatever the result. */
PBASE_MUST_CHECK pbase_status cache_stripe_init(cache_stripe *self, pbase_error *err);
/* Frees tables and entries; nothing may be pinned. */
void cache_stripe_fini(cache_stripe *self);

/* The entry of `pointer` in `epoch`, one pin more; NULL: it is not there. One of an older epoch is
 * taken out on the way. */
atom_cache_entry *cache_stripe_find(cache_stripe *self, pbase_atom_pointer pointer, uint32_t epoch);
/* Puts an entry in that is not there, then evicts down to the limits. */
void cache_stripe_add(cache_stripe *self, atom_cache_entry *entry);
/* Evicts until the stripe is within its limits or everything left is pinned. */
void cache_stripe_evict(cache_stripe *self);
void cache_stripe_free(cache_stripe *self, atom_cache_entry *entry);

#endif
