/* config_docs.c - the option tables of docs/config.md and the schema of docs/config.schema.json,
 * made from the plugins beside the library, so that neither can drift from the code.
 *
 *     config_docs markdown       the tables, for tools/update_config_docs
 *     config_docs schema         a JSON Schema (draft 2020-12) of the whole document
 *     config_docs check FILE     0 when FILE has every table word for word
 *
 * A plugin that was left out of the build has no table here and is not missed by `check`. */
#include <protobase/plugin/plugin.h>
#include <protobase/plugins.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    const pbase_plugin_info *plugin;
    const pbase_component_info *component;
} listed;

typedef struct {
    pbase_arena arena;
    pbase_buffer text;
    listed *items; /* by label */
    size_t count;
} docs;

/* Appends formatted text; there is nothing useful to do without memory. */
#define SAY(d, ...)                                                                                \
    do {                                                                                           \
        if (pbase_buffer_append_text(&(d)->text, NULL, __VA_ARGS__) != PBASE_OK) {                 \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static bool is_codec(const pbase_component_info *info)
{
    return strcmp(info->kind, "serializer") == 0 || strcmp(info->kind, "transform") == 0;
}

static const char *label_kind(const pbase_component_info *info)
{
    return is_codec(info) ? "codec" : info->kind;
}

/* Storages first, then what they stand on, then codecs, then the rest. */
static int rank_of(const pbase_component_info *info)
{
    static const char *const kinds[] = {"storage", "block_provider", "codec"};
    int rank = 0;
    while (rank < 3 && strcmp(kinds[rank], label_kind(info)) != 0) {
        rank++;
    }
    return rank;
}

static int by_label(const void *a, const void *b)
{
    const listed *left = a;
    const listed *right = b;
    int order = rank_of(left->component) - rank_of(right->component);
    return order != 0 ? order : strcmp(left->component->name, right->component->name);
}

static const char *type_name(uint32_t type)
{
    static const char *const names[] = {"",     "bool", "int",      "float", "text",
                                        "word", "size", "duration", "path",  "list"};
    return type < sizeof(names) / sizeof(names[0]) ? names[type] : "";
}

/* -------------------------------------------------------------------------------- markdown --- */
/* A range with its words apart: a bar would end the cell. */
static void say_range(docs *d, const pbase_option *option)
{
    for (const char *at = option->range == NULL ? "" : option->range; *at != '\0'; at++) {
        if (*at == '|') {
            SAY(d, ", ");
        } else {
            SAY(d, "%c", *at);
        }
    }
}

static void say_option(docs *d, const pbase_option *option)
{
    bool required = (option->flags & PBASE_OPTION_REQUIRED) != 0;
    SAY(d, "| `%s` | %s | %s | ", option->key, type_name(option->type),
        required                       ? "(required)"
        : option->default_text == NULL ? ""
                                       : option->default_text);
    say_range(d, option);
    SAY(d, " | %s%s |\n", option->doc,
        (option->flags & PBASE_OPTION_SECRET) != 0 ? " Never shown." : "");
}

static void say_slot(docs *d, const pbase_slot *slot)
{
    SAY(d, "| `%s` | a %s | %s | | %s |\n", slot->name, slot->kind,
        slot->default_type != NULL ? slot->default_type
        : slot->count_min > 0      ? "(required)"
                                   : "",
        slot->doc);
}

static void say_component(docs *d, const listed *item)
{
    const pbase_component_info *info = item->component;
    SAY(d, "### %s/%s\n\n%s Plugin `%s`.\n", label_kind(info), info->name, info->doc,
        item->plugin->name);
    if (info->option_count + info->slot_count > 0) {
        SAY(d, "\n| key | type | default | range | |\n|---|---|---|---|---|\n");
    }
    for (size_t i = 0; i < info->option_count; i++) {
        say_option(d, &info->options[i]);
    }
    for (size_t i = 0; i < info->slot_count; i++) {
        say_slot(d, &info->slots[i]);
    }
}

static void say_core_options(docs *d, const char *kind)
{
    size_t count;
    const pbase_option *options = pbase_config_core_options(kind, &count);
    SAY(d, "### Every %s\n\n| key | type | default | range | |\n|---|---|---|---|---|\n", kind);
    for (size_t i = 0; i < count; i++) {
        say_option(d, &options[i]);
    }
}

static void say_markdown(docs *d)
{
    say_core_options(d, PBASE_KIND_STORAGE);
    SAY(d, "\n");
    say_core_options(d, PBASE_KIND_TRANSFORM);
    for (size_t i = 0; i < d->count; i++) {
        SAY(d, "\n");
        say_component(d, &d->items[i]);
    }
}

/* ----------------------------------------------------------------------------------- check --- */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1u << 20);
    if (file == NULL || text == NULL || fread(text, 1, (1u << 20) - 1, file) == 0) {
        perror(path);
        exit(1);
    }
    (void)fclose(file); /* it was only read */
    return text;
}

