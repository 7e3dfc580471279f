// test_cpp.cpp - the C++ layer, built with and without exceptions.
//
// Plain checks instead of cmocka, whose jumps would pass over destructors.
#include <protobase/protobase.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>

namespace pb = protobase;

static int failures;
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);             \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static pb::config with_plugins(pb::config from)
{
    const char *dir = std::getenv("PBASE_PLUGIN_DIR");
    if (dir != nullptr) {
        from.plugin_dirs.emplace_back(dir);
    }
    return from;
}

static pb::space open_memory()
{
    return pb::space::open(with_plugins(pb::config::in_memory())).value();
}

// ------------------------------------------------------------------------------------ values ----

static void values_read_as_what_they_are()
{
    CHECK(pb::value(42).get<int>() == 42);
    CHECK(!pb::value(42).get<std::string>());
    CHECK(!pb::value(300).get<std::uint8_t>());
    CHECK(!pb::value(-1).get<unsigned>());
    CHECK(pb::value(std::numeric_limits<std::int64_t>::min()).get<std::int64_t>() ==
          std::numeric_limits<std::int64_t>::min());
    CHECK(pb::value(2).get<double>() == 2.0);
    CHECK(!pb::value((std::int64_t{1} << 53) + 1).get<double>());
    CHECK(pb::value("zwölf").get<std::string_view>() == "zwölf");
    CHECK(pb::value(true).get<bool>() == true);
    CHECK(!pb::value(1).get<bool>());
    CHECK(pb::value(nullptr).is_null());
    CHECK(pb::value(std::nan("")) == pb::value(std::nan("")));
    CHECK(pb::value(1) == pb::value(1.0));
    CHECK(pb::value(1) < pb::value("a"));
}

static void documents_are_made_and_read()
{
    auto doc = pb::value::map({{"name", "Ada"},
                               {"tags", pb::value::list({"math", 1815, nullptr})},
                               {"at", pb::timestamp(std::chrono::nanoseconds(5))},
                               {"raw", pb::bytes{"\0x", 2}},
                               {"vec", pb::value::vector({1.5F, 2.5F})}});
    CHECK(doc.size() == 5);
    CHECK(doc["name"].get<std::string>() == "Ada");
    CHECK(doc["tags"][1].get<int>() == 1815);
    CHECK(doc["tags"][9].is_null());
    CHECK(doc["missing"].is_null() && !doc.has("missing") && doc.has("tags"));
    CHECK(doc["at"].get<pb::timestamp>()->time_since_epoch().count() == 5);
    CHECK(doc["raw"].get<pb::bytes>()->size == 2);
    CHECK(doc["vec"].floats()[1] == 2.5F);
    CHECK(doc.field_name(0) == "name");
    pb::value copy = doc;
    doc = pb::value();
    CHECK(copy["tags"][0].get<std::string_view>() == "math");
}

// --------------------------------------------------------------------------------- collections ----

static pb::result<void> fill(pb::txn &txn)
{
    auto numbers = txn.ensure_dict("numbers");
    if (!numbers) {
        return numbers.failure();
    }
    for (int i = 0; i < 10; i++) {
        if (auto done = numbers.value().put(i, i * i); !done) {
            return done;
        }
    }
    return txn.store("numbers", numbers.value());
}

static void dictionaries_keep_what_is_put()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    CHECK(main.run(fill).ok());
    auto snapshot = main.snapshot().value();
    auto numbers = snapshot.dict("numbers").value();
    CHECK(numbers.count().value() == 10);
    CHECK(numbers.get(3).value()->get<int>() == 9);
    CHECK(!numbers.get(77).value());
    CHECK(numbers.has(9).value());
    CHECK(numbers.put(1, 1).failure().code() == PBASE_READ_ONLY);
    int seen = 0;
    auto some = numbers.entries({pb::value(3), pb::value(6), false, true, true}).value();
    for (const pb::entry &one : some) {
        CHECK(one.held.get<int>() == one.key.get<int>().value() * one.key.get<int>().value());
        CHECK(one.key.get<int>() == 5 - seen);
        seen++;
    }
    CHECK(seen == 3);
    CHECK(some.status().ok());
}

