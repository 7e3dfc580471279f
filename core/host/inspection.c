/* inspection.c - the rules in their order. */
#include "host/inspection.h"
#include "host/elf_file.h"
#include "host/note.h"

typedef struct {
    const inspection_options *options;
    inspection *out;
    const char *path;
    const char *name; /* of the file, without .so; "" when it is not named so */
    bool no_memory;
} inspector;

static const char *arena_copy(pbase_arena *arena, const char *text)
{
    return pbase_arena_text(arena, pbase_bytes_text(text));
}

void inspection_note_finding(const inspection_options *options, inspection *out, int32_t rule,
                             const pbase_error *cause)
{
    if (options->each != NULL) {
        pbase_plugin_finding finding = {sizeof(finding), rule, cause->message, cause->hint};
        options->each(options->state, &finding);
    }
    if (out->info.status != PBASE_OK) {
        return;
    }
    const char *problem = arena_copy(options->arena, cause->message);
    const char *hint = arena_copy(options->arena, cause->hint);
    out->info.status = cause->code == PBASE_NO_MEMORY ? PBASE_NO_MEMORY : PBASE_PLUGIN;
    out->info.problem = problem == NULL ? "" : problem;
    out->info.hint = hint == NULL ? "" : hint;
}

/* Whether a step went well; reports it otherwise. */
static bool passed(inspector *in, int32_t rule, pbase_status status, const pbase_error *cause)
{
    if (status == PBASE_NO_MEMORY) {
        in->no_memory = true;
    } else if (status != PBASE_OK) {
        inspection_note_finding(in->options, in->out, rule, cause);
    }
    return status == PBASE_OK;
}

static pbase_status check_file(const inspector *in, pbase_error *err)
{
    pbase_os_stat facts;
    const pbase_os *os = in->options->os;
    pbase_status status = os->directory->stat(os, in->path, &facts, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (facts.is_symlink || !facts.is_regular) {
        status = PBASE_FAIL(err, PBASE_PLUGIN, "'%s' is %s", in->path,
                            facts.is_symlink ? "a symbolic link" : "not a regular file");
        pbase_error_hint(err, "put the plugin's own file there");
        return status;
    }
    if (!note_is_name(in->name)) {
        return PBASE_FAIL(err, PBASE_PLUGIN, "'%s' is not named as a plugin: [a-z0-9-] and .so",
                          in->path);
    }
    return PBASE_OK;
}

static pbase_status check_exports(const inspector *in, const elf_facts *facts, pbase_error *err)
{
    if (facts->has_entry && facts->export_count == 1) {
        return PBASE_OK;
    }
    pbase_status status =
        facts->has_entry
            ? PBASE_FAIL(err, PBASE_PLUGIN,
                         "'%s' exports %zu symbols, among them '%.60s'; only pbase_plugin_entry "
                         "may be",
                         in->path, facts->export_count, facts->other_export)
            : PBASE_FAIL(err, PBASE_PLUGIN, "'%s' does not export pbase_plugin_entry", in->path);
    pbase_error_hint(err, facts->has_entry ? "link it with plugin.map, as protobase_add_plugin does"
                                           : "end the plugin with PBASE_PLUGIN_ENTRY(descriptor)");
    return status;
}

static pbase_status check_name(const char *file_name, const pbase_plugin_info *info,
                               pbase_error *err)
{
    if (strcmp(info->name, file_name) == 0) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_FAIL(err, PBASE_PLUGIN, "the plugin in %s.so calls itself '%.63s'",
                                     file_name, info->name);
    pbase_error_hint(err, "the file's name is the plugin's name and .so");
    return status;
}

/* Rules NOTE to COMPONENTS. */
static void read_note(inspector *in, pbase_bytes json)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_plugin_info *info = &in->out->info;
    const config_node *root = NULL;
    pbase_arena *arena = in->options->arena;
    if (!passed(in, PBASE_PLUGIN_RULE_NOTE, note_read_head(json, arena, info, &root, &err), &err) ||
        !passed(in, PBASE_PLUGIN_RULE_ABI, note_check_abi(info, &err), &err)) {
        return;
    }
    (void)passed(in, PBASE_PLUGIN_RULE_NAME, check_name(in->name, info, &err), &err);
    (void)passed(in, PBASE_PLUGIN_RULE_COMPONENTS, note_read_components(root, arena, info, &err),
                 &err); /* both report by themselves */
}

