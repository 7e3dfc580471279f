#include "serializer_suite.h"
#include "fault_alloc.h"
#include "os/os.h"
#include "random_value.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RANDOM_VALUES 100000u
#define RANDOM_VALUES_PER_THREAD 5000u
#define THREADS 4u
#define DAMAGED_VALUES 60u
#define GARBAGE_INPUTS 20000u

/* One opened subject and the memory of one test. */
typedef struct {
    const serializer_subject *subject;
    fault_alloc memory;
    pbase_host host;
    pbase_serializer *serializer;
    pbase_arena arena; /* of values */
    pbase_buffer bytes;
    pbase_error err;
    seed_random random;
} fixture;

static pbase_status subject_open(fixture *f, pbase_serializer **out)
{
    pbase_component_open open = {.struct_size = sizeof open, .host = &f->host, .data_hint = "test"};
    void *made = NULL;
    pbase_status status = f->subject->open(&open, &made, &f->err);
    *out = (pbase_serializer *)made;
    return status;
}

static void fixture_init(fixture *f, const serializer_subject *subject)
{
    memset(f, 0, sizeof *f);
    f->subject = subject;
    fault_alloc_init(&f->memory);
    f->host = (pbase_host){.struct_size = sizeof f->host,
                           .abi_major = PBASE_ABI_MAJOR,
                           .abi_minor = PBASE_ABI_MINOR,
                           .alloc = &f->memory.alloc};
    pbase_arena_init(&f->arena, pbase_alloc_default());
    pbase_buffer_init(&f->bytes, pbase_alloc_default());
    pbase_error_init(&f->err);
    assert_int_equal(subject_open(f, &f->serializer), PBASE_OK);
}

static void fixture_fini(fixture *f)
{
    pbase_serializer_close(f->serializer);
    pbase_buffer_fini(&f->bytes);
    pbase_arena_fini(&f->arena);
    assert_int_equal(fault_alloc_live_bytes(&f->memory), 0);
}

/* What a test is started with. */
typedef struct {
    const serializer_subject *subject;
    uint64_t seed;
} start;

static int set_up(void **state)
{
    const start *with = (const start *)*state;
    fixture *f = (fixture *)malloc(sizeof *f);
    assert_non_null(f);
    fixture_init(f, with->subject);
    seed_random_init(&f->random, with->seed);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = (fixture *)*state;
    fixture_fini(f);
    free(f);
    return 0;
}

static bool carries(const serializer_subject *subject, const pbase_value *value)
{
    if ((subject->kinds >> value->kind & 1u) == 0) {
        return false;
    }
    bool carried = true;
    for (size_t i = 0; value->kind == PBASE_LIST && i < value->as.list.count; i++) {
        carried = carried && carries(subject, &value->as.list.items[i]);
    }
    for (size_t i = 0; value->kind == PBASE_MAP && i < value->as.map.count; i++) {
        carried = carried && carries(subject, &value->as.map.fields[i].value);
    }
    return carried;
}

/* A random value that the subject carries. */
static pbase_value any_value(fixture *f, unsigned depth, unsigned items)
{
    for (;;) {
        random_value_options options = {
            .depth_max = depth, .items_max = items, .with_child = depth > 0};
        pbase_value value = random_value(&f->random, &options, &f->arena);
        if (carries(f->subject, &value)) {
            return value;
        }
    }
}

static void encode(fixture *f, const pbase_value *value)
{
    f->bytes.size = 0;
    pbase_status status = pbase_serializer_encode(f->serializer, value, &f->bytes, &f->err);
    if (status != PBASE_OK) {
        fail_msg("%s cannot encode %s: %s", f->subject->name, pbase_value_type_name(value),
                 f->err.message);
    }
}

static pbase_status decode(fixture *f, pbase_bytes bytes, pbase_value *out)
{
    return pbase_serializer_decode(f->serializer, bytes, NULL, &f->arena, out, &f->err);
}

static void assert_round_trip(fixture *f, const pbase_value *value)
{
    pbase_value back;
    encode(f, value);
    if (decode(f, pbase_buffer_view(&f->bytes), &back) != PBASE_OK) {
        fail_msg("%s cannot decode what it encoded: %s (%s)", f->subject->name, f->err.message,
                 f->err.where);
    }
    if (!pbase_value_identical(value, &back)) {
        fail_msg("%s changes a value of kind %s: %.*s", f->subject->name,
                 pbase_value_type_name(value), (int)(f->bytes.size < 200 ? f->bytes.size : 200),
                 (const char *)f->bytes.data);
    }
}

