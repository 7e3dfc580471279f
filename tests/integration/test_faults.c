/* test_faults.c - every allocation and every call of the operating system made to fail, one by one,
 * under opening, committing and settling: a clean error, no leak, nothing half done. */
#include "sim_os.h"
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SWEEP_MAX 20000u

typedef struct {
    sim_os *sim;
    space_fixture fixture;
} faults;

static faults f;

/* What has no caller to return to: shown, so that a failed test can be understood. */
static void print_log(const pbase_log *self, int32_t level, const char *component,
                      pbase_bytes message)
{
    (void)self;
    if (level == PBASE_LOG_ERROR) {
        print_message("%s: %.*s\n", component, (int)message.size, (const char *)message.data);
    }
}

static const pbase_log log_of_test = {.level_max = PBASE_LOG_ERROR, .write = print_log};

static void prepare(void)
{
    fixture_prepare(&f.fixture, "/space", sim_os_interface(f.sim));
    fixture_set(&f.fixture, "storage.blocks.segment_size=64KiB");
    fixture_set(&f.fixture, "storage.journal_segment_size=64KiB");
    f.fixture.options.log = &log_of_test;
}

static pbase_status put_pair(int64_t key)
{
    static const char *const roots[] = {"left", "right"};
    pbase_txn *txn = NULL;
    pbase_status status = pbase_txn_begin(f.fixture.database, NULL, &txn, NULL);
    for (unsigned i = 0; i < 2 && status == PBASE_OK; i++) {
        pbase_dict *dict = NULL;
        pbase_value value = pbase_value_int(key);
        status = pbase_txn_dict(txn, roots[i], &dict, NULL);
        status = status == PBASE_NOT_FOUND ? pbase_txn_new_dict(txn, &dict, NULL) : status;
        status = status == PBASE_OK ? pbase_dict_put(&dict, &value, &value, NULL, NULL) : status;
        status = status == PBASE_OK ? pbase_txn_store_dict(txn, roots[i], dict, NULL) : status;
        pbase_dict_close(dict);
    }
    if (status != PBASE_OK) {
        pbase_txn_abort(&txn);
        return status;
    }
    return pbase_txn_commit(&txn, NULL, NULL, NULL);
}

/* A closed space with (0, 0) in both roots. */
static int begin(void **unused)
{
    (void)unused;
    f.sim = sim_os_create(1);
    prepare();
    fixture_open(&f.fixture);
    assert_int_equal(put_pair(0), PBASE_OK);
    fixture_close(&f.fixture);
    assert_int_equal(sim_os_memory_used(f.sim), 0);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    sim_os_fail_at(f.sim, OS_CALL_ANY, 0, PBASE_OK, false);
    fixture_close(&f.fixture);
    assert_int_equal(sim_os_memory_used(f.sim), 0);
    sim_os_destroy(f.sim);
    return 0;
}

static bool both_have(int64_t key)
{
    bool left = fixture_get(&f.fixture, "left", key) == key;
    assert_true(left == (fixture_get(&f.fixture, "right", key) == key));
    return left;
}

/* Makes call `n` of `kind` fail during `work`; false when there were fewer. */
static bool fails_during(os_call kind, uint64_t n, pbase_status code, pbase_status (*work)(int64_t),
                         int64_t argument, pbase_status *out)
{
    uint64_t before = sim_os_calls(f.sim, kind);
    sim_os_fail_at(f.sim, kind, n, code, false);
    *out = work(argument);
    sim_os_fail_at(f.sim, kind, 0, PBASE_OK, false);
    return sim_os_calls(f.sim, kind) - before >= n;
}

/* ------------------------------------------------------------------------------------ memory ---- */

static pbase_status open_and_close(int64_t unused)
{
    (void)unused;
    pbase_status status = fixture_try_open(&f.fixture, NULL);
    fixture_close(&f.fixture);
    return status;
}

