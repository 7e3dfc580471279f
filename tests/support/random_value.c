#include "random_value.h"
#include <math.h>

static void *memory(pbase_arena *arena, size_t count, size_t size)
{
    void *made = pbase_arena_array(arena, count, size);
    PBASE_ASSERT(made != NULL);
    return made;
}

static int64_t random_int(seed_random *random)
{
    static const int64_t edges[] = {0,
                                    1,
                                    -1,
                                    127,
                                    128,
                                    -128,
                                    -129,
                                    255,
                                    256,
                                    65535,
                                    65536,
                                    INT32_MAX,
                                    INT32_MIN,
                                    UINT32_MAX,
                                    (INT64_C(1) << 53) - 1,
                                    INT64_C(1) << 53,
                                    (INT64_C(1) << 53) + 1,
                                    -(INT64_C(1) << 53) - 1,
                                    INT64_MAX,
                                    INT64_MAX - 1,
                                    INT64_MIN,
                                    INT64_MIN + 1};
    if (seed_below(random, 3) == 0) {
        return edges[seed_below(random, sizeof edges / sizeof edges[0])];
    }
    return (int64_t)seed_next(random) >> seed_below(random, 64);
}

static double random_double(seed_random *random)
{
    static const double edges[] = {0.0,      -0.0,      1.0,     -1.0,      0.1,       0.5,
                                   0x1p53,   0x1p63,    -0x1p63, 0x1p-1074, 1.7e308,   -1.7e308,
                                   INFINITY, -INFINITY, NAN,     1e21,      123456.75, 5e-324};
    if (seed_below(random, 3) == 0) {
        return edges[seed_below(random, sizeof edges / sizeof edges[0])];
    }
    int64_t integer = random_int(random);
    if (seed_below(random, 2) == 0) {
        return (double)integer / 8;
    }
    double real;
    memcpy(&real, &integer, sizeof real); /* any bits */
    return real;
}

/* Appends one character of 1 to 4 bytes, if it fits. */
static size_t put_character(seed_random *random, uint8_t *at, size_t left)
{
    static const char *const characters[] = {"a",
                                             "Z",
                                             "0",
                                             " ",
                                             "\"",
                                             "\\",
                                             "\n",
                                             "\t",
                                             "\x7f",
                                             "\x01",
                                             "\xc3\xa9",
                                             "\xdf\xbf",
                                             "\xe2\x82\xac",
                                             "\xef\xbf\xbf",
                                             "\xed\x9f\xbf",
                                             "\xf0\x9f\x98\x80",
                                             "\xf4\x8f\xbf\xbf"};
    uint64_t pick = seed_below(random, sizeof characters / sizeof characters[0] + 1);
    if (pick == sizeof characters / sizeof characters[0]) {
        at[0] = 0; /* NUL is a character like others */
        return 1;
    }
    size_t size = strlen(characters[pick]);
    if (size > left) {
        return 0;
    }
    memcpy(at, characters[pick], size);
    return size;
}

static pbase_bytes random_text(seed_random *random, unsigned bytes_max, pbase_arena *arena)
{
    size_t wanted = seed_below(random, (uint64_t)bytes_max + 1);
    uint8_t *text = (uint8_t *)memory(arena, wanted, 1);
    size_t size = 0;
    while (size < wanted) {
        size_t added = put_character(random, text + size, wanted - size);
        if (added == 0) {
            break;
        }
        size += added;
    }
    return pbase_bytes_of(text, size);
}

static pbase_bytes random_bytes(seed_random *random, unsigned bytes_max, pbase_arena *arena)
{
    size_t size = seed_below(random, (uint64_t)bytes_max + 1);
    uint8_t *bytes = (uint8_t *)memory(arena, size, 1);
    seed_fill(random, bytes, size);
    return pbase_bytes_of(bytes, size);
}

