/* value_hash.c - a 64-bit hash that agrees with the total order.
 *
 * Numbers are hashed by exact value (an integral float as that int), maps without regard to the
 * order of their fields. The same on every machine; not meant to resist collisions made on purpose.
 * Recursion stops at PBASE_DEPTH_MAX. */
#include <math.h>
#include <protobase/base/value.h>

#define GOLDEN 0x9e3779b97f4a7c15u /* 2^64 / golden ratio, odd: spreads bits upwards */

static uint64_t hash_at(const pbase_value *value, unsigned depth);

/* Finaliser of MurmurHash3 (Appleby, 2011, public domain): every bit of x reaches every bit. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53u;
    return x ^ x >> 33;
}

static uint64_t add_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * GOLDEN;
    return hash ^ hash >> 32;
}

/* Where the hash of a kind begins. Far apart, so that no small word leads from one to another. */
static uint64_t start_of(unsigned kind)
{
    return (kind + UINT64_C(1)) * 0xff51afd7ed558ccdu;
}

static uint64_t hash_word(unsigned kind, uint64_t word)
{
    return mix(add_word(start_of(kind), word));
}

static uint64_t hash_bytes(unsigned kind, pbase_bytes bytes)
{
    uint64_t hash = add_word(start_of(kind), bytes.size);
    size_t i = 0;
    for (; bytes.size - i >= 8; i += 8) {
        hash = add_word(hash, pbase_get_u64(bytes.data + i));
    }
    uint64_t rest = 0;
    for (unsigned shift = 0; i < bytes.size; i++, shift += 8) {
        rest |= (uint64_t)bytes.data[i] << shift;
    }
    return mix(add_word(hash, rest));
}

static uint64_t hash_double(double real)
{
    if (isnan(real)) {
        return hash_word(PBASE_FLOAT, 0); /* no other float has these bits: 0.0 is integral */
    }
    if (real >= -0x1p63 && real < 0x1p63 && trunc(real) == real) {
        return hash_word(PBASE_INT, (uint64_t)(int64_t)real);
    }
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return hash_word(PBASE_FLOAT, bits);
}

static uint64_t hash_list(const pbase_value *value, unsigned depth)
{
    uint64_t hash = add_word(start_of(PBASE_LIST), value->as.list.count);
    for (size_t i = 0; i < value->as.list.count; i++) {
        hash = add_word(hash, hash_at(&value->as.list.items[i], depth + 1));
    }
    return mix(hash);
}

static uint64_t hash_map(const pbase_value *value, unsigned depth)
{
    uint64_t sum = 0; /* commutes: the order of fields does not count */
    for (size_t i = 0; i < value->as.map.count; i++) {
        const pbase_field *field = &value->as.map.fields[i];
        uint64_t name = hash_bytes(PBASE_MAP, field->name);
        sum += mix(add_word(name, hash_at(&field->value, depth + 1)));
    }
    return hash_word(PBASE_MAP, add_word(sum, value->as.map.count));
}

static uint64_t hash_vector(const pbase_value *value)
{
    uint64_t hash = add_word(start_of(PBASE_VECTOR), value->as.vector.count);
    for (size_t i = 0; i < value->as.vector.count; i++) {
        hash = add_word(hash, hash_double((double)value->as.vector.items[i]));
    }
    return mix(hash);
}

static uint64_t hash_at(const pbase_value *value, unsigned depth)
{
    switch (value->kind) {
    case PBASE_BOOL:
        return hash_word(PBASE_BOOL, value->as.boolean);
    case PBASE_INT:
        return hash_word(PBASE_INT, (uint64_t)value->as.integer);
    case PBASE_FLOAT:
        return hash_double(value->as.real);
    case PBASE_STRING:
    case PBASE_BYTES:
        return hash_bytes(value->kind, value->as.string);
    case PBASE_TIMESTAMP:
        return hash_word(PBASE_TIMESTAMP, (uint64_t)value->as.time_ns);
    case PBASE_LIST:
        return depth == PBASE_DEPTH_MAX ? start_of(PBASE_LIST) : hash_list(value, depth);
    case PBASE_MAP:
        return depth == PBASE_DEPTH_MAX ? start_of(PBASE_MAP) : hash_map(value, depth);
    case PBASE_VECTOR:
        return hash_vector(value);
    case PBASE_REFERENCE:
        return hash_bytes(PBASE_REFERENCE, pbase_bytes_of(value->as.reference.bytes,
                                                          sizeof value->as.reference.bytes));
    case PBASE_CHILD:
        return hash_word(PBASE_CHILD, value->as.child);
    default: /* null, and kinds that pbase_value_check refuses */
        return hash_word(value->kind, 0);
    }
}

uint64_t pbase_value_hash(const pbase_value *value)
{
    return hash_at(value, 0);
}
