// space.hpp - opening a space, and the list of its databases.
//
//     auto space = protobase::space::open(protobase::config::folder("data")).value();
//     auto main = space.ensure("main").value();
//     main.run([](protobase::txn &txn) -> protobase::result<void> {
//         auto people = txn.ensure_dict("people");
//         if (!people) return people.failure();
//         ...
//         return txn.store("people", people.value());
//     }).value();
//
// Ownership: what came from an object keeps it alive: a space is closed when the last database,
// snapshot, transaction and handle of it has gone. Threads: synchronized. Errors: as database.h and
// space.h say; names that are not there come with the nearest one.
#ifndef PROTOBASE_CPP_SPACE_HPP
#define PROTOBASE_CPP_SPACE_HPP
#include <protobase/cpp/config.hpp>
#include <protobase/cpp/database.hpp>

#include <functional>

namespace protobase
{

// Of the library that is running, which may be newer than the headers: "0.1.0".
inline std::string_view version()
{
    return pbase_version();
}

struct space_options {
    bool must_exist = false; // NOT_FOUND instead of making a new space
    // What has no caller to return to (a background checkpoint that failed, a journal tail that was
    // cut): level (PBASE_LOG_*), component, message. From any thread, until the space is closed; it
    // must not block long or call back, and what it throws is lost.
    std::function<void(int, std::string_view, std::string_view)> log;
    int log_level = PBASE_LOG_INFO; // the least important that is told
    // Each problem of the configuration, while opening.
    std::function<void(const problem &)> report;
};

// A database in the list of them.
struct database_info {
    std::string name;
    std::uint32_t kind = PBASE_DATABASE_PLAIN; // PBASE_DATABASE_*
    std::uint64_t sequence = 0;                // of the commit that made it
    std::string origin;                        // of a copy, as it is called now; else ""
};

namespace detail
{
// Hands messages of the library to a function, for as long as the space is there.
class listener final : public node
{
  public:
    explicit listener(const space_options &options)
        : node(nullptr, false), log_(options.log), raw_()
    {
        raw_.level_max = options.log_level;
        raw_.state = this;
        raw_.write = [](const pbase_log *self, int32_t level, const char *component,
                        pbase_bytes message) {
            const auto *mine = static_cast<const listener *>(self->state);
#if PROTOBASE_EXCEPTIONS
            try {
                mine->log_(level, component, text_of(message));
            } catch (...) {
                return;
            }
#else
            mine->log_(level, component, text_of(message));
#endif
        };
    }
    [[nodiscard]] bool is_alive() const override
    {
        return true;
    }
    [[nodiscard]] const pbase_log *raw() const
    {
        return log_ ? &raw_ : nullptr;
    }

