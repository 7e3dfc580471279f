/* test_fault_syscalls.c - every system call that the library makes, failing with every error that its
 * manual page lists, once and for ever; and interrupted, and moving fewer bytes than it was asked to.
 *
 * A child plays a steady load on a copy of a prepared space: it opens (after a clean close, or after a
 * crash), commits, makes checkpoints and compactions, and closes, on the real kernel behind a gate that
 * answers one call as the table says (support/syscall_table.c). Whatever fails, it says so with a
 * code and a message; a commit that is refused is not there; one that is acknowledged is; one of unknown
 * outcome is as its token says; after a failed flush nothing is acknowledged until the space is
 * opened again. Then the gate is gone, and all of it is found as the child knew it.
 * The short form takes every call with every error once, at a place that the seed picks;
 * PBASE_TEST_LONG every place. */
#include "os/os.h"
#include "seed.h"
#include "steady_load.h"
#include "syscall_gate.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A sanitizer ends the process when a call of its own for memory fails. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

#define TRANSACTIONS_BEFORE 20u /* of the space that is copied */
#define TRANSACTIONS 6u
#define TRIES_MAX 3u
#define SECONDS_MAX 60u /* of a child; more is a hang */
#define SETS_MAX 3u

typedef struct {
    const char *name;
    bool is_crashed; /* the space that is copied */
    const char *sets[SETS_MAX];
} configuration;

static const configuration configurations[] = {
    {"shared, mapped, closed", false, {"storage.blocks.segment_size=64KiB"}},
    {"exclusive, read by calls, after a crash",
     true,
     {"storage.exclusive=true", "storage.map=never", "storage.blocks.direct_io=never"}},
};
#define CONFIGURATIONS (sizeof configurations / sizeof *configurations)

typedef struct {
    load_witness witness;
    gate_tally tally;
    _Atomic uint64_t refused; /* calls of the library that failed */
    _Atomic uint64_t logged;  /* warnings and errors: of what failed in the background */
    _Atomic uint64_t met;     /* faults before the last close, which has nobody to tell */
    char told[PATH_MAX];      /* what the last of them said */
} shared;

typedef struct {
    const configuration *how;
    temp_dir dir;
    char prepared[PATH_MAX], copy[PATH_MAX];
    space_fixture fixture; /* of the copy */
    pbase_log log;
    load_plan plan;
    load_state before, state;
    shared *with;
    uint64_t runs, struck;
} bed;

/* ---------------------------------------------------------------------------------- files ---- */

static void copy_file(int from_folder, int to_folder, const char *name)
{
    char buffer[65536];
    ssize_t got;
    int from = openat(from_folder, name, O_RDONLY | O_CLOEXEC);
    int to = openat(to_folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(from >= 0 && to >= 0);
    while ((got = read(from, buffer, sizeof buffer)) > 0) {
        assert_int_equal(write(to, buffer, (size_t)got), got);
    }
    assert_int_equal(got, 0);
    assert_int_equal(close(from) + close(to), 0);
}

static void copy_folder(int from_parent, const char *from_name, int to_parent, const char *to_name)
{
    int to, from = openat(from_parent, from_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(to_parent, to_name, 0777), 0);
    to = openat(to_parent, to_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fdopendir(from);
    assert_true(to >= 0 && list != NULL);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        struct stat about;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        assert_int_equal(fstatat(from, entry->d_name, &about, AT_SYMLINK_NOFOLLOW), 0);
        if (S_ISDIR(about.st_mode)) {
            copy_folder(from, entry->d_name, to, entry->d_name);
        } else {
            copy_file(from, to, entry->d_name);
        }
    }
    assert_int_equal(closedir(list) + close(to), 0);
}

static void remove_folder(int parent, const char *name)
{
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fdopendir(folder);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (unlinkat(folder, entry->d_name, 0) != 0) {
            remove_folder(folder, entry->d_name);
        }
    }
    assert_int_equal(closedir(list), 0);
    assert_int_equal(unlinkat(parent, name, AT_REMOVEDIR), 0);
}

