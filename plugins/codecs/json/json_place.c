/* json_place.c - a strict JSON scanner (RFC 8259) that only says where it stopped.
 *
 * It builds nothing and never recurses: the brackets that are open stand in a fixed array. */
#include "json_place.h"
#include "json_parser.h"
#include "utf8.h"
#include <inttypes.h>

#define NO_TOKEN UINT64_MAX

typedef struct {
    const uint8_t *begin;
    const uint8_t *at;
    const uint8_t *end;
    uint64_t tokens_left; /* until the wanted one; NO_TOKEN: none is wanted */
    const char *expected; /* what is missing at `at`; NULL while nothing is */
    pbase_status code;    /* LIMIT with `limit`, else INVALID */
    const char *limit;    /* what was passed */
    uint32_t depth;
    uint8_t open[JSON_NESTING_MAX]; /* '[' or '{' */
} scanner;

static void scanner_init(scanner *s, pbase_bytes text, uint64_t token)
{
    s->begin = s->at = text.data;
    s->end = text.size == 0 ? text.data : text.data + text.size;
    s->tokens_left = token;
    s->expected = s->limit = NULL;
    s->code = PBASE_INVALID;
    s->depth = 0;
}

/* All scanning functions return false to stop: at the fault, or at the wanted token. */
static bool expect(scanner *s, const char *what)
{
    s->expected = what;
    return false;
}

static bool past_limit(scanner *s, const uint8_t *at, const char *limit)
{
    s->at = at;
    s->code = PBASE_LIMIT;
    s->limit = limit;
    return false;
}

static bool token_begins(scanner *s)
{
    if (s->tokens_left == 0) {
        return false;
    }
    s->tokens_left -= s->tokens_left != NO_TOKEN;
    return true;
}

static int peek(const scanner *s)
{
    return s->at < s->end ? *s->at : -1;
}

static void skip_space(scanner *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
        s->at++;
    }
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* ----------------------------------------------------------------------------------- strings --- */

/* Four hexadecimal digits behind "\u". */
static bool scan_code_unit(scanner *s, uint32_t *out)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        int c = peek(s);
        int lower = c | 0x20;
        if (!is_digit(c) && !(lower >= 'a' && lower <= 'f')) {
            return expect(s, "four hexadecimal digits after \\u");
        }
        unit = unit << 4 | (uint32_t)(is_digit(c) ? c - '0' : lower - 'a' + 10);
    }
    *out = unit;
    return true;
}

/* Behind "\u": one code unit, or a high surrogate and the low one that belongs to it. */
static bool scan_unicode_escape(scanner *s)
{
    const uint8_t *escape = s->at - 2;
    uint32_t unit = 0;
    if (!scan_code_unit(s, &unit)) {
        return false;
    }
    if (unit < 0xd800u || unit > 0xdfffu) {
        return true;
    }
    uint32_t low = 0;
    bool paired = unit < 0xdc00u && s->end - s->at >= 2 && s->at[0] == '\\' && s->at[1] == 'u';
    if (paired) {
        s->at += 2;
        if (!scan_code_unit(s, &low)) {
            return false;
        }
    }
    if (low < 0xdc00u || low > 0xdfffu) {
        s->at = escape;
        return expect(s, "a character (a surrogate stands alone)");
    }
    return true;
}

static bool scan_escape(scanner *s)
{
    int c = peek(s);
    if (c < 0 || strchr("\"\\/bfnrtu", c) == NULL || c == 0) {
        return expect(s, "one of \" \\ / b f n r t u after \\");
    }
    s->at++;
    return c == 'u' ? scan_unicode_escape(s) : true;
}

