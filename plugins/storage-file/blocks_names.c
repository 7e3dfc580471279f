/* blocks_names.c - finding, moving, removing and listing segments by name.
 *
 * What is asked and what is done about it happen with the mutex held, so that within the process
 * no name changes in between; a listing alone runs without it. */
#include "blocks_names.h"

/* Which of its two names a segment has. With the mutex held. */
static pbase_status name_find(file_blocks *self, const char *name, bool *out_plain,
                              bool *out_sealed, pbase_error *err)
{
    pbase_status status = file_folder_exists(&self->folder, name, "", out_plain, err);
    if (status == PBASE_OK) {
        status = file_folder_exists(&self->folder, name, FILE_FOLDER_SEALED, out_sealed, err);
    }
    return status;
}

/* NOT_FOUND unless the segment is there; its suffix. With the mutex held. */
pbase_status blocks_names_require(file_blocks *self, const char *name, const char **out_suffix,
                                  pbase_error *err)
{
    bool plain = false;
    bool sealed = false;
    pbase_status status = name_find(self, name, &plain, &sealed, err);
    if (status != PBASE_OK) {
        return status;
    }
    *out_suffix = sealed ? FILE_FOLDER_SEALED : "";
    return plain || sealed ? PBASE_OK
                           : PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no segment '%s'", name);
}

/* EXISTS if the segment is there. With the mutex held. */
pbase_status blocks_names_refuse(file_blocks *self, const char *name, pbase_error *err)
{
    bool plain = false;
    bool sealed = false;
    pbase_status status = name_find(self, name, &plain, &sealed, err);
    if (status == PBASE_OK && (plain || sealed)) {
        status = PBASE_FAIL(err, PBASE_EXISTS, "there is a segment '%s' already", name);
    }
    return status;
}

/* Folders on the way to `name`. With the mutex held. */
pbase_status blocks_names_make_parents(file_blocks *self, const char *name, pbase_error *err)
{
    pbase_status status = file_folder_make_parents(&self->folder, name, err);
    self->names_durable = status == PBASE_OK; /* a folder may be there whose sync has failed */
    return status;
}

/* Cuts a path down to its folder and makes the names in that durable. Takes no memory, so that a
 * change of names which has happened never ends as one that has not. */
static pbase_status folder_of_path_sync(const pbase_os *os, pbase_buffer *path, pbase_error *err)
{
    char *last = strrchr((char *)path->data, '/');
    PBASE_ASSERT(last != NULL);
    *last = '\0';
    return os->directory->sync(os, (const char *)path->data, err);
}

/* Renames a file and makes that durable. NO_MEMORY: nothing was changed. With the mutex held. */
pbase_status blocks_names_move(file_blocks *self, const char *old_name, const char *old_suffix,
                               const char *new_name, const char *new_suffix, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_buffer old_path;
    pbase_buffer new_path;
    pbase_buffer_init(&old_path, self->host->alloc);
    pbase_buffer_init(&new_path, self->host->alloc);
    pbase_status status = file_folder_path(&self->folder, old_name, old_suffix, &old_path, err);
    if (status == PBASE_OK) {
        status = file_folder_path(&self->folder, new_name, new_suffix, &new_path, err);
    }
    if (status == PBASE_OK) {
        status = os->directory->rename(os, (const char *)old_path.data, (const char *)new_path.data,
                                       err);
    }
    if (status == PBASE_OK) {
        status = folder_of_path_sync(os, &new_path, err);
        if (status == PBASE_OK && strcmp(old_name, new_name) != 0) {
            status = folder_of_path_sync(os, &old_path, err);
        }
        self->names_durable = status == PBASE_OK;
    }
    pbase_buffer_fini(&old_path);
    pbase_buffer_fini(&new_path);
    return status;
}

pbase_status blocks_names_remove(pbase_blocks *base, const pbase_call *call, const char *name,
                                 pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    const pbase_os *os = self->host->os;
    const char *suffix = "";
    pbase_buffer path;
    pbase_buffer_init(&path, self->host->alloc);
    pbase_status status = file_blocks_check_writes(self, err);
    status = status == PBASE_OK ? file_blocks_enter(self, call, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    status = blocks_names_require(self, name, &suffix, err);
    if (status == PBASE_OK) {
        status = file_folder_path(&self->folder, name, suffix, &path, err);
    }
    if (status == PBASE_OK) {
        status = os->directory->remove_file(os, (const char *)path.data, err);
    }
    for (file_segment *other = self->open_segments; status == PBASE_OK && other != NULL;
         other = other->next) {
        other->removed = other->removed || strcmp(other->name, name) == 0;
    }
    if (status == PBASE_OK) {
        status = file_folder_sync(&self->folder, name, err);
        self->names_durable = status == PBASE_OK;
    }
    file_blocks_unlock(self);
    pbase_buffer_fini(&path);
    return status;
}

pbase_status blocks_names_rename(pbase_blocks *base, const pbase_call *call, const char *old_name,
                                 const char *new_name, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    const char *suffix = "";
    pbase_status status = file_blocks_check_writes(self, err);
    status = status == PBASE_OK ? file_blocks_enter(self, call, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    status = blocks_names_require(self, old_name, &suffix, err);
    if (status == PBASE_OK) {
        status = blocks_names_refuse(self, new_name, err);
    }
    if (status == PBASE_OK) {
        status = blocks_names_make_parents(self, new_name, err);
    }
    if (status == PBASE_OK) {
        status = blocks_names_move(self, old_name, suffix, new_name, suffix, err);
    }
    for (file_segment *other = self->open_segments; status == PBASE_OK && other != NULL;
         other = other->next) {
        if (!other->removed && strcmp(other->name, old_name) == 0) {
            memcpy(other->name, new_name, strlen(new_name) + 1);
        }
    }
    file_blocks_unlock(self);
    return status;
}

pbase_status blocks_names_list(pbase_blocks *base, const pbase_call *call, const char *prefix,
                               pbase_status (*each)(void *state, const pbase_block_info *info,
                                                    pbase_error *err),
                               void *state, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_status status = file_blocks_enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    file_blocks_unlock(
        self); /* `each` may take its time; names that come and go may be listed or not */
    return file_folder_list(&self->folder, prefix, each, state, err);
}
