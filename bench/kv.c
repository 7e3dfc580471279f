/* kv.c - `./dev bench kv`: the key-value workloads on ProtoBase and its peers, in one run.
 *
 * Engines take turns, run by run, so that a slow moment of the machine hits all of them; each turn is
 * a process of its own, which sends its figures back through a pipe. */
#include "kv_measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
    "usage: kv [--json] [--records N] [--repeat R] [--only WORKLOAD[,...]] [--engines NAME[,...]]\n"
    "          [--seconds S] [--large] [--short] [--cpu] [--folder DIR]\n"
    "\n"
    "  --records N    1,000,000 unless it says otherwise\n"
    "  --repeat R     runs of which the median is shown, 1 to 15 (3)\n"
    "  --only W       these workloads alone; may be repeated\n"
    "  --engines E    these engines alone: protobase, lmdb, sqlite, rocksdb, leveldb\n"
    "  --seconds S    of each line of commits (2)\n"
    "  --large        get, scan and update once more over 10,000,000 records\n"
    "  --short        2,000 records, one run, moments: does it work at all?\n"
    "  --cpu          by the CPU time of the process, not by the clock: on a machine that does "
    "other\n"
    "                 things as well; says nothing of the disk, so it leaves the commits out\n"
    "  --folder DIR   where the databases are made, and removed (bench-kv.tmp)\n"
    "  --json         an object a line for each workload and engine";

#define LARGE_RECORDS 10000000u
#define CRASH_JOURNAL_BYTES (64u << 20)

typedef struct {
    bool json, large, only, cpu;
    uint64_t records;
    size_t repeat;
    double seconds;
    const char *folder;
    bool wanted[KV_WORKLOADS];
    const char *engines; /* NULL: all */
    uint64_t crash_bytes;
} options;

static const kv_engine *const engines[] = {
    &kv_protobase,
#ifdef BENCH_HAS_lmdb
    &kv_lmdb,
#endif
#ifdef BENCH_HAS_sqlite3
    &kv_sqlite3,
#endif
#ifdef BENCH_HAS_rocksdb
    &kv_rocksdb,
#endif
#ifdef BENCH_HAS_leveldb
    &kv_leveldb,
#endif
};
#define ENGINES (sizeof engines / sizeof engines[0])

/* Peers that were not there when this was built. */
static const char *const absent[] = {
#ifndef BENCH_HAS_lmdb
    "lmdb (liblmdb-dev)",
#endif
#ifndef BENCH_HAS_sqlite3
    "sqlite (libsqlite3-dev)",
#endif
#ifndef BENCH_HAS_rocksdb
    "rocksdb (librocksdb-dev)",
#endif
#ifndef BENCH_HAS_leveldb
    "leveldb (libleveldb-dev)",
#endif
    NULL};

/* ------------------------------------------------------------------------------ processes ----- */

typedef struct {
    uint32_t workload;
    double value;
} sample;

static void send_sample(void *state, kv_workload workload, double value)
{
    sample sent = {.workload = workload, .value = value};
    if (write(*(int *)state, &sent, sizeof sent) != (ssize_t)sizeof sent) {
        bench_fail("cannot send a figure");
    }
}

static void take_samples(FILE *from, kv_results *results, size_t engine)
{
    sample taken;
    while (fread(&taken, sizeof taken, 1, from) == 1) {
        kv_series *series = &results->series[taken.workload][engine];
        if (series->count < KV_RUNS_MAX) {
            series->values[series->count++] = taken.value;
        }
    }
}

/* One turn: `run` in a process of its own. */
static void turn(void (*run)(const kv_engine *, const kv_measure_options *),
                 const kv_engine *engine, kv_measure_options *measure, kv_results *results,
                 size_t index)
{
    int ends[2], status = 0;
    (void)fflush(stdout); /* so that the child has nothing to print again */
    pid_t child = pipe(ends) == 0 ? fork() : -1;
    if (child == 0) {
        (void)close(ends[0]);
        measure->report = send_sample;
        measure->state = &ends[1];
        run(engine, measure);
        _exit(0);
    }
    FILE *from = child < 0 ? NULL : fdopen(ends[0], "r");
    if (from == NULL) {
        bench_fail("cannot start a process");
    }
    (void)close(ends[1]);
    take_samples(from, results, index);
    (void)fclose(from); /* only read */
    if (waitpid(child, &status, 0) != child || status != 0) {
        bench_fail("%s failed; its databases are in %s", engine->name, measure->folder);
    }
}

/* Opening what a process left that died with a journal full of work. */
static void run_crash(const kv_engine *engine, const kv_measure_options *measure)
{
    const kv_open_options durable = {.durable = true};
    bench_remove_folder(measure->folder);
    pid_t child = fork();
    if (child == 0) {
        kv_protobase_crash(measure->folder,
                           measure->records < 100000 ? 1u << 20 : CRASH_JOURNAL_BYTES);
    }
    if (child < 0 || waitpid(child, NULL, 0) != child) {
        bench_fail("cannot start a process that crashes");
    }
    double began = bench_seconds();
    void *opened = engine->open(measure->folder, &durable);
    measure->report(measure->state, KV_OPEN_AFTER_CRASH, (bench_seconds() - began) * 1e3);
    engine->close(opened);
    bench_remove_folder(measure->folder);
}

