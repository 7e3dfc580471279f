// test_questions.cpp - queries
#include "support.hpp"

static void questions_are_asked_again_with_other_parameters()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    CHECK(main.run([](pb::txn &txn) -> pb::result<void> {
                  auto rows = txn.new_list();
                  for (int i = 0; rows && i < 5; i++) {
                      CHECK(rows.value().append(pb::value::map({{"n", i}})).ok());
                  }
                  return txn.store("rows", rows.value());
              })
              .ok());
    auto ask = pb::query::parse("from rows | where n >= $low | select n").value();
    auto snapshot = main.snapshot().value();
    for (int low = 0; low < 5; low++) {
        int expected = low;
        CHECK(ask.bind("low", low).ok());
        auto rows = ask.run(snapshot).value();
        CHECK((rows.columns() == std::vector<std::string>{"n"}));
        for (pb::view row : rows) {
            CHECK(row["n"].get<int>() == expected++);
        }
        CHECK(rows.status().ok());
        CHECK(expected == 5);
    }
    auto wrong = pb::query::parse("from rows | were n > 1");
    CHECK(wrong.failure().where().find("column") != std::string_view::npos);
    CHECK(!ask.bind("high", 1));
}

static pb::result<void> fill_orders(pb::txn &txn)
{
    auto orders = txn.new_list().value();
    for (int i = 0; i < 100; i++) {
        CHECK(orders
                  .append(pb::value::map({{"n", i},
                                          {"city", i % 3 == 0 ? "Oslo" : "Rome"},
                                          {"tags", pb::value::list({i, i + 1})}}))
                  .ok());
    }
    return txn.store("orders", orders);
}

static std::vector<int> numbers_of(const pb::query &ask, const pb::snapshot &on,
                                   const char *column = "n")
{
    std::vector<int> out;
    for (const pb::view &row : ask.run(on).value()) {
        out.push_back(row[column].get_or<int>(-1));
    }
    return out;
}

static void runs_have_parameters_and_limits_of_their_own()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    CHECK(main.run(fill_orders).ok());
    auto snapshot = main.snapshot().value();
    auto ask = pb::query::parse("from orders | where n < $high | select n").value();
    CHECK((ask.parameters() == std::vector<std::string>{"high"}));
    CHECK(ask.run(snapshot).failure().code() == PBASE_INVALID); // not bound
    pb::query_options options;
    options.parameters = pb::value::map({{"high", 5}});
    options.chunk_rows = 2;
    auto rows = ask.run(snapshot, options).value();
    std::size_t seen = 0;
    for (;;) {
        auto next = rows.next_chunk().value();
        if (!next) {
            break;
        }
        for (std::size_t row = 0; row < next->rows(); row++, seen++) {
            CHECK(next->cell(row, 0).get<std::size_t>() == seen);
        }
        CHECK(next->columns() == 1 && next->rows() <= 2);
    }
    CHECK(seen == 5);
    CHECK(!rows.next_chunk().value());
    options.row_limit = 3;
    auto limited = ask.run(snapshot, options).value();
    pb::error cause;
#if PROTOBASE_EXCEPTIONS
    try {
        for (const pb::view &row : limited) {
            CHECK(!row["n"].is_null());
        }
    } catch (const pb::exception &failure) {
        cause = failure.cause();
    }
#else
    for (const pb::view &row : limited) {
        CHECK(!row["n"].is_null());
    }
    cause = limited.status().failure();
#endif
    CHECK(cause.code() == PBASE_LIMIT && limited.status().failure().code() == PBASE_LIMIT);
    pb::cancel_flag stop;
    stop.set();
    options.row_limit = 0;
    options.wait = pb::call().cancelled_by(stop);
    auto cancelled = ask.run(snapshot, options).value();
    CHECK(cancelled.next_chunk().failure().code() == PBASE_CANCELLED);
}

static void rows_of_a_transaction_end_with_it()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto txn = main.begin().value();
    CHECK(fill_orders(txn).ok());
    auto ask = pb::query::parse("from orders | count").value();
    auto rows = ask.run(txn).value();
    CHECK((*rows.begin())["count"].get<int>() == 100);
    CHECK(txn.commit().ok());
    CHECK(rows.next_chunk().failure().code() == PBASE_INVALID && rows.columns().empty());
    CHECK(ask.run(txn).failure().code() == PBASE_INVALID);
}

