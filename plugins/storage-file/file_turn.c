/* file_turn.c - taking turns: lock, look at the board, follow or repair; append, tell the board. */
#include "file_turn.h"

#include <inttypes.h>

#define COMPONENT "storage/file"
#define WRITER "writer"
#define JOIN_TIMEOUT_MS 60000u                   /* for a turn while opening */
#define GENERATIONS_LEFT_OUT ((uint64_t)1 << 20) /* so that nobody knows the next one yet */
#define FENCES_AT_ONCE ((uint64_t)1 << 20)       /* tokens that one user takes from the board */

struct turn_grant {
    turn_grant *next;
    uint64_t fence;
    char name[PBASE_LOCK_NAME_BYTES + 1];
};

static const pbase_os *os_of(const file_turn *turn)
{
    return turn->host->os;
}

static void lock(const file_turn *turn, pbase_os_mutex *mutex)
{
    os_of(turn)->lock->mutex_lock(mutex);
}

static void unlock(const file_turn *turn, pbase_os_mutex *mutex)
{
    os_of(turn)->lock->mutex_unlock(mutex);
}

/* ------------------------------------------------------------------------------------ board --- */

static void board_write(file_turn *turn)
{
    file_board_write(&turn->board, &turn->state);
    atomic_store(&turn->known, turn->state.generation);
}

/* A number that no token so far is above. Who takes tokens writes the number first, so what stands on
 * the board is one, also in a write that was not finished; one that cannot be is of no writer of ours.
 * What the super block promises was raised since, perhaps: the next opening begins there. */
static uint64_t fence_guess(const file_turn *turn, uint64_t there)
{
    uint64_t base = turn->super->block.fence_base;
    uint64_t known = turn->state.fence;
    bool is_possible =
        there <= base + FILE_SUPER_FENCES_PER_OPEN && there + FILE_SUPER_FENCES_PER_OPEN >= base;
    uint64_t fence = is_possible ? there : base;
    return known > fence ? known : fence;
}

/* Where everybody stands when the board does not say: what the super block promises is kept. The count
 * of changes to the segments goes on, so that who missed some sees it. */
static pbase_status board_guess(file_turn *turn, const file_board_state *there, pbase_error *err)
{
    const file_super *super = turn->super;
    pbase_status status = file_super_reload(turn->super, err);
    uint32_t layout =
        there->mark.layout > turn->state.mark.layout ? there->mark.layout : turn->state.mark.layout;
    pbase_position first = super->block.first != 0 ? super->block.first : JOURNAL_POSITION_FIRST;
    pbase_position start = super->block.anchor != 0 ? super->block.anchor : first;
    turn->state = (file_board_state){
        .appending = UINT64_MAX,
        .fence = fence_guess(turn, there->fence),
        .anchor = super->block.anchor,
        .mark = {.head = start, .first = first, .synced = start, .layout = layout}};
    return status;
}

/* Reads the board in a turn: one that is not whole was left by somebody who died writing it. With
 * `watch`. */
