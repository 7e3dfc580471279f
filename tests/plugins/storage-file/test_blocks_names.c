/* test_blocks_names.c - which files of a folder are segments, and what their handles know. */
#include "blocks_folder.h"
#include "fault_os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
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
    blocks_folder *f = *state;
    test_graph *graph = NULL;
    size_t count = 0;
    assert_int_equal(test_wiring_open(&f->files, &f->host, &graph, &f->err), PBASE_OK);
    test_wiring_close(graph);
    write_file(temp_dir_path(&f->folder, "Notes.TXT"), "text");
    write_file(temp_dir_path(&f->folder, "a~"), "text");
    assert_int_equal(mkfifo(temp_dir_path(&f->folder, "pipe"), 0600), 0);
    assert_int_equal(symlink("/etc/passwd", temp_dir_path(&f->folder, "link")), 0);
    assert_int_equal(test_wiring_open(&f->files, &f->host, &graph, &f->err), PBASE_OK);
    assert_int_equal(
        pbase_blocks_list(test_graph_object(graph), NULL, "", count_each, &count, &f->err),
        PBASE_OK);
    assert_int_equal(count, 0);
    test_wiring_close(graph);
}

static void every_handle_of_a_segment_follows_what_happens_to_its_name(void **state)
{
    blocks_folder *f = *state;
    test_graph *graph = NULL;
    pbase_segment *first = NULL;
    pbase_segment *second = NULL;
    assert_int_equal(test_wiring_open(&f->files, &f->host, &graph, &f->err), PBASE_OK);
    pbase_blocks *blocks = test_graph_object(graph);
    assert_int_equal(pbase_blocks_open(blocks, NULL, "old",
                                       PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &first, &f->err),
                     PBASE_OK);
    assert_int_equal(pbase_blocks_open(blocks, NULL, "old", PBASE_SEGMENT_WRITE, &second, &f->err),
                     PBASE_OK);

    assert_int_equal(pbase_blocks_rename(blocks, NULL, "old", "folder/new", &f->err), PBASE_OK);
    assert_int_equal(pbase_segment_seal(second, NULL, 0, &f->err), PBASE_OK);

    assert_int_equal(access(temp_dir_path(&f->folder, "folder/new.SEALED"), F_OK), 0);
    assert_int_equal(pbase_segment_write(first, NULL, 0, pbase_bytes_text("late"), 0, &f->err),
                     PBASE_READ_ONLY);
    assert_int_equal(pbase_blocks_remove(blocks, NULL, "folder/new", &f->err), PBASE_OK);
    assert_int_equal(pbase_segment_seal(first, NULL, 0, &f->err), PBASE_NOT_FOUND);
    pbase_segment_close(first);
    pbase_segment_close(second);
    test_wiring_close(graph);
}

/* Of a lack of space whoever asked would try again once there is some, and nobody would be told. */
static void a_folder_that_cannot_be_flushed_for_want_of_space_is_an_error_of_the_disk(void **state)
{
    blocks_folder *f = *state;
    fault_os faulty;
    test_graph *graph = NULL;
    pbase_segment *segment = NULL;
    const pbase_os *os = f->host.base.os;
    fault_os_init(&faulty, os);
    f->host.base.os = &faulty.os;
    assert_int_equal(test_wiring_open(&f->files, &f->host, &graph, &f->err), PBASE_OK);
    pbase_blocks *blocks = test_graph_object(graph);
    assert_int_equal(pbase_blocks_open(blocks, NULL, "old",
                                       PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &segment,
                                       &f->err),
                     PBASE_OK);
    pbase_segment_close(segment);
    fault_os_fail_at(&faulty, OS_CALL_DIRECTORY_SYNC, 1, PBASE_NO_SPACE, false);

    assert_int_equal(pbase_blocks_remove(blocks, NULL, "old", &f->err), PBASE_IO);

    assert_true(fault_os_has_failed(&faulty));
    assert_non_null(strstr(f->err.message, "'old' found no space"));
    test_wiring_close(graph);
    f->host.base.os = os;
    fault_os_fini(&faulty);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, blocks_folder_setup, blocks_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_of_others_in_the_folder_are_not_segments),
        TEST(every_handle_of_a_segment_follows_what_happens_to_its_name),
        TEST(a_folder_that_cannot_be_flushed_for_want_of_space_is_an_error_of_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
