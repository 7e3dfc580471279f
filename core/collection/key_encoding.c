/* key_encoding.c - keys as bytes that compare like the values they stand for.
 *
 * A key is a class byte and a body (docs/formats/key.md). A number is the largest double not above
 * it, as order-preserving bits, and the integer rest: int64 and double compare exactly in ten bytes.
 * Inside a list text is escaped (00 becomes 00 FF) and ends with 00, after the tuple layer of
 * FoundationDB; a class byte is never FF, so the end is always told from an escaped zero. */
#include "collection/key_encoding.h"

#include "collection/key_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define NUMBER_BYTES 10u
#define SIGN_BIT 0x8000000000000000u
#define NAN_BITS 0x7ff8000000000000u
#define TWO_TO_63 9223372036854775808.0

/* ------------------------------------------------------------------------------- numbers ----- */

static void put_big_endian(uint8_t *at, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
    }
}

static uint64_t get_big_endian(const uint8_t *at, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        v = v << 8 | at[i];
    }
    return v;
}

/* Bits that compare as unsigned numbers in the order of doubles, NaN last. */
static uint64_t ordered_of_double(double v)
{
    uint64_t bits = NAN_BITS;
    if (v == 0) {
        bits = 0; /* both zeros */
    } else if (!isnan(v)) {
        memcpy(&bits, &v, sizeof bits);
    }
    return (bits & SIGN_BIT) != 0 ? ~bits : bits | SIGN_BIT;
}

static double double_of_ordered(uint64_t ordered)
{
    uint64_t bits = (ordered & SIGN_BIT) != 0 ? ordered & ~SIGN_BIT : ~ordered;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static bool is_int64(double v)
{
    return v >= -TWO_TO_63 && v < TWO_TO_63 && v == trunc(v);
}

static void put_int(uint8_t *at, int64_t v)
{
    double below = (double)v;
    if (below >= TWO_TO_63 || (int64_t)below > v) {
        below = nextafter(below, -HUGE_VAL);
    }
    put_big_endian(at, ordered_of_double(below), 8);
    put_big_endian(at + 8, (uint64_t)v - (uint64_t)(int64_t)below, 2); /* below 1024 */
}

static void put_double(uint8_t *at, double v)
{
    put_big_endian(at, ordered_of_double(v), 8);
    put_big_endian(at + 8, 0, 2);
}

uint8_t key_number_spelling(const pbase_value *number)
{
    if (number->kind == PBASE_INT || !is_int64(number->as.real)) {
        return SPELLED_PLAIN;
    }
    return number->as.real == 0 && signbit(number->as.real) ? SPELLED_MINUS_ZERO : SPELLED_FLOAT;
}

/* ------------------------------------------------------------------------------ encoding ----- */

void key_scratch_free(key_scratch *scratch)
{
    pbase_alloc_free(scratch->alloc, scratch->large, scratch->large_size);
    scratch->large = NULL;
    scratch->large_size = 0;
}

static bool is_number(const pbase_value *value)
{
    return value->kind == PBASE_INT || value->kind == PBASE_FLOAT;
}

static bool is_text(const pbase_value *value)
{
    return value->kind == PBASE_STRING || value->kind == PBASE_BYTES;
}

static size_t zeros_in(pbase_bytes bytes)
{
    size_t zeros = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        zeros += bytes.data[i] == 0;
    }
    return zeros;
}

pbase_status key_limit_passed(size_t size, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_LIMIT, "a key of %zu bytes; the limit is %u", size,
                      PBASE_KEY_BYTES_MAX);
}

