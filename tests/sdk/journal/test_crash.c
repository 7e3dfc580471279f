/* A journal through power cuts: at every call of a script, in every state the disk may be left in.
 *
 * Each script runs on a simulated machine that stops at its n-th call, for every n until the script
 * ends by itself. From each stop every future is visited (all subsets of what was not synced when
 * there are few, a sample when there are many), and there: the journal opens; what it shows is a
 * prefix of what was appended, with everything acknowledged as durable in it and nothing else; it
 * takes new appends; and what it shows then is still there after opening again and after a second
 * power cut. Damage to single bytes is told, and never taken for a torn tail when a later frame
 * proves otherwise.
 *
 * All of it on a disk that writes 512 bytes whole and on one that says 4,096, where frames share units;
 * in both the simulated machine keeps or loses each 512 bytes by themselves. The same is done for every
 * bug of planted_journal.h, and the test fails when one is not found. */
#include "planted_journal.h"

#include "journal_bed.h"
#include "seed.h"

#define SEGMENT_BYTES 4096u
#define SEGMENT_BYTES_SHRINK 16384u
#define HISTORY_MAX 64u
#define NUMBER_SECOND 1000u /* of the first append after a crash; its crash begins at 2000 */
#define SAMPLES 6u          /* random futures beside the ordered ones */
/* The long form adds scripts and samples; what is visited as a whole, all futures of a few sectors, is in both.
 * Some minutes of processor: a round of so many samples takes three seconds on both units. */
#define SAMPLES_LONG 96u
#define ROUNDS_LONG 60u /* of random scripts, on each unit */
#define SECOND_FUTURES 2u

/* ------------------------------------------------------------------------------------ model --- */

typedef struct {
    uint64_t numbers[HISTORY_MAX]; /* in the order of appending */
    pbase_position positions[HISTORY_MAX];
    size_t count;     /* acknowledged, and one more when the last is doubtful */
    size_t durable;   /* acknowledged as durable: the first so many */
    size_t trimmed;   /* forgotten: the first so many */
    bool is_doubtful; /* the last one failed: it may be there or not */
    pbase_position first;
    journal_entered entered;
} model;

static uint32_t segment_bytes = SEGMENT_BYTES;
static uint32_t atomic_bytes;
static uint64_t states;   /* visited */
static char context[128]; /* which script, fault and call the run is in */

static const char *problem(const char *text, const pbase_error *err)
{
    static char message[640];
    (void)snprintf(message, sizeof(message), "%s (%s)%s%s", text, context, err == NULL ? "" : ": ",
                   err == NULL ? "" : err->message);
    return message;
}

static pbase_status model_enter(void *state, const journal_entered *entered, pbase_error *err)
{
    (void)err;
    ((model *)state)->entered =
        *entered; /* durable at once: what the storage does is tested there */
    return PBASE_OK;
}

static void bed_around(bed *on, sim_os *sim, model *told)
{
    bed_init(on, sim);
    on->provider.segment_bytes = segment_bytes;
    on->provider.atomic_bytes = atomic_bytes;
    on->provider.fault = planted_bug == PLANTED_NO_DIRECTORY_SYNC ? OS_BLOCKS_NO_DIRECTORY_SYNC
                         : planted_bug == PLANTED_NO_RENAME_SYNC  ? OS_BLOCKS_NO_RENAME_SYNC
                                                                  : OS_BLOCKS_HONEST;
    on->options.first = told->first;
    on->options.entered = told->entered;
    on->options.enter = model_enter;
    on->options.state = told;
}

/* ----------------------------------------------------------------------------------- script --- */

typedef struct {
    char what;     /* 'a' append, 's' sync, 't' trim to the append `n`, 'p' prepare, 'c' shrink,
                      'r' reopen */
    uint8_t n;     /* records, or number of an append */
    uint16_t size; /* of each record */
    int32_t durability;
} step;

