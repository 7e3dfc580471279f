/* test_faults_space.c - a space as a whole and its databases: settling, checking, making and dropping,
 * with every call below them made to fail (fault_scene.h). Opening: test_faults_opening.c. */
#include "fault_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---------------------------------------------------------------------------------- in an open one -- */

static void something_to_settle(fault_scene *s)
{
    assert_int_equal(fixture_put_one(&s->fixture, "dict", 5, (int64_t)s->round), PBASE_OK);
    assert_int_equal(fixture_put_one(&s->fixture, "small", 5, (int64_t)s->round), PBASE_OK);
}

static pbase_status checkpoint(fault_scene *s, pbase_error *err)
{
    return pbase_space_checkpoint(s->fixture.space, NULL, err);
}

static pbase_status compact(fault_scene *s, pbase_error *err)
{
    pbase_compact_report report;
    return pbase_space_compact(s->fixture.space, NULL, &report, err);
}

static pbase_status count_progress(void *state, uint64_t done, uint64_t total, pbase_error *err)
{
    (void)err;
    assert_true(done <= total);
    ++*(uint64_t *)state;
    return PBASE_OK;
}

static pbase_status compact_with(fault_scene *s, pbase_error *err)
{
    uint64_t heard = 0;
    pbase_compact_report report;
    const pbase_compact_options options = {
        .struct_size = sizeof options, .progress = count_progress, .state = &heard};
    pbase_status status = pbase_space_compact_with(s->fixture.space, &options, NULL, &report, err);
    assert_true(status != PBASE_OK || heard > 0);
    return status;
}

static void settled_is_there(fault_scene *s)
{
    assert_int_equal(fixture_get(&s->fixture, "dict", 5), (int64_t)s->round);
    assert_int_equal(fixture_get(&s->fixture, "small", 5), (int64_t)s->round);
}

