/* entry.c - writing and reading the elements of entries.
 *
 * Writing stops once an element is longer than it may be, so that indexing a text of megabytes reads
 * half a kilobyte of it. Reading looks no further than that either. */
#include "index/entry.h"

#include <protobase/base/limits.h>

/* Classes, as docs/formats/key.md numbers them. */
enum {
    CLASS_END = 0x00, /* of a list, a map, a vector, a text */
    CLASS_NULL = 0x01,
    CLASS_TRUE = 0x03,
    CLASS_NUMBER = 0x04,
    CLASS_STRING = 0x05,
    CLASS_BYTES = 0x06,
    CLASS_TIMESTAMP = 0x07,
    CLASS_LIST = 0x08,
    CLASS_MAP = 0x09,
    CLASS_VECTOR = 0x0a,
    CLASS_REFERENCE = 0x0b
};
#define MAP_FIELD 0x01u /* before each field of a map, where its end could stand */
#define ESCAPED 0xffu   /* after a zero inside a text */

/* ------------------------------------------------------------------------------- writing ------- */

typedef struct {
    pbase_buffer *out;
    size_t start; /* of the element */
    pbase_error *err;
} element_writer;

static bool is_full(const element_writer *w)
{
    return w->out->size - w->start > INDEX_ELEMENT_BYTES_MAX;
}

static pbase_status write_value(element_writer *w, const pbase_value *value, unsigned depth);

static pbase_status write_byte(element_writer *w, uint8_t byte)
{
    return pbase_buffer_append_u8(w->out, byte, w->err);
}

/* Escaped, with its end; no more of it than an element can hold. */
static pbase_status write_text(element_writer *w, pbase_bytes text)
{
    size_t size = text.size > INDEX_ELEMENT_BYTES_MAX ? INDEX_ELEMENT_BYTES_MAX : text.size;
    pbase_status status = pbase_buffer_reserve(w->out, 2 * size + 1, w->err);
    if (status != PBASE_OK) {
        return status;
    }
    uint8_t *at = w->out->data + w->out->size;
    for (size_t i = 0; i < size; i++) {
        *at++ = text.data[i];
        if (text.data[i] == 0) {
            *at++ = ESCAPED;
        }
    }
    *at++ = CLASS_END;
    w->out->size = (size_t)(at - w->out->data);
    return PBASE_OK;
}

/* Null, bool, number, timestamp, reference: as keys write them. */
static pbase_status write_fixed(element_writer *w, const pbase_value *value)
{
    key_scratch scratch; /* these need no heap */
    encoded_key key;
    key_scratch_init(&scratch, w->out->alloc);
    pbase_status status = key_encode(value, &scratch, &key, w->err);
    return status == PBASE_OK ? pbase_buffer_append_bytes(w->out, key.bytes, w->err) : status;
}

static pbase_status write_list(element_writer *w, const pbase_value *list, unsigned depth)
{
    pbase_status status = write_byte(w, CLASS_LIST);
    for (size_t i = 0; i < list->as.list.count && status == PBASE_OK && !is_full(w); i++) {
        status = write_value(w, &list->as.list.items[i], depth + 1);
    }
    return status == PBASE_OK ? write_byte(w, CLASS_END) : status;
}

static pbase_status write_vector(element_writer *w, const pbase_value *vector)
{
    pbase_status status = write_byte(w, CLASS_VECTOR);
    for (size_t i = 0; i < vector->as.vector.count && status == PBASE_OK && !is_full(w); i++) {
        pbase_value item = pbase_value_float((double)vector->as.vector.items[i]);
        status = write_fixed(w, &item);
    }
    return status == PBASE_OK ? write_byte(w, CLASS_END) : status;
}

/* The field of `map` with the lowest name above `*after` (NULL: of all). */
static const pbase_field *next_field(const pbase_value *map, const pbase_bytes *after)
{
    const pbase_field *next = NULL;
    for (size_t i = 0; i < map->as.map.count; i++) {
        const pbase_field *field = &map->as.map.fields[i];
        if ((after == NULL || pbase_bytes_compare(field->name, *after) > 0) &&
            (next == NULL || pbase_bytes_compare(field->name, next->name) < 0)) {
            next = field;
        }
    }
    return next;
}

/* In order of names. A field takes three bytes at least, so few passes fill the element. */
static pbase_status write_map(element_writer *w, const pbase_value *map, unsigned depth)
{
    pbase_status status = write_byte(w, CLASS_MAP);
    const pbase_field *field = next_field(map, NULL);
    while (field != NULL && status == PBASE_OK && !is_full(w)) {
        status = write_byte(w, MAP_FIELD);
        status = status == PBASE_OK ? write_text(w, field->name) : status;
        status = status == PBASE_OK ? write_value(w, &field->value, depth + 1) : status;
        field = next_field(map, &field->name);
    }
    return status == PBASE_OK ? write_byte(w, CLASS_END) : status;
}

static pbase_status write_value(element_writer *w, const pbase_value *value, unsigned depth)
{
    if (depth > PBASE_DEPTH_MAX) {
        return PBASE_FAIL(w->err, PBASE_LIMIT, "a value nested deeper than %u", PBASE_DEPTH_MAX);
    }
    pbase_status status;
    switch (value->kind) {
    case PBASE_STRING:
    case PBASE_BYTES:
        status = write_byte(w, value->kind == PBASE_STRING ? CLASS_STRING : CLASS_BYTES);
        return status == PBASE_OK ? write_text(w, value->as.string) : status;
    case PBASE_LIST:
        return write_list(w, value, depth);
    case PBASE_MAP:
        return write_map(w, value, depth);
    case PBASE_VECTOR:
        return write_vector(w, value);
    case PBASE_BOOL:
    case PBASE_INT:
    case PBASE_FLOAT:
    case PBASE_TIMESTAMP:
    case PBASE_REFERENCE:
        return write_fixed(w, value);
    default: /* missing reads as null; a child collection has no value of its own */
        return write_byte(w, CLASS_NULL);
    }
}

