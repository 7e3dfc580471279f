/* lexer.c - one token at a time, by its first byte. */
#include "expr/lexer.h"
#include "base/number_text.h"
#include "expr/text.h"
#include <protobase/base/limits.h>
#include <stdio.h>

#define SNIPPET_BYTES_MAX 64u /* of the line shown before and after the place */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_start(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

/* The byte `ahead` of the reading place, 0 past the end. */
static uint8_t look(const lexer *self, size_t ahead)
{
    return self->text.size - self->at > ahead ? self->text.data[self->at + ahead] : 0;
}

/* --- errors ------------------------------------------------------------------------------------ */

typedef struct {
    size_t start; /* of the line */
    size_t end;
    size_t number; /* from 1 */
} text_line;

static text_line line_of(pbase_bytes text, size_t offset)
{
    text_line line = {0, text.size, 1};
    for (size_t i = 0; i < offset; i++) {
        if (text.data[i] == '\n') {
            line.start = i + 1;
            line.number++;
        }
    }
    for (size_t i = offset; i < text.size; i++) {
        if (text.data[i] == '\n') {
            line.end = i;
            break;
        }
    }
    return line;
}

static bool is_inside_character(pbase_bytes text, size_t at)
{
    return at < text.size && (text.data[at] & 0xc0) == 0x80;
}

/* Appends "\n  <line>\n  <blanks>^" to `message`, the line cut around the place; a tab of the line is
 * one of the blanks, so that the caret stands below the place. */
static void append_snippet(const lexer *self, const text_line *line, size_t offset, char *message,
                           size_t capacity)
{
    size_t start =
        offset - line->start > SNIPPET_BYTES_MAX ? offset - SNIPPET_BYTES_MAX : line->start;
    size_t end = line->end - offset > SNIPPET_BYTES_MAX ? offset + SNIPPET_BYTES_MAX : line->end;
    while (is_inside_character(self->text, start)) {
        start++;
    }
    while (end > offset && is_inside_character(self->text, end)) {
        end--;
    }
    char blanks[SNIPPET_BYTES_MAX + 1];
    size_t used = strlen(message), before = 0;
    for (size_t i = start; i < offset; i++) {
        if (!is_inside_character(self->text, i)) {
            blanks[before++] = self->text.data[i] == '\t' ? '\t' : ' ';
        }
    }
    (void)snprintf(message + used, capacity - used, "\n  %.*s\n  %.*s^", (int)(end - start),
                   self->text.size == 0 ? "" : (const char *)self->text.data + start, (int)before,
                   blanks); /* cut when full */
}

pbase_status lexer_fail_at(const lexer *self, size_t offset, pbase_status code, const char *format,
                           ...)
{
    char message[sizeof self->err->message];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message / 2, format, arguments); /* cut when too long */
    va_end(arguments);
    text_line line = line_of(self->text, offset);
    append_snippet(self, &line, offset, message, sizeof message);
    size_t column = text_length(pbase_bytes_of(
        self->text.size == 0 ? NULL : self->text.data + line.start, offset - line.start));
    pbase_status status = PBASE_FAIL(self->err, code, "%s", message);
    pbase_error_where(self->err, "line %zu column %zu", line.number, column + 1);
    return status;
}

pbase_status lexer_fail_expected(const lexer *self, const char *what)
{
    const token *found = &self->current;
    if (found->kind == TOKEN_END) {
        return lexer_fail_at(self, found->offset, PBASE_INVALID, "expected %s, found the end",
                             what);
    }
    size_t size = self->at - found->offset;
    bool is_long = size > 32;
    size = is_long ? 32 : size;
    while (is_inside_character(self->text, found->offset + size)) {
        size--;
    }
    return lexer_fail_at(self, found->offset, PBASE_INVALID, "expected %s, found '%.*s%s'", what,
                         (int)size, (const char *)self->text.data + found->offset,
                         is_long ? "..." : "");
}

/* --- tokens ------------------------------------------------------------------------------------ */

static pbase_status skip_blanks(lexer *self)
{
    for (;;) {
        uint8_t c = look(self, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            self->at++;
        } else if (c == '-' && look(self, 1) == '-') {
            while (self->at < self->text.size && self->text.data[self->at] != '\n') {
                self->at++;
            }
        } else {
            return PBASE_OK;
        }
    }
}

static pbase_bytes since(const lexer *self, size_t start)
{
    return pbase_bytes_of(self->text.data + start, self->at - start);
}

