/* Wiring: order of life, codecs on demand, plugins found in their order, failures that leave
 * nothing. */
#include "fake_plugin.h"
#include "fault_alloc.h"
#include "host/wiring.h"
#include "os/os.h"
#include "temp_dir.h"
#include <protobase/plugins.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_OF(number) #number
#define PLUGINS_OF(major) PBASE_BINARY_DIR "/lib/protobase/plugins-" TEXT_OF(major)
#define PLUGINS PLUGINS_OF(PBASE_ABI_MAJOR)
#define ZOO PBASE_BINARY_DIR "/lib/protobase/zoo"

#define RECORDED "version: 1\nstorage: {type: recorded, blocks: {type: recorded, label: a}}\n"

static const pbase_plugin *builtins[1];

static int set_up(void **state)
{
    (void)state;
    builtins[0] = fake_plugin(PLUGINS "/storage-memory.so");
    fake_plugin_reset(0, false);
    assert_int_equal(unsetenv("PROTOBASE_PLUGIN_PATH"), 0);
    return 0;
}

static pbase_status open_source(const pbase_config_source *source, const pbase_os *os, wiring **out,
                                pbase_error *err)
{
    wiring_options options = {.os = os, .builtins = builtins, .builtin_count = 1};
    pbase_error_init(err);
    return wiring_open(source, &options, out, err);
}

static pbase_status open_text(const char *text, wiring **out, pbase_error *err)
{
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.text = text;
    return open_source(&source, NULL, out, err);
}

static pbase_status open_with_folder(const char *text, const char *folder, wiring **out,
                                     pbase_error *err)
{
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.text = text;
    source.plugin_dirs = &folder;
    source.plugin_dir_count = 1;
    return open_source(&source, NULL, out, err);
}

/* ----------------------------------------------------------------------------- life, death --- */
static void leaves_are_opened_first_and_closed_last(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    (void)state;

    assert_int_equal(open_text("version: 1\n"
                               "storage:\n"
                               "  type: recorded\n"
                               "  blocks: {type: recorded, label: a}\n"
                               "  spare: {type: recorded, blocks: {type: recorded, label: b}}\n"
                               "codecs: [plain, squeeze, {type: lock, key: k}]\n",
                               &w, &err),
                     PBASE_OK);
    wiring_close(w);

    assert_string_equal(fake_plugin_record(),
                        "+blocks:a +blocks:b +storage +storage:spare +plain +squeeze +lock "
                        "-lock -squeeze -plain -storage:spare -storage -blocks:b -blocks:a");
    assert_int_equal(fake_plugin_open_count(), 0);
}

static void what_was_wired_can_be_asked_for(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    (void)state;

    assert_int_equal(open_text("version: 1\n"
                               "storage: {type: recorded, durability: async,\n"
                               "          object_cache_size: 1MiB,\n"
                               "          blocks: {type: recorded}}\n"
                               "codecs: [plain, squeeze, {type: lock, key: k}]\n",
                               &w, &err),
                     PBASE_OK);

    assert_non_null(wiring_storage(w));
    assert_string_equal(wiring_storage_label(w), "storage/recorded");
    assert_int_equal(wiring_durability(w), PBASE_DURABILITY_ASYNC);
    assert_int_equal(pbase_config_int(wiring_storage_config(w), "object_cache_size"), 1 << 20);
    assert_ptr_equal(wiring_os(w), pbase_os_real());
    assert_ptr_equal(wiring_host(w)->os, pbase_os_real());
    assert_string_equal(wiring_serializer(w)->name, "plain");
    assert_string_equal(wiring_serializer(w)->plugin_version, "1.2.3");
    assert_int_equal(wiring_serializer(w)->format_version, 3);
    assert_int_equal(wiring_transform_count(w), 2);
    assert_int_equal(wiring_transform(w, 0)->stage, PBASE_TRANSFORM_COMPRESS);
    assert_int_equal(wiring_transform(w, 1)->stage, PBASE_TRANSFORM_ENCRYPT);
    assert_non_null(wiring_transform(w, 1)->transform);
    wiring_close(w);
}