/* ------------------------------------------------------------------------------- round trips --- */

static const int64_t edge_ints[] = {0,
                                    1,
                                    -1,
                                    31,
                                    32,
                                    -32,
                                    -33,
                                    127,
                                    128,
                                    -128,
                                    -129,
                                    255,
                                    256,
                                    32767,
                                    32768,
                                    -32768,
                                    -32769,
                                    65535,
                                    65536,
                                    INT32_MAX,
                                    INT32_MIN,
                                    INT64_C(2147483648),
                                    INT64_C(-2147483649),
                                    UINT32_MAX,
                                    INT64_C(4294967296),
                                    (INT64_C(1) << 53) + 1,
                                    -(INT64_C(1) << 53) - 1,
                                    INT64_MAX,
                                    INT64_MIN};
static const double edge_floats[] = {0.0,
                                     -0.0,
                                     1.0,
                                     -1.0,
                                     0.1,
                                     1e15,
                                     1e16,
                                     1e17,
                                     123e16,
                                     1e21,
                                     1e22,
                                     1e300,
                                     1e-5,
                                     1e-6,
                                     1e-7,
                                     0x1p53,
                                     0x1p63,
                                     -0x1p63,
                                     0x1p64,
                                     DBL_MAX,
                                     -DBL_MAX,
                                     DBL_MIN,
                                     0x1p-1074,
                                     0.3,
                                     2.5e-310,
                                     (double)INFINITY,
                                     (double)-INFINITY,
                                     (double)NAN};
static const int64_t edge_times[] = {0,
                                     1,
                                     -1,
                                     999999999,
                                     1000000000,
                                     -999999999,
                                     -1000000000,
                                     -1000000001,
                                     INT64_C(4294967295000000000),
                                     INT64_C(4294967296000000000),
                                     INT64_C(17179869184) * 500000000,
                                     INT64_C(1700000000123456789),
                                     INT64_MAX,
                                     INT64_MIN,
                                     INT64_MIN + 1};
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void check_if_carried(fixture *f, pbase_value value)
{
    if (carries(f->subject, &value)) {
        assert_round_trip(f, &value);
    }
}

static void every_number_comes_back_unchanged(void **state)
{
    fixture *f = (fixture *)*state;
    for (size_t i = 0; i < COUNT_OF(edge_ints); i++) {
        check_if_carried(f, pbase_value_int(edge_ints[i]));
    }
    for (size_t i = 0; i < COUNT_OF(edge_floats); i++) {
        check_if_carried(f, pbase_value_float(edge_floats[i]));
    }
    for (size_t i = 0; i < COUNT_OF(edge_times); i++) {
        check_if_carried(f, pbase_value_timestamp(edge_times[i]));
    }
    check_if_carried(f, pbase_value_null());
    check_if_carried(f, pbase_value_bool(true));
    check_if_carried(f, pbase_value_bool(false));
}

