// test_watch.cpp - the feed of changes, resumed; history
#include "support.hpp"

static std::uint64_t put(const pb::database &main, int key, int held)
{
    auto txn = main.begin().value();
    auto dict = txn.ensure_dict("stocks").value();
    CHECK(dict.put(key, held).ok() && txn.store("stocks", dict).ok());
    return txn.commit().value();
}

static void changes_come_in_order_and_resume()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto first = put(main, 1, 10);
    auto feed = pb::watch::open(main, {"stocks", first}).value();
    int puts = 0;
    std::uint64_t done = 0;
    for (const pb::change &one : feed.changes()) {
        CHECK(one.sequence() == first && one.root() == "stocks" && one.database() == "main");
        if (one.kind() == PBASE_CHANGE_PUT) {
            CHECK(one.key().value()->get<int>() == 1 && one.value().value()->get<int>() == 10);
            CHECK(one.kind_name() == "put" && one.collection_kind() == PBASE_COLLECTION_DICT);
            puts++;
        } else {
            CHECK(!one.key().value() && one.kind() == PBASE_CHANGE_CREATED);
        }
        done = one.is_last() ? one.sequence() : done;
    }
    CHECK(puts == 1 && done == first && feed.sequence() == first);
    auto second = put(main, 2, 20), third = put(main, 3, 30);
    auto next = feed.next(pb::call::within(std::chrono::seconds(60))).value();
    CHECK(next.sequence() == second && next.is_last());
    auto resumed = pb::watch::open(main, {"", next.sequence() + 1}).value();
    std::vector<std::uint64_t> seen;
    for (const pb::change &one : resumed.changes()) {
        seen.push_back(one.sequence());
    }
    CHECK((seen == std::vector<std::uint64_t>{third}));
    CHECK(resumed.next(pb::call::now()).failure().code() == PBASE_TIMEOUT);
    pb::cancel_flag stop;
    stop.set();
    CHECK(resumed.next(pb::call().cancelled_by(stop)).failure().code() == PBASE_CANCELLED);
    CHECK(pb::watch::open(main, {"", third + 50}).failure().is_not_found());
}

static void a_space_is_watched_as_a_whole()
{
    auto space = open_memory();
    auto feed = pb::watch::open(space).value();
    CHECK(space.create("a").ok() && space.rename("a", "b").ok());
    (void)put(space.database("b").value(), 1, 1);
    std::vector<std::string> told;
    for (const pb::change &one : feed.changes()) {
        told.push_back(std::string(one.database()) + " " + std::string(one.kind_name()) + " " +
                       std::string(one.origin()));
    }
    CHECK(told.size() == 4 && told[0] == "a created " && told[1] == "b renamed a");
}

static void changes_below_a_root_say_where()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto feed = pb::watch::open(main).value();
    CHECK(main.run([](pb::txn &txn) -> pb::result<void> {
                  auto people = txn.new_dict().value();
                  auto tags = txn.new_set().value();
                  CHECK(tags.add("red").ok());
                  CHECK(people.put("ann", pb::value::map({{"tags", tags}})).ok());
                  CHECK(pb::objects(txn).create("Person", pb::value::map({})).ok());
                  return txn.store("people", people);
              })
              .ok());
    int added = 0, put_in_root = 0, objects = 0;
    for (const pb::change &one : feed.changes()) {
        if (one.kind() == PBASE_CHANGE_ADDED) {
            auto path = one.path().value().value();
            CHECK(path.size() == 2 && path[0].get<std::string>() == "ann");
            CHECK(one.place() == PBASE_IN_NESTED && one.root() == "people");
            added++;
        } else if (one.kind() == PBASE_CHANGE_PUT && one.place() == PBASE_IN_ROOT) {
            CHECK(one.children() == 1 && one.child(0).value().is_new);
            CHECK(one.child(0).value().kind == PBASE_COLLECTION_SET);
            CHECK(one.child(1).failure().is_not_found());
            CHECK(one.value().value().value()["tags"].child() == 0U);
            CHECK(!one.class_name().value() && one.collection().sequence > 0);
            put_in_root++;
        } else if (one.place() == PBASE_IN_OBJECTS) {
            CHECK(one.class_name().value()->get<std::string>() == "Person");
            objects++;
        }
    }
    CHECK(added == 1 && put_in_root == 1 && objects == 1);
}

static void the_watch_keeps_its_space()
{
    auto feed = [] {
        auto space = open_memory();
        auto main = space.ensure("main").value();
        return pb::watch::open(main).value();
    }();
    CHECK(feed.next(pb::call::now()).failure().code() == PBASE_TIMEOUT);
    auto moved = std::move(feed);
    // NOLINTBEGIN(bugprone-use-after-move): what it then says is the test
    CHECK(feed.next(pb::call::now()).failure().code() == PBASE_INVALID);
    // NOLINTEND(bugprone-use-after-move)
}

static void history_tells_what_led_here()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto last = put(main, 1, 1);
    CHECK(space.rename("main", "shop").ok() && space.branch("shop", "trial").ok());
    auto past = pb::history::range(space).value();
    CHECK(past.newest_sequence == last + 2);
    auto commits = pb::history::commits(space, last).value();
    CHECK(commits.size() == 3 && commits[0].sequence == last && commits[0].operations > 0);
    CHECK(commits[1].kind == PBASE_COMMIT_RENAME && commits[1].origin == "main");
    CHECK(commits[2].kind == PBASE_COMMIT_BRANCH && commits[2].database == "trial");
    int seen = 0;
    CHECK(pb::history::each(space, [&](const pb::commit_info &) { return ++seen < 2; }).ok());
    CHECK(seen == 2);
    CHECK(pb::history::commits(space, last + 90).failure().is_not_found());
    auto then = pb::history::open(space, "main", pb::moment::sequence(last)).value();
    CHECK(then.dict("stocks").value().get(1).value()->get<int>() == 1);
    CHECK(
        pb::history::open(space, "main", pb::moment::sequence(last + 1)).failure().is_not_found());
}

void test_watch()
{
    changes_come_in_order_and_resume();
    a_space_is_watched_as_a_whole();
    changes_below_a_root_say_where();
    the_watch_keeps_its_space();
    history_tells_what_led_here();
}
