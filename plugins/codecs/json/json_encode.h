/* json_encode.h - the canonical JSON text of a value. Threads: pure function. */
#ifndef PBASE_JSON_ENCODE_H
#define PBASE_JSON_ENCODE_H
#include <protobase/base/value.h>

/* Appends the text: no spaces, fields in their order, numbers in their shortest form. Identical
 * values give identical text. `value` has passed
 * pbase_value_check. INVALID (unknown kind), LIMIT (depth, child number), NO_MEMORY. */
PBASE_MUST_CHECK pbase_status json_encode(const pbase_value *value, pbase_buffer *out,
                                          pbase_error *err);

#endif
