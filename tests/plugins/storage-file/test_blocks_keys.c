/* test_blocks_keys.c - keys: damaged, large, and read while others write. */
#include "blocks_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
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

/* Whoever opens a space reads keys, and would otherwise wait for everybody who writes one. */
static void a_key_that_is_whole_is_read_beside_whoever_writes_keys(void **state)
{
    blocks_folder *f = *state;
    test_graph *writer = NULL;
    test_graph *reader = NULL;
    pbase_arena arena;
    pbase_bytes document;
    uint64_t version = 0;
    bool is_alone = false;
    pbase_arena_init(&arena, &f->host.memory.alloc);
    assert_int_equal(test_wiring_open(&f->files, &f->host, &writer, &f->err), PBASE_OK);
    assert_int_equal(test_wiring_open(&f->files, &f->host, &reader, &f->err), PBASE_OK);
    pbase_blocks *written = test_graph_object(writer);
    pbase_blocks *read = test_graph_object(reader);
    assert_int_equal(pbase_blocks_attach(written, NULL, &is_alone, &f->err), PBASE_OK);
    assert_int_equal(pbase_blocks_attach(read, NULL, &is_alone, &f->err), PBASE_OK);
    assert_int_equal(pbase_blocks_key_cas(written, NULL, "k", 0, pbase_bytes_text("one"), &f->err),
                     PBASE_OK);
    assert_int_equal(pbase_blocks_acquire(written, NULL, "keys", false, &f->err), PBASE_OK);

    assert_int_equal(pbase_blocks_key_get(read, NULL, "k", &arena, &document, &version, &f->err),
                     PBASE_OK);

    assert_int_equal(version, 1);
    assert_true(pbase_bytes_equal(document, pbase_bytes_text("one")));
    pbase_blocks_release(written, "keys");
    test_wiring_close(reader);
    test_wiring_close(writer);
    pbase_arena_fini(&arena);
}

static void a_document_that_fills_its_slot_is_read_whole(void **state)
{
    blocks_folder *f = *state;
    test_graph *graph = NULL;
    pbase_arena arena;
    pbase_bytes document;
    uint64_t version = 0;
    static uint8_t large[65536];
    memset(large, 7, sizeof large);
    pbase_arena_init(&arena, &f->host.memory.alloc);
    assert_int_equal(test_wiring_open(&f->files, &f->host, &graph, &f->err), PBASE_OK);
    pbase_blocks *blocks = test_graph_object(graph);
    pbase_bytes wanted = pbase_bytes_of(large, sizeof large);
    assert_int_equal(pbase_blocks_key_cas(blocks, NULL, "k", 0, wanted, &f->err), PBASE_OK);
    assert_int_equal(pbase_blocks_key_cas(blocks, NULL, "k", 1, pbase_bytes_text("x"), &f->err),
                     PBASE_OK);
    assert_int_equal(pbase_blocks_key_cas(blocks, NULL, "k", 2, wanted, &f->err), PBASE_OK);

    assert_int_equal(pbase_blocks_key_get(blocks, NULL, "k", &arena, &document, &version, &f->err),
                     PBASE_OK);

    assert_int_equal(version, 3);
    assert_true(pbase_bytes_equal(document, wanted));
    test_wiring_close(graph);
    pbase_arena_fini(&arena);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, blocks_folder_setup, blocks_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_with_one_damaged_slot_has_the_other_version),
        TEST(a_key_that_is_whole_is_read_beside_whoever_writes_keys),
        TEST(a_document_that_fills_its_slot_is_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
