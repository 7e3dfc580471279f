/* plugins.h - which plugins are installed, what they offer, and what is wrong with a file.
 *
 * Listing reads the note in each file and runs no plugin code. Plugins are looked for in the
 * folders given (--plugin-dir), in `plugins.path` of the configuration, in the environment's
 * PROTOBASE_PLUGIN_PATH (ignored in privileged programs), and beside the library. Never in the
 * working directory.
 *
 * Threads: what a call returns is immutable and lives in the caller's arena. */
#ifndef PROTOBASE_PLUGINS_H
#define PROTOBASE_PLUGINS_H
#include <protobase/base/arena.h>
#include <protobase/config.h>
#include <protobase/plugin/config.h>
PBASE_BEGIN_DECLS

/* One component, as the note of its plugin describes it. */
typedef struct {
    uint32_t struct_size;
    uint32_t capabilities;    /* PBASE_STORAGE_* or PBASE_BLOCKS_*, by kind */
    const char *kind;         /* PBASE_KIND_* */
    const char *name;         /* what `type:` says */
    const char *doc;          /* one sentence */
    uint32_t format_version;  /* of what it writes */
    uint32_t stage;           /* of a transform: PBASE_TRANSFORM_*; else 0 */
    uint32_t durability_mask; /* of a storage: bit n set, level n is offered; else 0 */
    uint32_t reserved;
    const pbase_option *options;
    const pbase_slot *slots;
    const char *const *verbs; /* of `control` */
    size_t option_count;
    size_t slot_count;
    size_t verb_count;
} pbase_component_info;

/* One file that looks like a plugin. When `status` is not PBASE_OK the host refuses it: `problem`
 * says why, and what could not be read is "" or 0. */
typedef struct {
    uint32_t struct_size;
    pbase_status status;
    const char *path;
    const char *name;
    const char *version;
    const char *license;
    const char *summary;
    const char *problem;     /* "" when status is OK */
    const char *hint;        /* what to do about it, or "" */
    const char *shadowed_by; /* path of the file of the same name found before it, or NULL */
    uint32_t abi_major;
    uint32_t abi_minor;
    const pbase_component_info *components;
    size_t component_count;
} pbase_plugin_info;

typedef struct {
    const pbase_plugin_info *plugins; /* in the order of the search */
    size_t count;
} pbase_plugin_list;

/* Every plugin in the folders that are searched. `source` NULL searches what the environment and
 * the installation give; a source that names no configuration adds only its plugin_dirs.
 * CONFIG: the configuration cannot be read; PLUGIN: a folder that was asked for is missing or may
 * be written by others. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_plugins_list(const pbase_config_source *source,
                                                           pbase_arena *arena,
                                                           pbase_plugin_list *out,
                                                           pbase_error *err);

/* "codec/zstd" for kinds serializer and transform, "KIND/NAME" for the others. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_component_info_label(const pbase_component_info *info,
                                                                   pbase_buffer *out,
                                                                   pbase_error *err);

/* The component labelled "storage/file" or "codec/zstd" and the plugin that gives it. NOT_FOUND
 * hints at the nearest one. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_plugins_find(const pbase_plugin_list *list,
                                                           const char *label,
                                                           const pbase_plugin_info **out_plugin,
                                                           const pbase_component_info **out,
                                                           pbase_error *err);

/* Appends a JSON Schema (draft 2020-12) of configuration documents that name the components in
 * `list`: what `protobase config schema` prints. On failure `out` is as before. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_config_schema(const pbase_plugin_list *list,
                                                            pbase_buffer *out, pbase_error *err);

/* The rules a plugin file must keep, in the order they are checked. */
enum {
    PBASE_PLUGIN_RULE_FILE = 1,       /* an existing regular file named NAME.so */
    PBASE_PLUGIN_RULE_TRUST = 2,      /* neither it nor its folders may be written by others */
    PBASE_PLUGIN_RULE_ELF = 3,        /* a whole 64-bit shared object of this machine */
    PBASE_PLUGIN_RULE_EXPORTS = 4,    /* exports pbase_plugin_entry and nothing else */
    PBASE_PLUGIN_RULE_NOTE = 5,       /* has a ProtoBase note that can be read */
    PBASE_PLUGIN_RULE_ABI = 6,        /* same ABI major, minor not above ours */
    PBASE_PLUGIN_RULE_NAME = 7,       /* the note's name is the file's */
    PBASE_PLUGIN_RULE_COMPONENTS = 8, /* kinds, names, options and slots are well formed */
    PBASE_PLUGIN_RULE_LOAD = 9,       /* the dynamic linker accepts it and it answers */
    PBASE_PLUGIN_RULE_DESCRIPTOR = 10 /* the descriptor is whole and says what the note says */
};
/* "trust" for PBASE_PLUGIN_RULE_TRUST; "unknown" for other numbers. */
PBASE_API const char *pbase_plugin_rule_name(int32_t rule);

typedef struct {
    uint32_t struct_size;
    int32_t rule; /* PBASE_PLUGIN_RULE_* */
    const char *message;
    const char *hint; /* or "" */
} pbase_plugin_finding;
typedef void (*pbase_plugin_finding_each)(void *state, const pbase_plugin_finding *finding);

#define PBASE_PLUGIN_CHECK_LOAD 0x01u /* also load it: runs its code */

/* Checks one file against every rule; reports each one broken to `each` (NULL: nobody). A rule that
 * needs what a broken one left unreadable is skipped. Without PBASE_PLUGIN_CHECK_LOAD the last two
 * are skipped and no plugin code runs. PLUGIN: at least one is broken; `err` describes the first. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_plugin_check(const char *path, uint32_t flags,
                                                           pbase_plugin_finding_each each,
                                                           void *state, pbase_error *err);

PBASE_END_DECLS
#endif
