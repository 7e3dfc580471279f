/* Every example of docs/query.md, run as it is printed there.
 *
 * A fence "json NAME" is a collection; "query" and "plan" ask; "query explain" explains; the "rows"
 * or "text" that follows is the answer. */
#include "query_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after setjmp.h */
#include <cmocka.h>

#define FENCE_MAX 8192u

typedef struct {
    char kind[64]; /* what stands behind the three ticks */
    char text[FENCE_MAX];
} fence;

/* The next fenced block; false at the end of the page. */
static bool next_fence(FILE *page, fence *out)
{
    char line[FENCE_MAX];
    out->text[0] = '\0';
    while (fgets(line, sizeof line, page) != NULL) {
        if (strncmp(line, "```", 3) == 0) {
            (void)snprintf(out->kind, sizeof out->kind, "%.*s", (int)strcspn(line + 3, "\n"),
                           line + 3);
            break;
        }
    }
    if (feof(page)) {
        return false;
    }
    while (fgets(line, sizeof line, page) != NULL && strncmp(line, "```", 3) != 0) {
        assert_true(strlen(out->text) + strlen(line) < sizeof out->text);
        strcat(out->text, line);
    }
    return true;
}

static void add_collection(query_case *c, const fence *block)
{
    const char *name = pbase_arena_text(&c->arena, pbase_bytes_text(block->kind + 5));
    if (block->text[0] == '{') {
        query_case_dictionary(c, name, block->text);
    } else {
        query_case_collection(c, name, block->text);
    }
}

static void assert_explained(query_case *c, const char *text, const char *wanted)
{
    pbase_query *query = query_case_parse(c, text);
    pbase_value told;
    assert_int_equal(pbase_query_explain(query, PBASE_EXPLAIN_TEXT, &c->arena, &told, &c->error),
                     PBASE_OK);
    const char *found = pbase_arena_text(&c->arena, told.as.string);
    size_t size = strlen(wanted);
    assert_int_equal(wanted[size - 1], '\n');
    if (strlen(found) != size - 1 || strncmp(found, wanted, size - 1) != 0) {
        fail_msg("explained as\n%s\nand should be\n%s", found, wanted);
    }
    pbase_query_destroy(query);
}

static unsigned run_examples(query_case *c, FILE *page)
{
    static fence asked, answer;
    unsigned examples = 0;
    while (next_fence(page, &asked)) {
        if (strncmp(asked.kind, "json ", 5) == 0) {
            add_collection(c, &asked);
            continue;
        }
        assert_true(next_fence(page, &answer));
        examples++;
        if (strcmp(asked.kind, "query explain") == 0) {
            assert_explained(c, asked.text, answer.text);
        } else if (strcmp(asked.kind, "plan") == 0) {
            assert_plan_rows(c, asked.text, answer.text);
        } else {
            assert_string_equal(asked.kind, "query");
            assert_rows(c, asked.text, answer.text);
        }
    }
    return examples;
}

static void every_example_gives_what_the_page_says(void **state)
{
    (void)state;
    query_case c;
    query_case_init(&c);
    FILE *page = fopen(PBASE_SOURCE_DIR "/docs/query.md", "r");
    assert_non_null(page);
    assert_true(run_examples(&c, page) >= 10);
    assert_int_equal(fclose(page), 0);
    query_case_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_gives_what_the_page_says),
    };
    return cmocka_run_group_tests_name("query.docs", tests, NULL, NULL);
}
