/* test_crash_compact.c - power cuts and failing calls while space is given back, on the simulated disk.
 *
 * Rounds of commits write every key anew, or some of them, so that whole segments are dead or parts of
 * them, each followed by a checkpoint or a compaction. The power is cut at calls all over it; what comes
 * up has the last acknowledged round whole, or the one after it, and can be compacted again. */
#include "planted.h"
#include "seed.h"
#include "sim_os.h"
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS 40u
#define ROUNDS 8u
#define VALUE_BYTES 3000u
#define FUTURES 3u

static void prepare(space_fixture *fixture, sim_os *sim)
{
    fixture_prepare(fixture, "/space", sim_os_interface(sim));
    fixture_set(fixture, "storage.blocks.segment_size=64KiB");
    fixture_set(fixture, "storage.journal_segment_size=1MiB");
    fixture_set(fixture, "storage.durability=sync");
}

/* Every round but the first leaves some keys alone: another part each time. */
static bool writes(uint32_t round, uint32_t key)
{
    return round == 1 || key % 5 != round % 5;
}

/* The round that wrote a key last. */
static uint32_t last_written(uint32_t round, uint32_t key)
{
    while (!writes(round, key)) {
        round--;
    }
    return round;
}

static pbase_status write_round(space_fixture *fixture, uint32_t round)
{
    static char text[VALUE_BYTES];
    pbase_error err;
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    pbase_error_init(&err);
    memset(text, 'a' + (int)round, sizeof text);
    pbase_status status = pbase_txn_begin(fixture->database, NULL, &txn, &err);
    if (status != PBASE_OK) {
        return status;
    }
    status = pbase_txn_dict(txn, "d", &dict, &err);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_dict(txn, &dict, &err);
    }
    for (uint32_t key = 0; key < KEYS && status == PBASE_OK; key++) {
        pbase_value name = pbase_value_int(key);
        pbase_value value = pbase_value_string(pbase_bytes_of(text, sizeof text));
        status = writes(round, key) ? pbase_dict_put(&dict, &name, &value, NULL, &err) : status;
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_dict(txn, "d", dict, &err);
    }
    pbase_dict_close(dict);
    if (status == PBASE_OK) {
        return pbase_txn_commit(&txn, NULL, NULL, &err);
    }
    pbase_txn_abort(&txn);
    return status;
}

/* The round that a key tells. */
static uint32_t round_of_key(const pbase_dict *dict, uint32_t key, pbase_arena *arena)
{
    pbase_error err;
    pbase_value name = pbase_value_int(key), value;
    pbase_error_init(&err);
    pbase_arena_reset(arena);
    assert_ok(pbase_dict_get(dict, &name, arena, &value, &err), &err);
    assert_int_equal(value.as.string.size, VALUE_BYTES);
    for (size_t i = 1; i < VALUE_BYTES; i++) {
        assert_int_equal(value.as.string.data[i], value.as.string.data[0]);
    }
    return (uint32_t)(value.as.string.data[0] - 'a');
}

/* The round after which every key was as it is; 0: the dictionary is not there. */
static uint32_t round_of(space_fixture *fixture)
{
    pbase_error err;
    pbase_arena arena;
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    uint32_t found[KEYS], round = 0;
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_ok(pbase_snapshot_open(fixture->database, &snapshot, &err), &err);
    pbase_status status = pbase_snapshot_dict(snapshot, "d", &dict, &err);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    for (uint32_t key = 0; key < KEYS && status == PBASE_OK; key++) {
        found[key] = round_of_key(dict, key, &arena);
        round = found[key] > round ? found[key] : round;
    }
    for (uint32_t key = 0; key < KEYS && status == PBASE_OK; key++) {
        assert_int_equal(found[key], last_written(round, key));
    }
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
    return round;
}

/* What compactions gave back. */
typedef struct {
    uint64_t segments;
    uint64_t holes; /* that they made within others */
} gains;

/* As far as the machine goes; yields the last round that was acknowledged. */
static uint32_t play(space_fixture *fixture, gains *gained)
{
    uint32_t acknowledged = 0;
    pbase_compact_report report;
    pbase_status status = fixture_try_open(fixture, NULL);
    for (uint32_t round = 1; round <= ROUNDS && status == PBASE_OK; round++) {
        status = write_round(fixture, round);
        acknowledged = status == PBASE_OK ? round : acknowledged;
        if (status == PBASE_OK && round % 3 != 1) {
            status = pbase_space_compact(fixture->space, NULL, &report, NULL);
            gained->segments += status == PBASE_OK ? report.freed_segments : 0;
        } else if (status == PBASE_OK) {
            status = pbase_space_checkpoint(fixture->space, NULL, NULL);
        }
    }
    return acknowledged;
}

static void judge(sim_os *future, uint32_t acknowledged)
{
    space_fixture fixture;
    pbase_error err;
    pbase_compact_report report;
    pbase_error_init(&err);
    prepare(&fixture, future);
    fixture_open(&fixture);
    uint32_t round = round_of(&fixture);
    assert_true(round == acknowledged || round == acknowledged + 1);
    fixture_assert_clean(&fixture);
    assert_ok(pbase_space_compact(fixture.space, NULL, &report, &err), &err);
    assert_int_equal(round_of(&fixture), round);
    fixture_close(&fixture);
    fixture_open(&fixture);
    assert_int_equal(round_of(&fixture), round);
    fixture_assert_clean(&fixture);
    fixture_close(&fixture);
}

