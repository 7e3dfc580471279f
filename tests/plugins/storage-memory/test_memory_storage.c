/* test_memory_storage.c - storage/memory and block_provider/memory when memory is short. */
#include "os/os.h"
#include "storage_script.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *const settings[] = {"max_size", "1MiB", "segment_size", "256KiB", NULL};
static const test_wiring limited = {"storage-memory", PBASE_KIND_STORAGE, "memory", settings, NULL};
static const test_wiring unlimited = {"storage-memory", PBASE_KIND_STORAGE, "memory", NULL, NULL};
static const char *const block_settings[] = {"max_size", "64KiB", NULL};
static const test_wiring limited_blocks = {"storage-memory", PBASE_KIND_BLOCK_PROVIDER, "memory",
                                           block_settings, NULL};

typedef struct {
    test_host host;
    test_graph *graph;
    pbase_error err;
} fixture;

static void open_graph(fixture *f, const test_wiring *wiring)
{
    test_host_init(&f->host, pbase_os_real());
    pbase_error_init(&f->err);
    assert_int_equal(test_wiring_open(wiring, &f->host, &f->graph, &f->err), PBASE_OK);
}

static void close_graph(fixture *f)
{
    test_wiring_close(f->graph);
    assert_int_equal(fault_alloc_live_bytes(&f->host.memory), 0);
}

static uint8_t bytes[100000];

static pbase_status append(fixture *f, size_t size, pbase_journal_appended *out)
{
    pbase_bytes record = pbase_bytes_of(bytes, size);
    pbase_journal_append append = {.struct_size = sizeof append,
                                   .durability = PBASE_DURABILITY_SYNC,
                                   .records = &record,
                                   .record_count = 1,
                                   .expected = PBASE_POSITION_ANY,
                                   .fence = UINT64_MAX};
    return pbase_storage_append(test_graph_object(f->graph), NULL, &append, out, &f->err);
}

static void a_full_storage_takes_more_after_a_trim(void **state)
{
    (void)state;
    fixture f;
    open_graph(&f, &limited);
    pbase_storage *storage = test_graph_object(f.graph);
    pbase_journal_appended first = {0};
    pbase_journal_appended last = {0};
    pbase_journal_head head;
    size_t count = 0;
    while (append(&f, sizeof bytes, count == 0 ? &first : &last) == PBASE_OK) {
        count++;
        assert_true(count < 11);
    }
    assert_int_equal(f.err.code, PBASE_NO_SPACE);
    assert_int_equal(f.err.outcome, PBASE_OUTCOME_NOT_APPLIED);
    assert_non_null(strstr(f.err.hint, "max_size"));
    assert_int_equal(pbase_storage_journal_head(storage, NULL, PBASE_HEAD_LATEST, &head, &f.err),
                     PBASE_OK);
    assert_int_equal(head.head, last.end);
    assert_int_equal(pbase_storage_trim(storage, NULL, last.first, last.first, &f.err), PBASE_OK);
    assert_int_equal(append(&f, sizeof bytes, &last), PBASE_OK);
    close_graph(&f);
}

static void a_batch_of_atoms_that_does_not_fit_leaves_nothing(void **state)
{
    (void)state;
    fixture f;
    open_graph(&f, &limited);
    pbase_storage *storage = test_graph_object(f.graph);
    pbase_bytes atoms[20];
    pbase_atom_pointer pointers[20];
    pbase_atom_pointer small = 0;
    pbase_atom_pointer next = 0;
    for (size_t i = 0; i < 20; i++) {
        atoms[i] = pbase_bytes_of(bytes, sizeof bytes);
    }
    pbase_bytes one = pbase_bytes_of(bytes, 10);
    assert_int_equal(
        pbase_storage_atoms_write(storage, NULL, &one, 1, PBASE_ATOMS_DURABLE, &small, &f.err),
        PBASE_OK);
    assert_int_equal(
        pbase_storage_atoms_write(storage, NULL, atoms, 20, PBASE_ATOMS_DURABLE, pointers, &f.err),
        PBASE_NO_SPACE);
    assert_int_equal(
        pbase_storage_atoms_write(storage, NULL, &one, 1, PBASE_ATOMS_DURABLE, &next, &f.err),
        PBASE_OK);
    assert_int_equal(pbase_atom_pointer_log(next), pbase_atom_pointer_log(small));
    assert_int_equal(pbase_atom_pointer_offset(next),
                     pbase_atom_pointer_offset(small) + PBASE_ATOM_ALIGN);
    close_graph(&f);
}

static void a_full_provider_keeps_what_it_has(void **state)
{
    (void)state;
    fixture f;
    open_graph(&f, &limited_blocks);
    pbase_blocks *blocks = test_graph_object(f.graph);
    pbase_segment *segment = NULL;
    uint64_t size = 0;
    assert_int_equal(pbase_blocks_open(blocks, NULL, "a",
                                       PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &segment,
                                       &f.err),
                     PBASE_OK);
    assert_int_equal(pbase_segment_write(segment, NULL, 0, pbase_bytes_of(bytes, 60000), 0, &f.err),
                     PBASE_OK);
    assert_int_equal(
        pbase_segment_write(segment, NULL, 60000, pbase_bytes_of(bytes, 10000), 0, &f.err),
        PBASE_NO_SPACE);
    assert_int_equal(pbase_segment_preallocate(segment, NULL, 100000, &f.err), PBASE_NO_SPACE);
    assert_int_equal(pbase_segment_size(segment, &size, &f.err), PBASE_OK);
    assert_int_equal(size, 60000);
    assert_int_equal(pbase_segment_seal(segment, NULL, 10, &f.err), PBASE_OK);
    pbase_segment_close(segment);
    assert_int_equal(pbase_blocks_open(blocks, NULL, "b",
                                       PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &segment,
                                       &f.err),
                     PBASE_OK);
    assert_int_equal(pbase_segment_write(segment, NULL, 0, pbase_bytes_of(bytes, 60000), 0, &f.err),
                     PBASE_OK);
    pbase_segment_close(segment);
    close_graph(&f);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        fixture f;
        storage_script script;
        storage_script_init(&script);
        test_host_init(&f.host, pbase_os_real());
        pbase_error_init(&f.err);
        fault_alloc_fail_at(&f.host.memory, n);
        if (test_wiring_open(&unlimited, &f.host, &f.graph, &f.err) == PBASE_OK) {
            for (unsigned life = 0; life < SCRIPT_LIVES; life++) {
                storage_script_run(&script, life, test_graph_object(f.graph));
            }
            failed = fault_alloc_has_failed(&f.host.memory);
            fault_alloc_fail_at(&f.host.memory, 0);
            if (!storage_script_check(&script, test_graph_object(f.graph), f.host.base.alloc)) {
                fail_msg("allocation %llu: %s", (unsigned long long)n, script.why);
            }
            test_wiring_close(f.graph);
        } else {
            assert_int_equal(f.err.code, PBASE_NO_MEMORY);
        }
        assert_int_equal(fault_alloc_live_bytes(&f.host.memory), 0);
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_storage_takes_more_after_a_trim),
        cmocka_unit_test(a_batch_of_atoms_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(a_full_provider_keeps_what_it_has),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