pbase_value random_scalar(seed_random *random, unsigned bytes_max, pbase_arena *arena)
{
    pbase_object_id id;
    switch (seed_below(random, 8)) {
    case 0:
        return pbase_value_null();
    case 1:
        return pbase_value_bool(seed_below(random, 2) == 1);
    case 2:
        return pbase_value_int(random_int(random));
    case 3:
        return pbase_value_float(random_double(random));
    case 4:
        return pbase_value_string(random_text(random, bytes_max, arena));
    case 5:
        return pbase_value_bytes(random_bytes(random, bytes_max, arena));
    case 6:
        return pbase_value_timestamp(random_int(random));
    default:
        seed_fill(random, id.bytes, sizeof id.bytes);
        return pbase_value_reference(id);
    }
}

static pbase_value random_at(seed_random *random, const random_value_options *options,
                             unsigned depth, pbase_arena *arena);

static pbase_value random_list(seed_random *random, const random_value_options *options,
                               unsigned depth, pbase_arena *arena)
{
    size_t count = seed_below(random, (uint64_t)options->items_max + 1);
    pbase_value *items = (pbase_value *)memory(arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i] = random_at(random, options, depth + 1, arena);
    }
    return pbase_value_list(items, count);
}

static pbase_bytes random_name(seed_random *random, unsigned bytes_max, pbase_arena *arena)
{
    static const char *const names[] = {"id",   "name",   "$bytes", "$time",   "$float",
                                        "$vec", "$ref",   "$map",   "$object", "$collection",
                                        "$",    "$child", "price",  "tags"};
    if (seed_below(random, 2) == 0) {
        return pbase_bytes_text(names[seed_below(random, sizeof names / sizeof names[0])]);
    }
    return random_text(random, bytes_max, arena);
}

static pbase_value random_map(seed_random *random, const random_value_options *options,
                              unsigned depth, pbase_arena *arena)
{
    size_t wanted = seed_below(random, (uint64_t)options->items_max + 1);
    pbase_field *fields = (pbase_field *)memory(arena, wanted, sizeof *fields);
    pbase_value map = pbase_value_map(fields, 0);
    for (size_t i = 0; i < wanted; i++) {
        pbase_bytes name = random_name(random, options->items_max, arena);
        if (pbase_value_field(&map, name) == NULL) {
            fields[map.as.map.count].name = name;
            fields[map.as.map.count].value = random_at(random, options, depth + 1, arena);
            map.as.map.count++;
        }
    }
    return map;
}

static float random_float(seed_random *random)
{
    static const float edges[] = {0.0f, -0.0f, 1.5f, 0x1p-149f, 3.4e38f, INFINITY, -INFINITY, NAN};
    if (seed_below(random, 4) == 0) {
        return edges[seed_below(random, sizeof edges / sizeof edges[0])];
    }
    double wide = random_double(random);
    return fabs(wide) < 3e38 ? (float)wide : 0.25f;
}

static pbase_value random_vector(seed_random *random, const random_value_options *options,
                                 pbase_arena *arena)
{
    size_t count = seed_below(random, (uint64_t)options->items_max + 1);
    float *items = (float *)memory(arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i] = random_float(random);
    }
    return pbase_value_vector(items, count);
}

static pbase_value random_at(seed_random *random, const random_value_options *options,
                             unsigned depth, pbase_arena *arena)
{
    if (depth >= options->depth_max || seed_below(random, 2) == 0) {
        if (options->with_child && seed_below(random, 12) == 0) {
            return pbase_value_child(seed_below(random, PBASE_CHILDREN_MAX));
        }
        return random_scalar(random, options->items_max, arena);
    }
    switch (seed_below(random, 5)) {
    case 0:
    case 1:
        return random_list(random, options, depth, arena);
    case 2:
        return random_vector(random, options, arena);
    default:
        return random_map(random, options, depth, arena);
    }
}

pbase_value random_value(seed_random *random, const random_value_options *options,
                         pbase_arena *arena)
{
    return random_at(random, options, 0, arena);
}
