/* json_value.c - a small recursive reader and writer. */
#include "json_value.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after setjmp.h */
#include <cmocka.h>

#define ITEMS_MAX 512

typedef struct {
    const char *at;
    const char *text;
    pbase_arena *arena;
} reader;

static pbase_value read_value(reader *r);

static void skip_blanks(reader *r)
{
    while (*r->at == ' ' || *r->at == '\n' || *r->at == '\t') {
        r->at++;
    }
}

static void expect(reader *r, char c)
{
    skip_blanks(r);
    if (*r->at != c) {
        fail_msg("expected '%c' at '%s' in the JSON of a test: %s", c, r->at, r->text);
    }
    r->at++;
}

static bool skip_char(reader *r, char c)
{
    skip_blanks(r);
    if (*r->at != c) {
        return false;
    }
    r->at++;
    return true;
}

static void *copy(reader *r, const void *data, size_t size)
{
    void *kept = pbase_arena_alloc(r->arena, size);
    assert_non_null(kept);
    if (size > 0) {
        memcpy(kept, data, size);
    }
    return kept;
}

static char read_escape(reader *r)
{
    static const char names[] = "nrt0\\/'\"", values[] = "\n\r\t\0\\/'\"";
    const char *found = strchr(names, *r->at++);
    assert_non_null(found);
    return values[found - names];
}

static pbase_bytes read_string(reader *r)
{
    char quote = *r->at++, text[4096];
    size_t size = 0;
    while (*r->at != quote) {
        assert_int_not_equal(*r->at, '\0');
        assert_true(size < sizeof text);
        if (*r->at == '\\') {
            r->at++;
            text[size++] = read_escape(r);
        } else {
            text[size++] = *r->at++;
        }
    }
    r->at++;
    return pbase_bytes_of(copy(r, text, size), size);
}

static pbase_value read_number(reader *r)
{
    size_t size = strspn(r->at, "+-0123456789.eE");
    bool is_float = strcspn(r->at, ".eE") < size;
    char *end = NULL;
    assert_true(size > 0);
    pbase_value value = is_float ? pbase_value_float(strtod(r->at, &end))
                                 : pbase_value_int(strtoll(r->at, &end, 10));
    assert_ptr_equal(end, r->at + size);
    r->at = end;
    return value;
}

static pbase_value read_list(reader *r)
{
    pbase_value items[ITEMS_MAX];
    size_t count = 0;
    expect(r, '[');
    bool has_more = !skip_char(r, ']');
    while (has_more) {
        assert_true(count < ITEMS_MAX);
        items[count++] = read_value(r);
        has_more = skip_char(r, ',');
        if (!has_more) {
            expect(r, ']');
        }
    }
    return pbase_value_list(copy(r, items, count * sizeof items[0]), count);
}

static pbase_value bytes_form(reader *r, pbase_bytes hex)
{
    uint8_t bytes[1024];
    assert_true(hex.size / 2 <= sizeof bytes);
    for (size_t i = 0; i + 1 < hex.size; i += 2) {
        const char pair[3] = {(char)hex.data[i], (char)hex.data[i + 1], '\0'};
        bytes[i / 2] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return pbase_value_bytes(pbase_bytes_of(copy(r, bytes, hex.size / 2), hex.size / 2));
}

static pbase_value vector_form(reader *r, const pbase_value *list)
{
    float items[64];
    assert_true(list->as.list.count <= 64);
    for (size_t i = 0; i < list->as.list.count; i++) {
        const pbase_value *item = &list->as.list.items[i];
        items[i] = item->kind == PBASE_INT ? (float)item->as.integer : (float)item->as.real;
    }
    size_t count = list->as.list.count;
    return pbase_value_vector(copy(r, items, count * sizeof items[0]), count);
}

static bool is_named(const pbase_field *field, const char *name)
{
    return pbase_bytes_equal(field->name, pbase_bytes_text(name));
}

/* What a map with one $ field stands for; itself if it is none. */
static pbase_value dollar_form(reader *r, pbase_value map)
{
    if (map.as.map.count != 1) {
        return map;
    }
    const pbase_field *field = &map.as.map.fields[0];
    pbase_value value = field->value;
    if (is_named(field, "$bytes")) {
        return bytes_form(r, value.as.string);
    }
    if (is_named(field, "$vec")) {
        return vector_form(r, &value);
    }
    if (is_named(field, "$map")) {
        return value;
    }
    if (is_named(field, "$float")) {
        bool is_nan = pbase_bytes_equal(value.as.string, pbase_bytes_text("nan"));
        double infinite = value.as.string.data[0] == '-' ? -(double)INFINITY : (double)INFINITY;
        return pbase_value_float(is_nan ? (double)NAN : infinite);
    }
    if (is_named(field, "$time")) {
        int64_t ns = 0;
        assert_int_equal(pbase_time_parse(value.as.string, &ns, NULL), PBASE_OK);
        return pbase_value_timestamp(ns);
    }
    if (is_named(field, "$ref")) {
        pbase_object_id id;
        assert_int_equal(pbase_object_id_parse(value.as.string, &id, NULL), PBASE_OK);
        return pbase_value_reference(id);
    }
    return map;
}

static pbase_value read_map(reader *r)
{
    pbase_field fields[ITEMS_MAX];
    size_t count = 0;
    expect(r, '{');
    bool has_more = !skip_char(r, '}');
    while (has_more) {
        assert_true(count < ITEMS_MAX);
        skip_blanks(r);
        assert_true(*r->at == '\'' || *r->at == '"');
        fields[count].name = read_string(r);
        expect(r, ':');
        fields[count++].value = read_value(r);
        has_more = skip_char(r, ',');
        if (!has_more) {
            expect(r, '}');
        }
    }
    pbase_value map = pbase_value_map(copy(r, fields, count * sizeof fields[0]), count);
    return dollar_form(r, map);
}

static pbase_value read_word(reader *r)
{
    static const struct {
        const char *word;
        uint8_t kind;
        bool boolean;
    } words[] = {
        {"null", PBASE_NULL, false}, {"true", PBASE_BOOL, true}, {"false", PBASE_BOOL, false}};
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(words[i].word);
        if (strncmp(r->at, words[i].word, size) == 0) {
            r->at += size;
            return words[i].kind == PBASE_NULL ? pbase_value_null()
                                               : pbase_value_bool(words[i].boolean);
        }
    }
    return read_number(r);
}

