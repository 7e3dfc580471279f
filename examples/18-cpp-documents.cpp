// 18-cpp-documents.cpp - the C++ layer further on: documents with collections in them, objects, an
// index, a blob, the past and a feed of changes.
//
//     18-cpp-documents       everything in memory, gone at the end
#include <protobase/protobase.hpp>

#include <iostream>

namespace pb = protobase;

// A document with a set inside; the set is changed alone afterwards.
static pb::result<void> add_people(pb::txn &txn)
{
    auto people = txn.new_dict().value();
    auto tags = txn.new_set().value();
    tags.add("math").value();
    people.put("ada", pb::value::map({{"city", "London"}, {"tags", tags}})).value();
    people.put("grace", pb::value::map({{"city", "Arlington"}})).value();
    return txn.store("people", people);
}

static pb::result<void> tag_ada(pb::txn &txn)
{
    const pb::steps way = {"ada", "tags"};
    auto tags = txn.at("people", way).value().as<pb::set>().value();
    tags.add("machines").value();
    return txn.store_at("people", way, tags);
}

// What the body of run() gives comes back once it is committed.
static pb::result<pb::object_id> add_firm(pb::txn &txn)
{
    pb::objects objects(txn);
    auto firm = objects.create("Firm", pb::value::map({{"name", "Engines"}})).value();
    return objects.create("Person", pb::value::map({{"name", "Ada"}, {"employer", firm}}));
}

static pb::result<void> add_film(pb::txn &txn)
{
    auto films = txn.new_dict().value();
    auto film = pb::blob::create(txn, "zeros.bin", "application/octet-stream").value();
    const std::string part(10'000, '\0');
    for (int i = 0; i < 100; i++) {
        film.append(part).value();
    }
    films.put("zeros", film.value().value()).value();
    return txn.store("films", films);
}

static void show(const pb::database &database, pb::object_id ada)
{
    auto now = database.snapshot().value();
    std::cout << "ada:";
    for (const pb::entry &tag : now.at("people", {"ada", "tags"}).value().entries().value()) {
        std::cout << " " << tag.key.get_or<std::string_view>("?");
    }
    pb::objects objects(now);
    auto firm = objects.follow(objects.get(ada).value().value(), "employer").value().value();
    std::cout << "\nAda works for " << firm["name"].get_or<std::string_view>("?") << "\n";
    for (const pb::index_info &one : pb::list_indexes(now, "people").value()) {
        std::cout << one.name << " has " << one.entries << " entries\n";
    }
    std::uint64_t bytes = 0;
    auto film = pb::blob::open(now.at("films", {"zeros", "content"})).value();
    for (const pb::bytes &part : film.chunks()) {
        bytes += part.size;
    }
    std::cout << bytes << " bytes in a blob\n";
}

int main()
{
    try {
        auto space = pb::space::open(pb::config::in_memory()).value();
        auto database = space.ensure("main").value();
        auto feed = pb::watch::open(database, {"people"}).value();
        database.run(add_people).value();
        auto first = database.snapshot().value().sequence();
        database.run(tag_ada).value();
        auto ada = database.run(add_firm).value();
        database.run(add_film).value();
        pb::indexes(database).create("people", "by_city", {"city"}).value();
        show(database, ada);
        auto then = database.snapshot(pb::moment::sequence(first)).value();
        std::cout << "then: " << then.at("people", {"ada", "tags"}).value().count().value()
                  << " tag\n";
        int told = 0;
        for (const pb::change &one : feed.changes()) {
            told += one.root() == "people";
        }
        std::cout << told << " changes of people\n";
    } catch (const pb::exception &failure) {
        std::cerr << failure.what() << "\n";
        return 1;
    }
    return 0;
}
