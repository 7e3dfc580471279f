// test_tools.cpp - checks, figures, plugins
#include "support.hpp"

#include <algorithm>

static void a_space_is_checked_and_has_figures()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    CHECK(main.run(fill_numbers).ok() && space.checkpoint().ok());
    auto report = pb::check(space).value();
    CHECK(report.findings.empty() && report.figures.databases == 1 && report.figures.entries >= 10);
    auto quick = pb::check(space, pb::check_options{true, 5}).value();
    CHECK(quick.findings.empty() && quick.figures.entries == 0 && quick.figures.atoms > 0);
    auto nowhere = pb::recover(with_plugins(pb::config::folder("/nowhere/damaged")),
                               with_plugins(pb::config::folder("/nowhere/saved")));
    CHECK(!nowhere && nowhere.failure().is_not_found());
    CHECK(space.compact().ok());
    std::uint64_t heard = 0;
    auto compacted = space.compact_with([&](std::uint64_t done, std::uint64_t total) {
        heard = done <= total ? total : 0;
        return pb::result<void>();
    });
    CHECK(compacted.ok() && heard > 0);
    CHECK(pb::usage(space).value().live_atoms > 0);
    auto stats = pb::stats(space).value();
    CHECK(std::any_of(stats.begin(), stats.end(),
                      [](const pb::stat &one) { return one.name == "commits" && one.value >= 1; }));
}

static void plugins_are_listed_found_and_checked()
{
    auto from = with_plugins(pb::config());
    auto all = pb::plugins::list(from).value();
    CHECK(all.size() >= 4);
    auto found = all.find("storage/memory").value();
    CHECK(std::string_view(found.info->name) == "memory");
    CHECK(pb::plugins::label(*found.info).value() == "storage/memory");
    auto wrong = all.find("storage/memori");
    CHECK(wrong.failure().is_not_found() &&
          wrong.failure().hint().find("memory") != std::string_view::npos);
    CHECK(all.schema().value().find("2020-12") != std::string::npos);
    CHECK(pb::plugins::check(std::string(found.plugin->path), true).value().empty());
    auto findings = pb::plugins::check("/etc/passwd").value();
    CHECK(!findings.empty() && findings[0].rule_name() == "file" && !findings[0].message.empty());
    CHECK(pb::plugins::check("/nowhere/x.so").failure().is_not_found());
    int options = 0;
    for (const pbase_option &one : pb::plugins::core_options()) {
        options += std::string_view(one.key) == "durability";
    }
    CHECK(options == 1);
}

void test_tools()
{
    a_space_is_checked_and_has_figures();
    plugins_are_listed_found_and_checked();
}
