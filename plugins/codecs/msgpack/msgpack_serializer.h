/* msgpack_serializer.h - the serializer `msgpack`: values as MessagePack
 * (docs/formats/msgpack.md). Threads: synchronized; it has no state. */
#ifndef PBASE_MSGPACK_SERIALIZER_H
#define PBASE_MSGPACK_SERIALIZER_H
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

extern const pbase_serializer_vtable msgpack_serializer_vtable;
/* The constructor of the component: returns a pbase_serializer. */
PBASE_MUST_CHECK pbase_status msgpack_serializer_open(const pbase_component_open *open, void **out,
                                                      pbase_error *err);

#endif
