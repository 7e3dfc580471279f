/* search.c - adds each folder to a registry. */
#include "host/search.h"

#define VARIABLE "PROTOBASE_PLUGIN_PATH"

/* Where a folder was asked for, when it was not in the configuration. */
static const config_origin option_origin = {"--plugin-dir", NULL, false};
static const config_origin variable_origin = {VARIABLE, NULL, false};
static const config_origin installed_origin = {"installed plugins", NULL, false};

/* Notes `cause` as a problem, at `node` or at an origin without lines. */
static void note(problem_list *problems, const config_node *node, const config_origin *origin,
                 const pbase_error *cause)
{
    if (cause->code == PBASE_NO_MEMORY) {
        problems->no_memory = true;
        return;
    }
    if (node != NULL) {
        problem_add(problems, PBASE_PLUGIN, node, "plugins: %s", cause->message);
    } else {
        problem_add_at(problems, PBASE_PLUGIN, origin, 0, 0, "%s", cause->message);
    }
    if (cause->hint[0] != '\0') {
        problem_hint(problems, "%s", cause->hint);
    }
}

static void add(registry *plugins, const char *path, const config_node *node,
                const config_origin *origin, problem_list *problems)
{
    pbase_error cause;
    pbase_error_init(&cause);
    pbase_status status = registry_add_folder(plugins, path, &cause);
    bool may_be_missing = origin == &variable_origin && status == PBASE_NOT_FOUND;
    if (status != PBASE_OK && !may_be_missing) {
        note(problems, node, origin, &cause);
    }
}

/* The folders of the environment's list. */
static void add_variable(registry *plugins, const pbase_os *environment, problem_list *problems)
{
    const char *list = environment->system->is_privileged(environment)
                           ? NULL
                           : environment->system->environment(environment, VARIABLE);
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ":");
        const char *path = pbase_arena_text(problems->arena, pbase_bytes_of(list, length));
        if (path == NULL) {
            problems->no_memory = true;
            return;
        }
        if (path[0] == '/') {
            add(plugins, path, NULL, &variable_origin, problems);
        } else if (length > 0) {
            problem_add_at(problems, PBASE_PLUGIN, &variable_origin, 0, 0,
                           "'%.200s' is not an absolute path", path);
        }
        list += length + (list[length] == ':');
    }
}

void search_plugins(registry *plugins, const pbase_config_source *source, const config_paths *paths,
                    const pbase_os *environment, problem_list *problems)
{
    pbase_error cause;
    pbase_error_init(&cause);
    for (size_t i = 0; i < source->plugin_dir_count; i++) {
        add(plugins, source->plugin_dirs[i], NULL, &option_origin, problems);
    }
    for (size_t i = 0; i < paths->count; i++) {
        add(plugins, paths->items[i], paths->nodes[i], NULL, problems);
    }
    add_variable(plugins, environment, problems);
    if (registry_add_installed(plugins, &cause) != PBASE_OK) {
        note(problems, NULL, &installed_origin, &cause);
    }
}
