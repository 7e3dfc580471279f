/* test_load_beside.c - loads that are written beside whoever fills them (side_writer): whatever fails, ends or
 * is given up meanwhile, all of a load is there or nothing, and nothing is left behind. */
#include "seed.h"
#include "sim_os.h"
#include "space_fixture.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static space_fixture f;
static sim_os *sim;

static int begin(void **unused)
{
    (void)unused;
    sim = sim_os_create(seed_for("core.txn.load_beside"));
    fixture_prepare(&f, "/space", sim_os_interface(sim));
    fixture_set(&f, "storage.blocks.segment_size=1MiB");
    fixture_set(&f, "storage.journal_segment_size=64KiB");
    fixture_set(&f, "storage.map=never");
    fixture_open(&f);
    return 0;
}

/* Nothing that was taken from the machine is left, threads included: each has memory. */
static int end(void **unused)
{
    (void)unused;
    fixture_close(&f);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
    return 0;
}

#define RECORDS 30000 /* 3 MB: a thread is begun after the first megabyte */
#define VALUE_BYTES 100u

static pbase_bytes value_of(int64_t key)
{
    static uint8_t bytes[VALUE_BYTES];
    memset(bytes, (int)(key % 251), sizeof bytes);
    (void)snprintf((char *)bytes, sizeof bytes, "value of %" PRId64, key);
    return pbase_bytes_of(bytes, sizeof bytes);
}

/* Begins a load and puts the first `count` records, in order or not. */
static pbase_status fill(bool spread, int64_t count, pbase_txn **txn, pbase_dict **dict)
{
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = PBASE_DURABILITY_SYNC;
    options.memory_bytes_max = spread ? 1u << 20 : 0; /* runs, each written as a tree */
    pbase_status status = pbase_txn_begin(f.database, &options, txn, NULL);
    status = status == PBASE_OK ? pbase_txn_new_dict(*txn, dict, NULL) : status;
    for (int64_t i = 0; i < count && status == PBASE_OK; i++) {
        int64_t key = spread ? i * 7919 % RECORDS : i;
        pbase_value named = pbase_value_int(key);
        status = pbase_dict_put_bytes(dict, &named, value_of(key), NULL, NULL);
    }
    return status;
}

static pbase_status load(bool spread)
{
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    pbase_status status = fill(spread, RECORDS, &txn, &dict);
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "load", dict, NULL) : status;
    pbase_dict_close(dict);
    status = status == PBASE_OK ? pbase_txn_commit(&txn, NULL, NULL, NULL) : status;
    pbase_txn_abort(&txn);
    sim_os_settle(sim); /* no power is cut here; what may be lost makes reading slow */
    return status;
}

static void expect_all(void)
{
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(fixture_count(&f, "load"), RECORDS);
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_dict(snapshot, "load", &dict, NULL), PBASE_OK);
    for (int64_t key = 0; key < RECORDS; key += 13) {
        pbase_value named = pbase_value_int(key), found;
        assert_int_equal(pbase_dict_get(dict, &named, &arena, &found, NULL), PBASE_OK);
        assert_true(pbase_bytes_equal(found.as.string, value_of(key)));
        pbase_arena_reset(&arena);
    }
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
}

