/* Where keys are looked for, in which order, and which files are refused. */
#include "key_source.h"
#include "os/os.h"
#include "temp_dir.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY_OF_11 "1011111111111111111111111111111111111111111111111111111111111111"
#define KEY_OF_22 "2022222222222222222222222222222222222222222222222222222222222222"
#define KEY_OF_33 "3033333333333333333333333333333333333333333333333333333333333333"

static temp_dir dir;
static uint8_t key[32];
static pbase_error err;
static key_source source;
static char pattern[PATH_MAX + 16];

static int set_up(void **state)
{
    (void)state;
    temp_dir_create(&dir);
    (void)snprintf(pattern, sizeof pattern, "%s/{id}.key", dir.path);
    source = (key_source){.os = pbase_os_real(),
                          .alloc = pbase_alloc_default(),
                          .file = pattern,
                          .env = "PBASE_TEST_{id}_KEY",
                          .credential = "protobase-{id}"};
    memset(key, 0, sizeof key);
    pbase_error_init(&err);
    return setenv("CREDENTIALS_DIRECTORY", dir.path, 1) + unsetenv("PBASE_TEST_OLD_2_KEY");
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    const char *path = temp_dir_path(&dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static pbase_status read_key(void)
{
    return key_source_read(&source, "old-2", key, &err);
}

static void the_file_comes_before_the_environment_and_that_before_the_credential(void **state)
{
    (void)state;
    write_file("old-2.key", KEY_OF_11, 0600);
    write_file("protobase-old-2", KEY_OF_33 "\n", 0400);
    assert_int_equal(setenv("PBASE_TEST_OLD_2_KEY", KEY_OF_22, 1), 0);

    assert_int_equal(read_key(), PBASE_OK);
    assert_int_equal(key[31], 0x11);
    assert_int_equal(unlink(temp_dir_path(&dir, "old-2.key")), 0);
    assert_int_equal(read_key(), PBASE_OK);
    assert_int_equal(key[31], 0x22);
    assert_int_equal(err.code, PBASE_OK); /* nothing is left of the first look */
    assert_int_equal(unsetenv("PBASE_TEST_OLD_2_KEY"), 0);
    assert_int_equal(read_key(), PBASE_OK);
    assert_int_equal(key[31], 0x33);
}

static void a_key_that_is_nowhere_is_named_with_every_place(void **state)
{
    (void)state;
    assert_int_equal(read_key(), PBASE_AUTH);
    assert_non_null(strstr(err.message, "'old-2'"));
    assert_non_null(strstr(err.message, "/old-2.key (missing)"));
    assert_non_null(strstr(err.message, "variable PBASE_TEST_OLD_2_KEY (unset)"));
    assert_non_null(strstr(err.message, "/protobase-old-2 (missing)"));
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(read_key(), PBASE_AUTH);
    assert_non_null(strstr(err.message, "(CREDENTIALS_DIRECTORY is unset)"));
}

static void a_file_that_others_may_read_is_refused_and_the_command_is_given(void **state)
{
    (void)state;
    static const mode_t modes[] = {0640, 0604, 0620, 0644, 0601};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        write_file("old-2.key", KEY_OF_11, modes[i]);
        assert_int_equal(read_key(), PBASE_CONFIG);
        assert_non_null(strstr(err.hint, "chmod 600 '"));
        assert_null(strstr(err.message, "1111"));
    }
    write_file("old-2.key", KEY_OF_11, 0400);
    assert_int_equal(read_key(), PBASE_OK);
}

/* systemd gives a service its credentials through an access list, which shows as the group's. */
static void a_credential_may_show_the_groups_bit_and_no_others(void **state)
{
    (void)state;
    write_file("protobase-old-2", KEY_OF_33, 0440);
    assert_int_equal(read_key(), PBASE_OK);
    write_file("protobase-old-2", KEY_OF_33, 0444);
    assert_int_equal(read_key(), PBASE_CONFIG);
}

static void a_file_of_somebody_else_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip(); /* only root can give a file away */
    }
    write_file("old-2.key", KEY_OF_11, 0600);
    assert_int_equal(chown(temp_dir_path(&dir, "old-2.key"), 12345, (gid_t)-1), 0);
    assert_int_equal(read_key(), PBASE_CONFIG);
    assert_non_null(strstr(err.message, "user 12345"));
}

static void a_link_is_followed_and_what_it_leads_to_is_checked(void **state)
{
    (void)state;
    char target[PATH_MAX];
    write_file("kept", KEY_OF_11, 0600);
    (void)snprintf(target, sizeof target, "%s", temp_dir_path(&dir, "kept"));
    assert_int_equal(symlink(target, temp_dir_path(&dir, "old-2.key")), 0);
    assert_int_equal(read_key(), PBASE_OK);
    assert_int_equal(chmod(target, 0644), 0);
    assert_int_equal(read_key(), PBASE_CONFIG);
}

static void what_is_no_key_says_so_and_where(void **state)
{
    (void)state;
    char much[5000];
    memset(much, 'a', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    static const char *const texts[] = {"", "no key", "\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file("old-2.key", texts[i], 0600);
        assert_int_equal(read_key(), PBASE_CONFIG);
        assert_non_null(strstr(err.message, "/old-2.key"));
    }
    write_file("old-2.key", much, 0600);
    assert_int_equal(read_key(), PBASE_CONFIG);
    assert_int_equal(unlink(temp_dir_path(&dir, "old-2.key")), 0);
    assert_int_equal(mkdir(temp_dir_path(&dir, "old-2.key"), 0700), 0);
    assert_int_equal(read_key(), PBASE_CONFIG);
    assert_int_equal(rmdir(temp_dir_path(&dir, "old-2.key")), 0);
    assert_int_equal(setenv("PBASE_TEST_OLD_2_KEY", "secret but short", 1), 0);
    assert_int_equal(read_key(), PBASE_CONFIG);
    assert_non_null(strstr(err.message, "PBASE_TEST_OLD_2_KEY"));
    assert_null(strstr(err.message, "secret"));
}

#define SOURCE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SOURCE_TEST(the_file_comes_before_the_environment_and_that_before_the_credential),
        SOURCE_TEST(a_key_that_is_nowhere_is_named_with_every_place),
        SOURCE_TEST(a_file_that_others_may_read_is_refused_and_the_command_is_given),
        SOURCE_TEST(a_credential_may_show_the_groups_bit_and_no_others),
        SOURCE_TEST(a_file_of_somebody_else_is_refused),
        SOURCE_TEST(a_link_is_followed_and_what_it_leads_to_is_checked),
        SOURCE_TEST(what_is_no_key_says_so_and_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
