/* progress.c - a bar, a rate, and not too often. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_CELLS 30u
#define TERMINAL_SECONDS 0.1
#define LINE_SECONDS 5.0

static double now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_begin(progress *self, const char *verb, uint64_t bytes_total, bool shown)
{
    self->verb = verb;
    self->bytes_total = bytes_total;
    self->shown = shown;
    self->is_terminal = isatty(STDERR_FILENO) != 0;
    self->has_bar = false;
    self->began = self->last = now_seconds();
}

double progress_seconds(const progress *self)
{
    return now_seconds() - self->began;
}

static void draw_bar(double share)
{
    char cells[BAR_CELLS + 1];
    unsigned filled = (unsigned)(share * BAR_CELLS);
    memset(cells, '.', BAR_CELLS);
    memset(cells, '#', filled > BAR_CELLS ? BAR_CELLS : filled);
    cells[BAR_CELLS] = '\0';
    (void)fprintf(stderr, "[%s] %3.0f %%  ", cells, share * 100);
}

void progress_update(progress *self, uint64_t count, uint64_t bytes)
{
    double now = now_seconds();
    if (!self->shown || now - self->last < (self->is_terminal ? TERMINAL_SECONDS : LINE_SECONDS)) {
        return;
    }
    self->last = now;
    self->has_bar = self->is_terminal;
    if (self->is_terminal) {
        (void)fputs("\r\033[K", stderr);
    }
    if (self->bytes_total > 0) {
        double share = (double)bytes / (double)self->bytes_total;
        draw_bar(share > 1 ? 1 : share);
    }
    (void)fprintf(stderr, "%s %" PRIu64 ", %.0f a second%s", self->verb, count,
                  (double)count / (now - self->began), self->is_terminal ? "" : "\n");
    (void)fflush(stderr);
}

void progress_end(progress *self)
{
    if (self->has_bar) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
    }
}
