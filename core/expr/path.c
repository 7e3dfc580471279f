/* path.c - one pass over the text per path; look-up step by step. */
#include "expr/path.h"

/* Words that cannot name a field bare, because the grammar needs them after an expression or at the
 * start of one. */
static const char *const reserved_words[] = {
    "and",   "as", "asc", "between", "by",  "case", "desc",  "else", "end",  "false", "from",
    "ilike", "in", "is",  "like",    "not", "null", "nulls", "or",   "then", "true",  "when",
};

static bool is_word_start(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool is_word_part(uint8_t c)
{
    return is_word_start(c) || (c >= '0' && c <= '9');
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool path_is_reserved(pbase_bytes word)
{
    char folded[8];
    if (word.size >= sizeof folded) {
        return false;
    }
    for (size_t i = 0; i < word.size; i++) {
        folded[i] = (char)lower(word.data[i]);
    }
    folded[word.size] = '\0';
    for (size_t i = 0; i < sizeof reserved_words / sizeof reserved_words[0]; i++) {
        if (strcmp(folded, reserved_words[i]) == 0) {
            return true;
        }
    }
    return false;
}

typedef struct {
    pbase_bytes text;
    size_t at;
    pbase_arena *arena;
    pbase_error *err;
} path_reader;

static bool at_char(const path_reader *r, uint8_t c)
{
    return r->at < r->text.size && r->text.data[r->at] == c;
}

static pbase_status path_fail(const path_reader *r, const char *what)
{
    return PBASE_FAIL(r->err, PBASE_INVALID, "path '%.*s': %s at character %zu",
                      (int)(r->text.size > 80 ? 80 : r->text.size), (const char *)r->text.data,
                      what, r->at + 1);
}

/* After the opening quote, up to and with the closing one. */
static pbase_status read_quoted(path_reader *r, pbase_bytes *out)
{
    uint8_t *name = pbase_arena_alloc(r->arena, r->text.size - r->at);
    if (name == NULL) {
        return PBASE_FAIL(r->err, PBASE_NO_MEMORY, "no memory for a path");
    }
    size_t size = 0;
    for (r->at++; r->at < r->text.size; r->at++) {
        if (r->text.data[r->at] == '"') {
            r->at++;
            if (!at_char(r, '"')) {
                *out = pbase_bytes_of(name, size);
                return PBASE_OK;
            }
        }
        name[size++] = r->text.data[r->at];
    }
    return path_fail(r, "a quote is not closed");
}

static bool ends_name(uint8_t c)
{
    return c == '.' || c == '[' || c == ']' || c == '"';
}

static pbase_status read_name(path_reader *r, pbase_bytes *out)
{
    if (at_char(r, '"')) {
        return read_quoted(r, out);
    }
    size_t start = r->at;
    while (r->at < r->text.size && !ends_name(r->text.data[r->at])) {
        r->at++;
    }
    if (r->at == start) {
        return path_fail(r, "a field name is missing");
    }
    *out = pbase_bytes_of(r->text.data + start, r->at - start);
    return PBASE_OK;
}

/* After the opening bracket, up to and with the closing one. */
static pbase_status read_index(path_reader *r, int64_t *out)
{
    r->at++;
    bool is_negative = at_char(r, '-');
    r->at += is_negative ? 1 : 0;
    int64_t index = 0;
    size_t start = r->at;
    for (; r->at < r->text.size && r->text.data[r->at] >= '0' && r->text.data[r->at] <= '9';
         r->at++) {
        index = index * 10 + (r->text.data[r->at] - '0');
        if (index > (int64_t)PBASE_ITEMS_MAX) {
            return path_fail(r, "the position is too large");
        }
    }
    if (r->at == start || !at_char(r, ']')) {
        return path_fail(r, "a position is a whole number followed by ']'");
    }
    r->at++;
    *out = is_negative ? -index : index;
    return PBASE_OK;
}

static size_t steps_at_most(pbase_bytes text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.size; i++) {
        count += text.data[i] == '.' || text.data[i] == '[';
    }
    return count;
}

/* The step at which the reader stands; the first has nothing before its name. */
static pbase_status read_step(path_reader *r, bool is_first, pbase_path_step *out)
{
    out->name = pbase_bytes_of(NULL, 0);
    out->index = 0;
    if (!is_first && at_char(r, '[')) {
        return read_index(r, &out->index);
    }
    if (!is_first && !at_char(r, '.')) {
        return path_fail(r, "expected '.' or '['");
    }
    r->at += is_first ? 0 : 1;
    return read_name(r, &out->name);
}

/* `steps` has room for as many as the text has marks of one; a step is put there once it was read. */
static pbase_status read_steps(path_reader *r, pbase_path_step *steps, size_t *out_count)
{
    size_t count = 0;
    do {
        pbase_path_step step;
        if (count >= PATH_STEPS_MAX) {
            return PBASE_FAIL(r->err, PBASE_LIMIT, "a path has more than %u steps", PATH_STEPS_MAX);
        }
        pbase_status status = read_step(r, count == 0, &step);
        if (status != PBASE_OK) {
            return status;
        }
        steps[count++] = step;
    } while (r->at < r->text.size);
    *out_count = count;
    return PBASE_OK;
}

pbase_status path_parse(pbase_bytes text, pbase_arena *arena, pbase_path *out, pbase_error *err)
{
    path_reader reader = {text, 0, arena, err};
    size_t most = steps_at_most(text);
    most = most > PATH_STEPS_MAX ? PATH_STEPS_MAX : most;
    pbase_path_step *steps = pbase_arena_array(arena, most, sizeof *steps);
    if (steps == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a path");
    }
    size_t count = 0;
    pbase_status status = read_steps(&reader, steps, &count);
    if (status == PBASE_OK) {
        out->steps = steps;
        out->count = count;
    }
    return status;
}

pbase_status path_name_format(pbase_bytes name, pbase_buffer *out, pbase_error *err)
{
    bool is_word = name.size > 0 && is_word_start(name.data[0]) && !path_is_reserved(name);
    for (size_t i = 1; i < name.size && is_word; i++) {
        is_word = is_word_part(name.data[i]);
    }
    if (is_word) {
        return pbase_buffer_append_bytes(out, name, err);
    }
    pbase_status status = pbase_buffer_append_u8(out, '"', err);
    for (size_t i = 0; i < name.size && status == PBASE_OK; i++) {
        status = name.data[i] == '"' ? pbase_buffer_append_u8(out, '"', err) : PBASE_OK;
        if (status == PBASE_OK) {
            status = pbase_buffer_append_u8(out, name.data[i], err);
        }
    }
    return status == PBASE_OK ? pbase_buffer_append_u8(out, '"', err) : status;
}

pbase_status path_format(const pbase_path *path, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < path->count && status == PBASE_OK; i++) {
        const pbase_path_step *step = &path->steps[i];
        if (step->name.data == NULL) {
            status = pbase_buffer_append_text(out, err, "[%lld]", (long long)step->index);
            continue;
        }
        status = i > 0 ? pbase_buffer_append_u8(out, '.', err) : PBASE_OK;
        if (status == PBASE_OK) {
            status = path_name_format(step->name, out, err);
        }
    }
    return status;
}

