/* override.c - walks down a path, copying what it changes. */
#include "config/override.h"
#include "config/yaml.h"
#include <stdio.h>

typedef struct {
    problem_list *problems;
    const config_origin *origin; /* of everything the override brings */
    char *steps[OVERRIDE_STEPS_MAX];
    size_t step_count;
} override;

static void *take(override *o, size_t size)
{
    void *memory = pbase_arena_alloc(o->problems->arena, size);
    o->problems->no_memory = o->problems->no_memory || memory == NULL;
    return memory;
}

static config_node *new_node(override *o, uint8_t type, const char *text)
{
    config_node *node = take(o, sizeof(*node));
    if (node != NULL) {
        memset(node, 0, sizeof(*node));
        node->origin = o->origin;
        node->type = type;
        node->weight = 1;
        node->text = text;
    }
    return node;
}

static config_entry *new_entry(override *o, config_node *key, config_node *value)
{
    config_entry *entry = take(o, sizeof(*entry));
    if (entry != NULL) {
        entry->next = NULL;
        entry->key = key;
        entry->value = value;
    }
    return entry;
}

/* A copy of `node` with entries of its own; the values below stay shared. */
static config_node *copy_of(override *o, const config_node *node)
{
    config_node *copy = take(o, sizeof(*copy));
    if (copy == NULL) {
        return NULL;
    }
    *copy = *node;
    copy->first = copy->last = NULL;
    copy->count = 0;
    for (const config_entry *entry = node->first; entry != NULL; entry = entry->next) {
        config_entry *own = new_entry(o, entry->key, entry->value);
        if (own == NULL) {
            return NULL;
        }
        config_node_append(copy, own);
    }
    return copy;
}

/* The number in `step`, SIZE_MAX when it is none. */
static size_t index_of(const char *step)
{
    size_t length = strlen(step);
    size_t index = 0;
    if (length == 0 || length > 5 || strspn(step, "0123456789") != length) {
        return SIZE_MAX;
    }
    for (const char *digit = step; *digit != '\0'; digit++) {
        index = index * 10 + (size_t)(*digit - '0');
    }
    return index;
}

static config_entry *list_entry(override *o, config_node *list, const char *step)
{
    size_t index = index_of(step);
    if (index >= list->count) {
        problem_add_at(o->problems, PBASE_CONFIG, o->origin, 0, 0,
                       "'%s' is no item of the list, which has %zu", step, list->count);
        return NULL;
    }
    config_entry *entry = list->first;
    while (index-- > 0) {
        entry = entry->next;
    }
    return entry;
}

/* The entry under `step`; a mapping gets it, with an empty mapping as value, if it is missing. */
static config_entry *map_entry(override *o, config_node *map, const char *step)
{
    for (config_entry *entry = map->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->key->text, step) == 0) {
            return entry;
        }
    }
    config_node *key = new_node(o, CONFIG_SCALAR, step);
    config_node *value = new_node(o, CONFIG_MAP, "");
    config_entry *entry = key == NULL || value == NULL ? NULL : new_entry(o, key, value);
    if (entry != NULL) {
        config_node_append(map, entry);
    }
    return entry;
}

/* The long form {type: NAME} of a component written as a bare name, so that it can get options. */
static config_node *as_mapping(override *o, config_node *node)
{
    config_node *map = new_node(o, CONFIG_MAP, "");
    config_entry *entry = map == NULL ? NULL : map_entry(o, map, "type");
    if (entry == NULL) {
        return NULL;
    }
    entry->value = node;
    return map;
}

/* Puts `value` at the end of the path. */
static void put(override *o, config_node **root, config_node *value)
{
    config_node **at = root;
    for (size_t i = 0; i < o->step_count; i++) {
        if (*at == NULL || config_node_is_null(*at)) {
            *at = new_node(o, CONFIG_MAP, "");
        } else if ((*at)->type == CONFIG_SCALAR) {
            *at = as_mapping(o, *at);
        } else {
            *at = copy_of(o, *at);
        }
        if (*at == NULL) {
            return;
        }
        config_entry *entry = (*at)->type == CONFIG_LIST ? list_entry(o, *at, o->steps[i])
                                                         : map_entry(o, *at, o->steps[i]);
        if (entry == NULL) {
            return;
        }
        at = &entry->value;
    }
    *at = value;
}

/* Cuts `path` into steps. False: an empty step, or too many. */
static bool split(override *o, char *path)
{
    o->step_count = 0;
    for (char *step = path; step != NULL;) {
        char *dot = strchr(step, '.');
        if (dot != NULL) {
            *dot = '\0';
        }
        if (step[0] == '\0' || o->step_count == OVERRIDE_STEPS_MAX) {
            return false;
        }
        o->steps[o->step_count++] = step;
        step = dot == NULL ? NULL : dot + 1;
    }
    return true;
}

/* The origin "--set PATH". NULL means no memory. */
static const config_origin *origin_of(override *o, const char *path)
{
    size_t bytes = strlen(path) + sizeof("--set ");
    config_origin *origin = take(o, sizeof(*origin));
    char *name = take(o, bytes);
    if (origin == NULL || name == NULL) {
        return NULL;
    }
    (void)snprintf(name, bytes, "--set %s", path); /* measured above */
    origin->name = name;
    origin->base = NULL;
    origin->has_lines = false;
    return origin;
}

void config_override(config_node **root, const char *set, problem_list *problems)
{
    override o = {.problems = problems};
    const char *equals = strchr(set, '=');
    size_t length = equals == NULL ? strlen(set) : (size_t)(equals - set);
    char *path = pbase_arena_text(problems->arena, pbase_bytes_of(set, length));
    if (path == NULL) {
        problems->no_memory = true;
        return;
    }
    o.origin = origin_of(&o, path);
    if (o.origin == NULL) {
        return;
    }
    if (equals == NULL || !split(&o, path)) {
        problem_add_at(problems, PBASE_CONFIG, o.origin, 0, 0, "this sets nothing");
        problem_hint(problems, "write key.path=value");
        return;
    }
    config_node *value = config_yaml_read(pbase_bytes_text(equals + 1), o.origin, problems);
    if (value == NULL && equals[1] == '\0') {
        value = new_node(&o, CONFIG_SCALAR, "");
    }
    if (value != NULL) {
        put(&o, root, value);
    }
}