#define NONE PBASE_DURABILITY_NONE
#define SYNC PBASE_DURABILITY_SYNC

static const step script_durable[] = {
    {'a', 1, 200, SYNC}, {'a', 2, 400, SYNC}, {'a', 1, 200, SYNC}, {0, 0, 0, 0}};
static const step script_async[] = {{'a', 1, 200, NONE}, {'a', 1, 200, NONE}, {'a', 1, 200, NONE},
                                    {'s', 0, 0, 0},      {'a', 1, 900, NONE}, {'a', 1, 200, SYNC},
                                    {'a', 1, 200, NONE}, {'a', 1, 200, NONE}, {0, 0, 0, 0}};
static const step script_roll[] = {{'a', 1, 1500, NONE}, {'a', 1, 900, NONE}, {'a', 1, 1800, SYNC},
                                   {'a', 1, 900, NONE},  {'p', 0, 0, 0},      {'a', 1, 3000, NONE},
                                   {'a', 1, 200, NONE},  {'a', 1, 200, SYNC}, {0, 0, 0, 0}};
static const step script_trim[] = {{'a', 1, 3000, SYNC}, {'a', 1, 900, SYNC},  {'a', 1, 900, SYNC},
                                   {'a', 1, 900, SYNC},  {'a', 1, 3000, NONE}, {'t', 2, 0, 0},
                                   {'a', 1, 3000, SYNC}, {'a', 1, 900, NONE},  {'a', 1, 3000, NONE},
                                   {'a', 1, 400, NONE},  {'a', 1, 400, NONE},  {'t', 6, 0, 0},
                                   {'a', 1, 3000, SYNC}, {'r', 0, 0, 0},       {'a', 1, 400, NONE},
                                   {'a', 1, 3000, SYNC}, {0, 0, 0, 0}};
static const step script_large[] = {{'a', 1, 200, NONE}, {'a', 1, 5000, NONE}, {'a', 1, 200, SYNC},
                                    {'r', 0, 0, 0},      {'a', 2, 3000, SYNC}, {'a', 1, 200, NONE},
                                    {0, 0, 0, 0}};
/* In segments of 16 KiB, so that there is something to cut. */
static const step script_shrink[] = {
    {'a', 1, 200, SYNC},  {'p', 0, 0, 0},       {'s', 0, 0, 0},       {'c', 0, 0, 0},
    {'a', 1, 3000, SYNC}, {'a', 1, 3000, NONE}, {'a', 1, 3000, SYNC}, {'s', 0, 0, 0},
    {'c', 0, 0, 0},       {'r', 0, 0, 0},       {'a', 1, 900, NONE},  {'a', 1, 5000, SYNC},
    {'t', 3, 0, 0},       {'c', 0, 0, 0},       {'a', 1, 900, SYNC},  {'r', 0, 0, 0},
    {'a', 1, 900, SYNC},  {0, 0, 0, 0}};
static const step script_after_crash[] = {{'a', 1, 200, SYNC},
                                          {'a', 1, 200, NONE},
                                          {'a', 1, 900, NONE},
                                          {'a', 1, 200, SYNC},
                                          {0, 0, 0, 0}};

#define AFTER_CRASH_APPENDS 4u
#define PLANTED_SEEDS 8u /* until a planted bug is found: one of them shows it nearly always */

static const step *const scripts[] = {script_durable, script_async, script_roll,
                                      script_trim,    script_large, script_shrink};
#define SCRIPTS (sizeof(scripts) / sizeof(scripts[0]))

#define RANDOM_STEPS 10u

