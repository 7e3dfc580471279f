/* test_concurrency.c - four threads at once: nothing is lost, counters are exact. */
#include "space_case.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define THREADS 4u
#define ROUNDS 250u

typedef struct {
    unsigned number;
    const char *root;
    int64_t key;         /* what a round changes */
    bool shared_key;     /* the same keys for all */
    pbase_status status; /* the first that was not OK */
} worker;

/* Adds one to `key` in `root`, both as the worker says. */
static pbase_status add_one(pbase_txn *txn, void *state, pbase_error *err)
{
    const worker *self = state;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_value key = pbase_value_int(self->key), value = pbase_value_int(0);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_txn_dict(txn, self->root, &dict, err);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_dict(txn, &dict, err);
    }
    if (status == PBASE_OK) {
        status = pbase_dict_get(dict, &key, &arena, &value, err);
        status = status == PBASE_NOT_FOUND ? PBASE_OK : status;
    }
    pbase_value next = pbase_value_int(value.as.integer + 1);
    status = status == PBASE_OK ? pbase_dict_put(&dict, &key, &next, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, self->root, dict, err) : status;
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
    return status;
}

static void *work(void *state)
{
    worker *self = state;
    pbase_txn_options options = pbase_txn_options_default();
    options.retries_max = 1000000;
    for (unsigned i = 0; i < ROUNDS && self->status == PBASE_OK; i++) {
        self->key = self->shared_key ? (int64_t)(i % 5) : (int64_t)(self->number * ROUNDS + i);
        self->status = pbase_txn_run(f.database, &options, NULL, add_one, self, NULL);
    }
    return NULL;
}

static void run_workers(worker workers[THREADS])
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].status, PBASE_OK);
    }
}

static void four_threads_on_different_keys_lose_nothing(void **unused)
{
    (void)unused;
    worker workers[THREADS] = {{.root = "r"}, {.root = "r"}, {.root = "r"}, {.root = "r"}};
    run_workers(workers);
    assert_int_equal(fixture_count(&f, "r"), THREADS * ROUNDS);
    for (int64_t key = 0; key < (int64_t)(THREADS * ROUNDS); key++) {
        assert_int_equal(fixture_get(&f, "r", key), 1);
    }
}

static void four_threads_on_the_same_keys_count_exactly(void **unused)
{
    (void)unused;
    worker workers[THREADS] = {{.root = "r", .shared_key = true},
                               {.root = "r", .shared_key = true},
                               {.root = "r", .shared_key = true},
                               {.root = "r", .shared_key = true}};
    run_workers(workers);
    int64_t total = 0;
    for (int64_t key = 0; key < 5; key++) {
        total += fixture_get(&f, "r", key);
    }
    assert_int_equal(total, THREADS * ROUNDS);
}

static void four_threads_on_different_roots_lose_nothing(void **unused)
{
    (void)unused;
    worker workers[THREADS] = {{.root = "a"}, {.root = "b"}, {.root = "c"}, {.root = "d"}};
    run_workers(workers);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(fixture_count(&f, workers[i].root), ROUNDS);
    }
}

static void *checkpoint_again_and_again(void *state)
{
    worker *self = state;
    for (unsigned i = 0; i < 20 && self->status == PBASE_OK; i++) {
        self->status = pbase_space_checkpoint(f.space, NULL, NULL);
    }
    return NULL;
}

static void commits_go_on_while_checkpoints_settle(void **unused)
{
    (void)unused;
    worker workers[THREADS] = {{.root = "r"}, {.root = "r"}, {.root = "r"}, {.root = "r"}};
    worker settler = {.status = PBASE_OK};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, checkpoint_again_and_again, &settler), 0);
    run_workers(workers);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(settler.status, PBASE_OK);
    assert_int_equal(fixture_count(&f, "r"), THREADS * ROUNDS);
}

/* Every snapshot sees both keys equal: each transaction writes both. */
static void *watch_pair(void *state)
{
    worker *self = state;
    for (unsigned i = 0; i < 500 && self->status == PBASE_OK; i++) {
        pbase_snapshot *snapshot = NULL;
        pbase_dict *dict = NULL;
        pbase_arena arena;
        pbase_value one = pbase_value_int(1), two = pbase_value_int(2), a, b;
        pbase_arena_init(&arena, pbase_alloc_default());
        if (pbase_snapshot_open(f.database, &snapshot, NULL) != PBASE_OK ||
            pbase_snapshot_dict(snapshot, "pair", &dict, NULL) != PBASE_OK ||
            pbase_dict_get(dict, &one, &arena, &a, NULL) != PBASE_OK ||
            pbase_dict_get(dict, &two, &arena, &b, NULL) != PBASE_OK ||
            a.as.integer != b.as.integer) {
            self->status = PBASE_INTERNAL;
        }
        pbase_dict_close(dict);
        pbase_snapshot_close(snapshot);
        pbase_arena_fini(&arena);
    }
    return NULL;
}

