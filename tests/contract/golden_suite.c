#include "golden_suite.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#define FILE_BYTES_MAX 65536u
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static pbase_value copied(pbase_value value, pbase_arena *arena)
{
    pbase_value copy;
    assert_int_equal(pbase_value_copy(&value, arena, &copy, NULL), PBASE_OK);
    return copy;
}

static pbase_value list_of(const pbase_value *items, size_t count, pbase_arena *arena)
{
    return copied(pbase_value_list(items, count), arena);
}

static pbase_value ints(pbase_arena *arena)
{
    const pbase_value items[] = {
        pbase_value_int(0),         pbase_value_int(-1),
        pbase_value_int(127),       pbase_value_int(128),
        pbase_value_int(-33),       pbase_value_int(INT64_C(9007199254740993)),
        pbase_value_int(INT64_MAX), pbase_value_int(INT64_MIN),
    };
    return list_of(items, COUNT_OF(items), arena);
}

static pbase_value floats(pbase_arena *arena)
{
    const pbase_value items[] = {
        pbase_value_float(0.0),
        pbase_value_float(-0.0),
        pbase_value_float(0.1),
        pbase_value_float(1e300),
        pbase_value_float(DBL_MAX),
        pbase_value_float(0x1p-1074),
        pbase_value_float((double)NAN),
        pbase_value_float((double)INFINITY),
        pbase_value_float((double)-INFINITY),
    };
    return list_of(items, COUNT_OF(items), arena);
}

static pbase_value texts(pbase_arena *arena)
{
    const pbase_value items[] = {
        pbase_value_text(""),
        pbase_value_string(pbase_bytes_of("a\0b", 3)),
        pbase_value_text("\"\\/\b\f\n\r\t\x01\x7f"),
        pbase_value_text("h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
        pbase_value_bytes(pbase_bytes_of("", 0)),
        pbase_value_bytes(pbase_bytes_of("\x00\xff\x80", 3)),
    };
    return list_of(items, COUNT_OF(items), arena);
}

static pbase_value times(pbase_arena *arena)
{
    const pbase_value items[] = {
        pbase_value_timestamp(0),
        pbase_value_timestamp(-1),
        pbase_value_timestamp(INT64_C(1700000000123456789)),
        pbase_value_timestamp(INT64_MAX),
        pbase_value_timestamp(INT64_MIN),
    };
    return list_of(items, COUNT_OF(items), arena);
}

static pbase_value others(pbase_arena *arena)
{
    static const float numbers[] = {0.0f, -0.0f, 0.1f, FLT_MAX, 0x1p-149f, NAN, INFINITY};
    pbase_object_id id;
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        id.bytes[i] = (uint8_t)(i * 17);
    }
    const pbase_value items[] = {
        pbase_value_null(),          pbase_value_bool(false),
        pbase_value_bool(true),      pbase_value_vector(numbers, COUNT_OF(numbers)),
        pbase_value_vector(NULL, 0), pbase_value_reference(id),
        pbase_value_child(0),        pbase_value_child(PBASE_CHILDREN_MAX - 1),
    };
    return list_of(items, COUNT_OF(items), arena);
}

static pbase_value containers(pbase_arena *arena)
{
    const pbase_field look_alike = {pbase_bytes_text("$bytes"), pbase_value_text("not bytes")};
    const pbase_field escape = {pbase_bytes_text("$map"), pbase_value_map(&look_alike, 1)};
    const pbase_value items[] = {
        pbase_value_list(NULL, 0),
        pbase_value_map(NULL, 0),
        pbase_value_map(&look_alike, 1),
        pbase_value_map(&escape, 1),
    };
    return list_of(items, COUNT_OF(items), arena);
}

pbase_value golden_value(pbase_arena *arena)
{
    const pbase_field fields[] = {
        {pbase_bytes_text("ints"), ints(arena)},
        {pbase_bytes_text("floats"), floats(arena)},
        {pbase_bytes_text("texts"), texts(arena)},
        {pbase_bytes_text("times"), times(arena)},
        {pbase_bytes_text("others"), others(arena)},
        {pbase_bytes_text("containers"), containers(arena)},
        {pbase_bytes_text(""), pbase_value_null()},
    };
    return copied(pbase_value_map(fields, COUNT_OF(fields)), arena);
}

pbase_bytes golden_file(const char *path, pbase_arena *arena)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *bytes = (uint8_t *)pbase_arena_alloc(arena, FILE_BYTES_MAX);
    assert_non_null(bytes);
    size_t size = fread(bytes, 1, FILE_BYTES_MAX, file);
    assert_int_equal(fclose(file), 0);
    assert_true(size < FILE_BYTES_MAX);
    return pbase_bytes_of(bytes, size);
}
