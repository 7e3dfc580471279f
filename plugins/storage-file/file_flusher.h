/* file_flusher.h - the background thread of a storage: bounded flushes of asynchronous appends,
 * and journal segments made ahead.
 *
 * The thread starts with the first request, so that a short program has none.
 * Threads: synchronized. */
#ifndef PBASE_FILE_FLUSHER_H
#define PBASE_FILE_FLUSHER_H
#include <protobase/plugin/host.h>

typedef struct file_flusher file_flusher;

typedef struct {
    const pbase_host *host; /* borrowed until destroy */
    uint64_t interval_ns;   /* from the first request to its flush, at most */
    /* The work, done on the thread. A failure is logged, not tried again. */
    pbase_status (*flush)(void *state, pbase_error *err);
    pbase_status (*prepare)(void *state, pbase_error *err);
    void *state;
} file_flusher_options;

PBASE_MUST_CHECK pbase_status file_flusher_create(const file_flusher_options *options,
                                                  file_flusher **out, pbase_error *err);
/* Ends the thread without doing what is still requested. NULL is fine. */
void file_flusher_destroy(file_flusher *flusher);
/* Asks for a flush within the interval. NO_MEMORY, LIMIT: the thread cannot start. */
PBASE_MUST_CHECK pbase_status file_flusher_request(file_flusher *flusher, pbase_error *err);
/* Asks for a prepare soon; does not matter if it cannot. */
void file_flusher_request_prepare(file_flusher *flusher);

#endif
