/* progress.h - how far long work is: a bar on a terminal, a line now and then elsewhere.
 * Writes to standard error only. Threads: confined. */
#ifndef PBASE_CLI_PROGRESS_H
#define PBASE_CLI_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *verb;
    uint64_t bytes_total; /* 0: unknown */
    bool shown, is_terminal, has_bar;
    double began, last;
} progress;

/* Nothing is shown when not `shown`. */
void progress_begin(progress *self, const char *verb, uint64_t bytes_total, bool shown);
void progress_update(progress *self, uint64_t count, uint64_t bytes);
void progress_end(progress *self);
double progress_seconds(const progress *self);

#endif
