/* document.c - from a source to a tree. */
#include "config/document.h"
#include "config/override.h"
#include "config/substitution.h"
#include "config/text_file.h"
#include "config/values.h"
#include "config/yaml.h"
#include <protobase/base/limits.h>

typedef struct {
    const pbase_config_source *source;
    const pbase_os *os;
    problem_list *problems;
    config_origin *origin;
    pbase_buffer text; /* of the document */
} document_reader;

/* --------------------------------------------------------------------------------- origins --- */
/* The folder of `file`, absolute if it can be known. NULL means no memory. */
static const char *base_of(document_reader *reader, const char *file)
{
    const char *slash = strrchr(file, '/');
    pbase_arena *arena = reader->problems->arena;
    char *folder = slash == NULL
                       ? pbase_arena_text(arena, pbase_bytes_text("."))
                       : pbase_arena_text(arena, pbase_bytes_of(file, (size_t)(slash - file) + 1));
    if (folder == NULL) {
        return NULL;
    }
    pbase_buffer resolved;
    pbase_buffer_init(&resolved, arena->alloc);
    pbase_status status = reader->os->directory->resolve(reader->os, folder, &resolved, NULL);
    if (status == PBASE_OK) {
        folder = pbase_arena_text(arena, pbase_buffer_view(&resolved));
    }
    pbase_buffer_fini(&resolved);
    return folder;
}

/* ---------------------------------------------------------------------------------- texts --- */
static pbase_status read_file(document_reader *reader, pbase_error *err)
{
    pbase_error cause;
    pbase_error_init(&cause);
    reader->origin->name = reader->source->file;
    reader->origin->has_lines = true;
    reader->origin->base = base_of(reader, reader->source->file);
    if (reader->origin->base == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the configuration");
    }
    pbase_status status = config_text_file_read(reader->os, reader->source->file,
                                                PBASE_CONFIG_BYTES_MAX, &reader->text, &cause);
    if (status == PBASE_NO_MEMORY) {
        *(err == NULL ? &cause : err) = cause;
        return status;
    }
    if (status != PBASE_OK) {
        problem_add_at(reader->problems, PBASE_CONFIG, reader->origin, 0, 0,
                       "cannot read the configuration: %s", cause.message);
    }
    return PBASE_OK;
}

static pbase_status take_text(document_reader *reader, pbase_error *err)
{
    reader->origin->name = "configuration";
    reader->origin->has_lines = true;
    return pbase_buffer_append(&reader->text, reader->source->text, strlen(reader->source->text),
                               err);
}

/* Appends `text` in double quotes; a dollar sign is doubled, so that nothing is substituted. */
static pbase_status append_quoted(pbase_buffer *out, const char *text, pbase_error *err)
{
    pbase_status status = pbase_buffer_append(out, "\"", 1, err);
    for (const char *at = text; *at != '\0' && status == PBASE_OK; at++) {
        const char *escape = *at == '"' || *at == '\\' ? "\\" : *at == '$' ? "$" : "";
        status = (unsigned char)*at < 0x20 || *at == 0x7f
                     ? pbase_buffer_append_text(out, err, "\\x%02x", (unsigned)(unsigned char)*at)
                     : pbase_buffer_append_text(out, err, "%s%c", escape, *at);
    }
    return status == PBASE_OK ? pbase_buffer_append(out, "\"", 1, err) : status;
}

static pbase_status make_data_text(document_reader *reader, pbase_error *err)
{
    static const char before[] = "version: 1\nstorage: {type: file, blocks: {type: file, path: ";
    static const char after[] = "}}\ncodecs: [msgpack]\n";
    reader->origin->name = reader->source->data;
    pbase_status status = pbase_buffer_append(&reader->text, before, sizeof(before) - 1, err);
    if (status == PBASE_OK) {
        status = append_quoted(&reader->text, reader->source->data, err);
    }
    return status == PBASE_OK ? pbase_buffer_append(&reader->text, after, sizeof(after) - 1, err)
                              : status;
}

static pbase_status make_memory_text(document_reader *reader, pbase_error *err)
{
    static const char text[] = "version: 1\nstorage: {type: memory}\ncodecs: [msgpack]\n";
    reader->origin->name = "memory";
    return pbase_buffer_append(&reader->text, text, sizeof(text) - 1, err);
}

