/* yaml.h - one YAML document as a tree, read strictly.
 *
 * libyaml gives the events; the rules on top of it are ours, since it lets pass what must not pass
 * in a configuration: duplicate keys, aliases inside their own anchor, bombs of aliases, any depth,
 * further documents, custom tags. Merge keys (<<) and keys that are not scalars are refused too.
 * Input is untrusted; whatever it is, reading ends in time proportional to its size.
 *
 * Threads: pure, but for the arena and the list of problems. */
#ifndef PROTOBASE_CONFIG_YAML_H
#define PROTOBASE_CONFIG_YAML_H
#include "config/node.h"
#include "config/problem.h"

/* Reads `text`, which is borrowed for the call, into nodes of problems->arena that name `origin`.
 * What is wrong goes to `problems`. Yields the root, or NULL when there is none or when the text
 * broke off; a tree that is there may still come with problems. */
config_node *config_yaml_read(pbase_bytes text, const config_origin *origin,
                              problem_list *problems);

#endif
