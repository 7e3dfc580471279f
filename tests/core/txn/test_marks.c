/* test_marks.c - what is marked counts once, in the segment that holds it. */
#include "seed.h"
#include "txn/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static atom_ref at(uint32_t log_id, uint64_t offset)
{
    return atom_ref_of_pointer(pbase_atom_pointer_of(log_id, offset));
}

static void add_segment(marks *m, uint32_t log_id, uint64_t bytes, bool is_sealed)
{
    pbase_segment_info info = {.log_id = log_id, .size_bytes = bytes, .sealed = is_sealed};
    assert_int_equal(marks_add_segment(m, &info, NULL), PBASE_OK);
}

/* As a sweep does it. */
static bool mark(marks *m, uint32_t log_id, uint64_t offset, uint64_t bytes)
{
    bool first = false;
    segment_marks *segment = NULL;
    assert_int_equal(marks_add(m, at(log_id, offset), &first, &segment, NULL), PBASE_OK);
    if (first && segment != NULL) {
        marks_cover(m, segment, offset, bytes);
    }
    return first;
}

static void an_atom_counts_once_with_its_padding(void **unused)
{
    (void)unused;
    marks m;
    marks_init(&m, pbase_alloc_default());
    add_segment(&m, 2, 4096, true);
    add_segment(&m, 5, 4096, true);
    assert_true(mark(&m, 5, 64, 100));
    assert_false(mark(&m, 5, 64, 100));
    assert_true(mark(&m, 5, 4032, 1));
    assert_int_equal(m.items[1].live_bytes, 128 + 64);
    assert_null(m.items[0].begins);
    marks_fini(&m);
}

static void atoms_elsewhere_are_remembered_one_by_one(void **unused)
{
    (void)unused;
    marks m;
    bool first = false;
    segment_marks *segment = NULL;
    marks_init(&m, pbase_alloc_default());
    add_segment(&m, 2, 4096, true);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(mark(&m, 3, 64, 100), round == 0);
        assert_int_equal(marks_add(&m, (atom_ref)0x7f0000001000, &first, &segment, NULL), PBASE_OK);
        assert_int_equal(first, round == 0);
        assert_null(segment);
    }
    assert_int_equal(m.items[0].live_bytes, 0);
    marks_fini(&m);
}

static void an_atom_behind_the_end_of_its_segment_is_damage_unless_it_grows(void **unused)
{
    (void)unused;
    marks m;
    bool first = false;
    segment_marks *segment = NULL;
    marks_init(&m, pbase_alloc_default());
    add_segment(&m, 2, 4096, true);
    add_segment(&m, 3, 4096, false);
    assert_int_equal(marks_add(&m, at(2, 4096), &first, &segment, NULL), PBASE_CORRUPT);
    assert_int_equal(marks_add(&m, at(3, 4096), &first, &segment, NULL), PBASE_OK);
    assert_null(segment); /* written since it was listed */
    marks_fini(&m);
}

/* The runs of a segment, as text: first block-number of blocks. */
static void expect_runs(const segment_marks *segment, const char *told)
{
    char text[128] = "";
    uint64_t offset = 0, bytes = 0;
    while (marks_dead_run(segment, &offset, &bytes)) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, " %u-%u",
                       (unsigned)(offset / MARKS_BLOCK_BYTES),
                       (unsigned)(bytes / MARKS_BLOCK_BYTES));
        offset += bytes;
    }
    assert_string_equal(text, told);
}

static void blocks_that_no_live_atom_touches_are_told_in_runs(void **unused)
{
    (void)unused;
    marks m;
    marks_init(&m, pbase_alloc_default());
    add_segment(&m, 1, 10 * MARKS_BLOCK_BYTES + 100, true);
    assert_true(mark(&m, 1, 3 * MARKS_BLOCK_BYTES - 64, 65)); /* its last byte lies in block 3 */
    assert_true(mark(&m, 1, 6 * MARKS_BLOCK_BYTES, MARKS_BLOCK_BYTES));
    expect_runs(&m.items[0], " 1-1 4-2 7-3");
    assert_int_equal(marks_live_block_bytes(&m.items[0]), 5 * MARKS_BLOCK_BYTES);
    marks_fini(&m);
}

static void the_header_and_a_block_that_is_not_whole_stay(void **unused)
{
    (void)unused;
    marks m;
    marks_init(&m, pbase_alloc_default());
    add_segment(&m, 1, 2 * MARKS_BLOCK_BYTES + 4032, false);
    add_segment(&m, 2, 100, false);
    expect_runs(&m.items[0], " 1-1");
    expect_runs(&m.items[1], "");
    assert_int_equal(marks_live_block_bytes(&m.items[1]), MARKS_BLOCK_BYTES);
    marks_fini(&m);
}

/* Against a plain table of bytes. */
static void runs_are_exactly_what_no_atom_covers(void **unused)
{
    (void)unused;
    enum { BLOCKS = 40, BYTES = BLOCKS * MARKS_BLOCK_BYTES };
    static uint8_t covered[BYTES];
    seed_random random;
    seed_random_init(&random, seed_for("runs"));
    for (int round = 0; round < 200; round++) {
        marks m;
        marks_init(&m, pbase_alloc_default());
        add_segment(&m, 7, BYTES, true);
        memset(covered, 0, sizeof covered);
        memset(covered, 1, PBASE_ATOM_ALIGN);
        for (uint64_t i = 1 + seed_below(&random, 30); i > 0; i--) {
            uint64_t offset =
                (1 + seed_below(&random, BYTES / PBASE_ATOM_ALIGN - 1)) * PBASE_ATOM_ALIGN;
            uint64_t bytes = 1 + seed_below(&random, 9000);
            bytes = bytes < BYTES - offset ? bytes : BYTES - offset;
            if (mark(&m, 7, offset, bytes)) {
                memset(covered + offset, 1, bytes);
            }
        }
        uint64_t offset = 0, bytes = 0, given = 0;
        while (marks_dead_run(&m.items[0], &offset, &bytes)) {
            for (uint64_t at_byte = offset; at_byte < offset + bytes; at_byte++) {
                assert_int_equal(covered[at_byte], 0);
            }
            offset += bytes;
            given += bytes;
        }
        assert_int_equal(given + marks_live_block_bytes(&m.items[0]), BYTES);
        for (uint64_t block = 0, dead = 0; block < BLOCKS; block++) {
            dead += memchr(covered + block * MARKS_BLOCK_BYTES, 1, MARKS_BLOCK_BYTES) == NULL;
            assert_true(block + 1 < BLOCKS || dead * MARKS_BLOCK_BYTES == given);
        }
        marks_fini(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_atom_counts_once_with_its_padding),
        cmocka_unit_test(atoms_elsewhere_are_remembered_one_by_one),
        cmocka_unit_test(an_atom_behind_the_end_of_its_segment_is_damage_unless_it_grows),
        cmocka_unit_test(blocks_that_no_live_atom_touches_are_told_in_runs),
        cmocka_unit_test(the_header_and_a_block_that_is_not_whole_stay),
        cmocka_unit_test(runs_are_exactly_what_no_atom_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
