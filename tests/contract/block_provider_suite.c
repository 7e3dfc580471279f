/* block_provider_suite.c - segments, names, keys, and the optional groups. */
#include "block_provider_suite.h"

#include "os/os.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <protobase/base/limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

typedef struct {
    const blocks_subject *subject;
    temp_dir folder;
    test_host host;
    test_graph *graph;
    pbase_blocks *blocks; /* NULL while closed */
    pbase_arena arena;
    pbase_error err; /* of the last call */
} fixture;

#define assert_ok(f, expression)                                                                   \
    do {                                                                                           \
        pbase_status assert_ok_status = (expression);                                              \
        if (assert_ok_status != PBASE_OK) {                                                        \
            fail_msg("%s: %s", pbase_status_name(assert_ok_status), (f)->err.message);             \
        }                                                                                          \
    } while (0)

static void open_provider(fixture *f)
{
    const test_wiring *wiring = f->subject->wiring(f->folder.path);
    assert_ok(f, test_wiring_open(wiring, &f->host, &f->graph, &f->err));
    f->blocks = test_graph_object(f->graph);
}

static void close_provider(fixture *f)
{
    test_wiring_close(f->graph);
    f->graph = NULL;
    f->blocks = NULL;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->subject = *state;
    temp_dir_create(&f->folder);
    test_host_init(&f->host, pbase_os_real());
    pbase_arena_init(&f->arena, &f->host.memory.alloc);
    pbase_error_init(&f->err);
    open_provider(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    *state = (void *)(uintptr_t)f->subject;
    close_provider(f);
    pbase_arena_fini(&f->arena);
    uint64_t left = fault_alloc_live_bytes(&f->host.memory);
    temp_dir_remove(&f->folder);
    free(f);
    assert_int_equal(left, 0);
    return 0;
}

static bool has(const fixture *f, uint32_t capability)
{
    return (f->blocks->vtable->capabilities & capability) != 0;
}

static pbase_segment *create(fixture *f, const char *name)
{
    pbase_segment *segment = NULL;
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, name,
                                   PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &segment, &f->err));
    return segment;
}

static pbase_status try_open(fixture *f, const char *name, uint32_t flags)
{
    pbase_segment *segment = NULL;
    pbase_status status = pbase_blocks_open(f->blocks, NULL, name, flags, &segment, &f->err);
    pbase_segment_close(segment);
    return status;
}

static pbase_status try_write(fixture *f, pbase_segment *segment, uint64_t offset, const char *text,
                              uint32_t flags)
{
    return pbase_segment_write(segment, NULL, offset, pbase_bytes_text(text), flags, &f->err);
}

static void assert_reads(fixture *f, pbase_segment *segment, uint64_t offset, const char *text)
{
    char bytes[64];
    size_t read = 0;
    assert_true(strlen(text) < sizeof bytes);
    assert_ok(f, pbase_segment_read(segment, NULL, offset, bytes, strlen(text), &read, &f->err));
    assert_int_equal(read, strlen(text));
    assert_memory_equal(bytes, text, read);
}

static uint64_t size_of(fixture *f, pbase_segment *segment)
{
    uint64_t size = UINT64_MAX;
    assert_ok(f, pbase_segment_size(segment, &size, &f->err));
    return size;
}

/* -------------------------------------------------------------------------------- segments --- */

static void geometry_is_usable(void **state)
{
    fixture *f = *state;
    pbase_blocks_geometry geometry;
    assert_ok(f, pbase_blocks_geometry_get(f->blocks, &geometry, &f->err));
    assert_true(geometry.atomic_bytes == 512 || geometry.atomic_bytes == 4096);
    assert_true(geometry.in_flight_max >= 1);
}

static void opening_a_missing_segment_is_not_found(void **state)
{
    fixture *f = *state;
    assert_int_equal(try_open(f, "missing", 0), PBASE_NOT_FOUND);
    assert_int_equal(try_open(f, "no/such/folder", PBASE_SEGMENT_WRITE), PBASE_NOT_FOUND);
}

static void creating_a_name_that_is_taken_says_exists(void **state)
{
    fixture *f = *state;
    pbase_segment_close(create(f, "a"));
    assert_int_equal(try_open(f, "a", PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE), PBASE_EXISTS);
}

static void names_that_are_not_allowed_are_invalid(void **state)
{
    static const char *const names[] = {"",       "/", "a//b", "a/",  "/a",       "..",
                                        "a/../b", "A", "a b",  "a/.", "x\xc3\xa4"};
    fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_int_equal(try_open(f, names[i], PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE),
                         PBASE_INVALID);
    }
}

static void the_longest_name_is_taken(void **state)
{
    fixture *f = *state;
    char name[PBASE_NAME_BYTES_MAX + 2];
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] = i % 16 == 15 ? '/' : 'n';
    }
    name[PBASE_NAME_BYTES_MAX] = '\0';
    name[PBASE_NAME_BYTES_MAX - 1] = 'n';
    pbase_segment_close(create(f, name));
    assert_int_equal(try_open(f, name, 0), PBASE_OK);
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, name, &f->err));
}

