/* test_run.c - the retry helper: what it repeats, what it hands back, and that everybody gets a turn. */
#include "os/os.h"
#include "seed.h"
#include "space_case.h"
#include "txn/turns.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

/* --------------------------------------------------------------------------- what it repeats ---- */

typedef struct {
    unsigned runs;
    unsigned beaten;     /* so many times somebody else commits the same key meanwhile */
    pbase_status result; /* of the body */
} script;

static pbase_status scripted(pbase_txn *txn, void *state, pbase_error *err)
{
    script *self = state;
    pbase_dict *dict = fixture_dict(txn, "a");
    fixture_put(&dict, 1, 1);
    pbase_status status = pbase_txn_store_dict(txn, "a", dict, err);
    pbase_dict_close(dict);
    if (self->runs++ < self->beaten) {
        assert_int_equal(fixture_put_one(&f, "a", 1, 2), PBASE_OK);
    }
    return status == PBASE_OK && self->result != PBASE_OK
               ? PBASE_FAIL(err, self->result, "the body says so")
               : status;
}

static pbase_status run_script(script *state, uint32_t retries_max, pbase_error *err)
{
    pbase_txn_options options = pbase_txn_options_default();
    options.retries_max = retries_max;
    return pbase_txn_run(f.database, &options, NULL, scripted, state, err);
}

static void a_conflict_is_run_again_until_it_wins(void **unused)
{
    (void)unused;
    script state = {.beaten = 5};
    assert_int_equal(run_script(&state, 0, NULL), PBASE_OK);
    assert_int_equal(state.runs, 6);
    assert_int_equal(fixture_get(&f, "a", 1), 1);
}

static void retries_have_an_end(void **unused)
{
    (void)unused;
    script state = {.beaten = 1000};
    assert_int_equal(run_script(&state, 3, NULL), PBASE_CONFLICT);
    assert_int_equal(state.runs, 4);
    assert_int_equal(fixture_get(&f, "a", 1), 2);
}

static void what_the_body_returns_aborts_and_is_returned(void **unused)
{
    (void)unused;
    script state = {.result = PBASE_INVALID};
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(run_script(&state, 0, &err), PBASE_INVALID);
    assert_string_equal(err.message, "the body says so");
    assert_int_equal(state.runs, 1);
    assert_int_equal(fixture_count(&f, "a"), 0);
}

static void a_deadline_ends_the_retries(void **unused)
{
    (void)unused;
    script state = {.beaten = 1000000};
    pbase_txn_options options = pbase_txn_options_default();
    options.retries_max = 1000000;
    pbase_call call = {.deadline_ns = pbase_os_deadline(pbase_os_real(), 50)};
    assert_int_equal(pbase_txn_run(f.database, &options, &call, scripted, &state, NULL),
                     PBASE_TIMEOUT);
}

/* ------------------------------------------------------------------------------- everybody ---- */

enum { THREADS = 8 };

typedef struct {
    int64_t increments;
    uint32_t retries_max;
    unsigned attempts_most; /* of one run */
    unsigned attempts;      /* of the current one */
    _Atomic int *failures;
} worker;

static pbase_status increment(pbase_txn *txn, void *state, pbase_error *err)
{
    worker *self = state;
    pbase_arena arena;
    pbase_dict *dict = NULL;
    pbase_value key = pbase_value_int(1), value;
    pbase_arena_init(&arena, pbase_alloc_default());
    self->attempts++;
    pbase_status status = pbase_txn_dict(txn, "counter", &dict, err);
    status = status == PBASE_OK ? pbase_dict_get(dict, &key, &arena, &value, err) : status;
    if (status == PBASE_OK) {
        value.as.integer++;
        status = pbase_dict_put(&dict, &key, &value, NULL, err);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "counter", dict, err) : status;
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
    return status;
}

static void *increment_often(void *argument)
{
    worker *self = argument;
    pbase_txn_options options = pbase_txn_options_default();
    options.retries_max = self->retries_max;
    for (int64_t i = 0; i < self->increments; i++) {
        self->attempts = 0;
        if (pbase_txn_run(f.database, &options, NULL, increment, self, NULL) != PBASE_OK) {
            atomic_fetch_add(self->failures, 1);
        }
        self->attempts_most =
            self->attempts > self->attempts_most ? self->attempts : self->attempts_most;
    }
    return NULL;
}

