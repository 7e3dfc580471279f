/* bench.c - time, keys, medians, printing. */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static clockid_t bench_clock = CLOCK_MONOTONIC;

void bench_use_cpu_time(void)
{
    bench_clock = CLOCK_PROCESS_CPUTIME_ID;
}

double bench_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(bench_clock, &now); /* cannot fail for these clocks */
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

uint64_t bench_hash(uint64_t number)
{
    uint64_t z = number + 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void bench_fill(uint64_t seed, void *out, size_t size)
{
    uint8_t *bytes = out;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = bench_hash(seed + i * 0x100000001b3u);
        memcpy(bytes + i, &word, size - i < 8 ? size - i : 8);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void bench_print(const bench_figure *figure, bool json)
{
    if (json) {
        printf("{\"bench\": \"%s\", \"workload\": \"%s\", \"engine\": \"%s\", \"value\": %.6g, "
               "\"unit\": \"%s\", \"better\": \"%s\", \"n\": %llu}\n",
               figure->bench, figure->workload, figure->engine, figure->value, figure->unit,
               figure->higher_is_better ? "higher" : "lower", (unsigned long long)figure->n);
    } else {
        printf("%-8s %-20s %-12s %14.1f %-4s n=%llu\n", figure->bench, figure->workload,
               figure->engine, figure->value, figure->unit, (unsigned long long)figure->n);
    }
    (void)fflush(stdout);
}

void *bench_new(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        bench_fail("no memory for %zu bytes", size);
    }
    return memory;
}

void bench_remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char inner[4096];
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            if (unlink(inner) != 0) {
                bench_remove_folder(inner);
            }
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
        (void)rmdir(path);
    }
}

const char *bench_work_folder(const char *parent, const char *name)
{
    static char path[4096];
    bool fits = snprintf(path, sizeof path, "%s%sbench-%s.tmp", parent == NULL ? "" : parent,
                         parent == NULL ? "" : "/", name) < (int)sizeof path;
    if (parent != NULL) {
        (void)mkdir(parent, 0777); /* the next one says what is wrong with it */
    }
    bench_remove_folder(fits ? path : "");
    if (!fits || mkdir(path, 0777) != 0) {
        bench_fail("cannot make the folder %s: %s", path, strerror(errno));
    }
    return path;
}

void bench_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    exit(1);
}
