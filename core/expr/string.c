/* string.c - strings, and the little there is for lists. An argument of another kind gives null. */
#include "expr/function.h"
#include "expr/text.h"
#include <utf8proc.h>

static bool is_string(const pbase_value *v)
{
    return v->kind == PBASE_STRING;
}

static bool is_text(const pbase_value *v)
{
    return v->kind == PBASE_STRING || v->kind == PBASE_BYTES;
}

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a string");
}

/* All strings or all bytes; anything else among them gives null. */
pbase_status row_concat(const pbase_expression *node, pbase_arena *arena,
                        const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    size_t size = 0;
    *out = pbase_value_null();
    for (size_t i = 0; i < node->arg_count; i++) {
        if (!is_text(args[i]) || args[i]->kind != args[0]->kind) {
            return PBASE_OK;
        }
        size += args[i]->as.string.size;
    }
    if (size > PBASE_VALUE_BYTES_MAX) {
        return expr_error_cell(arena, out, err, "concat makes %zu bytes; the limit is %u", size,
                               PBASE_VALUE_BYTES_MAX);
    }
    uint8_t *joined = pbase_arena_alloc(arena, size);
    if (joined == NULL) {
        return no_memory(err);
    }
    size_t at = 0;
    for (size_t i = 0; i < node->arg_count; i++) {
        pbase_bytes part = args[i]->as.string;
        if (part.size > 0) {
            memcpy(joined + at, part.data, part.size);
        }
        at += part.size;
    }
    *out = pbase_value_string(pbase_bytes_of(joined, size));
    out->kind = args[0]->kind;
    return PBASE_OK;
}

pbase_status row_length(const pbase_expression *node, pbase_arena *arena,
                        const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    (void)arena;
    (void)err;
    *out = pbase_value_null();
    if (is_string(args[0])) {
        *out = pbase_value_int((int64_t)text_length(args[0]->as.string));
    } else if (args[0]->kind == PBASE_BYTES) {
        *out = pbase_value_int((int64_t)args[0]->as.string.size);
    }
    return PBASE_OK;
}

pbase_status row_list_length(const pbase_expression *node, pbase_arena *arena,
                             const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    (void)arena;
    (void)err;
    *out = args[0]->kind == PBASE_LIST ? pbase_value_int((int64_t)args[0]->as.list.count)
                                       : pbase_value_null();
    return PBASE_OK;
}

static uint32_t ascii_upper(uint32_t c)
{
    return c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c;
}

static uint32_t unicode_upper(uint32_t c)
{
    return c < 0x80 ? ascii_upper(c) : (uint32_t)utf8proc_toupper((utf8proc_int32_t)c);
}

static uint32_t unicode_lower(uint32_t c)
{
    if (c < 0x80) {
        return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
    }
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

/* Each code point through `map`. One byte may become three (U+FFFD for what is not UTF-8). */
static pbase_status map_letters(const pbase_value *text, uint32_t (*map)(uint32_t),
                                pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    *out = pbase_value_null();
    if (!is_string(text)) {
        return PBASE_OK;
    }
    pbase_bytes rest = text->as.string;
    uint8_t *mapped = pbase_arena_array(arena, rest.size, 3);
    if (mapped == NULL) {
        return no_memory(err);
    }
    size_t size = 0;
    while (rest.size > 0) {
        size_t step = 0;
        uint32_t code_point = text_next(rest, &step);
        size += (size_t)utf8proc_encode_char((utf8proc_int32_t)map(code_point), mapped + size);
        rest = text_after(rest, step);
    }
    *out = pbase_value_string(pbase_bytes_of(mapped, size));
    return PBASE_OK;
}

pbase_status row_lower(const pbase_expression *node, pbase_arena *arena,
                       const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    return map_letters(args[0], unicode_lower, arena, out, err);
}

pbase_status row_upper(const pbase_expression *node, pbase_arena *arena,
                       const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    return map_letters(args[0], unicode_upper, arena, out, err);
}

pbase_status row_upper_ascii(const pbase_expression *node, pbase_arena *arena,
                             const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    return map_letters(args[0], ascii_upper, arena, out, err);
}

/* The characters at positions start .. start + length - 1 that there are, counting from 1. */
pbase_status row_substr(const pbase_expression *node, pbase_arena *arena,
                        const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)arena;
    (void)err;
    *out = pbase_value_null();
    if (!is_string(args[0]) || args[1]->kind != PBASE_INT ||
        (node->arg_count == 3 && args[2]->kind != PBASE_INT)) {
        return PBASE_OK;
    }
    int64_t start = args[1]->as.integer, end = 0;
    int64_t length = node->arg_count == 3 ? args[2]->as.integer : INT64_MAX;
    if (__builtin_add_overflow(start, length, &end)) {
        end = length > 0 ? INT64_MAX : INT64_MIN;
    }
    start = start < 1 ? 1 : start;
    pbase_bytes text = args[0]->as.string;
    size_t from = text_offset(text, (uint64_t)start - 1);
    size_t size = 0;
    if (end > start) {
        pbase_bytes rest = text_after(text, from);
        size = text_offset(rest, (uint64_t)end - (uint64_t)start);
    }
    *out = pbase_value_string(pbase_bytes_of(text_after(text, from).data, size));
    return PBASE_OK;
}

