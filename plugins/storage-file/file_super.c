/* file_super.c - every replacement builds the next block, stores it, and only then believes it. */
#include "file_super.h"

#include <inttypes.h>

static void lock(file_super *super)
{
    super->host->os->lock->mutex_lock(super->mutex);
}

static void unlock(file_super *super)
{
    super->host->os->lock->mutex_unlock(super->mutex);
}

pbase_status file_super_check(const file_super *super, pbase_error *err)
{
    return atomic_load(&super->failed)
               ? PBASE_FAIL(err, PBASE_READ_ONLY,
                            "the super block could not be flushed: open the space again")
               : PBASE_OK;
}

/* Between processes it moves together with the head of the journal (file_turn.h). */
static void anchor_take(file_super *super)
{
    if (!super->shared) {
        atomic_store(&super->anchor, super->block.anchor);
    }
}

/* Makes `next` the super block. With the mutex held, or alone. */
static pbase_status replace(file_super *super, const super_block *next, pbase_error *err)
{
    uint8_t bytes[SUPER_BYTES];
    pbase_error failure;
    pbase_error_init(&failure);
    pbase_status status = file_super_check(super, err);
    if (status != PBASE_OK) {
        return status;
    }
    super_encode(super->host, next, bytes);
    /* No deadline: a super block that may or may not be there would poison the space. */
    status = pbase_blocks_key_cas(super->blocks, NULL, SUPER_KEY, super->version,
                                  pbase_bytes_of(bytes, sizeof bytes), &failure);
    if (status == PBASE_OK) {
        super->block = *next;
        super->version++;
        anchor_take(super);
        return PBASE_OK;
    }
    bool overtaken = status == PBASE_CONFLICT && super->shared;
    if (!overtaken && (failure.outcome != PBASE_OUTCOME_NOT_APPLIED || status == PBASE_CONFLICT)) {
        atomic_store(&super->failed, true);
    }
    pbase_error_note(&failure, "writing the super block");
    if (err != NULL) {
        *err = failure;
    }
    return status;
}

