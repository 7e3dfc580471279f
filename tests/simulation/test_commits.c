/* test_commits.c - threads that commit to one file space, every switch between them and every crash
 * chosen by a seed.
 *
 * Each run: four threads add one to a common counter and put keys of their own, some commits
 * asynchronously, checkpoints in between; at a call of the disk that the seed picks the power goes.
 * Rules: what was acknowledged at level sync is there, whole; the counter is the number of increments
 * that are there; check finds nothing. A failure prints the seed, and the seed repeats it. */
#include "planted.h"
#include "seed.h"
#include "sim_world.h"
#include "space_fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define THREADS 4u
#define COMMITS 6u
#define DISK_CALLS 220u /* a run makes about as many; some crash late or never */

typedef struct {
    space_fixture *fixture;
    uint32_t number;
    uint64_t seed;
    uint32_t acknowledged; /* commits at level sync, which come in order */
    uint32_t tried;
    pbase_status ended; /* why it stopped; OK: it did everything */
} committer;

/* Adds one to the counter and puts (thread, n) under the root of the thread. */
static pbase_status commit_one(committer *self, int64_t n, bool is_async)
{
    static const char *const roots[THREADS] = {"t0", "t1", "t2", "t3"};
    pbase_txn *txn = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = is_async ? PBASE_DURABILITY_ASYNC : PBASE_DURABILITY_SYNC;
    pbase_status status = pbase_txn_begin(self->fixture->database, &options, &txn, NULL);
    const char *names[2] = {"counter", roots[self->number]};
    for (size_t i = 0; i < 2 && status == PBASE_OK; i++) {
        pbase_dict *dict = NULL;
        pbase_arena arena;
        pbase_value key = pbase_value_int(i == 0 ? 0 : n), value = pbase_value_int(0);
        pbase_arena_init(&arena, pbase_alloc_default());
        status = pbase_txn_dict(txn, names[i], &dict, NULL);
        status = status == PBASE_NOT_FOUND ? pbase_txn_new_dict(txn, &dict, NULL) : status;
        if (status == PBASE_OK && i == 0) {
            status = pbase_dict_get(dict, &key, &arena, &value, NULL);
            status = status == PBASE_NOT_FOUND ? PBASE_OK : status;
        }
        value = pbase_value_int(i == 0 ? value.as.integer + 1 : n);
        status = status == PBASE_OK ? pbase_dict_put(&dict, &key, &value, NULL, NULL) : status;
        status = status == PBASE_OK ? pbase_txn_store_dict(txn, names[i], dict, NULL) : status;
        pbase_dict_close(dict);
        pbase_arena_fini(&arena);
    }
    if (status != PBASE_OK) {
        pbase_txn_abort(&txn);
        return status;
    }
    return pbase_txn_commit(&txn, NULL, NULL, NULL);
}

static void commit_all(void *state)
{
    committer *self = state;
    seed_random random;
    seed_random_init(&random, self->seed + self->number);
    for (int64_t n = 1; n <= COMMITS; n++) {
        bool is_async = seed_below(&random, 4) == 0;
        pbase_status status;
        do { /* the others make it conflict; each round one of them gets through */
            self->tried = (uint32_t)n;
            status = commit_one(self, n, is_async);
        } while (status == PBASE_CONFLICT);
        if (status != PBASE_OK) {
            self->ended = status;
            return;
        }
        self->acknowledged = is_async ? self->acknowledged : (uint32_t)n;
        if (seed_below(&random, 6) == 0 &&
            pbase_space_checkpoint(self->fixture->space, NULL, NULL) != PBASE_OK) {
            return; /* the power went */
        }
    }
}

static void prepare(space_fixture *fixture, sim_os *sim)
{
    fixture_prepare(fixture, "/space", sim_os_interface(sim));
    fixture_set(fixture, "storage.blocks.segment_size=64KiB");
    fixture_set(fixture, "storage.journal_segment_size=64KiB");
}

/* ------------------------------------------------------------------------------ judgement ---- */

/* How many of a thread's keys are there: the first so many, without a gap. */
static uint32_t keys_of(space_fixture *fixture, uint32_t number)
{
    static const char *const roots[THREADS] = {"t0", "t1", "t2", "t3"};
    uint32_t there = 0;
    while (there < COMMITS && fixture_get(fixture, roots[number], there + 1) == there + 1) {
        there++;
    }
    assert_true(fixture_count(fixture, roots[number]) == there);
    return there;
}

static void judge(space_fixture *fixture, const committer *all, uint64_t seed)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        uint32_t there = keys_of(fixture, i);
        if (there < all[i].acknowledged || there > all[i].tried) {
            fail_msg("seed %" PRIu64 ": thread %" PRIu32 " has %" PRIu32 " of %" PRIu32
                     " acknowledged commits",
                     seed, i, there, all[i].acknowledged);
        }
        sum += there;
    }
    int64_t counter = fixture_get(fixture, "counter", 0);
    if (counter != sum && !(sum == 0 && counter == INT64_MIN)) {
        fail_msg("seed %" PRIu64 ": the counter is %" PRId64 ", %" PRId64 " increments are there",
                 seed, counter, sum);
    }
    fixture_assert_clean(fixture);
}

