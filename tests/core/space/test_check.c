/* test_check.c - what a check finds, counts, and how it is ended. */
#include "collection/change.h"
#include "space_fixture.h"
#include "txn/database.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static space_fixture f;

static int begin(void **unused)
{
    (void)unused;
    fixture_memory(&f);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_end(&f);
    return 0;
}

typedef struct {
    unsigned calls;
    pbase_status code; /* of the last finding */
    char place[256];
    pbase_status answer;
} listener;

static pbase_status hear(void *state, pbase_status code, const char *place, const char *message,
                         pbase_error *err)
{
    listener *self = state;
    (void)message;
    self->calls++;
    self->code = code;
    (void)strncpy(self->place, place, sizeof self->place - 1);
    return self->answer == PBASE_OK ? PBASE_OK : PBASE_FAIL(err, self->answer, "enough");
}

/* Puts a plain root that names a codec nobody has, past all checks of a transaction. */
static void store_nonsense(const char *name)
{
    static const uint8_t no_codec[] = {0x7e, 'x'};
    const pbase_host *host = engine_host(f.database->engine);
    key_scratch scratch;
    access_set writes;
    pbase_buffer operations;
    change operation = {.op = CHANGE_PUT, .value = pbase_bytes_of(no_codec, sizeof no_codec)};
    pbase_value text = pbase_value_string(pbase_bytes_text(name));
    key_scratch_init(&scratch, host->alloc);
    access_set_init(&writes, host);
    pbase_buffer_init(&operations, host->alloc);
    assert_int_equal(key_encode(&text, &scratch, &operation.key, NULL), PBASE_OK);
    assert_int_equal(change_write(&operation, &operations, NULL), PBASE_OK);
    commit_group group = {.group = {.form = GROUP_CHANGE,
                                    .kind = PBASE_COLLECTION_DICT,
                                    .operations = pbase_buffer_view(&operations)}};
    engine_commit_request request = {.kind = RECORD_DELTA,
                                     .durability = PBASE_DURABILITY_DEFAULT,
                                     .database = f.database->id,
                                     .groups = &group,
                                     .group_count = 1,
                                     .base = UINT64_MAX,
                                     .writes = &writes};
    assert_int_equal(engine_commit(f.database->engine, &request, NULL, NULL), PBASE_OK);
    pbase_buffer_fini(&operations);
    access_set_fini(&writes);
    key_scratch_fini(&scratch);
}

static void a_clean_space_is_counted_and_nothing_is_found(void **unused)
{
    (void)unused;
    listener heard = {.calls = 0};
    pbase_check_report report;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "b", 1, 1), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "b", 2, 1), PBASE_OK);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_space_check(f.space, NULL, hear, &heard, &report, NULL), PBASE_OK);
    assert_int_equal(heard.calls, 0);
    assert_int_equal(report.findings, 0);
    assert_int_equal(report.databases, 1);
    assert_int_equal(report.collections, 2);
    assert_int_equal(report.entries, 3);
    assert_true(report.atoms > 0 && report.bytes > 0);
}

static void damage_in_one_root_is_told_with_its_place_and_the_next_is_looked_at(void **unused)
{
    (void)unused;
    listener heard = {.calls = 0};
    pbase_check_report report;
    store_nonsense("bad");
    store_nonsense("worse");
    assert_int_equal(fixture_put_one(&f, "good", 1, 1), PBASE_OK);
    assert_int_equal(pbase_space_check(f.space, NULL, hear, &heard, &report, NULL), PBASE_OK);
    assert_int_equal(heard.calls, 2);
    assert_int_equal(report.findings, 2);
    assert_int_equal(report.entries, 1);
    assert_int_equal(heard.code, PBASE_CORRUPT);
    assert_string_equal(heard.place, "database 'main', root 'worse'");
}

static void a_listener_that_has_heard_enough_ends_the_check(void **unused)
{
    (void)unused;
    listener heard = {.answer = PBASE_CANCELLED};
    pbase_check_report report;
    store_nonsense("bad");
    store_nonsense("worse");
    assert_int_equal(pbase_space_check(f.space, NULL, hear, &heard, &report, NULL),
                     PBASE_CANCELLED);
    assert_int_equal(heard.calls, 1);
}

