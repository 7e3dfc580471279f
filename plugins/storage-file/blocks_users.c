/* blocks_users.c - coming, leaving, and the mark that an orderly end leaves.
 *
 * The mutex makes coming and leaving atomic within the process; what goes through file_locks.c has a
 * lock of its own. */
#include "blocks_users.h"

#include "blocks_keys.h"

#include <inttypes.h>

static pbase_status busy(const file_blocks *self, uint64_t holder, pbase_error *err)
{
    pbase_status status =
        holder == 0 ? PBASE_FAIL(err, PBASE_BUSY, "the folder '%s' is in use by another process",
                                 (const char *)self->folder.root.data)
                    : PBASE_FAIL(err, PBASE_BUSY, "the folder '%s' is in use by process %" PRIu64,
                                 (const char *)self->folder.root.data, holder);
    pbase_error_hint(err, "close it there first; who opens it for itself alone shares it with "
                          "nobody");
    return status;
}

static pbase_status lock_file_open(file_blocks *self, pbase_os_file **out, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_buffer path;
    pbase_buffer_init(&path, self->host->alloc);
    pbase_status status = file_folder_path(&self->folder, FILE_FOLDER_LOCK, "", &path, err);
    if (status == PBASE_OK) {
        uint32_t flags =
            self->only_reads ? PBASE_OS_READ : PBASE_OS_READ | PBASE_OS_WRITE | PBASE_OS_CREATE;
        status = os->file->open(os, (const char *)path.data, flags, out, err);
    }
    pbase_buffer_fini(&path);
    return status;
}