static void read_word(lexer *self)
{
    size_t start = self->at;
    while (is_word_start(look(self, 0)) || is_digit(look(self, 0))) {
        self->at++;
    }
    self->current.kind = TOKEN_WORD;
    self->current.text = since(self, start);
}

/* From the opening quote to behind the closing one; a doubled quote stands for one. */
static pbase_status read_quoted(lexer *self, token_kind kind)
{
    uint8_t quote = look(self, 0);
    size_t start = ++self->at, doubled = 0;
    for (;; self->at++) {
        if (self->at >= self->text.size) {
            return lexer_fail_at(self, self->current.offset, PBASE_INVALID,
                                 "a quote is opened and not closed");
        }
        if (self->text.data[self->at] == quote) {
            if (look(self, 1) != quote) {
                break;
            }
            self->at++;
            doubled++;
        }
    }
    pbase_bytes raw = since(self, start);
    self->at++;
    self->current.kind = kind;
    self->current.text = raw;
    if (doubled == 0) {
        return PBASE_OK;
    }
    uint8_t *text = pbase_arena_alloc(self->arena, raw.size - doubled);
    if (text == NULL) {
        return PBASE_FAIL(self->err, PBASE_NO_MEMORY, "no memory for a string");
    }
    size_t size = 0;
    for (size_t i = 0; i < raw.size; i++) {
        text[size++] = raw.data[i];
        i += raw.data[i] == quote;
    }
    self->current.text = pbase_bytes_of(text, size);
    return PBASE_OK;
}

static int hex_digit(uint8_t c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* x'00ff' */
static pbase_status read_bytes(lexer *self)
{
    self->at++;
    pbase_status status = read_quoted(self, TOKEN_BYTES);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_bytes digits = self->current.text;
    uint8_t *bytes = pbase_arena_alloc(self->arena, digits.size / 2);
    if (bytes == NULL) {
        return PBASE_FAIL(self->err, PBASE_NO_MEMORY, "no memory for bytes");
    }
    for (size_t i = 0; i < digits.size; i++) {
        int digit = hex_digit(digits.data[i]);
        if (digit < 0 || digits.size % 2 != 0) {
            return lexer_fail_at(self, self->current.offset, PBASE_INVALID,
                                 "bytes are written in pairs of hexadecimal digits");
        }
        bytes[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : bytes[i / 2] | digit);
    }
    self->current.text = pbase_bytes_of(bytes, digits.size / 2);
    return PBASE_OK;
}

static void skip_digits(lexer *self)
{
    while (is_digit(look(self, 0))) {
        self->at++;
    }
}

static pbase_status read_int(lexer *self)
{
    const uint64_t magnitude_max = (uint64_t)INT64_MAX + 1;
    uint64_t magnitude = 0;
    for (size_t i = 0; i < self->current.text.size; i++) {
        uint64_t digit = (uint64_t)(self->current.text.data[i] - '0');
        if (magnitude > (magnitude_max - digit) / 10) {
            pbase_status status = lexer_fail_at(self, self->current.offset, PBASE_INVALID,
                                                "an integer is outside int64");
            pbase_error_hint(self->err, "write a decimal point for a float");
            return status;
        }
        magnitude = magnitude * 10 + digit;
    }
    self->current.magnitude = magnitude;
    return PBASE_OK;
}

static pbase_status read_number(lexer *self)
{
    size_t start = self->at;
    bool is_float = false;
    skip_digits(self);
    if (look(self, 0) == '.' && is_digit(look(self, 1))) {
        is_float = true;
        self->at++;
        skip_digits(self);
    }
    size_t sign = look(self, 1) == '+' || look(self, 1) == '-' ? 1 : 0;
    if ((look(self, 0) == 'e' || look(self, 0) == 'E') && is_digit(look(self, 1 + sign))) {
        is_float = true;
        self->at += 1 + sign;
        skip_digits(self);
    }
    self->current.text = since(self, start);
    if (is_word_start(look(self, 0)) || self->current.text.size > NUMBER_TEXT_BYTES_MAX) {
        return lexer_fail_at(self, start, PBASE_INVALID, "this is not a number");
    }
    self->current.kind = is_float ? TOKEN_FLOAT : TOKEN_INT;
    if (is_float) {
        self->current.real = number_text_parse(self->current.text);
        return PBASE_OK;
    }
    return read_int(self);
}

static pbase_status read_parameter(lexer *self)
{
    self->at++;
    if (!is_word_start(look(self, 0))) {
        return lexer_fail_at(self, self->current.offset, PBASE_INVALID,
                             "a parameter is $ and a name");
    }
    read_word(self);
    self->current.kind = TOKEN_PARAMETER;
    return PBASE_OK;
}

static pbase_status read_symbol(lexer *self)
{
    static const char *const symbols[] = {"<=>", "<>", "<=", ">=", "!=", "==", "||", "//"};
    size_t start = self->at, size = 1;
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0] && size == 1; i++) {
        size_t length = strlen(symbols[i]);
        if (self->text.size - start >= length &&
            memcmp(self->text.data + start, symbols[i], length) == 0) {
            size = length;
        }
    }
    uint8_t c = look(self, 0);
    if (size == 1 && (c == 0 || strchr("|(){}[],.:=<>+-*/%", c) == NULL)) {
        return lexer_fail_at(
            self, start, PBASE_INVALID,
            c < 0x20 ? "unexpected control character" : "unexpected character '%c'", c);
    }
    self->at += size;
    self->current.kind = TOKEN_SYMBOL;
    self->current.text = since(self, start);
    return PBASE_OK;
}

