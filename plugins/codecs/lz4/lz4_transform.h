/* lz4_transform.h - the transform `lz4`: LZ4 blocks behind their size (docs/formats/lz4.md).
 *
 * What is below min_size, or would not shrink, is stored as it is behind one marker byte, so the
 * output never exceeds the input by more than that byte. States of the compressor come from the
 * host's memory and are kept for reuse; reading needs none.
 * Threads: synchronized. */
#ifndef PBASE_LZ4_TRANSFORM_H
#define PBASE_LZ4_TRANSFORM_H
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

extern const pbase_transform_vtable lz4_transform_vtable;
/* The constructor of the component: returns a pbase_transform. Options `level`, `min_size`. */
PBASE_MUST_CHECK pbase_status lz4_transform_open(const pbase_component_open *open, void **out,
                                                 pbase_error *err);

#endif
