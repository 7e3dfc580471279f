/* document.h - a configuration as it was given: read, overridden, substituted, not yet judged.
 *
 * Everything lives in the arena of the problems; noted problems do not keep the rest from being
 * read. Threads: confined. */
#ifndef PROTOBASE_CONFIG_DOCUMENT_H
#define PROTOBASE_CONFIG_DOCUMENT_H
#include "config/node.h"
#include "config/problem.h"

typedef struct {
    config_node *root; /* a mapping; NULL when there is none that could be read */
    const config_origin *origin;
} config_document;

/* Reads what `source` names, applies its `sets`, substitutes. INVALID: the source names none or
 * several; NO_MEMORY. Anything wrong with the content is noted as a problem. */
pbase_status config_document_read(const pbase_config_source *source, const pbase_os *os,
                                  problem_list *problems, config_document *out, pbase_error *err);

/* The folders of `plugins: {path: [...]}`, in the arena; none without a root. */
typedef struct {
    const char **items;
    const config_node **nodes; /* where each was written */
    size_t count;
} config_paths;
config_paths config_document_plugin_paths(const config_document *document, problem_list *problems);

#endif
