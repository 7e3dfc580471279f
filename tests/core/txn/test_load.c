/* test_load.c - new collections filled by one transaction: long ones are written once, in order or not,
 * and whatever is done in between, what is there is what was put. */
#include "seed.h"
#include "sim_os.h"
#include "space_case.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
    wanted->value = strcmp(name, wanted->name) == 0 ? value : wanted->value;
    return PBASE_OK;
}

static uint64_t stat_of(const char *name)
{
    figure wanted = {name, 0};
    assert_int_equal(pbase_space_stats(f.space, find_figure, &wanted, NULL), PBASE_OK);
    return wanted.value;
}

#define VALUE_BYTES 100u

/* The value of a key at its `version`. */
static pbase_bytes value_of(int64_t key, int64_t version)
{
    static uint8_t bytes[VALUE_BYTES];
    memset(bytes, (int)(key % 251), sizeof bytes);
    (void)snprintf((char *)bytes, sizeof bytes, "%" PRId64 " of %" PRId64, version, key);
    return pbase_bytes_of(bytes, sizeof bytes);
}

static void put(pbase_dict **dict, int64_t key, int64_t version)
{
    pbase_value named = pbase_value_int(key);
    assert_int_equal(pbase_dict_put_bytes(dict, &named, value_of(key, version), NULL, NULL),
                     PBASE_OK);
}

static void expect(const pbase_dict *dict, int64_t key, int64_t version)
{
    pbase_value named = pbase_value_int(key), found;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_dict_get(dict, &named, &arena, &found, NULL), PBASE_OK);
    assert_true(pbase_bytes_equal(found.as.string, value_of(key, version)));
    pbase_arena_fini(&arena);
}

/* Keys 0..count-1, each once. `spread`: in an order that is not theirs. */
static int64_t key_at(int64_t index, int64_t count, bool spread)
{
    return spread ? index * 7919 % count : index;
}

static pbase_dict *new_dict(pbase_txn *txn)
{
    pbase_dict *dict = NULL;
    assert_int_equal(pbase_txn_new_dict(txn, &dict, NULL), PBASE_OK);
    return dict;
}

