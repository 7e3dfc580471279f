/* override.h - "storage.blocks.segment_size=128MiB": one value replaced from outside the text. */
#ifndef PROTOBASE_CONFIG_OVERRIDE_H
#define PROTOBASE_CONFIG_OVERRIDE_H
#include "config/node.h"
#include "config/problem.h"

#define OVERRIDE_STEPS_MAX 32u

/* Applies `set` to the tree under `*root`, which may be NULL: mappings that are missing are made.
 * What is changed is copied first, so other aliases of it keep their values. Steps are separated by
 * dots; a number indexes a list. What is wrong is noted as a problem of "--set PATH". */
void config_override(config_node **root, const char *set, problem_list *problems);

#endif
