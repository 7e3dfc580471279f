/* zstd_transform.c - one marker byte, then the bytes or one frame with its content size.
 *
 * Threads: the two pools need no lock (spares.h). Dictionaries are only added, by core's one thread
 * that hands in tables, and published by their count. */
#include "zstd_transform.h"
#include "spares.h"
#include "zstd_dictionary.h"
#include <inttypes.h>
#include <zstd.h>
#include <zstd_errors.h>

#define MARKER_PLAIN 0u
#define MARKER_FRAME 1u
#define MARKER_WITH_DICTIONARY 2u
#define DICTIONARIES_MAX 16u
#define KEPT_CONTEXT_BYTES_MAX 16777216u /* contexts grown past this are ended after use */

typedef struct {
    pbase_transform base;
    const pbase_host *host; /* borrowed until close */
    int level;
    size_t size_min;      /* smaller inputs are stored as they are */
    spares compressors;   /* of ZSTD_CCtx */
    spares decompressors; /* of ZSTD_DCtx */
    const char *folder;   /* of older dictionaries, NULL: none. Lent by the host */
    bool has_writer;      /* the first dictionary writes */
    zstd_dictionary dictionaries[DICTIONARIES_MAX];
    _Atomic size_t dictionary_count;
} zstd_transform;

static zstd_transform *zstd_transform_from(pbase_transform *self)
{
    PBASE_ASSERT(self->vtable == &zstd_transform_vtable);
    return (zstd_transform *)self;
}

/* ---------------------------------------------------------------------------------- contexts --- */

static ZSTD_CCtx *compressor_acquire(zstd_transform *zstd)
{
    ZSTD_CCtx *context = (ZSTD_CCtx *)spares_take(&zstd->compressors);
    return context != NULL ? context : ZSTD_createCCtx();
}

static void compressor_release(zstd_transform *zstd, ZSTD_CCtx *context)
{
    if (ZSTD_sizeof_CCtx(context) > KEPT_CONTEXT_BYTES_MAX ||
        !spares_give(&zstd->compressors, context)) {
        (void)ZSTD_freeCCtx(context); /* always 0 */
    }
}

static ZSTD_DCtx *decompressor_acquire(zstd_transform *zstd)
{
    ZSTD_DCtx *context = (ZSTD_DCtx *)spares_take(&zstd->decompressors);
    return context != NULL ? context : ZSTD_createDCtx();
}

static void decompressor_release(zstd_transform *zstd, ZSTD_DCtx *context)
{
    if (!spares_give(&zstd->decompressors, context)) {
        (void)ZSTD_freeDCtx(context); /* always 0 */
    }
}

/* ------------------------------------------------------------------------------ dictionaries --- */

static zstd_dictionary *dictionary_find(zstd_transform *zstd, unsigned id)
{
    size_t count = atomic_load_explicit(&zstd->dictionary_count, memory_order_acquire);
    for (size_t i = 0; i < count; i++) {
        if (zstd->dictionaries[i].id == id) {
            return &zstd->dictionaries[i];
        }
    }
    return NULL;
}

/* Loads one more from `path`. */
static pbase_status dictionary_add(zstd_transform *zstd, const char *path, int level,
                                   pbase_error *err)
{
    size_t count = atomic_load_explicit(&zstd->dictionary_count, memory_order_relaxed);
    if (count == DICTIONARIES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "more than %u dictionaries of zstd", DICTIONARIES_MAX);
    }
    pbase_status status =
        zstd_dictionary_load(zstd->host, path, level, &zstd->dictionaries[count], err);
    if (status == PBASE_OK) {
        atomic_store_explicit(&zstd->dictionary_count, count + 1, memory_order_release);
    }
    return status;
}

/* An older one, which the data needs, from the folder. */
static pbase_status dictionary_fetch(zstd_transform *zstd, unsigned id, pbase_error *err)
{
    pbase_buffer path;
    pbase_buffer_init(&path, zstd->host->alloc);
    pbase_status status =
        pbase_buffer_append_text(&path, err, "%s/%u.dict%c", zstd->folder, id, '\0');
    if (status == PBASE_OK) {
        status = dictionary_add(zstd, (const char *)path.data, 0, err);
    }
    if (status == PBASE_OK && dictionary_find(zstd, id) == NULL) {
        status = PBASE_FAIL(err, PBASE_CONFIG, "'%s' has another id than its name",
                            (const char *)path.data);
    }
    pbase_buffer_fini(&path);
    return status;
}

