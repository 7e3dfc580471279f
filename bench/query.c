/* query.c - questions about orders: filters, groups, sorts, limits, joins. Documents in storage-memory, as
 * MessagePack and without column caches, beside typed rows of SQLite in memory. The figure is the
 * median time of a question, in milliseconds, of q12 in microseconds. First all questions without indexes, then, when both
 * have made the same ones, those of q12: look-ups, an order, and joins by an index. */
#include "query_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 99u

static const query_question questions[] = {
    {"q1", "from orders | where amount > 999 | select { id, amount }",
     "select id, amount from orders where amount > 999"},
    {"q2", "from orders | where amount > 500 | count",
     "select count(*) from orders where amount > 500"},
    {"q3a", "from orders | where product like 'brico%' | count",
     "select count(*) from orders where product like 'brico%'"},
    {"q3b", "from orders | where product like '%ost-g%' | count",
     "select count(*) from orders where product like '%ost-g%'"},
    {"q4", "from orders | where ts between 40000000 and 48000000 | group { s: sum(amount) }",
     "select sum(amount) from orders where ts between 40000000 and 48000000"},
    {"q5", "from orders | group by region, status { n: count(), t: sum(amount) }",
     "select region, status, count(*), sum(amount) from orders group by region, status"},
    {"q6", "from orders | group by customer { n: count(), t: sum(amount) }",
     "select customer, count(*), sum(amount) from orders group by customer"},
    {"q7", "from orders | order by amount desc | limit 10 | select { id, amount }",
     "select id, amount from orders order by amount desc limit 10"},
    {"q8", "from orders | order by ts | select { id, ts }",
     "select id, ts from orders order by ts"},
    {"q9",
     "from orders | where status = 'paid' and amount > 800 | join customers c on customer = c.id"
     " | group by c.city { n: count(), t: sum(amount) }",
     "select c.city, count(*), sum(amount) from orders o join customers c on o.customer = c.id"
     " where status = 'paid' and amount > 800 group by c.city"},
    {"q9b",
     "from orders | join customers c on customer = c.id"
     " | group by c.city { n: count(), t: sum(amount) }",
     "select c.city, count(*), sum(amount) from orders o join customers c on o.customer = c.id"
     " group by c.city"},
    {"q10",
     "from customers | join left (from orders | where amount > 800) o on id = o.customer"
     " | group by city { n: count(o.id) }",
     "select city, count(o.id) from customers c left join orders o on c.id = o.customer and"
     " o.amount > 800 group by city"},
    {"q11", "from orders | select { customer, region } | distinct | count",
     "select count(*) from (select distinct customer, region from orders)"},
    {"q13", "from orders | order by amount desc | offset 10000 | limit 10 | select { id, amount }",
     "select id, amount from orders order by amount desc limit 10 offset 10000"},
    {"q14",
     "from orders | limit 100000 | select { id, customer, ts, amount, status, region, product }",
     "select id, customer, ts, amount, status, region, product from orders limit 100000"},
    {"count", "from orders | count", "select count(*) from orders"},
};

/* One look-up, a thousandth of the rows, the first of an order; then joins: few left rows that look up
 * their right one, few that have ten each, and few right rows that are looked up among the left. */
static const query_question indexed[] = {
    {"q12", "from orders | where customer = 4711 | select { id, amount }",
     "select id, amount from orders where customer = 4711"},
    {"q12_range", "from orders | where ts between 40000000 and 40100000 | group { s: sum(amount) }",
     "select sum(amount) from orders where ts between 40000000 and 40100000"},
    {"q12_order", "from orders | order by ts desc | limit 10 | select { id, ts }",
     "select id, ts from orders order by ts desc limit 10"},
    {"q12_join",
     "from orders | where ts between 40000000 and 40100000 | join customers c on customer = c.id"
     " | group by c.city { n: count(), t: sum(amount) }",
     "select c.city, count(*), sum(amount) from orders o join customers c on o.customer = c.id"
     " where ts between 40000000 and 40100000 group by c.city"},
    {"q12_join_many",
     "from customers | where id < 100 | join orders o on id = o.customer"
     " | group by city { n: count(), t: sum(o.amount) }",
     "select city, count(*), sum(o.amount) from customers c join orders o on c.id = o.customer"
     " where c.id < 100 group by city"},
    {"q12_join_narrow",
     "from orders | join (from customers | where id < 100) c on customer = c.id"
     " | group by c.city { n: count(), t: sum(amount) }",
     "select c.city, count(*), sum(amount) from orders o join customers c on o.customer = c.id"
     " where c.id < 100 group by c.city"},
    {"q12_join_first",
     "from orders | join customers c on customer = c.id | limit 100 | select { id, city: c.city }",
     "select o.id, c.city from orders o join customers c on o.customer = c.id limit 100"},
};

