/* The rules of a plugin file, each with a plugin that breaks it. */
#include "temp_dir.h"
#include <elf.h>
#include <fcntl.h>
#include <protobase/plugins.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ZOO PBASE_BINARY_DIR "/lib/protobase/zoo/"
#define FINDINGS_MAX 8

typedef struct {
    int32_t rules[FINDINGS_MAX];
    char messages[FINDINGS_MAX][400];
    size_t count;
} findings;

static void collect(void *state, const pbase_plugin_finding *finding)
{
    findings *found = state;
    assert_true(found->count < FINDINGS_MAX);
    found->rules[found->count] = finding->rule;
    snprintf(found->messages[found->count++], 400, "%s; %s", finding->message, finding->hint);
}

static findings check(const char *path, uint32_t flags)
{
    findings found = {.count = 0};
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = pbase_plugin_check(path, flags, collect, &found, &err);
    assert_int_equal(status, found.count == 0 ? PBASE_OK : PBASE_PLUGIN);
    assert_int_equal(err.code, status);
    return found;
}

/* Asserts that exactly one rule is broken and that the message has `text` in it. */
static void assert_breaks(const findings *found, int32_t rule, const char *text)
{
    if (found->count != 1 || found->rules[0] != rule || strstr(found->messages[0], text) == NULL) {
        for (size_t i = 0; i < found->count; i++) {
            print_message("rule %s: %s\n", pbase_plugin_rule_name(found->rules[i]),
                          found->messages[i]);
        }
        fail_msg("expected rule %s with '%s' alone", pbase_plugin_rule_name(rule), text);
    }
}

