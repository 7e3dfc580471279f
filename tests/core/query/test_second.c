/* Steps with a second input: how much work they do, how far memory and deadlines reach into them. */
#include "os/os.h"
#include "query/run.h"
#include "query_case.h"
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

#define ROWS 3000u

static pbase_value documents[ROWS];
static pbase_field fields[ROWS][3];

/* {k: row, g: row % 10, up: row - 1} */
static int begin(void **state)
{
    static query_case c;
    query_case_init(&c);
    for (size_t row = 0; row < ROWS; row++) {
        fields[row][0] = (pbase_field){pbase_bytes_text("k"), pbase_value_int((int64_t)row)};
        fields[row][1] = (pbase_field){pbase_bytes_text("g"), pbase_value_int((int64_t)row % 10)};
        fields[row][2] = (pbase_field){pbase_bytes_text("up"), pbase_value_int((int64_t)row - 1)};
        documents[row] = pbase_value_map(fields[row], 3);
    }
    memory_catalog_add(&c.catalog, "t", documents, NULL, ROWS);
    *state = &c;
    return 0;
}

static int end(void **state)
{
    query_case_fini(*state);
    return 0;
}

/* Runs to the end; how many pairs were tried. */
static uint64_t work_of(query_case *c, const char *text)
{
    pbase_query *query = query_case_parse(c, text);
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_result *result = NULL;
    pbase_value row;
    assert_int_equal(query_run(query, &catalog, pbase_os_real(), &c->options, &result, &c->error),
                     PBASE_OK);
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK) {
        status = pbase_result_next(result, &row, &c->error);
    }
    assert_int_equal(status, PBASE_END);
    uint64_t compared = query_compared(result);
    pbase_result_close(result);
    pbase_query_destroy(query);
    return compared;
}

static void a_join_with_an_equality_tries_about_a_pair_per_row(void **state)
{
    query_case *c = *state;
    c->options.struct_size = sizeof c->options;
    assert_in_range(work_of(c, "from t | join t x on k = x.k | count"), ROWS, 3 * ROWS);
    assert_in_range(work_of(c, "from t | join t x on x.k = k + 1 and g < x.g | count"), ROWS,
                    3 * ROWS);
    assert_in_range(work_of(c, "from t | join semi t x on g = x.g | count"), ROWS, 3 * ROWS);
    assert_in_range(work_of(c, "from t | join anti t x on up = x.k | count"), ROWS, 3 * ROWS);
    /* without the rule, and without an equality, every pair is tried */
    c->options.rules_off = PBASE_RULE_HASH_JOIN;
    assert_true(work_of(c, "from t | where k < 100 | join t x on k = x.k | count") >= 100 * ROWS);
    c->options.rules_off = 0;
    assert_true(work_of(c, "from t | where k < 100 | join t x on k < x.k | count") >= 100 * ROWS);
}

static void a_traversal_tries_about_a_pair_per_node(void **state)
{
    query_case *c = *state;
    c->options.struct_size = sizeof c->options;
    assert_in_range(work_of(c, "from t | where k = 2999 | traverse up t key k ref up | count"), 1,
                    3 * ROWS);
    assert_in_range(work_of(c, "from t | traverse down t key g ref g include start | count"), 1,
                    3 * ROWS);
}

static pbase_status run_with(query_case *c, const char *text, const pbase_query_options *options)
{
    pbase_query *query = query_case_parse(c, text);
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_result *result = NULL;
    pbase_value row;
    pbase_status status = query_run(query, &catalog, pbase_os_real(), options, &result, &c->error);
    while (status == PBASE_OK) {
        status = pbase_result_next(result, &row, &c->error);
    }
    pbase_result_close(result);
    pbase_query_destroy(query);
    return status;
}

