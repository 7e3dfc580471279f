/* fault_os fails the call it was told to, and only that one. */
#include "fault_os.h"
#include "os/os.h"
#include "temp_dir.h"
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

static fault_os faulty;
static temp_dir directory;

static int set_up(void **state)
{
    (void)state;
    temp_dir_create(&directory);
    fault_os_init(&faulty, pbase_os_real());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fault_os_fini(&faulty);
    temp_dir_remove(&directory);
    return 0;
}

/* A little of everything; the first status that is not OK. */
static pbase_status work(void)
{
    const pbase_os *os = &faulty.os;
    pbase_os_file *file = NULL;
    pbase_os_mutex *mutex = NULL;
    char back[4] = {0};
    size_t got = 0;
    pbase_status status =
        os->file->open(os, temp_dir_path(&directory, "f"),
                       PBASE_OS_READ | PBASE_OS_WRITE | PBASE_OS_CREATE, &file, NULL);
    status = status != PBASE_OK ? status : os->file->write(file, 0, "data", 4, NULL);
    status = status != PBASE_OK ? status : os->file->sync(file, NULL);
    status = status != PBASE_OK ? status : os->directory->sync(os, directory.path, NULL);
    status = status != PBASE_OK ? status : os->file->read(file, 0, back, 4, &got, NULL);
    status = status != PBASE_OK ? status : os->lock->mutex_create(os, &mutex, NULL);
    os->lock->mutex_destroy(mutex);
    os->file->close(file);
    return status;
}

static void every_call_can_be_made_to_fail(void **state)
{
    uint64_t n = 1;
    (void)state;
    for (;; n++) {
        fault_os_fail_at(&faulty, OS_CALL_ANY, n, PBASE_IO, false);
        pbase_status status = work();
        if (!fault_os_has_failed(&faulty)) {
            assert_int_equal(status, PBASE_OK);
            break;
        }
        assert_int_equal(status, PBASE_IO);
    }
    assert_int_equal(n, 7); /* six calls */
}

static void a_fault_may_last(void **state)
{
    (void)state;
    fault_os_fail_at(&faulty, OS_CALL_SYNC, 1, PBASE_NO_SPACE, true);

    assert_int_equal(work(), PBASE_NO_SPACE);
    assert_int_equal(work(), PBASE_NO_SPACE);
    fault_os_fail_at(&faulty, OS_CALL_SYNC, 0, PBASE_OK, false);
    assert_int_equal(work(), PBASE_OK);
    assert_int_equal(fault_os_calls(&faulty, OS_CALL_SYNC), 3);
}

static void memory_is_failed_by_name(void **state)
{
    (void)state;
    fault_os_fail_at(&faulty, OS_CALL_MEMORY, 1, PBASE_NO_MEMORY, false);

    assert_null(pbase_alloc_new(faulty.os.memory, 100));

    assert_true(fault_os_has_failed(&faulty));
    void *block = pbase_alloc_new(faulty.os.memory, 100);
    assert_non_null(block);
    pbase_alloc_free(faulty.os.memory, block, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_call_can_be_made_to_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fault_may_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_is_failed_by_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
