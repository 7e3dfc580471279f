/* crash_script.c - playing, cutting, opening, judging. */
#include "crash_script.h"

#include "planted.h"
#include "seed.h"
#include "sim_os.h"
#include "space_fixture.h"
#include <protobase/history.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Random states beside the ordered ones, torn sectors among them. */
#define SAMPLES 6u
#define SAMPLES_LONG 60u
#define SAMPLES_TRIPLES 12u /* of which there are hundreds of scripts */
#define TRIPLES_EVERY 181u  /* in the short form */
#define CALLS_UNSURE 12u    /* of threads behind the script, before or after a step as it comes */
#define CALLS_MAX 2000u

#define STEPS_MAX 6u
static const char *const roots[] = {"left", "right"};

/* What a space holds, as far as scripts go: the values of keys 1 and 2 in both roots. 0: not there. */
typedef struct {
    int64_t values[2][3];
} content;

/* The contents a script went through, and how many of its transactions must be there. */
typedef struct {
    content after[STEPS_MAX + 1]; /* [0]: before the first */
    size_t transactions;
    size_t acknowledged; /* durably: those before it are there too */
} progress_mark;

/* ------------------------------------------------------------------------------- scripts ---- */

typedef struct {
    char letter;
    int64_t key, value;
} step;

static void content_change(content *held, const step *next)
{
    for (unsigned root = 0; root < 2; root++) {
        if (next->letter == 'd' && root == 0) {
            memset(held->values[0], 0, sizeof held->values[0]);
        } else if (next->letter != 'd') {
            held->values[root][next->key] = next->letter == 'r' ? 0 : next->value;
        }
    }
}

static pbase_status change_root(pbase_txn *txn, const char *root, const step *next)
{
    pbase_dict *dict = NULL;
    pbase_value key = pbase_value_int(next->key), value = pbase_value_int(next->value);
    pbase_status status = pbase_txn_dict(txn, root, &dict, NULL);
    status = status == PBASE_NOT_FOUND ? pbase_txn_new_dict(txn, &dict, NULL) : status;
    if (status == PBASE_OK) {
        status = next->letter == 'r' ? pbase_dict_remove(&dict, &key, NULL, NULL)
                                     : pbase_dict_put(&dict, &key, &value, NULL, NULL);
    }
    if (status == PBASE_OK && next->letter == 'l') { /* past the bound now */
        status = pbase_dict_put(&dict, &key, &value, NULL, NULL);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, root, dict, NULL) : status;
    pbase_dict_close(dict);
    return status;
}

static pbase_status run_transaction(space_fixture *fixture, const step *next)
{
    pbase_txn *txn = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = next->letter == 'a' ? PBASE_DURABILITY_ASYNC : PBASE_DURABILITY_SYNC;
    options.log_bytes_max = next->letter == 'l' ? 1 : options.log_bytes_max;
    options.memory_bytes_max = next->letter == 'l' ? 1 : options.memory_bytes_max;
    pbase_status status = pbase_txn_begin(fixture->database, &options, &txn, NULL);
    if (status == PBASE_OK && next->letter == 'd') {
        status = pbase_txn_drop_root(txn, roots[0], NULL);
        status = status == PBASE_NOT_FOUND ? PBASE_OK : status;
    } else {
        for (unsigned root = 0; root < 2 && status == PBASE_OK; root++) {
            status = change_root(txn, roots[root], next);
        }
    }
    if (status != PBASE_OK) {
        pbase_txn_abort(&txn);
        return status;
    }
    return pbase_txn_commit(&txn, NULL, NULL, NULL);
}

/* Makes the index on the second root, or drops it when it is there. */
static pbase_status turn_index(space_fixture *fixture)
{
    static const char *const fields[] = {"a"};
    pbase_index_options options = {
        .struct_size = sizeof options, .fields = fields, .field_count = 1};
    pbase_status status =
        pbase_index_create(fixture->database, roots[1], "by_a", &options, NULL, NULL);
    return status == PBASE_EXISTS
               ? pbase_index_drop(fixture->database, roots[1], "by_a", NULL, NULL)
               : status;
}

/* Opens what the fixture describes and plays the script as far as it goes. */
static void play(space_fixture *fixture, const char *script, progress_mark *mark)
{
    pbase_status status = fixture_try_open(fixture, NULL);
    for (; *script != '\0' && status == PBASE_OK; script++) {
        if (*script == 'c') {
            status = pbase_space_checkpoint(fixture->space, NULL, NULL);
        } else if (*script == 's') {
            pbase_compact_report report;
            status = pbase_space_compact(fixture->space, NULL, &report, NULL);
        } else if (*script == 'i') {
            status = turn_index(fixture);
        } else if (*script == 'q') {
            fixture_close(fixture);
        } else {
            size_t n = ++mark->transactions;
            step next = {*script, *script == 'p' || *script == 'a' ? 2 : 1, (int64_t)n * 10};
            mark->after[n] = mark->after[n - 1];
            content_change(&mark->after[n], &next);
            status = run_transaction(fixture, &next);
            mark->acknowledged = status == PBASE_OK && *script != 'a' ? n : mark->acknowledged;
        }
    }
    assert_true(status == PBASE_OK || sim_os_has_crashed((sim_os *)fixture->options.os->state));
}

