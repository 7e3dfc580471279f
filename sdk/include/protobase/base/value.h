/* value.h - the values a document is made of.
 *
 * A pbase_value is a small struct passed by value; what it points to (text, bytes, items) is lent
 * by an arena or by the caller and must outlive it. Values are immutable trees. Kinds, their exact
 * comparison and their order are those of docs/values.md; every codec carries them unchanged.
 * Threads: immutable, share freely. */
#ifndef PROTOBASE_BASE_VALUE_H
#define PROTOBASE_BASE_VALUE_H
#include <protobase/base/arena.h>
#include <protobase/base/limits.h>
#include <protobase/base/ref.h>
PBASE_BEGIN_DECLS

/* In the total order of kinds (null < false < true < numbers < string < bytes < timestamp < list <
 * map < vector < reference). The numbers are part of the plugin ABI. */
enum {
    PBASE_NULL = 0,
    PBASE_BOOL = 1,
    PBASE_INT = 2,    /* int64 */
    PBASE_FLOAT = 3,  /* IEEE 754 binary64 */
    PBASE_STRING = 4, /* UTF-8, checked where it enters; may hold NUL bytes */
    PBASE_BYTES = 5,
    PBASE_TIMESTAMP = 6, /* nanoseconds since 1970-01-01T00:00:00Z, int64 */
    PBASE_LIST = 7,
    PBASE_MAP = 8,        /* string keys, each once; keeps the order of its fields */
    PBASE_VECTOR = 9,     /* float32 */
    PBASE_REFERENCE = 10, /* object id */
    PBASE_CHILD = 11,     /* the n-th child collection of the stored value that holds it */
    PBASE_HANDLE = 12     /* a collection to be stored as a child: only in what is given to a put
                             (nesting.h), never in what is read; no codec carries it */
};

typedef struct pbase_value pbase_value;
typedef struct pbase_field pbase_field;
struct pbase_collection;
struct pbase_value {
    uint8_t kind;
    uint8_t
        form; /* of a map: 1 when it was read as `$collection` or `$object`, which stand for what
                     a codec cannot make; else 0. It can be written as JSON again, but not stored */
    uint8_t reserved[6]; /* zero */
    union {
        bool boolean;
        int64_t integer;
        double real;
        int64_t time_ns;
        uint64_t child;
        pbase_bytes string; /* STRING and BYTES */
        struct {
            const pbase_value *items;
            size_t count;
        } list;
        struct {
            const pbase_field *fields;
            size_t count;
        } map;
        struct {
            const float *items;
            size_t count;
        } vector;
        pbase_object_id reference;
        const struct pbase_collection *handle; /* borrowed */
    } as;
};
struct pbase_field {
    pbase_bytes name;
    pbase_value value;
};

