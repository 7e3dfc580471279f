/* test_file_blocks.c - block_provider/file and the folder it is given: what it refuses and says. */
#include "os/os.h"
#include "temp_dir.h"
#include "test_host.h"

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

#define SLOT_BYTES 69632 /* of a key file, docs/formats/blocks.md */

static const char *settings[] = {"path", NULL, "network", "refuse", NULL};
static const test_wiring files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file", settings,
                                  NULL};

typedef struct {
    temp_dir folder;
    test_host host;
    pbase_error err;
} fixture;

static int setup(void **state)
{
    static fixture f;
    temp_dir_create(&f.folder);
    test_host_init(&f.host, pbase_os_real());
    pbase_error_init(&f.err);
    settings[1] = f.folder.path;
    settings[3] = "refuse";
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    temp_dir_remove(&f->folder);
    assert_int_equal(fault_alloc_live_bytes(&f->host.memory), 0);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

/* The path option becomes `name` below the test's folder. */
static void set_path(fixture *f, const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", temp_dir_path(&f->folder, name));
    settings[1] = path;
}

/* Opens and closes. */
static pbase_status try_open(fixture *f)
{
    test_graph *graph = NULL;
    pbase_status status = test_wiring_open(&files, &f->host, &graph, &f->err);
    test_wiring_close(graph);
    return status;
}

static void a_new_folder_is_made_below_one_that_exists(void **state)
{
    fixture *f = *state;
    set_path(f, "space");
    assert_int_equal(try_open(f), PBASE_OK);
    assert_int_equal(access(temp_dir_path(&f->folder, "space/FORMAT"), F_OK), 0);
    assert_int_equal(try_open(f), PBASE_OK);
}

static void a_folder_without_parent_is_not_found_with_a_hint(void **state)
{
    fixture *f = *state;
    set_path(f, "no/space");
    assert_int_equal(try_open(f), PBASE_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "no/space"));
    assert_true(f->err.hint[0] != '\0');
    assert_string_equal(f->err.where, "test:1:1");
}

static void a_folder_of_somebody_else_is_refused_and_left_alone(void **state)
{
    fixture *f = *state;
    write_file(temp_dir_path(&f->folder, "holiday.jpg"), "sea");
    assert_int_equal(try_open(f), PBASE_FORMAT);
    assert_non_null(strstr(f->err.message, f->folder.path));
    assert_true(f->err.hint[0] != '\0');
    assert_int_equal(access(temp_dir_path(&f->folder, "FORMAT"), F_OK), -1);
    assert_int_equal(access(temp_dir_path(&f->folder, "LOCK"), F_OK), -1);
}

static void an_empty_file_system_is_an_empty_folder(void **state)
{
    fixture *f = *state;
    assert_int_equal(mkdir(temp_dir_path(&f->folder, "lost+found"), 0700), 0);
    assert_int_equal(try_open(f), PBASE_OK);
}

static void a_file_in_place_of_the_folder_is_refused(void **state)
{
    fixture *f = *state;
    write_file(temp_dir_path(&f->folder, "file"), "text");
    set_path(f, "file");
    assert_int_equal(try_open(f), PBASE_FORMAT);
}

static void a_folder_of_a_newer_version_says_so(void **state)
{
    fixture *f = *state;
    write_file(temp_dir_path(&f->folder, "FORMAT"), "protobase block_provider/file 2\n");
    assert_int_equal(try_open(f), PBASE_FORMAT);
    assert_non_null(strstr(f->err.message, "newer"));
    write_file(temp_dir_path(&f->folder, "FORMAT"), "something else");
    assert_int_equal(try_open(f), PBASE_FORMAT);
    assert_null(strstr(f->err.message, "newer"));
}

static void a_folder_that_may_not_be_written_is_a_clear_error(void **state)
{
    fixture *f = *state;
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
    fixture *f = *state;
    pbase_os os = *pbase_os_real();
    pbase_os_directory_ops directory = *os.directory;
    directory.network_type = always_network;
    os.directory = &directory;
    f->host.base.os = &os;
    assert_int_equal(try_open(f), PBASE_UNSUPPORTED);
    assert_non_null(strstr(f->err.message, "'nfs'"));
    assert_non_null(strstr(f->err.message, f->folder.path));
    assert_non_null(strstr(f->err.hint, "network: allow"));
    settings[3] = "allow";
    assert_int_equal(try_open(f), PBASE_OK);
}

