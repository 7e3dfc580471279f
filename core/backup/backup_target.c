/* backup_target.c - a file under another name, flushed, renamed, and its folder flushed. */
#include "backup/backup_target.h"

#include "backup/backup_source.h"

#define DRAFT_SUFFIX ".NEW"

void backup_target_init(backup_target *self, const pbase_host *host)
{
    *self = (backup_target){.host = host};
    pbase_buffer_init(&self->folder, host->alloc);
    pbase_buffer_init(&self->draft, host->alloc);
    pbase_buffer_init(&self->name, host->alloc);
}

void backup_target_close(backup_target *self)
{
    const pbase_os *os = self->host->os;
    if (self->file != NULL) {
        os->file->close(self->file);
    }
    if (self->is_begun) { /* what cannot be removed has no name of a backup */
        pbase_status status = os->directory->remove_file(os, (char *)self->draft.data, NULL);
        (void)status;
    }
    if (self->lock != NULL) {
        os->file->unlock(self->lock);
        os->file->close(self->lock);
    }
    pbase_buffer_fini(&self->folder);
    pbase_buffer_fini(&self->draft);
    pbase_buffer_fini(&self->name);
    backup_target_init(self, self->host);
}

static pbase_status set_path(pbase_buffer *path, const char *text, size_t size, const char *suffix,
                             pbase_error *err)
{
    path->size = 0;
    pbase_status status = pbase_buffer_append(path, text, size, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append(path, suffix, strlen(suffix) + 1, err); /* with its NUL */
    }
    return status;
}

/* The part before the last slash, "/" or ".". */
static pbase_status set_folder(backup_target *self, const char *path, pbase_error *err)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return set_path(&self->folder, ".", 1, "", err);
    }
    return set_path(&self->folder, path, slash == path ? 1 : (size_t)(slash - path), "", err);
}

/* What is there already under the name of the folder has to be one; links to one are. */
static pbase_status require_folder(const backup_target *self, const char *folder, pbase_error *err)
{
    bool is_folder = false;
    pbase_status status = backup_is_folder(self->host->os, folder, &is_folder, err);
    if (status == PBASE_OK && !is_folder) {
        status = PBASE_FAIL(err, PBASE_INVALID, "'%s' is a file, not a folder of backups", folder);
        pbase_error_hint(err, "give the path of a folder, or for a backup in one file a new name "
                              "with --file");
    }
    return status;
}

pbase_status backup_target_folder(backup_target *self, const char *folder, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    uint64_t holder = 0;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = os->directory->create(os, folder, &why);
    if (status != PBASE_OK && status != PBASE_EXISTS) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    status = status == PBASE_EXISTS ? require_folder(self, folder, err) : PBASE_OK;
    if (status == PBASE_OK) {
        status = set_path(&self->name, folder, strlen(folder), "/LOCK", err);
    }
    if (status == PBASE_OK) {
        status = os->file->open(os, (char *)self->name.data,
                                PBASE_OS_READ | PBASE_OS_WRITE | PBASE_OS_CREATE, &self->lock, err);
    }
    if (status == PBASE_OK) {
        status = os->file->lock(self->lock, &holder, err);
    }
    if (status == PBASE_BUSY) {
        pbase_error_note(err, "another backup goes to '%s'", folder);
    }
    return status;
}

static pbase_status refuse_existing(backup_target *self, const char *path, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_os_stat found;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = os->directory->stat(os, path, &found, &why);
    if (status == PBASE_NOT_FOUND) {
        return PBASE_OK;
    }
    if (status == PBASE_OK) {
        status = PBASE_FAIL(&why, PBASE_EXISTS, "'%s' is there already", path);
        pbase_error_hint(&why, "a backup overwrites nothing: remove it or take another name");
    }
    if (err != NULL) {
        *err = why;
    }
    return status;
}

pbase_status backup_target_begin(backup_target *self, const char *path, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_status status = refuse_existing(self, path, err);
    if (status == PBASE_OK) {
        status = set_folder(self, path, err);
    }
    if (status == PBASE_OK) {
        status = set_path(&self->name, path, strlen(path), "", err);
    }
    if (status == PBASE_OK) {
        status = set_path(&self->draft, path, strlen(path), DRAFT_SUFFIX, err);
    }
    if (status == PBASE_OK) {
        status = os->file->open(os, (char *)self->draft.data,
                                PBASE_OS_READ | PBASE_OS_WRITE | PBASE_OS_CREATE | PBASE_OS_PRIVATE,
                                &self->file, err);
    }
    if (status == PBASE_OK && self->lock == NULL) { /* two backups to one file */
        uint64_t holder = 0;
        status = os->file->lock(self->file, &holder, err);
        if (status != PBASE_OK) {
            pbase_error_note(err, "another backup goes to '%s'", path);
        }
    }
    self->is_begun = status == PBASE_OK;
    return status == PBASE_OK ? os->file->truncate(self->file, 0, err) : status;
}

static pbase_status write_file(void *state, pbase_bytes bytes, pbase_error *err)
{
    backup_target *self = state;
    pbase_status status =
        self->host->os->file->write(self->file, self->size, bytes.data, bytes.size, err);
    if (status == PBASE_OK) {
        self->size += bytes.size;
    }
    return status;
}

backup_sink backup_target_sink(backup_target *self)
{
    return (backup_sink){.write = write_file, .state = self};
}

pbase_status backup_target_commit(backup_target *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_status status = os->file->sync(self->file, err);
    if (status == PBASE_OK) {
        status = os->directory->rename(os, (char *)self->draft.data, (char *)self->name.data, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    self->is_begun = false;
    return os->directory->sync(os, (char *)self->folder.data, err);
}