static inline pbase_value pbase_value_null(void)
{
    pbase_value v;
    memset(&v, 0, sizeof v);
    return v;
}
static inline pbase_value pbase_value_bool(bool boolean)
{
    pbase_value v = pbase_value_null();
    v.kind = PBASE_BOOL;
    v.as.boolean = boolean;
    return v;
}
static inline pbase_value pbase_value_int(int64_t integer)
{
    pbase_value v = pbase_value_null();
    v.kind = PBASE_INT;
    v.as.integer = integer;
    return v;
}
static inline pbase_value pbase_value_float(double real)
{
    pbase_value v = pbase_value_null();
    v.kind = PBASE_FLOAT;
    v.as.real = real;
    return v;
}
static inline pbase_value pbase_value_string(pbase_bytes utf8)
{
    pbase_value v = pbase_value_null();
    v.kind = PBASE_STRING;
    v.as.string = utf8;
    return v;
}
static inline pbase_value pbase_value_text(const char *text)
{
    return pbase_value_string(pbase_bytes_text(text));
}
static inline pbase_value pbase_value_bytes(pbase_bytes bytes)
{
    pbase_value v = pbase_value_string(bytes);
    v.kind = PBASE_BYTES;
    return v;
}
static inline pbase_value pbase_value_timestamp(int64_t time_ns)
{
    pbase_value v = pbase_value_null();
    v.kind = PBASE_TIMESTAMP;
    v.as.time_ns = time_ns;
    return v;
}
static inline pbase_value pbase_value_list(const pbase_value *items, size_t count)
{
    pbase_value v = pbase_value_null();
    v.kind = PBASE_LIST;
    v.as.list.items = items;
    v.as.list.count = count;
    return v;
}
static inline pbase_value pbase_value_map(const pbase_field *fields, size_t count)
{
    pbase_value v = pbase_value_null();
    v.kind = PBASE_MAP;
    v.as.map.fields = fields;
    v.as.map.count = count;
    return v;
}
static inline pbase_value pbase_value_vector(const float *items, size_t count)
{
    pbase_value v = pbase_value_null();
    v.kind = PBASE_VECTOR;
    v.as.vector.items = items;
    v.as.vector.count = count;
    return v;
}
static inline pbase_value pbase_value_reference(pbase_object_id id)
{
    pbase_value v = pbase_value_null();
    v.kind = PBASE_REFERENCE;
    v.as.reference = id;
    return v;
}
static inline pbase_value pbase_value_child(uint64_t ordinal)
{
    pbase_value v = pbase_value_null();
    v.kind = PBASE_CHILD;
    v.as.child = ordinal;
    return v;
}
/* The collection behind a handle, as a value: see nesting.h. Borrows `handle`. */
static inline pbase_value pbase_value_handle(const struct pbase_collection *handle)
{
    pbase_value v = pbase_value_null();
    v.kind = PBASE_HANDLE;
    v.as.handle = handle;
    return v;
}

/* "null", "bool", "num", "str", "bytes", "time", "list", "map", "vec", "ref", "child". */
PBASE_API const char *pbase_value_type_name(const pbase_value *value);

/* The total order: sorting, grouping, distinct, min and max, keys. Kinds as listed above; ints and
 * floats by exact value (2^53+1 is above 2^53 as a float), -0.0 equals 0, NaN equals itself and is
 * the greatest number; strings and bytes by memcmp; lists and vectors element by element, then by
 * length; maps as their fields sorted by name. What lies deeper than PBASE_DEPTH_MAX counts as
 * equal: such values are never stored. Below, at or above 0. */
PBASE_API int pbase_value_compare(const pbase_value *a, const pbase_value *b);
/* Equal in the total order give equal hashes (1, 1.0; -0.0, 0). Stable across machines. */
PBASE_API uint64_t pbase_value_hash(const pbase_value *value);
/* True when kinds, bits and field order are the same: what a codec must preserve. NaN equals NaN
 * (any payload); 1 and 1.0 differ; -0.0 and 0.0 differ. */
PBASE_API bool pbase_value_identical(const pbase_value *a, const pbase_value *b);
/* Field `name` of a map; NULL when it is missing or `map` is not a map. */
PBASE_API const pbase_value *pbase_value_field(const pbase_value *map, pbase_bytes name);
/* A copy with everything it points to in `arena`. LIMIT: deeper than PBASE_DEPTH_MAX; INVALID: an
 * unknown kind. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_value_copy(const pbase_value *value,
                                                         pbase_arena *arena, pbase_value *out,
                                                         pbase_error *err);
/* Refuses what may not be stored: bad UTF-8 (INVALID), a field name given twice (INVALID), an
 * unknown kind (INVALID), depth above PBASE_DEPTH_MAX, counts above PBASE_ITEMS_MAX, children from
 * PBASE_CHILDREN_MAX on (LIMIT). A map of many fields takes memory for a moment (NO_MEMORY). */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_value_check(const pbase_value *value,
                                                          pbase_error *err);

/* RFC 3339 with up to nine digits of fraction, always in UTC ("Z"). Needs 40 bytes. */
#define PBASE_TIME_TEXT_BYTES 40u
PBASE_API void pbase_time_format(int64_t time_ns, char out[PBASE_TIME_TEXT_BYTES]);
/* Accepts RFC 3339 with any offset. INVALID names the place; LIMIT when outside int64 ns. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_time_parse(pbase_bytes text, int64_t *out_ns,
                                                         pbase_error *err);

PBASE_END_DECLS
#endif
