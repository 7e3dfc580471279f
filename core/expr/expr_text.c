/* expr_text.c - precedence climbing, one function per kind of primary. */
#include "expr/expr_text.h"
#include "base/nearest.h"
#include "expr/function.h"
#include <math.h>

#define DEPTH_MAX 200u /* of parentheses and operators: the tree itself has EXPR_DEPTH_MAX */

static pbase_status parse(lexer *lx, uint8_t least, const expr **out);

/* --- lists that grow in the arena -------------------------------------------------------------- */

typedef struct {
    const expr **items;
    size_t count;
    size_t capacity;
} expr_list;

static pbase_status list_append(lexer *lx, expr_list *list, const expr *item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        const expr **items = pbase_arena_array(lx->arena, capacity, sizeof *items);
        if (items == NULL) {
            return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for an expression");
        }
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof *items);
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return PBASE_OK;
}

/* A call at `offset`, so that a wrong number of arguments points there. */
static pbase_status make_call(lexer *lx, size_t offset, const expr_function *function,
                              const expr *const *args, size_t count, const expr **out)
{
    pbase_error inner;
    pbase_error_init(&inner);
    pbase_status status = expr_call(lx->arena, function, args, count, out, &inner);
    return status == PBASE_OK ? PBASE_OK : lexer_fail_at(lx, offset, status, "%s", inner.message);
}

/* --- primaries --------------------------------------------------------------------------------- */

pbase_status expr_text_name(lexer *lx, const char *what, pbase_bytes *out)
{
    bool is_name = lx->current.kind == TOKEN_NAME ||
                   (lx->current.kind == TOKEN_WORD && !path_is_reserved(lx->current.text));
    if (!is_name) {
        return lexer_fail_expected(lx, what);
    }
    *out = lx->current.text;
    return lexer_next(lx);
}

static pbase_status parse_index(lexer *lx, int64_t *out)
{
    bool is_negative = false;
    pbase_status status = lexer_skip_symbol(lx, "-", &is_negative);
    if (status != PBASE_OK) {
        return status;
    }
    if (lx->current.kind != TOKEN_INT || lx->current.magnitude > PBASE_ITEMS_MAX) {
        return lexer_fail_expected(lx, "a position in the list");
    }
    *out = is_negative ? -(int64_t)lx->current.magnitude : (int64_t)lx->current.magnitude;
    status = lexer_next(lx);
    return status == PBASE_OK ? lexer_expect_symbol(lx, "]") : status;
}

/* The step behind a "." or "[" that was skipped. */
static pbase_status parse_step(lexer *lx, bool is_index, pbase_path_step *step)
{
    step->name = pbase_bytes_of(NULL, 0);
    step->index = 0;
    if (is_index) {
        return parse_index(lx, &step->index);
    }
    if (lx->current.kind != TOKEN_WORD && lx->current.kind != TOKEN_NAME) {
        return lexer_fail_expected(lx, "a field name");
    }
    step->name = lx->current.text;
    return lexer_next(lx);
}

