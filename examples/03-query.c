/* 03-query.c - a question with a parameter, and the same one as a JSON plan.
 *
 *     03-query              everything in memory, gone at the end */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

static pbase_status add_order(pbase_list **orders, const char *city, int64_t amount,
                              pbase_error *err)
{
    pbase_field fields[] = {
        {pbase_bytes_text("city"), pbase_value_text(city)},
        {pbase_bytes_text("amount"), pbase_value_int(amount)},
    };
    pbase_value order = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return pbase_list_append(orders, &order, err);
}

static pbase_status fill(pbase_txn *txn, void *state, pbase_error *err)
{
    (void)state;
    static const char *const cities[] = {"Oslo", "Lisbon", "Kyoto"};
    pbase_list *orders = NULL;
    pbase_status status = pbase_txn_new_list(txn, &orders, err);
    for (int64_t i = 0; i < 300 && status == PBASE_OK; i++) {
        status = add_order(&orders, cities[i % 3], (i * i) % 101, err);
    }
    status = status == PBASE_OK ? pbase_txn_store_list(txn, "orders", orders, err) : status;
    pbase_list_close(orders);
    return status;
}

/* Runs the query on the newest state and prints each row as JSON. */
static pbase_status print_rows(const pbase_query *query, pbase_database *database,
                               pbase_space *space, pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_result *result = NULL;
    pbase_value row;
    pbase_buffer text;
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = pbase_snapshot_open(database, &snapshot, err);
    status = status == PBASE_OK ? pbase_query_run(query, snapshot, NULL, &result, err) : status;
    while (status == PBASE_OK && (status = pbase_result_next(result, &row, err)) == PBASE_OK) {
        text.size = 0;
        status = pbase_json_format(space, &row, &text, err);
        printf("%.*s\n", (int)text.size, (const char *)text.data);
    }
    pbase_result_close(result);
    pbase_snapshot_close(snapshot);
    pbase_buffer_fini(&text);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status ask_in_text(pbase_database *database, pbase_space *space, pbase_error *err)
{
    pbase_query *query = NULL;
    pbase_status status = pbase_query_parse(
        NULL,
        pbase_bytes_text("from orders | where amount >= $least "
                         "| group by city { orders: count(), total: sum(amount) } "
                         "| order by total desc"),
        &query, err);
    for (int64_t least = 50; least <= 90 && status == PBASE_OK; least += 40) {
        pbase_value value = pbase_value_int(least);
        printf("orders of %" PRId64 " or more:\n", least);
        status = pbase_query_bind(query, "least", &value, err);
        status = status == PBASE_OK ? print_rows(query, database, space, err) : status;
    }
    pbase_query_destroy(query);
    return status;
}

static pbase_status ask_in_json(pbase_database *database, pbase_space *space, pbase_error *err)
{
    static const char text[] =
        "[{\"op\": \"from\", \"source\": \"orders\"},"
        " {\"op\": \"where\", \"expr\": [\"=\", {\"f\": \"city\"}, \"Oslo\"]},"
        " {\"op\": \"count\"}]";
    pbase_query *query = NULL;
    pbase_arena arena;
    pbase_value plan;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_json_parse(space, pbase_bytes_text(text), &arena, &plan, err);
    status = status == PBASE_OK ? pbase_query_from_plan(NULL, &plan, &query, err) : status;
    printf("the JSON plan %s:\n", text);
    status = status == PBASE_OK ? print_rows(query, database, space, err) : status;
    pbase_query_destroy(query);
    pbase_arena_fini(&arena);
    return status;
}

int main(void)
{
    pbase_error err;
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_error_init(&err);
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.memory = 1;
    pbase_status status = pbase_space_open(&place, NULL, &space, &err);
    status = status == PBASE_OK ? pbase_database_ensure(space, "main", &database, &err) : status;
    status = status == PBASE_OK ? pbase_txn_run(database, NULL, NULL, fill, NULL, &err) : status;
    status = status == PBASE_OK ? ask_in_text(database, space, &err) : status;
    status = status == PBASE_OK ? ask_in_json(database, space, &err) : status;
    pbase_database_close(database);
    pbase_space_close(space);
    if (status != PBASE_OK) {
        fprintf(stderr, "03-query: %s: %s (%s)\n", pbase_status_name(status), err.message,
                err.where);
    }
    return status == PBASE_OK ? 0 : 1;
}