  private:
    void finish() override
    {
    }
    std::function<void(int, std::string_view, std::string_view)> log_;
    pbase_log raw_;
};
} // namespace detail

class space
{
  public:
    // `from`: what it listens with, if anything.
    explicit space(pbase_space *raw, std::shared_ptr<detail::node> from = nullptr)
        : raw_(std::move(from), raw)
    {
    }
    [[nodiscard]] static result<space> open(const config &from, const space_options &options = {})
    {
        detail::config_source source(from);
        auto listener = std::make_shared<detail::listener>(options);
        const auto tell = [&](const pbase_config_problem &one) {
            if (options.report) {
                options.report(problem::of(one));
            }
        };
        using visit_type = detail::visitor<decltype(tell)>;
        visit_type visit(tell);
        pbase_space_options raw_options = PBASE_SPACE_OPTIONS_INIT;
        raw_options.must_exist = options.must_exist;
        raw_options.log = listener->raw();
        raw_options.report_state = &visit;
        raw_options.report = [](void *state, const pbase_config_problem *one) {
            (void)(*static_cast<visit_type *>(state))(nullptr, *one);
        };
        pbase_space *raw = nullptr;
        auto done = detail::checked([&](pbase_error *err) {
            return pbase_space_open(source.raw(), &raw_options, &raw, err);
        });
        space opened(raw, std::move(listener));
        done = visit.end(done);
        if (!done) {
            return done.failure();
        }
        return opened;
    }
    [[nodiscard]] static result<space> open(const config &from, bool must_exist)
    {
        space_options options;
        options.must_exist = must_exist;
        return open(from, options);
    }
    [[nodiscard]] result<protobase::database> database(detail::name name) const
    {
        return opened(name, pbase_database_open);
    }
    // Makes it when it is missing.
    [[nodiscard]] result<protobase::database> ensure(detail::name name) const
    {
        return opened(name, pbase_database_ensure);
    }
    result<void> create(detail::name name) const
    {
        return detail::checked(
            raw_, [&](pbase_error *err) { return pbase_database_create(raw(), name, err); });
    }
    result<void> drop(detail::name name) const
    {
        return detail::checked(
            raw_, [&](pbase_error *err) { return pbase_database_drop(raw(), name, err); });
    }
    result<void> rename(detail::name from, detail::name to) const
    {
        return detail::checked(
            raw_, [&](pbase_error *err) { return pbase_database_rename(raw(), from, to, err); });
    }
    // New databases with what `from` holds now, copying nothing: one that stays as it is, and one to
    // be changed.
    result<void> snapshot(detail::name from, detail::name to) const
    {
        return detail::checked(
            raw_, [&](pbase_error *err) { return pbase_database_snapshot(raw(), from, to, err); });
    }
    result<void> branch(detail::name from, detail::name to) const
    {
        return detail::checked(
            raw_, [&](pbase_error *err) { return pbase_database_branch(raw(), from, to, err); });
    }
    // In byte order: the names, what each is, and what one is.
    [[nodiscard]] result<std::vector<std::string>> databases() const
    {
        std::vector<std::string> names;
        auto add = [&](const char *name) { names.emplace_back(name); };
        using visit_type = detail::visitor<decltype(add)>;
        visit_type visit(add);
        auto done = visit.end(detail::checked(raw_, [&](pbase_error *err) {
            return pbase_database_list(
                raw(),
                [](void *state, const char *name, pbase_error *cause) {
                    return (*static_cast<visit_type *>(state))(cause, name);
                },
                &visit, err);
        }));
        if (!done) {
            return done.failure();
        }
        return names;
    }
    [[nodiscard]] result<std::vector<database_info>> infos() const
    {
        std::vector<database_info> out;
        auto add = [&](const pbase_database_info &one) { out.push_back(info_of(one)); };
        using visit_type = detail::visitor<decltype(add)>;
        visit_type visit(add);
        auto done = visit.end(detail::checked(raw_, [&](pbase_error *err) {
            return pbase_database_infos(
                raw(),
                [](void *state, const pbase_database_info *one, pbase_error *cause) {
                    return (*static_cast<visit_type *>(state))(cause, *one);
                },
                &visit, err);
        }));
        if (!done) {
            return done.failure();
        }
        return out;
    }
    [[nodiscard]] result<database_info> describe(detail::name name) const
    {
        detail::arena memory;
        auto raw_info = detail::asked<pbase_database_info>(
            raw_, [&](pbase_database_info *out, pbase_error *err) {
                out->struct_size = sizeof *out;
                return pbase_database_describe(raw(), name, memory.raw(), out, err);
            });
        if (!raw_info) {
            return raw_info.failure();
        }
        return info_of(raw_info.value());
    }
    // Settles the newest state now; the background does it on its own.
    result<void> checkpoint(const call &wait = {}) const
    {
        return detail::checked(
            raw_, [&](pbase_error *err) { return pbase_space_checkpoint(raw(), wait.raw(), err); });
    }
    // Settles it, then gives back what nothing in the store needs any more.
    result<pbase_compact_report> compact(const call &wait = {}) const
    {
        return detail::asked<pbase_compact_report>(
            raw_, [&](pbase_compact_report *out, pbase_error *err) {
                return pbase_space_compact(raw(), wait.raw(), out, err);
            });
    }
    // The same, and calls progress(done, total) now and then: bytes of segments a round has looked at. It
    // gives result<void>; what it fails with ends the compaction.
    template <class Progress>
    result<pbase_compact_report> compact_with(Progress &&progress, const call &wait = {}) const
    {
        using hearing = detail::visitor<std::remove_reference_t<Progress>>;
        hearing hear(progress);
        pbase_compact_report out{};
        pbase_compact_options options{};
        options.struct_size = sizeof options;
        options.state = &hear;
        options.progress = [](void *state, std::uint64_t done, std::uint64_t total,
                              pbase_error *err) {
            return (*static_cast<hearing *>(state))(err, done, total);
        };
        auto ended = hear.end(detail::checked(raw_, [&](pbase_error *err) {
            return pbase_space_compact_with(raw(), &options, wait.raw(), &out, err);
        }));
        if (!ended) {
            return ended.failure();
        }
        return out;
    }
    // Every commit acknowledged before is durable at the storage's `sync` when it returns.
    result<void> sync(const call &wait = {}) const
    {
        return detail::checked(
            raw_, [&](pbase_error *err) { return pbase_space_sync(raw(), wait.raw(), err); });
    }
    // What became of a commit that failed with an unknown outcome: true, it is there.
    [[nodiscard]] result<bool> outcome(pbase_token token, const call &wait = {}) const
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_space_outcome(raw(), wait.raw(), token, out, err);
        });
    }
    // What opening found.
    [[nodiscard]] pbase_recovery recovery() const
    {
        pbase_recovery out{};
        if (raw() != nullptr) {
            pbase_space_recovery(raw(), &out);
        }
        return out;
    }
    // Values as text: the `$` forms of docs/values.md.
    [[nodiscard]] result<value> parse_json(std::string_view text) const
    {
        detail::decoded memory;
        if (raw() == nullptr) {
            return detail::gone();
        }
        return memory.get([&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_json_parse(raw(), detail::raw_text(text), arena, out, err);
        });
    }
    [[nodiscard]] result<std::string> format_json(const view &what) const
    {
        if (raw() == nullptr) {
            return detail::gone();
        }
        return detail::formatted([&](pbase_buffer *out, pbase_error *err) {
            return pbase_json_format(raw(), &what.raw(), out, err);
        });
    }
    [[nodiscard]] pbase_space *raw() const
    {
        return raw_.get();
    }
    // For calls of the layer: the parent of what comes from it.
    [[nodiscard]] auto shared() const
    {
        return raw_.shared();
    }

  private:
    static database_info info_of(const pbase_database_info &raw)
    {
        return {raw.name, raw.kind, raw.sequence, detail::text_or_nothing(raw.origin)};
    }
    result<protobase::database> opened(const char *name,
                                       pbase_status (*find)(pbase_space *, const char *,
                                                            pbase_database **, pbase_error *)) const
    {
        return detail::made<protobase::database, pbase_database>(
            raw_,
            [&](pbase_database **out, pbase_error *err) { return find(raw(), name, out, err); });
    }
    detail::handle<pbase_space, pbase_space_close> raw_;
};

} // namespace protobase
#endif
