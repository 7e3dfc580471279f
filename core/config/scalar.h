/* scalar.h - the text of one value as the type an option asks for.
 *
 * The same functions read documents, defaults and the ends of ranges. They do not depend on the
 * locale. Threads: pure functions. */
#ifndef PROTOBASE_CONFIG_SCALAR_H
#define PROTOBASE_CONFIG_SCALAR_H
#include <protobase/plugin/config.h>

typedef struct {
    bool boolean;
    int64_t integer; /* INT, SIZE (bytes), DURATION (nanoseconds) */
    double number;   /* FLOAT */
} scalar_value;

/* Reads `text` as PBASE_OPTION_`type`; types that are texts always succeed. False: `out` is
 * untouched; scalar_expected(type) says what should stand there. */
bool scalar_parse(uint32_t type, const char *text, scalar_value *out);
/* "a size such as 64MiB"; for messages. */
const char *scalar_expected(uint32_t type);

/* Whether a value that was read from `text` lies in `range` ("1..65535", "a|b|c", NULL: all). */
bool scalar_in_range(uint32_t type, const char *range, const char *text, const scalar_value *value);
/* Whether `range` is well formed for `type`. */
bool scalar_range_valid(uint32_t type, const char *range);

/* Calls `each` with every word of the range of an ENUM. A word longer than 63 bytes is cut. */
void scalar_enum_words(const char *range, void (*each)(void *state, const char *word), void *state);

/* "size" for PBASE_OPTION_SIZE; "unknown" for numbers that are no type. */
const char *scalar_type_name(uint32_t type);

#endif