/* A script of its own for every seed. */
static void script_make(step script[RANDOM_STEPS + 1], uint64_t seed)
{
    static const char whats[] = "aaaaaaastpcr";
    static const uint16_t sizes[] = {20, 200, 400, 900, 1900, 3000, 3500, 5000};
    seed_random random;
    seed_random_init(&random, seed);
    for (size_t i = 0; i < RANDOM_STEPS; i++) {
        script[i] = (step){
            .what = whats[seed_below(&random, sizeof(whats) - 1)],
            .n = (uint8_t)(1 + seed_below(&random, 3)),
            .size = sizes[seed_below(&random, sizeof(sizes) / sizeof(sizes[0]))],
            .durability = seed_below(&random, 2) == 0 ? NONE : SYNC,
        };
    }
    script[RANDOM_STEPS] = (step){0, 0, 0, 0};
}

static void step_append(bed *on, model *told, uint64_t number, const step *one)
{
    pbase_journal_appended done = {0, 0};
    if (told->is_doubtful) {
        return; /* poisoned: tried, and refused, in append_refused */
    }
    pbase_status status = bed_append(on, number, one->n, one->size, one->durability, &done, NULL);
    if (status == PBASE_OK || status == PBASE_UNKNOWN) {
        told->numbers[told->count] = number;
        told->positions[told->count++] = done.first;
        told->is_doubtful = status == PBASE_UNKNOWN && !PBASE_PLANT(PLANTED_NO_POISON);
        if (status == PBASE_UNKNOWN && PBASE_PLANT(PLANTED_NO_POISON)) {
            told->count--;
        }
    }
    if (status == PBASE_OK && one->durability == SYNC) {
        told->durable = told->count;
    }
}

static size_t acknowledged(const model *told)
{
    return told->count - (told->is_doubtful ? 1 : 0);
}

static void step_trim(bed *on, model *told, size_t upto)
{
    if (upto < told->trimmed || upto >= acknowledged(told) || /* what is forgotten stays so */
        journal_sync(on->journal, NULL, told->positions[upto], NULL) != PBASE_OK) {
        return;
    }
    told->durable = told->durable > upto ? told->durable : upto;
    told->first = told->positions[upto]; /* the storage has stored it durably */
    told->trimmed = upto;
    on->options.first = told->first;
    pbase_status status = journal_trim(on->journal, NULL, told->first, NULL);
    (void)status; /* a trim that failed is as good as one that was not tried */
}

static void step_sync(bed *on, model *told)
{
    pbase_journal_head head = {0, 0, 0, 0};
    journal_head(on->journal, &head);
    if (journal_sync(on->journal, NULL, head.head, NULL) == PBASE_OK) {
        told->durable = acknowledged(told);
    }
}

/* As at an orderly end: all is durable, what will be left is remembered, the rest is cut off. */
static void step_shrink(bed *on, model *told)
{
    pbase_journal_head head = {0, 0, 0, 0};
    step_sync(on, told);
    journal_head(on->journal, &head);
    if (sim_os_has_crashed(on->sim) || head.synced < head.head || told->is_doubtful) {
        return; /* what a failed flush left is no orderly end, also once it was opened again */
    }
    if (journal_shrunk(on->journal, &told->entered, NULL) == PBASE_OK) {
        pbase_status status = journal_shrink(on->journal, NULL, NULL);
        (void)status; /* then it may take no more */
    }
}

/* Runs the script as far as the machine goes. Numbers are given from `number` on. */
static const char *script_run(bed *on, model *told, const step *script, uint64_t number)
{
    pbase_error err;
    pbase_error_init(&err);
    for (; script->what != 0 && on->journal != NULL; script++) {
        if (script->what == 'a') {
            step_append(on, told, number++, script);
        } else if (script->what == 's') {
            step_sync(on, told);
        } else if (script->what == 't') {
            step_trim(on, told, script->n);
        } else if (script->what == 'p') {
            pbase_status status = journal_prepare(on->journal, NULL, NULL);
            (void)status; /* a segment less made ahead */
        } else if (script->what == 'c') {
            step_shrink(on, told);
        } else {
            bed_close(on);
            on->options.entered = told->entered;
            pbase_status status = bed_open(on, &err);
            if (status != PBASE_OK && !sim_os_has_crashed(on->sim)) {
                return problem("opening again failed", &err);
            }
        }
    }
    return NULL;
}

