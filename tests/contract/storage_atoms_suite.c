/* storage_atoms_suite.c - atoms of every storage, and the segments they lie in. */
#include "storage_fixture.h"

#include <protobase/base/limits.h>
#include <stdio.h>
#include <stdlib.h>

/* ----------------------------------------------------------------------------------- atoms --- */

static void atoms_of_every_size_read_back_equal(void **state)
{
    static const size_t sizes[] = {1,
                                   63,
                                   64,
                                   65,
                                   1000,
                                   4095,
                                   4096,
                                   4097,
                                   65536,
                                   200000,
                                   (1u << 20) - 1,
                                   1u << 20,
                                   (1u << 20) + 1,
                                   3u << 20,
                                   100};
    storage_fixture *f = storage_of(state);
    pbase_atom_pointer pointers[COUNT_OF(sizes)];
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        pointers[i] = storage_write_atom(f, i, sizes[i], PBASE_ATOMS_DURABLE);
        assert_int_equal(pbase_atom_pointer_offset(pointers[i]) % PBASE_ATOM_ALIGN, 0);
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        storage_assert_atom(f, pointers[i], i, sizes[i]);
    }
}

static void batch_gets_its_places(storage_fixture *f, uint32_t mode)
{
    enum { COUNT = 3000 };
    static char texts[COUNT][300];
    static pbase_bytes atoms[COUNT];
    static pbase_atom_pointer pointers[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        memset(texts[i], (int)('a' + i % 26), sizeof texts[i]);
        int size = snprintf(texts[i], sizeof texts[i], "atom %zu", i);
        atoms[i] = pbase_bytes_of(texts[i], i % 3 == 0 ? (size_t)size : sizeof texts[i]);
    }
    assert_ok(f,
              pbase_storage_atoms_write(f->storage, NULL, atoms, COUNT, mode, pointers, &f->err));
    for (size_t i = 0; i < COUNT; i++) {
        char read_back[sizeof texts[0]];
        size_t read = 0;
        assert_ok(f, pbase_storage_atoms_read(f->storage, NULL, pointers[i], read_back,
                                              atoms[i].size, &read, &f->err));
        assert_int_equal(read, atoms[i].size);
        assert_memory_equal(read_back, atoms[i].data, read);
        assert_true(i == 0 || pointers[i] > pointers[i - 1]); /* in this order */
    }
}

static void atoms_of_a_batch_all_get_their_own_place(void **state)
{
    storage_fixture *f = storage_of(state);
    batch_gets_its_places(f, PBASE_ATOMS_WITH_APPEND);
    batch_gets_its_places(f, PBASE_ATOMS_STREAMED);
}

/* Streams, single atoms and others in turn, which may go different ways to the device. */
static void streamed_atoms_and_others_stand_side_by_side(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_atom_pointer pointers[30];
    for (size_t i = 0; i < COUNT_OF(pointers); i++) {
        size_t size = i % 3 == 2 ? 100 : 1000 + i * 9973;
        pointers[i] = storage_write_atom(
            f, i, size, i % 3 == 1 ? PBASE_ATOMS_WITH_APPEND : PBASE_ATOMS_STREAMED);
    }
    for (size_t i = 0; i < COUNT_OF(pointers); i++) {
        storage_assert_atom(f, pointers[i], i, i % 3 == 2 ? 100 : 1000 + i * 9973);
    }
}

static void atoms_read_ends_with_the_segment(void **state)
{
    storage_fixture *f = storage_of(state);
    uint8_t bytes[1024];
    size_t read = 0;
    pbase_atom_pointer pointer = storage_write_atom(f, 1, 100, PBASE_ATOMS_DURABLE);
    assert_ok(f, pbase_storage_atoms_read(f->storage, NULL, pointer, bytes, sizeof bytes, &read,
                                          &f->err));
    assert_true(read >= 100 && read < sizeof bytes);
}

