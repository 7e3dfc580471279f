/* What a query reads, decodes and holds; how it ends early. */
#include "fault_alloc.h"
#include "os/os.h"
#include "query/run.h"
#include "query_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

#define MANY 10000u

static pbase_value many_documents[MANY];
static pbase_field many_fields[MANY][3];

static int begin(void **state)
{
    static query_case c;
    query_case_init(&c);
    for (size_t i = 0; i < MANY; i++) {
        many_fields[i][0] = (pbase_field){pbase_bytes_text("n"), pbase_value_int((int64_t)i)};
        many_fields[i][1] = (pbase_field){pbase_bytes_text("k"), pbase_value_int((int64_t)i % 10)};
        many_fields[i][2] = (pbase_field){pbase_bytes_text("s"), pbase_value_text("some text")};
        many_documents[i] = pbase_value_map(many_fields[i], 3);
    }
    memory_catalog_add(&c.catalog, "many", many_documents, NULL, MANY);
    *state = &c;
    return 0;
}

static int end(void **state)
{
    query_case_fini(*state);
    return 0;
}

/* Runs once with whole chunks, and forgets what was counted before. */
static size_t rows_of(query_case *c, const char *text)
{
    memory_catalog *catalog = &c->catalog;
    pbase_query *query = query_case_parse(c, text);
    catalog->rows_read = catalog->decoded = catalog->extracted = 0;
    pbase_value rows = query_case_rows(c, query, PBASE_CHUNK_ROWS);
    pbase_query_destroy(query);
    return rows.as.list.count;
}

static void count_of_a_collection_reads_no_row(void **state)
{
    query_case *c = *state;
    assert_rows(c, "from many | count", "[{'count': 10000}]");
    (void)rows_of(c, "from many | order by s | select { n } | count");
    assert_int_equal(c->catalog.rows_read, 0);
    (void)rows_of(c, "from many | limit 5 | count");
    assert_int_equal(c->catalog.rows_read, 0);
    c->catalog.hides_count = true;
    assert_rows(c, "from many | count", "[{'count': 10000}]");
    assert_int_equal(c->catalog.extracted, 0);
}

static void fields_are_extracted_and_documents_not_decoded(void **state)
{
    query_case *c = *state;
    assert_int_equal(rows_of(c, "from many | where k = 3 | select { n }"), 1000);
    assert_int_equal(c->catalog.decoded, 0);
    assert_int_equal(c->catalog.extracted, MANY);
    assert_int_equal(rows_of(c, "from many | group by k { t: sum(n) }"), 10);
    assert_int_equal(c->catalog.decoded, 0);
}

static void only_documents_that_are_shown_are_decoded(void **state)
{
    query_case *c = *state;
    assert_int_equal(rows_of(c, "from many | where n >= 9990"), 10);
    assert_int_equal(c->catalog.decoded, 10);
    assert_int_equal(rows_of(c, "from many | order by k desc, n | limit 3"), 3);
    assert_int_equal(c->catalog.decoded, 3);
    assert_int_equal(rows_of(c, "from many as d | where d.n < 2 | extend { e: d.k }"), 2);
    assert_int_equal(c->catalog.decoded, 2);
}

static void limit_stops_the_source(void **state)
{
    query_case *c = *state;
    assert_int_equal(rows_of(c, "from many | offset 10 | limit 5"), 5);
    assert_int_equal(c->catalog.rows_read, 15); /* offered */
    assert_int_equal(rows_of(c, "from many | where k = 1 | limit 5"), 5);
    assert_int_equal(c->catalog.rows_read, 16 + 32); /* stopped after the second, short chunk */
    assert_int_equal(rows_of(c, "from many | where false"), 0);
    assert_int_equal(c->catalog.rows_read, 0);
}

static void comparing_the_key_narrows_the_range(void **state)
{
    query_case *c = *state;
    assert_int_equal(rows_of(c, "from many key id | where id = 42 | select { n }"), 1);
    assert_int_equal(c->catalog.rows_read, 1);
    assert_int_equal(rows_of(c, "from many key id | where id > 9 and 20 >= id and k = 5"), 1);
    assert_int_equal(c->catalog.rows_read, 11);
    assert_int_equal(rows_of(c, "from many key id | where id < 10 | count"), 1);
    assert_int_equal(c->catalog.rows_read, 10);
    assert_int_equal(rows_of(c, "from many key id | where id = 42 and id = 43"), 0);
    assert_int_equal(c->catalog.rows_read, 0);
    /* what the source gives too much is checked again */
    c->catalog.ignores_bounds = true;
    assert_int_equal(rows_of(c, "from many key id | where id = 42"), 1);
    assert_int_equal(c->catalog.rows_read, MANY);
    c->catalog.ignores_bounds = false;
    /* of another name, or of an extended key, nothing is narrowed */
    assert_int_equal(rows_of(c, "from many key id | extend { id: k } | where id = 3"), 1000);
}

