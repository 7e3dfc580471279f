/* bytes.h - views of bytes, growing buffers, and little-endian fields.
 *
 * A pbase_bytes is a pointer and a length, never assumed NUL-ended and never owning. A pbase_buffer
 * owns and grows. Threads: views are immutable; a buffer is confined. */
#ifndef PROTOBASE_BASE_BYTES_H
#define PROTOBASE_BASE_BYTES_H
#include <protobase/base/alloc.h>
#include <protobase/base/error.h>
#include <stdbool.h>
#include <string.h>
PBASE_BEGIN_DECLS

typedef struct {
    const uint8_t *data; /* may be NULL when size is 0 */
    size_t size;
} pbase_bytes;

static inline pbase_bytes pbase_bytes_of(const void *data, size_t size)
{
    pbase_bytes view = {(const uint8_t *)data, size};
    return view;
}
/* The bytes of a NUL-ended text, without the NUL. */
static inline pbase_bytes pbase_bytes_text(const char *text)
{
    return pbase_bytes_of(text, strlen(text));
}
/* memcmp order, then the shorter one first: below, at or above 0. */
static inline int pbase_bytes_compare(pbase_bytes a, pbase_bytes b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}
static inline bool pbase_bytes_equal(pbase_bytes a, pbase_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Grows from `alloc`. `size` bytes at `data` are filled, `capacity` are owned. */
typedef struct {
    const pbase_alloc *alloc; /* borrowed until fini */
    uint8_t *data;
    size_t size;
    size_t capacity;
} pbase_buffer;

static inline void pbase_buffer_init(pbase_buffer *buffer, const pbase_alloc *alloc)
{
    buffer->alloc = alloc;
    buffer->data = NULL;
    buffer->size = buffer->capacity = 0;
}
/* Frees; the buffer can be used again as after init. */
PBASE_API void pbase_buffer_fini(pbase_buffer *buffer);
/* Makes room for `extra` more bytes. NO_MEMORY leaves the buffer as it was. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_buffer_reserve(pbase_buffer *buffer, size_t extra,
                                                             pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_buffer_append(pbase_buffer *buffer, const void *data,
                                                            size_t size, pbase_error *err);
static inline pbase_status pbase_buffer_append_bytes(pbase_buffer *buffer, pbase_bytes bytes,
                                                     pbase_error *err)
{
    return pbase_buffer_append(buffer, bytes.data, bytes.size, err);
}
PBASE_API PBASE_MUST_CHECK pbase_status pbase_buffer_append_zeros(pbase_buffer *buffer,
                                                                  size_t count, pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_buffer_append_u8(pbase_buffer *buffer, uint8_t value,
                                                               pbase_error *err);
/* Unsigned LEB128, at most 10 bytes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_buffer_append_varint(pbase_buffer *buffer,
                                                                   uint64_t value,
                                                                   pbase_error *err);
/* printf into the buffer, without a NUL. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_buffer_append_text(pbase_buffer *buffer,
                                                                 pbase_error *err,
                                                                 const char *format, ...)
    PBASE_PRINTF(3, 4);
static inline pbase_bytes pbase_buffer_view(const pbase_buffer *buffer)
{
    return pbase_bytes_of(buffer->data, buffer->size);
}

/* Fields of disk and wire formats are little-endian; reading and writing need no alignment. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* One access each: compilers do not always see that four bytes are one number. */
static inline void pbase_put_u16(void *at, uint16_t v)
{
    memcpy(at, &v, sizeof v);
}
static inline void pbase_put_u32(void *at, uint32_t v)
{
    memcpy(at, &v, sizeof v);
}
static inline void pbase_put_u64(void *at, uint64_t v)
{
    memcpy(at, &v, sizeof v);
}
static inline uint16_t pbase_get_u16(const void *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof v);
    return v;
}
static inline uint32_t pbase_get_u32(const void *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}
static inline uint64_t pbase_get_u64(const void *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}
#else
static inline void pbase_put_u16(void *at, uint16_t v)
{
    uint8_t *p = (uint8_t *)at;
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static inline void pbase_put_u32(void *at, uint32_t v)
{
    uint8_t *p = (uint8_t *)at;
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}
static inline void pbase_put_u64(void *at, uint64_t v)
{
    pbase_put_u32(at, (uint32_t)v);
    pbase_put_u32((uint8_t *)at + 4, (uint32_t)(v >> 32));
}
static inline uint16_t pbase_get_u16(const void *at)
{
    const uint8_t *p = (const uint8_t *)at;
    return (uint16_t)((unsigned)p[0] | (unsigned)p[1] << 8);
}
static inline uint32_t pbase_get_u32(const void *at)
{
    const uint8_t *p = (const uint8_t *)at;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t pbase_get_u64(const void *at)
{
    return (uint64_t)pbase_get_u32(at) | (uint64_t)pbase_get_u32((const uint8_t *)at + 4) << 32;
}
#endif

/* Reads fields of untrusted bytes front to back; every step checks what is left. */
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} pbase_reader_bytes;
static inline pbase_reader_bytes pbase_reader_bytes_of(pbase_bytes bytes)
{
    pbase_reader_bytes r = {bytes.data, bytes.size == 0 ? bytes.data : bytes.data + bytes.size};
    return r;
}
static inline size_t pbase_reader_bytes_left(const pbase_reader_bytes *r)
{
    return (size_t)(r->end - r->at);
}
/* False when too little is left or a varint runs past 64 bits; the reader then stays where it was. */
PBASE_API bool pbase_read_u8(pbase_reader_bytes *r, uint8_t *out);
PBASE_API bool pbase_read_u16(pbase_reader_bytes *r, uint16_t *out);
PBASE_API bool pbase_read_u32(pbase_reader_bytes *r, uint32_t *out);
PBASE_API bool pbase_read_u64(pbase_reader_bytes *r, uint64_t *out);
PBASE_API bool pbase_read_varint(pbase_reader_bytes *r, uint64_t *out);
PBASE_API bool pbase_read_bytes(pbase_reader_bytes *r, size_t size, pbase_bytes *out);
/* A varint length, then that many bytes. */
PBASE_API bool pbase_read_sized(pbase_reader_bytes *r, pbase_bytes *out);

/* True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
PBASE_API bool pbase_utf8_valid(pbase_bytes bytes);

PBASE_END_DECLS
#endif
