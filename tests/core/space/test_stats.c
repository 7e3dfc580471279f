/* test_stats.c - docs/stats.md has every figure of core and of both storages, and no other. */
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ROWS_MAX 64u

/* Rows of the tables under "## Core" and one storage, in their order: "name unit\n"... */
typedef struct {
    char rows[ROWS_MAX][64];
    size_t count;
} figures;

static figures documented, told;

static void read_section(FILE *page, const char *title)
{
    char line[256];
    bool inside = false;
    rewind(page);
    while (fgets(line, sizeof line, page) != NULL) {
        char name[40], unit[16];
        if (line[0] == '#') {
            inside = strncmp(line, title, strlen(title)) == 0;
        } else if (inside && sscanf(line, "| `%39[a-z0-9_]` | %15[a-z] |", name, unit) == 2) {
            assert_true(documented.count < ROWS_MAX);
            (void)snprintf(documented.rows[documented.count++], 64, "%s %s", name, unit);
        }
    }
}

static void read_page(const char *storage)
{
    FILE *page = fopen(PBASE_SOURCE_DIR "/docs/stats.md", "r");
    assert_non_null(page);
    documented.count = 0;
    read_section(page, "## Core");
    read_section(page, storage);
    assert_int_equal(fclose(page), 0);
}

static pbase_status hear(void *state, const char *name, uint64_t value, const char *unit,
                         pbase_error *err)
{
    (void)state;
    (void)value;
    (void)err;
    assert_true(told.count < ROWS_MAX);
    (void)snprintf(told.rows[told.count++], 64, "%s %s", name, unit);
    return PBASE_OK;
}

/* Ends the space. */
static void compare(space_fixture *f, const char *storage)
{
    read_page(storage);
    told.count = 0;
    assert_int_equal(pbase_space_stats(f->space, hear, NULL, NULL), PBASE_OK);
    for (size_t i = 0; i < told.count && i < documented.count; i++) {
        assert_string_equal(told.rows[i], documented.rows[i]);
    }
    assert_int_equal(told.count, documented.count);
    fixture_end(f);
}

static void every_figure_of_a_space_in_memory_is_documented(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_memory(&f);
    compare(&f, "## storage/memory");
}

static void every_figure_of_a_space_on_files_is_documented(void **unused)
{
    (void)unused;
    space_fixture f;
    fixture_file(&f);
    compare(&f, "## storage/file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_of_a_space_in_memory_is_documented),
        cmocka_unit_test(every_figure_of_a_space_on_files_is_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
