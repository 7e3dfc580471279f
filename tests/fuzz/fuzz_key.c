/* fuzz_key.c - any bytes as the key of a collection: refused, or decoded to a value that encodes to the
 * same bytes. The first byte is the shape, the second how many bytes at the end are the spelling. */
#include "collection/key_element.h"
#include <stdlib.h>

static pbase_status decode(key_shape shape, const encoded_key *key, pbase_arena *arena,
                           pbase_value out[2])
{
    switch (shape) {
    case KEY_SHAPE_HASHED:
        return key_decode_hashed(key, arena, &out[0], NULL);
    case KEY_SHAPE_PAIR:
        return key_decode_pair(key, arena, &out[0], &out[1], NULL);
    case KEY_SHAPE_PLAIN:
    default:
        return key_decode(key, arena, &out[0], NULL);
    }
}

static pbase_status encode(key_shape shape, const pbase_value in[2], key_scratch *scratch,
                           encoded_key *out)
{
    switch (shape) {
    case KEY_SHAPE_HASHED:
        return key_encode_hashed(&in[0], scratch, out, NULL);
    case KEY_SHAPE_PAIR:
        return key_encode_pair(&in[0], &in[1], scratch, out, NULL);
    case KEY_SHAPE_PLAIN:
    default:
        return key_encode(&in[0], scratch, out, NULL);
    }
}

/* The same key without its hash, which hardly any input gets right. */
static void rehash(key_shape shape, uint8_t *bytes, size_t size)
{
    if (shape == KEY_SHAPE_HASHED && size > KEY_HASH_BYTES) {
        key_hash(pbase_bytes_of(bytes + KEY_HASH_BYTES, size - KEY_HASH_BYTES), bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 1u << 17) {
        return 0;
    }
    key_shape shape = (key_shape)(data[0] % 3);
    size_t spelled = data[1] < size - 2 ? data[1] : size - 2;
    uint8_t *bytes = malloc(size);
    memcpy(bytes, data + 2, size - 2);
    rehash(shape, bytes, size - 2 - spelled);
    encoded_key key = {pbase_bytes_of(bytes, size - 2 - spelled),
                       pbase_bytes_of(bytes + size - 2 - spelled, spelled)};
    pbase_arena arena;
    pbase_value values[2];
    char text[64];
    pbase_arena_init(&arena, pbase_alloc_default());
    bool valid = key_valid_as(&key, shape);
    bool decoded = decode(shape, &key, &arena, values) == PBASE_OK;
    if (valid != decoded) {
        abort();
    }
    if (valid) {
        key_scratch scratch;
        encoded_key again;
        key_scratch_init(&scratch, pbase_alloc_default());
        if (encode(shape, values, &scratch, &again) != PBASE_OK ||
            !pbase_bytes_equal(again.bytes, key.bytes) ||
            !pbase_bytes_equal(again.spelling, key.spelling)) {
            abort();
        }
        key_scratch_fini(&scratch);
        key_describe_value(&values[0], text, sizeof text);
    }
    pbase_arena_fini(&arena);
    free(bytes);
    return 0;
}
