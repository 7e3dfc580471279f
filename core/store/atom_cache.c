/* atom_cache.c - stripes of a hash table and a clock ring. */
#include "store/atom_cache.h"

#define STRIPES 16u
#define BUCKETS 4096u /* a stripe; chains stay short up to some 100,000 entries in all */

typedef struct {
    pbase_os_mutex *mutex; /* guards everything below */
    atom_cache_entry *buckets[BUCKETS];
    atom_cache_entry *hand; /* next candidate of the clock; NULL when empty */
    uint64_t bytes;
    uint64_t entries, hits, misses, evictions;
} stripe;

struct atom_cache {
    const pbase_host *host;
    uint64_t stripe_bytes_max;
    stripe stripes[STRIPES];
};

static size_t entry_bytes(const atom_cache_entry *entry)
{
    return sizeof *entry + entry->size;
}

static uint64_t mix(pbase_atom_pointer pointer)
{
    uint64_t h = pointer * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static stripe *stripe_of(atom_cache *cache, pbase_atom_pointer pointer)
{
    return &cache->stripes[mix(pointer) % STRIPES];
}

static atom_cache_entry **bucket_of(stripe *s, pbase_atom_pointer pointer)
{
    return &s->buckets[mix(pointer) / STRIPES % BUCKETS];
}

static void lock(atom_cache *cache, stripe *s)
{
    cache->host->os->lock->mutex_lock(s->mutex);
}

static void unlock(atom_cache *cache, stripe *s)
{
    cache->host->os->lock->mutex_unlock(s->mutex);
}

pbase_status atom_cache_create(const pbase_host *host, uint64_t bytes_max, atom_cache **out,
                               pbase_error *err)
{
    atom_cache *cache = pbase_alloc_zeroed(host->alloc, 1, sizeof *cache);
    if (cache == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the cache of atoms");
    }
    cache->host = host;
    cache->stripe_bytes_max = bytes_max / STRIPES;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < STRIPES && status == PBASE_OK; i++) {
        status = host->os->lock->mutex_create(host->os, &cache->stripes[i].mutex, err);
    }
    if (status != PBASE_OK) {
        atom_cache_destroy(cache);
        return status;
    }
    *out = cache;
    return PBASE_OK;
}

static void entry_free(atom_cache *cache, atom_cache_entry *entry)
{
    pbase_alloc_free(cache->host->alloc, entry, entry_bytes(entry));
}

/* Takes an entry out of bucket and ring; the memory stays. */
static void detach(stripe *s, atom_cache_entry *entry)
{
    atom_cache_entry **link = bucket_of(s, entry->pointer);
    while (*link != entry) {
        link = &(*link)->chain;
    }
    *link = entry->chain;
    if (entry->newer == entry) {
        s->hand = NULL;
    } else {
        entry->newer->older = entry->older;
        entry->older->newer = entry->newer;
        if (s->hand == entry) {
            s->hand = entry->newer;
        }
    }
    entry->resident = 0;
    s->bytes -= entry_bytes(entry);
    s->entries--;
}

static void attach(stripe *s, atom_cache_entry *entry)
{
    atom_cache_entry **bucket = bucket_of(s, entry->pointer);
    entry->chain = *bucket;
    *bucket = entry;
    if (s->hand == NULL) {
        entry->newer = entry->older = entry;
        s->hand = entry;
    } else { /* just behind the hand: the last to be looked at */
        entry->newer = s->hand;
        entry->older = s->hand->older;
        entry->older->newer = entry;
        s->hand->older = entry;
    }
    entry->resident = 1;
    s->bytes += entry_bytes(entry);
    s->entries++;
}

void atom_cache_destroy(atom_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < STRIPES; i++) {
        stripe *s = &cache->stripes[i];
        while (s->hand != NULL) {
            atom_cache_entry *entry = s->hand;
            PBASE_ASSERT(entry->pins == 0);
            detach(s, entry);
            entry_free(cache, entry);
        }
        if (s->mutex != NULL) {
            cache->host->os->lock->mutex_destroy(s->mutex);
        }
    }
    pbase_alloc_free(cache->host->alloc, cache, sizeof *cache);
}

/* With the stripe locked. */
static atom_cache_entry *find_pinned(stripe *s, pbase_atom_pointer pointer)
{
    atom_cache_entry *entry = *bucket_of(s, pointer);
    while (entry != NULL && entry->pointer != pointer) {
        entry = entry->chain;
    }
    if (entry != NULL) {
        entry->pins++;
        entry->referenced = 1;
    }
    return entry;
}

atom_cache_entry *atom_cache_find(atom_cache *cache, pbase_atom_pointer pointer)
{
    stripe *s = stripe_of(cache, pointer);
    lock(cache, s);
    atom_cache_entry *entry = find_pinned(s, pointer);
    if (entry != NULL) {
        s->hits++;
    } else {
        s->misses++;
    }
    unlock(cache, s);
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
    }
    return entry;
}

/* With the stripe locked: evicts until it is within its limit or everything left is in use. */
static void evict(atom_cache *cache, stripe *s)
{
    uint64_t looks = 2 * s->entries;
    while (s->bytes > cache->stripe_bytes_max && s->hand != NULL && looks-- > 0) {
        atom_cache_entry *entry = s->hand;
        if (entry->pins > 0 || entry->referenced != 0) {
            entry->referenced = 0;
            s->hand = entry->newer;
            continue;
        }
        detach(s, entry);
        entry_free(cache, entry);
        s->evictions++;
    }
}

atom_cache_entry *atom_cache_insert(atom_cache *cache, atom_cache_entry *entry)
{
    stripe *s = stripe_of(cache, entry->pointer);
    lock(cache, s);
    atom_cache_entry *theirs = find_pinned(s, entry->pointer);
    if (theirs == NULL) {
        attach(s, entry);
        evict(cache, s);
    }
    unlock(cache, s);
    if (theirs == NULL) {
        return entry;
    }
    entry_free(cache, entry);
    return theirs;
}

void atom_cache_release(atom_cache *cache, atom_cache_entry *entry)
{
    stripe *s = stripe_of(cache, entry->pointer);
    lock(cache, s);
    PBASE_ASSERT(entry->pins > 0);
    bool unused = --entry->pins == 0 && entry->resident == 0;
    unlock(cache, s);
    if (unused) {
        entry_free(cache, entry);
    }
}

void atom_cache_stats_get(atom_cache *cache, atom_cache_stats *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < STRIPES; i++) {
        stripe *s = &cache->stripes[i];
        lock(cache, s);
        out->hits += s->hits;
        out->misses += s->misses;
        out->evictions += s->evictions;
        out->bytes += s->bytes;
        out->entries += s->entries;
        unlock(cache, s);
    }
}
