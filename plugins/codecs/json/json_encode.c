/* json_encode.c - the writer. Recursion stops at PBASE_DEPTH_MAX. That text is UTF-8 and names are
 * unique has been checked by pbase_serializer_encode. */
#include "json_encode.h"
#include "base64.h"
#include "json_form.h"
#include "json_parser.h"
#include <math.h>

/* Numbers whose first digit stands at a power of ten in this range have no exponent. */
#define FIXED_POWER_MIN (-5)
#define FIXED_POWER_MAX 16
#define NUMBER_BYTES_MAX 40u /* the longest number text, fixed or not */

static pbase_status write_value(const pbase_value *value, unsigned depth, pbase_buffer *out,
                                pbase_error *err);

static pbase_status write_text(const char *text, pbase_buffer *out, pbase_error *err)
{
    return pbase_buffer_append(out, text, strlen(text), err);
}

static pbase_status write_form(const char *before, const char *content, const char *behind,
                               pbase_buffer *out, pbase_error *err)
{
    pbase_status status = write_text(before, out, err);
    if (status == PBASE_OK) {
        status = write_text(content, out, err);
    }
    return status == PBASE_OK ? write_text(behind, out, err) : status;
}

/* ----------------------------------------------------------------------------------- strings --- */

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

/* True when all of 8 bytes stand for themselves and are ASCII: no byte is below 0x20, '"' or '\\',
 * or above 0x7f ("Bit Twiddling Hacks", S. E. Anderson: determine if a word has a byte less than
 * n, or equal to n; exact as long as no high bit is set, and with one the answer is false). */
static bool is_plain_word(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    uint64_t special = (word - ones * 0x20u) | (quote - ones) | (backslash - ones) | word;
    return (special & highs) == 0;
}

/* Length of the beginning of `text` that needs no escape. */
static size_t plain_size(pbase_bytes text)
{
    size_t i = 0;
    while (text.size - i >= 8 && is_plain_word(pbase_get_u64(text.data + i))) {
        i += 8;
    }
    while (i < text.size && is_plain(text.data[i])) {
        i++;
    }
    return i;
}

static pbase_status write_escape(uint8_t c, pbase_buffer *out, pbase_error *err)
{
    static const char letters[] = "btn-fr"; /* of 8 to 13; 11 has none */
    static const char hex[] = "0123456789abcdef";
    if (c >= 0x20) { /* a quote or a backslash */
        const char escape[] = {'\\', (char)c};
        return pbase_buffer_append(out, escape, sizeof escape, err);
    }
    if (c >= 8 && c <= 13 && c != 11) {
        const char escape[] = {'\\', letters[c - 8]};
        return pbase_buffer_append(out, escape, sizeof escape, err);
    }
    const char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15u]};
    return pbase_buffer_append(out, escape, sizeof escape, err);
}

static pbase_status write_escaped(pbase_bytes text, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_u8(out, '"', err);
    while (text.size > 0 && status == PBASE_OK) {
        size_t plain = plain_size(text);
        status = pbase_buffer_append(out, text.data, plain, err);
        if (status == PBASE_OK && plain < text.size) {
            status = write_escape(text.data[plain++], out, err);
        }
        text = pbase_bytes_of(text.data + plain, text.size - plain);
    }
    return status == PBASE_OK ? pbase_buffer_append_u8(out, '"', err) : status;
}

static pbase_status write_string(pbase_bytes text, pbase_buffer *out, pbase_error *err)
{
    if (text.size == 0 || plain_size(text) != text.size) {
        return write_escaped(text, out, err);
    }
    pbase_status status = pbase_buffer_reserve(out, text.size + 2, err);
    if (status != PBASE_OK) {
        return status;
    }
    uint8_t *at = out->data + out->size;
    at[0] = '"';
    memcpy(at + 1, text.data, text.size);
    at[text.size + 1] = '"';
    out->size += text.size + 2;
    return PBASE_OK;
}

/* ----------------------------------------------------------------------------------- numbers --- */

static pbase_status write_int(int64_t number, pbase_buffer *out, pbase_error *err)
{
    char text[20];
    size_t at = sizeof text;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (number < 0) {
        text[--at] = '-';
    }
    return pbase_buffer_append(out, text + at, sizeof text - at, err);
}

/* "d.ddde-xx" taken apart. */
typedef struct {
    bool is_negative;
    char digits[JSON_DIGITS_BYTES];
    int count;
    int power; /* of ten, of the first digit */
} decimal;

