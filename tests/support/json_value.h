/* json_value.h - JSON text to values, for tests that write documents and plans as text.
 *
 * Single quotes may stand for double ones, so that C strings stay readable. The $ forms known are
 * $bytes (hexadecimal here), $time, $float, $vec, $ref and $map. Asserts that the text is well
 * formed: it is the test's own. */
#ifndef PBASE_TEST_JSON_VALUE_H
#define PBASE_TEST_JSON_VALUE_H
#include <protobase/base/value.h>

/* The one value in `text`, all of it in `arena`. */
pbase_value json_value(const char *text, pbase_arena *arena);
/* The JSON of `value` on one line, with $ forms, in `arena`. */
const char *json_text(const pbase_value *value, pbase_arena *arena);

#endif