static void what_is_written_can_be_read(void **state)
{
    fixture *f = *state;
    pbase_segment *segment = create(f, "x/y/z");
    assert_int_equal(size_of(f, segment), 0);
    assert_ok(f, try_write(f, segment, 0, "hello", 0));
    assert_ok(f, try_write(f, segment, 5, " world", PBASE_WRITE_SYNC));
    assert_int_equal(size_of(f, segment), 11);
    assert_reads(f, segment, 0, "hello world");
    assert_reads(f, segment, 6, "world");
    pbase_segment_close(segment);
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, "x/y/z", 0, &segment, &f->err));
    assert_reads(f, segment, 0, "hello world");
    pbase_segment_close(segment);
}

static void reading_past_the_end_gives_what_there_is(void **state)
{
    fixture *f = *state;
    char bytes[16];
    size_t read = 99;
    pbase_segment *segment = create(f, "a");
    assert_ok(f, try_write(f, segment, 0, "abc", 0));
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
    fixture *f = *state;
    if (!has(f, PBASE_BLOCKS_OVERWRITE)) {
        skip();
    }
    pbase_segment *segment = create(f, "a");
    assert_ok(f, try_write(f, segment, 0, "one two three", PBASE_WRITE_SYNC));
    assert_ok(f, try_write(f, segment, 4, "TWO", PBASE_WRITE_SYNC));
    assert_reads(f, segment, 0, "one TWO three");
    pbase_segment_close(segment);
}

/* Aligned SYNC writes, which may go another way than the others, mixed with them. */
static void aligned_and_other_writes_see_each_other(void **state)
{
    fixture *f = *state;
    enum { BLOCK = 4096, BLOCKS = 8 };
    uint8_t *expected = calloc(BLOCKS, BLOCK);
    uint8_t *bytes = malloc((size_t)BLOCKS * BLOCK);
    assert_non_null(expected);
    assert_non_null(bytes);
    pbase_segment *segment = create(f, "a");
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
    fixture *f = *state;
    size_t size = (5u << 20) + 123;
    uint8_t *bytes = malloc(size);
    uint8_t *read_back = malloc(size);
    size_t read = 0;
    assert_non_null(bytes);
    assert_non_null(read_back);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 31 >> 3);
    }
    pbase_segment *segment = create(f, "a");
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
    fixture *f = *state;
    static const uint64_t sizes[] = {10000, 3u << 20, 5000};
    pbase_segment *segment = create(f, "a");
    assert_ok(f, try_write(f, segment, 0, "old bytes", PBASE_WRITE_SYNC));
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint8_t *bytes = malloc(sizes[i]);
        size_t read = 0;
        assert_non_null(bytes);
        assert_ok(f, pbase_segment_preallocate(segment, NULL, sizes[i], &f->err));
        assert_int_equal(size_of(f, segment), sizes[i]);
        assert_ok(f, pbase_segment_read(segment, NULL, 0, bytes, sizes[i], &read, &f->err));
        assert_int_equal(read, sizes[i]);
        for (size_t j = 0; j < read; j++) {
            assert_int_equal(bytes[j], 0);
        }
        free(bytes);
    }
    pbase_segment_close(segment);
}

static void a_segment_opened_for_reading_cannot_be_written(void **state)
{
    fixture *f = *state;
    pbase_segment *segment = create(f, "a");
    assert_ok(f, try_write(f, segment, 0, "abc", PBASE_WRITE_SYNC));
    pbase_segment_close(segment);
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, "a", 0, &segment, &f->err));
    assert_int_equal(try_write(f, segment, 0, "x", 0), PBASE_READ_ONLY);
    assert_int_equal(pbase_segment_preallocate(segment, NULL, 100, &f->err), PBASE_READ_ONLY);
    assert_int_equal(pbase_segment_seal(segment, NULL, 3, &f->err), PBASE_READ_ONLY);
    assert_reads(f, segment, 0, "abc");
    pbase_segment_close(segment);
}

static void sealing_cuts_and_makes_immutable(void **state)
{
    fixture *f = *state;
    pbase_segment *segment = create(f, "s/a");
    assert_ok(f, try_write(f, segment, 0, "keep cut", 0));
    assert_ok(f, pbase_segment_seal(segment, NULL, 4, &f->err));
    assert_int_equal(size_of(f, segment), 4);
    assert_reads(f, segment, 0, "keep");
    assert_int_equal(try_write(f, segment, 0, "x", 0), PBASE_READ_ONLY);
    assert_int_equal(pbase_segment_seal(segment, NULL, 4, &f->err), PBASE_EXISTS);
    pbase_segment_close(segment);
    assert_int_equal(try_open(f, "s/a", PBASE_SEGMENT_WRITE), PBASE_READ_ONLY);
    assert_int_equal(try_open(f, "s/a", PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE), PBASE_EXISTS);
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, "s/a", 0, &segment, &f->err));
    assert_reads(f, segment, 0, "keep");
    pbase_segment_close(segment);
}

static void sealing_beyond_the_end_is_invalid(void **state)
{
    fixture *f = *state;
    pbase_segment *segment = create(f, "a");
    assert_ok(f, try_write(f, segment, 0, "abc", 0));
    assert_int_equal(pbase_segment_seal(segment, NULL, 4, &f->err), PBASE_INVALID);
    assert_ok(f, try_write(f, segment, 3, "d", 0));
    pbase_segment_close(segment);
}