static void a_planned_graph_names_its_paths_and_makes_nothing(void **state)
{
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    wiring *w = NULL;
    pbase_error err;
    temp_dir dir;
    (void)state;
    temp_dir_create(&dir);
    source.data = temp_dir_path(&dir, "space");
    pbase_error_init(&err);

    assert_int_equal(wiring_plan(&source, NULL, &w, &err), PBASE_OK);
    assert_string_equal(wiring_path(w, 0), source.data);
    assert_null(wiring_path(w, 1));
    wiring_close(w);

    assert_int_not_equal(access(source.data, F_OK), 0);
    source.data = NULL;
    source.memory = 1;
    assert_int_equal(wiring_plan(&source, NULL, &w, &err), PBASE_OK);
    assert_null(wiring_path(w, 0));
    wiring_close(w);
    temp_dir_remove(&dir);
}

static void real_plugins_are_wired_from_the_folder_beside_the_library(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    (void)state;
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.memory = 1;

    assert_int_equal(open_source(&source, NULL, &w, &err), PBASE_OK);

    assert_string_equal(wiring_storage_label(w), "storage/memory");
    assert_string_equal(wiring_serializer(w)->name, "msgpack");
    assert_int_equal(wiring_transform_count(w), 0);
    wiring_close(w);
}

/* --------------------------------------------------------------------------- codecs on demand --- */
static void a_codec_that_is_not_listed_is_opened_once_on_demand(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    const wiring_codec *first = NULL;
    const wiring_codec *again = NULL;
    (void)state;
    assert_int_equal(open_text(RECORDED "codecs: [plain]\n", &w, &err), PBASE_OK);

    assert_int_equal(wiring_codec_find(w, "squeeze", &first, &err), PBASE_OK);
    assert_int_equal(wiring_codec_find(w, "squeeze", &again, &err), PBASE_OK);

    assert_ptr_equal(first, again);
    assert_non_null(first->transform);
    assert_null(first->serializer);
    assert_int_equal(wiring_transform_count(w), 0);
    wiring_close(w);
    assert_int_equal(fake_plugin_open_count(), 0);
}

static void a_listed_codec_is_found_as_it_was_opened(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    const wiring_codec *found = NULL;
    (void)state;
    assert_int_equal(open_text(RECORDED "codecs: [plain]\n", &w, &err), PBASE_OK);

    assert_int_equal(wiring_codec_find(w, "plain", &found, &err), PBASE_OK);

    assert_ptr_equal(found, wiring_serializer(w));
    wiring_close(w);
}

static void a_codec_that_nobody_has_is_named_with_its_file(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    const wiring_codec *found = NULL;
    (void)state;
    assert_int_equal(open_text(RECORDED "codecs: [plain]\n", &w, &err), PBASE_OK);

    assert_int_equal(wiring_codec_find(w, "brotli", &found, &err), PBASE_PLUGIN);

    assert_null(found);
    assert_string_equal(err.message, "codecs: no installed plugin offers codec/brotli (it "
                                     "would be in codec-brotli.so)");
    wiring_close(w);
}

static void a_codec_that_needs_a_key_must_be_listed(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    const wiring_codec *found = NULL;
    (void)state;
    assert_int_equal(open_text(RECORDED "codecs: [plain]\n", &w, &err), PBASE_OK);

    assert_int_equal(wiring_codec_find(w, "lock", &found, &err), PBASE_CONFIG);

    assert_string_equal(err.message, "codec/lock: the option 'key' is missing");
    wiring_close(w);
}

#define THREADS 4

static wiring *shared;

static void find_squeeze(void *state)
{
    const wiring_codec **out = state;
    assert_int_equal(wiring_codec_find(shared, "squeeze", out, NULL), PBASE_OK);
}

static void threads_that_ask_for_the_same_codec_get_the_same_one(void **state)
{
    const pbase_os *os = pbase_os_real();
    const wiring_codec *found[THREADS] = {NULL};
    pbase_os_thread *threads[THREADS];
    pbase_error err;
    (void)state;
    assert_int_equal(open_text(RECORDED "codecs: [plain]\n", &shared, &err), PBASE_OK);

    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(os->thread->start(os, "test", find_squeeze, &found[i], &threads[i], NULL),
                         PBASE_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        os->thread->join(threads[i]);
    }

    for (int i = 0; i < THREADS; i++) {
        assert_non_null(found[i]);
        assert_ptr_equal(found[i], found[0]);
    }
    wiring_close(shared);
}

