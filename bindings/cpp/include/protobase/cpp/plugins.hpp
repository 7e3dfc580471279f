// plugins.hpp - which plugins are installed, what they offer, and what is wrong with a file.
//
//     auto all = protobase::plugins::list().value();
//     for (const pbase_plugin_info &one : all) std::cout << one.name << " " << one.version << "\n";
//
// The infos are the C structs (core's plugins.h), lent by the list. Ownership: a list is its own.
// Threads: immutable once made. Errors: PLUGIN for a folder that others may write, CONFIG.
#ifndef PROTOBASE_CPP_PLUGINS_HPP
#define PROTOBASE_CPP_PLUGINS_HPP
#include <protobase/cpp/config.hpp>

namespace protobase
{

class plugins
{
  public:
    // In the folders that the environment and the installation give, and those of `from`.
    [[nodiscard]] static result<plugins> list(const config &from = {})
    {
        plugins out;
        detail::config_source source(from);
        auto done = detail::checked([&](pbase_error *err) {
            return pbase_plugins_list(source.raw(), out.memory_->raw(), &out.raw_, err);
        });
        if (!done) {
            return done.failure();
        }
        return out;
    }
    [[nodiscard]] const pbase_plugin_info *begin() const
    {
        return raw_.plugins;
    }
    [[nodiscard]] const pbase_plugin_info *end() const
    {
        return raw_.plugins + raw_.count;
    }
    [[nodiscard]] std::size_t size() const
    {
        return raw_.count;
    }
    // "storage/file", "codec/zstd": the component and the plugin that gives it. NOT_FOUND hints.
    struct component {
        const pbase_plugin_info *plugin;
        const pbase_component_info *info;
    };
    [[nodiscard]] result<component> find(detail::name label) const
    {
        component out{};
        auto done = detail::checked([&](pbase_error *err) {
            return pbase_plugins_find(&raw_, label, &out.plugin, &out.info, err);
        });
        if (!done) {
            return done.failure();
        }
        return out;
    }
    [[nodiscard]] static result<std::string> label(const pbase_component_info &of)
    {
        return detail::formatted([&](pbase_buffer *out, pbase_error *err) {
            return pbase_component_info_label(&of, out, err);
        });
    }
    // A JSON Schema of configurations that name these components.
    [[nodiscard]] result<std::string> schema() const
    {
        return detail::formatted([&](pbase_buffer *out, pbase_error *err) {
            return pbase_config_schema(&raw_, out, err);
        });
    }
    // A rule that a plugin file breaks.
    struct finding {
        std::int32_t rule; // PBASE_PLUGIN_RULE_*
        std::string message, hint;
        [[nodiscard]] std::string_view rule_name() const
        {
            return pbase_plugin_rule_name(rule);
        }
    };
    // Checks one file; `load`: runs its code, too. Nothing found: it is well. A failure: it could not be
    // looked at.
    [[nodiscard]] static result<std::vector<finding>> check(detail::name file, bool load = false)
    {
        std::vector<finding> out;
        const auto add = [&](const pbase_plugin_finding &one) {
            out.push_back({one.rule, detail::text_or_nothing(one.message),
                           detail::text_or_nothing(one.hint)});
        };
        using visit_type = detail::visitor<decltype(add)>;
        visit_type visit(add);
        auto done = detail::checked([&](pbase_error *err) {
            return pbase_plugin_check(
                file, load ? PBASE_PLUGIN_CHECK_LOAD : 0,
                [](void *state, const pbase_plugin_finding *one) {
                    (void)(*static_cast<visit_type *>(state))(nullptr, *one);
                },
                &visit, err);
        });
        done = visit.end(done);
        if (!done && done.failure().code() != PBASE_PLUGIN) {
            return done.failure();
        }
        return out;
    }
    // The keys that core reads of a component of that kind, besides the options of its own.
    struct options {
        const pbase_option *first;
        std::size_t count;
        [[nodiscard]] const pbase_option *begin() const
        {
            return first;
        }
        [[nodiscard]] const pbase_option *end() const
        {
            return first + count;
        }
    };
    [[nodiscard]] static options core_options(const char *kind = "storage")
    {
        options out{};
        out.first = pbase_config_core_options(kind, &out.count);
        return out;
    }

  private:
    plugins() : memory_(std::make_unique<detail::arena>())
    {
    }
    std::unique_ptr<detail::arena> memory_; // of everything in the list
    pbase_plugin_list raw_{};
};

} // namespace protobase
#endif