static const char *const everything[] = {
    "from t | join left t x on k = x.up | where x.g = 3 | select { k, x }",
    "from t | join full (from t | where g > 4) x on k = x.up and g <> x.g | count",
    "from t as a | join right t as b on a.k < b.k and a.k + 5 > b.k | count",
    "from t | join anti t x on k = x.up",
    "from t | distinct | count",
    "from t | select { g } | union (from t | select { k }) | count",
    "from t | except (from t | where g = 1) | count",
    "from t | intersect t | count",
    "from t | union_all t | where g = 2 | count",
    "from t | where k = 2999 | traverse up t key k ref up dfs include start | count",
    "from t | group by g { l: collect(k), d: count(distinct up) } | unnest l | order by l desc",
};
#define EVERYTHING_COUNT (sizeof everything / sizeof everything[0])

static void what_is_held_has_a_budget(void **state)
{
    query_case *c = *state;
    const pbase_query_options tight = {.struct_size = sizeof tight, .memory_budget_bytes = 40000};
    for (size_t i = 0; i < EVERYTHING_COUNT; i++) {
        if (strstr(everything[i], "union_all") != NULL) {
            continue; /* holds nothing */
        }
        assert_int_equal(run_with(c, everything[i], &tight), PBASE_LIMIT);
        assert_non_null(strstr(c->error.message, "its memory budget is 40000"));
    }
}

/* The flag is raised while the last rows of the collection are read, so that the work of the step
 * itself lies ahead. */
static void a_query_cancelled_in_the_middle_ends_in_every_step(void **state)
{
    query_case *c = *state;
    for (size_t i = 0; i < EVERYTHING_COUNT; i++) {
        uint32_t cancelled = 0;
        const pbase_call call = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
        const pbase_query_options options = {
            .struct_size = sizeof options, .call = &call, .chunk_rows = 100};
        c->catalog.rows_read = 0;
        c->catalog.raises = &cancelled;
        c->catalog.raises_after = ROWS / 2;
        assert_int_equal(run_with(c, everything[i], &options), PBASE_CANCELLED);
    }
    c->catalog.raises = NULL;
}

static void a_nested_loop_looks_at_the_deadline_after_every_chunk_of_pairs(void **state)
{
    query_case *c = *state;
    uint32_t cancelled = 0;
    const pbase_call call = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
    const pbase_query_options options = {.struct_size = sizeof options, .call = &call};
    pbase_query *query = query_case_parse(c, "from t | join t x on k > x.k + 5000 | count");
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_result *result = NULL;
    pbase_value row;
    c->catalog.rows_read = 0;
    c->catalog.raises = &cancelled;
    c->catalog.raises_after = ROWS + 1; /* the right side has been read, the left begins */
    assert_int_equal(query_run(query, &catalog, pbase_os_real(), &options, &result, &c->error),
                     PBASE_OK);
    assert_int_equal(pbase_result_next(result, &row, &c->error), PBASE_CANCELLED);
    assert_in_range(query_compared(result), 0, 3 * PBASE_CHUNK_ROWS);
    pbase_result_close(result);
    pbase_query_destroy(query);
    c->catalog.raises = NULL;
}

static void a_joined_row_of_several_columns_is_read_without_decoding_it(void **state)
{
    query_case *c = *state;
    c->options.struct_size = sizeof c->options;
    c->catalog.decoded = 0;
    (void)work_of(c,
                  "from t key a | join (from t key b | extend { z: k + 1 } | order by z) x beside l"
                  " on l.k = x.z and x.b >= 0 and exists(x.g) and l.a > 3"
                  " | where x.up < 50 | select { n: l.k, m: x.g, o: x.b, p: l.a } | order by m");
    assert_int_equal(c->catalog.decoded, 0);
    (void)work_of(c, "from t | join (from t key b) x on k = x.k | limit 3 | select { x }");
    assert_in_range(c->catalog.decoded, 3, 2 * ROWS); /* shown whole */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_join_with_an_equality_tries_about_a_pair_per_row, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_traversal_tries_about_a_pair_per_node, begin, end),
        cmocka_unit_test_setup_teardown(a_joined_row_of_several_columns_is_read_without_decoding_it,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_is_held_has_a_budget, begin, end),
        cmocka_unit_test_setup_teardown(a_query_cancelled_in_the_middle_ends_in_every_step, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            a_nested_loop_looks_at_the_deadline_after_every_chunk_of_pairs, begin, end),
    };
    return cmocka_run_group_tests_name("core.query.second", tests, NULL, NULL);
}