/* ------------------------------------------------------------------------------- failures --- */
static void an_opening_that_fails_anywhere_closes_what_was_opened(void **state)
{
    static const char text[] = RECORDED "codecs: [plain, squeeze]\n";
    (void)state;
    for (unsigned n = 1; n <= 5; n++) {
        wiring *w = NULL;
        pbase_error err;
        fake_plugin_reset(n, false);

        pbase_status status = open_text(text, &w, &err);

        assert_int_equal(status, n <= 4 ? PBASE_BUSY : PBASE_OK);
        assert_int_equal(w == NULL, n <= 4);
        wiring_close(w);
        assert_int_equal(fake_plugin_open_count(), 0);
    }
}

static void a_failed_opening_says_what_and_where(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    (void)state;
    fake_plugin_reset(2, false);

    assert_int_equal(open_text(RECORDED "codecs: [plain]\n", &w, &err), PBASE_BUSY);

    assert_string_equal(err.message, "opening storage/recorded: held by process 7");
    assert_string_equal(err.where, "configuration:2:10");
}

static void an_opening_that_gives_nothing_is_the_plugins_fault(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    (void)state;
    fake_plugin_reset(1, true);

    assert_int_equal(open_text(RECORDED "codecs: [plain]\n", &w, &err), PBASE_PLUGIN);

    assert_string_equal(err.message,
                        "opening block_provider/recorded: its open said OK but gave no object");
}