/* ----------------------------------------------------------------------------------- verify --- */

/* Opens and compares with what was told; then the model is what was found. */
static const char *open_and_compare(bed *on, model *told)
{
    uint64_t numbers[HISTORY_MAX];
    size_t found = 0;
    pbase_error err;
    pbase_error_init(&err);
    on->options.entered = told->entered;
    if (bed_open(on, &err) != PBASE_OK) {
        return problem("opening failed", &err);
    }
    pbase_status status = bed_scan(on, 0, numbers, HISTORY_MAX, &found);
    if (status != PBASE_END) {
        return problem(status == PBASE_INTERNAL ? "a record was invented" : "scanning failed",
                       NULL);
    }
    if (found + told->trimmed < told->durable) {
        return problem("an acknowledged append is lost", NULL);
    }
    if (found + told->trimmed > told->count) {
        return problem("there are more appends than were made", NULL);
    }
    for (size_t i = 0; i < found; i++) {
        if (numbers[i] != told->numbers[told->trimmed + i]) {
            return problem("an append is not where it was made", NULL);
        }
    }
    told->count = told->trimmed + found;
    told->is_doubtful = false;
    return NULL;
}

/* A second power cut at the given call of the appends after the first one. */
static const char *second_cut(sim_os *before, const model *told, uint64_t call, uint64_t seed)
{
    model again = *told;
    bed on;
    sim_os *sim = sim_os_crash(before, seed); /* nothing is pending there: a copy */
    bed_around(&on, sim, &again);
    const char *wrong = open_and_compare(&on, &again); /* opening writes nothing to be cut */
    if (wrong == NULL) {
        again.durable = again.count; /* the machine has just come up: it is all on its disk */
        sim_os_crash_at(sim, call);
        wrong = script_run(&on, &again, script_after_crash, 2 * NUMBER_SECOND);
    }
    bed_close(&on);
    for (uint64_t i = 0; wrong == NULL && i < SECOND_FUTURES; i++) {
        sim_os *after = sim_os_crash(sim, seed * 31 + i);
        model last = again;
        bed_around(&on, after, &last);
        wrong = open_and_compare(&on, &last);
        bed_close(&on);
        sim_os_destroy(after);
        states++;
    }
    sim_os_destroy(sim);
    return wrong;
}

/* Everything that must hold on one machine after a power cut. */
static const char *future_check(sim_os *after, const model *before, uint64_t seed)
{
    model told = *before;
    bed on;
    bed_around(&on, after, &told);
    states++;
    const char *wrong = second_cut(after, &told, 1 + seed % 23, seed);
    if (wrong == NULL) {
        wrong = open_and_compare(&on, &told);
    }
    if (wrong == NULL) {
        size_t kept = told.count;
        told.durable = kept; /* the machine has just come up: what is there is on its disk */
        wrong = script_run(&on, &told, script_after_crash, NUMBER_SECOND);
        if (wrong == NULL && told.count != kept + AFTER_CRASH_APPENDS) {
            wrong = problem("it takes no more appends", NULL);
        }
    }
    for (int i = 0; wrong == NULL && i < 2; i++) {
        bed_close(&on);
        told.durable = told.count; /* nothing was cut, so nothing may be missing */
        wrong = open_and_compare(&on, &told);
    }
    bed_close(&on);
    return wrong;
}

static const char *futures_check(sim_os *sim, const model *told, uint64_t seed)
{
    sim_crash crash;
    sim_os *after;
    const char *wrong = NULL;
    uint64_t samples = seed_is_long_run() ? SAMPLES_LONG : SAMPLES;
    sim_crash_begin(&crash, sim, samples, seed);
    while (wrong == NULL && (after = sim_crash_next(&crash)) != NULL) {
        wrong = future_check(after, told, seed + crash.next);
        sim_os_destroy(after);
    }
    return wrong;
}

/* ------------------------------------------------------------------------------------- runs --- */

