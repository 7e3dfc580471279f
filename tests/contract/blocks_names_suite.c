/* blocks_names_suite.c - removing, renaming and listing segments; keys. */
#include "blocks_fixture.h"

#include <protobase/base/limits.h>
#include <stdio.h>
#include <stdlib.h>

/* ----------------------------------------------------------------------------------- names --- */

static void a_removed_segment_is_gone_but_stays_readable_while_open(void **state)
{
    blocks_fixture *f = *state;
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, blocks_try_write(f, segment, 0, "abc", PBASE_WRITE_SYNC));
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, "a", &f->err));
    blocks_assert_reads(f, segment, 0, "abc");
    assert_int_equal(blocks_try_open(f, "a", 0), PBASE_NOT_FOUND);
    assert_int_equal(pbase_blocks_remove(f->blocks, NULL, "a", &f->err), PBASE_NOT_FOUND);
    pbase_segment *other = blocks_create(f, "a"); /* the name is free, and another segment */
    assert_int_equal(blocks_size_of(f, other), 0);
    blocks_assert_reads(f, segment, 0, "abc");
    pbase_segment_close(segment);
    pbase_segment_close(other);
}

static void a_sealed_segment_can_be_removed(void **state)
{
    blocks_fixture *f = *state;
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, pbase_segment_seal(segment, NULL, 0, &f->err));
    pbase_segment_close(segment);
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, "a", &f->err));
    assert_int_equal(blocks_try_open(f, "a", 0), PBASE_NOT_FOUND);
}

static void rename_moves_the_bytes_and_open_segments_follow(void **state)
{
    blocks_fixture *f = *state;
    pbase_segment *segment = blocks_create(f, "p/a");
    assert_ok(f, blocks_try_write(f, segment, 0, "abc", PBASE_WRITE_SYNC));
    assert_ok(f, pbase_blocks_rename(f->blocks, NULL, "p/a", "q/r/b", &f->err));
    assert_int_equal(blocks_try_open(f, "p/a", 0), PBASE_NOT_FOUND);
    blocks_assert_reads(f, segment, 0, "abc");
    assert_ok(f, blocks_try_write(f, segment, 3, "d", PBASE_WRITE_SYNC));
    assert_ok(f, pbase_segment_seal(segment, NULL, 4, &f->err));
    pbase_segment_close(segment);
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, "q/r/b", 0, &segment, &f->err));
    blocks_assert_reads(f, segment, 0, "abcd");
    pbase_segment_close(segment);
}

static void rename_replaces_nothing(void **state)
{
    blocks_fixture *f = *state;
    pbase_segment_close(blocks_create(f, "a"));
    pbase_segment *sealed = blocks_create(f, "b");
    assert_ok(f, pbase_segment_seal(sealed, NULL, 0, &f->err));
    pbase_segment_close(sealed);
    pbase_segment_close(blocks_create(f, "c"));
    assert_int_equal(pbase_blocks_rename(f->blocks, NULL, "a", "b", &f->err), PBASE_EXISTS);
    assert_int_equal(pbase_blocks_rename(f->blocks, NULL, "a", "c", &f->err), PBASE_EXISTS);
    assert_int_equal(pbase_blocks_rename(f->blocks, NULL, "x", "y", &f->err), PBASE_NOT_FOUND);
    assert_int_equal(blocks_try_open(f, "a", 0), PBASE_OK);
}

static void list_gives_the_names_that_begin_with_the_prefix(void **state)
{
    blocks_fixture *f = *state;
    static const char *const names[] = {"j/1", "j/2", "j/10", "s/1", "top", "j/deep/er/x"};
    assert_int_equal(blocks_list(f, "").count, 0);
    assert_int_equal(blocks_list(f, "no/such").count, 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        pbase_segment *segment = blocks_create(f, names[i]);
        assert_ok(f, blocks_try_write(f, segment, 0, "123", 0));
        if (i == 1) {
            assert_ok(f, pbase_segment_seal(segment, NULL, 2, &f->err));
        }
        pbase_segment_close(segment);
    }
    assert_ok(f, pbase_blocks_key_cas(f->blocks, NULL, "key", 0, pbase_bytes_text("k"), &f->err));
    assert_int_equal(blocks_list(f, "").count, 6);
    assert_int_equal(blocks_list(f, "j/").count, 4);
    assert_int_equal(blocks_list(f, "j/1").count, 2);
    assert_int_equal(blocks_list(f, "j/deep").count, 1);
    assert_int_equal(blocks_list(f, "t").count, 1);
    assert_int_equal(blocks_list(f, "x").count, 0);
    assert_string_equal(blocks_list(f, "j/2").names, "j/2:2s ");
    assert_string_equal(blocks_list(f, "top").names, "top:3 ");
}

