/* json_decode.c - one pass over the tape, no recursion; value_build holds the limits. */
#include "json_decode.h"
#include "base64.h"
#include "json_form.h"
#include "json_place.h"
#include <float.h>
#include <math.h>

#define STRINGS_BYTES_MIN 4096u /* room is taken this much at a time, or for the whole text */

void json_decoder_init(json_decoder *decoder, const json_tape *tape, pbase_bytes text,
                       pbase_error *err)
{
    decoder->tape = *tape;
    decoder->text = text;
    decoder->err = err;
    decoder->at = JSON_TAPE_TOP;
    decoder->strings_next = decoder->strings_end = NULL;
}

/* ---------------------------------------------------------------------------------- the tape --- */

static unsigned kind_at(const json_decoder *d, size_t word)
{
    return json_tape_kind(d->tape.words[word]);
}

/* The word behind the value at `word`. */
static size_t word_past(const json_decoder *d, size_t word)
{
    switch (kind_at(d, word)) {
    case JSON_TAPE_LIST:
    case JSON_TAPE_MAP:
        return json_tape_past_end(d->tape.words[word]);
    case JSON_TAPE_INT:
    case JSON_TAPE_UINT:
    case JSON_TAPE_FLOAT:
        return word + 2;
    default:
        return word + 1;
    }
}

/* The text that the string word holds, in the parser's memory. */
static pbase_bytes string_at(const json_decoder *d, size_t word)
{
    const uint8_t *string = d->tape.strings + json_tape_payload(d->tape.words[word]);
    uint32_t size;
    memcpy(&size, string, sizeof size); /* the parser's own byte order */
    return pbase_bytes_of(string + sizeof size, size);
}

/* Items of a list, or fields of a map. */
static size_t count_at(const json_decoder *d, size_t word)
{
    size_t count = json_tape_count(d->tape.words[word]);
    if (count < JSON_TAPE_COUNT_MAX) {
        return count;
    }
    bool is_map = kind_at(d, word) == JSON_TAPE_MAP;
    size_t end = word_past(d, word) - 1;
    count = 0;
    for (size_t at = word + 1; at < end; count++) {
        at = word_past(d, at + is_map);
    }
    return count;
}

/* What the map at `word` stands for. */
static json_form form_at(const json_decoder *d, size_t word)
{
    if (json_tape_count(d->tape.words[word]) != 1) {
        return JSON_FORM_NONE;
    }
    return json_form_of(string_at(d, word + 1));
}

/* ---------------------------------------------------------------------------------- failures --- */

/* Adds the place of the value or name at `word` to an error. */
static pbase_status failed_at(const json_decoder *d, size_t word, pbase_status status)
{
    if (d->err == NULL || status == PBASE_NO_MEMORY) {
        return status;
    }
    uint64_t token = 0;
    for (size_t at = JSON_TAPE_TOP; at < word;) {
        unsigned kind = kind_at(d, at);
        token += kind != JSON_TAPE_LIST_END && kind != JSON_TAPE_MAP_END;
        at = kind == JSON_TAPE_LIST || kind == JSON_TAPE_MAP ? at + 1 : word_past(d, at);
    }
    json_place_token(d->text, token, d->err);
    return status;
}

static pbase_status form_wants(const json_decoder *d, size_t word, const char *wanted)
{
    return failed_at(d, word, PBASE_FAIL(d->err, PBASE_INVALID, "%s is expected here", wanted));
}

/* ----------------------------------------------------------------------------------- scalars --- */

static pbase_status string_room(json_decoder *d, size_t size)
{
    size_t room = d->text.size < STRINGS_BYTES_MIN ? d->text.size : STRINGS_BYTES_MIN;
    void *memory = NULL;
    room = room < size ? size : room;
    pbase_status status = value_build_memory(&d->build, room, &memory, d->err);
    if (status == PBASE_OK) {
        d->strings_next = (uint8_t *)memory;
        d->strings_end = d->strings_next + room;
    }
    return status;
}

/* Copies the string at `word` into the arena. */
static pbase_status read_string(json_decoder *d, size_t word, pbase_bytes *out)
{
    pbase_bytes string = string_at(d, word);
    if (d->strings_next == NULL || string.size > (size_t)(d->strings_end - d->strings_next)) {
        pbase_status status = string_room(d, string.size);
        if (status != PBASE_OK) {
            return failed_at(d, word, status);
        }
    }
    memcpy(d->strings_next, string.data, string.size);
    *out = pbase_bytes_of(d->strings_next, string.size);
    d->strings_next += string.size;
    return PBASE_OK;
}

