/* msgpack_decode.c - heads into values; value_build holds the containers and the limits. */
#include "msgpack_decode.h"
#include "msgpack_ext.h"
#include "value_build.h"

#define NS_PER_SECOND 1000000000

typedef struct {
    msgpack_reader *reader;
    const uint8_t *head_at; /* where the head being read begins: the place of errors */
    value_build build;
} decoder;

static pbase_status failed(const decoder *d, pbase_status status)
{
    return msgpack_failed_at(d->reader, d->head_at, status);
}

#define DECODER_FAIL(d, code, ...) failed((d), PBASE_FAIL((d)->reader->err, (code), __VA_ARGS__))

/* -------------------------------------------------------------------------------- extensions --- */

static uint32_t load_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t load_u64(const uint8_t *at)
{
    return (uint64_t)load_u32(at) << 32 | load_u32(at + 4);
}

static pbase_status use_time(const decoder *d, int64_t seconds, uint32_t nanoseconds,
                             pbase_value *place)
{
    int64_t time_ns = 0;
    if (nanoseconds >= NS_PER_SECOND) {
        return DECODER_FAIL(d, PBASE_INVALID, "a timestamp with %u nanoseconds",
                            (unsigned)nanoseconds);
    }
    /* From below zero the fraction is taken off one second more, lest the product overflow. */
    int64_t whole = seconds < 0 ? seconds + 1 : seconds;
    int64_t rest = seconds < 0 ? (int64_t)nanoseconds - NS_PER_SECOND : (int64_t)nanoseconds;
    if (__builtin_mul_overflow(whole, (int64_t)NS_PER_SECOND, &time_ns) ||
        __builtin_add_overflow(time_ns, rest, &time_ns)) {
        return DECODER_FAIL(d, PBASE_LIMIT, "a timestamp beyond int64 nanoseconds");
    }
    *place = pbase_value_timestamp(time_ns);
    return PBASE_OK;
}

static pbase_status read_time(const decoder *d, pbase_bytes body, pbase_value *place)
{
    switch (body.size) {
    case MSGPACK_TIMESTAMP_32_BYTES:
        return use_time(d, load_u32(body.data), 0, place);
    case MSGPACK_TIMESTAMP_64_BYTES: {
        uint64_t both = load_u64(body.data);
        return use_time(d, (int64_t)(both & 0x3ffffffffu), (uint32_t)(both >> 34), place);
    }
    case MSGPACK_TIMESTAMP_96_BYTES:
        return use_time(d, (int64_t)load_u64(body.data + 4), load_u32(body.data), place);
    default:
        return DECODER_FAIL(d, PBASE_INVALID, "a timestamp of %zu bytes", body.size);
    }
}

static pbase_status read_vector(decoder *d, pbase_bytes body, pbase_value *place)
{
    if (body.size % sizeof(float) != 0) {
        return DECODER_FAIL(d, PBASE_INVALID, "a vector of %zu bytes", body.size);
    }
    void *memory = NULL;
    pbase_status status = value_build_memory(&d->build, body.size, &memory, d->reader->err);
    if (status != PBASE_OK) {
        return failed(d, status);
    }
    float *items = (float *)memory;
    size_t count = body.size / sizeof(float);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = pbase_get_u32(body.data + i * sizeof bits);
        memcpy(&items[i], &bits, sizeof bits);
    }
    *place = pbase_value_vector(items, count);
    return PBASE_OK;
}

static pbase_status read_reference(const decoder *d, pbase_bytes body, pbase_value *place)
{
    pbase_object_id id;
    if (body.size != sizeof id.bytes) {
        return DECODER_FAIL(d, PBASE_INVALID, "a reference of %zu bytes", body.size);
    }
    memcpy(id.bytes, body.data, sizeof id.bytes);
    *place = pbase_value_reference(id);
    return PBASE_OK;
}

static pbase_status read_child(const decoder *d, pbase_bytes body, pbase_value *place)
{
    if (body.size != MSGPACK_CHILD_BYTES || pbase_get_u32(body.data) >= PBASE_CHILDREN_MAX) {
        return DECODER_FAIL(d, PBASE_INVALID, "no number of a child collection in %zu bytes",
                            body.size);
    }
    *place = pbase_value_child(pbase_get_u32(body.data));
    return PBASE_OK;
}

static pbase_status read_ext(decoder *d, const msgpack_head *head, pbase_value *place)
{
    switch (head->ext_type) {
    case MSGPACK_EXT_TIMESTAMP:
        return read_time(d, head->as.body, place);
    case MSGPACK_EXT_VECTOR:
        return read_vector(d, head->as.body, place);
    case MSGPACK_EXT_REFERENCE:
        return read_reference(d, head->as.body, place);
    case MSGPACK_EXT_CHILD:
        return read_child(d, head->as.body, place);
    default:
        return DECODER_FAIL(d, PBASE_UNSUPPORTED, "the MessagePack extension %d is unknown here",
                            head->ext_type);
    }
}