/* ------------------------------------------------------------------------------------ bed ---- */

static void hear(const pbase_log *log, int32_t level, const char *component, pbase_bytes message)
{
    const bed *on = log->state;
    (void)level;
    (void)component;
    (void)message;
    atomic_fetch_add(&on->with->logged, 1);
}

static void prepare_fixture(bed *on, const char *folder)
{
    fixture_prepare(&on->fixture, folder, NULL);
    on->log = (pbase_log){.level_max = PBASE_LOG_WARNING, .state = on, .write = hear};
    on->fixture.options.log = &on->log;
    fixture_set(&on->fixture, "storage.journal_segment_size=64KiB");
    for (size_t i = 0; i < SETS_MAX && on->how->sets[i] != NULL; i++) {
        fixture_set(&on->fixture, on->how->sets[i]);
    }
}

/* Fills the space that is copied; in a child, which ends with a clean close, or without one. */
static void fill(bed *on)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        bool is_well =
            load_play(&on->fixture, &on->plan, &on->state, &on->with->witness, TRANSACTIONS_BEFORE);
        if (is_well && on->how->is_crashed) {
            fixture_open(&on->fixture);
            is_well = load_commit(on->fixture.database, &on->plan, TRANSACTIONS_BEFORE + 1, NULL) ==
                      PBASE_OK;
        }
        _exit(is_well ? 0 : 1); /* with the space open, or not */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0) {
        fail_msg("%s", on->with->witness.wrong);
    }
}

static void bed_begin(bed *on, const configuration *how)
{
    memset(on, 0, sizeof *on);
    on->how = how;
    on->plan = (load_plan){.seed = 17, /* the same each time: places are numbers of calls */
                           .durability = PBASE_DURABILITY_SYNC,
                           .checkpoint_every = 2,
                           .compact_every = 3,
                           .is_slim = true};
    on->with = load_shared(sizeof *on->with);
    temp_dir_create(&on->dir);
    (void)snprintf(on->prepared, sizeof on->prepared, "%s", temp_dir_path(&on->dir, "prepared"));
    (void)snprintf(on->copy, sizeof on->copy, "%s", temp_dir_path(&on->dir, "copy"));
    prepare_fixture(on, on->prepared);
    fill(on);
    while (on->before.number < TRANSACTIONS_BEFORE + how->is_crashed) {
        load_state_next(&on->before, &on->plan);
    }
    prepare_fixture(on, on->copy);
}

static void bed_end(bed *on)
{
    temp_dir_remove(&on->dir);
    load_unshare(on->with, sizeof *on->with);
}

/* -------------------------------------------------------------------------- what a child does ---- */

/* Every failure says what it is. */
static bool is_told(bed *on, const char *doing, pbase_status status, const pbase_error *err)
{
    if (status == PBASE_OK) {
        return true;
    }
    atomic_fetch_add(&on->with->refused, 1);
    (void)snprintf(on->with->told, sizeof on->with->told, "%s: %s", doing, err->message);
    if (err->code != status || err->message[0] == '\0' || status == PBASE_INTERNAL) {
        load_wrong(&on->with->witness, "%s ended with %s and says '%s'", doing,
                   pbase_status_name(status), err->message);
    }
    return false;
}

/* Reading may fail, but not give anything else than there is. */
static void look(bed *on, const char *when, uint64_t low, uint64_t high)
{
    pbase_error err;
    char wrong[256];
    pbase_error_init(&err);
    pbase_status status = load_verify(on->fixture.database, &on->plan, low, high, &on->state, wrong,
                                      sizeof wrong, &err);
    if (is_told(on, "reading", status, &err) && wrong[0] != '\0') {
        load_wrong(&on->with->witness, "%s: %s", when, wrong);
    } else if (status == PBASE_OK) {
        atomic_store(&on->with->witness.acknowledged, on->state.number);
        atomic_store(&on->with->witness.begun, on->state.number);
    }
}

