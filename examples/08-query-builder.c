/* 08-query-builder.c - queries made by calls: a join and a group, built on a plan that is used twice.
 *
 *     08-query-builder      everything in memory, gone at the end */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

static pbase_status add_row(pbase_list **list, const char *first, pbase_value a, const char *second,
                            pbase_value b, pbase_error *err)
{
    const pbase_field fields[] = {{pbase_bytes_text(first), a}, {pbase_bytes_text(second), b}};
    const pbase_value row = pbase_value_map(fields, 2);
    return pbase_list_append(list, &row, err);
}

static pbase_status fill(pbase_txn *txn, void *state, pbase_error *err)
{
    (void)state;
    static const char *const cities[] = {"Oslo", "Lisbon", "Kyoto"};
    pbase_list *customers = NULL, *orders = NULL;
    pbase_status status = pbase_txn_new_list(txn, &customers, err);
    status = status == PBASE_OK ? pbase_txn_new_list(txn, &orders, err) : status;
    for (int64_t i = 0; i < 3 && status == PBASE_OK; i++) {
        status =
            add_row(&customers, "id", pbase_value_int(i), "city", pbase_value_text(cities[i]), err);
    }
    for (int64_t i = 0; i < 200 && status == PBASE_OK; i++) {
        status = add_row(&orders, "by", pbase_value_int(i % 2), "total", pbase_value_int(i), err);
    }
    status = status == PBASE_OK ? pbase_txn_store_list(txn, "customers", customers, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_list(txn, "orders", orders, err) : status;
    pbase_list_close(customers);
    pbase_list_close(orders);
    return status;
}

/* Runs the query with $least set for this run alone, and prints each row as JSON. */
static pbase_status print_rows(const pbase_query *query, int64_t least, pbase_database *database,
                               pbase_space *space, pbase_error *err)
{
    const pbase_field parameter = {pbase_bytes_text("least"), pbase_value_int(least)};
    const pbase_value parameters = pbase_value_map(&parameter, 1);
    const pbase_query_options options = {.struct_size = sizeof options, .parameters = &parameters};
    pbase_snapshot *snapshot = NULL;
    pbase_result *result = NULL;
    pbase_value row;
    pbase_buffer text;
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = pbase_snapshot_open(database, &snapshot, err);
    status = status == PBASE_OK ? pbase_query_run(query, snapshot, &options, &result, err) : status;
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

/* Builds a query on `base`, which stays as it is, and runs it. */
static pbase_status ask(pbase_builder *b, const pbase_plan *base, int64_t least,
                        pbase_database *database, pbase_space *space, pbase_error *err)
{
    pbase_query *query = NULL;
    pbase_status status = pbase_builder_query(b, base, &query, err);
    status = status == PBASE_OK ? print_rows(query, least, database, space, err) : status;
    pbase_query_destroy(query);
    return status;
}

static pbase_status ask_all(pbase_builder *b, pbase_database *database, pbase_space *space,
                            pbase_error *err)
{
    /* orders of $least or more: the base of both questions */
    const pbase_plan *large = pbase_plan_where(
        b, pbase_plan_from(b, "orders", NULL, NULL),
        pbase_term_binary(b, ">=", pbase_term_field(b, "total"), pbase_term_parameter(b, "least")));

    const pbase_plan_column city = {"city", pbase_term_field(b, "c.city")};
    const pbase_plan_aggregate aggregates[] = {
        {"orders", "count", pbase_term_field(b, "o.total"), NULL, false},
        {"most", "max", pbase_term_field(b, "o.total"), NULL, false},
    };
    const pbase_plan_key by_city = {pbase_term_field(b, "city"), false, PBASE_NULLS_AS_USUAL};
    const pbase_plan *cities = pbase_plan_join(
        b, pbase_plan_from(b, "customers", NULL, NULL), PBASE_JOIN_LEFT, large, "c", "o",
        pbase_term_binary(b, "=", pbase_term_field(b, "c.id"), pbase_term_field(b, "o.by")));
    cities = pbase_plan_group(b, cities, &city, 1, aggregates, 2);
    cities = pbase_plan_order(b, cities, &by_city, 1);

    printf("large orders:\n");
    pbase_status status = ask(b, pbase_plan_count(b, large), 150, database, space, err);
    printf("large orders by city:\n");
    return status == PBASE_OK ? ask(b, cities, 190, database, space, err) : status;
}

int main(void)
{
    pbase_error err;
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_builder *builder = NULL;
    pbase_error_init(&err);
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.memory = 1;
    pbase_status status = pbase_space_open(&place, NULL, &space, &err);
    status = status == PBASE_OK ? pbase_database_ensure(space, "main", &database, &err) : status;
    status = status == PBASE_OK ? pbase_txn_run(database, NULL, NULL, fill, NULL, &err) : status;
    status = status == PBASE_OK ? pbase_builder_create(NULL, &builder, &err) : status;
    status = status == PBASE_OK ? ask_all(builder, database, space, &err) : status;
    pbase_builder_destroy(builder);
    pbase_database_close(database);
    pbase_space_close(space);
    if (status != PBASE_OK) {
        fprintf(stderr, "08-query-builder: %s: %s (%s)\n", pbase_status_name(status), err.message,
                err.where);
    }
    return status == PBASE_OK ? 0 : 1;
}
