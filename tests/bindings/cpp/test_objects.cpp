// test_objects.cpp - objects by id
#include "support.hpp"

static void objects_are_found_by_id_and_keep_it()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto ids =
        main.run([](pb::txn &txn) -> pb::result<std::pair<pb::object_id, pb::object_id>> {
                pb::objects people(txn);
                auto firm = people.create("Firm", pb::value::map({{"name", "Trees"}})).value();
                auto ann =
                    people.create("Person", pb::value::map({{"name", "Ann"}, {"employer", firm}}));
                CHECK(people.exists(firm).value() && people.count().value() == 2);
                return std::pair(firm, ann.value());
            })
            .value();
    auto [firm, ann] = ids;
    CHECK(main.run([&, ann = ann](pb::txn &txn) -> pb::result<void> {
                  pb::objects people(txn);
                  auto found = people.get(ann).value();
                  CHECK((*found)["name"].get<std::string>() == "Ann" && found->has("employer"));
                  CHECK(people.follow(*found, "employer").value()->class_name() == "Firm");
                  CHECK(!people.follow(*found, "boss").value());
                  CHECK(people.follow(*found, "name").failure().code() == PBASE_INVALID);
                  return people.put(
                      ann, pb::value::map(
                               {{"name", "Anna"},
                                {"employer",
                                 found->attributes()["employer"].get<pb::object_id>().value()}}));
              })
              .ok());
    auto snapshot = main.snapshot().value();
    pb::objects seen(snapshot);
    auto both = seen.get_many({ann, pb::object_id{}, firm}).value();
    CHECK(both.size() == 3 && !both[1] && both[2]->class_name() == "Firm");
    CHECK((*both[0])["name"].get<std::string>() == "Anna");
    CHECK(seen.follow(*both[0], "employer").value()->id().bytes[3] == firm.bytes[3]);
    CHECK(seen.follow(*both[0], "name").failure().code() == PBASE_INVALID);
    CHECK(!seen.get(pb::object_id{}).value() && seen.exists(ann).value());
    CHECK(seen.remove(ann).failure().code() == PBASE_READ_ONLY);
    CHECK(seen.create("X", pb::value::map({})).failure().code() == PBASE_READ_ONLY);
    auto text = pb::to_string(ann);
    CHECK(pb::value(pb::parse_object_id(text).value()) == pb::value(ann));
    CHECK(pb::parse_object_id("ann").failure().code() == PBASE_INVALID);
}

static void objects_are_gone_through_by_class()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto txn = main.begin().value();
    pb::objects things(txn);
    for (int i = 0; i < 6; i++) {
        CHECK(things.create(i % 2 == 0 ? "Even" : "Odd", pb::value::map({{"n", i}})).ok());
    }
    int sum = 0;
    CHECK(
        things.each("Odd", [&](const pb::object &one) { sum += one["n"].get_or<int>(-100); }).ok());
    CHECK(sum == 9);
    int seen = 0;
    CHECK(things.each([&](const pb::object &) { return ++seen < 4; }).ok());
    CHECK(seen == 4);
    auto failed = things.each([&](const pb::object &) -> pb::result<void> {
        return pb::error(PBASE_LIMIT, "enough of this");
    });
    CHECK(failed.failure().code() == PBASE_LIMIT);
    CHECK(failed.failure().message().find("enough") != std::string_view::npos);
    pb::object_id mine{};
    mine.bytes[0] = 7;
    CHECK(!things.put_as(mine, "Odd", pb::value::map({})).value());
    CHECK(things.put_as(mine, "Even", pb::value::map({})).value());
    CHECK(things.remove(mine).value() && !things.remove(mine).value());
    CHECK(things.put(mine, pb::value::map({})).failure().is_not_found());
    CHECK(txn.commit().ok());
    CHECK(things.count().failure().code() == PBASE_INVALID);
    CHECK(things.get(mine).failure().code() == PBASE_INVALID);
#if PROTOBASE_EXCEPTIONS
    bool thrown = false;
    auto snapshot = main.snapshot().value();
    try {
        (void)pb::objects(snapshot).each([](const pb::object &) { throw std::string("mine"); });
    } catch (const std::string &mine_too) {
        thrown = mine_too == "mine";
    }
    CHECK(thrown);
#endif
}

static void attributes_hold_collections()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto id =
        main.run([](pb::txn &txn) -> pb::result<pb::object_id> {
                auto friends = txn.new_list().value();
                CHECK(friends.append("bob").ok());
                return pb::objects(txn).create("Person", pb::value::map({{"friends", friends}}));
            })
            .value();
    CHECK(main.run([&](pb::txn &txn) -> pb::result<void> {
                  pb::objects people(txn);
                  auto friends = people.child(id).value().as<pb::list>().value();
                  CHECK(friends.append("cleo").ok());
                  return people.put(id, pb::value::map({{"friends", friends}}));
              })
              .ok());
    auto snapshot = main.snapshot().value();
    CHECK(pb::objects(snapshot).child(id).value().count().value() == 2);
    CHECK(pb::objects(snapshot).child(id, 1).failure().is_not_found());
}

void test_objects()
{
    objects_are_found_by_id_and_keep_it();
    objects_are_gone_through_by_class();
    attributes_hold_collections();
}
