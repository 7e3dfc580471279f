/* backup_source.c - names in a folder, files through the operating system, and heads. */
#include "backup/backup_source.h"

#include <inttypes.h>
#include <stdio.h>

/* ------------------------------------------------------------------------------- a folder ----- */

#define SUFFIX_FULL "-full.backup"
#define SUFFIX_INCREMENT "-increment.backup"
#define NUMBER_DIGITS 6u

void backup_files_init(backup_files *files, const pbase_alloc *alloc)
{
    *files = (backup_files){.alloc = alloc};
}

void backup_files_fini(backup_files *files)
{
    pbase_alloc_free(files->alloc, files->items, files->capacity * sizeof *files->items);
    backup_files_init(files, files->alloc);
}

static bool name_parse(const char *name, backup_file *out)
{
    uint32_t number = 0;
    for (unsigned i = 0; i < NUMBER_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return false;
        }
        number = number * 10 + (uint32_t)(name[i] - '0');
    }
    *out =
        (backup_file){.number = number, .is_full = strcmp(name + NUMBER_DIGITS, SUFFIX_FULL) == 0};
    return number > 0 && (out->is_full || strcmp(name + NUMBER_DIGITS, SUFFIX_INCREMENT) == 0);
}

static pbase_status add_name(void *state, const char *name, pbase_error *err)
{
    backup_files *files = state;
    backup_file file;
    if (!name_parse(name, &file)) {
        return PBASE_OK;
    }
    if (files->count == files->capacity) {
        size_t capacity = files->capacity == 0 ? 16 : files->capacity * 2;
        backup_file *items = files->alloc->resize(
            files->alloc, files->items, files->capacity * sizeof *items, capacity * sizeof *items);
        if (items == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the list of backups");
        }
        files->items = items;
        files->capacity = capacity;
    }
    size_t at = files->count++;
    for (; at > 0 && files->items[at - 1].number > file.number; at--) {
        files->items[at] = files->items[at - 1];
    }
    files->items[at] = file;
    return PBASE_OK;
}

pbase_status backup_files_list(backup_files *files, const pbase_os *os, const char *folder,
                               pbase_error *err)
{
    files->count = 0;
    return os->directory->list(os, folder, add_name, files, err);
}

void backup_file_name(const backup_file *file, char out[BACKUP_NAME_BYTES])
{
    (void)snprintf(out, BACKUP_NAME_BYTES, "%06" PRIu32 "%s", file->number,
                   file->is_full ? SUFFIX_FULL : SUFFIX_INCREMENT);
}

pbase_status backup_file_path(const char *folder, const backup_file *file, pbase_buffer *out,
                              pbase_error *err)
{
    char name[BACKUP_NAME_BYTES];
    out->size = 0;
    backup_file_name(file, name);
    pbase_status status = pbase_buffer_append_text(out, err, "%s/%s", folder, name);
    return status == PBASE_OK ? pbase_buffer_append_u8(out, 0, err) : status;
}

/* A path was given that no backup can lie at. */
static void hint_path(pbase_status status, pbase_error *err)
{
    if (status == PBASE_NOT_FOUND || status == PBASE_INVALID) {
        pbase_error_hint(err, BACKUP_SOURCE_HINT);
    }
}

pbase_status backup_is_folder(const pbase_os *os, const char *path, bool *out, pbase_error *err)
{
    pbase_os_stat found;
    pbase_buffer real;
    pbase_buffer_init(&real, os->memory);
    pbase_status status = os->directory->resolve(os, path, &real, err);
    if (status == PBASE_OK) {
        status = os->directory->stat(os, (char *)real.data, &found, err);
    }
    if (status == PBASE_OK) {
        *out = found.is_directory != 0;
    }
    hint_path(status, err);
    pbase_buffer_fini(&real);
    return status;
}

/* ---------------------------------------------------------------------------- one backup ------ */

void backup_source_init(backup_source *self, const pbase_host *host)
{
    memset(self, 0, sizeof *self);
    self->host = host;
    pbase_buffer_init(&self->label, host->alloc);
    pbase_buffer_init(&self->meta, host->alloc);
    backup_reader_init(&self->reader, host, (backup_input){.read = NULL});
    backup_head_init(&self->head, host->alloc);
}

void backup_source_close(backup_source *self)
{
    if (self->file != NULL) {
        self->host->os->file->close(self->file);
    }
    backup_reader_fini(&self->reader);
    backup_head_fini(&self->head);
    pbase_buffer_fini(&self->meta);
    pbase_buffer_fini(&self->label);
    self->file = NULL;
}

pbase_status backup_source_note(const backup_source *self, pbase_status status, pbase_error *err)
{
    if (status != PBASE_OK && self->label.size > 0) {
        pbase_error_note(err, "%s", (const char *)self->label.data);
    }
    return status;
}

static pbase_status read_file(void *state, void *out, size_t size, size_t *out_read,
                              pbase_error *err)
{
    backup_source *self = state;
    pbase_status status =
        self->host->os->file->read(self->file, self->offset, out, size, out_read, err);
    if (status == PBASE_OK) {
        self->offset += *out_read;
    }
    return status;
}

/* The head outlives its block: its meta document is copied. */
static pbase_status read_head(backup_source *self, pbase_error *err)
{
    pbase_status status = backup_reader_begin(&self->reader, err);
    if (status == PBASE_OK) {
        status = backup_reader_next(&self->reader, &self->block, err);
    }
    if (status == PBASE_OK) {
        status = backup_head_read(self->block.payload, &self->head, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(&self->meta, self->head.meta, err);
        self->head.meta = pbase_buffer_view(&self->meta);
    }
    return backup_source_note(self, status, err);
}

pbase_status backup_source_open_file(backup_source *self, const char *path, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_status status = pbase_buffer_append(&self->label, path, strlen(path) + 1, err);
    if (status == PBASE_OK) {
        status = os->file->open(os, path, PBASE_OS_READ, &self->file, err);
        hint_path(status, err);
    }
    self->reader.input = (backup_input){.read = read_file, .state = self};
    return status == PBASE_OK ? read_head(self, err) : status;
}

pbase_status backup_source_open_input(backup_source *self, backup_input input, pbase_error *err)
{
    static const char label[] = "what was read as a backup";
    pbase_status status = pbase_buffer_append(&self->label, label, sizeof label, err);
    self->reader.input = input;
    return status == PBASE_OK ? read_head(self, err) : status;
}

pbase_status backup_source_next(backup_source *self, pbase_error *err)
{
    pbase_status status = backup_reader_next(&self->reader, &self->block, err);
    if (status != PBASE_OK) {
        self->block = (backup_block){.type = 0}; /* what it pointed to may be gone */
    } else {
        self->is_over = self->block.type == BACKUP_END;
    }
    return backup_source_note(self, status, err);
}