static void documents_that_come_decoded_are_read_alike(void **state)
{
    query_case *c = *state;
    c->catalog.gives_values = true;
    assert_rows(c, "from many | where n = 7", "[{'n': 7, 'k': 7, 's': 'some text'}]");
    assert_rows(c, "from many | where n < 2 | order by n desc | select { n, e: exists(q) }",
                "[{'n': 1, 'e': false}, {'n': 0, 'e': false}]");
}

static void a_failing_source_ends_the_result_and_the_error_stays(void **state)
{
    query_case *c = *state;
    pbase_query *query = query_case_parse(c, "from many | select { n }");
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_result *result = NULL;
    pbase_value row;
    size_t rows = 0;
    c->catalog.fails_with = PBASE_IO;
    c->catalog.fails_after = 3000;
    c->catalog.rows_read = 0;
    assert_int_equal(query_run(query, &catalog, pbase_os_real(), NULL, &result, &c->error),
                     PBASE_OK);
    pbase_status status = PBASE_OK;
    while ((status = pbase_result_next(result, &row, &c->error)) == PBASE_OK) {
        rows++;
    }
    assert_int_equal(status, PBASE_IO);
    assert_int_equal(rows, 2032); /* whole chunks before it: 16 rows, 32, ... 1024 */
    assert_string_equal(c->error.message, "step 1 (from): the source fails as asked");
    pbase_error_init(&c->error);
    assert_int_equal(pbase_result_next(result, &row, &c->error), PBASE_IO);
    assert_string_equal(c->error.message, "step 1 (from): the source fails as asked");
    pbase_result_close(result);
    pbase_query_destroy(query);
}

static void an_unknown_collection_fails_before_the_first_row(void **state)
{
    query_case *c = *state;
    pbase_query *query = query_case_parse(c, "from mary");
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_result *result = NULL;
    assert_int_equal(query_run(query, &catalog, pbase_os_real(), NULL, &result, &c->error),
                     PBASE_NOT_FOUND);
    assert_null(result);
    assert_null(catalog);
    assert_string_equal(c->error.hint, "did you mean 'many'?");
    pbase_query_destroy(query);
}

static void a_cancelled_call_ends_the_query(void **state)
{
    query_case *c = *state;
    uint32_t cancelled = 1;
    pbase_call call = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
    c->options.call = &call;
    assert_fails(c, "from many | order by n desc", PBASE_CANCELLED, "");
    cancelled = 0;
    assert_int_equal(query_case_try(c, "from many | order by n desc"), PBASE_OK);
    c->options.call = NULL;
}

static void a_deadline_that_passed_ends_the_query(void **state)
{
    query_case *c = *state;
    pbase_call call = {.deadline_ns = 1, .cancelled = NULL};
    c->options.call = &call;
    assert_fails(c, "from many | count", PBASE_TIMEOUT, "");
    c->options.call = NULL;
}

static void cancelling_between_chunks_is_seen_at_the_next(void **state)
{
    query_case *c = *state;
    uint32_t cancelled = 0;
    pbase_call call = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
    pbase_query_options options = {.struct_size = sizeof options, .chunk_rows = 10, .call = &call};
    pbase_query *query = query_case_parse(c, "from many");
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_result *result = NULL;
    const pbase_chunk *chunk = NULL;
    assert_int_equal(query_run(query, &catalog, pbase_os_real(), &options, &result, &c->error),
                     PBASE_OK);
    assert_int_equal(pbase_result_next_chunk(result, &chunk, &c->error), PBASE_OK);
    assert_int_equal(chunk->selected_count, 10);
    cancelled = 1;
    assert_int_equal(pbase_result_next_chunk(result, &chunk, &c->error), PBASE_CANCELLED);
    pbase_result_close(result);
    pbase_query_destroy(query);
}

static void past_the_memory_budget_is_a_limit_with_advice(void **state)
{
    query_case *c = *state;
    c->options.memory_budget_bytes = 100000;
    assert_fails(c, "from many | order by n desc", PBASE_LIMIT, "step 2 (order): the query holds");
    assert_string_equal(c->error.hint, "raise the budget, filter earlier, or add a limit");
    assert_fails(c, "from many | group by n { c: count() }", PBASE_LIMIT, "step 2 (group)");
    assert_int_equal(query_case_try(c, "from many | group by k { c: count() }"), PBASE_OK);
    c->options.memory_budget_bytes = 2000000; /* of all rows sorted it would take more */
    assert_int_equal(query_case_try(c, "from many | order by n desc | limit 10"), PBASE_OK);
    c->options.memory_budget_bytes = 0;
}