static void something_unflushed(fault_scene *s)
{
    pbase_txn_options options = pbase_txn_options_default();
    pbase_txn *txn = NULL;
    options.durability = PBASE_DURABILITY_NONE;
    assert_int_equal(pbase_txn_begin(s->fixture.database, &options, &txn, NULL), PBASE_OK);
    pbase_dict *dict = fixture_dict(txn, "dict");
    fixture_put(&dict, 5, (int64_t)s->round);
    assert_int_equal(pbase_txn_store_dict(txn, "dict", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static pbase_status sync_space(fault_scene *s, pbase_error *err)
{
    return pbase_space_sync(s->fixture.space, NULL, err);
}

static pbase_status count_finding(void *state, pbase_status code, const char *place,
                                  const char *message, pbase_error *err)
{
    (void)err;
    (void)code;
    (void)place;
    (void)message;
    ++*(uint64_t *)state;
    return PBASE_OK;
}

static pbase_status check(fault_scene *s, pbase_error *err)
{
    pbase_check_report report;
    uint64_t findings = 0;
    pbase_status status =
        pbase_space_check(s->fixture.space, NULL, count_finding, &findings, &report, err);
    if (!s->is_disk) { /* an atom that cannot be read is a finding, lack of memory is none */
        assert_int_equal(findings, 0);
        assert_true(status != PBASE_OK || (report.databases == 4 && report.indexes >= 3));
    }
    assert_true(status != PBASE_OK || report.findings == findings);
    return status;
}

static pbase_status quick_check(fault_scene *s, pbase_error *err)
{
    pbase_check_report report;
    uint64_t findings = 0;
    const pbase_check_options options = {
        .each = count_finding, .state = &findings, .is_quick = true};
    pbase_status status = pbase_space_check_with(s->fixture.space, &options, NULL, &report, err);
    assert_true(s->is_disk || findings == 0);
    assert_true(status != PBASE_OK || report.findings == findings);
    return status;
}

static pbase_status count_figure(void *state, const char *name, uint64_t value, const char *unit,
                                 pbase_error *err)
{
    (void)value;
    (void)unit;
    (void)err;
    *(uint64_t *)state += name[0] != '\0';
    return PBASE_OK;
}

static pbase_status stats(fault_scene *s, pbase_error *err)
{
    uint64_t figures = 0;
    pbase_status status = pbase_space_stats(s->fixture.space, count_figure, &figures, err);
    assert_true(status != PBASE_OK || figures > 20);
    return status;
}

static pbase_status usage(fault_scene *s, pbase_error *err)
{
    pbase_space_usage_report report = {0};
    pbase_status status = pbase_space_usage(s->fixture.space, NULL, &report, err);
    assert_true(status != PBASE_OK || report.live_atoms > 100);
    return status;
}

/* Beside a snapshot, which is not what is to fail. */
static pbase_status pinned(fault_scene *s, pbase_error *err)
{
    pbase_space_pinned_report report = {0};
    pbase_snapshot *snapshot = NULL;
    pbase_status status = pbase_snapshot_open(s->fixture.database, &snapshot, err);
    if (status == PBASE_OK) {
        status = pbase_space_pinned(s->fixture.space, NULL, &report, err);
        assert_true(status != PBASE_OK || report.snapshots == 1);
    }
    pbase_snapshot_close(snapshot);
    return status;
}

/* ------------------------------------------------------------------------------- unknown outcome -- */

static pbase_token token;

/* A commit that ends as UNKNOWN, whose token is asked about after opening again. */
static void an_unknown_commit(fault_scene *s)
{
    pbase_status status = PBASE_OK;
    for (uint64_t n = 1; status != PBASE_UNKNOWN; n++) {
        pbase_error err;
        pbase_error_init(&err);
        assert_true(n < 50);
        pbase_txn *txn = fixture_begin(&s->fixture, PBASE_SERIALIZABLE);
        pbase_dict *dict = fixture_dict(txn, "dict");
        fixture_put(&dict, 5, (int64_t)n);
        assert_int_equal(pbase_txn_store_dict(txn, "dict", dict, NULL), PBASE_OK);
        pbase_dict_close(dict);
        sim_os_fail_at(s->sim, OS_CALL_WRITE, n, PBASE_IO, true);
        status = pbase_txn_commit(&txn, NULL, NULL, &err);
        sim_os_fail_at(s->sim, OS_CALL_WRITE, 0, PBASE_OK, false);
        token = err.token;
        fixture_reopen(&s->fixture);
    }
}

static pbase_status outcome(fault_scene *s, pbase_error *err)
{
    bool applied = false;
    return pbase_space_outcome(s->fixture.space, NULL, token, &applied, err);
}

/* -------------------------------------------------------------------------------------- databases -- */

static pbase_status database_open(fault_scene *s, pbase_error *err)
{
    pbase_database *database = NULL, *second = NULL;
    pbase_status status = pbase_database_open(s->fixture.space, "other", &database, err);
    status = status == PBASE_OK ? pbase_database_ensure(s->fixture.space, "other", &second, err)
                                : status;
    if (status == PBASE_OK) {
        assert_string_equal(pbase_database_name(database), "other");
    }
    pbase_database_close(second);
    pbase_database_close(database);
    return status;
}

static pbase_status count_name(void *state, const char *name, pbase_error *err)
{
    (void)err;
    *(uint64_t *)state += name[0] != '\0';
    return PBASE_OK;
}

static pbase_status count_info(void *state, const pbase_database_info *info, pbase_error *err)
{
    (void)err;
    *(uint64_t *)state += info->name[0] != '\0';
    return PBASE_OK;
}

static pbase_status database_list(fault_scene *s, pbase_error *err)
{
    pbase_space *space = s->fixture.space;
    pbase_database_info info = {.kind = 9};
    uint64_t names = 0, infos = 0;
    pbase_status status = pbase_database_list(space, count_name, &names, err);
    status = status == PBASE_OK ? pbase_database_infos(space, count_info, &infos, err) : status;
    status = status == PBASE_OK ? pbase_database_describe(space, "branch", &s->arena, &info, err)
                                : status;
    if (status == PBASE_OK) {
        assert_true(names == 4 && infos == 4 && info.kind == PBASE_DATABASE_BRANCH);
        assert_string_equal(info.origin, "main");
    }
    return status;
}

static pbase_status database_create(fault_scene *s, pbase_error *err)
{
    return pbase_database_create(s->fixture.space, "made", err);
}

static pbase_status database_ensure(fault_scene *s, pbase_error *err)
{
    pbase_database *database = NULL;
    pbase_status status = pbase_database_ensure(s->fixture.space, "made", &database, err);
    assert_true((status == PBASE_OK) == (database != NULL));
    pbase_database_close(database);
    return status;
}

static pbase_status database_snapshot(fault_scene *s, pbase_error *err)
{
    return pbase_database_snapshot(s->fixture.space, "main", "made", err);
}

static pbase_status database_branch(fault_scene *s, pbase_error *err)
{
    return pbase_database_branch(s->fixture.space, "main", "made", err);
}

/* Drops what was made, so that the next round can make it again. */
static void drop_made(fault_scene *s)
{
    assert_int_equal(pbase_database_drop(s->fixture.space, "made", NULL), PBASE_OK);
}

static void one_to_drop(fault_scene *s)
{
    pbase_status status = pbase_database_branch(s->fixture.space, "main", "made", NULL);
    assert_true(status == PBASE_OK || status == PBASE_EXISTS);
}

static pbase_status database_drop(fault_scene *s, pbase_error *err)
{
    return pbase_database_drop(s->fixture.space, "made", err);
}

static pbase_status database_rename(fault_scene *s, pbase_error *err)
{
    return pbase_database_rename(s->fixture.space, "other", "made", err);
}

static void name_it_back(fault_scene *s)
{
    assert_int_equal(pbase_database_rename(s->fixture.space, "made", "other", NULL), PBASE_OK);
}

static const fault_scenario scenarios[] = {
    {.name = "quick_check",
     .functions = "pbase_space_check_with",
     .place = FAULT_IN_SPACE,
     .when = quick_check},
    {.name = "checkpoint",
     .functions = "pbase_space_checkpoint",
     .place = FAULT_IN_SPACE,
     .given = something_to_settle,
     .when = checkpoint,
     .then = settled_is_there,
     .commits = true},
    {.name = "compact",
     .functions = "pbase_space_compact",
     .place = FAULT_IN_SPACE,
     .given = something_to_settle,
     .when = compact,
     .then = settled_is_there,
     .commits = true},
    {.name = "compact_with",
     .functions = "pbase_space_compact_with",
     .place = FAULT_IN_SPACE,
     .given = something_to_settle,
     .when = compact_with,
     .then = settled_is_there,
     .commits = true},
    {.name = "sync",
     .functions = "pbase_space_sync",
     .place = FAULT_IN_SPACE,
     .given = something_unflushed,
     .when = sync_space,
     .commits = true,
     .is_quiet = true},
    {.name = "check",
     .functions = "pbase_space_check",
     .place = FAULT_IN_SPACE,
     .when = check,
     .is_cold = true},
    {.name = "stats",
     .functions = "pbase_space_stats",
     .place = FAULT_IN_SPACE,
     .when = stats,
     .is_quiet = true},
    {.name = "usage",
     .functions = "pbase_space_usage",
     .place = FAULT_IN_SPACE,
     .when = usage,
     .is_cold = true},
    {.name = "pinned",
     .functions = "pbase_space_pinned",
     .place = FAULT_IN_SPACE,
     .when = pinned,
     .is_cold = true},
    {.name = "outcome",
     .functions = "pbase_space_outcome",
     .place = FAULT_IN_SPACE,
     .given = an_unknown_commit,
     .when = outcome,
     .commits = true},
    {.name = "database_open",
     .functions = "pbase_database_open pbase_database_ensure pbase_database_name "
                  "pbase_database_close",
     .place = FAULT_IN_SPACE,
     .when = database_open},
    {.name = "database_list",
     .functions = "pbase_database_list pbase_database_infos pbase_database_describe",
     .place = FAULT_IN_SPACE,
     .when = database_list},
    {.name = "database_create",
     .functions = "pbase_database_create",
     .place = FAULT_IN_SPACE,
     .when = database_create,
     .then = drop_made,
     .commits = true},
    {.name = "database_ensure",
     .functions = "pbase_database_ensure",
     .place = FAULT_IN_SPACE,
     .when = database_ensure,
     .then = drop_made,
     .commits = true,
     .commits_parts = true},
    {.name = "database_snapshot",
     .functions = "pbase_database_snapshot",
     .place = FAULT_IN_SPACE,
     .when = database_snapshot,
     .then = drop_made,
     .commits = true},
    {.name = "database_branch",
     .functions = "pbase_database_branch",
     .place = FAULT_IN_SPACE,
     .when = database_branch,
     .then = drop_made,
     .commits = true},
    {.name = "database_drop",
     .functions = "pbase_database_drop",
     .place = FAULT_IN_SPACE,
     .given = one_to_drop,
     .when = database_drop,
     .commits = true},
    {.name = "database_rename",
     .functions = "pbase_database_rename",
     .place = FAULT_IN_SPACE,
     .when = database_rename,
     .then = name_it_back,
     .commits = true},
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