static void cutting_leaves_a_segment_that_may_grow_again(void **state)
{
    fixture *f = *state;
    pbase_segment *segment = create(f, "a");
    assert_ok(f, try_write(f, segment, 0, "keep cut", PBASE_WRITE_SYNC));
    assert_int_equal(pbase_segment_cut(segment, NULL, 9, &f->err), PBASE_INVALID);
    assert_int_equal(size_of(f, segment), 8);
    assert_ok(f, pbase_segment_cut(segment, NULL, 4, &f->err));
    assert_int_equal(size_of(f, segment), 4);
    assert_ok(f, try_write(f, segment, 4, "er", PBASE_WRITE_SYNC));
    assert_reads(f, segment, 0, "keeper");
    pbase_segment_close(segment);
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, "a", 0, &segment, &f->err));
    assert_int_equal(pbase_segment_cut(segment, NULL, 2, &f->err), PBASE_READ_ONLY);
    assert_reads(f, segment, 0, "keeper");
    pbase_segment_close(segment);
}

static void calls_that_are_over_do_nothing(void **state)
{
    fixture *f = *state;
    uint32_t cancelled = 1;
    pbase_call cancel = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
    pbase_segment *segment = create(f, "a");
    assert_int_equal(pbase_segment_write(segment, &cancel, 0, pbase_bytes_text("x"), 0, &f->err),
                     PBASE_CANCELLED);
    assert_int_equal(pbase_segment_seal(segment, &cancel, 0, &f->err), PBASE_CANCELLED);
    assert_int_equal(pbase_blocks_remove(f->blocks, &cancel, "a", &f->err), PBASE_CANCELLED);
    assert_int_equal(
        pbase_blocks_key_cas(f->blocks, &cancel, "k", 0, pbase_bytes_text("x"), &f->err),
        PBASE_CANCELLED);
    assert_int_equal(size_of(f, segment), 0);
    pbase_segment_close(segment);
    assert_int_equal(try_open(f, "a", PBASE_SEGMENT_WRITE), PBASE_OK);
}

/* ----------------------------------------------------------------------------------- names --- */

static void a_removed_segment_is_gone_but_stays_readable_while_open(void **state)
{
    fixture *f = *state;
    pbase_segment *segment = create(f, "a");
    assert_ok(f, try_write(f, segment, 0, "abc", PBASE_WRITE_SYNC));
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, "a", &f->err));
    assert_reads(f, segment, 0, "abc");
    assert_int_equal(try_open(f, "a", 0), PBASE_NOT_FOUND);
    assert_int_equal(pbase_blocks_remove(f->blocks, NULL, "a", &f->err), PBASE_NOT_FOUND);
    pbase_segment *other = create(f, "a"); /* the name is free, and another segment */
    assert_int_equal(size_of(f, other), 0);
    assert_reads(f, segment, 0, "abc");
    pbase_segment_close(segment);
    pbase_segment_close(other);
}

static void a_sealed_segment_can_be_removed(void **state)
{
    fixture *f = *state;
    pbase_segment *segment = create(f, "a");
    assert_ok(f, pbase_segment_seal(segment, NULL, 0, &f->err));
    pbase_segment_close(segment);
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, "a", &f->err));
    assert_int_equal(try_open(f, "a", 0), PBASE_NOT_FOUND);
}

static void rename_moves_the_bytes_and_open_segments_follow(void **state)
{
    fixture *f = *state;
    pbase_segment *segment = create(f, "p/a");
    assert_ok(f, try_write(f, segment, 0, "abc", PBASE_WRITE_SYNC));
    assert_ok(f, pbase_blocks_rename(f->blocks, NULL, "p/a", "q/r/b", &f->err));
    assert_int_equal(try_open(f, "p/a", 0), PBASE_NOT_FOUND);
    assert_reads(f, segment, 0, "abc");
    assert_ok(f, try_write(f, segment, 3, "d", PBASE_WRITE_SYNC));
    assert_ok(f, pbase_segment_seal(segment, NULL, 4, &f->err));
    pbase_segment_close(segment);
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, "q/r/b", 0, &segment, &f->err));
    assert_reads(f, segment, 0, "abcd");
    pbase_segment_close(segment);
}

static void rename_replaces_nothing(void **state)
{
    fixture *f = *state;
    pbase_segment_close(create(f, "a"));
    pbase_segment *sealed = create(f, "b");
    assert_ok(f, pbase_segment_seal(sealed, NULL, 0, &f->err));
    pbase_segment_close(sealed);
    pbase_segment_close(create(f, "c"));
    assert_int_equal(pbase_blocks_rename(f->blocks, NULL, "a", "b", &f->err), PBASE_EXISTS);
    assert_int_equal(pbase_blocks_rename(f->blocks, NULL, "a", "c", &f->err), PBASE_EXISTS);
    assert_int_equal(pbase_blocks_rename(f->blocks, NULL, "x", "y", &f->err), PBASE_NOT_FOUND);
    assert_int_equal(try_open(f, "a", 0), PBASE_OK);
}

typedef struct {
    char names[1024]; /* each followed by its size, an s when sealed, and a blank */
    size_t count;
    pbase_status answer;
} listing;

