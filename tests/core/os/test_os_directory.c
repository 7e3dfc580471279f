/* The directory table of the real os. */
#include "os/os.h"
#include "syscall_gate.h"
#include "temp_dir.h"
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const pbase_os *os;
static temp_dir directory;

static int set_up(void **state)
{
    (void)state;
    os = pbase_os_real();
    temp_dir_create(&directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&directory);
    return 0;
}

static void file_make(const char *name)
{
    pbase_os_file *file = NULL;
    assert_int_equal(os->file->open(os, temp_dir_path(&directory, name),
                                    PBASE_OS_WRITE | PBASE_OS_CREATE, &file, NULL),
                     PBASE_OK);
    os->file->close(file);
}

static pbase_status count_name(void *state, const char *name, pbase_error *err)
{
    size_t *count = state;
    assert_string_not_equal(name, ".");
    assert_string_not_equal(name, "..");
    (*count)++;
    return *count > 10 ? PBASE_FAIL(err, PBASE_LIMIT, "too many") : PBASE_OK;
}

static pbase_status stop_at_once(void *state, const char *name, pbase_error *err)
{
    (void)state;
    return PBASE_FAIL(err, PBASE_CANCELLED, "at %s", name);
}

static void names_come_and_go(void **state)
{
    size_t count = 0;
    char from[PATH_MAX];
    (void)state;
    file_make("a");
    (void)snprintf(from, sizeof(from), "%s", temp_dir_path(&directory, "a"));
    assert_int_equal(os->directory->create(os, temp_dir_path(&directory, "sub"), NULL), PBASE_OK);
    assert_int_equal(os->directory->rename(os, from, temp_dir_path(&directory, "sub/b"), NULL),
                     PBASE_OK);
    file_make("c");

    assert_int_equal(os->directory->list(os, directory.path, count_name, &count, NULL), PBASE_OK);
    assert_int_equal(count, 2);
    assert_int_equal(os->directory->sync(os, directory.path, NULL), PBASE_OK);

    assert_int_equal(os->directory->remove_file(os, temp_dir_path(&directory, "c"), NULL),
                     PBASE_OK);
    assert_int_equal(os->directory->remove_file(os, temp_dir_path(&directory, "sub/b"), NULL),
                     PBASE_OK);
    assert_int_equal(os->directory->remove_directory(os, temp_dir_path(&directory, "sub"), NULL),
                     PBASE_OK);
}

static void a_listing_stops_with_the_status_of_its_caller(void **state)
{
    (void)state;
    file_make("a");

    assert_int_equal(os->directory->list(os, directory.path, stop_at_once, NULL, NULL),
                     PBASE_CANCELLED);
}

static void wrong_uses_of_names_are_told_apart(void **state)
{
    (void)state;
    file_make("a");
    assert_int_equal(os->directory->create(os, temp_dir_path(&directory, "sub"), NULL), PBASE_OK);
    file_make("sub/b");

    assert_int_equal(os->directory->create(os, temp_dir_path(&directory, "sub"), NULL),
                     PBASE_EXISTS);
    assert_int_equal(os->directory->remove_file(os, temp_dir_path(&directory, "gone"), NULL),
                     PBASE_NOT_FOUND);
    assert_int_equal(os->directory->remove_directory(os, temp_dir_path(&directory, "sub"), NULL),
                     PBASE_INVALID);
    assert_int_equal(
        os->directory->list(os, temp_dir_path(&directory, "a"), count_name, NULL, NULL),
        PBASE_INVALID);
    assert_int_equal(os->directory->sync(os, temp_dir_path(&directory, "gone"), NULL),
                     PBASE_NOT_FOUND);
}

static void stat_tells_what_lies_there_without_following_links(void **state)
{
    pbase_os_stat about;
    (void)state;
    assert_int_equal(symlink("/", temp_dir_path(&directory, "link")), 0);
    file_make("a");

    assert_int_equal(os->directory->stat(os, temp_dir_path(&directory, "link"), &about, NULL),
                     PBASE_OK);
    assert_int_equal(about.is_symlink, 1);
    assert_int_equal(os->directory->stat(os, directory.path, &about, NULL), PBASE_OK);
    assert_int_equal(about.is_directory, 1);
    assert_int_equal(os->directory->stat(os, temp_dir_path(&directory, "a"), &about, NULL),
                     PBASE_OK);
    assert_int_equal(about.is_regular, 1);
    assert_int_equal(about.size_bytes, 0);
    assert_int_equal(about.owner, geteuid());
    assert_true(about.modified_ns > 1600000000000000000);
}

