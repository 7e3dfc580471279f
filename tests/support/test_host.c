/* test_host.c - dlopen, an option table read from texts, and a chain of components. */
#include "test_host.h"

#include "host/services.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static void die(const char *what, const char *name)
{
    fprintf(stderr, "test_host: %s: %s\n", what, name);
    abort();
}

/* The plan is changed through what the host hands out as const. */
static const void *service(const pbase_host *base, const char *name)
{
    const test_host *host = (const test_host *)(const void *)base;
    return strcmp(name, FAULT_PLAN_SERVICE) == 0 ? &host->faults : NULL;
}

void test_host_init(test_host *host, const pbase_os *os)
{
    services_init(&host->base, os, NULL);
    fault_alloc_init(&host->memory);
    fault_plan_init(&host->faults);
    host->base.alloc = &host->memory.alloc;
    host->base.service = service;
}

/* ---------------------------------------------------------------------------------- plugins --- */

static const pbase_plugin *plugin_load(const char *name)
{
    static const char *const folders[] = {"PBASE_PLUGIN_DIR", "PBASE_TEST_PLUGIN_DIR"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[PATH_MAX];
        const char *folder = getenv(folders[i]);
        if (folder == NULL) {
            die("not set in the environment (run it through ctest)", folders[i]);
        }
        snprintf(path, sizeof path, "%s/%s.so", folder, name);
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (library == NULL) {
            continue;
        }
        pbase_plugin_entry_fn entry = NULL;
        *(void **)&entry = dlsym(library, "pbase_plugin_entry");
        const pbase_plugin *plugin = entry == NULL ? NULL : entry(PBASE_ABI_MAJOR, PBASE_ABI_MINOR);
        if (plugin == NULL) {
            die("no descriptor", path);
        }
        return plugin;
    }
    die("cannot be loaded", name);
    return NULL;
}

static void table_check(const pbase_component *component)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = PBASE_OK;
    if (strcmp(component->kind, PBASE_KIND_STORAGE) == 0) {
        status = pbase_storage_check(component->vtable, &err);
    } else if (strcmp(component->kind, PBASE_KIND_BLOCK_PROVIDER) == 0) {
        status = pbase_blocks_check(component->vtable, &err);
    }
    if (status != PBASE_OK) {
        die(component->name, err.message);
    }
}

const pbase_component *test_component_load(const test_wiring *wiring)
{
    const pbase_plugin *plugin = plugin_load(wiring->plugin);
    for (uint32_t i = 0; i < plugin->component_count; i++) {
        const pbase_component *component = &plugin->components[i];
        if (strcmp(component->kind, wiring->kind) == 0 &&
            strcmp(component->name, wiring->name) == 0) {
            table_check(component);
            return component;
        }
    }
    die("the plugin has no such component", wiring->name);
    return NULL;
}

/* ---------------------------------------------------------------------------------- options --- */

typedef struct {
    pbase_config base;
    const pbase_component *component;
    const char *const *settings;
} text_config;

static const pbase_option *option_find(const text_config *config, const char *key)
{
    for (uint32_t i = 0; i < config->component->option_count; i++) {
        if (strcmp(config->component->options[i].key, key) == 0) {
            return &config->component->options[i];
        }
    }
    die("no such option", key);
    return NULL;
}

/* The text set for a key, or NULL. */
static const char *setting_find(const text_config *config, const char *key)
{
    for (size_t i = 0; config->settings != NULL && config->settings[i] != NULL; i += 2) {
        if (strcmp(config->settings[i], key) == 0) {
            return config->settings[i + 1];
        }
    }
    return NULL;
}

static const text_config *config_from(const pbase_config *self)
{
    return (const text_config *)(const void *)self;
}

static const char *get_text(const pbase_config *self, const char *key)
{
    const pbase_option *option = option_find(config_from(self), key);
    const char *text = setting_find(config_from(self), key);
    return text != NULL ? text : option->default_text;
}