static void kept_versions_stay()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto txn = main.begin().value();
    auto list = txn.new_list().value();
    CHECK(list.append("a").ok() && list.append("b").ok() && list.insert(0, "c").ok());
    auto kept = list.keep().value();
    CHECK(list.set(-1, "z").ok() && list.remove(0).value());
    CHECK(list.count().value() == 2 && kept.count().value() == 3);
    CHECK(kept.get(-1).value()->get<std::string>() == "b");
    CHECK(list.get(-1).value()->get<std::string>() == "z");
    CHECK(!list.get(5).value());
    auto set = txn.new_set().value();
    CHECK(set.add(1).value() && !set.add(1.0).value() && set.has(1).value());
    CHECK(set.remove(1).value() && !set.remove(1).value() && set.count().value() == 0);
    auto bag = txn.new_counted_set().value();
    CHECK(bag.add("x").ok() && bag.add("x", 2).ok() && bag.add("y").ok() && bag.remove("x").ok());
    CHECK(bag.get("x").value() == 2 && bag.count().value() == 2 && bag.total().value() == 3);
    CHECK(txn.store("list", list).ok() && txn.store("set", set).ok() && txn.store("bag", bag).ok());
    auto any = txn.new_hash_dict().value();
    auto point = pb::value::map({{"x", 1}, {"y", 2}}),
         same = pb::value::map({{"y", 2.0}, {"x", 1}});
    CHECK(any.put(point, "here").ok() && any.has(same).value());
    CHECK(any.get(same).value()->get<std::string>() == "here" && any.count().value() == 1);
    auto more = any.keep().value();
    CHECK(more.put(1, 1).ok() && any.merge(more).ok() && any.count().value() == 2);
    CHECK(any.remove(same).value() && !any.remove(same).value());
    auto multi = txn.new_multi_dict().value();
    CHECK(multi.add("k", "a").ok() && multi.add("k", "a").ok() && multi.add("k", "b").ok());
    CHECK(multi.get("k", "a").value() == 2 && multi.count().value() == 2);
    CHECK(multi.total().value() == 3 && multi.has("k").value());
    CHECK(multi.remove("k", "a").ok() && multi.remove("k").ok() && !multi.has("k").value());
    CHECK(txn.store("any", any).ok() && txn.store("multi", multi).ok());
    CHECK(txn.store("plain", pb::value(5)).ok());
    CHECK(txn.commit().ok());
    auto snapshot = main.snapshot().value();
    CHECK(snapshot.value("plain").value().get<int>() == 5);
    CHECK(snapshot.counted_set("bag").value().total().value() == 3);
    CHECK(snapshot.hash_dict("any").value().count().value() == 1);
    CHECK(snapshot.multi_dict("multi").value().total().value() == 0);
    CHECK(snapshot.list("set").failure().code() == PBASE_INVALID);
}

// -------------------------------------------------------------------------------- transactions ----

static void a_body_that_fails_leaves_nothing()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto done = main.run([](pb::txn &txn) -> pb::result<void> {
        if (auto stored = txn.store("x", pb::value(1)); !stored) {
            return stored;
        }
        return pb::error(PBASE_INVALID, "changed my mind");
    });
    CHECK(done.failure().code() == PBASE_INVALID);
    CHECK(done.failure().message().find("changed my mind") != std::string_view::npos);
    CHECK(main.snapshot().value().value("x").failure().is_not_found());
}

static void the_body_of_run_does_not_end_its_transaction()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    CHECK(main.run([](pb::txn &txn) -> pb::result<void> {
                  txn.abort();
                  CHECK(txn.commit().failure().code() == PBASE_INVALID);
                  return txn.store("x", pb::value(1));
              })
              .ok());
    CHECK(main.snapshot().value().value("x").ok());
}

static void conflicts_are_told_and_run_again()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    CHECK(main.run([](pb::txn &txn) { return txn.store("n", pb::value(0)); }).ok());
    auto one = main.begin().value(), two = main.begin().value();
    CHECK(one.store("n", pb::value(1)).ok() && two.store("n", pb::value(2)).ok());
    CHECK(one.commit().ok());
    CHECK(two.commit().failure().is_conflict());
    int tries = 0;
    CHECK(main.run([&](pb::txn &txn) -> pb::result<void> {
                  int before = txn.value("n").value().get<int>().value_or(-1);
                  if (tries++ == 0) { // somebody is faster
                      CHECK(main.run([](pb::txn &other) { return other.store("n", pb::value(10)); })
                                .ok());
                  }
                  return txn.store("n", pb::value(before + 1));
              })
              .ok());
    CHECK(tries == 2);
    CHECK(main.snapshot().value().value("n").value().get<int>() == 11);
}

static void nested_transactions_add_to_the_outer_one()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto outer = main.begin().value();
    {
        auto inner = outer.nested().value();
        CHECK(inner.store("kept", pb::value(1)).ok() && inner.commit().ok());
    }
    {
        auto inner = outer.nested().value();
        CHECK(inner.store("dropped", pb::value(1)).ok()); // goes without a commit
    }
    CHECK(outer.commit().ok());
    CHECK(main.snapshot().value().value("kept").ok());
    CHECK(main.snapshot().value().value("dropped").failure().is_not_found());
}

static void what_came_from_a_transaction_ends_with_it()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto txn = main.begin().value();
    auto dict = txn.new_dict().value();
    CHECK(dict.put(1, 1).ok() && txn.store("d", dict).ok());
    auto entries = dict.entries().value();
    auto kept = dict.keep().value();
    CHECK(txn.commit().ok());
    CHECK(dict.put(2, 2).failure().code() == PBASE_INVALID);
    CHECK(kept.get(1).failure().code() == PBASE_INVALID);
    CHECK(txn.store("d", dict).failure().code() == PBASE_INVALID);
    CHECK(txn.commit().failure().code() == PBASE_INVALID);
    CHECK(txn.dict("d").failure().code() == PBASE_INVALID);
