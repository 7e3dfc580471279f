#include "transform_suite.h"
#include "fault_alloc.h"
#include "os/os.h"
#include "seed.h"
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#define RANDOM_INPUTS 2000u
#define INPUT_BYTES_MAX 8192u
#define THREADS 4u
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

typedef struct {
    const transform_subject *subject;
    uint64_t seed;
} start;

typedef struct {
    const transform_subject *subject;
    fault_alloc memory;
    pbase_host host;
    pbase_transform *transform;
    pbase_buffer coded;
    pbase_buffer back;
    pbase_error err;
    seed_random random;
} fixture;

static const pbase_bytes no_context = {NULL, 0};

/* Any mixing of all the bytes does. */
static uint64_t hash64(const void *data, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++) {
        seed = (seed ^ ((const uint8_t *)data)[i]) * UINT64_C(0x100000001b3);
    }
    return seed;
}

static pbase_status subject_open(fixture *f, pbase_transform **out)
{
    pbase_component_open open = {.struct_size = sizeof open,
                                 .host = &f->host,
                                 .config = f->subject->config,
                                 .data_hint = "test"};
    void *made = NULL;
    pbase_status status = f->subject->open(&open, &made, &f->err);
    *out = (pbase_transform *)made;
    return status;
}

static int set_up(void **state)
{
    const start *with = (const start *)*state;
    fixture *f = (fixture *)calloc(1, sizeof *f);
    assert_non_null(f);
    f->subject = with->subject;
    fault_alloc_init(&f->memory);
    f->host = (pbase_host){.struct_size = sizeof f->host,
                           .abi_major = PBASE_ABI_MAJOR,
                           .abi_minor = PBASE_ABI_MINOR,
                           .alloc = &f->memory.alloc,
                           .hash64 = hash64,
                           .os = pbase_os_real()};
    pbase_buffer_init(&f->coded, pbase_alloc_default());
    pbase_buffer_init(&f->back, pbase_alloc_default());
    pbase_error_init(&f->err);
    seed_random_init(&f->random, with->seed);
    assert_int_equal(subject_open(f, &f->transform), PBASE_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = (fixture *)*state;
    pbase_transform_close(f->transform);
    pbase_buffer_fini(&f->coded);
    pbase_buffer_fini(&f->back);
    assert_int_equal(fault_alloc_live_bytes(&f->memory), 0);
    free(f);
    return 0;
}

static void encode(fixture *f, pbase_bytes in)
{
    f->coded.size = 0;
    assert_int_equal(pbase_transform_encode(f->transform, in, no_context, &f->coded, &f->err),
                     PBASE_OK);
}

static pbase_status decode(fixture *f, pbase_bytes coded, size_t size_max)
{
    f->back.size = 0;
    return pbase_transform_decode(f->transform, coded, no_context, size_max, &f->back, &f->err);
}

/* Noise, or text that repeats itself, or one byte over and over. */
static void fill(seed_random *random, uint8_t *bytes, size_t size)
{
    switch (seed_below(random, 3)) {
    case 0:
        seed_fill(random, bytes, size);
        return;
    case 1:
        memset(bytes, (int)seed_below(random, 256), size);
        return;
    default:
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)("customer order "[i % 15] + (seed_below(random, 40) == 0));
        }
    }
}

/* ------------------------------------------------------------------------------- round trips --- */

static void assert_round_trip(fixture *f, pbase_bytes in)
{
    encode(f, in);
    assert_true(f->coded.size <= in.size + f->subject->overhead_max);
    assert_int_equal(decode(f, pbase_buffer_view(&f->coded), in.size), PBASE_OK);
    assert_true(pbase_bytes_equal(pbase_buffer_view(&f->back), in));
}

static void inputs_of_every_small_size_come_back(void **state)
{
    fixture *f = (fixture *)*state;
    uint8_t bytes[600];
    for (size_t size = 0; size <= sizeof bytes; size++) {
        fill(&f->random, bytes, size);
        assert_round_trip(f, pbase_bytes_of(bytes, size));
    }
}

