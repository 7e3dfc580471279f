/* kv.c - `./dev bench kv`: the key-value workloads on ProtoBase and its peers, in one run.
 *
 * kv [--json] [--records N] [--runs R] [--folder DIR]. Each figure is the median of R runs. */
#include "kv_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    bool json;
    uint64_t records;
    size_t runs;
    const char *folder;
} options;

#define RUNS_MAX 15u
#define GETS 1000000u
#define COMMITS 2000u
#define LOAD_BATCH 10000u
#define CRASH_JOURNAL_BYTES (64u << 20)

void kv_key(uint64_t number, uint8_t out[KV_KEY_BYTES])
{
    uint64_t hash = bench_hash(number);
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(hash >> (56 - 8 * i));
        out[8 + i] = (uint8_t)(number >> (56 - 8 * i));
    }
}

static void report(const options *wanted, const char *workload, const char *engine, double value,
                   const char *unit, bool higher_is_better)
{
    bench_figure figure = {"kv", workload, engine, value, unit, higher_is_better, wanted->records};
    bench_print(&figure, wanted->json);
}

static double rate_of(void (*work)(void *, uint64_t, uint64_t), void *engine, const options *wanted,
                      uint64_t count)
{
    double rates[RUNS_MAX];
    for (size_t i = 0; i < wanted->runs; i++) {
        double began = bench_seconds();
        work(engine, wanted->records, count);
        rates[i] = (double)count / (bench_seconds() - began);
    }
    return bench_median(rates, wanted->runs);
}

static double open_ms(const kv_engine *engine, const char *folder, size_t runs)
{
    double times[RUNS_MAX];
    for (size_t i = 0; i < runs; i++) {
        double began = bench_seconds();
        void *opened = engine->open(folder);
        times[i] = (bench_seconds() - began) * 1e3;
        engine->close(opened);
    }
    return bench_median(times, runs);
}

static void run_engine(const kv_engine *engine, const options *wanted)
{
    char folder[4096];
    (void)snprintf(folder, sizeof folder, "%s/%s", wanted->folder, engine->name);
    bench_remove_folder(folder);
    void *opened = engine->open(folder);
    double began = bench_seconds();
    engine->load(opened, wanted->records, LOAD_BATCH);
    double load = (double)wanted->records / (bench_seconds() - began);
    report(wanted, "load_hashed_10000", engine->name, load, "1/s", true);
    engine->get_random(opened, wanted->records, wanted->records); /* warm */
    report(wanted, "get_random_1t", engine->name, rate_of(engine->get_random, opened, wanted, GETS),
           "1/s", true);
    report(wanted, "commit_durable_1t", engine->name,
           rate_of(engine->commit_durable, opened, wanted, COMMITS), "1/s", true);
    engine->close(opened);
    report(wanted, "open", engine->name, open_ms(engine, folder, wanted->runs), "ms", false);
    bench_remove_folder(folder);
}

static void run_crash(const options *wanted)
{
    char folder[4096];
    (void)snprintf(folder, sizeof folder, "%s/crash", wanted->folder);
    double times[RUNS_MAX];
    for (size_t i = 0; i < wanted->runs; i++) {
        bench_remove_folder(folder);
        pid_t child = fork();
        if (child == 0) {
            kv_protobase_crash(folder, CRASH_JOURNAL_BYTES);
        }
        if (child < 0 || waitpid(child, NULL, 0) != child) {
            bench_fail("cannot start a process that crashes");
        }
        double began = bench_seconds();
        void *opened = kv_protobase.open(folder);
        times[i] = (bench_seconds() - began) * 1e3;
        kv_protobase.close(opened);
    }
    report(wanted, "open_after_crash", kv_protobase.name, bench_median(times, wanted->runs), "ms",
           false);
    bench_remove_folder(folder);
}

static options parse(int argc, char **argv)
{
    options wanted = {.records = 1000000, .runs = 5, .folder = "bench-kv.tmp"};
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--json") == 0) {
            wanted.json = true;
        } else if (strcmp(argv[i], "--records") == 0 && has_value) {
            wanted.records = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--runs") == 0 && has_value) {
            wanted.runs = strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--folder") == 0 && has_value) {
            wanted.folder = argv[++i];
        } else {
            bench_fail("usage: kv [--json] [--records N] [--runs 1..%u] [--folder DIR]", RUNS_MAX);
        }
    }
    if (wanted.records == 0 || wanted.runs == 0 || wanted.runs > RUNS_MAX) {
        bench_fail("kv: --records from 1, --runs from 1 to %u", RUNS_MAX);
    }
    return wanted;
}

int main(int argc, char **argv)
{
    options wanted = parse(argc, argv);
    (void)mkdir(wanted.folder, 0777); /* opening says what is wrong with it */
    run_engine(&kv_protobase, &wanted);
#ifdef BENCH_HAS_lmdb
    run_engine(&kv_lmdb, &wanted);
#endif
#ifdef BENCH_HAS_sqlite3
    run_engine(&kv_sqlite3, &wanted);
#endif
    run_crash(&wanted);
    bench_remove_folder(wanted.folder);
    return 0;
}
