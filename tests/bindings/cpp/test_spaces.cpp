// test_spaces.cpp - opening, databases, JSON
#include "support.hpp"

#include <filesystem>
#include <unistd.h>

static std::filesystem::path temp_folder(const char *name)
{
    auto folder = std::filesystem::temp_directory_path() /
                  ("protobase-cpp-" + std::to_string(getpid()) + "-" + name);
    std::filesystem::remove_all(folder);
    return folder;
}

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
    auto folder = temp_folder("files");
    {
        auto space = pb::space::open(with_plugins(pb::config::folder(folder.string()))).value();
        CHECK(space.ensure("main").value().run(fill_numbers).ok());
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

static void json_goes_in_and_out()
{
    auto space = open_memory();
    auto doc = space.parse_json(R"({"a": [1, 2.5, "x"]})").value();
    CHECK(doc["a"][1].get<double>() == 2.5);
    CHECK(space.format_json(doc).value() == R"({"a":[1,2.5,"x"]})");
    CHECK(space.parse_json("{").failure().code() == PBASE_INVALID);
}

static void copies_of_databases_say_what_they_are()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    CHECK(main.run(fill_numbers).ok());
    CHECK(space.snapshot("main", "june").ok() && space.branch("main", "trial").ok());
    auto infos = space.infos().value();
    CHECK(infos.size() == 3 && infos[0].name == "june" && infos[0].origin == "main");
    CHECK(infos[0].kind == PBASE_DATABASE_SNAPSHOT && infos[2].kind == PBASE_DATABASE_BRANCH);
    CHECK(space.describe("trial").value().origin == "main");
    CHECK(space.describe("trail").failure().hint().find("trial") != std::string_view::npos ||
          space.describe("trail").failure().message().find("trial") != std::string_view::npos);
    auto june = space.database("june").value();
    CHECK(june.run([](pb::txn &txn) { return txn.store("x", pb::value(1)); }).failure().code() ==
          PBASE_READ_ONLY);
    auto trial = space.database(std::string("trial")).value();
    CHECK(trial.name() == "trial" &&
          trial.run([](pb::txn &txn) { return txn.drop("numbers"); }).ok());
    CHECK(main.snapshot().value().dict("numbers").ok());
}

static void roots_are_listed()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto txn = main.begin().value();
    auto bag = txn.new_counted_set().value();
    CHECK(bag.add("x", 5).ok() && txn.store("bag", bag).ok());
    CHECK(txn.store("plain", pb::value(1)).ok() && txn.roots().value().size() == 2);
    CHECK(txn.commit().ok());
    auto snapshot = main.snapshot().value();
    auto roots = snapshot.roots().value();
    CHECK(roots.size() == 2 && roots[0].name == "bag" && roots[0].total == 5);
    CHECK(snapshot.root("plain").value().kind == PBASE_ROOT_VALUE);
    CHECK(snapshot.root("plane").failure().is_not_found());
    CHECK(snapshot.sequence() > 0 && snapshot.time().time_since_epoch().count() > 0);
}

static void the_past_is_read_by_sequence_and_time()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto set = [&](int n) {
        auto txn = main.begin().value();
        CHECK(txn.store("n", pb::value(n)).ok());
        return txn.commit().value();
    };
    auto first = set(1);
    auto when = main.snapshot().value().time();
    CHECK(set(2) == first + 1);
    auto at = [&](const pb::moment &moment) {
        return main.snapshot(moment).value().value("n").value().get<int>();
    };
    CHECK(at(pb::moment::sequence(first)) == 1 && at(pb::moment::time(when)) == 1);
    CHECK(at(pb::moment::parse(std::to_string(first + 1)).value()) == 2);
    CHECK(at(pb::moment::parse(pb::to_string(when)).value()) == 1);
    CHECK(main.snapshot(pb::moment::sequence(99)).failure().is_not_found());
    CHECK(pb::moment::parse("yesterday").failure().code() == PBASE_INVALID);
    CHECK(pb::parse_time("2026-11-26T12:00:00+01:00").value() ==
          pb::parse_time("2026-11-26T11:00:00Z").value());
}

static void configurations_are_checked_and_explained()
{
    auto wrong =
        with_plugins(pb::config::yaml("version: 1\nstorage: {type: memori}\ncodecs: [msgpak]\n"));
    auto problems = pb::problems(wrong);
    CHECK(problems.size() == 2 && problems[0].line == 2 && problems[1].line == 3);
    CHECK(problems[0].to_string().find("memory") != std::string::npos);
    std::vector<pb::problem> told;
    pb::space_options options;
    options.report = [&](const pb::problem &one) { told.push_back(one); };
    CHECK(pb::space::open(wrong, options).failure().code() != PBASE_OK && told.size() == 2);
    auto well = with_plugins(pb::config::in_memory()).with("storage.retention_count=3");
    CHECK(pb::problems(well).empty());
    bool seen = false;
    for (const pb::setting &one : pb::settings(well).value()) {
        if (one.path == "storage.retention_count") {
            seen = one.value == "3" && one.origin_name() == "set" && !one.doc.empty();
        }
    }
    CHECK(seen);
    CHECK(pb::settings(wrong).failure().code() != PBASE_OK);
}

static void the_library_tells_what_nobody_asked_for()
{
    auto folder = temp_folder("log");
    std::vector<std::string> told;
    {
        pb::space_options options;
        options.log_level = PBASE_LOG_DEBUG;
        options.log = [&](int, std::string_view component, std::string_view message) {
            told.push_back(std::string(component) + ": " + std::string(message));
        };
        auto space =
            pb::space::open(with_plugins(pb::config::folder(folder.string())), options).value();
        CHECK(space.recovery().created);
        CHECK(space.ensure("main").value().run(fill_numbers).ok());
        CHECK(space.sync().ok() &&
              space.checkpoint(pb::call::within(std::chrono::minutes(1))).ok());
    }
    std::filesystem::remove_all(folder);
    for (const std::string &line : told) {
        CHECK(line.find(": ") != std::string::npos);
    }
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
#endif

void test_spaces()
{
    databases_are_made_renamed_and_branched();
    a_space_on_files_is_there_again();
    a_wrong_configuration_says_where();
    json_goes_in_and_out();
    copies_of_databases_say_what_they_are();
    roots_are_listed();
    the_past_is_read_by_sequence_and_time();
    configurations_are_checked_and_explained();
    the_library_tells_what_nobody_asked_for();
#if PROTOBASE_EXCEPTIONS
    value_of_a_failure_throws();
#endif
}