/* With the mutex held. */
static pbase_status lock_take(file_blocks *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_os_file *file = NULL;
    uint64_t holder = 0;
    pbase_status status = lock_file_open(self, &file, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = os->file->lock(file, &holder, err);
    if (status == PBASE_OK) {
        self->lock_file = file;
        return PBASE_OK;
    }
    os->file->close(file);
    return status == PBASE_BUSY ? busy(self, holder, err) : status;
}

/* What stands behind the holder's id in LOCK; nothing in one that is new. */
typedef struct {
    char text[FILE_FOLDER_MARK_BYTES];
    size_t size;
} lock_mark;

static pbase_status mark_read(file_blocks *self, pbase_os_file *file, lock_mark *out,
                              pbase_error *err)
{
    return self->host->os->file->read(file, FILE_FOLDER_MARK_AT, out->text, sizeof out->text,
                                      &out->size, err);
}

static pbase_status mark_write(file_blocks *self, pbase_os_file *file, const char *text,
                               pbase_error *err)
{
    return self->host->os->file->write(file, FILE_FOLDER_MARK_AT, text, FILE_FOLDER_MARK_BYTES,
                                       err);
}

static bool mark_says(const lock_mark *mark, const char *text)
{
    return mark->size == FILE_FOLDER_MARK_BYTES &&
           memcmp(mark->text, text, FILE_FOLDER_MARK_BYTES) == 0;
}

bool file_blocks_is_undisturbed(file_blocks *self)
{
    lock_mark mark;
    return mark_read(self, self->lock_file, &mark, NULL) == PBASE_OK &&
           mark_says(&mark, FILE_FOLDER_MARK_OPEN);
}

/* Takes away the mark of an orderly end. With it, no folder needs a sync; a power failure may bring
 * it back, but then every name that can be seen is durable. Without it, keys are mended. With the mutex
 * held, and nobody else there. */
static pbase_status clean_take(file_blocks *self, pbase_os_file *file, pbase_error *err)
{
    lock_mark mark;
    pbase_status status = mark_read(self, file, &mark, err);
    if (status != PBASE_OK) {
        return status;
    }
    bool is_clean = mark_says(&mark, FILE_FOLDER_MARK_CLEAN);
    if (is_clean) { /* else it was not closed in order, or is new */
        status = mark_write(self, file, FILE_FOLDER_MARK_OPEN, err);
    } else {
        self->mark_is_gone = mark.size < sizeof mark.text;
        pbase_status mended = blocks_keys_mend(self, NULL);
        (void)mended; /* the end looks again: no mark is left while a slot is torn */
        if (mark_says(&mark, FILE_FOLDER_MARK_OPEN)) { /* said by somebody who has died */
            status = mark_write(self, file, FILE_FOLDER_MARK_TORN, err);
        }
    }
    self->found_clean = is_clean && status == PBASE_OK;
    self->names_durable = self->names_durable || self->found_clean;
    return status;
}

void blocks_users_leave_mark(file_blocks *self)
{
    if (self->names_durable && !self->names_pending && !self->keys_failed &&
        (file_blocks_is_undisturbed(self) || blocks_keys_mend(self, NULL) == PBASE_OK)) {
        pbase_status status = mark_write(self, self->lock_file, FILE_FOLDER_MARK_CLEAN, NULL);
        (void)status; /* without it the next opening syncs a little more */
    }
}

pbase_status blocks_users_lock(pbase_blocks *base, const pbase_call *call, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_status status = pbase_call_check(call, self->host->os, err);
    if (status != PBASE_OK) {
        return status;
    }
    file_blocks_lock(self);
    if (self->lock_file != NULL) {
        status = busy(self, self->host->os->system->process_id(self->host->os), err);
    } else {
        status = lock_take(self, err);
        if (status == PBASE_NOT_FOUND && self->only_reads) { /* nobody can have it open */
            status = PBASE_OK;
        } else if (status == PBASE_OK && !self->only_reads) {
            status = clean_take(self, self->lock_file, err);
        }
    }
    file_blocks_unlock(self);
    return status;
}

/* Takes the place among the users: exclusively for a moment, when that is possible. With the mutex
 * held. */
static pbase_status place_take(file_blocks *self, pbase_os_file *file, bool *out_alone,
                               pbase_error *err)
{
    const pbase_os_file_ops *files = self->host->os->file;
    uint64_t holder = 0;
    pbase_status status = files->lock(file, &holder, err);
    *out_alone = status == PBASE_OK;
    if (status == PBASE_OK) {
        status = clean_take(self, file, err);
        self->names_durable = self->names_durable && status == PBASE_OK;
    } else if (status != PBASE_BUSY) {
        return status;
    } else { /* those who are here made their names durable */
        self->names_durable = true;
        status = PBASE_OK;
    }
    if (status == PBASE_OK) {
        status = files->lock_try(file, true, err);
    }
    if (status == PBASE_OK && !*out_alone) { /* from now on another one may tear a slot */
        status = mark_write(self, file, FILE_FOLDER_MARK_TORN, err);
    }
    return status == PBASE_BUSY ? busy(self, holder, err) : status;
}

static pbase_status attach(pbase_blocks *base, const pbase_call *call, bool *out_alone,
                           pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_os_file *file = NULL;
    pbase_status status = pbase_call_check(call, self->host->os, err);
    status = status == PBASE_OK ? file_blocks_check_writes(self, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    file_blocks_lock(self);
    if (self->lock_file != NULL) {
        status = busy(self, self->host->os->system->process_id(self->host->os), err);
    } else {
        status = lock_file_open(self, &file, err);
    }
    if (status == PBASE_OK) {
        status = place_take(self, file, out_alone, err);
        if (status == PBASE_OK) {
            self->lock_file = file;
            self->attached = true;
        } else {
            self->host->os->file->close(file);
        }
    }
    file_blocks_unlock(self);
    return status;
}

static bool leave(pbase_blocks *base)
{
    file_blocks *self = file_blocks_from(base);
    file_blocks_lock(self);
    self->alone =
        self->attached && self->host->os->file->lock_try(self->lock_file, false, NULL) == PBASE_OK;
    bool alone = self->alone;
    file_blocks_unlock(self);
    return alone;
}

static pbase_status named_acquire(pbase_blocks *base, const pbase_call *call, const char *name,
                                  bool shared, pbase_error *err)
{
    return file_locks_acquire(file_blocks_from(base)->locks, call, name, shared, err);
}

static void named_release(pbase_blocks *base, const char *name)
{
    file_locks_release(file_blocks_from(base)->locks, name);
}

static pbase_status named_board(pbase_blocks *base, const pbase_call *call, const char *name,
                                size_t size, uint8_t **out, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_status status = pbase_call_check(call, self->host->os, err);
    return status == PBASE_OK ? file_locks_board(self->locks, name, size, out, err) : status;
}

static pbase_status slot_take(pbase_blocks *base, const pbase_call *call, const char *name,
                              size_t size, uint8_t **out, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_status status = pbase_call_check(call, self->host->os, err);
    return status == PBASE_OK ? file_locks_slot_take(self->locks, name, size, out, err) : status;
}

static pbase_status slots_each(pbase_blocks *base, const pbase_call *call, const char *name,
                               size_t size,
                               pbase_status (*each)(void *state, const uint8_t *slot,
                                                    pbase_error *err),
                               void *state, pbase_error *err)
{
    return file_locks_slots_each(file_blocks_from(base)->locks, call, name, size, each, state, err);
}

static pbase_status names_sync(pbase_blocks *base, const pbase_call *call, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_status status = pbase_call_check(call, self->host->os, err);
    if (status == PBASE_OK) {
        file_blocks_lock(self);
        status = file_folder_sync_all(&self->folder, err);
        self->names_durable = status == PBASE_OK;
        file_blocks_unlock(self);
    }
    return status;
}

const pbase_blocks_share_ops blocks_users_share_ops = {
    .struct_size = sizeof(pbase_blocks_share_ops),
    .attach = attach,
    .leave = leave,
    .acquire = named_acquire,
    .release = named_release,
    .board = named_board,
    .names_sync = names_sync,
    .slot_take = slot_take,
    .slots_each = slots_each,
};
