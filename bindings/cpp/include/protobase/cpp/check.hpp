// check.hpp - verifying a whole space, and its figures.
//
// Ownership: plain values. Threads: synchronized; commits go on meanwhile. Errors: those of looking;
// what is found is no error but in the report.
#ifndef PROTOBASE_CPP_CHECK_HPP
#define PROTOBASE_CPP_CHECK_HPP
#include <protobase/cpp/finding.hpp>
#include <protobase/cpp/space.hpp>

namespace protobase
{

struct check_report {
    pbase_check_report figures{};  // databases, collections, indexes, entries, atoms, bytes
    std::vector<finding> findings; // none: the space is clean
};
struct check_options {
    bool is_quick = false;          // checksums and references alone
    std::uint64_t findings_max = 0; // told one by one; 0: PBASE_CHECK_FINDINGS_MAX
};
// Reads every segment and verifies everything that is kept.
[[nodiscard]] inline result<check_report> check(const space &of, const check_options &options,
                                                const call &wait = {})
{
    check_report out;
    detail::finding_list found(out.findings);
    pbase_check_options raw{};
    raw.each = detail::finding_list::take;
    raw.state = &found;
    raw.is_quick = options.is_quick;
    raw.findings_max = options.findings_max;
    auto done = found.end(detail::checked(of.shared(), [&](pbase_error *err) {
        return pbase_space_check_with(of.raw(), &raw, wait.raw(), &out.figures, err);
    }));
    if (!done) {
        return done.failure();
    }
    return out;
}

[[nodiscard]] inline result<check_report> check(const space &of, const call &wait = {})
{
    return check(of, check_options{}, wait);
}

struct stat {
    std::string name; // docs/stats.md lists them
    std::uint64_t value = 0;
    std::string unit;
};
[[nodiscard]] inline result<std::vector<stat>> stats(const space &of)
{
    std::vector<stat> out;
    auto add = [&](const char *name, std::uint64_t value, const char *unit) {
        out.push_back({name, value, detail::text_or_nothing(unit)});
    };
    using visit_type = detail::visitor<decltype(add)>;
    visit_type visit(add);
    auto done = visit.end(detail::checked(of.shared(), [&](pbase_error *err) {
        return pbase_space_stats(
            of.raw(),
            [](void *state, const char *name, std::uint64_t value, const char *unit,
               pbase_error *cause) {
                return (*static_cast<visit_type *>(state))(cause, name, value, unit);
            },
            &visit, err);
    }));
    if (!done) {
        return done.failure();
    }
    return out;
}

// What of the store the newest state needs.
[[nodiscard]] inline result<pbase_space_usage_report> usage(const space &of, const call &wait = {})
{
    return detail::asked<pbase_space_usage_report>(
        of.shared(), [&](pbase_space_usage_report *out, pbase_error *err) {
            return pbase_space_usage(of.raw(), wait.raw(), out, err);
        });
}

} // namespace protobase
#endif