/* Rules ELF and EXPORTS; finds the note. */
static void read_elf(inspector *in)
{
    pbase_error err;
    pbase_error_init(&err);
    elf_facts facts;
    if (!passed(in, PBASE_PLUGIN_RULE_ELF,
                elf_file_read(in->options->os, in->path, in->options->arena, &facts, &err), &err)) {
        return;
    }
    (void)passed(in, PBASE_PLUGIN_RULE_EXPORTS, check_exports(in, &facts, &err), &err);
    if (facts.has_note) {
        in->out->note = facts.note;
        return;
    }
    pbase_status status = PBASE_FAIL(&err, PBASE_PLUGIN, "'%s' has no ProtoBase note", in->path);
    pbase_error_hint(&err, "build it with protobase_add_plugin or protobase-plugin-note");
    (void)passed(in, PBASE_PLUGIN_RULE_NOTE, status, &err);
}

/* "zstd" of "/usr/lib/zstd.so" in the arena, "" of other names; NULL means no memory. */
static const char *name_of(const char *path, pbase_arena *arena)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    size_t length = strlen(name);
    if (length <= 3 || strcmp(name + length - 3, ".so") != 0) {
        return "";
    }
    return pbase_arena_text(arena, pbase_bytes_of(name, length - 3));
}

static void info_clear(inspection *out)
{
    memset(out, 0, sizeof(*out));
    out->info.struct_size = sizeof(out->info);
    out->info.path = out->info.name = out->info.version = out->info.license = "";
    out->info.summary = out->info.problem = out->info.hint = "";
}

static pbase_status outcome(const inspector *in, pbase_error *err)
{
    return in->no_memory ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to inspect a plugin")
                         : PBASE_OK;
}

pbase_status inspection_read_note(const inspection_options *options, pbase_bytes json,
                                  const char *name, inspection *out, pbase_error *err)
{
    inspector in = {options, out, "", name, false};
    info_clear(out);
    out->note = json;
    read_note(&in, json);
    return outcome(&in, err);
}

pbase_status inspection_begin(const inspection_options *options, const char *path, inspection *out,
                              pbase_error *err)
{
    pbase_error cause;
    pbase_error_init(&cause);
    inspector in = {options, out, path, name_of(path, options->arena), false};
    info_clear(out);
    out->info.path = arena_copy(options->arena, path);
    if (out->info.path == NULL || in.name == NULL) {
        in.no_memory = true;
        return outcome(&in, err);
    }
    out->info.name = in.name;
    if (passed(&in, PBASE_PLUGIN_RULE_FILE, check_file(&in, &cause), &cause)) {
        (void)passed(&in, PBASE_PLUGIN_RULE_TRUST, trust_check_one(options->trust, path, &cause),
                     &cause); /* reported; the rest can be read all the same */
        read_elf(&in);
    }
    return outcome(&in, err);
}

pbase_status inspection_finish(const inspection_options *options, inspection *out, pbase_error *err)
{
    inspector in = {options, out, out->info.path, out->info.name, false};
    if (out->note.data != NULL) {
        read_note(&in, out->note);
    }
    return outcome(&in, err);
}

pbase_status inspection_run(const inspection_options *options, const char *path, inspection *out,
                            pbase_error *err)
{
    pbase_status status = inspection_begin(options, path, out, err);
    return status == PBASE_OK ? inspection_finish(options, out, err) : status;
}
