/* opened.c - chains of entries, to which each is added by one exchange and never taken off. */
#include "txn/opened.h"

struct opened {
    opened *next;
    uint64_t of;
    opened_facts facts;
    size_t name_size;
    uint8_t kind;
    uint8_t name[];
};

/* Names differ at their ends more often than not. */
static size_t chain_of(const opened_key *key)
{
    size_t size = key->name.size;
    size_t mixed = size == 0 ? 0 : size * 5 + key->name.data[0] + key->name.data[size - 1] * 3u;
    return (mixed + key->kind * 7u) % STATE_OPENED_CHAINS;
}

static bool is_of(const opened *entry, const opened_key *key)
{
    return entry->of == key->of && entry->kind == key->kind && entry->name_size == key->name.size &&
           memcmp(entry->name, key->name.data, entry->name_size) == 0;
}

const opened_facts *opened_find(const space_state *self, const opened_key *key)
{
    const opened *entry = atomic_load_explicit(&self->opened[chain_of(key)], memory_order_acquire);
    while (entry != NULL && !is_of(entry, key)) {
        entry = entry->next;
    }
    return entry == NULL ? NULL : &entry->facts;
}

void opened_keep(space_state *self, const opened_key *key, const opened_facts *facts)
{
    _Atomic(opened *) *chain = &self->opened[chain_of(key)];
    if (atomic_fetch_add_explicit(&self->opened_count, 1, memory_order_relaxed) >= OPENED_MAX) {
        atomic_fetch_sub_explicit(&self->opened_count, 1, memory_order_relaxed);
        return;
    }
    opened *entry = pbase_alloc_new(self->atoms->alloc, sizeof *entry + key->name.size);
    if (entry == NULL) {
        atomic_fetch_sub_explicit(&self->opened_count, 1, memory_order_relaxed);
        return;
    }
    entry->of = key->of;
    entry->facts = *facts;
    entry->name_size = key->name.size;
    entry->kind = key->kind;
    memcpy(entry->name, key->name.data, key->name.size);
    entry->next = atomic_load_explicit(chain, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(chain, &entry->next, entry, memory_order_release,
                                                  memory_order_relaxed)) {
        continue; /* `next` is the new first one */
    }
}

void opened_drop_all(space_state *self)
{
    for (size_t i = 0; i < STATE_OPENED_CHAINS; i++) {
        opened *entry = atomic_load_explicit(&self->opened[i], memory_order_relaxed);
        atomic_store_explicit(&self->opened[i], NULL, memory_order_relaxed);
        while (entry != NULL) {
            opened *next = entry->next;
            pbase_alloc_free(self->atoms->alloc, entry, sizeof *entry + entry->name_size);
            entry = next;
        }
    }
    atomic_store_explicit(&self->opened_count, 0, memory_order_relaxed);
}
