/* latency.h - how long something takes: a histogram of nanoseconds that costs one addition.
 *
 * Four buckets for every doubling, so a quantile is known to within a quarter, at any rate and for any
 * time, in fixed memory (as Gil Tene's HdrHistogram does, with two bits of the number).
 *
 * Threads: synchronized; relaxed counters, so a reader may see a call counted a moment late. */
#ifndef PROTOBASE_STORE_LATENCY_H
#define PROTOBASE_STORE_LATENCY_H
#include <protobase/plugin/storage.h>
#include <stdatomic.h>

#define LATENCY_BUCKETS                                                                            \
    152u /* the last one holds everything from 7 * 2^36 ns, about eight minutes */

typedef struct {
    /* Buckets 0..3: 0..3 ns; then four of equal width from each power of two to the next. */
    _Atomic uint64_t counts[LATENCY_BUCKETS];
    _Atomic uint64_t total_ns;
} latency;

void latency_record(latency *self, uint64_t elapsed_ns);
uint64_t latency_count(const latency *self);
/* An upper bound of the time that `per_mille` of a thousand calls took at most: the end of the
 * bucket, UINT64_MAX of the last one. 0 when nothing was recorded. */
uint64_t latency_quantile(const latency *self, uint32_t per_mille);

/* Tells the figures PREFIX_timed, PREFIX_p50, _p90, _p99 and _p999. */
PBASE_MUST_CHECK pbase_status latency_tell(const latency *times, const char *prefix,
                                           pbase_stat_each each, void *state, pbase_error *err);

#endif