/* Opens, again if need be, and finds what was acknowledged. False: it cannot be opened now. */
static bool open_again(bed *on)
{
    pbase_error err;
    pbase_error_init(&err);
    fixture_close(&on->fixture);
    bool is_open = false;
    for (unsigned i = 0; i < TRIES_MAX && !is_open; i++) {
        is_open = is_told(on, "opening", fixture_try_open(&on->fixture, &err), &err);
    }
    if (is_open) {
        look(on, "after opening", atomic_load(&on->with->witness.acknowledged),
             atomic_load(&on->with->witness.begun));
    }
    return is_open;
}

/* After an outcome that is not known: opened again, the token tells what the space shows. */
static bool find_out(bed *on, pbase_token token)
{
    pbase_error err;
    bool is_applied = false;
    uint64_t before = on->state.number;
    pbase_error_init(&err);
    if (!open_again(on)) {
        return false;
    }
    pbase_status status = pbase_space_outcome(on->fixture.space, NULL, token, &is_applied, &err);
    bool is_seen = atomic_load(&on->with->witness.begun) == on->state.number; /* it was read */
    if (status == PBASE_OK && is_seen && is_applied != (on->state.number > before)) {
        load_wrong(&on->with->witness, "the token says %s, the space holds transaction %" PRIu64,
                   is_applied ? "applied" : "not applied", on->state.number);
    }
    return true;
}

/* One commit. False: nothing more can be done with this space. */
static bool commit_one(bed *on)
{
    pbase_error err;
    load_witness *witness = &on->with->witness;
    uint64_t before = on->state.number, number = before + 1;
    pbase_error_init(&err);
    atomic_store(&witness->begun, number);
    pbase_status status = load_commit(on->fixture.database, &on->plan, number, &err);
    if (is_told(on, "committing", status, &err)) {
        atomic_store(&witness->acknowledged, number);
        load_state_next(&on->state, &on->plan);
        return true;
    }
    if (status == PBASE_UNKNOWN) {
        return find_out(on, err.token);
    }
    atomic_store(&witness->begun, before);
    look(on, "after a refused commit", before, before);
    return status != PBASE_READ_ONLY || open_again(on);
}

static void play(bed *on)
{
    uint64_t target = on->state.number + TRANSACTIONS;
    bool goes_on = open_again(on);
    for (unsigned tries = 0; goes_on && on->state.number < target && tries < 2 * TRANSACTIONS;
         tries++) {
        pbase_error err;
        uint64_t before = on->state.number;
        pbase_error_init(&err);
        goes_on = commit_one(on);
        if (goes_on && on->state.number > before) {
            (void)is_told(on, "settling",
                          load_settle(on->fixture.space, &on->plan, on->state.number, &err), &err);
        }
    }
    atomic_store(&on->with->met, atomic_load(&on->with->tally.struck));
    fixture_close(&on->fixture);
}

/* ---------------------------------------------------------------------------------- a run ---- */

static const char *describe(const gate_plan *plan)
{
    static char text[160];
    const char *name = plan->call == GATE_ANY ? "any" : syscall_table[plan->call].name;
    (void)snprintf(text, sizeof text, "%s number %" PRIu64 "%s %s %s", name, plan->at,
                   plan->forever ? " and all later ones" : "",
                   plan->action == GATE_SHORTEN ? "cut short" : "failing with",
                   plan->action == GATE_SHORTEN ? "" : strerror(plan->error));
    return text;
}

static void begin_run(bed *on)
{
    if (on->runs++ > 0) {
        remove_folder(AT_FDCWD, on->copy);
    }
    copy_folder(AT_FDCWD, on->prepared, AT_FDCWD, on->copy);
    memset(on->with, 0, sizeof *on->with);
    on->state = on->before;
    atomic_store(&on->with->witness.begun, on->before.number);
    atomic_store(&on->with->witness.acknowledged, on->before.number);
}

