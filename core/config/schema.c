/* schema.c - a JSON Schema of configuration documents, made of what plugins declare.
 *
 * Values may also be references such as ${env:N}, so numbers take texts too. Ranges are left to
 * `config check`, which knows units. */
#include <protobase/plugin/plugin.h>
#include <protobase/plugins.h>
#include <stdlib.h>

typedef struct {
    const pbase_component_info **items; /* by rank of kind, then name */
    size_t count;
    pbase_buffer *text;
    pbase_error *err;
    pbase_status status; /* the first failure stays */
} schema;

/* Appends formatted text, unless something failed. */
#define SAY(s, ...)                                                                                \
    ((s)->status = (s)->status == PBASE_OK                                                         \
                       ? pbase_buffer_append_text((s)->text, (s)->err, __VA_ARGS__)                \
                       : (s)->status)

static const char *kind_of(const pbase_component_info *info)
{
    bool is_codec = strcmp(info->kind, PBASE_KIND_SERIALIZER) == 0 ||
                    strcmp(info->kind, PBASE_KIND_TRANSFORM) == 0;
    return is_codec ? "codec" : info->kind;
}

static int by_label(const void *a, const void *b)
{
    const pbase_component_info *left = *(const pbase_component_info *const *)a;
    const pbase_component_info *right = *(const pbase_component_info *const *)b;
    int order = strcmp(kind_of(left), kind_of(right));
    return order != 0 ? order : strcmp(left->name, right->name);
}

static void say_string(schema *s, const char *text)
{
    SAY(s, "\"");
    for (const char *at = text; *at != '\0'; at++) {
        SAY(s, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
    }
    SAY(s, "\"");
}

/* "a|b" as an enumeration. */
static void say_words(schema *s, const char *range)
{
    SAY(s, "\"enum\": [\"");
    for (const char *at = range; *at != '\0'; at++) {
        if (*at == '|') {
            SAY(s, "\", \"");
        } else {
            SAY(s, "%c", *at);
        }
    }
    SAY(s, "\"]");
}

static void say_option(schema *s, const pbase_option *option)
{
    SAY(s, ", ");
    say_string(s, option->key);
    SAY(s, ": {\"description\": ");
    say_string(s, option->doc);
    if (option->type == PBASE_OPTION_BOOL) {
        SAY(s, ", \"type\": [\"boolean\", \"string\"]");
    } else if (option->type == PBASE_OPTION_ENUM) {
        SAY(s, ", \"anyOf\": [{");
        say_words(s, option->range);
        SAY(s, "}, {\"pattern\": \"\\\\$\\\\{\"}]");
    } else if (option->type == PBASE_OPTION_LIST) {
        SAY(s, ", \"type\": \"array\"");
    } else if (option->type == PBASE_OPTION_INT || option->type == PBASE_OPTION_SIZE ||
               option->type == PBASE_OPTION_FLOAT) {
        SAY(s, ", \"type\": [\"number\", \"string\"]");
    } else {
        SAY(s, ", \"type\": \"string\"");
    }
    if (option->default_text != NULL) {
        SAY(s, ", \"default\": ");
        say_string(s, option->default_text);
    }
    SAY(s, "}");
}

static bool declares(const pbase_component_info *info, const char *key)
{
    for (size_t i = 0; i < info->option_count; i++) {
        if (strcmp(info->options[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static void say_properties(schema *s, const pbase_component_info *info)
{
    size_t count;
    const pbase_option *core = pbase_config_core_options(info->kind, &count);
    SAY(s, "\"properties\": {\"type\": {\"const\": \"%s\"}", info->name);
    for (size_t i = 0; i < info->option_count; i++) {
        say_option(s, &info->options[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (!declares(info, core[i].key)) {
            say_option(s, &core[i]);
        }
    }
    for (size_t i = 0; i < info->slot_count; i++) {
        SAY(s, ", \"%s\": {\"$ref\": \"#/$defs/%s\"}", info->slots[i].name, info->slots[i].kind);
    }
    SAY(s, "}");
}

static void say_component(schema *s, const pbase_component_info *info)
{
    SAY(s, "        {\"type\": \"object\", \"description\": ");
    say_string(s, info->doc);
    SAY(s, ", ");
    say_properties(s, info);
    SAY(s, ", \"required\": [\"type\"");
    for (size_t i = 0; i < info->option_count; i++) {
        if ((info->options[i].flags & PBASE_OPTION_REQUIRED) != 0) {
            SAY(s, ", \"%s\"", info->options[i].key);
        }
    }
    for (size_t i = 0; i < info->slot_count; i++) {
        if (info->slots[i].count_min > 0 && info->slots[i].default_type == NULL) {
            SAY(s, ", \"%s\"", info->slots[i].name);
        }
    }
    SAY(s, "], \"additionalProperties\": false}");
}

/* The definition of one kind: a bare name, or one of its components with options. */
static void say_kind(schema *s, const char *kind)
{
    SAY(s, "    \"%s\": {\n      \"anyOf\": [\n        {\"enum\": [", kind);
    const char *between = "";
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(kind_of(s->items[i]), kind) == 0) {
            SAY(s, "%s\"%s\"", between, s->items[i]->name);
            between = ", ";
        }
    }
    SAY(s, "]}");
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(kind_of(s->items[i]), kind) == 0) {
            SAY(s, ",\n");
            say_component(s, s->items[i]);
        }
    }
    SAY(s, "\n      ]\n    }");
}

static void say_document(schema *s)
{
    SAY(s, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
           "  \"title\": \"protobase.yaml\",\n  \"type\": \"object\",\n"
           "  \"required\": [\"version\", \"storage\"],\n  \"additionalProperties\": false,\n"
           "  \"properties\": {\n    \"version\": {\"const\": 1},\n"
           "    \"storage\": {\"$ref\": \"#/$defs/storage\"},\n"
           "    \"codecs\": {\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/codec\"}},\n"
           "    \"plugins\": {\"type\": \"object\", \"additionalProperties\": false, "
           "\"properties\": {\"path\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}}}\n"
           "  },\n  \"$defs\": {\n");
    say_kind(s, "storage");
    SAY(s, ",\n");
    say_kind(s, "block_provider");
    SAY(s, ",\n");
    say_kind(s, "codec");
    SAY(s, "\n  }\n}\n");
}

/* Every component that a configuration can name, in an order that no folder decides. */
static bool collect(schema *s, const pbase_plugin_list *list, pbase_arena *arena)
{
    size_t total = 0;
    for (size_t i = 0; i < list->count; i++) {
        total += list->plugins[i].component_count;
    }
    s->items = pbase_arena_array(arena, total, sizeof(s->items[0]));
    if (s->items == NULL && total > 0) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        const pbase_plugin_info *plugin = &list->plugins[i];
        bool is_used = plugin->status == PBASE_OK && plugin->shadowed_by == NULL;
        for (size_t j = 0; is_used && j < plugin->component_count; j++) {
            s->items[s->count++] = &plugin->components[j];
        }
    }
    qsort(s->items, s->count, sizeof(s->items[0]), by_label);
    return true;
}

pbase_status pbase_config_schema(const pbase_plugin_list *list, pbase_buffer *out, pbase_error *err)
{
    schema s = {.text = out, .err = err};
    pbase_arena arena;
    size_t before = out->size;
    pbase_arena_init(&arena, out->alloc);
    if (!collect(&s, list, &arena)) {
        s.status = PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a schema");
    } else {
        say_document(&s);
    }
    pbase_arena_fini(&arena);
    out->size = s.status == PBASE_OK ? out->size : before;
    return s.status;
}
