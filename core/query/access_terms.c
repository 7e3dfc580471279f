/* access_terms.c - terms of a filter taken apart: field, comparison, constants. */
#include "query/access_terms.h"

#include "expr/function.h"
#include "query/optimizer.h"

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
}

static bool is_named(const pbase_path *path, pbase_bytes name)
{
    return path->count > 0 && path->steps[0].name.data != NULL &&
           pbase_bytes_equal(path->steps[0].name, name);
}

bool access_path(const plan_step *from, const expr *field, pbase_path *out)
{
    if (field->kind != EXPR_FIELD ||
        (from->key_name.size > 0 && is_named(&field->path, from->key_name))) {
        return false;
    }
    if (from->alias.size == 0) {
        *out = field->path;
        return out->count > 0;
    }
    *out = path_after(&field->path, 1);
    return is_named(&field->path, from->alias) && out->count > 0;
}

bool access_is_key(const plan_step *from, const expr *node)
{
    return node->kind == EXPR_FIELD && from->key_name.size > 0 && node->path.count == 1 &&
           is_named(&node->path, from->key_name);
}

static bool is_call(const expr *node, const char *name)
{
    return node->kind == EXPR_CALL && strcmp(node->function->name, name) == 0;
}

static bool are_literals(const expr *node, size_t first)
{
    for (size_t i = first; i < node->arg_count; i++) {
        if (node->args[i]->kind != EXPR_LITERAL) {
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------------------ one term ------- */

static int class_of(const pbase_value *value)
{
    return value->kind == PBASE_FLOAT ? PBASE_INT : value->kind;
}

/* Values in order of an inequality: `out` gets the bound that "field OP value" says. */
static bool read_inequality(const char *name, bool is_turned, const pbase_value *value,
                            access_term *out)
{
    bool is_less = name[0] == '<';
    bool is_open = name[1] == '\0';
    if (value->kind == PBASE_NULL || (name[0] != '<' && name[0] != '>') || strlen(name) > 2 ||
        name[1] == '>') {
        return false;
    }
    out->kind = TERM_RANGE;
    if (is_less != is_turned) {
        out->high = value;
        out->is_high_open = is_open;
    } else {
        out->low = value;
        out->is_low_open = is_open;
    }
    return true;
}

/* field OP literal, or literal OP field. */
static bool read_comparison(const plan_step *from, const expr *term, access_term *out)
{
    const char *name = term->function->name;
    bool is_turned = term->args[0]->kind == EXPR_LITERAL;
    const expr *field = term->args[is_turned ? 1 : 0], *literal = term->args[is_turned ? 0 : 1];
    if (literal->kind != EXPR_LITERAL || !access_path(from, field, &out->path)) {
        return false;
    }
    out->values = &literal->literal;
    out->count = 1;
    out->kind = TERM_POINTS;
    if (strcmp(name, "<=>") == 0 ||
        (strcmp(name, "=") == 0 && literal->literal.kind != PBASE_NULL)) {
        return true;
    }
    return read_inequality(name, is_turned, &literal->literal, out);
}

/* field in (a, b, ...): nulls among them match nothing. */
static pbase_status read_in(const expr *term, pbase_arena *arena, access_term *out, bool *out_taken,
                            pbase_error *err)
{
    pbase_value *values = pbase_arena_array(arena, term->arg_count, sizeof *values);
    if (values == NULL) {
        return no_memory(err);
    }
    out->kind = TERM_POINTS;
    out->values = values;
    for (size_t i = 1; i < term->arg_count; i++) {
        if (term->args[i]->literal.kind != PBASE_NULL) {
            values[out->count++] = term->args[i]->literal;
        }
    }
    *out_taken = true;
    return PBASE_OK;
}

static bool read_between(const expr *term, access_term *out)
{
    const char *name = term->function->name;
    const pbase_value *low = &term->args[1]->literal, *high = &term->args[2]->literal;
    bool is_both = strcmp(name, "between_open") == 0;
    if (low->kind == PBASE_NULL || class_of(low) != class_of(high)) {
        return false;
    }
    out->kind = TERM_RANGE;
    out->low = low;
    out->high = high;
    out->is_low_open = is_both || strcmp(name, "between_left_open") == 0;
    out->is_high_open = is_both || strcmp(name, "between_right_open") == 0;
    return true;
}

/* starts_with(field, text), and like with a pattern that begins with more than a wildcard. */
static bool read_prefix(const expr *term, access_term *out)
{
    const pbase_value *text = &term->args[1]->literal;
    bool is_like = is_call(term, "like");
    size_t size = 0;
    if (text->kind != PBASE_STRING) {
        return false;
    }
    while (size < text->as.string.size &&
           !(is_like && (text->as.string.data[size] == '%' || text->as.string.data[size] == '_'))) {
        size++;
    }
    out->kind = TERM_PREFIX;
    out->prefix = pbase_bytes_of(text->as.string.data, size);
    return size > 0;
}

static bool read_contains(const expr *term, access_term *out)
{
    out->kind = TERM_CONTAINS;
    out->values = &term->args[1]->literal;
    out->count = 1;
    return out->values->kind != PBASE_NULL;
}

static pbase_status read_term(const plan_step *from, const expr *term, pbase_arena *arena,
                              access_term *out, bool *out_taken, pbase_error *err)
{
    static const pbase_value null = {.kind = PBASE_NULL};
    memset(out, 0, sizeof *out);
    *out_taken = false;
    if (term->kind != EXPR_CALL) {
        return PBASE_OK;
    }
    const char *name = term->function->name;
    if (term->arg_count == 2 && strchr("=<>", name[0]) != NULL) {
        *out_taken = read_comparison(from, term, out);
        return PBASE_OK;
    }
    if (term->arg_count == 0 || !access_path(from, term->args[0], &out->path) ||
        !are_literals(term, 1)) {
        return PBASE_OK;
    }
    if (strcmp(name, "in") == 0) {
        return read_in(term, arena, out, out_taken, err);
    }
    if (strcmp(name, "is_null") == 0) {
        out->kind = TERM_POINTS;
        out->values = &null;
        out->count = 1;
        *out_taken = true;
    } else if (strncmp(name, "between", 7) == 0) {
        *out_taken = read_between(term, out);
    } else if (strcmp(name, "starts_with") == 0 || strcmp(name, "like") == 0) {
        *out_taken = read_prefix(term, out);
    } else if (strcmp(name, "contains") == 0) {
        *out_taken = read_contains(term, out);
    }
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------ all terms ------ */

static const pbase_value *any_bound(const access_term *range)
{
    return range->low != NULL ? range->low : range->high;
}

static void narrow(access_term *to, const access_term *more)
{
    if (more->low != NULL) {
        int order = to->low == NULL ? 1 : pbase_value_compare(more->low, to->low);
        to->is_low_open =
            order > 0 ? more->is_low_open : to->is_low_open || (order == 0 && more->is_low_open);
        to->low = order > 0 ? more->low : to->low;
    }
    if (more->high != NULL) {
        int order = to->high == NULL ? -1 : pbase_value_compare(more->high, to->high);
        to->is_high_open =
            order < 0 ? more->is_high_open : to->is_high_open || (order == 0 && more->is_high_open);
        to->high = order < 0 ? more->high : to->high;
    }
}

/* Joins a range with one of the same path and class. */
static bool join_range(access_terms *terms, const access_term *range)
{
    for (size_t i = 0; i < terms->count; i++) {
        access_term *other = &terms->items[i];
        if (range->kind == TERM_RANGE && other->kind == TERM_RANGE &&
            path_equal(&other->path, &range->path) &&
            class_of(any_bound(other)) == class_of(any_bound(range))) {
            narrow(other, range);
            return true;
        }
    }
    return false;
}

static bool compares_key(const plan_step *from, const expr *term)
{
    for (size_t i = 0; term->kind == EXPR_CALL && i < term->arg_count; i++) {
        if (access_is_key(from, term->args[i])) {
            return true;
        }
    }
    return false;
}

pbase_status access_terms_read(const plan_step *from, const expr *condition, pbase_arena *arena,
                               access_terms *out, pbase_error *err)
{
    const expr *const *terms = NULL;
    access_terms read = {NULL, 0, 0, false};
    size_t count = condition == NULL ? 0 : plan_terms(condition, &terms);
    if (condition != NULL && count == 0) {
        terms = &condition;
        count = 1;
    }
    read.items = pbase_arena_array(arena, count, sizeof *read.items);
    pbase_status status = read.items == NULL ? no_memory(err) : PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        bool is_taken = false;
        access_term *term = &read.items[read.count];
        status = read_term(from, terms[i], arena, term, &is_taken, err);
        read.has_key = read.has_key || compares_key(from, terms[i]);
        read.others += !is_taken;
        read.count += is_taken && !join_range(&read, term);
    }
    if (status == PBASE_OK) {
        *out = read;
    }
    return status;
}

typedef struct {
    const plan_step *from;
    const pbase_path *path;
    bool is_found;
} mention;

static pbase_status note_mention(void *state, const expr *node, pbase_error *err)
{
    mention *m = state;
    pbase_path path;
    (void)err;
    m->is_found = m->is_found || (access_path(m->from, node, &path) && path_equal(&path, m->path));
    return PBASE_OK;
}

bool access_mentions(const plan_step *from, const expr *condition, const pbase_path *path)
{
    mention m = {from, path, false};
    return condition != NULL && expr_walk(condition, note_mention, &m, NULL) == PBASE_OK &&
           m.is_found;
}