static bool both_text(const pbase_value *const *args)
{
    return is_text(args[0]) && args[0]->kind == args[1]->kind;
}

pbase_status row_starts_with(const pbase_expression *node, pbase_arena *arena,
                             const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    (void)arena;
    (void)err;
    *out = pbase_value_null();
    if (both_text(args)) {
        pbase_bytes text = args[0]->as.string, part = args[1]->as.string;
        *out = pbase_value_bool(part.size <= text.size &&
                                pbase_bytes_equal(part, pbase_bytes_of(text.data, part.size)));
    }
    return PBASE_OK;
}

pbase_status row_ends_with(const pbase_expression *node, pbase_arena *arena,
                           const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    (void)arena;
    (void)err;
    *out = pbase_value_null();
    if (both_text(args)) {
        pbase_bytes text = args[0]->as.string, part = args[1]->as.string;
        *out = pbase_value_bool(part.size <= text.size &&
                                (pbase_bytes_equal(text_after(text, text.size - part.size), part)));
    }
    return PBASE_OK;
}

static bool list_contains(const pbase_value *list, const pbase_value *element)
{
    for (size_t i = 0; i < list->as.list.count; i++) {
        if (pbase_value_compare(&list->as.list.items[i], element) == 0) {
            return true;
        }
    }
    return false;
}

/* A substring of a string, or an element of a list. */
pbase_status row_contains(const pbase_expression *node, pbase_arena *arena,
                          const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    (void)arena;
    (void)err;
    *out = pbase_value_null();
    if (args[0]->kind == PBASE_LIST) {
        *out = pbase_value_bool(list_contains(args[0], args[1]));
    } else if (both_text(args)) {
        *out = pbase_value_bool(text_find_at(args[0]->as.string, args[1]->as.string) != SIZE_MAX);
    }
    return PBASE_OK;
}

/* The name of the class of any value, null's too. */
pbase_status kernel_type(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                         pbase_vector *out, pbase_error *err)
{
    pbase_vector values;
    pbase_value *results = NULL;
    pbase_status status = expr_results(frame, &results, err);
    if (status == PBASE_OK) {
        status = expr_evaluate(node->args[0], frame, rows, &values, err);
    }
    for (uint32_t n = 0; n < rows->count && status == PBASE_OK; n++) {
        uint32_t row = expr_row(rows, n);
        const pbase_value *value = pbase_vector_cell(&values, row);
        results[row] = value->kind == PBASE_CELL_ERROR
                           ? *value
                           : pbase_value_text(pbase_value_type_name(value));
    }
    if (status == PBASE_OK) {
        expr_release(frame, node->args[0], &values);
    }
    *out = expr_column(results);
    return status;
}