void query_order_make(uint64_t number, query_order *out)
{
    static const char *const statuses[] = {"paid", "open", "sent", "cancelled"};
    static const char *const regions[] = {"north", "south", "east",  "west",  "centre",
                                          "coast", "hills", "plain", "delta", "isles"};
    static const char *const products[] = {"brico", "post-gear", "lamp", "chair", "table",
                                           "desk",  "shelf",     "rug",  "clock", "vase"};
    uint64_t h = bench_hash(number + 1);
    out->id = (int64_t)number;
    out->customer = (int64_t)(h % QUERY_CUSTOMERS);
    out->ts = (int64_t)((h >> 8) % 100000000u);
    out->amount = (double)((h >> 16) % 100000u) / 100.0;
    out->status = statuses[(h >> 40) % 4];
    out->region = regions[(h >> 44) % 10];
    (void)snprintf(out->product, sizeof out->product, "%s-%u", products[(h >> 50) % 10],
                   (unsigned)((h >> 56) % 100));
}

void query_customer_make(uint64_t number, query_customer *out)
{
    static const char *const cities[] = {
        "Oslo", "Lisbon", "Kyoto", "Quito", "Cairo", "Paris",  "Lima",  "Riga",   "Perth", "Delhi",
        "Rome", "Turku",  "Porto", "Malmo", "Split", "Bergen", "Sofia", "Dublin", "Leeds", "Graz"};
    out->id = (int64_t)number;
    out->city = cities[bench_hash(number + 77) % 20];
}

typedef struct {
    bool is_json;
    uint64_t orders;
    unsigned runs;
} options;

static options parse(int argc, char **argv)
{
    options wanted = {false, 1000000, 5};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            wanted.is_json = true;
        } else if (strcmp(argv[i], "--records") == 0 && i + 1 < argc) {
            wanted.orders = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc) {
            wanted.runs = (unsigned)strtoul(argv[++i], NULL, 10);
        } else {
            bench_fail("usage: query [--json] [--records N] [--runs N]");
        }
    }
    if (wanted.runs == 0 || wanted.runs > RUNS_MAX || wanted.orders == 0) {
        bench_fail("--runs takes 1 to %u, --records 1 and more", RUNS_MAX);
    }
    return wanted;
}

static void run_question(const query_engine *engine, void *opened, const query_question *question,
                         const char *unit, const options *wanted)
{
    double times[RUNS_MAX], scale = strcmp(unit, "ms") == 0 ? 1e3 : 1e6;
    for (unsigned run = 0; run < wanted->runs; run++) {
        double start = bench_seconds();
        (void)engine->ask(opened, question);
        times[run] = (bench_seconds() - start) * scale;
    }
    bench_figure figure = {.bench = "query",
                           .workload = question->workload,
                           .engine = engine->name,
                           .value = bench_median(times, wanted->runs),
                           .unit = unit,
                           .higher_is_better = false,
                           .n = wanted->orders};
    bench_print(&figure, wanted->is_json);
}

static void run_engine(const query_engine *engine, const options *wanted)
{
    void *opened = engine->open(wanted->orders);
    for (size_t q = 0; q < sizeof questions / sizeof questions[0]; q++) {
        run_question(engine, opened, &questions[q], "ms", wanted);
    }
    engine->index(opened);
    for (size_t q = 0; q < sizeof indexed / sizeof indexed[0]; q++) {
        run_question(engine, opened, &indexed[q], "us", wanted);
    }
    engine->close(opened);
}

int main(int argc, char **argv)
{
    options wanted = parse(argc, argv);
    run_engine(&query_protobase, &wanted);
#ifdef BENCH_HAS_sqlite3
    run_engine(&query_sqlite3, &wanted);
#endif
    return 0;
}