static void resolve_makes_a_path_absolute_and_ends_it_with_a_nul(void **state)
{
    pbase_buffer out;
    pbase_buffer expected;
    (void)state;
    pbase_buffer_init(&out, os->memory);
    pbase_buffer_init(&expected, os->memory);
    assert_int_equal(symlink("sub", temp_dir_path(&directory, "link")), 0);
    assert_int_equal(os->directory->create(os, temp_dir_path(&directory, "sub"), NULL), PBASE_OK);

    assert_int_equal(os->directory->resolve(os, temp_dir_path(&directory, "./link/.."), &out, NULL),
                     PBASE_OK);
    assert_int_equal(os->directory->resolve(os, directory.path, &expected, NULL), PBASE_OK);

    assert_string_equal((const char *)out.data, (const char *)expected.data);
    assert_int_equal(out.size, strlen((const char *)out.data));
    assert_int_equal(os->directory->resolve(os, temp_dir_path(&directory, "gone"), &out, NULL),
                     PBASE_NOT_FOUND);
    pbase_buffer_fini(&out);
    pbase_buffer_fini(&expected);
}

static void space_and_kind_of_the_file_system_are_known(void **state)
{
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    char type[PBASE_OS_TYPE_BYTES] = "?";
    (void)state;

    assert_int_equal(os->directory->space(os, directory.path, &free_bytes, &total_bytes, NULL),
                     PBASE_OK);
    assert_int_equal(os->directory->network_type(os, directory.path, type, NULL), PBASE_OK);
    assert_int_equal(os->directory->network_type(os, temp_dir_path(&directory, "gone"), type, NULL),
                     PBASE_NOT_FOUND);

    assert_true(total_bytes > 0 && free_bytes <= total_bytes);
    assert_string_equal(type, ""); /* the temporary directory of a test is local */
}

static void what_stands_in_the_way_of_a_path_is_named(void **state)
{
    pbase_error err;
    char expected[PATH_MAX];
    (void)state;
    file_make("plain");

    pbase_error_init(&err);
    assert_int_equal(os->directory->create(os, temp_dir_path(&directory, "plain/a/b"), &err),
                     PBASE_INVALID);
    (void)snprintf(expected, sizeof expected, "'%s' is a file, not a folder",
                   temp_dir_path(&directory, "plain"));
    assert_non_null(strstr(err.message, expected));
    assert_non_null(strstr(err.hint, "path of a folder"));
    assert_int_equal(err.system_errno, ENOTDIR);

    pbase_error_init(&err);
    assert_int_equal(os->directory->create(os, temp_dir_path(&directory, "no/such/d"), &err),
                     PBASE_NOT_FOUND);
    (void)snprintf(expected, sizeof expected, "there is no folder '%s'",
                   temp_dir_path(&directory, "no"));
    assert_non_null(strstr(err.message, expected));
    (void)snprintf(expected, sizeof expected, "make the folder '%s' first",
                   temp_dir_path(&directory, "no/such"));
    assert_string_equal(err.hint, expected);
    assert_int_equal(err.system_errno, ENOENT);
}

static void who_lacks_the_permission_is_told_what_to_ask_for(void **state)
{
    pbase_error err;
    (void)state;
    if (geteuid() != 0) {
        skip(); /* only root can become somebody without rights here */
    }
    pbase_error_init(&err);
    assert_int_equal(chmod(directory.path, 0755), 0);
    assert_int_equal(seteuid(65534), 0);
    pbase_status status = os->directory->create(os, temp_dir_path(&directory, "d"), &err);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(status, PBASE_AUTH);
    assert_non_null(strstr(err.message, directory.path));
    assert_non_null(strstr(err.hint, "permission"));
}

/* Found by integration.fault_syscalls: flushing a directory said that opening it was interrupted. */
static void an_interrupted_opening_of_a_directory_is_made_again(void **state)
{
    static gate_tally tally;
    const gate_plan interrupted = {
        .action = GATE_FAIL, .call = syscall_table_find(SYS_openat), .at = 1, .error = EINTR};
    (void)state;
    if (!syscall_gate_works()) {
        skip();
    }
    for (int i = 0; i < 2; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            size_t count = 0;
            bool works = syscall_gate_close(&interrupted, &tally) &&
                         (i == 0 ? os->directory->sync(os, directory.path, NULL)
                                 : os->directory->list(os, directory.path, count_name, &count,
                                                       NULL)) == PBASE_OK;
            _exit(works && atomic_load(&tally.struck) == 1 ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_stands_in_the_way_of_a_path_is_named, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_lacks_the_permission_is_told_what_to_ask_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(names_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_listing_stops_with_the_status_of_its_caller, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(wrong_uses_of_names_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stat_tells_what_lies_there_without_following_links, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(resolve_makes_a_path_absolute_and_ends_it_with_a_nul,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(space_and_kind_of_the_file_system_are_known, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_interrupted_opening_of_a_directory_is_made_again, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
