/* The file table of the real os. */
#include "os/os.h"
#include "temp_dir.h"
#include <setjmp.h>
#include <stdlib.h>
#include <sys/stat.h>
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

static pbase_os_file *file_make(const char *name)
{
    pbase_os_file *file = NULL;
    assert_int_equal(os->file->open(os, temp_dir_path(&directory, name),
                                    PBASE_OS_READ | PBASE_OS_WRITE | PBASE_OS_CREATE, &file, NULL),
                     PBASE_OK);
    return file;
}

static void what_was_written_is_read_back(void **state)
{
    char back[16] = {0};
    size_t got = 0;
    (void)state;
    pbase_os_file *file = file_make("data");

    assert_int_equal(os->file->write(file, 5, "hello", 5, NULL), PBASE_OK);
    assert_int_equal(os->file->sync(file, NULL), PBASE_OK);

    assert_int_equal(os->file->read(file, 3, back, sizeof(back), &got, NULL), PBASE_OK);
    assert_int_equal(got, 7);
    assert_memory_equal(back, "\0\0hello", 7);
    os->file->close(file);
}

static void reading_past_the_end_gives_nothing(void **state)
{
    char back[4];
    size_t got = 9;
    (void)state;
    pbase_os_file *file = file_make("data");

    assert_int_equal(os->file->read(file, 100, back, sizeof(back), &got, NULL), PBASE_OK);

    assert_int_equal(got, 0);
    os->file->close(file);
}

static void offsets_past_2_63_are_refused(void **state)
{
    size_t got;
    char byte = 0;
    (void)state;
    pbase_os_file *file = file_make("data");

    assert_int_equal(os->file->write(file, UINT64_MAX - 1, &byte, 1, NULL), PBASE_LIMIT);
    assert_int_equal(os->file->read(file, UINT64_MAX, &byte, 1, &got, NULL), PBASE_LIMIT);
    assert_int_equal(os->file->truncate(file, UINT64_MAX, NULL), PBASE_LIMIT);
    os->file->close(file);
}

static void a_missing_file_is_not_found_and_names_the_path(void **state)
{
    pbase_os_file *file = NULL;
    pbase_error err;
    (void)state;
    pbase_error_init(&err);

    pbase_status status =
        os->file->open(os, temp_dir_path(&directory, "missing"), PBASE_OS_READ, &file, &err);

    assert_int_equal(status, PBASE_NOT_FOUND);
    assert_int_equal(err.code, PBASE_NOT_FOUND);
    assert_non_null(strstr(err.message, "missing"));
    assert_null(file);
}

static void exclusive_creation_of_an_existing_file_is_refused(void **state)
{
    pbase_os_file *second = NULL;
    (void)state;
    os->file->close(file_make("data"));

    pbase_status status =
        os->file->open(os, temp_dir_path(&directory, "data"),
                       PBASE_OS_WRITE | PBASE_OS_CREATE | PBASE_OS_EXCLUSIVE, &second, NULL);

    assert_int_equal(status, PBASE_EXISTS);
}

static void links_pipes_and_directories_are_not_opened(void **state)
{
    pbase_os_file *file = NULL;
    (void)state;
    os->file->close(file_make("data"));
    assert_int_equal(symlink("data", temp_dir_path(&directory, "link")), 0);
    assert_int_equal(mkfifo(temp_dir_path(&directory, "pipe"), 0600), 0);

    assert_int_equal(
        os->file->open(os, temp_dir_path(&directory, "link"), PBASE_OS_READ, &file, NULL),
        PBASE_INVALID);
    assert_int_equal(
        os->file->open(os, temp_dir_path(&directory, "pipe"), PBASE_OS_READ, &file, NULL),
        PBASE_INVALID);
    assert_int_equal(os->file->open(os, directory.path, PBASE_OS_READ, &file, NULL), PBASE_INVALID);
}

static void private_files_are_for_their_owner_only(void **state)
{
    pbase_os_file *file = NULL;
    pbase_os_stat about;
    (void)state;

    assert_int_equal(os->file->open(os, temp_dir_path(&directory, "key"),
                                    PBASE_OS_WRITE | PBASE_OS_CREATE | PBASE_OS_PRIVATE, &file,
                                    NULL),
                     PBASE_OK);

    assert_int_equal(os->directory->stat(os, temp_dir_path(&directory, "key"), &about, NULL),
                     PBASE_OK);
    assert_int_equal(about.mode, 0600);
    os->file->close(file);
}

