/* text.h - UTF-8 by code points: counting, stepping, simple case folding. */
#ifndef PROTOBASE_EXPR_TEXT_H
#define PROTOBASE_EXPR_TEXT_H
#include <protobase/base/bytes.h>

/* `text` without its first `count` bytes. */
static inline pbase_bytes text_after(pbase_bytes text, size_t count)
{
    return count == 0 ? text : pbase_bytes_of(text.data + count, text.size - count);
}
/* The code point at the start of `text`, and how many bytes it takes. Bytes that are not UTF-8 count
 * one each and read as 0xfffd. `text` is not empty. */
uint32_t text_next(pbase_bytes text, size_t *out_size);
/* Code points in all. */
size_t text_length(pbase_bytes text);
/* The offset of code point `index` (0 first), or text.size past the end. */
size_t text_offset(pbase_bytes text, uint64_t index);
/* Simple folding: one code point to one, so that letters that differ in case alone are equal.
 * Dotted and dotless i stay apart. */
uint32_t text_fold(uint32_t code_point);
/* Folds all of `text` into `out`, which has room for three times its size; returns the size. */
size_t text_fold_all(pbase_bytes text, uint8_t *out);
/* Where `part` first stands in `text`, SIZE_MAX if nowhere. Linear. */
size_t text_find_at(pbase_bytes text, pbase_bytes part);

#endif