static void atoms_read_tells_unknown_from_retired_segments(void **state)
{
    storage_fixture *f = storage_of(state);
    uint8_t byte;
    size_t read = 0;
    pbase_atom_pointer pointer = storage_write_atom(f, 1, 100, PBASE_ATOMS_DURABLE);
    pbase_atom_pointer unknown =
        pbase_atom_pointer_of(pbase_atom_pointer_log(pointer) + 100, PBASE_ATOM_ALIGN);
    assert_int_equal(pbase_storage_atoms_read(f->storage, NULL, unknown, &byte, 1, &read, &f->err),
                     PBASE_NOT_FOUND);
    assert_ok(f, pbase_storage_segment_retire(f->storage, NULL, pbase_atom_pointer_log(pointer),
                                              &f->err));
    assert_int_equal(pbase_storage_atoms_read(f->storage, NULL, pointer, &byte, 1, &read, &f->err),
                     PBASE_LOST);
}

static void atoms_map_stays_in_place_while_the_segment_grows(void **state)
{
    storage_fixture *f = storage_of(state);
    if (!storage_has(f, PBASE_STORAGE_MAP)) {
        skip();
    }
    pbase_atom_map first;
    pbase_atom_map later;
    char bytes[5000];
    memset(bytes, 'z', sizeof bytes);
    pbase_bytes atom = pbase_bytes_of(bytes, sizeof bytes);
    pbase_atom_pointer a = storage_write_atom(f, 1, 64, PBASE_ATOMS_DURABLE);
    uint32_t log_id = pbase_atom_pointer_log(a);
    assert_ok(f, pbase_storage_atoms_map(f->storage, log_id, &first, &f->err));
    for (size_t i = 0; i < 20; i++) {
        pbase_atom_pointer b;
        assert_ok(f, pbase_storage_atoms_write(f->storage, NULL, &atom, 1, PBASE_ATOMS_DURABLE, &b,
                                               &f->err));
        assert_int_equal(pbase_atom_pointer_log(b), log_id);
        assert_ok(f, pbase_storage_atoms_map(f->storage, log_id, &later, &f->err));
        assert_ptr_equal(later.data, first.data);
        assert_true(later.size_bytes >= pbase_atom_pointer_offset(b) + sizeof bytes);
        assert_memory_equal(later.data + pbase_atom_pointer_offset(b), bytes, sizeof bytes);
    }
    storage_assert_atom(f, a, 1, 64);
}

static void atoms_map_of_an_unknown_segment_is_not_found(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_atom_map map;
    assert_int_equal(pbase_storage_atoms_map(f->storage, 4000, &map, &f->err),
                     storage_has(f, PBASE_STORAGE_MAP) ? PBASE_NOT_FOUND : PBASE_UNSUPPORTED);
}

/* -------------------------------------------------------------------------------- segments --- */

typedef struct {
    pbase_segment_info segments[256];
    size_t count;
    pbase_status answer;
} segment_list;

static pbase_status list_each(void *state, const pbase_segment_info *segment, pbase_error *err)
{
    segment_list *list = state;
    (void)err;
    assert_true(list->count < COUNT_OF(list->segments));
    list->segments[list->count++] = *segment;
    return list->answer;
}

static segment_list list_segments(storage_fixture *f)
{
    segment_list list = {.answer = PBASE_OK};
    assert_ok(f, pbase_storage_segments_list(f->storage, NULL, list_each, &list, &f->err));
    return list;
}

static pbase_segment_info list_get(const segment_list *list, uint32_t log_id)
{
    size_t i = 0;
    while (i < list->count && list->segments[i].log_id != log_id) {
        i++;
    }
    PBASE_ASSERT(i < list->count); /* ends here, as the compiler can see */
    return list->segments[i];
}

static void full_segments_are_sealed_and_listed(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_atom_pointer pointers[12];
    assert_int_equal(list_segments(f).count, 0);
    for (size_t i = 0; i < COUNT_OF(pointers); i++) {
        pointers[i] = storage_write_atom(f, i, 100000, PBASE_ATOMS_DURABLE);
    }
    segment_list list = list_segments(f);
    uint32_t last = pbase_atom_pointer_log(pointers[COUNT_OF(pointers) - 1]);
    assert_true(list.count > 1); /* subjects have small segments */
    for (size_t i = 0; i < COUNT_OF(pointers); i++) {
        pbase_segment_info info = list_get(&list, pbase_atom_pointer_log(pointers[i]));
        assert_true(info.size_bytes >= pbase_atom_pointer_offset(pointers[i]) + 100000);
        assert_int_equal(info.sealed, info.log_id != last);
        storage_assert_atom(f, pointers[i], i, 100000);
    }
}