/* -------------------------------------------------------------------------------- judgement ---- */

/* Of the sweep that runs. */
static bool keeps_past;
static bool flushes_lie; /* the bug that is planted */

static void prepare(space_fixture *fixture, sim_os *sim)
{
    fixture_prepare(fixture, "/space", sim_os_interface(sim));
    fixture_set(fixture, "storage.blocks.segment_size=64KiB");
    fixture_set(fixture, "storage.journal_segment_size=64KiB");
    if (keeps_past) {
        fixture_set(fixture, "storage.retention_count=2");
    }
}

static content content_of(space_fixture *fixture)
{
    content held;
    memset(&held, 0, sizeof held);
    for (unsigned root = 0; root < 2; root++) {
        for (int64_t key = 1; key <= 2; key++) {
            int64_t value = fixture_get(fixture, roots[root], key);
            held.values[root][key] = value == INT64_MIN ? 0 : value;
        }
    }
    return held;
}

static bool same_content(const content *a, const content *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static int64_t value_in(const pbase_snapshot *snapshot, const char *root, int64_t key)
{
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_value k = pbase_value_int(key), v = pbase_value_int(0);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_snapshot_dict(snapshot, root, &dict, NULL);
    status = status == PBASE_OK ? pbase_dict_get(dict, &k, &arena, &v, NULL) : status;
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
    return v.as.integer;
}

/* Nothing, when the database did not exist then. */
static content content_at(space_fixture *fixture, uint64_t sequence)
{
    content held;
    pbase_snapshot *snapshot = NULL;
    pbase_moment at = pbase_moment_of_sequence(sequence);
    memset(&held, 0, sizeof held);
    pbase_status status = pbase_snapshot_open_at(fixture->database, &at, NULL, &snapshot, NULL);
    assert_true(status == PBASE_OK || (status == PBASE_NOT_FOUND && sequence == 0));
    for (unsigned i = 0; i < 4 && status == PBASE_OK; i++) {
        held.values[i / 2][1 + i % 2] = value_in(snapshot, roots[i / 2], 1 + i % 2);
    }
    pbase_snapshot_close(snapshot);
    return held;
}

/* Before its first state a script has nothing. */
static void judge_past(space_fixture *fixture, const progress_mark *mark, const char *script)
{
    static const content nothing;
    pbase_history_range range;
    size_t n = 0;
    assert_int_equal(pbase_history_describe(fixture->space, &range, NULL), PBASE_OK);
    for (uint64_t at = range.oldest_sequence; at <= range.newest_sequence; at++) {
        content held = content_at(fixture, at);
        bool is_early = n == 0 && same_content(&held, &nothing);
        while (!is_early && n <= mark->transactions && !same_content(&held, &mark->after[n])) {
            n++;
        }
        if (n > mark->transactions) {
            fail_msg("script '%s': commit %llu has the content of no state in its turn", script,
                     (unsigned long long)at);
        }
    }
}

static void judge_opened(space_fixture *fixture, const progress_mark *mark, const char *script)
{
    content held = content_of(fixture);
    size_t n = mark->acknowledged;
    while (n <= mark->transactions && !same_content(&held, &mark->after[n])) {
        n++;
    }
    if (n > mark->transactions) {
        fail_msg("script '%s': the content is of no state from transaction %zu to %zu", script,
                 mark->acknowledged, mark->transactions);
    }
    if (keeps_past) {
        judge_past(fixture, mark, script);
    }
    fixture_assert_clean(fixture);
}

static void judge_future(sim_os *future, const progress_mark *mark, const char *script)
{
    const step more = {'p', 2, 999};
    space_fixture fixture;
    prepare(&fixture, future);
    fixture_open(&fixture);
    judge_opened(&fixture, mark, script);
    content first = content_of(&fixture);
    fixture_close(&fixture);
    fixture_open(&fixture);
    content second = content_of(&fixture);
    assert_true(same_content(&first, &second));
    assert_int_equal(run_transaction(&fixture, &more), PBASE_OK);
    fixture_close(&fixture);
    assert_int_equal(sim_os_memory_used(future), 0);
}

/* ------------------------------------------------------------------------------------ sweep ---- */

static const step first_step = {'o', 1, 1};

/* A disk with the space already there, key 1 in both roots and everything settled. */
static sim_os *disk_with_space(uint64_t seed)
{
    sim_os *sim = sim_os_create(seed);
    space_fixture fixture;
    prepare(&fixture, sim);
    fixture_open(&fixture);
    assert_int_equal(run_transaction(&fixture, &first_step), PBASE_OK);
    fixture_close(&fixture);
    sim_os_settle(sim);
    return sim;
}

/* What the sweep of one script has seen. */
typedef struct {
    const char *script;
    bool is_new;
    uint64_t seed, samples, futures;
    uint64_t version;    /* of the disk at the last call, */
    size_t acknowledged; /* and what was acknowledged then: a cut at a call that changed neither */
} sweep_state;           /* leaves nothing that was not looked at */

/* Plays the script with a power cut at call `n`; false when it ended before that call. */
static bool crash_at(sweep_state *sweep, uint64_t n)
{
    const char *script = sweep->script;
    bool is_new = sweep->is_new;
    uint64_t seed = sweep->seed;
    progress_mark mark;
    sim_os *sim = is_new ? sim_os_create(seed) : disk_with_space(seed);
    space_fixture fixture;
    sim_crash crash;
    sim_os *future;
    memset(&mark, 0, sizeof mark);
    if (!is_new) {
        content_change(&mark.after[0], &first_step);
    }
    prepare(&fixture, sim);
    if (flushes_lie) {
        sim_os_flushes_lie(sim);
    }
    sim_os_crash_at(sim, n);
    play(&fixture, script, &mark);
    bool crashed = sim_os_has_crashed(sim);
    uint64_t version = sim_os_disk_version(sim);
    bool is_seen = n > 1 && version == sweep->version && mark.acknowledged == sweep->acknowledged;
    sweep->version = version;
    sweep->acknowledged = mark.acknowledged;
    sim_crash_begin(&crash, sim, sweep->samples, seed + n);
    while (crashed && !is_seen && (future = sim_crash_next(&crash)) != NULL) {
        judge_future(future, &mark, script);
        sim_os_destroy(future);
        sweep->futures++;
    }
    fixture_close(&fixture);
    sim_os_destroy(sim);
    return crashed;
}

/* At the calls from `n` on. */
static void sweep_from(const char *script, bool is_new, uint64_t n, uint64_t samples)
{
    sweep_state state = {
        .script = script, .is_new = is_new, .seed = seed_for(script), .samples = samples};
    while (n < CALLS_MAX && crash_at(&state, n)) {
        n++;
    }
    print_message("%s: %llu calls, %llu states of the disk\n", script, (unsigned long long)(n - 1),
                  (unsigned long long)state.futures);
    assert_true(n > 5 && n < CALLS_MAX);
}

void crash_script_sweep(const char *script, bool is_new)
{
    sweep_from(script, is_new, 1, seed_is_long_run() ? SAMPLES_LONG : SAMPLES);
}

void crash_script_sweep_past(const char *script)
{
    keeps_past = true;
    crash_script_sweep(script, false);
    keeps_past = false;
}

void crash_script_sweep_pairs(const char *between, const char *behind)
{
    static const char letters[] = "porda";
    for (const char *first = letters; *first != '\0'; first++) {
        for (const char *second = letters; *second != '\0'; second++) {
            char script[STEPS_MAX + 1];
            (void)snprintf(script, sizeof script, "%c%s%c%s", *first, between, *second, behind);
            crash_script_sweep(script, false);
        }
    }
}

/* The calls that a script makes until its last step, less those that may as well come later. */
static uint64_t calls_before_last(const char *script)
{
    char before[STEPS_MAX + 1];
    progress_mark mark;
    space_fixture fixture;
    sim_os *sim = disk_with_space(1);
    memset(&mark, 0, sizeof mark);
    (void)snprintf(before, sizeof before, "%.*s", (int)strlen(script) - 1, script);
    prepare(&fixture, sim);
    uint64_t first = sim_os_disk_calls(sim);
    play(&fixture, before, &mark);
    uint64_t calls = sim_os_disk_calls(sim) - first;
    fixture_close(&fixture);
    sim_os_destroy(sim);
    return calls < CALLS_UNSURE ? 0 : calls - CALLS_UNSURE;
}

/* At the calls of a clean close behind a transaction: by then it is acknowledged, and lost when nothing
 * that is pending lasts, which is the first state to be opened. */
static void sweep_planted(void **unused)
{
    static const char script[] = "pq";
    (void)unused;
    flushes_lie = true;
    sweep_from(script, false, calls_before_last(script) + CALLS_UNSURE + 2, SAMPLES);
}

void crash_script_planted(void)
{
    planted_is_found(sweep_planted, "the content is of no state from transaction 1 to 1");
}

/* `script` and every longer one that begins with it; after a clean close there is nothing more. */
static void sweep_tree(char *script, size_t steps, uint64_t *count)
{
    static const char letters[] = "pordalicsq";
    if (steps > 0 && (seed_is_long_run() || *count % TRIPLES_EVERY == TRIPLES_EVERY / 2)) {
        uint64_t samples = seed_is_long_run() ? SAMPLES_TRIPLES : SAMPLES;
        sweep_from(script, false, 1 + (steps == 1 ? 0 : calls_before_last(script)), samples);
    }
    *count += steps > 0;
    for (const char *next = letters; steps < 3 && *next != '\0'; next++) {
        if (steps == 0 || script[steps - 1] != 'q') {
            script[steps] = *next;
            script[steps + 1] = '\0';
            sweep_tree(script, steps + 1, count);
        }
    }
    script[steps] = '\0';
}

void crash_script_sweep_triples(void)
{
    char script[STEPS_MAX + 1] = "";
    uint64_t count = 0;
    sweep_tree(script, 0, &count);
    print_message("%llu scripts\n", (unsigned long long)count);
}