static void every_text_comes_back_unchanged(void **state)
{
    fixture *f = (fixture *)*state;
    static const pbase_bytes texts[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"\0", 1},
        {(const uint8_t *)"a\0b", 3},
        {(const uint8_t *)"\x01\x1f \x7f", 4},
        {(const uint8_t *)"\"\\/\b\f\n\r\t", 8},
        {(const uint8_t *)"\xc2\x80\xdf\xbf", 4},
        {(const uint8_t *)"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12},
        {(const uint8_t *)"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8},
        {(const uint8_t *)"$bytes", 6},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        check_if_carried(f, pbase_value_string(texts[i]));
        check_if_carried(f, pbase_value_bytes(texts[i]));
        pbase_field field = {.name = texts[i], .value = pbase_value_string(texts[i])};
        check_if_carried(f, pbase_value_map(&field, 1));
    }
    static const size_t sizes[] = {31, 32, 255, 256, 65535, 65536, 1000000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint8_t *text = (uint8_t *)pbase_arena_alloc(&f->arena, sizes[i]);
        memset(text, 'x', sizes[i]);
        check_if_carried(f, pbase_value_string(pbase_bytes_of(text, sizes[i])));
        seed_fill(&f->random, text, sizes[i]);
        check_if_carried(f, pbase_value_bytes(pbase_bytes_of(text, sizes[i])));
    }
}

static void vectors_references_and_children_come_back_unchanged(void **state)
{
    fixture *f = (fixture *)*state;
    static const float items[] = {0.0f,     -0.0f,    1.0f,      0.1f,        FLT_MAX,
                                  -FLT_MAX, FLT_MIN,  0x1p-149f, 16777217.0f, 3.4e38f,
                                  NAN,      INFINITY, -INFINITY};
    for (size_t count = 0; count <= COUNT_OF(items); count++) {
        check_if_carried(f, pbase_value_vector(items, count));
    }
    pbase_object_id id = {{0xff, 0, 1, 0x7f, 0x80}};
    check_if_carried(f, pbase_value_reference(id));
    check_if_carried(f, pbase_value_child(0));
    check_if_carried(f, pbase_value_child(PBASE_CHILDREN_MAX - 1));
}

static void containers_of_every_size_come_back_unchanged(void **state)
{
    fixture *f = (fixture *)*state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 24, 25, 255, 256, 65535, 65536, 100000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t count = sizes[i];
        pbase_value *items = (pbase_value *)pbase_arena_array(&f->arena, count, sizeof *items);
        pbase_field *fields = (pbase_field *)pbase_arena_array(&f->arena, count, sizeof *fields);
        for (size_t k = 0; k < count; k++) {
            char name[24];
            int size = snprintf(name, sizeof name, "f%zu", k);
            items[k] = pbase_value_int((int64_t)k);
            fields[k].value = items[k];
            assert_int_equal(pbase_arena_copy(&f->arena, pbase_bytes_of(name, (size_t)size),
                                              &fields[k].name, NULL),
                             PBASE_OK);
        }
        check_if_carried(f, pbase_value_list(items, count));
        check_if_carried(f, pbase_value_map(fields, count));
    }
}

static void maps_that_look_like_escapes_come_back_unchanged(void **state)
{
    fixture *f = (fixture *)*state;
    static const char *const names[] = {"$bytes",  "$time",       "$float", "$vec", "$ref",  "$map",
                                        "$object", "$collection", "$child", "$",    "$other"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        pbase_field inner = {pbase_bytes_text(names[i]), pbase_value_text("nan")};
        pbase_field outer = {pbase_bytes_text("$map"), pbase_value_map(&inner, 1)};
        pbase_field two[] = {inner, {pbase_bytes_text("second"), pbase_value_null()}};
        check_if_carried(f, pbase_value_map(&inner, 1));
        check_if_carried(f, pbase_value_map(&outer, 1));
        check_if_carried(f, pbase_value_map(two, 2));
    }
}

static void random_values_come_back_unchanged_from_the_same_bytes(void **state)
{
    fixture *f = (fixture *)*state;
    pbase_buffer again;
    pbase_buffer_init(&again, pbase_alloc_default());
    for (unsigned i = 0; i < RANDOM_VALUES; i++) {
        pbase_arena_reset(&f->arena);
        pbase_value value = any_value(f, i % 16 == 0 ? 4 : 1, 6), back;
        assert_round_trip(f, &value);

        assert_int_equal(decode(f, pbase_buffer_view(&f->bytes), &back), PBASE_OK);
        again.size = 0;
        assert_int_equal(pbase_serializer_encode(f->serializer, &back, &again, &f->err), PBASE_OK);

        assert_true(pbase_bytes_equal(pbase_buffer_view(&f->bytes), pbase_buffer_view(&again)));
    }
    pbase_buffer_fini(&again);
}

static void encoding_appends_and_a_failure_leaves_the_buffer_as_it_was(void **state)
{
    fixture *f = (fixture *)*state;
    pbase_value value = any_value(f, 0, 10), foreign = pbase_value_null();
    encode(f, &value);
    size_t size = f->bytes.size;

    assert_int_equal(pbase_serializer_encode(f->serializer, &value, &f->bytes, &f->err), PBASE_OK);

    assert_int_equal(f->bytes.size, 2 * size);
    assert_true(size == 0 || memcmp(f->bytes.data, f->bytes.data + size, size) == 0);
    foreign.kind = PBASE_CHILD + 1;
    assert_int_equal(pbase_serializer_encode(f->serializer, &foreign, &f->bytes, &f->err),
                     PBASE_INVALID);
    assert_int_equal(f->bytes.size, 2 * size);
}