static void listing_stops_with_the_status_of_each(void **state)
{
    storage_fixture *f = storage_of(state);
    segment_list list = {.answer = PBASE_NOT_FOUND};
    for (size_t i = 0; i < 12; i++) {
        storage_write_atom(f, i, 100000, PBASE_ATOMS_DURABLE);
    }
    assert_int_equal(pbase_storage_segments_list(f->storage, NULL, list_each, &list, &f->err),
                     PBASE_NOT_FOUND);
    assert_int_equal(list.count, 1);
}

static void retired_segments_are_gone_and_their_ids_not_used_again(void **state)
{
    storage_fixture *f = storage_of(state);
    uint32_t greatest = 0;
    for (size_t round = 0; round < 5; round++) {
        pbase_atom_pointer pointer = storage_write_atom(f, round, 1000, PBASE_ATOMS_DURABLE);
        uint32_t log_id = pbase_atom_pointer_log(pointer);
        assert_true(log_id > greatest);
        greatest = log_id;
        assert_ok(f, pbase_storage_segment_retire(f->storage, NULL, log_id, &f->err));
        assert_int_equal(list_segments(f).count, 0);
        if (storage_has(f, PBASE_STORAGE_PERSISTENT)) {
            storage_close(f);
            storage_open(f);
        }
    }
}

static void a_punched_range_leaves_the_atoms_around_it(void **state)
{
    storage_fixture *f = storage_of(state);
    pbase_atom_pointer pointers[12];
    if (!storage_has(f, PBASE_STORAGE_PUNCH)) {
        assert_int_equal(pbase_storage_atoms_punch(f->storage, NULL, pbase_atom_pointer_of(1, 64),
                                                   4096, &f->err),
                         PBASE_UNSUPPORTED);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(pointers);
         i++) { /* in sealed segments and the one that grows */
        pointers[i] = storage_write_atom(f, i, 100000, PBASE_ATOMS_DURABLE);
    }
    for (size_t i = 0; i < COUNT_OF(pointers); i += 2) {
        pbase_status status =
            pbase_storage_atoms_punch(f->storage, NULL, pointers[i], 100000, &f->err);
        if (status == PBASE_UNSUPPORTED) { /* the file system cannot */
            skip();
        }
        assert_ok(f, status);
    }
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 1; i < COUNT_OF(pointers); i += 2) {
            storage_assert_atom(f, pointers[i], i, 100000);
        }
        if (storage_has(f, PBASE_STORAGE_PERSISTENT)) {
            storage_close(f);
            storage_open(f);
        }
    }
}

static void a_range_outside_of_what_was_written_is_not_punched(void **state)
{
    storage_fixture *f = storage_of(state);
    if (!storage_has(f, PBASE_STORAGE_PUNCH)) {
        skip();
    }
    pbase_atom_pointer pointer = storage_write_atom(f, 1, 1000, PBASE_ATOMS_DURABLE);
    uint32_t log_id = pbase_atom_pointer_log(pointer);
    assert_int_equal(
        pbase_storage_atoms_punch(f->storage, NULL, pbase_atom_pointer_of(log_id, 0), 64, &f->err),
        PBASE_INVALID); /* the segment's header */
    assert_int_equal(pbase_storage_atoms_punch(f->storage, NULL, pointer, 1 << 20, &f->err),
                     PBASE_INVALID);
    assert_int_equal(pbase_storage_atoms_punch(f->storage, NULL, pointer, UINT64_MAX, &f->err),
                     PBASE_INVALID);
    assert_int_equal(
        pbase_storage_atoms_punch(f->storage, NULL, pbase_atom_pointer_of(77, 64), 64, &f->err),
        PBASE_NOT_FOUND);
    storage_assert_atom(f, pointer, 1, 1000);
}

static void retiring_an_unknown_segment_is_not_found(void **state)
{
    storage_fixture *f = storage_of(state);
    assert_int_equal(pbase_storage_segment_retire(f->storage, NULL, 77, &f->err), PBASE_NOT_FOUND);
}

