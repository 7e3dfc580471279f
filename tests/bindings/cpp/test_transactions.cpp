// test_transactions.cpp - commits, conflicts, nesting, and what ends with a transaction
#include "support.hpp"

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
        CHECK(main.run(fill_numbers).ok());
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

static void a_transaction_that_goes_is_aborted_whatever_is_left_of_it()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto left = [&] {
        auto txn = main.begin().value();
        auto dict = txn.new_dict().value();
        CHECK(dict.put(1, 1).ok() && txn.store("d", dict).ok());
        return dict;
    }();
    CHECK(left.get(1).failure().code() == PBASE_INVALID);
    CHECK(main.snapshot().value().dict("d").failure().is_not_found());
    auto txn = main.begin().value();
    auto first = txn.new_list().value();
    txn = main.begin().value(); // ends the one before
    CHECK(first.append(1).failure().code() == PBASE_INVALID);
    auto moved = std::move(txn);
    // NOLINTBEGIN(bugprone-use-after-move): what it then says is the test
    CHECK(txn.commit().failure().code() == PBASE_INVALID);
    // NOLINTEND(bugprone-use-after-move)
    txn.abort();
    CHECK(moved.commit().ok());
}

static void a_body_gives_what_it_made()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto sum = main.run([](pb::txn &txn) -> pb::result<int> {
        if (auto done = txn.store("x", pb::value(1)); !done) {
            return done.failure();
        }
        return 41 + txn.value("x").value().get<int>().value();
    });
    CHECK(sum.value() == 42);
    CHECK(main.run([](pb::txn &txn) { CHECK(txn.drop("x").ok()); }).ok());
    CHECK(main.snapshot().value().roots().value().empty());
    auto failed =
        main.run([](pb::txn &) -> pb::result<int> { return pb::error(PBASE_LIMIT, "no"); });
    CHECK(failed.failure().code() == PBASE_LIMIT);
}

static void handles_left_by_a_body_are_refused()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    std::optional<pb::dict> left;
    std::optional<pb::value> held;
    CHECK(main.run([&](pb::txn &txn) -> pb::result<void> {
                  left.emplace(txn.new_dict().value());
                  held.emplace(*left);
                  return left->put(1, 1);
              })
              .ok());
    CHECK(left->get(1).failure().code() == PBASE_INVALID);
    CHECK(held->usable().failure().code() == PBASE_INVALID);
}

static void options_and_limits_are_kept()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    pb::txn_options reading;
    reading.read_only = true;
    auto txn = main.begin(reading).value();
    CHECK(txn.store("x", pb::value(1)).failure().code() == PBASE_READ_ONLY);
    auto writing = main.begin().value();
    auto inner = writing.nested(reading).value();
    CHECK(inner.store("x", pb::value(1)).failure().code() == PBASE_READ_ONLY);
    inner.abort();
    CHECK(writing.store("x", pb::value(1)).ok() && writing.roots().value()[0].name == "x");
    CHECK(writing.commit(pb::call::within(std::chrono::seconds(60))).ok());
    int tries = 0;
    pb::txn_options once;
    once.retries_max = 2;
    auto lost = main.run(
        [&](pb::txn &mine) -> pb::result<void> {
            tries++;
            CHECK(mine.value("x").ok());
            CHECK(
                main.run([&](pb::txn &other) { return other.store("x", pb::value(tries)); }).ok());
            return mine.store("x", pb::value(-1));
        },
        once);
    CHECK(lost.failure().is_conflict() && tries == 3);
    pb::txn_options remote;
    remote.durability = PBASE_DURABILITY_REMOTE;
    CHECK(main.begin(remote).failure().code() == PBASE_UNSUPPORTED);
}

#if PROTOBASE_EXCEPTIONS
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

void test_transactions()
{
    a_body_that_fails_leaves_nothing();
    the_body_of_run_does_not_end_its_transaction();
    conflicts_are_told_and_run_again();
    nested_transactions_add_to_the_outer_one();
    what_came_from_a_transaction_ends_with_it();
    what_came_from_an_object_keeps_it_alive();
    a_nested_transaction_keeps_the_outer_one_from_committing();
    a_transaction_that_goes_is_aborted_whatever_is_left_of_it();
    a_body_gives_what_it_made();
    handles_left_by_a_body_are_refused();
    options_and_limits_are_kept();
#if PROTOBASE_EXCEPTIONS
    what_a_body_throws_comes_out_and_nothing_is_left();
#endif
}