static pbase_status list_each(void *state, const pbase_block_info *info, pbase_error *err)
{
    listing *l = state;
    (void)err;
    size_t used = strlen(l->names);
    assert_true(strlen(info->name) + 30 < sizeof l->names - used);
    snprintf(l->names + used, sizeof l->names - used, "%s:%llu%s ", info->name,
             (unsigned long long)info->size_bytes, info->sealed ? "s" : "");
    l->count++;
    return l->answer;
}

static listing list(fixture *f, const char *prefix)
{
    listing l = {.answer = PBASE_OK};
    assert_ok(f, pbase_blocks_list(f->blocks, NULL, prefix, list_each, &l, &f->err));
    return l;
}

static void list_gives_the_names_that_begin_with_the_prefix(void **state)
{
    fixture *f = *state;
    static const char *const names[] = {"j/1", "j/2", "j/10", "s/1", "top", "j/deep/er/x"};
    assert_int_equal(list(f, "").count, 0);
    assert_int_equal(list(f, "no/such").count, 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        pbase_segment *segment = create(f, names[i]);
        assert_ok(f, try_write(f, segment, 0, "123", 0));
        if (i == 1) {
            assert_ok(f, pbase_segment_seal(segment, NULL, 2, &f->err));
        }
        pbase_segment_close(segment);
    }
    assert_ok(f, pbase_blocks_key_cas(f->blocks, NULL, "key", 0, pbase_bytes_text("k"), &f->err));
    assert_int_equal(list(f, "").count, 6);
    assert_int_equal(list(f, "j/").count, 4);
    assert_int_equal(list(f, "j/1").count, 2);
    assert_int_equal(list(f, "j/deep").count, 1);
    assert_int_equal(list(f, "t").count, 1);
    assert_int_equal(list(f, "x").count, 0);
    assert_string_equal(list(f, "j/2").names, "j/2:2s ");
    assert_string_equal(list(f, "top").names, "top:3 ");
}

static void listing_stops_with_the_status_of_each(void **state)
{
    fixture *f = *state;
    listing l = {.answer = PBASE_LIMIT};
    pbase_segment_close(create(f, "a"));
    pbase_segment_close(create(f, "b"));
    assert_int_equal(pbase_blocks_list(f->blocks, NULL, "", list_each, &l, &f->err), PBASE_LIMIT);
    assert_int_equal(l.count, 1);
}

/* ------------------------------------------------------------------------------------ keys --- */

static void assert_key(fixture *f, const char *key, const char *text, uint64_t version)
{
    pbase_bytes document;
    uint64_t found = 99;
    assert_ok(f, pbase_blocks_key_get(f->blocks, NULL, key, &f->arena, &document, &found, &f->err));
    assert_int_equal(found, version);
    assert_true(pbase_bytes_equal(document, pbase_bytes_text(text)));
}

static pbase_status key_cas(fixture *f, const char *key, uint64_t expected, const char *text)
{
    return pbase_blocks_key_cas(f->blocks, NULL, key, expected, pbase_bytes_text(text), &f->err);
}

static void a_missing_key_is_empty_with_version_0(void **state)
{
    assert_key(*state, "nothing/here", "", 0);
}

static void keys_are_replaced_by_version(void **state)
{
    fixture *f = *state;
    assert_ok(f, key_cas(f, "k", 0, "one"));
    assert_ok(f, key_cas(f, "other/k", 0, "else"));
    assert_int_equal(key_cas(f, "k", 0, "no"), PBASE_CONFLICT);
    assert_int_equal(key_cas(f, "k", 2, "no"), PBASE_CONFLICT);
    assert_key(f, "k", "one", 1);
    for (uint64_t version = 1; version < 8; version++) {
        char text[32];
        snprintf(text, sizeof text, "version %llu", (unsigned long long)version);
        assert_ok(f, key_cas(f, "k", version, text));
        assert_key(f, "k", text, version + 1);
    }
    assert_ok(f, key_cas(f, "k", 8, ""));
    assert_key(f, "k", "", 9);
    assert_key(f, "other/k", "else", 1);
}

static void a_key_takes_the_largest_document_and_refuses_a_larger_one(void **state)
{
    fixture *f = *state;
    char *text = malloc(PBASE_KEY_DOCUMENT_BYTES_MAX + 2);
    assert_non_null(text);
    memset(text, 'k', PBASE_KEY_DOCUMENT_BYTES_MAX + 1);
    text[PBASE_KEY_DOCUMENT_BYTES_MAX + 1] = '\0';
    assert_int_equal(key_cas(f, "k", 0, text), PBASE_LIMIT);
    text[PBASE_KEY_DOCUMENT_BYTES_MAX] = '\0';
    assert_ok(f, key_cas(f, "k", 0, text));
    assert_key(f, "k", text, 1);
    assert_ok(f, key_cas(f, "k", 1, text));
    assert_key(f, "k", text, 2);
    free(text);
}

static void keys_and_segments_of_one_name_are_different_things(void **state)
{
    fixture *f = *state;
    assert_ok(f, key_cas(f, "x", 0, "key"));
    pbase_segment *segment = create(f, "x");
    assert_ok(f, try_write(f, segment, 0, "segment", 0));
    pbase_segment_close(segment);
    assert_key(f, "x", "key", 1);
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, "x", &f->err));
    assert_key(f, "x", "key", 1);
}

