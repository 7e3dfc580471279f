/* The simulated os keeps the rules that its crashes are judged by. */
#include "sim_os.h"
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECTOR SIM_SECTOR_BYTES

static sim_os *sim;
static const pbase_os *os;

static int set_up(void **state)
{
    (void)state;
    sim = sim_os_create(7);
    os = sim_os_interface(sim);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sim_os_destroy(sim);
    return 0;
}

static pbase_os_file *file_open(const pbase_os *at, const char *path, uint32_t flags)
{
    pbase_os_file *file = NULL;
    assert_int_equal(at->file->open(at, path, PBASE_OS_READ | PBASE_OS_WRITE | flags, &file, NULL),
                     PBASE_OK);
    return file;
}

static void fill(pbase_os_file *file, uint64_t sector, char letter, size_t sectors)
{
    char data[8 * SECTOR];
    memset(data, letter, sizeof(data));
    assert_int_equal(os->file->write(file, sector * SECTOR, data, sectors * SECTOR, NULL),
                     PBASE_OK);
}

/* The first letter of a sector after a crash; '-' when the file or the sector is not there. */
static char letter_of(sim_os *after, const char *path, uint64_t sector)
{
    const pbase_os *at = sim_os_interface(after);
    pbase_os_file *file = NULL;
    char letter = '-';
    size_t got = 0;
    if (at->file->open(at, path, PBASE_OS_READ, &file, NULL) == PBASE_OK) {
        assert_int_equal(at->file->read(file, sector * SECTOR, &letter, 1, &got, NULL), PBASE_OK);
        at->file->close(file);
    }
    return got == 1 ? letter : '-';
}

/* How many futures show `wanted` (letters of the sectors 0, 1, ... of "f"). */
static size_t futures_with(const char *wanted, size_t *out_all)
{
    sim_crash crash;
    sim_os *after;
    size_t found = 0;
    *out_all = 0;
    sim_crash_begin(&crash, sim, 0, 1);
    while ((after = sim_crash_next(&crash)) != NULL) {
        bool same = true;
        for (size_t i = 0; wanted[i] != '\0'; i++) {
            char letter = letter_of(after, "f", i);
            same = same && (letter == wanted[i] || (letter == '\0' && wanted[i] == '0'));
        }
        found += same;
        (*out_all)++;
        sim_os_destroy(after);
    }
    return found;
}

static void synced_bytes_and_names_survive_every_crash(void **state)
{
    size_t all;
    (void)state;
    pbase_os_file *file = file_open(os, "f", PBASE_OS_CREATE);
    fill(file, 0, 'a', 2);

    assert_int_equal(os->file->sync(file, NULL), PBASE_OK);
    assert_int_equal(os->directory->sync(os, "/", NULL), PBASE_OK);

    assert_int_equal(futures_with("aa", &all), 1);
    assert_int_equal(all, 1);
    os->file->close(file);
}

static void a_synced_file_without_a_synced_name_may_be_gone(void **state)
{
    size_t all;
    (void)state;
    pbase_os_file *file = file_open(os, "f", PBASE_OS_CREATE);
    fill(file, 0, 'a', 1);

    assert_int_equal(os->file->sync(file, NULL), PBASE_OK);

    assert_int_equal(futures_with("-", &all), 1);
    assert_int_equal(futures_with("a", &all), 1);
    assert_int_equal(all, 2);
    os->file->close(file);
}

static void unsynced_sectors_are_kept_or_lost_each_by_itself(void **state)
{
    size_t all;
    (void)state;
    pbase_os_file *file = file_open(os, "f", PBASE_OS_CREATE);
    fill(file, 0, 'a', 3);
    assert_int_equal(os->file->sync(file, NULL), PBASE_OK);
    assert_int_equal(os->directory->sync(os, "/", NULL), PBASE_OK);

    fill(file, 0, 'b', 3);

    assert_int_equal(futures_with("aaa", &all), 1);
    assert_int_equal(futures_with("aba", &all), 1);
    assert_int_equal(futures_with("bab", &all), 1);
    assert_int_equal(futures_with("bbb", &all), 1);
    assert_int_equal(all, 8);
    os->file->close(file);
}

