/* bytes.c - growing buffers, and reading fields of bytes that nobody has checked yet.
 *
 * A buffer doubles, so that appending costs constant time in the long run. A reader moves only when
 * the whole field was there. */
#include <protobase/base/bytes.h>
#include <stdarg.h>
#include <stdio.h>

#define CAPACITY_FIRST 64u
#define VARINT_BYTES_MAX 10u

void pbase_buffer_fini(pbase_buffer *buffer)
{
    pbase_alloc_free(buffer->alloc, buffer->data, buffer->capacity);
    pbase_buffer_init(buffer, buffer->alloc);
}

/* The capacity to grow to; `needed` when doubling would overflow. */
static size_t grown_capacity(size_t capacity, size_t needed)
{
    size_t doubled = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    if (doubled < CAPACITY_FIRST) {
        doubled = CAPACITY_FIRST;
    }
    return doubled < needed ? needed : doubled;
}

pbase_status pbase_buffer_reserve(pbase_buffer *buffer, size_t extra, pbase_error *err)
{
    if (extra <= buffer->capacity - buffer->size) {
        return PBASE_OK;
    }
    if (extra > SIZE_MAX - buffer->size) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to add %zu bytes to %zu", extra,
                          buffer->size);
    }
    size_t capacity = grown_capacity(buffer->capacity, buffer->size + extra);
    void *data = buffer->alloc->resize(buffer->alloc, buffer->data, buffer->capacity, capacity);
    if (data == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a buffer of %zu bytes", capacity);
    }
    buffer->data = (uint8_t *)data;
    buffer->capacity = capacity;
    return PBASE_OK;
}

pbase_status pbase_buffer_append(pbase_buffer *buffer, const void *data, size_t size,
                                 pbase_error *err)
{
    pbase_status status = pbase_buffer_reserve(buffer, size, err);
    if (status == PBASE_OK && size != 0) {
        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
    }
    return status;
}

pbase_status pbase_buffer_append_zeros(pbase_buffer *buffer, size_t count, pbase_error *err)
{
    pbase_status status = pbase_buffer_reserve(buffer, count, err);
    if (status == PBASE_OK && count != 0) {
        memset(buffer->data + buffer->size, 0, count);
        buffer->size += count;
    }
    return status;
}

pbase_status pbase_buffer_append_u8(pbase_buffer *buffer, uint8_t value, pbase_error *err)
{
    pbase_status status = pbase_buffer_reserve(buffer, 1, err);
    if (status == PBASE_OK) {
        buffer->data[buffer->size++] = value;
    }
    return status;
}

pbase_status pbase_buffer_append_varint(pbase_buffer *buffer, uint64_t value, pbase_error *err)
{
    pbase_status status = pbase_buffer_reserve(buffer, VARINT_BYTES_MAX, err);
    if (status != PBASE_OK) {
        return status;
    }
    while (value > 0x7fu) {
        buffer->data[buffer->size++] = (uint8_t)(value | 0x80u);
        value >>= 7;
    }
    buffer->data[buffer->size++] = (uint8_t)value;
    return PBASE_OK;
}

pbase_status pbase_buffer_append_text(pbase_buffer *buffer, pbase_error *err, const char *format,
                                      ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    pbase_status status;
    int size = vsnprintf(NULL, 0, format, arguments);
    if (size < 0) {
        status = PBASE_FAIL(err, PBASE_INVALID, "the text cannot be formatted");
        goto done;
    }
    status = pbase_buffer_reserve(buffer, (size_t)size + 1, err); /* vsnprintf adds a NUL */
    if (status == PBASE_OK) {
        (void)vsnprintf((char *)buffer->data + buffer->size, (size_t)size + 1, format,
                        again); /* measured above */
        buffer->size += (size_t)size;
    }
done:
    va_end(again);
    va_end(arguments);
    return status;
}

bool pbase_read_u8(pbase_reader_bytes *r, uint8_t *out)
{
    if (pbase_reader_bytes_left(r) < 1) {
        return false;
    }
    *out = *r->at++;
    return true;
}

bool pbase_read_u16(pbase_reader_bytes *r, uint16_t *out)
{
    if (pbase_reader_bytes_left(r) < sizeof *out) {
        return false;
    }
    *out = pbase_get_u16(r->at);
    r->at += sizeof *out;
    return true;
}

bool pbase_read_u32(pbase_reader_bytes *r, uint32_t *out)
{
    if (pbase_reader_bytes_left(r) < sizeof *out) {
        return false;
    }
    *out = pbase_get_u32(r->at);
    r->at += sizeof *out;
    return true;
}

bool pbase_read_u64(pbase_reader_bytes *r, uint64_t *out)
{
    if (pbase_reader_bytes_left(r) < sizeof *out) {
        return false;
    }
    *out = pbase_get_u64(r->at);
    r->at += sizeof *out;
    return true;
}

/* Most are of one byte. */
static bool varint_is_short(const pbase_reader_bytes *r)
{
    return r->at != r->end && *r->at < 0x80;
}

bool pbase_read_varint(pbase_reader_bytes *r, uint64_t *out)
{
    if (varint_is_short(r)) {
        *out = *r->at++;
        return true;
    }
    const uint8_t *at = r->at;
    uint64_t value = 0;
    for (unsigned shift = 0; at != r->end && shift < 64; shift += 7) {
        uint64_t bits = *at & 0x7fu;
        if (shift == 63 && bits > 1) {
            return false; /* past 64 bits */
        }
        value |= bits << shift;
        if ((*at++ & 0x80u) == 0) {
            r->at = at;
            *out = value;
            return true;
        }
    }
    return false;
}

bool pbase_read_bytes(pbase_reader_bytes *r, size_t size, pbase_bytes *out)
{
    if (pbase_reader_bytes_left(r) < size) {
        return false;
    }
    *out = pbase_bytes_of(r->at, size);
    if (size != 0) {
        r->at += size;
    }
    return true;
}

bool pbase_read_sized(pbase_reader_bytes *r, pbase_bytes *out)
{
    pbase_reader_bytes ahead = *r;
    uint64_t size = 0;
    if (varint_is_short(r)) {
        size = *ahead.at++;
    } else if (!pbase_read_varint(&ahead, &size)) {
        return false;
    }
    if (size > pbase_reader_bytes_left(&ahead)) {
        return false;
    }
    *out = pbase_bytes_of(ahead.at, (size_t)size);
    r->at = ahead.at + size;
    return true;
}