static void bad_constructors_of_real_plugins_are_survived(void **state)
{
    static const struct {
        const char *codec;
        pbase_status status;
        const char *message;
    } bad[] = {
        {"bad-open", PBASE_AUTH, "opening codec/bad-open: the licence has run out"},
        {"bad-open-silent", PBASE_IO,
         "opening codec/bad-open-silent: its open failed with IO and no "
         "message"},
        {"bad-open-nothing", PBASE_PLUGIN,
         "opening codec/bad-open-nothing: its open said OK but gave no object"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        wiring *w = NULL;
        pbase_error err;
        char text[256];
        snprintf(text, sizeof(text), RECORDED "codecs: [plain, %s]\n", bad[i].codec);

        assert_int_equal(open_with_folder(text, ZOO, &w, &err), bad[i].status);

        assert_string_equal(err.message, bad[i].message);
        assert_int_equal(fake_plugin_open_count(), 0);
    }
}

static void a_plugin_that_breaks_its_contract_is_refused_when_it_is_needed(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    (void)state;

    assert_int_equal(
        open_with_folder(RECORDED "codecs: [plain, bad-missing-slot]\n", ZOO, &w, &err),
        PBASE_PLUGIN);
    assert_non_null(strstr(err.message, "decode"));
    assert_int_equal(open_with_folder(RECORDED "codecs: [plain, codec-good]\n", ZOO, &w, &err),
                     PBASE_OK);
    wiring_close(w);
}

static void two_plugins_of_one_folder_with_the_same_component_are_named(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    (void)state;

    assert_int_equal(open_with_folder(RECORDED "codecs: [plain, twin]\n", ZOO, &w, &err),
                     PBASE_PLUGIN);

    assert_non_null(strstr(err.message, "codec/twin is offered by both"));
    assert_non_null(strstr(err.message, "codec-twin-a.so"));
    assert_non_null(strstr(err.message, "codec-twin-b.so"));
}

/* ---------------------------------------------------------------------------------- search --- */
static void copy_plugin(const char *from, const char *to)
{
    char command[2 * PATH_MAX + 32];
    snprintf(command, sizeof(command), "cp '%s' '%s' && chmod 644 '%s'", from, to, to);
    assert_int_equal(system(command), 0);
}

static void an_earlier_folder_shadows_a_later_one(void **state)
{
    temp_dir dir;
    pbase_arena arena;
    pbase_plugin_list list;
    char path[PATH_MAX];
    (void)state;
    temp_dir_create(&dir);
    pbase_arena_init(&arena, pbase_alloc_default());
    copy_plugin(ZOO "/codec-good.so", temp_dir_path(&dir, "codec-good.so"));
    snprintf(path, sizeof(path), "%s", temp_dir_path(&dir, "codec-good.so"));
    const char *folders[] = {dir.path, ZOO};
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.plugin_dirs = folders;
    source.plugin_dir_count = 2;

    assert_int_equal(pbase_plugins_list(&source, &arena, &list, NULL), PBASE_OK);

    assert_string_equal(list.plugins[0].path, path);
    assert_null(list.plugins[0].shadowed_by);
    size_t shadowed = 0;
    for (size_t i = 1; i < list.count; i++) {
        if (list.plugins[i].shadowed_by != NULL) {
            assert_string_equal(list.plugins[i].shadowed_by, path);
            assert_string_equal(list.plugins[i].path, ZOO "/codec-good.so");
            shadowed++;
        }
    }
    assert_int_equal(shadowed, 1);
    pbase_arena_fini(&arena);
    temp_dir_remove(&dir);
}

static void a_refused_plugin_is_never_silently_replaced(void **state)
{
    temp_dir dir;
    wiring *w = NULL;
    pbase_error err;
    (void)state;
    temp_dir_create(&dir);
    copy_plugin(ZOO "/codec-good.so", temp_dir_path(&dir, "codec-good.so"));
    assert_int_equal(chmod(temp_dir_path(&dir, "codec-good.so"), 0666), 0);
    const char *folders[] = {dir.path, ZOO};
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.text = RECORDED "codecs: [plain, codec-good]\n";
    source.plugin_dirs = folders;
    source.plugin_dir_count = 2;

    assert_int_equal(open_source(&source, NULL, &w, &err), PBASE_PLUGIN);

    assert_non_null(strstr(err.message, "codec/codec-good cannot be used: everybody may write"));
    assert_non_null(strstr(err.hint, "chmod go-w"));
    temp_dir_remove(&dir);
}

static void folders_come_from_the_configuration_and_the_environment(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    (void)state;

    assert_int_equal(open_text(RECORDED "codecs: [plain, codec-good]\n"
                                        "plugins: {path: [" ZOO "]}\n",
                               &w, &err),
                     PBASE_OK);
    wiring_close(w);

    assert_int_equal(setenv("PROTOBASE_PLUGIN_PATH", "/nonexistent/folder:" ZOO, 1), 0);
    assert_int_equal(open_text(RECORDED "codecs: [plain, codec-good]\n", &w, &err), PBASE_OK);
    wiring_close(w);
}

static void folders_that_cannot_be_used_are_problems(void **state)
{
    temp_dir dir;
    wiring *w = NULL;
    pbase_error err;
    (void)state;
    temp_dir_create(&dir);
    assert_int_equal(chmod(dir.path, 0777), 0);

    assert_int_equal(open_with_folder(RECORDED "codecs: [plain]\n", "/nonexistent", &w, &err),
                     PBASE_PLUGIN);
    assert_string_equal(err.where, "--plugin-dir");
    assert_int_equal(open_with_folder(RECORDED "codecs: [plain]\n", dir.path, &w, &err),
                     PBASE_PLUGIN);
    assert_non_null(strstr(err.message, "everybody may write"));
    assert_int_equal(
        open_text(RECORDED "codecs: [plain]\nplugins: {path: [/nonexistent]}\n", &w, &err),
        PBASE_PLUGIN);
    assert_string_equal(err.where, "configuration:4:18");
    assert_int_equal(setenv("PROTOBASE_PLUGIN_PATH", "plugins", 1), 0);
    assert_int_equal(open_text(RECORDED "codecs: [plain]\n", &w, &err), PBASE_PLUGIN);
    assert_string_equal(err.message, "'plugins' is not an absolute path");
    assert_int_equal(chmod(dir.path, 0755), 0);
    temp_dir_remove(&dir);
}

static bool privileged(const pbase_os *os)
{
    (void)os;
    return true;
}

static void a_privileged_program_ignores_the_environments_folders(void **state)
{
    wiring *w = NULL;
    pbase_error err;
    (void)state;
    pbase_os os = *pbase_os_real();
    pbase_os_system_ops ops = *os.system;
    ops.is_privileged = privileged;
    os.system = &ops;
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.text = RECORDED "codecs: [plain, codec-good]\n";
    assert_int_equal(setenv("PROTOBASE_PLUGIN_PATH", ZOO, 1), 0);

    assert_int_equal(open_source(&source, &os, &w, &err), PBASE_PLUGIN);

    assert_non_null(strstr(err.message, "no installed plugin offers codec/codec-good"));
}

/* -------------------------------------------------------------------------------- checking --- */
static void checking_runs_no_plugin_code(void **state)
{
    pbase_error err;
    (void)state;
    const char *folder = ZOO;
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.text = "version: 1\nstorage: {type: memory}\ncodecs: [msgpack, bad-open]\n";
    source.plugin_dirs = &folder;
    source.plugin_dir_count = 1;
    pbase_error_init(&err);

    assert_int_equal(pbase_config_check(&source, NULL, NULL, &err), PBASE_OK);
}

static void components_are_found_by_label(void **state)
{
    pbase_arena arena;
    pbase_plugin_list list;
    pbase_error err;
    const pbase_plugin_info *plugin = NULL;
    const pbase_component_info *info = NULL;
    (void)state;
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_plugins_list(NULL, &arena, &list, &err), PBASE_OK);

    assert_int_equal(pbase_plugins_find(&list, "storage/memory", &plugin, &info, &err), PBASE_OK);
    assert_string_equal(plugin->name, "storage-memory");
    assert_string_equal(info->kind, PBASE_KIND_STORAGE);
    assert_true(info->option_count > 0);
    assert_int_equal(pbase_plugins_find(&list, "codec/msgpack", &plugin, &info, &err), PBASE_OK);
    assert_int_equal(pbase_plugins_find(&list, "codec/msgpak", &plugin, &info, &err),
                     PBASE_NOT_FOUND);
    assert_string_equal(err.hint, "did you mean 'codec/msgpack'?");
    assert_int_equal(pbase_plugins_find(&list, "msgpack", &plugin, &info, &err), PBASE_NOT_FOUND);
    pbase_arena_fini(&arena);
}