/* 1 after saying so when the table just said does not stand in `text`, which is that of `path`. */
static int is_missing(docs *d, const char *path, const char *text, const char *kind,
                      const char *name)
{
    SAY(d, "%c", '\0');
    bool found = strstr(text, (const char *)d->text.data) != NULL;
    if (!found) {
        fprintf(stderr, "%s: %s/%s is missing or out of date; run tools/update_config_docs\n", path,
                kind, name);
    }
    d->text.size = 0;
    return found ? 0 : 1;
}

/* Whether each table stands in `path`; names those that do not. */
static int check(docs *d, const char *path)
{
    static const char *const core_kinds[] = {PBASE_KIND_STORAGE, PBASE_KIND_TRANSFORM};
    int missing = 0;
    char *text = read_file(path);
    d->text.size = 0;
    for (size_t i = 0; i < sizeof core_kinds / sizeof core_kinds[0]; i++) {
        say_core_options(d, core_kinds[i]);
        missing += is_missing(d, path, text, core_kinds[i], "every");
    }
    for (size_t i = 0; i < d->count; i++) {
        const pbase_component_info *info = d->items[i].component;
        say_component(d, &d->items[i]);
        missing += is_missing(d, path, text, label_kind(info), info->name);
    }
    free(text);
    return missing == 0 ? 0 : 1;
}

/* Collects every component of `list`, sorted by its label. */
static void collect(docs *d, const pbase_plugin_list *list)
{
    size_t total = 0;
    for (size_t i = 0; i < list->count; i++) {
        total += list->plugins[i].component_count;
    }
    d->items = pbase_arena_array(&d->arena, total, sizeof(*d->items));
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; j < list->plugins[i].component_count; j++) {
            d->items[d->count++] = (listed){&list->plugins[i], &list->plugins[i].components[j]};
        }
    }
    qsort(d->items, d->count, sizeof(*d->items), by_label);
}

int main(int argc, char **argv)
{
    docs d = {.count = 0};
    pbase_error err;
    pbase_plugin_list list;
    int code = 0;
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "markdown") != 0 && strcmp(what, "schema") != 0 &&
        (strcmp(what, "check") != 0 || argc != 3)) {
        fprintf(stderr, "usage: %s markdown | schema | check FILE\n", argv[0]);
        return 2;
    }
    pbase_error_init(&err);
    pbase_arena_init(&d.arena, pbase_alloc_default());
    pbase_buffer_init(&d.text, pbase_alloc_default());
    if (pbase_plugins_list(NULL, &d.arena, &list, &err) != PBASE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    collect(&d, &list);
    if (strcmp(what, "check") == 0) {
        code = check(&d, argv[2]);
    } else {
        if (strcmp(what, "markdown") == 0) {
            say_markdown(&d);
        } else if (pbase_config_schema(&list, &d.text, NULL) != PBASE_OK) {
            abort();
        }
        code = fwrite(d.text.data, 1, d.text.size, stdout) == d.text.size ? 0 : 1;
    }
    pbase_buffer_fini(&d.text);
    pbase_arena_fini(&d.arena);
    return code;
}
