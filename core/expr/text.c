/* text.c - over utf8proc's tables. Folding is upper then lower case, which joins the forms that
 * have one capital (final sigma, long s); CaseFolding.txt status C and S but for U+0130, U+0131. */
#include "expr/text.h"
#include <utf8proc.h>

static bool is_ascii(uint8_t c)
{
    return c < 0x80;
}

static bool is_continuation(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

uint32_t text_next(pbase_bytes text, size_t *out_size)
{
    if (is_ascii(text.data[0])) {
        *out_size = 1;
        return text.data[0];
    }
    utf8proc_int32_t code_point = 0;
    utf8proc_ssize_t size =
        utf8proc_iterate(text.data, (utf8proc_ssize_t)(text.size < 4 ? text.size : 4), &code_point);
    if (size <= 0 || code_point < 0) {
        *out_size = 1;
        return 0xfffd;
    }
    *out_size = (size_t)size;
    return (uint32_t)code_point;
}

size_t text_length(pbase_bytes text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += !is_continuation(text.data[i]);
    }
    return count;
}

size_t text_offset(pbase_bytes text, uint64_t index)
{
    size_t at = 0;
    while (at < text.size) {
        if (!is_continuation(text.data[at])) {
            if (index == 0) {
                break;
            }
            index--;
        }
        at++;
    }
    return at;
}

uint32_t text_fold(uint32_t code_point)
{
    if (code_point < 0x80) {
        return code_point >= 'A' && code_point <= 'Z' ? code_point + ('a' - 'A') : code_point;
    }
    if (code_point == 0x130 || code_point == 0x131) {
        return code_point;
    }
    return (uint32_t)utf8proc_tolower(utf8proc_toupper((utf8proc_int32_t)code_point));
}

size_t text_fold_all(pbase_bytes text, uint8_t *out)
{
    size_t size = 0;
    while (text.size > 0) {
        size_t step = 0;
        uint32_t folded = text_fold(text_next(text, &step));
        size += (size_t)utf8proc_encode_char((utf8proc_int32_t)folded, out + size);
        text = text_after(text, step);
    }
    return size;
}

size_t text_find_at(pbase_bytes text, pbase_bytes part)
{
    if (part.size == 0) {
        return 0;
    }
    if (text.size < part.size) {
        return SIZE_MAX;
    }
    /* glibc: the two-way algorithm, linear */
    const uint8_t *found = memmem(text.data, text.size, part.data, part.size);
    return found == NULL ? SIZE_MAX : (size_t)(found - text.data);
}