static void kinds_that_it_does_not_carry_are_unsupported_with_a_hint(void **state)
{
    fixture *f = (fixture *)*state;
    pbase_object_id id = {{0}};
    pbase_value values[] = {
        pbase_value_null(),          pbase_value_bool(true),    pbase_value_int(1),
        pbase_value_float(1),        pbase_value_text("text"),  pbase_value_bytes((pbase_bytes){0}),
        pbase_value_timestamp(0),    pbase_value_list(NULL, 0), pbase_value_map(NULL, 0),
        pbase_value_vector(NULL, 0), pbase_value_reference(id), pbase_value_child(0),
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        if (carries(f->subject, &values[i])) {
            assert_round_trip(f, &values[i]);
            continue;
        }
        f->bytes.size = 0;
        assert_int_equal(pbase_serializer_encode(f->serializer, &values[i], &f->bytes, &f->err),
                         PBASE_UNSUPPORTED);
        assert_int_equal(f->bytes.size, 0);
        assert_true(f->err.hint[0] != '\0');
    }
}

/* ------------------------------------------------------------------------------------ limits --- */

/* A null within `depth` lists. */
static pbase_value nested(fixture *f, unsigned depth)
{
    pbase_value value = pbase_value_null();
    for (unsigned i = 0; i < depth; i++) {
        pbase_value *item = (pbase_value *)pbase_arena_alloc(&f->arena, sizeof *item);
        *item = value;
        value = pbase_value_list(item, 1);
    }
    return value;
}

static void nesting_is_carried_to_the_limit_and_refused_past_it(void **state)
{
    fixture *f = (fixture *)*state;
    pbase_value deepest = nested(f, PBASE_DEPTH_MAX), too_deep = nested(f, PBASE_DEPTH_MAX + 1);
    if (!carries(f->subject, &deepest)) {
        return;
    }
    assert_round_trip(f, &deepest);

    pbase_decode_limits limits = pbase_decode_limits_default();
    limits.depth_max = PBASE_DEPTH_MAX - 1;
    pbase_value back;
    assert_int_equal(pbase_serializer_decode(f->serializer, pbase_buffer_view(&f->bytes), &limits,
                                             &f->arena, &back, &f->err),
                     PBASE_LIMIT);
    f->bytes.size = 0;
    assert_int_equal(f->serializer->vtable->encode(f->serializer, &too_deep, &f->bytes, &f->err),
                     PBASE_LIMIT);
}

static void the_number_of_values_is_limited_exactly(void **state)
{
    fixture *f = (fixture *)*state;
    pbase_value items[9], inner[3], back;
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        items[i] = pbase_value_null();
    }
    inner[0] = inner[1] = inner[2] = pbase_value_bool(true);
    items[4] = pbase_value_list(inner, 3);
    pbase_value list = pbase_value_list(items, COUNT_OF(items));
    if (!carries(f->subject, &list)) {
        return;
    }
    encode(f, &list);
    pbase_decode_limits limits = pbase_decode_limits_default();
    for (limits.nodes_max = 0; limits.nodes_max < 20; limits.nodes_max++) {
        pbase_status status = pbase_serializer_decode(f->serializer, pbase_buffer_view(&f->bytes),
                                                      &limits, &f->arena, &back, &f->err);
        assert_int_equal(status, limits.nodes_max < 1 + 9 + 3 ? PBASE_LIMIT : PBASE_OK);
    }
}

static void decoding_takes_no_more_memory_than_it_may(void **state)
{
    fixture *f = (fixture *)*state;
    enum { ITEMS = 100000, BYTES_MAX = 65536 };
    pbase_value *items = (pbase_value *)pbase_arena_array(&f->arena, ITEMS, sizeof *items), back;
    for (size_t i = 0; i < ITEMS; i++) {
        items[i] = pbase_value_null();
    }
    pbase_value list = pbase_value_list(items, ITEMS);
    if (!carries(f->subject, &list)) {
        return;
    }
    encode(f, &list);
    fault_alloc memory;
    fault_alloc_init(&memory);
    pbase_arena arena;
    pbase_arena_init(&arena, &memory.alloc);
    pbase_decode_limits limits = pbase_decode_limits_default();
    limits.bytes_max = BYTES_MAX;

    pbase_status status = pbase_serializer_decode(f->serializer, pbase_buffer_view(&f->bytes),
                                                  &limits, &arena, &back, &f->err);

    assert_int_equal(status, PBASE_LIMIT);
    assert_true(fault_alloc_live_bytes(&memory) <= 2u * BYTES_MAX);
    pbase_arena_fini(&arena);
}

