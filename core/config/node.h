/* node.h - a configuration as a tree: scalars, lists and maps, each with its place.
 *
 * Everything lives in the arena of the reader. An aliased node is one node with several parents, so
 * the tree is a graph without cycles; `weight` and `height` bound what a walk over it costs. */
#ifndef PROTOBASE_CONFIG_NODE_H
#define PROTOBASE_CONFIG_NODE_H
#include <protobase/base/bytes.h>

/* Most values one configuration may have, each alias counted as all that it stands for. */
#define CONFIG_NODES_MAX 16384u
#define CONFIG_ALIASES_MAX 64u

/* Where nodes come from. */
typedef struct {
    const char *name; /* as the user named it: "app.yaml", "--set storage.type" */
    const char *base; /* folder its relative paths start from; NULL: the working directory */
    bool has_lines;   /* false: line and column mean nothing to the user */
} config_origin;

enum { CONFIG_SCALAR = 1, CONFIG_LIST = 2, CONFIG_MAP = 3 };

typedef struct config_node config_node;
typedef struct config_entry config_entry;

struct config_node {
    const config_origin *origin;
    uint32_t line; /* from 1 */
    uint32_t column;
    uint32_t weight; /* nodes below and itself */
    uint16_t height; /* levels below: 0 for a scalar */
    uint8_t type;    /* CONFIG_* */
    bool quoted;     /* scalar: written in quotes or as a block, so never null */
    bool resolved;   /* scalar: substitution has been done */
    bool hidden;     /* scalar: came from ${file:...}, so messages print *** */
    const char *text;
    const char *written; /* scalar: its text before substitution, NULL if none was done */
    config_entry *first; /* of a list or map, in the order of the text */
    config_entry *last;
    size_t count;
};

struct config_entry {
    config_entry *next;
    config_node *key; /* a scalar; NULL in a list */
    config_node *value;
};

/* The value under `key`, NULL when absent or when `map` is no map. */
static inline config_node *config_map_get(const config_node *map, const char *key)
{
    if (map->type != CONFIG_MAP) {
        return NULL;
    }
    for (config_entry *entry = map->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->key->text, key) == 0) {
            return entry->value;
        }
    }
    return NULL;
}

/* True for `key:` with nothing after it, for `~` and for `null`. */
static inline bool config_node_is_null(const config_node *node)
{
    return node->type == CONFIG_SCALAR && !node->quoted &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

static inline void config_node_append(config_node *parent, config_entry *entry)
{
    *(parent->last == NULL ? &parent->first : &parent->last->next) = entry;
    parent->last = entry;
    parent->count++;
}

#endif
