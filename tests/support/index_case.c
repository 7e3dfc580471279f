/* index_case.c - over the public interface. */
#include "index_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void index_case_init(index_case *c)
{
    memset(c, 0, sizeof *c);
    c->options.struct_size = sizeof c->options;
    pbase_error_init(&c->error);
    pbase_arena_init(&c->arena, pbase_alloc_default());
    fixture_memory(&c->space);
}

void index_case_fini(index_case *c)
{
    fixture_end(&c->space);
    pbase_arena_fini(&c->arena);
}

void index_case_create(index_case *c, const char *root, const char *name, const char *field_names)
{
    const char *fields[4];
    char text[128], *rest = NULL;
    pbase_index_options options = {.struct_size = sizeof options, .fields = fields};
    (void)snprintf(text, sizeof text, "%s", field_names);
    for (char *one = strtok_r(text, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        fields[options.field_count++] = one;
    }
    pbase_status status =
        pbase_index_create(c->space.database, root, name, &options, NULL, &c->error);
    assert_ok(status, &c->error);
}

void index_case_put_in(index_case *c, pbase_txn *txn, const char *root, int64_t key,
                       const char *document)
{
    pbase_dict *dict = fixture_dict(txn, root);
    pbase_value k = pbase_value_int(key), v = json_value(document, &c->arena);
    assert_int_equal(pbase_dict_put(&dict, &k, &v, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, root, dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
}

void index_case_put(index_case *c, const char *root, int64_t key, const char *document)
{
    pbase_txn *txn = fixture_begin(&c->space, PBASE_SERIALIZABLE);
    index_case_put_in(c, txn, root, key, document);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static const char *rows_of(index_case *c, pbase_result *result)
{
    pbase_buffer text;
    pbase_value row;
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = pbase_result_next(result, &row, &c->error);
    while (status == PBASE_OK) {
        assert_int_equal(pbase_buffer_append_text(&text, NULL, "%s%s", text.size > 0 ? " " : "",
                                                  json_text(&row, &c->arena)),
                         PBASE_OK);
        status = pbase_result_next(result, &row, &c->error);
    }
    if (status != PBASE_END) {
        assert_int_equal(pbase_buffer_append_text(&text, NULL, "failed: %s %s",
                                                  pbase_status_name(status), c->error.message),
                         PBASE_OK);
    }
    const char *out = pbase_arena_text(&c->arena, pbase_buffer_view(&text));
    pbase_buffer_fini(&text);
    pbase_result_close(result);
    return out;
}

const char *index_case_ask(index_case *c, pbase_txn *txn, const char *text, uint32_t rules_off)
{
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_query_options options = c->options;
    options.rules_off = rules_off;
    pbase_status status = pbase_query_parse(NULL, pbase_bytes_text(text), &query, &c->error);
    assert_ok(status, &c->error);
    if (txn != NULL) {
        status = pbase_query_run_in(query, txn, &options, &result, &c->error);
    } else {
        assert_int_equal(pbase_snapshot_open(c->space.database, &snapshot, NULL), PBASE_OK);
        status = pbase_query_run(query, snapshot, &options, &result, &c->error);
    }
    assert_ok(status, &c->error);
    const char *rows = rows_of(c, result);
    pbase_snapshot_close(snapshot);
    pbase_query_destroy(query);
    return rows;
}

pbase_value index_case_explained(index_case *c, const char *text, pbase_explain_form form)
{
    pbase_query *query = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_value told;
    pbase_status status = pbase_query_parse(NULL, pbase_bytes_text(text), &query, &c->error);
    assert_ok(status, &c->error);
    assert_int_equal(pbase_snapshot_open(c->space.database, &snapshot, NULL), PBASE_OK);
    status = pbase_query_explain_on(query, snapshot, form, &c->arena, &told, &c->error);
    assert_ok(status, &c->error);
    pbase_snapshot_close(snapshot);
    pbase_query_destroy(query);
    return told;
}

const char *index_case_explain(index_case *c, const char *text)
{
    pbase_value told = index_case_explained(c, text, PBASE_EXPLAIN_TEXT);
    return pbase_arena_text(&c->arena, told.as.string);
}

void index_case_assert_explains(index_case *c, const char *text, const char *part)
{
    const char *told = index_case_explain(c, text);
    if (strstr(told, part) == NULL) {
        fail_msg("%s\nis not told with '%s'", told, part);
    }
}