/* ------------------------------------------------------------------------------------ damage --- */

/* Decodes foreign bytes: an error, or a value that is valid and comes back from new bytes. */
static void assert_harmless(fixture *f, pbase_bytes bytes)
{
    pbase_value value, back;
    pbase_error_init(&f->err);
    pbase_status status = decode(f, bytes, &value);
    if (status != PBASE_OK) {
        assert_true(f->err.message[0] != '\0');
        assert_true(status != PBASE_INVALID || f->err.where[0] != '\0');
        return;
    }
    assert_int_equal(pbase_value_check(&value, &f->err), PBASE_OK);
    f->bytes.size = 0;
    assert_int_equal(pbase_serializer_encode(f->serializer, &value, &f->bytes, &f->err), PBASE_OK);
    assert_int_equal(decode(f, pbase_buffer_view(&f->bytes), &back), PBASE_OK);
    assert_true(pbase_value_identical(&value, &back));
}

/* The bytes of a random value, in memory of exactly their size so that a sanitizer sees the end. */
static uint8_t *damageable_bytes(fixture *f, size_t *out_size)
{
    pbase_value value = any_value(f, 3, 5);
    encode(f, &value);
    uint8_t *bytes = (uint8_t *)malloc(f->bytes.size + 1);
    assert_non_null(bytes);
    if (f->bytes.size != 0) {
        memcpy(bytes, f->bytes.data, f->bytes.size);
    }
    *out_size = f->bytes.size;
    return bytes;
}

static void truncated_bytes_are_refused_or_another_value(void **state)
{
    fixture *f = (fixture *)*state;
    for (unsigned i = 0; i < DAMAGED_VALUES; i++) {
        pbase_arena_reset(&f->arena);
        size_t size = 0;
        uint8_t *bytes = damageable_bytes(f, &size);
        pbase_value whole, part;
        assert_int_equal(decode(f, pbase_bytes_of(bytes, size), &whole), PBASE_OK);
        for (size_t length = 0; length < size; length++) {
            uint8_t *cut = (uint8_t *)malloc(length == 0 ? 1 : length);
            assert_non_null(cut);
            memcpy(cut, bytes, length);
            assert_harmless(f, pbase_bytes_of(cut, length));
            if (decode(f, pbase_bytes_of(cut, length), &part) == PBASE_OK) {
                assert_false(pbase_value_identical(&whole, &part));
            }
            free(cut);
        }
        free(bytes);
    }
}

