/* test_histories.c - random transactions that append to lists and read them, and what a checker of
 * their histories finds: nothing when serializable, nothing but write skew (G2) at snapshot
 * isolation, whatever the clients are and however they end.
 *
 * The lists are collections, whose appends merge with those of others, or values of one dictionary,
 * which are read, made longer and put, so that two of them conflict. At snapshot isolation only the
 * second are asked: merged appends are updates that no reader has to lose to.
 *
 * Every client writes what it does into its socket, the begin of each transaction before it begins;
 * so of a client that was killed the last transaction's outcome is unknown, and no more. */
#include "clients.h"
#include "history.h"
#include "seed.h"

#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define LISTS 6u
#define CLIENTS 4u
#define OPS_MAX 5u
#define VALUES_MAX 65536u

typedef struct {
    uint64_t seed;
    uint32_t transactions; /* of each client */
    int32_t isolation;
    uint32_t epoch; /* of clients that are started again */
    bool in_dict;   /* lists are values of a dictionary */
} plan;

/* What a client says. `count` values follow a read. */
enum { SAY_BEGIN, SAY_APPEND, SAY_READ, SAY_END };
typedef struct {
    uint32_t kind;
    uint32_t key;
    int64_t value; /* of an append; of the end: a history_outcome */
    uint64_t at_ns;
    uint64_t count;
} say;

