/* plan.h - which components a configuration asks for, with which options, standing on which others.
 *
 * A plan is made from a document and a catalog alone: no plugin code runs, nothing is opened. It is
 * whole only if no problem was noted. Everything lives in the arena of the problems; option tables
 * are lent by the catalog. Threads: immutable once made. */
#ifndef PROTOBASE_CONFIG_PLAN_H
#define PROTOBASE_CONFIG_PLAN_H
#include "config/catalog.h"
#include "config/document.h"
#include <protobase/plugin/config.h>

#define PLAN_COMPONENTS_MAX 256u
#define PLAN_DEPTH_MAX 16u

typedef struct plan_component plan_component;
struct plan_component {
    const pbase_component_info *info; /* NULL when nobody gives it: the plan is not whole */
    const char *label;                /* "storage/file" */
    const char *place;                /* "app.yaml:3:9" */
    const pbase_config *values;
    plan_component **children; /* one per slot of info; NULL: an empty slot */
};

typedef struct {
    plan_component *storage;
    plan_component **codecs; /* serializers, then transforms in the order of writing */
    size_t codec_count;
} config_plan;

/* Judges all of `document` but `plugins:` (config_document_plugin_paths does). What is wrong is
 * noted as problems; `out` is usable only when there are none. */
void config_plan_make(const config_document *document, config_catalog *catalog,
                      problem_list *problems, config_plan *out);

/* A codec with its defaults, as if the configuration listed it by name alone. `place` is whom to
 * blame in messages. */
plan_component *config_plan_codec(config_catalog *catalog, const char *name,
                                  const config_node *place, problem_list *problems);

/* "codec/zstd", "storage/file" in the arena; NULL means no memory. */
const char *config_label(const char *kind, const char *name, pbase_arena *arena);

/* PBASE_DURABILITY_* of "none", "async", "sync", "remote"; -1 for other texts. */
int32_t config_durability(const char *text);

#endif
