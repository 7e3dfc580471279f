/* substitution.h - ${env:NAME}, ${env:NAME:-default} and ${file:path} in the values of a tree.
 *
 * It happens after parsing, in scalar values only and once, so a value cannot bring in structure or
 * further substitutions, and places stay true. "$$" is a dollar sign; a dollar sign before anything
 * but "{" and "$" stands for itself. A file's path is relative like any path; one newline at its
 * end is cut; its content is never shown in messages. */
#ifndef PROTOBASE_CONFIG_SUBSTITUTION_H
#define PROTOBASE_CONFIG_SUBSTITUTION_H
#include "config/node.h"
#include "config/problem.h"
#include <protobase/base/os.h>

#define SUBSTITUTION_FILE_BYTES_MAX 65536u

/* Substitutes in every scalar value below `root`, each once however many aliases it has. */
void config_substitute(config_node *root, const pbase_os *os, problem_list *problems);

/* `path` as seen from `origin`: absolute ones as they are, others below its base. In the arena;
 * NULL means no memory. */
const char *config_path(const char *path, const config_origin *origin, pbase_arena *arena);

#endif