pbase_status expr_text_path(lexer *lx, pbase_path *out)
{
    pbase_path_step steps[PATH_STEPS_MAX];
    size_t count = 1;
    steps[0].index = 0;
    pbase_status status = expr_text_name(lx, "a field", &steps[0].name);
    while (status == PBASE_OK) {
        bool is_index = token_is_symbol(&lx->current, "[");
        if (!is_index && !token_is_symbol(&lx->current, ".")) {
            break;
        }
        if (count == PATH_STEPS_MAX) {
            return lexer_fail_at(lx, lx->current.offset, PBASE_LIMIT,
                                 "a path has more than %u steps", PATH_STEPS_MAX);
        }
        status = lexer_next(lx);
        if (status == PBASE_OK) {
            status = parse_step(lx, is_index, &steps[count++]);
        }
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_path_step *kept = pbase_arena_array(lx->arena, count, sizeof *kept);
    if (kept == NULL) {
        return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a path");
    }
    memcpy(kept, steps, count * sizeof *kept);
    out->steps = kept;
    out->count = count;
    return PBASE_OK;
}

static pbase_status parse_field(lexer *lx, const expr **out)
{
    pbase_path path = {NULL, 0};
    pbase_status status = expr_text_path(lx, &path);
    return status == PBASE_OK ? expr_field(lx->arena, path, out, lx->err) : status;
}

static pbase_status literal_and_next(lexer *lx, pbase_value value, const expr **out)
{
    pbase_status status = expr_literal(lx->arena, value, out, lx->err);
    return status == PBASE_OK ? lexer_next(lx) : status;
}

static pbase_status parse_number(lexer *lx, bool is_negative, const expr **out)
{
    const token *number = &lx->current;
    if (number->kind == TOKEN_FLOAT) {
        double real = is_negative ? -number->real : number->real;
        return literal_and_next(lx, pbase_value_float(real), out);
    }
    if (!is_negative && number->magnitude > (uint64_t)INT64_MAX) {
        return lexer_fail_at(lx, number->offset, PBASE_INVALID, "an integer is outside int64");
    }
    int64_t integer = (int64_t)(is_negative ? 0 - number->magnitude : number->magnitude);
    return literal_and_next(lx, pbase_value_int(integer), out);
}

static pbase_status float_named(pbase_bytes name, pbase_value *out, pbase_error *err)
{
    static const struct {
        const char *name;
        double value;
    } named[] = {{"nan", NAN}, {"inf", INFINITY}, {"-inf", -INFINITY}};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (pbase_bytes_equal(name, pbase_bytes_text(named[i].name))) {
            *out = pbase_value_float(named[i].value);
            return PBASE_OK;
        }
    }
    return PBASE_FAIL(err, PBASE_INVALID, "float 'nan', 'inf' or '-inf'");
}

/* timestamp '...', ref '...', float '...': the word is current, the string follows. */
static pbase_status parse_typed(lexer *lx, const expr **out)
{
    token word = lx->current;
    pbase_error inner;
    pbase_error_init(&inner);
    pbase_value value = pbase_value_null();
    pbase_status status = lexer_next(lx);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_bytes text = lx->current.text;
    if (token_is_word(&word, "timestamp")) {
        value.kind = PBASE_TIMESTAMP;
        status = pbase_time_parse(text, &value.as.time_ns, &inner);
    } else if (token_is_word(&word, "ref")) {
        value.kind = PBASE_REFERENCE;
        status = pbase_object_id_parse(text, &value.as.reference, &inner);
    } else if (token_is_word(&word, "float")) {
        status = float_named(text, &value, &inner);
    } else {
        return lexer_fail_at(lx, word.offset, PBASE_INVALID,
                             "unknown kind of literal: timestamp, ref or float");
    }
    if (status != PBASE_OK) {
        return lexer_fail_at(lx, lx->current.offset, status, "%s", inner.message);
    }
    return literal_and_next(lx, value, out);
}

/* The value of a constant expression inside [...] or {...}. */
static pbase_status parse_constant(lexer *lx, pbase_value *out)
{
    size_t offset = lx->current.offset;
    const expr *item = NULL;
    pbase_status status = parse(lx, 0, &item);
    if (status == PBASE_OK && item->kind != EXPR_LITERAL) {
        return lexer_fail_at(lx, offset, PBASE_INVALID, "a list or map holds literals only");
    }
    if (status == PBASE_OK) {
        *out = item->literal;
    }
    return status;
}

/* Grows `list` of items of `size` bytes; NULL means no memory. */
static void *items_grow(lexer *lx, void *items, size_t count, size_t size)
{
    if (count != 0 && (count < 4 || (count & (count - 1)) != 0)) {
        return items;
    }
    void *grown = pbase_arena_array(lx->arena, count == 0 ? 4 : count * 2, size);
    if (grown != NULL && count > 0) {
        memcpy(grown, items, count * size);
    }
    return grown;
}

static pbase_status parse_list(lexer *lx, const expr **out)
{
    pbase_value *items = NULL;
    size_t count = 0;
    bool is_end = false, has_more = true;
    pbase_status status = lexer_next(lx);
    if (status == PBASE_OK) {
        status = lexer_skip_symbol(lx, "]", &is_end);
    }
    while (status == PBASE_OK && !is_end) {
        items = items_grow(lx, items, count, sizeof *items);
        if (items == NULL) {
            return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a list");
        }
        status = parse_constant(lx, &items[count++]);
        if (status == PBASE_OK) {
            status = lexer_skip_symbol(lx, ",", &has_more);
        }
        if (status == PBASE_OK && !has_more) {
            status = lexer_expect_symbol(lx, "]");
            is_end = true;
        }
    }
    return status == PBASE_OK
               ? expr_literal(lx->arena, pbase_value_list(items, count), out, lx->err)
               : status;
}