/* Without faults: all that was acknowledged is there, and it goes on. */
static void judge(bed *on, const gate_plan *plan)
{
    on->state = on->before;
    if (!load_play(&on->fixture, &on->plan, &on->state, &on->with->witness, 1)) {
        fail_msg("%s: %s: afterwards: %s", on->how->name, describe(plan), on->with->witness.wrong);
    }
    fixture_open(&on->fixture);
    fixture_assert_clean(&on->fixture);
    fixture_close(&on->fixture);
}

/* A flush whose failure is ignored leaves nothing wrong to be seen as long as the power stays: who
 * asked for it has to be told or, in the background, who listens to the log. */
static bool must_be_told(const gate_plan *plan)
{
    long number = plan->call == GATE_ANY ? -1 : syscall_table[plan->call].number;
    bool is_flush = number == SYS_fdatasync || number == SYS_fsync;
    return is_flush && plan->action == GATE_FAIL && plan->error != EINTR;
}

static void run_child(bed *on, const gate_plan *plan)
{
    (void)alarm(SECONDS_MAX);
    if (!syscall_gate_close(plan, &on->with->tally)) {
        _exit(2);
    }
    play(on);
    _exit(0);
}

/* What is wrong with a run; NULL: nothing. Lent until the next one. */
static const char *try_run(bed *on, const gate_plan *plan)
{
    int status = 0;
    shared *with = on->with;
    begin_run(on);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run_child(on, plan);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    on->struck += atomic_load(&with->tally.struck) > 0;
    if (status != 0) {
        load_wrong(&with->witness, "the child ended with %d", status);
    }
    if (must_be_told(plan) && atomic_load(&with->met) > 0 && atomic_load(&with->refused) == 0 &&
        atomic_load(&with->logged) == 0) {
        load_wrong(&with->witness, "nobody was told");
    }
    return with->witness.wrong[0] == '\0' ? NULL : with->witness.wrong;
}

static void run(bed *on, const gate_plan *plan)
{
    const char *wrong = try_run(on, plan);
    if (wrong != NULL) {
        fail_msg("%s: %s: %s", on->how->name, describe(plan), wrong);
    }
    judge(on, plan);
}

/* ---------------------------------------------------------------------------------- tests ---- */

/* How often each call is made when nothing fails. */
static void rehearse(bed *on, uint64_t calls[GATE_CALLS_MAX])
{
    const gate_plan nothing = {.action = GATE_COUNT, .call = GATE_ANY};
    run(on, &nothing);
    assert_int_equal(atomic_load(&on->with->refused), 0);
    for (size_t i = 0; i < syscall_table_count; i++) {
        calls[i] = atomic_load(&on->with->tally.of[i]);
    }
}

/* The last run was not told of its fault. */
static void expect_unnoticed(const bed *on, const gate_plan *plan)
{
    if (atomic_load(&on->with->refused) != 0) {
        fail_msg("%s: %s: %s", on->how->name, describe(plan), on->with->told);
    }
}

/* `plan` at each place, or at one. */
static void sweep(bed *on, gate_plan plan, uint64_t calls, seed_random *random)
{
    if (calls == 0) {
        return;
    }
    bool is_noticed = plan.action == GATE_FAIL && plan.error != EINTR;
    plan.at = seed_is_long_run() ? 1 : 1 + seed_below(random, calls);
    for (uint64_t end = seed_is_long_run() ? calls : plan.at; plan.at <= end; plan.at++) {
        run(on, &plan);
        if (!is_noticed) {
            expect_unnoticed(on, &plan);
        }
    }
}

/* A lock that somebody else has is waited for, as long as he has it. */
static bool is_wait(const gate_plan *plan)
{
    return syscall_table[plan->call].number == SYS_flock && plan->error == EWOULDBLOCK;
}

