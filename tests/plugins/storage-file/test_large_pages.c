/* test_large_pages.c - which parts of a store are mapped with large pages, and when none is. */
#include "os/os.h"
#include "temp_dir.h"
#include "test_host.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PIECE ((uint64_t)2 << 20)
#define ATOM_BYTES (512u << 10)

static const char *block_settings[] = {"path", NULL, "segment_size", "8MiB", NULL};
static const char *const settings[] = {"journal_segment_size", "256KiB", NULL};
static const char *const settings_never[] = {"journal_segment_size", "256KiB", "large_pages",
                                             "false", NULL};
static const test_wiring files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file", block_settings,
                                  NULL};
static const test_wiring wiring = {"storage-file", PBASE_KIND_STORAGE, "file", settings, &files};
static const test_wiring wiring_never = {"storage-file", PBASE_KIND_STORAGE, "file", settings_never,
                                         &files};

static uint64_t memory;      /* that the machine is said to have */
static uint64_t large_bytes; /* of what was asked for last */
static unsigned few, asked, ordinary;
static unsigned memory_asked; /* how often the system was asked for its memory */

static void hear(const uint8_t *data, uint64_t size, uint32_t how)
{
    assert_non_null(data);
    few += how == PBASE_OS_READ_FEW;
    asked += how == PBASE_OS_READ_ALL_OVER;
    ordinary += how == PBASE_OS_READ_ORDINARY;
    large_bytes = how == PBASE_OS_READ_ALL_OVER ? size : large_bytes;
    pbase_os_real()->file->map_read(data, size, how);
}

static uint64_t say_memory(const pbase_os *os)
{
    (void)os;
    memory_asked++;
    return memory;
}

typedef struct {
    temp_dir directory;
    pbase_os os;
    pbase_os_file_ops file;
    pbase_os_system_ops system;
    test_host host;
    test_graph *graph;
    pbase_storage *storage;
} fixture;

static void begin(fixture *f, const test_wiring *of, uint64_t memory_bytes)
{
    pbase_error err;
    pbase_error_init(&err);
    memory = memory_bytes;
    large_bytes = few = asked = ordinary = memory_asked = 0;
    f->os = *pbase_os_real();
    f->file = *f->os.file;
    f->system = *f->os.system;
    f->file.map_read = hear;
    f->system.memory_bytes = say_memory;
    f->os.file = &f->file;
    f->os.system = &f->system;
    temp_dir_create(&f->directory);
    block_settings[1] = temp_dir_path(&f->directory, "space");
    test_host_init(&f->host, &f->os);
    if (test_wiring_open(of, &f->host, &f->graph, &err) != PBASE_OK) {
        fail_msg("%s", err.message);
    }
    f->storage = test_graph_object(f->graph);
}

static void end(fixture *f)
{
    test_wiring_close(f->graph);
    assert_int_equal(fault_alloc_live_bytes(&f->host.memory), 0);
    temp_dir_remove(&f->directory);
}

/* Writes so many atoms and asks for the map of the segment of the last one. */
static pbase_atom_map grow(fixture *f, unsigned atoms)
{
    static uint8_t bytes[ATOM_BYTES];
    pbase_error err;
    pbase_atom_pointer pointer = 0;
    pbase_atom_map map;
    pbase_bytes atom = pbase_bytes_of(bytes, sizeof bytes);
    pbase_error_init(&err);
    for (unsigned i = 0; i < atoms; i++) {
        memset(bytes, (int)i + 1, sizeof bytes);
        if (pbase_storage_atoms_write(f->storage, NULL, &atom, 1, PBASE_ATOMS_DURABLE, &pointer,
                                      &err) != PBASE_OK) {
            fail_msg("%s", err.message);
        }
    }
    if (pbase_storage_atoms_map(f->storage, pbase_atom_pointer_log(pointer), &map, &err) !=
        PBASE_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(map.data[pbase_atom_pointer_offset(pointer)], atoms); /* it can be read */
    return map;
}

static void a_segment_is_mapped_for_few_reads_until_it_is_asked_for_again(void **state)
{
    fixture f;
    (void)state;
    begin(&f, &wiring, (uint64_t)1 << 30);

    (void)grow(&f, 5);
    assert_int_equal(few, 1);
    assert_int_equal(asked, 0);
    (void)grow(&f, 1);

    assert_int_equal(few, 1);
    assert_int_equal(ordinary, 1);
    assert_int_equal(asked, 1);
    end(&f);
}

static void the_memory_is_asked_for_once_a_segment_is_read_a_lot(void **state)
{
    fixture f;
    (void)state;
    begin(&f, &wiring, (uint64_t)1 << 30);

    (void)grow(&f, 5);
    assert_int_equal(memory_asked, 0);
    (void)grow(&f, 1);
    (void)grow(&f, 1);

    assert_int_equal(memory_asked, 1);
    assert_int_equal(large_bytes, PIECE);
    end(&f);
}

static void whole_pieces_that_are_written_are_mapped_with_large_pages(void **state)
{
    fixture f;
    (void)state;
    begin(&f, &wiring, (uint64_t)1 << 30);

    (void)grow(&f, 1);
    pbase_atom_map map = grow(&f, 9);

    assert_int_equal(asked, 1);
    assert_int_equal(large_bytes, map.size_bytes / PIECE * PIECE);
    assert_int_equal(large_bytes, 2 * PIECE);
    end(&f);
}

static void what_is_written_later_follows_piece_by_piece(void **state)
{
    fixture f;
    (void)state;
    begin(&f, &wiring, (uint64_t)1 << 30);
    (void)grow(&f, 1);
    assert_int_equal(asked, 0); /* not a piece yet */

    (void)grow(&f, 4);
    (void)grow(&f, 1);

    assert_int_equal(asked, 1);
    assert_int_equal(large_bytes, PIECE);
    end(&f);
}

static void a_store_of_more_than_a_quarter_of_the_memory_is_not(void **state)
{
    fixture f;
    (void)state;
    begin(&f, &wiring, 4 * PIECE);

    (void)grow(&f, 1);
    (void)grow(&f, 9);

    assert_int_equal(asked, 0);
    end(&f);
}

static void a_store_that_outgrows_it_is_not_any_more(void **state)
{
    fixture f;
    (void)state;
    begin(&f, &wiring, 12 * PIECE);
    (void)grow(&f, 1);
    (void)grow(&f, 5);
    assert_int_equal(asked, 1);
    assert_int_equal(ordinary, 1);

    (void)grow(&f, 9);
    (void)grow(&f, 1);

    assert_int_equal(asked, 1);
    assert_true(ordinary > 1);
    end(&f);
}

static void a_store_that_is_told_not_to_is_not(void **state)
{
    fixture f;
    (void)state;
    begin(&f, &wiring_never, (uint64_t)1 << 30);

    (void)grow(&f, 1);
    (void)grow(&f, 9);

    assert_int_equal(asked, 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_is_mapped_for_few_reads_until_it_is_asked_for_again),
        cmocka_unit_test(the_memory_is_asked_for_once_a_segment_is_read_a_lot),
        cmocka_unit_test(whole_pieces_that_are_written_are_mapped_with_large_pages),
        cmocka_unit_test(what_is_written_later_follows_piece_by_piece),
        cmocka_unit_test(a_store_of_more_than_a_quarter_of_the_memory_is_not),
        cmocka_unit_test(a_store_that_outgrows_it_is_not_any_more),
        cmocka_unit_test(a_store_that_is_told_not_to_is_not)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
