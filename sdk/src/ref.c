/* ref.c - object ids as text: 32 hexadecimal digits, the first byte first. */
#include <protobase/base/ref.h>

void pbase_object_id_format(pbase_object_id id, char out[33])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        out[2 * i] = digits[id.bytes[i] >> 4];
        out[2 * i + 1] = digits[id.bytes[i] & 0x0fu];
    }
    out[PBASE_OBJECT_ID_TEXT_BYTES] = '\0';
}

/* 0..15, or 16 for what is no digit. */
static unsigned digit_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return (unsigned)digit - '0';
    }
    uint8_t lower = digit | 0x20u;
    return lower >= 'a' && lower <= 'f' ? (unsigned)lower - 'a' + 10u : 16u;
}

pbase_status pbase_object_id_parse(pbase_bytes text, pbase_object_id *out, pbase_error *err)
{
    if (text.size != PBASE_OBJECT_ID_TEXT_BYTES) {
        return PBASE_FAIL(err, PBASE_INVALID, "an object id has %u hexadecimal digits, not %zu",
                          PBASE_OBJECT_ID_TEXT_BYTES, text.size);
    }
    pbase_object_id id;
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        unsigned high = digit_value(text.data[2 * i]);
        unsigned low = digit_value(text.data[2 * i + 1]);
        if (high > 15 || low > 15) {
            return PBASE_FAIL(err, PBASE_INVALID, "no hexadecimal digit at byte %zu of object id",
                              high > 15 ? 2 * i : 2 * i + 1);
        }
        id.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = id;
    return PBASE_OK;
}