static void a_snapshot_never_sees_half_a_transaction(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "pair", 1, 0), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "pair", 2, 0), PBASE_OK);
    worker watcher = {.status = PBASE_OK};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch_pair, &watcher), 0);
    for (int64_t i = 1; i <= 300; i++) {
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        pbase_dict *dict = fixture_dict(txn, "pair");
        fixture_put(&dict, 1, i);
        fixture_put(&dict, 2, i);
        assert_int_equal(pbase_txn_store_dict(txn, "pair", dict, NULL), PBASE_OK);
        pbase_dict_close(dict);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(watcher.status, PBASE_OK);
}

/* Opens, looks and closes, as fast as it goes: what was acknowledged before must be there. */
static _Atomic uint64_t acknowledged; /* sequence */
static _Atomic bool committing;

static void *open_fresh(void *state)
{
    worker *self = state;
    uint64_t last = 0;
    while (atomic_load(&committing) && self->status == PBASE_OK) {
        uint64_t least = atomic_load(&acknowledged), count = 0;
        pbase_snapshot *snapshot = NULL;
        pbase_dict *dict = NULL;
        self->status = pbase_snapshot_open(f.database, &snapshot, NULL);
        if (self->status != PBASE_OK) {
            break;
        }
        uint64_t sequence = pbase_snapshot_sequence(snapshot);
        self->status = pbase_snapshot_dict(snapshot, "fresh", &dict, NULL);
        if (self->status == PBASE_OK) {
            self->status = pbase_dict_count(dict, &count, NULL);
        }
        /* One key is added with each sequence from the first on. */
        bool is_right = sequence >= least && sequence >= last && count == sequence - self->number;
        self->status = self->status == PBASE_OK && !is_right ? PBASE_INTERNAL : self->status;
        last = sequence;
        pbase_dict_close(dict);
        pbase_snapshot_close(snapshot);
    }
    return NULL;
}

static void fresh_snapshots_see_all_that_was_acknowledged(void **unused)
{
    (void)unused;
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(fixture_put_one(&f, "fresh", 0, 0), PBASE_OK);
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    uint64_t first = pbase_snapshot_sequence(snapshot);
    pbase_snapshot_close(snapshot);
    worker workers[THREADS - 1] = {{.status = PBASE_OK}};
    pthread_t threads[THREADS - 1];
    atomic_store(&acknowledged, first);
    atomic_store(&committing, true);
    for (size_t i = 0; i < THREADS - 1; i++) {
        workers[i].number = (unsigned)first - 1;
        assert_int_equal(pthread_create(&threads[i], NULL, open_fresh, &workers[i]), 0);
    }
    for (uint64_t i = 1; i <= 1000; i++) { /* states come and go, and their memory with them */
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        pbase_dict *dict = fixture_dict(txn, "fresh");
        uint64_t sequence = 0;
        fixture_put(&dict, (int64_t)i, 0);
        assert_int_equal(pbase_txn_store_dict(txn, "fresh", dict, NULL), PBASE_OK);
        pbase_dict_close(dict);
        assert_int_equal(pbase_txn_commit(&txn, NULL, &sequence, NULL), PBASE_OK);
        atomic_store(&acknowledged, sequence);
    }
    atomic_store(&committing, false);
    for (size_t i = 0; i < THREADS - 1; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].status, PBASE_OK);
    }
}

/* Puts of which nobody looks at what was there are applied behind the commits (core/txn/deferred.h):
 * enough of them that rounds of the background, of commits and of readers meet. */
#define BLIND_TXNS 180u
#define BLIND_PUTS 100u
#define BLIND_BYTES 500u
static _Atomic bool putting;

