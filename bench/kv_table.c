/* kv_table.c - medians, ratios to the best peer and to LMDB, and whether the goals are reached. */
#include "kv_table.h"

#include "kv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What an absolute goal is a multiple of. */
typedef enum { GOAL_NONE, GOAL_OF_UNIT, GOAL_OF_LIVE_DATA, GOAL_OF_APPEND } goal_base;

typedef struct {
    const char *name;
    const char *unit;
    bool higher;
    double best; /* goal: our figure divided by the best ordered peer's; 0: none */
    double lmdb; /* the same of LMDB's */
    double absolute;
    goal_base base;
    int against; /* workload whose figures of the peers count; -1: this one */
} line;

static const line lines[KV_WORKLOADS] = {
    [KV_COMMIT_1T] = {"commit_durable_1t", "1/s", true, 1.3, 2.7, 0.95, GOAL_OF_APPEND, -1},
    [KV_APPEND] = {"append_4k_beside_1t", "1/s", true, 0, 0, 0, GOAL_NONE, -1},
    [KV_COMMIT_4T] = {"commit_durable_4t", "1/s", true, 2.0, 6, 0, GOAL_NONE, -1},
    [KV_COMMIT_16T] = {"commit_durable_16t", "1/s", true, 2.4, 20, 0, GOAL_NONE, -1},
    [KV_COMMIT_LARGE] = {"commit_large_1t", "1/s", true, 0, 0, 0, GOAL_NONE, -1},
    [KV_GET] = {"get_random_1t", "1/s", true, 2.5, 2.5, 0, GOAL_NONE, -1},
    [KV_GET_FRESH] = {"get_random_fresh_1t", "1/s", true, 2.5, 2.5, 0, GOAL_NONE, -1},
    [KV_GET_2T] = {"get_random_2t", "1/s", true, 2.5, 2.5, 0, GOAL_NONE, -1},
    [KV_GET_MANY] = {"get_many", "1/s", true, 5, 5, 0, GOAL_NONE, KV_GET},
    [KV_SCAN] = {"scan", "1/s", true, 1.8, 3, 0, GOAL_NONE, -1},
    [KV_RANGE] = {"range_100", "1/s", true, 2.3, 2.5, 0, GOAL_NONE, -1},
    [KV_UPDATE] = {"update_100", "1/s", true, 1.7, 6, 0, GOAL_NONE, -1},
    [KV_LOAD_1TXN] = {"load_hashed_1txn", "1/s", true, 2.2, 3, 0, GOAL_NONE, -1},
    [KV_LOAD_1000] = {"load_hashed_1000", "1/s", true, 2, 4.6, 0, GOAL_NONE, -1},
    [KV_LOAD_SORTED] = {"load_sorted", "1/s", true, 1.2, 2.5, 0, GOAL_NONE, -1},
    [KV_SIZE_LOADED] = {"size_loaded", "B", false, 1.0, 0.68, 0, GOAL_NONE, -1},
    [KV_SIZE_UPDATED] = {"size_updated", "B", false, 0, 0.68, 1.3, GOAL_OF_LIVE_DATA, -1},
    [KV_DEVICE_1T] = {"device_bytes_per_commit_1t", "B", false, 0, 0.18, 4400, GOAL_OF_UNIT, -1},
    [KV_DEVICE_32T] = {"device_bytes_per_commit_32t", "B", false, 0, 0.03, 600, GOAL_OF_UNIT, -1},
    [KV_WRITTEN_1T] = {"written_bytes_per_commit_1t", "B", false, 0, 0, 0, GOAL_NONE, -1},
    [KV_WRITTEN_32T] = {"written_bytes_per_commit_32t", "B", false, 0, 0, 0, GOAL_NONE, -1},
    [KV_OPEN] = {"open", "ms", false, 0, 1, 0, GOAL_NONE, -1},
    [KV_OPEN_PARTS] = {"open_parts", "ms", false, 0, 0, 0, GOAL_NONE, -1},
    [KV_OPEN_AFTER_CRASH] = {"open_after_crash", "ms", false, 0, 0, 0, GOAL_NONE, -1},
    [KV_SETTLE] = {"settle_after_load", "s", false, 0, 0, 0, GOAL_NONE, -1},
};

const char *kv_workload_name(kv_workload workload)
{
    return lines[workload].name;
}

kv_workload kv_workload_find(const char *name)
{
    kv_workload found = 0;
    while (found < KV_WORKLOADS && strcmp(lines[found].name, name) != 0) {
        found++;
    }
    return found;
}

/* ------------------------------------------------------------------------------ comparing ----- */

/* NAN: it was not measured. */
static double median_of(kv_results *results, kv_workload workload, size_t engine)
{
    kv_series *series = &results->series[workload][engine];
    return series->count == 0 ? (double)NAN : bench_median(series->values, series->count);
}

typedef struct {
    double ours;
    double best, lmdb; /* of the peers; NAN: nobody was measured */
    const char *best_name;
    double goal; /* the absolute one in the line's unit; 0: none */
    double goal_reached;
} comparison;

static double absolute_goal(kv_results *results, const line *of)
{
    switch (of->base) {
    case GOAL_OF_UNIT:
        return of->absolute;
    case GOAL_OF_LIVE_DATA:
        return of->absolute * (double)results->records * (KV_KEY_BYTES + KV_VALUE_BYTES);
    case GOAL_OF_APPEND:
        return of->absolute * median_of(results, KV_APPEND, 0);
    case GOAL_NONE:
        break;
    }
    return 0;
}

