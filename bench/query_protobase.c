/* query_protobase.c - ProtoBase under the questions, through the public C API. */
#include "query_engine.h"

#include <protobase/protobase.h>
#include <stdlib.h>

#define BATCH 10000u

typedef struct {
    pbase_space *space;
    pbase_database *database;
    pbase_snapshot *snapshot;
} ours;

static void must(pbase_status status, const pbase_error *err, const char *what)
{
    if (status != PBASE_OK) {
        bench_fail("protobase: %s: %s: %s", what, pbase_status_name(status), err->message);
    }
}

static void append_order(pbase_list **list, uint64_t number, pbase_error *err)
{
    query_order order;
    query_order_make(number, &order);
    const pbase_field fields[] = {
        {pbase_bytes_text("id"), pbase_value_int(order.id)},
        {pbase_bytes_text("customer"), pbase_value_int(order.customer)},
        {pbase_bytes_text("ts"), pbase_value_int(order.ts)},
        {pbase_bytes_text("amount"), pbase_value_float(order.amount)},
        {pbase_bytes_text("status"), pbase_value_text(order.status)},
        {pbase_bytes_text("region"), pbase_value_text(order.region)},
        {pbase_bytes_text("product"), pbase_value_text(order.product)},
    };
    const pbase_value document = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    must(pbase_list_append(list, &document, err), err, "append");
}

static void append_batch(ours *self, uint64_t first, uint64_t end)
{
    pbase_error err;
    pbase_txn *txn = NULL;
    pbase_list *list = NULL;
    pbase_error_init(&err);
    must(pbase_txn_begin(self->database, NULL, &txn, &err), &err, "begin");
    pbase_status status = pbase_txn_list(txn, "orders", &list, &err);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_list(txn, &list, &err);
    }
    must(status, &err, "list");
    for (uint64_t i = first; i < end; i++) {
        append_order(&list, i, &err);
    }
    must(pbase_txn_store_list(txn, "orders", list, &err), &err, "store");
    pbase_list_close(list);
    must(pbase_txn_commit(&txn, NULL, NULL, &err), &err, "commit");
}

static void store_customers(ours *self)
{
    pbase_error err;
    pbase_txn *txn = NULL;
    pbase_list *list = NULL;
    pbase_error_init(&err);
    must(pbase_txn_begin(self->database, NULL, &txn, &err), &err, "begin");
    must(pbase_txn_new_list(txn, &list, &err), &err, "list");
    for (uint64_t i = 0; i < QUERY_CUSTOMERS; i++) {
        query_customer customer;
        query_customer_make(i, &customer);
        const pbase_field fields[] = {
            {pbase_bytes_text("id"), pbase_value_int(customer.id)},
            {pbase_bytes_text("city"), pbase_value_text(customer.city)},
        };
        const pbase_value document = pbase_value_map(fields, 2);
        must(pbase_list_append(&list, &document, &err), &err, "append");
    }
    must(pbase_txn_store_list(txn, "customers", list, &err), &err, "store");
    pbase_list_close(list);
    must(pbase_txn_commit(&txn, NULL, NULL, &err), &err, "commit");
}

static void *ours_open(uint64_t orders)
{
    pbase_error err;
    pbase_error_init(&err);
    ours *self = calloc(1, sizeof *self);
    pbase_config_source config = PBASE_CONFIG_SOURCE_INIT;
    config.memory = 1;
    if (self == NULL) {
        bench_fail("no memory");
    }
    must(pbase_space_open(&config, NULL, &self->space, &err), &err, "open");
    must(pbase_database_ensure(self->space, "main", &self->database, &err), &err, "database");
    for (uint64_t i = 0; i < orders; i += BATCH) {
        append_batch(self, i, i + BATCH < orders ? i + BATCH : orders);
    }
    store_customers(self);
    must(pbase_space_checkpoint(self->space, NULL, &err), &err, "checkpoint");
    must(pbase_snapshot_open(self->database, &self->snapshot, &err), &err, "snapshot");
    return self;
}

static uint64_t ours_ask(void *engine, const query_question *question)
{
    ours *self = engine;
    pbase_error err;
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    const pbase_chunk *chunk = NULL;
    uint64_t rows = 0, cells = 0;
    pbase_error_init(&err);
    must(pbase_query_parse(NULL, pbase_bytes_text(question->text), &query, &err), &err, "parse");
    must(pbase_query_run(query, self->snapshot, NULL, &result, &err), &err, question->workload);
    pbase_status status = PBASE_OK;
    while ((status = pbase_result_next_chunk(result, &chunk, &err)) == PBASE_OK) {
        for (uint32_t n = 0; n < chunk->selected_count; n++) {
            for (uint32_t column = 0; column < chunk->column_count; column++) {
                cells += chunk->columns[column].cells[pbase_chunk_row(chunk, n)].kind;
            }
        }
        rows += chunk->selected_count;
    }
    if (status != PBASE_END || cells == UINT64_MAX) {
        must(status, &err, question->workload);
    }
    pbase_result_close(result);
    pbase_query_destroy(query);
    return rows;
}

static void create_index(ours *self, const char *root, const char *name, const char *field,
                         bool is_unique)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_index_options options = {
        .struct_size = sizeof options, .unique = is_unique, .fields = &field, .field_count = 1};
    must(pbase_index_create(self->database, root, name, &options, NULL, &err), &err, name);
}

static void ours_index(void *engine)
{
    ours *self = engine;
    pbase_error err;
    pbase_error_init(&err);
    create_index(self, "orders", "by_customer", "customer", false);
    create_index(self, "orders", "by_ts", "ts", false);
    create_index(self, "customers", "by_id", "id", true);
    must(pbase_space_checkpoint(self->space, NULL, &err), &err, "checkpoint");
    pbase_snapshot_close(self->snapshot);
    must(pbase_snapshot_open(self->database, &self->snapshot, &err), &err, "snapshot");
}

static void ours_close(void *engine)
{
    ours *self = engine;
    pbase_snapshot_close(self->snapshot);
    pbase_database_close(self->database);
    pbase_space_close(self->space);
    free(self);
}

const query_engine query_protobase = {.name = "protobase",
                                      .open = ours_open,
                                      .ask = ours_ask,
                                      .index = ours_index,
                                      .close = ours_close};