static void a_check_whose_time_is_up_says_so(void **unused)
{
    (void)unused;
    listener heard = {.calls = 0};
    pbase_check_report report;
    pbase_call call = {.deadline_ns = 1};
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    store_nonsense("Bad"); /* before "a": there is a finding already when the time is up */
    assert_int_equal(pbase_space_check(f.space, &call, hear, &heard, &report, NULL), PBASE_TIMEOUT);
}

/* ------------------------------------------------------------------------------- damage --------- */

#define PLACES_MAX 64u

typedef struct {
    char lines[PLACES_MAX][700]; /* place: message */
    size_t count;
} places;

static pbase_status hear_place(void *state, pbase_status code, const char *place,
                               const char *message, pbase_error *err)
{
    places *self = state;
    (void)code;
    (void)err;
    if (self->count < PLACES_MAX) {
        (void)snprintf(self->lines[self->count++], sizeof self->lines[0], "%s: %s", place, message);
    }
    return PBASE_OK;
}

static bool told(const places *self, const char *part, const char *other)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strstr(self->lines[i], part) != NULL && strstr(self->lines[i], other) != NULL) {
            return true;
        }
    }
    return false;
}

/* Turns over a bit at every `step` bytes of the segment, which lies in the folder of the space. */
static void damage_segment(const char *segment, size_t from, size_t step)
{
    char path[PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/store/%s", f.data, segment);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    for (long at = (long)from; at < size; at += (long)step) {
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        int byte = fgetc(file);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        assert_int_not_equal(fputc(byte ^ 0x10, file), EOF);
    }
    assert_int_equal(fclose(file), 0);
}

/* Leaves the first 20,000 bytes of a file. */
static void cut(const char *path)
{
    static char bytes[20000];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), sizeof bytes);
    (void)fclose(file);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
    assert_int_equal(fclose(file), 0);
}

static int begin_files(void **unused)
{
    (void)unused;
    temp_dir dir;
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    f.dir = dir;
    f.has_dir = true;
    fixture_set(&f, "storage.retention_count=4");
    fixture_open(&f);
    return 0;
}

