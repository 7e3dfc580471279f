/* space_fixture.c - opening spaces in tests. */
#include "space_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void fixture_prepare(space_fixture *self, const char *data, const pbase_os *os)
{
    memset(self, 0, sizeof *self);
    self->source = (pbase_config_source)PBASE_CONFIG_SOURCE_INIT;
    self->options = (pbase_space_options)PBASE_SPACE_OPTIONS_INIT;
    self->options.os = os;
    self->source.os = os;
    self->source.sets = self->sets;
    self->source.plugin_dirs = self->plugin_dirs;
    self->plugin_dirs[0] = getenv("PBASE_PLUGIN_DIR");
    assert_non_null(self->plugin_dirs[0]);
    self->source.plugin_dir_count = 1;
    if (data == NULL) {
        self->source.memory = 1;
    } else {
        (void)snprintf(self->data, sizeof self->data, "%s", data);
        self->source.data = self->data;
    }
    const char *everywhere =
        getenv("PBASE_TEST_SET"); /* what ctest runs these tests with once more */
    if (everywhere != NULL) {
        fixture_set(self, everywhere);
    }
}

void fixture_set(space_fixture *self, const char *assignment)
{
    assert_true(self->source.set_count < FIXTURE_SETS_MAX);
    self->sets[self->source.set_count++] = assignment;
}

pbase_status fixture_try_open(space_fixture *self, pbase_error *err)
{
    pbase_status status = pbase_space_open(&self->source, &self->options, &self->space, err);
    if (status == PBASE_OK) {
        status = pbase_database_ensure(self->space, "main", &self->database, err);
    }
    if (status != PBASE_OK) {
        fixture_close(self);
    }
    return status;
}

void fixture_open(space_fixture *self)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = fixture_try_open(self, &err);
    assert_ok(status, &err);
}

void fixture_memory(space_fixture *self)
{
    fixture_prepare(self, NULL, NULL);
    fixture_open(self);
}

void fixture_file(space_fixture *self)
{
    temp_dir dir;
    temp_dir_create(&dir);
    fixture_prepare(self, temp_dir_path(&dir, "space"), NULL);
    self->dir = dir;
    self->has_dir = true;
    fixture_open(self);
}

void fixture_close(space_fixture *self)
{
    pbase_database_close(self->database);
    pbase_space_close(self->space);
    self->database = NULL;
    self->space = NULL;
}

void fixture_reopen(space_fixture *self)
{
    fixture_close(self);
    fixture_open(self);
}

void fixture_end(space_fixture *self)
{
    fixture_close(self);
    if (self->has_dir) {
        temp_dir_remove(&self->dir);
    }
}

pbase_txn *fixture_begin(space_fixture *self, int32_t isolation)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_txn *txn = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.isolation = isolation;
    pbase_status status = pbase_txn_begin(self->database, &options, &txn, &err);
    assert_ok(status, &err);
    return txn;
}

pbase_status fixture_commit(pbase_txn **txn)
{
    return pbase_txn_commit(txn, NULL, NULL, NULL);
}

pbase_dict *fixture_dict(pbase_txn *txn, const char *name)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_dict(txn, name, &dict, &err);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_dict(txn, &dict, &err);
    }
    assert_ok(status, &err);
    return dict;
}

void fixture_put(pbase_dict **dict, int64_t key, int64_t value)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_value k = pbase_value_int(key), v = pbase_value_int(value);
    pbase_status status = pbase_dict_put(dict, &k, &v, NULL, &err);
    assert_ok(status, &err);
}

pbase_status fixture_put_one(space_fixture *self, const char *name, int64_t key, int64_t value)
{
    pbase_txn *txn = fixture_begin(self, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, name);
    fixture_put(&dict, key, value);
    assert_int_equal(pbase_txn_store_dict(txn, name, dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    return fixture_commit(&txn);
}

int64_t fixture_get(space_fixture *self, const char *name, int64_t key)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_value k = pbase_value_int(key), v = pbase_value_int(INT64_MIN);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_snapshot_open(self->database, &snapshot, &err);
    status = status == PBASE_OK ? pbase_snapshot_dict(snapshot, name, &dict, &err) : status;
    status = status == PBASE_OK ? pbase_dict_get(dict, &k, &arena, &v, &err) : status;
    if (status != PBASE_NOT_FOUND) {
        assert_ok(status, &err);
    }
    assert_int_equal(v.kind, PBASE_INT);
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
    return v.as.integer;
}

uint64_t fixture_count(space_fixture *self, const char *name)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_snapshot *snapshot = NULL;
    pbase_root_info info = {.count = 0};
    pbase_status status = pbase_snapshot_open(self->database, &snapshot, &err);
    status = status == PBASE_OK ? pbase_snapshot_root(snapshot, name, &info, &err) : status;
    if (status != PBASE_NOT_FOUND) {
        assert_ok(status, &err);
    }
    pbase_snapshot_close(snapshot);
    return info.count;
}

static pbase_status print_finding(void *state, pbase_status code, const char *place,
                                  const char *message, pbase_error *err)
{
    (void)state;
    (void)err;
    print_message("%s: %s: %s\n", pbase_status_name(code), place, message);
    return PBASE_OK;
}

void fixture_assert_clean(space_fixture *self)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_check_report report;
    pbase_status status = pbase_space_check(self->space, NULL, print_finding, NULL, &report, &err);
    assert_ok(status, &err);
    assert_int_equal(report.findings, 0);
}
