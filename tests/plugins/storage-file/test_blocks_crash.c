/* test_blocks_crash.c - block_provider/file when the machine dies at any call.
 *
 * A script of ten steps runs on the simulated os, which dies at its n-th call, for every n. On the
 * machines that could come up, each segment and key must be as after the last step that returned,
 * or as after the one that was in flight. */
#include "seed.h"
#include "sim_os.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#define CALLS_MAX 2000 /* a sweep that goes on longer never ends */
#define FUTURES 8
#define FUTURES_LONG 100
#define BLOCK 4096u
#define STEPS 10u

static const char *const settings[] = {"path", "/data", NULL};
static const test_wiring files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file", settings,
                                  NULL};

/* What is there after so many steps. A segment is told by its name and its first byte. */
typedef struct {
    uint64_t key_version;
    const char *one; /* name of the first segment, NULL: none */
    bool two;        /* a/two has its first block */
    bool two_second; /* and its second */
    bool two_sealed;
    bool three; /* c is there */
} model;

static model model_after(unsigned steps)
{
    return (model){
        .key_version = steps >= 9   ? 3
                       : steps >= 8 ? 2
                       : steps >= 1 ? 1
                                    : 0,
        .one = steps >= 5   ? "b/deep/one"
               : steps >= 2 ? "a/one"
                            : NULL,
        .two = steps >= 3,
        .two_second = steps >= 4,
        .two_sealed = steps >= 6,
        .three = steps >= 7 && steps < 10,
    };
}

/* Makes a segment of one block of `byte`. */
static pbase_status make(pbase_blocks *blocks, const char *name, uint8_t byte, uint32_t flags,
                         pbase_segment **out)
{
    uint8_t block[BLOCK];
    memset(block, byte, sizeof block);
    pbase_status status = pbase_blocks_open(blocks, NULL, name,
                                            PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, out, NULL);
    return status == PBASE_OK ? pbase_segment_write(
                                    *out, NULL, 0, pbase_bytes_of(block, sizeof block), flags, NULL)
                              : status;
}

static pbase_status key_next(pbase_blocks *blocks, uint64_t version)
{
    char text[16];
    snprintf(text, sizeof text, "v%llu", (unsigned long long)version + 1);
    return pbase_blocks_key_cas(blocks, NULL, "deep/key", version, pbase_bytes_text(text), NULL);
}

static pbase_status step(pbase_blocks *blocks, unsigned number, pbase_segment **two)
{
    pbase_segment *other = NULL;
    uint8_t block[BLOCK];
    pbase_status status = PBASE_OK;
    memset(block, '2', sizeof block);
    switch (number) {
    case 1:
        return key_next(blocks, 0);
    case 2:
        status = make(blocks, "a/one", '1', PBASE_WRITE_SYNC, &other);
        break;
    case 3: /* a write, then a flush */
        status = make(blocks, "a/two", '2', 0, two);
        return status == PBASE_OK ? pbase_segment_sync(*two, NULL, NULL) : status;
    case 4: /* half a block without SYNC, then a whole one with it: both are durable */
        status = pbase_segment_write(*two, NULL, BLOCK, pbase_bytes_of(block, BLOCK / 2), 0, NULL);
        return status == PBASE_OK
                   ? pbase_segment_write(*two, NULL, (uint64_t)2 * BLOCK,
                                         pbase_bytes_of(block, BLOCK), PBASE_WRITE_SYNC, NULL)
                   : status;
    case 5:
        return pbase_blocks_rename(blocks, NULL, "a/one", "b/deep/one", NULL);
    case 6: /* not flushed before: sealing does it */
        status = pbase_segment_write(*two, NULL, (uint64_t)3 * BLOCK, pbase_bytes_of(block, BLOCK),
                                     0, NULL);
        return status == PBASE_OK ? pbase_segment_seal(*two, NULL, (uint64_t)4 * BLOCK - 100, NULL)
                                  : status;
    case 7:
        status = make(blocks, "c", '3', PBASE_WRITE_SYNC, &other);
        break;
    case 8:
        return key_next(blocks, 1);
    case 9:
        return key_next(blocks, 2);
    default:
        return pbase_blocks_remove(blocks, NULL, "c", NULL);
    }
    pbase_segment_close(other);
    return status;
}

