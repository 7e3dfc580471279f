/* test_soak.c - everything at once, for seconds in CI and ten minutes in the long form: memory and
 * descriptors stay flat.
 *
 * The content does not grow: keys are put, overwritten and removed again within a window. Two threads
 * commit, one asks questions and keeps snapshots for a while, the space settles in the background
 * and is reopened now and then. What is measured after a round is the memory that the process uses
 * once everything is closed, and its open descriptors. */
#include "os/os.h"
#include "seed.h"
#include "space_fixture.h"

#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define KEYS 2000
#define WRITERS 2u
#define ROUNDS_WARM 3u

static space_fixture fixture;
static _Atomic bool running;
static _Atomic uint64_t commits, questions;

/* ------------------------------------------------------------------------------- workload ---- */

/* In threads: cmocka's own checks belong to the first one. */
static void must(pbase_status status, const pbase_error *err)
{
    if (status != PBASE_OK) {
        (void)fprintf(stderr, "%s: %s\n", pbase_status_name(status), err->message);
        abort();
    }
}

static pbase_status write_some(pbase_txn *txn, void *state, pbase_error *err)
{
    seed_random *random = state;
    pbase_dict *dict = fixture_dict(txn, "things");
    pbase_status status = PBASE_OK;
    for (int i = 0; i < 20 && status == PBASE_OK; i++) {
        pbase_value key = pbase_value_int((int64_t)seed_below(random, KEYS));
        pbase_field fields[2] = {{pbase_bytes_text("n"), key},
                                 {pbase_bytes_text("text"), pbase_value_text("of some length")}};
        pbase_value value = pbase_value_map(fields, 2);
        status = seed_below(random, 3) == 0 ? pbase_dict_remove(&dict, &key, NULL, err)
                                            : pbase_dict_put(&dict, &key, &value, NULL, err);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "things", dict, err) : status;
    pbase_dict_close(dict);
    return status;
}

static void write_on(void *state)
{
    seed_random random;
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = PBASE_DURABILITY_NONE;
    seed_random_init(&random, (uint64_t)(uintptr_t)state);
    while (atomic_load(&running)) {
        pbase_error err;
        pbase_status status =
            pbase_txn_run(fixture.database, &options, NULL, write_some, &random, &err);
        must(status == PBASE_CONFLICT ? PBASE_OK : status, &err);
        atomic_fetch_add(&commits, 1);
    }
}

static void ask(const pbase_query *query)
{
    pbase_snapshot *snapshot = NULL;
    pbase_result *result = NULL;
    pbase_value row;
    pbase_error err;
    must(pbase_snapshot_open(fixture.database, &snapshot, &err), &err);
    pbase_status status = pbase_query_run(query, snapshot, NULL, &result, &err);
    while (status == PBASE_OK) {
        status = pbase_result_next(result, &row, &err);
    }
    must(status == PBASE_END ? PBASE_OK : status, &err);
    pbase_result_close(result);
    pbase_snapshot_close(snapshot);
    atomic_fetch_add(&questions, 1);
}

static void ask_on(void *unused)
{
    (void)unused;
    pbase_query *query = NULL;
    pbase_error err;
    static const char text[] = "from things | where n % 7 = 3 | group by n % 2 as half "
                               "{ count: count(), most: max(n) } | order by half";
    must(pbase_query_parse(NULL, pbase_bytes_text(text), &query, &err), &err);
    while (atomic_load(&running)) {
        ask(query);
    }
    pbase_query_destroy(query);
}

static void run_for(uint64_t ms)
{
    const pbase_os *os = pbase_os_real();
    pbase_os_thread *threads[WRITERS + 1];
    pbase_error err;
    atomic_store(&running, true);
    for (uintptr_t i = 0; i < WRITERS; i++) {
        assert_ok(os->thread->start(os, "writer", write_on, (void *)(i + 1), &threads[i], &err),
                  &err);
    }
    assert_ok(os->thread->start(os, "asker", ask_on, NULL, &threads[WRITERS], &err), &err);
    os->system->sleep_ns(os, ms * 1000000u);
    atomic_store(&running, false);
    for (size_t i = 0; i <= WRITERS; i++) {
        os->thread->join(threads[i]);
    }
}

/* ------------------------------------------------------------------------------ measuring ---- */

static uint64_t open_descriptors(void)
{
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    assert_int_equal(closedir(folder), 0);
    return count;
}

/* What malloc has given out and not got back. */
static uint64_t used_bytes(void)
{
    struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd;
}

static void memory_and_descriptors_stay_flat(void **unused)
{
    (void)unused;
    uint64_t rounds = seed_is_long_run() ? 200 : 8, ms = seed_is_long_run() ? 3000 : 400;
    uint64_t bytes = 0, descriptors = 0;
    fixture_file(&fixture);
    assert_int_equal(fixture_put_one(&fixture, "things", 0, 0), PBASE_OK);
    fixture_close(&fixture);
    fixture_set(&fixture, "storage.checkpoint_bytes=256KiB");
    for (uint64_t round = 0; round < rounds; round++) {
        fixture_open(&fixture);
        run_for(ms);
        fixture_close(&fixture);
        if (round == ROUNDS_WARM) {
            bytes = used_bytes();
            descriptors = open_descriptors();
        } else if (round > ROUNDS_WARM) {
            assert_int_equal(open_descriptors(), descriptors);
            if (used_bytes() > bytes + 65536) {
                fail_msg("round %" PRIu64 ": %" PRIu64 " bytes in use, %" PRIu64 " in round %u",
                         round, used_bytes(), bytes, ROUNDS_WARM);
            }
        }
    }
    print_message("%" PRIu64 " commits, %" PRIu64 " questions, %" PRIu64 " bytes in use\n",
                  atomic_load(&commits), atomic_load(&questions), used_bytes());
    fixture_open(&fixture);
    fixture_assert_clean(&fixture);
    fixture_end(&fixture);
}

/* What malloc keeps at hand for a thread counts as given out, and grows for hundreds of rounds to
 * some 100 KiB: it is to keep nothing. That is said before a process begins. */
static void begin_without_kept_blocks(char **argv)
{
    if (getenv("GLIBC_TUNABLES") == NULL &&
        setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1) == 0) {
        (void)execv("/proc/self/exe", argv); /* if it cannot be, the measure is coarser */
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    begin_without_kept_blocks(argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_and_descriptors_stay_flat)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
