/* outside.c - paths compared as the operating system resolves them, what is not there yet by the folder
 * it would lie in. */
#include "space/outside.h"

/* Cuts a path, of which there is room for two bytes, to what is above it: at last "/" or ".". */
static void to_parent(char *path)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    while (size > 0 && path[size - 1] != '/') {
        size--;
    }
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    if (size == 0) {
        path[size++] = '.';
    }
    path[size] = '\0';
}

/* What is there of a path, resolved. What stands in its way is told by who makes it. */
static pbase_status resolve(const pbase_os *os, const char *path, pbase_buffer *out,
                            pbase_error *err)
{
    pbase_buffer part;
    pbase_error why;
    pbase_buffer_init(&part, os->memory);
    pbase_status status = pbase_buffer_append(&part, path, strlen(path) + 1, err);
    status = status == PBASE_OK ? pbase_buffer_append_u8(&part, 0, err) : status;
    if (status != PBASE_OK) {
        pbase_buffer_fini(&part);
        return status;
    }
    char *text = (char *)part.data;
    bool is_last = false;
    do {
        is_last = strcmp(text, "/") == 0 || strcmp(text, ".") == 0;
        out->size = 0;
        pbase_error_init(&why);
        status = os->directory->resolve(os, text, out, &why);
        to_parent(text);
    } while ((status == PBASE_NOT_FOUND || status == PBASE_INVALID) && !is_last);
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    pbase_buffer_fini(&part);
    return status;
}

static bool lies_within(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    bool is_root = strcmp(folder, "/") == 0;
    return strncmp(path, folder, size) == 0 && (is_root || path[size] == '\0' || path[size] == '/');
}

pbase_status outside_require(const wiring *graph, const char *path, pbase_error *err)
{
    const pbase_os *os = wiring_os(graph);
    const char *own = NULL;
    pbase_buffer there, folder;
    pbase_buffer_init(&there, os->memory);
    pbase_buffer_init(&folder, os->memory);
    pbase_status status = PBASE_OK;
    for (size_t i = 0; status == PBASE_OK && (own = wiring_path(graph, i)) != NULL; i++) {
        status = resolve(os, own, &folder, err);
        status = status == PBASE_OK ? resolve(os, path, &there, err) : status;
        if (status == PBASE_OK && lies_within((char *)there.data, (char *)folder.data)) {
            status = PBASE_FAIL(err, PBASE_INVALID, "'%s' lies in the folder of the space, '%s'",
                                path, own);
            pbase_error_hint(err, "choose a folder outside the space");
        }
    }
    pbase_buffer_fini(&folder);
    pbase_buffer_fini(&there);
    return status;
}
