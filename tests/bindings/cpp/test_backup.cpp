// test_backup.cpp - a space into folders, files and streams, and back
#include "support.hpp"

#include <filesystem>
#include <sstream>

namespace
{
// A folder that goes with the test.
class scratch
{
  public:
    scratch() : path_(std::filesystem::temp_directory_path() / "pbase-cpp-XXXXXX")
    {
        std::string name = path_.string();
        CHECK(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    scratch(const scratch &) = delete;
    scratch &operator=(const scratch &) = delete;
    ~scratch()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string operator/(const char *name) const
    {
        return (path_ / name).string();
    }

  private:
    std::filesystem::path path_;
};

bool has_numbers(const pb::space &space)
{
    auto numbers = space.database("main").value().snapshot().value().dict("numbers").value();
    return numbers.get(9).value()->get_or<int>(0) == 81;
}
} // namespace

static void a_space_goes_into_a_folder_and_comes_back()
{
    scratch dir;
    auto space = open_memory();
    CHECK(space.ensure("main").value().run(fill_numbers).ok());
    CHECK(pb::backup::increment(space, dir / "b").failure().is_not_found());
    auto full = pb::backup::to_folder(space, dir / "b").value();
    CHECK(full.is_increment == 0 && full.newest_sequence > 1);
    CHECK(pb::backup::increment(space, dir / "b").value().records == 0);
    auto to = with_plugins(pb::config::folder(dir / "new"));
    CHECK(pb::backup::check({dir / "b"}).value().backups == 2);
    CHECK(pb::backup::restore({dir / "b"}, to).value().sequence == full.newest_sequence);
    CHECK(has_numbers(pb::space::open(to, true).value()));
    CHECK(pb::backup::restore({dir / "b"}, to).failure().code() == PBASE_EXISTS);
    pb::restore_options before;
    before.as_of = pb::moment::sequence(1);
    to = with_plugins(pb::config::folder(dir / "old"));
    CHECK(pb::backup::restore({dir / "b"}, to, before).value().sequence == 1);
}

static void a_space_goes_through_streams_and_files()
{
    scratch dir;
    auto space = open_memory();
    CHECK(space.ensure("main").value().run(fill_numbers).ok());
    std::stringstream pipe;
    CHECK(pb::backup::to_stream(space, pipe).ok());
    CHECK(pb::backup::to_file(space, dir / "b").ok());
    CHECK(pb::backup::to_file(space, dir / "b").failure().code() == PBASE_EXISTS);
    pb::backup_options options;
    options.base = dir / "b";
    CHECK(pb::backup::to_file(space, dir / "c", options).value().is_increment == 1);
    CHECK(pb::backup::check({dir / "b", dir / "c"}).ok());
    CHECK(pb::backup::check({dir / "c"}).failure().code() == PBASE_INVALID);
    auto to = with_plugins(pb::config::folder(dir / "new"));
    CHECK(pb::backup::restore({pipe}, to).ok());
    CHECK(has_numbers(pb::space::open(to, true).value()));
    std::ostringstream broken;
    broken.setstate(std::ios::badbit);
    CHECK(pb::backup::to_stream(space, broken).failure().code() == PBASE_IO);
}

static void progress_may_end_it()
{
    auto space = open_memory();
    CHECK(space.ensure("main").value().run(fill_numbers).ok());
    std::ostringstream out;
    pb::backup_options options;
    int calls = 0;
    options.progress = [&](std::uint64_t, std::uint64_t) -> pb::result<void> {
        calls++;
        return pb::error(PBASE_BUSY, "not now");
    };
    CHECK(pb::backup::to_stream(space, out, options).failure().code() == PBASE_BUSY);
    CHECK(calls == 1);
#if PROTOBASE_EXCEPTIONS
    options.progress = [](std::uint64_t, std::uint64_t) -> pb::result<void> { throw 7; };
    bool caught = false;
    try {
        (void)pb::backup::to_stream(space, out, options);
    } catch (int number) {
        caught = number == 7;
    }
    CHECK(caught);
#endif
}

void test_backup()
{
    a_space_goes_into_a_folder_and_comes_back();
    a_space_goes_through_streams_and_files();
    progress_may_end_it();
}