static void no_flipped_bit_does_harm(void **state)
{
    fixture *f = (fixture *)*state;
    for (unsigned i = 0; i < DAMAGED_VALUES; i++) {
        size_t size = 0;
        uint8_t *bytes = damageable_bytes(f, &size);
        for (size_t bit = 0; bit < 8 * size; bit++) {
            pbase_arena_reset(&f->arena);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_harmless(f, pbase_bytes_of(bytes, size));
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        free(bytes);
    }
}

static void garbage_is_refused_with_a_place(void **state)
{
    fixture *f = (fixture *)*state;
    unsigned refused = 0;
    for (unsigned i = 0; i < GARBAGE_INPUTS; i++) {
        uint8_t bytes[40];
        size_t size = seed_below(&f->random, sizeof bytes);
        pbase_arena_reset(&f->arena);
        seed_fill(&f->random, bytes, size);
        assert_harmless(f, pbase_bytes_of(bytes, size));
        refused += f->err.code != PBASE_OK;
    }
    assert_int_equal(refused > GARBAGE_INPUTS / 2, f->subject->describes_itself);
}

/* ------------------------------------------------------------------------- memory and threads --- */

static void lack_of_memory_is_reported_and_leaks_nothing(void **state)
{
    fixture *f = (fixture *)*state;
    pbase_value value = any_value(f, 3, 8);
    for (uint64_t n = 1;; n++) {
        pbase_serializer *serializer = NULL;
        pbase_buffer bytes;
        pbase_arena arena;
        pbase_value back = pbase_value_null();
        uint64_t live = fault_alloc_live_bytes(&f->memory);
        pbase_buffer_init(&bytes, &f->memory.alloc);
        pbase_arena_init(&arena, &f->memory.alloc);
        fault_alloc_fail_at(&f->memory, n);

        pbase_status status = subject_open(f, &serializer);
        if (status == PBASE_OK) {
            status = pbase_serializer_encode(serializer, &value, &bytes, &f->err);
        }
        if (status == PBASE_OK) {
            status = pbase_serializer_decode(serializer, pbase_buffer_view(&bytes), NULL, &arena,
                                             &back, &f->err);
        }
        bool has_failed = fault_alloc_has_failed(&f->memory);

        assert_int_equal(status, has_failed ? PBASE_NO_MEMORY : PBASE_OK);
        assert_true(has_failed || pbase_value_identical(&value, &back));
        fault_alloc_fail_at(&f->memory, 0);
        pbase_arena_fini(&arena);
        pbase_buffer_fini(&bytes);
        pbase_serializer_close(serializer);
        assert_int_equal(fault_alloc_live_bytes(&f->memory), live);
        if (!has_failed) {
            return;
        }
    }
}

typedef struct {
    fixture own; /* arena, buffer and random numbers; the serializer is shared */
    unsigned failures;
} worker;

static void worker_run(void *state)
{
    worker *w = (worker *)state;
    fixture *f = &w->own;
    for (unsigned i = 0; i < RANDOM_VALUES_PER_THREAD; i++) {
        pbase_arena_reset(&f->arena);
        pbase_value value = any_value(f, 2, 6), back = pbase_value_null();
        f->bytes.size = 0;
        bool same =
            pbase_serializer_encode(f->serializer, &value, &f->bytes, &f->err) == PBASE_OK &&
            decode(f, pbase_buffer_view(&f->bytes), &back) == PBASE_OK &&
            pbase_value_identical(&value, &back);
        w->failures += !same;
    }
}

static void four_threads_share_one_serializer(void **state)
{
    fixture *f = (fixture *)*state;
    const pbase_os *os = pbase_os_real();
    pbase_os_thread *threads[THREADS];
    worker *workers = (worker *)calloc(THREADS, sizeof *workers);
    assert_non_null(workers);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].own.subject = f->subject;
        workers[i].own.serializer = f->serializer;
        pbase_arena_init(&workers[i].own.arena, pbase_alloc_default());
        pbase_buffer_init(&workers[i].own.bytes, pbase_alloc_default());
        seed_random_init(&workers[i].own.random, seed_next(&f->random));
        assert_int_equal(
            os->thread->start(os, "worker", worker_run, &workers[i], &threads[i], NULL), PBASE_OK);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        os->thread->join(threads[i]);
        assert_int_equal(workers[i].failures, 0);
        pbase_buffer_fini(&workers[i].own.bytes);
        pbase_arena_fini(&workers[i].own.arena);
    }
    free(workers);
}

/* ----------------------------------------------------------------------------------- extract --- */

enum { PATHS = 70, STEPS = 5 };

typedef struct {
    pbase_path paths[PATHS];
    pbase_path_step steps[PATHS][STEPS];
    pbase_value found[PATHS];
} path_picks;

/* A step that leads somewhere in `value`, or now and then nowhere. */
static pbase_path_step any_step(fixture *f, const pbase_value *value)
{
    pbase_path_step step = {.name = {NULL, 0}, .index = (int64_t)seed_below(&f->random, 5) - 2};
    if (value->kind == PBASE_MAP && value->as.map.count > 0 && seed_below(&f->random, 8) != 0) {
        step.name = value->as.map.fields[seed_below(&f->random, value->as.map.count)].name;
    } else if (value->kind != PBASE_LIST && seed_below(&f->random, 2) == 0) {
        step.name = pbase_bytes_text("no such field");
    }
    return step;
}

static const pbase_value *step_down(const pbase_value *value, const pbase_path_step *step)
{
    if (step->name.data != NULL) {
        return pbase_value_field(value, step->name);
    }
    int64_t count = value->kind == PBASE_LIST ? (int64_t)value->as.list.count : 0;
    int64_t index = step->index < 0 ? step->index + count : step->index;
    return index >= 0 && index < count ? &value->as.list.items[index] : NULL;
}

/* Fills a random path into `value`; returns what it leads to, NULL for nothing. */
static const pbase_value *pick_path(fixture *f, path_picks *picks, size_t i,
                                    const pbase_value *value)
{
    size_t count = seed_below(&f->random, STEPS);
    picks->paths[i] = (pbase_path){.steps = picks->steps[i], .count = count};
    for (size_t k = 0; k < count; k++) {
        picks->steps[i][k] =
            value != NULL ? any_step(f, value) : (pbase_path_step){pbase_bytes_text("x"), 0};
        value = value != NULL ? step_down(value, &picks->steps[i][k]) : NULL;
    }
    return value;
}

