/* blocks_segments_suite.c - what a segment holds, and what may be done to it. */
#include "blocks_fixture.h"

#include <protobase/base/limits.h>
#include <stdlib.h>

/* -------------------------------------------------------------------------------- segments --- */

static void geometry_is_usable(void **state)
{
    blocks_fixture *f = *state;
    pbase_blocks_geometry geometry;
    assert_ok(f, pbase_blocks_geometry_get(f->blocks, &geometry, &f->err));
    assert_true(geometry.atomic_bytes == 512 || geometry.atomic_bytes == 4096);
    assert_true(geometry.in_flight_max >= 1);
}

static void opening_a_missing_segment_is_not_found(void **state)
{
    blocks_fixture *f = *state;
    assert_int_equal(blocks_try_open(f, "missing", 0), PBASE_NOT_FOUND);
    assert_int_equal(blocks_try_open(f, "no/such/folder", PBASE_SEGMENT_WRITE), PBASE_NOT_FOUND);
}

static void creating_a_name_that_is_taken_says_exists(void **state)
{
    blocks_fixture *f = *state;
    pbase_segment_close(blocks_create(f, "a"));
    assert_int_equal(blocks_try_open(f, "a", PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE),
                     PBASE_EXISTS);
}

static void names_that_are_not_allowed_are_invalid(void **state)
{
    static const char *const names[] = {"",       "/", "a//b", "a/",  "/a",       "..",
                                        "a/../b", "A", "a b",  "a/.", "x\xc3\xa4"};
    blocks_fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_int_equal(blocks_try_open(f, names[i], PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE),
                         PBASE_INVALID);
    }
}

static void the_longest_name_is_taken(void **state)
{
    blocks_fixture *f = *state;
    char name[PBASE_NAME_BYTES_MAX + 2];
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] = i % 16 == 15 ? '/' : 'n';
    }
    name[PBASE_NAME_BYTES_MAX] = '\0';
    name[PBASE_NAME_BYTES_MAX - 1] = 'n';
    pbase_segment_close(blocks_create(f, name));
    assert_int_equal(blocks_try_open(f, name, 0), PBASE_OK);
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, name, &f->err));
}

static void what_is_written_can_be_read(void **state)
{
    blocks_fixture *f = *state;
    pbase_segment *segment = blocks_create(f, "x/y/z");
    assert_int_equal(blocks_size_of(f, segment), 0);
    assert_ok(f, blocks_try_write(f, segment, 0, "hello", 0));
    assert_ok(f, blocks_try_write(f, segment, 5, " world", PBASE_WRITE_SYNC));
    assert_int_equal(blocks_size_of(f, segment), 11);
    blocks_assert_reads(f, segment, 0, "hello world");
    blocks_assert_reads(f, segment, 6, "world");
    pbase_segment_close(segment);
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, "x/y/z", 0, &segment, &f->err));
    blocks_assert_reads(f, segment, 0, "hello world");
    pbase_segment_close(segment);
}

static void reading_past_the_end_gives_what_there_is(void **state)
{
    blocks_fixture *f = *state;
    char bytes[16];
    size_t read = 99;
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, blocks_try_write(f, segment, 0, "abc", 0));
    assert_ok(f, pbase_segment_read(segment, NULL, 1, bytes, sizeof bytes, &read, &f->err));
    assert_int_equal(read, 2);
    assert_ok(f, pbase_segment_read(segment, NULL, 3, bytes, sizeof bytes, &read, &f->err));
    assert_int_equal(read, 0);
    assert_ok(f, pbase_segment_read(segment, NULL, 300, bytes, sizeof bytes, &read, &f->err));
    assert_int_equal(read, 0);
    pbase_segment_close(segment);
}

static void a_written_range_may_be_overwritten(void **state)
{
    blocks_fixture *f = *state;
    if (!blocks_has(f, PBASE_BLOCKS_OVERWRITE)) {
        skip();
    }
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, blocks_try_write(f, segment, 0, "one two three", PBASE_WRITE_SYNC));
    assert_ok(f, blocks_try_write(f, segment, 4, "TWO", PBASE_WRITE_SYNC));
    blocks_assert_reads(f, segment, 0, "one TWO three");
    pbase_segment_close(segment);
}