static pbase_status zstd_table_put(void *codec, pbase_bytes id, pbase_bytes table, pbase_error *err)
{
    zstd_transform *zstd = zstd_transform_from((pbase_transform *)codec);
    if (id.size != 4 || table.size != DICTIONARY_TABLE_BYTES) {
        return PBASE_FAIL(err, PBASE_FORMAT, "no table of a dictionary: %zu and %zu bytes", id.size,
                          table.size);
    }
    unsigned number = pbase_get_u32(id.data);
    pbase_status status = PBASE_OK;
    if (dictionary_find(zstd, number) == NULL && zstd->folder != NULL) {
        status = dictionary_fetch(zstd, number, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    zstd_dictionary *found = dictionary_find(zstd, number);
    if (found == NULL) {
        status = PBASE_FAIL(err, PBASE_CONFIG, "the data needs the dictionary %u", number);
        pbase_error_hint(err,
                         "name it with 'dictionary', or put it as %u.dict into the "
                         "'dictionary_folder' of codec/zstd",
                         number);
    } else if (memcmp(found->table, table.data, table.size) != 0) {
        status =
            PBASE_FAIL(err, PBASE_CONFIG,
                       "the dictionary %u is another one than the data was written with", number);
    } else {
        atomic_store_explicit(&found->is_kept, true, memory_order_relaxed);
    }
    return status;
}

/* Only the dictionary that writes can be new to a space. */
static pbase_status zstd_table_next(void *codec, pbase_arena *arena, pbase_bytes *out_id,
                                    pbase_bytes *out_table, pbase_error *err)
{
    zstd_transform *zstd = zstd_transform_from((pbase_transform *)codec);
    zstd_dictionary *writer = &zstd->dictionaries[0];
    if (!zstd->has_writer ||
        atomic_exchange_explicit(&writer->is_kept, true, memory_order_relaxed)) {
        return PBASE_END;
    }
    uint8_t *id = (uint8_t *)pbase_arena_alloc(arena, 4);
    if (id == NULL) {
        atomic_store_explicit(&writer->is_kept, false, memory_order_relaxed);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the table of a dictionary");
    }
    pbase_put_u32(id, writer->id);
    *out_id = pbase_bytes_of(id, 4);
    *out_table = pbase_bytes_of(writer->table, DICTIONARY_TABLE_BYTES);
    return PBASE_OK;
}

const pbase_codec_table_ops zstd_transform_tables = {
    .struct_size = sizeof(pbase_codec_table_ops),
    .table_put = zstd_table_put,
    .table_next = zstd_table_next,
};

/* ---------------------------------------------------------------------------------- encoding --- */

static pbase_status append_plain(pbase_bytes in, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_u8(out, MARKER_PLAIN, err);
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, in, err) : status;
}

/* Appends a frame if it is smaller than `in`; `out_done` tells. */
static pbase_status append_frame(zstd_transform *zstd, pbase_bytes in, pbase_buffer *out,
                                 bool *out_done, pbase_error *err)
{
    size_t room = in.size; /* marker and frame together: a frame must save two bytes or more */
    pbase_status status = pbase_buffer_reserve(out, room, err);
    if (status != PBASE_OK) {
        return status;
    }
    ZSTD_CCtx *context = compressor_acquire(zstd);
    if (context == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a zstd compressor");
    }
    uint8_t *at = out->data + out->size;
    size_t size = zstd->has_writer
                      ? ZSTD_compress_usingCDict(context, at + 1, room - 1, in.data, in.size,
                                                 zstd->dictionaries[0].writer)
                      : ZSTD_compressCCtx(context, at + 1, room - 1, in.data, in.size, zstd->level);
    compressor_release(zstd, context);
    *out_done = !ZSTD_isError(size);
    if (*out_done) {
        at[0] = zstd->has_writer ? MARKER_WITH_DICTIONARY : MARKER_FRAME;
        out->size += 1 + size;
    } else if (ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation) {
        status = PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to compress %zu bytes", in.size);
    }
    return status;
}

static pbase_status zstd_encode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                                pbase_buffer *out, pbase_error *err)
{
    (void)context; /* for authenticating transforms */
    zstd_transform *zstd = zstd_transform_from(self);
    bool is_done = false;
    if (in.size >= zstd->size_min && in.size > 1) {
        pbase_status status = append_frame(zstd, in, out, &is_done, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    return is_done ? PBASE_OK : append_plain(in, out, err);
}

/* ---------------------------------------------------------------------------------- decoding --- */

static pbase_status check_size(uint64_t size, size_t size_max, pbase_error *err)
{
    if (size > size_max) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%" PRIu64 " bytes come out of zstd; the limit is %zu",
                          size, size_max);
    }
    return PBASE_OK;
}

/* The size that the frame claims to hold, within the limit. */
static pbase_status frame_content_size(pbase_bytes frame, size_t size_max, size_t *out,
                                       pbase_error *err)
{
    unsigned long long size = ZSTD_getFrameContentSize(frame.data, frame.size);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "no zstd frame with a content size in %zu bytes",
                          frame.size);
    }
    if (ZSTD_findFrameCompressedSize(frame.data, frame.size) != frame.size) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the zstd frame does not end where its %zu bytes do",
                          frame.size);
    }
    pbase_status status = check_size(size, size_max, err);
    if (status == PBASE_OK) {
        *out = (size_t)size;
    }
    return status;
}

/* The dictionary that a frame names. It is there since the space was opened, unless the bytes are
 * damaged or another process has begun to write with a new one. */
