/* What is told of a configuration: every setting, its value, its place; no secret. */
#include "config/explain.h"
#include "fake_catalog.h"
#include "fault_alloc.h"
#include "os/os.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct {
    char told[8192]; /* "path=value @origin place written\n" each */
    size_t used;
} telling;

static pbase_status tell(void *state, const pbase_config_setting *setting, pbase_error *err)
{
    telling *t = state;
    (void)err;
    assert_non_null(setting->path);
    assert_non_null(setting->doc);
    int n = snprintf(t->told + t->used, sizeof t->told - t->used, "%s=%s @%s %s %s\n",
                     setting->path, setting->value == NULL ? "-" : setting->value,
                     pbase_config_origin_name(setting->origin), setting->place,
                     setting->written == NULL ? "" : setting->written);
    t->used += (size_t)n;
    assert_true(t->used < sizeof t->told);
    return PBASE_OK;
}

static pbase_status explain(const char *text, const char *const *sets, size_t set_count,
                            const pbase_alloc *alloc, telling *out, pbase_error *err)
{
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    pbase_arena arena;
    problem_list problems;
    config_document document;
    config_plan plan;
    source.text = text;
    source.sets = sets;
    source.set_count = set_count;
    out->told[0] = '\0';
    out->used = 0;
    pbase_arena_init(&arena, alloc);
    problem_list_init(&problems, &arena);
    pbase_status status = config_document_read(&source, pbase_os_real(), &problems, &document, err);
    if (status == PBASE_OK) {
        config_plan_make(&document, fake_catalog(), &problems, &plan);
        status = problem_list_finish(&problems, NULL, NULL, err);
    }
    if (status == PBASE_OK) {
        status = config_explain(&document, &plan, &arena, tell, out, err);
    }
    pbase_arena_fini(&arena);
    return status;
}

static void expect(const telling *t, const char *line)
{
    if (strstr(t->told, line) == NULL) {
        fail_msg("'%s' was not told:\n%s", line, t->told);
    }
}

static const char document[] = "version: 1\n"
                               "storage:\n"
                               "  type: file\n"
                               "  tags: [a, b]\n"
                               "  token: \"top ${env:PBASE_TEST_TOKEN} secret\"\n"
                               "  label: \"${env:PBASE_TEST_LABEL:-none}\"\n"
                               "  blocks: {type: file, path: d}\n"
                               "codecs: [msgpack, {type: zstd, level: 9}]\n";

static void each_setting_tells_its_value_and_where_it_is_from(void **state)
{
    static const char *const sets[] = {"storage.durability=none", "codecs.1.level=5"};
    telling t;
    pbase_error err;
    (void)state;
    pbase_error_init(&err);
    assert_int_equal(setenv("PBASE_TEST_TOKEN", "xyzzy", 1), 0);
    assert_int_equal(unsetenv("PBASE_TEST_LABEL"), 0);

    assert_int_equal(explain(document, sets, 2, pbase_alloc_default(), &t, &err), PBASE_OK);

    expect(&t, "storage.type=file @document configuration:3:9 \n");
    expect(&t, "storage.tags=[a, b] @document configuration:4:9 \n");
    expect(&t,
           "storage.label=none @environment configuration:6:10 ${env:PBASE_TEST_LABEL:-none}\n");
    expect(&t, "storage.durability=none @set --set storage.durability \n");
    expect(&t, "storage.home=./home @default  \n");
    expect(&t, "storage.blocks.type=file @document configuration:7:18 \n");
    expect(&t, "codecs.0.type=msgpack @document configuration:8:10 \n");
    expect(&t, "codecs.1.level=5 @set --set codecs.1.level \n");
}

static void a_secret_is_never_told(void **state)
{
    telling t;
    pbase_error err;
    (void)state;
    pbase_error_init(&err);
    assert_int_equal(setenv("PBASE_TEST_TOKEN", "xyzzy", 1), 0);

    assert_int_equal(explain(document, NULL, 0, pbase_alloc_default(), &t, &err), PBASE_OK);

    expect(&t, "storage.token=*** @environment configuration:5:10 ***\n");
    expect(&t, "storage.pin=*** @default  \n");
    assert_null(strstr(t.told, "xyzzy"));
    assert_null(strstr(t.told, "top"));
}

static void what_is_not_written_is_told_with_its_default(void **state)
{
    telling t;
    pbase_error err;
    (void)state;
    pbase_error_init(&err);

    assert_int_equal(
        explain("version: 1\nstorage: memory\n", NULL, 0, pbase_alloc_default(), &t, &err),
        PBASE_OK);

    expect(&t, "storage.type=memory @document configuration:2:10 \n");
    expect(&t, "storage.durability=sync @default  \n");
    expect(&t, "codecs.0.type=msgpack @default  \n");
}

static void lack_of_memory_anywhere_is_said_and_leaves_nothing(void **state)
{
    bool reached_the_end = false;
    uint64_t n = 0;
    (void)state;
    assert_int_equal(setenv("PBASE_TEST_TOKEN", "xyzzy", 1), 0);
    while (!reached_the_end) {
        telling t;
        fault_alloc fa;
        pbase_error err;
        pbase_error_init(&err);
        fault_alloc_init(&fa);
        fault_alloc_fail_at(&fa, ++n);

        pbase_status status = explain(document, NULL, 0, &fa.alloc, &t, &err);

        reached_the_end = !fault_alloc_has_failed(&fa);
        assert_int_equal(status, reached_the_end ? PBASE_OK : PBASE_NO_MEMORY);
        assert_int_equal(fault_alloc_live_bytes(&fa), 0);
    }
    assert_true(n > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_setting_tells_its_value_and_where_it_is_from),
        cmocka_unit_test(a_secret_is_never_told),
        cmocka_unit_test(what_is_not_written_is_told_with_its_default),
        cmocka_unit_test(lack_of_memory_anywhere_is_said_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
