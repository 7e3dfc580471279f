/* msgpack_reader.c - the type bytes of the MessagePack specification. */
#include "msgpack_reader.h"
#include <inttypes.h>

pbase_status msgpack_failed_at(const msgpack_reader *reader, const uint8_t *at, pbase_status status)
{
    pbase_error_where(reader->err, "offset %zu", (size_t)(at - reader->begin));
    return status;
}

/* The big-endian number of `size` bytes, 1, 2, 4 or 8, at `at`. */
static uint64_t load(const uint8_t *at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | at[i];
    }
    return number;
}

static pbase_status truncated(const msgpack_reader *reader, const uint8_t *head)
{
    return msgpack_failed_at(reader, head,
                             PBASE_FAIL(reader->err, PBASE_INVALID,
                                        "truncated MessagePack: a value goes on past the end"));
}

/* Reads a number of `size` bytes behind the type byte, which stands right before reader->at. */
static pbase_status read_number(msgpack_reader *reader, size_t size, uint64_t *out)
{
    if (msgpack_left(reader) < size) {
        return truncated(reader, reader->at - 1);
    }
    *out = load(reader->at, size);
    reader->at += size;
    return PBASE_OK;
}

static pbase_status read_body(msgpack_reader *reader, const uint8_t *head, uint64_t size,
                              msgpack_kind kind, msgpack_head *out)
{
    if (msgpack_left(reader) < size) {
        return truncated(reader, head);
    }
    out->kind = kind;
    out->as.body = pbase_bytes_of(reader->at, (size_t)size);
    reader->at += size;
    return PBASE_OK;
}

static pbase_status read_sized(msgpack_reader *reader, size_t length_bytes, msgpack_kind kind,
                               msgpack_head *out)
{
    const uint8_t *head = reader->at - 1;
    uint64_t size = 0;
    pbase_status status = read_number(reader, length_bytes, &size);
    return status == PBASE_OK ? read_body(reader, head, size, kind, out) : status;
}

static pbase_status read_ext(msgpack_reader *reader, const uint8_t *head, uint64_t size,
                             msgpack_head *out)
{
    if (msgpack_left(reader) < 1) {
        return truncated(reader, head);
    }
    out->ext_type = (int8_t)*reader->at++;
    return read_body(reader, head, size, MSGPACK_HEAD_EXT, out);
}

static pbase_status read_sized_ext(msgpack_reader *reader, size_t length_bytes, msgpack_head *out)
{
    const uint8_t *head = reader->at - 1;
    uint64_t size = 0;
    pbase_status status = read_number(reader, length_bytes, &size);
    return status == PBASE_OK ? read_ext(reader, head, size, out) : status;
}

/* Each child takes a byte at least, each field two: a count past that is a lie. */
static pbase_status use_count(msgpack_reader *reader, const uint8_t *head, uint64_t count,
                              msgpack_kind kind, msgpack_head *out)
{
    if (count > msgpack_left(reader) / (kind == MSGPACK_HEAD_MAP ? 2 : 1)) {
        return truncated(reader, head);
    }
    out->kind = kind;
    out->as.count = (uint32_t)count;
    return PBASE_OK;
}

static pbase_status read_count(msgpack_reader *reader, size_t length_bytes, msgpack_kind kind,
                               msgpack_head *out)
{
    const uint8_t *head = reader->at - 1;
    uint64_t count = 0;
    pbase_status status = read_number(reader, length_bytes, &count);
    return status == PBASE_OK ? use_count(reader, head, count, kind, out) : status;
}

static pbase_status use_int(int64_t number, msgpack_head *out)
{
    out->kind = MSGPACK_HEAD_INT;
    out->as.integer = number;
    return PBASE_OK;
}

static pbase_status read_unsigned(msgpack_reader *reader, size_t size, msgpack_head *out)
{
    const uint8_t *head = reader->at - 1;
    uint64_t number = 0;
    pbase_status status = read_number(reader, size, &number);
    if (status != PBASE_OK) {
        return status;
    }
    if (number > INT64_MAX) {
        return msgpack_failed_at(reader, head,
                                 PBASE_FAIL(reader->err, PBASE_LIMIT,
                                            "the integer %" PRIu64 " is beyond int64", number));
    }
    return use_int((int64_t)number, out);
}

static pbase_status read_signed(msgpack_reader *reader, size_t size, msgpack_head *out)
{
    uint64_t number = 0;
    pbase_status status = read_number(reader, size, &number);
    if (status != PBASE_OK) {
        return status;
    }
    unsigned shift = 64u - 8u * (unsigned)size;
    return use_int((int64_t)(number << shift) >> shift, out);
}