static void every_error_of_every_call(void **state)
{
    const configuration *how = *state;
    bed on;
    seed_random random;
    uint64_t calls[GATE_CALLS_MAX];
    bed_begin(&on, how);
    seed_random_init(&random, seed_for(how->name));
    rehearse(&on, calls);
    for (size_t call = 0; call < syscall_table_count; call++) {
        const int *errors = syscall_table[call].errors;
        for (size_t i = 0; errors[i] != 0; i++) {
            gate_plan plan = {.action = GATE_FAIL, .call = call, .error = errors[i]};
            bool is_both = seed_is_long_run();
            plan.forever = !is_both && !is_wait(&plan) && seed_below(&random, 2) == 0;
            sweep(&on, plan, calls[call], &random);
            plan.forever = true;
            sweep(&on, plan, is_both && !is_wait(&plan) ? calls[call] : 0, &random);
        }
    }
    print_message("%s: %" PRIu64 " runs, %" PRIu64 " met their fault\n", how->name, on.runs,
                  on.struck);
    assert_true(on.struck > 100);
    bed_end(&on);
}

/* Nobody notices: what is interrupted is asked for again, what is cut short is finished. */
static void interruptions_and_short_transfers_are_not_noticed(void **state)
{
    const configuration *how = *state;
    bed on;
    seed_random random;
    uint64_t calls[GATE_CALLS_MAX];
    bed_begin(&on, how);
    seed_random_init(&random, seed_for("interrupted"));
    rehearse(&on, calls);
    for (size_t call = 0; call < syscall_table_count; call++) {
        const syscall_entry *entry = &syscall_table[call];
        gate_plan plan = {.action = GATE_FAIL, .call = call, .error = EINTR};
        sweep(&on, plan, entry->is_slow ? calls[call] : 0, &random);
        plan = (gate_plan){.action = GATE_SHORTEN, .call = call};
        sweep(&on, plan, entry->moves_bytes ? calls[call] : 0, &random);
        plan = (gate_plan){.action = GATE_SHORTEN, .call = call, .at = 1, .forever = true};
        if (entry->moves_bytes && calls[call] > 0) {
            run(&on, &plan);
            expect_unnoticed(&on, &plan);
        }
    }
    print_message("%s: %" PRIu64 " runs, %" PRIu64 " met their fault\n", how->name, on.runs,
                  on.struck);
    bed_end(&on);
}

static pbase_status sync_and_say_nothing(pbase_os_file *file, pbase_error *err)
{
    (void)err;
    (void)pbase_os_real()->file->sync(file, NULL); /* the bug */
    return PBASE_OK;
}

/* The harness itself, on an os that keeps the failure of a flush to itself. */
static void an_error_that_is_ignored_is_found_out(void **unused)
{
    (void)unused;
    bed on;
    pbase_os deaf = *pbase_os_real();
    pbase_os_file_ops files = *deaf.file;
    const gate_plan plan = {.action = GATE_FAIL,
                            .call = syscall_table_find(SYS_fdatasync),
                            .at = 1,
                            .error = EIO,
                            .forever = true};
    files.sync = sync_and_say_nothing;
    deaf.file = &files;
    bed_begin(&on, &configurations[0]);
    on.fixture.options.os = &deaf;
    const char *wrong = try_run(&on, &plan);
    assert_non_null(wrong);
    assert_string_equal(wrong, "nobody was told");
    bed_end(&on);
}

int main(void)
{
    struct CMUnitTest tests[2 * CONFIGURATIONS + 1];
    if (IS_SANITIZED || !syscall_gate_works()) {
        (void)fputs("skipped: a sanitizer, or a machine without a gate for system calls\n", stdout);
        return 77;
    }
    temp_dir_in_memory();
    for (size_t i = 0; i < 2 * CONFIGURATIONS; i++) {
        union {
            const configuration *how;
            void *state;
        } with = {.how = &configurations[i / 2]};
        tests[i] = (struct CMUnitTest){
            .name = i % 2 == 0 ? "every_error_of_every_call" : "interruptions_are_not_noticed",
            .test_func = i % 2 == 0 ? every_error_of_every_call
                                    : interruptions_and_short_transfers_are_not_noticed,
            .initial_state = with.state};
    }
    tests[2 * CONFIGURATIONS] =
        (struct CMUnitTest)cmocka_unit_test(an_error_that_is_ignored_is_found_out);
    return _cmocka_run_group_tests("syscalls", tests, 2 * CONFIGURATIONS + 1, NULL, NULL);
}
