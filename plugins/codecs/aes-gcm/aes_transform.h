/* aes_transform.h - the transform `aes-256-gcm`: encrypted and authenticated
 * (docs/formats/aes-256-gcm.md, docs/encryption.md).
 *
 * What is sealed carries the id of its key; several keys may be listed, of which one writes and all
 * read. The context is authenticated with it, so bytes moved to where they do not belong are
 * refused. Which keys a space needs it tells core as tables: id and check value of each key, kept in
 * the meta document, held against the keys listed before anything is read.
 * Threads: synchronized. */
#ifndef PBASE_AES_GCM_AES_TRANSFORM_H
#define PBASE_AES_GCM_AES_TRANSFORM_H
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

extern const pbase_transform_vtable aes_transform_vtable;
extern const pbase_codec_table_ops aes_transform_tables;
/* The constructor of the component: returns a pbase_transform. Options `keys`, `active`,
 * `key_file`, `key_env`, `credential`. */
PBASE_MUST_CHECK pbase_status aes_transform_open(const pbase_component_open *open, void **out,
                                                 pbase_error *err);

#endif