/* Bytes that a scalar takes; checks that it may be a key. */
pbase_status key_scalar_size(const pbase_value *value, bool nested, size_t *out, pbase_error *err)
{
    switch (value->kind) {
    case PBASE_NULL:
    case PBASE_BOOL:
        *out = 1;
        return PBASE_OK;
    case PBASE_INT:
    case PBASE_FLOAT:
        *out = 1 + NUMBER_BYTES;
        return PBASE_OK;
    case PBASE_TIMESTAMP:
        *out = 1 + 8;
        return PBASE_OK;
    case PBASE_REFERENCE:
        *out = 1 + sizeof value->as.reference.bytes;
        return PBASE_OK;
    case PBASE_STRING:
    case PBASE_BYTES:
        if (value->as.string.size >= PBASE_KEY_BYTES_MAX) {
            return key_limit_passed(value->as.string.size, err);
        }
        if (value->kind == PBASE_STRING && !pbase_utf8_valid(value->as.string)) {
            return PBASE_FAIL(err, PBASE_INVALID, "a key is not well-formed UTF-8");
        }
        *out = 1 + value->as.string.size + (nested ? zeros_in(value->as.string) + 1 : 0);
        return PBASE_OK;
    default:
        return PBASE_FAIL(err, PBASE_INVALID,
                          nested ? "a %s inside a list cannot be a key" : "a %s cannot be a key",
                          pbase_value_type_name(value));
    }
}

static pbase_status list_size(const pbase_value *list, size_t *out, pbase_error *err)
{
    size_t size = 2; /* class and end */
    for (size_t i = 0; i < list->as.list.count; i++) {
        size_t one = 0;
        pbase_status status = key_scalar_size(&list->as.list.items[i], true, &one, err);
        if (status != PBASE_OK) {
            return status;
        }
        size += one;
        if (size > PBASE_KEY_BYTES_MAX) {
            return key_limit_passed(size, err);
        }
    }
    *out = size;
    return PBASE_OK;
}

static uint8_t *put_text(uint8_t *at, pbase_bytes text, bool nested)
{
    if (!nested) {
        if (text.size != 0) {
            memcpy(at, text.data, text.size);
        }
        return at + text.size;
    }
    for (size_t i = 0; i < text.size; i++) {
        *at++ = text.data[i];
        if (text.data[i] == 0) {
            *at++ = KEY_ESCAPED;
        }
    }
    *at++ = KEY_END;
    return at;
}

/* Writes class and body; there is room. Yields the end. */
uint8_t *key_scalar_put(uint8_t *at, const pbase_value *value, bool nested)
{
    switch (value->kind) {
    case PBASE_BOOL:
        *at = value->as.boolean ? KEY_TRUE : KEY_FALSE;
        return at + 1;
    case PBASE_INT:
        *at = KEY_NUMBER;
        put_int(at + 1, value->as.integer);
        return at + 1 + NUMBER_BYTES;
    case PBASE_FLOAT:
        *at = KEY_NUMBER;
        put_double(at + 1, value->as.real);
        return at + 1 + NUMBER_BYTES;
    case PBASE_STRING:
        *at = KEY_STRING;
        return put_text(at + 1, value->as.string, nested);
    case PBASE_BYTES:
        *at = KEY_BYTES;
        return put_text(at + 1, value->as.string, nested);
    case PBASE_TIMESTAMP:
        *at = KEY_TIMESTAMP;
        put_big_endian(at + 1, (uint64_t)value->as.time_ns ^ SIGN_BIT, 8);
        return at + 1 + 8;
    case PBASE_REFERENCE:
        *at = KEY_REFERENCE;
        memcpy(at + 1, value->as.reference.bytes, sizeof value->as.reference.bytes);
        return at + 1 + sizeof value->as.reference.bytes;
    default:
        *at = KEY_NULL;
        return at + 1;
    }
}

static pbase_status scratch_room(key_scratch *scratch, size_t size, uint8_t **out, pbase_error *err)
{
    *out = scratch->small;
    if (size <= KEY_SCRATCH_BYTES) {
        return PBASE_OK;
    }
    if (size > scratch->large_size) {
        uint8_t *grown =
            scratch->alloc->resize(scratch->alloc, scratch->large, scratch->large_size, size);
        if (grown == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a key of %zu bytes", size);
        }
        scratch->large = grown;
        scratch->large_size = size;
    }
    *out = scratch->large;
    return PBASE_OK;
}

