/* values.c - typed values of a mapping. */
#include "config/values.h"
#include "config/scalar.h"
#include "config/substitution.h"

#define KEY_BYTES_MAX 63u
#define FLAGS_KNOWN (PBASE_OPTION_REQUIRED | PBASE_OPTION_SECRET | PBASE_OPTION_RELOADABLE)

typedef struct {
    const pbase_option *option;
    const config_node *node; /* where it was written; NULL: the default stands */
    const char *place;       /* of the node, or of the component */
    scalar_value value;
    const char *text;   /* of STRING, ENUM, PATH; NULL: absent */
    const char **items; /* of LIST */
    size_t item_count;
} config_value;

typedef struct {
    pbase_config base;
    const char *place; /* of the whole mapping */
    size_t count;
    config_value values[];
} config_values;

/* ------------------------------------------------------------------- the table it offers --- */
static const config_values *values_from(const pbase_config *self)
{
    return (const config_values *)(const void *)self;
}

static const config_value *find(const pbase_config *self, const char *key)
{
    const config_values *values = values_from(self);
    for (size_t i = 0; i < values->count; i++) {
        if (strcmp(values->values[i].option->key, key) == 0) {
            return &values->values[i];
        }
    }
    return NULL;
}

static bool values_get_bool(const pbase_config *self, const char *key)
{
    const config_value *value = find(self, key);
    return value != NULL && value->value.boolean;
}

static int64_t values_get_int(const pbase_config *self, const char *key)
{
    const config_value *value = find(self, key);
    return value == NULL ? 0 : value->value.integer;
}

static double values_get_float(const pbase_config *self, const char *key)
{
    const config_value *value = find(self, key);
    return value == NULL ? 0 : value->value.number;
}

static const char *values_get_text(const pbase_config *self, const char *key)
{
    const config_value *value = find(self, key);
    return value == NULL ? NULL : value->text;
}

static size_t values_get_count(const pbase_config *self, const char *key)
{
    const config_value *value = find(self, key);
    return value == NULL ? 0 : value->item_count;
}

static const char *values_get_item(const pbase_config *self, const char *key, size_t index)
{
    const config_value *value = find(self, key);
    return value == NULL || index >= value->item_count ? NULL : value->items[index];
}

static bool values_is_set(const pbase_config *self, const char *key)
{
    const config_value *value = find(self, key);
    return value != NULL && value->node != NULL;
}

static const char *values_place(const pbase_config *self, const char *key)
{
    const config_value *value = find(self, key);
    return value == NULL ? values_from(self)->place : value->place;
}

static const pbase_config_vtable values_vtable = {
    .struct_size = sizeof(pbase_config_vtable),
    .get_bool = values_get_bool,
    .get_int = values_get_int,
    .get_float = values_get_float,
    .get_text = values_get_text,
    .get_count = values_get_count,
    .get_item = values_get_item,
    .is_set = values_is_set,
    .place = values_place,
};

const config_node *config_values_node(const pbase_config *config, const char *key)
{
    const config_value *value = find(config, key);
    return value == NULL ? NULL : value->node;
}

/* ------------------------------------------------------------------------------- reading --- */
typedef struct {
    const config_shape *shape;
    problem_list *problems;
} values_reader;

/* A value as messages may show it. */
static const char *shown(const config_value *value, const config_node *node)
{
    return (value->option->flags & PBASE_OPTION_SECRET) != 0 || node->hidden ? "***" : node->text;
}

static void offer_word(void *state, const char *word)
{
    nearest_offer(state, pbase_bytes_text(word));
}

/* Names the nearest word that an enum takes, or all of them. */
static void hint_enum(values_reader *reader, const pbase_option *option, const char *text)
{
    nearest search;
    nearest_init(&search, pbase_bytes_text(text));
    scalar_enum_words(option->range, offer_word, &search);
    if (!problem_hint_nearest(reader->problems, &search)) {
        problem_hint(reader->problems, "it takes one of %s", option->range);
    }
}

static void note_bad_value(values_reader *reader, const config_value *value,
                           const config_node *node)
{
    problem_add(reader->problems, PBASE_CONFIG, node, "%s: option '%s' is '%.80s'; expected %s",
                reader->shape->label, value->option->key, shown(value, node),
                scalar_expected(value->option->type));
}

static void note_out_of_range(values_reader *reader, const config_value *value,
                              const config_node *node)
{
    const pbase_option *option = value->option;
    if (option->type == PBASE_OPTION_ENUM) {
        problem_add(reader->problems, PBASE_CONFIG, node, "%s: option '%s' has no choice '%.80s'",
                    reader->shape->label, option->key, shown(value, node));
        hint_enum(reader, option, node->text);
        return;
    }
    problem_add(reader->problems, PBASE_CONFIG, node, "%s: option '%s' is %.80s, out of its range",
                reader->shape->label, option->key, shown(value, node));
    problem_hint(reader->problems, "the range is %s", option->range);
}