pbase_status lexer_next(lexer *self)
{
    pbase_status status = skip_blanks(self);
    memset(&self->current, 0, sizeof self->current);
    self->current.offset = self->at;
    if (status != PBASE_OK || self->at == self->text.size) {
        return status; /* kind is TOKEN_END */
    }
    uint8_t c = look(self, 0);
    if ((c == 'x' || c == 'X') && look(self, 1) == '\'') {
        return read_bytes(self);
    }
    if (is_word_start(c)) {
        read_word(self);
        return PBASE_OK;
    }
    if (is_digit(c)) {
        return read_number(self);
    }
    if (c == '\'' || c == '"') {
        return read_quoted(self, c == '"' ? TOKEN_NAME : TOKEN_STRING);
    }
    return c == '$' ? read_parameter(self) : read_symbol(self);
}

pbase_status lexer_init(lexer *self, pbase_bytes text, pbase_arena *arena, pbase_error *err)
{
    memset(self, 0, sizeof *self);
    self->text = text;
    self->arena = arena;
    self->err = err;
    if (text.size > PBASE_QUERY_TEXT_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a query of %zu bytes; the limit is %u", text.size,
                          PBASE_QUERY_TEXT_BYTES_MAX);
    }
    if (!pbase_utf8_valid(text)) {
        return PBASE_FAIL(err, PBASE_INVALID, "the query is not well-formed UTF-8");
    }
    return lexer_next(self);
}

pbase_status lexer_peek(const lexer *self, token *out)
{
    lexer ahead = *self;
    pbase_status status = lexer_next(&ahead);
    if (status == PBASE_OK) {
        *out = ahead.current;
    }
    return status;
}

bool token_is_symbol(const token *self, const char *symbol)
{
    return self->kind == TOKEN_SYMBOL && pbase_bytes_equal(self->text, pbase_bytes_text(symbol));
}

bool token_is_word(const token *self, const char *word)
{
    size_t size = strlen(word);
    if (self->kind != TOKEN_WORD || self->text.size != size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        uint8_t c = self->text.data[i];
        c = c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
        if (c != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

pbase_status lexer_skip_symbol(lexer *self, const char *symbol, bool *out)
{
    *out = token_is_symbol(&self->current, symbol);
    return *out ? lexer_next(self) : PBASE_OK;
}

pbase_status lexer_skip_word(lexer *self, const char *word, bool *out)
{
    *out = token_is_word(&self->current, word);
    return *out ? lexer_next(self) : PBASE_OK;
}

static pbase_status fail_expected_quoted(const lexer *self, const char *what)
{
    char quoted[32];
    (void)snprintf(quoted, sizeof quoted, "'%s'", what); /* symbols and keywords: short */
    return lexer_fail_expected(self, quoted);
}

pbase_status lexer_expect_symbol(lexer *self, const char *symbol)
{
    return token_is_symbol(&self->current, symbol) ? lexer_next(self)
                                                   : fail_expected_quoted(self, symbol);
}

pbase_status lexer_expect_word(lexer *self, const char *word)
{
    return token_is_word(&self->current, word) ? lexer_next(self)
                                               : fail_expected_quoted(self, word);
}