/* Transaction i puts the bytes i into all keys of its thread that leave the same rest. */
static void *put_blindly(void *state)
{
    worker *self = state;
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = PBASE_DURABILITY_NONE;
    uint8_t bytes[BLIND_BYTES];
    for (unsigned i = 0; i < BLIND_TXNS && self->status == PBASE_OK; i++) {
        pbase_txn *txn = NULL;
        pbase_dict *dict = NULL;
        memset(bytes, (int)i, sizeof bytes);
        self->status = pbase_txn_begin(f.database, &options, &txn, NULL);
        if (self->status == PBASE_OK) {
            self->status = pbase_txn_dict(txn, "blind", &dict, NULL);
        }
        for (unsigned j = 0; j < BLIND_PUTS && self->status == PBASE_OK; j++) {
            pbase_value key = pbase_value_int((int64_t)self->number * 5000 + j * 7 + i % 7);
            self->status =
                pbase_dict_put_bytes(&dict, &key, pbase_bytes_of(bytes, sizeof bytes), NULL, NULL);
        }
        if (self->status == PBASE_OK) {
            self->status = pbase_txn_store_dict(txn, "blind", dict, NULL);
        }
        pbase_dict_close(dict);
        if (self->status == PBASE_OK) {
            self->status = pbase_txn_commit(&txn, NULL, NULL, NULL);
        }
        pbase_txn_abort(&txn);
    }
    return NULL;
}

/* The first byte of a key's value; 256: there is none. */
static pbase_status first_byte(pbase_dict *dict, pbase_reader *reader, int64_t number,
                               unsigned *out)
{
    pbase_value key = pbase_value_int(number);
    pbase_bytes value;
    pbase_status status = pbase_dict_get_bytes(dict, &key, reader, &value, NULL);
    *out = status == PBASE_OK ? value.data[0] : 256;
    return status == PBASE_NOT_FOUND ? PBASE_OK : status;
}

/* The first and the last key of each transaction's are equal. */
static void *watch_blind(void *state)
{
    worker *self = state;
    pbase_reader *reader = NULL;
    self->status = pbase_reader_create(NULL, &reader, NULL);
    while (atomic_load(&putting) && self->status == PBASE_OK) {
        pbase_snapshot *snapshot = NULL;
        pbase_dict *dict = NULL;
        self->status = pbase_snapshot_open(f.database, &snapshot, NULL);
        if (self->status == PBASE_OK) {
            self->status = pbase_snapshot_dict(snapshot, "blind", &dict, NULL);
        }
        for (int64_t key = 0; key < 14 && self->status == PBASE_OK; key++) {
            int64_t at = key / 7 * 5000 + key % 7;
            unsigned first = 0, last = 0;
            self->status = first_byte(dict, reader, at, &first);
            if (self->status == PBASE_OK) {
                self->status = first_byte(dict, reader, at + (BLIND_PUTS - 1) * 7, &last);
            }
            self->status =
                self->status == PBASE_OK && first != last ? PBASE_INTERNAL : self->status;
        }
        pbase_reader_reset(reader);
        pbase_dict_close(dict);
        pbase_snapshot_close(snapshot);
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* so that much waits */
    }
    pbase_reader_close(reader);
    return NULL;
}

static void blind_puts_are_all_there_while_they_are_applied_behind_their_commits(void **unused)
{
    (void)unused;
    worker writers[2] = {{.number = 0}, {.number = 1}}, watcher = {.status = PBASE_OK};
    worker settler = {.status = PBASE_OK};
    pthread_t threads[4];
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = NULL;
    assert_int_equal(pbase_txn_new_dict(txn, &dict, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "blind", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    atomic_store(&putting, true);

    assert_int_equal(pthread_create(&threads[0], NULL, put_blindly, &writers[0]), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, put_blindly, &writers[1]), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, watch_blind, &watcher), 0);
    assert_int_equal(pthread_create(&threads[3], NULL, checkpoint_again_and_again, &settler), 0);
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    atomic_store(&putting, false);
    (void)pthread_join(threads[2], NULL);
    (void)pthread_join(threads[3], NULL);

    assert_int_equal(writers[0].status, PBASE_OK);
    assert_int_equal(writers[1].status, PBASE_OK);
    assert_int_equal(watcher.status, PBASE_OK);
    assert_int_equal(settler.status, PBASE_OK);
    assert_int_equal(fixture_count(&f, "blind"), 2u * 7u * BLIND_PUTS);
    fixture_assert_clean(&f);
}

#define ON_BOTH(test)                                                                              \
    cmocka_unit_test_setup_teardown(test, begin_memory, end),                                      \
        cmocka_unit_test_setup_teardown(test, begin_file, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(four_threads_on_different_keys_lose_nothing),
        ON_BOTH(four_threads_on_the_same_keys_count_exactly),
        ON_BOTH(four_threads_on_different_roots_lose_nothing),
        ON_BOTH(commits_go_on_while_checkpoints_settle),
        ON_BOTH(fresh_snapshots_see_all_that_was_acknowledged),
        ON_BOTH(blind_puts_are_all_there_while_they_are_applied_behind_their_commits),
        ON_BOTH(a_snapshot_never_sees_half_a_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