static void a_hole_comes_whole_or_not_at_all_and_what_is_written_into_it_later_stays(void **state)
{
    size_t all;
    (void)state;
    pbase_os_file *file = file_open(os, "f", PBASE_OS_CREATE);
    fill(file, 0, 'a', 4);
    assert_int_equal(os->file->sync(file, NULL), PBASE_OK);
    assert_int_equal(os->directory->sync(os, "/", NULL), PBASE_OK);

    assert_int_equal(os->file->punch(file, SECTOR, (uint64_t)2 * SECTOR, NULL), PBASE_OK);

    assert_int_equal(futures_with("aaaa", &all), 1);
    assert_int_equal(futures_with("a00a", &all), 1);
    assert_int_equal(all, 2);
    fill(file, 1, 'b', 1);
    assert_int_equal(futures_with("ab0a", &all), 1);
    assert_int_equal(futures_with("abaa", &all), 1);
    assert_int_equal(futures_with("a00a", &all), 1);
    assert_int_equal(all, 4);
    os->file->close(file);
}

static void the_bytes_of_a_hole_are_not_counted(void **state)
{
    pbase_os_stat about;
    (void)state;
    pbase_os_file *file = file_open(os, "f", PBASE_OS_CREATE);
    fill(file, 0, 'a', 4);
    assert_int_equal(os->file->punch(file, SECTOR, (uint64_t)2 * SECTOR, NULL), PBASE_OK);
    assert_int_equal(os->directory->stat(os, "f", &about, NULL), PBASE_OK);
    assert_int_equal(about.size_bytes, 4 * SECTOR);
    assert_int_equal(about.allocated_bytes, 2 * SECTOR);
    os->file->close(file);
}

static void a_size_may_come_without_its_bytes(void **state)
{
    size_t all;
    (void)state;
    pbase_os_file *file = file_open(os, "f", PBASE_OS_CREATE);
    assert_int_equal(os->directory->sync(os, "/", NULL), PBASE_OK);

    fill(file, 0, 'a', 1);

    assert_int_equal(futures_with("0", &all), 1); /* zeros */
    assert_int_equal(futures_with("-", &all), 2); /* no size: whatever became of the sector */
    assert_int_equal(all, 4);
    os->file->close(file);
}

static void a_dsync_write_covers_itself_and_nothing_before(void **state)
{
    size_t all;
    (void)state;
    pbase_os_file *plain = file_open(os, "f", PBASE_OS_CREATE);
    pbase_os_file *dsync = file_open(os, "f", PBASE_OS_DSYNC);
    assert_int_equal(os->directory->sync(os, "/", NULL), PBASE_OK);

    fill(plain, 0, 'a', 1);
    fill(dsync, 1, 'b', 1);

    assert_int_equal(futures_with("ab", &all), 1);
    assert_int_equal(futures_with("0b", &all), 1);
    assert_int_equal(all, 2);
    os->file->close(plain);
    os->file->close(dsync);
}

static void a_rename_is_all_or_nothing(void **state)
{
    sim_crash crash;
    sim_os *after;
    size_t all = 0;
    (void)state;
    pbase_os_file *file = file_open(os, "old", PBASE_OS_CREATE);
    fill(file, 0, 'a', 1);
    assert_int_equal(os->file->sync(file, NULL), PBASE_OK);
    assert_int_equal(os->directory->sync(os, "/", NULL), PBASE_OK);

    assert_int_equal(os->directory->rename(os, "old", "new", NULL), PBASE_OK);

    sim_crash_begin(&crash, sim, 0, 1);
    while ((after = sim_crash_next(&crash)) != NULL) {
        assert_true((letter_of(after, "old", 0) == 'a') != (letter_of(after, "new", 0) == 'a'));
        all++;
        sim_os_destroy(after);
    }
    assert_int_equal(all, 2);
    os->file->close(file);
}

static void a_failed_sync_loses_for_ever_what_readers_still_see(void **state)
{
    char letter;
    size_t got;
    size_t all;
    (void)state;
    pbase_os_file *file = file_open(os, "f", PBASE_OS_CREATE);
    fill(file, 0, 'a', 1);
    assert_int_equal(os->file->sync(file, NULL), PBASE_OK);
    assert_int_equal(os->directory->sync(os, "/", NULL), PBASE_OK);
    fill(file, 0, 'b', 1);

    sim_os_fail_at(sim, OS_CALL_SYNC, 1, PBASE_IO, false);
    assert_int_equal(os->file->sync(file, NULL), PBASE_IO);
    assert_int_equal(os->file->sync(file, NULL), PBASE_OK);

    assert_int_equal(os->file->read(file, 0, &letter, 1, &got, NULL), PBASE_OK);
    assert_int_equal(letter, 'b');
    assert_int_equal(futures_with("a", &all), 1);
    assert_int_equal(all, 1);
    os->file->close(file);
}

