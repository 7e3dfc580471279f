/* latency.c - counting by the position of the highest bit and the two bits below it. */
#include "store/latency.h"

#define FINE_BITS 2u /* of the number below its highest one */

static size_t bucket_of(uint64_t elapsed_ns)
{
    if (elapsed_ns < (1u << FINE_BITS)) {
        return (size_t)elapsed_ns;
    }
    size_t shift = 63u - FINE_BITS - (size_t)__builtin_clzll(elapsed_ns);
    size_t bucket = (shift << FINE_BITS) + (size_t)(elapsed_ns >> shift);
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1u;
}

static uint64_t bucket_end(size_t bucket)
{
    if (bucket == LATENCY_BUCKETS - 1u) {
        return UINT64_MAX; /* open at its end */
    }
    size_t next = bucket + 1;
    size_t shift = next < (2u << FINE_BITS) ? 0 : (next >> FINE_BITS) - 1;
    return ((uint64_t)(next - (shift << FINE_BITS)) << shift) - 1;
}

void latency_record(latency *self, uint64_t elapsed_ns)
{
    atomic_fetch_add_explicit(&self->counts[bucket_of(elapsed_ns)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&self->total_ns, elapsed_ns, memory_order_relaxed);
}

uint64_t latency_count(const latency *self)
{
    uint64_t count = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        count += atomic_load_explicit(&self->counts[i], memory_order_relaxed);
    }
    return count;
}

uint64_t latency_quantile(const latency *self, uint32_t per_mille)
{
    uint64_t count = latency_count(self);
    uint64_t wanted = count * per_mille / 1000 + (count * per_mille % 1000 != 0);
    uint64_t seen = 0;
    for (size_t i = 0; count > 0 && i < LATENCY_BUCKETS; i++) {
        seen += atomic_load_explicit(&self->counts[i], memory_order_relaxed);
        if (seen >= wanted && seen > 0) {
            return bucket_end(i);
        }
    }
    return count > 0 ? UINT64_MAX : 0;
}