/* Reads a file of the zoo whole; the caller frees. */
static char *read_file(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    char *data = test_malloc((size_t)size);
    assert_int_equal(fread(data, 1, (size_t)size, file), size);
    assert_int_equal(fclose(file), 0);
    *out_size = (size_t)size;
    return data;
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

static temp_dir dir;

static int set_up(void **state)
{
    (void)state;
    temp_dir_create(&dir);
    size_t size;
    char *good = read_file(ZOO "codec-good.so", &size);
    write_file(temp_dir_path(&dir, "codec-good.so"), good, size);
    test_free(good);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

/* ---------------------------------------------------------------------------- healthy ones --- */
static void a_healthy_plugin_breaks_no_rule(void **state)
{
    (void)state;

    assert_int_equal(check(ZOO "codec-good.so", 0).count, 0);
    assert_int_equal(check(ZOO "codec-good.so", PBASE_PLUGIN_CHECK_LOAD).count, 0);
    assert_int_equal(check(temp_dir_path(&dir, "codec-good.so"), PBASE_PLUGIN_CHECK_LOAD).count, 0);
}

static void a_plugin_of_an_older_minor_is_welcome(void **state)
{
    (void)state;

    assert_int_equal(check(ZOO "codec-older.so", PBASE_PLUGIN_CHECK_LOAD).count, 0);
}

/* ----------------------------------------------------------------------------- their files --- */
static void a_missing_file_is_found_out(void **state)
{
    (void)state;

    findings found = check(ZOO "codec-missing.so", 0);

    assert_breaks(&found, PBASE_PLUGIN_RULE_FILE, "No such file");
}

static void a_symbolic_link_is_no_plugin(void **state)
{
    char target[PATH_MAX];
    (void)state;
    snprintf(target, sizeof(target), "%s", temp_dir_path(&dir, "codec-good.so"));
    assert_int_equal(symlink(target, temp_dir_path(&dir, "codec-link.so")), 0);

    findings found = check(temp_dir_path(&dir, "codec-link.so"), 0);

    assert_breaks(&found, PBASE_PLUGIN_RULE_FILE, "is a symbolic link");
}

static void a_folder_is_no_plugin(void **state)
{
    (void)state;
    assert_int_equal(mkdir(temp_dir_path(&dir, "folder.so"), 0755), 0);

    findings found = check(temp_dir_path(&dir, "folder.so"), 0);

    assert_breaks(&found, PBASE_PLUGIN_RULE_FILE, "is not a regular file");
}

static void a_file_of_another_name_is_no_plugin(void **state)
{
    (void)state;
    write_file(temp_dir_path(&dir, "Codec.so"), "x", 1);

    findings found = check(temp_dir_path(&dir, "Codec.so"), 0);

    assert_breaks(&found, PBASE_PLUGIN_RULE_FILE, "is not named as a plugin");
}

static void a_file_that_everybody_may_write_is_not_trusted(void **state)
{
    (void)state;
    assert_int_equal(chmod(temp_dir_path(&dir, "codec-good.so"), 0666), 0);

    findings found = check(temp_dir_path(&dir, "codec-good.so"), PBASE_PLUGIN_CHECK_LOAD);

    assert_breaks(&found, PBASE_PLUGIN_RULE_TRUST, "everybody may write");
}

static void a_file_that_its_group_may_write_is_not_trusted(void **state)
{
    (void)state;
    assert_int_equal(chmod(temp_dir_path(&dir, "codec-good.so"), 0664), 0);

    findings found = check(temp_dir_path(&dir, "codec-good.so"), 0);

    assert_breaks(&found, PBASE_PLUGIN_RULE_TRUST, "its group may write");
}

static void a_folder_that_everybody_may_write_is_not_trusted(void **state)
{
    (void)state;
    assert_int_equal(chmod(dir.path, 0777), 0);

    findings found = check(temp_dir_path(&dir, "codec-good.so"), 0);

    assert_breaks(&found, PBASE_PLUGIN_RULE_TRUST, "everybody may write");
    assert_int_equal(chmod(dir.path, 0755), 0);
}

static void a_file_of_another_user_is_not_trusted(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip(); /* only root can give files away */
    }
    assert_int_equal(chown(temp_dir_path(&dir, "codec-good.so"), 54321, (gid_t)-1), 0);

    findings found = check(temp_dir_path(&dir, "codec-good.so"), 0);

    assert_breaks(&found, PBASE_PLUGIN_RULE_TRUST, "belongs to user 54321");
}

/* ------------------------------------------------------------------------------- their ELF --- */
static void a_text_file_is_no_plugin(void **state)
{
    static const char text[] = "#!/bin/sh\necho a text that is long enough for an ELF header, at "
                               "least\n";
    (void)state;
    write_file(temp_dir_path(&dir, "codec-text.so"), text, sizeof(text) - 1);

    findings found = check(temp_dir_path(&dir, "codec-text.so"), 0);

    assert_breaks(&found, PBASE_PLUGIN_RULE_ELF, "is not an ELF file");
}

static void an_empty_file_is_no_plugin(void **state)
{
    (void)state;
    write_file(temp_dir_path(&dir, "codec-empty.so"), "", 0);

    findings found = check(temp_dir_path(&dir, "codec-empty.so"), 0);

    assert_breaks(&found, PBASE_PLUGIN_RULE_ELF, "is too short");
}

static void a_plugin_cut_anywhere_breaks_a_rule_and_nothing_else(void **state)
{
    struct stat about;
    (void)state;
    const char *path = temp_dir_path(&dir, "codec-good.so");
    assert_int_equal(stat(path, &about), 0);
    for (off_t cut = about.st_size - 1; cut >= 0; cut -= 1 + about.st_size / 200) {
        assert_int_equal(truncate(path, cut), 0);

        findings found = check(path, 0);

        assert_int_equal(found.count, 1);
        assert_int_equal(found.rules[0], PBASE_PLUGIN_RULE_ELF);
    }
}

static void a_plugin_with_any_byte_of_its_headers_changed_is_survived(void **state)
{
    (void)state;
    const char *path = temp_dir_path(&dir, "codec-good.so");
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    for (off_t at = 0; at < 1024; at++) {
        uint8_t before;
        assert_int_equal(pread(fd, &before, 1, at), 1);
        uint8_t changed = before ^ 0x55u;
        assert_int_equal(pwrite(fd, &changed, 1, at), 1);

        (void)check(path, 0); /* must not crash; may be refused */

        assert_int_equal(pwrite(fd, &before, 1, at), 1);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(check(path, 0).count, 0);
}

static void a_plugin_of_another_machine_is_refused(void **state)
{
    size_t size;
    char *data = read_file(ZOO "codec-good.so", &size);
    Elf64_Ehdr header;
    (void)state;
    memcpy(&header, data, sizeof(header));
    header.e_machine = EM_68K;
    memcpy(data, &header, sizeof(header));
    write_file(temp_dir_path(&dir, "codec-good.so"), data, size);
    test_free(data);

    findings found = check(temp_dir_path(&dir, "codec-good.so"), PBASE_PLUGIN_CHECK_LOAD);

    assert_breaks(&found, PBASE_PLUGIN_RULE_ELF, "was built for another machine");
}

static void a_program_is_no_plugin(void **state)
{
    size_t size;
    char *data = read_file(ZOO "codec-good.so", &size);
    Elf64_Ehdr header;
    (void)state;
    memcpy(&header, data, sizeof(header));
    header.e_type = ET_EXEC;
    memcpy(data, &header, sizeof(header));
    write_file(temp_dir_path(&dir, "codec-good.so"), data, size);
    test_free(data);

    findings found = check(temp_dir_path(&dir, "codec-good.so"), 0);

    assert_breaks(&found, PBASE_PLUGIN_RULE_ELF, "is not a shared object");
}

/* ------------------------------------------------------------------------- what they say --- */
static void a_second_export_is_refused(void **state)
{
    (void)state;

    findings found = check(ZOO "bad-exports.so", 0);

    assert_int_equal(found.count, 2); /* it also carries the note of codec-good */
    assert_int_equal(found.rules[0], PBASE_PLUGIN_RULE_EXPORTS);
    assert_non_null(strstr(found.messages[0], "exports 2 symbols, among them 'zoo_second_export'"));
    assert_int_equal(found.rules[1], PBASE_PLUGIN_RULE_NAME);
}

static void a_plugin_without_a_note_is_refused(void **state)
{
    (void)state;

    findings found = check(ZOO "bad-no-note.so", PBASE_PLUGIN_CHECK_LOAD);

    assert_breaks(&found, PBASE_PLUGIN_RULE_NOTE, "has no ProtoBase note");
}

static void a_foreign_abi_is_refused_with_both_numbers(void **state)
{
    (void)state;

    findings major = check(ZOO "bad-abi-major.so", PBASE_PLUGIN_CHECK_LOAD);
    findings minor = check(ZOO "bad-abi-minor.so", PBASE_PLUGIN_CHECK_LOAD);

    assert_breaks(&major, PBASE_PLUGIN_RULE_ABI, "built for plugin ABI 99.1; this library has 0.1");
    assert_breaks(&minor, PBASE_PLUGIN_RULE_ABI, "built for plugin ABI 0.99; this library has 0.1");
}

static void a_plugin_that_calls_itself_otherwise_is_refused(void **state)
{
    (void)state;

    findings found = check(ZOO "bad-name.so", 0);

    assert_breaks(&found, PBASE_PLUGIN_RULE_NAME,
                  "the plugin in bad-name.so calls itself 'somebody-else'");
}

static void malformed_components_are_refused(void **state)
{
    (void)state;

    findings name = check(ZOO "bad-component-name.so", 0);
    findings option = check(ZOO "bad-default.so", 0);

    assert_breaks(&name, PBASE_PLUGIN_RULE_COMPONENTS, "'Has Blanks'");
    assert_breaks(&option, PBASE_PLUGIN_RULE_COMPONENTS,
                  "option 'level': its default '10' is not a whole number in '1..9'");
}

/* ------------------------------------------------------------------------------ their code --- */
/* A copy of a zoo plugin under the name its note gives it. */
static const char *renamed(const char *from)
{
    size_t size;
    char *data = read_file(from, &size);
    assert_int_equal(unlink(temp_dir_path(&dir, "codec-good.so")), 0);
    write_file(temp_dir_path(&dir, "codec-good.so"), data, size);
    test_free(data);
    return temp_dir_path(&dir, "codec-good.so");
}

static void a_note_that_differs_from_the_descriptor_is_refused(void **state)
{
    (void)state;
    const char *path = renamed(ZOO "bad-note.so");

    assert_int_equal(check(path, 0).count, 0); /* cannot be seen without loading */
    findings found = check(path, PBASE_PLUGIN_CHECK_LOAD);

    assert_breaks(&found, PBASE_PLUGIN_RULE_DESCRIPTOR, "note and descriptor differ");
}

static void an_entry_that_refuses_us_is_refused(void **state)
{
    (void)state;

    findings found = check(renamed(ZOO "bad-entry.so"), PBASE_PLUGIN_CHECK_LOAD);

    assert_breaks(&found, PBASE_PLUGIN_RULE_LOAD, "refuses to serve plugin ABI 0.1");
}

static void a_missing_required_slot_is_refused_by_name(void **state)
{
    (void)state;

    findings found = check(ZOO "bad-missing-slot.so", PBASE_PLUGIN_CHECK_LOAD);

    assert_breaks(&found, PBASE_PLUGIN_RULE_DESCRIPTOR, "decode");
}

static void rules_have_names(void **state)
{
    (void)state;

    assert_string_equal(pbase_plugin_rule_name(PBASE_PLUGIN_RULE_TRUST), "trust");
    assert_string_equal(pbase_plugin_rule_name(PBASE_PLUGIN_RULE_DESCRIPTOR), "descriptor");
    assert_string_equal(pbase_plugin_rule_name(0), "unknown");
    assert_string_equal(pbase_plugin_rule_name(-1), "unknown");
    assert_string_equal(pbase_plugin_rule_name(99), "unknown");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_healthy_plugin_breaks_no_rule),
        TEST(a_plugin_of_an_older_minor_is_welcome),
        TEST(a_missing_file_is_found_out),
        TEST(a_symbolic_link_is_no_plugin),
        TEST(a_folder_is_no_plugin),
        TEST(a_file_of_another_name_is_no_plugin),
        TEST(a_file_that_everybody_may_write_is_not_trusted),
        TEST(a_file_that_its_group_may_write_is_not_trusted),
        TEST(a_folder_that_everybody_may_write_is_not_trusted),
        TEST(a_file_of_another_user_is_not_trusted),
        TEST(a_text_file_is_no_plugin),
        TEST(an_empty_file_is_no_plugin),
        TEST(a_plugin_cut_anywhere_breaks_a_rule_and_nothing_else),
        TEST(a_plugin_with_any_byte_of_its_headers_changed_is_survived),
        TEST(a_plugin_of_another_machine_is_refused),
        TEST(a_program_is_no_plugin),
        TEST(a_second_export_is_refused),
        TEST(a_plugin_without_a_note_is_refused),
        TEST(a_foreign_abi_is_refused_with_both_numbers),
        TEST(a_plugin_that_calls_itself_otherwise_is_refused),
        TEST(malformed_components_are_refused),
        TEST(a_note_that_differs_from_the_descriptor_is_refused),
        TEST(an_entry_that_refuses_us_is_refused),
        TEST(a_missing_required_slot_is_refused_by_name),
        TEST(rules_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