/* ------------------------------------------------------------------------------- sweeping --- */
static void lack_of_memory_anywhere_leaves_nothing(void **state)
{
    uint64_t n = 1;
    bool reached_the_end = false;
    (void)state;
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.text = RECORDED "codecs: [plain, {type: lock, key: k}]\n";
    for (; !reached_the_end; n++) {
        wiring *w = NULL;
        pbase_error err;
        fault_alloc fa;
        fault_alloc_init(&fa);
        pbase_os os = *pbase_os_real();
        os.memory = &fa.alloc;
        fault_alloc_fail_at(&fa, n);

        pbase_status status = open_source(&source, &os, &w, &err);

        reached_the_end = !fault_alloc_has_failed(&fa);
        assert_int_equal(status, reached_the_end ? PBASE_OK : PBASE_NO_MEMORY);
        wiring_close(w);
        assert_int_equal(fault_alloc_live_bytes(&fa), 0);
        assert_int_equal(fake_plugin_open_count(), 0);
    }
    assert_true(n > 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(leaves_are_opened_first_and_closed_last),
        TEST(what_was_wired_can_be_asked_for),
        TEST(a_planned_graph_names_its_paths_and_makes_nothing),
        TEST(real_plugins_are_wired_from_the_folder_beside_the_library),
        TEST(a_codec_that_is_not_listed_is_opened_once_on_demand),
        TEST(a_listed_codec_is_found_as_it_was_opened),
        TEST(a_codec_that_nobody_has_is_named_with_its_file),
        TEST(a_codec_that_needs_a_key_must_be_listed),
        TEST(threads_that_ask_for_the_same_codec_get_the_same_one),
        TEST(an_opening_that_fails_anywhere_closes_what_was_opened),
        TEST(a_failed_opening_says_what_and_where),
        TEST(an_opening_that_gives_nothing_is_the_plugins_fault),
        TEST(bad_constructors_of_real_plugins_are_survived),
        TEST(a_plugin_that_breaks_its_contract_is_refused_when_it_is_needed),
        TEST(two_plugins_of_one_folder_with_the_same_component_are_named),
        TEST(an_earlier_folder_shadows_a_later_one),
        TEST(a_refused_plugin_is_never_silently_replaced),
        TEST(folders_come_from_the_configuration_and_the_environment),
        TEST(folders_that_cannot_be_used_are_problems),
        TEST(a_privileged_program_ignores_the_environments_folders),
        TEST(checking_runs_no_plugin_code),
        TEST(components_are_found_by_label),
        TEST(lack_of_memory_anywhere_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
