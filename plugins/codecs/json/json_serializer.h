/* json_serializer.h - the serializer `json`: values as JSON text (docs/formats/json.md). */
#ifndef PBASE_JSON_SERIALIZER_H
#define PBASE_JSON_SERIALIZER_H
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

extern const pbase_serializer_vtable json_serializer_vtable;
/* The constructor of the component: returns a pbase_serializer. */
PBASE_MUST_CHECK pbase_status json_serializer_open(const pbase_component_open *open, void **out,
                                                   pbase_error *err);

#endif