static void reserved_ids_are_never_written_to(void **state)
{
    storage_fixture *f = storage_of(state);
    uint32_t one = 0;
    uint32_t two = 0;
    if (!storage_has(f, PBASE_STORAGE_RESERVE)) {
        skip();
    }
    assert_ok(f, pbase_storage_atoms_reserve(f->storage, NULL, &one, &f->err));
    assert_ok(f, pbase_storage_atoms_reserve(f->storage, NULL, &two, &f->err));
    assert_true(one != 0 && one != two);
    for (size_t i = 0; i < 12; i++) {
        pbase_atom_pointer pointer = storage_write_atom(f, i, 100000, PBASE_ATOMS_DURABLE);
        assert_true(pbase_atom_pointer_log(pointer) != one &&
                    pbase_atom_pointer_log(pointer) != two);
    }
}

/* The bytes of a segment, which the caller frees. */
static uint8_t *segment_copy(storage_fixture *f, const pbase_segment_info *info)
{
    uint8_t *bytes = malloc(info->size_bytes);
    size_t done = 0;
    assert_non_null(bytes);
    while (done < info->size_bytes) {
        size_t read = 0;
        assert_ok(f, pbase_storage_segment_read(f->storage, NULL, info->log_id, done, bytes + done,
                                                50000, &read, &f->err));
        assert_true(read != 0);
        done += read;
    }
    return bytes;
}

static void a_segment_put_under_a_reserved_id_has_the_atoms_of_the_one_read(void **state)
{
    storage_fixture *f = storage_of(state);
    uint32_t log_id = 0;
    if (!storage_has(f, PBASE_STORAGE_SEGMENT_IO) || !storage_has(f, PBASE_STORAGE_RESERVE)) {
        skip();
    }
    pbase_atom_pointer pointer = storage_write_atom(f, 5, 70000, PBASE_ATOMS_DURABLE);
    segment_list list = list_segments(f);
    uint8_t *bytes = segment_copy(f, &list.segments[0]);
    assert_ok(f, pbase_storage_atoms_reserve(f->storage, NULL, &log_id, &f->err));
    pbase_segment_info info = {
        .log_id = log_id, .sealed = 1, .size_bytes = list.segments[0].size_bytes};
    pbase_bytes all = pbase_bytes_of(bytes, info.size_bytes);
    assert_ok(f, pbase_storage_segment_put(f->storage, NULL, &info, all, &f->err));
    storage_assert_atom(f, pbase_atom_pointer_of(log_id, pbase_atom_pointer_offset(pointer)), 5,
                        70000);
    segment_list after = list_segments(f);
    assert_int_equal(list_get(&after, log_id).sealed, 1);
    assert_int_equal(pbase_storage_segment_put(f->storage, NULL, &info, all, &f->err),
                     PBASE_EXISTS);
    free(bytes);
}

/* ------------------------------------------------------------------------------------ suite --- */

int storage_atoms_suite_run(const storage_subject *subject)
{
    const struct CMUnitTest tests[] = {
        STORAGE_TEST(atoms_of_every_size_read_back_equal),
        STORAGE_TEST(atoms_of_a_batch_all_get_their_own_place),
        STORAGE_TEST(streamed_atoms_and_others_stand_side_by_side),
        STORAGE_TEST(atoms_read_ends_with_the_segment),
        STORAGE_TEST(atoms_read_tells_unknown_from_retired_segments),
        STORAGE_TEST(atoms_map_stays_in_place_while_the_segment_grows),
        STORAGE_TEST(atoms_map_of_an_unknown_segment_is_not_found),
        STORAGE_TEST(full_segments_are_sealed_and_listed),
        STORAGE_TEST(listing_stops_with_the_status_of_each),
        STORAGE_TEST(retired_segments_are_gone_and_their_ids_not_used_again),
        STORAGE_TEST(a_punched_range_leaves_the_atoms_around_it),
        STORAGE_TEST(a_range_outside_of_what_was_written_is_not_punched),
        STORAGE_TEST(retiring_an_unknown_segment_is_not_found),
        STORAGE_TEST(reserved_ids_are_never_written_to),
        STORAGE_TEST(a_segment_put_under_a_reserved_id_has_the_atoms_of_the_one_read),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}
