/* json_place.h - where in a JSON text something is: the slow path of a failed decode.
 *
 * simdjson tells that a text is wrong, not where. After a failure the text is read once more, byte
 * by byte, by a strict scanner that stops at the first fault, or at the n-th token. Places are
 * "line L column C", both from 1, columns in characters.
 * Threads: pure functions. */
#ifndef PBASE_JSON_PLACE_H
#define PBASE_JSON_PLACE_H
#include <protobase/base/bytes.h>
#include <protobase/base/limits.h>
PBASE_BEGIN_DECLS

/* Brackets that may be open at once. Each level of a value takes two when it is an escaped map
 * ({"$map": {...}}), and a scalar form such as {"$vec": [...]} two more. */
#define JSON_NESTING_MAX (2u * PBASE_DEPTH_MAX + 4u)

/* Fills `err` with what is wrong first in a text that the parser refused, and where: INVALID for
 * what is not JSON, LIMIT for numbers out of range and for nesting. Returns the code. */
pbase_status json_place_fault(pbase_bytes text, pbase_error *err);
/* Sets err->where to the place of a token of a text that is JSON. Tokens are values and field
 * names, counted from 0 in the order of the text; an end of a container is none. */
void json_place_token(pbase_bytes text, uint64_t token, pbase_error *err);

PBASE_END_DECLS
#endif
