/* plugin.h - what a plugin is: one shared object, one exported symbol, one const descriptor.
 *
 *     static const pbase_component components[] = {{ .kind = PBASE_KIND_SERIALIZER, ... }};
 *     static const pbase_plugin plugin = {PBASE_PLUGIN_HEAD, .name = "codec-rot13", ...};
 *     PBASE_PLUGIN_ENTRY(plugin)
 *
 * The same facts stand as JSON in an ELF note (section .note.protobase, owner "ProtoBase", type 1)
 * that the build adds from the descriptor (protobase_add_plugin in CMake, protobase-plugin-note
 * elsewhere), so that listing and checking run no plugin code. The host refuses a plugin whose
 * note and descriptor differ. docs/plugin-guide.md walks through a whole one.
 *
 * A plugin is loaded once and never unloaded; "closing" closes instances. Everything a descriptor
 * points to is static const. */
#ifndef PROTOBASE_PLUGIN_PLUGIN_H
#define PROTOBASE_PLUGIN_PLUGIN_H
#include <protobase/plugin/config.h>
#include <protobase/plugin/host.h>
PBASE_BEGIN_DECLS

#define PBASE_PLUGIN_MAGIC 0x50425331u /* "PBS1" */

#define PBASE_KIND_STORAGE "storage"
#define PBASE_KIND_BLOCK_PROVIDER "block_provider"
#define PBASE_KIND_SERIALIZER "serializer" /* listed as codec/NAME */
#define PBASE_KIND_TRANSFORM "transform"   /* listed as codec/NAME */
#define PBASE_KIND_OPERATOR "operator"

/* What a constructor is given. Borrowed for the call; host and config stay until close. */
typedef struct {
    uint32_t struct_size;
    uint32_t child_count;
    const pbase_host *host;
    const pbase_config *config;
    /* Children in the order of the component's slots: pbase_blocks * for "block_provider",
     * pbase_storage * for "storage"; NULL for an empty optional slot. Borrowed until close: the
     * host opens leaves first and closes roots first. */
    void *const *children;
    const char *data_hint; /* human name of the space, for messages */
} pbase_component_open;

typedef struct {
    const char *kind;
    const char *name; /* what `type:` says: [a-z0-9][a-z0-9-]{0,62} */
    const char *doc;  /* one sentence */
    uint32_t capabilities;
    uint32_t format_version; /* of what it writes */
    /* Returns an object of the kind's type (pbase_storage *, pbase_blocks *, pbase_serializer *,
     * pbase_transform *, const pbase_operator_vtable *), whose first member is the contract. On
     * failure nothing is left behind. */
    pbase_status (*open)(const pbase_component_open *open, void **out, pbase_error *err);
    const void *vtable; /* the kind's table, checked before any open */
    const pbase_option *options;
    const pbase_slot *slots;
    const char *const *verbs; /* of `control`, NULL-ended; NULL: none */
    const void *tables;       /* pbase_codec_table_ops of a codec that owns tables, or NULL */
    uint32_t option_count;
    uint32_t option_stride; /* sizeof(pbase_option) as compiled */
    uint32_t slot_count;
    uint32_t slot_stride; /* sizeof(pbase_slot) as compiled */
} pbase_component;

typedef struct {
    uint32_t magic;
    uint32_t struct_size; /* sizeof(pbase_plugin) as compiled */
    uint32_t abi_major;
    uint32_t abi_minor;
    const char *name;    /* the file's name without ".so" */
    const char *version; /* of the plugin */
    const char *license; /* SPDX identifier */
    const char *summary; /* one sentence */
    const pbase_component *components;
    uint32_t component_count;
    uint32_t component_stride; /* sizeof(pbase_component) as compiled */
} pbase_plugin;

#define PBASE_PLUGIN_HEAD                                                                          \
    .magic = PBASE_PLUGIN_MAGIC, .struct_size = sizeof(pbase_plugin),                              \
    .abi_major = PBASE_ABI_MAJOR, .abi_minor = PBASE_ABI_MINOR
#define PBASE_COMPONENTS(array)                                                                    \
    .components = (array), .component_count = sizeof(array) / sizeof((array)[0]),                  \
    .component_stride = sizeof(pbase_component)
#define PBASE_OPTIONS(array)                                                                       \
    .options = (array), .option_count = sizeof(array) / sizeof((array)[0]),                        \
    .option_stride = sizeof(pbase_option)
#define PBASE_SLOTS(array)                                                                         \
    .slots = (array), .slot_count = sizeof(array) / sizeof((array)[0]),                            \
    .slot_stride = sizeof(pbase_slot)

/* The one exported symbol: answers a host of the given ABI with a descriptor, or NULL when the
 * plugin cannot serve it. Must not allocate, start threads or fail otherwise. */
typedef const pbase_plugin *(*pbase_plugin_entry_fn)(uint32_t host_abi_major,
                                                     uint32_t host_abi_minor);
#define PBASE_PLUGIN_ENTRY(descriptor)                                                             \
    PBASE_API const pbase_plugin *pbase_plugin_entry(uint32_t host_abi_major,                      \
                                                     uint32_t host_abi_minor);                     \
    const pbase_plugin *pbase_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)       \
    {                                                                                              \
        (void)host_abi_minor; /* appended slots are found by size */                               \
        return host_abi_major == PBASE_ABI_MAJOR ? &(descriptor) : NULL;                           \
    }

PBASE_END_DECLS
#endif
