/* kv_measure.h - one run of one engine through the workloads that are wanted. */
#ifndef PBASE_BENCH_KV_MEASURE_H
#define PBASE_BENCH_KV_MEASURE_H
#include "kv.h"
#include "kv_table.h"

typedef struct {
    const char *folder; /* of this engine, its alone */
    uint64_t records;
    double seconds; /* how long each line of commits takes */
    bool wanted[KV_WORKLOADS];
    /* Told of every figure. */
    void (*report)(void *state, kv_workload workload, double value);
    void *state;
} kv_measure_options;

/* Everything it makes is gone afterwards. */
void kv_measure(const kv_engine *engine, const kv_measure_options *options);

#endif