#if !PROTOBASE_EXCEPTIONS
    for (const pb::entry &one : entries) {
        CHECK(one.key.is_null());
    }
    CHECK(entries.status().failure().code() == PBASE_INVALID);
#endif
}

static void what_came_from_an_object_keeps_it_alive()
{
    auto numbers = [] {
        auto space = open_memory();
        auto main = space.ensure("main").value();
        CHECK(main.run(fill).ok());
        return main.snapshot().value().dict("numbers").value();
    }();
    CHECK(numbers.get(2).value()->get<int>() == 4);
}

static void a_nested_transaction_keeps_the_outer_one_from_committing()
{
    auto space = open_memory();
    auto outer = space.ensure("main").value().begin().value();
    auto inner = outer.nested().value();
    auto list = inner.new_list().value();
    CHECK(outer.commit().failure().code() == PBASE_INVALID);
    CHECK(list.append(1).ok() && inner.store("l", list).ok()); // nothing has ended
    CHECK(inner.commit().ok() && outer.commit().ok());
    outer.abort();
}

// ------------------------------------------------------------------------- spaces and questions ----

static void databases_are_made_renamed_and_branched()
{
    auto space = open_memory();
    CHECK(space.create("a").ok() && space.rename("a", "b").ok() && space.branch("b", "c").ok());
    CHECK(space.create("c").failure().code() == PBASE_EXISTS);
    CHECK((space.databases().value() == std::vector<std::string>{"b", "c"}));
    CHECK(space.drop("c").ok() && space.database("c").failure().is_not_found());
}

static void a_space_on_files_is_there_again()
{
    auto folder = std::filesystem::temp_directory_path() /
                  ("protobase-cpp-" + std::to_string(reinterpret_cast<std::uintptr_t>(&failures)));
    std::filesystem::remove_all(folder);
    {
        auto space = pb::space::open(with_plugins(pb::config::folder(folder.string()))).value();
        CHECK(space.ensure("main").value().run(fill).ok());
        CHECK(space.checkpoint().ok());
    }
    {
        auto space =
            pb::space::open(with_plugins(pb::config::folder(folder.string())), true).value();
        auto snapshot = space.database("main").value().snapshot().value();
        CHECK(snapshot.dict("numbers").value().count().value() == 10);
    }
    std::filesystem::remove_all(folder);
    auto gone = pb::space::open(with_plugins(pb::config::folder(folder.string())), true);
    CHECK(gone.failure().is_not_found());
}

static void a_wrong_configuration_says_where()
{
    auto space =
        pb::space::open(with_plugins(pb::config::yaml("version: 1\nstorage: {type: memori}\n")));
    CHECK(space.failure().where().find("2:") != std::string_view::npos);
    CHECK(space.failure().hint().find("memory") != std::string_view::npos);
}

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

static void json_goes_in_and_out()
{
    auto space = open_memory();
    auto doc = space.parse_json(R"({"a": [1, 2.5, "x"]})").value();
    CHECK(doc["a"][1].get<double>() == 2.5);
    CHECK(space.format_json(doc).value() == R"({"a":[1,2.5,"x"]})");
    CHECK(space.parse_json("{").failure().code() == PBASE_INVALID);
}

#if PROTOBASE_EXCEPTIONS
static void value_of_a_failure_throws()
{
    auto space = open_memory();
    bool thrown = false;
    try {
        (void)space.database("nowhere").value();
    } catch (const pb::exception &failure) {
        thrown = failure.cause().is_not_found();
        CHECK(std::string(failure.what()).find("nowhere") != std::string::npos);
    }
    CHECK(thrown);
}

static void what_a_body_throws_comes_out_and_nothing_is_left()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    bool thrown = false;
    try {
        (void)main.run([](pb::txn &txn) -> pb::result<void> {
            txn.store("x", pb::value(1)).value();
            throw std::string("mine");
        });
    } catch (const std::string &mine) {
        thrown = mine == "mine";
    }
    CHECK(thrown);
    CHECK(main.snapshot().value().value("x").failure().is_not_found());
}
#endif

int main()
{
    values_read_as_what_they_are();
    documents_are_made_and_read();
    dictionaries_keep_what_is_put();
    kept_versions_stay();
    a_body_that_fails_leaves_nothing();
    the_body_of_run_does_not_end_its_transaction();
    conflicts_are_told_and_run_again();
    nested_transactions_add_to_the_outer_one();
    what_came_from_a_transaction_ends_with_it();
    what_came_from_an_object_keeps_it_alive();
    a_nested_transaction_keeps_the_outer_one_from_committing();
    databases_are_made_renamed_and_branched();
    a_space_on_files_is_there_again();
    a_wrong_configuration_says_where();
    questions_are_asked_again_with_other_parameters();
    json_goes_in_and_out();
#if PROTOBASE_EXCEPTIONS
    value_of_a_failure_throws();
    what_a_body_throws_comes_out_and_nothing_is_left();
#endif
    (void)std::printf("%s\n", failures == 0 ? "all is well" : "failed");
    return failures == 0 ? 0 : 1;
}