static int64_t get_int(const pbase_config *self, const char *key)
{
    static const struct {
        const char *unit;
        int64_t factor;
    } units[] = {{"", 1},
                 {"KiB", 1024},
                 {"MiB", 1048576},
                 {"GiB", 1073741824},
                 {"ns", 1},
                 {"us", 1000},
                 {"ms", 1000000},
                 {"s", 1000000000},
                 {"m", 60000000000},
                 {"h", 3600000000000}};
    const char *text = get_text(self, key);
    char *end = NULL;
    if (text == NULL) {
        return 0;
    }
    int64_t number = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0) {
            return number * units[i].factor;
        }
    }
    die("not a number", text);
    return 0;
}

static double get_float(const pbase_config *self, const char *key)
{
    const char *text = get_text(self, key);
    return text == NULL ? 0 : strtod(text, NULL);
}

static bool get_bool(const pbase_config *self, const char *key)
{
    const char *text = get_text(self, key);
    return text != NULL && strcmp(text, "true") == 0;
}

static size_t get_count(const pbase_config *self, const char *key)
{
    (void)option_find(config_from(self), key); /* lists are not needed so far: always empty */
    return 0;
}

static const char *get_item(const pbase_config *self, const char *key, size_t index)
{
    (void)self;
    (void)key;
    (void)index;
    return NULL;
}

static bool is_set(const pbase_config *self, const char *key)
{
    return setting_find(config_from(self), key) != NULL;
}

static const char *place(const pbase_config *self, const char *key)
{
    (void)self;
    (void)key;
    return "test:1:1";
}

static const pbase_config_vtable text_config_vtable = {
    .struct_size = sizeof(pbase_config_vtable),
    .get_bool = get_bool,
    .get_int = get_int,
    .get_float = get_float,
    .get_text = get_text,
    .get_count = get_count,
    .get_item = get_item,
    .is_set = is_set,
    .place = place,
};

/* Every key is known, every required one is there. */
static void settings_check(const text_config *config)
{
    for (size_t i = 0; config->settings != NULL && config->settings[i] != NULL; i += 2) {
        (void)option_find(config, config->settings[i]);
    }
    for (uint32_t i = 0; i < config->component->option_count; i++) {
        const pbase_option *option = &config->component->options[i];
        if ((option->flags & PBASE_OPTION_REQUIRED) != 0 &&
            setting_find(config, option->key) == NULL) {
            die("a required option is missing", option->key);
        }
    }
}

/* ------------------------------------------------------------------------------------ graph --- */

struct test_graph {
    const pbase_component *component;
    text_config config;
    test_graph *child;
    void *object;
};

static void graph_free(test_graph *graph)
{
    if (graph != NULL) {
        test_wiring_close(graph->child);
        free(graph);
    }
}

pbase_status test_wiring_open(const test_wiring *wiring, test_host *host, test_graph **out,
                              pbase_error *err)
{
    test_graph *graph = calloc(1, sizeof *graph);
    pbase_status status = PBASE_OK;
    if (graph == NULL) {
        die("no memory", wiring->name);
    }
    graph->component = test_component_load(wiring);
    graph->config.base.vtable = &text_config_vtable;
    graph->config.component = graph->component;
    graph->config.settings = wiring->settings;
    settings_check(&graph->config);
    if (wiring->child != NULL) {
        status = test_wiring_open(wiring->child, host, &graph->child, err);
    }
    void *children[] = {graph->child == NULL ? NULL : graph->child->object};
    pbase_component_open open = {.struct_size = sizeof open,
                                 .child_count = wiring->child == NULL ? 0 : 1,
                                 .host = &host->base,
                                 .config = &graph->config.base,
                                 .children = children,
                                 .data_hint = "test"};
    if (status == PBASE_OK) {
        status = graph->component->open(&open, &graph->object, err);
    }
    if (status != PBASE_OK) {
        graph_free(graph);
        return status;
    }
    *out = graph;
    return PBASE_OK;
}

void test_wiring_close(test_graph *graph)
{
    if (graph == NULL) {
        return;
    }
    if (strcmp(graph->component->kind, PBASE_KIND_STORAGE) == 0) {
        pbase_storage_close(graph->object);
    } else {
        pbase_blocks_close(graph->object);
    }
    graph_free(graph);
}

void *test_graph_object(test_graph *graph)
{
    return graph->object;
}

test_graph *test_graph_child(test_graph *graph)
{
    return graph->child;
}
