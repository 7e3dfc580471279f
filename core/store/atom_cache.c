/* atom_cache.c - stripes and their locks, single flight, figures. */
#include "store/cache_stripe.h"

struct atom_cache {
    const pbase_host *host;
    bool keeps;
    _Atomic uint32_t epoch;
    latency loads;
    uint32_t stripe_count;
    cache_stripe stripes[];
};

static cache_stripe *stripe_of(atom_cache *cache, pbase_atom_pointer pointer)
{
    uint64_t h = pointer * 0xc2b2ae3d27d4eb4fu;
    return &cache->stripes[(h >> 32) % cache->stripe_count];
}

static void lock(const atom_cache *cache, cache_stripe *stripe)
{
    cache->host->os->lock->mutex_lock(stripe->mutex);
}

static void unlock(const atom_cache *cache, cache_stripe *stripe)
{
    cache->host->os->lock->mutex_unlock(stripe->mutex);
}

static uint64_t now(const atom_cache *cache)
{
    return cache->host->os->system->monotonic_ns(cache->host->os);
}

/* -------------------------------------------------------------------------- life of it ---- */

static pbase_status stripe_open(atom_cache *cache, cache_stripe *stripe,
                                const atom_cache_options *options, pbase_error *err)
{
    const pbase_os *os = cache->host->os;
    stripe->alloc = cache->host->alloc;
    stripe->bytes_max = options->bytes_max / options->stripes;
    stripe->entries_max =
        options->entries_max / options->stripes + (options->entries_max % options->stripes != 0);
    pbase_status status = os->lock->mutex_create(os, &stripe->mutex, err);
    if (status == PBASE_OK) {
        status = os->lock->cond_create(os, &stripe->landed, err);
    }
    return status == PBASE_OK ? cache_stripe_init(stripe, err) : status;
}

static void stripe_close(const atom_cache *cache, cache_stripe *stripe)
{
    const pbase_os_lock_ops *ops = cache->host->os->lock;
    if (stripe->alloc != NULL) {
        cache_stripe_fini(stripe);
    }
    if (stripe->landed != NULL) {
        ops->cond_destroy(stripe->landed);
    }
    if (stripe->mutex != NULL) {
        ops->mutex_destroy(stripe->mutex);
    }
}

static size_t cache_size(uint32_t stripes)
{
    return sizeof(atom_cache) + stripes * sizeof(cache_stripe);
}

pbase_status atom_cache_create(const pbase_host *host, const atom_cache_options *options,
                               atom_cache **out, pbase_error *err)
{
    if (options->stripes == 0 || options->stripes > ATOM_CACHE_STRIPES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a cache of %u stripes; 1 to %u are allowed",
                          options->stripes, ATOM_CACHE_STRIPES_MAX);
    }
    atom_cache *cache = pbase_alloc_zeroed(host->alloc, 1, cache_size(options->stripes));
    if (cache == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the cache of atoms");
    }
    cache->host = host;
    cache->keeps = options->bytes_max > 0;
    cache->stripe_count = options->stripes;
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; i < options->stripes && status == PBASE_OK; i++) {
        status = stripe_open(cache, &cache->stripes[i], options, err);
    }
    if (status != PBASE_OK) {
        atom_cache_destroy(cache);
        return status;
    }
    *out = cache;
    return PBASE_OK;
}

void atom_cache_destroy(atom_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (uint32_t i = 0; i < cache->stripe_count; i++) {
        stripe_close(cache, &cache->stripes[i]);
    }
    pbase_alloc_free(cache->host->alloc, cache, cache_size(cache->stripe_count));
}

bool atom_cache_keeps(const atom_cache *cache)
{
    return cache->keeps;
}

/* ------------------------------------------------------------------------ single flight ---- */

static bool is_flying(const cache_stripe *stripe, pbase_atom_pointer pointer)
{
    const atom_cache_flight *flight = stripe->flights;
    while (flight != NULL && flight->pointer != pointer) {
        flight = flight->next;
    }
    return flight != NULL;
}

static void flight_begin(cache_stripe *stripe, atom_cache_flight *flight,
                         pbase_atom_pointer pointer)
{
    flight->pointer = pointer;
    flight->next = stripe->flights;
    stripe->flights = flight;
}

static void flight_end(cache_stripe *stripe, const atom_cache_flight *flight)
{
    atom_cache_flight **link = &stripe->flights;
    while (*link != flight) {
        link = &(*link)->next;
    }
    *link = flight->next;
}

