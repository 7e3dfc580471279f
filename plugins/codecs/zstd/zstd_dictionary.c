/* zstd_dictionary.c - from a file to libzstd's two forms of it. */
#include "zstd_dictionary.h"

#include <inttypes.h>
#include <zdict.h>

/* The whole file; `out` is the caller's to end. */
static pbase_status read_file(const pbase_os *os, const char *path, pbase_buffer *out,
                              pbase_error *err)
{
    pbase_os_file *file = NULL;
    uint64_t size = 0;
    size_t got = 0;
    pbase_status status = os->file->open(os, path, PBASE_OS_READ, &file, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = os->file->size(file, &size, err);
    if (status == PBASE_OK && size > DICTIONARY_BYTES_MAX) {
        status = PBASE_FAIL(err, PBASE_CONFIG, "%" PRIu64 " bytes; the limit of a dictionary is %u",
                            size, DICTIONARY_BYTES_MAX);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_zeros(out, (size_t)size, err);
    }
    if (status == PBASE_OK) {
        status = os->file->read(file, 0, out->data, (size_t)size, &got, err);
        out->size = got;
    }
    os->file->close(file);
    return status;
}

static pbase_status make_forms(pbase_bytes bytes, int level, zstd_dictionary *out, pbase_error *err)
{
    out->id = ZSTD_getDictID_fromDict(bytes.data, bytes.size);
    if (out->id == 0 || ZDICT_isError(ZDICT_getDictHeaderSize(bytes.data, bytes.size))) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_CONFIG, "no dictionary of zstd, or a damaged one");
        pbase_error_hint(err, "make one with: zstd --train -B2KiB SAMPLES -o FILE");
        return status;
    }
    out->reader = ZSTD_createDDict(bytes.data, bytes.size);
    out->writer = level == 0 ? NULL : ZSTD_createCDict(bytes.data, bytes.size, level);
    if (out->reader == NULL || (level != 0 && out->writer == NULL)) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %zu bytes", bytes.size);
    }
    return PBASE_OK;
}

pbase_status zstd_dictionary_load(const pbase_host *host, const char *path, int level,
                                  zstd_dictionary *out, pbase_error *err)
{
    zstd_dictionary made = {0};
    pbase_buffer bytes;
    pbase_buffer_init(&bytes, host->alloc);
    pbase_status status = read_file(host->os, path, &bytes, err);
    if (status == PBASE_NOT_FOUND) {
        status = PBASE_FAIL(err, PBASE_CONFIG, "there is no such file");
    }
    if (status == PBASE_OK) {
        status = make_forms(pbase_buffer_view(&bytes), level, &made, err);
    }
    if (status == PBASE_OK) {
        pbase_put_u64(made.table, bytes.size);
        pbase_put_u64(made.table + 8, host->hash64(bytes.data, bytes.size, 0));
        *out = made;
    } else {
        pbase_error_note(err, "the dictionary '%s'", path);
        zstd_dictionary_fini(&made);
    }
    pbase_buffer_fini(&bytes);
    return status;
}

void zstd_dictionary_fini(zstd_dictionary *dictionary)
{
    (void)ZSTD_freeCDict(dictionary->writer); /* NULL is fine; always 0 */
    (void)ZSTD_freeDDict(dictionary->reader);
    dictionary->writer = NULL;
    dictionary->reader = NULL;
}