static pbase_status parse_map_field(lexer *lx, pbase_field *field)
{
    if (lx->current.kind != TOKEN_WORD && lx->current.kind != TOKEN_NAME) {
        return lexer_fail_expected(lx, "a field name");
    }
    field->name = lx->current.text;
    pbase_status status = lexer_next(lx);
    if (status == PBASE_OK) {
        status = lexer_expect_symbol(lx, ":");
    }
    return status == PBASE_OK ? parse_constant(lx, &field->value) : status;
}

static pbase_status parse_map(lexer *lx, const expr **out)
{
    pbase_field *fields = NULL;
    size_t count = 0, offset = lx->current.offset;
    bool is_end = false, has_more = true;
    pbase_status status = lexer_next(lx);
    if (status == PBASE_OK) {
        status = lexer_skip_symbol(lx, "}", &is_end);
    }
    while (status == PBASE_OK && !is_end) {
        fields = items_grow(lx, fields, count, sizeof *fields);
        if (fields == NULL) {
            return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a map");
        }
        status = parse_map_field(lx, &fields[count++]);
        if (status == PBASE_OK) {
            status = lexer_skip_symbol(lx, ",", &has_more);
        }
        if (status == PBASE_OK && !has_more) {
            status = lexer_expect_symbol(lx, "}");
            is_end = true;
        }
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_value map = pbase_value_map(fields, count);
    pbase_error inner;
    pbase_error_init(&inner);
    status = pbase_value_check(&map, &inner);
    return status == PBASE_OK ? expr_literal(lx->arena, map, out, lx->err)
                              : lexer_fail_at(lx, offset, status, "%s", inner.message);
}

static pbase_status parse_case(lexer *lx, const expr **out)
{
    size_t offset = lx->current.offset;
    expr_list args = {NULL, 0, 0};
    const expr *item = NULL;
    pbase_status status = lexer_next(lx);
    bool is_when = token_is_word(&lx->current, "when"), is_else = false;
    if (status == PBASE_OK && !is_when) {
        return lexer_fail_expected(lx, "'when'");
    }
    while (status == PBASE_OK && is_when) {
        const char *const words[2] = {"when", "then"};
        for (size_t i = 0; i < 2 && status == PBASE_OK; i++) {
            status = lexer_expect_word(lx, words[i]);
            if (status == PBASE_OK) {
                status = parse(lx, 0, &item);
            }
            if (status == PBASE_OK) {
                status = list_append(lx, &args, item);
            }
        }
        is_when = token_is_word(&lx->current, "when");
    }
    if (status == PBASE_OK) {
        status = lexer_skip_word(lx, "else", &is_else);
    }
    if (status == PBASE_OK && is_else) {
        status = parse(lx, 0, &item);
        if (status == PBASE_OK) {
            status = list_append(lx, &args, item);
        }
    }
    if (status == PBASE_OK) {
        status = lexer_expect_word(lx, "end");
    }
    return status == PBASE_OK
               ? make_call(lx, offset, function_named("case"), args.items, args.count, out)
               : status;
}

/* Expressions up to the closing parenthesis; the opening one is current. */
static pbase_status parse_arguments(lexer *lx, expr_list *args)
{
    bool is_end = false;
    pbase_status status = lexer_expect_symbol(lx, "(");
    if (status == PBASE_OK) {
        status = lexer_skip_symbol(lx, ")", &is_end);
    }
    while (status == PBASE_OK && !is_end) {
        const expr *item = NULL;
        bool has_more = false;
        status = parse(lx, 0, &item);
        if (status == PBASE_OK) {
            status = list_append(lx, args, item);
        }
        if (status == PBASE_OK) {
            status = lexer_skip_symbol(lx, ",", &has_more);
        }
        if (status == PBASE_OK && !has_more) {
            status = lexer_expect_symbol(lx, ")");
            is_end = true;
        }
    }
    return status;
}

static pbase_status parse_call(lexer *lx, const expr **out)
{
    token word = lx->current;
    uint8_t folded[NEAREST_BYTES_MAX];
    size_t size = word.text.size < sizeof folded ? word.text.size : sizeof folded;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = word.text.data[i];
        folded[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
    }
    pbase_bytes name = pbase_bytes_of(folded, size);
    const expr_function *function = function_find(name, NULL);
    if (function == NULL || size < word.text.size) {
        pbase_status unknown =
            lexer_fail_at(lx, word.offset, PBASE_INVALID, "there is no function '%.*s'", (int)size,
                          (const char *)word.text.data);
        (void)function_find(name, lx->err); /* for the hint */
        return unknown;
    }
    expr_list args = {NULL, 0, 0};
    pbase_status status = lexer_next(lx);
    if (status == PBASE_OK) {
        status = parse_arguments(lx, &args);
    }
    return status == PBASE_OK ? make_call(lx, word.offset, function, args.items, args.count, out)
                              : status;
}

static pbase_status parse_word(lexer *lx, const expr **out)
{
    token ahead;
    if (token_is_word(&lx->current, "case")) {
        return parse_case(lx, out);
    }
    if (token_is_word(&lx->current, "null")) {
        return literal_and_next(lx, pbase_value_null(), out);
    }
    if (token_is_word(&lx->current, "true") || token_is_word(&lx->current, "false")) {
        bool is_true = token_is_word(&lx->current, "true");
        return literal_and_next(lx, pbase_value_bool(is_true), out);
    }
    if (path_is_reserved(lx->current.text)) {
        return lexer_fail_expected(lx, "an expression");
    }
    pbase_status status = lexer_peek(lx, &ahead);
    if (status != PBASE_OK) {
        return status;
    }
    bool is_taken = false;
    if (token_is_symbol(&ahead, "(") && lx->call != NULL) {
        status = lx->call(lx, lx->call_state, &is_taken, out);
    }
    if (status != PBASE_OK || is_taken) {
        return status;
    }
    if (token_is_symbol(&ahead, "(")) {
        return parse_call(lx, out);
    }
    return ahead.kind == TOKEN_STRING ? parse_typed(lx, out) : parse_field(lx, out);
}

static pbase_status parse_group(lexer *lx, const expr **out)
{
    pbase_status status = lexer_next(lx);
    if (status == PBASE_OK) {
        status = parse(lx, 0, out);
    }
    return status == PBASE_OK ? lexer_expect_symbol(lx, ")") : status;
}

static pbase_status parse_symbol(lexer *lx, const expr **out)
{
    if (token_is_symbol(&lx->current, "(")) {
        return parse_group(lx, out);
    }
    if (token_is_symbol(&lx->current, "[")) {
        return parse_list(lx, out);
    }
    return token_is_symbol(&lx->current, "{") ? parse_map(lx, out)
                                              : lexer_fail_expected(lx, "an expression");
}

static pbase_status parse_parameter(lexer *lx, const expr **out)
{
    pbase_status status = expr_parameter(lx->arena, lx->current.text, out, lx->err);
    return status == PBASE_OK ? lexer_next(lx) : status;
}

static pbase_status parse_primary(lexer *lx, const expr **out)
{
    switch (lx->current.kind) {
    case TOKEN_WORD:
        return parse_word(lx, out);
    case TOKEN_NAME:
        return parse_field(lx, out);
    case TOKEN_STRING:
        return literal_and_next(lx, pbase_value_string(lx->current.text), out);
    case TOKEN_BYTES:
        return literal_and_next(lx, pbase_value_bytes(lx->current.text), out);
    case TOKEN_INT:
    case TOKEN_FLOAT:
        return parse_number(lx, false, out);
    case TOKEN_PARAMETER:
        return parse_parameter(lx, out);
    case TOKEN_SYMBOL:
        return parse_symbol(lx, out);
    case TOKEN_END:
        break;
    }
    return lexer_fail_expected(lx, "an expression");
}

static pbase_status parse_unary(lexer *lx, const char *name, uint8_t precedence, const expr **out)
{
    size_t offset = lx->current.offset;
    const expr *operand = NULL;
    pbase_status status = lexer_next(lx);
    bool is_minus = precedence == EXPR_PRECEDENCE_NEGATE;
    if (status == PBASE_OK && is_minus &&
        (lx->current.kind == TOKEN_INT || lx->current.kind == TOKEN_FLOAT)) {
        return parse_number(lx, true, out);
    }
    if (status == PBASE_OK) {
        status = parse(lx, precedence, &operand);
    }
    return status == PBASE_OK ? make_call(lx, offset, function_named(name), &operand, 1, out)
                              : status;
}

static pbase_status parse_prefix(lexer *lx, const expr **out)
{
    if (token_is_word(&lx->current, "not")) {
        return parse_unary(lx, "not", EXPR_PRECEDENCE_NOT, out);
    }
    return token_is_symbol(&lx->current, "-") ? parse_unary(lx, "-", EXPR_PRECEDENCE_NEGATE, out)
                                              : parse_primary(lx, out);
}

/* --- infix ------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    const char *function;
    uint8_t precedence;
    bool is_word;
} infixes[] = {
    {"or", "or", EXPR_PRECEDENCE_OR, true},
    {"and", "and", EXPR_PRECEDENCE_AND, true},
    {"=", "=", EXPR_PRECEDENCE_COMPARE, false},
    {"<>", "<>", EXPR_PRECEDENCE_COMPARE, false},
    {"!=", "<>", EXPR_PRECEDENCE_COMPARE, false},
    {"<=>", "<=>", EXPR_PRECEDENCE_COMPARE, false},
    {"<", "<", EXPR_PRECEDENCE_COMPARE, false},
    {"<=", "<=", EXPR_PRECEDENCE_COMPARE, false},
    {">", ">", EXPR_PRECEDENCE_COMPARE, false},
    {">=", ">=", EXPR_PRECEDENCE_COMPARE, false},
    {"like", "like", EXPR_PRECEDENCE_COMPARE, true},
    {"ilike", "ilike", EXPR_PRECEDENCE_COMPARE, true},
    {"in", "in", EXPR_PRECEDENCE_COMPARE, true},
    {"between", "between", EXPR_PRECEDENCE_COMPARE, true},
    {"is", "is", EXPR_PRECEDENCE_COMPARE, true},
    {"not", "not", EXPR_PRECEDENCE_COMPARE, true}, /* not in, not like, not between */
    {"+", "+", EXPR_PRECEDENCE_ADD, false},
    {"-", "-", EXPR_PRECEDENCE_ADD, false},
    {"||", "concat", EXPR_PRECEDENCE_ADD, false},
    {"*", "*", EXPR_PRECEDENCE_MULTIPLY, false},
    {"/", "/", EXPR_PRECEDENCE_MULTIPLY, false},
    {"//", "//", EXPR_PRECEDENCE_MULTIPLY, false},
    {"%", "%", EXPR_PRECEDENCE_MULTIPLY, false},
};
#define INFIX_COUNT (sizeof infixes / sizeof infixes[0])

