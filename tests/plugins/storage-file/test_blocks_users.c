/* test_blocks_users.c - who may use a folder, and what is left when the last one goes. */
#include "blocks_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_second_process_is_told_the_id_of_the_first(void **state)
{
    blocks_folder *f = *state;
    test_graph *graph = NULL;
    char holder[32];
    int status = -1;
    assert_int_equal(test_wiring_open(&f->files, &f->host, &graph, &f->err), PBASE_OK);
    assert_int_equal(pbase_blocks_lock(test_graph_object(graph), NULL, &f->err), PBASE_OK);
    snprintf(holder, sizeof holder, "process %d", (int)getpid());
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        test_graph *other = NULL;
        bool told = test_wiring_open(&f->files, &f->host, &other, &f->err) == PBASE_OK &&
                    pbase_blocks_lock(test_graph_object(other), NULL, &f->err) == PBASE_BUSY &&
                    strstr(f->err.message, holder) != NULL;
        _exit(told ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    test_wiring_close(graph);
}

/* What stands behind the holder's id in LOCK (docs/formats/blocks.md). */
static bool is_left_in_order(blocks_folder *f)
{
    char text[64] = "";
    FILE *file = fopen(temp_dir_path(&f->folder, "LOCK"), "rb");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) >= 21);
    assert_int_equal(fclose(file), 0);
    return strcmp(text + 21, "clean\n") == 0;
}

static void an_orderly_end_leaves_a_mark_that_the_next_one_takes(void **state)
{
    blocks_folder *f = *state;
    test_graph *graph = NULL;
    for (size_t round = 0; round < 2; round++) {
        assert_int_equal(test_wiring_open(&f->files, &f->host, &graph, &f->err), PBASE_OK);
        pbase_blocks *blocks = test_graph_object(graph);
        assert_int_equal(pbase_blocks_lock(blocks, NULL, &f->err), PBASE_OK);
        assert_false(is_left_in_order(f));
        assert_int_equal(
            pbase_blocks_key_cas(blocks, NULL, "k", round, pbase_bytes_text("x"), &f->err),
            PBASE_OK);
        test_wiring_close(graph);
        assert_true(is_left_in_order(f));
    }
    assert_int_equal(test_wiring_open(&f->files, &f->host, &graph, &f->err), PBASE_OK);
    pbase_blocks *blocks = test_graph_object(graph);
    pbase_segment *segment = NULL;
    assert_int_equal(pbase_blocks_lock(blocks, NULL, &f->err), PBASE_OK);
    assert_int_equal(pbase_blocks_open(blocks, NULL, "pending",
                                       PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &segment,
                                       &f->err),
                     PBASE_OK);
    pbase_segment_close(segment); /* its name was never made durable */
    test_wiring_close(graph);
    assert_false(is_left_in_order(f));
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, blocks_folder_setup, blocks_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_second_process_is_told_the_id_of_the_first),
        TEST(an_orderly_end_leaves_a_mark_that_the_next_one_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
