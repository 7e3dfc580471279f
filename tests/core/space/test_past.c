/* test_past.c - states of the past: read as they were, for as long as they are kept, by sequence and by
 * time, across checkpoints, reopening, renames, drops and branches. */
#include "seed.h"
#include "sim_os.h"
#include "space_fixture.h"
#include <protobase/history.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static space_fixture f;

static void open_keeping(const char *retention)
{
    temp_dir dir;
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    f.dir = dir;
    f.has_dir = true;
    fixture_set(&f, "storage.blocks.segment_size=64KiB");
    fixture_set(&f, "storage.journal_segment_size=64KiB");
    fixture_set(&f, retention);
    fixture_open(&f);
}

static int begin(void **unused)
{
    (void)unused;
    open_keeping("storage.retention_bytes=1GiB");
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_assert_clean(&f);
    fixture_end(&f);
    return 0;
}

static uint64_t newest(void)
{
    pbase_history_range range;
    assert_int_equal(pbase_history_describe(f.space, &range, NULL), PBASE_OK);
    return range.newest_sequence;
}

static uint64_t oldest(void)
{
    pbase_history_range range;
    assert_int_equal(pbase_history_describe(f.space, &range, NULL), PBASE_OK);
    return range.oldest_sequence;
}

/* Puts, and yields the sequence of that commit. */
static uint64_t put(const char *root, int64_t key, int64_t value)
{
    assert_int_equal(fixture_put_one(&f, root, key, value), PBASE_OK);
    return newest();
}

/* What root "a" of a snapshot has under `key`; INT64_MIN when there is nothing. */
static int64_t read_key(const pbase_snapshot *snapshot, int64_t key)
{
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_value k = pbase_value_int(key), v = pbase_value_int(INT64_MIN);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_snapshot_dict(snapshot, "a", &dict, NULL);
    status = status == PBASE_OK ? pbase_dict_get(dict, &k, &arena, &v, NULL) : status;
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
    return v.as.integer;
}

static pbase_status open_at(uint64_t sequence, pbase_snapshot **out, pbase_error *err)
{
    pbase_moment at = pbase_moment_of_sequence(sequence);
    return pbase_snapshot_open_at(f.database, &at, NULL, out, err);
}

static int64_t value_at(uint64_t sequence, int64_t key)
{
    pbase_snapshot *snapshot = NULL;
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = open_at(sequence, &snapshot, &err);
    assert_ok(status, &err);
    assert_int_equal(pbase_snapshot_sequence(snapshot), sequence);
    int64_t value = read_key(snapshot, key);
    pbase_snapshot_close(snapshot);
    return value;
}

static void settle(void)
{
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
}

/* ------------------------------------------------------------------------------ sequences ---- */

static void a_state_of_the_past_is_read_as_it_was(void **unused)
{
    (void)unused;
    uint64_t one = put("a", 1, 10), two = put("a", 1, 20);
    settle();
    uint64_t three = put("a", 1, 30), four = put("a", 2, 40);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(value_at(four, 1), 30);
        assert_int_equal(value_at(one, 1), 10);
        assert_int_equal(value_at(three, 2), INT64_MIN);
        assert_int_equal(value_at(two, 1), 20);
        assert_int_equal(value_at(one - 1, 1), INT64_MIN); /* before the root was there */
        fixture_reopen(&f);                                /* what is kept is found again */
    }
    assert_int_equal(oldest(), 0);
}

static void outside_of_what_is_kept_the_nearest_is_named(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_snapshot *snapshot = NULL;
    pbase_error_init(&err);
    uint64_t last = put("a", 1, 1);
    assert_int_equal(open_at(last + 5, &snapshot, &err), PBASE_NOT_FOUND);
    assert_string_equal(err.message, "there is no commit 7 yet; the newest is 2");
    fixture_end(&f);
    open_keeping("storage.retention_count=0"); /* nothing is kept but what is needed */
    (void)put("a", 1, 1);
    last = put("a", 1, 2);
    settle();
    pbase_error_init(&err);
    assert_int_equal(open_at(last - 1, &snapshot, &err), PBASE_NOT_FOUND);
    assert_string_equal(err.message,
                        "commit 2 is no longer kept; the oldest that can be read is 3");
    assert_int_equal(value_at(last, 1), 2);
    uint64_t later = put("a", 1, 3); /* of the journal behind the newest checkpoint */
    (void)put("a", 1, 4);
    assert_int_equal(value_at(later, 1), 3);
}

