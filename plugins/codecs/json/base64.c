/* base64.c - three bytes against four digits, by table. */
#include "base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(pbase_bytes in, uint8_t *out)
{
    for (size_t i = 0; i < in.size; i += 3, out += 4) {
        size_t left = in.size - i;
        uint32_t group = (uint32_t)in.data[i] << 16;
        group |= left > 1 ? (uint32_t)in.data[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)in.data[i + 2] : 0;
        out[0] = (uint8_t)digits[group >> 18];
        out[1] = (uint8_t)digits[group >> 12 & 63u];
        out[2] = left > 1 ? (uint8_t)digits[group >> 6 & 63u] : (uint8_t)'=';
        out[3] = left > 2 ? (uint8_t)digits[group & 63u] : (uint8_t)'=';
    }
}

/* 0 .. 63, or 64 for what is no digit. */
static uint32_t digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - (uint32_t)'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - (uint32_t)'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - (uint32_t)'0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Four digits, of which the last may be padding. Writes 1 to 3 bytes; 0 when they are malformed. */
static size_t decode_four(const uint8_t *in, uint8_t *out)
{
    size_t used = in[3] != '=' ? 4 : in[2] != '=' ? 3 : 2;
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t value = i < used ? digit_value(in[i]) : 0;
        if (value > 63) {
            return 0;
        }
        group = group << 6 | value;
    }
    uint32_t unused = used == 4 ? 0 : used == 3 ? 0xffu : 0xffffu;
    if ((group & unused) != 0) {
        return 0;
    }
    for (size_t i = 0; i + 1 < used; i++) {
        out[i] = (uint8_t)(group >> (16 - 8 * i));
    }
    return used - 1;
}

bool base64_decode(pbase_bytes in, uint8_t *out, size_t *out_size)
{
    if (in.size % 4 != 0) {
        return false;
    }
    size_t size = 0;
    for (size_t i = 0; i < in.size; i += 4) {
        size_t more = decode_four(in.data + i, out + size);
        if (more == 0 || (more < 3 && i + 4 != in.size)) {
            return false;
        }
        size += more;
    }
    *out_size = size;
    return true;
}