static void the_row_limit_is_an_error_and_not_a_cut(void **state)
{
    query_case *c = *state;
    c->options.row_limit = 10;
    assert_int_equal(query_case_try(c, "from many | limit 10"), PBASE_OK);
    assert_fails(c, "from many | limit 11", PBASE_LIMIT, "more than 10 rows");
    c->options.row_limit = 0;
}

static void rows_and_chunks_tell_the_same(void **state)
{
    query_case *c = *state;
    pbase_query *query = query_case_parse(c, "from many | where k = 1 | extend { m: n * 2 }");
    pbase_value rows = query_case_rows(c, query, 100);
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_result *result = NULL;
    const pbase_chunk *chunk = NULL;
    size_t at = 0;
    assert_int_equal(query_run(query, &catalog, pbase_os_real(), NULL, &result, &c->error),
                     PBASE_OK);
    assert_int_equal(pbase_result_column_count(result), 0); /* documents of their own shape */
    while (pbase_result_next_chunk(result, &chunk, &c->error) == PBASE_OK) {
        for (uint32_t n = 0; n < chunk->selected_count; n++) {
            const pbase_value *row = &chunk->columns[0].cells[pbase_chunk_row(chunk, n)];
            assert_true(pbase_value_identical(row, &rows.as.list.items[at++]));
        }
    }
    assert_int_equal(at, rows.as.list.count);
    pbase_result_close(result);
    pbase_query_destroy(query);
}

static void columns_of_a_result_have_names(void **state)
{
    query_case *c = *state;
    pbase_query *query = query_case_parse(c, "from many | group by k { t: sum(n) }");
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_result *result = NULL;
    assert_int_equal(query_run(query, &catalog, pbase_os_real(), NULL, &result, &c->error),
                     PBASE_OK);
    assert_int_equal(pbase_result_column_count(result), 2);
    assert_memory_equal(pbase_result_column_name(result, 0).data, "k", 1);
    assert_memory_equal(pbase_result_column_name(result, 1).data, "t", 1);
    assert_int_equal(pbase_result_column_name(result, 2).size, 0);
    pbase_result_close(result); /* half-way: nothing was read */
    pbase_query_destroy(query);
}

static void a_result_outlives_its_query_and_new_parameters(void **state)
{
    query_case *c = *state;
    query_case_parameters(c, "{'low': 9999}");
    pbase_query *query = query_case_parse(c, "from many | where n >= $low | select { n, p: $low }");
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_result *result = NULL;
    pbase_value row, other = pbase_value_text("another value");
    assert_int_equal(query_run(query, &catalog, pbase_os_real(), NULL, &result, &c->error),
                     PBASE_OK);
    assert_int_equal(pbase_query_bind(query, "low", &other, &c->error), PBASE_OK);
    pbase_query_destroy(query);
    assert_int_equal(pbase_result_next(result, &row, &c->error), PBASE_OK);
    assert_string_equal(json_text(&row, &c->arena), "{\"n\": 9999, \"p\": 9999}");
    pbase_result_close(result);
}

/* One of several runs of one query at once, each with a catalog of its own. */
typedef struct {
    const pbase_query *query;
    memory_catalog catalog;
    size_t rows;
    pbase_status status;
} concurrent_run;

static void run_concurrently(void *state)
{
    concurrent_run *self = state;
    query_catalog *catalog = memory_catalog_take(&self->catalog);
    pbase_result *result = NULL;
    pbase_value row;
    self->status = query_run(self->query, &catalog, pbase_os_real(), NULL, &result, NULL);
    while (self->status == PBASE_OK) {
        self->status = pbase_result_next(result, &row, NULL);
        self->rows += self->status == PBASE_OK;
    }
    pbase_result_close(result);
}

static void one_query_runs_on_several_threads_at_once(void **state)
{
    query_case *c = *state;
    const pbase_os *os = pbase_os_real();
    query_case_parameters(c, "{'low': 5000}");
    pbase_query *query = query_case_parse(
        c,
        "from many | where n >= $low and s like '%text' | group by k { t: sum(n) } | order by k");
    concurrent_run runs[4];
    pbase_os_thread *threads[4];
    for (size_t i = 0; i < 4; i++) {
        memset(&runs[i], 0, sizeof runs[i]);
        runs[i].query = query;
        memory_catalog_init(&runs[i].catalog);
        memory_catalog_add(&runs[i].catalog, "many", many_documents, NULL, MANY);
        assert_int_equal(
            os->thread->start(os, "query", run_concurrently, &runs[i], &threads[i], NULL),
            PBASE_OK);
    }
    for (size_t i = 0; i < 4; i++) {
        os->thread->join(threads[i]);
        assert_int_equal(runs[i].status, PBASE_END);
        assert_int_equal(runs[i].rows, 10);
    }
    pbase_query_destroy(query);
}

