/* test_fork.c - a child of the process that opened a space may neither use nor end it. */
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static pbase_status ignore(void *state, const char *name, uint64_t value, const char *unit,
                           pbase_error *err)
{
    (void)state;
    (void)name;
    (void)value;
    (void)unit;
    (void)err;
    return PBASE_OK;
}

/* Bits of the calls that were not refused; in the child. */
static int calls_let_through(space_fixture *f, pbase_txn **begun)
{
    pbase_database *database = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_txn *txn = NULL;
    return (pbase_database_open(f->space, "main", &database, NULL) != PBASE_UNSUPPORTED) |
           (pbase_snapshot_open(f->database, &snapshot, NULL) != PBASE_UNSUPPORTED) << 1 |
           (pbase_txn_begin(f->database, NULL, &txn, NULL) != PBASE_UNSUPPORTED) << 2 |
           (pbase_txn_commit(begun, NULL, NULL, NULL) != PBASE_UNSUPPORTED) << 3 |
           (pbase_space_checkpoint(f->space, NULL, NULL) != PBASE_UNSUPPORTED) << 4 |
           (pbase_space_sync(f->space, NULL, NULL) != PBASE_UNSUPPORTED) << 5 |
           (pbase_space_stats(f->space, ignore, NULL, NULL) != PBASE_UNSUPPORTED) << 6;
}

static pbase_txn *begin_put(space_fixture *f, int64_t key)
{
    pbase_txn *txn = fixture_begin(f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "a");
    fixture_put(&dict, key, key);
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    return txn;
}

static void a_child_is_refused_and_the_parent_goes_on(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    pbase_txn *txn = begin_put(&f, 1);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(20); /* a hang is a failure */
        int wrong = calls_let_through(&f, &txn);
        fixture_close(&f);
        _exit(wrong);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    fixture_reopen(&f);
    assert_int_equal(fixture_get(&f, "a", 1), 1);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_child_is_refused_and_the_parent_goes_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