static void fill(const char *name, int64_t count, int64_t value)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, name);
    for (int64_t i = 0; i < count; i++) {
        fixture_put(&dict, i, value);
    }
    assert_int_equal(pbase_txn_store_dict(txn, name, dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static void check_places(places *heard, pbase_check_report *report)
{
    pbase_error err;
    pbase_error_init(&err);
    heard->count = 0;
    assert_ok(pbase_space_check(f.space, NULL, hear_place, heard, report, &err), &err);
}

static void a_damaged_leaf_is_told_with_its_keys_and_what_is_behind_it(void **unused)
{
    (void)unused;
    static places heard;
    pbase_check_report report;
    fill("people", 3000, 1);
    fixture_close(&f);
    damage_segment("0001", 9000, 30000);
    fixture_open(&f);
    check_places(&heard, &report);
    assert_true(report.findings > 0 && report.findings == heard.count);
    assert_true(report.damaged_atoms > 0 && report.lost_entries > 0);
    assert_true(told(&heard, "database 'main', root 'people', keys from ", " up to "));
    assert_true(told(&heard, "atom at segment 1 byte ", " entries behind it"));
    assert_int_equal(report.entries + report.lost_entries, 3000);
}

static void damage_to_what_only_the_past_needs_is_told_as_such(void **unused)
{
    (void)unused;
    static places heard;
    pbase_check_report report;
    fill("people", 500, 1);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    fill("people", 500, 2);
    fixture_close(&f);
    damage_segment("0001", 64 + 300, 1u << 30); /* the first leaf of the first version */
    fixture_open(&f);
    check_places(&heard, &report);
    assert_int_equal(heard.count, 1);
    assert_true(told(&heard, "(kept past only)", "root 'people'"));
    assert_int_equal(report.entries, 500);
}

static void damage_that_nobody_needs_is_told_as_such(void **unused)
{
    (void)unused;
    static places heard;
    pbase_check_report report;
    for (int64_t i = 0; i < 9; i++) { /* beyond what is kept */
        fill("people", 500, i);
        assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    }
    fixture_close(&f);
    damage_segment("0001", 64 + 300, 1u << 30);
    fixture_open(&f);
    check_places(&heard, &report);
    assert_int_equal(heard.count, 1);
    assert_true(told(&heard, "segment 1, bytes ", "nobody needs it"));
    assert_int_equal(report.unused_damages, 1);
    assert_int_equal(report.damaged_atoms, 0);
}

static void a_segment_that_was_cut_is_refused_when_it_was_closed_in_order(void **unused)
{
    (void)unused;
    char path[PATH_MAX + 32];
    pbase_error err;
    pbase_error_init(&err);
    fill("people", 3000, 1);
    fixture_close(&f);
    (void)snprintf(path, sizeof path, "%s/store/0001", f.data);
    cut(path);
    assert_int_equal(fixture_try_open(&f, &err), PBASE_CORRUPT);
    assert_non_null(strstr(err.message, "segment 1 has 20000 bytes"));
}

static void findings_beyond_the_limit_are_counted(void **unused)
{
    (void)unused;
    static places heard;
    pbase_check_report report;
    pbase_check_options options = {.each = hear_place, .state = &heard, .findings_max = 2};
    heard.count = 0;
    fill("people", 3000, 1);
    fixture_close(&f);
    damage_segment("0001", 5000, 5000);
    fixture_open(&f);
    pbase_status status = pbase_space_check_with(f.space, &options, NULL, &report, NULL);
    assert_int_equal(status, PBASE_OK);
    assert_int_equal(heard.count, 2);
    assert_true(report.findings > 2);
}

/* Does something while a check is on its way, once its list of segments is made. */
typedef struct {
    places heard; /* first: hear_place takes it */
    bool adopts;  /* a large transaction, else a checkpoint */
    bool is_done;
} busy_listener;

static void adopt(void)
{
    pbase_txn_options options = pbase_txn_options_default();
    options.memory_bytes_max = 1 << 16; /* its trees go to the store before its record */
    options.log_bytes_max = 1 << 12;
    pbase_txn *txn = NULL;
    assert_int_equal(pbase_txn_begin(f.database, &options, &txn, NULL), PBASE_OK);
    pbase_dict *dict = fixture_dict(txn, "adopted");
    for (int64_t i = 0; i < 20000; i++) {
        fixture_put(&dict, i, i);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "adopted", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static pbase_status go_on(void *state, uint64_t done, uint64_t total, pbase_error *err)
{
    busy_listener *self = state;
    (void)done;
    (void)total;
    if (self->is_done) {
        return PBASE_OK;
    }
    self->is_done = true;
    if (self->adopts) {
        adopt();
        return PBASE_OK;
    }
    return pbase_space_checkpoint(f.space, NULL, err);
}

static void check_beside(bool adopts)
{
    static busy_listener self;
    pbase_check_report report;
    pbase_check_options options = {.each = hear_place, .progress = go_on, .state = &self};
    self = (busy_listener){.adopts = adopts};
    fill("people", 3000, 1);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    fill("people", 3000, 2); /* the next checkpoint settles it: what the check begins with */
    assert_int_equal(pbase_space_check_with(f.space, &options, NULL, &report, NULL), PBASE_OK);
    assert_true(self.is_done);
    assert_int_equal(report.findings, 0);
}

static void what_a_checkpoint_stores_while_a_check_runs_is_not_taken_for_missing(void **unused)
{
    (void)unused;
    check_beside(false);
}

static void what_a_transaction_stores_while_a_check_runs_is_not_taken_for_missing(void **unused)
{
    (void)unused;
    check_beside(true);
}

int main(void)
{
#define SENTENCE_ON_FILES(test) cmocka_unit_test_setup_teardown(test, begin_files, end)
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_clean_space_is_counted_and_nothing_is_found),
        SENTENCE(damage_in_one_root_is_told_with_its_place_and_the_next_is_looked_at),
        SENTENCE(a_listener_that_has_heard_enough_ends_the_check),
        SENTENCE(a_check_whose_time_is_up_says_so),
        SENTENCE_ON_FILES(a_damaged_leaf_is_told_with_its_keys_and_what_is_behind_it),
        SENTENCE_ON_FILES(damage_to_what_only_the_past_needs_is_told_as_such),
        SENTENCE_ON_FILES(damage_that_nobody_needs_is_told_as_such),
        SENTENCE_ON_FILES(a_segment_that_was_cut_is_refused_when_it_was_closed_in_order),
        SENTENCE_ON_FILES(findings_beyond_the_limit_are_counted),
        SENTENCE_ON_FILES(what_a_checkpoint_stores_while_a_check_runs_is_not_taken_for_missing),
        SENTENCE_ON_FILES(what_a_transaction_stores_while_a_check_runs_is_not_taken_for_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