/* Aligned SYNC writes, which may go another way than the others, mixed with them. */
static void aligned_and_other_writes_see_each_other(void **state)
{
    blocks_fixture *f = *state;
    enum { BLOCK = 4096, BLOCKS = 8 };
    uint8_t *expected = calloc(BLOCKS, BLOCK);
    uint8_t *bytes = malloc((size_t)BLOCKS * BLOCK);
    assert_non_null(expected);
    assert_non_null(bytes);
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, pbase_segment_preallocate(segment, NULL, (uint64_t)BLOCKS * BLOCK, &f->err));
    assert_ok(f, pbase_segment_sync(segment, NULL, &f->err));
    for (size_t i = 0; i < 40; i++) {
        size_t offset = (i * 7 % BLOCKS) * BLOCK + (i % 4 == 3 ? 100 : 0);
        size_t size = i % 4 == 3 ? 300 : BLOCK;
        memset(expected + offset, (int)i + 1, size);
        assert_ok(f, pbase_segment_write(segment, NULL, offset,
                                         pbase_bytes_of(expected + offset, size),
                                         i % 3 == 0   ? 0
                                         : i % 3 == 1 ? PBASE_WRITE_PAST_CACHE
                                                      : PBASE_WRITE_SYNC,
                                         &f->err));
        size_t read = 0;
        assert_ok(
            f, pbase_segment_read(segment, NULL, 0, bytes, (size_t)BLOCKS * BLOCK, &read, &f->err));
        assert_int_equal(read, BLOCKS * BLOCK);
        assert_memory_equal(bytes, expected, read);
    }
    pbase_segment_close(segment);
    free(expected);
    free(bytes);
}

static void large_writes_are_whole(void **state)
{
    blocks_fixture *f = *state;
    size_t size = (5u << 20) + 123;
    uint8_t *bytes = malloc(size);
    uint8_t *read_back = malloc(size);
    size_t read = 0;
    assert_non_null(bytes);
    assert_non_null(read_back);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 31 >> 3);
    }
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, pbase_segment_write(segment, NULL, 0, pbase_bytes_of(bytes, size),
                                     PBASE_WRITE_SYNC, &f->err));
    assert_ok(f, pbase_segment_read(segment, NULL, 0, read_back, size, &read, &f->err));
    assert_int_equal(read, size);
    assert_memory_equal(read_back, bytes, size);
    pbase_segment_close(segment);
    free(bytes);
    free(read_back);
}

static void preallocate_makes_the_segment_zeros_of_that_size(void **state)
{
    blocks_fixture *f = *state;
    static const uint64_t sizes[] = {10000, 3u << 20, 5000};
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, blocks_try_write(f, segment, 0, "old bytes", PBASE_WRITE_SYNC));
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint8_t *bytes = malloc(sizes[i]);
        size_t read = 0;
        assert_non_null(bytes);
        assert_ok(f, pbase_segment_preallocate(segment, NULL, sizes[i], &f->err));
        assert_int_equal(blocks_size_of(f, segment), sizes[i]);
        assert_ok(f, pbase_segment_read(segment, NULL, 0, bytes, sizes[i], &read, &f->err));
        assert_int_equal(read, sizes[i]);
        for (size_t j = 0; j < read; j++) {
            assert_int_equal(bytes[j], 0);
        }
        free(bytes);
    }
    pbase_segment_close(segment);
}

/* A provider without the slot, or over a place that cannot, has changed nothing. */
static void reserving_makes_a_segment_longer_and_changes_nothing_of_what_it_had(void **state)
{
    blocks_fixture *f = *state;
    static const uint64_t sizes[] = {10000, 3u << 20, 5000};
    uint64_t longest = 0;
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, blocks_try_write(f, segment, 0, "old bytes", PBASE_WRITE_SYNC));
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        pbase_status status = pbase_segment_reserve(segment, NULL, sizes[i], &f->err);
        longest = status == PBASE_OK && sizes[i] > longest ? sizes[i] : longest;
        assert_true(status == PBASE_OK || status == PBASE_UNSUPPORTED);
        assert_int_equal(blocks_size_of(f, segment), longest == 0 ? strlen("old bytes") : longest);
        blocks_assert_reads(f, segment, 0, "old bytes");
    }
    uint8_t last = 1;
    size_t read = 0;
    if (longest != 0) {
        assert_ok(f, pbase_segment_sync(segment, NULL, &f->err));
        assert_ok(f, pbase_segment_read(segment, NULL, longest - 1, &last, 1, &read, &f->err));
        assert_int_equal(read, 1);
        assert_int_equal(last, 0);
        assert_ok(f, blocks_try_write(f, segment, longest - 3, "end", PBASE_WRITE_SYNC));
        blocks_assert_reads(f, segment, longest - 3, "end");
    }
    pbase_segment_close(segment);
}

static void a_segment_opened_for_reading_cannot_be_written(void **state)
{
    blocks_fixture *f = *state;
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, blocks_try_write(f, segment, 0, "abc", PBASE_WRITE_SYNC));
    pbase_segment_close(segment);
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, "a", 0, &segment, &f->err));
    assert_int_equal(blocks_try_write(f, segment, 0, "x", 0), PBASE_READ_ONLY);
    assert_int_equal(pbase_segment_preallocate(segment, NULL, 100, &f->err), PBASE_READ_ONLY);
    pbase_status reserved = pbase_segment_reserve(segment, NULL, 100, &f->err);
    assert_true(reserved == PBASE_READ_ONLY || reserved == PBASE_UNSUPPORTED);
    assert_int_equal(pbase_segment_seal(segment, NULL, 3, &f->err), PBASE_READ_ONLY);
    blocks_assert_reads(f, segment, 0, "abc");
    pbase_segment_close(segment);
}