atom_cache_entry *atom_cache_acquire(atom_cache *cache, pbase_atom_pointer pointer,
                                     atom_cache_flight *flight)
{
    cache_stripe *stripe = stripe_of(cache, pointer);
    uint32_t epoch = atomic_load_explicit(&cache->epoch, memory_order_acquire);
    bool waited = false;
    lock(cache, stripe);
    atom_cache_entry *entry = cache_stripe_find(stripe, pointer, epoch);
    while (entry == NULL && is_flying(stripe, pointer)) {
        waited = true;
        (void)cache->host->os->lock->cond_wait(stripe->landed, stripe->mutex, PBASE_NO_DEADLINE);
        entry = cache_stripe_find(stripe, pointer, epoch);
    }
    if (entry == NULL) {
        stripe->misses++;
        flight_begin(stripe, flight, pointer);
    } else {
        *(waited ? &stripe->shared : &stripe->hits) += 1;
    }
    unlock(cache, stripe);
    if (entry == NULL) {
        flight->began_ns = now(cache);
    }
    return entry;
}

void atom_cache_land(atom_cache *cache, atom_cache_flight *flight, atom_cache_entry *entry)
{
    cache_stripe *stripe = stripe_of(cache, flight->pointer);
    uint64_t elapsed_ns = now(cache) - flight->began_ns;
    lock(cache, stripe);
    flight_end(stripe, flight);
    if (entry != NULL) {
        cache_stripe_add(stripe, entry);
    }
    cache->host->os->lock->cond_broadcast(stripe->landed);
    unlock(cache, stripe);
    if (entry != NULL) {
        latency_record(&cache->loads, elapsed_ns);
    }
}

/* ------------------------------------------------------------------------------ entries ---- */

atom_cache_entry *atom_cache_find(atom_cache *cache, pbase_atom_pointer pointer)
{
    cache_stripe *stripe = stripe_of(cache, pointer);
    uint32_t epoch = atomic_load_explicit(&cache->epoch, memory_order_acquire);
    lock(cache, stripe);
    atom_cache_entry *entry = cache_stripe_find(stripe, pointer, epoch);
    *(entry != NULL ? &stripe->hits : &stripe->misses) += 1;
    unlock(cache, stripe);
    return entry;
}

atom_cache_entry *atom_cache_prepare(atom_cache *cache, pbase_atom_pointer pointer, uint32_t type,
                                     uint32_t size)
{
    atom_cache_entry *entry = pbase_alloc_new(cache->host->alloc, sizeof *entry + size);
    if (entry != NULL) {
        memset(entry, 0, sizeof *entry);
        entry->pointer = pointer;
        entry->type = type;
        entry->size = size;
        entry->pins = 1;
        entry->epoch = atomic_load_explicit(&cache->epoch, memory_order_acquire);
    }
    return entry;
}

void atom_cache_insert(atom_cache *cache, pbase_atom_pointer pointer, uint32_t type,
                       pbase_bytes payload)
{
    cache_stripe *stripe = stripe_of(cache, pointer);
    atom_cache_entry *entry =
        cache->keeps ? atom_cache_prepare(cache, pointer, type, (uint32_t)payload.size) : NULL;
    if (entry == NULL) {
        return;
    }
    if (payload.size > 0) {
        memcpy(entry->payload, payload.data, payload.size);
    }
    lock(cache, stripe);
    atom_cache_entry *theirs = cache_stripe_find(stripe, pointer, entry->epoch);
    if (theirs != NULL) {
        theirs->pins--;
        cache_stripe_free(stripe, entry);
    } else if (is_flying(stripe, pointer)) { /* its loader puts it in */
        cache_stripe_free(stripe, entry);
    } else {
        entry->pins = 0;
        cache_stripe_add(stripe, entry);
    }
    unlock(cache, stripe);
}

void atom_cache_release(atom_cache *cache, atom_cache_entry *entry)
{
    cache_stripe *stripe = stripe_of(cache, entry->pointer);
    lock(cache, stripe);
    PBASE_ASSERT(entry->pins > 0);
    entry->pins--;
    if (entry->pins == 0 && entry->queue == CACHE_OUT) {
        cache_stripe_free(stripe, entry);
    } else if (entry->pins == 0) {
        cache_stripe_evict(stripe); /* what its pin kept over the limits */
    }
    unlock(cache, stripe);
}

void atom_cache_advance_epoch(atom_cache *cache)
{
    atomic_fetch_add_explicit(&cache->epoch, 1, memory_order_acq_rel);
}

/* ------------------------------------------------------------------------------ figures ---- */

void atom_cache_stats_get(atom_cache *cache, atom_cache_stats *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < cache->stripe_count; i++) {
        cache_stripe *stripe = &cache->stripes[i];
        lock(cache, stripe);
        out->hits += stripe->hits;
        out->shared += stripe->shared;
        out->misses += stripe->misses;
        out->insertions += stripe->insertions;
        out->evictions += stripe->evictions;
        out->bytes += cache_stripe_bytes(stripe);
        out->entries += cache_stripe_entries(stripe);
        unlock(cache, stripe);
    }
}

const latency *atom_cache_load_latency(const atom_cache *cache)
{
    return &cache->loads;
}
