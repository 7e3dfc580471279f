/* json_decode.h - from simdjson's tape to values.
 *
 * Everything of the result lies in the arena: the tape and the text may go away.
 * Errors name the place in the text (json_place.h). Threads: a decoder is confined. */
#ifndef PBASE_JSON_DECODE_H
#define PBASE_JSON_DECODE_H
#include "json_parser.h"
#include "value_build.h"

typedef struct {
    json_tape tape;   /* lent until the last call */
    pbase_bytes text; /* what the tape was made from; for places */
    pbase_error *err;
    size_t at;             /* word of the tape that is being read */
    uint8_t *strings_next; /* free room for strings in the arena */
    uint8_t *strings_end;
    value_build build;
    uint32_t begin[PBASE_DEPTH_MAX + 1];  /* first word inside each open container */
    uint32_t resume[PBASE_DEPTH_MAX + 1]; /* word behind each open container and its escape */
} json_decoder;

#define JSON_TAPE_TOP 1u /* the word of the whole text's value */

/* Borrows all of it until the last call. `err` may be NULL. */
void json_decoder_init(json_decoder *decoder, const json_tape *tape, pbase_bytes text,
                       pbase_error *err);
/* The value that begins at `word`. INVALID, LIMIT, UNSUPPORTED ($object, $collection), NO_MEMORY. */
PBASE_MUST_CHECK pbase_status json_decoder_value(json_decoder *decoder, size_t word,
                                                 const pbase_decode_limits *limits,
                                                 pbase_arena *arena, pbase_value *out);
/* The word of the value that `step` leads to from the value at `word`; 0 when it is missing. */
size_t json_decoder_step(const json_decoder *decoder, size_t word, const pbase_path_step *step);

#endif