static size_t infix_at(const token *at)
{
    size_t i = 0;
    while (i < INFIX_COUNT && !(infixes[i].is_word ? token_is_word(at, infixes[i].text)
                                                   : token_is_symbol(at, infixes[i].text))) {
        i++;
    }
    return i;
}

static pbase_status negate_if(lexer *lx, bool is_negated, size_t offset, const expr **out)
{
    const expr *inner = *out;
    return is_negated ? make_call(lx, offset, function_named("not"), &inner, 1, out) : PBASE_OK;
}

static pbase_status parse_is_null(lexer *lx, const expr *left, const expr **out)
{
    bool is_not = false;
    size_t offset = lx->current.offset;
    pbase_status status = lexer_skip_word(lx, "not", &is_not);
    if (status == PBASE_OK) {
        status = lexer_expect_word(lx, "null");
    }
    return status == PBASE_OK
               ? make_call(lx, offset, function_named(is_not ? "not_null" : "is_null"), &left, 1,
                           out)
               : status;
}

static pbase_status parse_in(lexer *lx, const expr *left, size_t offset, const expr **out)
{
    expr_list args = {NULL, 0, 0};
    pbase_status status = list_append(lx, &args, left);
    if (status == PBASE_OK) {
        status = parse_arguments(lx, &args);
    }
    return status == PBASE_OK
               ? make_call(lx, offset, function_named("in"), args.items, args.count, out)
               : status;
}

