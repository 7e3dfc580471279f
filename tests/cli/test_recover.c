/* test_recover.c - check and recover as typed: exit codes, findings, JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static cli_case run;

static int begin(void **unused)
{
    static char lines[200000];
    size_t at = 0;
    (void)unused;
    cli_case_begin(&run);
    for (int i = 0; i < 2000; i++) {
        at += (size_t)snprintf(lines + at, sizeof lines - at, "{\"id\": %d, \"name\": \"n%d\"}\n",
                               i, i);
    }
    cli_case_write(&run, "people.jsonl", lines);
    CLI(&run, "--data", "d", "import", "people", "people.jsonl", "--key", "id");
    cli_case_expect(&run, 0, "");
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    cli_case_end(&run);
    return 0;
}

static void damage(size_t offset)
{
    FILE *file = fopen(temp_dir_path(&run.dir, "d/store/0001"), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
    assert_int_not_equal(fputc(byte ^ 4, file), EOF);
    assert_int_equal(fclose(file), 0);
}

static void a_sound_space_exits_with_0(void **unused)
{
    (void)unused;
    CLI(&run, "--data", "d", "check", "--quick");
    cli_case_expect(&run, 0, "");
    CLI(&run, "recover", "d", "saved");
    cli_case_expect(&run, 0, "");
    assert_non_null(strstr(run.out, "2000 entries; lost: 0 entries"));
    CLI(&run, "--data", "saved", "query", "from people | count");
    cli_case_expect_out(&run, "{\"count\":2000}\n");
}

static void damage_exits_with_6_and_is_told_with_its_keys(void **unused)
{
    (void)unused;
    damage(9000);
    CLI(&run, "--data", "d", "check");
    cli_case_expect(&run, 6, "protobase recover");
    assert_non_null(strstr(run.out, "database 'main', root 'people', keys from "));
    CLI(&run, "--data", "d", "--json", "check");
    cli_case_expect(&run, 6, "");
    assert_non_null(strstr(run.out, "\"place\":"));
    assert_non_null(strstr(run.out, "\"damaged_atoms\""));
    CLI(&run, "recover", "d", "saved", "--without-stale", "--without-orphans", "--stop-at-gap");
    cli_case_expect(&run, 6, "the rest is saved in 'saved'");
    assert_non_null(strstr(run.out, "what it served is lost"));
    CLI(&run, "--data", "saved", "check");
    cli_case_expect(&run, 0, "");
    CLI(&run, "--json", "recover", "d", "again");
    cli_case_expect(&run, 6, "");
    assert_non_null(strstr(run.out, "\"lost_entries\""));
}

static void what_cannot_be_recovered_is_refused(void **unused)
{
    (void)unused;
    CLI(&run, "recover", "nowhere", "saved");
    cli_case_expect(&run, 3, "nowhere");
    CLI(&run, "recover", "d", "d");
    cli_case_expect(&run, 15, "'d' lies in the folder of the space, 'd'");
    CLI(&run, "recover", "d");
    cli_case_expect(&run, 2, "");
    CLI(&run, "--data", "d", "check", "--findings", "none");
    cli_case_expect(&run, 2, "--findings");
    CLI(&run, "--data", "d", "check");
    cli_case_expect(&run, 0, "");
}

static void a_space_is_not_recovered_into_itself(void **unused)
{
    (void)unused;
    cli_case_write(&run, "config.yaml",
                   "version: 1\nstorage: {type: file, blocks: {type: file, path: d}}\n");
    CLI(&run, "recover", "d", "d/saved");
    cli_case_expect(&run, 15, "'d/saved' lies in the folder of the space, 'd'");
    cli_case_expect(&run, 15, "choose a folder outside the space");
    CLI(&run, "--config", "config.yaml", "recover", "d", "d/store/saved");
    cli_case_expect(&run, 15, "'d/store/saved' lies in the folder of the space, 'd'");
    assert_int_not_equal(access(temp_dir_path(&run.dir, "d/saved"), F_OK), 0);
    assert_int_not_equal(access(temp_dir_path(&run.dir, "d/store/saved"), F_OK), 0);
    CLI(&run, "recover", "d", "d-saved"); /* a name that only begins like it */
    cli_case_expect(&run, 0, "");
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_sound_space_exits_with_0),
        SENTENCE(damage_exits_with_6_and_is_told_with_its_keys),
        SENTENCE(what_cannot_be_recovered_is_refused),
        SENTENCE(a_space_is_not_recovered_into_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