/* Runs the script; returns how many steps returned well. */
static unsigned run_script(sim_os *sim)
{
    test_host host;
    test_graph *graph = NULL;
    pbase_segment *two = NULL;
    unsigned done = 0;
    test_host_init(&host, sim_os_interface(sim));
    if (test_wiring_open(&files, &host, &graph, NULL) != PBASE_OK) {
        return 0;
    }
    pbase_blocks *blocks = test_graph_object(graph);
    if (pbase_blocks_lock(blocks, NULL, NULL) == PBASE_OK) {
        while (done < STEPS && step(blocks, done + 1, &two) == PBASE_OK) {
            done++;
        }
    }
    pbase_segment_close(two);
    test_wiring_close(graph);
    return done;
}

/* The byte at `offset`, or 0 where there is nothing. */
static uint8_t byte_at(pbase_segment *segment, uint64_t offset)
{
    uint8_t byte = 0;
    size_t read = 0;
    assert_int_equal(pbase_segment_read(segment, NULL, offset, &byte, 1, &read, NULL), PBASE_OK);
    return read == 1 ? byte : 0;
}

/* Byte `offset` of a segment; 0 when it is not there. */
static uint8_t probe(pbase_blocks *blocks, const char *name, uint64_t offset)
{
    pbase_segment *segment = NULL;
    if (pbase_blocks_open(blocks, NULL, name, 0, &segment, NULL) != PBASE_OK) {
        return 0;
    }
    uint8_t byte = byte_at(segment, offset);
    pbase_segment_close(segment);
    return byte;
}

static bool exists(pbase_blocks *blocks, const char *name)
{
    pbase_segment *segment = NULL;
    pbase_status status = pbase_blocks_open(blocks, NULL, name, 0, &segment, NULL);
    pbase_segment_close(segment);
    return status == PBASE_OK;
}

static pbase_status sealed_each(void *state, const pbase_block_info *info, pbase_error *err)
{
    (void)err;
    *(bool *)state = info->sealed != 0;
    return PBASE_OK;
}

static uint64_t key_version(pbase_blocks *blocks, const pbase_alloc *alloc)
{
    pbase_arena arena;
    pbase_bytes document;
    uint64_t version = 0;
    char text[16];
    pbase_arena_init(&arena, alloc);
    assert_int_equal(
        pbase_blocks_key_get(blocks, NULL, "deep/key", &arena, &document, &version, NULL),
        PBASE_OK);
    snprintf(text, sizeof text, "v%llu", (unsigned long long)version);
    assert_true(pbase_bytes_equal(document, pbase_bytes_text(version == 0 ? "" : text)));
    pbase_arena_fini(&arena);
    return version;
}

/* What differs between `found` and what may be: after `done` steps, or one more. NULL: nothing. */
static const char *check(pbase_blocks *blocks, const pbase_alloc *alloc, unsigned done)
{
    model now = model_after(done);
    model next = model_after(done < STEPS ? done + 1 : done);
    bool sealed = false;
    uint64_t version = key_version(blocks, alloc);
    if (version != now.key_version && version != next.key_version) {
        return "the key";
    }
    if (now.one != NULL && probe(blocks, now.one, BLOCK - 1) != '1' &&
        probe(blocks, next.one, BLOCK - 1) != '1') {
        return "the first segment is not there";
    }
    if (now.one == next.one && exists(blocks, "b/deep/one") && exists(blocks, "a/one")) {
        return "the first segment has two names";
    }
    if (now.two && probe(blocks, "a/two", BLOCK - 1) != '2') {
        return "the second segment";
    }
    if (now.two_second && (probe(blocks, "a/two", BLOCK) != '2' ||
                           probe(blocks, "a/two", (uint64_t)3 * BLOCK - 1) != '2')) {
        return "the end of the second segment";
    }
    assert_int_equal(pbase_blocks_list(blocks, NULL, "a/two", sealed_each, &sealed, NULL),
                     PBASE_OK);
    if (now.two_sealed && (!sealed || probe(blocks, "a/two", (uint64_t)4 * BLOCK - 101) != '2' ||
                           probe(blocks, "a/two", (uint64_t)4 * BLOCK - 100) != 0)) {
        return "the second segment is not sealed as it was";
    }
    if (now.three == next.three && exists(blocks, "c") != now.three) {
        return now.three ? "the third segment is not there" : "the third segment came back";
    }
    return NULL;
}