/* Reads the stored block. With the mutex held, or alone. */
static pbase_status load(file_super *super, const pbase_call *call, super_block *out,
                         uint64_t *out_version, pbase_error *err)
{
    pbase_arena arena;
    pbase_bytes bytes;
    uint64_t version = 0;
    pbase_arena_init(&arena, super->host->alloc);
    pbase_status status =
        pbase_blocks_key_get(super->blocks, call, SUPER_KEY, &arena, &bytes, &version, err);
    if (status == PBASE_OK) {
        status = super_decode(super->host, bytes, out, err);
    }
    if (status == PBASE_OK) {
        *out_version = version;
    }
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status reload(file_super *super, pbase_error *err)
{
    pbase_status status = load(super, NULL, &super->block, &super->version, err);
    if (status == PBASE_OK) {
        anchor_take(super);
    }
    return status;
}

/* One change of the block: false when there is nothing to do. */
typedef bool (*super_edit)(const file_super *super, super_block *next, const void *wanted);

/* Makes the change, again when another user was faster. With the mutex held. */
static pbase_status edit(file_super *super, super_edit change, const void *wanted, pbase_error *err)
{
    pbase_status status = PBASE_CONFLICT;
    while (status == PBASE_CONFLICT) {
        super_block next = super->block;
        if (!change(super, &next, wanted)) {
            return file_super_check(super, err);
        }
        status = replace(super, &next, err);
        if (status == PBASE_CONFLICT && super->shared) {
            pbase_status reloaded = reload(super, err);
            status = reloaded == PBASE_OK ? PBASE_CONFLICT : reloaded;
        } else if (status == PBASE_CONFLICT) {
            return status;
        }
    }
    return status;
}

pbase_status file_super_reload(file_super *super, pbase_error *err)
{
    lock(super);
    pbase_status status = reload(super, err);
    unlock(super);
    return status;
}

/* ------------------------------------------------------------------------------------ open --- */

static pbase_status found_orphan(void *state, const pbase_block_info *info, pbase_error *err)
{
    (void)state;
    pbase_status status =
        PBASE_FAIL(err, PBASE_CORRUPT, "the super block is missing, but '%s' is there", info->name);
    pbase_error_hint(err, "restore the key '%s' from a backup", SUPER_KEY);
    return status;
}

/* A space without super block is new, unless something is left of an old one. */
static pbase_status create(file_super *super, pbase_error *err)
{
    const pbase_os *os = super->host->os;
    super_block fresh = {.next_log_id = 1, .fence_base = FILE_SUPER_FENCES_PER_OPEN};
    pbase_status status =
        pbase_blocks_list(super->blocks, NULL, "journal/", found_orphan, NULL, err);
    if (status == PBASE_OK) {
        status = pbase_blocks_list(super->blocks, NULL, "store/", found_orphan, NULL, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    os->system->random(os, &fresh.space_id, sizeof fresh.space_id);
    status = replace(super, &fresh, err);
    atomic_store(&super->changed, status == PBASE_OK);
    return status;
}

pbase_status file_super_open(file_super *super, const pbase_host *host, pbase_blocks *blocks,
                             bool shared, bool joined, pbase_error *err)
{
    pbase_arena arena;
    pbase_bytes bytes;
    super->host = host;
    super->blocks = blocks;
    super->shared = shared;
    super->joined = joined;
    pbase_status status = host->os->lock->mutex_create(host->os, &super->mutex, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_arena_init(&arena, host->alloc);
    status = pbase_blocks_key_get(blocks, NULL, SUPER_KEY, &arena, &bytes, &super->version, err);
    if (status == PBASE_OK && super->version == 0) {
        status = create(super, err);
    } else if (status == PBASE_OK) {
        status = super_decode(host, bytes, &super->block, err);
        super->fence_base = super->block.fence_base;
    }
    atomic_store(&super->anchor, super->block.anchor);
    pbase_arena_fini(&arena);
    return status;
}

void file_super_close(file_super *super)
{
    if (super->mutex != NULL) {
        super->host->os->lock->mutex_destroy(super->mutex);
        super->mutex = NULL;
    }
}

/* ----------------------------------------------------------------------------- replacements --- */

/* From now on not closed cleanly. Whoever opened first makes tokens begin anew as well. */
static bool edit_change(const file_super *super, super_block *next, const void *wanted)
{
    (void)wanted;
    if (super->joined && next->closed_at == 0 && next->active_log_id == 0) {
        return false;
    }
    next->closed_at = 0;
    next->active_log_id = 0;
    next->active_bytes = 0;
    next->fence_base += super->joined ? 0 : FILE_SUPER_FENCES_PER_OPEN;
    return true;
}

pbase_status file_super_change(file_super *super, pbase_error *err)
{
    pbase_status status = file_super_check(super, err);
    if (status != PBASE_OK || atomic_load(&super->changed)) {
        return status;
    }
    lock(super);
    if (!atomic_load(&super->changed)) {
        status = edit(super, edit_change, NULL, err);
        atomic_store(&super->changed, status == PBASE_OK);
    }
    unlock(super);
    return status;
}

static uint32_t larger_id(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static bool edit_trim(const file_super *super, super_block *next, const void *wanted)
{
    const super_block *trimmed = wanted;
    (void)super;
    next->first = trimmed->first > next->first ? trimmed->first : next->first;
    next->anchor = trimmed->anchor;
    next->next_log_id = larger_id(trimmed->next_log_id, next->next_log_id);
    return true;
}

pbase_status file_super_trim(file_super *super, pbase_position upto, pbase_position anchor,
                             uint32_t next_log_id, pbase_error *err)
{
    super_block wanted = {.first = upto, .anchor = anchor, .next_log_id = next_log_id};
    lock(super);
    pbase_status status = edit(super, edit_trim, &wanted, err);
    unlock(super);
    return status;
}

static bool edit_enter(const file_super *super, super_block *next, const void *wanted)
{
    const journal_entered *entered = wanted;
    (void)super;
    next->entered = *entered;
    return true;
}

pbase_status file_super_enter(file_super *super, const journal_entered *entered, pbase_error *err)
{
    lock(super);
    pbase_status status = edit(super, edit_enter, entered, err);
    unlock(super);
    return status;
}

static bool edit_remember(const file_super *super, super_block *next, const void *wanted)
{
    const uint32_t *next_log_id = wanted;
    (void)super;
    if (*next_log_id <= next->next_log_id) {
        return false;
    }
    next->next_log_id = *next_log_id;
    return true;
}

pbase_status file_super_remember(file_super *super, uint32_t log_id, uint32_t next_log_id,
                                 pbase_error *err)
{
    pbase_status status = PBASE_OK;
    lock(super);
    if (log_id >= super->block.next_log_id) {
        status = edit(super, edit_remember, &next_log_id, err);
    }
    unlock(super);
    return status;
}

static bool edit_take_id(const file_super *super, super_block *next, const void *wanted)
{
    const uint32_t *at_least = wanted;
    (void)super;
    next->next_log_id = larger_id(*at_least, next->next_log_id) + 1;
    return true;
}

pbase_status file_super_take_id(file_super *super, uint32_t at_least, uint32_t *out,
                                pbase_error *err)
{
    pbase_status status = PBASE_OK;
    lock(super);
    if (larger_id(at_least, super->block.next_log_id) > PBASE_ATOM_LOG_MAX) {
        status = PBASE_FAIL(err, PBASE_LIMIT, "all %u log ids are used up", PBASE_ATOM_LOG_MAX);
        pbase_error_hint(err, "copy the space to a new one");
    } else {
        status = edit(super, edit_take_id, &at_least, err);
    }
    if (status == PBASE_OK) {
        *out = super->block.next_log_id - 1;
    }
    unlock(super);
    return status;
}

static bool edit_leave(const file_super *super, super_block *next, const void *wanted)
{
    const super_block *closing = wanted;
    (void)super;
    next->closed_at = closing->closed_at;
    next->entered = closing->entered;
    next->next_log_id = larger_id(closing->next_log_id, next->next_log_id);
    next->active_log_id = closing->active_log_id;
    next->active_bytes = closing->active_bytes;
    return true;
}

pbase_status file_super_leave(file_super *super, const super_block *closing, pbase_error *err)
{
    lock(super);
    pbase_status status = edit(super, edit_leave, closing, err);
    unlock(super);
    return status;
}

/* ---------------------------------------------------------------------------------- verify --- */

/* Compares the stored block with the known one. With the mutex held. */
static pbase_status compare(file_super *super, const pbase_call *call, pbase_error *err)
{
    super_block stored;
    uint64_t version = 0;
    pbase_status status = load(super, call, &stored, &version, err);
    bool is_expected = super->shared ? version >= super->version : version == super->version;
    if (status == PBASE_OK && !is_expected) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "the super block has version %" PRIu64 "; %" PRIu64 " was written",
                            version, super->version);
    }
    return status;
}

pbase_status file_super_verify(file_super *super, const pbase_call *call, pbase_verify_each each,
                               void *state, pbase_error *err)
{
    pbase_error finding;
    pbase_error_init(&finding);
    lock(super);
    pbase_status status = compare(super, call, &finding);
    unlock(super);
    if (status == PBASE_CORRUPT || status == PBASE_FORMAT) {
        return each(state, status, "super block", finding.message, err);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = finding;
    }
    return status;
}
