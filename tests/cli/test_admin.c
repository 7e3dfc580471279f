/* test_admin.c - help, version, stats, check, plugins and config, and docs/cli.md against the help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBER(run, text, ...)                                                                     \
    cli_case_member((run), (text), (const char *const[]){__VA_ARGS__, NULL})

#define COMMANDS_MAX 100u

/* A command as it is typed: one word or two. */
typedef struct {
    char first[32], second[32];
} command_name;

/* The words that stand first in the lines below "commands:" of a help. */
static size_t words_below_commands(const char *help, char words[][32], size_t max)
{
    size_t count = 0;
    const char *at = strstr(help, "\ncommands:\n");
    for (at = at == NULL ? NULL : at + 11; at != NULL && strncmp(at, "  ", 2) == 0;
         at = strchr(at, '\n') + 1) {
        assert_true(count < max);
        (void)snprintf(words[count++], 32, "%.*s", (int)strcspn(at + 2, " "), at + 2);
    }
    return count;
}

/* Every command that the help tells of. */
static size_t commands_of_help(cli_case *run, command_name *out)
{
    char first[COMMANDS_MAX][32], second[COMMANDS_MAX][32];
    size_t count = 0;
    CLI(run, "--help");
    cli_case_expect(run, 0, "");
    size_t firsts = words_below_commands(run->out, first, COMMANDS_MAX);
    for (size_t i = 0; i < firsts; i++) {
        CLI(run, first[i], "--help");
        cli_case_expect(run, 0, "");
        size_t seconds = words_below_commands(run->out, second, COMMANDS_MAX);
        for (size_t j = 0; j < (seconds == 0 ? 1 : seconds); j++) {
            assert_true(count < COMMANDS_MAX);
            (void)snprintf(out[count].first, 32, "%.31s", first[i]);
            (void)snprintf(out[count++].second, 32, "%.31s", seconds == 0 ? "" : second[j]);
        }
    }
    return count;
}

static void run_help(cli_case *run, const command_name *command)
{
    if (command->second[0] == '\0') {
        CLI(run, command->first, "--help");
    } else {
        CLI(run, command->first, command->second, "--help");
    }
    cli_case_expect(run, 0, "");
}

static void help_lists_every_command_and_each_has_its_own_with_an_example(void **state)
{
    (void)state;
    command_name commands[COMMANDS_MAX];
    cli_case run;
    cli_case_begin(&run);
    size_t count = commands_of_help(&run, commands);
    assert_true(count >= 19);
    for (size_t i = 0; i < count; i++) {
        char usage[100], example[100];
        (void)snprintf(usage, sizeof usage, "usage: protobase %s%s%s", commands[i].first,
                       commands[i].second[0] == '\0' ? "" : " ", commands[i].second);
        (void)snprintf(example, sizeof example, "protobase %s", commands[i].first);
        run_help(&run, &commands[i]);
        assert_non_null(strstr(run.out, usage));
        const char *examples = strstr(run.out, "\nexample");
        assert_non_null(examples);
        assert_non_null(strstr(examples, example));
    }
    cli_case_end(&run);
}

/* Reads docs/cli.md whole. */
static const char *manual(cli_case *run)
{
    char command[PATH_MAX + 100];
    (void)snprintf(command, sizeof command, "cp '%s/docs/cli.md' '%s/cli.md'", PBASE_SOURCE_DIR,
                   run->dir.path);
    assert_int_equal(system(command), 0);
    return cli_case_read(run, "cli.md");
}