static pbase_status encode_list(const pbase_value *list, key_scratch *scratch, encoded_key *out,
                                pbase_error *err)
{
    size_t size = 0;
    uint8_t *start = NULL;
    pbase_status status = list_size(list, &size, err);
    if (status == PBASE_OK) {
        status = scratch_room(scratch, size + list->as.list.count, &start, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    uint8_t *at = start;
    uint8_t *spelling = start + size;
    size_t numbers = 0, spelled = 0;
    *at++ = KEY_LIST;
    for (size_t i = 0; i < list->as.list.count; i++) {
        const pbase_value *item = &list->as.list.items[i];
        at = key_scalar_put(at, item, true);
        if (is_number(item)) {
            spelling[numbers++] = key_number_spelling(item);
            spelled = spelling[numbers - 1] != SPELLED_PLAIN ? numbers : spelled;
        }
    }
    *at = KEY_END;
    out->bytes = pbase_bytes_of(start, size);
    out->spelling = pbase_bytes_of(spelling, spelled);
    return PBASE_OK;
}

/* A call for so few bytes costs more than they do. */
static inline void copy_short(uint8_t *to, pbase_bytes text)
{
    if (text.size >= 8 && text.size <= 16) {
        uint64_t first = pbase_get_u64(text.data);
        uint64_t last = pbase_get_u64(text.data + text.size - 8);
        pbase_put_u64(to, first);
        pbase_put_u64(to + text.size - 8, last);
    } else if (text.size != 0) {
        memcpy(to, text.data, text.size);
    }
}

/* Most keys: text that fits into the scratch. */
static bool encode_short(const pbase_value *value, key_scratch *scratch, encoded_key *out)
{
    pbase_bytes text = value->as.string;
    if (!is_text(value) || text.size >= KEY_SCRATCH_BYTES ||
        (value->kind == PBASE_STRING && !pbase_utf8_valid(text))) {
        return false;
    }
    scratch->small[0] = value->kind == PBASE_BYTES ? KEY_BYTES : KEY_STRING;
    copy_short(scratch->small + 1, text);
    out->bytes = pbase_bytes_of(scratch->small, 1 + text.size);
    out->spelling = pbase_bytes_of(scratch->small, 0);
    return true;
}

pbase_status key_encode(const pbase_value *value, key_scratch *scratch, encoded_key *out,
                        pbase_error *err)
{
    if (encode_short(value, scratch, out)) {
        return PBASE_OK;
    }
    if (value->kind == PBASE_LIST) {
        return encode_list(value, scratch, out, err);
    }
    size_t size = 0;
    uint8_t *start = NULL;
    pbase_status status = key_scalar_size(value, false, &size, err);
    if (status == PBASE_OK) {
        status = scratch_room(scratch, size + 1, &start, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    start[size] = is_number(value) ? key_number_spelling(value) : SPELLED_PLAIN;
    (void)key_scalar_put(start, value, false); /* its end is start + size */
    out->bytes = pbase_bytes_of(start, size);
    out->spelling = pbase_bytes_of(start + size, start[size] != SPELLED_PLAIN);
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------ decoding ----- */

bool key_source_is_done(const key_source *from, const encoded_key *key)
{
    return pbase_reader_bytes_left(&from->bytes) == 0 &&
           pbase_reader_bytes_left(&from->spelling) == 0 &&
           (key->spelling.size == 0 || key->spelling.data[key->spelling.size - 1] != 0);
}

static bool number_read(key_source *from, pbase_value *out)
{
    pbase_bytes raw;
    uint8_t spelled = SPELLED_PLAIN, again[NUMBER_BYTES];
    if (!pbase_read_bytes(&from->bytes, NUMBER_BYTES, &raw)) {
        return false;
    }
    (void)pbase_read_u8(&from->spelling, &spelled); /* what is cut off is plain */
    double below = double_of_ordered(get_big_endian(raw.data, 8));
    uint64_t rest = get_big_endian(raw.data + 8, 2);
    if (!is_int64(below)) {
        *out = pbase_value_float(below);
        put_double(again, below);
        return spelled == SPELLED_PLAIN && memcmp(again, raw.data, NUMBER_BYTES) == 0;
    }
    if ((int64_t)below > INT64_MAX - (int64_t)rest) {
        return false;
    }
    int64_t integer = (int64_t)below + (int64_t)rest;
    put_int(again, integer);
    if (memcmp(again, raw.data, NUMBER_BYTES) != 0 || (spelled != SPELLED_PLAIN && rest != 0) ||
        (spelled == SPELLED_MINUS_ZERO && integer != 0) || spelled > SPELLED_MINUS_ZERO) {
        return false;
    }
    *out = spelled == SPELLED_PLAIN ? pbase_value_int(integer)
                                    : pbase_value_float(spelled == SPELLED_FLOAT ? below : -0.0);
    return true;
}

/* Finds the end of escaped text; `out` is still escaped, `*zeros` counts its escapes. */
static bool text_bounds(pbase_reader_bytes *from, pbase_bytes *out, size_t *zeros)
{
    const uint8_t *start = from->at;
    *zeros = 0;
    for (const uint8_t *at = start; at < from->end; at++) {
        if (*at != KEY_END) {
            continue;
        }
        if (from->end - at > 1 && at[1] == KEY_ESCAPED) {
            at++;
            (*zeros)++;
            continue;
        }
        *out = pbase_bytes_of(start, (size_t)(at - start));
        from->at = at + 1;
        return true;
    }
    return false;
}

/* Removes the escapes in `escaped` that lie in memory of our own; yields the new size. */
static size_t text_unescape(uint8_t *text, size_t size)
{
    size_t to = 0;
    for (size_t at = 0; at < size; at++) {
        text[to++] = text[at];
        at += text[at] == 0; /* skips the FF after it */
    }
    return to;
}

/* Well-formed between its escaped zeros, each of which is a character. */
static bool text_utf8_valid(pbase_bytes escaped)
{
    const uint8_t *start = escaped.data, *end = start + escaped.size;
    for (;;) {
        size_t left = (size_t)(end - start);
        const uint8_t *zero = left == 0 ? NULL : memchr(start, 0, left);
        size_t size = zero == NULL ? left : (size_t)(zero - start);
        if (!pbase_utf8_valid(pbase_bytes_of(start, size))) {
            return false;
        }
        if (zero == NULL) {
            return true;
        }
        start = zero + 2;
    }
}

pbase_status key_malformed(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_CORRUPT, "the bytes of a key are malformed");
}

static pbase_status text_read(key_source *from, bool nested, pbase_value *out, pbase_error *err)
{
    pbase_bytes text = pbase_bytes_of(from->bytes.at, pbase_reader_bytes_left(&from->bytes));
    size_t zeros = 0;
    if (!nested) {
        from->bytes.at = from->bytes.end;
    } else if (!text_bounds(&from->bytes, &text, &zeros)) {
        return key_malformed(err);
    }
    if (out->kind == PBASE_STRING && !(nested ? text_utf8_valid(text) : pbase_utf8_valid(text))) {
        return key_malformed(err);
    }
    if (zeros != 0 && from->arena != NULL) {
        uint8_t *plain = pbase_arena_alloc(from->arena, text.size);
        if (plain == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a key of %zu bytes", text.size);
        }
        memcpy(plain, text.data, text.size);
        text = pbase_bytes_of(plain, text_unescape(plain, text.size));
    }
    out->as.string = text;
    return PBASE_OK;
}

static bool fixed_read(key_source *from, uint8_t class_byte, pbase_value *out)
{
    pbase_bytes raw;
    switch (class_byte) {
    case KEY_NULL:
        *out = pbase_value_null();
        return true;
    case KEY_FALSE:
    case KEY_TRUE:
        *out = pbase_value_bool(class_byte == KEY_TRUE);
        return true;
    case KEY_NUMBER:
        return number_read(from, out);
    case KEY_TIMESTAMP:
        if (!pbase_read_bytes(&from->bytes, 8, &raw)) {
            return false;
        }
        *out = pbase_value_timestamp((int64_t)(get_big_endian(raw.data, 8) ^ SIGN_BIT));
        return true;
    case KEY_REFERENCE:
        if (!pbase_read_bytes(&from->bytes, sizeof out->as.reference.bytes, &raw)) {
            return false;
        }
        *out = pbase_value_null();
        out->kind = PBASE_REFERENCE;
        memcpy(out->as.reference.bytes, raw.data, raw.size);
        return true;
    default:
        return false;
    }
}

pbase_status key_scalar_read(key_source *from, uint8_t class_byte, bool nested, pbase_value *out,
                             pbase_error *err)
{
    if (class_byte == KEY_STRING || class_byte == KEY_BYTES) {
        *out = pbase_value_null();
        out->kind = class_byte == KEY_STRING ? PBASE_STRING : PBASE_BYTES;
        return text_read(from, nested, out, err);
    }
    return fixed_read(from, class_byte, out) ? PBASE_OK : key_malformed(err);
}

/* Reads the items of a list into `items`, which has room for them all, or only counts them. */
static pbase_status items_read(key_source *from, pbase_value *items, size_t *out_count,
                               pbase_error *err)
{
    for (size_t count = 0;; count++) {
        uint8_t class_byte;
        pbase_value item;
        if (!pbase_read_u8(&from->bytes, &class_byte)) {
            return key_malformed(err);
        }
        if (class_byte == KEY_END) {
            *out_count = count;
            return PBASE_OK;
        }
        pbase_status status = key_scalar_read(from, class_byte, true, &item, err);
        if (status != PBASE_OK) {
            return status;
        }
        if (items != NULL) {
            items[count] = item;
        }
    }
}

static pbase_status list_read(key_source *from, pbase_value *out, pbase_error *err)
{
    key_source look = *from;
    size_t count = 0;
    look.arena = NULL;
    pbase_status status = items_read(&look, NULL, &count, err);
    if (status != PBASE_OK || from->arena == NULL) {
        from->bytes = look.bytes;
        from->spelling = look.spelling;
        return status;
    }
    pbase_value *items = pbase_arena_array(from->arena, count, sizeof *items);
    if (items == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a key of %zu items", count);
    }
    status = items_read(from, items, &count, err);
    *out = pbase_value_list(items, count);
    return status;
}

static pbase_status key_read(const encoded_key *key, pbase_arena *arena, pbase_value *out,
                             pbase_error *err)
{
    key_source from = key_source_of(key, arena);
    uint8_t class_byte;
    if (key->bytes.size > PBASE_KEY_BYTES_MAX || !pbase_read_u8(&from.bytes, &class_byte)) {
        return key_malformed(err);
    }
    pbase_status status = class_byte == KEY_LIST
                              ? list_read(&from, out, err)
                              : key_scalar_read(&from, class_byte, false, out, err);
    return status == PBASE_OK && !key_source_is_done(&from, key) ? key_malformed(err) : status;
}

pbase_status key_decode(const encoded_key *key, pbase_arena *arena, pbase_value *out,
                        pbase_error *err)
{
    pbase_value value;
    pbase_status status = key_read(key, arena, &value, err);
    if (status == PBASE_OK) {
        *out = value;
    }
    return status;
}

bool key_valid(const encoded_key *key)
{
    pbase_value unused;
    return key_read(key, NULL, &unused, NULL) == PBASE_OK;
}

/* ------------------------------------------------------------------------------ describing --- */

/* A text that is cut at its end. */
typedef struct {
    char *text;
    size_t size; /* room, with the NUL */
    size_t used;
} short_text;

static void short_text_add(short_text *out, const char *piece, size_t size)
{
    size_t room = out->size - 1 - out->used;
    size_t taken = size < room ? size : room;
    memcpy(out->text + out->used, piece, taken);
    out->used += taken;
    out->text[out->used] = '\0';
    if (taken < size && out->size > 4) {
        memcpy(out->text + out->size - 4, "...", 4);
    }
}

/* Printable ASCII as it is, everything else as a dot: the text goes into messages. */
static void describe_text(short_text *out, pbase_bytes text)
{
    short_text_add(out, "'", 1);
    for (size_t i = 0; i < text.size && out->used + 1 < out->size; i++) {
        char c = text.data[i] >= 0x20 && text.data[i] < 0x7f ? (char)text.data[i] : '.';
        short_text_add(out, &c, 1);
    }
    short_text_add(out, "'", 1);
}

static void describe_scalar(short_text *out, const pbase_value *value)
{
    char piece[PBASE_TIME_TEXT_BYTES + 8];
    switch (value->kind) {
    case PBASE_BOOL:
        (void)snprintf(piece, sizeof piece, "%s", value->as.boolean ? "true" : "false");
        break;
    case PBASE_INT:
        (void)snprintf(piece, sizeof piece, "%" PRId64, value->as.integer);
        break;
    case PBASE_FLOAT:
        (void)snprintf(piece, sizeof piece, "%.17g", value->as.real);
        break;
    case PBASE_TIMESTAMP:
        pbase_time_format(value->as.time_ns, piece);
        break;
    case PBASE_REFERENCE:
        pbase_object_id_format(value->as.reference, piece);
        break;
    default:
        (void)snprintf(piece, sizeof piece, "null");
        break;
    }
    short_text_add(out, piece, strlen(piece));
}

static void describe_value(short_text *out, const pbase_value *value);

static bool has_room(const short_text *text)
{
    return text->used + 1 < text->size;
}

static void describe_list(short_text *out, const pbase_value *list)
{
    short_text_add(out, "[", 1);
    for (size_t i = 0; i < list->as.list.count && has_room(out); i++) {
        short_text_add(out, ", ", i == 0 ? 0 : 2);
        describe_value(out, &list->as.list.items[i]);
    }
    short_text_add(out, "]", 1);
}

static void describe_map(short_text *out, const pbase_value *map)
{
    short_text_add(out, "{", 1);
    for (size_t i = 0; i < map->as.map.count && has_room(out); i++) {
        short_text_add(out, ", ", i == 0 ? 0 : 2);
        describe_text(out, map->as.map.fields[i].name);
        short_text_add(out, ": ", 2);
        describe_value(out, &map->as.map.fields[i].value);
    }
    short_text_add(out, "}", 1);
}

/* As deep as there is room: each level takes a character. */
static void describe_value(short_text *out, const pbase_value *value)
{
    if (value->kind == PBASE_LIST) {
        describe_list(out, value);
    } else if (value->kind == PBASE_MAP) {
        describe_map(out, value);
    } else if (value->kind == PBASE_VECTOR) {
        short_text_add(out, "a vector", 8);
    } else if (is_text(value)) {
        describe_text(out, value->as.string);
    } else {
        describe_scalar(out, value);
    }
}

void key_describe_value(const pbase_value *value, char *out, size_t out_size)
{
    short_text text = {out, out_size, 0};
    out[0] = '\0';
    describe_value(&text, value);
}

void key_describe(pbase_bytes bytes, char *out, size_t out_size)
{
    short_text text = {out, out_size, 0};
    key_source from = {pbase_reader_bytes_of(bytes), pbase_reader_bytes_of(pbase_bytes_of(NULL, 0)),
                       NULL};
    uint8_t class_byte = KEY_END;
    pbase_value value;
    out[0] = '\0';
    bool list = pbase_read_u8(&from.bytes, &class_byte) && class_byte == KEY_LIST;
    if (!list) {
        if (key_scalar_read(&from, class_byte, false, &value, NULL) == PBASE_OK) {
            describe_value(&text, &value);
        }
        return;
    }
    short_text_add(&text, "[", 1);
    for (bool first = true; pbase_read_u8(&from.bytes, &class_byte) && class_byte != KEY_END;
         first = false) {
        if (!first) {
            short_text_add(&text, ", ", 2);
        }
        if (key_scalar_read(&from, class_byte, true, &value, NULL) != PBASE_OK) {
            return;
        }
        describe_value(&text, &value);
    }
    short_text_add(&text, "]", 1);
}
