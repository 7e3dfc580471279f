/* test_blocks_keys.c - keys: damaged, large, and read while others write. */
#include "blocks_folder.h"
#include "fault_os.h"

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

/* ------------------------------------------------------- torn by a crash ------------------- */

#define MARK_AT 21 /* in LOCK, docs/formats/blocks.md */
#define MARK_OPEN "open \n"

typedef enum { LOCKED, ATTACHED } how_used;

static pbase_blocks *use(blocks_folder *f, how_used how, test_graph **graph)
{
    bool is_alone = false;
    assert_int_equal(test_wiring_open(&f->files, &f->host, graph, &f->err), PBASE_OK);
    pbase_blocks *blocks = test_graph_object(*graph);
    pbase_status status = how == LOCKED ? pbase_blocks_lock(blocks, NULL, &f->err)
                                        : pbase_blocks_attach(blocks, NULL, &is_alone, &f->err);
    assert_int_equal(status, PBASE_OK);
    return blocks;
}

static void end_in_order(how_used how, test_graph *graph)
{
    if (how == ATTACHED) {
        assert_true(pbase_blocks_leave(test_graph_object(graph)));
    }
    test_wiring_close(graph);
}

/* A folder that was closed in order, with a key of two versions. */
static void make_two_versions(blocks_folder *f)
{
    test_graph *graph = NULL;
    pbase_blocks *blocks = use(f, LOCKED, &graph);
    assert_int_equal(pbase_blocks_key_cas(blocks, NULL, "k", 0, pbase_bytes_text("one"), &f->err),
                     PBASE_OK);
    assert_int_equal(pbase_blocks_key_cas(blocks, NULL, "k", 1, pbase_bytes_text("two"), &f->err),
                     PBASE_OK);
    end_in_order(LOCKED, graph);
}

/* What a process leaves that ends while it uses the folder. */
static void mark_as_crashed(blocks_folder *f)
{
    int file = open(temp_dir_path(&f->folder, "LOCK"), O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, MARK_OPEN, 6, MARK_AT), 6);
    close(file);
}

static bool is_marked_clean(blocks_folder *f)
{
    char mark[6] = "";
    int file = open(temp_dir_path(&f->folder, "LOCK"), O_RDONLY);
    assert_true(file >= 0);
    assert_int_equal(pread(file, mark, sizeof mark, MARK_AT), sizeof mark);
    close(file);
    return memcmp(mark, "clean\n", sizeof mark) == 0;
}

static uint64_t read_key(blocks_folder *f, pbase_blocks *blocks, pbase_key_finding *out)
{
    pbase_arena arena;
    pbase_bytes document;
    uint64_t version = 0;
    pbase_arena_init(&arena, &f->host.memory.alloc);
    assert_int_equal(
        pbase_blocks_key_read(blocks, NULL, "k", &arena, &document, &version, out, &f->err),
        PBASE_OK);
    pbase_arena_fini(&arena);
    return version;
}

/* The first version again, or the second, and nothing to be told about the other slot. */
static void expect_sound(blocks_folder *f, pbase_blocks *blocks, uint64_t version)
{
    pbase_key_finding finding;
    pbase_arena arena;
    pbase_bytes document;
    uint64_t found = 0;
    pbase_arena_init(&arena, &f->host.memory.alloc);
    assert_int_equal(pbase_blocks_key_verify(blocks, NULL, "k", &finding, &f->err), PBASE_OK);
    assert_string_equal(finding.text, "");
    assert_int_equal(pbase_blocks_key_get(blocks, NULL, "k", &arena, &document, &found, &f->err),
                     PBASE_OK);
    assert_int_equal(found, version);
    pbase_arena_fini(&arena);
    assert_int_equal(read_key(f, blocks, &finding), version);
    assert_string_equal(finding.text, "");
}

static void a_torn_slot_is_no_damage_after_an_opening_that_changed_nothing(void **state)
{
    blocks_folder *f = *state;
    make_two_versions(f);
    for (how_used how = LOCKED; how <= ATTACHED; how++) {
        test_graph *graph = NULL;
        mark_as_crashed(f);
        flip(temp_dir_path(&f->folder, "KEYS/k"), SLOT_BYTES + 33); /* half a second version */

        expect_sound(f, use(f, how, &graph), 1);
        end_in_order(how, graph);

        assert_true(is_marked_clean(f));
        pbase_blocks *blocks = use(f, how, &graph);
        expect_sound(f, blocks, 1);
        assert_int_equal(
            pbase_blocks_key_cas(blocks, NULL, "k", 1, pbase_bytes_text("two"), &f->err), PBASE_OK);
        end_in_order(how, graph);
    }
}

