/* file_board.h - what the users of a shared space tell one another: where its journal stands.
 *
 * It is the board "space" of the block provider: memory that every user has mapped, so that asking
 * whether anything has changed costs two loads. It is written by whoever has the right to append, is
 * never flushed, and means nothing once all users are gone: the first one makes it anew from what
 * recovery finds. The bytes are described in docs/formats/board.md.
 *
 * Threads: reading is synchronized; writing is the business of one thread at a time. */
#ifndef PBASE_FILE_BOARD_H
#define PBASE_FILE_BOARD_H
#include "journal/journal.h"

#include <stdatomic.h>

typedef struct {
    uint64_t generation; /* grows with every write */
    uint64_t appending;  /* user who began to append and has not said more; 0: nobody */
    uint64_t holder;     /* user who took fencing tokens last */
    uint64_t fence;      /* all tokens so far are at or below it */
    pbase_position anchor;
    journal_mark mark;
} file_board_state;

typedef struct {
    const pbase_host *host;  /* borrowed until close */
    _Atomic uint64_t *words; /* NULL until it is open; the block provider's */
} file_board;

PBASE_MUST_CHECK pbase_status file_board_open(file_board *board, const pbase_host *host,
                                              pbase_blocks *blocks, pbase_error *err);

/* Of the newest write; 0 when it cannot be told at this moment. */
uint64_t file_board_generation(const file_board *board);
/* What each word says, also of a write that was not finished: each by itself is the one before it or
 * the one it was to become. */
void file_board_raw(const file_board *board, file_board_state *out);
/* Where it stands in memory, as it is stored. */
const uint64_t *file_board_pulse(const file_board *board);
/* Who is in the middle of an append, 0: nobody. */
uint64_t file_board_appending(const file_board *board);
/* First journal position that is kept. */
pbase_position file_board_first(const file_board *board);
/* All of it, if it is whole: for who is alone, so that nobody is writing it. */
bool file_board_peek(const file_board *board, file_board_state *out);
/* All of it; tries again while somebody writes. CORRUPT: it was never written whole. */
PBASE_MUST_CHECK pbase_status file_board_read(const file_board *board, file_board_state *out,
                                              pbase_error *err);
/* Writes all of it under the next generation, which `state` gets. */
void file_board_write(file_board *board, file_board_state *state);
/* Says that `user` begins to append. */
void file_board_announce(file_board *board, uint64_t user);

#endif