static void opening_survives_every_failing_allocation(void **unused)
{
    (void)unused;
    pbase_status status;
    uint64_t n = 1;
    while (n < SWEEP_MAX &&
           fails_during(OS_CALL_MEMORY, n, PBASE_NO_MEMORY, open_and_close, 0, &status)) {
        assert_true(status == PBASE_NO_MEMORY || status == PBASE_OK);
        assert_int_equal(sim_os_memory_used(f.sim), 0);
        n++;
    }
    print_message("%llu allocations\n", (unsigned long long)(n - 1));
    assert_true(n > 50 && n < SWEEP_MAX);
    fixture_open(&f.fixture);
    assert_true(both_have(0));
    fixture_assert_clean(&f.fixture);
}

static void committing_survives_every_failing_allocation(void **unused)
{
    (void)unused;
    pbase_status status = PBASE_OK;
    int64_t n = 1;
    fixture_open(&f.fixture);
    while (n < (int64_t)SWEEP_MAX &&
           fails_during(OS_CALL_MEMORY, (uint64_t)n, PBASE_NO_MEMORY, put_pair, n, &status)) {
        assert_true(status == PBASE_NO_MEMORY || status == PBASE_OK);
        assert_true(both_have(n) == (status == PBASE_OK));
        n++;
    }
    print_message("%lld allocations\n", (long long)(n - 1));
    assert_int_equal(status, PBASE_OK);
    assert_true(n > 20 && n < (int64_t)SWEEP_MAX);
    fixture_assert_clean(&f.fixture);
    fixture_reopen(&f.fixture);
    assert_true(both_have(n) && both_have(0));
    fixture_assert_clean(&f.fixture);
}

/* A document in the dictionary "docs", whose field `a` is `key`. */
static pbase_status put_document(int64_t key)
{
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    pbase_value number = pbase_value_int(key);
    pbase_field fields[] = {{pbase_bytes_text("a"), number}};
    pbase_value document = pbase_value_map(fields, 1);
    pbase_status status = pbase_txn_begin(f.fixture.database, NULL, &txn, NULL);
    if (status != PBASE_OK) {
        return status;
    }
    status = pbase_txn_dict(txn, "docs", &dict, NULL);
    status = status == PBASE_NOT_FOUND ? pbase_txn_new_dict(txn, &dict, NULL) : status;
    status = status == PBASE_OK ? pbase_dict_put(&dict, &number, &document, NULL, NULL) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "docs", dict, NULL) : status;
    pbase_dict_close(dict);
    if (status != PBASE_OK) {
        pbase_txn_abort(&txn);
        return status;
    }
    return pbase_txn_commit(&txn, NULL, NULL, NULL);
}

static pbase_status make_index(int64_t unused)
{
    static const char *const fields[] = {"a"};
    pbase_index_options options = {
        .struct_size = sizeof options, .unique = true, .fields = fields, .field_count = 1};
    (void)unused;
    return pbase_index_create(f.fixture.database, "docs", "by_a", &options, NULL, NULL);
}

static pbase_status drop_index(int64_t unused)
{
    (void)unused;
    return pbase_index_drop(f.fixture.database, "docs", "by_a", NULL, NULL);
}

/* Sweeps `work` to its last allocation; every failure leaves indexes and collections as they were. Some
 * requests may fail without harm: then `undo` (may be NULL) makes it possible once more. */
static void sweep_allocations(pbase_status (*work)(int64_t), pbase_status (*undo)(int64_t))
{
    pbase_status status = PBASE_NO_MEMORY;
    uint64_t n = 1;
    while (fails_during(OS_CALL_MEMORY, n, PBASE_NO_MEMORY, work, (int64_t)n, &status)) {
        assert_true(n < SWEEP_MAX);
        assert_true(status == PBASE_NO_MEMORY || status == PBASE_OK);
        if (status == PBASE_OK && undo != NULL) {
            assert_int_equal(undo(0), PBASE_OK);
        }
        if (n % 16 == 0) {
            fixture_assert_clean(&f.fixture);
        }
        n++;
    }
    print_message("%llu allocations\n", (unsigned long long)(n - 1));
    assert_int_equal(status, PBASE_OK);
    assert_true(n > 20);
    fixture_assert_clean(&f.fixture);
}

