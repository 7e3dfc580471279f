/* kv_table.h - the lines of the benchmark: names, units, goals; what was measured; how it is shown. */
#ifndef PBASE_BENCH_KV_TABLE_H
#define PBASE_BENCH_KV_TABLE_H
#include "bench.h"

#define KV_RUNS_MAX 15u
#define KV_ENGINES_MAX 8u

typedef enum {
    KV_COMMIT_1T,
    KV_APPEND, /* not of an engine, but of the disk in the seconds before and after KV_COMMIT_1T */
    KV_COMMIT_4T,
    KV_COMMIT_16T,
    KV_COMMIT_LARGE,
    KV_GET,
    KV_GET_FRESH,
    KV_GET_2T,
    KV_GET_MANY,
    KV_SCAN,
    KV_RANGE,
    KV_UPDATE,
    KV_LOAD_1TXN,
    KV_LOAD_1000,
    KV_LOAD_SORTED,
    KV_SIZE_LOADED,
    KV_SIZE_UPDATED,
    KV_DEVICE_1T,
    KV_DEVICE_32T,
    KV_WRITTEN_1T,
    KV_WRITTEN_32T,
    KV_OPEN,
    KV_OPEN_PARTS,
    KV_OPEN_AFTER_CRASH,
    KV_SETTLE,
    KV_WORKLOADS
} kv_workload;

const char *kv_workload_name(kv_workload workload);
/* By its name; KV_WORKLOADS: there is none. */
kv_workload kv_workload_find(const char *name);

/* What one engine reached, run by run. */
typedef struct {
    double values[KV_RUNS_MAX];
    size_t count;
} kv_series;

typedef struct {
    uint64_t records;
    const char *engines[KV_ENGINES_MAX]; /* the first is ours */
    size_t engine_count;
    kv_series series[KV_WORKLOADS][KV_ENGINES_MAX];
} kv_results;

/* One line per workload that anybody was measured in; as JSON one object per workload and engine. */
void kv_results_print(kv_results *results, bool json);

#endif