static uint64_t now_ns(void)
{
    struct timespec now; /* one clock for all processes */
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ------------------------------------------------------------------------------- clients ---- */

static void tell(const client *self, uint32_t kind, uint32_t key, int64_t value)
{
    const say message = {kind, key, value, now_ns(), 0};
    if (!message_send(self->fd, &message, sizeof message)) {
        client_fail(self, "nobody listens", NULL);
    }
}

static void must(const client *self, pbase_status status, const char *what, const pbase_error *err)
{
    if (status != PBASE_OK) {
        client_fail(self, what, err);
    }
}

static const char *list_name(uint32_t key)
{
    static const char *const names[LISTS] = {"l0", "l1", "l2", "l3", "l4", "l5"};
    return names[key];
}

/* A list as a collection of its own. */

static void append_to_list(client *self, pbase_txn *txn, uint32_t key, int64_t number)
{
    pbase_error err;
    pbase_list *list = NULL;
    pbase_value value = pbase_value_int(number);
    pbase_error_init(&err);
    must(self, pbase_txn_list(txn, list_name(key), &list, &err), "list", &err);
    must(self, pbase_list_append(&list, &value, &err), "append", &err);
    must(self, pbase_txn_store_list(txn, list_name(key), list, &err), "store", &err);
    pbase_list_close(list);
}

static uint64_t read_from_list(client *self, pbase_txn *txn, uint32_t key, int64_t *values)
{
    uint64_t count = 0;
    pbase_error err;
    pbase_list *list = NULL;
    pbase_cursor *cursor = NULL;
    pbase_error_init(&err);
    must(self, pbase_txn_list(txn, list_name(key), &list, &err), "list", &err);
    must(self, pbase_list_cursor(list, NULL, &cursor, &err), "cursor", &err);
    pbase_status status = pbase_cursor_next(cursor, &err);
    while (status == PBASE_OK && count < VALUES_MAX) {
        pbase_value value;
        must(self, pbase_cursor_value(cursor, &value, &err), "value", &err);
        values[count++] = value.as.integer;
        status = pbase_cursor_next(cursor, &err);
    }
    if (status != PBASE_END) {
        client_fail(self, "reading a list", &err);
    }
    pbase_cursor_close(cursor);
    pbase_list_close(list);
    return count;
}

/* A list as the value of a key. */

static pbase_value get_value(client *self, const pbase_dict *dict, uint32_t key, pbase_arena *arena)
{
    pbase_error err;
    pbase_value name = pbase_value_int(key), out = pbase_value_list(NULL, 0);
    pbase_error_init(&err);
    pbase_status status = pbase_dict_get(dict, &name, arena, &out, &err);
    must(self, status == PBASE_NOT_FOUND ? PBASE_OK : status, "get", &err);
    return out;
}

static void append_to_value(client *self, pbase_txn *txn, uint32_t key, int64_t number)
{
    pbase_error err;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_value name = pbase_value_int(key);
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    must(self, pbase_txn_dict(txn, "lists", &dict, &err), "dict", &err);
    pbase_value before = get_value(self, dict, key, &arena);
    size_t count = before.as.list.count;
    pbase_value *items = pbase_arena_array(&arena, count + 1, sizeof *items);
    if (items == NULL) {
        client_fail(self, "no memory", NULL);
    }
    if (count > 0) {
        memcpy(items, before.as.list.items, count * sizeof *items);
    }
    items[count] = pbase_value_int(number);
    pbase_value after = pbase_value_list(items, count + 1);
    must(self, pbase_dict_put(&dict, &name, &after, NULL, &err), "put", &err);
    must(self, pbase_txn_store_dict(txn, "lists", dict, &err), "store", &err);
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
}

static uint64_t read_from_value(client *self, pbase_txn *txn, uint32_t key, int64_t *values)
{
    pbase_error err;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    must(self, pbase_txn_dict(txn, "lists", &dict, &err), "dict", &err);
    pbase_value list = get_value(self, dict, key, &arena);
    for (size_t i = 0; i < list.as.list.count; i++) {
        values[i] = list.as.list.items[i].as.integer;
    }
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
    return list.as.list.count;
}

static void append(client *self, pbase_txn *txn, uint32_t key, int64_t number)
{
    const plan *how = self->state;
    (how->in_dict ? append_to_value : append_to_list)(self, txn, key, number);
    tell(self, SAY_APPEND, key, number);
}

static void read_list(client *self, pbase_txn *txn, uint32_t key)
{
    const plan *how = self->state;
    say message = {SAY_READ, key, 0, 0, 0};
    int64_t *values = malloc(VALUES_MAX * sizeof *values);
    if (values == NULL) {
        client_fail(self, "no memory", NULL);
    }
    message.count = (how->in_dict ? read_from_value : read_from_list)(self, txn, key, values);
    if (!message_send(self->fd, &message, sizeof message) ||
        !message_send(self->fd, values, message.count * sizeof values[0])) {
        client_fail(self, "nobody listens", NULL);
    }
    free(values);
}

static history_outcome finish(client *self, pbase_txn *txn, bool aborts)
{
    pbase_error err;
    pbase_error_init(&err);
    if (aborts) {
        pbase_txn_abort(&txn);
        return HISTORY_FAILED;
    }
    pbase_status status = pbase_txn_commit(&txn, NULL, NULL, &err);
    if (status != PBASE_OK && status != PBASE_CONFLICT) {
        client_fail(self, "commit", &err);
    }
    return status == PBASE_OK ? HISTORY_COMMITTED : HISTORY_FAILED;
}

static void transact(client *self, const plan *how, seed_random *random, int64_t *next)
{
    pbase_error err;
    pbase_txn *txn = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.isolation = how->isolation;
    pbase_error_init(&err);
    tell(self, SAY_BEGIN, 0, 0);
    must(self, pbase_txn_begin(self->database, &options, &txn, &err), "begin", &err);
    uint64_t ops = 1 + seed_below(random, OPS_MAX);
    for (uint64_t i = 0; i < ops; i++) {
        uint32_t key = (uint32_t)seed_below(random, LISTS);
        if (seed_below(random, 2) == 0) {
            append(self, txn, key, (*next)++);
        } else {
            read_list(self, txn, key);
        }
    }
    tell(self, SAY_END, 0, finish(self, txn, seed_below(random, 20) == 0));
}

static void work(client *self)
{
    const plan *how = self->state;
    seed_random random;
    seed_random_init(&random, how->seed + self->number * 1000003u + how->epoch * 7919u);
    int64_t next = ((int64_t)how->epoch * CLIENTS_MAX + self->number + 1) << 32;
    for (uint32_t i = 0; i < how->transactions; i++) {
        transact(self, how, &random, &next);
    }
}

/* ----------------------------------------------------------------------------- listening ---- */

typedef struct {
    history *history;
    size_t txn[CLIENTS_MAX]; /* open, by client; SIZE_MAX: none */
    uint64_t transactions;   /* heard of that ended */
} listener;

/* Takes one message; false when the client has ended. */
static bool hear(listener *self, uint32_t number, int fd)
{
    static int64_t values[VALUES_MAX];
    say message;
    if (!message_receive(fd, &message, sizeof message)) {
        return false;
    }
    size_t *txn = &self->txn[number];
    if (message.kind == SAY_BEGIN) {
        *txn = history_begin(self->history, number, message.at_ns);
    } else if (message.kind == SAY_APPEND) {
        history_append(self->history, *txn, message.key, message.value);
    } else if (message.kind == SAY_READ) {
        assert_true(message.count <= VALUES_MAX);
        if (!message_receive(fd, values, message.count * sizeof values[0])) {
            return false;
        }
        history_read(self->history, *txn, message.key, values, message.count);
    } else {
        history_end(self->history, *txn, (history_outcome)message.value, message.at_ns);
        self->transactions++;
    }
    return true;
}

/* Hears all clients to their ends; kills number 0 after `kill_after` transactions of all (0: never). */
static void listen_to(listener *self, clients *group, uint64_t kill_after)
{
    bool open[CLIENTS_MAX];
    uint32_t left = group->count;
    uint64_t before = self->transactions;
    for (uint32_t i = 0; i < group->count; i++) {
        open[i] = true;
        self->txn[i] = SIZE_MAX;
    }
    while (left > 0) {
        struct pollfd polls[CLIENTS_MAX];
        for (uint32_t i = 0; i < group->count; i++) {
            polls[i] = (struct pollfd){.fd = open[i] ? group->items[i].fd : -1, .events = POLLIN};
        }
        assert_true(poll(polls, group->count, 60000) > 0);
        for (uint32_t i = 0; i < group->count; i++) {
            if (polls[i].revents != 0 && !hear(self, i, group->items[i].fd)) {
                open[i] = false;
                left--;
            }
        }
        if (kill_after > 0 && self->transactions - before >= kill_after) {
            clients_kill(group, 0);
            kill_after = 0;
        }
    }
}

/* ---------------------------------------------------------------------------- the whole ---- */

static void make_lists(const char *data)
{
    space_fixture fixture;
    pbase_error err;
    fixture_prepare(&fixture, data, NULL);
    fixture_open(&fixture);
    pbase_txn *txn = fixture_begin(&fixture, PBASE_SERIALIZABLE);
    for (uint32_t key = 0; key < LISTS; key++) {
        pbase_list *list = NULL;
        assert_ok(pbase_txn_new_list(txn, &list, &err), &err);
        assert_ok(pbase_txn_store_list(txn, list_name(key), list, &err), &err);
        pbase_list_close(list);
    }
    pbase_dict *dict = fixture_dict(txn, "lists");
    assert_ok(pbase_txn_store_dict(txn, "lists", dict, &err), &err);
    pbase_dict_close(dict);
    assert_ok(fixture_commit(&txn), &err);
    fixture_close(&fixture);
}

/* Reads every list after all others. */
static void read_all(client *self)
{
    pbase_error err;
    pbase_txn *txn = NULL;
    tell(self, SAY_BEGIN, 0, 0);
    must(self, pbase_txn_begin(self->database, NULL, &txn, &err), "begin", &err);
    for (uint32_t key = 0; key < LISTS; key++) {
        read_list(self, txn, key);
    }
    tell(self, SAY_END, 0, finish(self, txn, false));
}

static void expect_none_but(const history_verdict *verdict, int32_t isolation)
{
    for (size_t i = 0; i < ANOMALY_KINDS; i++) {
        bool allowed =
            isolation == PBASE_SNAPSHOT_ISOLATION && (i == ANOMALY_SKEW || i == ANOMALY_STALE_SKEW);
        if (verdict->counts[i] > 0 && !allowed) {
            fail_msg("%zu times %s: %s", verdict->counts[i], anomaly_name((anomaly)i),
                     verdict->example[i]);
        }
    }
}

typedef struct {
    clients_kind kind;
    int32_t isolation;
    uint32_t rounds;       /* clients are started again */
    uint32_t transactions; /* of each client in each */
    bool in_dict;
    bool kills; /* one of them in each round */
} trial;

static void try_history(const trial *t, const char *name)
{
    static const char *const sets[] = {"storage.checkpoint_bytes=64KiB", NULL};
    temp_dir dir;
    clients group;
    listener ear = {.history = history_create()};
    plan how = {.seed = seed_for(name),
                .transactions = t->transactions,
                .isolation = t->isolation,
                .in_dict = t->in_dict};
    temp_dir_create(&dir);
    const char *data = temp_dir_path(&dir, "space");
    make_lists(data);
    for (how.epoch = 0; how.epoch < t->rounds; how.epoch++) {
        clients_start(&group, t->kind, CLIENTS, data, sets, work, &how);
        listen_to(&ear, &group, t->kills ? t->transactions * CLIENTS / 3 : 0);
        clients_end(&group);
    }
    clients_start(&group, CLIENTS_THREADS, 1, data, sets, read_all, &how);
    size_t final = history_count(ear.history);
    listen_to(&ear, &group, 0);
    fixture_assert_clean(&group.fixture);
    clients_end(&group);
    history_verdict verdict;
    history_check(ear.history, final, &verdict);
    print_message("%s: %zu transactions, %zu times G2\n", name, history_count(ear.history),
                  verdict.counts[ANOMALY_SKEW]);
    expect_none_but(&verdict, t->isolation);
    history_destroy(ear.history);
    temp_dir_remove(&dir);
}

static uint32_t length(uint32_t shortened)
{
    return seed_is_long_run() ? shortened * 20 : shortened;
}

static void serializable_threads_leave_a_history_without_anomaly(void **unused)
{
    (void)unused;
    trial t = {CLIENTS_THREADS, PBASE_SERIALIZABLE, 1, length(600), false, false};
    try_history(&t, "serializable threads, merged appends");
    t.in_dict = true;
    try_history(&t, "serializable threads, values");
}

static void snapshot_threads_leave_no_anomaly_but_write_skew(void **unused)
{
    (void)unused;
    const trial t = {CLIENTS_THREADS, PBASE_SNAPSHOT_ISOLATION, 1, length(600), true, false};
    try_history(&t, "snapshot threads, values");
}

static void serializable_processes_leave_a_history_without_anomaly(void **unused)
{
    (void)unused;
    trial t = {CLIENTS_PROCESSES, PBASE_SERIALIZABLE, 1, length(150), false, false};
    try_history(&t, "serializable processes, merged appends");
    t.in_dict = true;
    try_history(&t, "serializable processes, values");
}

static void snapshot_processes_leave_no_anomaly_but_write_skew(void **unused)
{
    (void)unused;
    const trial t = {CLIENTS_PROCESSES, PBASE_SNAPSHOT_ISOLATION, 1, length(150), true, false};
    try_history(&t, "snapshot processes, values");
}

static void processes_that_are_killed_leave_a_history_without_anomaly(void **unused)
{
    (void)unused;
    trial t = {CLIENTS_PROCESSES, PBASE_SERIALIZABLE, seed_is_long_run() ? 40 : 4, 60, false, true};
    try_history(&t, "killed processes, merged appends");
    t.in_dict = true;
    try_history(&t, "killed processes, values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serializable_threads_leave_a_history_without_anomaly),
        cmocka_unit_test(snapshot_threads_leave_no_anomaly_but_write_skew),
        cmocka_unit_test(serializable_processes_leave_a_history_without_anomaly),
        cmocka_unit_test(snapshot_processes_leave_no_anomaly_but_write_skew),
        cmocka_unit_test(processes_that_are_killed_leave_a_history_without_anomaly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
