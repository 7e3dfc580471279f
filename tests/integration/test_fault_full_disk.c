/* test_fault_full_disk.c - a disk that is full, at every size: a commit that finds no room is refused
 * with NO_SPACE and not there, everything that was acknowledged is, reading and opening go on, and with
 * more room so does writing.
 *
 * The size of the simulated disk grows by a sector from one run to the next (it counts in sectors, so
 * that is every byte), from too small for an empty space until a script of commits, checkpoints and
 * compactions fits whole. Power is cut in some of them while the disk is full. The same on a real tmpfs
 * that grows by a page, where this process may mount one. Space can be given back however full the disk
 * is, once a checkpoint has made the reserve. PBASE_TEST_LONG: every size. */
#include "planted.h"
#include "seed.h"
#include "sim_os.h"
#include "steady_load.h"
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cmocka.h>

#define TRANSACTIONS 60u
#define FILL_BYTES 6000u /* of a value that stays */
#define UNSETTLED 200u   /* of them at once */
#define FILL_MAX 2000u   /* values: more than fit */
#define SIZE_FIRST (32u << 10)
#define SIZE_TIGHT (250u << 10) /* enough for a space and some commits */
#define SIZE_MAX_BYTES (8u << 20)
#define SECTORS_SHORT 23u           /* a step of the short form */
#define SIZE_RESERVED (1400u << 10) /* enough for the reserve and a first checkpoint */
#define SECTORS_RESERVED 400u       /* how many sizes from there on */
#define PAGE_BYTES 4096u
#define PAGES_SHORT 11u
#define CUT_EVERY 7u /* sizes at which the power is cut, too */
#define CUTS 3u
#define REFUSED_MAX 4u
#define LARGE_CALLS 12u          /* that write, from the first */
#define LARGE_BYTES (200u << 10) /* of a value: a frame of more than three segments */

static const load_plan plan = {.seed = 5,
                               .durability = PBASE_DURABILITY_SYNC,
                               .checkpoint_every = 4,
                               .compact_every = 14,
                               .is_slim = true};

typedef struct {
    space_fixture fixture;
    load_witness witness;
    load_state state;
    uint64_t size, refused;
} bed;

static void prepare(bed *on, const char *folder, const pbase_os *os, uint64_t size)
{
    memset(on, 0, sizeof *on);
    on->size = size;
    fixture_prepare(&on->fixture, folder, os);
    fixture_set(&on->fixture, "storage.blocks.segment_size=64KiB");
    fixture_set(&on->fixture, "storage.journal_segment_size=64KiB");
}

static void look(bed *on, const char *when)
{
    char wrong[256];
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = load_verify(on->fixture.database, &plan, on->state.number,
                                      on->state.number, &on->state, wrong, sizeof wrong, &err);
    if (status != PBASE_OK || wrong[0] != '\0') {
        fail_msg("%" PRIu64 " bytes, %s: %s%s", on->size, when, wrong,
                 status == PBASE_OK ? "" : err.message);
    }
}

/* The only failure there is. */
static bool is_done(bed *on, const char *doing, pbase_status status, const pbase_error *err)
{
    if (status != PBASE_OK && status != PBASE_NO_SPACE) {
        fail_msg("%" PRIu64 " bytes, %s: %s: %s", on->size, doing, pbase_status_name(status),
                 err->message);
    }
    on->refused += status != PBASE_OK;
    return status == PBASE_OK;
}

static bool acknowledges_refused; /* the bug that is planted */

/* False when there is no room for one more. */
static bool commit_one(bed *on)
{
    pbase_error err;
    uint64_t next = on->state.number + 1;
    pbase_error_init(&err);
    pbase_status status = load_commit(on->fixture.database, &plan, next, &err);
    status = acknowledges_refused && status == PBASE_NO_SPACE ? PBASE_OK : status;
    if (!is_done(on, "committing", status, &err)) {
        assert_int_equal(err.outcome, PBASE_OUTCOME_NOT_APPLIED);
        look(on, "after a refused commit");
        return false;
    }
    load_state_next(&on->state, &plan);
    (void)is_done(on, "settling", load_settle(on->fixture.space, &plan, next, &err), &err);
    return true;
}