static void a_direct_write_takes_aligned_blocks_or_is_unsupported(void **state)
{
    pbase_os_file *file = NULL;
    void *block = NULL;
    (void)state;
    assert_int_equal(posix_memalign(&block, 4096, 4096), 0);
    memset(block, 7, 4096);

    pbase_status status = os->file->open(os, temp_dir_path(&directory, "direct"),
                                         PBASE_OS_READ | PBASE_OS_WRITE | PBASE_OS_CREATE |
                                             PBASE_OS_DIRECT | PBASE_OS_DSYNC,
                                         &file, NULL);

    if (status == PBASE_OK) {
        assert_int_equal(os->file->write(file, 4096, block, 4096, NULL), PBASE_OK);
        os->file->close(file);
    } else {
        assert_int_equal(status, PBASE_UNSUPPORTED);
    }
    free(block);
}

static void a_file_can_be_cut_grown_reserved_and_punched(void **state)
{
    uint64_t size = 0;
    char back[3] = "xyz";
    size_t got;
    (void)state;
    pbase_os_file *file = file_make("data");
    assert_int_equal(os->file->write(file, 0, "abc", 3, NULL), PBASE_OK);

    assert_int_equal(os->file->truncate(file, 8192, NULL), PBASE_OK);
    pbase_status allocated = os->file->allocate(file, 0, 1 << 20, NULL);
    pbase_status punched = os->file->punch(file, 0, 4096, NULL);

    assert_true(allocated == PBASE_OK || allocated == PBASE_UNSUPPORTED);
    assert_int_equal(os->file->size(file, &size, NULL), PBASE_OK);
    assert_int_equal(size, 8192); /* reserving does not change it */
    if (punched == PBASE_OK) {
        assert_int_equal(os->file->read(file, 0, back, 3, &got, NULL), PBASE_OK);
        assert_memory_equal(back, "\0\0\0", 3);
    } else {
        assert_int_equal(punched, PBASE_UNSUPPORTED);
    }
    os->file->close(file);
}

static void a_map_outlives_its_file_and_its_name(void **state)
{
    pbase_os_map *map = NULL;
    const uint8_t *data = NULL;
    (void)state;
    pbase_os_file *file = file_make("data");
    assert_int_equal(os->file->write(file, 0, "mapped", 6, NULL), PBASE_OK);

    assert_int_equal(os->file->map(file, 6, &map, &data, NULL), PBASE_OK);
    os->file->close(file);
    assert_int_equal(os->directory->remove_file(os, temp_dir_path(&directory, "data"), NULL),
                     PBASE_OK);

    assert_memory_equal(data, "mapped", 6);
    os->file->unmap(map);
}

static void a_map_beyond_the_end_shows_what_is_written_there_later(void **state)
{
    pbase_os_map *map = NULL;
    const uint8_t *data = NULL;
    (void)state;
    pbase_os_file *file = file_make("data");

    assert_int_equal(os->file->map(file, 1 << 20, &map, &data, NULL), PBASE_OK);
    assert_int_equal(os->file->write(file, 0, "later", 5, NULL), PBASE_OK);

    assert_memory_equal(data, "later", 5);
    os->file->unmap(map);
    os->file->close(file);
}

static void a_map_reads_the_same_however_it_is_going_to_be_read(void **state)
{
    static const uint64_t size = (4u << 20) + 100;
    pbase_os_map *map = NULL;
    const uint8_t *data = NULL;
    (void)state;
    pbase_os_file *file = file_make("data");
    assert_int_equal(os->file->write(file, size - 3, "end", 3, NULL), PBASE_OK);
    assert_int_equal(os->file->map(file, size, &map, &data, NULL), PBASE_OK);

    os->file->map_read(data, size, PBASE_OS_READ_FEW);
    os->file->map_read(data + 100, 1, PBASE_OS_READ_NOW); /* not where a page begins */
    assert_int_equal(data[1u << 20], 0);
    os->file->map_read(data, size, PBASE_OS_READ_ALL_OVER);
    assert_memory_equal(data + size - 3, "end", 3);
    assert_int_equal(data[3u << 20], 0);
    os->file->map_read(data, size, PBASE_OS_READ_ORDINARY);
    os->file->map_read(data, 0, PBASE_OS_READ_ALL_OVER);

    assert_memory_equal(data + size - 3, "end", 3);
    os->file->unmap(map);
    os->file->close(file);
}

static void mapping_nothing_is_refused(void **state)
{
    pbase_os_map *map = NULL;
    const uint8_t *data = NULL;
    (void)state;
    pbase_os_file *file = file_make("data");

    assert_int_equal(os->file->map(file, 0, &map, &data, NULL), PBASE_INVALID);
    assert_null(map);
    os->file->close(file);
}

static void a_lock_is_exclusive_within_one_process_and_names_the_holder(void **state)
{
    uint64_t holder = 0;
    (void)state;
    pbase_os_file *first = file_make("lock");
    pbase_os_file *second = file_make("lock");
    assert_int_equal(os->file->lock(first, NULL, NULL), PBASE_OK);

    assert_int_equal(os->file->lock(second, &holder, NULL), PBASE_BUSY);
    assert_int_equal(holder, os->system->process_id(os));

    os->file->close(first);
    assert_int_equal(os->file->lock(second, NULL, NULL), PBASE_OK);
    os->file->close(second);
}

