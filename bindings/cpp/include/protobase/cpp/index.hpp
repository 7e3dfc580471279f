// index.hpp - secondary indexes: lookups kept beside a collection, in the same commit.
//
//     protobase::indexes of(database);
//     of.create("people", "by_city", {"city"}).value();
//     for (const auto &one : protobase::list_indexes(snapshot).value()) ...
//
// Ownership: `indexes` shares its database; infos are plain values. Threads: as the database and the
// snapshot. Errors: those of core's index.h.
#ifndef PROTOBASE_CPP_INDEX_HPP
#define PROTOBASE_CPP_INDEX_HPP
#include <protobase/cpp/database.hpp>
#include <protobase/cpp/finding.hpp>

namespace protobase
{

class indexes
{
  public:
    explicit indexes(const database &of) : of_(of.shared())
    {
    }
    // Builds an index on the collection under a root, in one commit. `fields` are paths ("address.zip",
    // "tags[*]"); `unique`: at most one row for each key.
    result<void> create(detail::name root, detail::name name,
                        const std::vector<std::string> &fields, bool unique = false,
                        const call &wait = {}) const
    {
        std::vector<const char *> raw_fields;
        for (const std::string &one : fields) {
            raw_fields.push_back(one.c_str());
        }
        pbase_index_options options{};
        options.struct_size = sizeof options;
        options.unique = unique;
        options.fields = raw_fields.data();
        options.field_count = raw_fields.size();
        return detail::checked(of_, [&](pbase_error *err) {
            return pbase_index_create(of_->raw_, root, name, &options, wait.raw(), err);
        });
    }
    result<void> drop(detail::name root, detail::name name, const call &wait = {}) const
    {
        return detail::checked(of_, [&](pbase_error *err) {
            return pbase_index_drop(of_->raw_, root, name, wait.raw(), err);
        });
    }

  private:
    std::shared_ptr<detail::owned<pbase_database, pbase_database_close>> of_;
};

struct index_info {
    std::string root, name;
    std::vector<std::string> fields;
    bool unique = false, multikey = false;
    std::uint64_t entries = 0;
    std::uint64_t cut = 0; // entries with values too long to be told apart by the index
};

// The indexes of the collection under a root ("": of all), by root and name.
[[nodiscard]] inline result<std::vector<index_info>> list_indexes(const snapshot &on,
                                                                  const std::string &root = {})
{
    std::vector<index_info> out;
    auto add = [&](const pbase_index_info &raw) {
        index_info one;
        one.root = detail::text_of(raw.root);
        one.name = detail::text_of(raw.name);
        for (std::size_t i = 0; i < raw.field_count; i++) {
            one.fields.emplace_back(detail::text_of(raw.fields[i]));
        }
        one.unique = raw.unique;
        one.multikey = raw.multikey;
        one.entries = raw.entries;
        one.cut = raw.cut;
        out.push_back(std::move(one));
    };
    using visit_type = detail::visitor<decltype(add)>;
    visit_type visit(add);
    auto done = visit.end(detail::checked(on.shared(), [&](pbase_error *err) {
        return pbase_index_list(
            on.raw(), root.empty() ? nullptr : root.c_str(),
            [](void *state, const pbase_index_info *one, pbase_error *cause) {
                return (*static_cast<visit_type *>(state))(cause, *one);
            },
            &visit, err);
    }));
    if (!done) {
        return done.failure();
    }
    return out;
}

struct index_report {
    std::uint64_t indexes = 0, rows = 0, entries = 0;
    std::vector<finding> findings; // none: every index says what its collection says
    std::uint64_t found = 0;       // with what was found beyond the first of many
};

// Compares indexes with their collection, entry by entry: of one root or all (""), one or each ("").
[[nodiscard]] inline result<index_report> check_indexes(const snapshot &on,
                                                        const std::string &root = {},
                                                        const std::string &name = {},
                                                        const call &wait = {})
{
    index_report out;
    pbase_index_report raw{};
    detail::finding_list found(out.findings);
    auto done = found.end(detail::checked(on.shared(), [&](pbase_error *err) {
        return pbase_index_check(on.raw(), root.empty() ? nullptr : root.c_str(),
                                 name.empty() ? nullptr : name.c_str(), wait.raw(),
                                 detail::finding_list::take, &found, &raw, err);
    }));
    if (!done) {
        return done.failure();
    }
    out.indexes = raw.indexes;
    out.rows = raw.rows;
    out.entries = raw.entries;
    out.found = raw.findings;
    return out;
}

} // namespace protobase
#endif