static void keeping_an_index_survives_every_failing_allocation(void **unused)
{
    (void)unused;
    fixture_open(&f.fixture);
    assert_int_equal(put_document(-1), PBASE_OK);
    sweep_allocations(make_index, drop_index);
    sweep_allocations(put_document, NULL);
    sweep_allocations(put_document, NULL);
    fixture_reopen(&f.fixture);
    fixture_assert_clean(&f.fixture);
    sweep_allocations(drop_index, make_index);
    fixture_reopen(&f.fixture);
    fixture_assert_clean(&f.fixture);
}

/* A document with a list inside, in a dictionary, under a root: the list grows by `number`, the
 * document takes it as a field, and a copy of the list stands beside it. */
static pbase_status put_nested(int64_t number)
{
    pbase_value path[] = {pbase_value_int(1), pbase_value_text("list")}, copy = pbase_value_int(2);
    pbase_txn *txn = NULL;
    pbase_dict *top = NULL;
    pbase_collection *found = NULL;
    pbase_list *list = NULL;
    pbase_status status = pbase_txn_begin(f.fixture.database, NULL, &txn, NULL);
    if (status != PBASE_OK) {
        return status;
    }
    status = pbase_txn_at(txn, "nested", path, 2, &found, NULL);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_list(txn, &list, NULL);
    } else if (status == PBASE_OK) {
        list = pbase_collection_list(found);
    }
    pbase_value value = pbase_value_int(number);
    status = status == PBASE_OK ? pbase_list_append(&list, &value, NULL) : status;
    if (status == PBASE_OK) {
        status = pbase_txn_dict(txn, "nested", &top, NULL);
        status = status == PBASE_NOT_FOUND ? pbase_txn_new_dict(txn, &top, NULL) : status;
    }
    pbase_field fields[] = {{pbase_bytes_text("number"), value},
                            {pbase_bytes_text("list"), pbase_value_of_list(list)}};
    pbase_value document = pbase_value_map(fields, 2);
    pbase_value handle = pbase_value_of_list(list);
    status = status == PBASE_OK ? pbase_dict_put(&top, &path[0], &document, NULL, NULL) : status;
    status = status == PBASE_OK ? pbase_dict_put(&top, &copy, &handle, NULL, NULL) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "nested", top, NULL) : status;
    pbase_dict_close(top);
    pbase_list_close(list);
    if (status != PBASE_OK) {
        pbase_txn_abort(&txn);
        return status;
    }
    return pbase_txn_commit(&txn, NULL, NULL, NULL);
}

/* Elements of the committed list and of its copy, which are the same. */
static uint64_t nested_count(void)
{
    pbase_value path[] = {pbase_value_int(1), pbase_value_text("list")}, copy = pbase_value_int(2);
    pbase_snapshot *snapshot = NULL;
    pbase_collection *list = NULL, *second = NULL;
    uint64_t count = 0, copied = 0;
    assert_int_equal(pbase_snapshot_open(f.fixture.database, &snapshot, NULL), PBASE_OK);
    if (pbase_snapshot_at(snapshot, "nested", path, 2, &list, NULL) == PBASE_OK) {
        assert_int_equal(pbase_snapshot_at(snapshot, "nested", &copy, 1, &second, NULL), PBASE_OK);
        assert_int_equal(pbase_collection_count(list, &count, NULL), PBASE_OK);
        assert_int_equal(pbase_collection_count(second, &copied, NULL), PBASE_OK);
    }
    assert_int_equal(count, copied);
    pbase_collection_close(list);
    pbase_collection_close(second);
    pbase_snapshot_close(snapshot);
    return count;
}