static void read_path(values_reader *reader, config_value *value, const config_node *node)
{
    if (node->text[0] == '\0') {
        problem_add(reader->problems, PBASE_CONFIG, node,
                    "%s: option '%s' is empty, which is no path", reader->shape->label,
                    value->option->key);
    }
    value->text = config_path(node->text, node->origin, reader->problems->arena);
    reader->problems->no_memory = reader->problems->no_memory || value->text == NULL;
}

static void read_scalar(values_reader *reader, config_value *value, const config_node *node)
{
    const pbase_option *option = value->option;
    if (node->type != CONFIG_SCALAR) {
        problem_add(reader->problems, PBASE_CONFIG, node,
                    "%s: option '%s' takes one value, not a %s", reader->shape->label, option->key,
                    node->type == CONFIG_LIST ? "list" : "mapping");
    } else if (config_node_is_null(node)) {
        problem_add(reader->problems, PBASE_CONFIG, node, "%s: option '%s' has no value",
                    reader->shape->label, option->key);
        problem_hint(reader->problems, "write \"\" for an empty text, or leave the key out");
    } else if (!scalar_parse(option->type, node->text, &value->value)) {
        note_bad_value(reader, value, node);
    } else if (!scalar_in_range(option->type, option->range, node->text, &value->value)) {
        note_out_of_range(reader, value, node);
    } else if (option->type == PBASE_OPTION_PATH) {
        read_path(reader, value, node);
    } else {
        value->text = node->text;
    }
}

static void read_list(values_reader *reader, config_value *value, const config_node *node)
{
    if (node->type != CONFIG_LIST) {
        problem_add(reader->problems, PBASE_CONFIG, node, "%s: option '%s' takes a list",
                    reader->shape->label, value->option->key);
        problem_hint(reader->problems, "write [a, b], or one '- item' a line");
        return;
    }
    value->items = pbase_arena_array(reader->problems->arena, node->count, sizeof(value->items[0]));
    if (value->items == NULL) {
        reader->problems->no_memory = true;
        return;
    }
    for (const config_entry *entry = node->first; entry != NULL; entry = entry->next) {
        if (entry->value->type != CONFIG_SCALAR || config_node_is_null(entry->value)) {
            problem_add(reader->problems, PBASE_CONFIG, entry->value,
                        "%s: an item of the list '%s' is no text", reader->shape->label,
                        value->option->key);
        } else {
            value->items[value->item_count++] = entry->value->text;
        }
    }
}

static void read_default(values_reader *reader, config_value *value, const config_node *place)
{
    const pbase_option *option = value->option;
    if (option->default_text != NULL) {
        (void)scalar_parse(option->type, option->default_text, &value->value); /* checked before */
        value->text =
            option->type == PBASE_OPTION_PATH
                ? config_path(option->default_text, place->origin, reader->problems->arena)
                : option->default_text;
        reader->problems->no_memory = reader->problems->no_memory || value->text == NULL;
    } else if ((option->flags & PBASE_OPTION_REQUIRED) != 0) {
        problem_add(reader->problems, PBASE_CONFIG, place, "%s: the option '%s' is missing",
                    reader->shape->label, option->key);
        problem_hint(reader->problems, "%s", option->doc);
    }
}

static void read_value(values_reader *reader, config_value *value, const config_node *map,
                       const config_node *place)
{
    const config_node *node = map == NULL ? NULL : config_map_get(map, value->option->key);
    value->node = node;
    value->place = config_place(node == NULL ? place : node, reader->problems->arena);
    if (value->place == NULL) {
        reader->problems->no_memory = true;
    } else if (node == NULL) {
        read_default(reader, value, place);
    } else if (value->option->type == PBASE_OPTION_LIST) {
        read_list(reader, value, node);
    } else {
        read_scalar(reader, value, node);
    }
}

/* Lays out one value per option; an option of an earlier table hides its namesakes. */
static config_values *values_create(const config_shape *shape, problem_list *problems)
{
    size_t total = 0;
    for (size_t t = 0; t < shape->table_count; t++) {
        total += shape->tables[t].count;
    }
    size_t bytes = sizeof(config_values) + total * sizeof(config_value);
    config_values *values = pbase_arena_alloc(problems->arena, bytes);
    if (values == NULL) {
        problems->no_memory = true;
        return NULL;
    }
    memset(values, 0, bytes);
    values->base.vtable = &values_vtable;
    for (size_t t = 0; t < shape->table_count; t++) {
        for (size_t i = 0; i < shape->tables[t].count; i++) {
            const pbase_option *option = &shape->tables[t].options[i];
            if (find(&values->base, option->key) == NULL) {
                values->values[values->count++].option = option;
            }
        }
    }
    return values;
}