/* Opens the folder on a machine that came up again. */
static void check_future(sim_os *sim, unsigned done, uint64_t n, uint64_t number)
{
    test_host host;
    test_graph *graph = NULL;
    pbase_error err;
    pbase_error_init(&err);
    test_host_init(&host, sim_os_interface(sim));
    if (test_wiring_open(&files, &host, &graph, &err) != PBASE_OK) {
        fail_msg("call %llu, future %llu: %s", (unsigned long long)n, (unsigned long long)number,
                 err.message);
    }
    const char *wrong = check(test_graph_object(graph), host.base.alloc, done);
    if (wrong != NULL) {
        fail_msg("call %llu, future %llu, after %u steps: %s", (unsigned long long)n,
                 (unsigned long long)number, done, wrong);
    }
    test_wiring_close(graph);
}

static void every_step_that_returned_survives_a_crash_at_any_call(void **state)
{
    (void)state;
    uint64_t seed = seed_for("blocks_crash");
    uint64_t futures = seed_is_long_run() ? FUTURES_LONG : FUTURES;
    bool crashed = true;
    for (uint64_t n = 1; crashed; n++) {
        sim_os *sim = sim_os_create(seed);
        sim_os_crash_at(sim, n);
        unsigned done = run_script(sim);
        crashed = sim_os_has_crashed(sim);
        assert_true(crashed || done == STEPS);
        sim_crash crash;
        sim_crash_begin(&crash, sim, 0, seed);
        for (uint64_t i = 0; i < futures; i++) {
            sim_os *future = i < 2 ? sim_crash_next(&crash) : sim_os_crash(sim, seed + n * 99 + i);
            if (future != NULL) {
                check_future(future, done, n, i);
                sim_os_destroy(future);
            }
        }
        sim_os_destroy(sim);
        assert_true(n < CALLS_MAX);
    }
}

/* A document of several sectors, so that a write of it can tear. */
static pbase_status large_key_next(pbase_blocks *blocks, uint64_t version)
{
    uint8_t document[3000];
    memset(document, (int)version + 1, sizeof document);
    return pbase_blocks_key_cas(blocks, NULL, "large", version,
                                pbase_bytes_of(document, sizeof document), NULL);
}

