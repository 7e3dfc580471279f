// 17-cpp.cpp - the C++ layer: a transaction, a snapshot, a question.
//
//     17-cpp       everything in memory, gone at the end
#include <protobase/protobase.hpp>

#include <iostream>

namespace pb = protobase;

static pb::value person(const char *name, int born)
{
    return pb::value::map({{"name", name}, {"born", born}});
}

// Returns failures; throws nothing of its own. run() begins it anew when it met a conflict.
static pb::result<void> add_people(pb::txn &txn)
{
    auto people = txn.ensure_dict("people");
    if (!people) {
        return people.failure();
    }
    for (const auto &[key, born] : {std::pair("Ada", 1815), {"Alan", 1912}, {"Grace", 1906}}) {
        if (auto done = people.value().put(key, person(key, born)); !done) {
            return done;
        }
    }
    return txn.store("people", people.value());
}

static void show(const pb::database &database)
{
    auto snapshot = database.snapshot().value();
    auto people = snapshot.dict("people").value();
    if (auto ada = people.get("Ada").value()) {
        std::cout << "Ada was born in " << (*ada)["born"].get_or<int>(0) << "\n";
    }
    auto later = pb::query::parse("from people | where born > $year | order by born").value();
    later.bind("year", 1900).value();
    for (pb::view row : later.run(snapshot).value()) {
        std::cout << row["name"].get_or<std::string_view>("?") << " " << row["born"].get_or<int>(0)
                  << "\n";
    }
}

int main()
{
    try {
        auto space = pb::space::open(pb::config::in_memory()).value();
        auto database = space.ensure("main").value();
        database.run(add_people).value();
        show(database);
    } catch (const pb::exception &failure) {
        std::cerr << failure.what() << "\n";
        return 1;
    }
    return 0;
}