static double float_at(const json_decoder *d, size_t word)
{
    double number;
    memcpy(&number, &d->tape.words[word + 1], sizeof number);
    return number;
}

static int64_t int_at(const json_decoder *d, size_t word)
{
    int64_t number;
    memcpy(&number, &d->tape.words[word + 1], sizeof number);
    return number;
}

static pbase_status read_scalar(json_decoder *d, size_t word, pbase_value *place)
{
    pbase_bytes string;
    pbase_status status = PBASE_OK;
    switch (kind_at(d, word)) {
    case JSON_TAPE_STRING:
        status = read_string(d, word, &string);
        if (status == PBASE_OK) {
            *place = pbase_value_string(string);
        }
        return status;
    case JSON_TAPE_INT:
        *place = pbase_value_int(int_at(d, word));
        return PBASE_OK;
    case JSON_TAPE_UINT:
        return failed_at(d, word, PBASE_FAIL(d->err, PBASE_LIMIT, "an integer beyond int64"));
    case JSON_TAPE_FLOAT:
        *place = pbase_value_float(float_at(d, word));
        return PBASE_OK;
    case JSON_TAPE_TRUE:
    case JSON_TAPE_FALSE:
        *place = pbase_value_bool(kind_at(d, word) == JSON_TAPE_TRUE);
        return PBASE_OK;
    case JSON_TAPE_NULL:
        *place = pbase_value_null();
        return PBASE_OK;
    default:
        return PBASE_FAIL(d->err, PBASE_INTERNAL, "unknown kind of tape word at %zu", word);
    }
}

/* ------------------------------------------------------------------------------------- forms --- */

static pbase_status read_bytes(json_decoder *d, size_t word, pbase_value *place)
{
    static const char wanted[] = "a string of base64 with padding";
    if (kind_at(d, word) != JSON_TAPE_STRING) {
        return form_wants(d, word, wanted);
    }
    pbase_bytes text = string_at(d, word);
    void *memory = NULL;
    size_t size = 0;
    pbase_status status =
        value_build_memory(&d->build, base64_decoded_bytes_max(text.size), &memory, d->err);
    if (status != PBASE_OK) {
        return failed_at(d, word, status);
    }
    if (!base64_decode(text, (uint8_t *)memory, &size)) {
        return form_wants(d, word, wanted);
    }
    *place = pbase_value_bytes(pbase_bytes_of(memory, size));
    return PBASE_OK;
}

static pbase_status read_time(json_decoder *d, size_t word, pbase_value *place)
{
    if (kind_at(d, word) != JSON_TAPE_STRING) {
        return form_wants(d, word, "a time as RFC 3339 text");
    }
    int64_t time_ns = 0;
    pbase_status status = pbase_time_parse(string_at(d, word), &time_ns, d->err);
    if (status != PBASE_OK) {
        return failed_at(d, word, status);
    }
    *place = pbase_value_timestamp(time_ns);
    return PBASE_OK;
}

/* "nan", "inf" and "-inf": what JSON numbers cannot say. */
static bool special_at(const json_decoder *d, size_t word, double *out)
{
    if (kind_at(d, word) != JSON_TAPE_STRING) {
        return false;
    }
    pbase_bytes text = string_at(d, word);
    if (pbase_bytes_equal(text, pbase_bytes_text("nan"))) {
        *out = (double)NAN;
    } else if (pbase_bytes_equal(text, pbase_bytes_text("inf"))) {
        *out = (double)INFINITY;
    } else if (pbase_bytes_equal(text, pbase_bytes_text("-inf"))) {
        *out = (double)-INFINITY;
    } else {
        return false;
    }
    return true;
}

static pbase_status read_special(json_decoder *d, size_t word, pbase_value *place)
{
    double number = 0;
    if (!special_at(d, word, &number)) {
        return form_wants(d, word, "\"nan\", \"inf\" or \"-inf\"");
    }
    *place = pbase_value_float(number);
    return PBASE_OK;
}

