// test_indexes.cpp - indexes made, listed, checked, used and dropped
#include "support.hpp"

static void indexes_are_made_listed_checked_and_dropped()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    pb::indexes of(main);
    CHECK(of.create("people", "by_city", {"city"}).failure().is_not_found());
    CHECK(main.run([](pb::txn &txn) -> pb::result<void> {
                  auto people = txn.new_dict().value();
                  for (int i = 0; i < 100; i++) {
                      CHECK(people
                                .put(i, pb::value::map({{"city", i % 7},
                                                        {"email", i},
                                                        {"tags", pb::value::list({i, i + 1})}}))
                                .ok());
                  }
                  return txn.store("people", people);
              })
              .ok());
    CHECK(of.create("people", "by_city", {"city", "email"}).ok());
    CHECK(of.create("people", "by_email", {"email"}, true).ok());
    CHECK(of.create("people", "by_tag", {"tags[*]"}).ok());
    CHECK(of.create("people", "by_tag", {"city"}).failure().code() == PBASE_EXISTS);
    CHECK(of.create("people", "unique", {"city"}, true).failure().code() == PBASE_EXISTS);
    auto snapshot = main.snapshot().value();
    auto list = pb::list_indexes(snapshot, "people").value();
    CHECK(list.size() == 3 && list[0].name == "by_city" && list[0].fields.size() == 2);
    CHECK(list[1].unique && !list[1].multikey && list[2].multikey && list[2].entries == 200);
    CHECK(pb::list_indexes(snapshot).value().size() == 3);
    auto report = pb::check_indexes(snapshot).value();
    CHECK(report.indexes == 3 && report.rows == 300 && report.found == 0 &&
          report.findings.empty());
    CHECK(pb::check_indexes(snapshot, "people", "by_tag").value().entries == 200);
    CHECK(pb::check_indexes(snapshot, "people", "none").failure().is_not_found());
    auto query = pb::query::parse("from people | where email = 42").value();
    auto plan = query.explain(snapshot).value();
    CHECK(plan.get<std::string>()->find("by_email") != std::string::npos);
    CHECK(of.drop("people", "by_city").ok());
    CHECK(of.drop("people", "by_city").failure().is_not_found());
    CHECK(pb::list_indexes(main.snapshot().value()).value().size() == 2);
}

void test_indexes()
{
    indexes_are_made_listed_checked_and_dropped();
}