static void drop(void)
{
    pbase_compact_report report;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_drop_root(txn, "load", NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(pbase_space_compact(f.space, NULL, &report, NULL), PBASE_OK);
}

static uint64_t threads(void)
{
    return sim_os_calls(sim, OS_CALL_THREAD);
}

/* ------------------------------------------------------------------------------------ tests ---- */

static void a_load_of_megabytes_has_one_thread_beside_it(void **unused)
{
    (void)unused;
    for (int spread = 0; spread < 2; spread++) {
        uint64_t before = threads();
        assert_int_equal(load(spread == 1), PBASE_OK);
        assert_int_equal(threads(), before + 1);
        expect_all();
        fixture_reopen(&f);
        expect_all();
        drop();
    }
}

static void a_load_that_gets_no_thread_is_written_all_the_same(void **unused)
{
    (void)unused;
    for (int spread = 0; spread < 2; spread++) {
        sim_os_fail_at(sim, OS_CALL_THREAD, 1, PBASE_LIMIT, true);
        assert_int_equal(load(spread == 1), PBASE_OK);
        sim_os_fail_at(sim, OS_CALL_THREAD, 0, PBASE_OK, false);
        fixture_reopen(&f);
        expect_all();
        fixture_assert_clean(&f);
        drop();
    }
}

/* The disk is full from some write on, most of which come from the thread beside: the load says so, nothing of
 * it is seen, and with room again the same space takes it. */
static void a_disk_that_fills_up_under_a_load_is_told_and_leaves_nothing(void **unused)
{
    uint64_t refused = 0;
    (void)unused;
    for (uint64_t share = 1; share < 20; share += seed_is_long_run() ? 1 : 3) {
        assert_int_equal(fixture_put_one(&f, "other", 1, (int64_t)share), PBASE_OK);
        uint64_t used = sim_os_disk_used(sim);
        sim_os_disk_limit(sim, used + share * RECORDS * VALUE_BYTES / 16);
        pbase_status status = load(share % 2 == 0);
        sim_os_disk_limit(sim, 0);
        if (status == PBASE_OK) {
            expect_all();
            drop();
            continue;
        }
        refused++;
        assert_int_equal(status, PBASE_NO_SPACE);
        assert_int_equal(fixture_count(&f, "load"), 0);
        assert_int_equal(fixture_get(&f, "other", 1), share);
        fixture_assert_clean(&f);
        assert_int_equal(load(share % 2 == 0), PBASE_OK);
        expect_all();
        drop();
        fixture_reopen(&f);
    }
    assert_true(refused >= 3);
}

/* One write fails, each of them once: the load says so, or there was somebody to write it again. */
static void a_write_that_fails_once_fails_the_load_or_is_done_again(void **unused)
{
    bool has_failed = true;
    uint64_t failures = 0;
    (void)unused;
    for (uint64_t n = 1; has_failed; n += seed_is_long_run() ? 1 : 1 + n / 4) {
        uint64_t calls = sim_os_calls(sim, OS_CALL_WRITE);
        sim_os_fail_at(sim, OS_CALL_WRITE, n, PBASE_IO, false);
        pbase_status status = load(n % 2 == 0);
        has_failed = sim_os_calls(sim, OS_CALL_WRITE) - calls >= n;
        sim_os_fail_at(sim, OS_CALL_WRITE, 0, PBASE_OK, false);
        failures += status != PBASE_OK;
        fixture_reopen(&f); /* a failed flush is not tried again before */
        uint64_t count = fixture_count(&f, "load");
        assert_true(count == RECORDS || (count == 0 && status != PBASE_OK));
        fixture_assert_clean(&f);
        if (count != 0) {
            expect_all();
            drop();
        }
    }
    assert_true(failures > 3);
}

/* Memory fails at a request, whichever thread makes it. */
static void memory_that_fails_under_a_load_fails_the_load_alone(void **unused)
{
    (void)unused;
    pbase_status status = PBASE_NO_MEMORY;
    for (uint64_t n = 1; status != PBASE_OK || n < 2000; n += seed_is_long_run() ? 1 : 1 + n / 5) {
        sim_os_fail_at(sim, OS_CALL_MEMORY, n, PBASE_NO_MEMORY, false);
        status = load(n % 2 == 0);
        sim_os_fail_at(sim, OS_CALL_MEMORY, 0, PBASE_OK, false);
        if (status == PBASE_UNKNOWN) {
            fixture_reopen(&f);
        }
        uint64_t count = fixture_count(&f, "load");
        assert_true(count == RECORDS || (count == 0 && status != PBASE_OK));
        fixture_assert_clean(&f);
        if (count != 0) {
            expect_all();
            drop();
        }
    }
}

/* Given up at `count` records, with writes under way; the space is closed at once. Returns how many threads there
 * were beside it. */
static uint64_t give_up(bool spread, int64_t count)
{
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    uint64_t before = threads();
    assert_int_equal(fill(spread, count, &txn, &dict), PBASE_OK);
    uint64_t begun = threads() - before;
    if (count % 3 == 0) { /* the transaction has it as well */
        assert_int_equal(pbase_txn_store_dict(txn, "load", dict, NULL), PBASE_OK);
    }
    pbase_dict_close(dict);
    pbase_txn_abort(&txn);
    fixture_reopen(&f);
    assert_int_equal(fixture_count(&f, "load"), 0);
    return begun;
}

static void a_load_given_up_while_it_is_written_leaves_nothing(void **unused)
{
    uint64_t begun = 0;
    (void)unused;
    for (int64_t i = 0; i < 6; i++) {
        begun += give_up(true, RECORDS - 1777 * i);
        begun += give_up(false, RECORDS - 431 * i);
    }
    assert_int_equal(begun, 12);
    pbase_compact_report report;
    assert_int_equal(pbase_space_compact(f.space, NULL, &report, NULL), PBASE_OK);
    assert_true(sim_os_disk_used(sim) < (2u << 20)); /* each of them wrote more than 1 MB */
    fixture_assert_clean(&f);
    assert_int_equal(load(true), PBASE_OK);
    expect_all();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_load_of_megabytes_has_one_thread_beside_it),
        TEST(a_load_that_gets_no_thread_is_written_all_the_same),
        TEST(a_disk_that_fills_up_under_a_load_is_told_and_leaves_nothing),
        TEST(a_write_that_fails_once_fails_the_load_or_is_done_again),
        TEST(memory_that_fails_under_a_load_fails_the_load_alone),
        TEST(a_load_given_up_while_it_is_written_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
