/* zstd_transform.h - the transform `zstd`: Zstandard frames (RFC 8878; docs/formats/zstd.md).
 *
 * What is below min_size, or would not shrink, is stored as it is behind one marker byte, so the
 * output never exceeds the input by more than that byte. Contexts are kept for reuse.
 * Threads: synchronized. */
#ifndef PBASE_ZSTD_TRANSFORM_H
#define PBASE_ZSTD_TRANSFORM_H
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

extern const pbase_transform_vtable zstd_transform_vtable;
extern const pbase_codec_table_ops zstd_transform_tables; /* which dictionaries a space needs */
/* The constructor of the component: returns a pbase_transform. Options `level`, `min_size`,
 * `dictionary`, `dictionary_folder`. */
PBASE_MUST_CHECK pbase_status zstd_transform_open(const pbase_component_open *open, void **out,
                                                  pbase_error *err);

#endif