pbase_status entry_element(const pbase_value *value, pbase_buffer *out, bool *out_cut,
                           pbase_error *err)
{
    element_writer w = {out, out->size, err};
    pbase_status status = write_value(&w, value, 0);
    if (status == PBASE_OK && is_full(&w)) {
        out->size = w.start + INDEX_ELEMENT_BYTES_MAX;
        status = write_byte(&w, ENTRY_CUT);
        *out_cut = true;
    }
    if (status != PBASE_OK) {
        out->size = w.start;
    }
    return status;
}

/* ------------------------------------------------------------------------------- reading ------- */

static bool skip_value(pbase_reader_bytes *reader, unsigned depth);

static bool skip_bytes(pbase_reader_bytes *reader, size_t size)
{
    pbase_bytes skipped;
    return pbase_read_bytes(reader, size, &skipped);
}

static bool skip_text(pbase_reader_bytes *reader)
{
    uint8_t byte = 0;
    while (pbase_read_u8(reader, &byte)) {
        if (byte != CLASS_END) {
            continue;
        }
        if (reader->at == reader->end || *reader->at != ESCAPED) {
            return true;
        }
        reader->at++;
    }
    return false;
}

static bool skip_items(pbase_reader_bytes *reader, bool is_map, unsigned depth)
{
    while (reader->at < reader->end && *reader->at != CLASS_END) {
        if (is_map && (!skip_bytes(reader, 1) || !skip_text(reader))) {
            return false;
        }
        if (!skip_value(reader, depth + 1)) {
            return false;
        }
    }
    return skip_bytes(reader, 1);
}

static bool skip_value(pbase_reader_bytes *reader, unsigned depth)
{
    uint8_t class_byte = 0;
    if (depth > PBASE_DEPTH_MAX || !pbase_read_u8(reader, &class_byte)) {
        return false;
    }
    switch (class_byte) {
    case CLASS_NUMBER:
        return skip_bytes(reader, 10);
    case CLASS_TIMESTAMP:
        return skip_bytes(reader, 8);
    case CLASS_REFERENCE:
        return skip_bytes(reader, sizeof(pbase_object_id));
    case CLASS_STRING:
    case CLASS_BYTES:
        return skip_text(reader);
    case CLASS_LIST:
    case CLASS_VECTOR:
    case CLASS_MAP:
        return skip_items(reader, class_byte == CLASS_MAP, depth);
    default:
        return (class_byte >= CLASS_NULL && class_byte <= CLASS_TRUE) ||
               class_byte == ENTRY_LOOSE_TEXT;
    }
}

size_t entry_element_size(pbase_bytes bytes, bool *out_cut)
{
    bool is_long = bytes.size > INDEX_ELEMENT_BYTES_MAX;
    if (is_long && bytes.data[INDEX_ELEMENT_BYTES_MAX] == ENTRY_CUT) {
        /* an element that ended before has no such byte there, unless it is another's */
        pbase_reader_bytes inside =
            pbase_reader_bytes_of(pbase_bytes_of(bytes.data, INDEX_ELEMENT_BYTES_MAX));
        if (!skip_value(&inside, 0) || inside.at == inside.end) {
            if (out_cut != NULL) {
                *out_cut = true;
            }
            return INDEX_ELEMENT_BYTES_MAX + 1;
        }
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(bytes);
    bool whole = skip_value(&reader, 0);
    size_t size = (size_t)(reader.at - bytes.data);
    return whole && size <= INDEX_ELEMENT_BYTES_MAX ? size : 0;
}

size_t entry_prefix_size(pbase_bytes entry, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = entry_element_size(pbase_bytes_of(entry.data + at, entry.size - at), NULL);
        if (size == 0) {
            return 0;
        }
        at += size;
    }
    return at;
}

bool entry_row(pbase_bytes entry, size_t count, pbase_bytes *out)
{
    size_t at = entry_prefix_size(entry, count);
    if (at == 0 || at + 1 >= entry.size || entry.data[at] != ENTRY_ROW) {
        return false;
    }
    *out = pbase_bytes_of(entry.data + at + 1, entry.size - at - 1);
    return true;
}

bool entry_has_null(pbase_bytes entry, size_t count)
{
    for (size_t i = 0, at = 0; i < count && at < entry.size; i++) {
        if (entry.data[at] == CLASS_NULL) {
            return true;
        }
        size_t size = entry_element_size(pbase_bytes_of(entry.data + at, entry.size - at), NULL);
        at = size == 0 ? entry.size : at + size;
    }
    return false;
}

void entry_describe(pbase_bytes entry, size_t count, char *out, size_t out_size)
{
    uint8_t list[INDEX_ELEMENT_BYTES_MAX + 2] = {CLASS_LIST};
    size_t size = entry_prefix_size(entry, count);
    size = size > INDEX_ELEMENT_BYTES_MAX ? INDEX_ELEMENT_BYTES_MAX : size;
    if (size > 0) {
        memcpy(list + 1, entry.data, size);
    }
    list[1 + size] = CLASS_END;
    key_describe(pbase_bytes_of(list, size + 2), out, out_size);
    size_t length = strlen(out);
    if (count == 1 && length >= 2 && out[length - 1] == ']') { /* one value needs no brackets */
        memmove(out, out + 1, length - 2);
        out[length - 2] = '\0';
    }
}