static pbase_status frame_dictionary(zstd_transform *zstd, pbase_bytes frame,
                                     const zstd_dictionary **out, pbase_error *err)
{
    unsigned id = ZSTD_getDictID_fromFrame(frame.data, frame.size);
    *out = id == 0 ? NULL : dictionary_find(zstd, id);
    return *out != NULL
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_CORRUPT,
                            "a zstd frame names the dictionary %u, which is not known here", id);
}

/* `dictionary` NULL: a frame without. */
static pbase_status append_content(zstd_transform *zstd, pbase_bytes frame, size_t content_size,
                                   const zstd_dictionary *dictionary, pbase_buffer *out,
                                   pbase_error *err)
{
    pbase_status status = pbase_buffer_reserve(out, content_size, err);
    if (status != PBASE_OK) {
        return status;
    }
    ZSTD_DCtx *context = decompressor_acquire(zstd);
    if (context == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a zstd decompressor");
    }
    uint8_t none = 0; /* an empty content needs no buffer */
    uint8_t *at = content_size == 0 ? &none : out->data + out->size;
    size_t size = ZSTD_decompress_usingDDict(context, at, content_size, frame.data, frame.size,
                                             dictionary != NULL ? dictionary->reader : NULL);
    decompressor_release(zstd, context);
    if (ZSTD_isError(size)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "zstd: %s", ZSTD_getErrorName(size));
    }
    if (size != content_size) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the zstd frame holds %zu bytes, not %zu", size,
                          content_size);
    }
    out->size += size;
    return PBASE_OK;
}

static pbase_status zstd_decode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                                size_t size_max, pbase_buffer *out, pbase_error *err)
{
    (void)context; /* for authenticating transforms */
    zstd_transform *zstd = zstd_transform_from(self);
    if (in.size == 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "no marker byte before zstd data");
    }
    pbase_bytes content = pbase_bytes_of(in.data + 1, in.size - 1);
    size_t content_size = content.size;
    const zstd_dictionary *dictionary = NULL;
    pbase_status status = PBASE_OK;
    switch (in.data[0]) {
    case MARKER_PLAIN:
        status = check_size(content.size, size_max, err);
        return status == PBASE_OK ? pbase_buffer_append_bytes(out, content, err) : status;
    case MARKER_FRAME:
        status = frame_content_size(content, size_max, &content_size, err);
        return status == PBASE_OK ? append_content(zstd, content, content_size, NULL, out, err)
                                  : status;
    case MARKER_WITH_DICTIONARY:
        status = frame_content_size(content, size_max, &content_size, err);
        if (status == PBASE_OK) {
            status = frame_dictionary(zstd, content, &dictionary, err);
        }
        return status == PBASE_OK
                   ? append_content(zstd, content, content_size, dictionary, out, err)
                   : status;
    default:
        return PBASE_FAIL(err, PBASE_CORRUPT, "0x%02x is no marker of zstd data",
                          (unsigned)in.data[0]);
    }
}

/* ---------------------------------------------------------------------------------- lifetime --- */

static void zstd_close(pbase_transform *self)
{
    if (self == NULL) {
        return;
    }
    zstd_transform *zstd = zstd_transform_from(self);
    void *context;
    while ((context = spares_take(&zstd->compressors)) != NULL) {
        (void)ZSTD_freeCCtx((ZSTD_CCtx *)context); /* always 0 */
    }
    while ((context = spares_take(&zstd->decompressors)) != NULL) {
        (void)ZSTD_freeDCtx((ZSTD_DCtx *)context); /* always 0 */
    }
    for (size_t i = 0; i < DICTIONARIES_MAX; i++) {
        zstd_dictionary_fini(&zstd->dictionaries[i]);
    }
    pbase_alloc_free(zstd->host->alloc, zstd, sizeof *zstd);
}

const pbase_transform_vtable zstd_transform_vtable = {
    .struct_size = sizeof(pbase_transform_vtable),
    .stage = PBASE_TRANSFORM_COMPRESS,
    .encode = zstd_encode,
    .decode = zstd_decode,
    .close = zstd_close,
};

pbase_status zstd_transform_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    const pbase_alloc *alloc = open->host->alloc;
    zstd_transform *zstd = (zstd_transform *)pbase_alloc_zeroed(alloc, 1, sizeof *zstd);
    if (zstd == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the transform zstd");
    }
    zstd->base.vtable = &zstd_transform_vtable;
    zstd->host = open->host;
    zstd->level = (int)pbase_config_int(open->config, "level");
    zstd->size_min = (size_t)pbase_config_int(open->config, "min_size");
    spares_init(&zstd->compressors);
    spares_init(&zstd->decompressors);
    const char *path = pbase_config_text(open->config, "dictionary");
    zstd->folder = pbase_config_text(open->config, "dictionary_folder");
    if (path != NULL) {
        pbase_status status = dictionary_add(zstd, path, zstd->level, err);
        if (status != PBASE_OK) {
            pbase_error_where(err, "%s", pbase_config_place(open->config, "dictionary"));
            zstd_close(&zstd->base);
            return status;
        }
        zstd->has_writer = true;
    }
    *out = &zstd->base;
    return PBASE_OK;
}