/* Far fewer retries than the default would do, and nobody runs out of them. */
static void eight_threads_on_one_key_all_get_their_turn(void **unused)
{
    (void)unused;
    _Atomic int failures = 0;
    worker workers[THREADS];
    pthread_t threads[THREADS];
    unsigned most = 0;
    int64_t increments = seed_is_long_run() ? 5000 : 150;
    assert_int_equal(fixture_put_one(&f, "counter", 1, 0), PBASE_OK);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.increments = increments, .retries_max = 40, .failures = &failures};
        assert_int_equal(pthread_create(&threads[i], NULL, increment_often, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        most = workers[i].attempts_most > most ? workers[i].attempts_most : most;
    }
    print_message("%u attempts at most\n", most);
    assert_int_equal(failures, 0);
    assert_int_equal(fixture_get(&f, "counter", 1), THREADS * increments);
}

/* ------------------------------------------------------------------------------- the line ---- */

static void the_line_is_kept_in_order_and_can_be_left_from_anywhere(void **unused)
{
    (void)unused;
    turns line = {.os = NULL};
    turn a, b, c;
    assert_int_equal(turns_init(&line, pbase_os_real(), NULL), PBASE_OK);
    turns_enter(&line, &a);
    turns_enter(&line, &b);
    turns_enter(&line, &c);
    assert_true(turns_wait(&line, &a, 1000, NULL));
    assert_false(turns_wait(&line, &b, 1, NULL)); /* waits are bounded */
    turns_leave(&line, &b);
    turns_leave(&line, &a);
    assert_true(turns_wait(&line, &c, 1000, NULL));
    turns_enter(&line, &a);
    turns_leave(&line, &a); /* the last one */
    turns_enter(&line, &b);
    turns_leave(&line, &c);
    assert_true(turns_wait(&line, &b, 1000, NULL));
    turns_leave(&line, &b);
    turns_fini(&line);
}

/* The first of the line lost to the same newcomer again and again, whose rounds were the quicker. */
static void who_presses_keeps_newcomers_out_until_it_leaves(void **unused)
{
    (void)unused;
    turns line = {.os = NULL};
    turn a, b;
    assert_int_equal(turns_init(&line, pbase_os_real(), NULL), PBASE_OK);
    turns_enter(&line, &a);
    turns_enter(&line, &b);
    assert_false(turns_pressed(&line));
    turns_press(&line, &a);
    assert_true(turns_pressed(&line));
    turns_leave(&line, &b); /* of another place: nothing changes */
    assert_true(turns_pressed(&line));
    turns_leave(&line, &a);
    assert_false(turns_pressed(&line));
    turns_fini(&line);
}

static void waiting_for_a_turn_ends_with_the_call(void **unused)
{
    (void)unused;
    turns line = {.os = NULL};
    turn a, b;
    pbase_call call = {.deadline_ns = pbase_os_deadline(pbase_os_real(), 5)};
    assert_int_equal(turns_init(&line, pbase_os_real(), NULL), PBASE_OK);
    turns_enter(&line, &a);
    turns_enter(&line, &b);
    assert_false(turns_wait(&line, &b, 60000, &call));
    turns_leave(&line, &a);
    turns_leave(&line, &b);
    turns_fini(&line);
}

#define IN_MEMORY(test)                                                                            \
    {                                                                                              \
        "memory: " #test, test, begin_memory, end, NULL                                            \
    }
#define ON_FILES(test)                                                                             \
    {                                                                                              \
        "file: " #test, test, begin_file, end, NULL                                                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(a_conflict_is_run_again_until_it_wins),
        IN_MEMORY(retries_have_an_end),
        IN_MEMORY(what_the_body_returns_aborts_and_is_returned),
        IN_MEMORY(a_deadline_ends_the_retries),
        IN_MEMORY(eight_threads_on_one_key_all_get_their_turn),
        ON_FILES(eight_threads_on_one_key_all_get_their_turn),
        cmocka_unit_test(the_line_is_kept_in_order_and_can_be_left_from_anywhere),
        cmocka_unit_test(who_presses_keeps_newcomers_out_until_it_leaves),
        cmocka_unit_test(waiting_for_a_turn_ends_with_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