/* What a machine that came up again says about the slots of the key. */
static void expect_no_damage(sim_os *future, uint64_t n)
{
    test_host host;
    test_graph *graph = NULL;
    pbase_key_finding finding;
    test_host_init(&host, sim_os_interface(future));
    assert_int_equal(test_wiring_open(&files, &host, &graph, NULL), PBASE_OK);
    pbase_blocks *blocks = test_graph_object(graph);
    assert_int_equal(pbase_blocks_lock(blocks, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_blocks_key_verify(blocks, NULL, "large", &finding, NULL), PBASE_OK);
    if (finding.text[0] != '\0') {
        fail_msg("call %llu: %s", (unsigned long long)n, finding.text);
    }
    test_wiring_close(graph);
}

/* The mark of the orderly end before is on the disk; who comes second never saw it, and writes a key. */
static void the_mark_of_an_orderly_end_is_gone_before_anybody_writes_a_key(void **state)
{
    (void)state;
    uint64_t seed = seed_for("blocks_crash_mark");
    bool crashed = true;
    for (uint64_t n = 1; crashed; n++) {
        sim_os *sim = sim_os_create(seed);
        test_host host;
        test_graph *first = NULL, *second = NULL;
        bool is_alone = false;
        test_host_init(&host, sim_os_interface(sim));
        assert_int_equal(test_wiring_open(&files, &host, &first, NULL), PBASE_OK);
        assert_int_equal(pbase_blocks_lock(test_graph_object(first), NULL, NULL), PBASE_OK);
        assert_int_equal(large_key_next(test_graph_object(first), 0), PBASE_OK);
        assert_int_equal(large_key_next(test_graph_object(first), 1), PBASE_OK);
        test_wiring_close(first);
        sim_os_settle(sim);
        assert_int_equal(test_wiring_open(&files, &host, &first, NULL), PBASE_OK);
        assert_int_equal(test_wiring_open(&files, &host, &second, NULL), PBASE_OK);
        assert_int_equal(pbase_blocks_attach(test_graph_object(first), NULL, &is_alone, NULL),
                         PBASE_OK);
        assert_int_equal(pbase_blocks_attach(test_graph_object(second), NULL, &is_alone, NULL),
                         PBASE_OK);
        assert_false(is_alone);

        sim_os_crash_at(sim, n);
        pbase_status status = large_key_next(test_graph_object(second), 2);
        crashed = sim_os_has_crashed(sim);
        assert_true(crashed || status == PBASE_OK);

        for (uint64_t i = 0; i < FUTURES * 4; i++) {
            sim_os *future = sim_os_crash(sim, seed + n * 99 + i);
            expect_no_damage(future, n);
            sim_os_destroy(future);
        }
        test_wiring_close(second);
        test_wiring_close(first);
        sim_os_destroy(sim);
        assert_true(n < CALLS_MAX);
    }
}

/* A process that died leaves names that are not durable; they are, once they have been used. */
static void names_left_pending_are_durable_once_opened(void **state)
{
    (void)state;
    sim_os *sim = sim_os_create(1);
    test_host host;
    test_graph *graph = NULL;
    pbase_segment *segment = NULL;
    test_host_init(&host, sim_os_interface(sim));
    assert_int_equal(test_wiring_open(&files, &host, &graph, NULL), PBASE_OK);
    assert_int_equal(make(test_graph_object(graph), "a/left", '1', 0, &segment), PBASE_OK);
    pbase_segment_close(segment); /* never flushed */
    test_wiring_close(graph);

    assert_int_equal(test_wiring_open(&files, &host, &graph, NULL), PBASE_OK);
    pbase_blocks *blocks = test_graph_object(graph);
    assert_int_equal(pbase_blocks_lock(blocks, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_blocks_open(blocks, NULL, "a/left", PBASE_SEGMENT_WRITE, &segment, NULL),
                     PBASE_OK);
    assert_int_equal(
        pbase_segment_write(segment, NULL, BLOCK, pbase_bytes_text("more"), PBASE_WRITE_SYNC, NULL),
        PBASE_OK);
    sim_crash crash;
    sim_crash_begin(&crash, sim, 0, 1);
    sim_os *future = sim_crash_next(&crash); /* with nothing of what is pending */
    pbase_segment_close(segment);
    test_wiring_close(graph);

    test_host_init(&host, sim_os_interface(future));
    assert_int_equal(test_wiring_open(&files, &host, &graph, NULL), PBASE_OK);
    assert_int_equal(probe(test_graph_object(graph), "a/left", BLOCK), 'm');
    test_wiring_close(graph);
    sim_os_destroy(future);
    sim_os_destroy(sim);
}

static void a_segment_whose_flush_failed_takes_no_more_writes(void **state)
{
    (void)state;
    for (unsigned direct = 0; direct < 2; direct++) {
        sim_os *sim = sim_os_create(1);
        test_host host;
        test_graph *graph = NULL;
        pbase_segment *segment = NULL;
        pbase_error err;
        pbase_error_init(&err);
        test_host_init(&host, sim_os_interface(sim));
        assert_int_equal(test_wiring_open(&files, &host, &graph, NULL), PBASE_OK);
        assert_int_equal(make(test_graph_object(graph), "a", '1', 0, &segment), PBASE_OK);
        assert_int_equal(pbase_segment_sync(segment, NULL, NULL), PBASE_OK);
        uint8_t block[BLOCK] = {0};
        pbase_bytes data = pbase_bytes_of(block, direct == 1 ? BLOCK : 10);
        sim_os_fail_at(sim, direct == 1 ? OS_CALL_WRITE : OS_CALL_SYNC, 1, PBASE_IO, false);
        assert_int_equal(pbase_segment_write(segment, NULL, BLOCK, data, PBASE_WRITE_SYNC, &err),
                         PBASE_IO);
        assert_int_equal(err.outcome, PBASE_OUTCOME_UNKNOWN);
        assert_int_equal(pbase_segment_write(segment, NULL, BLOCK, data, 0, &err), PBASE_READ_ONLY);
        assert_int_equal(pbase_segment_sync(segment, NULL, &err), PBASE_READ_ONLY);
        assert_int_equal(pbase_segment_seal(segment, NULL, BLOCK, &err), PBASE_READ_ONLY);
        assert_int_equal(byte_at(segment, 0), '1');
        pbase_segment_close(segment);
        test_wiring_close(graph);
        sim_os_destroy(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_that_returned_survives_a_crash_at_any_call),
        cmocka_unit_test(the_mark_of_an_orderly_end_is_gone_before_anybody_writes_a_key),
        cmocka_unit_test(names_left_pending_are_durable_once_opened),
        cmocka_unit_test(a_segment_whose_flush_failed_takes_no_more_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