static void the_manual_names_every_command_and_option_of_the_help(void **state)
{
    (void)state;
    command_name commands[COMMANDS_MAX];
    cli_case run;
    cli_case_begin(&run);
    const char *text = manual(&run);
    size_t count = commands_of_help(&run, commands);
    for (size_t i = 0; i < count; i++) {
        char typed[100];
        (void)snprintf(typed, sizeof typed, "%s%s%s", commands[i].first,
                       commands[i].second[0] == '\0' ? "" : " ", commands[i].second);
        run_help(&run, &commands[i]);
        if (strstr(text, typed) == NULL) {
            fail_msg("docs/cli.md does not have '%s'", typed);
        }
        char *rest = NULL;
        for (char *line = strtok_r(run.out, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            if (strncmp(line, "  --", 4) == 0) {
                line[2 + strcspn(line + 2, " ")] = '\0';
                if (strstr(text, line + 2) == NULL) {
                    fail_msg("docs/cli.md does not have %s of '%s'", line + 2, typed);
                }
            }
        }
    }
    cli_case_end(&run);
}

static void what_is_not_built_yet_is_absent_and_exits_with_2(void **state)
{
    (void)state;
    static const char *const absent[][3] = {
        {"index", "frob"}, {"rewind"},       {"bench"},           {"serve"}, {"cluster"},
        {"control", "x"},  {"watches", "x"}, {"sdk", "new", "x"}, {"frob"},  {"databases", "frob"},
    };
    cli_case run;
    cli_case_begin(&run);
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        const char *arguments[4] = {NULL};
        memcpy(arguments, absent[i], sizeof absent[i]);
        cli_case_run(&run, arguments);
        cli_case_expect(&run, 2, "protobase: error: ");
    }
    CLI(&run, "databases", "snapshot", "a");
    cli_case_expect(&run, 2, "usage: protobase databases snapshot");
    CLI(&run, "query", "from a", "--as-of", "yesterday");
    cli_case_expect(&run, 2, "--as-of");
    CLI(&run, NULL);
    cli_case_expect(&run, 2, "which command");
    CLI(&run, "--memory", "--data", "d", "roots");
    cli_case_expect(&run, 2, "only one");
    CLI(&run, "databases", "--help");
    cli_case_expect(&run, 0, "");
    CLI(&run, "plugins");
    cli_case_expect(&run, 2, "usage: protobase plugins list | show | check");
    CLI(&run, "--bogus", "roots");
    cli_case_expect(&run, 2, "--bogus");
    CLI(&run, "roots", "extra");
    cli_case_expect(&run, 2, "usage: protobase roots");
    cli_case_end(&run);
}

static void version_tells_the_abi_and_the_plugins(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "version", "--json");
    cli_case_expect(&run, 0, "");
    assert_true(strlen(MEMBER(&run, run.out, "version")) > 0);
    assert_non_null(strchr(MEMBER(&run, run.out, "abi"), '.'));
    assert_non_null(strstr(run.out, "storage-file"));
    CLI(&run, "--version");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "protobase "));
    cli_case_end(&run);
}

static void stats_and_check_give_figures(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "put", "d", "1", "{\"a\": 1}");

    CLI(&run, "stats", "--json");
    cli_case_expect(&run, 0, "");
    assert_string_equal(MEMBER(&run, run.out, "segments", "unit"), "count");
    assert_string_equal(MEMBER(&run, run.out, "commit_p99", "unit"), "ns");
    assert_string_equal(MEMBER(&run, run.out, "live_atoms", "unit"), "count");
    assert_string_equal(MEMBER(&run, run.out, "dead_bytes", "unit"), "bytes");
    CLI(&run, "stats", "--pinned", "--json");
    cli_case_expect(&run, 0, "");
    assert_string_equal(MEMBER(&run, run.out, "pinned_by_oldest_snapshot", "unit"), "bytes");
    assert_string_equal(MEMBER(&run, run.out, "pinned_by_past", "value"), "0");
    assert_string_equal(MEMBER(&run, run.out, "pinned_by_processes", "value"), "0");
    assert_string_equal(MEMBER(&run, run.out, "processes", "value"), "0");
    CLI(&run, "check", "--json");
    cli_case_expect(&run, 0, "");
    assert_string_equal(MEMBER(&run, run.out, "findings"), "0");
    assert_string_equal(MEMBER(&run, run.out, "entries"), "1");
    CLI(&run, "check");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "0 findings"));
    CLI(&run, "compact", "--json");
    cli_case_expect(&run, 0, "");
    assert_string_equal(MEMBER(&run, run.out, "freed_bytes"), "0");
    CLI(&run, "compact");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "given back"));
    cli_case_end(&run);
}

static void plugins_are_listed_and_shown(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "plugins", "list");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "codec/msgpack"));
    CLI(&run, "plugins", "show", "block_provider/file");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "path"));
    CLI(&run, "plugins", "show", "block_provider/file", "--json");
    cli_case_expect(&run, 0, "");
    assert_string_equal(MEMBER(&run, run.out, "component"), "block_provider/file");
    CLI(&run, "plugins", "show", "storage/fiel");
    cli_case_expect(&run, 3, "did you mean 'storage/file'?");
    CLI(&run, "plugins", "frob");
    cli_case_expect(&run, 2, "usage");
    CLI(&run, "--plugin-dir", "nowhere", "plugins", "list");
    cli_case_expect(&run, 8, "nowhere");
    cli_case_end(&run);
}

