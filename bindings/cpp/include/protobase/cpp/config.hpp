// config.hpp - where a configuration comes from, and everything that is wrong with it.
//
//     auto place = protobase::config::file("protobase.yaml").with("storage.durability=async");
//     for (const auto &one : protobase::problems(place)) std::cerr << one.to_string() << "\n";
//
// Ownership: all of these are plain values of their own. Threads: as such.
#ifndef PROTOBASE_CPP_CONFIG_HPP
#define PROTOBASE_CPP_CONFIG_HPP
#include <protobase/cpp/value.hpp>

namespace protobase
{

// Where a configuration comes from, and what is added to it.
struct config {
    std::string file_name, text, data; // one of these,
    bool memory = false;               // or this
    std::vector<std::string> sets, plugin_dirs;

    static config file(std::string name)
    {
        return of(&config::file_name, std::move(name));
    }
    static config yaml(std::string text)
    {
        return of(&config::text, std::move(text));
    }
    static config folder(std::string path)
    {
        return of(&config::data, std::move(path));
    }
    static config in_memory()
    {
        config out;
        out.memory = true;
        return out;
    }
    // The same with one value replaced or added: "storage.durability=async".
    [[nodiscard]] config with(std::string set) const
    {
        config out = *this;
        out.sets.push_back(std::move(set));
        return out;
    }

  private:
    static config of(std::string config::*where, std::string what)
    {
        config out;
        out.*where = std::move(what);
        return out;
    }
};

namespace detail
{
inline std::string text_or_nothing(const char *text)
{
    return text == nullptr ? std::string() : std::string(text);
}

// A configuration as the C library reads it; borrows the config.
class config_source
{
  public:
    explicit config_source(const config &from)
    {
        for (const std::string &one : from.sets) {
            sets_.push_back(one.c_str());
        }
        for (const std::string &one : from.plugin_dirs) {
            dirs_.push_back(one.c_str());
        }
        raw_.memory = from.memory;
        raw_.file = chosen(from.file_name);
        raw_.text = chosen(from.text);
        raw_.data = chosen(from.data);
        raw_.sets = sets_.data();
        raw_.set_count = sets_.size();
        raw_.plugin_dirs = dirs_.data();
        raw_.plugin_dir_count = dirs_.size();
    }
    config_source(const config_source &) = delete;
    config_source &operator=(const config_source &) = delete;
    [[nodiscard]] const pbase_config_source *raw() const
    {
        return &raw_;
    }

  private:
    static const char *chosen(const std::string &text)
    {
        return text.empty() ? nullptr : text.c_str();
    }
    pbase_config_source raw_ = PBASE_CONFIG_SOURCE_INIT;
    std::vector<const char *> sets_, dirs_;
};
} // namespace detail

// One thing that is wrong with a configuration.
struct problem {
    pbase_status code = PBASE_CONFIG;
    std::string file;                   // as it was named; "--set storage.type" of an override
    std::uint32_t line = 0, column = 0; // from 1; 0: it has no place in the text
    std::string message, hint;

    [[nodiscard]] static problem of(const pbase_config_problem &raw)
    {
        return {
            raw.code,   detail::text_or_nothing(raw.file),    raw.line,
            raw.column, detail::text_or_nothing(raw.message), detail::text_or_nothing(raw.hint)};
    }
    // "app.yaml:9:7: error: ...; did you mean ...?"
    [[nodiscard]] std::string to_string() const
    {
        pbase_config_problem raw{};
        raw.struct_size = sizeof raw;
        raw.code = code;
        raw.file = file.c_str();
        raw.line = line;
        raw.column = column;
        raw.message = message.c_str();
        raw.hint = hint.c_str();
        auto text = detail::formatted([&](pbase_buffer *out, pbase_error *err) {
            return pbase_config_problem_format(&raw, out, err);
        });
        return text ? std::move(text).value() : message;
    }
};

// One setting as it is in force.
struct setting {
    std::string path;                   // "storage.blocks.path"
    std::string component;              // "block_provider/file", or ""
    std::optional<std::string> value;   // "***" of a secret
    std::optional<std::string> written; // before references were replaced, where that differs
    std::string place, doc;             // "app.yaml:5:12"; one sentence
    std::uint32_t origin = 0;           // PBASE_CONFIG_FROM_*
    // "default", "document", "set", "environment", "source".
    [[nodiscard]] std::string_view origin_name() const
    {
        return pbase_config_origin_name(origin);
    }
};

namespace detail
{
// Gathers problems: the C side takes no failure of it, so lack of memory drops the problem.
inline void take_problem(void *state, const pbase_config_problem *raw)
{
#if PROTOBASE_EXCEPTIONS
    try {
        static_cast<std::vector<problem> *>(state)->push_back(problem::of(*raw));
    } catch (...) {
        return;
    }
#else
    static_cast<std::vector<problem> *>(state)->push_back(problem::of(*raw));
#endif
}
inline std::optional<std::string> text_or_none(const char *text)
{
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
}
} // namespace detail

// Everything that is wrong, in the order of the text; nothing: it is well. Runs no plugin code and
// touches no data.
[[nodiscard]] inline std::vector<problem> problems(const config &from)
{
    std::vector<problem> out;
    detail::config_source source(from);
    auto done = detail::checked([&](pbase_error *err) {
        return pbase_config_check(source.raw(), detail::take_problem, &out, err);
    });
    if (!done && out.empty()) { // what has no place, as lack of memory
        out.push_back({done.failure().code(), std::string(), 0, 0,
                       std::string(done.failure().message()), std::string(done.failure().hint())});
    }
    return out;
}

// Every setting that opening would use, also those nobody wrote. CONFIG: see problems().
[[nodiscard]] inline result<std::vector<setting>> settings(const config &from)
{
    std::vector<setting> out;
    detail::config_source source(from);
    auto add = [&](const pbase_config_setting &raw) {
        out.push_back({detail::text_or_nothing(raw.path), detail::text_or_nothing(raw.component),
                       detail::text_or_none(raw.value), detail::text_or_none(raw.written),
                       detail::text_or_nothing(raw.place), detail::text_or_nothing(raw.doc),
                       raw.origin});
    };
    using visit_type = detail::visitor<decltype(add)>;
    visit_type visit(add);
    auto done = visit.end(detail::checked([&](pbase_error *err) {
        return pbase_config_explain(
            source.raw(), nullptr, nullptr,
            [](void *state, const pbase_config_setting *one, pbase_error *cause) {
                return (*static_cast<visit_type *>(state))(cause, *one);
            },
            &visit, err);
    }));
    if (!done) {
        return done.failure();
    }
    return out;
}

} // namespace protobase
#endif