static void random_inputs_come_back(void **state)
{
    fixture *f = (fixture *)*state;
    uint8_t bytes[INPUT_BYTES_MAX];
    for (unsigned i = 0; i < RANDOM_INPUTS; i++) {
        size_t size = seed_below(&f->random, sizeof bytes);
        fill(&f->random, bytes, size);
        assert_round_trip(f, pbase_bytes_of(bytes, size));
    }
}

static void a_large_input_comes_back(void **state)
{
    fixture *f = (fixture *)*state;
    size_t size = (size_t)3 << 20;
    uint8_t *bytes = (uint8_t *)malloc(size);
    assert_non_null(bytes);
    for (unsigned i = 0; i < 3; i++) {
        fill(&f->random, bytes, size);
        assert_round_trip(f, pbase_bytes_of(bytes, size));
    }
    free(bytes);
}

static void the_same_input_gives_the_same_output(void **state)
{
    fixture *f = (fixture *)*state;
    uint8_t bytes[2000];
    fill(&f->random, bytes, sizeof bytes);
    encode(f, pbase_bytes_of(bytes, sizeof bytes));
    f->back.size = 0;

    assert_int_equal(pbase_transform_encode(f->transform, pbase_bytes_of(bytes, sizeof bytes),
                                            no_context, &f->back, &f->err),
                     PBASE_OK);

    assert_int_equal(pbase_bytes_equal(pbase_buffer_view(&f->coded), pbase_buffer_view(&f->back)),
                     f->subject->is_deterministic);
}

static void both_ways_append_to_what_the_buffer_holds(void **state)
{
    fixture *f = (fixture *)*state;
    uint8_t bytes[1000];
    memset(bytes, 'a', sizeof bytes);
    assert_int_equal(pbase_buffer_append(&f->coded, "head", 4, NULL), PBASE_OK);
    assert_int_equal(pbase_buffer_append(&f->back, "head", 4, NULL), PBASE_OK);

    assert_int_equal(pbase_transform_encode(f->transform, pbase_bytes_of(bytes, sizeof bytes),
                                            no_context, &f->coded, &f->err),
                     PBASE_OK);
    pbase_bytes coded = pbase_bytes_of(f->coded.data + 4, f->coded.size - 4);
    assert_int_equal(
        pbase_transform_decode(f->transform, coded, no_context, sizeof bytes, &f->back, &f->err),
        PBASE_OK);

    assert_memory_equal(f->coded.data, "head", 4);
    assert_memory_equal(f->back.data, "head", 4);
    assert_int_equal(f->back.size, 4 + sizeof bytes);
    assert_memory_equal(f->back.data + 4, bytes, sizeof bytes);
}

static void the_context_is_bound_in_or_ignored(void **state)
{
    fixture *f = (fixture *)*state;
    uint8_t bytes[500];
    fill(&f->random, bytes, sizeof bytes);
    encode(f, pbase_bytes_of(bytes, sizeof bytes));
    f->back.size = 0;

    pbase_status status =
        pbase_transform_decode(f->transform, pbase_buffer_view(&f->coded),
                               pbase_bytes_text("another place"), sizeof bytes, &f->back, &f->err);

    assert_int_equal(status, f->subject->is_authenticating ? PBASE_CORRUPT : PBASE_OK);
}

/* ------------------------------------------------------------------------------------ limits --- */