static void a_second_process_is_told_the_id_of_the_first(void **state)
{
    fixture *f = *state;
    test_graph *graph = NULL;
    char holder[32];
    int status = -1;
    assert_int_equal(test_wiring_open(&files, &f->host, &graph, &f->err), PBASE_OK);
    assert_int_equal(pbase_blocks_lock(test_graph_object(graph), NULL, &f->err), PBASE_OK);
    snprintf(holder, sizeof holder, "process %d", (int)getpid());
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        test_graph *other = NULL;
        bool told = test_wiring_open(&files, &f->host, &other, &f->err) == PBASE_OK &&
                    pbase_blocks_lock(test_graph_object(other), NULL, &f->err) == PBASE_BUSY &&
                    strstr(f->err.message, holder) != NULL;
        _exit(told ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    test_wiring_close(graph);
}

static void an_orderly_end_leaves_a_mark_that_the_next_one_takes(void **state)
{
    fixture *f = *state;
    test_graph *graph = NULL;
    for (size_t round = 0; round < 2; round++) {
        assert_int_equal(test_wiring_open(&files, &f->host, &graph, &f->err), PBASE_OK);
        pbase_blocks *blocks = test_graph_object(graph);
        assert_int_equal(pbase_blocks_lock(blocks, NULL, &f->err), PBASE_OK);
        assert_int_equal(access(temp_dir_path(&f->folder, "CLEAN"), F_OK), -1);
        assert_int_equal(
            pbase_blocks_key_cas(blocks, NULL, "k", round, pbase_bytes_text("x"), &f->err),
            PBASE_OK);
        test_wiring_close(graph);
        assert_int_equal(access(temp_dir_path(&f->folder, "CLEAN"), F_OK), 0);
    }
    assert_int_equal(test_wiring_open(&files, &f->host, &graph, &f->err), PBASE_OK);
    pbase_blocks *blocks = test_graph_object(graph);
    pbase_segment *segment = NULL;
    assert_int_equal(pbase_blocks_lock(blocks, NULL, &f->err), PBASE_OK);
    assert_int_equal(pbase_blocks_open(blocks, NULL, "pending",
                                       PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &segment,
                                       &f->err),
                     PBASE_OK);
    pbase_segment_close(segment); /* its name was never made durable */
    test_wiring_close(graph);
    assert_int_equal(access(temp_dir_path(&f->folder, "CLEAN"), F_OK), -1);
}

static void flip(const char *path, off_t offset)
{
    uint8_t byte = 0;
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, offset), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, offset), 1);
    close(file);
}

static void a_key_with_one_damaged_slot_has_the_other_version(void **state)
{
    fixture *f = *state;
    test_graph *graph = NULL;
    pbase_arena arena;
    pbase_bytes document;
    uint64_t version = 0;
    pbase_arena_init(&arena, &f->host.memory.alloc);
    assert_int_equal(test_wiring_open(&files, &f->host, &graph, &f->err), PBASE_OK);
    pbase_blocks *blocks = test_graph_object(graph);
    assert_int_equal(pbase_blocks_key_cas(blocks, NULL, "k", 0, pbase_bytes_text("one"), &f->err),
                     PBASE_OK);
    assert_int_equal(pbase_blocks_key_cas(blocks, NULL, "k", 1, pbase_bytes_text("two"), &f->err),
                     PBASE_OK);
    flip(temp_dir_path(&f->folder, "KEYS/k"), SLOT_BYTES + 33); /* the second version */
    assert_int_equal(pbase_blocks_key_get(blocks, NULL, "k", &arena, &document, &version, &f->err),
                     PBASE_OK);
    assert_int_equal(version, 1);
    assert_true(pbase_bytes_equal(document, pbase_bytes_text("one")));
    flip(temp_dir_path(&f->folder, "KEYS/k"), 33);
    assert_int_equal(pbase_blocks_key_get(blocks, NULL, "k", &arena, &document, &version, &f->err),
                     PBASE_CORRUPT);
    assert_non_null(strstr(f->err.message, "KEYS/k"));
    assert_int_equal(pbase_blocks_key_cas(blocks, NULL, "k", 0, pbase_bytes_text("new"), &f->err),
                     PBASE_CORRUPT);
    test_wiring_close(graph);
    pbase_arena_fini(&arena);
}

static pbase_status count_each(void *state, const pbase_block_info *info, pbase_error *err)
{
    (void)info;
    (void)err;
    ++*(size_t *)state;
    return PBASE_OK;
}

static void files_of_others_in_the_folder_are_not_segments(void **state)
{
    fixture *f = *state;
    test_graph *graph = NULL;
    size_t count = 0;
    assert_int_equal(try_open(f), PBASE_OK);
    write_file(temp_dir_path(&f->folder, "Notes.TXT"), "text");
    write_file(temp_dir_path(&f->folder, "a~"), "text");
    assert_int_equal(mkfifo(temp_dir_path(&f->folder, "pipe"), 0600), 0);
    assert_int_equal(symlink("/etc/passwd", temp_dir_path(&f->folder, "link")), 0);
    assert_int_equal(test_wiring_open(&files, &f->host, &graph, &f->err), PBASE_OK);
    assert_int_equal(
        pbase_blocks_list(test_graph_object(graph), NULL, "", count_each, &count, &f->err),
        PBASE_OK);
    assert_int_equal(count, 0);
    test_wiring_close(graph);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
        TEST(a_second_process_is_told_the_id_of_the_first),
        TEST(an_orderly_end_leaves_a_mark_that_the_next_one_takes),
        TEST(a_key_with_one_damaged_slot_has_the_other_version),
        TEST(files_of_others_in_the_folder_are_not_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
