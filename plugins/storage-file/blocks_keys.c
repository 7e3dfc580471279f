/* blocks_keys.c - one key at a time, whoever asks.
 *
 * Before the first write the mark of an orderly end is gone for good, so that a crash from then on is
 * never taken for one. */
#include "blocks_keys.h"

#include "file_key.h"

#include <inttypes.h>
#include <stdio.h>

/* A key is replaced by several steps; between processes a lock makes them one. */
#define KEYS_LOCK "keys"

/* With the mutex held. */
static pbase_status keys_lock(file_blocks *self, pbase_error *err)
{
    return self->attached ? file_locks_acquire(self->locks, NULL, KEYS_LOCK, false, err) : PBASE_OK;
}

static void keys_unlock(file_blocks *self)
{
    if (self->attached) {
        file_locks_release(self->locks, KEYS_LOCK);
    }
}

/* What is read of a key. */
typedef struct {
    pbase_arena *arena;
    pbase_bytes document;
    uint64_t version;
    pbase_key_finding finding;
} key_look;

static pbase_status look_once(file_blocks *self, const char *key, key_look *out, pbase_error *err)
{
    return file_key_get(&self->folder, key, out->arena, &out->document, &out->version,
                        &out->finding, err);
}

/* Reads a key without the lock at first: a new version is written beside the newest one, so two whole
 * slots, read one after the other, hold a version that was the newest meanwhile. Where one is not whole,
 * somebody may be writing it: then again, with the lock. With the mutex held. */
static pbase_status look(file_blocks *self, const char *key, key_look *out, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = look_once(self, key, out, &why);
    bool is_doubtful =
        status == PBASE_CORRUPT || (status == PBASE_OK && out->finding.text[0] != '\0');
    if (is_doubtful && self->attached) {
        pbase_error_init(&why);
        status = keys_lock(self, &why);
        if (status == PBASE_OK) {
            status = look_once(self, key, out, &why);
            keys_unlock(self);
        }
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

/* False: a slot may be torn, which is no damage. With the mutex held. */
static bool may_tell(file_blocks *self)
{
    return self->found_clean && !self->keys_failed && file_blocks_is_undisturbed(self);
}

pbase_status blocks_keys_get(pbase_blocks *base, const pbase_call *call, const char *key,
                             pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                             pbase_error *err)
{
    return blocks_keys_read(base, call, key, arena, out, out_version, NULL, err);
}

pbase_status blocks_keys_read(pbase_blocks *base, const pbase_call *call, const char *key,
                              pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                              pbase_key_finding *out_finding, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    key_look found = {.arena = arena};
    pbase_status status = file_blocks_enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    bool tells = out_finding != NULL && may_tell(self); /* before it is looked */
    status = look(self, key, &found, err);
    file_blocks_unlock(self);
    if (status != PBASE_OK) {
        return status;
    }
    if (found.finding.text[0] != '\0') {
        pbase_log_write(self->host->log, PBASE_LOG_WARNING, "block_provider/file",
                        "key '%s': one slot is torn or damaged; version %" PRIu64 " is used", key,
                        found.version);
    }
    *out = found.document;
    *out_version = found.version;
    if (tells) {
        *out_finding = found.finding;
    }
    return PBASE_OK;
}

pbase_status blocks_keys_verify(pbase_blocks *base, const pbase_call *call, const char *key,
                                pbase_key_finding *out, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_arena arena;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = file_blocks_enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_arena_init(&arena, self->host->alloc);
    key_look found = {.arena = &arena};
    if (may_tell(self)) {
        status = look(self, key, &found, &why);
    }
    file_blocks_unlock(self);
    pbase_arena_fini(&arena);
    if (status == PBASE_CORRUPT || status == PBASE_FORMAT) {
        (void)snprintf(out->text, sizeof out->text, "%s", why.message);
        return PBASE_OK;
    }
    if (status == PBASE_OK) {
        *out = found.finding;
    } else if (err != NULL) {
        *err = why;
    }
    return status;
}

/* Before the first write to a key: a crash from now on is never taken for an orderly end. Who did not
 * find the mark does not know whether it is gone from the disk. After a flush that failed nobody
 * will: no key is written any more. */
static pbase_status mark_forget(file_blocks *self, pbase_error *err)
{
    if (self->lock_file == NULL || self->mark_is_gone) {
        return PBASE_OK;
    }
    pbase_status status = self->host->os->file->sync(self->lock_file, err);
    if (status == PBASE_NO_SPACE) { /* which would be tried again once there is some */
        status = PBASE_FAIL(err, PBASE_IO, "the flush found no space");
    }
    self->mark_is_gone = status == PBASE_OK;
    self->keys_failed = status != PBASE_OK;
    return status;
}

pbase_status blocks_keys_cas(pbase_blocks *base, const pbase_call *call, const char *key,
                             uint64_t expected, pbase_bytes document, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_error failure;
    pbase_error_init(&failure);
    pbase_status status = file_blocks_check_writes(self, err);
    status = status == PBASE_OK ? file_blocks_enter(self, call, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    status = keys_lock(self, err);
    if (status != PBASE_OK) {
        file_blocks_unlock(self);
        return status;
    }
    if (self->lock_file != NULL) { /* so that the first frame after it has the right unit */
        file_direct_measure(&self->direct, self->lock_file);
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
    keys_unlock(self);
    file_blocks_unlock(self);
    if (status != PBASE_OK && err != NULL) {
        *err = failure;
    }
    return status;
}

static pbase_status mend_one(void *state, const pbase_block_info *info, pbase_error *err)
{
    file_blocks *self = state;
    const char *key = info->name + strlen(FILE_FOLDER_KEYS);
    pbase_error failure;
    bool was_torn = false;
    pbase_error_init(&failure);
    pbase_status status = file_key_mend(&self->folder, key, &was_torn, &failure);
    self->keys_failed = self->keys_failed || failure.outcome == PBASE_OUTCOME_UNKNOWN;
    if (was_torn) {
        pbase_log_write(self->host->log, PBASE_LOG_WARNING, "block_provider/file",
                        "key '%s': a slot that a crash tore was emptied", key);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = failure;
    }
    return status;
}

pbase_status blocks_keys_mend(file_blocks *self, pbase_error *err)
{
    return file_folder_list(&self->folder, FILE_FOLDER_KEYS, mend_one, self, err);
}
