/* json_parser.h - the C border of simdjson, and of the number text of the C++ library.
 *
 * simdjson checks a whole text (grammar, UTF-8, numbers) and writes it down as a tape: one 64-bit
 * word per value, the kind in the upper 8 bits, as its doc/tape.md describes. No C++ exception, no
 * C++ type and no locale crosses this border.
 * Threads: a parser is confined; the number functions are pure. */
#ifndef PBASE_JSON_PARSER_H
#define PBASE_JSON_PARSER_H
#include <protobase/base/bytes.h>
PBASE_BEGIN_DECLS

#define JSON_PARSER_PADDING 64u /* readable bytes that must follow a text */

/* Kinds of tape words. */
enum {
    JSON_TAPE_ROOT = 'r',
    JSON_TAPE_LIST = '[', /* payload: 24 bits of count above 32 bits of the index past its end */
    JSON_TAPE_LIST_END = ']',
    JSON_TAPE_MAP = '{', /* the same; each field is a string word and then its value */
    JSON_TAPE_MAP_END = '}',
    JSON_TAPE_STRING = '"', /* payload: offset in `strings` of 4 bytes of length, then the text */
    JSON_TAPE_INT = 'l',    /* the next word is the int64 */
    JSON_TAPE_UINT = 'u',   /* the next word is a uint64 above INT64_MAX */
    JSON_TAPE_FLOAT = 'd',  /* the next word is the binary64 */
    JSON_TAPE_TRUE = 't',
    JSON_TAPE_FALSE = 'f',
    JSON_TAPE_NULL = 'n'
};
#define JSON_TAPE_COUNT_MAX 0xffffffu /* a count of this many or more: go and count */

static inline unsigned json_tape_kind(uint64_t word)
{
    return (unsigned)(word >> 56);
}
static inline uint64_t json_tape_payload(uint64_t word)
{
    return word & 0x00ffffffffffffffu;
}
static inline size_t json_tape_past_end(uint64_t word)
{
    return (size_t)(word & 0xffffffffu);
}
static inline size_t json_tape_count(uint64_t word)
{
    return (size_t)(word >> 32 & JSON_TAPE_COUNT_MAX);
}

/* Lent by the parser until its next parse or destroy. words[0] is the root, words[1] the value. */
typedef struct {
    const uint64_t *words;
    const uint8_t *strings;
} json_tape;

typedef enum {
    JSON_PARSER_DONE,
    JSON_PARSER_REFUSED, /* not JSON, a number out of range, or nested past JSON_NESTING_MAX */
    JSON_PARSER_NO_MEMORY
} json_parser_result;

typedef struct json_parser json_parser;
/* NULL means no memory. The caller ends it with destroy. */
json_parser *json_parser_create(void);
void json_parser_destroy(json_parser *parser); /* NULL is fine */
/* `size` bytes of text, followed by JSON_PARSER_PADDING readable ones. */
json_parser_result json_parser_parse(json_parser *parser, const uint8_t *text, size_t size,
                                     json_tape *out);
/* The longest text it has room for: what it keeps in memory is some ten times as much. */
size_t json_parser_capacity(const json_parser *parser);

/* The shortest decimal digits that read back as the same finite number, as "d.ddde-xx" or
 * "de+xx" (std::to_chars, scientific). Returns the length. A float is read by way of a double, which
 * rounds twice: the one whose shortest digits do not survive that (7.038531e-26, found by trying all
 * of them) takes the digits of the double. */
#define JSON_DIGITS_BYTES 32u
size_t json_digits_of_double(double number, char out[JSON_DIGITS_BYTES]);
size_t json_digits_of_float(float number, char out[JSON_DIGITS_BYTES]);
/* True when `text`, a JSON number, is farther from zero or nearer to it than any binary64. */
bool json_digits_out_of_range(pbase_bytes text);

PBASE_END_DECLS
#endif
