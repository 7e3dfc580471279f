/* lz4_transform.c - one marker byte, then the bytes, or their number and one block.
 *
 * A block does not say how much it holds; the number before it does, and is believed only as far
 * as a block of its size can reach. Threads: the pool is the only shared state, and spares.h needs
 * no lock. */
#include "lz4_transform.h"
#include "spares.h"
#include <inttypes.h>
#include <lz4.h>
#include <lz4hc.h>

#define MARKER_PLAIN 0u
#define MARKER_BLOCK 1u
#define HEAD_BYTES_MAX 6u /* marker and number; what is no larger than this cannot shrink */
/* A byte of a block stands for at most 255 bytes of content (LZ4 block format, "extended
 * lengths"; a token without any is worth less). */
#define CONTENT_PER_BYTE_MAX 255u

typedef struct {
    pbase_transform base;
    const pbase_alloc *alloc; /* borrowed until close */
    int level;                /* 0: the fast compressor */
    size_t size_min;          /* smaller inputs are stored as they are */
    size_t state_bytes;       /* of one compressor at this level */
    spares states;
} lz4_transform;

static lz4_transform *lz4_transform_from(pbase_transform *self)
{
    PBASE_ASSERT(self->vtable == &lz4_transform_vtable);
    return (lz4_transform *)self;
}

/* ---------------------------------------------------------------------------------- encoding --- */

static pbase_status append_plain(pbase_bytes in, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_u8(out, MARKER_PLAIN, err);
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, in, err) : status;
}

/* Writes a block of `in` into `room` bytes at `at`; 0 when it does not fit. */
static size_t compress(const lz4_transform *lz4, void *state, pbase_bytes in, uint8_t *at,
                       size_t room)
{
    const char *from = (const char *)in.data;
    int size = lz4->level == 0
                   ? LZ4_compress_fast_extState(state, from, (char *)at, (int)in.size, (int)room, 1)
                   : LZ4_compress_HC_extStateHC(state, from, (char *)at, (int)in.size, (int)room,
                                                lz4->level);
    return size > 0 ? (size_t)size : 0;
}

/* Appends a block if all is smaller than `in` then; `out_done` tells. */
static pbase_status append_block(lz4_transform *lz4, pbase_bytes in, pbase_buffer *out,
                                 bool *out_done, pbase_error *err)
{
    size_t before = out->size;
    pbase_status status = pbase_buffer_append_u8(out, MARKER_BLOCK, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, in.size, err);
    }
    size_t head = out->size - before;
    if (status == PBASE_OK) {
        status = pbase_buffer_reserve(out, in.size - head, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    void *state = spares_take(&lz4->states);
    state = state != NULL ? state : pbase_alloc_new(lz4->alloc, lz4->state_bytes);
    if (state == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an lz4 compressor of %zu bytes",
                          lz4->state_bytes);
    }
    size_t size = compress(lz4, state, in, out->data + out->size, in.size - head);
    if (!spares_give(&lz4->states, state)) {
        pbase_alloc_free(lz4->alloc, state, lz4->state_bytes);
    }
    *out_done = size != 0;
    out->size = size != 0 ? out->size + size : before;
    return PBASE_OK;
}

static pbase_status lz4_encode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                               pbase_buffer *out, pbase_error *err)
{
    (void)context; /* for authenticating transforms */
    lz4_transform *lz4 = lz4_transform_from(self);
    bool is_done = false;
    if (in.size >= lz4->size_min && in.size > HEAD_BYTES_MAX && in.size <= LZ4_MAX_INPUT_SIZE) {
        pbase_status status = append_block(lz4, in, out, &is_done, err);
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
        return PBASE_FAIL(err, PBASE_LIMIT, "%" PRIu64 " bytes come out of lz4; the limit is %zu",
                          size, size_max);
    }
    return PBASE_OK;
}

