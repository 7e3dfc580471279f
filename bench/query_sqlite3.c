/* query_sqlite3.c - SQLite under the questions: tables of typed columns in memory, no index but the
 * key of customers. */
#include "query_engine.h"

#include <sqlite3.h>
#include <stdlib.h>

static void must(sqlite3 *db, int code, const char *what)
{
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        bench_fail("sqlite: %s: %s", what, sqlite3_errmsg(db));
    }
}

static void insert_order(sqlite3 *db, sqlite3_stmt *insert, uint64_t number)
{
    query_order order;
    query_order_make(number, &order);
    must(db, sqlite3_bind_int64(insert, 1, order.id), "bind");
    must(db, sqlite3_bind_int64(insert, 2, order.customer), "bind");
    must(db, sqlite3_bind_int64(insert, 3, order.ts), "bind");
    must(db, sqlite3_bind_double(insert, 4, order.amount), "bind");
    must(db, sqlite3_bind_text(insert, 5, order.status, -1, SQLITE_STATIC), "bind");
    must(db, sqlite3_bind_text(insert, 6, order.region, -1, SQLITE_STATIC), "bind");
    must(db, sqlite3_bind_text(insert, 7, order.product, -1, SQLITE_TRANSIENT), "bind");
    must(db, sqlite3_step(insert), "insert");
    must(db, sqlite3_reset(insert), "reset");
}

static void insert_customers(sqlite3 *db)
{
    sqlite3_stmt *insert = NULL;
    must(db, sqlite3_prepare_v2(db, "insert into customers values (?,?)", -1, &insert, NULL),
         "prepare");
    for (uint64_t i = 0; i < QUERY_CUSTOMERS; i++) {
        query_customer customer;
        query_customer_make(i, &customer);
        must(db, sqlite3_bind_int64(insert, 1, customer.id), "bind");
        must(db, sqlite3_bind_text(insert, 2, customer.city, -1, SQLITE_STATIC), "bind");
        must(db, sqlite3_step(insert), "insert");
        must(db, sqlite3_reset(insert), "reset");
    }
    (void)sqlite3_finalize(insert); /* repeats errors already reported */
}

static void *peer_open(uint64_t orders)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *insert = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK) {
        bench_fail("sqlite: open");
    }
    must(db,
         sqlite3_exec(db,
                      "pragma case_sensitive_like = on;"
                      "create table orders(id integer, customer integer, ts integer, amount real,"
                      " status text, region text, product text);"
                      "create table customers(id integer primary key, city text); begin",
                      NULL, NULL, NULL),
         "create");
    must(db, sqlite3_prepare_v2(db, "insert into orders values (?,?,?,?,?,?,?)", -1, &insert, NULL),
         "prepare");
    for (uint64_t i = 0; i < orders; i++) {
        insert_order(db, insert, i);
    }
    (void)sqlite3_finalize(insert); /* repeats errors already reported */
    insert_customers(db);
    must(db, sqlite3_exec(db, "commit", NULL, NULL, NULL), "commit");
    return db;
}

static uint64_t peer_ask(void *engine, const query_question *question)
{
    sqlite3 *db = engine;
    sqlite3_stmt *statement = NULL;
    uint64_t rows = 0, cells = 0;
    int code = SQLITE_OK;
    must(db, sqlite3_prepare_v2(db, question->sql, -1, &statement, NULL), question->sql);
    for (; (code = sqlite3_step(statement)) == SQLITE_ROW; rows++) {
        for (int column = 0; column < sqlite3_column_count(statement); column++) {
            cells += (uint64_t)sqlite3_column_type(statement, column);
        }
    }
    must(db, cells == UINT64_MAX ? SQLITE_ERROR : code, question->sql);
    (void)sqlite3_finalize(statement); /* repeats errors already reported */
    return rows;
}

/* Customers have theirs: the primary key. */
static void peer_index(void *engine)
{
    must(engine,
         sqlite3_exec(engine,
                      "create index by_customer on orders(customer);"
                      "create index by_ts on orders(ts); analyze",
                      NULL, NULL, NULL),
         "create index");
}

static void peer_close(void *engine)
{
    (void)sqlite3_close(engine); /* nothing is left open */
}

const query_engine query_sqlite3 = {
    .name = "sqlite", .open = peer_open, .ask = peer_ask, .index = peer_index, .close = peer_close};
