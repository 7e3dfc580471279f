/* block_provider_suite.c - maps, holes, reopening and many threads, and the whole of what every
 * provider must do. */
#include "blocks_fixture.h"

#include <stdio.h>

static void a_map_shows_what_is_written_later(void **state)
{
    blocks_fixture *f = *state;
    const uint8_t *data = NULL;
    if (!blocks_has(f, PBASE_BLOCKS_MAP)) {
        skip();
    }
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, blocks_try_write(f, segment, 0, "one", 0));
    assert_ok(f, pbase_segment_map(segment, 1u << 20, &data, &f->err));
    assert_memory_equal(data, "one", 3);
    for (uint64_t at = 3; at < (1u << 20) - 8; at += 65536) {
        assert_ok(f, blocks_try_write(f, segment, at, "more", at % 2 == 0 ? 0 : PBASE_WRITE_SYNC));
        assert_memory_equal(data + at, "more", 4);
    }
    if (blocks_has(f, PBASE_BLOCKS_OVERWRITE)) {
        assert_ok(f,
                  blocks_try_write(f, segment, (1u << 20) + 4096, "beyond", 0)); /* may move it */
        assert_ok(f, blocks_try_write(f, segment, 0, "ONE", 0));
        assert_memory_equal(data, "ONE", 3);
    }
    pbase_segment_unmap(segment, data, 1u << 20);
    pbase_segment_close(segment);
}

static void a_map_outlives_the_removal_of_its_segment(void **state)
{
    blocks_fixture *f = *state;
    const uint8_t *data = NULL;
    if (!blocks_has(f, PBASE_BLOCKS_MAP)) {
        skip();
    }
    pbase_segment *segment = blocks_create(f, "a");
    assert_ok(f, blocks_try_write(f, segment, 0, "abc", PBASE_WRITE_SYNC));
    assert_ok(f, pbase_segment_map(segment, 3, &data, &f->err));
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, "a", &f->err));
    assert_memory_equal(data, "abc", 3);
    pbase_segment_close(segment); /* ends the map as well */
}

static void a_punched_range_reads_as_zeros(void **state)
{
    blocks_fixture *f = *state;
    uint8_t bytes[3 * 65536];
    size_t read = 0;
    if (!blocks_has(f, PBASE_BLOCKS_PUNCH)) {
        skip();
    }
    pbase_segment *segment = blocks_create(f, "a");
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
    blocks_fixture *f = *state;
    uint8_t bytes[4 * 65536];
    size_t read = 0;
    if (!blocks_has(f, PBASE_BLOCKS_PUNCH)) {
        skip();
    }
    pbase_segment *segment = blocks_create(f, "a");
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
    assert_int_equal(blocks_try_open(f, "a", PBASE_SEGMENT_WRITE), PBASE_READ_ONLY);
    assert_ok(f, pbase_blocks_remove(f->blocks, NULL, "a", &f->err));
    status = pbase_segment_punch(segment, NULL, 0, 65536, &f->err);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    pbase_segment_close(segment);
}

static void what_was_written_is_there_after_reopening(void **state)
{
    blocks_fixture *f = *state;
    if (!blocks_has(f, PBASE_BLOCKS_PERSISTENT)) {
        skip();
    }
    pbase_segment *segment = blocks_create(f, "j/open");
    assert_ok(f, blocks_try_write(f, segment, 0, "open", PBASE_WRITE_SYNC));
    pbase_segment_close(segment);
    segment = blocks_create(f, "s/sealed");
    assert_ok(f, blocks_try_write(f, segment, 0, "sealed", 0));
    assert_ok(f, pbase_segment_seal(segment, NULL, 6, &f->err));
    pbase_segment_close(segment);
    assert_ok(f, blocks_key_cas(f, "k", 0, "one"));
    assert_ok(f, blocks_key_cas(f, "k", 1, "two"));
    for (size_t round = 0; round < 2; round++) {
        blocks_close(f);
        blocks_open(f);
        assert_ok(f, pbase_blocks_open(f->blocks, NULL, "j/open", PBASE_SEGMENT_WRITE, &segment,
                                       &f->err));
        blocks_assert_reads(f, segment, 0, "open");
        pbase_segment_close(segment);
        assert_int_equal(blocks_try_open(f, "s/sealed", PBASE_SEGMENT_WRITE), PBASE_READ_ONLY);
        blocks_assert_key(f, "k", "two", 2);
        assert_int_equal(blocks_list(f, "").count, 2);
    }
}

/* ----------------------------------------------------------------------------- many threads --- */

typedef struct {
    blocks_fixture *f;
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
    blocks_fixture *f = *state;
    const pbase_os *os = f->host.base.os;
    worker workers[THREADS];
    pbase_os_thread *threads[THREADS];
    if (!blocks_has(f, PBASE_BLOCKS_OVERWRITE)) {
        skip();
    }
    pbase_segment *segment = blocks_create(f, "shared");
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
    blocks_assert_key(f, "n", "x", (uint64_t)5 * THREADS);
}

/* ------------------------------------------------------------------------------------ suite --- */

static int own_tests_run(const blocks_subject *subject)
{
    const struct CMUnitTest tests[] = {
        BLOCKS_TEST(a_map_shows_what_is_written_later),
        BLOCKS_TEST(a_map_outlives_the_removal_of_its_segment),
        BLOCKS_TEST(a_punched_range_reads_as_zeros),
        BLOCKS_TEST(a_sealed_segment_is_punched_as_well_and_takes_less_then),
        BLOCKS_TEST(what_was_written_is_there_after_reopening),
        BLOCKS_TEST(threads_do_not_disturb_each_other),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}

int blocks_suite_run(const blocks_subject *subject)
{
    int failed = blocks_segments_suite_run(subject);
    failed += blocks_names_suite_run(subject);
    failed += blocks_users_suite_run(subject);
    return failed + own_tests_run(subject);
}
