/* record_wrap.h - a journal record under no transform, for whoever has no store (docs/formats/record.md).
 * Threads: pure functions. */
#ifndef PROTOBASE_STORE_RECORD_WRAP_H
#define PROTOBASE_STORE_RECORD_WRAP_H
#include <protobase/base/bytes.h>

/* Appends the record as every store reads it. LIMIT: it is too long. */
PBASE_MUST_CHECK pbase_status record_wrap_plain(pbase_bytes record, pbase_buffer *out,
                                                pbase_error *err);

#endif