static void judge_planted(void **unused)
{
    (void)unused;
    gains gained = {0, 0};
    space_fixture fixture;
    sim_os *sim = sim_os_create(1);
    sim_os_flushes_lie(sim);
    prepare(&fixture, sim);
    uint32_t acknowledged = play(&fixture, &gained);
    judge(sim_os_crash_bare(sim), acknowledged);
}

static void a_disk_that_lies_about_flushes_is_found(void **unused)
{
    (void)unused;
    planted_is_found(judge_planted, "round == acknowledged || round == acknowledged + 1");
}

/* False when the machine did not get as far as call `n`. */
static bool cut_at(uint64_t n, uint64_t seed, gains *gained)
{
    sim_os *sim = sim_os_create(seed), *future;
    space_fixture fixture;
    sim_crash crash;
    prepare(&fixture, sim);
    sim_os_crash_at(sim, n);
    uint32_t acknowledged = play(&fixture, gained);
    bool crashed = sim_os_has_crashed(sim);
    gained->holes += sim_os_calls(sim, OS_CALL_PUNCH);
    sim_crash_begin(&crash, sim, FUTURES, seed + n);
    while (crashed && (future = sim_crash_next(&crash)) != NULL) {
        judge(future, acknowledged);
        sim_os_destroy(future);
    }
    fixture_close(&fixture);
    sim_os_destroy(sim);
    return crashed;
}

static void a_power_cut_at_any_call_loses_nothing_that_was_acknowledged(void **unused)
{
    (void)unused;
    uint64_t seed = seed_for("compact"), cuts = 0;
    gains gained = {0, 0};
    uint64_t step = seed_is_long_run() ? 1 : 61;
    for (uint64_t n = 1 + seed % step; cut_at(n, seed, &gained); n += step) {
        cuts++;
    }
    print_message(
        "%llu cuts; before them %llu segments given back, and %llu holes made in others\n",
        (unsigned long long)cuts, (unsigned long long)gained.segments,
        (unsigned long long)gained.holes);
    assert_true(cuts > 8 && gained.segments > 10 && gained.holes > 10);
}

static void fail_every_call_of_a_compaction(os_call kind, pbase_status code)
{
    uint64_t failed = 0;
    pbase_status status = code;
    for (uint64_t n = 1; status != PBASE_OK && n < 4000; n += n < 150 ? 1 : 7) {
        sim_os *sim = sim_os_create(n);
        space_fixture fixture;
        pbase_error err;
        pbase_compact_report report;
        pbase_error_init(&err);
        prepare(&fixture, sim);
        fixture_open(&fixture);
        for (uint32_t round = 1; round <= 4; round++) {
            assert_int_equal(write_round(&fixture, round), PBASE_OK);
            assert_ok(pbase_space_checkpoint(fixture.space, NULL, &err), &err);
        }
        sim_os_fail_at(sim, kind, n, code, false);
        status = pbase_space_compact(fixture.space, NULL, &report, &err);
        sim_os_fail_at(sim, kind, 0, PBASE_OK, false);
        assert_true(status == PBASE_OK || status == code);
        failed += status != PBASE_OK;
        assert_int_equal(round_of(&fixture), 4);
        fixture_reopen(&fixture);
        assert_int_equal(round_of(&fixture), 4);
        assert_ok(pbase_space_compact(fixture.space, NULL, &report, &err), &err);
        fixture_assert_clean(&fixture);
        fixture_close(&fixture);
        assert_int_equal(sim_os_memory_used(sim), 0);
        sim_os_destroy(sim);
    }
    print_message("%llu calls failed\n", (unsigned long long)failed);
    assert_true(failed > 0 && status == PBASE_OK);
}

static void a_compaction_survives_every_failing_allocation(void **unused)
{
    (void)unused;
    fail_every_call_of_a_compaction(OS_CALL_MEMORY, PBASE_NO_MEMORY);
}

static void a_compaction_survives_every_removal_that_fails(void **unused)
{
    (void)unused;
    fail_every_call_of_a_compaction(OS_CALL_REMOVE, PBASE_IO);
}

static void a_compaction_survives_every_hole_that_fails(void **unused)
{
    (void)unused;
    fail_every_call_of_a_compaction(OS_CALL_PUNCH, PBASE_IO);
}

/* It is not asked again; whole segments are removed all the same. */
static void where_holes_cannot_be_made_segments_are_still_removed(void **unused)
{
    (void)unused;
    sim_os *sim = sim_os_create(1);
    space_fixture fixture;
    pbase_error err;
    pbase_compact_report report;
    uint64_t freed = 0;
    pbase_error_init(&err);
    prepare(&fixture, sim);
    fixture_open(&fixture);
    sim_os_fail_at(sim, OS_CALL_PUNCH, 1, PBASE_UNSUPPORTED, true);
    uint64_t before = sim_os_calls(sim, OS_CALL_PUNCH);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        assert_int_equal(write_round(&fixture, round), PBASE_OK);
        assert_ok(pbase_space_compact(fixture.space, NULL, &report, &err), &err);
        freed += report.freed_segments;
    }
    assert_int_equal(sim_os_calls(sim, OS_CALL_PUNCH), before + 1);
    assert_true(freed > 2);
    assert_int_equal(round_of(&fixture), ROUNDS);
    fixture_assert_clean(&fixture);
    fixture_close(&fixture);
    sim_os_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_lies_about_flushes_is_found),
        cmocka_unit_test(a_power_cut_at_any_call_loses_nothing_that_was_acknowledged),
        cmocka_unit_test(a_compaction_survives_every_failing_allocation),
        cmocka_unit_test(a_compaction_survives_every_removal_that_fails),
        cmocka_unit_test(a_compaction_survives_every_hole_that_fails),
        cmocka_unit_test(where_holes_cannot_be_made_segments_are_still_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