/* ----------------------------------------------------------------------------- one run ---- */

typedef struct {
    uint64_t trace, switches;
    uint32_t acknowledged;
    bool crashed;
} run_facts;

static void run_threads(space_fixture *fixture, const pbase_os *os, committer *all, uint64_t seed)
{
    pbase_os_thread *threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        all[i] = (committer){.fixture = fixture, .number = i, .seed = seed};
        assert_int_equal(os->thread->start(os, "committer", commit_all, &all[i], &threads[i], NULL),
                         PBASE_OK);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        os->thread->join(threads[i]);
    }
}

static run_facts run(uint64_t seed)
{
    seed_random random;
    space_fixture fixture;
    committer all[THREADS];
    seed_random_init(&random, seed);
    sim_world *world = sim_world_create(seed);
    sim_os *sim = sim_world_machine(world, "a");
    prepare(&fixture, sim);
    fixture_open(&fixture);
    sim_os_crash_at(sim, 1 + seed_below(&random, DISK_CALLS));
    run_threads(&fixture, sim_os_interface(sim), all, seed);
    bool crashed = sim_os_has_crashed(sim);
    if (!crashed) {
        sim_os_crash_at(sim, 0);
        judge(&fixture, all, seed);
    }
    sim_os *after = sim_os_crash(sim, seed);
    fixture_close(&fixture);
    run_facts facts = {sim_world_trace(world), sim_world_switches(world), 0, crashed};
    sim_os_destroy(sim);
    sim_world_destroy(world);
    prepare(&fixture, after);
    fixture_open(&fixture);
    judge(&fixture, all, seed);
    fixture_close(&fixture);
    assert_int_equal(sim_os_memory_used(after), 0);
    sim_os_destroy(after);
    for (uint32_t i = 0; i < THREADS; i++) {
        facts.acknowledged += all[i].acknowledged;
    }
    return facts;
}

/* ------------------------------------------------------------------------------- planted ---- */

/* Every thread is done, all it did is acknowledged, and nothing of that lasts. */
static void judge_planted(void **unused)
{
    (void)unused;
    space_fixture fixture;
    committer all[THREADS];
    sim_world *world = sim_world_create(1);
    sim_os *sim = sim_world_machine(world, "a");
    prepare(&fixture, sim);
    fixture_open(&fixture);
    sim_os_flushes_lie(sim);
    run_threads(&fixture, sim_os_interface(sim), all, 1);
    judge(&fixture, all, 1);
    sim_os *after = sim_os_crash_bare(sim);
    fixture_close(&fixture);
    prepare(&fixture, after);
    fixture_open(&fixture);
    judge(&fixture, all, 1);
}

static void a_disk_that_lies_about_flushes_is_found(void **unused)
{
    (void)unused;
    planted_is_found(judge_planted, "acknowledged commits");
}

/* --------------------------------------------------------------------------------- tests ---- */

static void what_was_acknowledged_survives_every_schedule_and_crash(void **unused)
{
    (void)unused;
    uint64_t first = seed_for("commits");
    uint32_t runs = seed_is_long_run() ? 20000 : 200;
    uint64_t crashes = 0, acknowledged = 0, switches = 0;
    for (uint32_t i = 0; i < runs; i++) {
        run_facts facts = run(first + i);
        crashes += facts.crashed;
        acknowledged += facts.acknowledged;
        switches += facts.switches;
    }
    print_message("%" PRIu32 " runs, %" PRIu64 " crashes, %" PRIu64 " switches, %" PRIu64
                  " acknowledged\n",
                  runs, crashes, switches, acknowledged);
    assert_true(crashes > runs / 3 && crashes < runs);
}

/* A flush between the mark "something is to be flushed" and the write took the mark away: the next durable
 * write went past the cache, and what was written before it was lost. */
static void seeds_that_found_something_find_nothing(void **unused)
{
    (void)unused;
    static const uint64_t seeds[] = {UINT64_C(1795761258663395371)};
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        (void)run(seeds[i]);
    }
}

static void one_seed_is_one_run(void **unused)
{
    (void)unused;
    uint64_t first = seed_for("replay");
    for (uint32_t i = 0; i < 10; i++) {
        run_facts once = run(first + i), again = run(first + i);
        assert_true(once.trace == again.trace);
        assert_int_equal(once.switches, again.switches);
        assert_int_equal(once.acknowledged, again.acknowledged);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_lies_about_flushes_is_found),
        cmocka_unit_test(what_was_acknowledged_survives_every_schedule_and_crash),
        cmocka_unit_test(seeds_that_found_something_find_nothing),
        cmocka_unit_test(one_seed_is_one_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