static void nested_changes_survive_every_failing_allocation(void **unused)
{
    (void)unused;
    pbase_status status = PBASE_OK;
    uint64_t count = 0;
    int64_t n = 1;
    fixture_open(&f.fixture);
    while (n < (int64_t)SWEEP_MAX &&
           fails_during(OS_CALL_MEMORY, (uint64_t)n, PBASE_NO_MEMORY, put_nested, n, &status)) {
        assert_true(status == PBASE_NO_MEMORY || status == PBASE_OK);
        count += status == PBASE_OK;
        assert_int_equal(nested_count(), count);
        n++;
    }
    print_message("%lld allocations\n", (long long)(n - 1));
    assert_int_equal(status, PBASE_OK);
    assert_true(n > 40 && n < (int64_t)SWEEP_MAX);
    fixture_assert_clean(&f.fixture);
    fixture_reopen(&f.fixture);
    assert_int_equal(nested_count(), count + 1);
    fixture_assert_clean(&f.fixture);
}

static pbase_status settle(int64_t unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = pbase_space_checkpoint(f.fixture.space, NULL, &err);
    if (status != PBASE_OK && status != PBASE_NO_MEMORY) {
        print_message("%s: %s\n", pbase_status_name(status), err.message);
    }
    return status;
}

static void settling_survives_every_failing_allocation(void **unused)
{
    (void)unused;
    pbase_status status;
    int64_t n = 1;
    bool more = true;
    fixture_open(&f.fixture);
    while (n < (int64_t)SWEEP_MAX && more) {
        assert_int_equal(put_pair(n), PBASE_OK);
        more = fails_during(OS_CALL_MEMORY, (uint64_t)n, PBASE_NO_MEMORY, settle, 0, &status);
        assert_true(status == PBASE_NO_MEMORY || status == PBASE_OK);
        assert_true(both_have(n) && both_have(0));
        n++;
    }
    print_message("%lld allocations\n", (long long)(n - 2));
    assert_true(n > 5 && n < (int64_t)SWEEP_MAX);
    fixture_assert_clean(&f.fixture);
    fixture_reopen(&f.fixture);
    for (int64_t key = 0; key < n; key++) {
        assert_true(both_have(key));
    }
    fixture_assert_clean(&f.fixture);
}

static pbase_status usage(int64_t unused)
{
    (void)unused;
    pbase_space_usage_report report = {.live_bytes = 1};
    pbase_status status = pbase_space_usage(f.fixture.space, NULL, &report, NULL);
    assert_true(status == PBASE_OK || report.live_bytes == 1); /* untouched on failure */
    return status;
}

static void looking_for_what_is_live_survives_every_failing_allocation(void **unused)
{
    (void)unused;
    pbase_status status = PBASE_NO_MEMORY;
    uint64_t n = 1;
    fixture_open(&f.fixture);
    assert_int_equal(put_nested(1), PBASE_OK);
    assert_int_equal(pbase_space_checkpoint(f.fixture.space, NULL, NULL), PBASE_OK);
    while (status != PBASE_OK) {
        assert_true(n < SWEEP_MAX);
        (void)fails_during(OS_CALL_MEMORY, n++, PBASE_NO_MEMORY, usage, 0, &status);
        assert_true(status == PBASE_NO_MEMORY || status == PBASE_OK);
    }
    print_message("%llu allocations\n", (unsigned long long)(n - 1));
    assert_true(n > 3);
    fixture_assert_clean(&f.fixture);
}

/* ------------------------------------------------------------------------------ files and disk -- */

static void opening_survives_every_failing_call(void **unused)
{
    (void)unused;
    pbase_status status;
    uint64_t n = 1;
    while (n < SWEEP_MAX && fails_during(OS_CALL_ANY, n, PBASE_IO, open_and_close, 0, &status)) {
        assert_int_equal(sim_os_memory_used(f.sim), 0);
        n++;
    }
    print_message("%llu calls\n", (unsigned long long)(n - 1));
    assert_true(n > 10 && n < SWEEP_MAX);
    fixture_open(&f.fixture);
    assert_true(both_have(0));
    fixture_assert_clean(&f.fixture);
}