static void plans_are_explained()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    CHECK(main.run(fill_orders).ok());
    auto ask = pb::query::parse("from orders | where n = 1").value();
    CHECK(ask.explain().value().get<std::string>()->find("orders") != std::string::npos);
    CHECK(ask.explain(PBASE_EXPLAIN_JSON).value().has("pipelines"));
    CHECK(ask.explain(main.snapshot().value()).value().get<std::string>().has_value());
    CHECK(pb::query::from_plan(pb::value(ask.plan())).value().plan() == ask.plan());
}

static void calls_make_the_same_plan_as_text()
{
    pb::builder b;
    auto orders = b.from("orders", "o");
    auto large = orders.where((b.field("n") > 90 && b.field("city") == "Rome") ||
                              !(b.field("n") + 1 <= b.parameter("x") * 2));
    auto same = [&](const pb::plan &made, const char *text) {
        auto ask = b.query(made);
        auto other = pb::query::parse(text);
        bool equal = ask.value().plan() == other.value().plan();
        if (!equal) {
            (void)std::fprintf(stderr, "not the same: %s\n", text);
        }
        return equal;
    };
    CHECK(same(large, "from orders o | where n > 90 and city = 'Rome' or not (n + 1 <= $x * 2)"));
    CHECK(same(large.count(), "from orders o | where n > 90 and city = 'Rome' or not (n + 1 <= $x "
                              "* 2) | count")); // `large` stayed as it was
    CHECK(same(orders.order({{b.field("n"), true, PBASE_NULLS_LAST}, {b.field("city")}})
                   .offset(1)
                   .limit(2),
               "from orders o | order by n desc nulls last, city | offset 1 | limit 2"));
    CHECK(same(
        orders.group({{"city", b.field("city")}},
                     {{"rows", "count"}, {"sum", "sum", b.field("n"), b.field("n") != 3, true}}),
        "from orders o | group by city { rows: count(), sum: sum(distinct n) filter (where n <> 3) "
        "}"));
    CHECK(same(orders.select({{"x", b.call("coalesce", {b.field("n"), b.constant(0)})}}).distinct(),
               "from orders o | select x: coalesce(n, 0) | distinct"));
    CHECK(same(orders.extend({{"y", b.parse("n // 2")}}), "from orders o | extend y: n // 2"));
    CHECK(same(orders.unnest("tags", "tag"), "from orders o | unnest tags as tag"));
    CHECK(same(orders.combine(PBASE_SET_UNION, b.steps("from orders")),
               "from orders o | union (from orders)"));
    CHECK(same(orders.join(PBASE_JOIN_LEFT, b.from("cities"), "c",
                           b.field("city").with("=", b.field("c.id"))),
               "from orders o | join left cities c on city = c.id"));
    CHECK(b.query(orders.limit(1).cross_join(b.from("cities"), "c")).ok());
    pbase_traverse_options up{};
    up.is_up = true;
    CHECK(b.query(orders.traverse("orders", "n", "boss", up)).ok());
    auto wrong = b.query(orders.where(b.parse("n >")).count());
    CHECK(wrong.failure().code() == PBASE_INVALID);
    CHECK(b.query(orders).ok()); // the failure is forgotten
}

static void built_queries_run()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    CHECK(main.run(fill_orders).ok());
    auto snapshot = main.snapshot().value();
    std::optional<pb::query> ask;
    {
        pb::builder b;
        ask.emplace(b.query(b.from("orders")
                                .where(b.field("n") < b.parameter("high"))
                                .select({{"n", b.field("n")}}))
                        .value());
    } // queries outlive their builder
    CHECK(ask->bind("high", 3).ok());
    CHECK((numbers_of(*ask, snapshot) == std::vector<int>{0, 1, 2}));
}

static void expressions_are_evaluated_alone()
{
    auto adult = pb::expression::parse("age >= $limit and name like 'A%'").value();
    auto ann = pb::value::map({{"age", 30}, {"name", "Ann"}});
    CHECK(adult.evaluate(ann, pb::value::map({{"limit", 18}})).value().get<bool>() == true);
    CHECK(adult.evaluate(ann).failure().code() == PBASE_INVALID);
    CHECK(adult.text().value().find("$limit") != std::string::npos);
    auto again = pb::expression::from_json(pb::value(adult.json())).value();
    CHECK(again.json() == adult.json());
    CHECK(pb::expression::parse("age >").failure().where().find("column") !=
          std::string_view::npos);
}

void test_questions()
{
    questions_are_asked_again_with_other_parameters();
    runs_have_parameters_and_limits_of_their_own();
    rows_of_a_transaction_end_with_it();
    plans_are_explained();
    calls_make_the_same_plan_as_text();
    built_queries_run();
    expressions_are_evaluated_alone();
}
