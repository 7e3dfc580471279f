/* log.h - where an application receives what the library has to say.
 *
 * Library code returns errors and never prints; what has no caller to return to (a background
 * checkpoint that failed, a journal tail that was cut) goes to the sink the application gave.
 * Threads: synchronized; a sink is called from any thread, must not block long, must not call back. */
#ifndef PROTOBASE_BASE_LOG_H
#define PROTOBASE_BASE_LOG_H
#include <protobase/base/bytes.h>
PBASE_BEGIN_DECLS

enum { PBASE_LOG_ERROR = 0, PBASE_LOG_WARNING = 1, PBASE_LOG_INFO = 2, PBASE_LOG_DEBUG = 3 };

typedef struct pbase_log pbase_log;
struct pbase_log {
    int32_t level_max; /* messages above it are not formatted */
    int32_t reserved;
    void *state;
    /* `component` is static text such as "storage/file"; `message` is lent for the call. */
    void (*write)(const pbase_log *self, int32_t level, const char *component, pbase_bytes message);
};

/* Formats and hands over; a NULL log or a level above its maximum costs one comparison. Messages
 * are cut at 1,000 bytes. */
PBASE_API void pbase_log_write(const pbase_log *log, int32_t level, const char *component,
                               const char *format, ...) PBASE_PRINTF(4, 5);

PBASE_END_DECLS
#endif