static pbase_status read_text(document_reader *reader, pbase_error *err)
{
    const pbase_config_source *source = reader->source;
    int named = (source->file != NULL) + (source->text != NULL) + (source->data != NULL) +
                (source->memory != 0);
    if (named != 1) {
        return PBASE_FAIL(
            err, PBASE_INVALID,
            "a configuration source names exactly one of file, text, data and memory; "
            "this one names %d",
            named);
    }
    return source->file != NULL   ? read_file(reader, err)
           : source->text != NULL ? take_text(reader, err)
           : source->data != NULL ? make_data_text(reader, err)
                                  : make_memory_text(reader, err);
}

/* --------------------------------------------------------------------------------- the rest --- */
static void finish(document_reader *reader, config_document *out)
{
    problem_list *problems = reader->problems;
    for (size_t i = 0; i < reader->source->set_count && !problems->no_memory; i++) {
        config_override(&out->root, reader->source->sets[i], problems);
    }
    if (problems->no_memory) {
        out->root = NULL; /* it may have an entry without a value */
        return;
    }
    if (out->root != NULL && out->root->type != CONFIG_MAP) {
        problem_add(problems, PBASE_CONFIG, out->root, "the configuration is no mapping");
        problem_hint(problems, "it begins with 'version: 1'");
        out->root = NULL;
    }
    if (out->root == NULL && problem_list_empty(problems)) {
        problem_add_at(problems, PBASE_CONFIG, out->origin, 1, 1, "the configuration is empty");
        problem_hint(problems, "it begins with 'version: 1'");
    }
    if (out->root != NULL) {
        config_substitute(out->root, reader->os, problems);
    }
}

pbase_status config_document_read(const pbase_config_source *source, const pbase_os *os,
                                  problem_list *problems, config_document *out, pbase_error *err)
{
    document_reader reader = {.source = source, .os = os, .problems = problems};
    pbase_buffer_init(&reader.text, problems->arena->alloc);
    reader.origin = pbase_arena_alloc(problems->arena, sizeof(*reader.origin));
    if (reader.origin == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the configuration");
    }
    memset(reader.origin, 0, sizeof(*reader.origin));
    pbase_status status = read_text(&reader, err);
    if (status == PBASE_OK) {
        out->origin = reader.origin;
        out->root = problem_list_empty(problems)
                        ? config_yaml_read(pbase_buffer_view(&reader.text), out->origin, problems)
                        : NULL;
        finish(&reader, out);
    }
    pbase_buffer_fini(&reader.text);
    return status;
}

config_paths config_document_plugin_paths(const config_document *document, problem_list *problems)
{
    static const pbase_option options[] = {
        {"path", PBASE_OPTION_LIST, 0, NULL, NULL, "Folders searched for plugins."}};
    config_paths paths = {NULL, NULL, 0};
    const config_node *node =
        document->root == NULL ? NULL : config_map_get(document->root, "plugins");
    if (node == NULL) {
        return paths;
    }
    if (node->type != CONFIG_MAP) {
        problem_add(problems, PBASE_CONFIG, node, "plugins: a mapping is expected here");
        problem_hint(problems, "for example plugins: {path: [./plugins]}");
        return paths;
    }
    config_shape shape = {.label = "plugins", .tables = {{options, 1}}, .table_count = 1};
    (void)config_values_read(node, node, &shape, problems); /* its problems are noted */
    const config_node *list = config_map_get(node, "path");
    if (list == NULL || list->type != CONFIG_LIST) {
        return paths;
    }
    paths.items = pbase_arena_array(problems->arena, list->count, sizeof(paths.items[0]));
    paths.nodes = pbase_arena_array(problems->arena, list->count, sizeof(paths.nodes[0]));
    if (paths.items == NULL || paths.nodes == NULL) {
        problems->no_memory = true;
        return paths;
    }
    for (const config_entry *entry = list->first; entry != NULL; entry = entry->next) {
        if (entry->value->type == CONFIG_SCALAR && entry->value->text[0] != '\0') {
            const char *path =
                config_path(entry->value->text, entry->value->origin, problems->arena);
            problems->no_memory = problems->no_memory || path == NULL;
            paths.nodes[paths.count] = entry->value;
            paths.items[paths.count++] = path == NULL ? "" : path;
        }
    }
    return paths;
}