/* Commits until the script is at its end, or some commits one after another found no room. */
static void play(bed *on)
{
    unsigned refused = 0;
    while (on->state.number < TRANSACTIONS && refused < REFUSED_MAX) {
        refused = commit_one(on) ? 0 : refused + 1;
    }
    look(on, "at the end of the script");
}

/* False: not even an empty space fits. */
static bool open_space(bed *on)
{
    pbase_error err;
    pbase_error_init(&err);
    return is_done(on, "opening", fixture_try_open(&on->fixture, &err), &err);
}

/* As full as it is, it can be opened and read; with more room, all goes on. */
static void reopen_full(bed *on)
{
    fixture_close(&on->fixture);
    assert_true(open_space(on));
    look(on, "opened while full");
    fixture_assert_clean(&on->fixture);
}

static void go_on_with_room(bed *on)
{
    on->refused = 0;
    fixture_reopen(&on->fixture);
    look(on, "opened with more room");
    for (unsigned i = 0; i < 3; i++) {
        assert_true(commit_one(on));
    }
    assert_int_equal(on->refused, 0);
    fixture_assert_clean(&on->fixture);
    fixture_close(&on->fixture);
}

/* ------------------------------------------------------------------------------ simulated ---- */

static void cut_while_full(const bed *on, sim_os *sim)
{
    sim_os *future;
    sim_crash crash;
    sim_crash_begin(&crash, sim, CUTS, on->size);
    while ((future = sim_crash_next(&crash)) != NULL) {
        bed after;
        prepare(&after, "/space", sim_os_interface(future), on->size);
        after.state = on->state;
        assert_true(open_space(&after));
        look(&after, "opened after a power cut");
        sim_os_disk_limit(future, 0);
        go_on_with_room(&after);
        sim_os_destroy(future);
    }
}

/* True when the whole script fits. */
static bool run_simulated(uint64_t size, uint64_t *refused)
{
    sim_os *sim = sim_os_create(size);
    bed on;
    prepare(&on, "/space", sim_os_interface(sim), size);
    sim_os_disk_limit(sim, size);
    bool is_open = open_space(&on);
    if (is_open) {
        play(&on);
        reopen_full(&on);
        if (size / SIM_SECTOR_BYTES % CUT_EVERY == 0) {
            cut_while_full(&on, sim);
        }
    }
    bool fits = is_open && on.refused == 0;
    *refused += on.refused;
    sim_os_disk_limit(sim, 0);
    go_on_with_room(&on);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
    return fits;
}

/* It was lost when the file with which waiting users take turns found no room. */
static void the_lock_of_the_users_is_not_lost_on_a_full_disk(void **unused)
{
    (void)unused;
    uint64_t refused = 0;
    for (uint64_t size = 250000; size < 262000; size += SIM_SECTOR_BYTES) {
        (void)run_simulated(size, &refused);
    }
    assert_true(refused > 0);
}

static void every_size_of_a_disk_refuses_cleanly(void **unused)
{
    (void)unused;
    uint64_t step = SIM_SECTOR_BYTES * (seed_is_long_run() ? 1 : SECTORS_SHORT);
    uint64_t size = SIZE_FIRST + seed_for("full disk") % step, runs = 0, refused = 0;
    while (size < SIZE_MAX_BYTES && !run_simulated(size, &refused)) {
        size += step;
        runs++;
    }
    print_message("%" PRIu64 " sizes up to %" PRIu64 " bytes, %" PRIu64 " times no room\n", runs,
                  size, refused);
    assert_true(runs > 10 && refused > runs && size < SIZE_MAX_BYTES);
}

static void acknowledge_refused(void **unused)
{
    (void)unused;
    uint64_t refused = 0;
    acknowledges_refused = true;
    (void)run_simulated(SIZE_TIGHT, &refused);
}

/* As if a commit that found no room were acknowledged all the same. */
static void an_acknowledged_commit_that_found_no_room_is_found(void **unused)
{
    (void)unused;
    planted_is_found(acknowledge_refused, "bytes, at the end of the script: ");
}

