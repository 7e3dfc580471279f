/* config.h - where a configuration comes from, and everything that is wrong with it.
 *
 * A configuration is one YAML document (docs/config.md). It says which storage, block provider and
 * codecs a space is made of; changing them is an edit of that document. Every problem is reported at
 * once, each with its place and the nearest known key.
 *
 * Threads: a source is confined to the call that reads it. */
#ifndef PROTOBASE_CONFIG_H
#define PROTOBASE_CONFIG_H
#include <protobase/base/os.h>
#include <protobase/plugin/config.h>
PBASE_BEGIN_DECLS

/* A configuration and what the command line adds to it. Fill it from PBASE_CONFIG_SOURCE_INIT and
 * set exactly one of file, text, data and memory. Everything is borrowed for the call. */
typedef struct {
    uint32_t struct_size;
    uint32_t memory;  /* not 0: storage in memory, values as MessagePack */
    const char *file; /* a YAML file; its relative paths start from its own folder */
    const char *text; /* a YAML text; its relative paths start from the working directory */
    const char *data; /* a folder: file storage in it, values as MessagePack */
    /* "storage.blocks.segment_size=128MiB": replaces or adds one value, which is YAML itself. A
     * number in the path is an index of a list, from 0. */
    const char *const *sets;
    /* Folders searched for plugins before all others. */
    const char *const *plugin_dirs;
    size_t set_count;
    size_t plugin_dir_count;
    const pbase_os *os; /* NULL: the real operating system */
} pbase_config_source;
#define PBASE_CONFIG_SOURCE_INIT                                                                   \
    {                                                                                              \
        sizeof(pbase_config_source), 0, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL                   \
    }

/* One thing that is wrong. Lent for the call that reports it. */
typedef struct {
    uint32_t struct_size;
    pbase_status code;   /* PBASE_CONFIG, or the nearer PBASE_PLUGIN, PBASE_UNSUPPORTED, ... */
    const char *file;    /* as the user named it; "--set storage.type" for an override */
    uint32_t line;       /* from 1; 0: the problem has no place in the text */
    uint32_t column;     /* from 1, in characters */
    const char *message; /* "storage/file: unknown option 'segment_sise'" */
    const char *hint;    /* "did you mean 'segment_size'?", or "" */
} pbase_config_problem;

/* Called once for each problem, in the order of the text. */
typedef void (*pbase_config_problem_each)(void *state, const pbase_config_problem *problem);

#define PBASE_CONFIG_PROBLEMS_MAX 50u /* reported at once */

/* "app.yaml:9:7: error: storage/file: unknown option 'segment_sise'; did you mean 'segment_size'?" */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_config_problem_format(
    const pbase_config_problem *problem, pbase_buffer *out, pbase_error *err);

/* Checks everything that can be known without running a plugin's code: syntax, keys, types, ranges,
 * whether each component is installed, and whether the parts fit together. Reports each problem to
 * `each` (NULL: nobody) and returns the code of the first, which `err` describes. Needs no storage
 * and touches no data. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_config_check(const pbase_config_source *source,
                                                           pbase_config_problem_each each,
                                                           void *state, pbase_error *err);

/* Where a setting is from. */
enum {
    PBASE_CONFIG_FROM_DEFAULT = 0,     /* nobody wrote it */
    PBASE_CONFIG_FROM_DOCUMENT = 1,    /* the file or text */
    PBASE_CONFIG_FROM_SET = 2,         /* one of `sets` */
    PBASE_CONFIG_FROM_ENVIRONMENT = 3, /* written as ${env:...}, in either of these */
    PBASE_CONFIG_FROM_SOURCE = 4       /* `data` or `memory` */
};
/* "default", "document", "set", "environment", "source"; "unknown" for other numbers. */
PBASE_API const char *pbase_config_origin_name(uint32_t origin);

/* One setting as it is in force. Lent for the call that tells it. */
typedef struct {
    uint32_t struct_size;
    uint32_t origin;       /* PBASE_CONFIG_FROM_* */
    const char *path;      /* "storage.blocks.path", "codecs.0.type" */
    const char *component; /* "block_provider/file", or "" */
    const char *value;   /* references replaced, paths resolved; NULL: none; "***": secret, or from
                              a file */
    const char *place;   /* "app.yaml:5:12", "--set storage.type", or "" */
    const char *written; /* before references were replaced: "${env:PORT}"; NULL: the same */
    const char *doc;     /* one sentence */
} pbase_config_setting;
typedef pbase_status (*pbase_config_setting_each)(void *state, const pbase_config_setting *setting,
                                                  pbase_error *err);

/* Tells every setting that opening would use, also those nobody wrote: the storage and what it stands
 * on, codecs in the order of writing, folders of plugins. A configuration with problems is not told:
 * they go to `report` (NULL: nobody), and the result is that of pbase_config_check. A result of `each`
 * other than OK ends it. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_config_explain(const pbase_config_source *source,
                                                             pbase_config_problem_each report,
                                                             void *report_state,
                                                             pbase_config_setting_each each,
                                                             void *state, pbase_error *err);

/* The keys that every component of `kind` takes besides its own options where the document lists it at
 * the top, under `storage:` or in `codecs:`; what core itself reads. Kinds are PBASE_KIND_*; others than storage and transform
 * have none (NULL, 0). A component may declare one of them too, with another default or range. Lends a
 * static array. */
PBASE_API const pbase_option *pbase_config_core_options(const char *kind, size_t *out_count);

PBASE_END_DECLS
#endif
