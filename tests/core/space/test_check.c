/* test_check.c - what a check finds, counts, and how it is ended. */
#include "collection/change.h"
#include "space_fixture.h"
#include "txn/database.h"
#include <setjmp.h>
#include <stdarg.h>
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

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_clean_space_is_counted_and_nothing_is_found),
        SENTENCE(damage_in_one_root_is_told_with_its_place_and_the_next_is_looked_at),
        SENTENCE(a_listener_that_has_heard_enough_ends_the_check),
        SENTENCE(a_check_whose_time_is_up_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
