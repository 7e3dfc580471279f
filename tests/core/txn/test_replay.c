/* test_replay.c - records applied to a state in the order of their sequences. */
#include "txn/replay.h"

#include "heap_source.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct {
    pbase_host host;
    heap_source heap;
    space_state *base;
    pbase_buffer body;
} world;

static world w;

static int begin(void **unused)
{
    (void)unused;
    memset(&w, 0, sizeof w);
    w.host = (pbase_host){.struct_size = sizeof w.host, .alloc = pbase_alloc_default()};
    heap_source_init(&w.heap, w.host.alloc);
    w.base = space_state_create(NULL, &w.heap.source, ATOM_REF_NONE, 5, 50);
    assert_non_null(w.base);
    pbase_buffer_init(&w.body, w.host.alloc);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    space_state_unref(w.base);
    pbase_buffer_fini(&w.body);
    heap_source_fini(&w.heap); /* asserts that every atom is gone */
    return 0;
}

/* A record that creates (or, with `database`, drops) the database `name`. */
static replay_record catalog_record(uint64_t sequence, uint64_t database, const char *name)
{
    catalog_change change = {.operation = database == 0 ? CATALOG_CREATE : CATALOG_DROP,
                             .database = database,
                             .source = pbase_bytes_text(name),
                             .name = pbase_bytes_text(name)};
    w.body.size = 0;
    assert_int_equal(catalog_change_write(&change, &w.body, NULL), PBASE_OK);
    return (replay_record){
        .head = {.kind = RECORD_CATALOG,
                 .sequence = sequence,
                 .timestamp_ns = (int64_t)sequence * 10},
        .body = pbase_buffer_view(&w.body),
        .position = 4096 * sequence,
        .wrapped_bytes = 100,
    };
}

static void records_in_order_lead_to_the_state_after_the_last(void **unused)
{
    (void)unused;
    replay run;
    space_state *after = NULL;
    catalog_entry found;
    assert_int_equal(replay_begin(&run, &w.host, w.base, NULL, NULL), PBASE_OK);

    replay_record record = catalog_record(6, 0, "a");
    assert_int_equal(replay_apply(&run, &record, NULL), PBASE_OK);
    record = catalog_record(7, 0, "b");
    assert_int_equal(replay_apply(&run, &record, NULL), PBASE_OK);
    assert_int_equal(run.records, 2);
    assert_int_equal(run.bytes, 200);
    assert_int_equal(replay_finish(&run, &after, NULL), PBASE_OK);

    assert_int_equal(after->sequence, 7);
    assert_int_equal(after->timestamp_ns, 70);
    assert_int_equal(catalog_database_find(after, pbase_bytes_text("b"), &found, NULL), PBASE_OK);
    assert_int_equal(found.id, 7);
    assert_int_equal(w.base->sequence, 5); /* untouched */
    space_state_unref(after);
}

static void no_record_leads_to_the_state_it_began_with(void **unused)
{
    (void)unused;
    replay run;
    space_state *after = NULL;
    replay_record checkpoint = {.head = {.kind = RECORD_CHECKPOINT, .sequence = 3}};
    assert_int_equal(replay_begin(&run, &w.host, w.base, NULL, NULL), PBASE_OK);

    assert_int_equal(replay_apply(&run, &checkpoint, NULL), PBASE_OK); /* changes nothing */
    assert_int_equal(replay_finish(&run, &after, NULL), PBASE_OK);

    assert_ptr_equal(after, w.base);
    space_state_unref(after);
}

static void a_sequence_that_is_not_due_is_corrupt_and_names_the_position(void **unused)
{
    (void)unused;
    const uint64_t wrong[] = {5, 4, 7, 1000};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        replay run;
        pbase_error err;
        char position[32];
        pbase_error_init(&err);
        assert_int_equal(replay_begin(&run, &w.host, w.base, NULL, NULL), PBASE_OK);

        replay_record record = catalog_record(wrong[i], 0, "a");
        assert_int_equal(replay_apply(&run, &record, &err), PBASE_CORRUPT);

        (void)snprintf(position, sizeof position, "position %d", (int)record.position);
        assert_non_null(strstr(err.message, position));
        replay_abandon(&run);
    }
}

static void a_record_that_could_not_have_been_committed_is_corrupt(void **unused)
{
    (void)unused;
    replay run;
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(replay_begin(&run, &w.host, w.base, NULL, NULL), PBASE_OK);

    replay_record record = catalog_record(6, 4, "never there");
    assert_int_equal(replay_apply(&run, &record, &err), PBASE_CORRUPT);

    assert_int_equal(err.code, PBASE_CORRUPT);
    replay_abandon(&run);
    replay_abandon(&run); /* twice is fine */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_in_order_lead_to_the_state_after_the_last, begin,
                                        end),
        cmocka_unit_test_setup_teardown(no_record_leads_to_the_state_it_began_with, begin, end),
        cmocka_unit_test_setup_teardown(
            a_sequence_that_is_not_due_is_corrupt_and_names_the_position, begin, end),
        cmocka_unit_test_setup_teardown(a_record_that_could_not_have_been_committed_is_corrupt,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