static void the_size_limit_holds_exactly_and_before_memory_is_taken(void **state)
{
    fixture *f = (fixture *)*state;
    static const size_t sizes[] = {1, 100, 5000, 1u << 20};
    uint8_t *bytes = (uint8_t *)calloc(1, 1u << 20);
    assert_non_null(bytes);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        fault_alloc memory;
        fault_alloc_init(&memory);
        pbase_buffer out;
        pbase_buffer_init(&out, &memory.alloc);
        encode(f, pbase_bytes_of(bytes, sizes[i]));

        pbase_status status = pbase_transform_decode(f->transform, pbase_buffer_view(&f->coded),
                                                     no_context, sizes[i] - 1, &out, &f->err);

        assert_int_equal(status, PBASE_LIMIT);
        assert_int_equal(out.size, 0);
        assert_int_equal(fault_alloc_live_bytes(&memory), 0);
        assert_int_equal(decode(f, pbase_buffer_view(&f->coded), sizes[i]), PBASE_OK);
        pbase_buffer_fini(&out);
    }
    free(bytes);
}

/* ------------------------------------------------------------------------------------ damage --- */

/* Damaged bytes, in memory of exactly their size so that a sanitizer sees the end. */
static void assert_harmless(fixture *f, const uint8_t *bytes, size_t size)
{
    uint8_t *coded = (uint8_t *)malloc(size == 0 ? 1 : size);
    assert_non_null(coded);
    if (size != 0) {
        memcpy(coded, bytes, size);
    }
    pbase_status status = decode(f, pbase_bytes_of(coded, size), INPUT_BYTES_MAX);
    free(coded);
    if (status == PBASE_OK) {
        assert_true(!f->subject->is_authenticating && f->back.size <= INPUT_BYTES_MAX);
        return;
    }
    assert_true(status == PBASE_CORRUPT || status == PBASE_FORMAT || status == PBASE_LIMIT ||
                (status == PBASE_AUTH && f->subject->is_authenticating)); /* a key of another id */
    assert_int_equal(f->back.size, 0);
}

static void truncated_output_is_refused_or_something_else(void **state)
{
    fixture *f = (fixture *)*state;
    uint8_t bytes[1500];
    for (unsigned i = 0; i < 10; i++) {
        fill(&f->random, bytes, sizeof bytes);
        encode(f, pbase_bytes_of(bytes, sizeof bytes));
        for (size_t size = 0; size < f->coded.size; size++) {
            assert_harmless(f, f->coded.data, size);
            assert_false(pbase_bytes_equal(pbase_buffer_view(&f->back),
                                           pbase_bytes_of(bytes, sizeof bytes)));
        }
    }
}

