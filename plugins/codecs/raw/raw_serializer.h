/* raw_serializer.h - the serializer `raw`: bytes as they are (docs/formats/raw.md).
 *
 * The encoding of a bytes value is its bytes and nothing else, and decoding lends the input; so it
 * carries no other kind: a marker that told strings from bytes would cost what raw is there to
 * save. Threads: synchronized; it has no state. */
#ifndef PBASE_RAW_SERIALIZER_H
#define PBASE_RAW_SERIALIZER_H
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

extern const pbase_serializer_vtable raw_serializer_vtable;
/* The constructor of the component: returns a pbase_serializer. */
PBASE_MUST_CHECK pbase_status raw_serializer_open(const pbase_component_open *open, void **out,
                                                  pbase_error *err);

#endif