/* -------------------------------------------------------------------------------- passes ------ */

static bool is_listed(const char *list, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0')) {
            return true;
        }
    }
    return list == NULL;
}

static void pass(const options *wanted, kv_results *results)
{
    results->records = wanted->records;
    for (size_t i = 0; i < ENGINES; i++) {
        results->engines[i] = engines[i]->name;
    }
    results->engine_count = ENGINES;
    for (size_t run = 0; run < wanted->repeat; run++) {
        for (size_t i = 0; i < ENGINES; i++) {
            char folder[4096];
            kv_measure_options measure = {
                .folder = folder, .records = wanted->records, .seconds = wanted->seconds};
            memcpy(measure.wanted, wanted->wanted, sizeof measure.wanted);
            (void)snprintf(folder, sizeof folder, "%s/%s", wanted->folder, engines[i]->name);
            if (!is_listed(wanted->engines, engines[i]->name)) {
                continue;
            }
            turn(kv_measure, engines[i], &measure, results, i);
            if (i == 0 && wanted->wanted[KV_OPEN_AFTER_CRASH]) {
                turn(run_crash, engines[i], &measure, results, i);
            }
        }
    }
    kv_results_print(results, wanted->json);
}

static void pass_large(const options *wanted, kv_results *results)
{
    options large = *wanted;
    large.records = LARGE_RECORDS;
    memset(large.wanted, 0, sizeof large.wanted);
    large.wanted[KV_GET] = large.wanted[KV_SCAN] = large.wanted[KV_UPDATE] = true;
    memset(results, 0, sizeof *results);
    pass(&large, results);
}

/* --------------------------------------------------------------------------------- options ---- */

static void want(options *wanted, char *list)
{
    wanted->only = true;
    for (char *name = strtok(list, ","); name != NULL; name = strtok(NULL, ",")) {
        kv_workload found = kv_workload_find(name);
        if (found == KV_WORKLOADS) {
            (void)fprintf(stderr, "kv: there is no workload '%s'; there are:", name);
            for (kv_workload i = 0; i < KV_WORKLOADS; i++) {
                (void)fprintf(stderr, " %s", kv_workload_name(i));
            }
            bench_fail("%s", "");
        }
        wanted->wanted[found] = true;
    }
}

/* Lines that wait for the disk, or for other processes. */
static bool waits(kv_workload workload)
{
    return workload <= KV_COMMIT_16T || (workload >= KV_DEVICE_1T && workload <= KV_WRITTEN_32T) ||
           workload == KV_OPEN_AFTER_CRASH;
}

static void shorten(options *wanted)
{
    wanted->records = 2000;
    wanted->repeat = 1;
    wanted->seconds = 0.05;
}

/* Takes an option that has a value. */
static bool parse_valued(options *wanted, const char *name, char *value)
{
    if (strcmp(name, "--records") == 0) {
        wanted->records = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--repeat") == 0) {
        wanted->repeat = strtoul(value, NULL, 10);
    } else if (strcmp(name, "--seconds") == 0) {
        wanted->seconds = strtod(value, NULL);
    } else if (strcmp(name, "--folder") == 0) {
        wanted->folder = value;
    } else if (strcmp(name, "--engines") == 0) {
        wanted->engines = value;
    } else if (strcmp(name, "--only") == 0) {
        want(wanted, value);
    } else {
        return false;
    }
    return true;
}

static options parse(int argc, char **argv)
{
    options wanted = {.records = 1000000, .repeat = 3, .seconds = 2};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            wanted.json = true;
        } else if (strcmp(argv[i], "--large") == 0) {
            wanted.large = true;
        } else if (strcmp(argv[i], "--short") == 0) {
            shorten(&wanted);
        } else if (strcmp(argv[i], "--cpu") == 0) {
            wanted.cpu = true;
            bench_use_cpu_time();
        } else if (i + 1 < argc && parse_valued(&wanted, argv[i], argv[i + 1])) {
            i++;
        } else {
            bench_fail("%s", usage);
        }
    }
    if (wanted.records == 0 || wanted.repeat == 0 || wanted.repeat > KV_RUNS_MAX ||
        !(wanted.seconds > 0)) {
        bench_fail("%s", usage);
    }
    for (kv_workload i = 0; i < KV_WORKLOADS; i++) {
        wanted.wanted[i] = (wanted.wanted[i] || !wanted.only) && !(wanted.cpu && waits(i));
    }
    wanted.wanted[KV_APPEND] =
        wanted.wanted[KV_APPEND] || wanted.wanted[KV_COMMIT_1T]; /* its goal */
    return wanted;
}

int main(int argc, char **argv)
{
    static kv_results results;
    options wanted = parse(argc, argv);
    for (size_t i = 0; absent[i] != NULL; i++) {
        (void)fprintf(stderr, "kv: without %s: not installed when this was built\n", absent[i]);
    }
    wanted.folder = bench_work_folder(wanted.folder, "kv");
    pass(&wanted, &results);
    if (wanted.large) {
        pass_large(&wanted, &results);
    }
    bench_remove_folder(wanted.folder);
    return 0;
}