/* Who dies beside others leaves no trace but the slot: those cannot call it damage, nor leave it. */
static void a_slot_torn_by_another_user_is_no_damage_and_is_not_left(void **state)
{
    blocks_folder *f = *state;
    test_graph *first = NULL;
    test_graph *second = NULL;
    make_two_versions(f);
    pbase_blocks *blocks = use(f, ATTACHED, &first);
    use(f, ATTACHED, &second);
    flip(temp_dir_path(&f->folder, "KEYS/k"), SLOT_BYTES + 33); /* the second one writes it */
    test_wiring_close(second);                                  /* and dies */

    expect_sound(f, blocks, 1);
    end_in_order(ATTACHED, first);

    assert_true(is_marked_clean(f));
    expect_sound(f, use(f, ATTACHED, &first), 1);
    end_in_order(ATTACHED, first);
}

static void no_mark_is_left_while_a_slot_cannot_be_mended(void **state)
{
    blocks_folder *f = *state;
    test_graph *graph = NULL;
    make_two_versions(f);
    mark_as_crashed(f);
    flip(temp_dir_path(&f->folder, "KEYS/k"), 33);
    flip(temp_dir_path(&f->folder, "KEYS/k"), SLOT_BYTES + 33);

    pbase_blocks *blocks = use(f, LOCKED, &graph);
    assert_int_equal(pbase_blocks_names_sync(blocks, NULL, &f->err), PBASE_OK);
    end_in_order(LOCKED, graph);

    assert_false(is_marked_clean(f));
}

static void a_damaged_slot_of_a_folder_that_was_left_in_order_stays_to_be_told(void **state)
{
    blocks_folder *f = *state;
    make_two_versions(f);
    flip(temp_dir_path(&f->folder, "KEYS/k"), SLOT_BYTES + 33);
    for (how_used how = LOCKED; how <= ATTACHED; how++) {
        pbase_key_finding finding;
        test_graph *graph = NULL;
        pbase_blocks *blocks = use(f, how, &graph);
        assert_int_equal(pbase_blocks_key_verify(blocks, NULL, "k", &finding, &f->err), PBASE_OK);
        assert_non_null(strstr(finding.text, "damaged"));
        assert_int_equal(read_key(f, blocks, &finding), 1);
        assert_non_null(strstr(finding.text, "damaged"));
        assert_true(finding.is_doubtful);
        end_in_order(how, graph);
    }
}

/* Asked again, a flush says nothing of what the first one lost: the mark may be there after a power failure. */
static void a_mark_that_could_not_be_flushed_lets_no_key_be_written(void **state)
{
    blocks_folder *f = *state;
    fault_os faulty;
    test_graph *graph = NULL;
    const pbase_os *os = f->host.base.os;
    make_two_versions(f);
    fault_os_init(&faulty, os);
    f->host.base.os = &faulty.os;
    pbase_blocks *blocks = use(f, LOCKED, &graph);
    fault_os_fail_at(&faulty, OS_CALL_SYNC, 1, PBASE_NO_SPACE, false);

    pbase_status first =
        pbase_blocks_key_cas(blocks, NULL, "k", 2, pbase_bytes_text("three"), &f->err);
    pbase_status second =
        pbase_blocks_key_cas(blocks, NULL, "k", 2, pbase_bytes_text("three"), &f->err);
    end_in_order(LOCKED, graph);

    assert_true(fault_os_has_failed(&faulty));
    assert_int_equal(first, PBASE_IO); /* of a lack of space whoever asks would try again */
    assert_int_equal(second, PBASE_READ_ONLY);
    assert_false(is_marked_clean(f));
    f->host.base.os = os;
    fault_os_fini(&faulty);
    blocks = use(f, LOCKED, &graph);
    assert_int_equal(pbase_blocks_key_cas(blocks, NULL, "k", 2, pbase_bytes_text("three"), &f->err),
                     PBASE_OK);
    end_in_order(LOCKED, graph);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, blocks_folder_setup, blocks_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_with_one_damaged_slot_has_the_other_version),
        TEST(a_key_that_is_whole_is_read_beside_whoever_writes_keys),
        TEST(a_document_that_fills_its_slot_is_read_whole),
        TEST(a_torn_slot_is_no_damage_after_an_opening_that_changed_nothing),
        TEST(a_slot_torn_by_another_user_is_no_damage_and_is_not_left),
        TEST(no_mark_is_left_while_a_slot_cannot_be_mended),
        TEST(a_mark_that_could_not_be_flushed_lets_no_key_be_written),
        TEST(a_damaged_slot_of_a_folder_that_was_left_in_order_stays_to_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