static pbase_status board_load(file_turn *turn, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    uint64_t generation = turn->state.generation;
    pbase_status status = file_board_read(&turn->board, &turn->state, &why);
    if (status == PBASE_CORRUPT) {
        file_board_state there;
        file_board_raw(&turn->board, &there);
        status = board_guess(turn, &there, err);
        turn->state.generation =
            (there.generation > generation ? there.generation : generation) + GENERATIONS_LEFT_OUT;
    } else if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

/* Puts the journal in order after somebody who did not end his turn. With `watch`. */
static pbase_status repair(file_turn *turn, pbase_error *err)
{
    pbase_log_write(turn->host->log, PBASE_LOG_WARNING, COMPONENT,
                    "the journal was left unfinished; looking from position %" PRIu64 " on",
                    turn->state.mark.head);
    atomic_fetch_add(&turn->moving, 1);
    pbase_status status = journal_repair(turn->journal, &turn->state.mark, err);
    if (status == PBASE_OK) {
        atomic_store(&turn->super->anchor, turn->state.anchor);
    }
    atomic_fetch_add(&turn->moving, 1);
    if (status == PBASE_OK) {
        journal_mark_get(turn->journal, &turn->state.mark);
        turn->state.appending = 0;
        board_write(turn);
    }
    return status;
}

/* Stands where `state` says. With `watch`. */
static pbase_status stand_at(file_turn *turn, const file_board_state *state, bool in_order,
                             pbase_error *err)
{
    atomic_fetch_add(&turn->moving, 1);
    pbase_status status = journal_follow(turn->journal, &state->mark, in_order, err);
    if (status == PBASE_OK) {
        atomic_store(&turn->super->anchor, state->anchor);
        atomic_store(&turn->known, state->generation);
    }
    atomic_fetch_add(&turn->moving, 1);
    return status;
}

void file_turn_head(file_turn *turn, pbase_journal_head *out)
{
    const pbase_os *os = os_of(turn);
    for (;;) {
        uint32_t moving = atomic_load(&turn->moving);
        journal_head(turn->journal, out);
        out->anchor = atomic_load(&turn->super->anchor);
        if (moving % 2 == 0 && moving == atomic_load(&turn->moving) && out->anchor <= out->head) {
            return;
        }
        os->thread->yield(os);
    }
}

const uint64_t *file_turn_pulse(const file_turn *turn)
{
    return turn->is_shared ? file_board_pulse(&turn->board) : NULL;
}

/* Goes on where the last user stopped. With `watch`, in a turn. */
static pbase_status catch_up(file_turn *turn, pbase_error *err)
{
    uint64_t appending = file_board_appending(&turn->board);
    bool is_known = file_board_generation(&turn->board) == atomic_load(&turn->known);
    bool is_mine = appending == 0 || appending == turn->user;
    if (is_known && is_mine && (appending != 0 || journal_is_ready(turn->journal))) {
        return PBASE_OK;
    }
    pbase_status status = board_load(turn, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (turn->state.appending != 0 && turn->state.appending != turn->user) {
        return repair(turn, err);
    }
    return stand_at(turn, &turn->state, turn->state.appending == 0, err);
}

pbase_status file_turn_refresh(file_turn *turn, pbase_error *err)
{
    if (!turn->is_shared || file_board_generation(&turn->board) == atomic_load(&turn->known)) {
        return PBASE_OK;
    }
    file_board_state state;
    pbase_error why;
    pbase_error_init(&why);
    lock(turn, turn->watch);
    pbase_status status = file_board_read(&turn->board, &state, &why);
    if (status == PBASE_OK && state.generation != atomic_load(&turn->known)) {
        status = stand_at(turn, &state, false, &why);
        turn->state = status == PBASE_OK ? state : turn->state;
    }
    unlock(turn, turn->watch);
    if (status == PBASE_CORRUPT) { /* somebody died while writing it: a turn makes it whole */
        status = file_turn_begin(turn, NULL, &why);
        if (status == PBASE_OK) {
            file_turn_end(turn);
        }
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

/* ------------------------------------------------------------------------------------ turns --- */

static pbase_status turn_take(file_turn *turn, const pbase_call *call, pbase_error *err)
{
    pbase_status status = pbase_blocks_acquire(turn->blocks, call, WRITER, false, err);
    if (status != PBASE_OK || turn->journal == NULL) { /* it is being opened */
        return status;
    }
    lock(turn, turn->watch);
    status = catch_up(turn, err);
    unlock(turn, turn->watch);
    if (status != PBASE_OK) {
        pbase_blocks_release(turn->blocks, WRITER);
    }
    return status;
}

pbase_status file_turn_begin(file_turn *turn, const pbase_call *call, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (!turn->is_shared) {
        return PBASE_OK;
    }
    lock(turn, turn->hold);
    if (turn->turns == 0) {
        status = turn_take(turn, call, err);
    }
    turn->turns += status == PBASE_OK;
    unlock(turn, turn->hold);
    return status;
}

void file_turn_end(file_turn *turn)
{
    if (!turn->is_shared) {
        return;
    }
    lock(turn, turn->hold);
    PBASE_ASSERT(turn->turns > 0);
    turn->turns--;
    if (turn->turns == 0) {
        pbase_blocks_release(turn->blocks, WRITER);
    }
    unlock(turn, turn->hold);
}

void file_turn_announce(file_turn *turn)
{
    if (turn->is_shared) {
        lock(turn, turn->watch);
        turn->appends++;
        file_board_announce(&turn->board, turn->user);
        unlock(turn, turn->watch);
    }
}

/* Tells where the journal stands; the mark goes when no thread of ours appends. With `watch`. */
static void publish(file_turn *turn)
{
    journal_mark_get(turn->journal, &turn->state.mark);
    turn->state.anchor = atomic_load(&turn->super->anchor);
    turn->state.appending = turn->appends == 0 && journal_is_ready(turn->journal) ? 0 : turn->user;
    board_write(turn);
}

void file_turn_conclude(file_turn *turn, bool appended)
{
    if (!turn->is_shared) {
        return;
    }
    lock(turn, turn->watch);
    turn->appends--;
    if (appended) { /* else the mark stays: the next append, or the next user, finds out */
        publish(turn);
    }
    unlock(turn, turn->watch);
}

void file_turn_publish(file_turn *turn)
{
    if (turn->is_shared) {
        lock(turn, turn->watch);
        publish(turn);
        unlock(turn, turn->watch);
    }
}

/* ----------------------------------------------------------------------------------- fences --- */

/* A token above all that anybody gave out. In a turn. */
static uint64_t fence_take(file_turn *turn)
{
    lock(turn, turn->watch);
    if (turn->state.holder != turn->user || turn->fence_next == turn->fence_end) {
        turn->fence_next = turn->state.fence;
        turn->state.holder = turn->user;
        turn->state.fence += FENCES_AT_ONCE;
        turn->fence_end = turn->state.fence;
        board_write(turn);
    }
    uint64_t fence = ++turn->fence_next;
    unlock(turn, turn->watch);
    return fence;
}

pbase_status file_turn_fence_check(file_turn *turn, uint64_t fence, pbase_error *err)
{
    pbase_status status = lock_table_check(turn->locks, WRITER, fence, err);
    if (status != PBASE_OK || !turn->is_shared || fence == 0) {
        return status;
    }
    lock(turn, turn->watch);
    bool is_mine = turn->state.holder == turn->user && fence <= turn->fence_next &&
                   fence > turn->fence_end - FENCES_AT_ONCE;
    bool is_old = !is_mine && fence <= turn->state.fence;
    unlock(turn, turn->watch);
    return is_old ? PBASE_FAIL(err, PBASE_FENCED,
                               "the lock '" WRITER "' was granted to another process after token "
                               "%" PRIu64,
                               fence)
                  : PBASE_OK;
}

/* ------------------------------------------------------------------------------ named locks --- */

static bool is_writer(const char *name)
{
    return strcmp(name, WRITER) == 0;
}

/* With `hold`. */
static unsigned grants_of(const file_turn *turn, const char *name)
{
    unsigned count = 0;
    for (const turn_grant *grant = turn->grants; grant != NULL; grant = grant->next) {
        count += strcmp(grant->name, name) == 0;
    }
    return count;
}

/* Gives a grant its token: those who look for theirs pass it by until then. In a turn. */
static void grant_number(file_turn *turn, turn_grant *grant)
{
    uint64_t fence = fence_take(turn);
    lock(turn, turn->hold);
    grant->fence = fence;
    unlock(turn, turn->hold);
}

/* Takes a lock of the provider, which all holds of this user share. `grant` is in the list. */
static pbase_status named_take(file_turn *turn, const pbase_call *call, turn_grant *grant,
                               uint32_t mode, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    lock(turn, turn->hold);
    bool is_held = grants_of(turn, grant->name) > 1;
    unlock(turn, turn->hold);
    if (!is_held) {
        status =
            pbase_blocks_acquire(turn->blocks, call, grant->name, mode == PBASE_LOCK_SHARED, err);
    }
    if (status == PBASE_OK) {
        status = file_turn_begin(turn, NULL, err);
    }
    if (status == PBASE_OK) {
        grant_number(turn, grant);
        file_turn_end(turn);
    }
    return status;
}

static pbase_status writer_take(file_turn *turn, const pbase_call *call, turn_grant *grant,
                                pbase_error *err)
{
    pbase_status status = file_turn_begin(turn, call, err);
    if (status == PBASE_OK) {
        grant_number(turn, grant);
    }
    return status;
}

static pbase_status grant_add(file_turn *turn, const char *name, turn_grant **out, pbase_error *err)
{
    if (strlen(name) > PBASE_LOCK_NAME_BYTES) {
        return PBASE_FAIL(err, PBASE_LIMIT, "the name of a lock has at most %u bytes",
                          PBASE_LOCK_NAME_BYTES);
    }
    turn_grant *grant = pbase_alloc_zeroed(turn->host->alloc, 1, sizeof *grant);
    if (grant == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to hold the lock '%s'", name);
    }
    memcpy(grant->name, name, strlen(name) + 1);
    lock(turn, turn->hold);
    grant->next = turn->grants;
    turn->grants = grant;
    unlock(turn, turn->hold);
    *out = grant;
    return PBASE_OK;
}

/* Ends a grant, and with the last one of a name the provider's lock. `is_granted` false: it was only
 * waited for. */
static void grant_remove(file_turn *turn, turn_grant *grant, bool is_granted)
{
    lock(turn, turn->hold);
    turn_grant **at = &turn->grants;
    while (*at != grant) {
        at = &(*at)->next;
    }
    *at = grant->next;
    bool is_last = grants_of(turn, grant->name) == 0;
    if (is_last && !is_writer(grant->name)) {
        pbase_blocks_release(turn->blocks, grant->name);
    }
    unlock(turn, turn->hold);
    if (is_granted && is_writer(grant->name)) {
        file_turn_end(turn);
    }
    pbase_alloc_free(turn->host->alloc, grant, sizeof *grant);
}

static turn_grant *grant_find(file_turn *turn, const char *name, uint64_t fence)
{
    lock(turn, turn->hold);
    turn_grant *grant = turn->grants;
    while (grant != NULL && (grant->fence != fence || strcmp(grant->name, name) != 0)) {
        grant = grant->next;
    }
    unlock(turn, turn->hold);
    return grant;
}

pbase_status file_turn_acquire(file_turn *turn, const pbase_call *call, const char *name,
                               uint32_t mode, uint64_t lease_ms, uint64_t *out_fence,
                               pbase_error *err)
{
    uint64_t local = 0;
    turn_grant *grant = NULL;
    pbase_status status = lock_table_acquire(turn->locks, call, name, mode, lease_ms, &local, err);
    if (status != PBASE_OK || !turn->is_shared) {
        *out_fence = status == PBASE_OK ? local : *out_fence;
        return status;
    }
    status = grant_add(turn, name, &grant, err);
    if (status == PBASE_OK) {
        status = is_writer(name) ? writer_take(turn, call, grant, err)
                                 : named_take(turn, call, grant, mode, err);
        if (status != PBASE_OK) {
            grant_remove(turn, grant, false);
        }
    }
    if (status != PBASE_OK) {
        lock_table_release(turn->locks, name, local);
        return status;
    }
    lock_table_renumber(turn->locks, name, local, grant->fence);
    *out_fence = grant->fence;
    return PBASE_OK;
}

void file_turn_release(file_turn *turn, const char *name, uint64_t fence)
{
    turn_grant *grant = turn->is_shared && fence != 0 ? grant_find(turn, name, fence) : NULL;
    if (grant != NULL) {
        grant_remove(turn, grant, true);
    }
    lock_table_release(turn->locks, name, fence); /* last: then somebody else may come */
}

/* ------------------------------------------------------------------------------------- life --- */

static pbase_status attach(file_turn *turn, pbase_error *err)
{
    const pbase_os *os = os_of(turn);
    pbase_call call = {.deadline_ns = pbase_os_deadline(os, JOIN_TIMEOUT_MS)};
    while (turn->user == 0 || turn->user == UINT64_MAX) {
        os->system->random(os, &turn->user, sizeof turn->user);
    }
    pbase_status status = file_turn_begin(turn, &call, err);
    if (status == PBASE_OK) {
        status = pbase_blocks_attach(turn->blocks, NULL, &turn->is_alone, err);
    }
    if (status == PBASE_OK) {
        status = file_needs_open(&turn->needs, turn->host, turn->blocks, &call, err);
    }
    return status == PBASE_OK ? file_board_open(&turn->board, turn->host, turn->blocks, err)
                              : status;
}

pbase_status file_turn_open(file_turn *turn, const pbase_host *host, pbase_blocks *blocks,
                            bool is_shared, pbase_error *err)
{
    turn->host = host;
    turn->blocks = blocks;
    turn->is_shared = is_shared;
    turn->board.host = host;
    turn->is_alone = true;
    pbase_status status = host->os->lock->mutex_create(host->os, &turn->hold, err);
    if (status == PBASE_OK) {
        status = host->os->lock->mutex_create(host->os, &turn->watch, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (is_shared) {
        return attach(turn, err);
    }
    return (blocks->vtable->capabilities & PBASE_BLOCKS_LOCK) != 0
               ? pbase_blocks_lock(blocks, NULL, err)
               : PBASE_OK;
}

pbase_status file_turn_joins(file_turn *turn, file_super *super, journal_mark *out,
                             pbase_error *err)
{
    turn->super = super;
    lock(turn, turn->watch);
    pbase_status status = board_load(turn, err);
    *out = turn->state.mark;
    unlock(turn, turn->watch);
    return status;
}

/* With `watch`. */
static void board_make(file_turn *turn)
{
    file_board_state before;
    uint64_t generation = file_board_peek(&turn->board, &before) ? before.generation : 0;
    turn->state = (file_board_state){.generation = generation,
                                     .appending = journal_is_ready(turn->journal) ? 0 : turn->user,
                                     .fence = turn->super->fence_base,
                                     .anchor = atomic_load(&turn->super->anchor)};
    journal_mark_get(turn->journal, &turn->state.mark);
    board_write(turn);
}

pbase_status file_turn_start(file_turn *turn, file_super *super, journal *opened, pbase_error *err)
{
    turn->super = super;
    turn->journal = opened;
    pbase_status status =
        lock_table_create(os_of(turn), turn->host->alloc, super->fence_base, &turn->locks, err);
    if (status != PBASE_OK || !turn->is_shared) {
        return status;
    }
    lock(turn, turn->watch);
    if (turn->is_alone) {
        board_make(turn);
    } else {
        status = catch_up(turn, err);
    }
    unlock(turn, turn->watch);
    if (status == PBASE_OK) {
        file_turn_end(turn);
    }
    return status;
}

typedef struct {
    const pbase_host *host;
    pbase_status (*each)(void *state, pbase_bytes needs, pbase_error *err);
    void *state;
} others_run;

static pbase_status tell_slot(void *state, const uint8_t *slot, pbase_error *err)
{
    const others_run *run = state;
    uint8_t needs[PBASE_NEEDS_BYTES_MAX];
    size_t size = 0;
    pbase_status status = file_needs_read(run->host, slot, needs, &size, err);
    return status == PBASE_OK ? run->each(run->state, pbase_bytes_of(needs, size), err) : status;
}

pbase_status file_turn_others(file_turn *turn, const pbase_call *call,
                              pbase_status (*each)(void *state, pbase_bytes needs,
                                                   pbase_error *err),
                              void *state, pbase_error *err)
{
    others_run run = {.host = turn->host, .each = each, .state = state};
    if (!turn->is_shared) {
        return PBASE_OK;
    }
    pbase_status status = file_turn_begin(turn, call, err);
    if (status == PBASE_OK) {
        status = pbase_blocks_slots_each(turn->blocks, call, FILE_NEEDS_SLOT, FILE_NEEDS_SLOT_BYTES,
                                         tell_slot, &run, err);
        file_turn_end(turn);
    }
    return status;
}

bool file_turn_leave(file_turn *turn)
{
    pbase_call call = {.deadline_ns = pbase_os_deadline(os_of(turn), JOIN_TIMEOUT_MS)};
    if (!turn->is_shared) {
        return true;
    }
    turn->has_left =
        file_turn_begin(turn, &call, NULL) == PBASE_OK && pbase_blocks_leave(turn->blocks);
    return turn->has_left;
}

void file_turn_close(file_turn *turn)
{
    if (turn->host == NULL) {
        return;
    }
    while (turn->grants != NULL) {
        grant_remove(turn, turn->grants, true);
    }
    if (turn->turns > 0 && !turn->has_left) {
        pbase_blocks_release(turn->blocks, WRITER);
    }
    lock_table_destroy(turn->locks);
    if (turn->watch != NULL) {
        os_of(turn)->lock->mutex_destroy(turn->watch);
    }
    if (turn->hold != NULL) {
        os_of(turn)->lock->mutex_destroy(turn->hold);
    }
}
