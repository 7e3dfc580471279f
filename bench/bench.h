/* bench.h - what every benchmark needs: time, keys, medians, and one way to print a figure. */
#ifndef PBASE_BENCH_H
#define PBASE_BENCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

double bench_seconds(void);
/* From now on bench_seconds counts the CPU time of the process: for machines that do other things too. */
void bench_use_cpu_time(void);
/* A bijective hash of 0, 1, 2, ...: keys in no order (splitmix64's finaliser). */
uint64_t bench_hash(uint64_t number);
/* `size` bytes that do not compress, from a seed. */
void bench_fill(uint64_t seed, void *out, size_t size);
double bench_median(double *values, size_t count);

/* Prints "bench workload engine value unit" as a line of the table, or as one JSON object. */
typedef struct {
    const char *bench;
    const char *workload;
    const char *engine;
    double value;
    const char *unit;
    bool higher_is_better;
    uint64_t n;
} bench_figure;
void bench_print(const bench_figure *figure, bool json);

/* Zeroed memory, or the end of the program. */
void *bench_new(size_t size);
/* Makes the folder a benchmark works in: bench-NAME.tmp in `parent`, which is made if need be and stays
 * (NULL: the working folder). What a broken run left there goes. Lent until the next call. */
const char *bench_work_folder(const char *parent, const char *name);
/* Removes a folder with everything in it; missing is fine. */
void bench_remove_folder(const char *path);
/* Says what failed and ends the program: a benchmark has no use for going on. */
#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 1, 2)))
#endif
void bench_fail(const char *format, ...);

#endif
