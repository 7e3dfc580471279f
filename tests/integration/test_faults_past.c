/* test_faults_past.c - the past of a space and the feed of its changes, with every call below them
 * made to fail (fault_scene.h). */
#include "fault_scene.h"
#include "fault_space.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define RETAIN "storage.retention_count=100"
#define COMMITS 4

/* What the scenarios look back at: the first of some commits since the last checkpoint. */
static pbase_moment moment;

/* A collection in a plain value, and in an object. */
static void store_nested(fault_scene *s)
{
    pbase_txn *txn = fixture_begin(&s->fixture, PBASE_SERIALIZABLE);
    pbase_collection *list = NULL;
    assert_int_equal(pbase_txn_at(txn, "list2", NULL, 0, &list, NULL), PBASE_OK);
    pbase_field field = {pbase_bytes_text("list"), pbase_value_of_collection(list)};
    pbase_value value = pbase_value_map(&field, 1);
    assert_int_equal(pbase_txn_store_value(txn, "value", &value, NULL), PBASE_OK);
    assert_int_equal(pbase_object_put_as(txn, fault_object_id(1), "Robot", &value, NULL, NULL),
                     PBASE_OK);
    pbase_collection_close(list);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

/* Commits of several kinds; `moment` is that behind the first. */
static void some_commits(fault_scene *s)
{
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(fixture_put_one(&s->fixture, "dict", 5, (int64_t)s->round), PBASE_OK);
    assert_int_equal(pbase_snapshot_open(s->fixture.database, &snapshot, NULL), PBASE_OK);
    moment = pbase_moment_of_sequence(pbase_snapshot_sequence(snapshot));
    pbase_snapshot_close(snapshot);
    store_nested(s);
    assert_int_equal(fixture_put_one(&s->fixture, "people", 5, -1), PBASE_OK);
    assert_int_equal(fixture_put_one(&s->fixture, "dict", 5, -2), PBASE_OK);
}

static pbase_status read_at(pbase_snapshot *snapshot, fault_scene *s, pbase_error *err)
{
    pbase_dict *dict = NULL;
    pbase_value key = pbase_value_int(5), value;
    pbase_status status = pbase_snapshot_dict(snapshot, "dict", &dict, err);
    status = status == PBASE_OK ? pbase_dict_get(dict, &key, &s->arena, &value, err) : status;
    if (status == PBASE_OK) {
        assert_int_equal(value.as.integer, (int64_t)s->round);
    }
    pbase_dict_close(dict);
    return status;
}

static pbase_status open_at(fault_scene *s, pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_status status =
        pbase_snapshot_open_at(s->fixture.database, &moment, NULL, &snapshot, err);
    status = status == PBASE_OK ? read_at(snapshot, s, err) : status;
    pbase_snapshot_close(snapshot);
    return status;
}

static pbase_status open_named(fault_scene *s, pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_status status =
        pbase_snapshot_open_named(s->fixture.space, "main", &moment, NULL, &snapshot, err);
    status = status == PBASE_OK ? read_at(snapshot, s, err) : status;
    pbase_snapshot_close(snapshot);
    return status;
}

static pbase_status count_commit(void *state, const pbase_commit_info *commit, pbase_error *err)
{
    (void)err;
    *(uint64_t *)state += commit->sequence >= moment.sequence;
    return PBASE_OK;
}

static pbase_status history(fault_scene *s, pbase_error *err)
{
    pbase_history_range range = {.struct_size = sizeof range};
    pbase_moment parsed;
    uint64_t commits = 0;
    pbase_status status = pbase_moment_parse("2026-11-26T22:00:00Z", &parsed, err);
    assert_true(status == PBASE_OK && parsed.is_time != 0); /* it needs nothing */
    status = pbase_history_describe(s->fixture.space, &range, err);
    if (status == PBASE_OK) {
        status = pbase_history(s->fixture.space, moment.sequence, UINT64_MAX, NULL, count_commit,
                               &commits, err);
    }
    if (status == PBASE_OK) {
        assert_int_equal(range.newest_sequence, moment.sequence + COMMITS - 1);
        assert_int_equal(commits, COMMITS);
    }
    return status;
}

/* ---------------------------------------------------------------------------------- the feed ---- */

/* What not every event has. */
static pbase_status optional(pbase_status status)
{
    return status == PBASE_NOT_FOUND ? PBASE_OK : status;
}

/* Everything that an event can be asked. */
static pbase_status tell_one(pbase_watch *watch, fault_scene *s, const pbase_change *change,
                             pbase_error *err)
{
    pbase_change_child child;
    pbase_value value;
    pbase_status status = optional(pbase_watch_path(watch, &s->arena, &value, err));
    if (status == PBASE_OK) {
        status = optional(pbase_watch_class(watch, &s->arena, &value, err));
    }
    if (status == PBASE_OK && change->has_key) {
        status = pbase_watch_key(watch, &s->arena, &value, err);
    }
    if (status == PBASE_OK && change->has_value) {
        status = pbase_watch_value(watch, &s->arena, &value, err);
    }
    for (uint32_t n = 0; n < change->children && status == PBASE_OK; n++) {
        status = pbase_watch_child(watch, n, &child, err);
        s->digest += status == PBASE_OK;
    }
    return status;
}

/* What happened since `moment`; ends with the last commit. */
static pbase_status tell_all(pbase_watch *watch, fault_scene *s, uint64_t *out_commits,
                             pbase_error *err)
{
    const pbase_change *change = NULL;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && *out_commits < COMMITS) {
        status = pbase_watch_next(watch, NULL, &change, err);
        status = status == PBASE_OK ? tell_one(watch, s, change, err) : status;
        *out_commits += status == PBASE_OK && change->is_last;
    }
    return status;
}

