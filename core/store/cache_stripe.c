/* cache_stripe.c - the replacement of 2Q over one stripe. */
#include "store/cache_stripe.h"

#define BUCKETS_MIN 64u
#define NEW_SHARE 4u               /* the new queue may have a quarter of the bytes */
#define LEFT_MIN 64u               /* pointers remembered at least, */
#define LEFT_MAX (1u << 20)        /* and at most */
#define LEFT_BYTES_PER_ENTRY 1024u /* some two for each node that the stripe can hold */

static uint64_t mix(pbase_atom_pointer pointer)
{
    uint64_t h = pointer * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

/* ------------------------------------------------------------------------------- tables ---- */

static size_t left_wanted(uint64_t bytes_max)
{
    size_t count = LEFT_MIN;
    while (count < LEFT_MAX && count * LEFT_BYTES_PER_ENTRY < bytes_max) {
        count *= 2;
    }
    return count;
}

pbase_status cache_stripe_init(cache_stripe *self, pbase_error *err)
{
    self->left_count = left_wanted(self->bytes_max);
    self->bucket_count = BUCKETS_MIN;
    self->buckets = pbase_alloc_zeroed(self->alloc, self->bucket_count, sizeof *self->buckets);
    return self->buckets != NULL
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the cache of atoms");
}

static atom_cache_entry **bucket_of(cache_stripe *self, pbase_atom_pointer pointer)
{
    return &self->buckets[mix(pointer) & (self->bucket_count - 1)];
}

/* Doubles the table when chains grow long; without memory they stay so. */
static void buckets_grow(cache_stripe *self)
{
    size_t count = self->bucket_count, wanted = count * 2;
    atom_cache_entry **old = self->buckets;
    atom_cache_entry **grown = pbase_alloc_zeroed(self->alloc, wanted, sizeof(*grown));
    if (grown == NULL) {
        return;
    }
    self->buckets = grown;
    self->bucket_count = wanted;
    for (size_t i = 0; i < count; i++) {
        while (old[i] != NULL) {
            atom_cache_entry *entry = old[i];
            old[i] = entry->chain;
            atom_cache_entry **bucket = bucket_of(self, entry->pointer);
            entry->chain = *bucket;
            *bucket = entry;
        }
    }
    pbase_alloc_free(self->alloc, old, count * sizeof(*old));
}

/* NULL until somebody left. */
static pbase_atom_pointer *left_slot(const cache_stripe *self, pbase_atom_pointer pointer)
{
    return self->left == NULL ? NULL : &self->left[mix(pointer) >> 20 & (self->left_count - 1)];
}

/* Made for the first who leaves: most of a space's caches never fill, and clearing it is a good part
 * of opening one. Without memory nobody is remembered. */
static void left_remember(cache_stripe *self, pbase_atom_pointer pointer)
{
    if (self->left == NULL) {
        self->left = pbase_alloc_zeroed(self->alloc, self->left_count, sizeof *self->left);
    }
    pbase_atom_pointer *slot = left_slot(self, pointer);
    if (slot != NULL) {
        *slot = pointer;
    }
}

/* Whether it left lately; then no longer. */
static bool left_forget(cache_stripe *self, pbase_atom_pointer pointer)
{
    pbase_atom_pointer *slot = left_slot(self, pointer);
    bool found = slot != NULL && *slot == pointer;
    if (found) {
        *slot = PBASE_ATOM_NONE;
    }
    return found;
}

/* ------------------------------------------------------------------------------- queues ---- */

/* Behind the hand: the last to be looked at. */
static void queue_add(cache_stripe *self, atom_cache_entry *entry, uint8_t queue)
{
    cache_queue *q = &self->queues[queue];
    entry->queue = queue;
    if (q->hand == NULL) {
        entry->newer = entry->older = entry;
        q->hand = entry;
    } else {
        entry->newer = q->hand;
        entry->older = q->hand->older;
        entry->older->newer = entry;
        q->hand->older = entry;
    }
    q->bytes += cache_entry_bytes(entry);
    q->entries++;
}

static void queue_remove(cache_stripe *self, atom_cache_entry *entry)
{
    cache_queue *q = &self->queues[entry->queue];
    if (entry->newer == entry) {
        q->hand = NULL;
    } else {
        entry->newer->older = entry->older;
        entry->older->newer = entry->newer;
        q->hand = q->hand == entry ? entry->newer : q->hand;
    }
    q->bytes -= cache_entry_bytes(entry);
    q->entries--;
    entry->queue = CACHE_OUT;
}

/* Takes an entry out of table and queue; the memory stays while it is pinned. */
static void take_out(cache_stripe *self, atom_cache_entry *entry)
{
    atom_cache_entry **link = bucket_of(self, entry->pointer);
    while (*link != entry) {
        link = &(*link)->chain;
    }
    *link = entry->chain;
    queue_remove(self, entry);
    if (entry->pins == 0) {
        cache_stripe_free(self, entry);
    }
}

void cache_stripe_free(cache_stripe *self, atom_cache_entry *entry)
{
    pbase_alloc_free(self->alloc, entry, cache_entry_bytes(entry));
}

void cache_stripe_fini(cache_stripe *self)
{
    for (int queue = CACHE_NEW; queue <= CACHE_HOT; queue++) {
        while (self->queues[queue].hand != NULL) {
            PBASE_ASSERT(self->queues[queue].hand->pins == 0);
            take_out(self, self->queues[queue].hand);
        }
    }
    pbase_alloc_free(self->alloc, self->buckets, self->bucket_count * sizeof(*self->buckets));
    pbase_alloc_free(self->alloc, self->left,
                     self->left == NULL ? 0 : self->left_count * sizeof *self->left);
}

/* ------------------------------------------------------------------------------- finding ---- */

atom_cache_entry *cache_stripe_find(cache_stripe *self, pbase_atom_pointer pointer, uint32_t epoch)
{
    atom_cache_entry *entry = *bucket_of(self, pointer);
    while (entry != NULL && entry->pointer != pointer) {
        entry = entry->chain;
    }
    if (entry == NULL) {
        return NULL;
    }
    if (entry->epoch != epoch) {
        take_out(self, entry);
        return NULL;
    }
    entry->pins++;
    entry->referenced = 1;
    return entry;
}

/* ------------------------------------------------------------------------------ evicting ---- */

static void evict(cache_stripe *self, atom_cache_entry *entry)
{
    take_out(self, entry);
    self->evictions++;
}

/* The oldest of the new queue that is not in use; it is remembered. */
static bool evict_new(cache_stripe *self)
{
    cache_queue *q = &self->queues[CACHE_NEW];
    for (uint64_t looks = q->entries; looks > 0; looks--) {
        atom_cache_entry *entry = q->hand;
        if (entry->pins == 0) {
            left_remember(self, entry->pointer);
            evict(self, entry);
            return true;
        }
        q->hand = entry->newer; /* it goes round once more */
    }
    return false;
}

/* The first under the clock's hand that was not asked for since it passed. */
static bool evict_hot(cache_stripe *self)
{
    cache_queue *q = &self->queues[CACHE_HOT];
    for (uint64_t looks = 2 * q->entries; looks > 0; looks--) {
        atom_cache_entry *entry = q->hand;
        if (entry->pins == 0 && entry->referenced == 0) {
            evict(self, entry);
            return true;
        }
        entry->referenced = 0;
        q->hand = entry->newer;
    }
    return false;
}

static bool over_limits(const cache_stripe *self)
{
    return cache_stripe_bytes(self) > self->bytes_max ||
           (self->entries_max > 0 && cache_stripe_entries(self) > self->entries_max);
}

static bool new_is_long(const cache_stripe *self)
{
    const cache_queue *q = &self->queues[CACHE_NEW];
    return q->bytes > self->bytes_max / NEW_SHARE ||
           (self->entries_max > 0 && q->entries > self->entries_max / NEW_SHARE);
}

void cache_stripe_evict(cache_stripe *self)
{
    bool found = true;
    while (found && over_limits(self)) {
        found = new_is_long(self) ? evict_new(self) || evict_hot(self)
                                  : evict_hot(self) || evict_new(self);
    }
}

void cache_stripe_add(cache_stripe *self, atom_cache_entry *entry)
{
    bool again = left_forget(self, entry->pointer);
    if (cache_stripe_entries(self) >= self->bucket_count) {
        buckets_grow(self);
    }
    atom_cache_entry **bucket = bucket_of(self, entry->pointer);
    entry->chain = *bucket;
    *bucket = entry;
    queue_add(self, entry, again ? CACHE_HOT : CACHE_NEW);
    self->insertions++;
    cache_stripe_evict(self);
}