/* ------------------------------------------------------------------------------------ values --- */

static pbase_status check_text(const decoder *d, pbase_bytes text)
{
    if (!pbase_utf8_valid(text)) {
        return DECODER_FAIL(d, PBASE_INVALID, "a string of %zu bytes is not UTF-8", text.size);
    }
    return PBASE_OK;
}

static pbase_status read_container(decoder *d, const msgpack_head *head, pbase_value *place)
{
    pbase_error *err = d->reader->err;
    pbase_status status = head->kind == MSGPACK_HEAD_LIST
                              ? value_build_list(&d->build, place, head->as.count, err)
                              : value_build_map(&d->build, place, head->as.count, err);
    return status == PBASE_OK ? status : failed(d, status);
}

/* Reads the next value into *place, or opens the container that begins there. */
static pbase_status read_value(decoder *d, pbase_value *place)
{
    msgpack_head head;
    d->head_at = d->reader->at;
    pbase_status status = msgpack_read_head(d->reader, &head);
    if (status != PBASE_OK) {
        return status;
    }
    switch (head.kind) {
    case MSGPACK_HEAD_NULL:
        *place = pbase_value_null();
        return PBASE_OK;
    case MSGPACK_HEAD_BOOL:
        *place = pbase_value_bool(head.as.boolean);
        return PBASE_OK;
    case MSGPACK_HEAD_INT:
        *place = pbase_value_int(head.as.integer);
        return PBASE_OK;
    case MSGPACK_HEAD_FLOAT:
        *place = pbase_value_float(head.as.real);
        return PBASE_OK;
    case MSGPACK_HEAD_TEXT:
        *place = pbase_value_string(head.as.body);
        return check_text(d, head.as.body);
    case MSGPACK_HEAD_BYTES:
        *place = pbase_value_bytes(head.as.body);
        return PBASE_OK;
    case MSGPACK_HEAD_EXT:
        return read_ext(d, &head, place);
    case MSGPACK_HEAD_LIST:
    case MSGPACK_HEAD_MAP:
    default:
        return read_container(d, &head, place);
    }
}

/* Where the next value goes; in a map its name is read first. */
static pbase_status next_place(decoder *d, pbase_value **out)
{
    if (!value_build_in_map(&d->build)) {
        *out = value_build_item(&d->build);
        return PBASE_OK;
    }
    pbase_field *field = value_build_field(&d->build);
    *out = &field->value;
    d->head_at = d->reader->at;
    pbase_status status = msgpack_read_name(d->reader, &field->name);
    return status == PBASE_OK ? check_text(d, field->name) : status;
}

/* Closes every container that is full. */
static pbase_status close_full(decoder *d)
{
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && value_build_is_full(&d->build) &&
           !value_build_is_done(&d->build)) {
        const value_build_frame *frame = &d->build.frames[d->build.depth];
        status = value_build_close(&d->build, d->reader->err);
        if (status == PBASE_INVALID) {
            const pbase_field *fields = frame->field - frame->count;
            d->head_at = fields[d->build.duplicate].name.data;
            status = failed(d, status);
        }
    }
    return status;
}

pbase_status msgpack_decode_next(msgpack_reader *reader, const pbase_decode_limits *limits,
                                 pbase_arena *arena, pbase_value *out)
{
    pbase_value value;
    pbase_value *place = &value;
    decoder d;
    d.reader = reader;
    d.head_at = reader->at;
    pbase_status status = value_build_init(&d.build, limits, arena, reader->err);
    while (status == PBASE_OK) {
        status = read_value(&d, place);
        if (status == PBASE_OK) {
            status = close_full(&d);
        }
        if (status != PBASE_OK || value_build_is_full(&d.build)) {
            break;
        }
        status = next_place(&d, &place);
    }
    if (status == PBASE_OK) {
        *out = value;
    }
    return status;
}

pbase_status msgpack_decode(pbase_bytes bytes, const pbase_decode_limits *limits,
                            pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    msgpack_reader reader = msgpack_reader_of(bytes, err);
    pbase_value value;
    pbase_status status = msgpack_decode_next(&reader, limits, arena, &value);
    if (status != PBASE_OK) {
        return status;
    }
    if (reader.at != reader.end) {
        return msgpack_failed_at(
            &reader, reader.at,
            PBASE_FAIL(err, PBASE_INVALID, "%zu bytes follow the value", msgpack_left(&reader)));
    }
    *out = value;
    return PBASE_OK;
}