/* Cuts the number of content bytes off `in`, and holds it against what the block can hold. */
static pbase_status read_content_size(pbase_bytes *in, size_t size_max, size_t *out,
                                      pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(*in);
    uint64_t size = 0;
    if (!pbase_read_varint(&reader, &size)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "no size before an lz4 block");
    }
    pbase_status status = check_size(size, size_max, err);
    if (status != PBASE_OK) {
        return status;
    }
    size_t block = pbase_reader_bytes_left(&reader);
    if (size == 0 || size > LZ4_MAX_INPUT_SIZE || block > LZ4_MAX_INPUT_SIZE ||
        size / CONTENT_PER_BYTE_MAX > block) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "an lz4 block of %zu bytes cannot hold the %" PRIu64 " it claims", block,
                          size);
    }
    *in = pbase_bytes_of(reader.at, block);
    *out = (size_t)size;
    return PBASE_OK;
}

static pbase_status append_content(pbase_bytes in, size_t size_max, pbase_buffer *out,
                                   pbase_error *err)
{
    size_t content_size = 0;
    pbase_status status = read_content_size(&in, size_max, &content_size, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_reserve(out, content_size, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    int size = LZ4_decompress_safe((const char *)in.data, (char *)(out->data + out->size),
                                   (int)in.size, (int)content_size);
    if (size < 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "no valid lz4 block of %zu bytes", in.size);
    }
    if ((size_t)size != content_size) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the lz4 block holds %d bytes, not %zu", size,
                          content_size);
    }
    out->size += content_size;
    return PBASE_OK;
}

static pbase_status lz4_decode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                               size_t size_max, pbase_buffer *out, pbase_error *err)
{
    (void)self;    /* reading needs no state */
    (void)context; /* for authenticating transforms */
    if (in.size == 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "no marker byte before lz4 data");
    }
    pbase_bytes content = pbase_bytes_of(in.data + 1, in.size - 1);
    pbase_status status = PBASE_OK;
    switch (in.data[0]) {
    case MARKER_PLAIN:
        status = check_size(content.size, size_max, err);
        return status == PBASE_OK ? pbase_buffer_append_bytes(out, content, err) : status;
    case MARKER_BLOCK:
        return append_content(content, size_max, out, err);
    default:
        return PBASE_FAIL(err, PBASE_CORRUPT, "0x%02x is no marker of lz4 data",
                          (unsigned)in.data[0]);
    }
}

/* ---------------------------------------------------------------------------------- lifetime --- */

static void lz4_close(pbase_transform *self)
{
    if (self == NULL) {
        return;
    }
    lz4_transform *lz4 = lz4_transform_from(self);
    void *state;
    while ((state = spares_take(&lz4->states)) != NULL) {
        pbase_alloc_free(lz4->alloc, state, lz4->state_bytes);
    }
    pbase_alloc_free(lz4->alloc, lz4, sizeof *lz4);
}

const pbase_transform_vtable lz4_transform_vtable = {
    .struct_size = sizeof(pbase_transform_vtable),
    .stage = PBASE_TRANSFORM_COMPRESS,
    .encode = lz4_encode,
    .decode = lz4_decode,
    .close = lz4_close,
};

pbase_status lz4_transform_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    const pbase_alloc *alloc = open->host->alloc;
    lz4_transform *lz4 = (lz4_transform *)pbase_alloc_zeroed(alloc, 1, sizeof *lz4);
    if (lz4 == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the transform lz4");
    }
    lz4->base.vtable = &lz4_transform_vtable;
    lz4->alloc = alloc;
    lz4->level = (int)pbase_config_int(open->config, "level");
    lz4->size_min = (size_t)pbase_config_int(open->config, "min_size");
    lz4->state_bytes = (size_t)(lz4->level == 0 ? LZ4_sizeofState() : LZ4_sizeofStateHC());
    spares_init(&lz4->states);
    *out = &lz4->base;
    return PBASE_OK;
}