static pbase_status watch(fault_scene *s, pbase_error *err)
{
    pbase_watch_options options = PBASE_WATCH_OPTIONS_INIT;
    pbase_watch *feed = NULL;
    uint64_t commits = 0;
    options.from = moment.sequence;
    pbase_status status =
        pbase_watch_open(s->fixture.space, s->fixture.database, &options, &feed, err);
    status = status == PBASE_OK ? tell_all(feed, s, &commits, err) : status;
    if (status == PBASE_OK) {
        assert_true(pbase_watch_sequence(feed) >= moment.sequence + COMMITS - 2); /* one is lent */
        assert_true(s->digest >= 2);
    }
    pbase_watch_close(feed);
    return status;
}

/* Of one root of every database: fewer commits have something to tell. */
static pbase_status watch_root(fault_scene *s, pbase_error *err)
{
    pbase_watch_options options = PBASE_WATCH_OPTIONS_INIT;
    pbase_watch *feed = NULL;
    const pbase_change *change = NULL;
    options.from = moment.sequence;
    options.root = "people";
    pbase_status status = pbase_watch_open(s->fixture.space, NULL, &options, &feed, err);
    status = status == PBASE_OK ? pbase_watch_next(feed, NULL, &change, err) : status;
    if (status == PBASE_OK) {
        assert_string_equal(change->root, "people");
        assert_int_equal(change->sequence, moment.sequence + 2);
        status = tell_one(feed, s, change, err);
    }
    pbase_watch_close(feed);
    return status;
}

static const fault_scenario scenarios[] = {
    {.name = "snapshot_open_at",
     .functions = "pbase_snapshot_open_at",
     .place = FAULT_IN_SPACE,
     .given = some_commits,
     .when = open_at,
     .commits = true,
     .sets = {RETAIN}},
    {.name = "snapshot_open_named",
     .functions = "pbase_snapshot_open_named",
     .place = FAULT_IN_SPACE,
     .given = some_commits,
     .when = open_named,
     .commits = true,
     .sets = {RETAIN}},
    {.name = "history",
     .functions = "pbase_history_describe pbase_history pbase_moment_parse",
     .place = FAULT_IN_SPACE,
     .given = some_commits,
     .when = history,
     .commits = true,
     .sets = {RETAIN}},
    {.name = "watch",
     .functions = "pbase_watch_open pbase_watch_next pbase_watch_key pbase_watch_value "
                  "pbase_watch_path pbase_watch_class pbase_watch_child "
                  "pbase_watch_sequence pbase_watch_close",
     .place = FAULT_IN_SPACE,
     .given = some_commits,
     .when = watch,
     .commits = true,
     .sets = {RETAIN}},
    {.name = "watch_root",
     .functions = "pbase_watch_open pbase_watch_next pbase_watch_key pbase_watch_value",
     .place = FAULT_IN_SPACE,
     .given = some_commits,
     .when = watch_root,
     .commits = true,
     .sets = {RETAIN}},
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
