/* test_side_writer.c - writes beside a thread: all that begin are done, in order, and told. */
#include "txn/side_writer.h"

#include "fault_os.h"
#include "os/os.h"
#include "test_host.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define WRITES 100u

static struct {
    fault_os os;
    test_host host;
    side_writer *writer;
    atom_writing writings[WRITES];
    uint32_t done; /* by the writer's thread alone, until it has ended or was waited for */
    bool is_in_order;
} w;

/* Every third one fails. */
static pbase_status write_one(void *state, const atom_writing *writing, pbase_error *err)
{
    assert_ptr_equal(state, &w);
    w.is_in_order = w.is_in_order && writing == &w.writings[w.done];
    return w.done++ % 3 == 2 ? PBASE_FAIL(err, PBASE_IO, "the third") : PBASE_OK;
}

static int begin(void **unused)
{
    (void)unused;
    memset(&w, 0, sizeof w);
    w.is_in_order = true;
    fault_os_init(&w.os, pbase_os_real());
    test_host_init(&w.host, &w.os.os);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    side_writer_destroy(w.writer);
    assert_int_equal(fault_alloc_live_blocks(&w.host.memory), 0);
    fault_os_fini(&w.os);
    return 0;
}

static void begin_all(void)
{
    assert_int_equal(side_writer_create(&w.host.base, write_one, &w, &w.writer, NULL), PBASE_OK);
    for (uint32_t i = 0; i < WRITES; i++) {
        side_writer_begin(w.writer, &w.writings[i]);
    }
}

static void assert_told(uint32_t i)
{
    assert_true(atom_writing_done(&w.writings[i]));
    assert_int_equal(w.writings[i].status, i % 3 == 2 ? PBASE_IO : PBASE_OK);
    assert_string_equal(w.writings[i].error.message, i % 3 == 2 ? "the third" : "");
}

static void what_is_waited_for_is_done_and_says_what_came_of_it(void **unused)
{
    (void)unused;
    begin_all();
    side_writer_wait(w.writer, &w.writings[WRITES - 1]);
    assert_true(w.is_in_order);
    for (uint32_t i = 0; i < WRITES; i++) {
        side_writer_wait(w.writer, &w.writings[i]); /* does not wait any more */
        assert_told(i);
    }
}

static void destroying_finishes_what_has_begun(void **unused)
{
    (void)unused;
    begin_all();
    side_writer_destroy(w.writer);
    w.writer = NULL;
    assert_int_equal(w.done, WRITES);
    assert_true(w.is_in_order);
    for (uint32_t i = 0; i < WRITES; i++) {
        assert_told(i);
    }
}

static void a_writer_that_cannot_start_leaves_nothing(void **unused)
{
    pbase_status status = PBASE_IO;
    (void)unused;
    for (uint64_t n = 1; status != PBASE_OK; n++) {
        fault_os_fail_at(&w.os, OS_CALL_ANY, n, PBASE_LIMIT, false);
        status = side_writer_create(&w.host.base, write_one, &w, &w.writer, NULL);
        fault_os_fail_at(&w.os, OS_CALL_ANY, 0, PBASE_OK, false);
        if (status != PBASE_OK) {
            assert_int_equal(status, PBASE_LIMIT);
            assert_null(w.writer);
            assert_int_equal(fault_alloc_live_blocks(&w.host.memory), 0);
        }
        assert_true(n < 10);
    }
    side_writer_destroy(w.writer);
    w.writer = NULL;
    fault_alloc_fail_at(&w.host.memory, 1);
    assert_int_equal(side_writer_create(&w.host.base, write_one, &w, &w.writer, NULL),
                     PBASE_NO_MEMORY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_waited_for_is_done_and_says_what_came_of_it),
        TEST(destroying_finishes_what_has_begun),
        TEST(a_writer_that_cannot_start_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
