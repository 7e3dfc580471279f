/* test_faults_indexes.c - making, keeping, asking, checking and dropping indexes, with every call
 * below them made to fail (fault_scene.h). */
#include "fault_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---------------------------------------------------------------------------- making, dropping ---- */

static pbase_status make(fault_scene *s, const char *field, bool unique, pbase_error *err)
{
    const char *const fields[] = {field};
    pbase_index_options options = {
        .struct_size = sizeof options, .unique = unique, .fields = fields, .field_count = 1};
    return pbase_index_create(s->fixture.database, "people", "made", &options, NULL, err);
}

static pbase_status index_create(fault_scene *s, pbase_error *err)
{
    return make(s, "age", false, err);
}

static pbase_status index_create_unique(fault_scene *s, pbase_error *err)
{
    return make(s, "id", true, err);
}

static pbase_status index_create_multikey(fault_scene *s, pbase_error *err)
{
    return make(s, "tags[*]", false, err);
}

/* Two rows have one key: said by name, and nothing is made. */
static pbase_status index_create_refused(fault_scene *s, pbase_error *err)
{
    pbase_status status = make(s, "age", true, err);
    assert_int_not_equal(status, PBASE_OK);
    return status == PBASE_EXISTS ? PBASE_OK : status;
}

static void drop_made(fault_scene *s)
{
    assert_int_equal(pbase_index_drop(s->fixture.database, "people", "made", NULL, NULL), PBASE_OK);
}

static void one_to_drop(fault_scene *s)
{
    pbase_status status = make(s, "age", false, NULL);
    assert_true(status == PBASE_OK || status == PBASE_EXISTS);
}

static pbase_status index_drop(fault_scene *s, pbase_error *err)
{
    return pbase_index_drop(s->fixture.database, "people", "made", NULL, err);
}

/* ------------------------------------------------------------------------------------- keeping ---- */

static pbase_status put_person(pbase_dict **people, int64_t id, const char *name, int64_t age,
                               pbase_error *err)
{
    pbase_value tags[] = {pbase_value_text("green"), pbase_value_text("white")};
    pbase_value key = pbase_value_int(id);
    pbase_field fields[] = {{pbase_bytes_text("name"), pbase_value_text(name)},
                            {pbase_bytes_text("city"), pbase_value_text("Lima")},
                            {pbase_bytes_text("age"), pbase_value_int(age)},
                            {pbase_bytes_text("tags"), pbase_value_list(tags, 2)}};
    pbase_value document = pbase_value_map(fields, 4);
    return pbase_dict_put(people, &key, &document, NULL, err);
}

/* Rows that come, change and go: each index follows in the same commit. */
static pbase_status commit_keeping_indexes(fault_scene *s, pbase_error *err)
{
    pbase_dict *people = fault_dict(s, 0);
    pbase_value gone = pbase_value_int((int64_t)s->round % 100 + 1);
    pbase_status status = put_person(&people, 1000, "newcomer", (int64_t)s->round, err);
    status = status == PBASE_OK ? put_person(&people, 150, "changed", 33, err) : status;
    status = status == PBASE_OK ? pbase_dict_remove(&people, &gone, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(s->txn, "people", people, err) : status;
    pbase_dict_close(people);
    s->held[0] = NULL;
    return status == PBASE_OK ? pbase_txn_commit(&s->txn, NULL, NULL, err) : status;
}

static void indexes_are_right(fault_scene *s)
{
    fixture_assert_clean(&s->fixture);
}

/* Another commit came between: the index entries are merged, too. */
static void another_committed(fault_scene *s)
{
    pbase_txn *txn = fixture_begin(&s->fixture, PBASE_SERIALIZABLE);
    pbase_dict *people = fixture_dict(txn, "people");
    assert_int_equal(put_person(&people, 2000, "another", (int64_t)s->round, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "people", people, NULL), PBASE_OK);
    pbase_dict_close(people);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

/* A second row with the key of a unique index. */
static pbase_status commit_refused(fault_scene *s, pbase_error *err)
{
    pbase_dict *people = fault_dict(s, 0);
    pbase_status status =
        put_person(&people, 1000, "person 00000000000000000000000000000007", 1, err);
    status = status == PBASE_OK ? pbase_txn_store_dict(s->txn, "people", people, err) : status;
    pbase_dict_close(people);
    s->held[0] = NULL;
    status = status == PBASE_OK ? pbase_txn_commit(&s->txn, NULL, NULL, err) : status;
    assert_int_not_equal(status, PBASE_OK);
    return status == PBASE_EXISTS ? PBASE_OK : status;
}

/* ------------------------------------------------------------------------------- looking at them -- */

static pbase_status count_index(void *state, const pbase_index_info *info, pbase_error *err)
{
    (void)err;
    *(uint64_t *)state += info->entries;
    return PBASE_OK;
}

static pbase_status index_list(fault_scene *s, pbase_error *err)
{
    pbase_status status = pbase_index_list(s->snapshot, "people", count_index, &s->digest, err);
    return status == PBASE_OK ? pbase_index_list(s->snapshot, NULL, count_index, &s->digest, err)
                              : status;
}

static pbase_status count_finding(void *state, pbase_status code, const char *place,
                                  const char *message, pbase_error *err)
{
    (void)code;
    (void)place;
    (void)message;
    (void)err;
    ++*(uint64_t *)state;
    return PBASE_OK;
}

static pbase_status index_check(fault_scene *s, pbase_error *err)
{
    pbase_index_report report;
    uint64_t findings = 0;
    pbase_status status =
        pbase_index_check(s->snapshot, NULL, NULL, NULL, count_finding, &findings, &report, err);
    assert_true(s->is_disk || findings == 0); /* what cannot be read is a finding */
    assert_true(status != PBASE_OK || (report.indexes == 3 && report.findings == findings));
    return status;
}

#define MAKES(noun)                                                                                \
    {                                                                                              \
        .name = #noun, .functions = "pbase_index_create", .place = FAULT_IN_SPACE, .when = (noun), \
        .then = drop_made, .commits = true                                                         \
    }

static const fault_scenario scenarios[] = {
    MAKES(index_create),
    MAKES(index_create_unique),
    MAKES(index_create_multikey),
    {.name = "index_create_refused",
     .functions = "pbase_index_create",
     .place = FAULT_IN_SPACE,
     .when = index_create_refused},
    {.name = "index_drop",
     .functions = "pbase_index_drop",
     .place = FAULT_IN_SPACE,
     .given = one_to_drop,
     .when = index_drop,
     .commits = true},
    {.name = "commit_keeping_indexes",
     .functions = "pbase_txn_commit",
     .place = FAULT_IN_TXN,
     .roots = {"people"},
     .when = commit_keeping_indexes,
     .then = indexes_are_right,
     .commits = true,
     .ends = true},
    {.name = "commit_merging_indexes",
     .functions = "pbase_txn_commit",
     .place = FAULT_IN_TXN,
     .roots = {"people"},
     .given = another_committed,
     .when = commit_keeping_indexes,
     .then = indexes_are_right,
     .commits = true,
     .ends = true},
    {.name = "commit_refused_by_unique_index",
     .functions = "pbase_txn_commit",
     .place = FAULT_IN_TXN,
     .roots = {"people"},
     .when = commit_refused,
     .ends = true},
    {.name = "index_list",
     .functions = "pbase_index_list",
     .place = FAULT_IN_SNAPSHOT,
     .when = index_list,
     .is_cold = true},
    {.name = "index_check",
     .functions = "pbase_index_check",
     .place = FAULT_IN_SNAPSHOT,
     .when = index_check,
     .is_cold = true},
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