static bool scan_string(scanner *s)
{
    s->at++;
    for (;;) {
        int c = peek(s);
        if (c == '"') {
            s->at++;
            return true;
        }
        if (c < 0) {
            return expect(s, "the end of a string");
        }
        if (c < 0x20) {
            return expect(s, "a character (control characters in strings are escaped)");
        }
        size_t size = utf8_character(s->at, (size_t)(s->end - s->at));
        if (size == 0) {
            return expect(s, "UTF-8");
        }
        s->at += size;
        if (c == '\\' && !scan_escape(s)) {
            return false;
        }
    }
}

/* ----------------------------------------------------------------------------------- numbers --- */

static bool scan_digits(scanner *s)
{
    if (!is_digit(peek(s))) {
        return expect(s, "a digit");
    }
    while (is_digit(peek(s))) {
        s->at++;
    }
    return true;
}

static bool fits_int64(pbase_bytes digits, bool is_negative)
{
    const char *most = is_negative ? "9223372036854775808" : "9223372036854775807";
    return digits.size < 19 || (digits.size == 19 && memcmp(digits.data, most, 19) <= 0);
}

/* Power of ten of the first digit that is not 0, at least roughly: its sign is exact. */
static int64_t magnitude(pbase_bytes number)
{
    int64_t power = 0, exponent = 0;
    bool is_fraction = false, is_found = false;
    size_t i = number.data[0] == '-';
    for (; i < number.size && (number.data[i] | 0x20) != 'e'; i++) {
        is_found = is_found || (number.data[i] >= '1' && number.data[i] <= '9');
        power += is_fraction ? -!is_found : is_found;
        is_fraction = is_fraction || number.data[i] == '.';
    }
    bool is_negative = i + 1 < number.size && number.data[i + 1] == '-';
    for (i++; i < number.size && exponent < INT64_C(1) << 40; i++) {
        exponent = is_digit(number.data[i]) ? exponent * 10 + (number.data[i] - '0') : exponent;
    }
    return power + (is_negative ? -exponent : exponent);
}

static bool scan_number(scanner *s)
{
    const uint8_t *begin = s->at;
    bool is_negative = peek(s) == '-';
    s->at += is_negative;
    const uint8_t *digits = s->at;
    if (!scan_digits(s)) {
        return false;
    }
    size_t digit_count = (size_t)(s->at - digits);
    if (digits[0] == '0' && digit_count > 1) {
        s->at = digits + 1;
        return expect(s, "no digit after a leading 0");
    }
    bool is_float = false;
    if (peek(s) == '.') {
        is_float = true;
        s->at++;
        if (!scan_digits(s)) {
            return false;
        }
    }
    if ((peek(s) | 0x20) == 'e') {
        is_float = true;
        s->at++;
        s->at += peek(s) == '+' || peek(s) == '-';
        if (!scan_digits(s)) {
            return false;
        }
    }
    pbase_bytes number = pbase_bytes_of(begin, (size_t)(s->at - begin));
    if (!is_float && !fits_int64(pbase_bytes_of(digits, digit_count), is_negative)) {
        return past_limit(s, begin, "an integer beyond int64");
    }
    if (is_float && json_digits_out_of_range(number) && magnitude(number) > 0) {
        return past_limit(s, begin, "a number beyond the range of float64");
    }
    return true;
}

/* --------------------------------------------------------------------------------- the grammar --- */

static bool scan_word(scanner *s, const char *word)
{
    for (; *word != '\0'; word++, s->at++) {
        if (peek(s) != *word) {
            return expect(s, "a value");
        }
    }
    return true;
}

static bool scan_scalar(scanner *s, int first)
{
    switch (first) {
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return first == '-' || is_digit(first) ? scan_number(s) : expect(s, "a value");
    }
}

static bool open_bracket(scanner *s)
{
    if (s->depth == JSON_NESTING_MAX) {
        return past_limit(s, s->at, "nesting deeper than 128 levels");
    }
    s->open[s->depth++] = *s->at++;
    return true;
}
_Static_assert(PBASE_DEPTH_MAX == 128, "the message above names it");