static decimal decimal_of(const char *text, size_t size)
{
    decimal d = {.is_negative = text[0] == '-'};
    size_t i = d.is_negative;
    for (; i < size && text[i] != 'e'; i++) {
        if (text[i] != '.') {
            d.digits[d.count++] = text[i];
        }
    }
    bool is_small = text[i + 1] == '-';
    for (i += 2; i < size; i++) {
        d.power = d.power * 10 + (text[i] - '0');
    }
    d.power = is_small ? -d.power : d.power;
    return d;
}

/* "ddd.ddd", with zeros where the digits do not reach the point. */
static size_t layout_fixed(const decimal *d, char *text)
{
    size_t size = 0;
    int last = d->count - 1 > d->power ? d->count - 1 : d->power + 1; /* a digit behind the point */
    for (int i = d->power < 0 ? d->power : 0; i <= last; i++) {
        text[size++] = i >= 0 && i < d->count ? d->digits[i] : '0';
        if (i == d->power) {
            text[size++] = '.';
        }
    }
    return size;
}

/* "d.ddde-xx", "de300". */
static size_t layout_scientific(const decimal *d, char *text)
{
    size_t size = 0;
    text[size++] = d->digits[0];
    if (d->count > 1) {
        text[size++] = '.';
        memcpy(text + size, d->digits + 1, (size_t)d->count - 1);
        size += (size_t)d->count - 1;
    }
    text[size++] = 'e';
    unsigned power = (unsigned)(d->power < 0 ? -d->power : d->power);
    if (d->power < 0) {
        text[size++] = '-';
    }
    for (unsigned unit = power >= 100 ? 100 : power >= 10 ? 10 : 1; unit > 0; unit /= 10) {
        text[size++] = (char)('0' + power / unit % 10);
    }
    return size;
}

/* A finite number of `size` scientific digits; always has a point or an exponent. */
static pbase_status write_digits(const char *digits, size_t size, pbase_buffer *out,
                                 pbase_error *err)
{
    char text[NUMBER_BYTES_MAX];
    decimal d = decimal_of(digits, size);
    size_t length = 0;
    if (d.is_negative) {
        text[length++] = '-';
    }
    length += d.power >= FIXED_POWER_MIN && d.power <= FIXED_POWER_MAX
                  ? layout_fixed(&d, text + length)
                  : layout_scientific(&d, text + length);
    return pbase_buffer_append(out, text, length, err);
}

/* NULL for a finite number. */
static const char *special_name(double number)
{
    if (isnan(number)) {
        return "\"nan\"";
    }
    return !isinf(number) ? NULL : number > 0 ? "\"inf\"" : "\"-inf\"";
}

static pbase_status write_double(double number, pbase_buffer *out, pbase_error *err)
{
    const char *special = special_name(number);
    if (special != NULL) {
        return write_form("{\"$float\":", special, "}", out, err);
    }
    char digits[JSON_DIGITS_BYTES];
    return write_digits(digits, json_digits_of_double(number, digits), out, err);
}

static pbase_status write_float(float number, pbase_buffer *out, pbase_error *err)
{
    const char *special = special_name((double)number);
    if (special != NULL) {
        return write_text(special, out, err);
    }
    char digits[JSON_DIGITS_BYTES];
    return write_digits(digits, json_digits_of_float(number, digits), out, err);
}

/* ------------------------------------------------------------------------------------- forms --- */

