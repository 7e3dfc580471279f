// history.hpp - the past of a space: what can still be read, and the commits that led here.
//
//     auto past = protobase::history::range(space).value();       // from which commit on
//     for (const auto &one : protobase::history::commits(space).value()) ...
//     auto then = database.snapshot(protobase::moment::sequence(past.oldest_sequence)).value();
//
// Ownership: all of it is plain values. Threads: synchronized. Errors: NOT_FOUND names the nearest.
#ifndef PROTOBASE_CPP_HISTORY_HPP
#define PROTOBASE_CPP_HISTORY_HPP
#include <protobase/cpp/space.hpp>

namespace protobase
{

struct commit_info {
    std::uint32_t kind = PBASE_COMMIT_TRANSACTION; // PBASE_COMMIT_*
    std::uint64_t sequence = 0;
    timestamp time;
    std::string database, origin; // origin: the name before, or what was copied
    std::uint64_t operations = 0; // changes of entries and roots
    std::uint64_t bytes = 0;      // in the journal
};

namespace history
{
// What can be read: both ends included, times of those commits, what is kept for it.
[[nodiscard]] inline result<pbase_history_range> range(const space &of)
{
    return detail::asked<pbase_history_range>(of.shared(),
                                              [&](pbase_history_range *out, pbase_error *err) {
                                                  out->struct_size = sizeof *out;
                                                  return pbase_history_describe(of.raw(), out, err);
                                              });
}
// Calls `each` (const commit_info &, giving nothing, a bool or a result<void>) for every kept commit
// of the range, both ends included; false and a failure stop.
template <class Each>
result<void> each(const space &of, Each &&each, std::uint64_t from = 0,
                  std::uint64_t to = UINT64_MAX, const call &wait = {})
{
    auto tell = [&](const pbase_commit_info &raw) {
        return each(commit_info{raw.kind, raw.sequence,
                                timestamp(std::chrono::nanoseconds(raw.time_ns)),
                                detail::text_or_nothing(raw.database),
                                detail::text_or_nothing(raw.origin), raw.operations, raw.bytes});
    };
    using visit_type = detail::visitor<decltype(tell)>;
    visit_type visit(tell);
    return visit.end(detail::checked(of.shared(), [&](pbase_error *err) {
        return pbase_history(
            of.raw(), from, to, wait.raw(),
            [](void *state, const pbase_commit_info *one, pbase_error *cause) {
                return (*static_cast<visit_type *>(state))(cause, *one);
            },
            &visit, err);
    }));
}
// The same at once.
[[nodiscard]] inline result<std::vector<commit_info>> commits(const space &of,
                                                              std::uint64_t from = 0,
                                                              std::uint64_t to = UINT64_MAX,
                                                              const call &wait = {})
{
    std::vector<commit_info> out;
    auto done = each(
        of, [&](const commit_info &one) { out.push_back(one); }, from, to, wait);
    if (!done) {
        return done.failure();
    }
    return out;
}
// The state of the database that was called `name` at a moment, also when it is no more.
[[nodiscard]] inline result<snapshot> open(const space &of, detail::name name, const moment &at,
                                           const call &wait = {})
{
    pbase_snapshot *raw = nullptr;
    auto done = detail::checked(of.shared(), [&](pbase_error *err) {
        return pbase_snapshot_open_named(of.raw(), name, at.raw(), wait.raw(), &raw, err);
    });
    if (!done) {
        return done.failure();
    }
    return snapshot(of.shared(), raw);
}
} // namespace history
} // namespace protobase
#endif