/* -------------------------------------------------------------------------- optional groups --- */

static void the_lock_is_exclusive(void **state)
{
    fixture *f = *state;
    char holder[32];
    if (!has(f, PBASE_BLOCKS_LOCK)) {
        skip();
    }
    assert_ok(f, pbase_blocks_lock(f->blocks, NULL, &f->err));
    assert_int_equal(pbase_blocks_lock(f->blocks, NULL, &f->err), PBASE_BUSY);
    snprintf(holder, sizeof holder, "%llu",
             (unsigned long long)f->host.base.os->system->process_id(f->host.base.os));
    assert_non_null(strstr(f->err.message, holder));
}

static void the_lock_excludes_another_opening(void **state)
{
    fixture *f = *state;
    test_graph *other = NULL;
    if (!has(f, PBASE_BLOCKS_LOCK) || !has(f, PBASE_BLOCKS_PERSISTENT)) {
        skip();
    }
    assert_ok(f, pbase_blocks_lock(f->blocks, NULL, &f->err));
    assert_ok(f, test_wiring_open(f->subject->wiring(f->folder.path), &f->host, &other, &f->err));
    assert_int_equal(pbase_blocks_lock(test_graph_object(other), NULL, &f->err), PBASE_BUSY);
    close_provider(f);
    assert_ok(f, pbase_blocks_lock(test_graph_object(other), NULL, &f->err));
    test_wiring_close(other);
    open_provider(f);
}

static void users_share_and_the_first_and_last_are_alone(void **state)
{
    fixture *f = *state;
    test_graph *other = NULL;
    bool alone = false;
    if (!has(f, PBASE_BLOCKS_SHARED)) {
        skip();
    }
    assert_ok(f, pbase_blocks_attach(f->blocks, NULL, &alone, &f->err));
    assert_true(alone);
    assert_ok(f, test_wiring_open(f->subject->wiring(f->folder.path), &f->host, &other, &f->err));
    pbase_blocks *second = test_graph_object(other);
    assert_int_equal(pbase_blocks_lock(second, NULL, &f->err), PBASE_BUSY);
    assert_ok(f, pbase_blocks_attach(second, NULL, &alone, &f->err));
    assert_false(alone);
    assert_ok(f, pbase_blocks_names_sync(second, NULL, &f->err));
    assert_false(pbase_blocks_leave(f->blocks));
    assert_true(pbase_blocks_leave(second));
    test_wiring_close(other);
}

static void a_named_lock_excludes_other_users_until_it_is_released(void **state)
{
    fixture *f = *state;
    test_graph *other = NULL;
    if (!has(f, PBASE_BLOCKS_SHARED)) {
        skip();
    }
    const pbase_os *os = f->host.base.os;
    assert_ok(f, test_wiring_open(f->subject->wiring(f->folder.path), &f->host, &other, &f->err));
    pbase_blocks *second = test_graph_object(other);
    pbase_call now = {.deadline_ns = os->system->monotonic_ns(os)};
    assert_ok(f, pbase_blocks_acquire(f->blocks, NULL, "one", false, &f->err));
    assert_int_equal(pbase_blocks_acquire(second, &now, "one", false, &f->err), PBASE_BUSY);
    assert_int_equal(pbase_blocks_acquire(second, &now, "one", true, &f->err), PBASE_BUSY);
    assert_ok(f, pbase_blocks_acquire(second, &now, "two", false, &f->err));
    pbase_blocks_release(f->blocks, "one");
    assert_ok(f, pbase_blocks_acquire(second, &now, "one", true, &f->err));
    assert_ok(f, pbase_blocks_acquire(f->blocks, &now, "one", true, &f->err));
    assert_int_equal(pbase_blocks_acquire(f->blocks, &now, "two", false, &f->err), PBASE_BUSY);
    test_wiring_close(other); /* ends its holds */
    assert_ok(f, pbase_blocks_acquire(f->blocks, &now, "two", false, &f->err));
    assert_int_equal(pbase_blocks_acquire(f->blocks, &now, "No", false, &f->err), PBASE_INVALID);
    assert_int_equal(pbase_blocks_acquire(f->blocks, &now, "", false, &f->err), PBASE_INVALID);
}

static void a_board_shows_each_user_what_the_others_store(void **state)
{
    fixture *f = *state;
    test_graph *other = NULL;
    uint8_t *here = NULL, *there = NULL;
    if (!has(f, PBASE_BLOCKS_SHARED)) {
        skip();
    }
    assert_ok(f, test_wiring_open(f->subject->wiring(f->folder.path), &f->host, &other, &f->err));
    assert_ok(f, pbase_blocks_board(f->blocks, NULL, "b", 96, &here, &f->err));
    assert_ok(f, pbase_blocks_board(test_graph_object(other), NULL, "b", 96, &there, &f->err));
    for (size_t i = 0; i < 96; i++) {
        assert_int_equal(here[i], 0);
        here[i] = (uint8_t)(i + 1);
        assert_int_equal(there[i], i + 1);
    }
    assert_int_equal(pbase_blocks_board(f->blocks, NULL, "b", 0, &here, &f->err), PBASE_LIMIT);
    assert_int_equal(
        pbase_blocks_board(f->blocks, NULL, "b", PBASE_BOARD_BYTES_MAX + 1, &here, &f->err),
        PBASE_LIMIT);
    assert_int_equal(pbase_blocks_board(f->blocks, NULL, "B", 8, &here, &f->err), PBASE_INVALID);
    test_wiring_close(other);
}