static pbase_status read_vector_item(json_decoder *d, size_t word, float *out)
{
    double number = 0;
    if (kind_at(d, word) == JSON_TAPE_INT) {
        int64_t whole = int_at(d, word);
        number = (double)whole;
    } else if (kind_at(d, word) == JSON_TAPE_FLOAT) {
        number = float_at(d, word);
    } else if (!special_at(d, word, &number)) {
        return form_wants(d, word, "a number, \"nan\", \"inf\" or \"-inf\"");
    }
    *out = (float)number;
    if (isinf(*out) && !isinf(number)) {
        return failed_at(d, word,
                         PBASE_FAIL(d->err, PBASE_LIMIT, "a number beyond the range of float32"));
    }
    return PBASE_OK;
}

static pbase_status read_vector(json_decoder *d, size_t word, pbase_value *place)
{
    if (kind_at(d, word) != JSON_TAPE_LIST) {
        return form_wants(d, word, "a list of numbers");
    }
    size_t count = count_at(d, word);
    void *memory = NULL;
    pbase_status status = value_build_memory(&d->build, count * sizeof(float), &memory, d->err);
    if (status != PBASE_OK) {
        return failed_at(d, word, status);
    }
    float *items = (float *)memory;
    size_t at = word + 1;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = read_vector_item(d, at, &items[i]);
        at = word_past(d, at);
    }
    if (status == PBASE_OK) {
        *place = pbase_value_vector(items, count);
    }
    return status;
}

static pbase_status read_reference(json_decoder *d, size_t word, pbase_value *place)
{
    pbase_object_id id;
    if (kind_at(d, word) != JSON_TAPE_STRING ||
        pbase_object_id_parse(string_at(d, word), &id, NULL) != PBASE_OK) {
        return form_wants(d, word, "an object id of 32 hexadecimal digits");
    }
    *place = pbase_value_reference(id);
    return PBASE_OK;
}

static pbase_status read_child(json_decoder *d, size_t word, pbase_value *place)
{
    if (kind_at(d, word) != JSON_TAPE_INT || int_at(d, word) < 0 ||
        int_at(d, word) >= PBASE_CHILDREN_MAX) {
        return form_wants(d, word, "the number of a child collection, 0 to 65534");
    }
    *place = pbase_value_child((uint64_t)int_at(d, word));
    return PBASE_OK;
}
_Static_assert(PBASE_CHILDREN_MAX == 65535, "the message above names it");

/* The content, at `word`, of a form that stands for a scalar or a vector. */
static pbase_status read_form(json_decoder *d, json_form form, size_t word, pbase_value *place)
{
    switch (form) {
    case JSON_FORM_BYTES:
        return read_bytes(d, word, place);
    case JSON_FORM_TIME:
        return read_time(d, word, place);
    case JSON_FORM_FLOAT:
        return read_special(d, word, place);
    case JSON_FORM_VECTOR:
        return read_vector(d, word, place);
    case JSON_FORM_REFERENCE:
        return read_reference(d, word, place);
    case JSON_FORM_CHILD:
        return read_child(d, word, place);
    case JSON_FORM_OBJECT:
    case JSON_FORM_COLLECTION:
    case JSON_FORM_MAP:
    case JSON_FORM_NONE:
    default:
        return form_wants(d, word, "a form of a scalar"); /* read_map does the others */
    }
}

/* -------------------------------------------------------------------------------- containers --- */

/* Opens the list or map at `word`; its values go on at `resume` when it ends. */
static pbase_status open_container(json_decoder *d, size_t word, size_t resume, pbase_value *place)
{
    size_t count = count_at(d, word);
    pbase_status status = kind_at(d, word) == JSON_TAPE_LIST
                              ? value_build_list(&d->build, place, count, d->err)
                              : value_build_map(&d->build, place, count, d->err);
    if (status != PBASE_OK) {
        return failed_at(d, word, status);
    }
    d->begin[d->build.depth] = (uint32_t)(word + 1);
    d->resume[d->build.depth] = (uint32_t)resume;
    d->at = word + 1;
    return PBASE_OK;
}

static pbase_status read_map(json_decoder *d, pbase_value *place)
{
    size_t word = d->at;
    size_t past = word_past(d, word);
    json_form form = form_at(d, word);
    if (form == JSON_FORM_NONE) {
        return open_container(d, word, past, place);
    }
    size_t content = word + 2; /* behind the only name */
    if (form == JSON_FORM_COLLECTION || form == JSON_FORM_OBJECT) {
        pbase_status status = open_container(d, word, past, place);
        place->form = status == PBASE_OK;
        return status;
    }
    if (form != JSON_FORM_MAP) {
        d->at = past;
        return read_form(d, form, content, place);
    }
    if (kind_at(d, content) != JSON_TAPE_MAP) {
        return form_wants(d, content, "a map");
    }
    return open_container(d, content, past, place);
}