static pbase_status read_float(msgpack_reader *reader, size_t size, msgpack_head *out)
{
    uint64_t bits = 0;
    pbase_status status = read_number(reader, size, &bits);
    if (status != PBASE_OK) {
        return status;
    }
    out->kind = MSGPACK_HEAD_FLOAT;
    if (size == sizeof(float)) {
        uint32_t bits32 = (uint32_t)bits;
        float number;
        memcpy(&number, &bits32, sizeof number);
        out->as.real = (double)number;
    } else {
        memcpy(&out->as.real, &bits, sizeof bits);
    }
    return PBASE_OK;
}

static pbase_status use_bool(bool boolean, msgpack_head *out)
{
    out->kind = MSGPACK_HEAD_BOOL;
    out->as.boolean = boolean;
    return PBASE_OK;
}

/* Type bytes 0xc0 to 0xdf: everything with a length or a number behind it. */
static pbase_status read_typed(msgpack_reader *reader, uint8_t type, msgpack_head *out)
{
    switch (type) {
    case 0xc0:
        out->kind = MSGPACK_HEAD_NULL;
        return PBASE_OK;
    case 0xc2:
    case 0xc3:
        return use_bool(type == 0xc3, out);
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return read_sized(reader, (size_t)1 << (type - 0xc4), MSGPACK_HEAD_BYTES, out);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return read_sized_ext(reader, (size_t)1 << (type - 0xc7), out);
    case 0xca:
    case 0xcb:
        return read_float(reader, (size_t)4 << (type - 0xca), out);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return read_unsigned(reader, (size_t)1 << (type - 0xcc), out);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return read_signed(reader, (size_t)1 << (type - 0xd0), out);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return read_ext(reader, reader->at - 1, UINT64_C(1) << (type - 0xd4), out);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return read_sized(reader, (size_t)1 << (type - 0xd9), MSGPACK_HEAD_TEXT, out);
    case 0xdc:
    case 0xdd:
        return read_count(reader, (size_t)2 << (type - 0xdc), MSGPACK_HEAD_LIST, out);
    case 0xde:
    case 0xdf:
        return read_count(reader, (size_t)2 << (type - 0xde), MSGPACK_HEAD_MAP, out);
    default: /* 0xc1 */
        return msgpack_failed_at(
            reader, reader->at - 1,
            PBASE_FAIL(reader->err, PBASE_INVALID, "0x%02x begins no MessagePack value", type));
    }
}

pbase_status msgpack_read_head(msgpack_reader *reader, msgpack_head *out)
{
    const uint8_t *head = reader->at;
    if (head == reader->end) {
        return truncated(reader, head);
    }
    uint8_t type = *reader->at++;
    if (type < 0x80) {
        return use_int(type, out);
    }
    if (type >= 0xe0) {
        return use_int((int8_t)type, out);
    }
    if (type >= 0xc0) {
        return read_typed(reader, type, out);
    }
    if (type >= 0xa0) {
        return read_body(reader, head, type & 0x1fu, MSGPACK_HEAD_TEXT, out);
    }
    return use_count(reader, head, type & 0x0fu,
                     type >= 0x90 ? MSGPACK_HEAD_LIST : MSGPACK_HEAD_MAP, out);
}

pbase_status msgpack_read_name(msgpack_reader *reader, pbase_bytes *out)
{
    const uint8_t *at = reader->at;
    msgpack_head head;
    pbase_status status = msgpack_read_head(reader, &head);
    if (status != PBASE_OK) {
        return status;
    }
    if (head.kind != MSGPACK_HEAD_TEXT) {
        return msgpack_failed_at(
            reader, at, PBASE_FAIL(reader->err, PBASE_INVALID, "a map whose key is not a string"));
    }
    *out = head.as.body;
    return PBASE_OK;
}

pbase_status msgpack_skip(msgpack_reader *reader, uint64_t count)
{
    while (count > 0) {
        msgpack_head head;
        pbase_status status = msgpack_read_head(reader, &head);
        if (status != PBASE_OK) {
            return status;
        }
        count--;
        if (head.kind == MSGPACK_HEAD_LIST || head.kind == MSGPACK_HEAD_MAP) {
            /* below 2^64: no count exceeds the bytes left, and every head has used one up */
            count += (uint64_t)head.as.count << (head.kind == MSGPACK_HEAD_MAP);
        }
    }
    return PBASE_OK;
}
