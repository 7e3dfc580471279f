/* Finding plugins on a disk whose calls fail, one after the other. */
#include "config/document.h"
#include "host/registry.h"
#include "sim_os.h"
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#define ZOO PBASE_BINARY_DIR "/lib/protobase/zoo/"

/* Puts bytes into a new file of the simulated disk, durably enough for this test. */
static void put_file(const pbase_os *os, const char *path, const void *data, size_t size)
{
    pbase_os_file *file = NULL;
    assert_int_equal(os->file->open(os, path, PBASE_OS_WRITE | PBASE_OS_CREATE, &file, NULL),
                     PBASE_OK);
    assert_int_equal(os->file->write(file, 0, data, size, NULL), PBASE_OK);
    os->file->close(file);
}

/* Copies a plugin of the zoo to the simulated disk. */
static void put_plugin(const pbase_os *os, const char *from, const char *to)
{
    static char data[1u << 22];
    FILE *file = fopen(from, "rb");
    assert_non_null(file);
    size_t size = fread(data, 1, sizeof(data), file);
    assert_int_equal(fclose(file), 0);
    assert_in_range(size, 1, sizeof(data) - 1);
    put_file(os, to, data, size);
}

static void any_failing_call_is_an_error_or_a_plugin_with_a_problem(void **state)
{
    bool reached_the_end = false;
    uint64_t n = 1;
    (void)state;
    sim_os *sim = sim_os_create(1);
    const pbase_os *os = sim_os_interface(sim);
    assert_int_equal(os->directory->create(os, "/plugins", NULL), PBASE_OK);
    put_plugin(os, ZOO "codec-good.so", "/plugins/codec-good.so");
    for (; !reached_the_end; n++) {
        pbase_arena arena;
        registry found;
        registry_entry entry;
        pbase_error err;
        pbase_error_init(&err);
        pbase_arena_init(&arena, os->memory);
        registry_init(&found, os, &arena);
        uint64_t before = sim_os_calls(sim, OS_CALL_ANY);
        sim_os_fail_at(sim, OS_CALL_ANY, n, PBASE_IO, false);

        pbase_status status = registry_add_folder(&found, "/plugins", &err);

        reached_the_end = sim_os_calls(sim, OS_CALL_ANY) - before < n;
        sim_os_fail_at(sim, OS_CALL_ANY, 0, PBASE_IO, false);
        bool usable = status == PBASE_OK &&
                      registry_find(&found, "codec", "codec-good", &entry, &err) == PBASE_OK;
        assert_int_equal(usable, reached_the_end);
        assert_true(usable || err.message[0] != '\0');
        pbase_arena_fini(&arena);
        assert_int_equal(sim_os_memory_used(sim), 0);
    }
    assert_true(n > 5);
    sim_os_destroy(sim);
}

static void a_configuration_that_cannot_be_read_is_a_problem_whatever_call_fails(void **state)
{
    static const char text[] = "version: 1\nstorage: {type: memory}\n";
    bool reached_the_end = false;
    (void)state;
    sim_os *sim = sim_os_create(1);
    const pbase_os *os = sim_os_interface(sim);
    put_file(os, "/app.yaml", text, sizeof(text) - 1);
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.file = "/app.yaml";
    for (uint64_t n = 1; !reached_the_end; n++) {
        pbase_arena arena;
        problem_list problems;
        config_document document;
        pbase_arena_init(&arena, os->memory);
        problem_list_init(&problems, &arena);
        uint64_t before = sim_os_calls(sim, OS_CALL_ANY);
        sim_os_fail_at(sim, OS_CALL_ANY, n, PBASE_IO, false);

        pbase_status status = config_document_read(&source, os, &problems, &document, NULL);

        reached_the_end = sim_os_calls(sim, OS_CALL_ANY) - before < n;
        sim_os_fail_at(sim, OS_CALL_ANY, 0, PBASE_IO, false);
        assert_int_equal(status, PBASE_OK);
        assert_int_equal(problem_list_empty(&problems), document.root != NULL);
        assert_true(!reached_the_end || document.root != NULL);
        pbase_arena_fini(&arena);
        assert_int_equal(sim_os_memory_used(sim), 0);
    }
    sim_os_destroy(sim);
}

static void files_that_are_no_plugins_by_name_are_passed_over(void **state)
{
    pbase_arena arena;
    registry found;
    (void)state;
    sim_os *sim = sim_os_create(1);
    const pbase_os *os = sim_os_interface(sim);
    assert_int_equal(os->directory->create(os, "/plugins", NULL), PBASE_OK);
    put_plugin(os, ZOO "codec-good.so", "/plugins/codec-good.so");
    put_file(os, "/plugins/README.md", "x", 1);
    put_file(os, "/plugins/.so", "x", 1);
    put_file(os, "/plugins/codec-old.so.1", "x", 1);
    pbase_arena_init(&arena, os->memory);
    registry_init(&found, os, &arena);

    assert_int_equal(registry_add_folder(&found, "/plugins", NULL), PBASE_OK);

    assert_int_equal(found.count, 1);
    assert_string_equal(found.first->info.name, "codec-good");
    pbase_arena_fini(&arena);
    sim_os_destroy(sim);
}

static void only_notes_that_may_give_what_is_looked_for_are_read(void **state)
{
    pbase_arena arena;
    registry found;
    registry_entry entry;
    (void)state;
    sim_os *sim = sim_os_create(1);
    const pbase_os *os = sim_os_interface(sim);
    assert_int_equal(os->directory->create(os, "/plugins", NULL), PBASE_OK);
    put_plugin(os, ZOO "codec-good.so", "/plugins/codec-good.so");
    put_plugin(os, ZOO "codec-older.so", "/plugins/codec-older.so");
    pbase_arena_init(&arena, os->memory);
    registry_init(&found, os, &arena);
    assert_int_equal(registry_add_folder(&found, "/plugins", NULL), PBASE_OK);
    const registry_plugin *good = found.first, *older = found.first->next;

    assert_int_equal(registry_find(&found, "codec", "codec-good", &entry, NULL), PBASE_OK);
    assert_ptr_equal(entry.plugin, good);
    assert_true(good->is_read);
    assert_false(older->is_read);

    assert_int_equal(registry_find(&found, "codec", "nowhere", &entry, NULL), PBASE_PLUGIN);
    assert_true(older->is_read); /* for the hint */
    pbase_arena_fini(&arena);
    sim_os_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_failing_call_is_an_error_or_a_plugin_with_a_problem),
        cmocka_unit_test(a_configuration_that_cannot_be_read_is_a_problem_whatever_call_fails),
        cmocka_unit_test(files_that_are_no_plugins_by_name_are_passed_over),
        cmocka_unit_test(only_notes_that_may_give_what_is_looked_for_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