static pbase_status parse_between(lexer *lx, const expr *left, size_t offset, const expr **out)
{
    const expr *args[3] = {left, NULL, NULL};
    pbase_status status = parse(lx, EXPR_PRECEDENCE_ADD, &args[1]);
    if (status == PBASE_OK) {
        status = lexer_expect_word(lx, "and");
    }
    if (status == PBASE_OK) {
        status = parse(lx, EXPR_PRECEDENCE_ADD, &args[2]);
    }
    return status == PBASE_OK ? make_call(lx, offset, function_named("between"), args, 3, out)
                              : status;
}

/* a + b; of a flat operator all of a and b and c at once, so that long chains stay linear. */
static pbase_status parse_operands(lexer *lx, const expr *left, size_t op, size_t offset,
                                   const expr **out)
{
    const expr_function *function = function_named(infixes[op].function);
    expr_list args = {NULL, 0, 0};
    pbase_status status = list_append(lx, &args, left);
    bool has_more = true;
    while (status == PBASE_OK && has_more) {
        const expr *right = NULL;
        status = parse(lx, (uint8_t)(infixes[op].precedence + 1), &right);
        if (status == PBASE_OK) {
            status = list_append(lx, &args, right);
        }
        has_more = function->is_flat && infix_at(&lx->current) == op;
        if (status == PBASE_OK && has_more) {
            status = lexer_next(lx);
        }
    }
    return status == PBASE_OK ? make_call(lx, offset, function, args.items, args.count, out)
                              : status;
}