/* --------------------------------------------------------- frames larger than a segment ---- */

static pbase_status put_large(bed *on, int64_t key, pbase_error *err)
{
    static char text[LARGE_BYTES];
    memset(text, 'l', sizeof text);
    pbase_txn *txn = fixture_begin(&on->fixture, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "large");
    pbase_value name = pbase_value_int(key);
    pbase_value value = pbase_value_string(pbase_bytes_of(text, sizeof text));
    assert_int_equal(pbase_dict_put(&dict, &name, &value, NULL, err), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "large", dict, err), PBASE_OK);
    pbase_dict_close(dict);
    return pbase_txn_commit(&txn, NULL, NULL, err);
}

/* An open space with a commit in it, past the cache or through it. */
static sim_os *large_begin(bed *on, uint64_t seed, bool is_direct)
{
    sim_os *sim = sim_os_create(seed);
    sim_os_pieces_set(sim, is_direct ? PAGE_BYTES : 0, 0);
    prepare(on, "/space", sim_os_interface(sim), seed);
    assert_true(open_space(on));
    assert_int_equal(fixture_put_one(&on->fixture, "large", 1, 1), PBASE_OK);
    return sim;
}

static void large_refused(bed *on, pbase_status status, const pbase_error *err)
{
    if (status != PBASE_NO_SPACE || err->outcome != PBASE_OUTCOME_NOT_APPLIED) {
        fail_msg("%" PRIu64 ": %s, outcome %d: %s", on->size, pbase_status_name(status),
                 (int)err->outcome, err->message);
    }
    assert_int_equal(fixture_count(&on->fixture, "large"), 1);
}

/* With room everything goes on, in the same space and in one opened again. */
static void large_end(bed *on, sim_os *sim)
{
    pbase_error err;
    pbase_error_init(&err);
    assert_ok(put_large(on, 3, &err), &err);
    fixture_reopen(&on->fixture);
    assert_int_equal(fixture_count(&on->fixture, "large"), 2);
    fixture_assert_clean(&on->fixture);
    fixture_close(&on->fixture);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
}

static void a_frame_larger_than_a_segment_finds_no_room_for_any_part_of_it(void **unused)
{
    (void)unused;
    for (uint64_t room = 0; room < LARGE_BYTES; room += LARGE_BYTES / 40) {
        bed on;
        sim_os *sim = large_begin(&on, room, room / (LARGE_BYTES / 40) % 2 == 0);
        pbase_error err;
        pbase_error_init(&err);
        sim_os_disk_limit(sim, sim_os_disk_used(sim) + room);
        pbase_status status = put_large(&on, 2, &err);
        large_refused(&on, status, &err);
        sim_os_disk_limit(sim, 0);
        large_end(&on, sim);
    }
}

/* As where room is only found when the flush asks for it. */
static void a_frame_larger_than_a_segment_finds_no_room_when_it_is_written_or_flushed(void **unused)
{
    static const os_call calls[] = {OS_CALL_WRITE, OS_CALL_SYNC};
    (void)unused;
    uint64_t refused = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t calls_max = calls[i / 2] == OS_CALL_SYNC ? 1 : LARGE_CALLS; /* that of the frame */
        for (uint64_t at = 1; at <= calls_max; at++) {
            bed on;
            sim_os *sim = large_begin(&on, at, i % 2 == 0);
            pbase_error err;
            pbase_error_init(&err);
            sim_os_fail_at(sim, calls[i / 2], at, PBASE_NO_SPACE, false);
            pbase_status status = put_large(&on, 2, &err);
            sim_os_fail_at(sim, calls[i / 2], 0, PBASE_OK, false);
            if (status != PBASE_OK) {
                large_refused(&on, status, &err);
                refused++;
                assert_int_equal(put_large(&on, 2, &err), PBASE_OK);
            }
            assert_int_equal(pbase_space_checkpoint(on.fixture.space, NULL, &err), PBASE_OK);
            fixture_close(&on.fixture);
            assert_int_equal(sim_os_memory_used(sim), 0);
            sim_os_destroy(sim);
        }
    }
    print_message("%" PRIu64 " refusals\n", refused);
    assert_true(refused >=
                8); /* each piece and the flush, on both ways; some calls are of others */
}

