// test_nesting.cpp - collections inside documents and inside one another
#include "support.hpp"

static pb::result<void> fill_people(pb::txn &txn)
{
    auto people = txn.new_dict().value();
    auto tags = txn.new_set().value();
    CHECK(tags.add("red").ok());
    CHECK(people.put("ann", pb::value::map({{"name", "Ann"}, {"tags", tags}})).ok());
    CHECK(tags.add("blue").ok()); // the value kept the version it was made of
    CHECK(people.put("bob", pb::value::map({{"tags", pb::value::list({1, tags})}})).ok());
    return txn.store("people", people);
}

static void documents_hold_collections()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    CHECK(main.run(fill_people).ok());
    auto snapshot = main.snapshot().value();
    auto people = snapshot.dict("people").value();
    auto ann = people.get("ann").value().value();
    CHECK(ann["tags"].child() == 0u);
    auto tags = people.child("ann").value().as<pb::set>().value();
    CHECK(tags.count().value() == 1 && tags.has("red").value());
    CHECK(people.child("bob").value().count().value() == 2);
    CHECK(people.child("ann", 1).failure().is_not_found());
    auto other = people.child("ann").value();
    CHECK(other.name() == "set" && other.number() == PBASE_COLLECTION_SET);
    CHECK(other.as<pb::dict>().failure().code() == PBASE_INVALID);
    CHECK(other.as<pb::set>().ok() && other.raw() != nullptr); // a second handle
    auto entries = people.entries().value();
    int seen = 0;
    for (const pb::entry &one : entries) {
        CHECK(entries.child().value().count().value() == (one.key == pb::value("ann") ? 1 : 2));
        seen++;
    }
    CHECK(seen == 2);
}

static void a_nested_collection_is_changed_alone()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    CHECK(main.run(fill_people).ok());
    auto one = main.begin().value(), two = main.begin().value();
    auto add = [](pb::txn &txn, const char *who, const char *tag) {
        auto way = who[0] == 'a' ? pb::steps{who, "tags"} : pb::steps{who, "tags", 1};
        auto tags = txn.at("people", way).value().as<pb::set>().value();
        CHECK(tags.add(tag).ok() && txn.store_at("people", way, tags).ok());
    };
    add(one, "ann", "green");
    add(two, "ann", "white");
    add(two, "bob", "white");
    CHECK(one.commit().ok() && two.commit().ok()); // they merge
    auto snapshot = main.snapshot().value();
    CHECK(snapshot.at("people", {"ann", "tags"}).value().count().value() == 3);
    CHECK(snapshot.at("people", {"bob", "tags", 1}).value().count().value() == 3);
    CHECK(snapshot.at("people").value().name() == "dict");
    CHECK(snapshot.at("people", {"cleo"}).failure().is_not_found());
    CHECK(snapshot.at("people", {"ann", "name"}).failure().code() == PBASE_INVALID);
}

static void collections_are_put_whole_and_read_from_plain_roots()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto txn = main.begin().value();
    auto inner = txn.new_list().value();
    auto any = txn.new_hash_dict().value();
    CHECK(inner.append_all({1, 2, 3}).ok());
    CHECK(any.put("l", inner).ok() && any.insert_or_assign("l", inner).value() == false);
    auto outer = txn.new_list().value();
    CHECK(outer.append(any).ok() && outer.insert(0, inner).ok());
    CHECK(txn.store("outer", outer).ok());
    CHECK(txn.store("plain", pb::value::list({pb::value(inner), 7})).ok());
    CHECK(outer.child(-1).value().as<pb::hash_dict>().value().child("l").value().count().value() ==
          3);
    CHECK(txn.commit().ok());
    auto snapshot = main.snapshot().value();
    auto deep = snapshot.list("outer").value().child(1).value().as<pb::hash_dict>().value();
    CHECK(deep.child("l").value().as<pb::list>().value().get(-1).value()->get<int>() == 3);
    CHECK(snapshot.child("plain").value().count().value() == 3);
    CHECK(snapshot.value("plain").value()[1].get<int>() == 7);
}

static void a_value_of_an_ended_transaction_is_refused()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto first = main.begin().value();
    auto set = first.new_set().value();
    CHECK(set.add(1).ok());
    auto document = pb::value::map({{"list", pb::value::list({set})}});
    CHECK(document.usable().ok());
    CHECK(first.commit().ok());
    CHECK(document.usable().failure().code() == PBASE_INVALID);
    auto second = main.begin().value();
    auto dict = second.new_dict().value();
    CHECK(dict.put(1, document).failure().code() == PBASE_INVALID);
    CHECK(dict.put(1, set).failure().code() == PBASE_INVALID); // the handle itself
    CHECK(dict.put_all({{1, 1}, {2, document}}).failure().code() == PBASE_INVALID);
    CHECK(second.store("r", document).failure().code() == PBASE_INVALID);
    CHECK(second.store_at("r", {}, set).failure().code() == PBASE_INVALID);
    CHECK(dict.count().value() == 0);
    CHECK(dict.put(document, 1).failure().code() == PBASE_INVALID); // nor is it a key
}

static void handles_of_other_spaces_and_kinds_are_refused()
{
    auto here = open_memory(), there = open_memory();
    auto mine = here.ensure("main").value().begin().value();
    auto theirs = there.ensure("main").value().begin().value();
    auto dict = mine.new_dict().value();
    auto foreign = theirs.new_set().value();
    CHECK(!dict.put("x", foreign));
    auto set = mine.new_set().value();
    CHECK(!set.add(dict)); // sets hold keys
    CHECK(dict.count().value() == 0 && set.count().value() == 0);
}

static void values_nest_to_the_limit_and_no_further()
{
    auto deep = pb::value(1);
    for (unsigned i = 0; i < PBASE_DEPTH_MAX; i++) {
        deep = pb::value::list({deep});
    }
    CHECK(deep.check().ok());
    pb::value copy(static_cast<const pb::view &>(deep));
    CHECK(copy == deep);
#if PROTOBASE_EXCEPTIONS
    for (const pb::value &one : {deep, copy}) {
        bool thrown = false;
        try {
            (void)pb::value::list({one});
        } catch (const pb::exception &failure) {
            thrown = failure.cause().code() == PBASE_LIMIT;
        }
        CHECK(thrown);
    }
#endif
}

void test_nesting()
{
    documents_hold_collections();
    a_nested_collection_is_changed_alone();
    collections_are_put_whole_and_read_from_plain_roots();
    a_value_of_an_ended_transaction_is_refused();
    handles_of_other_spaces_and_kinds_are_refused();
    values_nest_to_the_limit_and_no_further();
}
