/* test_adopt.c - large transactions: memory is bounded, content is adopted, and nothing else changes. */
#include "seed.h"
#include "sim_os.h"
#include "space_case.h"
#include <inttypes.h>
#include <protobase/base/limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Bounds so small that everything happens early. */
#define SMALL_LOG 2000u
#define SMALL_MEMORY 65536u

static pbase_txn *begin_small(space_fixture *space)
{
    pbase_txn *txn = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.log_bytes_max = SMALL_LOG;
    options.memory_bytes_max = SMALL_MEMORY;
    assert_int_equal(pbase_txn_begin(space->database, &options, &txn, NULL), PBASE_OK);
    return txn;
}

/* Puts first..end-1 in an order that is not theirs, each key with `sign` times itself. */
static void put_range(pbase_dict **dict, int64_t first, int64_t last, int64_t sign)
{
    int64_t count = last - first;
    for (int64_t i = 0; i < count; i++) {
        int64_t key = first + i * 7919 % count; /* a prime: every key once */
        fixture_put(dict, key, sign * key);
    }
}

static void put_in(pbase_txn *txn, const char *name, int64_t first, int64_t last, int64_t sign)
{
    pbase_dict *dict = fixture_dict(txn, name);
    put_range(&dict, first, last, sign);
    assert_int_equal(pbase_txn_store_dict(txn, name, dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
}

/* Every key of first..last-1 has `sign` times itself. */
static void expect_range(space_fixture *space, const char *name, int64_t first, int64_t last,
                         int64_t sign)
{
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_snapshot_open(space->database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_dict(snapshot, name, &dict, NULL), PBASE_OK);
    for (int64_t key = first; key < last; key++) {
        pbase_value k = pbase_value_int(key), v;
        assert_int_equal(pbase_dict_get(dict, &k, &arena, &v, NULL), PBASE_OK);
        assert_int_equal(v.as.integer, sign * key);
        pbase_arena_reset(&arena);
    }
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
}

typedef struct {
    const char *name;
    uint64_t value;
} figure;

static pbase_status find_figure(void *state, const char *name, uint64_t value, const char *unit,
                                pbase_error *err)
{
    figure *wanted = state;
    (void)unit;
    (void)err;
    if (strcmp(name, wanted->name) == 0) {
        wanted->value = value;
    }
    return PBASE_OK;
}

static uint64_t stat_of(space_fixture *space, const char *name)
{
    figure wanted = {name, 0};
    assert_int_equal(pbase_space_stats(space->space, find_figure, &wanted, NULL), PBASE_OK);
    return wanted.value;
}

/* --------------------------------------------------------------------------------- content ---- */

static void a_new_collection_past_the_bounds_is_adopted(void **unused)
{
    (void)unused;
    uint64_t before = stat_of(&f, "record_bytes_appended");
    pbase_txn *txn = begin_small(&f);
    put_in(txn, "large", 0, 8000, 1);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_true(stat_of(&f, "record_bytes_appended") - before < 4096 * 2); /* no operations in it */
    assert_int_equal(fixture_count(&f, "large"), 8000);
    expect_range(&f, "large", 0, 8000, 1);
    fixture_assert_clean(&f);
    assert_int_equal(fixture_put_one(&f, "large", 5, 50), PBASE_OK); /* and it goes on */
    assert_int_equal(fixture_get(&f, "large", 5), 50);
}

static void an_old_collection_past_the_bounds_gets_new_content(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    put_in(txn, "large", 0, 3000, 1);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = begin_small(&f);
    put_in(txn, "large", 1000, 9000, -1);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_count(&f, "large"), 9000);
    expect_range(&f, "large", 0, 1000, 1);
    expect_range(&f, "large", 1000, 9000, -1);
}

static void a_large_transaction_reads_what_it_wrote(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_small(&f);
    pbase_dict *dict = fixture_dict(txn, "large");
    pbase_arena arena;
    uint64_t count = 0;
    pbase_arena_init(&arena, pbase_alloc_default());
    put_range(&dict, 0, 5000, 1);
    pbase_dict *kept = NULL;
    assert_int_equal(pbase_dict_keep(dict, &kept, NULL), PBASE_OK);
    put_range(&dict, 4000, 9000, -1);
    for (int64_t key = 0; key < 9000; key += 13) {
        pbase_value k = pbase_value_int(key), v;
        assert_int_equal(pbase_dict_get(dict, &k, &arena, &v, NULL), PBASE_OK);
        assert_int_equal(v.as.integer, key < 4000 ? key : -key);
    }
    assert_int_equal(pbase_dict_count(kept, &count, NULL), PBASE_OK);
    assert_int_equal(count, 5000); /* a version somebody keeps stays what it was */
    assert_int_equal(pbase_txn_store_dict(txn, "kept", kept, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "large", dict, NULL), PBASE_OK);
    pbase_dict_close(kept);
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    expect_range(&f, "kept", 0, 5000, 1);
    expect_range(&f, "large", 4000, 9000, -1);
}

/* Puts of a bulk dictionary wait for each other until somebody looks, whichever way. */
static void what_waits_is_seen_by_every_way_of_reading(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_small(&f);
    pbase_dict *dict = fixture_dict(txn, "large"), *kept = NULL;
    pbase_arena arena;
    pbase_cursor *cursor = NULL;
    pbase_value key, value;
    uint64_t count = 0;
    bool there = false;
    pbase_arena_init(&arena, pbase_alloc_default());
    put_range(&dict, 0, 3000, 1); /* past the bound: from here on it is bulk */
    for (int64_t i = 0; i < 200; i++) {
        fixture_put(&dict, 5000 - i, i); /* descending: nothing to append */
        key = pbase_value_int(5000 - i);
        switch (i % 8) {
        case 0:
            assert_int_equal(pbase_dict_get(dict, &key, &arena, &value, NULL), PBASE_OK);
            assert_int_equal(value.as.integer, i);
            break;
        case 1:
            assert_int_equal(pbase_dict_has(dict, &key, &there, NULL), PBASE_OK);
            assert_true(there);
            break;
        case 2:
            assert_int_equal(pbase_dict_count(dict, &count, NULL), PBASE_OK);
            assert_int_equal(count, 3000 + i + 1);
            break;
        case 3: {
            pbase_range range = {.struct_size = sizeof range, .from = &key};
            assert_int_equal(pbase_dict_count_range(dict, &range, &count, NULL), PBASE_OK);
            assert_int_equal(count, i + 1);
            break;
        }
        case 4: {
            pbase_range range = {.struct_size = sizeof range, .from = &key};
            assert_int_equal(pbase_dict_cursor(dict, &range, &cursor, NULL), PBASE_OK);
            assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
            assert_int_equal(pbase_cursor_value(cursor, &value, NULL), PBASE_OK);
            assert_int_equal(value.as.integer, i);
            pbase_cursor_close(cursor);
            break;
        }
        case 5:
            value = pbase_value_int(i);
            assert_int_equal(pbase_dict_put(&dict, &key, &value, &there, NULL), PBASE_OK);
            assert_true(there);
            break;
        case 6:
            assert_int_equal(pbase_dict_remove(&dict, &key, &there, NULL), PBASE_OK);
            assert_true(there);
            fixture_put(&dict, 5000 - i, i);
            break;
        default:
            assert_int_equal(pbase_dict_keep(dict, &kept, NULL), PBASE_OK);
            fixture_put(&dict, 5000 - i, -1); /* not in what was kept */
            assert_int_equal(pbase_dict_get(kept, &key, &arena, &value, NULL), PBASE_OK);
            assert_int_equal(value.as.integer, i);
            pbase_dict_close(kept);
            fixture_put(&dict, 5000 - i, i);
            break;
        }
    }
    assert_int_equal(pbase_txn_store_dict(txn, "large", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_count(&f, "large"), 3200);
    assert_int_equal(fixture_get(&f, "large", 4801), 199);
}

/* How many occurrences a counted set has in all. */
static uint64_t committed_total(const char *name)
{
    pbase_snapshot *snapshot = NULL;
    pbase_counted_set *counted = NULL;
    uint64_t total = 0;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_counted_set(snapshot, name, &counted, NULL), PBASE_OK);
    assert_int_equal(pbase_counted_set_total(counted, &total, NULL), PBASE_OK);
    pbase_counted_set_close(counted);
    pbase_snapshot_close(snapshot);
    return total;
}

static void every_kind_is_adopted(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_small(&f);
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_counted_set *counted = NULL;
    pbase_hash_dict *hash = NULL;
    pbase_multi_dict *multi = NULL;
    assert_int_equal(pbase_txn_new_counted_set(txn, &counted, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_hash_dict(txn, &hash, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_multi_dict(txn, &multi, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_set(txn, &set, NULL), PBASE_OK);
    for (int64_t i = 0; i < 5000; i++) {
        pbase_value value = pbase_value_int(i);
        assert_int_equal(pbase_list_insert(&list, i / 2, &value, NULL), PBASE_OK);
        assert_int_equal(pbase_set_add(&set, &value, NULL, NULL), PBASE_OK);
        assert_int_equal(pbase_counted_set_add(&counted, &value, 3, NULL, NULL), PBASE_OK);
        assert_int_equal(pbase_hash_dict_put(&hash, &value, &value, NULL, NULL), PBASE_OK);
        assert_int_equal(pbase_multi_dict_add(&multi, &value, &value, 3, NULL, NULL), PBASE_OK);
    }
    assert_int_equal(pbase_txn_store_hash_dict(txn, "hash", hash, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_hash_dict(txn, "hash copy", hash, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_multi_dict(txn, "multi", multi, NULL), PBASE_OK);
    pbase_hash_dict_close(hash);
    pbase_multi_dict_close(multi);
    assert_int_equal(pbase_txn_store_counted_set(txn, "counted", counted, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_counted_set(txn, "copy", counted, NULL), PBASE_OK);
    pbase_counted_set_close(counted);
    assert_int_equal(pbase_txn_store_list(txn, "list", list, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_set(txn, "set", set, NULL), PBASE_OK);
    pbase_list_close(list);
    pbase_set_close(set);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_count(&f, "list"), 5000);
    assert_int_equal(fixture_count(&f, "set"), 5000);
    assert_int_equal(fixture_count(&f, "hash"), 5000);
    assert_int_equal(fixture_count(&f, "hash copy"), 5000);
    assert_int_equal(fixture_count(&f, "multi"), 5000);
    assert_int_equal(committed_total("counted"), 15000);
    assert_int_equal(committed_total("copy"), 15000);
}

static void a_collection_emptied_past_the_bounds_is_empty(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    put_in(txn, "large", 0, 2000, 1);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = begin_small(&f);
    pbase_dict *dict = fixture_dict(txn, "large");
    for (int64_t key = 0; key < 2000; key++) {
        pbase_value k = pbase_value_int(key);
        assert_int_equal(pbase_dict_remove(&dict, &k, NULL, NULL), PBASE_OK);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "large", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_count(&f, "large"), 0);
    assert_int_equal(fixture_put_one(&f, "large", 1, 1), PBASE_OK);
    assert_int_equal(fixture_count(&f, "large"), 1);
}

/* `entries` of "from" stored under "to" as well. */
static void copy_root(int64_t entries)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    put_in(txn, "from", 0, entries, 1);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "from");
    assert_int_equal(pbase_txn_store_dict(txn, "to", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static void a_copied_collection_shares_nothing_with_its_origin(void **unused)
{
    (void)unused;
    copy_root(12000);
    fixture_assert_clean(&f);
    assert_int_equal(fixture_put_one(&f, "from", 1, 100), PBASE_OK);
    assert_int_equal(fixture_get(&f, "to", 1), 1);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_drop_root(txn, "from", NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    expect_range(&f, "to", 0, 12000, 1);
}

static void a_short_copy_stands_in_the_record(void **unused)
{
    (void)unused;
    copy_root(100);
    uint64_t written = stat_of(&f, "atoms_written");
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "from");
    assert_int_equal(pbase_txn_store_dict(txn, "third", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(stat_of(&f, "atoms_written"), written);
    expect_range(&f, "third", 0, 100, 1);
}

static void one_new_collection_under_two_roots_becomes_two(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_small(&f);
    pbase_dict *dict = fixture_dict(txn, "one");
    put_range(&dict, 0, 6000, 1);
    assert_int_equal(pbase_txn_store_dict(txn, "one", dict, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "two", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "one", 1, 100), PBASE_OK);
    expect_range(&f, "two", 0, 6000, 1);
    fixture_assert_clean(&f); /* it would find a node that two slots share and only one counts */
}

/* ------------------------------------------------------------------------------- conflicts ---- */

static void new_content_conflicts_with_any_other_change_of_the_collection(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "large", -1, 1), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "other", -1, 1), PBASE_OK);
    pbase_txn *loses = begin_small(&f);
    put_in(loses, "large", 0, 3000, 1);
    assert_int_equal(fixture_put_one(&f, "large", -2, 2), PBASE_OK);
    assert_int_equal(fixture_commit(&loses), PBASE_CONFLICT);
    assert_int_equal(fixture_count(&f, "large"), 2);

    pbase_txn *wins = begin_small(&f);
    put_in(wins, "large", 0, 3000, 1);
    assert_int_equal(fixture_put_one(&f, "other", -2, 2), PBASE_OK); /* another one: fine */
    pbase_txn *late = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    put_in(late, "large", 9000, 9001, 1);
    assert_int_equal(fixture_commit(&wins), PBASE_OK);
    assert_int_equal(fixture_commit(&late), PBASE_CONFLICT);
    assert_int_equal(fixture_count(&f, "large"), 3002);
}

static void an_aborted_large_transaction_leaves_nothing_but_dead_space(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "large", -1, 1), PBASE_OK);
    pbase_txn *txn = begin_small(&f);
    put_in(txn, "large", 0, 8000, 1);
    put_in(txn, "new", 0, 8000, 1);
    pbase_txn_abort(&txn);
    assert_int_equal(fixture_count(&f, "large"), 1);
    assert_int_equal(fixture_count(&f, "new"), 0);
    assert_int_equal(fixture_put_one(&f, "large", -2, 1), PBASE_OK);
    fixture_assert_clean(&f);
}

static void a_nested_large_transaction_is_folded(void **unused)
{
    (void)unused;
    pbase_txn *outer = begin_small(&f), *inner = NULL;
    put_in(outer, "large", 0, 3000, 1);
    assert_int_equal(pbase_txn_begin_nested(outer, NULL, &inner, NULL), PBASE_OK);
    put_in(inner, "large", 3000, 6000, 1);
    assert_int_equal(fixture_commit(&inner), PBASE_OK);
    assert_int_equal(pbase_txn_begin_nested(outer, NULL, &inner, NULL), PBASE_OK);
    put_in(inner, "large", 0, 9000, -1);
    pbase_txn_abort(&inner);
    put_in(outer, "large", 6000, 9000, 1);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    assert_int_equal(fixture_count(&f, "large"), 9000);
    expect_range(&f, "large", 0, 9000, 1);
}

static void adopted_content_survives_reopening_and_settling(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_small(&f);
    put_in(txn, "large", 0, 9000, 1);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    fixture_reopen(&f);
    expect_range(&f, "large", 0, 9000, 1);
    assert_int_equal(fixture_put_one(&f, "large", 9000, 9000), PBASE_OK);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    fixture_reopen(&f);
    expect_range(&f, "large", 0, 9001, 1);
}

/* Large transactions, small ones and checkpoints at once: settling trees that share atoms is what
 * they have to keep apart. */
typedef struct {
    const char *root;
    int64_t rounds;
    bool large;
    _Atomic bool *stop;
    _Atomic int *wrong;
} writer;

static void *write_often(void *argument)
{
    const writer *self = argument;
    for (int64_t round = 1; round <= self->rounds; round++) {
        pbase_txn *txn = NULL;
        pbase_dict *dict = NULL;
        pbase_txn_options options = pbase_txn_options_default();
        options.log_bytes_max = self->large ? SMALL_LOG : 0;
        options.memory_bytes_max = self->large ? 8192 : 0;
        pbase_status status = pbase_txn_begin(f.database, &options, &txn, NULL);
        status = status == PBASE_OK ? pbase_txn_dict(txn, self->root, &dict, NULL) : status;
        for (int64_t i = 0; i < (self->large ? 1500 : 5) && status == PBASE_OK; i++) {
            pbase_value k = pbase_value_int(i * 7919 % 1500), v = pbase_value_int(round);
            status = pbase_dict_put(&dict, &k, &v, NULL, NULL);
        }
        status = status == PBASE_OK ? pbase_txn_store_dict(txn, self->root, dict, NULL) : status;
        pbase_dict_close(dict);
        status = status == PBASE_OK ? pbase_txn_commit(&txn, NULL, NULL, NULL) : status;
        pbase_txn_abort(&txn);
        atomic_fetch_add(self->wrong, status != PBASE_OK);
    }
    return NULL;
}

static void *checkpoint_often(void *argument)
{
    const writer *self = argument;
    while (!atomic_load(self->stop)) {
        atomic_fetch_add(self->wrong, pbase_space_checkpoint(f.space, NULL, NULL) != PBASE_OK);
    }
    return NULL;
}

static void large_and_small_transactions_and_checkpoints_keep_apart(void **unused)
{
    (void)unused;
    _Atomic bool stop = false;
    _Atomic int wrong = 0;
    int64_t rounds = seed_is_long_run() ? 200 : 8;
    writer writers[] = {{"one", rounds, true, &stop, &wrong},
                        {"two", rounds, true, &stop, &wrong},
                        {"small", rounds * 10, false, &stop, &wrong},
                        {NULL, 0, false, &stop, &wrong}};
    pthread_t threads[4];
    for (size_t i = 0; i < 3; i++) {
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        put_in(txn, writers[i].root, 0, 1500, 0);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
    }
    for (size_t i = 0; i < 4; i++) {
        void *(*run)(void *) = i < 3 ? write_often : checkpoint_often;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &writers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        atomic_store(&stop, i == 3);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(wrong, 0);
    fixture_assert_clean(&f);
    fixture_reopen(&f);
    assert_int_equal(fixture_get(&f, "one", 1499), rounds);
    assert_int_equal(fixture_get(&f, "two", 0), rounds);
    assert_int_equal(fixture_get(&f, "small", 0), rounds * 10);
    assert_int_equal(fixture_count(&f, "one"), 1500);
}

/* Every kept state is read again, from the checkpoint before it. */
static void the_past_of_adopted_content_is_kept(void **unused)
{
    (void)unused;
    fixture_close(&f);
    fixture_set(&f, "storage.retention_count=100");
    fixture_open(&f);
    uint64_t sequences[6];
    for (int64_t i = 0; i < 6; i++) {
        pbase_txn *txn = begin_small(&f);
        put_in(txn, "large", 0, 1000 * (i + 1), i + 1);
        assert_int_equal(pbase_txn_commit(&txn, NULL, &sequences[i], NULL), PBASE_OK);
        if (i % 2 == 0) {
            assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        }
    }
    for (int64_t i = 0; i < 6; i++) {
        pbase_moment at = pbase_moment_of_sequence(sequences[i]);
        pbase_snapshot *snapshot = NULL;
        pbase_dict *dict = NULL;
        uint64_t count = 0;
        assert_int_equal(pbase_snapshot_open_at(f.database, &at, NULL, &snapshot, NULL), PBASE_OK);
        assert_int_equal(pbase_snapshot_dict(snapshot, "large", &dict, NULL), PBASE_OK);
        assert_int_equal(pbase_dict_count(dict, &count, NULL), PBASE_OK);
        assert_int_equal(count, 1000 * (i + 1));
        pbase_arena arena;
        pbase_value key = pbase_value_int(7), value;
        pbase_arena_init(&arena, pbase_alloc_default());
        assert_int_equal(pbase_dict_get(dict, &key, &arena, &value, NULL), PBASE_OK);
        assert_int_equal(value.as.integer, 7 * (i + 1));
        pbase_arena_fini(&arena);
        pbase_dict_close(dict);
        pbase_snapshot_close(snapshot);
    }
}

/* ----------------------------------------------------------------------- the simulated machine ---- */

static sim_os *sim;

static int begin_sim(void **unused)
{
    (void)unused;
    sim = sim_os_create(1);
    fixture_prepare(&f, "/space", sim_os_interface(sim));
    fixture_set(&f, "storage.blocks.segment_size=256KiB");
    fixture_set(&f, "storage.journal_segment_size=64KiB");
    fixture_set(&f, "storage.map=never");
    fixture_set(&f, "storage.object_cache_size=64KiB");
    fixture_set(&f, "storage.bytes_cache_size=64KiB");
    fixture_open(&f);
    return 0;
}

static int end_sim(void **unused)
{
    (void)unused;
    sim_os_fail_at(sim, OS_CALL_ANY, 0, PBASE_OK, false);
    fixture_close(&f);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
    return 0;
}

/* What counts is the allocator's figure: all memory of the library goes through it. */
static void memory_stays_bounded_however_much_is_written(void **unused)
{
    (void)unused;
    const size_t bound = 2u << 20;
    int64_t count = seed_is_long_run() ? 800000 : 20000;
    uint8_t bytes[100];
    seed_random random;
    seed_random_init(&random, seed_for("core.txn.adopt"));
    pbase_txn *txn = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.log_bytes_max = bound / 8;
    options.memory_bytes_max = bound / 4;
    size_t before = sim_os_memory_used(sim), most = 0;
    assert_int_equal(pbase_txn_begin(f.database, &options, &txn, NULL), PBASE_OK);
    pbase_dict *dict = fixture_dict(txn, "large");
    for (int64_t i = 0; i < count; i++) {
        pbase_value key = pbase_value_int((int64_t)seed_next(&random));
        seed_fill(&random, bytes, sizeof bytes);
        assert_int_equal(
            pbase_dict_put_bytes(&dict, &key, pbase_bytes_of(bytes, sizeof bytes), NULL, NULL),
            PBASE_OK);
        size_t used = sim_os_memory_used(sim);
        most = used > most ? used : most;
    }
    assert_int_equal(pbase_txn_store_dict(txn, "large", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    print_message("%zu bytes before, at most %zu\n", before, most);
    assert_true(most - before < (seed_is_long_run() ? 3 : 1) * bound); /* merging up to 64 runs
                                                                            holds a path of each */
    assert_int_equal(fixture_count(&f, "large"), (uint64_t)count);
}

/* Ten collections, each past the memory bound but none past that of its log: what waits for the
 * commit is bounded too. */
static void versions_that_wait_for_commit_are_bounded_too(void **unused)
{
    (void)unused;
    pbase_txn *txn = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.memory_bytes_max = 128u << 10;
    assert_int_equal(pbase_txn_begin(f.database, &options, &txn, NULL), PBASE_OK);
    uint64_t most = 0;
    for (int i = 0; i < 40; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "r%d", i);
        put_in(txn, name, 0, 2000, 1);
        uint64_t held = stat_of(&f, "memory_atom_bytes");
        most = held > most ? held : most;
    }
    assert_true(most < 4 * options.memory_bytes_max);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    for (int i = 0; i < 40; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "r%d", i);
        expect_range(&f, name, 0, 2000, 1);
    }
}

/* Each collection is within its bound, all of them together are more than one record takes. */
static void collections_that_are_too_much_for_one_record_are_adopted(void **unused)
{
    (void)unused;
    enum { COLLECTIONS = 6, VALUES = 960, VALUE_BYTES = 65536 };
    if (!seed_is_long_run()) {
        skip(); /* it takes a gigabyte */
    }
    static uint8_t bytes[VALUE_BYTES];
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    for (int i = 0; i < COLLECTIONS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "r%d", i);
        pbase_dict *dict = fixture_dict(txn, name);
        for (int64_t key = 0; key < VALUES; key++) {
            pbase_value k = pbase_value_int(key);
            bytes[0] = (uint8_t)key;
            assert_int_equal(
                pbase_dict_put_bytes(&dict, &k, pbase_bytes_of(bytes, sizeof bytes), NULL, NULL),
                PBASE_OK);
        }
        assert_int_equal(pbase_txn_store_dict(txn, name, dict, NULL), PBASE_OK);
        pbase_dict_close(dict);
    }
    uint64_t before = stat_of(&f, "record_bytes_appended");
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_true(stat_of(&f, "record_bytes_appended") - before < 300u << 20);
    fixture_reopen(&f);
    for (int i = 0; i < COLLECTIONS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "r%d", i);
        assert_int_equal(fixture_count(&f, name), VALUES);
    }
}

/* One large transaction; what it leaves behind depends on its status alone. */
static pbase_status write_large(int64_t sign)
{
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.log_bytes_max = 200;
    options.memory_bytes_max = 8192;
    pbase_status status = pbase_txn_begin(f.database, &options, &txn, NULL);
    status = status == PBASE_OK ? pbase_txn_dict(txn, "large", &dict, NULL) : status;
    for (int64_t key = 0; key < 400 && status == PBASE_OK; key++) {
        pbase_value k = pbase_value_int(key), v = pbase_value_int(sign * key);
        status = pbase_dict_put(&dict, &k, &v, NULL, NULL);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "large", dict, NULL) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "copy", dict, NULL) : status;
    pbase_dict_close(dict);
    if (status == PBASE_OK) {
        return pbase_txn_commit(&txn, NULL, NULL, NULL);
    }
    pbase_txn_abort(&txn);
    return status;
}

/* The sign that every key of "large" has; both roots agree. */
static int64_t sign_there(void)
{
    int64_t sign = fixture_get(&f, "large", 1);
    expect_range(&f, "large", 0, 400, sign);
    assert_int_equal(fixture_get(&f, "copy", 1), sign == 1 ? INT64_MIN : sign);
    return sign;
}

static void make_large(void)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    put_in(txn, "large", 0, 400, 1);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

/* Back to where it began, without the copy. */
static void undo_large(void)
{
    if (fixture_get(&f, "large", 1) == -1) {
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        put_in(txn, "large", 0, 400, 1);
        assert_int_equal(pbase_txn_drop_root(txn, "copy", NULL), PBASE_OK);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
    }
}

static void a_large_transaction_survives_every_failing_allocation(void **unused)
{
    (void)unused;
    make_large();
    bool more = true;
    uint64_t n = 1;
    for (; more; n += n < 60 ? 1 : 29) {
        uint64_t before = sim_os_calls(sim, OS_CALL_MEMORY);
        sim_os_fail_at(sim, OS_CALL_MEMORY, n, PBASE_NO_MEMORY, false);
        pbase_status status = write_large(-1);
        sim_os_fail_at(sim, OS_CALL_MEMORY, 0, PBASE_OK, false);
        more = sim_os_calls(sim, OS_CALL_MEMORY) - before >= n;
        if (status == PBASE_UNKNOWN) { /* it failed under a flush, which is not tried again */
            fixture_reopen(&f);
            status = sign_there() == -1 ? PBASE_OK : PBASE_NO_MEMORY;
        }
        assert_true(status == PBASE_OK || (status == PBASE_NO_MEMORY && more));
        assert_int_equal(sign_there(), status == PBASE_OK ? -1 : 1);
        undo_large();
    }
    assert_true(n > 100);
    print_message("about %" PRIu64 " allocations\n", n);
    fixture_assert_clean(&f);
}

static void a_large_transaction_survives_every_failing_call(void **unused)
{
    (void)unused;
    make_large();
    bool more = true;
    uint64_t n = 1;
    for (; more; n++) {
        uint64_t before = sim_os_calls(sim, OS_CALL_ANY);
        sim_os_fail_at(sim, OS_CALL_ANY, n, PBASE_IO, false);
        pbase_status status = write_large(-1);
        sim_os_fail_at(sim, OS_CALL_ANY, 0, PBASE_OK, false);
        more = sim_os_calls(sim, OS_CALL_ANY) - before >= n;
        fixture_reopen(&f);
        int64_t sign = sign_there();
        assert_true(status != PBASE_OK || sign == -1);
        fixture_assert_clean(&f);
        undo_large();
    }
    assert_true(n > 5);
    print_message("%" PRIu64 " calls\n", n - 2);
}

/* Power goes after the commit was acknowledged: the journal is replayed. */
static void adopted_content_is_there_after_a_power_cut(void **unused)
{
    (void)unused;
    make_large();
    assert_int_equal(write_large(-1), PBASE_OK);
    sim_crash crash;
    sim_crash_begin(&crash, sim, 20, seed_for("core.txn.adopt crash"));
    space_fixture running = f;
    sim_os *machine = sim;
    for (sim_os *next = sim_crash_next(&crash); next != NULL; next = sim_crash_next(&crash)) {
        sim = next;
        fixture_prepare(&f, "/space", sim_os_interface(next));
        fixture_open(&f);
        assert_int_equal(sign_there(), -1);
        fixture_assert_clean(&f);
        fixture_close(&f);
        sim_os_destroy(next);
    }
    f = running;
    sim = machine;
}

#define IN_MEMORY(test)                                                                            \
    {                                                                                              \
        "memory: " #test, test, begin_memory, end, NULL                                            \
    }
#define ON_FILES(test)                                                                             \
    {                                                                                              \
        "file: " #test, test, begin_file, end, NULL                                                \
    }
#define ON_BOTH(test) IN_MEMORY(test), ON_FILES(test)
#define SIMULATED(test) cmocka_unit_test_setup_teardown(test, begin_sim, end_sim)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_new_collection_past_the_bounds_is_adopted),
        ON_BOTH(an_old_collection_past_the_bounds_gets_new_content),
        ON_BOTH(a_large_transaction_reads_what_it_wrote),
        ON_BOTH(what_waits_is_seen_by_every_way_of_reading),
        ON_BOTH(every_kind_is_adopted),
        ON_BOTH(a_collection_emptied_past_the_bounds_is_empty),
        ON_BOTH(a_copied_collection_shares_nothing_with_its_origin),
        ON_BOTH(a_short_copy_stands_in_the_record),
        ON_BOTH(one_new_collection_under_two_roots_becomes_two),
        ON_BOTH(new_content_conflicts_with_any_other_change_of_the_collection),
        ON_BOTH(an_aborted_large_transaction_leaves_nothing_but_dead_space),
        ON_BOTH(a_nested_large_transaction_is_folded),
        ON_FILES(adopted_content_survives_reopening_and_settling),
        ON_FILES(the_past_of_adopted_content_is_kept),
        ON_FILES(large_and_small_transactions_and_checkpoints_keep_apart),
        ON_FILES(collections_that_are_too_much_for_one_record_are_adopted),
        SIMULATED(memory_stays_bounded_however_much_is_written),
        SIMULATED(versions_that_wait_for_commit_are_bounded_too),
        SIMULATED(a_large_transaction_survives_every_failing_allocation),
        SIMULATED(a_large_transaction_survives_every_failing_call),
        SIMULATED(adopted_content_is_there_after_a_power_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