static bool step_equal(const pbase_path_step *a, const pbase_path_step *b)
{
    if (a->name.data == NULL || b->name.data == NULL) {
        return a->name.data == b->name.data && a->index == b->index;
    }
    return pbase_bytes_equal(a->name, b->name);
}

bool path_equal(const pbase_path *a, const pbase_path *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!step_equal(&a->steps[i], &b->steps[i])) {
            return false;
        }
    }
    return true;
}

pbase_path path_after(const pbase_path *path, size_t count)
{
    PBASE_ASSERT(count <= path->count);
    pbase_path rest = {path->steps + count, path->count - count};
    return rest;
}

static const pbase_value *item_at(const pbase_value *list, int64_t index)
{
    if (list->kind != PBASE_LIST) {
        return NULL;
    }
    uint64_t back = index < 0 ? (uint64_t)-index : 0;
    if (back > list->as.list.count) {
        return NULL;
    }
    uint64_t at = index < 0 ? list->as.list.count - back : (uint64_t)index;
    return at < list->as.list.count ? &list->as.list.items[at] : NULL;
}

const pbase_value *path_lookup(const pbase_value *value, const pbase_path *path)
{
    for (size_t i = 0; i < path->count && value != NULL; i++) {
        const pbase_path_step *step = &path->steps[i];
        value = step->name.data == NULL ? item_at(value, step->index)
                                        : pbase_value_field(value, step->name);
    }
    return value;
}
