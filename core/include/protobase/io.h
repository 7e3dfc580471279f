/* io.h - values as text: JSON in and out, for programs that import, export and print.
 *
 * JSON goes through the codec `json` of the space, so that text means the same everywhere (the `$`
 * forms of docs/values.md). Threads: synchronized. */
#ifndef PROTOBASE_IO_H
#define PROTOBASE_IO_H
#include <protobase/base/value.h>
#include <protobase/space.h>
PBASE_BEGIN_DECLS

/* The one value in `text`. Its strings may point into `text`; the rest is in `arena`. INVALID with
 * err->where "line L column C". */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_json_parse(pbase_space *space, pbase_bytes text,
                                                         pbase_arena *arena, pbase_value *out,
                                                         pbase_error *err);
/* Appends the JSON of `value`, on one line. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_json_format(pbase_space *space,
                                                          const pbase_value *value,
                                                          pbase_buffer *out, pbase_error *err);

PBASE_END_DECLS
#endif