static void a_plugin_file_is_checked(void **state)
{
    (void)state;
    cli_case run;
    char good[PATH_MAX];
    cli_case_begin(&run);
    (void)snprintf(good, sizeof good, "%s/codec-json.so", getenv("PBASE_PLUGIN_DIR"));

    CLI(&run, "plugins", "check", good);
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "keeps every rule"));
    cli_case_write(&run, "bad.so", "this is no shared object");
    CLI(&run, "plugins", "check", "bad.so");
    cli_case_expect(&run, 8, "");
    assert_true(run.out_size > 0);
    CLI(&run, "plugins", "check", "missing.so");
    assert_int_not_equal(run.exit_code, 0);
    cli_case_end(&run);
}

static void config_check_reports_every_mistake_with_its_place(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "bad.yaml",
                   "version: 1\nstorage:\n  type: file\n  blocks: {type: file, pth: x}\n"
                   "codecs: [msgpak]\n");
    CLI(&run, "config", "check", "bad.yaml");
    cli_case_expect(&run, 5, "");
    assert_non_null(strstr(run.out, "bad.yaml:4:24: error: "));
    assert_non_null(strstr(run.out, "did you mean 'path'?"));
    assert_non_null(strstr(run.out, "bad.yaml:5:10: error: "));

    CLI(&run, "config", "check", "bad.yaml", "--json");
    cli_case_expect(&run, 5, "");
    (void)cli_case_json(&run, run.out);
    assert_string_equal(MEMBER(&run, run.err, "error", "code"), "CONFIG");

    CLI(&run, "--config", "bad.yaml", "roots"); /* opening says as much */
    cli_case_expect(&run, 5, "bad.yaml:4:24: error: ");
    cli_case_expect(&run, 5, "bad.yaml:5:10: error: ");
    cli_case_end(&run);
}

static void a_good_configuration_is_said_to_be_right(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "good.yaml", "version: 1\nstorage: {type: memory}\ncodecs: [json]\n");
    CLI(&run, "config", "check", "good.yaml");
    cli_case_expect_out(&run, "good.yaml is right\n");
    CLI(&run, "config", "check", "good.yaml", "--json");
    cli_case_expect_out(&run, "{\"problems\": []}\n");
    CLI(&run, "config", "check", "missing.yaml");
    cli_case_expect(&run, 5, "missing.yaml");
    CLI(&run, "--set", "storage.type=file", "--config", "good.yaml", "roots");
    cli_case_expect(&run, 5, "");
    cli_case_end(&run);
}

static void a_configuration_is_explained_with_where_each_setting_is_from(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "c.yaml",
                   "version: 1\nstorage:\n  type: file\n  durability: sync\n"
                   "  blocks: {type: file, path: \"${env:PBASE_TEST_NO_SUCH:-./d}\"}\n");

    CLI(&run, "--set", "storage.durability=none", "config", "explain", "c.yaml");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "c.yaml:3:9\n"));
    assert_non_null(strstr(run.out, " none "));
    assert_non_null(strstr(run.out, "--set storage.durability\n"));
    assert_non_null(strstr(run.out, "storage.map "));
    assert_non_null(strstr(run.out, "default\n"));
    assert_non_null(strstr(run.out, "c.yaml:5:30  ${env:PBASE_TEST_NO_SUCH:-./d}\n"));
    assert_non_null(strstr(run.out, "codecs.0.type "));

    CLI(&run, "config", "explain", "c.yaml", "--json");
    cli_case_expect(&run, 0, "");
    (void)cli_case_json(&run, run.out);
    CLI(&run, "--data", "elsewhere", "config", "explain"); /* what the other commands use */
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "elsewhere"));
    CLI(&run, "config", "explain", "missing.yaml");
    cli_case_expect(&run, 5, "missing.yaml");
    CLI(&run, "config", "schema");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "\"title\": \"protobase.yaml\""));
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_lists_every_command_and_each_has_its_own_with_an_example),
        cmocka_unit_test(the_manual_names_every_command_and_option_of_the_help),
        cmocka_unit_test(what_is_not_built_yet_is_absent_and_exits_with_2),
        cmocka_unit_test(version_tells_the_abi_and_the_plugins),
        cmocka_unit_test(stats_and_check_give_figures),
        cmocka_unit_test(plugins_are_listed_and_shown),
        cmocka_unit_test(a_plugin_file_is_checked),
        cmocka_unit_test(config_check_reports_every_mistake_with_its_place),
        cmocka_unit_test(a_good_configuration_is_said_to_be_right),
        cmocka_unit_test(a_configuration_is_explained_with_where_each_setting_is_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