/* A field name and its colon. */
static bool scan_name(scanner *s)
{
    skip_space(s);
    if (peek(s) != '"') {
        return expect(s, "a field name in quotes");
    }
    if (!token_begins(s) || !scan_string(s)) {
        return false;
    }
    skip_space(s);
    if (peek(s) != ':') {
        return expect(s, "':'");
    }
    s->at++;
    return true;
}

static bool is_empty_container(scanner *s)
{
    skip_space(s);
    return s->depth > 0 && peek(s) == (s->open[s->depth - 1] == '[' ? ']' : '}');
}

/* The beginning of a value, down through first children to a scalar or an empty container. */
static bool scan_first(scanner *s)
{
    for (;;) {
        skip_space(s);
        int first = peek(s);
        if (first < 0) {
            return expect(s, "a value");
        }
        if (!token_begins(s)) {
            return false;
        }
        if (first != '[' && first != '{') {
            return scan_scalar(s, first);
        }
        if (!open_bracket(s)) {
            return false;
        }
        if (is_empty_container(s)) {
            return true;
        }
        if (first == '{' && !scan_name(s)) {
            return false;
        }
    }
}

/* Behind a value: closes what ends here. True with depth 0 at the end of the text, or where the
 * next value of a container begins. */
static bool scan_rest(scanner *s)
{
    for (;;) {
        skip_space(s);
        int c = peek(s);
        if (s->depth == 0) {
            return c < 0 ? true : expect(s, "the end of the text");
        }
        bool is_list = s->open[s->depth - 1] == '[';
        if (c == (is_list ? ']' : '}')) {
            s->at++;
            s->depth--;
            continue;
        }
        if (c != ',') {
            return expect(s, is_list ? "',' or ']'" : "',' or '}'");
        }
        s->at++;
        return is_list ? true : scan_name(s);
    }
}

/* False: stopped. True: the whole text is JSON. */
static bool scan(scanner *s)
{
    do {
        if (!scan_first(s) || !scan_rest(s)) {
            return false;
        }
    } while (s->depth > 0);
    return true;
}

/* ---------------------------------------------------------------------------------- the place --- */

static void where_set(const scanner *s, pbase_error *err)
{
    uint64_t line = 1, column = 1;
    for (const uint8_t *at = s->begin; at < s->at; at++) {
        if (*at == '\n') {
            line++;
            column = 1;
        } else {
            column += (*at & 0xc0u) != 0x80u;
        }
    }
    pbase_error_where(err, "line %" PRIu64 " column %" PRIu64, line, column);
}

static pbase_status not_json(const scanner *s, pbase_error *err)
{
    if (s->at >= s->end) {
        return PBASE_FAIL(err, PBASE_INVALID, "not JSON: %s is expected, and the text ends",
                          s->expected);
    }
    uint8_t found = *s->at;
    if (found > 0x20u && found < 0x7fu) {
        return PBASE_FAIL(err, PBASE_INVALID, "not JSON: %s is expected, not '%c'", s->expected,
                          found);
    }
    return PBASE_FAIL(err, PBASE_INVALID, "not JSON: %s is expected, not the byte 0x%02x",
                      s->expected, (unsigned)found);
}

pbase_status json_place_fault(pbase_bytes text, pbase_error *err)
{
    scanner s;
    scanner_init(&s, text, NO_TOKEN);
    pbase_status status = PBASE_INVALID;
    if (scan(&s)) { /* the parser and the scanner disagree: believe the parser */
        s.at = s.begin;
        status = PBASE_FAIL(err, PBASE_INVALID, "not JSON");
    } else if (s.code == PBASE_LIMIT) {
        status = PBASE_FAIL(err, PBASE_LIMIT, "%s", s.limit);
    } else {
        status = not_json(&s, err);
    }
    where_set(&s, err);
    return status;
}

void json_place_token(pbase_bytes text, uint64_t token, pbase_error *err)
{
    scanner s;
    scanner_init(&s, text, token);
    (void)scan(&s); /* stops at the token */
    where_set(&s, err);
}