static comparison compare(kv_results *results, kv_workload workload)
{
    const line *of = &lines[workload];
    kv_workload against = of->against < 0 ? workload : (kv_workload)of->against;
    comparison out = {.ours = median_of(results, workload, 0),
                      .best = (double)NAN,
                      .lmdb = (double)NAN,
                      .best_name = "",
                      .goal = absolute_goal(results, of)};
    for (size_t i = 1; i < results->engine_count; i++) {
        double value = median_of(results, against, i);
        if (!isnan(value) &&
            (isnan(out.best) || (of->higher ? value > out.best : value < out.best))) {
            out.best = value;
            out.best_name = results->engines[i];
        }
        if (strcmp(results->engines[i], "lmdb") == 0) {
            out.lmdb = value;
        }
    }
    return out;
}

/* Whether `value` is as good as `goal`, a lower bound or an upper one. */
static bool reaches(const line *of, double value, double goal)
{
    return of->higher ? value >= goal : value <= goal;
}

/* -------------------------------------------------------------------------------- as JSON ----- */

static void print_ratio(const char *name, const line *of, double ratio, double goal)
{
    if (isnan(ratio)) {
        return;
    }
    printf(", \"ratio_%s\": %.4g", name, ratio);
    if (goal > 0) {
        printf(", \"goal_%s\": %g, \"reached_%s\": %s", name, goal, name,
               reaches(of, ratio, goal) ? "true" : "false");
    }
}

static void print_goals(const line *of, const comparison *with)
{
    if (with->best_name[0] != '\0') {
        printf(", \"best\": \"%s\"", with->best_name);
    }
    print_ratio("best", of, with->ours / with->best, of->best);
    print_ratio("lmdb", of, with->ours / with->lmdb, of->lmdb);
    if (with->goal > 0) {
        printf(", \"goal\": %.6g, \"reached\": %s", with->goal,
               reaches(of, with->ours, with->goal) ? "true" : "false");
    }
}

static void print_json(kv_results *results, kv_workload workload)
{
    const line *of = &lines[workload];
    comparison with = compare(results, workload);
    for (size_t i = 0; i < results->engine_count; i++) {
        const kv_series *series = &results->series[workload][i];
        double value = median_of(results, workload, i); /* sorts them */
        if (isnan(value)) {
            continue;
        }
        printf("{\"bench\": \"kv\", \"workload\": \"%s\", \"engine\": \"%s\", \"value\": %.6g, "
               "\"unit\": \"%s\", \"better\": \"%s\", \"n\": %llu, \"runs\": %zu, "
               "\"least\": %.6g, \"greatest\": %.6g",
               of->name, results->engines[i], value, of->unit, of->higher ? "higher" : "lower",
               (unsigned long long)results->records, series->count, series->values[0],
               series->values[series->count - 1]);
        if (i == 0) {
            print_goals(of, &with);
        }
        printf("}\n");
    }
}

/* ------------------------------------------------------------------------------ as a table ---- */

/* Three to four digits and a letter for the thousands. */
static const char *short_number(double value, char *out, size_t size)
{
    static const char letters[] = {' ', 'k', 'M', 'G', 'T'};
    unsigned thousands = 0;
    while (value >= 9999.5 && thousands < sizeof letters - 1) {
        value /= 1000;
        thousands++;
    }
    int digits = value >= 999.5 ? 0 : value >= 99.5 ? 1 : value >= 9.95 ? 2 : 3;
    (void)snprintf(out, size, isnan(value) ? "-" : "%.*f%c", digits, value, letters[thousands]);
    if (isnan(value)) {
        (void)snprintf(out, size, "- ");
    }
    return out;
}

static void print_ratio_cell(const line *of, double ratio, double goal)
{
    if (isnan(ratio) || goal == 0) {
        printf(" %18s", "");
    } else {
        printf(" %6.2fx of %4gx %s", ratio, goal, reaches(of, ratio, goal) ? "ok" : "--");
    }
}

static void print_row(kv_results *results, kv_workload workload)
{
    const line *of = &lines[workload];
    comparison with = compare(results, workload);
    char text[32];
    printf("%-28s %-3s", of->name, of->unit);
    for (size_t i = 0; i < results->engine_count; i++) {
        printf(" %9s", short_number(median_of(results, workload, i), text, sizeof text));
    }
    print_ratio_cell(of, with.ours / with.best, of->best);
    print_ratio_cell(of, with.ours / with.lmdb, of->lmdb);
    if (with.goal > 0 && !isnan(with.ours)) {
        printf("  %s %s %s", of->higher ? "at least" : "at most",
               short_number(with.goal, text, sizeof text),
               reaches(of, with.ours, with.goal) ? "ok" : "--");
    }
    printf("\n");
}

static bool any_measured(const kv_results *results, kv_workload workload)
{
    bool any = false;
    for (size_t i = 0; i < results->engine_count; i++) {
        any = any || results->series[workload][i].count > 0;
    }
    return any;
}

void kv_results_print(kv_results *results, bool json)
{
    if (!json) {
        printf("%llu records, medians; 'ok' reaches its goal, '--' does not\n%-32s",
               (unsigned long long)results->records, "");
        for (size_t i = 0; i < results->engine_count; i++) {
            printf(" %9s", results->engines[i]);
        }
        printf(" %18s %18s\n", "of the best peer", "of lmdb");
    }
    for (kv_workload i = 0; i < KV_WORKLOADS; i++) {
        if (any_measured(results, i)) {
            (json ? print_json : print_row)(results, i);
        }
    }
    (void)fflush(stdout);
}
