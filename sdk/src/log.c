/* log.c - formats a message for the application's sink, on the stack. */
#include "message.h"
#include <protobase/base/log.h>

#define MESSAGE_BYTES_MAX 1000u

void pbase_log_write(const pbase_log *log, int32_t level, const char *component, const char *format,
                     ...)
{
    if (log == NULL || level > log->level_max) {
        return;
    }
    char message[MESSAGE_BYTES_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    size_t size = message_format(message, sizeof message, format, arguments);
    va_end(arguments);
    log->write(log, level, component, pbase_bytes_of(message, size));
}