/* A run of a shared query with parameters of its own. */
typedef struct {
    const pbase_query *query;
    memory_catalog catalog;
    int64_t low;
    pbase_status status;
    bool is_right;
} prepared_run;

static int64_t prepared_count(const prepared_run *self, memory_catalog *catalog, int64_t low,
                              pbase_status *out_status)
{
    const pbase_field field = {pbase_bytes_text("low"), pbase_value_int(low)};
    const pbase_value parameters = pbase_value_map(&field, 1);
    const pbase_query_options options = {.struct_size = sizeof options, .parameters = &parameters};
    query_catalog *taken = memory_catalog_take(catalog);
    pbase_result *result = NULL;
    pbase_value row;
    int64_t count = -1;
    *out_status = query_run(self->query, &taken, pbase_os_real(), &options, &result, NULL);
    if (*out_status == PBASE_OK) {
        *out_status = pbase_result_next(result, &row, NULL);
        count = *out_status == PBASE_OK ? row.as.map.fields[0].value.as.integer : -1;
    }
    pbase_result_close(result);
    return count;
}

static void run_prepared(void *state)
{
    prepared_run *self = state;
    self->is_right = true;
    for (int64_t i = 0; i < 20 && self->status == PBASE_OK; i++) {
        int64_t low = self->low + i;
        self->is_right = self->is_right && prepared_count(self, &self->catalog, low,
                                                          &self->status) == (int64_t)MANY - low;
    }
}

static void a_prepared_query_runs_on_several_threads_with_parameters_of_each(void **state)
{
    query_case *c = *state;
    const pbase_os *os = pbase_os_real();
    pbase_query *query =
        query_case_parse(c, "from many | where n >= $low | join semi (from many | where n >= $low)"
                            " x on n = x.n | count");
    prepared_run runs[4];
    pbase_os_thread *threads[4];
    for (size_t i = 0; i < 4; i++) {
        memset(&runs[i], 0, sizeof runs[i]);
        runs[i].query = query;
        runs[i].low = (int64_t)MANY - 100 * (int64_t)(i + 1);
        memory_catalog_init(&runs[i].catalog);
        memory_catalog_add(&runs[i].catalog, "many", many_documents, NULL, MANY);
        assert_int_equal(os->thread->start(os, "query", run_prepared, &runs[i], &threads[i], NULL),
                         PBASE_OK);
    }
    for (size_t i = 0; i < 4; i++) {
        os->thread->join(threads[i]);
        assert_int_equal(runs[i].status, PBASE_OK);
        assert_true(runs[i].is_right);
    }
    pbase_query_destroy(query);
}

static void parameters_of_a_run_go_before_those_bound_and_are_known(void **state)
{
    query_case *c = *state;
    query_case_parameters(c, "{'a': 1, 'b': 2}");
    pbase_query *query = query_case_parse(c, "from many | limit 1 | select { a: $a, b: $b }");
    const pbase_field own[] = {{pbase_bytes_text("b"), pbase_value_int(5)}};
    const pbase_field unknown[] = {{pbase_bytes_text("bb"), pbase_value_int(5)}};
    const pbase_value given = pbase_value_map(own, 1), wrong = pbase_value_map(unknown, 1);
    c->options.parameters = &given;
    pbase_value rows = query_case_rows(c, query, 10);
    assert_string_equal(json_text(&rows, &c->arena), "[{\"a\": 1, \"b\": 5}]");
    c->options.parameters = NULL; /* and the query is as it was */
    rows = query_case_rows(c, query, 10);
    assert_string_equal(json_text(&rows, &c->arena), "[{\"a\": 1, \"b\": 2}]");

    const pbase_query_options options = {.struct_size = sizeof options, .parameters = &wrong};
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_result *result = NULL;
    assert_int_equal(query_run(query, &catalog, pbase_os_real(), &options, &result, &c->error),
                     PBASE_NOT_FOUND);
    assert_non_null(strstr(c->error.message, "no parameter $bb"));
    pbase_query_destroy(query);
}

