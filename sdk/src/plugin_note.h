/* plugin_note.h - the facts of a descriptor as one line of ASCII JSON: the text of the ELF note.
 *
 * The build writes it into the plugin (tools/plugin_note.c); the host reads it there and, once the
 * plugin is loaded, writes it again from the live descriptor and compares byte by byte. So the
 * order of keys and the spelling of numbers are part of the format (docs/formats/plugin-note.md):
 *
 *   {"abi":[0,1],"name":"codec-raw","version":"1.0.0","license":"MIT","summary":"...",
 *    "components":[{"kind":"serializer","name":"raw","doc":"...","capabilities":0,
 *     "format_version":1,"stage":0,"durability":0,
 *     "options":[{"key":"...","type":3,"flags":0,"default":null,"range":null,"doc":"..."}],
 *     "slots":[{"name":"...","kind":"...","min":1,"max":1,"capabilities":0,"default":null,
 *      "doc":"..."}],"verbs":["..."]}]}
 *
 * Threads: pure functions. */
#ifndef PROTOBASE_PLUGIN_NOTE_H
#define PROTOBASE_PLUGIN_NOTE_H
#include <protobase/plugin/plugin.h>

#define PLUGIN_NOTE_OWNER "ProtoBase"
#define PLUGIN_NOTE_TYPE 1u
#define PLUGIN_NOTE_BYTES_MAX 262144u

/* Most of anything a descriptor may have. */
#define PLUGIN_COMPONENTS_MAX 64u
#define PLUGIN_OPTIONS_MAX 128u
#define PLUGIN_SLOTS_MAX 8u
#define PLUGIN_VERBS_MAX 64u
#define PLUGIN_TEXT_BYTES_MAX 1024u

/* Appends the JSON of `plugin`, a descriptor that nobody has checked yet. INVALID names the first
 * thing that no note can carry: a missing text, one that is not printable ASCII, a stride or count
 * that cannot be, a kind that does not exist, a table that is missing. */
PBASE_MUST_CHECK pbase_status plugin_note_write(const pbase_plugin *plugin, pbase_buffer *out,
                                                pbase_error *err);

/* Element `index` of an array whose elements are `stride` bytes apart: an older or newer plugin's
 * elements are smaller or larger than ours. */
static inline const pbase_component *plugin_component_at(const pbase_plugin *plugin, size_t index)
{
    return (const pbase_component *)(const void *)((const char *)plugin->components +
                                                   index * plugin->component_stride);
}
static inline const pbase_option *plugin_option_at(const pbase_component *component, size_t index)
{
    return (const pbase_option *)(const void *)((const char *)component->options +
                                                index * component->option_stride);
}
static inline const pbase_slot *plugin_slot_at(const pbase_component *component, size_t index)
{
    return (const pbase_slot *)(const void *)((const char *)component->slots +
                                              index * component->slot_stride);
}

#endif