/* What stands behind `left`: the operator infixes[op], which is current. */
static pbase_status parse_infix(lexer *lx, const expr *left, size_t op, const expr **out)
{
    bool is_negated = false;
    size_t offset = lx->current.offset;
    pbase_status status = lexer_next(lx);
    if (status == PBASE_OK && strcmp(infixes[op].text, "not") == 0) {
        is_negated = true;
        op = infix_at(&lx->current);
        const char *text = op < INFIX_COUNT ? infixes[op].text : "";
        if (strcmp(text, "in") != 0 && strcmp(text, "between") != 0 && strcmp(text, "like") != 0 &&
            strcmp(text, "ilike") != 0) {
            return lexer_fail_expected(lx, "'in', 'between', 'like' or 'ilike'");
        }
        status = lexer_next(lx);
    }
    if (status != PBASE_OK) {
        return status;
    }
    const char *name = infixes[op].function;
    if (strcmp(name, "is") == 0) {
        return parse_is_null(lx, left, out);
    }
    if (strcmp(name, "in") == 0) {
        status = parse_in(lx, left, offset, out);
    } else if (strcmp(name, "between") == 0) {
        status = parse_between(lx, left, offset, out);
    } else {
        status = parse_operands(lx, left, op, offset, out);
    }
    return status == PBASE_OK ? negate_if(lx, is_negated, offset, out) : status;
}

static pbase_status parse_operators(lexer *lx, uint8_t least, const expr **out)
{
    bool has_compared = false;
    pbase_status status = parse_prefix(lx, out);
    while (status == PBASE_OK) {
        size_t op = infix_at(&lx->current);
        if (op == INFIX_COUNT || infixes[op].precedence < least) {
            if (token_is_symbol(&lx->current, "==")) {
                status = lexer_fail_expected(lx, "an operator");
                pbase_error_hint(lx->err, "write = to compare");
            }
            break;
        }
        bool compares = infixes[op].precedence == EXPR_PRECEDENCE_COMPARE;
        if (compares && has_compared) {
            return lexer_fail_at(lx, lx->current.offset, PBASE_INVALID,
                                 "comparisons do not chain: join them with 'and'");
        }
        has_compared = compares;
        status = parse_infix(lx, *out, op, out);
    }
    return status;
}

static pbase_status parse(lexer *lx, uint8_t least, const expr **out)
{
    if (lx->depth == DEPTH_MAX) {
        return lexer_fail_at(lx, lx->current.offset, PBASE_LIMIT,
                             "an expression is nested deeper than %u", DEPTH_MAX);
    }
    lx->depth++;
    pbase_status status = parse_operators(lx, least, out);
    lx->depth--;
    return status;
}

pbase_status expr_text_parse(lexer *lx, const expr **out)
{
    return parse(lx, 0, out);
}
