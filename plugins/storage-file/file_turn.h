/* file_turn.h - whose turn it is to change the journal, and what others did meanwhile.
 *
 * In a shared space every user changes the journal only during its turn: it holds the lock "writer"
 * of the block provider, and has first gone on where the last user stopped (journal_follow). A user
 * that died during its turn is noticed by the next one, which puts the journal in order
 * (journal_repair). Several threads of one user may be in its turn at once: the journal has locks of
 * its own. In a space that is not shared all of this costs a comparison.
 *
 * Named locks of the storage contract are granted here as well: "writer" is the turn itself, others
 * are locks of the block provider, and all fencing tokens come from one counter on the board.
 *
 * Threads: synchronized. Locks, in the order they may nest: hold, board, then those of journal and
 * super block. */
#ifndef PBASE_FILE_TURN_H
#define PBASE_FILE_TURN_H
#include "file_board.h"
#include "file_needs.h"
#include "file_super.h"
#include "lock_table.h"

typedef struct turn_grant turn_grant;

typedef struct {
    const pbase_host *host; /* borrowed until close, like the next three */
    pbase_blocks *blocks;
    file_super *super;
    journal *journal;  /* set by start */
    lock_table *locks; /* within this process */
    bool is_shared;
    bool is_alone; /* at attach: nobody else was there */
    bool has_left; /* nobody else is there; the provider's close ends the turn */
    uint64_t user; /* random, never 0 */
    file_board board;
    file_needs needs;        /* shared: ours */
    _Atomic uint64_t known;  /* generation of the board that was followed */
    _Atomic uint32_t moving; /* odd while head and anchor are being taken over */

    pbase_os_mutex *hold; /* guards the two below, and taking the turn */
    unsigned turns;       /* threads in it */
    turn_grant *grants;   /* of named locks, also those being waited for */

    pbase_os_mutex *watch; /* guards all below, and following */
    file_board_state state;
    unsigned appends;               /* threads between announce and conclude */
    uint64_t fence_next, fence_end; /* tokens this user may give out */
} file_turn;

/* Attaches to the block provider, alone or beside others; `is_shared` false: locks it for itself.
 * The turn is then held until start. BUSY: somebody has it exclusively. Ended by close, also after a
 * failure. */
PBASE_MUST_CHECK pbase_status file_turn_open(file_turn *turn, const pbase_host *host,
                                             pbase_blocks *blocks, bool is_shared,
                                             pbase_error *err);
/* Where others stand, as file_turn_open found it: for journal_open. */
PBASE_MUST_CHECK pbase_status file_turn_joins(file_turn *turn, file_super *super, journal_mark *out,
                                              pbase_error *err);
/* Everything is open: makes the board when alone, goes on where others are when not, and ends the
 * turn that open began. */
PBASE_MUST_CHECK pbase_status file_turn_start(file_turn *turn, file_super *super, journal *opened,
                                              pbase_error *err);
/* Nobody is in a turn any more. */
void file_turn_close(file_turn *turn);
/* Before an orderly close: holds the turn for good. True when no other user is left. */
bool file_turn_leave(file_turn *turn);

/* Begins a turn, waiting until the call's deadline: BUSY. The journal then stands where the last
 * user left it. */
PBASE_MUST_CHECK pbase_status file_turn_begin(file_turn *turn, const pbase_call *call,
                                              pbase_error *err);
void file_turn_end(file_turn *turn);
/* What each of the others said that it needs: in a turn, so that nobody comes meanwhile. */
PBASE_MUST_CHECK pbase_status file_turn_others(file_turn *turn, const pbase_call *call,
                                               pbase_status (*each)(void *state, pbase_bytes needs,
                                                                    pbase_error *err),
                                               void *state, pbase_error *err);
/* In a turn, before an append and after it, whatever came of it. */
void file_turn_announce(file_turn *turn);
void file_turn_conclude(file_turn *turn, bool appended);
/* In a turn, after another change of the journal. */
void file_turn_publish(file_turn *turn);
/* FENCED when the lock "writer" was granted to another user after `fence` was given out. In a
 * turn. */
PBASE_MUST_CHECK pbase_status file_turn_fence_check(file_turn *turn, uint64_t fence,
                                                    pbase_error *err);

/* Takes over what others have published, without a turn; costs two loads when that is nothing. */
PBASE_MUST_CHECK pbase_status file_turn_refresh(file_turn *turn, pbase_error *err);

/* The word of the board that is new with every change of it; NULL: nobody else can change anything. */
const uint64_t *file_turn_pulse(const file_turn *turn);

/* Head, bounds and anchor as this process knows them, of one moment. */
void file_turn_head(file_turn *turn, pbase_journal_head *out);

/* The slots of pbase_storage_lock_ops. */
PBASE_MUST_CHECK pbase_status file_turn_acquire(file_turn *turn, const pbase_call *call,
                                                const char *name, uint32_t mode, uint64_t lease_ms,
                                                uint64_t *out_fence, pbase_error *err);
void file_turn_release(file_turn *turn, const char *name, uint64_t fence);

#endif
