/* test_crash_kill.c - SIGKILL at every system call of a scripted workload, and at random under load, in
 * spaces of several configurations: nothing acknowledged is lost, nothing invented, nothing out of order.
 *
 * A child opens the space, looks at what is there, commits transactions of a steady load with
 * checkpoints and compactions between them and closes it, on the real kernel, behind a gate that ends it
 * at the n-th call; the next child finds what it left. n grows until a script ends before it. What was
 * begun and acknowledged stands in memory that outlives the children. So the kills also strike
 * recoveries, and the space gets old: segments of the journal are recycled many times.
 * The short form kills at every so-many-th call, 500 times in all; PBASE_TEST_LONG at every call, until
 * 20,000 kills have been survived. */
#include "seed.h"
#include "steady_load.h"
#include "syscall_gate.h"
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SCRIPT_TRANSACTIONS 14u
#define SETS_MAX 6u
#define KILLS_SHORT 70u /* of each configuration, at calls; */
#define KILLS_LONG 3000u
#define RANDOM_SHORT 25u /* of each, at random times */
#define RANDOM_LONG 500u
#define RANDOM_US_MAX 20000u
#define CALLS_GUESSED 900u /* of one script, to spread the kills of the short form */
#define CHECK_EVERY 16u    /* kills, after which the whole space is checked */

typedef struct {
    const char *name;
    int32_t durability;
    uint32_t checkpoint_every, compact_every;
    gate_action action;
    const char *sets[SETS_MAX];
} configuration;

/* "$K" stands for the file of a key. */
static const configuration configurations[] = {
    {"sync", PBASE_DURABILITY_SYNC, 5, 7, GATE_KILL, {NULL}},
    {"async, torn", PBASE_DURABILITY_ASYNC, 6, 13, GATE_KILL_PART, {"storage.async_interval=1ms"}},
    {"not flushed", PBASE_DURABILITY_NONE, 5, 12, GATE_KILL, {"storage.map=never"}},
    {"page cache, torn",
     PBASE_DURABILITY_SYNC,
     4,
     9,
     GATE_KILL_PART,
     {"storage.blocks.direct_io=never", "storage.exclusive=true"}},
    {"compressed", PBASE_DURABILITY_SYNC, 5, 7, GATE_KILL, {"codecs=[msgpack, zstd]"}},
    {"encrypted",
     PBASE_DURABILITY_SYNC,
     5,
     7,
     GATE_KILL_PART,
     {"codecs=[msgpack, {type: aes-256-gcm, keys: [k], key_file: '$K'}]",
      "storage.retention_count=2"}},
};
#define CONFIGURATIONS (sizeof configurations / sizeof *configurations)

/* --------------------------------------------------------------------------------- a bed ---- */

typedef struct {
    load_witness witness;
    gate_tally tally;
} shared;

typedef struct {
    const configuration *how;
    temp_dir dir;
    space_fixture fixture;
    char sets[SETS_MAX][PATH_MAX + 128];
    load_plan plan;
    load_state state; /* content that was seen */
    shared *with;
    uint64_t kills;
} bed;

static void write_key(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    for (int i = 0; i < 64; i++) {
        assert_int_not_equal(fputc("0123456789abcdef"[i % 16], file), EOF);
    }
    assert_int_equal(fclose(file), 0);
}

/* The sets of the configuration, with the key's file in its place. */
static void prepare_sets(bed *on)
{
    char key[PATH_MAX];
    (void)snprintf(key, sizeof key, "%s", temp_dir_path(&on->dir, "key"));
    write_key(key);
    for (size_t i = 0; i < SETS_MAX && on->how->sets[i] != NULL; i++) {
        const char *place = strstr(on->how->sets[i], "$K");
        int before =
            place == NULL ? (int)strlen(on->how->sets[i]) : (int)(place - on->how->sets[i]);
        (void)snprintf(on->sets[i], sizeof on->sets[i], "%.*s%s%s", before, on->how->sets[i],
                       place == NULL ? "" : key, place == NULL ? "" : place + 2);
        fixture_set(&on->fixture, on->sets[i]);
    }
}

static void bed_begin(bed *on, const configuration *how)
{
    memset(on, 0, sizeof *on);
    on->how = how;
    on->plan = (load_plan){.seed = seed_for(how->name),
                           .durability = how->durability,
                           .checkpoint_every = how->checkpoint_every,
                           .compact_every = how->compact_every};
    on->with = load_shared(sizeof *on->with);
    temp_dir_create(&on->dir);
    fixture_prepare(&on->fixture, temp_dir_path(&on->dir, "space"), NULL);
    fixture_set(&on->fixture, "storage.blocks.segment_size=64KiB");
    fixture_set(&on->fixture, "storage.journal_segment_size=64KiB");
    fixture_set(&on->fixture, "storage.checkpoint_bytes=256KiB");
    prepare_sets(on);
}

static void bed_end(bed *on)
{
    temp_dir_remove(&on->dir);
    load_unshare(on->with, sizeof *on->with);
}

static void expect_nothing_wrong(bed *on, uint64_t n)
{
    if (on->with->witness.wrong[0] != '\0') {
        fail_msg("%s, killed at call %" PRIu64 ": %s", on->how->name, n, on->with->witness.wrong);
    }
}

/* Another look, from here, and all of it. */
static void look(bed *on, uint64_t n)
{
    bool is_well = load_play(&on->fixture, &on->plan, &on->state, &on->with->witness, 0);
    expect_nothing_wrong(on, n);
    assert_true(is_well);
    if (on->kills % CHECK_EVERY == 0) {
        fixture_open(&on->fixture);
        fixture_assert_clean(&on->fixture);
        fixture_close(&on->fixture);
    }
}

