/* utf8.c - checks UTF-8 and finds the borders of its characters.
 *
 * Eight bytes of ASCII at a time, else one character at a time by table 3-7 of the Unicode
 * Standard, chapter 3.9. */
#include "utf8.h"

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0u) == 0x80u;
}

/* Size that the first byte promises; 0 for one that begins no character. */
static size_t promised_size(uint8_t first)
{
    if (first < 0x80u) {
        return 1;
    }
    if (first < 0xc2u) { /* a continuation, or the start of an overlong form */
        return 0;
    }
    if (first < 0xe0u) {
        return 2;
    }
    if (first < 0xf0u) {
        return 3;
    }
    return first < 0xf5u ? 4 : 0;
}

/* Table 3-7: some first bytes narrow the range of the second. */
static bool second_fits(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0u:
        return second >= 0xa0u; /* overlong below */
    case 0xedu:
        return second < 0xa0u; /* surrogates above */
    case 0xf0u:
        return second >= 0x90u; /* overlong below */
    case 0xf4u:
        return second < 0x90u; /* past U+10FFFF above */
    default:
        return true;
    }
}

size_t utf8_character(const uint8_t *at, size_t left)
{
    size_t size = promised_size(at[0]);
    if (size == 0 || size > left) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if (!is_continuation(at[i])) {
            return 0;
        }
    }
    return size == 1 || second_fits(at[0], at[1]) ? size : 0;
}

bool pbase_utf8_valid(pbase_bytes bytes)
{
    const uint64_t high_bits = 0x8080808080808080u;
    size_t i = 0;
    while (i < bytes.size) {
        if (bytes.size - i >= 8 && (pbase_get_u64(bytes.data + i) & high_bits) == 0) {
            i += 8;
            continue;
        }
        if (bytes.data[i] < 0x80u) {
            i++;
            continue;
        }
        size_t size = utf8_character(bytes.data + i, bytes.size - i);
        if (size == 0) {
            return false;
        }
        i += size;
    }
    return true;
}

size_t utf8_border(const char *text, size_t size)
{
    size_t start = size;
    while (start > 0 && size - start < 3 && is_continuation((uint8_t)text[start - 1])) {
        start--;
    }
    if (start == 0) {
        return size;
    }
    return promised_size((uint8_t)text[start - 1]) > size - start + 1 ? start - 1 : size;
}

void utf8_clean(char *text, size_t size)
{
    size_t i = 0;
    while (i < size) {
        size_t character = utf8_character((const uint8_t *)text + i, size - i);
        if (character == 0) {
            text[i] = '?';
            character = 1;
        }
        i += character;
    }
}