/* The whole of a query with every kind of step, from text to last row, on one allocator. */
static pbase_status whole_query(query_case *c, fault_alloc *fa, const char *text)
{
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    query_catalog *catalog = memory_catalog_take(&c->catalog);
    pbase_value row;
    pbase_status status = pbase_query_parse(&fa->alloc, pbase_bytes_text(text), &query, &c->error);
    if (status == PBASE_OK) {
        const pbase_value low = pbase_value_text("a string that is long enough");
        status = pbase_query_bind(query, "p", &low, &c->error);
    }
    if (status == PBASE_OK) {
        status = query_run(query, &catalog, pbase_os_real(), &c->options, &result, &c->error);
    }
    while (status == PBASE_OK) {
        status = pbase_result_next(result, &row, &c->error);
    }
    pbase_result_close(result);
    pbase_query_destroy(query);
    return status;
}

static void every_failed_allocation_is_no_memory_and_leaks_nothing(void **state)
{
    query_case *c = *state;
    static const char *const texts[] = {
        "from many key id | where n < 600 and s <> $p and s like 'some%' and k in (1, 2, n)"
        " | extend { t: s || upper(s), c: case when k > 1 then coalesce(q, n) else 0 end }"
        " | order by k desc, t | select { k, t, c, id, d: [1, 2] } | limit 90"
        " | group by k { n: count(distinct t), m: max(t), all: collect(c) }"
        " | where n > 0 | order by k",
        "select k, max(s) as m from many where n < 100 and s <> $p group by k having m ilike 'S%'"
        " order by k limit 3",
        "from many as d | where d.n < 5000 and exists(d.k) and d.s <> $p | order by d.n desc"
        " | limit 20 | count",
        "from many key id | where n < 90 and s <> $p | join left (from many | where n < 40) x"
        " on k = x.k and n < x.n | join semi many y on n = y.n | select { id, z: x.s, x }",
        "from many as a | where a.n < 30 | join full (from many | where n < 20 and s <> $p"
        " | select { n, s }) b beside l on l.a.n < b.n | where l is null or b.n > 5",
        "from many | where n < 70 and s <> $p | distinct | union (from many | where n < 90)"
        " | intersect (from many | where n < 50) | except (from many | where n < 20)"
        " | union_all (from many as n | where n.n < 30) | select { n }",
        "from many | where n < 30 and s <> $p | group by k { l: collect(s), v: variance(n) }"
        " | unnest outer l as e | select { k, e } | order by e",
        "from many | where n < 9 and s <> $p | traverse down many key n ref k dfs include start"
        " | where depth < 4 | select { n, depth }",
    };
    fault_alloc fa;
    fault_alloc_init(&fa);
    c->catalog.alloc = &fa.alloc;
    c->options.chunk_rows = 64;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (uint64_t n = 1;; n++) {
            fault_alloc_fail_at(&fa, n);
            pbase_error_init(&c->error);
            pbase_status status = whole_query(c, &fa, texts[i]);
            assert_int_equal(fault_alloc_live_bytes(&fa), 0);
            assert_int_equal(c->catalog.open_rows, 0);
            if (!fault_alloc_has_failed(&fa)) {
                assert_int_equal(status, PBASE_END);
                break;
            }
            if (status != PBASE_END) { /* a hint may be lost without harm */
                assert_int_equal(status, PBASE_NO_MEMORY);
                assert_int_equal(c->error.code, PBASE_NO_MEMORY);
            }
        }
    }
    c->catalog.alloc = pbase_alloc_default();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(count_of_a_collection_reads_no_row),
        T(fields_are_extracted_and_documents_not_decoded),
        T(only_documents_that_are_shown_are_decoded),
        T(limit_stops_the_source),
        T(comparing_the_key_narrows_the_range),
        T(documents_that_come_decoded_are_read_alike),
        T(a_failing_source_ends_the_result_and_the_error_stays),
        T(an_unknown_collection_fails_before_the_first_row),
        T(a_cancelled_call_ends_the_query),
        T(a_deadline_that_passed_ends_the_query),
        T(cancelling_between_chunks_is_seen_at_the_next),
        T(past_the_memory_budget_is_a_limit_with_advice),
        T(the_row_limit_is_an_error_and_not_a_cut),
        T(rows_and_chunks_tell_the_same),
        T(columns_of_a_result_have_names),
        T(a_result_outlives_its_query_and_new_parameters),
        T(one_query_runs_on_several_threads_at_once),
        T(a_prepared_query_runs_on_several_threads_with_parameters_of_each),
        T(parameters_of_a_run_go_before_those_bound_and_are_known),
        T(every_failed_allocation_is_no_memory_and_leaks_nothing),
    };
#undef T
    return cmocka_run_group_tests_name("query.reading", tests, NULL, NULL);
}