static void the_count_of_kept_checkpoints_is_a_bound(void **unused)
{
    (void)unused;
    fixture_end(&f);
    open_keeping("storage.retention_count=3");
    uint64_t at[6];
    for (int64_t i = 0; i < 6; i++) {
        at[i] = put("a", 1, i);
        settle();
    }
    pbase_history_range range;
    assert_int_equal(pbase_history_describe(f.space, &range, NULL), PBASE_OK);
    assert_int_equal(range.checkpoints, 3);
    assert_int_equal(range.oldest_sequence, at[3]);
    assert_int_equal(value_at(at[3], 1), 3);
    assert_int_equal(value_at(at[4], 1), 4);
    fixture_reopen(&f);
    assert_int_equal(oldest(), at[3]);
    assert_int_equal(value_at(at[4], 1), 4);
}

static void what_is_open_stays_readable_when_it_is_no_longer_kept(void **unused)
{
    (void)unused;
    fixture_end(&f);
    open_keeping("storage.retention_count=1");
    uint64_t one = put("a", 1, 1);
    (void)put("a", 1, 2);
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(open_at(one, &snapshot, NULL), PBASE_OK);
    settle();
    assert_true(oldest() > one);
    assert_int_equal(read_key(snapshot, 1), 1);
    pbase_snapshot_close(snapshot);
}