static bool is_slot(const config_shape *shape, const char *key)
{
    for (size_t i = 0; i < shape->slot_count; i++) {
        if (strcmp(shape->slots[i].name, key) == 0) {
            return true;
        }
    }
    return false;
}

static void note_unknown_key(values_reader *reader, const config_values *values,
                             const config_node *key)
{
    const config_shape *shape = reader->shape;
    problem_add(reader->problems, PBASE_CONFIG, key, "%s: unknown option '%.80s'", shape->label,
                key->text);
    nearest search;
    nearest_init(&search, pbase_bytes_text(key->text));
    for (size_t i = 0; i < values->count; i++) {
        nearest_offer(&search, pbase_bytes_text(values->values[i].option->key));
    }
    for (size_t i = 0; i < shape->slot_count; i++) {
        nearest_offer(&search, pbase_bytes_text(shape->slots[i].name));
    }
    if (shape->has_type) {
        nearest_offer(&search, pbase_bytes_text("type"));
    }
    if (problem_hint_nearest(reader->problems, &search)) {
        return;
    }
    if (values->count + shape->slot_count == 0) {
        problem_hint(reader->problems, "it has no options");
    } else if (shape->has_type) {
        problem_hint(reader->problems, "'protobase plugins show %s' lists them", shape->label);
    }
}

static void check_keys(values_reader *reader, const config_values *values, const config_node *map)
{
    for (const config_entry *entry = map->first; entry != NULL; entry = entry->next) {
        const char *key = entry->key->text;
        bool known = (reader->shape->has_type && strcmp(key, "type") == 0) ||
                     is_slot(reader->shape, key) || find(&values->base, key) != NULL;
        if (!known) {
            note_unknown_key(reader, values, entry->key);
        }
    }
}

const pbase_config *config_values_read(const config_node *map, const config_node *place,
                                       const config_shape *shape, problem_list *problems)
{
    values_reader reader = {shape, problems};
    if (map != NULL && map->type != CONFIG_MAP) {
        map = NULL;
    }
    config_values *values = values_create(shape, problems);
    if (values == NULL) {
        return NULL;
    }
    values->place = config_place(place, problems->arena);
    if (values->place == NULL) {
        problems->no_memory = true;
        return NULL;
    }
    if (map != NULL) {
        check_keys(&reader, values, map);
    }
    for (size_t i = 0; i < values->count; i++) {
        read_value(&reader, &values->values[i], map, place);
    }
    return problems->no_memory ? NULL : &values->base;
}

/* ----------------------------------------------------------------- checking one option --- */
static bool is_snake_case(const char *key)
{
    size_t length = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && length <= KEY_BYTES_MAX && key[length] == '\0' && key[0] >= 'a';
}

static pbase_status check_default(const pbase_option *option, pbase_error *err)
{
    scalar_value value;
    if (option->default_text == NULL) {
        return PBASE_OK;
    }
    if ((option->flags & PBASE_OPTION_REQUIRED) != 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "option '%s' is required, yet has a default",
                          option->key);
    }
    if (option->type == PBASE_OPTION_LIST) {
        return PBASE_FAIL(err, PBASE_INVALID, "option '%s' is a list, which has no default",
                          option->key);
    }
    if (!scalar_parse(option->type, option->default_text, &value) ||
        !scalar_in_range(option->type, option->range, option->default_text, &value)) {
        return PBASE_FAIL(err, PBASE_INVALID, "option '%s': its default '%s' is not %s in '%s'",
                          option->key, option->default_text, scalar_expected(option->type),
                          option->range == NULL ? "" : option->range);
    }
    return PBASE_OK;
}

pbase_status config_option_check(const pbase_option *option, pbase_error *err)
{
    if (!is_snake_case(option->key) || strcmp(option->key, "type") == 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "'%s' cannot be the key of an option", option->key);
    }
    if (option->type < PBASE_OPTION_BOOL || option->type > PBASE_OPTION_LIST) {
        return PBASE_FAIL(err, PBASE_INVALID, "option '%s' has the unknown type %u", option->key,
                          (unsigned)option->type);
    }
    if ((option->flags & ~FLAGS_KNOWN) != 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "option '%s' has unknown flags 0x%x", option->key,
                          (unsigned)option->flags);
    }
    if (!scalar_range_valid(option->type, option->range)) {
        return PBASE_FAIL(err, PBASE_INVALID, "option '%s' has a malformed range '%s'", option->key,
                          option->range == NULL ? "" : option->range);
    }
    return check_default(option, err);
}
