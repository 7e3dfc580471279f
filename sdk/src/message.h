/* message.h - printf into a small fixed buffer, always NUL-ended, always UTF-8. */
#ifndef PBASE_SDK_MESSAGE_H
#define PBASE_SDK_MESSAGE_H
#include <protobase/base/bytes.h>
#include <stdarg.h>

/* Returns the length. What does not fit is cut at a character border; bytes that are no UTF-8
 * become '?'. `capacity` counts the NUL and is above 0. */
size_t message_format(char *out, size_t capacity, const char *format, va_list arguments)
    PBASE_PRINTF(3, 0);

#endif
