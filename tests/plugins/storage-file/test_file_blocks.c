/* test_file_blocks.c - block_provider/file and the folder it is given: what it refuses and says. */
#include "blocks_folder.h"
#include "os/os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

/* The path option becomes `name` below the test's folder. */
static void set_path(blocks_folder *f, const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", temp_dir_path(&f->folder, name));
    f->settings[1] = path;
}

/* Opens and closes. */
static pbase_status try_open(blocks_folder *f)
{
    test_graph *graph = NULL;
    pbase_status status = test_wiring_open(&f->files, &f->host, &graph, &f->err);
    test_wiring_close(graph);
    return status;
}

static void a_new_folder_is_made_below_one_that_exists(void **state)
{
    blocks_folder *f = *state;
    set_path(f, "space");
    assert_int_equal(try_open(f), PBASE_OK);
    assert_int_equal(access(temp_dir_path(&f->folder, "space/FORMAT"), F_OK), 0);
    assert_int_equal(try_open(f), PBASE_OK);
}

static void a_folder_without_parent_is_not_found_with_a_hint(void **state)
{
    blocks_folder *f = *state;
    set_path(f, "no/space");
    assert_int_equal(try_open(f), PBASE_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "no/space"));
    assert_true(f->err.hint[0] != '\0');
    assert_string_equal(f->err.where, "test:1:1");
}

static void a_folder_of_somebody_else_is_refused_and_left_alone(void **state)
{
    blocks_folder *f = *state;
    write_file(temp_dir_path(&f->folder, "holiday.jpg"), "sea");
    assert_int_equal(try_open(f), PBASE_FORMAT);
    assert_non_null(strstr(f->err.message, f->folder.path));
    assert_true(f->err.hint[0] != '\0');
    assert_int_equal(access(temp_dir_path(&f->folder, "FORMAT"), F_OK), -1);
    assert_int_equal(access(temp_dir_path(&f->folder, "LOCK"), F_OK), -1);
}

static void an_empty_file_system_is_an_empty_folder(void **state)
{
    blocks_folder *f = *state;
    assert_int_equal(mkdir(temp_dir_path(&f->folder, "lost+found"), 0700), 0);
    assert_int_equal(try_open(f), PBASE_OK);
}

static void a_file_in_place_of_the_folder_is_refused(void **state)
{
    blocks_folder *f = *state;
    write_file(temp_dir_path(&f->folder, "file"), "text");
    set_path(f, "file");
    assert_int_equal(try_open(f), PBASE_FORMAT);
}

static void a_folder_of_a_newer_version_says_so(void **state)
{
    blocks_folder *f = *state;
    write_file(temp_dir_path(&f->folder, "FORMAT"), "protobase block_provider/file 2\n");
    assert_int_equal(try_open(f), PBASE_FORMAT);
    assert_non_null(strstr(f->err.message, "newer"));
    write_file(temp_dir_path(&f->folder, "FORMAT"), "something else");
    assert_int_equal(try_open(f), PBASE_FORMAT);
    assert_null(strstr(f->err.message, "newer"));
}

static void a_folder_that_may_not_be_written_is_a_clear_error(void **state)
{
    blocks_folder *f = *state;
    if (geteuid() != 0) {
        skip(); /* only root can become somebody without rights here */
    }
    assert_int_equal(chmod(f->folder.path, 0755), 0);
    assert_int_equal(seteuid(65534), 0);
    pbase_status status = try_open(f);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(status, PBASE_AUTH);
    assert_non_null(strstr(f->err.message, f->folder.path));
}

static pbase_status always_network(const pbase_os *os, const char *path, char *out,
                                   pbase_error *err)
{
    (void)os;
    (void)path;
    (void)err;
    memcpy(out, "nfs", sizeof "nfs");
    return PBASE_OK;
}

static void a_network_file_system_is_refused_unless_allowed(void **state)
{
    blocks_folder *f = *state;
    pbase_os os = *pbase_os_real();
    pbase_os_directory_ops directory = *os.directory;
    directory.network_type = always_network;
    os.directory = &directory;
    f->host.base.os = &os;
    assert_int_equal(try_open(f), PBASE_UNSUPPORTED);
    assert_non_null(strstr(f->err.message, "'nfs'"));
    assert_non_null(strstr(f->err.message, f->folder.path));
    assert_non_null(strstr(f->err.hint, "network: allow"));
    f->settings[3] = "allow";
    assert_int_equal(try_open(f), PBASE_OK);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, blocks_folder_setup, blocks_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_folder_is_made_below_one_that_exists),
        TEST(a_folder_without_parent_is_not_found_with_a_hint),
        TEST(a_folder_of_somebody_else_is_refused_and_left_alone),
        TEST(an_empty_file_system_is_an_empty_folder),
        TEST(a_file_in_place_of_the_folder_is_refused),
        TEST(a_folder_of_a_newer_version_says_so),
        TEST(a_folder_that_may_not_be_written_is_a_clear_error),
        TEST(a_network_file_system_is_refused_unless_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
