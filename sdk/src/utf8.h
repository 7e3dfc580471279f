/* utf8.h - characters of UTF-8 text, for the files of the SDK that cut or clean it.
 *
 * Well formed is what RFC 3629 says: no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef PBASE_SDK_UTF8_H
#define PBASE_SDK_UTF8_H
#include <protobase/base/bytes.h>

/* Bytes of the well-formed character at `at`, 1 to 4; 0 when there is none. `left` is above 0. */
size_t utf8_character(const uint8_t *at, size_t left);
/* The longest size, at most `size`, that does not end inside a character of `text`. */
size_t utf8_border(const char *text, size_t size);
/* Replaces every byte that belongs to no well-formed character by '?'. */
void utf8_clean(char *text, size_t size);

#endif
