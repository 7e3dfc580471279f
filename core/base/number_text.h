/* number_text.h - floats as text and back, the same in every locale. */
#ifndef PROTOBASE_CORE_BASE_NUMBER_TEXT_H
#define PROTOBASE_CORE_BASE_NUMBER_TEXT_H
#include <protobase/base/bytes.h>

#define NUMBER_TEXT_BYTES 32u
#define NUMBER_TEXT_BYTES_MAX 800u /* no longer text is read */

/* The shortest of 15, 16 and 17 digits that reads back as `real`, always with a point or an
 * exponent ("2.0"); NUL-ended. Not for NaN and infinities. */
void number_text_format(double real, char out[NUMBER_TEXT_BYTES]);
/* The number in `text`, which the caller has checked: digits with a point or an exponent, not more
 * than NUMBER_TEXT_BYTES_MAX bytes. "1e999" is infinite. */
double number_text_parse(pbase_bytes text);

#endif
