/* message.c - the formatting behind errors and log messages. It takes no memory. */
#include "message.h"
#include "utf8.h"
#include <stdio.h>

size_t message_format(char *out, size_t capacity, const char *format, va_list arguments)
{
    int wanted = vsnprintf(out, capacity, format, arguments);
    if (wanted < 0) {
        out[0] = '\0';
        return 0;
    }
    size_t size = (size_t)wanted;
    if (size >= capacity) {
        size = utf8_border(out, capacity - 1);
        out[size] = '\0';
    }
    utf8_clean(out, size);
    return size;
}