/* ------------------------------------------------------------------------------ one child ---- */

/* A child that plays `count` transactions and is killed at call `n` (0: not by the gate), or after so
 * many microseconds. False when it came to its end. */
static bool run_child(bed *on, uint64_t n, uint64_t count, uint64_t kill_us)
{
    memset(&on->with->tally, 0, sizeof on->with->tally);
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const gate_plan plan = {.action = on->how->action, .call = GATE_ANY, .at = n};
        if (n != 0 && !syscall_gate_close(&plan, &on->with->tally)) {
            _exit(2);
        }
        _exit(load_play(&on->fixture, &on->plan, &on->state, &on->with->witness, count) ? 0 : 1);
    }
    if (kill_us != 0) {
        (void)usleep((useconds_t)kill_us);
        assert_int_equal(kill(child, SIGKILL), 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    expect_nothing_wrong(on, n);
    bool was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!was_killed && status != 0) {
        fail_msg("%s, to be killed at call %" PRIu64 ": the child ended with %d", on->how->name, n,
                 status);
    }
    on->kills += was_killed;
    return was_killed;
}

/* ---------------------------------------------------------------------------------- tests ---- */

/* Every n until a script ends before its n-th call; then again, with the next transactions. */
static void kill_at_calls(bed *on, seed_random *random)
{
    uint64_t wanted = seed_is_long_run() ? KILLS_LONG : KILLS_SHORT;
    uint64_t step = seed_is_long_run() ? 1 : CALLS_GUESSED / KILLS_SHORT;
    uint64_t n = 1, scripts = 0;
    while (on->kills < wanted) {
        if (run_child(on, n, SCRIPT_TRANSACTIONS, 0)) {
            n += step;
        } else {
            scripts++;
            n = 1 + seed_below(random, step);
        }
        if (seed_below(random, 2) == 0) { /* else the next child finds it as it was left */
            look(on, n);
        }
    }
    print_message("%s: %" PRIu64 " kills at calls, %" PRIu64 " transactions, %" PRIu64
                  " whole scripts\n",
                  on->how->name, on->kills, on->state.number, scripts);
}

static void kill_at_random(bed *on, seed_random *random)
{
    uint64_t wanted = on->kills + (seed_is_long_run() ? RANDOM_LONG : RANDOM_SHORT);
    while (on->kills < wanted) {
        (void)run_child(on, 0, UINT64_MAX, 1 + seed_below(random, RANDOM_US_MAX));
        if (seed_below(random, 4) == 0) {
            look(on, 0);
        }
    }
    look(on, 0);
    print_message("%s: %" PRIu64 " kills, %" PRIu64 " transactions\n", on->how->name, on->kills,
                  on->state.number);
}

static void kills_lose_and_invent_nothing(void **state)
{
    const configuration *how = *state;
    seed_random random;
    bed on;
    bed_begin(&on, how);
    seed_random_init(&random, on.plan.seed);
    kill_at_calls(&on, &random);
    kill_at_random(&on, &random);
    assert_true(on.state.number > SCRIPT_TRANSACTIONS);
    bed_end(&on);
}

/* A new folder each time: half of a space that was being made is no space, or one that can be used. */
static void a_kill_at_any_call_of_the_first_opening_leaves_what_can_be_opened(void **unused)
{
    (void)unused;
    uint64_t step = seed_is_long_run() ? 1 : 23, n = 1;
    bool was_killed = true;
    for (uint64_t kills = 0; was_killed; n += step) {
        bed on;
        bed_begin(&on, &configurations[0]);
        on.kills = kills++;
        was_killed = run_child(&on, n, 1, 0);
        look(&on, n);
        (void)run_child(&on, 0, 1, 0);
        look(&on, n);
        assert_true(on.state.number >= 1);
        bed_end(&on);
    }
    print_message("%" PRIu64 " calls\n", n - step);
    assert_true(n > 100);
}

/* The harness itself: a commit that is said to be acknowledged before it is one is found out. */
static void an_acknowledgement_too_early_is_found_out(void **unused)
{
    (void)unused;
    bed on;
    bed_begin(&on, &configurations[0]);
    assert_false(run_child(&on, 0, SCRIPT_TRANSACTIONS, 0));
    atomic_fetch_add(&on.with->witness.begun, 1);
    atomic_fetch_add(&on.with->witness.acknowledged, 1);
    assert_false(load_play(&on.fixture, &on.plan, &on.state, &on.with->witness, 0));
    assert_non_null(strstr(on.with->witness.wrong, "it holds transaction"));
    bed_end(&on);
}

int main(void)
{
    struct CMUnitTest tests[CONFIGURATIONS + 2];
    if (!syscall_gate_works()) {
        (void)fputs("skipped: no gate for system calls on this machine\n", stdout);
        return 77;
    }
    temp_dir_in_memory();
    for (size_t i = 0; i < CONFIGURATIONS; i++) {
        union {
            const configuration *how;
            void *state;
        } with = {.how = &configurations[i]};
        tests[i] = (struct CMUnitTest){.name = configurations[i].name,
                                       .test_func = kills_lose_and_invent_nothing,
                                       .initial_state = with.state};
    }
    tests[CONFIGURATIONS] = (struct CMUnitTest)cmocka_unit_test(
        a_kill_at_any_call_of_the_first_opening_leaves_what_can_be_opened);
    tests[CONFIGURATIONS + 1] =
        (struct CMUnitTest)cmocka_unit_test(an_acknowledgement_too_early_is_found_out);
    return _cmocka_run_group_tests("kills", tests, CONFIGURATIONS + 2, NULL, NULL);
}
