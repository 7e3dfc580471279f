/* test_segment_map.c - where atoms lie in mapped segments, also in one that another process fills. */
#include "store/segment_map.h"

#include "os/os.h"
#include "scripted_storage.h"
#include "test_host.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define BYTES 16384u

typedef struct {
    pbase_os os;
    pbase_os_file_ops file;
    test_host host;
    scripted_storage storage;
    segment_map *map;
    uint8_t *data;
    mapped_segment *segment;
    const uint8_t *at;
    uint64_t available;
} fixture;

/* What was asked for last, and how often. */
static const uint8_t *asked_at;
static uint64_t asked_bytes;
static unsigned asked;

static void hear(const uint8_t *data, uint64_t size, uint32_t how)
{
    assert_int_equal(how, PBASE_OS_READ_NOW);
    asked_at = data;
    asked_bytes = size;
    asked++;
}

static void start(fixture *f, uint64_t size_bytes)
{
    f->os = *pbase_os_real();
    f->file = *f->os.file;
    f->file.map_read = hear;
    f->os.file = &f->file;
    asked = 0;
    test_host_init(&f->host, &f->os);
    scripted_storage_init(&f->storage, &scripted_storage_full);
    f->data = aligned_alloc(4096, BYTES);
    assert_non_null(f->data);
    f->storage.map = (pbase_atom_map){f->data, size_bytes};
    assert_int_equal(segment_map_create(&f->host.base, &f->storage.base, &f->map, NULL), PBASE_OK);
}

static void end(fixture *f)
{
    segment_map_destroy(f->map);
    free(f->data);
    assert_int_equal(fault_alloc_live_bytes(&f->host.memory), 0);
}

static pbase_status find(fixture *f, uint64_t offset, bool again)
{
    pbase_atom_pointer pointer = pbase_atom_pointer_of(1, offset);
    return again ? segment_map_find_again(f->map, pointer, &f->segment, &f->at, &f->available, NULL)
                 : segment_map_find(f->map, pointer, &f->segment, &f->at, &f->available, NULL);
}

static void what_lies_inside_is_found_without_asking_the_storage(void **unused)
{
    (void)unused;
    fixture f;
    start(&f, 1024);
    assert_int_equal(find(&f, 64, false), PBASE_OK);
    unsigned calls = f.storage.calls;
    assert_int_equal(find(&f, 960, false), PBASE_OK);
    assert_ptr_equal(f.at, f.data + 960);
    assert_int_equal(f.available, 64);
    assert_int_equal(f.storage.calls, calls);
    end(&f);
}

static void what_lies_behind_is_found_once_it_is_there(void **unused)
{
    (void)unused;
    fixture f;
    start(&f, 1024);
    assert_int_equal(find(&f, 1024, false), PBASE_CORRUPT);
    f.storage.map.size_bytes = 2048;
    assert_int_equal(find(&f, 1024, false), PBASE_OK);
    assert_int_equal(f.available, 1024);
    end(&f);
}

/* A size that was seen while another process was writing there cut an atom, which was taken for damage. */
static void an_atom_that_was_cut_when_it_was_seen_is_whole_when_looked_at_again(void **unused)
{
    (void)unused;
    fixture f;
    start(&f, 1024);
    assert_int_equal(find(&f, 960, false), PBASE_OK);
    f.storage.map.size_bytes = 2048;
    assert_int_equal(find(&f, 960, false), PBASE_OK);
    assert_int_equal(f.available, 64); /* it begins inside: nobody asked */
    assert_int_equal(find(&f, 960, true), PBASE_OK);
    assert_ptr_equal(f.at, f.data + 960);
    assert_int_equal(f.available, 1088);
    end(&f);
}

static void a_segment_that_is_missing_is_said_to_be(void **unused)
{
    (void)unused;
    fixture f;
    start(&f, 1024);
    f.storage.status = PBASE_NOT_FOUND;
    assert_int_equal(find(&f, 64, false), PBASE_CORRUPT);
    assert_int_equal(find(&f, 64, true), PBASE_CORRUPT);
    end(&f);
}

static void touch(fixture *f, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        segment_map_touch(f->map, 1, f->segment, f->at, f->available);
    }
}

static void a_segment_is_asked_for_once_more_when_many_of_its_atoms_were_touched(void **unused)
{
    (void)unused;
    fixture f;
    start(&f, 1024);
    assert_int_equal(find(&f, 64, false), PBASE_OK);
    unsigned calls = f.storage.calls;
    touch(&f, SEGMENT_TOUCHES_FEW - 1);
    assert_int_equal(f.storage.calls, calls);
    touch(&f, 1);
    assert_int_equal(f.storage.calls, calls + 1);
    touch(&f, 3 * SEGMENT_TOUCHES_FEW);
    assert_int_equal(f.storage.calls, calls + 1);
    end(&f);
}

static void a_storage_that_fails_when_asked_once_more_harms_nobody(void **unused)
{
    (void)unused;
    fixture f;
    start(&f, 1024);
    assert_int_equal(find(&f, 64, false), PBASE_OK);
    f.storage.status = PBASE_IO;
    touch(&f, SEGMENT_TOUCHES_FEW);
    assert_int_equal(find(&f, 64, false), PBASE_OK);
    assert_ptr_equal(f.at, f.data + 64);
    end(&f);
}

static void the_pages_of_an_atom_are_asked_for_together_while_touches_are_few(void **unused)
{
    (void)unused;
    fixture f;
    start(&f, 12288);
    assert_int_equal(find(&f, 64, false), PBASE_OK);
    touch(&f, 1);
    assert_ptr_equal(asked_at, f.data + 64);
    assert_int_equal(asked_bytes, 8192);
    assert_int_equal(find(&f, 12224, false), PBASE_OK);
    touch(&f, 1);
    assert_ptr_equal(asked_at, f.data + 12224);
    assert_int_equal(asked_bytes, 64); /* nothing behind what is written */
    touch(&f, 3 * SEGMENT_TOUCHES_FEW);
    assert_int_equal(asked, SEGMENT_TOUCHES_FEW - 1);
    end(&f);
}

static void a_system_that_takes_no_hints_is_given_none(void **unused)
{
    (void)unused;
    fixture f;
    start(&f, 1024);
    f.file.map_read = NULL;
    assert_int_equal(find(&f, 64, false), PBASE_OK);
    touch(&f, 2 * SEGMENT_TOUCHES_FEW);
    assert_int_equal(asked, 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_inside_is_found_without_asking_the_storage),
        cmocka_unit_test(what_lies_behind_is_found_once_it_is_there),
        cmocka_unit_test(an_atom_that_was_cut_when_it_was_seen_is_whole_when_looked_at_again),
        cmocka_unit_test(a_segment_that_is_missing_is_said_to_be),
        cmocka_unit_test(a_segment_is_asked_for_once_more_when_many_of_its_atoms_were_touched),
        cmocka_unit_test(the_pages_of_an_atom_are_asked_for_together_while_touches_are_few),
        cmocka_unit_test(a_system_that_takes_no_hints_is_given_none),
        cmocka_unit_test(a_storage_that_fails_when_asked_once_more_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
