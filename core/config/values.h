/* values.h - the keys of one mapping, checked against tables of options: a pbase_config.
 *
 * Every declared option gets its value from the mapping or from its default. What is wrong is noted
 * as a problem. Everything lives in the arena of the problems. Threads: immutable once read. */
#ifndef PROTOBASE_CONFIG_VALUES_H
#define PROTOBASE_CONFIG_VALUES_H
#include "config/node.h"
#include "config/problem.h"
#include <protobase/plugin/config.h>

typedef struct {
    const pbase_option *options;
    size_t count;
} config_options;

/* What a mapping may hold. */
typedef struct {
    const char *label;        /* "storage/file", for messages */
    config_options tables[2]; /* an option of the first hides its namesake in the second */
    size_t table_count;
    const pbase_slot *slots; /* keys that hold components: not judged here */
    size_t slot_count;
    bool has_type; /* the key `type` is allowed too */
} config_shape;

/* Reads `map`; NULL or a node that is no map has no keys, and `place` then stands for it. Yields
 * NULL only without memory. */
const pbase_config *config_values_read(const config_node *map, const config_node *place,
                                       const config_shape *shape, problem_list *problems);

/* The node of a value that was written, NULL for a default or an undeclared key. */
const config_node *config_values_node(const pbase_config *config, const char *key);

/* Whether one option is well formed by itself: its key, type, range and default. INVALID says what
 * is wrong with it. */
pbase_status config_option_check(const pbase_option *option, pbase_error *err);

#endif