static void sealing_cuts_and_makes_immutable(void **state)
{
    blocks_fixture *f = *state;
    pbase_segment *segment = blocks_create(f, "s/a");
    assert_ok(f, blocks_try_write(f, segment, 0, "keep cut", 0));
    assert_ok(f, pbase_segment_seal(segment, NULL, 4, &f->err));
    assert_int_equal(blocks_size_of(f, segment), 4);
    blocks_assert_reads(f, segment, 0, "keep");
    assert_int_equal(blocks_try_write(f, segment, 0, "x", 0), PBASE_READ_ONLY);
    assert_int_equal(pbase_segment_seal(segment, NULL, 4, &f->err), PBASE_EXISTS);
    pbase_segment_close(segment);
    assert_int_equal(blocks_try_open(f, "s/a", PBASE_SEGMENT_WRITE), PBASE_READ_ONLY);
    assert_int_equal(blocks_try_open(f, "s/a", PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE),
                     PBASE_EXISTS);
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, "s/a", 0, &segment, &f->err));
    blocks_assert_reads(f, segment, 0, "keep");
    pbase_segment_close(segment);
}

static void sealing_beyond_the_end_is_invalid(void **state)
{
    blocks_fixture *f = *state;
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, blocks_try_write(f, segment, 0, "abc", 0));
    assert_int_equal(pbase_segment_seal(segment, NULL, 4, &f->err), PBASE_INVALID);
    assert_ok(f, blocks_try_write(f, segment, 3, "d", 0));
    pbase_segment_close(segment);
}

static void cutting_leaves_a_segment_that_may_grow_again(void **state)
{
    blocks_fixture *f = *state;
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, blocks_try_write(f, segment, 0, "keep cut", PBASE_WRITE_SYNC));
    assert_int_equal(pbase_segment_cut(segment, NULL, 9, &f->err), PBASE_INVALID);
    assert_int_equal(blocks_size_of(f, segment), 8);
    assert_ok(f, pbase_segment_cut(segment, NULL, 4, &f->err));
    assert_int_equal(blocks_size_of(f, segment), 4);
    assert_ok(f, blocks_try_write(f, segment, 4, "er", PBASE_WRITE_SYNC));
    blocks_assert_reads(f, segment, 0, "keeper");
    pbase_segment_close(segment);
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, "a", 0, &segment, &f->err));
    assert_int_equal(pbase_segment_cut(segment, NULL, 2, &f->err), PBASE_READ_ONLY);
    blocks_assert_reads(f, segment, 0, "keeper");
    pbase_segment_close(segment);
}

static void calls_that_are_over_do_nothing(void **state)
{
    blocks_fixture *f = *state;
    uint32_t cancelled = 1;
    pbase_call cancel = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
    pbase_segment *segment = blocks_create(f, "a");
    assert_int_equal(pbase_segment_write(segment, &cancel, 0, pbase_bytes_text("x"), 0, &f->err),
                     PBASE_CANCELLED);
    assert_int_equal(pbase_segment_seal(segment, &cancel, 0, &f->err), PBASE_CANCELLED);
    assert_int_equal(pbase_blocks_remove(f->blocks, &cancel, "a", &f->err), PBASE_CANCELLED);
    assert_int_equal(
        pbase_blocks_key_cas(f->blocks, &cancel, "k", 0, pbase_bytes_text("x"), &f->err),
        PBASE_CANCELLED);
    assert_int_equal(blocks_size_of(f, segment), 0);
    pbase_segment_close(segment);
    assert_int_equal(blocks_try_open(f, "a", PBASE_SEGMENT_WRITE), PBASE_OK);
}

/* ------------------------------------------------------------------------------------ suite --- */

int blocks_segments_suite_run(const blocks_subject *subject)
{
    const struct CMUnitTest tests[] = {
        BLOCKS_TEST(geometry_is_usable),
        BLOCKS_TEST(opening_a_missing_segment_is_not_found),
        BLOCKS_TEST(creating_a_name_that_is_taken_says_exists),
        BLOCKS_TEST(names_that_are_not_allowed_are_invalid),
        BLOCKS_TEST(the_longest_name_is_taken),
        BLOCKS_TEST(what_is_written_can_be_read),
        BLOCKS_TEST(reading_past_the_end_gives_what_there_is),
        BLOCKS_TEST(a_written_range_may_be_overwritten),
        BLOCKS_TEST(aligned_and_other_writes_see_each_other),
        BLOCKS_TEST(large_writes_are_whole),
        BLOCKS_TEST(preallocate_makes_the_segment_zeros_of_that_size),
        BLOCKS_TEST(reserving_makes_a_segment_longer_and_changes_nothing_of_what_it_had),
        BLOCKS_TEST(a_segment_opened_for_reading_cannot_be_written),
        BLOCKS_TEST(sealing_cuts_and_makes_immutable),
        BLOCKS_TEST(sealing_beyond_the_end_is_invalid),
        BLOCKS_TEST(cutting_leaves_a_segment_that_may_grow_again),
        BLOCKS_TEST(calls_that_are_over_do_nothing),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}