/* ---------------------------------------------------------------------------- giving back ---- */

static void compact(bed *on, const char *when)
{
    pbase_error err;
    pbase_compact_report report;
    pbase_error_init(&err);
    pbase_status status = pbase_space_compact(on->fixture.space, NULL, &report, &err);
    if (status != PBASE_OK) {
        fail_msg("%" PRIu64 " bytes, compacting %s: %s", on->size, when, err.message);
    }
}

static pbase_status fill_one(bed *on, int64_t key, pbase_error *err)
{
    static char text[FILL_BYTES];
    memset(text, 'a' + (int)(key % 26), sizeof text);
    pbase_txn *txn = fixture_begin(&on->fixture, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "fill");
    pbase_value name = pbase_value_int(key);
    pbase_value value = pbase_value_string(pbase_bytes_of(text, sizeof text));
    pbase_status status = pbase_dict_put(&dict, &name, &value, NULL, err);
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "fill", dict, err) : status;
    pbase_dict_close(dict);
    if (status != PBASE_OK) {
        pbase_txn_abort(&txn);
        return status;
    }
    return pbase_txn_commit(&txn, NULL, NULL, err);
}

/* Values that all stay alive, settled now and then, until there is no room for more of them. */
static void fill(bed *on)
{
    pbase_error err;
    unsigned refused = 0;
    pbase_error_init(&err);
    for (int64_t key = 0; key < FILL_MAX && refused < REFUSED_MAX; key++) {
        bool is_in = is_done(on, "filling", fill_one(on, key, &err), &err);
        refused = is_in ? 0 : refused + 1;
        if (key % 5 == 0) {
            (void)is_done(on, "settling", pbase_space_checkpoint(on->fixture.space, NULL, &err),
                          &err);
        }
    }
    assert_int_equal(refused, REFUSED_MAX);
}

static void drop_all(bed *on)
{
    static const char *const roots[] = {"fill"};
    pbase_error err;
    pbase_txn *txn = fixture_begin(&on->fixture, PBASE_SERIALIZABLE);
    pbase_error_init(&err);
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        assert_int_equal(pbase_txn_drop_root(txn, roots[i], NULL), PBASE_OK);
    }
    pbase_status status = pbase_txn_commit(&txn, NULL, NULL, &err);
    if (status != PBASE_OK) {
        fail_msg("%" PRIu64 " bytes, dropping: %s", on->size, err.message);
    }
}

static void give_back(uint64_t size)
{
    sim_os *sim = sim_os_create(size);
    bed on;
    prepare(&on, "/space", sim_os_interface(sim), size);
    sim_os_disk_limit(sim, size);
    assert_true(open_space(&on));
    fill(&on);
    compact(&on, "a full disk");
    drop_all(&on);
    compact(&on, "after the drop");
    assert_int_equal(fixture_put_one(&on.fixture, "new", 1, 2), PBASE_OK);
    fixture_reopen(&on.fixture);
    assert_int_equal(fixture_get(&on.fixture, "new", 1), 2);
    fixture_assert_clean(&on.fixture);
    fixture_close(&on.fixture);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
}

static void space_can_be_given_back_however_full_the_disk_is(void **unused)
{
    (void)unused;
    uint64_t step = seed_is_long_run() ? 1 : SECTORS_SHORT, times = 0;
    for (uint64_t i = seed_for("giving back") % step; i < SECTORS_RESERVED; i += step) {
        give_back(SIZE_RESERVED + i * SIM_SECTOR_BYTES);
        times++;
    }
    print_message("%" PRIu64 " full disks\n", times);
}

/* No checkpoint has been done yet, and closing tries one: what it writes before it finds no room is named by
 * nothing. The room that is made then is too little beside that, and enough in its place. */