static void a_query_reads_the_past(void **unused)
{
    (void)unused;
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_value row;
    uint64_t one = put("a", 1, 10);
    (void)put("a", 2, 20);
    assert_int_equal(open_at(one, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_query_parse(NULL, pbase_bytes_text("from a | count"), &query, NULL),
                     PBASE_OK);
    assert_int_equal(pbase_query_run(query, snapshot, NULL, &result, NULL), PBASE_OK);
    assert_int_equal(pbase_result_next(result, &row, NULL), PBASE_OK);
    const pbase_value *count = pbase_value_field(&row, pbase_bytes_text("count"));
    assert_int_equal(count->as.integer, 1);
    pbase_result_close(result);
    pbase_query_destroy(query);
    pbase_snapshot_close(snapshot);
}

/* ---------------------------------------------------------------------------------- times ---- */

static void a_time_leads_to_the_last_commit_at_or_before_it(void **unused)
{
    (void)unused;
    uint64_t sequences[6];
    int64_t times[6];
    for (int64_t i = 0; i < 6; i++) {
        pbase_snapshot *snapshot = NULL;
        sequences[i] = put("a", 1, i);
        assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
        times[i] = pbase_snapshot_time(snapshot);
        pbase_snapshot_close(snapshot);
        if (i % 2 == 0) {
            settle();
        }
    }
    for (unsigned i = 0; i < 6; i++) {
        for (int64_t more = 0; more < 2; more++) { /* between it and the next, too */
            pbase_snapshot *snapshot = NULL;
            pbase_moment at = pbase_moment_of_time(times[i] + more);
            bool is_next = i < 5 && times[i] + more == times[i + 1];
            assert_int_equal(pbase_snapshot_open_at(f.database, &at, NULL, &snapshot, NULL),
                             PBASE_OK);
            assert_int_equal(pbase_snapshot_sequence(snapshot), sequences[i + is_next]);
            pbase_snapshot_close(snapshot);
        }
    }
    pbase_error err;
    pbase_error_init(&err);
    pbase_snapshot *snapshot = NULL;
    pbase_moment early = pbase_moment_of_time(-1);
    assert_int_equal(pbase_snapshot_open_at(f.database, &early, NULL, &snapshot, &err),
                     PBASE_NOT_FOUND);
    assert_non_null(strstr(err.message, "no longer kept"));
}

static void a_moment_is_a_number_or_a_time(void **unused)
{
    (void)unused;
    pbase_moment at;
    assert_int_equal(pbase_moment_parse("18446744073709551615", &at, NULL), PBASE_OK);
    assert_true(at.is_time == 0 && at.sequence == UINT64_MAX);
    assert_int_equal(pbase_moment_parse("1970-01-01T00:00:01Z", &at, NULL), PBASE_OK);
    assert_true(at.is_time != 0 && at.time_ns == 1000000000);
    static const char *const wrong[] = {"", "x", "12x", "-1", "18446744073709551616", "1970-01-01"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        pbase_error err;
        pbase_error_init(&err);
        assert_int_equal(pbase_moment_parse(wrong[i], &at, &err), PBASE_INVALID);
        assert_true(err.hint[0] != '\0');
    }
}

/* ------------------------------------------------------------------------------------ age ---- */

#define MINUTE_NS (UINT64_C(60) * 1000000000u)
#define AGED 6u         /* commits, */
#define AGED_MINUTES 25 /* so far from one to the next, */
#define KEPT_MINUTES 60 /* of which this much is kept */

static void pass_minutes(sim_os *sim, uint64_t minutes)
{
    const pbase_os *os = sim_os_interface(sim);
    os->system->sleep_ns(os, minutes * MINUTE_NS);
}

static uint64_t sequence_at(int64_t time_ns, int64_t *out_value)
{
    pbase_snapshot *snapshot = NULL;
    pbase_moment at = pbase_moment_of_time(time_ns);
    if (pbase_snapshot_open_at(f.database, &at, NULL, &snapshot, NULL) != PBASE_OK) {
        return 0;
    }
    uint64_t sequence = pbase_snapshot_sequence(snapshot);
    *out_value = read_key(snapshot, 1);
    pbase_snapshot_close(snapshot);
    return sequence;
}

/* Commit i put the value i. Those from `first` on are there, by sequence and by time, those before are not. */
static void assert_kept_from(size_t first, const uint64_t *sequences, const int64_t *times)
{
    assert_int_equal(oldest(), sequences[first]);
    for (size_t i = 0; i < AGED; i++) {
        pbase_snapshot *snapshot = NULL;
        int64_t value = -1;
        if (i < first) {
            assert_int_equal(open_at(sequences[i], &snapshot, NULL), PBASE_NOT_FOUND);
            assert_int_equal(sequence_at(times[i], &value), 0);
        } else {
            assert_int_equal(value_at(sequences[i], 1), (int64_t)i);
            assert_int_equal(sequence_at(times[i], &value), sequences[i]);
            assert_int_equal(value, (int64_t)i);
        }
    }
}

static void open_keeping_an_hour(sim_os *sim)
{
    fixture_end(&f);
    fixture_prepare(&f, "/space", sim_os_interface(sim));
    fixture_set(&f, "storage.journal_segment_size=64KiB");
    fixture_set(&f, "storage.retention_age=1h");
    fixture_open(&f);
}

/* What was there an hour ago is reached from the checkpoint before that, which stays. */
static void what_is_older_than_the_age_is_let_go_of_at_the_next_checkpoint(void **unused)
{
    (void)unused;
    uint64_t sequences[AGED];
    int64_t times[AGED];
    sim_os *sim = sim_os_create(1);
    open_keeping_an_hour(sim);
    for (size_t i = 0; i < AGED; i++) {
        pbase_snapshot *snapshot = NULL;
        pass_minutes(sim, AGED_MINUTES);
        sequences[i] = put("a", 1, (int64_t)i);
        assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
        times[i] = pbase_snapshot_time(snapshot);
        pbase_snapshot_close(snapshot);
        settle();
    }
    assert_kept_from(AGED - 2 - KEPT_MINUTES / AGED_MINUTES, sequences, times);
    pass_minutes(sim, AGED_MINUTES);
    assert_kept_from(AGED - 2 - KEPT_MINUTES / AGED_MINUTES, sequences, times);
    (void)put("a", 2, 0);
    settle();
    assert_kept_from(AGED - 1 - KEPT_MINUTES / AGED_MINUTES, sequences, times);
    fixture_reopen(&f);
    assert_kept_from(AGED - 1 - KEPT_MINUTES / AGED_MINUTES, sequences, times);
    pass_minutes(sim, 100 * AGED_MINUTES);
    (void)put("a", 2, 1);
    settle();
    assert_true(oldest() > sequences[AGED - 1]);
    fixture_end(&f);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
    open_keeping("storage.retention_count=0");
}

/* ------------------------------------------------------------------------------ databases ---- */

static void the_past_of_a_database_is_its_own_whatever_it_is_called(void **unused)
{
    (void)unused;
    pbase_snapshot *snapshot = NULL;
    uint64_t before = put("a", 1, 1);
    assert_int_equal(pbase_database_rename(f.space, "main", "shop", NULL), PBASE_OK);
    assert_int_equal(pbase_database_create(f.space, "main", NULL), PBASE_OK);
    uint64_t after = newest();
    assert_int_equal(value_at(before, 1), 1); /* the handle is of the one that is "shop" now */
    assert_int_equal(value_at(after, 1), 1);
    pbase_moment then = pbase_moment_of_sequence(before), now = pbase_moment_of_sequence(after);
    assert_int_equal(pbase_snapshot_open_named(f.space, "main", &then, NULL, &snapshot, NULL),
                     PBASE_OK);
    assert_int_equal(read_key(snapshot, 1), 1);
    pbase_snapshot_close(snapshot);
    assert_int_equal(pbase_snapshot_open_named(f.space, "main", &now, NULL, &snapshot, NULL),
                     PBASE_OK);
    assert_int_equal(read_key(snapshot, 1), INT64_MIN);
    pbase_snapshot_close(snapshot);
    assert_int_equal(pbase_snapshot_open_named(f.space, "shop", &then, NULL, &snapshot, NULL),
                     PBASE_NOT_FOUND);
}

static void a_dropped_database_can_be_read_as_of_before(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_snapshot *snapshot = NULL;
    pbase_error_init(&err);
    uint64_t before = put("a", 1, 1);
    assert_int_equal(pbase_database_drop(f.space, "main", NULL), PBASE_OK);
    assert_int_equal(value_at(before, 1), 1);
    assert_int_equal(open_at(newest(), &snapshot, &err), PBASE_NOT_FOUND);
    assert_non_null(strstr(err.message, "did not exist at commit 3"));
}

static void a_branch_has_no_past_before_it_was_made(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_snapshot *snapshot = NULL;
    pbase_database *fork = NULL;
    pbase_error_init(&err);
    uint64_t before = put("a", 1, 1);
    assert_int_equal(pbase_database_branch(f.space, "main", "fork", NULL), PBASE_OK);
    uint64_t made = newest();
    (void)put("a", 1, 2);
    assert_int_equal(pbase_database_open(f.space, "fork", &fork, NULL), PBASE_OK);
    pbase_moment then = pbase_moment_of_sequence(before), at = pbase_moment_of_sequence(made);
    assert_int_equal(pbase_snapshot_open_at(fork, &then, NULL, &snapshot, &err), PBASE_NOT_FOUND);
    assert_string_equal(err.message, "database 'fork' did not exist at commit 2");
    assert_string_equal(err.hint, "commit 3 made it");
    assert_int_equal(pbase_snapshot_open_at(fork, &at, NULL, &snapshot, NULL), PBASE_OK);
    assert_int_equal(read_key(snapshot, 1), 1);
    pbase_snapshot_close(snapshot);
    pbase_database_close(fork);
}

/* -------------------------------------------------------------------------------- history ---- */

typedef struct {
    char text[2000];
    unsigned count;
} teller;

static pbase_status hear(void *state, const pbase_commit_info *commit, pbase_error *err)
{
    static const char *const kinds[] = {"commit", "create", "drop", "rename", "snapshot", "branch"};
    teller *self = state;
    size_t used = strlen(self->text);
    (void)err;
    self->count++;
    assert_true(commit->time_ns > 0 && commit->bytes > 0);
    (void)snprintf(self->text + used, sizeof self->text - used, "%llu %s %s %s %llu\n",
                   (unsigned long long)commit->sequence, kinds[commit->kind], commit->database,
                   commit->origin, (unsigned long long)commit->operations);
    return PBASE_OK;
}

static void history_tells_every_commit_that_is_kept(void **unused)
{
    (void)unused;
    teller all = {.count = 0}, some = {.count = 0};
    (void)put("a", 1, 1);
    assert_int_equal(pbase_database_branch(f.space, "main", "fork", NULL), PBASE_OK);
    settle();
    assert_int_equal(pbase_database_rename(f.space, "main", "shop", NULL), PBASE_OK);
    pbase_database_close(f.database);
    assert_int_equal(pbase_database_open(f.space, "shop", &f.database, NULL), PBASE_OK);
    (void)put("a", 2, 2);
    assert_int_equal(pbase_database_snapshot(f.space, "shop", "then", NULL), PBASE_OK);
    assert_int_equal(pbase_database_drop(f.space, "fork", NULL), PBASE_OK);
    assert_int_equal(pbase_history(f.space, 0, UINT64_MAX, NULL, hear, &all, NULL), PBASE_OK);
    assert_string_equal(all.text, "1 create main  1\n"
                                  "2 commit main  2\n"
                                  "3 branch fork main 1\n"
                                  "4 rename shop main 1\n"
                                  "5 commit shop  1\n"
                                  "6 snapshot then shop 1\n"
                                  "7 drop fork  1\n");
    assert_int_equal(pbase_history(f.space, 2, 3, NULL, hear, &some, NULL), PBASE_OK);
    assert_string_equal(some.text, "2 commit main  2\n3 branch fork main 1\n");
    assert_int_equal(pbase_history(f.space, 99, 100, NULL, hear, &some, NULL), PBASE_NOT_FOUND);
}

static pbase_status cancel(void *state, const pbase_commit_info *commit, pbase_error *err)
{
    (void)commit;
    ++*(unsigned *)state;
    return PBASE_FAIL(err, PBASE_CANCELLED, "enough");
}

static void a_listener_that_has_heard_enough_ends_the_history(void **unused)
{
    (void)unused;
    unsigned calls = 0;
    (void)put("a", 1, 1);
    assert_int_equal(pbase_history(f.space, 0, UINT64_MAX, NULL, cancel, &calls, NULL),
                     PBASE_CANCELLED);
    assert_int_equal(calls, 1);
}

static pbase_status pass_over(void *state, const pbase_commit_info *commit, pbase_error *err)
{
    (void)state;
    (void)err;
    return commit->sequence > 0 ? PBASE_OK : PBASE_INTERNAL;
}

static atomic_bool writer_ended;

static void *let_go_of_the_past(void *unused)
{
    for (int64_t i = 0; i < 150; i++) {
        (void)put("a", 1, i);
        settle();
    }
    atomic_store(&writer_ended, true);
    return unused;
}

static void history_from_the_oldest_on_is_told_while_it_is_let_go_of(void **unused)
{
    (void)unused;
    pthread_t writer;
    fixture_end(&f);
    open_keeping("storage.retention_count=1");
    atomic_store(&writer_ended, false);
    (void)put("a", 0, 0);
    assert_int_equal(pthread_create(&writer, NULL, let_go_of_the_past, NULL), 0);
    while (!atomic_load(&writer_ended)) {
        pbase_error err;
        pbase_error_init(&err);
        assert_ok(pbase_history(f.space, 0, UINT64_MAX, NULL, pass_over, NULL, &err), &err);
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
}

/* ---------------------------------------------------------------------------------- model ---- */

#define MODEL_KEYS 12
#define MODEL_COMMITS_MAX 4000u

/* Root "a" after each commit. */
typedef struct {
    int64_t values[MODEL_KEYS]; /* INT64_MIN: none */
} model_state;

static model_state *model;

static void check_past(uint64_t sequence)
{
    pbase_snapshot *snapshot = NULL;
    pbase_error err;
    pbase_error_init(&err);
    if (sequence < oldest()) {
        assert_int_equal(open_at(sequence, &snapshot, NULL), PBASE_NOT_FOUND);
        return;
    }
    pbase_status status = open_at(sequence, &snapshot, &err);
    assert_ok(status, &err);
    for (int64_t key = 0; key < MODEL_KEYS; key++) {
        assert_int_equal(read_key(snapshot, key), model[sequence].values[key]);
    }
    pbase_snapshot_close(snapshot);
}

static void change_something(seed_random *random)
{
    int64_t key = (int64_t)(seed_below(random, MODEL_KEYS));
    model_state next = model[newest()];
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "a");
    pbase_value k = pbase_value_int(key);
    if (seed_below(random, 4) == 0 && next.values[key] != INT64_MIN) {
        assert_int_equal(pbase_dict_remove(&dict, &k, NULL, NULL), PBASE_OK);
        next.values[key] = INT64_MIN;
    } else {
        next.values[key] = (int64_t)(seed_below(random, 1000));
        fixture_put(&dict, key, next.values[key]);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    model[newest()] = next;
}

static void every_kept_state_equals_what_was_remembered(void **unused)
{
    (void)unused;
    static const char *const kept[] = {"storage.retention_bytes=1GiB", "storage.retention_count=4",
                                       "storage.retention_bytes=8KiB"};
    unsigned rounds = seed_is_long_run() ? 1500 : 150;
    seed_random random;
    seed_random_init(&random, seed_for("every_kept_state_equals_what_was_remembered"));
    model = calloc(MODEL_COMMITS_MAX, sizeof *model);
    fixture_end(&f);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        open_keeping(kept[i]);
        for (int64_t key = 0; key < MODEL_KEYS; key++) {
            model[0].values[key] = model[1].values[key] = INT64_MIN;
        }
        for (unsigned round = 0; round < rounds; round++) {
            change_something(&random);
            if (seed_below(&random, 9) == 0) {
                settle();
            }
            if (seed_below(&random, 23) == 0) {
                fixture_reopen(&f);
            }
            check_past(1 + seed_below(&random, newest()));
        }
        for (uint64_t sequence = 1; sequence <= newest(); sequence++) {
            check_past(sequence);
        }
        assert_true((i == 0) == (oldest() == 0));
        fixture_end(&f);
    }
    free(model);
    open_keeping("storage.retention_count=0");
}

/* ------------------------------------------------------------------------------- failures ---- */

static void fail_at_every_call(os_call kind, pbase_status code)
{
    sim_os *sim = sim_os_create(1);
    fixture_end(&f);
    fixture_prepare(&f, "/space", sim_os_interface(sim));
    fixture_set(&f, "storage.retention_bytes=1GiB");
    fixture_open(&f);
    uint64_t wanted = put("a", 1, 1), n = 0;
    pbase_status status = code;
    while (status != PBASE_OK && n++ < 2000) {
        pbase_snapshot *snapshot = NULL;
        (void)put("a", 1, (int64_t)n + 1);
        fixture_reopen(&f); /* nothing is remembered */
        sim_os_fail_at(sim, kind, n, code, false);
        status = open_at(wanted, &snapshot, NULL);
        sim_os_fail_at(sim, kind, 0, PBASE_OK, false);
        assert_true(status == PBASE_OK || status == code);
        if (status == PBASE_OK) {
            assert_int_equal(read_key(snapshot, 1), 1);
        }
        pbase_snapshot_close(snapshot);
        assert_int_equal(value_at(wanted, 1), 1);
    }
    print_message("%llu calls\n", (unsigned long long)n);
    assert_true(n > (kind == OS_CALL_MEMORY ? 10 : 1) && n < 2000);
    fixture_end(&f);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
    open_keeping("storage.retention_count=0");
}

static void reading_the_past_survives_every_failing_allocation(void **unused)
{
    (void)unused;
    fail_at_every_call(OS_CALL_MEMORY, PBASE_NO_MEMORY);
}

static void reading_the_past_survives_every_failing_call(void **unused)
{
    (void)unused;
    fail_at_every_call(OS_CALL_READ, PBASE_IO);
}

static void a_reader_whose_time_is_up_says_so(void **unused)
{
    (void)unused;
    pbase_snapshot *snapshot = NULL;
    uint32_t cancelled = 1;
    pbase_call call = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
    pbase_moment at = pbase_moment_of_sequence(put("a", 1, 1));
    (void)put("a", 1, 2);
    assert_int_equal(pbase_snapshot_open_at(f.database, &at, &call, &snapshot, NULL),
                     PBASE_CANCELLED);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_state_of_the_past_is_read_as_it_was),
        SENTENCE(outside_of_what_is_kept_the_nearest_is_named),
        SENTENCE(the_count_of_kept_checkpoints_is_a_bound),
        SENTENCE(what_is_open_stays_readable_when_it_is_no_longer_kept),
        SENTENCE(a_query_reads_the_past),
        SENTENCE(a_time_leads_to_the_last_commit_at_or_before_it),
        SENTENCE(a_moment_is_a_number_or_a_time),
        SENTENCE(what_is_older_than_the_age_is_let_go_of_at_the_next_checkpoint),
        SENTENCE(the_past_of_a_database_is_its_own_whatever_it_is_called),
        SENTENCE(a_dropped_database_can_be_read_as_of_before),
        SENTENCE(a_branch_has_no_past_before_it_was_made),
        SENTENCE(history_tells_every_commit_that_is_kept),
        SENTENCE(a_listener_that_has_heard_enough_ends_the_history),
        SENTENCE(history_from_the_oldest_on_is_told_while_it_is_let_go_of),
        SENTENCE(every_kept_state_equals_what_was_remembered),
        SENTENCE(reading_the_past_survives_every_failing_allocation),
        SENTENCE(reading_the_past_survives_every_failing_call),
        SENTENCE(a_reader_whose_time_is_up_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
