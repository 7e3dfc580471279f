/* query_engine.h - the orders that are asked about, and what an engine of `bench query` does. */
#ifndef PBASE_BENCH_QUERY_ENGINE_H
#define PBASE_BENCH_QUERY_ENGINE_H
#include "bench.h"

#define QUERY_CUSTOMERS 100000u

/* One order; texts are static. Order `number` is the same for every engine. */
typedef struct {
    int64_t id;
    int64_t customer;
    int64_t ts;
    double amount;
    const char *status;
    const char *region;
    char product[24];
} query_order;
void query_order_make(uint64_t number, query_order *out);

/* Who ordered: customer `number`, from 0 to QUERY_CUSTOMERS - 1. */
typedef struct {
    int64_t id;
    const char *city;
} query_customer;
void query_customer_make(uint64_t number, query_customer *out);

/* A question in the languages of both engines; rows that come out are read cell by cell. */
typedef struct {
    const char *workload;
    const char *text;
    const char *sql;
} query_question;

typedef struct {
    const char *name;
    void *(*open)(uint64_t orders);                                /* in memory, loaded */
    uint64_t (*ask)(void *engine, const query_question *question); /* rows of the answer */
    void (*index)(void *engine); /* orders by customer and by ts, customers by id */
    void (*close)(void *engine);
} query_engine;

extern const query_engine query_protobase;
extern const query_engine query_sqlite3;

#endif