static pbase_status write_bytes(pbase_bytes bytes, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = write_text("{\"$bytes\":\"", out, err);
    size_t size = base64_encoded_bytes(bytes.size);
    if (status == PBASE_OK) {
        status = pbase_buffer_reserve(out, size, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (size > 0) {
        base64_encode(bytes, out->data + out->size);
        out->size += size;
    }
    return write_text("\"}", out, err);
}

static pbase_status write_time(int64_t time_ns, pbase_buffer *out, pbase_error *err)
{
    char text[PBASE_TIME_TEXT_BYTES];
    pbase_time_format(time_ns, text);
    return write_form("{\"$time\":\"", text, "\"}", out, err);
}

static pbase_status write_vector(const pbase_value *value, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = write_text("{\"$vec\":[", out, err);
    for (size_t i = 0; i < value->as.vector.count && status == PBASE_OK; i++) {
        status = i == 0 ? PBASE_OK : pbase_buffer_append_u8(out, ',', err);
        if (status == PBASE_OK) {
            status = write_float(value->as.vector.items[i], out, err);
        }
    }
    return status == PBASE_OK ? write_text("]}", out, err) : status;
}

static pbase_status write_reference(pbase_object_id id, pbase_buffer *out, pbase_error *err)
{
    char text[PBASE_OBJECT_ID_TEXT_BYTES + 1];
    pbase_object_id_format(id, text);
    return write_form("{\"$ref\":\"", text, "\"}", out, err);
}

static pbase_status write_child(uint64_t ordinal, pbase_buffer *out, pbase_error *err)
{
    if (ordinal >= PBASE_CHILDREN_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "child collection %llu; the limit is %u",
                          (unsigned long long)ordinal, PBASE_CHILDREN_MAX);
    }
    return pbase_buffer_append_text(out, err, "{\"$child\":%u}", (unsigned)ordinal);
}

/* -------------------------------------------------------------------------------- containers --- */

static pbase_status check_depth(unsigned depth, pbase_error *err)
{
    if (depth == PBASE_DEPTH_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "the value nests deeper than %u levels",
                          PBASE_DEPTH_MAX);
    }
    return PBASE_OK;
}

static pbase_status write_list(const pbase_value *value, unsigned depth, pbase_buffer *out,
                               pbase_error *err)
{
    pbase_status status = check_depth(depth, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(out, '[', err);
    }
    for (size_t i = 0; i < value->as.list.count && status == PBASE_OK; i++) {
        status = i == 0 ? PBASE_OK : pbase_buffer_append_u8(out, ',', err);
        if (status == PBASE_OK) {
            status = write_value(&value->as.list.items[i], depth + 1, out, err);
        }
    }
    return status == PBASE_OK ? pbase_buffer_append_u8(out, ']', err) : status;
}

static pbase_status write_field(const pbase_field *field, unsigned depth, pbase_buffer *out,
                                pbase_error *err)
{
    pbase_status status = write_string(field->name, out, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(out, ':', err);
    }
    return status == PBASE_OK ? write_value(&field->value, depth + 1, out, err) : status;
}

static pbase_status write_map(const pbase_value *value, unsigned depth, pbase_buffer *out,
                              pbase_error *err)
{
    const pbase_field *fields = value->as.map.fields;
    size_t count = value->as.map.count;
    bool is_escaped =
        count == 1 && json_form_of(fields[0].name) != JSON_FORM_NONE && value->form == 0;
    pbase_status status = check_depth(depth, err);
    if (status == PBASE_OK) {
        status = write_text(is_escaped ? "{\"$map\":{" : "{", out, err);
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = i == 0 ? PBASE_OK : pbase_buffer_append_u8(out, ',', err);
        if (status == PBASE_OK) {
            status = write_field(&fields[i], depth, out, err);
        }
    }
    return status == PBASE_OK ? write_text(is_escaped ? "}}" : "}", out, err) : status;
}

static pbase_status write_value(const pbase_value *value, unsigned depth, pbase_buffer *out,
                                pbase_error *err)
{
    switch (value->kind) {
    case PBASE_NULL:
        return write_text("null", out, err);
    case PBASE_BOOL:
        return write_text(value->as.boolean ? "true" : "false", out, err);
    case PBASE_INT:
        return write_int(value->as.integer, out, err);
    case PBASE_FLOAT:
        return write_double(value->as.real, out, err);
    case PBASE_STRING:
        return write_string(value->as.string, out, err);
    case PBASE_BYTES:
        return write_bytes(value->as.string, out, err);
    case PBASE_TIMESTAMP:
        return write_time(value->as.time_ns, out, err);
    case PBASE_LIST:
        return write_list(value, depth, out, err);
    case PBASE_MAP:
        return write_map(value, depth, out, err);
    case PBASE_VECTOR:
        return write_vector(value, out, err);
    case PBASE_REFERENCE:
        return write_reference(value->as.reference, out, err);
    case PBASE_CHILD:
        return write_child(value->as.child, out, err);
    default:
        return PBASE_FAIL(err, PBASE_INVALID, "%u is no kind of value", (unsigned)value->kind);
    }
}

pbase_status json_encode(const pbase_value *value, pbase_buffer *out, pbase_error *err)
{
    return write_value(value, 0, out, err);
}