typedef struct {
    unsigned count;
    uint8_t first; /* byte of each, summed up */
} slots_seen;

static pbase_status see_slot(void *state, const uint8_t *slot, pbase_error *err)
{
    slots_seen *self = state;
    (void)err;
    self->count++;
    self->first = (uint8_t)(self->first + slot[0]);
    return PBASE_OK;
}

static void expect_slots(fixture *f, pbase_blocks *of, unsigned count, uint8_t first)
{
    slots_seen seen = {.count = 0};
    assert_ok(f, pbase_blocks_slots_each(of, NULL, "s", 64, see_slot, &seen, &f->err));
    assert_int_equal(seen.count, count);
    assert_int_equal(seen.first, first);
}

static void a_slot_is_seen_by_others_until_its_user_goes(void **state)
{
    fixture *f = *state;
    test_graph *others[3] = {NULL, NULL, NULL};
    uint8_t *ours = NULL, *theirs = NULL;
    if (!has(f, PBASE_BLOCKS_SHARED)) {
        skip();
    }
    expect_slots(f, f->blocks, 0, 0);
    assert_ok(f, pbase_blocks_slot_take(f->blocks, NULL, "s", 64, &ours, &f->err));
    assert_int_equal(ours[0], 0);
    ours[0] = 1;
    expect_slots(f, f->blocks, 0, 0); /* one's own is not told */
    for (uint8_t i = 0; i < 3; i++) {
        const test_wiring *wiring = f->subject->wiring(f->folder.path);
        assert_ok(f, test_wiring_open(wiring, &f->host, &others[i], &f->err));
        pbase_blocks *other = test_graph_object(others[i]);
        assert_ok(f, pbase_blocks_slot_take(other, NULL, "s", 64, &theirs, &f->err));
        theirs[0] = (uint8_t)(10 << i);
        expect_slots(f, other, 1u + i, (uint8_t)(1 + (10 << i) - 10));
    }
    expect_slots(f, f->blocks, 3, 70);
    test_wiring_close(others[1]);
    expect_slots(f, f->blocks, 2, 50);
    const test_wiring *wiring = f->subject->wiring(f->folder.path);
    assert_ok(f, test_wiring_open(wiring, &f->host, &others[1], &f->err));
    assert_ok(
        f, pbase_blocks_slot_take(test_graph_object(others[1]), NULL, "s", 64, &theirs, &f->err));
    assert_int_equal(theirs[0], 20); /* the free one, as it was left */
    expect_slots(f, f->blocks, 3, 70);
    slots_seen seen = {.count = 0};
    assert_ok(f, pbase_blocks_slots_each(f->blocks, NULL, "t", 64, see_slot, &seen, &f->err));
    assert_int_equal(seen.count, 0);
    for (unsigned i = 0; i < 3; i++) {
        test_wiring_close(others[i]);
    }
    expect_slots(f, f->blocks, 0, 0);
}

static void a_map_shows_what_is_written_later(void **state)
{
    fixture *f = *state;
    const uint8_t *data = NULL;
    if (!has(f, PBASE_BLOCKS_MAP)) {
        skip();
    }
    pbase_segment *segment = create(f, "a");
    assert_ok(f, try_write(f, segment, 0, "one", 0));
    assert_ok(f, pbase_segment_map(segment, 1u << 20, &data, &f->err));
    assert_memory_equal(data, "one", 3);
    for (uint64_t at = 3; at < (1u << 20) - 8; at += 65536) {
        assert_ok(f, try_write(f, segment, at, "more", at % 2 == 0 ? 0 : PBASE_WRITE_SYNC));
        assert_memory_equal(data + at, "more", 4);
    }
    if (has(f, PBASE_BLOCKS_OVERWRITE)) {
        assert_ok(f, try_write(f, segment, (1u << 20) + 4096, "beyond", 0)); /* may move it */
        assert_ok(f, try_write(f, segment, 0, "ONE", 0));
        assert_memory_equal(data, "ONE", 3);
    }
    pbase_segment_unmap(segment, data, 1u << 20);
    pbase_segment_close(segment);
}

static void a_map_outlives_the_removal_of_its_segment(void **state)
{
    fixture *f = *state;
    const uint8_t *data = NULL;
    if (!has(f, PBASE_BLOCKS_MAP)) {
        skip();
    }
    pbase_segment *segment = create(f, "a");
    assert_ok(f, try_write(f, segment, 0, "abc", PBASE_WRITE_SYNC));
    assert_ok(f, pbase_segment_map(segment, 3, &data, &f->err));
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, "a", &f->err));
    assert_memory_equal(data, "abc", 3);
    pbase_segment_close(segment); /* ends the map as well */
}