static void no_flipped_bit_does_harm(void **state)
{
    fixture *f = (fixture *)*state;
    uint8_t bytes[700];
    for (unsigned i = 0; i < 10; i++) {
        fill(&f->random, bytes, sizeof bytes);
        encode(f, pbase_bytes_of(bytes, sizeof bytes));
        for (size_t bit = 0; bit < 8 * f->coded.size; bit++) {
            f->coded.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_harmless(f, f->coded.data, f->coded.size);
            f->coded.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void garbage_does_no_harm(void **state)
{
    fixture *f = (fixture *)*state;
    uint8_t bytes[64];
    for (unsigned i = 0; i < 20000; i++) {
        size_t size = seed_below(&f->random, sizeof bytes);
        seed_fill(&f->random, bytes, size);
        assert_harmless(f, bytes, size);
    }
}

/* ------------------------------------------------------------------------- memory and threads --- */

static void lack_of_memory_is_reported_and_leaks_nothing(void **state)
{
    fixture *f = (fixture *)*state;
    uint8_t bytes[3000];
    memset(bytes, 'm', sizeof bytes);
    pbase_bytes in = pbase_bytes_of(bytes, sizeof bytes);
    for (uint64_t n = 1;; n++) {
        pbase_transform *transform = NULL;
        pbase_buffer coded, back;
        uint64_t live = fault_alloc_live_bytes(&f->memory);
        pbase_buffer_init(&coded, &f->memory.alloc);
        pbase_buffer_init(&back, &f->memory.alloc);
        fault_alloc_fail_at(&f->memory, n);

        pbase_status status = subject_open(f, &transform);
        if (status == PBASE_OK) {
            status = pbase_transform_encode(transform, in, no_context, &coded, &f->err);
        }
        if (status == PBASE_OK) {
            status = pbase_transform_decode(transform, pbase_buffer_view(&coded), no_context,
                                            sizeof bytes, &back, &f->err);
        }
        bool has_failed = fault_alloc_has_failed(&f->memory);

        assert_int_equal(status, has_failed ? PBASE_NO_MEMORY : PBASE_OK);
        assert_true(has_failed || pbase_bytes_equal(pbase_buffer_view(&back), in));
        fault_alloc_fail_at(&f->memory, 0);
        pbase_buffer_fini(&coded);
        pbase_buffer_fini(&back);
        pbase_transform_close(transform);
        assert_int_equal(fault_alloc_live_bytes(&f->memory), live);
        if (!has_failed) {
            return;
        }
    }
}

typedef struct {
    pbase_transform *transform;
    seed_random random;
    unsigned failures;
} worker;

static void worker_run(void *state)
{
    worker *w = (worker *)state;
    pbase_buffer coded, back;
    uint8_t bytes[4000];
    pbase_buffer_init(&coded, pbase_alloc_default());
    pbase_buffer_init(&back, pbase_alloc_default());
    for (unsigned i = 0; i < 1000; i++) {
        pbase_bytes in = pbase_bytes_of(bytes, seed_below(&w->random, sizeof bytes));
        fill(&w->random, bytes, in.size);
        coded.size = back.size = 0;
        bool same =
            pbase_transform_encode(w->transform, in, no_context, &coded, NULL) == PBASE_OK &&
            pbase_transform_decode(w->transform, pbase_buffer_view(&coded), no_context, in.size,
                                   &back, NULL) == PBASE_OK &&
            pbase_bytes_equal(pbase_buffer_view(&back), in);
        w->failures += !same;
    }
    pbase_buffer_fini(&coded);
    pbase_buffer_fini(&back);
}

static void four_threads_share_one_transform(void **state)
{
    fixture *f = (fixture *)*state;
    const pbase_os *os = pbase_os_real();
    pbase_os_thread *threads[THREADS];
    worker workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker){.transform = f->transform};
        seed_random_init(&workers[i].random, seed_next(&f->random));
        assert_int_equal(
            os->thread->start(os, "worker", worker_run, &workers[i], &threads[i], NULL), PBASE_OK);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        os->thread->join(threads[i]);
        assert_int_equal(workers[i].failures, 0);
    }
}

/* -------------------------------------------------------------------------------------- table --- */

static void its_table_passes_the_check(void **state)
{
    fixture *f = (fixture *)*state;
    assert_int_equal(pbase_transform_check(f->transform->vtable, &f->err), PBASE_OK);
    assert_int_equal(f->transform->vtable->stage, f->subject->stage);
    pbase_transform_close(NULL);
}

#define SUITE_TEST(test)                                                                           \
    {                                                                                              \
#test, test, set_up, tear_down, &with                                                      \
    }

int transform_suite_run(const transform_subject *subject)
{
    start with = {.subject = subject, .seed = seed_for(subject->name)};
    const struct CMUnitTest tests[] = {
        SUITE_TEST(its_table_passes_the_check),
        SUITE_TEST(inputs_of_every_small_size_come_back),
        SUITE_TEST(random_inputs_come_back),
        SUITE_TEST(a_large_input_comes_back),
        SUITE_TEST(the_same_input_gives_the_same_output),
        SUITE_TEST(both_ways_append_to_what_the_buffer_holds),
        SUITE_TEST(the_context_is_bound_in_or_ignored),
        SUITE_TEST(the_size_limit_holds_exactly_and_before_memory_is_taken),
        SUITE_TEST(truncated_output_is_refused_or_something_else),
        SUITE_TEST(no_flipped_bit_does_harm),
        SUITE_TEST(garbage_does_no_harm),
        SUITE_TEST(lack_of_memory_is_reported_and_leaks_nothing),
        SUITE_TEST(four_threads_share_one_transform),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}
