/* like.c - patterns where % is any text and _ one code point; ilike folds case first.
 *
 * A pattern is cut at its % signs into parts. The first part must start the text and the last end
 * it (unless a % stands there); those between are found leftmost first, which is enough: a later
 * place for a part never lets more of the rest match. A part without _ is found by its bytes. So a
 * match costs at most text length times part length, and no pattern is exponential. */
#include "expr/function.h"
#include "expr/text.h"

typedef struct {
    const pbase_bytes *parts;
    size_t count; /* at least 1; one more than there are % signs */
} like_pattern;

enum { LIKE_CASE, LIKE_FOLD }; /* codes */

static size_t percent_count(pbase_bytes text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += text.data[i] == '%';
    }
    return count;
}

static pbase_status pattern_create(pbase_bytes text, pbase_arena *arena, like_pattern *out,
                                   pbase_error *err)
{
    pbase_bytes *parts = pbase_arena_array(arena, percent_count(text) + 1, sizeof *parts);
    if (parts == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a pattern");
    }
    size_t count = 0, start = 0;
    for (size_t i = 0; i <= text.size; i++) {
        if (i == text.size || text.data[i] == '%') {
            bool is_inner = count > 0 && i < text.size;
            if (!is_inner || i > start) { /* "%%" is "%" */
                parts[count++] = pbase_bytes_of(text_after(text, start).data, i - start);
            }
            start = i + 1;
        }
    }
    out->parts = parts;
    out->count = count;
    return PBASE_OK;
}

/* Bytes of `text` that `part` takes at its start, or SIZE_MAX. */
static size_t part_match(pbase_bytes text, pbase_bytes part)
{
    size_t at = 0;
    for (size_t i = 0; i < part.size; i++) {
        if (at >= text.size) {
            return SIZE_MAX;
        }
        if (part.data[i] == '_') {
            size_t step = 0;
            (void)text_next(text_after(text, at), &step);
            at += step;
        } else if (text.data[at++] != part.data[i]) {
            return SIZE_MAX;
        }
    }
    return at;
}

/* Where the last part begins if it ends the text: as many code points as it has from the end. */
static bool ends_with(pbase_bytes text, pbase_bytes part)
{
    size_t wanted = text_length(part), at = text.size;
    while (wanted > 0 && at > 0) {
        at--;
        wanted -= (text.data[at] & 0xc0) != 0x80;
    }
    return wanted == 0 && part_match(text_after(text, at), part) == text.size - at;
}

/* What is left of `text` after the leftmost place of `part`; false if there is none. */
static bool skip_past(pbase_bytes *text, pbase_bytes part)
{
    if (memchr(part.data, '_', part.size) == NULL) {
        size_t at = text_find_at(*text, part);
        if (at == SIZE_MAX) {
            return false;
        }
        *text = text_after(*text, at + part.size);
        return true;
    }
    while (text->size > 0) {
        size_t size = part_match(*text, part), step = 0;
        if (size != SIZE_MAX) {
            *text = text_after(*text, size);
            return true;
        }
        (void)text_next(*text, &step);
        *text = text_after(*text, step);
    }
    return false;
}

static bool pattern_matches(const like_pattern *pattern, pbase_bytes text)
{
    size_t head = part_match(text, pattern->parts[0]);
    if (head == SIZE_MAX) {
        return false;
    }
    text = text_after(text, head);
    if (pattern->count == 1) {
        return text.size == 0;
    }
    for (size_t i = 1; i + 1 < pattern->count; i++) {
        if (!skip_past(&text, pattern->parts[i])) {
            return false;
        }
    }
    return ends_with(text, pattern->parts[pattern->count - 1]);
}

static pbase_status fold(pbase_bytes text, pbase_arena *arena, pbase_bytes *out, pbase_error *err)
{
    uint8_t *folded = pbase_arena_array(arena, text.size, 3);
    if (folded == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a string");
    }
    *out = pbase_bytes_of(folded, text_fold_all(text, folded));
    return PBASE_OK;
}

pbase_status prepare_like(const pbase_expression *node, pbase_arena *arena, const void **out,
                          pbase_error *err)
{
    const pbase_expression *given = node->args[1];
    if (given->kind != BOUND_CONSTANT || given->constant.kind != PBASE_STRING) {
        return PBASE_OK;
    }
    like_pattern *pattern = pbase_arena_alloc(arena, sizeof *pattern);
    if (pattern == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a pattern");
    }
    pbase_bytes text = given->constant.as.string;
    pbase_status status =
        node->function->code == LIKE_FOLD ? fold(text, arena, &text, err) : PBASE_OK;
    if (status == PBASE_OK) {
        status = pattern_create(text, arena, pattern, err);
    }
    if (status == PBASE_OK) {
        *out = pattern;
    }
    return status;
}

pbase_status row_like(const pbase_expression *node, pbase_arena *arena,
                      const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    *out = pbase_value_null();
    if (args[0]->kind != PBASE_STRING || args[1]->kind != PBASE_STRING) {
        return PBASE_OK;
    }
    pbase_bytes text = args[0]->as.string, given = args[1]->as.string;
    bool folds = node->function->code == LIKE_FOLD;
    const like_pattern *pattern = node->prepared;
    like_pattern made;
    pbase_status status = folds ? fold(text, arena, &text, err) : PBASE_OK;
    if (pattern == NULL && status == PBASE_OK) {
        status = folds ? fold(given, arena, &given, err) : PBASE_OK;
        if (status == PBASE_OK) {
            status = pattern_create(given, arena, &made, err);
        }
        pattern = &made;
    }
    if (status == PBASE_OK) {
        *out = pbase_value_bool(pattern_matches(pattern, text));
    }
    return status;
}
