/* docs/errors.md names every code of error.h, and no other. */
#include <protobase/base/error.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after setjmp.h */
#include <cmocka.h>

#define CODES_MAX 64u
#define EXIT_CODE_MAX 17

/* The whole of a file of the source tree, NUL-ended; the caller frees it. */
static char *read_source(const char *path)
{
    char whole[512];
    (void)snprintf(whole, sizeof whole, "%s/%s", PBASE_SOURCE_DIR, path); /* shown when missing */
    FILE *file = fopen(whole, "rb");
    if (file == NULL) {
        fail_msg("cannot open %s", whole);
    }
    char *text = (char *)calloc(1, 1 << 17);
    assert_non_null(text);
    size_t size = fread(text, 1, (1 << 17) - 1, file);
    (void)fclose(file);
    assert_true(size > 0 && size < (1 << 17) - 1);
    return text;
}

typedef struct {
    char name[32];
    int number;
} code;

/* The enumerators from PBASE_OK to PBASE_INTERNAL. */
static size_t codes_of_header(code *out)
{
    char *text = read_source("sdk/include/protobase/base/error.h");
    const char *end = strstr(text, "PBASE_INTERNAL = ");
    assert_non_null(end);
    size_t count = 0;
    for (const char *at = strstr(text, "PBASE_OK = "); at != NULL && at <= end;
         at = strstr(at + 1, "    PBASE_")) {
        at = strstr(at, "PBASE_");
        assert_true(count < CODES_MAX);
        if (sscanf(at, "PBASE_%31[A-Z_] = %d", out[count].name, &out[count].number) == 2) {
            count++;
        }
    }
    free(text);
    return count;
}

static void every_code_of_the_header_is_documented(void **state)
{
    (void)state;
    code codes[CODES_MAX];
    size_t count = codes_of_header(codes);
    char *page = read_source("docs/errors.md");
    assert_in_range(count, 26, CODES_MAX);
    for (size_t i = 0; i < count; i++) {
        char row[80];
        (void)snprintf(row, sizeof row, "\n| `%.31s` | %d |", codes[i].name,
                       codes[i].number); /* fits */
        if (strstr(page, row) == NULL) {
            fail_msg("docs/errors.md has no row for %s = %d", codes[i].name, codes[i].number);
        }
        assert_string_equal(pbase_status_name(codes[i].number), codes[i].name);
    }
    free(page);
}

static void every_row_of_the_page_is_whole_and_a_code(void **state)
{
    (void)state;
    code codes[CODES_MAX];
    size_t count = codes_of_header(codes);
    char *page = read_source("docs/errors.md");
    size_t rows = 0;
    for (const char *at = strstr(page, "\n| `"); at != NULL; at = strstr(at + 1, "\n| `")) {
        char name[32];
        int number = -1;
        int exit_code = -1;
        assert_int_equal(
            sscanf(at, "\n| `%31[A-Z_]` | %d | %*[^|]| %*[^|]| %d |", name, &number, &exit_code),
            3);
        assert_string_equal(pbase_status_name(number), name);
        assert_in_range(exit_code, 0, EXIT_CODE_MAX);
        rows++;
    }
    assert_int_equal(rows, count);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_of_the_header_is_documented),
        cmocka_unit_test(every_row_of_the_page_is_whole_and_a_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
