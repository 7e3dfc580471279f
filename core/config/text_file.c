/* text_file.c - resolve, look, open, read. */
#include "config/text_file.h"
#include <inttypes.h>

/* Appends `size` bytes of the file at `path`, which has been looked at. */
static pbase_status read_all(const pbase_os *os, const char *path, size_t size, pbase_buffer *out,
                             pbase_error *err)
{
    pbase_os_file *file = NULL;
    size_t before = out->size;
    size_t read = 0;
    pbase_status status = pbase_buffer_append_zeros(out, size, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = os->file->open(os, path, PBASE_OS_READ, &file, err);
    if (status == PBASE_OK && size > 0) {
        status = os->file->read(file, 0, out->data + before, size, &read, err);
    }
    if (file != NULL) {
        os->file->close(file);
    }
    out->size = before + (status == PBASE_OK ? read : 0);
    return status;
}

pbase_status config_text_file_read(const pbase_os *os, const char *path, size_t bytes_max,
                                   pbase_buffer *out, pbase_error *err)
{
    pbase_buffer resolved;
    pbase_os_stat facts;
    pbase_buffer_init(&resolved, out->alloc);
    pbase_status status = os->directory->resolve(os, path, &resolved, err);
    if (status != PBASE_OK) {
        goto done;
    }
    const char *real = (const char *)resolved.data;
    status = os->directory->stat(os, real, &facts, err);
    if (status != PBASE_OK) {
        goto done;
    }
    if (!facts.is_regular) {
        status = PBASE_FAIL(err, PBASE_INVALID, "'%s' is not a regular file", path);
    } else if (facts.size_bytes > bytes_max) {
        status = PBASE_FAIL(err, PBASE_LIMIT, "'%s' has %" PRIu64 " bytes; the limit is %zu", path,
                            facts.size_bytes, bytes_max);
    } else {
        status = read_all(os, real, (size_t)facts.size_bytes, out, err);
    }
done:
    pbase_buffer_fini(&resolved);
    return status;
}