static void nothing_works_after_the_crash_point(void **state)
{
    char letter = 'x';
    size_t got;
    size_t all;
    (void)state;
    pbase_os_file *file = file_open(os, "f", PBASE_OS_CREATE);
    assert_int_equal(os->directory->sync(os, "/", NULL), PBASE_OK);
    fill(file, 0, 'a', 1);

    sim_os_crash_at(sim, 1);

    assert_int_equal(os->file->sync(file, NULL), PBASE_IO);
    assert_true(sim_os_has_crashed(sim));
    assert_int_equal(os->file->sync(file, NULL), PBASE_IO);
    assert_int_equal(os->file->write(file, 0, &letter, 1, NULL), PBASE_IO);
    assert_int_equal(os->file->read(file, 0, &letter, 1, &got, NULL), PBASE_IO);
    (void)futures_with("a", &all);
    assert_int_equal(all, 4); /* the sync was under way: anything may have become of it */
    os->file->close(file);
}

static void a_full_disk_takes_no_growth(void **state)
{
    char data[SECTOR] = {1};
    (void)state;
    pbase_os_file *file = file_open(os, "f", PBASE_OS_CREATE);
    sim_os_disk_limit(sim, 2 * SECTOR);
    fill(file, 0, 'a', 2);

    assert_int_equal(os->file->write(file, 2 * SECTOR, data, SECTOR, NULL), PBASE_NO_SPACE);
    assert_int_equal(os->file->write(file, 0, data, SECTOR, NULL), PBASE_OK);
    assert_int_equal(os->file->truncate(file, 0, NULL), PBASE_OK);
    assert_int_equal(os->file->write(file, 0, data, SECTOR, NULL), PBASE_OK);
    os->file->close(file);
}

static void a_map_shows_later_writes_even_when_the_file_has_moved(void **state)
{
    pbase_os_map *map = NULL;
    const uint8_t *data = NULL;
    (void)state;
    pbase_os_file *file = file_open(os, "f", PBASE_OS_CREATE);
    fill(file, 0, 'a', 1);
    assert_int_equal(os->file->map(file, 2 * SECTOR, &map, &data, NULL), PBASE_OK);

    fill(file, 1000, 'z', 1);
    fill(file, 0, 'b', 2);

    assert_int_equal(data[0], 'b');
    assert_int_equal(data[SECTOR], 'b');
    os->file->unmap(map);
    os->file->close(file);
}

static void the_clock_moves_by_sleeps_and_the_seed_fixes_randomness(void **state)
{
    uint64_t here = 0;
    uint64_t there = 0;
    (void)state;
    sim_os *twin = sim_os_create(7);

    uint64_t before = os->system->monotonic_ns(os);
    os->system->sleep_ns(os, 3600000000000);
    os->system->random(os, &here, sizeof(here));
    sim_os_interface(twin)->system->random(sim_os_interface(twin), &there, sizeof(there));

    assert_true(os->system->monotonic_ns(os) - before >= 3600000000000);
    assert_int_equal(here, there);
    sim_os_destroy(twin);
}

static void a_lock_is_exclusive_between_two_opens(void **state)
{
    uint64_t holder = 0;
    (void)state;
    pbase_os_file *first = file_open(os, "f", PBASE_OS_CREATE);
    pbase_os_file *second = file_open(os, "f", 0);
    assert_int_equal(os->file->lock(first, NULL, NULL), PBASE_OK);

    assert_int_equal(os->file->lock(second, &holder, NULL), PBASE_BUSY);

    assert_int_equal(holder, SIM_PROCESS_ID);
    os->file->close(first);
    assert_int_equal(os->file->lock(second, NULL, NULL), PBASE_OK);
    os->file->close(second);
    assert_int_equal(sim_os_memory_used(sim), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(synced_bytes_and_names_survive_every_crash, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_synced_file_without_a_synced_name_may_be_gone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(unsynced_sectors_are_kept_or_lost_each_by_itself, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_hole_comes_whole_or_not_at_all_and_what_is_written_into_it_later_stays, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(the_bytes_of_a_hole_are_not_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_size_may_come_without_its_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dsync_write_covers_itself_and_nothing_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_rename_is_all_or_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_sync_loses_for_ever_what_readers_still_see, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_works_after_the_crash_point, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_takes_no_growth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_map_shows_later_writes_even_when_the_file_has_moved,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_clock_moves_by_sleeps_and_the_seed_fixes_randomness,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lock_is_exclusive_between_two_opens, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
