/* latency.h - how long something takes: a histogram of nanoseconds that costs one addition.
 *
 * Buckets are powers of two, so a quantile is known to within a factor of two, at any rate and for
 * any time, in fixed memory.
 *
 * Threads: synchronized; relaxed counters, so a reader may see a call counted a moment late. */
#ifndef PROTOBASE_STORE_LATENCY_H
#define PROTOBASE_STORE_LATENCY_H
#include <protobase/base/bytes.h>
#include <stdatomic.h>

#define LATENCY_BUCKETS 40u /* the last one holds everything from 2^38 ns, about five minutes */

typedef struct {
    _Atomic uint64_t counts[LATENCY_BUCKETS]; /* bucket n: 2^(n-1) up to 2^n - 1 ns; 0: 0 ns */
    _Atomic uint64_t total_ns;
} latency;

void latency_record(latency *self, uint64_t elapsed_ns);
uint64_t latency_count(const latency *self);
/* An upper bound of the time that `per_mille` of a thousand calls took at most: the end of the
 * bucket, UINT64_MAX of the last one. 0 when nothing was recorded. */
uint64_t latency_quantile(const latency *self, uint32_t per_mille);

#endif