static void store(pbase_txn *txn, const char *name, pbase_dict *dict)
{
    assert_int_equal(pbase_txn_store_dict(txn, name, dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
}

static void expect_root(const char *name, int64_t count, int64_t version)
{
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    uint64_t there = 0;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_dict(snapshot, name, &dict, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_count(dict, &there, NULL), PBASE_OK);
    assert_int_equal(there, count);
    for (int64_t key = 0; key < count; key += 1 + count / 2000) {
        expect(dict, key, version);
    }
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
}

/* ------------------------------------------------------------------------------- written once -- */

#define LONG 30000 /* records: 3 MB */

static void load(const char *name, int64_t count, bool spread)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = new_dict(txn);
    for (int64_t i = 0; i < count; i++) {
        put(&dict, key_at(i, count, spread), 1);
    }
    store(txn, name, dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static void assert_written_once(bool spread)
{
    uint64_t records = stat_of("record_bytes_appended"), atoms = stat_of("atom_bytes_written");
    load("long", LONG, spread);
    expect_root("long", LONG, 1);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_true(stat_of("record_bytes_appended") - records < 8192);
    uint64_t written = stat_of("atom_bytes_written") - atoms;
    assert_in_range(written, LONG * (uint64_t)VALUE_BYTES, LONG * (uint64_t)VALUE_BYTES * 14 / 10);
    fixture_reopen(&f);
    expect_root("long", LONG, 1);
}

static void a_long_load_in_order_is_written_once(void **unused)
{
    (void)unused;
    assert_written_once(false);
}

static void a_long_load_in_no_order_is_written_once(void **unused)
{
    (void)unused;
    assert_written_once(true);
}

static void a_short_load_stands_in_the_record(void **unused)
{
    (void)unused;
    uint64_t atoms = stat_of("atom_bytes_written");
    load("short", 2000, true);
    assert_int_equal(stat_of("atom_bytes_written"), atoms);
    expect_root("short", 2000, 1);
    assert_int_equal(fixture_put_one(&f, "other", 1, 1), PBASE_OK);
    fixture_reopen(&f);
    expect_root("short", 2000, 1);
}

/* ------------------------------------------------------------------------ what is in between -- */

static void keys_that_come_again_keep_their_last_value(void **unused)
{
    (void)unused;
    for (int spread = 0; spread < 2; spread++) {
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        pbase_dict *dict = new_dict(txn);
        for (int64_t version = 1; version <= 3; version++) {
            for (int64_t i = 0; i < 12000; i++) {
                put(&dict, key_at(i, 12000, spread == 1), version);
            }
        }
        store(txn, "again", dict);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        expect_root("again", 12000, 3);
    }
}

/* Reads, removals and counts between puts see every put before them. */
static void whoever_looks_meanwhile_sees_what_was_put(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("core.txn.load looks"));
    enum { KEYS = 20000 };
    int64_t *versions = calloc(KEYS, sizeof *versions);
    int64_t there = 0;
    assert_non_null(versions);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = new_dict(txn);
    for (int64_t i = 1; i <= 60000; i++) {
        int64_t key = (int64_t)seed_below(&random, KEYS);
        uint64_t what = seed_below(&random, 9000);
        put(&dict, key, i);
        there += versions[key] == 0;
        versions[key] = i;
        if (what == 0) {
            uint64_t count = 0;
            assert_int_equal(pbase_dict_count(dict, &count, NULL), PBASE_OK);
            assert_int_equal(count, there);
        } else if (what == 1) {
            pbase_value named = pbase_value_int(key);
            bool removed = false;
            assert_int_equal(pbase_dict_remove(&dict, &named, &removed, NULL), PBASE_OK);
            assert_true(removed);
            versions[key] = 0;
            there--;
        } else if (what == 2) {
            expect(dict, key, i);
        }
    }
    store(txn, "looked", dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_count(&f, "looked"), there);
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_dict(snapshot, "looked", &dict, NULL), PBASE_OK);
    for (int64_t key = 0; key < KEYS; key += 7) {
        if (versions[key] != 0) {
            expect(dict, key, versions[key]);
        }
    }
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    free(versions);
}

static void a_version_kept_while_puts_wait_goes_its_own_way(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = new_dict(txn), *kept = NULL;
    for (int64_t i = 0; i < LONG; i++) {
        put(&dict, i, 1);
        if (i == LONG / 2) {
            assert_int_equal(pbase_dict_keep(dict, &kept, NULL), PBASE_OK);
        }
    }
    put(&kept, 0, 2);
    store(txn, "whole", dict);
    store(txn, "half", kept);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    expect_root("whole", LONG, 1);
    assert_int_equal(fixture_count(&f, "half"), LONG / 2 + 1);
}

/* Operations are given up after a megabyte; a collection among the values needs them again. */
static void a_collection_can_be_put_behind_many_values(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = new_dict(txn), *inner = new_dict(txn);
    for (int64_t i = 0; i < LONG; i++) {
        put(&dict, i, 1);
    }
    put(&inner, 5, 7);
    pbase_value key = pbase_value_int(-1), value = pbase_value_of_dict(inner);
    assert_int_equal(pbase_dict_put(&dict, &key, &value, NULL, NULL), PBASE_OK);
    pbase_dict_close(inner);
    put(&dict, 3, 2);
    store(txn, "nests", dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    fixture_reopen(&f);
    pbase_snapshot *snapshot = NULL;
    pbase_collection *child = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_dict(snapshot, "nests", &dict, NULL), PBASE_OK);
    expect(dict, 3, 2);
    expect(dict, LONG - 1, 1);
    assert_int_equal(pbase_dict_child(dict, &key, 0, &child, NULL), PBASE_OK);
    expect(pbase_collection_dict(child), 5, 7);
    pbase_collection_close(child);
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
}

/* ----------------------------------------------------------------------------- many at once --- */

#define BATCH 1000

static pbase_status put_batch(pbase_dict **dict, int64_t first, bool spoilt)
{
    static uint8_t values[BATCH][VALUE_BYTES], key[70000];
    static pbase_entry entries[BATCH];
    for (int64_t i = 0; i < BATCH; i++) {
        memcpy(values[i], value_of(first + i, 1).data, VALUE_BYTES);
        entries[i].key = pbase_value_int(first + i);
        entries[i].value = pbase_value_bytes(pbase_bytes_of(values[i], VALUE_BYTES));
    }
    if (spoilt) { /* longer than a key may be */
        entries[BATCH - 1].key = pbase_value_bytes(pbase_bytes_of(key, sizeof key));
    }
    return pbase_dict_put_all(dict, entries, BATCH, NULL);
}

static void batches_wait_with_puts_and_one_that_fails_leaves_nothing(void **unused)
{
    (void)unused;
    for (int upwards = 0; upwards < 2; upwards++) {
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        pbase_dict *dict = new_dict(txn);
        for (int64_t i = 0; i < 30; i++) {
            int64_t first = (upwards == 1 ? i : 29 - i) * BATCH;
            assert_int_equal(put_batch(&dict, first + 500000, true), PBASE_LIMIT);
            assert_int_equal(put_batch(&dict, first, false), PBASE_OK);
            put(&dict, first, 1);
        }
        store(txn, "batches", dict);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        expect_root("batches", 30 * (int64_t)BATCH, 1);
    }
}

/* Long ones of the other kinds are written at once, too. */
static void long_sets_and_lists_are_written_once(void **unused)
{
    (void)unused;
    enum { COUNT = 400000 };
    pbase_value *values = calloc(COUNT, sizeof *values);
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    uint64_t records = stat_of("record_bytes_appended"), count = 0;
    assert_non_null(values);
    for (int64_t i = 0; i < COUNT; i++) {
        values[i] = pbase_value_int(i * 7919 % COUNT);
    }
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_set(txn, &set, NULL), PBASE_OK);
    assert_int_equal(pbase_list_append_all(&list, values, COUNT, NULL), PBASE_OK);
    assert_int_equal(pbase_set_add_all(&set, values, COUNT, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_list(txn, "list", list, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_set(txn, "set", set, NULL), PBASE_OK);
    pbase_list_close(list);
    pbase_set_close(set);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_true(stat_of("record_bytes_appended") - records < 8192);
    fixture_reopen(&f);
    pbase_snapshot *snapshot = NULL;
    pbase_arena arena;
    pbase_value value;
    bool has = false;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_list(snapshot, "list", &list, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_set(snapshot, "set", &set, NULL), PBASE_OK);
    assert_int_equal(pbase_list_get(list, 12345, &arena, &value, NULL), PBASE_OK);
    assert_int_equal(value.as.integer, INT64_C(12345) * 7919 % COUNT);
    assert_int_equal(pbase_set_count(set, &count, NULL), PBASE_OK);
    assert_int_equal(count, COUNT);
    value = pbase_value_int(COUNT - 1);
    assert_int_equal(pbase_set_has(set, &value, &has, NULL), PBASE_OK);
    assert_true(has);
    pbase_list_close(list);
    pbase_set_close(set);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
    free(values);
}

/* ----------------------------------------------------------------------- given up, cut, failing -- */

/* What a load that does not commit wrote is dead, and the next compaction gives it back. */
static void an_aborted_or_conflicting_load_gives_its_space_back(void **unused)
{
    (void)unused;
    pbase_compact_report report;
    fixture_close(&f);
    fixture_set(&f, "storage.blocks.segment_size=1MiB");
    fixture_open(&f);
    for (int conflicts = 0; conflicts < 2; conflicts++) {
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        pbase_dict *dict = new_dict(txn);
        for (int64_t i = 0; i < 2 * LONG; i++) {
            put(&dict, i, 1);
        }
        store(txn, "lost", dict);
        if (conflicts == 1) { /* somebody else gave the root a collection meanwhile */
            assert_int_equal(fixture_put_one(&f, "lost", 1, 1), PBASE_OK);
            assert_int_equal(fixture_commit(&txn), PBASE_CONFLICT);
        }
        pbase_txn_abort(&txn);
        assert_int_equal(fixture_put_one(&f, "other", conflicts, 1), PBASE_OK);
        assert_int_equal(pbase_space_compact(f.space, NULL, &report, NULL), PBASE_OK);
        assert_true(report.freed_bytes > LONG * (uint64_t)VALUE_BYTES);
        assert_true(stat_of("store_bytes") < (3u << 20));
    }
}

static sim_os *sim;

static void sim_space(sim_os *machine)
{
    sim = machine;
    fixture_prepare(&f, "/space", sim_os_interface(sim));
    fixture_set(&f, "storage.blocks.segment_size=64KiB");
    fixture_set(&f, "storage.journal_segment_size=64KiB");
    fixture_set(&f, "storage.map=never");
}

#define SIM_RECORDS 3000

/* A load of three hundred kilobytes; memory is so short that it is written as it comes. */
static pbase_status sim_load(bool spread)
{
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.memory_bytes_max = 98304;
    options.durability = PBASE_DURABILITY_SYNC;
    pbase_status status = pbase_txn_begin(f.database, &options, &txn, NULL);
    status = status == PBASE_OK ? pbase_txn_new_dict(txn, &dict, NULL) : status;
    for (int64_t i = 0; i < SIM_RECORDS && status == PBASE_OK; i++) {
        int64_t key = key_at(i, SIM_RECORDS, spread);
        pbase_value named = pbase_value_int(key);
        status = pbase_dict_put_bytes(&dict, &named, value_of(key, 1), NULL, NULL);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "load", dict, NULL) : status;
    pbase_dict_close(dict);
    status = status == PBASE_OK ? pbase_txn_commit(&txn, NULL, NULL, NULL) : status;
    pbase_txn_abort(&txn);
    return status;
}

/* Everything or nothing is there, everything when it was acknowledged; what nobody names can be given
 * back. */
static void sim_check(sim_os *machine, bool acknowledged, bool *out_there)
{
    pbase_compact_report report;
    sim_space(machine);
    fixture_open(&f);
    fixture_assert_clean(&f);
    uint64_t count = fixture_count(&f, "load");
    assert_true(count == SIM_RECORDS || (count == 0 && !acknowledged));
    *out_there = count != 0;
    if (count != 0) {
        expect_root("load", SIM_RECORDS, 1);
    }
    assert_int_equal(fixture_put_one(&f, "other", 1, 1), PBASE_OK);
    assert_int_equal(pbase_space_compact(f.space, NULL, &report, NULL), PBASE_OK);
    assert_true(stat_of("store_bytes") < (count == 0 ? 200000u : 900000u));
    fixture_assert_clean(&f);
    fixture_close(&f);
}

static void a_power_cut_at_any_call_of_a_load_leaves_all_of_it_or_nothing(void **unused)
{
    (void)unused;
    uint64_t states = 0, seed = seed_for("core.txn.load crash");
    for (int spread = 0; spread < 2; spread++) {
        bool cut = true, there = false;
        for (uint64_t n = 1; cut; n += n < 40 ? 1 : 3) {
            sim_os *machine = sim_os_create(seed);
            sim_space(machine);
            fixture_open(&f);
            sim_os_crash_at(machine, n);
            bool acknowledged = sim_load(spread == 1) == PBASE_OK;
            cut = sim_os_has_crashed(machine);
            fixture_close(&f);
            for (uint64_t i = 0; i < (seed_is_long_run() ? 8 : 2); i++, states++) {
                sim_os *after = sim_os_crash(machine, seed + 31 * n + i);
                sim_check(after, acknowledged, &there);
                sim_os_destroy(after);
            }
            sim_os_destroy(machine);
        }
        assert_true(there); /* the last one was not cut */
    }
    print_message("%" PRIu64 " states\n", states);
    assert_true(states > 30);
}

static void a_load_survives_every_failing_allocation(void **unused)
{
    (void)unused;
    bool there = false;
    sim_os *machine = sim_os_create(1);
    sim_space(machine);
    fixture_open(&f);
    for (uint64_t n = 1; !there; n += n < 40 ? 1 : n / 3) {
        sim_os_fail_at(machine, OS_CALL_MEMORY, n, PBASE_NO_MEMORY, false);
        pbase_status status = sim_load(n % 2 == 0);
        sim_os_fail_at(machine, OS_CALL_MEMORY, 0, PBASE_OK, false);
        if (status == PBASE_UNKNOWN) { /* it failed under a flush, which is not tried again */
            fixture_reopen(&f);
        }
        there = fixture_count(&f, "load") == SIM_RECORDS;
        assert_true(there || status != PBASE_OK);
        assert_true(there || fixture_count(&f, "load") == 0);
        fixture_assert_clean(&f);
        if (there && status != PBASE_OK) { /* after all; once more without it */
            pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
            assert_int_equal(pbase_txn_drop_root(txn, "load", NULL), PBASE_OK);
            assert_int_equal(fixture_commit(&txn), PBASE_OK);
            there = false;
        }
    }
    expect_root("load", SIM_RECORDS, 1);
    fixture_close(&f);
    assert_int_equal(sim_os_memory_used(machine), 0);
    sim_os_destroy(machine);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FILES(a_long_load_in_order_is_written_once),
        ON_FILES(a_long_load_in_no_order_is_written_once),
        ON_FILES(a_short_load_stands_in_the_record),
        ON_BOTH(keys_that_come_again_keep_their_last_value),
        ON_BOTH(whoever_looks_meanwhile_sees_what_was_put),
        ON_BOTH(a_version_kept_while_puts_wait_goes_its_own_way),
        ON_FILES(a_collection_can_be_put_behind_many_values),
        ON_BOTH(batches_wait_with_puts_and_one_that_fails_leaves_nothing),
        ON_FILES(long_sets_and_lists_are_written_once),
        ON_FILES(an_aborted_or_conflicting_load_gives_its_space_back),
        cmocka_unit_test(a_power_cut_at_any_call_of_a_load_leaves_all_of_it_or_nothing),
        cmocka_unit_test(a_load_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
