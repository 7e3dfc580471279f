/* json_parser.cpp - simdjson behind C. Compiled without exceptions; allocates with nothrow new. */
#include "json_parser.h"
#include "json_place.h"
#include <charconv>
#include <new>
#include <simdjson.h>

static_assert(JSON_PARSER_PADDING >= simdjson::SIMDJSON_PADDING, "simdjson reads this far");

struct json_parser {
    simdjson::dom::parser parser;
    simdjson::dom::document document;
};

json_parser *json_parser_create(void)
{
    json_parser *made = new (std::nothrow) json_parser;
    if (made != nullptr && made->parser.allocate(0, JSON_NESTING_MAX) != simdjson::SUCCESS) {
        delete made;
        made = nullptr;
    }
    return made;
}

void json_parser_destroy(json_parser *parser)
{
    delete parser;
}

json_parser_result json_parser_parse(json_parser *parser, const uint8_t *text, size_t size,
                                     json_tape *out)
{
    auto root = parser->parser.parse_into_document(parser->document, text, size, false);
    if (root.error() == simdjson::MEMALLOC) {
        return JSON_PARSER_NO_MEMORY;
    }
    if (root.error() != simdjson::SUCCESS) {
        return JSON_PARSER_REFUSED;
    }
    out->words = parser->document.tape.get();
    out->strings = parser->document.string_buf.get();
    return JSON_PARSER_DONE;
}

size_t json_parser_capacity(const json_parser *parser)
{
    return parser->document.capacity();
}

size_t json_digits_of_double(double number, char out[JSON_DIGITS_BYTES])
{
    auto end = std::to_chars(out, out + JSON_DIGITS_BYTES, number, std::chars_format::scientific);
    return static_cast<size_t>(end.ptr - out);
}

size_t json_digits_of_float(float number, char out[JSON_DIGITS_BYTES])
{
    auto end = std::to_chars(out, out + JSON_DIGITS_BYTES, number, std::chars_format::scientific);
    double read = 0;
    bool is_read = std::from_chars(out, end.ptr, read).ec == std::errc();
    if (is_read && static_cast<float>(read) == number) {
        return static_cast<size_t>(end.ptr - out);
    }
    return json_digits_of_double(static_cast<double>(number), out);
}

bool json_digits_out_of_range(pbase_bytes text)
{
    const char *first = reinterpret_cast<const char *>(text.data);
    double number = 0;
    return std::from_chars(first, first + text.size, number).ec == std::errc::result_out_of_range;
}