static void extract_gives_what_decode_and_a_walk_give(void **state)
{
    fixture *f = (fixture *)*state;
    path_picks picks;
    for (unsigned i = 0; i < 3000; i++) {
        pbase_arena_reset(&f->arena);
        pbase_value value = any_value(f, 4, 6);
        const pbase_value *expected[PATHS];
        size_t count = i % 50 == 0 ? PATHS : seed_below(&f->random, 6);
        encode(f, &value);
        for (size_t k = 0; k < count; k++) {
            expected[k] = pick_path(f, &picks, k, &value);
        }

        assert_int_equal(pbase_serializer_extract(f->serializer, pbase_buffer_view(&f->bytes),
                                                  picks.paths, count, &f->arena, picks.found,
                                                  &f->err),
                         PBASE_OK);

        for (size_t k = 0; k < count; k++) {
            assert_int_equal(picks.found[k].kind == PBASE_VALUE_MISSING, expected[k] == NULL);
            assert_true(expected[k] == NULL || pbase_value_identical(&picks.found[k], expected[k]));
        }
    }
}

static void extract_of_damaged_bytes_does_no_harm(void **state)
{
    fixture *f = (fixture *)*state;
    path_picks picks;
    for (unsigned i = 0; i < DAMAGED_VALUES; i++) {
        pbase_arena_reset(&f->arena);
        pbase_value value = any_value(f, 3, 5);
        encode(f, &value);
        for (size_t k = 0; k < 4; k++) {
            (void)pick_path(f, &picks, k, &value); /* where it leads is no matter */
        }
        for (size_t bit = 0; bit < 8 * f->bytes.size; bit++) {
            f->bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            pbase_status status =
                pbase_serializer_extract(f->serializer, pbase_buffer_view(&f->bytes), picks.paths,
                                         4, &f->arena, picks.found, &f->err);
            for (size_t k = 0; k < 4 && status == PBASE_OK; k++) {
                assert_true(picks.found[k].kind == PBASE_VALUE_MISSING ||
                            pbase_value_check(&picks.found[k], &f->err) == PBASE_OK);
            }
            f->bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/* -------------------------------------------------------------------------------------- table --- */

static void its_table_passes_the_check(void **state)
{
    fixture *f = (fixture *)*state;
    assert_int_equal(pbase_serializer_check(f->serializer->vtable, &f->err), PBASE_OK);
    pbase_serializer_close(NULL);
}

#define SUITE_TEST(test)                                                                           \
    {                                                                                              \
#test, test, set_up, tear_down, &with                                                      \
    }

int serializer_suite_run(const serializer_subject *subject)
{
    start with = {.subject = subject, .seed = seed_for(subject->name)};
    const struct CMUnitTest tests[] = {
        SUITE_TEST(its_table_passes_the_check),
        SUITE_TEST(every_number_comes_back_unchanged),
        SUITE_TEST(every_text_comes_back_unchanged),
        SUITE_TEST(vectors_references_and_children_come_back_unchanged),
        SUITE_TEST(containers_of_every_size_come_back_unchanged),
        SUITE_TEST(maps_that_look_like_escapes_come_back_unchanged),
        SUITE_TEST(random_values_come_back_unchanged_from_the_same_bytes),
        SUITE_TEST(encoding_appends_and_a_failure_leaves_the_buffer_as_it_was),
        SUITE_TEST(kinds_that_it_does_not_carry_are_unsupported_with_a_hint),
        SUITE_TEST(nesting_is_carried_to_the_limit_and_refused_past_it),
        SUITE_TEST(the_number_of_values_is_limited_exactly),
        SUITE_TEST(decoding_takes_no_more_memory_than_it_may),
        SUITE_TEST(truncated_bytes_are_refused_or_another_value),
        SUITE_TEST(no_flipped_bit_does_harm),
        SUITE_TEST(garbage_is_refused_with_a_place),
        SUITE_TEST(lack_of_memory_is_reported_and_leaks_nothing),
        SUITE_TEST(four_threads_share_one_serializer),
        SUITE_TEST(extract_gives_what_decode_and_a_walk_give),
        SUITE_TEST(extract_of_damaged_bytes_does_no_harm),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}