static pbase_status stop_each(void *state, const pbase_block_info *info, pbase_error *err)
{
    size_t *seen = state;
    (void)info;
    (void)err;
    (*seen)++;
    return PBASE_LIMIT;
}

static void listing_stops_with_the_status_of_each(void **state)
{
    blocks_fixture *f = *state;
    size_t seen = 0;
    pbase_segment_close(blocks_create(f, "a"));
    pbase_segment_close(blocks_create(f, "b"));
    assert_int_equal(pbase_blocks_list(f->blocks, NULL, "", stop_each, &seen, &f->err),
                     PBASE_LIMIT);
    assert_int_equal(seen, 1);
}

/* ------------------------------------------------------------------------------------ keys --- */

static void a_missing_key_is_empty_with_version_0(void **state)
{
    blocks_assert_key(*state, "nothing/here", "", 0);
}

static void keys_are_replaced_by_version(void **state)
{
    blocks_fixture *f = *state;
    assert_ok(f, blocks_key_cas(f, "k", 0, "one"));
    assert_ok(f, blocks_key_cas(f, "other/k", 0, "else"));
    assert_int_equal(blocks_key_cas(f, "k", 0, "no"), PBASE_CONFLICT);
    assert_int_equal(blocks_key_cas(f, "k", 2, "no"), PBASE_CONFLICT);
    blocks_assert_key(f, "k", "one", 1);
    for (uint64_t version = 1; version < 8; version++) {
        char text[32];
        snprintf(text, sizeof text, "version %llu", (unsigned long long)version);
        assert_ok(f, blocks_key_cas(f, "k", version, text));
        blocks_assert_key(f, "k", text, version + 1);
    }
    assert_ok(f, blocks_key_cas(f, "k", 8, ""));
    blocks_assert_key(f, "k", "", 9);
    blocks_assert_key(f, "other/k", "else", 1);
}

static void a_key_takes_the_largest_document_and_refuses_a_larger_one(void **state)
{
    blocks_fixture *f = *state;
    char *text = malloc(PBASE_KEY_DOCUMENT_BYTES_MAX + 2);
    assert_non_null(text);
    memset(text, 'k', PBASE_KEY_DOCUMENT_BYTES_MAX + 1);
    text[PBASE_KEY_DOCUMENT_BYTES_MAX + 1] = '\0';
    assert_int_equal(blocks_key_cas(f, "k", 0, text), PBASE_LIMIT);
    text[PBASE_KEY_DOCUMENT_BYTES_MAX] = '\0';
    assert_ok(f, blocks_key_cas(f, "k", 0, text));
    blocks_assert_key(f, "k", text, 1);
    assert_ok(f, blocks_key_cas(f, "k", 1, text));
    blocks_assert_key(f, "k", text, 2);
    free(text);
}

static void keys_and_segments_of_one_name_are_different_things(void **state)
{
    blocks_fixture *f = *state;
    assert_ok(f, blocks_key_cas(f, "x", 0, "key"));
    pbase_segment *segment = blocks_create(f, "x");
    assert_ok(f, blocks_try_write(f, segment, 0, "segment", 0));
    pbase_segment_close(segment);
    blocks_assert_key(f, "x", "key", 1);
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, "x", &f->err));
    blocks_assert_key(f, "x", "key", 1);
}

/* ------------------------------------------------------------------------------------ suite --- */

int blocks_names_suite_run(const blocks_subject *subject)
{
    const struct CMUnitTest tests[] = {
        BLOCKS_TEST(a_removed_segment_is_gone_but_stays_readable_while_open),
        BLOCKS_TEST(a_sealed_segment_can_be_removed),
        BLOCKS_TEST(rename_moves_the_bytes_and_open_segments_follow),
        BLOCKS_TEST(rename_replaces_nothing),
        BLOCKS_TEST(list_gives_the_names_that_begin_with_the_prefix),
        BLOCKS_TEST(listing_stops_with_the_status_of_each),
        BLOCKS_TEST(a_missing_key_is_empty_with_version_0),
        BLOCKS_TEST(keys_are_replaced_by_version),
        BLOCKS_TEST(a_key_takes_the_largest_document_and_refuses_a_larger_one),
        BLOCKS_TEST(keys_and_segments_of_one_name_are_different_things),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}
