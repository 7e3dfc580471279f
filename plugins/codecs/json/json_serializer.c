/* json_serializer.c - lends each decode a parser of its own.
 *
 * Threads: `idle` is the only shared state, and spares.h needs no lock. Parsers that one huge text
 * has blown up are not kept. */
#include "json_serializer.h"
#include "json_decode.h"
#include "json_encode.h"
#include "json_place.h"
#include "spares.h"

#define TEXT_BYTES_MAX ((size_t)4 * PBASE_VALUE_BYTES_MAX) /* digits and escapes take room */
#define KEPT_TEXT_BYTES_MAX 1048576u /* parsers of larger texts are ended after use */

typedef struct {
    pbase_serializer base;
    const pbase_alloc *alloc; /* borrowed until close */
    spares idle;              /* of json_reader */
} json_serializer;

/* What one decode needs: a parser and the text with padding behind it. */
typedef struct {
    json_parser *parser;
    pbase_buffer text;
} json_reader;

static json_serializer *json_serializer_from(pbase_serializer *self)
{
    PBASE_ASSERT(self->vtable == &json_serializer_vtable);
    return (json_serializer *)self;
}

/* ----------------------------------------------------------------------------------- readers --- */

static void reader_destroy(const pbase_alloc *alloc, json_reader *reader)
{
    json_parser_destroy(reader->parser);
    pbase_buffer_fini(&reader->text);
    pbase_alloc_free(alloc, reader, sizeof *reader);
}

static json_reader *reader_create(const pbase_alloc *alloc)
{
    json_reader *reader = (json_reader *)pbase_alloc_new(alloc, sizeof *reader);
    if (reader == NULL) {
        return NULL;
    }
    pbase_buffer_init(&reader->text, alloc);
    reader->parser = json_parser_create();
    if (reader->parser == NULL) {
        reader_destroy(alloc, reader);
        return NULL;
    }
    return reader;
}

static json_reader *reader_acquire(json_serializer *json)
{
    json_reader *reader = (json_reader *)spares_take(&json->idle);
    return reader != NULL ? reader : reader_create(json->alloc);
}

static void reader_release(json_serializer *json, json_reader *reader)
{
    bool is_kept = json_parser_capacity(reader->parser) <= KEPT_TEXT_BYTES_MAX &&
                   spares_give(&json->idle, reader);
    if (!is_kept) {
        reader_destroy(json->alloc, reader);
    }
}

static pbase_status reader_parse(json_reader *reader, pbase_bytes text, json_tape *out,
                                 pbase_error *err)
{
    reader->text.size = 0;
    pbase_status status = pbase_buffer_append_bytes(&reader->text, text, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_zeros(&reader->text, JSON_PARSER_PADDING, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    switch (json_parser_parse(reader->parser, reader->text.data, text.size, out)) {
    case JSON_PARSER_DONE:
        return PBASE_OK;
    case JSON_PARSER_NO_MEMORY:
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to parse %zu bytes", text.size);
    case JSON_PARSER_REFUSED:
    default:
        return json_place_fault(text, err);
    }
}

/* A reader that has parsed `text`; the caller releases it. */
static pbase_status parse(json_serializer *json, pbase_bytes text, json_reader **out_reader,
                          json_tape *out_tape, pbase_error *err)
{
    if (text.size > TEXT_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a JSON text of %zu bytes; the limit is %zu", text.size,
                          TEXT_BYTES_MAX);
    }
    json_reader *reader = reader_acquire(json);
    if (reader == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a JSON parser");
    }
    pbase_status status = reader_parse(reader, text, out_tape, err);
    if (status != PBASE_OK) {
        reader_release(json, reader);
        return status;
    }
    *out_reader = reader;
    return PBASE_OK;
}

/* -------------------------------------------------------------------------------- the contract --- */

static pbase_status json_serializer_encode(pbase_serializer *self, const pbase_value *value,
                                           pbase_buffer *out, pbase_error *err)
{
    (void)self; /* the text depends on the value alone */
    return json_encode(value, out, err);
}

static pbase_status json_serializer_decode(pbase_serializer *self, pbase_bytes bytes,
                                           const pbase_decode_limits *limits, pbase_arena *arena,
                                           pbase_value *out, pbase_error *err)
{
    json_serializer *json = json_serializer_from(self);
    json_reader *reader = NULL;
    json_tape tape;
    pbase_status status = parse(json, bytes, &reader, &tape, err);
    if (status != PBASE_OK) {
        return status;
    }
    json_decoder decoder;
    json_decoder_init(&decoder, &tape, bytes, err);
    status = json_decoder_value(&decoder, JSON_TAPE_TOP, limits, arena, out);
    reader_release(json, reader);
    return status;
}

static pbase_status extract_path(json_decoder *decoder, const pbase_path *path,
                                 const pbase_decode_limits *limits, pbase_arena *arena,
                                 pbase_value *out)
{
    size_t word = JSON_TAPE_TOP;
    for (size_t i = 0; i < path->count && word != 0; i++) {
        word = json_decoder_step(decoder, word, &path->steps[i]);
    }
    if (word != 0) {
        return json_decoder_value(decoder, word, limits, arena, out);
    }
    out->kind = PBASE_VALUE_MISSING;
    return PBASE_OK;
}

static pbase_status json_serializer_extract(pbase_serializer *self, pbase_bytes bytes,
                                            const pbase_path *paths, size_t count,
                                            pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    json_serializer *json = json_serializer_from(self);
    json_reader *reader = NULL;
    json_tape tape;
    pbase_status status = parse(json, bytes, &reader, &tape, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_decode_limits limits = pbase_decode_limits_default();
    json_decoder decoder;
    json_decoder_init(&decoder, &tape, bytes, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = extract_path(&decoder, &paths[i], &limits, arena, &out[i]);
    }
    reader_release(json, reader);
    return status;
}

static void json_serializer_close(pbase_serializer *self)
{
    if (self == NULL) {
        return;
    }
    json_serializer *json = json_serializer_from(self);
    json_reader *reader;
    while ((reader = (json_reader *)spares_take(&json->idle)) != NULL) {
        reader_destroy(json->alloc, reader);
    }
    pbase_alloc_free(json->alloc, json, sizeof *json);
}

const pbase_serializer_vtable json_serializer_vtable = {
    .struct_size = sizeof(pbase_serializer_vtable),
    .encode = json_serializer_encode,
    .decode = json_serializer_decode,
    .extract = json_serializer_extract,
    .close = json_serializer_close,
};

pbase_status json_serializer_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    const pbase_alloc *alloc = open->host->alloc;
    json_serializer *json = (json_serializer *)pbase_alloc_zeroed(alloc, 1, sizeof *json);
    if (json == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the serializer json");
    }
    json->base.vtable = &json_serializer_vtable;
    json->alloc = alloc;
    spares_init(&json->idle);
    *out = &json->base;
    return PBASE_OK;
}
