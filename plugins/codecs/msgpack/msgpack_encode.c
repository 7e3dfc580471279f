/* msgpack_encode.c - msgpack-c's packer over a pbase_buffer.
 *
 * Its results are ignored in favour of the writer's own status: the first failure sticks, and what
 * would follow it is not written. Recursion stops at PBASE_DEPTH_MAX. */
#include "msgpack_encode.h"
#include "msgpack_ext.h"
#include <inttypes.h>
#include <math.h>
#include <msgpack/pack.h>

#define NS_PER_SECOND 1000000000

typedef struct {
    msgpack_packer packer; /* calls writer_append */
    pbase_buffer *out;
    pbase_error *err;
    pbase_status status;
} writer;

static void write_value(writer *w, const pbase_value *value, unsigned depth);

static int writer_append(void *state, const char *data, size_t size)
{
    writer *w = (writer *)state;
    if (w->status == PBASE_OK) {
        w->status = pbase_buffer_append(w->out, data, size, w->err);
    }
    return w->status == PBASE_OK ? 0 : -1;
}

/* False, with the failure noted, for a length that no MessagePack header can say. */
static bool length_fits(writer *w, size_t length, const char *what)
{
    if (w->status == PBASE_OK && length > UINT32_MAX) {
        w->status = PBASE_FAIL(w->err, PBASE_LIMIT, "%zu %s; MessagePack has room for %" PRIu32,
                               length, what, UINT32_MAX);
    }
    return w->status == PBASE_OK;
}

/* ----------------------------------------------------------------------------------- scalars --- */

static void write_float(writer *w, double number)
{
    (void)msgpack_pack_double(&w->packer, isnan(number) ? (double)NAN : number);
}

static void write_string(writer *w, pbase_bytes text)
{
    if (length_fits(w, text.size, "bytes of text")) {
        (void)msgpack_pack_str(&w->packer, text.size);
        (void)msgpack_pack_str_body(&w->packer, text.data, text.size);
    }
}

static void write_bytes(writer *w, pbase_bytes bytes)
{
    if (length_fits(w, bytes.size, "bytes")) {
        (void)msgpack_pack_bin(&w->packer, bytes.size);
        (void)msgpack_pack_bin_body(&w->packer, bytes.data, bytes.size);
    }
}

static void write_time(writer *w, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND, rest = time_ns % NS_PER_SECOND;
    if (rest < 0) { /* the format counts nanoseconds upwards only */
        seconds--;
        rest += NS_PER_SECOND;
    }
    msgpack_timestamp stamp = {.tv_sec = seconds, .tv_nsec = (uint32_t)rest};
    (void)msgpack_pack_timestamp(&w->packer, &stamp);
}

static void write_vector(writer *w, const float *items, size_t count)
{
    if (count > UINT32_MAX / sizeof(float)) {
        (void)length_fits(w, SIZE_MAX, "bytes of a vector");
        return;
    }
    (void)msgpack_pack_ext(&w->packer, count * sizeof(float), MSGPACK_EXT_VECTOR);
    for (size_t i = 0; i < count; i++) {
        float item = isnan(items[i]) ? NAN : items[i];
        uint32_t bits;
        uint8_t bytes[sizeof bits];
        memcpy(&bits, &item, sizeof bits);
        pbase_put_u32(bytes, bits);
        (void)msgpack_pack_ext_body(&w->packer, bytes, sizeof bytes);
    }
}

static void write_reference(writer *w, pbase_object_id id)
{
    (void)msgpack_pack_ext(&w->packer, sizeof id.bytes, MSGPACK_EXT_REFERENCE);
    (void)msgpack_pack_ext_body(&w->packer, id.bytes, sizeof id.bytes);
}

static void write_child(writer *w, uint64_t ordinal)
{
    uint8_t bytes[MSGPACK_CHILD_BYTES];
    if (ordinal >= PBASE_CHILDREN_MAX) {
        w->status = PBASE_FAIL(w->err, PBASE_LIMIT, "child collection %" PRIu64 "; the limit is %u",
                               ordinal, PBASE_CHILDREN_MAX);
        return;
    }
    pbase_put_u32(bytes, (uint32_t)ordinal);
    (void)msgpack_pack_ext(&w->packer, sizeof bytes, MSGPACK_EXT_CHILD);
    (void)msgpack_pack_ext_body(&w->packer, bytes, sizeof bytes);
}

/* -------------------------------------------------------------------------------- containers --- */

static bool container_fits(writer *w, size_t count, unsigned depth)
{
    if (depth == PBASE_DEPTH_MAX) {
        w->status = PBASE_FAIL(w->err, PBASE_LIMIT, "the value nests deeper than %u levels",
                               PBASE_DEPTH_MAX);
        return false;
    }
    return length_fits(w, count, "items in a container");
}

static void write_list(writer *w, const pbase_value *list, unsigned depth)
{
    if (!container_fits(w, list->as.list.count, depth)) {
        return;
    }
    (void)msgpack_pack_array(&w->packer, list->as.list.count);
    for (size_t i = 0; i < list->as.list.count && w->status == PBASE_OK; i++) {
        write_value(w, &list->as.list.items[i], depth + 1);
    }
}

static void write_map(writer *w, const pbase_value *map, unsigned depth)
{
    if (!container_fits(w, map->as.map.count, depth)) {
        return;
    }
    (void)msgpack_pack_map(&w->packer, map->as.map.count);
    for (size_t i = 0; i < map->as.map.count && w->status == PBASE_OK; i++) {
        write_string(w, map->as.map.fields[i].name);
        write_value(w, &map->as.map.fields[i].value, depth + 1);
    }
}

static void write_value(writer *w, const pbase_value *value, unsigned depth)
{
    switch (value->kind) {
    case PBASE_NULL:
        (void)msgpack_pack_nil(&w->packer);
        break;
    case PBASE_BOOL:
        (void)(value->as.boolean ? msgpack_pack_true(&w->packer) : msgpack_pack_false(&w->packer));
        break;
    case PBASE_INT:
        (void)msgpack_pack_int64(&w->packer, value->as.integer);
        break;
    case PBASE_FLOAT:
        write_float(w, value->as.real);
        break;
    case PBASE_STRING:
        write_string(w, value->as.string);
        break;
    case PBASE_BYTES:
        write_bytes(w, value->as.string);
        break;
    case PBASE_TIMESTAMP:
        write_time(w, value->as.time_ns);
        break;
    case PBASE_LIST:
        write_list(w, value, depth);
        break;
    case PBASE_MAP:
        write_map(w, value, depth);
        break;
    case PBASE_VECTOR:
        write_vector(w, value->as.vector.items, value->as.vector.count);
        break;
    case PBASE_REFERENCE:
        write_reference(w, value->as.reference);
        break;
    case PBASE_CHILD:
        write_child(w, value->as.child);
        break;
    default:
        w->status =
            PBASE_FAIL(w->err, PBASE_INVALID, "%u is no kind of value", (unsigned)value->kind);
    }
}

pbase_status msgpack_encode(const pbase_value *value, pbase_buffer *out, pbase_error *err)
{
    writer w = {.out = out, .err = err, .status = PBASE_OK};
    msgpack_packer_init(&w.packer, &w, writer_append);
    write_value(&w, value, 0);
    return w.status;
}
