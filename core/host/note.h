/* note.h - the JSON of a plugin's note as the tables it was written from.
 *
 * Two steps, because a note of a newer ABI may say things we do not know: the head first, and the
 * components only when the ABI is ours. Everything goes to the arena. */
#ifndef PROTOBASE_HOST_NOTE_H
#define PROTOBASE_HOST_NOTE_H
#include "config/node.h"
#include <protobase/plugins.h>

/* Reads name, version, license, summary and ABI into `out`; `out_root` is for the second step.
 * PLUGIN: not a note. */
pbase_status note_read_head(pbase_bytes json, pbase_arena *arena, pbase_plugin_info *out,
                            const config_node **out_root, pbase_error *err);
/* PLUGIN: the ABI is not one that this library loads. */
pbase_status note_check_abi(const pbase_plugin_info *info, pbase_error *err);
/* Reads the components and checks each name, option and slot. PLUGIN: says which and why. */
pbase_status note_read_components(const config_node *root, pbase_arena *arena,
                                  pbase_plugin_info *out, pbase_error *err);

/* [a-z0-9][a-z0-9-]{0,62} */
bool note_is_name(const char *text);

#endif
