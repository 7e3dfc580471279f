/* Any text as a configuration, as an override and as a plugin's note: problems, never a crash. */
#include "config/plan.h"
#include "fake_catalog.h"
#include "host/note.h"
#include "os/os.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No file is there, and the only variable is X. */
static pbase_status resolve_nothing(const pbase_os *os, const char *path, pbase_buffer *out,
                                    pbase_error *err)
{
    (void)os;
    (void)out;
    return PBASE_FAIL(err, PBASE_NOT_FOUND, "no file '%s'", path);
}

static const char *environment(const pbase_os *os, const char *name)
{
    (void)os;
    return strcmp(name, "X") == 0 ? "value of ${env:X}" : NULL;
}

static void touch(void *state, const pbase_config_problem *problem)
{
    pbase_buffer *out = state;
    out->size = 0;
    PBASE_ASSERT(problem->message[0] != '\0');
    PBASE_ASSERT(pbase_config_problem_format(problem, out, NULL) == PBASE_OK);
}

static void read_configuration(const pbase_os *os, const char *text, const char *set)
{
    pbase_arena arena;
    pbase_buffer told;
    problem_list problems;
    config_document document;
    config_plan plan;
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_buffer_init(&told, pbase_alloc_default());
    problem_list_init(&problems, &arena);
    source.text = text;
    source.sets = &set;
    source.set_count = set == NULL ? 0 : 1;
    PBASE_ASSERT(config_document_read(&source, os, &problems, &document, NULL) == PBASE_OK);
    (void)config_document_plugin_paths(&document, &problems);
    config_plan_make(&document, fake_catalog(), &problems, &plan);
    pbase_status status = problem_list_finish(&problems, touch, &told, NULL);
    PBASE_ASSERT(status != PBASE_OK || (plan.storage != NULL && plan.codec_count > 0));
    pbase_buffer_fini(&told);
    pbase_arena_fini(&arena);
}

static void read_note(const uint8_t *data, size_t size)
{
    pbase_arena arena;
    pbase_plugin_info info = {.name = "x"};
    const config_node *root = NULL;
    pbase_arena_init(&arena, pbase_alloc_default());
    if (note_read_head(pbase_bytes_of(data, size), &arena, &info, &root, NULL) == PBASE_OK) {
        (void)note_check_abi(&info, NULL); /* whatever it says */
        (void)note_read_components(root, &arena, &info, NULL);
    }
    pbase_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pbase_os os = *pbase_os_real();
    pbase_os_directory_ops directory = *os.directory;
    pbase_os_system_ops system = *os.system;
    directory.resolve = resolve_nothing;
    system.environment = environment;
    os.directory = &directory;
    os.system = &system;
    char *text = calloc(1, size + 1);
    PBASE_ASSERT(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    read_configuration(&os, text, NULL);
    read_configuration(&os, "version: 1\nstorage: memory\ncodecs: [json, zstd]\n", text);
    read_note(data, size);
    free(text);
    return 0;
}