static void what_failed_checkpoints_wrote_is_given_back_before_the_next_try(void **unused)
{
    (void)unused;
    sim_os *sim = sim_os_create(seed_for("failed checkpoints"));
    bed on;
    pbase_error err;
    pbase_error_init(&err);
    prepare(&on, "/space", sim_os_interface(sim), 0);
    fixture_set(&on.fixture, "storage.checkpoint_bytes=64MiB");
    assert_true(open_space(&on));
    for (int64_t key = 0; key < UNSETTLED; key++) {
        assert_ok(fill_one(&on, key, &err), &err);
    }
    uint64_t before = sim_os_disk_used(sim);
    sim_os_disk_limit(sim, before + UNSETTLED * FILL_BYTES / 2);
    fixture_reopen(&on.fixture);
    assert_true(sim_os_disk_used(sim) > before + UNSETTLED * FILL_BYTES / 3);

    on.size = sim_os_disk_used(sim) + UNSETTLED * FILL_BYTES * 3 / 4;
    sim_os_disk_limit(sim, on.size);
    compact(&on, "beside what a failed checkpoint wrote");

    assert_int_equal(fixture_count(&on.fixture, "fill"), UNSETTLED);
    fixture_reopen(&on.fixture);
    assert_int_equal(fixture_count(&on.fixture, "fill"), UNSETTLED);
    fixture_assert_clean(&on.fixture);
    fixture_close(&on.fixture);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
}

/* ---------------------------------------------------------------------------------- tmpfs ---- */

/* For this process alone, and gone with it. */
static bool mount_tmpfs(const char *folder, uint64_t size, bool again)
{
    char options[64];
    (void)snprintf(options, sizeof options, "size=%" PRIu64, size);
    return mount("tmpfs", folder, "tmpfs", again ? MS_REMOUNT : 0, options) == 0;
}

static bool run_tmpfs(temp_dir *dir, uint64_t size, uint64_t *refused)
{
    bed on;
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", temp_dir_path(dir, "root/space"));
    (void)temp_dir_path(dir, "root");
    assert_true(mount_tmpfs(dir->joined, size, false));
    prepare(&on, folder, NULL, size);
    bool is_open = open_space(&on);
    if (is_open) {
        play(&on);
        reopen_full(&on);
    }
    bool fits = is_open && on.refused == 0;
    *refused += on.refused;
    (void)temp_dir_path(dir, "root");
    assert_true(mount_tmpfs(dir->joined, SIZE_MAX_BYTES, true));
    go_on_with_room(&on);
    assert_int_equal(umount2(temp_dir_path(dir, "root"), 0), 0);
    return fits;
}

static void every_size_of_a_tmpfs_refuses_cleanly(void **unused)
{
    (void)unused;
    uint64_t step = PAGE_BYTES * (seed_is_long_run() ? 1 : PAGES_SHORT);
    uint64_t size = PAGE_BYTES * (4 + seed_for("tmpfs") % PAGES_SHORT), runs = 0, refused = 0;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        print_message("skipped: it needs the right to mount: %s\n", strerror(errno));
        skip();
    }
    temp_dir dir;
    temp_dir_create(&dir);
    assert_int_equal(mkdir(temp_dir_path(&dir, "root"), 0777), 0);
    while (size < SIZE_MAX_BYTES && !run_tmpfs(&dir, size, &refused)) {
        size += step;
        runs++;
    }
    print_message("%" PRIu64 " sizes up to %" PRIu64 " bytes, %" PRIu64 " times no room\n", runs,
                  size, refused);
    assert_true(refused > runs && size < SIZE_MAX_BYTES);
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_acknowledged_commit_that_found_no_room_is_found),
        cmocka_unit_test(the_lock_of_the_users_is_not_lost_on_a_full_disk),
        cmocka_unit_test(every_size_of_a_disk_refuses_cleanly),
        cmocka_unit_test(a_frame_larger_than_a_segment_finds_no_room_for_any_part_of_it),
        cmocka_unit_test(a_frame_larger_than_a_segment_finds_no_room_when_it_is_written_or_flushed),
        cmocka_unit_test(space_can_be_given_back_however_full_the_disk_is),
        cmocka_unit_test(what_failed_checkpoints_wrote_is_given_back_before_the_next_try),
        cmocka_unit_test(every_size_of_a_tmpfs_refuses_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