static void a_shared_map_is_written_and_seen_by_all(void **state)
{
    (void)state;
    pbase_os_map *maps[2] = {NULL, NULL};
    uint8_t *data[2] = {NULL, NULL};
    uint8_t byte = 0;
    size_t got = 0;
    pbase_os_file *file = file_make("board");
    assert_int_equal(os->file->write(file, 0, "12345678", 8, NULL), PBASE_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(os->file->map_shared(file, 8, &maps[i], &data[i], NULL), PBASE_OK);
    }
    data[0][3] = 'x';
    assert_int_equal(data[1][3], 'x');
    assert_int_equal(os->file->read(file, 3, &byte, 1, &got, NULL), PBASE_OK);
    assert_int_equal(byte, 'x');
    assert_int_equal(os->file->map_shared(file, 0, &maps[0], &data[0], NULL), PBASE_INVALID);
    os->file->unmap(maps[0]);
    os->file->unmap(maps[1]);
    os->file->close(file);
}

static void a_lock_can_be_shared_changed_and_given_back(void **state)
{
    (void)state;
    pbase_os_file *first = file_make("lock");
    pbase_os_file *second = file_make("lock");
    assert_int_equal(os->file->lock_try(first, true, NULL), PBASE_OK);
    assert_int_equal(os->file->lock_try(second, true, NULL), PBASE_OK);
    assert_int_equal(os->file->lock_try(first, false, NULL), PBASE_BUSY); /* it has none now */
    assert_int_equal(os->file->lock_try(second, false, NULL), PBASE_OK);
    assert_int_equal(os->file->lock_try(first, true, NULL), PBASE_BUSY);
    os->file->unlock(second);
    os->file->unlock(second); /* nothing held is fine */
    assert_int_equal(os->file->lock_try(first, false, NULL), PBASE_OK);
    uint64_t size = 1;
    assert_int_equal(os->file->size(first, &size, NULL), PBASE_OK);
    assert_int_equal(size, 0); /* it writes no name */
    os->file->close(first);
    assert_int_equal(os->file->lock_try(second, false, NULL), PBASE_OK);
    os->file->close(second);
}

/* Takes the lock in a child, says so through `told`, and holds it until `leave` is closed. */
static pid_t child_lock(int told, int leave)
{
    pid_t child = fork();
    if (child == 0) {
        char byte;
        pbase_os_file *file = file_make("lock");
        byte = os->file->lock(file, NULL, NULL) == PBASE_OK;
        _exit(write(told, &byte, 1) == 1 && read(leave, &byte, 1) == 0 ? 0 : 1);
    }
    return child;
}

static void a_lock_is_exclusive_between_processes_and_ends_with_its_holder(void **state)
{
    int told[2];
    int leave[2];
    uint64_t holder = 0;
    char locked = 0;
    int end = 0;
    (void)state;
    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe2(leave, 02000000 /* O_CLOEXEC */), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)close(leave[1]);
        pid_t grandchild = child_lock(told[1], leave[0]);
        _exit(waitpid(grandchild, &end, 0) == grandchild ? WEXITSTATUS(end) : 1);
    }
    (void)close(leave[0]);
    assert_int_equal(read(told[0], &locked, 1), 1);
    assert_int_equal(locked, 1);
    pbase_os_file *file = file_make("lock");

    assert_int_equal(os->file->lock(file, &holder, NULL), PBASE_BUSY);
    assert_true(holder > (uint64_t)getpid() || holder > 1);
    assert_int_not_equal(holder, getpid());

    (void)close(leave[1]);
    assert_int_equal(waitpid(child, &end, 0), child);
    assert_int_equal(WEXITSTATUS(end), 0);
    assert_int_equal(os->file->lock(file, NULL, NULL), PBASE_OK);
    os->file->close(file);
    (void)close(told[0]);
    (void)close(told[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reading_past_the_end_gives_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(offsets_past_2_63_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_is_not_found_and_names_the_path, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(exclusive_creation_of_an_existing_file_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(links_pipes_and_directories_are_not_opened, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(private_files_are_for_their_owner_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_direct_write_takes_aligned_blocks_or_is_unsupported,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_can_be_cut_grown_reserved_and_punched, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_map_outlives_its_file_and_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_map_beyond_the_end_shows_what_is_written_there_later,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_map_reads_the_same_however_it_is_going_to_be_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(mapping_nothing_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_shared_map_is_written_and_seen_by_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lock_can_be_shared_changed_and_given_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_lock_is_exclusive_within_one_process_and_names_the_holder,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_lock_is_exclusive_between_processes_and_ends_with_its_holder, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
