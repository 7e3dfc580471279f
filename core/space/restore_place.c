/* restore_place.c - what a storage made in a folder that was empty is removed again, folders within it
 * first. */
#include "space/restore_place.h"

#define DEPTH_MAX 8u /* a storage makes folders in folders, but few */

typedef struct {
    pbase_buffer names; /* one behind the other, each ended by NUL */
    uint64_t count;
} name_list;

static pbase_status add_name(void *state, const char *name, pbase_error *err)
{
    name_list *list = state;
    list->count++;
    return pbase_buffer_append(&list->names, name, strlen(name) + 1, err);
}

pbase_status restore_place_look(const pbase_os *os, const char *path, restore_place_state *out,
                                pbase_error *err)
{
    name_list list = {.count = 0};
    pbase_error why;
    pbase_error_init(&why);
    *out = PLACE_UNKNOWN;
    if (path == NULL) {
        return PBASE_OK;
    }
    pbase_buffer_init(&list.names, os->memory);
    pbase_status status = os->directory->list(os, path, add_name, &list, &why);
    pbase_buffer_fini(&list.names);
    if (status == PBASE_OK) {
        *out = list.count == 0 ? PLACE_EMPTY : PLACE_FILLED;
    } else if (status == PBASE_NOT_FOUND) {
        *out = PLACE_MISSING;
        status = PBASE_OK;
    } else if (err != NULL) {
        *err = why;
    }
    return status;
}

static pbase_status remove_entry(const pbase_os *os, const char *path, unsigned depth,
                                 pbase_error *err);

static pbase_status remove_content(const pbase_os *os, const char *path, unsigned depth,
                                   pbase_error *err)
{
    name_list list = {.count = 0};
    pbase_buffer child;
    pbase_buffer_init(&list.names, os->memory);
    pbase_buffer_init(&child, os->memory);
    pbase_status status = os->directory->list(os, path, add_name, &list, err);
    const char *name = (const char *)list.names.data;
    for (uint64_t i = 0; i < list.count && status == PBASE_OK; i++) {
        child.size = 0;
        status = pbase_buffer_append_text(&child, err, "%s/%s", path, name);
        status = status == PBASE_OK ? pbase_buffer_append_u8(&child, 0, err) : status;
        status = status == PBASE_OK ? remove_entry(os, (char *)child.data, depth + 1, err) : status;
        name += strlen(name) + 1;
    }
    pbase_buffer_fini(&child);
    pbase_buffer_fini(&list.names);
    return status;
}

static pbase_status remove_entry(const pbase_os *os, const char *path, unsigned depth,
                                 pbase_error *err)
{
    pbase_os_stat found;
    pbase_status status = os->directory->stat(os, path, &found, err);
    if (status != PBASE_OK || found.is_directory == 0) {
        return status == PBASE_OK ? os->directory->remove_file(os, path, err) : status;
    }
    if (depth > DEPTH_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "'%s' lies too deep", path);
    }
    status = remove_content(os, path, depth, err);
    return status == PBASE_OK ? os->directory->remove_directory(os, path, err) : status;
}

pbase_status restore_place_undo(const pbase_os *os, const char *path, restore_place_state was,
                                pbase_error *err)
{
    if (was == PLACE_MISSING) {
        restore_place_state now;
        pbase_status status = restore_place_look(os, path, &now, err);
        return status != PBASE_OK || now == PLACE_MISSING ? status : remove_entry(os, path, 0, err);
    }
    return was == PLACE_EMPTY ? remove_content(os, path, 0, err) : PBASE_OK;
}