/* Reads the value at d->at, or opens the container there. */
static pbase_status read_value(json_decoder *d, pbase_value *place)
{
    size_t word = d->at;
    switch (kind_at(d, word)) {
    case JSON_TAPE_LIST:
        return open_container(d, word, word_past(d, word), place);
    case JSON_TAPE_MAP:
        return read_map(d, place);
    default:
        d->at = word_past(d, word);
        return read_scalar(d, word, place);
    }
}

/* The name word of field `index` of the map whose first word is `begin`. */
static size_t name_word(const json_decoder *d, size_t begin, size_t index)
{
    size_t at = begin;
    for (; index > 0; index--) {
        at = word_past(d, at + 1);
    }
    return at;
}

/* Closes every container that is full; true in `out_done` when that was all. */
static pbase_status close_full(json_decoder *d, bool *out_done)
{
    while (value_build_is_full(&d->build)) {
        if (value_build_is_done(&d->build)) {
            *out_done = true;
            return PBASE_OK;
        }
        uint32_t depth = d->build.depth;
        pbase_status status = value_build_close(&d->build, d->err);
        if (status != PBASE_OK) {
            return failed_at(d, name_word(d, d->begin[depth], d->build.duplicate), status);
        }
        d->at = d->resume[depth];
    }
    return PBASE_OK;
}

/* Where the next value goes; in a map its name is read first. */
static pbase_status next_place(json_decoder *d, pbase_value **out)
{
    if (!value_build_in_map(&d->build)) {
        *out = value_build_item(&d->build);
        return PBASE_OK;
    }
    pbase_field *field = value_build_field(&d->build);
    *out = &field->value;
    return read_string(d, d->at++, &field->name);
}

pbase_status json_decoder_value(json_decoder *decoder, size_t word,
                                const pbase_decode_limits *limits, pbase_arena *arena,
                                pbase_value *out)
{
    pbase_value value;
    pbase_value *place = &value;
    bool is_done = false;
    decoder->at = word;
    decoder->strings_next = decoder->strings_end = NULL;
    pbase_status status = value_build_init(&decoder->build, limits, arena, decoder->err);
    while (status == PBASE_OK) {
        status = read_value(decoder, place);
        if (status == PBASE_OK) {
            status = close_full(decoder, &is_done);
        }
        if (status != PBASE_OK || is_done) {
            break;
        }
        status = next_place(decoder, &place);
    }
    if (status == PBASE_OK) {
        *out = value;
    }
    return status;
}

/* ------------------------------------------------------------------------------------- paths --- */

static size_t step_into_map(const json_decoder *d, size_t word, pbase_bytes name)
{
    json_form form = form_at(d, word);
    if (form == JSON_FORM_MAP && kind_at(d, word + 2) == JSON_TAPE_MAP) {
        word += 2;
    } else if (form != JSON_FORM_NONE) {
        return 0;
    }
    size_t end = word_past(d, word) - 1;
    for (size_t at = word + 1; at < end; at = word_past(d, at + 1)) {
        if (pbase_bytes_equal(string_at(d, at), name)) {
            return at + 1;
        }
    }
    return 0;
}

static size_t step_into_list(const json_decoder *d, size_t word, int64_t index)
{
    uint64_t count = count_at(d, word);
    uint64_t skip = index < 0 ? count + (uint64_t)index : (uint64_t)index; /* wraps past count */
    if (skip >= count) {
        return 0;
    }
    size_t at = word + 1;
    for (; skip > 0; skip--) {
        at = word_past(d, at);
    }
    return at;
}

size_t json_decoder_step(const json_decoder *decoder, size_t word, const pbase_path_step *step)
{
    unsigned kind = kind_at(decoder, word);
    if (step->name.data != NULL) {
        return kind == JSON_TAPE_MAP ? step_into_map(decoder, word, step->name) : 0;
    }
    return kind == JSON_TAPE_LIST ? step_into_list(decoder, word, step->index) : 0;
}
