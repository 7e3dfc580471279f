/* error.c - fills the error struct of a caller.
 *
 * Takes no memory, so that lack of memory can be reported. Every text is formatted aside first: the
 * arguments of a message may point into the very error that it replaces. */
#include "message.h"
#include "utf8.h"
#include <errno.h>
#include <protobase/base/error.h>
#include <stddef.h>
#include <string.h>

void pbase_error_init(pbase_error *err)
{
    if (err != NULL) {
        memset(err, 0,
               offsetof(pbase_error, where)); /* texts are long, and end at their first NUL */
        err->where[0] = err->message[0] = err->hint[0] = '\0';
    }
}

static void fill(pbase_error *err, pbase_status code, const char *file, uint32_t line,
                 const char *function)
{
    pbase_error_init(err);
    err->code = code;
    err->outcome = code == PBASE_UNKNOWN ? PBASE_OUTCOME_UNKNOWN : PBASE_OUTCOME_NOT_APPLIED;
    err->file = file;
    err->line = line;
    err->function = function;
}

pbase_status pbase_error_set(pbase_error *err, pbase_status code, const char *file, uint32_t line,
                             const char *function, const char *format, ...)
{
    if (err == NULL) {
        return code;
    }
    char message[sizeof err->message];
    va_list arguments;
    va_start(arguments, format);
    size_t size = message_format(message, sizeof message, format, arguments);
    va_end(arguments);
    fill(err, code, file, line, function);
    memcpy(err->message, message, size + 1);
    return code;
}

static pbase_status code_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return PBASE_NO_SPACE;
    case EACCES:
    case EPERM:
        return PBASE_AUTH;
    case ENOENT:
        return PBASE_NOT_FOUND;
    case EEXIST:
        return PBASE_EXISTS;
    case EROFS:
        return PBASE_READ_ONLY;
    case ENOMEM:
        return PBASE_NO_MEMORY;
    default:
        return PBASE_IO;
    }
}

/* Adds ": <text of the number>" when it fits. */
static void append_errno_text(pbase_error *err, int number)
{
    char space[96];
    const char *said = strerror_r(number, space, sizeof space);
    size_t size = strlen(err->message);
    size_t room = sizeof err->message - 1 - size;
    size_t said_size = strlen(said);
    if (said_size + 2 <= room) {
        memcpy(err->message + size, ": ", 2);
        memcpy(err->message + size + 2, said, said_size + 1);
    }
}

pbase_status pbase_error_set_errno(pbase_error *err, int number, const char *file, uint32_t line,
                                   const char *function, const char *format, ...)
{
    pbase_status code = code_of_errno(number);
    if (err == NULL) {
        return code;
    }
    char message[sizeof err->message];
    va_list arguments;
    va_start(arguments, format);
    size_t size = message_format(message, sizeof message, format, arguments);
    va_end(arguments);
    fill(err, code, file, line, function);
    memcpy(err->message, message, size + 1);
    err->system_errno = number;
    append_errno_text(err, number);
    return code;
}

void pbase_error_note(pbase_error *err, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    char context[sizeof err->message];
    va_list arguments;
    va_start(arguments, format);
    size_t size = message_format(context, sizeof context, format, arguments);
    va_end(arguments);
    size_t message_size = strlen(err->message);
    size_t room = sizeof err->message - 1 - message_size;
    if (room < 3) { /* one character and ": " */
        return;
    }
    if (size > room - 2) { /* the cause matters more than the context */
        size = utf8_border(context, room - 2);
    }
    memmove(err->message + size + 2, err->message, message_size + 1);
    memcpy(err->message, context, size);
    memcpy(err->message + size, ": ", 2);
}

void pbase_error_hint(pbase_error *err, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    char hint[sizeof err->hint];
    va_list arguments;
    va_start(arguments, format);
    size_t size = message_format(hint, sizeof hint, format, arguments);
    va_end(arguments);
    memcpy(err->hint, hint, size + 1);
}

void pbase_error_where(pbase_error *err, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    char where[sizeof err->where];
    va_list arguments;
    va_start(arguments, format);
    size_t size = message_format(where, sizeof where, format, arguments);
    va_end(arguments);
    memcpy(err->where, where, size + 1);
}

const char *pbase_status_name(pbase_status code)
{
    static const struct {
        pbase_status code;
        const char *name;
    } names[] = {
        {PBASE_OK, "OK"},
        {PBASE_END, "END"},
        {PBASE_BUSY, "BUSY"},
        {PBASE_CONFLICT, "CONFLICT"},
        {PBASE_LOST, "LOST"},
        {PBASE_TIMEOUT, "TIMEOUT"},
        {PBASE_UNKNOWN, "UNKNOWN"},
        {PBASE_CORRUPT, "CORRUPT"},
        {PBASE_FORMAT, "FORMAT"},
        {PBASE_NOT_FOUND, "NOT_FOUND"},
        {PBASE_INVALID, "INVALID"},
        {PBASE_CONFIG, "CONFIG"},
        {PBASE_UNSUPPORTED, "UNSUPPORTED"},
        {PBASE_LIMIT, "LIMIT"},
        {PBASE_AUTH, "AUTH"},
        {PBASE_PLUGIN, "PLUGIN"},
        {PBASE_EXISTS, "EXISTS"},
        {PBASE_FENCED, "FENCED"},
        {PBASE_READ_ONLY, "READ_ONLY"},
        {PBASE_CANCELLED, "CANCELLED"},
        {PBASE_TRIMMED, "TRIMMED"},
        {PBASE_NO_MEMORY, "NO_MEMORY"},
        {PBASE_NO_SPACE, "NO_SPACE"},
        {PBASE_IO, "IO"},
        {PBASE_NETWORK, "NETWORK"},
        {PBASE_INTERNAL, "INTERNAL"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return "INTERNAL";
}
