/* test_faults_config.c - configurations and the list of plugins, with every call below them made to
 * fail (fault_scene.h). */
#include "fault_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char good_text[] =
    "version: 1\n"
    "storage:\n"
    "  type: file\n"
    "  durability: sync\n"
    "  blocks: {type: file, path: '${env:NONE:-./data}', segment_size: 64MiB}\n"
    "codecs: [msgpack, {type: zstd, level: 3}]\n";
static const char bad_text[] = "version: 1\n"
                               "storage: {type: file, durabilty: sync, blocks: {type: fil}}\n"
                               "codecs: [msgpack, {type: zstd, level: 99}]\n"
                               "more: 1\n";

static pbase_config_source source_of(fault_scene *s, const char *text)
{
    pbase_config_source source = s->fixture.source; /* its folders of plugins, its machine */
    source.data = NULL;
    source.set_count = 0;
    source.text = text;
    return source;
}

static void count_problem(void *state, const pbase_config_problem *problem)
{
    *(uint64_t *)state += problem->message[0] != '\0';
}

static pbase_status check_good(fault_scene *s, pbase_error *err)
{
    pbase_config_source source = source_of(s, good_text);
    uint64_t problems = 0;
    pbase_status status = pbase_config_check(&source, count_problem, &problems, err);
    assert_true(status != PBASE_OK || problems == 0);
    return status;
}

/* All of it is told; lack of memory is not taken for one of the problems. */
static pbase_status check_bad(fault_scene *s, pbase_error *err)
{
    pbase_config_source source = source_of(s, bad_text);
    pbase_status status = pbase_config_check(&source, count_problem, &s->digest, err);
    assert_int_not_equal(status, PBASE_OK);
    return status == PBASE_CONFIG || status == PBASE_PLUGIN ? PBASE_OK : status;
}

static pbase_status tell_setting(void *state, const pbase_config_setting *setting, pbase_error *err)
{
    (void)err;
    *(uint64_t *)state += setting->path[0] != '\0';
    return PBASE_OK;
}

static pbase_status explain(fault_scene *s, pbase_error *err)
{
    pbase_config_source source = source_of(s, good_text);
    return pbase_config_explain(&source, NULL, NULL, tell_setting, &s->digest, err);
}

static pbase_status format_problem(fault_scene *s, pbase_error *err)
{
    const pbase_config_problem problem = {.struct_size = sizeof problem,
                                          .code = PBASE_CONFIG,
                                          .file = "app.yaml",
                                          .line = 3,
                                          .column = 7,
                                          .message = "unknown key 'strage'",
                                          .hint = "did you mean 'storage'?"};
    pbase_buffer text;
    pbase_buffer_init(&text, s->memory);
    pbase_status status = pbase_config_problem_format(&problem, &text, err);
    s->digest = text.size;
    pbase_buffer_fini(&text);
    return status;
}

static pbase_status plugins(fault_scene *s, pbase_error *err)
{
    pbase_config_source source = source_of(s, NULL);
    pbase_plugin_list list = {NULL, 0};
    const pbase_plugin_info *plugin = NULL;
    const pbase_component_info *component = NULL;
    pbase_buffer text;
    size_t options = 0;
    pbase_buffer_init(&text, s->memory);
    assert_non_null(pbase_config_core_options("storage", &options));
    pbase_status status = pbase_plugins_list(&source, &s->arena, &list, err);
    status = status == PBASE_OK ? pbase_plugins_find(&list, "codec/zstd", &plugin, &component, err)
                                : status;
    status = status == PBASE_OK ? pbase_component_info_label(component, &text, err) : status;
    status = status == PBASE_OK ? pbase_config_schema(&list, &text, err) : status;
    s->digest = status == PBASE_OK ? text.size : 0;
    pbase_buffer_fini(&text);
    return status;
}

static const fault_scenario scenarios[] = {
    {.name = "check_good",
     .functions = "pbase_config_check",
     .place = FAULT_OUTSIDE,
     .when = check_good},
    {.name = "check_bad",
     .functions = "pbase_config_check",
     .place = FAULT_OUTSIDE,
     .when = check_bad},
    {.name = "explain",
     .functions = "pbase_config_explain",
     .place = FAULT_OUTSIDE,
     .when = explain},
    {.name = "format_problem",
     .functions = "pbase_config_problem_format",
     .place = FAULT_OUTSIDE,
     .when = format_problem},
    {.name = "plugins",
     .functions = "pbase_config_core_options pbase_plugins_list pbase_plugins_find "
                  "pbase_component_info_label pbase_config_schema",
     .place = FAULT_OUTSIDE,
     .when = plugins},
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
