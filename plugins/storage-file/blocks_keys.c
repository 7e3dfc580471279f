/* blocks_keys.c - one key at a time, whoever asks.
 *
 * Before the first write the mark of an orderly end is gone for good, so that a crash from then on is
 * never taken for one. */
#include "blocks_keys.h"

#include "file_key.h"

/* Keys are read and replaced by several steps; between processes a lock makes them one. */
#define KEYS_LOCK "keys"

static pbase_status keys_enter(file_blocks *self, const pbase_call *call, pbase_error *err)
{
    pbase_status status = file_blocks_enter(self, call, err);
    if (status == PBASE_OK && self->attached) {
        status = file_locks_acquire(self->locks, NULL, KEYS_LOCK, false, err); /* held briefly */
        if (status != PBASE_OK) {
            file_blocks_unlock(self);
        }
    }
    return status;
}

static void keys_leave(file_blocks *self)
{
    if (self->attached) {
        file_locks_release(self->locks, KEYS_LOCK);
    }
    file_blocks_unlock(self);
}

pbase_status blocks_keys_get(pbase_blocks *base, const pbase_call *call, const char *key,
                             pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                             pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_status status = keys_enter(self, call, err);
    if (status == PBASE_OK) {
        status = file_key_get(&self->folder, key, arena, out, out_version, err);
        keys_leave(self);
    }
    return status;
}

pbase_status blocks_keys_verify(pbase_blocks *base, const pbase_call *call, const char *key,
                                pbase_key_finding *out, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_status status = keys_enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (self->found_clean && !self->keys_failed) { /* else a slot may be torn, which is no damage */
        status = file_key_verify(&self->folder, key, out, err);
    }
    keys_leave(self);
    return status;
}

/* Before the first write to a key: a crash from now on is never taken for an orderly end. */
static pbase_status mark_forget(file_blocks *self, pbase_error *err)
{
    pbase_status status = self->found_clean && !self->mark_is_gone
                              ? file_folder_sync(&self->folder, FILE_FOLDER_CLEAN, err)
                              : PBASE_OK;
    self->mark_is_gone = self->mark_is_gone || status == PBASE_OK;
    return status;
}

pbase_status blocks_keys_cas(pbase_blocks *base, const pbase_call *call, const char *key,
                             uint64_t expected, pbase_bytes document, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_error failure;
    pbase_error_init(&failure);
    pbase_status status = file_blocks_check_writes(self, err);
    status = status == PBASE_OK ? keys_enter(self, call, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    if (self->keys_failed) {
        status = PBASE_FAIL(&failure, PBASE_READ_ONLY,
                            "a key could not be flushed before: open the folder again");
    } else {
        status = mark_forget(self, &failure);
    }
    if (status == PBASE_OK) {
        status = file_key_cas(&self->folder, key, expected, document, &failure);
        self->keys_failed = failure.outcome == PBASE_OUTCOME_UNKNOWN;
        self->names_durable = status == PBASE_OK || status == PBASE_CONFLICT;
    }
    keys_leave(self);
    if (status != PBASE_OK && err != NULL) {
        *err = failure;
    }
    return status;
}