static void a_punched_range_reads_as_zeros(void **state)
{
    fixture *f = *state;
    uint8_t bytes[3 * 65536];
    size_t read = 0;
    if (!has(f, PBASE_BLOCKS_PUNCH)) {
        skip();
    }
    pbase_segment *segment = create(f, "a");
    memset(bytes, 'p', sizeof bytes);
    assert_ok(
        f, pbase_segment_write(segment, NULL, 0, pbase_bytes_of(bytes, sizeof bytes), 0, &f->err));
    pbase_status status = pbase_segment_punch(segment, NULL, 65536, 65536, &f->err);
    if (status == PBASE_UNSUPPORTED) { /* the file system cannot */
        pbase_segment_close(segment);
        skip();
    }
    assert_ok(f, status);
    assert_ok(f, pbase_segment_read(segment, NULL, 0, bytes, sizeof bytes, &read, &f->err));
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_int_equal(bytes[i], i >= 65536 && i < 131072 ? 0 : 'p');
    }
    pbase_segment_close(segment);
}

static uint64_t held_bytes;

static pbase_status hold_each(void *state, const pbase_block_info *info, pbase_error *err)
{
    (void)state;
    (void)err;
    held_bytes = info->held_bytes;
    return PBASE_OK;
}

/* A store gives back parts of segments that are long sealed, through whatever handle it has. */
static void a_sealed_segment_is_punched_as_well_and_takes_less_then(void **state)
{
    fixture *f = *state;
    uint8_t bytes[4 * 65536];
    size_t read = 0;
    if (!has(f, PBASE_BLOCKS_PUNCH)) {
        skip();
    }
    pbase_segment *segment = create(f, "a");
    memset(bytes, 'p', sizeof bytes);
    assert_ok(
        f, pbase_segment_write(segment, NULL, 0, pbase_bytes_of(bytes, sizeof bytes), 0, &f->err));
    assert_ok(f, pbase_segment_seal(segment, NULL, sizeof bytes, &f->err));
    pbase_segment_close(segment);
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, "a", 0, &segment, &f->err));
    assert_ok(f, pbase_blocks_list(f->blocks, NULL, "a", hold_each, NULL, &f->err));
    uint64_t before = held_bytes;
    pbase_status status = pbase_segment_punch(segment, NULL, 65536, 131072, &f->err);
    if (status == PBASE_UNSUPPORTED) { /* the file system cannot */
        pbase_segment_close(segment);
        skip();
    }
    assert_ok(f, status);
    assert_ok(f, pbase_segment_read(segment, NULL, 0, bytes, sizeof bytes, &read, &f->err));
    assert_int_equal(read, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_int_equal(bytes[i], i >= 65536 && i < 3 * 65536 ? 0 : 'p');
    }
    assert_ok(f, pbase_blocks_list(f->blocks, NULL, "a", hold_each, NULL, &f->err));
    assert_true(before == 0 ? held_bytes == 0 : held_bytes + 131072 <= before);
    assert_int_equal(try_open(f, "a", PBASE_SEGMENT_WRITE), PBASE_READ_ONLY);
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, "a", &f->err));
    status = pbase_segment_punch(segment, NULL, 0, 65536, &f->err);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    pbase_segment_close(segment);
}

static void what_was_written_is_there_after_reopening(void **state)
{
    fixture *f = *state;
    if (!has(f, PBASE_BLOCKS_PERSISTENT)) {
        skip();
    }
    pbase_segment *segment = create(f, "j/open");
    assert_ok(f, try_write(f, segment, 0, "open", PBASE_WRITE_SYNC));
    pbase_segment_close(segment);
    segment = create(f, "s/sealed");
    assert_ok(f, try_write(f, segment, 0, "sealed", 0));
    assert_ok(f, pbase_segment_seal(segment, NULL, 6, &f->err));
    pbase_segment_close(segment);
    assert_ok(f, key_cas(f, "k", 0, "one"));
    assert_ok(f, key_cas(f, "k", 1, "two"));
    for (size_t round = 0; round < 2; round++) {
        close_provider(f);
        open_provider(f);
        assert_ok(f, pbase_blocks_open(f->blocks, NULL, "j/open", PBASE_SEGMENT_WRITE, &segment,
                                       &f->err));
        assert_reads(f, segment, 0, "open");
        pbase_segment_close(segment);
        assert_int_equal(try_open(f, "s/sealed", PBASE_SEGMENT_WRITE), PBASE_READ_ONLY);
        assert_key(f, "k", "two", 2);
        assert_int_equal(list(f, "").count, 2);
    }
}

/* ----------------------------------------------------------------------------- many threads --- */

typedef struct {
    fixture *f;
    pbase_segment *segment;
    size_t number;
    pbase_status status;
} worker;

#define THREADS 4
#define ROUNDS 60

/* Each thread writes its own blocks of one segment, makes names of its own, and counts one key up
 * together with the others. */
