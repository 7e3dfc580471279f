/* test_blocks_keys.c - keys whose file was damaged. */
#include "blocks_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#define SLOT_BYTES 69632 /* of a key file, docs/formats/blocks.md */

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
    blocks_folder *f = *state;
    test_graph *graph = NULL;
    pbase_arena arena;
    pbase_bytes document;
    uint64_t version = 0;
    pbase_arena_init(&arena, &f->host.memory.alloc);
    assert_int_equal(test_wiring_open(&f->files, &f->host, &graph, &f->err), PBASE_OK);
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

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, blocks_folder_setup, blocks_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_with_one_damaged_slot_has_the_other_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