/* What was acknowledged is there after reopening; what was not is there whole or not at all. */
static void work_survives_every_failing_call(pbase_status (*work)(int64_t), pbase_status code)
{
    pbase_status status;
    int64_t n = 1;
    bool more = true;
    while (n < (int64_t)SWEEP_MAX && more) {
        fixture_open(&f.fixture);
        more = fails_during(OS_CALL_ANY, (uint64_t)n, code, work, n, &status);
        bool acknowledged = status == PBASE_OK;
        fixture_reopen(&f.fixture);
        assert_true(both_have(n) || !acknowledged);
        assert_true(both_have(0));
        fixture_assert_clean(&f.fixture);
        fixture_close(&f.fixture);
        n++;
    }
    print_message("%lld calls\n", (long long)(n - 2));
    assert_true(n > 2 && n < (int64_t)SWEEP_MAX);
}

static void committing_survives_every_failing_call(void **unused)
{
    (void)unused;
    work_survives_every_failing_call(put_pair, PBASE_IO);
}

static void committing_survives_a_full_disk_at_every_call(void **unused)
{
    (void)unused;
    work_survives_every_failing_call(put_pair, PBASE_NO_SPACE);
}

static pbase_status commit_then_settle_quietly(int64_t key)
{
    pbase_status status = put_pair(key);
    if (status == PBASE_OK && settle(0) != PBASE_OK) {
        return PBASE_OK; /* the commit is acknowledged, whatever became of the checkpoint */
    }
    return status;
}

static void settling_survives_every_failing_call(void **unused)
{
    (void)unused;
    work_survives_every_failing_call(commit_then_settle_quietly, PBASE_IO);
}

static void a_flush_that_fails_once_refuses_commits_until_reopened(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    fixture_open(&f.fixture);
    assert_int_equal(put_pair(1), PBASE_OK);
    sim_os_fail_at(f.sim, OS_CALL_WRITE, 1, PBASE_IO, false);
    pbase_status failed = put_pair(2);
    sim_os_fail_at(f.sim, OS_CALL_WRITE, 0, PBASE_OK, false);
    assert_int_not_equal(failed, PBASE_OK);
    assert_int_equal(put_pair(3), PBASE_READ_ONLY);
    assert_int_equal(put_pair(4), PBASE_READ_ONLY);
    assert_true(both_have(1));
    fixture_reopen(&f.fixture);
    assert_true(both_have(1));
    assert_int_equal(put_pair(5), PBASE_OK);
}

static void a_full_disk_refuses_commits_and_loses_nothing(void **unused)
{
    (void)unused;
    fixture_open(&f.fixture);
    sim_os_disk_limit(f.sim, 600u << 10);
    int64_t n = 1;
    pbase_status status = PBASE_OK;
    int64_t acknowledged = 0;
    for (; n < 5000 && status == PBASE_OK; n++) {
        status = put_pair(n);
        acknowledged = status == PBASE_OK ? n : acknowledged;
        status = status == PBASE_OK ? settle(0) : status;
    }
    assert_true(n < 5000);
    assert_true(both_have(acknowledged) && both_have(0));
    sim_os_disk_limit(f.sim, 0);
    fixture_reopen(&f.fixture);
    for (int64_t key = 0; key <= acknowledged; key++) {
        assert_true(both_have(key));
    }
    assert_int_equal(put_pair(n), PBASE_OK);
    fixture_assert_clean(&f.fixture);
}

#define IN_A_SPACE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_SPACE(opening_survives_every_failing_allocation),
        IN_A_SPACE(committing_survives_every_failing_allocation),
        IN_A_SPACE(nested_changes_survive_every_failing_allocation),
        IN_A_SPACE(settling_survives_every_failing_allocation),
        IN_A_SPACE(keeping_an_index_survives_every_failing_allocation),
        IN_A_SPACE(looking_for_what_is_live_survives_every_failing_allocation),
        IN_A_SPACE(opening_survives_every_failing_call),
        IN_A_SPACE(committing_survives_every_failing_call),
        IN_A_SPACE(committing_survives_a_full_disk_at_every_call),
        IN_A_SPACE(settling_survives_every_failing_call),
        IN_A_SPACE(a_flush_that_fails_once_refuses_commits_until_reopened),
        IN_A_SPACE(a_full_disk_refuses_commits_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