static void worker_run(void *state)
{
    worker *w = state;
    pbase_blocks *blocks = w->f->blocks;
    for (size_t i = 0; i < ROUNDS && w->status == PBASE_OK; i++) {
        uint8_t block[4096];
        char name[32];
        size_t read = 0;
        uint64_t offset = (i * THREADS + w->number) * sizeof block;
        memset(block, (int)(w->number + i), sizeof block);
        w->status =
            pbase_segment_write(w->segment, NULL, offset, pbase_bytes_of(block, sizeof block),
                                i % 8 == 0 ? PBASE_WRITE_SYNC : 0, NULL);
        if (w->status == PBASE_OK) {
            w->status =
                pbase_segment_read(w->segment, NULL, offset, block, sizeof block, &read, NULL);
        }
        if (w->status == PBASE_OK &&
            (read != sizeof block || block[0] != (uint8_t)(w->number + i))) {
            w->status = PBASE_CORRUPT;
        }
        snprintf(name, sizeof name, "t%zu/%zu", w->number, i % 4);
        pbase_segment *own = NULL;
        if (w->status == PBASE_OK) {
            w->status = pbase_blocks_open(blocks, NULL, name,
                                          PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &own, NULL);
            pbase_segment_close(own);
        }
        if (w->status == PBASE_OK) {
            w->status = pbase_blocks_remove(blocks, NULL, name, NULL);
        }
    }
    for (size_t i = 0; i < 5 && w->status == PBASE_OK;) {
        pbase_arena arena;
        pbase_bytes document;
        uint64_t version = 0;
        pbase_arena_init(&arena, w->f->host.base.alloc);
        w->status = pbase_blocks_key_get(blocks, NULL, "n", &arena, &document, &version, NULL);
        pbase_arena_fini(&arena);
        if (w->status == PBASE_OK) {
            pbase_status status =
                pbase_blocks_key_cas(blocks, NULL, "n", version, pbase_bytes_text("x"), NULL);
            i += status == PBASE_OK;
            w->status = status == PBASE_CONFLICT ? PBASE_OK : status;
        }
    }
}

static void threads_do_not_disturb_each_other(void **state)
{
    fixture *f = *state;
    const pbase_os *os = f->host.base.os;
    worker workers[THREADS];
    pbase_os_thread *threads[THREADS];
    if (!has(f, PBASE_BLOCKS_OVERWRITE)) {
        skip();
    }
    pbase_segment *segment = create(f, "shared");
    assert_ok(f,
              pbase_segment_preallocate(segment, NULL, (uint64_t)ROUNDS * THREADS * 4096, &f->err));
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){f, segment, i, PBASE_OK};
        assert_ok(f,
                  os->thread->start(os, "worker", worker_run, &workers[i], &threads[i], &f->err));
    }
    for (size_t i = 0; i < THREADS; i++) {
        os->thread->join(threads[i]);
    }
    pbase_segment_close(segment);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(workers[i].status, PBASE_OK);
    }
    assert_key(f, "n", "x", (uint64_t)5 * THREADS);
}

/* ------------------------------------------------------------------------------------ suite --- */

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name, setup, teardown, (void *)(uintptr_t)subject                                   \
    }

int blocks_suite_run(const blocks_subject *subject)
{
    const struct CMUnitTest tests[] = {
        TEST(geometry_is_usable),
        TEST(opening_a_missing_segment_is_not_found),
        TEST(creating_a_name_that_is_taken_says_exists),
        TEST(names_that_are_not_allowed_are_invalid),
        TEST(the_longest_name_is_taken),
        TEST(what_is_written_can_be_read),
        TEST(reading_past_the_end_gives_what_there_is),
        TEST(a_written_range_may_be_overwritten),
        TEST(aligned_and_other_writes_see_each_other),
        TEST(large_writes_are_whole),
        TEST(preallocate_makes_the_segment_zeros_of_that_size),
        TEST(a_segment_opened_for_reading_cannot_be_written),
        TEST(sealing_cuts_and_makes_immutable),
        TEST(sealing_beyond_the_end_is_invalid),
        TEST(cutting_leaves_a_segment_that_may_grow_again),
        TEST(calls_that_are_over_do_nothing),
        TEST(a_removed_segment_is_gone_but_stays_readable_while_open),
        TEST(a_sealed_segment_can_be_removed),
        TEST(rename_moves_the_bytes_and_open_segments_follow),
        TEST(rename_replaces_nothing),
        TEST(list_gives_the_names_that_begin_with_the_prefix),
        TEST(listing_stops_with_the_status_of_each),
        TEST(a_missing_key_is_empty_with_version_0),
        TEST(keys_are_replaced_by_version),
        TEST(a_key_takes_the_largest_document_and_refuses_a_larger_one),
        TEST(keys_and_segments_of_one_name_are_different_things),
        TEST(the_lock_is_exclusive),
        TEST(the_lock_excludes_another_opening),
        TEST(users_share_and_the_first_and_last_are_alone),
        TEST(a_named_lock_excludes_other_users_until_it_is_released),
        TEST(a_board_shows_each_user_what_the_others_store),
        TEST(a_slot_is_seen_by_others_until_its_user_goes),
        TEST(a_map_shows_what_is_written_later),
        TEST(a_map_outlives_the_removal_of_its_segment),
        TEST(a_punched_range_reads_as_zeros),
        TEST(a_sealed_segment_is_punched_as_well_and_takes_less_then),
        TEST(what_was_written_is_there_after_reopening),
        TEST(threads_do_not_disturb_each_other),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}