typedef enum { CUT_AT_CALL, FAIL_SYNC, FAIL_WRITE } fault_kind;

/* One run of a script with one fault; `out_struck` is false when the fault was never reached. */
static const char *run_once_with(const step *script, fault_kind fault, uint64_t n, uint64_t seed,
                                 bool *out_struck)
{
    model told = {.first = JOURNAL_POSITION_FIRST};
    bed on;
    sim_os *sim = sim_os_create(seed);
    os_call kind = fault == FAIL_SYNC ? OS_CALL_SYNC : OS_CALL_WRITE;
    bed_around(&on, sim, &told);
    const char *wrong = NULL;
    if (fault == CUT_AT_CALL) {
        sim_os_crash_at(sim, n);
    } else {
        sim_os_fail_at(sim, kind, n, PBASE_IO, false);
    }
    if (bed_open(&on, NULL) == PBASE_OK) {
        wrong = script_run(&on, &told, script, 0);
    }
    bed_close(&on);
    *out_struck = fault == CUT_AT_CALL ? sim_os_has_crashed(sim) : sim_os_calls(sim, kind) >= n;
    if (wrong == NULL) {
        wrong = futures_check(sim, &told, seed * 1000003 + n);
    }
    sim_os_destroy(sim);
    return wrong;
}

static const char *script_sweep(const step *script, const char *name, uint64_t seed)
{
    static const fault_kind kinds[] = {CUT_AT_CALL, FAIL_SYNC, FAIL_WRITE};
    static const char *const names[] = {"cut at call", "sync fails", "write fails"};
    const char *wrong = NULL;
    for (size_t i = 0; wrong == NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        bool struck = true;
        for (uint64_t n = 1; wrong == NULL && struck; n++) {
            (void)snprintf(context, sizeof(context), "units of %u, %s, %s %llu", atomic_bytes, name,
                           names[i], (unsigned long long)n);
            wrong = run_once_with(script, kinds[i], n, seed, &struck);
        }
    }
    return wrong;
}

/* ---------------------------------------------------------------------------------- damage --- */

#define DAMAGE_FRAMES 4u

/* Builds the same small journal; returns its machine and where its frames lie. */
static sim_os *damage_machine(pbase_journal_appended frames[DAMAGE_FRAMES])
{
    static const uint16_t sizes[DAMAGE_FRAMES] = {100, 700, 300, 500};
    model told = {.first = JOURNAL_POSITION_FIRST};
    bed on;
    sim_os *sim = sim_os_create(3);
    bed_around(&on, sim, &told);
    assert_int_equal(bed_open(&on, NULL), PBASE_OK);
    for (size_t i = 0; i < DAMAGE_FRAMES; i++) {
        assert_int_equal(bed_append(&on, i, 1, sizes[i], SYNC, &frames[i], NULL), PBASE_OK);
    }
    bed_close(&on);
    sim_os_settle(sim);
    return sim;
}

/* What one flipped bit in frame `frame` may lead to: an error, or, in the last one, a cut. Before it lie zeros
 * of nobody, which may be anything: `is_gap`. */
static const char *damage_judge(bed *on, size_t frame, bool is_gap)
{
    uint64_t numbers[HISTORY_MAX];
    size_t found = 0;
    pbase_journal_tail tail = {0, 0};
    pbase_status status = bed_open(on, NULL);
    if (status == PBASE_CORRUPT || status == PBASE_FORMAT) {
        return NULL;
    }
    if (status != PBASE_OK) {
        return problem("damage leads to a wrong error", NULL);
    }
    journal_tail(on->journal, &tail);
    status = bed_scan(on, 0, numbers, HISTORY_MAX, &found);
    if (is_gap) {
        return status == PBASE_END && found == DAMAGE_FRAMES ? NULL : problem("zeros matter", NULL);
    }
    if (status != PBASE_END || found > frame) {
        return problem("damage is not noticed", NULL);
    }
    if (frame + 1 < DAMAGE_FRAMES) {
        return problem("damage to acknowledged records is cut", NULL);
    }
    return tail.torn_bytes > 0 && found == frame ? NULL : problem("a cut is not reported", NULL);
}

