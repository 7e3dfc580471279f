/* test_backup_restore.c - which backups make a chain, and how much of one a moment needs. */
#include "backup/backup_restore.h"

#include "host/services.h"
#include "os/os.h"
#include "scripted_storage.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CHAIN 3u

static pbase_host host;
static backup_source chain[CHAIN];

/* Commits 10 to 20, 15 to 30 and 28 to 40, at times ten times as large. */
static int begin(void **unused)
{
    static const uint64_t oldest[CHAIN] = {10, 15, 28}, newest[CHAIN] = {20, 30, 40};
    (void)unused;
    services_init(&host, pbase_os_real(), NULL);
    for (size_t i = 0; i < CHAIN; i++) {
        backup_head *head = &chain[i].head;
        backup_source_init(&chain[i], &host);
        assert_int_equal(pbase_buffer_append(&chain[i].label, "it", 3, NULL), PBASE_OK);
        head->number = (uint32_t)i;
        head->id[0] = (uint8_t)(i + 1);
        head->base[0] = (uint8_t)i;
        head->newest = newest[i];
        head->newest_ns = (int64_t)newest[i] * 10;
        retained_checkpoint first = {.sequence = oldest[i],
                                     .timestamp_ns = (int64_t)oldest[i] * 10};
        assert_int_equal(retained_list_add(&head->kept, &first, NULL), PBASE_OK);
    }
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < CHAIN; i++) {
        backup_source_close(&chain[i]);
    }
    return 0;
}

static void a_chain_goes_on_from_a_full_backup_without_a_gap(void **unused)
{
    (void)unused;
    assert_int_equal(backup_chain_check(chain, CHAIN, NULL), PBASE_OK);
    assert_int_equal(backup_chain_check(chain, 1, NULL), PBASE_OK);
    assert_int_equal(backup_chain_check(chain, 0, NULL), PBASE_INVALID);
    assert_int_equal(backup_chain_check(chain + 1, 2, NULL), PBASE_INVALID); /* no full one */
    chain[2].head.base[0] = 1;
    assert_int_equal(backup_chain_check(chain, CHAIN, NULL), PBASE_INVALID); /* a gap */
    chain[2].head.base[0] = 2;
    chain[2].head.lineage[3] = 1;
    assert_int_equal(backup_chain_check(chain, CHAIN, NULL), PBASE_INVALID);
    chain[2].head.lineage[3] = 0;
    chain[2].head.space[3] = 1;
    assert_int_equal(backup_chain_check(chain, CHAIN, NULL), PBASE_INVALID);
    chain[2].head.space[3] = 0;
    chain[2].head.newest = 29;
    assert_int_equal(backup_chain_check(chain, CHAIN, NULL), PBASE_INVALID);
}

static size_t needed(pbase_moment at)
{
    size_t count = 0;
    pbase_status status = backup_chain_choose(chain, CHAIN, &at, &count, NULL);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    return status == PBASE_OK ? count : 0;
}

static void a_moment_needs_the_backups_up_to_the_first_that_has_it(void **unused)
{
    (void)unused;
    size_t count = 0;
    assert_int_equal(backup_chain_choose(chain, CHAIN, NULL, &count, NULL), PBASE_OK);
    assert_int_equal(count, CHAIN);
    assert_int_equal(needed(pbase_moment_of_sequence(9)), 0);
    assert_int_equal(needed(pbase_moment_of_sequence(10)), 1);
    assert_int_equal(needed(pbase_moment_of_sequence(20)), 1);
    assert_int_equal(needed(pbase_moment_of_sequence(21)), 2);
    assert_int_equal(needed(pbase_moment_of_sequence(31)), 3);
    assert_int_equal(needed(pbase_moment_of_sequence(40)), 3);
    assert_int_equal(needed(pbase_moment_of_sequence(41)), 0);
    assert_int_equal(needed(pbase_moment_of_time(99)), 0);
    assert_int_equal(needed(pbase_moment_of_time(205)), 2);
    assert_int_equal(needed(pbase_moment_of_time(5000)), 3); /* the last commit before it */
    chain[1].head.kept.items[0].sequence = 25; /* retention let go of 21 to 24 between two */
    assert_int_equal(needed(pbase_moment_of_sequence(22)), 0);
    assert_int_equal(needed(pbase_moment_of_sequence(25)), 2);
}

static void a_storage_that_takes_no_segments_says_so(void **unused)
{
    (void)unused;
    scripted_storage storage;
    pbase_restore_report report;
    bool touched = true;
    scripted_storage_init(&storage, &scripted_storage_bare);
    backup_restore wanted = {
        .host = &host, .storage = &storage.base, .sources = chain, .count = CHAIN};
    assert_int_equal(backup_restore_run(&wanted, &report, &touched, NULL), PBASE_UNSUPPORTED);
    assert_false(touched);
    assert_int_equal(storage.calls, 0);
}

#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SENTENCE(a_chain_goes_on_from_a_full_backup_without_a_gap),
        SENTENCE(a_moment_needs_the_backups_up_to_the_first_that_has_it),
        SENTENCE(a_storage_that_takes_no_segments_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
