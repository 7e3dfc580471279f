// backup.hpp - a space copied while it is in use, and brought back.
//
//     protobase::backup::to_folder(space, "backups").value();                // a full one
//     protobase::backup::increment(space, "backups").value();                // what is new since
//     protobase::backup::restore({"backups"}, protobase::config::folder("new")).value();
//
// Ownership: plain values. Threads: synchronized; commits go on during a backup. Errors: those of core's
// backup.h.
#ifndef PROTOBASE_CPP_BACKUP_HPP
#define PROTOBASE_CPP_BACKUP_HPP
#include <protobase/cpp/moment.hpp>
#include <protobase/cpp/space.hpp>

#include <istream>
#include <optional>
#include <ostream>

namespace protobase
{

struct backup_options {
    std::string base; // the backup to continue, a file or a folder of them; "": a full one
    // Bytes done and in all (0: not known), now and then; what it fails with, or false, ends the work.
    std::function<result<void>(std::uint64_t, std::uint64_t)> progress;
};

struct restore_options {
    std::optional<moment> as_of; // nothing: the newest commit there is
    std::function<result<void>(std::uint64_t, std::uint64_t)> progress;
};

namespace backup
{
namespace detail
{
using namespace protobase::detail;
// A function as the C library calls it; without one, nothing is called.
class teller
{
  public:
    explicit teller(const std::function<result<void>(std::uint64_t, std::uint64_t)> &tell)
        : tell_([this](std::uint64_t done, std::uint64_t total) { return given_(done, total); }),
          given_(tell), visit_(tell_)
    {
    }
    teller(const teller &) = delete;
    teller &operator=(const teller &) = delete;
    template <class Options> void set(Options &options)
    {
        if (given_) {
            options.progress_state = &visit_;
            options.progress = [](void *state, std::uint64_t done, std::uint64_t total,
                                  pbase_error *cause) {
                return (*static_cast<visitor<function> *>(state))(cause, done, total);
            };
        }
    }
    result<void> end(result<void> done)
    {
        return visit_.end(std::move(done));
    }

  private:
    using function = std::function<result<void>(std::uint64_t, std::uint64_t)>;
    function tell_, given_;
    visitor<function> visit_;
};

inline result<pbase_backup_report> run(const space &of, pbase_backup_options &raw,
                                       const backup_options &options, const call &wait)
{
    pbase_backup_report out{};
    teller tell(options.progress);
    tell.set(raw);
    raw.base = options.base.empty() ? nullptr : options.base.c_str();
    auto done = tell.end(checked(of.shared(), [&](pbase_error *err) {
        return pbase_backup(of.raw(), &raw, wait.raw(), &out, err);
    }));
    if (!done) {
        return done.failure();
    }
    return out;
}
} // namespace detail

// One more numbered file in a folder, which is made if it is not there.
inline result<pbase_backup_report> to_folder(const space &of, protobase::detail::name folder,
                                             const backup_options &options = {},
                                             const call &wait = {})
{
    pbase_backup_options raw = PBASE_BACKUP_OPTIONS_INIT;
    raw.folder = folder;
    return detail::run(of, raw, options, wait);
}
// The same, with only what the newest backup in it lacks. NOT_FOUND: there is none.
inline result<pbase_backup_report> increment(const space &of, protobase::detail::name folder,
                                             const backup_options &options = {},
                                             const call &wait = {})
{
    pbase_backup_options raw = PBASE_BACKUP_OPTIONS_INIT;
    raw.folder = folder;
    raw.is_increment = true;
    return detail::run(of, raw, options, wait);
}
// A file, which must not be there yet.
inline result<pbase_backup_report> to_file(const space &of, protobase::detail::name file,
                                           const backup_options &options = {},
                                           const call &wait = {})
{
    pbase_backup_options raw = PBASE_BACKUP_OPTIONS_INIT;
    raw.file = file;
    return detail::run(of, raw, options, wait);
}
// A stream. IO: it failed.
inline result<pbase_backup_report> to_stream(const space &of, std::ostream &out,
                                             const backup_options &options = {},
                                             const call &wait = {})
{
    auto put = [&](pbase_bytes bytes) -> result<void> {
        out.write(reinterpret_cast<const char *>(bytes.data),
                  static_cast<std::streamsize>(bytes.size));
        return out ? result<void>()
                   : result<void>(error(PBASE_IO, "the stream that a backup is written to failed"));
    };
    using visit_type = protobase::detail::visitor<decltype(put)>;
    visit_type visit(put);
    pbase_backup_options raw = PBASE_BACKUP_OPTIONS_INIT;
    raw.write_state = &visit;
    raw.write = [](void *state, pbase_bytes bytes, pbase_error *cause) {
        return (*static_cast<visit_type *>(state))(cause, bytes);
    };
    auto report = detail::run(of, raw, options, wait);
    auto done = visit.end(report ? result<void>() : result<void>(report.failure()));
    if (!done) {
        return done.failure();
    }
    return report;
}

// Where backups are: a folder, or a full one and the increments that continue it, as files or streams.
class source
{
  public:
    source(const char *path) : path_(path)
    {
    }
    source(std::string path) : path_(std::move(path))
    {
    }
    source(std::istream &stream) : stream_(&stream)
    {
    }
    // Lent while the source stays where it is.
    [[nodiscard]] pbase_backup_source raw() const
    {
        pbase_backup_source out{};
        if (stream_ == nullptr) {
            out.path = path_.c_str();
            return out;
        }
        out.read_state = stream_;
        out.read = [](void *state, void *bytes, std::size_t size, std::size_t *got,
                      pbase_error *cause) {
            auto *stream = static_cast<std::istream *>(state);
            stream->read(static_cast<char *>(bytes), static_cast<std::streamsize>(size));
            *got = static_cast<std::size_t>(stream->gcount());
            return stream->bad()
                       ? PBASE_FAIL(cause, PBASE_IO, "the stream that a backup is read from failed")
                       : PBASE_OK;
        };
        return out;
    }

  private:
    std::string path_;
    std::istream *stream_ = nullptr;
};

namespace detail
{
inline result<pbase_restore_report> read(const pbase_config_source *to,
                                         const std::vector<source> &from,
                                         const restore_options &options, const call &wait)
{
    std::vector<pbase_backup_source> sources;
    for (const source &one : from) {
        sources.push_back(one.raw());
    }
    pbase_restore_options raw = PBASE_RESTORE_OPTIONS_INIT;
    pbase_restore_report out{};
    teller tell(options.progress);
    tell.set(raw);
    raw.check_only = to == nullptr;
    raw.as_of = options.as_of ? options.as_of->raw() : nullptr;
    auto done = tell.end(checked([&](pbase_error *err) {
        return pbase_restore(to, sources.data(), sources.size(), &raw, wait.raw(), &out, err);
    }));
    if (!done) {
        return done.failure();
    }
    return out;
}
} // namespace detail

// Makes a space of them in the empty place that `to` describes; it is opened afterwards like any other.
inline result<pbase_restore_report> restore(const std::vector<source> &from, const config &to,
                                            const restore_options &options = {},
                                            const call &wait = {})
{
    protobase::detail::config_source place(to);
    return detail::read(place.raw(), from, options, wait);
}
// Reads and checks everything, and restores nothing.
inline result<pbase_restore_report> check(const std::vector<source> &from,
                                          const restore_options &options = {},
                                          const call &wait = {})
{
    return detail::read(nullptr, from, options, wait);
}
} // namespace backup

} // namespace protobase
#endif