static const char *damage_sweep(void)
{
    pbase_journal_appended frames[DAMAGE_FRAMES];
    sim_os *whole = damage_machine(frames);
    const char *wrong = NULL;
    size_t frame = 0;
    (void)snprintf(context, sizeof(context), "units of %u, damage", atomic_bytes);
    uint64_t size = frames[DAMAGE_FRAMES - 1].end - JOURNAL_POSITION_FIRST;
    for (uint64_t at = 0; wrong == NULL && at < size; at++) {
        model told = {.first = JOURNAL_POSITION_FIRST};
        bed on;
        sim_os *damaged_one = sim_os_crash(whole, 1); /* a copy */
        frame += JOURNAL_POSITION_FIRST + at >= frames[frame].end;
        sim_os_flip(damaged_one, "/journal+0000000000001000", at, (uint8_t)(1u << (at * 5 % 8)));
        bed_around(&on, damaged_one, &told);
        wrong = damage_judge(&on, frame, JOURNAL_POSITION_FIRST + at < frames[frame].first);
        bed_close(&on);
        sim_os_destroy(damaged_one);
        states++;
    }
    sim_os_destroy(whole);
    return wrong;
}

/* ------------------------------------------------------------------------------------ tests --- */

static const char *everything_on(uint32_t unit, uint64_t seed)
{
    atomic_bytes = unit;
    const char *wrong = damage_sweep();
    uint64_t rounds = seed_is_long_run() ? ROUNDS_LONG : 1;
    char name[48];
    for (size_t i = 0; wrong == NULL && i < SCRIPTS; i++) {
        (void)snprintf(name, sizeof(name), "script %zu", i);
        segment_bytes = scripts[i] == script_shrink ? SEGMENT_BYTES_SHRINK : SEGMENT_BYTES;
        wrong = script_sweep(scripts[i], name, seed);
    }
    segment_bytes = SEGMENT_BYTES;
    for (uint64_t i = 0; wrong == NULL && i < rounds; i++) {
        step script[RANDOM_STEPS + 1];
        script_make(script, seed + i);
        (void)snprintf(name, sizeof(name), "random script %llu", (unsigned long long)i);
        wrong = script_sweep(script, name, seed + i);
    }
    return wrong;
}

static const char *everything(uint64_t seed)
{
    const char *wrong = everything_on(512, seed);
    return wrong == NULL ? everything_on(4096, seed) : wrong;
}

static void no_cut_at_any_call_loses_or_invents_anything(void **state)
{
    (void)state;
    uint64_t seed = seed_for("journal crash");
    planted_bug = PLANTED_NONE;
    states = 0;

    const char *wrong = everything(seed);

    print_message("visited %llu states\n", (unsigned long long)states);
    assert_string_equal(wrong == NULL ? "" : wrong, "");
    assert_true(states > 10000);
}

static void every_planted_bug_is_found(void **state)
{
    size_t missed = 0;
    (void)state;
    uint64_t seed = seed_for("planted bugs");
    for (int bug = PLANTED_NONE + 1; bug < PLANTED_KINDS; bug++) {
        planted_bug = bug;
        states = 0;

        const char *wrong = NULL;
        for (uint64_t i = 0; i < PLANTED_SEEDS && wrong == NULL; i++) {
            wrong = everything(seed + i);
        }

        print_message("bug %2d: %s after %llu states\n", bug, wrong == NULL ? "NOT FOUND" : wrong,
                      (unsigned long long)states);
        missed += wrong == NULL;
    }
    planted_bug = PLANTED_NONE;
    assert_int_equal(missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cut_at_any_call_loses_or_invents_anything),
        cmocka_unit_test(every_planted_bug_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