static pbase_value read_value(reader *r)
{
    skip_blanks(r);
    switch (*r->at) {
    case '{':
        return read_map(r);
    case '[':
        return read_list(r);
    case '\'':
    case '"':
        return pbase_value_string(read_string(r));
    default:
        return read_word(r);
    }
}

pbase_value json_value(const char *text, pbase_arena *arena)
{
    reader r = {text, text, arena};
    pbase_value value = read_value(&r);
    skip_blanks(&r);
    if (*r.at != '\0') {
        fail_msg("more than one value in the JSON of a test: %s", text);
    }
    return value;
}

/* --- writing ----------------------------------------------------------------------------------- */

static void put(pbase_buffer *out, const char *format, ...) PBASE_PRINTF(2, 3);
static void put(pbase_buffer *out, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && (size_t)size < sizeof text);
    assert_int_equal(pbase_buffer_append(out, text, (size_t)size, NULL), PBASE_OK);
}

static void put_string(pbase_buffer *out, pbase_bytes text)
{
    put(out, "\"");
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        put(out, c == '"' || c == '\\' ? "\\%c" : c == 0 ? "\\0" : c == '\n' ? "\\n" : "%c", c);
    }
    put(out, "\"");
}

static void put_float(pbase_buffer *out, double real)
{
    char text[64];
    if (isnan(real)) {
        put(out, "{\"$float\": \"nan\"}");
    } else if (isinf(real)) {
        put(out, "{\"$float\": \"%sinf\"}", real < 0 ? "-" : "");
    } else {
        (void)snprintf(text, sizeof text, "%.17g", real);
        if (strtod(text, NULL) == real) {
            for (int digits = 1; digits < 17; digits++) {
                char shorter[64];
                (void)snprintf(shorter, sizeof shorter, "%.*g", digits, real);
                if (strtod(shorter, NULL) == real) {
                    memcpy(text, shorter, sizeof text);
                    break;
                }
            }
        }
        put(out, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
    }
}

static void put_value(pbase_buffer *out, const pbase_value *value);

static void put_container(pbase_buffer *out, const pbase_value *value)
{
    bool is_map = value->kind == PBASE_MAP;
    size_t count = is_map ? value->as.map.count : value->as.list.count;
    put(out, is_map ? "{" : "[");
    for (size_t i = 0; i < count; i++) {
        put(out, i > 0 ? ", " : "");
        if (is_map) {
            put_string(out, value->as.map.fields[i].name);
            put(out, ": ");
        }
        put_value(out, is_map ? &value->as.map.fields[i].value : &value->as.list.items[i]);
    }
    put(out, is_map ? "}" : "]");
}

static void put_value(pbase_buffer *out, const pbase_value *value)
{
    char text[PBASE_TIME_TEXT_BYTES];
    switch (value->kind) {
    case PBASE_NULL:
        put(out, "null");
        break;
    case PBASE_BOOL:
        put(out, "%s", value->as.boolean ? "true" : "false");
        break;
    case PBASE_INT:
        put(out, "%lld", (long long)value->as.integer);
        break;
    case PBASE_FLOAT:
        put_float(out, value->as.real);
        break;
    case PBASE_STRING:
        put_string(out, value->as.string);
        break;
    case PBASE_BYTES:
        put(out, "{\"$bytes\": \"");
        for (size_t i = 0; i < value->as.string.size; i++) {
            put(out, "%02x", value->as.string.data[i]);
        }
        put(out, "\"}");
        break;
    case PBASE_TIMESTAMP:
        pbase_time_format(value->as.time_ns, text);
        put(out, "{\"$time\": \"%s\"}", text);
        break;
    case PBASE_LIST:
    case PBASE_MAP:
        put_container(out, value);
        break;
    case PBASE_VECTOR:
        put(out, "{\"$vec\": %zu items}", value->as.vector.count);
        break;
    default:
        put(out, "<kind %u>", value->kind);
        break;
    }
}

const char *json_text(const pbase_value *value, pbase_arena *arena)
{
    pbase_buffer out;
    pbase_buffer_init(&out, arena->alloc);
    put_value(&out, value);
    const char *text = pbase_arena_text(arena, pbase_buffer_view(&out));
    assert_non_null(text);
    pbase_buffer_fini(&out);
    return text;
}
